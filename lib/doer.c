#include "doer.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

enum { GRACE = 30 * 1000 };		/* ms for its last words */

static bool
stops(const struct doer *d)
{
	return d->deeds.handler->stopping(d->deeds.context);
}

static bool
refuse(struct doer *d, const char *error)
{
	d->deeds.error = error;
	return false;
}

/* A speaker that does not read is not waited for.  Who hears of a stop begins
 * nothing more. */
static bool
send_packet(struct doer *d, struct span rest, enum doer_says says)
{
	struct text t = { d->space, 0, sizeof d->space };

	frame_number(&t, says);
	text_span(&t, rest);
	d->asked = channel_now();
	d->told_to_stop |= says != DOER_ANSWERS;
	return send(d->pair, t.ptr, t.len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
	    errno == EPIPE || refuse(d, "answers are not read");
}

/* A session has an end, whatever the speaker thinks of it. */
static long long
deadline(const struct doer *d)
{
	const struct protocol_config *c = d->deeds.ledger.config;
	long long by = d->since + c->session_timeout;

	if (d->told_to_stop)
		return d->asked + GRACE;
	if (c->session_timeout == 0)
		return CHANNEL_FOREVER;
	return (by > d->asked ? by : d->asked) + c->timeout + GRACE;
}

static bool
await_packet(struct doer *d)
{
	enum channel_status status;

	do {
		if (stops(d) && !d->told_to_stop &&
		    !send_packet(d, span_of(""), DOER_STOPS))
			return false;
		status = channel_wait(d->let_in, d->pair, -1, deadline(d));
	} while (status == CHANNEL_INTERRUPTED);
	return status == CHANNEL_OK || refuse(d, "silent for too long");
}

/* What there is to answer.  A password is nowhere from then on. */
static bool
send_answer(struct doer *d)
{
	struct deeds *e = &d->deeds;

	if (e->proof) {
		octets_erase(d->space, sizeof d->space);
		stack_erase();
		e->proof = false;
	}
	return e->answer.len == 0 || send_packet(d, text_span_of(&e->answer),
	    stops(d) ? DOER_ANSWERS_AND_STOPS : DOER_ANSWERS);
}

/* One that fills all the space may have been cut; none is its end, whose status
 * tells why. */
static bool
take_next(struct doer *d)
{
	ssize_t n;

	if (!await_packet(d))
		return false;
	n = read(d->pair, d->space, sizeof d->space);
	if (n == sizeof d->space)
		return refuse(d, "a packet too long");
	return n > 0 && deed_take(&d->deeds, (struct span){ d->space,
	    (size_t)n }) && send_answer(d);
}

/* Who has left, or has said all, is waited for a while; else it is killed. */
static void
end_speaker(struct doer *d)
{
	enum { LEAVING = 1000 };	/* ms */
	long long by = channel_now() + LEAVING;
	pid_t ended = 0;

	while (d->deeds.error == NULL && ended == 0 && channel_now() < by) {
		ended = waitpid(d->speaker, &d->status, WNOHANG);
		if (ended == 0)
			channel_wait(d->let_in, -1, -1, by);
	}
	if (ended != 0)
		return;
	kill(d->speaker, SIGKILL);
	waitpid(d->speaker, &d->status, 0);
	if (d->deeds.error == NULL && !deed_is_over(&d->deeds))
		refuse(d, "left without a word");
}

bool
doer_serve(struct doer *d)
{
	struct deeds *e = &d->deeds;

	d->since = d->asked = channel_now();
	process_prepare();
	deed_begin(e);
	while (!deed_is_over(e) && take_next(d))
		;
	end_speaker(d);
	deed_give_up(e);
	return deed_is_over(e) && e->error == NULL;
}

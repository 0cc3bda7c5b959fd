#include "doer.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

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
	if (says != DOER_ANSWERS && !d->told_to_stop) {
		d->told_to_stop = true;
		d->by = channel_now() + d->grace;
	}
	return send(d->pair, t.ptr, t.len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
	    errno == EPIPE || errno == ECONNRESET ||
	    refuse(d, "answers are not read");
}

/* When it is to have ended by itself, last words and all. */
static long long
usual_end(const struct doer *d)
{
	const struct protocol_config *c = d->deeds.ledger.config;

	return c->session_timeout == 0 ? CHANNEL_FOREVER : channel_now() +
	    c->session_timeout + c->timeout + d->grace;
}

/* Who was told to stop may wait for one answer that takes long, which the
 * client is to hear; another one would be asked for the time that it takes. */
static void
allow_for(struct doer *d, long long since)
{
	enum { LONG = 1000 };		/* ms */
	long long now = channel_now();

	if (!d->told_to_stop || d->allowed || now - since < LONG)
		return;
	d->allowed = true;
	d->by = now + d->grace;
}

/* No time limit of the session cuts off runs that are due; to each the client
 * gets a reply before the next. */
static void
allow_for_runs(struct doer *d)
{
	long long by = channel_now() + d->deeds.ledger.config->timeout +
	    d->grace;

	if (!d->told_to_stop && deed_has_runs(&d->deeds) && d->by < by)
		d->by = by;
}

/* A session has an end, whatever the speaker thinks of it, and however much it
 * asks: it is told so first. */
static bool
may_go_on(struct doer *d)
{
	bool late = channel_now() >= d->by;

	if (d->told_to_stop)
		return !late || refuse(d, "no end in time");
	return !(late || stops(d)) || send_packet(d, span_of(""), DOER_STOPS);
}

static bool
await_packet(struct doer *d)
{
	enum channel_status status;

	do {
		if (!may_go_on(d))
			return false;
		status = channel_wait(d->let_in, d->pair, -1, d->by);
	} while (status == CHANNEL_INTERRUPTED || status == CHANNEL_TIMEOUT);
	return status == CHANNEL_OK || refuse(d, "it cannot be waited for");
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

/* That the speaker ended before it read all of what we said, a stop, is an
 * error that Linux tells once, and before what the speaker said last. */
static ssize_t
read_packet(struct doer *d)
{
	ssize_t n = read(d->pair, d->space, sizeof d->space);

	if (n < 0 && errno == ECONNRESET)
		n = read(d->pair, d->space, sizeof d->space);
	return n;
}

/* One that fills all the space may have been cut; none is its end, whose status
 * tells why. */
static bool
take_next(struct doer *d)
{
	long long since;
	ssize_t n;
	bool good;

	if (!await_packet(d))
		return false;
	n = read_packet(d);
	if (n == sizeof d->space)
		return refuse(d, "a packet too long");
	since = channel_now();
	good = n > 0 && deed_take(&d->deeds, (struct span){ d->space,
	    (size_t)n });
	allow_for(d, since);
	allow_for_runs(d);
	return good && send_answer(d);
}

/* Who has left without a word is waited for a while: its status says why.  Who
 * has said all has nothing left to do, and is not waited for. */
static void
end_speaker(struct doer *d)
{
	enum { LEAVING = 1000 };	/* ms */
	long long by = channel_now() + LEAVING;
	pid_t ended = 0;

	while (d->deeds.error == NULL && !deed_is_over(&d->deeds) &&
	    ended == 0 && channel_now() < by) {
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

	d->by = usual_end(d);
	process_prepare();
	deed_begin(e);
	while (!deed_is_over(e) && take_next(d))
		;
	end_speaker(d);
	deed_give_up(e);
	return deed_is_over(e) && e->error == NULL;
}

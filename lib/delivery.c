#include "delivery.h"

#include <stdlib.h>
#include <string.h>

#include "event.h"

enum { TERM_TO_KILL = 5000 };		/* ms */

static size_t
words_of(char *const *command)
{
	size_t n = 0;

	while (command[n] != NULL)
		n++;
	return n;
}

/* The command's words and those of the recipients (rule 3); NULL and errno
 * where memory is short. */
static char *const *
with_recipients(struct delivery *d, const struct facts *f)
{
	size_t n = words_of(d->command), i;
	struct span to;
	char **argv, *at;

	free(d->arguments);
	d->arguments = argv = malloc((n + f->count + 1) * sizeof *argv +
	    f->count + ENVELOPE_LIST_MAX);
	if (argv == NULL)
		return NULL;
	memcpy(argv, d->command, n * sizeof *argv);
	at = (char *)(argv + n + f->count + 1);
	for (i = f->first; i < f->first + f->count; i++) {
		to = envelope_recipient(f->envelope, i).whole;
		argv[n++] = at;
		span_copy(to, at, to.len + 1);
		at += to.len + 1;
	}
	argv[n] = NULL;
	return argv;
}

/* What there is to say of so many of the message's recipients. */
static struct facts
facts_of(const struct delivery *d, size_t first, size_t count)
{
	const struct message *m = d->message;
	struct facts f = { .envelope = m->envelope, .peer = m->peer,
	    .message = m, .id = m->id, .first = first, .count = count };

	if (count > 0)
		f.to = envelope_recipient(f.envelope, first);
	return f;
}

/* With a message that is whole; last: there will be no further run. */
static void
run(struct delivery *d, const struct facts *f, bool last, struct reply *reply)
{
	struct process p = { .limit = d->limit, .grace = TERM_TO_KILL };
	char *const *argv = d->append_recipients ? with_recipients(d, f) :
	    d->command;
	struct outcome how;
	bool chosen;

	runner_run(d->runner, d->command[0], argv,
	    spool_next_reader(&d->message->spool, last), &p, f, &how);
	chosen = verdict_of_run(outcome_status(&how),
	    &d->runner->output->words, d->message->okay, reply);
	event_message(d->log, f, d->command[0], &how, reply, chosen,
	    d->since);
}

void
delivery_begin(struct delivery *d, const struct envelope *envelope,
    long long since)
{
	long long now = channel_now();

	message_begin(d->message, envelope);
	d->accepted = false;
	d->done = 0;
	d->since = since > 0 && since < now ? since : now;
	d->message->date -= (time_t)((now - d->since) / 1000);
}

bool
delivery_append(struct delivery *d, struct span data, struct reply *reply)
{
	if (message_append(d->message, data))
		return true;
	*reply = verdict_of_storage(d->message->spool.error);
	return false;
}

void
delivery_commit(struct delivery *d, size_t recipient, struct reply *reply)
{
	struct message *m = d->message;
	size_t all = m->envelope->recipients;
	struct facts f = recipient == PROTOCOL_ALL ? facts_of(d, 0, all) :
	    facts_of(d, recipient, 1);

	d->done = f.first + f.count;
	if (message_complete(m))
		run(d, &f, d->done == all, reply);
	else {
		*reply = verdict_of_storage(m->spool.error);
		event_no_run(d->log, &f, reply, NULL, d->since);
	}
	d->since = channel_now();
	if (reply->code == 250 && !d->accepted) {
		d->accepted = true;
		d->messages++;
	}
	if (d->done == all)
		spool_close(&m->spool);
}

void
delivery_discard(struct delivery *d, const struct reply *why, const char *hint)
{
	struct facts left = facts_of(d, d->done,
	    d->message->envelope->recipients - d->done);

	event_no_run(d->log, &left, why, hint, d->since);
	spool_close(&d->message->spool);
}

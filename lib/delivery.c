#include "delivery.h"

#include <stdlib.h>
#include <string.h>

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
	    f->count + PROTOCOL_LIST_MAX);
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

bool
deliver(struct delivery *d, const struct facts *f, int in,
    struct outcome *how, struct reply *reply)
{
	struct process p = { .limit = d->limit, .grace = TERM_TO_KILL };

	runner_run(d->runner, d->command[0], d->append_recipients ?
	    with_recipients(d, f) : d->command, in, &p, f, how);
	return verdict_of_run(outcome_status(how), &d->runner->output.words,
	    f->message->okay, reply);
}

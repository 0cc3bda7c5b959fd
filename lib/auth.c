#include "auth.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "file.h"

enum { CHECKPASSWORD_MAX = 512 };	/* octets on descriptor 3 */

/* name NUL password NUL timestamp NUL; false where that is too long. */
static bool
put_credentials(struct text *t, const struct sasl *who)
{
	text_span(t, who->name);
	text_char(t, '\0');
	text_span(t, who->password);
	text_char(t, '\0');
	text_number(t, (unsigned long long)time(NULL));
	text_char(t, '\0');
	return t->len < t->size;
}

/* A pipe that holds them, and their end; -1 and errno. */
static int
open_credentials(struct span credentials)
{
	int end[2];
	bool written;

	if (!process_pipe(end))
		return -1;
	written = file_write(end[1], credentials);	/* the pipe has room */
	close(end[1]);
	if (written)
		return end[0];
	close(end[0]);
	return -1;
}

static void
run_command(struct auth *a, int credentials, const struct envelope *envelope)
{
	const char *argv[] = { "sh", "-c", a->command, NULL };
	struct facts f = facts_of_client(envelope, a->peer);
	struct process p = { .limit = a->limit, .grace = RUNNER_GRACE,
	    .whole_group = true, .max_output = RUNNER_OUTPUT_MAX,
	    .three = credentials };

	runner_run(a->runner, "/bin/sh", (char *const *)argv,
	    credentials < 0 ? -1 : file_open("/dev/null", 0), &p, &f, &a->how);
	if (credentials >= 0)
		close(credentials);
}

enum auth_result
auth_ask(struct auth *a, const struct sasl *who,
    const struct envelope *envelope)
{
	char space[CHECKPASSWORD_MAX + 1];
	struct text t = { space, 0, sizeof space };
	enum auth_result result = AUTH_REFUSED;

	a->peer->user[0] = '\0';
	span_copy(span_of(sasl_mechanism(who)), a->peer->method,
	    sizeof a->peer->method);
	if (put_credentials(&t, who)) {
		run_command(a, open_credentials(text_span_of(&t)), envelope);
		result = verdict_of_auth(outcome_status(&a->how),
		    a->runner->output->octets == 0);
	}
	octets_erase(space, sizeof space);
	if (result == AUTH_ACCEPTED)
		span_copy(who->name, a->peer->user, sizeof a->peer->user);
	else
		a->peer->method[0] = '\0';
	return result;
}

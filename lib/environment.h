/*
 * environment - the facts of a message as variables: ENVIRONMENT in smtpd.8
 * (rules 3 and 6)
 *
 * What a run, a look-up and the log say of a message is made from the same
 * facts.  No value holds a control octet but the newlines that the manual
 * names.
 */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

#include "message.h"

/* Of a run: recipients [first, first + count) of the envelope.  Of a look-up,
 * which has no message yet: one who is not in the envelope, at a time when not
 * all of that is known. */
struct facts {
	const struct envelope *envelope;
	const struct peer *peer;
	const struct message *message;	/* NULL: a look-up */
	const char *id;			/* of the transaction; NULL: none */
	size_t first, count;
	struct mailbox to;		/* where count is 1; look-ups of who */
					/* sends have none */
	struct span options;		/* a look-up's: its parameters */
};

/* Of who sends, before there is a recipient: what AUTH and TLS ask about. */
struct facts facts_of_client(const struct envelope *envelope,
    const struct peer *peer);

/* The client's address, "" where it is unknown, and its word for itself, with
 * ptr NULL likewise: of who sent the message, where that is known to be another
 * than the peer. */
const char *facts_address(const struct facts *f);
struct span facts_helo(const struct facts *f);

enum { ENVIRONMENT_MAX = 4096 };	/* variables of a command */

struct environment {
	size_t inherited;
	char *variables[ENVIRONMENT_MAX + 1];	/* inherited, then ours */
	char space[4 * ENVELOPE_LIST_MAX];
};

/* Takes what every run inherits of our own environment, once.  False and errno
 * where it is too large. */
bool environment_inherit(struct environment *v);

/* The whole environment for a run with these facts, as execve(2) takes it;
 * valid until the next call. */
char *const *environment_of(struct environment *v, const struct facts *f);

#endif

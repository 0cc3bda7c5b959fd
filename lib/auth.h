/*
 * auth - who sends, by another program's word
 *
 * The program gets a name and a password as checkpassword's interface has them,
 * on descriptor 3, and nowhere else: neither in its arguments nor in its
 * environment.
 */
#ifndef AUTH_H
#define AUTH_H

#include "runner.h"
#include "sasl.h"

struct auth {
	/* to be set */
	struct runner *runner;
	struct peer *peer;		/* gets user and method */
	const char *command;		/* a shell's */
	long long limit;		/* ms that it may run */
	/* ---- */
	struct outcome how;		/* readable after ERROR: how it ended */
};

/* Asks about a name and a password.  Only ACCEPTED makes peer->user known; what
 * was known before is forgotten. */
enum auth_result auth_ask(struct auth *a, const struct sasl *who,
    const struct envelope *envelope);

#endif

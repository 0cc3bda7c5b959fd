/*
 * tls - TLS, by another process: no key and no library here
 *
 * Before us, in the launcher.  Or, on STARTTLS, in a process beside us: that of
 * a UCSPI-TLS launcher, or a command, which gets the connection and one end of
 * a socket pair.  From then on nothing goes to the client but through it.
 */
#ifndef TLS_H
#define TLS_H

#include <sys/types.h>

#include "runner.h"

enum { TLS_GRACE = 2 * 1000 };		/* ms from our half-close to SIGKILL */

/* Zeroed, there is none.  Members are its own, but for those to be set. */
struct tls {
	/* to be set */
	struct runner *runner;
	struct peer *peer;		/* gets protocol and cipher */
	const char *command;		/* a shell's; NULL: none */
	const int *ucspi;		/* to be set too: launcher.tls */
	bool log_is_client;		/* descriptor 2 is the connection too */
	long long limit;		/* ms that a handshake may take */
	bool (*stopping)(void);
	/* ---- */
	pid_t pid;			/* of the command; 0: it does not run */
	int pair;			/* our end */
	int status, output;		/* of it; pipes that we read */
	const char *error;		/* why there is no TLS */
};

/* Was TLS done before us?  By the option that says so, or by the variables of
 * launchers that give us no internet socket then; these are kept in p. */
bool tls_is_before_us(struct peer *p, bool option);

/* Before the 220: starts the command.  False: it cannot be had now. */
bool tls_prepare(struct tls *t, const struct envelope *envelope);

/* After it: until the handshake is done.  0, 1 and, where it is the connection
 * too, 2 are no longer open to it.  True: clear text is read from fd[0] and
 * written to fd[1].  False: see error. */
bool tls_start(struct tls *t, int fd[2]);

/* The connection is to end with the command, whatever that left behind.  To be
 * called after each wait; costs nothing where there is no command. */
void tls_watch(struct tls *t);

/* With the session: ends the command, and logs what it has said. */
void tls_end(struct tls *t);

#endif

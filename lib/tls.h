/*
 * tls - TLS, by another process: no key and no library here
 *
 * On STARTTLS, in a process beside us: that of a UCSPI-TLS launcher, or a
 * command, which gets the connection and one end of a socket pair.  From then
 * on nothing goes to the client but through it.  (Before us: see peer.h.)
 */
#ifndef TLS_H
#define TLS_H

#include <sys/types.h>

#include "runner.h"

enum { TLS_GRACE = 2 * 1000 };		/* ms from our half-close to SIGKILL */

/* Zeroed, there is none.  Members are its own, but for those to be set; error
 * and how can be read where there is no TLS. */
struct tls {
	/* to be set */
	struct runner *runner;
	struct peer *peer;		/* gets protocol and cipher */
	const char *command;		/* a shell's; NULL: none */
	const int *ucspi;		/* to be set too: launcher.tls */
	bool log_is_client;		/* descriptor 2 is the connection too */
	long long limit;		/* ms that a handshake may take */
	bool apart;			/* another process reads and writes */
					/* clear text: tls_open comes first */
	bool (*stopping)(void);
	/* ---- */
	pid_t pid;			/* of the command; 0: it does not run */
	int pair, theirs;		/* our end, and the command's */
	int status, output;		/* of it; pipes that we read */
	const char *error;		/* why there is no TLS */
	struct outcome how;		/* how the command ended, if it did */
					/* before that */
};

/* There is no TLS, for this reason; false. */
static inline bool
tls_give_up(struct tls *t, const char *error)
{
	t->error = error;
	return false;
}

/* Before there is that other process: makes the pair, for all of the session.
 * fd: where clear text is, if it comes to that.  False and errno. */
bool tls_open(struct tls *t, int fd[2]);

/* Clear text of a launcher's is that process's from now on. */
void tls_leave_clear(const struct tls *t);

/* Takes 0, 1 and, where it is the connection too, 2 off the connection. */
void tls_leave_connection(const struct tls *t);

/* Before the 220: starts the command.  PIPELINED, where the client has sent
 * anything meanwhile, and NOT_NOW leave nothing of it; with NOT_NOW error and
 * how say why. */
enum protocol_tls tls_prepare(struct tls *t, const struct envelope *envelope);

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

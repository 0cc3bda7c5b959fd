/*
 * launcher - what the launcher left us: descriptors and signals (rule 6)
 */
#ifndef LAUNCHER_H
#define LAUNCHER_H

#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>

struct launcher {
	struct stat descriptor[3];	/* st_mode 0: it was closed */
	int tls[3];			/* UCSPI-TLS: control, read, write; */
					/* 0: not there */
};

/* Holds back all the signals that anybody waits for, but inside channel_wait,
 * so that none comes between a look and a wait; SIGPIPE and SIGXFSZ there too,
 * where errno tells.  To be called first. */
void launcher_take_signals(void);

/* SIGTERM, SIGINT or SIGHUP came: the session is to end as soon as it can. */
bool launcher_stops(void);

/* Sees to it that 0, 1 and 2 are open, and nothing else is but what UCSPI-TLS
 * needs, if all of that is.  Looks into the environment for it, and for
 * systemd's socket, whose variables it takes out.  False and errno: there is
 * nothing to work with. */
bool launcher_take_descriptors(struct launcher *l);

/* A PATH where it left none: openbsd-inetd does. */
void launcher_take_path(void);

/* Is there somebody who could be told 421?  Did we get both directions of a
 * connection? */
bool launcher_has_client(const struct launcher *l);
bool launcher_has_connection(const struct launcher *l);

/* Rule 4: is descriptor 2 the client's, as inetd leaves it? */
bool launcher_log_is_client(const struct launcher *l);

/* Tells a person at a terminal what to type, on descriptor 2. */
void launcher_greet_person(const struct launcher *l);

/* Does descriptor 0 listen, so that there is no connection yet? */
bool launcher_left_listener(void);

/* The signals that a command would inherit as ignored; those with a handler are
 * put back by the exec itself. */
void launcher_find_ignored(sigset_t *ignored);

#endif

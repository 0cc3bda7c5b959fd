/*
 * launcher - what the launcher left us: descriptors and signals (rule 6)
 */
#ifndef LAUNCHER_H
#define LAUNCHER_H

#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>

/* Members are readable. */
struct launcher {
	struct stat descriptor[3];	/* st_mode 0: it was closed */
	bool log_is_client;		/* rule 4: descriptor 2 is the client's */
					/* too, as inetd leaves it */
	int tls[3];			/* UCSPI-TLS: control, read, write; */
					/* 0: not there */
	int first, sockets;		/* that it left for us to look at: */
					/* descriptors first and on; 0: none */
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

/* Closes all above 2 but these; 0: none. */
void launcher_close_all_but(const int kept[3]);

/* A PATH where it left none: openbsd-inetd does. */
void launcher_take_path(void);

/* Is there somebody who could be told 421?  Did we get both directions of a
 * connection? */
bool launcher_has_client(const struct launcher *l);
bool launcher_has_connection(const struct launcher *l);

/* Tells a person at a terminal what to type, on descriptor 2. */
void launcher_greet_person(const struct launcher *l);

/* Did it leave sockets that listen, and no connection?  Then these are l's
 * sockets, and descriptor 0 is none of them any more.  unconnected: it is a
 * socket with no other end.  NONE: there is a connection, or whatever else
 * stands on 0.  WRONG: not all of l's sockets listen, 0 can be no connection,
 * or descriptors are lacking; *why says so. */
enum launcher_left { LAUNCHER_NONE, LAUNCHER_LISTENS, LAUNCHER_WRONG };
enum launcher_left launcher_find_listeners(struct launcher *l,
    bool unconnected, const char **why);

/* Is it a stream socket that listens? */
bool launcher_listens(int fd);

/* Takes out of the environment what it says of a client, whom a socket that
 * listens does not have. */
void launcher_forget_client(struct launcher *l);

/* From now on there is the connection that was accepted, on 0 and 1. */
void launcher_take_connection(struct launcher *l, int fd);

/* The signals that a command would inherit as ignored; those with a handler are
 * put back by the exec itself. */
void launcher_find_ignored(sigset_t *ignored);

#endif

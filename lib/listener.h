/*
 * listener - sockets that listen: a process for each connection, and limits
 *
 * Who accepts waits for nobody but for connections and for the ends of its
 * sessions: a client that is turned away gets one write that does not wait.
 * The sockets are the launcher's and may be shared: their flags stay as they
 * are, and one that another process has emptied is waited for.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <sys/types.h>

#include "launcher.h"
#include "lists.h"
#include "log.h"
#include "peer.h"
#include "reply.h"

/* A session that is on. */
struct place {
	pid_t pid;
	char address[IP_SIZE], port[IP_PORT_SIZE];
	char owner[IP_SIZE];		/* for whom it counts; "": nobody */
};

struct listener {
	/* to be set */
	struct launcher *launcher;	/* whose sockets these are */
	struct log *log;
	struct peer *peer;		/* who has just been accepted; the log */
					/* names it too */
	long long *let_in;		/* channel_wait's */
	unsigned long long max_sessions, max_per_client;	/* 0: no */
					/* limit of the latter */
	const struct list *trusted;	/* networks of clients that are not */
					/* counted */
	/* ---- */
	struct place *place;		/* of the sessions */
	size_t sessions;
	bool short_of;			/* what accept needs; it was logged */
};

/* What is done before the first connection; SIGCHLD has a handler by then.
 * False and errno: there is no memory for the sessions. */
bool listener_open(struct listener *l);

/* Accepts until we are to stop.  True, again and again: this is the new process
 * of a connection, which is on descriptors 0 and 1 and in *peer.  False: this is
 * the one that accepts, and all of its sessions have ended. */
bool listener_serve(struct listener *l);

/* No session: whoever is connected gets this reply, and whoever connects within
 * these ms.  False: we were told to stop. */
bool listener_turn_away(struct listener *l, const struct reply *reply,
    long long ms);

#endif

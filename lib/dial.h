/*
 * dial - a connection to a server, by what a user writes: HOST:PORT,
 * [ADDRESS]:PORT, or a path of a unix socket
 */
#ifndef DIAL_H
#define DIAL_H

#include "ip.h"

struct dial {
	const char *path;		/* NULL: not a unix socket */
	char host[IP_NAME_MAX + 1];
	char port[IP_PORT_SIZE];
};

/* Reads it; the path stays the caller's.  What is wrong with it, or NULL. */
const char *dial_read(struct dial *d, const char *to);

/* Connects by the deadline of channel_now(): a blocking socket, the caller's to
 * close.  Of several addresses of a host the first one that answers, each in
 * its part of the time.  -1, and *why. */
int dial(const struct dial *d, long long deadline, const char **why);

#endif

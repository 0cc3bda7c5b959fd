/*
 * serve - the core of a session, joined to a channel
 *
 * Gives protocol.h's core what the channel reads, writes what it replies, and
 * keeps its time: the deadlines of struct protocol_config.  No reply waits in
 * the channel while the session waits for anything: the client, a look-up that
 * is slow, a commit.
 */
#ifndef SERVE_H
#define SERVE_H

#include "protocol.h"

struct channel;

/* A whole session, from the greeting to the closing of our direction (not of
 * the descriptors, which stay the caller's).  Both are open and unused.  With
 * ERROR there was no connection any more: see the channel's errno. */
enum protocol_reason protocol_serve(struct protocol *p, struct channel *c);

/* No session: this reply in the place of the greeting, then the closing. */
void protocol_refuse(struct channel *c, const struct reply *reply);

#endif

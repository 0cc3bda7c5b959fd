/*
 * front - who is on the other end by the word of a proxy, or of a mail system,
 * that stands in front of us
 *
 * A PROXY header comes before the session; XCLIENT and XFORWARD in it.  Whom
 * they name becomes known in struct peer, and the launcher's word about the one
 * that it saw counts no more.
 */
#ifndef FRONT_H
#define FRONT_H

#include "channel.h"
#include "lists.h"
#include "peer.h"
#include "proxy.h"
#include "xclient.h"

/* Zeroed but for what is to be set. */
struct front {
	/* to be set */
	struct channel *channel;
	struct peer *peer;		/* found by the launcher's word */
	const struct list *proxies;	/* who may send a header, as the */
					/* kernel has it; empty: anybody */
	const struct list *speakers;	/* who may use XCLIENT: networks, and */
					/* "unix" */
	long long limit;		/* ms in which a header has to come */
	bool (*stopping)(void *context);
	void *context;
	/* ---- */
	const char *error;		/* readable after REFUSED */
	bool moved;			/* XCLIENT has named another client */
	struct forwarded forwarded;
};

enum front_status {
	FRONT_READY,			/* the session may begin */
	FRONT_LEFT,			/* it left, and nothing had come */
	FRONT_STOPPED,			/* we are to end */
	FRONT_REFUSED,			/* no header, or none that is good */
	FRONT_BROKEN			/* no connection that can be read */
};

/* A PROXY header: is it one of those who may send it (asked of descriptor 0);
 * it is read off the channel, and nothing behind it; what it says counts. */
enum front_status front_judge(struct front *f);
enum front_status front_read(struct front *f, struct proxy *h);
void front_take(struct front *f, const struct proxy *h);

/* May the client use XCLIENT and XFORWARD?  Once it has named another one, that
 * one is asked about: who only passes octets on would let him speak. */
bool front_may_speak(const struct front *f);

/* XCLIENT: the client is another one now, or is known better. */
void front_rename(struct front *f, const struct xclient *x);

/* XFORWARD: the client of the next message, of whom one line after the other
 * tells; NULL: it is the peer itself again. */
void front_forward(struct front *f, const struct xclient *x);

#endif

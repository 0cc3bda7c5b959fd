/*
 * message - one message: its id, the header that we add, its spool
 *
 * Its id is the transaction's, from MAIL on, and so are the fields that look-ups
 * have for it.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <time.h>

#include "opening.h"
#include "peer.h"
#include "prepend.h"
#include "protocol.h"
#include "spool.h"

/* Members are the message's own, but for those that are to be set before the
 * first one, and those marked readable. */
struct message {
	struct prepended prepended;	/* to be added to, once the */
					/* transaction has begun */
	char opening[OPENING_MAX];	/* octets that wait until it is known */
					/* what they are */
	const struct protocol_config *config;	/* to be set */
	const struct peer *peer;	/* to be set; the Received field's */
	int pid;			/* to be set: ours */
	bool received, return_path;	/* to be set: fields that we add */
	const struct envelope *envelope;	/* readable */
	unsigned long transaction;	/* of the envelope; whose the id is */
	time_t date;			/* readable: when it began */
	char id[32];			/* readable: a word, the host's own */
	char okay[48];			/* readable: "Ok ID" */
	bool started;			/* octets are in the spool */
	size_t opening_len;		/* of opening */
	struct spool spool;
};

/* The transaction of this envelope, once MAIL was said; it may have begun. */
void message_begin_transaction(struct message *m,
    const struct envelope *envelope);

/* A new message, which forgets the one before. */
void message_begin(struct message *m, const struct envelope *envelope);

/* More of its content; the header that we add comes with the first octets.
 * Behind it comes what keeps these out of it, where they are no header: an
 * empty line, or "X-Mailbox-Line: " before an mbox line, as Postfix does it.
 * False: see m->spool.error. */
bool message_append(struct message *m, struct span data);

/* All of it is in the spool, and can be read.  False likewise. */
bool message_complete(struct message *m);

/* The client's word for itself, made safe for a header field and for a script:
 * "?" for what no host's name is made of. */
void text_helo(struct text *t, struct span helo);

/* "Return-Path: <sender>": RFC 5321, 4.4; no newline. */
void text_return_path(struct text *t, struct span sender);

#endif

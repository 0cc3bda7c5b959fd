/*
 * deed - what a speaker asks for, frame by frame, and what is done of it
 *
 * Nothing is taken on trust.  Frames come in an order that a session can have,
 * each value is one that the core can have (claim.h), and what gives a right is
 * what has been done here (ledger.h): --auth was asked, STARTTLS has come about,
 * these recipients were taken.
 *
 * Touches no descriptor and no clock: packets in, at most one answer out, and
 * what has an effect by the functions of struct protocol_handler.
 */
#ifndef DEED_H
#define DEED_H

#include "channel.h"
#include "event.h"
#include "frame.h"
#include "ledger.h"
#include "protocol.h"

/* Zeroed but for what is to be set. */
struct deeds {
	/* to be set */
	struct ledger ledger;		/* likewise */
	const struct protocol_handler *handler;
	void *context;
	void (*ready)(void *context);	/* the speaker is locked up */
	void (*header)(void *context, const struct proxy *h);	/* NULL: a */
					/* session begins without one */
	const struct channel *channel;	/* of which the input is looked at */
	long long since;		/* when the session began; ms */
	/* ---- */
	unsigned state;			/* enum state */
	bool dropped;			/* its message, for its fault */
	bool proof;			/* readable: the packet had a password; */
					/* to be set back */
	long long began;		/* readable: when the message did */
	unsigned long long size;	/* of the message so far */
	size_t committed;
	struct reply fault;		/* of the message; code 0: none */
	/* readable: what the speaker did wrong, or NULL; and, once it is over,
	 * how it ended: no sandbox, for this errno, or */
	const char *error;
	int unlocked;
	enum protocol_reason reason;
	const char *why;		/* what there is to say of it, or NULL */
	bool mailed;
	struct traffic traffic;
	/* ---- */
	struct text answer;		/* readable: a packet, but for what the */
					/* doer says first; or empty */
	char answer_space[FRAME_PACKET_MAX];
};

void deed_begin(struct deeds *d);

/* The frames of a packet, the last of which may have an answer.  False: see
 * error; nothing more of it was done. */
bool deed_take(struct deeds *d, struct span packet);

/* Nothing more can come. */
bool deed_is_over(const struct deeds *d);

/* Runs of a message are due, behind one that was. */
bool deed_has_runs(const struct deeds *d);

/* Nothing more will: a message that was not whole is dropped. */
void deed_give_up(struct deeds *d);

#endif

/*
 * speaker - the half of a session that has the connection, and nothing else
 *
 * Its handler asks the doer (doer.h), frame by frame, for all that has an
 * effect; what it is told it believes.  It knows no file, no process and no
 * variable.
 *
 * Much of a message is not sent: it stands where the channel has read and the
 * core decoded it, in memory that both halves have.
 */
#ifndef SPEAKER_H
#define SPEAKER_H

#include "channel.h"
#include "frame.h"
#include "protocol.h"

struct speaker {
	/* to be set */
	int pair;			/* to the doer, a socket of packets */
	struct channel *channel;	/* the client's, in shared memory; */
					/* pair is its notice_fd */
	const struct protocol *session;
	int tls[2];			/* where it goes on after STARTTLS */
	bool verbose;			/* each reply is told */
	enum forward_result (*policy)(void *context, const struct lookup *l,
	    struct reply *reply);	/* where the doer's is known here too: */
	void *policy_context;		/* whose domain it is, and everybody */
					/* is there; else NULL */
	/* ---- */
	bool stops;			/* the doer was told to */
	bool greeted;			/* these of the envelope are known */
	unsigned long transaction;	/* 0: none yet */
	const char *verb;
	enum lookup_result user;	/* the answer that is asked for next, */
	struct reply own;		/* as the doer had it with the domain */
	struct span expanded;
	char enhanced[sizeof "5.999.999"], why[REPLY_LINE_MAX];	/* of a fault */
	struct text out;		/* a packet */
	char out_space[FRAME_PACKET_MAX], in_space[FRAME_PACKET_MAX];
};

/* For protocol_open and front, with the speaker as context. */
extern const struct protocol_handler speaker_handler;

/* It is locked up; or could not be, for this errno. */
void speaker_ready(struct speaker *s);
void speaker_unlocked(struct speaker *s, int error);

/* A PROXY header came. */
void speaker_header(void *speaker, const struct proxy *h);

/* The session is over; why: what there is to say of the reason, or NULL. */
void speaker_end(struct speaker *s, enum protocol_reason reason,
    const char *why);

#endif

/*
 * frame - what the two halves of a session say to each other, octet by octet
 * (see speaker.h, doer.h)
 *
 * A frame is a kind and its fields, one behind the other; a packet is frames,
 * and comes whole or not at all.  Numbers are eight octets as the host has them,
 * for both halves are one program.
 *
 * Pure.  Whoever takes a frame apart believes nothing: each field is within the
 * packet and within its bounds, or there is none.
 */
#ifndef FRAME_H
#define FRAME_H

#include "proxy.h"
#include "reply.h"
#include "xclient.h"

enum { FRAME_PACKET_MAX = 32 * 1024 };	/* octets, less than a socket takes */

/* Of the speaker.  Those marked so are answered by a packet. */
enum frame {
	FRAME_READY,		/* it is locked up */
	FRAME_UNLOCKED,		/* it could not be, and has gone: errno */
	FRAME_HEADER,		/* what a PROXY header says */
	FRAME_TRANSACTION,	/* the hello and MAIL, as far as they came */
	FRAME_ASK,		/* a name, of RCPT, VRFY or EXPN; answered, */
				/* unless it says that it will be taken */
	FRAME_BEGIN,		/* a message for the recipients so far, and */
				/* since when, for it may be told later */
	FRAME_OCTETS,		/* of its content; a fault is told later */
	FRAME_APPEND,		/* answered: where more of it stands, and how */
				/* many octets; or none, to ask for a fault */
	FRAME_COMMIT,		/* answered: for whom; by a fault too */
	FRAME_DISCARD,
	FRAME_ANSWERED,		/* struct exchange */
	FRAME_AUTHENTICATE,	/* answered: mechanism, name, password */
	FRAME_PREPARE_TLS,	/* answered */
	FRAME_START_TLS,	/* answered */
	FRAME_RENAME,		/* answered: by XCLIENT */
	FRAME_FORWARD,		/* by XFORWARD, or no more so */
	FRAME_END,		/* how the session ended; nothing follows */
	FRAMES
};

/* Of the doer.  A packet begins with one of them. */
enum doer_says { DOER_STOPS, DOER_ANSWERS, DOER_ANSWERS_AND_STOPS };

/* ---- to put them together; what does not fit is left out ---- */

void frame_number(struct text *t, unsigned long long number);
void frame_octets(struct text *t, struct span octets);

/* A string, which may be NULL; a reply, whose strings may be so. */
void frame_string(struct text *t, const char *string);
void frame_reply(struct text *t, const struct reply *reply);

void frame_header(struct text *t, const struct proxy *h);
void frame_client(struct text *t, const struct xclient *x);

/* ---- to take them apart; false where that cannot be ---- */

bool frame_take_number(struct span *rest, unsigned long long max,
    unsigned long long *number);
bool frame_take_flag(struct span *rest, bool *flag);
bool frame_take_octets(struct span *rest, size_t max, struct span *octets);

/* Strings point into the packet; max counts their NUL. */
bool frame_take_string(struct span *rest, size_t max, const char **string);
bool frame_take_reply(struct span *rest, struct reply *reply);

/* Each text of these is one, and no more than that is known of it. */
bool frame_take_header(struct span *rest, struct proxy *h);
bool frame_take_client(struct span *rest, struct xclient *x);

#endif

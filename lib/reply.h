/*
 * reply - what a client is told, and its octets: RFC 5321, 4.2, RFC 2034
 *
 * Pure; strings stay the caller's.
 */
#ifndef REPLY_H
#define REPLY_H

#include <stdbool.h>

#include "text.h"

enum {
	REPLY_LINE_MAX = 512,	/* octets; RFC 5321, 4.5.3.1.5, with its CRLF */
	REPLY_MAX = 8192	/* of a whole reply */
};

/* enhanced is NULL where a reply has none (RFC 2034); text is printable, its
 * lines separated by '\n'. */
struct reply {
	int code;		/* 0: not chosen */
	const char *enhanced;
	const char *text;
};

/* Adds the reply as lines for the wire.  There is room for REPLY_MAX octets:
 * lines are cut to their limit, and of too many the last is the one that stays.
 * What is not printable becomes '?'; so does UTF-8, unless it was asked for. */
void text_reply(struct text *t, const struct reply *r, bool utf8);

#endif

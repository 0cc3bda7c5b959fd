/*
 * reply - what a client is told, and its octets: RFC 5321, 4.2, RFC 2034;
 * written for our own client, read from a server or from what a command says
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

/* ---- reading ---- */

/* One line of a reply, or of what may be one. */
struct reply_line {
	int code;			/* 0: not given */
	bool more;			/* "NNN-" */
	struct span enhanced, text;	/* enhanced: empty where not given */
};

/* Reads "NNN X.Y.Z text", "NNN-X.Y.Z text" and the same less any part of it;
 * a CR at its end is none of it. */
struct reply_line reply_line_of(struct span line);

/* Are its two codes, where there are two, of one class? */
bool reply_line_agrees(const struct reply_line *l);

enum { WORDS_LINES = 10 };		/* of a reply; more are left out */

/* A reply that is being read, a line at a time.  Zeroed, or with lines 0, it has
 * heard nothing. */
struct words {
	unsigned lines;			/* 0: no reply so far */
	bool more;			/* the last of them promises another */
	int code;			/* 0: not given */
	char enhanced[sizeof "5.999.999"];	/* "": not given */
	size_t len, last;		/* of the text; its last line's start */
	char text[WORDS_LINES * REPLY_LINE_MAX + 1];
};

/* One more line of it, whose codes are those of the reply. */
void words_add(struct words *w, const struct reply_line *l);

#endif

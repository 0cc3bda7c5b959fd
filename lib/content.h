/*
 * content - octets on the wire to octets of the message, in place
 *
 * DATA's stuffed dots and the one that ends it (RFC 5321, 4.5.2), line ends
 * (2.3.8), BDAT's chunks (RFC 3030).  And what a message is refused for by its
 * octets alone: its size (RFC 1870), a bare CR or LF, a loop (RFC 5321, 6.3).
 *
 * Pure.  The octets come in pieces of any size; where those are cut makes no
 * difference.  What they decode to is given to a function, in pieces too.
 *
 * The first fault in the order of the octets is kept.  Those before it have
 * been given, none after it is; but the rest is still decoded, for the end of
 * a message has to be found.
 */
#ifndef CONTENT_H
#define CONTENT_H

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

enum content_form {
	CONTENT_DATA,		/* a line that is a dot ends it */
	CONTENT_CHUNKS,		/* its length is known; only line ends change */
	CONTENT_BINARY		/* likewise, and nothing changes */
};

enum content_fault {
	CONTENT_OK,
	CONTENT_TOO_LARGE,
	CONTENT_BARE_NEWLINE,
	CONTENT_LOOP,		/* more than 100 Received fields */
	CONTENT_NOT_TAKEN	/* take said so */
};

/* What holds for a message. */
struct content_rules {
	enum content_form form;
	bool crlf;			/* its lines are to end in CR LF */
	bool reject_bare_newlines;	/* else they become line ends (LF), */
					/* or stay (CR) */
	unsigned long long max_size;	/* octets; 0: no limit */
	/* Gets what is decoded, valid during the call, never empty.  False: it
	 * is not called again. */
	bool (*take)(void *context, struct span octets);
	void *context;
};

/* Where the next octet stands. */
enum content_place {
	LINE_START,		/* DATA: where a dot would be stuffed */
	IN_LINE,
	AFTER_DOT,		/* at the start of a line; it is gone */
	AFTER_DOT_CR,
	AFTER_CR,		/* which is held back: half a line end? */
	AFTER_END
};

/* 0 to 7: at the start of a line, that many letters of "received" seen. */
enum header_place { WORD_SEEN = 8, REST_OF_LINE, CR_AT_START, HEADER_OVER };

/* A message on its way.  Members are its own, but for fault. */
struct content {
	struct content_rules rules;
	enum content_fault fault;	/* readable */
	bool strict;			/* a bare CR or LF would be a fault */
	bool bare;			/* a line has ended in an LF alone */
	unsigned long long room;	/* octets that may come until one is */
	enum content_place place;
	enum content_place next_line;	/* the place behind a CR LF */
	unsigned header;		/* enum header_place */
	unsigned received;		/* Received fields so far */

	/* The piece that is being decoded.  It never takes more room than it
	 * had: [start, out) is decoded and not given yet, [in, end) is not
	 * looked at. */
	const char *start;
	char *out, *in;
	const char *end;
	char space[128];		/* for what is copied too much, where */
					/* there is no room behind out yet */
};

/* A new message; what was there of another is forgotten. */
void content_begin(struct content *c, const struct content_rules *rules);

/* Decodes a piece, in place, and gives all of it that is decided.  Returns how
 * many of its octets belong to the message: less than len only where DATA has
 * its end before. */
size_t content_decode(struct content *c, char *octets, size_t len);

/* Has DATA had its end? */
bool content_is_whole(const struct content *c);

/* Why DATA may have had no end, in words for a log: lines of it end in LF
 * alone.  NULL: it had one, or nothing is known. */
const char *content_hint(const struct content *c);

/* After the last of the chunks: gives what was held back. */
void content_end(struct content *c);

#endif

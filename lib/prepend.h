/*
 * prepend - header fields that look-ups have for a message, as a policy server
 * of Postfix has them: "PREPEND Name: value"
 *
 * Pure.
 */
#ifndef PREPEND_H
#define PREPEND_H

#include "text.h"

enum { PREPEND_LINE_MAX = 998, PREPEND_MAX = 4096 };	/* octets */

/* Zeroed, it is empty. */
struct prepended {
	char text[PREPEND_MAX];		/* fields, each with an LF */
	size_t len;			/* readable; 0: forgets them */
};

/* Is it such a line of output?  Then *field is what it says. */
bool prepend_is(struct span line, struct span *field);

/* One field more, unless it is there already.  NULL, or why it is left out: that
 * may be prepend_no_room. */
extern const char prepend_no_room[];
const char *prepend_take(struct prepended *p, struct span field);

#endif

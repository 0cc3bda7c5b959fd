/*
 * opening - what the first line of a message is, for who puts a header on top
 *
 * A UPS, a shell script and a person at telnet send text alone: it is not to
 * become header (RFC 5322, 2.1).  Pure.
 */
#ifndef OPENING_H
#define OPENING_H

#include "text.h"

enum opening {
	OPENING_UNDECIDED,
	OPENING_HEADER,		/* a field, or the empty line behind none */
	OPENING_MBOX,		/* the line that a mailbox has on top of each */
				/* message, behind any number of ">" */
	OPENING_TEXT
};

enum { OPENING_MAX = 998 };	/* octets that decide it at the latest */

/* What the message that begins with these octets begins with.  UNDECIDED: more
 * of them are needed, which is never so where whole is true: there are no more,
 * or where there are OPENING_MAX.  crlf: its lines end in CR LF, else in LF. */
enum opening opening_of(struct span octets, bool crlf, bool whole);

#endif

/*
 * stuffing - a message in the form in which DATA has it (RFC 5321, 2.3.8,
 * 4.5.2): what content undoes
 *
 * Pure.  The octets come in pieces of any size.
 */
#ifndef STUFFING_H
#define STUFFING_H

#include "text.h"

/* Lines come to end in CR LF; those that begin with a dot get another (4.5.2).
 * A CR alone stays what it is.  Zeroed, it begins a message. */
struct stuffing {
	bool binary;			/* to be set: all stays as it is */
	unsigned long long octets;	/* readable: as SIZE counts them */
	bool in_line, after_cr;
};

/* Takes octets off *in, as many as t has room for in their new form. */
void stuffing_take(struct stuffing *s, struct span *in, struct text *t);

/* Ends the last line, once; the dot behind it is the client's. */
void stuffing_end(struct stuffing *s, struct text *t);

#endif

/*
 * parameters - what stands behind the path of MAIL and RCPT: RFC 5321, 4.1.1.11
 */
#ifndef PARAMETERS_H
#define PARAMETERS_H

#include "envelope.h"

enum side { OF_MAIL, OF_RCPT };

struct parameter_rules {
	unsigned long long max_size;	/* octets; 0: no limit */
	bool binary;			/* BODY=BINARYMIME is one of ours */
};

enum parameter_fault {
	PARAMETER_OK,
	PARAMETER_UNKNOWN,
	PARAMETER_BAD,			/* its value, or it came before */
	PARAMETER_TOO_LARGE		/* SIZE: RFC 1870 */
};

/* Checks each parameter, up to the first that is at fault, which is *refused
 * then, and keeps them as given in *options; what the message is, in *e.  Those
 * of extensions that we do not announce are checked no harder than Postfix
 * checks them: nobody asked for them. */
enum parameter_fault parameters_take(struct envelope *e,
    const struct parameter_rules *rules, enum side side, struct span words,
    struct text *options, struct span *refused);

#endif

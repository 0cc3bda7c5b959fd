/*
 * sasl - a client's proof of who it is: PLAIN (RFC 4616) and LOGIN, from base64
 *
 * Pure.  A name and a password stay here until sasl_forget, and nowhere else:
 * neither are they written into any text of a reply or a log, nor told before
 * they are whole.
 */
#ifndef SASL_H
#define SASL_H

#include "text.h"

enum {
	SASL_NAME_MAX = 255,		/* octets */
	SASL_MESSAGE_MAX = 3072		/* of one line, decoded */
};

enum sasl_step {
	SASL_ASK,		/* challenge says what for; another line */
	SASL_DONE,		/* name and password are there */
	SASL_OTHER_IDENTITY,	/* to be another than who it proves to be */
	SASL_BAD,		/* no base64, or not what it stands for */
	SASL_CANCELLED,		/* "*" */
	SASL_UNKNOWN		/* no mechanism of ours */
};

/* Zeroed, none is on.  Members are its own, but for those marked readable. */
struct sasl {
	const struct mechanism *mechanism;
	const char *challenge;		/* readable after ASK: the 334's text */
	unsigned lines;			/* that have come */
	struct span name;		/* readable after DONE and OTHER_ */
					/* IDENTITY: UTF-8, no control octet */
	struct span password;		/* readable after DONE: no NUL */
	char name_text[SASL_MESSAGE_MAX], text[SASL_MESSAGE_MAX];
};

/* AUTH's argument: a mechanism, and with it the first line ("=": an empty
 * one). */
enum sasl_step sasl_begin(struct sasl *s, struct span argument);

/* After ASK: the next line, without its end. */
enum sasl_step sasl_continue(struct sasl *s, struct span line);

/* "PLAIN" or "LOGIN"; once one was begun. */
const char *sasl_mechanism(const struct sasl *s);

/* Is it the name of a mechanism, ours or one that we only know of? */
bool sasl_is_mechanism(struct span word);

/* May somebody be called so?  UTF-8 without control octets, which a command can
 * be given in a variable and as a word. */
bool sasl_is_name(struct span name);

/* Can it be one? */
bool sasl_is_password(struct span password);

/* Overwrites all that there is of name and password; none is on. */
void sasl_forget(struct sasl *s);

/* RFC 4648, 4: decodes base64 with its padding into t; false where it is none,
 * or does not fit. */
bool sasl_decode(struct span s, struct text *t);

#endif

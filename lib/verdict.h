/*
 * verdict - what the client is told of a run: its exit status, and its last
 * words (rule 2)
 *
 * Only what blames the message or its recipient is permanent; whatever blames
 * our side is temporary.  EXIT STATUS and REPLIES in smtpd.8 are this room's.
 */
#ifndef VERDICT_H
#define VERDICT_H

#include "protocol.h"

/* sysexits.h is not POSIX. */
enum {
	EX_OK = 0, EX_USAGE = 64, EX_DATAERR = 65, EX_NOUSER = 67,
	EX_NOHOST = 68, EX_UNAVAILABLE = 69, EX_SOFTWARE = 70,
	EX_OSERR = 71, EX_OSFILE = 72,
	EX_CANTCREAT = 73, EX_TEMPFAIL = 75, EX_PROTOCOL = 76, EX_NOPERM = 77,
	EX_CONFIG = 78
};

/* ---- last words: the reply that a run's output ends in ---- */

/* One more line of output, without its end. */
void words_take(struct words *w, struct span line);

/* ---- verdicts ---- */

/* For a fault of ours. */
extern const struct reply verdict_fault;

/* Of the command, by its exit status (-1: none that means anything); okay is
 * the text of a 250.  True: the command chose the reply itself. */
bool verdict_of_run(int status, const struct words *w, const char *okay,
    struct reply *reply);

/* Of a look-up, likewise; silent: it printed nothing; always: its name is one
 * that is never unknown.  A reply is filled in where the usual one is not to be
 * sent. */
enum lookup_result verdict_of_lookup(int status, bool silent, bool always,
    const struct words *w, struct reply *reply);

/* Of who sends, likewise: cvm-checkpassword's 100 is a refusal too. */
enum auth_result verdict_of_auth(int status, bool silent);

/* Of a message that could not be kept, by errno. */
struct reply verdict_of_storage(int error);

#endif

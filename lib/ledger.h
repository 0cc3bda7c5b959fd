/*
 * ledger - what is known here of a session whose protocol somebody else speaks:
 * its envelope, and what gives a right
 *
 * Pure.  The rules are those of protocol.c, asked again of what it made of them;
 * where both could differ this one is no stricter.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include "protocol.h"

/* Zeroed but for what is to be set. */
struct ledger {
	/* to be set */
	const struct protocol_config *config;	/* as the session begins */
	struct envelope *envelope;
	/* to be kept up to date by whoever does it */
	bool tls, may_rename, put_off;	/* as in struct protocol */
	unsigned long long messages;	/* that were begun */
	/* ---- */
	bool authenticated;		/* to be set after XCLIENT too */
	bool extended;
	enum auth_result verdict;	/* the last one, and whose */
	const char *mechanism;
	size_t name_len;
	char name[SASL_NAME_MAX];
	unsigned long long refused, guesses;
	unsigned long long told;	/* refusals of somebody */
};

void ledger_open(struct ledger *l);

/* As after the greeting: behind TLS and XCLIENT. */
void ledger_start_anew(struct ledger *l);

/* A hello, with what it said and what comes behind Received's "with"; NULL: none
 * yet.  A transaction is none any more.  False: it can be no hello. */
bool ledger_hello(struct ledger *l, const char *with, struct span helo);

/* MAIL: may it come?  False: its words can be none of one that was taken. */
bool ledger_may_mail(const struct ledger *l);
bool ledger_mail(struct ledger *l, const char *verb, struct span sender,
    struct span options);

/* RCPT, VRFY and EXPN: checks the parameters, which stand where a recipient that
 * is added has them from then on; may it be asked; what came of it, own: the
 * code of a reply of its own, or 0.  True: it is a recipient who is taken, and
 * in the envelope now. */
bool ledger_options(struct ledger *l, struct lookup *q);
bool ledger_may_ask(const struct ledger *l, const struct lookup *q);
bool ledger_answer(struct ledger *l, const struct lookup *q,
    enum forward_result forward, enum lookup_result user, int own);

/* AUTH: may it be asked; what came of it. */
bool ledger_may_authenticate(const struct ledger *l);
void ledger_verdict(struct ledger *l, const struct sasl *who,
    enum auth_result verdict);

/* Can the client have been told this code about who; asked: it is what the last
 * verdict has to become. */
bool ledger_tells(struct ledger *l, const struct sasl *who, int code,
    bool asked);

#endif

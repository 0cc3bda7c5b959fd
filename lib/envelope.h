/*
 * envelope - what comes before a message: its sender, its recipients
 *
 * Pure, and all of it in one struct: nothing points out of it but verb and
 * with, which are strings of the program.
 */
#ifndef ENVELOPE_H
#define ENVELOPE_H

#include <stdint.h>

#include "address.h"

enum {
	ENVELOPE_OPTIONS_MAX = 4096,	/* octets of MAIL's parameters */
	ENVELOPE_ENVID_MAX = 100,	/* RFC 3461, 4.4 */
	ENVELOPE_LIST_MAX = 100 * 1024,	/* octets of all recipients together */
	ENVELOPE_RECIPIENTS_MAX = ENVELOPE_LIST_MAX / 4
};

enum forward_result { LOCAL_DOMAIN, WILL_FORWARD, CANNOT_FORWARD };
enum body_type { BODY_7BIT, BODY_8BITMIME, BODY_BINARYMIME };

struct recipient {
	uint32_t at, options_at;	/* where they stand in the lists */
	uint16_t len, local_len, options_len;
	uint8_t forward;		/* enum forward_result */
};

/* Members above the line are its own; the others are written by the protocol,
 * and read by all.  The large ones are whole pages, and come first, for what
 * every session touches to lie beside what follows. */
struct envelope {
	struct recipient recipient[ENVELOPE_RECIPIENTS_MAX];
	char list[ENVELOPE_LIST_MAX];
	char options_list[ENVELOPE_LIST_MAX];
	char options_text[ENVELOPE_OPTIONS_MAX];
	char sender_text[MAILBOX_MAX];
	char envid_text[ENVELOPE_ENVID_MAX];
	char helo_text[DOMAIN_MAX];
	size_t list_len, options_len;
	/* ---- */
	const char *verb;		/* MAIL, SEND ...; NULL: none yet */
	const char *with;		/* protocol's name, RFC 3848, 6531; */
					/* NULL before HELO */
	struct span helo;		/* client's word: any but controls */
	unsigned long transaction;	/* its number: another one each time */
					/* that it is reset */
	struct mailbox sender;
	struct span options;		/* MAIL's parameters as given */
	struct span envid;		/* RFC 3461, decoded; empty if none */
	enum body_type body;
	bool utf8;			/* SMTPUTF8 was asked for */
	size_t recipients;		/* accepted ones */
};

/* Forgets the transaction, but for who the client says that it is. */
void envelope_reset(struct envelope *e);

/* Who it says that it is: no hello said so yet, or as much of this as fits. */
void envelope_forget_helo(struct envelope *e);
void envelope_set_helo(struct envelope *e, struct span helo);

/* What is behind "with" after EHLO or LHLO: RFC 3848; RFC 6531, 4.3. */
const char *envelope_protocol(bool lmtp, bool utf8, bool tls,
    bool authenticated);

void envelope_set_sender(struct envelope *e, struct mailbox sender);

/* The parameters of the next recipient are composed here before it is added. */
struct text envelope_next_options(struct envelope *e);

/* Is there room for it?  Each list ends in a newline a recipient where it is
 * handed over. */
bool envelope_has_room(const struct envelope *e, const struct mailbox *to,
    struct span options);

/* Adds it, with the parameters that stand in the next options. */
void envelope_add(struct envelope *e, const struct mailbox *to,
    size_t options_len, enum forward_result forward);

/* Recipient i of the envelope, its parameters as given, and whose it is. */
struct mailbox envelope_recipient(const struct envelope *e, size_t i);
struct span envelope_options(const struct envelope *e, size_t i);
enum forward_result envelope_forward(const struct envelope *e, size_t i);

#endif

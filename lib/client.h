/*
 * client - the client half of SMTP and LMTP: commands out, replies in (RFC 5321,
 * 4.1, 4.2; RFC 2033, RFC 2920)
 *
 * Pure: octets come and go by who calls.  One message for one server; what is
 * pointed at stays the caller's, as long as the client is used.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include "reply.h"

struct client_mail {
	bool lmtp;
	struct span hello;		/* our name */
	struct span sender;		/* empty: <> */
	struct span options;		/* MAIL's parameters, as they came */
	struct span recipients;		/* one a line, each with its newline */
	struct span recipient_options;	/* a line each, likewise */
	unsigned long long size;	/* octets, as SIZE counts them */
};

/* More than one recipient? */
bool client_has_many(const struct client_mail *mail);

/* Does the message go as it is (RFC 3030), not as DATA has it? */
bool client_is_binary(const struct client_mail *mail);

enum client_stage {
	CLIENT_GREETING, CLIENT_HELLO, CLIENT_HELO, CLIENT_ENVELOPE,
	CLIENT_DATA,			/* 354 is awaited */
	CLIENT_CONTENT,			/* the message is to be sent */
	CLIENT_END,			/* and what is said to it is awaited */
	CLIENT_OVER
};

/* What became of the message. */
enum client_result {
	CLIENT_TAKEN,
	CLIENT_LATER,			/* 4xx, or some recipients refused */
	CLIENT_REFUSED,			/* 5xx that is about this message */
	CLIENT_MISCONFIGURED,		/* 5xx that is about us */
	CLIENT_NO_REPLY			/* what came is no reply to this */
};

struct client {
	const struct client_mail *mail;
	enum client_stage stage;	/* readable */
	enum client_result result;	/* readable, once it is over */
	struct words verdict;		/* readable, likewise: the reply that */
					/* says so, but for NO_REPLY */
	struct span about;		/* readable: the recipient whom it is */
					/* about; else empty */
	enum client_stage at;		/* readable: when it came */

	/* its own */
	bool composed;			/* this stage's command */
	unsigned extensions;
	size_t sent, answered;		/* of MAIL and each RCPT */
	size_t taken;			/* recipients */
	struct span to, to_options;	/* those that are not sent yet */
	struct span asked;		/* those that are not answered yet */
	struct words words;		/* the reply that is being read */
};

enum { CLIENT_LINE_MAX = 8 * 1024 };	/* octets of a command */

void client_begin(struct client *c, const struct client_mail *mail);

/* Composes the commands that can be sent now, as far as t has room for them:
 * for one of CLIENT_LINE_MAX at least.  Without a word it waits for a reply, is
 * over, or is at the content. */
void client_compose(struct client *c, struct text *t);

/* The content has been sent: what ends it. */
void client_end_content(struct client *c, struct text *t);

/* A line of a reply, without its LF; and whether that reply goes on. */
void client_take_line(struct client *c, struct span line);
bool client_is_amid_reply(const struct client *c);

/* What the step that it has come to is called, for who reads a log. */
const char *client_stage_name(const struct client_mail *mail,
    enum client_stage stage);

#endif

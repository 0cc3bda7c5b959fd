/*
 * protocol - an SMTP or LMTP session, server side
 *
 * RFC 5321 (SMTP), 2033 (LMTP), 1870 (SIZE), 2034 (ENHANCEDSTATUSCODES), 2920
 * (PIPELINING), 3030 (CHUNKING, BINARYMIME), 3207 (STARTTLS), 3461 (DSN), 4954
 * (AUTH), 6152 (8BITMIME), 6531 (SMTPUTF8), 9422 (LIMITS); Postfix's XCLIENT
 * and XFORWARD.
 *
 * Knows the protocol and nothing else: it opens no file, starts no process,
 * reads no environment.  Whatever has an effect goes through the functions of
 * struct protocol_handler.
 *
 * It is pure: it takes octets and gives replies, one at a time, and touches no
 * descriptor and no clock.  lib/serve.h joins it to a channel.
 *
 * All memory is the caller's struct protocol; nothing is allocated.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/address.h"
#include "lib/content.h"
#include "lib/envelope.h"
#include "lib/path.h"
#include "lib/reply.h"
#include "lib/sasl.h"
#include "lib/text.h"

enum {
	PROTOCOL_LINE_MAX = 4096,	/* octets of a command line, its end */
	PROTOCOL_EXPANDED_MAX = 4096,	/* of what VRFY and EXPN find */
	PROTOCOL_GUESSES_MAX = 100	/* names that are refused, a session */
};

#define PROTOCOL_ALL ((size_t)-1)	/* every recipient, in one commit */

struct xclient;				/* lib/xclient.h */

enum lookup_result { VALID_USER, AMBIGUOUS_USER, UNKNOWN_USER, LOOKUP_ERROR };
enum lookup_verb { LOOKUP_RCPT, LOOKUP_VRFY, LOOKUP_EXPN };
enum auth_result { AUTH_ACCEPTED, AUTH_REFUSED, AUTH_ERROR };

/* What comes of a STARTTLS. */
enum protocol_tls {
	TLS_READY,		/* 220 */
	TLS_NOT_NOW,		/* it cannot be had: 454, and on in clear */
	TLS_PIPELINED		/* octets are there behind STARTTLS: 421 */
};

/* A question about a name. */
struct lookup {
	enum lookup_verb verb;		/* who asks */
	struct mailbox name;		/* what RCPT, VRFY or EXPN ask for, */
					/* which may be words: all in local */
	struct span options;		/* RCPT's parameters as given */
	const struct envelope *envelope;	/* without this recipient */
	struct text *expanded;		/* VRFY's and EXPN's 250, a mailbox a */
					/* line, at most 100 lines; if empty: */
					/* the name, where it is a mailbox */
};

/* One reply and what it answered, for a log; valid during the call. */
struct exchange {
	const char *verb;		/* of the table; "" for no such verb; */
					/* NULL: nothing, the session ends */
	struct span line;		/* as the client wrote it; or empty: */
					/* AUTH's without what proves who he */
					/* is */
	size_t hidden;			/* octets of a line that may be such */
					/* a proof, and is not shown */
	const struct sasl *who;		/* it is a verdict on him; else NULL */
	struct span mailbox;		/* the one that it is about, or the */
					/* client's words for it; empty */
					/* where it is about none */
	bool sender;			/* it is from that one, else to */
	struct span parameter;		/* that was refused, as given; or */
					/* empty */
	const struct reply *reply;
	bool message;			/* it answers a message, no command */
	const char *advice;		/* our configuration's fault; NULL */
};

/* Is a command refused; is there more to say than that one was accepted? */
static inline bool
exchange_is_refusal(const struct exchange *x)
{
	return x->reply->code >= 400 && !x->message && x->verb != NULL;
}

static inline bool
exchange_is_news(const struct exchange *x)
{
	return x->who != NULL || x->advice != NULL || exchange_is_refusal(x);
}

/*
 * What a session needs from the outside.  Each function gets the context.
 *
 * For every message: one begin, any number of append, then either discard, or
 * commit: once with PROTOCOL_ALL in SMTP, once a recipient, in their order, in
 * LMTP.  Where LMTP's commits end early (the client is gone, we are to stop) a
 * discard follows them.  A false from begin or append latches the reply that it
 * filled in, whose strings must outlive the message: the rest is read and
 * dropped, then the client, and after it discard, is told that reply.
 *
 * The client is told 250 if and only if commit filled in 250.  The strings of
 * that reply must stay until the next call.
 */
struct protocol_handler {
	/* Whose domain the name has; asked first for each RCPT, VRFY and EXPN.
	 * A reply with a code is sent in the place of 251 or 550, and says by
	 * its class whether the recipient is taken; its strings must stay
	 * until the next call. */
	enum forward_result (*forward_domain)(void *context,
	    const struct lookup *lookup, struct reply *reply);
	/* Who it is; asked where the domain is local.  A reply with a code is
	 * sent in the place of 553, 550 or 451, likewise. */
	enum lookup_result (*look_up_name)(void *context,
	    const struct lookup *lookup, struct reply *reply);
	bool (*begin)(void *context, const struct envelope *envelope,
	    struct reply *reply);
	/* Decoded content, in pieces; valid during the call. */
	bool (*append)(void *context, struct span data, struct reply *reply);
	void (*commit)(void *context, size_t recipient, struct reply *reply);
	/* why is the reply that the client had; NULL where it gave the message
	 * up or is gone before there was one.  hint says what it did wrong
	 * then, a constant string, or is NULL. */
	void (*discard)(void *context, const struct reply *why,
	    const char *hint);
	/* Is the session to end as soon as it can? */
	bool (*stopping)(void *context);
	/* After each reply. */
	void (*answered)(void *context, const struct exchange *exchange);

	/* Where AUTH is offered: is it who he says, by his password?  Asked
	 * for each proof that is whole; both are forgotten once the reply was
	 * told. */
	enum auth_result (*authenticate)(void *context,
	    const struct sasl *who);
	/* Where STARTTLS is offered: can TLS be had now; PIPELINED where octets
	 * have come while that was found out.  And then the handshake.  True:
	 * the session goes on over fd[0] and fd[1]. */
	enum protocol_tls (*prepare_tls)(void *context);
	bool (*start_tls)(void *context, int fd[2]);

	/* Where config.xclient is on.  XCLIENT: the client is another one, or
	 * is known better; true: and may say so again.  XFORWARD: whose the
	 * next message is, more of it with each call; NULL: it has ended. */
	bool (*rename_client)(void *context, const struct xclient *client);
	void (*forward_client)(void *context, const struct xclient *client);
};

/* Strings and the struct stay the caller's and must outlive the session. */
struct protocol_config {
	const char *hostname;		/* our name */
	const char *banner;		/* behind it in the greeting */
	const char *domain;		/* of names that come without one */
	bool lmtp;
	bool terminal;			/* SEND, SOML, SAML */
	bool vrfy;			/* VRFY and EXPN ask look_up_name */
	bool slow_look_up;		/* replies leave before it is asked */
	bool tls;			/* from the first octet */
	bool starttls;			/* STARTTLS: it can be had */
	bool require_tls;		/* before MAIL, VRFY, EXPN, AUTH */
	bool auth;			/* AUTH, in TLS */
	bool auth_in_clear;		/* and without */
	bool require_auth;		/* before MAIL, VRFY, EXPN */
	bool xclient;			/* XCLIENT, XFORWARD: some may; */
	bool may_rename;		/* this client may */
	bool crlf;			/* content has CRLF line ends, not LF */
	bool reject_bare_newlines;
	bool dsn;			/* announce DSN */
	unsigned long long max_size;	/* octets as on the wire; 0: no limit */
	size_t max_recipients;
	unsigned long long max_messages, max_errors;	/* 0: no limit */
	long long timeout;		/* ms of silence, and for one line */
	long long session_timeout;	/* ms; 0: no limit */
};

enum protocol_wants {
	PROTOCOL_LINE,		/* protocol_command */
	PROTOCOL_CONTENT,	/* protocol_content */
	PROTOCOL_REPLY,		/* protocol_next */
	PROTOCOL_TLS,		/* protocol_start_tls */
	PROTOCOL_CLOSE		/* nothing; the session has ended */
};

/* How a session ended. */
enum protocol_reason {
	PROTOCOL_EOF,		/* the client left */
	PROTOCOL_QUIT,
	PROTOCOL_TIMEOUT,	/* 421 4.4.2 */
	PROTOCOL_ERRORS,	/* 421 4.7.0 */
	PROTOCOL_LOST,		/* 421 4.5.4: a BDAT that could not be read */
	PROTOCOL_STOP,		/* 421 4.3.2 */
	PROTOCOL_PIPELINED,	/* 421 4.7.0: octets behind STARTTLS */
	PROTOCOL_NO_TLS,	/* a handshake that failed */
	PROTOCOL_PROXY,		/* 421 4.3.5: a PROXY header, and none was */
				/* to come; or the other way round */
	PROTOCOL_ERROR		/* no connection any more */
};

/* A session.  Members are its own, but for those marked readable. */
struct protocol {
	struct envelope envelope;
	const struct protocol_config *config;	/* readable */
	const struct protocol_handler *handler;	/* readable */
	void *context;				/* readable */
	enum protocol_wants wants;	/* readable: what to call next */
	enum protocol_reason reason;	/* readable: once wants is CLOSE */
	unsigned features;		/* enum feature */
	unsigned state;			/* enum state */
	bool spoke;			/* a valid verb has come; no refused */
					/* DATA since */
	bool mailed;			/* readable: and a MAIL was taken */
	bool extended;			/* by EHLO, not HELO */
	bool tls;			/* the session is in it */
	bool authenticated;
	bool may_rename;		/* XCLIENT, XFORWARD are its to say */
	bool forwarded;			/* XFORWARD has named a client */
	bool in_dialogue;		/* AUTH's: the next line is a proof */
	bool auth_failed;		/* AUTH, or what was to be it, was */
					/* refused, no verb since */
	bool put_off;			/* STARTTLS or AUTH was 454, and no */
					/* better answer since */
	bool proof;			/* readable: the last line may prove */
					/* who somebody is; to be overwritten */
	bool advised;			/* what is wrong with us was told */
	unsigned long long messages, errors, guesses;
	bool refused, deferred;		/* a RCPT of this transaction */

	/* the command that is being answered; DATA and BDAT are until the last
	 * reply to what they brought */
	const struct command *command;	/* its row of the table */
	struct mailbox to;		/* what RCPT, VRFY or EXPN ask for */
	bool utf8_asked;		/* by a parameter of VRFY or EXPN */
	struct span about, parameter;	/* of struct exchange */
	char path[PATH_SPACE];		/* its mailbox */

	/* the message */
	bool begun;			/* begin, and neither discard nor the */
					/* last commit yet */
	bool last;			/* no chunk follows */
	bool stopped;			/* replies that are due become 421 */
	struct content content;		/* readable */
	unsigned long long chunk;	/* octets of it to come */
	struct text chunk_line;		/* its command line, cut; empty once */
					/* it was told */
	char chunk_text[64];
	struct reply fault;		/* latched; code 0 if none */
	bool told;			/* the client has heard of it */
	size_t due, answered;		/* replies to the message */

	/* a reply */
	struct text text;		/* of one that is composed */
	struct reply composed;
	struct text wire;		/* its octets */
	char wire_space[REPLY_MAX];
	char text_space[REPLY_MAX];
	struct sasl sasl;
};

/* Begins a session; *p must be zeroed.  A new session needs a new one. */
void protocol_open(struct protocol *p, const struct protocol_config *config,
    const struct protocol_handler *handler, void *context);

/* Each reply is whole lines for the wire, valid until the next call; it may be
 * empty. */

/* 220 (RFC 5321, 3.1); to be sent first. */
struct span protocol_greeting(struct protocol *p);

/* Where LINE is wanted: one command line with its LF.  One that was longer than
 * PROTOCOL_LINE_MAX comes cut to that length, and so without. */
struct span protocol_command(struct protocol *p, struct span line);

/* May this line make protocol_command ask a handler that is slow? */
bool protocol_asks(const struct protocol *p, struct span line);

/* Where TLS is wanted, behind a STARTTLS: what comes of it.  After READY comes
 * the handshake, and protocol_tls_is_up or protocol_end. */
struct span protocol_start_tls(struct protocol *p, enum protocol_tls how);

/* After the handshake: the session is as after the greeting (RFC 3207, 4.2). */
void protocol_tls_is_up(struct protocol *p);

/* Where CONTENT is wanted: decodes octets, in place.  Returns how many of them
 * belong to the message: less than len where it, or the chunk, is whole. */
size_t protocol_content(struct protocol *p, char *octets, size_t len);

/* Where REPLY is wanted: one of the replies that are due, with one commit at
 * most; and whether there will be a commit. */
struct span protocol_next(struct protocol *p);
bool protocol_commits(const struct protocol *p);

/* Ends the session from outside: drops a message that is not whole.  TIMEOUT,
 * STOP and PROXY give a 421; after STOP replies that were due are 421 each, by
 * protocol_next. */
struct span protocol_end(struct protocol *p, enum protocol_reason reason);

#endif

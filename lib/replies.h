/*
 * replies - what the protocol says, in one table: codes of RFC 5321, 4.2.3, and
 * of the extensions, enhanced codes of RFC 3463 and 5248
 *
 * Its index is a reply's name in protocol.c, where each verb gives one.
 */
#ifndef REPLIES_H
#define REPLIES_H

#include "reply.h"

enum reply_id {
	RE_NONE,		/* nothing is wrong, or to be said yet */
	RE_COMPOSED,		/* no row of the table, but composed */
	RE_OK,
	RE_SENDER,
	RE_RECIPIENT,
	RE_CHUNK,
	RE_DATA,
	RE_BYE,
	RE_VRFY,
	RE_VRFY_UTF8,
	RE_EXPN_UTF8,
	RE_UNKNOWN,
	RE_LINE,
	RE_DISABLED,
	RE_NO_HELLO,
	RE_SEQUENCE,
	RE_ARGUMENT,
	RE_HELO,
	RE_NO_TOPIC,
	RE_SYNTAX,
	RE_BAD_SENDER,
	RE_BAD_RECIPIENT,
	RE_UNKNOWN_PARAMETER,
	RE_PARAMETER,
	RE_TOO_LARGE,
	RE_MESSAGES,
	RE_RECIPIENTS,
	RE_NO_USER,
	RE_AMBIGUOUS,
	RE_LOOKUP,
	RE_RELAY,
	RE_ALL_REFUSED,
	RE_ALL_DEFERRED,
	RE_BARE_NEWLINE,
	RE_LOOP,
	RE_ERRORS,
	RE_BROWSER,
	RE_LOST,
	RE_TIMEOUT,
	RE_STOP,
	RE_TLS,
	RE_TLS_NOT_NOW,
	RE_TLS_PIPELINED,
	RE_NEEDS_TLS,
	RE_NO_WAY_TO_TLS,
	RE_PROXY,
	RE_NO_RIGHT,
	RE_AUTH,
	RE_AUTH_REFUSED,
	RE_AUTH_ERROR,
	RE_AUTH_LINE,
	RE_AUTH_SYNTAX,
	RE_AUTH_CANCELLED,
	RE_NO_MECHANISM,
	RE_NEEDS_AUTH,
	RE_AUTH_IN_CLEAR,
	RE_PUT_OFF
};

extern const struct reply replies[];

/* What is wrong with our configuration, for the log. */
extern const char advice_no_tls[], advice_proxy[];

#endif

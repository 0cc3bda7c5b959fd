/*
 * xclient - the attributes of XCLIENT and XFORWARD, with which a mail system in
 * front says whose mail it hands on (Postfix's XCLIENT_README and
 * XFORWARD_README)
 *
 * Pure.
 */
#ifndef XCLIENT_H
#define XCLIENT_H

#include "ip.h"
#include "sasl.h"

enum {
	/* bits of given */
	XCLIENT_NAME = 1, XCLIENT_ADDR = 2, XCLIENT_PORT = 4,
	XCLIENT_PROTO = 8, XCLIENT_HELO = 16, XCLIENT_LOGIN = 32,
	XCLIENT_DESTADDR = 64, XCLIENT_DESTPORT = 128,
	/* what XFORWARD may say, but for what is passed over */
	XCLIENT_FORWARD = XCLIENT_NAME | XCLIENT_ADDR | XCLIENT_PORT |
	    XCLIENT_PROTO | XCLIENT_HELO,
	XCLIENT_HELO_MAX = 255
};

/* Texts are "" where they were not given, or are said to be unknown. */
struct xclient {
	unsigned given;
	char name[IP_NAME_MAX + 1];
	char address[IP_SIZE], port[IP_PORT_SIZE];
	char proto[sizeof "ESMTP"];	/* SMTP, ESMTP, LMTP */
	char helo[XCLIENT_HELO_MAX + 1];	/* octets that are no control */
	char login[SASL_NAME_MAX + 1];	/* as sasl_is_name has it */
	char local_address[IP_SIZE], local_port[IP_PORT_SIZE];
};

/* Reads all of them; false, and *x says nothing, where one cannot be read, or
 * is none that this verb has. */
bool xclient_parse(struct span words, bool forward, struct xclient *x);

#endif

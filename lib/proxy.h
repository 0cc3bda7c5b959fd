/*
 * proxy - the header of the PROXY protocol, versions 1 and 2 (HAProxy's
 * proxy-protocol.txt), with which a proxy says whose connection it passes on
 *
 * Pure: octets in, what they say out.
 */
#ifndef PROXY_H
#define PROXY_H

#include "ip.h"

enum {
	PROXY_LINE_MAX = 107,		/* octets of version 1, its CRLF */
	PROXY_BLOCK_MAX = 4096,		/* of version 2, behind its 16 octets */
	PROXY_TLS_MAX = 64		/* of a version's or a cipher's name */
};

/* Does a session begin with such a header, where none belongs?  Asked of its
 * first octets until it is known. */
enum proxy_start { PROXY_NONE, PROXY_PERHAPS, PROXY_HEADER };
enum proxy_start proxy_starts(struct span octets);

/* May TLS's version and cipher be called so? */
bool proxy_is_tls_word(struct span s);

enum proxy_status {
	PROXY_READY,			/* whole */
	PROXY_SHORT,			/* good so far: more is needed */
	PROXY_BAD			/* no header; error says why */
};

/* Texts are "" where nothing is said. */
struct proxy {
	const char *error;		/* readable after BAD */
	size_t len;			/* octets of the header */
	bool local;			/* the proxy's own connection */
	/* of TCP; else all unknown */
	char address[IP_SIZE], port[IP_PORT_SIZE];
	char local_address[IP_SIZE], local_port[IP_PORT_SIZE];
	bool tls;			/* the client is in TLS */
	char tls_protocol[PROXY_TLS_MAX + 1], tls_cipher[PROXY_TLS_MAX + 1];
};

/* The header that begins these octets, from the first one of the connection;
 * *h is filled in after READY. */
enum proxy_status proxy_parse(struct span octets, struct proxy *h);

#endif

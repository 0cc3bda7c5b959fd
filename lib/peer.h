/*
 * peer - who is on the other end, and by whose word
 *
 * By the kernel's or the launcher's, never by the client's, and never by DNS.
 * What is not known is an empty string.
 */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>

enum {
	PEER_ADDRESS_SIZE = 64,
	PEER_PORT_SIZE = sizeof "65535",
	PEER_NAME_MAX = 255,		/* octets */
	PEER_TLS_MAX = 64
};

/* Addresses are IPv4 or IPv6 in their usual form, with no brackets, no zone and
 * no v4-mapping; ports are decimal. */
struct peer {
	bool unconnected;		/* descriptor 0: socket with no peer */
	char address[PEER_ADDRESS_SIZE];
	char port[PEER_PORT_SIZE];
	char name[PEER_NAME_MAX + 1];	/* letters, digits and .-_ */
	char local_address[PEER_ADDRESS_SIZE];
	char local_port[PEER_PORT_SIZE];
	char user[PEER_NAME_MAX + 1];	/* who authenticated */
	char method[sizeof "XCLIENT"];	/* and how: SASL's mechanism */
	char tls_protocol[PEER_TLS_MAX + 1];	/* of TLS, as who does it */
	char tls_cipher[PEER_TLS_MAX + 1];	/* calls them */
};

/* Finds the client, of descriptor 0 and the environment; *p must be zeroed. */
void peer_find(struct peer *p);

/* Our own end too, where it is not known yet: commands alone ask for it. */
void peer_find_local(struct peer *p);

#endif

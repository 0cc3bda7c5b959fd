/*
 * peer - who is on the other end, and by whose word
 *
 * By the kernel's or the launcher's, never by the client's, and never by DNS.
 * What is not known is an empty string.
 */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>

#include "ip.h"

enum {
	PEER_NAME_MAX = IP_NAME_MAX,	/* octets */
	PEER_TLS_MAX = 64
};

/* The client of a message, where a mail system that hands it on has named it:
 * all that it did not tell is unknown. */
struct forwarded {
	char address[IP_SIZE], port[IP_PORT_SIZE], name[PEER_NAME_MAX + 1];
	char helo[PEER_NAME_MAX + 1], with[sizeof "ESMTP"];
};

struct peer {
	bool unconnected;		/* descriptor 0: socket with no peer */
	bool local_known;		/* our own end was looked for */
	const char *hostname;		/* to be set: our own name */
	const char *relay;		/* RELAYCLIENT's value, where it is */
					/* about this client; else NULL */
	const struct forwarded *forwarded;	/* NULL: the next message is */
					/* the peer's own */
	char address[IP_SIZE];
	char port[IP_PORT_SIZE];
	char name[PEER_NAME_MAX + 1];	/* as ip_is_name has it */
	char local_address[IP_SIZE];
	char local_port[IP_PORT_SIZE];
	char user[PEER_NAME_MAX + 1];	/* who authenticated */
	char method[sizeof "XCLIENT"];	/* and how: SASL's mechanism */
	char tls_protocol[PEER_TLS_MAX + 1];	/* of TLS, as who does it */
	char tls_cipher[PEER_TLS_MAX + 1];	/* calls them */
};

/* Finds the client, of descriptor 0 and the environment; *p must be zeroed but
 * for what is to be set. */
void peer_find(struct peer *p);

/* Accepts a connection of a socket that listens: its descriptor, and who it is
 * in *p, by the kernel's word.  -1 and errno. */
int peer_accept(struct peer *p, int socket);

/* What the kernel alone says of descriptor 0: the other end's address, or "". */
enum peer_kind { PEER_IP, PEER_UNIX, PEER_GONE, PEER_NONE };
enum peer_kind peer_of_kernel(char address[IP_SIZE]);

/* Is it in TLS already?  By the option that says so, or by the variables of
 * launchers, which give us no internet socket then; they are kept.  One that
 * says nothing is none. */
bool peer_is_in_tls(struct peer *p, bool option);

/* What TLS is called by who does it, into such a member; "" where it is no
 * word. */
void peer_take_tls_word(const char *value, char to[PEER_TLS_MAX + 1]);

/* Our own end too, where it is not known yet: commands alone ask for it. */
void peer_find_local(struct peer *p);

#endif

/*
 * ip - addresses and ports of hosts, as text (RFC 4291, 2.2)
 *
 * Pure.  An address is IPv4 or IPv6 in its usual form, as inet_ntop writes it,
 * with no brackets, no zone and no v4-mapping (a mapped one is IPv4); a port is
 * decimal.
 */
#ifndef IP_H
#define IP_H

#include <stdbool.h>

#include "text.h"

enum {
	IP_SIZE = 64,			/* of an address, its NUL and more */
	IP_PORT_SIZE = sizeof "65535"
};

/* The usual form of what is an address, and nothing but that; false, and
 * nothing written, where it is none. */
bool ip_take(struct span s, char to[IP_SIZE]);

/* Of 4 or 16 octets in network order. */
void ip_take_octets(const unsigned char *octets, size_t len,
    char to[IP_SIZE]);

/* A port, 0 to 65535; false where it is none. */
bool ip_take_port(struct span s, char to[IP_PORT_SIZE]);
void ip_take_port_number(unsigned port, char to[IP_PORT_SIZE]);

/* "ADDRESS" or "ADDRESS/BITS": a network, whose host bits mean nothing.  A
 * mapped one is IPv4 too, its bits counted so. */
bool ip_is_network(struct span s);

/* Is this address, in its usual form or "" for an unknown one, in it? */
bool ip_is_in(const char *address, struct span network);

/* Whose it is, as far as limits go: an IPv4 address itself, of IPv6 its /64,
 * of which one host may have all. */
void ip_take_owner(const char *address, char to[IP_SIZE]);

/* The rule for a host's name where somebody tells it: letters, digits, ".-_",
 * 1 to 255 octets. */
enum { IP_NAME_MAX = 255 };
bool ip_is_name(struct span s);

#endif

#include "ip.h"

#include <arpa/inet.h>
#include <string.h>

/* Octets in network order. */
struct octets {
	unsigned char octet[16];
	size_t len;			/* 4 or 16 */
};

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool
is_mapped(const struct octets *o)
{
	return o->len == 16 && memcmp(o->octet, mapped, sizeof mapped) == 0;
}

static bool
parse(struct span s, struct octets *o)
{
	char text[IP_SIZE];

	if (s.len >= sizeof text || span_find(s, '\0') != NULL)
		return false;
	span_copy(s, text, sizeof text);
	o->len = inet_pton(AF_INET, text, o->octet) == 1 ? 4 :
	    inet_pton(AF_INET6, text, o->octet) == 1 ? 16 : 0;
	return o->len > 0;
}

static void
write_address(struct octets *o, char *to)
{
	bool v4 = o->len == 4 || is_mapped(o);
	const unsigned char *from = o->octet + (o->len - 4) * v4;

	if (inet_ntop(v4 ? AF_INET : AF_INET6, from, to, IP_SIZE) == NULL)
		*to = '\0';
}

bool
ip_take(struct span s, char to[IP_SIZE])
{
	struct octets o;

	if (!parse(s, &o))
		return false;
	write_address(&o, to);
	return true;
}

void
ip_take_octets(const unsigned char *octets, size_t len, char to[IP_SIZE])
{
	struct octets o = { .len = len };

	memcpy(o.octet, octets, len);
	write_address(&o, to);
}

bool
ip_take_port(struct span s, char to[IP_PORT_SIZE])
{
	unsigned long long port;

	if (!span_number(s, 65535, &port))
		return false;
	ip_take_port_number((unsigned)port, to);
	return true;
}

void
ip_take_port_number(unsigned port, char to[IP_PORT_SIZE])
{
	struct text t = text_in(to, IP_PORT_SIZE);

	text_number(&t, port);
	text_end(&t);
}

/* ---- networks ---- */

struct network {
	struct octets at;
	unsigned long long bits;	/* of at that count */
};

static bool
parse_network(struct span s, struct network *n)
{
	const char *slash = span_find(s, '/');
	struct span address = slash != NULL ? span_until(s, slash) : s;
	size_t drop;

	if (!parse(address, &n->at))
		return false;
	n->bits = 8 * n->at.len;
	if (slash != NULL &&
	    !span_number(span_behind(s, slash), n->bits, &n->bits))
		return false;
	if (!is_mapped(&n->at) || n->bits < 8 * sizeof mapped)
		return true;
	drop = sizeof mapped;
	memmove(n->at.octet, n->at.octet + drop, 4);
	n->at.len = 4;
	n->bits -= 8 * drop;
	return true;
}

bool
ip_is_network(struct span s)
{
	struct network n;

	return parse_network(s, &n);
}

bool
ip_is_in(const char *address, struct span network)
{
	struct network n;
	struct octets o;
	size_t whole;
	unsigned rest;

	if (!parse(span_of(address), &o) || !parse_network(network, &n) ||
	    o.len != n.at.len)
		return false;
	whole = (size_t)n.bits / 8;
	rest = (unsigned)n.bits % 8;
	return memcmp(o.octet, n.at.octet, whole) == 0 && (rest == 0 ||
	    ((o.octet[whole] ^ n.at.octet[whole]) >> (8 - rest)) == 0);
}

void
ip_take_owner(const char *address, char to[IP_SIZE])
{
	struct octets o;

	*to = '\0';
	if (!parse(span_of(address), &o))
		return;
	if (o.len == 16)
		memset(o.octet + 8, 0, 8);
	write_address(&o, to);
}

/* ---- names ---- */

static bool
is_name_octet(char c)
{
	return is_alnum(c) || c == '.' || c == '-' || c == '_';
}

bool
ip_is_name(struct span s)
{
	return s.len > 0 && s.len <= IP_NAME_MAX &&
	    span_all(s, is_name_octet);
}

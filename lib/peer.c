#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "text.h"

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage room;
};

/* An address in its usual form, with no brackets and no v4-mapping. */
static bool
parse_address(const char *from, char *to)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[PEER_ADDRESS_SIZE];
	unsigned char octets[16];
	bool bracket = from[0] == '[';
	const char *start = from + bracket;
	size_t len = strcspn(start, "]%");	/* %: a zone, which is local */

	if (start[len] != '%' && strcmp(start + len, bracket ? "]" : "") != 0)
		return false;
	span_copy((struct span){ start, len }, text, sizeof text);
	if (start[len] != '%' && inet_pton(AF_INET, text, octets) == 1)
		return inet_ntop(AF_INET, octets, to, PEER_ADDRESS_SIZE) !=
		    NULL;
	if (inet_pton(AF_INET6, text, octets) != 1)
		return false;
	if (memcmp(octets, mapped, sizeof mapped) == 0)
		return inet_ntop(AF_INET, octets + 12, to,
		    PEER_ADDRESS_SIZE) != NULL;
	return inet_ntop(AF_INET6, octets, to, PEER_ADDRESS_SIZE) != NULL;
}

/* What the kernel says of one end; false where that is no address. */
static bool
take_address(const union socket_address *name, char *address, char *port)
{
	char text[PEER_ADDRESS_SIZE];
	struct text number = text_in(port, PEER_PORT_SIZE);
	bool v4 = name->any.sa_family == AF_INET;

	if ((!v4 && name->any.sa_family != AF_INET6) ||
	    inet_ntop(name->any.sa_family, v4 ?
	    (const void *)&name->v4.sin_addr :
	    (const void *)&name->v6.sin6_addr, text, sizeof text) == NULL)
		return false;
	text_number(&number, ntohs(v4 ? name->v4.sin_port :
	    name->v6.sin6_port));
	text_end(&number);
	return parse_address(text, address);
}

/* A port that the environment gives; "" where it is none. */
static void
parse_port(const char *from, char *to)
{
	struct text t = text_in(to, PEER_PORT_SIZE);
	unsigned long long n;

	if (from != NULL && span_number(span_of(from), 65535, &n))
		text_number(&t, n);
	text_end(&t);
}

static bool
environment_address(const char *address, const char *port, char *to,
    char *to_port)
{
	const char *value = getenv(address);

	if (value == NULL || !parse_address(value, to))
		return false;
	parse_port(getenv(port), to_port);
	return true;
}

/* tcpserver's word, and that of its kind. */
static bool
ucspi_peer(struct peer *p)
{
	if (getenv("PROTO") == NULL)
		return false;
	environment_address("TCPLOCALIP", "TCPLOCALPORT", p->local_address,
	    p->local_port);
	return environment_address("TCPREMOTEIP", "TCPREMOTEPORT", p->address,
	    p->port);
}

static bool
kernel_peer(struct peer *p)
{
	union socket_address name;
	socklen_t len = sizeof name;

	if (getpeername(0, &name.any, &len) == 0)
		return take_address(&name, p->address, p->port);
	p->unconnected = errno == ENOTCONN;
	return false;
}

static bool
launcher_peer(struct peer *p)
{
	static const char *const names[][2] = {
		{ "REMOTE_ADDR", "REMOTE_PORT" },	/* systemd */
		{ "SOCAT_PEERADDR", "SOCAT_PEERPORT" },
		{ "NCAT_REMOTE_ADDR", "NCAT_REMOTE_PORT" },
		{ "REMOTE_HOST", "REMOTE_PORT" },	/* xinetd */
	};
	bool known = false;
	size_t i;

	for (i = 0; !known && i < sizeof names / sizeof *names; i++)
		known = environment_address(names[i][0], names[i][1],
		    p->address, p->port);
	return known;
}

static void
find_name(struct peer *p)
{
	const char *name = getenv("TCPREMOTEHOST");

	if (p->address[0] == '\0' || name == NULL ||
	    strlen(name) > PEER_NAME_MAX ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")] != '\0')
		return;
	span_copy(span_of(name), p->name, sizeof p->name);
}

void
peer_find(struct peer *p)
{
	if (!ucspi_peer(p) && !kernel_peer(p) && !launcher_peer(p))
		p->address[0] = p->port[0] = '\0';
	find_name(p);
}

void
peer_find_local(struct peer *p)
{
	union socket_address name;
	socklen_t len = sizeof name;

	if (p->local_address[0] == '\0' &&
	    getsockname(0, &name.any, &len) == 0)
		take_address(&name, p->local_address, p->local_port);
}

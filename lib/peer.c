#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "text.h"
#include "variable.h"

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage room;
};

/* Launchers write an address with brackets, and with a zone, which is local. */
static bool
parse_address(const char *from, char *to)
{
	bool bracket = from[0] == '[';
	const char *start = from + bracket;
	size_t len = strcspn(start, "]%");
	struct span address = { start, len };

	if (start[len] != '%' && strcmp(start + len, bracket ? "]" : "") != 0)
		return false;
	return (start[len] != '%' || span_find(address, ':') != NULL) &&
	    ip_take(address, to);
}

/* What the kernel says of one end; false where that is no address. */
static bool
take_address(const union socket_address *name, char *address, char *port)
{
	bool v4 = name->any.sa_family == AF_INET;

	if (!v4 && name->any.sa_family != AF_INET6)
		return false;
	if (v4)
		ip_take_octets((const void *)&name->v4.sin_addr, 4, address);
	else
		ip_take_octets((const void *)&name->v6.sin6_addr, 16, address);
	ip_take_port_number(ntohs(v4 ? name->v4.sin_port :
	    name->v6.sin6_port), port);
	return true;
}

/* The environment's word for an address, and for a port where that is one. */
static bool
environment_address(const char *address, const char *port, char *to,
    char *to_port)
{
	const char *value = variable(address), *number = variable(port);

	if (value == NULL || !parse_address(value, to))
		return false;
	if (number == NULL || !ip_take_port(span_of(number), to_port))
		*to_port = '\0';
	return true;
}

/* tcpserver's word, and that of its kind. */
static bool
ucspi_peer(struct peer *p)
{
	if (!environment_address("TCPREMOTEIP", "TCPREMOTEPORT", p->address,
	    p->port))
		return false;
	p->local_known = environment_address("TCPLOCALIP", "TCPLOCALPORT",
	    p->local_address, p->local_port);
	return true;
}

/* stunnel's exec and inetd modes join it to us by a connection of its own over
 * loopback, and tell of their client in the environment. */
static bool
is_joined(const struct peer *p)
{
	static const char loopback[] = "127.";
	const char *port = variable("REMOTE_PORT");

	return port != NULL && strcmp(port, p->port) != 0 &&
	    (strcmp(p->address, "::1") == 0 ||
	    strncmp(p->address, loopback, sizeof loopback - 1) == 0);
}

static void
take_joined(struct peer *p)
{
	char address[IP_SIZE], port[IP_PORT_SIZE];

	if (!is_joined(p) || !environment_address("REMOTE_HOST",
	    "REMOTE_PORT", address, port))
		return;
	memcpy(p->address, address, sizeof p->address);
	memcpy(p->port, port, sizeof p->port);
	p->local_known = true;		/* to be unknown */
}

/* Asked in any case, for a socket that listens has no other end. */
static bool
ask_kernel(struct peer *p, union socket_address *name)
{
	socklen_t len = sizeof *name;
	bool connected = getpeername(0, &name->any, &len) == 0;

	p->unconnected = !connected && errno == ENOTCONN;
	return connected;
}

static bool
kernel_peer(struct peer *p, const union socket_address *name)
{
	if (!take_address(name, p->address, p->port))
		return false;
	take_joined(p);
	return true;
}

static bool
launcher_peer(struct peer *p)
{
	static const char *const names[][2] = {
		{ "REMOTE_ADDR", "REMOTE_PORT" },	/* systemd */
		{ "SOCAT_PEERADDR", "SOCAT_PEERPORT" },
		{ "NCAT_REMOTE_ADDR", "NCAT_REMOTE_PORT" },
	};
	bool known = false;
	size_t i;

	for (i = 0; !known && i < sizeof names / sizeof *names; i++)
		known = environment_address(names[i][0], names[i][1],
		    p->address, p->port);
	/* tlswrapper, without PROTO; xinetd */
	return known || ucspi_peer(p) || environment_address("REMOTE_HOST",
	    "REMOTE_PORT", p->address, p->port);
}

static void
find_name(struct peer *p)
{
	const char *name = variable("TCPREMOTEHOST");

	if (p->address[0] != '\0' && name != NULL &&
	    ip_is_name(span_of(name)))
		span_copy(span_of(name), p->name, sizeof p->name);
}

void
peer_find(struct peer *p)
{
	union socket_address name;
	bool connected = ask_kernel(p, &name);

	p->relay = variable("RELAYCLIENT");
	if ((variable("PROTO") == NULL || !ucspi_peer(p)) &&
	    !(connected && kernel_peer(p, &name)) && !launcher_peer(p))
		p->address[0] = p->port[0] = '\0';
	find_name(p);
}

int
peer_accept(struct peer *p, int socket)
{
	union socket_address name;
	socklen_t len = sizeof name;
	int fd = accept(socket, &name.any, &len);

	*p = (struct peer){ .hostname = p->hostname };
	if (fd >= 0 && len >= sizeof name.any.sa_family)
		take_address(&name, p->address, p->port);
	return fd;
}

enum peer_kind
peer_of_kernel(char address[IP_SIZE])
{
	union socket_address name;
	char port[IP_PORT_SIZE];
	socklen_t len = sizeof name;

	*address = '\0';
	if (getpeername(0, &name.any, &len) != 0)
		return errno == ENOTCONN ? PEER_GONE : PEER_NONE;
	if (take_address(&name, address, port))
		return PEER_IP;
	return name.any.sa_family == AF_UNIX ? PEER_UNIX : PEER_NONE;
}

void
peer_find_local(struct peer *p)
{
	union socket_address name;
	socklen_t len = sizeof name;

	if (!p->local_known && getsockname(0, &name.any, &len) == 0)
		take_address(&name, p->local_address, p->local_port);
	p->local_known = true;
}

/* ---- TLS, by the launcher's word ---- */

/* A socket of the internet has no TLS in front of it: a container's stray
 * variable must not make TLS of clear text. */
static bool
is_internet_socket(int fd)
{
	union socket_address name;
	socklen_t len = sizeof name;

	return getsockname(fd, &name.any, &len) == 0 &&
	    (name.any.sa_family == AF_INET || name.any.sa_family == AF_INET6);
}

void
peer_take_tls_word(const char *value, char to[PEER_TLS_MAX + 1])
{
	struct span word = span_of(value != NULL ? value : "");

	if (word.len > PEER_TLS_MAX || span_any(word, is_control) ||
	    span_any(word, is_8bit))
		word.len = 0;
	span_copy(word, to, PEER_TLS_MAX + 1);
}

enum { ANYBODY, SOCAT, NAMES };

/* Of who has named its client, only its own variables are about this one, and
 * ncat has none: another's are stray. */
static bool
is_about_client(int whose)
{
	return variable("NCAT_REMOTE_ADDR") == NULL &&
	    (whose == SOCAT || variable("SOCAT_PEERADDR") == NULL);
}

bool
peer_is_in_tls(struct peer *p, bool option)
{
	static const char *const names[NAMES][2] = {
		[ANYBODY] = { "SSL_PROTOCOL", "SSL_CIPHER" },
		[SOCAT] = { "SOCAT_OPENSSL_PROTO_VERSION",
		    "SOCAT_OPENSSL_CIPHER" },
	};
	const char *protocol;
	int i;

	for (i = 0; i < NAMES && p->tls_protocol[0] == '\0'; i++) {
		protocol = variable(names[i][0]);
		if (protocol != NULL && is_about_client(i))
			peer_take_tls_word(protocol, p->tls_protocol);
	}
	if (p->tls_protocol[0] != '\0' && !option && is_internet_socket(0))
		p->tls_protocol[0] = '\0';
	if (p->tls_protocol[0] == '\0')
		return option;
	peer_take_tls_word(variable(names[i - 1][1]), p->tls_cipher);
	return true;
}

#include "dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "channel.h"

const char *
dial_read(struct dial *d, const char *to)
{
	struct span s = span_of(to), host;
	const char *colon = strrchr(to, ':');

	d->path = to[0] == '/' ? to : NULL;
	if (d->path != NULL)
		return s.len < sizeof ((struct sockaddr_un *)0)->sun_path ?
		    NULL : "the path is too long for a socket";
	if (colon == NULL || !ip_take_port(span_behind(s, colon), d->port) ||
	    strcmp(d->port, "0") == 0)
		return "is neither HOST:PORT, [ADDRESS]:PORT nor /SOCKET";
	host = span_until(s, colon);
	if (host.len > 2 && to[0] == '[' && host.ptr[host.len - 1] == ']')
		host = (struct span){ host.ptr + 1, host.len - 2 };
	else if (span_find(host, ':') != NULL)
		return "an IPv6 address needs brackets: [ADDRESS]:PORT";
	if (host.len == 0 || host.len > IP_NAME_MAX)
		return "has no host";
	span_copy(host, d->host, sizeof d->host);
	return NULL;
}

/* Linux has this limit for connect(2) too; elsewhere the kernel's own holds. */
static void
limit(int fd, long long deadline)
{
	long long rest = deadline - channel_now();
	struct timeval t;

	if (rest < 1)
		rest = 1;		/* 0 would be no limit */
	t.tv_sec = (time_t)(rest / 1000);
	t.tv_usec = (suseconds_t)(rest % 1000 * 1000);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

static int
dial_address(int family, const struct sockaddr *address, socklen_t len,
    long long deadline, const char **why)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0) {
		*why = strerror(errno);
		return -1;
	}
	limit(fd, deadline);
	if (connect(fd, address, len) == 0)
		return fd;
	*why = errno == EINPROGRESS || errno == EAGAIN ? "no answer in time" :
	    strerror(errno);
	close(fd);
	return -1;
}

static int
dial_unix(const char *path, long long deadline, const char **why)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	span_copy(span_of(path), address.sun_path, sizeof address.sun_path);
	return dial_address(AF_UNIX, (struct sockaddr *)&address,
	    sizeof address, deadline, why);
}

#ifdef NUMERIC_HOSTS	/* glibc cannot look up names where it is linked in */
static int
dial_host(const struct dial *d, long long deadline, const char **why)
{
	in_port_t port = htons((in_port_t)atoi(d->port));
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = port };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
	    .sin6_port = port };

	if (inet_pton(AF_INET, d->host, &v4.sin_addr) == 1)
		return dial_address(AF_INET, (struct sockaddr *)&v4,
		    sizeof v4, deadline, why);
	if (inet_pton(AF_INET6, d->host, &v6.sin6_addr) == 1)
		return dial_address(AF_INET6, (struct sockaddr *)&v6,
		    sizeof v6, deadline, why);
	*why = "this build knows addresses alone, no names";
	return -1;
}
#else
/* One that does not answer leaves the others their part of the time. */
static long long
share(const struct addrinfo *first, long long deadline)
{
	long long now = channel_now();
	int n = 0;

	for (; first != NULL; first = first->ai_next)
		n++;
	return now + (deadline - now) / n;
}

static int
dial_host(const struct dial *d, long long deadline, const char **why)
{
	struct addrinfo wanted = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_NUMERICSERV }, *all, *one;
	int fd = -1, fault;

	fault = getaddrinfo(d->host, d->port, &wanted, &all);
	if (fault != 0) {
		*why = gai_strerror(fault);
		return -1;
	}
	for (one = all; one != NULL && fd < 0; one = one->ai_next)
		fd = dial_address(one->ai_family, one->ai_addr,
		    one->ai_addrlen, share(one, deadline), why);
	freeaddrinfo(all);
	return fd;
}
#endif

int
dial(const struct dial *d, long long deadline, const char **why)
{
	return d->path != NULL ? dial_unix(d->path, deadline, why) :
	    dial_host(d, deadline, why);
}

#include "tls.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "text.h"

/* ---- before us ---- */

/* A socket of the internet has no TLS in front of it: a container's stray
 * variable must not make TLS of clear text. */
static bool
is_internet_socket(int fd)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof name;

	return getsockname(fd, (struct sockaddr *)&name, &len) == 0 &&
	    (name.ss_family == AF_INET || name.ss_family == AF_INET6);
}

/* What TLS is called; "" where it is no such word. */
static void
keep_word(const char *value, char to[PEER_TLS_MAX + 1])
{
	struct span word = span_of(value != NULL ? value : "");

	if (word.len > PEER_TLS_MAX || span_any(word, is_control) ||
	    span_any(word, is_8bit))
		word.len = 0;
	span_copy(word, to, PEER_TLS_MAX + 1);
}

bool
tls_is_before_us(struct peer *p, bool option)
{
	static const char *const names[][2] = {
		{ "SSL_PROTOCOL", "SSL_CIPHER" },
		{ "SOCAT_OPENSSL_PROTO_VERSION", "SOCAT_OPENSSL_CIPHER" },
	};
	const char *protocol = NULL;
	size_t i;

	for (i = 0; protocol == NULL && i < 2; i++)
		protocol = getenv(names[i][0]);
	if (protocol == NULL || (!option && is_internet_socket(0)))
		return option;
	keep_word(protocol, p->tls_protocol);
	keep_word(getenv(names[i - 1][1]), p->tls_cipher);
	return true;
}

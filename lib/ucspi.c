#include "ucspi.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"

/* Takes "NAME=value"; what is none is passed over. */
static void
take_assignment(struct tls *t, const char *assignment)
{
	const char *sign = strchr(assignment, '=');
	struct span name;

	if (sign == NULL)
		return;
	name = span_until(span_of(assignment), sign);
	if (span_is(name, "SSL_PROTOCOL"))
		peer_take_tls_word(sign + 1, t->peer->tls_protocol);
	else if (span_is(name, "SSL_CIPHER"))
		peer_take_tls_word(sign + 1, t->peer->tls_cipher);
}

/* For the launcher: to be read from, or to be written to. */
static bool
wait_control(struct tls *t, int reads, int writes, long long deadline)
{
	enum channel_status got;
	long long let_in = 0;

	do {
		if (t->stopping())
			return tls_give_up(t, "stopped");
		got = channel_wait(&let_in, reads, writes, deadline);
	} while (got == CHANNEL_INTERRUPTED);
	return got == CHANNEL_OK || tls_give_up(t, got == CHANNEL_TIMEOUT ?
	    "time-out" : strerror(errno));
}

static bool
is_early(ssize_t n)
{
	return n < 0 && (errno == EINTR || errno == EAGAIN);
}

/* It may read nothing. */
static bool
ask_launcher(struct tls *t, long long deadline)
{
	ssize_t n;

	do {
		if (!wait_control(t, -1, t->ucspi[0], deadline))
			return false;
		n = write(t->ucspi[0], "Y", 1);
	} while (is_early(n));
	return n == 1 || tls_give_up(t, strerror(errno));
}

/* One octet of the launcher's answer; false where there is none. */
static bool
read_control(struct tls *t, long long deadline, char *octet)
{
	ssize_t n;

	do {
		if (!wait_control(t, t->ucspi[0], -1, deadline))
			return false;
		n = read(t->ucspi[0], octet, 1);
	} while (is_early(n));
	return n == 1 || tls_give_up(t, "the handshake failed");
}

/* Strings up to an empty one, octet by octet: what follows may be somebody
 * else's to read. */
bool
ucspi_start(struct tls *t, int fd[2])
{
	enum { MOST = 64 * 1024 };
	long long deadline = channel_now() + t->limit;
	char space[1024], octet;
	struct text string = text_in(space, sizeof space);
	size_t octets;

	if (!ask_launcher(t, deadline))
		return false;
	for (octets = 0; octets < MOST; octets++) {
		if (!read_control(t, deadline, &octet))
			return false;
		if (octet != '\0') {
			text_char(&string, octet);
			continue;
		}
		if (string.len == 0) {
			fd[0] = t->ucspi[1];
			fd[1] = t->ucspi[2];
			return true;
		}
		take_assignment(t, text_end(&string));
		string.len = 0;
	}
	return tls_give_up(t, "too much said of it");
}

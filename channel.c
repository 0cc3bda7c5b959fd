#include "channel.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SIGNALS_EVERY = 100 };	/* ms; see channel_wait */

void
channel_open(struct channel *c, int read_fd, int write_fd, long long patience)
{
	c->read_fd = read_fd;
	c->write_fd = write_fd;
	channel_patience(c, patience);
}

/* Of what is no socket, as a call for sockets has just said. */
static enum channel_kind
plain_kind(int fd)
{
	return isatty(fd) ? CHANNEL_TERMINAL : CHANNEL_PLAIN;
}

void
channel_patience(struct channel *c, long long patience)
{
	c->patience = patience;
	c->flush_by = 0;
}

long long
channel_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* What a failed call means: a connection that broke has ended. */
static enum channel_status
failure(int *kept)
{
	*kept = errno;
	switch (errno) {
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
	case ETIMEDOUT:
	case ENOTCONN:
	case ENETDOWN:
	case ENETUNREACH:
	case ENETRESET:
	case EHOSTUNREACH:
	case EIO:		/* a terminal that hung up */
		return CHANNEL_EOF;
	default:
		return CHANNEL_ERROR;
	}
}

/* Below FD_SETSIZE; some libc wants it signed, some unsigned. */
static void
add(fd_set *set, int fd)
{
	FD_SET((unsigned short)fd, set);
}

static fd_set *
only(fd_set *set, int fd)
{
	if (fd < 0)
		return NULL;
	FD_ZERO(set);
	add(set, fd);
	return set;
}

/* Descriptors below max. */
static enum channel_status
wait_until(int max, fd_set *reads, fd_set *writes, long long rest)
{
	sigset_t held;
	struct timespec limit = { (time_t)(rest / 1000),
	    (long)(rest % 1000) * 1000000 };
	int n;

	sigemptyset(&held);
	sigaddset(&held, SIGPIPE);
	sigaddset(&held, SIGXFSZ);
	n = pselect(max, reads, writes, NULL,
	    rest == CHANNEL_FOREVER ? NULL : &limit, &held);
	if (n > 0)
		return CHANNEL_OK;
	if (n == 0)
		return CHANNEL_TIMEOUT;
	return errno == EINTR ? CHANNEL_INTERRUPTED : CHANNEL_ERROR;
}

static enum channel_status
wait_sets(long long *let_in, int max, fd_set *reads, fd_set *writes,
    long long deadline)
{
	enum channel_status status;
	long long now = channel_now(), rest = CHANNEL_FOREVER;

	if (deadline != CHANNEL_FOREVER)
		rest = deadline > now ? deadline - now : 0;
	status = wait_until(max, reads, writes, rest);

	/* Linux lets no signal in where a descriptor was ready at once: a
	 * client that never pauses would hold them off for ever. */
	if (status != CHANNEL_OK || *let_in == 0)
		*let_in = now;
	else if (now - *let_in >= SIGNALS_EVERY) {
		*let_in = now;
		if (wait_until(0, NULL, NULL, 0) == CHANNEL_INTERRUPTED)
			status = CHANNEL_INTERRUPTED;
	}
	return status;
}

static enum channel_status
too_high(void)
{
	errno = EINVAL;
	return CHANNEL_ERROR;
}

enum channel_status
channel_wait(long long *let_in, int read_fd, int write_fd, long long deadline)
{
	int max = read_fd > write_fd ? read_fd : write_fd;
	fd_set reads, writes;

	if (max >= (int)FD_SETSIZE)
		return too_high();
	return wait_sets(let_in, max + 1, only(&reads, read_fd),
	    only(&writes, write_fd), deadline);
}

/* channel_wait, for the channel itself; a notice interrupts it. */
static enum channel_status
await(struct channel *c, int read_fd, int write_fd, long long deadline)
{
	int max = read_fd > write_fd ? read_fd : write_fd;
	enum channel_status status;
	fd_set reads, writes;

	if (c->notice_fd == 0 || c->noticed)
		return channel_wait(&c->let_in, read_fd, write_fd, deadline);
	if (c->notice_fd > max)
		max = c->notice_fd;
	if (max >= (int)FD_SETSIZE)
		return too_high();
	only(&reads, c->notice_fd);
	if (read_fd >= 0)
		add(&reads, read_fd);
	status = wait_sets(&c->let_in, max + 1, &reads, only(&writes, write_fd),
	    deadline);
	c->noticed = status == CHANNEL_OK &&
	    FD_ISSET((unsigned short)c->notice_fd, &reads);
	return c->noticed ? CHANNEL_INTERRUPTED : status;
}

enum channel_status
channel_wait_many(long long *let_in, int from, int count, long long deadline,
    bool *ready)
{
	enum channel_status status;
	fd_set reads;
	int i;

	memset(ready, false, (size_t)count * sizeof *ready);
	if (from + count > (int)FD_SETSIZE)
		return too_high();
	FD_ZERO(&reads);
	for (i = 0; i < count; i++)
		add(&reads, from + i);
	status = wait_sets(let_in, from + count, &reads, NULL, deadline);
	for (i = 0; i < count && status == CHANNEL_OK; i++)
		ready[i] = FD_ISSET((unsigned short)(from + i), &reads);
	return status;
}

/* A terminal's LF becomes CR LF; the octets stand at the end of a space that
 * is twice as large.  Returns how many they are then. */
static size_t
with_crlf(struct channel *c, char *to, const char *from, size_t n)
{
	char *start = to;

	while (n-- > 0) {
		if (*from == '\n' && c->last != '\r')
			*to++ = '\r';
		c->last = *from;
		*to++ = *from++;
	}
	return (size_t)(to - start);
}

/* As read(2), into the free part of the buffer, once a wait said readable.  The
 * first one finds out what it reads from. */
static ssize_t
read_some(struct channel *c)
{
	char *to = c->in + c->hi;
	size_t room = sizeof c->in - c->hi;
	ssize_t n;

	if (c->reads <= CHANNEL_SOCKET) {
		n = recv(c->read_fd, to, room, MSG_DONTWAIT);
		c->reads = n >= 0 || errno != ENOTSOCK ? CHANNEL_SOCKET :
		    plain_kind(c->read_fd);
		if (c->reads == CHANNEL_SOCKET)
			return n;
	}
	if (c->reads == CHANNEL_PLAIN)
		return read(c->read_fd, to, room);
	n = read(c->read_fd, to + room / 2, room / 2);
	c->top = sizeof c->in;
	return n > 0 ? (ssize_t)with_crlf(c, to, to + room / 2, (size_t)n) : n;
}

/* Takes what is there: OK, EOF, ERROR; EMPTY where that is nothing yet. */
static enum channel_status
take(struct channel *c)
{
	ssize_t n = read_some(c);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? CHANNEL_EMPTY :
		    failure(&c->read_errno);
	c->hi += (size_t)n;
	if (c->top < c->hi)
		c->top = c->hi;
	c->octets_in += (size_t)n;
	c->unread = false;
	return n > 0 ? CHANNEL_OK : CHANNEL_EOF;
}

/* Whether what was sent came to nobody: a socket that was closed answers with a
 * reset, of which no read tells once there was an end of file. */
static void
ask_error(struct channel *c)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (c->writes == CHANNEL_SOCKET && c->write_errno == 0 &&
	    getsockopt(c->write_fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0)
		c->write_errno = error;
}

enum channel_status
channel_fill(struct channel *c, long long deadline)
{
	enum channel_status status = channel_flush(c);

	if (c->lo > 0) {
		memmove(c->in, c->in + c->lo, c->hi - c->lo);
		c->hi -= c->lo;
		c->lo = 0;
	}
	assert(c->hi < sizeof c->in);
	if (status != CHANNEL_OK)
		return status;
	do {
		status = await(c, c->read_fd, -1, deadline);
		if (status == CHANNEL_ERROR)
			c->read_errno = errno;
		if (status == CHANNEL_OK)
			status = take(c);
	} while (status == CHANNEL_EMPTY);
	if (status == CHANNEL_EOF)
		ask_error(c);
	return status;
}

enum channel_status
channel_record(struct channel *c, char delimiter, size_t max,
    struct span *record)
{
	char *start = c->in + c->lo;
	char *found = memchr(start + c->seen, delimiter,
	    c->hi - c->lo - c->seen);
	size_t len = found != NULL ? (size_t)(found + 1 - start) :
	    c->hi - c->lo;

	if (found == NULL) {
		/* what is past the limit is of no use to anybody */
		c->seen = len < max ? len : max;
		c->hi = c->lo + c->seen;
		return CHANNEL_EMPTY;
	}
	c->seen = 0;
	c->lo += len;
	record->ptr = start;
	record->len = len < max ? len : max;
	return len > max ? CHANNEL_TOO_LONG : CHANNEL_OK;
}

char *
channel_peek(struct channel *c, size_t *len)
{
	*len = c->hi - c->lo;
	return c->in + c->lo;
}

void
channel_consume(struct channel *c, size_t len)
{
	assert(len <= c->hi - c->lo);
	c->lo += len;
	c->seen = 0;
}

void
channel_erase(struct channel *c)
{
	octets_erase(c->in, c->lo);
	octets_erase(c->in + c->hi, c->top - c->hi);
}

void
channel_move(struct channel *c, int read_fd, int write_fd)
{
	assert(c->sent == c->queued);
	c->read_fd = read_fd;
	c->write_fd = write_fd;
	c->reads = c->writes = CHANNEL_UNKNOWN;
	c->unread = c->hurried = false;
	c->lo = c->hi = c->seen = 0;
}

size_t
channel_room(const struct channel *c)
{
	return sizeof c->out - c->queued;
}

size_t
channel_unsent(const struct channel *c)
{
	return c->queued - c->sent;
}

void
channel_write(struct channel *c, struct span octets)
{
	if (c->broken != CHANNEL_OK)
		return;
	assert(octets.len <= channel_room(c));
	memcpy(c->out + c->queued, octets.ptr, octets.len);
	c->queued += octets.len;
}

/* Nagle's algorithm would hold back the second of two flushes until the other
 * side answers the first; where there is none, nothing is asked. */
static void
hurry(struct channel *c)
{
	int on = 1;

	if (c->unread && !c->hurried) {
		setsockopt(c->write_fd, IPPROTO_TCP, TCP_NODELAY, &on,
		    sizeof on);
		c->hurried = true;
	}
}

/* As write(2), but never blocks.  A socket is asked as it is.  Anything else
 * takes PIPE_BUF octets at once (a terminal: one) where a wait has just said
 * writable, and the flag is used up. */
static ssize_t
write_some(struct channel *c, bool *writable)
{
	const char *from = c->out + c->sent;
	size_t len = c->queued - c->sent, most;
	ssize_t n;

	if (c->writes <= CHANNEL_SOCKET) {
		hurry(c);
		n = send(c->write_fd, from, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		c->writes = n >= 0 || errno != ENOTSOCK ? CHANNEL_SOCKET :
		    plain_kind(c->write_fd);
		if (c->writes == CHANNEL_SOCKET)
			return n;
	}
	most = c->writes == CHANNEL_TERMINAL ? 1 : PIPE_BUF;
	if (!*writable) {
		errno = EAGAIN;
		return -1;
	}
	*writable = false;
	return write(c->write_fd, from, len < most ? len : most);
}

enum channel_status
channel_flush(struct channel *c)
{
	enum channel_status status;
	bool writable = false;
	ssize_t n;

	while (c->broken == CHANNEL_OK && c->sent < c->queued) {
		n = write_some(c, &writable);
		if (n >= 0) {
			c->sent += (size_t)n;
			c->octets_out += (size_t)n;
			c->unread = true;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR) {
			c->broken = failure(&c->write_errno);
			break;
		}
		if (c->flush_by == 0)
			c->flush_by = channel_now() + c->patience;
		status = await(c, -1, c->write_fd, c->flush_by);
		if (status == CHANNEL_INTERRUPTED)
			return status;
		if (status == CHANNEL_ERROR)
			c->write_errno = errno;
		if (status != CHANNEL_OK)
			c->broken = status;
		writable = true;
	}
	if (c->broken == CHANNEL_OK)
		c->sent = c->queued = 0;
	c->flush_by = 0;
	return c->broken;
}

void
channel_shutdown(struct channel *c)
{
	shutdown(c->write_fd, SHUT_WR);		/* no socket: it fails */
}

void
channel_drain(struct channel *c, long long deadline, size_t max)
{
	unsigned long long end = c->octets_in + max;
	enum channel_status status = CHANNEL_OK;

	if (c->reads == CHANNEL_UNKNOWN &&
	    recv(c->read_fd, NULL, 0, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	    errno == ENOTSOCK)
		return;
	while (c->reads <= CHANNEL_SOCKET && c->octets_in < end &&
	    (status == CHANNEL_OK || status == CHANNEL_INTERRUPTED)) {
		c->lo = c->hi = c->seen = 0;
		status = deadline > 0 ? channel_fill(c, deadline) : take(c);
	}
}

int
channel_error(const struct channel *c)
{
	return c->read_errno != 0 ? c->read_errno : c->write_errno;
}

const char *
channel_text(enum channel_status status)
{
	static const char *const text[] = {
		[CHANNEL_OK] = "ok",
		[CHANNEL_EMPTY] = "incomplete",
		[CHANNEL_TOO_LONG] = "too long",
		[CHANNEL_EOF] = "end of file",
		[CHANNEL_TIMEOUT] = "time-out",
		[CHANNEL_INTERRUPTED] = "interrupted",
		[CHANNEL_ERROR] = "input/output error",
	};

	return text[status];
}

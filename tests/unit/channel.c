/*
 * The channel over a socket, two pipes and a terminal, blocking and not:
 * deadlines, signals, records, counts, and the ends of a connection.
 *
 * Of time only this is asserted: that a deadline did not come too early.
 */
#define _XOPEN_SOURCE 700	/* posix_openpt */

#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "channel.h"

enum { SOON = 50, LATE = 60000 };	/* ms */

static struct channel c;
static volatile sig_atomic_t signals;

/* ---- connections of each kind ---- */

enum kind { SOCKET, PIPES, TERMINAL, KINDS };

static const char *const kinds[] = { "a socket", "two pipes", "a terminal" };

static struct ends {
	int in, out;			/* the channel's */
	int their_in, their_out;
} e;

/* The result of a call without which there is no test. */
static int
need(int result)
{
	if (result < 0) {
		perror("# set-up");
		exit(1);
	}
	return result;
}

static void
open_terminal(void)
{
	struct termios raw;

	e.their_in = e.their_out = need(posix_openpt(O_RDWR | O_NOCTTY));
	need(grantpt(e.their_in));
	need(unlockpt(e.their_in));
	e.in = e.out = need(open(ptsname(e.their_in), O_RDWR | O_NOCTTY));
	need(tcgetattr(e.in, &raw));
	raw.c_iflag = 0;
	raw.c_oflag = 0;
	raw.c_lflag = 0;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	need(tcsetattr(e.in, TCSANOW, &raw));
}

static void
open_ends(enum kind kind)
{
	int a[2], b[2];

	if (kind == TERMINAL)
		open_terminal();
	else if (kind == SOCKET) {
		need(socketpair(AF_UNIX, SOCK_STREAM, 0, a));
		e = (struct ends){ a[0], a[0], a[1], a[1] };
	} else {
		need(pipe(a));
		need(pipe(b));
		e = (struct ends){ a[0], b[1], b[0], a[1] };
	}
	memset(&c, 0, sizeof c);
	channel_open(&c, e.in, e.out, LATE);
}

static void
shut(int *one, int *other)
{
	if (*other >= 0 && *other != *one)
		close(*other);
	if (*one >= 0)
		close(*one);
	*one = *other = -1;
}

static void
leave(void)
{
	shut(&e.their_in, &e.their_out);
}

static void
close_ends(void)
{
	leave();
	shut(&e.in, &e.out);
}

static void
they_say(const char *octets, size_t len)
{
	if (write(e.their_out, octets, len) != (ssize_t)len)
		need(-1);
}

static void
they_type(const char *string)
{
	they_say(string, strlen(string));
}

/* Do they hear exactly this? */
static bool
they_hear(const char *string)
{
	char got[256];
	size_t len = strlen(string), at = 0;
	ssize_t n = 1;

	while (at < len && n > 0) {
		n = read(e.their_in, got + at, len - at);
		if (n > 0)
			at += (size_t)n;
	}
	return at == len && memcmp(got, string, len) == 0;
}

static long long
soon(void)
{
	return channel_now() + SOON;
}

static long long
late(void)
{
	return channel_now() + LATE;
}

static bool
fills(void)
{
	return channel_fill(&c, late()) == CHANNEL_OK;
}

/* Is this what is buffered? */
static bool
has(const char *string)
{
	size_t len;
	const char *octets = channel_peek(&c, &len);

	return len == strlen(string) && memcmp(octets, string, len) == 0;
}

static void
queue(const char *string)
{
	channel_write(&c, (struct span){ string, strlen(string) });
}

/* ---- whatever the kind ---- */

static bool
flags_are(int in, int out)
{
	return fcntl(e.in, F_GETFL) == in && fcntl(e.out, F_GETFL) == out;
}

static bool
comes_too_soon(void)
{
	long long start = channel_now();

	return channel_fill(&c, start + SOON) != CHANNEL_TIMEOUT ||
	    channel_now() - start < SOON;
}

static bool
talks(void)
{
	struct span record;

	they_type("HELO\r\n");
	if (!fills() || channel_record(&c, '\n', 100, &record) != CHANNEL_OK ||
	    record.len != 6 || memcmp(record.ptr, "HELO\r\n", 6) != 0)
		return false;
	queue("250");
	queue(" mx\r\n");
	return channel_flush(&c) == CHANNEL_OK && they_hear("250 mx\r\n") &&
	    c.octets_in == 6 && c.octets_out == 8;
}

static void
either_way(enum kind kind, int nonblock)
{
	char name[100];
	int in, out;
	bool good;

	open_ends(kind);
	need(fcntl(e.in, F_SETFL, fcntl(e.in, F_GETFL) | nonblock));
	need(fcntl(e.out, F_SETFL, fcntl(e.out, F_GETFL) | nonblock));
	in = fcntl(e.in, F_GETFL);
	out = fcntl(e.out, F_GETFL);
	good = !comes_too_soon() && talks() && !comes_too_soon();
	snprintf(name, sizeof name, "%s, %s: talks, and keeps a deadline",
	    kinds[kind], nonblock ? "O_NONBLOCK" : "blocking");
	ok(good, name);
	snprintf(name, sizeof name, "%s, %s: flags are as they were",
	    kinds[kind], nonblock ? "O_NONBLOCK" : "blocking");
	ok(flags_are(in, out) && c.read_errno == 0 && c.write_errno == 0,
	    name);
	close_ends();
}

static void
every_kind(void)
{
	int kind;

	for (kind = SOCKET; kind < KINDS; kind++) {
		either_way((enum kind)kind, 0);
		either_way((enum kind)kind, O_NONBLOCK);
	}
}

/* ---- input ---- */

static void
waiting(void)
{
	open_ends(SOCKET);
	they_type("x");
	ok(channel_fill(&c, 0) == CHANNEL_OK && has("x"),
	    "what is there is taken also past the deadline");
	ok(channel_fill(&c, 0) == CHANNEL_TIMEOUT && has("x"),
	    "a deadline that has passed is a time-out at once");
	queue("y");
	ok(channel_fill(&c, soon()) == CHANNEL_TIMEOUT && they_hear("y"),
	    "a fill flushes before it waits");
	ok(channel_wait(&c.let_in, -1, -1, soon()) == CHANNEL_TIMEOUT &&
	    channel_wait(&c.let_in, -1, e.out, CHANNEL_FOREVER) == CHANNEL_OK,
	    "a wait asks only what it is told to");
	close_ends();
}

/* A stream in pieces of one size gives these records, at most 4 octets each;
 * a line of more is cut and marked '>'. */
static bool
records_of(const char *stream, size_t piece, const char *want)
{
	enum channel_status status;
	struct span r = { "", 0 };
	char got[256];
	size_t len = strlen(stream), at = 0, n = 0;

	open_ends(SOCKET);
	for (;;) {
		status = channel_record(&c, '\n', 4, &r);
		if (status == CHANNEL_EMPTY && at == len)
			break;
		if (status == CHANNEL_EMPTY) {
			if (piece > len - at)
				piece = len - at;
			they_say(stream + at, piece);
			at += piece;
			if (!fills())
				break;
			continue;
		}
		memcpy(got + n, r.ptr, r.len);
		n += r.len;
		got[n++] = status == CHANNEL_TOO_LONG ? '>' : '|';
	}
	close_ends();
	return n == strlen(want) && memcmp(got, want, n) == 0;
}

static void
records(void)
{
	static const char stream[] =
	    "a\n\nabc\nabcd\nabcde\nabcdefghij\nb\nabcdefg\n\n\ncut off";
	static const char want[] =
	    "a\n|\n|abc\n|abcd>abcd>abcd>b\n|abcd>\n|\n|";
	bool good = true;
	size_t piece;

	for (piece = 1; piece <= sizeof stream; piece++)
		good = good && records_of(stream, piece, want);
	ok(good, "records in pieces of every size, the long ones cut");
}

static void
other_delimiters(void)
{
	struct span r;

	open_ends(SOCKET);
	they_say("a\nb\0c", 5);
	ok(fills() && channel_record(&c, '\0', 9, &r) == CHANNEL_OK &&
	    r.len == 4 && memcmp(r.ptr, "a\nb", 4) == 0 &&
	    channel_record(&c, '\0', 9, &r) == CHANNEL_EMPTY && has("c"),
	    "the delimiter is the caller's; NUL is an octet");
	they_say("d\n", 2);
	ok(fills() && has("cd\n"),
	    "what is incomplete stays for the next fill");
	close_ends();
}

/* Longer than all buffers together. */
static void
endless_record(void)
{
	static char line[64 * 1024];
	enum channel_status status = CHANNEL_EMPTY;
	struct span r = { "", 0 };
	size_t sent;

	memset(line, 'x', sizeof line);
	open_ends(SOCKET);
	for (sent = 0; sent < 3 * (size_t)CHANNEL_IN_SIZE &&
	    status == CHANNEL_EMPTY; sent += sizeof line) {
		they_say(line, sizeof line);
		while (c.octets_in < sent + sizeof line && fills())
			status = channel_record(&c, '\n', 4096, &r);
	}
	they_type("yz\nNOOP\n");
	ok(status == CHANNEL_EMPTY && fills() &&
	    channel_record(&c, '\n', 4096, &r) == CHANNEL_TOO_LONG &&
	    r.len == 4096 && memcmp(r.ptr, line, 4096) == 0 && has("NOOP\n"),
	    "a record longer than the buffer is read to its delimiter");
	close_ends();
}

static void
peeking(void)
{
	struct span r;
	size_t len;

	open_ends(SOCKET);
	they_type("one\ntwo");
	ok(fills() && channel_record(&c, 'X', 99, &r) == CHANNEL_EMPTY &&
	    (channel_consume(&c, 2), has("e\ntwo")) &&
	    channel_record(&c, '\n', 99, &r) == CHANNEL_OK && r.len == 2,
	    "what is consumed is gone, and the rest is looked at anew");
	channel_peek(&c, &len)[0] = 'T';
	ok(len == 3 && has("Two"), "what is peeked at may be changed");
	channel_consume(&c, 3);
	ok((channel_peek(&c, &len), len == 0) &&
	    channel_record(&c, '\n', 99, &r) == CHANNEL_EMPTY,
	    "an empty input has no record");
	close_ends();
}

/* As much as there is room for, and no octet past it. */
static void
full_input(void)
{
	static char octets[4096];
	size_t len = 0, i;
	const char *in;
	bool good = true;

	open_ends(SOCKET);
	for (i = 0; i < sizeof octets; i++)
		octets[i] = (char)(i * 7 + i / 256);
	in = channel_peek(&c, &len);
	while (good && len < CHANNEL_IN_SIZE) {
		they_say(octets, sizeof octets);
		if (len + sizeof octets == CHANNEL_IN_SIZE)
			they_say(octets, 10);
		good = fills();
		in = channel_peek(&c, &len);
	}
	for (i = 0; i < len && good; i++)
		good = in[i] == octets[i % sizeof octets];
	ok(good && len == CHANNEL_IN_SIZE && c.octets_in == len,
	    "the buffer fills to its last octet");
	channel_consume(&c, len);
	ok(fills() && (channel_peek(&c, &len), len == 10),
	    "and what did not fit comes with the next fill");
	close_ends();
}

/* ---- ends ---- */

/* A TCP connection over loopback; their close is a reset. */
static void
open_tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct linger reset = { 1, 0 };
	socklen_t len = sizeof a;
	int listener = need(socket(AF_INET, SOCK_STREAM, 0));

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	need(bind(listener, (struct sockaddr *)&a, sizeof a));
	need(listen(listener, 1));
	need(getsockname(listener, (struct sockaddr *)&a, &len));
	e.their_in = e.their_out = need(socket(AF_INET, SOCK_STREAM, 0));
	need(connect(e.their_in, (struct sockaddr *)&a, sizeof a));
	e.in = e.out = need(accept(listener, NULL, NULL));
	close(listener);
	need(setsockopt(e.their_in, SOL_SOCKET, SO_LINGER, &reset,
	    sizeof reset));
	memset(&c, 0, sizeof c);
	channel_open(&c, e.in, e.out, LATE);
}

static void
end_of_file(void)
{
	bool good = true;
	int kind;

	for (kind = SOCKET; kind < KINDS; kind++) {
		open_ends((enum kind)kind);
		they_type("last");
		good = good && fills();
		leave();
		good = good && channel_fill(&c, late()) == CHANNEL_EOF &&
		    channel_fill(&c, late()) == CHANNEL_EOF && has("last") &&
		    c.octets_in == 4;
		close_ends();
	}
	ok(good, "end of file, again and again; what came before stays");
	open_ends(SOCKET);
	leave();
	ok(channel_fill(&c, late()) == CHANNEL_EOF && c.read_errno == 0,
	    "a polite end has no errno");
	close_ends();
	open_tcp();
	leave();
	ok(channel_fill(&c, late()) == CHANNEL_EOF &&
	    c.read_errno == ECONNRESET,
	    "a reset is an end too, with ECONNRESET");
	close_ends();
}

static bool
nobody_hears(enum kind kind)
{
	bool good;

	open_ends(kind);
	leave();
	queue("x");
	good = channel_flush(&c) == CHANNEL_EOF && c.write_errno == EPIPE &&
	    channel_flush(&c) == CHANNEL_EOF && c.octets_out == 0;
	queue("more");
	good = good && channel_flush(&c) == CHANNEL_EOF;
	close_ends();
	return good;
}

static void
broken_output(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	/* a socket kills nobody, whatever SIGPIPE does */
	ok(nobody_hears(SOCKET), "nobody reads the socket: end of file, EPIPE");
	sigaction(SIGPIPE, &ignore, NULL);
	ok(nobody_hears(PIPES), "nobody reads the pipe: end of file, EPIPE");
}

static void
half_close(void)
{
	char octet;

	open_ends(SOCKET);
	queue("bye");
	channel_flush(&c);
	channel_shutdown(&c);
	ok(they_hear("bye") && read(e.their_in, &octet, 1) == 0,
	    "after a half-close they read all, then end of file");
	they_type("x");
	ok(fills() && has("x"), "and we still read");
	close_ends();
	open_ends(PIPES);
	channel_shutdown(&c);
	queue("x");
	ok(channel_flush(&c) == CHANNEL_OK && they_hear("x"),
	    "a half-close does nothing to a pipe");
	close_ends();
}

/* They have closed, or half-closed, before something is sent to them. */
static void
too_late(void)
{
	struct linger polite = { 0, 0 };
	struct pollfd reset;
	bool good;

	open_tcp();
	reset = (struct pollfd){ .fd = e.out };	/* an error is always told */
	need(setsockopt(e.their_in, SOL_SOCKET, SO_LINGER, &polite,
	    sizeof polite));
	leave();
	queue("x");
	good = channel_flush(&c) == CHANNEL_OK && c.octets_out == 1;
	poll(&reset, 1, LATE);
	ok(good && channel_fill(&c, late()) == CHANNEL_EOF &&
	    c.write_errno != 0, "what they do not take any more is an error");
	close_ends();
	open_tcp();
	need(shutdown(e.their_in, SHUT_WR));
	queue("x");
	ok(channel_fill(&c, late()) == CHANNEL_EOF && c.write_errno == 0 &&
	    they_hear("x"), "behind their half-close it is none");
	close_ends();
}

/* Is there still an octet to be read? */
static bool
unread(int fd)
{
	struct timeval now = { 0, 0 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return select(fd + 1, &set, NULL, NULL, &now) == 1;
}

static void
drain(void)
{
	open_ends(SOCKET);
	they_type("unread");
	need(shutdown(e.their_out, SHUT_WR));
	channel_drain(&c, CHANNEL_FOREVER, 1000);
	ok(c.octets_in == 6, "a drain reads until end of file");
	close_ends();
	open_ends(SOCKET);
	they_type("unread");
	channel_drain(&c, soon(), 1000);
	ok(c.octets_in == 6, "or until the deadline");
	close_ends();
	open_ends(SOCKET);
	they_type("unread");
	channel_drain(&c, 0, 1000);
	ok(c.octets_in == 6, "a deadline of 0 takes what is there");
	close_ends();
	open_ends(SOCKET);
	they_type("unread");
	channel_drain(&c, CHANNEL_FOREVER, 6);
	ok(c.octets_in == 6, "or until so many octets");
	close_ends();
	open_ends(PIPES);
	they_type("unread");
	channel_drain(&c, soon(), 1000);
	ok(c.octets_in == 0 && unread(e.in), "a drain does nothing to a pipe");
	close_ends();
}

static void
no_connection(void)
{
	open_ends(PIPES);
	close(e.in);
	ok(channel_fill(&c, late()) == CHANNEL_ERROR && c.read_errno == EBADF,
	    "a closed descriptor is an error; its errno is kept");
	e.in = need(open("/", O_RDONLY));
	c.read_fd = e.in;
	ok(channel_fill(&c, late()) == CHANNEL_ERROR && c.read_errno == EISDIR,
	    "a directory is an error; its errno is kept");
	close(e.out);
	e.out = -1;
	queue("x");
	ok(channel_flush(&c) == CHANNEL_ERROR && c.write_errno == EBADF,
	    "as for writing");
	close_ends();
}

static void
too_high(void)
{
	struct rlimit limit = { FD_SETSIZE + 1, FD_SETSIZE + 1 };
	int fd = -1;

	open_ends(PIPES);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur <= FD_SETSIZE && limit.rlim_max > FD_SETSIZE) {
		limit.rlim_cur = FD_SETSIZE + 1;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	fd = fcntl(e.in, F_DUPFD, FD_SETSIZE);
	if (fd < 0)
		printf("# no descriptor past FD_SETSIZE here\n");
	else
		ok(channel_wait(&c.let_in, fd, -1, late()) == CHANNEL_ERROR &&
		    channel_wait(&c.let_in, -1, fd, late()) == CHANNEL_ERROR,
		    "what cannot be waited for is an error");
	if (fd >= 0)
		close(fd);
	close_ends();
}

/* ---- output ---- */

static void
output(void)
{
	static char octets[CHANNEL_OUT_SIZE], got[CHANNEL_OUT_SIZE];
	size_t i, at = 0;
	ssize_t n = 1;

	for (i = 0; i < sizeof octets; i++)
		octets[i] = (char)(i * 7 + i / 256);
	open_ends(PIPES);
	ok(channel_room(&c) == CHANNEL_OUT_SIZE &&
	    (queue("xyz"), channel_room(&c) == CHANNEL_OUT_SIZE - 3) &&
	    channel_flush(&c) == CHANNEL_OK &&
	    channel_room(&c) == CHANNEL_OUT_SIZE && they_hear("xyz"),
	    "room is what is not queued; a flush empties the queue");
	channel_write(&c, (struct span){ octets, sizeof octets });
	ok(channel_room(&c) == 0 && channel_flush(&c) == CHANNEL_OK &&
	    c.octets_out == sizeof octets + 3, "a full queue leaves whole");
	while (at < sizeof got && n > 0) {
		n = read(e.their_in, got + at, sizeof got - at);
		at += n > 0 ? (size_t)n : 0;
	}
	ok(memcmp(got, octets, sizeof got) == 0, "and unchanged");
	ok(channel_flush(&c) == CHANNEL_OK && !unread(e.their_in),
	    "a flush of nothing writes nothing");
	close_ends();
}

/* Until it takes not one octet more; as if by somebody else. */
static void
stuff(int fd)
{
	static const char octets[4096];
	int flags = fcntl(fd, F_GETFL);
	size_t size;

	need(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
	for (size = sizeof octets; size > 0; size /= 2)
		while (write(fd, octets, size) > 0)
			;
	need(fcntl(fd, F_SETFL, flags));
}

/* So many octets a flush, until they are too many. */
static bool
nobody_reads(enum kind kind, int nonblock, size_t len)
{
	static const char octets[CHANNEL_OUT_SIZE];
	enum channel_status status = CHANNEL_OK;
	long long start = 0;
	int flags;
	bool good;

	open_ends(kind);
	channel_patience(&c, SOON);
	need(fcntl(e.out, F_SETFL, fcntl(e.out, F_GETFL) | nonblock));
	flags = fcntl(e.out, F_GETFL);
	while (status == CHANNEL_OK && c.octets_out < (1U << 26)) {
		channel_write(&c, (struct span){ octets, len });
		start = channel_now();
		status = channel_flush(&c);
	}
	good = status == CHANNEL_TIMEOUT && channel_now() - start >= SOON;
	queue("y");
	good = good && channel_flush(&c) == CHANNEL_TIMEOUT &&
	    channel_fill(&c, late()) == CHANNEL_TIMEOUT &&
	    fcntl(e.out, F_GETFL) == flags;
	close_ends();
	return good;
}

static void
patience(void)
{
	char name[100];
	int kind;

	for (kind = SOCKET; kind < KINDS; kind++) {
		snprintf(name, sizeof name, "nobody reads %s: a time-out, and "
		    "nothing is written after it", kinds[kind]);
		/* a blocking terminal: see little_room */
		ok(nobody_reads((enum kind)kind, O_NONBLOCK, 1000) &&
		    (kind == TERMINAL ||
		    (nobody_reads((enum kind)kind, 0, CHANNEL_OUT_SIZE) &&
		    nobody_reads((enum kind)kind, 0, 1000))), name);
	}
}

/* Is there room for at least one octet? */
static bool
writable(int fd)
{
	struct timeval now = { 0, 0 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return select(fd + 1, NULL, &set, NULL, &now) == 1;
}

/* Room for a little more, in a child: what blocks is ended by its alarm.  How
 * much room a terminal has changes behind our back, so it may not show. */
static bool
little_room(enum kind kind)
{
	static char octets[CHANNEL_OUT_SIZE];
	int status = 0;
	pid_t pid;

	open_ends(kind);
	stuff(e.out);
	while (!writable(e.out) && unread(e.their_in) &&
	    read(e.their_in, octets, 1) == 1)
		;
	if ((pid = need(fork())) == 0) {
		alarm(3);
		channel_patience(&c, SOON);
		channel_write(&c, (struct span){ octets, sizeof octets });
		channel_flush(&c);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	close_ends();
	return status == 0;
}

static void
room(void)
{
	enum { TRIES = 10 };
	char name[100];
	int kind, i;

	for (kind = SOCKET; kind < KINDS; kind++) {
		snprintf(name, sizeof name,
		    "%s, blocking, with little room: no write blocks",
		    kinds[kind]);
		for (i = 0; i < TRIES && little_room((enum kind)kind); i++)
			;
		ok(i == TRIES, name);
	}
}

/* One who reads a page each time that another flush would be due. */
static pid_t
slow_reader(void)
{
	struct timespec pause = { 0, SOON / 2 * 1000000 };
	char page[4096];
	pid_t pid = need(fork());

	if (pid > 0)
		return pid;
	alarm(60);
	close(e.in);
	close(e.out);
	while (nanosleep(&pause, NULL) == 0 &&
	    read(e.their_in, page, sizeof page) > 0)
		;
	_exit(0);
}

static void
slow(void)
{
	static const char octets[CHANNEL_OUT_SIZE];
	enum channel_status status;
	pid_t pid;

	open_ends(PIPES);
	stuff(e.out);
	pid = slow_reader();
	channel_patience(&c, SOON);
	channel_write(&c, (struct span){ octets, sizeof octets });
	status = channel_flush(&c);
	ok(status == CHANNEL_TIMEOUT && c.octets_out < sizeof octets,
	    "a slow reader does not move the deadline of a flush");
	close_ends();
	waitpid(pid, NULL, 0);
}

/* ---- signals ---- */

static void
on_signal(int number)
{
	(void)number;
	signals++;
}

static void
block_signal(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGUSR1, &action, NULL);
}

static void
interrupted_fill(void)
{
	struct span r;

	open_ends(SOCKET);
	signals = 0;
	raise(SIGUSR1);
	queue("x");
	ok(channel_flush(&c) == CHANNEL_OK && channel_now() > 0 &&
	    channel_record(&c, '\n', 9, &r) == CHANNEL_EMPTY && signals == 0,
	    "a signal stays blocked where nothing waits");
	ok(channel_fill(&c, late()) == CHANNEL_INTERRUPTED && signals == 1,
	    "a wait lets it in, and says so");
	they_type("x");
	ok(fills() && has("x") && signals == 1, "the same call goes on");
	raise(SIGUSR1);
	ok(channel_wait(&c.let_in, -1, -1, late()) == CHANNEL_INTERRUPTED &&
	    signals == 2, "as does a wait for nothing else");
	close_ends();
}

/* Linux lets no signal in where a descriptor is ready at once. */
static void
busy_fill(void)
{
	enum channel_status status = CHANNEL_OK;
	size_t len;

	open_ends(SOCKET);
	signals = 0;
	raise(SIGUSR1);
	while (status == CHANNEL_OK) {
		they_type("x");
		status = channel_fill(&c, late());
		channel_peek(&c, &len);
		channel_consume(&c, len);
	}
	ok(status == CHANNEL_INTERRUPTED && signals == 1,
	    "input that never pauses holds no signal off for ever");
	close_ends();
}

static void
interrupted_flush(void)
{
	char octets[4096];

	open_ends(PIPES);
	stuff(e.out);
	queue("x");
	queue("y");
	signals = 0;
	raise(SIGUSR1);
	ok(channel_flush(&c) == CHANNEL_INTERRUPTED && signals == 1 &&
	    c.octets_out == 0, "a flush that waits is interrupted");
	while (unread(e.their_in) && read(e.their_in, octets,
	    sizeof octets) > 0)
		;
	ok(channel_flush(&c) == CHANNEL_OK && they_hear("xy") &&
	    !unread(e.their_in) && c.octets_out == 2,
	    "and goes on: every octet once");
	close_ends();
}

/* Somebody who signals us more often than a flush may take. */
static pid_t
pester(void)
{
	struct timespec pause = { 0, SOON / 4 * 1000000 };
	pid_t us = getpid(), pid = need(fork());

	if (pid > 0)
		return pid;
	alarm(60);
	while (nanosleep(&pause, NULL) == 0 && kill(us, SIGUSR1) == 0)
		;
	_exit(0);
}

static void
interrupted_deadline(void)
{
	enum channel_status status;
	long long start;
	pid_t pid;

	open_ends(PIPES);
	channel_patience(&c, SOON);
	stuff(e.out);
	queue("x");
	pid = pester();
	start = channel_now();
	do
		status = channel_flush(&c);
	while (status == CHANNEL_INTERRUPTED &&
	    channel_now() - start < LATE / 2);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(status == CHANNEL_TIMEOUT && channel_now() - start >= SOON,
	    "no signal moves the deadline of a flush");
	close_ends();
	open_ends(PIPES);
	stuff(e.out);
	queue("x");
	raise(SIGUSR1);
	channel_flush(&c);
	channel_patience(&c, SOON);
	start = channel_now();
	ok(channel_flush(&c) == CHANNEL_TIMEOUT &&
	    channel_now() - start < LATE,
	    "another patience counts also for an interrupted flush");
	close_ends();
}

/* ---- terminals ---- */

static void
terminal(void)
{
	open_ends(TERMINAL);
	they_type("a\n\nb\r\nc\r\rd\n");
	ok(fills() && has("a\r\n\r\nb\r\nc\r\rd\r\n"),
	    "a terminal's LF is CR LF; its CR LF stays");
	close_ends();
	open_ends(TERMINAL);
	they_type("a\r");
	ok(fills() && (they_type("\n"), fills()) && has("a\r\n") &&
	    (they_type("\n"), fills()) && has("a\r\n\r\n"),
	    "also where a fill ends between the two");
	queue("b\r\n");
	ok(channel_flush(&c) == CHANNEL_OK && they_hear("b\r\n"),
	    "what is written to it is not changed");
	close_ends();
	open_ends(PIPES);
	they_type("a\n");
	ok(fills() && has("a\n"), "a pipe's LF stays");
	close_ends();
}

/* To another connection of each kind. */
static void
moves_to(enum kind kind)
{
	struct channel kept;
	struct ends old;
	struct span record;
	char name[100];
	bool good;

	open_ends(SOCKET);
	they_type("clear\r\nhalf");
	good = fills() && channel_record(&c, '\n', 100, &record) ==
	    CHANNEL_OK && has("half");
	queue("go\r\n");
	good = good && channel_record(&c, '\n', 100, &record) ==
	    CHANNEL_EMPTY && channel_flush(&c) == CHANNEL_OK &&
	    they_hear("go\r\n");
	they_type(" late\r\n");
	old = e;
	kept = c;
	open_ends(kind);
	c = kept;
	channel_move(&c, e.in, e.out);
	good = good && has("") && channel_record(&c, '\n', 100, &record) ==
	    CHANNEL_EMPTY;
	they_type("new\r\n");
	good = good && fills() && channel_record(&c, '\n', 100, &record) ==
	    CHANNEL_OK && record.len == 5 &&
	    memcmp(record.ptr, "new\r\n", 5) == 0 && has("");
	queue("yes\r\n");
	good = good && channel_flush(&c) == CHANNEL_OK &&
	    they_hear("yes\r\n") && c.octets_in == 16 && c.octets_out == 9;
	snprintf(name, sizeof name, "a move to %s drops the input, and a "
	    "record that was begun", kinds[kind]);
	ok(good, name);
	close_ends();
	e = old;
	close_ends();
}

static void
moving(void)
{
	int kind;

	for (kind = SOCKET; kind < KINDS; kind++)
		moves_to((enum kind)kind);
}

static void
words(void)
{
	bool good = true;
	int i, k;

	for (i = CHANNEL_OK; i <= CHANNEL_ERROR; i++)
		for (k = CHANNEL_OK; k < i; k++)
			good = good && strcmp(
			    channel_text((enum channel_status)i),
			    channel_text((enum channel_status)k)) != 0;
	ok(good, "each status has words of its own");
}

int
main(void)
{
	alarm(120);
	every_kind();
	waiting();
	records();
	other_delimiters();
	endless_record();
	peeking();
	full_input();
	end_of_file();
	broken_output();
	half_close();
	too_late();
	drain();
	no_connection();
	too_high();
	output();
	patience();
	room();
	slow();
	block_signal();
	interrupted_fill();
	busy_fill();
	interrupted_flush();
	interrupted_deadline();
	terminal();
	moving();
	words();
	return tap_end();
}

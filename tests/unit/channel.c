/*
 * The channel over every kind of descriptor: a socket, two pipes, a terminal,
 * non-blocking ones.
 */
#define _XOPEN_SOURCE 700	/* posix_openpt */
#include "tap.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <termios.h>

static struct channel c;

/* The channel's ends, and ours. */
struct ends {
	int their_in, their_out, writes, reads;
};

static struct ends
socket_ends(void)
{
	int fd[2];

	assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	return (struct ends){ fd[0], fd[0], fd[1], fd[1] };
}

static struct ends
pipe_ends(void)
{
	int in[2], out[2];

	assert(pipe(in) == 0 && pipe(out) == 0);
	return (struct ends){ in[0], out[1], in[1], out[0] };
}

static void
close_ends(struct ends *e)
{
	close(e->their_in);
	if (e->their_out != e->their_in)
		close(e->their_out);
	close(e->writes);
	if (e->reads != e->writes)
		close(e->reads);
}

static void
open_channel(const struct ends *e)
{
	memset(&c, 0, sizeof c);
	channel_open(&c, e->their_in, e->their_out, 50);
}

static long long
soon(void)
{
	return channel_now() + 50;
}

static bool
send_text(const struct ends *e, const char *text)
{
	return write(e->writes, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool
record_is(const char *want)
{
	struct span got;

	return channel_record(&c, '\n', 10, &got) == CHANNEL_OK &&
	    got.len == strlen(want) && memcmp(got.ptr, want, got.len) == 0;
}

static bool
both_ways(struct ends *e)
{
	char got[16];

	open_channel(e);
	channel_write(&c, (struct span){ "one", 3 });
	channel_write(&c, (struct span){ "two", 3 });
	return send_text(e, "a\r\nbc\nd") &&
	    channel_fill(&c, soon()) == CHANNEL_OK &&
	    read(e->reads, got, sizeof got) == 6 &&
	    memcmp(got, "onetwo", 6) == 0 && record_is("a\r\n") &&
	    record_is("bc\n") && !record_is("d") && send_text(e, "\n") &&
	    channel_fill(&c, soon()) == CHANNEL_OK && record_is("d\n") &&
	    c.octets_in == 8 && c.octets_out == 6;
}

/* A wait on a blocking descriptor ends in time, and not before. */
static bool
times_out(struct ends *e)
{
	long long begun = channel_now();

	open_channel(e);
	return channel_fill(&c, begun + 50) == CHANNEL_TIMEOUT &&
	    channel_now() - begun >= 50;
}

/* Nor does one that nobody reads from block us. */
static bool
write_times_out(struct ends *e)
{
	static const char block[1024];
	int i;

	open_channel(e);
	for (i = 0; i < 10000; i++) {
		if (channel_room(&c) < sizeof block &&
		    channel_flush(&c) != CHANNEL_OK)
			return channel_flush(&c) == CHANNEL_TIMEOUT &&
			    channel_fill(&c, soon()) == CHANNEL_TIMEOUT;
		channel_write(&c, (struct span){ block, sizeof block });
	}
	return false;
}

/* A reader that is gone is an end of file, not a signal. */
static bool
reader_gone(struct ends *e)
{
	open_channel(e);
	close(e->reads);
	if (e->writes != e->reads)
		close(e->writes);
	channel_write(&c, (struct span){ "x", 1 });
	return channel_flush(&c) == CHANNEL_EOF && c.write_errno != 0 &&
	    channel_flush(&c) == CHANNEL_EOF;
}

static bool
flags_stay(struct ends *e, int flags)
{
	int in, out;

	fcntl(e->their_in, F_SETFL, flags);
	fcntl(e->their_out, F_SETFL, flags);
	in = fcntl(e->their_in, F_GETFL);
	out = fcntl(e->their_out, F_GETFL);
	return both_ways(e) && times_out(e) &&
	    fcntl(e->their_in, F_GETFL) == in &&
	    fcntl(e->their_out, F_GETFL) == out;
}

static void
each_kind(struct ends (*make)(void), const char *kind)
{
	bool (*const tests[])(struct ends *) = { both_ways, times_out,
	    write_times_out, reader_gone };
	static const char *const names[] = { "records in, gathered output out",
	    "a wait ends with its deadline", "so does a flush nobody reads",
	    "a reader that is gone is an end of file" };
	char name[128];
	struct ends e;
	size_t i;

	for (i = 0; i < sizeof tests / sizeof *tests; i++) {
		e = make();
		snprintf(name, sizeof name, "%s: %s", kind, names[i]);
		ok(tests[i](&e), name);
		if (tests[i] != reader_gone)
			close_ends(&e);
	}
	e = make();
	snprintf(name, sizeof name, "%s: flags stay, blocking or not", kind);
	ok(flags_stay(&e, 0) && flags_stay(&e, O_NONBLOCK), name);
	close_ends(&e);
}

static void
long_records(void)
{
	struct ends e = socket_ends();
	struct span got;

	open_channel(&e);
	ok(send_text(&e, "0123456789abcdef") &&
	    channel_fill(&c, soon()) == CHANNEL_OK &&
	    channel_record(&c, '\n', 10, &got) == CHANNEL_EMPTY &&
	    send_text(&e, "more\nnext\n") &&
	    channel_fill(&c, soon()) == CHANNEL_OK &&
	    channel_record(&c, '\n', 10, &got) == CHANNEL_TOO_LONG &&
	    got.len == 10 && memcmp(got.ptr, "0123456789", 10) == 0 &&
	    record_is("next\n"),
	    "a record that is too long is cut, and read to its end");
	close_ends(&e);
}

static void
on_signal(int number)
{
	(void)number;
}

static void
block(int number)
{
	struct sigaction act = { .sa_handler = on_signal };
	sigset_t set;

	sigaction(number, &act, NULL);
	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void
signals(void)
{
	struct ends e = socket_ends();
	enum channel_status status = CHANNEL_OK;
	long long end;
	size_t len;

	block(SIGUSR1);
	open_channel(&e);
	raise(SIGUSR1);
	ok(channel_fill(&c, soon()) == CHANNEL_INTERRUPTED &&
	    channel_fill(&c, soon()) == CHANNEL_TIMEOUT,
	    "a signal that came before the wait interrupts it, once");
	raise(SIGUSR1);
	for (end = channel_now() + 5000; status == CHANNEL_OK &&
	    channel_now() < end && send_text(&e, "x\n");) {
		status = channel_fill(&c, soon());
		channel_peek(&c, &len);
		channel_consume(&c, len);
	}
	ok(status == CHANNEL_INTERRUPTED,
	    "and is let in where there is always something to read");
	close_ends(&e);
}

static void
ends_of_sockets(void)
{
	struct ends e = socket_ends();
	char got;

	open_channel(&e);
	channel_shutdown(&c);
	ok(read(e.reads, &got, 1) == 0 && send_text(&e, "x") &&
	    channel_fill(&c, soon()) == CHANNEL_OK,
	    "a half-close ends one direction only");
	send_text(&e, "unread");
	shutdown(e.writes, SHUT_WR);
	channel_drain(&c, soon(), 1 << 20);
	ok(channel_fill(&c, soon()) == CHANNEL_EOF && c.octets_in == 7,
	    "what is drained is read to the end of file");
	close_ends(&e);
	e = socket_ends();
	open_channel(&e);
	channel_drain(&c, 0, 1 << 20);
	ok(c.octets_in == 0, "a drain without a deadline does not wait");
	close_ends(&e);
}

static void
terminal(void)
{
	int ours = posix_openpt(O_RDWR | O_NOCTTY), theirs;
	struct ends e;

	assert(ours >= 0 && grantpt(ours) == 0 && unlockpt(ours) == 0);
	theirs = open(ptsname(ours), O_RDWR | O_NOCTTY);
	assert(theirs >= 0);
	e = (struct ends){ theirs, theirs, ours, ours };
	open_channel(&e);
	ok(send_text(&e, "QUIT\n") && channel_fill(&c, soon()) == CHANNEL_OK &&
	    record_is("QUIT\r\n"), "a terminal's LF is read as CR LF");
	ok(times_out(&e), "a terminal: a wait ends with its deadline");
	close_ends(&e);
}

static void
no_connection(void)
{
	struct ends e = { open("/", O_RDONLY), 1, 1, 1 };

	open_channel(&e);
	ok(channel_fill(&c, soon()) == CHANNEL_ERROR && c.read_errno != 0,
	    "what cannot be read is an error, with its errno");
	close(e.their_in);
}

int
main(void)
{
	alarm(60);
	sigaction(SIGPIPE, &(struct sigaction){ .sa_handler = SIG_IGN },
	    NULL);
	each_kind(socket_ends, "socket");
	each_kind(pipe_ends, "pipes");
	long_records();
	signals();
	ends_of_sockets();
	terminal();
	no_connection();
	return tap_end();
}

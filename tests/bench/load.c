/*
 * Clients of an SMTP server that listens, many at a time: how many sessions it
 * serves in a second, and how long one of them takes.
 *
 *	load [option ...] HOST:PORT
 *
 *	-c N[,N...]	clients at a time; each number is a measure (1,10,100)
 *	-t SECONDS	of a measure, after which no session begins (1)
 *	-n N		nor more than N sessions (any)
 *	-s OCTETS	a message (2048)
 *	-i N		sessions that stay open and idle meanwhile (0)
 *	-k		no measure: the idle ones stay until standard input ends
 *
 * A client connects, sends one message from ann@example.net to
 * help0@example.org, each command after the reply to the one before, hears the
 * reply to QUIT, closes, and connects anew.  An idle session has heard the
 * greeting, no more.  Ahead of all that the server has ten seconds to be there,
 * and one session that does not count.
 *
 * A line of name=value is printed for each measure: clients, idle, sessions;
 * session_us, the time for one of them, from the first connect to the end of
 * the last divided by their number; and of the times from a session's connect
 * to its reply to QUIT: median_us, and p99_us, which one in a hundred exceeds.
 * With -k a line idle=N, as soon as they are open.
 *
 * Exit status 1, and the reason on descriptor 2, where any session is answered
 * other than it should be, or is cut, or nothing happens for ten seconds.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IDLE_MAX = 10000, CLIENTS_MAX = 1000, SESSIONS_MAX = 1000000,
    MEASURES_MAX = 16, OPENERS = 50, PATIENCE_SECONDS = 10 };

/* A client's side of a session, in turn; the reply's first digit. */
static const struct step {
	const char *command, *what;	/* NULL: the message */
	char reply;
} steps[] = {
	{ "", "connecting", '2' },
	{ "EHLO client.example\r\n", "EHLO", '2' },
	{ "MAIL FROM:<ann@example.net>\r\n", "MAIL", '2' },
	{ "RCPT TO:<help0@example.org>\r\n", "RCPT", '2' },
	{ "DATA\r\n", "DATA", '3' },
	{ NULL, "the message", '2' },
	{ "QUIT\r\n", "QUIT", '2' },
};

enum { LAST_STEP = sizeof steps / sizeof *steps - 1 };

struct client {
	int fd;
	size_t step;			/* whose reply is awaited */
	double begun;
	size_t len;
	char input[2048];		/* of the reply, as yet */
};

struct load {
	struct sockaddr_storage to;
	socklen_t to_len;
	long measures, clients[MEASURES_MAX], idle, sessions;
	double seconds;
	bool keep;
	int epoll;
	size_t size;
	char message[64 * 1024];
	struct client *idlers, *workers;
};

/* What is going on: a measure, or the opening of those that stay idle. */
struct phase {
	size_t last;			/* step of a session */
	long begun, most, ended, open;	/* sessions */
	double deadline;		/* none begins after it */
	double from, to;
	double *took;			/* each session; NULL: it stays */
};

static _Noreturn void
fail(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	fputs("load: ", stderr);
	vfprintf(stderr, format, values);
	fputs("\n", stderr);
	va_end(values);
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- a session ---- */

static void
fill_message(struct load *l)
{
	static const char header[] = "From: <ann@example.net>\r\n"
	    "To: <help0@example.org>\r\nSubject: measure\r\n\r\n",
	    line[] = "The quick brown fox jumps over the lazy dog, "
	    "then naps until supper is ready\r\n";
	const size_t unit = sizeof line - 1, end = 3;
	size_t at = sizeof header - 1;

	if (l->size > sizeof l->message - end)
		fail("-s: out of range");
	memcpy(l->message, header, at);
	for (; at + unit <= l->size; at += unit)
		memcpy(l->message + at, line, unit);
	memcpy(l->message + at, ".\r\n", end);
	l->size = at + end;
}

static void
connect_client(struct load *l, struct client *c)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	c->begun = now();
	c->step = c->len = 0;
	c->fd = socket(l->to.ss_family, SOCK_STREAM, 0);
	if (c->fd < 0 || fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0)
		fail("socket: %s", strerror(errno));
	if (connect(c->fd, (struct sockaddr *)&l->to, l->to_len) != 0 &&
	    errno != EINPROGRESS)
		fail("connect: %s", strerror(errno));
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
		fail("epoll_ctl: %s", strerror(errno));
}

/* A command fits into the socket: the one before has been answered. */
static void
send_step(const struct load *l, const struct client *c)
{
	const struct step *step = &steps[c->step];
	const char *text = step->command;
	size_t len = text != NULL ? strlen(text) : l->size;

	if (text == NULL)
		text = l->message;
	if (send(c->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		fail("sending %s: %s", step->what, strerror(errno));
}

static void
read_more(struct client *c)
{
	const char *what = steps[c->step].what;
	ssize_t n = recv(c->fd, c->input + c->len, sizeof c->input - c->len, 0);

	if (n < 0)
		fail("after %s: %s", what, strerror(errno));
	if (n == 0)
		fail("the server closed after %s", what);
	c->len += (size_t)n;
}

/* Of the last line that is here; NULL: the reply goes on. */
static const char *
whole_reply(const struct client *c)
{
	const char *at = c->input, *end = at + c->len, *line, *next;

	for (line = at; at < end; at = next) {
		next = memchr(at, '\n', (size_t)(end - at));
		if (next++ == NULL)
			return NULL;
		line = at;
	}
	return end - line >= 4 && line[3] != '-' ? line : NULL;
}

/* True where the awaited reply is here, and is the right one. */
static bool
is_answered(struct client *c)
{
	const struct step *step = &steps[c->step];
	const char *line;

	read_more(c);
	line = whole_reply(c);
	if (line == NULL) {
		if (c->len == sizeof c->input)
			fail("a reply without end after %s", step->what);
		return false;
	}
	if (*line != step->reply)
		fail("after %s: %.*s", step->what, (int)strcspn(line, "\r\n"),
		    line);
	c->len = 0;
	return true;
}

/* ---- many of them ---- */

static void
begin_session(struct load *l, struct phase *p, struct client *c)
{
	connect_client(l, c);
	p->begun++;
	p->open++;
}

/* The client that goes on: a new one where this one stays. */
static void
end_session(struct load *l, struct phase *p, struct client *c)
{
	p->to = now();
	p->open--;
	if (p->took != NULL) {
		p->took[p->ended] = p->to - c->begun;
		close(c->fd);
	}
	p->ended++;
	if (p->begun < p->most && p->to < p->deadline)
		begin_session(l, p, p->took != NULL ? c :
		    l->idlers + p->begun);
}

static void
go_on(struct load *l, struct phase *p, struct client *c)
{
	if (c < l->workers && p->took != NULL)
		fail("an idle session was ended, or spoken to");
	if (!is_answered(c))
		return;
	if (c->step == p->last) {
		end_session(l, p, c);
		return;
	}
	c->step++;
	send_step(l, c);
}

static void
run(struct load *l, struct phase *p, struct client *first, long clients)
{
	struct epoll_event events[64];
	int n, i;

	p->from = now();
	p->deadline += p->from;
	while (p->begun < clients && p->begun < p->most)
		begin_session(l, p, first + p->begun);
	while (p->open > 0) {
		n = epoll_wait(l->epoll, events, 64, PATIENCE_SECONDS * 1000);
		if (n == 0)
			fail("no reply for %d seconds", PATIENCE_SECONDS);
		for (i = 0; i < n; i++)
			go_on(l, p, events[i].data.ptr);
	}
}

/* ---- what is measured ---- */

static int
compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct phase
load(struct load *l, long clients, long sessions, double seconds)
{
	static double took[SESSIONS_MAX];
	struct phase p = { .last = LAST_STEP, .most = sessions,
	    .deadline = seconds, .took = took };

	run(l, &p, l->workers, clients);
	qsort(took, (size_t)p.ended, sizeof *took, compare);
	return p;
}

static void
measure(struct load *l, long clients)
{
	struct phase p = load(l, clients, l->sessions, l->seconds);

	printf("clients=%ld idle=%ld sessions=%ld session_us=%.2f"
	    " median_us=%.1f p99_us=%.1f\n", clients, l->idle, p.ended,
	    (p.to - p.from) * 1e6 / (double)p.ended, p.took[p.ended / 2] * 1e6,
	    p.took[p.ended * 99 / 100] * 1e6);
	fflush(stdout);
}

/* Few at a time, so that no queue of the server's overflows. */
static void
open_idle(struct load *l)
{
	struct phase p = { .last = 0, .most = l->idle, .deadline = 1e9 };

	run(l, &p, l->idlers, OPENERS);
}

/* The server has seen their ends when this returns. */
static void
close_idle(struct load *l)
{
	struct pollfd p = { .events = POLLIN };
	struct client *c;
	long i;

	for (i = 0; i < l->idle; i++)
		shutdown(l->idlers[i].fd, SHUT_WR);
	for (i = 0; i < l->idle; i++) {
		c = &l->idlers[i];
		p.fd = c->fd;
		while (poll(&p, 1, PATIENCE_SECONDS * 1000) > 0 &&
		    recv(c->fd, c->input, sizeof c->input, 0) > 0)
			;
		close(c->fd);
	}
}

static void
await_server(const struct load *l)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	double by = now() + PATIENCE_SECONDS;
	int fd, error = -1;

	while (error != 0) {
		fd = socket(l->to.ss_family, SOCK_STREAM, 0);
		error = connect(fd, (const struct sockaddr *)&l->to, l->to_len);
		if (error != 0 && now() > by)
			fail("connect: %s", strerror(errno));
		close(fd);
		nanosleep(&pause, NULL);
	}
}

static void
keep_idle(const struct load *l)
{
	printf("idle=%ld\n", l->idle);
	fflush(stdout);
	while (getchar() != EOF)
		;
}

/* ---- the command line ---- */

static long
number(const char *text, long most)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || n > most)
		fail("%s: not a number up to %ld", text, most);
	return n;
}

static void
take_clients(struct load *l, char *list)
{
	char *one, *rest = list;

	l->measures = 0;
	while ((one = strtok_r(rest, ",", &rest)) != NULL) {
		if (l->measures == MEASURES_MAX)
			fail("-c: too many");
		l->clients[l->measures] = number(one, CLIENTS_MAX);
		if (l->clients[l->measures++] == 0)
			fail("-c: out of range");
	}
}

static void
take_address(struct load *l, char *address)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	char *port = address != NULL ? strrchr(address, ':') : NULL;
	struct addrinfo *found;
	int error;

	if (port == NULL)
		fail("no HOST:PORT");
	*port++ = '\0';
	if (*address == '[' && port[-2] == ']') {	/* [::1]:25 */
		port[-2] = '\0';
		address++;
	}
	error = getaddrinfo(address, port, &hints, &found);
	if (error != 0)
		fail("%s: %s", address, gai_strerror(error));
	memcpy(&l->to, found->ai_addr, found->ai_addrlen);
	l->to_len = found->ai_addrlen;
	freeaddrinfo(found);
}

static void
options(struct load *l, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "c:t:n:s:i:k")) != -1)
		switch (c) {
		case 'c': take_clients(l, optarg); break;
		case 't': l->seconds = atof(optarg); break;
		case 'n': l->sessions = number(optarg, SESSIONS_MAX); break;
		case 's': l->size = (size_t)number(optarg, 1 << 20); break;
		case 'i': l->idle = number(optarg, IDLE_MAX); break;
		case 'k': l->keep = true; break;
		default: exit(64);
		}
	if (l->sessions == 0)
		fail("-n: out of range");
	take_address(l, argv[optind]);
	fill_message(l);
}

/* As many descriptors as there may be. */
static void
raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int
main(int argc, char **argv)
{
	static struct client clients[IDLE_MAX + CLIENTS_MAX];
	static struct load l = { .measures = 3, .clients = { 1, 10, 100 },
	    .sessions = SESSIONS_MAX, .seconds = 1, .size = 2048,
	    .idlers = clients, .workers = clients + IDLE_MAX };
	long i;

	options(&l, argc, argv);
	raise_limit();
	l.epoll = epoll_create1(0);
	await_server(&l);
	load(&l, 1, 1, PATIENCE_SECONDS);
	open_idle(&l);
	if (l.keep)
		keep_idle(&l);
	for (i = 0; i < l.measures && !l.keep; i++)
		measure(&l, l.clients[i]);
	close_idle(&l);
	return 0;
}

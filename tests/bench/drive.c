/*
 * Starts an SMTP server on one end of a socket pair, as inetd would, is its
 * client, and says what it took.
 *
 *	drive [option ...] -- server [argument ...]
 *
 *	-n N		sessions, one after the other (1)
 *	-m N		messages a session (1)
 *	-r N		recipients a message (1)
 *	-c N		NOOPs in one piece before the first message (0)
 *	-s SIZE		octets a message; K, M, G (2K)
 *	-k KIND		of its lines: text, dots or short (text)
 *	-t SECONDS	after them no session and no message begins
 *	-e		EHLO, also where no message follows
 *	-a WORD		and AUTH PLAIN, with this initial response
 *	-l		speak LMTP
 *	-i		all sessions at once, and idle: their memory
 *	-f		the session is standard input; it is in the socket
 *			before the server starts, and replies are printed
 *	-v		the dialogue, and what the server says on descriptor 2
 *
 * A message is sent with the next envelope in one piece where the server offers
 * PIPELINING.  Client, server and whatever it starts share one processor.
 *
 * One line of name=value is printed: how many sessions, messages and octets of
 * content; session_us, the median from start to exit; message_us, the mean from
 * envelope to reply; cpu_us, the processor's time for a session, of the server
 * and of what it waited for, and own_us, of the server alone; peak_kib, the
 * most that it had resident (of a session that is the only one).  With -i
 * resident_kib and private_kib, of one.
 *
 * Exit status 1, and the reason on descriptor 2, where the server answers other
 * than it should, or ends, or is silent for long.
 */
#define _GNU_SOURCE	/* sched_setaffinity */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SESSIONS_MAX = 100000, IDLE_MAX = 1000, SILENCE_SECONDS = 120 };

/* What to do; made once. */
struct plan {
	long sessions, messages, recipients, commands;
	size_t size;
	double deadline;
	bool greet, lmtp, idle, canned, verbose;
	const char *proof;		/* AUTH's; or NULL */
	char **server;
	int log;			/* the server's descriptor 2, or -1 */
	char envelope[16384];		/* MAIL, RCPT ..., DATA */
	size_t blocks, rest;		/* blocks in a message, octets then */
	size_t block_len;
	char block[256 * 1024];		/* whole lines */
};

struct session {
	int fd;
	pid_t pid;
	bool pipelining;
	size_t len;
	char input[16384];		/* read and not yet used */
	char line[1024];		/* the last one */
};

struct totals {
	long sessions, messages, peak;
	double messages_took, cpu, own;
	double took[SESSIONS_MAX];
};

/* A line, and every fiftieth, as they are sent. */
static const struct kind {
	const char *name, *line, *fiftieth;
} kinds[] = {
	{ "text", "The quick brown fox jumps over the lazy dog, "
	    "then naps until supper is ready\r\n",
	    "..and the lazy dog does as it did before: it naps\r\n" },
	{ "dots", ".........................................................."
	    "...................\r\n",
	    "..\r\n" },
	{ "short", "ab\r\n", "ab\r\n" },
};

static const char header[] = "From: <ann@example.net>\r\n"
    "To: <help@example.org>\r\nSubject: measure\r\n"
    "Date: Tue, 03 Jun 2025 09:00:00 +0000\r\n"
    "Message-Id: <measure@example.net>\r\n\r\n";

static _Noreturn void
fail(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	fputs("drive: ", stderr);
	vfprintf(stderr, format, values);
	fputs("\n", stderr);
	va_end(values);
	exit(1);
}

static double
seconds(struct timespec t)
{
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return seconds(t);
}

/* ---- the plan ---- */

/* Whole lines, len octets at most; how many. */
static size_t
fill_block(char *block, const struct kind *kind, size_t len)
{
	const char *line;
	size_t at = 0, n;

	for (n = 1;; n++) {
		line = n % 50 == 0 ? kind->fiftieth : kind->line;
		if (strlen(line) > len - at)
			return at;
		memcpy(block + at, line, strlen(line));
		at += strlen(line);
	}
}

static void
plan_content(struct plan *p, const char *kind)
{
	const size_t body = p->size > sizeof header ?
	    p->size - (sizeof header - 1) : 0;
	size_t i;

	for (i = 0; strcmp(kinds[i].name, kind) != 0; i++)
		if (i + 1 == sizeof kinds / sizeof *kinds)
			fail("-k %s: no such kind", kind);
	p->block_len = fill_block(p->block, &kinds[i], sizeof p->block);
	p->blocks = body / p->block_len;
	p->rest = body % p->block_len;
	while (p->rest > 0 && p->block[p->rest - 1] != '\n')
		p->rest--;
}

static void
plan_envelope(struct plan *p)
{
	const size_t size = sizeof p->envelope;
	char *to = p->envelope;
	size_t at;
	long n;

	at = (size_t)snprintf(to, size, "MAIL FROM:<ann@example.net>\r\n");
	for (n = 0; n < p->recipients && at < size; n++)
		at += (size_t)snprintf(to + at, size - at,
		    "RCPT TO:<help%ld@example.org>\r\n", n);
	if (at < size)
		at += (size_t)snprintf(to + at, size - at, "DATA\r\n");
	if (at >= size)
		fail("-r: too many");
}

/* ---- talking ---- */

static void
put_all(struct session *s, struct iovec *parts, size_t count)
{
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = count };
	size_t i, len = 0;

	for (i = 0; i < count; i++)
		len += parts[i].iov_len;
	/* Where it fails, the replies say more; they are read next. */
	if (sendmsg(s->fd, &message, MSG_NOSIGNAL) == (ssize_t)len)
		return;
	if (errno != EPIPE && errno != ECONNRESET)
		fail("sending: %s", strerror(errno));
}

static void
put(struct session *s, const char *text, size_t len)
{
	struct iovec part = { .iov_base = (char *)text, .iov_len = len };

	put_all(s, &part, 1);
}

static _Noreturn void
fail_ended(struct session *s, const char *after)
{
	int status, tries;

	close(s->fd);
	for (tries = 0; waitpid(s->pid, &status, WNOHANG) == 0; tries++) {
		if (tries == 2000)
			fail("the server closed after %s", after);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	fail("the server ended after %s: %s %d", after, WIFEXITED(status) ?
	    "exit status" : "signal", WIFEXITED(status) ?
	    WEXITSTATUS(status) : WTERMSIG(status));
}

/* A line into s->line, without its end. */
static void
read_line(const struct plan *p, struct session *s, const char *after)
{
	const char *end;
	size_t len;
	ssize_t n;

	while ((end = memchr(s->input, '\n', s->len)) == NULL) {
		if (s->len == sizeof s->input)
			fail("a line without end after %s", after);
		n = recv(s->fd, s->input + s->len, sizeof s->input - s->len, 0);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			fail("no reply to %s", after);
		if (n <= 0)
			fail_ended(s, after);
		s->len += (size_t)n;
	}
	len = (size_t)(end - s->input) + 1;
	snprintf(s->line, sizeof s->line, "%.*s", (int)strcspn(s->input, "\r\n"),
	    s->input);
	s->len -= len;
	memmove(s->input, end + 1, s->len);
	if (p->verbose)
		fprintf(stderr, "S: %s\n", s->line);
}

/* A whole reply, of this class. */
static void
expect(const struct plan *p, struct session *s, int code, const char *after)
{
	do {
		read_line(p, s, after);
		if (strlen(s->line) < 3 || s->line[0] - '0' != code / 100)
			fail("after %.*s: expected %d, got: %s",
			    (int)strcspn(after, "\r\n"), after, code, s->line);
		if (strcmp(s->line + 3, "-PIPELINING") == 0 ||
		    strcmp(s->line + 3, " PIPELINING") == 0)
			s->pipelining = true;
	} while (s->line[3] == '-');
}

static void
command(const struct plan *p, struct session *s, int code, const char *text)
{
	if (p->verbose)
		fprintf(stderr, "C: %s", text);
	put(s, text, strlen(text));
	expect(p, s, code, text);
}

/* Sent: it went with the message before. */
static void
envelope(const struct plan *p, struct session *s, bool sent)
{
	const char *line, *end;

	if (s->pipelining && !sent)
		put(s, p->envelope, strlen(p->envelope));
	for (line = p->envelope; *line != '\0'; line = end) {
		end = strchr(line, '\n') + 1;
		if (!s->pipelining)
			put(s, line, (size_t)(end - line));
		expect(p, s, *line == 'D' ? 354 : 250, line);
	}
}

static void
content(const struct plan *p, struct session *s, bool more)
{
	struct iovec parts[] = {
		{ (char *)header, sizeof header - 1 },
		{ (char *)p->block, p->block_len },
		{ (char *)".\r\n", 3 },
		{ (char *)p->envelope, more ? strlen(p->envelope) : 0 },
	};
	size_t n;

	for (n = 0; n < p->blocks; n++) {
		put_all(s, parts, 2);
		parts[0].iov_len = 0;
	}
	parts[1].iov_len = p->rest;
	put_all(s, parts, 4);
	for (n = 0; n < (p->lmtp ? (size_t)p->recipients : 1); n++)
		expect(p, s, 250, "the message");
}

static void
messages(const struct plan *p, struct session *s, struct totals *t)
{
	bool sent = false, more = p->messages > 0;
	double begun = now();
	long n;

	for (n = 0; more; n++) {
		envelope(p, s, sent);
		more = n + 1 < p->messages && now() < p->deadline;
		sent = more && s->pipelining;
		content(p, s, sent);
		t->messages++;
	}
	t->messages_took += now() - begun;
}

static void
commands(const struct plan *p, struct session *s)
{
	static const char noop[] = "NOOP\r\n";
	const size_t len = sizeof noop - 1;
	char *all = malloc((size_t)p->commands * len + 1);
	long n;

	if (all == NULL)
		fail("-c: no memory");
	for (n = 0; n < p->commands; n++)
		memcpy(all + (size_t)n * len, noop, len);
	put(s, all, (size_t)p->commands * len);
	free(all);
	for (n = 0; n < p->commands; n++)
		expect(p, s, 250, noop);
}

/* ---- a server's life ---- */

static void
open_session(struct session *s, int *theirs)
{
	const struct timeval patience = { .tv_sec = SILENCE_SECONDS };
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		fail("socketpair: %s", strerror(errno));
	setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	s->fd = fds[0];
	s->len = 0;
	s->pipelining = false;
	*theirs = fds[1];
}

static void
start(const struct plan *p, struct session *s, int theirs)
{
	extern char **environ;
	posix_spawn_file_actions_t files;
	int error;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, theirs, 0);
	posix_spawn_file_actions_adddup2(&files, theirs, 1);
	if (p->log >= 0)
		posix_spawn_file_actions_adddup2(&files, p->log, 2);
	error = posix_spawnp(&s->pid, p->server[0], &files, NULL, p->server,
	    environ);
	posix_spawn_file_actions_destroy(&files);
	close(theirs);
	if (error != 0)
		fail("%s: %s", p->server[0], strerror(error));
}

static void
authenticate(const struct plan *p, struct session *s)
{
	char line[1024];

	snprintf(line, sizeof line, "AUTH PLAIN %s\r\n", p->proof);
	command(p, s, 235, line);
}

static void
connect_session(const struct plan *p, struct session *s)
{
	int theirs;

	open_session(s, &theirs);
	start(p, s, theirs);
	expect(p, s, 220, "its start");
	if (p->greet || p->messages > 0 || p->commands > 0)
		command(p, s, 250, p->lmtp ? "LHLO client.example\r\n" :
		    "EHLO client.example\r\n");
	if (p->proof != NULL)
		authenticate(p, s);
}

static double
own_cpu(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 ||
	    clock_gettime(clock, &t) != 0)
		fail("no processor time of the server");
	return seconds(t);
}

/* To its end: reads what is left, waits, and adds what it took. */
static void
finish(struct session *s, struct totals *t)
{
	struct rusage all;
	siginfo_t info;
	int status;

	while (recv(s->fd, s->input, sizeof s->input, 0) > 0)
		;
	close(s->fd);
	/* Its own clock can be read until it is waited for. */
	if (waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOWAIT) != 0)
		fail("waitid: %s", strerror(errno));
	t->own += own_cpu(s->pid);
	wait4(s->pid, &status, 0, &all);
	if (WIFSIGNALED(status))
		fail("the server died of signal %d", WTERMSIG(status));
	t->cpu += (double)(all.ru_utime.tv_sec + all.ru_stime.tv_sec) +
	    (double)(all.ru_utime.tv_usec + all.ru_stime.tv_usec) * 1e-6;
}

/* Some servers wait a while for the end of file after QUIT: it is sent. */
static void
quit(const struct plan *p, struct session *s, struct totals *t)
{
	put(s, "QUIT\r\n", 6);
	shutdown(s->fd, SHUT_WR);
	expect(p, s, 221, "QUIT");
	finish(s, t);
}

/* KiB, from a line of a file in /proc. */
static long
memory(pid_t pid, const char *file, const char *key)
{
	char name[64], line[256];
	long kib = 0;
	FILE *from;

	snprintf(name, sizeof name, "/proc/%ld/%s", (long)pid, file);
	from = fopen(name, "r");
	if (from == NULL)
		fail("%s: %s", name, strerror(errno));
	while (fgets(line, sizeof line, from) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			kib += strtol(strchr(line, ':') + 1, NULL, 10);
	fclose(from);
	return kib;
}

/* ---- what is measured ---- */

static void
run_session(const struct plan *p, struct totals *t)
{
	double begun = now();
	struct session s;

	connect_session(p, &s);
	commands(p, &s);
	messages(p, &s, t);
	if (p->sessions == 1)
		t->peak = memory(s.pid, "status", "VmHWM:");
	quit(p, &s, t);
	t->took[t->sessions++] = now() - begun;
}

static int
compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
run_sessions(const struct plan *p)
{
	static struct totals t;
	double n;

	do {
		run_session(p, &t);
	} while (t.sessions < p->sessions && now() < p->deadline);
	n = (double)t.sessions;
	qsort(t.took, (size_t)t.sessions, sizeof *t.took, compare);
	printf("sessions=%ld messages=%ld octets=%zu session_us=%.2f"
	    " cpu_us=%.2f own_us=%.2f", t.sessions, t.messages,
	    sizeof header - 1 + p->blocks * p->block_len + p->rest,
	    t.took[t.sessions / 2] * 1e6, t.cpu / n * 1e6, t.own / n * 1e6);
	if (t.messages > 0)
		printf(" message_us=%.2f", t.messages_took /
		    (double)t.messages * 1e6);
	if (p->sessions == 1)
		printf(" peak_kib=%ld", t.peak);
	printf("\n");
}

static void
run_idle(const struct plan *p)
{
	static struct session all[IDLE_MAX];
	static struct totals t;
	long resident = 0, private = 0, i;

	for (i = 0; i < p->sessions; i++)
		connect_session(p, &all[i]);
	/* The last has yet to reach its wait. */
	nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	for (i = 0; i < p->sessions; i++) {
		resident += memory(all[i].pid, "smaps_rollup", "Rss:");
		private += memory(all[i].pid, "smaps_rollup", "Private_");
	}
	for (i = 0; i < p->sessions; i++)
		quit(p, &all[i], &t);
	printf("sessions=%ld resident_kib=%.1f private_kib=%.1f\n", p->sessions,
	    (double)resident / (double)p->sessions,
	    (double)private / (double)p->sessions);
}

static void
run_canned(const struct plan *p)
{
	static struct totals t;
	static char all[128 * 1024];
	size_t len = fread(all, 1, sizeof all, stdin);
	struct session s;
	int theirs;
	ssize_t n;

	open_session(&s, &theirs);
	if (send(s.fd, all, len, MSG_DONTWAIT) != (ssize_t)len)
		fail("the session does not fit into a socket");
	shutdown(s.fd, SHUT_WR);
	start(p, &s, theirs);
	while ((n = recv(s.fd, s.input, sizeof s.input, 0)) > 0)
		fwrite(s.input, 1, (size_t)n, stdout);
	if (n < 0)
		fail("no end of its replies: %s", strerror(errno));
	finish(&s, &t);
}

/* ---- the command line ---- */

static size_t
number(const char *text)
{
	char *end;
	size_t n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9')
		fail("%s: not a number", text);
	switch (*end) {
	case 'G':
		n *= 1024;
		/* FALLTHROUGH */
	case 'M':
		n *= 1024;
		/* FALLTHROUGH */
	case 'K':
		n *= 1024;
	}
	return n;
}

static void
options(struct plan *p, int argc, char **argv)
{
	const char *kind = "text";
	int c;

	while ((c = getopt(argc, argv, "+n:m:r:c:s:k:t:a:elifv")) != -1)
		switch (c) {
		case 'n': p->sessions = (long)number(optarg); break;
		case 'm': p->messages = (long)number(optarg); break;
		case 'r': p->recipients = (long)number(optarg); break;
		case 'c': p->commands = (long)number(optarg); break;
		case 's': p->size = number(optarg); break;
		case 'k': kind = optarg; break;
		case 't': p->deadline = now() + atof(optarg); break;
		case 'e': p->greet = true; break;
		case 'a': p->greet = true; p->proof = optarg; break;
		case 'l': p->lmtp = true; break;
		case 'i': p->idle = true; break;
		case 'f': p->canned = true; break;
		case 'v': p->verbose = true; break;
		default: exit(64);
		}
	p->server = argv + optind;
	if (*p->server == NULL)
		fail("no server");
	if (p->sessions < 1 || p->recipients < 1 ||
	    p->sessions > (p->idle ? IDLE_MAX : SESSIONS_MAX))
		fail("-n, -r: out of range");
	plan_content(p, kind);
	plan_envelope(p);
}

/* The last of those that we may use: the first has the interrupts. */
static void
pin(void)
{
	cpu_set_t all, one;
	size_t cpu = CPU_SETSIZE;

	if (sched_getaffinity(0, sizeof all, &all) != 0)
		return;
	while (--cpu > 0 && !CPU_ISSET(cpu, &all))
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof one, &one);
}

int
main(int argc, char **argv)
{
	static struct plan plan = { .sessions = 1, .messages = 1,
	    .recipients = 1, .size = 2048, .log = -1, .deadline = 1e300 };

	options(&plan, argc, argv);
	pin();
	if (!plan.verbose)
		plan.log = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (plan.canned)
		run_canned(&plan);
	else if (plan.idle)
		run_idle(&plan);
	else
		run_sessions(&plan);
	return 0;
}

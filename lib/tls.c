#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "event.h"
#include "ucspi.h"

/* ---- a command ---- */

enum {
	SETTLING = 150,		/* ms in which a bad command has failed */
	FIRST_WORD = 200	/* likewise, of a handshake that is over */
};

static void
close_end(int *fd)
{
	if (*fd > 0)
		close(*fd);
	*fd = 0;
}

/* Descriptors that are to be on 3 and 4 of the command must not stand there
 * before; -1 and errno. */
static int
moved_up(int fd)
{
	int up = fcntl(fd, F_DUPFD_CLOEXEC, 10), error = errno;

	close(fd);
	errno = error == EINVAL ? EMFILE : error;	/* none is so high */
	return up;
}

/* A pair, or a pipe, of which we keep ours and the command gets theirs. */
static bool
open_ends(bool (*open_both)(int end[2]), int *ours, int *theirs)
{
	int end[2];

	if (!open_both(end))
		return false;
	*ours = moved_up(end[0]);
	*theirs = moved_up(end[1]);
	return *ours > 0 && *theirs > 0;
}

static bool
open_pair(int end[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM, 0, end) == 0;
}

/* Of a pipe of ours, both whose ends nobody else has yet. */
static bool
never_waits(int fd)
{
	return fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

static bool
start_command(struct tls *t, int status, int output,
    const struct envelope *envelope)
{
	const char *argv[] = { "sh", "-c", t->command, NULL };
	struct facts f = facts_of_client(envelope, t->peer);
	struct process p = { .in = 0, .out = 1, .three = t->theirs,
	    .four = status };

	/* neither waits for the other: what is not read in time is lost */
	if (!never_waits(output) || !never_waits(t->output) ||
	    !never_waits(t->status))
		return false;
	t->pid = runner_start(t->runner, "/bin/sh", (char *const *)argv, &p,
	    output, &f);
	if (t->pid < 0)
		t->pid = 0;
	return t->pid > 0;
}

static void
log_line(struct tls *t, struct span line)
{
	if (line.len > 0)
		event_output(t->runner->log, NULL, line);
}

/* Those that are whole; the rest. */
static struct span
log_lines(struct tls *t, struct span said)
{
	const char *lf;

	while ((lf = span_find(said, '\n')) != NULL) {
		log_line(t, span_until(said, lf));
		said = span_behind(said, lf);
	}
	return said;
}

/* What it has said so far, and the last line of it as far as there is one.  It
 * may say more for ever. */
static void
log_output(struct tls *t)
{
	char space[2048];
	struct span rest = { space, 0 };
	size_t said = 0;
	ssize_t n;

	while (t->output > 0 && said < RUNNER_OUTPUT_MAX &&
	    (n = read(t->output, space + rest.len,
	    sizeof space - rest.len)) > 0) {
		said += (size_t)n;
		rest.len += (size_t)n;
		rest = log_lines(t, rest);
		if (rest.len == sizeof space) {
			log_line(t, rest);
			rest.len = 0;
		}
		memmove(space, rest.ptr, rest.len);
		rest.ptr = space;
	}
	log_line(t, rest);
}

/* A shell's word for what it cannot run. */
static void
tell_config(struct tls *t, int status)
{
	if (WIFEXITED(status) && (WEXITSTATUS(status) == 126 ||
	    WEXITSTATUS(status) == 127))
		event_config(t->runner->log, "option --starttls",
		    "its command cannot be run");
}

/* What it leaves of its group has the connection too, and is killed before its
 * number is anybody else's.  How it ends after a fault is our doing. */
static bool
has_ended(struct tls *t)
{
	siginfo_t info = { .si_pid = 0 };
	int status = 0;

	if (t->pid > 0 && waitid(P_PID, (id_t)t->pid, &info, WEXITED | WNOHANG |
	    WNOWAIT) == 0 && info.si_pid == t->pid) {
		kill(-t->pid, SIGKILL);
		waitpid(t->pid, &status, 0);
		t->pid = 0;
		tell_config(t, status);
		if (t->error == NULL)
			t->how = (struct outcome){ .exited = true,
			    .status = status };
	}
	return t->pid == 0;
}

static void
await_end(struct tls *t, long long deadline)
{
	long long let_in = 0;

	while (!has_ended(t) && channel_wait(&let_in, -1, -1, deadline) ==
	    CHANNEL_INTERRUPTED)
		;
}

void
tls_watch(struct tls *t)
{
	if (t->pid > 0)
		has_ended(t);
}

/* The command is no more, and what it has said is in the log. */
static void
end_command(struct tls *t)
{
	await_end(t, channel_now() + TLS_GRACE);
	if (t->pid > 0)
		kill(-t->pid, SIGKILL);
	/* one that is another user's stays */
	await_end(t, channel_now() + TLS_GRACE);
	t->pid = 0;
	log_output(t);
	close_end(&t->status);
	close_end(&t->output);
}

static void
close_pair(struct tls *t)
{
	close_end(&t->pair);
	close_end(&t->theirs);
}

void
tls_end(struct tls *t)
{
	if (t->pair == 0 && t->status == 0 && t->output == 0)
		return;
	if (t->pair > 0)
		shutdown(t->pair, SHUT_WR);
	end_command(t);
	close_pair(t);
}

static const char command_ended[] = "the command has ended";

/* What the status says within some ms: true where it says nothing bad, else it
 * is logged.  up: it is at its end, with nothing written. */
static bool
status_is_good(struct tls *t, long long deadline, bool *up)
{
	long long let_in = 0;
	enum channel_status got;
	char why[512];
	bool ended;
	ssize_t n;

	*up = false;
	do {
		if (t->stopping())
			return tls_give_up(t, "stopped");
		got = channel_wait(&let_in, t->status, -1, deadline);
		ended = has_ended(t);
	} while (got == CHANNEL_INTERRUPTED && !ended);
	n = read(t->status, why, sizeof why);
	if (n > 0) {
		log_line(t, log_lines(t, (struct span){ why, (size_t)n }));
		return tls_give_up(t, "the handshake failed");
	}
	if (ended)
		return tls_give_up(t, command_ended);
	*up = n == 0;
	return *up || got == CHANNEL_TIMEOUT || tls_give_up(t, strerror(errno));
}

static bool
open_and_start(struct tls *t, const struct envelope *envelope)
{
	int status = 0, output = 0;
	bool good = (t->apart || open_ends(open_pair, &t->pair, &t->theirs)) &&
	    open_ends(process_pipe, &t->status, &status) &&
	    open_ends(process_pipe, &t->output, &output) &&
	    start_command(t, status, output, envelope);

	if (!good) {
		t->how.error = errno;
		t->error = strerror(errno);
	}
	close_end(&status);
	close_end(&output);
	return good;
}

/* Has it not failed in the time in which a bad one has? */
static bool
settles(struct tls *t)
{
	bool up;

	if (!status_is_good(t, channel_now() + SETTLING, &up))
		return false;
	if (!up)
		return true;
	await_end(t, channel_now() + FIRST_WORD);
	return tls_give_up(t, t->pid == 0 ? command_ended :
	    "the status was closed before the 220");
}

/* Octets that nobody has taken. */
static bool
has_unread(int fd)
{
	int octets = 0;

	return ioctl(fd, FIONREAD, &octets) == 0 && octets > 0;
}

/* Nothing that a command wrote is left for the next one's client. */
static void
empty_pair(const struct tls *t)
{
	char octets[4096];

	while (has_unread(t->pair) &&
	    read(t->pair, octets, sizeof octets) > 0)
		;
}

void
tls_leave_clear(const struct tls *t)
{
	int i;

	for (i = 1; i < 3; i++)
		if (t->ucspi[i] > 0)
			close(t->ucspi[i]);
}

bool
tls_open(struct tls *t, int fd[2])
{
	t->apart = true;
	if (t->command != NULL && !open_ends(open_pair, &t->pair, &t->theirs))
		return false;
	fd[0] = t->command != NULL ? t->pair : t->ucspi[1];
	fd[1] = t->command != NULL ? t->pair : t->ucspi[2];
	return true;
}

enum protocol_tls
tls_prepare(struct tls *t, const struct envelope *envelope)
{
	bool good;

	if (t->command == NULL)
		return TLS_READY;
	t->error = NULL;
	t->how = (struct outcome){ .error = 0 };
	good = open_and_start(t, envelope) && settles(t);
	if (good && !has_unread(0)) {
		close_end(&t->theirs);
		return TLS_READY;
	}
	if (t->pid > 0)
		kill(-t->pid, SIGKILL);
	end_command(t);
	if (t->apart)
		empty_pair(t);
	else
		close_pair(t);
	/* of one that has failed, what it left: it may have taken some */
	return good || has_unread(0) ? TLS_PIPELINED : TLS_NOT_NOW;
}

/* The status is at its end: of a handshake that is done, or of a command that
 * is about to end; and whose client may have left already. */
static bool
pair_is_good(struct tls *t)
{
	long long let_in = 0, deadline = channel_now() + FIRST_WORD;
	enum channel_status got;
	int octets = 0;

	do
		got = channel_wait(&let_in, t->pair, -1, deadline);
	while (got == CHANNEL_INTERRUPTED && !has_ended(t));
	if (got == CHANNEL_OK)		/* with nothing: its end */
		ioctl(t->pair, FIONREAD, &octets);
	if (has_ended(t) || (got == CHANNEL_OK && octets == 0))
		return tls_give_up(t, "ended before its first octet");
	return true;
}

static bool
wait_for_command(struct tls *t, int fd[2])
{
	bool up;

	if (!status_is_good(t, channel_now() + t->limit, &up))
		return false;
	if (!up)
		return tls_give_up(t, "time-out");
	close_end(&t->status);
	fd[0] = fd[1] = t->pair;
	return pair_is_good(t);
}

/* ---- STARTTLS ---- */

/* Where there is no /dev/null, one end of a pair: a descriptor that is closed
 * would be the next one that is opened. */
static int
open_nothing(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), end[2];

	if (null >= 0 || !open_pair(end))
		return null;
	close(end[1]);
	return end[0];
}

/* Nothing of ours goes there any more, and it ends when they close it. */
void
tls_leave_connection(const struct tls *t)
{
	int null = open_nothing(), fd;

	for (fd = 0; fd <= (t->log_is_client ? 2 : 1); fd++)
		if (null >= 0)
			dup2(null, fd);
		else
			close(fd);
	if (null > 2)
		close(null);
}

bool
tls_start(struct tls *t, int fd[2])
{
	bool up;

	peer_find_local(t->peer);	/* while there is a connection to ask */
	/* RFC 3207, 4.2: what was proved in the clear is proved no more */
	t->peer->user[0] = t->peer->method[0] = '\0';
	tls_leave_connection(t);
	up = t->command != NULL ? wait_for_command(t, fd) :
	    ucspi_start(t, fd);
	if (t->command != NULL)
		log_output(t);
	return up;
}

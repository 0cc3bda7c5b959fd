#define _GNU_SOURCE		/* pipe2; see NO_LINUX */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "file.h"
#include "variable.h"

/* ---- to find it ---- */

const char *
process_find(const char *name, char *space, size_t size)
{
	const char *path = variable("PATH"), *end;
	int error = ENOENT;
	struct text t;
	struct stat st;

	if (strchr(name, '/') != NULL)
		return name;
	for (; path != NULL; path = *end != '\0' ? end + 1 : NULL) {
		end = path + strcspn(path, ":");
		t = text_in(space, size);
		text_span(&t, (struct span){ path, (size_t)(end - path) });
		text_string(&t, end > path ? "/" : "./");
		text_string(&t, name);
		text_end(&t);
		if (t.len == t.size || stat(space, &st) != 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (access(space, X_OK) == 0)
			return space;
		error = errno;
	}
	errno = error;
	return NULL;
}

enum { FIRST_LINE = 256 };		/* what the kernel reads of a script */

/* What env -S does not take as it is. */
static bool
is_env_syntax(char c)
{
	return c != '\0' && strchr("$#\"'\\", c) != NULL;
}

/* Would env(1) not find it?  The kernel gives it all that is behind its name as
 * one word, which -S splits. */
static bool
is_missing(struct span word)
{
	char name[FIRST_LINE], space[PATH_MAX];

	if (word.len >= 2 && memcmp(word.ptr, "-S", 2) == 0) {
		word = span_unindented(span_skip(word, 2));
		if (span_any(word, is_env_syntax))
			return false;
		word = span_take_word(&word);
	}
	span_copy(word, name, sizeof name);
	return name[0] != '\0' && name[0] != '-' && strchr(name, '=') == NULL &&
	    process_find(name, space, sizeof space) == NULL;
}

/* The first line, behind its "#!". */
static const char *
interpreter_fault(struct span line)
{
	char name[FIRST_LINE], *base;
	const char *lf = span_find(line, '\n');
	struct stat st;

	if (lf != NULL && lf > line.ptr && lf[-1] == '\r')
		return "its #! line ends in CR LF";
	if (lf != NULL)
		line = span_until(line, lf);
	while (line.len > 0 && is_blank(line.ptr[line.len - 1]))
		line.len--;
	span_copy(span_take_word(&line), name, sizeof name);
	if (stat(name, &st) != 0 || !S_ISREG(st.st_mode) ||
	    access(name, X_OK) != 0)
		return "its #! line names what is no program";
	base = strrchr(name, '/');
	return base != NULL && strcmp(base, "/env") == 0 && is_missing(line) ?
	    "its #! line names a program that env does not find" : NULL;
}

const char *
process_script_fault(const char *path)
{
	char line[FIRST_LINE];
	int fd = file_open(path, O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return NULL;
	line[n] = '\0';
	if (strncmp(line, "#!", 2) == 0)
		return interpreter_fault(span_of(line + 2));
	return strlen(line) == (size_t)n && line[0] != '\177' ?
	    "no program, and no #! line" : NULL;
}

const char *
process_line_fault(const char *name)
{
	return strpbrk(name, " \t\n|&;<>()$`\\\"'~*") != NULL ?
	    "a shell line needs sh -c '...'" : NULL;
}

const char *
process_fault(const char *name)
{
	char space[PATH_MAX];
	const char *path = process_find(name, space, sizeof space);
	const char *line = process_line_fault(name);
	struct stat st;

	if (path == NULL || stat(path, &st) != 0)
		return line != NULL ? line : strerror(errno);
	if (access(path, X_OK) != 0)
		return strerror(errno);
	return S_ISREG(st.st_mode) ? process_script_fault(path) :
	    "not a regular file";
}

/* ---- to start it ---- */

static void
on_child(int signal)
{
	(void)signal;		/* it ends a wait */
}

void
process_prepare(void)
{
	struct sigaction act = { .sa_handler = on_child };

	sigaction(SIGCHLD, &act, NULL);
}

bool
process_pipe(int end[2])
{
#ifndef NO_LINUX
	return pipe2(end, O_CLOEXEC) == 0;
#else
	if (pipe(end) != 0)
		return false;
	fcntl(end[0], F_SETFD, FD_CLOEXEC);
	fcntl(end[1], F_SETFD, FD_CLOEXEC);
	return true;
#endif
}

/* A descriptor that is there already would be closed by the exec. */
static bool
put_on(int fd, int wanted)
{
	return fd == wanted ? fcntl(fd, F_SETFD, 0) == 0 :
	    dup2(fd, wanted) == wanted;
}

/* The child's half: shares our memory until exec, so it changes none of it but
 * *error (rule 6). */
static _Noreturn void
become(const struct process *p, int output, volatile int *error)
{
	struct sigaction usual = { .sa_handler = SIG_DFL };
	sigset_t none;
	int i;

	setpgid(0, 0);
	for (i = 1; i < NSIG; i++)
		if (sigismember(p->ignored, i) == 1)
			sigaction(i, &usual, NULL);
	sigemptyset(&none);
	if (put_on(p->in, 0) && put_on(p->out > 0 ? p->out : output, 1) &&
	    put_on(output, 2) && (p->three == 0 || put_on(p->three, 3)) &&
	    (p->four == 0 || put_on(p->four, 4)) &&
	    sigprocmask(SIG_SETMASK, &none, NULL) == 0)
		execve(p->path, p->argv, p->envp);
	*error = errno;
	_exit(127);
}

pid_t
process_start(const struct process *p, int output)
{
	volatile int error = 0;
	pid_t pid = vfork();

	if (pid == 0)
		become(p, output, &error);
	if (pid > 0 && error != 0) {
		waitpid(pid, NULL, 0);
		errno = error;
		return -1;
	}
	return pid;
}

/* ---- until its end ---- */

/* What is done to a group whose time is over, one after the other. */
enum stage { RUNS, IS_ASKED, IS_KILLED, IS_STUCK };

struct run {
	const struct process *p;
	struct outcome *how;
	pid_t pid;
	int out;
	bool open;			/* out is not at its end */
	unsigned long long octets;	/* of it */
	enum stage stage;
	long long deadline;		/* of that */
};

static void
next_stage(struct run *r)
{
	static const int signals[] = { [IS_ASKED] = SIGTERM,
	    [IS_KILLED] = SIGKILL };

	r->how->timed_out = true;
	if (++r->stage == IS_STUCK)
		return;
	kill(-r->pid, signals[r->stage]);
	kill(-r->pid, SIGCONT);		/* else who is stopped hears nothing */
	r->deadline = channel_now() + r->p->grace;
}

/* What can be read at once. */
static void
read_output(struct run *r)
{
	char piece[4096];
	ssize_t n = read(r->out, piece, sizeof piece);

	if (n <= 0) {
		r->open = n < 0 && (errno == EINTR || errno == EAGAIN);
		return;
	}
	r->octets += (size_t)n;
	r->p->output(r->p->context, (struct span){ piece, (size_t)n });
}

/* What the pipe holds, without waiting, whoever still has its other end. */
static void
read_rest(struct run *r)
{
	unsigned long long end;
	int left = 0;

	ioctl(r->out, FIONREAD, &left);
	end = r->octets + (unsigned)left;
	while (r->open && r->octets < end)
		read_output(r);
}

/* A group that is to be killed is not reaped yet: until it was, its number must
 * stay its own. */
static bool
has_exited(const struct run *r)
{
	siginfo_t info = { .si_pid = 0 };

	if (!r->p->whole_group)
		return waitpid(r->pid, &r->how->status, WNOHANG) == r->pid;
	return waitid(P_PID, (id_t)r->pid, &info, WEXITED | WNOHANG | WNOWAIT)
	    == 0 && info.si_pid == r->pid;
}

static void
check_flood(struct run *r)
{
	if (r->p->max_output == 0 || r->octets <= r->p->max_output ||
	    r->how->flooded)
		return;
	r->how->flooded = true;
	r->deadline = 0;
}

/* Until it has exited, or cannot be made to. */
static void
await(struct run *r)
{
	enum channel_status status;
	bool signals = false;		/* a wait has let them in */

	/* no SIGCHLD is lost: it is let in by the wait, or by one of who gets
	 * the output, which comes between this wait and this look */
	do {
		if (channel_now() >= r->deadline)
			next_stage(r);
		if (r->stage == IS_STUCK)
			return;
		status = channel_wait(r->p->let_in, r->open ? r->out : -1, -1,
		    r->deadline);
		if (status == CHANNEL_OK)
			read_output(r);
		else if (status == CHANNEL_ERROR)
			r->open = false;
		signals |= status == CHANNEL_INTERRUPTED;
		check_flood(r);
		r->how->exited = has_exited(r);
	} while (!r->how->exited || (r->p->whole_group && r->open));
	if (r->open)
		read_rest(r);
	if (!signals)		/* one to us came while it ran, perhaps */
		channel_wait(r->p->let_in, -1, -1, 0);
}

/* Whatever it left behind. */
static void
clear_up(struct run *r)
{
	kill(-r->pid, SIGKILL);
	r->how->exited = waitpid(r->pid, &r->how->status,
	    r->how->exited ? 0 : WNOHANG) == r->pid;
}

void
process_run(const struct process *p, struct outcome *how)
{
	int out[2] = { -1, -1 };
	struct run r = { .p = p, .how = how, .pid = -1 };

	*how = (struct outcome){ .error = 0 };
	if (process_pipe(out))
		r.pid = process_start(p, out[1]);
	how->error = r.pid < 0 ? errno : 0;
	close(p->in);
	if (out[1] >= 0)
		close(out[1]);
	if (r.pid >= 0) {
		r.out = out[0];
		r.open = true;
		r.deadline = channel_now() + p->limit;
		await(&r);
		if (p->whole_group)
			clear_up(&r);
		how->stuck = !how->exited;
	}
	if (out[0] >= 0)
		close(out[0]);
}

int
outcome_status(const struct outcome *how)
{
	return how->error == 0 && how->exited && !how->timed_out &&
	    WIFEXITED(how->status) ? WEXITSTATUS(how->status) : -1;
}

#define _GNU_SOURCE		/* close_range's number; see NO_LINUX */
#include "launcher.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file.h"
#include "variable.h"

/* ---- signals ---- */

static volatile sig_atomic_t stop_signal;

static void
on_stop(int signal)
{
	stop_signal = signal;
}

bool
launcher_stops(void)
{
	return stop_signal != 0;
}

void
launcher_take_signals(void)
{
	static const int held[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGPIPE,
	    SIGXFSZ }, stops[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction act = { .sa_handler = on_stop }, was;
	sigset_t mask;
	size_t i;

	sigemptyset(&mask);
	for (i = 0; i < sizeof held / sizeof *held; i++)
		sigaddset(&mask, held[i]);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	for (i = 0; i < sizeof stops / sizeof *stops; i++) {
		sigaction(stops[i], &act, &was);
		if (was.sa_handler == SIG_IGN && stops[i] != SIGTERM)
			sigaction(stops[i], &was, NULL);
	}
}

/* From /proc, which saves a call a signal: a number whose bit 0 is signal 1.
 * False where it does not say so. */
static bool
read_ignored(sigset_t *ignored)
{
	static const char key[] = "\nSigIgn:";
	char text[4096], *end;
	int fd = file_open("/proc/self/status", 0);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	const char *at;
	unsigned long long bits;
	int i;

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return false;
	text[n] = '\0';
	at = strstr(text, key);
	if (at == NULL)
		return false;
	bits = strtoull(at + sizeof key - 1, &end, 16);
	for (i = 1; *end == '\n' && i < NSIG && i <= 64; i++)
		if (bits >> (i - 1) & 1)
			sigaddset(ignored, i);
	return *end == '\n';
}

void
launcher_find_ignored(sigset_t *ignored)
{
	struct sigaction now;
	int i;

	sigemptyset(ignored);
	if (read_ignored(ignored))
		return;
	for (i = 1; i < NSIG; i++)
		if (sigaction(i, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
			sigaddset(ignored, i);
}

/* ---- descriptors ---- */

/* systemd's sockets: how many there are from descriptor 3 on. */
static int
systemd_sockets(void)
{
	const char *pid = variable("LISTEN_PID"), *fds = variable("LISTEN_FDS");
	unsigned long long n, count;

	if (pid == NULL || fds == NULL ||
	    !span_number(span_of(pid), INT_MAX, &n) ||
	    n != (unsigned long long)getpid() ||
	    !span_number(span_of(fds), FD_SETSIZE - 4, &count))
		return 0;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return (int)count;
}

/* Without StandardInput=socket, systemd leaves the connection on 3, and with
 * Accept=no one or more sockets that listen. */
static void
take_systemd_sockets(struct launcher *l)
{
	int sockets = systemd_sockets();

	if (sockets == 1) {
		dup2(3, 0);
		dup2(3, 1);
	} else if (sockets > 1) {
		l->first = 3;
		l->sockets = sockets;
	}
}

static bool
is_kept(const struct launcher *l, int fd)
{
	return fd == l->tls[0] || fd == l->tls[1] || fd == l->tls[2] ||
	    (fd >= l->first && fd < l->first + l->sockets);
}

/* A socket or a pipe that the environment names, and that can be waited for; 0
 * where it is none: a number that was left over may be anybody's file. */
static int
named_descriptor(const char *name)
{
	const char *value = variable(name);
	unsigned long long n;
	struct stat st;

	return value != NULL &&
	    span_number(span_of(value), FD_SETSIZE - 1, &n) &&
	    n > 2 && fstat((int)n, &st) == 0 &&
	    (S_ISSOCK(st.st_mode) || S_ISFIFO(st.st_mode)) ? (int)n : 0;
}

/* Some launchers leave the names of descriptors that they closed, and these may
 * be systemd's sockets. */
static void
find_tls(struct launcher *l)
{
	static const char *const names[] = { "SSLCTLFD", "SSLREADFD",
	    "SSLWRITEFD" };
	int i;

	if (l->sockets > 0)
		return;
	for (i = 0; i < 3; i++)
		if ((l->tls[i] = named_descriptor(names[i])) == 0) {
			l->tls[0] = l->tls[1] = l->tls[2] = 0;
			return;
		}
	for (i = 0; i < 3; i++)
		fcntl(l->tls[i], F_SETFD, FD_CLOEXEC);
}

/* What /proc lists; false where that is not known to be all. */
static bool
close_listed(const struct launcher *l)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	bool whole;
	int fd;

	if (dir == NULL)
		return false;
	while (errno = 0, (entry = readdir(dir)) != NULL) {
		fd = atoi(entry->d_name);
		if (fd > 2 && fd != dirfd(dir) && !is_kept(l, fd))
			close(fd);
	}
	whole = errno == 0;
	closedir(dir);
	return whole;
}

/* The lowest that is kept from there on; -1: none. */
static int
next_kept(const struct launcher *l, int from)
{
	int i, least = -1;

	for (i = 0; i < 3; i++)
		if (l->tls[i] >= from && (least < 0 || l->tls[i] < least))
			least = l->tls[i];
	return least;
}

/* Every range between those that are kept; false where there is no such
 * call. */
static bool
close_ranges(const struct launcher *l)
{
#if defined(SYS_close_range) && !defined(NO_LINUX)
	int from = 3 + l->sockets, kept;

	while ((kept = next_kept(l, from)) >= 0) {
		if (kept > from && syscall(SYS_close_range, (unsigned)from,
		    (unsigned)kept - 1, 0U) != 0)
			return false;
		from = kept + 1;
	}
	return syscall(SYS_close_range, (unsigned)from, ~0U, 0U) == 0;
#else
	(void)l, (void)next_kept;
	return false;
#endif
}

static void
close_others(const struct launcher *l)
{
	long max, fd;

	if (close_ranges(l) || close_listed(l))
		return;
	max = sysconf(_SC_OPEN_MAX);
	for (fd = max < 0 || max > 65536 ? 65536 : max; fd > 2; fd--)
		if (!is_kept(l, (int)fd))
			close((int)fd);
}

void
launcher_close_all_but(const int kept[3])
{
	struct launcher l = { .tls = { kept[0], kept[1], kept[2] } };

	close_others(&l);
}

/* A connected socket of the internet is, whatever is on 0 and 1. */
static bool
is_connected(int fd)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof name;

	return getpeername(fd, (struct sockaddr *)&name, &len) == 0 &&
	    (name.ss_family == AF_INET || name.ss_family == AF_INET6);
}

/* Is descriptor 2 the client's? */
static bool
is_client(const struct launcher *l)
{
	const struct stat *two = &l->descriptor[2], *other;
	int i;

	for (i = 0; i < 2; i++) {
		other = &l->descriptor[i];
		if ((S_ISSOCK(two->st_mode) || S_ISFIFO(two->st_mode)) &&
		    two->st_dev == other->st_dev &&
		    two->st_ino == other->st_ino)
			return true;
	}
	return S_ISSOCK(two->st_mode) && is_connected(2);
}

bool
launcher_take_descriptors(struct launcher *l)
{
	int fd;

	take_systemd_sockets(l);
	for (fd = 0; fd < 3; fd++)
		if (fstat(fd, &l->descriptor[fd]) != 0) {
			l->descriptor[fd].st_mode = 0;
			if (open("/dev/null", O_RDWR) != fd)
				return false;
		}
	l->log_is_client = is_client(l);
	find_tls(l);
	close_others(l);
	return true;
}

void
launcher_take_path(void)
{
	static const char usual[] = "/usr/local/sbin:/usr/local/bin:"
	    "/usr/sbin:/usr/bin:/sbin:/bin";

	setenv("PATH", usual, 0);
}

bool
launcher_has_client(const struct launcher *l)
{
	mode_t in = l->descriptor[0].st_mode, out = l->descriptor[1].st_mode;

	return in != 0 && (!S_ISCHR(in) || (S_ISSOCK(out) && !isatty(0)));
}

bool
launcher_has_connection(const struct launcher *l)
{
	return l->descriptor[0].st_mode != 0 && l->descriptor[1].st_mode != 0;
}

void
launcher_greet_person(const struct launcher *l)
{
	static const char text[] =
	    "SMTP by hand: EHLO me begins, HELP says what there is, QUIT or "
	    "control-D ends.\n";

	if (S_ISCHR(l->descriptor[0].st_mode) && isatty(0) && isatty(2))
		(void)!write(2, text, sizeof text - 1);
}

/* ---- sockets that listen ---- */

static bool
has_option(int fd, int option, int wanted)
{
	int value = 0;
	socklen_t len = sizeof value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 &&
	    value == wanted;
}

/* One of packets would lose what does not fit. */
bool
launcher_listens(int fd)
{
	return has_option(fd, SO_ACCEPTCONN, 1) &&
	    has_option(fd, SO_TYPE, SOCK_STREAM);
}

static bool
give_null(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool given = null >= 0 && dup2(null, fd) == fd;

	if (null >= 0)
		close(null);
	return given;
}

/* A log that is on 1 too makes no client of 2, for 1 is no connection. */
static bool
take_two(struct launcher *l)
{
	l->log_is_client = launcher_listens(2) ||
	    (S_ISSOCK(l->descriptor[2].st_mode) && is_connected(2));
	return !l->log_is_client || give_null(2);
}

/* inetd's, and systemd's one socket: 0 is no connection.  False and errno:
 * descriptors are lacking, and it may be on 0 alone. */
static bool
take_listener(struct launcher *l)
{
	int copy = fcntl(0, F_DUPFD_CLOEXEC, 3);

	l->first = copy > 0 ? copy : 0;
	l->sockets = 1;
	return copy > 0 && give_null(0) && give_null(1) && take_two(l);
}

static enum launcher_left
check_sockets(struct launcher *l, const char **why)
{
	int fd, listening = 0;

	for (fd = l->first; fd < l->first + l->sockets; fd++)
		listening += launcher_listens(fd);
	if (!take_two(l))
		*why = strerror(errno);
	else if (listening == l->sockets)
		return LAUNCHER_LISTENS;
	else
		*why = "not each of the sockets listens";
	return LAUNCHER_WRONG;
}

enum launcher_left
launcher_find_listeners(struct launcher *l, bool unconnected,
    const char **why)
{
	if (l->sockets > 0)
		return check_sockets(l, why);
	if (!unconnected)
		return LAUNCHER_NONE;
	if (launcher_listens(0)) {
		if (take_listener(l))
			return LAUNCHER_LISTENS;
		*why = strerror(errno);
		return LAUNCHER_WRONG;
	}
	if (has_option(0, SO_TYPE, SOCK_STREAM))
		return LAUNCHER_NONE;
	*why = "descriptor 0 is no stream socket";
	return LAUNCHER_WRONG;
}

/* "X_" and "TCP": all that begin so. */
static bool
is_about_client(const char *assignment)
{
	static const char *const names[] = { "TCP", "REMOTE_", "SOCAT_",
	    "NCAT_", "PROTO=", "RELAYCLIENT=", "LISTEN_", "SSL_PROTOCOL=",
	    "SSL_CIPHER=", "SSL_CLIENT_", "SSL_PEER_",
	    "SSL_TLS_SNI_SERVERNAME=", "SSLCTLFD=", "SSLREADFD=",
	    "SSLWRITEFD=" };
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (strncmp(assignment, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

void
launcher_forget_client(struct launcher *l)
{
	extern char **environ;
	char **from, **to = environ;
	int i;

	for (from = environ; *from != NULL; from++)
		if (!is_about_client(*from))
			*to++ = *from;
	*to = NULL;
	for (i = 0; i < 3; i++)
		if (l->tls[i] > 0)
			close(l->tls[i]);
	l->tls[0] = l->tls[1] = l->tls[2] = 0;
}

void
launcher_take_connection(struct launcher *l, int fd)
{
	int i;

	dup2(fd, 0);
	dup2(fd, 1);
	close(fd);
	for (i = 0; i < l->sockets; i++)
		close(l->first + i);
	l->sockets = 0;
	l->descriptor[0].st_mode = l->descriptor[1].st_mode = S_IFSOCK;
}

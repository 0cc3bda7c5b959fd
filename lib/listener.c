#define _GNU_SOURCE		/* MAP_ANONYMOUS, MADV_DONTFORK; see NO_LINUX */
#include "listener.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "event.h"
#include "variable.h"

/* ---- who started us: sd_notify(3) ---- */

enum { PATIENCE = 1000 };		/* ms, for who does not read */

/* Where its queue is full there is a second try, and no other. */
static void
send_state(struct listener *l, int fd, const char *state)
{
	if (send(fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return;
	channel_wait(l->let_in, -1, fd, channel_now() + PATIENCE);
	send(fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
notify(struct listener *l, const char *state)
{
	const char *path = variable("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = path != NULL ? strlen(path) : 0;
	int fd;

	if (len == 0 || len >= sizeof to.sun_path)
		return;
	memcpy(to.sun_path, path, len);
	if (to.sun_path[0] == '@')	/* an abstract one */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&to,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == 0)
		send_state(l, fd, state);
	close(fd);
}

/* ---- clients that get no session ---- */

/* The rest of it, if it does not fit, is lost; so is the reply where the client
 * has sent something that nobody reads. */
static void
say_and_close(int fd, const struct reply *reply)
{
	char wire[REPLY_MAX];
	struct text t = { wire, 0, sizeof wire };

	text_reply(&t, reply, false);
	send(fd, t.ptr, t.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	close(fd);
}

/* error: what we lack; 0: the client has too much. */
static void
turn_away(struct listener *l, int fd, const struct reply *reply, int error)
{
	event_turned_away(l->log, l->peer, reply, error);
	say_and_close(fd, reply);
}

/* ---- the sessions ---- */

/* For whom this client counts; "": for nobody. */
static void
find_owner(const struct listener *l, char owner[IP_SIZE])
{
	const char *address = l->peer->address;

	*owner = '\0';
	if (l->max_per_client > 0 && !network_is_listed(l->trusted, address))
		ip_take_owner(address, owner);
}

static bool
has_enough(const struct listener *l, const char *owner)
{
	unsigned long long n = 0;
	size_t i;

	for (i = 0; *owner != '\0' && i < l->sessions; i++)
		n += strcmp(l->place[i].owner, owner) == 0;
	return *owner != '\0' && n >= l->max_per_client;
}

static void
add_session(struct listener *l, pid_t pid, const char *owner)
{
	struct place *place = &l->place[l->sessions++];

	place->pid = pid;
	memcpy(place->address, l->peer->address, sizeof place->address);
	memcpy(place->port, l->peer->port, sizeof place->port);
	memcpy(place->owner, owner, sizeof place->owner);
}

/* The last one takes its place. */
static void
end_session(struct listener *l, pid_t pid, int status)
{
	size_t i;

	for (i = 0; i < l->sessions && l->place[i].pid != pid; i++)
		;
	if (i == l->sessions)
		return;
	if (WIFSIGNALED(status)) {
		memcpy(l->peer->address, l->place[i].address, IP_SIZE);
		memcpy(l->peer->port, l->place[i].port, IP_PORT_SIZE);
		event_died(l->log, l->peer, WTERMSIG(status));
	}
	l->place[i] = l->place[--l->sessions];
}

static void
take_ends(struct listener *l)
{
	int status;
	pid_t pid;

	while (l->sessions > 0 && (pid = waitpid(-1, &status, WNOHANG)) > 0)
		end_session(l, pid, status);
}

/* True in the new process. */
static bool
begin_session(struct listener *l, int fd)
{
	static const struct reply too_many = { 421, "4.7.0",
	    "Too many connections from you" }, not_now = { 421, "4.3.2",
	    "Cannot serve you now, try again later" };
	char owner[IP_SIZE];
	pid_t pid;

	find_owner(l, owner);
	if (has_enough(l, owner)) {
		turn_away(l, fd, &too_many, 0);
		return false;
	}
	pid = fork();
	if (pid == 0) {
		launcher_take_connection(l->launcher, fd);
		return true;
	}
	if (pid < 0) {
		turn_away(l, fd, &not_now, errno);
		return false;
	}
	add_session(l, pid, owner);
	close(fd);
	return false;
}

/* ---- accepting ---- */

enum { AGAIN = 1000 };			/* ms, after a shortage */

/* Is it the host that is short of something, or the socket that is none any
 * more, and not this one connection that has an end already? */
static bool
is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	    error == ENOMEM || error == EBADF || error == EINVAL;
}

/* A connection's descriptor; -1: none that can be served. */
static int
accept_one(struct listener *l, int socket)
{
	int fd = peer_accept(l->peer, socket);

	if (fd >= 0 || !is_shortage(errno)) {
		l->short_of = l->short_of && fd < 0;
		return fd;
	}
	if (!l->short_of)
		event_accept(l->log, errno);
	l->short_of = true;
	return -1;
}

/* Until a connection, the end of a session, or a signal. */
static void
wait_for_more(struct listener *l, bool *ready)
{
	const struct launcher *from = l->launcher;
	bool full = l->sessions >= l->max_sessions;

	if (l->short_of)
		channel_wait(l->let_in, -1, -1, channel_now() + AGAIN);
	/* an accept where none is ready would wait, and hear no signal */
	memset(ready, false, (size_t)from->sockets * sizeof *ready);
	channel_wait_many(l->let_in, from->first, full ? 0 : from->sockets,
	    l->short_of ? 0 : CHANNEL_FOREVER, ready);
}

/* True in the new process of a connection. */
static bool
accept_ready(struct listener *l, const bool *ready)
{
	int i, fd;

	for (i = 0; i < l->launcher->sockets; i++) {
		if (l->sessions >= l->max_sessions || !ready[i])
			continue;
		fd = accept_one(l, l->launcher->first + i);
		if (fd >= 0 && begin_session(l, fd))
			return true;
	}
	return false;
}

static void
stop_sessions(struct listener *l)
{
	size_t i;

	for (i = 0; i < l->sessions; i++)
		kill(l->place[i].pid, SIGTERM);
	notify(l, "STOPPING=1");
	while (l->sessions > 0) {
		channel_wait(l->let_in, -1, -1, channel_now() + AGAIN);
		take_ends(l);
	}
}

bool
listener_open(struct listener *l)
{
	size_t size = (size_t)l->max_sessions * sizeof *l->place;

	l->place = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (l->place == MAP_FAILED)
		return false;
#ifndef NO_LINUX
	madvise(l->place, size, MADV_DONTFORK);	/* no session needs it */
#endif
	notify(l, "READY=1");
	return true;
}

bool
listener_serve(struct listener *l)
{
	bool ready[FD_SETSIZE];

	/* a wait for the log may have let signals in too */
	while (take_ends(l), !launcher_stops()) {
		wait_for_more(l, ready);
		take_ends(l);
		if (!launcher_stops() && accept_ready(l, ready))
			return true;
	}
	stop_sessions(l);
	return false;
}

/* Who is connected already hears it now; those that listen close ranks. */
static void
dismiss_connected(struct launcher *from, const struct reply *reply)
{
	int fd, left = 0;

	for (fd = from->first; fd < from->first + from->sockets; fd++)
		if (!launcher_listens(fd))
			say_and_close(fd, reply);
		else if (dup2(fd, from->first + left++) != fd)
			close(fd);
	from->sockets = left;
}

/* Likewise where a descriptor is lacking: not again and again. */
static void
turn_next_away(struct listener *l, int socket, const struct reply *reply)
{
	int fd = peer_accept(l->peer, socket);

	if (fd >= 0)
		say_and_close(fd, reply);
	else if (is_shortage(errno))
		channel_wait(l->let_in, -1, -1, channel_now() + AGAIN);
}

bool
listener_turn_away(struct listener *l, const struct reply *reply, long long ms)
{
	long long by = channel_now() + ms;
	struct launcher *from = l->launcher;
	bool ready[FD_SETSIZE];
	int i;

	dismiss_connected(from, reply);
	while (from->sockets > 0 && !launcher_stops() && channel_now() < by) {
		channel_wait_many(l->let_in, from->first, from->sockets, by,
		    ready);
		for (i = 0; i < from->sockets; i++)
			if (ready[i])
				turn_next_away(l, from->first + i, reply);
	}
	return !launcher_stops();
}

/*
 * The command of the measures: reads its message to the end and exits 0; and
 * descriptor 1 likewise where that is open for reading only, which is where
 * qmail's programs put the envelope.
 *
 *	sink [steady]
 *
 * steady: it first closes its output, then exits, each as soon as its parent
 * sleeps.  So the parent learns of one and then of the other, in every run,
 * and what it does meanwhile can be counted.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void
read_to_end(int fd)
{
	static char octets[65536];

	while (read(fd, octets, sizeof octets) > 0)
		;
}

static bool
sleeps(pid_t pid)
{
	char name[32], stat[512] = "";
	const char *state;
	int fd;

	snprintf(name, sizeof name, "/proc/%ld/stat", (long)pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (read(fd, stat, sizeof stat - 1) <= 0)
		return true;
	close(fd);
	state = strrchr(stat, ')');
	return state != NULL && strncmp(state, ") S", 3) == 0;
}

static void
await_sleep(pid_t pid)
{
	const struct timespec pause = { .tv_nsec = 200000 };
	int tries;

	for (tries = 0; tries < 100000 && !sleeps(pid); tries++)
		nanosleep(&pause, NULL);
}

int
main(int argc, char **argv)
{
	int flags = fcntl(1, F_GETFL);

	read_to_end(0);
	if (flags != -1 && (flags & O_ACCMODE) == O_RDONLY)
		read_to_end(1);
	if (argc > 1 && strcmp(argv[1], "steady") == 0) {
		await_sleep(getppid());
		close(1);
		close(2);
		await_sleep(getppid());
	}
	return 0;
}

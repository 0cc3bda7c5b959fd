/*
 * The command of a test: writes what it finds about itself to the file that
 * its argument names, a line of key=value each.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void
put_stdin(FILE *to)
{
	struct stat st;
	int flags = fcntl(0, F_GETFL);
	off_t at = lseek(0, 0, SEEK_CUR);

	if (fstat(0, &st) != 0)
		exit(1);
	fprintf(to, "stdin_type=%s\n", S_ISREG(st.st_mode) ? "regular" :
	    "other");
	fprintf(to, "stdin_flags=%s\n", (flags & O_ACCMODE) == O_RDONLY ?
	    "rdonly" : "other");
	fprintf(to, "stdin_offset=%ld\n", (long)at);
	fprintf(to, "stdin_size=%ld\n", (long)st.st_size);
	fprintf(to, "seek=%s\n", lseek(0, 0, SEEK_END) == st.st_size &&
	    lseek(0, 0, SEEK_SET) == 0 ? "ok" : "fails");
	fprintf(to, "write=%s\n", write(0, "x", 1) < 0 && errno == EBADF ?
	    "EBADF" : "other");
}

static void
put_output(FILE *to)
{
	struct stat one, two;

	if (fstat(1, &one) != 0 || fstat(2, &two) != 0)
		exit(1);
	fprintf(to, "stdout_type=%s\n", S_ISFIFO(one.st_mode) ? "pipe" :
	    "other");
	fprintf(to, "same_12=%s\n", one.st_dev == two.st_dev &&
	    one.st_ino == two.st_ino ? "yes" : "no");
}

/* Before anything else is opened. */
static void
find_descriptors(char *list, size_t size)
{
	size_t len = 0;
	int fd;

	for (fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			len += (size_t)snprintf(list + len, size - len,
			    "%s%d", len > 0 ? "," : "", fd);
}

static void
put_signals(FILE *to)
{
	struct sigaction now;
	sigset_t blocked;
	int n;

	sigprocmask(SIG_BLOCK, NULL, &blocked);
	fputs("ignored=", to);
	for (n = 1; n < 65; n++)
		if (sigaction(n, NULL, &now) == 0 &&
		    now.sa_handler != SIG_DFL)
			fprintf(to, "%d ", n);
	fputs("\nblocked=", to);
	for (n = 1; n < 65; n++)
		if (sigismember(&blocked, n) == 1)
			fprintf(to, "%d ", n);
	fputs("\n", to);
}

int
main(int argc, char **argv)
{
	char list[8192] = "", cwd[4096];
	FILE *to;

	find_descriptors(list, sizeof list);
	if (argc < 2 || (to = fopen(argv[1], "w")) == NULL)
		return 1;
	fprintf(to, "fds=%s\n", list);
	put_stdin(to);
	put_output(to);
	put_signals(to);
	fprintf(to, "pgrp=%s\n", getpgrp() == getpid() ? "own" : "other");
	fprintf(to, "cwd=%s\n", getcwd(cwd, sizeof cwd));
	return fclose(to) == 0 ? 0 : 1;
}

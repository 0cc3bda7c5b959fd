#define _GNU_SOURCE		/* memfd_create, O_TMPFILE; see NO_LINUX */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

static int
open_memory(const char *dir, char *name)
{
	(void)dir, (void)name;
#if defined(MFD_CLOEXEC) && !defined(NO_LINUX)
	return memfd_create("smtpd", MFD_CLOEXEC);
#else
	return -1;
#endif
}

static int
open_nameless(const char *dir, char *name)
{
	(void)dir, (void)name;
#if defined(O_TMPFILE) && !defined(NO_LINUX)
	return openat(AT_FDCWD, dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0400);
#else
	return -1;
#endif
}

static int
open_named(const char *dir, char *name)
{
	static const char suffix[] = "/smtpd.XXXXXX";
	size_t len = strlen(dir);
	int fd;

	if (len + sizeof suffix > PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(name, dir, len);
	memcpy(name + len, suffix, sizeof suffix);
	fd = mkstemp(name);
	if (fd < 0)
		name[0] = '\0';
	else
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

/* Best first; the failure of one falls to the next. */
static int (*const kinds[])(const char *dir, char *name) = {
	open_memory, open_nameless, open_named
};

enum { MEMORY, KINDS = sizeof kinds / sizeof *kinds };

/* A fresh open description, read-only, at the first octet; -1 and errno. */
static int
open_spool_reader(const struct spool_file *f)
{
	char path[40];
	struct text t = text_in(path, sizeof path);

	if (f->name[0] != '\0')
		return file_open(f->name, 0);
	text_string(&t, "/proc/self/fd/");
	text_number(&t, (unsigned)f->fd);
	return file_open(text_end(&t), 0);
}

static void
forget_name(struct spool_file *f)
{
	if (f->name[0] != '\0')
		unlink(f->name);
	f->name[0] = '\0';
}

static void
close_file(struct spool_file *f)
{
	forget_name(f);
	if (f->fd > 0)
		close(f->fd);
	if (f->reader > 0)
		close(f->reader);
	f->fd = f->reader = 0;
}

/* Opens a file of this kind or a later one, and its first reader, which tells
 * whether there can be one.  False and errno. */
static bool
open_spool_file(struct spool_file *f, size_t kind, const char *dir)
{
	int error;

	errno = ENOSYS;
	for (; kind < KINDS; kind++) {
		f->kind = kind;
		f->reader = 0;
		f->name[0] = '\0';
		f->fd = kinds[kind](dir, f->name);
		if (f->fd <= 0)
			continue;
		/* so that /dev/stdin opens for a command that is not us */
		if (f->name[0] == '\0')
			fchmod(f->fd, 0444);
		f->reader = open_spool_reader(f);
		if (f->reader > 0)
			return true;
		error = errno;
		close_file(f);
		errno = error;
	}
	f->fd = 0;
	return false;
}

static bool
copy_file(int to, int from)
{
	char piece[SPOOL_PIECE];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(from, piece, sizeof piece, at)) > 0 &&
	    file_write(to, (struct span){ piece, (size_t)n }))
		at += n;
	return n == 0;
}

/* Out of memory, into a file. */
static bool
leave_memory(struct spool_file *f, const char *dir)
{
	struct spool_file memory = *f;
	int error;

	if (open_spool_file(f, MEMORY + 1, dir)) {
		if (copy_file(f->fd, memory.fd)) {
			close_file(&memory);
			return true;
		}
		error = errno;
		close_file(f);
		errno = error;
	}
	*f = memory;
	return false;
}

static bool
write_file(struct spool *s, struct span octets)
{
	struct spool_file *f = &s->file;
	bool large = s->written + octets.len > SPOOL_MEMORY;
	size_t kind = large ? MEMORY + 1 : MEMORY;

	if (s->error == 0 &&
	    (f->fd > 0 || open_spool_file(f, kind, s->dir)) &&
	    (f->kind > MEMORY || !large || leave_memory(f, s->dir)) &&
	    file_write(f->fd, octets)) {
		s->written += octets.len;
		return true;
	}
	if (s->error == 0)
		s->error = errno;
	return false;
}

static bool
write_pending(struct spool *s)
{
	size_t len = s->pending_len;

	s->pending_len = 0;
	return write_file(s, (struct span){ s->pending, len });
}

bool
spool_append(struct spool *s, struct span octets)
{
	if (octets.len > sizeof s->pending - s->pending_len &&
	    !write_pending(s))
		return false;
	if (octets.len > sizeof s->pending)
		return write_file(s, octets);
	memcpy(s->pending + s->pending_len, octets.ptr, octets.len);
	s->pending_len += octets.len;
	return true;
}

bool
spool_finish(struct spool *s)
{
	if (s->error == 0 && s->file.fd > 0 && s->pending_len == 0)
		return true;
	return write_pending(s);
}

unsigned long long
spool_size(const struct spool *s)
{
	return s->written + s->pending_len;
}

int
spool_next_reader(struct spool *s, bool last)
{
	struct spool_file *f = &s->file;
	int fd = f->reader > 0 ? f->reader : open_spool_reader(f);

	f->reader = 0;
	if (last)
		forget_name(f);
	return fd;
}

void
spool_close(struct spool *s)
{
	close_file(&s->file);
	s->error = 0;
	s->written = 0;
	s->pending_len = 0;
}

bool
spool_try(struct spool *s)
{
	size_t kind;

	for (kind = MEMORY; kind <= MEMORY + 1; kind++) {
		if (!open_spool_file(&s->file, kind, s->dir))
			return false;
		close_file(&s->file);
	}
	return true;
}

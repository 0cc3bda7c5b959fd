/*
 * spool - a message on its way to disk, and open for reading once it is whole
 * (rule 1)
 *
 * Memory up to SPOOL_MEMORY octets, a nameless file in dir beyond.  Where the
 * host has neither, a file with a name, which is unlinked before the last run.
 * A failure is final: what follows a hole must never look whole.
 */
#ifndef SPOOL_H
#define SPOOL_H

#include <limits.h>

#include "text.h"

enum {
	SPOOL_MEMORY = 1024 * 1024,	/* larger messages go to a file */
	SPOOL_PIECE = 16 * 1024		/* smaller pieces are gathered */
};

struct spool_file {
	int fd;				/* 0, which is the client's: none yet */
	int reader;			/* the next one; 0: to be opened */
	size_t kind;			/* what it is; larger: tried later */
	char name[PATH_MAX];		/* "" where it is nameless */
};

/* Zeroed, it is empty.  Members are the spool's own, but for dir and error. */
struct spool {
	const char *dir;		/* to be set; for files */
	int error;			/* readable: of the first failure */
	unsigned long long written;	/* octets in the file */
	size_t pending_len;		/* of those that follow them */
	struct spool_file file;
	char pending[SPOOL_PIECE];
};

/* More of the message.  False: see error. */
bool spool_append(struct spool *s, struct span octets);

/* Everything is written and there is something to read, be it empty.  False:
 * see error. */
bool spool_finish(struct spool *s);

/* Octets that were appended. */
unsigned long long spool_size(const struct spool *s);

/* The finished message once more, at its first octet, with an open file
 * description of its own; the descriptor is the caller's.  last: there will be
 * no further one.  -1 and errno. */
int spool_next_reader(struct spool *s, bool last);

/* Forgets the message; empty again, without an error. */
void spool_close(struct spool *s);

/* Can there be small messages, and large ones?  False and errno. */
bool spool_try(struct spool *s);

#endif

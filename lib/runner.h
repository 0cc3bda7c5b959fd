/*
 * runner - a run of the command, or of a look-up, about a message: its program,
 * its environment, its output in the log (rules 4 and 6)
 */
#ifndef RUNNER_H
#define RUNNER_H

#include <limits.h>
#include <signal.h>
#include <sys/types.h>

#include "environment.h"
#include "log.h"
#include "process.h"
#include "verdict.h"

enum {
	RUNNER_OUTPUT_MAX = 64 * 1024,	/* octets that are logged of a run */
	RUNNER_GRACE = 1000		/* ms; a look-up's, to SIGKILL */
};

/* What a run has said, a line at a time. */
struct output {
	unsigned long long octets;	/* readable */
	unsigned long long logged, lines;
	size_t len;			/* of the line, or of a piece of it */
	bool middle;			/* the piece is not the line's first */
	bool has_first;			/* and it is none of the fields */
	size_t first_len, fields_len;
	char line[2048];
	char first[REPLY_LINE_MAX];	/* its first line, cut */
	struct words words;		/* readable: its last words */
	char fields[PREPEND_MAX];	/* lines that PREPEND, as they came */
	char path[PATH_MAX];		/* of its program */
};

/* Of one run at a time; what is said of it stays until the next. */
struct runner {
	struct log *log;		/* to be set */
	long long *let_in;		/* to be set: channel_wait's */
	struct peer *peer;		/* to be set */
	struct environment *environment;	/* to be set */
	struct output *output;		/* to be set; readable, as it says */
	const struct facts *facts;	/* of the run that is on */
	bool prepared;
	sigset_t ignored;
};

/* What is the same for every run; else looked at before the first one.  False
 * and errno: nothing can be run. */
bool runner_prepare(struct runner *r);

/* Runs argv by a program of this name.  in is its standard input, and closed.
 * Without either (-1, NULL) there is no run, and errno says why.  Those members
 * of p that are about limits are the caller's, the rest is filled in here. */
void runner_run(struct runner *r, const char *program, char *const *argv,
    int in, struct process *p, const struct facts *f, struct outcome *how);

/* As process_start, with the runner's environment and signals; the descriptors
 * of p are the caller's. */
pid_t runner_start(struct runner *r, const char *program, char *const *argv,
    struct process *p, int output, const struct facts *f);

/* The first line of its output that does not PREPEND, cut; empty where there is
 * none.  And those that do: what each says, a line each. */
struct span runner_first_line(const struct runner *r);
struct span runner_fields(const struct runner *r);

#endif

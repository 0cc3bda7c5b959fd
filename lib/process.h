/*
 * process - a program that is found, and run within limits
 *
 * Knows no mail, no log and no session: what it runs, with what, for how long
 * and who gets the output are a list of inputs.  The program's descriptors are
 * its input and one pipe, its signals are all at their defaults, its process
 * group is its own (rule 6).  Times are milliseconds.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <signal.h>
#include <sys/types.h>

#include "text.h"

/* As execvp(3) finds a program on PATH; a name with a slash is its own path.
 * The path may be in space.  NULL and errno where there is none. */
const char *process_find(const char *name, char *space, size_t size);

/* Why the kernel would not run a file that is there: its #! line.  NULL where
 * nothing is known to be wrong. */
const char *process_script_fault(const char *path);

/* What to do about a program that is not there, for its name is a line for a
 * shell, which nobody runs here; NULL where it does not look so. */
const char *process_line_fault(const char *name);

/* Why a program of this name would not run; NULL likewise. */
const char *process_fault(const char *name);

struct process {
	const char *path;
	char *const *argv, *const *envp;
	/* Its descriptors.  in is closed; the others stay open. */
	int in;
	int out;			/* 0: its output, as 2 is */
	int three, four;		/* 0: none */
	const sigset_t *ignored;	/* signals to be put at their default */
	long long *let_in;		/* channel_wait's */
	long long limit, grace;		/* to SIGTERM, and on to SIGKILL */
	/* Its output on both descriptors, as it comes. */
	void (*output)(void *context, struct span octets);
	void *context;
	/* false: its end is that of the process that was started; what it
	 * leaves running goes on, and may keep the pipe.  true: its end is that
	 * of its output too, and all of its group is killed then. */
	bool whole_group;
	unsigned long long max_output;	/* octets; its time is over beyond; */
					/* 0: any */
};

/* How it ended. */
struct outcome {
	int error;			/* errno where it could not be run */
	bool exited;			/* else status says nothing */
	int status;			/* as waitpid(2) gives it */
	bool timed_out;			/* it was asked to end, at least */
	bool stuck;			/* and could not be made to: that */
					/* took limit and twice grace */
	bool flooded;			/* timed_out by more than max_output */
};

/* To be called before the first run, once: a launcher may have left SIGCHLD
 * ignored, and there would be no status. */
void process_prepare(void);

/* A pipe whose ends are close-on-exec; false and errno. */
bool process_pipe(int end[2]);

/* Starts it, with output for 2, and goes on; to read that, to wait and to end it
 * are the caller's.  in stays open.  The process id, or -1 and errno. */
pid_t process_start(const struct process *p, int output);

/* Runs it and waits for its end. */
void process_run(const struct process *p, struct outcome *how);

/* The exit status, 0 to 255; -1 where there is none that means anything. */
int outcome_status(const struct outcome *how);

#endif

/*
 * delivery - one run of the command, for one recipient or for all of them, and
 * what becomes of it
 */
#ifndef DELIVERY_H
#define DELIVERY_H

#include "runner.h"

struct delivery {
	struct runner *runner;		/* to be set, as all of these are */
	char *const *command;
	long long limit;		/* ms that it may run */
	bool append_recipients;		/* to its arguments */
	char **arguments;		/* its own: of the last run */
};

/* Runs the command with the message that in is (closed; -1: errno says why it
 * cannot be read) for the recipients of f, and fills in the reply, whose
 * strings stay until the next run.  True: the command chose it itself. */
bool deliver(struct delivery *d, const struct facts *f, int in,
    struct outcome *how, struct reply *reply);

#endif

/*
 * delivery - a message on its way into the command: one run for all of its
 * recipients, or one for each, and what becomes of it (rules 1 and 2)
 *
 * Its functions are what struct protocol_handler asks of a message, and are
 * called in that order.
 */
#ifndef DELIVERY_H
#define DELIVERY_H

#include "runner.h"

struct delivery {
	/* to be set */
	struct log *log;
	struct message *message;
	struct runner *runner;
	char *const *command;
	long long limit;		/* ms that it may run */
	bool append_recipients;		/* to its arguments */
	/* its own, but for messages */
	unsigned long long messages;	/* readable: that were accepted */
	bool accepted;			/* for one recipient at least */
	size_t done;			/* recipients that had their run */
	long long since;		/* ms, channel_now(): begin, last run */
	char **arguments;		/* of the last run */
};

/* since: when, as channel_now() has it, where that was before; else 0. */
void delivery_begin(struct delivery *d, const struct envelope *envelope,
    long long since);

/* False: the message cannot be kept, the reply says so. */
bool delivery_append(struct delivery *d, struct span data,
    struct reply *reply);

/* Runs the command for one recipient, or for PROTOCOL_ALL, where the message is
 * all there.  The reply's strings stay until the next run. */
void delivery_commit(struct delivery *d, size_t recipient,
    struct reply *reply);

/* The recipients that had no run get none.  why is NULL where the client gave
 * the message up; hint says what it did wrong, or is NULL. */
void delivery_discard(struct delivery *d, const struct reply *why,
    const char *hint);

#endif

/*
 * recipients - who may receive: domains, users, a look-up
 */
#ifndef RECIPIENTS_H
#define RECIPIENTS_H

#include "lists.h"
#include "runner.h"

struct recipients {
	/* to be set */
	struct log *log;
	const struct peer *peer;
	struct reader *reader;		/* of files, one at a time */
	struct runner *runner;
	struct message *message;	/* which a look-up may have fields for */
	struct list *domains, *forwards, *users;	/* as the options */
	const char *lookup;		/* a shell's command; NULL: none */
	long long limit;		/* ms that it may run */
	const struct protocol_config *config;
};

/* Opens the files of the lists, for the session.  False: what is wrong with
 * them is in *fault. */
bool recipients_open(const struct recipients *r, struct fault *fault);

/* Closes them again: a session opens its own. */
void recipients_close(const struct recipients *r);

/* Whose domain it is.  CANNOT_FORWARD with a reply: that is not known now. */
enum forward_result recipients_domain(const struct recipients *r,
    const struct mailbox *to, struct reply *reply);

/* Do the domains of the command line decide alone? */
bool recipients_are_plain(const struct recipients *r);

/* Who it is: by the files of users, and then the look-up, which has the last
 * word.  The strings of a reply that is filled in stay until the next run. */
enum lookup_result recipients_name(const struct recipients *r,
    const struct lookup *l, struct reply *reply);

#endif

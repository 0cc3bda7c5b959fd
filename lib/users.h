/*
 * users - files in the form of aliases(5): who there is, and what a name stands
 * for
 *
 * "name: value, value" a line; the name alone is enough, "name@domain" is for
 * one domain only, "*" is any name, and a line that begins with a blank goes on
 * with the one before.  Names are the same whatever their case and quotes
 * (RFC 5321, 4.1.2).
 */
#ifndef USERS_H
#define USERS_H

#include "address.h"
#include "lists.h"

/* For list_open: what a line says to the one behind it. */
struct user_state {
	bool entry;			/* there is one to be continued */
	bool comma;			/* which waits for more */
};

const char *user_wrong(void *state, struct span line);

/* One line: a name and what it stands for, or (no name) more of that. */
struct user_entry {
	struct span name, values;
};

/* Both are empty where the line says nothing.  What is wrong, or NULL; *e is
 * what could be read then. */
const char *user_parse_entry(struct span line, struct user_entry *e);

/* Takes the next of the values off *rest; false at the end, and where a quote
 * has none: then *rest is not empty. */
bool user_next_value(struct span *rest, struct span *value);

/* Does an entry's name mean this local part at this domain? */
enum user_match { NO_MATCH, ANY_NAME, THIS_NAME };

enum user_match user_match(struct span name, struct span local,
    struct span domain);

bool user_same_name(struct span a, struct span b);

/* RFC 5321, 4.5.1: always there. */
bool user_is_postmaster(struct span local);

/* Is it a user, by its whole local part or by what stands before a "+"?
 * postmaster always is. */
enum list_answer user_is_listed(struct reader *r, const struct list *users,
    const struct mailbox *m);

#endif

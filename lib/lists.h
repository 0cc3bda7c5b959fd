/*
 * lists - values of an option, and files of such values, a line each (rule 5)
 *
 * A file is opened, and understood whole, before the session; it stays open, so
 * that all of a session asks the same one.  Who changes it in place meanwhile
 * gets no answer from it any more: files are replaced by rename(2).
 */
#ifndef LISTS_H
#define LISTS_H

#include <sys/stat.h>

#include "text.h"

/* What is wrong with the configuration, in words: "what: why". */
struct fault {
	char what[1024];		/* an option and its value; a line */
	const char *why;
};

/* An option by its name, and its value, where it has one (else NULL). */
void fault_of_option(struct fault *fault, const char *name, const char *value,
    const char *why);

enum { LIST_LINE_MAX = 64 * 1024 };	/* octets of a file's line */

/* One value: itself, or the name of a file of values. */
struct source {
	const char *value;		/* the caller's, and stays */
	bool is_file;
	int fd;
	struct stat checked;		/* as it was when all of it was good */
};

/* The values of an option that may be given often. */
struct list {
	struct source *source;
	size_t count;
};

/* A file, a line at a time. */
struct reader {
	const struct source *file;
	off_t at;			/* of what is read next */
	size_t lo, hi;
	bool end;
	unsigned long number;		/* of the line, from 1 */
	const char *fault;		/* why no line came; NULL: the end */
	char space[LIST_LINE_MAX + 1];
};

/* One more value; what is wrong, or NULL.  A list and the files of it stay open
 * until the process ends. */
const char *list_add(struct list *list, const char *value, bool is_file);

/* Opens the list's files for the session and has each line judged by wrong,
 * which says what is wrong with it, or NULL; its state, of size octets or NULL,
 * is zeroed before each file.  False: there is no session with this list, and
 * *fault says why. */
bool list_open(struct list *list, struct reader *r, const char *option,
    const char *(*wrong)(void *state, struct span line), void *state,
    size_t size, struct fault *fault);

/* Closes them. */
void list_close(struct list *list);

/* What no line of any file may have in it; NULL: it has nothing of that. */
const char *list_line_fault(struct span line);

enum list_answer {
	LIST_NO, LIST_YES,
	LIST_UNKNOWN			/* r->file and r->fault tell why */
};

/* Is there a value for which test is true?  The line is valid for that call,
 * and once it was found until the next. */
enum list_answer list_find(struct reader *r, const struct list *list,
    bool (*test)(void *argument, struct span line), void *argument);

/* ---- lists of domains ---- */

/* A domain, or ".domain": all that is below it. */
bool domain_is_rule(struct span s);

/* For list_open, with no state: a rule, and a comment behind "#". */
const char *domain_wrong(void *state, struct span line);

enum list_answer domain_is_listed(struct reader *r, const struct list *list,
    struct span domain);

/* ---- lists of networks, as ip_is_network has them; and of other words ---- */

/* Is this address ("": unknown) in one of them?  There are no files. */
bool network_is_listed(const struct list *list, const char *address);

#endif

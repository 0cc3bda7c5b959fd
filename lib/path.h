/*
 * path - the path of MAIL and RCPT: RFC 5321, 4.1.2, and what devices write
 *
 * Pure.  Devices that nobody can change are met halfway: a form that Postfix
 * takes is taken, as the address that Postfix makes of it, but where that would
 * be a danger to whoever gets it.  tests/peers/devices.bats asks a real Postfix
 * and lists each difference.  So all of these are <joe@example.org>:
 *
 *	joe@example.org			no brackets
 *	<<joe@example.org>>		too many of them
 *	<Joe <joe@example.org>>		a phrase
 *	<joe@example.org (Joe)>		a comment
 *	< joe @ example.org >		blanks
 *	<joe@example.org.>		a dot behind the domain
 *	<joe@example.org;>		the end of a list
 *	<"joe@example.org">		quotes around all of it
 *	<@a.example,@b.example:joe@example.org>		a route
 *
 * and a bounce from <MAILER-DAEMON> is one from <>.
 *
 * What comes out is one mailbox as address.h has it, whoever reads it again.
 */
#ifndef PATH_H
#define PATH_H

#include "address.h"

enum path {
	PATH_OK,
	PATH_SYNTAX,		/* no path: its brackets, its route */
	PATH_BAD		/* a path whose mailbox is none */
};

enum { PATH_SPACE = MAILBOX_MAX + 2 };	/* its dot, and one too many */

/* Takes the word, "FROM:" or "TO:", a path and the blanks around it off *s.  *m
 * is good after OK, its octets in space or where they were, empty for the null
 * path.  After a fault *s says nothing. */
enum path path_take(struct span *s, const char *word, char space[PATH_SPACE],
    struct mailbox *m);

/* What a command line says behind its verb, and behind such a word: for a log,
 * where it could not be read. */
struct span path_words(struct span line);

/* What VRFY and EXPN ask for (RFC 5321, 3.5.1): a path, or words that look like
 * none, which then are m->local and stay where they are. */
bool path_parse_name(struct span s, char space[PATH_SPACE],
    struct mailbox *m);

#endif

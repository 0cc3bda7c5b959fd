/*
 * address - domains and mailboxes: RFC 5321, 4.1.2, RFC 6531, 3.3
 *
 * Pure.  Spans that come out point into the span that went in: nothing is
 * copied, so they live as long as its octets.
 *
 * A local part is not judged beyond what keeps it one local part for whoever
 * gets it: outside quotes there is no blank, no bracket, no "\", none of ",;:"
 * and no second "@", nowhere a control octet.  And it may be handed to a
 * command: it does not start with "-" and hides no function of a shell.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

enum {
	MAILBOX_MAX = 512,	/* octets; RFC 5321, 4.5.3.1 asks for 320 */
	DOMAIN_MAX = 255	/* RFC 5321, 4.5.3.1.2 */
};

/* An address as it was given, checked; domain.len is 0 where it has none, all
 * of it is empty for the null sender. */
struct mailbox {
	struct span whole, local, domain;
};

/* A name of labels, or a literal in square brackets. */
bool address_is_domain(struct span s);

/* True, and *m is the mailbox; a domain is no must.  What is left in *m after
 * false says nothing. */
bool address_is_mailbox(struct span s, struct mailbox *m);

/* Words that look like no mailbox, of which VRFY and EXPN may ask (RFC 5321,
 * 3.5.1): all of them are m->local. */
bool address_parse_words(struct span s, struct mailbox *m);

/* What a local part may have outside quotes: RFC 5322, 3.2.3 and more, but for
 * what would end it for whoever gets a list of addresses. */
static inline bool
address_is_atom(char c)
{
	return is_alnum(c) || (!is_control(c) &&
	    strchr(" ()<>[]:;@\\,\"", c) == NULL);
}

/* The length of the string in quotes that begins s; 0 where it does not end. */
size_t address_quoted(struct span s);

/* The mailbox, where its octets were copied to. */
struct mailbox address_moved(struct mailbox m, const char *to);

/* Bash before 2014 ran a value of a variable that starts so (CVE-2014-6271). */
bool address_is_function(struct span s);

/* Adds the mailbox in brackets; with this domain where it has none. */
void text_mailbox(struct text *t, const struct mailbox *m, struct span domain);

#endif

/*
 * expand - what VRFY and EXPN say of a name: RFC 5321, 3.5
 */
#ifndef EXPAND_H
#define EXPAND_H

#include "lists.h"
#include "protocol.h"

/* Who is the name that l asks for, by the files of users?  A name of its own
 * (the whole local part; postmaster always is one); else, for VRFY, words that
 * occur in a name or its values; else any name where that will do.  What it
 * stands for is written into l->expanded, which stays empty where there is
 * nothing but the name itself.  domain is that of names that come without one.
 * AMBIGUOUS_USER: the words occur in two entries, or in one that is no mailbox,
 * or too long for a reply.
 * LOOKUP_ERROR: r->file and r->fault tell why. */
enum lookup_result expand_name(struct reader *r, const struct list *users,
    const struct lookup *l, struct span domain);

/* Writes one value into l->expanded, where it is a mailbox, "Phrase <mailbox>"
 * too, and fits a reply. */
void expand_value(const struct lookup *l, struct span value,
    struct span domain);

#endif

/*
 * claim - what a speaker says, value by value, checked by the rules for it
 *
 * Pure.  All of them are false where a value is none that the core can have, and
 * what they have filled in says nothing then.  Spans and strings point into the
 * packet.
 */
#ifndef CLAIM_H
#define CLAIM_H

#include "frame.h"
#include "protocol.h"

/* No control octet but tabs, as a command line has none. */
bool claim_is_text(struct span s);

bool claim_take_header(struct span *rest, struct proxy *h);
bool claim_take_client(struct span *rest, struct xclient *x);

/* Verb, name and options, which are text alone; and is it a recipient who will
 * be taken, without an answer? */
bool claim_take_name(struct span *rest, struct lookup *l, bool *sure);

/* A mechanism and a name, as sasl has them, or none. */
bool claim_take_who(struct span *rest, struct sasl *who, bool *is_there);

/* The members of x point to the other two as well. */
bool claim_take_exchange(struct span *rest, struct exchange *x,
    struct sasl *who, struct reply *reply);

#endif

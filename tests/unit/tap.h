/*
 * What the unit tests share: TAP on standard output, and a handler that keeps
 * what it is told and holds the protocol to its order.
 */
#ifndef TAP_H
#define TAP_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/xclient.h"
#include "protocol.h"

static int tap_tests, tap_failures;

/* One test; says where where it failed. */
#define ok(passed, name) tap(passed, name, __LINE__)

static inline void
tap(bool passed, const char *name, int line)
{
	printf("%sok %d - %s\n", passed ? "" : "not ", ++tap_tests, name);
	if (!passed)
		printf("# line %d\n", line);
	tap_failures += !passed;
	fflush(stdout);
}

static inline int
tap_end(void)
{
	printf("1..%d\n", tap_tests);
	return tap_failures > 0;
}

/* ---- a handler that records ---- */

struct record {
	bool begun;
	unsigned begins, commits, discards;
	size_t size;
	char content[2 * 1024 * 1024];
	struct reply refused;		/* of the last discard */
	const char *hint;
	struct reply verdict;		/* what commit is to say */
	struct reply begin_fault, append_fault;	/* code 0: none */
	enum forward_result forward;
	enum lookup_result lookup;
	struct reply chosen;
	const char *expanded;
	enum lookup_verb asked_by;	/* last, and about whom */
	char asked[3][64];		/* local part, domain, parameters */
	const char *asked_after;	/* verb of the transaction */
	size_t answered_len;		/* of the line that was answered last */
	bool stop;
	enum auth_result auth;		/* what authenticate is to say */
	unsigned proofs;		/* how often it was asked */
	char proof[1024];		/* "mechanism name password" of the last */
	enum protocol_tls tls;		/* what prepare_tls is to say */
	unsigned renamed, forwarded, ended;	/* calls for XCLIENT, */
					/* XFORWARD, and of its end */
	bool may_rename;		/* what rename_client is to say */
	struct xclient client;		/* of the last of them */
	struct exchange told;		/* the last one */
	char told_line[512], told_who[512];
};

static inline enum forward_result
record_forward(void *context, const struct lookup *l, struct reply *reply)
{
	(void)l, (void)reply;
	return ((struct record *)context)->forward;
}

static inline enum lookup_result
record_lookup(void *context, const struct lookup *l, struct reply *reply)
{
	struct record *r = context;

	const struct span asked[] = { l->name.local, l->name.domain,
	    l->options };
	size_t i;

	for (i = 0; i < 3; i++)
		snprintf(r->asked[i], sizeof r->asked[i], "%.*s",
		    (int)asked[i].len, asked[i].ptr);
	r->asked_by = l->verb;
	r->asked_after = l->envelope->verb;
	text_string(l->expanded, r->expanded);
	*reply = r->chosen;
	return r->lookup;
}

static inline bool
record_begin(void *context, const struct envelope *e, struct reply *reply)
{
	struct record *r = context;

	assert(!r->begun && e->recipients > 0);
	r->begun = true;
	r->begins++;
	r->size = 0;
	r->commits = r->discards = 0;
	*reply = r->begin_fault;
	return reply->code == 0;
}

static inline bool
record_append(void *context, struct span data, struct reply *reply)
{
	struct record *r = context;

	assert(r->begun && data.len > 0 && r->commits == 0);
	assert(data.len <= sizeof r->content - r->size);
	memcpy(r->content + r->size, data.ptr, data.len);
	r->size += data.len;
	*reply = r->append_fault;
	return reply->code == 0;
}

static inline void
record_commit(void *context, size_t recipient, struct reply *reply)
{
	struct record *r = context;

	assert(r->begun);
	assert(recipient == PROTOCOL_ALL || recipient == r->commits);
	r->commits++;
	if (recipient == PROTOCOL_ALL)
		r->begun = false;
	*reply = r->verdict;
}

static inline void
record_discard(void *context, const struct reply *why, const char *hint)
{
	struct record *r = context;

	assert(r->begun && (why == NULL || why->code >= 400));
	r->begun = false;
	r->discards++;
	r->hint = hint;
	r->refused = why != NULL ? *why : (struct reply){ 0, NULL, NULL };
}

static inline bool
record_stopping(void *context)
{
	return ((struct record *)context)->stop;
}

static inline void
record_answered(void *context, const struct exchange *exchange)
{
	struct record *r = context;

	assert(exchange->reply->code >= 200);
	r->answered_len = exchange->line.len;
	r->told = *exchange;
	snprintf(r->told_line, sizeof r->told_line, "%.*s",
	    (int)exchange->line.len, exchange->line.ptr);
	r->told_who[0] = '\0';
	if (exchange->who != NULL)
		snprintf(r->told_who, sizeof r->told_who, "%.*s",
		    (int)exchange->who->name.len, exchange->who->name.ptr);
}

static inline enum auth_result
record_authenticate(void *context, const struct sasl *who)
{
	struct record *r = context;

	r->proofs++;
	snprintf(r->proof, sizeof r->proof, "%s %.*s %.*s",
	    sasl_mechanism(who), (int)who->name.len, who->name.ptr,
	    (int)who->password.len, who->password.ptr);
	return r->auth;
}

static inline enum protocol_tls
record_prepare_tls(void *context)
{
	return ((struct record *)context)->tls;
}

static inline bool
record_rename(void *context, const struct xclient *x)
{
	struct record *r = context;

	r->renamed++;
	r->client = *x;
	return r->may_rename;
}

static inline void
record_client(void *context, const struct xclient *x)
{
	struct record *r = context;

	if (x == NULL) {
		r->ended++;
		return;
	}
	r->forwarded++;
	r->client = *x;
}

static const struct protocol_handler record_handler = {
	record_forward, record_lookup, record_begin, record_append,
	record_commit, record_discard, record_stopping, record_answered,
	record_authenticate, record_prepare_tls, NULL,
	record_rename, record_client
};

/* ---- a session over the core ---- */

struct session {
	struct protocol_config config;
	struct protocol protocol;
	struct record record;
};

/* A new session with the usual limits; change s->config before. */
static inline void
session_open(struct session *s)
{
	memset(&s->protocol, 0, sizeof s->protocol);
	memset(&s->record, 0, offsetof(struct record, content));
	s->record.verdict = (struct reply){ 250, "2.0.0", "Ok" };
	s->record.begin_fault.code = s->record.append_fault.code = 0;
	s->record.chosen.code = 0;
	s->record.expanded = "";
	s->record.forward = LOCAL_DOMAIN;
	s->record.lookup = VALID_USER;
	s->record.stop = false;
	s->record.auth = AUTH_ACCEPTED;
	s->record.proofs = 0;
	s->record.tls = TLS_READY;
	s->record.renamed = s->record.forwarded = s->record.ended = 0;
	s->config.hostname = "mx.example.org";
	s->config.banner = "ready";
	s->config.domain = "example.org";
	if (s->config.max_recipients == 0)
		s->config.max_recipients = 100;
	protocol_open(&s->protocol, &s->config, &record_handler, &s->record);
}

/* One command line, its CRLF is added; the reply. */
static inline struct span
say(struct session *s, const char *line)
{
	size_t len = strlen(line);
	char *copy = malloc(len + 2);
	struct span reply;

	assert(copy != NULL);
	memcpy(copy, line, len);
	memcpy(copy + len, "\r\n", 2);
	reply = protocol_command(&s->protocol, (struct span){ copy, len + 2 });
	free(copy);
	return reply;
}

static inline bool
starts(struct span reply, const char *with)
{
	size_t len = strlen(with);

	return reply.len >= len && memcmp(reply.ptr, with, len) == 0;
}

/* The same octets in memory of their own, so that the sanitizer sees whoever
 * goes past them; returns how many were consumed. */
static inline size_t
feed(struct session *s, const char *octets, size_t len)
{
	char *copy = malloc(len);
	size_t used;

	assert(copy != NULL);
	memcpy(copy, octets, len);
	used = protocol_content(&s->protocol, copy, len);
	free(copy);
	return used;
}

#endif

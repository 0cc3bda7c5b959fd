/*
 * event - the lines of the log: LOG in smtpd.8, all in one place
 */
#ifndef EVENT_H
#define EVENT_H

#include "channel.h"
#include "environment.h"
#include "lists.h"
#include "log.h"
#include "process.h"
#include "protocol.h"

/* Rule 5: what is wrong with the configuration, "what: why". */
void event_config(struct log *l, const char *what, const char *why);

void event_connect(struct log *l, const struct peer *peer);

/* A command that was refused, a verdict on who somebody is, advice; and, where
 * all is to be logged, any command and its reply.  how: the last run for such a
 * verdict; a 454 says how it ended. */
void event_exchange(struct log *l, const struct exchange *x,
    const struct outcome *how, bool all);

/* A line, or a piece of one, that a run with these facts has printed (NULL: the
 * command that does TLS); and octets of it that are not in the log. */
void event_output(struct log *l, const struct facts *f, struct span piece);
void event_dropped(struct log *l, const struct facts *f,
    unsigned long long octets);

/* A handshake: error says why it failed; NULL: TLS is up. */
void event_tls(struct log *l, const struct peer *peer, const char *error);

/* There could be none; how: what is known of the command that does TLS. */
void event_no_tls(struct log *l, const char *error, const struct outcome *how);

/* A client that got a reply and no session (error: what we lack; 0: the fault is
 * its own); one whose session died by this signal; accept itself. */
void event_turned_away(struct log *l, const struct peer *peer,
    const struct reply *reply, int error);
void event_died(struct log *l, const struct peer *peer, int signal);
void event_accept(struct log *l, int error);

/* A run of the command (a name, as it was given) for the recipients of f, and
 * the reply; chosen: by the command itself.  since: when it began, as
 * channel_now() has it. */
void event_message(struct log *l, const struct facts *f, const char *command,
    const struct outcome *how, const struct reply *reply, bool chosen,
    long long since);

/* A message, or the recipients of f, for which nothing was run: it was refused,
 * or given up by the client (reply is NULL); hint: what to do about that, or
 * NULL. */
void event_no_run(struct log *l, const struct facts *f,
    const struct reply *reply, const char *hint, long long since);

/* A header field of a look-up that the message does not get, and why. */
void event_field(struct log *l, const struct facts *f, struct span field,
    const char *error);

/* A look-up that failed: program could not be run, or answered; and one that
 * a file of the configuration could not answer. */
void event_lookup(struct log *l, const struct facts *f, const char *program,
    const struct outcome *how, long long since);
void event_file(struct log *l, const struct reader *r);

/* What became of a connection: octets read, written, and queued but lost; the
 * errno of its last failure, 0 if none. */
struct traffic {
	unsigned long long in, out;
	size_t unsent;
	int error;
};

/* The end of the session.  why: what there is to say of the reason, or NULL;
 * messages: that were accepted. */
void event_close(struct log *l, const struct peer *peer,
    const struct traffic *traffic, enum protocol_reason reason,
    const char *why, unsigned long long messages, long long since);

/* The end of one whose speaker broke a rule, or (error is NULL) died with this
 * status of wait(2). */
void event_speaker(struct log *l, const struct peer *peer, const char *error,
    int status, unsigned long long messages, long long since);

#endif

/*
 * options - the command line: one table, from which --help comes too
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "lists.h"
#include "log.h"
#include "peer.h"
#include "protocol.h"
#include "values.h"

/* What the command line says.  Strings are argv's, the environment's or the
 * program's own. */
struct settings {
	struct protocol_config protocol;
	char **command;
	long long command_timeout;	/* ms */
	long long asking_time;		/* ms for who is asked meanwhile: a */
					/* look-up, --auth, a handshake */
	long long header_time;		/* ms for a PROXY header */
	bool append_recipients;
	struct list domains, forwards, users;
	struct proxies proxies;		/* --proxy */
	struct list speakers;		/* --xclient */
	unsigned long long max_sessions, max_per_client;	/* 0: no */
					/* limit of the latter */
	const char *lookup, *starttls, *auth;	/* for a shell; NULL: none */
	bool received, return_path, verbose, check, help, version;
	bool sandbox;
	bool sendmail;		/* -bs was given */
	const char *spool;
	enum log_to log;
	char host[PEER_NAME_MAX + 1];	/* the host's own name */
};

/* Reads all of it, also behind a fault: a later option may say where the log
 * is, or that --check asks.  What no option says gets its default.  False: the
 * first fault is in *fault.  A command is there unless help or version is asked
 * for.  *s must be zeroed. */
bool options_parse(struct settings *s, int argc, char **argv,
    struct fault *fault);

/* What does not go together, and, for --check, what would fail in a session.
 * False: it is in *fault. */
bool options_check(const struct settings *s, struct fault *fault);

/* The name of an option of ours that stands behind the command, and so is the
 * command's, meant or not; NULL: there is none. */
const char *options_late(const struct settings *s);

/* For who gives none. */
extern const char options_usage[];

/* What --help and --version ask for; false: neither was given. */
bool options_answer(const struct settings *s, const char *version,
    struct text *t);

#endif

/*
 * log - one event a line, one write a line, never to the client (rule 4)
 *
 * A line is put together key by key between log_begin and log_end, and leaves
 * with log_end: on descriptor 2, or as a datagram to /dev/log.  It is never
 * waited for beyond a second, and one that cannot be written is lost: a log
 * costs no mail.  Whatever is in a value, a line is one line of printable ASCII
 * of LOG_LINE_MAX octets at most; a longer value is cut and marked.
 */
#ifndef LOG_H
#define LOG_H

#include <sys/stat.h>

#include "text.h"

enum {
	LOG_LINE_MAX = 4096,		/* octets of one write */
	LOG_VALUE_MAX = 800		/* of them for one value */
};

/* Which of them is the caller's to say: descriptor 2 may be the client's. */
enum log_to {
	LOG_TO_USUAL, LOG_TO_STDERR, LOG_TO_SYSLOG, LOG_TO_NONE
};

/* The severities of RFC 5424, 6.2.1. */
enum log_level { LOG_CONFIG = 3, LOG_FAULT = 4, LOG_INFO = 6 };

/* Members are the log's own, but for those above the line. */
struct log {
	int pid;			/* ours, to be set */
	const char *client;		/* address, to be set; "": unknown */
	long long *let_in;		/* to be set: channel_wait's */
	/* ---- */
	enum log_to to;
	int fd;				/* of syslog; -1: not open */
	bool journal;			/* stderr is the journal */
	bool file;			/* stderr is one: never waited for */
	bool stuck;			/* nobody reads it */
	bool wrote;			/* readable: a line, or tried to */
	struct text line;
};

/* Where the lines go from now on (not USUAL); two is what descriptor 2 is.  The
 * space stays the log's. */
void log_open(struct log *l, enum log_to to, const struct stat *two,
    char space[LOG_LINE_MAX]);

/* A line begins with the event's name. */
void log_begin(struct log *l, enum log_level level, const char *event);

/* " key=value"; in quotes, and escaped, where a value has anything but plain
 * octets in it.  log_long: of max octets, not LOG_VALUE_MAX. */
void log_span(struct log *l, const char *key, struct span value);
void log_long(struct log *l, const char *key, struct span value, size_t max);
void log_string(struct log *l, const char *key, const char *value);
void log_number(struct log *l, const char *key, unsigned long long value);

/* "client=", and "seconds=" since a time of channel_now(). */
void log_client(struct log *l);
void log_seconds(struct log *l, long long since);

void log_end(struct log *l);

#endif

/*
 * channel - buffered, timed octets over a read and a write descriptor
 *
 * Knows descriptors, buffers and time; no protocol, no policy, and it never
 * ends the process.  It reports, the caller decides.
 *
 * The descriptors may be one socket, two pipes, a terminal, a file, blocking or
 * not: their flags are never changed, since another process may share them.  A
 * terminal sends LF alone; there each LF is read as CR LF.
 *
 * Times are milliseconds.  Deadlines are absolute, on the monotonic clock of
 * channel_now(): no octet moves them.
 *
 * Signals: whoever wants to be told of one blocks it and installs a handler.
 * It is let in nowhere but inside channel_wait().  SIGPIPE and SIGXFSZ are let
 * in nowhere: who writes where they may come blocks them, and has an errno.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/text.h"

enum {
	CHANNEL_IN_SIZE = 256 * 1024,	/* octets; the largest slice of input */
	CHANNEL_OUT_SIZE = 16 * 1024	/* octets that wait for a flush */
};

#define CHANNEL_FOREVER 0x7fffffffffffffffLL	/* no deadline */

enum channel_status {
	CHANNEL_OK,
	CHANNEL_EMPTY,		/* no whole record yet: fill, ask again */
	CHANNEL_TOO_LONG,	/* a record, cut to the length asked for */
	CHANNEL_EOF,		/* the other side is gone, or has reset */
	CHANNEL_TIMEOUT,	/* the deadline came first */
	CHANNEL_INTERRUPTED,	/* a signal or a notice came; the same call */
				/* goes on */
	CHANNEL_ERROR		/* errno is kept in read_errno, write_errno */
};

/* What a descriptor is; found out by the first call, which costs no call. */
enum channel_kind {
	CHANNEL_UNKNOWN, CHANNEL_SOCKET,	/* asked as a socket */
	CHANNEL_PLAIN, CHANNEL_TERMINAL
};

/* Members are the channel's own, but for those marked readable. */
struct channel {
	int read_fd, write_fd;
	int read_errno, write_errno;	/* readable: last failure, 0 if none */
	unsigned long long octets_in;	/* readable: octets read */
	unsigned long long octets_out;	/* readable: octets written */
	long long patience;		/* longest that one flush may take */
	long long flush_by;		/* deadline of a flush; 0: none is on */
	long long let_in;		/* channel_wait's; others may share it */
	int notice_fd;			/* to be set: another one that ends a */
					/* wait where it can be read; 0: none */
	bool noticed;			/* it could, and is waited for no */
					/* more; to be set back */
	enum channel_status broken;	/* why nothing is written any more */
	enum channel_kind reads, writes;
	bool unread;			/* written, and nothing read since */
	bool hurried;			/* TCP_NODELAY was asked for */
	char last;			/* octet read last from a terminal */
	size_t lo, hi;			/* input: in[lo..hi) */
	size_t seen;			/* octets of it with no delimiter */
	size_t top;			/* in[top..) was never written */
	size_t sent, queued;		/* output: out[sent..queued) */
	char out[CHANNEL_OUT_SIZE];
	char in[CHANNEL_IN_SIZE];
};

/* A channel over two open descriptors, which stay the caller's to close.
 * *c must be zeroed; patience is the longest that one flush may take. */
void channel_open(struct channel *c, int read_fd, int write_fd,
    long long patience);

/* Another patience, also for a flush that was interrupted. */
void channel_patience(struct channel *c, long long patience);

/* The monotonic clock, in milliseconds. */
long long channel_now(void);

/* The one wait of the program, and the one place where signals arrive: until
 * read_fd can be read, write_fd can be written (-1: not asked), or the deadline
 * comes.  It needs no channel.  *let_in is 0 at first: when a wait has let
 * signals in last.  Who waits in one loop shares it, a channel with its log and
 * its runs, or each of them would let them in once more.
 * OK, TIMEOUT, INTERRUPTED, ERROR (nothing that can be waited for). */
enum channel_status channel_wait(long long *let_in, int read_fd, int write_fd,
    long long deadline);

/* The same for count descriptors from this one on, all below FD_SETSIZE: which
 * of them can be read.  With none it waits for a signal. */
enum channel_status channel_wait_many(long long *let_in, int from, int count,
    long long deadline, bool *ready);

/* Flushes, then waits for input and takes what is there, one octet at least.
 * There must be room: what is buffered has been looked at and is short.
 * OK, EOF, TIMEOUT, INTERRUPTED, ERROR.  With EOF, write_errno is not 0 where
 * what was written is known to have come to nobody. */
enum channel_status channel_fill(struct channel *c, long long deadline);

/* Takes one record off the input, up to and with its delimiter; *record stays
 * valid until the next fill.  A longer one than max octets is read to its
 * delimiter, and its first max octets are given (TOO_LONG).
 * OK, TOO_LONG, EMPTY. */
enum channel_status channel_record(struct channel *c, char delimiter,
    size_t max, struct span *record);

/* The input that is buffered, *len octets; the caller may change them in
 * place.  Valid until the next fill. */
char *channel_peek(struct channel *c, size_t *len);

/* Takes the first len octets off the input. */
void channel_consume(struct channel *c, size_t len);

/* Overwrites all input that was taken, wherever it has stood. */
void channel_erase(struct channel *c);

/* Goes on over other descriptors, once all that was queued has left.  What is
 * buffered of the input is dropped: it came by the old ones. */
void channel_move(struct channel *c, int read_fd, int write_fd);

/* Octets that can be queued before the next flush. */
size_t channel_room(const struct channel *c);

/* Queues octets, channel_room() at most.  They leave with the next flush; after
 * a failed one they are dropped. */
void channel_write(struct channel *c, struct span octets);

/* Writes all that is queued.  After a failure nothing is written any more and
 * each call says the same.  OK, EOF, TIMEOUT, INTERRUPTED, ERROR. */
enum channel_status channel_flush(struct channel *c);

/* Ends our direction of a socket, so that the other side reads what was sent
 * and then end of file.  Without effect on anything else. */
void channel_shutdown(struct channel *c);

/* Reads and drops until end of file, the deadline (0: without waiting) or max
 * octets: a TCP socket that is closed over unread input resets, and our last
 * words are lost.  Without effect on anything but a socket. */
void channel_drain(struct channel *c, long long deadline, size_t max);

/* Octets that were queued and did not leave. */
size_t channel_unsent(const struct channel *c);

/* The errno of its last failure, of reading first; 0 if none. */
int channel_error(const struct channel *c);

/* The status in words. */
const char *channel_text(enum channel_status status);

#endif

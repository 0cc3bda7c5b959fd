#include "log.h"

#include <errno.h>
#include <stdlib.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "channel.h"
#include "variable.h"

enum { FACILITY_MAIL = 2 << 3 };	/* RFC 5424, 6.2.1 */

/* What needs no quotes. */
static bool
is_plain(char c)
{
	return is_host_octet(c) || c == '@' || c == '+' || c == '/' ||
	    c == '<' || c == '>';
}

void
log_begin(struct log *l, enum log_level level, const char *event)
{
	l->line.len = 0;
	if (l->to == LOG_TO_SYSLOG || l->journal) {
		text_char(&l->line, '<');
		text_number(&l->line, (l->journal ? 0U : FACILITY_MAIL) +
		    level);
		text_char(&l->line, '>');
	}
	if (!l->journal) {
		text_string(&l->line, "smtpd[");
		text_number(&l->line, (unsigned)l->pid);
		text_string(&l->line, "]: ");
	}
	text_string(&l->line, event);
}

static void
log_key(struct log *l, const char *key)
{
	text_char(&l->line, ' ');
	text_string(&l->line, key);
	text_char(&l->line, '=');
}

static void
log_octet(struct text *t, char c)
{
	static const char digits[] = "0123456789ABCDEF";

	if (c >= ' ' && c < 127 && c != '"' && c != '\\') {
		text_char(t, c);
		return;
	}
	text_string(t, "\\x");
	text_char(t, digits[(unsigned char)c >> 4]);
	text_char(t, digits[c & 15]);
}

void
log_long(struct log *l, const char *key, struct span value, size_t max)
{
	struct text *t = &l->line;
	size_t i, end;

	log_key(l, key);
	for (i = 0; i < value.len && is_plain(value.ptr[i]); i++)
		;
	if (value.len > 0 && i == value.len && i <= max) {
		text_span(t, value);
		return;
	}
	text_char(t, '"');
	end = t->len + max;
	for (i = 0; i < value.len && t->len < end; i++)
		log_octet(t, value.ptr[i]);
	text_string(t, i < value.len ? "...\"" : "\"");
}

void
log_span(struct log *l, const char *key, struct span value)
{
	log_long(l, key, value, LOG_VALUE_MAX);
}

void
log_string(struct log *l, const char *key, const char *value)
{
	log_span(l, key, span_of(value));
}

void
log_number(struct log *l, const char *key, unsigned long long value)
{
	log_key(l, key);
	text_number(&l->line, value);
}

void
log_client(struct log *l)
{
	log_string(l, "client", l->client[0] != '\0' ? l->client : "unknown");
}

void
log_seconds(struct log *l, long long since)
{
	unsigned long long ms = (unsigned long long)(channel_now() - since);
	unsigned long long rest = ms % 1000;

	log_number(l, "seconds", ms / 1000);
	text_string(&l->line, rest < 10 ? ".00" : rest < 100 ? ".0" : ".");
	text_number(&l->line, rest);
}

static void
syslog_open(struct log *l)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX,
	    .sun_path = "/dev/log" };

	l->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (l->fd >= 0 && connect(l->fd, (struct sockaddr *)&to, sizeof to)) {
		close(l->fd);
		l->fd = -1;
	}
}

/* Never waited for; a daemon that was restarted is found again, once. */
static void
syslog_send(struct log *l)
{
	int tries;

	for (tries = 0; tries < 2; tries++) {
		if (l->fd < 0)
			syslog_open(l);
		if (l->fd < 0 || send(l->fd, l->line.ptr, l->line.len,
		    MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno == EAGAIN)
			return;
		close(l->fd);
		l->fd = -1;
	}
}

/* May stderr be written without blocking?  A reader that is slow gets a second,
 * once; one that does not read costs lines, not mail. */
static bool
log_ready(struct log *l)
{
	enum channel_status status;
	long long limit;

	if (l->file)
		return true;
	limit = l->stuck ? 0 : channel_now() + 1000;
	do
		status = channel_wait(l->let_in, -1, 2, limit);
	while (status == CHANNEL_INTERRUPTED);
	l->stuck = status != CHANNEL_OK;
	return !l->stuck;
}

void
log_end(struct log *l)
{
	l->wrote = true;
	if (l->to == LOG_TO_SYSLOG)
		syslog_send(l);
	if (l->to != LOG_TO_STDERR || !log_ready(l))
		return;
	l->line.ptr[l->line.len] = '\n';
	while (write(2, l->line.ptr, l->line.len + 1) < 0 && errno == EINTR)
		;
}

/* Is stderr the journal's own socket?  "device:inode" says so. */
static bool
is_journal(const struct stat *st)
{
	const char *at = variable("JOURNAL_STREAM");
	char *end;

	return at != NULL && strtoull(at, &end, 10) == st->st_dev &&
	    *end == ':' && strtoull(end + 1, &end, 10) == st->st_ino &&
	    *end == '\0';
}

void
log_open(struct log *l, enum log_to to, const struct stat *two,
    char space[LOG_LINE_MAX])
{
	l->to = to;
	l->fd = -1;
	l->file = S_ISREG(two->st_mode);
	l->journal = to == LOG_TO_STDERR && is_journal(two);
	/* room for the newline */
	l->line = text_in(space, LOG_LINE_MAX);
}

/*
 * smtpd - mail from a connection on descriptors 0 and 1 into a command
 *
 * The rules that keep the promises; the code names them by number.
 *
 *  1. The command starts when the message is whole, and never before.
 *  2. 250 only after exit 0 (or 99); a fault of ours is 4xx, whatever it is.
 *  3. What came from the network is the command's standard input and checked
 *     values in its environment; it is a word of a command line only where
 *     --append-recipients or --lookup asks for it, and no shell parses it.
 *  4. Nothing but replies goes to the client: the command's output goes to a
 *     pipe, the log never to a descriptor that is the client's.
 *  5. No mail under a configuration that was not understood whole.
 *  6. The command inherits what ENVIRONMENT in smtpd.8 says, and nothing that
 *     the launcher left behind: no descriptor, no signal, no stale variable.
 */
#define _GNU_SOURCE		/* memfd_create, O_TMPFILE; see NO_LINUX */
#include <sys/types.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"
#include "lib/date.h"
#include "lib/expand.h"
#include "lib/file.h"
#include "lib/launcher.h"
#include "lib/lists.h"
#include "lib/log.h"
#include "lib/peer.h"
#include "lib/process.h"
#include "lib/spool.h"
#include "lib/users.h"
#include "protocol.h"

#define VERSION "0.1"
#define USUAL_PATH "/usr/local/sbin:/usr/local/bin:" \
	"/usr/sbin:/usr/bin:/sbin:/bin"

/* sysexits.h is not POSIX. */
enum {
	EX_OK = 0, EX_USAGE = 64, EX_DATAERR = 65, EX_NOUSER = 67,
	EX_NOHOST = 68, EX_UNAVAILABLE = 69, EX_OSERR = 71, EX_OSFILE = 72,
	EX_CANTCREAT = 73, EX_TEMPFAIL = 75, EX_PROTOCOL = 76, EX_NOPERM = 77,
	EX_CONFIG = 78
};

enum {
	LOG_OUTPUT_MAX = 64 * 1024,	/* octets of a command's output */
	TERM_TO_KILL = 5000,		/* ms */
	LOOKUP_TIME = 30 * 1000,	/* ms; a look-up's */
	LOOKUP_TERM_TO_KILL = 1000,
	ENVIRONMENT_MAX = 4096,		/* variables of a command */
	CHOSEN_LINES = 10		/* of a reply that a command chooses */
};

/* What the command line says. */
struct settings {
	struct protocol_config protocol;
	char **command;
	long long command_timeout;	/* ms */
	bool append_recipients;
	struct list domains, forwards, users;
	const char *lookup;
	bool received, return_path, verbose, check, help, version;
	const char *spool;
	enum log_to log;
};

/* The reply that a run's output ends in, so far. */
struct chosen {
	unsigned lines;			/* 0: none */
	bool more;			/* the last of them promises another */
	int code;			/* 0: not given */
	char enhanced[sizeof "5.999.999"];	/* "": not given */
	size_t len, last;		/* of the text; its last line's start */
	char text[CHOSEN_LINES * PROTOCOL_REPLY_LINE + 1];
};

/* Small things first, so that a session, and its first message, touch few
 * pages. */
struct smtpd {
	struct settings settings;
	struct log log;
	struct peer peer;
	struct launcher launcher;
	bool has_client;		/* somebody who could be told 421 */
	sigset_t ignored;		/* that a command must not inherit */

	/* the message */
	const struct envelope *envelope;
	bool started;			/* octets were appended, header too */
	bool accepted;			/* for one recipient at least */
	size_t done;			/* recipients that had their run */
	time_t date;
	long long since;		/* ms, channel_now() */
	char id[32];
	char okay[48];			/* "Ok ID" */
	unsigned long long messages;

	char **arguments;		/* of a run, with its recipients */
	bool prepared;			/* for runs */
	size_t inherited;		/* of the environment */

	struct spool spool;
	struct channel channel;
	struct protocol session;
	struct chosen chosen;		/* of the last run */
	struct reader reader;
	char log_space[LOG_LINE_MAX];
	char *environment[ENVIRONMENT_MAX + 1];	/* inherited, then ours */
	char space[4 * PROTOCOL_LIST_MAX];	/* for the environment */
	char path[PATH_MAX];		/* of the command */
};

static void
log_reply(struct smtpd *s, const struct reply *reply)
{
	char space[32];
	struct text t = { space, 0, sizeof space };

	text_number(&t, (unsigned)reply->code);
	if (reply->enhanced != NULL) {
		text_char(&t, ' ');
		text_string(&t, reply->enhanced);
	}
	log_span(&s->log, "reply", text_span_of(&t));
}

/* As the options say, but never to the client. */
static void
log_where(struct smtpd *s)
{
	enum log_to to = s->settings.log;

	if (launcher_log_is_client(&s->launcher) && to != LOG_TO_NONE)
		to = LOG_TO_SYSLOG;
	else if (to == LOG_TO_USUAL)
		to = LOG_TO_STDERR;
	log_open(&s->log, to, &s->launcher.descriptor[2], s->log_space);
}

/* ---- the end of it ---- */

/* Rule 5.  The client, where there is one, is asked to come again. */
static _Noreturn void
die(struct smtpd *s, int status, const char *what, const char *why)
{
	static const struct reply sorry = { 421, "4.3.5",
	    "Configuration error, try again later" };
	char space[1024];
	struct text t = { space, 0, sizeof space };

	text_string(&t, what);
	text_string(&t, ": ");
	text_string(&t, why);
	if (!s->has_client && (status == EX_USAGE || s->settings.check))
		log_open(&s->log, LOG_TO_STDERR,	/* whatever that is */
		    &s->launcher.descriptor[2], s->log_space);
	else if (s->log.to == LOG_TO_USUAL)
		log_where(s);
	log_begin(&s->log, LOG_CONFIG, "config");
	log_span(&s->log, "error", text_span_of(&t));
	log_end(&s->log);
	if (s->has_client) {
		channel_open(&s->channel, 0, 1, 10000);
		protocol_refuse(&s->session, &s->channel, &sorry);
	}
	exit(status);
}

/* The option by its name, and its value, where it has one. */
static _Noreturn void
die_option(struct smtpd *s, int status, const char *name, const char *value,
    const char *why)
{
	char what[512];
	struct text t = text_in(what, sizeof what);

	text_string(&t, "option ");
	text_string(&t, name);
	if (value != NULL) {
		text_char(&t, ' ');
		text_string(&t, value);
	}
	die(s, status, text_end(&t), why);
}

static const struct reply
    no_space = { 452, "4.3.1", "Insufficient storage, try again later" },
    local_fault = { 451, "4.3.0", "Local error, try again later" };

static const struct reply *
storage_fault(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG ?
	    &no_space : &local_fault;
}

/* ---- the header that we add: RFC 5321, 4.4 ---- */

/* The client's word, made safe for a header field and for a script. */
static void
text_helo(struct text *t, struct span helo)
{
	size_t i;

	for (i = 0; i < helo.len; i++)
		text_char(t, is_host_octet(helo.ptr[i]) ? helo.ptr[i] : '?');
}

static void
text_received(struct text *t, const struct smtpd *s, const char *newline)
{
	const struct envelope *e = s->envelope;
	const char *address = s->peer.address;

	text_string(t, "Received: from ");
	text_helo(t, e->helo);
	if (address[0] != '\0') {
		text_string(t, strchr(address, ':') != NULL ? " ([IPv6:" :
		    " ([");
		text_string(t, address);
		text_string(t, "])");
	}
	text_string(t, newline);
	text_string(t, "\tby ");
	text_string(t, s->settings.protocol.hostname);
	text_string(t, " with ");
	text_string(t, e->with);
	text_string(t, " id ");
	text_string(t, s->id);
	if (e->recipients == 1) {
		text_string(t, newline);
		text_string(t, "\tfor <");
		text_span(t, envelope_recipient(e, 0).whole);
		text_char(t, '>');
	}
	text_char(t, ';');
	text_string(t, newline);
	text_char(t, '\t');
	text_mail_date(t, s->date);
	text_string(t, newline);
}

/* With the message's first octets, or instead of them where it has none. */
static bool
append_header(struct smtpd *s, struct span data)
{
	const char *newline = s->settings.protocol.crlf ? "\r\n" : "\n";
	char space[3 * 1024];
	struct text t = { space, 0, sizeof space };

	s->started = true;
	if (s->settings.return_path) {
		text_string(&t, "Return-Path: <");
		text_span(&t, s->envelope->sender.whole);
		text_char(&t, '>');
		text_string(&t, newline);
	}
	if (s->settings.received)
		text_received(&t, s, newline);
	/* else the client's first line would go on with our last field */
	if (t.len > 0 && data.len > 0 &&
	    (data.ptr[0] == ' ' || data.ptr[0] == '\t'))
		text_string(&t, newline);
	return spool_append(&s->spool, text_span_of(&t));
}

/* ---- what the command gets: environment ---- */

/* One run: recipients [first, first + count) of the envelope; or a look-up, of
 * one that is not in the envelope, at a time when not all of that is known. */
struct run {
	struct smtpd *s;
	const struct envelope *e;
	bool look_up;
	size_t first, count;
	struct mailbox to;		/* where count is 1; its parameters */
	struct span options;
	const char *file;		/* what is run */
	char *const *argv;
	long long limit, grace;		/* ms to SIGTERM, and on to SIGKILL */
};

static bool
put_sender(struct text *t, const struct run *r)
{
	text_span(t, r->e->sender.whole);
	return r->e->verb != NULL;
}

static bool
put_recipient(struct text *t, const struct run *r)
{
	text_span(t, r->to.whole);
	return r->count == 1;
}

static bool
put_local(struct text *t, const struct run *r)
{
	text_span(t, r->to.local);
	return r->count == 1;
}

static bool
put_domain(struct text *t, const struct run *r)
{
	text_span(t, r->to.domain);
	return r->count == 1;
}

static bool
put_extension(struct text *t, const struct run *r, char sign)
{
	const char *at = span_find(r->to.local, sign);

	if (at != NULL)
		text_span(t, span_behind(r->to.local, at));
	return r->count == 1;
}

static bool
put_dash(struct text *t, const struct run *r)
{
	return put_extension(t, r, '-');
}

static bool
put_plus(struct text *t, const struct run *r)
{
	return put_extension(t, r, '+');
}

/* A line each; all but the first are begun by a newline. */
static bool
put_list(struct text *t, const struct run *r, bool forwarded_only)
{
	bool first = true;
	size_t i;

	if (r->look_up) {
		text_span(t, forwarded_only ? span_of("") : r->to.whole);
		return true;
	}
	for (i = r->first; i < r->first + r->count; i++) {
		if (forwarded_only &&
		    envelope_forward(r->e, i) == LOCAL_DOMAIN)
			continue;
		if (!first)
			text_char(t, '\n');
		first = false;
		text_span(t, envelope_recipient(r->e, i).whole);
	}
	return true;
}

static bool
put_recipients(struct text *t, const struct run *r)
{
	return put_list(t, r, false);
}

static bool
put_forwarded(struct text *t, const struct run *r)
{
	return put_list(t, r, true);
}

static bool
put_options(struct text *t, const struct run *r)
{
	text_span(t, r->e->options);
	return r->e->verb != NULL;
}

static bool
put_recipient_options(struct text *t, const struct run *r)
{
	size_t i;

	if (r->look_up)
		text_span(t, r->options);
	for (i = r->first; i < r->first + r->count && !r->look_up; i++) {
		if (i > r->first)
			text_char(t, '\n');
		text_span(t, envelope_options(r->e, i));
	}
	return r->e->verb != NULL;
}

static bool
put_envid(struct text *t, const struct run *r)
{
	text_span(t, r->e->envid);
	return r->e->envid.len > 0;
}

/* qmail-command(8) */
static bool
put_rpline(struct text *t, const struct run *r)
{
	text_string(t, "Return-Path: <");
	text_span(t, r->e->sender.whole);
	text_string(t, ">\n");
	return r->e->verb != NULL;
}

static bool
put_dtline(struct text *t, const struct run *r)
{
	text_string(t, "Delivered-To: ");
	text_span(t, r->to.whole);
	text_char(t, '\n');
	return r->count == 1;
}

static bool
put_ufline(struct text *t, const struct run *r)
{
	struct span sender = r->e->sender.whole;
	size_t i;

	text_string(t, sender.len == 0 ? "From MAILER-DAEMON" : "From ");
	for (i = 0; i < sender.len; i++)
		text_char(t, sender.ptr[i] == ' ' ? '-' : sender.ptr[i]);
	text_char(t, ' ');
	text_mbox_date(t, r->s->date);
	text_char(t, '\n');
	return !r->look_up;
}

static bool
put_known(struct text *t, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return false;
	text_string(t, value);
	return true;
}

static bool
put_address(struct text *t, const struct run *r)
{
	return put_known(t, r->s->peer.address);
}

static bool
put_port(struct text *t, const struct run *r)
{
	return put_known(t, r->s->peer.port);
}

static bool
put_name(struct text *t, const struct run *r)
{
	return put_known(t, r->s->peer.name);
}

static bool
put_local_address(struct text *t, const struct run *r)
{
	return put_known(t, r->s->peer.local_address);
}

static bool
put_local_port(struct text *t, const struct run *r)
{
	return put_known(t, r->s->peer.local_port);
}

static bool
put_proto(struct text *t, const struct run *r)
{
	return put_known(t, r->s->peer.address[0] != '\0' ? "TCP" : "");
}

static bool
put_helo(struct text *t, const struct run *r)
{
	text_helo(t, r->e->helo);
	return r->e->helo.ptr != NULL;
}

static bool
put_with(struct text *t, const struct run *r)
{
	return put_known(t, r->e->with);
}

static bool
put_id(struct text *t, const struct run *r)
{
	return !r->look_up && put_known(t, r->s->id);
}

static bool
put_verb(struct text *t, const struct run *r)
{
	return put_known(t, r->e->verb);
}

static bool
put_size(struct text *t, const struct run *r)
{
	text_number(t, spool_size(&r->s->spool));
	return !r->look_up;
}

/* Every name that is ours, or that must not be inherited (rule 6). */
static const struct variable {
	const char *name;		/* "_" at its end: all that begin so */
	bool (*put)(struct text *, const struct run *);	/* false: unset */
} variables[] = {
	{ "SENDER", put_sender },
	{ "NEWSENDER", put_sender },
	{ "RECIPIENT", put_recipient },
	{ "ORIGINAL_RECIPIENT", put_recipient },
	{ "RECIPIENTS", put_recipients },
	{ "FORWARD_RECIPIENTS", put_forwarded },
	{ "LOCAL", put_local },
	{ "HOST", put_domain },
	{ "DOMAIN", put_domain },
	{ "EXT", put_dash },
	{ "EXTENSION", put_plus },
	{ "RPLINE", put_rpline },
	{ "DTLINE", put_dtline },
	{ "UFLINE", put_ufline },
	{ "CLIENT_ADDRESS", put_address },
	{ "CLIENT_PORT", put_port },
	{ "CLIENT_HOSTNAME", put_name },
	{ "CLIENT_HELO", put_helo },
	{ "CLIENT_PROTOCOL", put_with },
	{ "PROTO", put_proto },
	{ "TCPREMOTEIP", put_address },
	{ "TCPREMOTEPORT", put_port },
	{ "TCPREMOTEHOST", put_name },
	{ "TCPLOCALIP", put_local_address },
	{ "TCPLOCALPORT", put_local_port },
	{ "REMOTE_ADDR", put_address },
	{ "REMOTE_PORT", put_port },
	{ "SMTP_ID", put_id },
	{ "SMTP_VERB", put_verb },
	{ "SMTP_SIZE", put_size },
	{ "SMTP_MAIL_OPTIONS", put_options },
	{ "SMTP_RCPT_OPTIONS", put_recipient_options },
	{ "ENVID", put_envid },
	{ "LISTEN_", NULL },
	{ "NOTIFY_SOCKET", NULL },
	{ "WATCHDOG_", NULL },
	{ "JOURNAL_STREAM", NULL },
	{ "SSLCTLFD", NULL },
	{ "SSLREADFD", NULL },
	{ "SSLWRITEFD", NULL },
	{ "TCPREMOTEINFO", NULL },
	{ "TCP6REMOTEINFO", NULL },
};

enum { VARIABLES = sizeof variables / sizeof *variables };

static bool
is_ours(const char *assignment)
{
	size_t len = strcspn(assignment, "="), i, n;
	const char *name;

	for (i = 0; i < VARIABLES; i++) {
		name = variables[i].name;
		if (*name != *assignment)
			continue;
		n = strlen(name);
		if (strncmp(assignment, name, n) == 0 &&
		    (len == n || name[n - 1] == '_'))
			return true;
	}
	return false;
}

/* The part that every run inherits; false and errno where it is too large. */
static bool
inherit_environment(struct smtpd *s)
{
	extern char **environ;
	size_t i, n = 0;

	for (i = 0; environ[i] != NULL; i++) {
		if (is_ours(environ[i]))
			continue;
		if (n == ENVIRONMENT_MAX - VARIABLES) {
			errno = E2BIG;
			return false;
		}
		s->environment[n++] = environ[i];
	}
	s->inherited = n;
	return true;
}

static void
run_environment(const struct run *r)
{
	struct smtpd *s = r->s;
	struct text t = { s->space, 0, sizeof s->space };
	size_t n = s->inherited, i, start;

	for (i = 0; i < VARIABLES; i++) {
		start = t.len;
		text_string(&t, variables[i].name);
		text_char(&t, '=');
		if (variables[i].put != NULL && variables[i].put(&t, r)) {
			text_char(&t, '\0');
			s->environment[n++] = s->space + start;
		} else
			t.len = start;
	}
	s->environment[n] = NULL;
}

/* ---- the reply that a command chooses: its very last line ---- */

struct said {
	int code;			/* 0: not given */
	bool more;			/* "NNN-" */
	struct span enhanced, text;
};

/* Digits from the start of s, three at most. */
static size_t
digits(struct span s)
{
	size_t n = 0;

	while (n < 3 && n < s.len && is_digit(s.ptr[n]))
		n++;
	return n;
}

/* Takes "X.Y.Z" off *s (RFC 3463, 2); empty where it does not begin so. */
static struct span
take_enhanced(struct span *s)
{
	size_t len = 0, n, part;

	for (part = 0; part < 3; part++) {
		n = digits(span_skip(*s, len));
		if (n == 0 || (part == 0 && n != 1))
			return (struct span){ "", 0 };
		len += n;
		if (part == 2)
			break;
		if (len == s->len || s->ptr[len] != '.')
			return (struct span){ "", 0 };
		len++;
	}
	if (len < s->len && s->ptr[len] != ' ')
		return (struct span){ "", 0 };
	*s = span_skip(*s, len);
	return (struct span){ s->ptr - len, len };
}

/* Takes "NNN " or "NNN-" off *s. */
static void
take_code(struct span *s, struct said *c)
{
	int code;

	if (digits(*s) != 3 || s->len == 3 ||
	    (s->ptr[3] != ' ' && s->ptr[3] != '-'))
		return;
	code = 100 * (s->ptr[0] - '0') + 10 * (s->ptr[1] - '0') +
	    (s->ptr[2] - '0');
	if (code != 250 && (code < 400 || code > 599))
		return;
	c->code = code;
	c->more = s->ptr[3] == '-';
	*s = span_skip(*s, 4);
}

/* "NNN X.Y.Z text", "NNN-X.Y.Z text", "X.Y.Z text" or "NNN text". */
static bool
parse_said(struct span line, struct said *c)
{
	char class;

	*c = (struct said){ .code = 0 };
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	take_code(&line, c);
	c->enhanced = take_enhanced(&line);
	c->text = line.len > 0 && line.ptr[0] == ' ' ? span_skip(line, 1) :
	    line;
	if (c->code == 0 || c->enhanced.len == 0) {
		class = c->enhanced.len > 0 ? c->enhanced.ptr[0] : '0';
		return c->text.len > 0 && !c->more && (c->code != 0 ||
		    class == '2' || class == '4' || class == '5');
	}
	return c->enhanced.ptr[0] - '0' == c->code / 100;
}

/* One more line of output. */
static void
choose_line(struct chosen *c, struct span line)
{
	struct text t = text_in(c->text, sizeof c->text);
	struct said got;
	size_t i;

	if (!parse_said(line, &got)) {
		c->lines = 0;
		return;
	}
	if (c->lines == 0 || !c->more || c->code != got.code ||
	    got.enhanced.len == 0)
		c->lines = 0;
	else {
		t.len = c->lines < CHOSEN_LINES ? c->len : c->last - 1;
		text_char(&t, '\n');
	}
	c->lines += c->lines < CHOSEN_LINES;
	c->last = t.len;
	c->more = got.more;
	c->code = got.code;
	span_copy(got.enhanced, c->enhanced, sizeof c->enhanced);
	if (got.text.len >= PROTOCOL_REPLY_LINE)
		got.text.len = PROTOCOL_REPLY_LINE - 1;
	for (i = 0; i < got.text.len; i++)	/* a NUL would end it */
		text_char(&t, got.text.ptr[i] != '\0' ? got.text.ptr[i] : '?');
	c->len = t.len;
	text_end(&t);
}

/* A status whose meaning is "try again" never becomes a bounce. */
static bool
may_bounce(int status)
{
	return status >= 0 && status != EX_TEMPFAIL && status != 111 &&
	    status != 126 && status != 127;
}

/* In the place of the usual reply to this status, where it may stand there. */
static bool
choose_reply(const struct chosen *c, int status, struct reply *reply)
{
	static const struct reply least[] = { [2] = { 250, "2.0.0", NULL },
	    [4] = { 451, "4.0.0", NULL }, [5] = { 554, "5.0.0", NULL } };
	int usual = reply->code / 100, class;
	bool whole = c->code != 0 && c->enhanced[0] != '\0';

	if (c->lines == 0 || c->more)
		return false;
	class = c->code != 0 ? c->code / 100 : c->enhanced[0] - '0';
	if (whole ? (class == 2) != (usual == 2) ||
	    (class == 5 && !may_bounce(status)) : class != usual)
		return false;
	reply->code = c->code == 0 || c->code == 421 ? least[class].code :
	    c->code;
	reply->enhanced = c->enhanced[0] != '\0' ? c->enhanced :
	    least[class].enhanced;
	reply->text = c->text;
	return true;
}

/* ---- running the command ---- */

/* Its output, a line at a time. */
struct output {
	const struct run *run;
	unsigned long long octets, logged, lines;
	size_t len;			/* of the line, or of a piece of it */
	bool middle;			/* the piece is not the line's first */
	char line[2048];
	size_t first_len;		/* of its first line, cut */
	char first[PROTOCOL_REPLY_LINE];
};

static void
log_output(const struct run *r)
{
	log_begin(&r->s->log, LOG_INFO, "output");
	if (!r->look_up)
		log_string(&r->s->log, "id", r->s->id);
	else {
		log_client(&r->s->log);
		log_span(&r->s->log, "to", r->to.whole);
	}
}

/* A piece of a line; ends: its last. */
static void
output_piece(struct output *o, bool ends)
{
	struct smtpd *s = o->run->s;
	struct span piece = { o->line, o->len };
	size_t room = (size_t)(LOG_OUTPUT_MAX - o->logged);

	if (o->lines == 0 && !o->middle) {
		o->first_len = o->len < sizeof o->first ? o->len :
		    sizeof o->first;
		memcpy(o->first, o->line, o->first_len);
	}
	if (!o->middle)
		choose_line(&s->chosen, piece);
	if (piece.len > room)
		piece.len = room;
	if (piece.len > 0) {
		log_output(o->run);
		log_long(&s->log, "line", piece, LOG_LINE_MAX - 1024);
		log_end(&s->log);
	}
	o->logged += piece.len;
	o->len = 0;
	o->middle = !ends;
	o->lines += ends;
}

static void
output_octets(void *output, struct span octets)
{
	struct output *o = output;

	for (; octets.len > 0; octets.ptr++, octets.len--) {
		o->octets++;
		if (octets.ptr[0] == '\n') {
			output_piece(o, true);
			o->logged += o->logged < LOG_OUTPUT_MAX;
		} else if (o->len == sizeof o->line)
			output_piece(o, false);
		if (octets.ptr[0] != '\n')
			o->line[o->len++] = octets.ptr[0];
	}
}

static void
output_end(struct output *o)
{
	if (o->len > 0)
		output_piece(o, true);
	if (o->octets == o->logged)
		return;
	log_output(o->run);
	log_number(&o->run->s->log, "dropped", o->octets - o->logged);
	log_end(&o->run->s->log);
}

/* What is the same for every run, looked at before the first. */
static bool
prepare_runs(struct smtpd *s)
{
	process_prepare();
	launcher_find_ignored(&s->ignored);
	peer_find_local(&s->peer);
	s->prepared = inherit_environment(s);
	return s->prepared;
}

/* Runs it, with in as its standard input, which is closed. */
static void
execute(struct output *o, int in, struct outcome *how)
{
	const struct run *r = o->run;
	struct smtpd *s = r->s;
	struct process p = { .argv = r->argv, .envp = s->environment,
	    .in = in, .ignored = &s->ignored, .limit = r->limit,
	    .grace = r->grace, .output = output_octets, .context = o,
	    .whole_group = r->look_up,
	    .max_output = r->look_up ? LOG_OUTPUT_MAX : 0 };

	s->chosen.lines = 0;
	if (in >= 0 && r->argv != NULL)
		p.path = process_find(r->file, s->path, sizeof s->path);
	if (p.path == NULL || (!s->prepared && !prepare_runs(s))) {
		how->error = errno;
		if (in >= 0)
			close(in);
		return;
	}
	run_environment(r);
	process_run(&p, how);
	output_end(o);
}

/* ---- the reply: rule 2 ---- */

/* Only what blames the message or its recipient is permanent. */
static const struct verdict {
	int status;
	struct reply reply;
} verdicts[] = {
	{ EX_DATAERR, { 554, "5.6.0", "Message content refused" } },
	{ EX_NOUSER, { 550, "5.1.1", "No such user" } },
	{ EX_NOHOST, { 550, "5.1.2", "No such host" } },
	{ EX_UNAVAILABLE, { 554, "5.3.0", "Message refused" } },
	{ 100, { 554, "5.3.0", "Message refused" } },	/* qmail-command(8) */
	{ 112, { 554, "5.3.0", "Message refused" } },
	{ EX_PROTOCOL, { 554, "5.5.0", "Message refused" } },
	{ EX_NOPERM, { 550, "5.7.1", "Message refused by policy" } },
	{ EX_CANTCREAT, { 451, "4.2.0", "Cannot store, try again later" } },
	{ EX_OSFILE, { 451, "4.3.5", "Misconfigured, try again later" } },
	{ EX_CONFIG, { 451, "4.3.5", "Misconfigured, try again later" } },
};

static void
judge(struct smtpd *s, const struct outcome *how, struct reply *reply)
{
	int status = outcome_status(how);
	size_t i;

	*reply = local_fault;
	if (status == 0 || status == 99)	/* 99: qmail-command(8) */
		*reply = (struct reply){ 250, "2.0.0", s->okay };
	for (i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
		if (verdicts[i].status == status)
			*reply = verdicts[i].reply;
	choose_reply(&s->chosen, status, reply);
}

/* "No such file": which? */
static void
log_script_fault(struct smtpd *s, const char *name)
{
	const char *path = process_find(name, s->path, sizeof s->path);
	const char *fault = path == NULL ? NULL : process_script_fault(path);

	if (fault != NULL)
		log_string(&s->log, "hint", fault);
}

static void
log_outcome(const struct run *r, const struct outcome *how)
{
	struct smtpd *s = r->s;

	if (how->error != 0) {
		log_number(&s->log, "exit", 127);
		log_string(&s->log, "error", strerror(how->error));
		if (how->error == ENOENT || how->error == ENOEXEC ||
		    how->error == EACCES)
			log_script_fault(s, r->file);
		log_string(&s->log, "command", r->file);
	} else if (how->stuck)
		log_string(&s->log, "signal", "stuck");
	else if (WIFSIGNALED(how->status))
		log_number(&s->log, "signal", (unsigned)WTERMSIG(how->status));
	else
		log_number(&s->log, "exit", (unsigned)WEXITSTATUS(how->status));
	if (how->flooded)
		log_string(&s->log, "error", "too much output");
	else if (how->error == 0 && how->timed_out)
		log_string(&s->log, "timeout", "yes");
}

/* The line of a message: a run's; one that was not run (how is NULL); one that
 * the client gave up, or that we had no time for (reply is NULL too). */
static void
log_message(const struct run *r, const struct outcome *how,
    const struct reply *reply)
{
	struct smtpd *s = r->s;
	const struct envelope *e = r->e;
	struct span from = e->sender.whole;
	bool ours = reply != NULL && reply->code / 100 == 4 &&
	    reply->text != s->chosen.text;

	log_begin(&s->log, ours ? LOG_FAULT : LOG_INFO, "message");
	log_string(&s->log, "id", s->id);
	log_client(&s->log);
	log_span(&s->log, "helo", e->helo);
	log_span(&s->log, "from", from.len > 0 ? from : span_of("<>"));
	if (r->count > 0)
		log_span(&s->log, "to", envelope_recipient(e, r->first).whole);
	log_number(&s->log, "nrcpt", r->count);
	log_number(&s->log, "size", spool_size(&s->spool));
	if (how != NULL)
		log_outcome(r, how);
	else if (s->spool.error != 0) {
		log_string(&s->log, "spool", s->settings.spool);
		log_string(&s->log, "error", strerror(s->spool.error));
	}
	if (reply != NULL)
		log_reply(s, reply);
	else
		log_string(&s->log, "dropped", "yes");
	log_seconds(&s->log, s->since);
	log_end(&s->log);
}

/* ---- the session's handler ---- */

static void
log_file_fault(struct smtpd *s)
{
	log_begin(&s->log, LOG_FAULT, "lookup");
	log_client(&s->log);
	log_string(&s->log, "file", s->reader.file->value);
	log_string(&s->log, "error", s->reader.fault);
	log_end(&s->log);
}

static enum forward_result
forward_domain(void *context, const struct mailbox *to, struct reply *reply)
{
	struct smtpd *s = context;
	const struct settings *o = &s->settings;
	enum list_answer local = LIST_YES, forward = LIST_NO;

	if (to->domain.len > 0)
		local = domain_is_listed(&s->reader, &o->domains, to->domain);
	if (local == LIST_NO)
		forward = domain_is_listed(&s->reader, &o->forwards,
		    to->domain);
	if (local == LIST_UNKNOWN || forward == LIST_UNKNOWN) {
		log_file_fault(s);
		*reply = local_fault;
		return CANNOT_FORWARD;
	}
	if (local == LIST_YES || (forward == LIST_NO && o->domains.count == 0))
		return LOCAL_DOMAIN;
	return forward == LIST_YES || getenv("RELAYCLIENT") != NULL ?
	    WILL_FORWARD : CANNOT_FORWARD;
}

static enum lookup_result
ask_users(struct smtpd *s, const struct lookup *l)
{
	static const enum lookup_result results[] = {
		[LIST_NO] = UNKNOWN_USER, [LIST_YES] = VALID_USER,
		[LIST_UNKNOWN] = LOOKUP_ERROR
	};
	const struct list *users = &s->settings.users;
	enum lookup_result user = l->verb == LOOKUP_RCPT ?
	    results[user_is_listed(&s->reader, users, &l->name)] :
	    expand_name(&s->reader, users, l,
	    span_of(s->settings.protocol.domain));

	if (user == LOOKUP_ERROR)
		log_file_fault(s);
	return user;
}

/* The exit status of a look-up; 1 is what grep says, and a script that
 * crashed, which says more. */
static enum lookup_result
judge_look_up(const struct output *o, int status, struct reply *reply)
{
	static const struct reply refused = { 550, "5.7.1",
	    "Refused by policy" };
	const struct run *r = o->run;
	enum lookup_result user = LOOKUP_ERROR;
	struct reply usual = local_fault;

	if (status == 0)
		return VALID_USER;
	if (status == EX_DATAERR)
		user = AMBIGUOUS_USER;
	else if (status == EX_NOUSER || status == EX_NOPERM || status == 100 ||
	    (status == 1 && o->octets == 0))
		user = UNKNOWN_USER;
	if (user != LOOKUP_ERROR && status != EX_NOPERM &&
	    user_is_postmaster(r->to.local))
		return VALID_USER;
	if (user != LOOKUP_ERROR)
		usual = refused;
	if (choose_reply(&r->s->chosen, status, &usual) ||
	    status == EX_NOPERM)
		*reply = usual;
	return user;
}

static void
log_look_up(const struct run *r, const struct outcome *how, long long since)
{
	log_begin(&r->s->log, LOG_FAULT, "lookup");
	log_client(&r->s->log);
	log_span(&r->s->log, "to", r->to.whole);
	log_outcome(r, how);
	log_seconds(&r->s->log, since);
	log_end(&r->s->log);
}

/* Rule 3: the name is one word of its command line, behind the command. */
static enum lookup_result
ask_command(struct smtpd *s, const struct lookup *l, struct reply *reply)
{
	char name[PROTOCOL_LINE_MAX + 1];
	const char *argv[] = { "sh", "-c", s->settings.lookup, "sh", name,
	    NULL };
	long long since = channel_now();
	long long timeout = s->settings.protocol.timeout;
	struct run r = { .s = s, .e = l->envelope, .look_up = true,
	    .count = 1, .to = l->name, .options = l->options,
	    .file = "/bin/sh", .argv = (char *const *)argv,
	    .limit = timeout < LOOKUP_TIME ? timeout : LOOKUP_TIME,
	    .grace = LOOKUP_TERM_TO_KILL };
	struct output o = { .run = &r };
	struct outcome how = { 0 };
	enum lookup_result user;
	int status;

	span_copy(l->name.whole, name, sizeof name);
	execute(&o, file_open("/dev/null", 0), &how);
	status = outcome_status(&how);
	user = judge_look_up(&o, status, reply);
	if (user == LOOKUP_ERROR && (reply->code == 0 || status < 0))
		log_look_up(&r, &how, since);
	else if (user == VALID_USER && l->expanded->len == 0)
		expand_value(l,
		    span_trimmed((struct span){ o.first, o.first_len }),
		    span_of(s->settings.protocol.domain));
	return user;
}

/* The users are those of the file; the command has the last word. */
static enum lookup_result
look_up_name(void *context, const struct lookup *l, struct reply *reply)
{
	struct smtpd *s = context;
	enum lookup_result user = VALID_USER;

	if (s->settings.users.count > 0)
		user = ask_users(s, l);
	if (user == VALID_USER && s->settings.lookup != NULL)
		user = ask_command(s, l, reply);
	return user;
}

/* Seconds, microseconds and process: no two messages of a host share it. */
static void
new_id(struct smtpd *s)
{
	struct text id = text_in(s->id, sizeof s->id);
	struct text okay = text_in(s->okay, sizeof s->okay);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	s->date = now.tv_sec;
	text_hex(&id, (unsigned long)now.tv_sec & 0xffffffff, 8);
	text_hex(&id, (unsigned long)now.tv_nsec / 1000, 5);
	text_hex(&id, (unsigned long)s->log.pid, 6);
	text_end(&id);
	text_string(&okay, "Ok ");
	text_string(&okay, s->id);
	text_end(&okay);
}

static bool
begin(void *context, const struct envelope *envelope, struct reply *reply)
{
	struct smtpd *s = context;

	(void)reply;
	spool_close(&s->spool);
	s->envelope = envelope;
	s->started = s->accepted = false;
	s->done = 0;
	s->since = channel_now();
	new_id(s);
	return true;
}

static bool
append(void *context, struct span data, struct reply *reply)
{
	struct smtpd *s = context;

	if ((s->started || append_header(s, data)) &&
	    spool_append(&s->spool, data))
		return true;
	*reply = *storage_fault(s->spool.error);
	return false;
}

/* All of the message is in the spool, and it can be read. */
static bool
complete(struct smtpd *s)
{
	return (s->started || append_header(s, (struct span){ "", 0 })) &&
	    spool_finish(&s->spool);
}

/* The command's, and with --append-recipients those of this run; NULL and errno
 * where memory is short. */
static char *const *
arguments(const struct run *r)
{
	char **command = r->s->settings.command, **argv;
	struct span to;
	size_t n = 0, i;
	char *at;

	if (!r->s->settings.append_recipients)
		return command;
	while (command[n] != NULL)
		n++;
	free(r->s->arguments);
	argv = malloc((n + r->count + 1) * sizeof *argv + r->count +
	    PROTOCOL_LIST_MAX);
	r->s->arguments = argv;
	if (argv == NULL)
		return NULL;
	memcpy(argv, command, n * sizeof *argv);
	at = (char *)(argv + n + r->count + 1);
	for (i = r->first; i < r->first + r->count; i++) {
		to = envelope_recipient(r->e, i).whole;
		argv[n++] = at;
		span_copy(to, at, to.len + 1);
		at += to.len + 1;
	}
	argv[n] = NULL;
	return argv;
}

static void
commit(void *context, size_t recipient, struct reply *reply)
{
	struct smtpd *s = context;
	const struct envelope *e = s->envelope;
	bool all = recipient == PROTOCOL_ALL;
	struct run r = { .s = s, .e = e, .first = all ? 0 : recipient,
	    .count = all ? e->recipients : 1, .limit =
	    s->settings.command_timeout, .grace = TERM_TO_KILL };
	bool last = r.first + r.count == e->recipients;
	struct output o = { .run = &r };
	struct outcome how = { 0 };
	bool whole = complete(s);

	r.to = envelope_recipient(e, r.first);
	r.file = s->settings.command[0];
	r.argv = arguments(&r);
	if (whole) {
		execute(&o, spool_next_reader(&s->spool, last), &how);
		judge(s, &how, reply);
	} else
		*reply = *storage_fault(s->spool.error);
	log_message(&r, whole ? &how : NULL, reply);
	s->done += r.count;
	s->since = channel_now();
	if (reply->code == 250 && !s->accepted) {
		s->accepted = true;
		s->messages++;
	}
	if (last)
		spool_close(&s->spool);
}

static void
discard(void *context, const struct reply *why)
{
	struct smtpd *s = context;
	struct run left = { .s = s, .e = s->envelope, .first = s->done,
	    .count = s->envelope->recipients - s->done };

	log_message(&left, NULL, why);
	spool_close(&s->spool);
}

static bool
stopping(void *context)
{
	(void)context;
	return launcher_stops();
}

static void
answered(void *context, const struct exchange *x)
{
	struct smtpd *s = context;

	if (s->settings.verbose) {
		if (x->line.len > 0) {
			log_begin(&s->log, LOG_INFO, "command");
			log_client(&s->log);
			log_long(&s->log, "line", x->line, 3000);
			log_end(&s->log);
		}
		log_begin(&s->log, LOG_INFO, "reply");
		log_client(&s->log);
		log_reply(s, x->reply);
		log_string(&s->log, "text", x->reply->text);
		log_end(&s->log);
	}
	if (x->reply->code < 400 || x->message || x->verb == NULL)
		return;
	log_begin(&s->log, LOG_INFO, "refuse");
	log_client(&s->log);
	log_string(&s->log, "verb", x->verb[0] != '\0' ? x->verb : "unknown");
	log_reply(s, x->reply);
	if (x->mailbox.len > 0)
		log_span(&s->log, "to", x->mailbox);
	log_end(&s->log);
}

static const struct protocol_handler handler = {
	forward_domain, look_up_name, begin, append, commit, discard, stopping,
	answered
};

/* ---- options ---- */

/* Each setter gets the member's address; it returns what is wrong, or NULL. */

static const char *
set_flag(void *member, const char *value)
{
	(void)value;
	*(bool *)member = true;
	return NULL;
}

static const char *
clear_flag(void *member, const char *value)
{
	(void)value;
	*(bool *)member = false;
	return NULL;
}

static const char *
set_text(void *member, const char *value)
{
	*(const char **)member = value;
	return NULL;
}

static const char *
set_banner(void *member, const char *value)
{
	size_t i;

	for (i = 0; value[i] != '\0'; i++)
		if (value[i] < ' ' || value[i] > '~')
			return "not a line of printable ASCII";
	return set_text(member, value);
}

static const char *
set_hostname(void *member, const char *value)
{
	struct span name = span_of(value);

	if (name.len == 0 || name.len > PEER_NAME_MAX ||
	    !span_all(name, is_host_octet))
		return "not a host name";
	return set_text(member, value);
}

static const char *
set_directory(void *member, const char *value)
{
	return value[0] == '\0' ? "not a directory" : set_text(member, value);
}

static const char *
set_count(void *member, const char *value)
{
	return span_number(span_of(value), 1000000000,
	    (unsigned long long *)member) ? NULL :
	    "not a number from 0 to 1000000000";
}

_Static_assert(PROTOCOL_RECIPIENTS_MAX == 25600, "what the error says");

static const char *
set_recipients(void *member, const char *value)
{
	unsigned long long n;

	if (set_count(&n, value) != NULL || n == 0 ||
	    n > PROTOCOL_RECIPIENTS_MAX)
		return "not a number from 1 to 25600";
	*(size_t *)member = (size_t)n;
	return NULL;
}

static const char *
set_seconds_or_none(void *member, const char *value)
{
	unsigned long long n;

	if (set_count(&n, value) != NULL)
		return "not a number of seconds from 0 to 1000000000";
	*(long long *)member = (long long)n * 1000;
	return NULL;
}

static const char *
set_seconds(void *member, const char *value)
{
	if (set_seconds_or_none(member, value) != NULL ||
	    *(long long *)member == 0)
		return "not a number of seconds from 1 to 1000000000";
	return NULL;
}

static const char *
set_size(void *member, const char *value)
{
	static const char suffix[] = "KMGkmg";
	struct span number = span_of(value);
	const char *unit = number.len == 0 ? NULL :
	    strchr(suffix, value[number.len - 1]);
	unsigned long long n;
	unsigned shift = 0;

	if (unit != NULL) {
		shift = 10 * ((unsigned)(unit - suffix) % 3 + 1);
		number.len--;
	}
	if (!span_number(number, LLONG_MAX, &n) ||
	    n > (unsigned long long)LLONG_MAX >> shift)
		return "not a size: a number, K, M or G behind it";
	*(unsigned long long *)member = n << shift;
	return NULL;
}

static const char *
set_log(void *member, const char *value)
{
	static const char *const to[] = { [LOG_TO_STDERR] = "stderr",
	    [LOG_TO_SYSLOG] = "syslog", [LOG_TO_NONE] = "none" };
	enum log_to i;

	for (i = LOG_TO_STDERR; i <= LOG_TO_NONE; i++)
		if (strcmp(value, to[i]) == 0) {
			*(enum log_to *)member = i;
			return NULL;
		}
	return "not stderr, syslog or none";
}

static const char *
set_bare_newline(void *member, const char *value)
{
	*(bool *)member = strcmp(value, "reject") == 0;
	return *(bool *)member || strcmp(value, "normalize") == 0 ? NULL :
	    "not normalize or reject";
}

/* What runs "sendmail -bs" can run us; no other mode is ours. */
static const char *
set_mode(void *member, const char *value)
{
	(void)member;
	return strcmp(value, "s") == 0 ? NULL : "no mode of ours: only -bs is";
}

static const char *
set_domain(void *member, const char *value)
{
	bool is_file = value[0] == '/' || strncmp(value, "./", 2) == 0;

	if (!is_file && !domain_is_rule(span_of(value)))
		return "not a domain, nor a file: /name or ./name";
	return list_add(member, value, is_file);
}

static const char *
set_users(void *member, const char *value)
{
	return value[0] == '\0' ? "not a file" :
	    list_add(member, value, true);
}

static const char *
set_lookup(void *member, const char *value)
{
	return value[0] == '\0' ? "not a command" : set_text(member, value);
}

#define AT(member) offsetof(struct settings, member)

static const struct choice {
	const char *name;
	char letter;			/* 0: none */
	const char *argument;		/* NULL: none */
	const char *(*set)(void *member, const char *value);
	size_t member;
	const char *help;
} choices[] = {
	{ "hostname", 'n', "NAME", set_hostname, AT(protocol.hostname),
	    "our name (the host's)" },
	{ "banner", 0, "TEXT", set_banner, AT(protocol.banner),
	    "what the greeting says (ESMTP ready)" },
	{ NULL, 'b', "s", set_mode, 0, "for callers of sendmail -bs: SMTP" },
	{ "lmtp", 0, NULL, set_flag, AT(protocol.lmtp), "speak LMTP" },
	{ "domain", 'd', "DOMAIN|/FILE", set_domain, AT(domains),
	    "a local domain; any number (all are)" },
	{ "forward", 'f', "DOMAIN|/FILE", set_domain, AT(forwards),
	    "not local, but mail is taken for it" },
	{ "users", 'u', "FILE", set_users, AT(users),
	    "the local users, as aliases(5) (all)" },
	{ "lookup", 'l', "COMMAND", set_lookup, AT(lookup),
	    "ask COMMAND about each recipient" },
	{ "vrfy", 0, NULL, set_flag, AT(protocol.vrfy),
	    "answer VRFY and EXPN" },
	{ "terminal", 0, NULL, set_flag, AT(protocol.terminal),
	    "offer SEND, SOML and SAML" },
	{ "max-size", 's', "SIZE", set_size, AT(protocol.max_size),
	    "largest message; K, M, G; 0: any (32M)" },
	{ "max-recipients", 'r', "N", set_recipients,
	    AT(protocol.max_recipients), "recipients a message (100)" },
	{ "max-messages", 0, "N", set_count, AT(protocol.max_messages),
	    "messages a session; 0: any (0)" },
	{ "max-errors", 0, "N", set_count, AT(protocol.max_errors),
	    "refused commands a session; 0: any (10)" },
	{ "timeout", 't', "SECONDS", set_seconds, AT(protocol.timeout),
	    "longest silence of the client (300)" },
	{ "session-timeout", 0, "SECONDS", set_seconds_or_none,
	    AT(protocol.session_timeout), "longest session; 0: any (3600)" },
	{ "command-timeout", 'T', "SECONDS", set_seconds, AT(command_timeout),
	    "longest run of the command (300)" },
	{ "append-recipients", 'a', NULL, set_flag, AT(append_recipients),
	    "recipients as further arguments" },
	{ "crlf", 0, NULL, set_flag, AT(protocol.crlf),
	    "CRLF line ends to the command (LF)" },
	{ "bare-newline", 0, "WHAT", set_bare_newline,
	    AT(protocol.reject_bare_newlines),
	    "normalize or reject them (normalize)" },
	{ "dsn", 0, NULL, set_flag, AT(protocol.dsn),
	    "announce DSN: the command sends them" },
	{ "no-received", 0, NULL, clear_flag, AT(received),
	    "add no Received field" },
	{ "return-path", 0, NULL, set_flag, AT(return_path),
	    "add a Return-Path field" },
	{ "spool", 0, "DIR", set_directory, AT(spool),
	    "for large messages ($TMPDIR or /tmp)" },
	{ "log", 0, "WHERE", set_log, AT(log), "stderr, syslog or none" },
	{ "verbose", 'v', NULL, set_flag, AT(verbose),
	    "log each command and reply" },
	{ "check", 0, NULL, set_flag, AT(check),
	    "check all of this and exit" },
	{ "help", 'h', NULL, set_flag, AT(help), "this text" },
	{ "version", 'V', NULL, set_flag, AT(version), "the version" },
};

enum { CHOICES = sizeof choices / sizeof *choices };

static void
help_line(struct text *t, const struct choice *c)
{
	enum { COLUMN = 34 };
	size_t start = t->len;

	text_string(t, c->letter != '\0' ? "  -" : "    ");
	if (c->letter != '\0')
		text_char(t, c->letter);
	if (c->name != NULL) {
		text_string(t, c->letter != '\0' ? ", --" : "  --");
		text_string(t, c->name);
	}
	if (c->argument != NULL) {
		if (c->name != NULL)
			text_char(t, ' ');
		text_string(t, c->argument);
	}
	do
		text_char(t, ' ');
	while (t->len < start + COLUMN);
	text_string(t, c->help);
	text_char(t, '\n');
}

static _Noreturn void
print(const struct text *t)
{
	exit(file_write(1, text_span_of(t)) ? EX_OK : EX_OSERR);
}

static _Noreturn void
print_help(void)
{
	char space[4096];
	struct text t = { space, 0, sizeof space };
	size_t i;

	text_string(&t,
	    "usage: smtpd [option ...] [--] command [argument ...]\n"
	    "SMTP on descriptors 0 and 1: each message that arrived whole is\n"
	    "the standard input of command, whose exit status is the reply.\n");
	for (i = 0; i < CHOICES; i++)
		help_line(&t, &choices[i]);
	print(&t);
}

static _Noreturn void
print_version(void)
{
	struct text t = { (char[32]){ "" }, 0, 32 };

	text_string(&t, "smtpd " VERSION "\n");
	print(&t);
}

/* getopt_long's two forms of the table. */
static void
option_tables(struct option *longs, char *shorts)
{
	size_t i;

	*shorts++ = '+';	/* options behind the command are its own */
	*shorts++ = ':';
	for (i = 0; i < CHOICES; i++) {
		if (choices[i].name != NULL)
			*longs++ = (struct option){ choices[i].name,
			    choices[i].argument != NULL, NULL,
			    (int)(256 + i) };
		if (choices[i].letter == '\0')
			continue;
		*shorts++ = choices[i].letter;
		if (choices[i].argument != NULL)
			*shorts++ = ':';
	}
	*longs = (struct option){ NULL, 0, NULL, 0 };
	*shorts = '\0';
}

static const struct choice *
choice_of(int got)
{
	size_t i;

	if (got >= 256)
		return &choices[got - 256];
	for (i = 0; choices[i].letter != got; i++)
		;
	return &choices[i];
}

/* What is wrong with an option; why is NULL where nothing is. */
struct option_fault {
	char name[64];
	const char *value;		/* NULL: none */
	const char *why;
};

/* getopt's ':' and '?': the option as the user wrote it. */
static struct option_fault
bad_option(int got, char **argv)
{
	char letter[] = { '-', (char)optopt, '\0' };
	bool is_long = optopt >= 256 && optopt < 256 + CHOICES;
	/* 0: no such name; else a letter, 8-bit: below 0, or 0xdf00 and more */
	const char *name = is_long || optopt == 0 ? argv[optind - 1] : letter;
	struct option_fault f = { .why = got == ':' ? "needs an argument" :
	    is_long ? "takes no argument" :
	    "unknown or ambiguous; see smtpd --help" };

	span_copy(span_of(name), f.name, sizeof f.name);
	return f;
}

static struct option_fault
set_option(struct smtpd *s, const struct choice *c, const char *value)
{
	struct option_fault f = { .value = value,
	    .why = c->set((char *)&s->settings + c->member, value) };
	struct text t = text_in(f.name, sizeof f.name);

	text_string(&t, c->name != NULL ? "--" : "-b");
	if (c->name != NULL)
		text_string(&t, c->name);
	text_end(&t);
	return f;
}

/* All of them, for one behind the first fault may say where the log is, or
 * that --check asks, and no client. */
static void
parse_options(struct smtpd *s, int argc, char **argv)
{
	struct option longs[CHOICES + 1];
	char shorts[2 * CHOICES + 3];
	struct option_fault first = { .why = NULL }, fault;
	int got;

	option_tables(longs, shorts);
	opterr = 0;
	while ((got = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		fault = got == ':' || got == '?' ? bad_option(got, argv) :
		    set_option(s, choice_of(got), optarg);
		if (first.why == NULL)
			first = fault;
	}
	s->settings.command = argv + optind;
	s->has_client = s->has_client && !s->settings.check;
	if (first.why != NULL)
		die_option(s, EX_USAGE, first.name, first.value, first.why);
	if (s->settings.help)
		print_help();
	if (s->settings.version)
		print_version();
	if (optind == argc || argv[optind][0] == '\0')
		die(s, EX_USAGE, "no command", "see smtpd --help");
}

static void
default_settings(struct settings *s)
{
	const char *tmp = getenv("TMPDIR");

	s->protocol.max_size = 32 << 20;
	s->protocol.max_recipients = 100;
	s->protocol.max_errors = 10;
	s->protocol.timeout = 300 * 1000;
	s->protocol.session_timeout = 3600 * 1000;
	s->command_timeout = 300 * 1000;
	s->received = true;
	s->spool = tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp";
}

static void
open_lists(struct smtpd *s)
{
	struct settings *o = &s->settings;
	struct user_state users;
	struct fault fault;

	if (!list_open(&o->domains, &s->reader, "--domain", domain_wrong, NULL,
	    0, &fault) ||
	    !list_open(&o->forwards, &s->reader, "--forward", domain_wrong,
	    NULL, 0, &fault) ||
	    !list_open(&o->users, &s->reader, "--users", user_wrong, &users,
	    sizeof users, &fault))
		die(s, EX_CONFIG, fault.what, fault.why);
}

/* What depends on other options, or on the host. */
static void
finish_settings(struct smtpd *s)
{
	static char name[PEER_NAME_MAX + 1];
	struct protocol_config *p = &s->settings.protocol;
	const struct source *x;
	size_t i;

	if (p->banner == NULL)
		p->banner = p->lmtp ? "LMTP ready" : "ESMTP ready";
	if (p->hostname == NULL && (gethostname(name, sizeof name - 1) != 0 ||
	    set_hostname(&p->hostname, name) != NULL))
		p->hostname = "localhost";
	p->domain = p->hostname;
	for (i = s->settings.domains.count; i-- > 0; ) {
		x = &s->settings.domains.source[i];
		if (!x->is_file && x->value[0] != '.')
			p->domain = x->value;
	}
	p->slow_look_up = s->settings.lookup != NULL;
}

/* --check: what a session would need. */
static _Noreturn void
check(struct smtpd *s)
{
	const char *name = s->settings.command[0], *path, *fault;
	const char *spool = s->settings.spool;
	char space[PATH_MAX];
	struct stat st;

	path = process_find(name, space, sizeof space);
	if (path == NULL || stat(path, &st) != 0 || access(path, X_OK) != 0)
		die(s, EX_CONFIG, name, strerror(errno));
	if (!S_ISREG(st.st_mode))
		die(s, EX_CONFIG, name, "not a regular file");
	if ((fault = process_script_fault(path)) != NULL)
		die(s, EX_CONFIG, name, fault);
	if (!inherit_environment(s))
		die(s, EX_CONFIG, "environment", strerror(errno));
	if (!spool_try(&s->spool))
		die_option(s, EX_CONFIG, spool == getenv("TMPDIR") ?
		    "--spool ($TMPDIR)" : "--spool", spool,
		    strerror(errno));
	print(&(struct text){ (char[]){ "ok\n" }, 3, 3 });
}

/* ---- main ---- */

static const char *const reasons[] = {
	[PROTOCOL_EOF] = "eof",
	[PROTOCOL_QUIT] = "quit",
	[PROTOCOL_TIMEOUT] = "timeout",
	[PROTOCOL_ERRORS] = "errors",
	[PROTOCOL_LOST] = "errors",
	[PROTOCOL_STOP] = "stop",
	[PROTOCOL_ERROR] = "error",
};

static void
log_connect(struct smtpd *s)
{
	if (!s->settings.verbose)
		return;
	log_begin(&s->log, LOG_INFO, "connect");
	log_client(&s->log);
	if (s->peer.port[0] != '\0')
		log_string(&s->log, "port", s->peer.port);
	log_end(&s->log);
}

static void
log_close(struct smtpd *s, enum protocol_reason reason, long long since)
{
	const struct channel *c = &s->channel;
	int error = c->read_errno != 0 ? c->read_errno : c->write_errno;

	if (c->octets_in == 0 && reason == PROTOCOL_EOF && !s->settings.verbose)
		return;		/* a health probe */
	log_begin(&s->log, LOG_INFO, "close");
	log_client(&s->log);
	if (s->peer.port[0] != '\0')
		log_string(&s->log, "port", s->peer.port);
	log_string(&s->log, "reason", reasons[reason]);
	if (error != 0)
		log_string(&s->log, "error", strerror(error));
	log_number(&s->log, "messages", s->messages);
	log_number(&s->log, "in", c->octets_in);
	log_number(&s->log, "out", c->octets_out);
	if (channel_unsent(c) > 0)
		log_number(&s->log, "unsent", channel_unsent(c));
	log_seconds(&s->log, since);
	log_end(&s->log);
}

static void
greet_person(const struct smtpd *s)
{
	static const char text[] =
	    "SMTP by hand: EHLO me begins, HELP says what there is, QUIT or "
	    "control-D ends.\n";

	if (s->log.to == LOG_TO_STDERR && launcher_has_person(&s->launcher))
		(void)!write(2, text, sizeof text - 1);
}

static int
serve(struct smtpd *s)
{
	long long since = channel_now();
	enum protocol_reason reason;

	channel_open(&s->channel, 0, 1, s->settings.protocol.timeout);
	protocol_open(&s->session, &s->settings.protocol, &handler, s);
	log_connect(s);
	greet_person(s);
	reason = protocol_serve(&s->session, &s->channel);
	log_close(s, reason, since);
	return reason == PROTOCOL_ERROR ? EX_OSERR : EX_OK;
}

int
main(int argc, char **argv)
{
	static struct smtpd s;

	s.log.pid = getpid();
	s.log.client = s.peer.address;
	launcher_take_signals();
	if (!launcher_take_descriptors(&s.launcher))
		return EX_OSERR;
	s.has_client = launcher_has_client(&s.launcher);
	if (getenv("PATH") == NULL)
		setenv("PATH", USUAL_PATH, 1);
	default_settings(&s.settings);
	parse_options(&s, argc, argv);
	finish_settings(&s);
	log_where(&s);
	s.spool.dir = s.settings.spool;
	open_lists(&s);
	if (s.settings.check)
		check(&s);
	peer_find(&s.peer);
	if (s.peer.unconnected && launcher_left_listener())
		die(&s, EX_CONFIG, "descriptor 0 is a listening socket",
		    "set Accept=yes (inetd: nowait)");
	if (!launcher_has_connection(&s.launcher))
		die(&s, EX_OSERR, "descriptor 0 or 1 is closed",
		    "a superserver is to start this program");
	return serve(&s);
}

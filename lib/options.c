#include "options.h"

#include <getopt.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "variable.h"

#define AT(member) offsetof(struct settings, member)

static const struct row {
	const char *name;
	char letter;			/* 0: none */
	const char *argument;		/* NULL: none; "[=": no must */
	value_setter *set;
	size_t member;
	const char *help;
	const char *heading;		/* of those from here on */
} rows[] = {
	{ "domain", 'd', "DOMAIN|/FILE", value_domain, AT(domains),
	    "a local domain, repeatable (every domain)",
	    "Who may receive" },
	{ "forward", 'f', "DOMAIN|/FILE", value_domain, AT(forwards),
	    "not local: the command sends it on", NULL },
	{ "users", 'u', "FILE", value_users, AT(users),
	    "the local users, as aliases(5) (every name)", NULL },
	{ "lookup", 'l', "COMMAND", value_command, AT(lookup),
	    "ask COMMAND about each recipient", NULL },
	{ "vrfy", 0, NULL, value_flag, AT(protocol.vrfy),
	    "answer VRFY and EXPN", NULL },
	{ "starttls", 0, "COMMAND", value_command, AT(starttls),
	    "offer STARTTLS: COMMAND does the TLS", "TLS and passwords" },
	{ "tls", 0, NULL, value_flag, AT(protocol.tls),
	    "the launcher has done TLS already", NULL },
	{ "require-tls", 0, NULL, value_flag, AT(protocol.require_tls),
	    "no MAIL without TLS", NULL },
	{ "auth", 0, "COMMAND", value_command, AT(auth),
	    "offer AUTH: COMMAND checks passwords", NULL },
	{ "auth-in-clear", 0, NULL, value_flag, AT(protocol.auth_in_clear),
	    "offer AUTH without TLS too", NULL },
	{ "require-auth", 0, NULL, value_flag, AT(protocol.require_auth),
	    "no MAIL without AUTH", NULL },
	{ "max-size", 's', "SIZE", value_octets, AT(protocol.max_size),
	    "largest message; K, M, G; 0: no limit (32M)", "Limits" },
	{ "max-recipients", 'r', "N", value_recipients,
	    AT(protocol.max_recipients), "recipients of a message (100)",
	    NULL },
	{ "max-messages", 0, "N", value_count, AT(protocol.max_messages),
	    "messages of a session; 0: no limit (0)", NULL },
	{ "max-errors", 0, "N", value_count, AT(protocol.max_errors),
	    "refused commands a session; 0: no limit (10)", NULL },
	{ "timeout", 't', "SECONDS", value_seconds, AT(protocol.timeout),
	    "longest silence of the client (300)", NULL },
	{ "session-timeout", 0, "SECONDS", value_seconds_or_none,
	    AT(protocol.session_timeout), "longest session; 0: no limit (3600)",
	    NULL },
	{ "command-timeout", 'T', "SECONDS", value_seconds, AT(command_timeout),
	    "longest run of the command (300)", NULL },
	{ "max-sessions", 0, "N", value_sessions, AT(max_sessions),
	    "sessions at once, if smtpd accepts (40)", NULL },
	{ "max-per-client", 0, "N", value_count, AT(max_per_client),
	    "of them for one client; 0: no limit (20)", NULL },
	{ "sandbox", 0, NULL, value_flag, AT(sandbox),
	    "what reads the network can do nothing else", NULL },
	{ "lmtp", 0, NULL, value_flag, AT(protocol.lmtp),
	    "speak LMTP: one run for each recipient", "The command" },
	{ "append-recipients", 'a', NULL, value_flag, AT(append_recipients),
	    "recipients as further arguments", NULL },
	{ "crlf", 0, NULL, value_flag, AT(protocol.crlf),
	    "CRLF line ends on its stdin (LF)", NULL },
	{ "return-path", 0, NULL, value_flag, AT(return_path),
	    "add a Return-Path field", NULL },
	{ "no-received", 0, NULL, value_clear_flag, AT(received),
	    "add no Received field", NULL },
	{ "spool", 0, "DIR", value_directory, AT(spool),
	    "for large messages ($TMPDIR or /tmp)", NULL },
	{ "log", 0, "WHERE", value_log, AT(log),
	    "stderr, syslog or none (stderr)", "Log and checks" },
	{ "verbose", 'v', NULL, value_flag, AT(verbose),
	    "log each command and reply", NULL },
	{ "check", 0, NULL, value_flag, AT(check),
	    "check all of this and exit", NULL },
	{ "help", 'h', NULL, value_flag, AT(help), "this text", NULL },
	{ "version", 'V', NULL, value_flag, AT(version), "the version", NULL },
	{ "hostname", 'n', "NAME", value_hostname, AT(protocol.hostname),
	    "our name (the host's)", "Rarely needed" },
	{ "banner", 0, "TEXT", value_banner, AT(protocol.banner),
	    "what the greeting says (ESMTP ready)", NULL },
	{ "proxy", 0, "[=ADDRESS[/BITS]]", value_proxy, AT(proxies),
	    "a proxy there sends a PROXY header first", NULL },
	{ "xclient", 0, "ADDRESS|unix", value_speaker, AT(speakers),
	    "who may use XCLIENT and XFORWARD", NULL },
	{ "bare-newline", 0, "WHAT", value_bare_newline,
	    AT(protocol.reject_bare_newlines),
	    "bare CR, LF: reject or normalize (normalize)", NULL },
	{ "dsn", 0, NULL, value_flag, AT(protocol.dsn),
	    "announce DSN; the command sends notices", NULL },
	{ "terminal", 0, NULL, value_flag, AT(protocol.terminal),
	    "offer SEND, SOML and SAML", NULL },
	{ NULL, 'b', "s", value_mode, AT(sendmail),
	    "for programs that run sendmail -bs", NULL },
	{ NULL, 'o', "WORD", value_sendmail_word, AT(sendmail),
	    "behind -bs: ignored", NULL },
};

enum {
	ROWS = sizeof rows / sizeof *rows,
	LONG = 256		/* getopt's number of a long option's row 0 */
};

static void
help_line(struct text *t, const struct row *row)
{
	enum { COLUMN = 34 };
	size_t start;

	if (row->heading != NULL) {
		text_char(t, '\n');
		text_string(t, row->heading);
		text_string(t, ":\n");
	}
	start = t->len;
	text_string(t, row->letter != '\0' ? "  -" : "    ");
	if (row->letter != '\0')
		text_char(t, row->letter);
	if (row->name != NULL) {
		text_string(t, row->letter != '\0' ? ", --" : "  --");
		text_string(t, row->name);
	}
	if (row->argument != NULL) {
		if (row->name != NULL && row->argument[0] != '[')
			text_char(t, ' ');
		text_string(t, row->argument);
	}
	do
		text_char(t, ' ');
	while (t->len < start + COLUMN);
	text_string(t, row->help);
	text_char(t, '\n');
}

static int
kind_of(const char *argument)
{
	return argument == NULL ? no_argument : argument[0] == '[' ?
	    optional_argument : required_argument;
}

/* getopt_long's two forms of the table. */
static void
option_tables(struct option *longs, char *shorts)
{
	size_t i;

	*shorts++ = '+';	/* options behind the command are its own */
	*shorts++ = ':';
	for (i = 0; i < ROWS; i++) {
		if (rows[i].name != NULL)
			*longs++ = (struct option){ rows[i].name,
			    kind_of(rows[i].argument), NULL,
			    (int)(LONG + i) };
		if (rows[i].letter == '\0')
			continue;
		*shorts++ = rows[i].letter;
		if (rows[i].argument != NULL)
			*shorts++ = ':';
	}
	*longs = (struct option){ NULL, 0, NULL, 0 };
	*shorts = '\0';
}

static const struct row *
row_of(int got)
{
	size_t i;

	if (got >= LONG)
		return &rows[got - LONG];
	for (i = 0; rows[i].letter != got; i++)
		;
	return &rows[i];
}

/* A long option's name, as given, that getopt cannot tell. */
static const char *
misnamed(const char *name)
{
	size_t i, len = strcspn(name, "=");

	for (i = 0; i < ROWS; i++)
		if (rows[i].name != NULL &&
		    strncmp(rows[i].name, name, len) == 0)
			return "short for several options; see smtpd --help";
	return "unknown; see smtpd --help";
}

/* getopt's ':' and '?': the option as the user wrote it.  optopt is the number
 * of a long one; 0: no such name; else a letter (8-bit ones: below 0, or 0xdf00
 * and more). */
static void
bad_option(int got, char **argv, struct fault *fault)
{
	char letter[] = { '-', (char)optopt, '\0' }, name[64];
	bool is_long = optopt >= LONG && optopt < LONG + ROWS;
	const char *word = is_long || optopt == 0 ? argv[optind - 1] : letter;

	span_copy(span_of(word), name, sizeof name);
	fault_of_option(fault, name, NULL, got == ':' ? "needs an argument" :
	    is_long ? "takes no argument" :
	    misnamed(optopt == 0 ? word + strlen("--") : word));
}

static void
text_option(struct text *t, const struct row *row)
{
	text_string(t, row->name != NULL ? "--" : "-");
	if (row->name != NULL)
		text_string(t, row->name);
	else
		text_char(t, row->letter);
}

/* False: what is wrong is in *fault. */
static bool
set_option(struct settings *s, const struct row *row, const char *value,
    struct fault *fault)
{
	const char *why = row->set((char *)s + row->member, value);
	char name[64];
	struct text t = text_in(name, sizeof name);

	if (why == NULL)
		return true;
	text_option(&t, row);
	fault_of_option(fault, text_end(&t), value, why);
	return false;
}

static void
set_defaults(struct settings *s)
{
	const char *tmp = variable("TMPDIR");

	s->protocol.max_size = 32 << 20;
	s->protocol.max_recipients = 100;
	s->protocol.max_errors = 10;
	s->protocol.timeout = 300 * 1000;
	s->protocol.session_timeout = 3600 * 1000;
	s->command_timeout = 300 * 1000;
	s->max_sessions = 40;
	s->max_per_client = 20;
	s->received = true;
	s->spool = tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp";
}

/* False: the first fault is in *fault. */
static bool
set_all(struct settings *s, int argc, char **argv, struct fault *fault)
{
	struct option longs[ROWS + 1];
	char shorts[2 * ROWS + 3];
	struct fault later, *now = fault;
	int got;

	option_tables(longs, shorts);
	opterr = 0;
	while ((got = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (got == ':' || got == '?')
			bad_option(got, argv, now);
		else if (set_option(s, row_of(got), optarg, now))
			continue;
		now = &later;
	}
	s->command = argv + optind;
	return now == fault;
}

/* The first plain --domain; else our name. */
static const char *
usual_domain(const struct settings *s)
{
	const struct source *x;
	size_t i;

	for (i = 0; i < s->domains.count; i++) {
		x = &s->domains.source[i];
		if (!x->is_file && x->value[0] != '.')
			return x->value;
	}
	return s->protocol.hostname;
}

/* What depends on other options, or on the host. */
static void
finish(struct settings *s)
{
	enum { ASKING_TIME = 30 * 1000, HEADER_TIME = 10 * 1000 };
	struct protocol_config *p = &s->protocol;

	if (p->banner == NULL)
		p->banner = p->lmtp ? "LMTP ready" : "ESMTP ready";
	if (p->hostname == NULL &&
	    (gethostname(s->host, sizeof s->host - 1) != 0 ||
	    value_hostname(&p->hostname, s->host) != NULL))
		p->hostname = "localhost";
	p->domain = usual_domain(s);
	s->asking_time = p->timeout < ASKING_TIME ? p->timeout : ASKING_TIME;
	s->header_time = p->timeout < HEADER_TIME ? p->timeout : HEADER_TIME;
	p->slow_look_up = s->lookup != NULL;
	p->auth = s->auth != NULL;
	p->xclient = s->speakers.count > 0;
}

bool
options_parse(struct settings *s, int argc, char **argv, struct fault *fault)
{
	set_defaults(s);
	if (!set_all(s, argc, argv, fault))
		return false;
	if (s->help || s->version)
		return true;
	if (s->command[0] == NULL || s->command[0][0] == '\0') {
		span_copy(span_of("no command"), fault->what,
		    sizeof fault->what);
		fault->why = "see smtpd --help";
		return false;
	}
	finish(s);
	return true;
}

/* What stands between the words of a shell, and in none without quotes. */
static const char between[] = " \t\n;&|()";

/* The octets of the word there, with quotes as they are. */
static size_t
word_length(const char *word)
{
	const char *at = word, *end;

	while (*at != '\0' && strchr(between, *at) == NULL) {
		end = *at == '\'' || *at == '"' ? strchr(at + 1, *at) :
		    *at == '\\' && at[1] != '\0' ? at + 1 : at;
		at = end != NULL ? end + 1 : at + strlen(at);
	}
	return (size_t)(at - word);
}

/* Does a shell's command have this word, outside of quotes and comments? */
static bool
has_word(const char *command, const char *wanted)
{
	const char *word = command + strspn(command, between);
	size_t len;

	for (; *word != '\0'; word += len + strspn(word + len, between)) {
		len = word_length(word);
		if (len == strlen(wanted) && memcmp(word, wanted, len) == 0)
			return true;
		if (*word == '#')
			len = strcspn(word, "\n");
	}
	return false;
}

bool
options_check(const struct settings *s, struct fault *fault)
{
	const struct protocol_config *p = &s->protocol;

	if (s->proxies.on && p->xclient)
		fault_of_option(fault, "--proxy", NULL,
		    "and --xclient: it is one or the other");
	else if (s->auth == NULL && !p->xclient && p->require_auth)
		fault_of_option(fault, "--require-auth", NULL,
		    "needs --auth or --xclient");
	else if (s->auth == NULL && p->auth_in_clear)
		fault_of_option(fault, "--auth-in-clear", NULL,
		    "needs --auth");
	else if (s->check && s->starttls != NULL &&
	    !has_word(s->starttls, "exec"))
		fault_of_option(fault, "--starttls", s->starttls,
		    "without exec, a shell waits and keeps the status open");
	else
		return true;
	return false;
}

/* Has the word, less its value, the name of a long option? */
static bool
is_option(const char *word, const char *name)
{
	size_t len = strcspn(word, "=");

	return len == strlen("--") + strlen(name) &&
	    strncmp(word, "--", 2) == 0 &&
	    strncmp(word + 2, name, len - 2) == 0;
}

const char *
options_late(const struct settings *s)
{
	char *const *word = s->command;
	size_t i;

	while (*++word != NULL)
		for (i = 0; i < ROWS; i++)
			if (rows[i].name != NULL &&
			    is_option(*word, rows[i].name))
				return rows[i].name;
	return NULL;
}

#define USAGE "usage: smtpd [option ...] [--] command [argument ...]\n"

const char options_usage[] = USAGE "Try: smtpd cat; or: smtpd --help\n";

static void
help(struct text *t)
{
	size_t i;

	text_string(t, USAGE
	    "Speaks SMTP on stdin and stdout, where a superserver puts the\n"
	    "connection, and runs command for every message that arrives: the\n"
	    "message on its stdin, sender and recipients in its environment.\n"
	    "\n"
	    "  tcpserver 127.0.0.1 2525 smtpd -d example.org ./on-mail\n");
	for (i = 0; i < ROWS; i++)
		help_line(t, &rows[i]);
	text_string(t,
	    "\n"
	    "Exit status of command: 0 accepted, 75 try again later, 67 no\n"
	    "such user, 77 refused; smtpd(8) has all of them, and the\n"
	    "variables, as $SENDER and $RECIPIENTS.\n");
}

bool
options_answer(const struct settings *s, const char *version, struct text *t)
{
	if (s->help)
		help(t);
	else if (s->version) {
		text_string(t, "smtpd ");
		text_string(t, version);
		text_char(t, '\n');
	}
	return s->help || s->version;
}

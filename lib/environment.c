#include "environment.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "date.h"
#include "variable.h"

struct facts
facts_of_client(const struct envelope *envelope, const struct peer *peer)
{
	static const struct mailbox nobody = { { "", 0 }, { "", 0 },
	    { "", 0 } };

	return (struct facts){ .envelope = envelope, .peer = peer,
	    .to = nobody, .options = nobody.whole };
}

const char *
facts_address(const struct facts *f)
{
	return f->peer->forwarded != NULL ? f->peer->forwarded->address :
	    f->peer->address;
}

struct span
facts_helo(const struct facts *f)
{
	const struct forwarded *other = f->peer->forwarded;

	if (other == NULL)
		return f->envelope->helo;
	return other->helo[0] != '\0' ? span_of(other->helo) :
	    (struct span){ NULL, 0 };
}

static bool
put_sender(struct text *t, const struct facts *f)
{
	text_span(t, f->envelope->sender.whole);
	return f->envelope->verb != NULL;
}

static bool
put_recipient(struct text *t, const struct facts *f)
{
	text_span(t, f->to.whole);
	return f->count == 1;
}

static bool
put_local(struct text *t, const struct facts *f)
{
	text_span(t, f->to.local);
	return f->count == 1;
}

static bool
put_domain(struct text *t, const struct facts *f)
{
	text_span(t, f->to.domain);
	return f->count == 1;
}

static bool
put_extension(struct text *t, const struct facts *f, char sign)
{
	const char *at = span_find(f->to.local, sign);

	if (at != NULL)
		text_span(t, span_behind(f->to.local, at));
	return f->count == 1;
}

static bool
put_dash(struct text *t, const struct facts *f)
{
	return put_extension(t, f, '-');
}

static bool
put_plus(struct text *t, const struct facts *f)
{
	return put_extension(t, f, '+');
}

/* The one that a look-up asks about is in no envelope. */
static struct span
address_of(const struct facts *f, size_t i)
{
	return f->message == NULL ? f->to.whole :
	    envelope_recipient(f->envelope, f->first + i).whole;
}

static bool
is_forwarded(const struct facts *f, size_t i)
{
	return f->message != NULL && envelope_forward(f->envelope,
	    f->first + i) != LOCAL_DOMAIN;
}

/* A line each; all but the first are begun by a newline. */
static bool
put_list(struct text *t, const struct facts *f, bool forwarded_only)
{
	bool first = true;
	size_t i;

	for (i = 0; i < f->count; i++) {
		if (forwarded_only && !is_forwarded(f, i))
			continue;
		if (!first)
			text_char(t, '\n');
		first = false;
		text_span(t, address_of(f, i));
	}
	return f->count > 0;
}

static bool
put_recipients(struct text *t, const struct facts *f)
{
	return put_list(t, f, false);
}

static bool
put_forwarded(struct text *t, const struct facts *f)
{
	return put_list(t, f, true);
}

static bool
put_options(struct text *t, const struct facts *f)
{
	text_span(t, f->envelope->options);
	return f->envelope->verb != NULL;
}

static bool
put_recipient_options(struct text *t, const struct facts *f)
{
	size_t i;

	for (i = 0; i < f->count; i++) {
		if (i > 0)
			text_char(t, '\n');
		text_span(t, f->message == NULL ? f->options :
		    envelope_options(f->envelope, f->first + i));
	}
	return f->count > 0 && f->envelope->verb != NULL;
}

static bool
put_envid(struct text *t, const struct facts *f)
{
	text_span(t, f->envelope->envid);
	return f->envelope->envid.len > 0;
}

/* qmail-command(8) */
static bool
put_rpline(struct text *t, const struct facts *f)
{
	text_return_path(t, f->envelope->sender.whole);
	text_char(t, '\n');
	return f->envelope->verb != NULL;
}

static bool
put_dtline(struct text *t, const struct facts *f)
{
	text_string(t, "Delivered-To: ");
	text_span(t, f->to.whole);
	text_char(t, '\n');
	return f->count == 1;
}

static bool
put_ufline(struct text *t, const struct facts *f)
{
	struct span sender = f->envelope->sender.whole;
	size_t i;

	if (f->message == NULL)
		return false;
	text_string(t, sender.len == 0 ? "From MAILER-DAEMON" : "From ");
	for (i = 0; i < sender.len; i++)
		text_char(t, sender.ptr[i] == ' ' ? '-' : sender.ptr[i]);
	text_char(t, ' ');
	text_mbox_date(t, f->message->date);
	text_char(t, '\n');
	return true;
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
put_address(struct text *t, const struct facts *f)
{
	return put_known(t, facts_address(f));
}

static bool
put_port(struct text *t, const struct facts *f)
{
	const struct peer *p = f->peer;

	return put_known(t, p->forwarded != NULL ? p->forwarded->port :
	    p->port);
}

static bool
put_name(struct text *t, const struct facts *f)
{
	const struct peer *p = f->peer;

	return put_known(t, p->forwarded != NULL ? p->forwarded->name :
	    p->name);
}

static bool
put_hostname(struct text *t, const struct facts *f)
{
	return put_known(t, f->peer->hostname);
}

/* Empty is a value too. */
static bool
put_relay(struct text *t, const struct facts *f)
{
	if (f->peer->relay != NULL)
		text_string(t, f->peer->relay);
	return f->peer->relay != NULL;
}

static bool
put_proto(struct text *t, const struct facts *f)
{
	return put_known(t, facts_address(f)[0] != '\0' ? "TCP" : "");
}

static bool
put_helo(struct text *t, const struct facts *f)
{
	struct span helo = facts_helo(f);

	text_helo(t, helo);
	return helo.ptr != NULL;
}

static bool
put_with(struct text *t, const struct facts *f)
{
	return put_known(t, f->peer->forwarded != NULL ?
	    f->peer->forwarded->with : f->envelope->with);
}

static bool
put_id(struct text *t, const struct facts *f)
{
	return put_known(t, f->id);
}

static bool
put_verb(struct text *t, const struct facts *f)
{
	return put_known(t, f->envelope->verb);
}

static bool
put_size(struct text *t, const struct facts *f)
{
	if (f->message != NULL)
		text_number(t, spool_size(&f->message->spool));
	return f->message != NULL;
}

#define PEER(member) NULL, offsetof(struct peer, member)

_Static_assert(offsetof(struct peer, address) > 0, "0 is no member's");

/* Every name that is ours, or that must not be inherited (rule 6). */
static const struct variable {
	const char *name;		/* "_" at its end: all that begin so */
	bool (*put)(struct text *, const struct facts *);  /* false: unset */
	size_t peer;			/* a string of the peer; 0: none */
} variables[] = {
	{ "SENDER", put_sender, 0 },
	{ "NEWSENDER", put_sender, 0 },
	{ "RECIPIENT", put_recipient, 0 },
	{ "ORIGINAL_RECIPIENT", put_recipient, 0 },
	{ "RECIPIENTS", put_recipients, 0 },
	{ "FORWARD_RECIPIENTS", put_forwarded, 0 },
	{ "LOCAL", put_local, 0 },
	{ "HOST", put_domain, 0 },
	{ "DOMAIN", put_domain, 0 },
	{ "EXT", put_dash, 0 },
	{ "EXTENSION", put_plus, 0 },
	{ "RPLINE", put_rpline, 0 },
	{ "DTLINE", put_dtline, 0 },
	{ "UFLINE", put_ufline, 0 },
	{ "CLIENT_ADDRESS", put_address, 0 },
	{ "CLIENT_PORT", put_port, 0 },
	{ "CLIENT_HOSTNAME", put_name, 0 },
	{ "CLIENT_HELO", put_helo, 0 },
	{ "CLIENT_PROTOCOL", put_with, 0 },
	{ "PROTO", put_proto, 0 },
	{ "TCPREMOTEIP", put_address, 0 },
	{ "TCPREMOTEPORT", put_port, 0 },
	{ "TCPREMOTEHOST", put_name, 0 },
	{ "TCPLOCALIP", PEER(local_address) },
	{ "TCPLOCALPORT", PEER(local_port) },
	{ "TCPLOCALHOST", put_hostname, 0 },
	{ "REMOTE_ADDR", put_address, 0 },
	{ "REMOTE_PORT", put_port, 0 },
	{ "RELAYCLIENT", put_relay, 0 },
	{ "SMTP_ID", put_id, 0 },
	{ "SMTP_VERB", put_verb, 0 },
	{ "SMTP_SIZE", put_size, 0 },
	{ "SMTP_MAIL_OPTIONS", put_options, 0 },
	{ "SMTP_RCPT_OPTIONS", put_recipient_options, 0 },
	{ "ENVID", put_envid, 0 },
	{ "SASL_USERNAME", PEER(user) },
	{ "SASL_METHOD", PEER(method) },
	{ "REMOTE_USER", PEER(user) },
	{ "SSL_PROTOCOL", PEER(tls_protocol) },
	{ "SSL_CIPHER", PEER(tls_cipher) },
	{ "LISTEN_", NULL, 0 },
	{ "NOTIFY_SOCKET", NULL, 0 },
	{ "WATCHDOG_", NULL, 0 },
	{ "JOURNAL_STREAM", NULL, 0 },
	{ "SSLCTLFD", NULL, 0 },
	{ "SSLREADFD", NULL, 0 },
	{ "SSLWRITEFD", NULL, 0 },
	{ "TCPREMOTEINFO", NULL, 0 },
	{ "TCP6REMOTEINFO", NULL, 0 },
};

enum { VARIABLES = sizeof variables / sizeof *variables };

static bool
is_ours(const char *assignment)
{
	const char *rest;
	size_t i;

	for (i = 0; i < VARIABLES; i++) {
		rest = variable_behind(assignment, variables[i].name);
		if (rest != NULL && (*rest == '=' || rest[-1] == '_'))
			return true;
	}
	return false;
}

/* The client's own words among a launcher's variables: dropped where they are
 * no line of text, or what an old bash would run. */
static bool
is_bad_word(const char *assignment)
{
	static const char *const names[] = { "SSL_CLIENT_", "SSL_PEER_",
	    "SSL_TLS_SNI_SERVERNAME", "SOCAT_OPENSSL_X509_" };
	const char *rest;
	struct span value;
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++) {
		rest = variable_behind(assignment, names[i]);
		if (rest == NULL)
			continue;
		value = span_of(rest + strcspn(rest, "="));
		return span_any(value, is_control) ||
		    span_starts(value, span_of("=() {"));
	}
	return false;
}

bool
environment_inherit(struct environment *v)
{
	extern char **environ;
	size_t i, n = 0;

	for (i = 0; environ[i] != NULL; i++) {
		if (is_ours(environ[i]) || is_bad_word(environ[i]))
			continue;
		if (n == ENVIRONMENT_MAX - VARIABLES) {
			errno = E2BIG;
			return false;
		}
		v->variables[n++] = environ[i];
	}
	v->inherited = n;
	return true;
}

/* Adds the value; false where the variable is unset. */
static bool
put_variable(struct text *t, const struct variable *row, const struct facts *f)
{
	if (row->put != NULL)
		return row->put(t, f);
	return row->peer > 0 &&
	    put_known(t, (const char *)f->peer + row->peer);
}

char *const *
environment_of(struct environment *v, const struct facts *f)
{
	struct text t = { v->space, 0, sizeof v->space };
	size_t n = v->inherited, i, start;

	for (i = 0; i < VARIABLES; i++) {
		start = t.len;
		text_string(&t, variables[i].name);
		text_char(&t, '=');
		if (put_variable(&t, &variables[i], f)) {
			text_char(&t, '\0');
			v->variables[n++] = v->space + start;
		} else
			t.len = start;
	}
	v->variables[n] = NULL;
	return v->variables;
}

#include "ledger.h"

#include "claim.h"
#include "parameters.h"
#include "sasl.h"

void
ledger_open(struct ledger *l)
{
	l->tls = l->config->tls;
	l->may_rename = l->config->may_rename;
	envelope_reset(l->envelope);
}

void
ledger_start_anew(struct ledger *l)
{
	envelope_reset(l->envelope);
	envelope_forget_helo(l->envelope);
	l->authenticated = l->put_off = false;
}

/* ---- hello and MAIL ---- */

static void
name_protocol(struct ledger *l)
{
	struct envelope *e = l->envelope;

	if (e->with != NULL)
		e->with = l->extended ? envelope_protocol(l->config->lmtp,
		    e->utf8, l->tls, l->authenticated) : "SMTP";
}

static struct parameter_rules
rules_of(const struct ledger *l)
{
	return (struct parameter_rules){ l->config->max_size,
	    l->config->crlf };
}

/* What comes before MAIL, VRFY and EXPN. */
static bool
is_let_in(const struct ledger *l)
{
	return (l->tls || !l->config->require_tls) &&
	    (l->authenticated || !l->config->require_auth);
}

/* The string of ours that is this verb; NULL: it is none. */
static const char *
mail_verb(const struct ledger *l, const char *verb)
{
	static const char *const verbs[] = { "MAIL", "SEND", "SOML", "SAML" };
	size_t i, n = l->config->terminal ? 4 : 1;

	for (i = 0; i < n; i++)
		if (strcmp(verb, verbs[i]) == 0)
			return verbs[i];
	return NULL;
}

static bool
set_sender(struct ledger *l, struct span sender)
{
	struct mailbox m = { sender, sender, sender };

	if (sender.len > 0 && !address_is_mailbox(sender, &m))
		return false;
	envelope_set_sender(l->envelope, m);
	return true;
}

static bool
set_options(struct ledger *l, struct span options)
{
	struct envelope *e = l->envelope;
	struct text t = { e->options_text, 0, sizeof e->options_text };
	struct parameter_rules rules = rules_of(l);
	struct span refused;

	if (!claim_is_text(options) || parameters_take(e, &rules, OF_MAIL,
	    options, &t, &refused) != PARAMETER_OK)
		return false;
	e->options = text_span_of(&t);
	return true;
}

bool
ledger_hello(struct ledger *l, const char *with, struct span helo)
{
	struct envelope *e = l->envelope;

	envelope_reset(e);
	envelope_forget_helo(e);
	if (with == NULL)
		return true;
	envelope_set_helo(e, helo);
	e->with = with;
	l->extended = strcmp(with, "SMTP") != 0;
	name_protocol(l);
	return claim_is_text(helo) && !address_is_function(helo);
}

bool
ledger_may_mail(const struct ledger *l)
{
	const struct protocol_config *c = l->config;

	return l->envelope->with != NULL && is_let_in(l) &&
	    (c->max_messages == 0 || l->messages < c->max_messages);
}

bool
ledger_mail(struct ledger *l, const char *verb, struct span sender,
    struct span options)
{
	l->envelope->verb = mail_verb(l, verb);
	if (l->envelope->verb == NULL || !set_sender(l, sender) ||
	    !set_options(l, options))
		return false;
	name_protocol(l);
	return true;
}

/* ---- recipients and other names ---- */

bool
ledger_options(struct ledger *l, struct lookup *q)
{
	struct text t = envelope_next_options(l->envelope);
	struct parameter_rules rules = rules_of(l);
	struct span refused;

	if (q->verb != LOOKUP_RCPT)
		return q->options.len == 0;
	if (!claim_is_text(q->options) || parameters_take(l->envelope, &rules,
	    OF_RCPT, q->options, &t, &refused) != PARAMETER_OK)
		return false;
	q->options = text_span_of(&t);
	return true;
}

bool
ledger_may_ask(const struct ledger *l, const struct lookup *q)
{
	const struct envelope *e = l->envelope;

	if (l->guesses > PROTOCOL_GUESSES_MAX)
		return false;
	if (q->verb != LOOKUP_RCPT)
		return l->config->vrfy && is_let_in(l);
	return e->verb != NULL && e->recipients < l->config->max_recipients &&
	    envelope_has_room(e, &q->name, q->options);
}

/* What the client is told of it, as far as its code goes. */
static int
code_of(const struct ledger *l, const struct lookup *q,
    enum forward_result forward, enum lookup_result user, int own)
{
	static const int codes[] = { [VALID_USER] = 250,
	    [AMBIGUOUS_USER] = 553, [UNKNOWN_USER] = 550,
	    [LOOKUP_ERROR] = 451 };

	if (own != 0 && (forward != LOCAL_DOMAIN || user != VALID_USER))
		return own;
	if (forward == LOCAL_DOMAIN)
		return codes[user];
	if (forward == WILL_FORWARD && q->verb != LOOKUP_EXPN)
		return 251;
	return l->put_off && q->verb == LOOKUP_RCPT ? 451 : 550;
}

bool
ledger_answer(struct ledger *l, const struct lookup *q,
    enum forward_result forward, enum lookup_result user, int own)
{
	int code = code_of(l, q, forward, user, own);
	bool taken = q->verb == LOOKUP_RCPT && code / 100 == 2;

	if (taken)
		envelope_add(l->envelope, &q->name, q->options.len, forward);
	l->guesses += !l->config->lmtp && (code == 550 || code == 553);
	return taken;
}

/* ---- AUTH and TLS ---- */

bool
ledger_may_authenticate(const struct ledger *l)
{
	const struct protocol_config *c = l->config;

	return c->auth && !l->authenticated && l->envelope->with != NULL &&
	    (l->tls || (c->auth_in_clear && !c->require_tls)) &&
	    (c->max_errors == 0 || l->refused < c->max_errors);
}

void
ledger_verdict(struct ledger *l, const struct sasl *who,
    enum auth_result verdict)
{
	struct text name = { l->name, 0, sizeof l->name };

	text_span(&name, who->name);
	l->name_len = name.len;
	l->mechanism = sasl_mechanism(who);
	l->verdict = verdict;
	l->authenticated = verdict == AUTH_ACCEPTED;
	l->put_off = verdict == AUTH_ERROR;
	l->refused += verdict == AUTH_REFUSED;
	name_protocol(l);
}

static bool
is_last(const struct ledger *l, const struct sasl *who)
{
	return sasl_mechanism(who) == l->mechanism &&
	    who->name.len == l->name_len &&
	    memcmp(who->name.ptr, l->name, l->name_len) == 0;
}

/* Each refusal is an error of the client, and the last of them ends it; some
 * need nobody to be asked. */
bool
ledger_tells(struct ledger *l, const struct sasl *who, int code, bool asked)
{
	unsigned long long max = l->config->max_errors;

	if (asked && (!is_last(l, who) || l->verdict != AUTH_REFUSED))
		return is_last(l, who) &&
		    code == (l->verdict == AUTH_ACCEPTED ? 235 : 454);
	return (code == 535 || code == 421) && (max == 0 || l->told++ < max);
}

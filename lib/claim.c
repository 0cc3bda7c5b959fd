#include "claim.h"

#include "address.h"
#include "replies.h"

/* ---- values ---- */

bool
claim_is_text(struct span s)
{
	return !span_any(s, is_stray_control);
}

static bool
is_word_of(const char *string, const char *const *words, size_t n)
{
	size_t i;

	for (i = 0; i < n && strcmp(string, words[i]) != 0; i++)
		;
	return i < n;
}

static bool
is_address(const char *s)
{
	char usual[IP_SIZE];

	return *s == '\0' || (ip_take(span_of(s), usual) &&
	    strcmp(s, usual) == 0);
}

static bool
is_port(const char *s)
{
	char usual[IP_PORT_SIZE];

	return *s == '\0' || (ip_take_port(span_of(s), usual) &&
	    strcmp(s, usual) == 0);
}

/* All of it is known, or nothing. */
static bool
ends_are_good(const struct proxy *h)
{
	bool unknown = *h->address == '\0';

	return unknown == (*h->port == '\0') &&
	    unknown == (*h->local_address == '\0') &&
	    unknown == (*h->local_port == '\0') && (unknown || !h->local);
}

static bool
header_is_good(const struct proxy *h)
{
	return is_address(h->address) && is_port(h->port) &&
	    is_address(h->local_address) && is_port(h->local_port) &&
	    ends_are_good(h) &&
	    proxy_is_tls_word(span_of(h->tls_protocol)) &&
	    proxy_is_tls_word(span_of(h->tls_cipher));
}

bool
claim_take_header(struct span *rest, struct proxy *h)
{
	return frame_take_header(rest, h) && header_is_good(h);
}

/* By XCLIENT's word, or by what XFORWARD may say. */
static bool
client_is_good(const struct xclient *x)
{
	static const char *const protos[] = { "", "SMTP", "ESMTP", "LMTP" };
	struct span helo = span_of(x->helo);

	return (*x->name == '\0' || ip_is_name(span_of(x->name))) &&
	    is_address(x->address) && is_port(x->port) &&
	    is_address(x->local_address) && is_port(x->local_port) &&
	    is_word_of(x->proto, protos, sizeof protos / sizeof *protos) &&
	    !span_any(helo, is_control) && !address_is_function(helo) &&
	    (*x->login == '\0' || sasl_is_name(span_of(x->login)));
}

bool
claim_take_client(struct span *rest, struct xclient *x)
{
	return frame_take_client(rest, x) && client_is_good(x);
}

bool
claim_take_who(struct span *rest, struct sasl *who, bool *is_there)
{
	const char *mechanism;
	struct span name;

	if (!frame_take_string(rest, sizeof "PLAIN", &mechanism) ||
	    !frame_take_octets(rest, SASL_NAME_MAX, &name))
		return false;
	*is_there = mechanism != NULL;
	if (mechanism == NULL)
		return name.len == 0;
	*who = (struct sasl){ .mechanism = NULL };
	if (sasl_begin(who, span_of(mechanism)) != SASL_ASK)
		return false;
	who->name = name;
	return sasl_is_name(name);
}

bool
claim_take_name(struct span *rest, struct lookup *l, bool *sure)
{
	unsigned long long verb;
	struct span name;

	if (!frame_take_number(rest, LOOKUP_EXPN, &verb) ||
	    !frame_take_octets(rest, PROTOCOL_LINE_MAX, &name) ||
	    !frame_take_octets(rest, PROTOCOL_LINE_MAX, &l->options) ||
	    !frame_take_flag(rest, sure))
		return false;
	l->verb = (enum lookup_verb)verb;
	return name.len > 0 && claim_is_text(name) &&
	    (l->verb == LOOKUP_RCPT || !*sure) &&
	    (address_is_mailbox(name, &l->name) ||
	    (l->verb != LOOKUP_RCPT && address_parse_words(name, &l->name)));
}

/* ---- what is for the log ---- */

static bool
is_verb(const char *s)
{
	size_t len = strlen(s);

	return len <= sizeof "STARTTLS" - 1 &&
	    strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == len;
}

/* It is about us, and not for anybody to write. */
static bool
is_advice(const char *s)
{
	return strcmp(s, advice_no_tls) == 0 || strcmp(s, advice_proxy) == 0;
}

bool
claim_take_exchange(struct span *rest, struct exchange *x, struct sasl *who,
    struct reply *reply)
{
	unsigned long long hidden;
	bool proves;

	if (!frame_take_string(rest, 16, &x->verb) ||
	    !frame_take_octets(rest, PROTOCOL_LINE_MAX, &x->line) ||
	    !frame_take_number(rest, PROTOCOL_LINE_MAX, &hidden) ||
	    !claim_take_who(rest, who, &proves) ||
	    !frame_take_octets(rest, PROTOCOL_LINE_MAX, &x->mailbox) ||
	    !frame_take_flag(rest, &x->sender) ||
	    !frame_take_octets(rest, PROTOCOL_LINE_MAX, &x->parameter) ||
	    !frame_take_reply(rest, reply) ||
	    !frame_take_flag(rest, &x->message) ||
	    !frame_take_string(rest, REPLY_LINE_MAX, &x->advice))
		return false;
	x->hidden = (size_t)hidden;
	x->who = proves ? who : NULL;
	x->reply = reply;
	return reply->code != 0 && reply->text != NULL &&
	    (x->verb == NULL || is_verb(x->verb)) &&
	    (x->advice == NULL || is_advice(x->advice));
}


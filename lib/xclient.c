#include "xclient.h"

#include <stddef.h>

#include "address.h"

enum { VALUE_MAX = 1024 };		/* octets of a value */

/* As many octets of a value as stand in these words. */
static bool
take_name(struct span value, char *to)
{
	span_copy(value, to, IP_NAME_MAX + 1);
	return ip_is_name(value);
}

/* "unix:" and what is behind it is nobody's address. */
static bool
take_address(struct span value, char *to)
{
	static const struct span v6 = { "IPV6:", 5 }, local = { "unix:", 5 };

	if (span_starts(value, local))
		return true;
	return ip_take(span_starts(value, v6) ? span_skip(value, v6.len) :
	    value, to);
}

static bool
take_port(struct span value, char *to)
{
	return ip_take_port(value, to);
}

static bool
take_protocol(struct span value, char *to)
{
	static const char *const names[] = { "SMTP", "ESMTP", "LMTP" };
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (span_is(value, names[i])) {
			span_copy(span_of(names[i]), to, sizeof "ESMTP");
			return true;
		}
	return false;
}

static bool
take_helo(struct span value, char *to)
{
	span_copy(value, to, XCLIENT_HELO_MAX + 1);
	return !address_is_function(value);
}

static bool
take_login(struct span value, char *to)
{
	span_copy(value, to, SASL_NAME_MAX + 1);
	return sasl_is_name(value);
}

#define AT(member) offsetof(struct xclient, member)

static const struct attribute {
	const char *name;
	unsigned bit;			/* 0: passed over */
	bool (*take)(struct span value, char *to);
	size_t at;
} attributes[] = {
	{ "NAME", XCLIENT_NAME, take_name, AT(name) },
	{ "ADDR", XCLIENT_ADDR, take_address, AT(address) },
	{ "PORT", XCLIENT_PORT, take_port, AT(port) },
	{ "PROTO", XCLIENT_PROTO, take_protocol, AT(proto) },
	{ "HELO", XCLIENT_HELO, take_helo, AT(helo) },
	{ "LOGIN", XCLIENT_LOGIN, take_login, AT(login) },
	{ "DESTADDR", XCLIENT_DESTADDR, take_address, AT(local_address) },
	{ "DESTPORT", XCLIENT_DESTPORT, take_port, AT(local_port) },
	{ "IDENT", 0, NULL, 0 },	/* XFORWARD's alone */
	{ "SOURCE", 0, NULL, 0 },
};

/* NULL: this verb has no such attribute. */
static const struct attribute *
find_attribute(struct span name, bool forward)
{
	const struct attribute *row;
	size_t i;

	for (i = 0; i < sizeof attributes / sizeof *attributes; i++) {
		row = &attributes[i];
		if (span_is(name, row->name) && (forward ?
		    row->bit == (row->bit & XCLIENT_FORWARD) : row->bit != 0))
			return row;
	}
	return NULL;
}

static bool
is_unknown(struct span value)
{
	return span_is(value, "[UNAVAILABLE]") ||
	    span_is(value, "[TEMPUNAVAIL]");
}

static bool
take_word(struct span word, bool forward, struct xclient *x)
{
	char space[VALUE_MAX];
	struct text value = { space, 0, sizeof space };
	const char *sign = span_find(word, '=');
	const struct attribute *row = sign == NULL ? NULL :
	    find_attribute(span_until(word, sign), forward);
	char *to;

	if (row == NULL)
		return false;
	word = span_behind(word, sign);
	if (word.len == 0 || word.len > VALUE_MAX ||
	    !decode_xtext(word, &value))
		return false;
	x->given |= row->bit;
	if (row->take == NULL)
		return true;
	to = (char *)x + row->at;
	*to = '\0';
	return is_unknown(text_span_of(&value)) ||
	    row->take(text_span_of(&value), to);
}

bool
xclient_parse(struct span words, bool forward, struct xclient *x)
{
	struct span word;

	*x = (struct xclient){ .given = 0 };
	while ((word = span_take_word(&words)).len > 0)
		if (!take_word(word, forward, x))
			return false;
	return true;
}

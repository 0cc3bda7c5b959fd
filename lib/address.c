#include "address.h"

/* The first octet of s, outside quotes, that is one of two; s.len if none, and
 * s.len + 1 where a quote does not end. */
static size_t
unquoted(struct span s, char one, char other)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.ptr[i] == '"')
			quoted = !quoted;
		else if (quoted && s.ptr[i] == '\\')
			i++;
		else if (!quoted && (s.ptr[i] == one || s.ptr[i] == other))
			return i;
	}
	return quoted ? s.len + 1 : s.len;
}

/* ---- domains ---- */

static bool
is_label_octet(char c)
{
	return is_alnum(c) || c == '-' || c == '_' || is_8bit(c);
}

static bool
is_literal_octet(char c)
{
	return is_alnum(c) || c == '.' || c == ':' || c == '-';
}

/* All but whether what is not ASCII is UTF-8. */
static bool
domain_ok(struct span s)
{
	size_t i;

	if (s.len == 0 || s.len > DOMAIN_MAX)
		return false;
	if (s.ptr[0] == '[')
		return s.len > 2 && s.ptr[s.len - 1] == ']' &&
		    span_all(span_first(span_skip(s, 1), s.len - 2),
		    is_literal_octet);
	for (i = 0; i < s.len; i++) {
		bool first = i == 0 || s.ptr[i - 1] == '.';

		if (s.ptr[i] == '.' ? first : !is_label_octet(s.ptr[i]) ||
		    (first && s.ptr[i] == '-'))
			return false;
	}
	return s.ptr[s.len - 1] != '.';
}

bool
address_is_domain(struct span s)
{
	return domain_ok(s) && is_utf8(s);
}

/* ---- mailboxes ---- */

bool
address_is_function(struct span s)
{
	return span_starts(s, span_of("() {"));
}

/* What can be handed over: no option, and no function, not even in the part of
 * it that EXT is. */
static bool
value_ok(struct span s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (address_is_function(span_skip(s, i)))
			return false;
	return s.len > 0 && s.ptr[0] != '-';
}

static bool
local_ok(struct span s)
{
	return value_ok(s) && !span_any(s, is_control) &&
	    unquoted(s, ' ', ' ') == s.len &&
	    unquoted(s, '<', '>') == s.len;
}

/* All of it is the local part. */
static struct mailbox
without_domain(struct span s)
{
	return (struct mailbox){ s, s, span_skip(s, s.len) };
}

/* The last @ outside quotes is the one before the domain. */
static bool
mailbox_ok(struct span s, struct mailbox *m)
{
	size_t at, next;

	*m = without_domain(s);
	for (at = unquoted(s, '@', '@'); at < s.len; at = next) {
		m->local = span_first(s, at);
		m->domain = span_skip(s, at + 1);
		next = at + 1 + unquoted(m->domain, '@', '@');
	}
	return s.len <= MAILBOX_MAX && local_ok(m->local) &&
	    (m->local.len == s.len || domain_ok(m->domain));
}

bool
address_is_mailbox(struct span s, struct mailbox *m)
{
	return mailbox_ok(s, m) && is_utf8(s);
}

struct mailbox
address_moved(struct mailbox m, const char *to)
{
	struct span domain = { to + (m.domain.ptr - m.whole.ptr),
	    m.domain.len };

	return (struct mailbox){ { to, m.whole.len }, { to, m.local.len },
	    domain };
}

void
text_mailbox(struct text *t, const struct mailbox *m, struct span domain)
{
	text_char(t, '<');
	text_span(t, m->whole);
	if (m->domain.len == 0) {
		text_char(t, '@');
		text_span(t, domain);
	}
	text_char(t, '>');
}

/* ---- paths ---- */

/* A source route is checked and dropped (RFC 5321, appendix C); false where
 * it is none. */
static bool
drop_route(struct span *s)
{
	size_t n;

	while (s->len > 0 && s->ptr[0] == '@') {
		*s = span_skip(*s, 1);
		n = s->len > 0 && s->ptr[0] == '[' ?
		    unquoted(*s, ']', ']') : 0;
		if (n < s->len)
			n += unquoted(span_skip(*s, n), ',', ':');
		if (n >= s->len || !domain_ok(span_first(*s, n)))
			return false;
		if (s->ptr[n] == ':') {
			*s = span_skip(*s, n + 1);
			return true;
		}
		*s = span_skip(*s, n + 1);
	}
	return false;
}

enum path
address_take_path(struct span *s, struct mailbox *m)
{
	struct span inner;
	bool bare;
	size_t n;

	*s = span_unindented(*s);
	bare = s->len == 0 || s->ptr[0] != '<';
	inner = bare ? *s : span_skip(*s, 1);
	n = bare ? unquoted(inner, ' ', '\t') :
	    unquoted(inner, '>', '>');
	if (n > inner.len)
		return PATH_BAD;
	if (n == (bare ? 0 : inner.len))
		return PATH_SYNTAX;
	*s = span_skip(inner, bare ? n : n + 1);
	if (s->len > 0 && !is_blank(s->ptr[0]))
		return PATH_SYNTAX;
	inner.len = n;
	if (n > 0 && inner.ptr[0] == '@' && !drop_route(&inner))
		return PATH_SYNTAX;
	if (n > 0)
		return mailbox_ok(inner, m) ? PATH_OK : PATH_BAD;
	*m = (struct mailbox){ inner, inner, inner };
	return PATH_OK;
}

bool
address_parse_name(struct span s, struct mailbox *m)
{
	struct span rest = s;

	if (address_take_path(&rest, m) == PATH_OK && rest.len == 0)
		return m->whole.len > 0 && is_utf8(s);
	*m = without_domain(s);
	return value_ok(s) && is_utf8(s) && !span_any(s, is_control) &&
	    s.ptr[0] != '<' && span_find(s, '@') == NULL;
}

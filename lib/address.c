#include "address.h"

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
	struct span rest = s;
	const char *at;

	while ((at = span_find(rest, '(')) != NULL) {
		if (address_is_function(span_skip(rest,
		    (size_t)(at - rest.ptr))))
			return false;
		rest = span_behind(rest, at);
	}
	return s.len > 0 && s.ptr[0] != '-';
}

size_t
address_quoted(struct span s)
{
	size_t i;

	for (i = 1; i < s.len && s.ptr[i] != '"'; i++)
		if (s.ptr[i] == '\\')
			i++;
	return i < s.len ? i + 1 : 0;
}

/* Where the local part that begins s ends: words of atoms and dots, or in
 * quotes, and between those two a dot. */
static size_t
local_length(struct span s)
{
	size_t i = 0;

	while (i < s.len) {
		if (address_is_atom(s.ptr[i])) {
			i++;
			continue;
		}
		if (s.ptr[i] != '"' || (i > 0 && s.ptr[i - 1] != '.'))
			return i;
		i += address_quoted(span_skip(s, i));
		if (i < s.len && s.ptr[i] != '.')	/* or no end quote */
			return i;
	}
	return i;
}

/* All of it is the local part. */
static struct mailbox
without_domain(struct span s)
{
	return (struct mailbox){ s, s, span_skip(s, s.len) };
}

/* Its one @ outside quotes is the one before the domain. */
static bool
mailbox_ok(struct span s, struct mailbox *m)
{
	size_t at = local_length(s);

	*m = without_domain(s);
	m->local = span_first(s, at);
	if (s.len > MAILBOX_MAX || span_any(m->local, is_control) ||
	    !value_ok(m->local))
		return false;
	if (at == s.len)
		return true;
	m->domain = span_skip(s, at + 1);
	return s.ptr[at] == '@' && domain_ok(m->domain);
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

bool
address_parse_words(struct span s, struct mailbox *m)
{
	*m = without_domain(s);
	return value_ok(s) && is_utf8(s) && !span_any(s, is_control) &&
	    s.ptr[0] != '<' && span_find(s, '@') == NULL;
}

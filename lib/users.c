#include "users.h"

#include <string.h>

/* ---- one line ---- */

static bool
is_atom(char c)
{
	return is_alnum(c) || is_8bit(c) ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL);
}

/* The name: atoms or a quoted string, and a domain behind an @. */
static size_t
name_length(struct span s)
{
	size_t n = s.ptr[0] == '"' ? address_quoted(s) : 0;

	while (n < s.len && is_atom(s.ptr[n]))
		n++;
	if (n < s.len && s.ptr[n] == '@')
		for (n++; n < s.len && s.ptr[n] != ':' &&
		    !is_space(s.ptr[n]); n++)
			;
	return n;
}

/* Who writes "box+*" means what it does not do. */
static bool
is_pattern(struct span name)
{
	if (name.ptr[0] == '*' && (name.len == 1 || name.ptr[1] == '@'))
		name = span_skip(name, 1);
	return name.len > 0 && name.ptr[0] != '"' &&
	    span_find(name, '*') != NULL;
}

const char *
user_parse_entry(struct span line, struct user_entry *e)
{
	struct span s = span_trimmed(line);
	bool indented = line.len > 0 && is_space(line.ptr[0]);
	size_t n;

	e->name = e->values = span_first(line, 0);
	if (s.len == 0 || s.ptr[0] == '#')
		return NULL;
	e->values = s;
	if (indented)
		return NULL;
	n = name_length(s);
	e->name = span_first(s, n);
	e->values = span_trimmed(span_skip(s, n));
	if (n == 0)
		return "not a name";
	if (is_pattern(e->name))
		return "not a name: only a lone asterisk is any name";
	if (e->values.len == 0)
		return NULL;
	if (e->values.ptr[0] != ':')
		return "not a name, or no colon behind it";
	e->values = span_trimmed(span_skip(e->values, 1));
	return NULL;
}

bool
user_next_value(struct span *rest, struct span *value)
{
	size_t n = 0, quoted;

	if (rest->len == 0)
		return false;
	while (n < rest->len && rest->ptr[n] != ',') {
		quoted = rest->ptr[n] != '"' ? 1 :
		    address_quoted(span_skip(*rest, n));
		if (quoted == 0)
			return false;
		n += quoted;
	}
	*value = span_trimmed(span_first(*rest, n));
	*rest = span_trimmed(span_skip(*rest, n < rest->len ? n + 1 : n));
	return true;
}

/* ---- a file, understood whole ---- */

static bool
is_simple_value_octet(char c)
{
	return is_alnum(c) || c == '.' || c == '@' || c == '-' || c == ' ' ||
	    c == ',';
}

/* "name" or "name: value, value" of plain atoms, which nearly every line is. */
static bool
is_simple_entry(struct user_state *u, struct span s)
{
	size_t n;

	for (n = 0; n < s.len && (is_alnum(s.ptr[n]) || s.ptr[n] == '.'); n++)
		;
	if (n == 0 || n > MAILBOX_MAX)
		return false;
	if (n < s.len && s.ptr[n++] != ':')
		return false;
	if (!span_all(span_skip(s, n), is_simple_value_octet))
		return false;
	u->entry = true;
	u->comma = s.ptr[s.len - 1] == ',' || s.ptr[s.len - 1] == ':';
	return s.ptr[s.len - 1] != ' ';
}

static const char *
entry_wrong(struct user_state *u, struct span line)
{
	struct user_entry e;
	struct mailbox m;
	struct span value;
	const char *why = user_parse_entry(line, &e);

	if (why != NULL || (e.name.len == 0 && e.values.len == 0))
		return why;
	if (e.name.len > 0 && !address_is_mailbox(e.name, &m))
		return "not a name";
	if (e.name.len == 0 && !u->entry)
		return "it continues no name";
	if (e.name.len == 0 && !u->comma && e.values.ptr[0] != ',')
		return "no comma between it and the line before";
	u->entry = true;
	u->comma = e.values.len > 0 ? e.values.ptr[e.values.len - 1] == ',' :
	    span_find(line, ':') != NULL;
	while (user_next_value(&e.values, &value))
		;
	return e.values.len > 0 ? "a quote has no end" : NULL;
}

const char *
user_wrong(void *state, struct span line)
{
	const char *why;

	if (is_simple_entry(state, line))
		return NULL;
	why = list_line_fault(line);
	return why != NULL ? why : entry_wrong(state, line);
}

/* ---- names ---- */

/* The next octet of a name that counts: "Joe" is joe (RFC 5321, 4.1.2), and so
 * are quotes.  -1 at the end. */
static int
next_octet(struct span *s)
{
	char c;

	while (s->len > 0 && s->ptr[0] == '"')
		*s = span_skip(*s, 1);
	if (s->len > 1 && s->ptr[0] == '\\')
		*s = span_skip(*s, 1);
	if (s->len == 0)
		return -1;
	c = ascii_lower(s->ptr[0]);
	*s = span_skip(*s, 1);
	return (unsigned char)c;
}

bool
user_same_name(struct span a, struct span b)
{
	int c;

	do
		if ((c = next_octet(&a)) != next_octet(&b))
			return false;
	while (c >= 0);
	return true;
}

bool
user_is_postmaster(struct span local)
{
	return user_same_name(local, span_of("postmaster"));
}

/* The @ before a domain, behind a quote that there may be; NULL: there is
 * none. */
static const char *
domain_sign(struct span name)
{
	size_t n = name.len;

	while (n > 0 && name.ptr[n - 1] != '@' && name.ptr[n - 1] != '"')
		n--;
	return n > 0 && name.ptr[n - 1] == '@' ? name.ptr + n - 1 : NULL;
}

enum user_match
user_match(struct span name, struct span local, struct span domain)
{
	const char *sign = domain_sign(name);

	if (sign != NULL) {
		if (!span_same(span_behind(name, sign), domain))
			return NO_MATCH;
		name = span_until(name, sign);
	}
	if (user_same_name(name, local))
		return THIS_NAME;
	return name.len == 1 && name.ptr[0] == '*' ? ANY_NAME : NO_MATCH;
}

/* ---- who there is ---- */

/* The name that is asked for, and the part of it before a "+"; plain: with
 * neither quotes nor backslashes. */
struct wanted {
	struct span local, base, domain;
	bool plain;
};

static bool
is_user(void *wanted, struct span line)
{
	struct wanted *w = wanted;
	struct user_entry e;

	/* nearly every line ends here */
	if (w->plain && line.len > 0 && is_alnum(line.ptr[0]) &&
	    !span_starts(line, w->base))
		return false;
	return user_parse_entry(line, &e) == NULL && e.name.len > 0 &&
	    (user_match(e.name, w->local, w->domain) != NO_MATCH ||
	    user_match(e.name, w->base, w->domain) == THIS_NAME);
}

enum list_answer
user_is_listed(struct reader *r, const struct list *users,
    const struct mailbox *m)
{
	const char *plus = span_find(m->local, '+');
	struct wanted w = { m->local, m->local, m->domain,
	    span_find(m->local, '"') == NULL &&
	    span_find(m->local, '\\') == NULL };

	if (plus != NULL)
		w.base = span_until(w.base, plus);
	return user_is_postmaster(w.base) ? LIST_YES :
	    list_find(r, users, is_user, &w);
}

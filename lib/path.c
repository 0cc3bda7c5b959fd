#include "path.h"

/* ---- the words of a line ---- */

/* Where the path that begins s ends: at a blank that is in no brackets and no
 * quotes. */
static enum path
find_end(struct span s, size_t *end)
{
	bool quoted = false;
	size_t brackets = 0, i;

	for (i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (c == '<')
			brackets++;
		else if (c == '>' && brackets > 0)
			brackets--;
		else if (is_blank(c) && brackets == 0)
			break;
	}
	*end = i < s.len ? i : s.len;
	return quoted ? PATH_BAD : brackets > 0 ? PATH_SYNTAX : PATH_OK;
}

/* ---- the words of a path: RFC 5322, 3.2 ---- */

/* Any other kind is the octet that it is: "<", "@" ... */
enum { END, ATOM = 'a', QUOTED = '"', LITERAL = '[', BAD = '\\' };

struct scanner {
	struct span rest;		/* behind the word */
	struct span word;
	char kind;
};

/* The length of the comment that begins s; 0 where it does not end. */
static size_t
comment_length(struct span s)
{
	size_t depth = 0, i;

	for (i = 0; i < s.len; i++)
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '(')
			depth++;
		else if (s.ptr[i] == ')' && --depth == 0)
			return i + 1;
	return 0;
}

static size_t
literal_length(struct span s)
{
	const char *end = span_find(s, ']');

	return end != NULL ? (size_t)(end + 1 - s.ptr) : 0;
}

static size_t
atom_length(struct span s)
{
	size_t n = 0;

	while (n < s.len && address_is_atom(s.ptr[n]))
		n++;
	return n;
}

/* Goes past blanks and comments; not past one that does not end: nobody takes
 * its bracket, for what it hides would be anybody's guess. */
static void
skip_nothing(struct scanner *s)
{
	size_t n = 1;

	for (; n > 0 && s->rest.len > 0; s->rest = span_skip(s->rest, n))
		n = is_blank(s->rest.ptr[0]) ? 1 : s->rest.ptr[0] == '(' ?
		    comment_length(s->rest) : 0;
}

/* Goes to the next word. */
static void
advance(struct scanner *s)
{
	size_t n = 1;

	skip_nothing(s);
	s->kind = END;
	if (s->rest.len == 0)
		return;
	s->kind = s->rest.ptr[0];
	if (address_is_atom(s->kind)) {
		s->kind = ATOM;
		n = atom_length(s->rest);
	} else if (s->kind == QUOTED)
		n = address_quoted(s->rest);
	else if (s->kind == LITERAL)
		n = literal_length(s->rest);
	else if (is_control(s->kind))
		n = 0;
	if (n == 0)
		s->kind = BAD;
	s->word = span_first(s->rest, n);
	s->rest = span_skip(s->rest, n);
}

/* An element of a list may be empty. */
static void
skip_separators(struct scanner *s)
{
	while (s->kind == ',' || s->kind == ';')
		advance(s);
}

/* Is there a phrase, or none, and a bracket behind it?  Goes past both. */
static bool
opens(struct scanner *s)
{
	struct scanner ahead = *s;

	if (ahead.kind == ':')
		advance(&ahead);
	while (ahead.kind == ATOM || ahead.kind == QUOTED ||
	    ahead.kind == LITERAL || ahead.kind == '@')
		advance(&ahead);
	if (ahead.kind != '<')
		return false;
	advance(&ahead);
	*s = ahead;
	return true;
}

/* ---- a mailbox ---- */

/* Words that dots join; two side by side are too many, and nobody takes the
 * second. */
static void
take_words(struct scanner *s, char other, struct text *t)
{
	size_t start = t->len;

	for (; s->kind == ATOM || s->kind == other; advance(s)) {
		if (t->len > start && t->ptr[t->len - 1] != '.' &&
		    s->word.ptr[0] != '.')
			return;
		text_span(t, s->word);
	}
}

/* The dot behind it says that it ends there. */
static void
drop_dot(struct text *t)
{
	if (t->len > 0 && t->ptr[t->len - 1] == '.')
		t->len--;
}

static void
take_domain(struct scanner *s, struct text *t)
{
	take_words(s, LITERAL, t);
	drop_dot(t);
}

static bool
drop_domain(struct scanner *s)
{
	char space[DOMAIN_MAX + 2];		/* its dot, and one too many */
	struct text t = { space, 0, sizeof space };

	take_domain(s, &t);
	return address_is_domain(text_span_of(&t));
}

/* A source route is checked and dropped (RFC 5321, appendix C); false where
 * it is none. */
static bool
drop_route(struct scanner *s)
{
	char kind;

	do {
		advance(s);
		if (!drop_domain(s))
			return false;
		kind = s->kind;
		advance(s);
	} while (kind == ',' && s->kind == '@');
	return kind == ':';
}

/* Puts a local part into quotes, where it needs them. */
static void
text_local(struct text *t, struct span local)
{
	size_t i;

	if (span_all(local, address_is_atom)) {
		text_span(t, local);
		return;
	}
	text_char(t, '"');
	for (i = 0; i < local.len; i++) {
		if (local.ptr[i] == '"' || local.ptr[i] == '\\')
			text_char(t, '\\');
		text_char(t, local.ptr[i]);
	}
	text_char(t, '"');
}

static void
text_unquoted(struct text *t, struct span quoted)
{
	size_t i;

	for (i = 0; i < quoted.len; i++) {
		if (quoted.ptr[i] == '"')
			continue;
		if (quoted.ptr[i] == '\\' && i + 1 < quoted.len)
			i++;
		text_char(t, quoted.ptr[i]);
	}
}

/* "joe@example.org" in quotes, with no domain behind it: a mailer that takes
 * quotes off finds one in it, so it is judged by that. */
static void
take_out_of_quotes(struct text *t)
{
	char space[PATH_SPACE];
	struct text plain = { space, 0, sizeof space };
	size_t at;

	text_unquoted(&plain, text_span_of(t));
	for (at = plain.len; at > 0 && plain.ptr[at - 1] != '@'; at--)
		;
	if (plain.len > 0 && at == 0)
		return;
	t->len = 0;
	if (plain.len == 0)
		return;
	drop_dot(&plain);
	text_local(t, span_first(text_span_of(&plain), at - 1));
	text_char(t, '@');
	text_span(t, span_skip(text_span_of(&plain), at));
}

/* One mailbox, or none at all; the local part is what stands behind a route. */
static enum path
take_mailbox(struct scanner *s, struct text *t)
{
	bool route = s->kind == '@';

	if (route && !drop_route(s))
		return PATH_SYNTAX;
	take_words(s, QUOTED, t);
	if (t->len == t->size)		/* it may be cut, and another */
		return PATH_BAD;
	if (s->kind == '@') {
		text_char(t, '@');
		advance(s);
		take_domain(s, t);
	} else
		take_out_of_quotes(t);
	return route && t->len == 0 ? PATH_BAD : PATH_OK;
}

/* ---- a path ---- */

enum { BRACKETS_MAX = 2 };

/* Behind the mailbox: as many brackets as there were, one more at most where
 * there are not many; what else there is makes it none. */
static enum path
close_brackets(struct scanner *s, size_t opened)
{
	bool bare = opened == 0;
	size_t more = opened < BRACKETS_MAX ? opened + 1 : opened;

	for (skip_separators(s); more > 0 && s->kind == '>'; more--) {
		advance(s);
		skip_separators(s);
		opened -= opened > 0;
	}
	if (opened > 0)
		return PATH_BAD;
	return s->kind == END ? PATH_OK : bare ? PATH_BAD : PATH_SYNTAX;
}

/* The mailbox of a path without blanks around it. */
static enum path
read_path(struct span s, struct text *t)
{
	struct scanner scanner = { .rest = s };
	size_t opened = 0;
	enum path path;

	advance(&scanner);
	skip_separators(&scanner);
	while (opens(&scanner)) {
		if (++opened > BRACKETS_MAX)
			return PATH_SYNTAX;
		skip_separators(&scanner);
	}
	path = take_mailbox(&scanner, t);
	if (path == PATH_OK)
		path = close_brackets(&scanner, opened);
	return path == PATH_OK && opened == 0 && t->len == 0 ? PATH_SYNTAX :
	    path;
}

/* "<mailbox>" as it ought to be written, with no word in quotes, which nearly
 * all are: there is nothing to make of it. */
static bool
take_plain(struct span *s, struct mailbox *m)
{
	size_t n = 1;

	if (s->len == 0 || s->ptr[0] != '<')
		return false;
	while (n < s->len && (address_is_atom(s->ptr[n]) || s->ptr[n] == '@'))
		n++;
	if (n == s->len || s->ptr[n] != '>' ||
	    (n + 1 < s->len && !is_blank(s->ptr[n + 1])) ||
	    !address_is_mailbox(span_skip(span_first(*s, n), 1), m))
		return false;
	*s = span_unindented(span_skip(*s, n + 1));
	return true;
}

static struct mailbox
null_path(const char *space)
{
	return (struct mailbox){ { space, 0 }, { space, 0 }, { space, 0 } };
}

static enum path
take(struct span *s, char space[PATH_SPACE], struct mailbox *m)
{
	struct text t = { space, 0, PATH_SPACE };
	struct span words;
	enum path path;
	size_t end;

	*s = span_unindented(*s);
	if (take_plain(s, m))
		return PATH_OK;
	path = find_end(*s, &end);
	words = span_first(*s, end);
	if (path == PATH_OK)
		path = is_utf8(words) ? read_path(words, &t) : PATH_BAD;
	if (path != PATH_OK)
		return path;
	*s = span_unindented(span_skip(*s, end));
	*m = null_path(space);
	return t.len == 0 || address_is_mailbox(text_span_of(&t), m) ?
	    PATH_OK : PATH_BAD;
}

enum path
path_take(struct span *s, const char *word, char space[PATH_SPACE],
    struct mailbox *m)
{
	enum path path;

	if (!span_starts(*s, span_of(word)))
		return PATH_SYNTAX;
	*s = span_skip(*s, strlen(word));
	path = take(s, space, m);
	if (path == PATH_OK && strcmp(word, "FROM:") == 0 &&
	    span_is(m->whole, "MAILER-DAEMON"))
		*m = null_path(space);
	return path;
}

struct span
path_words(struct span line)
{
	static const char *const words[] = { "FROM:", "TO:" };
	size_t i;

	span_take_word(&line);
	for (i = 0; i < 2; i++)
		if (span_starts(line, span_of(words[i])))
			return span_unindented(span_skip(line,
			    strlen(words[i])));
	return line;
}

bool
path_parse_name(struct span s, char space[PATH_SPACE], struct mailbox *m)
{
	struct span rest = s;

	if (take(&rest, space, m) == PATH_OK && rest.len == 0)
		return m->whole.len > 0;
	return address_parse_words(s, m);
}

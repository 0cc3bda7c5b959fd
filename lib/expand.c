#include "expand.h"

#include "users.h"

enum { MEMBERS_MAX = 99 };		/* lines, less one that says "more" */

/* ---- the members of a name ---- */

/* What a name stands for, as it is found. */
struct members {
	struct mailbox name;
	struct text *to;		/* a mailbox a line */
	struct span domain;		/* of those that come without one */
	bool here;			/* the line belongs to the name */
	bool found, any;		/* the name is there; "*" is */
	unsigned count, left_out;
};

static struct members
members_of(const struct lookup *l, const struct mailbox *name,
    struct span domain)
{
	return (struct members){ .name = *name, .to = l->expanded,
	    .domain = name->domain.len > 0 ? name->domain : domain };
}

/* Takes what stands before "<mailbox>", and the brackets, off *value. */
static struct span
take_phrase(struct span *value)
{
	struct span phrase;
	size_t n = value->len;

	if (n == 0 || value->ptr[n - 1] != '>')
		return span_first(*value, 0);
	while (n > 0 && value->ptr[n - 1] != '<')
		n--;
	if (n == 0)
		return span_first(*value, 0);
	phrase = span_first(*value, n - 1);
	*value = span_skip(span_first(*value, value->len - 1), n);
	return phrase;
}

/* A program, a file or a list, quoted or not, as aliases(5) has them. */
static bool
is_delivery(struct span s)
{
	while (s.len > 0 && (s.ptr[0] == '"' || s.ptr[0] == '\\' ||
	    is_space(s.ptr[0])))
		s = span_skip(s, 1);
	return s.len > 0 && (s.ptr[0] == '|' || s.ptr[0] == '/' ||
	    s.ptr[0] == ':');
}

static void
add_member(struct members *a, struct span value)
{
	enum { AROUND = sizeof "250-2.1.5 <>\r\n" - 1, MORE = 32 };
	struct span phrase = take_phrase(&value);
	struct mailbox m;
	size_t len;

	if (value.len > 0 && value.ptr[0] == '\\')	/* "not an alias" */
		value = span_skip(value, 1);
	if (is_delivery(value) || !address_is_mailbox(value, &m))
		return;
	len = AROUND + value.len;
	if (m.domain.len == 0)
		len += sizeof "@" - 1 + a->domain.len;
	if (len + phrase.len > REPLY_LINE_MAX)
		phrase.len = 0;
	if (a->count == MEMBERS_MAX || len > REPLY_LINE_MAX ||
	    len + phrase.len + MORE > a->to->size - a->to->len) {
		a->left_out++;
		return;
	}
	if (a->count++ > 0)
		text_char(a->to, '\n');
	text_span(a->to, phrase);
	text_mailbox(a->to, &m, a->domain);
}

static bool
collect_members(void *members, struct span line)
{
	struct members *a = members;
	struct user_entry e;
	enum user_match match;
	struct span value;

	user_parse_entry(line, &e);
	if (e.name.len > 0) {
		match = user_match(e.name, a->name.local, a->name.domain);
		a->here = match == THIS_NAME;
		a->found |= a->here;
		a->any |= match == ANY_NAME;
	}
	while (a->here && user_next_value(&e.values, &value))
		add_member(a, value);
	return false;
}

/* VRFY shows one mailbox, or nothing; EXPN all of them, as far as they fit. */
static void
end_members(const struct members *a, enum lookup_verb verb)
{
	if (verb == LOOKUP_VRFY && (a->count > 1 || a->left_out > 0))
		a->to->len = 0;
	else if (a->left_out > 0) {
		text_string(a->to, a->count > 0 ? "\nand " : "");
		text_number(a->to, a->left_out);
		text_string(a->to, " more");
	}
}

/* ---- a search for words, and whose they are ---- */

struct search {
	struct span words;
	bool here;			/* in the entry that is being read */
	unsigned hits;			/* entries with a name of their own */
	struct span name, first;	/* of this entry, of the first hit */
	char name_text[MAILBOX_MAX], first_text[MAILBOX_MAX];
};

static bool
is_word_octet(char c)
{
	return is_alnum(c) || is_8bit(c);
}

static bool
has_words(struct span line, struct span words)
{
	size_t i, end;

	for (i = 0; i + words.len <= line.len; i++) {
		end = i + words.len;
		if ((i == 0 || !is_word_octet(line.ptr[i - 1])) &&
		    (end == line.len || !is_word_octet(line.ptr[end])) &&
		    span_starts(span_skip(line, i), words))
			return true;
	}
	return false;
}

/* A copy that stays; cut where the file is no more the one that was checked. */
static struct span
copy_name(char to[MAILBOX_MAX], struct span name)
{
	struct text t = { to, 0, MAILBOX_MAX };

	text_span(&t, name);
	return text_span_of(&t);
}

/* True at the second hit: there is no need to go on. */
static bool
search_words(void *search, struct span line)
{
	struct search *s = search;
	struct user_entry e;

	user_parse_entry(line, &e);
	if (e.name.len > 0) {
		s->name = copy_name(s->name_text, e.name);
		s->here = span_is(s->name, "*");
	}
	if (s->here || (!has_words(e.name, s->words) &&
	    !has_words(e.values, s->words)))
		return false;
	s->here = true;
	if (s->hits == 0)
		s->first = copy_name(s->first_text, s->name);
	else if (user_same_name(s->first, s->name))
		return false;
	return ++s->hits > 1;
}

static struct span
unquoted_words(struct span words)
{
	return words.len > 2 && words.ptr[0] == '"' ?
	    span_first(span_skip(words, 1), words.len - 2) : words;
}

/* ---- who it is ---- */

static enum lookup_result
expand_words(struct reader *r, const struct list *users,
    const struct lookup *l, struct span domain)
{
	struct search s = { .words = unquoted_words(l->name.whole) };
	struct members a;
	struct mailbox m;

	if (list_find(r, users, search_words, &s) == LIST_UNKNOWN)
		return LOOKUP_ERROR;
	if (s.hits != 1 || !address_is_mailbox(s.first, &m))
		return s.hits == 0 ? UNKNOWN_USER : AMBIGUOUS_USER;
	a = members_of(l, &m, domain);
	if (list_find(r, users, collect_members, &a) == LIST_UNKNOWN)
		return LOOKUP_ERROR;
	end_members(&a, l->verb);
	if (l->expanded->len == 0) {
		a = members_of(l, &m, domain);
		add_member(&a, s.first);
	}
	return l->expanded->len > 0 ? VALID_USER : AMBIGUOUS_USER;
}

enum lookup_result
expand_name(struct reader *r, const struct list *users,
    const struct lookup *l, struct span domain)
{
	struct members a = members_of(l, &l->name, domain);
	enum lookup_result user = UNKNOWN_USER;

	a.found = user_is_postmaster(l->name.local);
	if (list_find(r, users, collect_members, &a) == LIST_UNKNOWN)
		return LOOKUP_ERROR;
	end_members(&a, l->verb);
	if (a.found)
		return VALID_USER;
	if (l->verb == LOOKUP_VRFY)
		user = expand_words(r, users, l, domain);
	return user == UNKNOWN_USER && a.any ? VALID_USER : user;
}

void
expand_value(const struct lookup *l, struct span value, struct span domain)
{
	struct members a = members_of(l, &l->name, domain);

	add_member(&a, value);
}

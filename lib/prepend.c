#include "prepend.h"

const char prepend_no_room[] = "has no room among the others";

bool
prepend_is(struct span line, struct span *field)
{
	struct span verb = span_take_word(&line);

	*field = span_trimmed(line);
	return span_is(verb, "PREPEND");
}

static bool
is_name_octet(char c)
{
	return c > ' ' && c < 127 && c != ':';
}

/* What a line of a message is made of. */
static bool
is_text(struct span s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (is_control(s.ptr[i]) && s.ptr[i] != '\t')
			return false;
	return is_utf8(s);
}

/* RFC 5322, 2.2; blanks before the colon are its obsolete form. */
static bool
is_field(struct span s)
{
	size_t n = 0;

	while (n < s.len && is_name_octet(s.ptr[n]))
		n++;
	return n > 0 && is_text(s) &&
	    span_starts(span_unindented(span_skip(s, n)), span_of(":"));
}

static bool
is_there(const struct prepended *p, struct span field)
{
	struct span rest = { p->text, p->len }, line;

	while (rest.len > 0) {
		line = span_take_until(&rest, '\n');
		if (line.len == field.len &&
		    memcmp(line.ptr, field.ptr, line.len) == 0)
			return true;
	}
	return false;
}

const char *
prepend_take(struct prepended *p, struct span field)
{
	struct text t = { p->text, p->len, sizeof p->text };

	if (!is_field(field))
		return "is no header field";
	if (field.len > PREPEND_LINE_MAX)
		return "is longer than a line may be";
	if (is_there(p, field))
		return NULL;
	if (field.len + 1 > t.size - t.len)
		return prepend_no_room;
	text_span(&t, field);
	text_char(&t, '\n');
	p->len = t.len;
	return NULL;
}

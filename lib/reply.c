#include "reply.h"

/* Octets of the character that begins s; 0 where it cannot be shown.  To U+0080
 * to U+009F a terminal may listen. */
static size_t
printable(struct span s, bool utf8)
{
	size_t n;

	if (!is_8bit(s.ptr[0]))
		return is_control(s.ptr[0]) ? 0 : 1;
	n = utf8 ? utf8_character(s) : 0;
	return n == 2 && s.ptr[0] == '\xc2' && (unsigned char)s.ptr[1] < 0xa0 ?
	    0 : n;
}

/* The text of one line, max octets of it. */
static void
write_clean(struct text *t, struct span line, size_t max, bool utf8)
{
	size_t n, len;

	for (; line.len > 0 && max > 0; max -= len) {
		n = printable(line, utf8);
		len = n > 0 ? n : 1;
		if (len > max)
			return;
		if (len > 1)
			text_span(t, span_first(line, len));
		else
			text_char(t, n > 0 ? line.ptr[0] : '?');
		line = span_skip(line, len);
	}
}

/* The enhanced code is on every line: RFC 2034. */
static void
write_line(struct text *t, const struct reply *r, struct span line, char sign,
    bool utf8)
{
	size_t start = t->len;

	text_number(t, (unsigned)r->code);
	text_char(t, sign);
	if (r->enhanced != NULL) {
		text_string(t, r->enhanced);
		text_char(t, ' ');
	}
	write_clean(t, line, REPLY_LINE_MAX - 2 - (t->len - start), utf8);
	text_string(t, "\r\n");
}

void
text_reply(struct text *t, const struct reply *r, bool utf8)
{
	struct span rest = span_of(r->text);
	const char *end;

	while ((end = span_find(rest, '\n')) != NULL &&
	    t->size - t->len > 2 * REPLY_LINE_MAX) {
		write_line(t, r, span_until(rest, end), '-', utf8);
		rest = span_behind(rest, end);
	}
	write_line(t, r, rest, ' ', utf8);
}

#include "reply.h"

/* Octets of ASCII that begin s, or of one character beyond; 0 where it cannot be
 * shown.  To U+0080 to U+009F a terminal may listen. */
static size_t
printable(struct span s, bool utf8)
{
	size_t n = 0;

	while (n < s.len && !is_8bit(s.ptr[n]) && !is_control(s.ptr[n]))
		n++;
	if (!is_8bit(s.ptr[0]))
		return n;
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
		if (n > max && is_8bit(line.ptr[0]))
			return;
		len = n == 0 ? 1 : n < max ? n : max;
		text_span(t, n > 0 ? span_first(line, len) : span_of("?"));
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

/* ---- reading ---- */

/* Digits from the start of s, three at most. */
static size_t
digits(struct span s)
{
	size_t n = 0;

	while (n < 3 && n < s.len && is_digit(s.ptr[n]))
		n++;
	return n;
}

/* Takes "NNN", "NNN " or "NNN-" off *s. */
static void
take_code(struct span *s, struct reply_line *l)
{
	if (digits(*s) != 3 ||
	    (s->len > 3 && s->ptr[3] != ' ' && s->ptr[3] != '-'))
		return;
	l->code = 100 * (s->ptr[0] - '0') + 10 * (s->ptr[1] - '0') +
	    (s->ptr[2] - '0');
	l->more = s->len > 3 && s->ptr[3] == '-';
	*s = span_skip(*s, s->len > 3 ? 4 : 3);
}

/* Takes "X.Y.Z" off *s (RFC 3463, 2); empty where it does not begin so. */
static struct span
take_enhanced(struct span *s)
{
	size_t len = 0, n, part;
	struct span enhanced;

	for (part = 0; part < 3; part++) {
		n = digits(span_skip(*s, len));
		if (n == 0 || (part == 0 && n != 1))
			return span_of("");
		len += n;
		if (part == 2)
			break;
		if (len == s->len || s->ptr[len] != '.')
			return span_of("");
		len++;
	}
	if (len < s->len && s->ptr[len] != ' ')
		return span_of("");
	enhanced = span_first(*s, len);
	*s = span_skip(*s, len);
	return enhanced;
}

struct reply_line
reply_line_of(struct span line)
{
	struct reply_line l = { .code = 0 };

	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	take_code(&line, &l);
	l.enhanced = take_enhanced(&line);
	l.text = line.len > 0 && line.ptr[0] == ' ' ? span_skip(line, 1) : line;
	return l;
}

bool
reply_line_agrees(const struct reply_line *l)
{
	return l->code == 0 || l->enhanced.len == 0 ||
	    l->enhanced.ptr[0] - '0' == l->code / 100;
}

/* Begins the reply's next line.  One too many stands in the place of the one
 * before. */
static struct text
next_reply_line(struct words *w)
{
	struct text t = text_in(w->text, sizeof w->text);

	if (w->lines == WORDS_LINES) {
		w->lines--;
		w->len = w->last - 1;
	}
	if (w->lines++ > 0) {
		t.len = w->len;
		text_char(&t, '\n');
	}
	w->last = t.len;
	return t;
}

void
words_add(struct words *w, const struct reply_line *l)
{
	struct text t = next_reply_line(w);
	size_t i;

	w->more = l->more;
	w->code = l->code;
	span_copy(l->enhanced, w->enhanced, sizeof w->enhanced);
	for (i = 0; i < l->text.len && i < REPLY_LINE_MAX - 1; i++)
		text_char(&t, l->text.ptr[i] != '\0' ?	/* it would end it */
		    l->text.ptr[i] : '?');
	w->len = t.len;
	text_end(&t);
}

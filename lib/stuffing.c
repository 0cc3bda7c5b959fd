#include "stuffing.h"

/* Takes as much of it as there is room for. */
static void
take_plain(struct stuffing *s, struct span *in, size_t len, struct text *t)
{
	size_t room = t->size - t->len;
	struct span plain = span_first(*in, len < room ? len : room);

	if (plain.len == 0)
		return;
	text_span(t, plain);
	s->octets += plain.len;
	s->in_line = true;
	s->after_cr = plain.ptr[plain.len - 1] == '\r';
	*in = span_skip(*in, plain.len);
}

static void
end_line(struct stuffing *s, struct text *t)
{
	if (!s->after_cr) {
		text_char(t, '\r');
		s->octets++;
	}
	text_char(t, '\n');
	s->octets++;
	s->in_line = s->after_cr = false;
}

void
stuffing_take(struct stuffing *s, struct span *in, struct text *t)
{
	enum { MOST_ADDED = 2 };	/* octets, by a step */
	const char *lf;

	if (s->binary)
		take_plain(s, in, in->len, t);
	else while (in->len > 0 && t->size - t->len > MOST_ADDED) {
		lf = span_find(*in, '\n');
		if (lf == in->ptr) {
			end_line(s, t);
			*in = span_skip(*in, 1);
			continue;
		}
		if (in->ptr[0] == '.' && !s->in_line)
			text_char(t, '.');
		take_plain(s, in, lf != NULL ? (size_t)(lf - in->ptr) :
		    in->len, t);
	}
}

void
stuffing_end(struct stuffing *s, struct text *t)
{
	s->after_cr = false;		/* of which nobody made a line end */
	if (s->in_line && !s->binary)
		end_line(s, t);
}

#include "opening.h"

/* What a field's name is made of: RFC 5322, 2.2. */
static bool
is_name_octet(char c)
{
	return c > ' ' && c < 127 && c != ':';
}

/* Of what begins with a CR or LF. */
static enum opening
of_line_end(struct span s, bool whole)
{
	if (s.ptr[0] == '\n' || (s.len > 1 && s.ptr[1] == '\n'))
		return OPENING_HEADER;
	return s.len == 1 && !whole ? OPENING_UNDECIDED : OPENING_TEXT;
}

/* Of a line that is no field: the first len octets of it are no blanks. */
static bool
is_mbox(struct span s, size_t len)
{
	size_t i = 0;

	while (i < len && s.ptr[i] == '>')
		i++;
	return len < s.len && s.ptr[len] == ' ' && len - i == 4 &&
	    memcmp(s.ptr + i, "From", 4) == 0;
}

enum opening
opening_of(struct span s, bool crlf, bool whole)
{
	size_t name = 0, colon;

	if (s.len > OPENING_MAX)
		s = span_first(s, OPENING_MAX);
	if (s.len == 0)
		return whole ? OPENING_HEADER : OPENING_UNDECIDED;
	if (s.ptr[0] == '\n' || (crlf && s.ptr[0] == '\r'))
		return of_line_end(s, whole);
	while (name < s.len && is_name_octet(s.ptr[name]))
		name++;
	if (name == 0)
		return OPENING_TEXT;
	for (colon = name; colon < s.len && is_blank(s.ptr[colon]); colon++)
		;
	if (colon < s.len && s.ptr[colon] == ':')
		return OPENING_HEADER;
	if (colon == s.len && s.len < OPENING_MAX && !whole)
		return OPENING_UNDECIDED;
	return is_mbox(s, name) ? OPENING_MBOX : OPENING_TEXT;
}

#include "text.h"

/* ---- spans ---- */

const char *
span_find(struct span s, char c)
{
	return memchr(s.ptr, c, s.len);
}

bool
span_is(struct span s, const char *string)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (string[i] == '\0' ||
		    ascii_lower(s.ptr[i]) != ascii_lower(string[i]))
			return false;
	return string[i] == '\0';
}

bool
span_same(struct span a, struct span b)
{
	return a.len == b.len && span_starts(a, b);
}

bool
span_starts(struct span s, struct span with)
{
	size_t i;

	for (i = 0; i < s.len && i < with.len; i++)
		if (ascii_lower(s.ptr[i]) != ascii_lower(with.ptr[i]))
			return false;
	return i == with.len;
}

struct span
span_unindented(struct span s)
{
	while (s.len > 0 && is_blank(s.ptr[0]))
		s = span_skip(s, 1);
	return s;
}

struct span
span_trimmed(struct span s)
{
	while (s.len > 0 && is_space(s.ptr[s.len - 1]))
		s.len--;
	while (s.len > 0 && is_space(s.ptr[0]))
		s = span_skip(s, 1);
	return s;
}

struct span
span_take_word(struct span *s)
{
	struct span word = span_unindented(*s);
	size_t n = 0;

	while (n < word.len && !is_blank(word.ptr[n]))
		n++;
	*s = span_unindented(span_skip(word, n));
	return span_first(word, n);
}

struct span
span_take_until(struct span *s, char sign)
{
	const char *at = span_find(*s, sign);
	struct span taken = at != NULL ? span_until(*s, at) : *s;

	*s = at != NULL ? span_behind(*s, at) : span_skip(*s, s->len);
	return taken;
}

bool
span_number(struct span s, unsigned long long max, unsigned long long *number)
{
	unsigned digit;
	size_t i;

	*number = 0;
	for (i = 0; i < s.len; i++) {
		digit = (unsigned)(s.ptr[i] - '0');
		if (!is_digit(s.ptr[i]) || *number > (max - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	return s.len > 0;
}

void
span_copy(struct span s, char *to, size_t size)
{
	struct text t = text_in(to, size);

	text_span(&t, s);
	text_end(&t);
}

/* ---- texts ---- */

const char *
text_end(struct text *t)
{
	t->ptr[t->len] = '\0';
	return t->ptr;
}

/* A call of memcpy takes longer than most of our words do: musl's, by far. */
static inline void
copy_short(char *to, const char *from, size_t len)
{
	if (len >= 8) {
		memcpy(to, from, 8);
		memcpy(to + len - 8, from + len - 8, 8);
	} else if (len >= 4) {
		memcpy(to, from, 4);
		memcpy(to + len - 4, from + len - 4, 4);
	} else for (; len > 0; len--)
		to[len - 1] = from[len - 1];
}

void
text_span(struct text *t, struct span octets)
{
	enum { SHORT = 16 };
	size_t room = t->size - t->len;
	size_t len = octets.len < room ? octets.len : room;

	if (len <= SHORT)
		copy_short(t->ptr + t->len, octets.ptr, len);
	else
		memcpy(t->ptr + t->len, octets.ptr, len);
	t->len += len;
}

void
text_number(struct text *t, unsigned long long number)
{
	char digits[20], *first = digits + sizeof digits;

	do
		*--first = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	text_span(t, (struct span){ first,
	    (size_t)(digits + sizeof digits - first) });
}

void
text_hex(struct text *t, unsigned long number, unsigned digits)
{
	while (digits-- > 0)
		text_char(t, "0123456789abcdef"[number >> (4 * digits) & 15]);
}

/* ---- secrets ---- */

void
octets_erase(char *octets, size_t len)
{
	volatile char *at = octets;

	while (len-- > 0)
		*at++ = 0;
}

/* Who copies or searches leaves in the widest registers what he has seen, and
 * the kernel puts all of them on the stack with the next signal.  So zeros are
 * copied and searched likewise, at every size that may have a way of its own,
 * whatever a compiler thinks of that. */
void
stack_erase(void)
{
	static void *(*const volatile copy)(void *, const void *, size_t) =
	    memmove;
	static void *(*const volatile find)(const void *, int, size_t) =
	    memchr;
	char below[STACK_ERASED];
	size_t n;

	octets_erase(below, sizeof below);
	for (n = 8; n < sizeof below / 4; n *= 2) {
		copy(below, below + 1, n);
		copy(below + 1, below, n);
		copy(below, below + sizeof below / 2, n);
		find(below, 1, n);
	}
}

/* ---- encodings ---- */

size_t
utf8_character(struct span s)
{
	static const unsigned long least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = (unsigned char)s.ptr[0];
	size_t n = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 :
	    c < 0xf8 ? 4 : 0;
	unsigned long value = n < 2 ? c : c & (0x7fUL >> n);
	size_t i;

	if (n == 0 || n > s.len)
		return 0;
	for (i = 1; i < n; i++) {
		c = (unsigned char)s.ptr[i];
		if ((c & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (c & 0x3f);
	}
	if (value < least[n] || value > 0x10ffff ||
	    (value >= 0xd800 && value < 0xe000))
		return 0;
	return n;
}

bool
is_utf8(struct span s)
{
	size_t n;

	while (s.len > 0) {
		n = is_8bit(s.ptr[0]) ? utf8_character(s) : 1;
		if (n == 0)
			return false;
		s = span_skip(s, n);
	}
	return true;
}

/* What stands in xtext as it is: "=" too, for there are devices, and what is
 * no ASCII, as RFC 6533 has it. */
static bool
stands_for_itself(char c)
{
	return c != ' ' && c != '+' && !is_control(c);
}

/* The value of a hexadecimal digit, in any case; 16 for anything else. */
static unsigned
hex(char c)
{
	c = ascii_lower(c);
	return is_digit(c) ? (unsigned)(c - '0') :
	    c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* Takes one octet off *s; false where it is none, or a control octet. */
static bool
take_xtext(struct span *s, char *octet)
{
	unsigned high, low;

	*octet = s->ptr[0];
	if (*octet != '+') {
		*s = span_skip(*s, 1);
		return stands_for_itself(*octet);
	}
	high = s->len < 3 ? 16 : hex(s->ptr[1]);
	low = s->len < 3 ? 16 : hex(s->ptr[2]);
	if (high > 15 || low > 15)
		return false;
	*octet = (char)(high << 4 | low);
	*s = span_skip(*s, 3);
	return !is_control(*octet);
}

bool
decode_xtext(struct span s, struct text *t)
{
	char octet;

	while (s.len > 0) {
		if (!take_xtext(&s, &octet))
			return false;
		if (t != NULL)
			text_char(t, octet);
	}
	return true;
}

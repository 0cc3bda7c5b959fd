/*
 * text - octets: spans of them, texts that are composed, ASCII, UTF-8, xtext
 *
 * Pure: no call of the system, no locale, no memory of its own.  A span and a
 * text point at octets that stay somebody else's; any octet may be in them, NUL
 * too.  Lengths and sizes are octets.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Octets that belong to somebody else. */
struct span {
	const char *ptr;
	size_t len;
};

/* A text that is being composed in a space of fixed size; what does not fit is
 * left out.  There is no NUL at its end but by text_end. */
struct text {
	char *ptr;
	size_t len, size;
};

/* ---- octets: ASCII's classes, whatever the locale ---- */

static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
is_alnum(char c)
{
	return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

static inline bool
is_control(char c)
{
	return (unsigned char)c < ' ' || c == 127;
}

/* What no command line may have in it. */
static inline bool
is_stray_control(char c)
{
	return is_control(c) && c != '\t';
}

static inline bool
is_8bit(char c)
{
	return (unsigned char)c >= 128;
}

/* What is trimmed off a line of a file. */
static inline bool
is_space(char c)
{
	return is_blank(c) || c == '\r';
}

/* What a host name or an address literal is made of: no more than this of the
 * client's name for itself is shown in a header field and to a command. */
static inline bool
is_host_octet(char c)
{
	return is_alnum(c) || c == '.' || c == '-' || c == '_' || c == ':' ||
	    c == '[' || c == ']';
}

/* ---- spans ---- */

/* The first n octets, and all but those; n is s.len at most. */
static inline struct span
span_first(struct span s, size_t n)
{
	return (struct span){ s.ptr, n };
}

static inline struct span
span_skip(struct span s, size_t n)
{
	return (struct span){ s.ptr + n, s.len - n };
}

/* A string's octets, without its NUL. */
static inline struct span
span_of(const char *string)
{
	return (struct span){ string, strlen(string) };
}

/* The octets of s before end, which points into it; and those behind, less the
 * one at end. */
static inline struct span
span_until(struct span s, const char *end)
{
	return span_first(s, (size_t)(end - s.ptr));
}

static inline struct span
span_behind(struct span s, const char *end)
{
	return span_skip(s, (size_t)(end + 1 - s.ptr));
}

/* Where c stands first; NULL where it does not. */
const char *span_find(struct span s, char c);

/* Equal, and equal at the start, but for the case of ASCII letters. */
bool span_is(struct span s, const char *string);
bool span_same(struct span a, struct span b);
bool span_starts(struct span s, struct span with);

/* Do all octets pass, does any? */
static inline bool
span_all(struct span s, bool (*pass)(char))
{
	size_t i;

	for (i = 0; i < s.len && pass(s.ptr[i]); i++)
		;
	return i == s.len;
}

static inline bool
span_any(struct span s, bool (*pass)(char))
{
	size_t i;

	for (i = 0; i < s.len && !pass(s.ptr[i]); i++)
		;
	return i < s.len;
}

/* Less the blanks before it. */
struct span span_unindented(struct span s);

/* Less the blanks and CRs around it: what a line of a file says. */
struct span span_trimmed(struct span s);

/* Takes the next word off *s, and the blanks around it; empty at the end. */
struct span span_take_word(struct span *s);

/* Takes what stands before the next sign off *s, and that sign; all of it where
 * there is none. */
struct span span_take_until(struct span *s, char sign);

/* A decimal number of digits alone; false where it is none, or above max. */
bool span_number(struct span s, unsigned long long max,
    unsigned long long *number);

/* As a string in a space of size octets, cut where it does not fit. */
void span_copy(struct span s, char *to, size_t size);

/* ---- texts ---- */

/* A text in this space, with room for the NUL of text_end. */
static inline struct text
text_in(char *space, size_t size)
{
	return (struct text){ space, 0, size - 1 };
}

/* Makes a string of a text that text_in began; returns it. */
const char *text_end(struct text *t);

/* What there is of it, until it goes on. */
static inline struct span
text_span_of(const struct text *t)
{
	return (struct span){ t->ptr, t->len };
}

void text_span(struct text *t, struct span octets);

static inline void
text_string(struct text *t, const char *string)
{
	text_span(t, span_of(string));
}

void text_number(struct text *t, unsigned long long number);

/* The last digits of number, hexadecimal, in lower case. */
void text_hex(struct text *t, unsigned long number, unsigned digits);

static inline void
text_char(struct text *t, char c)
{
	if (t->len < t->size)
		t->ptr[t->len++] = c;
}

/* ---- secrets ---- */

/* Overwrites octets, whoever thinks that nobody reads them any more. */
void octets_erase(char *octets, size_t len);

/* Overwrites what functions that have returned left on the stack, and in
 * registers. */
enum { STACK_ERASED = 32 * 1024 };
void stack_erase(void);

/* ---- encodings ---- */

/* The character of UTF-8 that begins s, which is not empty: its octets; 0 where
 * it is not valid (RFC 3629: no overlong form, no surrogate, nothing above
 * U+10FFFF). */
size_t utf8_character(struct span s);
bool is_utf8(struct span s);

/* RFC 3461, 4: checks xtext and, where t is one, decodes it into t.  False
 * where it is none, or hides a control octet.  More is taken than the RFC has:
 * digits in lower case, "=", octets that are no ASCII. */
bool decode_xtext(struct span s, struct text *t);

#endif

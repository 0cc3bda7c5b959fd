#include "content.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* ---- the header ---- */

/* Counts Received fields, up to the empty line that ends the header; false
 * where they are too many. */
static bool
scan_header(struct content *c, struct span s)
{
	enum { RECEIVED_MAX = 100 };	/* RFC 5321, 6.3 */
	size_t i;

	for (i = 0; i < s.len && c->header != HEADER_OVER; i++) {
		char o = s.ptr[i];

		if (o == '\n')
			c->header = c->header == 0 || c->header == CR_AT_START ?
			    HEADER_OVER : 0;
		else if (c->header < WORD_SEEN &&
		    ascii_lower(o) == "received"[c->header])
			c->header++;
		else if (c->header == WORD_SEEN && is_blank(o))
			continue;
		else {
			if (c->header == WORD_SEEN && o == ':' &&
			    ++c->received > RECEIVED_MAX)
				return false;
			c->header = c->header == 0 && o == '\r' &&
			    c->rules.crlf ? CR_AT_START : REST_OF_LINE;
		}
	}
	return true;
}

/* ---- what is decoded goes out ---- */

/* After the first one nothing is a fault any more, nor looked for: a line of
 * bare CRs would be searched once for each of them. */
static void
set_fault(struct content *c, enum content_fault fault)
{
	if (c->fault == CONTENT_OK)
		c->fault = fault;
	c->strict = false;
	c->room = ULLONG_MAX;
}

static void
give_octets(struct content *c, struct span octets)
{
	if (octets.len == 0 || c->fault != CONTENT_OK)
		return;
	if (!scan_header(c, octets))
		set_fault(c, CONTENT_LOOP);
	else if (!c->rules.take(c->rules.context, octets))
		set_fault(c, CONTENT_NOT_TAKEN);
}

static void
give_decoded(struct content *c)
{
	give_octets(c, (struct span){ c->start, (size_t)(c->out - c->start) });
	c->start = c->out = c->in;
}

/* A fault that the next octets are: those before it may have made one too. */
static void
fault_here(struct content *c, enum content_fault fault)
{
	give_decoded(c);
	set_fault(c, fault);
}

/* Octets of the message, as on the wire. */
static void
count_octets(struct content *c, size_t octets)
{
	if (octets <= c->room)
		c->room -= octets;
	else
		fault_here(c, CONTENT_TOO_LARGE);
}

/* The next octets stay as they are; those beyond the limit are dropped. */
static void
keep_octets(struct content *c, size_t len)
{
	size_t n = len <= c->room ? len : (size_t)c->room;

	if (c->out != c->in)
		memmove(c->out, c->in, n);
	c->out += n;
	c->in += n;
	c->room -= n;
	if (n < len) {
		fault_here(c, CONTENT_TOO_LARGE);
		c->in += len - n;
	}
}

/* Octets that need not stand in the input, into the room that it left. */
static void
insert_octets(struct content *c, struct span octets)
{
	if ((size_t)(c->in - c->out) >= octets.len) {
		memcpy(c->out, octets.ptr, octets.len);
		c->out += octets.len;
	} else {
		give_decoded(c);
		give_octets(c, octets);
	}
}

/* ---- the steps of the decoder, which any content can take ---- */

static void
insert_newline(struct content *c)
{
	insert_octets(c, span_of(c->rules.crlf ? "\r\n" : "\n"));
}

/* A line end, but no dot behind it is stuffed. */
static void
decode_bare_lf(struct content *c)
{
	c->in++;
	c->bare = true;
	count_octets(c, 1);
	if (c->strict)
		fault_here(c, CONTENT_BARE_NEWLINE);
	insert_newline(c);
}

/* The one that was held back. */
static void
decode_bare_cr(struct content *c)
{
	c->place = IN_LINE;
	count_octets(c, 1);
	if (c->strict)
		fault_here(c, CONTENT_BARE_NEWLINE);
	insert_octets(c, span_of("\r"));
}

/* A CR was held back: is it the first half of a line end? */
static void
decode_cr(struct content *c)
{
	if (*c->in == '\n') {
		c->in++;
		c->place = c->next_line;
		count_octets(c, 2);
		insert_newline(c);
	} else
		decode_bare_cr(c);
}

/* The rest of a line that is in its middle, or what there is of it. */
static void
decode_line(struct content *c)
{
	size_t len = (size_t)(c->end - c->in);
	const char *lf = memchr(c->in, '\n', len), *cr = NULL;

	if (lf != NULL)
		len = (size_t)(lf - c->in);
	if (c->strict)
		cr = memchr(c->in, '\r', len);
	else if (len > 0 && c->in[len - 1] == '\r')
		cr = c->in + len - 1;
	keep_octets(c, cr != NULL ? (size_t)(cr - c->in) : len);
	if (cr != NULL) {
		c->in++;
		c->place = AFTER_CR;
	} else if (lf != NULL)
		decode_bare_lf(c);
}

/* At the start of a line: is it the last one, or is its dot to go? */
static void
decode_start(struct content *c)
{
	enum content_place next = IN_LINE;

	if (c->place == LINE_START && *c->in == '.')
		next = AFTER_DOT;
	else if (c->place == AFTER_DOT && *c->in == '\r')
		next = AFTER_DOT_CR;
	else if (c->place == AFTER_DOT_CR)
		next = *c->in == '\n' ? AFTER_END : AFTER_CR;	/* held back */
	if (next != IN_LINE && next != AFTER_CR)
		c->in++;
	c->place = next;
}

static void
decode_step(struct content *c)
{
	if (c->place == IN_LINE)
		decode_line(c);
	else if (c->place == AFTER_CR)
		decode_cr(c);
	else
		decode_start(c);
}

/* ---- and most of a message, at many times the speed of its steps ---- */

#ifdef __SSE2__

/* Octets of a block, a bit each, and of a short copy. */
enum { BLOCK = 64, LANE = 16 };

/* Bit i: octets[i] is o. */
static inline uint64_t
lane(const char *octets, char o)
{
	return (uint64_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_set1_epi8(o),
	    _mm_loadu_si128((const void *)octets)));
}

static inline uint64_t
places(const char *octets, char o)
{
	return lane(octets, o) | lane(octets + LANE, o) << LANE |
	    lane(octets + 2 * LANE, o) << 2 * LANE |
	    lane(octets + 3 * LANE, o) << 3 * LANE;
}

/* Whether a lane reaches from behind each of them to the next, or to the end. */
static inline bool
are_close(uint64_t go)
{
	uint64_t reached = go | go << 1;

	reached |= reached << 2;
	reached |= reached << 4;
	reached |= reached << 8;
	return (reached | (go - 1)) == UINT64_MAX;	/* or before the first */
}

/* Copies a block without the octets that are to go; returns how many those are.
 * Behind each of them a copy begins, over what the one before had too much: of
 * a block, or of a lane where they are close, as in short lines. */
static size_t
squeeze(char *to, const char *from, uint64_t go)
{
	size_t gone = 0, i;

	memcpy(to, from, BLOCK);
	if (are_close(go))
		for (; go != 0; go &= go - 1, gone++) {
			i = (size_t)__builtin_ctzll(go);
			memcpy(to + i - gone, from + i + 1, LANE);
		}
	for (; go != 0; go &= go - 1, gone++) {
		i = (size_t)__builtin_ctzll(go);
		memcpy(to + i - gone, from + i + 1, BLOCK);
	}
	return gone;
}

_Static_assert(sizeof ((struct content *)0)->space >= 2 * BLOCK,
    "a block, and what squeeze copies too much");

/* As much of a block as is lines that end in CR LF, stuffed or not: up to a CR
 * or LF that is bare, a dot before a CR, and what the octet behind the block
 * decides.  False where that is nothing. */
static bool
decode_block(struct content *c)
{
	uint64_t cr = places(c->in, '\r'), lf = places(c->in, '\n');
	uint64_t dots = c->next_line != LINE_START ? 0 : places(c->in, '.') &
	    (lf << 1 | (c->place == LINE_START));
	uint64_t stop = (cr & ~(lf >> 1)) | (lf & ~(cr << 1)) |
	    (dots & (cr >> 1 | (uint64_t)1 << (BLOCK - 1)));
	uint64_t before = (stop & -stop) - 1;
	uint64_t go = (c->rules.crlf ? dots : dots | cr) & before;
	size_t n = stop != 0 ? (size_t)__builtin_ctzll(stop) : BLOCK;
	char *to = c->in - c->out >= BLOCK ? c->out : c->space;
	size_t gone = 0;

	if (n == 0)
		return false;
	if (go != 0 || c->out != c->in) {
		gone = squeeze(to, c->in, go);
		if (to != c->out)
			memcpy(c->out, to, n - gone);
	}
	c->in += n;
	c->out += n - gone;
	c->room -= n;
	for (dots &= before; dots != 0; dots &= dots - 1)
		c->room++;
	c->place = lf >> (n - 1) & 1 ? c->next_line : IN_LINE;
	return true;
}

static void
decode_blocks(struct content *c)
{
	const char *end = c->end;

	if ((size_t)(end - c->in) > c->room)
		end = c->in + c->room;
	while (end - c->in >= 2 * BLOCK && decode_block(c))
		;
}

#else

static void
decode_blocks(struct content *c)
{
	(void)c;
}

#endif

/* ---- a message ---- */

void
content_begin(struct content *c, const struct content_rules *rules)
{
	enum content_place start =
	    rules->form == CONTENT_DATA ? LINE_START : IN_LINE;

	*c = (struct content){ .rules = *rules,
	    .strict = rules->reject_bare_newlines,
	    .room = rules->max_size > 0 ? rules->max_size : ULLONG_MAX,
	    .place = start, .next_line = start };
}

size_t
content_decode(struct content *c, char *octets, size_t len)
{
	c->start = c->out = c->in = octets;
	c->end = octets + len;
	if (c->rules.form == CONTENT_BINARY)
		keep_octets(c, len);
	while (c->in < c->end && c->place != AFTER_END) {
		if (c->place == LINE_START || c->place == IN_LINE)
			decode_blocks(c);
		decode_step(c);
	}
	give_decoded(c);
	return (size_t)(c->in - octets);
}

bool
content_is_whole(const struct content *c)
{
	return c->place == AFTER_END;
}

const char *
content_hint(const struct content *c)
{
	return c->rules.form == CONTENT_DATA && c->bare &&
	    !content_is_whole(c) ?
	    "lines end in LF alone: a dot on one ends no message" : NULL;
}

void
content_end(struct content *c)
{
	if (c->place == AFTER_CR)
		decode_bare_cr(c);
}

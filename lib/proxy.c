#include "proxy.h"

#include <string.h>

static const char line_start[] = "PROXY ";
static const struct span signature = { "\r\n\r\n\0\r\nQUIT\n", 12 };

/* Do they begin with this, as far as there are any of them? */
static bool
agrees(struct span octets, struct span start)
{
	size_t n = octets.len < start.len ? octets.len : start.len;

	return memcmp(octets.ptr, start.ptr, n) == 0;
}

enum proxy_start
proxy_starts(struct span octets)
{
	static const char *const lines[] = { "PROXY TCP4", "PROXY TCP6",
	    "PROXY UNKNOWN" };
	struct span start = signature;
	size_t i = 0;

	while (!agrees(octets, start)) {
		if (i == sizeof lines / sizeof *lines)
			return PROXY_NONE;
		start = span_of(lines[i++]);
	}
	return octets.len < start.len ? PROXY_PERHAPS : PROXY_HEADER;
}

static enum proxy_status
bad(struct proxy *h, const char *error)
{
	h->error = error;
	return PROXY_BAD;
}

/* ---- version 1: a line ---- */

/* The next word, and the one blank before it, off *line. */
static bool
take_word(struct span *line, struct span *word)
{
	const char *end;

	if (line->len < 2 || line->ptr[0] != ' ')
		return false;
	*line = span_skip(*line, 1);
	end = span_find(*line, ' ');
	*word = end != NULL ? span_until(*line, end) : *line;
	*line = span_skip(*line, word->len);
	return word->len > 0;
}

static bool
take_address(struct span *line, char to[IP_SIZE])
{
	struct span word;

	return take_word(line, &word) && ip_take(word, to);
}

static bool
take_port(struct span *line, char to[IP_PORT_SIZE])
{
	struct span word;

	return take_word(line, &word) && ip_take_port(word, to) &&
	    (word.ptr[0] != '0' || word.len == 1);
}

/* Each address is of a family of its own: nginx mixes them. */
static bool
take_line(struct proxy *h, struct span line)
{
	struct span family;

	line = span_skip(line, sizeof line_start - 2);
	if (!take_word(&line, &family))
		return false;
	if (family.len == 7 && memcmp(family.ptr, "UNKNOWN", 7) == 0)
		return true;
	return family.len == 4 && (memcmp(family.ptr, "TCP4", 4) == 0 ||
	    memcmp(family.ptr, "TCP6", 4) == 0) &&
	    take_address(&line, h->address) &&
	    take_address(&line, h->local_address) &&
	    take_port(&line, h->port) && take_port(&line, h->local_port) &&
	    line.len == 0;
}

static enum proxy_status
parse_line(struct span octets, struct proxy *h)
{
	const char *end;

	if (octets.len > PROXY_LINE_MAX)
		octets.len = PROXY_LINE_MAX;
	end = span_find(octets, '\n');
	if (end == NULL)
		return octets.len < PROXY_LINE_MAX ? PROXY_SHORT :
		    bad(h, "version 1, with no end");
	if (end[-1] != '\r' ||
	    !take_line(h, span_until(octets, end - 1)))
		return bad(h, "version 1, malformed");
	h->len = (size_t)(end + 1 - octets.ptr);
	return PROXY_READY;
}

/* ---- version 2: binary, in network order ---- */

enum { HEAD = 16, LOCAL = 0x20, PROXY = 0x21, TCP4 = 0x11, TCP6 = 0x21 };

static unsigned
octet(struct span s, size_t at)
{
	return (unsigned char)s.ptr[at];
}

static unsigned
two_octets(struct span s, size_t at)
{
	return octet(s, at) << 8 | octet(s, at + 1);
}

/* Source, destination, and their ports behind them. */
static void
take_addresses(struct proxy *h, struct span block, size_t len)
{
	const unsigned char *at = (const unsigned char *)block.ptr;

	ip_take_octets(at, len, h->address);
	ip_take_octets(at + len, len, h->local_address);
	ip_take_port_number(two_octets(block, 2 * len), h->port);
	ip_take_port_number(two_octets(block, 2 * len + 2), h->local_port);
}

/* A type, a length of two octets, and so many. */
static bool
take_tlv(struct span *block, unsigned *type, struct span *value)
{
	if (block->len < 3 || block->len - 3 < two_octets(*block, 1))
		return false;
	*type = octet(*block, 0);
	*value = (struct span){ block->ptr + 3, two_octets(*block, 1) };
	*block = span_skip(*block, 3 + value->len);
	return true;
}

static bool
is_tls_octet(char c)
{
	return is_alnum(c) || c == '.' || c == '_' || c == '-';
}

bool
proxy_is_tls_word(struct span s)
{
	return s.len <= PROXY_TLS_MAX && span_all(s, is_tls_octet);
}

static void
keep_word(struct span value, char to[PROXY_TLS_MAX + 1])
{
	if (proxy_is_tls_word(value))
		span_copy(value, to, PROXY_TLS_MAX + 1);
}

/* PP2_TYPE_SSL: client and verify, and TLVs of their own.  What is in verify
 * differs from proxy to proxy, and is not asked. */
static bool
take_tls(struct proxy *h, struct span value)
{
	enum { CLIENT = 1, FIXED = 5, VERSION = 0x21, CIPHER = 0x23 };
	struct span part;
	unsigned type;

	if (value.len < FIXED)
		return false;
	h->tls = (octet(value, 0) & CLIENT) != 0;
	value = span_skip(value, FIXED);
	while (h->tls && value.len > 0) {
		if (!take_tlv(&value, &type, &part))
			return false;
		if (type == VERSION)
			keep_word(part, h->tls_protocol);
		else if (type == CIPHER)
			keep_word(part, h->tls_cipher);
	}
	return true;
}

static bool
take_tlvs(struct proxy *h, struct span block)
{
	enum { SSL = 0x20 };
	struct span value;
	unsigned type;

	while (block.len > 0)
		if (!take_tlv(&block, &type, &value) ||
		    (type == SSL && !take_tls(h, value)))
			return false;
	return true;
}

/* Whoever the proxy itself is passing on is known to nobody; it may be in TLS.
 * Nothing else of such a block is looked at. */
static bool
take_block(struct proxy *h, unsigned command, unsigned family,
    struct span block)
{
	static const size_t lengths[] = { 0, 12, 36, 216 };	/* by family */
	size_t len = lengths[family >> 4];

	h->local = command == LOCAL;
	if (block.len < len)
		return h->local;
	if (!h->local && (family == TCP4 || family == TCP6))
		take_addresses(h, block, family == TCP4 ? 4 : 16);
	return take_tlvs(h, span_skip(block, len)) || h->local;
}

/* As far as it is there. */
static bool
head_is_good(struct span head)
{
	unsigned command = head.len > 12 ? octet(head, 12) : PROXY;
	unsigned family = head.len > 13 ? octet(head, 13) : TCP4;

	return (command == LOCAL || command == PROXY) && family >> 4 <= 3 &&
	    (family & 15) <= 2 &&
	    (head.len < HEAD || two_octets(head, 14) <= PROXY_BLOCK_MAX);
}

static enum proxy_status
parse_binary(struct span octets, struct proxy *h)
{
	static const char malformed[] = "version 2, malformed";
	struct span block;

	if (!head_is_good(octets))
		return bad(h, malformed);
	if (octets.len < HEAD ||
	    octets.len - HEAD < two_octets(octets, 14))
		return PROXY_SHORT;
	block = (struct span){ octets.ptr + HEAD, two_octets(octets, 14) };
	h->len = HEAD + block.len;
	return take_block(h, octet(octets, 12), octet(octets, 13), block) ?
	    PROXY_READY : bad(h, malformed);
}

enum proxy_status
proxy_parse(struct span octets, struct proxy *h)
{
	struct span start = span_of(line_start);

	*h = (struct proxy){ .error = NULL };
	if (agrees(octets, start))
		return octets.len < start.len ? PROXY_SHORT :
		    parse_line(octets, h);
	if (agrees(octets, signature))
		return octets.len < signature.len ? PROXY_SHORT :
		    parse_binary(octets, h);
	return bad(h, "no header");
}

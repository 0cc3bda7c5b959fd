/*
 * Who stands in front of us, and whom it names: addresses and networks, the
 * header of the PROXY protocol over every cut and with every octet changed, the
 * attributes of XCLIENT and XFORWARD, and when the core tells of them.
 */
#include "lib/proxy.h"
#include "tap.h"

static struct session s;

#define OCTETS(x) { x, sizeof (x) - 1 }

/* The same octets with nothing around them. */
static char *
alone(struct span octets)
{
	char *copy = malloc(octets.len > 0 ? octets.len : 1);

	assert(copy != NULL);
	memcpy(copy, octets.ptr, octets.len);
	return copy;
}

/* ---- addresses ---- */

static bool
ip_is(const char *from, const char *want)
{
	struct span text = span_of(from);
	char *copy = alone(text), to[IP_SIZE] = "as it was";
	bool taken = ip_take((struct span){ copy, text.len }, to);

	free(copy);
	return taken == (want != NULL) &&
	    strcmp(to, taken ? want : "as it was") == 0;
}

static void
addresses(void)
{
	static const char *const good[][2] = {
		{ "192.0.2.1", "192.0.2.1" }, { "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" }, { "::", "::" },
		{ "2001:DB8::1", "2001:db8::1" },
		{ "2001:db8:0:0:0:0:0:1", "2001:db8::1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::FFFF:c000:201", "192.0.2.1" },
		{ "::192.0.2.1", "::192.0.2.1" },
		{ "64:ff9b::192.0.2.1", "64:ff9b::c000:201" },
		{ "0000:0000:0000:0000:0000:ffff:255.255.255.255",
		    "255.255.255.255" },
	};
	static const char *const bad[] = { "", " ", "1", "192.0.2",
	    "192.0.2.", "192.0.2.256", "192.0.2.1 ", " 192.0.2.1",
	    "192.0.2.01", "0x7f.0.0.1", "192.0.2.1.1", "192.0.2.1/32", ":",
	    ":::", "1::2::3", "2001:db8", "2001:db8::1%lo", "[::1]",
	    "2001:db8::12345", "1:2:3:4:5:6:7:8:9", "mx.example.org",
	    "::ffff:192.0.2.256",
	    "00000000000000000000000000000000000000000000000000000000000000::"
	};
	struct span nul = { "192.0.2.1\0", 10 };
	char to[IP_SIZE];
	bool all = true;
	size_t i;

	for (i = 0; i < sizeof good / sizeof *good; i++)
		all = all && ip_is(good[i][0], good[i][1]);
	ok(all, "an address in its usual form, mapped ones are IPv4");
	for (all = true, i = 0; i < sizeof bad / sizeof *bad; i++)
		all = all && ip_is(bad[i], NULL);
	ok(all && !ip_take(nul, to), "what is no address");
	ip_take_octets((const unsigned char *)"\300\0\2\1", 4, to);
	all = strcmp(to, "192.0.2.1") == 0;
	ip_take_octets((const unsigned char *)
	    "\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\1", 16, to);
	all = all && strcmp(to, "192.0.2.1") == 0;
	ip_take_octets((const unsigned char *)
	    "\0\0\0\0\0\0\0\0\0\0\377\376\300\0\2\1", 16, to);
	ok(all && strcmp(to, "::fffe:c000:201") == 0, "an address of octets");
}

static void
ports(void)
{
	static const char *const bad[] = { "", "65536", "-1", "+1", " 1",
	    "1 ", "0x1", "1a", "18446744073709551616", "99999999999999999999" };
	char to[IP_PORT_SIZE], want[IP_PORT_SIZE];
	bool good = true;
	unsigned i;

	for (i = 0; i <= 65535; i++) {
		snprintf(want, sizeof want, "%u", i & 65535);
		good = good && ip_take_port(span_of(want), to) &&
		    strcmp(to, want) == 0;
		ip_take_port_number(i, to);
		good = good && strcmp(to, want) == 0;
	}
	ok(good && ip_take_port(span_of("00000000025"), to) &&
	    strcmp(to, "25") == 0, "each port, with zeros before it");
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		good = good && !ip_take_port(span_of(bad[i]), to);
	ok(good, "what is no port");
}

/* Is it in the network of that many bits, where just this bit differs? */
static bool
differs(const char *network, bool six, unsigned bits, unsigned bit)
{
	unsigned char octets[16];
	char address[IP_SIZE], text[IP_SIZE + 8];

	memset(octets, 0xa5, sizeof octets);
	octets[bit / 8] ^= (unsigned char)(0x80 >> bit % 8);
	ip_take_octets(octets, six ? 16 : 4, address);
	snprintf(text, sizeof text, "%s/%u", network, bits);
	return ip_is_in(address, span_of(text)) == (bit >= bits);
}

static void
networks(void)
{
	static const char four[] = "165.165.165.165", six[] =
	    "a5a5:a5a5:a5a5:a5a5:a5a5:a5a5:a5a5:a5a5";
	static const char *const bad[] = { "", "/", "/8", "192.0.2.1/",
	    "192.0.2.1/33", "192.0.2.1/x", "192.0.2.1/ 8", "192.0.2.1/8 ",
	    "192.0.2.1/-1", "192.0.2.1/8/8", "::1/129", "::1/", "unix",
	    "192.0.2.1/99999999999999999999", "[::1]/128", "192.0.2/24" };
	unsigned bits, bit;
	bool good = true;
	size_t i;

	for (bits = 0; bits <= 32; bits++)
		for (bit = 0; bit < 32; bit++)
			good = good && differs(four, false, bits, bit) &&
			    !ip_is_in(six, span_of("165.165.165.165/0"));
	for (bits = 0; bits <= 128; bits++)
		for (bit = 0; bit < 128; bit++)
			good = good && differs(six, true, bits, bit);
	ok(good, "a network is its first bits, of its own family");
	good = ip_is_in("192.0.2.1", span_of("192.0.2.1")) &&
	    !ip_is_in("192.0.2.1", span_of("192.0.2.0")) &&
	    ip_is_in("192.0.2.1", span_of("192.0.2.255/24")) &&
	    ip_is_in("192.0.2.1", span_of("::ffff:192.0.2.255/120")) &&
	    !ip_is_in("192.0.3.1", span_of("::ffff:192.0.2.255/120")) &&
	    ip_is_in("192.0.2.1", span_of("::ffff:192.0.2.1")) &&
	    ip_is_in("192.0.2.1", span_of("::ffff:0.0.0.0/96")) &&
	    !ip_is_in("192.0.2.1", span_of("::ffff:0.0.0.0/95")) &&
	    !ip_is_in("192.0.2.1", span_of("::/0"));
	ok(good, "host bits mean nothing, a mapped network is IPv4's");
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		good = good && !ip_is_network(span_of(bad[i])) &&
		    !ip_is_in("192.0.2.1", span_of(bad[i]));
	ok(good && !ip_is_in("", span_of("0.0.0.0/0")) &&
	    !ip_is_in("", span_of("::/0")) && !ip_is_in("", span_of("")),
	    "what is no network has nobody in it; who is unknown is in none");
}

static void
names(void)
{
	char name[300];
	bool good = true, in;
	unsigned i;

	memset(name, 'x', sizeof name);
	for (i = 0; i < 256; i++) {
		name[1] = (char)i;
		in = (i >= '0' && i <= '9') || (i >= 'A' && i <= 'Z') ||
		    (i >= 'a' && i <= 'z') || i == '.' || i == '-' || i == '_';
		good = good && ip_is_name((struct span){ name, 3 }) == in;
	}
	name[1] = 'x';
	for (i = 0; i < sizeof name; i++)
		good = good && ip_is_name((struct span){ name, i }) ==
		    (i > 0 && i <= 255);
	ok(good, "a name: letters, digits and .-_, 1 to 255 of them");
}

/* ---- the header of the PROXY protocol ---- */

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define FOUR "\300\0\2\7\306\63\144\1\234\272\0\31"
#define SIX "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\7" \
    "\0\0\0\0\0\0\0\0\0\0\377\377\306\63\144\1\234\272\0\31"
#define CIPHER "\43\0\5AES-1"
#define TLS "\40\0\27\1\0\0\0\0\41\0\7TLSv1.3" CIPHER

static const struct header {
	struct span octets;
	bool local, tls;
	const char *address, *port, *local_address, *local_port;
	const char *protocol, *cipher;
} headers[] = {
	{ OCTETS("PROXY TCP4 192.0.2.7 198.51.100.1 40122 25\r\n"), false,
	    false, "192.0.2.7", "40122", "198.51.100.1", "25", "", "" },
	{ OCTETS("PROXY TCP6 2001:DB8::7 ::ffff:c633:6401 0 65535\r\n"), false,
	    false, "2001:db8::7", "0", "198.51.100.1", "65535", "", "" },
	{ OCTETS("PROXY UNKNOWN\r\n"), false, false, "", "", "", "", "", "" },
	{ OCTETS("PROXY UNKNOWN \r \0\t1 2  3\r\n"), false, false, "", "", "",
	    "", "", "" },
	{ OCTETS(V2 "\x20\0\0\0"), true, false, "", "", "", "", "", "" },
	{ OCTETS(V2 "\x20\x11\0\14" FOUR), true, false, "", "", "", "", "",
	    "" },
	{ OCTETS(V2 "\x21\x11\0\14" FOUR), false, false, "192.0.2.7", "40122",
	    "198.51.100.1", "25", "", "" },
	{ OCTETS(V2 "\x21\x21\0\51" SIX "\4\0\2xy"), false, false,
	    "2001:db8::7", "40122", "198.51.100.1", "25", "", "" },
	{ OCTETS(V2 "\x21\x11\0\51" FOUR TLS "\5\0\0"), false, true,
	    "192.0.2.7", "40122", "198.51.100.1", "25", "TLSv1.3", "AES-1" },
	{ OCTETS(V2 "\x21\0\0\32" TLS), false, true, "", "", "", "", "TLSv1.3",
	    "AES-1" },
	{ OCTETS(V2 "\x20\0\0\32" TLS), true, true, "", "", "", "", "TLSv1.3",
	    "AES-1" },
	{ OCTETS(V2 "\x21\x12\0\17" FOUR "\4\0\0"), false, false, "", "", "",
	    "", "", "" },
};

enum { HEADERS = sizeof headers / sizeof *headers, LONGEST = 128 };

/* What the first n octets are. */
static enum proxy_status
parse(struct span octets, size_t n, struct proxy *h)
{
	char *copy = alone(span_first(octets, n));
	enum proxy_status status = proxy_parse((struct span){ copy, n }, h);

	free(copy);
	return status;
}

static bool
is_word(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	return len < size && strspn(text, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

/* Texts that obey the rules of what they are. */
static bool
is_sane(const struct proxy *h)
{
	char to[IP_SIZE], port[IP_PORT_SIZE];

	return (*h->address == '\0' ||
	    (ip_take(span_of(h->address), to) && strcmp(to, h->address) == 0 &&
	    ip_take_port(span_of(h->port), port) &&
	    strcmp(port, h->port) == 0)) &&
	    (*h->address == '\0') == (*h->local_address == '\0') &&
	    (*h->address == '\0' || !h->local) &&
	    is_word(h->tls_protocol, sizeof h->tls_protocol) &&
	    is_word(h->tls_cipher, sizeof h->tls_cipher);
}

/* SHORT up to some octet, and from it on one thing for good: READY where that
 * octet is the last one of the header, or BAD. */
static enum proxy_status
judge(struct span octets, bool *good)
{
	enum proxy_status status = PROXY_SHORT, now;
	struct proxy h;
	size_t n, len = 0;

	for (n = 0; n <= octets.len; n++) {
		now = parse(octets, n, &h);
		if (status == PROXY_SHORT && now != PROXY_SHORT) {
			status = now;
			len = n;
		}
		*good = *good && now == status && (now != PROXY_READY ||
		    (h.len == len && is_sane(&h))) &&
		    (now != PROXY_BAD || h.error != NULL);
	}
	return status;
}

static bool
header_is(const struct proxy *h, const struct header *want)
{
	return h->len == want->octets.len && h->local == want->local &&
	    h->tls == want->tls && strcmp(h->address, want->address) == 0 &&
	    strcmp(h->port, want->port) == 0 &&
	    strcmp(h->local_address, want->local_address) == 0 &&
	    strcmp(h->local_port, want->local_port) == 0;
}

static void
good_headers(void)
{
	bool good = true, cut = true;
	struct proxy h;
	size_t i, n;

	for (i = 0; i < HEADERS; i++) {
		for (n = 0; n < headers[i].octets.len; n++)
			cut = cut && parse(headers[i].octets, n, &h) ==
			    PROXY_SHORT;
		good = good && parse(headers[i].octets, n, &h) ==
		    PROXY_READY && header_is(&h, &headers[i]) &&
		    strcmp(h.tls_protocol, headers[i].protocol) == 0 &&
		    strcmp(h.tls_cipher, headers[i].cipher) == 0;
	}
	ok(good, "what good headers say");
	ok(cut, "a header that is cut at any octet is short, and nothing else");
}

/* Behind a header comes the session, or what only looks like one. */
static void
what_follows(void)
{
	char octets[2 * LONGEST];
	struct proxy h;
	bool good = true;
	size_t i, j, len;

	for (i = 0; i < HEADERS; i++)
		for (j = 0; j < HEADERS; j++) {
			len = headers[i].octets.len;
			memcpy(octets, headers[i].octets.ptr, len);
			memcpy(octets + len, headers[j].octets.ptr,
			    headers[j].octets.len);
			len += headers[j].octets.len;
			good = good && parse((struct span){ octets, len }, len,
			    &h) == PROXY_READY && header_is(&h, &headers[i]);
		}
	ok(good, "a header ends where it ends, whatever follows");
}

/* All octets of a header but one, which is each of the others. */
static void
changed_octet(void)
{
	char octets[LONGEST];
	unsigned statuses[3] = { 0, 0, 0 }, change;
	struct span changed = { octets, 0 };
	bool good = true;
	size_t i, at;

	for (i = 0; i < HEADERS; i++) {
		changed.len = headers[i].octets.len;
		memcpy(octets, headers[i].octets.ptr, changed.len);
		for (at = 0; at < changed.len; at++)
			for (change = 1; change < 256; change++) {
				octets[at] = (char)(headers[i].octets.ptr[at] ^
				    (int)change);
				statuses[judge(changed, &good)]++;
				octets[at] = headers[i].octets.ptr[at];
			}
	}
	ok(good && statuses[PROXY_READY] > 1000 &&
	    statuses[PROXY_SHORT] > 1000 && statuses[PROXY_BAD] > 1000,
	    "any octet changed: short to its end, then good or bad for ever");
}

/* Version 1 with so many octets before its CRLF, or with none. */
static enum proxy_status
long_line(size_t len, bool end, struct proxy *h)
{
	char octets[300] = "PROXY UNKNOWN ";

	memset(octets + 14, 'x', sizeof octets - 14);
	if (end)
		memcpy(octets + len, "\r\n", 2);
	return parse((struct span){ octets, sizeof octets },
	    len + 2 * end, h);
}

static void
bounds(void)
{
	static char octets[16 + 5000] = V2 "\x21\x11";
	struct span all = { octets, sizeof octets };
	bool good = true;
	struct proxy h;
	size_t len;

	for (len = 14; len < 200; len++)
		good = good && long_line(len, true, &h) == (len <= 105 ?
		    PROXY_READY : PROXY_BAD) && long_line(len, false, &h) ==
		    (len < 107 ? PROXY_SHORT : PROXY_BAD);
	ok(good, "version 1 has its CRLF within 107 octets");
	for (len = 0; len < 5000; len++) {
		octets[14] = (char)(len >> 8);
		octets[15] = (char)len;
		if (len >= 15) {
			octets[28] = 4;
			octets[29] = (char)((len - 15) >> 8);
			octets[30] = (char)(len - 15);
		}
		good = good && parse(all, 16, &h) == (len > 4096 ? PROXY_BAD :
		    len > 0 ? PROXY_SHORT : PROXY_BAD) &&
		    parse(all, 16 + len, &h) == (len == 12 || (len >= 15 &&
		    len <= 4096) ? PROXY_READY : PROXY_BAD);
	}
	ok(good, "version 2: its addresses at least, 4096 octets at most");
}

/* In a session with no header to come. */
static enum proxy_start
start_of(struct span octets, size_t n)
{
	char *copy = alone(span_first(octets, n));
	enum proxy_start start = proxy_starts((struct span){ copy, n });

	free(copy);
	return start;
}

static void
starts_of_sessions(void)
{
	static const struct {
		struct span octets;
		size_t known;		/* from so many on; 0: it is none */
	} starts[] = {
		{ OCTETS("PROXY TCP4 192.0.2.7"), 10 },
		{ OCTETS("PROXY TCP6x"), 10 },
		{ OCTETS("PROXY UNKNOWN\r\n"), 13 },
		{ OCTETS(V2 "\x21\x11"), 12 },
		{ OCTETS(V2 "xxxx"), 12 },
		{ OCTETS("PROXY TCP5 "), 0 }, { OCTETS("PROXY\r\n"), 0 },
		{ OCTETS("proxy TCP4"), 0 }, { OCTETS("EHLO c\r\n"), 0 },
		{ OCTETS("\r\n\r\n\r\nQUIT\n"), 0 },
		{ OCTETS("PROXY UNKNOWM"), 0 },
		{ OCTETS("\r\n\r\n\0\r\nQUIT\r\n"), 0 },
	};
	enum proxy_start start;
	bool good = true;
	size_t i, n;

	for (i = 0; i < sizeof starts / sizeof *starts; i++)
		for (n = 0; n <= starts[i].octets.len; n++) {
			start = start_of(starts[i].octets, n);
			good = good && (starts[i].known == 0 ?
			    start != PROXY_HEADER &&
			    (n < starts[i].octets.len || start == PROXY_NONE) :
			    start == (n < starts[i].known ? PROXY_PERHAPS :
			    PROXY_HEADER));
		}
	ok(good, "a session that begins with a header, octet by octet");
}

/* ---- XCLIENT and XFORWARD ---- */

static bool
parse_words(struct span words, bool forward, struct xclient *x)
{
	char *copy = alone(words);
	bool good = xclient_parse((struct span){ copy, words.len }, forward, x);

	free(copy);
	return good;
}

/* All that came obeys the rules of what it is. */
static bool
client_is_sane(const struct xclient *x)
{
	char to[IP_SIZE];

	return (*x->name == '\0' || ip_is_name(span_of(x->name))) &&
	    (*x->address == '\0' || ip_take(span_of(x->address), to)) &&
	    (*x->local_address == '\0' ||
	    ip_take(span_of(x->local_address), to)) &&
	    (*x->port == '\0' || ip_take_port(span_of(x->port), to)) &&
	    (*x->local_port == '\0' ||
	    ip_take_port(span_of(x->local_port), to)) &&
	    (*x->login == '\0' || sasl_is_name(span_of(x->login))) &&
	    !span_any(span_of(x->helo), is_control) &&
	    strncmp(x->helo, "() {", 4) != 0;
}

static void
attributes(void)
{
	static const char all[] = "NAME=mx.example.net ADDR=IPV6:2001:DB8::7 "
	    "PORT=40122 PROTO=esmtp HELO=a+20b LOGIN=joe+40example.org "
	    "DESTADDR=::ffff:192.0.2.1 DESTPORT=25";
	struct span words = span_of(all);
	struct xclient x;
	bool good = true;
	size_t n;

	ok(parse_words(words, false, &x) && x.given == 255 &&
	    strcmp(x.name, "mx.example.net") == 0 &&
	    strcmp(x.address, "2001:db8::7") == 0 &&
	    strcmp(x.port, "40122") == 0 && strcmp(x.proto, "ESMTP") == 0 &&
	    strcmp(x.helo, "a b") == 0 &&
	    strcmp(x.login, "joe@example.org") == 0 &&
	    strcmp(x.local_address, "192.0.2.1") == 0 &&
	    strcmp(x.local_port, "25") == 0, "all attributes");
	for (n = 0; n <= words.len; n++)
		good = good && (!parse_words(span_first(words, n), false,
		    &x) || client_is_sane(&x));
	ok(good && !parse_words(words, true, &x),
	    "cut at any octet nothing is read past its end");
	ok(parse_words(span_of("IDENT=x SOURCE=LOCAL NAME=[UNAVAILABLE] "
	    "HELO=x HELO=[tempunavail]"), true, &x) &&
	    x.given == (XCLIENT_NAME | XCLIENT_HELO) && *x.name == '\0' &&
	    *x.helo == '\0', "XFORWARD's own are passed over");
}

/* Does an attribute take this octet, as it is and in xtext? */
static bool
takes(const char *attribute, unsigned octet, bool coded)
{
	static const char digits[] = "0123456789ABCDEF";
	char space[64];
	struct text t = text_in(space, sizeof space);
	struct xclient x;
	bool taken;

	text_string(&t, attribute);
	text_string(&t, "=x");
	text_char(&t, coded ? '+' : (char)octet);
	if (coded) {
		text_char(&t, digits[octet >> 4]);
		text_char(&t, digits[octet & 15]);
	}
	text_char(&t, 'x');
	taken = parse_words(text_span_of(&t), false, &x);
	return taken && client_is_sane(&x);
}

static void
octets_of_values(void)
{
	bool name = true, helo = true, login = true, is_name;
	unsigned i;

	for (i = 0; i < 256; i++) {
		is_name = ip_is_name((struct span){ &(char){ (char)i }, 1 });
		name = name && takes("NAME", i, true) == is_name &&
		    takes("NAME", i, false) == (is_name && i != '+');
		helo = helo && takes("HELO", i, true) == (i >= ' ' && i != 127)
		    && takes("HELO", i, false) == (i > ' ' && i != 127 &&
		    i != '+');
		login = login && takes("LOGIN", i, true) == (i >= ' ' &&
		    i < 127) && takes("LOGIN", i, false) == (i > ' ' &&
		    i < 127 && i != '+');
	}
	ok(name, "NAME takes what a name is made of, coded or not");
	ok(helo, "HELO takes all but controls");
	ok(login, "LOGIN takes UTF-8 without controls");
}

/* Values of each length, in memory of their own size. */
static void
lengths_of_values(void)
{
	static const struct {
		const char *attribute;
		char octet;
		size_t max;		/* octets that are a value */
	} rows[] = {
		{ "NAME=", 'x', 255 }, { "LOGIN=", 'x', 255 },
		{ "HELO=", 'x', 1024 }, { "ADDR=", '1', 0 },
		{ "DESTADDR=", ':', 2 }, { "PORT=", '0', 1024 },
		{ "DESTPORT=", '9', 4 }, { "PROTO=", 'S', 0 },
		{ "ADDR=unix:", '/', 1019 },
	};
	static char words[1200];
	struct xclient x;
	bool good = true;
	size_t i, n, start;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		start = strlen(rows[i].attribute);
		memcpy(words, rows[i].attribute, start);
		memset(words + start, rows[i].octet, sizeof words - start);
		for (n = rows[i].max == 1019 ? 0 : 1; n < 1100; n++)
			good = good && parse_words((struct span){ words,
			    start + n }, false, &x) == (n <= rows[i].max &&
			    (rows[i].octet != ':' || n == 2)) &&
			    strlen(x.helo) <= 255;
	}
	ok(good, "values of any length");
}

/* ---- in the core ---- */

static void
open_core(bool may)
{
	s.config.xclient = true;
	s.config.may_rename = may;
	session_open(&s);
	s.record.may_rename = true;
}

/* What each gets in each state. */
static void
states(void)
{
	static const char *const to[] = { NULL, "EHLO c", "MAIL FROM:<a@b>",
	    "RCPT TO:<c@d>" };
	static const char *const want[] = { "220 mx", "220 mx", "503 5.5.1",
	    "503 5.5.1" }, *const want_forward[] = { "250 2.0.0", "250 2.0.0",
	    "503 5.5.1", "503 5.5.1" };
	bool good = true, refused = true;
	size_t i, j;

	for (i = 0; i < 8; i++) {
		open_core(i < 4);
		for (j = 1; j <= i % 4; j++)
			say(&s, to[j]);
		refused = refused && (i < 4 || i > 5 ||
		    (starts(say(&s, "XCLIENT NAME=x"), "550 5.7.0") &&
		    starts(say(&s, "XFORWARD NAME=x"), "550 5.7.0")));
		good = good && (i >= 4 ||
		    (starts(say(&s, "XFORWARD NAME=x"), want_forward[i]) &&
		    starts(say(&s, "XCLIENT NAME=x"), want[i]) &&
		    s.record.renamed == (i < 2) &&
		    s.record.forwarded == (i < 2) &&
		    s.record.ended == (i < 2)));
		refused = refused && (i < 4 || s.record.renamed +
		    s.record.forwarded == 0);
	}
	ok(good, "before and after a hello, not in a transaction");
	ok(refused, "from anybody else 550, and nobody is told");
}

/* Each line; a message where one is asked for. */
static void
play(const char *const lines[])
{
	size_t i;

	for (i = 0; lines[i] != NULL; i++) {
		say(&s, lines[i]);
		if (s.protocol.wants == PROTOCOL_CONTENT)
			feed(&s, "x\r\n.\r\n", 6);
		while (s.protocol.wants == PROTOCOL_REPLY)
			protocol_next(&s.protocol);
	}
}

#define FORWARD "XFORWARD NAME=x"
#define MAIL "MAIL FROM:<a@b>"
#define RCPT "RCPT TO:<c@d>"

/* XFORWARD, and what ends it. */
static void
ends_of_forwarding(void)
{
	static const struct {
		const char *lines[8];
		unsigned forwarded, ended;
	} rows[] = {
		{ { FORWARD }, 1, 0 },
		{ { FORWARD, FORWARD, FORWARD }, 3, 0 },
		{ { "EHLO c", "RSET", "EHLO c", MAIL, "RSET" }, 0, 0 },
		{ { FORWARD, "EHLO c", "EHLO c", "RSET" }, 1, 1 },
		{ { FORWARD, "RSET", "RSET" }, 1, 1 },
		{ { "EHLO c", FORWARD, MAIL, RCPT, "DATA", "NOOP" }, 1, 1 },
		{ { "EHLO c", FORWARD, MAIL, RCPT, "BDAT 6 LAST" }, 1, 1 },
		{ { "EHLO c", FORWARD, MAIL, RCPT, "BDAT 6" }, 1, 0 },
		{ { "EHLO c", FORWARD, MAIL, RCPT, "BDAT 6", "BDAT 0 LAST" },
		    1, 1 },
		{ { "EHLO c", FORWARD, MAIL, "BDAT 0 LAST" }, 1, 1 },
		{ { "EHLO c", FORWARD, "BDAT 0 LAST", "BDAT 6", "DATA" }, 1,
		    0 },
		{ { "EHLO c", FORWARD, "MAIL FROM:<-a@b>", "MAIL x" }, 1, 0 },
		{ { "EHLO c", FORWARD, MAIL, "DATA", RCPT, "QUIT" }, 1, 0 },
		{ { FORWARD, "XCLIENT NAME=y", "RSET" }, 1, 1 },
		{ { FORWARD, "XCLIENT PORT=y", "XFORWARD PORT=y" }, 1, 0 },
		{ { "EHLO c", FORWARD, MAIL, "RSET", FORWARD, "RSET" }, 2, 2 },
	};
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		open_core(true);
		play(rows[i].lines);
		good = good && s.record.forwarded == rows[i].forwarded &&
		    s.record.ended == rows[i].ended;
		if (!good)
			printf("# row %zu: %u, %u\n", i, s.record.forwarded,
			    s.record.ended);
	}
	ok(good, "XFORWARD ends with its transaction, RSET, a hello, XCLIENT");
	s.config.lmtp = true;
	open_core(true);
	play((const char *const[]){ "LHLO c", FORWARD, "BDAT 0 LAST", NULL });
	good = s.record.ended == 0;
	play((const char *const[]){ MAIL, "BDAT 0 LAST", NULL });
	ok(good && s.record.ended == 1,
	    "a BDAT LAST that has no reply ends its transaction alone");
	s.config.lmtp = false;
}

/* TLS: the session is as after the greeting, the right stays. */
static void
tls(void)
{
	static const char *const name[] = { "XCLIENT LOGIN=joe", FORWARD,
	    NULL };
	bool good;

	s.config.starttls = true;
	open_core(true);
	play(name);
	good = s.protocol.authenticated && s.record.renamed == 1;
	say(&s, "STARTTLS");
	protocol_start_tls(&s.protocol, TLS_READY);
	protocol_tls_is_up(&s.protocol);
	good = good && !s.protocol.authenticated && s.record.ended == 1 &&
	    starts(say(&s, "XCLIENT NAME=x"), "220 mx") && s.protocol.tls;
	s.record.may_rename = false;
	say(&s, "XCLIENT LOGIN=ann");
	ok(good && s.protocol.tls && s.protocol.authenticated &&
	    starts(say(&s, "XCLIENT NAME=x"), "550 5.7.0") &&
	    starts(say(&s, "MAIL FROM:<a@b>"), "503 5.5.1"),
	    "STARTTLS and XCLIENT, one behind the other");
	s.config.starttls = false;
}

int
main(void)
{
	alarm(120);
	addresses();
	ports();
	networks();
	names();
	good_headers();
	what_follows();
	changed_octet();
	bounds();
	starts_of_sessions();
	attributes();
	octets_of_values();
	lengths_of_values();
	states();
	ends_of_forwarding();
	tls();
	return tap_end();
}

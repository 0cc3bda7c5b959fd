/*
 * The decoder, against a plain one that sees the whole message at once: every
 * content of CR, LF, dot and x up to 8 octets, in pieces of every size; and
 * mixes of them that are long enough for its blocks.
 */
#include "tap.h"

#include "lib/content.h"

enum { LONGEST = 8, SPLIT_LONGEST = 6, BDAT_LONGEST = 7, MIX_LONGEST = 4096 };

static struct session s;
static size_t most = LONGEST;		/* octets of such a content */

/* What a message is to become. */
struct expected {
	size_t consumed;		/* octets of the wire */
	bool bare;			/* a CR or LF that is not of a CRLF */
	unsigned long long size;	/* as on the wire */
	size_t len;
	char octets[MIX_LONGEST];
};

static bool
crlf_at(const char *w, size_t i, size_t len)
{
	return i + 1 < len && w[i] == '\r' && w[i + 1] == '\n';
}

/* Where the end of data begins: its dot; len where there is none. */
static size_t
find_end(const char *w, size_t len)
{
	size_t i;

	for (i = 0; i + 2 < len; i++)
		if (w[i] == '.' && crlf_at(w, i + 1, len) &&
		    (i == 0 || (i >= 2 && crlf_at(w, i - 2, len))))
			return i;
	return len;
}

static void
expect_line_ends(struct expected *e, const char *w, size_t len, bool dots)
{
	const char *newline = s.config.crlf ? "\r\n" : "\n";
	bool start = dots;
	size_t i = 0, n;

	*e = (struct expected){ .size = len };
	while (i < len) {
		if (start && w[i] == '.') {
			e->size--;
			i++;
			start = false;
			continue;
		}
		start = false;
		n = crlf_at(w, i, len) ? 2 : 1;
		if (n == 2 || w[i] == '\n') {
			memcpy(e->octets + e->len, newline, strlen(newline));
			e->len += strlen(newline);
			start = dots && n == 2;
		} else
			e->octets[e->len++] = w[i];
		e->bare = e->bare || (n == 1 && (w[i] == '\n' || w[i] == '\r'));
		i += n;
	}
}

static void
expect(struct expected *e, const char *w, size_t len)
{
	size_t end = find_end(w, len);

	expect_line_ends(e, w, end, true);
	e->consumed = end + 3;
}

static bool
came_out(const struct expected *e)
{
	const struct record *r = &s.record;
	bool refused = s.config.reject_bare_newlines && e->bare;
	bool large = s.config.max_size > 0 && e->size > s.config.max_size;
	struct span reply = protocol_next(&s.protocol);

	if (large && !refused)
		return starts(reply, "552 5.3.4 ") && r->commits == 0 &&
		    r->discards == 1 && !r->begun;
	if (refused)
		return (starts(reply, "550 5.5.2 ") || large) &&
		    r->commits == 0 && r->discards == 1 && !r->begun;
	return starts(reply, "250 2.0.0 ") && r->commits == 1 &&
	    r->discards == 0 && r->size == e->len &&
	    memcmp(r->content, e->octets, e->len) == 0;
}

static void
begin_message(void)
{
	say(&s, "MAIL FROM:<a@b>");
	say(&s, "RCPT TO:<c@d>");
}

/* In pieces of one size, the first of which may be another. */
static bool
data(const char *w, size_t len, size_t first, size_t piece)
{
	struct expected e;
	size_t at = 0, n = first, used;

	expect(&e, w, len);
	begin_message();
	if (!starts(say(&s, "DATA"), "354"))
		return false;
	while (s.protocol.wants == PROTOCOL_CONTENT && at < len) {
		if (n > len - at)
			n = len - at;
		used = feed(&s, w + at, n);
		if (used != n && s.protocol.wants == PROTOCOL_CONTENT)
			return false;
		at += used;
		n = piece;
	}
	return s.protocol.wants == PROTOCOL_REPLY && at == e.consumed &&
	    came_out(&e);
}

static bool
every_piece(const char *w, size_t len, size_t content)
{
	size_t n;

	for (n = 1; n <= len; n++)
		if (!data(w, len, n, n))
			return false;
	for (n = 1; content <= SPLIT_LONGEST && n < len; n++)
		if (!data(w, len, n, len))
			return false;
	return true;
}

/* Two chunks; literal, but for line ends. */
static bool
bdat(const char *w, size_t len, size_t first)
{
	bool binary = s.config.crlf && first % 2 == 1;
	struct expected e;
	char line[64];

	expect_line_ends(&e, w, len, false);
	if (binary) {
		e.bare = false;
		e.len = len;
		memcpy(e.octets, w, len);
	}
	say(&s, binary ? "MAIL FROM:<a@b> BODY=BINARYMIME" : "MAIL FROM:<a@b>");
	say(&s, "RCPT TO:<c@d>");
	snprintf(line, sizeof line, "BDAT %zu", first);
	say(&s, line);
	if (first > 0)
		feed(&s, w, first);
	if (s.protocol.wants != PROTOCOL_REPLY)
		return false;
	protocol_next(&s.protocol);
	snprintf(line, sizeof line, "BDAT %zu LAST", len - first);
	say(&s, line);
	if (len > first && feed(&s, w + first, len - first) != len - first)
		return false;
	return s.protocol.wants == PROTOCOL_REPLY && came_out(&e);
}

static bool
every_split(const char *w, size_t len, size_t content)
{
	size_t n;

	(void)content;
	for (n = 0; n <= len; n++)
		if (!bdat(w, len, n))
			return false;
	return true;
}

/* Every content up to longest octets, with a tail behind it. */
static bool
exhaust(size_t longest, const char *tail,
    bool (*test)(const char *, size_t, size_t))
{
	static const char alphabet[] = "\r\n.x";
	size_t len, n, i, tail_len = strlen(tail);
	char w[LONGEST + 16];

	for (len = 0; len <= longest && len <= most; len++)
		for (n = 0; n < (size_t)1 << (2 * len); n++) {
			for (i = 0; i < len; i++)
				w[i] = alphabet[n >> (2 * i) & 3];
			memcpy(w + len, tail, tail_len);
			if (!test(w, len + tail_len, len)) {
				printf("# length %zu, number %zu\n", len, n);
				return false;
			}
		}
	return true;
}

static void
mode(bool crlf, bool reject, unsigned long long max_size)
{
	s.config = (struct protocol_config){ .crlf = crlf,
	    .reject_bare_newlines = reject, .max_size = max_size };
	session_open(&s);
	say(&s, "EHLO c");
}

static void
exhaustive(void)
{
	static const char end[] = "\r\n.\r\nQUIT";

	mode(false, false, 0);
	ok(exhaust(LONGEST, end, every_piece), "DATA, every content, to LF");
	mode(true, false, 0);
	ok(exhaust(LONGEST, end, every_piece), "DATA, every content, to CRLF");
	mode(false, true, 0);
	ok(exhaust(LONGEST, end, every_piece),
	    "DATA, every content, bare newlines refused");
	mode(false, false, 6);
	ok(exhaust(LONGEST - 1, end, every_piece),
	    "DATA, every content, at most 6 octets");
	mode(false, false, 0);
	ok(exhaust(BDAT_LONGEST, "", every_split), "BDAT, every two chunks");
	mode(true, false, 0);
	ok(exhaust(BDAT_LONGEST, "", every_split),
	    "BDAT to CRLF, and BINARYMIME unchanged");
	mode(false, true, 0);
	ok(exhaust(BDAT_LONGEST, "", every_split),
	    "BDAT, bare newlines refused");
}

static size_t
any(size_t below)
{
	static unsigned long long state = 1;

	state = state * 6364136223846793005 + 1442695040888963407;
	return (size_t)(state >> 33) % below;
}

/* Lines that leave the decoder room to copy to, then anything; every other one
 * without what is bare. */
static size_t
mix(char *w, const char *lines)
{
	static const char *const parts[] = { "\r\n", "\r\n", "\r\n..",
	    "\r\n.x", "\r\n\r\n", "x", "x", ".", "0123456789",
	    "x123456789abcdef0123456789", "\r\n.\r\n", "\r", "\n", "\r\n.\r" };
	size_t kinds = sizeof parts / sizeof parts[0], n = any(400), at = 0;

	if (any(2) == 0)
		kinds -= 4;
	while (n-- > 0 && at < MIX_LONGEST - 64)
		at += (size_t)sprintf(w + at, "%s",
		    at < 350 ? lines : parts[any(kinds)]);
	return at;
}

static bool
mixes(const char *lines)
{
	static const char end[] = "\r\n.\r\nQUIT";
	char w[MIX_LONGEST];
	size_t len, all, i;

	for (i = 0; i < 1500; i++) {
		len = mix(w, lines);
		s.config.max_size = any(4) == 0 ? any(len + 2) : 0;
		if (!bdat(w, len, any(len + 1)))
			break;
		memcpy(w + len, end, sizeof end - 1);
		all = len + sizeof end - 1;
		if (!data(w, all, all, all) ||
		    !data(w, all, any(all) + 1, any(200) + 1) ||
		    !data(w, all, any(200) + 1, all))
			break;
	}
	if (i < 1500)
		printf("# %.*s\n", (int)len, w);
	return i == 1500;
}

static void
blocks(void)
{
	static const char *const lines[] = { "x\r\n", "..\r\n", "\r\n",
	    "0123456789abcdef\r\n" };
	unsigned i, k;
	bool good = true;

	for (i = 0; i < 4; i++) {
		mode(i & 1, i & 2, 0);
		for (k = 0; k < sizeof lines / sizeof lines[0]; k++)
			good = good && mixes(lines[k]);
	}
	ok(good, "mixes of lines, as blocks and by steps");
}

/* A message of n lines, in pieces; does the reply begin so? */
static bool
received(const char *line, unsigned n, const char *rest, size_t piece,
    const char *reply)
{
	static char w[64 * 1024];
	size_t len = 0, at, used;
	bool same;

	while (n-- > 0)
		len += (size_t)sprintf(w + len, "%s\r\n", line);
	len += (size_t)sprintf(w + len, "%s\r\n.\r\n", rest);
	begin_message();
	say(&s, "DATA");
	for (at = 0; s.protocol.wants == PROTOCOL_CONTENT; at += used)
		used = feed(&s, w + at, piece < len - at ? piece : len - at);
	same = at == len && starts(protocol_next(&s.protocol), reply);
	if (!same)
		printf("# %s, in pieces of %zu\n", rest, piece);
	return same;
}

static void
loops(bool crlf)
{
	size_t piece;
	bool good = true;

	mode(crlf, false, 0);
	for (piece = 1; piece < 40; piece++)
		good = good &&
		    received("Received: x", 100, "", piece, "250") &&
		    received("Received: x", 101, "", piece, "554 5.4.6") &&
		    received("rEcEiVeD \t:", 101, "", piece, "554 5.4.6") &&
		    received("Received: x\r\n received: y", 100, "", piece,
		    "250") &&
		    received("Receiver: x", 101, "", piece, "250") &&
		    received("Received x:", 101, "", piece, "250") &&
		    received("xReceived:", 101, "", piece, "250") &&
		    received("Received:", 100, "\r\nReceived:", piece, "250") &&
		    received("Received:", 100, "\nReceived:", piece, "250") &&
		    received("Received:", 100, "x\nReceived:", piece,
		    "554 5.4.6") &&
		    received("Received:", 100, "\r\r\nReceived:", piece,
		    "554 5.4.6");
	ok(good, crlf ? "Received fields are counted, to CRLF" :
	    "Received fields are counted in the header, and only there");
}

/* Two faults: the one whose octets came first, whatever the pieces. */
static void
first_fault(void)
{
	static const char line[] = "Received: x\r\n";
	char rest[3000];
	size_t piece, head = 100 * (sizeof line - 1), colon = strcspn(line, ":");
	bool good = true;

	memset(rest, 'x', sizeof rest - 1);
	rest[sizeof rest - 1] = '\0';

	mode(false, true, 0);
	for (piece = 1; piece < 2000; piece = piece * 3 / 2 + 1)
		good = good &&
		    received("Received: x", 101, "\r\nbare\nx", piece,
		    "554 5.4.6") &&
		    received("Received: x\n", 101, "", piece, "550 5.5.2");
	for (piece = 1; piece < 5000; piece = piece * 3 / 2 + 1) {
		mode(false, false, head + colon);
		good = good &&
		    received("Received: x", 101, rest, piece, "552 5.3.4");
		mode(false, false, head + colon + 1);
		good = good &&
		    received("Received: x", 101, rest, piece, "554 5.4.6");
	}
	ok(good, "the first fault is the one that came first");
}

/* The other modes, which differ in what the first ones have in common. */
static void
mixed_modes(void)
{
	static const char end[] = "\r\n.\r\nQUIT";
	unsigned long long max;
	bool good = true;

	mode(true, true, 0);
	ok(exhaust(LONGEST - 2, end, every_piece) &&
	    exhaust(LONGEST - 2, "", every_split),
	    "bare newlines refused, to CRLF");
	for (max = 1; max < 10; max++) {
		mode(max % 2 == 0, false, max);
		good = good && exhaust(LONGEST - 3, end, every_piece) &&
		    exhaust(LONGEST - 3, "", every_split);
	}
	ok(good, "every limit, DATA and BDAT");
}

/* NUL and 8-bit octets beside each special one, in pieces of every size. */
static void
odd_octets(void)
{
	static const char w[] = "\0\r\n\0.\r\n\377..\0\r\0\n\200\n.\0\r\n."
	    "\0\r\n\r\0\n.\r\n";
	static const char want[] = "\0\n\0.\n\377..\0\r\0\n\200\n.\0\n"
	    "\0\n\r\0\n.\n\n";
	size_t piece, at, used;
	bool good = true;

	mode(false, false, 0);
	for (piece = 1; piece <= sizeof w && good; piece++) {
		begin_message();
		say(&s, "DATA");
		for (at = 0; at < sizeof w - 1 &&
		    s.protocol.wants == PROTOCOL_CONTENT; at += used)
			used = feed(&s, w + at, piece < sizeof w - 1 - at ?
			    piece : sizeof w - 1 - at);
		good = good && s.protocol.wants == PROTOCOL_CONTENT;
		feed(&s, "\r\n.\r\n", 5);
		good = good && s.protocol.wants == PROTOCOL_REPLY &&
		    starts(protocol_next(&s.protocol), "250") &&
		    s.record.size == sizeof want - 1 &&
		    memcmp(s.record.content, want, sizeof want - 1) == 0;
	}
	ok(good, "NUL and 8-bit octets pass, and end nothing");
}

/* One chunk after another; in pieces within the chunk. */
static bool
chunks(const char *octets, size_t len, size_t size, size_t piece,
    const char *want)
{
	size_t at = 0, end, used;
	char line[64];
	bool good = true;

	begin_message();
	while (good && at < len) {
		end = len - at < size ? len : at + size;
		snprintf(line, sizeof line, "BDAT %zu%s", end - at,
		    end == len ? " LAST" : "");
		say(&s, line);
		while (at < end && s.protocol.wants == PROTOCOL_CONTENT) {
			used = end - at < piece ? end - at : piece;
			at += feed(&s, octets + at, used);
		}
		good = at == end && s.protocol.wants == PROTOCOL_REPLY;
		if (good && at < len)
			protocol_next(&s.protocol);
	}
	return good && starts(protocol_next(&s.protocol), want);
}

static void
chunk_borders(void)
{
	static char many[101 * 13];
	size_t i, size;
	bool good = true;

	for (i = 0; i < 101; i++)
		memcpy(many + i * 13, "Received: x\r\n", 13);
	mode(false, false, 0);
	for (size = 1; size < 40 && good; size++)
		good = good && chunks(many, 100 * 13, size, 7, "250") &&
		    s.record.size == 100 * 12 &&
		    chunks(many, 101 * 13, size, 3, "554 5.4.6");
	ok(good, "Received fields are counted over the borders of chunks");
	for (size = 1; size < 12 && good; size++)
		good = good && chunks("x\r\n.\r\nQUIT", 10, size, 2, "250") &&
		    s.record.size == 8 &&
		    memcmp(s.record.content, "x\n.\nQUIT", 8) == 0;
	ok(good, "no dot ends a chunk");
}

static void
long_line(void)
{
	enum { SIZE = 1024 * 1024 };
	char *w = malloc(SIZE + 8);
	size_t i, at, n;

	assert(w != NULL);
	for (i = 0; i < SIZE; i++)
		w[i] = i % 256 == '\r' || i % 256 == '\n' ? 'x' : (char)i;
	memcpy(w + SIZE, "\r\n.\r\n", 5);
	mode(false, false, SIZE + 2);
	begin_message();
	say(&s, "DATA");
	for (at = 0; at < SIZE + 5; at += n)
		n = feed(&s, w + at, SIZE + 5 - at < 4099 ? SIZE + 5 - at :
		    4099);
	w[SIZE] = '\n';
	ok(starts(protocol_next(&s.protocol), "250") &&
	    s.record.size == SIZE + 1 &&
	    memcmp(s.record.content, w, SIZE + 1) == 0,
	    "a line of 1 MiB, of every octet but CR and LF");
	free(w);
}

static bool
take_none(void *context, struct span octets)
{
	(void)octets;
	++*(unsigned *)context;
	return false;
}

static void
not_taken(void)
{
	unsigned asked = 0;
	struct content_rules rules = { .form = CONTENT_DATA,
	    .take = take_none, .context = &asked };
	char w[] = "x\r\ny\r\n.\r\n";
	struct content c;
	size_t i;

	content_begin(&c, &rules);
	for (i = 0; i < sizeof w - 1; i++)
		content_decode(&c, w + i, 1);
	ok(asked == 1 && c.fault == CONTENT_NOT_TAKEN && content_is_whole(&c),
	    "who does not take a piece gets no other, and the end is found");
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		most = (size_t)atoi(argv[1]);
	alarm(600);
	exhaustive();
	blocks();
	loops(false);
	loops(true);
	first_fault();
	mixed_modes();
	odd_octets();
	chunk_borders();
	long_line();
	not_taken();
	return tap_end();
}

/*
 * AUTH and what stands behind it: RFC 4954, 4616; TLS where it changes that.
 * The dialogue's lines and what they stand for, where it may be said, what
 * counts, what is told, and that nothing of it stays.
 */
#include "tap.h"

static struct session s;

/* Octets, with NULs among them. */
struct octets {
	const char *ptr;
	size_t len;
};

#define OCTETS(x) { x, sizeof (x) - 1 }

enum { MANY = 8192 };

/* ---- base64, as others write it ---- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "abcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t
encode(const char *from, size_t len, char *to)
{
	unsigned long group;
	size_t i, n = 0, left;

	for (i = 0; i < len; i += 3) {
		left = len - i;
		group = (unsigned long)(unsigned char)from[i] << 16;
		if (left > 1)
			group |= (unsigned long)(unsigned char)from[i + 1] << 8;
		if (left > 2)
			group |= (unsigned char)from[i + 2];
		to[n++] = digits[group >> 18];
		to[n++] = digits[group >> 12 & 63];
		to[n++] = left > 1 ? digits[group >> 6 & 63] : '=';
		to[n++] = left > 2 ? digits[group & 63] : '=';
	}
	to[n] = '\0';
	return n;
}

/* Decodes a copy of its own size into a space of its own size; -1: refused. */
static int
decoded(const char *from, size_t len, char *to, size_t size)
{
	char *copy = malloc(len + 1), *space = malloc(size + 1);
	struct text t = { space + 1, 0, size };
	bool good;

	assert(copy != NULL && space != NULL);
	memcpy(copy + 1, from, len);
	good = sasl_decode((struct span){ copy + 1, len }, &t);
	assert(t.len <= size);
	memcpy(to, t.ptr, t.len);
	free(copy);
	free(space);
	return good ? (int)t.len : -1;
}

static bool
there_and_back(void)
{
	char octets[300], wire[MANY], back[MANY];
	size_t len, i;

	for (len = 0; len < sizeof octets; len++) {
		for (i = 0; i < len; i++)
			octets[i] = (char)(len * 7 + i * 89);
		if (decoded(wire, encode(octets, len, wire), back, 304) !=
		    (int)len || memcmp(octets, back, len) != 0)
			return false;
	}
	return true;
}

static bool
is_digit_of_it(char c)
{
	return c != '\0' && strchr(digits, c) != NULL;
}

/* Is it base64, and of how many octets?  RFC 4648, 4, rule by rule. */
static int
length_of(const char *x, size_t len)
{
	size_t i, end = len;

	if (len % 4 != 0)
		return -1;
	if (end > 0 && x[end - 1] == '=')
		end--;
	if (end > 0 && end == len - 1 && x[end - 1] == '=')
		end--;
	for (i = 0; i < end; i++)
		if (!is_digit_of_it(x[i]))
			return -1;
	return (int)(len / 4 * 3 - (len - end));
}

/* All words of up to eight octets out of five, of which two are digits. */
static bool
short_words(void)
{
	static const char alphabet[] = { 'A', '/', '=', '*', '\0' };
	char word[8], out[8];
	unsigned long n, rest, all = 1;
	size_t len, i;

	for (len = 0; len <= 8; len++, all *= 5)
		for (n = 0; n < all; n++) {
			for (rest = n, i = 0; i < len; i++, rest /= 5)
				word[i] = alphabet[rest % 5];
			if (decoded(word, len, out, 6) != length_of(word, len))
				return false;
		}
	return true;
}

/* Every octet at each place of a group. */
static bool
all_octets(void)
{
	char word[4], out[3];
	int octet;
	size_t at;

	for (octet = 0; octet < 256; octet++)
		for (at = 0; at < 4; at++) {
			memcpy(word, "AAAA", 4);
			word[at] = (char)octet;
			if (decoded(word, 4, out, 3) != length_of(word, 4))
				return false;
		}
	return true;
}

static void
base64(void)
{
	char out[8];

	ok(there_and_back(), "base64: what others write is read");
	ok(short_words(),
	    "every word of eight octets at most out of A/=* and NUL");
	ok(all_octets(), "every octet at every place of a group");
	ok(decoded("AAAAAAAA", 8, out, 6) == 6 &&
	    decoded("AAAAAAAA", 8, out, 5) == -1, "no more than fits");
}

/* ---- a session ---- */

enum { START, READY, SENDER, RECIPIENT, CHUNK, STATES };

static void
enter(int state)
{
	session_open(&s);
	if (state >= READY)
		say(&s, s.config.lmtp ? "LHLO c" : "EHLO c");
	if (state >= SENDER)
		say(&s, "MAIL FROM:<a@b>");
	if (state >= RECIPIENT)
		say(&s, "RCPT TO:<c@d>");
	if (state >= CHUNK) {
		say(&s, "BDAT 1");
		feed(&s, "x", 1);
		protocol_next(&s.protocol);
	}
}

/* Nothing is left of a name or a password, but in a dialogue. */
static bool
is_clean(void)
{
	const struct sasl *sasl = &s.protocol.sasl;
	size_t i;

	for (i = 0; i < sizeof sasl->text; i++)
		if (sasl->text[i] != 0 || sasl->name_text[i] != 0)
			return false;
	return sasl->name.len == 0 && sasl->password.len == 0;
}

/* Octets as a line, after a word; the reply. */
static struct span
say_octets(const char *word, const char *octets, size_t len)
{
	char line[MANY];

	assert(strlen(word) + len < sizeof line);
	snprintf(line, sizeof line, "%s", word);
	memcpy(line + strlen(word), octets, len);
	line[strlen(word) + len] = '\0';
	return say(&s, line);
}

static struct span
say_encoded(const char *word, const char *octets, size_t len)
{
	char wire[MANY];

	return say_octets(word, wire, encode(octets, len, wire));
}

static bool
got(struct span reply, const char *want)
{
	if (starts(reply, want))
		return true;
	printf("# %.*s# not %s\n", (int)reply.len, reply.ptr, want);
	return false;
}

/* Another command is one, and this one is over. */
static bool
goes_on(void)
{
	return got(say(&s, "NOOP"), "250 2.0.0") && is_clean();
}

/* ---- what PLAIN and LOGIN stand for ---- */

static char longest[255 + 1], too_long[256 + 1];

/* What a client proves, as PLAIN has it, and whom the handler is asked about;
 * NULL: nobody. */
static const struct plain {
	struct octets message;
	const char *reply, *proof;
} plains[] = {
	{ OCTETS("\0joe\0secret"), "235 2.7.0", "PLAIN joe secret" },
	{ OCTETS("joe\0joe\0secret"), "235 2.7.0", "PLAIN joe secret" },
	{ OCTETS("\0joe@example.org\0 a b "), "235",
	    "PLAIN joe@example.org  a b " },
	{ OCTETS("\0j o e\0\001\n\377"), "235", "PLAIN j o e \001\n\377" },
	{ OCTETS("\0J\303\266\0\303"), "235", "PLAIN J\303\266 \303" },
	{ OCTETS("\0a-\0-"), "235", "PLAIN a- -" },
	{ OCTETS("\0()\0() {"), "235", "PLAIN () () {" },
	{ OCTETS("\0*\0="), "235", "PLAIN * =" },
	{ OCTETS("ann\0joe\0secret"), "535 5.7.8", NULL },
	{ OCTETS("Joe\0joe\0secret"), "535 5.7.8", NULL },
	{ OCTETS("jo\0joe\0secret"), "535 5.7.8", NULL },
	{ OCTETS("joex\0joe\0secret"), "535 5.7.8", NULL },
	{ OCTETS("\377\001\0joe\0secret"), "535 5.7.8", NULL },
	{ OCTETS(""), "501 5.5.2", NULL },
	{ OCTETS("joe"), "501 5.5.2", NULL },
	{ OCTETS("\0"), "501 5.5.2", NULL },
	{ OCTETS("\0joe"), "501 5.5.2", NULL },
	{ OCTETS("joe\0secret"), "501 5.5.2", NULL },
	{ OCTETS("\0\0"), "501 5.5.2", NULL },
	{ OCTETS("\0\0\0"), "501 5.5.2", NULL },
	{ OCTETS("\0joe\0"), "501 5.5.2", NULL },
	{ OCTETS("\0\0secret"), "501 5.5.2", NULL },
	{ OCTETS("joe\0\0secret"), "501 5.5.2", NULL },
	{ OCTETS("\0joe\0secret\0"), "501 5.5.2", NULL },
	{ OCTETS("\0joe\0se\0cret"), "501 5.5.2", NULL },
	{ OCTETS("\0joe\0\0secret"), "501 5.5.2", NULL },
	{ OCTETS("joe\0joe\0secret\0x"), "501 5.5.2", NULL },
	{ OCTETS("ann\0joe\0se\0cret"), "501 5.5.2", NULL },
	{ OCTETS("\0-joe\0secret"), "501 5.5.2", NULL },
	{ OCTETS("\0-\0secret"), "501 5.5.2", NULL },
	{ OCTETS("\0() {\0secret"), "501 5.5.2", NULL },
	{ OCTETS("\0() { :; }; x\0secret"), "501 5.5.2", NULL },
	{ OCTETS("\0jo\ne\0secret"), "501 5.5.2", NULL },
	{ OCTETS("\0joe\r\0secret"), "501 5.5.2", NULL },
	{ OCTETS("\0jo\te\0secret"), "501 5.5.2", NULL },
	{ OCTETS("\0joe\177\0secret"), "501 5.5.2", NULL },
	{ OCTETS("\0J\366\0secret"), "501 5.5.2", NULL },
	{ OCTETS("\0J\303\0secret"), "501 5.5.2", NULL },
	{ OCTETS("\0\300\257\0secret"), "501 5.5.2", NULL },
	{ OCTETS("\0\355\240\200\0secret"), "501 5.5.2", NULL },
};

/* Was the handler asked about this proof, once; NULL: not at all. */
static bool
asked(const char *proof)
{
	if (s.record.proofs == (proof != NULL) &&
	    (proof == NULL || strcmp(s.record.proof, proof) == 0))
		return true;
	printf("# asked %u times, last %s\n", s.record.proofs, s.record.proof);
	return false;
}

static bool
try_plain(const char *octets, size_t len, const char *reply, const char *proof)
{
	bool good;

	enter(READY);
	/* an empty one is "=" there, and an empty line in the dialogue */
	good = got(len > 0 ? say_encoded("AUTH PLAIN ", octets, len) :
	    say(&s, "AUTH PLAIN ="), reply) && asked(proof) && goes_on();
	enter(READY);
	good = good && got(say(&s, "AUTH PLAIN"), "334 \r\n") &&
	    got(say_encoded("", octets, len), reply) && asked(proof) &&
	    goes_on();
	return good;
}

static void
plain(void)
{
	const struct plain *p;
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof plains / sizeof *plains; i++) {
		p = &plains[i];
		if (try_plain(p->message.ptr, p->message.len, p->reply,
		    p->proof))
			continue;
		printf("# PLAIN's row %zu\n", i);
		good = false;
	}
	ok(good, "PLAIN, with the command or behind a 334: who is asked about");
	enter(READY);
	ok(got(say(&s, "auth\tplain \t AGpvZQBzZWNyZXQ= \t"), "235 2.7.0") &&
	    asked("PLAIN joe secret"), "in any case, with white space");
}

/* LOGIN's name and password. */
static const struct login {
	struct octets name, password;
	const char *reply, *proof;
} logins[] = {
	{ OCTETS("joe"), OCTETS("secret"), "235 2.7.0", "LOGIN joe secret" },
	{ OCTETS("j\303\266@b c"), OCTETS("\001 \377"), "235",
	    "LOGIN j\303\266@b c \001 \377" },
	{ OCTETS("*"), OCTETS("*"), "235", "LOGIN * *" },
	{ OCTETS(""), OCTETS("secret"), "501 5.5.2", NULL },
	{ OCTETS(""), OCTETS(""), "501 5.5.2", NULL },
	{ OCTETS("joe"), OCTETS(""), "501 5.5.2", NULL },
	{ OCTETS("joe"), OCTETS("\0"), "501 5.5.2", NULL },
	{ OCTETS("joe"), OCTETS("secret\0"), "501 5.5.2", NULL },
	{ OCTETS("joe"), OCTETS("\0secret"), "501 5.5.2", NULL },
	{ OCTETS("joe"), OCTETS("se\0cret"), "501 5.5.2", NULL },
	{ OCTETS("joe\0"), OCTETS("secret"), "501 5.5.2", NULL },
	{ OCTETS("\0joe\0secret"), OCTETS("secret"), "501 5.5.2", NULL },
	{ OCTETS("-joe"), OCTETS("secret"), "501 5.5.2", NULL },
	{ OCTETS("() {"), OCTETS("secret"), "501 5.5.2", NULL },
	{ OCTETS("joe\n"), OCTETS("secret"), "501 5.5.2", NULL },
	{ OCTETS("j\177oe"), OCTETS("secret"), "501 5.5.2", NULL },
	{ OCTETS("j\366e"), OCTETS("secret"), "501 5.5.2", NULL },
};

#define USERNAME "334 VXNlcm5hbWU6\r\n"
#define PASSWORD "334 UGFzc3dvcmQ6\r\n"

static bool
try_login(const struct login *l)
{
	bool good;

	enter(READY);
	good = got(say(&s, "AUTH LOGIN"), USERNAME) &&
	    got(say_encoded("", l->name.ptr, l->name.len), PASSWORD) &&
	    asked(NULL) &&
	    got(say_encoded("", l->password.ptr, l->password.len), l->reply) &&
	    asked(l->proof) && goes_on();
	enter(READY);
	good = good && got(l->name.len > 0 ? say_encoded("AUTH LOGIN ",
	    l->name.ptr, l->name.len) : say(&s, "auth login ="), PASSWORD) &&
	    got(say_encoded("", l->password.ptr, l->password.len), l->reply) &&
	    asked(l->proof) && goes_on();
	return good;
}

static void
login(void)
{
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof logins / sizeof *logins; i++) {
		if (try_login(&logins[i]))
			continue;
		printf("# LOGIN's row %zu\n", i);
		good = false;
	}
	ok(good, "LOGIN, in three steps or two: who is asked about");
}

/* A name of so many octets. */
static bool
try_name(const char *name, const char *reply)
{
	char message[600], proof[600];
	struct login l = { { name, strlen(name) }, OCTETS("x"), reply, NULL };
	size_t len = 1 + strlen(name) + 2;

	message[0] = '\0';
	memcpy(message + 1, name, strlen(name) + 1);
	message[len - 1] = 'x';
	snprintf(proof, sizeof proof, "PLAIN %s x", name);
	if (!try_plain(message, len, reply, reply[0] == '2' ? proof : NULL))
		return false;
	memcpy(proof, "LOGIN", 5);
	l.proof = reply[0] == '2' ? proof : NULL;
	return try_login(&l);
}

static bool
no_control(void)
{
	char name[] = "jo?e";
	int octet;

	for (octet = 1; octet < 128; octet++) {
		name[2] = (char)octet;
		if (!try_name(name, octet < ' ' || octet == 127 ?
		    "501 5.5.2" : "235 2.7.0"))
			return false;
	}
	return true;
}

static void
names(void)
{
	memset(longest, 'x', 255);
	memset(too_long, 'x', 256);
	ok(try_name(longest, "235") && try_name(too_long, "501 5.5.2"),
	    "a name has 255 octets at most");
	ok(no_control(), "and none that is a control octet");
}

/* ---- lines of the dialogue ---- */

static const char *const no_base64[] = { "A", "AB", "ABC", "ABCDE", "=", "==",
	"===", "====", "A===", "AB=C", "A=BC", "=ABC", "AG==AGA=",
	"AGpvZQBzZWNyZXQ", "AGpvZQBzZWNyZXQ==", "AGpv ZQBzZWNyZXQ=",
	"AGpvZQBzZWNyZX*=", "-GpvZQBzZWN_ZXQ=", "\300GpvZQBzZWNyZXQ=",
	"AGpvZQ\tBzZWNyZXQ=", "AGpv.", "**", "*=", "* x", "QUIT x", "NOOP1",
	"\001AAA", "AAA\177" };

static bool
is_refused(const char *first, const char *line)
{
	enter(READY);
	if (first != NULL)
		say(&s, first);
	return got(say(&s, line), "501 5.5.2") && asked(NULL) && goes_on();
}

static bool
try_no_base64(const char *line)
{
	char command[128];
	bool good = is_refused("AUTH PLAIN", line) &&
	    is_refused("AUTH LOGIN", line) &&
	    is_refused("AUTH LOGIN am9l", line);

	if (span_any(span_of(line), is_control) && strchr(line, '\t') == NULL)
		return good;	/* of a command that is another fault */
	if (strcmp(line, "=") == 0)
		return good;	/* and this an empty one */
	snprintf(command, sizeof command, "AUTH PLAIN %s", line);
	good = good && is_refused(NULL, command);
	snprintf(command, sizeof command, "AUTH LOGIN %s", line);
	return good && is_refused(NULL, command);
}

static void
bad_lines(void)
{
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof no_base64 / sizeof *no_base64; i++) {
		if (try_no_base64(no_base64[i]))
			continue;
		printf("# %s\n", no_base64[i]);
		good = false;
	}
	ok(good, "what is no base64 is 501 5.5.2, and ends the dialogue");
	enter(READY);
	ok(got(say(&s, "AUTH LOGIN =\001"), "500 5.5.2") && goes_on() &&
	    got(say(&s, "AUTH\001 LOGIN"), "500 5.5.2") && goes_on(),
	    "a control octet in the command is 500 5.5.2 as in any other");
}

/* Commands are none in a dialogue, whatever they would do. */
static void
no_commands(void)
{
	static const char *const lines[] = { "QUIT", "RSET", "NOOP",
	    "BDAT 5 LAST", "DATA", "AUTH PLAIN AGpvZQBzZWNyZXQ=", "STARTTLS",
	    "EHLO c", "GET / HTTP/1.1", "" };
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof lines / sizeof *lines; i++) {
		enter(READY);
		say(&s, "AUTH PLAIN");
		good = good && got(say(&s, lines[i]), "501 5.5.2") &&
		    s.protocol.wants == PROTOCOL_LINE && goes_on();
	}
	ok(good, "no line of a dialogue is a command");
	enter(READY);
	say(&s, "AUTH LOGIN am9l");
	ok(got(say(&s, "QUIT"), "235") && s.protocol.wants == PROTOCOL_LINE,
	    "not even where it would be one, and base64");
}

static bool
is_cancelled(const char *first, const char *second)
{
	enter(READY);
	say(&s, first);
	if (second != NULL)
		say(&s, second);
	return got(say(&s, "*"), "501 5.7.0") && asked(NULL) && goes_on() &&
	    got(say(&s, "AUTH PLAIN AGpvZQBzZWNyZXQ="), "235");
}

static void
cancelling(void)
{
	ok(is_cancelled("AUTH PLAIN", NULL) && is_cancelled("AUTH LOGIN", NULL)
	    && is_cancelled("AUTH LOGIN", "am9l") &&
	    is_cancelled("AUTH LOGIN am9l", NULL),
	    "* cancels at each step, and it may begin again");
	enter(READY);
	say(&s, "AUTH PLAIN");
	ok(got(say(&s, "* \t"), "501 5.7.0") &&
	    got(say(&s, "*"), "500 5.5.1") &&
	    got(say(&s, "AUTH PLAIN *"), "501 5.5.2"),
	    "with white space behind it, and nowhere but in a dialogue");
}

/* ---- long lines ---- */

/* A line of so many octets with its end, as the channel cuts it. */
static struct span
say_long(const char *word, size_t len)
{
	char *line = malloc(len);
	struct span reply;

	assert(line != NULL);
	memset(line, 'A', len);
	memcpy(line, word, strlen(word));
	memcpy(line + len - 2, "\r\n", 2);
	reply = protocol_command(&s.protocol, (struct span){ line,
	    len < PROTOCOL_LINE_MAX ? len : PROTOCOL_LINE_MAX });
	free(line);
	return reply;
}

/* PLAIN's message of so many octets; the name is 255. */
static struct span
say_message(const char *word, size_t len)
{
	char message[MANY];

	memset(message, 'x', sizeof message);
	message[0] = message[256] = '\0';
	return say_encoded(word, message, len);
}

static void
long_lines(void)
{
	enter(READY);
	ok(got(say_message("AUTH PLAIN ", 603), "235") && s.record.proofs == 1,
	    "an AUTH line of 817 octets");
	enter(READY);
	say(&s, "AUTH PLAIN");
	ok(got(say_message("", 3069), "235") && s.record.proofs == 1 &&
	    is_clean(), "a line of the dialogue of 4094 octets");
	enter(READY);
	say(&s, "AUTH PLAIN");
	ok(got(say_long("", 4096), "501 5.5.2") && goes_on(),
	    "of 4096, which is no base64");
	enter(READY);
	ok(got(say_long("AUTH PLAIN ", 4096), "501 5.5.2") && goes_on() &&
	    got(say_long("AUTH PLAIN ", 4097), "500 5.5.2") && goes_on(),
	    "a command past 4096 octets is 500 5.5.2");
	enter(READY);
	say(&s, "AUTH LOGIN");
	ok(got(say_long("", 4097), "500 5.5.6") && goes_on() &&
	    s.record.proofs == 0, "a line of the dialogue past it 500 5.5.6");
	enter(READY);
	say(&s, "AUTH LOGIN am9l");
	ok(got(say_long("", 400000), "500 5.5.6") && goes_on() &&
	    s.record.proofs == 0, "and ends it, with what was said before");
	enter(READY);
	say(&s, "AUTH PLAIN");
	ok(got(say_long("*", 4097), "500 5.5.6") && goes_on(),
	    "a star before it is none");
}

/* ---- where it may be said ---- */

static const struct where {
	struct protocol_config config;
	const char *want[STATES];
} places[] = {
#define SAME(x) { x, x, x, x, x }
#define READY_IS(x) { "503 5.5.1 Say hello", x, "503 5.5.1 Bad", \
    "503 5.5.1 Bad", "503 5.5.1 Bad" }
	{ { .auth = false }, SAME("502 5.5.1") },
	{ { .auth_in_clear = true, .tls = true }, SAME("502 5.5.1") },
	{ { .auth = true }, READY_IS("538 5.7.11") },
	{ { .auth = true, .tls = true }, READY_IS("235 2.7.0") },
	{ { .auth = true, .auth_in_clear = true }, READY_IS("235 2.7.0") },
	{ { .auth = true, .starttls = true }, READY_IS("538 5.7.11") },
	{ { .auth = true, .require_tls = true, .starttls = true },
	    { "503 5.5.1", "530 5.7.0", "503", "503", "503" } },
	{ { .auth = true, .auth_in_clear = true, .require_tls = true,
	    .starttls = true },
	    { "503 5.5.1", "530 5.7.0", "503", "503", "503" } },
	{ { .auth = true, .require_tls = true },
	    { "503 5.5.1", "451 4.3.5", "503", "503", "503" } },
	{ { .auth = true, .require_tls = true, .tls = true },
	    READY_IS("235 2.7.0") },
};

/* No MAIL is taken where TLS is required. */
static bool
can_be(const struct protocol_config *c, int state)
{
	return state <= READY || !c->require_tls || c->tls;
}

static bool
is_there(const struct where *w, int state)
{
	enter(state);
	if (!got(say(&s, "AUTH"), "501 5.5.4"))
		return false;
	enter(state);
	return got(say(&s, "AUTH PLAIN AGpvZQBzZWNyZXQ="), w->want[state]) &&
	    s.record.proofs == (w->want[state][0] == '2') && is_clean();
}

static void
places_of(bool lmtp)
{
	bool good = true;
	size_t i;
	int state;

	for (i = 0; i < sizeof places / sizeof *places; i++)
		for (state = 0; state < STATES; state++) {
			s.config = places[i].config;
			s.config.lmtp = lmtp;
			if (!can_be(&s.config, state) ||
			    is_there(&places[i], state))
				continue;
			printf("# row %zu in state %d\n", i, state);
			good = false;
		}
	ok(good, lmtp ? "AUTH in every state, in clear and in TLS, LMTP" :
	    "AUTH in every state, in clear and in TLS, SMTP");
}

static void
in_clear(bool lmtp)
{
	s.config = (struct protocol_config){ .auth = true,
	    .auth_in_clear = true, .lmtp = lmtp };
}

static const char valid[] = "AUTH PLAIN AGpvZQBzZWNyZXQ=";

static bool
keeps(const char *line, bool lmtp)
{
	in_clear(lmtp);
	enter(READY);
	return got(say(&s, valid), "235") && got(say(&s, line), "250") &&
	    got(say(&s, valid), "503 5.5.1") && s.record.proofs == 1 &&
	    got(say(&s, "AUTH LOGIN"), "503 5.5.1") &&
	    got(say(&s, "AUTH XYZZY"), "503 5.5.1") && goes_on();
}

static void
once(void)
{
	ok(keeps("RSET", false) && keeps("EHLO d", false) &&
	    keeps("HELO d", false) && keeps("NOOP", false) &&
	    keeps("RSET", true) && keeps("LHLO d", true),
	    "once authenticated it is 503, whatever is forgotten else");
	in_clear(false);
	session_open(&s);
	say(&s, "HELO c");
	ok(got(say(&s, valid), "235") &&
	    strcmp(s.protocol.envelope.with, "SMTP") == 0,
	    "it is there after HELO, and the name is SMTP");
	enter(READY);
	s.record.auth = AUTH_REFUSED;
	ok(got(say(&s, valid), "535 5.7.8") && got(say(&s, "AUTH LOGIN am9l"),
	    PASSWORD) && got(say(&s, "eA=="), "535 5.7.8") &&
	    s.record.proofs == 2 && !s.protocol.authenticated,
	    "refused by one mechanism, it tries the other");
	s.record.auth = AUTH_ERROR;
	ok(got(say(&s, valid), "454 4.7.0") && !s.protocol.authenticated &&
	    goes_on(), "nobody who is asked: 454");
	s.record.auth = AUTH_ACCEPTED;
	ok(got(say(&s, valid), "235 2.7.0") && s.protocol.authenticated,
	    "and again");
}

static const char away[] = "RCPT TO:<c@elsewhere.example>";

/* The replies to AUTH, MAIL, RCPT to where nobody may relay, and RSET. */
static bool
goes_on_with(enum auth_result result, const char *verdict, const char *reply)
{
	s.record.auth = result;
	return got(say(&s, valid), verdict) &&
	    got(say(&s, "MAIL FROM:<a@b>"), "250") &&
	    got(say(&s, away), reply) && got(say(&s, "DATA"),
	    reply[0] == '4' ? "451 4.3.0" : "554 5.5.1") &&
	    got(say(&s, "RSET"), "250");
}

static void
behind_a_fault(void)
{
	in_clear(false);
	enter(READY);
	s.record.forward = CANNOT_FORWARD;
	ok(goes_on_with(AUTH_REFUSED, "535", "550 5.7.1") &&
	    goes_on_with(AUTH_ERROR, "454", "451 4.7.0") &&
	    goes_on_with(AUTH_ERROR, "454", "451 4.7.0") &&
	    goes_on_with(AUTH_REFUSED, "535", "550 5.7.1"),
	    "behind a 454 no 550 for want of a verdict");
	s.record.auth = AUTH_ERROR;
	say(&s, valid);
	ok(got(say(&s, "EHLO d"), "250") && got(say(&s, "AUTH X"), "504") &&
	    got(say(&s, "AUTH PLAIN YW5uAGpvZQB4"), "535") &&
	    got(say(&s, "MAIL FROM:<a@b>"), "250") &&
	    got(say(&s, away), "451 4.7.0") &&
	    got(say(&s, "RCPT TO:<-c@d>"), "501"),
	    "nor behind what was no verdict, and all else as ever");
	s.config.require_auth = s.config.starttls = true;
	enter(READY);
	s.record.auth = AUTH_ERROR;
	ok(got(say(&s, "MAIL FROM:<a@b>"), "530") &&
	    got(say(&s, valid), "454") &&
	    got(say(&s, "MAIL FROM:<a@b>"), "451 4.7.0") &&
	    say(&s, "STARTTLS").len == 0 &&
	    got(protocol_start_tls(&s.protocol, TLS_READY), "220") &&
	    (protocol_tls_is_up(&s.protocol), got(say(&s, "EHLO c"), "250")) &&
	    got(say(&s, "MAIL FROM:<a@b>"), "530 5.7.0"),
	    "nor 530; TLS forgets it");
	s.config.require_tls = true;
	enter(READY);
	ok(say(&s, "STARTTLS").len == 0 &&
	    got(protocol_start_tls(&s.protocol, TLS_NOT_NOW), "454 4.7.0") &&
	    got(say(&s, "MAIL FROM:<a@b>"), "451 4.7.0") &&
	    got(say(&s, valid), "451 4.7.0"), "likewise behind TLS's 454");
}

static void
mechanisms(void)
{
	static const char *const none[] = { "XYZZY", "CRAM-MD5", "PLAINX",
	    "PLAI", "XOAUTH2 dXNlcg==", "=", "*", "AGpvZQBzZWNyZXQ=" };
	char line[128];
	bool good = true;
	size_t i;

	in_clear(false);
	for (i = 0; i < sizeof none / sizeof *none; i++) {
		enter(READY);
		snprintf(line, sizeof line, "AUTH %s", none[i]);
		good = good && got(say(&s, line), "504 5.5.4") && asked(NULL) &&
		    goes_on();
	}
	ok(good, "another mechanism is 504 5.5.4");
	ok(got(say(&s, "HELP AUTH"), "214 2.0.0 AUTH mechanism"),
	    "HELP knows AUTH");
	s.config.auth = false;
	enter(READY);
	ok(got(say(&s, "HELP AUTH"), "504"), "where it is");
}

/* ---- what EHLO says ---- */

static bool
holds(struct span octets, const char *want)
{
	size_t len = strlen(want), i;

	for (i = 0; i + len <= octets.len; i++)
		if (memcmp(octets.ptr + i, want, len) == 0)
			return true;
	return false;
}

/* Which of the two lines it has: 1 AUTH, 2 STARTTLS. */
static unsigned
announced(const char *hello)
{
	struct span reply = say(&s, hello);

	return (holds(reply, "AUTH PLAIN LOGIN\r\n") ? 1U : 0) |
	    (holds(reply, "STARTTLS\r\n") ? 2U : 0) |
	    (holds(reply, "AUTH") && !holds(reply, "AUTH PLAIN LOGIN\r\n") ?
	    4U : 0);
}

static void
hellos(void)
{
	/* by AUTH, in clear, TLS is required, STARTTLS */
	static const unsigned clear[16] = { 0, 0, 0, 1, 0, 0, 0, 0,
	    2, 2, 2, 3, 2, 2, 2, 2 };
	bool good = true;
	unsigned i;

	for (i = 0; i < 64; i++) {
		s.config = (struct protocol_config){ .auth = i & 1,
		    .auth_in_clear = i & 2, .require_tls = i & 4,
		    .starttls = i & 8, .tls = i & 16, .lmtp = i & 32 };
		enter(START);
		good = good && announced(i & 32 ? "LHLO c" : "EHLO c") ==
		    (i & 16 ? i & 1 : clear[i & 15]);
	}
	ok(good, "AUTH and STARTTLS are announced where they work now");
	in_clear(false);
	enter(READY);
	say(&s, valid);
	ok(announced("EHLO c") == 0, "AUTH no more, once authenticated");
}

/* ---- the protocol's name ---- */

static const struct name {
	const char *hello, *plain, *utf8;
	bool tls, auth;
} protocol_names[] = {
	{ "HELO c", "SMTP", "SMTP", false, false },
	{ "HELO c", "SMTP", "SMTP", false, true },
	{ "HELO c", "SMTP", "SMTP", true, false },
	{ "HELO c", "SMTP", "SMTP", true, true },
	{ "EHLO c", "ESMTP", "UTF8SMTP", false, false },
	{ "EHLO c", "ESMTPA", "UTF8SMTPA", false, true },
	{ "EHLO c", "ESMTPS", "UTF8SMTPS", true, false },
	{ "EHLO c", "ESMTPSA", "UTF8SMTPSA", true, true },
	{ "LHLO c", "LMTP", "UTF8LMTP", false, false },
	{ "LHLO c", "LMTPA", "UTF8LMTPA", false, true },
	{ "LHLO c", "LMTPS", "UTF8LMTPS", true, false },
	{ "LHLO c", "LMTPSA", "UTF8LMTPSA", true, true },
};

static bool
name_is(const char *name)
{
	return strcmp(s.protocol.envelope.with, name) == 0;
}

static bool
try_protocol_name(const struct name *n)
{
	bool good;

	in_clear(n->hello[0] == 'L');
	s.config.tls = n->tls;
	session_open(&s);
	say(&s, n->hello);
	if (n->auth)
		say(&s, valid);
	good = name_is(n->plain);
	say(&s, "MAIL FROM:<a@b> SMTPUTF8");
	good = good && name_is(n->utf8);
	say(&s, "RSET");
	say(&s, "MAIL FROM:<a@b>");
	good = good && name_is(n->plain);
	say(&s, n->hello);
	return good && name_is(n->plain);
}

static void
naming(void)
{
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof protocol_names / sizeof *protocol_names; i++)
		good = good && try_protocol_name(&protocol_names[i]);
	ok(good, "the protocol's name, with AUTH and TLS (RFC 3848, 6531)");
	in_clear(false);
	enter(READY);
	s.record.auth = AUTH_REFUSED;
	say(&s, valid);
	ok(name_is("ESMTP"), "who was refused is in no name");
}

/* ---- what comes first ---- */

static const char *const guarded[] = { "MAIL FROM:<a@b>", "SEND FROM:<a@b>",
	"SOML FROM:<a@b>", "SAML FROM:<a@b>", "VRFY x", "EXPN x" };
static const char *const unguarded[][2] = { { "NOOP", "250" },
	{ "RSET", "250" }, { "HELP", "214" }, { "EHLO x", "250" },
	{ "RCPT TO:<a@b>", "503" }, { "DATA", "503" }, { "MAIL", "501 5.5.4" },
	{ "VRFY", "501 5.5.4" }, { "EXPN", "501 5.5.4" }, { "TURN", "502" },
	{ "QUIT", "221" } };

static bool
are_guarded(const char *want, const char *word)
{
	bool good = true;
	struct span reply;
	size_t i;

	s.record.asked_by = LOOKUP_RCPT;
	for (i = 0; i < sizeof guarded / sizeof *guarded; i++) {
		reply = say(&s, guarded[i]);
		good = good && got(reply, want) && holds(reply, word) &&
		    s.record.asked_by == LOOKUP_RCPT && goes_on();
	}
	for (i = 0; i < sizeof unguarded / sizeof *unguarded; i++)
		good = good && got(say(&s, unguarded[i][0]), unguarded[i][1]);
	return good;
}

static void
requirements(void)
{
	struct protocol_config all = { .terminal = true, .vrfy = true,
	    .auth = true, .auth_in_clear = true };

	s.config = all;
	s.config.require_auth = true;
	enter(READY);
	ok(are_guarded("530 5.7.0", "Authenticate"),
	    "--require-auth: MAIL and its kin, VRFY and EXPN are 530 5.7.0");
	enter(READY);
	say(&s, valid);
	ok(got(say(&s, "VRFY x"), "250") && got(say(&s, "EXPN x"), "250") &&
	    got(say(&s, "MAIL FROM:<a@b>"), "250"), "until AUTH");
	session_open(&s);
	ok(got(say(&s, "VRFY x"), "530 5.7.0") &&
	    got(say(&s, "MAIL FROM:<a@b>"), "503 5.5.1"),
	    "before any hello VRFY is that too, and MAIL 503");
	s.config.require_tls = s.config.starttls = true;
	enter(READY);
	ok(are_guarded("530 5.7.0", "STARTTLS") &&
	    s.record.told.advice == NULL, "--require-tls comes first");
	s.config.require_auth = false;
	enter(READY);
	ok(are_guarded("530 5.7.0", "STARTTLS"), "or alone");
	s.config.starttls = false;
	enter(READY);
	ok(are_guarded("451 4.3.5", "Misconfigured"),
	    "where TLS cannot be had the fault is ours");
	enter(READY);
	say(&s, guarded[0]);
	ok(s.record.told.advice != NULL, "and somebody is told");
	s.config.tls = true;
	enter(READY);
	ok(got(say(&s, "VRFY x"), "250") &&
	    got(say(&s, "MAIL FROM:<a@b>"), "250"), "in TLS it is good");
	s.config = all;
	s.config.require_auth = true;
	s.config.vrfy = false;
	enter(READY);
	ok(got(say(&s, "EXPN x"), "502 5.5.1") &&
	    got(say(&s, "VRFY x"), "530 5.7.0"),
	    "a verb that is off comes first");
}

/* ---- what counts ---- */

/* How many of this line are answered until one of them is a 421; 50: all. */
static unsigned
until_closed(const char *first, const char *second)
{
	unsigned n = 0;

	while (n < 50 && s.protocol.wants == PROTOCOL_LINE) {
		if (first != NULL && s.protocol.wants == PROTOCOL_LINE)
			say(&s, first);
		say(&s, second);
		n++;
	}
	return n;
}

static bool
counts(enum auth_result result, const char *first, const char *second,
    unsigned want)
{
	unsigned n;

	s.config.max_errors = 5;
	enter(READY);
	s.record.auth = result;
	n = until_closed(first, second);
	if (n == want && is_clean())
		return true;
	printf("# %s: %u\n", second, n);
	return false;
}

static void
counting(void)
{
	in_clear(false);
	ok(counts(AUTH_REFUSED, NULL, valid, 5) &&
	    counts(AUTH_REFUSED, "AUTH PLAIN", "AGpvZQBzZWNyZXQ=", 5) &&
	    counts(AUTH_ACCEPTED, NULL, "AUTH PLAIN YQBiAGM=", 5),
	    "535 counts, also where nobody was asked");
	ok(counts(AUTH_ERROR, NULL, valid, 50), "454 does not");
	ok(counts(AUTH_ACCEPTED, NULL, valid, 6), "503 does");
	ok(counts(AUTH_REFUSED, NULL, "AUTH X", 5) &&
	    counts(AUTH_REFUSED, NULL, "AUTH", 5) &&
	    counts(AUTH_REFUSED, "AUTH LOGIN", "*", 5) &&
	    counts(AUTH_REFUSED, "AUTH LOGIN", "x", 5) &&
	    counts(AUTH_REFUSED, NULL, "AUTH PLAIN x", 5),
	    "504, 501 and what cancels do");
	s.config.auth_in_clear = false;
	ok(counts(AUTH_REFUSED, NULL, valid, 5), "538 does");
	s.config.require_tls = s.config.starttls = true;
	ok(counts(AUTH_REFUSED, NULL, valid, 5) &&
	    counts(AUTH_REFUSED, NULL, "MAIL FROM:<a@b>", 5) &&
	    counts(AUTH_REFUSED, NULL, "VRFY x", 50),
	    "530 does, to AUTH and MAIL, not to VRFY");
	s.config.starttls = false;
	ok(counts(AUTH_REFUSED, NULL, valid, 50), "451 does not");
	s.config.auth = false;
	ok(counts(AUTH_REFUSED, NULL, valid, 5), "502 does");
	in_clear(false);
	s.config.max_errors = 2;
	enter(READY);
	s.record.auth = AUTH_REFUSED;
	say(&s, valid);
	ok(got(say(&s, valid), "421 4.7.0") && s.record.proofs == 2 &&
	    s.protocol.wants == PROTOCOL_CLOSE &&
	    s.protocol.reason == PROTOCOL_ERRORS &&
	    strcmp(s.record.told_who, "joe") == 0 &&
	    s.record.told.reply->code == 421, "421 in the place of a 535");
	enter(READY);
	say(&s, "XYZZY");
	ok(got(say(&s, valid), "235") && s.protocol.wants == PROTOCOL_LINE,
	    "a 235 is no error, however many there were");
	s.config.max_errors = 0;
}

/* ---- what is told ---- */

/* Of the last reply: its line, its octets, the name. */
static bool
told(int code, const char *line, size_t hidden, const char *who)
{
	const struct record *r = &s.record;

	if (r->told.reply->code == code && strcmp(r->told_line, line) == 0 &&
	    r->told.hidden == hidden && strcmp(r->told_who, who) == 0)
		return true;
	printf("# told %d %s, %zu octets, %s\n", r->told.reply->code,
	    r->told_line, r->told.hidden, r->told_who);
	return false;
}

static void
telling(void)
{
	in_clear(false);
	enter(READY);
	s.record.auth = AUTH_REFUSED;
	say(&s, " auth \t pLaIn   AGpvZQBzZWNyZXQ=");
	ok(told(535, " auth \t pLaIn", 0, "joe"), "535 is told with the name");
	s.record.auth = AUTH_ERROR;
	say(&s, valid);
	ok(told(454, "AUTH PLAIN", 0, "joe"), "454 too");
	say(&s, "AUTH PLAIN YW5uAGpvZQBzZWNyZXQ=");
	ok(told(535, "AUTH PLAIN", 0, "joe"),
	    "who wants to be another, by his own name");
	say(&s, "AUTH LOGIN am9l");
	ok(told(334, "AUTH LOGIN", 0, ""), "a challenge without it");
	s.record.auth = AUTH_ACCEPTED;
	say(&s, "c2VjcmV0");
	ok(told(235, "", 0, "joe"), "a line of the dialogue not at all");
	say(&s, "c2VjcmV0 x");
	ok(told(500, "c2VjcmV0 x", 0, ""), "after a 235 no line is hidden");
	say(&s, valid);
	ok(told(503, "AUTH PLAIN", 0, ""), "503 is no verdict");
	say(&s, "c2VjcmV0 x");
	ok(told(500, "", 10, ""), "behind what was refused a foreign line is");
	say(&s, "c2VjcmV0");
	ok(told(500, "", 8, ""), "and another");
	say(&s, "\001c2VjcmV0");
	ok(told(500, "", 9, ""), "whatever is wrong with it");
	say(&s, "NOOP x");
	ok(told(250, "NOOP x", 0, ""), "until there is a verb");
	say(&s, "c2VjcmV0");
	ok(told(500, "c2VjcmV0", 0, ""), "after which none is");
}

static bool
is_told(const char *line, const char *shown, int code)
{
	enter(READY);
	say(&s, line);
	return told(code, shown, 0, "") && is_clean() &&
	    (say(&s, "c2VjcmV0"), told(500, "", 8, ""));
}

static void
telling_refusals(void)
{
	in_clear(false);
	ok(is_told("AUTH", "AUTH", 501) &&
	    is_told("AUTH PLAIN c2Vj x", "AUTH PLAIN", 501) &&
	    is_told("AUTH PLAIN c2Vj\001", "AUTH PLAIN", 500) &&
	    is_told("AUTH PLAIN AGpvZQA=", "AUTH PLAIN", 501),
	    "of a refused AUTH verb and mechanism alone");
	s.config.auth_in_clear = false;
	ok(is_told(valid, "AUTH PLAIN", 538), "in clear");
	s.config.require_tls = true;
	ok(is_told(valid, "AUTH PLAIN", 451), "where TLS is required");
	s.config.auth = false;
	ok(is_told(valid, "AUTH PLAIN", 502), "where there is none");
	in_clear(false);
	session_open(&s);
	say(&s, valid);
	ok(told(503, "AUTH PLAIN", 0, ""), "before a hello");
	enter(READY);
	say(&s, "AUTH LOGIN");
	say(&s, "c2VjcmV0!");
	say(&s, "c2VjcmV0");
	ok(told(500, "", 8, ""), "what follows a dialogue that was refused");
	enter(READY);
	say(&s, "AUTH LOGIN");
	say(&s, "*");
	say(&s, "c2VjcmV0");
	ok(told(500, "", 8, ""), "or cancelled");
	enter(READY);
	say(&s, "AUTH LOGIN");
	say_long("c2VjcmV0", 5000);
	ok(told(500, "", 0, "") && (say(&s, "c2VjcmV0"), told(500, "", 8, "")),
	    "or past its limit");
}

/* Of other mechanisms the name is shown, but of nothing that is joined to one,
 * or stands in its place. */
static void
telling_mechanisms(void)
{
	in_clear(false);
	ok(is_told("AUTH CRAM-MD5", "AUTH CRAM-MD5", 504) &&
	    is_told("auth\tscram-SHA-256 c2Vj", "auth\tscram-SHA-256", 504) &&
	    is_told("AUTH XOAUTH2 c2Vj", "AUTH XOAUTH2", 504),
	    "a mechanism that is known, and is not ours");
	ok(is_told("AUTH AGpvZQBzZWNyZXQ=", "AUTH", 504) &&
	    is_told("AUTH UEFTU1dPUkRT", "AUTH", 504) &&
	    is_told("AUTH X c2Vj", "AUTH", 504) &&
	    is_told("AUTH PLAIN:AGpvZQBz", "AUTH", 504) &&
	    is_told("AUTH PLAIN=AGpvZQBz", "AUTH", 504) &&
	    is_told("AUTH LOGIN,c2Vj PLAIN", "AUTH", 504) &&
	    is_told("AUTH PLAIN\001AGpv", "AUTH", 500) &&
	    is_told(" auth\001c2Vj LOGIN", " auth", 500) &&
	    is_told("AUTH\177PLAIN AGpv", "AUTH", 500),
	    "what is none, or may be more than one, is not");
}

/* Not told, to be overwritten, and so is what follows. */
static bool
is_hidden(const char *line)
{
	enter(READY);
	say(&s, line);
	return told(500, "", strlen(line), "") && s.protocol.proof &&
	    is_clean() && (say(&s, "c2VjcmV0"), told(500, "", 8, "")) &&
	    s.protocol.proof;
}

static bool
all_hidden(void)
{
	return is_hidden("AUTHPLAIN AGpvZQBz") &&
	    is_hidden("auth=PLAIN AGpvZQBz") && is_hidden("AUTH: PLAIN AGpv") &&
	    is_hidden("AUTH,PLAIN") && is_hidden("Authorization: Basic AGpv") &&
	    is_hidden("\"AUTH\" PLAIN AGpv") && is_hidden("XAUTH PLAIN AGpv") &&
	    is_hidden("\303\277AUTH PLAIN AGpv") && is_hidden("\bAUTH x") &&
	    is_hidden("AUTH\240PLAIN AGpv");
}

static void
telling_nearly(void)
{
	in_clear(false);
	ok(all_hidden(), "a verb that was to be AUTH is told by its length");
	s.config.auth = false;
	ok(all_hidden(), "also where there is none");
	enter(READY);
	say(&s, "AUT H");
	ok(told(500, "AUT H", 0, "") && !s.protocol.proof &&
	    (say(&s, "NOOP AUTH c2Vj"), told(250, "NOOP AUTH c2Vj", 0, "")),
	    "another line is not");
}

static bool
is_proof(const char *line)
{
	say(&s, line);
	return s.protocol.proof;
}

/* Which lines a channel is to overwrite: all that may hold a password. */
static void
proofs(void)
{
	in_clear(false);
	enter(READY);
	ok(is_proof("auth x") && is_proof("  AUTH\001") &&
	    !is_proof("NOOP AUTH") && !is_proof("XYZZY"),
	    "AUTH is a proof, another line is none");
	ok(protocol_asks(&s.protocol, span_of("auth x\r\n")) &&
	    !protocol_asks(&s.protocol, span_of("NOOP\r\n")) &&
	    !protocol_asks(&s.protocol, span_of("RCPT TO:<a>\r\n")),
	    "and makes somebody ask");
	say(&s, "AUTH PLAIN");
	ok(protocol_asks(&s.protocol, span_of("x")) && is_proof("NOOP") &&
	    is_proof("AUTH PLAIN") && is_proof(""),
	    "in a dialogue each line is");
	say(&s, "AUTH PLAIN");
	say(&s, "*");
	ok(is_proof("c2VjcmV0") && is_proof("x") && !is_proof("NOOP"),
	    "behind it those that are foreign");
	ok(!is_proof("c2VjcmV0"), "until there is a verb");
	s.config.auth = false;
	enter(READY);
	ok(is_proof("AUTH PLAIN") && is_proof("c2VjcmV0") &&
	    !protocol_asks(&s.protocol, span_of("auth x\r\n")),
	    "also where there is no AUTH, and nobody asks then");
}

/* ---- what is around it ---- */

static bool
delivers(const char *verb)
{
	say(&s, "MAIL FROM:<a@b>");
	say(&s, "RCPT TO:<c@d>");
	say(&s, verb);
	feed(&s, "x\r\n.\r\n", verb[0] == 'B' ? 3 : 6);
	return got(protocol_next(&s.protocol), "250") && !s.record.begun &&
	    s.record.commits == 1 && s.protocol.wants == PROTOCOL_LINE;
}

static void
messages(void)
{
	in_clear(false);
	enter(READY);
	say(&s, valid);
	ok(delivers("DATA") && delivers("BDAT 3 LAST") && name_is("ESMTPA"),
	    "messages after AUTH, by DATA and BDAT");
	enter(CHUNK);
	ok(got(say(&s, valid), "503 5.5.1") && say(&s, "BDAT 1 LAST").len == 0
	    && feed(&s, "y", 1) == 1 && got(protocol_next(&s.protocol), "250")
	    && s.record.size == 2, "in the middle of one it changes nothing");
}

static bool
is_ended(enum protocol_reason reason, const char *want)
{
	in_clear(false);
	enter(READY);
	say(&s, "AUTH LOGIN am9l");
	return !is_clean() && (reason == PROTOCOL_EOF ?
	    protocol_end(&s.protocol, reason).len == 0 :
	    got(protocol_end(&s.protocol, reason), want)) && is_clean() &&
	    s.protocol.wants == PROTOCOL_CLOSE && s.record.proofs == 0;
}

static void
endings(void)
{
	ok(is_ended(PROTOCOL_EOF, "") && is_ended(PROTOCOL_TIMEOUT, "421 4.4.2")
	    && is_ended(PROTOCOL_STOP, "421 4.3.2"),
	    "the session ends in a dialogue, and nothing is left");
}

/* STARTTLS forgets who is there: RFC 3207, 4.2. */
static void
start_tls(void)
{
	in_clear(false);
	s.config.starttls = s.config.require_auth = true;
	enter(READY);
	say(&s, valid);
	ok(say(&s, "STARTTLS").len == 0 &&
	    got(protocol_start_tls(&s.protocol, TLS_NOT_NOW), "454 4.7.0") &&
	    got(say(&s, valid), "503 5.5.1"),
	    "without a handshake STARTTLS forgets nothing");
	say(&s, "STARTTLS");
	ok(got(protocol_start_tls(&s.protocol, TLS_READY), "220 2.0.0"),
	    "with one");
	protocol_tls_is_up(&s.protocol);
	ok(got(say(&s, valid), "503 5.5.1 Say hello") &&
	    announced("EHLO c") == 1 &&
	    got(say(&s, "MAIL FROM:<a@b>"), "530 5.7.0") && name_is("ESMTPS") &&
	    got(say(&s, valid), "235") && name_is("ESMTPSA"),
	    "it forgets the hello, and who authenticated");
	ok(got(say(&s, "STARTTLS"), "503 5.5.1"), "in TLS there is none");
}

int
main(void)
{
	alarm(120);
	base64();
	in_clear(false);
	plain();
	login();
	names();
	bad_lines();
	no_commands();
	cancelling();
	long_lines();
	in_clear(true);
	plain();
	login();
	places_of(false);
	places_of(true);
	once();
	behind_a_fault();
	mechanisms();
	hellos();
	naming();
	requirements();
	counting();
	telling();
	telling_refusals();
	telling_mechanisms();
	telling_nearly();
	proofs();
	messages();
	endings();
	start_tls();
	return tap_end();
}

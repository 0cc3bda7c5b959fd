/*
 * The session table: every verb in every state, as RFC 5321, 2033 and 3030 and
 * the design say; arguments, paths, parameters, limits and closings.
 */
#include "tap.h"

static struct session s;

/* ---- states, and how to get there ---- */

enum { START, READY, SENDER, RECIPIENT, CHUNK, STATES };

static void
enter(int state, bool lmtp)
{
	s.config.lmtp = lmtp;
	session_open(&s);
	if (state >= READY)
		say(&s, lmtp ? "LHLO c" : "EHLO c");
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

/* What each command gets in each state; LMTP's where it differs. */
static const struct row {
	const char *line;
	const char *smtp[STATES], *lmtp[STATES];
} rows[] = {
#define SAME(x) { x, x, x, x, x }
#define BOTH(...) { __VA_ARGS__ }, { __VA_ARGS__ }
	{ "HELO c", SAME("250 mx"), SAME("500 5.5.1") },
	{ "EHLO c", SAME("250-mx"), SAME("500 5.5.1") },
	{ "LHLO c", SAME("500 5.5.1"), SAME("250-mx") },
	{ "MAIL FROM:<e@f>", BOTH("503 5.5.1", "250 2.1.0", "503 5.5.1",
	    "503 5.5.1", "503 5.5.1") },
	{ "SEND FROM:<e@f>", SAME("502 5.5.1"), SAME("502 5.5.1") },
	{ "SOML FROM:<e@f>", SAME("502 5.5.1"), SAME("502 5.5.1") },
	{ "SAML FROM:<e@f>", SAME("502 5.5.1"), SAME("502 5.5.1") },
	{ "RCPT TO:<g@h>", BOTH("503 5.5.1", "503 5.5.1", "250 2.1.5",
	    "250 2.1.5", "503 5.5.1") },
	{ "DATA", BOTH("503 5.5.1", "503 5.5.1", "503 5.5.1", "354 ",
	    "503 5.5.1") },
	{ "RSET", SAME("250 2.0.0"), SAME("250 2.0.0") },
	{ "VRFY x", SAME("252 2.0.0"), SAME("252 2.0.0") },
	{ "EXPN x", SAME("502 5.5.1"), SAME("502 5.5.1") },
	{ "HELP", SAME("214-2.0.0"), SAME("214-2.0.0") },
	{ "NOOP", SAME("250 2.0.0"), SAME("250 2.0.0") },
	{ "NOOP x y", SAME("250 2.0.0"), SAME("250 2.0.0") },
	{ "TURN", SAME("502 5.5.1"), SAME("502 5.5.1") },
	{ "AUTH PLAIN", SAME("502 5.5.1"), SAME("502 5.5.1") },
	{ "STARTTLS", SAME("502 5.5.1"), SAME("502 5.5.1") },
	{ "QUIT", SAME("221 2.0.0"), SAME("221 2.0.0") },
	{ "XYZZY", SAME("500 5.5.1"), SAME("500 5.5.1") },
	{ "BDAT", SAME("421 4.5.4"), SAME("421 4.5.4") },
	{ "MAIL", SAME("501 5.5.4"), SAME("501 5.5.4") },
	{ "RCPT", SAME("501 5.5.4"), SAME("501 5.5.4") },
	{ "DATA x", SAME("501 5.5.4"), SAME("501 5.5.4") },
	{ "RSET x", SAME("501 5.5.4"), SAME("501 5.5.4") },
	{ "QUIT x", SAME("501 5.5.4"), SAME("501 5.5.4") },
	{ "VRFY", SAME("501 5.5.4"), SAME("501 5.5.4") },
	{ "EXPN", SAME("501 5.5.4"), SAME("501 5.5.4") },
	{ "HELO", SAME("250 mx"), SAME("500 5.5.1") },
	{ "EHLO", SAME("250-mx"), SAME("500 5.5.1") },
	{ "LHLO", SAME("500 5.5.1"), SAME("501 ") },
	{ "HELP xyzzy", SAME("504 5.5.4"), SAME("504 5.5.4") },
};

static void
matrix(bool lmtp)
{
	const struct row *row;
	const char *want;
	bool good = true;
	size_t i;
	int state;

	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		for (state = 0; state < STATES; state++) {
			row = &rows[i];
			want = lmtp ? row->lmtp[state] : row->smtp[state];
			enter(state, lmtp);
			if (starts(say(&s, row->line), want))
				continue;
			printf("# %s in state %d: not %s\n", row->line, state,
			    want);
			good = false;
		}
	ok(good, lmtp ? "every verb in every state, LMTP" :
	    "every verb in every state, SMTP");
}

/* BDAT in each state: octets are read, one reply behind them. */
static void
chunks(void)
{
	static const char *const want[STATES] = { "503 5.5.1", "503 5.5.1",
	    "503 5.5.1", "250 2.0.0", "250 2.0.0" };
	bool good = true;
	int state;

	for (state = 0; state < STATES; state++) {
		enter(state, false);
		good = good && say(&s, "BDAT 6").len == 0 &&
		    feed(&s, "QUIT\r\nNOOP\r\n", 12) == 6 &&
		    s.protocol.wants == PROTOCOL_REPLY &&
		    starts(protocol_next(&s.protocol), want[state]) &&
		    s.protocol.wants == PROTOCOL_LINE;
	}
	ok(good, "a chunk is read in every state");
	enter(SENDER, true);
	good = say(&s, "BDAT 2 LAST").len == 0 && feed(&s, "xx", 2) == 2;
	ok(good && s.protocol.wants == PROTOCOL_LINE &&
	    starts(say(&s, "MAIL FROM:<a@b>"), "250"),
	    "LMTP: BDAT LAST without a recipient has no reply, and ends it");
}

/* ---- paths and parameters ---- */

struct line_case {
	const char *argument, *want;
};

static void
try_all(const char *name, const char *before, const char *verb,
    const struct line_case *cases, size_t n)
{
	char line[8192];
	bool good = true;
	size_t i;

	for (i = 0; i < n; i++) {
		session_open(&s);
		say(&s, "EHLO c");
		if (before != NULL)
			say(&s, before);
		snprintf(line, sizeof line, "%s%s", verb, cases[i].argument);
		if (starts(say(&s, line), cases[i].want))
			continue;
		printf("# %s%s: not %s\n", verb, cases[i].argument,
		    cases[i].want);
		good = false;
	}
	ok(good, name);
}

#define TRY(name, before, verb, cases) \
	try_all(name, before, verb, cases, sizeof cases / sizeof *cases)

static const struct line_case senders[] = {
	{ "<>", "250 2.1.0" }, { " <>", "250 2.1.0" },
	{ "<a@b>", "250 2.1.0" }, { "a@b", "250 2.1.0" },
	{ "\t<a@b>", "250 2.1.0" }, { "<joe>", "250 2.1.0" },
	{ "<a@[192.0.2.1]>", "250 2.1.0" },
	{ "<a@[IPv6:2001:db8::1]>", "250 2.1.0" },
	{ "<\"a b\"@c>", "250 2.1.0" }, { "<\"a>b\"@c>", "250 2.1.0" },
	{ "<\"a@b\"@c>", "250 2.1.0" }, { "<\"a\\\"b\"@c>", "250 2.1.0" },
	{ "<@x:a@b>", "250 2.1.0" }, { "<@x,@y:a@b>", "250 2.1.0" },
	{ "<@[IPv6:::1],@y:a@b>", "250 2.1.0" },
	{ "<a%b@c>", "250 2.1.0" }, { "<a!b@c_d>", "250 2.1.0" },
	{ "", "501 5.5.2" }, { "<a@b", "501 5.5.2" }, { "<", "501 5.5.2" },
	{ "<a@b>x", "501 5.5.2" }, { "<@x,a@b>", "501 5.5.2" },
	{ "<@x>", "501 5.5.2" }, { "<@:a@b>", "501 5.5.2" },
	{ "<@x..y:a@b>", "501 5.5.2" }, { "<@x:>", "501 5.1.7" },
	{ "<a@>", "501 5.1.7" }, { "<a@b c>", "501 5.1.7" },
	{ "<a b@c>", "501 5.1.7" }, { "<<a@b>", "501 5.5.2" },
	{ "<\"a@b>", "501 5.1.7" }, { "<-a@b>", "501 5.1.7" },
	{ "-a", "501 5.1.7" }, { "<a@.b>", "501 5.1.7" },
	{ "<a@b..>", "501 5.1.7" }, { "<a@b..c>", "501 5.1.7" },
	{ "<a@-b>", "501 5.1.7" }, { "<a@b.-c>", "501 5.1.7" },
	{ "<a@b,c>", "501 5.1.7" }, { "<a@[]>", "501 5.1.7" },
	{ "<a@[1.2.3.4>", "501 5.1.7" }, { "<\"a\tb\"@c>", "501 5.1.7" },
	{ "<\303\244@b>", "250 2.1.0" }, { "<a@\303\244>", "250 2.1.0" },
	{ "<\303@b>", "501 5.1.7" }, { "<a@\377>", "501 5.1.7" },
	{ "<\377 <a@b>>", "501 5.1.7" }, { "<a@b>(\377)", "501 5.1.7" },
	{ "<\303\244@b> SMTPUTF8", "250 2.1.0" },
	{ "<\360\237\230\200@b> SMTPUTF8", "250 2.1.0" },
	{ "<\300\257@b> SMTPUTF8", "501 5.1.7" },	/* overlong */
	{ "<\340\200\257@b> SMTPUTF8", "501 5.1.7" },
	{ "<\355\240\200@b> SMTPUTF8", "501 5.1.7" },	/* a surrogate */
	{ "<\303@b> SMTPUTF8", "501 5.1.7" },		/* cut off */
	{ "<\364\220\200\200@b> SMTPUTF8", "501 5.1.7" }, /* past U+10FFFF */
	{ "<\200@b> SMTPUTF8", "501 5.1.7" },
};

static const struct line_case recipients[] = {
	{ "<a@b>", "250 2.1.5" }, { "<postmaster>", "250 2.1.5" },
	{ "<Postmaster>", "250 2.1.5" }, { "<>", "501 5.1.3" },
	{ "<-a@b>", "501 5.1.3" }, { "<a@b", "501 5.5.2" },
	{ "<\303\244@b>", "250 2.1.5" }, { "<\303@b>", "501 5.1.3" },
	{ "<a@b> NOTIFY=NEVER", "250" }, { "<a@b> NOTIFY=never", "250" },
	{ "<a@b> NOTIFY=SUCCESS,FAILURE,DELAY", "250" },
	{ "<a@b> NOTIFY=NEVER,DELAY", "501 5.5.4" },
	{ "<a@b> NOTIFY=DELAY,NEVER", "501 5.5.4" },
	{ "<a@b> NOTIFY=DELAY,DELAY", "250" },
	{ "<a@b> NOTIFY=NEVER,", "250" }, { "<a@b> NOTIFY=,DELAY", "250" },
	{ "<a@b> NOTIFY=,", "501 5.5.4" }, { "<a@b> NOTIFY=x", "501 5.5.4" },
	{ "<a@b> NOTIFY=", "501 5.5.4" }, { "<a@b> NOTIFY", "501 5.5.4" },
	{ "<a@b> ORCPT=rfc822;a+2Bb@c", "250" },
	{ "<a@b> ORCPT=rfc822;a+2bb", "250" },
	{ "<a@b> ORCPT=rfc822;", "250" }, { "<a@b> ORCPT=x.400;a=b", "250" },
	{ "<a@b> ORCPT=rfc822;a+2g", "501 5.5.4" },
	{ "<a@b> ORCPT=rfc822;a+0a", "501 5.5.4" },
	{ "<a@b> ORCPT=rfc822;a+2", "501 5.5.4" },
	{ "<a@b> ORCPT=a@c", "501 5.5.4" }, { "<a@b> ORCPT=;a", "501 5.5.4" },
	{ "<a@b> SIZE=1", "555 5.5.4" },
};

static const struct line_case mail_parameters[] = {
	{ "SIZE=0", "250" }, { "size=1000", "250" },
	{ "SIZE=1001", "552 5.3.4" },
	{ "SIZE=18446744073709551617", "552 5.3.4" },
	{ "SIZE=99999999999999999999", "552 5.3.4" },
	{ "SIZE=000000000000000000001", "501 5.5.4" },
	{ "SIZE=", "501 5.5.4" }, { "SIZE", "501 5.5.4" },
	{ "SIZE=-1", "501 5.5.4" }, { "SIZE=1 SIZE=1", "501 5.5.4" },
	{ "BODY=7BIT", "250" }, { "BODY=8bitmime", "250" },
	{ "BODY=BINARYMIME", "501 5.5.4" }, { "BODY=", "501 5.5.4" },
	{ "SMTPUTF8", "250" }, { "SMTPUTF8=1", "501 5.5.4" },
	{ "RET=FULL", "250" }, { "RET=hdrs", "250" },
	{ "RET=x", "501 5.5.4" },
	{ "ENVID=a+2Bb", "250" }, { "ENVID=a+", "501 5.5.4" },
	{ "ENVID=a+0A", "501 5.5.4" }, { "ENVID=()+20{", "501 5.5.4" },
	{ "ENVID=a+2bb+3d", "250" }, { "ENVID=a=b", "250" },
	{ "ENVID=\303\244", "501 5.5.4" },
	{ "AUTH=<>", "250" }, { "AUTH=a@b", "250" }, { "AUTH=", "250" },
	{ "AUTH=+x", "250" }, { "AUTH=\377", "501 5.5.4" },
	{ "AUTH", "501 5.5.4" },
	{ "FOO", "555 5.5.4" }, { "NOTIFY=NEVER", "555 5.5.4" },
	{ "=", "555 5.5.4" },
};

/* A mailbox of so many octets. */
static bool
mailbox_of(size_t len, const char *want)
{
	char line[2048] = "MAIL FROM:<";

	memset(line + 11, 'x', len - 2);
	strcpy(line + 11 + len - 2, "@b>");
	enter(READY, false);
	return starts(say(&s, line), want);
}

static bool
value_of(const char *name, size_t len, const char *want)
{
	char line[2048];
	size_t n = (size_t)sprintf(line, "MAIL FROM:<a@b> %s=", name);

	memset(line + n, 'x', len);
	line[n + len] = '\0';
	enter(READY, false);
	return starts(say(&s, line), want);
}

static void
paths(void)
{
	s.config = (struct protocol_config){ .max_size = 1000 };
	TRY("senders", NULL, "MAIL FROM:", senders);
	TRY("recipients and their parameters", "MAIL FROM:<a@b>", "RCPT TO:",
	    recipients);
	TRY("parameters of MAIL", NULL, "MAIL FROM:<a@b> ", mail_parameters);
	ok(mailbox_of(512, "250") && mailbox_of(513, "501 5.1.7"),
	    "a mailbox has 512 octets at most");
	ok(value_of("ENVID", 100, "250") && value_of("ENVID", 101, "501 5.5.4")
	    && value_of("AUTH", 500, "250") &&
	    value_of("AUTH", 501, "501 5.5.4"), "ENVID has 100, AUTH 500");
	s.config.max_size = 0;
	enter(READY, false);
	ok(starts(say(&s, "MAIL FROM:<a@b> SIZE=99999999999999999999"), "250"),
	    "without a limit no SIZE is too large");
}

/* ---- who receives ---- */

static bool
user_is(enum forward_result forward, enum lookup_result user,
    const char *rcpt, const char *data)
{
	enter(SENDER, false);
	s.record.forward = forward;
	s.record.lookup = user;
	return starts(say(&s, "RCPT TO:<joe@d>"), rcpt) &&
	    starts(say(&s, "DATA"), data);
}

static void
users(void)
{
	ok(user_is(LOCAL_DOMAIN, VALID_USER, "250 2.1.5", "354"), "valid");
	ok(user_is(LOCAL_DOMAIN, UNKNOWN_USER, "550 5.1.1", "554 5.5.1"),
	    "unknown: 550, and DATA 554");
	ok(user_is(LOCAL_DOMAIN, AMBIGUOUS_USER, "553 5.1.4", "554 5.5.1"),
	    "ambiguous: 553");
	ok(user_is(LOCAL_DOMAIN, LOOKUP_ERROR, "451 4.3.0", "451 4.3.0"),
	    "a failed look-up: 451, and DATA 451");
	ok(user_is(WILL_FORWARD, UNKNOWN_USER,
	    "251 2.1.5 User not local; will forward to <joe@d>\r\n", "354"),
	    "not local, but forwarded: 251, and nobody is looked up");
	ok(user_is(CANNOT_FORWARD, VALID_USER, "550 5.7.1", "554"),
	    "neither: 550 5.7.1");
	enter(SENDER, false);
	s.record.lookup = LOOKUP_ERROR;
	s.record.chosen = (struct reply){ 450, "4.7.1", "grey\001list\n\377" };
	ok(starts(say(&s, "RCPT TO:<a@b>"),
	    "450-4.7.1 grey?list\r\n450 4.7.1 ?\r\n"),
	    "a chosen reply is sent, line by line, cleaned");
}

static bool
told(const char *line, enum lookup_result user, const char *expanded,
    const char *want)
{
	s.record.lookup = user;
	s.record.expanded = expanded;
	if (starts(say(&s, line), want))
		return true;
	printf("# %s: %.*s", line, (int)s.protocol.wire.len,
	    s.protocol.wire.ptr);
	return false;
}

static bool
asked_for(enum lookup_verb verb, const char *local, const char *domain)
{
	return s.record.asked_by == verb &&
	    strcmp(s.record.asked[0], local) == 0 &&
	    strcmp(s.record.asked[1], domain) == 0;
}

/* VRFY and EXPN: RFC 5321, 3.5; RFC 6531, 3.7.4.2. */
static void
telling(void)
{
	s.config = (struct protocol_config){ .vrfy = true };
	enter(START, false);
	ok(told("VRFY joe", VALID_USER, "", "250 2.1.5 <joe@example.org>\r\n") &&
	    asked_for(LOOKUP_VRFY, "joe", "") &&
	    s.record.asked_after == NULL &&
	    told("EXPN <joe@d>", VALID_USER, "", "250 2.1.5 <joe@d>\r\n") &&
	    asked_for(LOOKUP_EXPN, "joe", "d"), "VRFY and EXPN ask for a name");
	ok(told("VRFY Joe Smith", VALID_USER, "Joe <j@d>",
	    "250 2.1.5 Joe <j@d>\r\n") &&
	    asked_for(LOOKUP_VRFY, "Joe Smith", ""), "or for words");
	ok(told("EXPN list", VALID_USER, "<a@b>\n<c@d>",
	    "250-2.1.5 <a@b>\r\n250 2.1.5 <c@d>\r\n"),
	    "EXPN: a mailbox a line");
	ok(told("VRFY joe", UNKNOWN_USER, "x", "550 5.1.1") &&
	    told("EXPN joe", AMBIGUOUS_USER, "x", "553 5.1.4") &&
	    told("VRFY joe", LOOKUP_ERROR, "x", "451 4.3.0"),
	    "what is not found");
	ok(told("VRFY -joe", VALID_USER, "", "501 5.1.3") &&
	    told("VRFY <>", VALID_USER, "", "501 5.1.3") &&
	    told("VRFY joe@-d", VALID_USER, "", "501 5.1.3") &&
	    told("VRFY x () {", VALID_USER, "", "501 5.1.3") &&
	    told("EXPN x\377", VALID_USER, "", "501 5.1.3") &&
	    told("VRFY x\ty", VALID_USER, "", "501 5.1.3") &&
	    told("VRFY <joe", VALID_USER, "", "501 5.1.3"),
	    "names that nobody is asked for");
	ok(told("VRFY joe", VALID_USER, "J\303\266 <j@d>", "252 2.6.8") &&
	    told("EXPN joe", VALID_USER, "J\303\266 <j@d>", "550 5.6.8") &&
	    told("VRFY joe smtputf8", VALID_USER, "J\303\266 <j@d>",
	    "250 2.1.5 J\303\266 <j@d>\r\n") &&
	    asked_for(LOOKUP_VRFY, "joe", "") &&
	    told("EXPN j\303\266", VALID_USER, "", "550 5.6.8") &&
	    told("VRFY SMTPUTF8", VALID_USER, "", "250 2.1.5 <SMTPUTF8@"),
	    "UTF-8 only for who asks for it, each time");
	s.record.forward = WILL_FORWARD;
	ok(told("VRFY joe@d", UNKNOWN_USER, "", "251 2.1.5") &&
	    told("EXPN joe@d", VALID_USER, "", "550 5.1.1"),
	    "not local, but forwarded");
	s.record.forward = CANNOT_FORWARD;
	ok(told("VRFY joe@d", VALID_USER, "", "550 5.1.1") &&
	    told("EXPN joe@d", VALID_USER, "", "550 5.1.1"), "nor that");
	ok(starts(say(&s, "HELP EXPN"), "214 2.0.0 EXPN"), "HELP knows EXPN");
	enter(RECIPIENT, false);
	ok(told("RCPT TO:<joe@d> NOTIFY=NEVER", VALID_USER, "secret",
	    "250 2.1.5 Recipient ok\r\n") &&
	    asked_for(LOOKUP_RCPT, "joe", "d") &&
	    strcmp(s.record.asked[2], "NOTIFY=NEVER") == 0 &&
	    strcmp(s.record.asked_after, "MAIL") == 0,
	    "RCPT asks the same, with its parameters, and shows nothing");
	told("VRFY joe SMTPUTF8", VALID_USER, "", "250");
	s.record.chosen = (struct reply){ 450, "4.7.1", "caf\303\251" };
	ok(told("RCPT TO:<joe@d>", LOOKUP_ERROR, "", "450 4.7.1 caf??\r\n"),
	    "what VRFY asks for is over with its reply");
	s.config = (struct protocol_config){ .vrfy = false };
}

/* ---- limits ---- */

static unsigned
until_closed(const char *line, unsigned max)
{
	unsigned n = 0;

	while (n < max && s.protocol.wants == PROTOCOL_LINE) {
		say(&s, line);
		n++;
	}
	return n;
}

static void
limits(void)
{
	s.config = (struct protocol_config){ .max_errors = 10 };
	enter(START, false);
	ok(until_closed("XYZZY", 50) == 10 &&
	    s.protocol.reason == PROTOCOL_ERRORS, "the tenth error closes");
	enter(READY, false);
	ok(until_closed("DATA", 50) == 50 && until_closed("EXPN x", 50) == 50,
	    "503 to DATA, and what EXPN gets, do not count");
	enter(SENDER, false);
	s.record.lookup = UNKNOWN_USER;
	ok(until_closed("RCPT TO:<a@b>", 500) == 101 &&
	    s.protocol.reason == PROTOCOL_ERRORS,
	    "100 unknown users are answered, the next one closes");
	enter(SENDER, true);
	s.record.lookup = UNKNOWN_USER;
	ok(until_closed("RCPT TO:<a@b>", 500) == 500, "not in LMTP");
	enter(SENDER, false);
	s.record.lookup = LOOKUP_ERROR;
	ok(until_closed("RCPT TO:<a@b>", 500) == 500, "4xx never counts");
	enter(RECIPIENT, false);
	ok(until_closed("RCPT TO:<a@b>", 300) == 300 &&
	    s.protocol.envelope.recipients == 100,
	    "one recipient too many, often, is 452 and closes nothing");
	s.config.max_errors = 0;
	enter(START, false);
	ok(until_closed("XYZZY", 5000) == 5000, "0 is no limit");
}

static void
browsers(void)
{
	static const char *const first[] = { "GET / HTTP/1.1", "post /",
	    "Host: x", "X-Y: MAIL FROM:<a@b>", "PRI * HTTP/2.0" };
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof first / sizeof *first; i++) {
		enter(START, false);
		good = good && starts(say(&s, first[i]), "421 4.7.0") &&
		    s.protocol.wants == PROTOCOL_CLOSE;
		enter(READY, false);
		good = good && starts(say(&s, first[i]), "500 5.5.1") &&
		    s.protocol.wants == PROTOCOL_LINE;
	}
	ok(good, "a browser is one before anything that is ours, not after");
}

/* ---- messages ---- */

static void
send_message(void)
{
	say(&s, "DATA");
	feed(&s, "x\r\n.\r\n", 6);
}

/* From who did not look at the reply to DATA. */
static void
headers(void)
{
	static const int states[] = { START, READY, SENDER, CHUNK };
	bool good = true;
	size_t i;

	for (i = 0; i < 2 * sizeof states / sizeof *states; i++) {
		enter(states[i / 2], i % 2 == 1);
		good = good && starts(say(&s, "DATA"), "503") &&
		    starts(say(&s, ""), "500") &&
		    starts(say(&s, "From: x"), "421 4.7.0") &&
		    s.protocol.wants == PROTOCOL_CLOSE;
		enter(states[i / 2], i % 2 == 1);
		say(&s, "DATA");
		good = good && starts(say(&s, "RSET"), "250") &&
		    starts(say(&s, "From: x"), "500");
	}
	ok(good, "a header behind a DATA that was refused ends the session");
	enter(RECIPIENT, false);
	send_message();
	protocol_next(&s.protocol);
	ok(starts(say(&s, "From: x"), "500"), "not behind a message");
}

static void
lmtp_replies(void)
{
	enter(RECIPIENT, true);
	say(&s, "RCPT TO:<e@f>");
	say(&s, "RCPT TO:<c@d>");
	send_message();
	ok(starts(protocol_next(&s.protocol), "250") &&
	    starts(protocol_next(&s.protocol), "250") &&
	    s.record.commits == 2 && s.protocol.wants == PROTOCOL_REPLY &&
	    starts(protocol_next(&s.protocol), "250") &&
	    s.record.commits == 3 && s.protocol.wants == PROTOCOL_LINE,
	    "LMTP: a commit and a reply a recipient, duplicates too");
	enter(RECIPIENT, true);
	say(&s, "RCPT TO:<e@f>");
	send_message();
	protocol_next(&s.protocol);
	protocol_end(&s.protocol, PROTOCOL_STOP);
	ok(!protocol_commits(&s.protocol) &&
	    starts(protocol_next(&s.protocol), "421 4.3.2") &&
	    s.record.commits == 1 && s.record.discards == 1 &&
	    s.protocol.wants == PROTOCOL_CLOSE,
	    "LMTP, stopped between two runs: 421 for the rest, a discard");
}

static void
faults(void)
{
	enter(RECIPIENT, false);
	s.record.begin_fault = (struct reply){ 451, "4.3.0", "no" };
	send_message();
	ok(starts(protocol_next(&s.protocol), "451 4.3.0") &&
	    s.record.commits == 0 && s.record.discards == 1 &&
	    s.record.size == 0, "a fault of begin latches its reply");
	enter(RECIPIENT, false);
	s.record.append_fault = (struct reply){ 452, "4.3.1", "full" };
	send_message();
	ok(starts(protocol_next(&s.protocol), "452 4.3.1") &&
	    s.record.commits == 0 && s.record.refused.code == 452,
	    "a fault of append too, and discard is told");
	enter(RECIPIENT, true);
	say(&s, "RCPT TO:<e@f>");
	s.record.append_fault = (struct reply){ 452, "4.3.1", "full" };
	send_message();
	ok(starts(protocol_next(&s.protocol), "452") &&
	    starts(protocol_next(&s.protocol), "452") &&
	    s.record.discards == 1 && s.protocol.wants == PROTOCOL_LINE,
	    "LMTP: once a recipient, discarded once");
}

/* Was the message dropped so, and no other? */
static bool
dropped(int code, const char *hint)
{
	bool same = s.record.hint == hint || (s.record.hint != NULL &&
	    hint != NULL && strcmp(s.record.hint, hint) == 0);

	return s.record.commits == 0 && s.record.discards == 1 &&
	    s.record.refused.code == code && same;
}

static void
untold(void)
{
	s.config.max_size = 3;
	enter(RECIPIENT, false);
	say(&s, "DATA");
	feed(&s, "1234\r\n", 6);
	protocol_end(&s.protocol, PROTOCOL_EOF);
	ok(dropped(0, "Message too large"),
	    "at fault, and the client gone before it was told");
	enter(RECIPIENT, false);
	say(&s, "DATA");
	feed(&s, "1234\r\n.\r\n", 9);
	protocol_end(&s.protocol, PROTOCOL_STOP);
	ok(starts(protocol_next(&s.protocol), "421 4.3.2") &&
	    dropped(0, "Message too large"), "or it was told to come again");
	enter(RECIPIENT, false);
	say(&s, "BDAT 4");
	feed(&s, "1234", 4);
	ok(starts(protocol_next(&s.protocol), "552") &&
	    starts(say(&s, "RSET"), "250") && dropped(552, NULL),
	    "it was told after a chunk, and gave the message up");
	say(&s, "MAIL FROM:<a@b>");
	say(&s, "RCPT TO:<c@d>");
	say(&s, "DATA");
	s.record.discards = 0;
	protocol_end(&s.protocol, PROTOCOL_EOF);
	ok(dropped(0, NULL), "which says nothing of the next one");
	s.config.max_size = 0;
	enter(RECIPIENT, false);
	s.record.append_fault = (struct reply){ 452, "4.3.1", "full" };
	say(&s, "DATA");
	feed(&s, "1\r\n", 3);
	protocol_end(&s.protocol, PROTOCOL_TIMEOUT);
	ok(dropped(0, NULL), "a fault of ours is none of the client's");
}

static void
endings(void)
{
	static const enum protocol_reason reasons[] = { PROTOCOL_EOF,
	    PROTOCOL_TIMEOUT, PROTOCOL_STOP };
	static const char *const want[] = { "", "421 4.4.2", "421 4.3.2" };
	bool good = true;
	size_t i;

	for (i = 0; i < 3; i++) {
		enter(RECIPIENT, false);
		say(&s, "DATA");
		feed(&s, "x\r\n.\r", 5);
		good = good && starts(protocol_end(&s.protocol, reasons[i]),
		    want[i]) && s.record.commits == 0 &&
		    s.record.discards == 1 && s.protocol.reason == reasons[i];
	}
	ok(good, "in the middle of a message: dropped, 421 where it is ours");
}

/* HELO is not forgotten over a transaction with SMTPUTF8. */
static void
names(void)
{
	session_open(&s);
	say(&s, "HELO c");
	say(&s, "MAIL FROM:<a@b> SMTPUTF8");
	ok(strcmp(s.protocol.envelope.with, "SMTP") == 0 &&
	    starts(say(&s, "RSET"), "250") &&
	    starts(say(&s, "MAIL FROM:<a@b>"), "250") &&
	    strcmp(s.protocol.envelope.with, "SMTP") == 0,
	    "HELO is SMTP, also after a message with SMTPUTF8");
}

static void
long_reply(void)
{
	static char text[4000];
	struct span reply;

	memset(text, 'y', sizeof text - 1);
	enter(RECIPIENT, false);
	s.record.verdict = (struct reply){ 550, "5.1.1", text };
	send_message();
	reply = protocol_next(&s.protocol);
	ok(reply.len == 512 && memcmp(reply.ptr + 510, "\r\n", 2) == 0,
	    "a reply line has 512 octets at most");
}

/* ---- lines ---- */

/* A line as it is, in memory of its own; the reply. */
static struct span
send_line(const char *line, size_t len)
{
	char *copy = malloc(len);
	struct span reply;

	assert(copy != NULL);
	memcpy(copy, line, len);
	reply = protocol_command(&s.protocol, (struct span){ copy, len });
	free(copy);
	return reply;
}

/* Each control octet but the tab, at each place of a line. */
static bool
controls_are(const char *line, const char *want)
{
	size_t len = strlen(line), at;
	char copy[64];
	int octet;

	for (at = 1; at < len; at++)
		for (octet = 0; octet < 256; octet++) {
			if ((octet >= ' ' && octet != 127) || octet == '\t' ||
			    octet == '\n' || (octet == '\r' && at + 2 >= len))
				continue;
			memcpy(copy, line, len);
			copy[at] = (char)octet;
			enter(READY, false);
			if (starts(send_line(copy, len), want))
				continue;
			printf("# octet %d at %zu of %s", octet, at, line);
			return false;
		}
	return true;
}

static bool
line_of(const char *verb, size_t len, const char *want)
{
	static char line[PROTOCOL_LINE_MAX];

	memset(line, 'x', sizeof line);
	memcpy(line, verb, strlen(verb));
	if (len <= sizeof line)
		memcpy(line + len - 2, "\r\n", 2);
	enter(READY, false);
	return starts(send_line(line, len < sizeof line ? len : sizeof line),
	    want);
}

static void
lines(void)
{
	s.config = (struct protocol_config){ .max_errors = 10 };
	ok(controls_are("NOOP with text\r\n", "500 5.5.2"),
	    "a control octet anywhere in a line is 500 5.5.2");
	enter(READY, false);
	ok(starts(send_line("BDAT\0 5\r\n", 9), "421 4.5.4"),
	    "in one of BDAT it is 421 4.5.4");
	ok(line_of("NOOP ", 4096, "250 2.0.0") &&
	    line_of("NOOP ", 4097, "500 5.5.2") &&
	    line_of("XYZZY ", 5000, "500 5.5.2"),
	    "a line has 4096 octets at most, its end included");
	ok(line_of("BDAT 1 ", 4097, "421 4.5.4"),
	    "a longer one of BDAT cannot be read");
	enter(READY, false);
	ok(starts(send_line("NOOP\n", 5), "250") &&
	    starts(send_line("RSET \t \r\n", 9), "250") &&
	    starts(send_line("RSET\t\n", 6), "250") &&
	    starts(send_line("mail\tFROM:<a@b>\t \r\n", 19), "250 2.1.0"),
	    "LF ends a line; white space at its end, and tabs, are white");
	ok(starts(send_line("\r\n", 2), "500 5.5.1") &&
	    starts(send_line("\n", 1), "500 5.5.1") &&
	    starts(send_line("NOOPx\r\n", 7), "500 5.5.1") &&
	    starts(send_line("NOO\r\n", 5), "500 5.5.1"),
	    "a verb is a whole word");
	enter(START, false);
	ok(starts(say(&s, "HELO () { :; }"), "501 ") &&
	    starts(say(&s, "EHLO () { :; }"), "501 ") &&
	    starts(say(&s, "MAIL FROM:<a@b>"), "503"),
	    "no name starts as a function of the shell");
}

/* ---- UTF-8, against the grammar of RFC 3629, 4 ---- */

static const struct utf8_row {
	size_t len;
	unsigned char first, first_to, second, second_to;
} utf8_rows[] = {
	{ 1, 0x00, 0x7f, 0, 0 }, { 2, 0xc2, 0xdf, 0x80, 0xbf },
	{ 3, 0xe0, 0xe0, 0xa0, 0xbf }, { 3, 0xe1, 0xec, 0x80, 0xbf },
	{ 3, 0xed, 0xed, 0x80, 0x9f }, { 3, 0xee, 0xef, 0x80, 0xbf },
	{ 4, 0xf0, 0xf0, 0x90, 0xbf }, { 4, 0xf1, 0xf3, 0x80, 0xbf },
	{ 4, 0xf4, 0xf4, 0x80, 0x8f },
};

static bool
row_fits(const struct utf8_row *row, const unsigned char *u, size_t len)
{
	size_t i;

	if (row->len > len || u[0] < row->first || u[0] > row->first_to)
		return false;
	if (row->len > 1 && (u[1] < row->second || u[1] > row->second_to))
		return false;
	for (i = 2; i < row->len; i++)
		if (u[i] < 0x80 || u[i] > 0xbf)
			return false;
	return true;
}

static bool
is_valid(const unsigned char *u, size_t len)
{
	const struct utf8_row *row, *end = utf8_rows +
	    sizeof utf8_rows / sizeof *utf8_rows;

	while (len > 0) {
		for (row = utf8_rows; row < end; row++)
			if (row_fits(row, u, len))
				break;
		if (row == end)
			return false;
		u += row->len;
		len -= row->len;
	}
	return true;
}

static bool
utf8_case(const unsigned char *u, size_t len)
{
	char line[64];
	int n = sprintf(line, "MAIL FROM:<%.*s@b> SMTPUTF8", (int)len,
	    (const char *)u);
	bool good;

	line[n] = '\0';
	good = starts(say(&s, line), is_valid(u, len) ? "250 2.1.0" :
	    "501 5.1.7");
	say(&s, "RSET");
	if (!good)
		printf("# %02x %02x %02x %02x, %zu of them\n", u[0], u[1], u[2],
		    u[3], len);
	return good;
}

/* Every first octet, and those where the others make a difference. */
static void
utf8(void)
{
	static const unsigned char tails[] = { 'x', 0x80, 0x8f, 0x90, 0x9f,
	    0xa0, 0xbf, 0xc0 };
	unsigned char u[5] = "";
	bool good = true;
	unsigned n;

	s.config = (struct protocol_config){ .max_errors = 0 };
	enter(READY, false);
	for (n = 0; n < 128 * 512 && good; n++) {
		u[0] = (unsigned char)(128 + n / 512);
		u[1] = tails[n / 64 % 8];
		u[2] = tails[n / 8 % 8];
		u[3] = tails[n % 8];
		good = utf8_case(u, 4) &&
		    (n % 8 != 0 || utf8_case(u, 3)) &&
		    (n % 64 != 0 || utf8_case(u, 2)) &&
		    (n % 512 != 0 || utf8_case(u, 1));
	}
	ok(good, "UTF-8 is what RFC 3629 says, and nothing else");
}

/* ---- what is announced, and under which name ---- */

/* Does it hold this? */
static bool
holds(struct span octets, const char *want)
{
	size_t len = strlen(want), i;

	for (i = 0; i + len <= octets.len; i++)
		if (memcmp(octets.ptr + i, want, len) == 0)
			return true;
	return false;
}

static void
announced(void)
{
	struct span reply;

	s.config = (struct protocol_config){ .max_size = 1000 };
	enter(START, false);
	reply = say(&s, "EHLO c");
	ok(reply.len > 0 && starts(reply, "250-mx.example.org\r\n250-") &&
	    holds(reply, "250-SIZE 1000\r\n") &&
	    holds(reply, "LIMITS RCPTMAX=100\r\n") &&
	    !holds(reply, "BINARYMIME") && !holds(reply, "DSN") &&
	    !holds(reply, "SEND") && !holds(reply, "VRFY") &&
	    !holds(reply, "EXPN") && !holds(reply, "AUTH") &&
	    !holds(reply, "STARTTLS") && !holds(reply, "MAILMAX") &&
	    !holds(reply, "2.0.0"),
	    "EHLO announces what works, with no enhanced code");
	s.config = (struct protocol_config){ .crlf = true, .dsn = true,
	    .terminal = true, .max_messages = 5 };
	enter(START, false);
	reply = say(&s, "EHLO c");
	ok(holds(reply, "BINARYMIME\r\n") && holds(reply, "DSN\r\n") &&
	    holds(reply, "SEND\r\n") && holds(reply, "SOML\r\n") &&
	    holds(reply, "SAML\r\n") && holds(reply, "SIZE 0\r\n") &&
	    holds(reply, "MAILMAX=5"), "options change that");
	s.config = (struct protocol_config){ .max_size = 0 };
	enter(START, false);
	ok(starts(say(&s, "HELO c"), "250 mx.example.org\r\n"),
	    "HELO has one line");
}

/* SEND and its kin where they are on. */
static void
terminals(void)
{
	static const char *const verbs[] = { "SEND", "SOML", "SAML" };
	char line[64];
	bool good = true;
	size_t i;

	s.config = (struct protocol_config){ .terminal = true };
	for (i = 0; i < 3; i++) {
		snprintf(line, sizeof line, "%s FROM:<a@b>", verbs[i]);
		enter(START, false);
		good = good && starts(say(&s, line), "503 5.5.1");
		enter(READY, false);
		good = good && starts(say(&s, line), "250 2.1.0") &&
		    strcmp(s.protocol.envelope.verb, verbs[i]) == 0 &&
		    starts(say(&s, line), "503 5.5.1") &&
		    starts(say(&s, "RSET"), "250") &&
		    starts(say(&s, "MAIL FROM:<a@b>"), "250") &&
		    strcmp(s.protocol.envelope.verb, "MAIL") == 0;
	}
	ok(good, "SEND, SOML and SAML are as MAIL where they are on");
}

static bool
with_is(bool lmtp, const char *greeting, const char *mail, const char *want)
{
	enter(START, lmtp);
	say(&s, greeting);
	if (starts(say(&s, mail), "250") &&
	    strcmp(s.protocol.envelope.with, want) == 0)
		return true;
	printf("# %s, %s: %s, not %s\n", greeting, mail,
	    s.protocol.envelope.with, want);
	return false;
}

static void
protocol_names(void)
{
	s.config = (struct protocol_config){ .max_size = 0 };
	ok(with_is(false, "HELO c", "MAIL FROM:<a@b>", "SMTP") &&
	    with_is(false, "EHLO c", "MAIL FROM:<a@b>", "ESMTP") &&
	    with_is(false, "EHLO c", "MAIL FROM:<a@b> SMTPUTF8", "UTF8SMTP") &&
	    with_is(true, "LHLO c", "MAIL FROM:<a@b>", "LMTP") &&
	    with_is(true, "LHLO c", "MAIL FROM:<a@b> SMTPUTF8", "UTF8LMTP"),
	    "the protocol's name is that of RFC 3848 and 6531");
	with_is(false, "EHLO c", "MAIL FROM:<a@b> SMTPUTF8", "UTF8SMTP");
	say(&s, "RSET");
	say(&s, "MAIL FROM:<a@b>");
	ok(strcmp(s.protocol.envelope.with, "ESMTP") == 0,
	    "SMTPUTF8 does not outlive its transaction");
}

/* ---- the envelope ---- */

static bool
is_exactly(struct span octets, const char *want)
{
	return octets.len == strlen(want) &&
	    memcmp(octets.ptr, want, octets.len) == 0;
}

static bool
mailbox_is(struct mailbox m, const char *whole, const char *local,
    const char *domain)
{
	return is_exactly(m.whole, whole) && is_exactly(m.local, local) &&
	    is_exactly(m.domain, domain);
}

static void
envelopes(void)
{
	const struct envelope *e = &s.protocol.envelope;

	s.config = (struct protocol_config){ .max_size = 0 };
	enter(READY, false);
	say(&s, "MAIL FROM:<@x,@[1.2.3.4]:\"a@b\"@c.d> SIZE=5 ENVID=q+2B1");
	ok(mailbox_is(e->sender, "\"a@b\"@c.d", "\"a@b\"", "c.d") &&
	    is_exactly(e->options, "SIZE=5 ENVID=q+2B1") &&
	    is_exactly(e->envid, "q+1") && is_exactly(e->helo, "c"),
	    "the sender, without its route; its parameters; ENVID decoded");
	say(&s, "RCPT TO:<joe>");
	say(&s, "RCPT TO: a@b  NOTIFY=NEVER \t ORCPT=x;y ");
	say(&s, "RCPT TO:<a@b>");
	ok(e->recipients == 3 &&
	    mailbox_is(envelope_recipient(e, 0), "joe", "joe", "") &&
	    mailbox_is(envelope_recipient(e, 1), "a@b", "a", "b") &&
	    mailbox_is(envelope_recipient(e, 2), "a@b", "a", "b") &&
	    is_exactly(envelope_options(e, 0), "") &&
	    is_exactly(envelope_options(e, 1), "NOTIFY=NEVER ORCPT=x;y") &&
	    is_exactly(envelope_options(e, 2), ""),
	    "the recipients in their order, twice where given twice");
	say(&s, "RSET");
	say(&s, "MAIL FROM:<>");
	ok(mailbox_is(e->sender, "", "", "") && is_exactly(e->options, "") &&
	    is_exactly(e->envid, "") && e->recipients == 0 &&
	    e->body == BODY_7BIT && !e->utf8, "RSET forgets all of it");
	say(&s, "RSET");
	say(&s, "MAIL FROM:<a@b> SMTPUTF8 BODY=8BITMIME ENVID=x FOO");
	say(&s, "MAIL FROM:<a@b>");
	ok(!e->utf8 && e->body == BODY_7BIT && is_exactly(e->envid, "") &&
	    is_exactly(e->options, ""),
	    "a MAIL that was refused leaves nothing");
}

/* So many recipients of so many octets until 452. */
static size_t
recipients_until(const char *format, size_t fill, size_t max)
{
	static char x[1024], line[2048];
	struct span reply;
	size_t n;

	memset(x, 'x', sizeof x);
	enter(SENDER, false);
	for (n = 0; n < max; n++) {
		snprintf(line, sizeof line, format, (int)fill, x);
		reply = say(&s, line);
		if (starts(reply, "452 4.5.3"))
			return n;
		if (!starts(reply, "250 2.1.5"))
			break;
	}
	return 0;
}

static void
lists(void)
{
	s.config = (struct protocol_config){ .max_recipients = 20000 };
	/* with the newline that each gets */
	ok(recipients_until("RCPT TO:<%.*s@b>", 509, 300) == 200 &&
	    recipients_until("RCPT TO:<%.*s@b>", 101, 2000) == 102400 / 104,
	    "the recipients together have 100 KiB at most");
	ok(recipients_until("RCPT TO:<a@b> ORCPT=r;%.*s", 498 - 5, 300) ==
	    102400 / 502, "and so have their parameters");
	s.config = (struct protocol_config){ .max_recipients = 3 };
	ok(recipients_until("RCPT TO:<%.*s@b>", 1, 10) == 3,
	    "or as many as are allowed");
	send_message();
	ok(starts(protocol_next(&s.protocol), "250") &&
	    s.protocol.wants == PROTOCOL_LINE,
	    "and those that were taken get the message");
	s.config = (struct protocol_config){ .max_messages = 2 };
	enter(RECIPIENT, false);
	send_message();
	protocol_next(&s.protocol);
	say(&s, "MAIL FROM:<a@b>");
	say(&s, "RCPT TO:<a@b>");
	send_message();
	protocol_next(&s.protocol);
	ok(starts(say(&s, "MAIL FROM:<a@b>"), "452 4.5.3") &&
	    s.protocol.wants == PROTOCOL_LINE, "and as many messages");
}

static const struct line_case eight_bit[] = {
	{ "<a@b> ORCPT=\377;x", "501 5.5.4" },
	{ "<a@b> ORCPT=rfc822;\377", "501 5.5.4" },
	{ "<a@b> ORCPT=utf-8;\377", "501 5.5.4" },
	{ "<a@b> ORCPT=rfc822;\303\244", "250" },
	{ "<a@b> ORCPT=utf-8;\303\244", "250" },
	{ "<a@b> ORCPT=utf-8;+", "250" },
};

static const struct line_case bad_type[] = {
	{ "<a@b> ORCPT=\377;x", "501 5.5.4" },
	{ "<a@b> ORCPT=\303\244;x", "250" },
	{ "<a@b> ORCPT=utf-8;\377", "501 5.5.4" },
	{ "<a@b> ORCPT=utf-8;\303\244", "250" },
};

static const struct line_case routes[] = {
	{ "<@\303\244:a@b> SMTPUTF8", "250 2.1.0" },
	{ "<@\303\244:a@b>", "250 2.1.0" }, { "<@\377:a@b>", "501 5.1.7" },
	{ "<@\377:a@b> SMTPUTF8", "501" }, { "<@-x:a@b>", "501 5.5.2" },
	{ "<@x.:a@b>", "250 2.1.0" }, { "<@x..:a@b>", "501 5.5.2" },
	{ "<@x,:a@b>", "501 5.5.2" },
	{ "<@x@y:a@b>", "501 5.5.2" }, { "<@x:-a@b>", "501 5.1.7" },
};

static bool
domain_of(size_t len, const char *want)
{
	char line[512] = "MAIL FROM:<a@";

	memset(line + 13, 'x', len);
	strcpy(line + 13 + len, ">");
	enter(READY, false);
	return starts(say(&s, line), want);
}

static void
other_paths(void)
{
	static char route[700];

	s.config = (struct protocol_config){ .max_size = 0 };
	TRY("UTF-8 in ORCPT, and nothing else of 8 bits", "MAIL FROM:<a@b>",
	    "RCPT TO:", eight_bit);
	TRY("so too with SMTPUTF8, and in its type", "MAIL FROM:<a@b> SMTPUTF8",
	    "RCPT TO:", bad_type);
	TRY("a route is checked too", NULL, "MAIL FROM:", routes);
	memset(route, 'x', 300);
	memcpy(route, "<@", 2);
	strcpy(route + 300, ":a@b>");
	TRY("up to its length", NULL, "MAIL FROM:",
	    ((const struct line_case[]){ { route, "501 5.5.2" } }));
	ok(domain_of(255, "250") && domain_of(256, "501 5.1.7"),
	    "a domain has 255 octets at most");
}

/* The mailbox that makes a 251 so long. */
static bool
forward_of(size_t line, const char *want)
{
	static const char rest[] =
	    "251 2.1.5 User not local; will forward to <@b>\r\n";
	static char text[1024];
	size_t len = line - (sizeof rest - 1);
	struct span reply;

	memcpy(text, "RCPT TO:<", 9);
	memset(text + 9, 'x', len);
	strcpy(text + 9 + len, "@b>");
	enter(SENDER, false);
	s.record.forward = WILL_FORWARD;
	reply = say(&s, text);
	return starts(reply, want) &&
	    (!starts(reply, "251") || reply.len == line);
}

static void
forwards(void)
{
	s.config = (struct protocol_config){ .max_size = 0 };
	ok(forward_of(505, "251 2.1.5"), "a long path is shown where it fits");
	ok(forward_of(512, "251 2.1.5"), "up to the last octet of the line");
	ok(forward_of(513, "250 2.1.5") && forward_of(550, "250 2.1.5"),
	    "and not where it does not");
	enter(SENDER, false);
	s.record.forward = CANNOT_FORWARD;
	s.record.lookup = VALID_USER;
	ok(starts(say(&s, "RCPT TO:<a@b>"), "550 5.7.1") &&
	    s.protocol.envelope.recipients == 0, "relaying is refused");
}

/* ---- DATA and BDAT that cannot begin ---- */

static bool
data_after(bool lmtp, enum lookup_result first, enum lookup_result second,
    const char *want)
{
	bool good;

	enter(SENDER, lmtp);
	s.record.lookup = first;
	say(&s, "RCPT TO:<a@b>");
	s.record.lookup = second;
	say(&s, "RCPT TO:<a@b>");
	good = starts(say(&s, "DATA"), want) && s.record.begins == 0 &&
	    s.protocol.wants == PROTOCOL_LINE;
	say(&s, "BDAT 1");
	return good && feed(&s, "x", 1) == 1 &&
	    starts(protocol_next(&s.protocol), want) && s.record.begins == 0;
}

static void
no_recipients(void)
{
	s.config = (struct protocol_config){ .crlf = true };
	ok(data_after(false, UNKNOWN_USER, AMBIGUOUS_USER, "554 5.5.1") &&
	    data_after(false, UNKNOWN_USER, LOOKUP_ERROR, "451 4.3.0") &&
	    data_after(false, LOOKUP_ERROR, UNKNOWN_USER, "451 4.3.0") &&
	    data_after(true, UNKNOWN_USER, LOOKUP_ERROR, "503 5.5.1"),
	    "no recipient left: 554, 451 where one was deferred; LMTP 503");
	enter(READY, false);
	say(&s, "MAIL FROM:<a@b> BODY=BINARYMIME");
	say(&s, "RCPT TO:<a@b>");
	ok(starts(say(&s, "DATA"), "503 5.5.1") && s.record.begins == 0,
	    "BINARYMIME needs BDAT");
}

static const struct line_case bad_chunks[] = {
	{ "", "421 4.5.4" }, { " ", "421 4.5.4" }, { " x", "421 4.5.4" },
	{ " -1", "421 4.5.4" }, { " +1", "421 4.5.4" }, { " 1x", "421 4.5.4" },
	{ " 0x1", "421 4.5.4" }, { " 1,5", "421 4.5.4" },
	{ " LAST", "421 4.5.4" }, { " 1 LASTS", "421 4.5.4" },
	{ " 1 LAS", "421 4.5.4" }, { " 1 LAST x", "421 4.5.4" },
	{ " 1 1", "421 4.5.4" }, { " 1 LAST LAST", "421 4.5.4" },
	{ " 18446744073709551616", "421 4.5.4" },
	{ " 99999999999999999999", "421 4.5.4" },
};

static const struct line_case good_chunks[] = {
	{ " 0", "" }, { " 1 last", "" }, { "\t1\tLAST \t", "" },
	{ " 18446744073709551615", "" }, { " 0001", "" },
};

static void
chunk_lines(void)
{
	size_t i;
	bool good = true;

	s.config = (struct protocol_config){ .max_size = 0 };
	TRY("a BDAT that cannot be read ends the session", NULL, "BDAT",
	    bad_chunks);
	TRY("one that can has no reply yet", NULL, "BDAT", good_chunks);
	for (i = 0; i < sizeof bad_chunks / sizeof *bad_chunks; i++) {
		char line[64];

		enter(CHUNK, false);
		snprintf(line, sizeof line, "BDAT%s", bad_chunks[i].argument);
		say(&s, line);
		good = good && s.protocol.wants == PROTOCOL_CLOSE &&
		    s.protocol.reason == PROTOCOL_LOST &&
		    s.record.discards == 1 && s.record.commits == 0;
	}
	ok(good, "and drops the message");
	enter(RECIPIENT, false);
	ok(say(&s, "BDAT 0").len == 0 &&
	    starts(protocol_next(&s.protocol), "250 2.0.0") &&
	    say(&s, "BDAT 0 LAST").len == 0 &&
	    starts(protocol_next(&s.protocol), "250 2.0.0") &&
	    s.record.commits == 1 && s.record.size == 0 &&
	    starts(say(&s, "MAIL FROM:<a@b>"), "250"), "BDAT 0, BDAT 0 LAST");
}

/* A chunk; the reply begins so. */
static bool
chunk(const char *octets, const char *last, const char *want)
{
	char line[64];
	size_t len = strlen(octets);

	snprintf(line, sizeof line, "BDAT %zu%s", len, last);
	say(&s, line);
	return feed(&s, octets, len) == len &&
	    starts(protocol_next(&s.protocol), want);
}

static void
bad_chunk_messages(void)
{
	s.config = (struct protocol_config){ .max_size = 5 };
	enter(RECIPIENT, false);
	ok(chunk("12345", "", "250 2.0.0") && chunk("6", "", "552 5.3.4") &&
	    chunk("7", "", "552 5.3.4") && chunk("8", " LAST", "552 5.3.4") &&
	    s.record.commits == 0 && s.record.discards == 1 &&
	    starts(say(&s, "MAIL FROM:<a@b>"), "250"),
	    "a chunk too many, and each one after it, is refused");
	enter(RECIPIENT, false);
	ok(chunk("123", "", "250") && chunk("45", " LAST", "250") &&
	    s.record.commits == 1 && s.record.size == 5,
	    "exactly the limit is accepted, over two chunks");
	enter(RECIPIENT, true);
	say(&s, "RCPT TO:<a@b>");
	ok(chunk("123456", "", "552") && s.protocol.wants == PROTOCOL_LINE &&
	    chunk("7", " LAST", "552") && s.protocol.wants == PROTOCOL_REPLY &&
	    s.record.answered_len == strlen("BDAT 1 LAST") &&
	    starts(protocol_next(&s.protocol), "552") &&
	    s.record.answered_len == 0 &&
	    s.protocol.wants == PROTOCOL_LINE && s.record.discards == 1,
	    "LMTP: one reply a chunk, one a recipient at the last");
	enter(RECIPIENT, false);
	s.record.begin_fault = (struct reply){ 451, "4.3.0", "no" };
	ok(chunk("123456", "", "451") && chunk("7", " LAST", "451") &&
	    s.record.refused.code == 451, "the first fault is the reply");
	enter(READY, false);
	ok(chunk("123456", "", "503") && starts(say(&s, "MAIL FROM:<a@b>"),
	    "250") && starts(say(&s, "RCPT TO:<c@d>"), "250") &&
	    chunk("1", " LAST", "250") && s.record.commits == 1,
	    "a chunk outside of a transaction is refused, and leaves nothing");
	enter(CHUNK, false);
	ok(starts(say(&s, "RSET"), "250") && s.record.discards == 1 &&
	    s.record.refused.code == 0 &&
	    starts(say(&s, "MAIL FROM:<a@b>"), "250"), "RSET drops the chunks");
	enter(CHUNK, false);
	ok(starts(say(&s, "EHLO c"), "250") && s.record.discards == 1 &&
	    starts(say(&s, "MAIL FROM:<a@b>"), "250"), "EHLO drops them");
	enter(CHUNK, false);
	ok(starts(say(&s, "QUIT"), "221") && s.record.discards == 1 &&
	    s.protocol.reason == PROTOCOL_QUIT, "QUIT drops them");
}

/* ---- STARTTLS ---- */

static struct span
start_tls(enum protocol_tls how)
{
	return protocol_start_tls(&s.protocol, how);
}

/* STARTTLS is wanted, and has no reply of its own. */
static bool
wants_tls(void)
{
	return say(&s, "STARTTLS").len == 0 &&
	    s.protocol.wants == PROTOCOL_TLS;
}

static void
starttls_states(bool lmtp)
{
	bool good = true;
	int state;

	for (state = START; state < STATES; state++) {
		enter(state, lmtp);
		good = good && starts(say(&s, "STARTTLS x"), "501 5.5.4") &&
		    (state <= READY ? wants_tls() :
		    starts(say(&s, "STARTTLS"), "503 5.5.1") &&
		    s.record.begun == (state == CHUNK));
	}
	ok(good, lmtp ? "STARTTLS in every state, LMTP" :
	    "STARTTLS in every state: outside of a transaction");
}

static void
starttls_outcomes(void)
{
	bool good;

	enter(READY, false);
	ok(wants_tls() && starts(start_tls(TLS_READY), "220 2.0.0 ") &&
	    s.protocol.wants == PROTOCOL_LINE &&
	    strcmp(s.record.told_line, "STARTTLS") == 0 &&
	    strcmp(s.record.told.verb, "STARTTLS") == 0,
	    "TLS can be had: 220, of which the log is told");
	s.config.max_errors = 1;
	enter(READY, false);
	good = wants_tls() && starts(start_tls(TLS_NOT_NOW), "454 4.7.0 ");
	ok(good && s.protocol.wants == PROTOCOL_LINE && !s.protocol.tls &&
	    s.record.told.reply->code == 454 &&
	    starts(say(&s, "MAIL FROM:<a@b>"), "250") &&
	    starts(say(&s, "RSET"), "250") && wants_tls(),
	    "TLS cannot be had: 454, no error, and on in clear");
	s.config.max_errors = 10;
	enter(READY, false);
	good = wants_tls() && starts(start_tls(TLS_PIPELINED), "421 4.7.0 ");
	ok(good && s.protocol.wants == PROTOCOL_CLOSE &&
	    s.protocol.reason == PROTOCOL_PIPELINED &&
	    strcmp(s.record.told_line, "STARTTLS") == 0,
	    "something stands behind it: 421, and the end");
	enter(READY, false);
	good = wants_tls() && start_tls(TLS_READY).len > 0;
	ok(good && protocol_end(&s.protocol, PROTOCOL_NO_TLS).len == 0 &&
	    s.protocol.wants == PROTOCOL_CLOSE &&
	    s.protocol.reason == PROTOCOL_NO_TLS,
	    "a handshake that failed: the end, and no reply");
}

static void
go_to_tls(void)
{
	if (!wants_tls() || start_tls(TLS_READY).len == 0)
		abort();
	protocol_tls_is_up(&s.protocol);
}

static void
tls_is_up(void)
{
	struct span reply;

	enter(READY, false);
	say(&s, "MAIL FROM:<a@b> SMTPUTF8 ENVID=x");
	say(&s, "RSET");
	go_to_tls();
	ok(s.protocol.wants == PROTOCOL_LINE && s.protocol.tls &&
	    s.protocol.envelope.helo.len == 0 &&
	    s.protocol.envelope.with == NULL &&
	    s.protocol.envelope.envid.len == 0 && !s.protocol.envelope.utf8 &&
	    starts(say(&s, "MAIL FROM:<a@b>"), "503 5.5.1"),
	    "TLS is up: hello and transaction are forgotten");
	reply = say(&s, "EHLO c");
	ok(!holds(reply, "STARTTLS") &&
	    starts(say(&s, "STARTTLS"), "503 5.5.1") &&
	    starts(say(&s, "STARTTLS x"), "501 5.5.4") &&
	    s.protocol.wants == PROTOCOL_LINE &&
	    strcmp(s.protocol.envelope.with, "ESMTPS") == 0,
	    "in TLS it is not announced, and out of sequence");
	s.config.auth = s.config.auth_in_clear = true;
	enter(READY, false);
	ok(starts(say(&s, "AUTH PLAIN AGFubgBzZWNyZXQ="), "235") &&
	    starts(say(&s, "AUTH PLAIN AGFubgBzZWNyZXQ="), "503") &&
	    (go_to_tls(), !s.protocol.authenticated) &&
	    holds(say(&s, "EHLO c"), "AUTH PLAIN LOGIN") &&
	    starts(say(&s, "AUTH PLAIN AGFubgBzZWNyZXQ="), "235") &&
	    starts(say(&s, "EHLO c"), "250-") &&
	    strcmp(s.protocol.envelope.with, "ESMTPSA") == 0,
	    "in TLS who authenticated before has to do it again");
	enter(READY, false);
	say(&s, "AUTH LOGIN");
	ok(starts(say(&s, "STARTTLS"), "334") &&
	    s.protocol.wants == PROTOCOL_LINE,
	    "within the dialogue of AUTH it is a name, in base64");
	s.config.auth = s.config.auth_in_clear = false;
	s.config.max_errors = 2;
	enter(READY, false);
	ok(starts(say(&s, "XYZZY"), "500") && (go_to_tls(), true) &&
	    starts(say(&s, "XYZZY"), "421 4.7.0"), "errors stay counted");
	s.config.max_errors = 10;
}

static void
starttls(void)
{
	bool good = true;
	struct span reply;

	s.config = (struct protocol_config){ .max_errors = 10,
	    .starttls = true };
	enter(START, false);
	reply = say(&s, "EHLO c");
	ok(holds(reply, "250-STARTTLS\r\n"), "STARTTLS is announced");
	starttls_states(false);
	starttls_states(true);
	starttls_outcomes();
	tls_is_up();
	s.config.require_tls = s.config.vrfy = s.config.auth = true;
	enter(READY, false);
	good = starts(say(&s, "MAIL FROM:<a@b>"), "530 5.7.0") &&
	    starts(say(&s, "VRFY x"), "530 5.7.0") &&
	    starts(say(&s, "EXPN x"), "530 5.7.0") &&
	    starts(say(&s, "AUTH PLAIN"), "530 5.7.0") &&
	    starts(say(&s, "MAIL"), "501 5.5.4") &&
	    starts(say(&s, "NOOP"), "250");
	go_to_tls();
	say(&s, "EHLO c");
	ok(good && starts(say(&s, "MAIL FROM:<a@b>"), "250"),
	    "where it is required: 530 before it, and only then");
}

/* ---- which replies are errors ---- */

static const struct error_case {
	int state;
	const char *line;
	bool counts;
} errors[] = {
	{ READY, "XYZZY", true }, { READY, "EHLO", false },
	{ START, "MAIL FROM:<a@b>", true }, { SENDER, "MAIL FROM:<a@b>", true },
	{ READY, "MAIL FROM:", true }, { READY, "MAIL FROM:<-a@b>", true },
	{ READY, "MAIL FROM:<a@b> FOO", true },
	{ READY, "MAIL FROM:<a@b> SIZE=9999", true },
	{ READY, "MAIL FROM:<\303@b>", true }, { READY, "RSET x", true },
	{ RECIPIENT, "DATA x", true }, { READY, "HELP xyzzy", true },
	{ READY, "TURN", true }, { READY, "AUTH PLAIN", true },
	{ READY, "STARTTLS", true }, { READY, "SEND FROM:<a@b>", true },
	{ READY, "QUIT x", true }, { READY, "NOOP \001", true },
	{ READY, "DATA", false }, { SENDER, "DATA", false },
	{ CHUNK, "DATA", false }, { READY, "RCPT TO:<a@b>", false },
	{ SENDER, "RCPT", false }, { SENDER, "RCPT TO:<-a@b>", false },
	{ SENDER, "RCPT TO:<a@b> FOO", false },
	{ SENDER, "RCPT TO:<a\001b>", false },
	{ READY, "VRFY", false }, { READY, "EXPN", false },
	{ READY, "EXPN x", false }, { READY, "NOOP", false },
	{ READY, "RSET", false }, { READY, "HELP", false },
};

static void
error_table(void)
{
	bool good = true, closed;
	size_t i;

	s.config = (struct protocol_config){ .max_errors = 1,
	    .max_size = 1000 };
	for (i = 0; i < sizeof errors / sizeof *errors; i++) {
		enter(errors[i].state, false);
		closed = starts(say(&s, errors[i].line), "421 4.7.0") &&
		    s.protocol.wants == PROTOCOL_CLOSE &&
		    s.protocol.reason == PROTOCOL_ERRORS;
		if (closed == errors[i].counts)
			continue;
		printf("# %s in state %d\n", errors[i].line, errors[i].state);
		good = false;
	}
	ok(good, "5xx count, but for those that follow from others");
	enter(RECIPIENT, false);
	s.record.verdict = (struct reply){ 554, "5.6.0", "no" };
	send_message();
	ok(starts(protocol_next(&s.protocol), "554 5.6.0") &&
	    s.protocol.wants == PROTOCOL_LINE &&
	    starts(say(&s, "MAIL FROM:<a@b>"), "250"),
	    "a refused message is no error, and its transaction is over");
	enter(SENDER, false);
	s.record.lookup = UNKNOWN_USER;
	say(&s, "RCPT TO:<a@b>");
	ok(starts(say(&s, "DATA"), "554") && chunk("x", "", "554") &&
	    s.protocol.wants == PROTOCOL_LINE, "nor is 554 to DATA and BDAT");
	s.config.max_errors = 2;
	enter(RECIPIENT, false);
	say(&s, "BDAT 1");
	feed(&s, "x", 1);
	protocol_next(&s.protocol);
	ok(starts(say(&s, "XYZZY"), "500") && starts(say(&s, "XYZZY"), "421") &&
	    s.record.discards == 1, "too many errors drop the message");
}

static void
guesses(void)
{
	unsigned i;

	s.config = (struct protocol_config){ .max_errors = 1 };
	enter(SENDER, false);
	for (i = 0; i < 100; i++) {
		s.record.forward = i % 2 == 0 ? LOCAL_DOMAIN : CANNOT_FORWARD;
		s.record.lookup = i % 4 == 0 ? UNKNOWN_USER : AMBIGUOUS_USER;
		say(&s, "RCPT TO:<a@b>");
		s.record.lookup = LOOKUP_ERROR;
		s.record.forward = LOCAL_DOMAIN;
		say(&s, "RCPT TO:<a@b>");
		say(&s, "RCPT TO:<-a@b>");
		say(&s, "RSET");
		say(&s, "MAIL FROM:<a@b>");
	}
	s.record.lookup = VALID_USER;
	ok(s.protocol.wants == PROTOCOL_LINE &&
	    starts(say(&s, "RCPT TO:<a@b>"), "250") &&
	    (s.record.forward = CANNOT_FORWARD,
	    starts(say(&s, "RCPT TO:<a@b>"), "421 4.7.0")) &&
	    s.protocol.wants == PROTOCOL_CLOSE,
	    "550 and 553 are guesses, in all transactions together");
}

/* ---- endings ---- */

static void
stopped(void)
{
	struct span reply;
	bool good = true;
	int state;

	s.config = (struct protocol_config){ .max_size = 0 };
	enter(RECIPIENT, false);
	send_message();
	ok(protocol_commits(&s.protocol) &&
	    protocol_end(&s.protocol, PROTOCOL_STOP).len == 0 &&
	    !protocol_commits(&s.protocol) &&
	    starts(protocol_next(&s.protocol), "421 4.3.2") &&
	    s.protocol.wants == PROTOCOL_CLOSE && s.record.commits == 0 &&
	    s.record.discards == 1,
	    "stopped before the run of a whole message: 421, nothing run");
	enter(RECIPIENT, false);
	say(&s, "BDAT 0");
	ok(protocol_end(&s.protocol, PROTOCOL_STOP).len == 0 &&
	    starts(protocol_next(&s.protocol), "421 4.3.2") &&
	    s.protocol.wants == PROTOCOL_CLOSE && s.record.discards == 1,
	    "stopped before the reply to a chunk: 421, and a discard");
	enter(RECIPIENT, true);
	say(&s, "RCPT TO:<e@f>");
	send_message();
	protocol_next(&s.protocol);
	reply = protocol_end(&s.protocol, PROTOCOL_EOF);
	ok(reply.len == 0 && s.protocol.wants == PROTOCOL_CLOSE &&
	    s.record.commits == 1 && s.record.discards == 1,
	    "LMTP, the client gone between two runs: a discard");
	for (state = START; state < STATES; state++) {
		enter(state, false);
		good = good && protocol_end(&s.protocol, PROTOCOL_EOF).len ==
		    0 && s.record.discards == (state == CHUNK) &&
		    !s.record.begun && s.protocol.wants == PROTOCOL_CLOSE;
		enter(state, false);
		good = good && starts(protocol_end(&s.protocol,
		    PROTOCOL_TIMEOUT), "421 4.4.2") &&
		    s.record.discards == (state == CHUNK);
	}
	ok(good, "an end in each state drops what has begun, once");
}

/* ---- every reply ---- */

/* How many replies it is; 99 where it is none that may be sent.  utf8: it was
 * asked for. */
static unsigned
replies_in(struct span wire, bool utf8)
{
	unsigned n = 0;
	const char *end;
	size_t len, i;

	for (; wire.len > 0; wire.ptr += len, wire.len -= len) {
		end = memchr(wire.ptr, '\n', wire.len);
		len = end == NULL ? 0 : (size_t)(end + 1 - wire.ptr);
		if (len < 6 || len > 512 || wire.ptr[len - 2] != '\r' ||
		    (wire.ptr[3] != ' ' && wire.ptr[3] != '-'))
			return 99;
		for (i = 0; i < len - 2; i++)
			if (is_control(wire.ptr[i]) ||
			    (!utf8 && is_8bit(wire.ptr[i])))
				return 99;
		n += wire.ptr[3] == ' ';
	}
	return n;
}

static unsigned
die(unsigned faces)
{
	static unsigned long long state = 1;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(state >> 33) % faces;
}

/* What is wanted next, and something at random for it. */
static bool
random_step(void)
{
	static const char *const more[] = { "BDAT 3", "BDAT 2 LAST", "BDAT 0",
	    "RCPT TO:<-x>", "MAIL FROM:<a@b> SMTPUTF8", "\377\001\200" };
	const size_t n = sizeof rows / sizeof *rows;
	bool utf8 = s.protocol.envelope.utf8;
	unsigned face;

	if (s.protocol.wants == PROTOCOL_REPLY)
		return replies_in(protocol_next(&s.protocol), utf8) == 1;
	if (s.protocol.wants == PROTOCOL_CONTENT)
		return feed(&s, "x\r\n.\r\n", 1 + die(6)) > 0;
	face = die((unsigned)n + 12);
	if (face < n)
		return replies_in(say(&s, rows[face].line), utf8) == 1;
	face = (face - (unsigned)n) % 6;
	return replies_in(say(&s, more[face]), utf8) == (face > 2);
}

static void
random_sessions(void)
{
	bool good = true;
	int i, step;

	s.config = (struct protocol_config){ .max_errors = 40 };
	for (i = 0; i < 2000 && good; i++) {
		enter(START, i % 2 == 1);
		s.record.lookup = (enum lookup_result)(i % 4);
		s.record.verdict = i % 3 == 0 ? (struct reply){ 554, "5.6.0",
		    "no\n\303\244\001\n\n" } : s.record.verdict;
		for (step = 0; step < 100 && good &&
		    s.protocol.wants != PROTOCOL_CLOSE; step++)
			good = random_step();
		if (s.protocol.wants != PROTOCOL_CLOSE)
			protocol_end(&s.protocol, PROTOCOL_EOF);
		good = good && !s.record.begun;
	}
	ok(good, "whatever is said: one reply each, printable, 512 octets");
}

/* Does the reply to a message with this text have so many lines? */
static bool
lines_of(const char *mail, const char *text, unsigned lines,
    const char *want)
{
	struct span reply;
	unsigned n = 0;
	size_t i;

	enter(READY, false);
	say(&s, mail);
	say(&s, "RCPT TO:<c@d>");
	s.record.verdict = (struct reply){ 550, "5.1.1", text };
	send_message();
	reply = protocol_next(&s.protocol);
	for (i = 0; i < reply.len; i++)
		n += reply.ptr[i] == '\n';
	return n == lines && holds(reply, want) &&
	    (lines > 1 || reply.len <= 512);
}

static void
chosen_replies(void)
{
	static char wide[1002], many[20000];
	size_t i;

	s.config = (struct protocol_config){ .max_size = 0 };
	ok(lines_of("MAIL FROM:<a@b>", "a\nb\rc\n\303\244", 3,
	    "550-5.1.1 a\r\n550-5.1.1 b?c\r\n550 5.1.1 ??\r\n"),
	    "the code on every line, octets that do not print are ?");
	ok(lines_of("MAIL FROM:<a@b> SMTPUTF8", "\303\244\303\n\355\240\200",
	    2, "550-5.1.1 \303\244?\r\n550 5.1.1 ???\r\n"),
	    "UTF-8 where it was asked for, and valid");
	wide[0] = 'y';
	for (i = 1; i + 2 < sizeof wide; i += 2)
		memcpy(wide + i, "\303\244", 2);
	ok(lines_of("MAIL FROM:<a@b> SMTPUTF8", wide, 1, "\303\244\r\n"),
	    "no character is cut in two");
	for (i = 0; i + 1 < sizeof many; i++)
		many[i] = i % 100 == 99 ? '\n' : 'y';
	enter(RECIPIENT, false);
	s.record.verdict = (struct reply){ 550, "5.1.1", many };
	send_message();
	ok(replies_in(protocol_next(&s.protocol), false) == 1,
	    "a reply of 20,000 octets is still one reply");
}

int
main(void)
{
	alarm(120);
	matrix(false);
	matrix(true);
	chunks();
	paths();
	s.config = (struct protocol_config){ .max_errors = 10 };
	users();
	telling();
	limits();
	browsers();
	headers();
	lmtp_replies();
	faults();
	untold();
	endings();
	s.config.lmtp = false;
	names();
	long_reply();
	lines();
	utf8();
	announced();
	terminals();
	protocol_names();
	envelopes();
	lists();
	other_paths();
	forwards();
	no_recipients();
	chunk_lines();
	bad_chunk_messages();
	starttls();
	error_table();
	guesses();
	stopped();
	random_sessions();
	chosen_replies();
	return tap_end();
}

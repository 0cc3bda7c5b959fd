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
	{ "HELO", SAME("501 "), SAME("500 5.5.1") },
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
	{ "<a b@c>", "501 5.1.7" }, { "<<a@b>", "501 5.1.7" },
	{ "<\"a@b>", "501 5.1.7" }, { "<-a@b>", "501 5.1.7" },
	{ "-a", "501 5.1.7" }, { "<a@.b>", "501 5.1.7" },
	{ "<a@b.>", "501 5.1.7" }, { "<a@b..c>", "501 5.1.7" },
	{ "<a@-b>", "501 5.1.7" }, { "<a@b.-c>", "501 5.1.7" },
	{ "<a@b,c>", "501 5.1.7" }, { "<a@[]>", "501 5.1.7" },
	{ "<a@[1.2.3.4>", "501 5.1.7" }, { "<\"a\tb\"@c>", "501 5.1.7" },
	{ "<\303\244@b>", "550 5.6.7" }, { "<a@\303\244>", "550 5.6.7" },
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
	{ "<\303\244@b>", "553 5.6.7" },
	{ "<a@b> NOTIFY=NEVER", "250" }, { "<a@b> NOTIFY=never", "250" },
	{ "<a@b> NOTIFY=SUCCESS,FAILURE,DELAY", "250" },
	{ "<a@b> NOTIFY=NEVER,DELAY", "501 5.5.4" },
	{ "<a@b> NOTIFY=DELAY,DELAY", "501 5.5.4" },
	{ "<a@b> NOTIFY=DELAY,", "501 5.5.4" },
	{ "<a@b> NOTIFY=", "501 5.5.4" }, { "<a@b> NOTIFY", "501 5.5.4" },
	{ "<a@b> ORCPT=rfc822;a+2Bb@c", "250" },
	{ "<a@b> ORCPT=rfc822;a+2bb", "501 5.5.4" },
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
	{ "ENVID=a=b", "501 5.5.4" },
	{ "AUTH=<>", "250" }, { "AUTH=a@b", "250" }, { "AUTH=", "501 5.5.4" },
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
	ok(strcmp(s.protocol.envelope.with, "UTF8SMTP") == 0 &&
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
	limits();
	browsers();
	lmtp_replies();
	faults();
	endings();
	s.config.lmtp = false;
	names();
	long_reply();
	return tap_end();
}

/*
 * What a client is told of a run: every exit status, the reply that its output
 * ends in; and a reply as lines for the wire.
 */
#include "tap.h"

#include <errno.h>

#include "lib/verdict.h"

static char wire[REPLY_MAX];

/* In memory of its own, so that the sanitizer sees whoever goes past it. */
static bool
is_written(const struct reply *r, bool utf8, const char *want)
{
	char *space = malloc(REPLY_MAX);
	struct text t = { space, 0, REPLY_MAX };

	assert(space != NULL);
	text_reply(&t, r, utf8);
	memcpy(wire, space, t.len);
	free(space);
	if (t.len == strlen(want) && memcmp(wire, want, t.len) == 0)
		return true;
	printf("# %.*s# not %s\n", (int)t.len, wire, want);
	return false;
}

/* ---- last words ---- */

/* Each line likewise. */
static void
hear(struct words *w, const char *output)
{
	struct span rest = span_of(output), line;
	char *copy;

	*w = (struct words){ .lines = 0 };
	while (rest.len > 0) {
		line = span_take_until(&rest, '\n');
		copy = malloc(line.len > 0 ? line.len : 1);
		assert(copy != NULL);
		memcpy(copy, line.ptr, line.len);
		words_take(w, (struct span){ copy, line.len });
		free(copy);
	}
}

#define OK "250 2.0.0 Ok\r\n"
#define LOCAL "451 4.3.0 Local error, try again later\r\n"
#define NO_USER "550 5.1.1 No such user\r\n"
#define REFUSED "554 5.3.0 Message refused\r\n"
#define SPAM "550 5.7.1 spam"

/* No status: every one that has no row of its own. */
static const struct run {
	int status;
	const char *output, *usual, *chosen;
} runs[] = {
	{ 0, "250 2.6.0 taken", NULL, "250 2.6.0 taken\r\n" },
	{ 99, "250 2.6.0 taken\r\n", NULL, "250 2.6.0 taken\r\n" },
	{ 0, "251 2.6.0 x", OK, NULL }, { 0, "249 2.6.0 x", OK, NULL },
	{ 0, SPAM, OK, NULL }, { 0, "450 4.7.1 x", OK, NULL },
	{ 99, SPAM, OK, NULL },
	{ 75, "250 2.6.0 x", LOCAL, NULL },
	{ 67, "250 2.6.0 x", NO_USER, NULL },
	/* 4xx and 5xx, against the table too */
	{ 1, SPAM, NULL, SPAM "\r\n" }, { 67, SPAM, NULL, SPAM "\r\n" },
	{ 67, "450 4.2.1 busy", NULL, "450 4.2.1 busy\r\n" },
	{ 1, "400 4.0.0 x", NULL, "400 4.0.0 x\r\n" },
	{ 1, "599 5.0.0 x", NULL, "599 5.0.0 x\r\n" },
	{ 1, "399 3.0.0 x", LOCAL, NULL }, { 1, "600 6.0.0 x", LOCAL, NULL },
	{ 75, "421 4.2.1 go", NULL, "451 4.2.1 go\r\n" },
	{ 1, "420 4.2.1 go", NULL, "420 4.2.1 go\r\n" },
	{ 1, "422 4.2.1 go", NULL, "422 4.2.1 go\r\n" },
	/* but what is never a bounce */
	{ 75, SPAM, LOCAL, NULL }, { 111, SPAM, LOCAL, NULL },
	{ 126, SPAM, LOCAL, NULL }, { 127, SPAM, LOCAL, NULL },
	{ 75, "599 5.0.0 x", LOCAL, NULL }, { 75, "500 5.0.0 x", LOCAL, NULL },
	{ 75, "499 4.0.0 x", NULL, "499 4.0.0 x\r\n" },
	{ -1, SPAM, LOCAL, NULL }, { -1, "450 4.7.1 x", NULL,
	    "450 4.7.1 x\r\n" },
	{ 74, SPAM, NULL, SPAM "\r\n" }, { 76, SPAM, NULL, SPAM "\r\n" },
	{ 110, SPAM, NULL, SPAM "\r\n" }, { 112, SPAM, NULL, SPAM "\r\n" },
	{ 125, SPAM, NULL, SPAM "\r\n" }, { 128, SPAM, NULL, SPAM "\r\n" },
	/* half a reply: in the class of the status */
	{ 0, "2.6.0 taken", NULL, "250 2.6.0 taken\r\n" },
	{ 0, "250 taken", NULL, "250 2.0.0 taken\r\n" },
	{ 69, "5.2.2 full", NULL, "554 5.2.2 full\r\n" },
	{ 69, "552 full", NULL, "552 5.0.0 full\r\n" },
	{ 75, "4.2.2 soon", NULL, "451 4.2.2 soon\r\n" },
	{ 1, "450 soon", NULL, "450 4.0.0 soon\r\n" },
	{ 75, "421 soon", NULL, "451 4.0.0 soon\r\n" },
	{ 1, "5.2.2 full", LOCAL, NULL }, { 1, "503 down", LOCAL, NULL },
	{ 67, "404 Not Found", NO_USER, NULL }, { 0, "5.2.2 full", OK, NULL },
	/* several lines */
	{ 1, "550-5.7.1 one\n550 5.7.2 two", NULL,
	    "550-5.7.2 one\r\n550 5.7.2 two\r\n" },
	{ 1, "450-4.7.1 one\n550-5.7.1 two\n550 5.7.1 three", NULL,
	    "550-5.7.1 two\r\n550 5.7.1 three\r\n" },
	{ 1, "550 5.7.1 one\n550 5.7.1 two", NULL, "550 5.7.1 two\r\n" },
	{ 1, "550-5.7.1 one\nx\n550 5.7.1 two", NULL, "550 5.7.1 two\r\n" },
	{ 1, "550-5.7.1 one\n550-5.7.1 two", LOCAL, NULL },
	{ 67, "550-5.7.1 one\n550 two", NULL, "550 5.0.0 two\r\n" },
	{ 1, "550-5.7.1\n550 5.7.1", NULL, "550-5.7.1 \r\n550 5.7.1 \r\n" },
	{ 67, "550-one\n550 two", NULL, "550 5.0.0 two\r\n" },
	{ 67, "550-one", NO_USER, NULL }, { 0, "250-2.0.0 one", OK, NULL },
	/* only the very last line */
	{ 1, SPAM "\nmore", LOCAL, NULL }, { 1, SPAM "\n\r\n", LOCAL, NULL },
	{ 1, SPAM "\n\nx", LOCAL, NULL },
	/* what is no reply */
	{ 67, "550", NO_USER, NULL }, { 67, "550 ", NO_USER, NULL },
	{ 67, "5.7.1", NO_USER, NULL }, { 67, "5.7.1 ", NO_USER, NULL },
	{ 67, "text", NO_USER, NULL }, { 67, "\r", NO_USER, NULL },
	{ 67, "5.7 x", NO_USER, NULL }, { 67, "5.7.1.2 x", NO_USER, NULL },
	{ 67, "5..1 x", NO_USER, NULL }, { 67, "5.7. x", NO_USER, NULL },
	{ 67, "5", NO_USER, NULL }, { 67, "5.7", NO_USER, NULL },
	{ 67, "5.", NO_USER, NULL }, { 67, "5.7/1 x", NO_USER, NULL },
	{ 67, "5-7-1 x", NO_USER, NULL }, { 67, "5.7.1!x", NO_USER, NULL },
	{ 67, "55.7.1 x", NO_USER, NULL }, { 67, "5.1234.1 x", NO_USER, NULL },
	{ 67, "5.1.1234 x", NO_USER, NULL }, { 1, "550 4.7.1 x", LOCAL, NULL },
	{ 67, "3.7.1 x", NO_USER, NULL }, { 1, "450 5.1.1 x", LOCAL, NULL },
	{ 67, "1.7.1 x", NO_USER, NULL }, { 67, "6.7.1 x", NO_USER, NULL },
	{ 67, "55 x", NO_USER, NULL }, { 67, "5500 x", NO_USER, NULL },
	{ 67, "550:x", NO_USER, NULL }, { 67, "550,x", NO_USER, NULL },
	{ 67, "550.x", NO_USER, NULL }, { 67, " 550 x", NO_USER, NULL },
	{ 67, "55x x", NO_USER, NULL }, { 67, "5x0 x", NO_USER, NULL },
	{ 67, "550\037x", NO_USER, NULL }, { 67, "550!x", NO_USER, NULL },
	{ 1, "000 5.7.1 x", LOCAL, NULL },
	/* and what is */
	{ 67, "550 x", NULL, "550 5.0.0 x\r\n" },
	{ 67, "550  x", NULL, "550 5.0.0 x\r\n" },
	{ 67, "559 5.7.1x", NULL, "559 5.0.0 5.7.1x\r\n" },
	{ 1, "551 5.123.456 x", NULL, "551 5.123.456 x\r\n" },
	{ 1, "564 5.999.999 x", NULL, "564 5.999.999 x\r\n" },
	{ 67, "5.7.1 x", NULL, "554 5.7.1 x\r\n" },
	{ 67, "550 x\ry", NULL, "550 5.0.0 x?y\r\n" },
};

static struct reply
verdict_on(const struct run *run, bool *chosen)
{
	static struct words w;
	struct reply r;

	hear(&w, run->output);
	*chosen = verdict_of_run(run->status, &w, "Ok", &r);
	return r;
}

static void
last_words(void)
{
	const char *want;
	bool good = true, chosen;
	struct reply r;
	size_t i;

	for (i = 0; i < sizeof runs / sizeof *runs; i++) {
		r = verdict_on(&runs[i], &chosen);
		want = runs[i].chosen != NULL ? runs[i].chosen : runs[i].usual;
		if (chosen == (runs[i].chosen != NULL) &&
		    is_written(&r, false, want))
			continue;
		printf("# exit %d: %s\n", runs[i].status, runs[i].output);
		good = false;
	}
	ok(good, "what a command says last is its reply, where it may be");
}

/* So many lines of so many octets, and a last one. */
static void
many_words(struct words *w, unsigned lines, size_t octets)
{
	static char output[WORDS_LINES * 2 * REPLY_LINE_MAX];
	struct text t = text_in(output, sizeof output);
	size_t i;

	while (lines-- > 0) {
		text_string(&t, "550-5.7.1 ");
		text_char(&t, (char)('a' + lines));
		for (i = 1; i < octets; i++)
			text_char(&t, 'x');
		text_char(&t, '\n');
	}
	text_string(&t, "550 5.7.1 last");
	hear(w, text_end(&t));
}

static void
many_lines(void)
{
	static struct words w;
	struct span octets = { "550 5.7.1 a\0b", 13 };

	many_words(&w, 9, 1);
	ok(strcmp(w.text, "i\nh\ng\nf\ne\nd\nc\nb\na\nlast") == 0, "ten lines");
	many_words(&w, 12, 1);
	ok(strcmp(w.text, "l\nk\nj\ni\nh\ng\nf\ne\nd\nlast") == 0,
	    "of more the last is the tenth");
	many_words(&w, 12, REPLY_LINE_MAX - 1);
	ok(w.len == 9 * REPLY_LINE_MAX + 4 && w.text[w.len] == '\0' &&
	    strcmp(w.text + 9 * REPLY_LINE_MAX, "last") == 0,
	    "each as long as it may be");
	many_words(&w, 1, REPLY_LINE_MAX);
	ok(w.len == REPLY_LINE_MAX + 4, "and no longer");
	w.lines = 0;
	words_take(&w, octets);
	ok(w.lines == 1 && w.len == 3 && strcmp(w.text, "a?b") == 0,
	    "a NUL does not end it");
}

/* ---- verdicts ---- */

static const char *
usual(int status)
{
	switch (status) {
	case 0: case 99: return OK;
	case 65: return "554 5.6.0 Message content refused\r\n";
	case 67: return NO_USER;
	case 68: return "550 5.1.2 No such host\r\n";
	case 69: case 100: case 112: return REFUSED;
	case 72: case 78:
		return "451 4.3.5 Misconfigured, try again later\r\n";
	case 73: return "451 4.2.0 Cannot store, try again later\r\n";
	case 76: return "554 5.5.0 Message refused\r\n";
	case 77: return "550 5.7.1 Message refused by policy\r\n";
	default: return LOCAL;
	}
}

static enum lookup_result
found(int status, bool silent)
{
	switch (status) {
	case 0: return VALID_USER;
	case 65: return AMBIGUOUS_USER;
	case 67: case 77: case 100: return UNKNOWN_USER;
	case 1: return silent ? UNKNOWN_USER : LOOKUP_ERROR;
	default: return LOOKUP_ERROR;
	}
}

/* What a look-up says alone; always: its name is never unknown. */
static bool
looks_up(int status, bool silent, bool always)
{
	struct words nothing = { .lines = 0 };
	struct reply r = { 0, NULL, NULL };
	enum lookup_result want = found(status, silent);

	if (always && want != LOOKUP_ERROR && status != 77)
		want = VALID_USER;
	return verdict_of_lookup(status, silent, always, &nothing, &r) ==
	    want && (status != 77 ? r.code == 0 :
	    is_written(&r, false, "550 5.7.1 Refused by policy\r\n"));
}

static bool
authenticates(int status, bool silent)
{
	return verdict_of_auth(status, silent) ==
	    (status == 0 ? AUTH_ACCEPTED : status == 100 ||
	    (status == 1 && silent) ? AUTH_REFUSED : AUTH_ERROR);
}

static void
statuses(void)
{
	bool runs_end = true, looked_up = true, authenticated = true, chosen;
	struct run run = { .output = "" };
	struct reply r;
	int i, n;

	for (n = -1; n < 256; n++) {
		run.status = n;
		r = verdict_on(&run, &chosen);
		runs_end = !chosen && is_written(&r, false, usual(n)) &&
		    runs_end;
		for (i = 0; i < 4; i++)
			looked_up = looks_up(n, i & 1, i & 2) && looked_up;
		authenticated = authenticates(n, true) &&
		    authenticates(n, false) && authenticated;
	}
	ok(runs_end, "each exit status of a command");
	ok(looked_up, "of a look-up");
	ok(authenticated, "and of who is asked about a password");
}

/* NULL: it chooses none. */
static bool
look_up_chooses(int status, bool always, const char *output, const char *want)
{
	struct reply r = { 0, NULL, NULL };
	static struct words w;

	hear(&w, output);
	verdict_of_lookup(status, false, always, &w, &r);
	return want == NULL ? r.code == 0 : is_written(&r, false, want);
}

static void
look_ups(void)
{
	ok(look_up_chooses(75, false, "450 4.7.1 x", "450 4.7.1 x\r\n") &&
	    look_up_chooses(67, false, "5.1.1 x", "554 5.1.1 x\r\n") &&
	    look_up_chooses(65, false, "553 x", "553 5.0.0 x\r\n") &&
	    look_up_chooses(77, true, SPAM, SPAM "\r\n") &&
	    look_up_chooses(1, true, "4.7.1 x", "451 4.7.1 x\r\n"),
	    "a look-up chooses a reply");
	ok(look_up_chooses(0, false, "250 2.0.0 x", NULL) &&
	    look_up_chooses(0, false, SPAM, NULL) &&
	    look_up_chooses(67, true, SPAM, NULL) &&
	    look_up_chooses(67, false, "250 2.0.0 x", NULL) &&
	    look_up_chooses(75, false, SPAM, NULL) &&
	    look_up_chooses(2, false, "5.1.1 x", NULL),
	    "but none for who is there, and no bounce with 75");
}

static void
storage(void)
{
	static const int full[] = { ENOSPC, EDQUOT, EFBIG };
	struct reply r = verdict_of_storage(EIO);
	bool good = is_written(&r, false, LOCAL);
	size_t i;

	for (i = 0; i < 3; i++) {
		r = verdict_of_storage(full[i]);
		good = good && is_written(&r, false,
		    "452 4.3.1 Insufficient storage, try again later\r\n");
	}
	ok(good, "what cannot be kept: no room, or a local error");
}

/* ---- the wire ---- */

static bool
text_is_written(const char *text, bool utf8, const char *want)
{
	struct reply r = { 250, NULL, text };

	return is_written(&r, utf8, want);
}

/* A text of so many octets, of which the last is this character. */
static bool
ends_in(size_t len, const char *last, size_t want)
{
	char text[2 * REPLY_LINE_MAX];
	struct reply r = { 550, "5.7.1", text };
	struct text t = { wire, 0, sizeof wire };

	memset(text, 'x', len);
	strcpy(text + len - strlen(last), last);
	text_reply(&t, &r, true);
	return t.len == want && memcmp(wire + want - 2, "\r\n", 2) == 0;
}

static void
lines(void)
{
	static char many[REPLY_MAX];
	struct reply r = { 250, "2.0.0", many };
	struct text t = { wire, 0, sizeof wire };
	size_t i;

	ok(text_is_written("", false, "250 \r\n") &&
	    text_is_written("a\nb\n\nc", false,
	    "250-a\r\n250-b\r\n250-\r\n250 c\r\n"), "a line each");
	ok(text_is_written("\t\001\177 ~\r", false, "250 ??? ~?\r\n") &&
	    text_is_written("\303\251", false, "250 ??\r\n") &&
	    text_is_written("\303\251\342\202\254", true,
	    "250 \303\251\342\202\254\r\n") &&
	    text_is_written("\377\303", true, "250 ??\r\n") &&
	    text_is_written("\302\200\302\237\302\240\303\200\342\200\251",
	    true, "250 ????\302\240\303\200\342\200\251\r\n"),
	    "what cannot be shown is a question mark");
	ok(ends_in(500, "x", 512) && ends_in(501, "x", 512) &&
	    ends_in(500, "\303\251", 512) && ends_in(501, "\303\251", 511) &&
	    ends_in(499, "x", 511), "512 octets, and no half of a character");
	for (i = 0; i < sizeof many - 1; i++)
		many[i] = i % 501 < 500 ? 'x' : '\n';
	text_reply(&t, &r, false);
	ok(t.len == REPLY_MAX - REPLY_LINE_MAX &&
	    memcmp(wire + t.len - REPLY_LINE_MAX, "250 ", 4) == 0 &&
	    memcmp(wire + t.len - 2, "\r\n", 2) == 0,
	    "a reply of too many lines ends, and in one that says so");
}

/* As a server says it: code, more or not, enhanced code, text. */
static bool
reads(const char *line, int code, bool more, const char *enhanced,
    const char *text)
{
	struct reply_line l = reply_line_of(span_of(line));

	return l.code == code && l.more == more &&
	    span_is(l.enhanced, enhanced) && span_is(l.text, text);
}

static bool
agrees(const char *line)
{
	struct reply_line l = reply_line_of(span_of(line));

	return reply_line_agrees(&l);
}

static void
reading(void)
{
	ok(reads("550-5.7.1 x", 550, true, "5.7.1", "x") &&
	    reads("550 x\r", 550, false, "", "x") &&
	    reads("550-x", 550, true, "", "x") &&
	    reads("550-", 550, true, "", "") &&
	    reads("550 ", 550, false, "", "") &&
	    reads("550", 550, false, "", "") &&
	    reads("190 x", 190, false, "", "x") &&
	    reads("5.7.1", 0, false, "5.7.1", "") &&
	    reads("-x", 0, false, "", "-x") &&
	    reads("55", 0, false, "", "55") &&
	    reads("\r", 0, false, "", "") &&
	    reads("", 0, false, "", ""), "a line, and what it lacks");
	ok(agrees("550 5.7.1 x") && !agrees("450 5.7.1 x") &&
	    agrees("550 x") && agrees("5.7.1 x"), "two codes of one class");
}

int
main(void)
{
	alarm(60);
	last_words();
	many_lines();
	statuses();
	look_ups();
	storage();
	lines();
	reading();
	return tap_end();
}

/*
 * What clients write where a path belongs, and what mailbox that is; what the
 * first line of a message is.
 */
#include "tap.h"

#include "lib/opening.h"

/* ---- paths ---- */

static bool in_place;			/* the last one was not copied */

/* The path in memory of its own, so that the sanitizer sees whoever goes past
 * it; what is left of the line, in *left. */
static enum path
take(const char *words, size_t len, struct mailbox *m, size_t *left)
{
	static char kept[MAILBOX_MAX];
	char *copy = malloc(len > 0 ? len : 1), *space = malloc(PATH_SPACE);
	struct span s = { copy, len };
	enum path path;

	assert(copy != NULL && space != NULL);
	memcpy(copy, words, len);
	path = path_take(&s, "", space, m);
	*left = s.len;
	if (path == PATH_OK) {
		in_place = m->whole.ptr == copy + 1;
		memcpy(kept, m->whole.ptr, m->whole.len);
		*m = address_moved(*m, kept);
	}
	free(space);
	free(copy);
	return path;
}

/* NULL: it is refused; "": the null path. */
static bool
becomes(const char *form, const char *want)
{
	struct mailbox m;
	size_t left;
	enum path path = take(form, strlen(form), &m, &left);

	if (want == NULL ? path != PATH_OK : path == PATH_OK && left == 0 &&
	    m.whole.len == strlen(want) &&
	    memcmp(m.whole.ptr, want, m.whole.len) == 0)
		return true;
	printf("# %s: %d %.*s\n", form, path, path == PATH_OK ?
	    (int)m.whole.len : 0, path == PATH_OK ? m.whole.ptr : "");
	return false;
}

static const struct form {
	const char *form, *want;
} taken[] = {
	{ "<a@b.example>", "a@b.example" }, { "a@b.example", "a@b.example" },
	{ "\t <a@b.example>\t ", "a@b.example" }, { "<a>", "a" }, { "a", "a" },
	{ "<>", "" }, { "< >", "" }, { "<<>>", "" }, { "<Joe <>>", "" },
	{ "<()>", "" }, { "<\"\">", "" }, { "<>;", "" },
	{ "<a@b <>>", "" },
	/* a phrase */
	{ "<Joe <a@b.example>>", "a@b.example" },
	{ "<Joe Smith <a@b.example>>", "a@b.example" },
	{ "<\"Smith, Joe\" <a@b.example>>", "a@b.example" },
	{ "<joe@x.example <a@b.example>>", "a@b.example" },
	{ "<J. R. O'Neil [x] <a@b.example> >", "a@b.example" },
	{ "Joe<a@b.example>", "a@b.example" },
	{ "\"Joe Smith\"<a@b.example>", "a@b.example" },
	{ "<\303\251 <a@b.example>>", "a@b.example" },
	{ "<Joe <@x.example:a@b.example>>", "a@b.example" },
	/* brackets */
	{ "<<a@b.example>>", "a@b.example" }, { "a@b.example>", "a@b.example" },
	{ "<< a@b.example> >", "a@b.example" },
	{ "<a@b.example>>", "a@b.example" },
	/* blanks, comments, dots, ends of lists */
	{ "< a@b.example >", "a@b.example" },
	{ "<a @\tb.example>", "a@b.example" },
	{ "<a . b@c . example>", "a.b@c.example" },
	{ "<a@b.example (Joe)>", "a@b.example" },
	{ "<a@b.example>(Joe)", "a@b.example" },
	{ "<(J\\)oe (x) \" y)a@b.example>", NULL },	/* "x: a quote */
	{ "<(J\\)oe (x))a@b.example>", "a@b.example" },
	{ "<a(x)@(y)b.example>", "a@b.example" },
	{ "<a@b.example.>", "a@b.example" },
	{ "<a@b.example .>", "a@b.example" },
	{ "<a@b.example;>", "a@b.example" }, { "a@b.example,", "a@b.example" },
	{ "<,;a@b.example>,;", "a@b.example" },
	{ ":<a@b.example>", "a@b.example" },
	{ ",<a@b.example>", "a@b.example" }, { ";a@b.example", "a@b.example" },
	/* quotes */
	{ "<\"a@b.example\">", "a@b.example" },
	{ "<\"a@b.example.\">", "a@b.example" },
	{ "<\"a b@c.example\">", "\"a b\"@c.example" },
	{ "<\"a@b@c.example\">", "\"a@b\"@c.example" },
	{ "<\"a\".\"b@c.example\">", "a.b@c.example" },
	{ "<\"a\\\\\\\"@c.example\">", "\"a\\\\\\\"\"@c.example" },
	{ "<\"joe\\@c.example\">", "joe@c.example" },
	{ "<\"a@b\"@c.example>", "\"a@b\"@c.example" },
	{ "<\"a,;:()<>\"@c.example>", "\"a,;:()<>\"@c.example" },
	{ "<\"a b\">", "\"a b\"" }, { "<a.\"b\".c@d>", "a.\"b\".c@d" },
	{ "<\"\"@c>", "\"\"@c" },
	/* routes, literals */
	{ "<@x:a@b>", "a@b" }, { "<@ x , @[192.0.2.1] : a@b>", "a@b" },
	{ "<@x.:\"a@b\">", "a@b" },
	{ "<a@[192.0.2.1]>", "a@[192.0.2.1]" },
	{ "<a@ [IPv6:::1]>", "a@[IPv6:::1]" },
	{ "<a@[192.0.2.1].>", "a@[192.0.2.1]" },
	{ "<a@[x-y:1]>", "a@[x-y:1]" }, { "<a@[x]>", "a@[x]" },
	/* as written */
	{ "<a@b-c.d_e>", "a@b-c.d_e" },
	{ "<a..b@c>", "a..b@c" }, { "<.a@c>", ".a@c" }, { "<a%b@c>", "a%b@c" },
	{ "<b!a>", "b!a" }, { "</O=x/CN=y@c>", "/O=x/CN=y@c" },
	{ "<\"-a\"@b>", "\"-a\"@b" },
};

static const char *const refused[] = {
	"", " ", ";", "\\", "<", ">", "<>x", "<><>", "<a@b", "<a@b>x",
	"<a@b>NOTIFY=NEVER", "<a@b><c@d>", "<<<a@b>>>", "<<a@b>>>", "<a@b>>>",
	"<<a@b>", ">a@b", "<>a@b", "<a@b", "<\"a@b>", "<a@b\">",
	/* what would be more than one to a mailer, or another */
	"<a,b@c>", "<a@b,c@d>", "a@b,c@d", "<a@b>,<c@d>", "<a;b@c>", "<a:b@c>",
	"<a@b;c@d>", "<x:a@b;>", "<mailto:a@b>", "<a@b@c>", "<a@b@>",
	"<a(b@c>", "<a)b@c>", "<a[b@c>", "<a]b@c>", "<[a]@c>", "<a\\b@c>",
	"<\\a@c>", "<a\\,b@c>", "<a\\@b@c>", "<a b@c>", "<a (x) b@c>",
	"<a(x)b@c>", "<\"x\"a@b>", "<a\"x\"@b>", "<\"a\"\"b\"@c>",
	"<a@b c>", "<a@b(x)c>", "<a@b c@d>", "<Joe <a@b> x>", "<a@b <c@d>",
	"<Joe, Ann <a@b>>", "<Joe: <a@b>>", "<Joe \\x <a@b>>",
	"<a@b (x>", "<a@b (x) (>", "<a@b>(x", "a@b(x", "a(b@c", "<\"a@b",
	/* domains */
	"<@>", "<a@>", "<@a>", "<a@b..>", "<a@.b>", "<a@.>", "<a@b..c>",
	"<a@-b>", "<a@b.-c>", "<a@\"b\">", "<a@[]>", "<a@[x y]>", "<a@[x>",
	"<a@[x]y>", "<a@b/c>", "<\"a@\">", "<\"@b\">", "<\"a@b..c\">",
	"<\"a@-b\">", "<\"a@b c\">",
	/* routes */
	"<@x>", "<@x:>", "<@x: >", "<@x,a@b>", "<@x,:a@b>", "<@:a@b>",
	"<@x..y:a@b>", "<@-x:a@b>", "<@x:@y:a@b>", "<@x y:a@b>", "<@[x:a@b>",
	"<[ <a@b>>",
	/* what no command is to get */
	"<-a@b>", "-a", "<\"-a@b\">", "<\"() { x\"@b>", "<a-\"() {\"@b>",
	"<\"a\tb\"@c>", "<a\001@b>", "<a@b\177>",
	/* no UTF-8, wherever */
	"<\377@b>", "<a@\377>", "<\377 <a@b>>", "<a@b (\377)>", "<@\377:a@b>",
	"<\"\377\"@b>", "<\300\257@b>", "<a@b>(\355\240\200)",
};

/* What is no mailbox as it stands: in a file of users, of a look-up. */
static bool
is_none(const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(len);
	struct mailbox m;
	bool none;

	assert(copy != NULL);
	memcpy(copy, text, len);
	none = !address_is_mailbox((struct span){ copy, len }, &m);
	free(copy);
	return none;
}

static void
forms(void)
{
	struct mailbox m;
	bool good = true;
	size_t left, i;

	for (i = 0; i < sizeof taken / sizeof *taken; i++)
		good = becomes(taken[i].form, taken[i].want) && good;
	ok(good, "what devices write is the address that they mean");
	good = true;
	for (i = 0; i < sizeof refused / sizeof *refused; i++)
		good = becomes(refused[i], NULL) && good;
	ok(good, "what may be more than one, or another, is none");
	ok(is_none("a\"x\"@b") && is_none("\"x\"a@b") && is_none("a,b@c") &&
	    is_none("a@b@c") && is_none("a@b,c") && is_none("a b@c") &&
	    is_none("a@b.") && is_none("\"a@b") && is_none("<a@b>") &&
	    !is_none("a.\"x\".b@c") && !is_none("\"a,b@c\"@d") &&
	    !is_none("\"a\"") && is_none("a.\""),
	    "nor a mailbox as it stands");
	ok(take("<a@b> X", 7, &m, &left) == PATH_OK && left == 1 &&
	    take("<a b> X", 7, &m, &left) != PATH_OK &&
	    take("a@b\0c X", 7, &m, &left) != PATH_OK &&
	    take("<a@b\0>", 6, &m, &left) != PATH_OK,
	    "a path ends at a blank that is in no brackets, not at a NUL");
	ok(becomes("<a@b>", "a@b") && in_place &&
	    take("<a.b@c.example>\tX", 17, &m, &left) == PATH_OK &&
	    in_place && left == 1 && becomes("<a@b.>", "a@b") && !in_place,
	    "one as it ought to be written is not copied");
}

/* "": it is none that can be asked for. */
static bool
asks_for(const char *name, const char *want)
{
	char space[PATH_SPACE];
	struct mailbox m;

	return path_parse_name(span_of(name), space, &m) ?
	    span_is(m.whole, want) && want[0] != '\0' : want[0] == '\0';
}

static void
names(void)
{
	ok(asks_for("a", "a") && asks_for(" <a@b> ", "a@b") &&
	    asks_for("Joe Smith", "Joe Smith") && asks_for("", "") &&
	    asks_for("<>", "") && asks_for("<a b>", "") &&
	    asks_for("<a@b> c", "") && asks_for("a@b c", "") &&
	    asks_for("-a b", "") && asks_for("a () {", "") &&
	    asks_for("a\377 b", "") && asks_for("a\001 b", ""),
	    "what VRFY asks for: a path, or words that are none");
}

/* A path of len octets before and behind what there is of it. */
static bool
long_form(const char *before, size_t len, const char *behind, bool good)
{
	char line[4096];
	size_t n = strlen(before), left;
	struct mailbox m;

	memcpy(line, before, n);
	memset(line + n, 'x', len);
	memcpy(line + n + len, behind, strlen(behind));
	n += len + strlen(behind);
	return (take(line, n, &m, &left) == PATH_OK) == good;
}

static void
lengths(void)
{
	ok(long_form("<", 510, "@b>", true) &&
	    long_form("<", 511, "@b>", false) &&
	    long_form("<", 510, "@b.>", true) &&
	    long_form("<", 511, "@.>", false) &&
	    long_form("<", 3000, "@b>", false), "512 octets, and no more");
	ok(long_form("<\"", 508, "@b\">", true) &&
	    long_form("<\"", 509, "@b\">", true) &&
	    long_form("<\"", 510, "@b.example\">", false) &&
	    long_form("<\"", 3000, "@b\">", false) &&
	    long_form("<\" ", 507, "@b\">", true) &&
	    long_form("<\" ", 508, "@b\">", false) &&
	    long_form("<\" ", 508, "@b.\">", false),
	    "also where quotes come off, and new ones on");
	ok(long_form("<a@", 255, ">", true) &&
	    long_form("<a@", 255, ".>", true) &&
	    long_form("<a@", 256, ">", false) &&
	    long_form("<@", 255, ":a@b>", true) &&
	    long_form("<@", 255, ".:a@b>", true) &&
	    long_form("<@", 256, ":a@b>", false) &&
	    long_form("<@", 255, ".x:a@b>", false) &&
	    long_form("<@", 3000, ":a@b>", false), "255 of them a domain");
	ok(long_form("<", 3000, " <a@b>>", true) &&
	    long_form("<a@b (", 3000, ")>", true),
	    "what is no part of it may be long");
}

/* ---- whoever reads the mailbox again ---- */

/* As a mailer does that knows no quotes: the last @ is the one. */
static bool
is_one_to_a_fool(struct mailbox m)
{
	size_t i, at = m.whole.len;

	for (i = 0; i < m.whole.len; i++)
		if (m.whole.ptr[i] == '@')
			at = i;
	return m.domain.len == 0 ? at == m.whole.len :
	    at + 1 + m.domain.len == m.whole.len;
}

/* As one that does. */
static bool
is_one(struct mailbox m)
{
	bool quoted = false;
	size_t i, signs = 0;
	char c;

	for (i = 0; i < m.whole.len; i++) {
		c = m.whole.ptr[i];
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && m.domain.len > 0 &&
		    m.whole.ptr + i >= m.domain.ptr)
			continue;
		else if (!quoted && strchr(" \t,;:<>()[]\\", c) != NULL)
			return false;
		else
			signs += !quoted && c == '@';
	}
	return !quoted && signs == (m.domain.len > 0) && m.whole.ptr[0] != '-';
}

/* As we do, in brackets, with more behind and without. */
static bool
is_itself(struct mailbox m, const char *behind)
{
	char was[MAILBOX_MAX], line[MAILBOX_MAX + 8];
	size_t n = m.whole.len, left;
	struct mailbox again;

	memcpy(was, m.whole.ptr, n);
	line[0] = '<';
	memcpy(line + 1, was, n);
	strcpy(line + 1 + n, behind);
	return take(line, n + 1 + strlen(behind), &again, &left) == PATH_OK &&
	    left == 0 && again.whole.len == n &&
	    memcmp(again.whole.ptr, was, n) == 0 &&
	    again.local.len == m.local.len &&
	    again.domain.len == m.domain.len &&
	    address_is_mailbox((struct span){ was, n }, &again) &&
	    again.local.len == m.local.len;
}

/* Every path of so many octets out of these. */
static void
every_path(size_t len, unsigned *all, unsigned *good, bool *safe)
{
	static const char octets[] = "a.@,;:<>()\"\\[] -";
	const size_t n = sizeof octets - 1;
	char line[8];
	size_t i, at, left, number, numbers = 1;
	struct mailbox m;

	for (i = 0; i < len; i++)
		numbers *= n;
	for (number = 0; number < numbers; number++) {
		for (i = 0, at = number; i < len; i++, at /= n)
			line[i] = octets[at % n];
		++*all;
		if (take(line, len, &m, &left) != PATH_OK || m.whole.len == 0)
			continue;
		++*good;
		if (is_one(m) && is_one_to_a_fool(m) &&
		    is_itself(m, ">") && is_itself(m, ">()"))
			continue;
		printf("# %.*s: %.*s\n", (int)len, line, (int)m.whole.len,
		    m.whole.ptr);
		*safe = false;
	}
}

static void
readings(size_t longest)
{
	unsigned all = 0, good = 0;
	bool safe = true;
	size_t len;

	for (len = 1; len <= longest && safe; len++)
		every_path(len, &all, &good, &safe);
	printf("# %u paths, of which %u are taken\n", all, good);
	ok(safe && good > 1000, "whoever reads a mailbox sees that one alone");
}

/* ---- the first line ---- */

static const struct first_line {
	const char *text;
	enum opening lf, crlf;		/* by its line ends */
} first_lines[] = {
#define ALIKE(x) OPENING_##x, OPENING_##x
	{ "Subject: x\n", ALIKE(HEADER) }, { "a:", ALIKE(HEADER) },
	{ "X-y_z!$~ \t :", ALIKE(HEADER) }, { "From : a@b\n", ALIKE(HEADER) },
	{ "From:", ALIKE(HEADER) }, { "\n", ALIKE(HEADER) },
	{ "", ALIKE(HEADER) }, { ">From:", ALIKE(HEADER) },
	{ "\r\n", OPENING_TEXT, OPENING_HEADER },
	{ "\r", ALIKE(TEXT) }, { "\rx", ALIKE(TEXT) },
	{ "\r\r\n", ALIKE(TEXT) },
	{ "From a@b Mon Jan  1\n", ALIKE(MBOX) }, { "From \n", ALIKE(MBOX) },
	{ ">From a\n", ALIKE(MBOX) }, { ">>>From a\n", ALIKE(MBOX) },
	{ "From ", ALIKE(MBOX) }, { "From  a:\n", ALIKE(MBOX) },
	{ "From\ta\n", ALIKE(TEXT) }, { "from a\n", ALIKE(TEXT) },
	{ "Fro", ALIKE(TEXT) }, { "From", ALIKE(TEXT) },
	{ "From\n", ALIKE(TEXT) }, { "xFrom a\n", ALIKE(TEXT) },
	{ "Fromage a\n", ALIKE(TEXT) }, { "> From a\n", ALIKE(TEXT) },
	{ "UPS on battery\n", ALIKE(TEXT) }, { "x\n", ALIKE(TEXT) },
	{ " Subject: x\n", ALIKE(TEXT) }, { "\tx\n", ALIKE(TEXT) },
	{ ": x\n", ALIKE(TEXT) }, { "a b: x\n", ALIKE(TEXT) },
	{ "caf\303\251: x\n", ALIKE(TEXT) }, { "a\001: x\n", ALIKE(TEXT) },
	{ "a\177: x\n", ALIKE(TEXT) }, { "a\r: x\n", ALIKE(TEXT) },
	{ "a \r\n", ALIKE(TEXT) },
};

/* It is decided once, and stays so. */
static bool
opening_is(const struct first_line *l, bool crlf)
{
	enum opening want = crlf ? l->crlf : l->lf, got = OPENING_UNDECIDED;
	size_t len = strlen(l->text), i;

	for (i = 0; i <= len; i++) {
		got = opening_of((struct span){ l->text, i }, crlf, false);
		if (got != OPENING_UNDECIDED && got != want)
			return false;
	}
	return opening_of((struct span){ l->text, len }, crlf, true) == want;
}

static void
openings(void)
{
	char line[OPENING_MAX + 1];
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof first_lines / sizeof *first_lines; i++) {
		if (opening_is(&first_lines[i], false) &&
		    opening_is(&first_lines[i], true))
			continue;
		printf("# %s\n", first_lines[i].text);
		good = false;
	}
	ok(good, "a first line is a field, an mbox line or text, decided once");
	memset(line, 'x', sizeof line);
	line[OPENING_MAX - 1] = ':';
	good = opening_of((struct span){ line, OPENING_MAX }, false, false) ==
	    OPENING_HEADER;
	line[OPENING_MAX - 1] = 'x';
	line[OPENING_MAX] = ':';
	ok(good && opening_of((struct span){ line, OPENING_MAX - 1 }, false,
	    false) == OPENING_UNDECIDED &&
	    opening_of((struct span){ line, OPENING_MAX }, false, false) ==
	    OPENING_TEXT &&
	    opening_of((struct span){ line, OPENING_MAX + 1 }, false, false) ==
	    OPENING_TEXT, "after 998 octets at the latest");
}

int
main(int argc, char **argv)
{
	alarm(300);
	forms();
	names();
	lengths();
	readings(argc > 1 ? (size_t)atoi(argv[1]) : 5);
	openings();
	return tap_end();
}

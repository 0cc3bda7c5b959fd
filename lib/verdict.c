#include "verdict.h"

#include <errno.h>

const struct reply verdict_fault = { 451, "4.3.0",
    "Local error, try again later" };

/* ---- one line of output, read as one of a reply ---- */

struct reply_line {
	int code;			/* 0: not given */
	bool more;			/* "NNN-" */
	struct span enhanced, text;
};

/* Digits from the start of s, three at most. */
static size_t
digits(struct span s)
{
	size_t n = 0;

	while (n < 3 && n < s.len && is_digit(s.ptr[n]))
		n++;
	return n;
}

/* Takes "X.Y.Z" off *s (RFC 3463, 2); empty where it does not begin so. */
static struct span
take_enhanced(struct span *s)
{
	size_t len = 0, n, part;
	struct span enhanced;

	for (part = 0; part < 3; part++) {
		n = digits(span_skip(*s, len));
		if (n == 0 || (part == 0 && n != 1))
			return span_of("");
		len += n;
		if (part == 2)
			break;
		if (len == s->len || s->ptr[len] != '.')
			return span_of("");
		len++;
	}
	if (len < s->len && s->ptr[len] != ' ')
		return span_of("");
	enhanced = span_first(*s, len);
	*s = span_skip(*s, len);
	return enhanced;
}

/* Takes "NNN " or "NNN-" off *s. */
static void
take_code(struct span *s, struct reply_line *l)
{
	int code;

	if (digits(*s) != 3 || s->len == 3 ||
	    (s->ptr[3] != ' ' && s->ptr[3] != '-'))
		return;
	code = 100 * (s->ptr[0] - '0') + 10 * (s->ptr[1] - '0') +
	    (s->ptr[2] - '0');
	if (code != 250 && (code < 400 || code > 599))
		return;
	l->code = code;
	l->more = s->ptr[3] == '-';
	*s = span_skip(*s, 4);
}

/* The first digit of a code that a reply may have. */
static bool
is_class(char c)
{
	return c == '2' || c == '4' || c == '5';
}

/* "NNN X.Y.Z text", "NNN-X.Y.Z text", "X.Y.Z text" or "NNN text"; false where
 * it is none of them. */
static bool
parse_reply_line(struct span line, struct reply_line *l)
{
	*l = (struct reply_line){ .code = 0 };
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	take_code(&line, l);
	l->enhanced = take_enhanced(&line);
	l->text = line.len > 0 && line.ptr[0] == ' ' ? span_skip(line, 1) :
	    line;
	if (l->code != 0 && l->enhanced.len > 0)
		return l->enhanced.ptr[0] - '0' == l->code / 100;
	if (l->enhanced.len > 0)
		return l->text.len > 0 && is_class(l->enhanced.ptr[0]);
	return l->text.len > 0 && l->code != 0 && !l->more;
}

/* ---- last words ---- */

/* Does this line go on with the reply that there is so far? */
static bool
goes_on(const struct words *w, const struct reply_line *l)
{
	return w->lines > 0 && w->more && w->code == l->code &&
	    l->enhanced.len > 0;
}

/* Begins the reply's next line.  One too many stands in the place of the one
 * before. */
static struct text
next_reply_line(struct words *w)
{
	struct text t = text_in(w->text, sizeof w->text);

	if (w->lines == WORDS_LINES) {
		w->lines--;
		w->len = w->last - 1;
	}
	if (w->lines++ > 0) {
		t.len = w->len;
		text_char(&t, '\n');
	}
	w->last = t.len;
	return t;
}

void
words_take(struct words *w, struct span line)
{
	struct reply_line l;
	struct text t;
	size_t i;

	if (!parse_reply_line(line, &l)) {
		w->lines = 0;
		return;
	}
	if (!goes_on(w, &l))
		w->lines = 0;
	t = next_reply_line(w);
	w->more = l.more;
	w->code = l.code;
	span_copy(l.enhanced, w->enhanced, sizeof w->enhanced);
	if (l.text.len >= REPLY_LINE_MAX)
		l.text.len = REPLY_LINE_MAX - 1;
	for (i = 0; i < l.text.len; i++)	/* a NUL would end it */
		text_char(&t, l.text.ptr[i] != '\0' ? l.text.ptr[i] : '?');
	w->len = t.len;
	text_end(&t);
}

/* A status whose meaning is "try again" never becomes a bounce. */
static bool
may_bounce(int status)
{
	return status >= 0 && status != EX_TEMPFAIL && status != 111 &&
	    status != 126 && status != 127;
}

/* A whole reply may contradict the table, but for success and what is never a
 * bounce; half of one may not: a command may show what a web server said. */
static bool
may_choose(const struct words *w, int class, int usual, int status)
{
	if (w->code == 0 || w->enhanced[0] == '\0')
		return class == usual;
	return (class == 2) == (usual == 2) &&
	    (class != 5 || may_bounce(status));
}

/* The reply that the output ends in, in the place of the usual one to this exit
 * status, which *reply is; false: that stays. */
static bool
words_choose(const struct words *w, int status, struct reply *reply)
{
	static const struct reply least[] = { [2] = { 250, "2.0.0", NULL },
	    [4] = { 451, "4.0.0", NULL }, [5] = { 554, "5.0.0", NULL } };
	int class = w->code != 0 ? w->code / 100 : w->enhanced[0] - '0';

	if (w->lines == 0 || w->more ||
	    !may_choose(w, class, reply->code / 100, status))
		return false;
	reply->code = w->code == 0 || w->code == 421 ? least[class].code :
	    w->code;
	reply->enhanced = w->enhanced[0] != '\0' ? w->enhanced :
	    least[class].enhanced;
	reply->text = w->text;
	return true;
}

/* ---- verdicts ---- */

static const struct verdict {
	int status;
	struct reply reply;
} verdicts[] = {
	{ EX_DATAERR, { 554, "5.6.0", "Message content refused" } },
	{ EX_NOUSER, { 550, "5.1.1", "No such user" } },
	{ EX_NOHOST, { 550, "5.1.2", "No such host" } },
	{ EX_UNAVAILABLE, { 554, "5.3.0", "Message refused" } },
	{ 100, { 554, "5.3.0", "Message refused" } },	/* qmail-command(8) */
	{ 112, { 554, "5.3.0", "Message refused" } },
	{ EX_PROTOCOL, { 554, "5.5.0", "Message refused" } },
	{ EX_NOPERM, { 550, "5.7.1", "Message refused by policy" } },
	{ EX_CANTCREAT, { 451, "4.2.0", "Cannot store, try again later" } },
	{ EX_OSFILE, { 451, "4.3.5", "Misconfigured, try again later" } },
	{ EX_CONFIG, { 451, "4.3.5", "Misconfigured, try again later" } },
};

bool
verdict_of_run(int status, const struct words *w, const char *okay,
    struct reply *reply)
{
	size_t i;

	*reply = verdict_fault;
	if (status == 0 || status == 99)	/* 99: qmail-command(8) */
		*reply = (struct reply){ 250, "2.0.0", okay };
	for (i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
		if (verdicts[i].status == status)
			*reply = verdicts[i].reply;
	return words_choose(w, status, reply);
}

/* 1 is what grep says, and a script that crashed, which says more. */
static enum lookup_result
result_of(int status, bool silent)
{
	switch (status) {
	case 0:
		return VALID_USER;
	case EX_DATAERR:
		return AMBIGUOUS_USER;
	case EX_NOUSER:
	case EX_NOPERM:
	case 100:
		return UNKNOWN_USER;
	case 1:
		return silent ? UNKNOWN_USER : LOOKUP_ERROR;
	default:
		return LOOKUP_ERROR;
	}
}

enum lookup_result
verdict_of_lookup(int status, bool silent, bool always,
    const struct words *w, struct reply *reply)
{
	static const struct reply refused = { 550, "5.7.1",
	    "Refused by policy" };
	enum lookup_result user = result_of(status, silent);
	struct reply usual = user == LOOKUP_ERROR ? verdict_fault : refused;

	if (user != LOOKUP_ERROR && status != EX_NOPERM && always)
		user = VALID_USER;
	if (user != VALID_USER && (words_choose(w, status, &usual) ||
	    status == EX_NOPERM))
		*reply = usual;
	return user;
}

enum auth_result
verdict_of_auth(int status, bool silent)
{
	if (status == 0)
		return AUTH_ACCEPTED;
	return status == 100 || (status == 1 && silent) ? AUTH_REFUSED :
	    AUTH_ERROR;
}

struct reply
verdict_of_storage(int error)
{
	static const struct reply no_space = { 452, "4.3.1",
	    "Insufficient storage, try again later" };

	return error == ENOSPC || error == EDQUOT || error == EFBIG ?
	    no_space : verdict_fault;
}

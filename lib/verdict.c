#include "verdict.h"

#include <errno.h>

const struct reply verdict_fault = { 451, "4.3.0",
    "Local error, try again later" };

/* ---- last words ---- */

/* The first digit of a code that a reply may have. */
static bool
is_class(char c)
{
	return c == '2' || c == '4' || c == '5';
}

/* Is it a line of a reply that a command may choose? */
static bool
is_reply(const struct reply_line *l)
{
	if (l->code != 0 && l->code != 250 &&
	    (l->code < 400 || l->code > 599))
		return false;
	if (l->code != 0 && l->enhanced.len > 0)
		return reply_line_agrees(l);
	if (l->enhanced.len > 0)
		return l->text.len > 0 && is_class(l->enhanced.ptr[0]);
	return l->text.len > 0 && l->code != 0 && !l->more;
}

/* Does this line go on with the reply that there is so far, if there is one? */
static bool
goes_on(const struct words *w, const struct reply_line *l)
{
	return w->more && w->code == l->code && l->enhanced.len > 0;
}

void
words_take(struct words *w, struct span line)
{
	struct reply_line l = reply_line_of(line);

	if (!is_reply(&l) || !goes_on(w, &l))
		w->lines = 0;
	if (is_reply(&l))
		words_add(w, &l);
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

#include "sasl.h"

#include <string.h>

#include "address.h"

/* ---- base64 ---- */

/* The value of a digit; 64 for anything else. */
static unsigned
base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (unsigned)(at - digits) : 64;
}

bool
sasl_decode(struct span s, struct text *t)
{
	unsigned long group = 0;
	size_t i, padding = 0, digit;

	if (s.len % 4 != 0 || s.len / 4 * 3 > t->size - t->len)
		return false;
	while (padding < 2 && padding < s.len &&
	    s.ptr[s.len - 1 - padding] == '=')
		padding++;
	for (i = 0; i < s.len; i++) {
		digit = i < s.len - padding ? base64_digit(s.ptr[i]) : 0;
		if (digit == 64)
			return false;
		group = (group << 6 | digit) & 0xffffff;
		if (i % 4 < 3)
			continue;
		text_char(t, (char)(group >> 16));
		text_char(t, (char)(group >> 8 & 0xff));
		text_char(t, (char)(group & 0xff));
	}
	t->len -= padding;
	return true;
}

/* ---- what the lines of a mechanism stand for ---- */

struct mechanism {
	const char *name;
	/* The next line, decoded; it is in s->text. */
	enum sasl_step (*take)(struct sasl *s, struct span message);
	const char *challenges[2];	/* by the lines that have come */
};

bool
sasl_is_name(struct span name)
{
	return name.len > 0 && name.len <= SASL_NAME_MAX && is_utf8(name) &&
	    !span_any(name, is_control) && name.ptr[0] != '-' &&
	    !address_is_function(name);
}

bool
sasl_is_password(struct span password)
{
	return password.len > 0 && span_find(password, '\0') == NULL;
}

static enum sasl_step
finish(struct sasl *s, struct span name, struct span password)
{
	if (!sasl_is_name(name) || !sasl_is_password(password))
		return SASL_BAD;
	s->name = name;
	s->password = password;
	return SASL_DONE;
}

/* identity NUL name NUL password: RFC 4616, 2. */
static enum sasl_step
take_plain(struct sasl *s, struct span message)
{
	struct span identity, name;
	const char *nul = span_find(message, '\0');
	enum sasl_step step;

	if (nul == NULL)
		return SASL_BAD;
	identity = span_until(message, nul);
	message = span_behind(message, nul);
	nul = span_find(message, '\0');
	if (nul == NULL)
		return SASL_BAD;
	name = span_until(message, nul);
	step = finish(s, name, span_behind(message, nul));
	if (step == SASL_DONE && identity.len > 0 &&
	    (identity.len != name.len ||
	    memcmp(identity.ptr, name.ptr, name.len) != 0))
		step = SASL_OTHER_IDENTITY;
	return step;
}

/* The name, and then the password; the name is judged with it. */
static enum sasl_step
take_login(struct sasl *s, struct span message)
{
	struct text name = { s->name_text, 0, sizeof s->name_text };

	if (s->lines > 1)
		return finish(s, s->name, message);
	text_span(&name, message);
	s->name = text_span_of(&name);
	return SASL_ASK;
}

static const struct mechanism mechanisms[] = {
	{ "PLAIN", take_plain, { "", NULL } },
	/* base64 of "Username:" and "Password:" */
	{ "LOGIN", take_login, { "VXNlcm5hbWU6", "UGFzc3dvcmQ6" } },
};

static const struct mechanism *
find_mechanism(struct span name)
{
	size_t i;

	for (i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++)
		if (span_is(name, mechanisms[i].name))
			return &mechanisms[i];
	return NULL;
}

bool
sasl_is_mechanism(struct span word)
{
	static const char *const others[] = { "ANONYMOUS", "CRAM-MD5",
	    "DIGEST-MD5", "EXTERNAL", "GS2-KRB5", "GSSAPI", "GSS-SPNEGO",
	    "KERBEROS_V4", "NTLM", "OAUTHBEARER", "OTP", "SCRAM-SHA-1",
	    "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS",
	    "SCRAM-SHA-512", "SCRAM-SHA-512-PLUS", "XOAUTH", "XOAUTH2" };
	size_t i;

	for (i = 0; i < sizeof others / sizeof *others; i++)
		if (span_is(word, others[i]))
			return true;
	return find_mechanism(word) != NULL;
}

/* ---- the dialogue ---- */

static enum sasl_step
ask(struct sasl *s)
{
	s->challenge = s->mechanism->challenges[s->lines];
	return SASL_ASK;
}

static enum sasl_step
take_line(struct sasl *s, struct span line)
{
	struct text t = { s->text, 0, sizeof s->text };
	enum sasl_step step;

	if (!sasl_decode(line, &t))
		return SASL_BAD;
	s->lines++;
	step = s->mechanism->take(s, text_span_of(&t));
	return step == SASL_ASK ? ask(s) : step;
}

enum sasl_step
sasl_begin(struct sasl *s, struct span argument)
{
	s->lines = 0;
	s->mechanism = find_mechanism(span_take_word(&argument));
	if (s->mechanism == NULL)
		return SASL_UNKNOWN;
	if (argument.len == 0)
		return ask(s);
	return take_line(s, span_is(argument, "=") ? span_of("") : argument);
}

enum sasl_step
sasl_continue(struct sasl *s, struct span line)
{
	return span_is(line, "*") ? SASL_CANCELLED : take_line(s, line);
}

const char *
sasl_mechanism(const struct sasl *s)
{
	return s->mechanism->name;
}

void
sasl_forget(struct sasl *s)
{
	octets_erase(s->name_text, sizeof s->name_text);
	octets_erase(s->text, sizeof s->text);
	s->name = s->password = span_of("");
	s->mechanism = NULL;
}

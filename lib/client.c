#include "client.h"

/* ---- extensions, and the parameters that they are for ---- */

enum { PIPELINING = 1, EIGHT_BIT = 2, UTF8 = 4, CHUNKING = 8, BINARY = 16,
	DSN = 32, SIZE = 64 };

static const struct {
	const char *keyword;
	unsigned bit;
} extensions[] = {
	{ "PIPELINING", PIPELINING },		/* RFC 2920 */
	{ "8BITMIME", EIGHT_BIT },		/* RFC 6152 */
	{ "SMTPUTF8", UTF8 },			/* RFC 6531 */
	{ "CHUNKING", CHUNKING },		/* RFC 3030 */
	{ "BINARYMIME", BINARY },		/* RFC 3030 */
	{ "DSN", DSN },				/* RFC 3461 */
	{ "SIZE", SIZE },			/* RFC 1870 */
};

/* Parameters that go on where all of these are announced; by the first row
 * that they begin as. */
static const struct {
	const char *start;
	unsigned bits;
} parameters[] = {
	{ "BODY=BINARYMIME", BINARY | CHUNKING },
	{ "BODY=", EIGHT_BIT },
	{ "RET=", DSN },
	{ "ENVID=", DSN },
	{ "NOTIFY=", DSN },
	{ "ORCPT=", DSN },
};

enum {
	EXTENSIONS = sizeof extensions / sizeof *extensions,
	PARAMETERS = sizeof parameters / sizeof *parameters
};

/* Of EHLO's reply, but for its first line. */
static void
take_keyword(struct client *c, struct span text)
{
	struct span keyword = span_take_word(&text);
	size_t i;

	for (i = 0; i < EXTENSIONS; i++)
		if (span_is(keyword, extensions[i].keyword))
			c->extensions |= extensions[i].bit;
}

static bool
has(const struct client *c, unsigned bits)
{
	return (c->extensions & bits) == bits;
}

static bool
goes_on(const struct client *c, struct span parameter)
{
	size_t i;

	if (span_any(parameter, is_8bit) && !has(c, UTF8))
		return false;
	for (i = 0; i < PARAMETERS; i++)
		if (span_starts(parameter, span_of(parameters[i].start)))
			return has(c, parameters[i].bits);
	return false;
}

static void
text_parameters(const struct client *c, struct text *t, struct span options)
{
	struct span word;

	while ((word = span_take_word(&options)).len > 0)
		if (goes_on(c, word)) {
			text_char(t, ' ');
			text_span(t, word);
		}
}

static bool
has_parameter(struct span options, const char *parameter)
{
	struct span word;

	while ((word = span_take_word(&options)).len > 0)
		if (span_is(word, parameter))
			return true;
	return false;
}

bool
client_is_binary(const struct client_mail *m)
{
	return has_parameter(m->options, "BODY=BINARYMIME");
}

/* Has it an address that no other server understands? */
static bool
needs_utf8(const struct client_mail *m)
{
	return span_any(m->sender, is_8bit) || span_any(m->recipients, is_8bit);
}

/* ---- what becomes of it ---- */

static void
end(struct client *c, enum client_result result)
{
	c->at = c->stage;
	c->stage = CLIENT_OVER;
	c->result = result;
}

static void
keep(struct client *c, enum client_result result, struct span about)
{
	c->result = result;
	c->verdict = c->words;
	c->about = about;
}

/* By the words that were heard last. */
static void
end_by_words(struct client *c, enum client_result result)
{
	keep(c, result, span_of(""));
	end(c, result);
}

/* What this server cannot be given is refused as it would do it. */
static void
refuse(struct client *c, const char *line)
{
	struct reply_line l = reply_line_of(span_of(line));

	c->words.lines = 0;
	words_add(&c->words, &l);
	end_by_words(c, CLIENT_REFUSED);
}

/* Such a reply is about how we talk, or who we are, and never about a message:
 * syntax, order, TLS and AUTH. */
static bool
is_about_us(const struct client *c)
{
	static const int codes[] = { 500, 501, 502, 503, 504, 530, 534, 535,
	    538, 555 };
	size_t i;

	for (i = 0; i < sizeof codes / sizeof *codes; i++)
		if (c->words.code == codes[i])
			return true;
	return c->stage < CLIENT_ENVELOPE;
}

static enum client_result
result_of(const struct client *c)
{
	switch (c->words.code / 100) {
	case 2:
		return CLIENT_TAKEN;
	case 4:
		return CLIENT_LATER;
	case 5:
		return is_about_us(c) ? CLIENT_MISCONFIGURED : CLIENT_REFUSED;
	default:
		return CLIENT_NO_REPLY;
	}
}

/* ---- the dialogue: out ---- */

void
client_begin(struct client *c, const struct client_mail *mail)
{
	*c = (struct client){ .mail = mail, .to = mail->recipients,
	    .to_options = mail->recipient_options,
	    .asked = mail->recipients };
}

bool
client_has_many(const struct client_mail *m)
{
	struct span rest = m->recipients;

	span_take_until(&rest, '\n');
	return rest.len > 0;
}

static void
compose_hello(struct client *c, struct text *t)
{
	text_string(t, c->stage == CLIENT_HELO ? "HELO " :
	    c->mail->lmtp ? "LHLO " : "EHLO ");
	text_span(t, c->mail->hello);
	text_string(t, "\r\n");
	c->composed = true;
}

static void
compose_mail(const struct client *c, struct text *t)
{
	const struct client_mail *m = c->mail;

	text_string(t, "MAIL FROM:<");
	text_span(t, m->sender);
	text_char(t, '>');
	text_parameters(c, t, m->options);
	if (has(c, UTF8) && (needs_utf8(m) ||
	    has_parameter(m->options, "SMTPUTF8")))
		text_string(t, " SMTPUTF8");
	if (has(c, SIZE)) {
		text_string(t, " SIZE=");
		text_number(t, m->size);
	}
	text_string(t, "\r\n");
}

static void
compose_rcpt(struct client *c, struct text *t)
{
	text_string(t, "RCPT TO:<");
	text_span(t, span_take_until(&c->to, '\n'));
	text_char(t, '>');
	text_parameters(c, t, span_take_until(&c->to_options, '\n'));
	text_string(t, "\r\n");
}

/* As many at a time as no server's replies to them fill a window. */
static void
compose_envelope(struct client *c, struct text *t)
{
	enum { AT_ONCE = 16 };
	size_t most = has(c, PIPELINING) ? AT_ONCE : 1;

	while ((c->sent == 0 || c->to.len > 0) &&
	    c->sent - c->answered < most &&
	    t->size - t->len >= CLIENT_LINE_MAX) {
		if (c->sent++ == 0)
			compose_mail(c, t);
		else
			compose_rcpt(c, t);
	}
}

/* Not before all of them have been taken. */
static void
compose_data(struct client *c, struct text *t)
{
	if (client_is_binary(c->mail)) {
		text_string(t, "BDAT ");
		text_number(t, c->mail->size);
		text_string(t, " LAST\r\n");
		c->stage = CLIENT_CONTENT;
	} else
		text_string(t, "DATA\r\n");
	c->composed = true;
}

void
client_compose(struct client *c, struct text *t)
{
	if (c->stage == CLIENT_ENVELOPE)
		compose_envelope(c, t);
	else if (c->composed)
		return;
	else if (c->stage == CLIENT_HELLO || c->stage == CLIENT_HELO)
		compose_hello(c, t);
	else if (c->stage == CLIENT_DATA)
		compose_data(c, t);
}

void
client_end_content(struct client *c, struct text *t)
{
	if (!client_is_binary(c->mail))
		text_string(t, ".\r\n");
	c->stage = CLIENT_END;
}

/* ---- the dialogue: in ---- */

static void
go_on(struct client *c, enum client_stage stage)
{
	c->stage = stage;
	c->composed = false;
}

/* A reply to which the dialogue goes on, or which ends it. */
static bool
is_taken(struct client *c)
{
	enum client_result result = result_of(c);

	if (result != CLIENT_TAKEN)
		end_by_words(c, result);
	return result == CLIENT_TAKEN;
}

static void
greeted(struct client *c)
{
	if (is_taken(c))
		go_on(c, CLIENT_HELLO);
}

/* What the message needs of the server is known now. */
static void
told_hello(struct client *c)
{
	int code = c->words.code;

	if (c->stage == CLIENT_HELLO && !c->mail->lmtp &&
	    (code == 500 || code == 502)) {
		c->extensions = 0;
		go_on(c, CLIENT_HELO);
	} else if (!is_taken(c))
		return;
	else if (needs_utf8(c->mail) && !has(c, UTF8))
		refuse(c, "554 5.6.7 "
		    "The next server does not take such addresses (SMTPUTF8)");
	else if (client_is_binary(c->mail) && !has(c, BINARY | CHUNKING))
		refuse(c, "554 5.6.3 "
		    "The next server does not take such a body (BINARYMIME)");
	else
		go_on(c, CLIENT_ENVELOPE);
}

/* A refusal for now is what counts, among others; else the first. */
static void
told_recipient(struct client *c, struct span to)
{
	enum client_result result = result_of(c);

	if (result == CLIENT_TAKEN)
		c->taken++;
	else if (c->verdict.lines == 0 || (c->result == CLIENT_REFUSED &&
	    result != CLIENT_REFUSED))
		keep(c, result, to);
}

/* All were taken, or nothing is sent. */
static void
told_all(struct client *c)
{
	if (c->taken == c->answered - 1)	/* but MAIL */
		go_on(c, CLIENT_DATA);
	else
		end(c, c->taken > 0 && c->result == CLIENT_REFUSED ?
		    CLIENT_LATER : c->result);
}

/* Behind a 421, which is said before a server hangs up, nothing more comes. */
static void
told_envelope(struct client *c)
{
	if (c->answered++ == 0 || c->words.code == 421) {
		is_taken(c);
		return;
	}
	told_recipient(c, span_take_until(&c->asked, '\n'));
	if (c->asked.len == 0)
		told_all(c);
}

static void
told_data(struct client *c)
{
	enum client_result result = result_of(c);

	if (c->words.code == 354)
		c->stage = CLIENT_CONTENT;
	else
		end_by_words(c, result == CLIENT_TAKEN ? CLIENT_NO_REPLY :
		    result);
}

static void
told_end(struct client *c)
{
	end_by_words(c, result_of(c));
}

static void (*const told[])(struct client *c) = {
	[CLIENT_GREETING] = greeted, [CLIENT_HELLO] = told_hello,
	[CLIENT_HELO] = told_hello, [CLIENT_ENVELOPE] = told_envelope,
	[CLIENT_DATA] = told_data, [CLIENT_END] = told_end
};

/* Is nothing asked that it could answer? */
static bool
is_early(const struct client *c)
{
	if (c->stage == CLIENT_ENVELOPE)
		return c->sent == c->answered;
	return told[c->stage] == NULL ||
	    (c->stage > CLIENT_GREETING && !c->composed);
}

void
client_take_line(struct client *c, struct span line)
{
	struct reply_line l = reply_line_of(line);

	if (c->stage == CLIENT_OVER)
		return;
	if (l.code < 200 || l.code > 599 || is_early(c) ||
	    (c->words.lines > 0 && l.code != c->words.code)) {
		c->words.lines = 0;
		end(c, CLIENT_NO_REPLY);
		return;
	}
	if (!reply_line_agrees(&l)) {	/* then it is a word of the text */
		l.text.len += (size_t)(l.text.ptr - l.enhanced.ptr);
		l.text.ptr = l.enhanced.ptr;
		l.enhanced.len = 0;
	}
	if (c->stage == CLIENT_HELLO && c->words.lines > 0)
		take_keyword(c, l.text);
	words_add(&c->words, &l);
	if (l.more)
		return;
	told[c->stage](c);
	c->words.lines = 0;
}

bool
client_is_amid_reply(const struct client *c)
{
	return c->words.lines > 0;
}

const char *
client_stage_name(const struct client_mail *mail, enum client_stage stage)
{
	static const char *const names[] = {
		[CLIENT_GREETING] = "the connection", [CLIENT_HELLO] = "EHLO",
		[CLIENT_HELO] = "HELO", [CLIENT_ENVELOPE] = "MAIL or RCPT",
		[CLIENT_DATA] = "DATA", [CLIENT_CONTENT] = "the message",
		[CLIENT_END] = "the end of the message"
	};

	return stage == CLIENT_HELLO && mail->lmtp ? "LHLO" : names[stage];
}

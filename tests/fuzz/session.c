/*
 * Fuzzes a whole session through the pure core, and checks what must hold
 * whatever a client sends:
 *
 * - begin, append, commit and discard come in their order;
 * - 250 to the end of a message if and only if commit said so;
 * - one reply a command, none for what is no whole line;
 * - reply lines are printable, at most 512 octets, and end in CRLF;
 * - octets fed in pieces give what they give at once;
 * - nobody is asked about a name or a password that is none, or comes in clear
 *   where it may not; and neither is left in memory.
 *
 * Input: an octet of options, an octet of more of them and the piece size, then
 * the client's.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* All that happened, as octets, to compare two ways of feeding. */
struct story {
	struct protocol protocol;
	bool begun, committed, accepted;
	size_t commits, recipients, begun_at;
	unsigned options;
	size_t len;
	char text[1 << 20];
};

static void
tell(struct story *s, const char *octets, size_t len)
{
	if (len > sizeof s->text - s->len)
		len = sizeof s->text - s->len;
	memcpy(s->text + s->len, octets, len);
	s->len += len;
}

static void
check_mailbox(struct mailbox m, size_t max)
{
	size_t i;

	assert(m.whole.len <= max);
	assert(m.whole.len == 0 || m.whole.ptr[0] != '-');
	for (i = 0; i < m.whole.len; i++)
		assert((unsigned char)m.whole.ptr[i] >= ' ' &&
		    m.whole.ptr[i] != 127);
}

static enum forward_result
forward_domain(void *context, const struct mailbox *to, struct reply *reply)
{
	(void)context, (void)reply;
	return (enum forward_result)(to->domain.len % 3);
}

static enum lookup_result
look_up_name(void *context, const struct lookup *l, struct reply *reply)
{
	struct mailbox name = l->name;
	const struct envelope *e = l->envelope;
	size_t i;

	(void)context, (void)reply;
	check_mailbox(name, l->verb == LOOKUP_RCPT ? MAILBOX_MAX :
	    PROTOCOL_LINE_MAX);
	assert(name.whole.len > 0 && l->options.len < PROTOCOL_LINE_MAX);
	assert(l->verb != LOOKUP_RCPT || e->verb != NULL);
	for (i = 0; i < name.local.len; i++)
		text_string(l->expanded, name.domain.len > 3 ? "\303\244<a@b>" :
		    "<c@d>\n");
	return name.local.len < 3 ? VALID_USER :
	    (enum lookup_result)(name.local.len % 4);
}

static bool
begin(void *context, const struct envelope *e, struct reply *reply)
{
	struct story *s = context;
	size_t i;

	assert(!s->begun && e->recipients > 0);
	s->begun = true;
	s->begun_at = s->len;
	s->committed = false;
	s->commits = 0;
	s->recipients = e->recipients;
	check_mailbox(e->sender, MAILBOX_MAX);
	for (i = 0; i < e->recipients; i++) {
		check_mailbox(envelope_recipient(e, i), MAILBOX_MAX);
		assert(envelope_recipient(e, i).whole.len > 0);
	}
	tell(s, "[begin]", 7);
	*reply = (struct reply){ 451, "4.3.0", "no" };
	return e->options.len != 7;
}

static bool
append(void *context, struct span data, struct reply *reply)
{
	struct story *s = context;

	assert(s->begun && !s->committed && data.len > 0);
	tell(s, data.ptr, data.len);
	*reply = (struct reply){ 452, "4.3.1", "full" };
	return memchr(data.ptr, '!', data.len) == NULL;
}

static void
commit(void *context, size_t recipient, struct reply *reply)
{
	struct story *s = context;
	bool lmtp = (s->options & 1) != 0;

	assert(s->begun);
	assert(recipient == (lmtp ? s->commits : PROTOCOL_ALL));
	s->committed = true;
	s->commits++;
	s->accepted = s->commits % 2 == 1;
	*reply = s->accepted ? (struct reply){ 250, "2.0.0", "Ok" } :
	    (struct reply){ 550, "5.1.1", "no\ncontrol \001 \377\nlast" };
	tell(s, "[commit]", 8);
	if (!lmtp || s->commits == s->recipients)
		s->begun = false;
}

static void
discard(void *context, const struct reply *why)
{
	struct story *s = context;

	assert(s->begun);
	assert(why == NULL || why->code >= 400);
	s->begun = false;
	s->len = s->begun_at;	/* how much of it came before does not count */
	tell(s, "[discard]", 9);
}

static bool
stopping(void *context)
{
	(void)context;
	return false;
}

static void
answered(void *context, const struct exchange *exchange)
{
	(void)context;
	assert(exchange->reply->code >= 200 && exchange->reply->code < 600);
}

/* Returns how many replies it is. */
static unsigned
check_reply(struct story *s, struct span wire)
{
	unsigned replies = 0;
	const char *end;
	size_t i, len;

	tell(s, wire.ptr, wire.len);
	while (wire.len > 0) {
		end = memchr(wire.ptr, '\n', wire.len);
		assert(end != NULL);
		len = (size_t)(end + 1 - wire.ptr);
		assert(len >= 6 && len <= REPLY_LINE_MAX);
		assert(wire.ptr[len - 2] == '\r');
		assert(wire.ptr[0] >= '2' && wire.ptr[0] <= '5');
		assert(wire.ptr[3] == ' ' || wire.ptr[3] == '-');
		for (i = 0; i < len - 2; i++)
			assert((unsigned char)wire.ptr[i] >= ' ' &&
			    wire.ptr[i] != 127);
		replies += wire.ptr[3] == ' ';
		wire = (struct span){ wire.ptr + len, wire.len - len };
	}
	return replies;
}

/* BDAT is answered behind its octets, and LAST in LMTP not always. */
static bool
is_bdat(const char *line, size_t len)
{
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	return len >= 4 && span_is((struct span){ line, 4 }, "BDAT");
}

static enum auth_result
authenticate(void *context, const struct sasl *who)
{
	struct story *s = context;

	assert(!s->protocol.authenticated);
	assert(s->protocol.tls || s->protocol.config->auth_in_clear);
	assert(s->protocol.tls || !s->protocol.config->require_tls);
	assert(who->name.len > 0 && who->name.len <= SASL_NAME_MAX);
	assert(who->name.ptr[0] != '-' && is_utf8(who->name));
	assert(!span_any(who->name, is_control));
	assert(who->password.len > 0 &&
	    memchr(who->password.ptr, '\0', who->password.len) == NULL);
	return (enum auth_result)(who->name.len % 3);
}

static bool
prepare_tls(void *context)
{
	(void)context;
	return true;
}

/* Once nobody is asked any more, nothing is left of name and password. */
static void
check_secrets(const struct story *s)
{
	const struct sasl *sasl = &s->protocol.sasl;
	size_t i;

	if (s->protocol.in_dialogue)
		return;
	for (i = 0; i < sizeof sasl->text; i++)
		assert(sasl->text[i] == 0 && sasl->name_text[i] == 0);
}

/* Where a handshake would follow; octets that are there already end it. */
static void
feed_tls(struct story *s, size_t behind)
{
	check_reply(s, protocol_start_tls(&s->protocol,
	    behind % 7 == 0 ? TLS_PIPELINED : behind % 7 == 1 ? TLS_NOT_NOW :
	    TLS_READY));
	if (s->protocol.wants != PROTOCOL_LINE || behind % 7 == 1)
		return;
	protocol_tls_is_up(&s->protocol);
	assert(s->protocol.tls && !s->protocol.authenticated);
}

/* One command line of the input, in memory of its own size; its length. */
static size_t
feed_line(struct story *s, const char *input, size_t len)
{
	const char *end = memchr(input, '\n', len);
	size_t whole = end != NULL ? (size_t)(end + 1 - input) : 0;
	size_t given = whole < PROTOCOL_LINE_MAX ? whole : PROTOCOL_LINE_MAX;
	char *copy;
	unsigned replies;

	if (whole == 0)
		return len;
	copy = malloc(given);
	assert(copy != NULL);
	memcpy(copy, input, given);
	replies = check_reply(s, protocol_command(&s->protocol,
	    (struct span){ copy, given }));
	assert(replies == 1 || (replies == 0 && (is_bdat(copy, given) ||
	    s->protocol.wants == PROTOCOL_TLS)));
	check_secrets(s);
	free(copy);
	return whole;
}

static size_t
feed_content(struct story *s, const char *input, size_t len, size_t piece)
{
	size_t given = len < piece ? len : piece, used;
	char *copy = malloc(given);

	assert(copy != NULL);
	memcpy(copy, input, given);
	used = protocol_content(&s->protocol, copy, given);
	assert(used <= given);
	assert(used == given || s->protocol.wants != PROTOCOL_CONTENT);
	free(copy);
	return used;
}

static void
feed_reply(struct story *s)
{
	bool commits = protocol_commits(&s->protocol);
	bool last = s->protocol.last;
	struct span wire = protocol_next(&s->protocol);
	bool accepted = memcmp(wire.ptr, "250", 3) == 0;

	assert(check_reply(s, wire) == 1);
	assert(commits ? accepted == s->accepted :
	    !accepted || !last);
}

static void
play(struct story *s, const struct protocol_config *config, const char *input,
    size_t len, size_t piece)
{
	static const struct protocol_handler handler = { forward_domain,
	    look_up_name, begin, append, commit, discard, stopping, answered,
	    authenticate, prepare_tls, NULL };
	size_t n = 0;

	memset(&s->protocol, 0, offsetof(struct protocol, envelope));
	memset(&s->protocol.sasl, 0, sizeof s->protocol.sasl);
	s->begun = s->committed = false;
	s->len = 0;
	envelope_reset(&s->protocol.envelope);
	envelope_forget_helo(&s->protocol.envelope);
	protocol_open(&s->protocol, config, &handler, s);
	check_reply(s, protocol_greeting(&s->protocol));
	while (s->protocol.wants != PROTOCOL_CLOSE) {
		if (s->protocol.wants == PROTOCOL_REPLY)
			feed_reply(s);
		else if (n == len)
			break;
		else if (s->protocol.wants == PROTOCOL_TLS)
			feed_tls(s, len - n);
		else if (s->protocol.wants == PROTOCOL_LINE)
			n += feed_line(s, input + n, len - n);
		else
			n += feed_content(s, input + n, len - n, piece);
	}
	if (s->protocol.wants != PROTOCOL_CLOSE)
		check_reply(s, protocol_end(&s->protocol, PROTOCOL_EOF));
	assert(!s->begun);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct story whole, pieces;
	unsigned options;
	struct protocol_config config = { .hostname = "mx.example.org",
	    .banner = "ready", .domain = "d", .max_recipients = 5, .max_errors = 5 };

	if (len < 2)
		return 0;
	options = data[0];
	config.lmtp = (options & 1) != 0;
	config.crlf = (options & 2) != 0;
	config.reject_bare_newlines = (options & 4) != 0;
	config.terminal = (options & 8) != 0;
	config.dsn = (options & 16) != 0;
	config.max_size = options & 32 ? 20 : 0;
	config.max_messages = options & 64 ? 2 : 0;
	config.vrfy = (options & 128) != 0;
	whole.options = pieces.options = options;
	config.auth = config.starttls = (data[1] & 64) != 0;
	config.auth_in_clear = config.require_auth = (data[1] & 128) != 0;
	config.require_tls = (data[1] & 192) == 64;
	play(&whole, &config, (const char *)data + 2, len - 2, len);
	play(&pieces, &config, (const char *)data + 2, len - 2,
	    (data[1] & 63) + 1U);
	/* which of two faults is the first one depends on the pieces where one
	 * of them is append's */
	assert(memchr(data, '!', len) != NULL || (whole.len == pieces.len &&
	    memcmp(whole.text, pieces.text, whole.len) == 0));
	return 0;
}

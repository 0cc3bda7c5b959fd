/*
 * Fuzzes a whole session through the pure core, and checks what must hold
 * whatever a client sends:
 *
 * - begin, append, commit and discard come in their order;
 * - 250 to the end of a message if and only if commit said so;
 * - one reply a command, none for what is no whole line;
 * - reply lines are printable, at most 512 octets, and end in CRLF;
 * - octets fed in pieces give what they give at once;
 * - an address that somebody is told of is one, whoever reads it: no bracket,
 *   no "\", none of ",;:" outside quotes, one "@", and behind it the domain;
 * - nobody is asked about a name or a password that is none, or comes in clear
 *   where it may not; and neither is left in memory;
 * - a PROXY header is short up to its last octet, and what it says obeys the
 *   rules of an address, a port, a name;
 * - XCLIENT and XFORWARD are told by who may say them, with values that do
 *   likewise; and what XFORWARD said ends where it is to end, once.
 *
 * Or the client half, and whatever a server says:
 *
 * - commands are lines, no more of them on their way than may be, and in order;
 * - no DATA before each recipient's 2xx, no content before 354, and a message
 *   is taken by a 2xx to its end and by nothing else;
 * - what it says of a reply is what a plain reader makes of it, and printable;
 * - with room for one command at a time it says the same.
 *
 * Input: an octet of options, an octet of more of them and the piece size, one
 * more of options, then the client's, or the server's.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/client.h"
#include "checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* All that happened, as octets, to compare two ways of feeding. */
struct story {
	struct protocol protocol;
	bool begun, committed, accepted;
	bool may_rename, forwarding, ended;
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

static enum forward_result
forward_domain(void *context, const struct lookup *l, struct reply *reply)
{
	(void)context, (void)reply;
	return (enum forward_result)(l->name.domain.len % 3);
}

static enum lookup_result
look_up_name(void *context, const struct lookup *l, struct reply *reply)
{
	struct mailbox name = l->name;
	const struct envelope *e = l->envelope;
	size_t i;

	(void)context, (void)reply;
	check_words(name, PROTOCOL_LINE_MAX);
	if (l->verb == LOOKUP_RCPT)
		check_mailbox(name);
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
	check_mailbox(e->sender);
	for (i = 0; i < e->recipients; i++) {
		check_mailbox(envelope_recipient(e, i));
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
discard(void *context, const struct reply *why, const char *hint)
{
	struct story *s = context;

	assert(hint == NULL || *hint != '\0');
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

static enum protocol_tls
prepare_tls(void *context)
{
	(void)context;
	return TLS_READY;
}

/* ---- who stands in front ---- */

static void
tell_client(struct story *s, const struct xclient *x)
{
	const char *const texts[] = { "[client]", x->name, x->address,
	    x->port, x->proto, x->helo, x->login, x->local_address,
	    x->local_port };
	size_t i;

	for (i = 0; i < sizeof texts / sizeof *texts; i++)
		tell(s, texts[i], strlen(texts[i]) + 1);
}

static bool
rename_client(void *context, const struct xclient *x)
{
	struct story *s = context;

	assert(s->may_rename && !s->begun && !s->forwarding);
	assert(s->protocol.authenticated == (x->login[0] != '\0'));
	check_client(x);
	tell_client(s, x);
	if ((x->given & XCLIENT_ADDR) != 0)
		s->may_rename = strchr(x->address, '1') != NULL;
	return s->may_rename;
}

static void
forward_client(void *context, const struct xclient *x)
{
	struct story *s = context;

	if (x == NULL) {
		assert(s->forwarding && !s->begun);
		s->forwarding = false;
		s->ended = true;
		tell(s, "[ended]", 7);
		return;
	}
	assert(s->may_rename && !s->begun);
	assert((x->given & ~(unsigned)XCLIENT_FORWARD) == 0);
	check_client(x);
	tell_client(s, x);
	s->forwarding = true;
}

/* Is a transaction open? */
static bool
in_transaction(const struct story *s)
{
	return (s->protocol.state & (4 | 8 | 16)) != 0;
}

/* Before a step, and after it: what XFORWARD said has ended with a transaction,
 * or where all of it begins anew, and else not. */
struct step { bool forwarding, transaction, tls; };

static struct step
step_begins(struct story *s)
{
	s->ended = false;
	return (struct step){ s->forwarding, in_transaction(s),
	    s->protocol.tls };
}

static void
step_ends(const struct story *s, struct step before, bool anew)
{
	bool over = before.transaction && !in_transaction(s);

	assert(s->ended == (before.forwarding && (over || anew)));
	assert(s->protocol.tls || !before.tls);
}

/* RSET, a hello and XCLIENT, where they were taken. */
static bool
begins_anew(const char *line, size_t len, struct span wire)
{
	static const char *const verbs[] = { "RSET", "HELO", "EHLO", "LHLO",
	    "XCLIENT" };
	struct span rest = { line, len }, verb = span_take_word(&rest);
	size_t i, n = 0;

	while (n < verb.len && !is_control(verb.ptr[n]))
		n++;
	for (i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (span_is(span_first(verb, n), verbs[i]))
			return wire.len > 0 && wire.ptr[0] == '2';
	return false;
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
	struct step before = step_begins(s);

	check_reply(s, protocol_start_tls(&s->protocol,
	    behind % 7 == 0 ? TLS_PIPELINED : behind % 7 == 1 ? TLS_NOT_NOW :
	    TLS_READY));
	if (s->protocol.wants != PROTOCOL_LINE || behind % 7 == 1)
		return;
	protocol_tls_is_up(&s->protocol);
	assert(s->protocol.tls && !s->protocol.authenticated);
	step_ends(s, before, true);
}

/* One command line of the input, in memory of its own size; its length. */
static size_t
feed_line(struct story *s, const char *input, size_t len)
{
	const char *end = memchr(input, '\n', len);
	size_t whole = end != NULL ? (size_t)(end + 1 - input) : 0;
	size_t given = whole < PROTOCOL_LINE_MAX ? whole : PROTOCOL_LINE_MAX;
	bool proof = s->protocol.in_dialogue;
	struct step before = step_begins(s);
	struct span wire;
	char *copy;
	unsigned replies;

	if (whole == 0)
		return len;
	copy = malloc(given);
	assert(copy != NULL);
	memcpy(copy, input, given);
	wire = protocol_command(&s->protocol, (struct span){ copy, given });
	step_ends(s, before, !proof && begins_anew(copy, given, wire));
	replies = check_reply(s, wire);
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
	struct step before = step_begins(s);
	struct span wire = protocol_next(&s->protocol);
	bool accepted = memcmp(wire.ptr, "250", 3) == 0;

	assert(check_reply(s, wire) == 1);
	assert(commits ? accepted == s->accepted :
	    !accepted || !last);
	step_ends(s, before, false);
}

/* ---- a PROXY header ---- */

enum { PREFIXES = 128 };	/* octets of which each cut is tried */

/* The first n octets, in memory of their own size. */
static enum proxy_status
parse_header(struct span octets, size_t n, struct proxy *h)
{
	enum proxy_status status;
	char *copy = malloc(n > 0 ? n : 1);

	assert(copy != NULL);
	memcpy(copy, octets.ptr, n);
	status = proxy_parse((struct span){ copy, n }, h);
	free(copy);
	return status;
}

/* A header is short up to its last octet; what is bad stays so. */
static bool
read_header(struct span octets, struct proxy *h)
{
	enum proxy_status status = parse_header(octets, octets.len, h), now;
	size_t n, most = octets.len < PREFIXES ? octets.len : PREFIXES;
	struct proxy cut;
	bool was_bad = false;

	assert(status != PROXY_BAD || h->error != NULL);
	for (n = 0; n < most; n++) {
		now = parse_header(octets, n, &cut);
		assert(!was_bad || now == PROXY_BAD);
		was_bad = now == PROXY_BAD;
		assert(now == PROXY_SHORT || now == status);
		assert(now != PROXY_READY || cut.len <= n);
	}
	if (status != PROXY_READY)
		return false;
	assert(h->len <= octets.len);
	assert(parse_header(octets, h->len - 1, &cut) == PROXY_SHORT);
	assert(parse_header(octets, h->len, &cut) == PROXY_READY);
	assert(cut.len == h->len && strcmp(cut.address, h->address) == 0);
	check_header(h);
	return true;
}

/* What is known of a session's first octets stays so. */
static enum proxy_start
check_start(struct span octets)
{
	enum proxy_start start = proxy_starts(octets), cut;
	size_t n;

	for (n = 0; n < octets.len && n < 16; n++) {
		cut = proxy_starts(span_first(octets, n));
		assert(cut == PROXY_PERHAPS || cut == start);
	}
	return start;
}

/* Of an envelope, and so of a protocol: lists, which say nothing while it is
 * empty, and cost most of the time to be zeroed. */
enum { LARGE = offsetof(struct envelope, options_text) };

static void
play(struct story *s, const struct protocol_config *config, const char *input,
    size_t len, size_t piece)
{
	static const struct protocol_handler handler = { forward_domain,
	    look_up_name, begin, append, commit, discard, stopping, answered,
	    authenticate, prepare_tls, NULL, rename_client, forward_client };
	size_t n = 0;

	memset((char *)&s->protocol + LARGE, 0, sizeof s->protocol - LARGE);
	s->begun = s->committed = s->forwarding = false;
	s->may_rename = config->xclient && config->may_rename;
	s->len = 0;
	protocol_open(&s->protocol, config, &handler, s);
	check_reply(s, protocol_greeting(&s->protocol));
	if (check_start((struct span){ input, len }) == PROXY_HEADER)
		check_reply(s, protocol_end(&s->protocol, PROTOCOL_PROXY));
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

/* ---- the client half ---- */

enum { MOST_SENT = 40, WINDOW = 16, LINE_READ = 2048 };

/* What was said to the server, and what it has said. */
struct dialogue {
	struct client client;
	struct client_mail mail;
	size_t recipients, sent, answered;
	bool pipelining, dsn;		/* may it have announced it? */
	bool ended;			/* the content */
	char verbs[MOST_SENT];		/* of each command its first letter; */
					/* "." is the end of the content */
	int codes[MOST_SENT];		/* of the replies */
	int code;			/* of the one that goes on; 0: none */
	size_t len;
	char text[64 * 1024];		/* commands, all */
};

static bool
occurs(struct span in, const char *word)
{
	for (; in.len >= strlen(word); in = span_skip(in, 1))
		if (span_is(span_first(in, strlen(word)), word))
			return true;
	return false;
}

static void
check_command(struct dialogue *d, struct span line)
{
	static const char *const verbs[] = { "EHLO ", "LHLO ", "HELO ",
	    "MAIL FROM:<", "RCPT TO:<", "DATA", "BDAT " };
	size_t i, v = 0;

	assert(!span_any(line, is_control) && line.len <= CLIENT_LINE_MAX);
	while (!span_starts(line, span_of(verbs[v])))
		assert(++v < sizeof verbs / sizeof *verbs);
	if (v < 3)
		assert(d->sent == d->answered && (v == 1) == d->mail.lmtp);
	if (v > 4) {
		assert(d->sent == d->answered && d->sent > d->recipients + 1);
		for (i = 0; i < d->sent; i++)
			assert(d->verbs[i] == 'E' || d->codes[i] / 100 == 2);
		assert(d->verbs[d->sent - d->recipients - 1] == 'M');
		assert((v == 6) == client_is_binary(&d->mail));
	}
	assert(!occurs(line, "AUTH=") && (d->dsn || !occurs(line, "NOTIFY=")));
	d->verbs[d->sent] = verbs[v][0];
	d->sent += v != 6;		/* BDAT is answered behind its octets */
	assert(d->sent < MOST_SENT);
}

/* All that can be said now, with room for so much at a time. */
static void
say_commands(struct dialogue *d, size_t room)
{
	struct text t = { d->text + d->len, 0, room };
	struct span rest;
	const char *lf;

	do {
		assert(sizeof d->text - d->len >= room);
		t = (struct text){ d->text + d->len, 0, room };
		client_compose(&d->client, &t);
		d->len += t.len;
		rest = text_span_of(&t);
		while ((lf = span_find(rest, '\n')) != NULL) {
			assert(lf > rest.ptr && lf[-1] == '\r');
			check_command(d, span_until(rest, lf - 1));
			rest = span_behind(rest, lf);
		}
		assert(rest.len == 0);
		assert(d->sent - d->answered <= (d->pipelining ? WINDOW : 1));
	} while (t.len > 0 && d->client.stage == CLIENT_ENVELOPE);
}

/* Into memory of its own size, with nothing behind it. */
static void
say_end_of_content(struct dialogue *d)
{
	char space[3];
	struct text t = { space, 0, sizeof space };
	bool binary = client_is_binary(&d->mail);

	assert(binary || (d->verbs[d->sent - 1] == 'D' &&
	    d->codes[d->sent - 1] == 354));
	client_end_content(&d->client, &t);
	assert(t.len == (binary ? 0 : 3));
	d->verbs[d->sent++] = '.';
	d->ended = true;
}

/* Of a good line: the code of the reply that it ends; else 0. */
static int
read_plainly(struct dialogue *d, struct span line)
{
	char digits[4] = "";
	bool more = line.len > 3 && line.ptr[3] == '-';

	memcpy(digits, line.ptr, 3);
	d->code = atoi(digits);
	return more ? 0 : d->code;
}

/* One line of the server's, in memory of its own size; false at the end. */
static bool
hear_line(struct dialogue *d, struct span *input)
{
	const char *lf = span_find(*input, '\n');
	struct span line;
	char *copy;
	int code;

	if (lf == NULL)
		return false;
	line = span_until(*input, lf);
	*input = span_behind(*input, lf);
	line.len = line.len < LINE_READ ? line.len : LINE_READ;
	copy = malloc(line.len > 0 ? line.len : 1);
	assert(copy != NULL);
	memcpy(copy, line.ptr, line.len);
	client_take_line(&d->client, (struct span){ copy, line.len });
	if (d->client.stage != CLIENT_OVER ||
	    d->client.result != CLIENT_NO_REPLY) {
		code = read_plainly(d, line);
		assert(client_is_amid_reply(&d->client) == (code == 0));
		if (code != 0) {
			assert(d->answered <= d->sent);
			d->codes[d->answered++] = code;
		}
	}
	free(copy);
	return true;
}

/* What has become of it, by what was said. */
static void
check_end(struct dialogue *d)
{
	const struct client *c = &d->client;
	bool taken = d->ended && d->answered == d->sent &&
	    d->codes[d->sent - 1] / 100 == 2;
	static struct words before;
	char space[REPLY_MAX];
	struct text t = { space, 0, sizeof space };
	struct reply r = { c->verdict.code, NULL, c->verdict.text };

	assert((c->result == CLIENT_TAKEN) == taken);
	assert(client_stage_name(&d->mail, c->at)[0] != '\0');
	before = c->verdict;
	client_take_line(&d->client, span_of("250 x"));
	client_compose(&d->client, &t);
	assert(t.len == 0 && memcmp(&before, &c->verdict, sizeof before) == 0);
	if (c->result == CLIENT_NO_REPLY)
		return;
	assert(c->result == CLIENT_TAKEN ? r.code / 100 == 2 :
	    c->result == CLIENT_LATER ? r.code / 100 >= 4 : r.code / 100 == 5);
	assert(c->result != CLIENT_REFUSED || (r.code != 530 && r.code > 504));
	text_reply(&t, &r, true);
	for (; t.len > 0; t.len--)
		assert(!is_control(space[t.len - 1]) ||
		    space[t.len - 1] == '\r' || space[t.len - 1] == '\n');
}

static void
talk(struct dialogue *d, const struct client_mail *mail, size_t recipients,
    struct span input, size_t room)
{
	memset(d, 0, sizeof *d);
	d->mail = *mail;
	d->verbs[d->sent++] = 'G';	/* the connection, for a greeting */
	d->recipients = recipients;
	d->pipelining = occurs(input, "PIPELINING");
	d->dsn = occurs(input, "DSN");
	client_begin(&d->client, &d->mail);
	do {
		say_commands(d, room);
		if (d->client.stage == CLIENT_CONTENT)
			say_end_of_content(d);
	} while (hear_line(d, &input) && d->client.stage != CLIENT_OVER);
	if (d->client.stage == CLIENT_OVER)
		check_end(d);
	else
		assert(!d->ended || d->answered < d->sent);
}

/* One mail, two ways. */
static void
play_client(unsigned options, unsigned more, struct span input)
{
	static struct dialogue whole, pieces;
	char space[32 * 24];
	struct text list = text_in(space, sizeof space);
	size_t i, recipients = 1 + more % 32;
	struct client_mail m = { .lmtp = (options & 1) != 0,
	    .hello = span_of("mx.example.org"), .size = 7 };

	m.sender = span_of(options & 4 ? "jos\303\251@example.net" : "");
	m.options = span_of(options & 2 ? "AUTH=<> body=binarymime RET=HDRS" :
	    options & 8 ? "SMTPUTF8 BODY=8BITMIME ENVID=x SIZE=4" : "");
	m.recipient_options = span_of(options & 16 ?
	    "NOTIFY=NEVER ORCPT=rfc822;a@b\n\nNOTIFY=DELAY\n" : "");
	for (i = 0; i < recipients; i++) {
		text_string(&list, options & 32 ? "\303\266" : "r");
		text_number(&list, i);
		text_string(&list, "@example.org\n");
	}
	m.recipients = text_span_of(&list);
	talk(&whole, &m, recipients, input, 2 * CLIENT_LINE_MAX);
	talk(&pieces, &m, recipients, input, CLIENT_LINE_MAX);
	assert(whole.len == pieces.len && whole.sent == pieces.sent &&
	    whole.client.stage == pieces.client.stage &&
	    whole.client.result == pieces.client.result &&
	    memcmp(whole.text, pieces.text, whole.len) == 0);
}

/* One session, at once and in pieces. */
static void
play_both(struct protocol_config *config, unsigned options, size_t piece,
    struct span input)
{
	static struct story whole, pieces;

	whole.options = pieces.options = options;
	play(&whole, config, input.ptr, input.len, input.len);
	play(&pieces, config, input.ptr, input.len, piece);
	/* which of two faults is the first one depends on the pieces where one
	 * of them is append's */
	assert(memchr(input.ptr, '!', input.len) != NULL ||
	    (whole.len == pieces.len &&
	    memcmp(whole.text, pieces.text, whole.len) == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct protocol_config config;
	struct span input = { (const char *)data + 3, len - 3 };
	struct proxy header;

	if (len < 4)
		return 0;
	if ((data[2] & 8) != 0) {
		play_client(data[0], data[1], input);
		return 0;
	}
	config = config_of(data);
	config.may_rename = (data[2] & 2) != 0;
	if ((data[2] & 4) != 0) {
		if (!read_header(input, &header))
			return 0;
		config.tls = header.tls;
		input = span_skip(input, header.len);
	}
	play_both(&config, data[0], (data[1] & 63) + 1U, input);
	return 0;
}

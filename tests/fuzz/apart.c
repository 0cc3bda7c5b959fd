/*
 * Fuzzes the half of a session that acts, with what the other half says, and
 * checks what must hold whoever has that one in his hands:
 *
 * - begin, append, commit and discard come in their order, and for those who
 *   were taken;
 * - nobody gets what he has no right to: MAIL and names behind TLS and AUTH,
 *   XCLIENT, more messages, guesses or passwords than may be;
 * - each value is one that the core can have;
 * - the log says of AUTH what came of it;
 * - what is refused has a reason, and nothing follows it.
 *
 * The other half is made up, frame by frame, and then some octets of it are
 * changed.  Or it is a whole session through the core, its speaker and back:
 * nothing of that may be refused, and the client is told, and the handler is,
 * octet by octet what they are told without.
 *
 * Input: three octets of options as in session.c, where 16 in the third of them
 * says which it is, and then the client's octets (one of 1 is many of them), or
 * what to make frames of.
 */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "checks.h"
#include "lib/deed.h"
#include "lib/replies.h"
#include "lib/speaker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
ssize_t __real_read(int fd, void *to, size_t len);
ssize_t __real_write(int fd, const void *from, size_t len);
int __real_close(int fd);
ssize_t __wrap_read(int fd, void *to, size_t len);
ssize_t __wrap_write(int fd, const void *from, size_t len);
int __wrap_close(int fd);

/* ---- who does what is asked, and remembers it ---- */

enum { TAKEN = 8, GUESSES = 101, STORY = 1 << 20 };

struct world {
	const struct protocol_config *config;
	bool begun, faulted, tls, authenticated, may_rename, forwarding;
	size_t commits;
	unsigned long long messages, guesses, refused, size;
	unsigned prepared, shaken;
	enum protocol_tls tls_is;
	bool judged;			/* the log was not told of it yet */
	enum auth_result verdict;
	size_t who_len;
	char who[SASL_NAME_MAX];
	unsigned long transaction;	/* whose these are: */
	size_t taken, taken_len[TAKEN];
	char taken_name[TAKEN][MAILBOX_MAX];
	size_t content_len, len;
	char content[STORY], story[STORY];
};

static void
tell(struct world *w, struct span octets)
{
	struct text t = { w->story, w->len, sizeof w->story };

	text_span(&t, octets);
	text_char(&t, '\0');
	w->len = t.len;
}

static void
tell_string(struct world *w, const char *string)
{
	tell(w, span_of(string != NULL ? string : ""));
}

static void
tell_number(struct world *w, unsigned long long number)
{
	char space[24];
	struct text t = text_in(space, sizeof space);

	text_number(&t, number);
	tell(w, text_span_of(&t));
}

static bool
is_stray(char c)
{
	return is_control(c) && c != '\t';
}

static bool
is_one_of(const char *string, const char *const *words)
{
	while (*words != NULL && strcmp(string, *words) != 0)
		words++;
	return *words != NULL;
}

static void
check_envelope(const struct envelope *e)
{
	static const char *const verbs[] = { "MAIL", "SEND", "SOML", "SAML",
	    NULL };
	static const char *const withs[] = { "SMTP", "ESMTP", "ESMTPA",
	    "ESMTPS", "ESMTPSA", "UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS",
	    "UTF8SMTPSA", "LMTP", "LMTPA", "LMTPS", "LMTPSA", "UTF8LMTP",
	    "UTF8LMTPA", "UTF8LMTPS", "UTF8LMTPSA", NULL };
	size_t i;

	assert(e->verb == NULL || is_one_of(e->verb, verbs));
	assert(e->with == NULL || is_one_of(e->with, withs));
	assert(e->verb == NULL || e->with != NULL);
	assert(e->helo.len <= DOMAIN_MAX && !span_any(e->helo, is_stray) &&
	    !address_is_function(e->helo));
	assert(!span_any(e->options, is_control));
	check_mailbox(e->sender);
	for (i = 0; i < e->recipients; i++) {
		check_mailbox(envelope_recipient(e, i));
		assert(envelope_recipient(e, i).whole.len > 0);
		assert(!span_any(envelope_options(e, i), is_control));
	}
}

static void
tell_envelope(struct world *w, const struct envelope *e)
{
	size_t i;

	check_envelope(e);
	tell_string(w, e->verb);
	tell_string(w, e->with);
	tell(w, e->helo);
	tell(w, e->sender.whole);
	tell(w, e->options);
	tell(w, e->envid);
	tell_number(w, e->body + 4U * e->utf8 + 8U * (e->helo.ptr != NULL));
	for (i = 0; i < e->recipients; i++) {
		tell(w, envelope_recipient(e, i).whole);
		tell(w, envelope_options(e, i));
		tell_number(w, envelope_forward(e, i));
	}
}

static bool
is_let_in(const struct world *w)
{
	return (w->tls || !w->config->require_tls) &&
	    (w->authenticated || !w->config->require_auth);
}

/* What is said of a name of so many octets. */
static int
own_code(size_t len)
{
	static const int codes[] = { 0, 0, 250, 0, 450, 550, 0 };

	return codes[len % 7];
}

static void
choose(struct reply *reply, int code)
{
	if (code != 0)
		*reply = (struct reply){ code, "4.0.0", "words" };
}

/* Who is taken stands in the next message's envelope. */
static void
count_name(struct world *w, const struct lookup *l, int code)
{
	w->guesses += !w->config->lmtp && (code == 550 || code == 553);
	if (l->verb != LOOKUP_RCPT || code / 100 != 2)
		return;
	if (w->transaction != l->envelope->transaction)
		w->taken = 0;
	w->transaction = l->envelope->transaction;
	assert(w->taken < TAKEN);
	w->taken_len[w->taken] = l->name.whole.len;
	memcpy(w->taken_name[w->taken], l->name.whole.ptr, l->name.whole.len);
	w->taken++;
}

static enum forward_result
forward_domain(void *context, const struct lookup *l, struct reply *reply)
{
	struct world *w = context;
	const struct envelope *e = l->envelope;
	int own = own_code(l->name.domain.len);
	enum forward_result forward =
	    (enum forward_result)(l->name.domain.len % 3);
	bool rcpt = l->verb == LOOKUP_RCPT;

	check_words(l->name, PROTOCOL_LINE_MAX);
	assert(l->name.whole.len > 0 && w->guesses < GUESSES);
	assert(rcpt ? e->verb != NULL && !w->begun &&
	    e->recipients < w->config->max_recipients :
	    w->config->vrfy && is_let_in(w) && l->options.len == 0);
	if (rcpt)
		check_mailbox(l->name);
	assert(!span_any(l->options, is_control));
	tell_string(w, "[domain]");
	tell_number(w, l->verb);
	tell(w, l->name.whole);
	tell(w, l->options);
	tell_envelope(w, e);
	if (forward == LOCAL_DOMAIN)
		return forward;
	choose(reply, own);
	count_name(w, l, own != 0 ? own : forward == WILL_FORWARD &&
	    l->verb != LOOKUP_EXPN ? 251 : 450);
	return forward;
}

static enum lookup_result
look_up_name(void *context, const struct lookup *l, struct reply *reply)
{
	static const int codes[] = { 250, 553, 550, 451 };
	struct world *w = context;
	size_t len = l->name.local.len;
	enum lookup_result user = len < 3 ? VALID_USER :
	    (enum lookup_result)(len % 4);
	int own = own_code(len / 4);

	tell_string(w, "[name]");
	if (l->name.domain.len > 4)
		text_string(l->expanded, "<c@d>\n<\303\244@b>");
	choose(reply, own);
	count_name(w, l, user != VALID_USER && own != 0 ? own : codes[user]);
	return user;
}

static bool
begin(void *context, const struct envelope *e, struct reply *reply)
{
	struct world *w = context;
	size_t i;

	(void)reply;
	assert(!w->begun && e->recipients > 0 && e->verb != NULL);
	assert(is_let_in(w) && w->transaction == e->transaction &&
	    w->taken == e->recipients);
	for (i = 0; i < e->recipients; i++)
		assert(w->taken_len[i] == envelope_recipient(e, i).whole.len &&
		    memcmp(w->taken_name[i], envelope_recipient(e, i).whole.ptr,
		    w->taken_len[i]) == 0);
	w->messages++;
	assert(w->config->max_messages == 0 ||
	    w->messages <= w->config->max_messages);
	w->begun = true;
	w->commits = w->content_len = 0;
	w->size = 0;
	tell_string(w, "[begin]");
	tell_envelope(w, e);
	return true;
}

/* What stands in the memory of both is looked at as late as that. */
static bool
append(void *context, struct span data, struct reply *reply)
{
	struct world *w = context;
	struct text t = { w->content, w->content_len, sizeof w->content };
	unsigned long long max = w->config->max_size;

	assert(w->begun && w->commits == 0 && data.len > 0 && !w->faulted);
	w->size += data.len;
	assert(max == 0 || w->size <= (w->config->crlf ? 2 * max + 1 : max));
	text_span(&t, data);
	w->content_len = t.len;
	w->faulted = span_find(data, '!') != NULL;
	*reply = (struct reply){ 452, "4.3.1", "full" };
	return !w->faulted;
}

static void
commit(void *context, size_t recipient, struct reply *reply)
{
	struct world *w = context;

	assert(w->begun && !w->faulted);
	assert(recipient == (w->config->lmtp ? w->commits : PROTOCOL_ALL));
	tell_string(w, "[commit]");
	tell(w, (struct span){ w->content, w->content_len });
	w->commits++;
	*reply = w->commits % 2 == 1 ? (struct reply){ 250, "2.0.0", "Ok" } :
	    (struct reply){ 550, "5.1.1", "no\nlast" };
	w->begun = w->config->lmtp && w->commits < w->taken;
}

static void
discard(void *context, const struct reply *why, const char *hint)
{
	struct world *w = context;

	assert(w->begun && (why == NULL || why->code >= 400));
	tell_string(w, "[discard]");
	tell_number(w, why != NULL ? (unsigned)why->code : 0);
	tell_string(w, hint);
	w->begun = w->faulted = false;
}

static bool
stopping(void *context)
{
	(void)context;
	return false;
}

/* The log's 235 and 454 are of one who was asked about, once. */
static void
check_verdict(struct world *w, const struct exchange *x)
{
	static const int codes[] = { 235, 535, 454 };

	assert(x->who != NULL || (!w->judged && x->reply->code != 235));
	if (x->who == NULL)
		return;
	assert(sasl_is_name(x->who->name) && sasl_mechanism(x->who) != NULL);
	if (!w->judged) {
		assert(x->reply->code == 535 || x->reply->code == 421);
		return;
	}
	assert(x->who->name.len == w->who_len &&
	    memcmp(x->who->name.ptr, w->who, w->who_len) == 0);
	assert(x->reply->code == codes[w->verdict] ||
	    (w->verdict == AUTH_REFUSED && x->reply->code == 421));
	w->judged = false;
}

static void
answered(void *context, const struct exchange *x)
{
	struct world *w = context;

	assert(x->reply->code >= 200 && x->reply->code < 600);
	assert(x->advice == NULL || strcmp(x->advice, advice_no_tls) == 0 ||
	    strcmp(x->advice, advice_proxy) == 0);
	check_verdict(w, x);
	tell_string(w, "[answered]");
	tell_string(w, x->verb != NULL ? x->verb : "-");
	tell(w, x->line);
	tell_number(w, x->hidden);
	if (x->who != NULL)
		tell(w, x->who->name);
	tell(w, x->mailbox);
	tell_number(w, x->sender + 2U * x->message);
	tell(w, x->parameter);
	tell_number(w, (unsigned)x->reply->code);
	tell_string(w, x->reply->enhanced);
	tell_string(w, x->reply->text);
	tell_string(w, x->advice);
}

static enum auth_result
authenticate(void *context, const struct sasl *who)
{
	struct world *w = context;
	const struct protocol_config *c = w->config;

	assert(c->auth && !w->authenticated && !w->begun);
	assert(w->tls || (c->auth_in_clear && !c->require_tls));
	assert(c->max_errors == 0 || w->refused < c->max_errors);
	assert(sasl_is_name(who->name) && sasl_is_password(who->password));
	w->verdict = (enum auth_result)(who->name.len % 3);
	w->judged = true;
	w->authenticated = w->verdict == AUTH_ACCEPTED;
	w->refused += w->verdict == AUTH_REFUSED;
	w->who_len = who->name.len;
	memcpy(w->who, who->name.ptr, who->name.len);
	tell_string(w, "[auth]");
	tell_string(w, sasl_mechanism(who));
	tell(w, who->name);
	tell(w, who->password);
	return w->verdict;
}

static enum protocol_tls
prepare_tls(void *context)
{
	static const enum protocol_tls all[] = { TLS_READY, TLS_NOT_NOW,
	    TLS_READY, TLS_PIPELINED };
	struct world *w = context;

	assert(w->config->starttls && !w->tls && !w->begun);
	w->tls_is = all[w->prepared++ % 4];
	tell_string(w, "[prepare]");
	return w->tls_is;
}

static bool
start_tls(void *context, int fd[2])
{
	struct world *w = context;

	(void)fd;
	assert(w->tls_is == TLS_READY && !w->tls && !w->begun);
	w->tls_is = TLS_NOT_NOW;
	w->authenticated = false;
	w->tls = w->shaken++ % 3 != 2;
	tell_string(w, "[tls]");
	return w->tls;
}

static void
tell_client(struct world *w, const struct xclient *x)
{
	const char *const texts[] = { "[client]", x->name, x->address,
	    x->port, x->proto, x->helo, x->login, x->local_address,
	    x->local_port };
	size_t i;

	check_client(x);
	for (i = 0; i < sizeof texts / sizeof *texts; i++)
		tell_string(w, texts[i]);
	tell_number(w, x->given);
}

static bool
rename_client(void *context, const struct xclient *x)
{
	struct world *w = context;

	assert(w->config->xclient && w->may_rename && !w->begun);
	tell_client(w, x);
	if ((x->given & XCLIENT_ADDR) != 0)
		w->may_rename = strchr(x->address, '1') != NULL;
	w->authenticated = x->login[0] != '\0';
	return w->may_rename;
}

static void
forward_client(void *context, const struct xclient *x)
{
	struct world *w = context;

	assert(!w->begun);
	if (x == NULL) {
		tell_string(w, "[ended]");
		return;
	}
	assert(w->may_rename && (x->given & ~(unsigned)XCLIENT_FORWARD) == 0);
	tell_client(w, x);
}

static const struct protocol_handler handler = { forward_domain, look_up_name,
    begin, append, commit, discard, stopping, answered, authenticate,
    prepare_tls, start_tls, rename_client, forward_client };

static void
take_header(void *context, const struct proxy *h)
{
	struct world *w = context;

	check_header(h);
	w->tls |= h->tls;
	tell_string(w, "[header]");
}

static void
world_begins(struct world *w, const struct protocol_config *config)
{
	memset(w, 0, offsetof(struct world, content));
	w->config = config;
	w->tls = config->tls;
	w->may_rename = config->may_rename;
}

/* ---- the doer, without its packets ---- */

/* Of an envelope, and what begins with one: lists that say nothing while it is
 * empty, and cost most of the time to be zeroed. */
enum { LARGE = offsetof(struct envelope, options_text) };

static struct deeds deeds;
static struct envelope envelope;
static struct channel channel;

static void
ready(void *context)
{
	tell_string(context, "[ready]");
}

static void
deeds_begin(struct world *w, bool header)
{
	memset((char *)&envelope + LARGE, 0, sizeof envelope - LARGE);
	memset(&deeds, 0, offsetof(struct deeds, answer_space));
	deeds.ledger = (struct ledger){ .config = w->config,
	    .envelope = &envelope };
	deeds.handler = &handler;
	deeds.context = w;
	deeds.ready = ready;
	deeds.header = header ? take_header : NULL;
	deeds.channel = &channel;
	deed_begin(&deeds);
}

/* From memory of its own size, which is no more there behind it. */
static bool
deeds_take(struct span packet)
{
	char *copy = malloc(packet.len > 0 ? packet.len : 1);
	bool good;

	assert(copy != NULL);
	memcpy(copy, packet.ptr, packet.len);
	good = deed_take(&deeds, (struct span){ copy, packet.len });
	assert(good == (deeds.error == NULL));
	assert(!good || !deed_is_over(&deeds) || deeds.why == NULL ||
	    strlen(deeds.why) < REPLY_LINE_MAX);
	octets_erase(copy, packet.len);
	free(copy);
	return good;
}

/* ---- a speaker of ours, in front of it ---- */

enum { PAIR = 30000 };

static struct speaker speaker;
static bool has_answer;

ssize_t
__wrap_write(int fd, const void *from, size_t len)
{
	if (fd != PAIR)
		return __real_write(fd, from, len);
	assert(!has_answer && len < FRAME_PACKET_MAX);
	assert(deeds_take((struct span){ from, len }));
	has_answer = deeds.answer.len > 0;
	return (ssize_t)len;
}

ssize_t
__wrap_read(int fd, void *to, size_t len)
{
	struct text t = { to, 0, len };

	if (fd != PAIR)
		return __real_read(fd, to, len);
	assert(has_answer);
	has_answer = false;
	frame_number(&t, DOER_ANSWERS);
	text_span(&t, text_span_of(&deeds.answer));
	assert(t.len < t.size);
	return (ssize_t)t.len;
}

/* The speaker leaves the connection: it is not ours to be left. */
int
__wrap_close(int fd)
{
	return fd <= 2 ? 0 : __real_close(fd);
}

/* ---- a session, by the one way and by the other ---- */

struct session {
	struct protocol protocol;
	struct world world;
	size_t len;
	char wire[STORY];
};

static void
hear(struct session *s, struct span wire)
{
	struct text t = { s->wire, s->len, sizeof s->wire };

	text_span(&t, wire);
	s->len = t.len;
}

/* As serve does it. */
static void
step_tls(struct session *s)
{
	struct protocol *p = &s->protocol;
	enum protocol_tls how = p->handler->prepare_tls(p->context);
	int fd[2];

	hear(s, protocol_start_tls(p, how));
	if (how != TLS_READY)
		return;
	if (p->handler->start_tls(p->context, fd))
		protocol_tls_is_up(p);
	else
		hear(s, protocol_end(p, PROTOCOL_NO_TLS));
}

/* Where the channel would have read it; returns how much was taken. */
static size_t
step_line(struct session *s, struct span input)
{
	const char *lf = span_find(input, '\n');
	size_t len = lf != NULL ? (size_t)(lf + 1 - input.ptr) : input.len;
	size_t given = len < PROTOCOL_LINE_MAX ? len : PROTOCOL_LINE_MAX;

	if (lf == NULL)
		return input.len;
	memcpy(channel.in, input.ptr, given);
	hear(s, protocol_command(&s->protocol,
	    (struct span){ channel.in, given }));
	return len;
}

static size_t
step_content(struct session *s, struct span input, size_t piece)
{
	size_t len = input.len < piece ? input.len : piece;
	size_t at = input.len % 3;

	memcpy(channel.in + at, input.ptr, len);
	return protocol_content(&s->protocol, channel.in + at, len);
}

static void
converse(struct session *s, struct span input, size_t piece)
{
	struct protocol *p = &s->protocol;
	size_t n;

	hear(s, protocol_greeting(p));
	while (p->wants != PROTOCOL_CLOSE) {
		n = 0;
		if (p->wants == PROTOCOL_REPLY)
			hear(s, protocol_next(p));
		else if (input.len == 0)
			break;
		else if (p->wants == PROTOCOL_TLS)
			step_tls(s);
		else if (p->wants == PROTOCOL_LINE)
			n = step_line(s, input);
		else
			n = step_content(s, input, piece);
		input = span_skip(input, n);
	}
	if (p->wants != PROTOCOL_CLOSE)
		hear(s, protocol_end(p, piece % 2 == 0 ? PROTOCOL_EOF :
		    PROTOCOL_TIMEOUT));
}

static void
session_begins(struct session *s, const struct protocol_config *config)
{
	memset((char *)&s->protocol + LARGE, 0, sizeof s->protocol - LARGE);
	s->len = 0;
	world_begins(&s->world, config);
}

static void
speaker_begins(const struct session *s)
{
	memset(&speaker, 0, offsetof(struct speaker, out_space));
	speaker.pair = PAIR;
	speaker.channel = &channel;
	speaker.session = &s->protocol;
	speaker.verbose = true;
	has_answer = false;
	speaker_ready(&speaker);
}

static void
play_alone(struct session *s, const struct protocol_config *config,
    const struct proxy *h, struct span input, size_t piece)
{
	struct protocol_config own = *config;

	session_begins(s, config);
	ready(&s->world);
	if (h != NULL) {
		take_header(&s->world, h);
		own.tls |= h->tls;
	}
	protocol_open(&s->protocol, &own, &handler, &s->world);
	converse(s, input, piece);
}

static void
play_apart(struct session *s, const struct protocol_config *config,
    const struct proxy *h, struct span input, size_t piece)
{
	struct protocol_config own = *config;

	session_begins(s, config);
	deeds_begin(&s->world, h != NULL);
	speaker_begins(s);
	if (h != NULL) {
		speaker_header(&speaker, h);
		own.tls |= h->tls;
	}
	protocol_open(&s->protocol, &own, &speaker_handler, &speaker);
	converse(s, input, piece);
	speaker_end(&speaker, s->protocol.reason, NULL);
	assert(deed_is_over(&deeds) && !has_answer);
	assert(deeds.reason == s->protocol.reason);
	deed_give_up(&deeds);
	assert(!s->world.begun);
}

/* Which of two faults is the first one depends on when one is told. */
static void
play_both(const struct protocol_config *config, const struct proxy *h,
    struct span input, size_t piece)
{
	static struct session alone, apart;

	play_alone(&alone, config, h, input, piece);
	play_apart(&apart, config, h, input, piece);
	if (span_find(input, '!') != NULL)
		return;
	assert(alone.len == apart.len &&
	    memcmp(alone.wire, apart.wire, alone.len) == 0);
	assert(alone.world.len == apart.world.len &&
	    memcmp(alone.world.story, apart.world.story, apart.world.len) == 0);
}

/* An octet of 1 is more of them than go along in a packet. */
static struct span
stretched(struct span input)
{
	static char space[100 * 1024], many[9000];
	struct text t = { space, 0, sizeof space };
	size_t i;

	for (i = 0; many[sizeof many - 1] == '\0'; i++)
		many[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'x';
	for (i = 0; i < input.len; i++)
		text_span(&t, input.ptr[i] != 1 ? span_first(span_skip(input,
		    i), 1) : (struct span){ many, sizeof many });
	return text_span_of(&t);
}

/* ---- a speaker that is made up ---- */

struct script {
	struct span rest;
	struct world *world;
	struct text t;			/* a packet */
};

static unsigned
take(struct script *s)
{
	unsigned char octet = s->rest.len > 0 ?
	    (unsigned char)s->rest.ptr[0] : 0;

	s->rest = span_skip(s->rest, s->rest.len > 0);
	return octet;
}

/* Octets of the input, or one of these words, of which the first is the usual
 * one. */
static struct span
take_value(struct script *s, const char *const *words, size_t count)
{
	unsigned which = take(s);
	struct span value;

	if (which < 128 || which >= 248)
		return span_of(words[which < 128 ? 0 : which % count]);
	value = span_first(s->rest, which - 128 < s->rest.len ? which - 128 :
	    s->rest.len);
	s->rest = span_skip(s->rest, value.len);
	return value;
}

#define VALUE(s, ...) take_value(s, (const char *const[]){ __VA_ARGS__ }, \
	sizeof (const char *const[]){ __VA_ARGS__ } / sizeof (char *))

static void
put_string(struct script *s, struct span value)
{
	char space[256];

	span_copy(value, space, sizeof space);
	frame_string(&s->t, value.len == 1 && value.ptr[0] == '-' ? NULL :
	    space);
}

static void
put_number(struct script *s, unsigned long long usual)
{
	static const unsigned long long others[] = { 0, 1, 2, 3, 4, 5, 255,
	    4095, 4096, CHANNEL_IN_SIZE - 1, CHANNEL_IN_SIZE,
	    CHANNEL_IN_SIZE + 1, ENVELOPE_RECIPIENTS_MAX, 0x7fffffff,
	    0x80000000, 0xffffffff, ~0ULL - 1, ~0ULL };
	unsigned which = take(s);

	frame_number(&s->t, which < 192 ? usual :
	    others[which % (sizeof others / sizeof *others)]);
}

static void
put_reply(struct script *s, unsigned usual)
{
	put_number(s, usual);
	put_string(s, VALUE(s, "2.0.0", "-", "5.999.999", "5.9999.999", ""));
	put_string(s, VALUE(s, "Ok", "-", "", "a\nb"));
}

static void
put_who(struct script *s)
{
	put_string(s, VALUE(s, "PLAIN", "LOGIN", "-", "plain", "PLAI", ""));
	frame_octets(&s->t, VALUE(s, "joe", "jo", "j", "", "-x", "() { x",
	    "j\tx"));
}

static void
put_transaction(struct script *s)
{
	put_string(s, VALUE(s, "ESMTP", "SMTP", "-", "LMTP", "UTF8SMTPSA", ""));
	frame_octets(&s->t, VALUE(s, "client.example", "", "() {", "a\tb"));
	put_string(s, VALUE(s, "MAIL", "-", "SEND", "SAML", "mail", ""));
	frame_octets(&s->t, VALUE(s, "a@b", "", "-x@y", "\"a b\"@c", "a@b@c"));
	frame_octets(&s->t, VALUE(s, "", "SIZE=9", "SMTPUTF8", "BODY=8BITMIME",
	    "ENVID=x+0Ay", "ENVID=x+2By", "SIZE=99", "X=y", "AUTH=<>"));
}

static void
put_ask(struct script *s)
{
	put_number(s, LOOKUP_RCPT);
	frame_octets(&s->t, VALUE(s, "c@def", "c", "joe@g", "a b", "-x@def",
	    "c@d\n", "<c@def>", "cd@abcd"));
	frame_octets(&s->t, VALUE(s, "", "NOTIFY=NEVER", "X=y", "ORCPT=a;b",
	    "NOTIFY=\1"));
	put_number(s, 0);
}

static void
put_header(struct script *s)
{
	put_number(s, 0);
	put_number(s, 0);
	put_string(s, VALUE(s, "192.0.2.1", "", "2001:db8::1", "2001:DB8::1"));
	put_string(s, VALUE(s, "25", "", "025", "65536"));
	put_string(s, VALUE(s, "192.0.2.2", "", "1"));
	put_string(s, VALUE(s, "26", "", "-1"));
	put_string(s, VALUE(s, "TLSv1.3", "", "a b"));
	put_string(s, VALUE(s, "AES", "", "a\nb"));
}

static void
put_client(struct script *s)
{
	put_number(s, XCLIENT_ADDR | XCLIENT_NAME);
	put_string(s, VALUE(s, "mx.example", "", "a b"));
	put_string(s, VALUE(s, "192.0.2.1", "", "192.0.2.3", "x"));
	put_string(s, VALUE(s, "25", "", "025"));
	put_string(s, VALUE(s, "ESMTP", "", "esmtp", "X"));
	put_string(s, VALUE(s, "a", "", "() {", "a\tb", "\303\244"));
	put_string(s, VALUE(s, "", "joe", "-x", "\377"));
	put_string(s, VALUE(s, "", "::1"));
	put_string(s, VALUE(s, "", "1"));
}

static void
put_forward(struct script *s)
{
	bool is_there = take(s) < 200;

	frame_number(&s->t, is_there);
	if (is_there)
		put_client(s);
}

static void
put_answered(struct script *s)
{
	const struct world *w = s->world;
	static const unsigned codes[] = { 235, 535, 454 };

	put_string(s, VALUE(s, "AUTH", "-", "", "STARTTLS", "Auth",
	    "STARTTLSX"));
	frame_octets(&s->t, VALUE(s, "", "AUTH PLAIN", "x\ny"));
	put_number(s, 0);
	if (take(s) < 200 && w->judged) {
		frame_string(&s->t, "PLAIN");
		frame_octets(&s->t, (struct span){ w->who, w->who_len });
	} else
		put_who(s);
	frame_octets(&s->t, VALUE(s, "", "a@b"));
	put_number(s, 0);
	frame_octets(&s->t, VALUE(s, "", "X=y"));
	put_reply(s, w->judged ? codes[w->verdict] : 535);
	put_number(s, 0);
	put_string(s, VALUE(s, "-", advice_no_tls, advice_proxy, "buy this"));
}

static void
put_end(struct script *s)
{
	put_number(s, PROTOCOL_QUIT);
	put_string(s, VALUE(s, "-", "late", ""));
	put_number(s, 1);
	put_number(s, 10);
	put_number(s, 20);
	put_number(s, 0);
	put_number(s, 0);
}

static void
put_authenticate(struct script *s)
{
	put_who(s);
	frame_octets(&s->t, VALUE(s, "secret", "", "x"));
}

static void
put_append(struct script *s)
{
	put_number(s, 0);
	put_number(s, 5);
}

static void
put_discard(struct script *s)
{
	put_reply(s, 0);
	put_string(s, VALUE(s, "-", "hint", ""));
}

static void
put_frame(struct script *s)
{
	static void (*const fields[FRAMES])(struct script *s) = {
		[FRAME_HEADER] = put_header,
		[FRAME_TRANSACTION] = put_transaction,
		[FRAME_ASK] = put_ask,
		[FRAME_APPEND] = put_append,
		[FRAME_DISCARD] = put_discard,
		[FRAME_ANSWERED] = put_answered,
		[FRAME_AUTHENTICATE] = put_authenticate,
		[FRAME_RENAME] = put_client,
		[FRAME_FORWARD] = put_forward,
		[FRAME_END] = put_end,
	};
	const struct world *w = s->world;
	unsigned frame = take(s) % (FRAMES + 1);

	frame_number(&s->t, frame);
	if (frame == FRAME_UNLOCKED)
		put_number(s, 1);
	else if (frame == FRAME_BEGIN) {
		put_number(s, w->taken);
		put_number(s, 1);
	} else if (frame == FRAME_COMMIT)
		put_number(s, w->config->lmtp ? w->commits : PROTOCOL_ALL);
	else if (frame == FRAME_OCTETS)
		frame_octets(&s->t, VALUE(s, "line\r\n", "", "!",
		    "xxxxxxxxxx"));
	else if (frame < FRAMES && fields[frame] != NULL)
		fields[frame](s);
}

/* Some of its octets are others, or not there, or too many. */
static void
change(struct script *s)
{
	unsigned how = take(s);
	size_t at = (take(s) << 8 | take(s)) % s->t.len;

	if (how == 255)
		s->t.len = at;
	else if (how == 254)
		s->t.ptr[at] = (char)take(s);
	else if (how == 253)
		s->t.ptr[at] = (char)(s->t.ptr[at] ^ 1 << take(s) % 8);
	else if (how == 252)
		text_char(&s->t, (char)take(s));
}

/* Until one is refused: it is killed then, and what it began is dropped. */
static void
play_script(const struct protocol_config *config, bool header,
    struct span input)
{
	static struct world world;
	static char space[FRAME_PACKET_MAX];
	struct script s = { .rest = input, .world = &world };
	bool good = true;
	unsigned frames;

	world_begins(&world, config);
	deeds_begin(&world, header);
	while (good && !deed_is_over(&deeds) && s.rest.len > 0) {
		s.t = (struct text){ space, 0, sizeof space };
		frames = take(&s);
		put_frame(&s);
		for (frames = frames > 200 ? frames % 4 : 0; frames > 0;
		    frames--)
			put_frame(&s);
		change(&s);
		good = deeds_take(text_span_of(&s.t));
	}
	deed_give_up(&deeds);
	assert(!world.begun || deed_is_over(&deeds));
}

/* ---- */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct protocol_config config;
	struct span input = { (const char *)data + 3, len - 3 };
	struct proxy header;
	bool has_header;

	if (len < 4)
		return 0;
	config = config_of(data);
	config.may_rename = (data[2] & 3) == 3;
	has_header = (data[2] & 4) != 0;
	if ((data[2] & 16) != 0) {
		play_script(&config, has_header, input);
		return 0;
	}
	if (has_header) {
		if (proxy_parse(input, &header) != PROXY_READY)
			return 0;
		input = span_skip(input, header.len);
	}
	play_both(&config, has_header ? &header : NULL, stretched(input),
	    (data[1] & 63) < 40 ? (data[1] & 63) + 1U : 20000);
	return 0;
}

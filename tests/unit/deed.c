/*
 * The half of a session that acts, without a process: what the other half may
 * say, in which order, and that nothing is done of what it may not.
 *
 * Each packet comes in memory of its own size.
 */
#include "lib/deed.h"
#include "lib/replies.h"
#include "tap.h"

static struct protocol_config config;
static struct envelope envelope;
static struct channel channel;
static struct record record;
static struct deeds deeds;

/* ---- the handler, which counts ---- */

static unsigned calls;
static struct reply domain_reply;
static bool tls_comes;

static enum forward_result
forward_domain(void *context, const struct lookup *l, struct reply *reply)
{
	calls++;
	*reply = domain_reply;
	return record_forward(context, l, reply);
}

static enum lookup_result
look_up_name(void *context, const struct lookup *l, struct reply *reply)
{
	return record_lookup(context, l, reply);
}

static bool
begin(void *context, const struct envelope *e, struct reply *reply)
{
	calls++;
	return record_begin(context, e, reply);
}

static bool
append(void *context, struct span data, struct reply *reply)
{
	calls++;
	return record_append(context, data, reply);
}

static void
commit(void *context, size_t recipient, struct reply *reply)
{
	calls++;
	record_commit(context, recipient, reply);
	if (record.commits == envelope.recipients)
		record.begun = false;
}

static void
discard(void *context, const struct reply *why, const char *hint)
{
	calls++;
	record_discard(context, why, hint);
}

static void
answered(void *context, const struct exchange *x)
{
	calls++;
	record_answered(context, x);
}

static enum auth_result
authenticate(void *context, const struct sasl *who)
{
	calls++;
	return record_authenticate(context, who);
}

static enum protocol_tls
prepare_tls(void *context)
{
	calls++;
	return record_prepare_tls(context);
}

static bool
start_tls(void *context, int fd[2])
{
	(void)context, (void)fd;
	calls++;
	return tls_comes;
}

static bool
rename_client(void *context, const struct xclient *x)
{
	calls++;
	return record_rename(context, x);
}

static void
forward_client(void *context, const struct xclient *x)
{
	calls++;
	record_client(context, x);
}

static void
ready(void *context)
{
	(void)context;
	calls++;
}

static void
header(void *context, const struct proxy *h)
{
	(void)context, (void)h;
	calls++;
}

static const struct protocol_handler handler = { forward_domain, look_up_name,
    begin, append, commit, discard, record_stopping, answered, authenticate,
    prepare_tls, start_tls, rename_client, forward_client };

/* ---- packets ---- */

static char space[2 * FRAME_PACKET_MAX];
static struct text packet;

static struct text *
put(enum frame frame)
{
	if (packet.ptr == NULL)
		packet = (struct text){ space, 0, sizeof space };
	frame_number(&packet, frame);
	return &packet;
}

static bool
take_octets(size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);
	bool good;

	assert(copy != NULL);
	memcpy(copy, space, len);
	good = deed_take(&deeds, (struct span){ copy, len });
	free(copy);
	return good;
}

/* What was put together. */
static bool
take(void)
{
	bool good = take_octets(packet.len);

	packet.ptr = NULL;
	return good;
}

/* It is refused, in words, and nothing is done of it. */
static bool
bad(void)
{
	unsigned before = calls;

	return !take() && deeds.error != NULL && calls == before;
}

static unsigned long long
answer_number(void)
{
	struct span rest = text_span_of(&deeds.answer);
	unsigned long long number = 12345;

	return frame_take_number(&rest, ~0ULL, &number) ? number : 12345;
}

static int
answer_code(void)
{
	struct span rest = text_span_of(&deeds.answer);
	struct reply reply;

	return frame_take_reply(&rest, &reply) ? reply.code : -1;
}

/* ---- frames that are good, in some state ---- */

static void
put_transaction(const char *with, const char *helo, const char *verb,
    const char *sender, const char *options)
{
	struct text *t = put(FRAME_TRANSACTION);

	frame_string(t, with);
	frame_octets(t, span_of(helo));
	frame_string(t, verb);
	frame_octets(t, span_of(sender));
	frame_octets(t, span_of(options));
}

static void
put_ask(unsigned long long verb, const char *name, const char *options)
{
	struct text *t = put(FRAME_ASK);

	frame_number(t, verb);
	frame_octets(t, span_of(name));
	frame_octets(t, span_of(options));
	frame_number(t, false);
}

/* One who will be taken, says the speaker. */
static void
put_sure(unsigned long long verb, const char *name)
{
	struct text *t = put(FRAME_ASK);

	frame_number(t, verb);
	frame_octets(t, span_of(name));
	frame_octets(t, span_of(""));
	frame_number(t, true);
}

static void
put_who(struct text *t, const char *mechanism, const char *name)
{
	frame_string(t, mechanism);
	frame_octets(t, span_of(name));
}

static void
put_answered(const char *mechanism, const char *name, int code,
    const char *advice)
{
	struct text *t = put(FRAME_ANSWERED);
	struct reply reply = { code, "5.7.8", "words" };

	frame_string(t, "AUTH");
	frame_octets(t, span_of("AUTH PLAIN"));
	frame_number(t, 0);
	put_who(t, mechanism, name);
	frame_octets(t, span_of(""));
	frame_number(t, false);
	frame_octets(t, span_of(""));
	frame_reply(t, &reply);
	frame_number(t, false);
	frame_string(t, advice);
}

static void
put_authenticate(const char *mechanism, const char *name, struct span password)
{
	struct text *t = put(FRAME_AUTHENTICATE);

	put_who(t, mechanism, name);
	frame_octets(t, password);
}

static struct xclient
client_of(unsigned given, const char *address, const char *login)
{
	struct xclient x = { .given = given };

	span_copy(span_of(address), x.address, sizeof x.address);
	span_copy(span_of(login), x.login, sizeof x.login);
	return x;
}

static void
put_client(enum frame frame, const struct xclient *x)
{
	struct text *t = put(frame);

	if (frame == FRAME_FORWARD)
		frame_number(t, true);
	frame_client(t, x);
}

static void
put_end(unsigned long long reason, const char *why, unsigned long long error)
{
	struct text *t = put(FRAME_END);

	frame_number(t, reason);
	frame_string(t, why);
	frame_number(t, true);
	frame_number(t, 1);
	frame_number(t, 2);
	frame_number(t, 3);
	frame_number(t, error);
}

static void
put_header(const struct proxy *h)
{
	frame_header(put(FRAME_HEADER), h);
}

static void
put_append(unsigned long long at, unsigned long long len)
{
	struct text *t = put(FRAME_APPEND);

	frame_number(t, at);
	frame_number(t, len);
}

static void
put_begin(unsigned long long recipients, unsigned long long since)
{
	struct text *t = put(FRAME_BEGIN);

	frame_number(t, recipients);
	frame_number(t, since);
}

static void
put_discard(int code, const char *hint)
{
	struct text *t = put(FRAME_DISCARD);
	struct reply why = { code, NULL, NULL };

	frame_reply(t, &why);
	frame_string(t, hint);
}

static unsigned long long
first_recipient(void)
{
	return config.lmtp ? record.commits : PROTOCOL_ALL;
}

/* As it comes where it may; ASK is VRFY's. */
static void
put_good(enum frame frame)
{
	static const struct proxy nobody = { .error = NULL };
	const struct xclient x = client_of(XCLIENT_ADDR, "192.0.2.1", "");

	switch (frame) {
	case FRAME_UNLOCKED: frame_number(put(frame), 1); break;
	case FRAME_HEADER: put_header(&nobody); break;
	case FRAME_TRANSACTION:
		put_transaction("ESMTP", "c", "MAIL", "a@b", "");
		break;
	case FRAME_ASK: put_ask(LOOKUP_VRFY, "joe", ""); break;
	case FRAME_BEGIN: put_begin(envelope.recipients, 7); break;
	case FRAME_OCTETS: frame_octets(put(frame), span_of("x\n")); break;
	case FRAME_APPEND: put_append(1, 2); break;
	case FRAME_COMMIT: frame_number(put(frame), first_recipient()); break;
	case FRAME_DISCARD: put_discard(552, "so"); break;
	case FRAME_ANSWERED: put_answered(NULL, "", 500, NULL); break;
	case FRAME_AUTHENTICATE:
		put_authenticate("PLAIN", "joe", span_of("secret"));
		break;
	case FRAME_RENAME: case FRAME_FORWARD: put_client(frame, &x); break;
	case FRAME_END: put_end(PROTOCOL_QUIT, NULL, 0); break;
	default: put(frame); break;
	}
}

static bool
take_good(enum frame frame)
{
	put_good(frame);
	return take();
}

static bool
take_name(const char *name)
{
	put_ask(LOOKUP_RCPT, name, "");
	return take();
}

/* ---- a session, in some state ---- */

enum place {
	LOCKING, HEADING, SILENT, GREETED, MAILING, RECIPIENT, CONTENT,
	COMMITTING, SHAKING, ENDING, JUDGED, OVER, PLACES
};

/* All that a configuration can give. */
static void
usual_config(void)
{
	config = (struct protocol_config){ .hostname = "mx.example.org",
	    .domain = "d", .vrfy = true, .starttls = true, .auth = true,
	    .auth_in_clear = true, .xclient = true, .may_rename = true,
	    .max_recipients = 100 };
}

static void
open_deeds(bool has_header)
{
	memset(&envelope, 0, sizeof envelope);
	memset(&record, 0, offsetof(struct record, content));
	memset(&record.refused, 0, sizeof record -
	    offsetof(struct record, refused));
	record.verdict = (struct reply){ 250, "2.0.0", "Ok" };
	record.expanded = "";
	record.may_rename = tls_comes = true;
	domain_reply.code = 0;
	packet.ptr = NULL;
	memset(&deeds, 0, sizeof deeds);
	deeds.ledger = (struct ledger){ .config = &config,
	    .envelope = &envelope };
	deeds.handler = &handler;
	deeds.context = &record;
	deeds.ready = ready;
	deeds.header = has_header ? header : NULL;
	deeds.channel = &channel;
	deed_begin(&deeds);
}

/* From "SILENT" on to where it is to be. */
static bool
advance(enum place to)
{
	static const enum frame ways[PLACES][6] = {
		[MAILING] = { FRAME_TRANSACTION, FRAMES },
		[RECIPIENT] = { FRAME_TRANSACTION, FRAMES },
		[CONTENT] = { FRAME_BEGIN, FRAMES },
		[COMMITTING] = { FRAME_COMMIT, FRAMES },
		[SHAKING] = { FRAME_PREPARE_TLS, FRAMES },
		[ENDING] = { FRAME_PREPARE_TLS, FRAME_START_TLS, FRAMES },
		[JUDGED] = { FRAME_AUTHENTICATE, FRAMES },
		[OVER] = { FRAME_END, FRAMES },
	};
	const enum frame *frame = ways[to];
	bool good = true;

	if (to == SILENT)
		return true;
	if (to == GREETED || to == JUDGED) {
		put_transaction("ESMTP", "c", NULL, "", "");
		good = take();
	}
	if (to == CONTENT || to == COMMITTING)
		good = advance(to == CONTENT ? RECIPIENT : CONTENT);
	for (; to != GREETED && good && *frame != FRAMES; frame++)
		good = take_good(*frame);
	if (to == RECIPIENT)
		good = good && take_name("x@y") && take_name("z@y");
	return good;
}

static bool
go(enum place to)
{
	open_deeds(to == HEADING);
	if (to == LOCKING)
		return true;
	if (to == ENDING)
		tls_comes = false;
	return take_good(FRAME_READY) && (to == HEADING || advance(to));
}

/* ---- the order ---- */

static const struct {
	const char *name, *may;		/* an octet a frame, in their order */
} places[PLACES] = {
	[LOCKING] = { "before it is locked up", "++..............." },
	[HEADING] = { "before a PROXY header", "..+.............+" },
	[SILENT] = { "before a hello", "...++.....+.+.+++" },
	[GREETED] = { "after a hello", "...++.....+++.+++" },
	[MAILING] = { "after MAIL", "...++.....+.....+" },
	[RECIPIENT] = { "after RCPT", "...+++....+.....+" },
	[CONTENT] = { "in a message", "....+.+++++......" },
	[COMMITTING] = { "between two runs", "........+++......" },
	[SHAKING] = { "before a handshake", "..........+..+..+" },
	[ENDING] = { "after a handshake that failed", "................+" },
	[JUDGED] = { "after AUTH, which the log has to hear of",
	    "................." },
	[OVER] = { "after the end", "................." },
};

/* What would be the wrong state is told from what is wrong with the frame. */
static bool
is_right(enum place place, enum frame frame)
{
	bool may = places[place].may[frame] == '+';

	config.lmtp = place == COMMITTING;
	if (!go(place))
		return false;
	put_good(frame);
	return may ? take() && deeds.error == NULL : bad();
}

static void
order(void)
{
	char name[128];
	bool good;
	int place, frame;

	usual_config();
	for (place = 0; place < PLACES; place++) {
		good = strlen(places[place].may) == FRAMES;
		for (frame = 0; good && frame < FRAMES; frame++) {
			good = is_right((enum place)place, (enum frame)frame);
			if (!good)
				printf("# frame %d\n", frame);
		}
		snprintf(name, sizeof name, "each frame %s comes, or does not",
		    places[place].name);
		ok(good, name);
	}
	config.lmtp = false;
	ok(go(SILENT) && (frame_number(put((enum frame)FRAMES), 0), bad()),
	    "a frame that is none");
	ok(go(SILENT) && take_octets(0), "a packet may be empty");
	ok(go(GREETED) && (put_ask(LOOKUP_VRFY, "joe", ""),
	    put_answered(NULL, "", 500, NULL), !take()) &&
	    record.asked_by == LOOKUP_VRFY && record.answered_len == 0,
	    "nothing comes behind what is answered");
	ok(go(MAILING) && take_good(FRAME_TRANSACTION) &&
	    envelope.recipients == 0, "a transaction takes another's place");
}

/* Each cut of a frame, and each octet too much. */
static bool
is_whole(enum place place, enum frame frame)
{
	size_t len, n;
	bool good = true;
	unsigned before;

	config.lmtp = place == COMMITTING;
	for (n = 1, len = 2; good && n < len; n++) {
		good = go(place);
		before = calls;
		put_good(frame);
		len = packet.len;
		packet.ptr = NULL;
		good = good && !take_octets(n) && deeds.error != NULL &&
		    calls == before;
	}
	for (n = 1; good && n < sizeof (unsigned long long); n++) {
		good = go(place);
		put_good(frame);
		len = packet.len + n;
		packet.ptr = NULL;
		memset(space + len - n, 0, n);
		good = good && !take_octets(len) && deeds.error != NULL;
	}
	return good;
}

static void
cuts(void)
{
	bool good = true;
	int place, frame;

	usual_config();
	for (place = 0; place < PLACES; place++)
		for (frame = 0; frame < FRAMES; frame++)
			good = good && (places[place].may[frame] != '+' ||
			    is_whole((enum place)place, (enum frame)frame));
	ok(good, "each frame is whole, with nothing behind it");
	config.lmtp = false;
}

/* ---- lengths ---- */

static void
lengths(void)
{
	struct text *t;
	bool good = true;
	size_t i;
	static const unsigned long long lies[] = { 3, 0x7fffffff, 0xffffffff,
	    1ULL << 32, ~0ULL - 7, ~0ULL };

	for (i = 0; i < sizeof lies / sizeof *lies; i++) {
		good = good && go(CONTENT);
		t = put(FRAME_OCTETS);
		frame_number(t, lies[i]);
		text_string(t, "xy");
		good = good && bad();
	}
	ok(good, "a length that goes beyond the packet");
	good = go(SILENT);
	t = put(FRAME_TRANSACTION);
	frame_octets(t, (struct span){ "ES\0TP", 6 });
	ok(good && bad(), "a string with a NUL in it");
	good = go(SILENT);
	t = put(FRAME_TRANSACTION);
	frame_octets(t, (struct span){ "ESMTP", 5 });
	ok(good && bad(), "a string without a NUL");
	good = go(GREETED);
	t = put(FRAME_FORWARD);
	frame_number(t, 2);
	ok(good && bad(), "a flag that is neither");
}

/* Of channel.in; at and len, and what they are at most. */
static void
shared_memory(void)
{
	static const struct { unsigned long long at, len; bool good; } all[] = {
		{ 0, 0, true }, { 0, CHANNEL_IN_SIZE, true },
		{ CHANNEL_IN_SIZE, 0, true }, { CHANNEL_IN_SIZE - 1, 1, true },
		{ 0, CHANNEL_IN_SIZE + 1, false },
		{ CHANNEL_IN_SIZE, 1, false },
		{ CHANNEL_IN_SIZE - 1, 2, false },
		{ CHANNEL_IN_SIZE + 1, 0, false },
		{ CHANNEL_IN_SIZE + 1, ~0ULL, false }, { 1, ~0ULL, false },
		{ ~0ULL, 1, false }, { ~0ULL, ~0ULL, false },
		{ 1ULL << 63, 1ULL << 63, false },
		{ 0xffffffff, 0xffffffff, false },
	};
	bool good = true;
	size_t i;

	memset(channel.in, 'a', sizeof channel.in);
	channel.in[sizeof channel.in - 1] = 'z';
	for (i = 0; i < sizeof all / sizeof *all; i++) {
		good = good && go(CONTENT);
		put_append(all[i].at, all[i].len);
		good = good && (all[i].good ? take() && answer_code() == 0 &&
		    record.size == all[i].len : bad());
	}
	ok(good, "what stands in the memory of both, and not beyond it");
	ok(go(CONTENT) && (put_append(CHANNEL_IN_SIZE - 2, 2), take()) &&
	    memcmp(record.content, "az", 2) == 0, "the octets are those");
}

/* ---- hello and MAIL ---- */

static char long_text[5000];

static const char *
long_of(size_t len)
{
	memset(long_text, 'x', len);
	long_text[len] = '\0';
	return long_text;
}

struct transaction {
	const char *helo, *verb, *sender, *options;
};

static bool
is_taken(const struct transaction *t)
{
	bool there = go(SILENT);

	put_transaction("ESMTP", t->helo, t->verb, t->sender, t->options);
	return there && take();
}

static void
transactions(void)
{
	static const struct transaction good[] = {
		{ "c", "MAIL", "", "" }, { "a\tb", "MAIL", "joe", "" },
		{ "\377", "MAIL", "\"a b\"@c", "SIZE=1000" },
		{ "", "MAIL", "j\303\266@d", "SMTPUTF8 BODY=8BITMIME" },
		{ "c", "MAIL", "a@[::1]", "RET=HDRS ENVID=x AUTH=<>" },
		{ "c", NULL, "what is not looked at", "\1" },
	}, wrong[] = {
		{ "a\rb", "MAIL", "", "" }, { "() { x", "MAIL", "", "" },
		{ "a\177", NULL, "", "" },
		{ "c", "mail", "", "" }, { "c", "SEND", "", "" },
		{ "c", "", "", "" }, { "c", "RCPT", "", "" },
		{ "c", "MAIL", "a@b@c", "" }, { "c", "MAIL", "-a@b", "" },
		{ "c", "MAIL", "a@", "" }, { "c", "MAIL", "a b@c", "" },
		{ "c", "MAIL", "a\n@c", "" }, { "c", "MAIL", "\377@c", "" },
		{ "c", "MAIL", "a<b@c", "" }, { "c", "MAIL", "a@-c", "" },
		{ "c", "MAIL", "\"() {\"@c", "" },
		{ "c", "MAIL", "", "SIZE=1001" }, { "c", "MAIL", "", "X" },
		{ "c", "MAIL", "", "SIZE=1 SIZE=1" },
		{ "c", "MAIL", "", "NOTIFY=NEVER" },
		{ "c", "MAIL", "", "BODY=BINARYMIME" },
		{ "c", "MAIL", "", "ENVID=+0A" },
		{ "c", "MAIL", "", "ENVID=+28) {" },
		{ "c", "MAIL", "", "AUTH=\1" }, { "c", "MAIL", "", "A=\n" },
	};
	bool all = true;
	size_t i;

	config.max_size = 1000;
	for (i = 0; i < sizeof good / sizeof *good; i++)
		all = all && is_taken(&good[i]);
	ok(all, "transactions that there are");
	for (i = 0; i < sizeof wrong / sizeof *wrong; i++)
		all = all && !is_taken(&wrong[i]) && deeds.error != NULL;
	ok(all, "transactions that there are not");
	config.max_size = 0;
}

static void
limits_of_transactions(void)
{
	struct transaction t = { "c", "MAIL", "", "" };
	bool all;

	t.helo = long_of(DOMAIN_MAX);
	all = is_taken(&t);
	t.helo = long_of(DOMAIN_MAX + 1);
	ok(all && !is_taken(&t), "a hello is so long");
	t.helo = "c";
	t.sender = long_of(MAILBOX_MAX);
	all = is_taken(&t) && envelope.sender.whole.len == MAILBOX_MAX;
	t.sender = long_of(MAILBOX_MAX + 1);
	ok(all && !is_taken(&t), "a sender is so long");
	config.terminal = true;
	t = (struct transaction){ "c", "SAML", "", "" };
	ok(is_taken(&t) && strcmp(envelope.verb, "SAML") == 0 &&
	    strcmp(envelope.with, "ESMTP") == 0, "SAML, where there is one");
	config.terminal = false;
	ok(go(GREETED) && (put_transaction(NULL, "", NULL, "", ""), take()) &&
	    envelope.with == NULL && (put_good(FRAME_AUTHENTICATE), bad()),
	    "a hello that is none any more");
	ok(go(SILENT) && (put_transaction(NULL, "c", "MAIL", "", ""), bad()),
	    "no MAIL before a hello");
	ok(go(SILENT) && (put_transaction("any\1", "c", "MAIL", "", ""),
	    take()) && strcmp(envelope.with, "ESMTP") == 0,
	    "what a session is called is known here");
}

/* A MAIL, where something has to come before. */
static void
rights_to_mail(void)
{
	const struct xclient joe = client_of(XCLIENT_LOGIN, "", "joe"),
	    nobody = client_of(0, "", "");
	bool good;

	config.require_tls = true;
	good = go(SILENT) && (put_good(FRAME_TRANSACTION), bad());
	good = good && go(SHAKING) && take_good(FRAME_START_TLS) &&
	    take_good(FRAME_TRANSACTION);
	ok(good && strcmp(envelope.with, "ESMTPS") == 0,
	    "MAIL behind TLS, where that is required");
	ok(go(SILENT) && (put_good(FRAME_ASK), bad()), "and VRFY");
	config.require_tls = false;
	config.require_auth = true;
	good = go(GREETED) && (put_good(FRAME_TRANSACTION), bad());
	good = good && go(JUDGED) && (put_answered("PLAIN", "joe", 235, NULL),
	    take()) && take_good(FRAME_TRANSACTION);
	ok(good && strcmp(envelope.with, "ESMTPA") == 0,
	    "MAIL behind AUTH, where that is required");
	ok(go(SILENT) && (put_good(FRAME_ASK), bad()), "and VRFY, likewise");
	good = go(SILENT) && (put_client(FRAME_RENAME, &joe), take()) &&
	    take_good(FRAME_TRANSACTION);
	ok(good, "or behind XCLIENT with a name");
	good = go(SILENT) && (put_client(FRAME_RENAME, &joe), take()) &&
	    (put_client(FRAME_RENAME, &nobody), take()) &&
	    (put_good(FRAME_TRANSACTION), bad());
	ok(good, "which another one takes away");
	good = go(JUDGED) && (put_answered("PLAIN", "joe", 235, NULL), take())
	    && take_good(FRAME_PREPARE_TLS) && take_good(FRAME_START_TLS) &&
	    (put_good(FRAME_TRANSACTION), bad());
	ok(good, "STARTTLS takes away who was let in, and what was said");
	config.require_auth = false;
	config.max_messages = 2;
	good = go(COMMITTING) && advance(COMMITTING) &&
	    (put_good(FRAME_TRANSACTION), bad());
	ok(good, "no more messages than there may be");
	config.max_messages = 0;
}

/* ---- names ---- */

static bool
may_ask(enum place place, unsigned long long verb, const char *name,
    const char *options)
{
	bool there = go(place);

	put_ask(verb, name, options);
	return there && take();
}

static void
names(void)
{
	static const char *const wrong[] = { "", "a@b@c", "-a", "-a@b", "a b",
	    "<a@b>", "a\n@b", "\377", "a@b.", "\"x", "\"() {\"", "a@b\177" };
	static const char *const options[] = { "X", "SIZE=1", "NOTIFY=X",
	    "NOTIFY=NEVER NOTIFY=NEVER", "ORCPT=a", "ORCPT=a;\1",
	    "NOTIFY=DELAY\n" };
	bool all = true;
	size_t i;

	for (i = 0; i < sizeof wrong / sizeof *wrong; i++)
		all = all && !may_ask(MAILING, LOOKUP_RCPT, wrong[i], "") &&
		    envelope.recipients == 0;
	ok(all, "no recipient");
	for (i = 0; i < sizeof options / sizeof *options; i++)
		all = all && !may_ask(MAILING, LOOKUP_RCPT, "a@b", options[i]);
	ok(all, "parameters of no recipient");
	ok(may_ask(MAILING, LOOKUP_RCPT, "a@b", "NOTIFY=NEVER ORCPT=a;b") &&
	    envelope.recipients == 1 && envelope_options(&envelope, 0).len ==
	    sizeof "NOTIFY=NEVER ORCPT=a;b" - 1, "a recipient is kept");
	ok(!may_ask(SILENT, LOOKUP_RCPT, "a@b", "") &&
	    !may_ask(GREETED, LOOKUP_RCPT, "a@b", ""), "no RCPT without MAIL");
	ok(!may_ask(CONTENT, LOOKUP_RCPT, "a@b", "") &&
	    envelope.recipients == 2, "nor once the message has begun");
	ok(may_ask(CONTENT, LOOKUP_EXPN, "joe smith", "") &&
	    may_ask(SILENT, LOOKUP_VRFY, "a b", ""), "words, of VRFY and EXPN");
	ok(!may_ask(SILENT, LOOKUP_VRFY, "a@b c", "") &&
	    !may_ask(SILENT, LOOKUP_VRFY, "a\tb", "") &&
	    !may_ask(SILENT, LOOKUP_VRFY, "a@b", "NOTIFY=NEVER") &&
	    !may_ask(SILENT, 3, "a@b", ""), "and what they do not ask");
	config.vrfy = false;
	ok(!may_ask(SILENT, LOOKUP_VRFY, "a", "") &&
	    !may_ask(SILENT, LOOKUP_EXPN, "a", ""), "where there is no VRFY");
	config.vrfy = true;
	ok(go(MAILING) && (put_sure(LOOKUP_RCPT, "a@b"), take()) &&
	    deeds.answer.len == 0 && envelope.recipients == 1,
	    "who is sure to be taken is taken, without an answer");
	ok(go(MAILING) && (record.lookup = UNKNOWN_USER,
	    put_sure(LOOKUP_RCPT, "a@b"), !take()) && deeds.error != NULL &&
	    deeds.answer.len == 0 && envelope.recipients == 0,
	    "who is sure to be, says the speaker, and is not");
	ok(go(SILENT) && (put_sure(LOOKUP_VRFY, "a@b"), bad()),
	    "of VRFY nobody is sure");
	config.max_recipients = 2;
	ok(go(RECIPIENT) && (put_ask(LOOKUP_RCPT, "a@b", ""), bad()),
	    "no more recipients than there may be");
	config.max_recipients = 100;
}

/* A name, and whether it is a recipient then. */
static bool
becomes_recipient(enum forward_result forward, int domain,
    enum lookup_result user, int own)
{
	bool there = go(MAILING);

	record.forward = forward;
	record.lookup = user;
	domain_reply = (struct reply){ domain, "4.0.0", "words" };
	record.chosen = (struct reply){ own, "4.0.0", "words" };
	return there && take_name("a@b") && envelope.recipients == 1 &&
	    envelope_forward(&envelope, 0) == forward;
}

static void
answers_of_names(void)
{
	struct span rest, expanded;
	unsigned long long number = 9;
	struct reply reply;
	bool good;

	ok(becomes_recipient(LOCAL_DOMAIN, 0, VALID_USER, 0) &&
	    becomes_recipient(LOCAL_DOMAIN, 0, VALID_USER, 550) &&
	    becomes_recipient(LOCAL_DOMAIN, 0, UNKNOWN_USER, 250) &&
	    becomes_recipient(WILL_FORWARD, 0, UNKNOWN_USER, 0) &&
	    becomes_recipient(CANNOT_FORWARD, 251, VALID_USER, 0),
	    "who is a recipient");
	ok(!becomes_recipient(LOCAL_DOMAIN, 0, UNKNOWN_USER, 0) &&
	    !becomes_recipient(LOCAL_DOMAIN, 0, AMBIGUOUS_USER, 0) &&
	    !becomes_recipient(LOCAL_DOMAIN, 0, LOOKUP_ERROR, 0) &&
	    !becomes_recipient(WILL_FORWARD, 450, VALID_USER, 0) &&
	    !becomes_recipient(CANNOT_FORWARD, 0, VALID_USER, 250),
	    "who is none");
	good = go(MAILING);
	record.lookup = UNKNOWN_USER;
	record.chosen = (struct reply){ 450, "4.2.1", "later" };
	record.expanded = "<c@d>";
	good = good && take_name("a@b");
	rest = text_span_of(&deeds.answer);
	good = good && frame_take_number(&rest, 2, &number) &&
	    number == LOCAL_DOMAIN && frame_take_reply(&rest, &reply) &&
	    reply.code == 0 && frame_take_number(&rest, 3, &number) &&
	    number == UNKNOWN_USER && frame_take_reply(&rest, &reply) &&
	    reply.code == 450 && strcmp(reply.text, "later") == 0 &&
	    frame_take_octets(&rest, 5, &expanded) && expanded.len == 5 &&
	    rest.len == 0;
	ok(good, "what it is told");
}

/* How often an unknown name may be asked about. */
static unsigned
guesses(int code)
{
	unsigned n = 0;
	bool good = go(MAILING);

	record.lookup = UNKNOWN_USER;
	record.chosen = (struct reply){ code, "5.0.0", "words" };
	while (good && n < 300 && (good = take_name("a@b")))
		n++;
	return n;
}

static void
limits_of_guesses(void)
{
	ok(guesses(0) == 101 && deeds.error != NULL && guesses(553) == 101,
	    "no more guesses than the core lets pass");
	ok(guesses(451) == 300 && guesses(250) == 100,
	    "what is no guess does not count");
	config.lmtp = true;
	ok(guesses(0) == 300, "nor does it in LMTP");
	config.lmtp = false;
}

/* ---- messages ---- */

static void
counts_of_recipients(void)
{
	static const unsigned long long wrong[] = { 0, 1, 3, 258,
	    1ULL << 32 | 2, ENVELOPE_RECIPIENTS_MAX, ~0ULL };
	bool all = true;
	size_t i;

	for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		all = all && go(RECIPIENT);
		put_begin(wrong[i], 7);
		all = all && bad();
	}
	ok(all, "a message for others than those who were taken");
	ok(go(MAILING) && (put_begin(0, 7), bad()),
	    "a message for nobody");
}

static void
beginnings(void)
{
	bool good = go(RECIPIENT);

	deeds.since = 5;
	put_begin(envelope.recipients, 5);
	ok(good && take() && deeds.began == 5, "when a message began");
	good = go(RECIPIENT);
	deeds.since = 5;
	put_begin(envelope.recipients, 4);
	ok(good && bad(), "which is not before its session");
	good = go(RECIPIENT);
	put_begin(envelope.recipients, 1ULL << 63);
	ok(good && bad(), "nor a time that there is none");
	deeds.since = 0;
}

static bool
commits(unsigned long long recipient)
{
	frame_number(put(FRAME_COMMIT), recipient);
	return take();
}

static void
runs(void)
{
	ok(go(CONTENT) && commits(PROTOCOL_ALL) && record.commits == 1 &&
	    answer_code() == 250 && (put_good(FRAME_COMMIT), bad()) &&
	    record.commits == 1, "one run, and no other");
	ok(go(CONTENT) && !commits(0) && go(CONTENT) && !commits(1) &&
	    record.commits == 0, "a run for one recipient, in SMTP");
	config.lmtp = true;
	ok(go(CONTENT) && commits(0) && commits(1) && record.commits == 2 &&
	    !commits(2) && record.commits == 2, "a run a recipient, in LMTP");
	ok(go(CONTENT) && !commits(1) && go(CONTENT) && !commits(PROTOCOL_ALL)
	    && go(COMMITTING) && !commits(0) && record.commits == 1,
	    "in their order");
	ok(go(COMMITTING) && (put_good(FRAME_OCTETS), bad()),
	    "nothing is added to what was handed over");
	ok(go(COMMITTING) && take_good(FRAME_DISCARD) && record.discards == 1 &&
	    (put_good(FRAME_DISCARD), bad()), "the rest is dropped, once");
	ok(go(COMMITTING) && (deed_give_up(&deeds), record.discards == 1) &&
	    record.refused.code == 0, "or with its speaker");
	config.lmtp = false;
	ok(go(CONTENT) && (deed_give_up(&deeds), record.discards == 1) &&
	    record.commits == 0, "a message is dropped with its speaker");
	ok(go(RECIPIENT) && (deed_give_up(&deeds), record.discards == 0),
	    "where there is one");
	ok(go(CONTENT) && (put_discard(250, NULL), bad()) &&
	    go(CONTENT) && (put_discard(399, NULL), bad()) &&
	    go(CONTENT) && (put_discard(600, NULL), bad()) &&
	    go(CONTENT) && (put_discard(400, NULL), take()) &&
	    record.refused.code == 400 &&
	    go(CONTENT) && (put_discard(0, NULL), take()) &&
	    record.refused.code == 0, "what a message is dropped with");
}

/* A fault of ours, and what becomes of it. */
static void
faults(void)
{
	static const struct reply full = { 452, "4.3.1", "full" };
	bool good = go(CONTENT);

	record.append_fault = full;
	good = good && take_good(FRAME_APPEND) && answer_code() == 452 &&
	    take_good(FRAME_APPEND) && answer_code() == 452 &&
	    record.size == 2;
	ok(good && commits(PROTOCOL_ALL) && answer_code() == 452 &&
	    record.commits == 0 && record.discards == 1 &&
	    record.refused.code == 452, "a message that was not kept");
	good = go(CONTENT);
	record.append_fault = full;
	good = good && take_good(FRAME_OCTETS) && take_good(FRAME_DISCARD);
	ok(good && record.discards == 1, "or was dropped by the speaker, too");
	good = go(RECIPIENT);
	record.begin_fault = full;
	good = good && take_good(FRAME_BEGIN) && take_good(FRAME_OCTETS) &&
	    record.size == 0 && commits(PROTOCOL_ALL);
	ok(good && answer_code() == 452 && record.commits == 0,
	    "or that did not begin");
	config.lmtp = true;
	good = go(CONTENT);
	record.append_fault = full;
	good = good && take_good(FRAME_OCTETS) && commits(0) &&
	    answer_code() == 452;
	deed_give_up(&deeds);
	ok(good && record.discards == 1, "which is told to each, dropped once");
	config.lmtp = false;
	good = go(CONTENT) && take_good(FRAME_DISCARD) &&
	    take_good(FRAME_TRANSACTION) && take_name("x@y");
	ok(good && take_good(FRAME_BEGIN) && take_good(FRAME_OCTETS) &&
	    commits(PROTOCOL_ALL) && answer_code() == 250 && record.size == 2,
	    "the next one is none the worse");
}

/* So many octets, in two ways. */
static bool
fits(size_t first, size_t second)
{
	bool good = go(CONTENT);

	frame_octets(put(FRAME_OCTETS), span_of(long_of(first)));
	good = good && take();
	put_append(0, second);
	return good && take();
}

static void
sizes(void)
{
	config.max_size = 1000;
	ok(fits(1000, 0) && fits(400, 600) && fits(0, 1000) &&
	    record.size == 1000, "a message of that size");
	ok(!fits(1001, 0) && record.size == 0 && !fits(400, 601) &&
	    record.size == 400 && !fits(1000, 1) &&
	    !fits(0, CHANNEL_IN_SIZE), "a message above it");
	config.crlf = true;
	ok(fits(1000, 1000) && !fits(1000, 1002),
	    "line ends that have become two octets");
	config.crlf = false;
	config.max_size = 0;
	ok(fits(4096, CHANNEL_IN_SIZE), "any size");
}

/* ---- AUTH ---- */

static bool
proves(enum place place, const char *mechanism, const char *name,
    struct span password)
{
	bool there = go(place);
	unsigned before = record.proofs;

	put_authenticate(mechanism, name, password);
	return there && take() && record.proofs == before + 1 && deeds.proof;
}

static void
proofs(void)
{
	struct span secret = span_of("secret");

	ok(proves(GREETED, "PLAIN", "joe", secret) &&
	    strcmp(record.proof, "PLAIN joe secret") == 0 &&
	    proves(GREETED, "LOGIN", "j\303\266", span_of("\377\1")) &&
	    proves(GREETED, "PLAIN", long_of(SASL_NAME_MAX), secret) &&
	    proves(GREETED, "PLAIN", "joe", (struct span){ channel.in,
	    SASL_MESSAGE_MAX }), "who proves who he is");
	ok(!proves(SILENT, "PLAIN", "joe", secret), "not before a hello");
	ok(!proves(GREETED, "PLAIN", "", secret) &&
	    !proves(GREETED, "PLAIN", "-joe", secret) &&
	    !proves(GREETED, "PLAIN", "j\noe", secret) &&
	    !proves(GREETED, "PLAIN", "() {", secret) &&
	    !proves(GREETED, "PLAIN", "\377", secret) &&
	    !proves(GREETED, "PLAIN", long_of(SASL_NAME_MAX + 1), secret),
	    "not by such a name");
	ok(!proves(GREETED, "PLAIN", "joe", span_of("")) &&
	    !proves(GREETED, "PLAIN", "joe", (struct span){ "a\0b", 3 }) &&
	    !proves(GREETED, "PLAIN", "joe", (struct span){ channel.in,
	    SASL_MESSAGE_MAX + 1 }), "not by such a password");
	ok(!proves(GREETED, NULL, "", secret) &&
	    !proves(GREETED, "", "joe", secret) &&
	    !proves(GREETED, "PLAI", "joe", secret) &&
	    !proves(GREETED, "X", "joe", secret), "not by such a mechanism");
	config.auth_in_clear = false;
	ok(!proves(GREETED, "PLAIN", "joe", secret), "not in clear");
	ok(go(SHAKING) && take_good(FRAME_START_TLS) && advance(GREETED) &&
	    take_good(FRAME_AUTHENTICATE), "but in TLS");
	config.auth_in_clear = config.require_tls = true;
	ok(!proves(GREETED, "PLAIN", "joe", secret),
	    "nor where TLS is required of all");
	config.require_tls = config.auth = false;
	ok(!proves(GREETED, "PLAIN", "joe", secret), "nor where there is none");
	config.auth = true;
	ok(go(JUDGED) && (put_answered("PLAIN", "joe", 235, NULL), take()) &&
	    (put_good(FRAME_AUTHENTICATE), bad()), "nor twice");
}

/* After AUTH that ended so: may the log say this? */
static bool
tells(enum auth_result verdict, const char *mechanism, const char *name,
    int code)
{
	bool good = go(GREETED);

	record.auth = verdict;
	good = good && take_good(FRAME_AUTHENTICATE) &&
	    answer_number() == verdict;
	put_answered(mechanism, name, code, NULL);
	return good && take() && (code == 500 ||
	    strcmp(record.told_who, name) == 0);
}

static void
told_verdicts(void)
{
	ok(tells(AUTH_ACCEPTED, "PLAIN", "joe", 235) &&
	    tells(AUTH_REFUSED, "PLAIN", "joe", 535) &&
	    tells(AUTH_REFUSED, "PLAIN", "joe", 421) &&
	    tells(AUTH_ERROR, "PLAIN", "joe", 454), "what came of it is told");
	ok(!tells(AUTH_REFUSED, "PLAIN", "joe", 235) &&
	    !tells(AUTH_ERROR, "PLAIN", "joe", 235) &&
	    !tells(AUTH_ACCEPTED, "PLAIN", "joe", 535) &&
	    !tells(AUTH_ACCEPTED, "PLAIN", "joe", 454) &&
	    !tells(AUTH_ERROR, "PLAIN", "joe", 535) &&
	    !tells(AUTH_REFUSED, "PLAIN", "joe", 454) &&
	    !tells(AUTH_REFUSED, "PLAIN", "joe", 250), "and nothing else");
	ok(!tells(AUTH_ACCEPTED, "PLAIN", "root", 235) &&
	    !tells(AUTH_ACCEPTED, "PLAIN", "jo", 235) &&
	    !tells(AUTH_ACCEPTED, "LOGIN", "joe", 235) &&
	    !tells(AUTH_ERROR, "PLAIN", "root", 454) &&
	    !tells(AUTH_ACCEPTED, NULL, "", 500), "of nobody else");
	ok(go(GREETED) && (put_answered("PLAIN", "joe", 235, NULL), bad()) &&
	    go(GREETED) && (put_answered("PLAIN", "joe", 454, NULL), bad()) &&
	    go(GREETED) && (put_answered(NULL, "", 235, NULL), bad()),
	    "no verdict where nobody was asked");
	ok(tells(AUTH_ACCEPTED, "PLAIN", "joe", 235) &&
	    (put_answered("PLAIN", "joe", 235, NULL), bad()), "nor twice");
	ok(go(GREETED) && (put_answered("PLAIN", "jo", 535, NULL), take()),
	    "but who wants to be another");
}

/* How many refused AUTH there may be, or how many are told of. */
static unsigned
refusals(bool asked)
{
	unsigned n = 0;
	bool good = go(GREETED);

	record.auth = AUTH_REFUSED;
	while (good && n < 50) {
		good = !asked || take_good(FRAME_AUTHENTICATE);
		put_answered("PLAIN", "joe", 535, NULL);
		n += good && (good = take());
	}
	return n;
}

static void
limits_of_auth(void)
{
	config.max_errors = 3;
	ok(refusals(true) == 3 && record.proofs == 3, "so many passwords");
	ok(refusals(false) == 3, "and refusals that need none");
	config.max_errors = 0;
	ok(refusals(true) == 50 && refusals(false) == 50, "or any number");
}

/* ---- TLS ---- */

static void
tls(void)
{
	bool good = go(SILENT);

	record.tls = TLS_NOT_NOW;
	ok(good && take_good(FRAME_PREPARE_TLS) && answer_number() ==
	    TLS_NOT_NOW && (put_good(FRAME_START_TLS), bad()),
	    "no handshake where there is no TLS");
	good = go(SILENT);
	record.tls = TLS_NOT_NOW;
	good = good && take_good(FRAME_PREPARE_TLS) && advance(MAILING);
	record.forward = CANNOT_FORWARD;
	ok(good && take_name("a@b") && deeds.ledger.guesses == 0,
	    "whom we put off does not guess");
	ok(take_good(FRAME_ASK) && deeds.ledger.guesses == 1,
	    "but by VRFY");
	good = go(GREETED);
	record.auth = AUTH_ERROR;
	record.forward = CANNOT_FORWARD;
	good = good && take_good(FRAME_AUTHENTICATE) &&
	    (put_answered("PLAIN", "joe", 454, NULL), take()) &&
	    advance(MAILING) && take_name("a@b");
	ok(good && deeds.ledger.guesses == 0, "nor who could not prove it");
	good = go(GREETED);
	record.auth = AUTH_REFUSED;
	record.forward = CANNOT_FORWARD;
	good = good && take_good(FRAME_AUTHENTICATE) &&
	    (put_answered("PLAIN", "joe", 535, NULL), take()) &&
	    advance(MAILING) && take_name("a@b");
	ok(good && deeds.ledger.guesses == 1, "who has proved nothing does");
	ok(go(SHAKING) && take_good(FRAME_START_TLS) && answer_number() == 1 &&
	    (put_good(FRAME_PREPARE_TLS), bad()), "no STARTTLS in TLS");
	ok(go(ENDING) && deeds.ledger.tls == false && answer_number() == 0,
	    "a handshake that failed");
	config.starttls = false;
	ok(go(SILENT) && (put_good(FRAME_PREPARE_TLS), bad()),
	    "no STARTTLS where there is none");
	config.starttls = config.tls = true;
	ok(go(SILENT) && (put_good(FRAME_PREPARE_TLS), bad()),
	    "nor where it comes first");
	config.tls = false;
	ok(go(SHAKING) && take_good(FRAME_START_TLS) && envelope.with == NULL &&
	    envelope.helo.len == 0, "what was said before it is forgotten");
}

/* ---- who stands in front ---- */

static bool
renames(const struct xclient *x, enum frame frame)
{
	bool there = go(SILENT);

	put_client(frame, x);
	return there && take() && (frame == FRAME_RENAME ? record.renamed :
	    record.forwarded) == 1;
}

static void
clients(void)
{
	struct xclient good = { .given = 255, .name = "mx.example.org",
	    .address = "2001:db8::1", .port = "25", .proto = "ESMTP",
	    .helo = "a\303\244 b", .login = "joe",
	    .local_address = "192.0.2.1", .local_port = "0" };
	static const struct { size_t at; const char *value; } wrong[] = {
		{ offsetof(struct xclient, name), "a b" },
		{ offsetof(struct xclient, name), "a\n" },
		{ offsetof(struct xclient, address), "2001:DB8::1" },
		{ offsetof(struct xclient, address), "x" },
		{ offsetof(struct xclient, address), "192.0.2.1 " },
		{ offsetof(struct xclient, port), "025" },
		{ offsetof(struct xclient, port), "65536" },
		{ offsetof(struct xclient, proto), "esmtp" },
		{ offsetof(struct xclient, proto), "X" },
		{ offsetof(struct xclient, helo), "a\tb" },
		{ offsetof(struct xclient, helo), "() {" },
		{ offsetof(struct xclient, login), "-joe" },
		{ offsetof(struct xclient, login), "\377" },
		{ offsetof(struct xclient, login), "() {" },
		{ offsetof(struct xclient, local_address), "y" },
		{ offsetof(struct xclient, local_port), "-1" },
	};
	struct xclient x;
	bool all = true;
	size_t i;

	ok(renames(&good, FRAME_RENAME) && strcmp(record.client.helo,
	    good.helo) == 0 && answer_number() == 1, "XCLIENT says who it is");
	for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		x = good;
		strcpy((char *)&x + wrong[i].at, wrong[i].value);
		all = all && !renames(&x, FRAME_RENAME) && record.renamed == 0;
		x.given = XCLIENT_FORWARD;
		all = all && !renames(&x, FRAME_FORWARD) &&
		    record.forwarded == 0;
	}
	ok(all, "values that nobody has");
	x = good;
	x.given = 256;
	ok(!renames(&x, FRAME_RENAME), "what it says is known");
	x.given = XCLIENT_FORWARD;
	all = renames(&x, FRAME_FORWARD);
	x.given |= XCLIENT_LOGIN;
	ok(all && !renames(&x, FRAME_FORWARD), "XFORWARD says what it may");
}

static void
rights_of_clients(void)
{
	const struct xclient x = client_of(XCLIENT_ADDR, "192.0.2.1", "");
	bool good;

	good = go(SILENT);
	record.may_rename = false;
	good = good && (put_client(FRAME_RENAME, &x), take()) &&
	    answer_number() == 0 && (put_client(FRAME_RENAME, &x), bad());
	ok(good, "XCLIENT may take the right to itself away");
	config.may_rename = false;
	ok(!renames(&x, FRAME_RENAME) && record.renamed == 0,
	    "XCLIENT without the right to it");
	ok(!renames(&x, FRAME_FORWARD) && record.forwarded == 0, "XFORWARD");
	ok(go(MAILING) && (frame_number(put(FRAME_FORWARD), 0), take()) &&
	    record.ended == 1, "anybody may end what it said");
	config.may_rename = true;
}

/* ---- a PROXY header ---- */

static bool
has_header(const struct proxy *h)
{
	bool there = go(HEADING);

	put_header(h);
	return there && take();
}

static void
headers(void)
{
	const struct proxy good = { .tls = true, .address = "192.0.2.1",
	    .port = "25", .local_address = "::1", .local_port = "26",
	    .tls_protocol = "TLSv1.3", .tls_cipher = "AES" };
	struct proxy h = good;

	config.require_tls = true;
	ok(has_header(&h) && take_good(FRAME_TRANSACTION), "TLS of a proxy");
	h.tls = false;
	ok(has_header(&h) && (put_good(FRAME_TRANSACTION), bad()), "or none");
	config.tls = true;
	ok(has_header(&h) && take_good(FRAME_TRANSACTION), "or the launcher's");
	config.require_tls = config.tls = false;
	h = good;
	h.local = true;
	ok(!has_header(&h), "a connection of its own has no client");
	h = good;
	strcpy(h.address, "192.0.2.01");
	ok(!has_header(&h), "no address");
	h = good;
	h.address[0] = '\0';
	ok(!has_header(&h), "half an address");
	h = good;
	strcpy(h.local_port, "70000");
	ok(!has_header(&h), "no port");
	h = good;
	strcpy(h.tls_cipher, "a b");
	ok(!has_header(&h), "no cipher");
}

/* ---- the log, and the end ---- */

static bool
says(const char *verb, int code, const char *text, const char *advice)
{
	struct reply reply = { code, NULL, text };
	bool there = go(SILENT);
	struct text *t = put(FRAME_ANSWERED);

	frame_string(t, verb);
	frame_octets(t, span_of("x"));
	frame_number(t, 0);
	put_who(t, NULL, "");
	frame_octets(t, span_of("y\n"));
	frame_number(t, true);
	frame_octets(t, span_of(""));
	frame_reply(t, &reply);
	frame_number(t, false);
	frame_string(t, advice);
	return there && take();
}

static void
exchanges(void)
{
	ok(says("MAIL", 250, "Ok", NULL) && says("", 500, "", NULL) &&
	    says(NULL, 421, "x", advice_proxy) &&
	    says("STARTTLS", 451, "x", advice_no_tls), "what the log may hear");
	ok(!says("mail", 250, "Ok", NULL) && !says("a\n", 250, "Ok", NULL) &&
	    !says("STARTTLSX", 250, "Ok", NULL), "no verb");
	ok(says("MAIL", 200, "Ok", NULL) && says("MAIL", 599, "Ok", NULL) &&
	    !says("MAIL", 0, "Ok", NULL) && !says("MAIL", 199, "Ok", NULL) &&
	    !says("MAIL", 600, "Ok", NULL) && !says("MAIL", 250, NULL, NULL),
	    "no reply");
	ok(!says("MAIL", 250, "Ok", "buy this") && !says("MAIL", 250, "Ok", ""),
	    "no advice of ours");
}

static bool
ends(enum place place, unsigned long long reason, const char *why,
    unsigned long long error)
{
	bool there = go(place);

	put_end(reason, why, error);
	return there && take() && deed_is_over(&deeds);
}

static void
endings(void)
{
	ok(ends(SILENT, PROTOCOL_EOF, NULL, 0) && deeds.reason ==
	    PROTOCOL_EOF && deeds.mailed && deeds.traffic.in == 1 &&
	    deeds.traffic.out == 2 && deeds.traffic.unsent == 3,
	    "how it ended");
	ok(ends(HEADING, PROTOCOL_PROXY, "late", 0) &&
	    ends(HEADING, PROTOCOL_ERROR, NULL, 4095), "without a header");
	ok(!ends(SILENT, PROTOCOL_ERROR + 1, NULL, 0) &&
	    !ends(SILENT, ~0ULL, NULL, 0), "for no reason");
	ok(!ends(SILENT, PROTOCOL_ERROR, NULL, 4096), "with no error");
	ok(!ends(SILENT, PROTOCOL_PROXY, "words", 0), "with words of its own");
	ok(go(LOCKING) && (frame_number(put(FRAME_UNLOCKED), 38), take()) &&
	    deeds.unlocked == 38 && deed_is_over(&deeds), "without a sandbox");
	ok(go(LOCKING) && (frame_number(put(FRAME_UNLOCKED), 0), bad()) &&
	    go(LOCKING) && (frame_number(put(FRAME_UNLOCKED), 4096), bad()),
	    "and there is a reason for that");
}

int
main(void)
{
	alarm(100);
	order();
	cuts();
	lengths();
	shared_memory();
	transactions();
	limits_of_transactions();
	rights_to_mail();
	names();
	answers_of_names();
	limits_of_guesses();
	counts_of_recipients();
	beginnings();
	runs();
	faults();
	sizes();
	proofs();
	told_verdicts();
	limits_of_auth();
	tls();
	clients();
	rights_of_clients();
	headers();
	exchanges();
	endings();
	return tap_end();
}

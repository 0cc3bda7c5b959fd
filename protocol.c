#include "protocol.h"

#include <assert.h>
#include <string.h>

#include "lib/parameters.h"
#include "lib/replies.h"
#include "lib/xclient.h"

static const struct span empty = { "", 0 };

/* Less its end, and the blanks before it. */
static struct span
without_end(struct span line)
{
	if (line.len > 0 && line.ptr[line.len - 1] == '\n')
		line.len--;
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	while (line.len > 0 && is_blank(line.ptr[line.len - 1]))
		line.len--;
	return line;
}

/* ---- replies ---- */

/* A reply whose text is written into p->text from now on. */
static struct text *
compose(struct protocol *p, int code, const char *enhanced)
{
	p->text = text_in(p->text_space, sizeof p->text_space);
	p->composed = (struct reply){ code, enhanced, p->text_space };
	return &p->text;
}

static enum reply_id
composed(struct protocol *p)
{
	text_end(&p->text);
	return RE_COMPOSED;
}

static const struct reply *
reply_of(const struct protocol *p, enum reply_id id)
{
	return id == RE_COMPOSED ? &p->composed : &replies[id];
}

static void
greeting(const struct protocol *p, struct text *t)
{
	text_string(t, p->config->hostname);
	if (p->config->banner[0] != '\0')
		text_char(t, ' ');
	text_string(t, p->config->banner);
}

static struct span
write_reply(struct protocol *p, const struct reply *r)
{
	p->wire = (struct text){ p->wire_space, 0, sizeof p->wire_space };
	text_reply(&p->wire, r, p->envelope.utf8 || p->utf8_asked);
	return text_span_of(&p->wire);
}

/* Tells the log, and gives the wire. */
static struct span
answer(struct protocol *p, const struct exchange *exchange)
{
	p->handler->answered(p->context, exchange);
	return write_reply(p, exchange->reply);
}

/* ---- commands: RFC 5321, 4.1.1 ---- */

/* What a verb may need.  Without a KNOWN one it is none of ours (500), without
 * the rest it is one that we do not have (502). */
enum feature {
	IN_SMTP = 1, IN_LMTP = 2, WITH_TERMINAL = 4, WITH_VRFY = 8, NEVER = 16,
	WITH_AUTH = 32, WITH_STARTTLS = 64, WITH_XCLIENT = 128,
	MODES = IN_SMTP | IN_LMTP, KNOWN = MODES | WITH_XCLIENT
};

enum state {
	START = 1,		/* no HELO yet */
	READY = 2,		/* no transaction */
	SENDER = 4,		/* MAIL, no recipient accepted */
	RECIPIENT = 8,		/* one at least */
	CHUNKS = 16,		/* a BDAT has come */
	ANY = 31,
	TRANSACTION = SENDER | RECIPIENT | CHUNKS
};

enum argument { NONE, NEEDED, ALLOWED, NAME, CHUNK };

enum kind {
	PLAIN,			/* each 5xx is an error of the client */
	ASKS,			/* about a user: a 5xx is a guess, no error */
	PIPELINED		/* can come before its client knows that it */
				/* may not: no error (RFC 2920, 3.1) */
};

/* Where --require-tls and --require-auth stand before a verb. */
enum guard { UNGUARDED, BEHIND_TLS, BEHIND_AUTH };

/* p->command is the row by which it is called. */
typedef enum reply_id verb_handler(struct protocol *p, struct span argument);

static verb_handler on_helo, on_ehlo, on_mail, on_rcpt, on_data, on_bdat,
    on_rset, on_vrfy, on_expn, on_help, on_noop, on_quit, on_auth,
    on_starttls, on_xclient, on_xforward;

static const struct command {
	const char *verb;
	unsigned needs;			/* enum feature */
	unsigned states;		/* in which it is legal */
	enum argument argument;
	enum kind kind;
	enum guard guard;
	unsigned announced;		/* an EHLO keyword with this feature */
	verb_handler *handle;
	const char *help;
} commands[] = {
	/* without a name too: there are devices that have none */
	{ "HELO", IN_SMTP, ANY, ALLOWED, PLAIN, UNGUARDED, 0,
	    on_helo, "HELO name: begin" },
	{ "EHLO", IN_SMTP, ANY, ALLOWED, PLAIN, UNGUARDED, 0,
	    on_ehlo, "EHLO name: begin, and hear what we can do" },
	{ "LHLO", IN_LMTP, ANY, NAME, PLAIN, UNGUARDED, 0,
	    on_ehlo, "LHLO name: begin, and hear what we can do" },
	{ "MAIL", 0, READY, NEEDED, PLAIN, BEHIND_AUTH, 0,
	    on_mail, "MAIL FROM:<sender> [parameters]: a new message" },
	{ "SEND", WITH_TERMINAL, READY, NEEDED, PLAIN, BEHIND_AUTH,
	    WITH_TERMINAL, on_mail,
	    "SEND FROM:<sender>: a message to the terminal" },
	{ "SOML", WITH_TERMINAL, READY, NEEDED, PLAIN, BEHIND_AUTH,
	    WITH_TERMINAL, on_mail,
	    "SOML FROM:<sender>: to the terminal or the mailbox" },
	{ "SAML", WITH_TERMINAL, READY, NEEDED, PLAIN, BEHIND_AUTH,
	    WITH_TERMINAL, on_mail,
	    "SAML FROM:<sender>: to the terminal and the mailbox" },
	{ "RCPT", 0, SENDER | RECIPIENT, NEEDED, ASKS, UNGUARDED, 0,
	    on_rcpt, "RCPT TO:<recipient> [parameters]: who is to get it" },
	{ "DATA", 0, SENDER | RECIPIENT, NONE, PIPELINED, UNGUARDED, 0,
	    on_data, "DATA: the message follows, up to a line with a dot" },
	{ "BDAT", 0, ANY, CHUNK, PIPELINED, UNGUARDED, 0,
	    on_bdat, "BDAT n [LAST]: n octets of the message follow" },
	{ "RSET", 0, ANY, NONE, PLAIN, UNGUARDED, 0,
	    on_rset, "RSET: forget the message" },
	{ "VRFY", 0, ANY, NEEDED, ASKS, BEHIND_AUTH, WITH_VRFY,
	    on_vrfy, "VRFY name: is there such a user?" },
	{ "EXPN", WITH_VRFY, ANY, NEEDED, ASKS, BEHIND_AUTH, WITH_VRFY,
	    on_expn, "EXPN name: who is on the list?" },
	{ "HELP", 0, ANY, ALLOWED, PLAIN, UNGUARDED, MODES,
	    on_help, "HELP [verb]: this text" },
	{ "NOOP", 0, ANY, ALLOWED, PLAIN, UNGUARDED, 0,
	    on_noop, "NOOP: nothing" },
	{ "TURN", NEVER, ANY, ALLOWED, PLAIN, UNGUARDED, 0,
	    NULL, NULL },
	{ "AUTH", WITH_AUTH, READY, NEEDED, PLAIN, BEHIND_TLS, 0,
	    on_auth, "AUTH mechanism [response]: say who you are" },
	{ "STARTTLS", WITH_STARTTLS, START | READY, NONE, PLAIN, UNGUARDED, 0,
	    on_starttls, "STARTTLS: go on in TLS" },
	{ "XCLIENT", WITH_XCLIENT, START | READY, NEEDED, PLAIN, UNGUARDED, 0,
	    on_xclient, "XCLIENT attribute=value ...: who the client is" },
	{ "XFORWARD", WITH_XCLIENT, START | READY, NEEDED, PLAIN, UNGUARDED, 0,
	    on_xforward, "XFORWARD attribute=value ...: whose message it is" },
	{ "QUIT", 0, ANY, NONE, PLAIN, UNGUARDED, 0,
	    on_quit, "QUIT: the end" },
};

enum { COMMANDS = sizeof commands / sizeof *commands };

/* What is no verb of ours. */
static const struct command unknown = {
	.verb = "", .states = ANY, .argument = ALLOWED, .kind = PLAIN
};

/* Do we have it, in this mode and as we are configured? */
static bool
is_on(const struct protocol *p, const struct command *row)
{
	return (row->needs & ~p->features) == 0;
}

static const struct command *
find_verb(const struct protocol *p, struct span verb)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (span_is(verb, commands[i].verb) &&
		    (commands[i].needs & KNOWN & ~p->features) == 0)
			return &commands[i];
	return &unknown;
}

/* Is it BDAT that is being answered? */
static bool
is_bdat(const struct protocol *p)
{
	return p->command->argument == CHUNK;
}

/* ---- the transaction ---- */

/* Of several faults the first is the one that is told. */
static void
latch(struct protocol *p, const struct reply *fault)
{
	assert(p->fault.code != 0 || fault->code >= 400);
	if (p->fault.code == 0)
		p->fault = *fault;
}

/* What the client did wrong, where no reply says it. */
static const char *
hint_of(const struct protocol *p)
{
	const char *hint = content_hint(&p->content);

	if (hint == NULL && !p->told && p->fault.code / 100 == 5)
		return p->fault.text;
	return hint;
}

static void
drop_message(struct protocol *p)
{
	if (p->begun)
		p->handler->discard(p->context, p->told ? &p->fault : NULL,
		    hint_of(p));
	p->begun = false;
}

/* Forgets the transaction, but for who the client says that it is. */
static void
forget_transaction(struct protocol *p)
{
	drop_message(p);
	if (p->state & TRANSACTION)
		p->state = READY;
	p->refused = p->deferred = false;
	p->fault.code = 0;
	p->told = false;
	envelope_reset(&p->envelope);
}

/* And whose the next message is. */
static void
reset(struct protocol *p)
{
	forget_transaction(p);
	if (p->forwarded)
		p->handler->forward_client(p->context, NULL);
	p->forwarded = false;
}

/* As after the greeting: a hello has to come. */
static void
start_anew(struct protocol *p)
{
	reset(p);
	p->state = START;
	p->authenticated = p->extended = p->put_off = false;
	envelope_forget_helo(&p->envelope);
}

/* What is decoded of the content, to the handler. */
static bool
append_octets(void *context, struct span octets)
{
	struct protocol *p = context;
	struct reply fault = { 0, NULL, NULL };

	if (p->fault.code == 0 &&
	    p->handler->append(p->context, octets, &fault))
		return true;
	latch(p, &fault);
	return false;
}

static enum content_form
form_of(const struct protocol *p)
{
	if (!is_bdat(p))
		return CONTENT_DATA;
	return p->envelope.body == BODY_BINARYMIME ? CONTENT_BINARY :
	    CONTENT_CHUNKS;
}

static void
start_message(struct protocol *p)
{
	struct reply fault = { 0, NULL, NULL };

	p->messages++;
	p->begun = true;
	content_begin(&p->content, &(struct content_rules){
	    .form = form_of(p),
	    .crlf = p->config->crlf,
	    .reject_bare_newlines = p->config->reject_bare_newlines,
	    .max_size = p->config->max_size,
	    .take = append_octets, .context = p });
	if (!p->handler->begin(p->context, &p->envelope, &fault))
		latch(p, &fault);
}

static enum reply_id
sequence_fault(const struct protocol *p)
{
	return p->state == START ? RE_NO_HELLO : RE_SEQUENCE;
}

/* Why a message cannot begin; RE_NONE where it can. */
static enum reply_id
message_fault(const struct protocol *p)
{
	bool binary = p->envelope.body == BODY_BINARYMIME;
	bool tried = p->refused || p->deferred;

	if (p->envelope.recipients > 0)
		return binary && !is_bdat(p) ? RE_SEQUENCE : RE_NONE;
	if (!tried || p->config->lmtp)	/* RFC 2033, 4.2: 503 all the same */
		return sequence_fault(p);
	return p->deferred ? RE_ALL_DEFERRED : RE_ALL_REFUSED;
}

/* ---- the message ---- */

/* A chunk outside of a transaction ends none. */
static void
end_transaction(struct protocol *p)
{
	if ((p->state & TRANSACTION) != 0)
		reset(p);
	else
		forget_transaction(p);
}

/* The message, or the chunk, is whole: so many replies are due. */
static void
replies_due(struct protocol *p)
{
	p->due = p->last && p->config->lmtp ? p->envelope.recipients : 1;
	p->answered = 0;
	p->wants = PROTOCOL_REPLY;
	if (p->due == 0) {
		end_transaction(p);
		p->wants = PROTOCOL_LINE;
	}
}

/* A fault of the content becomes the reply; append's has been latched. */
static void
latch_content(struct protocol *p)
{
	static const enum reply_id ids[] = {
		[CONTENT_OK] = RE_NONE,
		[CONTENT_TOO_LARGE] = RE_TOO_LARGE,
		[CONTENT_BARE_NEWLINE] = RE_BARE_NEWLINE,
		[CONTENT_LOOP] = RE_LOOP,
		[CONTENT_NOT_TAKEN] = RE_NONE,
	};
	enum reply_id id = ids[p->content.fault];

	if (id != RE_NONE)
		latch(p, &replies[id]);
}

static size_t
decode_octets(struct protocol *p, char *octets, size_t len)
{
	len = content_decode(&p->content, octets, len);
	latch_content(p);
	return len;
}

static void
end_chunk(struct protocol *p)
{
	if (p->last && p->begun) {
		content_end(&p->content);
		latch_content(p);
	}
	replies_due(p);
}

/* They are read whatever became of the message. */
static size_t
chunk_octets(struct protocol *p, char *octets, size_t len)
{
	if (len > p->chunk)
		len = (size_t)p->chunk;
	p->chunk -= len;
	if (p->begun)
		decode_octets(p, octets, len);
	if (p->chunk == 0)
		end_chunk(p);
	return len;
}

size_t
protocol_content(struct protocol *p, char *octets, size_t len)
{
	assert(p->wants == PROTOCOL_CONTENT);
	if (is_bdat(p))
		return chunk_octets(p, octets, len);
	len = decode_octets(p, octets, len);
	if (content_is_whole(&p->content))
		replies_due(p);
	return len;
}

bool
protocol_commits(const struct protocol *p)
{
	return p->begun && p->last && p->fault.code == 0 && !p->stopped;
}

/* The last one ends what begin began. */
static void
commit_message(struct protocol *p, struct reply *verdict)
{
	p->begun = p->answered + 1 < p->due;
	p->handler->commit(p->context, p->config->lmtp ? p->answered :
	    PROTOCOL_ALL, verdict);
}

/* What is said where there is nothing to commit. */
static const struct reply *
due_reply(const struct protocol *p)
{
	if (p->stopped)
		return &replies[RE_STOP];
	return p->fault.code != 0 ? &p->fault : &replies[RE_CHUNK];
}

/* After the last reply to a message or a chunk: either goes on with the next
 * chunk, or is over, as is one that came outside of a transaction. */
static void
replies_done(struct protocol *p)
{
	if (p->last || p->stopped || (p->state & TRANSACTION) == 0)
		end_transaction(p);
	p->wants = p->stopped ? PROTOCOL_CLOSE : PROTOCOL_LINE;
}

struct span
protocol_next(struct protocol *p)
{
	struct reply verdict = { 0, NULL, NULL };
	const struct reply *reply = &verdict;
	bool message = p->begun;
	struct span wire;

	assert(p->wants == PROTOCOL_REPLY);
	if (protocol_commits(p))
		commit_message(p, &verdict);
	else
		reply = due_reply(p);
	if (reply == &p->fault)
		p->told = true;
	wire = answer(p, &(struct exchange){ .verb = p->command->verb,
	    .line = text_span_of(&p->chunk_line), .reply = reply,
	    .message = message });
	p->chunk_line.len = 0;
	if (++p->answered == p->due)
		replies_done(p);
	return wire;
}

/* ---- what MAIL and RCPT have in common ---- */

static enum reply_id
take_parameters(struct protocol *p, struct span words, enum side side,
    struct text *options)
{
	static const enum reply_id ids[] = {
		[PARAMETER_OK] = RE_NONE,
		[PARAMETER_UNKNOWN] = RE_UNKNOWN_PARAMETER,
		[PARAMETER_BAD] = RE_PARAMETER,
		[PARAMETER_TOO_LARGE] = RE_TOO_LARGE,
	};

	return ids[parameters_take(&p->envelope, &(struct parameter_rules){
	    p->config->max_size, p->config->crlf }, side, words, options,
	    &p->parameter)];
}

/* "FROM:<path> [parameters]" and "TO:<path> [parameters]". */
static enum reply_id
parse_side(struct protocol *p, struct span argument, enum side side,
    struct mailbox *m, struct text *options)
{
	static const enum reply_id bad[] = {
		[OF_MAIL] = RE_BAD_SENDER,
		[OF_RCPT] = RE_BAD_RECIPIENT,
	};
	enum path path = path_take(&argument, side == OF_MAIL ? "FROM:" :
	    "TO:", p->path, m);

	if (path == PATH_SYNTAX)
		return RE_SYNTAX;
	if (path == PATH_BAD || (m->whole.len == 0 && side == OF_RCPT))
		return bad[side];
	p->about = m->whole.len > 0 ? m->whole : span_of("<>");
	return take_parameters(p, argument, side, options);
}

/* ---- one handler a verb ---- */

static const char *
protocol_name(const struct protocol *p, bool utf8)
{
	return p->extended ? envelope_protocol(p->config->lmtp, utf8, p->tls,
	    p->authenticated) : "SMTP";
}

static bool
greet(struct protocol *p, struct span argument, bool extended)
{
	if (address_is_function(argument))
		return false;
	reset(p);
	p->state = READY;
	envelope_set_helo(&p->envelope, argument);
	p->extended = extended;
	p->envelope.with = protocol_name(p, false);
	return true;
}

static enum reply_id
on_helo(struct protocol *p, struct span argument)
{
	if (!greet(p, argument, false))
		return RE_HELO;
	text_string(compose(p, 250, NULL), p->config->hostname);
	return composed(p);
}

/* Would AUTH be listened to now? */
static bool
may_authenticate(const struct protocol *p)
{
	return p->config->auth && !p->authenticated && (p->tls ||
	    (p->config->auth_in_clear && !p->config->require_tls));
}

static void
announce_limits(const struct protocol *p, struct text *t)
{
	if (p->config->max_messages > 0) {
		text_string(t, " MAILMAX=");
		text_number(t, p->config->max_messages);
	}
	text_string(t, " RCPTMAX=");
	text_number(t, p->config->max_recipients);
}

/* The greeting's lines: what works, and nothing else. */
static void
announce(const struct protocol *p, struct text *t)
{
	size_t i;

	text_string(t, p->config->hostname);
	text_string(t, "\nPIPELINING\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES"
	    "\nCHUNKING");
	if (p->config->crlf)
		text_string(t, "\nBINARYMIME");
	if (p->config->dsn)
		text_string(t, "\nDSN");
	if (p->config->starttls && !p->tls)
		text_string(t, "\nSTARTTLS");
	if (may_authenticate(p))
		text_string(t, "\nAUTH PLAIN LOGIN");
	if (p->may_rename)
		text_string(t, "\nXCLIENT NAME ADDR PORT PROTO HELO LOGIN "
		    "DESTADDR DESTPORT\nXFORWARD NAME ADDR PORT PROTO HELO");
	text_string(t, "\nSIZE ");
	text_number(t, p->config->max_size);
	text_string(t, "\nLIMITS");
	announce_limits(p, t);
	for (i = 0; i < COMMANDS; i++) {
		if ((commands[i].announced & p->features) == 0)
			continue;
		text_char(t, '\n');
		text_string(t, commands[i].verb);
	}
}

static enum reply_id
on_ehlo(struct protocol *p, struct span argument)
{
	if (!greet(p, argument, true))
		return RE_HELO;
	announce(p, compose(p, 250, NULL));
	return composed(p);
}

_Static_assert((int)ENVELOPE_OPTIONS_MAX >= (int)PROTOCOL_LINE_MAX,
    "all parameters of a line fit");

static enum reply_id
check_sender(struct protocol *p, struct span argument, struct mailbox *sender)
{
	struct envelope *e = &p->envelope;
	struct text options = { e->options_text, 0, sizeof e->options_text };
	enum reply_id fault = parse_side(p, argument, OF_MAIL, sender,
	    &options);

	if (fault != RE_NONE)
		return fault;
	e->options = text_span_of(&options);
	if (p->config->max_messages > 0 &&
	    p->messages >= p->config->max_messages)
		return RE_MESSAGES;
	return RE_NONE;
}

/* SEND, SOML and SAML too. */
static enum reply_id
on_mail(struct protocol *p, struct span argument)
{
	struct envelope *e = &p->envelope;
	struct mailbox sender;
	enum reply_id fault = check_sender(p, argument, &sender);

	if (fault != RE_NONE) {
		forget_transaction(p);
		return fault;
	}
	envelope_set_sender(e, sender);
	e->verb = p->command->verb;
	e->with = protocol_name(p, e->utf8);
	p->state = SENDER;
	p->mailed = true;
	return RE_SENDER;
}

/* Syntax, parameters and room for one more; the address is left in p->to. */
static enum reply_id
check_recipient(struct protocol *p, struct span argument, struct text *options)
{
	enum reply_id fault = parse_side(p, argument, OF_RCPT, &p->to, options);

	if (fault != RE_NONE)
		return fault;
	return p->envelope.recipients < p->config->max_recipients &&
	    envelope_has_room(&p->envelope, &p->to, text_span_of(options)) ?
	    RE_NONE : RE_RECIPIENTS;
}

/* A handler's own reply where it chose one. */
static enum reply_id
own_reply(struct protocol *p, const struct reply *own, enum reply_id usual)
{
	if (own->code == 0)
		return usual;
	p->composed = *own;
	return RE_COMPOSED;
}

/* What was composed, as one line with its codes. */
static bool
fits_line(const struct protocol *p)
{
	return sizeof "250 2.1.5 \r\n" - 1 + p->text.len <=
	    REPLY_LINE_MAX;
}

/* UTF-8 is shown to who has asked for it, by RCPT; VRFY sees to it itself. */
static enum reply_id
will_forward(struct protocol *p, enum lookup_verb verb)
{
	bool shown = verb != LOOKUP_RCPT || p->envelope.utf8 ||
	    !span_any(p->to.whole, is_8bit);

	text_string(compose(p, 251, "2.1.5"),
	    "User not local; will forward to <");
	text_span(&p->text, p->to.whole);
	text_char(&p->text, '>');
	return shown && fits_line(p) ? composed(p) : RE_RECIPIENT;
}

/* A valid name.  VRFY and EXPN say what it stands for; or that it is there, if
 * it is a mailbox itself. */
static enum reply_id
valid_user(struct protocol *p, enum lookup_verb verb)
{
	struct mailbox m;

	if (verb == LOOKUP_RCPT)
		return RE_RECIPIENT;
	if (p->text.len > 0)
		return composed(p);
	if (address_is_mailbox(p->to.whole, &m))
		text_mailbox(&p->text, &m, span_of(p->config->domain));
	if (p->text.len > 0 && fits_line(p))
		return composed(p);
	return verb == LOOKUP_VRFY ? RE_VRFY : RE_NO_USER;
}

/* Some clients go on behind a 454, and are not to bounce for our fault. */
static enum reply_id
or_later(const struct protocol *p, enum reply_id id)
{
	return p->put_off ? RE_PUT_OFF : id;
}

/* Asks the handler whether the name is taken, and what to say of it. */
static enum reply_id
check_user(struct protocol *p, enum lookup_verb verb, struct span options,
    enum forward_result *forward)
{
	static const enum reply_id usual[] = {
		[AMBIGUOUS_USER] = RE_AMBIGUOUS,
		[UNKNOWN_USER] = RE_NO_USER,
		[LOOKUP_ERROR] = RE_LOOKUP,
	};
	struct reply own = { 0, NULL, NULL };
	struct lookup l = { verb, p->to, options, &p->envelope, &p->text };
	enum lookup_result user;

	*forward = p->handler->forward_domain(p->context, &l, &own);
	if (*forward == CANNOT_FORWARD ||
	    (*forward == WILL_FORWARD && verb == LOOKUP_EXPN))
		return own_reply(p, &own, verb == LOOKUP_RCPT ?
		    or_later(p, RE_RELAY) : RE_NO_USER);
	if (*forward == WILL_FORWARD)
		return own_reply(p, &own, will_forward(p, verb));
	compose(p, 250, "2.1.5")->size = PROTOCOL_EXPANDED_MAX;
	user = p->handler->look_up_name(p->context, &l, &own);
	return user == VALID_USER ? valid_user(p, verb) :
	    own_reply(p, &own, usual[user]);
}

static enum reply_id
on_rcpt(struct protocol *p, struct span argument)
{
	struct text options = envelope_next_options(&p->envelope);
	enum forward_result forward = LOCAL_DOMAIN;
	enum reply_id id = check_recipient(p, argument, &options);

	if (id == RE_NONE)
		id = check_user(p, LOOKUP_RCPT,
		    text_span_of(&options), &forward);
	if (reply_of(p, id)->code / 100 == 2) {
		envelope_add(&p->envelope, &p->to, options.len, forward);
		p->state = RECIPIENT;
	}
	return id;
}

static enum reply_id
on_data(struct protocol *p, struct span argument)
{
	enum reply_id fault = message_fault(p);

	(void)argument;
	if (fault != RE_NONE)
		return fault;
	p->last = true;
	start_message(p);
	p->wants = PROTOCOL_CONTENT;
	return RE_DATA;
}

/* "n" or "n LAST", to the letter (RFC 3030, 2). */
static bool
parse_chunk(struct protocol *p, struct span argument)
{
	struct span size = span_take_word(&argument);
	struct span last = span_take_word(&argument);

	p->last = last.len > 0;
	return span_number(size, UINT64_MAX, &p->chunk) && argument.len == 0 &&
	    (!p->last || span_is(last, "LAST"));
}

/* Whatever the chunk is, its octets follow and are read. */
static enum reply_id
on_bdat(struct protocol *p, struct span argument)
{
	enum reply_id fault;

	if (!parse_chunk(p, argument))
		return RE_LOST;
	if (p->state != CHUNKS) {
		fault = message_fault(p);
		if (fault != RE_NONE)
			latch(p, &replies[fault]);
		else
			start_message(p);
		if (p->state & TRANSACTION)
			p->state = CHUNKS;
	}
	p->wants = PROTOCOL_CONTENT;
	if (p->chunk == 0)
		end_chunk(p);
	return RE_NONE;
}

static enum reply_id
on_rset(struct protocol *p, struct span argument)
{
	(void)argument;
	reset(p);
	return RE_OK;
}

/* RFC 6531, 3.7.4.2: takes "SMTPUTF8" off the end of *s. */
static bool
take_utf8(struct span *s)
{
	static const char word[] = "SMTPUTF8";
	size_t len = sizeof word - 1;

	if (s->len <= len || !is_blank(s->ptr[s->len - len - 1]) ||
	    !span_is(span_skip(*s, s->len - len), word))
		return false;
	*s = without_end(span_first(*s, s->len - len));
	return true;
}

static enum reply_id
show_name(struct protocol *p, struct span name, enum lookup_verb verb)
{
	enum forward_result forward;
	enum reply_id id;

	p->utf8_asked = take_utf8(&name);
	if (!path_parse_name(name, p->path, &p->to))
		return RE_BAD_RECIPIENT;
	p->about = p->to.whole;
	id = check_user(p, verb, empty, &forward);
	if (p->utf8_asked || reply_of(p, id)->code / 100 != 2 ||
	    !span_any(span_of(reply_of(p, id)->text), is_8bit))
		return id;
	return verb == LOOKUP_VRFY ? RE_VRFY_UTF8 : RE_EXPN_UTF8;
}

static enum reply_id
on_vrfy(struct protocol *p, struct span argument)
{
	return p->config->vrfy ? show_name(p, argument, LOOKUP_VRFY) : RE_VRFY;
}

static enum reply_id
on_expn(struct protocol *p, struct span argument)
{
	return show_name(p, argument, LOOKUP_EXPN);
}

static enum reply_id
on_help(struct protocol *p, struct span argument)
{
	const struct command *row = find_verb(p, argument);
	struct text *t = compose(p, 214, "2.0.0");
	size_t i;

	if (argument.len > 0) {
		if (row == &unknown || !is_on(p, row))
			return RE_NO_TOPIC;
		text_string(t, row->help);
		return composed(p);
	}
	text_string(t, "smtpd");
	for (i = 0; i < COMMANDS; i++) {
		if (!is_on(p, &commands[i]))
			continue;
		text_char(t, '\n');
		text_string(t, commands[i].help);
	}
	return composed(p);
}

static enum reply_id
on_noop(struct protocol *p, struct span argument)
{
	(void)p, (void)argument;
	return RE_OK;
}

static enum reply_id
on_quit(struct protocol *p, struct span argument)
{
	(void)argument;
	drop_message(p);
	p->wants = PROTOCOL_CLOSE;
	p->reason = PROTOCOL_QUIT;
	return RE_BYE;
}

/* ---- TLS and AUTH: RFC 3207, RFC 4954 ---- */

static enum reply_id
on_starttls(struct protocol *p, struct span argument)
{
	(void)argument;
	if (p->tls)
		return RE_SEQUENCE;
	p->wants = PROTOCOL_TLS;
	return RE_NONE;
}

static enum reply_id
authenticate(struct protocol *p)
{
	static const enum reply_id ids[] = {
		[AUTH_ACCEPTED] = RE_AUTH,
		[AUTH_REFUSED] = RE_AUTH_REFUSED,
		[AUTH_ERROR] = RE_AUTH_ERROR,
	};
	enum auth_result result = p->handler->authenticate(p->context,
	    &p->sasl);

	p->authenticated = result == AUTH_ACCEPTED;
	p->put_off = result == AUTH_ERROR;
	p->envelope.with = protocol_name(p, false);
	return ids[result];
}

static enum reply_id
take_proof(struct protocol *p, enum sasl_step step)
{
	static const enum reply_id ids[] = {
		[SASL_OTHER_IDENTITY] = RE_AUTH_REFUSED,
		[SASL_BAD] = RE_AUTH_SYNTAX,
		[SASL_CANCELLED] = RE_AUTH_CANCELLED,
		[SASL_UNKNOWN] = RE_NO_MECHANISM,
	};

	p->in_dialogue = step == SASL_ASK;
	if (step == SASL_DONE)
		return authenticate(p);
	if (step != SASL_ASK)
		return ids[step];
	text_string(compose(p, 334, NULL), p->sasl.challenge);
	return composed(p);
}

static enum reply_id
on_auth(struct protocol *p, struct span argument)
{
	if (p->authenticated)
		return RE_SEQUENCE;
	if (!may_authenticate(p))
		return or_later(p, RE_AUTH_IN_CLEAR);
	return take_proof(p, sasl_begin(&p->sasl, argument));
}

/* A line of AUTH's dialogue, which is no command. */
static enum reply_id
dispatch_proof(struct protocol *p, struct span line, bool whole)
{
	p->in_dialogue = false;
	return whole ? take_proof(p, sasl_continue(&p->sasl, line)) :
	    RE_AUTH_LINE;
}

/* Is this reply a verdict on somebody, if only by what he wants to be? */
static bool
is_verdict(const struct protocol *p, enum reply_id id)
{
	return p->command->handle == on_auth && (id == RE_AUTH ||
	    id == RE_AUTH_REFUSED || id == RE_AUTH_ERROR);
}

/* ---- who is in front of us: Postfix's XCLIENT and XFORWARD ---- */

static enum reply_id
on_xclient(struct protocol *p, struct span argument)
{
	struct xclient x;

	if (!p->may_rename)
		return RE_NO_RIGHT;
	if (!xclient_parse(argument, false, &x))
		return RE_ARGUMENT;
	start_anew(p);
	p->authenticated = x.login[0] != '\0';
	p->may_rename = p->handler->rename_client(p->context, &x);
	greeting(p, compose(p, 220, NULL));
	return composed(p);
}

static enum reply_id
on_xforward(struct protocol *p, struct span argument)
{
	struct xclient x;

	if (!p->may_rename)
		return RE_NO_RIGHT;
	if (!xclient_parse(argument, true, &x))
		return RE_ARGUMENT;
	p->forwarded = true;
	p->handler->forward_client(p->context, &x);
	return RE_OK;
}

/* ---- one command line ---- */

/* RFC 9110, 5.6.2 */
static bool
is_token(char c)
{
	return is_alnum(c) ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* A browser, or a page that makes one speak to us: an HTTP verb, or
 * "Name: value", before anything that is ours; or a message's header, from who
 * did not look at the reply to DATA. */
static bool
is_browser(struct span line)
{
	static const char *const verbs[] = { "GET", "HEAD", "POST", "PUT",
	    "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI" };
	size_t i;

	for (i = 0; i < line.len && is_token(line.ptr[i]); i++)
		;
	if (i > 0 && i < line.len && line.ptr[i] == ':')
		return true;
	line = span_take_word(&line);
	for (i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (span_is(line, verbs[i]))
			return true;
	return false;
}

/* What has to come first. */
static enum reply_id
check_guard(const struct protocol *p)
{
	enum guard guard = p->command->guard;

	if (guard >= BEHIND_TLS && p->config->require_tls && !p->tls)
		return p->config->starttls ? or_later(p, RE_NEEDS_TLS) :
		    RE_NO_WAY_TO_TLS;
	return guard >= BEHIND_AUTH && p->config->require_auth &&
	    !p->authenticated ? or_later(p, RE_NEEDS_AUTH) : RE_NONE;
}

/* What the table alone can say against a line; RE_NONE: nothing. */
static enum reply_id
check_command(const struct protocol *p, struct span argument)
{
	const struct command *row = p->command;
	bool none = argument.len == 0;

	if (row->argument == NAME && none)
		return RE_HELO;
	if ((row->argument == NEEDED && none) ||
	    (row->argument == NONE && !none))
		return RE_ARGUMENT;
	if (!is_on(p, row))
		return RE_DISABLED;
	if ((row->states & p->state) == 0)
		return sequence_fault(p);
	return check_guard(p);
}

/* The verb of a line: octets up to a blank or a control. */
static struct span
verb_of(struct span line)
{
	struct span verb = span_take_word(&line);
	size_t n = 0;

	while (n < verb.len && !is_control(verb.ptr[n]))
		n++;
	return span_first(verb, n);
}

/* Does the cut of a line hide its verb, behind blanks, or the rest of it?  It
 * may be BDAT then. */
static bool
is_hidden(struct span line)
{
	struct span verb = span_take_word(&line);

	return verb.len < 4 && line.len == 0;
}

/* What is wrong with the line as such; RE_NONE: nothing.  Where it may be BDAT,
 * nobody knows how many octets follow. */
static enum reply_id
check_line(const struct protocol *p, struct span line, bool whole)
{
	bool foreign = p->command == &unknown;
	bool garbled = !whole || span_any(line, is_stray_control);
	bool chunk = is_bdat(p) || (!whole && is_hidden(line));

	if (foreign && !p->spoke && is_browser(line))
		return RE_BROWSER;
	if (garbled)
		return chunk ? RE_LOST : RE_LINE;
	return foreign ? RE_UNKNOWN : RE_NONE;
}

static enum reply_id
dispatch(struct protocol *p, struct span line, bool whole)
{
	enum reply_id fault = check_line(p, line, whole);

	if (fault != RE_NONE)
		return fault;
	span_take_word(&line);
	fault = check_command(p, line);
	if (fault == RE_NONE)
		fault = p->command->handle(p, line);
	/* there are clients that send the message all the same */
	p->spoke = p->command->handle != on_data || fault == RE_DATA;
	return fault;
}

/* For what DATA says where no RCPT was accepted. */
static void
count_recipient(struct protocol *p, enum reply_id id)
{
	const struct command *row = p->command;
	int class = reply_of(p, id)->code / 100;

	if (row->handle != on_rcpt || (row->states & p->state) == 0)
		return;
	p->deferred |= class == 4;
	p->refused |= class == 5;
}

/* A name that is refused, by us or by a reply that the handler chose.  In LMTP
 * it is a mail system that asks. */
static bool
is_guess(const struct protocol *p, enum reply_id id)
{
	int code = reply_of(p, id)->code;

	return p->command->kind == ASKS && !p->config->lmtp &&
	    (code == 550 || code == 553);
}

static bool
is_error(const struct protocol *p, enum reply_id id)
{
	bool too_early = id == RE_NO_HELLO || id == RE_SEQUENCE ||
	    id == RE_ALL_REFUSED;

	return p->command->kind != ASKS &&
	    !(p->command->kind == PIPELINED && too_early) &&
	    reply_of(p, id)->code / 100 == 5;
}

/* One too many becomes 421 in the place of its own reply. */
static enum reply_id
count_error(struct protocol *p, enum reply_id id)
{
	unsigned long long max = p->config->max_errors;

	if (is_guess(p, id) && ++p->guesses > PROTOCOL_GUESSES_MAX)
		return RE_ERRORS;
	if (is_error(p, id) && ++p->errors >= max && max > 0)
		return RE_ERRORS;
	return id;
}

/* Those 421 that answer a command. */
static void
close_after(struct protocol *p, enum reply_id id)
{
	if (id != RE_ERRORS && id != RE_BROWSER && id != RE_LOST)
		return;
	drop_message(p);
	p->wants = PROTOCOL_CLOSE;
	p->reason = id == RE_LOST ? PROTOCOL_LOST : PROTOCOL_ERRORS;
}

bool
protocol_asks(const struct protocol *p, struct span line)
{
	const struct protocol_config *c = p->config;
	const struct command *row;

	if (p->in_dialogue || !(c->auth || c->slow_look_up))
		return p->in_dialogue;
	row = find_verb(p, verb_of(line));
	return row->handle == on_auth ? c->auth :
	    row->kind == ASKS && c->slow_look_up;
}

/* Of a verb that is none: was it to be AUTH? */
static bool
is_nearly_auth(struct span line)
{
	struct span word = span_take_word(&line);

	while (word.len > 0 && !span_starts(word, span_of("AUTH")))
		word = span_skip(word, 1);
	return word.len > 0;
}

/* What the log may show of AUTH: the verb, and a mechanism that is known by its
 * name; the proof may stand in the place of one, or be joined to it. */
static struct span
without_proof(struct span line)
{
	struct span rest = line, shown = verb_of(line);
	bool whole = span_take_word(&rest).len == shown.len;
	struct span word = span_take_word(&rest);

	if (whole && sasl_is_mechanism(word))
		shown = word;
	return span_until(line, shown.ptr + shown.len);
}

/* What the log may show of the line.  Behind an AUTH that was refused, or was
 * none, a client may go on with what it had to say. */
static void
show_line(struct protocol *p, struct exchange *x, struct span line)
{
	bool foreign = p->command == &unknown;

	p->auth_failed = foreign && (p->auth_failed || is_nearly_auth(line));
	p->proof = p->auth_failed || p->command->handle == on_auth;
	if (p->command->handle == on_auth)
		x->line = without_proof(line);
	else if (p->auth_failed)
		x->hidden = line.len;
	else
		x->line = line;
}

/* The reply to a command, or to a line of AUTH's dialogue. */
static struct span
answer_command(struct protocol *p, struct exchange *x, enum reply_id id)
{
	struct span wire;

	x->verb = p->command->verb;
	x->mailbox = p->about;
	x->sender = p->command->handle == on_mail;
	x->parameter = p->parameter;
	x->who = is_verdict(p, id) ? &p->sasl : NULL;
	id = count_error(p, id);
	close_after(p, id);
	x->reply = reply_of(p, id);
	if (id == RE_NO_WAY_TO_TLS && !p->advised) {
		x->advice = advice_no_tls;
		p->advised = true;
	}
	if (p->command->handle == on_auth && x->reply->code >= 400)
		p->auth_failed = true;
	wire = answer(p, x);
	if (p->command->handle == on_auth && !p->in_dialogue)
		sasl_forget(&p->sasl);
	return wire;
}

struct span
protocol_command(struct protocol *p, struct span line)
{
	bool whole = line.len > 0 && line.ptr[line.len - 1] == '\n';
	struct exchange x = { .line = empty };
	enum reply_id id;

	assert(p->wants == PROTOCOL_LINE);
	p->about = p->parameter = empty;
	p->utf8_asked = false;
	p->chunk_line.len = 0;
	if (p->in_dialogue)	/* p->proof is what AUTH's line made it */
		return answer_command(p, &x, dispatch_proof(p,
		    without_end(line), whole));
	p->command = find_verb(p, verb_of(line));
	line = without_end(line);
	if (p->command->handle == on_mail || p->command->kind == ASKS)
		p->about = path_words(line);
	show_line(p, &x, line);
	id = dispatch(p, line, whole);
	count_recipient(p, id);
	if (id != RE_NONE)
		return answer_command(p, &x, id);
	/* the reply comes later: behind the chunk, or from who does TLS */
	text_span(&p->chunk_line, line);
	return empty;
}

struct span
protocol_start_tls(struct protocol *p, enum protocol_tls how)
{
	static const enum reply_id ids[] = {
		[TLS_READY] = RE_TLS,
		[TLS_NOT_NOW] = RE_TLS_NOT_NOW,
		[TLS_PIPELINED] = RE_TLS_PIPELINED,
	};

	assert(p->wants == PROTOCOL_TLS);
	p->wants = how == TLS_PIPELINED ? PROTOCOL_CLOSE : PROTOCOL_LINE;
	p->reason = PROTOCOL_PIPELINED;
	p->put_off |= how == TLS_NOT_NOW;
	return answer(p, &(struct exchange){ .verb = p->command->verb,
	    .line = text_span_of(&p->chunk_line),
	    .reply = &replies[ids[how]] });
}

void
protocol_tls_is_up(struct protocol *p)
{
	start_anew(p);
	p->tls = true;
}

/* ---- the session ---- */

void
protocol_open(struct protocol *p, const struct protocol_config *config,
    const struct protocol_handler *handler, void *context)
{
	p->config = config;
	p->handler = handler;
	p->context = context;
	p->features = config->lmtp ? IN_LMTP : IN_SMTP;
	if (config->terminal)
		p->features |= WITH_TERMINAL;
	if (config->vrfy)
		p->features |= WITH_VRFY;
	if (config->auth)
		p->features |= WITH_AUTH;
	if (config->starttls)
		p->features |= WITH_STARTTLS;
	if (config->xclient)
		p->features |= WITH_XCLIENT;
	p->tls = config->tls;
	p->may_rename = config->may_rename;
	p->chunk_line = (struct text){ p->chunk_text, 0,
	    sizeof p->chunk_text };
	p->state = START;
	p->wants = PROTOCOL_LINE;
	envelope_reset(&p->envelope);
}

struct span
protocol_greeting(struct protocol *p)
{
	char space[REPLY_LINE_MAX + 1];	/* an idle session touches no more */
	struct text t = text_in(space, sizeof space);

	greeting(p, &t);
	text_end(&t);
	return write_reply(p, &(struct reply){ 220, NULL, space });
}

struct span
protocol_end(struct protocol *p, enum protocol_reason reason)
{
	static const enum reply_id ids[] = {
		[PROTOCOL_TIMEOUT] = RE_TIMEOUT,
		[PROTOCOL_STOP] = RE_STOP,
		[PROTOCOL_PROXY] = RE_PROXY,
		[PROTOCOL_ERROR] = RE_NONE,
	};

	p->reason = reason;
	if (reason == PROTOCOL_STOP && p->wants == PROTOCOL_REPLY) {
		p->stopped = true;
		return empty;
	}
	drop_message(p);
	if (p->in_dialogue)
		sasl_forget(&p->sasl);
	p->wants = PROTOCOL_CLOSE;
	if (ids[reason] == RE_NONE)
		return empty;
	return answer(p, &(struct exchange){ .reply = &replies[ids[reason]],
	    .advice = reason == PROTOCOL_PROXY ? advice_proxy : NULL });
}

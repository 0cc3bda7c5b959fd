#include "speaker.h"

#include <assert.h>
#include <unistd.h>

/* ---- packets ---- */

enum { ROOM = 20 * 1024 };		/* octets of the largest frame, and more */

/* Without the doer there is nothing to go on for. */
static _Noreturn void
give_up(void)
{
	_exit(1);
}

static void
send_packet(struct speaker *s)
{
	assert(s->out.len < s->out.size);
	if (write(s->pair, s->out.ptr, s->out.len) < 0)
		give_up();
	s->out.len = 0;
}

static struct text *
add(struct speaker *s, enum frame frame)
{
	if (s->out.len > sizeof s->out_space - ROOM)
		send_packet(s);
	if (s->out.len == 0)
		s->out = (struct text){ s->out_space, 0,
		    sizeof s->out_space };
	frame_number(&s->out, frame);
	return &s->out;
}

/* What the doer says next: it is to be taken apart. */
static struct span
receive(struct speaker *s, unsigned long long *says)
{
	ssize_t n = read(s->pair, s->in_space, sizeof s->in_space);
	struct span packet = { s->in_space, n > 0 ? (size_t)n : 0 };

	if (!frame_take_number(&packet, DOER_ANSWERS_AND_STOPS, says))
		give_up();
	s->stops |= *says != DOER_ANSWERS;
	return packet;
}

/* The answer to what was sent, whatever comes before it. */
static struct span
answer(struct speaker *s)
{
	unsigned long long says;
	struct span packet;

	send_packet(s);
	do
		packet = receive(s, &says);
	while (says == DOER_STOPS);
	return packet;
}

static unsigned long long
take_number(struct span *packet)
{
	unsigned long long number;

	if (!frame_take_number(packet, ~0ULL, &number))
		give_up();
	return number;
}

static struct reply
take_reply(struct span *packet)
{
	struct reply reply;

	if (!frame_take_reply(packet, &reply))
		give_up();
	return reply;
}

/* What is answered by a number, or a reply, alone. */
static unsigned long long
answer_number(struct speaker *s)
{
	struct span packet = answer(s);

	return take_number(&packet);
}

static struct reply
answer_reply(struct speaker *s)
{
	struct span packet = answer(s);

	return take_reply(&packet);
}

/* ---- what the doer has to know of the session before it is asked ---- */

/* A hello and MAIL, where any of it is news. */
static void
tell_transaction(struct speaker *s)
{
	const struct envelope *e = &s->session->envelope;
	bool greeted = e->with != NULL;
	struct text *t;

	if (s->greeted == greeted && s->transaction == e->transaction &&
	    s->verb == e->verb)
		return;
	s->greeted = greeted;
	s->transaction = e->transaction;
	s->verb = e->verb;
	t = add(s, FRAME_TRANSACTION);
	frame_string(t, e->with);
	frame_octets(t, e->helo);
	frame_string(t, e->verb);
	frame_octets(t, e->sender.whole);
	frame_octets(t, e->options);
}

/* ---- the handler ---- */

/* Will the doer take it?  Then nobody need wait until it says so. */
static bool
is_sure(const struct speaker *s, const struct lookup *l,
    enum forward_result *forward)
{
	struct reply own = { 0, NULL, NULL };

	if (s->policy == NULL || l->verb != LOOKUP_RCPT)
		return false;
	*forward = s->policy(s->policy_context, l, &own);
	return *forward != CANNOT_FORWARD && own.code == 0;
}

/* Asks about the user too, for that is what comes next. */
static enum forward_result
forward_domain(void *speaker, const struct lookup *l, struct reply *reply)
{
	struct speaker *s = speaker;
	enum forward_result forward = LOCAL_DOMAIN;
	bool sure = is_sure(s, l, &forward);
	struct span packet;
	struct text *t;

	tell_transaction(s);
	t = add(s, FRAME_ASK);
	frame_number(t, l->verb);
	frame_octets(t, l->name.whole);
	frame_octets(t, l->options);
	frame_number(t, sure);
	s->user = VALID_USER;
	s->own.code = 0;
	s->expanded = span_of("");
	if (sure)
		return forward;
	packet = answer(s);
	forward = (enum forward_result)take_number(&packet);
	*reply = take_reply(&packet);
	s->user = (enum lookup_result)take_number(&packet);
	s->own = take_reply(&packet);
	if (!frame_take_octets(&packet, PROTOCOL_EXPANDED_MAX, &s->expanded))
		give_up();
	return forward;
}

static enum lookup_result
look_up_name(void *speaker, const struct lookup *l, struct reply *reply)
{
	const struct speaker *s = speaker;

	*reply = s->own;
	text_span(l->expanded, s->expanded);
	return s->user;
}

/* A fault of it is told with what comes next. */
static bool
begin(void *speaker, const struct envelope *envelope, struct reply *reply)
{
	struct speaker *s = speaker;
	struct text *t;

	(void)reply;
	tell_transaction(s);
	t = add(s, FRAME_BEGIN);
	frame_number(t, envelope->recipients);
	frame_number(t, (unsigned long long)channel_now());
	return true;
}

/* Does it stand where the doer can read it? */
static bool
is_shared(const struct speaker *s, struct span data)
{
	return data.ptr >= s->channel->in &&
	    data.ptr < s->channel->in + sizeof s->channel->in;
}

/* True, as long as the doer has said nothing else of this message.  The strings
 * of a fault outlive what it says next. */
static bool
ask_append(struct speaker *s, size_t at, size_t len, struct reply *reply)
{
	struct text *t = add(s, FRAME_APPEND);

	frame_number(t, at);
	frame_number(t, len);
	*reply = answer_reply(s);
	if (reply->code == 0)
		return true;
	span_copy(span_of(reply->enhanced), s->enhanced, sizeof s->enhanced);
	span_copy(span_of(reply->text), s->why, sizeof s->why);
	reply->enhanced = s->enhanced;
	reply->text = s->why;
	return false;
}

/* A little of DATA goes along with what comes next; a chunk has a reply of its
 * own, which has to be known. */
static bool
append(void *speaker, struct span data, struct reply *reply)
{
	enum { LITTLE = 4096 };
	struct speaker *s = speaker;

	if (data.len > LITTLE && is_shared(s, data))
		return ask_append(s, (size_t)(data.ptr - s->channel->in),
		    data.len, reply);
	frame_octets(add(s, FRAME_OCTETS), data);
	return s->session->content.rules.form == CONTENT_DATA ||
	    ask_append(s, 0, 0, reply);
}

static void
commit(void *speaker, size_t recipient, struct reply *reply)
{
	struct speaker *s = speaker;

	frame_number(add(s, FRAME_COMMIT), recipient);
	*reply = answer_reply(s);
}

static void
discard(void *speaker, const struct reply *why, const char *hint)
{
	static const struct reply none = { 0, NULL, NULL };
	struct speaker *s = speaker;
	struct text *t = add(s, FRAME_DISCARD);

	frame_reply(t, why != NULL ? why : &none);
	frame_string(t, hint);
	send_packet(s);
}

/* A notice is read where the channel has seen it. */
static bool
stopping(void *speaker)
{
	struct speaker *s = speaker;
	unsigned long long says;

	if (s->channel->noticed) {
		receive(s, &says);
		s->channel->noticed = false;
	}
	return s->stops;
}

static void
answered(void *speaker, const struct exchange *x)
{
	struct speaker *s = speaker;
	struct text *t;

	if (!s->verbose && !exchange_is_news(x))
		return;
	t = add(s, FRAME_ANSWERED);
	frame_string(t, x->verb);
	frame_octets(t, x->line);
	frame_number(t, x->hidden);
	frame_string(t, x->who != NULL ? sasl_mechanism(x->who) : NULL);
	frame_octets(t, x->who != NULL ? x->who->name : span_of(""));
	frame_octets(t, x->mailbox);
	frame_number(t, x->sender);
	frame_octets(t, x->parameter);
	frame_reply(t, x->reply);
	frame_number(t, x->message);
	frame_string(t, x->advice);
	send_packet(s);
}

/* The name and the password are nowhere once they were handed over. */
static enum auth_result
authenticate(void *speaker, const struct sasl *who)
{
	struct speaker *s = speaker;
	enum auth_result result;
	struct text *t;
	size_t len;

	tell_transaction(s);
	t = add(s, FRAME_AUTHENTICATE);
	frame_string(t, sasl_mechanism(who));
	frame_octets(t, who->name);
	frame_octets(t, who->password);
	len = t->len;
	result = (enum auth_result)answer_number(s);
	octets_erase(s->out_space, len);
	return result;
}

static enum protocol_tls
prepare_tls(void *speaker)
{
	struct speaker *s = speaker;

	tell_transaction(s);
	add(s, FRAME_PREPARE_TLS);
	return (enum protocol_tls)answer_number(s);
}

/* The connection is not ours any more. */
static bool
start_tls(void *speaker, int fd[2])
{
	struct speaker *s = speaker;

	close(0);
	close(1);
	fd[0] = s->tls[0];
	fd[1] = s->tls[1];
	add(s, FRAME_START_TLS);
	return answer_number(s) != 0;
}

static bool
rename_client(void *speaker, const struct xclient *x)
{
	struct speaker *s = speaker;

	tell_transaction(s);
	frame_client(add(s, FRAME_RENAME), x);
	return answer_number(s) != 0;
}

static void
forward_client(void *speaker, const struct xclient *x)
{
	struct speaker *s = speaker;
	struct text *t;

	tell_transaction(s);
	t = add(s, FRAME_FORWARD);
	frame_number(t, x != NULL);
	if (x != NULL)
		frame_client(t, x);
	send_packet(s);
}

const struct protocol_handler speaker_handler = {
	forward_domain, look_up_name, begin, append, commit, discard, stopping,
	answered, authenticate, prepare_tls, start_tls, rename_client,
	forward_client
};

/* ---- the rest of a session ---- */

void
speaker_ready(struct speaker *s)
{
	add(s, FRAME_READY);
	send_packet(s);
}

void
speaker_unlocked(struct speaker *s, int error)
{
	frame_number(add(s, FRAME_UNLOCKED), (unsigned)error);
	send_packet(s);
}

void
speaker_header(void *speaker, const struct proxy *h)
{
	struct speaker *s = speaker;

	frame_header(add(s, FRAME_HEADER), h);
	send_packet(s);
}

void
speaker_end(struct speaker *s, enum protocol_reason reason, const char *why)
{
	const struct channel *c = s->channel;
	struct text *t = add(s, FRAME_END);

	frame_number(t, reason);
	frame_string(t, why);
	frame_number(t, s->session->mailed);
	frame_number(t, c->octets_in);
	frame_number(t, c->octets_out);
	frame_number(t, channel_unsent(c));
	frame_number(t, (unsigned)channel_error(c));
	send_packet(s);
}

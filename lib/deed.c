#include "deed.h"

#include "claim.h"

/* What a session is at, and so which frames may come. */
enum state {
	LOCKING = 1,			/* the speaker is not ready yet */
	HEADING = 2,			/* a PROXY header has to come */
	IDLE = 4,			/* no transaction */
	MAILING = 8,			/* one, up to its message */
	CONTENT = 16,			/* a message is being read */
	COMMITTING = 32,		/* its runs; some were */
	SHAKING = 64,			/* TLS was prepared */
	ENDING = 128,			/* nothing but its end can come */
	JUDGED = 256,			/* AUTH: what the client was told */
	OVER = 512,
	SESSION = IDLE | MAILING | CONTENT | COMMITTING
};

/* It is at fault; false, for the caller to say. */
static bool
refuse(struct deeds *d, const char *error)
{
	d->error = error;
	return false;
}

static const char bad_value[] = "a value that can be none";
static const char out_of_order[] = "a frame out of order";
static const char no_right[] = "no right to that";

/* ---- answers ---- */

static struct text *
begin_answer(struct deeds *d)
{
	d->answer = (struct text){ d->answer_space, 0,
	    sizeof d->answer_space };
	return &d->answer;
}

static bool
answer_number(struct deeds *d, unsigned long long number)
{
	frame_number(begin_answer(d), number);
	return true;
}

static bool
answer_reply(struct deeds *d, const struct reply *reply)
{
	frame_reply(begin_answer(d), reply);
	return true;
}

/* ---- the session begins ---- */

static bool
take_ready(struct deeds *d, struct span *rest)
{
	(void)rest;
	d->state = d->header != NULL ? HEADING : IDLE;
	d->ready(d->context);
	return true;
}

static bool
take_unlocked(struct deeds *d, struct span *rest)
{
	unsigned long long error;

	if (!frame_take_number(rest, 4095, &error) || error == 0)
		return false;
	d->unlocked = (int)error;
	d->state = OVER;
	return true;
}

static bool
take_header(struct deeds *d, struct span *rest)
{
	struct proxy h;

	if (!claim_take_header(rest, &h))
		return false;
	d->header(d->context, &h);
	d->ledger.tls |= h.tls;
	d->state = IDLE;
	return true;
}

/* ---- the envelope ---- */

static bool
take_transaction(struct deeds *d, struct span *rest)
{
	struct ledger *l = &d->ledger;
	const char *with, *verb;
	struct span helo, sender, options;

	if (!frame_take_string(rest, sizeof "UTF8SMTPSA", &with) ||
	    !frame_take_octets(rest, DOMAIN_MAX, &helo) ||
	    !frame_take_string(rest, sizeof "MAIL", &verb) ||
	    !frame_take_octets(rest, MAILBOX_MAX, &sender) ||
	    !frame_take_octets(rest, ENVELOPE_OPTIONS_MAX, &options) ||
	    !ledger_hello(l, with, helo))
		return false;
	d->state = verb != NULL ? MAILING : IDLE;
	if (verb != NULL && !ledger_may_mail(l))
		return refuse(d, no_right);
	return verb == NULL || ledger_mail(l, verb, sender, options);
}

/* ---- names ---- */

/* Between two chunks VRFY and EXPN may come. */
static bool
take_ask(struct deeds *d, struct span *rest)
{
	char space[PROTOCOL_EXPANDED_MAX];
	struct text expanded = { space, 0, sizeof space }, *t;
	struct lookup q = { .envelope = d->ledger.envelope,
	    .expanded = &expanded };
	struct reply own[2] = { { 0, NULL, NULL }, { 0, NULL, NULL } };
	enum forward_result forward;
	enum lookup_result user = VALID_USER;
	bool sure, taken;

	if (!claim_take_name(rest, &q, &sure) ||
	    !ledger_options(&d->ledger, &q))
		return false;
	if (d->state == CONTENT && q.verb == LOOKUP_RCPT)
		return refuse(d, out_of_order);
	if (!ledger_may_ask(&d->ledger, &q))
		return refuse(d, no_right);
	forward = d->handler->forward_domain(d->context, &q, &own[0]);
	if (forward == LOCAL_DOMAIN)
		user = d->handler->look_up_name(d->context, &q, &own[1]);
	taken = ledger_answer(&d->ledger, &q, forward, user,
	    own[forward == LOCAL_DOMAIN].code);
	if (sure)
		return taken || refuse(d, "a recipient who is not taken");
	t = begin_answer(d);
	frame_number(t, forward);
	frame_reply(t, &own[0]);
	frame_number(t, user);
	frame_reply(t, &own[1]);
	frame_octets(t, text_span_of(&expanded));
	return true;
}

/* ---- the message ---- */

static bool
take_begin(struct deeds *d, struct span *rest)
{
	unsigned long long recipients, began;

	if (!frame_take_number(rest, ENVELOPE_RECIPIENTS_MAX, &recipients) ||
	    !frame_take_number(rest, CHANNEL_FOREVER, &began) ||
	    (long long)began < d->since)
		return false;
	if (recipients == 0 || recipients != d->ledger.envelope->recipients)
		return refuse(d, "other recipients than were taken");
	d->ledger.messages++;
	d->began = (long long)began;
	d->size = 0;
	d->committed = 0;
	d->dropped = false;
	d->fault.code = 0;
	d->state = CONTENT;
	if (d->handler->begin(d->context, d->ledger.envelope, &d->fault))
		d->fault.code = 0;
	return true;
}

/* Line ends of one octet may have become two. */
static bool
is_too_much(const struct deeds *d)
{
	unsigned long long max = d->ledger.config->max_size;

	return max > 0 && d->size / (d->ledger.config->crlf ? 2 : 1) > max;
}

static bool
append(struct deeds *d, struct span octets)
{
	d->size += octets.len;
	if (is_too_much(d))
		return refuse(d, "a message above --max-size");
	if (octets.len > 0 && d->fault.code == 0 &&
	    d->handler->append(d->context, octets, &d->fault))
		d->fault.code = 0;
	return true;
}

static bool
take_octets(struct deeds *d, struct span *rest)
{
	struct span octets;

	return frame_take_octets(rest, FRAME_PACKET_MAX, &octets) &&
	    append(d, octets);
}

/* It may change while it is looked at: it is the client's word either way. */
static bool
take_append(struct deeds *d, struct span *rest)
{
	unsigned long long at, len;

	return frame_take_number(rest, CHANNEL_IN_SIZE, &at) &&
	    frame_take_number(rest, CHANNEL_IN_SIZE - at, &len) &&
	    append(d, (struct span){ d->channel->in + at, (size_t)len }) &&
	    answer_reply(d, &d->fault);
}

static void
drop_message(struct deeds *d, const struct reply *why, const char *hint)
{
	if (!d->dropped)
		d->handler->discard(d->context, why, hint);
	d->dropped = true;
}

static void
end_message(struct deeds *d)
{
	envelope_reset(d->ledger.envelope);
	d->state = IDLE;
}

static bool
take_commit(struct deeds *d, struct span *rest)
{
	struct reply verdict = { 0, NULL, NULL };
	unsigned long long recipient;

	if (!frame_take_number(rest, ~0ULL, &recipient))
		return false;
	if (recipient != (d->ledger.config->lmtp ? d->committed : PROTOCOL_ALL))
		return refuse(d, "a run for another recipient");
	if (d->fault.code != 0) {
		drop_message(d, &d->fault, NULL);
		verdict = d->fault;
	} else
		d->handler->commit(d->context, (size_t)recipient, &verdict);
	d->committed++;
	d->state = COMMITTING;
	if (!d->ledger.config->lmtp ||
	    d->committed == d->ledger.envelope->recipients)
		end_message(d);
	return answer_reply(d, &verdict);
}

static bool
take_discard(struct deeds *d, struct span *rest)
{
	struct reply why;
	const char *hint;

	if (!frame_take_reply(rest, &why) ||
	    !frame_take_string(rest, REPLY_LINE_MAX, &hint) ||
	    (why.code != 0 && why.code < 400))
		return false;
	drop_message(d, why.code != 0 ? &why : NULL, hint);
	end_message(d);
	return true;
}

/* ---- what is for the log ---- */

/* Who was let in, and who was not, the log says as it was. */
static bool
is_true_of(struct deeds *d, const struct sasl *who, int code)
{
	bool asked = d->state == JUDGED;

	if (who == NULL)
		return !asked && code != 235;
	return ledger_tells(&d->ledger, who, code, asked);
}

static bool
take_answered(struct deeds *d, struct span *rest)
{
	struct exchange x;
	struct reply reply;
	struct sasl who;

	if (!claim_take_exchange(rest, &x, &who, &reply) ||
	    !is_true_of(d, x.who, reply.code))
		return false;
	if (d->state == JUDGED)
		d->state = IDLE;
	d->handler->answered(d->context, &x);
	return true;
}

/* ---- AUTH and TLS ---- */

static bool
take_authenticate(struct deeds *d, struct span *rest)
{
	enum auth_result verdict;
	struct sasl who;
	bool proves;

	if (!claim_take_who(rest, &who, &proves) || !proves ||
	    !frame_take_octets(rest, SASL_MESSAGE_MAX, &who.password) ||
	    !sasl_is_password(who.password))
		return false;
	if (!ledger_may_authenticate(&d->ledger))
		return refuse(d, no_right);
	d->proof = true;
	verdict = d->handler->authenticate(d->context, &who);
	ledger_verdict(&d->ledger, &who, verdict);
	d->state = JUDGED;
	return answer_number(d, verdict);
}

static bool
take_prepare_tls(struct deeds *d, struct span *rest)
{
	enum protocol_tls how;

	(void)rest;
	if (!d->ledger.config->starttls || d->ledger.tls)
		return refuse(d, no_right);
	how = d->handler->prepare_tls(d->context);
	if (how == TLS_READY)
		d->state = SHAKING;
	d->ledger.put_off |= how == TLS_NOT_NOW;
	return answer_number(d, how);
}

static bool
take_start_tls(struct deeds *d, struct span *rest)
{
	int fd[2];

	(void)rest;
	ledger_start_anew(&d->ledger);
	d->ledger.tls = d->handler->start_tls(d->context, fd);
	d->state = d->ledger.tls ? IDLE : ENDING;
	return answer_number(d, d->ledger.tls);
}

/* ---- XCLIENT and XFORWARD ---- */

static bool
take_rename(struct deeds *d, struct span *rest)
{
	struct xclient x;

	if (!claim_take_client(rest, &x))
		return false;
	if (!d->ledger.may_rename)
		return refuse(d, no_right);
	ledger_start_anew(&d->ledger);
	d->ledger.authenticated = x.login[0] != '\0';
	d->ledger.may_rename = d->handler->rename_client(d->context, &x);
	return answer_number(d, d->ledger.may_rename);
}

static bool
take_forward(struct deeds *d, struct span *rest)
{
	struct xclient x;
	bool is_there;

	if (!frame_take_flag(rest, &is_there))
		return false;
	if (!is_there) {
		d->handler->forward_client(d->context, NULL);
		return true;
	}
	if (!claim_take_client(rest, &x) ||
	    (x.given & ~(unsigned)XCLIENT_FORWARD) != 0)
		return false;
	if (!d->ledger.may_rename || d->state != IDLE)
		return refuse(d, no_right);
	d->handler->forward_client(d->context, &x);
	return true;
}

/* ---- the end ---- */

static bool
take_end(struct deeds *d, struct span *rest)
{
	unsigned long long reason, unsent, error;

	if (!frame_take_number(rest, PROTOCOL_ERROR, &reason) ||
	    !frame_take_string(rest, REPLY_LINE_MAX, &d->why) ||
	    (d->why != NULL && d->state != HEADING) ||
	    !frame_take_flag(rest, &d->mailed) ||
	    !frame_take_number(rest, ~0ULL, &d->traffic.in) ||
	    !frame_take_number(rest, ~0ULL, &d->traffic.out) ||
	    !frame_take_number(rest, CHANNEL_OUT_SIZE, &unsent) ||
	    !frame_take_number(rest, 4095, &error))
		return false;
	d->reason = (enum protocol_reason)reason;
	d->traffic.unsent = (size_t)unsent;
	d->traffic.error = (int)error;
	d->state = OVER;
	return true;
}

/* ---- a packet ---- */

static const struct row {
	unsigned states;		/* in which it may come */
	bool (*take)(struct deeds *d, struct span *rest);
} rows[FRAMES] = {
	[FRAME_READY] = { LOCKING, take_ready },
	[FRAME_UNLOCKED] = { LOCKING, take_unlocked },
	[FRAME_HEADER] = { HEADING, take_header },
	[FRAME_TRANSACTION] = { IDLE | MAILING, take_transaction },
	[FRAME_ASK] = { IDLE | MAILING | CONTENT, take_ask },
	[FRAME_BEGIN] = { MAILING, take_begin },
	[FRAME_OCTETS] = { CONTENT, take_octets },
	[FRAME_APPEND] = { CONTENT, take_append },
	[FRAME_COMMIT] = { CONTENT | COMMITTING, take_commit },
	[FRAME_DISCARD] = { CONTENT | COMMITTING, take_discard },
	[FRAME_ANSWERED] = { SESSION | SHAKING | JUDGED, take_answered },
	[FRAME_AUTHENTICATE] = { IDLE, take_authenticate },
	[FRAME_PREPARE_TLS] = { IDLE, take_prepare_tls },
	[FRAME_START_TLS] = { SHAKING, take_start_tls },
	[FRAME_RENAME] = { IDLE, take_rename },
	[FRAME_FORWARD] = { IDLE | MAILING, take_forward },
	[FRAME_END] = { HEADING | IDLE | MAILING | SHAKING | ENDING, take_end },
};

/* One frame; what was answered is read before the next. */
static bool
take_frame(struct deeds *d, struct span *rest)
{
	unsigned long long frame;

	if (!frame_take_number(rest, FRAMES - 1, &frame))
		return refuse(d, "no frame");
	if ((rows[frame].states & d->state) == 0 || d->answer.len > 0)
		return refuse(d, out_of_order);
	return rows[frame].take(d, rest) || d->error != NULL ?
	    d->error == NULL : refuse(d, bad_value);
}

bool
deed_take(struct deeds *d, struct span packet)
{
	bool good = true;

	d->answer.len = 0;
	while (good && packet.len > 0)
		good = take_frame(d, &packet);
	return good;
}

void
deed_begin(struct deeds *d)
{
	d->state = LOCKING;
	ledger_open(&d->ledger);
}

bool
deed_is_over(const struct deeds *d)
{
	return d->state == OVER;
}

bool
deed_has_runs(const struct deeds *d)
{
	return d->state == COMMITTING;
}

void
deed_give_up(struct deeds *d)
{
	if ((d->state & (CONTENT | COMMITTING)) != 0)
		drop_message(d, NULL, NULL);
}

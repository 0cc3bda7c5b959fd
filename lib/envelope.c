#include "envelope.h"

#include <string.h>

void
envelope_reset(struct envelope *e)
{
	static const struct span empty = { "", 0 };

	e->transaction++;
	e->verb = NULL;
	e->sender = (struct mailbox){ empty, empty, empty };
	e->options = e->envid = empty;
	e->body = BODY_7BIT;
	e->utf8 = false;
	e->recipients = e->list_len = e->options_len = 0;
}

void
envelope_forget_helo(struct envelope *e)
{
	e->helo = (struct span){ NULL, 0 };
	e->with = NULL;
}

void
envelope_set_helo(struct envelope *e, struct span helo)
{
	struct text t = { e->helo_text, 0, sizeof e->helo_text };

	text_span(&t, helo);
	e->helo = text_span_of(&t);
}

const char *
envelope_protocol(bool lmtp, bool utf8, bool tls, bool authenticated)
{
	static const char *const names[2][2][4] = {
		{ { "ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA" },
		    { "UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA" } },
		{ { "LMTP", "LMTPA", "LMTPS", "LMTPSA" },
		    { "UTF8LMTP", "UTF8LMTPA", "UTF8LMTPS", "UTF8LMTPSA" } },
	};

	return names[lmtp][utf8][2 * tls + authenticated];
}

void
envelope_set_sender(struct envelope *e, struct mailbox sender)
{
	memcpy(e->sender_text, sender.whole.ptr, sender.whole.len);
	e->sender = address_moved(sender, e->sender_text);
}

struct text
envelope_next_options(struct envelope *e)
{
	return (struct text){ e->options_list + e->options_len, 0,
	    sizeof e->options_list - e->options_len };
}

bool
envelope_has_room(const struct envelope *e, const struct mailbox *to,
    struct span options)
{
	return e->recipients < ENVELOPE_RECIPIENTS_MAX &&
	    e->list_len + e->recipients + to->whole.len + 1 <=
	    ENVELOPE_LIST_MAX &&
	    e->options_len + e->recipients + options.len + 1 <=
	    ENVELOPE_LIST_MAX;
}

void
envelope_add(struct envelope *e, const struct mailbox *to, size_t options_len,
    enum forward_result forward)
{
	e->recipient[e->recipients++] = (struct recipient){
		.at = (uint32_t)e->list_len,
		.len = (uint16_t)to->whole.len,
		.local_len = (uint16_t)to->local.len,
		.options_at = (uint32_t)e->options_len,
		.options_len = (uint16_t)options_len,
		.forward = (uint8_t)forward,
	};
	memcpy(e->list + e->list_len, to->whole.ptr, to->whole.len);
	e->list_len += to->whole.len;
	e->options_len += options_len;
}

struct mailbox
envelope_recipient(const struct envelope *e, size_t i)
{
	const struct recipient *r = &e->recipient[i];
	const char *start = e->list + r->at;
	struct mailbox m = { { start, r->len }, { start, r->local_len },
	    { start + r->len, 0 } };

	if (r->local_len < r->len)
		m.domain = span_skip(m.whole, r->local_len + 1U);
	return m;
}

struct span
envelope_options(const struct envelope *e, size_t i)
{
	return (struct span){ e->options_list + e->recipient[i].options_at,
	    e->recipient[i].options_len };
}

enum forward_result
envelope_forward(const struct envelope *e, size_t i)
{
	return (enum forward_result)e->recipient[i].forward;
}

#include "message.h"

#include <string.h>

#include "date.h"

/* Seconds, microseconds and process: no two messages of a host share it. */
static void
make_id(struct message *m)
{
	struct text id = text_in(m->id, sizeof m->id);
	struct text okay = text_in(m->okay, sizeof m->okay);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	text_hex(&id, (unsigned long)now.tv_sec & 0xffffffff, 8);
	text_hex(&id, (unsigned long)now.tv_nsec / 1000, 5);
	text_hex(&id, (unsigned long)m->pid, 6);
	text_end(&id);
	text_string(&okay, "Ok ");
	text_string(&okay, m->id);
	text_end(&okay);
}

void
message_begin_transaction(struct message *m, const struct envelope *envelope)
{
	if (m->transaction == envelope->transaction)
		return;
	m->transaction = envelope->transaction;
	m->prepended.len = 0;
	make_id(m);
}

void
message_begin(struct message *m, const struct envelope *envelope)
{
	spool_close(&m->spool);
	m->envelope = envelope;
	m->started = false;
	m->opening_len = 0;
	m->date = time(NULL);
	message_begin_transaction(m, envelope);
}

/* ---- the header that we add: RFC 5321, 4.4 ---- */

void
text_helo(struct text *t, struct span helo)
{
	size_t i;

	for (i = 0; i < helo.len; i++)
		text_char(t, is_host_octet(helo.ptr[i]) ? helo.ptr[i] : '?');
}

void
text_return_path(struct text *t, struct span sender)
{
	text_string(t, "Return-Path: <");
	text_span(t, sender);
	text_char(t, '>');
}

static void
text_received(struct text *t, const struct message *m, const char *newline)
{
	const struct envelope *e = m->envelope;
	const char *address = m->peer->address;

	text_string(t, "Received: from ");
	text_helo(t, e->helo.len > 0 ? e->helo : span_of("unknown"));
	if (address[0] != '\0') {
		text_string(t, strchr(address, ':') != NULL ? " ([IPv6:" :
		    " ([");
		text_string(t, address);
		text_string(t, "])");
	}
	text_string(t, newline);
	text_string(t, "\tby ");
	text_string(t, m->config->hostname);
	text_string(t, " with ");
	text_string(t, e->with);
	text_string(t, " id ");
	text_string(t, m->id);
	if (e->recipients == 1) {
		text_string(t, newline);
		text_string(t, "\tfor <");
		text_span(t, envelope_recipient(e, 0).whole);
		text_char(t, '>');
	}
	text_char(t, ';');
	text_string(t, newline);
	text_char(t, '\t');
	text_mail_date(t, m->date);
	text_string(t, newline);
}

static bool
adds_header(const struct message *m)
{
	return m->received || m->return_path || m->prepended.len > 0;
}

static bool
append_prepended(struct message *m, const char *newline)
{
	struct span rest = { m->prepended.text, m->prepended.len };
	bool good = true;

	while (good && rest.len > 0)
		good = spool_append(&m->spool,
		    span_take_until(&rest, '\n')) &&
		    spool_append(&m->spool, span_of(newline));
	return good;
}

/* In front of the message's first octets, or instead of them where it has
 * none. */
static bool
append_header(struct message *m, enum opening opening)
{
	const char *newline = m->config->crlf ? "\r\n" : "\n";
	char space[3 * 1024];
	struct text t = { space, 0, sizeof space };

	if (m->return_path) {
		text_return_path(&t, m->envelope->sender.whole);
		text_string(&t, newline);
	}
	if (m->prepended.len > 0) {
		if (!spool_append(&m->spool, text_span_of(&t)) ||
		    !append_prepended(m, newline))
			return false;
		t.len = 0;
	}
	if (m->received)
		text_received(&t, m, newline);
	if (opening == OPENING_TEXT)
		text_string(&t, newline);
	else if (opening == OPENING_MBOX)
		text_string(&t, "X-Mailbox-Line: ");
	return spool_append(&m->spool, text_span_of(&t));
}

/* Its first octets, as long as they do not say what it begins with; whole:
 * there are no more. */
static bool
start(struct message *m, struct span data, bool whole)
{
	struct text t = { m->opening, m->opening_len, sizeof m->opening };
	enum opening opening;

	text_span(&t, data);
	data = span_skip(data, t.len - m->opening_len);
	m->opening_len = t.len;
	opening = opening_of(text_span_of(&t), m->config->crlf, whole);
	if (opening == OPENING_UNDECIDED)
		return true;
	m->started = true;
	return append_header(m, opening) &&
	    spool_append(&m->spool, text_span_of(&t)) &&
	    spool_append(&m->spool, data);
}

bool
message_append(struct message *m, struct span data)
{
	if (m->started || !adds_header(m))
		return spool_append(&m->spool, data);
	return start(m, data, false);
}

bool
message_complete(struct message *m)
{
	return (m->started || !adds_header(m) ||
	    start(m, span_of(""), true)) && spool_finish(&m->spool);
}

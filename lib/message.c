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
	m->date = now.tv_sec;
	text_hex(&id, (unsigned long)now.tv_sec & 0xffffffff, 8);
	text_hex(&id, (unsigned long)now.tv_nsec / 1000, 5);
	text_hex(&id, (unsigned long)m->pid, 6);
	text_end(&id);
	text_string(&okay, "Ok ");
	text_string(&okay, m->id);
	text_end(&okay);
}

void
message_begin(struct message *m, const struct envelope *envelope)
{
	spool_close(&m->spool);
	m->envelope = envelope;
	m->started = false;
	make_id(m);
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
	text_helo(t, e->helo);
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

/* With the message's first octets, or instead of them where it has none. */
static bool
append_header(struct message *m, struct span data)
{
	const char *newline = m->config->crlf ? "\r\n" : "\n";
	char space[3 * 1024];
	struct text t = { space, 0, sizeof space };

	m->started = true;
	if (m->return_path) {
		text_return_path(&t, m->envelope->sender.whole);
		text_string(&t, newline);
	}
	if (m->received)
		text_received(&t, m, newline);
	/* else the client's first line would go on with our last field */
	if (t.len > 0 && data.len > 0 && is_blank(data.ptr[0]))
		text_string(&t, newline);
	return spool_append(&m->spool, text_span_of(&t));
}

bool
message_append(struct message *m, struct span data)
{
	return (m->started || append_header(m, data)) &&
	    spool_append(&m->spool, data);
}

bool
message_complete(struct message *m)
{
	return (m->started || append_header(m, span_of(""))) &&
	    spool_finish(&m->spool);
}

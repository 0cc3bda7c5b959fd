#include "serve.h"

#include "channel.h"
#include "proxy.h"

struct serving {
	struct protocol *p;
	struct channel *c;
	long long session_by;		/* deadline of all of it */
	long long by;			/* of the silence, or of the line; */
					/* 0: none is on */
	bool stopped;			/* it was told to stop */
	bool begun;			/* what came first is no header of a */
					/* proxy, which nobody announced */
};

/* Flushes, unless a signal that comes meanwhile is to end the session. */
static enum channel_status
flush_replies(struct serving *s)
{
	enum channel_status status;

	do
		status = channel_flush(s->c);
	while (status == CHANNEL_INTERRUPTED &&
	    !s->p->handler->stopping(s->p->context));
	return status;
}

/* Waits for more.  The deadline is set when the wait begins and when the first
 * octet of a line comes, and by no other octet. */
static enum channel_status
wait_for_input(struct serving *s)
{
	enum channel_status status = flush_replies(s);
	long long now = channel_now(), limit;
	size_t before;

	if (status != CHANNEL_OK)
		return status;
	if (s->by == 0)
		s->by = now + s->p->config->timeout;
	limit = s->by < s->session_by ? s->by : s->session_by;
	if (now >= limit)	/* also where there is always more to read */
		return CHANNEL_TIMEOUT;
	channel_peek(s->c, &before);
	status = channel_fill(s->c, limit);
	if (status == CHANNEL_OK && before == 0)
		s->by = 0;
	return status;
}

/* The first octets, until they cannot become such a header any more. */
static enum channel_status
serve_first(struct serving *s)
{
	enum channel_status status = CHANNEL_OK;
	struct span octets;
	enum proxy_start start;

	octets.ptr = channel_peek(s->c, &octets.len);
	start = proxy_starts(octets);
	if (start == PROXY_HEADER)
		channel_write(s->c, protocol_end(s->p, PROTOCOL_PROXY));
	else if (start == PROXY_PERHAPS)
		status = wait_for_input(s);
	s->begun = start == PROXY_NONE || status == CHANNEL_EOF;
	return status == CHANNEL_EOF ? CHANNEL_OK : status;
}

static enum channel_status
serve_line(struct serving *s)
{
	enum channel_status status = CHANNEL_OK;
	struct span line;

	if (!s->begun)
		return serve_first(s);
	if (channel_record(s->c, '\n', PROTOCOL_LINE_MAX, &line) ==
	    CHANNEL_EMPTY)
		return wait_for_input(s);
	s->by = 0;
	if (protocol_asks(s->p, line))
		status = flush_replies(s);
	if (status == CHANNEL_OK)
		channel_write(s->c, protocol_command(s->p, line));
	if (s->p->proof) {
		channel_erase(s->c);
		stack_erase();
	}
	return status;
}

/* Has anything come behind STARTTLS yet?  It could be anybody's. */
static enum channel_status
look_behind(struct serving *s, bool *came)
{
	enum channel_status status = flush_replies(s);
	size_t len;

	channel_peek(s->c, &len);
	*came = len > 0;
	if (status != CHANNEL_OK || *came)
		return status;
	status = channel_fill(s->c, 0);
	*came = status == CHANNEL_OK;
	return status == CHANNEL_TIMEOUT ? CHANNEL_OK : status;
}

static enum channel_status
serve_tls(struct serving *s)
{
	enum protocol_tls how = TLS_NOT_NOW;
	bool came;
	enum channel_status status = look_behind(s, &came);
	int fd[2];

	/* who does TLS is asked once, and for a client that is there */
	if (status != CHANNEL_OK && status != CHANNEL_EOF)
		return status;
	if (status == CHANNEL_OK)
		how = came ? TLS_PIPELINED :
		    s->p->handler->prepare_tls(s->p->context);
	channel_write(s->c, protocol_start_tls(s->p, how));
	if (how != TLS_READY)
		return status;
	status = flush_replies(s);
	if (status != CHANNEL_OK)
		return status;
	if (!s->p->handler->start_tls(s->p->context, fd)) {
		protocol_end(s->p, PROTOCOL_NO_TLS);
		return CHANNEL_OK;
	}
	channel_move(s->c, fd[0], fd[1]);
	protocol_tls_is_up(s->p);
	return CHANNEL_OK;
}

static enum channel_status
serve_content(struct serving *s)
{
	size_t len;
	char *octets = channel_peek(s->c, &len);

	if (len == 0)
		return wait_for_input(s);
	channel_consume(s->c, protocol_content(s->p, octets, len));
	return CHANNEL_OK;
}

/* No command runs while a reply waits, and none for a client that is gone. */
static enum channel_status
serve_reply(struct serving *s)
{
	enum channel_status status = CHANNEL_OK;

	if (protocol_commits(s->p))
		status = flush_replies(s);
	if (status == CHANNEL_OK)
		channel_write(s->c, protocol_next(s->p));
	return status;
}

/* What the session wants next, once there is room for what it will say. */
static enum channel_status
serve_next(struct serving *s)
{
	static enum channel_status (*const step[])(struct serving *) = {
		[PROTOCOL_LINE] = serve_line,
		[PROTOCOL_CONTENT] = serve_content,
		[PROTOCOL_REPLY] = serve_reply,
		[PROTOCOL_TLS] = serve_tls,
	};
	enum channel_status status = CHANNEL_OK;

	if (channel_room(s->c) < REPLY_MAX + REPLY_LINE_MAX)
		status = flush_replies(s);
	return status == CHANNEL_OK ? step[s->p->wants](s) : status;
}

/* How long, in ms, and how much we listen to a client that we are done with. */
enum { LINGER = 2000, LINGER_OCTETS = 1024 * 1024 };

/* Is there somebody to hear why we end it? */
static bool
has_listener(enum protocol_reason reason)
{
	return reason != PROTOCOL_EOF && reason != PROTOCOL_ERROR &&
	    reason != PROTOCOL_NO_TLS;
}

static void
say_goodbye(struct channel *c, enum protocol_reason reason)
{
	if (reason == PROTOCOL_TIMEOUT)
		channel_patience(c, LINGER);
	if (channel_flush(c) == CHANNEL_INTERRUPTED) {
		channel_patience(c, LINGER);
		while (channel_flush(c) == CHANNEL_INTERRUPTED)
			;
	}
	if (reason == PROTOCOL_QUIT)
		channel_drain(c, 0, LINGER_OCTETS);
	else if (has_listener(reason)) {
		channel_shutdown(c);
		channel_drain(c, channel_now() + LINGER, LINGER_OCTETS);
	}
}

static enum protocol_reason
reason_of(enum channel_status status)
{
	return status == CHANNEL_EOF ? PROTOCOL_EOF :
	    status == CHANNEL_TIMEOUT ? PROTOCOL_TIMEOUT : PROTOCOL_ERROR;
}

enum protocol_reason
protocol_serve(struct protocol *p, struct channel *c)
{
	long long limit = p->config->session_timeout;
	struct serving s = { p, c,
	    limit > 0 ? channel_now() + limit : CHANNEL_FOREVER, 0, false,
	    false };
	enum channel_status status = CHANNEL_OK;

	channel_write(c, protocol_greeting(p));
	while (status == CHANNEL_OK && p->wants != PROTOCOL_CLOSE) {
		if (!s.stopped && p->handler->stopping(p->context)) {
			s.stopped = true;
			channel_patience(c, LINGER);
			channel_write(c, protocol_end(p, PROTOCOL_STOP));
		} else
			status = serve_next(&s);
		if (status == CHANNEL_INTERRUPTED)
			status = CHANNEL_OK;
	}
	if (p->wants != PROTOCOL_CLOSE)
		channel_write(c, protocol_end(p, reason_of(status)));
	say_goodbye(c, p->reason);
	return p->reason;
}

void
protocol_refuse(struct channel *c, const struct reply *reply)
{
	char wire[REPLY_MAX];
	struct text t = { wire, 0, sizeof wire };

	text_reply(&t, reply, false);
	channel_write(c, text_span_of(&t));
	say_goodbye(c, PROTOCOL_STOP);
}

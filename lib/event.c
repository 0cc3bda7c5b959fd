#include "event.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

void
event_config(struct log *l, const char *what, const char *why)
{
	char space[1024];
	struct text t = { space, 0, 512 };	/* the reason is to be seen */

	text_string(&t, what);
	t.size = sizeof space;
	text_string(&t, ": ");
	text_string(&t, why);
	log_begin(l, LOG_CONFIG, "config");
	log_span(l, "error", text_span_of(&t));
	log_end(l);
}

/* ---- how a program ended ---- */

/* "No such file": which? */
static void
log_hint(struct log *l, const char *program, int error)
{
	char space[PATH_MAX];
	const char *path = process_find(program, space, sizeof space);
	const char *fault = path == NULL ? NULL : process_script_fault(path);

	if (fault == NULL && error != EACCES)
		fault = process_line_fault(program);
	if (fault != NULL)
		log_string(l, "hint", fault);
}

static void
log_no_start(struct log *l, const char *program, int error)
{
	log_number(l, "exit", 127);
	log_string(l, "error", strerror(error));
	if (error == ENOENT || error == ENOEXEC || error == EACCES ||
	    error == ENOTDIR || error == ENAMETOOLONG)
		log_hint(l, program, error);
	log_string(l, "command", program);
}

static void
log_outcome(struct log *l, const char *program, const struct outcome *how)
{
	if (how->error != 0) {
		log_no_start(l, program, how->error);
		return;
	}
	if (how->stuck)
		log_string(l, "signal", "stuck");
	else if (WIFSIGNALED(how->status))
		log_number(l, "signal", (unsigned)WTERMSIG(how->status));
	else
		log_number(l, "exit", (unsigned)WEXITSTATUS(how->status));
	if (how->flooded)
		log_string(l, "error", "too much output");
	else if (how->timed_out)
		log_string(l, "timeout", "yes");
}

/* ---- the session ---- */

static void
begin_client(struct log *l, enum log_level level, const char *event)
{
	log_begin(l, level, event);
	log_client(l);
}

static void
log_port(struct log *l, const struct peer *peer)
{
	if (peer->port[0] != '\0')
		log_string(l, "port", peer->port);
}

static void
log_reply(struct log *l, const struct reply *reply)
{
	char space[32];
	struct text t = { space, 0, sizeof space };

	text_number(&t, (unsigned)reply->code);
	if (reply->enhanced != NULL) {
		text_char(&t, ' ');
		text_string(&t, reply->enhanced);
	}
	log_span(l, "reply", text_span_of(&t));
}

void
event_connect(struct log *l, const struct peer *peer)
{
	begin_client(l, LOG_INFO, "connect");
	log_port(l, peer);
	log_end(l);
}

static void
event_command(struct log *l, const struct exchange *x)
{
	begin_client(l, LOG_INFO, "command");
	if (x->hidden > 0)
		log_number(l, "length", x->hidden);
	else
		log_long(l, "line", x->line, 3000);
	log_end(l);
}

static void
event_reply(struct log *l, const struct reply *reply)
{
	begin_client(l, LOG_INFO, "reply");
	log_reply(l, reply);
	log_string(l, "text", reply->text);
	log_end(l);
}

static void
event_refuse(struct log *l, const struct exchange *x)
{
	begin_client(l, LOG_INFO, "refuse");
	log_string(l, "verb", x->verb[0] != '\0' ? x->verb : "unknown");
	log_reply(l, x->reply);
	if (x->mailbox.len > 0)
		log_span(l, x->sender ? "from" : "to", x->mailbox);
	if (x->parameter.len > 0)
		log_span(l, "parameter", x->parameter);
	log_end(l);
}

/* The name as it was given.  A 454 is our fault. */
static void
event_auth(struct log *l, const struct exchange *x, const struct outcome *how)
{
	bool ours = x->reply->code == 454;

	begin_client(l, ours ? LOG_FAULT : LOG_INFO, "auth");
	log_string(l, "method", sasl_mechanism(x->who));
	log_span(l, "user", x->who->name);
	if (ours)
		log_outcome(l, "/bin/sh", how);
	log_reply(l, x->reply);
	log_end(l);
}

static void
event_advice(struct log *l, const char *advice)
{
	begin_client(l, LOG_CONFIG, "config");
	log_string(l, "error", advice);
	log_end(l);
}

void
event_exchange(struct log *l, const struct exchange *x,
    const struct outcome *how, bool all)
{
	if (all && (x->line.len > 0 || x->hidden > 0))
		event_command(l, x);
	if (all)
		event_reply(l, x->reply);
	if (x->who != NULL)
		event_auth(l, x, how);
	else if (exchange_is_refusal(x))
		event_refuse(l, x);
	if (x->advice != NULL)
		event_advice(l, x->advice);
}

static void
begin_output(struct log *l, const struct facts *f)
{
	log_begin(l, LOG_INFO, "output");
	if (f != NULL && f->message != NULL) {
		log_string(l, "id", f->message->id);
		return;
	}
	log_client(l);
	if (f != NULL && f->count > 0)
		log_span(l, "to", f->to.whole);
}

void
event_output(struct log *l, const struct facts *f, struct span piece)
{
	begin_output(l, f);
	log_long(l, "line", piece, LOG_LINE_MAX - 1024);
	log_end(l);
}

void
event_dropped(struct log *l, const struct facts *f, unsigned long long octets)
{
	begin_output(l, f);
	log_number(l, "dropped", octets);
	log_end(l);
}

void
event_tls(struct log *l, const struct peer *peer, const char *error)
{
	begin_client(l, LOG_INFO, "tls");
	if (error != NULL)
		log_string(l, "error", error);
	if (peer->tls_protocol[0] != '\0')
		log_string(l, "protocol", peer->tls_protocol);
	if (peer->tls_cipher[0] != '\0')
		log_string(l, "cipher", peer->tls_cipher);
	log_end(l);
}

void
event_no_tls(struct log *l, const char *error, const struct outcome *how)
{
	begin_client(l, LOG_FAULT, "tls");
	if (how->error == 0)
		log_string(l, "error", error);
	if (how->error != 0 || how->exited)
		log_outcome(l, "/bin/sh", how);
	log_end(l);
}

void
event_close(struct log *l, const struct peer *peer,
    const struct traffic *traffic, enum protocol_reason reason,
    const char *why, unsigned long long messages, long long since)
{
	static const char *const reasons[] = {
		[PROTOCOL_EOF] = "eof",
		[PROTOCOL_QUIT] = "quit",
		[PROTOCOL_TIMEOUT] = "timeout",
		[PROTOCOL_ERRORS] = "errors",
		[PROTOCOL_LOST] = "errors",
		[PROTOCOL_STOP] = "stop",
		[PROTOCOL_PIPELINED] = "tls",
		[PROTOCOL_NO_TLS] = "tls",
		[PROTOCOL_PROXY] = "proxy",
		[PROTOCOL_ERROR] = "error",
	};

	begin_client(l, LOG_INFO, "close");
	log_port(l, peer);
	log_string(l, "reason", reasons[reason]);
	if (traffic->error != 0 && why == NULL)
		why = strerror(traffic->error);
	if (why != NULL)
		log_string(l, "error", why);
	log_number(l, "messages", messages);
	log_number(l, "in", traffic->in);
	log_number(l, "out", traffic->out);
	if (traffic->unsent > 0)
		log_number(l, "unsent", traffic->unsent);
	log_seconds(l, since);
	log_end(l);
}

void
event_speaker(struct log *l, const struct peer *peer, const char *error,
    int status, unsigned long long messages, long long since)
{
	begin_client(l, LOG_FAULT, "close");
	log_port(l, peer);
	log_string(l, "reason", "speaker");
	if (error != NULL)
		log_string(l, "error", error);
	else
		log_outcome(l, NULL, &(struct outcome){ .status = status });
	log_number(l, "messages", messages);
	log_seconds(l, since);
	log_end(l);
}

/* ---- where we listen ---- */

void
event_turned_away(struct log *l, const struct peer *peer,
    const struct reply *reply, int error)
{
	begin_client(l, error != 0 ? LOG_FAULT : LOG_INFO, "refuse");
	log_port(l, peer);
	log_reply(l, reply);
	if (error != 0)
		log_string(l, "error", strerror(error));
	log_end(l);
}

void
event_died(struct log *l, const struct peer *peer, int signal)
{
	begin_client(l, LOG_FAULT, "close");
	log_port(l, peer);
	log_number(l, "signal", (unsigned)signal);
	log_end(l);
}

void
event_accept(struct log *l, int error)
{
	log_begin(l, LOG_FAULT, "accept");
	log_string(l, "error", strerror(error));
	log_end(l);
}

/* ---- runs ---- */

/* What each line of a message begins with; ours: the fault is. */
static void
begin_message(struct log *l, const struct facts *f, bool ours)
{
	const struct envelope *e = f->envelope;
	struct span from = e->sender.whole;

	log_begin(l, ours ? LOG_FAULT : LOG_INFO, "message");
	log_string(l, "id", f->message->id);
	log_client(l);
	if (f->peer->user[0] != '\0')
		log_string(l, "user", f->peer->user);
	log_span(l, "helo", facts_helo(f));
	log_span(l, "from", from.len > 0 ? from : span_of("<>"));
	if (f->count > 0)
		log_span(l, "to", f->to.whole);
	log_number(l, "nrcpt", f->count);
	log_number(l, "size", spool_size(&f->message->spool));
}

static bool
is_temporary(const struct reply *reply)
{
	return reply->code / 100 == 4;
}

void
event_message(struct log *l, const struct facts *f, const char *command,
    const struct outcome *how, const struct reply *reply, bool chosen,
    long long since)
{
	begin_message(l, f, is_temporary(reply) && !chosen);
	log_outcome(l, command, how);
	log_reply(l, reply);
	log_seconds(l, since);
	log_end(l);
}

void
event_no_run(struct log *l, const struct facts *f, const struct reply *reply,
    const char *hint, long long since)
{
	const struct spool *spool = &f->message->spool;

	begin_message(l, f, spool->error != 0 ||
	    (reply != NULL && is_temporary(reply)));
	if (spool->error != 0) {
		log_string(l, "spool", spool->dir);
		log_string(l, "error", strerror(spool->error));
	}
	if (reply != NULL)
		log_reply(l, reply);
	else
		log_string(l, "dropped", "yes");
	if (hint != NULL)
		log_string(l, "hint", hint);
	log_seconds(l, since);
	log_end(l);
}

void
event_lookup(struct log *l, const struct facts *f, const char *program,
    const struct outcome *how, long long since)
{
	begin_client(l, LOG_FAULT, "lookup");
	log_span(l, "to", f->to.whole);
	log_outcome(l, program, how);
	log_seconds(l, since);
	log_end(l);
}

void
event_field(struct log *l, const struct facts *f, struct span field,
    const char *error)
{
	begin_client(l, LOG_FAULT, "lookup");
	log_span(l, "to", f->to.whole);
	log_span(l, "prepend", field);
	log_string(l, "error", error);
	log_end(l);
}

void
event_file(struct log *l, const struct reader *r)
{
	begin_client(l, LOG_FAULT, "lookup");
	log_string(l, "file", r->file->value);
	log_string(l, "error", r->fault);
	log_end(l);
}

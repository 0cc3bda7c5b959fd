/*
 * smtpd - mail from a connection on descriptors 0 and 1 into a command
 *
 * The rules that keep the promises; the code names them by number.
 *
 *  1. The command starts when the message is whole, and never before.
 *  2. 250 only after exit 0 (or 99); a fault of ours is 4xx, whatever it is.
 *  3. What came from the network is the command's standard input and checked
 *     values in its environment; it is a word of a command line only where
 *     --append-recipients or --lookup asks for it, and no shell parses it.
 *  4. Nothing but replies goes to the client: the command's output goes to a
 *     pipe, the log never to a descriptor that is the client's.
 *  5. No mail under a configuration that was not understood whole.
 *  6. The command inherits what ENVIRONMENT in smtpd.8 says, and nothing that
 *     the launcher left behind: no descriptor, no signal, no stale variable.
 *
 * Here the rooms of lib/ become one program: what is wired to what, what the
 * protocol's handler does with it, and how the process ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "lib/auth.h"
#include "lib/delivery.h"
#include "lib/doer.h"
#include "lib/event.h"
#include "lib/file.h"
#include "lib/front.h"
#include "lib/launcher.h"
#include "lib/listener.h"
#include "lib/options.h"
#include "lib/recipients.h"
#include "lib/sandbox.h"
#include "lib/serve.h"
#include "lib/speaker.h"
#include "lib/tls.h"
#include "lib/trial.h"
#include "lib/version.h"
#include "protocol.h"

/* Small things first, and what each session writes to together, or at the start
 * of a page, so that it, and its first message, touch few. */
enum { PAGE = 4096 };

struct smtpd {
	struct settings settings;
	struct log log;
	struct launcher launcher;
	enum launcher_left left;
	long long let_in;		/* channel_wait's, of who accepts */
	struct listener listener;
	struct peer peer;
	struct recipients recipients;
	struct delivery delivery;
	struct auth auth;
	struct tls tls;
	struct front front;
	struct runner runner;
	struct channel channel;
	_Alignas(PAGE) struct message message;
	_Alignas(PAGE) struct protocol session;
	struct output output;
	struct reader reader;
	char log_space[LOG_LINE_MAX];
	_Alignas(PAGE) struct environment environment;
	_Alignas(PAGE) struct speaker speaker;
	_Alignas(PAGE) struct doer doer;
};

/* ---- the end of it ---- */

/* As the options say, but never to the client. */
static void
open_log(struct smtpd *s)
{
	enum log_to to = s->settings.log;

	if (s->launcher.log_is_client && to != LOG_TO_NONE)
		to = LOG_TO_SYSLOG;
	else if (to == LOG_TO_USUAL)
		to = LOG_TO_STDERR;
	log_open(&s->log, to, &s->launcher.descriptor[2], s->log_space);
}

/* Nobody who listens ends at once, where his launcher would start him again and
 * again, and then give up. */
static int
turn_away(struct smtpd *s, int status)
{
	enum { AT_LEAST = 5 * 1000, PATIENCE = 10 * 1000 };	/* ms */
	static const struct reply sorry = { 421, "4.3.5",
	    "Configuration error, try again later" };

	if (s->left != LAUNCHER_NONE)
		return isatty(2) || listener_turn_away(&s->listener, &sorry,
		    AT_LEAST) ? status : EX_OK;
	channel_open(&s->channel, 0, 1, PATIENCE);
	protocol_refuse(&s->channel, &sorry);
	return status;
}

/* Rule 5.  The client, where there is one, is asked to come again; else who
 * asks for a check, or gives wrong options, is told on 2, whatever that is. */
static _Noreturn void
die(struct smtpd *s, int status, const char *what, const char *why)
{
	bool client = !s->settings.check && (s->left != LAUNCHER_NONE ||
	    launcher_has_client(&s->launcher));

	if (!client && (status == EX_USAGE || s->settings.check))
		log_open(&s->log, LOG_TO_STDERR, &s->launcher.descriptor[2],
		    s->log_space);
	else if (s->log.to == LOG_TO_USUAL)
		open_log(s);
	event_config(&s->log, what, why);
	exit(client ? turn_away(s, status) : status);
}

static _Noreturn void
print(const struct text *t)
{
	exit(file_write(1, text_span_of(t)) ? EX_OK : EX_OSERR);
}

/* ---- the session's handler ---- */

static enum forward_result
forward_domain(void *context, const struct lookup *l, struct reply *reply)
{
	struct smtpd *s = context;

	return recipients_domain(&s->recipients, &l->name, reply);
}

static enum lookup_result
look_up_name(void *context, const struct lookup *l, struct reply *reply)
{
	struct smtpd *s = context;

	return recipients_name(&s->recipients, l, reply);
}

static bool
begin(void *context, const struct envelope *envelope, struct reply *reply)
{
	struct smtpd *s = context;

	(void)reply;
	delivery_begin(&s->delivery, envelope,
	    s->settings.sandbox ? s->doer.deeds.began : 0);
	return true;
}

static bool
append(void *context, struct span data, struct reply *reply)
{
	struct smtpd *s = context;

	return delivery_append(&s->delivery, data, reply);
}

static void
commit(void *context, size_t recipient, struct reply *reply)
{
	struct smtpd *s = context;

	delivery_commit(&s->delivery, recipient, reply);
}

static void
discard(void *context, const struct reply *why, const char *hint)
{
	struct smtpd *s = context;

	delivery_discard(&s->delivery, why, hint);
}

static bool
stopping(void *context)
{
	struct smtpd *s = context;

	tls_watch(&s->tls);
	return launcher_stops();
}

static void
answered(void *context, const struct exchange *x)
{
	struct smtpd *s = context;

	event_exchange(&s->log, x, &s->auth.how, s->settings.verbose);
}

static enum auth_result
authenticate(void *context, const struct sasl *who)
{
	struct smtpd *s = context;

	return auth_ask(&s->auth, who, &s->session.envelope);
}

static enum protocol_tls
prepare_tls(void *context)
{
	struct smtpd *s = context;
	enum protocol_tls how;

	peer_find_local(&s->peer);	/* while 0 is the connection */
	how = tls_prepare(&s->tls, &s->session.envelope);
	if (how == TLS_NOT_NOW)
		event_no_tls(&s->log, s->tls.error, &s->tls.how);
	return how;
}

static bool
start_tls(void *context, int fd[2])
{
	struct smtpd *s = context;
	bool up = tls_start(&s->tls, fd);

	if (!up || s->settings.verbose)
		event_tls(&s->log, &s->peer, up ? NULL : s->tls.error);
	return up;
}

static bool
rename_client(void *context, const struct xclient *x)
{
	struct smtpd *s = context;

	front_rename(&s->front, x);
	/* who is the same may speak still: behind STARTTLS 0 says nothing */
	if ((x->given & XCLIENT_ADDR) == 0)
		return true;
	if (s->settings.verbose)
		event_connect(&s->log, &s->peer);
	return front_may_speak(&s->front);
}

static void
forward_client(void *context, const struct xclient *x)
{
	struct smtpd *s = context;

	front_forward(&s->front, x);
	s->log.client = x != NULL ? s->front.forwarded.address :
	    s->peer.address;
}

static const struct protocol_handler handler = {
	forward_domain, look_up_name, begin, append, commit, discard, stopping,
	answered, authenticate, prepare_tls, start_tls, rename_client,
	forward_client
};

/* ---- the configuration: rule 5 ---- */

static void
parse_options(struct smtpd *s, int argc, char **argv)
{
	struct text t = { s->environment.space, 0,
	    sizeof s->environment.space };
	struct fault fault;

	if (argc == 1 && isatty(0)) {
		file_write(2, span_of(options_usage));
		exit(EX_USAGE);
	}
	if (!options_parse(&s->settings, argc, argv, &fault))
		die(s, EX_USAGE, fault.what, fault.why);
	if (options_answer(&s->settings, VERSION, &t))
		print(&t);
}

/* What each room works with. */
static void
join(struct smtpd *s)
{
	struct settings *o = &s->settings;

	s->peer.hostname = o->protocol.hostname;
	s->message.config = &o->protocol;
	s->message.peer = &s->peer;
	s->message.pid = s->log.pid;
	s->message.received = o->received;
	s->message.return_path = o->return_path;
	s->message.spool.dir = o->spool;
	s->runner.log = &s->log;
	s->runner.let_in = &s->channel.let_in;
	s->runner.peer = &s->peer;
	s->runner.environment = &s->environment;
	s->runner.output = &s->output;
	s->delivery = (struct delivery){ .log = &s->log,
	    .message = &s->message, .runner = &s->runner,
	    .command = o->command, .limit = o->command_timeout,
	    .append_recipients = o->append_recipients };
	s->recipients = (struct recipients){ .log = &s->log, .peer = &s->peer,
	    .reader = &s->reader, .runner = &s->runner,
	    .message = &s->message,
	    .domains = &o->domains, .forwards = &o->forwards,
	    .users = &o->users, .lookup = o->lookup, .limit = o->asking_time,
	    .config = &o->protocol };
	s->tls = (struct tls){ .runner = &s->runner, .peer = &s->peer,
	    .command = o->starttls, .ucspi = s->launcher.tls,
	    .log_is_client = s->launcher.log_is_client,
	    .limit = o->asking_time, .stopping = launcher_stops };
	s->listener.max_sessions = o->max_sessions;
	s->listener.max_per_client = o->proxies.on ? 0 : o->max_per_client;
	s->listener.trusted = &o->speakers;
	s->front = (struct front){ .peer = &s->peer,
	    .proxies = &o->proxies.from, .speakers = &o->speakers,
	    .limit = o->header_time };
	s->auth = (struct auth){ .runner = &s->runner, .peer = &s->peer,
	    .command = o->auth, .limit = o->asking_time };
}

/* Nobody runs without the sandbox that he asked for. */
static void
try_sandbox(struct smtpd *s)
{
	if (!s->settings.sandbox)
		return;
	process_prepare();		/* a launcher may ignore SIGCHLD */
	if (!sandbox_try())
		die(s, EX_CONFIG, "option --sandbox", strerror(errno));
}

static _Noreturn void
check(struct smtpd *s)
{
	const struct protocol_config *p = &s->settings.protocol;
	const char *late = options_late(&s->settings);
	struct text t = { (char[192]){ "" }, 0, 192 };
	struct fault fault;

	try_sandbox(s);
	if (!trial_passes(&s->settings, &s->environment, &s->message.spool,
	    &fault))
		die(s, EX_CONFIG, fault.what, fault.why);
	text_string(&t, "ok");
	if (p->require_tls && !p->tls && s->settings.starttls == NULL)
		text_string(&t, ", where the launcher does TLS");
	if (s->settings.sandbox && !sandbox_has_filter)
		text_string(&t, ", but this build has no filter");
	text_char(&t, '\n');
	if (late != NULL) {
		text_string(&t, "hint: --");
		text_string(&t, late);
		text_string(&t, " stands behind the command, so the command "
		    "gets it; ours stand before\n");
	}
	print(&t);
}

/* ---- a session ---- */

static int
close_session(struct smtpd *s, enum protocol_reason reason, const char *why,
    const struct traffic *traffic, long long since)
{
	s->log.client = s->peer.address;
	if (reason == PROTOCOL_PIPELINED)
		event_tls(&s->log, &s->peer, "octets behind STARTTLS");
	/* who said hello, and went, was a health check */
	if (s->log.wrote || s->session.mailed ||
	    (reason != PROTOCOL_EOF && reason != PROTOCOL_QUIT))
		event_close(&s->log, &s->peer, traffic, reason, why,
		    s->delivery.messages, since);
	return reason == PROTOCOL_ERROR ? EX_OSERR : EX_OK;
}

/* What a PROXY header says counts before anything is said. */
static void
take_header(void *context, const struct proxy *h)
{
	struct smtpd *s = context;

	front_take(&s->front, h);
	if (s->settings.verbose)
		event_connect(&s->log, &s->peer);
}

static enum protocol_reason
reason_of(enum front_status status)
{
	static const enum protocol_reason reasons[] = {
		[FRONT_LEFT] = PROTOCOL_EOF,
		[FRONT_STOPPED] = PROTOCOL_STOP,
		[FRONT_REFUSED] = PROTOCOL_PROXY,
		[FRONT_BROKEN] = PROTOCOL_ERROR,
	};

	return reasons[status];
}

/* All that is said to the client and by it. */
static enum protocol_reason
converse(struct smtpd *s, struct channel *c, const struct protocol_handler *h,
    void (*header)(void *context, const struct proxy *h), void *context)
{
	struct protocol_config *p = &s->settings.protocol;
	enum front_status status;
	struct proxy proxy;

	channel_open(c, 0, 1, p->timeout);
	if (s->settings.proxies.on) {
		s->front.channel = c;
		s->front.stopping = h->stopping;
		s->front.context = context;
		status = front_read(&s->front, &proxy);
		if (status != FRONT_READY)
			return reason_of(status);
		header(context, &proxy);
		p->tls |= proxy.tls;
	}
	protocol_open(&s->session, p, h, context);
	return protocol_serve(&s->session, c);
}

static int
serve_alone(struct smtpd *s, long long since)
{
	const struct channel *c = &s->channel;
	enum protocol_reason reason = converse(s, &s->channel, &handler,
	    take_header, s);
	struct traffic traffic = { c->octets_in, c->octets_out,
	    channel_unsent(c), channel_error(c) };

	tls_end(&s->tls);
	return close_session(s, reason, s->front.error, &traffic, since);
}

/* ---- the same by two processes, with --sandbox ---- */

/* What both halves have from the time before they were two. */
struct halves {
	int pair;			/* each one's end */
	int tls[2];
	struct channel *channel;
};

static void
join_speaker(struct smtpd *s, const struct halves *h)
{
	const struct protocol_config *p = &s->settings.protocol;
	struct speaker *sp = &s->speaker;

	sp->pair = h->pair;
	sp->channel = h->channel;
	sp->session = &s->session;
	sp->tls[0] = h->tls[0];
	sp->tls[1] = h->tls[1];
	sp->verbose = s->settings.verbose;
	if (recipients_are_plain(&s->recipients) && !s->settings.proxies.on &&
	    !p->auth && !p->xclient) {
		sp->policy = forward_domain;
		sp->policy_context = s;
	}
}

static _Noreturn void
speak(struct smtpd *s, const struct halves *h)
{
	struct speaker *sp = &s->speaker;
	enum protocol_reason reason;

	join_speaker(s, h);
	if (!sandbox_enter(s->log.pid, (int[3]){ sp->pair, sp->tls[0],
	    sp->tls[1] })) {
		speaker_unlocked(sp, errno);
		_exit(EX_CONFIG);
	}
	/* what was read of who is here is nothing for who may be anybody */
	if (s->reader.file != NULL)
		octets_erase(s->reader.space, sizeof s->reader.space);
	speaker_ready(sp);
	sp->channel->notice_fd = sp->pair;
	reason = converse(s, sp->channel, &speaker_handler, speaker_header,
	    sp);
	speaker_end(sp, reason, s->front.error);
	_exit(EX_OK);
}

/* It is the speaker's connection; a command may need it for TLS. */
static void
leave_connection(void *context)
{
	struct smtpd *s = context;

	tls_leave_clear(&s->tls);
	if (s->tls.command == NULL)
		tls_leave_connection(&s->tls);
}

static int
act(struct smtpd *s, const struct halves *h, pid_t speaker, long long since)
{
	struct deeds *e = &s->doer.deeds;
	bool good;

	s->doer.pair = h->pair;
	s->doer.speaker = speaker;
	e->ledger = (struct ledger){ .config = &s->settings.protocol,
	    .envelope = &s->session.envelope };
	e->handler = &handler;
	e->context = s;
	e->ready = leave_connection;
	e->header = s->settings.proxies.on ? take_header : NULL;
	e->channel = h->channel;
	e->since = since;
	s->doer.let_in = &s->channel.let_in;
	s->doer.grace = 30 * 1000;
	good = doer_serve(&s->doer);
	if (e->unlocked != 0)
		die(s, EX_CONFIG, "option --sandbox", strerror(e->unlocked));
	tls_end(&s->tls);
	s->session.mailed = e->mailed;
	if (good)
		return close_session(s, e->reason, e->why, &e->traffic, since);
	s->log.client = s->peer.address;
	event_speaker(&s->log, &s->peer, e->error, s->doer.status,
	    s->delivery.messages, since);
	return EX_SOFTWARE;
}

static int
serve_apart(struct smtpd *s, long long since)
{
	struct halves h = { .channel = sandbox_share(sizeof *h.channel) };
	pid_t pid;

	peer_find_local(&s->peer);	/* while 0 is the connection */
	pid = h.channel != NULL && tls_open(&s->tls, h.tls) ?
	    sandbox_divide(&h.pair) : -1;
	if (pid < 0)
		die(s, EX_OSERR, "option --sandbox", strerror(errno));
	if (pid == 0)
		speak(s, &h);
	return act(s, &h, pid, since);
}

static int
serve(struct smtpd *s)
{
	struct protocol_config *p = &s->settings.protocol;
	enum front_status status = FRONT_READY;
	long long since = channel_now();

	if (s->settings.proxies.on)
		status = front_judge(&s->front);
	if (status != FRONT_READY)
		return close_session(s, reason_of(status), s->front.error,
		    &(struct traffic){ .in = 0 }, since);
	p->may_rename = p->xclient && front_may_speak(&s->front);
	if (s->settings.verbose && !s->settings.proxies.on)
		event_connect(&s->log, &s->peer);
	if (s->log.to == LOG_TO_STDERR)
		launcher_greet_person(&s->launcher);
	return s->settings.sandbox ? serve_apart(s, since) :
	    serve_alone(s, since);
}

/* ---- main ---- */

/* Rule 5: the files of the options, and TLS where it is required. */
static void
check_configuration(struct smtpd *s)
{
	struct protocol_config *p = &s->settings.protocol;
	struct fault fault;

	if (!options_check(&s->settings, &fault) ||
	    !recipients_open(&s->recipients, &fault))
		die(s, EX_CONFIG, fault.what, fault.why);
	if (s->settings.sandbox && sandbox_fault() != NULL)
		die(s, EX_CONFIG, "option --sandbox", sandbox_fault());
	if (s->settings.check)
		check(s);
	p->tls = peer_is_in_tls(&s->peer, p->tls);
	p->starttls = s->settings.starttls != NULL || s->launcher.tls[0] > 0;
	if (p->require_tls && !p->tls && !p->starttls &&
	    !s->settings.proxies.on)
		die(s, EX_CONFIG, "option --require-tls", "needs --starttls, "
		    "--tls, --proxy or a launcher that does TLS");
}

/* True, in a process of its own, for each connection; false: the end. */
static bool
accept_sessions(struct smtpd *s)
{
	launcher_forget_client(&s->launcher);
	check_configuration(s);
	recipients_close(&s->recipients);
	try_sandbox(s);
	if (!runner_prepare(&s->runner))
		die(s, EX_CONFIG, "environment", strerror(errno));
	if (!listener_open(&s->listener))
		die(s, EX_CONFIG, "option --max-sessions", strerror(errno));
	if (!listener_serve(&s->listener))
		return false;
	s->left = LAUNCHER_NONE;
	s->log.pid = s->message.pid = getpid();
	s->log.wrote = false;
	return true;
}

int
main(int argc, char **argv)
{
	static struct smtpd s;
	const char *why = "";

	launcher_take_signals();
	if (!launcher_take_descriptors(&s.launcher))
		return EX_OSERR;
	s.log = (struct log){ .pid = getpid(), .client = s.peer.address,
	    .let_in = &s.channel.let_in };
	s.listener = (struct listener){ .launcher = &s.launcher, .log = &s.log,
	    .peer = &s.peer, .let_in = &s.let_in };
	peer_find(&s.peer);
	s.left = launcher_find_listeners(&s.launcher, s.peer.unconnected,
	    &why);
	launcher_take_path();
	parse_options(&s, argc, argv);
	open_log(&s);
	join(&s);
	if (s.left == LAUNCHER_WRONG)
		die(&s, EX_CONFIG, "what the launcher left", why);
	if (s.left == LAUNCHER_LISTENS && !accept_sessions(&s))
		return EX_OK;
	check_configuration(&s);
	if (!launcher_has_connection(&s.launcher))
		die(&s, EX_OSERR, "descriptor 0 or 1 is closed",
		    "a superserver is to start this program");
	_exit(serve(&s));		/* exit would touch pages, for nothing */
}

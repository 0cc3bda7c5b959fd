/*
 * forward - a command for smtpd that hands its message on to one server, by
 * SMTP or LMTP, and ends in that server's own words
 *
 * What the server has not taken is not taken, and only what it says of the
 * message is for ever: whatever is wrong between the two of us is tried again.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "channel.h"
#include "lib/client.h"
#include "lib/dial.h"
#include "lib/file.h"
#include "lib/stuffing.h"
#include "lib/version.h"

enum {
	/* sysexits.h is not POSIX. */
	EX_OK = 0, EX_USAGE = 64, EX_OSERR = 71, EX_TEMPFAIL = 75,
	EX_NOPERM = 77,
	STEP = 60, STEPS = 4,		/* seconds; of these, in all */
	STEP_MAX = 1000000,
	LINE_READ = 2048		/* octets of a reply; more are cut */
};

struct forward {
	const char *to;			/* as on the command line */
	struct dial dial;
	struct client_mail mail;
	struct client client;
	long long step, deadline;	/* ms; of a step, and when all is over */
	off_t start;			/* of the message */
	struct stuffing stuffing;	/* where it is, */
	struct span read;		/* and what was read of it */
	char host[IP_NAME_MAX + 1];
	char content[64 * 1024];
	char piece[CHANNEL_OUT_SIZE];
	struct channel channel;
};

/* ---- the end ---- */

/* Lines that cannot be taken for a reply. */
static _Noreturn void
stop(const struct forward *f, int status, const char *what, const char *why)
{
	fprintf(stderr, "forward: %s: %s: %s\n", f->to, what, why);
	exit(status);
}

/* As lines of output, less their CRs. */
static void
drop_crs(struct text *t)
{
	size_t i, n = 0;

	for (i = 0; i < t->len; i++)
		if (t->ptr[i] != '\r')
			t->ptr[n++] = t->ptr[i];
	t->len = n;
}

/* With both codes, so that smtpd takes it whatever they are. */
static struct text
compose(const struct words *w, char space[REPLY_MAX])
{
	static const char *const least[] = { [2] = "2.0.0", [4] = "4.0.0",
	    [5] = "5.0.0" };
	struct text t = text_in(space, REPLY_MAX);
	struct reply r = { w->code / 100 == 2 ? 250 : w->code,
	    w->enhanced[0] != '\0' ? w->enhanced : least[w->code / 100],
	    w->text };

	text_reply(&t, &r, true);
	drop_crs(&t);
	return t;
}

static _Noreturn void
stop_with_reply(const struct forward *f, int status)
{
	char space[REPLY_MAX];
	struct text t = compose(&f->client.verdict, space);

	file_write(1, text_span_of(&t));
	exit(status);
}

/* A reply that the client is not to have; its first line will do. */
static _Noreturn void
stop_over_reply(const struct forward *f)
{
	const struct client *c = &f->client;
	char space[REPLY_MAX], about[2 * LINE_READ];
	struct text t = compose(&c->verdict, space);
	struct text what = text_in(about, sizeof about);

	t.len = (size_t)(span_find(text_span_of(&t), '\n') - t.ptr);
	if (c->about.len > 0) {
		text_string(&what, "RCPT TO:<");
		text_span(&what, c->about);
		text_string(&what, ">");
	} else
		text_string(&what, client_stage_name(&f->mail, c->at));
	if (c->result == CLIENT_LATER)
		text_string(&what, ", but not other recipients "
		    "(smtpd -r 1 has one a run)");
	stop(f, EX_TEMPFAIL, text_end(&what), text_end(&t));
}

static _Noreturn void
finish(const struct forward *f)
{
	const struct client *c = &f->client;

	switch (c->result) {
	case CLIENT_TAKEN:
		stop_with_reply(f, EX_OK);
	case CLIENT_REFUSED:
		stop_with_reply(f, EX_NOPERM);
	case CLIENT_LATER:
		if (c->verdict.code / 100 == 4)
			stop_with_reply(f, EX_TEMPFAIL);
		stop_over_reply(f);
	case CLIENT_MISCONFIGURED:
		stop_over_reply(f);
	case CLIENT_NO_REPLY:
		break;
	}
	stop(f, EX_TEMPFAIL, client_stage_name(&f->mail, c->at),
	    "what came is no reply to it");
}

/* ---- replies ---- */

/* When the step that begins now has to be over. */
static long long
limit(const struct forward *f)
{
	long long by = channel_now() + f->step;

	return by < f->deadline ? by : f->deadline;
}

static void
check(const struct forward *f, enum channel_status status)
{
	if (status != CHANNEL_OK)
		stop(f, EX_TEMPFAIL,
		    client_stage_name(&f->mail, f->client.stage),
		    channel_text(status));
}

static void
flush(struct forward *f)
{
	channel_patience(&f->channel, limit(f) - channel_now());
	check(f, channel_flush(&f->channel));
}

/* A server that never stops to talk is not waited for, and has its time too. */
static void
fill(struct forward *f, long long deadline)
{
	check(f, channel_fill(&f->channel, deadline));
	if (channel_now() > deadline)
		check(f, CHANNEL_TIMEOUT);
}

static void
read_reply_line(struct forward *f, long long deadline)
{
	struct span line;

	while (channel_record(&f->channel, '\n', LINE_READ, &line) ==
	    CHANNEL_EMPTY)
		fill(f, deadline);
	if (line.ptr[line.len - 1] == '\n')
		line.len--;
	client_take_line(&f->client, line);
}

static bool
has_come(struct forward *f)
{
	size_t len;

	channel_peek(&f->channel, &len);
	return len > 0;
}

/* One, and all that came with it: what answers to nothing is none. */
static void
read_replies(struct forward *f)
{
	long long deadline = limit(f);

	do
		read_reply_line(f, deadline);
	while (client_is_amid_reply(&f->client) ||
	    (f->client.stage != CLIENT_OVER && has_come(f)));
}

/* ---- the message ---- */

static _Noreturn void
stop_over_input(const struct forward *f)
{
	stop(f, EX_TEMPFAIL, "standard input", strerror(errno));
}

/* What cannot be read twice is kept in a file without a name. */
static void
take_input(struct forward *f)
{
	FILE *file;
	ssize_t n;

	f->start = lseek(0, 0, SEEK_CUR);
	if (f->start >= 0)
		return;
	f->start = 0;
	file = tmpfile();
	while (file != NULL &&
	    (n = read(0, f->content, sizeof f->content)) != 0)
		if (n < 0 || !file_write(fileno(file),
		    (struct span){ f->content, (size_t)n }))
			stop_over_input(f);
	if (file == NULL || dup2(fileno(file), 0) < 0)
		stop_over_input(f);
}

static void
begin_content(struct forward *f)
{
	f->stuffing = (struct stuffing){
	    .binary = client_is_binary(&f->mail) };
	f->read = span_of("");
	if (lseek(0, f->start, SEEK_SET) < 0)
		stop_over_input(f);
}

/* Its next octets, in the form in which they go; none: that was all. */
static struct span
next_content(struct forward *f)
{
	struct text t = { f->piece, 0, sizeof f->piece };
	ssize_t n;

	if (f->read.len == 0) {
		n = read(0, f->content, sizeof f->content);
		if (n < 0)
			stop_over_input(f);
		if (n == 0)
			stuffing_end(&f->stuffing, &t);
		f->read = (struct span){ f->content, (size_t)n };
	}
	stuffing_take(&f->stuffing, &f->read, &t);
	return text_span_of(&t);
}

/* To hear 250 for what another program has left, nothing, would lose it. */
static void
measure_content(struct forward *f)
{
	const char *size = getenv("SMTP_SIZE");

	begin_content(f);
	while (next_content(f).len > 0)
		;
	f->mail.size = f->stuffing.octets;
	if (f->mail.size == 0 && size != NULL && strcmp(size, "0") != 0)
		stop(f, EX_TEMPFAIL, "nothing is left of the message",
		    "a program has read it; </dev/stdin is all of it");
}

static void
send_content(struct forward *f)
{
	struct span octets;

	begin_content(f);
	while ((octets = next_content(f)).len > 0) {
		channel_write(&f->channel, octets);
		flush(f);
	}
}

/* ---- the dialogue ---- */

static void
send_commands(struct forward *f, void (*compose_into)(struct client *,
    struct text *))
{
	struct text t = { f->piece, 0, sizeof f->piece };

	compose_into(&f->client, &t);
	channel_write(&f->channel, text_span_of(&t));
	flush(f);
}

static void
talk(struct forward *f)
{
	struct client *c = &f->client;

	client_begin(c, &f->mail);
	while (c->stage != CLIENT_OVER) {
		send_commands(f, client_compose);
		if (c->stage == CLIENT_CONTENT) {
			send_content(f);
			send_commands(f, client_end_content);
		}
		read_replies(f);
	}
}

/* The server may read this, and need not answer. */
static void
say_goodbye(struct forward *f)
{
	channel_patience(&f->channel, 0);
	channel_write(&f->channel, span_of("QUIT\r\n"));
	channel_flush(&f->channel);
}

/* ---- what we were started with ---- */

/* A connection does not get the number of one that is closed, or the server
 * would get what is said there; nor is a closed input one with no octets.  And
 * that nobody hears of a message that was taken does not undo it. */
static void
take_descriptors(void)
{
	struct sigaction ignored = { .sa_handler = SIG_IGN };
	int fd;

	do
		fd = open("/dev/null", O_WRONLY);
	while (fd >= 0 && fd <= 2);
	close(fd);
	sigaction(SIGPIPE, &ignored, NULL);
	sigaction(SIGXFSZ, &ignored, NULL);
}

/* ---- what it is asked for ---- */

static const char help[] =
    "usage: forward [option ...] HOST:PORT | [ADDRESS]:PORT | /SOCKET\n"
    "A command for smtpd: hands the message on to that server, by SMTP, and\n"
    "ends in what it says.  See forward(8).\n"
    "      --lmtp                      speak LMTP; one recipient a run\n"
    "      --hello NAME                our name for EHLO ($TCPLOCALHOST)\n"
    "      --timeout SECONDS           longest step; all takes four (60)\n"
    "  -h, --help                      this text\n"
    "  -V, --version                   the version\n";

static _Noreturn void
usage(const char *what, const char *why)
{
	fprintf(stderr, "forward: %s %s\n", what, why);
	exit(EX_USAGE);
}

static _Noreturn void
print(const char *text)
{
	exit(file_write(1, span_of(text)) ? EX_OK : EX_OSERR);
}

static bool
is_no_word(char c)
{
	return is_control(c) || c == ' ';
}

static void
set_hello(struct forward *f, const char *from, const char *name)
{
	f->mail.hello = span_of(name);
	if (name[0] == '\0' || span_any(f->mail.hello, is_no_word))
		usage(from, "is no name");
}

static void
set_timeout(struct forward *f, const char *value)
{
	unsigned long long seconds;

	if (!span_number(span_of(value), STEP_MAX, &seconds) || seconds == 0)
		usage("--timeout", "is 1 to 1000000 seconds");
	f->step = (long long)seconds * 1000;
}

static void
parse_options(struct forward *f, int argc, char **argv)
{
	static const struct option options[] = {
		{ "lmtp", no_argument, NULL, 'l' },
		{ "hello", required_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	const char *wrong;
	int got;

	while ((got = getopt_long(argc, argv, "hV", options, NULL)) != -1)
		switch (got) {
		case 'l': f->mail.lmtp = true; break;
		case 'n': set_hello(f, "--hello", optarg); break;
		case 't': set_timeout(f, optarg); break;
		case 'h': print(help);
		case 'V': print("forward " VERSION "\n");
		default: exit(EX_USAGE);
		}
	if (argc - optind != 1)
		usage("one server", "is to be named: see forward --help");
	f->to = argv[optind];
	wrong = dial_read(&f->dial, f->to);
	if (wrong != NULL)
		usage(f->to, wrong);
}

/* As smtpd sets it; lines end in a newline, and nothing else is a control. */
static struct span
variable(const char *name, bool needed)
{
	const char *value = getenv(name);
	size_t i;

	if (value == NULL && needed)
		usage(name, "is not set: smtpd does so, for its command");
	for (i = 0; value != NULL && value[i] != '\0'; i++)
		if (is_control(value[i]) && value[i] != '\n')
			usage(name, "has a control character");
	return span_of(value != NULL ? value : "");
}

static void
find_mail(struct forward *f)
{
	struct client_mail *m = &f->mail;
	const char *name = getenv("TCPLOCALHOST");

	m->sender = variable("SENDER", true);
	m->recipients = variable("RECIPIENTS", true);
	m->options = variable("SMTP_MAIL_OPTIONS", false);
	m->recipient_options = variable("SMTP_RCPT_OPTIONS", false);
	if (m->recipients.len == 0 || span_find(m->sender, '\n') != NULL ||
	    span_find(m->options, '\n') != NULL)
		usage("SENDER, RECIPIENTS or SMTP_MAIL_OPTIONS",
		    "is not as smtpd sets it");
	if (m->lmtp && client_has_many(m))
		stop(f, EX_TEMPFAIL, "--lmtp takes one recipient a run",
		    "give smtpd -r 1, or --lmtp");
	if (m->hello.len == 0 && (name == NULL || name[0] == '\0'))
		name = gethostname(f->host, sizeof f->host - 1) == 0 ?
		    f->host : "localhost";
	if (m->hello.len == 0)
		set_hello(f, "TCPLOCALHOST", name);
}

static void
connect_to_server(struct forward *f)
{
	const char *why = "no address";
	int fd = dial(&f->dial, limit(f), &why);

	if (fd < 0)
		stop(f, EX_TEMPFAIL, "cannot connect", why);
	channel_open(&f->channel, fd, fd, f->step);
}

int
main(int argc, char **argv)
{
	static struct forward f;

	take_descriptors();
	f.step = STEP * 1000LL;
	parse_options(&f, argc, argv);
	f.deadline = channel_now() + STEPS * f.step;
	find_mail(&f);
	take_input(&f);
	measure_content(&f);
	connect_to_server(&f);
	talk(&f);
	say_goodbye(&f);
	finish(&f);
}

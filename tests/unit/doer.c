/*
 * The packets, the waiting and the killing of the half of a session that acts:
 * with speakers that do what none does, each in a process of its own.
 */
#include <signal.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lib/doer.h"
#include "tap.h"

static struct protocol_config config;
static struct envelope envelope;
static struct channel channel;
static struct record record;
static struct doer doer;
static long long let_in;
static int slow;			/* ms that a name takes */
static int grace;			/* ms; short where it is to end by us */
static unsigned names;
static bool unread;			/* a packet to the speaker, who ends */
					/* before the doer reads */

static void
wait_ms(int ms)
{
	struct timeval rest = { ms / 1000, ms % 1000 * 1000 };

	select(0, NULL, NULL, NULL, &rest);
}

static enum forward_result
forward_domain(void *context, const struct lookup *l, struct reply *reply)
{
	names++;
	wait_ms(slow);
	return record_forward(context, l, reply);
}

static void
commit(void *context, size_t recipient, struct reply *reply)
{
	wait_ms(slow);
	record_commit(context, recipient, reply);
}

static void
ready(void *context)
{
	(void)context;
}

/* ---- speakers ---- */

static char space[FRAME_PACKET_MAX];
static struct text packet;

static struct text *
put(enum frame frame)
{
	if (packet.len == 0)
		packet = (struct text){ space, 0, sizeof space };
	frame_number(&packet, frame);
	return &packet;
}

static void
say_packet(int pair)
{
	if (write(pair, packet.ptr, packet.len) < 0)
		_exit(4);
	packet.len = 0;
}

static void
say_ready(int pair)
{
	put(FRAME_READY);
	say_packet(pair);
}

static void
ask(int pair)
{
	struct text *t = put(FRAME_ASK);

	frame_number(t, LOOKUP_VRFY);
	frame_octets(t, span_of("joe"));
	frame_octets(t, span_of(""));
	frame_number(t, false);
	say_packet(pair);
}

/* What the doer says next. */
static unsigned long long
hear(int pair)
{
	unsigned long long says = 99;
	ssize_t n = read(pair, space, sizeof space);
	struct span rest = { space, n > 0 ? (size_t)n : 0 };

	return frame_take_number(&rest, 9, &says) ? says : 99;
}

static void
say_end(int pair)
{
	struct text *t = put(FRAME_END);

	frame_number(t, PROTOCOL_STOP);
	frame_string(t, NULL);
	frame_number(t, false);
	frame_number(t, 0);
	frame_number(t, 0);
	frame_number(t, 0);
	frame_number(t, 0);
	say_packet(pair);
}

/* A message for three, up to its runs. */
static void
send_message(void)
{
	struct text *t = put(FRAME_TRANSACTION);
	int i;

	frame_string(t, "LMTP");
	frame_octets(t, span_of("client"));
	frame_string(t, "MAIL");
	frame_octets(t, span_of(""));
	frame_octets(t, span_of(""));
	for (i = 0; i < 3; i++) {
		t = put(FRAME_ASK);
		frame_number(t, LOOKUP_RCPT);
		frame_octets(t, span_of("joe"));
		frame_octets(t, span_of(""));
		frame_number(t, true);
	}
	t = put(FRAME_BEGIN);
	frame_number(t, 3);
	frame_number(t, 1);
}

/* So many of them, one after the other. */
static void
ask_for_runs(int pair, unsigned runs)
{
	unsigned i;

	send_message();
	for (i = 0; i < runs; i++) {
		frame_number(put(FRAME_COMMIT), i);
		say_packet(pair);
		if (hear(pair) != DOER_ANSWERS)
			_exit(5);
	}
}

static void
is_silent(int pair)
{
	(void)pair;
	for (;;)
		wait_ms(60000);
}

static void
floods(int pair)
{
	struct text *t;

	for (;;) {
		t = put(FRAME_FORWARD);
		frame_number(t, false);
		say_packet(pair);
	}
}

static void
asks_on_and_on(int pair)
{
	for (;;) {
		ask(pair);
		hear(pair);
	}
}

static void
does_not_listen(int pair)
{
	int i;

	for (i = 0; i < 100000; i++)
		ask(pair);
	is_silent(pair);
}

static void
is_half_closed(int pair)
{
	shutdown(pair, SHUT_RD);
	for (;;)
		ask(pair);
}

static void
leaves_the_pair(int pair)
{
	close(pair);
	is_silent(pair);
}

static void
ends_and_stays(int pair)
{
	say_end(pair);
	is_silent(pair);
}

static void
says_nothing(int pair)
{
	if (send(pair, "", 0, 0) < 0)
		_exit(4);
	is_silent(pair);
}

static void
says_half(int pair)
{
	put(FRAME_END);
	say_packet(pair);
	is_silent(pair);
}

static void
says_too_much(int pair)
{
	if (send(pair, space, sizeof space, 0) < 0)
		_exit(4);
	is_silent(pair);
}

static void
dies(int pair)
{
	(void)pair;
	raise(SIGKILL);
}

static void
exits(int pair)
{
	(void)pair;
	_exit(7);
}

static void
ends(int pair)
{
	say_end(pair);
	_exit(0);
}

static void
ends_when_told(int pair)
{
	if (hear(pair) != DOER_STOPS)
		_exit(5);
	ends(pair);
}

/* It had asked before it was told. */
static void
asks_and_ends(int pair)
{
	ask(pair);
	if (hear(pair) != DOER_STOPS || hear(pair) != DOER_ANSWERS_AND_STOPS)
		_exit(5);
	ends(pair);
}

static void
asks_for_runs(int pair)
{
	ask_for_runs(pair, 3);
	ends(pair);
}

static void
leaves_out_a_run(int pair)
{
	ask_for_runs(pair, 2);
	is_silent(pair);
}

/* ---- ---- */

/* Nobody is left of it. */
static bool
serves(void (*speaks)(int pair))
{
	static struct protocol_handler handler;
	siginfo_t how;
	int pair[2];
	bool good;

	assert(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	assert(!unread || send(pair[0], "", 1, 0) == 1);
	memset(&doer, 0, offsetof(struct doer, space));
	doer.speaker = fork();
	assert(doer.speaker >= 0);
	if (doer.speaker == 0) {
		close(pair[0]);
		say_ready(pair[1]);
		speaks(pair[1]);
		_exit(6);
	}
	close(pair[1]);
	assert(!unread || waitid(P_PID, (id_t)doer.speaker, &how,
	    WEXITED | WNOWAIT) == 0);
	handler = record_handler;
	handler.forward_domain = forward_domain;
	handler.commit = commit;
	doer.deeds.ledger = (struct ledger){ .config = &config,
	    .envelope = &envelope };
	doer.deeds.handler = &handler;
	doer.deeds.context = &record;
	doer.deeds.ready = ready;
	doer.deeds.channel = &channel;
	doer.pair = pair[0];
	doer.let_in = &let_in;
	doer.grace = grace;
	record.expanded = "";
	names = 0;
	good = doer_serve(&doer);
	close(pair[0]);
	return good && kill(doer.speaker, 0) != 0;
}

/* It is killed for this. */
static bool
is_killed(void (*speaks)(int pair), const char *error)
{
	bool good = serves(speaks);

	if (doer.deeds.error != NULL && strcmp(doer.deeds.error, error) != 0)
		printf("# %s\n", doer.deeds.error);
	return !good && doer.deeds.error != NULL &&
	    strcmp(doer.deeds.error, error) == 0 &&
	    kill(doer.speaker, 0) != 0;
}

static void
ends_of_time(void)
{
	static const char late[] = "no end in time";

	config.session_timeout = config.timeout = 100;
	grace = 300;
	ok(is_killed(is_silent, late), "a silent one has an end");
	ok(is_killed(floods, late), "one that says more and more, too");
	ok(is_killed(asks_on_and_on, late), "and one that asks and asks");
	slow = 400;
	ok(is_killed(asks_on_and_on, late) && names < 6,
	    "also where each answer takes longer than that");
	slow = 0;
	grace = 2000;
	ok(serves(ends_when_told) && doer.deeds.reason == PROTOCOL_STOP,
	    "it is told first, and may end by itself");
	config.session_timeout = config.timeout = 0;
	record.stop = true;
	ok(serves(ends_when_told), "likewise where we are to stop");
	slow = 3000;
	grace = 2000;
	ok(serves(asks_and_ends) && names == 1,
	    "who waits for a slow answer then gets it");
	slow = 1100;
	grace = 300;
	ok(is_killed(asks_on_and_on, late) && names < 4, "but not one by one");
	slow = 0;
	ok(is_killed(is_silent, late) && is_killed(floods, late) &&
	    is_killed(asks_on_and_on, late), "and none goes on for ever");
	record.stop = false;
}

static void
runs_that_are_due(void)
{
	config.lmtp = true;
	config.session_timeout = config.timeout = 100;
	grace = 2000;
	slow = 1500;
	ok(serves(asks_for_runs) && record.commits == 3,
	    "each recipient has a run, however long they take together");
	record.begun = false;
	slow = 0;
	grace = 300;
	ok(is_killed(leaves_out_a_run, "no end in time") &&
	    record.commits == 2, "who does not ask for one has an end");
	config.session_timeout = config.timeout = 0;
	config.lmtp = false;
}

static void
bad_packets(void)
{
	grace = 20 * 1000;
	ok(is_killed(does_not_listen, "answers are not read") &&
	    names < 100000, "answers wait for nobody");
	config.session_timeout = config.timeout = 100;
	grace = 300;
	ok(is_killed(is_half_closed, "no end in time"),
	    "nor for one that cannot hear them");
	config.session_timeout = config.timeout = 0;
	ok(is_killed(leaves_the_pair, "left without a word"),
	    "who leaves the pair, and stays");
	ok(is_killed(says_nothing, "left without a word"),
	    "a packet with nothing in it");
	ok(is_killed(says_half, "a value that can be none"), "half a packet");
	ok(is_killed(says_too_much, "a packet too long"), "one too long");
}

static void
deaths(void)
{
	ok(!serves(dies) && doer.deeds.error == NULL &&
	    WIFSIGNALED(doer.status) && WTERMSIG(doer.status) == SIGKILL,
	    "how it died");
	ok(!serves(exits) && doer.deeds.error == NULL &&
	    WIFEXITED(doer.status) && WEXITSTATUS(doer.status) == 7,
	    "how it ended, with nothing said");
	ok(serves(ends), "and in order");
	ok(serves(ends_and_stays) && WIFSIGNALED(doer.status),
	    "who has said all, and stays, is ended");
	unread = true;
	ok(serves(ends) && doer.deeds.reason == PROTOCOL_STOP,
	    "who ended before it read what it was told has last words, too");
	ok(!serves(exits) && doer.deeds.error == NULL &&
	    WIFEXITED(doer.status) && WEXITSTATUS(doer.status) == 7,
	    "or none");
	unread = false;
}

int
main(void)
{
	alarm(100);
	signal(SIGPIPE, SIG_IGN);
	config = (struct protocol_config){ .hostname = "mx.example.org",
	    .domain = "d", .vrfy = true, .max_recipients = 100 };
	ends_of_time();
	runs_that_are_due();
	bad_packets();
	deaths();
	return tap_end();
}

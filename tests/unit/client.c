/*
 * The client half: the form of DATA against a plain one and against our own
 * decoder, for every content of CR, LF, dot and x up to 8 octets; and what is
 * said to a server, and made of what it says.
 */
#include "tap.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "channel.h"
#include "lib/client.h"
#include "lib/content.h"
#include "lib/dial.h"
#include "lib/stuffing.h"

enum { LONGEST = 8 };

/* ---- the form of DATA ---- */

static char wire[64], decoded[64];
static size_t decoded_len;

/* Line by line, as the RFC says it. */
static size_t
expect(const char *w, size_t len, char *to)
{
	size_t n = 0, i = 0;

	while (i < len) {
		if (w[i] == '.')
			to[n++] = '.';
		while (i < len && w[i] != '\n')
			to[n++] = w[i++];
		if (i == len || n == 0 || i == 0 || w[i - 1] != '\r')
			to[n++] = '\r';
		to[n++] = '\n';
		i++;
	}
	return n;
}

/* Pieces of in octets come, and room of out octets is there at a time. */
static size_t
stuff(const char *w, size_t len, size_t in, size_t out, struct stuffing *s)
{
	struct text all = { wire, 0, sizeof wire };
	struct span piece;
	char space[64];
	struct text t;
	size_t at = 0;

	while (at < len) {
		piece = (struct span){ w + at, len - at < in ? len - at : in };
		at += piece.len;
		while (piece.len > 0) {
			t = (struct text){ space, 0, out };
			stuffing_take(s, &piece, &t);
			if (t.len == 0)
				return 0;
			text_span(&all, text_span_of(&t));
		}
	}
	stuffing_end(s, &all);
	stuffing_end(s, &all);
	return all.len;
}

static bool
take(void *context, struct span octets)
{
	(void)context;
	memcpy(decoded + decoded_len, octets.ptr, octets.len);
	decoded_len += octets.len;
	return true;
}

/* Our own decoder has it whole, with all line ends as they are on the wire. */
static bool
decodes(size_t len, const char *plain, size_t plain_len)
{
	struct content_rules rules = { .form = CONTENT_DATA, .crlf = true,
	    .take = take };
	struct content c;
	char copy[80];

	memcpy(copy, wire, len);
	memcpy(copy + len, ".\r\n", 3);
	decoded_len = 0;
	content_begin(&c, &rules);
	return content_decode(&c, copy, len + 3) == len + 3 &&
	    content_is_whole(&c) && decoded_len == plain_len &&
	    memcmp(decoded, plain, plain_len) == 0;
}

/* Lines as expect has them, with no dot added; their octets are the size. */
static size_t
plain_form(const char *w, size_t len, char *to)
{
	char undotted[LONGEST];
	size_t i;

	for (i = 0; i < len; i++)
		undotted[i] = w[i] == '.' ? 'd' : w[i];
	len = expect(undotted, len, to);
	for (i = 0; i < len; i++)
		to[i] = to[i] == 'd' ? '.' : to[i];
	return len;
}

static bool
good_form(const char *w, size_t len)
{
	char expected[64], plain[64];
	size_t n = expect(w, len, expected), in, out;
	size_t size = plain_form(w, len, plain);
	struct stuffing s;

	for (in = 1; in <= len || in == 1; in++)
		for (out = 3; out <= 6; out++) {
			s = (struct stuffing){ .binary = false };
			if (stuff(w, len, in, out, &s) != n ||
			    memcmp(wire, expected, n) != 0 || s.octets != size)
				return false;
		}
	return decodes(n, plain, size);
}

static bool
good_binary(const char *w, size_t len)
{
	struct stuffing s = { .binary = true };

	return stuff(w, len, 3, 5, &s) == len && memcmp(wire, w, len) == 0 &&
	    s.octets == len;
}

static void
forms(void)
{
	static const char alphabet[] = "\r\n.x";
	size_t len, n, i;
	bool good = true, binary = true;
	char w[LONGEST];

	for (len = 0; len <= LONGEST; len++)
		for (n = 0; n < (size_t)1 << (2 * len); n++) {
			for (i = 0; i < len; i++)
				w[i] = alphabet[n >> (2 * i) & 3];
			good = good && good_form(w, len);
			binary = binary && good_binary(w, len);
		}
	ok(good, "every content, in every piece, as DATA, and decoded again");
	ok(binary, "every content as BDAT has it, which is as it is");
}

/* ---- the dialogue ---- */

static char said[16 * 1024];
static struct client client;

/* All that is said to a server that says these lines; "@" is the message. */
static const char *
talk(const struct client_mail *m, const char *replies)
{
	struct text t = text_in(said, sizeof said);
	struct span rest = span_of(replies), line;
	const char *lf;

	client_begin(&client, m);
	while (client.stage != CLIENT_OVER) {
		client_compose(&client, &t);
		if (client.stage == CLIENT_CONTENT) {
			text_string(&t, "@");
			client_end_content(&client, &t);
		}
		lf = span_find(rest, '\n');
		if (lf == NULL)
			break;
		line = span_until(rest, lf);
		rest = span_behind(rest, lf);
		client_take_line(&client, line);
	}
	return text_end(&t);
}

static struct client_mail
mail(const char *options, const char *recipients)
{
	return (struct client_mail){ .hello = span_of("mx.example.org"),
	    .sender = span_of("ann@example.net"), .options = span_of(options),
	    .recipients = span_of(recipients), .recipient_options = span_of(
	    "NOTIFY=NEVER ORCPT=rfc822;a@b\n\nNOTIFY=DELAY\n"), .size = 7 };
}

#define EHLO "EHLO mx.example.org\r\n"
#define MAIL "MAIL FROM:<ann@example.net>"
#define ONE "joe@example.org\n"
#define TO(name) "RCPT TO:<" name "@example.org>"

/* From the greeting to the replies that come before these. */
#define GREETING "220 x\r\n250 x\n"

static bool
is(const char *options, const char *recipients, const char *replies,
    const char *expected, enum client_result result, const char *verdict)
{
	struct client_mail m = mail(options, recipients);
	const char *got = talk(&m, replies);
	bool good = strcmp(got, expected) == 0 &&
	    client.stage == CLIENT_OVER && client.result == result &&
	    strncmp(client.verdict.text, verdict, strlen(verdict)) == 0;

	if (!good)
		printf("# %s# result %u, %s\n", got, client.result,
		    client.verdict.text);
	return good;
}

static void
commands(void)
{
	ok(is("", ONE, GREETING "250 x\n250 x\n354 x\n250 2.0.0 Queued\n",
	    EHLO MAIL "\r\nRCPT TO:<joe@example.org>\r\nDATA\r\n@.\r\n",
	    CLIENT_TAKEN, "Queued"), "a mail to a server with no extension");
	ok(is("BODY=8BITMIME RET=HDRS ENVID=q SMTPUTF8 AUTH=<> SIZE=1", ONE,
	    "220 x\n250-x\n250-pipelining\r\n250-8BITMIME\n250-DSN\n"
	    "250-SMTPUTF8\n250 SIZE 99\n250 x\n250 x\n354 x\n250 x\n",
	    EHLO MAIL " BODY=8BITMIME RET=HDRS ENVID=q SMTPUTF8 SIZE=7\r\n"
	    "RCPT TO:<joe@example.org> NOTIFY=NEVER ORCPT=rfc822;a@b\r\n"
	    "DATA\r\n@.\r\n", CLIENT_TAKEN, "x"),
	    "parameters go on where they are announced, AUTH never");
	ok(is("BODY=8BITMIME RET=HDRS SMTPUTF8", ONE,
	    "220 x\n250-8BITMIME\n250 SIZE\n250 x\n250 x\n354 x\n250 x\n",
	    EHLO MAIL " SIZE=7\r\nRCPT TO:<joe@example.org>\r\nDATA\r\n@.\r\n",
	    CLIENT_TAKEN, "x"), "the first line of EHLO's reply is a name");
	ok(is("BODY=BINARYMIME", ONE, "220 x\n250-x\n250-CHUNKING\n"
	    "250 BINARYMIME\n250 x\n250 x\n250 x\n",
	    EHLO MAIL " BODY=BINARYMIME\r\nRCPT TO:<joe@example.org>\r\n"
	    "BDAT 7 LAST\r\n@", CLIENT_TAKEN, "x"),
	    "BINARYMIME goes as one chunk");
	ok(is("BODY=BINARYMIME", ONE, "220 x\n250-x\n250 BINARYMIME\n",
	    EHLO, CLIENT_REFUSED, "The next server does not take such a body"),
	    "and is refused where there is no CHUNKING");
	ok(client.verdict.code == 554 &&
	    strcmp(client.verdict.enhanced, "5.6.3") == 0, "by 554 5.6.3");
	ok(is("", "jo\xc3\xa9@example.org\n", GREETING, EHLO, CLIENT_REFUSED,
	    "The next server does not take such addresses") &&
	    strcmp(client.verdict.enhanced, "5.6.7") == 0,
	    "an address that needs SMTPUTF8 is refused by 554 5.6.7");
	ok(is("", "jo\xc3\xa9@example.org\n",
	    "220 x\n250-x\n250 SMTPUTF8\n250 x\n250 x\n354 x\n250 x\n",
	    EHLO MAIL " SMTPUTF8\r\nRCPT TO:<jo\xc3\xa9@example.org>\r\n"
	    "DATA\r\n@.\r\n", CLIENT_TAKEN, "x"),
	    "where it is announced, it is asked for, unasked too");
}

static void
hello(void)
{
	struct client_mail m = mail("", ONE);

	ok(is("", ONE, "220 x\n502 x\n250-x\n250 SIZE\n250 x\n250 x\n354 x\n"
	    "250 x\n", EHLO "HELO mx.example.org\r\n" MAIL "\r\n"
	    "RCPT TO:<joe@example.org>\r\nDATA\r\n@.\r\n", CLIENT_TAKEN, "x"),
	    "HELO where EHLO is 502, and no extensions then");
	ok(is("", ONE, "220 x\n502-x\n502-DSN\n502 SIZE\n250 x\n250 x\n550 x\n",
	    EHLO "HELO mx.example.org\r\n" MAIL "\r\n" TO("joe") "\r\n",
	    CLIENT_REFUSED, "x"), "what a refused EHLO says is none either");
	ok(is("", ONE, "220 x\n550 x\n", EHLO, CLIENT_MISCONFIGURED, "x"),
	    "550 to EHLO is about us");
	ok(is("", ONE, "220 x\n500 x\n550 x\n", EHLO "HELO mx.example.org\r\n",
	    CLIENT_MISCONFIGURED, "x"), "and so it is to HELO");
	ok(is("", ONE, "554 no\n", "", CLIENT_MISCONFIGURED, "no") &&
	    client.at == CLIENT_GREETING, "554 as the greeting is about us");
	ok(is("", ONE, "421 full\n", "", CLIENT_LATER, "full"),
	    "421 as the greeting is for now");
	m.lmtp = true;
	ok(strcmp(talk(&m, "220 x\n500 x\n"), "LHLO mx.example.org\r\n") == 0 &&
	    client.result == CLIENT_MISCONFIGURED,
	    "LMTP has no other hello than LHLO");
}

#define THREE "a@example.org\nb@example.org\nc@example.org\n"
#define THEM TO("a") "\r\n" TO("b") "\r\n" TO("c") "\r\n"

static void
recipients(void)
{
	ok(is("", THREE, GREETING "250 x\n250 x\n251 x\n250 x\n354 x\n250 x\n",
	    EHLO MAIL "\r\n" THEM "DATA\r\n@.\r\n", CLIENT_TAKEN, "x"),
	    "three, one by one");
	ok(is("", THREE, GREETING "250 x\n250 x\n550 no b\n250 x\n",
	    EHLO MAIL "\r\n" THEM, CLIENT_LATER, "no b") &&
	    span_is(client.about, "b@example.org"),
	    "where one is refused nothing is sent, and it is for now");
	ok(is("", THREE, GREETING "250 x\n550 no a\n551 no b\n550 no c\n",
	    EHLO MAIL "\r\n" THEM, CLIENT_REFUSED, "no a"),
	    "where all are refused it is for ever, in the first one's words");
	ok(is("", THREE, GREETING "250 x\n550 no a\n450 wait b\n550 no c\n",
	    EHLO MAIL "\r\n" THEM, CLIENT_LATER, "wait b"),
	    "one that is refused for now is what counts");
	ok(is("", THREE, GREETING "250 x\n550 no a\n501 what\n450 wait c\n",
	    EHLO MAIL "\r\n" THEM, CLIENT_MISCONFIGURED, "what"),
	    "or one that is about us");
	ok(is("", ONE, GREETING "550 no\n", EHLO MAIL "\r\n", CLIENT_REFUSED,
	    "no"), "a refused sender ends it");
}

/* Nothing but its answers says how many may be on their way. */
static void
windows(void)
{
	static char many[40 * 24 + 1];
	struct client_mail m = mail("", many);
	struct text t = text_in(said, sizeof said), list;
	size_t i, before;

	list = text_in(many, sizeof many);
	for (i = 0; i < 40; i++)
		text_string(&list, "somebody@example.org\n");
	text_end(&list);
	m.recipients = text_span_of(&list);
	m.recipient_options = span_of("");
	client_begin(&client, &m);
	client_take_line(&client, span_of("220 x"));
	client_compose(&client, &t);
	client_take_line(&client, span_of("250-x"));
	client_take_line(&client, span_of("250 PIPELINING"));
	t.len = 0;
	client_compose(&client, &t);
	ok(client.sent == 16, "PIPELINING: sixteen commands at once");
	before = t.len;
	client_compose(&client, &t);
	ok(t.len == before, "and not one more, until");
	client_take_line(&client, span_of("250 x"));
	client_compose(&client, &t);
	ok(client.sent == 17, "a reply comes");
	for (i = 0; i < 39; i++) {
		client_take_line(&client, span_of("250 x"));
		t.len = 0;
		client_compose(&client, &t);
	}
	ok(client.stage == CLIENT_ENVELOPE && client.sent == 41,
	    "no DATA before the last recipient's reply");
	client_take_line(&client, span_of("250 x"));
	t.len = 0;
	client_compose(&client, &t);
	ok(span_is(text_span_of(&t), "DATA\r\n"), "but then");
}

static void
replies(void)
{
	static const char *const garbage[] = { "", "x", "25", "99 x", "25x y",
	    "250x", "150 x", "650 x", " 250 x", "250\tx", "\xff" };
	static const int about_us[] = { 500, 501, 502, 503, 504, 530, 534, 535,
	    538, 555 };
	struct client_mail m = mail("", ONE);
	char script[128];
	bool good = true;
	size_t i;
	int code;

	for (i = 0; i < sizeof garbage / sizeof *garbage; i++) {
		snprintf(script, sizeof script, GREETING "%s\n", garbage[i]);
		talk(&m, script);
		good = good && client.stage == CLIENT_OVER &&
		    client.result == CLIENT_NO_REPLY &&
		    client.at == CLIENT_ENVELOPE;
	}
	ok(good, "what is no reply is none");
	for (code = 200, i = 0, good = true; code < 600; code++) {
		while (i < 9 && about_us[i] < code)
			i++;
		snprintf(script, sizeof script, GREETING "%d x\n", code);
		talk(&m, script);
		good = good && client.result == (code < 300 ? CLIENT_TAKEN :
		    code < 400 ? CLIENT_NO_REPLY : code < 500 ? CLIENT_LATER :
		    about_us[i] == code ? CLIENT_MISCONFIGURED :
		    CLIENT_REFUSED);
	}
	ok(good, "every code, to MAIL");
	ok(is("", ONE, GREETING "250 x\n250 x\n250 x\n", EHLO MAIL "\r\n"
	    TO("joe") "\r\nDATA\r\n", CLIENT_NO_REPLY, ""),
	    "250 to DATA is no reply to it");
	ok(is("", ONE, GREETING "250 x\n250 x\n354 x\n354 x\n", EHLO MAIL
	    "\r\n" TO("joe") "\r\nDATA\r\n@.\r\n", CLIENT_NO_REPLY, ""),
	    "nor is a second 354");
	ok(is("", ONE, GREETING "250-x\n251 x\n", EHLO MAIL "\r\n",
	    CLIENT_NO_REPLY, ""), "a reply has one code in all its lines");
	ok(is("", ONE,
	    GREETING "550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.1\r\n",
	    EHLO MAIL "\r\n", CLIENT_REFUSED, "one\ntwo\n") &&
	    strcmp(client.verdict.enhanced, "5.7.1") == 0,
	    "all its lines are kept");
	ok(is("", ONE, GREETING "550 4.7.1 odd\n", EHLO MAIL "\r\n",
	    CLIENT_REFUSED, "4.7.1 odd") && client.verdict.enhanced[0] == '\0',
	    "an enhanced code of another class is a word");
	ok(is("", ONE, GREETING "550\n", EHLO MAIL "\r\n", CLIENT_REFUSED, ""),
	    "a code alone is a reply");
}

/* ---- several addresses ---- */

enum { ADDRESSES = 4 };

static long long patience[ADDRESSES];	/* seconds, of each connect */
static unsigned connects;

/* In the place of libc's: a name with four addresses, and none answers. */
int
getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
    struct addrinfo **all)
{
	static struct sockaddr_in address = { .sin_family = AF_INET };
	static struct addrinfo list[ADDRESSES];
	size_t i;

	(void)host, (void)port, (void)wanted;
	for (i = 0; i < ADDRESSES; i++)
		list[i] = (struct addrinfo){ .ai_family = AF_INET,
		    .ai_addr = (struct sockaddr *)&address,
		    .ai_addrlen = sizeof address,
		    .ai_next = i + 1 < ADDRESSES ? &list[i + 1] : NULL };
	*all = list;
	return 0;
}

void
freeaddrinfo(struct addrinfo *all)
{
	(void)all;
}

int
connect(int fd, const struct sockaddr *address, socklen_t len)
{
	struct timeval t = { 0, 0 };
	socklen_t size = sizeof t;

	(void)address, (void)len;
	getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, &size);
	patience[connects++ % ADDRESSES] = t.tv_sec;
	errno = EINPROGRESS;
	return -1;
}

static void
addresses(void)
{
	struct dial d;
	const char *why = dial_read(&d, "mx.example.org:25");
	long long by = channel_now() + 1200 * 1000;

	ok(why == NULL && dial(&d, by, &why) < 0 &&
	    strcmp(why, "no answer in time") == 0, "no address answers");
	ok(connects == ADDRESSES && patience[0] <= 300 && patience[1] <= 400 &&
	    patience[2] <= 600 && patience[3] > 600,
	    "each has its part of the time that is left");
}

int
main(void)
{
	alarm(120);
	forms();
	commands();
	hello();
	recipients();
	windows();
	replies();
	addresses();
	return tap_end();
}

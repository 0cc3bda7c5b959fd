/*
 * Fuzzes the files of --domain and --users, and checks what must hold whatever
 * stands there:
 *
 * - one that was understood whole has an answer to every question, yes or no,
 *   and it is what a plain reader of its lines would say;
 * - each name of it is a mailbox, or a lone asterisk for one;
 * - what VRFY and EXPN show has no control octet but a line's blanks, fits their
 *   replies, and each line of it is a mailbox in brackets, or says how many more
 *   there are.
 *
 * Input: an octet (odd: users), a line that is asked for, and the file.
 */
#define _GNU_SOURCE		/* memfd_create */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/expand.h"
#include "lib/users.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char domain[] = "mx.example";
static struct reader reader;

/* ---- a plain reader's word for it ---- */

/* Does a line of the file pass?  A last one needs no end. */
static bool
any_line(struct span file, bool (*test)(void *, struct span), void *argument)
{
	bool found = false;

	while (file.len > 0 && !found)
		found = test(argument, span_take_until(&file, '\n'));
	return found;
}

static struct span
uncommented(struct span line)
{
	return span_trimmed(span_take_until(&line, '#'));
}

static bool
is_no_domain(void *nothing, struct span line)
{
	struct span rule = uncommented(line);

	(void)nothing;
	return list_line_fault(line) != NULL ||
	    (rule.len > 0 && !domain_is_rule(rule));
}

static bool
covers(void *asked, struct span line)
{
	struct span rule = uncommented(line), d = *(struct span *)asked;

	if (rule.len == 0)
		return false;
	return span_same(rule, d) || (rule.ptr[0] == '.' && d.len > rule.len &&
	    span_same(rule, span_skip(d, d.len - rule.len)));
}

/* A local part as it is meant: RFC 5321, 4.1.2. */
static struct span
meant(struct span local, char *to)
{
	size_t i, n = 0;

	for (i = 0; i < local.len; i++) {
		if (local.ptr[i] == '"')
			continue;
		if (local.ptr[i] == '\\' && i + 1 < local.len)
			i++;
		to[n++] = local.ptr[i];
	}
	return (struct span){ to, n };
}

static bool
is_meant(struct span a, struct span b)
{
	char space[2][MAILBOX_MAX];

	return span_same(meant(a, space[0]), meant(b, space[1]));
}

/* Of a file that is good. */
static bool
names(void *asked, struct span line)
{
	const struct mailbox *to = asked;
	struct span tagged = to->local, base = span_take_until(&tagged, '+');
	struct user_entry e;
	struct mailbox m;

	assert(user_parse_entry(line, &e) == NULL);
	if (e.name.len == 0)
		return false;
	assert(e.name.len <= MAILBOX_MAX && address_is_mailbox(e.name, &m));
	if (m.domain.len > 0 && !span_same(m.domain, to->domain))
		return false;
	return span_is(m.local, "*") || is_meant(m.local, to->local) ||
	    is_meant(m.local, base);
}

/* ---- what is asked ---- */

static void
check_domain(const struct list *list, struct span asked, struct span file)
{
	if (address_is_domain(asked))
		assert(domain_is_listed(&reader, list, asked) ==
		    (any_line(file, covers, &asked) ? LIST_YES : LIST_NO));
}

static void
check_user(const struct list *list, struct mailbox m, struct span file)
{
	struct span tagged = m.local;
	bool there = is_meant(span_take_until(&tagged, '+'),
	    span_of("postmaster")) || any_line(file, names, &m);

	assert(user_is_listed(&reader, list, &m) ==
	    (there ? LIST_YES : LIST_NO));
}

/* A mailbox in brackets, with a domain, whatever stands before it. */
static bool
ends_in_mailbox(struct span line)
{
	struct mailbox m;

	if (line.ptr[line.len - 1] != '>')
		return false;
	while (line.len > 2) {
		line = span_skip(line, 1);
		if (line.ptr[-1] == '<' && address_is_mailbox(span_first(line,
		    line.len - 1), &m) && m.domain.len > 0)
			return true;
	}
	return false;
}

static bool
is_no_text(char c)
{
	return is_control(c) && !is_space(c);
}

/* The last one may tell of more. */
static bool
is_bad_member(void *end, struct span line)
{
	assert(line.len > 0 && !span_any(line, is_no_text) &&
	    line.len + sizeof "250-2.1.5 \r\n" - 1 <= REPLY_LINE_MAX);
	return !ends_in_mailbox(line) && (line.ptr + line.len != end ||
	    !span_is(span_skip(line, line.len - 5), " more"));
}

static void
check_members(const struct list *list, enum lookup_verb verb, struct mailbox m)
{
	char space[PROTOCOL_EXPANDED_MAX], *end;
	struct text expanded = { space, 0, sizeof space };
	const struct lookup l = { .verb = verb, .name = m,
	    .expanded = &expanded };
	struct span shown;

	assert(expand_name(&reader, list, &l, span_of(domain)) !=
	    LOOKUP_ERROR);
	shown = text_span_of(&expanded);
	end = space + shown.len;
	assert(verb != LOOKUP_VRFY || span_find(shown, '\n') == NULL);
	assert(!any_line(shown, is_bad_member, end));
}

/* ---- the file ---- */

/* The list of this one file, which is written anew each time. */
static struct list *
list_of(struct span file)
{
	static struct list list;
	static char path[sizeof "/proc/self/fd/" + 10];
	static int fd;

	if (fd == 0) {
		fd = memfd_create("list", 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		if (fd < 0 || list_add(&list, path, true) != NULL)
			abort();
	}
	if (ftruncate(fd, 0) != 0 ||
	    pwrite(fd, file.ptr, file.len, 0) != (ssize_t)file.len)
		abort();
	return &list;
}

static void
try_domains(struct span asked, struct span file)
{
	struct list *list = list_of(file);
	struct fault fault;
	bool good = list_open(list, &reader, "--domain", domain_wrong, NULL, 0,
	    &fault);

	assert(good == !any_line(file, is_no_domain, NULL));
	if (good)
		check_domain(list, asked, file);
	list_close(list);
}

static void
try_users(struct span asked, struct span file)
{
	struct list *list = list_of(file);
	struct user_state state;
	struct mailbox m;
	struct fault fault;

	if (list_open(list, &reader, "--users", user_wrong, &state,
	    sizeof state, &fault)) {
		if (address_is_mailbox(asked, &m)) {
			check_user(list, m, file);
			check_members(list, LOOKUP_EXPN, m);
			check_members(list, LOOKUP_VRFY, m);
		} else if (address_parse_words(asked, &m))
			check_members(list, LOOKUP_VRFY, m);
	}
	list_close(list);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span file = { (const char *)data, len }, asked;

	if (len < 1)
		return 0;
	file = span_skip(file, 1);
	asked = span_take_until(&file, '\n');
	if (data[0] % 2 == 0)
		try_domains(asked, file);
	else
		try_users(asked, file);
	return 0;
}

#include "lists.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "file.h"
#include "ip.h"

void
fault_of_option(struct fault *fault, const char *name, const char *value,
    const char *why)
{
	struct text t = text_in(fault->what, sizeof fault->what);

	text_string(&t, "option ");
	text_string(&t, name);
	if (value != NULL) {
		text_char(&t, ' ');
		text_string(&t, value);
	}
	text_end(&t);
	fault->why = why;
}

/* ---- a file, a line at a time ---- */

static void
begin_reader(struct reader *r, const struct source *file)
{
	r->file = file;
	r->at = 0;
	r->lo = r->hi = 0;
	r->end = false;
	r->number = 0;
	r->fault = NULL;
}

static bool
fill_reader(struct reader *r)
{
	ssize_t n;

	if (r->hi - r->lo == sizeof r->space) {
		r->number++;
		r->fault = "the line is longer than 65536 octets";
		return false;
	}
	memmove(r->space, r->space + r->lo, r->hi - r->lo);
	r->hi -= r->lo;
	r->lo = 0;
	do
		n = pread(r->file->fd, r->space + r->hi,
		    sizeof r->space - r->hi, r->at);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		r->fault = strerror(errno);
		return false;
	}
	r->at += n;
	r->hi += (size_t)n;
	r->end = n == 0;
	return true;
}

_Static_assert(LIST_LINE_MAX == 65536, "what the fault says");

/* The next line, without its end; false at the end, or where there is a
 * fault. */
static bool
next_line(struct reader *r, struct span *line)
{
	const char *lf;

	for (;;) {
		*line = (struct span){ r->space + r->lo, r->hi - r->lo };
		lf = span_find(*line, '\n');
		if (lf != NULL || r->end)
			break;
		if (!fill_reader(r))
			return false;
	}
	if (lf == NULL && line->len == 0)
		return false;
	if (lf != NULL)
		*line = span_until(*line, lf);
	r->lo += line->len + (lf != NULL);
	r->number++;
	return true;
}

static bool
same_time(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static enum list_answer
find_line(struct reader *r, const struct source *file,
    bool (*test)(void *, struct span), void *argument)
{
	struct span line;
	struct stat now;
	bool found = false;

	begin_reader(r, file);
	while (!found && next_line(r, &line))
		found = test(argument, line);
	if (r->fault == NULL && (fstat(file->fd, &now) != 0 ||
	    !same_time(&now, &file->checked)))
		r->fault = "it changed while it was in use";
	return r->fault != NULL ? LIST_UNKNOWN : found ? LIST_YES : LIST_NO;
}

enum list_answer
list_find(struct reader *r, const struct list *list,
    bool (*test)(void *, struct span), void *argument)
{
	enum list_answer answer = LIST_NO;
	const struct source *x;
	size_t i;

	for (i = 0; i < list->count && answer == LIST_NO; i++) {
		x = &list->source[i];
		if (x->is_file)
			answer = find_line(r, x, test, argument);
		else if (test(argument, span_of(x->value)))
			answer = LIST_YES;
	}
	return answer;
}

/* ---- lists as the options give them ---- */

const char *
list_add(struct list *list, const char *value, bool is_file)
{
	struct source *larger = realloc(list->source, (list->count + 1) *
	    sizeof *larger);

	if (larger == NULL)
		return "out of memory";
	larger[list->count] = (struct source){ .value = value,
	    .is_file = is_file, .fd = -1 };
	list->source = larger;
	list->count++;
	return NULL;
}

static bool
is_forbidden(char c)
{
	return is_control(c) && !is_space(c);
}

const char *
list_line_fault(struct span line)
{
	if (span_any(line, is_forbidden))
		return "a control octet";
	if (line.len >= 3 && memcmp(line.ptr, "\xef\xbb\xbf", 3) == 0)
		return "a byte order mark";
	return NULL;
}

/* The usual name for a list of nothing. */
static bool
is_null_device(const struct stat *st)
{
	struct stat null;

	return S_ISCHR(st->st_mode) && stat("/dev/null", &null) == 0 &&
	    null.st_rdev == st->st_rdev;
}

/* What is wrong with the file itself; NULL: it can be read. */
static const char *
open_list_file(struct source *x)
{
	x->fd = file_open(x->value, O_NONBLOCK);
	if (x->fd < 0 || fstat(x->fd, &x->checked) != 0)
		return strerror(errno);
	return S_ISREG(x->checked.st_mode) || is_null_device(&x->checked) ?
	    NULL : "not a regular file";
}

struct check {
	const char *(*wrong)(void *state, struct span line);
	void *state;
	const char *why;
};

static bool
is_bad_line(void *check, struct span line)
{
	struct check *c = check;

	c->why = c->wrong(c->state, line);
	return c->why != NULL;
}

/* True where the reader has stopped at a line that is none. */
static bool
has_bad_line(struct reader *r, const struct source *file, struct check *c,
    struct fault *fault)
{
	struct text t = text_in(fault->what, sizeof fault->what);

	if (find_line(r, file, is_bad_line, c) == LIST_NO)
		return false;
	text_string(&t, file->value);
	text_char(&t, ':');
	text_number(&t, r->number);
	text_end(&t);
	fault->why = r->fault != NULL ? r->fault : c->why;
	return true;
}

bool
list_open(struct list *list, struct reader *r, const char *option,
    const char *(*wrong)(void *, struct span), void *state, size_t size,
    struct fault *fault)
{
	struct check c = { wrong, state, NULL };
	const char *why;
	struct source *x;
	size_t i;

	for (i = 0; i < list->count; i++) {
		x = &list->source[i];
		if (!x->is_file)
			continue;
		why = open_list_file(x);
		if (why != NULL) {
			fault_of_option(fault, option, x->value, why);
			return false;
		}
		if (state != NULL)
			memset(state, 0, size);
		if (has_bad_line(r, x, &c, fault))
			return false;
	}
	return true;
}

void
list_close(struct list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->source[i].is_file)
			close(list->source[i].fd);
}

/* ---- lists of domains ---- */

bool
domain_is_rule(struct span s)
{
	return address_is_domain(s.len > 0 && s.ptr[0] == '.' ?
	    span_skip(s, 1) : s);
}

/* Less its comment, and the blanks around it. */
static struct span
rule_of(struct span line)
{
	const char *sign = span_find(line, '#');

	return span_trimmed(sign != NULL ? span_until(line, sign) : line);
}

/* Labels of letters, digits and hyphens, which nearly every line is. */
static bool
is_simple_domain(struct span s)
{
	char c, before = '.';
	size_t i;

	for (i = 0; i < s.len; i++, before = c) {
		c = s.ptr[i];
		if (!is_alnum(c) && ((c != '-' && c != '.') || before == '.'))
			return false;
	}
	return before != '.' && s.len <= DOMAIN_MAX;
}

const char *
domain_wrong(void *state, struct span line)
{
	const char *why;

	(void)state;
	if (is_simple_domain(line))
		return NULL;
	why = list_line_fault(line);
	if (why != NULL)
		return why;
	line = rule_of(line);
	return line.len == 0 || domain_is_rule(line) ? NULL : "not a domain";
}

static bool
rule_matches(struct span rule, struct span domain)
{
	if (rule.len > 0 && rule.ptr[0] == '.' && domain.len > rule.len)
		domain = span_skip(domain, domain.len - rule.len);
	return span_same(rule, domain);
}

static bool
line_matches(void *domain, struct span line)
{
	struct span d = *(struct span *)domain;

	/* nearly every line ends here */
	if (line.len > 0 && is_alnum(line.ptr[0]) && !span_starts(line, d))
		return false;
	return rule_matches(rule_of(line), d);
}

enum list_answer
domain_is_listed(struct reader *r, const struct list *list,
    struct span domain)
{
	return list_find(r, list, line_matches, &domain);
}

/* ---- lists of networks ---- */

bool
network_is_listed(const struct list *list, const char *address)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (ip_is_in(address, span_of(list->source[i].value)))
			return true;
	return false;
}

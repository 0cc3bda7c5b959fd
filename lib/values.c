#include "values.h"

#include <limits.h>
#include <string.h>

#include "envelope.h"
#include "ip.h"
#include "log.h"
#include "peer.h"

const char *
value_flag(void *member, const char *value)
{
	(void)value;
	*(bool *)member = true;
	return NULL;
}

const char *
value_clear_flag(void *member, const char *value)
{
	(void)value;
	*(bool *)member = false;
	return NULL;
}

static const char *
set_text(void *member, const char *value)
{
	*(const char **)member = value;
	return NULL;
}

const char *
value_banner(void *member, const char *value)
{
	size_t i;

	for (i = 0; value[i] != '\0'; i++)
		if (value[i] < ' ' || value[i] > '~')
			return "not a line of printable ASCII";
	return set_text(member, value);
}

const char *
value_hostname(void *member, const char *value)
{
	struct span name = span_of(value);

	if (name.len == 0 || name.len > PEER_NAME_MAX ||
	    !span_all(name, is_host_octet))
		return "not a host name";
	return set_text(member, value);
}

const char *
value_directory(void *member, const char *value)
{
	return value[0] == '\0' ? "not a directory" : set_text(member, value);
}

const char *
value_count(void *member, const char *value)
{
	return span_number(span_of(value), 1000000000,
	    (unsigned long long *)member) ? NULL :
	    "not a number from 0 to 1000000000";
}

const char *
value_sessions(void *member, const char *value)
{
	unsigned long long *n = member;

	return value_count(n, value) == NULL && *n >= 1 && *n <= 1000000 ?
	    NULL : "not a number from 1 to 1000000";
}

_Static_assert(ENVELOPE_RECIPIENTS_MAX == 25600, "what the error says");

const char *
value_recipients(void *member, const char *value)
{
	unsigned long long n;

	if (value_count(&n, value) != NULL || n == 0 ||
	    n > ENVELOPE_RECIPIENTS_MAX)
		return "not a number from 1 to 25600";
	*(size_t *)member = (size_t)n;
	return NULL;
}

const char *
value_seconds_or_none(void *member, const char *value)
{
	unsigned long long n;

	if (value_count(&n, value) != NULL)
		return "not a number of seconds from 0 to 1000000000";
	*(long long *)member = (long long)n * 1000;
	return NULL;
}

const char *
value_seconds(void *member, const char *value)
{
	if (value_seconds_or_none(member, value) != NULL ||
	    *(long long *)member == 0)
		return "not a number of seconds from 1 to 1000000000";
	return NULL;
}

const char *
value_octets(void *member, const char *value)
{
	static const char suffix[] = "KMGkmg";
	struct span number = span_of(value);
	const char *unit = number.len == 0 ? NULL :
	    strchr(suffix, value[number.len - 1]);
	unsigned long long n;
	unsigned shift = 0;

	if (unit != NULL) {
		shift = 10 * ((unsigned)(unit - suffix) % 3 + 1);
		number.len--;
	}
	if (!span_number(number, LLONG_MAX, &n) ||
	    n > (unsigned long long)LLONG_MAX >> shift)
		return "not a size: a number, K, M or G behind it";
	*(unsigned long long *)member = n << shift;
	return NULL;
}

const char *
value_log(void *member, const char *value)
{
	static const char *const to[] = { [LOG_TO_STDERR] = "stderr",
	    [LOG_TO_SYSLOG] = "syslog", [LOG_TO_NONE] = "none" };
	enum log_to i;

	for (i = LOG_TO_STDERR; i <= LOG_TO_NONE; i++)
		if (strcmp(value, to[i]) == 0) {
			*(enum log_to *)member = i;
			return NULL;
		}
	return "not stderr, syslog or none";
}

const char *
value_bare_newline(void *member, const char *value)
{
	*(bool *)member = strcmp(value, "reject") == 0;
	return *(bool *)member || strcmp(value, "normalize") == 0 ? NULL :
	    "not normalize or reject";
}

/* What runs "sendmail -bs" can run us; no other mode is ours. */
const char *
value_mode(void *member, const char *value)
{
	*(bool *)member = strcmp(value, "s") == 0;
	return *(bool *)member ? NULL : "no mode of ours: only -bs is";
}

/* nmh and alpine say -odb -oem -om; a queue, a report, a list: none is ours. */
const char *
value_sendmail_word(void *member, const char *value)
{
	(void)value;
	return *(bool *)member ? NULL : "only behind -bs";
}

const char *
value_domain(void *member, const char *value)
{
	bool is_file = value[0] == '/' || strncmp(value, "./", 2) == 0;

	if (!is_file && !domain_is_rule(span_of(value)))
		return "not a domain, nor a file: /name or ./name";
	return list_add(member, value, is_file);
}

const char *
value_users(void *member, const char *value)
{
	return value[0] == '\0' ? "not a file" :
	    list_add(member, value, true);
}

const char *
value_network(void *member, const char *value)
{
	return ip_is_network(span_of(value)) ? list_add(member, value, false) :
	    "not a network: ADDRESS or ADDRESS/BITS";
}

const char *
value_speaker(void *member, const char *value)
{
	if (strcmp(value, "unix") == 0 || ip_is_network(span_of(value)))
		return list_add(member, value, false);
	return "not a network, ADDRESS or ADDRESS/BITS, nor unix";
}

const char *
value_proxy(void *member, const char *value)
{
	struct proxies *p = member;

	p->on = true;
	return value != NULL ? value_network(&p->from, value) : NULL;
}

struct span
value_program(const char *command)
{
	struct span rest = span_of(command), word = span_take_word(&rest);

	if (span_is(word, "exec"))
		word = span_take_word(&rest);
	return word.len > 0 && word.ptr[0] != '#' ? word : span_of("");
}

/* A launcher that splits its line at blanks, and knows no quotes, leaves "exec"
 * alone, which says yes to everything. */
const char *
value_command(void *member, const char *value)
{
	if (value[0] == '\0')
		return "not a command";
	return value_program(value).len > 0 ? set_text(member, value) :
	    "names no program; does the launcher split it at blanks?";
}

#include "recipients.h"

#include "event.h"
#include "expand.h"
#include "file.h"
#include "users.h"

bool
recipients_open(const struct recipients *r, struct fault *fault)
{
	struct user_state users = { .entry = false };

	return list_open(r->domains, r->reader, "--domain", domain_wrong,
	    NULL, 0, fault) &&
	    list_open(r->forwards, r->reader, "--forward", domain_wrong,
	    NULL, 0, fault) &&
	    list_open(r->users, r->reader, "--users", user_wrong, &users,
	    sizeof users, fault);
}

void
recipients_close(const struct recipients *r)
{
	list_close(r->domains);
	list_close(r->forwards);
	list_close(r->users);
}

enum forward_result
recipients_domain(const struct recipients *r, const struct mailbox *to,
    struct reply *reply)
{
	enum list_answer local = LIST_YES, forward = LIST_NO;

	if (to->domain.len > 0)
		local = domain_is_listed(r->reader, r->domains, to->domain);
	if (local == LIST_NO)
		forward = domain_is_listed(r->reader, r->forwards, to->domain);
	if (local == LIST_UNKNOWN || forward == LIST_UNKNOWN) {
		event_file(r->log, r->reader);
		*reply = verdict_fault;
		return CANNOT_FORWARD;
	}
	if (local == LIST_YES || (forward == LIST_NO && r->domains->count == 0))
		return LOCAL_DOMAIN;
	return forward == LIST_YES || r->peer->relay != NULL ||
	    r->peer->user[0] != '\0' ? WILL_FORWARD : CANNOT_FORWARD;
}

static bool
has_file(const struct list *l)
{
	size_t i;

	for (i = 0; i < l->count && !l->source[i].is_file; i++)
		;
	return i < l->count;
}

bool
recipients_are_plain(const struct recipients *r)
{
	return r->users->count == 0 && r->lookup == NULL &&
	    !has_file(r->domains) && !has_file(r->forwards);
}

static enum lookup_result
find_user(const struct recipients *r, const struct mailbox *name)
{
	static const enum lookup_result results[] = {
		[LIST_NO] = UNKNOWN_USER,
		[LIST_YES] = VALID_USER,
		[LIST_UNKNOWN] = LOOKUP_ERROR
	};

	return results[user_is_listed(r->reader, r->users, name)];
}

static enum lookup_result
ask_users(const struct recipients *r, const struct lookup *l)
{
	enum lookup_result user = l->verb == LOOKUP_RCPT ?
	    find_user(r, &l->name) :
	    expand_name(r->reader, r->users, l, span_of(r->config->domain));

	if (user == LOOKUP_ERROR)
		event_file(r->log, r->reader);
	return user;
}

/* Rule 3: the name is one word of its command line, behind the command. */
static void
run_lookup(const struct recipients *r, const struct facts *f,
    struct outcome *how)
{
	char name[PROTOCOL_LINE_MAX + 1];
	const char *argv[] = { "sh", "-c", r->lookup, "sh", name, NULL };
	struct process p = { .limit = r->limit, .grace = RUNNER_GRACE,
	    .whole_group = true, .max_output = RUNNER_OUTPUT_MAX };

	span_copy(f->to.whole, name, sizeof name);
	runner_run(r->runner, "/bin/sh", (char *const *)argv,
	    file_open("/dev/null", 0), &p, f, how);
}

/* Header fields that it has for the message; what is none is left out. */
static void
take_fields(const struct recipients *r, const struct facts *f)
{
	struct span rest = runner_fields(r->runner), field;
	const char *fault;

	while (rest.len > 0) {
		field = span_take_until(&rest, '\n');
		fault = prepend_take(&r->message->prepended, field);
		if (fault != NULL)
			event_field(r->log, f, field, fault);
	}
}

static enum lookup_result
ask_lookup(const struct recipients *r, const struct lookup *l,
    struct reply *reply)
{
	const struct output *o = r->runner->output;
	struct facts f = { .envelope = l->envelope, .peer = r->peer,
	    .count = 1, .to = l->name, .options = l->options };
	long long since = channel_now();
	enum lookup_result user;
	struct outcome how;
	int status;

	if (l->envelope->verb != NULL) {
		message_begin_transaction(r->message, l->envelope);
		f.id = r->message->id;
	}
	run_lookup(r, &f, &how);
	status = outcome_status(&how);
	user = verdict_of_lookup(status, o->octets == 0,
	    user_is_postmaster(l->name.local), &o->words, reply);
	if (user == LOOKUP_ERROR && (reply->code == 0 || status < 0))
		event_lookup(r->log, &f, "/bin/sh", &how, since);
	else if (status == EX_OK && l->verb == LOOKUP_RCPT)
		take_fields(r, &f);
	else if (user == VALID_USER && l->verb != LOOKUP_RCPT &&
	    l->expanded->len == 0)
		expand_value(l, span_trimmed(runner_first_line(r->runner)),
		    span_of(r->config->domain));
	return user;
}

enum lookup_result
recipients_name(const struct recipients *r, const struct lookup *l,
    struct reply *reply)
{
	enum lookup_result user = VALID_USER;

	if (r->users->count > 0)
		user = ask_users(r, l);
	if (user == VALID_USER && r->lookup != NULL)
		user = ask_lookup(r, l, reply);
	return user;
}

/* embed FOLDER - an SMTP server: libprotocol.a, a table of functions, and three
 * calls.  It keeps mail for ann at example.org, a file a message. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "channel.h"
#include "lib/serve.h"

static const struct reply cannot = { 451, "4.3.0", "Cannot keep it now" };

struct message {
	int dir, fd;
	char part[12];		/* its name; without the dot once it is whole */
};

static enum forward_result
forward_domain(void *context, const struct lookup *l, struct reply *reply)
{
	(void)context, (void)reply;
	return l->name.domain.len == 0 || span_is(l->name.domain,
	    "example.org") ? LOCAL_DOMAIN : CANNOT_FORWARD;
}

static enum lookup_result
look_up_name(void *context, const struct lookup *l, struct reply *reply)
{
	(void)context, (void)reply;
	return span_is(l->name.local, "ann") ||
	    span_is(l->name.local, "postmaster") ? VALID_USER : UNKNOWN_USER;
}

static bool
begin(void *context, const struct envelope *envelope, struct reply *reply)
{
	struct message *m = context;

	(void)envelope;
	*m = (struct message){ m->dir, -1, ".mailXXXXXX" };
	m->fd = mkstemp(m->part);
	*reply = cannot;
	return m->fd >= 0;
}

static bool
append(void *context, struct span data, struct reply *reply)
{
	struct message *m = context;
	ssize_t n;

	while (data.len > 0 && (n = write(m->fd, data.ptr, data.len)) > 0)
		data = span_skip(data, (size_t)n);
	*reply = cannot;
	return data.len == 0;
}

static void
discard(void *context, const struct reply *why, const char *hint)
{
	struct message *m = context;

	(void)why, (void)hint;
	if (m->fd >= 0 && close(m->fd) == 0)
		unlink(m->part);
}

/* 250 once it is safe on the disk, and for no other reason. */
static void
commit(void *context, size_t recipient, struct reply *reply)
{
	struct message *m = context;

	(void)recipient;
	*reply = fsync(m->fd) == 0 && link(m->part, m->part + 1) == 0 &&
	    fsync(m->dir) == 0 ?
	    (struct reply){ 250, "2.0.0", m->part + 1 } : cannot;
	discard(m, NULL, NULL);
}

static bool stopping(void *context) { return (void)context, false; }
static void answered(void *c, const struct exchange *x) { (void)c, (void)x; }
int
main(int argc, char **argv)
{
	static const struct protocol_handler handler = { forward_domain,
	    look_up_name, begin, append, commit, discard, stopping, answered,
	    NULL, NULL, NULL, NULL, NULL };
	static const struct protocol_config config = { .max_recipients = 10,
	    .hostname = "mx.example.org", .banner = "at your service",
	    .domain = "example.org", .timeout = 300 * 1000 };
	static struct protocol session;
	static struct channel channel;
	struct message mine;

	if (argc != 2 || chdir(argv[1]) || (mine.dir = open(".", O_RDONLY)) < 0)
		return 64;
	channel_open(&channel, 0, 1, config.timeout);
	protocol_open(&session, &config, &handler, &mine);
	return protocol_serve(&session, &channel) == PROTOCOL_ERROR;
}

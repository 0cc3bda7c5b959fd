#include "runner.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "event.h"
#include "launcher.h"

/* ---- its output ---- */

static void
keep_field(struct runner *r, struct span field)
{
	struct output *o = r->output;
	struct text t = { o->fields, o->fields_len, sizeof o->fields };

	if (field.len + 1 > t.size - t.len) {
		event_field(r->log, r->facts, field, prepend_no_room);
		return;
	}
	text_span(&t, field);
	text_char(&t, '\n');
	o->fields_len = t.len;
}

/* What stands where it begins says what a line is; of a long one no more is
 * looked at. */
static void
begin_line(struct runner *r, struct span line)
{
	struct output *o = r->output;
	struct span field;

	words_take(&o->words, line);
	if (r->facts->message == NULL && prepend_is(line, &field))
		keep_field(r, field);
	else if (!o->has_first) {
		o->has_first = true;
		o->first_len = line.len < sizeof o->first ? line.len :
		    sizeof o->first;
		memcpy(o->first, line.ptr, o->first_len);
	}
}

/* A piece of a line; ends: its last. */
static void
end_piece(struct runner *r, bool ends)
{
	struct output *o = r->output;
	struct span piece = { o->line, o->len };
	size_t room = (size_t)(RUNNER_OUTPUT_MAX - o->logged);

	if (!o->middle)
		begin_line(r, piece);
	if (piece.len > room)
		piece.len = room;
	if (piece.len > 0)
		event_output(r->log, r->facts, piece);
	o->logged += piece.len;
	o->len = 0;
	o->middle = !ends;
	o->lines += ends;
}

static void
take_output(void *runner, struct span octets)
{
	struct runner *r = runner;
	struct output *o = r->output;

	for (; octets.len > 0; octets = span_skip(octets, 1)) {
		o->octets++;
		if (octets.ptr[0] == '\n') {
			end_piece(r, true);
			o->logged += o->logged < RUNNER_OUTPUT_MAX;
		} else if (o->len == sizeof o->line)
			end_piece(r, false);
		if (octets.ptr[0] != '\n')
			o->line[o->len++] = octets.ptr[0];
	}
}

static void
empty_output(struct output *o)
{
	o->octets = o->logged = o->lines = 0;
	o->len = o->first_len = o->fields_len = 0;
	o->middle = o->has_first = false;
	o->words.lines = 0;
}

static void
end_output(struct runner *r)
{
	const struct output *o = r->output;

	if (o->len > 0)
		end_piece(r, true);
	if (o->octets > o->logged)
		event_dropped(r->log, r->facts, o->octets - o->logged);
}

struct span
runner_first_line(const struct runner *r)
{
	return (struct span){ r->output->first, r->output->first_len };
}

struct span
runner_fields(const struct runner *r)
{
	return (struct span){ r->output->fields, r->output->fields_len };
}

/* ---- the run ---- */

bool
runner_prepare(struct runner *r)
{
	if (r->prepared)
		return true;
	process_prepare();
	launcher_find_ignored(&r->ignored);
	r->prepared = environment_inherit(r->environment);
	return r->prepared;
}

/* Fills in what is the runner's: program, environment, signals.  False and
 * errno where it cannot be run. */
static bool
fill_in(struct runner *r, const char *program, char *const *argv,
    struct process *p, const struct facts *f)
{
	p->path = process_find(program, r->output->path,
	    sizeof r->output->path);
	if (p->path == NULL || !runner_prepare(r))
		return false;
	peer_find_local(r->peer);
	p->argv = argv;
	p->envp = environment_of(r->environment, f);
	p->ignored = &r->ignored;
	p->let_in = r->let_in;
	return true;
}

void
runner_run(struct runner *r, const char *program, char *const *argv, int in,
    struct process *p, const struct facts *f, struct outcome *how)
{
	r->facts = f;
	empty_output(r->output);
	*how = (struct outcome){ .error = 0 };
	if (in < 0 || argv == NULL || !fill_in(r, program, argv, p, f)) {
		how->error = errno;
		if (in >= 0)
			close(in);
		return;
	}
	p->in = in;
	p->output = take_output;
	p->context = r;
	process_run(p, how);
	end_output(r);
}

pid_t
runner_start(struct runner *r, const char *program, char *const *argv,
    struct process *p, int output, const struct facts *f)
{
	return fill_in(r, program, argv, p, f) ? process_start(p, output) : -1;
}

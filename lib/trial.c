#include "trial.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"
#include "variable.h"

static bool
refuse(struct fault *fault, const char *what, const char *why)
{
	span_copy(span_of(what), fault->what, sizeof fault->what);
	fault->why = why;
	return false;
}

static bool
command_passes(const char *command, struct fault *fault)
{
	const char *why = process_fault(command);

	return why == NULL || refuse(fault, command, why);
}

/* A shell's command cannot be understood, but a file that it names first can be
 * looked for. */
static bool
program_passes(const char *option, const char *command, struct fault *fault)
{
	char path[PATH_MAX];
	struct span word = span_of("");
	const char *why;

	if (command != NULL)
		word = value_program(command);
	if (word.len == 0 || word.ptr[0] != '/' || word.len >= sizeof path)
		return true;
	span_copy(word, path, sizeof path);
	if (path[strcspn(path, "\"'\\$`;|&<>(){}*?[]~#=\n")] != '\0')
		return true;
	why = process_fault(path);
	if (why != NULL)
		fault_of_option(fault, option, path, why);
	return why == NULL;
}

static bool
spool_passes(struct spool *spool, struct fault *fault)
{
	if (spool_try(spool))
		return true;
	fault_of_option(fault, spool->dir == variable("TMPDIR") ?
	    "--spool ($TMPDIR)" : "--spool", spool->dir, strerror(errno));
	return false;
}

bool
trial_passes(const struct settings *settings, struct environment *e,
    struct spool *spool, struct fault *fault)
{
	return command_passes(settings->command[0], fault) &&
	    (environment_inherit(e) ||
	    refuse(fault, "environment", strerror(errno))) &&
	    program_passes("--lookup", settings->lookup, fault) &&
	    program_passes("--starttls", settings->starttls, fault) &&
	    program_passes("--auth", settings->auth, fault) &&
	    spool_passes(spool, fault);
}

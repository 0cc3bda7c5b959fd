/*
 * trial - --check: what a session would need, tried without one (rule 5)
 */
#ifndef TRIAL_H
#define TRIAL_H

#include "environment.h"
#include "options.h"
#include "spool.h"

/* The command, those of a shell as far as they can be understood, the
 * environment, the spool.  False: the first that is not good is in *fault. */
bool trial_passes(const struct settings *settings, struct environment *e,
    struct spool *spool, struct fault *fault);

#endif

/*
 * sandbox - a process beside us that can do nothing but talk on descriptors that
 * it has
 *
 * Linux, x86-64 and arm64: a seccomp filter of our own, limits, and no file, no
 * variable and no descriptor of ours left to it.  Builds under the sanitizers,
 * which have calls of their own, have all of it but the filter.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Why there is none on this system; NULL: there may be. */
const char *sandbox_fault(void);

/* Is a process locked up, but for this? */
extern const bool sandbox_has_filter;

/* Tries it, in a process that ends at once; SIGCHLD must not be ignored.  False
 * and errno. */
bool sandbox_try(void);

/* Zeroed memory that both processes have; NULL and errno. */
void *sandbox_share(size_t size);

/* Another process, and a socket of packets between the two, of which each has
 * its end: 0 in the new one, else its number; -1 and errno. */
pid_t sandbox_divide(int *pair);

/* Locks up the process that sandbox_divide began, for good: 0, 1 and these
 * (0: none) stay open.  It dies with the other one, whose number this is.  False
 * and errno: nothing is certain of it then. */
bool sandbox_enter(pid_t other, const int kept[3]);

#endif

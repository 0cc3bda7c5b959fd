/*
 * variable - what the environment that we were started with says
 */
#ifndef VARIABLE_H
#define VARIABLE_H

#include <stddef.h>

/* What stands in assignment behind name; NULL: it does not begin so. */
static inline const char *
variable_behind(const char *assignment, const char *name)
{
	if (*assignment != *name)	/* as most do */
		return NULL;
	while (*name != '\0')
		if (*assignment++ != *name++)
			return NULL;
	return assignment;
}

/* As getenv, which calls a function for every variable there is: a start asks
 * twenty times.  NULL: it is not set. */
const char *variable(const char *name);

#endif

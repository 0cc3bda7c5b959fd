#include "variable.h"

const char *
variable(const char *name)
{
	extern char **environ;
	const char *rest;
	char **one;

	for (one = environ; *one != NULL; one++) {
		rest = variable_behind(*one, name);
		if (rest != NULL && *rest == '=')
			return rest + 1;
	}
	return NULL;
}

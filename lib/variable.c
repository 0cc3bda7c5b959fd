#include "variable.h"

#include <stddef.h>
#include <string.h>

const char *
variable(const char *name)
{
	extern char **environ;
	size_t len = strlen(name);
	char first = *name, **one;

	for (one = environ; *one != NULL; one++)
		if (**one == first && strncmp(*one, name, len) == 0 &&
		    (*one)[len] == '=')
			return *one + len + 1;
	return NULL;
}

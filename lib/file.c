#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
file_open(const char *path, int flags)
{
	/* musl's open would make a second call of O_CLOEXEC */
	return openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | flags);
}

bool
file_write(int fd, struct span octets)
{
	ssize_t n;

	while (octets.len > 0) {
		n = write(fd, octets.ptr, octets.len);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			octets = span_skip(octets, (size_t)n);
	}
	return true;
}

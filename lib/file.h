/*
 * file - how a room opens a file to read it, and writes all of something
 */
#ifndef FILE_H
#define FILE_H

#include "text.h"

/* Opens it for reading, close-on-exec, with these flags besides; the descriptor
 * is the caller's.  -1 and errno. */
int file_open(const char *path, int flags);

/* Writes all of it, on a descriptor that may wait.  False and errno. */
bool file_write(int fd, struct span octets);

#endif

/*
 * The command of the soak: adds one line to the file that its argument names,
 *
 *	SENDER SIZE CRC32 PARENT
 *
 * and then does what the recipient's local part says: "N", "N-..." exit with
 * that status, "hang" waits to be killed.  One write a line, so that any number
 * of them may run at once.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As zlib counts it. */
static uint32_t
crc32(uint32_t crc, const unsigned char *octets, size_t len)
{
	static uint32_t table[256];
	uint32_t n, c;
	int bit;

	for (n = 0; n < 256 && table[255] == 0; n++) {
		for (c = n, bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (0xedb88320U & (0U - (c & 1)));
		table[n] = c;
	}
	crc = ~crc;
	while (len-- > 0)
		crc = table[(crc ^ *octets++) & 255] ^ crc >> 8;
	return ~crc;
}

int
main(int argc, char **argv)
{
	static unsigned char octets[65536];
	const char *local = getenv("LOCAL"), *sender = getenv("SENDER");
	unsigned long long size = 0;
	char line[256];
	uint32_t crc = 0;
	ssize_t n;
	int fd, len;

	if (argc != 2 || local == NULL || sender == NULL)
		return 64;
	while ((n = read(0, octets, sizeof octets)) > 0) {
		crc = crc32(crc, octets, (size_t)n);
		size += (size_t)n;
	}
	len = snprintf(line, sizeof line, "%s %llu %lu %ld\n", sender, size,
	    (unsigned long)crc, (long)getppid());
	fd = open(argv[1], O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (n < 0 || fd < 0 || write(fd, line, (size_t)len) != len)
		return 74;
	if (strcmp(local, "hang") == 0)
		pause();
	return atoi(local);
}

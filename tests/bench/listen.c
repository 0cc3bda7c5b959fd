/*
 * Starts a server as inetd does with "wait": with a socket that listens, on
 * descriptor 0.
 *
 *	listen PORT server [argument ...]
 *
 * on 127.0.0.1.  The queue is as long as the system allows.
 */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	const int yes = 1;
	int fd;

	if (argc < 3)
		errx(64, "usage: listen PORT server [argument ...]");
	at.sin_port = htons((uint16_t)atoi(argv[1]));
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
	    listen(fd, SOMAXCONN) != 0)
		err(1, "port %s", argv[1]);
	if (fd != 0) {
		dup2(fd, 0);
		close(fd);
	}
	execvp(argv[2], argv + 2);
	err(1, "%s", argv[2]);
}

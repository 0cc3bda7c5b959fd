/*
 * ucspi - STARTTLS by the launcher: UCSPI-TLS, as tcpserver -S and sslserver
 * have it
 */
#ifndef UCSPI_H
#define UCSPI_H

#include "tls.h"

/* Asks it, on t->ucspi, and waits until its handshake is done; as tls_start. */
bool ucspi_start(struct tls *t, int fd[2]);

#endif

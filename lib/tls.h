/*
 * tls - TLS, by another process: no key and no library here
 *
 * Before us, in its launcher; or, on STARTTLS, one that is beside us: the one
 * that a UCSPI-TLS launcher left, or a command.  What a client is told before
 * the handshake never passes through what comes after it.
 */
#ifndef TLS_H
#define TLS_H

#include "peer.h"

/* Was TLS done before us?  By the option that says so, or by the variables of
 * launchers that give us no internet socket then; these are kept in p. */
bool tls_is_before_us(struct peer *p, bool option);

#endif

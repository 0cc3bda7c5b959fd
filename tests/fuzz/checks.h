/*
 * The options that an input chooses, and what holds of each value that is
 * handed to somebody, whoever says it.
 */
#ifndef CHECKS_H
#define CHECKS_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/proxy.h"
#include "lib/xclient.h"
#include "protocol.h"

/* By its first three octets. */
static inline struct protocol_config
config_of(const uint8_t *data)
{
	unsigned options = data[0];
	struct protocol_config config = { .hostname = "mx.example.org",
	    .banner = "ready", .domain = "d", .max_recipients = 5,
	    .max_errors = 5 };

	config.lmtp = (options & 1) != 0;
	config.crlf = (options & 2) != 0;
	config.reject_bare_newlines = (options & 4) != 0;
	config.terminal = (options & 8) != 0;
	config.dsn = (options & 16) != 0;
	config.max_size = options & 32 ? 20 : 0;
	config.max_messages = options & 64 ? 2 : 0;
	config.vrfy = (options & 128) != 0;
	config.auth = config.starttls = (data[1] & 64) != 0;
	config.auth_in_clear = config.require_auth = (data[1] & 128) != 0;
	config.require_tls = (data[1] & 192) == 64;
	config.xclient = (data[2] & 1) != 0;
	return config;
}

/* Of a name that VRFY asks for: it may be words. */
static inline void
check_words(struct mailbox m, size_t max)
{
	size_t i;

	assert(m.whole.len <= max);
	assert(m.whole.len == 0 || m.whole.ptr[0] != '-');
	for (i = 0; i < m.whole.len; i++)
		assert((unsigned char)m.whole.ptr[i] >= ' ' &&
		    m.whole.ptr[i] != 127);
}

static inline void
check_mailbox(struct mailbox m)
{
	bool quoted = false;
	struct mailbox again;
	size_t i, signs = 0;

	check_words(m, MAILBOX_MAX);
	if (m.whole.len == 0)
		return;
	for (i = 0; i < m.local.len; i++) {
		signs += m.local.ptr[i] == '@';
		if (quoted && m.local.ptr[i] == '\\')
			i++;
		else if (m.local.ptr[i] == '"')
			quoted = !quoted;
		else
			assert(quoted || strchr(" ,;:<>()[]\\@",
			    m.local.ptr[i]) == NULL);
	}
	assert(!quoted && memchr(m.domain.ptr, '@', m.domain.len) == NULL);
	assert(m.domain.len > 0 ? m.whole.ptr[m.local.len] == '@' &&
	    m.domain.ptr == m.whole.ptr + m.local.len + 1 : signs == 0);
	assert(m.local.len + (m.domain.len > 0) + m.domain.len == m.whole.len);
	assert(address_is_mailbox(m.whole, &again) &&
	    again.local.len == m.local.len && again.domain.len == m.domain.len);
}

static inline void
check_address(const char *address, const char *port)
{
	char to[IP_SIZE], to_port[IP_PORT_SIZE];

	assert(*address == '\0' || (ip_take(span_of(address), to) &&
	    strcmp(to, address) == 0));
	assert(*port == '\0' || (ip_take_port(span_of(port), to_port) &&
	    strcmp(to_port, port) == 0));
}

static inline void
check_client(const struct xclient *x)
{
	static const char *const protocols[] = { "", "SMTP", "ESMTP", "LMTP" };
	struct span helo = span_of(x->helo), login = span_of(x->login);
	size_t i;

	check_address(x->address, x->port);
	check_address(x->local_address, x->local_port);
	assert(x->name[0] == '\0' || ip_is_name(span_of(x->name)));
	assert(login.len == 0 || sasl_is_name(login));
	assert(!span_any(helo, is_control) && !address_is_function(helo));
	for (i = 0; strcmp(x->proto, protocols[i]) != 0; i++)
		assert(i < 3);
}

static inline bool
is_tls_word(char c)
{
	return is_alnum(c) || c == '.' || c == '_' || c == '-';
}

static inline void
check_header(const struct proxy *h)
{
	check_address(h->address, h->port);
	check_address(h->local_address, h->local_port);
	assert((h->address[0] == '\0') == (h->port[0] == '\0'));
	assert(!h->local || h->address[0] == '\0');
	assert(span_all(span_of(h->tls_protocol), is_tls_word));
	assert(span_all(span_of(h->tls_cipher), is_tls_word));
}

#endif

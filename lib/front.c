#include "front.h"

/* ---- a PROXY header ---- */

static void
replace(char *to, const char *from, size_t size)
{
	span_copy(span_of(from), to, size);
}

static void
take_client(struct peer *p, const struct proxy *h)
{
	replace(p->name, "", sizeof p->name);
	replace(p->address, h->address, sizeof p->address);
	replace(p->port, h->port, sizeof p->port);
	replace(p->local_address, h->local_address, sizeof p->local_address);
	replace(p->local_port, h->local_port, sizeof p->local_port);
	p->local_known = true;
}

void
front_take(struct front *f, const struct proxy *h)
{
	struct peer *p = f->peer;

	p->relay = NULL;
	if (!h->local)
		take_client(p, h);
	if (!h->tls)
		return;
	replace(p->tls_protocol, h->tls_protocol, sizeof p->tls_protocol);
	replace(p->tls_cipher, h->tls_cipher, sizeof p->tls_cipher);
}

static enum front_status
refuse(struct front *f, const char *error)
{
	f->error = error;
	return FRONT_REFUSED;
}

/* Who has reset already, as checks do, has no address any more. */
enum front_status
front_judge(struct front *f)
{
	char address[IP_SIZE];

	if (f->proxies->count == 0)
		return FRONT_READY;
	if (peer_of_kernel(address) == PEER_GONE)
		return FRONT_LEFT;
	return network_is_listed(f->proxies, address) ? FRONT_READY :
	    refuse(f, "nobody who may send a PROXY header");
}

/* More of a header, of which len octets are there. */
static enum front_status
await_more(struct front *f, long long by, size_t len)
{
	switch (channel_fill(f->channel, by)) {
	case CHANNEL_OK:
	case CHANNEL_INTERRUPTED:
		return f->stopping(f->context) ? FRONT_STOPPED : FRONT_READY;
	case CHANNEL_TIMEOUT:
		return refuse(f, "late");
	case CHANNEL_ERROR:
		return FRONT_BROKEN;
	default:
		return len > 0 ? refuse(f, "cut") : FRONT_LEFT;
	}
}

enum front_status
front_read(struct front *f, struct proxy *h)
{
	long long by = channel_now() + f->limit;
	enum front_status status = FRONT_READY;
	enum proxy_status parsed = PROXY_SHORT;
	struct span octets;

	while (status == FRONT_READY && parsed == PROXY_SHORT) {
		octets.ptr = channel_peek(f->channel, &octets.len);
		parsed = proxy_parse(octets, h);
		if (parsed == PROXY_SHORT)
			status = await_more(f, by, octets.len);
	}
	if (status != FRONT_READY)
		return status;
	if (parsed == PROXY_BAD)
		return refuse(f, h->error);
	channel_consume(f->channel, h->len);
	return FRONT_READY;
}

/* ---- XCLIENT ---- */

static bool
speaks_by_socket(const struct list *speakers)
{
	char address[IP_SIZE];
	size_t i;

	for (i = 0; i < speakers->count; i++)
		if (strcmp(speakers->source[i].value, "unix") == 0)
			return peer_of_kernel(address) == PEER_UNIX;
	return false;
}

bool
front_may_speak(const struct front *f)
{
	const char *address = f->peer->address;

	if (*address != '\0' || f->moved)
		return network_is_listed(f->speakers, address);
	return speaks_by_socket(f->speakers);
}

/* A new address leaves nothing of who was there before. */
static void
forget_client(struct front *f)
{
	struct peer *p = f->peer;

	f->moved = true;
	p->relay = NULL;
	p->port[0] = p->name[0] = '\0';
}

/* Who is known by name is so by XCLIENT; else nobody is. */
static void
take_login(struct peer *p, const char *login)
{
	replace(p->user, login, sizeof p->user);
	replace(p->method, *login != '\0' ? "XCLIENT" : "", sizeof p->method);
}

/* What was given takes the place of what was known. */
static void
take(const struct xclient *x, unsigned bit, char *to, const char *from,
    size_t size)
{
	if ((x->given & bit) != 0)
		replace(to, from, size);
}

void
front_rename(struct front *f, const struct xclient *x)
{
	struct peer *p = f->peer;

	peer_find_local(p);
	if ((x->given & XCLIENT_ADDR) != 0)
		forget_client(f);
	take(x, XCLIENT_ADDR, p->address, x->address, sizeof p->address);
	take(x, XCLIENT_PORT, p->port, x->port, sizeof p->port);
	take(x, XCLIENT_NAME, p->name, x->name, sizeof p->name);
	take(x, XCLIENT_DESTADDR, p->local_address, x->local_address,
	    sizeof p->local_address);
	take(x, XCLIENT_DESTPORT, p->local_port, x->local_port,
	    sizeof p->local_port);
	take_login(p, x->login);
}

/* ---- XFORWARD ---- */

void
front_forward(struct front *f, const struct xclient *x)
{
	struct forwarded *to = &f->forwarded;

	if (x == NULL) {
		f->peer->forwarded = NULL;
		return;
	}
	if (f->peer->forwarded == NULL)
		*to = (struct forwarded){ .address = "" };
	take(x, XCLIENT_ADDR, to->address, x->address, sizeof to->address);
	take(x, XCLIENT_PORT, to->port, x->port, sizeof to->port);
	take(x, XCLIENT_NAME, to->name, x->name, sizeof to->name);
	take(x, XCLIENT_HELO, to->helo, x->helo, sizeof to->helo);
	take(x, XCLIENT_PROTO, to->with, x->proto, sizeof to->with);
	f->peer->forwarded = to;
}

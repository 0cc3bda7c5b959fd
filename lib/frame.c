#include "frame.h"

void
frame_number(struct text *t, unsigned long long number)
{
	char octets[sizeof number];

	memcpy(octets, &number, sizeof number);
	text_span(t, (struct span){ octets, sizeof octets });
}

void
frame_octets(struct text *t, struct span octets)
{
	frame_number(t, octets.len);
	text_span(t, octets);
}

/* With its NUL; none has no octets. */
void
frame_string(struct text *t, const char *string)
{
	frame_octets(t, string == NULL ? (struct span){ "", 0 } :
	    (struct span){ string, strlen(string) + 1 });
}

void
frame_reply(struct text *t, const struct reply *reply)
{
	frame_number(t, (unsigned)reply->code);
	frame_string(t, reply->enhanced);
	frame_string(t, reply->text);
}

bool
frame_take_number(struct span *rest, unsigned long long max,
    unsigned long long *number)
{
	if (rest->len < sizeof *number)
		return false;
	memcpy(number, rest->ptr, sizeof *number);
	*rest = span_skip(*rest, sizeof *number);
	return *number <= max;
}

bool
frame_take_flag(struct span *rest, bool *flag)
{
	unsigned long long number;
	bool good = frame_take_number(rest, true, &number);

	*flag = good && number == true;
	return good;
}

bool
frame_take_octets(struct span *rest, size_t max, struct span *octets)
{
	unsigned long long len;

	if (!frame_take_number(rest, max, &len) || len > rest->len)
		return false;
	*octets = span_first(*rest, (size_t)len);
	*rest = span_skip(*rest, (size_t)len);
	return true;
}

/* Its one NUL is its last octet. */
bool
frame_take_string(struct span *rest, size_t max, const char **string)
{
	struct span octets;

	if (!frame_take_octets(rest, max, &octets))
		return false;
	*string = octets.len > 0 ? octets.ptr : NULL;
	return octets.len == 0 ||
	    span_find(octets, '\0') == octets.ptr + octets.len - 1;
}

/* Its code is none, or one of SMTP. */
bool
frame_take_reply(struct span *rest, struct reply *reply)
{
	unsigned long long code;

	if (!frame_take_number(rest, 599, &code) ||
	    !frame_take_string(rest, sizeof "5.999.999", &reply->enhanced) ||
	    !frame_take_string(rest, REPLY_MAX, &reply->text))
		return false;
	reply->code = (int)code;
	return code == 0 || code >= 200;
}

/* ---- structs: their texts by a table, for both ways ---- */

struct member {
	size_t at, size;
};

#define TEXT(type, member) \
	{ offsetof(struct type, member), sizeof ((struct type *)0)->member }

static const struct member of_header[] = {
	TEXT(proxy, address), TEXT(proxy, port),
	TEXT(proxy, local_address), TEXT(proxy, local_port),
	TEXT(proxy, tls_protocol), TEXT(proxy, tls_cipher),
}, of_client[] = {
	TEXT(xclient, name), TEXT(xclient, address), TEXT(xclient, port),
	TEXT(xclient, proto), TEXT(xclient, helo), TEXT(xclient, login),
	TEXT(xclient, local_address), TEXT(xclient, local_port),
};

#define COUNT(table) (sizeof (table) / sizeof *(table))

static void
put_texts(struct text *t, const void *from, const struct member *m, size_t n)
{
	for (; n > 0; n--, m++)
		frame_string(t, (const char *)from + m->at);
}

static bool
take_texts(struct span *rest, void *to, const struct member *m, size_t n)
{
	const char *string;

	for (; n > 0; n--, m++) {
		if (!frame_take_string(rest, m->size, &string) ||
		    string == NULL)
			return false;
		span_copy(span_of(string), (char *)to + m->at, m->size);
	}
	return true;
}

void
frame_header(struct text *t, const struct proxy *h)
{
	frame_number(t, h->local);
	frame_number(t, h->tls);
	put_texts(t, h, of_header, COUNT(of_header));
}

bool
frame_take_header(struct span *rest, struct proxy *h)
{
	*h = (struct proxy){ .error = NULL };
	return frame_take_flag(rest, &h->local) &&
	    frame_take_flag(rest, &h->tls) &&
	    take_texts(rest, h, of_header, COUNT(of_header));
}

void
frame_client(struct text *t, const struct xclient *x)
{
	frame_number(t, x->given);
	put_texts(t, x, of_client, COUNT(of_client));
}

bool
frame_take_client(struct span *rest, struct xclient *x)
{
	unsigned long long given;

	if (!frame_take_number(rest, 2 * XCLIENT_DESTPORT - 1, &given))
		return false;
	x->given = (unsigned)given;
	return take_texts(rest, x, of_client, COUNT(of_client));
}

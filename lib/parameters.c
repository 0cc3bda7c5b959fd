#include "parameters.h"

/* What the parameters of one command are about. */
struct request {
	struct envelope *envelope;
	const struct parameter_rules *rules;
	unsigned given;			/* rows of the table, a bit each */
};

static enum parameter_fault
mail_size(struct request *q, struct span value)
{
	unsigned long long size, max = q->rules->max_size;

	if (value.len == 0 || value.len > 20 || !span_all(value, is_digit))
		return PARAMETER_BAD;
	if (max > 0 && (!span_number(value, UINT64_MAX, &size) || size > max))
		return PARAMETER_TOO_LARGE;
	return PARAMETER_OK;
}

static enum parameter_fault
mail_body(struct request *q, struct span value)
{
	if (span_is(value, "7BIT"))
		q->envelope->body = BODY_7BIT;
	else if (span_is(value, "8BITMIME"))
		q->envelope->body = BODY_8BITMIME;
	else if (span_is(value, "BINARYMIME") && q->rules->binary)
		q->envelope->body = BODY_BINARYMIME;
	else
		return PARAMETER_BAD;
	return PARAMETER_OK;
}

static enum parameter_fault
mail_utf8(struct request *q, struct span value)
{
	(void)value;
	q->envelope->utf8 = true;
	return PARAMETER_OK;
}

static enum parameter_fault
mail_ret(struct request *q, struct span value)
{
	(void)q;
	return span_is(value, "FULL") || span_is(value, "HDRS") ? PARAMETER_OK :
	    PARAMETER_BAD;
}

static enum parameter_fault
mail_envid(struct request *q, struct span value)
{
	struct envelope *e = q->envelope;
	struct text t = { e->envid_text, 0, sizeof e->envid_text };

	if (value.len == 0 || value.len > ENVELOPE_ENVID_MAX ||
	    span_any(value, is_8bit) || !decode_xtext(value, &t))
		return PARAMETER_BAD;
	e->envid = text_span_of(&t);
	return address_is_function(e->envid) ? PARAMETER_BAD : PARAMETER_OK;
}

/* RFC 4954, 5: xtext.  Nobody trusts it, so it is taken as it is. */
static enum parameter_fault
mail_auth(struct request *q, struct span value)
{
	(void)q;
	return value.len <= 500 && is_utf8(value) ? PARAMETER_OK :
	    PARAMETER_BAD;
}

/* RFC 3461, 4.1: NEVER alone, or any of three.  Devices say a word twice, and
 * put a comma behind the last. */
static enum parameter_fault
rcpt_notify(struct request *q, struct span value)
{
	static const char *const when[] = { "NEVER", "SUCCESS", "FAILURE",
	    "DELAY" };
	unsigned seen = 0, i;
	struct span word;

	(void)q;
	while (value.len > 0) {
		word = span_take_until(&value, ',');
		for (i = 0; i < 4 && !span_is(word, when[i]); i++)
			;
		if (i == 4 && word.len > 0)
			return PARAMETER_BAD;
		seen |= i < 4 ? 1U << i : 0;
	}
	return seen == 0 || ((seen & 1) != 0 && seen != 1) ? PARAMETER_BAD :
	    PARAMETER_OK;
}

/* RFC 3461, 4.2: "type;xtext"; RFC 6533, 3 for a UTF-8 one, which is not asked
 * for always. */
static enum parameter_fault
rcpt_orcpt(struct request *q, struct span value)
{
	const char *sign = span_find(value, ';');
	struct span address;

	(void)q;
	if (sign == NULL || sign == value.ptr || value.len > 500 ||
	    !is_utf8(value))
		return PARAMETER_BAD;
	address = span_behind(value, sign);
	return span_is(span_until(value, sign), "utf-8") ||
	    decode_xtext(address, NULL) ? PARAMETER_OK : PARAMETER_BAD;
}

static const struct parameter {
	const char *name;
	enum side side;
	bool has_value;
	enum parameter_fault (*set)(struct request *, struct span value);
} parameters[] = {
	{ "SIZE", OF_MAIL, true, mail_size },		/* RFC 1870 */
	{ "BODY", OF_MAIL, true, mail_body },		/* RFC 6152, 3030 */
	{ "SMTPUTF8", OF_MAIL, false, mail_utf8 },	/* RFC 6531 */
	{ "RET", OF_MAIL, true, mail_ret },		/* RFC 3461 */
	{ "ENVID", OF_MAIL, true, mail_envid },		/* RFC 3461 */
	{ "AUTH", OF_MAIL, true, mail_auth },		/* RFC 4954 */
	{ "NOTIFY", OF_RCPT, true, rcpt_notify },	/* RFC 3461 */
	{ "ORCPT", OF_RCPT, true, rcpt_orcpt },		/* RFC 3461 */
};

enum { PARAMETERS = sizeof parameters / sizeof *parameters };

/* The place of its row; PARAMETERS where there is none. */
static size_t
find_parameter(struct span name, enum side side)
{
	size_t i;

	for (i = 0; i < PARAMETERS; i++)
		if (parameters[i].side == side &&
		    span_is(name, parameters[i].name))
			break;
	return i;
}

static enum parameter_fault
take_word(struct request *q, struct span word, enum side side)
{
	const char *sign = span_find(word, '=');
	struct span value = sign != NULL ? span_behind(word, sign) :
	    span_skip(word, word.len);
	size_t i = find_parameter(sign != NULL ? span_until(word, sign) : word,
	    side);

	if (i == PARAMETERS)
		return PARAMETER_UNKNOWN;
	if ((q->given & 1U << i) != 0 ||
	    parameters[i].has_value != (sign != NULL))
		return PARAMETER_BAD;
	q->given |= 1U << i;
	return parameters[i].set(q, value);
}

enum parameter_fault
parameters_take(struct envelope *e, const struct parameter_rules *rules,
    enum side side, struct span words, struct text *options,
    struct span *refused)
{
	struct request q = { e, rules, 0 };
	enum parameter_fault fault = PARAMETER_OK;
	struct span word;

	while (fault == PARAMETER_OK &&
	    (word = span_take_word(&words)).len > 0) {
		if (options->len > 0)
			text_char(options, ' ');
		text_span(options, word);
		fault = take_word(&q, word, side);
		if (fault != PARAMETER_OK)
			*refused = word;
	}
	return fault;
}

#include "date.h"

struct date {
	unsigned year, month, day, weekday, hour, minute, second;
};

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char weekdays[] = "SunMonTueWedThuFriSat";

static unsigned
days_of(unsigned year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 366 :
	    365;
}

static struct date
date_of(time_t time)
{
	static const unsigned char length[] = { 31, 0, 31, 30, 31, 30, 31, 31,
	    30, 31, 30, 31 };
	unsigned long days = time > 0 ? (unsigned long)time / 86400 : 0;
	unsigned long rest = time > 0 ? (unsigned long)time % 86400 : 0;
	struct date d = { .year = 1970, .weekday = (unsigned)(days + 4) % 7,
	    .hour = (unsigned)rest / 3600, .minute = (unsigned)rest / 60 % 60,
	    .second = (unsigned)rest % 60 };
	unsigned n;

	for (; days >= days_of(d.year); d.year++)
		days -= days_of(d.year);
	for (; ; d.month++) {
		n = d.month == 1 ? days_of(d.year) - 337 : length[d.month];
		if (days < n)
			break;
		days -= n;
	}
	d.day = (unsigned)days + 1;
	return d;
}

static void
text_name(struct text *t, const char *names, unsigned i)
{
	text_span(t, (struct span){ names + 3 * i, 3 });
}

static void
text_two(struct text *t, unsigned n, char after)
{
	text_char(t, (char)('0' + n / 10));
	text_char(t, (char)('0' + n % 10));
	text_char(t, after);
}

static void
text_clock(struct text *t, const struct date *d)
{
	text_two(t, d->hour, ':');
	text_two(t, d->minute, ':');
	text_two(t, d->second, ' ');
}

void
text_mail_date(struct text *t, time_t time)
{
	struct date d = date_of(time);

	text_name(t, weekdays, d.weekday);
	text_string(t, ", ");
	text_number(t, d.day);
	text_char(t, ' ');
	text_name(t, months, d.month);
	text_char(t, ' ');
	text_number(t, d.year);
	text_char(t, ' ');
	text_clock(t, &d);
	text_string(t, "+0000");
}

void
text_mbox_date(struct text *t, time_t time)
{
	struct date d = date_of(time);

	text_name(t, weekdays, d.weekday);
	text_char(t, ' ');
	text_name(t, months, d.month);
	text_string(t, d.day < 10 ? "  " : " ");
	text_number(t, d.day);
	text_char(t, ' ');
	text_clock(t, &d);
	text_number(t, d.year);
}

/*
 * date - dates of mail: UTC, with no locale and no time zone file
 */
#ifndef DATE_H
#define DATE_H

#include <time.h>

#include "text.h"

/* "Mon, 2 Jan 2006 15:04:05 +0000": RFC 5322, 3.3. */
void text_mail_date(struct text *t, time_t time);

/* "Mon Jan  2 15:04:05 2006", as asctime(3) and an mbox have it; no newline. */
void text_mbox_date(struct text *t, time_t time);

#endif

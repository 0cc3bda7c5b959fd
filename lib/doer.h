/*
 * doer - the half of a session that acts, asked by a speaker (speaker.h) who may
 * be in anybody's hands
 *
 * What is asked for is deed.h's to judge and to do; here are the packets, the
 * waiting, and the speaker's end: one that breaks a rule is killed.
 */
#ifndef DOER_H
#define DOER_H

#include <sys/types.h>

#include "deed.h"

/* Zeroed but for what is to be set.  Large things last: a session touches few
 * pages. */
struct doer {
	/* to be set */
	int pair;			/* to the speaker, a socket of packets */
	pid_t speaker;
	long long *let_in;		/* channel_wait's */
	long long grace;		/* ms for its last words */
	/* ---- */
	bool told_to_stop;
	bool allowed;			/* more time, for an answer since */
	long long by;			/* when it is to have ended */
	int status;			/* readable: how the speaker died, as */
					/* wait(2) has it, where deeds.error is */
					/* NULL and it was not over */
	struct deeds deeds;		/* to be set likewise; readable after */
					/* the end */
	char space[FRAME_PACKET_MAX];
};

/* All of a session; the speaker is no more there.  False: it died, or was
 * killed. */
bool doer_serve(struct doer *d);

#endif

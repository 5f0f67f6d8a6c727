/*
 * talk.h - what pgweir itself asks a server that it has borrowed, and what comes back.
 *
 * auth.query, plans of slow statements and the listening connections are talks. Every answer
 * ends with a ReadyForQuery, and those are counted: a server that says more than it was asked
 * is broken, for the next to borrow it could take that for an answer of its own.
 */
#ifndef POOL_TALK_H
#define POOL_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct server;

/* What whoever asks hears; `arg` is theirs. */
struct talk_user {
	/*
	 * A message but ParameterStatus and ReadyForQuery; `body` is valid until it returns. The
	 * talk may not end in it.
	 */
	void (*message)(void *arg, uint8_t type, const uint8_t *body, size_t length);
	/* All is answered that was asked: ask on, or end the talk. */
	void (*answered)(void *arg);
	/* The server is gone, or broken; the talk has ended. */
	void (*lost)(void *arg, const char *why);
};

/* Part of whoever asks. Without a server it needs nothing. */
struct talk {
	const struct talk_user *user; /* borrowed */
	void *arg;
	struct server *server; /* lent; NULL: the talk has not begun, or is over */
	size_t most;	       /* of a message's bytes */
	unsigned awaited;      /* ReadyForQuery that are still to come */
	bool broken;	       /* it has said what nobody asked: `why` */
	char why[200];
	struct buf in; /* a message that has not wholly come */
};

enum talk_state {
	TALK_GOES_ON,
	TALK_ANSWERED, /* wholly, just now; and perhaps broken behind it */
	TALK_BROKEN,
};

/* It is lent to us; messages longer than `most` bytes break it. */
void talk_begin(struct talk *talk, struct server *server, size_t most,
    const struct talk_user *user, void *arg);
/* Something was written that is answered by one more ReadyForQuery. */
void talk_await(struct talk *talk);
/* What the server's bytes mean; for talk.c and its tests. */
enum talk_state talk_take(struct talk *talk, const uint8_t *bytes, size_t length);
/* It is over: may the server be lent again? If not, `why` says why not. For talk_return(). */
bool talk_end(struct talk *talk);
/* It is over: the server is given back, or closed if it is not fit to be lent. */
void talk_return(struct talk *talk);
/* It is over, and the server closed. */
void talk_close(struct talk *talk, const char *why);
/* Whoever asked is no more, and with it the worker: the server is not touched. */
void talk_free(struct talk *talk);

#endif

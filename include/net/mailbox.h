/*
 * mailbox.h - how one thread gives another something.
 *
 * Posting never waits and needs no memory: the message is embedded in what is
 * sent. Posting gives it away: the sender must not touch it afterwards.
 */
#ifndef NET_MAILBOX_H
#define NET_MAILBOX_H

#include "net/loop.h"

struct mailbox;

/* Embedded in whatever crosses. `deliver` runs on the receiver's thread. */
struct message {
	struct message *next;
	void (*deliver)(struct message *message, void *receiver);
};

/* Messages will be delivered on this loop's thread, with `receiver` as argument. */
struct mailbox *mailbox_new(struct loop *loop, void *receiver);
void mailbox_free(struct mailbox *mailbox);
/* Callable from any thread. Messages of one sender arrive in order. */
void mailbox_post(struct mailbox *mailbox, struct message *message);

#endif

/*
 * cancel_errand.h - a CancelRequest on its way to the worker of the client it is for, and
 * back to where it came in.
 */
#ifndef SESSION_CANCEL_ERRAND_H
#define SESSION_CANCEL_ERRAND_H

#include "auth/cancel_key.h"
#include "net/mailbox.h"
#include "session/clients.h"
#include "session/siblings.h"

/* Owned by who made it, also while it is away. */
struct cancel_errand {
	struct message message; /* first member */
	struct mailbox *home;
	void (*returned)(struct message *message, void *receiver); /* at home */
	struct cancel_target target;
	uint32_t pid;
	uint8_t key[CANCEL_KEY_LONG];
	size_t key_length;
	uint32_t patience_ms; /* how long a sibling is waited for */
	bool found; /* on its return: the key was a client's */
};

/* To the worker in its target, of this process. It returns in any case, when all is done. */
void cancel_errand_send(struct clients_shared *shared, struct cancel_errand *errand);
/* To the sibling in its target. It returns in any case, at the latest when its patience is over. */
void siblings_forward(struct siblings *siblings, struct cancel_errand *errand);
/* Home, from any thread. */
void cancel_errand_return(struct cancel_errand *errand, bool found);

#endif

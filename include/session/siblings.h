/*
 * siblings.h - pgweir processes of one machine that listen on the same addresses: a
 * CancelRequest that comes to one and is another's is given to that one.
 *
 * They meet in siblings.folder, which is their user's alone. Each holds a number there, by
 * a lock that goes with the process, and a letterbox under that number. The secret that
 * cancel keys are made with lies there too.
 */
#ifndef SESSION_SIBLINGS_H
#define SESSION_SIBLINGS_H

#include <stdbool.h>

#include "auth/cancel_key.h"
#include "base/error.h"
#include "net/loop.h"
#include "session/clients.h"

struct siblings;

/*
 * Take a number in the folder, bind its letterbox, and read the secret, or make it. NULL:
 * *err says why. Before threads start, as the user that the process runs as.
 */
struct siblings *siblings_open(
    const char *folder, struct cancel_secret *secret, struct error *err);
/* From 1 on. */
unsigned siblings_number(const struct siblings *siblings);
/* Take in letters on this loop, which is one thread's with all the functions below. */
void siblings_start(struct siblings *siblings, struct loop *loop, struct clients_shared *shared);
/* The secret may have been exchanged: read it again. */
bool siblings_reload(struct siblings *siblings, struct error *err);
/* Once all workers' threads have ended. NULL is fine. */
void siblings_free(struct siblings *siblings);

/* What SHOW PEERS tells. From any thread. */
struct sibling {
	unsigned number;
	const char *folder;
	unsigned asked; /* cancels that it was given and has not answered */
};
/* Each other process that has a number now. */
void siblings_each(struct siblings *siblings,
    void (*each)(void *arg, const struct sibling *sibling), void *arg);

#endif

/*
 * roster.h - who has which slot of a worker, for the other workers to see.
 *
 * The pid that a client is told names its worker and its slot. pg_cancel_backend() and
 * pg_terminate_backend() of such a pid are wishes that any worker may leave here, under a
 * mutex; the worker of the slot carries them out. Changed only when clients come and go.
 */
#ifndef SESSION_ROSTER_H
#define SESSION_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

/* One worker's. Owned by its clients. */
struct roster;

enum roster_answer {
	ROSTER_NOBODY,	 /* nobody who is logged in, or none of this database */
	ROSTER_STRANGER, /* another role's, which is not to be touched */
	ROSTER_FOUND,
};

/* What is to be done to the client with this id. */
struct roster_wish {
	uint32_t slot;
	uint64_t client;
	bool ends; /* it; else only what it runs */
};

struct roster *roster_new(void);
void roster_free(struct roster *roster);

/* The worker's own: a client has logged in. `subject` is borrowed until it leaves. */
void roster_enter(
    struct roster *roster, uint32_t slot, uint64_t client, const struct subject *subject);
/* It is no more; also if it never entered. */
void roster_leave(struct roster *roster, uint32_t slot);

/* Any thread: whose is the slot, and may `asker` do something to it? *client is its id. */
enum roster_answer roster_find(struct roster *roster, uint32_t slot, const struct subject *asker,
    bool superuser, uint64_t *client);
/* Any thread. True: the worker is to be told that there are wishes; nobody has done so yet. */
bool roster_wish(struct roster *roster, const struct roster_wish *wish);
/* The worker's own: it was told, and will take what there is. */
void roster_told(struct roster *roster);
/* The worker's own: a wish; false: there is none. */
bool roster_take(struct roster *roster, struct roster_wish *wish);

#endif

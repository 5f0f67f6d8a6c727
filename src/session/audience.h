/*
 * audience.h - who of a worker's clients listens to what in a database, and what was notified
 * and is not told yet. Used by the files of listens.h.
 */
#ifndef SESSION_AUDIENCE_H
#define SESSION_AUDIENCE_H

#include <sys/queue.h>
#include <uthash.h>

#include "base/buf.h"
#include "hub.h"
#include "listens.h"

/* Those of a worker that have it. Owned by the audience, while there is one. */
struct channel {
	UT_hash_handle hh;
	char *name;
	LIST_HEAD(, member) members;
};

/* One channel of one client. Owned by its struct listens; the hub counts each. */
struct member {
	UT_hash_handle hh; /* by the channel's name */
	LIST_ENTRY(member) in_channel;
	struct channel *channel; /* borrowed */
	struct listens *listens; /* borrowed */
	bool confirmed;		 /* by the hub's server */
	bool active;		 /* by COMMIT */
};

/* A NotificationResponse as it will be sent. */
struct item {
	STAILQ_ENTRY(item) in_items;
	const struct member *member; /* borrowed */
	struct buf bytes;
};

struct audience *audience_of(struct clients *clients, const char *database);
/* NULL: none of the worker's clients has it. */
struct channel *audience_channel(const struct audience *audience, const char *name);
/* NULL: the client does not have it. */
struct member *member_find(const struct listens *listens, const char *name);
void member_add(struct listens *listens, const char *name);
void member_remove(struct listens *listens, struct member *member);

/* This was notified; it waits. */
void item_add(struct listens *listens, const struct member *member, const struct hub_event *event);
/* Give the client what waits, or as much as it reads. */
void items_put(struct listens *listens, bool all);
void items_drop(struct listens *listens);
/* Those of channels that are not in force. */
void items_drop_idle(struct listens *listens);

#endif

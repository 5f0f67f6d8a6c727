/*
 * hub_channels.h - what a hub listens to: which channels clients have, and which of them its
 * server has been told, as it confirmed. Pure.
 */
#ifndef SESSION_HUB_CHANNELS_H
#define SESSION_HUB_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include <uthash.h>

#include "base/buf.h"

enum hub_channel_state {
	CHANNEL_QUIET,
	CHANNEL_DUE,  /* the server is to be told */
	CHANNEL_SENT, /* it was told in this round */
};

/* Owned by its table. */
struct hub_channel {
	UT_hash_handle hh;
	TAILQ_ENTRY(hub_channel) in_list; /* DUE or SENT */
	enum hub_channel_state state;
	char *name;
	bool on; /* as the server confirmed last */
	unsigned total, of_worker[]; /* clients that have it */
};

/* Part of its hub. */
struct hub_channels {
	unsigned workers;
	struct hub_channel *all; /* by name */
	TAILQ_HEAD(, hub_channel) due, sent;
};

void hub_channels_init(struct hub_channels *channels, unsigned workers);
void hub_channels_free(struct hub_channels *channels);
size_t hub_channels_count(const struct hub_channels *channels);
/* NULL: nobody has it. */
const struct hub_channel *hub_channels_find(const struct hub_channels *channels, const char *name);
/* A client of this worker has it from now on; or has no more. */
void hub_channels_join(struct hub_channels *channels, const char *name, unsigned worker);
void hub_channels_leave(struct hub_channels *channels, const char *name, unsigned worker);
/* Somebody asks for it again: if telling the server failed, it is due once more. */
void hub_channels_retry(struct hub_channels *channels, const char *name);
/* Is there anything to tell the server? */
bool hub_channels_are_due(const struct hub_channels *channels);
/* Tell it in this round: LISTEN and UNLISTEN for each that is due. */
void hub_channels_put(struct hub_channels *channels, struct buf *query);
/* The round is over: all of that is so, or nothing. */
void hub_channels_confirm(struct hub_channels *channels, bool done);
/* The server is lost: the next one is to be told all. */
void hub_channels_lose(struct hub_channels *channels);
/* "LISTEN "name"" */
void hub_put_statement(struct buf *query, const char *verb, const char *channel);

#endif

/*
 * lookup.h - auth.query: asking a database who may log in, and with which secret.
 *
 * On server connections of its own, which no client ever gets: they log in as
 * auth.query_user, with search_path pinned. Never blocks the loop.
 */
#ifndef SESSION_LOOKUP_H
#define SESSION_LOOKUP_H

#include <stdbool.h>
#include <sys/queue.h>

#include "config/config.h"

struct client;
struct clients;
struct lookup;
TAILQ_HEAD(lookup_list, lookup);

/* How a client is to prove who it is. */
struct admission {
	enum auth_method method;
	const char *named_by; /* it has, by a name: "Peer", "certificate"; method is trust. Or NULL */
};

/*
 * Ask about a client's user. False: there is nobody to ask. Else admit_go_on() is called when
 * it is over, unless the client was closed before.
 */
bool lookup_begin(struct client *client, struct admission admission);
/* Of one that is over. */
struct admission lookup_admission(const struct lookup *lookup);
/* Does the user exist? NULL: nobody was asked. */
bool lookup_found(const struct lookup *lookup);
/* Its secret; NULL: none, or nobody was asked. */
const char *lookup_secret(const struct lookup *lookup);
/* The client has logged in, or is closed: its lookup, if it has one, is no more. */
void lookup_drop(struct client *client);
/* Look at the clock. */
void lookups_tick(struct lookup_list *lookups, uint64_t now_us);
/* The worker ends. */
void lookups_free(struct lookup_list *lookups);

#endif

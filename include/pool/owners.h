/*
 * owners.h - to which client a backend of PostgreSQL was lent last.
 *
 * For the pid in a notification: what a client is told is the pid that the sender was given
 * by pgweir. Kept from the first LISTEN of the process on; before it nothing is written.
 */
#ifndef POOL_OWNERS_H
#define POOL_OWNERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct server;

extern atomic_bool owners_are_kept;

/* Is anybody interested? One load; from any thread. */
static inline bool
owners_wanted(void)
{
	return atomic_load_explicit(&owners_are_kept, memory_order_relaxed);
}
/* From now on. True: for the first time, so those that are lent already are to be noted. */
bool owners_want(void);
/* It is lent to the client that was given this pid. */
void owners_note(const struct server *server, uint32_t client_pid);
/* Its connection ends: its pid may soon be another's. */
void owners_forget(const struct server *server);
/* Who has or had it last; 0: not known. From any thread. */
uint32_t owners_find(uint64_t host, uint32_t pid);
/*
 * A host as the configuration names it, for server->host_key: a backend is the same one
 * whichever of the name's addresses its connection and the listening one have taken.
 */
uint64_t owners_host(const char *host, int port);

#endif

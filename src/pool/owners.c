/*
 * owners.c - see owners.h.
 *
 * A table of the process with one word for each entry, which holds both pids: it is written by
 * whoever lends and read by the listeners without a lock. Two backends that share a place are
 * told apart by the pid in it; the older one is forgotten, and then the real pid is told.
 */
#include <string.h>
#include <xxhash.h>

#include "pool/owners.h"
#include "pool/server.h"

enum { PLACES = 1 << 16 };

atomic_bool owners_are_kept;
static _Atomic uint64_t places[PLACES]; /* pid of the backend << 32 | pid that the client has */

static _Atomic uint64_t *
place_of(uint64_t host, uint32_t pid)
{
	uint64_t hash = XXH3_64bits_withSeed(&host, sizeof(host), pid);

	return &places[hash % PLACES];
}

bool
owners_want(void)
{
	return !atomic_exchange(&owners_are_kept, true);
}

void
owners_note(const struct server *server, uint32_t client_pid)
{
	uint32_t pid = (uint32_t)server->pid;

	atomic_store_explicit(place_of(server->host_key, pid),
	    (uint64_t)pid << 32 | client_pid, memory_order_release);
}

void
owners_forget(const struct server *server)
{
	uint32_t pid = (uint32_t)server->pid;
	_Atomic uint64_t *place;
	uint64_t is;

	if (!owners_wanted() || pid == 0)
		return;
	place = place_of(server->host_key, pid);
	is = atomic_load_explicit(place, memory_order_relaxed);
	if (is >> 32 == pid)
		atomic_compare_exchange_strong(place, &is, 0);
}

uint32_t
owners_find(uint64_t host, uint32_t pid)
{
	uint64_t is = atomic_load_explicit(place_of(host, pid), memory_order_acquire);

	return is >> 32 == pid ? (uint32_t)is : 0;
}

uint64_t
owners_host(const char *host, int port)
{
	return XXH3_64bits_withSeed(host, strlen(host), (uint64_t)port);
}

/*
 * host.c - which address the next server connection goes to.
 *
 * Hosts of a database are tried in turn, the next one after each failure.
 * Numeric addresses and unix sockets are used at once; names are looked up off the
 * loop, kept for a while, and the last good answer serves while none can be had.
 */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "pool/own.h"
#include "pool_internal.h"

enum { KEEP_US = 15 * 1000 * 1000 };

/* Owned by its pool. Freed by the answer when the pool went while it was asked. */
struct host_lookup {
	struct resolve_request request;
	struct pool *pool; /* NULL once the pool is gone */
	bool asked;
	int wanted; /* connections to open when the answer comes */
	struct waiter *beside_for; /* borrowed: and one beside the pool; NULL: none */
	unsigned next;
	uint64_t known_us; /* 0: no answer yet */
	struct address addresses[RESOLVE_ADDRESSES_MOST];
	unsigned count;
};

static void
open_next(struct host_lookup *lookup, struct own *own)
{
	server_open(lookup->pool, &lookup->addresses[lookup->next++ % lookup->count],
	    lookup->request.host, own);
}

/* Those who wait for a connection of their own, to a host of this name. */
static void
open_unnamed(struct host_lookup *lookup)
{
	struct own *own;
	struct error err;

	while ((own = own_next_unnamed(lookup->pool)) != NULL) {
		if (lookup->count > 0) {
			open_next(lookup, own);
			continue;
		}
		budget_closed(lookup->pool->budget);
		error_set_state(&err, ERROR_IO, "08006", "%s", lookup->request.why);
		own_refused(own, &err);
	}
}

/* One that the budget does not count. */
static void
open_beside(
    struct pool *pool, const struct address *to, const char *host, struct waiter *waiter)
{
	struct server *server = server_open(pool, to, host, NULL);

	server->beside = true;
	server->beside_for = waiter;
}

static void
open_next_beside(struct host_lookup *lookup)
{
	struct waiter *waiter = lookup->beside_for;
	struct error err;

	lookup->beside_for = NULL;
	if (waiter == NULL)
		return;
	if (lookup->count > 0) {
		open_beside(lookup->pool, &lookup->addresses[lookup->next++ % lookup->count],
		    lookup->request.host, waiter);
		return;
	}
	error_set_state(&err, ERROR_IO, "08006", "%s", lookup->request.why);
	pool_refuse_beside(lookup->pool, waiter, &err);
}

static void
on_answer(struct message *message, void *receiver)
{
	struct host_lookup *lookup = (struct host_lookup *)message; /* first of the first */
	struct error err;

	(void)receiver;
	lookup->asked = false;
	if (lookup->pool == NULL) {
		host_lookup_free(lookup);
		return;
	}
	if (lookup->request.count > 0) {
		lookup->count = (unsigned)lookup->request.count;
		for (unsigned i = 0; i < lookup->count; i++)
			lookup->addresses[i] = lookup->request.addresses[i];
	} else {
		log_warning("%s%s", lookup->request.why,
		    lookup->count > 0 ? "; using the addresses it had" : "");
	}
	lookup->known_us = loop_now_us(pools_loop(lookup->pool->pools));
	for (; lookup->wanted > 0; lookup->wanted--) {
		if (lookup->count > 0) {
			open_next(lookup, NULL);
			continue;
		}
		error_set_state(&err, ERROR_IO, "08006", "%s", lookup->request.why);
		pool_open_failed(lookup->pool, NULL, &err, false);
	}
	open_unnamed(lookup);
	open_next_beside(lookup);
}

static struct host_lookup *
lookup_of(struct pool *pool)
{
	if (pool->lookup == NULL) {
		pool->lookup = mem_zalloc(1, sizeof(*pool->lookup));
		pool->lookup->pool = pool;
	}
	return pool->lookup;
}

/* Does it know this host, and young enough to be used as it is? */
static bool
is_fresh(const struct host_lookup *lookup, const char *host)
{
	return lookup->count > 0 && strcmp(lookup->request.host, host) == 0 &&
	    loop_now_us(pools_loop(lookup->pool->pools)) - lookup->known_us < KEEP_US;
}

static void
ask(struct host_lookup *lookup, const char *host, int port)
{
	if (lookup->asked)
		return;
	lookup->asked = true;
	if (lookup->request.host == NULL || strcmp(lookup->request.host, host) != 0)
		lookup->count = 0; /* those are another name's addresses */
	mem_free(lookup->request.host);
	lookup->request.host = mem_strdup(host);
	lookup->request.port = port;
	lookup->request.answer_to = pools_mailbox(lookup->pool->pools);
	lookup->request.message.deliver = on_answer;
	resolver_ask(pools_resolver(lookup->pool->pools), &lookup->request);
}

static void
open_by_name(struct pool *pool, const char *host, int port, struct own *own)
{
	struct host_lookup *lookup = lookup_of(pool);

	if (is_fresh(lookup, host)) {
		open_next(lookup, own);
		return;
	}
	if (own != NULL)
		own_wait_for_name(pool, own);
	else
		lookup->wanted++;
	ask(lookup, host, port);
}

void
host_open_beside(struct pool *pool, struct waiter *waiter)
{
	const struct database_config *database =
	    config_database(pools_config(pool->pools), pool->database);
	struct address address;
	struct error err;
	const char *host;

	if (database == NULL) {
		error_set_state(&err, ERROR_CONFIG, "3D000",
		    "database \"%s\" is no longer in the configuration", pool->database);
		pool_refuse_beside(pool, waiter, &err);
		return;
	}
	host = database->hosts[pool->host % database->host_count];
	if (address_from_text(host, database->port, &address)) {
		open_beside(pool, &address, host, waiter);
		return;
	}
	lookup_of(pool)->beside_for = waiter;
	if (is_fresh(pool->lookup, host))
		open_next_beside(pool->lookup);
	else
		ask(pool->lookup, host, database->port);
}

void
host_open_server(struct pool *pool, struct own *own)
{
	const struct config *config = pools_config(pool->pools);
	const struct database_config *database = config_database(config, pool->database);
	const char *host;
	struct address address;
	struct error err;

	if (database == NULL) {
		error_set_state(&err, ERROR_CONFIG, "3D000",
		    "database \"%s\" is no longer in the configuration", pool->database);
		if (own == NULL) {
			pool_open_failed(pool, NULL, &err, true);
			return;
		}
		budget_closed(pool->budget);
		own_refused(own, &err);
		return;
	}
	host = database->hosts[pool->host % database->host_count];
	if (address_from_text(host, database->port, &address))
		server_open(pool, &address, host, own);
	else
		open_by_name(pool, host, database->port, own);
}

void
host_lookup_free(struct host_lookup *lookup)
{
	if (lookup == NULL)
		return;
	lookup->pool = NULL;
	if (lookup->asked)
		return; /* the answer frees it */
	mem_free(lookup->request.host);
	mem_free(lookup);
}

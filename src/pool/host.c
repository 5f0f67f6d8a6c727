/*
 * host.c - which address the next server connection goes to.
 *
 * The hosts of a database, each of its names with all its addresses, are candidates; hosts.c
 * knows which of them rest, role.c which of them have the role that is wanted. Names are
 * looked up off the loop (host_names.c): who needs one waits here until it is known.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "hosts.h"
#include "host_names.h"
#include "pool/own.h"
#include "pool_internal.h"

enum pick { PICK_FOUND, PICK_WAIT, PICK_NONE };

static const struct database_config *
database_of(const struct pool *pool)
{
	return config_database(pools_config(pool->pools), pool->database);
}

static void
add(struct candidates *candidates, const struct address *address, const char *host)
{
	if (candidates->count == CANDIDATES_MOST)
		return;
	candidates->at[candidates->count] = *address;
	candidates->host[candidates->count++] = host;
}

static void
add_name(struct candidates *candidates, const struct pool *pool, const char *host, int port)
{
	const struct host_name *name = host_names_use(pools_names(pool->pools), host, port,
	    pools_config(pool->pools)->backend_dns_ttl_ms);

	if (!host_name_is_known(name)) {
		candidates->asking = true;
		return;
	}
	if (name->count == 0)
		candidates->why = name->why;
	for (size_t i = 0; i < name->count; i++)
		add(candidates, &name->addresses[i], host);
}

void
host_candidates(const struct pool *pool, const struct database_config *database,
    struct candidates *candidates)
{
	candidates->count = 0;
	candidates->asking = false;
	candidates->why = NULL;
	for (size_t i = 0; i < database->host_count; i++) {
		struct address address;

		if (address_from_text(database->hosts[i], database->port, &address))
			add(candidates, &address, database->hosts[i]);
		else
			add_name(candidates, pool, database->hosts[i], database->port);
	}
}

/* Where the next one goes. */
static size_t
choose(struct pool *pool, const struct database_config *database,
    const struct candidates *candidates)
{
	size_t chosen = hosts_choose(pools_hosts(pool->pools), candidates->at, candidates->count,
	    pool->host % candidates->count, (enum session_attrs)database->session_attrs,
	    loop_now_us(pools_loop(pool->pools)),
	    pools_config(pool->pools)->backend_connect_timeout_ms);

	pool->host = (unsigned)chosen + (database->load_balance == LOAD_BALANCE_ROUND_ROBIN);
	return chosen;
}

static enum pick
pick(struct pool *pool, struct address *address, const char **host, struct error *err)
{
	const struct database_config *database = database_of(pool);
	struct candidates candidates;
	size_t chosen;

	if (database == NULL) {
		error_set_state(err, ERROR_CONFIG, "3D000",
		    "database \"%s\" is no longer in the configuration", pool->database);
		return PICK_NONE;
	}
	host_candidates(pool, database, &candidates);
	if (candidates.count == 0 && candidates.asking)
		return PICK_WAIT;
	if (candidates.count == 0) {
		error_set_state(err, ERROR_IO, "08006", "%s", candidates.why);
		return PICK_NONE;
	}
	chosen = choose(pool, database, &candidates);
	*address = candidates.at[chosen];
	*host = candidates.host[chosen];
	return PICK_FOUND;
}

/* False: it waits for a name. */
static bool
open_for_line(struct pool *pool)
{
	struct address address;
	const char *host;
	struct error err;

	switch (pick(pool, &address, &host, &err)) {
	case PICK_FOUND:
		server_open(pool, &address, host, NULL);
		return true;
	case PICK_NONE:
		pool_open_failed(pool, NULL, &err, err.code == ERROR_CONFIG);
		return true;
	case PICK_WAIT:
		break;
	}
	return false;
}

static bool
open_own(struct pool *pool, struct own *own)
{
	struct address address;
	const char *host;
	struct error err;

	switch (pick(pool, &address, &host, &err)) {
	case PICK_FOUND:
		server_open(pool, &address, host, own);
		return true;
	case PICK_NONE:
		budget_closed(pool->budget);
		own_refused(own, &err);
		return true;
	case PICK_WAIT:
		break;
	}
	return false;
}

static bool
open_beside(struct pool *pool, struct waiter *waiter)
{
	struct address address;
	struct server *server;
	const char *host;
	struct error err;

	switch (pick(pool, &address, &host, &err)) {
	case PICK_FOUND:
		server = server_open(pool, &address, host, NULL);
		server->beside = true; /* the budget does not count it */
		server->beside_for = waiter;
		return true;
	case PICK_NONE:
		pool_refuse_beside(pool, waiter, &err);
		return true;
	case PICK_WAIT:
		break;
	}
	return false;
}

void
host_open_server(struct pool *pool, struct own *own)
{
	if (own == NULL && !open_for_line(pool))
		pool->unnamed_for_line++;
	else if (own != NULL && !open_own(pool, own))
		own_wait_for_name(pool, own);
}

void
host_open_beside(struct pool *pool, struct waiter *waiter)
{
	if (!open_beside(pool, waiter))
		pool->unnamed_beside = waiter;
}

/* Whoever waits for a name tries again: some of them may go on waiting for another one. */
static void
open_unnamed(struct pool *pool)
{
	struct waiter *beside = pool->unnamed_beside;
	struct own *own;

	while (pool->unnamed_for_line > 0 && open_for_line(pool))
		pool->unnamed_for_line--;
	while ((own = own_next_unnamed(pool)) != NULL)
		if (!open_own(pool, own)) {
			own_wait_for_name(pool, own);
			break;
		}
	pool->unnamed_beside = NULL;
	if (beside != NULL)
		host_open_beside(pool, beside);
}

/* Its address is none of the name's any more: it goes when nobody has it. */
static void
retire_gone(struct pool *pool, const struct host_name *name)
{
	struct server *server;

	TAILQ_FOREACH(server, &pool->servers, in_pool) {
		if (server->retired || strcmp(server->host, name->host) != 0 ||
		    address_is_unix(&server->address) ||
		    address_port(&server->address) != name->port ||
		    host_name_has(name, &server->address))
			continue;
		server->retired = true;
		pool->thinning = true;
	}
}

void
host_name_answered(struct pool *pool, const struct host_name *name)
{
	const struct database_config *database = database_of(pool);

	open_unnamed(pool);
	if (name->count > 0 && name->failures == 0 && database != NULL)
		retire_gone(pool, name);
}

/* While it has servers by a name, the name is kept fresh. */
static void
keep_names(struct pool *pool, const struct database_config *database)
{
	struct address address;

	for (size_t i = 0; i < database->host_count; i++)
		if (!address_from_text(database->hosts[i], database->port, &address))
			host_names_use(pools_names(pool->pools), database->hosts[i], database->port,
			    pools_config(pool->pools)->backend_dns_ttl_ms);
}

/* One of those that are to go and that nobody has. */
static void
close_one_retired(struct pool *pool)
{
	struct server *server;

	TAILQ_FOREACH(server, &pool->idle, in_idle)
		if (server->retired) {
			server_close(server, "its host's name has other addresses now");
			return;
		}
	pool->thinning = false;
}

void
host_tick(struct pool *pool)
{
	const struct database_config *database = database_of(pool);

	if (database != NULL && !TAILQ_EMPTY(&pool->servers))
		keep_names(pool, database);
	if (pool->thinning)
		close_one_retired(pool);
}

void
host_failed(struct server *server)
{
	const struct pool *pool = server->pool;
	struct host_name *name = host_names_find(
	    pools_names(pool->pools), server->host, address_port(&server->address));

	if (name != NULL)
		host_name_doubt(name);
	hosts_failed(pools_hosts(pool->pools), &server->address, loop_now_us(server->loop),
	    pools_config(pool->pools)->backend_connect_retry_ms);
}

bool
host_has_other(struct pool *pool, const struct address *besides, int64_t calm_ms)
{
	const struct database_config *database = database_of(pool);
	struct candidates candidates;

	if (database == NULL)
		return false;
	host_candidates(pool, database, &candidates);
	return hosts_has_other(pools_hosts(pool->pools), candidates.at, candidates.count, besides,
	    (enum session_attrs)database->session_attrs, loop_now_us(pools_loop(pool->pools)),
	    calm_ms);
}

void
host_move_on(struct pool *pool)
{
	const struct database_config *database = database_of(pool);

	if (database != NULL && database->load_balance == LOAD_BALANCE_DISABLE)
		pool->host++;
}

/* Does anybody want to know which of its hosts a database goes to? */
static bool
is_told(const struct database_config *database)
{
	return database != NULL &&
	    (database->host_count > 1 || database->session_attrs != SESSION_ATTRS_ANY);
}

void
host_tell(const struct server *server, const char *what, const char *why)
{
	const struct database_config *database = database_of(server->pool);
	char address[ADDRESS_TEXT_SIZE], news[300];

	if (!is_told(database))
		return;
	snprintf(news, sizeof(news), "%s: %s", what, why);
	if (!hosts_is_news(pools_hosts(server->pool->pools), &server->address,
		server->pool->database, news))
		return;
	address_text(&server->address, address);
	log_info("database %s: host %s (%s, port %d) is %s (target_session_attrs: %s)",
	    server->pool->database, server->host, address, database->port, news,
	    config_session_attrs_name((enum session_attrs)database->session_attrs));
}

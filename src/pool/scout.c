/*
 * scout.c - asking hosts what they are, whether somebody uses them or not.
 *
 * Each host of a database that has several, and wants a certain role, is asked every
 * backend.role_check, by one pool of the process, on a connection of its own beside the pool:
 * so a host's role is known before a client is sent there. While two say that they are
 * primaries no server is lent: writes to one of them would be lost.
 */
#include <string.h>

#include "base/log.h"
#include "hosts.h"
#include "pool_internal.h"

enum {
	LOOK_EVERY_US = 200 * 1000,
	SPLIT_EVERY_MS = 1000, /* they are asked so often at least while there are two primaries */
};

/* The database, if it matters to the pool what its hosts are. */
static const struct database_config *
scouted_database(const struct pool *pool)
{
	const struct config *config = pools_config(pool->pools);
	const struct database_config *database = config_database(config, pool->database);

	if (database == NULL || database->session_attrs == SESSION_ATTRS_ANY || pool->asks ||
	    config->backend_role_check_ms == 0)
		return NULL;
	return database;
}

/* A pool that nobody uses asks nobody. */
static bool
is_used(const struct pool *pool)
{
	const struct server *server;

	if (pool->paused || pool->suspended)
		return false;
	TAILQ_FOREACH(server, &pool->servers, in_pool)
		if (!server->beside)
			return true;
	return budget_has_line(pool->budget);
}

static void
send_scout(struct pool *pool, const struct address *address, const char *host)
{
	struct server *server = server_open(pool, address, host, NULL);

	server->beside = server->scouts = true;
}

static void
tell_split(const struct pool *pool, const struct candidates *candidates, size_t one, size_t other)
{
	char first[ADDRESS_TEXT_SIZE], second[ADDRESS_TEXT_SIZE];
	const struct address *address = &candidates->at[one];

	if (!hosts_is_news(pools_hosts(pool->pools), address, pool->database, "two primaries"))
		return;
	address_text(address, first);
	address_text(&candidates->at[other], second);
	log_error("database %s: two hosts are primaries, %s (%s) and %s (%s): no server connection "
		  "is lent until one of them is stopped or demoted; statements under way end where "
		  "they are",
	    pool->database, candidates->host[one], first, candidates->host[other], second);
}

static void
tell_united(const struct pool *pool, const struct candidates *candidates)
{
	for (size_t i = 0; i < candidates->count; i++)
		if (hosts_role(pools_hosts(pool->pools), &candidates->at[i]) == HOST_ROLE_PRIMARY &&
		    hosts_is_news(pools_hosts(pool->pools), &candidates->at[i], pool->database,
			"the only primary"))
			log_info("database %s: host %s is the only primary again", pool->database,
			    candidates->host[i]);
}

/* Only a pool that writes cares for which of them is the right one. */
static bool
is_split(struct pool *pool, const struct database_config *database,
    const struct candidates *candidates)
{
	size_t one = 0, other = 0;
	bool split = (database->session_attrs == SESSION_ATTRS_PRIMARY ||
			 database->session_attrs == SESSION_ATTRS_READ_WRITE) &&
	    hosts_are_split(pools_hosts(pool->pools), candidates->at, candidates->count, &one, &other);

	if (split && !pool->split)
		tell_split(pool, candidates, one, other);
	else if (!split && pool->split)
		tell_united(pool, candidates);
	return split;
}

static int64_t
every_ms(const struct pool *pool)
{
	int64_t check_ms = pools_config(pool->pools)->backend_role_check_ms;

	return pool->split && check_ms > SPLIT_EVERY_MS ? SPLIT_EVERY_MS : check_ms;
}

/* One that is held takes no part of a cap from others. */
static void
hold(struct pool *pool, bool split)
{
	if (pool->split == split)
		return;
	pool->split = split;
	budget_set_paused(pool->budget, pool_is_held(pool));
}

/* Those that there are, and what is known of them; false: there is nothing to choose. */
static bool
look(struct pool *pool, struct candidates *candidates)
{
	const struct database_config *database = scouted_database(pool);

	if (database != NULL)
		host_candidates(pool, database, candidates);
	if (database == NULL || candidates->count < 2) {
		hold(pool, false);
		return false;
	}
	hold(pool, is_split(pool, database, candidates));
	return true;
}

void
scout_look(struct pool *pool)
{
	struct candidates candidates;

	look(pool, &candidates);
}

void
scout_tick(struct pool *pool, uint64_t now_us)
{
	struct candidates candidates;
	size_t which;

	if (now_us < pool->scout_us)
		return;
	pool->scout_us = now_us + LOOK_EVERY_US;
	if (look(pool, &candidates) && is_used(pool) &&
	    hosts_to_ask(pools_hosts(pool->pools), candidates.at, candidates.count, now_us,
		every_ms(pool), &which))
		send_scout(pool, &candidates.at[which], candidates.host[which]);
}

/* Is nobody there, or nobody yet? Other errors are of the role, or of a host that is full. */
static bool
is_away(const struct error *err)
{
	return strncmp(err->sqlstate, "08", 2) == 0 || strcmp(err->sqlstate, "57P03") == 0;
}

void
scout_failed(struct server *server, const struct error *err)
{
	if (is_away(err)) {
		host_failed(server);
		host_tell(server, "skipped", err->text);
	}
	server_close(server, err->text);
}

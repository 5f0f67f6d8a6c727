/* tally.c - see tally.h. */
#include <string.h>

#include "base/mem.h"
#include "pool/pool.h"
#include "session/client.h"
#include "tally.h"

/* Each is touched by its worker's thread only. */
static struct console_counters consoles[CLIENTS_WORKERS_MOST];

struct console_counters *
tally_console(unsigned worker)
{
	return &consoles[worker];
}

static struct tally_pool *
pool_of(struct tally *tally, const char *database, const char *role)
{
	size_t first = strlen(database) + 1, length = first + strlen(role) + 1;
	char *key = mem_alloc(length);
	struct tally_pool *found;

	memcpy(key, database, first);
	memcpy(key + first, role, length - first);
	HASH_FIND(hh, tally->pools, key, length, found);
	if (found != NULL) {
		mem_free(key);
		return found;
	}
	found = mem_zalloc(1, sizeof(*found));
	found->key = key;
	found->database = key;
	found->role = key + first;
	HASH_ADD_KEYPTR(hh, tally->pools, key, length, found);
	return found;
}

static struct tally_name *
name_of(struct tally_name **names, const char *name)
{
	struct tally_name *found;

	HASH_FIND_STR(*names, name, found);
	if (found == NULL) {
		found = mem_zalloc(1, sizeof(*found));
		found->name = mem_strdup(name);
		HASH_ADD_KEYPTR(hh, *names, found->name, strlen(found->name), found);
	}
	return found;
}

/* Nobody used it for so long that it will be checked before it is lent. */
static bool
is_used(const struct server *server, const struct config *config)
{
	return server->state == SERVER_IDLE && config->backend_check_after_ms > 0 &&
	       loop_now_us(server->loop) - server->since_us >=
		   (uint64_t)config->backend_check_after_ms * 1000;
}

const char *
tally_server_state(const struct server *server, const struct config *config)
{
	return is_used(server, config) ? "used" : server_state_name(server);
}

static void
add_server(
    struct tally_pool *row, const struct server *server, const struct config *config)
{
	if (server->beside)
		return;
	row->canceling += server_is_being_canceled(server);
	switch (server->state) {
	case SERVER_CONNECTING:
	case SERVER_LOGIN:
		row->servers_login++;
		break;
	case SERVER_IDLE:
		row->servers_idle += !is_used(server, config);
		row->servers_used += is_used(server, config);
		break;
	case SERVER_ACTIVE:
		row->servers_active++;
		row->cleaning += server_client(server) == NULL;
		break;
	case SERVER_TESTED:
		row->servers_tested++;
		break;
	case SERVER_CANCELED:
		row->servers_canceled++;
		break;
	case SERVER_CLOSING:
		break;
	}
}

static void
add_counters(struct tally_pool *row, struct pool_history *history,
    const struct pool_counters *counters, uint64_t now_us)
{
	pool_history_cut(history, counters, now_us);
	pool_counters_add(&row->now, counters);
	pool_counters_add(&row->older, &history->older);
	pool_counters_add(&row->newer, &history->newer);
}

static void
add_pools(struct tally *tally, const struct clients *clients, uint64_t now_us)
{
	const struct config *config = clients_config(clients);
	struct pool *pool = pools_first(clients_pools(clients));

	for (; pool != NULL; pool = pools_next(pool)) {
		struct tally_pool *row = pool_of(tally, pool->database, pool->role);
		int servers = 0;
		const struct server *server;

		TAILQ_FOREACH(server, &pool->servers, in_pool)
		{
			add_server(row, server, config);
			servers++;
		}
		add_counters(row, &pool->history, &pool->counters, now_us);
		for (size_t i = 0; i < PIN_REASONS_MOST; i++)
			row->pins[i] += pool->pins[i];
		histogram_merge(&row->query_times, &pool->query_times);
		histogram_merge(&row->wait_times, &pool->wait_times);
		name_of(&tally->databases, pool->database)->servers += servers;
		name_of(&tally->users, pool->role)->servers += servers;
		tally->servers += servers;
	}
}

uint64_t
tally_wait_us(const struct client *client, uint64_t now_us)
{
	uint64_t since_us = client->waiter.ticket.since_us;

	if ((client->state != CLIENT_WAITING && client->state != CLIENT_GREETING) ||
	    now_us < since_us)
		return 0;
	return now_us - since_us;
}

static void
add_pin(struct tally_pool *row, const char *reason)
{
	size_t i = 0;

	if (reason == NULL)
		return;
	while (strcmp(pin_reason(i), reason) != 0)
		i++;
	row->pinned++;
	row->pinned_by[i]++;
}

static void
add_client(struct tally *tally, const struct client *client, uint64_t now_us)
{
	bool console = client->responder != NULL;
	struct tally_pool *row;
	uint64_t wait_us;

	if (!console && client->pool == NULL) { /* not logged in yet */
		tally->logins++;
		return;
	}
	tally->clients++;
	row = console ? pool_of(tally, TALLY_CONSOLE, TALLY_CONSOLE)
		      : pool_of(tally, client->pool->database, client->pool->role);
	name_of(&tally->databases, row->database)->clients++;
	name_of(&tally->users, client_user(client))->clients++;
	add_pin(row, client->pin);
	if (client->state != CLIENT_WAITING && client->state != CLIENT_GREETING) {
		row->clients_active++;
		return;
	}
	row->clients_waiting++;
	wait_us = tally_wait_us(client, now_us);
	if (wait_us > row->longest_wait_us)
		row->longest_wait_us = wait_us;
}

static void
add_listener(void *arg, const struct listener_state *state)
{
	struct tally *tally = arg;
	struct tally_name *name = name_of(&tally->databases, state->database);

	name->listens = true;
	name->channels += state->channels;
	name->notifications += state->notifications;
	name->losses += state->losses;
}

static void
add_host_name(const struct pool_name *name, void *arg)
{
	struct tally *tally = arg;

	tally->names++;
	tally->names_asked += name->asked;
}

void
tally_add(struct tally *tally, const struct clients *clients)
{
	struct console_counters *console = tally_console(clients_worker(clients));
	uint64_t now_us = loop_now_us(clients_loop(clients));
	const struct client *client = clients_first(clients);

	add_pools(tally, clients, now_us);
	clients_each_listener(clients, add_listener, tally);
	pools_each_name(clients_pools(clients), add_host_name, tally);
	for (; client != NULL; client = clients_next(client))
		add_client(tally, client, now_us);
	add_counters(pool_of(tally, TALLY_CONSOLE, TALLY_CONSOLE), &console->history,
	    &console->now, now_us);
}

static int
by_database_and_role(const struct tally_pool *a, const struct tally_pool *b)
{
	int order = strcmp(a->database, b->database);

	return order != 0 ? order : strcmp(a->role, b->role);
}

static int
by_name(const struct tally_name *a, const struct tally_name *b)
{
	return strcmp(a->name, b->name);
}

void
tally_sort(struct tally *tally)
{
	HASH_SORT(tally->pools, by_database_and_role);
	HASH_SORT(tally->databases, by_name);
	HASH_SORT(tally->users, by_name);
}

static void
free_names(struct tally_name **names)
{
	struct tally_name *name, *next;

	HASH_ITER(hh, *names, name, next)
	{
		HASH_DEL(*names, name);
		mem_free(name->name);
		mem_free(name);
	}
}

void
tally_free(struct tally *tally)
{
	struct tally_pool *pool, *next;

	HASH_ITER(hh, tally->pools, pool, next)
	{
		HASH_DEL(tally->pools, pool);
		mem_free(pool->key);
		mem_free(pool);
	}
	free_names(&tally->databases);
	free_names(&tally->users);
	tally_free_queries(tally);
}

int
tally_servers(const struct tally_pool *pool)
{
	return pool->servers_active + pool->servers_idle + pool->servers_used +
	       pool->servers_tested + pool->servers_login + pool->servers_canceled;
}

struct tally_name
tally_of(const struct tally_name *names, const char *name)
{
	const struct tally_name *found;

	HASH_FIND_STR(names, name, found);
	return found == NULL ? (struct tally_name){ 0 } : *found;
}

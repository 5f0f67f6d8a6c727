/* pools.c - all pools of one worker. */
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "hosts.h"
#include "host_names.h"
#include "pool_internal.h"

/* What the console said of one database. Owned by its worker's pools, until the process ends. */
struct hold {
	struct hold *next;
	char *database;
	bool paused, disabled;
};

/* Owned by its worker. */
struct pools {
	struct loop *loop; /* borrowed */
	unsigned worker;
	struct budgets *budgets;   /* shared */
	struct config *config;	   /* referenced */
	struct users *users;	   /* referenced */
	struct security *security; /* referenced; NULL until the first was given */
	struct host_names *names;	   /* ours: of hosts */
	struct mailbox *mailbox;   /* pokes, servers, addresses and changes of roles arrive here */
	TAILQ_HEAD(, pool) all;
	struct cancel_list cancels; /* under way, without a server */
	bool all_paused, suspended;
	struct hold *holds;
};

/* Another worker says: look at the line, or close an idle server. */
static void
on_poke(struct message *message, void *receiver)
{
	struct poke *poke = (struct poke *)message; /* its first member */
	struct pool *pool = pools_of_budget(receiver, poke->budget);

	atomic_store(&poke->pending, false); /* before looking: a later poke rings again */
	if (atomic_exchange(&poke->shed, false))
		pool_shed(pool);
	pool_serve(pool);
}

/* A host is a primary, or a standby, that was none. */
static void
on_role(struct message *message, void *receiver)
{
	struct pools *pools = receiver;
	struct pool *pool;

	hosts_heard(message);
	TAILQ_FOREACH(pool, &pools->all, in_pools)
		role_changed(pool);
}

static void
on_name(struct host_name *name, void *arg)
{
	struct pools *pools = arg;
	struct pool *pool;

	TAILQ_FOREACH(pool, &pools->all, in_pools)
		host_name_answered(pool, name);
}

static void
on_tick(void *arg)
{
	struct pools *pools = arg;
	uint64_t now_us = loop_now_us(pools->loop);
	struct pool *pool;

	TAILQ_FOREACH(pool, &pools->all, in_pools)
		pool_tick(pool, now_us);
	host_names_tick(pools->names, pools->config->backend_dns_ttl_ms);
}

struct pools *
pools_new(struct loop *loop, unsigned worker, struct budgets *budgets,
    struct resolver *resolver, struct config *config, struct users *users)
{
	struct pools *pools = mem_zalloc(1, sizeof(*pools));

	*pools = (struct pools){ .loop = loop,
		.worker = worker,
		.budgets = budgets,
		.config = config_reference(config),
		.users = users_reference(users) };
	TAILQ_INIT(&pools->all);
	pools->mailbox = mailbox_new(loop, pools);
	pools->names = host_names_new(loop, pools->mailbox, resolver, on_name, pools);
	budgets_attach(budgets, worker, pools->mailbox, on_poke);
	hosts_attach(budgets_hosts(budgets), worker, pools->mailbox, on_role);
	loop_add_tick(loop, on_tick, pools);
	return pools;
}

struct cancel_list *
pools_cancels(struct pools *pools)
{
	return &pools->cancels;
}

void
pools_free(struct pools *pools)
{
	while (!TAILQ_EMPTY(&pools->all)) {
		struct pool *pool = TAILQ_FIRST(&pools->all);

		TAILQ_REMOVE(&pools->all, pool, in_pools);
		pool_free(pool);
	}
	while (pools->holds != NULL) {
		struct hold *hold = pools->holds;

		pools->holds = hold->next;
		mem_free(hold->database);
		mem_free(hold);
	}
	cancels_free(&pools->cancels);
	host_names_free(pools->names);
	mailbox_free(pools->mailbox);
	config_release(pools->config);
	users_release(pools->users);
	security_release(pools->security);
	mem_free(pools);
}

struct loop *
pools_loop(const struct pools *pools)
{
	return pools->loop;
}

const struct config *
pools_config(const struct pools *pools)
{
	return pools->config;
}

unsigned
pools_worker(const struct pools *pools)
{
	return pools->worker;
}

struct budgets *
pools_budgets(const struct pools *pools)
{
	return pools->budgets;
}

struct hosts *
pools_hosts(const struct pools *pools)
{
	return budgets_hosts(pools->budgets);
}

struct host_names *
pools_names(const struct pools *pools)
{
	return pools->names;
}

void
pools_each_name(struct pools *pools,
    void (*each)(const struct pool_name *name, void *arg), void *arg)
{
	for (struct host_name *name = host_names_first(pools->names); name != NULL;
	     name = TAILQ_NEXT(name, in_names))
		each(&(struct pool_name){ .host = name->host,
			 .ttl_ms = host_name_ttl_ms(name),
			 .addresses = name->addresses,
			 .count = name->count,
			 .asked = name->asked },
		    arg);
}

const struct users *
pools_users(const struct pools *pools)
{
	return pools->users;
}

/* Do the servers of a pool go elsewhere under the new configuration? */
static bool
target_changed(const struct pool *pool, const struct config *before, const struct config *after,
    const struct users *users_before, const struct users *users_after)
{
	const struct database_config *a = config_database(before, pool->database);
	const struct database_config *b = config_database(after, pool->database);
	const char *secret_a = users_role_secret(users_before, pool->role);
	const char *secret_b = users_role_secret(users_after, pool->role);

	if (a == NULL || b == NULL)
		return a != b;
	if (a->port != b->port || a->session_attrs != b->session_attrs ||
	    a->host_count != b->host_count ||
	    strcmp(a->connect_query ? a->connect_query : "",
		b->connect_query ? b->connect_query : "") != 0 ||
	    strcmp(a->dbname ? a->dbname : "", b->dbname ? b->dbname : "") != 0 ||
	    strcmp(secret_a ? secret_a : "", secret_b ? secret_b : "") != 0)
		return true;
	for (size_t i = 0; i < a->host_count; i++)
		if (strcmp(a->hosts[i], b->hosts[i]) != 0)
			return true;
	return false;
}

/* Its servers go: those that are idle now, the others when they come back. */
static void
retire_servers(struct pool *pool, const char *why)
{
	/* Strictly later than any server opened in this turn. */
	pool->reconnect_us = loop_now_us(pool->pools->loop) + 1;
	while (!TAILQ_EMPTY(&pool->idle))
		server_close(TAILQ_FIRST(&pool->idle), why);
	pool_close_beside(pool, why);
}

void
pools_configure(struct pools *pools, struct config *config, struct users *users)
{
	struct config *before = pools->config;
	struct users *users_before = pools->users;
	struct pool *pool;

	pools->config = config_reference(config);
	pools->users = users_reference(users);
	TAILQ_FOREACH(pool, &pools->all, in_pools) {
		struct budget_limits limits = pool_limits(pool);

		budget_set_limits(pool->budget, &limits);
		pool_configure(pool);
		if (target_changed(pool, before, config, users_before, users))
			retire_servers(pool, "the configuration says otherwise");
	}
	config_release(before);
	users_release(users_before);
}

void
pools_secure(struct pools *pools, struct security *security)
{
	struct security *before = pools->security;
	struct pool *pool;

	pools->security = security_reference(security);
	if (!security_servers_are_equal(before, security)) {
		TAILQ_FOREACH(pool, &pools->all, in_pools) {
			retire_servers(pool, "tls.server has changed");
			pool->wants_tls = false;
		}
	}
	security_release(before);
}

const struct security *
pools_security(const struct pools *pools)
{
	return pools->security;
}

static struct pool *
find(const struct pools *pools, const char *database, const char *role, bool asks)
{
	struct pool *pool;

	TAILQ_FOREACH(pool, &pools->all, in_pools)
		if (strcmp(pool->database, database) == 0 && strcmp(pool->role, role) == 0 &&
		    pool->asks == asks)
			return pool;
	return NULL;
}

static struct pool *
get(struct pools *pools, const char *database, const char *role, bool asks)
{
	struct pool *pool = find(pools, database, role, asks);

	if (pool == NULL) {
		pool = pool_new(pools, database, role, asks);
		pool->paused = pools_are_paused(pools, database);
		pool->suspended = pools->suspended;
		if (pool_is_held(pool))
			budget_set_paused(pool->budget, true);
		TAILQ_INSERT_TAIL(&pools->all, pool, in_pools);
	}
	return pool;
}

struct pool *
pools_get(struct pools *pools, const char *database, const char *role)
{
	return get(pools, database, role, false);
}

struct pool *
pools_get_asking(struct pools *pools, const char *database, const char *role)
{
	return get(pools, database, role, true);
}

struct pool *
pools_of_budget(struct pools *pools, struct budget *budget)
{
	return get(pools, budget_database(budget), budget_role(budget), budget_asks(budget));
}

struct pool *
pools_first(const struct pools *pools)
{
	return TAILQ_FIRST(&pools->all);
}

static bool
is_of(const struct pool *pool, const char *database)
{
	return database == NULL || strcmp(pool->database, database) == 0;
}

static const struct hold *
find_hold(const struct pools *pools, const char *database)
{
	const struct hold *hold = pools->holds;

	while (hold != NULL && strcmp(hold->database, database) != 0)
		hold = hold->next;
	return hold;
}

static struct hold *
hold_of(struct pools *pools, const char *database)
{
	struct hold *hold = (struct hold *)find_hold(pools, database);

	if (hold == NULL) {
		hold = mem_zalloc(1, sizeof(*hold));
		*hold = (struct hold){ .next = pools->holds, .database = mem_strdup(database) };
		pools->holds = hold;
	}
	return hold;
}

bool
pools_are_paused(const struct pools *pools, const char *database)
{
	const struct hold *hold = database == NULL ? NULL : find_hold(pools, database);

	return pools->all_paused || (hold != NULL && hold->paused);
}

void
pools_disable(struct pools *pools, const char *database, bool disabled)
{
	hold_of(pools, database)->disabled = disabled;
}

bool
pools_are_disabled(const struct pools *pools, const char *database)
{
	const struct hold *hold = find_hold(pools, database);

	return hold != NULL && hold->disabled;
}

bool
pools_know(const struct pools *pools, const char *database)
{
	const struct database_config *found = config_database(pools->config, database);

	return found != NULL &&
	    (strcmp(found->name, database) == 0 || budgets_know(pools->budgets, database));
}

static void
apply_pause(struct pool *pool)
{
	pool->paused = pools_are_paused(pool->pools, pool->database);
	budget_set_paused(pool->budget, pool_is_held(pool));
	if (!pool->paused)
		pool_serve_later(pool);
	while (pool->paused && !TAILQ_EMPTY(&pool->idle))
		server_close(TAILQ_FIRST(&pool->idle), "paused");
}

void
pools_pause(struct pools *pools, const char *database, bool paused)
{
	struct pool *pool;

	if (database != NULL)
		hold_of(pools, database)->paused = paused;
	else
		pools->all_paused = paused;
	for (struct hold *hold = pools->holds; hold != NULL; hold = hold->next)
		hold->paused = hold->paused && (database != NULL || paused);
	TAILQ_FOREACH(pool, &pools->all, in_pools)
		if (is_of(pool, database))
			apply_pause(pool);
}

bool
pools_are_quiet(const struct pools *pools, const char *database)
{
	const struct pool *pool;
	const struct server *server;

	TAILQ_FOREACH(pool, &pools->all, in_pools) {
		if (!is_of(pool, database))
			continue;
		TAILQ_FOREACH(server, &pool->servers, in_pool)
			if (server->state == SERVER_ACTIVE && !server->beside)
				return false;
	}
	return true;
}

/* Close it, and tell who has it. */
static void
close_lent(struct server *server, const char *why)
{
	if (server->state == SERVER_ACTIVE)
		server->user->lost(server, why);
	server_close(server, why);
}

static void
suspend_pool(struct pool *pool, bool suspended)
{
	struct server *server;

	pool->suspended = suspended;
	budget_set_paused(pool->budget, pool_is_held(pool));
	if (suspended)
		return;
	TAILQ_FOREACH(server, &pool->servers, in_pool)
		stream_wake(server->stream);
	pool_serve_later(pool);
}

void
pools_suspend(struct pools *pools, bool suspended)
{
	struct pool *pool;

	if (pools->suspended == suspended)
		return;
	pools->suspended = suspended;
	TAILQ_FOREACH(pool, &pools->all, in_pools)
		suspend_pool(pool, suspended);
}

bool
pools_are_suspended(const struct pools *pools)
{
	return pools->suspended;
}

/* Does nothing of ours go on with it? It is suspended then. */
static bool
is_still(const struct server *server)
{
	if (server->state != SERVER_IDLE && server->state != SERVER_ACTIVE &&
	    server->state != SERVER_CANCELED)
		return false;
	stream_suspend(server->stream);
	return stream_is_flushed(server->stream);
}

static bool
settle_pool(struct pool *pool, bool impatient)
{
	struct server *server = TAILQ_FIRST(&pool->servers);
	bool still = true;

	while (server != NULL) {
		struct server *next = TAILQ_NEXT(server, in_pool);

		if (!is_still(server)) {
			still = false;
			if (impatient)
				close_lent(server, "not at rest within timeouts.suspend");
		}
		server = next;
	}
	return still;
}

bool
pools_settle(struct pools *pools, bool impatient)
{
	struct pool *pool;
	bool still = true;

	TAILQ_FOREACH(pool, &pools->all, in_pools)
		still = settle_pool(pool, impatient) && still;
	return still;
}

void
pools_reconnect(struct pools *pools, const char *database)
{
	struct pool *pool;

	TAILQ_FOREACH(pool, &pools->all, in_pools)
		if (is_of(pool, database))
			retire_servers(pool, "RECONNECT");
}

void
pools_close_idle(struct pools *pools, const char *why)
{
	struct pool *pool;

	TAILQ_FOREACH(pool, &pools->all, in_pools)
		while (!TAILQ_EMPTY(&pool->idle))
			server_close(TAILQ_FIRST(&pool->idle), why);
}

void
pools_close_servers(struct pools *pools, const char *database, const char *why)
{
	struct pool *pool;

	TAILQ_FOREACH(pool, &pools->all, in_pools) {
		struct server *server = TAILQ_FIRST(&pool->servers);

		while (is_of(pool, database) && server != NULL) {
			struct server *next = TAILQ_NEXT(server, in_pool);

			close_lent(server, why);
			server = next;
		}
	}
}

/*
 * show_pools.c - the tables that are read from a tally: POOLS, STATS and its
 * kin, TOTALS, DATABASES, USERS, LISTS, MEM.
 */
#include <string.h>

#include "base/mem.h"
#include "errand.h"
#include "pool/pool.h"
#include "session/client.h"
#include "show.h"

static void
visit(struct errand *errand, struct clients *clients)
{
	tally_add(&errand->tally, clients);
}

/* NULL where there is one host: nothing to balance. */
static const char *
balancing(const struct database_config *database)
{
	if (database == NULL || database->host_count < 2)
		return NULL;
	return config_load_balance_name((enum load_balance)database->load_balance);
}

/* --- POOLS ------------------------------------------------------------------ */

static const struct wire_column pools_columns[] = { { "database", 't' }, { "user", 't' },
	{ "cl_active", 'i' }, { "cl_waiting", 'i' }, { "cl_active_cancel_req", 'i' },
	{ "cl_waiting_cancel_req", 'i' }, { "sv_active", 'i' },
	{ "sv_active_cancel", 'i' }, { "sv_being_canceled", 'i' }, { "sv_idle", 'i' },
	{ "sv_used", 'i' }, { "sv_tested", 'i' }, { "sv_login", 'i' }, { "maxwait", 'i' },
	{ "maxwait_us", 'i' }, { "pool_mode", 't' }, { "load_balance_hosts", 't' },
	{ "pinned", 'i' }, { "sv_quarantined", 'i' } };

static const char *
pool_mode_of(const struct tally_pool *pool, const struct config *config)
{
	const struct database_config *database = config_database(config, pool->database);

	if (strcmp(pool->database, TALLY_CONSOLE) == 0)
		return config_pool_mode_name(POOL_MODE_STATEMENT);
	if (database == NULL)
		return config_pool_mode_name((enum pool_mode)config->pool_mode);
	return config_pool_mode_name(
	    config_pool_mode(config, database, config_user(config, pool->role)));
}

static void
fill_pools(struct errand *errand, struct clients *home)
{
	const struct config *config = clients_config(home);
	struct rows *rows = &errand->rows;

	for (const struct tally_pool *pool = errand->tally.pools; pool != NULL;
	     pool = pool->hh.next) {
		row_begin(rows);
		row_text(rows, pool->database);
		row_text(rows, pool->role);
		row_int(rows, pool->clients_active);
		row_int(rows, pool->clients_waiting);
		row_int(rows, pool->canceling);
		row_int(
		    rows, 0); /* cancels never wait: they have connections of their own */
		row_int(rows, pool->servers_active);
		row_int(rows, pool->canceling);
		row_int(rows, pool->servers_canceled);
		row_int(rows, pool->servers_idle);
		row_int(rows, pool->servers_used);
		row_int(rows, pool->servers_tested);
		row_int(rows, pool->servers_login);
		row_int(rows, (int64_t)(pool->longest_wait_us / 1000000));
		row_int(rows, (int64_t)(pool->longest_wait_us % 1000000));
		row_text(rows, pool_mode_of(pool, config));
		row_text(rows, balancing(config_database(config, pool->database)));
		row_int(rows, pool->pinned);
		row_int(rows, pool->cleaning);
		row_end(rows);
	}
}

/* --- STATS, STATS_TOTALS, STATS_AVERAGES, TOTALS ----------------------------- */

/* PgBouncer's counters in its order; the names are those of TOTALS. */
static const struct counter {
	const char *name;
	size_t offset;
} counters[] = {
	{ "server_assignment_count",
	    offsetof(struct pool_counters, server_assignment_count) },
	{ "xact_count", offsetof(struct pool_counters, xact_count) },
	{ "query_count", offsetof(struct pool_counters, query_count) },
	{ "client_bytes", offsetof(struct pool_counters, bytes_received) },
	{ "server_bytes", offsetof(struct pool_counters, bytes_sent) },
	{ "xact_time", offsetof(struct pool_counters, xact_time_us) },
	{ "query_time", offsetof(struct pool_counters, query_time_us) },
	{ "wait_time", offsetof(struct pool_counters, wait_time_us) },
	{ "ps_client_parse_count", offsetof(struct pool_counters, client_parse_count) },
	{ "ps_server_parse_count", offsetof(struct pool_counters, server_parse_count) },
	{ "ps_bind_count", offsetof(struct pool_counters, bind_count) },
};

enum { COUNTERS = sizeof(counters) / sizeof(counters[0]) };

static const struct wire_column stats_columns[] = { { "database", 't' },
	{ "total_server_assignment_count", 'n' }, { "total_xact_count", 'n' },
	{ "total_query_count", 'n' }, { "total_received", 'n' }, { "total_sent", 'n' },
	{ "total_xact_time", 'n' }, { "total_query_time", 'n' },
	{ "total_wait_time", 'n' }, { "total_client_parse_count", 'n' },
	{ "total_server_parse_count", 'n' }, { "total_bind_count", 'n' },
	{ "avg_server_assignment_count", 'n' }, { "avg_xact_count", 'n' },
	{ "avg_query_count", 'n' }, { "avg_recv", 'n' }, { "avg_sent", 'n' },
	{ "avg_xact_time", 'n' }, { "avg_query_time", 'n' }, { "avg_wait_time", 'n' },
	{ "avg_client_parse_count", 'n' }, { "avg_server_parse_count", 'n' },
	{ "avg_bind_count", 'n' }, { "total_client_login_count", 'n' },
	{ "avg_client_login_count", 'n' }, { "logins", 'n' }, { "denied", 'n' },
	{ "retried", 'n' } };

static const struct wire_column totals_by_database_columns[] = { { "database", 't' },
	{ "server_assignment_count", 'n' }, { "xact_count", 'n' }, { "query_count", 'n' },
	{ "bytes_received", 'n' }, { "bytes_sent", 'n' }, { "xact_time", 'n' },
	{ "query_time", 'n' }, { "wait_time", 'n' }, { "client_parse_count", 'n' },
	{ "server_parse_count", 'n' }, { "bind_count", 'n' } };

static const struct wire_column averages_columns[] = { { "database", 't' },
	{ "server_assignment_count", 'n' }, { "xact_count", 'n' }, { "query_count", 'n' },
	{ "bytes_received", 'n' }, { "bytes_sent", 'n' }, { "xact_time", 'n' },
	{ "query_time", 'n' }, { "wait_time", 'n' }, { "avg_client_parse_count", 'n' },
	{ "avg_server_parse_count", 'n' }, { "avg_bind_count", 'n' } };

static const struct wire_column totals_columns[] = { { "name", 't' }, { "value", 'n' } };

/* What one row of statistics is made of. */
struct sums {
	struct pool_counters now, older, newer;
};

static void
sums_add(struct sums *sums, const struct tally_pool *pool)
{
	pool_counters_add(&sums->now, &pool->now);
	pool_counters_add(&sums->older, &pool->older);
	pool_counters_add(&sums->newer, &pool->newer);
}

static struct pool_counters
average_of(const struct sums *sums)
{
	struct pool_counters average;

	pool_counters_average(
	    &average, &sums->older, &sums->newer, POOL_HISTORY_PERIOD_US);
	return average;
}

static int64_t
counter_at(const struct pool_counters *from, size_t i)
{
	uint64_t value;

	memcpy(&value, (const char *)from + counters[i].offset, sizeof(value));
	return (int64_t)value;
}

static void
put_counters(struct rows *rows, const struct pool_counters *from)
{
	for (size_t i = 0; i < COUNTERS; i++)
		row_int(rows, counter_at(from, i));
}

/* Call `each` with the sums of each database; pools are sorted. */
static void
for_each_database(
    struct errand *errand, void (*each)(struct rows *rows, const struct sums *sums))
{
	const struct tally_pool *pool = errand->tally.pools;

	while (pool != NULL) {
		const char *database = pool->database;
		struct sums sums = { 0 };

		for (; pool != NULL && strcmp(pool->database, database) == 0;
		     pool = pool->hh.next)
			sums_add(&sums, pool);
		row_begin(&errand->rows);
		row_text(&errand->rows, database);
		each(&errand->rows, &sums);
		row_end(&errand->rows);
	}
}

static void
put_stats(struct rows *rows, const struct sums *sums)
{
	struct pool_counters average = average_of(sums);

	put_counters(rows, &sums->now);
	put_counters(rows, &average);
	row_int(rows, (int64_t)sums->now.logins);
	row_int(rows, (int64_t)average.logins);
	row_int(rows, (int64_t)sums->now.logins);
	row_int(rows, (int64_t)sums->now.denied);
	row_int(rows, (int64_t)sums->now.retried);
}

static void
put_totals(struct rows *rows, const struct sums *sums)
{
	put_counters(rows, &sums->now);
}

static void
put_averages(struct rows *rows, const struct sums *sums)
{
	struct pool_counters average = average_of(sums);

	put_counters(rows, &average);
}

static void
fill_stats(struct errand *errand, struct clients *home)
{
	for_each_database(errand, put_stats);
	(void)home;
}

static void
fill_totals_by_database(struct errand *errand, struct clients *home)
{
	for_each_database(errand, put_totals);
	(void)home;
}

static void
fill_averages(struct errand *errand, struct clients *home)
{
	for_each_database(errand, put_averages);
	(void)home;
}

static void
put_named(struct rows *rows, const char *prefix, const struct pool_counters *from)
{
	for (size_t i = 0; i < COUNTERS; i++) {
		char *name = mem_printf("%s%s", prefix, counters[i].name);

		row_begin(rows);
		row_text(rows, name);
		row_int(rows, counter_at(from, i));
		row_end(rows);
		mem_free(name);
	}
}

static void
fill_totals(struct errand *errand, struct clients *home)
{
	struct sums sums = { 0 };
	struct pool_counters average;

	for (const struct tally_pool *pool = errand->tally.pools; pool != NULL;
	     pool = pool->hh.next)
		sums_add(&sums, pool);
	average = average_of(&sums);
	put_named(&errand->rows, "total_", &sums.now);
	put_named(&errand->rows, "avg_", &average);
	(void)home;
}

/* --- DATABASES ---------------------------------------------------------------- */

static const struct wire_column databases_columns[] = { { "name", 't' }, { "host", 't' },
	{ "port", 'i' }, { "database", 't' }, { "force_user", 't' }, { "pool_size", 'i' },
	{ "min_pool_size", 'i' }, { "reserve_pool_size", 'i' },
	{ "server_lifetime", 'i' }, { "pool_mode", 't' }, { "load_balance_hosts", 't' },
	{ "max_connections", 'i' }, { "current_connections", 'i' },
	{ "max_client_connections", 'i' }, { "current_client_connections", 'i' },
	{ "paused", 'i' }, { "disabled", 'i' } };

static int64_t
or_default(int value, int64_t fallback)
{
	return value == CONFIG_INHERIT ? fallback : value;
}

static void
put_hosts(struct rows *rows, const struct database_config *database)
{
	struct buf hosts = { 0 };
	char *text;

	for (size_t i = 0; i < database->host_count; i++)
		buf_printf(&hosts, "%s%s", i > 0 ? "," : "", database->hosts[i]);
	text = buf_steal_text(&hosts);
	row_text(rows, text);
	mem_free(text);
}

/* A database called `name`, which the configuration has under its own name or as "*". */
static void
put_database(struct errand *errand, struct clients *home, const char *name,
    const struct database_config *database)
{
	const struct config *config = clients_config(home);
	const struct pools *pools = clients_pools(home);
	const struct tally_name have = tally_of(errand->tally.databases, name);
	struct rows *rows = &errand->rows;

	row_begin(rows);
	row_text(rows, name);
	put_hosts(rows, database);
	row_int(rows, database->port);
	row_text(rows, database->dbname != NULL ? database->dbname : name);
	row_text(rows, NULL);
	row_int(rows, or_default(database->pool_size, config->pool_size));
	row_int(rows, or_default(database->min, config->pool_min));
	row_int(rows, or_default(database->reserve, config->pool_reserve));
	row_int(rows, config->backend_max_age_ms / 1000);
	row_text(rows, config_pool_mode_name(config_pool_mode(config, database, NULL)));
	row_text(rows, balancing(database));
	row_int(
	    rows, or_default(database->max_connections, config->pool_max_per_database));
	row_int(rows, have.servers);
	row_int(rows, config->limits_clients_per_database);
	row_int(rows, have.clients);
	row_int(rows, pools_are_paused(pools, name));
	row_int(rows, pools_are_disabled(pools, name));
	row_end(rows);
}

static void
put_console_database(struct errand *errand, const struct config *config)
{
	struct rows *rows = &errand->rows;

	row_begin(rows);
	row_text(rows, TALLY_CONSOLE);
	row_text(rows, NULL);
	row_int(rows, config->listen_count > 0 ? config->listens[0].port : 0);
	row_text(rows, TALLY_CONSOLE);
	row_text(rows, TALLY_CONSOLE);
	for (size_t i = 0; i < 4; i++) /* it has no servers */
		row_int(rows, 0);
	row_text(rows, config_pool_mode_name(POOL_MODE_STATEMENT));
	row_text(rows, NULL);
	row_int(rows, 0);
	row_int(rows, 0);
	row_int(rows, 0);
	row_int(rows, tally_of(errand->tally.databases, TALLY_CONSOLE).clients);
	row_int(rows, 0);
	row_int(rows, 0);
	row_end(rows);
}

static void
fill_databases(struct errand *errand, struct clients *home)
{
	const struct config *config = clients_config(home);
	const struct tally_name *used = errand->tally.databases;

	for (size_t i = 0; i < config->database_count; i++)
		put_database(
		    errand, home, config->databases[i].name, &config->databases[i]);
	for (; used != NULL; used = used->hh.next) {
		const struct database_config *found = config_database(config, used->name);

		if (found != NULL && strcmp(found->name, used->name) != 0 &&
		    strcmp(used->name, TALLY_CONSOLE) != 0)
			put_database(errand, home, used->name, found);
	}
	put_console_database(errand, config);
}

/* --- USERS -------------------------------------------------------------------- */

static const struct wire_column users_columns[] = { { "name", 't' }, { "pool_size", 't' },
	{ "reserve_pool_size", 't' }, { "pool_mode", 't' },
	{ "max_user_connections", 'i' }, { "current_connections", 'i' },
	{ "max_user_client_connections", 'i' }, { "current_client_connections", 'i' } };

static void
put_user(struct errand *errand, const struct config *config, const char *name)
{
	const struct user_config *user = config_user(config, name);
	const struct tally_name have = tally_of(errand->tally.users, name);
	bool own_mode = user != NULL && user->pool_mode != CONFIG_INHERIT;
	struct rows *rows = &errand->rows;

	row_begin(rows);
	row_text(rows, name);
	row_text(rows, ""); /* sizes are the databases' */
	row_text(rows, "");
	row_text(rows,
	    own_mode ? config_pool_mode_name((enum pool_mode)user->pool_mode) : NULL);
	row_int(rows, user == NULL
			  ? config->pool_max_per_user
			  : or_default(user->max_connections, config->pool_max_per_user));
	row_int(rows, have.servers);
	row_int(rows, config->limits_clients_per_user);
	row_int(rows, have.clients);
	row_end(rows);
}

static void
fill_users(struct errand *errand, struct clients *home)
{
	const struct config *config = clients_config(home);

	for (size_t i = 0; i < config->user_count; i++)
		put_user(errand, config, config->users[i].name);
	/* Those of the userlist, and roles that users were mapped to. */
	for (const struct tally_name *user = errand->tally.users; user != NULL;
	     user = user->hh.next)
		if (config_user(config, user->name) == NULL)
			put_user(errand, config, user->name);
}

/* --- LISTS, MEM ----------------------------------------------------------------- */

static const struct wire_column lists_columns[] = { { "list", 't' }, { "items", 'i' } };

static void
put_item(struct rows *rows, const char *name, int64_t count)
{
	row_begin(rows);
	row_text(rows, name);
	row_int(rows, count);
	row_end(rows);
}

static int64_t
count_users(const struct errand *errand, const struct config *config)
{
	int64_t count = (int64_t)config->user_count;

	for (const struct tally_name *user = errand->tally.users; user != NULL;
	     user = user->hh.next)
		count += config_user(config, user->name) == NULL;
	return count;
}

/* Databases as SHOW DATABASES lists them. */
static int64_t
count_databases(const struct errand *errand, const struct config *config)
{
	int64_t count = (int64_t)config->database_count + 1;

	for (const struct tally_name *used = errand->tally.databases; used != NULL;
	     used = used->hh.next) {
		const struct database_config *found = config_database(config, used->name);

		count += found != NULL && strcmp(found->name, used->name) != 0 &&
			 strcmp(used->name, TALLY_CONSOLE) != 0;
	}
	return count;
}

static void
fill_lists(struct errand *errand, struct clients *home)
{
	const struct config *config = clients_config(home);
	const struct tally *tally = &errand->tally;
	struct rows *rows = &errand->rows;

	put_item(rows, "databases", count_databases(errand, config));
	put_item(rows, "users", count_users(errand, config));
	put_item(rows, "peers", count_peers(home));
	put_item(rows, "pools", HASH_COUNT(tally->pools));
	put_item(rows, "peer_pools", count_peers(home));
	put_item(rows, "free_clients", 0); /* memory of clients that left is given back */
	put_item(rows, "used_clients", tally->clients);
	put_item(rows, "login_clients", tally->logins);
	put_item(rows, "free_servers", 0);
	put_item(rows, "used_servers", tally->servers);
	put_item(rows, "dns_names", tally->names);
	put_item(rows, "dns_zones", 0);
	put_item(rows, "dns_queries", 0);
	put_item(rows, "dns_pending", tally->names_asked);
}

static const struct wire_column mem_columns[] = { { "name", 't' }, { "size", 'i' },
	{ "used", 'i' }, { "free", 'i' }, { "memtotal", 'i' } };

static void
put_memory(struct rows *rows, const char *name, size_t size, int64_t used)
{
	row_begin(rows);
	row_text(rows, name);
	row_int(rows, (int64_t)size);
	row_int(rows, used);
	row_int(rows, 0);
	row_int(rows, (int64_t)size * used);
	row_end(rows);
}

/* Structs alone; buffers and prepared statements come on top. */
static void
fill_mem(struct errand *errand, struct clients *home)
{
	const struct tally *tally = &errand->tally;

	put_memory(
	    &errand->rows, "pool_cache", sizeof(struct pool), HASH_COUNT(tally->pools));
	put_memory(&errand->rows, "server_cache", sizeof(struct server), tally->servers);
	put_memory(&errand->rows, "client_cache", sizeof(struct client),
	    tally->clients + tally->logins);
	(void)home;
}

const struct table tables_of_pools[] = {
	{ "DATABASES", COLUMNS(databases_columns), visit, fill_databases, ACCESS_VIEWER,
	    false, false },
	{ "LISTS", COLUMNS(lists_columns), visit, fill_lists, ACCESS_VIEWER, false,
	    false },
	{ "MEM", COLUMNS(mem_columns), visit, fill_mem, ACCESS_VIEWER, false, false },
	{ "POOLS", COLUMNS(pools_columns), visit, fill_pools, ACCESS_VIEWER, false,
	    false },
	{ "STATS", COLUMNS(stats_columns), visit, fill_stats, ACCESS_VIEWER, false,
	    false },
	{ "STATS_AVERAGES", COLUMNS(averages_columns), visit, fill_averages,
	    ACCESS_VIEWER, false, false },
	{ "STATS_TOTALS", COLUMNS(totals_by_database_columns), visit,
	    fill_totals_by_database, ACCESS_VIEWER, false, false },
	{ "TOTALS", COLUMNS(totals_columns), visit, fill_totals, ACCESS_VIEWER, false,
	    false },
	{ "USERS", COLUMNS(users_columns), visit, fill_users, ACCESS_VIEWER, false,
	    false },
};
const size_t tables_of_pools_count = sizeof(tables_of_pools) / sizeof(tables_of_pools[0]);

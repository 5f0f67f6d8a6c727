/*
 * tally.h - pools, clients and servers counted over all workers.
 *
 * One tally goes from worker to worker; each adds what is its own. POOLS, STATS,
 * DATABASES, USERS, LISTS and their kin are read from it.
 */
#ifndef ADMIN_TALLY_H
#define ADMIN_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "pool/server.h"
#include "session/clients.h"
#include "stats/counters.h"
#include "stats/histogram.h"
#include "stats/queries.h"

/* The console itself is counted as this database, user and pool, as PgBouncer does. */
#define TALLY_CONSOLE "pgbouncer"

/* One (database, role). Owned by its tally. */
struct tally_pool {
	UT_hash_handle hh;
	char *key;                   /* both names, NUL between */
	const char *database, *role; /* in the key */
	int clients_active, clients_waiting, pinned;
	int servers_active, servers_idle, servers_used, servers_tested, servers_login;
	int servers_canceled; /* given back, and a cancel for it is under way */
	int canceling;        /* cancels under way */
	int cleaning;         /* their clients are gone */
	int pinned_by[PIN_REASONS_MOST]; /* of those pinned, by reason */
	uint64_t pins[PIN_REASONS_MOST]; /* pins begun, by reason */
	uint64_t longest_wait_us;
	struct pool_counters now, older, newer;
	struct histogram query_times, wait_times;
};

/* One name, of a database or of a user. Owned by its tally. */
struct tally_name {
	UT_hash_handle hh;
	char *name;
	int clients, servers;
	bool listens; /* of a database: it has a listener, whose numbers these are */
	uint64_t channels, notifications, losses;
};

/* Zeroed is empty. Emptied by tally_free(). */
struct tally {
	struct tally_pool *pools;
	struct tally_name *databases, *users; /* users: servers are those of the role */
	int clients, logins, servers;
	int names, names_asked; /* of hosts, that workers looked up or look up now */
	struct query_stats *queries; /* of SHOW QUERIES alone, by fingerprint; "" not parsed */
	struct query_stats other_queries;
};

/* Add what this worker has. On its thread. */
void tally_add(struct tally *tally, const struct clients *clients);
/* Sort pools and names, so that tables are in the order of names. */
void tally_sort(struct tally *tally);
/* show_queries.c */
void tally_free_queries(struct tally *tally);
void tally_free(struct tally *tally);
int tally_servers(const struct tally_pool *pool);
/* Clients and servers under a name; zeros when there are none. */
struct tally_name tally_of(const struct tally_name *names, const char *name);

/* How long a client has been in line; 0 when it is not. */
uint64_t tally_wait_us(const struct client *client, uint64_t now_us);
/* The state as PgBouncer tells it: "used" is idle for so long that it will be checked. */
const char *tally_server_state(const struct server *server, const struct config *config);

/* The console's own counters on this worker, for its row of SHOW STATS. */
struct console_counters {
	struct pool_counters now;
	struct pool_history history;
};
struct console_counters *tally_console(unsigned worker);

#endif

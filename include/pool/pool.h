/*
 * pool.h - the server connections kept for one (database, PostgreSQL role).
 *
 * A client borrows a server for one transaction (or session) and returns it. If
 * none is idle and the budget allows no more, the client waits in line. A pool
 * belongs to one worker and is used from that worker's thread only.
 */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include <stdbool.h>
#include <sys/queue.h>

#include "auth/users.h"
#include "config/config.h"
#include "net/resolve.h"
#include "pool/budget.h"
#include "pool/security.h"
#include "pool/server.h"
#include "stats/counters.h"
#include "stats/histogram.h"

struct own;
struct pools; /* all of one worker */

/* Waits for a server. Embedded in its owner; zeroed is not waiting. */
struct waiter {
	struct ticket ticket; /* first member */
	uint64_t settings_hash; /* a server with these settings is preferred */
	struct own *own;	/* its owner's: see own.h; NULL: any server will do */
	/* A server is lent. Called once, from the loop. */
	void (*granted)(struct waiter *waiter, struct server *server);
	/* There will be none: the server's own reason. */
	void (*refused)(struct waiter *waiter, const struct error *err);
};

TAILQ_HEAD(server_list, server);
TAILQ_HEAD(own_list, own);

/* Owned by its worker's pools. */
struct pool {
	TAILQ_ENTRY(pool) in_pools;
	struct pools *pools; /* borrowed */
	char *database;	     /* as clients name it */
	char *role;
	bool introduces;	    /* its database has a connect_query */
	bool asks;		    /* its servers ask about users: no client gets one */
	struct budget *budget;	    /* shared, lives as long as the process */
	struct server_list servers; /* all of this worker */
	struct server_list idle;    /* most recently used first */
	struct own_list unnamed;    /* to be opened when a host's name is known */
	int idle_count;
	struct scram_keys keys; /* a client's own, when the role has no secret */
	char *secret; /* ours: the role's, as auth.query told it, when it is not listed; or NULL */
	struct pool_counters counters;
	struct pool_history history; /* of the counters */
	struct histogram query_times, wait_times; /* of queries; of those who had to wait */
	uint64_t pins[PIN_REASONS_MOST]; /* begun, by reason */
	bool paused;
	bool suspended;	    /* lends nothing either; its servers stay */
	bool split;	    /* nor does this one: its database has two primaries */
	bool wants_tls;	    /* tls.server.mode is allow, and its server refused us without */
	bool plain_startup; /* its server does not know our startup settings */
	int64_t inspect_in; /* so many loans to the next inspection; 0: it begins anew */
	bool uninspected;   /* its servers cannot be asked what they have */
	bool asks_sequence; /* its clients ask currval(), so servers are cleaned for those who write */
	struct deferred serve; /* serve the line at the end of the turn */
	struct server *ready_beside; /* to be lent then to whom it was opened for; or NULL */
	uint64_t reconnect_us; /* servers connected before this are retired */
	uint64_t told_hash, told_us; /* why opening failed last, and when the log was told */
	unsigned host;	       /* which of the database's hosts to try next */
	int unnamed_for_line;  /* to be opened when a host's name is known */
	struct waiter *unnamed_beside; /* borrowed: and one beside the pool for it; or NULL */
	uint64_t scout_us;     /* when to look again whether a host is to be asked what it is */
	bool thinning;	       /* idle servers may be retired: one goes at each tick */
};

/* Must those in line wait whatever there is? */
static inline bool
pool_is_held(const struct pool *pool)
{
	return pool->paused || pool->suspended || pool->split;
}

struct pools *pools_new(struct loop *loop, unsigned worker, struct budgets *budgets,
    struct resolver *resolver, struct config *config, struct users *users);
void pools_free(struct pools *pools);
struct loop *pools_loop(const struct pools *pools);
const struct config *pools_config(const struct pools *pools);
/* A reload: the new snapshots are referenced, the old ones released. */
void pools_configure(struct pools *pools, struct config *config, struct users *users);

/* The TLS that new connections take, referenced; servers are replaced only if theirs is another. */
void pools_secure(struct pools *pools, struct security *security);
/* NULL: none was given, so nothing is encrypted. */
const struct security *pools_security(const struct pools *pools);

/* The pool of a database (its configured name or what the client gave) and role. */
struct pool *pools_get(struct pools *pools, const char *database, const char *role);
/*
 * The pool whose servers ask a database about users, as this role, with search_path pinned: no
 * client shares a session with them.
 */
struct pool *pools_get_asking(struct pools *pools, const char *database, const char *role);
/* What a worker knows of the name of a host. Borrowed, for one call. */
struct pool_name {
	const char *host;
	int64_t ttl_ms; /* until it is looked up again, if it is used */
	const struct address *addresses;
	size_t count;
	bool asked; /* a look-up is under way */
};
/* Calls `each` for every name of a host that this worker looked up. */
void pools_each_name(struct pools *pools,
    void (*each)(const struct pool_name *name, void *arg), void *arg);
/* For SHOW: every pool of the worker. */
struct pool *pools_first(const struct pools *pools);
static inline struct pool *
pools_next(struct pool *pool)
{
	return TAILQ_NEXT(pool, in_pools);
}

/*
 * Lend a server. True: *lent is set and must come back through pool_return() or
 * be closed. False: the waiter is in line, and one of its callbacks will be called.
 */
bool pool_borrow(struct pool *pool, struct waiter *waiter, struct server **lent);
/* The same without waiting, and not if anybody waits: NULL when none is idle. */
struct server *pool_borrow_idle(struct pool *pool, uint64_t settings_hash);
/* The same of this very one, which is lent without a check; NULL: it is not idle on this worker. */
struct server *pool_borrow_certain(struct pool *pool, uint64_t server_id);
/* Where it stands in line, and why. */
void pool_look(const struct pool *pool, const struct waiter *waiter, struct budget_place *place);
/*
 * A connection beside the pool: the budget does not count it, nobody else is lent it. It is
 * opened for this waiter and ends in server_close(). One at a time for each pool.
 */
void pool_open_beside(struct pool *pool, struct waiter *waiter);
/* The waiter gives up. */
void pool_leave(struct pool *pool, struct waiter *waiter);
/*
 * Take back a lent server that is between transactions and owes nobody an
 * answer; it is reset first when something is left behind.
 */
void pool_return(struct server *server);
/* One of its servers was found dead: check those that are idle before they are lent. */
void pool_doubt(struct pool *pool);

/*
 * PAUSE: lend nothing, in pools made later neither; true from pools_are_quiet()
 * once no server of it is lent. NULL: every database; to resume that resumes those that
 * were paused by name too.
 */
void pools_pause(struct pools *pools, const char *database, bool paused);
/* Is this one paused, by its name or because all are? NULL: are all? */
bool pools_are_paused(const struct pools *pools, const char *database);
/* DISABLE: whoever logs in asks pools_are_disabled() and refuses new clients. */
void pools_disable(struct pools *pools, const char *database, bool disabled);
bool pools_are_disabled(const struct pools *pools, const char *database);
/* Is this database in the configuration by its own name, or was it ever used? */
bool pools_know(const struct pools *pools, const char *database);
bool pools_are_quiet(const struct pools *pools, const char *database);
/*
 * SUSPEND: lend nothing, open nothing, and read nothing from servers that have logged in,
 * until it ends.
 */
void pools_suspend(struct pools *pools, bool suspended);
bool pools_are_suspended(const struct pools *pools);
/*
 * Suspend what has become fit for it since. True: every server is suspended, and has taken
 * what was sent to it. `impatient`: those that are not are closed.
 */
bool pools_settle(struct pools *pools, bool impatient);
/* RECONNECT: retire every server of the database (NULL: all) after its loan. */
void pools_reconnect(struct pools *pools, const char *database);
/* Close those that are lent to nobody: a sibling takes over, and needs their places. */
void pools_close_idle(struct pools *pools, const char *why);
/* Close every server at once: KILL, the end of the process. NULL: all. */
void pools_close_servers(struct pools *pools, const char *database, const char *why);

#endif

/*
 * budget.h - how many server connections there may be, and who waits for one.
 *
 * A pool's size is a promise for the whole process, so this is shared by all
 * workers: counts under a mutex that is taken only to open, close, hand over or
 * wait for a server, never to lend an idle one.
 */
#ifndef POOL_BUDGET_H
#define POOL_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/error.h"
#include "net/mailbox.h"
#include "pool/parameters.h"

struct hosts;
struct budgets; /* all of the process */
struct budget;	/* of one pool: (database, PostgreSQL role), and what it is for */

enum { BUDGET_WORKERS_MOST = 128, BUDGET_OPENING_MOST = 8 };

/* A place in the line. Embedded in what waits; belongs to its worker. */
struct ticket {
	TAILQ_ENTRY(ticket) in_line;
	uint64_t since_us;
	bool waiting;
	bool own; /* it needs a connection that is opened for it: an idle one will not do */
};

/* Limits of one pool, from the configuration. */
struct budget_limits {
	int size, reserve, min;
	int64_t reserve_after_ms;
	int per_database, per_user; /* caps over pools; 0 none */
};

struct budgets *budgets_new(unsigned workers);
void budgets_free(struct budgets *budgets);
unsigned budgets_workers(const struct budgets *budgets);
/*
 * Where `poke` messages for a worker go; `deliver` gets the struct poke. Called
 * once a worker, before any budget is used.
 */
void budgets_attach(struct budgets *budgets, unsigned worker, struct mailbox *mailbox,
    void (*deliver)(struct message *message, void *receiver));
/* What the workers know of hosts, src/pool/hosts.h. */
struct hosts *budgets_hosts(const struct budgets *budgets);
struct mailbox *budgets_mailbox(const struct budgets *budgets, unsigned worker);

/* Why a worker is poked: look at the line, or close an idle server for another pool's sake. */
struct poke {
	struct message message;
	struct budget *budget;
	unsigned worker;
	atomic_bool pending;
	atomic_bool shed; /* close one idle server */
};

/* The budget of a pool; made at first use, lives as long as the process. */
struct budget *budget_get(struct budgets *budgets, const char *database, const char *role,
    const struct budget_limits *limits);
/* The same of a pool whose servers ask about users. */
struct budget *budget_get_asking(struct budgets *budgets, const char *database,
    const char *role, const struct budget_limits *limits);
/* Is there a budget for this database and any role? */
bool budgets_know(struct budgets *budgets, const char *database);
void budget_set_limits(struct budget *budget, const struct budget_limits *limits);
/* PAUSE: who waits lays no claim to connections until it is over. */
void budget_set_paused(struct budget *budget, bool paused);
const char *budget_database(const struct budget *budget);
const char *budget_role(const struct budget *budget);
bool budget_asks(const struct budget *budget);

/* Is anyone in line? Cheap; asked for each borrow and return. */
bool budget_has_line(const struct budget *budget);
/* How many idle servers this worker has for the pool now. */
void budget_set_idle(struct budget *budget, unsigned worker, int idle);

/* Join and leave the line. */
void budget_join(
    struct budget *budget, unsigned worker, struct ticket *ticket, uint64_t now_us);
void budget_leave(struct budget *budget, unsigned worker, struct ticket *ticket);
/* For what a ticket waits. */
enum budget_reason {
	BUDGET_WAITS_FOR_SERVER,   /* all of the pool are in use */
	BUDGET_WAITS_FOR_DATABASE, /* the cap of its database is reached */
	BUDGET_WAITS_FOR_USER,	   /* that of its role is */
	BUDGET_WAITS_FOR_POSTGRES, /* connecting failed, and the pause after it is not over */
	BUDGET_WAITS_FOR_CONNECT,  /* one is being opened */
	BUDGET_WAITS_FOR_ROOM,	   /* PostgreSQL says that it has too many already */
};
/* Where a worker's ticket stands, over all workers; for notices. */
struct budget_place {
	size_t ahead, waiting;
	enum budget_reason reason;
	int limit; /* of what is short */
};
void budget_look(struct budget *budget, unsigned worker, const struct ticket *ticket,
    uint64_t now_us, struct budget_place *place);

/* What a worker should do for the line. */
enum budget_advice {
	BUDGET_NOTHING,
	BUDGET_GRANT,	/* your idle server to *ticket, which is yours and out of the line */
	BUDGET_HAND_OVER, /* your idle server to *worker */
	BUDGET_OPEN,	/* open a connection; it is counted already */
	BUDGET_OPEN_OWN, /* the same for *ticket alone, which is yours and out of the line */
	BUDGET_EXCHANGE, /* the same, in the place of your idle server: close that first */
};
/*
 * `idle` says whether the caller has an idle server to give. Whoever waited
 * longest is served first; a worker serves its own first when that is no more than
 * a moment unfair, because a server that changes threads costs two wake-ups.
 */
enum budget_advice budget_advise(struct budget *budget, unsigned worker, bool idle,
    uint64_t now_us, struct ticket **ticket, unsigned *to);
/* A server that was handed to this worker arrived. */
void budget_arrived(struct budget *budget, unsigned worker);

/*
 * A server of the pool is free: is it to be closed, because a cap is short and another pool
 * under it has fewer? Cheap unless one waits for that; asked for each return.
 */
bool budget_yields(struct budget *budget, uint64_t now_us);

/*
 * What sessions begin with has changed for this PostgreSQL role (NULL: all) in the databases that
 * is_one() finds: their servers go, as by RECONNECT.
 */
void budgets_renew(struct budgets *budgets, const char *role,
    bool (*is_one)(const void *arg, const char *database), const void *arg);
struct budgets *budget_all(const struct budget *budget);
/* Did a server that began to connect then see that? Cheap; asked for each borrow and return. */
bool budget_is_renewed(const struct budget *budget, uint64_t connected_us);

/* May a connection be opened to keep `min`? Counted if so. */
bool budget_open_for_min(struct budget *budget, uint64_t now_us);
/*
 * A connection counted as opening is ready to serve. Neither this nor budget_failed() is told
 * of one that was opened for a single ticket: nobody in line waits for it.
 */
void budget_opened(struct budget *budget);
/* An opening connection failed: back off. */
void budget_failed(struct budget *budget, uint64_t now_us, int64_t retry_ms);
/*
 * The same where the host said at once that PostgreSQL is not there, or not yet: it restarts.
 * Asking costs next to nothing then, so the pause is short and stays so: clients wait for less
 * than a second longer than PostgreSQL was away.
 */
void budget_refused(struct budget *budget, uint64_t now_us, int64_t retry_ms);
/*
 * PostgreSQL has no room for more connections (53300): for ten seconds the pool makes do with
 * those that work. Told before the one that was refused is closed.
 */
void budget_full(struct budget *budget, uint64_t now_us);
/*
 * Waiting will not mend it (wrong password, no such database): everyone now in
 * line is to be told. budget_doom() pokes all workers; each asks budget_doomed()
 * for those of its tickets that the doom is for, until it returns NULL.
 */
void budget_doom(struct budget *budget, const struct error *err, uint64_t now_us);
struct ticket *budget_doomed(struct budget *budget, unsigned worker, struct error *err);
/* An idle server is being checked before it is lent: as good as opening. */
void budget_checking(struct budget *budget, int change);
/* A connection is gone. */
void budget_closed(struct budget *budget);

/*
 * Pinned clients: one more may keep its server, if that is within so many percent of the size (at
 * least one above 0); counted if so. budget_pin_anyway() counts one that does already: false if
 * that is over the share. budget_unpin() for each that was counted.
 */
bool budget_pin(struct budget *budget, int64_t percent);
bool budget_pin_anyway(struct budget *budget, int64_t percent);
void budget_unpin(struct budget *budget);

/* What a server of this pool reports after login; NULL before the first one did. */
bool budget_welcome(struct budget *budget, struct parameters *copy);
void budget_set_welcome(struct budget *budget, const struct parameters *parameters);

struct budget_counts {
	int used, opening, size, waiting;
	uint64_t oldest_us; /* since when the head of the line waits; 0: nobody */
	int database_used;
};
void budget_get_counts(struct budget *budget, struct budget_counts *counts);

#endif

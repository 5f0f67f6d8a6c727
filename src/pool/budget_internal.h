/* budget_internal.h - what budget.c and share.c share and nobody else sees. */
#ifndef POOL_BUDGET_INTERNAL_H
#define POOL_BUDGET_INTERNAL_H

#include <pthread.h>

#include "pool/budget.h"

TAILQ_HEAD(line, ticket);

/* Connections counted under one name, over several pools. Lives as long as the process. */
struct cap {
	struct cap *next;
	char *name;
	int used;
};

/* What a budget knows of one worker. */
struct budget_worker {
	struct line line;     /* its clients, longest waiting first */
	int promised;	      /* servers on their way to it */
	atomic_int idle;      /* written by that worker alone */
	uint64_t doom_seen;
	struct poke poke;
};

struct budget {
	struct budget *next;
	struct budgets *all; /* borrowed */
	char *database, *role;
	bool asks; /* the servers of its pool ask about users */
	struct budget_limits limits;
	struct cap *by_database, *by_user;
	int used;	   /* connections, opening ones too */
	int opening;	   /* of those, not ready yet, or being checked, … */
	int checking;	   /* … and these */
	int pace;	   /* how many may be opening at once now */
	int full_at;	   /* PostgreSQL had no room for more than so many, … */
	uint64_t full_until_us; /* … and is not asked for more before this */
	int failures;
	uint64_t retry_us; /* open none before this */
	uint64_t doom_id, doom_us;
	struct error doom;
	struct parameters welcome;
	bool paused;	   /* whoever waits is served by RESUME only */
	uint64_t turn_us;  /* when it last began a connection, or gave one up for another pool */
	int spared;	   /* loans since another pool wants its last connection */
	atomic_int waiting;
	int waiting_own; /* of those, who need a connection of their own */
	atomic_int pinned; /* clients that keep a server, or are about to */
	atomic_bool pressed; /* another pool under a cap of ours waits for a connection of ours */
	_Atomic uint64_t renewed_us; /* servers that began to connect before this are retired */
	struct budget_worker workers[];
};

struct budgets {
	pthread_mutex_t mutex; /* guards all that is not atomic, here and in every budget */
	unsigned workers;
	struct hosts *hosts; /* ours */
	struct budget *first;
	struct cap *databases, *users;
	struct mailbox *mailboxes[BUDGET_WORKERS_MOST];
	void (*deliver[BUDGET_WORKERS_MOST])(struct message *message, void *receiver);
};

/* budget.c: let a worker look at the line. All of these are called under the mutex. */
void budget_poke(struct budget *budget, unsigned worker);

/* share.c */
/* Is there room under this cap? */
bool share_cap_allows(const struct cap *cap, int limit);
/* Is there room for one more under the size and the caps, and is it this pool's turn? */
bool share_has_room(const struct budget *budget, int size, uint64_t now_us);
/* The same, and may one be opened for the line now? */
bool share_may_open(const struct budget *budget, int size, uint64_t now_us);
/* A cap stops this pool: ask the others under it for a connection. */
void share_press(struct budget *budget);
/* One of its connections is free: is it another pool's turn to have one? */
bool share_yields(struct budget *budget, uint64_t now_us);

/* pace.c */
void pace_failed(struct budget *budget);
void pace_opened(struct budget *budget);
/* May one more be opening? */
bool pace_allows(const struct budget *budget);
/* Did PostgreSQL lately have no room for more connections? */
bool pace_is_full(const struct budget *budget, uint64_t now_us);
/* The size, or how many connections PostgreSQL lately had room for. */
int pace_size(const struct budget *budget, int size, uint64_t now_us);

/* turn.c */
/*
 * Who needs a connection of its own, of which worker, and is not behind one of the `others` for
 * whom none is opening; NULL: nobody.
 */
struct ticket *turn_of_own(const struct budget *budget, int others, unsigned *where);

#endif

/*
 * guard.h - limits that are kept while a statement is sent and answered: rows, bytes,
 * affected rows, lock_timeout, max_concurrency, rate.
 *
 * A link has a guard from the first statement under such a limit until the loan ends;
 * where there is none, nothing here is asked. What a limit stops must not take effect:
 * autocommit DML runs in a transaction of ours, which is committed or rolled back when
 * its rows are known, and in a client's transaction something that is sure to fail
 * follows. Until then the client's next messages wait.
 */
#ifndef SESSION_GUARD_H
#define SESSION_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "gate.h"
#include "link.h"
#include "ration.h"
#include "session/client.h"

/* Limits that are looked at when a statement is sent, and while it is answered. */
#define GUARD_ROWS (POLICY_LIMIT_BIT(POLICY_MAX_ROWS) | POLICY_LIMIT_BIT(POLICY_MAX_BYTES))
#define GUARD_AFFECTED POLICY_LIMIT_BIT(POLICY_MAX_AFFECTED_ROWS)
#define GUARD_LOCK POLICY_LIMIT_BIT(POLICY_LOCK_TIMEOUT)
#define GUARD_QUOTAS (POLICY_LIMIT_BIT(POLICY_MAX_CONCURRENCY) | POLICY_LIMIT_BIT(POLICY_RATE))
/* Of a ruling with quotas in mode warn: what runs is counted. */
#define GUARD_TRIED (POLICY_LIMITS_TRIED << 1)
#define GUARD_ALL (GUARD_ROWS | GUARD_AFFECTED | GUARD_LOCK | GUARD_QUOTAS | GUARD_TRIED)

/* A transaction of ours around a client's statement. */
enum guard_phase {
	GUARD_NONE,
	GUARD_BEGINNING, /* BEGIN is in front of a Query: its answer comes first */
	GUARD_OPEN,	 /* the client's statement runs in it */
	GUARD_WAITING,	 /* a cancel of ours is under way: it must not hit what follows */
	GUARD_ENDING,	 /* what ends it was sent */
};

/* What is sent behind the client's statement. */
enum guard_ending {
	ENDING_COMMIT,
	ENDING_ROLLBACK,
	ENDING_FAIL,  /* the client's transaction */
};

/* Is lock_timeout ours now, and how long does that last? */
enum guard_lock { LOCK_THEIRS, LOCK_SESSION, LOCK_LOCAL };

/* Owned by its link. */
struct guard {
	enum guard_phase phase;
	enum guard_ending ending;
	enum guard_lock lock;
	uint64_t lock_batch; /* in which it was put, if behind what goes ahead; else UINT64_MAX */
	bool over;	   /* the client was told that a limit ended it: no more of it goes on */
	uint64_t cancel_us; /* when a cancel was last sent */
	struct ration *ration; /* referenced: of the statement at the head; NULL before its first row */
	struct cursors cursors;
	struct buf held;   /* body of a CommandComplete that waits for our COMMIT */
	struct request_limits *next; /* ours: of the request that is being sent; else NULL */
};

/* How what a limit stops is undone. */
enum guard_way {
	WAY_PLAIN,  /* there is nothing to undo, or no way to */
	WAY_WRAP,   /* in a transaction of ours */
	WAY_INSIDE, /* by failing the transaction it is in */
};

/* What a request under limits carries; owned by it. */
struct request_limits {
	struct quota *quota;   /* borrowed: a place in it is held, or NULL */
	struct quota *tried;   /* the same of a limit in mode warn */
	unsigned exceeded;     /* limits in mode warn that it is above as it begins */
	struct ration *ration; /* referenced: of its portal, or NULL */
	unsigned kinds;	       /* GUARD_ROWS, GUARD_AFFECTED */
	enum guard_way way;
	bool alone;	       /* not even a Sync may follow before it is answered */
	bool flushed;	       /* the server was asked to answer now */
	char *portal; /* ours: of a write whose Execute has a limit of rows, its name; else NULL */
	bool counting; /* its rows go to nobody: what is awaited is the tag, guard.c */
};

/* guard_send.c */
/* Is there any limit to look at? Where not, the next four are not to be called. */
static inline bool
guard_concerns(const struct client *client, const struct ruling *ruling)
{
	return ruling != NULL &&
	    ((ruling->verdict.limited & GUARD_ALL) != 0 ||
		(client->link != NULL && client->link->guard != NULL)) &&
	    client->replication == REPLICATION_NONE; /* no walsender takes what we would add */
}
/* Must answers to what was sent before be awaited, because all hangs on them? Ask again then. */
bool guard_awaits(struct client *client, const struct judged *judged,
    const struct ruling *ruling, uint8_t type);
/* May it run now? If not, the client was told. */
bool guard_admits(struct client *client, const struct judged *judged,
    struct ruling *ruling, uint8_t type);
/* What goes in front of it: a BEGIN, a lock_timeout. `type` is of the client's message. */
void guard_put_ahead(struct client *client, const struct judged *judged,
    const struct ruling *ruling, uint8_t type);
/* The request that it became; `portal` is NULL for a Query. `most`: rows that an Execute asks for, or 0. */
void guard_note(
    struct client *client, struct request *request, struct portal *portal, uint32_t most);
/* What was left of a write's rows is asked for, and nobody has it any more: the client is told. */
void guard_refuse_rest(struct client *client, const struct portal *portal);
/* Must a message of this type wait for what is guarded? */
bool guard_holds(struct client *client, uint8_t type);
/* What the request holds is given back; by requests.c. */
void guard_release(struct requests *requests, struct request_limits *limits);
/* A place in the quota for one more request of the link. */
bool guard_enter(struct requests *requests, struct quota *quota, int64_t most);

/* guard.c: a message came from the server of a link with a guard. */
enum fate guard_take(struct link *link, uint8_t type, const uint8_t *body, size_t here,
    size_t whole);
/* Was the client told already that a limit ended the statement at the head? */
static inline bool
guard_is_over(const struct link *link)
{
	return link->guard != NULL && link->guard->over;
}
/* The server stands in a transaction of ours, of which the client knows nothing. */
bool guard_is_ours(const struct link *link);
/* Is our COMMIT unanswered? */
bool guard_is_committing(const struct link *link);
/* What goes ahead of a client's message was refused, and the message skipped: ahead.c. */
void guard_skipped(struct link *link);
void guard_free(struct guard *guard);

/* guard_end.c */
/* Messages of ours that run a text; between others of the extended protocol. */
void guard_put_statement(struct link *link, const char *text);
/* A ReadyForQuery was kept back: end what is guarded. */
void guard_end(struct link *link, enum guard_ending ending);
/* After the last ReadyForQuery: lock_timeout is the client's again. */
void guard_restore_lock(struct link *link);
/* Is lock_timeout still ours on the server, and must a cancel be over before it is set back? */
bool guard_keeps(const struct link *link);
static inline bool
guard_keeps_link(const struct link *link)
{
	return link->guard != NULL && guard_keeps(link);
}
/* Nobody gets a server on which it is ours still: true, if it is set back only now. */
bool guard_gives_back_lock(struct link *link);
/* No cancel is under way any more: what waited for that. */
void guard_go_on(struct link *link);
/* Cancel what goes on too long after its limit. */
void guard_tick(struct link *link, uint64_t now_us);

#endif

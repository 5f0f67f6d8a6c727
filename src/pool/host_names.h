/*
 * host_names.h - the addresses behind the names of hosts, as one worker knows them.
 *
 * A name in use is looked up again every backend.dns_ttl, off the loop. While that fails or
 * takes too long the last good answer serves. Used from the worker's thread only.
 */
#ifndef POOL_HOST_NAMES_H
#define POOL_HOST_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "net/loop.h"
#include "net/resolve.h"

struct host_names;

/* A name with its port. Owned by the names; gone when nobody asked for it for long. */
struct host_name {
	struct resolve_request request; /* first member; the resolver's while `asked` */
	TAILQ_ENTRY(host_name) in_names;
	struct host_names *names; /* borrowed */
	char *host;
	int port;
	bool asked;	  /* a look-up is under way */
	bool overdue;	  /* and has taken longer than anybody waits */
	unsigned failures; /* look-ups that failed, in a row */
	uint64_t asked_us;
	uint64_t next_us;  /* when to ask again; 0: never asked */
	uint64_t used_us;
	struct address addresses[RESOLVE_ADDRESSES_MOST];
	size_t count; /* of the last good answer; 0: there was none */
	struct address before[RESOLVE_ADDRESSES_MOST]; /* of the good answer ahead of that */
	size_t count_before;
	char why[160]; /* the last failure */
};

/* `answered` is called when a look-up ended, whichever way, or is overdue. */
struct host_names *host_names_new(struct loop *loop, struct mailbox *mailbox, struct resolver *resolver,
    void (*answered)(struct host_name *name, void *arg), void *arg);
/* The resolver has ended. */
void host_names_free(struct host_names *names);

/* The name, which is asked for if what is known of it is old. */
struct host_name *host_names_use(struct host_names *names, const char *host, int port, int64_t ttl_ms);
/* May its addresses be used, though there may be fresher ones soon? False: wait for `answered`. */
bool host_name_is_known(const struct host_name *name);
/* An address of it does not answer: ask again before the time has come, once a second at most. */
void host_name_doubt(struct host_name *name);
/* Does it have, or had it until just now, this address? */
bool host_name_has(const struct host_name *name, const struct address *address);
/* For those who have connections by this name: keep it fresh. NULL: nobody used it. */
struct host_name *host_names_find(struct host_names *names, const char *host, int port);
/* Every LOOP_TICK_MS. */
void host_names_tick(struct host_names *names, int64_t ttl_ms);

/* For SHOW DNS_HOSTS. */
struct host_name *host_names_first(struct host_names *names);
/* Milliseconds until it is looked up again, if it is used. */
int64_t host_name_ttl_ms(const struct host_name *name);

#endif

/*
 * hosts.h - what the process knows of the addresses at which PostgreSQL is.
 *
 * One for all workers and pools, under a mutex: which address could not be reached and rests,
 * which turned out to have another role than is wanted, and which role that is. Asked
 * when a server connection is opened or has logged in, never when one is lent.
 */
#ifndef POOL_HOSTS_H
#define POOL_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "net/address.h"
#include "net/mailbox.h"

struct hosts;

enum host_role { HOST_ROLE_UNKNOWN, HOST_ROLE_PRIMARY, HOST_ROLE_STANDBY };

struct hosts *hosts_new(unsigned workers);
void hosts_free(struct hosts *hosts);
/* Where a worker hears that a host has another role than before. */
void hosts_attach(struct hosts *hosts, unsigned worker, struct mailbox *mailbox,
    void (*deliver)(struct message *message, void *receiver));
/* `deliver` begins with this: what changes from now on is told anew. */
void hosts_heard(struct message *message);

/*
 * Which of these `count`, one at least, is to be tried, looked at from `start` on: the first
 * that does not rest; if all do, the one that was left alone for longest. One that is tried
 * again after its rest keeps others away from it for `patience_ms`.
 */
size_t hosts_choose(struct hosts *hosts, const struct address *candidates, size_t count,
    size_t start, enum session_attrs wanted, uint64_t now_us, int64_t patience_ms);
/*
 * Is there one, but for `besides` (may be NULL), that does not rest? With `calm_ms` one that
 * nobody has tried for so long will do too.
 */
bool hosts_has_other(struct hosts *hosts, const struct address *candidates, size_t count,
    const struct address *besides, enum session_attrs wanted, uint64_t now_us, int64_t calm_ms);

/* It could not be reached, or has no place for us: it rests, twice as long each time, up to 30 s. */
void hosts_failed(
    struct hosts *hosts, const struct address *address, uint64_t now_us, int64_t retry_ms);
/* It is there, and not what those are looking for who want this. */
void hosts_unfit(struct hosts *hosts, const struct address *address, enum session_attrs wanted,
    uint64_t now_us, int64_t retry_ms);
/* It is there and is that. */
void hosts_fit(struct hosts *hosts, const struct address *address, enum session_attrs wanted);

/* A server there said what it is. When that is news, every worker hears of it. */
void hosts_note_role(struct hosts *hosts, const struct address *address, enum host_role role);
enum host_role hosts_role(struct hosts *hosts, const struct address *address);

/*
 * Which of these is to be asked now what it is, as nobody has set out to for so long? The
 * caller does. False: none.
 */
bool hosts_to_ask(struct hosts *hosts, const struct address *candidates, size_t count,
    uint64_t now_us, int64_t every_ms, size_t *which);
/* It was asked and said so. `born` tells a PostgreSQL by when it started: it may have several addresses. */
void hosts_asked(struct hosts *hosts, const struct address *address, enum host_role role,
    uint64_t born, uint64_t now_us);
/* Were two of these primaries at the same time, and are still as far as is known? Which two. */
bool hosts_are_split(struct hosts *hosts, const struct address *candidates, size_t count,
    size_t *one, size_t *other);

/* Is this news about an address, for a database? Then whoever asks logs it. */
bool hosts_is_news(struct hosts *hosts, const struct address *address, const char *database,
    const char *news);

#endif

/*
 * fetch.h - reading a catalog from PostgreSQL, on a connection of its own.
 *
 * It takes as long as it takes, so it belongs on a thread that nobody waits for, or in a
 * program of its own. The transaction only reads; a lock that is not free within two
 * seconds ends it. The role needs no privilege but CONNECT.
 */
#ifndef CATALOG_FETCH_H
#define CATALOG_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Where to connect, and how long it may take. All borrowed. */
struct catalog_source {
	const char *conninfo; /* libpq's own form; or NULL, and then: */
	const char *host, *port, *dbname, *user, *password; /* password: NULL for none */
	const char *sslmode, *sslrootcert, *sslcert, *sslkey; /* as libpq has them; NULL: its default */
	int64_t connect_timeout_ms;
	int64_t timeout_ms; /* of each statement; 0: none */
	int stop_fd;	    /* give up when it can be read; -1: never */
};

/*
 * Give each line of the catalog (policy/catalog.h) to `take`, which may refuse one with
 * *err. False with *err when it came to no end.
 */
bool catalog_fetch(const struct catalog_source *source,
    bool (*take)(void *arg, const char *line, size_t length, struct error *err), void *arg,
    struct error *err);

#endif

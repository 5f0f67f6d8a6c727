/*
 * catalogs.h - the catalogs of all databases that are known, each in its newest reading.
 *
 * Those who judge take the catalog of a database when a rule asks for it; the thread that
 * reads them (catalog/reader.h) puts new ones. Sessions tell which databases have clients,
 * and what has changed there. A mutex inside; nobody holds it for long.
 */
#ifndef POLICY_CATALOGS_H
#define POLICY_CATALOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalog.h"

struct catalogs;

struct catalogs *catalogs_new(void);
void catalogs_free(struct catalogs *catalogs); /* NULL is fine */
/* One catalog for every database: for a program that was given a dump. Takes the reference. */
struct catalogs *catalogs_of_all(struct catalog *catalog);

/* The newest reading, referenced; NULL while there is none. All take NULL for no catalogs. */
struct catalog *catalogs_find(struct catalogs *catalogs, const char *database);
/* Was the relation changed since the newest reading began? It was then told by its bare name. */
bool catalogs_is_stale(struct catalogs *catalogs, const char *database, const char *relation);
/* In the place of a relation: schemas, or names that nobody told, were changed. */
#define CATALOGS_PATHS ""
/* Changes with every new reading and every change: never 0. */
unsigned catalogs_generation(const struct catalogs *catalogs);

/* ---- for sessions ---- */

/* A client is there, one is gone. */
void catalogs_enter(struct catalogs *catalogs, const char *database);
void catalogs_leave(struct catalogs *catalogs, const char *database);
/*
 * Something was changed through this process: a relation, by its bare name, or NULL for
 * something else that a catalog tells of.
 */
void catalogs_changed(struct catalogs *catalogs, const char *database, const char *relation);
/* The same of every name of a database for which `is_it` says so; it is called under the mutex. */
void catalogs_changed_where(struct catalogs *catalogs, const char *relation,
    bool (*is_it)(const void *arg, const char *database), const void *arg);

/* ---- for the reader ---- */

/* Call `wake` when a database gets its first client, or was changed; from any thread. */
void catalogs_watch(struct catalogs *catalogs, void (*wake)(void *arg), void *arg);

enum { CATALOGS_MOST = 1024 }; /* databases that are known at a time */

/* How a database stands. */
struct catalogs_state {
	char database[64];
	unsigned clients;
	uint64_t changes;	  /* so far; a reading that begins now knows of them */
	uint64_t known_changes;   /* of them, those that the newest reading knows */
	uint64_t relations, bytes; /* of the newest reading; 0 without one */
	uint64_t read_us;	  /* by the wall's clock; 0: never */
	uint64_t reads, failures; /* so far */
	char failure[200];	  /* why the last try failed; "" when it did not */
};
/* The first `most` of them, in no order; returns how many. */
size_t catalogs_states(
    struct catalogs *catalogs, struct catalogs_state *states, size_t most);
/* A reading that began when there were so many changes. Takes the reference. */
void catalogs_put(struct catalogs *catalogs, const char *database, struct catalog *catalog,
    uint64_t changes);
/* A try has failed: what is known stays. */
void catalogs_fail(struct catalogs *catalogs, const char *database, const char *why);
/* Nobody reads it any more: nothing is known. */
void catalogs_forget(struct catalogs *catalogs, const char *database);

#endif

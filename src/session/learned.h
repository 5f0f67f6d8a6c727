/*
 * learned.h - what the functions of a database are known to leave behind: nothing.
 *
 * Asked for each answered statement that calls functions, taught by probe.c, which asks the
 * server. A worker has one for each database; all is forgotten now and then, and when a
 * function is seen to change.
 */
#ifndef SESSION_LEARNED_H
#define SESSION_LEARNED_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/facts.h"

struct judged;
struct learned;
struct learned_table; /* of a worker */

struct learned_table *learned_table_new(void);
void learned_table_free(struct learned_table *table);
/* Of this database; lives as long as the table. */
struct learned *learned_of(struct learned_table *table, const char *database);

/* Are all functions that this text calls known to leave nothing? Remembered in `judged`. */
bool learned_trusts(struct learned *learned, struct judged *judged, uint64_t now_us);
/* Is this one PostgreSQL's own? */
bool learned_is_builtin(struct learned *learned, const char *function);
/* Is it harmless? */
bool learned_is_harmless(struct learned *learned, const char *function);
/* Are all that the statement calls PostgreSQL's own, and never write? */
bool learned_only_reads(struct learned *learned, const struct sql_statement *statement);
/* One of PostgreSQL's own; `reads`: it is not volatile. */
void learned_builtin(struct learned *learned, const char *function, bool reads);
/* A loan in which it was called left nothing. */
void learned_clean(struct learned *learned, const char *function);
/* It left something, or what it leaves cannot be seen. */
void learned_unclean(struct learned *learned, const char *function);
/* Its text says that what it leaves may depend on how it is called: it is never trusted. */
void learned_wary(struct learned *learned, const char *function);
void learned_forget(struct learned *learned);

#endif

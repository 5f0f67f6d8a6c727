/*
 * show.h - the tables that SHOW has: a row each, with columns and how they are filled.
 *
 * Names, order and types of columns are PgBouncer's (docs/CONSOLE.md); ours
 * stand behind them. Once released a column of ours is neither moved nor removed.
 */
#ifndef ADMIN_SHOW_H
#define ADMIN_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "wire/build.h"

struct errand;
struct clients;

/* Constant; a row of show.c, made by the files show_*.c. */
struct table {
	const char *name;
	const struct wire_column *columns; /* NULL: it answers without rows */
	size_t column_count;
	/* On each worker's thread: gather, or write rows. NULL: the workers need not be
	 * asked. */
	void (*visit)(struct errand *errand, struct clients *clients);
	/* At home, in the end: write rows. NULL: visit() wrote them. */
	void (*fill)(struct errand *errand, struct clients *home);
	enum access needs; /* 0, when a row says nothing, is admins only */
	bool recorded;     /* looking at it is an audit record */
	bool hidden;       /* not in SHOW HELP */
};

/* The table of this name, in any case; NULL: there is none. */
const struct table *table_find(const char *name);
/* The table whose name is nearest, or NULL. */
const char *table_nearest(const char *name);
/* 0 for NULL. */
size_t table_column_count(const struct table *table);
/* The i-th table, NULL behind the last. */
const struct table *table_at(size_t i);

/* Rows of show.c that other files define. */
extern const struct table tables_of_pools[], tables_of_peers[], tables_of_state[],
    tables_of_queries[];
extern const size_t tables_of_pools_count, tables_of_peers_count, tables_of_state_count,
    tables_of_queries_count;

/* show_names.c */
void visit_dns_hosts(struct errand *errand, struct clients *clients);

/* show_siblings.c */
void fill_peers(struct errand *errand, struct clients *home);
void fill_peer_pools(struct errand *errand, struct clients *home);
int64_t count_peers(struct clients *home);

#define COLUMNS(array) (array), sizeof(array) / sizeof((array)[0])

#endif

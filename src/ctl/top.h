/*
 * top.h - the live view: what the console tells, as tables of figures. top.c asks and
 * prints, top_views.c makes the tables, top_screen.c is the terminal.
 */
#ifndef CTL_TOP_H
#define CTL_TOP_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { TOP_COLUMNS_MOST = 12 };

/* How a column is made of the console's. */
enum top_kind {
	TOP_TEXT,
	TOP_COUNT,
	TOP_SECONDS, /* `from` and, in microseconds, `more` */
	TOP_RATE,    /* what `from` grew by, for each second */
	TOP_MEAN_MS, /* what `from`, in microseconds, grew by, for each one that `more` grew by */
};

struct top_column {
	const char *name;
	enum top_kind kind;
	const char *from, *more; /* columns of the console */
};

/* One table to be seen; keys are the first columns. */
struct top_view {
	const char *name, *command;
	size_t keys, sort; /* sort: the column that it is ordered by at first */
	struct top_column columns[TOP_COLUMNS_MOST]; /* up to the first without a name */
};

enum { TOP_DATABASES, TOP_POOLS, TOP_CLIENTS, TOP_STATEMENTS, TOP_VIEWS };
extern const struct top_view top_views[TOP_VIEWS];

size_t top_column_count(const struct top_view *view);
/* Its number, or -1. */
int top_view_by_name(const char *name);
int top_column_by_name(const struct top_view *view, const char *name);

/* Text is borrowed from the console's answer; `known` is false for a rate without a past. */
struct top_cell {
	const char *text; /* NULL: a number */
	double number;
	bool known;
};

/* The rows of a view; emptied by top_table_free(), before the answer it was made of. */
struct top_table {
	const struct top_view *view;
	size_t columns, rows;
	struct top_cell *cells;
};

/* Make it of an answer and of one `seconds` before, which may be NULL. */
void top_table_make(struct top_table *table, const struct top_view *view, const PGresult *now,
    const PGresult *before, double seconds);
/* Numbers from the largest down and texts in their order, or the other way round. */
void top_table_sort(struct top_table *table, size_t column, bool reverse);
/* The column's sum over all rows but the console's own; rates not known count as 0. */
double top_table_sum(const struct top_table *table, const char *column);
void top_table_free(struct top_table *table);

/* Aligned text of at most so many rows (0: all), cut to a width (0: not). */
void top_put_text(struct buf *out, const struct top_table *table, size_t rows, size_t width,
    size_t marked);
/* `[{…},…]` */
void top_put_json(struct buf *out, const struct top_table *table, size_t rows);

/* ---- the terminal ---- */

/* Take the terminal over: no echo, keys as they are pressed; given back by screen_close(). */
bool screen_open(void);
void screen_close(void);
void screen_size(size_t *rows, size_t *columns);
void screen_draw(struct buf *text);

enum screen_key { KEY_NONE, KEY_QUIT, KEY_LEFT, KEY_RIGHT, KEY_OTHER };
/* Wait for a key; KEY_NONE when the time is over or the window has another size. */
enum screen_key screen_wait(int timeout_ms, char *letter);

#endif

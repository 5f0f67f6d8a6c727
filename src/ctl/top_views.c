/* top_views.c - what top shows, and how it is made of the console's answers. See top.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "top.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

const struct top_view top_views[TOP_VIEWS] = {
	[TOP_DATABASES] = { "databases", "SHOW STATS", 1, 2,
	    { { "database", TOP_TEXT, "database", NULL },
		{ "xact/s", TOP_RATE, "total_xact_count", NULL },
		{ "query/s", TOP_RATE, "total_query_count", NULL },
		{ "query_ms", TOP_MEAN_MS, "total_query_time", "total_query_count" },
		{ "xact_ms", TOP_MEAN_MS, "total_xact_time", "total_xact_count" },
		{ "wait_ms", TOP_MEAN_MS, "total_wait_time", "total_xact_count" },
		{ "in_B/s", TOP_RATE, "total_received", NULL },
		{ "out_B/s", TOP_RATE, "total_sent", NULL },
		{ "login/s", TOP_RATE, "logins", NULL }, { "denied/s", TOP_RATE, "denied", NULL },
		{ "queries", TOP_COUNT, "total_query_count", NULL },
		{ "denied", TOP_COUNT, "denied", NULL } } },
	[TOP_POOLS] = { "pools", "SHOW POOLS", 2, 3,
	    { { "database", TOP_TEXT, "database", NULL }, { "user", TOP_TEXT, "user", NULL },
		{ "mode", TOP_TEXT, "pool_mode", NULL }, { "waiting", TOP_COUNT, "cl_waiting", NULL },
		{ "clients", TOP_COUNT, "cl_active", NULL },
		{ "pinned", TOP_COUNT, "pinned", NULL },
		{ "active", TOP_COUNT, "sv_active", NULL }, { "idle", TOP_COUNT, "sv_idle", NULL },
		{ "used", TOP_COUNT, "sv_used", NULL }, { "login", TOP_COUNT, "sv_login", NULL },
		{ "maxwait_s", TOP_SECONDS, "maxwait", "maxwait_us" } } },
	[TOP_CLIENTS] = { "clients", "SHOW CLIENTS", 1, 6,
	    { { "ptr", TOP_TEXT, "ptr", NULL }, { "user", TOP_TEXT, "user", NULL },
		{ "database", TOP_TEXT, "database", NULL }, { "state", TOP_TEXT, "state", NULL },
		{ "addr", TOP_TEXT, "addr", NULL },
		{ "application", TOP_TEXT, "application_name", NULL },
		{ "wait_s", TOP_SECONDS, "wait", "wait_us" },
		{ "since", TOP_TEXT, "request_time", NULL }, { "pin", TOP_TEXT, "pin", NULL } } },
	[TOP_STATEMENTS] = { "statements", "SHOW QUERIES", 1, 2,
	    { { "fingerprint", TOP_TEXT, "fingerprint", NULL }, { "call/s", TOP_RATE, "calls", NULL },
		{ "busy_us/s", TOP_RATE, "time_us", NULL },
		{ "mean_ms", TOP_MEAN_MS, "time_us", "calls" },
		{ "calls", TOP_COUNT, "calls", NULL }, { "time_us", TOP_COUNT, "time_us", NULL },
		{ "p50_us", TOP_COUNT, "p50_us", NULL }, { "p99_us", TOP_COUNT, "p99_us", NULL },
		{ "rows", TOP_COUNT, "rows", NULL }, { "errors", TOP_COUNT, "errors", NULL },
		{ "wait_ms", TOP_MEAN_MS, "wait_us", "calls" },
		{ "query", TOP_TEXT, "query", NULL } } },
};

size_t
top_column_count(const struct top_view *view)
{
	size_t count = 0;

	while (count < TOP_COLUMNS_MOST && view->columns[count].name != NULL)
		count++;
	return count;
}

int
top_view_by_name(const char *name)
{
	for (int i = 0; i < TOP_VIEWS; i++)
		if (strcmp(top_views[i].name, name) == 0)
			return i;
	return -1;
}

int
top_column_by_name(const struct top_view *view, const char *name)
{
	for (size_t i = 0; i < top_column_count(view); i++)
		if (strcmp(view->columns[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* ---- cells ---- */

static const char *
value(const PGresult *answer, int row, const char *column)
{
	int at = column != NULL ? PQfnumber(answer, column) : -1;

	return at >= 0 && !PQgetisnull(answer, row, at) ? PQgetvalue(answer, row, at) : "";
}

static double
amount(const PGresult *answer, int row, const char *column)
{
	return strtod(value(answer, row, column), NULL);
}

/* The row of the answer before that has the same keys, or -1. */
static int
find_before(const struct top_view *view, const PGresult *now, int row, const PGresult *before)
{
	for (int i = 0; before != NULL && i < PQntuples(before); i++) {
		size_t same = 0;

		while (same < view->keys && strcmp(value(now, row, view->columns[same].from),
					    value(before, i, view->columns[same].from)) == 0)
			same++;
		if (same == view->keys)
			return i;
	}
	return -1;
}

/* Rows with nothing behind them are not known to have grown. */
static struct top_cell
grown(const struct top_column *column, const PGresult *now, int row, const PGresult *before,
    int was, double seconds)
{
	struct top_cell cell = { 0 };
	double by, per;

	if (was < 0 || seconds <= 0)
		return cell;
	by = amount(now, row, column->from) - amount(before, was, column->from);
	cell.known = by >= 0; /* pgweir was started anew in between */
	cell.number = by / seconds;
	if (column->kind != TOP_MEAN_MS)
		return cell;
	per = amount(now, row, column->more) - amount(before, was, column->more);
	cell.known = cell.known && per > 0;
	cell.number = per > 0 ? by / per / 1000 : 0;
	return cell;
}

void
top_table_make(struct top_table *table, const struct top_view *view, const PGresult *now,
    const PGresult *before, double seconds)
{
	*table = (struct top_table){ .view = view, .columns = top_column_count(view),
		.rows = (size_t)PQntuples(now) };
	table->cells = mem_zalloc(table->rows * table->columns + 1, sizeof(table->cells[0]));
	for (int row = 0; row < PQntuples(now); row++) {
		int was = find_before(view, now, row, before);

		for (size_t i = 0; i < table->columns; i++) {
			const struct top_column *column = &view->columns[i];
			struct top_cell *cell = &table->cells[(size_t)row * table->columns + i];

			if (column->kind == TOP_TEXT)
				*cell = (struct top_cell){ value(now, row, column->from), 0, true };
			else if (column->kind == TOP_RATE || column->kind == TOP_MEAN_MS)
				*cell = grown(column, now, row, before, was, seconds);
			else
				*cell = (struct top_cell){ NULL, amount(now, row, column->from) +
					    (column->more != NULL ? amount(now, row, column->more) / 1e6 : 0),
					true };
		}
	}
}

void
top_table_free(struct top_table *table)
{
	mem_free(table->cells);
	*table = (struct top_table){ 0 };
}

/* Looking must not count as load. */
static const char console[] = "pgbouncer";

double
top_table_sum(const struct top_table *table, const char *column)
{
	int at = top_column_by_name(table->view, column);
	double sum = 0;

	for (size_t row = 0; at >= 0 && row < table->rows; row++)
		if (strcmp(table->cells[row * table->columns].text, console) != 0)
			sum += table->cells[row * table->columns + (size_t)at].number;
	return sum;
}

/* ---- order ---- */

/* What compare() orders by; handed over by qsort_r(). */
struct order {
	size_t column;
	int sign;
};

static int
compare(const void *one, const void *other, void *arg)
{
	const struct order *order = arg;
	const struct top_cell *a = (const struct top_cell *)one + order->column;
	const struct top_cell *b = (const struct top_cell *)other + order->column;
	int result = a->text != NULL ? strcmp(a->text, b->text) :
				       (a->number < b->number) - (a->number > b->number);

	if (result == 0 && order->column > 0) /* so that rows do not dance */
		return strcmp(((const struct top_cell *)one)->text, ((const struct top_cell *)other)->text);
	return result * order->sign;
}

void
top_table_sort(struct top_table *table, size_t column, bool reverse)
{
	struct order order = { column, reverse ? -1 : 1 };

	qsort_r(table->cells, table->rows, table->columns * sizeof(table->cells[0]), compare, &order);
}

/* ---- printing ---- */

enum { TEXT_WIDTH_MOST = 32 };

static void
put_cell(struct buf *out, const struct top_cell *cell, enum top_kind kind)
{
	if (!cell->known)
		buf_put_text(out, "-");
	else if (cell->text != NULL)
		text_put_safe(out, cell->text, TEXT_WIDTH_MOST);
	else
		buf_printf(out, kind == TOP_COUNT ? "%.0f" : kind == TOP_RATE ? "%.1f" : "%.3f",
		    cell->number);
}

/* Characters, each taken to be one column wide. */
static size_t
width_of(const struct buf *text)
{
	size_t width = 0;

	for (size_t i = 0; i < buf_length(text); i++)
		width += (buf_bytes(text)[i] & 0xc0) != 0x80;
	return width;
}

/* A piece of a line, filled up to its column's width, as far as the line is not full. */
static void
put_piece(struct buf *out, const struct buf *piece, size_t width, bool right, size_t *left)
{
	size_t have = width_of(piece), blanks = width > have ? width - have : 0;

	if (*left < width + 2) {
		*left = 0;
		return;
	}
	*left -= width + 2;
	for (size_t i = 0; right && i < blanks; i++)
		buf_put_u8(out, ' ');
	buf_put(out, buf_bytes(piece), buf_length(piece));
	for (size_t i = 0; i < (right ? 0 : blanks) + 2; i++)
		buf_put_u8(out, ' ');
}

/* The heading of the column that it is sorted by has a mark. */
static void
render(struct buf *piece, const struct top_table *table, size_t row, size_t column, size_t marked)
{
	buf_clear(piece);
	if (row == 0)
		buf_printf(piece, "%s%s", table->view->columns[column].name,
		    column == marked ? "*" : "");
	else
		put_cell(piece, &table->cells[(row - 1) * table->columns + column],
		    table->view->columns[column].kind);
}

void
top_put_text(struct buf *out, const struct top_table *table, size_t rows, size_t width,
    size_t marked)
{
	size_t shown = rows > 0 && rows < table->rows ? rows : table->rows;
	size_t widths[TOP_COLUMNS_MOST] = { 0 };
	struct buf piece = { 0 };

	for (size_t row = 0; row <= shown; row++)
		for (size_t i = 0; i < table->columns; i++) {
			render(&piece, table, row, i, marked);
			if (width_of(&piece) > widths[i])
				widths[i] = width_of(&piece);
		}
	for (size_t row = 0; row <= shown; row++) {
		size_t left = width > 0 ? width + 1 : SIZE_MAX;

		for (size_t i = 0; i < table->columns; i++) {
			render(&piece, table, row, i, marked);
			put_piece(out, &piece, widths[i],
			    table->view->columns[i].kind != TOP_TEXT, &left);
		}
		while (buf_length(out) > 0 && buf_bytes(out)[buf_length(out) - 1] == ' ')
			out->end--;
		buf_put_u8(out, '\n');
	}
	if (shown < table->rows)
		buf_printf(out, "… and %zu more\n", table->rows - shown);
	buf_free(&piece);
}

void
top_put_json(struct buf *out, const struct top_table *table, size_t rows)
{
	size_t shown = rows > 0 && rows < table->rows ? rows : table->rows;

	buf_put_u8(out, '[');
	for (size_t i = 0; i < shown * table->columns; i++) {
		const struct top_cell *cell = &table->cells[i];
		size_t column = i % table->columns;
		const char *name = table->view->columns[column].name;

		buf_put_text(out, column > 0 ? "," : i > 0 ? ",{" : "{");
		json_put_string(out, name, strlen(name));
		buf_put_u8(out, ':');
		if (!cell->known)
			buf_put_text(out, "null");
		else if (cell->text != NULL)
			json_put_string(out, cell->text, strlen(cell->text));
		else
			buf_printf(out, "%.15g", cell->number);
		if (column + 1 == table->columns)
			buf_put_u8(out, '}');
	}
	buf_put_u8(out, ']');
}

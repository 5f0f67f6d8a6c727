/*
 * table.c - rows of text and numbers, as aligned text, as JSON or in a page. Used by the views.
 *
 * Whatever a client has sent may stand in a cell, so text goes to the terminal only
 * through text_put_safe().
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report_internal.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

void
table_begin(struct table *table, const char *title, const struct column *columns,
    size_t column_count)
{
	*table = (struct table){ .title = title, .columns = columns, .column_count = column_count };
}

/* Takes over `text`. */
static void
add_cell(struct table *table, char *text)
{
	if (table->cell_count % 64 == 0)
		table->cells =
		    mem_resize(table->cells, table->cell_count + 64, sizeof(table->cells[0]));
	table->cells[table->cell_count++] = text;
}

void
table_text(struct table *table, const char *text)
{
	add_cell(table, mem_strdup(text));
}

void
table_count(struct table *table, uint64_t value)
{
	add_cell(table, mem_printf("%" PRIu64, value));
}

void
table_ms(struct table *table, uint64_t us)
{
	add_cell(table, mem_printf("%" PRIu64 ".%03u", us / 1000, (unsigned)(us % 1000)));
}

void
table_seconds(struct table *table, uint64_t us)
{
	table_ms(table, us / 1000);
}

void
table_percent(struct table *table, uint64_t part, uint64_t whole)
{
	add_cell(table,
	    mem_printf("%.1f", whole > 0 ? 100.0 * (double)part / (double)whole : 0.0));
}

void
table_time(struct table *table, uint64_t wall_us)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format_console(wall_us, text);
	table_text(table, text);
}

void
table_spark(struct table *table, const uint64_t *values, size_t count)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s%" PRIu64, i > 0 ? "," : "", values[i]);
	add_cell(table, buf_steal_text(&text));
}

/* ---- as text ---- */

/* How many characters; each is taken to be one column wide. */
static size_t
width_of(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void
make_safe(struct table *table)
{
	for (size_t i = 0; i < table->cell_count; i++) {
		struct buf safe = { 0 };

		if (table->columns[i % table->column_count].kind == CELL_SPARK)
			chart_spark_text(&safe, table->cells[i]);
		else
			text_put_safe(&safe, table->cells[i],
			    table->columns[i % table->column_count].most);
		mem_free(table->cells[i]);
		table->cells[i] = buf_steal_text(&safe);
	}
}

static void
put_blanks(struct buf *out, size_t count)
{
	while (count-- > 0)
		buf_put_u8(out, ' ');
}

/* One cell; the last text of a line is not filled up. */
static void
put_cell(struct buf *out, const struct table *table, size_t column, const char *text,
    size_t width)
{
	size_t blanks = width - width_of(text);

	buf_put_text(out, "  ");
	if (table->columns[column].kind == CELL_NUMBER)
		put_blanks(out, blanks);
	buf_put_text(out, text);
	if (table->columns[column].kind != CELL_NUMBER && column + 1 < table->column_count)
		put_blanks(out, blanks);
	if (column + 1 == table->column_count)
		buf_put_u8(out, '\n');
}

static size_t
column_width(const struct table *table, size_t column)
{
	size_t width = width_of(table->columns[column].name);

	for (size_t i = column; i < table->cell_count; i += table->column_count)
		if (width_of(table->cells[i]) > width)
			width = width_of(table->cells[i]);
	return width;
}

static void
print_text(struct table *table, struct buf *out)
{
	size_t *widths = mem_zalloc(table->column_count, sizeof(*widths));

	make_safe(table);
	buf_printf(out, "\n%s\n", table->title);
	if (table->cell_count == 0)
		buf_put_text(out, "  none\n");
	for (size_t i = 0; i < table->column_count && table->cell_count > 0; i++) {
		widths[i] = column_width(table, i);
		put_cell(out, table, i, table->columns[i].name, widths[i]);
	}
	for (size_t i = 0; i < table->cell_count; i++)
		put_cell(out, table, i % table->column_count, table->cells[i],
		    widths[i % table->column_count]);
	if (table->hidden > 0)
		buf_printf(out, "  … and %zu more\n", table->hidden);
	mem_free(widths);
}

/* `,"title":[{"column":value,…},…]`; the caller closes. */
static void
print_json(const struct table *table, struct buf *out)
{
	buf_put_u8(out, ',');
	json_put_string(out, table->title, strlen(table->title));
	buf_put_text(out, ":[");
	for (size_t i = 0; i < table->cell_count; i++) {
		size_t column = i % table->column_count;

		buf_put_text(out, column > 0 ? "," : i > 0 ? ",{" : "{");
		json_put_string(out, table->columns[column].name, strlen(table->columns[column].name));
		buf_put_u8(out, ':');
		if (table->columns[column].kind == CELL_SPARK)
			buf_printf(out, "[%s]", table->cells[i]);
		else if (table->columns[column].kind == CELL_NUMBER)
			buf_put_text(out, table->cells[i]);
		else
			json_put_string(out, table->cells[i], strlen(table->cells[i]));
		if (column + 1 == table->column_count)
			buf_put_u8(out, '}');
	}
	buf_put_u8(out, ']');
}

void
table_end(struct table *table, enum report_format format, struct buf *out)
{
	if (format == REPORT_JSON)
		print_json(table, out);
	else if (format == REPORT_HTML)
		html_table(out, table);
	else
		print_text(table, out);
	for (size_t i = 0; i < table->cell_count; i++)
		mem_free(table->cells[i]);
	mem_free(table->cells);
	*table = (struct table){ 0 };
}

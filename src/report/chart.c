/*
 * chart.c - drawings in SVG, from cells of a table: small bars, and what goes on over
 * time, stacked by state. Colours come from the page's style, so that they follow light and dark.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_internal.h"

enum {
	SPARK_WIDTH = 96, SPARK_HEIGHT = 20, SPARK_MOST = 64,
	LOAD_WIDTH = 960, LOAD_HEIGHT = 220, LOAD_LEFT = 64, LOAD_BOTTOM = 24, LOAD_TOP = 8,
	LOAD_TICKS = 4,
};

/* Numbers of a spark's cell, "1,2,3". */
static size_t
read_values(const char *cell, double values[SPARK_MOST], double *most)
{
	size_t count = 0;
	char *end;

	*most = 0;
	while (count < SPARK_MOST && *cell != '\0') {
		values[count] = strtod(cell, &end);
		if (end == cell)
			break;
		if (values[count] > *most)
			*most = values[count];
		count++;
		cell = *end == ',' ? end + 1 : end;
	}
	return count;
}

void
chart_spark(struct buf *out, const char *cell)
{
	double values[SPARK_MOST], most;
	size_t count = read_values(cell, values, &most);
	double step = count > 0 ? (double)SPARK_WIDTH / (double)count : 0;

	buf_printf(out, "<svg class=\"spark\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">",
	    SPARK_WIDTH, SPARK_HEIGHT, count > 0 ? "small bar chart" : "no values");
	for (size_t i = 0; i < count && most > 0; i++) {
		double height = values[i] / most * (SPARK_HEIGHT - 1);

		if (values[i] <= 0)
			continue;
		if (height < 1)
			height = 1;
		buf_printf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
		    (double)i * step, SPARK_HEIGHT - height, step > 2 ? step - 1 : step, height);
	}
	buf_put_text(out, "</svg>");
}

void
chart_spark_text(struct buf *out, const char *cell)
{
	static const char *const blocks[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	double values[SPARK_MOST], most;
	size_t count = read_values(cell, values, &most);

	for (size_t i = 0; i < count; i++) {
		int level = most > 0 ? (int)ceil(values[i] / most * 8) : 0;

		buf_put_text(out, level > 0 ? blocks[level - 1] : " ");
	}
}

/* ---- the load ---- */

static double
cell_value(const struct table *table, size_t row, size_t column)
{
	return strtod(table->cells[row * table->column_count + column], NULL);
}

/* A round number not below: 1, 2 or 5 times a power of ten. */
static double
round_up(double value)
{
	double unit = pow(10, floor(log10(value > 0 ? value : 1)));

	for (size_t i = 0; i < 4; i++) {
		static const double steps[] = { 1, 2, 5, 10 };

		if (steps[i] * unit >= value)
			return steps[i] * unit;
	}
	return value;
}

/* Columns of a table drawn on top of one another, row by row. On the stack. */
struct stack {
	const struct table *table;
	size_t first, states, rows; /* columns from `first` on */
	size_t colour;		    /* of the first */
	const char *const *names;   /* of the states */
	const char *unit, *label;
	double most;
};

static void
put_axis(struct buf *out, const struct stack *stack)
{
	for (int i = 0; i <= LOAD_TICKS; i++) {
		double y = LOAD_TOP + (double)LOAD_HEIGHT * (LOAD_TICKS - i) / LOAD_TICKS;

		buf_printf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
				"<text class=\"tick\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.3g%s</text>",
		    LOAD_LEFT, LOAD_LEFT + LOAD_WIDTH, y, y, LOAD_LEFT - 8, y + 4,
		    stack->most * i / LOAD_TICKS, stack->unit);
	}
}

/* When the first row begins, the last one, and some between: "2026-11-22 10:00:00 UTC" without its zone. */
static void
put_times(struct buf *out, const struct stack *stack)
{
	enum { MOST = 5, MINUTES = 16 };
	size_t ticks = stack->rows < MOST ? stack->rows : MOST;

	for (size_t i = 0; i < ticks; i++) {
		size_t row = ticks > 1 ? i * (stack->rows - 1) / (ticks - 1) : 0;
		double x = LOAD_LEFT + ((double)row + 0.5) * LOAD_WIDTH / (double)stack->rows;
		const char *cell = stack->table->cells[row * stack->table->column_count];
		const char *anchor = i == 0 ? "start" : i + 1 == ticks ? "end" : "middle";

		if (i == 0)
			x = LOAD_LEFT;
		else if (i + 1 == ticks)
			x = LOAD_LEFT + LOAD_WIDTH;
		buf_printf(out, "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">", x,
		    LOAD_TOP + LOAD_HEIGHT + 18, anchor);
		buf_put(out, cell, strnlen(cell, MINUTES)); /* digits that we have printed */
		buf_put_text(out, "</text>");
	}
}

/* One column: its states on top of one another, and what to read when pointed at. */
static void
put_column(struct buf *out, const struct stack *stack, size_t row)
{
	const struct table *table = stack->table;
	double step = (double)LOAD_WIDTH / (double)stack->rows;
	double x = LOAD_LEFT + (double)row * step, y = LOAD_TOP + LOAD_HEIGHT;

	buf_put_text(out, "<g><title>");
	html_put_text(out, table->cells[row * table->column_count], 0);
	for (size_t i = 1; i < table->column_count; i++)
		buf_printf(out, "\n%s %.3g", table->columns[i].name, cell_value(table, row, i));
	buf_put_text(out, "</title>");
	buf_printf(out, "<rect class=\"hit\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>", x,
	    LOAD_TOP, step, LOAD_HEIGHT);
	for (size_t i = 0; i < stack->states; i++) {
		double height = cell_value(table, row, stack->first + i) / stack->most * LOAD_HEIGHT;

		if (height <= 0)
			continue;
		y -= height;
		buf_printf(out, "<rect class=\"s%zu\" x=\"%.1f\" y=\"%.2f\" width=\"%.1f\" height=\"%.2f\"/>",
		    stack->colour + i, x, y, step > 3 ? step - 1 : step, height);
	}
	buf_put_text(out, "</g>");
}

static void
put_legend(struct buf *out, const struct stack *stack)
{
	buf_put_text(out, "<p class=\"legend\">");
	for (size_t i = 0; i < stack->states; i++)
		buf_printf(out, "<span><i class=\"s%zu\"></i>%s</span>", stack->colour + i,
		    stack->names[i]);
	buf_put_text(out, "</p>");
}

static double
highest(const struct stack *stack)
{
	double most = 0;

	for (size_t row = 0; row < stack->rows; row++) {
		double sum = 0;

		for (size_t i = 0; i < stack->states; i++)
			sum += cell_value(stack->table, row, stack->first + i);
		if (sum > most)
			most = sum;
	}
	return round_up(most > 0 ? most : 1);
}

static void
put_stack(struct buf *out, struct stack *stack)
{
	stack->rows = stack->table->cell_count / stack->table->column_count;
	if (stack->rows == 0)
		return;
	stack->most = highest(stack);
	put_legend(out, stack);
	buf_printf(out, "<svg class=\"chart\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">",
	    LOAD_LEFT + LOAD_WIDTH, LOAD_TOP + LOAD_HEIGHT + LOAD_BOTTOM, stack->label);
	put_axis(out, stack);
	for (size_t row = 0; row < stack->rows; row++)
		put_column(out, stack, row);
	put_times(out, stack);
	buf_put_text(out, "</svg>");
}

void
chart_load(struct buf *out, const struct table *table)
{
	static const char *const names[] = { "running", "waiting for a server",
		"idle in transaction" };
	struct stack stack = { .table = table, .first = 1, .states = 3, .colour = 1, .names = names,
		.unit = "", .label = "sessions by state over time" };

	put_stack(out, &stack);
}

void
chart_slow(struct buf *out, const struct table *table)
{
	static const char *const names[] = { "share of statements that took longer" };
	struct stack stack = { .table = table, .first = 3, .states = 1, .colour = 2, .names = names,
		.unit = " %", .label = "share of slow statements over time" };

	put_stack(out, &stack);
}

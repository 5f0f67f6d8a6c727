/*
 * chart.c - drawings in SVG, from cells of a table: small bars, and the load stacked by
 * state. Colours come from the page's style, so that they follow light and dark.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_internal.h"

enum {
	SPARK_WIDTH = 96, SPARK_HEIGHT = 20, SPARK_MOST = 64,
	LOAD_WIDTH = 960, LOAD_HEIGHT = 220, LOAD_LEFT = 44, LOAD_BOTTOM = 24, LOAD_TOP = 8,
	LOAD_STATES = 3, LOAD_TICKS = 4,
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

static void
put_axis(struct buf *out, double most)
{
	for (int i = 0; i <= LOAD_TICKS; i++) {
		double y = LOAD_TOP + (double)LOAD_HEIGHT * (LOAD_TICKS - i) / LOAD_TICKS;

		buf_printf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
				"<text class=\"tick\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.3g</text>",
		    LOAD_LEFT, LOAD_LEFT + LOAD_WIDTH, y, y, LOAD_LEFT - 6, y + 4,
		    most * i / LOAD_TICKS);
	}
}

/* One column: its states on top of one another, and what to read when pointed at. */
static void
put_column(struct buf *out, const struct table *table, size_t row, size_t rows, double most)
{
	double step = (double)LOAD_WIDTH / (double)rows;
	double x = LOAD_LEFT + (double)row * step, y = LOAD_TOP + LOAD_HEIGHT;

	buf_put_text(out, "<g><title>");
	html_put_text(out, table->cells[row * table->column_count], 0);
	for (size_t i = 1; i <= LOAD_STATES; i++)
		buf_printf(out, "\n%s %.3g", table->columns[i].name, cell_value(table, row, i));
	buf_put_text(out, "</title>");
	buf_printf(out, "<rect class=\"hit\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>", x,
	    LOAD_TOP, step, LOAD_HEIGHT);
	for (size_t i = 1; i <= LOAD_STATES; i++) {
		double height = cell_value(table, row, i) / most * LOAD_HEIGHT;

		if (height <= 0)
			continue;
		y -= height;
		buf_printf(out, "<rect class=\"s%zu\" x=\"%.1f\" y=\"%.2f\" width=\"%.1f\" height=\"%.2f\"/>",
		    i, x, y, step > 3 ? step - 1 : step, height);
	}
	buf_put_text(out, "</g>");
}

static void
put_legend(struct buf *out)
{
	static const char *const names[] = { "running", "waiting for a server",
		"idle in transaction" };

	buf_put_text(out, "<p class=\"legend\">");
	for (size_t i = 0; i < LOAD_STATES; i++)
		buf_printf(out, "<span><i class=\"s%zu\"></i>%s</span>", i + 1, names[i]);
	buf_put_text(out, "</p>");
}

void
chart_load(struct buf *out, const struct table *table)
{
	size_t rows = table->cell_count / table->column_count;
	double most = 0;

	for (size_t row = 0; row < rows; row++) {
		double sum = 0;

		for (size_t i = 1; i <= LOAD_STATES; i++)
			sum += cell_value(table, row, i);
		if (sum > most)
			most = sum;
	}
	if (rows == 0)
		return;
	most = round_up(most > 0 ? most : 1);
	put_legend(out);
	buf_printf(out, "<svg class=\"chart\" viewBox=\"0 0 %d %d\" role=\"img\" "
			"aria-label=\"sessions by state over time\">",
	    LOAD_LEFT + LOAD_WIDTH, LOAD_TOP + LOAD_HEIGHT + LOAD_BOTTOM);
	put_axis(out, most);
	for (size_t row = 0; row < rows; row++)
		put_column(out, table, row, rows, most);
	buf_printf(out, "<text class=\"tick\" x=\"%d\" y=\"%d\">", LOAD_LEFT,
	    LOAD_TOP + LOAD_HEIGHT + 18);
	html_put_text(out, table->cells[0], 0);
	buf_printf(out, "</text><text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"end\">",
	    LOAD_LEFT + LOAD_WIDTH, LOAD_TOP + LOAD_HEIGHT + 18);
	html_put_text(out, table->cells[(rows - 1) * table->column_count], 0);
	buf_put_text(out, "</text></svg>");
}

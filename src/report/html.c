/*
 * html.c - the report as one page that needs nothing else: no script, no font, no
 * address. Whatever a client has sent may stand in it, so text goes in through
 * html_put_text() alone, and the page itself forbids scripts and loading.
 */
#include <ctype.h>
#include <string.h>

#include "report_internal.h"
#include "base/mem.h"
#include "base/text.h"

enum { CELL_MOST = 600 };

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n<title>pgweir report</title>\n<style>\n"
    ":root{--page:#f9f9f7;--card:#fcfcfb;--ink:#0b0b0b;--soft:#52514e;--line:#e1e0d9;--axis:#898781;"
    "--s1:#2a78d6;--s2:#eb6834;--s3:#1baf7a;--bad:#d03b3b;--good:#006300}\n"
    "@media (prefers-color-scheme:dark){:root{--page:#0d0d0d;--card:#1a1a19;--ink:#fff;--soft:#c3c2b7;"
    "--line:#2c2c2a;--axis:#898781;--s1:#3987e5;--s2:#d95926;--s3:#199e70;--bad:#e66767;--good:#0ca30c}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);"
    "font:14px/1.45 system-ui,-apple-system,'Segoe UI',sans-serif}\n"
    "header,main,nav,footer{max-width:1440px;margin:0 auto;padding:12px 20px}\n"
    "h1{font-size:22px;margin:8px 0 0}h2{font-size:16px;margin:0 0 10px}"
    "nav ul{display:flex;flex-wrap:wrap;gap:4px 16px;list-style:none;margin:0;padding:0}"
    "a{color:var(--s1)}\n"
    "section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px 16px;margin:0 0 16px}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;font-size:13px}"
    "th,td{padding:4px 10px 4px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}"
    "th{color:var(--soft);font-weight:600;white-space:nowrap}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "td{overflow-wrap:anywhere;min-width:5em}td.n{min-width:0}td.w{white-space:nowrap;font-variant-numeric:tabular-nums}td.q{font-family:ui-monospace,monospace;font-size:12px;min-width:22em}\n"
    "dl{display:flex;flex-wrap:wrap;gap:8px 28px;margin:0}dl div{max-width:100%}"
    "dt{color:var(--soft);font-size:12px}dd{margin:0;font-size:16px;overflow-wrap:anywhere}"
    "dd.bad{color:var(--bad);font-weight:600}dd.good{color:var(--good)}\n"
    ".none,.more{color:var(--soft)}.spark{width:96px;height:20px;fill:var(--s1);vertical-align:middle}"
    ".bar{width:60px;height:8px;margin-right:6px}.bar rect{fill:var(--s1)}.bar .rest{fill:var(--line)}\n"
    ".chart{width:100%;height:auto;display:block}.grid{stroke:var(--line)}.tick{fill:var(--axis);font-size:12px}"
    "rect.s1{fill:var(--s1)}rect.s2{fill:var(--s2)}rect.s3{fill:var(--s3)}rect.hit{fill:transparent}\n"
    ".legend span{margin-right:18px;color:var(--soft)}.legend i{display:inline-block;width:10px;height:10px;"
    "border-radius:2px;margin-right:6px}i.s1{background:var(--s1)}i.s2{background:var(--s2)}i.s3{background:var(--s3)}\n"
    "details summary{cursor:pointer;color:var(--soft);margin:8px 0}\n"
    "@page{size:landscape;margin:12mm}\n"
    "@media print{:root{--page:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#ccc;--s1:#2a78d6;--s2:#eb6834;"
    "--s3:#1baf7a}body{font-size:10px;print-color-adjust:exact;-webkit-print-color-adjust:exact}nav{display:none}"
    "section{border:0;padding:0}tr,svg,h2{break-inside:avoid}h2{break-after:avoid}.scroll{overflow:visible}"
    "table{font-size:8px}td.q{font-size:7.5px;min-width:22em}.spark{width:72px;height:15px}"
    "details{display:none}}\n" /* nothing can be opened on paper */
    "</style></head><body>\n";

void
html_put_text(struct buf *out, const char *text, size_t most_characters)
{
	struct buf safe = { 0 };

	text_put_safe(&safe, text, most_characters);
	for (size_t i = 0; i < buf_length(&safe); i++) {
		uint8_t byte = buf_bytes(&safe)[i];

		switch (byte) {
		case '&':
			buf_put_text(out, "&amp;");
			break;
		case '<':
			buf_put_text(out, "&lt;");
			break;
		case '>':
			buf_put_text(out, "&gt;");
			break;
		case '"':
			buf_put_text(out, "&quot;");
			break;
		case '\'':
			buf_put_text(out, "&#39;");
			break;
		default:
			buf_put_u8(out, byte);
		}
	}
	buf_free(&safe);
}

/* "Service cost: …" to "service-cost". */
static void
put_slug(struct buf *out, const char *title)
{
	for (; *title != '\0' && *title != ':'; title++)
		buf_put_u8(out, isalnum((unsigned char)*title) ?
		    (uint8_t)tolower((unsigned char)*title) : '-');
}

/* ---- tables ---- */

static bool
is_percent(const struct column *column)
{
	size_t length = strlen(column->name);

	return length > 2 && strcmp(column->name + length - 2, "_%") == 0;
}

/* What must not be broken into lines. */
static bool
is_word(const struct column *column)
{
	return strcmp(column->name, "fingerprint") == 0 || strcmp(column->name, "first") == 0 ||
	    strcmp(column->name, "last") == 0 || strcmp(column->name, "from") == 0;
}

static bool
is_query(const struct column *column)
{
	return strstr(column->name, "query") != NULL;
}

/* The cell is a number that we have printed. */
static void
put_percent(struct buf *out, const char *cell)
{
	buf_printf(out, "<svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
			"<rect class=\"rest\" width=\"100\" height=\"8\"/><rect width=\"%.5s\" height=\"8\"/></svg>%s",
	    cell, cell);
}

static void
put_cell(struct buf *out, const struct column *column, const char *cell)
{
	buf_printf(out, "<td%s>", column->kind == CELL_NUMBER ? " class=\"n\"" :
	    is_query(column)			    ? " class=\"q\"" :
	    is_word(column)			    ? " class=\"w\"" : "");
	if (column->kind == CELL_SPARK)
		chart_spark(out, cell);
	else if (is_percent(column))
		put_percent(out, cell);
	else
		html_put_text(out, cell, CELL_MOST);
	buf_put_text(out, "</td>");
}

static void
put_rows(struct buf *out, const struct table *table)
{
	buf_put_text(out, "<div class=\"scroll\"><table><thead><tr>");
	for (size_t i = 0; i < table->column_count; i++) {
		buf_printf(out, "<th scope=\"col\"%s>", table->columns[i].kind == CELL_NUMBER ? " class=\"n\"" : "");
		html_put_text(out, table->columns[i].name, 0);
		buf_put_text(out, "</th>");
	}
	buf_put_text(out, "</tr></thead><tbody>");
	for (size_t i = 0; i < table->cell_count; i++) {
		size_t column = i % table->column_count;

		buf_put_text(out, column == 0 ? "<tr>" : "");
		put_cell(out, &table->columns[column], table->cells[i]);
		buf_put_text(out, column + 1 == table->column_count ? "</tr>\n" : "");
	}
	buf_put_text(out, "</tbody></table></div>");
	if (table->hidden > 0)
		buf_printf(out, "<p class=\"more\">and %zu more</p>", table->hidden);
}

/* The overview: what and value, side by side. What is broken must catch the eye. */
static void
put_pairs(struct buf *out, const struct table *table)
{
	buf_put_text(out, "<dl>");
	for (size_t i = 0; i + 1 < table->cell_count; i += 2) {
		const char *value = table->cells[i + 1];
		const char *class = strncmp(value, "BROKEN", 6) == 0 ? " class=\"bad\"" :
		    strncmp(value, "whole", 5) == 0			     ? " class=\"good\"" :
									       "";

		buf_put_text(out, "<div><dt>");
		html_put_text(out, table->cells[i], 0);
		/* The question that readers come with, beside our word for its answer. */
		if (strcmp(table->cells[i], "chain") == 0)
			buf_put_text(out, ": was the log altered?");
		buf_printf(out, "</dt><dd%s>", class);
		html_put_text(out, value, CELL_MOST);
		buf_put_text(out, "</dd></div>");
	}
	buf_put_text(out, "</dl>");
}

void
html_table(struct buf *out, const struct table *table)
{
	buf_put_text(out, "<section id=\"");
	put_slug(out, table->title);
	buf_put_text(out, "\"><h2>");
	html_put_text(out, table->title, 0);
	buf_put_text(out, "</h2>");
	if (table->cell_count == 0) {
		buf_put_text(out, "<p class=\"none\">none</p>");
	} else if (table->pairs) {
		put_pairs(out, table);
	} else if (table->chart != NULL) {
		table->chart(out, table);
		buf_put_text(out, "<details><summary>as a table</summary>");
		put_rows(out, table);
		buf_put_text(out, "</details>");
	} else {
		put_rows(out, table);
	}
	buf_put_text(out, "</section>\n");
}

/* ---- the page ---- */

/* A link to each section; ids and titles are ours, so they are taken from the body. */
static void
put_contents(struct buf *out, const char *body)
{
	static const char mark[] = "<section id=\"";

	buf_put_text(out, "<nav aria-label=\"contents\"><ul>");
	for (const char *at = strstr(body, mark); at != NULL; at = strstr(at, mark)) {
		size_t id, title;

		at += strlen(mark);
		id = strcspn(at, "\"");
		buf_printf(out, "<li><a href=\"#%.*s\">", (int)id, at);
		at += id + strlen("\"><h2>");
		title = strcspn(at, ":<");
		buf_printf(out, "%.*s</a></li>", (int)title, at);
	}
	buf_put_text(out, "</ul></nav>\n");
}

void
html_page(struct buf *out, struct buf *body)
{
	char *text = buf_steal_text(body);

	buf_put_text(out, head);
	buf_put_text(out, "<header><h1>pgweir report</h1></header>\n");
	put_contents(out, text);
	buf_put_text(out, "<main>\n");
	buf_put_text(out, text);
	buf_put_text(out, "</main></body></html>\n");
	mem_free(text);
}

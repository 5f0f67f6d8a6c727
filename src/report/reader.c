/*
 * reader.c - the report itself: reads the lines of the files, hands each to the
 * views, and tells what was read and which lines could not be. Called by pgweirctl.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report_internal.h"
#include "audit/verify.h"
#include "base/clock.h"
#include "base/lines.h"
#include "base/mem.h"

enum { BAD_NAMED_MOST = 10 };

/* Made by report_new(), freed by report_free(). */
struct report {
	struct report_options options;
	char **access_paths;
	size_t access_count, slow_count;
	uint64_t records, outside; /* outside: before since or from until on */
	uint64_t lost;		   /* records, as the gaps tell */
	uint64_t first_us, last_us;
	uint64_t bad_lines;
	char *bad_named[BAD_NAMED_MOST];
	uint64_t slow_statements, slow_refusals, slow_total_us, slow_most_us;
	struct performance performance;
	struct performance *baseline; /* NULL: there is none */
	struct access access;
	struct grants grants;
	struct record_reader reader;
	struct audit_checker *checker; /* NULL: no access log yet, or see chain_failure */
	struct audit_verified chain;
	char *chain_failure;
};

struct report *
report_new(const struct report_options *options)
{
	struct report *report = mem_zalloc(1, sizeof(*report));

	report->options = *options;
	performance_open(&report->performance, options->objective_us);
	access_open(&report->access);
	grants_open(&report->grants);
	return report;
}

void
report_free(struct report *report)
{
	for (size_t i = 0; i < report->access_count; i++)
		mem_free(report->access_paths[i]);
	mem_free(report->access_paths);
	for (size_t i = 0; i < BAD_NAMED_MOST; i++)
		mem_free(report->bad_named[i]);
	performance_close(&report->performance);
	if (report->baseline != NULL)
		performance_close(report->baseline);
	mem_free(report->baseline);
	access_close(&report->access);
	grants_close(&report->grants);
	record_reader_close(&report->reader);
	audit_checker_free(report->checker);
	mem_free(report->chain_failure);
	mem_free(report);
}

static bool
is_inside(const struct report *report, uint64_t time_us)
{
	return time_us >= report->options.since_us &&
	    (report->options.until_us == 0 || time_us < report->options.until_us);
}

static void
note_time(struct report *report, uint64_t time_us)
{
	if (report->records == 0 || time_us < report->first_us)
		report->first_us = time_us;
	if (time_us > report->last_us)
		report->last_us = time_us;
}

/* An audit.gap counts what was lost by event. */
static void
add_lost(struct report *report, const struct record *record)
{
	struct object_cursor lost;
	struct object_member count;
	uint32_t hint = 0;

	if (strcmp(record->event, "audit.gap") != 0)
		return;
	lost = object_enter(object_find(record->object, "lost", &hint));
	while (object_next(&lost, &count))
		if (object_number(&count) > 0)
			report->lost += (uint64_t)object_number(&count);
}

static bool
add_access(struct report *report)
{
	struct record record;

	if (!record_from(&report->reader, &record))
		return false;
	if (!is_inside(report, record.time_us)) {
		report->outside++;
		return true;
	}
	note_time(report, record.time_us);
	report->records++;
	performance_add(&report->performance, &record);
	access_add(&report->access, &record);
	grants_add(&report->grants, &record);
	add_lost(report, &record);
	return true;
}

static bool
add_baseline(struct report *report)
{
	struct record record;

	if (!record_from(&report->reader, &record))
		return false;
	performance_add(report->baseline, &record);
	return true;
}

static bool
add_slow(struct report *report)
{
	const struct record line = { .object = &report->reader.object };
	const char *severity = record_member(&line, "error_severity");
	double ms;
	uint64_t time_us, us;

	if (!report_time(record_member(&line, "timestamp"), &time_us) || severity[0] == '\0')
		return false;
	if (!is_inside(report, time_us))
		return true;
	if (strcmp(severity, "ERROR") == 0)
		report->slow_refusals++;
	if (sscanf(record_member(&line, "message"), "duration: %lf ms", &ms) != 1 || ms < 0)
		return true;
	us = ms < 1e12 ? (uint64_t)(ms * 1000.0 + 0.5) : 0;
	report->slow_statements++;
	report->slow_total_us += us;
	if (us > report->slow_most_us)
		report->slow_most_us = us;
	return true;
}

static void
note_bad(struct report *report, const char *path, uint64_t line)
{
	if (report->bad_lines < BAD_NAMED_MOST)
		report->bad_named[report->bad_lines] = mem_printf("%s:%" PRIu64, path, line);
	report->bad_lines++;
}

/* The chain is checked on the way, before the line is changed by those who ask for its texts. */
static void
read_line(struct report *report, const struct lines *lines, bool chained,
    bool (*add)(struct report *report), const char *path)
{
	struct object *object = &report->reader.object;
	bool scanned = !lines->cut && object_scan(object, lines->line, lines->length);

	if (chained && report->checker != NULL)
		audit_checker_line(report->checker, lines, scanned ? object : NULL);
	if ((!scanned && (lines->cut || !object_read(object, lines->line, lines->length))) ||
	    !add(report))
		note_bad(report, path, lines->number);
}

static bool
read_lines(struct report *report, const char *path, bool chained,
    bool (*add)(struct report *report), struct error *err)
{
	const struct audit_verify_options *verify = &report->options.verify;
	struct lines lines;

	err->code = ERROR_NONE;
	if (!lines_open(&lines, path, err))
		return false;
	while (lines_next(&lines, err)) {
		read_line(report, &lines, chained, add, path);
		if (verify->progress != NULL && lines.number % AUDIT_PROGRESS_LINES == 0)
			verify->progress(verify->progress_arg, path, lines.offset);
	}
	lines_close(&lines);
	if (err->code != ERROR_NONE) {
		struct error why = *err;

		return error_set(err, ERROR_IO, "%s: %s", path, why.text);
	}
	return true;
}

/* A key that cannot be read leaves the chain unchecked, and the report says so. */
static void
begin_chain(struct report *report)
{
	struct error err;

	if (report->access_count > 0)
		return;
	report->checker =
	    audit_checker_new(&report->options.verify, &report->chain, &err);
	if (report->checker == NULL)
		report->chain_failure = mem_strdup(err.text);
}

bool
report_read_access(struct report *report, const char *path, struct error *err)
{
	bool read;

	begin_chain(report);
	report->access_paths = mem_resize(
	    report->access_paths, report->access_count + 1, sizeof(report->access_paths[0]));
	report->access_paths[report->access_count++] = mem_strdup(path);
	if (report->checker != NULL)
		audit_checker_file(report->checker, report->access_paths[report->access_count - 1]);
	read = read_lines(report, path, true, add_access, err);
	if (read && report->checker != NULL)
		audit_checker_file_end(report->checker);
	return read;
}

bool
report_read_slow(struct report *report, const char *path, struct error *err)
{
	report->slow_count++;
	return read_lines(report, path, false, add_slow, err);
}

bool
report_read_grants(struct report *report, const char *path, struct error *err)
{
	return grants_read(&report->grants, path, err);
}

bool
report_read_baseline(struct report *report, const char *path, struct error *err)
{
	if (report->baseline == NULL) {
		report->baseline = mem_alloc(sizeof(*report->baseline));
		performance_open(report->baseline, report->options.objective_us);
	}
	return read_lines(report, path, false, add_baseline, err);
}

/* ---- printing ---- */

/* What was not looked at is said, too. */
static char *
chain_words(const struct report *report, const struct audit_verified *found)
{
	const struct audit_verify_options *options = &report->options.verify;
	struct buf text = { 0 };

	buf_printf(&text, "whole: seq %" PRIu64 " to %" PRIu64, found->first_seq, found->last_seq);
	if (options->mac_key != NULL)
		buf_printf(&text, "; %" PRIu64 " macs good", found->macs);
	else
		buf_put_text(&text, "; macs not checked");
	if (options->public_key_count > 0)
		buf_printf(&text, "; %" PRIu64 " signatures good", found->signatures);
	else
		buf_put_text(&text, "; signatures not checked");
	return buf_steal_text(&text);
}

static void
put_chain(struct report *report, struct table *table)
{
	const struct audit_verified *found = &report->chain;
	char *text;

	if (report->access_count == 0)
		return;
	if (report->checker == NULL)
		text = mem_printf("not checked: %s", report->chain_failure);
	else if (found->good)
		text = chain_words(report, found);
	else
		text = mem_printf("BROKEN at %s:%" PRIu64 ": %s", found->file, found->line,
		    found->reason);
	table_text(table, "chain");
	table_text(table, text);
	mem_free(text);
}

static void
put_period(const struct report *report, struct table *table)
{
	char first[CLOCK_TEXT_SIZE], last[CLOCK_TEXT_SIZE];
	char *text;

	clock_format_console(report->first_us, first);
	clock_format_console(report->last_us, last);
	text = report->records > 0 ? mem_printf("%s to %s", first, last) : mem_strdup("no records");
	table_text(table, "period");
	table_text(table, text);
	mem_free(text);
}

static void
put_number(struct table *table, const char *what, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	table_text(table, what);
	table_text(table, text);
}

static void
put_slow(const struct report *report, struct table *table)
{
	char *text = mem_printf("%" PRIu64 " statements, %.3f s in all, the longest %.3f s; %" PRIu64
				" refusals", report->slow_statements,
	    (double)report->slow_total_us / 1e6, (double)report->slow_most_us / 1e6,
	    report->slow_refusals);

	table_text(table, "slow log");
	table_text(table, text);
	mem_free(text);
}

static void
put_bad(const struct report *report, struct table *table)
{
	struct buf text = { 0 };

	buf_printf(&text, "%" PRIu64 " (", report->bad_lines);
	for (size_t i = 0; i < BAD_NAMED_MOST && report->bad_named[i] != NULL; i++)
		buf_printf(&text, "%s%s", i > 0 ? ", " : "", report->bad_named[i]);
	buf_put_text(&text, report->bad_lines > BAD_NAMED_MOST ? ", …)" : ")");
	buf_put_u8(&text, '\0');
	table_text(table, "lines that could not be read");
	table_text(table, (char *)buf_bytes(&text));
	buf_free(&text);
}

static void
put_objective(const struct report *report, struct table *table)
{
	const struct performance *performance = &report->performance;
	uint64_t all = performance->statements, met = performance->met;
	char *text;

	if (all == 0)
		return;
	text = mem_printf("%.2f %% of statements within %.0f ms, their wait included",
	    100.0 * (double)met / (double)all, (double)performance->objective_us / 1e3);
	table_text(table, "latency objective");
	table_text(table, text);
	mem_free(text);
	text = mem_printf("%" PRIu64 " of %" PRIu64 " (%.2f %%)", all - met, all,
	    100.0 * (double)(all - met) / (double)all);
	table_text(table, "slower than that");
	table_text(table, text);
	mem_free(text);
}

static void
print_overview(struct report *report, unsigned views, enum report_format format, struct buf *out)
{
	static const struct column columns[] = { { "what", CELL_TEXT, 0 },
		{ "value", CELL_TEXT, 0 } };
	struct table table;

	table_begin(&table, "Overview", columns, 2);
	table.pairs = true;
	put_period(report, &table);
	put_number(&table, "records", report->records);
	if (report->outside > 0)
		put_number(&table, "records outside the period asked for", report->outside);
	if (report->lost > 0)
		put_number(&table, "records lost, as audit.gap tells", report->lost);
	put_chain(report, &table);
	if ((views & REPORT_PERFORMANCE) != 0)
		put_objective(report, &table);
	if (report->slow_count > 0)
		put_slow(report, &table);
	if (report->bad_lines > 0)
		put_bad(report, &table);
	table_end(&table, format, out);
}

static void
print_views(struct report *report, unsigned views, enum report_format format, struct buf *out)
{
	size_t top = report->options.top;

	print_overview(report, views, format, out);
	if ((views & REPORT_PERFORMANCE) != 0 && report->baseline != NULL)
		regress_print(&report->performance, report->baseline, top, format, out);
	if ((views & REPORT_PERFORMANCE) != 0)
		performance_print(&report->performance, top, format, out);
	if ((views & REPORT_ACCESS) != 0)
		access_print(&report->access, top, format, out);
	if ((views & REPORT_ACCESS) != 0 && report->grants.count > 0)
		grants_print(&report->grants, top, format, out);
}

void
report_print(struct report *report, unsigned views, enum report_format format, struct buf *out)
{
	struct buf body = { 0 };

	if (report->checker != NULL)
		audit_checker_end(report->checker);
	if (format == REPORT_HTML) {
		print_views(report, views, format, &body);
		html_page(out, &body);
		return;
	}
	buf_put_text(out, format == REPORT_JSON ? "{\"report\":\"pgweir\"" : "pgweir report\n");
	print_views(report, views, format, out);
	if (format == REPORT_JSON)
		buf_put_text(out, "}\n");
}

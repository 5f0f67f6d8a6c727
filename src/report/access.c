/*
 * access.c - who touched what, what was refused, who could not log in, and how much
 * of it was under a policy. Used by reader.c.
 */
#include <string.h>

#include "report_internal.h"
#include "base/mem.h"

enum { RELATIONS_MOST = 50000, KEYS_MOST = 10000 };

void
access_open(struct access *access)
{
	*access = (struct access){
		.relations.most = RELATIONS_MOST,
		.denied.most = KEYS_MOST,
		.privileged.most = KEYS_MOST,
		.logins.most = KEYS_MOST,
		.exceptions.most = KEYS_MOST,
		.modes.most = KEYS_MOST,
		.events.most = KEYS_MOST,
		.changes.most = KEYS_MOST,
		.days.most = KEYS_MOST,
	};
}

void
access_close(struct access *access)
{
	tally_free(&access->relations);
	tally_free(&access->denied);
	tally_free(&access->privileged);
	tally_free(&access->logins);
	tally_free(&access->exceptions);
	tally_free(&access->modes);
	tally_free(&access->events);
	tally_free(&access->changes);
	tally_free(&access->days);
}

static void
add_relations(struct access *access, const struct record *record)
{
	for (size_t i = 0; i < record->relation_count; i++) {
		const struct touched *touched = &record->relations[i];
		const char *parts[] = { record->database, touched->name, touched->access, record->user };

		tally_count(&access->relations, parts, 4, record->time_us);
	}
}

/* Changes of roles, policies, configuration, and commands at the console. */
static void
add_change(struct access *access, const struct record *record, const char *what,
    const char *detail)
{
	const char *parts[] = { what, record->user, detail };

	tally_count(&access->changes, parts, 3, record->time_us);
}

static void
add_event_change(struct access *access, const struct record *record)
{
	static const struct {
		const char *event, *key;
	} told[] = { { "policy.load", "file" }, { "policy.reject", "error" },
		{ "config.change", "keys" }, { "console.command", "text" } };

	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (strcmp(record->event, told[i].event) == 0)
			add_change(access, record, told[i].event,
			    record_member(record, told[i].key));
}

static void
add_statement(struct access *access, const struct record *record)
{
	const char *mode[] = { record->mode[0] != '\0' ? record->mode : "none" };
	const char *denied[] = { record->rule, record->policy, record->user };
	const char *acted[] = { record->user, record->verb,
		record->database };

	access->statements++;
	tally_count(&access->modes, mode, 1, record->time_us);
	if (record->is_denied) {
		tally_note(tally_count(&access->denied, denied, 3, record->time_us),
		    record->text[0] != '\0' ? record->text : record->summary);
		return; /* it touched nothing */
	}
	add_relations(access, record);
	if (record->is_role)
		add_change(access, record, "role", record->text[0] != '\0' ? record->text :
										record->summary);
	if (record->is_privileged)
		tally_note(tally_count(&access->privileged, acted, 3, record->time_us), record->text);
}

static void
add_event(struct access *access, const struct record *record)
{
	const char *parts[] = { record->event, record_member(record, "reason") };
	/* Sessions end for as many reasons as clients give; the event alone is asked for. */
	size_t count = strncmp(record->event, "session.", 8) == 0 ? 1 : 2;

	tally_note(tally_count(&access->events, parts, count, record->time_us), record->user);
}

static void
add_login(struct access *access, const struct record *record)
{
	const char *login[] = { record->user, record->address, record_member(record, "reason"),
		record->database };

	tally_count(&access->logins, login, 4, record->time_us);
}

static void
add_exception(struct access *access, const struct record *record)
{
	const char *exception[] = { record->rule, record_member(record, "ticket"),
		record_member(record, "owner"), record_member(record, "expires") };

	tally_count(&access->exceptions, exception, 4, record->time_us);
}

/* What hangs on a day's entry. */
struct day {
	uint64_t first_seq, last_seq;
};

static void
add_day(struct access *access, const struct record *record)
{
	const char *parts[] = { access->day_text, record->instance };
	uint64_t day = record->time_us / 86400000000;
	struct tally_entry *entry;
	struct day *seqs;

	if (day != access->day || access->day_text[0] == '\0') {
		access->day = day;
		clock_format_console(record->time_us, access->day_text);
		access->day_text[strlen("2026-11-22")] = '\0';
	}
	entry = tally_count(&access->days, parts, 2, record->time_us);
	if (entry->more == NULL) {
		entry->more = mem_zalloc(1, sizeof(*seqs));
		((struct day *)entry->more)->first_seq = record->seq;
	}
	seqs = entry->more;
	if (record->seq < seqs->first_seq)
		seqs->first_seq = record->seq;
	if (record->seq > seqs->last_seq)
		seqs->last_seq = record->seq;
}

void
access_add(struct access *access, const struct record *record)
{
	add_day(access, record);
	if (record->time_us > access->last_us)
		access->last_us = record->time_us;
	if (record->is_statement) {
		add_statement(access, record);
		return;
	}
	add_event(access, record);
	add_event_change(access, record);
	if (strcmp(record->event, "session.fail") == 0)
		add_login(access, record);
	if (strcmp(record->event, "exception.used") == 0)
		add_exception(access, record);
}

/* ---- tables ---- */

/* What all tables of this view are: the parts of the key, a count, first and last, a note. */
struct view_table {
	const char *title;
	struct column columns[8];
	size_t parts;
	bool noted;
};

static const struct view_table relations_table = { "Who touched what",
	{ { "database", CELL_TEXT, 30 }, { "relation", CELL_TEXT, 60 }, { "access", CELL_TEXT, 0 },
	    { "user", CELL_TEXT, 30 }, { "statements", CELL_NUMBER, 0 }, { "first", CELL_TEXT, 0 },
	    { "last", CELL_TEXT, 0 } },
	4, false };
static const struct view_table denied_table = { "Denied statements by rule",
	{ { "rule", CELL_TEXT, 40 }, { "policy", CELL_TEXT, 40 }, { "user", CELL_TEXT, 30 },
	    { "count", CELL_NUMBER, 0 }, { "first", CELL_TEXT, 0 }, { "last", CELL_TEXT, 0 },
	    { "last_query", CELL_TEXT, 80 } },
	3, true };
static const struct view_table privileged_table = { "Privileged actions",
	{ { "user", CELL_TEXT, 30 }, { "action", CELL_TEXT, 30 }, { "database", CELL_TEXT, 30 },
	    { "count", CELL_NUMBER, 0 }, { "first", CELL_TEXT, 0 }, { "last", CELL_TEXT, 0 },
	    { "last_query", CELL_TEXT, 80 } },
	3, true };
static const struct view_table logins_table = { "Failed log-ins",
	{ { "user", CELL_TEXT, 30 }, { "address", CELL_TEXT, 0 }, { "reason", CELL_TEXT, 60 },
	    { "database", CELL_TEXT, 30 }, { "count", CELL_NUMBER, 0 }, { "first", CELL_TEXT, 0 },
	    { "last", CELL_TEXT, 0 } },
	4, false };
static const struct view_table changes_table = { "Changes of roles, policies and configuration",
	{ { "what", CELL_TEXT, 0 }, { "user", CELL_TEXT, 30 }, { "detail_query", CELL_TEXT, 80 },
	    { "count", CELL_NUMBER, 0 }, { "first", CELL_TEXT, 0 }, { "last", CELL_TEXT, 0 } },
	3, false };
static const struct view_table events_table = { "Other events",
	{ { "event", CELL_TEXT, 0 }, { "reason", CELL_TEXT, 40 }, { "count", CELL_NUMBER, 0 },
	    { "first", CELL_TEXT, 0 }, { "last", CELL_TEXT, 0 }, { "last_user", CELL_TEXT, 30 } },
	2, true };

static void
print_view_table(const struct view_table *view, struct tally *tally, size_t top,
    enum report_format format, struct buf *out)
{
	struct table table;
	size_t shown = 0;

	tally_sort(tally, tally_by_count);
	table_begin(&table, view->title, view->columns, view->parts + 3 + view->noted);
	for (struct tally_entry *entry = tally->entries; entry != NULL; entry = entry->hh.next) {
		if (++shown > top) {
			table.hidden++;
			continue;
		}
		for (size_t i = 0; i < view->parts; i++)
			table_text(&table, entry->parts[i] != NULL ? entry->parts[i] : "");
		table_count(&table, entry->count);
		table_time(&table, entry->first_us);
		table_time(&table, entry->last_us);
		if (view->noted)
			table_text(&table, entry->note != NULL ? entry->note : "");
	}
	table_end(&table, format, out);
}

/* Days from the log's end to this moment, "" when it is none; negative: it has passed. */
static void
put_days_left(struct table *table, uint64_t end_us, const char *expires)
{
	uint64_t expires_us;
	char *text;

	if (!report_time(expires, &expires_us)) {
		table_text(table, "");
		return;
	}
	text = mem_printf("%.1f", ((double)expires_us - (double)end_us) / 86400e6);
	table_text(table, text);
	mem_free(text);
}

/* Those that end first come first. */
static int
by_expiry(struct tally_entry *one, struct tally_entry *other)
{
	return strcmp(one->parts[3], other->parts[3]);
}

static void
print_exceptions(struct access *access, size_t top, enum report_format format, struct buf *out)
{
	static const struct column columns[] = { { "rule", CELL_TEXT, 40 },
		{ "ticket", CELL_TEXT, 30 }, { "owner", CELL_TEXT, 40 },
		{ "expires", CELL_TEXT, 0 }, { "days_left", CELL_TEXT, 0 },
		{ "count", CELL_NUMBER, 0 }, { "first", CELL_TEXT, 0 }, { "last", CELL_TEXT, 0 } };
	struct table table;
	size_t shown = 0;

	tally_sort(&access->exceptions, by_expiry);
	table_begin(&table, "Exceptions used: those that expire first come first", columns, 8);
	for (struct tally_entry *entry = access->exceptions.entries; entry != NULL;
	     entry = entry->hh.next) {
		if (++shown > top) {
			table.hidden++;
			continue;
		}
		for (size_t i = 0; i < 4; i++)
			table_text(&table, entry->parts[i]);
		put_days_left(&table, access->last_us, entry->parts[3]);
		table_count(&table, entry->count);
		table_time(&table, entry->first_us);
		table_time(&table, entry->last_us);
	}
	table_end(&table, format, out);
}

static void
print_coverage(struct access *access, enum report_format format, struct buf *out)
{
	static const struct column columns[] = { { "mode", CELL_TEXT, 20 }, { "statements", CELL_NUMBER, 0 },
		{ "share_%", CELL_NUMBER, 0 } };
	struct table table;

	tally_sort(&access->modes, tally_by_count);
	table_begin(&table, "Coverage: statements by the mode of their policy", columns, 3);
	for (struct tally_entry *entry = access->modes.entries; entry != NULL;
	     entry = entry->hh.next) {
		table_text(&table, entry->parts[0]);
		table_count(&table, entry->count);
		table_percent(&table, entry->count, access->statements);
	}
	table_end(&table, format, out);
}

/* The newest first. */
static int
by_day(struct tally_entry *one, struct tally_entry *other)
{
	return strcmp(other->parts[0], one->parts[0]);
}

static void
print_days(struct access *access, size_t top, enum report_format format, struct buf *out)
{
	static const struct column columns[] = { { "day", CELL_TEXT, 0 },
		{ "instance", CELL_TEXT, 30 }, { "records", CELL_NUMBER, 0 },
		{ "first_seq", CELL_NUMBER, 0 }, { "last_seq", CELL_NUMBER, 0 },
		{ "first", CELL_TEXT, 0 }, { "last", CELL_TEXT, 0 } };
	struct table table;
	size_t shown = 0;

	tally_sort(&access->days, by_day);
	table_begin(&table, "Days of the log: what is there of each", columns, 7);
	for (struct tally_entry *entry = access->days.entries; entry != NULL;
	     entry = entry->hh.next) {
		const struct day *day = entry->more;

		if (++shown > top) {
			table.hidden++;
			continue;
		}
		table_text(&table, entry->parts[0]);
		table_text(&table, entry->parts[1] != NULL ? entry->parts[1] : "");
		table_count(&table, entry->count);
		table_count(&table, day->first_seq);
		table_count(&table, day->last_seq);
		table_time(&table, entry->first_us);
		table_time(&table, entry->last_us);
	}
	table_end(&table, format, out);
}

void
access_print(struct access *access, size_t top, enum report_format format, struct buf *out)
{
	print_view_table(&relations_table, &access->relations, top, format, out);
	print_view_table(&denied_table, &access->denied, top, format, out);
	print_view_table(&privileged_table, &access->privileged, top, format, out);
	print_view_table(&logins_table, &access->logins, top, format, out);
	print_exceptions(access, top, format, out);
	print_view_table(&changes_table, &access->changes, top, format, out);
	print_coverage(access, format, out);
	print_days(access, top, format, out);
	print_view_table(&events_table, &access->events, top, format, out);
}

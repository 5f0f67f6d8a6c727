/*
 * grants.c - what is granted in PostgreSQL and was not used: a list of grants, made by
 * psql, held against what the statements touched. Used by reader.c.
 */
#include <string.h>

#include "report_internal.h"
#include "base/lines.h"
#include "base/mem.h"

enum { FIELDS = 3, USED_MOST = 100000, GRANTS_MOST = 1000000 };

void
grants_open(struct grants *grants)
{
	*grants = (struct grants){ .used.most = USED_MOST };
}

void
grants_close(struct grants *grants)
{
	for (size_t i = 0; i < grants->count; i++)
		mem_free(grants->items[i].role); /* the first of one piece */
	mem_free(grants->items);
	tally_free(&grants->used);
}

/* ---- what was used ---- */

/* The privileges that a statement of this verb needs to write. */
static const struct {
	const char *verb, *privilege;
} needs[] = { { "INSERT", "INSERT" }, { "COPY", "INSERT" }, { "MERGE", "INSERT" },
	{ "UPDATE", "UPDATE" }, { "MERGE", "UPDATE" }, { "DELETE", "DELETE" },
	{ "MERGE", "DELETE" }, { "TRUNCATE", "TRUNCATE" } };

static void
note_use(struct grants *grants, const struct record *record, const char *relation,
    const char *privilege)
{
	const char *parts[] = { record->role, relation, privilege };

	tally_count(&grants->used, parts, 3, record->time_us);
}

/* A verb that is none of these may write in any way: a SELECT whose WITH has an UPDATE. */
static void
note_write(struct grants *grants, const struct record *record, const char *relation)
{
	const char *verb = record->verb;
	bool known = false;

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (strcmp(needs[i].verb, verb) == 0) {
			note_use(grants, record, relation, needs[i].privilege);
			known = true;
		}
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]) && !known; i++)
		if (strcmp(needs[i].verb, needs[i].privilege) == 0)
			note_use(grants, record, relation, needs[i].privilege);
}

void
grants_add(struct grants *grants, const struct record *record)
{
	if (grants->count == 0 || !record->is_statement || record->is_denied)
		return;
	for (size_t i = 0; i < record->relation_count; i++) {
		const struct touched *touched = &record->relations[i];

		if (strcmp(touched->access, "read") == 0)
			note_use(grants, record, touched->name, "SELECT");
		else if (strcmp(touched->access, "write") == 0)
			note_write(grants, record, touched->name);
	}
}

/* ---- what is granted ---- */

/* The fields of a line of CSV, in place; false when there are not as many. */
static bool
split(char *line, char *fields[FIELDS])
{
	char *to = line;

	for (size_t i = 0; i < FIELDS; i++) {
		bool quoted = *line == '"';

		fields[i] = to;
		line += quoted;
		while (*line != '\0' && (quoted || *line != ',')) {
			if (quoted && *line == '"' && *++line != '"')
				break;
			*to++ = *line++;
		}
		if (*line != (i + 1 < FIELDS ? ',' : '\0'))
			return false;
		line += i + 1 < FIELDS;
		*to++ = '\0';
	}
	return true;
}

static void
add_grant(struct grants *grants, const struct lines *lines)
{
	size_t length = lines->length;
	char *fields[FIELDS], *line;

	if (length > 0 && lines->line[length - 1] == '\r')
		length--;
	line = mem_strndup(lines->line, length);
	if (grants->count >= GRANTS_MOST || !split(line, fields) ||
	    strcmp(fields[2], "privilege_type") == 0) {
		mem_free(line);
		return;
	}
	if (grants->count % 256 == 0)
		grants->items = mem_resize(grants->items, grants->count + 256, sizeof(grants->items[0]));
	grants->items[grants->count++] = (struct grant){ fields[0], fields[1], fields[2] };
}

bool
grants_read(struct grants *grants, const char *path, struct error *err)
{
	struct lines lines;

	err->code = ERROR_NONE;
	if (!lines_open(&lines, path, err))
		return false;
	while (lines_next(&lines, err))
		if (!lines.cut)
			add_grant(grants, &lines);
	lines_close(&lines);
	if (err->code == ERROR_NONE && grants->count == 0)
		error_set(err, ERROR_CONFIG, "%s has no line \"role,schema.relation,PRIVILEGE\"", path);
	return err->code == ERROR_NONE;
}

/* ---- and the difference ---- */

/* Statements name a relation with its schema or without. */
static bool
is_used(const struct grants *grants, const struct grant *grant)
{
	const char *dot = strchr(grant->relation, '.');
	const char *whole[] = { grant->role, grant->relation, grant->privilege };
	const char *bare[] = { grant->role, dot != NULL ? dot + 1 : grant->relation,
		grant->privilege };

	return tally_find(&grants->used, whole, 3) != NULL ||
	    tally_find(&grants->used, bare, 3) != NULL;
}

/* Others, such as REFERENCES and TRIGGER, leave no trace in statements. */
static bool
is_seen(const struct grant *grant)
{
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (strcmp(grant->privilege, needs[i].privilege) == 0)
			return true;
	return strcmp(grant->privilege, "SELECT") == 0;
}

void
grants_print(const struct grants *grants, size_t top, enum report_format format, struct buf *out)
{
	static const struct column columns[] = { { "role", CELL_TEXT, 40 },
		{ "relation", CELL_TEXT, 60 }, { "privilege", CELL_TEXT, 0 } };
	struct table table;
	size_t shown = 0;

	table_begin(&table, "Privileges granted and not used in this period", columns, 3);
	for (size_t i = 0; i < grants->count; i++) {
		const struct grant *grant = &grants->items[i];

		if (!is_seen(grant) || is_used(grants, grant))
			continue;
		if (++shown > top) {
			table.hidden++;
			continue;
		}
		table_text(&table, grant->role);
		table_text(&table, grant->relation);
		table_text(&table, grant->privilege);
	}
	table_end(&table, format, out);
}

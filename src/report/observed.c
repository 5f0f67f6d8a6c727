/*
 * observed.c - reads the access log for `pgweirctl suggest`: who did what, from where,
 * how often, and what cannot be told. See observed.h.
 */
#include <arpa/inet.h>
#include <string.h>

#include "observed.h"
#include "base/lines.h"
#include "base/mem.h"

/* Refuses what every policy refuses, whatever else it allows. */
static const char builtin_policy[] = "apiVersion: pgweir/v1\n"
				     "kind: GuardrailPolicy\n"
				     "metadata: {name: suggest}\n"
				     "mode: enforce\n";

struct observed *
observed_new(const struct suggest_options *options)
{
	struct observed *observed = mem_zalloc(1, sizeof(*observed));
	struct problems problems = { 0 };

	observed->options = *options;
	observed->builtin = policies_from_text("built in", builtin_policy, &problems);
	problems_free(&problems);
	return observed;
}

void
observed_free(struct observed *observed)
{
	seen_forget(observed);
	texts_forget(&observed->texts);
	policies_release(observed->builtin);
	record_reader_close(&observed->reader);
	mem_free(observed);
}

/* ---- one statement ---- */

/* Lower case, digits and _ need no quotes in a pattern of a policy. */
static void
put_pattern_part(struct buf *out, const char *part)
{
	if (*part != '\0' && part[strspn(part, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0')
		buf_put_text(out, part);
	else
		seen_put_identifier(out, part);
}

static char *
pattern_of(const struct sql_relation *relation)
{
	struct buf out = { 0 };

	if (relation->schema != NULL) {
		put_pattern_part(&out, relation->schema);
		buf_put_u8(&out, '.');
	}
	put_pattern_part(&out, relation->name);
	return buf_steal_text(&out);
}

static bool
has_star(const struct sql_statement *statement)
{
	for (size_t i = 0; i < statement->column_count; i++)
		if (strcmp(statement->columns[i], "*") == 0)
			return true;
	return false;
}

/* Statements of one shape can share a rule: nothing that one of them may do is lent to another. */
static char *
shape_of(const struct sql_statement *statement)
{
	struct buf out = { 0 };

	for (size_t i = 0; statement->verbs != NULL && statement->verbs[i] != NULL; i++) {
		buf_put_text(&out, statement->verbs[i]);
		buf_put_u8(&out, ',');
	}
	buf_put_text(&out, statement->function_count > 0 ? "f" : "");
	buf_put_text(&out, has_star(statement) ? "*" : statement->column_count > 0 ? "c" : "");
	return buf_steal_text(&out);
}

static void
note_relation(struct observed *observed, const struct sight *sight, const char *shape,
    const char *pattern, unsigned access)
{
	static const enum seen_kind kinds[] = { SEEN_READ, SEEN_WRITE, SEEN_DDL };

	for (size_t i = 0; i < 3; i++)
		if ((access >> i & 1) != 0)
			seen_note(observed, sight, kinds[i], shape, pattern, "", 0);
}

/* A name with a * would stand for others too, so nothing may be allowed by it. */
static bool
is_glob(struct observed *observed, const struct sight *sight, const char *name)
{
	if (strchr(name, '*') == NULL)
		return false;
	seen_unseen(observed, sight, "a * in a name, which a policy cannot say", name, NULL);
	return true;
}

/* Functions and columns are patterns in a policy, settings are plain names. */
static void
note_names(struct observed *observed, const struct sight *sight, enum seen_kind kind,
    const char *shape, char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct sql_relation bare = { .name = names[i] };
		char *pattern = kind == SEEN_SETTING ? mem_strdup(names[i]) : pattern_of(&bare);

		if (names[i][0] != '\0' && !is_glob(observed, sight, names[i]))
			seen_note(observed, sight, kind, shape, pattern, "", 0);
		mem_free(pattern);
	}
}

static void
note_relations(struct observed *observed, const struct sight *sight, const char *shape,
    const struct sql_statement *statement)
{
	for (size_t i = 0; i < statement->relation_count; i++) {
		const struct sql_relation *relation = &statement->relations[i];
		char *pattern = pattern_of(relation);

		if (!is_glob(observed, sight, pattern))
			note_relation(observed, sight, shape, pattern, relation->access);
		mem_free(pattern);
	}
}

static void
note_statement(struct observed *observed, const struct sight *sight, const char *text,
    const struct sql_statement *statement)
{
	unsigned classes = statement->classes != 0 ? statement->classes : SQL_OTHER;
	char *shape = shape_of(statement);

	seen_example(seen_note(observed, sight, SEEN_SHAPE, shape, "", "", classes), text);
	note_relations(observed, sight, shape, statement);
	note_names(observed, sight, SEEN_FUNCTION, shape, statement->functions,
	    statement->function_count);
	if (!has_star(statement))
		note_names(observed, sight, SEEN_COLUMN, shape, statement->columns,
		    statement->column_count);
	note_names(observed, sight, SEEN_SETTING, "", statement->setting_names,
	    statement->setting_name_count);
	mem_free(shape);
}

/* ---- a record ---- */

/* Any policy refuses it, such as SET ROLE: that is for people to decide. */
static bool
is_refused_anyway(struct observed *observed, const struct sight *sight,
    const struct record *record, const struct sql_facts *facts)
{
	const struct subject subject = { sight->user, sight->role, sight->database,
		record->application, record->address, NULL };
	struct verdict verdict;
	bool denied;

	policies_judge(observed->builtin, &subject, record->text, strlen(record->text), SQL_KNOWN,
	    facts, NULL, record->time_us, &verdict);
	denied = verdict.action == POLICY_DENY;
	if (denied)
		seen_unseen(observed, sight, "refused by a rule that is always in force",
		    verdict.rule, facts->normalized);
	verdict_free(&verdict);
	return denied;
}

/* What was refused or not found did not need its privileges, nor is it known to be there. */
static bool
has_run(const struct record *record)
{
	static const char *const failures[] = { "42", "3F", "3D", "25P02", "26" };

	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (strncmp(record->sqlstate, failures[i], strlen(failures[i])) == 0)
			return false;
	return true;
}

static void
note_facts(struct observed *observed, const struct sight *sight, const struct record *record,
    const struct sql_facts *facts)
{
	const struct sight role = { "", sight->role, sight->database, sight->time_us };
	const char *text = facts->statement_count == 1 ? facts->normalized : NULL;

	for (size_t i = 0; i < facts->statement_count; i++) {
		note_statement(observed, sight, text, &facts->statements[i]);
		if (has_run(record))
			needs_note(observed, &role, record->text, &facts->statements[i]);
	}
}

static unsigned
record_classes(const struct record *record)
{
	uint32_t hint = 0;
	struct object_cursor cursor = object_enter(object_find(record->object, "query.class", &hint));
	struct object_member class;
	unsigned classes = 0;

	while (object_next(&cursor, &class))
		classes |= sql_class_by_name(object_text(&class));
	return classes;
}

/* A record has schema and name in one text. Returns what the parts are in. */
static char *
split_name(const char *text, struct sql_relation *relation)
{
	char *copy = mem_strdup(text), *dot = strchr(copy, '.');

	*relation = (struct sql_relation){ .name = copy };
	if (dot != NULL) {
		*dot = '\0';
		*relation = (struct sql_relation){ .schema = copy, .name = dot + 1 };
	}
	return copy;
}

static unsigned
access_by_name(const char *name)
{
	if (strcmp(name, "read") == 0)
		return SQL_ACCESS_READ;
	return strcmp(name, "write") == 0 ? SQL_ACCESS_WRITE : SQL_ACCESS_DDL;
}

static void
note_touched(struct observed *observed, const struct sight *sight, const struct record *record,
    const struct touched *touched)
{
	const struct sight role = { "", sight->role, sight->database, sight->time_us };
	struct sql_relation relation;
	char *pieces = split_name(touched->name, &relation), *pattern = pattern_of(&relation);

	relation.access = access_by_name(touched->access);
	if (!is_glob(observed, sight, pattern))
		note_relation(observed, sight, "", pattern, relation.access);
	if (has_run(record))
		needs_note_record(observed, &role, record, &relation);
	mem_free(pattern);
	mem_free(pieces);
}

/* Its classes and relations are told by the log itself; nothing else is. */
static void
note_record(struct observed *observed, const struct sight *sight, const struct record *record)
{
	unsigned classes = record_classes(record);

	if (classes == 0) {
		seen_unseen(observed, sight, "text that cannot be parsed", "", record->text);
		return;
	}
	seen_unseen(observed, sight, "functions, columns and settings of a text that is not in the log",
	    record->verb, NULL);
	seen_note(observed, sight, SEEN_SHAPE, "", "", "", classes);
	for (size_t i = 0; i < record->relation_count; i++)
		note_touched(observed, sight, record, &record->relations[i]);
}

/* 10.1.2.7 to 10.1.2.0/24: the next pod of a service has another address. */
static void
put_network(struct buf *out, const char *address)
{
	uint8_t bytes[16];
	char text[INET6_ADDRSTRLEN];

	if (inet_pton(AF_INET, address, bytes) == 1) {
		bytes[3] = 0;
		buf_printf(out, "%s/24", inet_ntop(AF_INET, bytes, text, sizeof(text)));
	} else if (inet_pton(AF_INET6, address, bytes) == 1) {
		memset(bytes + 8, 0, 8);
		buf_printf(out, "%s/64", inet_ntop(AF_INET6, bytes, text, sizeof(text)));
	} else {
		buf_put_text(out, address);
	}
	buf_put_u8(out, '\0');
}

static void
note_origin(struct observed *observed, const struct sight *sight, const struct record *record)
{
	struct buf network = { 0 };

	put_network(&network, record->address);
	seen_note(observed, sight, SEEN_SUBJECT, "", "", "", 0);
	seen_note(observed, sight, SEEN_APPLICATION, "", record->application, "", 0);
	seen_note(observed, sight, SEEN_NETWORK, "", (char *)buf_bytes(&network), "", 0);
	buf_free(&network);
}

static void
note_answered(struct observed *observed, const struct record *record)
{
	const struct sight sight = { record->user, record->role, record->database, record->time_us };
	const struct sql_facts *facts;

	observed->statements++;
	if (observed->first_us == 0 || record->time_us < observed->first_us)
		observed->first_us = record->time_us;
	if (record->time_us > observed->last_us)
		observed->last_us = record->time_us;
	if (is_glob(observed, &sight, sight.user) || is_glob(observed, &sight, sight.role) ||
	    is_glob(observed, &sight, sight.database))
		return;
	note_origin(observed, &sight, record);
	facts = record->text[0] != '\0' ? texts_facts(&observed->texts, record->text) : NULL;
	if (facts == NULL)
		note_record(observed, &sight, record);
	else if (!is_refused_anyway(observed, &sight, record, facts))
		note_facts(observed, &sight, record, facts);
}

/* What was refused is not needed. */
static void
take_record(struct observed *observed, const struct record *record)
{
	const char *database = observed->options.database;

	if (!record->is_statement || (database != NULL && strcmp(database, record->database) != 0))
		return;
	if (record->is_denied)
		observed->denied++;
	else if (strcmp(record->sqlstate, "42501") == 0)
		observed->refused_by_server++;
	else
		note_answered(observed, record);
}

static void
take_line(struct observed *observed, const struct lines *lines)
{
	char *line = mem_strndup(lines->line, lines->length);
	struct record record;

	if (lines->cut || !object_read(&observed->reader.object, line, lines->length) ||
	    !record_from(&observed->reader, &record))
		observed->bad_lines++;
	else
		take_record(observed, &record);
	mem_free(line);
}

bool
observed_read(struct observed *observed, const char *path, struct error *err)
{
	struct lines lines = { 0 };

	err->code = ERROR_NONE;
	if (lines_open(&lines, path, err))
		while (lines_next(&lines, err))
			take_line(observed, &lines);
	lines_close(&lines);
	return err->code == ERROR_NONE;
}

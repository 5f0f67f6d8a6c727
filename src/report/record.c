/* record.c - what one line of the access log says, and when. Used by reader.c. */
#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "report_internal.h"
#include "base/mem.h"

/* Digits as many as asked; false when there are others. */
static bool
read_digits(const char **at, size_t count, int *value)
{
	*value = 0;
	for (size_t i = 0; i < count; i++, (*at)++) {
		if (!isdigit((unsigned char)**at))
			return false;
		*value = *value * 10 + (**at - '0');
	}
	return true;
}

static bool
skip(const char **at, char byte)
{
	return **at == byte && (*at)++ != NULL;
}

/* ".123456": what is finer than a microsecond is left out. */
static bool
read_fraction(const char **at, uint64_t *us)
{
	uint64_t unit = 100000;

	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); (*at)++, unit /= 10)
		*us += (uint64_t)(**at - '0') * unit;
	return true;
}

/* "", "Z", " UTC" or "+02:00". */
static bool
read_zone(const char *at, int *minutes)
{
	int sign = *at == '-' ? -1 : 1;
	int hours, rest;

	*minutes = 0;
	if (*at == '\0' || strcmp(at, "Z") == 0 || strcmp(at, " UTC") == 0)
		return true;
	if (*at != '+' && *at != '-')
		return false;
	at++;
	if (!read_digits(&at, 2, &hours) || !skip(&at, ':') || !read_digits(&at, 2, &rest) ||
	    *at != '\0')
		return false;
	*minutes = sign * (hours * 60 + rest);
	return true;
}

bool
report_time(const char *text, uint64_t *wall_us)
{
	struct tm tm = { 0 };
	uint64_t us = 0;
	int zone;
	time_t seconds;

	if (!read_digits(&text, 4, &tm.tm_year) || !skip(&text, '-') ||
	    !read_digits(&text, 2, &tm.tm_mon) || !skip(&text, '-') ||
	    !read_digits(&text, 2, &tm.tm_mday))
		return false;
	if ((*text == 'T' || *text == ' ') && isdigit((unsigned char)text[1])) {
		text++;
		if (!read_digits(&text, 2, &tm.tm_hour) || !skip(&text, ':') ||
		    !read_digits(&text, 2, &tm.tm_min))
			return false;
		if (skip(&text, ':') && !read_digits(&text, 2, &tm.tm_sec))
			return false;
		if (skip(&text, '.') && !read_fraction(&text, &us))
			return false;
	}
	if (!read_zone(text, &zone) || tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 ||
	    tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 24 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	seconds = timegm(&tm) - zone * 60;
	if (seconds < 0)
		return false;
	*wall_us = (uint64_t)seconds * 1000000 + us;
	return true;
}

/* ---- one line ---- */

/* What every record is asked for: a row is a key and the member of struct record it fills. */
static const struct wanted {
	const char *key, *b64; /* b64: the key's name when the text was not UTF-8, or NULL */
	size_t where;
	bool is_number;
} wanted[RECORD_KEYS] = {
	{ "event", NULL, offsetof(struct record, event), false },
	{ "seq", NULL, offsetof(struct record, seq), true },
	{ "instance", NULL, offsetof(struct record, instance), false },
	{ "session", NULL, offsetof(struct record, session), false },
	{ "txn", NULL, offsetof(struct record, txn), false },
	{ "client.address", NULL, offsetof(struct record, address), false },
	{ "user.name", "user.name.b64", offsetof(struct record, user), false },
	{ "db.role", "db.role.b64", offsetof(struct record, role), false },
	{ "db.namespace", "db.namespace.b64", offsetof(struct record, database), false },
	{ "application", "application.b64", offsetof(struct record, application), false },
	{ "db.operation.name", NULL, offsetof(struct record, verb), false },
	{ "db.query.summary", NULL, offsetof(struct record, summary), false },
	{ "db.query.text", NULL, offsetof(struct record, text), false },
	{ "query.fingerprint", NULL, offsetof(struct record, fingerprint), false },
	{ "db.response.status_code", NULL, offsetof(struct record, sqlstate), false },
	{ "db.response.returned_rows", NULL, offsetof(struct record, rows), true },
	{ "rows_affected", NULL, offsetof(struct record, affected), true },
	{ "duration_us", NULL, offsetof(struct record, duration_us), true },
	{ "queue_us", NULL, offsetof(struct record, queue_us), true },
	{ "outcome", NULL, offsetof(struct record, outcome), false },
	{ "mode", NULL, offsetof(struct record, mode), false },
	{ "policy", NULL, offsetof(struct record, policy), false },
	{ "rule", NULL, offsetof(struct record, rule), false },
};

void
record_reader_close(struct record_reader *reader)
{
	object_free(&reader->object);
	mem_free(reader->touched);
}

static uint64_t
positive(const struct object_member *member)
{
	int64_t value = object_number(member);

	return value > 0 ? (uint64_t)value : 0;
}

/* A name that was not UTF-8 is told by its base64. */
static const char *
text_of(const struct object *object, const struct wanted *key, uint32_t *hint)
{
	const char *text = object_text(object_find(object, key->key, hint));
	uint32_t other = *hint;

	if (text[0] != '\0' || key->b64 == NULL)
		return text;
	return object_text(object_find(object, key->b64, &other));
}

static void
fill(struct record_reader *reader, struct record *record)
{
	for (size_t i = 0; i < RECORD_KEYS; i++) {
		void *where = (char *)record + wanted[i].where;
		uint32_t *hint = &reader->hints[i];

		if (wanted[i].is_number)
			*(uint64_t *)where =
			    positive(object_find(&reader->object, wanted[i].key, hint));
		else
			*(const char **)where = text_of(&reader->object, &wanted[i], hint);
	}
}

static bool
is_text(const struct object_member *member, const char *text)
{
	return member->kind == OBJECT_TEXT && member->value_length == strlen(text) &&
	    memcmp(member->value, text, member->value_length) == 0;
}

/* What changes objects, rights or the server's own files. */
static void
read_classes(struct record_reader *reader, struct record *record)
{
	static const char *const privileged[] = { "DDL", "ROLE", "COPY_FILE", "COPY_PROGRAM", "DO" };
	struct object_cursor cursor =
	    object_enter(object_find(&reader->object, "query.class", &reader->class_hint));
	struct object_member class;

	while (object_next(&cursor, &class)) {
		record->is_role |= is_text(&class, "ROLE");
		for (size_t i = 0; i < sizeof(privileged) / sizeof(privileged[0]); i++)
			record->is_privileged |= is_text(&class, privileged[i]);
	}
}

static void
read_touched(struct record_reader *reader, const struct object_member *relation)
{
	struct object_cursor cursor = object_enter(relation);
	struct touched touched = { "", "" };
	struct object_member item;

	while (object_next(&cursor, &item)) {
		if (item.key_length == strlen("name") && memcmp(item.key, "name", item.key_length) == 0)
			touched.name = object_text(&item);
		else if (item.key_length == strlen("access") &&
		    memcmp(item.key, "access", item.key_length) == 0)
			touched.access = object_text(&item);
	}
	if (reader->touched_count == reader->touched_size) {
		reader->touched_size += 16;
		reader->touched =
		    mem_resize(reader->touched, reader->touched_size, sizeof(reader->touched[0]));
	}
	reader->touched[reader->touched_count++] = touched;
}

static void
read_relations(struct record_reader *reader, struct record *record)
{
	struct object_cursor cursor =
	    object_enter(object_find(&reader->object, "relations", &reader->relations_hint));
	struct object_member relation;

	reader->touched_count = 0;
	while (object_next(&cursor, &relation))
		read_touched(reader, &relation);
	record->relations = reader->touched;
	record->relation_count = reader->touched_count;
}

/* Reading a moment costs as much as all the rest, and records of one second are many. */
static bool
read_time(struct record_reader *reader, uint64_t *time_us)
{
	enum { SECOND = 19, WHOLE = 27 };
	const char *text = object_text(object_find(&reader->object, "time", &reader->time_hint));
	const char *fraction = text + SECOND + 1;
	uint64_t us = 0;

	if (strlen(text) != WHOLE || memcmp(text, reader->second, SECOND) != 0 ||
	    text[SECOND] != '.' || text[WHOLE - 1] != 'Z' || strspn(fraction, "0123456789") != 6) {
		if (!report_time(text, time_us))
			return false;
		if (strlen(text) == WHOLE && text[WHOLE - 1] == 'Z' && text[SECOND] == '.') {
			memcpy(reader->second, text, SECOND);
			reader->second_us = *time_us / 1000000 * 1000000;
		}
		return true;
	}
	read_fraction(&fraction, &us);
	*time_us = reader->second_us + us;
	return true;
}

bool
record_from(struct record_reader *reader, struct record *record)
{
	*record = (struct record){ .object = &reader->object };
	fill(reader, record);
	if (record->event[0] == '\0' || !read_time(reader, &record->time_us))
		return false;
	record->is_denied = strcmp(record->event, "statement.denied") == 0;
	record->is_statement = record->is_denied ||
	    (strcmp(record->event, "statement") == 0 && strcmp(record->outcome, "intent") != 0);
	record->is_error = record->sqlstate[0] != '\0' && strcmp(record->sqlstate, "00000") != 0;
	record->rows += record->affected;
	if (!record->is_statement)
		return true;
	read_classes(reader, record);
	read_relations(reader, record);
	return true;
}

const char *
record_member(const struct record *record, const char *key)
{
	uint32_t hint = 0;

	return object_text(object_find(record->object, key, &hint));
}

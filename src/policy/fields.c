/*
 * fields.c - reading the maps of a policy file: known keys, texts, choices,
 * dates. Every fault is noted at its place and reading goes on, so that one
 * load reports all of them. Called by load.c, rule.c, match.c and selftest.c.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy_internal.h"

const char *const rule_action_names[4] = { "allow", "log", "warn", "deny" };
const char *const rule_mode_names[3] = { "off", "warn", "enforce" };

enum { FIELDS_MOST = 32 };

bool
field_unknown(struct reader *reader, const struct yaml *at, const char *kind,
    const char *text, const char *const *names, size_t count)
{
	const char *nearest = text_nearest(text, names, count);

	if (nearest != NULL)
		return yaml_problem(reader->problems, at,
		    "unknown %s \"%s\" (did you mean \"%s\"?)", kind, text, nearest);
	return yaml_problem(reader->problems, at, "unknown %s \"%s\"", kind, text);
}

static const struct field *
find_field(const struct field *fields, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

/* Note a key that is not in the table. */
static void
unknown_key(struct reader *reader, const struct yaml *key, const char *what,
    const struct field *fields, size_t count)
{
	const char *names[FIELDS_MOST];
	char *kind = mem_printf("key in %s", what);
	size_t known = 0;

	for (size_t i = 0; i < count && known < FIELDS_MOST; i++)
		names[known++] = fields[i].name;
	field_unknown(reader, key, kind, key->text, names, known);
	mem_free(kind);
}

bool
fields_check(struct reader *reader, const struct yaml *node, const char *what,
    const struct field *fields, size_t count)
{
	size_t errors = reader->problems->errors;

	if (node->kind != YAML_MAP)
		return yaml_problem(reader->problems, node, "%s must be a map, not %s", what,
		    yaml_kind_name(node->kind));
	for (size_t i = 0; i < node->count; i++) {
		const struct yaml *key = node->keys[i];

		if (find_field(fields, count, key->text) == NULL)
			unknown_key(reader, key, what, fields, count);
	}
	return reader->problems->errors == errors;
}

const char *
field_text(struct reader *reader, const struct yaml *map, const char *key, bool needed)
{
	const struct yaml *value = yaml_get(map, key);

	if (value == NULL) {
		if (needed)
			yaml_problem(reader->problems, map, "\"%s\" is missing", key);
		return NULL;
	}
	if (value->kind != YAML_SCALAR) {
		yaml_problem(reader->problems, value, "\"%s\" must be a value, not %s", key,
		    yaml_kind_name(value->kind));
		return NULL;
	}
	if (value->text[0] == '\0') {
		yaml_problem(reader->problems, value, "\"%s\" is empty", key);
		return NULL;
	}
	return value->text;
}

int
field_choice(struct reader *reader, const struct yaml *map, const char *key,
    const char *const *names, size_t count, int fallback)
{
	const struct yaml *value = yaml_get(map, key);
	struct buf list = { 0 };
	const char *text, *nearest;
	char *choices;

	if (value == NULL)
		return fallback;
	text = field_text(reader, map, key, true);
	if (text == NULL)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (strcmp(text, names[i]) == 0)
			return (int)i;
	for (size_t i = 0; i < count; i++)
		buf_printf(&list, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", names[i]);
	choices = buf_steal_text(&list);
	nearest = text_nearest(text, names, count);
	if (nearest != NULL)
		yaml_problem(reader->problems, value,
		    "%s: \"%s\" is not %s (did you mean \"%s\"?)", key, text, choices, nearest);
	else
		yaml_problem(reader->problems, value, "%s: \"%s\" is not %s", key, text, choices);
	mem_free(choices);
	return -1;
}

/* Days from 1970-01-01 to a date, counted month by month: dates here are near. */
static bool
date_days(int year, int month, int day, int64_t *days)
{
	static const int lengths[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1 ||
	    day > lengths[month - 1] + (month == 2 && leap))
		return false;
	*days = (int64_t)(year - 1970) * 365 + (year - 1969) / 4 - (year - 1901) / 100 +
	    (year - 1601) / 400;
	for (int i = 1; i < month; i++)
		*days += lengths[i - 1] + (i == 2 && leap);
	*days += day - 1;
	return true;
}

bool
field_moment(const char *text, uint64_t *wall_us)
{
	int year, month, day, hour, minute, second, east_hours = 0, east_minutes = 0, used = 0;
	int64_t days, seconds;
	char mark[2] = "+"; /* of the offset */

	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute,
		&second, &used) != 6 || used != 19)
		return false;
	text += used;
	used = 0;
	if (strcmp(text, "Z") != 0 &&
	    (sscanf(text, "%1[+-]%2d:%2d%n", mark, &east_hours, &east_minutes, &used) != 3 ||
		used != 6 || text[used] != '\0'))
		return false;
	if (!date_days(year, month, day, &days) || hour < 0 || hour > 23 || minute < 0 ||
	    minute > 59 || second < 0 || second > 60 || east_hours < 0 || east_hours > 14 ||
	    east_minutes < 0 || east_minutes > 59)
		return false;
	seconds = days * 86400 + hour * 3600 + minute * 60 + second;
	seconds -= (mark[0] == '-' ? -1 : 1) * (east_hours * 3600 + east_minutes * 60);
	if (seconds < 0)
		return false;
	*wall_us = (uint64_t)seconds * 1000000;
	return true;
}

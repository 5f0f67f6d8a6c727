/*
 * zone.c - time zones for rules with a window.
 *
 * The C library knows one zone a process (TZ, tzset), which threads cannot
 * share. So the system's own zone files are read here (RFC 8536, version 2 and
 * later): the table of changes, and the rule for the years after it. Read once
 * at load; asking is pure. Called by window.c.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy_internal.h"

#define ZONE_FOLDER "/usr/share/zoneinfo/"

enum {
	ZONE_FILE_MOST = 64 * 1024,
	HEADER_BYTES = 44,
	DAY_S = 86400,
	NAME_MOST = 64,
};

/* When summer time begins or ends: "M3.5.0/2", "J60" or "59". */
struct change {
	char kind; /* M, J, or 0 for a day counted from 0 */
	int month, week, day;
	int time_s; /* local time of the day */
};

/* Owned by the window that opened it. */
struct zone {
	size_t count; /* changes in the table */
	int64_t *times;
	int *offsets; /* from times[i] on */
	int first_s;  /* before the first change */
	bool summer;  /* the rule below has summer time */
	int standard_s, summer_s;
	struct change begins, ends;
};

/* Bytes of a zone file that remember if they ran out. */
struct cursor {
	const uint8_t *at, *end;
	bool ran_out;
};

static const uint8_t *
take(struct cursor *cursor, size_t length)
{
	const uint8_t *at = cursor->at;

	if ((size_t)(cursor->end - cursor->at) < length) {
		cursor->ran_out = true;
		return NULL;
	}
	cursor->at += length;
	return at;
}

/* A big-endian signed number of 4 or 8 bytes. */
static int64_t
take_number(struct cursor *cursor, size_t length)
{
	const uint8_t *at = take(cursor, length);
	uint64_t value = 0;

	if (at == NULL)
		return 0;
	for (size_t i = 0; i < length; i++)
		value = value << 8 | at[i];
	return length == 4 ? (int32_t)(uint32_t)value : (int64_t)value;
}

/* The six counts of a header, in the file's order. */
enum { COUNT_UT, COUNT_STD, COUNT_LEAP, COUNT_TIME, COUNT_TYPE, COUNT_CHAR, COUNTS };

static bool
take_header(struct cursor *cursor, size_t counts[COUNTS])
{
	const uint8_t *magic = take(cursor, HEADER_BYTES - 4 * COUNTS);

	if (magic == NULL || memcmp(magic, "TZif", 4) != 0 || magic[4] < '2')
		return false;
	for (size_t i = 0; i < COUNTS; i++) {
		int64_t count = take_number(cursor, 4);

		if (count < 0 || count > ZONE_FILE_MOST)
			return false;
		counts[i] = (size_t)count;
	}
	return !cursor->ran_out;
}

static size_t
block_bytes(const size_t counts[COUNTS], size_t time_bytes)
{
	return counts[COUNT_TIME] * (time_bytes + 1) + counts[COUNT_TYPE] * 6 +
	    counts[COUNT_CHAR] + counts[COUNT_LEAP] * (time_bytes + 4) + counts[COUNT_STD] +
	    counts[COUNT_UT];
}

/* "5", "-5:30" or "167:00:00" as seconds. */
static bool
read_seconds(const char **text, int *seconds)
{
	int factors[] = { 3600, 60, 1 };
	int sign = **text == '-' ? -1 : 1;
	int total = 0;

	if (**text == '-' || **text == '+')
		(*text)++;
	for (size_t i = 0; i < ARRAY_LENGTH(factors); i++) {
		int number = 0;

		if (!isdigit((unsigned char)**text))
			return false;
		for (int digits = 0; digits < 3 && isdigit((unsigned char)**text); digits++)
			number = number * 10 + *(*text)++ - '0';
		total += number * factors[i];
		if (**text != ':')
			break;
		(*text)++;
	}
	*seconds = sign * total;
	return true;
}

/* "CET", "<+03>" */
static bool
skip_name(const char **text)
{
	const char *start = *text;

	if (**text == '<') {
		const char *end = strchr(*text, '>');

		*text = end != NULL ? end + 1 : *text;
		return end != NULL;
	}
	while (isalpha((unsigned char)**text))
		(*text)++;
	return *text - start >= 3;
}

static bool
read_change(const char **text, struct change *change)
{
	int used = 0;

	*change = (struct change){ .time_s = 2 * 3600 };
	if (*(*text)++ != ',')
		return false;
	if (sscanf(*text, "M%2d.%1d.%1d%n", &change->month, &change->week, &change->day,
		&used) == 3)
		change->kind = 'M';
	else if (sscanf(*text, "J%3d%n", &change->day, &used) == 1)
		change->kind = 'J';
	else if (sscanf(*text, "%3d%n", &change->day, &used) != 1)
		return false;
	*text += used;
	if (change->kind == 'M' &&
	    (change->month < 1 || change->month > 12 || change->week < 1 || change->week > 5 ||
		change->day < 0 || change->day > 6))
		return false;
	if (**text != '/')
		return true;
	(*text)++;
	return read_seconds(text, &change->time_s);
}

/* The rule for the years after the table: "CET-1CEST,M3.5.0,M10.5.0/3". */
static bool
read_rule(struct zone *zone, const char *text)
{
	int west;

	if (!skip_name(&text) || !read_seconds(&text, &west))
		return false;
	zone->standard_s = -west;
	if (*text == '\0')
		return true;
	zone->summer = true;
	zone->summer_s = zone->standard_s + 3600;
	if (!skip_name(&text))
		return false;
	if (*text != ',') {
		if (!read_seconds(&text, &west))
			return false;
		zone->summer_s = -west;
	}
	return read_change(&text, &zone->begins) && read_change(&text, &zone->ends) &&
	    *text == '\0';
}

static bool
read_table(struct zone *zone, struct cursor *cursor, const size_t counts[COUNTS])
{
	size_t changes = counts[COUNT_TIME], types = counts[COUNT_TYPE];
	const uint8_t *indexes, *type;

	if (types == 0)
		return false;
	zone->times = mem_zalloc(changes + 1, sizeof(*zone->times));
	zone->offsets = mem_zalloc(changes + 1, sizeof(*zone->offsets));
	for (size_t i = 0; i < changes; i++)
		zone->times[i] = take_number(cursor, 8);
	indexes = take(cursor, changes);
	type = take(cursor, types * 6);
	if (indexes == NULL || type == NULL)
		return false;
	for (size_t i = 0; i < changes; i++) {
		struct cursor offset = { .at = type + (indexes[i] < types ? indexes[i] : 0) * 6,
			.end = type + types * 6 };

		zone->offsets[i] = (int)take_number(&offset, 4);
	}
	zone->first_s = (int)take_number(&(struct cursor){ .at = type, .end = type + 4 }, 4);
	zone->count = changes;
	return take(cursor,
		   counts[COUNT_CHAR] + counts[COUNT_LEAP] * 12 + counts[COUNT_STD] +
		       counts[COUNT_UT]) != NULL;
}

static bool
read_file(struct zone *zone, const uint8_t *bytes, size_t length)
{
	struct cursor cursor = { .at = bytes, .end = bytes + length };
	size_t counts[COUNTS];
	const uint8_t *end;
	char *rule;
	bool good;

	if (!take_header(&cursor, counts) || take(&cursor, block_bytes(counts, 4)) == NULL ||
	    !take_header(&cursor, counts) || !read_table(zone, &cursor, counts))
		return false;
	if (cursor.at == cursor.end || *cursor.at++ != '\n')
		return false;
	end = memchr(cursor.at, '\n', (size_t)(cursor.end - cursor.at));
	if (end == NULL)
		return false;
	rule = mem_strndup((const char *)cursor.at, (size_t)(end - cursor.at));
	good = read_rule(zone, rule);
	mem_free(rule);
	return good;
}

/* "+02:00", "-05:30" */
static bool
read_fixed(struct zone *zone, const char *name)
{
	int hours, minutes, used = 0;

	if ((name[0] != '+' && name[0] != '-') || strlen(name) != 6 ||
	    sscanf(name + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || used != 5 ||
	    hours < 0 || hours > 14 || minutes < 0 || minutes > 59)
		return false;
	zone->standard_s = (name[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return true;
}

/* A name that can only lead to a file below the zone folder. */
static bool
is_zone_name(const char *name)
{
	if (!isalpha((unsigned char)name[0]) || strlen(name) > NAME_MOST)
		return false;
	return name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				 "0123456789_+-/")] == '\0';
}

struct zone *
zone_open(const char *name, struct error *err)
{
	struct zone *zone = mem_zalloc(1, sizeof(*zone));
	uint8_t *bytes = NULL;
	FILE *file = NULL;
	bool good = false;

	if (strcmp(name, "UTC") == 0 || read_fixed(zone, name))
		return zone;
	if (is_zone_name(name)) {
		char *path = mem_printf("%s%s", ZONE_FOLDER, name);

		file = fopen(path, "re");
		mem_free(path);
	}
	if (file != NULL) {
		bytes = mem_alloc(ZONE_FILE_MOST);
		good = read_file(zone, bytes, fread(bytes, 1, ZONE_FILE_MOST, file));
		fclose(file);
		mem_free(bytes);
	}
	if (good)
		return zone;
	zone_close(zone);
	error_set(err, ERROR_CONFIG,
	    "unknown time zone \"%s\": write UTC, an offset such as +02:00, or a name from "
	    ZONE_FOLDER " such as Europe/Berlin", name);
	return NULL;
}

void
zone_close(struct zone *zone)
{
	if (zone == NULL)
		return;
	mem_free(zone->times);
	mem_free(zone->offsets);
	mem_free(zone);
}

static int64_t
floor_div(int64_t value, int64_t by)
{
	return value / by - (value % by < 0);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
static int64_t
days_to(int64_t year, int month, int day)
{
	int64_t era, of_era, of_year;

	year -= month <= 2; /* years begin in March, so that the leap day comes last */
	era = floor_div(year, 400);
	of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	of_era = year - era * 400;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool
is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* The moment of a change in a year, as seconds of local time since 1970. */
static int64_t
change_at(const struct change *change, int64_t year)
{
	int64_t day;

	if (change->kind == 'M') {
		int64_t next = change->month == 12 ? days_to(year + 1, 1, 1)
						   : days_to(year, change->month + 1, 1);

		day = days_to(year, change->month, 1);
		/* 1970-01-01 was a Thursday, day 4 of a week that begins on Sunday. */
		day += (change->day - (day + 4) % 7 + 7) % 7 + 7 * (change->week - 1);
		while (day >= next)
			day -= 7;
	} else {
		day = days_to(year, 1, 1) + change->day;
		if (change->kind == 'J')
			day -= 1 - (is_leap(year) && change->day >= 60);
	}
	return day * DAY_S + change->time_s;
}

static int
rule_offset_s(const struct zone *zone, int64_t utc_s)
{
	int64_t year, begins, ends;
	bool summer;

	if (!zone->summer)
		return zone->standard_s;
	year = 1970 + floor_div(utc_s + zone->standard_s, DAY_S) * 400 / 146097;
	while (days_to(year + 1, 1, 1) * DAY_S <= utc_s + zone->standard_s)
		year++;
	while (days_to(year, 1, 1) * DAY_S > utc_s + zone->standard_s)
		year--;
	begins = change_at(&zone->begins, year) - zone->standard_s;
	ends = change_at(&zone->ends, year) - zone->summer_s;
	summer = begins < ends ? utc_s >= begins && utc_s < ends
			       : utc_s >= begins || utc_s < ends;
	return summer ? zone->summer_s : zone->standard_s;
}

int
zone_offset_s(const struct zone *zone, int64_t utc_s)
{
	size_t low = 0, high = zone->count;

	if (zone->count == 0 || utc_s >= zone->times[zone->count - 1])
		return rule_offset_s(zone, utc_s);
	if (utc_s < zone->times[0])
		return zone->first_s;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (zone->times[middle] <= utc_s)
			low = middle;
		else
			high = middle;
	}
	return zone->offsets[low];
}

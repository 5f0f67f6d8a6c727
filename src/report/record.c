/* record.c - what one line of the access log says, and when. Used by reader.c. */
#include <ctype.h>
#include <string.h>
#include <time.h>

#include "report_internal.h"

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

const char *
record_text(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text != NULL ? text : "";
}

static uint64_t
record_number(const json_t *json, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(json, key));

	return value > 0 ? (uint64_t)value : 0;
}

/* A name that was not UTF-8 is told by its base64. */
static const char *
record_name(const json_t *json, const char *key, const char *key_b64)
{
	const char *text = record_text(json, key);

	return text[0] != '\0' ? text : record_text(json, key_b64);
}

bool
record_from(const json_t *json, struct record *record)
{
	*record = (struct record){
		.json = json,
		.event = record_text(json, "event"),
		.user = record_name(json, "user.name", "user.name.b64"),
		.application = record_name(json, "application", "application.b64"),
		.database = record_name(json, "db.namespace", "db.namespace.b64"),
		.address = record_text(json, "client.address"),
		.session = record_text(json, "session"),
		.txn = record_text(json, "txn"),
		.fingerprint = record_text(json, "query.fingerprint"),
		.summary = record_text(json, "db.query.summary"),
		.text = record_text(json, "db.query.text"),
		.sqlstate = record_text(json, "db.response.status_code"),
		.mode = record_text(json, "mode"),
		.rule = record_text(json, "rule"),
		.policy = record_text(json, "policy"),
		.duration_us = record_number(json, "duration_us"),
		.queue_us = record_number(json, "queue_us"),
		.rows = record_number(json, "db.response.returned_rows") +
		    record_number(json, "rows_affected"),
	};
	record->is_denied = strcmp(record->event, "statement.denied") == 0;
	record->is_statement = record->is_denied || strcmp(record->event, "statement") == 0;
	record->is_error = record->sqlstate[0] != '\0' && strcmp(record->sqlstate, "00000") != 0;
	return json_is_object(json) && record->event[0] != '\0' &&
	    report_time(record_text(json, "time"), &record->time_us);
}

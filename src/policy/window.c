/*
 * window.c - hours of the week in which a rule holds: "Mon-Fri 07:00-19:00
 * Europe/Berlin". Days are ranges and lists ("Mon-Fri", "Sat,Sun", "daily");
 * a window whose end is before its begin runs past midnight and belongs to the
 * day on which it began. Read by pattern.c, asked by match.c.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "policy_internal.h"

enum { WEEK = 7, DAY_MIN = 24 * 60, EVERY_DAY = (1 << WEEK) - 1, WORD_SIZE = 80 };

static const char *const days[WEEK] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

/* The day at the head of the text; -1 when there is none. */
static int
take_day(const char **text)
{
	for (int day = 0; day < WEEK; day++) {
		if (strncasecmp(*text, days[day], 3) == 0) {
			*text += 3;
			return day;
		}
	}
	return -1;
}

static bool
read_days(const char *text, unsigned *bits)
{
	*bits = EVERY_DAY;
	if (strcasecmp(text, "daily") == 0)
		return true;
	*bits = 0;
	for (;;) {
		int first = take_day(&text);
		int last = first;

		if (first < 0)
			return false;
		if (*text == '-') {
			text++;
			last = take_day(&text);
		}
		if (last < 0)
			return false;
		for (int day = first; day != last; day = (day + 1) % WEEK)
			*bits |= 1u << day;
		*bits |= 1u << last;
		if (*text == '\0')
			return true;
		if (*text++ != ',')
			return false;
	}
}

static bool
read_hours(const char *text, int *from_min, int *to_min)
{
	int hour[2], minute[2], used = 0;

	if (strlen(text) != 11 ||
	    sscanf(text, "%2d:%2d-%2d:%2d%n", &hour[0], &minute[0], &hour[1], &minute[1],
		&used) != 4 || used != 11)
		return false;
	*from_min = hour[0] * 60 + minute[0];
	*to_min = hour[1] * 60 + minute[1];
	return hour[0] >= 0 && minute[0] >= 0 && minute[0] < 60 && hour[1] >= 0 &&
	    minute[1] >= 0 && minute[1] < 60 && *from_min < DAY_MIN && *to_min <= DAY_MIN;
}

bool
window_read(const char *text, struct window *window, struct error *err)
{
	char day[WORD_SIZE], hours[WORD_SIZE], zone[WORD_SIZE], more[2];
	int words = sscanf(text, "%79s %79s %79s %1s", day, hours, zone, more);

	if (words != 3)
		return error_set(err, ERROR_CONFIG,
		    "\"%s\" is not a time window: write days, hours and zone, such as "
		    "\"Mon-Fri 07:00-19:00 Europe/Berlin\"", text);
	if (!read_days(day, &window->days))
		return error_set(err, ERROR_CONFIG,
		    "\"%s\" names no days: write Mon to Sun as in \"Mon-Fri\" or \"Sat,Sun\", "
		    "or \"daily\"", day);
	if (!read_hours(hours, &window->from_min, &window->to_min))
		return error_set(err, ERROR_CONFIG,
		    "\"%s\" is not a span of hours: write it as 07:00-19:00", hours);
	if (window->from_min == window->to_min)
		return error_set(err, ERROR_CONFIG,
		    "the window \"%s\" is empty: write 00:00-24:00 for the whole day", hours);
	window->zone = zone_open(zone, err);
	return window->zone != NULL;
}

void
window_close(struct window *window)
{
	zone_close(window->zone);
	window->zone = NULL;
}

bool
window_holds(const struct window *window, uint64_t wall_us)
{
	int64_t utc_s = (int64_t)(wall_us / 1000000);
	int64_t local_s = utc_s + zone_offset_s(window->zone, utc_s);
	int64_t day = local_s >= 0 ? local_s / 86400 : 0;
	int minute = local_s >= 0 ? (int)(local_s % 86400 / 60) : 0;
	unsigned today = 1u << ((day + 3) % WEEK); /* 1970-01-01 was a Thursday */
	unsigned yesterday = 1u << ((day + 2) % WEEK);

	if (window->from_min < window->to_min)
		return (window->days & today) != 0 && minute >= window->from_min &&
		    minute < window->to_min;
	return ((window->days & today) != 0 && minute >= window->from_min) ||
	    ((window->days & yesterday) != 0 && minute < window->to_min);
}

/* test_window.c - hours of the week, in places whose clocks change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "../../../src/policy/policy_internal.h"

/* A moment of UTC. */
static int64_t
utc(int year, int month, int day, int hour, int minute)
{
	struct tm tm = {
		.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour,
		.tm_min = minute
	};

	return timegm(&tm);
}

static int
offset_of(const char *name, int64_t utc_s)
{
	struct error err = { 0 };
	struct zone *zone = zone_open(name, &err);
	int offset;

	if (zone == NULL)
		fail_msg("%s", err.text);
	offset = zone_offset_s(zone, utc_s);
	zone_close(zone);
	return offset;
}

static bool
holds(const char *text, int64_t utc_s)
{
	struct window window;
	struct error err = { 0 };
	bool inside;

	if (!window_read(text, &window, &err))
		fail_msg("%s", err.text);
	inside = window_holds(&window, (uint64_t)utc_s * 1000000);
	window_close(&window);
	return inside;
}

static void
zones_know_summer_time_in_every_year(void **state)
{
	static const struct {
		const char *zone;
		int year, month, day, hour, minute, offset_min;
	} cases[] = {
		{ "UTC", 2026, 7, 1, 0, 0, 0 },
		{ "+02:00", 2026, 7, 1, 0, 0, 120 },
		{ "-05:30", 2026, 7, 1, 0, 0, -330 },
		/* The second before and after both changes. */
		{ "Europe/Berlin", 2026, 3, 29, 0, 59, 60 },
		{ "Europe/Berlin", 2026, 3, 29, 1, 0, 120 },
		{ "Europe/Berlin", 2026, 10, 25, 0, 59, 120 },
		{ "Europe/Berlin", 2026, 10, 25, 1, 0, 60 },
		/* Beyond every table: the rule at the end of the file. */
		{ "Europe/Berlin", 2060, 3, 28, 0, 59, 60 },
		{ "Europe/Berlin", 2060, 3, 28, 1, 0, 120 },
		{ "Europe/Berlin", 2060, 12, 31, 23, 59, 60 },
		/* Summer over New Year. */
		{ "Australia/Sydney", 2026, 1, 1, 0, 0, 660 },
		{ "Australia/Sydney", 2060, 1, 1, 0, 0, 660 },
		{ "Australia/Sydney", 2060, 7, 1, 0, 0, 600 },
		{ "Australia/Sydney", 2060, 4, 3, 15, 59, 660 },
		{ "Australia/Sydney", 2060, 4, 3, 16, 0, 600 },
		{ "America/New_York", 2026, 7, 4, 12, 0, -240 },
		{ "Asia/Kolkata", 2026, 7, 4, 12, 0, 330 },
		/* Before the first change of its table. */
		{ "Asia/Kolkata", 1970, 1, 1, 0, 0, 330 },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		assert_int_equal(offset_of(cases[i].zone, utc(cases[i].year, cases[i].month,
		    cases[i].day, cases[i].hour, cases[i].minute)), cases[i].offset_min * 60);
	(void)state;
}

static void
zones_agree_with_the_c_library_over_the_years(void **state)
{
	static const char *const names[] = { "Europe/Berlin", "America/Sao_Paulo",
		"Australia/Lord_Howe", "Africa/Casablanca", "America/St_Johns", "Asia/Tehran" };

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		struct zone *zone = zone_open(names[i], &(struct error){ 0 });

		setenv("TZ", names[i], 1);
		tzset();
		for (int64_t at = utc(1970, 1, 1, 0, 0); at < utc(2080, 1, 1, 0, 0);
		     at += 7 * 86400 + 3607) {
			time_t moment = at;
			struct tm local;

			localtime_r(&moment, &local);
			assert_int_equal(zone_offset_s(zone, at), local.tm_gmtoff);
		}
		zone_close(zone);
	}
	unsetenv("TZ");
	(void)state;
}

static void
names_that_are_no_zones_are_refused(void **state)
{
	static const char *const names[] = { "Europe/Berlim", "/etc/passwd", "../passwd",
		"Europe/../../../../etc/passwd", "", "+2:00", "+15:00", "+02:60", "+02:0x",
		"zone.tab", "Europe", "posixrules/" };

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		struct error err = { 0 };

		assert_null(zone_open(names[i], &err));
		assert_int_equal(err.code, ERROR_CONFIG);
	}
	(void)state;
}

static void
windows_hold_on_their_days_and_hours(void **state)
{
	/* 2026-11-23 is a Monday. */
	assert_true(holds("Mon-Fri 07:00-19:00 UTC", utc(2026, 11, 23, 7, 0)));
	assert_true(holds("Mon-Fri 07:00-19:00 UTC", utc(2026, 11, 27, 18, 59)));
	assert_false(holds("Mon-Fri 07:00-19:00 UTC", utc(2026, 11, 23, 6, 59)));
	assert_false(holds("Mon-Fri 07:00-19:00 UTC", utc(2026, 11, 23, 19, 0)));
	assert_false(holds("Mon-Fri 07:00-19:00 UTC", utc(2026, 11, 28, 12, 0)));
	assert_true(holds("sat,SUN 00:00-24:00 UTC", utc(2026, 11, 29, 23, 59)));
	assert_true(holds("Fri-Mon 00:00-24:00 UTC", utc(2026, 11, 29, 12, 0)));
	assert_false(holds("Fri-Mon 00:00-24:00 UTC", utc(2026, 11, 24, 12, 0)));
	assert_true(holds("daily 07:00-19:00 Europe/Berlin", utc(2026, 7, 1, 5, 0)));
	assert_false(holds("daily 07:00-19:00 Europe/Berlin", utc(2026, 12, 1, 5, 0)));
	(void)state;
}

static void
a_window_past_midnight_belongs_to_the_day_it_began(void **state)
{
	assert_true(holds("Fri 22:00-06:00 UTC", utc(2026, 11, 27, 22, 0)));
	assert_true(holds("Fri 22:00-06:00 UTC", utc(2026, 11, 28, 5, 59)));
	assert_false(holds("Fri 22:00-06:00 UTC", utc(2026, 11, 28, 6, 0)));
	assert_false(holds("Fri 22:00-06:00 UTC", utc(2026, 11, 27, 5, 0)));
	assert_false(holds("Fri 22:00-06:00 UTC", utc(2026, 11, 28, 22, 0)));
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_know_summer_time_in_every_year),
		cmocka_unit_test(zones_agree_with_the_c_library_over_the_years),
		cmocka_unit_test(names_that_are_no_zones_are_refused),
		cmocka_unit_test(windows_hold_on_their_days_and_hours),
		cmocka_unit_test(a_window_past_midnight_belongs_to_the_day_it_began),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

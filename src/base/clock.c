/* clock.c - see clock.h. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"

static uint64_t
read_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t
clock_monotonic_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

uint64_t
clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

static struct tm
broken_down(uint64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / 1000000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	return tm;
}

void
clock_format_rfc3339(uint64_t wall_us, char text[CLOCK_TEXT_SIZE])
{
	struct tm tm = broken_down(wall_us);
	size_t length = strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);

	snprintf(text + length, CLOCK_TEXT_SIZE - length, ".%06uZ", (unsigned)(wall_us % 1000000));
}

void
clock_format_log(uint64_t wall_us, char text[CLOCK_TEXT_SIZE])
{
	struct tm tm = broken_down(wall_us);
	size_t length = strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &tm);

	snprintf(text + length, CLOCK_TEXT_SIZE - length, ".%03u UTC",
	    (unsigned)(wall_us / 1000 % 1000));
}

void
clock_format_console(uint64_t wall_us, char text[CLOCK_TEXT_SIZE])
{
	struct tm tm = broken_down(wall_us);

	strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

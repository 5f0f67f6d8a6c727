/*
 * clock.h - what time it is. Durations are measured on the monotonic clock, so
 * that a step of the wall clock disturbs nothing.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

enum { CLOCK_TEXT_SIZE = 40 };

/* Microseconds since some fixed moment; never steps back. */
uint64_t clock_monotonic_us(void);
/* Microseconds since 1970 UTC. */
uint64_t clock_wall_us(void);
/* "2026-11-22T09:37:53.123456Z" (RFC 3339). */
void clock_format_rfc3339(uint64_t wall_us, char text[CLOCK_TEXT_SIZE]);
/* "2026-11-22 09:37:53.123 UTC", as PostgreSQL's log_line_prefix %m. */
void clock_format_log(uint64_t wall_us, char text[CLOCK_TEXT_SIZE]);
/* "2026-11-22 09:37:53 UTC", as PgBouncer's console. */
void clock_format_console(uint64_t wall_us, char text[CLOCK_TEXT_SIZE]);

#endif

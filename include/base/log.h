/*
 * log.h - the main log, in PgBouncer's line shape so that `pgbadger -f pgbouncer3`
 * reads it:  2026-11-22 10:00:00.000 UTC [4100] LOG text
 *
 * One write(2) a line, callable from any thread. Control bytes in the text are
 * escaped, so that nothing a client sends can forge a line.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Write to `path` ("stderr" for standard error) from now on; reopens a rotated file. */
bool log_open(const char *path, enum log_level level);
/* "error", "warning", "info" or "debug"; false if it is none of them. */
bool log_level_by_name(const char *name, enum log_level *level);
/* Would a line of this level be written? */
bool log_wants(enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A message that cannot be survived: written, then exit(1). Never reachable from the network. */
void log_fatal(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif

/* log.c - see log.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

enum { LOG_LINE_MOST = 8192 };

static const char *const level_names[] = { "error", "warning", "info", "debug" };
/* PgBouncer's words, which pgbadger looks for. */
static const char *const level_words[] = { "ERROR", "WARNING", "LOG", "DEBUG" };

static atomic_int log_fd = STDERR_FILENO;
static atomic_int log_most = LOG_LEVEL_INFO;

bool
log_level_by_name(const char *name, enum log_level *level)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
		if (strcmp(name, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	return false;
}

bool
log_open(const char *path, enum log_level level)
{
	int fd = STDERR_FILENO;
	int old;

	if (strcmp(path, "stderr") != 0) {
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
		if (fd < 0)
			return false;
	}
	atomic_store(&log_most, (int)level);
	old = atomic_load(&log_fd);
	if (old != STDERR_FILENO && fd != STDERR_FILENO) {
		/* Put the new file under the old number: another thread may be writing. */
		dup3(fd, old, O_CLOEXEC);
		close(fd);
	} else {
		atomic_store(&log_fd, fd);
	}
	return true;
}

bool
log_wants(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&log_most, memory_order_relaxed);
}

static void
put_line(const char *word, const char *format, va_list args)
{
	struct buf text = { 0 }, line = { 0 };
	char now[CLOCK_TEXT_SIZE];
	ssize_t written;

	buf_vprintf(&text, format, args);
	clock_format_log(clock_wall_us(), now);
	buf_printf(&line, "%s [%d] %s ", now, (int)getpid(), word);
	text_put_escaped(&line, (char *)buf_bytes(&text), buf_length(&text), LOG_LINE_MOST);
	buf_put_u8(&line, '\n');
	do
		written = write(atomic_load(&log_fd), buf_bytes(&line), buf_length(&line));
	while (written < 0 && errno == EINTR);
	buf_free(&text);
	buf_free(&line);
}

static void
write_at(enum log_level level, const char *format, va_list args)
{
	if (log_wants(level))
		put_line(level_words[level], format, args);
}

void
log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_at(LOG_LEVEL_ERROR, format, args);
	va_end(args);
}

void
log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_at(LOG_LEVEL_WARNING, format, args);
	va_end(args);
}

void
log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_at(LOG_LEVEL_INFO, format, args);
	va_end(args);
}

void
log_debug(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_at(LOG_LEVEL_DEBUG, format, args);
	va_end(args);
}

void
log_fatal(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_line("FATAL", format, args);
	va_end(args);
	exit(1);
}

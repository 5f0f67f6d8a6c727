/*
 * progress.c - how far a long file has been read, on one line of standard error that is
 * written over. Used by report, verify and load.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"
#include "base/clock.h"

enum { EVERY_US = 200000 };

void
progress_open(struct progress *progress, bool always)
{
	*progress = (struct progress){ .on = always || isatty(STDERR_FILENO) == 1,
		.over = isatty(STDERR_FILENO) == 1, .told_us = clock_monotonic_us() };
}

void
progress_tell(void *arg, const char *path, uint64_t offset)
{
	struct progress *progress = arg;
	const char *slash = strrchr(path, '/');
	uint64_t now = clock_monotonic_us();
	struct stat file;

	if (!progress->on || now - progress->told_us < EVERY_US)
		return;
	progress->told_us = now;
	progress->told = true;
	fprintf(stderr, "%s%s: %" PRIu64 " MB", progress->over ? "\r\033[K" : "",
	    slash != NULL ? slash + 1 : path, offset / 1000000);
	if (stat(path, &file) == 0 && file.st_size > 0)
		fprintf(stderr, ", %" PRIu64 " %%", offset * 100 / (uint64_t)file.st_size);
	fputs(progress->over ? "" : "\n", stderr);
	fflush(stderr);
}

void
progress_close(struct progress *progress)
{
	if (progress->told && progress->over)
		fputs("\r\033[K", stderr);
}

/*
 * sink.c - one log file: appended to, never cut, never given up. Used by the writer.
 *
 * A write that fails is tried again each second; what was written of a line stays
 * and its rest follows, so that no line in the middle of the file is ever broken.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_internal.h"
#include "base/log.h"
#include "base/mem.h"

enum {
	RETRY_EVERY_US = 1000000,
	SHRINK_ABOVE = 1 << 20, /* a buffer larger than this is given back once empty */
};

bool
sink_open(struct sink *sink, const char *path, bool exclusive, struct error *err)
{
	struct stat file;
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

	if (fd < 0)
		return error_set(err, ERROR_IO, "cannot open log file %s: %s", path,
		    strerror(errno));
	*sink = (struct sink){ .fd = fd, .exclusive = exclusive };
	if (fstat(fd, &file) == 0) {
		sink->regular = S_ISREG(file.st_mode);
		sink->bytes = (uint64_t)file.st_size;
	}
	/* Two writers would break each other's chain. The lock goes with the process. */
	if (exclusive && sink->regular && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		return error_set(err, ERROR_IO,
		    "log file %s is in use by another process: give each its own audit.file", path);
	}
	sink->path = mem_strdup(path);
	return true;
}

bool
sink_open_anew(struct sink *sink, const char *path, struct error *err)
{
	char *next = mem_printf("%s.next", path);
	bool good;

	unlink(next); /* of a crash between open() and rename() */
	good = sink_open(sink, next, true, err);
	if (good && rename(next, path) != 0) {
		error_set(err, ERROR_IO, "cannot give %s the name %s: %s", next, path,
		    strerror(errno));
		sink_close(sink);
		unlink(next);
		good = false;
	}
	if (good) {
		mem_free(sink->path);
		sink->path = mem_strdup(path);
	}
	mem_free(next);
	return good;
}

bool
sink_give(struct sink *sink, gid_t group, struct error *err)
{
	if (group == (gid_t)-1 || sink_group(sink) == group)
		return true;
	if (fchown(sink->fd, (uid_t)-1, group) == 0)
		return true;
	return error_set(err, ERROR_IO,
	    "cannot give %s to the group of audit.group: %s; pgweir must be a member of it",
	    sink->path, strerror(errno));
}

gid_t
sink_group(const struct sink *sink)
{
	struct stat file;

	return fstat(sink->fd, &file) == 0 ? file.st_gid : (gid_t)-1;
}

static void
note_failure(struct sink *sink, int failure, const char *what, uint64_t now_us)
{
	if (sink->failure == 0)
		log_error("%s log file %s failed: %s; trying again each second, lines are kept "
			  "and, beyond %d MiB, counted as lost", what, sink->path,
		    strerror(failure), SINK_KEEP_MOST >> 20);
	sink->failure = failure;
	sink->retry_us = now_us + RETRY_EVERY_US;
}

static void
note_success(struct sink *sink)
{
	if (sink->failure != 0)
		log_info("log file %s can be written again", sink->path);
	sink->failure = 0;
}

/* Drop what is in the file, but keep the first line that is there in part only. */
static void
drop_written(struct sink *sink)
{
	const uint8_t *bytes = buf_bytes(&sink->out);
	const uint8_t *lf = sink->written > 0 ? memrchr(bytes, '\n', sink->written) : NULL;
	size_t whole = lf == NULL ? 0 : (size_t)(lf - bytes) + 1;

	sink->written -= whole;
	buf_consume(&sink->out, whole);
	if (buf_length(&sink->out) == 0 && sink->out.size > SHRINK_ABOVE)
		buf_free(&sink->out);
}

/* Copy the whole of an open file to another. */
static bool
copy_all(int from, int to, uint64_t bytes)
{
	off_t at = 0;

	while ((uint64_t)at < bytes) {
		ssize_t done = sendfile(to, from, &at, (size_t)(bytes - (uint64_t)at));

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
	}
	return fsync(to) == 0;
}

/*
 * Somebody has removed the file. It is there as long as we have it open, and nobody else
 * could read it: its bytes go into a new one of its name.
 */
static bool
restore(struct sink *sink)
{
	char self[40];
	int from, to, failure = 0;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", sink->fd);
	from = open(self, O_RDONLY | O_CLOEXEC);
	to = open(sink->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0640);
	if (from < 0 || to < 0 || flock(to, LOCK_EX | LOCK_NB) < 0 ||
	    fchown(to, (uid_t)-1, sink_group(sink)) < 0 ||
	    !copy_all(from, to, sink->bytes) || fcntl(to, F_SETFL, O_APPEND) < 0)
		failure = errno;
	if (from >= 0)
		close(from);
	if (failure == 0) {
		dup3(to, sink->fd, O_CLOEXEC);
		log_warning("log file %s was removed: what it held is there again, as it was open",
		    sink->path);
	} else if (to >= 0) {
		unlink(sink->path);
	}
	if (to >= 0)
		close(to);
	errno = failure;
	return failure == 0;
}

static bool
is_removed(const struct sink *sink)
{
	struct stat file;

	return sink->exclusive && sink->regular && fstat(sink->fd, &file) == 0 &&
	    file.st_nlink == 0;
}

bool
sink_flush(struct sink *sink, uint64_t now_us)
{
	if (buf_length(&sink->out) == 0)
		return true;
	if (sink->failure != 0 && now_us < sink->retry_us)
		return false;
	if (is_removed(sink) && !restore(sink)) {
		note_failure(sink, errno, "restoring", now_us);
		return false;
	}
	while (sink->written < buf_length(&sink->out)) {
		ssize_t done = write(sink->fd, buf_bytes(&sink->out) + sink->written,
		    buf_length(&sink->out) - sink->written);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			note_failure(sink, done < 0 ? errno : ENOSPC, "writing", now_us);
			break;
		}
		sink->written += (size_t)done;
		sink->bytes += (size_t)done;
		sink->dirty = true;
	}
	drop_written(sink);
	if (buf_length(&sink->out) > 0)
		return false;
	note_success(sink);
	return true;
}

bool
sink_sync(struct sink *sink, uint64_t now_us)
{
	if (!sink->dirty || !sink->regular)
		return true;
	if (fdatasync(sink->fd) < 0) {
		note_failure(sink, errno, "syncing", now_us);
		return false;
	}
	sink->dirty = false;
	sink->synced_us = now_us;
	if (buf_length(&sink->out) == 0)
		note_success(sink);
	return true;
}

bool
sink_in_place(const struct sink *sink)
{
	struct stat opened, named;

	return !sink->regular || (fstat(sink->fd, &opened) == 0 && stat(sink->path, &named) == 0 &&
	    opened.st_dev == named.st_dev && opened.st_ino == named.st_ino);
}

void
sink_move(struct sink *sink, struct sink *fresh)
{
	/* A line begun in the old file is written whole in the new one. */
	fresh->out = sink->out;
	sink->out = (struct buf){ 0 };
	sink->written = 0;
	sink_close(sink);
	*sink = *fresh;
	*fresh = (struct sink){ 0 };
}

void
sink_close(struct sink *sink)
{
	if (sink->path == NULL)
		return;
	close(sink->fd);
	mem_free(sink->path);
	buf_free(&sink->out);
	*sink = (struct sink){ 0 };
}

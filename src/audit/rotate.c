/*
 * rotate.c - the access log's file gets a name of its own when it is large or old, and
 * the chain goes on in a new one, which takes the name of audit.file in one step: there
 * is a file of that name at any time. Used by the writer.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "writer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum { RETRY_AFTER_US = 60 * 1000000 };

/*
 * Both names are the file's until its last record is written: a crash in between
 * leaves a log that goes on as if nothing had been.
 */
static bool
end_file(struct audit *audit, const char *name, struct error *err)
{
	const char *path = audit->access.path;

	if (link(path, name) != 0)
		return error_set(err, ERROR_IO, "cannot give %s the name %s: %s", path, name,
		    strerror(errno));
	own_put_rotate(audit, path);
	writer_checkpoint(audit);
	if (buf_length(&audit->access.out) == 0 &&
	    sink_sync(&audit->access, clock_monotonic_us()))
		return true;
	error_set(err, ERROR_IO, "cannot end %s: %s", path, strerror(errno));
	unlink(name);
	return false;
}

static bool
rotate(struct audit *audit, const char *name, struct error *err)
{
	struct sink fresh = { 0 };

	if (!end_file(audit, name, err))
		return false;
	if (!sink_open_anew(&fresh, audit->access.path, err)) {
		unlink(name);
		return false;
	}
	if (!sink_give(&fresh, sink_group(&audit->access), err))
		log_error("audit: %s", err->text); /* whoever may read it is told by the mode still */
	sink_move(&audit->access, &fresh);
	audit->file_first_seq = audit->chain.seq + 1;
	audit->file_first_us = clock_wall_us();
	own_put_start(audit, "rotate");
	keeper_ask(&audit->keeper);
	return true;
}

static bool
is_due(const struct audit *audit, uint64_t now_us, uint64_t wall_us)
{
	const struct sink *sink = &audit->access;
	uint64_t first_us = audit->file_first_us;

	if (sink->path == NULL || !sink->regular || sink->failure != 0 ||
	    now_us < audit->rotate_retry_us)
		return false;
	return (audit->rotate_bytes > 0 && sink->bytes >= audit->rotate_bytes) ||
	    (audit->rotate_every_us > 0 && wall_us > first_us &&
		wall_us - first_us >= audit->rotate_every_us);
}

void
rotate_if_due(struct audit *audit, uint64_t now_us)
{
	struct error err;
	char *name;

	if (!is_due(audit, now_us, clock_wall_us()))
		return;
	name = rotated_name(audit->access.path, audit->file_first_seq);
	if (rotate(audit, name, &err)) {
		log_info("audit: the log was rotated: %s", name);
	} else {
		log_error("audit: the log could not be rotated: %s; trying again in a minute", err.text);
		audit->rotate_retry_us = now_us + RETRY_AFTER_US;
	}
	mem_free(name);
}

void
rotate_recover(const struct audit *audit)
{
	char *name = rotated_name(audit->access.path, audit->file_first_seq);
	struct stat second, first;

	if (lstat(name, &second) == 0 && lstat(audit->access.path, &first) == 0 &&
	    second.st_dev == first.st_dev && second.st_ino == first.st_ino)
		unlink(name);
	mem_free(name);
}

void
rotate_tell_deleted(struct audit *audit)
{
	struct buf names = { 0 };

	if (audit->access.path == NULL || !keeper_take_deleted(&audit->keeper, &names))
		return;
	while (buf_length(&names) > 0) {
		const char *name = (const char *)buf_bytes(&names);

		own_put_deleted(audit, name);
		buf_consume(&names, strlen(name) + 1);
	}
	buf_free(&names);
}

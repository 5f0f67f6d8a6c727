/*
 * resume.c - what the end of a log file says when pgweir starts and goes on with it: is
 * it whole from its last checkpoint on, and what follows. Used by audit.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "verifier.h"
#include "base/lines.h"
#include "base/mem.h"

enum {
	TAIL_STEP = 1 << 20,
	TAIL_MOST = 32 << 20, /* no record is longer: see LANE_SIZE */
};

/* Read [at, at + length) of a file. */
static bool
read_range(int fd, uint8_t *into, size_t length, uint64_t at)
{
	while (length > 0) {
		ssize_t got = pread(fd, into, length, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		into += got;
		at += (size_t)got;
		length -= (size_t)got;
	}
	return true;
}

/* One past the last LF before `end`, or 0. */
static size_t
line_start(const uint8_t *bytes, size_t end)
{
	const uint8_t *lf = end > 0 ? memrchr(bytes, '\n', end) : NULL;

	return lf == NULL ? 0 : (size_t)(lf - bytes) + 1;
}

static bool
is_checkpoint(const uint8_t *line, size_t length)
{
	static const char name[] = "\"audit.checkpoint\"";
	const char *event;
	json_t *record;
	bool found;

	/* Most lines need not be parsed; those that only quote the words must be. */
	if (memmem(line, length, name, strlen(name)) == NULL)
		return false;
	record = json_loadb((const char *)line, length, JSON_REJECT_DUPLICATES, NULL);
	event = json_string_value(json_object_get(record, "event"));
	found = event != NULL && strcmp(event, "audit.checkpoint") == 0;
	json_decref(record);
	return found;
}

/* Where the last checkpoint's line begins; false when there is none in these bytes. */
static bool
find_checkpoint(const uint8_t *bytes, size_t length, size_t *at)
{
	for (size_t end = line_start(bytes, length); end > 0;) {
		size_t begin = line_start(bytes, end - 1);

		*at = begin;
		if (is_checkpoint(bytes + begin, end - begin))
			return true;
		end = begin;
	}
	return false;
}

/* An older version's log has no checkpoints: what was read of it is looked at. */
static bool
begin_within(const struct buf *tail, size_t *at)
{
	const uint8_t *bytes = buf_bytes(tail);
	const uint8_t *lf = memchr(bytes, '\n', buf_length(tail));

	errno = EFBIG;
	if (lf == NULL)
		return false;
	*at = (size_t)(lf - bytes) + 1;
	return *at < line_start(bytes, buf_length(tail));
}

/*
 * Read so much of the end that it holds the last checkpoint, or the whole file, or all
 * that is bearable. *at is where to begin: a line's first byte.
 */
static bool
read_tail(int fd, uint64_t size, struct buf *tail, size_t *at)
{
	for (uint64_t want = TAIL_STEP;; want *= 2) {
		uint64_t length = want < size ? want : size;

		buf_clear(tail);
		if (!read_range(fd, buf_reserve(tail, length + 1), length, size - length))
			return false;
		buf_grown(tail, length);
		if (find_checkpoint(buf_bytes(tail), length, at))
			return true;
		*at = 0;
		if (length == size)
			return true;
		if (want >= TAIL_MOST)
			return begin_within(tail, at);
	}
}

/* Is the last whole line a record at all? Else this may be any file. */
static bool
ends_in_record(const uint8_t *bytes, size_t end)
{
	size_t begin = end > 0 ? line_start(bytes, end - 1) : 0;
	json_t *record =
	    json_loadb((const char *)bytes + begin, end - begin, JSON_REJECT_DUPLICATES, NULL);
	bool good = json_integer_value(json_object_get(record, "seq")) > 0 &&
	    json_is_string(json_object_get(record, "prev")) &&
	    json_is_string(json_object_get(record, "mac"));

	json_decref(record);
	return good;
}

/* The last whole line's own word, for a file that fails verification. */
static void
take_last_line(struct chain_tail *tail, struct chain *chain, const uint8_t *bytes, size_t end)
{
	size_t begin = end > 0 ? line_start(bytes, end - 1) : 0;
	json_t *record = json_loadb((const char *)bytes + begin, end - begin, 0, NULL);

	tail->seq = (uint64_t)json_integer_value(json_object_get(record, "seq"));
	chain_hash(chain, bytes + begin, end - begin, tail->head);
	json_decref(record);
}

static void
verify_lines(struct verifier *verifier, const uint8_t *bytes, size_t end)
{
	for (size_t begin = 0; begin < end;) {
		const uint8_t *lf = memchr(bytes + begin, '\n', end - begin);
		size_t length = (size_t)(lf - bytes) - begin;

		if (!verifier_line(verifier, (const char *)bytes + begin, length, true))
			return;
		begin += length + 1;
	}
}

/* The part of the file that is looked at, from a line's first byte to the file's end. */
static void
judge(struct chain_tail *tail, const uint8_t *bytes, size_t length, const struct mac_key *key)
{
	size_t end = line_start(bytes, length);
	struct audit_verified found;
	struct verifier verifier;

	verifier_open(&verifier, &found);
	verifier.remembers = key->path != NULL ? key : NULL;
	/* With a key that is new the log had none, or that of a crash before its first save. */
	if (key->path != NULL && key->seq > 0)
		mac_key_copy(&verifier.mac, key);
	verify_lines(&verifier, bytes, end);
	tail->seq = found.last_seq;
	memcpy(tail->head, verifier.chain.prev, sizeof(tail->head));
	tail->epoch = verifier.epoch;
	tail->epoch_known = verifier.epoch_known;
	tail->checkpoint_seq = verifier.checkpoint_seq;
	memcpy(tail->checkpoint_sig, verifier.checkpoint_sig, sizeof(tail->checkpoint_sig));
	if (tail->checkpoint_sig[0] == '\0' && tail->checkpoint_seq == 0)
		memcpy(tail->checkpoint_sig, "-", 2);
	if (!found.good)
		snprintf(tail->broken, sizeof(tail->broken), "seq %llu: %.150s",
		    (unsigned long long)found.seq, found.reason);
	else if (key->path != NULL && found.last_seq < key->seq)
		snprintf(tail->broken, sizeof(tail->broken),
		    "it ends at seq %llu, but %.100s remembers seq %llu",
		    (unsigned long long)found.last_seq, key->path, (unsigned long long)key->seq);
	if (!found.good && end > 0)
		take_last_line(tail, &verifier.chain, bytes, end);
	if (end < length) {
		/* The caller reserved one byte more: the LF that the sink will add. */
		tail->torn.bytes = length - end + 1;
		chain_hash(&verifier.chain, bytes + end, (size_t)tail->torn.bytes, tail->torn.sha256);
	}
	verifier_close(&verifier);
}

/* "2026-11-22T09:37:53…Z" to microseconds, 0 when it is not that. */
static uint64_t
parse_time(const char *text)
{
	struct tm tm = { 0 };
	time_t seconds;

	if (text == NULL || strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
		return 0;
	seconds = timegm(&tm);
	return seconds > 0 ? (uint64_t)seconds * 1000000 : 0;
}

/* The first record's seq and time: the file is named and aged by them. */
static void
read_first(const char *path, struct chain_tail *tail)
{
	struct lines lines;
	struct error err;

	if (!lines_open(&lines, path, &err))
		return;
	while (tail->first_seq == 0 && lines.number < 2 && lines_next(&lines, &err)) {
		json_t *record = json_loadb(lines.line, lines.length, 0, NULL);
		json_int_t seq = json_integer_value(json_object_get(record, "seq"));

		if (seq > 0) {
			tail->first_seq = (uint64_t)seq;
			tail->first_us = parse_time(json_string_value(json_object_get(record, "time")));
		}
		json_decref(record);
	}
	lines_close(&lines);
}

static bool
judge_file(const char *path, int fd, uint64_t size, const struct mac_key *key,
    struct chain_tail *tail, struct error *err)
{
	struct buf bytes = { 0 };
	size_t at, end;
	bool good = false;

	if (!read_tail(fd, size, &bytes, &at)) {
		error_set(err, ERROR_IO, "audit.file %s: cannot read its end: %s", path,
		    strerror(errno));
		goto out;
	}
	*buf_reserve(&bytes, 1) = '\n';
	end = line_start(buf_bytes(&bytes), buf_length(&bytes));
	/* With a key that remembers a record, this is our log, whatever was done to it. */
	if (end > 0 && !ends_in_record(buf_bytes(&bytes), end) &&
	    (key->path == NULL || key->seq == 0)) {
		error_set(err, ERROR_IO,
		    "audit.file %s: its last line is not an audit record, so the chain "
		    "cannot go on from it; move the file away", path);
		goto out;
	}
	judge(tail, buf_bytes(&bytes) + at, buf_length(&bytes) - at, key);
	read_first(path, tail);
	good = true;
out:
	buf_free(&bytes);
	return good;
}

bool
chain_read_tail(const char *path, const struct mac_key *key, struct chain_tail *tail,
    struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat file;
	bool good = false;

	*tail = (struct chain_tail){ .checkpoint_sig = "-" };
	if (fd < 0 || fstat(fd, &file) < 0)
		error_set(err, ERROR_IO, "audit.file %s: cannot read its end: %s", path,
		    strerror(errno));
	else if (!S_ISREG(file.st_mode))
		good = true;
	else if (file.st_size > 0)
		good = judge_file(path, fd, (uint64_t)file.st_size, key, tail, err);
	else {
		good = true;
		if (key->path != NULL && key->seq > 0)
			snprintf(tail->broken, sizeof(tail->broken),
			    "it is empty or gone, but %.100s remembers seq %llu", key->path,
			    (unsigned long long)key->seq);
	}
	if (fd >= 0)
		close(fd);
	return good;
}

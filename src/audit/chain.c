/*
 * chain.c - seq and prev: what makes a removed, added or changed record show.
 * Used by the writer, and at start to go on from the end of a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_internal.h"
#include "base/log.h"
#include "base/mem.h"

enum {
	TAIL_STEP = 64 << 10,
	TAIL_MOST = 32 << 20, /* no record is longer: see LANE_SIZE */
};

void
chain_open(struct chain *chain)
{
	static const uint8_t zeros[32];

	*chain = (struct chain){ 0 };
	chain->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	chain->context = EVP_MD_CTX_new();
	if (chain->sha256 == NULL || chain->context == NULL ||
	    EVP_DigestInit_ex2(chain->context, chain->sha256, NULL) != 1)
		log_fatal("OpenSSL has no SHA-256: the audit log cannot be chained");
	EVP_EncodeBlock((unsigned char *)chain->prev, zeros, sizeof(zeros));
}

void
chain_close(struct chain *chain)
{
	EVP_MD_CTX_free(chain->context);
	EVP_MD_free(chain->sha256);
	*chain = (struct chain){ 0 };
}

void
chain_hash(struct chain *chain, const void *bytes, size_t length, char hash[CHAIN_HASH_SIZE])
{
	uint8_t digest[32] = { 0 };

	/* The algorithm stays that of chain_open(). */
	EVP_DigestInit_ex2(chain->context, NULL, NULL);
	EVP_DigestUpdate(chain->context, bytes, length);
	EVP_DigestFinal_ex(chain->context, digest, NULL);
	EVP_EncodeBlock((unsigned char *)hash, digest, sizeof(digest));
}

size_t
chain_begin(struct chain *chain, struct buf *out)
{
	size_t begin = buf_length(out);

	put_literal(out, "{\"v\":1,\"seq\":");
	buf_put_int(out, (int64_t)++chain->seq);
	return begin;
}

void
chain_end(struct chain *chain, struct buf *out, size_t begin)
{
	put_literal(out, ",\"prev\":\"");
	buf_put(out, chain->prev, CHAIN_HASH_SIZE - 1);
	put_literal(out, "\",\"mac\":\"\"}\n");
	chain_hash(chain, buf_bytes(out) + begin, buf_length(out) - begin, chain->prev);
}

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

/*
 * Read so much of the end that it holds the last whole line and what follows it,
 * or the whole file.
 */
static bool
read_tail(int fd, uint64_t size, struct buf *tail)
{
	for (uint64_t want = TAIL_STEP;; want *= 2) {
		uint64_t length = want < size ? want : size;
		size_t torn;

		buf_clear(tail);
		if (!read_range(fd, buf_reserve(tail, length + 1), length, size - length))
			return false;
		buf_grown(tail, length);
		torn = line_start(buf_bytes(tail), length);
		if (length == size || (torn > 0 && line_start(buf_bytes(tail), torn - 1) > 0))
			return true;
		if (want >= TAIL_MOST) {
			errno = EFBIG;
			return false;
		}
	}
}

/* Does a whole line say its seq, and end as a record does? */
static bool
read_seq(const uint8_t *line, size_t length, uint64_t *seq)
{
	json_t *record = json_loadb((const char *)line, length, JSON_REJECT_DUPLICATES, NULL);
	json_int_t value = json_integer_value(json_object_get(record, "seq"));
	bool good = value > 0 && json_is_string(json_object_get(record, "prev")) &&
	    json_is_string(json_object_get(record, "mac"));

	json_decref(record);
	*seq = (uint64_t)value;
	return good;
}

static bool
resume_from(struct chain *chain, const char *path, const uint8_t *tail, size_t length,
    struct chain_torn *torn, struct error *err)
{
	size_t end = line_start(tail, length);
	size_t begin = end > 0 ? line_start(tail, end - 1) : 0;

	if (end > 0) {
		if (!read_seq(tail + begin, end - begin, &chain->seq))
			return error_set(err, ERROR_IO,
			    "audit.file %s: its last line is not an audit record, so the chain "
			    "cannot go on from it; move the file away", path);
		chain_hash(chain, tail + begin, end - begin, chain->prev);
	}
	torn->bytes = 0;
	if (end < length) {
		/* The caller reserved one byte more: the LF that the sink will add. */
		torn->bytes = length - end + 1;
		chain_hash(chain, tail + end, (size_t)torn->bytes, torn->sha256);
	}
	return true;
}

bool
chain_resume(struct chain *chain, const char *path, struct chain_torn *torn,
    struct error *err)
{
	struct buf tail = { 0 };
	struct stat file;
	bool good = false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	*torn = (struct chain_torn){ 0 };
	if (fd < 0 || fstat(fd, &file) < 0) {
		error_set(err, ERROR_IO, "audit.file %s: cannot read its end: %s", path,
		    strerror(errno));
	} else if (!S_ISREG(file.st_mode) || file.st_size == 0) {
		good = true;
	} else if (!read_tail(fd, (uint64_t)file.st_size, &tail)) {
		error_set(err, ERROR_IO, "audit.file %s: cannot read its end: %s", path,
		    strerror(errno));
	} else {
		*buf_reserve(&tail, 1) = '\n';
		good = resume_from(chain, path, buf_bytes(&tail), buf_length(&tail), torn, err);
	}
	if (fd >= 0)
		close(fd);
	buf_free(&tail);
	return good;
}

/* packed.c - see packed.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "base/mem.h"
#include "base/packed.h"

enum {
	PIECE = 128 << 10,
	LEVEL = 1, /* as small as 3 for records, at half the time */
};

struct unpacker {
	ZSTD_DStream *stream;
	ZSTD_inBuffer in;
	uint8_t bytes[PIECE]; /* what `in` points to */
	bool within; /* in the middle of a frame */
	uint64_t offset;
};

bool
packed_name(const char *path)
{
	size_t length = strlen(path);

	return length > 4 && strcmp(path + length - 4, ".zst") == 0;
}

struct unpacker *
unpacker_new(void)
{
	struct unpacker *unpacker = mem_alloc(sizeof(*unpacker));

	unpacker->stream = ZSTD_createDStream();
	unpacker->in = (ZSTD_inBuffer){ unpacker->bytes, 0, 0 };
	unpacker->within = false;
	unpacker->offset = 0;
	return unpacker;
}

void
unpacker_free(struct unpacker *unpacker)
{
	if (unpacker == NULL)
		return;
	ZSTD_freeDStream(unpacker->stream);
	mem_free(unpacker);
}

/* More compressed bytes; 0 at the file's end. */
static ssize_t
refill(struct unpacker *unpacker, int fd, struct error *err)
{
	ssize_t got;

	do
		got = read(fd, unpacker->bytes, sizeof(unpacker->bytes));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		error_set(err, ERROR_IO, "cannot read: %s", strerror(errno));
	else if (got == 0 && unpacker->within)
		error_set(err, ERROR_IO, "the compressed file ends in the middle: it was cut off");
	unpacker->in = (ZSTD_inBuffer){ unpacker->bytes, got > 0 ? (size_t)got : 0, 0 };
	unpacker->offset += unpacker->in.size;
	return got == 0 && unpacker->within ? -1 : got;
}

uint64_t
unpacker_offset(const struct unpacker *unpacker)
{
	return unpacker->offset;
}

ssize_t
unpacker_read(struct unpacker *unpacker, int fd, uint8_t *into, size_t room, struct error *err)
{
	ZSTD_outBuffer out = { into, room, 0 };

	if (unpacker->stream == NULL) {
		error_set(err, ERROR_IO, "no memory to decompress");
		return -1;
	}
	while (out.pos == 0) {
		size_t result;

		if (unpacker->in.pos == unpacker->in.size) {
			ssize_t got = refill(unpacker, fd, err);

			if (got <= 0)
				return got;
		}
		result = ZSTD_decompressStream(unpacker->stream, &out, &unpacker->in);
		if (ZSTD_isError(result)) {
			error_set(err, ERROR_IO, "cannot decompress: %s", ZSTD_getErrorName(result));
			return -1;
		}
		unpacker->within = result != 0;
	}
	return (ssize_t)out.pos;
}

/* ---- writing ---- */

static bool
write_all(int fd, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		ssize_t done = write(fd, bytes, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		bytes += done;
		length -= (size_t)done;
	}
	return true;
}

/* Compress one piece; the last one ends the frame. */
static bool
put_piece(ZSTD_CCtx *context, int to, const uint8_t *bytes, size_t length, struct error *err)
{
	ZSTD_EndDirective how = length == 0 ? ZSTD_e_end : ZSTD_e_continue;
	ZSTD_inBuffer in = { bytes, length, 0 };
	uint8_t packed[PIECE];
	size_t left;

	do {
		ZSTD_outBuffer out = { packed, sizeof(packed), 0 };

		left = ZSTD_compressStream2(context, &out, &in, how);
		if (ZSTD_isError(left))
			return error_set(err, ERROR_IO, "cannot compress: %s", ZSTD_getErrorName(left));
		if (!write_all(to, packed, out.pos))
			return error_set(err, ERROR_IO, "cannot write: %s", strerror(errno));
	} while (how == ZSTD_e_end ? left > 0 : in.pos < in.size);
	return true;
}

bool
packed_write(int from, int to, const atomic_bool *stop, struct error *err)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();
	uint8_t *bytes = mem_alloc(PIECE);
	ssize_t got = 0;
	bool good = context != NULL;

	if (good) {
		ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL);
		ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
	} else {
		error_set(err, ERROR_IO, "no memory to compress");
	}
	do {
		if (!good || atomic_load(stop)) {
			good = good && error_set(err, ERROR_IO, "stopped");
			break;
		}
		got = read(from, bytes, PIECE);
		if (got < 0)
			good = error_set(err, ERROR_IO, "cannot read: %s", strerror(errno));
		else
			good = put_piece(context, to, bytes, (size_t)got, err);
	} while (good && got > 0);
	mem_free(bytes);
	ZSTD_freeCCtx(context);
	return good;
}

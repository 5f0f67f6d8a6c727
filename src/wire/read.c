/* read.c - see read.h. */
#include <string.h>

#include "wire/frame.h"
#include "base/mem.h"
#include "wire/read.h"

struct reader
reader_over(const void *bytes, size_t length)
{
	return (struct reader){ .at = bytes, .left = length };
}

const uint8_t *
read_bytes(struct reader *reader, size_t length)
{
	const uint8_t *at = reader->at;

	if (reader->failed || length > reader->left) {
		reader->failed = true;
		return NULL;
	}
	reader->at += length;
	reader->left -= length;
	return at;
}

uint8_t
read_u8(struct reader *reader)
{
	const uint8_t *at = read_bytes(reader, 1);

	return at == NULL ? 0 : at[0];
}

uint16_t
read_u16(struct reader *reader)
{
	const uint8_t *at = read_bytes(reader, 2);

	return at == NULL ? 0 : (uint16_t)(at[0] << 8 | at[1]);
}

uint32_t
read_u32(struct reader *reader)
{
	const uint8_t *at = read_bytes(reader, 4);

	return at == NULL ? 0 : frame_u32(at);
}

const char *
read_cstring(struct reader *reader)
{
	const uint8_t *end =
	    reader->failed || reader->left == 0 ? NULL : memchr(reader->at, 0, reader->left);
	const char *text = (const char *)reader->at;

	if (end == NULL) {
		reader->failed = true;
		return "";
	}
	reader->left -= (size_t)(end + 1 - reader->at);
	reader->at = end + 1;
	return text;
}

bool
read_text_row(const void *body, size_t length, char **columns, size_t count)
{
	struct reader reader = reader_over(body, length);
	bool good = read_u16(&reader) == count;

	for (size_t i = 0; i < count; i++) {
		uint32_t here = good ? read_u32(&reader) : 0;
		const uint8_t *bytes = good && here <= reader.left ? read_bytes(&reader, here) : NULL;

		good = bytes != NULL;
		columns[i] = good ? mem_strndup((const char *)bytes, here) : NULL;
	}
	return good;
}

bool
reader_ok(const struct reader *reader)
{
	return !reader->failed;
}

bool
reader_done(const struct reader *reader)
{
	return !reader->failed && reader->left == 0;
}

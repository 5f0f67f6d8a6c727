/* json.c - see json.h. */
#include <string.h>

#include "base/json.h"

/* Bytes that stand for themselves: printable ASCII but the quote and the backslash. */
static bool
is_plain(uint8_t byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

size_t
json_utf8_length(const uint8_t *at, size_t left)
{
	size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;

	if (at[0] < 0xc2 || at[0] > 0xf4 || left < length)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
	    (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return length;
}

/* Append one character that cannot stand for itself; returns how many bytes it had. */
static size_t
put_special(struct buf *out, const uint8_t *at, size_t left)
{
	size_t length;

	switch (at[0]) {
	case '"':
		buf_put(out, "\\\"", 2);
		return 1;
	case '\\':
		buf_put(out, "\\\\", 2);
		return 1;
	}
	if (at[0] < 0x80) {
		buf_printf(out, "\\u%04x", at[0]);
		return 1;
	}
	length = json_utf8_length(at, left);
	if (length == 0) {
		buf_put(out, "\xef\xbf\xbd", 3);
		return 1;
	}
	if (length == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9))
		buf_printf(out, "\\u20%02x", at[2] == 0xa8 ? 0x28 : 0x29);
	else
		buf_put(out, at, length);
	return length;
}

void
json_put_string(struct buf *out, const char *text, size_t length)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t done = 0;

	buf_put_u8(out, '"');
	while (done < length) {
		size_t run = done;

		while (run < length && is_plain(at[run]))
			run++;
		buf_put(out, at + done, run - done);
		done = run;
		if (done < length)
			done += put_special(out, at + done, length - done);
	}
	buf_put_u8(out, '"');
}

static void
put_key(struct buf *out, const char *key)
{
	buf_put(out, ",\"", 2);
	buf_put_text(out, key);
	buf_put(out, "\":", 2);
}

void
json_put_member(struct buf *out, const char *key, const char *text)
{
	if (text == NULL)
		return;
	put_key(out, key);
	json_put_string(out, text, strlen(text));
}

void
json_put_member_int(struct buf *out, const char *key, int64_t value)
{
	put_key(out, key);
	buf_put_int(out, value);
}

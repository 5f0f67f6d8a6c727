/* rows.c - see rows.h. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "rows.h"
#include "wire/build.h"

void
row_begin(struct rows *rows)
{
	rows->mark = build_begin(&rows->out, 'D');
	rows->filled = 0;
	buf_put_u16(&rows->out, (uint16_t)rows->columns);
}

void
row_end(struct rows *rows)
{
	assert(rows->filled == rows->columns);
	build_end(&rows->out, rows->mark);
	rows->count++;
}

static void
put_value(struct rows *rows, const char *text, size_t length)
{
	buf_put_u32(&rows->out, (uint32_t)length);
	buf_put(&rows->out, text, length);
	rows->filled++;
}

void
row_text(struct rows *rows, const char *text)
{
	size_t length = text == NULL ? 0 : strlen(text);
	uint8_t *at;

	if (text == NULL) {
		buf_put_u32(&rows->out, 0xffffffff);
		rows->filled++;
		return;
	}
	put_value(rows, text, length);
	if (text_is_utf8(text, length))
		return;
	at = buf_bytes(&rows->out) + buf_length(&rows->out) - length;
	for (size_t i = 0; i < length; i++)
		if (at[i] >= 0x80)
			at[i] = '?';
}

void
row_int(struct rows *rows, int64_t value)
{
	char text[24];
	int length = snprintf(text, sizeof(text), "%lld", (long long)value);

	put_value(rows, text, (size_t)length);
}

void
row_hex(struct rows *rows, uint64_t value)
{
	char text[24];
	int length = snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);

	put_value(rows, text, (size_t)length);
}

void
row_time(struct rows *rows, uint64_t wall_us)
{
	char text[CLOCK_TEXT_SIZE] = "";

	if (wall_us != 0)
		clock_format_console(wall_us, text);
	row_text(rows, text);
}

void
rows_free(struct rows *rows)
{
	buf_free(&rows->out);
	*rows = (struct rows){ 0 };
}

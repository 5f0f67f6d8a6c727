/* text.c - see text.h. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct unit {
	const char *name;
	int64_t factor;
};

/* Largest first, so that writing finds the shortest spelling. */
static const struct unit durations[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 },
	{ "s", 1000 }, { "ms", 1 }, { NULL, 0 } };
static const struct unit sizes[] = { { "TiB", INT64_C(1) << 40 }, { "GiB", 1 << 30 },
	{ "MiB", 1 << 20 }, { "KiB", 1 << 10 }, { "B", 1 }, { NULL, 0 } };

/* A whole number and a unit; without a unit only `plain_ok` or 0. */
static bool
to_unit(const char *text, const struct unit *units, bool plain_ok, int64_t *value)
{
	char *end;
	long long number;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0)
		return false;
	if (*end == '\0' && (plain_ok || number == 0)) {
		*value = number;
		return true;
	}
	for (; units->name != NULL; units++)
		if (strcmp(end, units->name) == 0)
			return !__builtin_mul_overflow((int64_t)number, units->factor, value);
	return false;
}

static void
from_unit(int64_t value, const struct unit *units, char out[TEXT_UNIT_SIZE])
{
	if (value == 0) {
		snprintf(out, TEXT_UNIT_SIZE, "0");
		return;
	}
	while (value % units->factor != 0)
		units++;
	snprintf(out, TEXT_UNIT_SIZE, "%" PRId64 "%s", value / units->factor, units->name);
}

bool
text_to_duration(const char *text, int64_t *ms)
{
	return to_unit(text, durations, false, ms);
}

bool
text_to_size(const char *text, int64_t *bytes)
{
	return to_unit(text, sizes, true, bytes);
}

bool
text_to_int(const char *text, int64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)text[0]) && !(text[0] == '-' && isdigit((unsigned char)text[1])))
		return false;
	errno = 0;
	*value = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0';
}

void
text_from_duration(int64_t ms, char out[TEXT_UNIT_SIZE])
{
	from_unit(ms, durations, out);
}

void
text_from_size(int64_t bytes, char out[TEXT_UNIT_SIZE])
{
	from_unit(bytes, sizes, out);
}

/* Remembers the last star only: linear times the number of stars, no recursion. */
bool
text_to_host_port(const char *text, char *host, size_t host_size, int *port)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon != NULL ? (size_t)(colon - text) : 0;
	int64_t number;

	if (length == 0 || !text_to_int(colon + 1, &number) || number < 1 || number > 65535)
		return false;
	if (text[0] == '[') {
		if (text[length - 1] != ']')
			return false;
		text++;
		length -= 2;
	} else if (memchr(text, ':', length) != NULL) {
		return false; /* which colon is the port's? */
	}
	if (length == 0 || length >= host_size)
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	*port = (int)number;
	return true;
}

int
text_hex_value(char digit)
{
	if (isdigit((unsigned char)digit))
		return digit - '0';
	digit = (char)tolower((unsigned char)digit);
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool
text_fits_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *resume = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			resume = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star + 1;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* Levenshtein distance, for words of at most 63 bytes. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[64];
	size_t length = strlen(b);

	if (length > 63 || strlen(a) > 63)
		return 64;
	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= length; j++) {
			size_t above = row[j];
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = above;
			row[j] = best;
		}
	}
	return row[length];
}

const char *
text_nearest(const char *word, const char *const *candidates, size_t count)
{
	size_t least = strlen(word) / 3 + 2; /* farther than this is another word */
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t far = distance(word, candidates[i]);

		if (far < least) {
			least = far;
			nearest = candidates[i];
		}
	}
	return nearest;
}

void
text_put_escaped(struct buf *out, const char *text, size_t length, size_t most)
{
	size_t shown = length > most ? most : length;

	for (size_t i = 0; i < shown; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte < 0x20 || byte == 0x7f || byte == '\\')
			buf_printf(out, "\\x%02x", byte);
		else
			buf_put_u8(out, byte);
	}
	if (shown < length)
		buf_put_text(out, "…");
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
text_put_base64(struct buf *out, const void *bytes, size_t length)
{
	const uint8_t *in = bytes;

	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		uint32_t three = (uint32_t)in[i] << 16;

		if (left > 1)
			three |= (uint32_t)in[i + 1] << 8;
		if (left > 2)
			three |= in[i + 2];
		buf_put_u8(out, (uint8_t)base64_digits[three >> 18]);
		buf_put_u8(out, (uint8_t)base64_digits[three >> 12 & 63]);
		buf_put_u8(out, left > 1 ? (uint8_t)base64_digits[three >> 6 & 63] : '=');
		buf_put_u8(out, left > 2 ? (uint8_t)base64_digits[three & 63] : '=');
	}
}

/* The value of a digit, or -1. */
static int
base64_value(char digit)
{
	const char *at = digit != '\0' ? strchr(base64_digits, digit) : NULL;

	return at == NULL ? -1 : (int)(at - base64_digits);
}

bool
text_get_base64(const char *text, size_t length, struct buf *out)
{
	if (length % 4 != 0)
		return false;
	for (size_t i = 0; i < length; i += 4) {
		bool last = i + 4 == length;
		size_t pads = last && text[i + 3] == '=' ? (text[i + 2] == '=' ? 2 : 1) : 0;
		uint32_t three = 0;

		for (size_t j = 0; j < 4; j++) {
			int value = j >= 4 - pads ? 0 : base64_value(text[i + j]);

			if (value < 0)
				return false;
			three = three << 6 | (uint32_t)value;
		}
		buf_put_u8(out, (uint8_t)(three >> 16));
		if (pads < 2)
			buf_put_u8(out, (uint8_t)(three >> 8));
		if (pads < 1)
			buf_put_u8(out, (uint8_t)three);
	}
	return true;
}

bool
text_is_utf8(const char *text, size_t length)
{
	const uint8_t *at = (const uint8_t *)text;
	const uint8_t *end = at + length;

	while (at < end) {
		size_t more = at[0] < 0x80 ? 0 : at[0] < 0xe0 ? 1 : at[0] < 0xf0 ? 2 : 3;

		if (at[0] == 0 || (at[0] >= 0x80 && at[0] < 0xc2) || at[0] > 0xf4 ||
		    (size_t)(end - at) <= more)
			return false;
		for (size_t i = 1; i <= more; i++)
			if ((at[i] & 0xc0) != 0x80)
				return false;
		if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
		    (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
			return false;
		at += 1 + more;
	}
	return true;
}

/* ---- text for a terminal ---- */

/* The character at `at` and how many bytes it has; it need not be UTF-8. */
static size_t
decode(const unsigned char *at, uint32_t *code)
{
	size_t length = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

	if (at[0] >= 0x80 && at[0] < 0xc2) { /* no character begins so */
		*code = 0;
		return 1;
	}
	*code = length == 1 ? at[0] : at[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80) { /* a name of a file need not be UTF-8 */
			*code = 0;
			return 1;
		}
		*code = *code << 6 | (at[i] & 0x3fu);
	}
	return length;
}

/* Control characters of both ranges, and those that turn the reading direction around. */
static bool
is_unsafe(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
	    (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
	    code == 0xfeff;
}

void
text_put_safe(struct buf *out, const char *text, size_t most_characters)
{
	const unsigned char *at = (const unsigned char *)text;

	for (size_t shown = 0; *at != '\0'; shown++) {
		uint32_t code;
		size_t length = decode(at, &code);

		if (most_characters > 0 && shown + 1 >= most_characters && at[length] != '\0') {
			buf_put_text(out, "…");
			return;
		}
		if (code == '\n' || code == '\t' || code == '\r')
			buf_put_u8(out, ' ');
		else if (is_unsafe(code))
			buf_put_u8(out, '?');
		else
			buf_put(out, at, length);
		at += length;
	}
}

bool
text_is_among(const char *text, const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(texts[i], text) == 0)
			return true;
	return false;
}

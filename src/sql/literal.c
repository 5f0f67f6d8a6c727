/*
 * literal.c - see value.h: texts that are made of literals, and arrays in quotes. Called by
 * fold.c, value.c, compare.c.
 */
#include <stdio.h>
#include <string.h>

#include "value.h"

enum {
	MADE_MOST = 1024,  /* longer texts are not put together: chains of || are long */
	NUMBER_MOST = 48,  /* room for an integer */
	DIGITS_MOST = 18,  /* more of them a long double does not tell apart */
};

/* "1.50" stays as it is written; ".5", "1e2" and "007.5" do not. */
static bool
is_plain_decimal(struct slice text)
{
	const uint8_t *dot = text.length > 0 ? memchr(text.bytes, '.', text.length) : NULL;

	if (dot == NULL || dot == text.bytes || dot == text.bytes + text.length - 1 ||
	    (text.bytes[0] == '0' && dot != text.bytes + 1))
		return false;
	for (size_t i = 0; i < text.length; i++)
		if ((text.bytes[i] < '0' || text.bytes[i] > '9') && &text.bytes[i] != dot)
			return false;
	return true;
}

static bool
number_to_text(struct arena *arena, const struct value *value, struct slice *text)
{
	char digits[NUMBER_MOST];
	int length;

	if (!value->is_integer) {
		*text = value->text;
		return is_plain_decimal(value->text);
	}
	length = snprintf(digits, sizeof(digits), "%.0Lf", value->number);
	if (length <= 0 || length > DIGITS_MOST)
		return false;
	*text = slice_of(arena_strndup(arena, digits, (size_t)length));
	return true;
}

bool
value_to_text(struct arena *arena, const struct value *value, struct slice *text)
{
	switch (value->kind) {
	case VALUE_TEXT:
		*text = value->text;
		return !value->is_moment;
	case VALUE_NUMBER:
		return number_to_text(arena, value, text);
	case VALUE_TRUTH:
		*text = slice_of(value->truth == VALUE_TRUE ? "true" : "false");
		return value->truth == VALUE_TRUE || value->truth == VALUE_FALSE;
	default:
		return false;
	}
}

struct value
value_concat(struct arena *arena, const struct value *a, const struct value *b,
    struct tree_node node)
{
	const struct value both[] = { *a, *b };
	struct value sum = { .kind = VALUE_TEXT };
	struct slice left, right;
	uint8_t *bytes;

	if (a->kind == VALUE_NULL || b->kind == VALUE_NULL)
		return (struct value){ .kind = VALUE_NULL };
	if (a->kind == VALUE_DATA && b->kind == VALUE_TEXT && b->text.length == 0)
		return *a;
	if (b->kind == VALUE_DATA && a->kind == VALUE_TEXT && a->text.length == 0)
		return *b;
	if (!value_to_text(arena, a, &left) || !value_to_text(arena, b, &right) ||
	    left.length > MADE_MOST || right.length > MADE_MOST - left.length)
		return value_opaque(node, both, 2);
	bytes = arena_zalloc(arena, left.length + right.length + 1, 1);
	if (left.length > 0)
		memcpy(bytes, left.bytes, left.length);
	if (right.length > 0)
		memcpy(bytes + left.length, right.bytes, right.length);
	sum.text = (struct slice){ bytes, left.length + right.length };
	return sum;
}

/* ---- LIKE ---- */

static bool
is_ascii(struct slice text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.bytes[i] >= 0x80)
			return false;
	return true;
}

static bool
bytes_fit(uint8_t a, uint8_t b, bool any_case)
{
	if (any_case && a >= 'A' && a <= 'Z')
		a = (uint8_t)(a - 'A' + 'a');
	if (any_case && b >= 'A' && b <= 'Z')
		b = (uint8_t)(b - 'A' + 'a');
	return a == b;
}

/* Only % is ever tried again, and only the last one: what an earlier one leaves it can take. */
unsigned
value_like(struct slice text, struct slice pattern, bool any_case)
{
	size_t at = 0, want = 0, again_at = 0, again_want = 0;
	bool again = false;

	if (!is_ascii(text) || !is_ascii(pattern) ||
	    (pattern.length > 0 && memchr(pattern.bytes, '\\', pattern.length) != NULL) ||
	    text.length > MADE_MOST || pattern.length > MADE_MOST)
		return VALUE_EITHER;
	while (at < text.length) {
		if (want < pattern.length && pattern.bytes[want] == '%') {
			again = true;
			again_at = at;
			again_want = ++want;
		} else if (want < pattern.length && (pattern.bytes[want] == '_' ||
			       bytes_fit(pattern.bytes[want], text.bytes[at], any_case))) {
			want++;
			at++;
		} else if (again) {
			at = ++again_at;
			want = again_want;
		} else {
			return VALUE_FALSE;
		}
	}
	while (want < pattern.length && pattern.bytes[want] == '%')
		want++;
	return want == pattern.length ? VALUE_TRUE : VALUE_FALSE;
}

/* ---- arrays in quotes ---- */

static bool
is_between(uint8_t byte)
{
	return memchr("{}, \t\n\r\f\v", byte, 10) != NULL;
}

bool
value_is_array(struct slice text, struct slice *rest)
{
	while (text.length > 0 && is_between(text.bytes[0]) && text.bytes[0] != '{') {
		text.bytes++;
		text.length--;
	}
	*rest = text;
	return text.length > 1 && text.bytes[0] == '{' &&
	       memchr(text.bytes, '\\', text.length) == NULL;
}

/* Up to the quote that ends it. */
static struct slice
quoted_element(struct slice *rest)
{
	const uint8_t *start = ++rest->bytes, *end;

	rest->length--;
	end = memchr(start, '"', rest->length);
	if (end == NULL)
		end = start + rest->length;
	rest->length -= (size_t)(end - start);
	rest->bytes = end;
	if (rest->length > 0) {
		rest->bytes++;
		rest->length--;
	}
	return (struct slice){ start, (size_t)(end - start) };
}

static struct slice
plain_element(struct slice *rest)
{
	struct slice element = { rest->bytes, 0 };

	while (rest->length > 0 && memchr(",{}\"", rest->bytes[0], 4) == NULL) {
		rest->bytes++;
		rest->length--;
		element.length++;
	}
	while (is_between(element.bytes[element.length - 1]))
		element.length--;
	return element;
}

static bool
is_null_word(struct slice text)
{
	return text.length == 4 && value_like(text, slice_of("null"), true) == VALUE_TRUE;
}

bool
value_next_element(struct slice *rest, struct value *element)
{
	bool quoted;

	while (rest->length > 0 && is_between(rest->bytes[0])) {
		rest->bytes++;
		rest->length--;
	}
	if (rest->length == 0)
		return false;
	quoted = rest->bytes[0] == '"';
	*element = (struct value){ .kind = VALUE_TEXT,
		.text = quoted ? quoted_element(rest) : plain_element(rest) };
	if (!quoted && is_null_word(element->text))
		element->kind = VALUE_NULL;
	return true;
}

/* test_object.c - behaviour of base/object: what it takes, jansson takes, with the same values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/object.h"

static const char record[] =
    "{\"v\":1,\"seq\":7,\"time\":\"2026-11-22T09:37:53.123456Z\",\"event\":\"statement\","
    "\"user.name\":\"j\xc3\xb6rg\",\"application\":\"a \\\"b\\\" \\u001b[2J \\u20ac\\\\\","
    "\"query.class\":[\"READ\",\"WRITE\"],\"relations\":[{\"name\":\"public.orders\","
    "\"access\":\"write\"},{\"name\":\"x\",\"access\":\"read\"}],\"tags\":{\"route\":\"/pay\"},"
    "\"lost\":{\"statement\":12,\"deep\":[[],{},[{\"a\":{\"b\":null}}]]},\"rows\":null,"
    "\"bytes_out\":-77,\"big\":123456789012345678,\"ok\":true,\"pin\":false,\"prev\":\"abc=\","
    "\"mac\":\"\"}";

/* The same value, by both readers? */
static void
assert_same(struct object_member *member, const json_t *json)
{
	struct object_cursor cursor = object_enter(member);
	struct object_member item;
	size_t count = 0;

	switch (member->kind) {
	case OBJECT_TEXT:
		assert_true(json_is_string(json));
		assert_string_equal(object_text(member), json_string_value(json));
		assert_int_equal(member->value_length, json_string_length(json));
		break;
	case OBJECT_NUMBER:
		assert_true(json_is_number(json));
		if (json_is_integer(json))
			assert_int_equal(object_number(member), json_integer_value(json));
		break;
	case OBJECT_WORD:
		assert_true(json_is_null(json) || json_is_boolean(json));
		break;
	case OBJECT_ARRAY:
		assert_true(json_is_array(json));
		for (; object_next(&cursor, &item); count++)
			assert_same(&item, json_array_get(json, count));
		assert_int_equal(count, json_array_size(json));
		break;
	case OBJECT_MAP:
		assert_true(json_is_object(json));
		for (; object_next(&cursor, &item); count++) {
			char *key = mem_strndup(item.key, item.key_length);

			if (strchr(key, '\\') == NULL) /* jansson tells such a key unescaped */
				assert_same(&item, json_object_get(json, key));
			mem_free(key);
		}
		assert_int_equal(count, json_object_size(json));
		break;
	}
}

static void
assert_members_same(struct object *object, const json_t *json)
{
	assert_int_equal(object->count, json_object_size(json));
	for (size_t i = 0; i < object->count; i++) {
		char *key = mem_strndup(object->members[i].key, object->members[i].key_length);

		if (strchr(key, '\\') == NULL)
			assert_same(&object->members[i], json_object_get(json, key));
		mem_free(key);
	}
}

/*
 * Hold both functions to jansson's word. The line is copied to memory of just its
 * size, so that a sanitizer sees a byte read too far. Returns what the scan said.
 */
static bool
compare(struct object *object, const char *line, size_t length)
{
	json_t *strict = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	json_t *lax = json_loadb(line, length, 0, NULL);
	char *copy = mem_alloc(length + 1);
	char *exact = mem_resize(memcpy(copy, line, length), length > 0 ? length : 1, 1);
	bool taken = object_scan(object, exact, length);

	assert_memory_equal(exact, line, length);
	if (taken) {
		assert_true(json_is_object(strict));
		assert_members_same(object, strict);
		memcpy(exact, line, length);
	}
	assert_int_equal(object_read(object, exact, length), json_is_object(lax));
	if (json_is_object(lax))
		assert_members_same(object, lax);
	json_decref(strict);
	json_decref(lax);
	mem_free(exact);
	return taken;
}

static void
a_record_of_ours_is_taken_without_jansson(void **state)
{
	struct object object = { 0 };

	assert_true(compare(&object, record, strlen(record)));
	assert_true(compare(&object, "{}", 2));
	object_free(&object);
	(void)state;
}

static void
what_is_not_in_our_form_is_left_to_jansson(void **state)
{
	static const char *const lines[] = { "", "{", "}", "[]", "null", "{\"a\":1", "{\"a\"}",
		"{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":1}x", "{\"a\":1} ", " {\"a\":1}", "{ }",
		"{\"a\": 1}", "{\"a\":01}", "{\"a\":-}", "{\"a\":1.5}", "{\"a\":1e3}",
		"{\"a\":12345678901234567890}", "{\"a\":1234567890123456789}", "{\"a\":nul}",
		"{\"a\":nullx}", "{\"a\":1,\"a\":2}", "{\"b\":{\"a\":1,\"a\":2}}", "{\"\\u0061\":1}",
		"{\"a\":\"\\u0000\"}", "{\"a\":\"\\ud83d\\ude00\"}", "{\"a\":\"\\ud83d\"}",
		"{\"a\":\"\\x\"}", "{\"a\":\"\\u00f\x19\"}", "{\"a\":\"\\u00g0\"}",
		"{\"a\":\"\\", "{\"a\":\"\\u00", "{\"a\":\"\xff\"}", "{\"a\":\"\xc3\"}",
		"{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\x01\"}", "{\"a\":[1,]}", "{\"a\":[,1]}",
		"{\"a\":[1 ,2]}", "{\"a\":{\"b\"}}", "{\"a\":{\"b\":}}", "{\"a\":{,}}", "{\"a\":[}",
		"{\"a\":[{]}}", "{\"a\":[[[[[[[[[[1]]]]]]]]]]}", "{\"a\":[[[[[[[[[[1]]]]]]]]]]",
		"{\"a\":{\"b\":1}\"c\":2}", "{\"a\"1}", "{1:2}", "{\"a\":\"b\"\"c\":1}" };
	struct object object = { 0 };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(compare(&object, lines[i], strlen(lines[i])));
	assert_false(compare(&object, "{\"a\0\":1}", 8));
	assert_false(compare(&object, "{\"a\":\"\0\"}", 9));
	object_free(&object);
	(void)state;
}

static uint64_t
dice(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Change, drop or double a few bytes, mostly to what means something in JSON. */
static size_t
damage(char *line, size_t length, uint64_t *seed)
{
	static const char bytes[] = "\"\"\\{}[],:0123e.- \n\x01\x7f\xc3\xa9\xff" "untrfl";

	for (uint64_t times = dice(seed) % 3 + 1; times > 0 && length > 2; times--) {
		size_t at = dice(seed) % length, other = dice(seed) % length;
		size_t run = dice(seed) % 12 + 1;

		switch (dice(seed) % 4) {
		case 0:
			line[at] = bytes[dice(seed) % (sizeof(bytes) - 1)];
			break;
		case 1:
			memmove(line + at, line + at + 1, --length - at);
			break;
		case 2:
			if (at + run <= length && other + run <= length)
				memmove(line + at, line + other, run);
			break;
		case 3:
			length = dice(seed) % 8 == 0 ? at + 1 : length;
			break;
		}
	}
	return length;
}

static void
damaged_records_are_read_as_jansson_reads_them(void **state)
{
	struct object object = { 0 };
	uint64_t seed = 4711;
	size_t taken = 0;

	for (size_t i = 0; i < 30000; i++) {
		char line[sizeof(record)];

		memcpy(line, record, sizeof(record));
		taken += compare(&object, line, damage(line, strlen(record), &seed));
	}
	assert_in_range(taken, 1000, 29000); /* both ways are walked */
	object_free(&object);
	(void)state;
}

static void
many_members_and_deep_values_fit(void **state)
{
	struct object object = { 0 };
	struct buf line = { 0 };
	uint32_t hint = 0;
	char *text;

	buf_put_text(&line, "{\"first\":0");
	for (int i = 0; i < 500; i++)
		buf_printf(&line, ",\"key%d\":%d", i, i);
	buf_put_u8(&line, '}');
	text = buf_steal_text(&line);
	assert_true(compare(&object, text, strlen(text)));
	assert_true(object_scan(&object, text, strlen(text)));
	assert_int_equal(object_number(object_find(&object, "key499", &hint)), 499);
	assert_int_equal(hint, 500);
	assert_null(object_find(&object, "key500", &hint));
	mem_free(text);
	buf_put_text(&line, "{\"a\":");
	for (int i = 0; i < 1000; i++)
		buf_put_u8(&line, '[');
	for (int i = 0; i < 1000; i++)
		buf_put_u8(&line, ']');
	buf_put_u8(&line, '}');
	text = buf_steal_text(&line);
	assert_false(compare(&object, text, strlen(text)));
	mem_free(text);
	object_free(&object);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_of_ours_is_taken_without_jansson),
		cmocka_unit_test(what_is_not_in_our_form_is_left_to_jansson),
		cmocka_unit_test(damaged_records_are_read_as_jansson_reads_them),
		cmocka_unit_test(many_members_and_deep_values_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

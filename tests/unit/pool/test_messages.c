/* test_messages.c - behaviour of pool/messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pool/messages.h"
#include "wire/build.h"

/* What was handled: the types in order, and how many bytes of bodies. */
struct seen {
	char types[32];
	size_t count, bytes;
	uint8_t last; /* after it no more is wanted */
};

static bool
note(void *arg, uint8_t type, const uint8_t *body, size_t length)
{
	struct seen *seen = arg;

	assert_true(seen->count < sizeof(seen->types) - 1);
	assert_true(length == 0 || body[length - 1] == 'x');
	seen->types[seen->count++] = (char)type;
	seen->bytes += length;
	return type != seen->last;
}

static void
put(struct buf *buf, uint8_t type, size_t length)
{
	size_t mark = build_begin(buf, type);

	for (size_t i = 0; i < length; i++)
		buf_put_u8(buf, 'x');
	build_end(buf, mark);
}

static void
test_messages_split_anywhere_are_handled_once_each(void **state)
{
	struct buf all = { 0 };

	(void)state;
	put(&all, 'T', 3);
	put(&all, 'D', 0);
	put(&all, 'Z', 1);
	for (size_t piece = 1; piece <= buf_length(&all); piece++) {
		struct buf in = { 0 };
		struct seen seen = { 0 };

		for (size_t at = 0; at < buf_length(&all); at += piece) {
			size_t left = buf_length(&all) - at;

			assert_int_equal(messages_take(&in, buf_bytes(&all) + at,
			    left < piece ? left : piece, 100, note, &seen), MESSAGES_TAKEN);
		}
		assert_string_equal(seen.types, "TDZ");
		assert_int_equal(seen.bytes, 4);
		assert_int_equal(buf_length(&in), 0);
		buf_free(&in);
	}
	buf_free(&all);
}

static void
test_the_beginning_of_the_next_message_is_kept(void **state)
{
	struct buf in = { 0 };
	struct seen seen = { 0 };
	struct buf bytes = { 0 };

	(void)state;
	put(&bytes, 'Z', 1);
	buf_put_text(&bytes, "D\0");
	assert_int_equal(messages_take(&in, buf_bytes(&bytes), buf_length(&bytes), 100, note, &seen),
	    MESSAGES_TAKEN);
	assert_string_equal(seen.types, "Z");
	assert_int_equal(buf_length(&in), 1);
	buf_free(&in);
	buf_free(&bytes);
}

static void
test_nothing_is_handled_behind_a_handler_that_ends_it(void **state)
{
	struct buf in = { 0 }, bytes = { 0 };
	struct seen seen = { .last = 'Z' };

	(void)state;
	put(&bytes, 'C', 2);
	put(&bytes, 'Z', 1);
	put(&bytes, 'D', 5);
	assert_int_equal(messages_take(&in, buf_bytes(&bytes), buf_length(&bytes), 100, note, &seen),
	    MESSAGES_ENDED);
	assert_string_equal(seen.types, "CZ");
	buf_free(&in);
	buf_free(&bytes);
}

static void
test_lengths_that_cannot_be_or_are_too_long_are_bad_before_their_body_comes(void **state)
{
	static const uint8_t lengths[][4] = { { 0, 0, 0, 0 }, { 0, 0, 0, 3 }, { 0x80, 0, 0, 0 },
		{ 0xff, 0xff, 0xff, 0xff }, { 0, 0, 0, 100 } };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct buf in = { 0 };
		struct seen seen = { 0 };

		buf_put_u8(&in, 'D');
		assert_int_equal(messages_take(&in, lengths[i], 4, 100, note, &seen), MESSAGES_BAD);
		assert_int_equal(seen.count, 0);
		buf_free(&in);
	}
}

static void
test_a_message_of_the_greatest_length_is_taken(void **state)
{
	struct buf in = { 0 }, bytes = { 0 };
	struct seen seen = { 0 };

	(void)state;
	put(&bytes, 'D', 95);
	assert_int_equal(messages_take(&in, buf_bytes(&bytes), buf_length(&bytes), 100, note, &seen),
	    MESSAGES_TAKEN);
	assert_int_equal(seen.bytes, 95);
	buf_free(&in);
	buf_free(&bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_split_anywhere_are_handled_once_each),
		cmocka_unit_test(test_the_beginning_of_the_next_message_is_kept),
		cmocka_unit_test(test_nothing_is_handled_behind_a_handler_that_ends_it),
		cmocka_unit_test(test_lengths_that_cannot_be_or_are_too_long_are_bad_before_their_body_comes),
		cmocka_unit_test(test_a_message_of_the_greatest_length_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

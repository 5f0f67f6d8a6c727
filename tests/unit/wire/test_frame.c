/* test_frame.c - behaviour of wire/frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "wire/frame.h"

/* The answer to a header that announces this length. */
static enum frame_status
read_announced(uint32_t announced, struct frame *frame)
{
	const uint8_t header[FRAME_HEADER] = { 'D', (uint8_t)(announced >> 24),
		(uint8_t)(announced >> 16), (uint8_t)(announced >> 8), (uint8_t)announced };

	return frame_read(header, sizeof(header), frame);
}

/* In a block of just that size, so that a byte read too many is seen. */
static void
a_header_cut_anywhere_is_short(void **state)
{
	for (size_t length = 0; length < FRAME_HEADER; length++) {
		uint8_t *cut = mem_copy("Q\0\0\0\4", length);
		struct frame frame;

		assert_int_equal(frame_read(cut, length, &frame), FRAME_SHORT);
		mem_free(cut);
	}
	(void)state;
}

static void
the_type_byte_counts_and_the_body_need_not_be_there(void **state)
{
	struct frame frame;

	assert_int_equal(frame_read((const uint8_t *)"S\0\0\0\4X", 6, &frame), FRAME_GOOD);
	assert_int_equal(frame.type, 'S');
	assert_int_equal(frame.length, 5);
	assert_int_equal(frame_read((const uint8_t *)"\xff\0\1\2\3", 5, &frame), FRAME_GOOD);
	assert_int_equal(frame.type, 0xff);
	assert_int_equal(frame.length, 0x10203 + 1);
	(void)state;
}

static void
no_length_below_four_or_above_postgresqls_own_limit_is_good(void **state)
{
	static const uint32_t good[] = { 4, 5, 127, 128, 255, 256, 0xffff, 0x10000, 0x3ffffffe,
		0x3fffffff };
	static const uint32_t bad[] = { 0, 1, 2, 3, 0x40000000, 0x40000004, 0x7fffffff, 0x80000000,
		0x80000004, 0xfffffffb, 0xffffffff };
	struct frame frame;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(read_announced(good[i], &frame), FRAME_GOOD);
		assert_int_equal(frame.length, (size_t)good[i] + 1);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(read_announced(bad[i], &frame), FRAME_BAD);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_cut_anywhere_is_short),
		cmocka_unit_test(the_type_byte_counts_and_the_body_need_not_be_there),
		cmocka_unit_test(no_length_below_four_or_above_postgresqls_own_limit_is_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

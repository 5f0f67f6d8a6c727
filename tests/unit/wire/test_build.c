/* test_build.c - behaviour of wire/build. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/build.h"
#include "wire/frame.h"
#include "wire/read.h"
#include "wire/startup.h"

/* Take the message at the front of *out: its type, and a reader over its body. */
static struct reader
take(struct buf *out, uint8_t type)
{
	struct frame frame = { 0 };
	struct reader body;

	assert_int_equal(frame_read(buf_bytes(out), buf_length(out), &frame), FRAME_GOOD);
	assert_int_equal(frame.type, type);
	assert_true(frame.length <= buf_length(out));
	body = reader_over(buf_bytes(out) + FRAME_HEADER, frame.length - FRAME_HEADER);
	buf_consume(out, frame.length);
	return body;
}

/* The only message of *out is this one, byte for byte. */
static void
assert_only(struct buf *out, const char *bytes, size_t length)
{
	assert_int_equal(buf_length(out), length);
	assert_memory_equal(buf_bytes(out), bytes, length);
	buf_clear(out);
}

static void
messages_without_a_body_are_five_bytes(void **state)
{
	struct buf out = { 0 };

	build_sync(&out);
	assert_only(&out, "S\0\0\0\4", 5);
	build_terminate(&out);
	assert_only(&out, "X\0\0\0\4", 5);
	build_empty_query(&out);
	assert_only(&out, "I\0\0\0\4", 5);
	buf_free(&out);
	(void)state;
}

static void
messages_stand_one_behind_the_other_with_lengths_of_their_own(void **state)
{
	struct buf out = { 0 };
	struct reader body;

	build_parse(&out, "s1", "select 1");
	build_bind(&out, "s1");
	build_execute(&out, "p");
	build_close(&out, 'S', "s1");
	build_sync(&out);

	body = take(&out, 'P');
	assert_string_equal(read_cstring(&body), "s1");
	assert_string_equal(read_cstring(&body), "select 1");
	assert_int_equal(read_u16(&body), 0);
	assert_true(reader_done(&body));
	body = take(&out, 'B');
	assert_string_equal(read_cstring(&body), "");
	assert_string_equal(read_cstring(&body), "s1");
	assert_int_equal(read_u16(&body) + read_u16(&body) + read_u16(&body), 0);
	assert_true(reader_done(&body));
	body = take(&out, 'E');
	assert_string_equal(read_cstring(&body), "p");
	assert_int_equal(read_u32(&body), 0);
	assert_true(reader_done(&body));
	body = take(&out, 'C');
	assert_int_equal(read_u8(&body), 'S');
	assert_string_equal(read_cstring(&body), "s1");
	assert_true(reader_done(&body));
	body = take(&out, 'S');
	assert_true(reader_done(&body));
	assert_int_equal(buf_length(&out), 0);
	buf_free(&out);
	(void)state;
}

static void
the_length_is_right_when_the_buffer_moves_under_the_mark(void **state)
{
	struct buf out = { 0 };
	char *text = mem_alloc(100001);
	struct reader body;

	memset(text, 'q', 100000);
	text[100000] = '\0';
	for (int i = 0; i < 40; i++)
		build_ready(&out, 'I');
	for (int i = 0; i < 39; i++)
		take(&out, 'Z');
	build_query(&out, text);
	take(&out, 'Z');
	body = take(&out, 'Q');
	assert_int_equal(strlen(read_cstring(&body)), 100000);
	assert_true(reader_done(&body));
	mem_free(text);
	buf_free(&out);
	(void)state;
}

static void
an_error_has_only_the_fields_it_was_given(void **state)
{
	struct buf out = { 0 };

	build_error(&out,
	    &(struct wire_error){
		.severity = "ERROR", .sqlstate = "42501", .message = "no", .detail = "" });
	assert_only(&out, "E\0\0\0\x1e" "SERROR\0VERROR\0C42501\0Mno\0\0", 31);
	build_notice(&out, &(struct wire_error){ .message = "psst", .position = 12, .line = -1 });
	assert_only(&out, "N\0\0\0\x0f" "Mpsst\0P12\0\0", 16);
	build_error(&out, &(struct wire_error){ 0 });
	assert_only(&out, "E\0\0\0\5\0", 6);
	buf_free(&out);
	(void)state;
}

static void
what_a_server_says_at_log_in_is_as_documented(void **state)
{
	struct buf out = { 0 };
	static const char *const unknown[] = { "_pq_.a", "_pq_.b" };

	build_authentication(&out, 0, NULL, 0);
	assert_only(&out, "R\0\0\0\x08\0\0\0\0", 9);
	build_authentication(&out, 5, "salt", 4);
	assert_only(&out, "R\0\0\0\x0c\0\0\0\5salt", 13);
	build_parameter_status(&out, "TimeZone", "");
	assert_only(&out, "S\0\0\0\x0eTimeZone\0\0", 15);
	build_key_data(&out, 1, (const uint8_t *)"\xff\xfe\xfd\xfc", 4);
	assert_only(&out, "K\0\0\0\x0c\0\0\0\1\xff\xfe\xfd\xfc", 13);
	build_key_data(&out, 1, (const uint8_t *)"0123456789abcdef0123456789abcdef", 32);
	assert_only(&out, "K\0\0\0\x28\0\0\0\1" "0123456789abcdef0123456789abcdef", 41);
	build_negotiate(&out, 2, unknown, 2);
	assert_only(&out, "v\0\0\0\x1a\0\3\0\2\0\0\0\2_pq_.a\0_pq_.b\0", 27);
	build_ready(&out, 'T');
	assert_only(&out, "Z\0\0\0\5T", 6);
	buf_free(&out);
	(void)state;
}

static void
rows_have_typed_columns_and_null_is_not_the_empty_text(void **state)
{
	static const struct wire_column columns[] = { { "t", 't' }, { "i", 'i' }, { "q", 'q' },
		{ "n", 'n' } };
	static const uint32_t oids[] = { 25, 23, 20, 1700 };
	static const uint16_t sizes[] = { 0xffff, 4, 8, 0xffff };
	static const char *const values[] = { "", NULL, "-1", "x" };
	struct buf out = { 0 };
	struct reader body;

	build_row_description(&out, columns, 4);
	body = take(&out, 'T');
	assert_int_equal(read_u16(&body), 4);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(read_cstring(&body), columns[i].name);
		assert_int_equal(read_u32(&body), 0);
		assert_int_equal(read_u16(&body), 0);
		assert_int_equal(read_u32(&body), oids[i]);
		assert_int_equal(read_u16(&body), sizes[i]);
		assert_int_equal(read_u32(&body), 0xffffffff);
		assert_int_equal(read_u16(&body), 0);
	}
	assert_true(reader_done(&body));
	build_data_row(&out, values, 4);
	assert_only(&out, "D\0\0\0\x19\0\4\0\0\0\0\xff\xff\xff\xff\0\0\0\2-1\0\0\0\1x", 26);
	buf_free(&out);
	(void)state;
}

static void
our_startup_packet_is_one_that_we_would_take(void **state)
{
	static const char *const pairs[] = { "user", "app_rw", "database", "shop", "DateStyle",
		"ISO" };
	struct buf out = { 0 };
	struct startup startup;
	struct error err;
	size_t packet;

	build_startup(&out, pairs, 3);
	assert_int_equal(
	    startup_length(buf_bytes(&out), buf_length(&out), &packet), STARTUP_GOOD);
	assert_int_equal(packet, buf_length(&out));
	assert_true(startup_parse(buf_bytes(&out), packet, &startup, &err));
	assert_string_equal(startup.user, "app_rw");
	assert_string_equal(startup.database, "shop");
	assert_int_equal(startup.minor, 0);
	assert_string_equal(startup.parameters[0].value, "ISO");
	startup_free(&startup);
	buf_free(&out);
	(void)state;
}

static void
our_cancel_request_is_one_that_we_would_take(void **state)
{
	struct buf out = { 0 };
	struct startup startup;
	struct error err;

	build_cancel_request(&out, 77, (const uint8_t *)"\x80\0\0\1", 4);
	assert_true(startup_parse(buf_bytes(&out), buf_length(&out), &startup, &err));
	assert_int_equal(startup.kind, STARTUP_CANCEL);
	assert_int_equal(startup.pid, 77);
	assert_memory_equal(startup.key, "\x80\0\0\1", 4);
	buf_clear(&out);
	build_cancel_request(&out, 1, (const uint8_t *)"0123456789abcdef0123456789abcdef", 32);
	assert_int_equal(frame_u32(buf_bytes(&out)), 44);
	assert_int_equal(buf_length(&out), 44);
	assert_true(startup_parse(buf_bytes(&out), buf_length(&out), &startup, &err));
	assert_int_equal(startup.key_length, 32);
	buf_free(&out);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_without_a_body_are_five_bytes),
		cmocka_unit_test(messages_stand_one_behind_the_other_with_lengths_of_their_own),
		cmocka_unit_test(the_length_is_right_when_the_buffer_moves_under_the_mark),
		cmocka_unit_test(an_error_has_only_the_fields_it_was_given),
		cmocka_unit_test(what_a_server_says_at_log_in_is_as_documented),
		cmocka_unit_test(rows_have_typed_columns_and_null_is_not_the_empty_text),
		cmocka_unit_test(our_startup_packet_is_one_that_we_would_take),
		cmocka_unit_test(our_cancel_request_is_one_that_we_would_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

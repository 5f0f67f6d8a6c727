/* test_requests.c - behaviour of session/requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "gate.h"
#include "requests.h"

/*
 * What PostgreSQL may send for each request: what is part of the answer, and what
 * ends it (PostgreSQL documentation, "Message Flow").
 */
static const struct {
	enum request_kind kind;
	const char *part, *last;
} kinds[] = {
	{ REQUEST_QUERY, "TDCIGHWdc", "Z" },
	{ REQUEST_PARSE, "", "1" },
	{ REQUEST_BIND, "", "2" },
	{ REQUEST_DESCRIBE_STATEMENT, "t", "Tn" },
	{ REQUEST_DESCRIBE_PORTAL, "", "Tn" },
	{ REQUEST_EXECUTE, "DGHdc", "CIs" },
	{ REQUEST_CLOSE, "", "3" },
	{ REQUEST_FUNCTION, "V", "Z" },
	{ REQUEST_SYNC, "", "Z" },
	{ REQUEST_COPY_END, "", "" },
};

static enum request_match
expected_match(const char *part, const char *last, uint8_t type)
{
	if (type != 0 && strchr(last, type) != NULL)
		return MATCH_LAST;
	return type != 0 && strchr(part, type) != NULL ? MATCH_PART : MATCH_VIOLATION;
}

static void
any_byte_is_part_or_end_of_an_answer_or_a_violation(void **state)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct request head = { .kind = (uint8_t)kinds[i].kind };

		for (unsigned type = 0; type < 256; type++) {
			enum request_match expected =
			    expected_match(kinds[i].part, kinds[i].last, (uint8_t)type);

			if (request_match(&head, (uint8_t)type) != expected)
				fail_msg("kind %d, type %02x is not %d", kinds[i].kind, type,
				    expected);
		}
	}
	(void)state;
}

static void
what_nobody_asked_for_is_a_violation(void **state)
{
	for (unsigned type = 0; type < 256; type++)
		assert_int_equal(request_match(NULL, (uint8_t)type), MATCH_VIOLATION);
	(void)state;
}

static struct request *
add_numbered(struct requests *requests, uint64_t number)
{
	struct request *request = requests_add(requests, REQUEST_QUERY, ANSWER_FORWARD);

	request->stmt = number;
	return request;
}

static void
a_new_request_is_empty_whatever_was_in_its_place(void **state)
{
	struct requests requests = { 0 };
	struct request *request;

	for (int i = 0; i < 40; i++) {
		request = requests_add(&requests, REQUEST_PARSE, ANSWER_SWALLOW);
		assert_int_equal(request->kind, REQUEST_PARSE);
		assert_int_equal(request->answer, ANSWER_SWALLOW);
		assert_null(request->name);
		assert_null(request->judged);
		assert_null(request->reply);
		assert_false(request->has_id);
		assert_int_equal(request->stmt, 0);
		request->name = mem_strdup("s1");
		request->has_id = true;
		request->stmt = 7;
		requests_pop(&requests);
	}
	requests_free(&requests);
	(void)state;
}

/* It grows while its first is anywhere in the ring. */
static void
the_order_is_kept_however_the_ring_grows_and_turns(void **state)
{
	struct requests requests = { 0 };
	uint64_t put = 0, got = 0;

	assert_null(requests_head(&requests));
	for (int turn = 1; turn < 200; turn++) {
		for (int i = 0; i < turn % 23; i++)
			add_numbered(&requests, put++);
		for (size_t i = 0; i < requests.count; i++)
			assert_int_equal(requests_at(&requests, i)->stmt, got + i);
		assert_null(requests_at(&requests, requests.count));
		for (int i = turn % 19; i > 0 && requests.count > 0; i--) {
			assert_int_equal(requests_head(&requests)->stmt, got++);
			requests_pop(&requests);
		}
	}
	assert_int_equal(requests.count, put - got);
	assert_true(requests.count > 16);
	requests_clear(&requests);
	assert_null(requests_head(&requests));
	requests_free(&requests);
	assert_null(requests.items);
	(void)state;
}

static void
one_from_the_middle_is_removed_across_the_rings_end(void **state)
{
	struct requests requests = { 0 };

	for (uint64_t i = 0; i < 12; i++)
		add_numbered(&requests, i);
	for (int i = 0; i < 10; i++)
		requests_pop(&requests);
	for (uint64_t i = 12; i < 20; i++) /* 10 … 19, over the end of the ring */
		add_numbered(&requests, i);
	requests_remove(&requests, 5);
	requests_remove(&requests, 0);
	requests_remove(&requests, 7); /* the last one */
	assert_int_equal(requests.count, 7);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(requests_at(&requests, i)->stmt, i < 4 ? 11 + i : 12 + i);
	requests_free(&requests);
	(void)state;
}

/* The leak checker looks at name and reply. */
static void
what_a_request_refers_to_is_released_with_it(void **state)
{
	struct judged *judged = mem_zalloc(1, sizeof(*judged));
	struct requests requests = { 0 };

	judged->references = 1;
	for (int i = 0; i < 5; i++) {
		struct request *request = add_numbered(&requests, 0);

		request->judged = judged_reference(judged);
		request->name = mem_strdup("name");
		request->reply = mem_copy("reply", 5);
		request->reply_length = 5;
	}
	assert_int_equal(judged->references, 6);
	requests_pop(&requests);
	requests_remove(&requests, 2);
	assert_int_equal(judged->references, 4);
	requests_free(&requests);
	assert_int_equal(judged->references, 1);
	judged_release(judged);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_byte_is_part_or_end_of_an_answer_or_a_violation),
		cmocka_unit_test(what_nobody_asked_for_is_a_violation),
		cmocka_unit_test(a_new_request_is_empty_whatever_was_in_its_place),
		cmocka_unit_test(the_order_is_kept_however_the_ring_grows_and_turns),
		cmocka_unit_test(one_from_the_middle_is_removed_across_the_rings_end),
		cmocka_unit_test(what_a_request_refers_to_is_released_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

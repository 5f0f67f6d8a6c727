/* test_talk.c - behaviour of pool/talk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "pool/server.h"
#include "pool/talk.h"
#include "wire/build.h"

/* A talk with a server that has no connection, and what was told of it. */
struct scene {
	struct server server;
	struct talk talk;
	char told[32];
	size_t count;
};

static void
on_message(void *arg, uint8_t type, const uint8_t *body, size_t length)
{
	struct scene *scene = arg;

	(void)body;
	(void)length;
	assert_true(scene->count < sizeof(scene->told) - 1);
	scene->told[scene->count++] = (char)type;
}

static const struct talk_user user = { .message = on_message };

/* Asked for so many answers; `came` is what had come while it was idle. */
static void
begin(struct scene *scene, unsigned awaited, const char *came)
{
	*scene = (struct scene){ .server = { .transaction = 'I' } };
	buf_put_text(&scene->server.in, came);
	talk_begin(&scene->talk, &scene->server, 1024, &user, scene);
	for (unsigned i = 0; i < awaited; i++)
		talk_await(&scene->talk);
}

static void
put(struct buf *out, uint8_t type, const char *body)
{
	size_t mark = build_begin(out, type);

	buf_put_text(out, body);
	build_end(out, mark);
}

/* Messages in one piece: "Z" is a ReadyForQuery outside a transaction, others have a text. */
static enum talk_state
hear(struct scene *scene, const char *types)
{
	struct buf bytes = { 0 };
	enum talk_state state;

	for (; *types != '\0'; types++)
		put(&bytes, (uint8_t)*types, *types == 'Z' ? "I" : "text");
	state = talk_take(&scene->talk, buf_bytes(&bytes), buf_length(&bytes));
	buf_free(&bytes);
	return state;
}

static void
finish(struct scene *scene)
{
	talk_free(&scene->talk);
	buf_free(&scene->server.in);
	parameters_free(&scene->server.parameters);
}

static void
test_it_is_answered_by_as_many_readinesses_as_are_awaited(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 2, "");
	assert_int_equal(hear(&scene, "CZ"), TALK_GOES_ON);
	assert_int_equal(hear(&scene, "1t"), TALK_GOES_ON);
	assert_int_equal(hear(&scene, "TZ"), TALK_ANSWERED);
	assert_string_equal(scene.told, "C1tT");
	assert_true(talk_end(&scene.talk));
	assert_null(scene.server.user);
	finish(&scene);
}

static void
test_a_server_that_says_more_than_it_was_asked_is_not_lent_again(void **state)
{
	static const char *const behind[] = { "ZD", "ZC", "ZZ", "ZE", "ZT", "ZG", "ZND", "ZAZ" };

	(void)state;
	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
		struct scene scene;

		begin(&scene, 1, "");
		assert_int_equal(hear(&scene, behind[i]), TALK_ANSWERED);
		assert_true(scene.talk.broken);
		assert_false(talk_end(&scene.talk));
		finish(&scene);
	}
}

static void
test_the_beginning_of_what_nobody_asked_is_enough(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 1, "");
	assert_int_equal(talk_take(&scene.talk, (const uint8_t *)"Z\0\0\0\5ID", 7), TALK_ANSWERED);
	assert_false(talk_end(&scene.talk));
	assert_int_equal(buf_length(&scene.server.in), 0);
	finish(&scene);
}

static void
test_a_notice_that_has_begun_is_left_for_the_next(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 1, "");
	assert_int_equal(talk_take(&scene.talk, (const uint8_t *)"Z\0\0\0\5IN\0", 8), TALK_ANSWERED);
	assert_true(talk_end(&scene.talk));
	assert_int_equal(buf_length(&scene.server.in), 2);
	assert_int_equal(buf_length(&scene.talk.in), 0);
	finish(&scene);
}

static void
test_what_came_while_it_was_idle_goes_in_front(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 1, "N");
	assert_int_equal(talk_take(&scene.talk, (const uint8_t *)"\0\0\0\4Z\0\0\0\5I", 10), TALK_ANSWERED);
	assert_string_equal(scene.told, "N");
	assert_true(talk_end(&scene.talk));
	finish(&scene);
}

static void
test_parameters_and_notices_may_come_at_any_time(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 0, "");
	assert_int_equal(hear(&scene, "NA"), TALK_GOES_ON);
	assert_int_equal(talk_take(&scene.talk, (const uint8_t *)"S\0\0\0\x8" "a\0b", 9), TALK_GOES_ON);
	assert_string_equal(parameters_get(&scene.server.parameters, "a"), "b");
	assert_string_equal(scene.told, "NA");
	finish(&scene);
}

static void
test_words_of_a_server_that_was_asked_nothing_break_it_and_are_told(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 0, "");
	assert_int_equal(talk_take(&scene.talk,
	    (const uint8_t *)"E\0\0\0\x14SFATAL\0Mbye now\0", 21), TALK_BROKEN);
	assert_string_equal(scene.talk.why, "bye now");
	finish(&scene);
}

static void
test_an_open_transaction_or_an_answer_that_is_missing_keeps_it_from_being_lent(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 1, "");
	assert_int_equal(talk_take(&scene.talk, (const uint8_t *)"Z\0\0\0\5T", 6), TALK_ANSWERED);
	assert_false(talk_end(&scene.talk));
	finish(&scene);
	begin(&scene, 2, "");
	assert_int_equal(hear(&scene, "Z"), TALK_GOES_ON);
	assert_false(talk_end(&scene.talk));
	finish(&scene);
}

static void
test_a_message_that_is_too_long_breaks_it(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 1, "");
	assert_int_equal(talk_take(&scene.talk, (const uint8_t *)"D\0\1\0\0", 5), TALK_BROKEN);
	assert_non_null(strstr(scene.talk.why, "longer than 1 KiB"));
	finish(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_answered_by_as_many_readinesses_as_are_awaited),
		cmocka_unit_test(test_a_server_that_says_more_than_it_was_asked_is_not_lent_again),
		cmocka_unit_test(test_the_beginning_of_what_nobody_asked_is_enough),
		cmocka_unit_test(test_a_notice_that_has_begun_is_left_for_the_next),
		cmocka_unit_test(test_what_came_while_it_was_idle_goes_in_front),
		cmocka_unit_test(test_parameters_and_notices_may_come_at_any_time),
		cmocka_unit_test(test_words_of_a_server_that_was_asked_nothing_break_it_and_are_told),
		cmocka_unit_test(test_an_open_transaction_or_an_answer_that_is_missing_keeps_it_from_being_lent),
		cmocka_unit_test(test_a_message_that_is_too_long_breaks_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

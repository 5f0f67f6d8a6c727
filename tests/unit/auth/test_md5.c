/* test_md5.c - behaviour of auth/md5, against what PostgreSQL computes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/auth/md5.h"
#include "talk.h"

/* SELECT 'md5' || md5('pencil' || 'alice'), and pg_authid of a role "b1". */
static void
a_stored_hash_is_the_one_that_postgresql_stores(void **state)
{
	char secret[MD5_TEXT_SIZE];

	assert_true(md5_secret("pencil", "alice", secret));
	assert_string_equal(secret, PENCIL_ALICE_MD5);
	assert_true(md5_secret("pencil", "b1", secret));
	assert_string_equal(secret, "md5db9d6e81dd03b83118012cc02d600f86");
	(void)state;
}

/* SELECT 'md5' || md5(md5('pencil' || 'alice') || 'abcd'). */
static void
an_answer_is_the_one_that_postgresql_expects(void **state)
{
	char answer[MD5_TEXT_SIZE];

	assert_true(md5_answer(PENCIL_ALICE_MD5, (const uint8_t *)"abcd", answer));
	assert_string_equal(answer, "md5bdf25de3cd2e80115a84e6b3eabb424d");
	(void)state;
}

static void
the_answer_of_another_salt_is_refused(void **state)
{
	struct auth_server *server = auth_server_new(AUTH_METHOD_MD5, "alice", "pencil");
	struct buf body = { 0 };
	struct error err;
	char answer[MD5_TEXT_SIZE];
	uint8_t salt[MD5_SALT_SIZE];
	uint32_t code;

	assert_int_equal(auth_server_start(server, &code, &body), AUTH_CONTINUE);
	assert_int_equal(code, AUTH_CODE_MD5);
	assert_int_equal(buf_length(&body), MD5_SALT_SIZE);
	memcpy(salt, buf_bytes(&body), sizeof(salt));
	salt[0] ^= 1;
	assert_true(md5_answer(PENCIL_ALICE_MD5, salt, answer));
	assert_int_equal(
	    tell_server(server, answer, sizeof(answer), &code, &body, &err), AUTH_FAILED);
	auth_server_free(server);
	buf_free(&body);
	(void)state;
}

static void
an_answer_of_another_length_is_refused(void **state)
{
	static const char *const answers[] = { "m", "md5", "md5bdf25de3cd2e80115a84e6b3eabb424",
		"md5bdf25de3cd2e80115a84e6b3eabb424dd" };

	for (size_t i = 0; i < 4; i++) {
		struct auth_server *server = auth_server_new(AUTH_METHOD_MD5, "alice", "pencil");
		struct buf body = { 0 };
		struct error err;
		uint32_t code;

		auth_server_start(server, &code, &body);
		assert_int_equal(tell_server(server, answers[i], strlen(answers[i]) + 1, &code,
		    &body, &err), AUTH_FAILED);
		assert_string_equal(err.sqlstate, "28P01");
		auth_server_free(server);
		buf_free(&body);
	}
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stored_hash_is_the_one_that_postgresql_stores),
		cmocka_unit_test(an_answer_is_the_one_that_postgresql_expects),
		cmocka_unit_test(the_answer_of_another_salt_is_refused),
		cmocka_unit_test(an_answer_of_another_length_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

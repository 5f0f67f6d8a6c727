/* test_conversation.c - both sides of auth/conversation, every method with every secret. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/auth/scram.h"
#include "../../../src/auth/scram_cache.h"
#include "base/buf.h"
#include "base/mem.h"
#include "talk.h"

static const struct {
	enum auth_method method;
	const char *stored, *typed;
	bool fits;
} cases[] = {
	{ AUTH_METHOD_TRUST, NULL, NULL, true },
	{ AUTH_METHOD_TRUST, "pencil", "wrong", true },

	{ AUTH_METHOD_PASSWORD, "pencil", "pencil", true },
	{ AUTH_METHOD_PASSWORD, PENCIL_ALICE_MD5, "pencil", true },
	{ AUTH_METHOD_PASSWORD, PENCIL_VERIFIER, "pencil", true },
	{ AUTH_METHOD_PASSWORD, "pencil", "pencils", false },
	{ AUTH_METHOD_PASSWORD, "pencil", "penci", false },
	{ AUTH_METHOD_PASSWORD, "pencil", "Pencil", false },
	{ AUTH_METHOD_PASSWORD, PENCIL_ALICE_MD5, "wrong", false },
	{ AUTH_METHOD_PASSWORD, PENCIL_VERIFIER, "wrong", false },
	{ AUTH_METHOD_PASSWORD, NULL, "pencil", false },
	{ AUTH_METHOD_PASSWORD, "", "pencil", false },

	{ AUTH_METHOD_MD5, "pencil", "pencil", true },
	{ AUTH_METHOD_MD5, PENCIL_ALICE_MD5, "pencil", true },
	{ AUTH_METHOD_MD5, PENCIL_ALICE_MD5, PENCIL_ALICE_MD5, true },
	{ AUTH_METHOD_MD5, PENCIL_VERIFIER, "pencil", true }, /* answered with SCRAM */
	{ AUTH_METHOD_MD5, "pencil", "wrong", false },
	{ AUTH_METHOD_MD5, PENCIL_ALICE_MD5, "wrong", false },
	{ AUTH_METHOD_MD5, PENCIL_VERIFIER, "wrong", false },
	{ AUTH_METHOD_MD5, NULL, "pencil", false },
	{ AUTH_METHOD_MD5, "", "pencil", false },

	{ AUTH_METHOD_SCRAM, "pencil", "pencil", true },
	{ AUTH_METHOD_SCRAM, PENCIL_VERIFIER, "pencil", true },
	{ AUTH_METHOD_SCRAM, PENCIL_ALICE_MD5, "pencil", false },
	{ AUTH_METHOD_SCRAM, "pencil", "wrong", false },
	{ AUTH_METHOD_SCRAM, PENCIL_VERIFIER, "wrong", false },
	{ AUTH_METHOD_SCRAM, NULL, "pencil", false },
	{ AUTH_METHOD_SCRAM, "", "pencil", false },
	{ AUTH_METHOD_SCRAM, "SCRAM-SHA-256$4096:rubbish", "pencil", false },
};

static void
the_right_password_and_only_that_logs_in(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome outcome =
		    log_in(cases[i].method, cases[i].stored, cases[i].typed);

		if (cases[i].fits) {
			assert_int_equal(outcome.server, AUTH_DONE);
			assert_int_equal(outcome.client, AUTH_DONE);
			continue;
		}
		assert_int_equal(outcome.server, AUTH_FAILED);
		assert_int_not_equal(outcome.client, AUTH_DONE);
		assert_int_equal(outcome.server_error.code, ERROR_AUTH);
		assert_string_equal(outcome.server_error.sqlstate, "28P01");
	}
	(void)state;
}

static void
the_log_says_why_a_log_in_failed(void **state)
{
	struct outcome outcome = log_in(AUTH_METHOD_SCRAM, PENCIL_ALICE_MD5, "pencil");

	assert_non_null(strstr(outcome.server_error.text, "alice"));
	assert_non_null(strstr(outcome.server_error.text, "md5"));
	outcome = log_in(AUTH_METHOD_SCRAM, NULL, "pencil");
	assert_non_null(strstr(outcome.server_error.text, "no such user"));
	outcome = log_in(AUTH_METHOD_SCRAM, PENCIL_VERIFIER, "wrong");
	assert_non_null(strstr(outcome.server_error.text, "wrong password"));
	assert_null(strstr(outcome.server_error.text, "pencil"));
	(void)state;
}

/* The md5 hash of "" is as good as no password, and is treated so. */
static void
an_empty_password_never_logs_in(void **state)
{
	static const char *const stored[] = { "", "pencil", "md56384e2b2184bcbf58eccf10ca7a6563c",
		PENCIL_VERIFIER, NULL };
	static const enum auth_method methods[] = { AUTH_METHOD_PASSWORD, AUTH_METHOD_MD5 };
	static const uint8_t empty[] = "";

	for (size_t m = 0; m < 2; m++) {
		for (size_t i = 0; i < 5; i++) {
			struct auth_server *server =
			    auth_server_new(methods[m], "alice", stored[i]);
			struct buf body = { 0 };
			struct error err = { 0 };
			uint32_t code;

			auth_server_start(server, &code, &body);
			assert_int_equal(
			    auth_server_step(server, empty, 1, &code, &body, &err), AUTH_FAILED);
			auth_server_free(server);
			buf_free(&body);
		}
	}
	(void)state;
}

static void
a_stored_md5_hash_of_nothing_logs_nobody_in(void **state)
{
	/* md5("alice") */
	struct outcome outcome = log_in(AUTH_METHOD_MD5, "md56384e2b2184bcbf58eccf10ca7a6563c",
	    "md56384e2b2184bcbf58eccf10ca7a6563c");

	assert_int_equal(outcome.server, AUTH_FAILED);
	assert_non_null(strstr(outcome.server_error.text, "empty"));
	(void)state;
}

static void
passwords_of_every_length_up_to_the_limit_log_in(void **state)
{
	static const size_t lengths[] = { 1, 31, 32, 33, 63, 64, 65, 127, 128, 1023, 1024, 1025,
		4096, 9999, 10000 };
	static const enum auth_method methods[] = { AUTH_METHOD_PASSWORD, AUTH_METHOD_MD5,
		AUTH_METHOD_SCRAM };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char *password = mem_alloc(lengths[i] + 1);

		memset(password, 'x', lengths[i]);
		password[lengths[i]] = '\0';
		for (size_t m = 0; m < 3; m++)
			assert_int_equal(
			    log_in(methods[m], password, password).client, AUTH_DONE);
		mem_free(password);
	}
	(void)state;
}

static void
a_password_above_the_limit_is_refused(void **state)
{
	char *password = mem_alloc(10002);
	struct outcome outcome;

	memset(password, 'x', 10001);
	password[10001] = '\0';
	outcome = log_in(AUTH_METHOD_PASSWORD, password, password);
	assert_int_equal(outcome.server, AUTH_FAILED);
	assert_non_null(strstr(outcome.server_error.text, "10000"));
	mem_free(password);
	(void)state;
}

static void
a_message_that_is_not_one_string_is_malformed(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} messages[] = { { "", 0 }, { "pencil", 6 }, { "pencil\0x", 8 }, { "pencil\0\0", 8 } };
	static const enum auth_method methods[] = { AUTH_METHOD_PASSWORD, AUTH_METHOD_MD5 };

	for (size_t i = 0; i < 8; i++) {
		struct auth_server *server = auth_server_new(methods[i % 2], "alice", "pencil");
		struct buf body = { 0 };
		struct error err = { 0 };
		uint32_t code;

		auth_server_start(server, &code, &body);
		assert_int_equal(tell_server(server, messages[i / 2].bytes,
		    messages[i / 2].length, &code, &body, &err), AUTH_FAILED);
		assert_string_equal(err.sqlstate, "08P01");
		auth_server_free(server);
		buf_free(&body);
	}
	(void)state;
}

static void
what_is_for_pam_is_taken_once_and_not_looked_at(void **state)
{
	struct auth_server *server = auth_server_new(AUTH_METHOD_PAM, "alice", NULL);
	struct buf body = { 0 };
	struct error err = { 0 };
	uint32_t code;

	assert_int_equal(auth_server_start(server, &code, &body), AUTH_CONTINUE);
	assert_int_equal(code, AUTH_CODE_CLEARTEXT);
	assert_int_equal(tell_server(server, "pencil", 7, &code, &body, &err), AUTH_ASK);
	assert_int_equal(code, AUTH_CODE_OK); /* nothing is to be sent */
	assert_string_equal(auth_server_password(server), "pencil");
	assert_false(auth_server_keys(server)->set);
	assert_int_equal(tell_server(server, "other", 6, &code, &body, &err), AUTH_FAILED);
	assert_int_equal(err.code, ERROR_PROTOCOL);
	auth_server_free(server);
	buf_free(&body);
	(void)state;
}

static void
what_pam_is_not_asked_about_fails_as_a_wrong_password(void **state)
{
	static const struct {
		size_t length; /* of the password */
		enum auth_step step;
	} lengths[] = { { 0, AUTH_FAILED }, { 1, AUTH_ASK }, { 511, AUTH_ASK },
		{ 512, AUTH_FAILED }, { 10000, AUTH_FAILED }, { 10001, AUTH_FAILED } };
	char password[10002];

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct auth_server *server = auth_server_new(AUTH_METHOD_PAM, "alice", NULL);
		struct buf body = { 0 };
		struct error err = { 0 };
		uint32_t code;

		memset(password, 'x', lengths[i].length);
		password[lengths[i].length] = '\0';
		auth_server_start(server, &code, &body);
		assert_int_equal(tell_server(server, password, lengths[i].length + 1, &code, &body, &err),
		    lengths[i].step);
		if (lengths[i].step == AUTH_FAILED)
			assert_string_equal(err.sqlstate, "28P01");
		auth_server_free(server);
		buf_free(&body);
	}
	(void)state;
}

static void
nothing_is_heard_once_it_is_over(void **state)
{
	static const enum auth_method methods[] = { AUTH_METHOD_TRUST, AUTH_METHOD_PASSWORD };

	for (size_t i = 0; i < 2; i++) {
		struct auth_server *server = auth_server_new(methods[i], "alice", "pencil");
		struct buf body = { 0 };
		struct error err = { 0 };
		uint32_t code;

		auth_server_start(server, &code, &body);
		if (methods[i] == AUTH_METHOD_PASSWORD)
			assert_int_equal(
			    tell_server(server, "wrong", 6, &code, &body, &err), AUTH_FAILED);
		assert_int_equal(
		    tell_server(server, "pencil", 7, &code, &body, &err), AUTH_FAILED);
		assert_int_equal(err.code, ERROR_PROTOCOL);
		auth_server_free(server);
		buf_free(&body);
	}
	(void)state;
}

static void
keys_learned_from_a_client_log_in_to_a_server_with_the_same_verifier(void **state)
{
	static const enum auth_method methods[] = { AUTH_METHOD_SCRAM, AUTH_METHOD_PASSWORD };

	for (size_t i = 0; i < 2; i++) {
		struct auth_server *us = auth_server_new(methods[i], "alice", PENCIL_VERIFIER);
		struct auth_client *them = auth_client_new("alice", "pencil", NULL);
		struct auth_server *postgresql;
		struct auth_client *pool;

		assert_false(auth_server_keys(us)->set);
		assert_int_equal(talk(us, them).client, AUTH_DONE);
		assert_true(auth_server_keys(us)->set);

		postgresql = auth_server_new(AUTH_METHOD_SCRAM, "alice", PENCIL_VERIFIER);
		pool = auth_client_new("alice", NULL, auth_server_keys(us));
		assert_int_equal(talk(postgresql, pool).client, AUTH_DONE);

		auth_server_free(us);
		auth_client_free(them);
		auth_server_free(postgresql);
		auth_client_free(pool);
	}
	(void)state;
}

/* The salt that we gave a clear password is not the one that PostgreSQL gave it. */
static void
a_clear_stored_password_teaches_no_keys(void **state)
{
	struct auth_server *server = auth_server_new(AUTH_METHOD_SCRAM, "alice", "pencil");
	struct auth_client *client = auth_client_new("alice", "pencil", NULL);

	assert_int_equal(talk(server, client).client, AUTH_DONE);
	assert_false(auth_server_keys(server)->set);
	auth_server_free(server);
	auth_client_free(client);
	(void)state;
}

static void
a_failed_log_in_teaches_no_keys(void **state)
{
	struct auth_server *server = auth_server_new(AUTH_METHOD_SCRAM, "alice", PENCIL_VERIFIER);
	struct auth_client *client = auth_client_new("alice", "wrong", NULL);

	assert_int_equal(talk(server, client).server, AUTH_FAILED);
	assert_false(auth_server_keys(server)->set);
	auth_server_free(server);
	auth_client_free(client);
	(void)state;
}

static void
keys_of_another_password_do_not_log_in(void **state)
{
	struct scram_keys keys = { .set = true };
	struct auth_server *server = auth_server_new(AUTH_METHOD_SCRAM, "alice", PENCIL_VERIFIER);
	struct auth_client *client = auth_client_new("alice", NULL, &keys);

	assert_int_equal(talk(server, client).server, AUTH_FAILED);
	auth_server_free(server);
	auth_client_free(client);
	(void)state;
}

static void
reconnecting_derives_no_keys_again(void **state)
{
	uint64_t before;

	scram_cache_clear();
	assert_int_equal(log_in(AUTH_METHOD_SCRAM, PENCIL_VERIFIER, "pencil").client, AUTH_DONE);
	assert_int_equal(log_in(AUTH_METHOD_SCRAM, "pencil", "pencil").client, AUTH_DONE);
	assert_int_equal(log_in(AUTH_METHOD_PASSWORD, PENCIL_VERIFIER, "pencil").client, AUTH_DONE);
	before = scram_derivations();
	assert_int_equal(log_in(AUTH_METHOD_SCRAM, PENCIL_VERIFIER, "pencil").client, AUTH_DONE);
	assert_int_equal(log_in(AUTH_METHOD_SCRAM, "pencil", "pencil").client, AUTH_DONE);
	assert_int_equal(log_in(AUTH_METHOD_PASSWORD, PENCIL_VERIFIER, "pencil").client, AUTH_DONE);
	assert_int_equal(scram_derivations(), before);
	(void)state;
}

static void
wrong_passwords_leave_nothing_in_the_table_of_keys(void **state)
{
	scram_cache_clear();
	assert_int_equal(
	    log_in(AUTH_METHOD_PASSWORD, PENCIL_VERIFIER, "wrong").server, AUTH_FAILED);
	assert_int_equal(log_in(AUTH_METHOD_SCRAM, PENCIL_VERIFIER, "wrong").server, AUTH_FAILED);
	assert_int_equal(log_in(AUTH_METHOD_SCRAM, NULL, "wrong").server, AUTH_FAILED);
	assert_int_equal(scram_cache_count(), 0);
	(void)state;
}

static void
a_verifier_too_costly_to_compute_still_serves_scram(void **state)
{
	static const char costly[] = "SCRAM-SHA-256$2000000000:zrZv9TsAqtvRfYP8tdpfXg==$"
	    "hYeP07vwv2lFnL9goF+trLKBmigNTc+uUC8rrnXPiwk=:"
	    "kq7tGRezRfOzwfowWDehGhttRFIxRXYHXymuolIgyrE=";
	uint64_t before = scram_derivations();
	struct outcome outcome = log_in(AUTH_METHOD_PASSWORD, costly, "pencil");

	assert_int_equal(outcome.server, AUTH_FAILED);
	assert_non_null(strstr(outcome.server_error.text, "100000"));
	outcome = log_in(AUTH_METHOD_SCRAM, costly, "pencil");
	assert_int_equal(outcome.client, AUTH_FAILED); /* as a client we do not compute it */
	assert_int_equal(outcome.server, AUTH_CONTINUE);
	assert_true(scram_derivations() - before <= 1);
	(void)state;
}

/* Logs in with its own password and with those of the others. Returns how many times it did. */
static void *
log_in_again_and_again(void *arg)
{
	static const char *const passwords[] = { "one", "two", "three", "four" };
	size_t own = (size_t)arg, count = 0;

	for (size_t i = 0; i < 40; i++) {
		const char *password = passwords[(own + i) % 4];

		count += log_in(AUTH_METHOD_SCRAM, password, password).client == AUTH_DONE;
		if (i % 16 == own)
			scram_cache_clear();
		auth_mock_resemble(&password, 1);
		log_in(AUTH_METHOD_SCRAM, NULL, password);
	}
	return (void *)count;
}

static void
threads_may_log_in_at_once(void **state)
{
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, log_in_again_and_again, (void *)i), 0);
	for (size_t i = 0; i < 4; i++) {
		void *count;

		pthread_join(threads[i], &count);
		assert_int_equal((size_t)count, 40);
	}
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_right_password_and_only_that_logs_in),
		cmocka_unit_test(the_log_says_why_a_log_in_failed),
		cmocka_unit_test(an_empty_password_never_logs_in),
		cmocka_unit_test(a_stored_md5_hash_of_nothing_logs_nobody_in),
		cmocka_unit_test(passwords_of_every_length_up_to_the_limit_log_in),
		cmocka_unit_test(a_password_above_the_limit_is_refused),
		cmocka_unit_test(a_message_that_is_not_one_string_is_malformed),
		cmocka_unit_test(what_is_for_pam_is_taken_once_and_not_looked_at),
		cmocka_unit_test(what_pam_is_not_asked_about_fails_as_a_wrong_password),
		cmocka_unit_test(nothing_is_heard_once_it_is_over),
		cmocka_unit_test(keys_learned_from_a_client_log_in_to_a_server_with_the_same_verifier),
		cmocka_unit_test(a_clear_stored_password_teaches_no_keys),
		cmocka_unit_test(a_failed_log_in_teaches_no_keys),
		cmocka_unit_test(keys_of_another_password_do_not_log_in),
		cmocka_unit_test(reconnecting_derives_no_keys_again),
		cmocka_unit_test(wrong_passwords_leave_nothing_in_the_table_of_keys),
		cmocka_unit_test(a_verifier_too_costly_to_compute_still_serves_scram),
		cmocka_unit_test(threads_may_log_in_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

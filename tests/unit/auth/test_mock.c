/* test_mock.c - an unknown user must not be told from a wrong password. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/auth/scram_cache.h"
#include "base/mem.h"
#include "talk.h"

#define KEYS \
	"hYeP07vwv2lFnL9goF+trLKBmigNTc+uUC8rrnXPiwk=:" \
	"kq7tGRezRfOzwfowWDehGhttRFIxRXYHXymuolIgyrE="

/* What a server says to a client's first words, without the nonce; the caller frees it. */
static char *
salt_and_iterations(enum auth_method method, const char *user, const char *stored)
{
	struct auth_server *server = auth_server_new(method, user, stored);
	struct buf body = { 0 };
	struct error err;
	uint32_t code;
	char *said;

	auth_server_start(server, &code, &body);
	assert_int_equal(code, AUTH_CODE_SASL);
	assert_int_equal(
	    tell_server_first(server, "n,,n=,r=abc", &code, &body, &err), AUTH_CONTINUE);
	said = mem_strdup(strstr((char *)buf_bytes(&body), ",s="));
	auth_server_free(server);
	buf_free(&body);
	return said;
}

static bool
says_the_same(const char *user, const char *stored, const char *other, const char *other_stored)
{
	char *one = salt_and_iterations(AUTH_METHOD_SCRAM, user, stored);
	char *two = salt_and_iterations(AUTH_METHOD_SCRAM, other, other_stored);
	bool same = strcmp(one, two) == 0;

	mem_free(one);
	mem_free(two);
	return same;
}

static void
the_salt_of_a_name_stays_and_is_its_own(void **state)
{
	assert_true(says_the_same("nobody", NULL, "nobody", NULL));
	assert_false(says_the_same("nobody", NULL, "nobody2", NULL));
	assert_false(says_the_same("", NULL, "nobody", NULL));
	(void)state;
}

/* Asking before and after a user is removed tells nothing either. */
static void
a_clear_password_shows_the_salt_that_its_absence_shows(void **state)
{
	assert_true(says_the_same("alice", "pencil", "alice", NULL));
	assert_true(says_the_same("alice", "pencil", "alice", "other"));
	(void)state;
}

static void
messages_have_the_same_shape_for_unknown_and_known(void **state)
{
	static const enum auth_method methods[] = { AUTH_METHOD_PASSWORD, AUTH_METHOD_MD5,
		AUTH_METHOD_SCRAM };
	static const char *const stored[] = { "pencil", PENCIL_VERIFIER };

	for (size_t i = 0; i < 6; i++) {
		enum auth_method method = methods[i / 2];
		struct outcome known, unknown;

		auth_mock_resemble(&stored[i % 2], 1);
		known = log_in(method, stored[i % 2], "wrong");
		unknown = log_in(method, NULL, "wrong");
		assert_int_equal(known.server, AUTH_FAILED);
		assert_int_equal(unknown.server, AUTH_FAILED);
		assert_int_equal(unknown.messages, known.messages);
		assert_string_equal(unknown.server_error.sqlstate, known.server_error.sqlstate);
		assert_int_equal(unknown.server_error.code, known.server_error.code);
	}
	auth_mock_resemble(NULL, 0);
	(void)state;
}

static void
lengths_are_the_same_for_unknown_and_known(void **state)
{
	static const char *const all[] = { PENCIL_VERIFIER };
	char *known, *unknown;

	auth_mock_resemble(all, 1);
	known = salt_and_iterations(AUTH_METHOD_SCRAM, "alice", PENCIL_VERIFIER);
	unknown = salt_and_iterations(AUTH_METHOD_SCRAM, "nobody", NULL);
	assert_int_equal(strlen(known), strlen(unknown));
	assert_string_equal(strstr(known, ",i="), strstr(unknown, ",i="));
	mem_free(known);
	mem_free(unknown);
	auth_mock_resemble(NULL, 0);
	(void)state;
}

/* auth.query: who is not listed is the server's, and what that stores is learnt from its answers. */
static void
unknown_users_look_as_the_one_that_was_learnt(void **state)
{
	char *known, *unknown;

	auth_mock_resemble(NULL, 0);
	auth_mock_learn("SCRAM-SHA-256$15000:c2FsdHNhbHRzYWx0c2Fs$" KEYS);
	known = salt_and_iterations(
	    AUTH_METHOD_SCRAM, "alice", "SCRAM-SHA-256$15000:c2FsdHNhbHRzYWx0c2Fs$" KEYS);
	unknown = salt_and_iterations(AUTH_METHOD_SCRAM, "nobody", NULL);
	assert_int_equal(strlen(known), strlen(unknown));
	assert_string_equal(strstr(known, ",i="), strstr(unknown, ",i="));
	mem_free(known);
	mem_free(unknown);
	auth_mock_resemble(NULL, 0);
	(void)state;
}

/* Else who asks about a made-up name before and after a real log-in sees that it was one. */
static void
what_was_learnt_before_changes_no_unknown_user(void **state)
{
	static const char *const found[] = { "SCRAM-SHA-256$15000:c2FsdHNhbHRzYWx0c2Fs$" KEYS,
		PENCIL_VERIFIER };
	char *before[20];

	auth_mock_resemble(NULL, 0);
	auth_mock_learn(found[0]);
	auth_mock_learn(found[1]);
	for (int again = 0; again < 4; again++) {
		for (int i = 0; i < 20; i++) {
			char name[24];
			char *said;

			snprintf(name, sizeof(name), "nobody%d", i);
			said = salt_and_iterations(AUTH_METHOD_SCRAM, name, NULL);
			if (again == 0) {
				before[i] = said;
				continue;
			}
			assert_string_equal(said, before[i]);
			mem_free(said);
		}
		auth_mock_learn(found[again % 2]);
	}
	for (int i = 0; i < 20; i++)
		mem_free(before[i]);
	auth_mock_resemble(NULL, 0);
	(void)state;
}

/* CVE-2026-14672: fixed iterations told which users exist. */
static void
iterations_are_as_frequent_among_made_up_secrets_as_among_real_ones(void **state)
{
	static const char *const real[] = { "SCRAM-SHA-256$15000:c2FsdHNhbHRzYWx0c2Fs$" KEYS,
		"SCRAM-SHA-256$15000:c2FsdHNhbHRzYWx0c2Fs$" KEYS, PENCIL_VERIFIER, "clear" };
	int many = 0, few = 0;

	auth_mock_resemble(real, 4);
	for (int i = 0; i < 400; i++) {
		char name[24];
		char *said;

		snprintf(name, sizeof(name), "nobody%d", i);
		said = salt_and_iterations(AUTH_METHOD_SCRAM, name, NULL);
		if (strcmp(strstr(said, ",i="), ",i=15000") == 0) {
			assert_int_equal(strlen(said), 3 + 20 + 8);
			many++;
		} else {
			assert_string_equal(strstr(said, ",i="), ",i=4096");
			assert_int_equal(strlen(said), 3 + 24 + 7);
			few++;
		}
		mem_free(said);
	}
	assert_true(many > 120 && few > 120); /* half of 400 each; the names are hashed */
	auth_mock_resemble(NULL, 0);
	(void)state;
}

static void
loading_users_says_what_made_up_secrets_look_like(void **state)
{
	static const char text[] =
	    "databases: {a: {host: h}}\n"
	    "users: {anna: {password: \"SCRAM-SHA-256$15000:c2FsdHNhbHRzYWx0c2Fs$" KEYS "\"}}\n";
	struct problems problems = { 0 };
	struct config *config =
	    config_parse("/tmp/pgweir.yaml", text, strlen(text), &problems);
	struct users *users;
	char *said;

	assert_non_null(config);
	users = users_load(config, &problems);
	assert_non_null(users);
	said = salt_and_iterations(AUTH_METHOD_SCRAM, "nobody", NULL);
	assert_string_equal(strstr(said, ",i="), ",i=15000");
	mem_free(said);
	users_release(users);
	config_release(config);
	problems_free(&problems);
	auth_mock_resemble(NULL, 0);
	(void)state;
}

static void
method_md5_asks_an_unknown_user_what_it_asks_known_ones(void **state)
{
	static const char *const verifiers[] = { PENCIL_VERIFIER };
	struct auth_server *server;
	struct buf body = { 0 };
	uint32_t code;

	auth_mock_resemble(verifiers, 1);
	server = auth_server_new(AUTH_METHOD_MD5, "nobody", NULL);
	auth_server_start(server, &code, &body);
	assert_int_equal(code, AUTH_CODE_SASL);
	auth_server_free(server);

	auth_mock_resemble(NULL, 0);
	server = auth_server_new(AUTH_METHOD_MD5, "nobody", NULL);
	auth_server_start(server, &code, &body);
	assert_int_equal(code, AUTH_CODE_MD5);
	auth_server_free(server);
	buf_free(&body);
	(void)state;
}

static void
more_kinds_of_verifiers_than_are_counted_do_no_harm(void **state)
{
	char *texts[40];

	for (int i = 0; i < 40; i++)
		texts[i] = mem_printf("SCRAM-SHA-256$%d:c2FsdA==$" KEYS, 1000 + i);
	auth_mock_resemble((const char *const *)texts, 40);
	for (int i = 0; i < 40; i++)
		mem_free(texts[i]);
	assert_true(says_the_same("nobody", NULL, "nobody", NULL));
	auth_mock_resemble(NULL, 0);
	(void)state;
}

static void
the_table_of_keys_forgets_what_was_not_used_for_longest(void **state)
{
	struct scram_cache_place first, place;
	struct scram_keys keys = { .set = true };

	scram_cache_clear();
	for (uint32_t i = 0; i < SCRAM_CACHE_MOST + 10; i++) {
		assert_true(scram_cache_place(
		    &place, "role", "secret", (const uint8_t *)&i, sizeof(i), 4096));
		keys.client_key[0] = (uint8_t)i;
		scram_cache_keep(&place, &keys);
		if (i == 0)
			first = place;
		assert_true(scram_cache_find(&first, &keys)); /* used each time */
		assert_int_equal(keys.client_key[0], 0);
	}
	assert_int_equal(scram_cache_count(), SCRAM_CACHE_MOST);
	assert_true(scram_cache_place(&place, "role", "secret",
	    (const uint8_t *)&(uint32_t){ 1 }, sizeof(uint32_t), 4096));
	assert_false(scram_cache_find(&place, &keys));
	scram_cache_clear();
	assert_int_equal(scram_cache_count(), 0);
	(void)state;
}

static void
places_differ_by_role_secret_salt_and_iterations(void **state)
{
	static const uint8_t salt[] = "saltier";
	struct scram_cache_place places[6];

	scram_cache_place(&places[0], "ab", "c", salt, 4, 4096);
	scram_cache_place(&places[1], "a", "bc", salt, 4, 4096);
	scram_cache_place(&places[2], "ab", "d", salt, 4, 4096);
	scram_cache_place(&places[3], "ab", "c", salt, 5, 4096);
	scram_cache_place(&places[4], "ab", "c", salt, 4, 4097);
	scram_cache_place(&places[5], "ab", "c", salt, 4, 4096);
	for (size_t i = 0; i < 5; i++)
		for (size_t j = i + 1; j < 5; j++)
			assert_memory_not_equal(&places[i], &places[j], sizeof(places[i]));
	assert_memory_equal(&places[0], &places[5], sizeof(places[0]));
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_salt_of_a_name_stays_and_is_its_own),
		cmocka_unit_test(a_clear_password_shows_the_salt_that_its_absence_shows),
		cmocka_unit_test(messages_have_the_same_shape_for_unknown_and_known),
		cmocka_unit_test(lengths_are_the_same_for_unknown_and_known),
		cmocka_unit_test(iterations_are_as_frequent_among_made_up_secrets_as_among_real_ones),
		cmocka_unit_test(unknown_users_look_as_the_one_that_was_learnt),
		cmocka_unit_test(what_was_learnt_before_changes_no_unknown_user),
		cmocka_unit_test(loading_users_says_what_made_up_secrets_look_like),
		cmocka_unit_test(method_md5_asks_an_unknown_user_what_it_asks_known_ones),
		cmocka_unit_test(more_kinds_of_verifiers_than_are_counted_do_no_harm),
		cmocka_unit_test(the_table_of_keys_forgets_what_was_not_used_for_longest),
		cmocka_unit_test(places_differ_by_role_secret_salt_and_iterations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_scram_client.c - our log-in to a server that may be hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/auth/auth_internal.h"
#include "base/mem.h"
#include "base/text.h"
#include "talk.h"

#define OURS "aGVsbG8gaGVsbG8gaGVsbG8h"
#define SALT ",s=W22ZaJ0SNY7soEsUEjb6gQ=="
#define MECHANISMS "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0"

/* Arranged for each test. */
static struct auth_client *client;
static struct buf reply;
static struct error err;
static bool send;

static void
begin(const char *secret)
{
	client = auth_client_new("alice", secret, NULL);
	snprintf(client->nonce, sizeof(client->nonce), "%s", OURS);
	err = (struct error){ 0 };
}

static void
end(void)
{
	auth_client_free(client);
	buf_free(&reply);
}

static enum auth_step
ask(uint32_t code, const void *message, size_t length)
{
	return auth_client_step(client, code, message, length, &send, &reply, &err);
}

static enum auth_step
challenge(const char *text)
{
	return ask(AUTH_CODE_SASL_CONTINUE, text, strlen(text));
}

/* As far as client-first-message. */
static void
begin_scram(void)
{
	begin("pencil");
	assert_int_equal(
	    ask(AUTH_CODE_SASL, MECHANISMS, sizeof(MECHANISMS)), AUTH_CONTINUE);
}

static void
the_first_words_are_those_of_libpq(void **state)
{
	begin_scram();
	assert_true(send);
	assert_int_equal(buf_length(&reply), 14 + 4 + 32);
	assert_memory_equal(buf_bytes(&reply), "SCRAM-SHA-256\0\0\0\0\040n,,n=,r=" OURS, 50);
	end();
	(void)state;
}

static void
a_server_that_trusts_us_is_believed(void **state)
{
	begin(NULL);
	assert_int_equal(ask(AUTH_CODE_OK, NULL, 0), AUTH_DONE);
	assert_false(send);
	end();
	(void)state;
}

static void
an_ok_before_the_server_has_proved_itself_is_refused(void **state)
{
	begin_scram();
	assert_int_equal(ask(AUTH_CODE_OK, NULL, 0), AUTH_FAILED);
	assert_int_equal(err.code, ERROR_PROTOCOL);
	assert_false(send);
	/* and asking again does not help */
	assert_int_equal(ask(AUTH_CODE_OK, NULL, 0), AUTH_FAILED);
	end();

	begin_scram();
	assert_int_equal(challenge("r=" OURS "xyz" SALT ",i=10"), AUTH_CONTINUE);
	assert_int_equal(ask(AUTH_CODE_OK, NULL, 0), AUTH_FAILED);
	end();
	(void)state;
}

static void
a_server_that_does_not_know_the_password_is_found_out(void **state)
{
	static const char *const finals[] = { "", "v=", "v", "e=", "e=other-error",
		"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "v=AAAA", "x=y",
		"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,x=y" };

	for (size_t i = 0; i < sizeof(finals) / sizeof(finals[0]); i++) {
		scram_cache_clear();
		begin_scram();
		assert_int_equal(challenge("r=" OURS "xyz" SALT ",i=10"), AUTH_CONTINUE);
		assert_int_equal(
		    ask(AUTH_CODE_SASL_FINAL, finals[i], strlen(finals[i])), AUTH_FAILED);
		assert_int_equal(ask(AUTH_CODE_OK, NULL, 0), AUTH_FAILED);
		assert_int_equal(scram_cache_count(), 0);
		end();
	}
	(void)state;
}

static void
what_the_server_says_instead_of_a_signature_is_quoted(void **state)
{
	begin_scram();
	assert_int_equal(challenge("r=" OURS "xyz" SALT ",i=10"), AUTH_CONTINUE);
	assert_int_equal(ask(AUTH_CODE_SASL_FINAL, "e=invalid-proof", 15), AUTH_FAILED);
	assert_non_null(strstr(err.text, "invalid-proof"));
	assert_non_null(strstr(err.text, "alice"));
	end();
	(void)state;
}

static void
challenges_out_of_shape_are_refused(void **state)
{
	static const char *const challenges[] = {
		"", "r", "r=", "r=" OURS, "r=" OURS "x", "r=" OURS "x" SALT, "r=" OURS "x" SALT ",",
		"r=" OURS "x" SALT ",i=", "r=" OURS "x,i=10",
		SALT "r=" OURS "x,i=10", "s=W22ZaJ0SNY7soEsUEjb6gQ==,r=" OURS "x,i=10",
		"r=" OURS "x,i=10" SALT,
		"r=" OURS SALT ",i=10",			/* the server adds nothing to our nonce */
		"r=AGVsbG8gaGVsbG8gaGVsbG8hx" SALT ",i=10", /* not our nonce */
		"r=xaGVsbG8gaGVsbG8gaGVsbG8h" SALT ",i=10",
		"r=aGVs" SALT ",i=10", "r=" SALT ",i=10",
		"r=" OURS "x y" SALT ",i=10", "r=" OURS "\x01" SALT ",i=10",
		"r=" OURS "x,s=,i=10", "r=" OURS "x,s=!!!!,i=10", "r=" OURS "x,s=YQ,i=10",
		"r=" OURS "x" SALT ",i=0", "r=" OURS "x" SALT ",i=-1", "r=" OURS "x" SALT ",i=+10",
		"r=" OURS "x" SALT ",i= 10", "r=" OURS "x" SALT ",i=10x", "r=" OURS "x" SALT ",i=0x10",
		"r=" OURS "x" SALT ",i=100001", "r=" OURS "x" SALT ",i=2147483647",
		"r=" OURS "x" SALT ",i=4294967297", "r=" OURS "x" SALT ",i=18446744073709551617",
		"r=" OURS "x" SALT ",i=10,", "r=" OURS "x" SALT ",i=10,x=y", "r=" OURS "x" SALT ",i=10 ",
		"m=future,r=" OURS "x" SALT ",i=10", "e=other-error", "v=AAAA",
	};
	uint64_t before = scram_derivations();

	for (size_t i = 0; i < sizeof(challenges) / sizeof(challenges[0]); i++) {
		begin_scram();
		assert_int_equal(challenge(challenges[i]), AUTH_FAILED);
		assert_int_equal(err.code, ERROR_PROTOCOL);
		assert_false(send);
		end();
	}
	assert_int_equal(scram_derivations(), before);
	(void)state;
}

static void
a_nul_in_a_challenge_is_refused(void **state)
{
	static const char nul[] = "r=" OURS "x" SALT ",i=10\0";

	begin_scram();
	assert_int_equal(ask(AUTH_CODE_SASL_CONTINUE, nul, sizeof(nul) - 1), AUTH_FAILED);
	end();
	(void)state;
}

/* The hole of CVE-2026-6665: a nonce that overflows what builds the answer. */
static void
nonces_of_every_length_are_borne(void **state)
{
	static const size_t lengths[] = { 1, 100, 487, 488, 489, 1000, 2000, 65536 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct buf text = { 0 };

		buf_put_text(&text, "r=" OURS);
		memset(buf_reserve(&text, lengths[i]), 'n', lengths[i]);
		buf_grown(&text, lengths[i]);
		buf_put_text(&text, SALT ",i=10");
		begin_scram();
		assert_int_equal(
		    ask(AUTH_CODE_SASL_CONTINUE, buf_bytes(&text), buf_length(&text)),
		    lengths[i] <= 488 ? AUTH_CONTINUE : AUTH_FAILED);
		end();
		buf_free(&text);
	}
	(void)state;
}

static void
salts_of_every_length_are_borne(void **state)
{
	static const uint8_t salt[1400];
	static const size_t lengths[] = { 0, 1, 127, 128, 129, 1400 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct buf text = { 0 };
		bool fits = lengths[i] >= 1 && lengths[i] <= 128;

		buf_put_text(&text, "r=" OURS "x,s=");
		text_put_base64(&text, salt, lengths[i]);
		buf_put_text(&text, ",i=10");
		begin_scram();
		assert_int_equal(
		    ask(AUTH_CODE_SASL_CONTINUE, buf_bytes(&text), buf_length(&text)),
		    fits ? AUTH_CONTINUE : AUTH_FAILED);
		end();
		buf_free(&text);
	}
	(void)state;
}

static void
lists_of_mechanisms_out_of_shape_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} lists[] = { { "", 0 }, { "", 1 }, { "SCRAM-SHA-256", 13 }, { "SCRAM-SHA-256", 14 },
		{ "SCRAM-SHA-256\0\0x", 16 }, { "SCRAM-SHA-256-PLUS\0", 20 }, { "PLAIN\0", 7 },
		{ "\0SCRAM-SHA-256\0", 16 } };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		begin("pencil");
		assert_int_equal(ask(AUTH_CODE_SASL, lists[i].bytes, lists[i].length), AUTH_FAILED);
		assert_false(send);
		end();
	}
	(void)state;
}

static void
methods_that_we_do_not_speak_are_named(void **state)
{
	static const struct {
		uint32_t code;
		const char *name;
	} methods[] = { { 2, "Kerberos" }, { 4, "crypt" }, { 6, "SCM" }, { 7, "GSSAPI" },
		{ 8, "GSSAPI" }, { 9, "SSPI" }, { 1, "1" }, { 13, "13" },
		{ UINT32_MAX, "4294967295" } };

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		begin("pencil");
		assert_int_equal(ask(methods[i].code, "abc", 3), AUTH_FAILED);
		assert_non_null(strstr(err.text, methods[i].name));
		end();
	}
	(void)state;
}

static void
messages_out_of_order_are_refused(void **state)
{
	static const uint32_t early[] = { AUTH_CODE_SASL_CONTINUE, AUTH_CODE_SASL_FINAL };
	static const uint32_t late[] = { AUTH_CODE_CLEARTEXT, AUTH_CODE_MD5, AUTH_CODE_SASL };

	for (size_t i = 0; i < 2; i++) {
		begin("pencil");
		assert_int_equal(ask(early[i], "v=AAAA", 6), AUTH_FAILED);
		end();
	}
	/* Most of all: no clear password for a server that was asked for SCRAM first. */
	for (size_t i = 0; i < 3; i++) {
		begin_scram();
		assert_int_equal(ask(late[i], "abcd", i == 1 ? 4 : 0), AUTH_FAILED);
		assert_false(send);
		end();
	}
	begin("pencil");
	assert_int_equal(ask(AUTH_CODE_CLEARTEXT, NULL, 0), AUTH_CONTINUE);
	assert_true(send);
	assert_string_equal((char *)buf_bytes(&reply), "pencil");
	assert_int_equal(ask(AUTH_CODE_CLEARTEXT, NULL, 0), AUTH_FAILED);
	end();
	(void)state;
}

static void
requests_with_bytes_too_many_are_refused(void **state)
{
	begin("pencil");
	assert_int_equal(ask(AUTH_CODE_OK, "x", 1), AUTH_FAILED);
	end();
	begin("pencil");
	assert_int_equal(ask(AUTH_CODE_CLEARTEXT, "x", 1), AUTH_FAILED);
	end();
	begin("pencil");
	assert_int_equal(ask(AUTH_CODE_MD5, "abcde", 5), AUTH_FAILED);
	end();
	begin("pencil");
	assert_int_equal(ask(AUTH_CODE_MD5, NULL, 0), AUTH_FAILED);
	end();
	(void)state;
}

static void
a_secret_that_cannot_answer_says_what_to_set(void **state)
{
	static const struct {
		const char *secret;
		uint32_t code;
		const char *message;
		size_t length;
	} cases[] = {
		{ NULL, AUTH_CODE_CLEARTEXT, "", 0 },
		{ "", AUTH_CODE_CLEARTEXT, "", 0 },
		{ PENCIL_ALICE_MD5, AUTH_CODE_CLEARTEXT, "", 0 },
		{ PENCIL_VERIFIER, AUTH_CODE_CLEARTEXT, "", 0 },
		{ NULL, AUTH_CODE_MD5, "abcd", 4 },
		{ PENCIL_VERIFIER, AUTH_CODE_MD5, "abcd", 4 },
		{ NULL, AUTH_CODE_SASL, MECHANISMS, sizeof(MECHANISMS) },
		{ "", AUTH_CODE_SASL, MECHANISMS, sizeof(MECHANISMS) },
		{ PENCIL_ALICE_MD5, AUTH_CODE_SASL, MECHANISMS, sizeof(MECHANISMS) },
		{ PENCIL_VERIFIER, AUTH_CODE_SASL, MECHANISMS, sizeof(MECHANISMS) },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(cases[i].secret);
		assert_int_equal(
		    ask(cases[i].code, cases[i].message, cases[i].length), AUTH_FAILED);
		assert_non_null(strstr(err.text, "roles.alice.password"));
		assert_int_equal(err.code, ERROR_AUTH);
		assert_false(send);
		end();
	}
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_words_are_those_of_libpq),
		cmocka_unit_test(a_server_that_trusts_us_is_believed),
		cmocka_unit_test(an_ok_before_the_server_has_proved_itself_is_refused),
		cmocka_unit_test(a_server_that_does_not_know_the_password_is_found_out),
		cmocka_unit_test(what_the_server_says_instead_of_a_signature_is_quoted),
		cmocka_unit_test(challenges_out_of_shape_are_refused),
		cmocka_unit_test(a_nul_in_a_challenge_is_refused),
		cmocka_unit_test(nonces_of_every_length_are_borne),
		cmocka_unit_test(salts_of_every_length_are_borne),
		cmocka_unit_test(lists_of_mechanisms_out_of_shape_are_refused),
		cmocka_unit_test(methods_that_we_do_not_speak_are_named),
		cmocka_unit_test(messages_out_of_order_are_refused),
		cmocka_unit_test(requests_with_bytes_too_many_are_refused),
		cmocka_unit_test(a_secret_that_cannot_answer_says_what_to_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

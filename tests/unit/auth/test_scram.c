/* test_scram.c - behaviour of auth/scram and auth/saslprep: the arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/auth/saslprep.h"
#include "../../../src/auth/scram.h"
#include "base/mem.h"
#include "base/text.h"
#include "talk.h"

static void
a_verifier_comes_back_as_it_was(void **state)
{
	struct scram_verifier verifier;
	struct buf text = { 0 };

	assert_true(scram_verifier_parse(PENCIL_VERIFIER, &verifier));
	assert_int_equal(verifier.iterations, 4096);
	assert_int_equal(verifier.salt_length, 16);
	scram_verifier_put(&text, &verifier);
	buf_put_u8(&text, 0);
	assert_string_equal((char *)buf_bytes(&text), PENCIL_VERIFIER);
	buf_free(&text);
	(void)state;
}

static void
what_is_nearly_a_verifier_is_none(void **state)
{
#define KEY "hYeP07vwv2lFnL9goF+trLKBmigNTc+uUC8rrnXPiwk="
	static const char *const texts[] = {
		"",
		"SCRAM-SHA-256",
		"SCRAM-SHA-256$",
		"SCRAM-SHA-1$4096:c2FsdA==$" KEY ":" KEY,
		"SCRAM-SHA-256$:c2FsdA==$" KEY ":" KEY,
		"SCRAM-SHA-256$0:c2FsdA==$" KEY ":" KEY,
		"SCRAM-SHA-256$-1:c2FsdA==$" KEY ":" KEY,
		"SCRAM-SHA-256$ 4096:c2FsdA==$" KEY ":" KEY,
		"SCRAM-SHA-256$4096x:c2FsdA==$" KEY ":" KEY,
		"SCRAM-SHA-256$2147483648:c2FsdA==$" KEY ":" KEY,
		"SCRAM-SHA-256$99999999999999999999:c2FsdA==$" KEY ":" KEY,
		"SCRAM-SHA-256$4096:$" KEY ":" KEY,
		"SCRAM-SHA-256$4096:no base64$" KEY ":" KEY,
		"SCRAM-SHA-256$4096:c2FsdA==$" KEY,
		"SCRAM-SHA-256$4096:c2FsdA==$" KEY ":",
		"SCRAM-SHA-256$4096:c2FsdA==$c2hvcnQ=:" KEY,
		"SCRAM-SHA-256$4096:c2FsdA==$" KEY ":" KEY "x",
		"SCRAM-SHA-256$4096:c2FsdA==$" KEY ":" KEY ":" KEY,
	};
	struct scram_verifier verifier;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(scram_verifier_parse(texts[i], &verifier));
	assert_true(scram_verifier_parse("SCRAM-SHA-256$1:c2FsdA==$" KEY ":" KEY, &verifier));
#undef KEY
	(void)state;
}

static void
a_salt_longer_than_its_room_is_refused(void **state)
{
	struct buf text = { 0 };
	uint8_t salt[SCRAM_SALT_MOST + 1] = { 0 };
	struct scram_verifier verifier;

	for (size_t more = 0; more < 2; more++) {
		buf_clear(&text);
		buf_put_text(&text, "SCRAM-SHA-256$4096:");
		text_put_base64(&text, salt, SCRAM_SALT_MOST + more);
		buf_put_cstring(&text, strchr(strchr(PENCIL_VERIFIER, '$') + 1, '$'));
		assert_int_equal(
		    scram_verifier_parse((char *)buf_bytes(&text), &verifier), more == 0);
	}
	buf_free(&text);
	(void)state;
}

/* The conversation of RFC 7677, section 3, computed from its password alone. */
static void
the_vector_of_rfc_7677_is_met(void **state)
{
	static const char messages[] =
	    "n=user,r=rOprNGfwEbeRWgbNEkqO,"
	    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,"
	    "i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
	struct buf salt = { 0 }, all = { 0 }, proof = { 0 };
	struct scram_keys keys;
	uint8_t stored_key[SCRAM_KEY_SIZE], signature[SCRAM_KEY_SIZE];

	assert_true(text_get_base64("W22ZaJ0SNY7soEsUEjb6gQ==", 24, &salt));
	buf_put_text(&all, messages);
	assert_true(scram_keys_derive(&keys, "pencil", buf_bytes(&salt), 16, 4096));
	assert_true(scram_stored_key(keys.client_key, stored_key));
	assert_true(scram_sign(stored_key, &all, signature));
	scram_xor(signature, keys.client_key, signature);
	text_put_base64(&proof, signature, sizeof(signature));
	buf_put_u8(&proof, 0);
	assert_string_equal(
	    (char *)buf_bytes(&proof), "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");

	assert_true(scram_sign(keys.server_key, &all, signature));
	buf_clear(&proof);
	text_put_base64(&proof, signature, sizeof(signature));
	buf_put_u8(&proof, 0);
	assert_string_equal(
	    (char *)buf_bytes(&proof), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
	buf_free(&salt);
	buf_free(&all);
	buf_free(&proof);
	(void)state;
}

/* Made by PostgreSQL 15: CREATE ROLE … PASSWORD '…', then pg_authid.rolpassword. */
static void
passwords_are_prepared_as_postgresql_prepares_them(void **state)
{
	static const struct {
		const char *password, *verifier;
	} stored[] = {
		{ "pencil", PENCIL_VERIFIER },
		/* soft hyphen, Roman nine, no-break space */
		{ "I\xc2\xadX \xe2\x85\xa8 p\xc3\xa4ss\xc2\xa0w",
		    "SCRAM-SHA-256$4096:8+/DNXDJItensPPwGAGGeQ==$"
		    "/jPEhkeR7CL6pzB5nkmR2+/ox9kwu1rgef5hvSex8dE=:"
		    "G9OW0cmZgfexBmjc+gId1A0ArGk/W/A3usJTunz/dTc=" },
		/* right-to-left that ends with a digit: prohibited, so taken raw */
		{ "\xd8\xa7" "1",
		    "SCRAM-SHA-256$4096:utcDWXJj2vyBHjO3/Pze2w==$"
		    "LjYKeSZDGmNVS4rrAOTGkSTLzFE/vyxApjgnRi+rFpo=:"
		    "OJU4nb12o+6tw9oRLa+tW/06mbfaXJMXTLfsT6aETPM=" },
		/* nothing is left of it: taken raw */
		{ "\xc2\xad",
		    "SCRAM-SHA-256$4096:ct45GHoNbfnqIESLazeEEQ==$"
		    "tgV68nPff/vjbxWqbFGh0h+G/UnSMDMoVUIQ4GhxN58=:"
		    "VWFnvs/l2gQv5z0mz4GZuz8Jz1ItodI46cus/yTFAkI=" },
		/* a code point that is not assigned: taken raw */
		{ "\xcd\xb8new",
		    "SCRAM-SHA-256$4096:oA6S1mDrXplSP4ZlSYwmVw==$"
		    "vt0H5NBWjGw6P5RvZhINK4GwCQP2p92ghZVBSvBwLTk=:"
		    "zENjFo17WHDLZYhaKZKPUSSo9/D7YVjcOX3uh3p1FwY=" },
		{ "tab\there",
		    "SCRAM-SHA-256$4096:hAtCQiYCWDVsm/0S5QKZuw==$"
		    "9Q9fJjtHeMZ5MqYjvDze4vd0q2HmyargB6PYIGHrXI8=:"
		    "3q6ClJMJOMzMGwmV2ZVL4GEgByhbz/DlgCg61hvd+6M=" },
		{ "\xd7\x90\xd7\x91 \xd7\x92",
		    "SCRAM-SHA-256$4096:61z/E0T0n7kSS86i1iUXkw==$"
		    "Snh0wnJbftRvUxiUOf17Z8KFbDfvlcrcPywLXqmLb20=:"
		    "Mt6nn8kwAVD29L4TvLf1N1mJaqENySPfdX4KZTfT6Ck=" },
		/* full-width A, Angstrom sign, long s with two marks */
		{ "\xef\xbc\xa1\xe2\x84\xab\xe1\xba\x9b\xcc\xa3",
		    "SCRAM-SHA-256$4096:aJfaL347vwlO0BiXyvd7cg==$"
		    "ooLYGlCDbHUDIeoxrOPXRJR1NxbHLVkY88Kj5uoAk3k=:"
		    "Vao3kUuT8xwYAg1dRhK+T/sE/m3FlMjEZq9XTM7y2fQ=" },
		/* zero-width space */
		{ "zw\xe2\x80\x8bsp",
		    "SCRAM-SHA-256$4096:Fz4f8uYonSUFEuqNGUnWNQ==$"
		    "i/JJeTNrhaO83Xkxl7MeXBYaRA/zmqvi4OHpe//V3zQ=:"
		    "MRQt6rkBLtgCMbk89R+EFzU8O8if+9S0DDjKnXVBk1A=" },
	};

	for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++) {
		struct scram_verifier verifier;
		struct scram_keys keys;
		uint8_t stored_key[SCRAM_KEY_SIZE];

		assert_true(scram_verifier_parse(stored[i].verifier, &verifier));
		assert_true(scram_keys_derive(&keys, stored[i].password, verifier.salt,
		    verifier.salt_length, verifier.iterations));
		assert_true(scram_stored_key(keys.client_key, stored_key));
		assert_memory_equal(stored_key, verifier.stored_key, SCRAM_KEY_SIZE);
		assert_memory_equal(keys.server_key, verifier.server_key, SCRAM_KEY_SIZE);
	}
	(void)state;
}

static void
a_password_that_is_not_utf8_is_taken_byte_for_byte(void **state)
{
	char *prepared = saslprep("p\xe4ss");

	assert_string_equal(prepared, "p\xe4ss");
	mem_free_secret(prepared);
	(void)state;
}

static void
a_password_of_ten_thousand_wide_letters_is_prepared(void **state)
{
	struct buf wide = { 0 };
	char *password, *prepared;

	for (int i = 0; i < 10000; i++)
		buf_put_text(&wide, "\xef\xb7\xba"); /* one letter that becomes eighteen */
	password = buf_steal_text(&wide);
	prepared = saslprep(password);
	assert_int_equal(strlen(prepared), 10000 * strlen("\xd8\xb5\xd9\x84\xd9\x89 "
	    "\xd8\xa7\xd9\x84\xd9\x84\xd9\x87 \xd8\xb9\xd9\x84\xd9\x8a\xd9\x87 "
	    "\xd9\x88\xd8\xb3\xd9\x84\xd9\x85"));
	mem_free_secret(prepared);
	mem_free_secret(password);
	(void)state;
}

static void
nobody_makes_us_compute_more_than_the_limit(void **state)
{
	struct scram_keys keys;

	assert_false(scram_keys_derive(&keys, "pencil", (const uint8_t *)"salt", 4, 0));
	assert_false(scram_keys_derive(&keys, "pencil", (const uint8_t *)"salt", 4, 100001));
	assert_false(keys.set);
	(void)state;
}

static void
a_nonce_is_printable_and_never_the_same(void **state)
{
	char one[SCRAM_NONCE_SIZE], other[SCRAM_NONCE_SIZE];

	scram_make_nonce(one);
	scram_make_nonce(other);
	assert_int_equal(strlen(one), SCRAM_NONCE_SIZE - 1);
	assert_null(strchr(one, ','));
	assert_string_not_equal(one, other);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_verifier_comes_back_as_it_was),
		cmocka_unit_test(what_is_nearly_a_verifier_is_none),
		cmocka_unit_test(a_salt_longer_than_its_room_is_refused),
		cmocka_unit_test(the_vector_of_rfc_7677_is_met),
		cmocka_unit_test(passwords_are_prepared_as_postgresql_prepares_them),
		cmocka_unit_test(a_password_that_is_not_utf8_is_taken_byte_for_byte),
		cmocka_unit_test(a_password_of_ten_thousand_wide_letters_is_prepared),
		cmocka_unit_test(nobody_makes_us_compute_more_than_the_limit),
		cmocka_unit_test(a_nonce_is_printable_and_never_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_scram_server.c - behaviour of auth/scram_server towards clients good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/auth/auth_internal.h"
#include "base/text.h"
#include "talk.h"

/* The conversation of RFC 7677, section 3, and the verifier of its password. */
#define RFC_NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define RFC_FIRST "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define RFC_PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define RFC_FINAL "c=biws,r=" RFC_NONCE ",p=" RFC_PROOF
#define RFC_VERIFIER \
	"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$" \
	"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:" \
	"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

/* Arranged for each test: the RFC's server, asked, with the RFC's nonce. */
static struct auth_server *server;
static struct buf body;
static struct error err;
static uint32_t code;

static void
begin(const char *secret)
{
	server = auth_server_new(AUTH_METHOD_SCRAM, "user", secret);
	auth_server_start(server, &code, &body);
	snprintf(server->nonce, sizeof(server->nonce), "%s",
	    "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
	err = (struct error){ 0 };
}

static void
end(void)
{
	auth_server_free(server);
	buf_free(&body);
}

static enum auth_step
tell_first(const char *first)
{
	return tell_server_first(server, first, &code, &body, &err);
}

static enum auth_step
tell_final(const char *final)
{
	return tell_server(server, final, strlen(final), &code, &body, &err);
}

static const char *
said(void)
{
	return (const char *)buf_bytes(&body);
}

static void
the_client_is_offered_scram_sha_256_alone(void **state)
{
	begin(RFC_VERIFIER);
	assert_int_equal(code, AUTH_CODE_SASL);
	assert_int_equal(buf_length(&body), 15);
	assert_memory_equal(buf_bytes(&body), "SCRAM-SHA-256\0", 15);
	end();
	(void)state;
}

static void
the_conversation_of_rfc_7677_is_held_word_for_word(void **state)
{
	begin(RFC_VERIFIER);
	assert_int_equal(tell_first(RFC_FIRST), AUTH_CONTINUE);
	assert_int_equal(code, AUTH_CODE_SASL_CONTINUE);
	assert_string_equal(said(), "r=" RFC_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
	assert_int_equal(tell_final(RFC_FINAL), AUTH_DONE);
	assert_int_equal(code, AUTH_CODE_SASL_FINAL);
	assert_string_equal(said(), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
	end();
	(void)state;
}

static void
a_client_that_sends_its_first_words_late_is_served(void **state)
{
	begin(RFC_VERIFIER);
	assert_int_equal(tell_server(server, "SCRAM-SHA-256\0\xff\xff\xff\xff", 18, &code, &body,
	    &err), AUTH_CONTINUE);
	assert_int_equal(code, AUTH_CODE_SASL_CONTINUE);
	assert_int_equal(buf_length(&body), 0);
	assert_int_equal(tell_final(RFC_FIRST), AUTH_CONTINUE);
	assert_int_equal(tell_final(RFC_FINAL), AUTH_DONE);
	end();
	(void)state;
}

static void
sasl_initial_responses_that_lie_are_malformed(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} messages[] = {
		{ "", 0 },
		{ "SCRAM-SHA-256", 13 },
		{ "SCRAM-SHA-256\0", 14 },
		{ "SCRAM-SHA-256\0\0\0\0", 17 },
		{ "SCRAM-SHA-256\0\0\0\0\1", 18 },
		{ "SCRAM-SHA-256\0\0\0\0\1nn", 20 },
		{ "SCRAM-SHA-256\0\xff\xff\xff\xffn", 19 },
		{ "SCRAM-SHA-256\0\xff\xff\xff\xfen", 19 },
		{ "SCRAM-SHA-256\0\x7f\xff\xff\xffn", 19 },
		{ "SCRAM-SHA-256-PLUS\0\0\0\0\x8n,,r=abc", 31 },
		{ "PLAIN\0\0\0\0\0", 10 },
		{ "\0\xff\xff\xff\xff", 5 },
		{ "SCRAM-SHA-256\0\0\0\0\0", 18 },
		{ "SCRAM-SHA-256\0\0\0\0\xfn,,n=,r=abc\0def", 33 },
	};

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		begin(RFC_VERIFIER);
		assert_int_equal(tell_server(server, messages[i].bytes, messages[i].length, &code,
		    &body, &err), AUTH_FAILED);
		assert_int_equal(err.code, ERROR_PROTOCOL);
		assert_string_equal(err.sqlstate, "08P01");
		assert_int_equal(buf_length(&body), 0);
		end();
	}
	(void)state;
}

static void
first_messages_out_of_shape_are_malformed(void **state)
{
	static const char *const firsts[] = {
		"n", "n,", "n,,", "n,,n", "n,,n=", "n,,n=user", "n,,n=user,", "n,,n=user,r",
		"n,,n=user,r=", "n,,r=abc,n=user", "n,,r=abc", "n,,n=user,r=abc,", "n,,n=user,,r=abc",
		"n,,n=user,r=a c", "n,,n=user,r=a\x7f", "n,,n=user,r=a\xc3\xa9", "n,,n=user,r=abc,x",
		"n,,n=user,r=abc,=x", "x,,n=user,r=abc", ",,n=user,r=abc", "n;,n=user,r=abc",
		"n,a=admin,n=user,r=abc", "n,x,n=user,r=abc", "p=tls-unique,,n=user,r=abc",
		"n,,m=future,n=user,r=abc", "N,,n=user,r=abc", "n,,N=user,r=abc",
	};

	for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
		begin(RFC_VERIFIER);
		assert_int_equal(tell_first(firsts[i]), AUTH_FAILED);
		end();
	}
	(void)state;
}

static void
a_demand_for_channel_binding_is_told_that_it_needs_tls(void **state)
{
	begin(RFC_VERIFIER);
	assert_int_equal(tell_first("p=tls-server-end-point,,n=,r=abc"), AUTH_FAILED);
	assert_non_null(strstr(err.text, "TLS"));
	end();
	(void)state;
}

static void
extensions_behind_the_nonce_are_ignored_but_signed(void **state)
{
	begin(RFC_VERIFIER);
	assert_int_equal(tell_first(RFC_FIRST ",x=future,y="), AUTH_CONTINUE);
	/* The proof does not sign them. */
	assert_int_equal(tell_final(RFC_FINAL), AUTH_FAILED);
	assert_string_equal(err.sqlstate, "28P01");
	end();
	(void)state;
}

static void
a_message_longer_than_postgresql_takes_is_refused(void **state)
{
	char first[1100];

	for (int length = 1024; length <= 1025; length++) {
		memset(first, 'a', sizeof(first));
		memcpy(first, "n,,n=,r=", 8);
		first[length] = '\0';
		begin(RFC_VERIFIER);
		assert_int_equal(tell_first(first), length == 1024 ? AUTH_CONTINUE : AUTH_FAILED);
		end();
	}
	(void)state;
}

static void
final_messages_out_of_shape_are_malformed(void **state)
{
	static const char *const finals[] = {
		"", "c", "c=", "c=biws", "c=biws,", "c=biws,r=" RFC_NONCE, "c=biws,p=" RFC_PROOF,
		"r=" RFC_NONCE ",c=biws,p=" RFC_PROOF, "c=biws,p=" RFC_PROOF ",r=" RFC_NONCE,
		"c=eSws,r=" RFC_NONCE ",p=" RFC_PROOF, "c=,r=" RFC_NONCE ",p=" RFC_PROOF,
		"c=biws,r=" RFC_NONCE ",p=", "c=biws,r=" RFC_NONCE ",p=" RFC_PROOF "=",
		"c=biws,r=" RFC_NONCE ",p=c2hvcnQ=", "c=biws,r=" RFC_NONCE ",p=!" ,
		RFC_FINAL ",", RFC_FINAL ",x=y", RFC_FINAL "\n",
		"c=biws,r=" RFC_NONCE "x,p=" RFC_PROOF, "c=biws,r=,p=" RFC_PROOF,
		"c=biws,r=rOprNGfwEbeRWgbNEkqO,p=" RFC_PROOF,
	};

	for (size_t i = 0; i < sizeof(finals) / sizeof(finals[0]); i++) {
		begin(RFC_VERIFIER);
		assert_int_equal(tell_first(RFC_FIRST), AUTH_CONTINUE);
		assert_int_equal(tell_final(finals[i]), AUTH_FAILED);
		assert_int_equal(err.code, ERROR_PROTOCOL);
		assert_false(auth_server_keys(server)->set);
		end();
	}
	(void)state;
}

/* A client that could bind channels says "y"; the one who turned that into "n" is caught. */
static void
a_downgraded_channel_binding_is_noticed(void **state)
{
	begin(RFC_VERIFIER);
	assert_int_equal(tell_first("y,,n=user,r=rOprNGfwEbeRWgbNEkqO"), AUTH_CONTINUE);
	assert_int_equal(tell_final(RFC_FINAL), AUTH_FAILED);
	assert_non_null(strstr(err.text, "channel binding"));
	end();
	(void)state;
}

static void
every_wrong_bit_of_a_proof_is_noticed(void **state)
{
	struct buf proof = { 0 }, final = { 0 };

	assert_true(text_get_base64(RFC_PROOF, strlen(RFC_PROOF), &proof));
	for (size_t i = 0; i < 32 * 8; i += 7) {
		begin(RFC_VERIFIER);
		assert_int_equal(tell_first(RFC_FIRST), AUTH_CONTINUE);
		buf_bytes(&proof)[i / 8] ^= (uint8_t)(1 << i % 8);
		buf_clear(&final);
		buf_put_text(&final, "c=biws,r=" RFC_NONCE ",p=");
		text_put_base64(&final, buf_bytes(&proof), 32);
		buf_put_u8(&final, 0);
		assert_int_equal(tell_final((char *)buf_bytes(&final)), AUTH_FAILED);
		assert_string_equal(err.sqlstate, "28P01");
		buf_bytes(&proof)[i / 8] ^= (uint8_t)(1 << i % 8);
		end();
	}
	buf_free(&proof);
	buf_free(&final);
	(void)state;
}

static void
a_proof_of_an_earlier_conversation_is_refused(void **state)
{
	begin(RFC_VERIFIER);
	server->nonce[0] = 'x';
	assert_int_equal(tell_first(RFC_FIRST), AUTH_CONTINUE);
	assert_int_equal(tell_final(RFC_FINAL), AUTH_FAILED);
	end();
	(void)state;
}

static void
a_second_try_in_one_conversation_is_refused(void **state)
{
	begin(RFC_VERIFIER);
	assert_int_equal(tell_first(RFC_FIRST), AUTH_CONTINUE);
	assert_int_equal(tell_final("c=biws,r=" RFC_NONCE ",p="
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), AUTH_FAILED);
	assert_int_equal(tell_final(RFC_FINAL), AUTH_FAILED);
	assert_int_equal(tell_first(RFC_FIRST), AUTH_FAILED);
	end();
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_client_is_offered_scram_sha_256_alone),
		cmocka_unit_test(the_conversation_of_rfc_7677_is_held_word_for_word),
		cmocka_unit_test(a_client_that_sends_its_first_words_late_is_served),
		cmocka_unit_test(sasl_initial_responses_that_lie_are_malformed),
		cmocka_unit_test(first_messages_out_of_shape_are_malformed),
		cmocka_unit_test(a_demand_for_channel_binding_is_told_that_it_needs_tls),
		cmocka_unit_test(extensions_behind_the_nonce_are_ignored_but_signed),
		cmocka_unit_test(a_message_longer_than_postgresql_takes_is_refused),
		cmocka_unit_test(final_messages_out_of_shape_are_malformed),
		cmocka_unit_test(a_downgraded_channel_binding_is_noticed),
		cmocka_unit_test(every_wrong_bit_of_a_proof_is_noticed),
		cmocka_unit_test(a_proof_of_an_earlier_conversation_is_refused),
		cmocka_unit_test(a_second_try_in_one_conversation_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * fuzz_scram_client.c - a server's side of our log-in, made of arbitrary bytes.
 *
 * Input: one byte that picks the case, then messages, each the code of an
 * AuthenticationX message in a byte, a 16-bit length and so many bytes. Our nonce
 * is fixed, so that a seed can prove that it knows the password.
 */
#include <assert.h>
#include <stdio.h>

#include "../../src/auth/auth_internal.h"
#include "fuzz.h"
#include "wire/read.h"

static const struct scram_keys learned = { .set = true };

static const struct {
	const char *secret;
	const struct scram_keys *keys;
} cases[] = {
	{ "pencil", NULL },
	{ NULL, &learned },
	{ "md5ee69efad287c7423caf0b3229d71f567", NULL },
	{ NULL, NULL },
};

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct reader reader = reader_over(bytes, length);
	size_t chosen = read_u8(&reader) % (sizeof(cases) / sizeof(cases[0]));
	struct auth_client *auth =
	    auth_client_new("alice", cases[chosen].secret, cases[chosen].keys);
	struct buf reply = { 0 };
	struct error err;
	bool send;

	snprintf(auth->nonce, sizeof(auth->nonce), "%s", "aGVsbG8gaGVsbG8gaGVsbG8h");
	while (reader_ok(&reader) && reader.left > 0) {
		uint32_t code = read_u8(&reader);
		size_t size = read_u16(&reader);
		const uint8_t *message = read_bytes(&reader, size);
		enum auth_client_state before = auth->state;
		enum auth_step step;

		if (message == NULL)
			break;
		step = auth_client_step(auth, code, message, size, &send, &reply, &err);
		/* Whoever began SCRAM has to end it. */
		assert(step != AUTH_DONE || before == AUTH_CLIENT_NEW ||
		    before == AUTH_CLIENT_ANSWERED || before == AUTH_CLIENT_PROVED);
		assert(step != AUTH_FAILED || !send);
	}
	auth_client_free(auth);
	buf_free(&reply);
	return 0;
}

/*
 * fuzz_scram_server.c - a client's side of a log-in, made of arbitrary bytes.
 *
 * Input: one byte that picks the case, then messages, each a 16-bit length and so
 * many bytes. The nonce is that of RFC 7677, so that a seed can log in.
 */
#include <assert.h>
#include <stdio.h>

#include "../../src/auth/auth_internal.h"
#include "fuzz.h"
#include "wire/read.h"

static const struct {
	enum auth_method method;
	const char *secret;
} cases[] = {
	{ AUTH_METHOD_SCRAM, "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
			     "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
			     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=" },
	{ AUTH_METHOD_SCRAM, NULL },
	{ AUTH_METHOD_SCRAM, "pencil" },
	{ AUTH_METHOD_MD5, "pencil" },
	{ AUTH_METHOD_MD5, NULL },
	{ AUTH_METHOD_PASSWORD, "pencil" },
	{ AUTH_METHOD_PASSWORD, NULL },
	{ AUTH_METHOD_TRUST, NULL },
};

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct reader reader = reader_over(bytes, length);
	size_t chosen = read_u8(&reader) % (sizeof(cases) / sizeof(cases[0]));
	struct auth_server *auth =
	    auth_server_new(cases[chosen].method, "user", cases[chosen].secret);
	struct buf body = { 0 };
	struct error err;
	uint32_t code;

	auth_server_start(auth, &code, &body);
	snprintf(auth->nonce, sizeof(auth->nonce), "%s", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
	while (reader_ok(&reader) && reader.left > 0) {
		size_t size = read_u16(&reader);
		const uint8_t *message = read_bytes(&reader, size);
		enum auth_step step;

		if (message == NULL)
			break;
		step = auth_server_step(auth, message, size, &code, &body, &err);
		assert(step != AUTH_DONE || cases[chosen].secret != NULL);
		assert(step != AUTH_FAILED || buf_length(&body) == 0);
	}
	auth_server_free(auth);
	buf_free(&body);
	return 0;
}

/*
 * scram.h - the arithmetic of SCRAM-SHA-256 (RFC 5802, RFC 7677) and the verifier
 * that PostgreSQL stores. Knows no message and no state: see scram_server.c and
 * scram_client.c.
 */
#ifndef AUTH_SCRAM_H
#define AUTH_SCRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/conversation.h"
#include "base/buf.h"

#define SCRAM_MECHANISM "SCRAM-SHA-256"
/* The same, bound to the TLS connection under it by the hash of the server's certificate. */
#define SCRAM_PLUS_MECHANISM "SCRAM-SHA-256-PLUS"
#define SCRAM_PLUS_HEADER "p=tls-server-end-point,,"

enum {
	SCRAM_KEY_SIZE = 32,
	SCRAM_SALT_MOST = 128,	       /* bytes; PostgreSQL makes salts of 16 */
	SCRAM_NONCE_RAW = 18,	       /* random bytes in a nonce of ours, as PostgreSQL's */
	SCRAM_NONCE_SIZE = 25,	       /* the same in base64, with the NUL */
	SCRAM_NONCE_MOST = 512,	       /* bytes of a combined nonce that a server may send */
	SCRAM_ITERATIONS_OURS = 4096,  /* for verifiers that we derive, as PostgreSQL */
	SCRAM_ITERATIONS_MOST = 100000, /* that anybody may make us compute */
};

/* What is stored of a password: enough to check it, not enough to log in with. */
struct scram_verifier {
	uint32_t iterations;
	uint8_t salt[SCRAM_SALT_MOST];
	size_t salt_length;
	uint8_t stored_key[SCRAM_KEY_SIZE];
	uint8_t server_key[SCRAM_KEY_SIZE];
};

/* Read "SCRAM-SHA-256$iterations:salt$stored:server". False: it is not one. */
bool scram_verifier_parse(const char *text, struct scram_verifier *verifier);
/* Append it in the same form. */
void scram_verifier_put(struct buf *out, const struct scram_verifier *verifier);

/* The costly step, PBKDF2: *keys from a clear password. False: OpenSSL failed. */
bool scram_keys_derive(struct scram_keys *keys, const char *password, const uint8_t *salt,
    size_t salt_length, uint32_t iterations);
/* How often this process took it. */
uint64_t scram_derivations(void);

/* StoredKey = H(ClientKey). */
bool scram_stored_key(
    const uint8_t client_key[SCRAM_KEY_SIZE], uint8_t stored_key[SCRAM_KEY_SIZE]);
/* HMAC(key, the messages so far): ClientSignature and ServerSignature. */
bool scram_sign(const uint8_t key[SCRAM_KEY_SIZE], const struct buf *messages,
    uint8_t signature[SCRAM_KEY_SIZE]);
/* ClientKey and ClientProof are each other, xor ClientSignature. */
void scram_xor(uint8_t *out, const uint8_t *a, const uint8_t *b);
/* A fresh nonce, printable, with its NUL. */
void scram_make_nonce(char nonce[SCRAM_NONCE_SIZE]);

#endif

/*
 * keys.h - the two keys of the audit log: the one that is ratcheted and makes `mac`,
 * and the Ed25519 key that signs checkpoints. Used by the chain, the verifier and
 * pgweirctl keygen; the exact bytes stand in docs/OPERATIONS.md.
 */
#ifndef AUDIT_KEYS_H
#define AUDIT_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/evp.h>

#include "base/buf.h"
#include "base/error.h"

enum {
	MAC_KEY_SIZE = 32,
	CHAIN_HASH_SIZE = 45, /* base64 of 32 bytes, and a NUL */
	SIG_SIZE = 89,	      /* base64 of 64 bytes, and a NUL */
	KEY_ID_SIZE = 17,     /* 16 hex digits, and a NUL */
};

/*
 * K(epoch), and HMAC ready under M(epoch). Zeroed is no key. Owned by its holder;
 * mac_key_close() wipes it.
 */
struct mac_key {
	char *path; /* NULL: no key */
	uint64_t epoch;
	uint8_t key[MAC_KEY_SIZE];
	EVP_MAC_CTX *hmac;
	/* What the file remembers: a record that was on the disk, and its line's hash. */
	uint64_t seq;
	char head[CHAIN_HASH_SIZE];
};

/* Read the file of audit.mac_key. */
bool mac_key_read(struct mac_key *key, const char *path, struct error *err);
/* Replace the file: all or nothing, and on the disk when this returns true. */
bool mac_key_save(const struct mac_key *key, struct error *err);
/* A new file with a random K(0); false when there is one. */
bool mac_key_create(const char *path, struct error *err);
/* A copy to try with. */
void mac_key_copy(struct mac_key *copy, const struct mac_key *key);
/* Go on to the next epoch; the old key is wiped. */
void mac_key_ratchet(struct mac_key *key);
/* base64(HMAC-SHA256(M(epoch), bytes)) */
void mac_key_sum(struct mac_key *key, const void *bytes, size_t length,
    char mac[CHAIN_HASH_SIZE]);
void mac_key_close(struct mac_key *key);

/* An Ed25519 key, private or public. Zeroed is none. */
struct sign_key {
	EVP_PKEY *key;
	char id[KEY_ID_SIZE]; /* of the public half */
};

/* A private key in PEM, from a file that others cannot read. */
bool sign_key_read(struct sign_key *key, const char *path, struct error *err);
/* A public key in PEM. */
bool sign_key_read_public(struct sign_key *key, const char *path, struct error *err);
/* A new pair; false when one of the files is there. */
bool sign_key_create(const char *path, const char *public_path, struct error *err);
/* The signature in base64, "" when there is no key. */
void sign_key_sign(const struct sign_key *key, const struct buf *note, char sig[SIG_SIZE]);
bool sign_key_verify(const struct sign_key *key, const struct buf *note, const char *sig);
void sign_key_close(struct sign_key *key);

#endif

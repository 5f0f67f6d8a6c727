/*
 * seal.h - the .sig file beside a rotated log file: its size, digest and records,
 * signed. Written by the keeper, checked by verify.
 */
#ifndef AUDIT_SEAL_H
#define AUDIT_SEAL_H

#include <openssl/evp.h>

#include "keys.h"

/* What is sealed; the file's bytes are those before compression. */
struct seal {
	const char *instance; /* as it stands in the records */
	size_t instance_length;
	uint64_t bytes, first_seq, last_seq;
	char sha256[65]; /* hex */
};

/* "audit-1.jsonl" or "audit-1.jsonl.zst" to "audit-1.sig"; the caller frees it. */
char *seal_path(const char *file);
void seal_digest(EVP_MD_CTX *context, char sha256[65]);
bool seal_write(const struct seal *seal, const char *file, const struct sign_key *key,
    struct error *err);

enum seal_state { SEAL_NONE, SEAL_GOOD, SEAL_BAD };
/* Hold what was read of a file to its .sig. The instance is the one that the .sig names. */
enum seal_state seal_check(const struct seal *read, const char *file,
    const struct sign_key *keys, size_t key_count, char reason[200]);

#endif

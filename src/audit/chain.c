/*
 * chain.c - seq, prev and mac: what makes a removed, added or changed record show.
 * Used by the writer, and by the verifier for its hashes.
 */
#include "audit_internal.h"
#include "base/log.h"

void
chain_open(struct chain *chain)
{
	static const uint8_t zeros[32];

	*chain = (struct chain){ 0 };
	chain->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	chain->context = EVP_MD_CTX_new();
	if (chain->sha256 == NULL || chain->context == NULL ||
	    EVP_DigestInit_ex2(chain->context, chain->sha256, NULL) != 1)
		log_fatal("OpenSSL has no SHA-256: the audit log cannot be chained");
	EVP_EncodeBlock((unsigned char *)chain->prev, zeros, sizeof(zeros));
	memcpy(chain->checkpoint_sig, "-", 2);
}

void
chain_close(struct chain *chain)
{
	EVP_MD_CTX_free(chain->context);
	EVP_MD_free(chain->sha256);
	mac_key_close(&chain->mac);
	*chain = (struct chain){ 0 };
}

void
chain_hash(struct chain *chain, const void *bytes, size_t length, char hash[CHAIN_HASH_SIZE])
{
	uint8_t digest[32] = { 0 };

	/* The algorithm stays that of chain_open(). */
	EVP_DigestInit_ex2(chain->context, NULL, NULL);
	EVP_DigestUpdate(chain->context, bytes, length);
	EVP_DigestFinal_ex(chain->context, digest, NULL);
	EVP_EncodeBlock((unsigned char *)hash, digest, sizeof(digest));
}

size_t
chain_begin(struct chain *chain, struct buf *out)
{
	size_t begin = buf_length(out);

	put_literal(out, "{\"v\":1,\"seq\":");
	buf_put_int(out, (int64_t)++chain->seq);
	return begin;
}

void
chain_end(struct chain *chain, struct buf *out, size_t begin)
{
	char mac[CHAIN_HASH_SIZE] = "";

	put_literal(out, ",\"prev\":\"");
	buf_put(out, chain->prev, CHAIN_HASH_SIZE - 1);
	buf_put_u8(out, '"');
	if (chain->mac.path != NULL)
		mac_key_sum(&chain->mac, buf_bytes(out) + begin, buf_length(out) - begin, mac);
	put_literal(out, ",\"mac\":\"");
	buf_put_text(out, mac);
	put_literal(out, "\"}\n");
	chain_hash(chain, buf_bytes(out) + begin, buf_length(out) - begin, chain->prev);
}

void
chain_continue(struct chain *chain, const struct chain_tail *tail)
{
	chain->seq = tail->seq;
	memcpy(chain->prev, tail->head, sizeof(chain->prev));
	chain->checkpoint_seq = tail->checkpoint_seq;
	memcpy(chain->checkpoint_sig, tail->checkpoint_sig, sizeof(chain->checkpoint_sig));
	while (chain->mac.path != NULL && tail->epoch_known && chain->mac.epoch < tail->epoch)
		mac_key_ratchet(&chain->mac);
}

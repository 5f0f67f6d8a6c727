/* keys.c - see keys.h. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "keys.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/secret.h"

enum { KEY_FILE_MOST = 1024 };

static const char magic[] = "pgweir-audit-key-v1";
static const char next_info[] = "pgweir-audit-v1 next";
static const char mac_info[] = "pgweir-audit-v1 mac";

/* ---- the ratchet ---- */

static void
derive(const uint8_t key[MAC_KEY_SIZE], const char *info, uint8_t out[MAC_KEY_SIZE])
{
	EVP_KDF *hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *context = EVP_KDF_CTX_new(hkdf);
	const OSSL_PARAM with[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key, MAC_KEY_SIZE),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, strlen(info)),
		OSSL_PARAM_construct_end(),
	};

	if (context == NULL || EVP_KDF_derive(context, out, MAC_KEY_SIZE, with) != 1)
		log_fatal("OpenSSL has no HKDF: the audit log's key cannot be derived");
	EVP_KDF_CTX_free(context);
	EVP_KDF_free(hkdf);
}

/* HMAC under M(epoch), so that each sum only begins it anew. */
static void
make_hmac(struct mac_key *key)
{
	const OSSL_PARAM with[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	uint8_t under[MAC_KEY_SIZE];

	EVP_MAC_CTX_free(key->hmac);
	key->hmac = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac);
	derive(key->key, mac_info, under);
	if (key->hmac == NULL || EVP_MAC_init(key->hmac, under, sizeof(under), with) != 1)
		log_fatal("OpenSSL has no HMAC: the audit log's records cannot be sealed");
	OPENSSL_cleanse(under, sizeof(under));
}

void
mac_key_ratchet(struct mac_key *key)
{
	uint8_t next[MAC_KEY_SIZE];

	derive(key->key, next_info, next);
	memcpy(key->key, next, sizeof(next));
	OPENSSL_cleanse(next, sizeof(next));
	key->epoch++;
	make_hmac(key);
}

void
mac_key_sum(struct mac_key *key, const void *bytes, size_t length, char mac[CHAIN_HASH_SIZE])
{
	uint8_t sum[32] = { 0 };
	size_t size;

	/* Without a key: the one of make_hmac() again. */
	if (EVP_MAC_init(key->hmac, NULL, 0, NULL) != 1 ||
	    EVP_MAC_update(key->hmac, bytes, length) != 1 ||
	    EVP_MAC_final(key->hmac, sum, &size, sizeof(sum)) != 1)
		log_fatal("OpenSSL cannot compute an HMAC");
	EVP_EncodeBlock((unsigned char *)mac, sum, sizeof(sum));
}

void
mac_key_copy(struct mac_key *copy, const struct mac_key *key)
{
	*copy = *key;
	copy->path = mem_strdup(key->path);
	copy->hmac = NULL;
	if (key->path != NULL)
		make_hmac(copy);
}

void
mac_key_close(struct mac_key *key)
{
	EVP_MAC_CTX_free(key->hmac);
	mem_free(key->path);
	OPENSSL_cleanse(key, sizeof(*key));
}

/* ---- its file ---- */

/* Decode base64 of 32 bytes; false when it is not that. */
static bool
read_32(const char *text, uint8_t out[MAC_KEY_SIZE])
{
	struct buf bytes = { 0 };
	bool good = text_get_base64(text, strlen(text), &bytes) && buf_length(&bytes) == MAC_KEY_SIZE;

	if (good)
		memcpy(out, buf_bytes(&bytes), MAC_KEY_SIZE);
	if (buf_length(&bytes) > 0)
		OPENSSL_cleanse(buf_bytes(&bytes), buf_length(&bytes));
	buf_free(&bytes);
	return good;
}

static bool
parse_key(struct mac_key *key, const char *path, const char *text, struct error *err)
{
	char name[32], secret[CHAIN_HASH_SIZE], head[CHAIN_HASH_SIZE];
	unsigned long long epoch, seq;
	uint8_t hash[MAC_KEY_SIZE];
	bool good = sscanf(text, "%31s epoch %llu key %44s seq %llu sha256 %44s", name, &epoch,
	    secret, &seq, head) == 5 && strcmp(name, magic) == 0 && read_32(head, hash) &&
	    read_32(secret, key->key);

	OPENSSL_cleanse(secret, sizeof(secret));
	if (!good)
		return error_set(err, ERROR_CONFIG,
		    "%s is no key of the audit log: make one by pgweirctl keygen --mac-key %s", path,
		    path);
	key->epoch = epoch;
	key->seq = seq;
	memcpy(key->head, head, sizeof(key->head));
	key->path = mem_strdup(path);
	make_hmac(key);
	return true;
}

bool
mac_key_read(struct mac_key *key, const char *path, struct error *err)
{
	char text[KEY_FILE_MOST + 1];
	ssize_t length;
	bool good;
	int fd;

	*key = (struct mac_key){ 0 };
	if (!secret_open(path, &fd, err))
		return false;
	length = read(fd, text, KEY_FILE_MOST);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	good = parse_key(key, path, text, err);
	OPENSSL_cleanse(text, sizeof(text));
	return good;
}

static bool
write_file(const char *path, int flags, mode_t mode, const void *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, mode);
	bool good;

	if (fd < 0)
		return false;
	good = write(fd, bytes, length) == (ssize_t)length && fsync(fd) == 0;
	return close(fd) == 0 && good;
}

/* What names a file must be on the disk too. */
static bool
sync_folder(const char *path)
{
	char *copy = mem_strdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	mem_free(copy);
	return good;
}

static void
render_key(const struct mac_key *key, struct buf *out)
{
	buf_printf(out, "%s\nepoch %llu\nkey ", magic, (unsigned long long)key->epoch);
	text_put_base64(out, key->key, sizeof(key->key));
	buf_printf(out, "\nseq %llu\nsha256 %s\n", (unsigned long long)key->seq, key->head);
}

static void
wipe(struct buf *text)
{
	OPENSSL_cleanse(buf_bytes(text), buf_length(text));
	buf_free(text);
}

bool
mac_key_save(const struct mac_key *key, struct error *err)
{
	char *fresh = mem_printf("%s.new", key->path);
	struct buf text = { 0 };
	bool good;

	render_key(key, &text);
	good = write_file(fresh, O_TRUNC, 0600, buf_bytes(&text), buf_length(&text)) &&
	    rename(fresh, key->path) == 0 && sync_folder(key->path);
	if (!good)
		error_set(err, ERROR_IO, "cannot replace audit.mac_key %s: %s", key->path,
		    strerror(errno));
	wipe(&text);
	mem_free(fresh);
	return good;
}

bool
mac_key_create(const char *path, struct error *err)
{
	static const uint8_t zeros[32];
	struct mac_key key = { 0 };
	struct buf text = { 0 };
	bool good;

	if (RAND_priv_bytes(key.key, sizeof(key.key)) != 1)
		return error_set(err, ERROR_IO, "OpenSSL has no random bytes");
	EVP_EncodeBlock((unsigned char *)key.head, zeros, sizeof(zeros));
	render_key(&key, &text);
	good = write_file(path, O_EXCL, 0600, buf_bytes(&text), buf_length(&text));
	if (!good)
		error_set(err, ERROR_IO, "cannot write %s: %s", path, strerror(errno));
	wipe(&text);
	mac_key_close(&key);
	return good;
}

/* ---- the key that signs ---- */

/* "key_id": the first digits of SHA-256 of the public key's DER SubjectPublicKeyInfo. */
static bool
take_key(struct sign_key *key, const char *path, EVP_PKEY *read, struct error *err)
{
	unsigned char *der = NULL, digest[32];
	int length;

	if (read == NULL || !EVP_PKEY_is_a(read, "ED25519")) {
		EVP_PKEY_free(read);
		return error_set(err, ERROR_CONFIG,
		    "%s is no Ed25519 key in PEM: make one by pgweirctl keygen --sign-key %s", path,
		    path);
	}
	length = i2d_PUBKEY(read, &der);
	EVP_Digest(der, (size_t)length, digest, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	for (int i = 0; i < KEY_ID_SIZE / 2; i++)
		snprintf(key->id + 2 * i, 3, "%02x", digest[i]);
	key->key = read;
	return true;
}

bool
sign_key_read(struct sign_key *key, const char *path, struct error *err)
{
	EVP_PKEY *read;
	FILE *file;
	int fd;

	*key = (struct sign_key){ 0 };
	if (!secret_open(path, &fd, err))
		return false;
	file = fdopen(fd, "r");
	read = PEM_read_PrivateKey(file, NULL, NULL, (void *)"");
	fclose(file);
	return take_key(key, path, read, err);
}

bool
sign_key_read_public(struct sign_key *key, const char *path, struct error *err)
{
	FILE *file = fopen(path, "re");
	EVP_PKEY *read;

	*key = (struct sign_key){ 0 };
	if (file == NULL)
		return error_set(err, ERROR_IO, "cannot open %s: %s", path, strerror(errno));
	read = PEM_read_PUBKEY(file, NULL, NULL, NULL);
	fclose(file);
	return take_key(key, path, read, err);
}

/* A memory BIO's bytes into a new file. */
static bool
write_pem(const char *path, mode_t mode, BIO *pem)
{
	char *bytes;
	long length = BIO_get_mem_data(pem, &bytes);

	return length > 0 && write_file(path, O_EXCL, mode, bytes, (size_t)length);
}

bool
sign_key_create(const char *path, const char *public_path, struct error *err)
{
	EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	BIO *secret = BIO_new(BIO_s_secmem()), *open_half = BIO_new(BIO_s_mem());
	bool good;

	if (pair == NULL || secret == NULL || open_half == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(secret, pair, NULL, NULL, 0, NULL, NULL) != 1 ||
	    PEM_write_bio_PUBKEY(open_half, pair) != 1)
		log_fatal("OpenSSL cannot make an Ed25519 key");
	good = write_pem(path, 0600, secret);
	if (!good)
		error_set(err, ERROR_IO, "cannot write %s: %s", path, strerror(errno));
	else if (!(good = write_pem(public_path, 0644, open_half)))
		error_set(err, ERROR_IO, "cannot write %s: %s", public_path, strerror(errno));
	BIO_free(secret);
	BIO_free(open_half);
	EVP_PKEY_free(pair);
	return good;
}

void
sign_key_sign(const struct sign_key *key, const struct buf *note, char sig[SIG_SIZE])
{
	EVP_MD_CTX *context;
	uint8_t bytes[64];
	size_t length = sizeof(bytes);

	sig[0] = '\0';
	if (key->key == NULL)
		return;
	context = EVP_MD_CTX_new();
	if (context == NULL || EVP_DigestSignInit(context, NULL, NULL, NULL, key->key) != 1 ||
	    EVP_DigestSign(context, bytes, &length, buf_bytes(note), buf_length(note)) != 1)
		log_fatal("OpenSSL cannot sign a checkpoint of the audit log");
	EVP_EncodeBlock((unsigned char *)sig, bytes, (int)length);
	EVP_MD_CTX_free(context);
}

bool
sign_key_verify(const struct sign_key *key, const struct buf *note, const char *sig)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	struct buf bytes = { 0 };
	bool good = context != NULL && text_get_base64(sig, strlen(sig), &bytes) &&
	    EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->key) == 1 &&
	    EVP_DigestVerify(context, buf_bytes(&bytes), buf_length(&bytes), buf_bytes(note),
		buf_length(note)) == 1;

	buf_free(&bytes);
	EVP_MD_CTX_free(context);
	return good;
}

void
sign_key_close(struct sign_key *key)
{
	EVP_PKEY_free(key->key);
	*key = (struct sign_key){ 0 };
}

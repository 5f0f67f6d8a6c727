/*
 * tls_context.c - certificates, keys and rules of one side, read from their files.
 *
 * As PostgreSQL has it: a key that others may read is refused, renegotiation, compression
 * and session tickets are off, TLS 1.2 is the oldest version.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "tls_internal.h"

enum { DIGEST_SIZE = 32 };

/* Shared by all threads; freed with its last reference. */
struct tls_context {
	atomic_int references;
	SSL_CTX *ssl;
	bool accepts;
	enum tls_verify verify;
	char *ca;
	uint8_t digest[DIGEST_SIZE]; /* of the options and of the files' contents */
};

/* The list is the peer's: of each protocol its length and its name. */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length,
    const unsigned char *in, unsigned in_length, void *arg)
{
	static const unsigned char ours[] = TLS_ALPN;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_length, ours,
		sizeof(ours) - 1, in, in_length) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

/* Nobody is there who could type it. */
static int
no_passphrase(char *text, int size, int writing, void *arg)
{
	(void)text;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static bool
fault(struct error *err, const char *what, const char *path)
{
	char *reason = tls_reason();

	error_set(err, ERROR_CONFIG, "%s %s: %s", what, path, reason);
	mem_free(reason);
	return false;
}

/*
 * PostgreSQL's rule: our own key is ours alone; root's may be read by a group. Root, who has
 * not become another user yet, reads for that user.
 */
static bool
key_is_private(const char *path, struct error *err)
{
	struct stat st;
	mode_t forbidden;

	if (stat(path, &st) != 0)
		return error_set(
		    err, ERROR_CONFIG, "cannot open the key %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_CONFIG, "the key %s is not a regular file", path);
	if (st.st_uid != geteuid() && st.st_uid != 0 && geteuid() != 0)
		return error_set(err, ERROR_CONFIG,
		    "the key %s belongs to another user: it must be pgweir's or root's", path);
	forbidden = st.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
	if ((st.st_mode & forbidden) != 0)
		return error_set(err, ERROR_CONFIG,
		    "the key %s is open to others (mode %04o): chmod %s %s", path,
		    (unsigned)(st.st_mode & 07777),
		    st.st_uid == 0 ? "0640" : "0600", path);
	return true;
}

static bool
use_certificate(
    SSL_CTX *ssl, const struct tls_options *options, const char **at_fault, struct error *err)
{
	if (options->cert[0] == '\0')
		return true;
	*at_fault = "cert";
	if (SSL_CTX_use_certificate_chain_file(ssl, options->cert) != 1)
		return fault(err, "cannot load the certificate", options->cert);
	*at_fault = "key";
	if (!key_is_private(options->key, err))
		return false;
	if (SSL_CTX_use_PrivateKey_file(ssl, options->key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ssl) != 1)
		return ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH ||
			ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_TYPE_MISMATCH
		    ? error_set(err, ERROR_CONFIG,
			  "the key %s is not the one of the certificate %s", options->key,
			  options->cert)
		    : fault(err, "cannot load the key", options->key);
	return true;
}

static bool
use_ca(SSL_CTX *ssl, const struct tls_options *options, struct error *err)
{
	STACK_OF(X509_NAME) * names;

	if (options->ca[0] == '\0')
		return true;
	if (SSL_CTX_load_verify_file(ssl, options->ca) != 1)
		return fault(err, "cannot load the certificates of authorities in", options->ca);
	if (!options->accepts)
		return true;
	/* Which certificates would do: clients that have several choose by it. */
	names = SSL_load_client_CA_file(options->ca);
	if (names == NULL)
		return fault(err, "cannot load the certificates of authorities in", options->ca);
	SSL_CTX_set_client_CA_list(ssl, names);
	return true;
}

static int
verify_flags(enum tls_verify verify)
{
	switch (verify) {
	case TLS_VERIFY_NONE:
		return SSL_VERIFY_NONE;
	case TLS_VERIFY_IF_GIVEN:
		return SSL_VERIFY_PEER;
	case TLS_VERIFY_CA:
	case TLS_VERIFY_HOST:
		return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	}
	return SSL_VERIFY_PEER;
}

static void
set_rules(SSL_CTX *ssl, const struct tls_options *options)
{
	static const unsigned char id[] = "pgweir";

	SSL_CTX_set_min_proto_version(ssl, options->only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
	SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_num_tickets(ssl, 0);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(ssl, id, sizeof(id) - 1);
	/* An idle connection keeps no buffers. */
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_dh_auto(ssl, 1);
	SSL_CTX_set_verify(ssl, verify_flags(options->verify), NULL);
	SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
	if (options->accepts)
		SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
	else
		SSL_CTX_set_alpn_protos(
		    ssl, (const unsigned char *)TLS_ALPN, sizeof(TLS_ALPN) - 1);
}

static bool
use_ciphers(
    SSL_CTX *ssl, const struct tls_options *options, const char **at_fault, struct error *err)
{
	*at_fault = "ciphers";
	if (options->ciphers[0] != '\0' && SSL_CTX_set_cipher_list(ssl, options->ciphers) != 1)
		return fault(err, "OpenSSL takes none of", options->ciphers);
	*at_fault = "tls13_ciphers";
	if (options->tls13_ciphers[0] != '\0' &&
	    SSL_CTX_set_ciphersuites(ssl, options->tls13_ciphers) != 1)
		return fault(err, "OpenSSL does not take", options->tls13_ciphers);
	return true;
}

static bool
fill(SSL_CTX *ssl, const struct tls_options *options, const char **at_fault, struct error *err)
{
	set_rules(ssl, options);
	if (!use_certificate(ssl, options, at_fault, err))
		return false;
	*at_fault = "ca";
	return use_ca(ssl, options, err) && use_ciphers(ssl, options, at_fault, err);
}

/* A file's bytes into a digest; what cannot be read was refused before. */
static void
digest_file(EVP_MD_CTX *digest, const char *path)
{
	uint8_t bytes[4096];
	FILE *file = path[0] == '\0' ? NULL : fopen(path, "re");
	size_t got;

	EVP_DigestUpdate(digest, path, strlen(path) + 1);
	while (file != NULL && (got = fread(bytes, 1, sizeof(bytes), file)) > 0)
		EVP_DigestUpdate(digest, bytes, got);
	if (file != NULL)
		fclose(file);
	OPENSSL_cleanse(bytes, sizeof(bytes));
}

static bool
digest_all(const struct tls_options *options, uint8_t out[DIGEST_SIZE])
{
	const uint8_t rules[] = { options->accepts, (uint8_t)options->verify, options->only_1_3 };
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool good = digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL);

	if (good) {
		EVP_DigestUpdate(digest, rules, sizeof(rules));
		EVP_DigestUpdate(digest, options->ciphers, strlen(options->ciphers) + 1);
		EVP_DigestUpdate(
		    digest, options->tls13_ciphers, strlen(options->tls13_ciphers) + 1);
		digest_file(digest, options->cert);
		digest_file(digest, options->key);
		digest_file(digest, options->ca);
		good = EVP_DigestFinal_ex(digest, out, NULL);
	}
	EVP_MD_CTX_free(digest);
	return good;
}

struct tls_context *
tls_context_new(const struct tls_options *options, const char **at_fault, struct error *err)
{
	struct tls_context *context;
	SSL_CTX *ssl;

	ERR_clear_error();
	*at_fault = "mode";
	ssl = SSL_CTX_new(options->accepts ? TLS_server_method() : TLS_client_method());
	if (ssl == NULL) {
		fault(err, "no TLS:", "OpenSSL");
		return NULL;
	}
	if (!fill(ssl, options, at_fault, err)) {
		SSL_CTX_free(ssl);
		return NULL;
	}
	context = mem_zalloc(1, sizeof(*context));
	context->references = 1;
	context->ssl = ssl;
	context->accepts = options->accepts;
	context->verify = options->verify;
	context->ca = mem_strdup(options->ca);
	if (!digest_all(options, context->digest)) {
		fault(err, "no TLS:", "SHA-256");
		tls_context_release(context);
		return NULL;
	}
	return context;
}

struct tls_context *
tls_context_reference(struct tls_context *context)
{
	if (context != NULL)
		atomic_fetch_add(&context->references, 1);
	return context;
}

void
tls_context_release(struct tls_context *context)
{
	if (context == NULL || atomic_fetch_sub(&context->references, 1) > 1)
		return;
	SSL_CTX_free(context->ssl);
	mem_free(context->ca);
	mem_free(context);
}

bool
tls_contexts_are_equal(const struct tls_context *a, const struct tls_context *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return CRYPTO_memcmp(a->digest, b->digest, DIGEST_SIZE) == 0;
}

bool
tls_context_accepts(const struct tls_context *context)
{
	return context->accepts;
}

const char *
tls_context_ca(const struct tls_context *context)
{
	return context->ca;
}

/* Whose certificate it must be: a name, or an address that the certificate lists. */
static bool
expect_host(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *rules = SSL_get0_param(ssl);

	X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_ip_asc(rules, host) == 1 ||
	    X509_VERIFY_PARAM_set1_host(rules, host, 0) == 1;
}

static bool
is_name(const char *host)
{
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(host);
	bool name = address == NULL;

	ASN1_OCTET_STRING_free(address);
	ERR_clear_error();
	return name;
}

SSL *
tls_context_open(const struct tls_context *context, const char *host)
{
	SSL *ssl = SSL_new(context->ssl);

	if (ssl == NULL)
		return NULL;
	if (context->accepts) {
		SSL_set_accept_state(ssl);
		return ssl;
	}
	SSL_set_connect_state(ssl);
	if (is_name(host))
		SSL_set_tlsext_host_name(ssl, host);
	if (context->verify == TLS_VERIFY_HOST && !expect_host(ssl, host)) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

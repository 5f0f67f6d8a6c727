/* tls_peer.c - what a finished handshake tells of the other side. */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/mem.h"
#include "tls_internal.h"

/* The whole name of a certificate's owner, "CN=billing,O=Shop"; the caller frees. */
static char *
subject_text(const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL, *bytes;
	long length;

	if (bio == NULL)
		return NULL;
	if (X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		length = BIO_get_mem_data(bio, &bytes);
		text = mem_strndup(bytes, (size_t)length);
	}
	BIO_free(bio);
	return text;
}

/* Its common name, in UTF-8. One with a NUL in it passes for another name in C: none. */
static char *
common_name(const X509_NAME *name)
{
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	unsigned char *bytes = NULL;
	char *text = NULL;
	int length;

	if (at < 0)
		return NULL;
	length = ASN1_STRING_to_UTF8(
	    &bytes, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (length > 0 && memchr(bytes, '\0', (size_t)length) == NULL)
		text = mem_strndup((const char *)bytes, (size_t)length);
	OPENSSL_free(bytes);
	return text;
}

void
tls_peer_read(struct tls_peer *peer, SSL *ssl)
{
	X509 *certificate = SSL_get0_peer_certificate(ssl);

	peer->protocol = SSL_get_version(ssl);
	peer->cipher = SSL_get_cipher_name(ssl);
	if (certificate == NULL || SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE ||
	    SSL_get_verify_result(ssl) != X509_V_OK)
		return;
	peer->subject = subject_text(X509_get_subject_name(certificate));
	peer->common_name = common_name(X509_get_subject_name(certificate));
}

void
tls_peer_clear(struct tls_peer *peer)
{
	mem_free(peer->subject);
	mem_free(peer->common_name);
	*peer = (struct tls_peer){ 0 };
}

size_t
tls_certificate_hash(SSL *ssl, bool ours, uint8_t hash[TLS_END_POINT_MOST])
{
	X509 *certificate =
	    ours ? SSL_get_certificate(ssl) : SSL_get0_peer_certificate(ssl);
	unsigned length = 0;
	const EVP_MD *digest;
	int nid = NID_undef;

	if (certificate == NULL ||
	    !X509_get_signature_info(certificate, &nid, NULL, NULL, NULL) || nid == NID_undef)
		return 0;
	/* RFC 5929: in the place of those that are weak stands SHA-256. */
	digest = nid == NID_md5 || nid == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(nid);
	if (digest == NULL || EVP_MD_get_size(digest) > TLS_END_POINT_MOST ||
	    !X509_digest(certificate, digest, hash, &length))
		return 0;
	return length;
}

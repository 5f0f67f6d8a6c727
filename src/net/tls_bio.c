/*
 * tls_bio.c - where OpenSSL reads and writes: bytes at hand, and a stream's output. It never waits,
 * and nothing is copied that need not be.
 */
#include <openssl/bio.h>
#include <openssl/crypto.h>

#include "base/log.h"
#include "tls_internal.h"

static BIO_METHOD *method; /* made once, for all threads and as long as the process lives */

static int
read_bytes(BIO *bio, char *to, size_t size, size_t *got)
{
	struct tls_bytes *bytes = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	*got = bytes->in_length < size ? bytes->in_length : size;
	if (*got == 0) {
		BIO_set_retry_read(bio);
		return 0;
	}
	memcpy(to, bytes->in, *got);
	bytes->in += *got;
	bytes->in_length -= *got;
	return 1;
}

static int
write_bytes(BIO *bio, const char *from, size_t length, size_t *written)
{
	struct tls_bytes *bytes = BIO_get_data(bio);

	buf_put(stream_out(bytes->out), from, length);
	*written = length;
	return 1;
}

static long
control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static void
make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
	if (method == NULL)
		log_fatal("OpenSSL gives no BIO");
	BIO_meth_set_read_ex(method, read_bytes);
	BIO_meth_set_write_ex(method, write_bytes);
	BIO_meth_set_ctrl(method, control);
}

bool
tls_bytes_attach(SSL *ssl, struct tls_bytes *bytes)
{
	static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
	BIO *bio;

	if (!CRYPTO_THREAD_run_once(&once, make_method))
		return false;
	bio = BIO_new(method);
	if (bio == NULL)
		return false;
	BIO_set_data(bio, bytes);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	return true;
}

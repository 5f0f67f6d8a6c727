/* test_tls.c - behaviour of net/tls. */
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/mem.h"
#include "net/tls.h"
#include "turns.h"

/* More than sockets hold. */
enum { LARGE = 3000000 };

/* Two keys, and a certificate of the first; made once for all tests. */
static struct files {
	char folder[64], cert[128], key[128], other_key[128];
} files;

/* One end: an encrypted stream and what it has told. */
struct end {
	struct stream *stream;
	struct buf got;
	char told[32]; /* O D W C, data in a row once */
};

/*
 * Two ends, and the wire between them: what one sends is carried to the other by the test,
 * so many bytes at a time.
 */
struct pair {
	struct loop *loop;
	struct tls_context *accepts, *connects;
	struct end server, client;
	int server_wire, client_wire;
};

static void
write_key(const char *path, EVP_PKEY *key)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(file);
	chmod(path, 0600);
}

/* Its own authority, and db.example's. */
static void
write_certificate(const char *path, EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	X509_EXTENSION *names =
	    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:db.example,IP:127.0.0.7");
	FILE *file = fopen(path, "w");

	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -1000);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 1000000);
	X509_set_version(certificate, 2);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const uint8_t *)"Shop", -1, -1, 0);
	X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_ASC, (const uint8_t *)"billing", -1, -1, 0);
	X509_set_issuer_name(certificate, name);
	X509_add_ext(certificate, names, -1);
	X509_EXTENSION_free(names);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, certificate), 1);
	fclose(file);
	X509_free(certificate);
}

static int
make_files(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");

	snprintf(files.folder, sizeof(files.folder), "/tmp/pgweir-tls-XXXXXX");
	assert_non_null(mkdtemp(files.folder));
	snprintf(files.cert, sizeof(files.cert), "%s/cert", files.folder);
	snprintf(files.key, sizeof(files.key), "%s/key", files.folder);
	snprintf(files.other_key, sizeof(files.other_key), "%s/other", files.folder);
	write_key(files.key, key);
	write_key(files.other_key, other);
	write_certificate(files.cert, key);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	(void)state;
	return 0;
}

static int
remove_files(void **state)
{
	unlink(files.cert);
	unlink(files.key);
	unlink(files.other_key);
	(void)state;
	return rmdir(files.folder);
}

static struct tls_options
options_to_accept(void)
{
	return (struct tls_options){ .accepts = true,
		.cert = files.cert,
		.key = files.key,
		.ca = "",
		.ciphers = "",
		.tls13_ciphers = "" };
}

static struct tls_options
options_to_connect(enum tls_verify verify)
{
	return (struct tls_options){ .verify = verify,
		.cert = "",
		.key = "",
		.ca = files.cert,
		.ciphers = "",
		.tls13_ciphers = "" };
}

static struct tls_context *
context_of(struct tls_options options)
{
	struct error err = { 0 };
	const char *at_fault;
	struct tls_context *context = tls_context_new(&options, &at_fault, &err);

	if (context == NULL)
		fail_msg("%s: %s", at_fault, err.text);
	return context;
}

static void
on_event(struct stream *stream, enum stream_event event, void *arg)
{
	static const char letters[] = {
		[STREAM_OPENED] = 'O', [STREAM_DATA] = 'D', [STREAM_DRAINED] = 'W', [STREAM_CLOSED] = 'C'
	};
	struct end *end = arg;
	size_t told = strlen(end->told), length;
	const uint8_t *bytes;

	assert_ptr_equal(stream, end->stream);
	if (told == 0 || end->told[told - 1] != letters[event]) {
		assert_true(told + 1 < sizeof(end->told));
		end->told[told] = letters[event];
	}
	if (event == STREAM_DATA) {
		bytes = stream_data(stream, &length);
		buf_put(&end->got, bytes, length);
	}
	if (event == STREAM_CLOSED)
		stream_pause(stream);
}

static struct stream *
plain_stream(struct pair *pair, struct end *end, int *wire)
{
	int fds[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	*wire = fds[1];
	return stream_accepted(pair->loop, fds[0], on_event, end);
}

static void
pair_open_to(struct pair *pair, struct tls_options accepts, struct tls_options connects,
    const char *host)
{
	struct stream *server, *client;

	*pair = (struct pair){ .loop = loop_of_this_run() };
	pair->accepts = context_of(accepts);
	pair->connects = context_of(connects);
	server = plain_stream(pair, &pair->server, &pair->server_wire);
	client = plain_stream(pair, &pair->client, &pair->client_wire);
	pair->server.stream =
	    tls_accept(server, pair->accepts, NULL, 0, false, on_event, &pair->server);
	pair->client.stream =
	    tls_connect(client, pair->connects, host, on_event, &pair->client);
}

static void
pair_open(struct pair *pair)
{
	pair_open_to(
	    pair, options_to_accept(), options_to_connect(TLS_VERIFY_HOST), "db.example");
}

static void
end_close(struct end *end)
{
	if (end->stream != NULL)
		stream_close(end->stream);
	end->stream = NULL;
	buf_free(&end->got);
}

static void
pair_close(struct pair *pair)
{
	end_close(&pair->server);
	end_close(&pair->client);
	if (pair->server_wire >= 0)
		close(pair->server_wire);
	if (pair->client_wire >= 0)
		close(pair->client_wire);
	settle(pair->loop);
	loop_free(pair->loop);
	tls_context_release(pair->accepts);
	tls_context_release(pair->connects);
}

/* At most so many bytes from one wire to the other; an end goes along. */
static bool
carry(int *from, int *to, size_t most)
{
	static uint8_t bytes[65536];
	ssize_t got, sent;

	if (*from < 0 || *to < 0)
		return false;
	got = recv(*from, bytes, most < sizeof(bytes) ? most : sizeof(bytes), MSG_PEEK);
	if (got < 0)
		return false;
	if (got == 0) {
		close(*to);
		*to = -1;
		return true;
	}
	sent = send(*to, bytes, (size_t)got, MSG_NOSIGNAL);
	if (sent < 0)
		return false; /* it does not listen any more, or is slow */
	assert_int_equal(recv(*from, bytes, (size_t)sent, 0), sent);
	return true;
}

/* Until nothing moves any more. */
static void
run_by(struct pair *pair, size_t most)
{
	int quiet = 0;

	while (quiet < 8) {
		bool moved = carry(&pair->client_wire, &pair->server_wire, most);

		moved |= carry(&pair->server_wire, &pair->client_wire, most);
		settle(pair->loop);
		quiet = moved ? 0 : quiet + 1;
	}
}

static void
run(struct pair *pair)
{
	run_by(pair, 16384);
}

static void
assert_got(const struct end *end, const char *text)
{
	assert_int_equal(buf_length(&end->got), strlen(text));
	assert_memory_equal(buf_bytes(&end->got), text, strlen(text));
}

static void
both_ends_hear_what_the_other_sent(void **state)
{
	struct pair pair;

	pair_open(&pair);
	assert_true(stream_is_encrypted(pair.client.stream));
	assert_null(stream_tls_peer(pair.client.stream)); /* not yet */
	run(&pair);
	assert_string_equal(pair.client.told, "O");
	assert_string_equal(stream_tls_peer(pair.server.stream)->protocol, "TLSv1.3");
	buf_put_text(stream_out(pair.client.stream), "one ");
	stream_send(pair.client.stream, "two", 3);
	stream_send(pair.server.stream, "three", 5);
	run(&pair);
	assert_got(&pair.server, "one two");
	assert_got(&pair.client, "three");
	assert_int_equal(stream_pending(pair.client.stream), 0);
	pair_close(&pair);
	(void)state;
}

static void
what_is_sent_before_the_handshake_is_over_is_sent_behind_it(void **state)
{
	struct pair pair;

	pair_open(&pair);
	stream_send(pair.client.stream, "early ", 6);
	buf_put_text(stream_out(pair.client.stream), "bird");
	stream_flush(pair.client.stream);
	run(&pair);
	assert_got(&pair.server, "early bird");
	pair_close(&pair);
	(void)state;
}

static void
records_may_be_split_anywhere(void **state)
{
	struct pair pair;

	pair_open(&pair);
	run_by(&pair, 1);
	stream_send(pair.client.stream, "a ", 2);
	stream_send(pair.client.stream, "b", 1);
	run_by(&pair, 1);
	assert_got(&pair.server, "a b");
	pair_close(&pair);
	(void)state;
}

/* `length` bytes that differ from place to place. */
static uint8_t *
pattern(size_t length)
{
	uint8_t *bytes = mem_alloc(length);

	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 13);
	return bytes;
}

static void
much_arrives_whole_and_the_sender_is_told_when_it_has_gone(void **state)
{
	uint8_t *bytes = pattern(LARGE);
	struct pair pair;

	pair_open(&pair);
	run(&pair);
	stream_send(pair.server.stream, bytes, LARGE / 2);
	assert_true(stream_pending(pair.server.stream) > 0); /* encrypted, and not taken */
	settle(pair.loop);
	stream_send(pair.server.stream, bytes + LARGE / 2, LARGE / 2 - 1);
	stream_send(pair.server.stream, bytes + LARGE - 1, 1);
	assert_true(stream_pending(pair.server.stream) >= LARGE / 2);
	run(&pair);
	assert_string_equal(pair.server.told, "W");
	assert_int_equal(stream_pending(pair.server.stream), 0);
	assert_int_equal(buf_length(&pair.client.got), LARGE);
	assert_memory_equal(buf_bytes(&pair.client.got), bytes, LARGE);
	mem_free(bytes);
	pair_close(&pair);
	(void)state;
}

static void
a_paused_stream_hears_nothing_until_it_is_resumed(void **state)
{
	uint8_t *bytes = pattern(LARGE);
	struct pair pair;

	pair_open(&pair);
	run(&pair);
	stream_pause(pair.client.stream);
	stream_send(pair.server.stream, bytes, LARGE);
	run(&pair);
	assert_string_equal(pair.client.told, "O");
	assert_string_equal(pair.server.told, "");
	stream_resume(pair.client.stream);
	run(&pair);
	assert_int_equal(buf_length(&pair.client.got), LARGE);
	assert_memory_equal(buf_bytes(&pair.client.got), bytes, LARGE);
	mem_free(bytes);
	pair_close(&pair);
	(void)state;
}

static void
what_came_during_a_pause_is_told_before_a_failure(void **state)
{
	struct pair pair;

	pair_open(&pair);
	run(&pair);
	stream_pause(pair.server.stream);
	stream_send(pair.client.stream, "last words", 10);
	run(&pair);
	close(pair.server_wire);
	pair.server_wire = -1;
	stream_send(pair.server.stream, "unheard", 7);
	settle(pair.loop);
	settle(pair.loop);
	stream_resume(pair.server.stream);
	settle(pair.loop);
	settle(pair.loop);
	assert_string_equal(pair.server.told, "DC");
	assert_got(&pair.server, "last words");
	pair_close(&pair);
	(void)state;
}

/* A client of OpenSSL's own at the other end of the server's wire, its handshake done. */
static SSL *
plain_client(struct pair *pair, SSL_CTX *context)
{
	SSL *ssl = SSL_new(context);

	SSL_set_fd(ssl, pair->server_wire);
	SSL_set_connect_state(ssl);
	while (SSL_do_handshake(ssl) != 1)
		settle(pair->loop);
	settle(pair->loop);
	return ssl;
}

static void
a_peer_that_has_us_answer_and_reads_nothing_is_closed(void **state)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct pair pair;
	SSL *ssl;

	pair_open(&pair);
	ssl = plain_client(&pair, context);
	for (int i = 0; i < 100000 && strchr(pair.server.told, 'C') == NULL; i++) {
		SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED);
		(void)SSL_write(ssl, "x", 1);
		settle(pair.loop);
	}
	assert_non_null(strchr(pair.server.told, 'C'));
	assert_non_null(strstr(stream_why(pair.server.stream), "reads no answer"));
	SSL_free(ssl);
	SSL_CTX_free(context);
	pair_close(&pair);
	(void)state;
}

static void
the_end_is_told_behind_the_last_bytes(void **state)
{
	struct pair pair;

	pair_open(&pair);
	run(&pair);
	stream_send(pair.client.stream, "bye", 3);
	stream_close(pair.client.stream);
	pair.client.stream = NULL;
	run(&pair);
	assert_string_equal(pair.server.told, "DC");
	assert_string_equal(
	    stream_why(pair.server.stream), "connection closed by the other side");
	assert_false(stream_is_untrusted(pair.server.stream));
	pair_close(&pair);
	(void)state;
}

static void
a_peer_that_vanishes_is_like_one_that_closes(void **state)
{
	struct pair pair;

	pair_open(&pair);
	run(&pair);
	close(pair.server_wire);
	pair.server_wire = -1;
	settle(pair.loop);
	assert_string_equal(pair.server.told, "C");
	assert_string_equal(
	    stream_why(pair.server.stream), "connection closed by the other side");
	pair_close(&pair);
	(void)state;
}

static void
a_peer_that_vanishes_in_the_handshake_too(void **state)
{
	struct pair pair;

	pair_open(&pair);
	settle(pair.loop);
	close(pair.client_wire);
	pair.client_wire = -1;
	settle(pair.loop);
	settle(pair.loop);
	assert_string_equal(pair.client.told, "C");
	assert_false(stream_is_untrusted(pair.client.stream));
	pair_close(&pair);
	(void)state;
}

static void
what_is_no_tls_fails_with_openssls_reason(void **state)
{
	struct pair pair;

	pair_open(&pair);
	assert_int_equal(write(pair.server_wire, "GET / HTTP/1.1\r\n\r\n", 18), 18);
	close(pair.client_wire);
	pair.client_wire = -1;
	for (int i = 0; i < 8; i++)
		settle(pair.loop);
	assert_string_equal(pair.server.told, "C");
	assert_true(stream_is_untrusted(pair.server.stream));
	assert_string_equal(stream_why(pair.server.stream), "TLS handshake failed: http request");
	pair_close(&pair);
	(void)state;
}

static void
a_certificate_of_another_host_is_refused_and_the_reason_names_the_host(void **state)
{
	struct pair pair;

	pair_open_to(&pair, options_to_accept(), options_to_connect(TLS_VERIFY_HOST), "other.example");
	run(&pair);
	assert_string_equal(pair.client.told, "C");
	assert_true(stream_is_untrusted(pair.client.stream));
	assert_non_null(strstr(stream_why(pair.client.stream),
	    "certificate verify failed: hostname mismatch (host \"other.example\", by "));
	assert_string_equal(pair.server.told, "C");
	assert_non_null(strstr(stream_why(pair.server.stream), "TLS "));
	pair_close(&pair);
	(void)state;
}

static void
an_address_must_stand_in_the_certificate_as_one(void **state)
{
	static const struct {
		const char *host, *told;
	} cases[] = { { "127.0.0.7", "O" }, { "127.0.0.8", "C" } };

	for (size_t i = 0; i < 2; i++) {
		struct pair pair;

		pair_open_to(&pair, options_to_accept(), options_to_connect(TLS_VERIFY_HOST),
		    cases[i].host);
		run(&pair);
		assert_string_equal(pair.client.told, cases[i].told);
		pair_close(&pair);
	}
	(void)state;
}

static void
the_subject_of_a_verified_certificate_can_be_asked_for(void **state)
{
	struct tls_options accepts = options_to_accept(), connects = options_to_connect(TLS_VERIFY_CA);
	const struct tls_peer *peer;
	uint8_t one[TLS_END_POINT_MOST], other[TLS_END_POINT_MOST];
	struct pair pair;

	accepts.verify = TLS_VERIFY_CA;
	accepts.ca = files.cert;
	connects.cert = files.cert;
	connects.key = files.key;
	pair_open_to(&pair, accepts, connects, "db.example");
	run(&pair);
	peer = stream_tls_peer(pair.server.stream);
	assert_non_null(peer);
	assert_string_equal(peer->common_name, "billing");
	assert_string_equal(peer->subject, "CN=billing,O=Shop");
	/* Both ends speak of the server's certificate. */
	assert_int_equal(stream_tls_end_point(pair.server.stream, one), 32);
	assert_int_equal(stream_tls_end_point(pair.client.stream, other), 32);
	assert_memory_equal(one, other, 32);
	pair_close(&pair);
	(void)state;
}

static void
a_client_without_the_certificate_that_is_asked_for_is_refused(void **state)
{
	struct tls_options accepts = options_to_accept();
	struct pair pair;

	accepts.verify = TLS_VERIFY_CA;
	accepts.ca = files.cert;
	pair_open_to(&pair, accepts, options_to_connect(TLS_VERIFY_CA), "db.example");
	run(&pair);
	assert_string_equal(pair.server.told, "C");
	assert_string_equal(stream_why(pair.server.stream),
	    "TLS handshake failed: peer did not return a certificate");
	/* It learns of it behind its own handshake. */
	assert_non_null(strchr(pair.client.told, 'C'));
	assert_non_null(strstr(stream_why(pair.client.stream), "certificate required"));
	pair_close(&pair);
	(void)state;
}

static void
a_quiet_stream_moves_to_another_loop(void **state)
{
	struct loop *heir = loop_of_this_run();
	struct pair pair;

	pair_open(&pair);
	run(&pair);
	stream_detach(pair.server.stream);
	stream_send(pair.client.stream, "between", 7);
	run(&pair);
	assert_got(&pair.server, "");
	stream_attach(pair.server.stream, heir, on_event, &pair.server);
	settle(heir);
	assert_got(&pair.server, "between");
	stream_send(pair.server.stream, "back", 4);
	settle(heir);
	run(&pair);
	assert_got(&pair.client, "back");
	end_close(&pair.server);
	settle(heir);
	loop_free(heir);
	pair_close(&pair);
	(void)state;
}

static void
assert_refused(struct tls_options options, const char *option, const char *words)
{
	struct error err = { 0 };
	const char *at_fault;

	assert_null(tls_context_new(&options, &at_fault, &err));
	assert_string_equal(at_fault, option);
	if (strstr(err.text, words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, err.text);
}

static void
faults_of_the_files_are_told_with_the_option(void **state)
{
	struct tls_options options = options_to_accept();

	options.cert = "/nowhere/cert";
	assert_refused(options, "cert", "cannot load the certificate /nowhere/cert: No such file");
	options = options_to_accept();
	options.key = "/nowhere/key";
	assert_refused(options, "key", "cannot open the key /nowhere/key: No such file");
	options.key = files.other_key;
	assert_refused(options, "key", "is not the one of the certificate");
	options.key = files.cert;
	assert_refused(options, "key", "");
	options = options_to_accept();
	options.ca = files.key;
	assert_refused(options, "ca", "cannot load the certificates of authorities in ");
	options = options_to_accept();
	options.ciphers = "NONSENSE";
	assert_refused(options, "ciphers", "no cipher match");
	options = options_to_accept();
	options.tls13_ciphers = "NONSENSE";
	assert_refused(options, "tls13_ciphers", "NONSENSE");
	(void)state;
}

static void
a_key_that_others_may_read_is_refused(void **state)
{
	chmod(files.key, 0644);
	assert_refused(options_to_accept(), "key", "is open to others (mode 0644): chmod 06");
	chmod(files.key, 0600);
	(void)state;
}

static void
contexts_are_equal_when_options_and_contents_are(void **state)
{
	struct tls_options options = options_to_accept();
	struct tls_context *one = context_of(options), *two = context_of(options), *other;

	assert_true(tls_contexts_are_equal(one, two));
	assert_false(tls_contexts_are_equal(one, NULL));
	assert_true(tls_contexts_are_equal(NULL, NULL));
	options.only_1_3 = true;
	other = context_of(options);
	assert_false(tls_contexts_are_equal(one, other));
	tls_context_release(one);
	tls_context_release(two);
	tls_context_release(other);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_hear_what_the_other_sent),
		cmocka_unit_test(what_is_sent_before_the_handshake_is_over_is_sent_behind_it),
		cmocka_unit_test(records_may_be_split_anywhere),
		cmocka_unit_test(much_arrives_whole_and_the_sender_is_told_when_it_has_gone),
		cmocka_unit_test(a_paused_stream_hears_nothing_until_it_is_resumed),
		cmocka_unit_test(what_came_during_a_pause_is_told_before_a_failure),
		cmocka_unit_test(a_peer_that_has_us_answer_and_reads_nothing_is_closed),
		cmocka_unit_test(the_end_is_told_behind_the_last_bytes),
		cmocka_unit_test(a_peer_that_vanishes_is_like_one_that_closes),
		cmocka_unit_test(a_peer_that_vanishes_in_the_handshake_too),
		cmocka_unit_test(what_is_no_tls_fails_with_openssls_reason),
		cmocka_unit_test(a_certificate_of_another_host_is_refused_and_the_reason_names_the_host),
		cmocka_unit_test(an_address_must_stand_in_the_certificate_as_one),
		cmocka_unit_test(the_subject_of_a_verified_certificate_can_be_asked_for),
		cmocka_unit_test(a_client_without_the_certificate_that_is_asked_for_is_refused),
		cmocka_unit_test(a_quiet_stream_moves_to_another_loop),
		cmocka_unit_test(faults_of_the_files_are_told_with_the_option),
		cmocka_unit_test(a_key_that_others_may_read_is_refused),
		cmocka_unit_test(contexts_are_equal_when_options_and_contents_are),
	};
	void *none = NULL;
	int failed;

	give_up_when_it_hangs();
	make_files(&none);
	failed = RUN_ON_BOTH(tests);
	return failed + remove_files(&none);
}

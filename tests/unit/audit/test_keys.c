/* test_keys.c - behaviour of audit/keys and of the log written with them: to the byte. */
#include "audit_support.h"

#include <errno.h>
#include <sys/stat.h>

#include "../../../src/audit/audit_internal.h"
#include "audit/verify.h"

/* The log's key, its other half and the key that signs, in the place's folder. */
struct keys {
	char mac[96], mac_copy[96], sign[96], public[96];
};

static void
copy_file(const char *from, const char *to)
{
	char *command = mem_printf("cp -p '%s' '%s'", from, to);

	assert_int_equal(system(command), 0);
	mem_free(command);
}

static struct place *
place_with_keys(struct keys *keys)
{
	struct place *place = place_new();
	struct error err;

	snprintf(keys->mac, sizeof(keys->mac), "%s/mac.key", place->folder);
	snprintf(keys->mac_copy, sizeof(keys->mac_copy), "%s/k0.key", place->folder);
	snprintf(keys->sign, sizeof(keys->sign), "%s/sign.pem", place->folder);
	snprintf(keys->public, sizeof(keys->public), "%s/sign.pub", place->folder);
	assert_true(audit_make_mac_key(keys->mac, &err));
	assert_true(audit_make_sign_key(keys->sign, keys->public, &err));
	copy_file(keys->mac, keys->mac_copy);
	place->config.audit_mac_key = keys->mac;
	place->config.audit_sign_key = keys->sign;
	return place;
}

static void
run(struct place *place, size_t statements)
{
	struct audit_who *who = who_of_a_service();
	struct error err;
	struct audit *audit = audit_start(&place->config, 1, &err);

	assert_non_null(audit);
	for (size_t i = 0; i < statements; i++)
		audit_statement(audit_lane(audit, 0),
		    &(struct audit_statement){ .who = who, .stmt = i + 1, .sqlstate = "00000",
			.wall_us = 1700000000000000 + i });
	audit_stop(audit, "test");
	audit_who_free(NULL, who);
}

static struct audit_verified
verify(const struct place *place, const struct keys *keys)
{
	char *public[] = { (char *)keys->public };
	struct audit_verify_options options = { .public_keys = public, .public_key_count = 1,
		.mac_key = keys->mac_copy };
	char *path = (char *)place->access;
	struct audit_verified found;
	struct error err = { 0 };

	if (!audit_verify(&path, 1, &options, &found, &err))
		fail_msg("%s", err.text);
	return found;
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

/* K(0) is the bytes 00 to 1f, as in the documents' test vector. */
static void
read_vector_key(struct mac_key *key)
{
	char path[] = "/tmp/pgweir-key-XXXXXX";
	struct error err;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	write_file(path, "pgweir-audit-key-v1\nepoch 0\n"
			 "key AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nseq 0\n"
			 "sha256 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", 0600);
	assert_true(mac_key_read(key, path, &err));
	unlink(path);
}

/* The record of the documents, without its mac and LF. */
#define EXAMPLE_BODY \
	"{\"v\":1,\"seq\":7,\"time\":\"2026-11-22T09:37:53.123456Z\",\"event\":\"statement\"," \
	"\"instance\":\"edge-1\",\"session\":\"01JD4Q8Z5K\",\"txn\":\"01JD4Q8Z5K.17\",\"stmt\":3," \
	"\"client.address\":\"10.1.2.3\",\"client.port\":51514,\"user.name\":\"orders-svc\"," \
	"\"db.role\":\"app_rw\",\"db.namespace\":\"shop\",\"application\":\"billing\"," \
	"\"tls.protocol\":\"TLSv1.3\",\"tls.subject\":\"CN=billing\"," \
	"\"db.system.name\":\"postgresql\",\"db.operation.name\":\"UPDATE\"," \
	"\"db.collection.name\":\"public.orders\",\"db.query.summary\":\"UPDATE public.orders\"," \
	"\"db.query.text\":\"UPDATE orders SET state = $1 WHERE id = $2\"," \
	"\"query.fingerprint\":\"pg15:a0ead580058af585\",\"query.class\":[\"WRITE\"]," \
	"\"relations\":[{\"name\":\"public.orders\",\"access\":\"write\"}]," \
	"\"tags\":{\"route\":\"/pay\"},\"trace.id\":\"4bf92f3577b34da6a3ce929d0e0e4736\"," \
	"\"db.response.status_code\":\"00000\",\"db.response.returned_rows\":0," \
	"\"rows_affected\":1,\"bytes_in\":96,\"bytes_out\":77,\"duration_us\":1830,\"queue_us\":12," \
	"\"server.pid\":4242,\"pin\":null,\"outcome\":\"ok\",\"decision\":\"allow\"," \
	"\"mode\":\"enforce\",\"policy\":\"shop-prod@sha256:9f2c41d7\",\"rule\":null," \
	"\"exception\":null,\"prev\":\"wMHVwBVBM5EJjk5Rcd6mXDyrzzaD94SYNVFqViXPBWY=\""

static void
the_ratchet_and_the_mac_are_those_of_the_test_vector(void **state)
{
	static const char next[] = "\x69\x2f\x8b\xa9\xd9\xa2\xf5\x45\xf0\x13\xa4\x52\x6b\x25\x07\xe6"
				   "\x0e\x22\xc4\xb8\xf7\x5c\x21\x76\x63\x4a\x5c\x69\x30\xfa\xd4\x8b";
	struct mac_key key;
	struct chain chain;
	char mac[CHAIN_HASH_SIZE], hash[CHAIN_HASH_SIZE];
	char *line = mem_printf("%s,\"mac\":\"%s\"}\n", EXAMPLE_BODY,
	    "nKEBmXSbIl2lxtsQANp5GsbsQS/ygrJvmEJjyJqp7is=");

	read_vector_key(&key);
	mac_key_sum(&key, EXAMPLE_BODY, strlen(EXAMPLE_BODY), mac);
	assert_string_equal(mac, "nKEBmXSbIl2lxtsQANp5GsbsQS/ygrJvmEJjyJqp7is=");
	chain_open(&chain);
	chain_hash(&chain, "the line before\n", 16, hash);
	assert_string_equal(hash, "wMHVwBVBM5EJjk5Rcd6mXDyrzzaD94SYNVFqViXPBWY=");
	chain_hash(&chain, line, strlen(line), hash);
	assert_string_equal(hash, "KIpqdAIojEwA9yPnegdSCoKiUy3C6gFUaa6V1pP2Hps=");
	mac_key_ratchet(&key);
	assert_int_equal(key.epoch, 1);
	assert_memory_equal(key.key, next, 32);
	chain_close(&chain);
	mac_key_close(&key);
	mem_free(line);
	(void)state;
}

static void
records_are_sealed_and_checkpoints_signed_through_restarts(void **state)
{
	struct keys keys;
	struct place *place = place_with_keys(&keys);
	struct audit_verified found;

	run(place, 2500);
	run(place, 10);
	found = verify(place, &keys);

	assert_true(found.good);
	assert_int_equal(found.macs, found.records);
	assert_int_equal(found.checkpoints, 4);
	assert_int_equal(found.signatures, 4);
	assert_int_equal(found.after_checkpoint, 0);
	place_free(place);
	(void)state;
}

static void
the_keys_file_is_of_the_epoch_after_the_last_checkpoint(void **state)
{
	struct keys keys;
	struct place *place = place_with_keys(&keys);
	struct mac_key key;
	struct error err;
	struct stat file;

	run(place, 2500);
	assert_true(mac_key_read(&key, keys.mac, &err));
	assert_int_equal(key.epoch, 3);
	assert_int_equal(key.seq, verify(place, &keys).last_seq);
	assert_int_equal(stat(keys.mac, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	mac_key_close(&key);
	place_free(place);
	(void)state;
}

/* As after a crash between the checkpoint and the key's file. */
static void
a_key_left_behind_is_ratcheted_before_anything_is_written(void **state)
{
	struct keys keys;
	struct place *place = place_with_keys(&keys);
	struct audit_verified found;

	run(place, 2500);
	copy_file(keys.mac_copy, keys.mac);
	run(place, 5);
	found = verify(place, &keys);

	assert_true(found.good);
	assert_int_equal(found.macs, found.records);
	place_free(place);
	(void)state;
}

static void
another_key_is_seen(void **state)
{
	struct keys keys, others;
	struct place *place = place_with_keys(&keys);
	struct place *other = place_with_keys(&others);
	struct keys mixed = keys;
	struct audit_verified found;

	run(place, 5);
	memcpy(mixed.mac_copy, others.mac_copy, sizeof(mixed.mac_copy));
	found = verify(place, &mixed);
	assert_false(found.good);
	assert_int_equal(found.seq, 1);
	assert_non_null(strstr(found.reason, "mac does not fit"));
	mixed = keys;
	memcpy(mixed.public, others.public, sizeof(mixed.public));
	found = verify(place, &mixed);
	assert_false(found.good);
	assert_int_equal(found.seq, 8);
	assert_non_null(strstr(found.reason, "signature is not good"));
	place_free(other);
	place_free(place);
	(void)state;
}

/* The tail that the key's file remembers is gone, with and without the whole file. */
static void
a_log_cut_before_what_the_key_remembers_is_left_alone(void **state)
{
	static const char *const cuts[] = { "sed -i '5,$d' %s/audit.jsonl",
		"truncate -s 0 %s/audit.jsonl", "rm %s/audit.jsonl",
		"sed -i '3s/orders-svc/someone/;3,$d' %s/audit.jsonl" };

	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct keys keys;
		struct place *place = place_with_keys(&keys);
		char *command = mem_printf(cuts[i], place->folder);
		struct audit_status status;
		struct error err;
		struct audit *audit;
		json_t *record;
		char *bytes;

		run(place, 10);
		assert_int_equal(system(command), 0);
		audit = audit_start(&place->config, 1, &err);
		assert_non_null(audit);
		audit_get_status(audit, &status);
		assert_false(status.healthy);
		audit_accept_break(audit);
		audit_get_status(audit, &status);
		assert_true(status.healthy);
		audit_stop(audit, "test");
		bytes = file_read(place->access, NULL);
		record = json_loads(bytes, JSON_DISABLE_EOF_CHECK, NULL);
		assert_string_equal(member(record, "reason"), "chain_broken");
		assert_int_equal(number(record, "seq"), 14);
		assert_true(verify(place, &keys).begins_anew);
		json_decref(record);
		mem_free(bytes);
		mem_free(command);
		place_free(place);
	}
	(void)state;
}

static void
a_changed_log_is_put_aside_with_every_byte(void **state)
{
	struct place *place = place_new();
	char *edit = mem_printf("sed -i '$s/head/heap/' %s", place->access);
	char *copy = mem_printf("cp %s %s/copy && rm -f %s/never", place->access, place->folder,
	    place->folder);
	char *compare = mem_printf("cmp %s/copy %s/audit-broken-*.jsonl", place->folder, place->folder);

	run(place, 10);
	assert_int_equal(system(edit), 0);
	assert_int_equal(system(copy), 0);
	run(place, 1);

	assert_int_equal(system(compare), 0);
	mem_free(edit);
	mem_free(copy);
	mem_free(compare);
	place_free(place);
	(void)state;
}

static void
a_bad_key_stops_the_start_and_says_why(void **state)
{
	struct keys keys;
	struct place *place = place_with_keys(&keys);
	struct error err;

	write_file(keys.mac, "pgweir-audit-key-v1\nepoch 0\nkey AAAA\nseq 0\nsha256 AAAA\n", 0600);
	assert_null(audit_start(&place->config, 1, &err));
	assert_non_null(strstr(err.text, "pgweirctl keygen"));
	copy_file(keys.mac_copy, keys.mac);
	assert_int_equal(chmod(keys.mac, 0604), 0);
	assert_null(audit_start(&place->config, 1, &err));
	assert_non_null(strstr(err.text, "chmod"));
	assert_int_equal(chmod(keys.mac, 0600), 0);
	copy_file(keys.public, keys.sign);
	assert_int_equal(chmod(keys.sign, 0600), 0);
	assert_null(audit_start(&place->config, 1, &err));
	assert_non_null(strstr(err.text, "no Ed25519 key"));
	assert_false(audit_make_mac_key(keys.mac, &err));
	place_free(place);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ratchet_and_the_mac_are_those_of_the_test_vector),
		cmocka_unit_test(records_are_sealed_and_checkpoints_signed_through_restarts),
		cmocka_unit_test(the_keys_file_is_of_the_epoch_after_the_last_checkpoint),
		cmocka_unit_test(a_key_left_behind_is_ratcheted_before_anything_is_written),
		cmocka_unit_test(another_key_is_seen),
		cmocka_unit_test(a_log_cut_before_what_the_key_remembers_is_left_alone),
		cmocka_unit_test(a_changed_log_is_put_aside_with_every_byte),
		cmocka_unit_test(a_bad_key_stops_the_start_and_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

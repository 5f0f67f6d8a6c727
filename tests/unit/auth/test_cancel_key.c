/* test_cancel_key.c - keys by which clients cancel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth/cancel_key.h"

static const struct cancel_target somebody = {
	.process = 3, .worker = 5, .slot = 70000, .epoch = 0xfedcba98
};

static void
a_pid_names_process_worker_and_slot_and_is_no_real_one(void **state)
{
	static const struct cancel_target last = { .process = CANCEL_PROCESSES - 1,
		.worker = CANCEL_WORKERS - 1, .slot = CANCEL_SLOTS - 1 };
	struct cancel_secret *secret = cancel_secret_new();
	struct cancel_target found;

	assert_true(cancel_key_read(
	    secret, cancel_pid(&somebody), (const uint8_t *)"abcd", CANCEL_KEY_SHORT, &found));
	assert_int_equal(found.process, 3);
	assert_int_equal(found.worker, 5);
	assert_int_equal(found.slot, 70000);
	assert_int_equal(found.epoch, 0);
	assert_int_equal(cancel_pid(&last), 0x7fffffff);
	assert_int_equal(cancel_pid(&(struct cancel_target){ 0 }), 1 << 30);
	assert_false(cancel_key_read(secret, 4711, (const uint8_t *)"abcd", CANCEL_KEY_SHORT, &found));
	assert_false(
	    cancel_key_read(secret, 0xffffffff, (const uint8_t *)"abcd", CANCEL_KEY_SHORT, &found));
	cancel_secret_free(secret);
	(void)state;
}

static void
a_key_fits_its_client_and_no_other(void **state)
{
	static const size_t lengths[] = { CANCEL_KEY_SHORT, CANCEL_KEY_LONG };
	struct cancel_secret *secret = cancel_secret_new();
	uint8_t key[CANCEL_KEY_LONG];

	for (size_t i = 0; i < 2; i++) {
		struct cancel_target other = somebody;

		cancel_key_make(secret, &somebody, lengths[i], key);
		assert_true(cancel_key_fits(secret, &somebody, key, lengths[i]));
		other.epoch++;
		assert_false(cancel_key_fits(secret, &other, key, lengths[i]));
		other = somebody;
		other.slot++;
		assert_false(cancel_key_fits(secret, &other, key, lengths[i]));
		other = somebody;
		other.process++;
		assert_false(cancel_key_fits(secret, &other, key, lengths[i]));
		other = somebody;
		other.worker++;
		assert_false(cancel_key_fits(secret, &other, key, lengths[i]));
	}
	cancel_secret_free(secret);
	(void)state;
}

static void
each_bit_of_a_key_counts(void **state)
{
	static const size_t lengths[] = { CANCEL_KEY_SHORT, CANCEL_KEY_LONG };
	struct cancel_secret *secret = cancel_secret_new();
	struct cancel_target found;
	uint8_t key[CANCEL_KEY_LONG];

	for (size_t i = 0; i < 2; i++)
		for (size_t bit = 0; bit < lengths[i] * 8; bit++) {
			cancel_key_make(secret, &somebody, lengths[i], key);
			key[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(cancel_key_fits(secret, &somebody, key, lengths[i]));
			if (lengths[i] == CANCEL_KEY_LONG)
				assert_false(cancel_key_read(
				    secret, cancel_pid(&somebody), key, lengths[i], &found));
		}
	cancel_secret_free(secret);
	(void)state;
}

static void
a_long_key_is_checked_by_who_does_not_know_its_client(void **state)
{
	struct cancel_secret *secret = cancel_secret_new(), *stranger = cancel_secret_new();
	struct cancel_target found;
	uint8_t key[CANCEL_KEY_LONG];

	cancel_key_make(secret, &somebody, CANCEL_KEY_LONG, key);
	assert_true(cancel_key_read(secret, cancel_pid(&somebody), key, CANCEL_KEY_LONG, &found));
	assert_int_equal(found.epoch, somebody.epoch);
	assert_false(
	    cancel_key_read(secret, cancel_pid(&somebody) + 1, key, CANCEL_KEY_LONG, &found));
	assert_false(cancel_key_read(stranger, cancel_pid(&somebody), key, CANCEL_KEY_LONG, &found));
	assert_false(cancel_key_read(secret, cancel_pid(&somebody), key, 16, &found));
	assert_false(cancel_key_fits(secret, &somebody, key, 0));
	assert_false(cancel_key_fits(secret, &somebody, key, CANCEL_KEY_LONG - 1));
	cancel_secret_free(secret);
	cancel_secret_free(stranger);
	(void)state;
}

static void
while_a_secret_is_rotated_keys_of_both_are_good(void **state)
{
	static const uint8_t old[1][CANCEL_SECRET_SIZE] = { "old" };
	static const uint8_t both[2][CANCEL_SECRET_SIZE] = { "new", "old" };
	static const uint8_t fresh[1][CANCEL_SECRET_SIZE] = { "new" };
	struct cancel_secret *secret = cancel_secret_new();
	uint8_t before[CANCEL_KEY_LONG], after[CANCEL_KEY_LONG];

	cancel_secret_set(secret, old, 1);
	cancel_key_make(secret, &somebody, CANCEL_KEY_LONG, before);
	cancel_secret_set(secret, both, 2);
	cancel_key_make(secret, &somebody, CANCEL_KEY_LONG, after);
	assert_memory_not_equal(before, after, CANCEL_KEY_LONG);
	assert_true(cancel_key_fits(secret, &somebody, before, CANCEL_KEY_LONG));
	assert_true(cancel_key_fits(secret, &somebody, after, CANCEL_KEY_LONG));
	cancel_secret_set(secret, fresh, 1);
	assert_false(cancel_key_fits(secret, &somebody, before, CANCEL_KEY_LONG));
	assert_true(cancel_key_fits(secret, &somebody, after, CANCEL_KEY_LONG));
	cancel_secret_free(secret);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pid_names_process_worker_and_slot_and_is_no_real_one),
		cmocka_unit_test(a_key_fits_its_client_and_no_other),
		cmocka_unit_test(each_bit_of_a_key_counts),
		cmocka_unit_test(a_long_key_is_checked_by_who_does_not_know_its_client),
		cmocka_unit_test(while_a_secret_is_rotated_keys_of_both_are_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

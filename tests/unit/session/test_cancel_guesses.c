/* test_cancel_guesses.c - who sends cancel keys that are nobody's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cancel_guesses.h"

enum { SECOND = 1000000 };

static void
who_was_wrong_too_often_is_not_looked_at_until_its_time_is_over(void **state)
{
	struct guesses *guesses = guesses_new();

	for (int i = 0; i < GUESSES_MOST; i++) {
		assert_true(guesses_permit(guesses, "10.1.2.3", 5 * SECOND));
		guesses_note(guesses, "10.1.2.3", 5 * SECOND);
	}
	assert_false(guesses_permit(guesses, "10.1.2.3", 6 * SECOND));
	assert_true(guesses_permit(guesses, "10.1.2.4", 6 * SECOND));
	assert_false(guesses_permit(guesses, "10.1.2.3", 1 * SECOND)); /* another thread's clock */
	assert_true(guesses_permit(guesses, "10.1.2.3", (5 + GUESSES_WITHIN_S) * SECOND));
	guesses_free(guesses);
	(void)state;
}

static void
a_few_wrong_ones_now_and_then_are_forgotten(void **state)
{
	struct guesses *guesses = guesses_new();

	for (uint64_t i = 0; i < 20 * GUESSES_MOST; i++) {
		guesses_note(guesses, "10.1.2.3", i * SECOND);
		assert_true(guesses_permit(guesses, "10.1.2.3", i * SECOND));
	}
	guesses_free(guesses);
	(void)state;
}

static void
many_addresses_take_bounded_memory(void **state)
{
	struct guesses *guesses = guesses_new();
	char name[GUESSER_SIZE];

	for (int i = 0; i < 3 * GUESSERS_MOST; i++) {
		snprintf(name, sizeof(name), "10.0.%d.%d", i / 256, i % 256);
		guesses_note(guesses, name, SECOND);
	}
	assert_true(guesses_permit(guesses, name, SECOND));
	guesses_free(guesses);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_was_wrong_too_often_is_not_looked_at_until_its_time_is_over),
		cmocka_unit_test(a_few_wrong_ones_now_and_then_are_forgotten),
		cmocka_unit_test(many_addresses_take_bounded_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

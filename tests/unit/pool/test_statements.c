/* test_statements.c - behaviour of pool/statements. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "pool/statements.h"

static const struct statement_id one = { 0, 1 }, two = { 0, 2 }, three = { 3, 1 };

/* Parsed and confirmed in this batch. */
static void
prepare(struct statements *statements, const struct statement_id *id, uint64_t batch)
{
	statements_sent(statements, id, batch);
	statements_confirm(statements, id);
}

static enum statement_place
use(struct statements *statements, const struct statement_id *id, uint64_t batch)
{
	return statements_find(statements, id, &batch);
}

static void
assert_oldest(const struct statements *statements, uint64_t batch, const struct statement_id *id)
{
	struct statement_id oldest;

	assert_true(statements_oldest(statements, batch, &oldest));
	assert_memory_equal(&oldest, id, sizeof(oldest));
}

static void
a_statement_is_absent_then_sent_then_present(void **state)
{
	struct statements *statements = statements_new();
	uint64_t batch = 9;

	assert_int_equal(use(statements, &one, 1), STATEMENT_ABSENT);
	statements_sent(statements, &one, 4);
	assert_int_equal(statements_find(statements, &one, &batch), STATEMENT_SENT);
	assert_int_equal(batch, 4); /* whose Sync has to come first */
	statements_confirm(statements, &one);
	assert_int_equal(use(statements, &one, 5), STATEMENT_PRESENT);
	statements_forget(statements, &one);
	assert_int_equal(use(statements, &one, 6), STATEMENT_ABSENT);
	statements_free(statements);
	(void)state;
}

static void
ids_that_share_a_half_are_two(void **state)
{
	struct statements *statements = statements_new();

	prepare(statements, &one, 1);
	prepare(statements, &two, 1);
	prepare(statements, &three, 1);
	assert_int_equal(statements_count(statements), 3);
	statements_forget(statements, &one);
	assert_int_equal(use(statements, &two, 2), STATEMENT_PRESENT);
	assert_int_equal(use(statements, &three, 2), STATEMENT_PRESENT);
	statements_free(statements);
	(void)state;
}

static void
answers_for_what_was_forgotten_do_no_harm(void **state)
{
	struct statements *statements = statements_new();

	statements_confirm(statements, &one);
	statements_forget(statements, &one);
	assert_int_equal(statements_count(statements), 0);
	statements_free(statements);
	(void)state;
}

static void
the_least_recently_used_is_evicted_first(void **state)
{
	struct statements *statements = statements_new();

	prepare(statements, &one, 1);
	prepare(statements, &two, 2);
	prepare(statements, &three, 3);
	assert_oldest(statements, 9, &one);
	use(statements, &one, 4);
	assert_oldest(statements, 9, &two);
	statements_forget(statements, &two);
	assert_oldest(statements, 9, &three);
	statements_free(statements);
	(void)state;
}

static void
what_the_current_batch_uses_or_awaits_is_not_evicted(void **state)
{
	struct statements *statements = statements_new();
	struct statement_id oldest;

	prepare(statements, &one, 1);
	prepare(statements, &two, 2);
	statements_sent(statements, &three, 2);
	assert_false(statements_oldest(statements, 1, &oldest) &&
	    memcmp(&oldest, &one, sizeof(one)) == 0);
	assert_oldest(statements, 2, &one);
	use(statements, &one, 2);
	assert_false(statements_oldest(statements, 2, &oldest));
	assert_oldest(statements, 3, &two); /* never three, whose Parse is under way */
	statements_free(statements);
	(void)state;
}

static void
a_statement_that_is_sent_again_is_awaited_again(void **state)
{
	struct statements *statements = statements_new();
	uint64_t batch = 0;

	prepare(statements, &one, 1);
	statements_sent(statements, &one, 2);
	assert_int_equal(statements_count(statements), 1);
	assert_int_equal(statements_find(statements, &one, &batch), STATEMENT_SENT);
	assert_int_equal(batch, 2);
	statements_free(statements);
	(void)state;
}

/* Its Parse failed for it may exist already, or was skipped: only a Close makes sure. */
static void
what_is_in_doubt_is_not_used_but_can_be_evicted(void **state)
{
	struct statements *statements = statements_new();
	uint64_t batch = 7;

	statements_doubt(statements, &one); /* not ours: nothing happens */
	statements_sent(statements, &one, 7);
	statements_doubt(statements, &one);
	assert_int_equal(statements_count(statements), 1);
	assert_int_equal(statements_find(statements, &one, &batch), STATEMENT_SENT);
	assert_int_equal(batch, 0); /* of no batch: it must be sent again */
	assert_oldest(statements, 7, &one);
	statements_free(statements);
	(void)state;
}

static void
what_is_being_closed_does_not_count_and_is_gone_once_it_is_closed(void **state)
{
	struct statements *statements = statements_new();
	struct statement_id oldest;

	prepare(statements, &one, 1);
	prepare(statements, &two, 1);
	statements_closing(statements, &one);
	assert_int_equal(statements_count(statements), 1);
	assert_oldest(statements, 9, &two);
	statements_closing(statements, &two);
	assert_false(statements_oldest(statements, 9, &oldest));
	assert_int_equal(statements_count(statements), 0);
	statements_forget(statements, &one);
	assert_int_equal(use(statements, &one, 2), STATEMENT_ABSENT);
	assert_int_equal(use(statements, &two, 2), STATEMENT_SENT);
	statements_clear(statements);
	prepare(statements, &one, 3);
	assert_int_equal(statements_count(statements), 1);
	statements_free(statements);
	(void)state;
}

static void
a_statement_sent_again_behind_its_close_survives_the_closes_answer(void **state)
{
	struct statements *statements = statements_new();

	prepare(statements, &one, 1);
	statements_closing(statements, &one);
	statements_sent(statements, &one, 2);
	assert_int_equal(statements_count(statements), 1);
	statements_forget(statements, &one); /* CloseComplete */
	statements_confirm(statements, &one); /* ParseComplete */
	assert_int_equal(use(statements, &one, 3), STATEMENT_PRESENT);
	statements_free(statements);
	(void)state;
}

/* Two were sent, one failed, and the Close overtook the other's answer. */
static void
a_confirmation_from_before_the_close_does_not_bring_it_back(void **state)
{
	struct statements *statements = statements_new();

	statements_sent(statements, &one, 1);
	statements_doubt(statements, &one);
	statements_closing(statements, &one);
	statements_confirm(statements, &one);
	assert_int_equal(use(statements, &one, 2), STATEMENT_SENT);
	assert_int_equal(statements_count(statements), 0);
	statements_forget(statements, &one);
	assert_int_equal(use(statements, &one, 3), STATEMENT_ABSENT);
	statements_free(statements);
	(void)state;
}

static void
thousands_are_kept_and_cleared_at_once(void **state)
{
	struct statements *statements = statements_new();
	struct statement_id id = { 0 };

	for (id.low = 0; id.low < 5000; id.low++)
		prepare(statements, &id, id.low);
	for (id.low = 0; id.low < 5000; id.low++)
		assert_int_equal(use(statements, &id, id.low), STATEMENT_PRESENT);
	statements_clear(statements);
	assert_int_equal(statements_count(statements), 0);
	id.low = 7;
	assert_int_equal(use(statements, &id, 1), STATEMENT_ABSENT);
	statements_free(statements);
	(void)state;
}

static void
the_name_on_the_server_has_all_of_the_hash(void **state)
{
	char name[STATEMENT_NAME_SIZE];

	statement_name(&(struct statement_id){ 0x0123456789abcdef, 0xfedcba9876543210 }, name);
	assert_string_equal(name, "pgweir_0123456789abcdeffedcba9876543210");
	statement_name(&one, name);
	assert_string_equal(name, "pgweir_00000000000000000000000000000001");
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_statement_is_absent_then_sent_then_present),
		cmocka_unit_test(ids_that_share_a_half_are_two),
		cmocka_unit_test(answers_for_what_was_forgotten_do_no_harm),
		cmocka_unit_test(the_least_recently_used_is_evicted_first),
		cmocka_unit_test(what_the_current_batch_uses_or_awaits_is_not_evicted),
		cmocka_unit_test(a_statement_that_is_sent_again_is_awaited_again),
		cmocka_unit_test(what_is_in_doubt_is_not_used_but_can_be_evicted),
		cmocka_unit_test(what_is_being_closed_does_not_count_and_is_gone_once_it_is_closed),
		cmocka_unit_test(a_statement_sent_again_behind_its_close_survives_the_closes_answer),
		cmocka_unit_test(a_confirmation_from_before_the_close_does_not_bring_it_back),
		cmocka_unit_test(thousands_are_kept_and_cleared_at_once),
		cmocka_unit_test(the_name_on_the_server_has_all_of_the_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

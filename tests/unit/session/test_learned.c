/* test_learned.c - behaviour of session/learned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "gate.h"
#include "learned.h"

enum { CAP = 2048 };

/* A text as the gate keeps it; only what learned.c looks at. */
static struct judged
judge(const char *text)
{
	struct judged judged = { 0 };
	struct error err;
	int position;

	assert_int_equal(sql_facts(text, strlen(text), CAP, &judged.facts, &err, &position), SQL_KNOWN);
	return judged;
}

static void
a_function_is_trusted_after_three_clean_loans(void **state)
{
	struct learned_table *table = learned_table_new();
	struct learned *learned = learned_of(table, "shop");

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_false(learned_is_harmless(learned, "f"));
		learned_clean(learned, "f");
	}
	assert_true(learned_is_harmless(learned, "f"));
	learned_unclean(learned, "f");
	assert_false(learned_is_harmless(learned, "f"));
	learned_table_free(table);
}

static void
a_function_whose_words_are_a_warning_is_never_trusted(void **state)
{
	struct learned_table *table = learned_table_new();
	struct learned *learned = learned_of(table, "shop");
	struct judged judged = judge("SELECT f(1)");

	(void)state;
	for (int i = 0; i < 3; i++)
		learned_clean(learned, "f");
	assert_true(learned_trusts(learned, &judged, 1));
	for (int i = 0; i < 9; i++) {
		learned_wary(learned, "f");
		assert_false(learned_trusts(learned, &judged, 1));
		learned_clean(learned, "f");
	}
	assert_false(learned_is_harmless(learned, "f"));
	sql_facts_free(judged.facts);
	learned_table_free(table);
}

static void
a_text_is_trusted_when_all_that_it_calls_is(void **state)
{
	struct learned_table *table = learned_table_new();
	struct learned *learned = learned_of(table, "shop");
	struct judged judged = judge("SELECT lower(a), upper(a) FROM t; SELECT f(1)");

	(void)state;
	learned_builtin(learned, "lower", true);
	learned_builtin(learned, "upper", true);
	assert_false(learned_trusts(learned, &judged, 1));
	for (int i = 0; i < 3; i++)
		learned_clean(learned, "f");
	assert_true(learned_trusts(learned, &judged, 1));
	assert_true(learned_only_reads(learned, &judged.facts->statements[0]));
	assert_false(learned_only_reads(learned, &judged.facts->statements[1]));
	sql_facts_free(judged.facts);
	learned_table_free(table);
}

static void
what_is_known_of_one_database_says_nothing_of_another(void **state)
{
	struct learned_table *table = learned_table_new();
	struct judged judged = judge("SELECT lower(a) FROM t");

	(void)state;
	learned_builtin(learned_of(table, "shop"), "lower", true);
	assert_true(learned_trusts(learned_of(table, "shop"), &judged, 1));
	assert_false(learned_trusts(learned_of(table, "other"), &judged, 1));
	assert_ptr_equal(learned_of(table, "shop"), learned_of(table, "shop"));
	sql_facts_free(judged.facts);
	learned_table_free(table);
}

static void
trust_ends_when_a_function_turns_out_otherwise_or_all_is_forgotten(void **state)
{
	struct learned_table *table = learned_table_new();
	struct learned *learned = learned_of(table, "shop");
	struct judged judged = judge("SELECT f(1)");

	(void)state;
	for (int i = 0; i < 3; i++)
		learned_clean(learned, "f");
	assert_true(learned_trusts(learned, &judged, 1));
	learned_unclean(learned, "f");
	assert_false(learned_trusts(learned, &judged, 1));
	for (int i = 0; i < 3; i++)
		learned_clean(learned, "f");
	assert_true(learned_trusts(learned, &judged, 1));
	learned_forget(learned);
	assert_false(learned_trusts(learned, &judged, 1));
	sql_facts_free(judged.facts);
	learned_table_free(table);
}

static void
trust_ends_after_five_minutes(void **state)
{
	struct learned_table *table = learned_table_new();
	struct learned *learned = learned_of(table, "shop");
	struct judged judged = judge("SELECT lower(a) FROM t");

	(void)state;
	learned_builtin(learned, "lower", true);
	assert_true(learned_trusts(learned, &judged, 1));
	assert_false(learned_trusts(learned, &judged, 301ULL * 1000 * 1000));
	sql_facts_free(judged.facts);
	learned_table_free(table);
}

static void
made_up_names_do_not_take_all_memory(void **state)
{
	struct learned_table *table = learned_table_new();
	struct learned *learned = learned_of(table, "shop");
	char name[32];

	(void)state;
	learned_builtin(learned, "lower", true);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		learned_clean(learned, name);
	}
	assert_false(learned_is_harmless(learned, "lower")); /* all was forgotten on the way */
	learned_table_free(table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_is_trusted_after_three_clean_loans),
		cmocka_unit_test(a_function_whose_words_are_a_warning_is_never_trusted),
		cmocka_unit_test(a_text_is_trusted_when_all_that_it_calls_is),
		cmocka_unit_test(what_is_known_of_one_database_says_nothing_of_another),
		cmocka_unit_test(trust_ends_when_a_function_turns_out_otherwise_or_all_is_forgotten),
		cmocka_unit_test(trust_ends_after_five_minutes),
		cmocka_unit_test(made_up_names_do_not_take_all_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

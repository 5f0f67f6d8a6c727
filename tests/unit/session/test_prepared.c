/* test_prepared.c - behaviour of session/prepared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "gate.h"
#include "prepared.h"

/* A judged text that only counts its references. */
static const struct settings nothing;
static const struct statement_under under_nothing = { &nothing, 0 };

static struct judged *
judged_new(void)
{
	struct judged *judged = mem_zalloc(1, sizeof(*judged));

	judged->references = 1;
	return judged;
}

static struct statement *
statement_of(struct judged *judged, const char *body)
{
	return statement_new(judged, (const uint8_t *)body, strlen(body), &under_nothing);
}

static void
the_same_body_has_the_same_id_and_another_has_another(void **state)
{
	struct judged *judged = judged_new();
	struct statement *a = statement_of(judged, "select 1");
	struct statement *b = statement_of(judged, "select 1");
	struct statement *c = statement_of(judged, "select 2");
	struct statement *typed = statement_new(judged, (const uint8_t *)"select 1\0\0\1", 11, &under_nothing);
	struct statement *untyped = statement_new(judged, (const uint8_t *)"select 1\0\0\0", 11, &under_nothing);

	assert_memory_equal(&a->id, &b->id, sizeof(a->id));
	assert_memory_not_equal(&a->id, &c->id, sizeof(a->id));
	assert_memory_not_equal(&typed->id, &untyped->id, sizeof(typed->id));
	assert_string_equal(a->server_name, b->server_name);
	assert_string_not_equal(a->server_name, c->server_name);
	statement_release(a);
	statement_release(b);
	statement_release(c);
	statement_release(typed);
	statement_release(untyped);
	judged_release(judged);
	(void)state;
}

static void
what_has_no_name_of_ours_stays_where_it_was_made(void **state)
{
	struct judged *judged = judged_new();
	struct statement *left = statement_from_sql(judged, 0);
	struct statement *shared = statement_of_prepare(judged, 0, " AS SELECT 1", 12, 0, &under_nothing);
	struct statement *parsed = statement_of(judged, "select 1");

	assert_true(left->stays);
	assert_string_equal(left->server_name, "");
	assert_false(shared->stays);
	assert_string_not_equal(shared->server_name, "");
	assert_false(parsed->stays);
	statement_release(left);
	statement_release(shared);
	statement_release(parsed);
	judged_release(judged);
	(void)state;
}

static void
the_body_is_a_copy(void **state)
{
	struct judged *judged = judged_new();
	uint8_t body[] = "select 1";
	struct statement *statement = statement_new(judged, body, sizeof(body), &under_nothing);

	memset(body, 'x', sizeof(body));
	assert_int_equal(statement->body_length, 9);
	assert_memory_equal(statement->body, "select 1", 9);
	statement_release(statement);
	statement_release(NULL);
	judged_release(judged);
	(void)state;
}

static void
names_lead_to_statements_until_they_are_removed(void **state)
{
	struct judged *judged = judged_new();
	struct statement *a = statement_of(judged, "a"), *b = statement_of(judged, "b");
	struct prepared *prepared = NULL;

	assert_null(prepared_find(&prepared, "one"));
	prepared_add(&prepared, "one", a);
	prepared_add(&prepared, "One", b); /* names have a case */
	prepared_add(&prepared, "", b);
	assert_ptr_equal(prepared_find(&prepared, "one"), a);
	assert_ptr_equal(prepared_find(&prepared, "One"), b);
	assert_ptr_equal(prepared_find(&prepared, ""), b);
	assert_null(prepared_find(&prepared, "on"));
	assert_null(prepared_find(&prepared, "one "));
	prepared_remove(&prepared, "one");
	prepared_remove(&prepared, "one");
	prepared_remove(&prepared, "never there");
	assert_null(prepared_find(&prepared, "one"));
	assert_int_equal(prepared_count(&prepared), 2);
	prepared_clear(&prepared);
	assert_null(prepared);
	assert_int_equal(prepared_count(&prepared), 0);
	statement_release(a);
	statement_release(b);
	judged_release(judged);
	(void)state;
}

static void
a_statement_lives_as_long_as_a_name_or_holder_refers_to_it(void **state)
{
	struct judged *judged = judged_new();
	struct statement *statement = statement_of(judged, "select 1");
	struct prepared *prepared = NULL;

	assert_int_equal(judged->references, 2);
	prepared_add(&prepared, "a", statement);
	prepared_add(&prepared, "b", statement);
	assert_int_equal(statement->references, 3);
	statement_release(statement);
	prepared_remove(&prepared, "a");
	assert_int_equal(prepared_find(&prepared, "b")->references, 1);
	assert_int_equal(judged->references, 2);
	statement_reference(statement);
	prepared_clear(&prepared);
	assert_int_equal(statement->references, 1);
	statement_release(statement);
	assert_int_equal(judged->references, 1);
	judged_release(judged);
	(void)state;
}

/* Longer than PostgreSQL's own names, and more than a table has buckets at first. */
static void
long_names_and_many_names_are_told_apart(void **state)
{
	struct judged *judged = judged_new();
	struct statement *a = statement_of(judged, "a"), *b = statement_of(judged, "b");
	struct prepared *prepared = NULL;
	char name[300];

	memset(name, 'n', sizeof(name));
	for (int i = 0; i < 1000; i++) {
		snprintf(name + 280, 20, "%d", i);
		prepared_add(&prepared, name, i % 2 == 0 ? a : b);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(name + 280, 20, "%d", i);
		assert_ptr_equal(prepared_find(&prepared, name), i % 2 == 0 ? a : b);
	}
	assert_int_equal(prepared_count(&prepared), 1000);
	prepared_clear(&prepared);
	statement_release(a);
	statement_release(b);
	judged_release(judged);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_body_has_the_same_id_and_another_has_another),
		cmocka_unit_test(what_has_no_name_of_ours_stays_where_it_was_made),
		cmocka_unit_test(the_body_is_a_copy),
		cmocka_unit_test(names_lead_to_statements_until_they_are_removed),
		cmocka_unit_test(a_statement_lives_as_long_as_a_name_or_holder_refers_to_it),
		cmocka_unit_test(long_names_and_many_names_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

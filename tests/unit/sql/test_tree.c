/* test_tree.c - the rows of sql/nodes against the grammar, and reading packed bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "sql/walk.h"

enum { SCAN_FIELDS = 48 };

static void
every_type_of_the_grammar_has_a_row(void **state)
{
	size_t missing = 0;

	tree_init();
	for (unsigned type = 1; type < TREE_TYPE_COUNT; type++) {
		assert_non_null(tree_type_name(type));
		if (node_rows[type].kind != NODE_MISSING)
			continue;
		print_error("no row for %s\n", tree_type_name(type));
		missing++;
	}
	assert_int_equal(missing, 0);
	(void)state;
}

static void
every_statement_has_a_verb_or_a_handler(void **state)
{
	tree_init();
	for (unsigned type = 1; type < TREE_TYPE_COUNT; type++) {
		const char *name = tree_type_name(type);
		size_t length = strlen(name);
		const struct node_row *row = &node_rows[type];

		if (length < 4 || strcmp(name + length - 4, "Stmt") != 0 ||
		    row->kind == NODE_ANALYSED)
			continue;
		/* These are parts of statements. */
		if (strcmp(name, "RawStmt") == 0 || strcmp(name, "ReturnStmt") == 0 ||
		    strcmp(name, "ReplicaIdentityStmt") == 0)
			continue;
		if (row->verb == NULL && row->enter == NULL)
			fail_msg("%s", name);
	}
	(void)state;
}

static void
no_message_of_the_grammar_is_strange(void **state)
{
	tree_init();
	for (unsigned type = 1; type < TREE_TYPE_COUNT; type++)
		for (unsigned field = 0; field < SCAN_FIELDS; field++)
			if (tree_field_type(type, field) == TREE_FIELD_STRANGE)
				fail_msg("field %u of %s", field, tree_type_name(type));
	assert_int_equal(tree_field_type(TREE_TYPE_COUNT, 1), TREE_FIELD_STRANGE);
	assert_int_equal(tree_field_type(1, SCAN_FIELDS), TREE_FIELD_STRANGE);
	assert_null(tree_type_name(0));
	assert_null(tree_type_name(TREE_TYPE_COUNT));
	(void)state;
}

static void
broken_bytes_end_the_message(void **state)
{
	static const struct slice broken[] = {
		{ (const uint8_t *)"\x0a", 1 }, /* a length is missing */
		{ (const uint8_t *)"\x0a\x05"
				   "ab",
		    4 }, /* more bytes promised than there are */
		{ (const uint8_t *)"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		    12 },
		{ (const uint8_t *)"\x0b\x01", 2 }, /* a wire type of proto2 */
		{ (const uint8_t *)"\x09\x01", 2 }, /* eight bytes promised */
		{ (const uint8_t *)"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10 },
	};

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct slice rest = broken[i];
		struct tree_field field;

		assert_false(tree_next(&rest, &field));
	}
	(void)state;
}

static void
fields_are_read_in_their_order(void **state)
{
	struct slice rest = { (const uint8_t *)"\x08\x96\x01\x12\x02hi\x10\x00", 9 };
	struct tree_field field;

	assert_int_equal(tree_value(rest, 1), 150);
	assert_true(tree_has(rest, 2));
	assert_false(tree_has(rest, 3));
	assert_true(slice_is(tree_body(rest, 2), "hi"));
	assert_true(tree_next(&rest, &field) && tree_next(&rest, &field));
	assert_true(field.has_body);
	assert_int_equal(field.number, 2);
	assert_true(tree_next(&rest, &field));
	assert_false(tree_next(&rest, &field));
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_of_the_grammar_has_a_row),
		cmocka_unit_test(every_statement_has_a_verb_or_a_handler),
		cmocka_unit_test(no_message_of_the_grammar_is_strange),
		cmocka_unit_test(broken_bytes_end_the_message),
		cmocka_unit_test(fields_are_read_in_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

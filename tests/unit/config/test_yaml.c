/* test_yaml.c - behaviour of config/yaml. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/yaml.h"

/* The text is refused, and this is all that is said of it, a line a problem. */
static void
expect_refused_bytes(const char *text, size_t length, const char *expected)
{
	struct problems problems = { 0 };
	struct buf said = { 0 };
	char *copy;

	assert_null(yaml_parse("t.yaml", text, length, &problems));
	for (size_t i = 0; i < problems.count; i++) {
		char *line = problem_text(&problems.items[i]);

		buf_printf(&said, "%s%s", i > 0 ? "\n" : "", line);
		mem_free(line);
	}
	copy = buf_steal_text(&said);
	assert_string_equal(copy, expected);
	mem_free(copy);
	problems_free(&problems);
}

static void
expect_refused(const char *text, const char *expected)
{
	expect_refused_bytes(text, strlen(text), expected);
}

static struct yaml *
parse(const char *text)
{
	struct problems problems = { 0 };
	struct yaml *root = yaml_parse("t.yaml", text, strlen(text), &problems);

	assert_int_equal(problems.count, 0);
	assert_non_null(root);
	return root;
}

static void
every_node_knows_its_place(void **state)
{
	struct yaml *root = parse("a: 1\nb:\n  - x\n  - {gr\xc3\xbc: y, c: \"7\"}\n");
	const struct yaml *list = yaml_get(root, "b");

	assert_string_equal(root->file, "t.yaml");
	assert_int_equal(root->kind, YAML_MAP);
	assert_int_equal(root->count, 2);
	assert_string_equal(yaml_get(root, "a")->text, "1");
	assert_int_equal(list->kind, YAML_LIST);
	assert_int_equal(list->line, 3);
	assert_int_equal(list->col, 3);
	assert_int_equal(list->items[1]->line, 4);
	assert_int_equal(list->items[1]->col, 5);
	assert_int_equal(list->items[1]->items[0]->col, 11);
	assert_int_equal(list->items[1]->keys[1]->col, 14);
	yaml_tree_free(root);
	(void)state;
}

static void
a_quoted_scalar_says_so(void **state)
{
	struct yaml *root = parse("a: 1\nb: \"1\"\nc: '1'\nd:\ne: |\n  text\n");
	assert_false(yaml_get(root, "a")->quoted);
	assert_true(yaml_get(root, "b")->quoted);
	assert_true(yaml_get(root, "c")->quoted);
	assert_false(yaml_get(root, "d")->quoted);
	assert_string_equal(yaml_get(root, "d")->text, "");
	assert_string_equal(yaml_get(root, "e")->text, "text\n");
	yaml_tree_free(root);
	(void)state;
}

static void
a_file_of_comments_is_an_empty_map(void **state)
{
	static const char *const texts[] = { "", "# nothing\n", "\n\n" };

	for (size_t i = 0; i < 3; i++) {
		struct yaml *root = parse(texts[i]);

		assert_int_equal(root->kind, YAML_MAP);
		assert_int_equal(root->count, 0);
		assert_null(yaml_get(root, "a"));
		yaml_tree_free(root);
	}
	(void)state;
}

static void
aliases_anchors_and_tags_are_refused_where_they_stand(void **state)
{
	expect_refused("a: &x 1\nb: *x\n",
	    "t.yaml:1:4: error: anchors (&name) are not allowed: write the value out\n"
	    "t.yaml:2:4: error: aliases (*name) are not allowed: write the value out, or "
	    "quote it: \"*x\"");
	expect_refused("a: !!str 1\nb: ! x\n",
	    "t.yaml:1:4: error: tags (!name) are not allowed: leave the tag out\n"
	    "t.yaml:2:4: error: tags (!name) are not allowed: leave the tag out");
	expect_refused("a: !!set {x: 1}\nb: &l [1]\n",
	    "t.yaml:1:4: error: tags (!name) are not allowed: leave the tag out\n"
	    "t.yaml:2:4: error: anchors (&name) are not allowed: write the value out");
	(void)state;
}

static void
duplicate_keys_are_refused_in_every_map(void **state)
{
	expect_refused("a: 1\nb: {c: 1, d: 2, c: 3}\na: 2\n",
	    "t.yaml:2:17: error: duplicate key `c`: it is here twice, first at line 2\n"
	    "t.yaml:3:1: error: duplicate key `a`: it is here twice, first at line 1");
	(void)state;
}

static void
a_second_document_is_refused(void **state)
{
	expect_refused("a: 1\n---\nb: 2\n",
	    "t.yaml:2:1: error: a second document (---) is not allowed: use one file for each");
	(void)state;
}

static void
a_key_is_a_word(void **state)
{
	expect_refused("{[1, 2]: x, {a: b}: y}",
	    "t.yaml:1:2: error: a key must be a word, not a list\n"
	    "t.yaml:1:13: error: a key must be a word, not a map");
	(void)state;
}

static void
a_key_cannot_forge_a_line_of_a_message(void **state)
{
	expect_refused("\"a\\nb\": 1\n", "t.yaml:1:1: error: a key has a control character in it");
	(void)state;
}

static void
thirty_two_levels_are_read_and_one_more_is_not(void **state)
{
	char text[40000];

	memset(text, '[', 32);
	memset(text + 32, ']', 32);
	text[64] = '\0';
	yaml_tree_free(parse(text));
	memset(text, '[', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	expect_refused(text,
	    "t.yaml:1:33: error: nested deeper than 32 levels: no setting needs that");
	(void)state;
}

static void
a_syntax_error_says_where_and_in_what(void **state)
{
	expect_refused("a: [1, 2\nb: 3\n",
	    "t.yaml:2:2: error: did not find expected ',' or ']': a text with { } [ ] or , in it "
	    "needs quotes (while parsing a flow "
	    "sequence that began at line 1)");
	expect_refused("a:\n\tb: 1\n",
	    "t.yaml:2:1: error: found character that cannot start any token: indent with "
	    "spaces, not tabs, and quote a text that begins with @, ` or % (while scanning for "
	    "the next token that began at line 2)");
	(void)state;
}

static void
bytes_that_are_no_text_are_refused_with_their_place(void **state)
{
	expect_refused("a: 1\nb: x\xff\n",
	    "t.yaml:2:5: error: invalid leading UTF-8 octet");
	expect_refused_bytes("a: \0b", 5, "t.yaml:1:4: error: control characters are not allowed");
	expect_refused("a: \"x\\0y\"\n", "t.yaml:1:4: error: a NUL byte is not allowed in a text");
	(void)state;
}

static void
a_file_that_cannot_be_read_is_named(void **state)
{
	struct problems problems = { 0 };

	assert_null(yaml_load("/nowhere/x.yaml", &problems));
	assert_null(yaml_load("/", &problems));
	assert_int_equal(problems.errors, 2);
	assert_string_equal(problems.items[0].file, "/nowhere/x.yaml");
	assert_string_equal(problems.items[0].text, "cannot open it: No such file or directory");
	assert_string_equal(problems.items[1].text, "cannot read it: Is a directory");
	problems_free(&problems);
	(void)state;
}

static void
a_file_without_end_is_not_read_to_its_end(void **state)
{
	struct problems problems = { 0 };

	assert_null(yaml_load("/dev/zero", &problems));
	assert_string_equal(
	    problems.items[0].text, "larger than 16 MiB: it is no configuration");
	problems_free(&problems);
	(void)state;
}

static void
a_file_is_read_whole(void **state)
{
	char path[] = "/tmp/pgweir-yaml-XXXXXX";
	struct problems problems = { 0 };
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	struct yaml *root;

	for (int i = 0; i < 20000; i++)
		fprintf(file, "key%d: %d\n", i, i);
	fclose(file);
	root = yaml_load(path, &problems);
	assert_non_null(root);
	assert_int_equal(root->count, 20000);
	assert_string_equal(yaml_get(root, "key19999")->text, "19999");
	assert_int_equal(yaml_get(root, "key19999")->line, 20000);
	yaml_tree_free(root);
	unlink(path);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_node_knows_its_place),
		cmocka_unit_test(a_quoted_scalar_says_so),
		cmocka_unit_test(a_file_of_comments_is_an_empty_map),
		cmocka_unit_test(aliases_anchors_and_tags_are_refused_where_they_stand),
		cmocka_unit_test(duplicate_keys_are_refused_in_every_map),
		cmocka_unit_test(a_second_document_is_refused),
		cmocka_unit_test(a_key_is_a_word),
		cmocka_unit_test(a_key_cannot_forge_a_line_of_a_message),
		cmocka_unit_test(thirty_two_levels_are_read_and_one_more_is_not),
		cmocka_unit_test(a_syntax_error_says_where_and_in_what),
		cmocka_unit_test(bytes_that_are_no_text_are_refused_with_their_place),
		cmocka_unit_test(a_file_that_cannot_be_read_is_named),
		cmocka_unit_test(a_file_without_end_is_not_read_to_its_end),
		cmocka_unit_test(a_file_is_read_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

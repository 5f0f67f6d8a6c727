/* test_settings.c - behaviour of pool/settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "pool/settings.h"

static void
add_line(const char *name, const char *statement, void *arg)
{
	assert_true(*name != '\0');
	buf_put_text(arg, statement);
	buf_put_u8(arg, ';');
}

static void
assert_difference(
    const struct settings *have, const struct settings *want, const char *expected)
{
	struct buf lines = { 0 };
	char *got;

	settings_difference(have, want, add_line, &lines);
	got = buf_steal_text(&lines);
	assert_string_equal(got, expected);
	mem_free(got);
}

static void
assert_set(const char *name, const char *value, const char *expected)
{
	struct buf out = { 0 };
	char *got;

	settings_put_set(&out, name, value);
	got = buf_steal_text(&out);
	assert_string_equal(got, expected);
	mem_free(got);
}

static void
equal_sets_are_equal_in_whatever_order_they_were_made(void **state)
{
	struct settings a = { 0 }, b = { 0 };

	settings_set(&a, "x", "SET x TO 1");
	settings_set(&a, "y", "SET y TO 2");
	settings_set(&a, "z", "SET z TO 3");
	settings_set(&b, "z", "SET z TO 3");
	settings_set(&b, "x", "SET x TO 9");
	settings_set(&b, "y", "SET y TO 2");
	assert_false(settings_are_equal(&a, &b));
	settings_set(&b, "x", "SET x TO 1");
	assert_true(settings_are_equal(&a, &b));
	assert_true(a.hash == b.hash);
	assert_difference(&a, &b, "");
	settings_clear(&a);
	settings_clear(&b);
	(void)state;
}

static void
names_with_each_others_values_are_not_equal(void **state)
{
	struct settings a = { 0 }, b = { 0 };

	settings_set(&a, "x", "1");
	settings_set(&a, "y", "2");
	settings_set(&b, "x", "2");
	settings_set(&b, "y", "1");
	assert_true(a.hash != b.hash);
	assert_false(settings_are_equal(&a, &b));
	settings_clear(&a);
	settings_clear(&b);
	(void)state;
}

static void
an_equal_hash_alone_does_not_make_sets_equal(void **state)
{
	struct settings a = { 0 }, b = { 0 };

	settings_set(&a, "x", "1");
	settings_set(&b, "x", "2");
	b.hash = a.hash;
	assert_false(settings_are_equal(&a, &b));
	b.hash = 0;
	settings_clear(&a);
	settings_clear(&b);
	(void)state;
}

static void
what_is_removed_leaves_no_trace(void **state)
{
	struct settings settings = { 0 };
	const struct settings empty = { 0 };

	settings_remove(&settings, "x");
	settings_set(&settings, "x", "1");
	settings_set(&settings, "y", "2");
	settings_remove(&settings, "x");
	assert_null(settings_get(&settings, "x"));
	assert_string_equal(settings_get(&settings, "y"), "2");
	settings_remove(&settings, "y");
	assert_true(settings_are_equal(&settings, &empty));
	assert_null(settings.list); /* an idle client owns nothing */
	(void)state;
}

static void
a_copy_is_independent(void **state)
{
	struct settings a = { 0 }, b = { 0 };

	settings_set(&a, "x", "1");
	settings_set(&b, "old", "0");
	settings_copy(&b, &a);
	assert_true(settings_are_equal(&a, &b));
	settings_set(&a, "x", "2");
	assert_string_equal(settings_get(&b, "x"), "1");
	settings_clear(&a);
	settings_clear(&b);
	(void)state;
}

static void
the_difference_resets_what_is_not_wanted_and_sets_what_differs(void **state)
{
	struct settings have = { 0 }, want = { 0 };

	settings_set(&have, "same", "SET same TO 1");
	settings_set(&have, "gone", "SET gone TO 1");
	settings_set(&have, "app.gone", "SET app.gone TO 1");
	settings_set(&have, "other", "SET other TO 1");
	settings_set(&want, "same", "SET same TO 1");
	settings_set(&want, "other", "SET other TO 2");
	settings_set(&want, "new", "SET new TO 3");
	assert_difference(&have, &want,
	    "RESET \"gone\";RESET \"app\".\"gone\";SET other TO 2;SET new TO 3;");
	settings_clear(&have);
	settings_clear(&want);
	(void)state;
}

static void
names_and_values_cannot_leave_their_quotes(void **state)
{
	assert_set("work_mem", "4MB", "SET \"work_mem\" TO E'4MB'");
	assert_set("app.user", "o'hara", "SET \"app\".\"user\" TO E'o''hara'");
	assert_set("a\"b", "\\'; DROP TABLE t; --", "SET \"a\"\"b\" TO E'\\\\''; DROP TABLE t; --'");
	assert_set("x", "ends in \\", "SET \"x\" TO E'ends in \\\\'");
	assert_set("x", "", "SET \"x\" TO E''");
	assert_set("DateStyle", "ISO, DMY", "SET \"DateStyle\" TO E'ISO, DMY'");
	(void)state;
}

static void
a_search_path_is_a_list_of_names(void **state)
{
	assert_set("search_path", "public", "SET \"search_path\" TO E'public'");
	assert_set("search_path", "\"$user\", public", "SET \"search_path\" TO E'$user', E'public'");
	assert_set("search_path", "A,\"B c\" ,\t\"d\"\"e\"",
	    "SET \"search_path\" TO E'a', E'B c', E'd\"e'");
	assert_set("search_path", "\"a,b\",c", "SET \"search_path\" TO E'a,b', E'c'");
	assert_set("search_path", "", "SET \"search_path\" TO E''");
	assert_set("search_path", "\"\"", "SET \"search_path\" TO E''");
	assert_set("temp_tablespaces", " one , Two ", "SET \"temp_tablespaces\" TO E'one', E'two'");
	(void)state;
}

static void
a_list_that_is_no_list_is_quoted_all_the_same(void **state)
{
	assert_set("search_path", "\"open", "SET \"search_path\" TO E'open'");
	assert_set("search_path", "a,", "SET \"search_path\" TO E'a', E''");
	assert_set("search_path", ",", "SET \"search_path\" TO E'', E''");
	assert_set("search_path", "\"", "SET \"search_path\" TO E''");
	assert_set("search_path", "a';DROP", "SET \"search_path\" TO E'a'';drop'");
	assert_set("search_path", "\"\\\"", "SET \"search_path\" TO E'\\\\'");
	(void)state;
}

static void
equal_settings_are_kept_once_until_one_of_them_changes(void **state)
{
	struct settings one = { 0 }, other = { 0 }, copy = { 0 };

	settings_set(&one, "a", "SET a");
	settings_set(&one, "b", "SET b");
	settings_set(&other, "b", "SET b");
	assert_false(settings_share(&other, &one));
	settings_set(&other, "a", "SET a");
	assert_true(settings_share(&other, &one));
	assert_ptr_equal(other.list, one.list);
	settings_copy(&copy, &one);
	settings_set(&other, "a", "SET a anew");
	settings_remove(&copy, settings_at(&copy, 0)->name);
	assert_string_equal(settings_get(&one, "a"), "SET a");
	assert_string_equal(settings_get(&other, "a"), "SET a anew");
	assert_int_equal(settings_length(&one), 2);
	assert_int_equal(settings_length(&copy), 1);
	assert_false(settings_are_equal(&one, &other));
	settings_clear(&one);
	assert_string_equal(settings_get(&other, "b"), "SET b");
	settings_set(&other, settings_at(&other, 0)->name, settings_at(&other, 1)->replay);
	settings_clear(&other);
	settings_clear(&copy);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_sets_are_equal_in_whatever_order_they_were_made),
		cmocka_unit_test(names_with_each_others_values_are_not_equal),
		cmocka_unit_test(an_equal_hash_alone_does_not_make_sets_equal),
		cmocka_unit_test(what_is_removed_leaves_no_trace),
		cmocka_unit_test(a_copy_is_independent),
		cmocka_unit_test(equal_settings_are_kept_once_until_one_of_them_changes),
		cmocka_unit_test(the_difference_resets_what_is_not_wanted_and_sets_what_differs),
		cmocka_unit_test(names_and_values_cannot_leave_their_quotes),
		cmocka_unit_test(a_search_path_is_a_list_of_names),
		cmocka_unit_test(a_list_that_is_no_list_is_quoted_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

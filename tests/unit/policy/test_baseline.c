/* test_baseline.c - the packs in etc/policies, each with its own tests inside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "policy/policy.h"

static void
every_pack_loads_and_passes_its_own_tests(void **state)
{
	const char *source = getenv("srcdir");
	char *glob = mem_printf("%s/etc/policies/*.yaml", source != NULL ? source : ".");
	struct problems problems = { 0 };
	struct policies *policies = policies_load(glob, &problems);

	for (size_t i = 0; i < problems.count; i++) {
		char *text = problem_text(&problems.items[i]);

		print_message("%s\n", text);
		mem_free(text);
	}
	assert_int_equal(problems.count, 0);
	assert_non_null(policies);
	assert_true(policies_count(policies) >= 1);
	policies_release(policies);
	problems_free(&problems);
	mem_free(glob);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pack_loads_and_passes_its_own_tests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_sibling_folder.c - where processes on one address meet. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sibling_folder.h"

static char folder[] = "/tmp/pgweir-siblings-XXXXXX";

static const char *
path_of(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void
write_secret(const char *text, mode_t mode)
{
	FILE *file = fopen(path_of("cancel_secret"), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	chmod(path_of("cancel_secret"), mode);
}

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL;
}

static int
remove_folder(void **state)
{
	char name[32];

	for (int i = 1; i < CANCEL_PROCESSES; i++) {
		snprintf(name, sizeof(name), "%d.lock", i);
		unlink(path_of(name));
	}
	unlink(path_of("cancel_secret"));
	(void)state;
	return rmdir(folder);
}

static void
each_process_gets_a_number_of_its_own_until_none_is_left(void **state)
{
	struct error err = { 0 };
	int locks[CANCEL_PROCESSES], again;

	for (unsigned i = 1; i < CANCEL_PROCESSES; i++)
		assert_int_equal(sibling_folder_claim(folder, &locks[i], &err), i);
	assert_int_equal(sibling_folder_claim(folder, &again, &err), 0);
	assert_non_null(strstr(err.text, "15 processes have a number there already"));
	close(locks[7]);
	assert_int_equal(sibling_folder_claim(folder, &again, &err), 7);
	close(again);
	for (unsigned i = 1; i < CANCEL_PROCESSES; i++)
		if (i != 7)
			close(locks[i]);
	assert_int_equal(sibling_folder_claim("/nowhere/at/all", &again, &err), 0);
	(void)state;
}

static void
a_folder_that_others_may_enter_or_that_is_none_is_refused(void **state)
{
	struct error err = { 0 };

	assert_true(sibling_folder_check(folder, &err));
	chmod(folder, 0710);
	assert_false(sibling_folder_check(folder, &err));
	assert_non_null(strstr(err.text, "0700"));
	chmod(folder, 0700);
	assert_false(sibling_folder_check("/nowhere/at/all", &err));
	assert_false(sibling_folder_check("/dev/null", &err));
	(void)state;
}

static void
the_secret_is_made_once_and_is_then_everybodys(void **state)
{
	static const struct cancel_target target = { .process = 1, .slot = 2, .epoch = 3 };
	struct cancel_secret *mine = cancel_secret_new(), *yours = cancel_secret_new();
	uint8_t key[CANCEL_KEY_LONG];
	struct error err = { 0 };
	struct stat status;

	assert_true(sibling_folder_secret(folder, mine, &err));
	assert_true(sibling_folder_secret(folder, yours, &err));
	assert_int_equal(stat(path_of("cancel_secret"), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	cancel_key_make(mine, &target, CANCEL_KEY_LONG, key);
	assert_true(cancel_key_fits(yours, &target, key, CANCEL_KEY_LONG));
	cancel_secret_free(mine);
	cancel_secret_free(yours);
	(void)state;
}

static void
a_secret_that_is_none_or_not_secret_is_refused_and_the_old_one_stays(void **state)
{
	static const char good[] =
	    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
	static const char *const bad[] = { "", "\n",
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg\n",
		"00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\n",
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0\n" };
	static const struct cancel_target target = { .process = 1, .slot = 2, .epoch = 3 };
	struct cancel_secret *secret = cancel_secret_new();
	uint8_t key[CANCEL_KEY_LONG];
	char three[3 * sizeof(good)];
	struct error err = { 0 };

	write_secret(good, 0600);
	assert_true(sibling_folder_secret(folder, secret, &err));
	cancel_key_make(secret, &target, CANCEL_KEY_LONG, key);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_secret(bad[i], 0600);
		assert_false(sibling_folder_secret(folder, secret, &err));
	}
	snprintf(three, sizeof(three), "%s%s%s", good, good, good);
	write_secret(three, 0600);
	assert_false(sibling_folder_secret(folder, secret, &err));
	write_secret(good, 0640);
	assert_false(sibling_folder_secret(folder, secret, &err));
	assert_non_null(strstr(err.text, "read by others"));
	assert_true(cancel_key_fits(secret, &target, key, CANCEL_KEY_LONG));
	cancel_secret_free(secret);
	(void)state;
}

static void
a_path_that_no_socket_can_have_is_told(void **state)
{
	char path[SIBLING_PATH_SIZE], longest[200];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_true(sibling_folder_letterbox("/run/pgweir", 15, path));
	assert_string_equal(path, "/run/pgweir/15.sock");
	assert_false(sibling_folder_letterbox(longest, 1, path));
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_process_gets_a_number_of_its_own_until_none_is_left),
		cmocka_unit_test(a_folder_that_others_may_enter_or_that_is_none_is_refused),
		cmocka_unit_test(the_secret_is_made_once_and_is_then_everybodys),
		cmocka_unit_test(a_secret_that_is_none_or_not_secret_is_refused_and_the_old_one_stays),
		cmocka_unit_test(a_path_that_no_socket_can_have_is_told),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

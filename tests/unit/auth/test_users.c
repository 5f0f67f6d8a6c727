/* test_users.c - behaviour of auth/users and auth/userlist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "auth/users.h"
#include "base/buf.h"
#include "base/mem.h"

#define VERIFIER                                                                         \
	"SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$"                                   \
	"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=:"                                  \
	"HxAREhMUFRYXGBkaGxwdHh8AAQIDBAUGBwgJCgsMDQ4="

/* A folder with a userlist in it, made and removed for each test. */
struct fixture {
	char folder[32];
	char userlist[64];
	char yaml[64];
};

static int
set_up(void **state)
{
	struct fixture *fixture = mem_zalloc(1, sizeof(*fixture));

	strcpy(fixture->folder, "/tmp/pgweir-users-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->userlist, sizeof(fixture->userlist), "%s/userlist.txt", fixture->folder);
	snprintf(fixture->yaml, sizeof(fixture->yaml), "%s/pgweir.yaml", fixture->folder);
	*state = fixture;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *fixture = *state;

	unlink(fixture->userlist);
	rmdir(fixture->folder);
	mem_free(fixture);
	return 0;
}

static void
write_userlist(const struct fixture *fixture, const char *text, size_t length)
{
	FILE *file = fopen(fixture->userlist, "w");

	assert_int_equal(fwrite(text, 1, length, file), length);
	fclose(file);
	assert_int_equal(chmod(fixture->userlist, 0640), 0);
}

/* Load `users` and `roles` as YAML beside the fixture's userlist. */
static struct users *
load(const struct fixture *fixture, const char *yaml, struct problems *problems)
{
	char *text = mem_printf(
	    "databases: {a: {host: h}}\nauth: {userlist: userlist.txt}\n%s", yaml);
	struct config *config = config_parse(fixture->yaml, text, strlen(text), problems);
	struct users *users;

	assert_non_null(config);
	users = users_load(config, problems);
	config_release(config);
	mem_free(text);
	return users;
}

static struct users *
load_userlist(const struct fixture *fixture, const char *text)
{
	struct problems problems = { 0 };
	struct users *users;

	write_userlist(fixture, text, strlen(text));
	users = load(fixture, "", &problems);
	assert_non_null(users);
	assert_int_equal(problems.count, 0);
	return users;
}

/* The userlist is refused, with these messages after its name, a line each. */
static void
expect_refused_bytes(
    const struct fixture *fixture, const char *text, size_t length, const char *expected)
{
	struct problems problems = { 0 };
	struct buf said = { 0 };
	char *all;

	write_userlist(fixture, text, length);
	assert_null(load(fixture, "", &problems));
	for (size_t i = 0; i < problems.count; i++) {
		char *line = problem_text(&problems.items[i]);

		assert_memory_equal(line, fixture->userlist, strlen(fixture->userlist));
		buf_printf(&said, "%s%s", i > 0 ? "\n" : "", line + strlen(fixture->userlist));
		mem_free(line);
	}
	all = buf_steal_text(&said);
	assert_string_equal(all, expected);
	mem_free(all);
	problems_free(&problems);
}

static void
expect_refused(const struct fixture *fixture, const char *text, const char *expected)
{
	expect_refused_bytes(fixture, text, strlen(text), expected);
}

static void
a_userlist_is_read_as_pgbouncer_reads_it(void **state)
{
	struct users *users = load_userlist(*state,
	    "; comment\n"
	    "\n"
	    "  \"anna\"\t\"secret\"\r\n"
	    "\"b\"\"ob\" \"pa\"\"ss\"\"\" \"ignored\" rest\n"
	    "\"carl\" \"\"\n"
	    "\"dora;x\" \"" VERIFIER "\" ; a comment\n"
	    "\"last\" \"md50123456789abcdef0123456789abcdef\"");

	assert_string_equal(users_secret(users, "anna"), "secret");
	assert_string_equal(users_secret(users, "b\"ob"), "pa\"ss\"");
	assert_true(users_known(users, "carl"));
	assert_null(users_secret(users, "carl"));
	assert_string_equal(users_secret(users, "dora;x"), VERIFIER);
	assert_int_equal(secret_kind(users_secret(users, "last")), SECRET_MD5);
	assert_false(users_known(users, "comment"));
	assert_null(users_secret(users, "nobody"));
	users_release(users);
}

static void
every_fault_of_a_userlist_is_told_with_its_place(void **state)
{
	expect_refused(*state,
	    "\"good\" \"x\"\n"
	    "anna secret\n"
	    "\"bob\n"
	    "\"carl\"\n"
	    "\"dora\" secret\n"
	    "  \"eve\" \"a\"b\"\n"
	    "\"\" \"x\"\n"
	    "\"good\" \"y\"\n"
	    "\"frank\" \"SCRAM-SHA-256$4096:c2FsdA==$short:short\"\n",
	    ":2:1: error: a line must begin with a name in quotes: \"name\" \"secret\"\n"
	    ":3:5: error: the quote is not closed on this line\n"
	    ":4:7: error: a secret in quotes must follow the name: \"name\" \"secret\"\n"
	    ":5:8: error: a secret in quotes must follow the name: \"name\" \"secret\"\n"
	    ":6:12: error: the secret goes on behind its closing quote: write a quote inside it "
	    "twice\n"
	    ":7:3: error: the name is empty\n"
	    ":8:1: error: \"good\" is here twice: it is already at line 1\n"
	    ":9:9: error: the secret of \"frank\" begins with SCRAM-SHA-256$ and is no SCRAM "
	    "verifier: copy rolpassword from pg_authid again");
}

static void
bytes_that_no_name_has_are_refused(void **state)
{
	expect_refused_bytes(
	    *state, "\"a\0b\" \"x\"\n", 10, ":1:3: error: a NUL byte is not allowed here");
	expect_refused(
	    *state, "\"a\tb\" \"x\"\n", ":1:6: error: the name has a control character in it");
}

static void
names_and_secrets_have_the_length_that_postgresql_allows(void **state)
{
	char text[4096];
	struct users *users;

	snprintf(text, sizeof(text), "\"%063d\" \"%02047d\"\n", 1, 2);
	users = load_userlist(*state, text);
	users_release(users);
	snprintf(text, sizeof(text), "\"%064d\" \"x\"\n\"a\" \"%02048d\"\n", 1, 2);
	expect_refused(*state, text,
	    ":1:67: error: the name is longer than 63 bytes, and PostgreSQL has no longer ones\n"
	    ":2:2055: error: the secret is longer than 2047 bytes");
}

static void
a_userlist_that_everybody_may_read_is_refused(void **state)
{
	const struct fixture *fixture = *state;
	struct problems problems = { 0 };
	char *expected;

	write_userlist(fixture, "\"a\" \"b\"\n", 8);
	assert_int_equal(chmod(fixture->userlist, 0644), 0);

	assert_null(load(fixture, "", &problems));

	expected = mem_printf("auth.userlist: %s is open to every user of this machine (mode "
			      "0644): chmod o= %s",
	    fixture->userlist, fixture->userlist);
	assert_string_equal(problems.items[0].text, expected);
	mem_free(expected);
	problems_free(&problems);
}

static void
a_userlist_that_is_not_there_or_no_file_is_refused(void **state)
{
	const struct fixture *fixture = *state;
	struct problems problems = { 0 };

	assert_null(load(fixture, "", &problems));
	assert_non_null(strstr(problems.items[0].text, "No such file"));
	problems_free(&problems);
	assert_int_equal(mkfifo(fixture->userlist, 0600), 0);
	assert_null(load(fixture, "", &problems));
	assert_non_null(strstr(problems.items[0].text, "is not a regular file"));
	problems_free(&problems);
}

static void
the_configuration_wins_over_the_userlist(void **state)
{
	const struct fixture *fixture = *state;
	struct problems problems = { 0 };
	const char *list = "\"anna\" \"from-list\"\n\"bob\" \"bobs\"\n";
	struct users *users;

	write_userlist(fixture, list, strlen(list));
	users = load(fixture,
	    "users: {anna: {password: from-config}, bob: {role: app}, carl: {}}\n"
	    "roles: {app: {password: app-password}, anna: {}, empty: {}}\n",
	    &problems);

	assert_string_equal(users_secret(users, "anna"), "from-config");
	assert_string_equal(users_secret(users, "bob"), "bobs");
	assert_true(users_known(users, "carl"));
	assert_null(users_secret(users, "carl"));
	assert_string_equal(users_role(users, "bob"), "app");
	assert_string_equal(users_role(users, "anna"), "anna");
	assert_string_equal(users_role(users, "stranger"), "stranger");
	assert_string_equal(users_role_secret(users, "app"), "app-password");
	assert_string_equal(users_role_secret(users, "anna"), "from-config");
	assert_null(users_role_secret(users, "empty"));
	assert_null(users_role_secret(users, "stranger"));
	assert_false(users_known(users, "app"));
	users_release(users);
	problems_free(&problems);
}

static void
a_broken_verifier_in_the_configuration_is_refused_without_showing_it(void **state)
{
	const struct fixture *fixture = *state;
	struct problems problems = { 0 };

	write_userlist(fixture, "", 0);
	assert_null(load(fixture, "users: {anna: {password: SCRAM-SHA-256$canary}}", &problems));
	assert_string_equal(problems.items[problems.count - 1].text,
	    "users.anna.password begins with SCRAM-SHA-256$ and is no SCRAM verifier: copy "
	    "rolpassword from pg_authid again");
	problems_free(&problems);
}

static void
an_empty_userlist_is_warned_of(void **state)
{
	const struct fixture *fixture = *state;
	struct problems problems = { 0 };
	struct users *users;

	write_userlist(fixture, "", 0);
	users = load(fixture, "", &problems);
	assert_non_null(users);
	assert_int_equal(problems.errors, 0);
	assert_string_equal(problems.items[0].text,
	    "nobody can log in: there are no users, and no userlist names any");
	users_release(users);
	problems_free(&problems);
}

static void
the_last_reference_frees(void **state)
{
	struct users *users = load_userlist(*state, "\"a\" \"b\"\n");

	assert_ptr_equal(users_reference(users), users);
	users_release(users);
	assert_string_equal(users_secret(users, "a"), "b");
	users_release(users);
}

static void
a_secret_is_a_hash_only_when_all_of_it_is(void **state)
{
	assert_int_equal(secret_kind(NULL), SECRET_NONE);
	assert_int_equal(secret_kind(""), SECRET_NONE);
	assert_int_equal(secret_kind("secret"), SECRET_CLEAR);
	assert_int_equal(secret_kind("md5"), SECRET_CLEAR);
	assert_int_equal(secret_kind("md50123456789abcdef0123456789abcdeg"), SECRET_CLEAR);
	assert_int_equal(secret_kind("md50123456789abcdef0123456789abcdef0"), SECRET_CLEAR);
	assert_int_equal(secret_kind("md50123456789abcdef0123456789abcdef"), SECRET_MD5);
	assert_int_equal(secret_kind(VERIFIER), SECRET_SCRAM);
	assert_int_equal(secret_kind(VERIFIER "="), SECRET_CLEAR);
	assert_int_equal(secret_kind("SCRAM-SHA-256$"), SECRET_CLEAR);
	assert_int_equal(secret_kind("SCRAM-SHA-256$0:c2FsdA==$AAEC:AAEC"), SECRET_CLEAR);
	assert_int_equal(secret_kind("SCRAM-SHA-256$99999999999:c2FsdA==$A:A"), SECRET_CLEAR);
	assert_int_equal(secret_kind("SCRAM-SHA-256$4096:c2FsdA==$AAEC"), SECRET_CLEAR);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_userlist_is_read_as_pgbouncer_reads_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    every_fault_of_a_userlist_is_told_with_its_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    bytes_that_no_name_has_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    names_and_secrets_have_the_length_that_postgresql_allows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_userlist_that_everybody_may_read_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_userlist_that_is_not_there_or_no_file_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    the_configuration_wins_over_the_userlist, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_broken_verifier_in_the_configuration_is_refused_without_showing_it, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    an_empty_userlist_is_warned_of, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_last_reference_frees, set_up, tear_down),
		cmocka_unit_test(a_secret_is_a_hash_only_when_all_of_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

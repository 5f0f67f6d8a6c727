/* test_startup.c - behaviour of wire/startup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/startup.h"

enum { CODE_CANCEL = 80877102, CODE_SSL = 80877103, CODE_GSSENC = 80877104 };

/* A packet of a version or code and this body, parsed in a block of just its size. */
static bool
parse(uint32_t code, const void *body, size_t length, struct startup *startup,
    struct error *err)
{
	struct buf packet = { 0 };
	uint8_t *exact;
	bool good;

	buf_put_u32(&packet, (uint32_t)(8 + length));
	buf_put_u32(&packet, code);
	buf_put(&packet, body, length);
	exact = mem_copy(buf_bytes(&packet), buf_length(&packet));
	*err = (struct error){ 0 };
	good = startup_parse(exact, buf_length(&packet), startup, err);
	mem_free(exact);
	buf_free(&packet);
	return good;
}

/* The body of a log-in by user u with one more parameter. */
static bool
parse_with(const char *name, const char *value, struct startup *startup, struct error *err)
{
	struct buf body = { 0 };
	bool good;

	buf_put_cstring(&body, "user");
	buf_put_cstring(&body, "u");
	buf_put_cstring(&body, name);
	buf_put_cstring(&body, value);
	buf_put_u8(&body, 0);
	good = parse(3 << 16, buf_bytes(&body), buf_length(&body), startup, err);
	buf_free(&body);
	return good;
}

/* What `options` become: "name=value|name=value|…"; or what is wrong with them. */
static void
assert_options(const char *options, const char *expected)
{
	struct startup startup;
	struct buf text = { 0 };
	struct error err;
	char *got;

	if (!parse_with("options", options, &startup, &err)) {
		assert_string_equal(err.sqlstate, "42601");
		buf_printf(&text, "error: %s", err.text);
	} else {
		for (size_t i = 0; i < startup.parameter_count; i++)
			buf_printf(&text, "%s=%s|", startup.parameters[i].name,
			    startup.parameters[i].value);
		startup_free(&startup);
	}
	got = buf_steal_text(&text);
	assert_string_equal(got, expected);
	mem_free(got);
}

static void
the_length_is_known_from_four_bytes_and_bounded(void **state)
{
	static const struct {
		uint32_t announced;
		enum startup_status status;
	} cases[] = { { 0, STARTUP_BAD }, { 4, STARTUP_BAD }, { 7, STARTUP_BAD },
		{ 8, STARTUP_GOOD }, { STARTUP_MOST, STARTUP_GOOD },
		{ STARTUP_MOST + 1, STARTUP_BAD }, { 0x80000008, STARTUP_BAD },
		{ 0xffffffff, STARTUP_BAD } };
	size_t packet = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint32_t n = cases[i].announced;
		const uint8_t bytes[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16),
			(uint8_t)(n >> 8), (uint8_t)n };

		for (size_t cut = 0; cut < 4; cut++)
			assert_int_equal(startup_length(bytes, cut, &packet), STARTUP_SHORT);
		assert_int_equal(startup_length(bytes, 4, &packet), cases[i].status);
		if (cases[i].status == STARTUP_GOOD)
			assert_int_equal(packet, n);
	}
	(void)state;
}

/* A web browser, an SSH client and a TLS client that knocks without asking first. */
static void
other_protocols_are_no_startup_packets(void **state)
{
	static const char *const knocks[] = { "GET / HTTP/1.1\r\n", "SSH-2.0-OpenSSH",
		"\x16\x03\x01\x02\x00\x01" };
	size_t packet;

	for (size_t i = 0; i < sizeof(knocks) / sizeof(knocks[0]); i++)
		assert_int_equal(
		    startup_length((const uint8_t *)knocks[i], 6, &packet), STARTUP_BAD);
	(void)state;
}

static void
requests_for_encryption_have_no_body(void **state)
{
	struct startup startup;
	struct error err;

	assert_true(parse(CODE_SSL, "", 0, &startup, &err));
	assert_int_equal(startup.kind, STARTUP_SSL);
	assert_true(parse(CODE_GSSENC, "", 0, &startup, &err));
	assert_int_equal(startup.kind, STARTUP_GSSENC);
	assert_false(parse(CODE_SSL, "x", 1, &startup, &err));
	assert_string_equal(err.sqlstate, "08P01");
	assert_false(parse(CODE_GSSENC, "user\0u\0", 8, &startup, &err));
	(void)state;
}

static void
a_cancel_request_has_a_pid_and_a_key_of_4_or_32_bytes(void **state)
{
	struct startup startup;
	struct error err;

	assert_true(parse(CODE_CANCEL, "\0\0\1\2\xff\xfe\xfd\xfc", 8, &startup, &err));
	assert_int_equal(startup.kind, STARTUP_CANCEL);
	assert_int_equal(startup.pid, 0x102);
	assert_int_equal(startup.key_length, 4);
	assert_memory_equal(startup.key, "\xff\xfe\xfd\xfc", 4);
	assert_true(parse(CODE_CANCEL, "\0\0\1\2abcdefghijklmnopqrstuvwxyz012345", 36, &startup, &err));
	assert_int_equal(startup.pid, 0x102);
	assert_int_equal(startup.key_length, 32);
	assert_memory_equal(startup.key, "abcdefghijklmnopqrstuvwxyz012345", 32);
	assert_false(parse(CODE_CANCEL, "\0\0\1\2abcdefghijklmnopqrstuvwxyz01234", 35, &startup, &err));
	assert_false(parse(CODE_CANCEL, "\0\0\1\2abcdefghijklmnopqrstuvwxyz0123456", 37, &startup, &err));
	for (size_t length = 0; length < 8; length++)
		assert_false(parse(CODE_CANCEL, "\0\0\1\2\xff\xfe\xfd", length, &startup, &err));
	assert_false(parse(CODE_CANCEL, "\0\0\1\2\xff\xfe\xfd\xfc\0", 9, &startup, &err));
	assert_string_equal(err.sqlstate, "08P01");
	(void)state;
}

static void
only_protocol_three_is_spoken_and_its_minor_is_kept(void **state)
{
	static const uint32_t refused[] = { 0, 1, 2 << 16, 4 << 16, 0x00020003, 0xffff0000,
		1234 << 16 | 5681 };
	struct startup startup;
	struct error err;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_false(parse(refused[i], "user\0u\0", 8, &startup, &err));
		assert_string_equal(err.sqlstate, "0A000");
	}
	assert_true(parse(3 << 16 | 2, "user\0u\0", 8, &startup, &err));
	assert_int_equal(startup.minor, 2);
	startup_free(&startup);
	(void)state;
}

static void
the_database_is_the_users_name_when_none_is_given(void **state)
{
	struct startup startup;
	struct error err;

	assert_true(parse(3 << 16, "user\0bob\0", 10, &startup, &err));
	assert_string_equal(startup.user, "bob");
	assert_string_equal(startup.database, "bob");
	assert_int_equal(startup.replication, REPLICATION_NONE);
	startup_free(&startup);
	assert_true(parse_with("database", "", &startup, &err));
	assert_string_equal(startup.database, "u");
	startup_free(&startup);
	assert_true(parse_with("database", "shop", &startup, &err));
	assert_string_equal(startup.database, "shop");
	startup_free(&startup);
	(void)state;
}

static void
names_are_cut_as_postgresql_cuts_them(void **state)
{
	char name[80];
	struct startup startup;
	struct error err;

	memset(name, 'x', sizeof(name));
	name[63] = '\0';
	assert_true(parse_with("user", name, &startup, &err));
	assert_string_equal(startup.user, name);
	assert_string_equal(startup.database, name);
	startup_free(&startup);
	name[63] = 'x';
	name[79] = '\0';
	assert_true(parse_with("database", name, &startup, &err));
	assert_int_equal(strlen(startup.database), 63);
	assert_string_equal(startup.user, "u");
	startup_free(&startup);
	memcpy(name + 61, "\xe2\x82\xac", 3); /* no half of a character is left */
	assert_true(parse_with("user", name, &startup, &err));
	assert_int_equal(strlen(startup.user), 61);
	assert_int_equal(strlen(startup.database), 61);
	startup_free(&startup);
	memset(name, 0x80, 79); /* and what is no text is cut all the same */
	assert_true(parse_with("user", name, &startup, &err));
	assert_true(strlen(startup.user) <= 63 && strlen(startup.user) > 0);
	startup_free(&startup);
	(void)state;
}

static void
without_a_user_nobody_comes_in(void **state)
{
	struct startup startup;
	struct error err;

	assert_false(parse(3 << 16, "", 1, &startup, &err));
	assert_string_equal(err.sqlstate, "28000");
	assert_false(parse(3 << 16, "database\0shop\0", 15, &startup, &err));
	assert_string_equal(err.sqlstate, "28000");
	assert_false(parse_with("user", "", &startup, &err));
	assert_string_equal(err.sqlstate, "28000");
	assert_false(parse(3 << 16, "User\0u\0", 8, &startup, &err)); /* names have a case */
	(void)state;
}

static void
given_twice_the_last_one_counts(void **state)
{
	struct startup startup;
	struct error err;

	assert_true(parse_with("user", "other", &startup, &err));
	assert_string_equal(startup.user, "other");
	startup_free(&startup);
	assert_true(parse(3 << 16, "user\0u\0work_mem\0001MB\0work_mem\0002MB\0", 34, &startup, &err));
	assert_int_equal(startup.parameter_count, 2);
	assert_string_equal(startup.parameters[0].value, "1MB");
	assert_string_equal(startup.parameters[1].value, "2MB");
	startup_free(&startup);
	(void)state;
}

static void
options_come_before_what_is_given_by_name(void **state)
{
	static const char body[] = "user\0u\0work_mem\0001MB\0options\0-c work_mem=2MB\0"
				   "DateStyle\0ISO\0";
	struct startup startup;
	struct error err;

	assert_true(parse(3 << 16, body, sizeof(body), &startup, &err));
	assert_int_equal(startup.parameter_count, 3);
	assert_string_equal(startup.parameters[0].value, "2MB");
	assert_string_equal(startup.parameters[1].value, "1MB");
	assert_string_equal(startup.parameters[2].name, "DateStyle");
	startup_free(&startup);
	(void)state;
}

static void
options_are_cut_into_words_as_postgresql_does(void **state)
{
	assert_options("", "");
	assert_options(" \t\n\v\f\r", "");
	assert_options("-c geqo=off", "geqo=off|");
	assert_options("-cgeqo=off", "geqo=off|");
	assert_options("--geqo=off", "geqo=off|");
	assert_options("-- geqo=off", "geqo=off|");
	assert_options("  -c\tgeqo=off\n--work_mem=1MB ", "geqo=off|work_mem=1MB|");
	assert_options("-c a=1 -c a=2", "a=1|a=2|");
	assert_options("-c a=", "a=|");
	assert_options("-c a=b=c", "a=b=c|");
	assert_options("-c -c=1", "_c=1|");
	(void)state;
}

static void
a_backslash_keeps_the_next_character_in_the_word(void **state)
{
	assert_options("-c search_path=a,\\ b", "search_path=a, b|");
	assert_options("-c a=x\\\\y", "a=x\\y|");
	assert_options("-c a=\\ ", "a= |");
	assert_options("-c a=1\\\n2", "a=1\n2|");
	assert_options("-c a=end\\", "a=end|");
	assert_options("\\-\\c a=1", "a=1|");
	(void)state;
}

static void
dashes_in_a_switchs_name_are_underscores_but_not_in_its_value(void **state)
{
	assert_options("--statement-timeout=5s", "statement_timeout=5s|");
	assert_options("-c idle-in-transaction-session-timeout=1-2",
	    "idle_in_transaction_session_timeout=1-2|");
	(void)state;
}

static void
options_that_set_nothing_are_refused_by_name(void **state)
{
	assert_options("-c", "error: startup options: -c needs name=value behind it");
	assert_options("-c ", "error: startup options: -c needs name=value behind it");
	assert_options("--", "error: startup options: -c needs name=value behind it");
	assert_options("-c geqo", "error: startup options: \"geqo\" is not of the form name=value");
	assert_options("-c =off", "error: startup options: \"=off\" is not of the form name=value");
	assert_options("--=x", "error: startup options: \"=x\" is not of the form name=value");
	assert_options("-c \\", "error: startup options: \"\" is not of the form name=value");
	assert_options("-d 5", "error: startup options: \"-d\" is not supported, only -c "
			       "name=value and --name=value are");
	assert_options("geqo=off", "error: startup options: \"geqo=off\" is not supported, only "
				   "-c name=value and --name=value are");
	(void)state;
}

/* A good switch before it and a setting by name are freed too: the leak checker looks. */
static void
what_was_read_before_a_fault_is_given_back(void **state)
{
	static const char body[] = "user\0u\0work_mem\0001MB\0options\0-c a=1 -c b\0_pq_.x\0001\0";
	struct startup startup;
	struct error err;

	assert_false(parse(3 << 16, body, sizeof(body), &startup, &err));
	assert_string_equal(err.sqlstate, "42601");
	(void)state;
}

/* A log-in by u with so many parameters, named p0, p1, …, and these options. */
static bool
parse_many(int count, const char *options, struct startup *startup, struct error *err)
{
	struct buf body = { 0 };
	bool good;

	buf_put_text(&body, "user");
	buf_put(&body, "\0u", 3);
	for (int i = 0; i < count; i++) {
		buf_printf(&body, "p%d", i);
		buf_put(&body, "\0v", 3);
	}
	buf_put_cstring(&body, "options");
	buf_put_cstring(&body, options);
	buf_put_u8(&body, 0);
	good = parse(3 << 16, buf_bytes(&body), buf_length(&body), startup, err);
	buf_free(&body);
	return good;
}

static void
parameters_are_counted_with_those_of_the_options(void **state)
{
	struct startup startup;
	struct error err;

	assert_true(parse_many(STARTUP_PARAMETERS_MOST, "", &startup, &err));
	startup_free(&startup);
	assert_true(parse_many(STARTUP_PARAMETERS_MOST - 1, "-c a=1", &startup, &err));
	startup_free(&startup);
	assert_false(parse_many(STARTUP_PARAMETERS_MOST + 1, "", &startup, &err));
	assert_string_equal(err.sqlstate, "08P01");
	assert_false(parse_many(STARTUP_PARAMETERS_MOST, "-c a=1", &startup, &err));
	assert_string_equal(err.sqlstate, "08P01");
	(void)state;
}

static void
a_packet_cut_at_any_byte_is_refused(void **state)
{
	static const char body[] = "user\0u\0database\0shop\0options\0-c a=1\0_pq_.x\0001\0";
	struct startup startup;
	struct error err;

	for (size_t cut = 0; cut < sizeof(body); cut++)
		if (parse(3 << 16, body, cut, &startup, &err))
			fail_msg("a body of %zu bytes was taken", cut);
	assert_true(parse(3 << 16, body, sizeof(body), &startup, &err));
	startup_free(&startup);
	(void)state;
}

/* An empty name with a value was taken for the end, and the value was skipped. */
static void
nothing_stands_behind_the_end_and_no_name_is_empty(void **state)
{
	struct startup startup;
	struct error err;

	assert_false(parse(3 << 16, "user\0u\0\0", 9, &startup, &err));
	assert_string_equal(err.sqlstate, "08P01");
	assert_false(parse(3 << 16, "user\0u\0\0x\0", 11, &startup, &err));
	assert_false(parse(3 << 16, "\0x\0user\0u\0", 11, &startup, &err));
	assert_false(parse(3 << 16, "user\0u\0x", 8, &startup, &err));
	(void)state;
}

static void
options_of_a_newer_protocol_are_kept_to_be_named(void **state)
{
	static const char body[] = "_pq_.one\0001\0user\0u\0_pq_.\0\0_PQ_.x\0y\0";
	struct startup startup;
	struct error err;

	assert_true(parse(3 << 16 | 2, body, sizeof(body), &startup, &err));
	assert_int_equal(startup.unknown_count, 2);
	assert_string_equal(startup.unknown_options[0], "_pq_.one");
	assert_string_equal(startup.unknown_options[1], "_pq_.");
	assert_int_equal(startup.parameter_count, 1);
	assert_string_equal(startup.parameters[0].name, "_PQ_.x");
	startup_free(&startup);
	(void)state;
}

static void
replication_is_a_boolean_or_the_word_database(void **state)
{
	static const struct {
		const char *value;
		enum replication is;
	} good[] = { { "0", REPLICATION_NONE }, { "of", REPLICATION_NONE }, { "OFF", REPLICATION_NONE },
		{ "False", REPLICATION_NONE }, { "n", REPLICATION_NONE }, { "1", REPLICATION_PHYSICAL },
		{ "on", REPLICATION_PHYSICAL }, { "tRu", REPLICATION_PHYSICAL },
		{ "y", REPLICATION_PHYSICAL }, { "database", REPLICATION_LOGICAL } };
	static const char *const bad[] = { "", "o", "offf", " off", "10", "yess", "Database", "data" };
	struct startup startup;
	struct error err;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(parse_with("replication", good[i].value, &startup, &err));
		assert_int_equal(startup.replication, good[i].is);
		startup_free(&startup);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(parse_with("replication", bad[i], &startup, &err));
		assert_string_equal(err.sqlstate, "22023");
	}
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_length_is_known_from_four_bytes_and_bounded),
		cmocka_unit_test(other_protocols_are_no_startup_packets),
		cmocka_unit_test(requests_for_encryption_have_no_body),
		cmocka_unit_test(a_cancel_request_has_a_pid_and_a_key_of_4_or_32_bytes),
		cmocka_unit_test(only_protocol_three_is_spoken_and_its_minor_is_kept),
		cmocka_unit_test(the_database_is_the_users_name_when_none_is_given),
		cmocka_unit_test(names_are_cut_as_postgresql_cuts_them),
		cmocka_unit_test(without_a_user_nobody_comes_in),
		cmocka_unit_test(given_twice_the_last_one_counts),
		cmocka_unit_test(options_come_before_what_is_given_by_name),
		cmocka_unit_test(options_are_cut_into_words_as_postgresql_does),
		cmocka_unit_test(a_backslash_keeps_the_next_character_in_the_word),
		cmocka_unit_test(dashes_in_a_switchs_name_are_underscores_but_not_in_its_value),
		cmocka_unit_test(options_that_set_nothing_are_refused_by_name),
		cmocka_unit_test(what_was_read_before_a_fault_is_given_back),
		cmocka_unit_test(parameters_are_counted_with_those_of_the_options),
		cmocka_unit_test(a_packet_cut_at_any_byte_is_refused),
		cmocka_unit_test(nothing_stands_behind_the_end_and_no_name_is_empty),
		cmocka_unit_test(options_of_a_newer_protocol_are_kept_to_be_named),
		cmocka_unit_test(replication_is_a_boolean_or_the_word_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

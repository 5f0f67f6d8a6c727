/* test_describe.c - behaviour of config/describe and manual: what an operator is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/config.h"

/* Everything that a file can say, and canaries where passwords are. */
static const char everything[] =
    "listen: [{host: \"*\", port: 1}, {unix_dir: /run/x, mode: \"0770\"}]\n"
    "workers: 3\n"
    "instance: \"a b\"\n"
    "databases:\n"
    "  \"*\": {host: [a, b], port: 1, dbname: \"x\\\"y\\\\z\", pool_mode: session}\n"
    "  \"true\": {host: \"10\", pool_size: 9, min: 1, reserve: 2, max_connections: 0}\n"
    "users:\n"
    "  u: {password: canary-1, role: \"null\", pool_mode: statement, max_connections: 3}\n"
    "  v: {password: \"md5ca9a29ca9a29ca9a29ca9a29ca9a29ca\"}\n"
    "  w: {}\n"
    "roles: {\"r: {}\": {password: canary-2}}\n"
    "auth: {method: trust, userlist: list}\n"
    "limits: {message_size: 100000}\n"
    "timeouts: {statement: 1500ms}\n"
    "protocol: {strict: true}\n"
    "policies: \"p/*.yaml\"\n"
    "log: {level: error}\n"
    "console: {admins: [a, \"b, c\"], viewers: [x]}\n";

static struct config *
parse(const char *text)
{
	struct problems problems = { 0 };
	struct config *config = config_parse("/etc/p.yaml", text, strlen(text), &problems);

	for (size_t i = 0; i < problems.count; i++)
		fail_msg("%d:%d: %s", problems.items[i].line, problems.items[i].col,
		    problems.items[i].text);
	assert_non_null(config);
	return config;
}

static char *
printed(const struct config *config)
{
	struct buf out = { 0 };

	config_print(config, &out);
	return buf_steal_text(&out);
}

/* The index of a setting's row. */
static size_t
row_of(const struct config *config, const char *key)
{
	struct config_row row;

	for (size_t i = 0; i < config_row_count(); i++) {
		config_row(config, i, &row);
		if (strcmp(row.key, key) == 0)
			return i;
	}
	fail_msg("no row %s", key);
	return 0;
}

static void
expect_row(
    const struct config *config, const char *key, const char *value, const char *fallback)
{
	struct config_row row;

	config_row(config, row_of(config, key), &row);
	assert_string_equal(row.value, value);
	assert_string_equal(row.fallback, fallback);
}

static void
rows_show_values_and_defaults_as_they_are_written(void **state)
{
	struct config *config = parse(everything);

	expect_row(config, "workers", "3", "auto");
	expect_row(config, "auth.method", "trust", "scram-sha-256");
	expect_row(config, "auth.userlist", "/etc/list", "");
	expect_row(config, "pool.wait_timeout", "30s", "30s");
	expect_row(config, "timeouts.statement", "1500ms", "0");
	expect_row(config, "limits.message_size", "100000B", "1GiB");
	expect_row(config, "protocol.strict", "true", "true");
	expect_row(config, "console.admins", "a, b, c", "postgres");
	expect_row(config, "console.auditors", "", "");
	expect_row(config, "tls.client.mode", "disable", "disable");
	expect_row(config, "audit.on_failure", "continue", "continue");
	config_release(config);
	(void)state;
}

static void
a_row_that_is_too_long_is_cut(void **state)
{
	struct config *config;
	struct config_row row;
	struct buf text = { 0 };
	char *yaml;

	buf_put_text(&text, "databases: {a: {}}\nconsole: {viewers: [");
	for (int i = 0; i < 100; i++)
		buf_printf(&text, "%sviewer-%d", i > 0 ? ", " : "", i);
	buf_put_text(&text, "]}\n");
	yaml = buf_steal_text(&text);
	config = parse(yaml);

	config_row(config, row_of(config, "console.viewers"), &row);

	assert_int_equal(strlen(row.value), sizeof(row.value) - 1);
	config_release(config);
	mem_free(yaml);
	(void)state;
}

static void
only_what_a_reload_cannot_change_says_so(void **state)
{
	static const char *const fixed[] = { "instance", "workers", "event_loop", "auth.pam_threads", "audit.mac_key",
		"audit.sign_key", "http.listen", "siblings.folder", "tcp.keepalive_idle", "tcp.keepalive_interval",
		"tcp.keepalive_count", "tcp.client_user_timeout" };
	const size_t count = sizeof(fixed) / sizeof(fixed[0]);
	struct config *config = parse("databases: {a: {}}");
	size_t unchangeable = 0;
	struct config_row row;

	for (size_t i = 0; i < config_row_count(); i++) {
		config_row(config, i, &row);
		unchangeable += !row.changeable;
	}
	assert_int_equal(unchangeable, count);
	for (size_t i = 0; i < count; i++) {
		config_row(config, row_of(config, fixed[i]), &row);
		assert_false(row.changeable);
	}
	config_release(config);
	(void)state;
}

static void
no_password_is_ever_shown(void **state)
{
	struct config *config = parse(everything);
	char *text = printed(config);
	struct config_row row;

	assert_null(strstr(text, "canary"));
	assert_null(strstr(text, "ca9a29"));
	assert_non_null(strstr(text, "u: {password: \"***\", role: \"null\""));
	assert_non_null(strstr(text, "  v: {password: \"***\"}\n  w: {}\n"));
	for (size_t i = 0; i < config_row_count(); i++) {
		config_row(config, i, &row);
		assert_null(strstr(row.value, "canary"));
	}
	mem_free(text);
	config_release(config);
	(void)state;
}

static void
what_is_printed_is_read_back_as_the_same(void **state)
{
	static const char *const texts[] = { everything, "databases: {a: {}}" };

	for (size_t i = 0; i < 2; i++) {
		struct config *config = parse(texts[i]);
		char *first = printed(config);
		struct config *again = parse(first);
		char *second = printed(again);

		assert_string_equal(first, second);
		mem_free(first);
		mem_free(second);
		config_release(config);
		config_release(again);
	}
	(void)state;
}

static void
the_sample_is_valid_and_holds_every_default(void **state)
{
	struct config *config = parse("databases: {\"*\": {host: /run/postgresql}}");
	struct config *sample;
	struct buf out = { 0 };
	char *text, *expected, *got;

	config_print_sample(&out);
	text = buf_steal_text(&out);
	sample = parse(text);
	expected = printed(config);
	got = printed(sample);
	assert_string_equal(got, expected);
	mem_free(text);
	mem_free(expected);
	mem_free(got);
	config_release(config);
	config_release(sample);
	(void)state;
}

static void
sample_and_manual_name_every_setting(void **state)
{
	struct config *config = parse("databases: {a: {}}");
	struct buf sample = { 0 }, manual = { 0 };
	char *sample_text, *manual_text;
	struct config_row row;

	config_print_sample(&sample);
	config_print_manual(&manual);
	sample_text = buf_steal_text(&sample);
	manual_text = buf_steal_text(&manual);
	for (size_t i = 0; i < config_row_count(); i++) {
		char *item, *key;
		const char *dot;

		config_row(config, i, &row);
		dot = strrchr(row.key, '.');
		item = mem_printf("\n.TP\n.B %s\n", row.key);
		key = mem_printf("%s: ", dot != NULL ? dot + 1 : row.key);
		assert_non_null(strstr(manual_text, item));
		assert_non_null(strstr(sample_text, key));
		mem_free(item);
		mem_free(key);
	}
	mem_free(sample_text);
	mem_free(manual_text);
	config_release(config);
	(void)state;
}

/* What config_differences() names between two files. */
static void
expect_differences(const char *old_text, const char *fresh_text, bool restart_only,
    const char *expected)
{
	struct config *old = parse(old_text), *fresh = parse(fresh_text);
	struct buf names = { 0 };
	bool differ = config_differences(old, fresh, restart_only, &names);
	char *text = buf_steal_text(&names);

	assert_string_equal(text, expected);
	assert_int_equal(differ, expected[0] != '\0');
	mem_free(text);
	config_release(old);
	config_release(fresh);
}

static void
differences_are_named_and_those_that_wait_for_a_restart(void **state)
{
	static const char small[] = "databases: {a: {}}";
	static const char other[] =
	    "databases: {a: {host: h}}\nlisten: [{host: h}]\nworkers: 2\npool: {size: 3}\n"
	    "policies: x\nroles: {r: {password: canary}}\n";

	expect_differences(small, small, false, "");
	expect_differences(everything, everything, false, "");
	expect_differences(small, other, false, "listen, databases, roles, workers, pool.size, policies");
	expect_differences(small, other, true, "listen, workers");
	expect_differences("databases: {a: {}}\nusers: {u: {password: x}}",
	    "databases: {a: {}}\nusers: {u: {password: y}}", false, "users");
	expect_differences("databases: {a: {}}\nusers: {u: {}}",
	    "databases: {a: {}}\nusers: {v: {}}", false, "users");
	expect_differences("databases: {a: {}}\nconsole: {admins: [a, b]}",
	    "databases: {a: {}}\nconsole: {admins: [a]}", false, "console.admins");
	expect_differences("databases: {a: {}}\nconsole: {admins: [a]}",
	    "databases: {a: {}}\nconsole: {admins: [a, b]}", true, "");
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_show_values_and_defaults_as_they_are_written),
		cmocka_unit_test(a_row_that_is_too_long_is_cut),
		cmocka_unit_test(only_what_a_reload_cannot_change_says_so),
		cmocka_unit_test(no_password_is_ever_shown),
		cmocka_unit_test(what_is_printed_is_read_back_as_the_same),
		cmocka_unit_test(the_sample_is_valid_and_holds_every_default),
		cmocka_unit_test(sample_and_manual_name_every_setting),
		cmocka_unit_test(differences_are_named_and_those_that_wait_for_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_config.c - behaviour of config/config: reading, faults, checks, look-ups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"

/* What a file needs at least; one line. */
#define LEAST "databases: {a: {host: h}}\n"

/* All problems as text, a line each; the caller frees it. */
static char *
said(const struct problems *problems)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < problems->count; i++) {
		char *line = problem_text(&problems->items[i]);

		buf_printf(&text, "%s%s", i > 0 ? "\n" : "", line);
		mem_free(line);
	}
	return buf_steal_text(&text);
}

static struct config *
parse(const char *text)
{
	struct problems problems = { 0 };
	struct config *config =
	    config_parse("/nowhere/p.yaml", text, strlen(text), &problems);
	char *lines = said(&problems);

	assert_string_equal(lines, "");
	assert_non_null(config);
	mem_free(lines);
	return config;
}

/* The text is refused, and this is all that is said of it. */
static void
expect_refused(const char *text, const char *expected)
{
	struct problems problems = { 0 };
	struct config *config = config_parse("p.yaml", text, strlen(text), &problems);
	char *lines = said(&problems);

	assert_string_equal(lines, expected);
	assert_null(config);
	mem_free(lines);
	problems_free(&problems);
}

/* --- what is read ------------------------------------------------------------ */

static void
a_file_that_names_a_database_only_has_every_default(void **state)
{
	struct config *config = parse("databases: {shop: {}}\n");
	const struct database_config *shop = config_database(config, "shop");

	assert_string_equal(config->path, "/nowhere/p.yaml");
	assert_int_equal(config->listen_count, 1);
	assert_string_equal(config->listens[0].host, "127.0.0.1");
	assert_null(config->listens[0].unix_dir);
	assert_int_equal(config->listens[0].port, 6432);
	assert_int_equal(shop->host_count, 1);
	assert_string_equal(shop->hosts[0], "/run/postgresql");
	assert_int_equal(shop->port, 5432);
	assert_null(shop->dbname);
	assert_int_equal(shop->pool_size, CONFIG_INHERIT);
	assert_int_equal(shop->pool_mode, CONFIG_INHERIT);
	assert_int_equal(shop->max_connections, CONFIG_INHERIT);
	assert_int_equal(config->workers, 0);
	assert_int_equal(config->auth_method, AUTH_METHOD_SCRAM);
	assert_string_equal(config->auth_userlist, "");
	assert_int_equal(config->pool_mode, POOL_MODE_TRANSACTION);
	assert_int_equal(config->pool_size, 20);
	assert_int_equal(config->pool_min, 0);
	assert_int_equal(config->pool_reserve_after_ms, 5000);
	assert_int_equal(config->pool_wait_timeout_ms, 30000);
	assert_int_equal(config->limits_clients, 10000);
	assert_int_equal(config->limits_message_size, 1 << 30);
	assert_int_equal(config->limits_unauthenticated_clients, 1000);
	assert_int_equal(config->timeouts_login_ms, 15000);
	assert_int_equal(config->timeouts_statement_ms, 0);
	assert_int_equal(config->timeouts_cancel_ms, 10000);
	assert_int_equal(config->timeouts_shutdown_ms, 60000);
	assert_int_equal(config->backend_connect_timeout_ms, 5000);
	assert_int_equal(config->backend_connect_retry_ms, 1000);
	assert_int_equal(config->backend_max_age_ms, 3600000);
	assert_int_equal(config->backend_idle_timeout_ms, 600000);
	assert_int_equal(config->backend_check_after_ms, 30000);
	assert_int_equal(config->backend_reset, BACKEND_RESET_AUTO);
	assert_int_equal(config->protocol_max_prepared_statements, 200);
	assert_string_equal(config->policies, "");
	assert_string_equal(config->audit_file, "");
	assert_int_equal(config->audit_statements, AUDIT_ALL);
	assert_int_equal(config->audit_text, AUDIT_TEXT_NORMALIZED);
	assert_int_equal(config->audit_sync, AUDIT_SYNC_INTERVAL);
	assert_int_equal(config->audit_sync_every_ms, 1000);
	assert_string_equal(config->slow_log_file, "");
	assert_int_equal(config->slow_log_threshold_ms, 200);
	assert_string_equal(config->log_file, "stderr");
	assert_int_equal(config->log_level, LOG_LEVEL_INFO);
	assert_true(config->log_connections);
	assert_string_equal(config->console_admins[0], "postgres");
	assert_null(config->console_admins[1]);
	assert_null(config->console_viewers[0]);
	assert_string_equal(config->instance, "pgweir");
	assert_true(config->protocol_strict);
	config_release(config);
	(void)state;
}

static void
every_kind_of_value_is_read(void **state)
{
	struct config *config = parse(
	    "listen:\n"
	    "  - {host: \"*\", port: 1}\n"
	    "  - {unix_dir: run, port: 65535, mode: \"0660\"}\n"
	    "workers: 4\n"
	    "databases:\n"
	    "  shop: {host: [a, b.example], port: 6000, dbname: real, pool_size: 3, min: 1,\n"
	    "         reserve: 2, pool_mode: session, max_connections: 9}\n"
	    "users:\n"
	    "  \"o'hara\": {password: 12345, role: app, pool_mode: statement, "
	    "max_connections: 0}\n"
	    "roles: {app: {password: \"p w\"}}\n"
	    "auth: {method: md5, userlist: /abs/list}\n"
	    "limits: {message_size: 64KiB}\n"
	    "timeouts: {statement: 500ms, client_idle: 2d}\n"
	    "protocol: {strict: false}\n"
	    "policies: \"policies.d/*.yaml\"\n"
	    "log: {file: ../main.log, level: debug, connections: false}\n"
	    "tls: {client: {mode: disable}, server: {mode: disable}}\n"
	    "slow_log: {format: jsonlog}\n"
	    "console: {admins: [a, b], viewers: one}\n"
	    "backend:\n");
	const struct database_config *shop = config_database(config, "shop");
	const struct user_config *user = config_user(config, "o'hara");

	assert_string_equal(config->listens[0].host, "*");
	assert_null(config->listens[1].host);
	assert_string_equal(config->listens[1].unix_dir, "/nowhere/run");
	assert_int_equal(config->listens[1].port, 65535);
	assert_int_equal(config->listens[1].mode, 0660);
	assert_int_equal(config->workers, 4);
	assert_int_equal(shop->host_count, 2);
	assert_string_equal(shop->hosts[1], "b.example");
	assert_string_equal(shop->dbname, "real");
	assert_int_equal(shop->pool_size, 3);
	assert_int_equal(shop->min, 1);
	assert_int_equal(shop->reserve, 2);
	assert_int_equal(shop->pool_mode, POOL_MODE_SESSION);
	assert_int_equal(shop->max_connections, 9);
	assert_int_equal(shop->line, 6);
	assert_string_equal(user->password, "12345");
	assert_string_equal(user->role, "app");
	assert_int_equal(user->pool_mode, POOL_MODE_STATEMENT);
	assert_int_equal(user->max_connections, 0);
	assert_string_equal(config_role(config, "app")->password, "p w");
	assert_int_equal(config->auth_method, AUTH_METHOD_MD5);
	assert_string_equal(config->auth_userlist, "/abs/list");
	assert_int_equal(config->limits_message_size, 65536);
	assert_int_equal(config->timeouts_statement_ms, 500);
	assert_int_equal(config->timeouts_client_idle_ms, 172800000);
	assert_string_equal(config->policies, "/nowhere/policies.d/*.yaml");
	assert_string_equal(config->log_file, "/nowhere/../main.log");
	assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
	assert_false(config->log_connections);
	assert_string_equal(config->console_admins[1], "b");
	assert_string_equal(config->console_viewers[0], "one");
	assert_null(config->console_viewers[1]);
	assert_false(config->protocol_strict);
	config_release(config);
	(void)state;
}

static void
look_ups_find_the_name_then_the_star(void **state)
{
	struct config *config = parse("databases: {z: {port: 1}, \"*\": {port: 2}, a: {port: 3}}\n"
				      "users: {u2: {}, u1: {}}\nroles: {r2: {}, r1: {}}\n");

	assert_int_equal(config_database(config, "z")->port, 1);
	assert_int_equal(config_database(config, "a")->port, 3);
	assert_int_equal(config_database(config, "other")->port, 2);
	assert_string_equal(config_user(config, "u1")->name, "u1");
	assert_string_equal(config_user(config, "u2")->name, "u2");
	assert_null(config_user(config, "u3"));
	assert_string_equal(config_role(config, "r2")->name, "r2");
	assert_null(config_role(config, ""));
	config_release(config);
	config = parse(LEAST);
	assert_null(config_database(config, "other"));
	assert_null(config_user(config, "u"));
	assert_null(config_role(config, "r"));
	config_release(config);
	(void)state;
}

static void
the_users_mode_wins_over_the_databases_over_the_global_one(void **state)
{
	struct config *config = parse("pool: {mode: statement}\n"
				      "databases: {a: {}, b: {pool_mode: session}}\n"
				      "users: {u: {}, v: {pool_mode: transaction}}\n");
	const struct database_config *a = config_database(config, "a");
	const struct database_config *b = config_database(config, "b");
	const struct user_config *u = config_user(config, "u");
	const struct user_config *v = config_user(config, "v");

	assert_int_equal(config_pool_mode(config, a, NULL), POOL_MODE_STATEMENT);
	assert_int_equal(config_pool_mode(config, b, u), POOL_MODE_SESSION);
	assert_int_equal(config_pool_mode(config, b, v), POOL_MODE_TRANSACTION);
	assert_string_equal(config_pool_mode_name(POOL_MODE_SESSION), "session");
	assert_string_equal(config_pool_mode_name(POOL_MODE_STATEMENT), "statement");
	config_release(config);
	(void)state;
}

static void
the_last_reference_frees(void **state)
{
	struct config *config = parse(LEAST);

	assert_ptr_equal(config_reference(config), config);
	config_release(config);
	assert_int_equal(config->pool_size, 20);
	config_release(config);
	config_release(NULL);
	(void)state;
}

static void
a_relative_path_of_the_file_is_made_absolute(void **state)
{
	struct problems problems = { 0 };
	struct config *config =
	    config_parse("some/p.yaml", LEAST "audit: {file: a.jsonl}", 48, &problems);
	char cwd[1000], *expected;

	assert_non_null(config);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	expected = mem_printf("%s/some/a.jsonl", cwd);
	assert_string_equal(config->audit_file, expected);
	assert_int_equal(config->path[0], '/');
	mem_free(expected);
	config_release(config);
	(void)state;
}

/* --- what is refused ----------------------------------------------------------- */

static void
unknown_keys_are_refused_with_a_near_one(void **state)
{
	expect_refused(LEAST "tabels: 1\npools: {}\n",
	    "p.yaml:2:1: error: unknown key `tabels` (did you mean `tls`?)\n"
	    "p.yaml:3:1: error: unknown key `pools` (did you mean `pool`?)");
	expect_refused(LEAST "pool: {sise: 3, zebra: 1}\n",
	    "p.yaml:2:8: error: unknown key `sise` (did you mean `size`?)\n"
	    "p.yaml:2:17: error: unknown key `zebra`: known here are mode, size, min, reserve, "
	    "reserve_after, max_per_database, max_per_user, wait_timeout, wait_notice");
	expect_refused("databases: {a: {hots: h}}\nusers: {u: {pasword: x}}\n",
	    "p.yaml:1:17: error: unknown key `hots` (did you mean `host`?)\n"
	    "p.yaml:2:13: error: unknown key `pasword` (did you mean `password`?)");
	expect_refused(LEAST "tls: {client: {mod: disable}}\n",
	    "p.yaml:2:16: error: unknown key `mod` (did you mean `mode`?)");
	expect_refused(LEAST "pool.size: 3\n<<: {a: b}\n",
	    "p.yaml:2:1: error: unknown key `pool.size`: write it as nested maps, "
	    "`pool: {size: ...}`\n"
	    "p.yaml:3:1: error: unknown key `<<`: known here are instance, workers, event_loop, auth, pool, "
	    "limits, timeouts, backend, tcp, protocol, tls, policies, policies_trust, policies_watch, catalog, audit, slow_log, log, console, siblings, http, "
	    "listen, databases, users, roles, include");
	(void)state;
}

static void
what_later_versions_will_know_is_refused_by_name(void **state)
{
	expect_refused(LEAST "console: {compat: 1}\n",
	    "p.yaml:2:11: error: `console.compat` is not supported by this version");
	(void)state;
}

static void
where_users_are_asked_about_must_be_known(void **state)
{
	expect_refused(LEAST "auth: {query: SELECT}\n",
	    "p.yaml:2:15: error: auth.query: nobody asks it: set auth.query_user, and its password in "
	    "roles");
	expect_refused(LEAST "auth: {query_user: u, query_database: nowhere}\n",
	    "p.yaml:2:39: error: auth.query_database: there is no database \"nowhere\" in databases: "
	    "that is where users are asked about");
	expect_refused("databases: {a: {host: h, auth_database: b}}\nauth: {query_user: u}\n",
	    "p.yaml:1:41: error: auth_database: there is no database \"b\" in databases: that is "
	    "where users are asked about");
	expect_refused("databases: {\"*\": {host: h}}\nauth: {query_user: u}\n",
	    "p.yaml:1:18: error: databases.*: where are users asked about who want a database that "
	    "has no name here? Set auth.query_database, or auth_database in this entry");
	(void)state;
}

static void
a_service_of_pam_is_the_name_of_a_file(void **state)
{
	expect_refused(LEAST "auth: {pam_service: ../shadow}\n",
	    "p.yaml:2:21: error: auth.pam_service: the name of a file of /etc/pam.d, without a slash");
	assert_true(config_is_pam_service("system-auth_2.x"));
	assert_false(config_is_pam_service(""));
	assert_false(config_is_pam_service("."));
	assert_false(config_is_pam_service("a b"));
	assert_false(config_is_pam_service("caf\xc3\xa9"));
	assert_false(config_is_pam_service(
	    "a_name_of_sixty_four_characters_is_one_character_too_long_for_it"));
	(void)state;
}

static void
numbers_for_all_the_world_need_a_token(void **state)
{
	expect_refused(LEAST "http: {listen: \"*:9132\"}\n",
	    "p.yaml:2:16: error: http.listen: *:9132 can be reached from elsewhere: set http.token, "
	    "or listen on 127.0.0.1");
	expect_refused(LEAST "http: {listen: 127.0.0.1}\n",
	    "p.yaml:2:16: error: http.listen: \"127.0.0.1\" is not an address and a port, such as "
	    "127.0.0.1:9132 or [::1]:9132");
	(void)state;
}

static void
a_mode_of_tls_needs_its_files(void **state)
{
	expect_refused(LEAST "tls: {client: {mode: require}, server: {mode: verify-full}}\n",
	    "p.yaml:2:22: error: tls.client.mode: TLS needs a certificate: set cert and key beside it\n"
	    "p.yaml:2:47: error: tls.server.mode: certificates are verified against authorities: "
	    "set ca beside it");
	expect_refused(LEAST "tls: {client: {mode: allow, cert: a}, server: {key: b}}\n",
	    "p.yaml:2:35: error: tls.client.cert: a certificate needs its key: set key beside it\n"
	    "p.yaml:2:53: error: tls.server.key: a key needs its certificate: set cert beside it");
	(void)state;
}

static void
a_setting_knows_where_it_stands(void **state)
{
	struct config *config = parse(LEAST "tls: {server: {mode: prefer}}\n");
	const struct config_place *place = config_place(config, "tls.server.mode");

	assert_non_null(place);
	assert_non_null(strstr(place->file, "p.yaml"));
	assert_int_equal(place->line, 2);
	assert_int_equal(place->col, 22);
	assert_null(config_place(config, "tls.server.ca"));
	config_release(config);
	(void)state;
}

static void
a_share_has_its_sign_and_is_no_more_than_the_whole(void **state)
{
	expect_refused(LEAST "protocol: {pin_budget: 50}\n",
	    "p.yaml:2:24: error: protocol.pin_budget: \"50\" is not a share, such as 50%");
	expect_refused(LEAST "protocol: {pin_budget: \"%\"}\n",
	    "p.yaml:2:24: error: protocol.pin_budget: \"%\" is not a share, such as 50%");
	expect_refused(LEAST "protocol: {pin_budget: 5.5%}\n",
	    "p.yaml:2:24: error: protocol.pin_budget: \"5.5%\" is not a share, such as 50%");
	expect_refused(LEAST "protocol: {pin_budget: 10000000000%}\n",
	    "p.yaml:2:24: error: protocol.pin_budget: \"10000000000%\" is not a share, such as 50%");
	expect_refused(LEAST "protocol: {pin_budget: 101%}\n",
	    "p.yaml:2:24: error: protocol.pin_budget: \"101%\" is more than 100%, the most allowed");
	(void)state;
}

static void
values_of_the_wrong_type_are_refused(void **state)
{
	expect_refused(LEAST "workers: lots\npool: {size: 2.5, min: \"3\", wait_timeout: 30}\n"
			     "limits: {message_size: 5 KB, clients: -1, clients_per_user: 0x10}\n"
			     "protocol: {strict: maybe}\nlog: {level: verbose, connections: \"yes\"}\n",
	    "p.yaml:2:10: error: workers: \"lots\" is not a whole number, or auto\n"
	    "p.yaml:3:14: error: pool.size: \"2.5\" is not a whole number\n"
	    "p.yaml:3:24: error: pool.min: a text in quotes is not a whole number: leave the "
	    "quotes out\n"
	    "p.yaml:3:43: error: pool.wait_timeout: \"30\" is not a duration: write a number and "
	    "its unit, such as 500ms, 5s, 2m or 1h\n"
	    "p.yaml:4:24: error: limits.message_size: \"5 KB\" is not a size: write it as 64KiB, "
	    "10MiB or 1GiB\n"
	    "p.yaml:4:39: error: limits.clients: \"-1\" is less than 1, the least allowed\n"
	    "p.yaml:4:61: error: limits.clients_per_user: \"0x10\" is not a whole number\n"
	    "p.yaml:5:20: error: protocol.strict: \"maybe\" is not true or false\n"
	    "p.yaml:6:14: error: log.level: \"verbose\" is none of error, warning, info, debug\n"
	    "p.yaml:6:36: error: log.connections: a text in quotes is not true or false: leave "
	    "the quotes out");
	(void)state;
}

static void
maps_lists_and_values_are_not_taken_for_one_another(void **state)
{
	expect_refused("databases: [a]\nusers: x\nlisten: {host: h}\npool: 3\n"
		       "policies: [a]\nroles: {r: password}\nconsole: {admins: {a: b}}\n",
	    "p.yaml:1:12: error: databases: a map is wanted here, such as {NAME: {host: ...}}, "
	    "not a list\n"
	    "p.yaml:2:8: error: users: a map is wanted here, such as {NAME: {password: ...}}, "
	    "not a value\n"
	    "p.yaml:3:9: error: listen: a list is wanted here, such as [{host: ...}], not a map\n"
	    "p.yaml:4:7: error: pool: a map is wanted here, not a value\n"
	    "p.yaml:5:11: error: policies: a single value is wanted here, not a list\n"
	    "p.yaml:6:12: error: roles.r: a map is wanted here, such as {password: ...}, not a "
	    "value\n"
	    "p.yaml:7:19: error: console.admins: a list is wanted here, not a map");
	expect_refused("just words\n", "p.yaml:1:1: error: a map is wanted here, not a value");
	(void)state;
}

static void
values_out_of_range_are_refused_with_the_bound(void **state)
{
	expect_refused("databases: {a: {port: 0}, b: {port: 65536}, c: {pool_size: 0}}\n"
		       "pool: {size: 0, wait_timeout: 61m}\nlimits: {message_size: 2GiB}\n"
		       "workers: 0\n",
	    "p.yaml:1:23: error: databases.a.port: \"0\" is less than 1, the least allowed\n"
	    "p.yaml:1:37: error: databases.b.port: \"65536\" is more than 65535, the most "
	    "allowed\n"
	    "p.yaml:1:60: error: databases.c.pool_size: \"0\" is less than 1, the least allowed\n"
	    "p.yaml:2:14: error: pool.size: \"0\" is less than 1, the least allowed\n"
	    "p.yaml:2:31: error: pool.wait_timeout: \"61m\" is more than 1h, the most allowed\n"
	    "p.yaml:3:24: error: limits.message_size: \"2GiB\" is more than 1GiB, the most "
	    "allowed\n"
	    "p.yaml:4:10: error: workers: \"0\" is less than 1, the least allowed");
	expect_refused(LEAST "pool: {size: 99999999999999999999}\n",
	    "p.yaml:2:14: error: pool.size: \"99999999999999999999\" is not a whole number");
	(void)state;
}

static void
a_wrong_word_is_answered_with_the_right_ones(void **state)
{
	expect_refused(LEAST "pool: {mode: sesion}\nauth: {method: plain}\n",
	    "p.yaml:2:14: error: pool.mode: \"sesion\" is none of session, transaction, statement "
	    "(did you mean session?)\n"
	    "p.yaml:3:16: error: auth.method: \"plain\" is none of trust, password, md5, "
	    "scram-sha-256, pam");
	(void)state;
}

static void
nothing_is_no_value(void **state)
{
	expect_refused("databases: {a: {host: ~, dbname: \"\"}, b: {host: []}}\n"
		       "pool: {size: }\nlimits: {clients: null}\nlog: {file: \"\"}\n",
	    "p.yaml:1:23: error: databases.a.host: it must not be empty\n"
	    "p.yaml:1:34: error: databases.a.dbname: it must not be empty\n"
	    "p.yaml:1:49: error: databases.b.host: it must not be empty\n"
	    "p.yaml:2:14: error: pool.size: it has no value: write one, or leave the key out\n"
	    "p.yaml:3:19: error: limits.clients: it has no value: write one, or leave the key "
	    "out\n"
	    "p.yaml:4:13: error: log.file: it must not be empty");
	(void)state;
}

static void
texts_with_control_bytes_or_secrets_in_them_are_refused(void **state)
{
	expect_refused("databases: {a: {host: \"h\\nx\"}}\naudit: {file: \"${env:HOME}/a\"}\n"
		       "instance: \"a\\tb\"\nworkers: \"a\\nforged: line\"\n",
	    "p.yaml:1:23: error: databases.a.host: it has a control character in it\n"
	    "p.yaml:2:15: error: audit.file: ${...} stands for a secret: only a password may be "
	    "given so\n"
	    "p.yaml:3:11: error: instance: it has a control character in it\n"
	    "p.yaml:4:10: error: workers: a text in quotes is not a whole number: leave the "
	    "quotes out");
	expect_refused(LEAST "pool: {mode: \"x\\ny\"}\n",
	    "p.yaml:2:14: error: pool.mode: \"x\\x0ay\" is none of session, transaction, "
	    "statement");
	(void)state;
}

static void
names_have_a_length(void **state)
{
	char text[300];

	snprintf(text, sizeof(text), "databases: {%063d: {host: h}}\n", 1);
	config_release(parse(text));
	snprintf(text, sizeof(text), LEAST "users: {\"\": {}, %064d: {}}\n", 1);
	expect_refused(text,
	    "p.yaml:2:9: error: users: a name must not be empty\n"
	    "p.yaml:2:17: error: users: "
	    "`0000000000000000000000000000000000000000000000000000000000000001` is longer than "
	    "63 bytes, and PostgreSQL has no longer names");
	(void)state;
}

static void
listen_entries_are_an_address_or_a_folder(void **state)
{
	expect_refused(LEAST "listen:\n  - {host: a, unix_dir: /b}\n  - {port: 5}\n"
			     "  - {host: a, mode: \"0700\"}\n  - {host: a}\n"
			     "  - {unix_dir: /r, mode: \"0888\"}\n",
	    "p.yaml:7:26: error: listen.mode: \"0888\" is not a file's permissions, such as "
	    "\"0770\"\n"
	    "p.yaml:3:5: error: listen: one entry has both host and unix_dir: make two entries "
	    "of it\n"
	    "p.yaml:4:5: error: listen: an entry needs a host or a unix_dir, such as {host: "
	    "127.0.0.1}\n"
	    "p.yaml:5:21: error: listen.mode: only a unix_dir has permissions\n"
	    "p.yaml:5:5: error: listen: the same address and port are already at line 3\n"
	    "p.yaml:6:5: error: listen: the same address and port are already at line 3");
	expect_refused(LEAST "listen: []\n",
	    "p.yaml:2:9: error: listen: a list is wanted here, such as [{host: ...}], not an "
	    "empty one");
	(void)state;
}

static void
settings_that_contradict_each_other_are_refused(void **state)
{
	expect_refused("databases:\n  a: {pool_size: 3}\n  b: {min: 30}\n  c: {min: 2, pool_size: 1}\n"
		       "  pgbouncer: {host: h}\n"
		       "roles: {r: {password: \"SCRAM-SHA-256$x\"}}\n"
		       "pool: {min: 25}\n"
		       "audit: {file: x}\nslow_log: {file: x}\nlog: {file: ./y}\n",
	    "p.yaml:2:18: error: databases.a: its min, 25, is more than its pool_size, 3\n"
	    "p.yaml:3:12: error: databases.b: its min, 30, is more than its pool_size, 20\n"
	    "p.yaml:4:12: error: databases.c: its min, 2, is more than its pool_size, 1\n"
	    "p.yaml:5:14: error: databases.pgbouncer: this name is the admin console's: choose "
	    "another and give PostgreSQL's with dbname\n"
	    "p.yaml:6:23: error: roles.r.password: nobody can log in with what PostgreSQL stores "
	    "of a SCRAM password: give the password itself\n"
	    "p.yaml:7:13: error: pool.min: 25 is more than pool.size, 20\n"
	    "p.yaml:9:18: error: slow_log.file: audit.file writes to this file too: name "
	    "another");
	(void)state;
}

static void
a_device_takes_several_logs(void **state)
{
	config_release(parse(LEAST
	    "audit: {file: /dev/null}\nslow_log: {file: /dev/null}\nlog: {file: /dev/null}\n"));
	(void)state;
}

static void
a_socket_folder_leaves_room_for_the_sockets_name(void **state)
{
	char text[300];

	snprintf(text, sizeof(text), "databases: {a: {host: /%0100d}}\n", 1);
	expect_refused(text,
	    "p.yaml:1:23: error: databases.a.host: the folder of a unix socket may have 92 "
	    "bytes");
	(void)state;
}

static void
without_databases_it_says_what_to_write(void **state)
{
	const char *expected =
	    "p.yaml:1:1: error: there are no databases: write where PostgreSQL is, such as "
	    "databases: {\"*\": {host: 127.0.0.1, port: 5432}}";

	expect_refused("", expected);
	expect_refused("databases:\n", expected);
	expect_refused("databases: {}\n", expected);
	(void)state;
}

/* --- included files -------------------------------------------------------------- */

static char folder[] = "/tmp/pgweir-config-XXXXXX";

static char *
in_folder(const char *name)
{
	return mem_printf("%s/%s", folder, name);
}

static void
write_file(const char *name, const char *text, mode_t mode)
{
	char *path = in_folder(name);
	FILE *file = fopen(path, "w");

	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
	mem_free(path);
}

static int
make_folder(void **state)
{
	strcpy(folder, "/tmp/pgweir-config-XXXXXX");
	(void)state;
	return mkdtemp(folder) == NULL;
}

static int
remove_folder(void **state)
{
	static const char *const names[] = { "p.yaml", "10-a.yaml", "9-b.yaml", "secret" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = in_folder(names[i]);

		unlink(path);
		mem_free(path);
	}
	(void)state;
	return rmdir(folder);
}

/* Load p.yaml of the folder; *lines is what was said, without the folder's name. */
static struct config *
load(char **lines)
{
	struct problems problems = { 0 };
	char *path = in_folder("p.yaml");
	struct config *config = config_load(path, &problems);
	char *all = said(&problems), *at = all;
	struct buf shorter = { 0 };

	for (char *hit; (hit = strstr(at, folder)) != NULL; at = hit + strlen(folder))
		buf_put(&shorter, at, (size_t)(hit - at));
	buf_put_text(&shorter, at);
	*lines = buf_steal_text(&shorter);
	mem_free(all);
	mem_free(path);
	problems_free(&problems);
	return config;
}

static void
expect_load_refused(const char *expected)
{
	char *lines;
	struct config *config = load(&lines);

	assert_string_equal(lines, expected);
	assert_null(config);
	mem_free(lines);
}

static void
included_files_are_merged(void **state)
{
	struct config *config;
	char *lines;

	write_file("p.yaml", "include: [\"*-*.yaml\", none.d/*.yaml]\npool: {size: 7}\n", 0600);
	write_file("10-a.yaml", "databases: {a: {host: h}}\npool: {min: 2}\n", 0600);
	write_file("9-b.yaml", "databases: {b: {host: h}}\npolicies: p/*.yaml\n", 0600);

	config = load(&lines);

	assert_string_equal(lines, "");
	assert_int_equal(config->database_count, 2);
	assert_int_equal(config->pool_size, 7);
	assert_int_equal(config->pool_min, 2);
	assert_memory_equal(config->policies, folder, strlen(folder));
	assert_string_equal(config->policies + strlen(folder), "/p/*.yaml");
	config_release(config);
	mem_free(lines);
	(void)state;
}

static void
a_key_in_two_files_is_refused_naming_both_places(void **state)
{
	write_file("p.yaml", "databases: {a: {host: h}}\ninclude: \"*-*.yaml\"\n", 0600);
	write_file("10-a.yaml", "databases: {a: {host: i}}\npool: {size: 1}\n", 0600);
	write_file("9-b.yaml", "pool: {min: 1,\n  size: 2}\nlisten: 3\n", 0600);
	expect_load_refused(
	    "/10-a.yaml:1:13: error: databases.a is already set at /p.yaml:1:13: a setting may "
	    "stand in one place only\n"
	    "/9-b.yaml:2:3: error: pool.size is already set at /10-a.yaml:2:8: a setting may "
	    "stand in one place only\n"
	    "/9-b.yaml:3:9: error: listen: a list is wanted here, such as [{host: ...}], not a "
	    "value");
	(void)state;
}

static void
an_included_file_includes_no_others_and_must_be_there(void **state)
{
	write_file("p.yaml", LEAST "include: [10-a.yaml, no.yaml, [x]]\n", 0600);
	write_file("10-a.yaml", "include: \"*.yaml\"\n", 0600);
	expect_load_refused(
	    "/10-a.yaml:1:1: error: an included file includes no others: name them all in "
	    "/p.yaml\n"
	    "/p.yaml:2:22: error: include: cannot open /no.yaml: No such file or directory\n"
	    "/p.yaml:2:31: error: include: a file or a pattern is wanted here, such as "
	    "conf.d/*.yaml");
	(void)state;
}

static void
a_broken_included_file_refuses_the_whole(void **state)
{
	write_file("p.yaml", LEAST "include: 10-a.yaml\npool: {size: x}\n", 0600);
	write_file("10-a.yaml", "pool: [\n", 0600);
	expect_load_refused(
	    "/p.yaml:3:14: error: pool.size: \"x\" is not a whole number\n"
	    "/10-a.yaml:2:1: error: did not find expected node content (while parsing a flow "
	    "node that began at line 2)");
	(void)state;
}

static void
a_password_in_a_file_that_everybody_reads_is_warned_of(void **state)
{
	struct config *config;
	char *lines;

	write_file("p.yaml", LEAST "users: {u: {password: canary}, v: {password: x}}\n", 0644);
	config = load(&lines);
	assert_string_equal(lines,
	    "/p.yaml:2:23: warning: every user of this machine may read this password (the "
	    "file's mode is 0644): chmod o= the file, or write ${file:PATH} instead");
	config_release(config);
	mem_free(lines);
	(void)state;
}

/* --- secrets ----------------------------------------------------------------------- */

/* The password that a user of p.yaml got; "" and the message when it was refused. */
static void
expect_password(const char *reference, const char *password, const char *message)
{
	char *text = mem_printf(LEAST "users:\n  u: {password: \"%s\"}\n", reference);
	struct config *config;
	char *lines;

	write_file("p.yaml", text, 0600);
	config = load(&lines);
	assert_string_equal(lines, message);
	if (password == NULL)
		assert_null(config);
	else
		assert_string_equal(config->users[0].password, password);
	config_release(config);
	mem_free(lines);
	mem_free(text);
}

static void
a_secret_comes_from_a_file_without_its_line_end(void **state)
{
	write_file("secret", "s3cret\n", 0640);
	expect_password("${file:secret}", "s3cret", "");
	write_file("secret", "s3cret\r\n", 0400);
	expect_password("${file:secret}", "s3cret", "");
	write_file("secret", " two words ", 0600);
	expect_password("${file:secret}", " two words ", "");
	(void)state;
}

static void
a_secret_file_that_is_not_fit_is_refused(void **state)
{
	char longest[2100];

	write_file("secret", "canary", 0604);
	expect_password("${file:secret}", NULL,
	    "/p.yaml:3:17: error: users.u.password: /secret is open to every user of this "
	    "machine (mode 0604): chmod o= /secret");
	write_file("secret", "\n", 0600);
	expect_password("${file:secret}", NULL,
	    "/p.yaml:3:17: error: users.u.password: /secret is empty");
	write_file("secret", "canary\nmore\n", 0600);
	expect_password("${file:secret}", NULL,
	    "/p.yaml:3:17: error: users.u.password: /secret has more than one line: it must hold "
	    "the password alone");
	memset(longest, 'x', sizeof(longest));
	longest[2047] = '\0';
	write_file("secret", longest, 0600);
	expect_password("${file:secret}", longest, "");
	longest[2047] = 'x';
	longest[2048] = '\0';
	write_file("secret", longest, 0600);
	expect_password("${file:secret}", NULL,
	    "/p.yaml:3:17: error: users.u.password: /secret is longer than 2047 bytes: it is no "
	    "password");
	expect_password("${file:none}", NULL,
	    "/p.yaml:3:17: error: users.u.password: cannot open /none: No such file or directory");
	expect_password("${file:/dev/null}", NULL,
	    "/p.yaml:3:17: error: users.u.password: /dev/null is not a regular file");
	(void)state;
}

static void
a_secret_comes_from_the_environment_or_from_systemd(void **state)
{
	setenv("PGWEIR_TEST_SECRET", "from-env", 1);
	setenv("PGWEIR_TEST_EMPTY", "", 1);
	unsetenv("CREDENTIALS_DIRECTORY");
	expect_password("${env:PGWEIR_TEST_SECRET}", "from-env", "");
	expect_password("${env:PGWEIR_TEST_EMPTY}", NULL,
	    "/p.yaml:3:17: error: users.u.password: the environment variable PGWEIR_TEST_EMPTY is "
	    "empty");
	expect_password("${env:PGWEIR_TEST_NONE}", NULL,
	    "/p.yaml:3:17: error: users.u.password: the environment variable PGWEIR_TEST_NONE is "
	    "not set");
	expect_password("${cred:secret}", NULL,
	    "/p.yaml:3:17: error: users.u.password: no credential secret: systemd passed none "
	    "(LoadCredential= in the unit)");
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	write_file("secret", "from-systemd", 0400);
	expect_password("${cred:secret}", "from-systemd", "");
	expect_password("${cred:../secret}", NULL,
	    "/p.yaml:3:17: error: users.u.password: a credential's name has no slash: name a file "
	    "by ${file:PATH}");
	unsetenv("CREDENTIALS_DIRECTORY");
	(void)state;
}

static void
what_only_looks_like_a_reference_is_refused_unshown(void **state)
{
	static const char *const broken[] = { "${canary}", "${vault:canary}", "${file:canary",
		"${env:}", "${" };

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		expect_password(broken[i], NULL,
		    "/p.yaml:3:17: error: users.u.password: a secret that begins with ${ must be "
		    "${file:PATH}, ${env:NAME} or ${cred:NAME}");
	expect_password("a${b}", "a${b}", "");
	expect_password("", NULL, "/p.yaml:3:17: error: users.u.password: it must not be empty");
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_names_a_database_only_has_every_default),
		cmocka_unit_test(every_kind_of_value_is_read),
		cmocka_unit_test(look_ups_find_the_name_then_the_star),
		cmocka_unit_test(the_users_mode_wins_over_the_databases_over_the_global_one),
		cmocka_unit_test(the_last_reference_frees),
		cmocka_unit_test(a_relative_path_of_the_file_is_made_absolute),
		cmocka_unit_test(unknown_keys_are_refused_with_a_near_one),
		cmocka_unit_test(what_later_versions_will_know_is_refused_by_name),
		cmocka_unit_test(numbers_for_all_the_world_need_a_token),
		cmocka_unit_test(where_users_are_asked_about_must_be_known),
		cmocka_unit_test(a_mode_of_tls_needs_its_files),
		cmocka_unit_test(a_setting_knows_where_it_stands),
		cmocka_unit_test(a_share_has_its_sign_and_is_no_more_than_the_whole),
		cmocka_unit_test(values_of_the_wrong_type_are_refused),
		cmocka_unit_test(maps_lists_and_values_are_not_taken_for_one_another),
		cmocka_unit_test(values_out_of_range_are_refused_with_the_bound),
		cmocka_unit_test(a_wrong_word_is_answered_with_the_right_ones),
		cmocka_unit_test(a_service_of_pam_is_the_name_of_a_file),
		cmocka_unit_test(nothing_is_no_value),
		cmocka_unit_test(texts_with_control_bytes_or_secrets_in_them_are_refused),
		cmocka_unit_test(names_have_a_length),
		cmocka_unit_test(listen_entries_are_an_address_or_a_folder),
		cmocka_unit_test(settings_that_contradict_each_other_are_refused),
		cmocka_unit_test(a_device_takes_several_logs),
		cmocka_unit_test(a_socket_folder_leaves_room_for_the_sockets_name),
		cmocka_unit_test(without_databases_it_says_what_to_write),
		cmocka_unit_test_setup_teardown(
		    included_files_are_merged, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
		    a_key_in_two_files_is_refused_naming_both_places, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
		    an_included_file_includes_no_others_and_must_be_there, make_folder,
		    remove_folder),
		cmocka_unit_test_setup_teardown(
		    a_broken_included_file_refuses_the_whole, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
		    a_password_in_a_file_that_everybody_reads_is_warned_of, make_folder,
		    remove_folder),
		cmocka_unit_test_setup_teardown(
		    a_secret_comes_from_a_file_without_its_line_end, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
		    a_secret_file_that_is_not_fit_is_refused, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
		    a_secret_comes_from_the_environment_or_from_systemd, make_folder,
		    remove_folder),
		cmocka_unit_test_setup_teardown(
		    what_only_looks_like_a_reference_is_refused_unshown, make_folder,
		    remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_path.c - where a bare name leads counts for what permits: along search_path as
 * PostgreSQL goes, through the catalog, and never on a guess.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "policy/catalogs.h"
#include "support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const lines[] = {
	"{\"catalog\":\"pgweir/v1\",\"server_version\":150004,\"read_us\":7}",
	"{\"relation\":\"orders\",\"schema\":\"public\",\"kind\":\"r\",\"rows\":5}",
	"{\"relation\":\"orders\",\"schema\":\"shut\",\"kind\":\"r\",\"rows\":5}",
	"{\"relation\":\"orders\",\"schema\":\"vague\",\"kind\":\"r\",\"rows\":5}",
	"{\"relation\":\"mine\",\"schema\":\"bob\",\"kind\":\"v\"}",
	"{\"relation\":\"mine\",\"schema\":\"public\",\"kind\":\"r\",\"rows\":5}",
	"{\"relation\":\"serial\",\"schema\":\"public\",\"kind\":\"r\",\"rows\":5}",
	"{\"relation\":\"pg_class\",\"schema\":\"public\",\"kind\":\"r\",\"rows\":5}",
	"{\"functions\":\"pg_catalog\",\"steady\":[\"now\"],\"volatile\":[\"random\",\"doubled\",\"set_config\"]}",
	"{\"functions\":\"public\",\"steady\":[\"doubled\",\"theirs\"]}",
	"{\"namespace\":\"public\",\"all\":true,\"roles\":null,\"names\":null}",
	"{\"namespace\":\"pg_catalog\",\"all\":true,\"roles\":null,\"names\":[\"pg_class\"]}",
	"{\"namespace\":\"shut\",\"all\":false,\"roles\":[\"ann\"],\"names\":null}",
	"{\"namespace\":\"vague\",\"all\":false,\"roles\":null,\"names\":null}",
	"{\"namespace\":\"bob\",\"all\":false,\"roles\":[\"bob\"],\"names\":null}",
	"{\"namespace\":\"counts\",\"all\":true,\"roles\":[],\"names\":[\"serial\"]}",
	("{\"search_path\":\"\\\"$user\\\", public\",\"stored\":[[null,true,\"shut, public\"],[\"eve\",false,\"counts\"],"
	"[\"eve\",true,\"counts, public\"],[\"ann\",false,\"public\"],[\"bob\",false,\"\\\"$user\\\", public\"]]}"),
	"{\"end\":16}",
};

/* The line of the default path, which is `names` for everybody. */
static char *
default_path(const char *names)
{
	struct buf line = { 0 };

	buf_put_text(&line, "{\"search_path\":");
	json_put_string(&line, names, strlen(names));
	buf_put_text(&line, ",\"stored\":[]}");
	return buf_steal_text(&line);
}

/* With this search_path; NULL: those of `lines`. */
static struct catalog *
made(const char *names)
{
	struct catalog_builder *builder = catalog_builder_new(1 << 20);
	char *path = names != NULL ? default_path(names) : NULL;
	struct error err = { 0 };
	struct catalog *catalog;

	for (size_t i = 0; i < COUNT(lines); i++) {
		bool is_path = strncmp(lines[i], "{\"search_path\"", 14) == 0;
		const char *line = path != NULL && is_path ? path : lines[i];

		if (!catalog_builder_line(builder, line, strlen(line), &err))
			fail_msg("%s: %s", line, err.text);
	}
	catalog = catalog_builder_end(builder, &err);
	assert_non_null(catalog);
	mem_free(path);
	return catalog;
}

static const char policy_text[] = HEADER
    "defaults: {action: deny}\n"
    "rules:\n"
    "  - {id: tables, match: {relations: {read: [public.*], write: [public.*]}, class: [READ, WRITE, LOCK]}, action: allow}\n"
    "  - {id: own, match: {relations: {read: [bob.*]}, class: READ}, action: allow}\n"
    "  - {id: system, match: {relations: {read: [pg_catalog.*]}, class: READ}, action: allow}\n"
    "  - {id: rest, match: {class: [DDL, TXN, SESSION, FUNCTION, PREPARE, EXPLAIN, CURSOR, DO]}, action: allow}\n"
    "  - {id: making, match: {relations: {ddl: [\"*\"]}, class: DDL}, action: allow}\n"
    "  - {use: role-switch, mode: \"off\"}\n"
    "  - {use: setting-not-allowed, mode: \"off\"}\n";

/* May the role send the text, where its session looks there? */
static bool
passes(struct catalogs *catalogs, const struct policy_path *path, const char *role, const char *sql)
{
	struct policies *policies = load(policy_text);
	struct subject subject = { .user = role, .role = role, .database = "d", .application = "",
		.client = "", .catalogs = catalogs };
	const struct policy_script script = { .path = path };
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	struct verdict verdict;
	int position;
	bool passed;

	assert_int_equal(sql_facts(sql, strlen(sql), 65536, &facts, &err, &position), SQL_KNOWN);
	policies_judge_in(policies, &subject, sql, strlen(sql), SQL_KNOWN, facts, &err, TEN_US,
	    &script, &verdict);
	passed = verdict.action == POLICY_ALLOW;
	verdict_free(&verdict);
	sql_facts_free(facts);
	policies_release(policies);
	return passed;
}

/* With this search_path; NULL: the default. */
static bool
passes_with(const char *names, const char *role, const char *sql)
{
	struct catalogs *catalogs = catalogs_of_all(made(names));
	const struct policy_path path = { .known = true };
	bool passed = passes(catalogs, &path, role, sql);

	catalogs_free(catalogs);
	return passed;
}

static void
a_name_leads_to_the_first_schema_that_has_it_and_may_be_used(void **state)
{
	static const struct {
		const char *names, *sql;
		bool passes;
	} cases[] = {
		{ "public", "SELECT * FROM orders", true },
		{ "\"$user\", public", "SELECT * FROM orders", true },
		{ " \"public\" ,nowhere", "SELECT * FROM orders", true },
		{ "PUBLIC", "SELECT * FROM orders", true },
		{ "\"PUBLIC\"", "SELECT * FROM orders", false },
		{ "pg_temp, public", "SELECT * FROM orders", true },
		{ "pg_temp_3, public", "SELECT * FROM orders", false },
		{ "shut, public", "SELECT * FROM orders", true },
		{ "vague, public", "SELECT * FROM orders", false },
		{ "public, vague", "SELECT * FROM orders", true },
		{ "counts, public", "SELECT * FROM serial", false },
		{ "public, counts", "SELECT * FROM serial", true },
		{ "\"$user\", public", "SELECT * FROM mine", true }, /* bob's, which a rule allows too */
		{ "\"$user\", public", "DELETE FROM mine", false },
		{ "public, \"$user\"", "DELETE FROM mine", true },
		{ "public", "SELECT relname FROM pg_class", true },
		{ "public", "DELETE FROM ONLY pg_class", false },
		{ "public", "SELECT * FROM nowhere", false },
		{ "", "SELECT * FROM orders", false },
		{ "", "SELECT relname FROM pg_class", true },
		{ "public,", "SELECT * FROM orders", false },
		{ ", public", "SELECT * FROM orders", false },
		{ "\"public", "SELECT * FROM orders", false },
		{ "public shut", "SELECT * FROM orders", false },
		{ "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,a,b,c,d,e,f,public", "SELECT * FROM orders", false },
		{ "public", "SELECT (SELECT 1 FROM orders) FROM public.mine", true },
		{ "public", "INSERT INTO orders SELECT * FROM mine", true },
		{ "public", "LOCK TABLE orders IN SHARE MODE", true },
		{ "public", "EXPLAIN SELECT * FROM orders", true },
		{ "public", "DECLARE c CURSOR FOR SELECT * FROM orders", true },
		{ "public", "PREPARE p AS SELECT * FROM orders", true },
		/* Names that are looked for later, or that are made. */
		{ "public", "CREATE VIEW public.v AS SELECT * FROM orders", false },
		{ "public", "CREATE TABLE public.c AS SELECT * FROM orders", false },
		{ "public", "SELECT * INTO public.c FROM orders", false },
		{ "public", "CREATE FUNCTION f() RETURNS SETOF int LANGUAGE sql AS 'SELECT 1 FROM orders'", false },
		{ "public", "CREATE SCHEMA s CREATE VIEW v AS SELECT * FROM orders", false },
		/* What the text does before. */
		{ "public", "SELECT now(); SELECT random() FROM orders", true },
		{ "public", "BEGIN; SELECT * FROM orders; SELECT * FROM orders", true },
		{ "public", "SELECT doubled(); SELECT * FROM orders", false },
		{ "public", "SELECT theirs(); SELECT * FROM orders", false },
		{ "public", "SET search_path TO shut; SELECT * FROM orders", false },
		{ "public", "SET LOCAL search_path TO public; SELECT * FROM orders", false },
		{ "public", "SELECT set_config('search_path', 'shut', true); SELECT * FROM orders", false },
		{ "public", "SELECT set_config('search' || '_path', 'shut', true); SELECT * FROM orders", false },
		{ "public", "SET ROLE ann; SELECT * FROM orders", false },
		{ "public", "RESET ALL; SELECT * FROM orders", false },
		{ "public", "DISCARD ALL; SELECT * FROM orders", false },
		{ "public", "DO $$ begin end $$; SELECT * FROM orders", false },
		{ "public", "EXECUTE p; SELECT * FROM orders", false },
		{ "public", "ROLLBACK TO s; SELECT * FROM orders", false },
		{ "public", "CREATE TEMP TABLE orders (a int); SELECT * FROM orders", false },
		{ "public", "SET TimeZone TO 'UTC'; SELECT * FROM orders", false },
		{ "public", "SAVEPOINT s; RELEASE s; DELETE FROM orders; SELECT * FROM orders", true },
		{ "public", "COMMIT; SELECT * FROM orders", false },
		{ "public", "COMMIT; BEGIN; SELECT * FROM orders", false },
		{ "public", "ROLLBACK; SELECT * FROM orders", false },
		{ "public", "LISTEN c; SELECT * FROM orders", false },
		{ "public", "EXPLAIN SELECT 1; SELECT * FROM orders", false },
		{ "public", "SELECT 1 OPERATOR(pg_catalog.+) 1; SELECT * FROM orders", true },
		{ "public", "SELECT 1 OPERATOR(public.+) 1; SELECT * FROM orders", false },
		{ "public", "SELECT 1 OPERATOR(public.=) ANY (SELECT 1); SELECT * FROM orders", false },
		{ "public", "SELECT 1 ORDER BY 1 USING OPERATOR(public.<); SELECT * FROM orders", false },
		{ "public", "PREPARE p AS SELECT * FROM orders; SELECT 1", false },
		{ "public", "SELECT 1; PREPARE p AS SELECT * FROM orders", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		if (passes_with(cases[i].names, "bob", cases[i].sql) != cases[i].passes)
			fail_msg("with %s: %s", cases[i].names, cases[i].sql);
	(void)state;
}

static void
without_a_set_the_default_that_is_stored_counts(void **state)
{
	assert_true(passes_with(NULL, "zoe", "SELECT * FROM orders")); /* shut, public; of the database */
	assert_false(passes_with(NULL, "zoe", "SELECT * FROM vague.orders"));
	assert_true(passes_with(NULL, "ann", "SELECT * FROM orders")); /* public: she may use shut */
	assert_false(passes_with(NULL, "eve", "SELECT * FROM serial")); /* counts, public */
	assert_true(passes_with(NULL, "eve", "SELECT * FROM orders"));
	assert_false(passes_with(NULL, "bob", "DELETE FROM mine")); /* $user */
	assert_true(passes_with(NULL, "zoe", "DELETE FROM mine"));
	(void)state;
}

static void
a_statement_that_set_the_path_is_read_as_postgresql_reads_it(void **state)
{
	static const struct {
		const char *set;
		bool passes;
	} cases[] = {
		{ "SET search_path TO public", true },
		{ "set session search_path = nowhere, Public", true },
		{ "SET \"search_path\" TO E'nowhere', E'public'", true },
		{ "SET SCHEMA 'public'", true },
		{ "SET search_path TO 'nowhere, public'", false },
		{ "SET search_path TO \"Public\"", false },
		{ "SET search_path FROM CURRENT", false },
		{ "RESET search_path", false },
		/* The session keeps what a set_config() does as a SET. */
		{ "SELECT set_config('search_path', 'public', false)", false },
		{ "no statement", false },
	};
	struct catalogs *catalogs = catalogs_of_all(made(NULL));

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct policy_path path = { .known = true, .set = cases[i].set };

		if (passes(catalogs, &path, "bob", "SELECT * FROM orders") != cases[i].passes)
			fail_msg("%s", cases[i].set);
	}
	catalogs_free(catalogs);
	(void)state;
}

static void
what_is_not_known_leads_nowhere(void **state)
{
	struct catalogs *catalogs = catalogs_new();
	const struct policy_path known = { .known = true, .set = "SET search_path TO public" },
				 unknown = { 0 };
	const char *sql = "SELECT * FROM orders";

	catalogs_put(catalogs, "d", made(NULL), 0);
	assert_true(passes(catalogs, &known, "bob", sql));
	assert_false(passes(catalogs, &unknown, "bob", sql));
	assert_false(passes(catalogs, NULL, "bob", sql));
	assert_false(passes(NULL, &known, "bob", sql));
	catalogs_changed(catalogs, "d", "others");
	assert_true(passes(catalogs, &known, "bob", sql));
	catalogs_changed(catalogs, "d", "orders");
	assert_false(passes(catalogs, &known, "bob", sql));
	catalogs_put(catalogs, "d", made(NULL), 2);
	assert_true(passes(catalogs, &known, "bob", sql));
	catalogs_changed(catalogs, "d", CATALOGS_PATHS);
	assert_false(passes(catalogs, &known, "bob", sql));
	catalogs_free(catalogs);
	(void)state;
}

static void
what_is_no_line_about_names_is_refused(void **state)
{
	static const char *const bad[] = { "{\"namespace\":7}", "{\"namespace\":\"\"}",
		"{\"namespace\":\"s\",\"roles\":[7]}", "{\"namespace\":\"s\",\"names\":[7]}",
		"{\"namespace\":\"s\",\"names\":[\"\"]}", "{\"search_path\":null,\"stored\":[7]}",
		"{\"search_path\":null,\"stored\":[[\"r\",true]]}" };

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct catalog_builder *builder = catalog_builder_new(1 << 20);
		struct error err = { 0 };

		assert_true(catalog_builder_line(builder, lines[0], strlen(lines[0]), &err));
		if (catalog_builder_line(builder, bad[i], strlen(bad[i]), &err))
			fail_msg("taken: %s", bad[i]);
		catalog_builder_free(builder);
	}
	(void)state;
}

static void
a_catalog_of_before_knows_no_paths(void **state)
{
	struct catalog_builder *builder = catalog_builder_new(1 << 20);
	struct error err = { 0 };
	struct catalog *catalog;

	assert_true(catalog_builder_line(builder, lines[0], strlen(lines[0]), &err));
	assert_true(catalog_builder_line(builder, "{\"end\":0}", 9, &err));
	catalog = catalog_builder_end(builder, &err);
	assert_null(catalog_search_path(catalog, "bob"));
	assert_int_equal(catalog_usage(catalog, "public", "bob"), CATALOG_USAGE_UNKNOWN);
	catalog_release(catalog);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_leads_to_the_first_schema_that_has_it_and_may_be_used),
		cmocka_unit_test(without_a_set_the_default_that_is_stored_counts),
		cmocka_unit_test(a_statement_that_set_the_path_is_read_as_postgresql_reads_it),
		cmocka_unit_test(what_is_not_known_leads_nowhere),
		cmocka_unit_test(what_is_no_line_about_names_is_refused),
		cmocka_unit_test(a_catalog_of_before_knows_no_paths),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

/*
 * test_catalog.c - what a catalog is read from, what is found in it, and that each rule
 * that asks it flags one statement and passes its near twin.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "policy/catalogs.h"
#include "support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A database as `pgweirctl catalog` writes it; the lines between the header and the end. */
static const char *const lines[] = {
	"{\"relation\":\"t\",\"schema\":\"public\",\"kind\":\"r\",\"rows\":500000,\"columns\":["
	"[\"id\",\"int8\",-1,true,true,false],[\"v\",\"varchar\",14,false,false,false],"
	"[\"w\",\"varchar\",14,false,false,false],[\"x\",\"text\",-1,false,false,false],[\"y\",\"text\",-1,false,false,false],"
	"[\"n\",\"numeric\",655366,false,false,false],[\"m\",\"numeric\",655366,false,false,false],[\"at\",\"timestamp\",3,false,false,false],"
	"[\"net\",\"cidr\",-1,false,false,false],[\"c\",\"varchar\",14,false,false,true],"
	"[\"p\",\"varchar\",14,false,false,false],[\"k\",\"varchar\",14,false,false,false],"
	"[\"Odd name\",\"int4\",-1,false,false,false],[\"ref\",\"int8\",-1,false,false,false],"
	"[\"b\",\"bpchar\",9,false,false,false],[\"tz\",\"timestamptz\",-1,false,false,false],"
	"[\"bits\",\"varbit\",8,false,false,false],[\"mine\",\"s.varchar\",-1,false,false,false]],"
	"\"indexes\":[[\"t_pkey\",\"btree\",true,true,true,false,[\"id\"],null],"
	"[\"t_v\",\"btree\",false,false,true,false,[\"v\"],null],"
	"[\"t_p\",\"btree\",false,false,true,true,[\"id\"],[\"id\",\"p\"]],"
	"[\"t_ref\",\"btree\",false,false,true,false,[\"ref\",\"id\"],null],"
	"[\"t_x\",\"btree\",false,false,false,false,[\"x\"],null]],"
	"\"constraints\":[[\"t_k\",\"c\",true,false,\"CHECK (((k)::text <> ''::text))\",[\"k\"]],"
	"[\"t_v_nn\",\"c\",true,false,\"CHECK ((v IS NOT NULL))\",[\"v\"]],"
	"[\"t_w_nn\",\"c\",false,false,\"CHECK ((w IS NOT NULL)) NOT VALID\",[\"w\"]],"
	"[\"t_x_nn\",\"c\",true,true,\"CHECK ((x IS NOT NULL)) NO INHERIT\",[\"x\"]],"
	"[\"t_n_nn\",\"c\",true,false,\"CHECK (((n > 0::numeric) OR (n IS NOT NULL)))\",[\"n\"]],"
	"[\"t_odd\",\"c\",true,false,"
	"\"CHECK (((ref <> 5) AND (\\\"Odd name\\\" IS NOT NULL) AND (v <> ') AND (tz IS NOT NULL) AND ('::text)))\","
	"[\"Odd name\",\"ref\",\"v\"]]]}",
	"{\"relation\":\"small\",\"schema\":\"public\",\"kind\":\"r\",\"rows\":12,\"columns\":["
	"[\"id\",\"int8\",-1,false,false,false]],\"indexes\":[[\"small_i\",\"btree\",false,false,true,"
	"false,[\"id\"],null]]}",
	"{\"relation\":\"unknown\",\"schema\":\"public\",\"kind\":\"r\",\"rows\":-1}",
	"{\"relation\":\"twice\",\"schema\":\"a\",\"kind\":\"r\",\"rows\":5,"
	"\"columns\":[[\"c\",\"text\",-1,true,false,false]]}",
	"{\"relation\":\"twice\",\"schema\":\"b\",\"kind\":\"r\",\"rows\":900000,"
	"\"columns\":[[\"c\",\"text\",-1,true,false,false]]}",
	"{\"relation\":\"parted\",\"schema\":\"public\",\"kind\":\"p\",\"rows\":-1,\"key\":\"RANGE (day)\","
	"\"columns\":[[\"day\",\"date\",-1,true,false,false],[\"v\",\"varchar\",14,false,false,false]]}",
	"{\"relation\":\"part1\",\"schema\":\"public\",\"kind\":\"r\",\"rows\":60000,"
	"\"parent\":[\"public\",\"parted\"]}",
	"{\"relation\":\"part2\",\"schema\":\"public\",\"kind\":\"r\",\"rows\":60000,"
	"\"parent\":[\"public\",\"parted\"]}",
	"{\"relation\":\"checked\",\"schema\":\"public\",\"kind\":\"r\",\"rows\":7,\"columns\":["
	"[\"day\",\"date\",-1,true,false,false]],\"constraints\":[[\"c\",\"c\",true,false,"
	"\"CHECK (((day >= '2026-01-01'::date) AND (day < '2026-02-01'::date)))\",[\"day\"]]]}",
	"{\"relation\":\"nullable\",\"schema\":\"public\",\"kind\":\"r\",\"rows\":7,\"columns\":["
	"[\"day\",\"date\",-1,false,false,false]],\"constraints\":[[\"c\",\"c\",true,false,"
	"\"CHECK (((day >= '2026-01-01'::date) AND (day < '2026-02-01'::date)))\",[\"day\"]]]}",
	"{\"relation\":\"unchecked\",\"schema\":\"public\",\"kind\":\"r\",\"rows\":7,\"columns\":["
	"[\"day\",\"date\",-1,true,false,false]]}",
	"{\"relation\":\"listed\",\"schema\":\"public\",\"kind\":\"p\",\"rows\":-1,\"key\":\"LIST (eu)\","
	"\"columns\":[[\"eu\",\"text\",-1,true,false,false]]}",
	"{\"relation\":\"germany\",\"schema\":\"public\",\"kind\":\"r\",\"rows\":7,\"columns\":["
	"[\"eu\",\"text\",-1,false,false,false]],\"constraints\":[[\"c\",\"c\",true,false,"
	"\"CHECK (((eu IS NOT NULL) AND (eu = 'de'::text)))\",[\"eu\"]]]}",
	"{\"relation\":\"view1\",\"schema\":\"public\",\"kind\":\"m\",\"rows\":9,\"populated\":true,"
	"\"indexes\":[[\"view1_u\",\"btree\",true,false,true,false,[\"id\"],null]]}",
	"{\"relation\":\"view2\",\"schema\":\"public\",\"kind\":\"m\",\"rows\":9,\"populated\":false}",
	"{\"relation\":\"view3\",\"schema\":\"public\",\"kind\":\"m\",\"rows\":9,\"populated\":true}",
	"{\"domain\":\"used\",\"schema\":\"public\",\"used\":true}",
	"{\"domain\":\"unused\",\"schema\":\"public\",\"used\":false}",
	"{\"functions\":\"pg_catalog\",\"steady\":[\"reverse\",\"now\"],\"volatile\":[\"random\"]}",
	"{\"functions\":\"public\",\"steady\":[\"mine\",\"mixed\"]}",
	"{\"functions\":\"other\",\"volatile\":[\"mixed\",\"theirs\"],\"steady\":null}",
};

static bool
take(struct catalog_builder *builder, const char *line)
{
	struct error err = { 0 };
	bool good = catalog_builder_line(builder, line, strlen(line), &err);

	if (!good)
		assert_string_not_equal(err.text, "");
	return good;
}

static struct catalog *
made(const char *header)
{
	struct catalog_builder *builder = catalog_builder_new(1 << 20);
	struct error err = { 0 };
	struct catalog *catalog;
	char end[40];

	assert_true(take(builder, header));
	for (size_t i = 0; i < COUNT(lines); i++)
		assert_true(take(builder, lines[i]));
	snprintf(end, sizeof(end), "{\"end\":%zu}", COUNT(lines));
	assert_true(take(builder, end));
	catalog = catalog_builder_end(builder, &err);
	assert_non_null(catalog);
	return catalog;
}

static const char header_15[] = "{\"catalog\":\"pgweir/v1\",\"server_version\":150004,\"read_us\":7}";
static const char header_10[] = "{\"catalog\":\"pgweir/v1\",\"server_version\":100023,\"read_us\":8}";

/* ---- reading, finding ---- */

static void
relations_are_found_by_name_and_only_where_there_is_one(void **state)
{
	struct catalog *catalog = made(header_15);
	const struct catalog_index *index;
	enum catalog_found found;

	assert_string_equal(catalog_relation(catalog, NULL, "t", &found)->schema, "public");
	assert_int_equal(found, CATALOG_FOUND);
	assert_null(catalog_relation(catalog, "other", "t", &found));
	assert_int_equal(found, CATALOG_MISSING);
	assert_null(catalog_relation(catalog, NULL, "twice", &found));
	assert_int_equal(found, CATALOG_SEVERAL);
	assert_int_equal(catalog_relation(catalog, "a", "twice", &found)->rows, 5);
	assert_string_equal(catalog_index_table(catalog, NULL, "small_i", &index)->name, "small");
	assert_null(catalog_relation(catalog, NULL, "t_pkey", &found));
	assert_int_equal(catalog_server_version(catalog), 150004);
	assert_int_equal(catalog_relation_count(catalog), 16);
	assert_int_equal(catalog_read_us(catalog), 7);
	catalog_release(catalog);
	(void)state;
}

static void
rows_are_summed_over_partitions_and_the_worst_counts(void **state)
{
	struct catalog *catalog = made(header_15);

	assert_int_equal(catalog_rows(catalog, NULL, "parted"), 120000);
	assert_int_equal(catalog_rows(catalog, NULL, "twice"), 900000);
	assert_int_equal(catalog_rows(catalog, "a", "twice"), 5);
	assert_int_equal(catalog_rows(catalog, NULL, "unknown"), -1);
	assert_int_equal(catalog_rows(catalog, NULL, "nowhere"), -1);
	catalog_release(catalog);
	(void)state;
}

static void
a_function_is_steady_when_all_of_its_name_are(void **state)
{
	struct catalog *catalog = made(header_15);

	assert_true(catalog_is_steady(catalog, "mine"));
	assert_false(catalog_is_steady(catalog, "mixed"));
	assert_false(catalog_is_steady(catalog, "random"));
	assert_false(catalog_is_steady(catalog, "nowhere"));
	catalog_release(catalog);
	(void)state;
}

static void
what_is_no_line_of_a_catalog_is_refused(void **state)
{
	static const char *const bad[] = { "", "{", "[]", "7", "{}", "{\"strange\":1}",
		"{\"catalog\":\"pgweir/v1\"}", "{\"catalog\":\"pgweir/v2\"}", "{\"end\":1}", "{\"end\":-1}",
		"{\"relation\":\"t\"}", "{\"relation\":7,\"schema\":\"s\"}", "{\"relation\":\"\",\"schema\":\"s\"}",
		"{\"relation\":\"t\",\"schema\":\"s\",\"columns\":[[\"c\"]]}",
		"{\"relation\":\"t\",\"schema\":\"s\",\"columns\":[7]}",
		"{\"relation\":\"t\",\"schema\":\"s\",\"indexes\":[[\"i\",\"btree\",true,true,true,true,[7]]]}",
		"{\"relation\":\"t\",\"schema\":\"s\",\"indexes\":[[]]}",
		"{\"relation\":\"t\",\"schema\":\"s\",\"constraints\":[[\"c\",\"c\",true,true,7]]}",
		"{\"functions\":7,\"steady\":[]}", "{\"functions\":\"s\",\"steady\":[7]}", "{\"domain\":\"d\"}",
		"{\"schema\":\"s\",\"relation\":\"0123456789012345678901234567890123456789012345678901234567890123\"}" };

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct catalog_builder *builder = catalog_builder_new(1 << 20);

		assert_true(take(builder, header_15));
		if (take(builder, bad[i]))
			fail_msg("taken: %s", bad[i]);
		catalog_builder_free(builder);
	}
	(void)state;
}

static void
a_catalog_without_its_end_is_not_whole(void **state)
{
	struct catalog_builder *builder = catalog_builder_new(1 << 20);
	struct error err = { 0 };

	assert_true(take(builder, header_15));
	assert_true(take(builder, lines[0]));
	assert_false(take(builder, "{\"end\":2}"));
	assert_null(catalog_builder_end(builder, &err));
	assert_non_null(strstr(err.text, "last line is missing"));
	(void)state;
}

static void
a_catalog_has_no_more_memory_than_it_may(void **state)
{
	struct catalog_builder *builder = catalog_builder_new(256 * 1024);
	char line[200];
	size_t taken = 0;
	bool good = true;

	assert_true(take(builder, header_15));
	for (; good && taken < 100000; taken++) {
		snprintf(line, sizeof(line), "{\"relation\":\"t%zu\",\"schema\":\"public\",\"rows\":1}", taken);
		good = take(builder, line);
	}
	assert_false(good);
	assert_in_range(taken, 300, 3000);
	catalog_builder_free(builder);
	(void)state;
}

static void
parents_in_a_circle_end(void **state)
{
	struct catalog_builder *builder = catalog_builder_new(1 << 20);
	struct error err = { 0 };
	struct catalog *catalog;

	assert_true(take(builder, header_15));
	assert_true(take(builder, "{\"relation\":\"a\",\"schema\":\"s\",\"kind\":\"p\",\"parent\":[\"s\",\"b\"]}"));
	assert_true(take(builder, "{\"relation\":\"b\",\"schema\":\"s\",\"kind\":\"r\",\"rows\":9e17,"
				  "\"parent\":[\"s\",\"a\"]}"));
	assert_true(take(builder, "{\"end\":2}"));
	catalog = catalog_builder_end(builder, &err);
	assert_non_null(catalog);
	assert_int_equal(catalog_rows(catalog, "s", "a"), -1);
	catalog_release(catalog);
	(void)state;
}

/* ---- the catalogs of all databases ---- */

static void
a_reading_replaces_the_one_before_and_only_news_changes_the_generation(void **state)
{
	struct catalogs *catalogs = catalogs_new();
	struct catalog *seen;
	unsigned first;

	assert_null(catalogs_find(catalogs, "d"));
	catalogs_put(catalogs, "d", made(header_15), 0);
	first = catalogs_generation(catalogs);
	seen = catalogs_find(catalogs, "d");
	assert_non_null(seen);
	catalogs_put(catalogs, "d", made(header_10), 0);
	assert_int_equal(catalogs_generation(catalogs), first);
	assert_int_equal(catalog_server_version(seen), 150004);
	catalog_release(seen);
	catalogs_forget(catalogs, "d");
	assert_null(catalogs_find(catalogs, "d"));
	assert_int_not_equal(catalogs_generation(catalogs), first);
	catalogs_free(catalogs);
	(void)state;
}

static void
a_change_is_known_from_the_next_reading_on(void **state)
{
	struct catalogs *catalogs = catalogs_new();
	struct catalogs_state known;
	unsigned before;

	catalogs_enter(catalogs, "d");
	catalogs_put(catalogs, "d", made(header_15), 0);
	before = catalogs_generation(catalogs);
	catalogs_changed(catalogs, "d", "t");
	assert_int_not_equal(catalogs_generation(catalogs), before);
	assert_true(catalogs_is_stale(catalogs, "d", "t"));
	assert_false(catalogs_is_stale(catalogs, "d", "small"));
	assert_int_equal(catalogs_states(catalogs, &known, 1), 1);
	/* Changed once more while the reading is under way. */
	catalogs_changed(catalogs, "d", "small");
	catalogs_put(catalogs, "d", made(header_15), known.changes);
	assert_false(catalogs_is_stale(catalogs, "d", "t"));
	assert_true(catalogs_is_stale(catalogs, "d", "small"));
	catalogs_free(catalogs);
	(void)state;
}

static void
more_changes_than_have_room_make_all_stale(void **state)
{
	struct catalogs *catalogs = catalogs_new();
	struct catalogs_state known;
	char name[32];

	catalogs_enter(catalogs, "d");
	catalogs_put(catalogs, "d", made(header_15), 0);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		catalogs_changed(catalogs, "d", name);
	}
	assert_true(catalogs_is_stale(catalogs, "d", "t"));
	catalogs_states(catalogs, &known, 1);
	catalogs_put(catalogs, "d", made(header_15), known.changes);
	assert_false(catalogs_is_stale(catalogs, "d", "t"));
	assert_false(catalogs_is_stale(catalogs, "d", "r999"));
	catalogs_free(catalogs);
	(void)state;
}

/* ---- rules ---- */

/* Judge with one rule by its name; "deny", "warn" or "allow". */
static const char *
said_of(const char *header, const char *rule, const char *with, const char *sql,
    struct verdict *verdict)
{
	static const char *const words[] = { [POLICY_ALLOW] = "allow", [POLICY_LOG] = "log",
		[POLICY_WARN] = "warn", [POLICY_DENY] = "deny" };
	struct catalogs *catalogs = header != NULL ? catalogs_of_all(made(header)) : NULL;
	char *text = mem_printf(HEADER "rules:\n  - {use: %s%s}\n", rule, with);
	struct policies *policies = load(text);
	const struct subject subject = { "u", "r", "d", "", "", catalogs };
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	int position = 0;
	const char *word;

	if (sql_facts(sql, strlen(sql), 65536, &facts, &err, &position) != SQL_KNOWN)
		fail_msg("%s: %s", sql, err.text);
	policies_judge(policies, &subject, sql, strlen(sql), SQL_KNOWN, facts, NULL, TEN_US, verdict);
	word = words[verdict->action];
	sql_facts_free(facts);
	policies_release(policies);
	catalogs_free(catalogs);
	mem_free(text);
	return word;
}

static void
expect(const char *header, const char *rule, const char *with, const char *sql, const char *word)
{
	struct verdict verdict;
	const char *said = said_of(header, rule, with, sql, &verdict);

	if (strcmp(said, word) != 0)
		fail_msg("%s%s: %s, not %s: %s", rule, with, said, word, sql);
	verdict_free(&verdict);
}

static const struct {
	const char *rule, *flagged, *twin;
} pairs[] = {
	/* Types: wider, stored alike, nothing built or checked anew. */
	{ "change-type", "ALTER TABLE t ALTER w TYPE varchar(9)", "ALTER TABLE t ALTER w TYPE varchar(10)" },
	{ "change-type", "ALTER TABLE t ALTER w TYPE int USING w::int", "ALTER TABLE t ALTER w TYPE text" },
	{ "change-type", "ALTER TABLE t ALTER y TYPE varchar(300)", "ALTER TABLE t ALTER y TYPE varchar" },
	{ "change-type", "ALTER TABLE t ALTER w TYPE varchar(40) USING lower(w)",
	    "ALTER TABLE public.t ALTER w TYPE varchar(40)" },
	{ "change-type", "ALTER TABLE t ALTER w TYPE text COLLATE \"C\"", "ALTER TABLE t ALTER w TYPE varchar" },
	{ "change-type", "ALTER TABLE t ALTER w TYPE text[] USING ARRAY[w]", "ALTER TABLE t ALTER w TYPE pg_catalog.text" },
	{ "change-type", "ALTER TABLE t ALTER w TYPE s.text", "ALTER TABLE t ALTER w TYPE character varying(11)" },
	{ "change-type", "ALTER TABLE t ALTER c TYPE text", "ALTER TABLE t ALTER w TYPE text" },
	{ "change-type", "ALTER TABLE t ALTER p TYPE text", "ALTER TABLE t ALTER w TYPE varchar(20)" },
	{ "change-type", "ALTER TABLE t ALTER k TYPE varchar(20)", "ALTER TABLE t ALTER w TYPE varchar(20)" },
	{ "change-type", "ALTER TABLE t ALTER mine TYPE varchar", "ALTER TABLE t ALTER tz TYPE timestamptz" },
	{ "change-type", "ALTER TABLE t ALTER m TYPE numeric(12,3)", "ALTER TABLE t ALTER m TYPE numeric" },
	{ "change-type", "ALTER TABLE t ALTER m TYPE numeric(9,2)", "ALTER TABLE t ALTER m TYPE numeric(12,2)" },
	{ "change-type", "ALTER TABLE t ALTER at TYPE timestamp(2)", "ALTER TABLE t ALTER at TYPE timestamp(6)" },
	{ "change-type", "ALTER TABLE t ALTER at TYPE timestamptz", "ALTER TABLE t ALTER at TYPE timestamp" },
	{ "change-type", "ALTER TABLE t ALTER net TYPE text", "ALTER TABLE t ALTER net TYPE inet" },
	{ "change-type", "ALTER TABLE t ALTER b TYPE char(6)", "ALTER TABLE t ALTER b TYPE char(5)" },
	{ "change-type", "ALTER TABLE t ALTER bits TYPE varbit(7)", "ALTER TABLE t ALTER bits TYPE varbit(9)" },
	{ "change-type", "ALTER TABLE parted ALTER v TYPE text", "ALTER TABLE t ALTER w TYPE text" },
	{ "change-type", "ALTER TABLE nowhere ALTER v TYPE text", "ALTER TABLE t ALTER w TYPE text" },
	{ "change-type", "ALTER TABLE twice ALTER c TYPE varchar", "ALTER TABLE a.twice ALTER c TYPE varchar" },
	{ "change-type", "BEGIN; ALTER TABLE t ALTER w TYPE int; ALTER TABLE t ALTER w TYPE text",
	    "BEGIN; ALTER TABLE small ADD d int; ALTER TABLE t ALTER w TYPE text" },
	/* Nulls. */
	{ "set-not-null", "ALTER TABLE t ALTER w SET NOT NULL", "ALTER TABLE t ALTER v SET NOT NULL" },
	{ "set-not-null", "ALTER TABLE t ALTER x SET NOT NULL", "ALTER TABLE t ALTER id SET NOT NULL" },
	{ "set-not-null", "ALTER TABLE t ALTER n SET NOT NULL", "ALTER TABLE t ALTER \"Odd name\" SET NOT NULL" },
	{ "set-not-null", "ALTER TABLE t ALTER tz SET NOT NULL", "ALTER TABLE a.twice ALTER c SET NOT NULL" },
	{ "set-not-null", "BEGIN; ALTER TABLE t DROP CONSTRAINT t_v_nn; ALTER TABLE t ALTER v SET NOT NULL",
	    "ALTER TABLE t ALTER v SET NOT NULL" },
	/* Partitions. */
	{ "attach-unchecked",
	    "ALTER TABLE parted ATTACH PARTITION unchecked FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
	    "ALTER TABLE parted ATTACH PARTITION checked FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')" },
	{ "attach-unchecked", "ALTER TABLE listed ATTACH PARTITION unchecked FOR VALUES IN ('de')",
	    "ALTER TABLE listed ATTACH PARTITION germany FOR VALUES IN ('de')" },
	/* Views, domains, defaults, keys. */
	{ "refresh-matview-blocking", "REFRESH MATERIALIZED VIEW view1", "REFRESH MATERIALIZED VIEW view2" },
	{ "domain-constraint", "ALTER DOMAIN used ADD CHECK (VALUE > 0)", "ALTER DOMAIN unused ADD CHECK (VALUE > 0)" },
	{ "domain-constraint", "CREATE DOMAIN fresh AS int CHECK (VALUE > 0)", "ALTER DOMAIN public.unused SET NOT NULL" },
	{ "add-col-volatile-default", "ALTER TABLE t ADD z text DEFAULT theirs()",
	    "ALTER TABLE t ADD z text DEFAULT mine()" },
	{ "add-col-volatile-default", "ALTER TABLE t ADD z text DEFAULT mixed()",
	    "ALTER TABLE t ADD z text DEFAULT reverse('a')" },
	{ "add-col-volatile-default", "ALTER TABLE t ADD z text DEFAULT mine(random())",
	    "ALTER TABLE t ADD z text DEFAULT mine(now())" },
};

static void
a_rule_that_knows_the_database_flags_one_and_not_its_near_twin(void **state)
{
	for (size_t i = 0; i < COUNT(pairs); i++) {
		expect(header_15, pairs[i].rule, "", pairs[i].flagged, "deny");
		expect(header_15, pairs[i].rule, "", pairs[i].twin, "allow");
	}
	(void)state;
}

static void
without_a_catalog_both_are_flagged(void **state)
{
	for (size_t i = 0; i < COUNT(pairs); i++) {
		/* There may be a CHECK that is not seen. */
		const char *word = strcmp(pairs[i].rule, "attach-unchecked") == 0 ? "warn" : "deny";

		expect(NULL, pairs[i].rule, "", pairs[i].flagged, word);
		expect(NULL, pairs[i].rule, "", pairs[i].twin, word);
		expect(NULL, pairs[i].rule, ", action: deny", pairs[i].twin, "deny");
	}
	(void)state;
}

static void
a_check_that_may_fit_makes_attaching_a_warning(void **state)
{
	const char *rule = "attach-unchecked";

	expect(header_15, rule, "",
	    "ALTER TABLE parted ATTACH PARTITION checked FOR VALUES FROM ('2026-01-01') TO ('2026-03-01')", "warn");
	expect(header_15, rule, "",
	    "ALTER TABLE parted ATTACH PARTITION nullable FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')", "warn");
	expect(header_15, rule, "", "ALTER TABLE listed ATTACH PARTITION germany FOR VALUES IN ('de', 'at')", "warn");
	expect(header_15, rule, "", "ALTER TABLE parted ATTACH PARTITION unchecked DEFAULT", "warn");
	expect(header_15, rule, ", action: deny", "ALTER TABLE parted ATTACH PARTITION unchecked DEFAULT", "deny");
	(void)state;
}

static void
a_foreign_key_that_an_index_covers_is_not_told(void **state)
{
	const char *rule = "fk-without-index";

	expect(header_15, rule, "", "ALTER TABLE t ADD FOREIGN KEY (ref) REFERENCES small (id)", "allow");
	expect(header_15, rule, "", "ALTER TABLE t ADD FOREIGN KEY (id, ref) REFERENCES small (id, x)", "allow");
	expect(header_15, rule, "", "ALTER TABLE t ADD FOREIGN KEY (w) REFERENCES small (id)", "warn");
	/* An index that is not valid, or of some rows only, serves nobody. */
	expect(header_15, rule, "", "ALTER TABLE t ADD FOREIGN KEY (x) REFERENCES small (id)", "warn");
	expect(header_15, rule, "", "ALTER TABLE t ADD COLUMN ref int REFERENCES small (id)", "warn");
	expect(NULL, rule, "", "ALTER TABLE t ADD FOREIGN KEY (ref) REFERENCES small (id)", "warn");
	(void)state;
}

static void
on_small_tables_a_deny_is_a_warning(void **state)
{
	static const char large[] = ", large_table: {rows: 100000}";
	static const struct {
		const char *rule, *small, *big;
	} sizes[] = {
		{ "index-not-concurrent", "CREATE INDEX ON small (id)", "CREATE INDEX ON t (id)" },
		{ "index-not-concurrent", "CREATE INDEX ON part1 (day)", "CREATE INDEX ON parted (day)" },
		{ "index-not-concurrent", "CREATE INDEX ON a.twice (c)", "CREATE INDEX ON twice (c)" },
		{ "unsafe-ddl", "CREATE INDEX ON small (id)", "CREATE INDEX ON unknown (id)" },
		{ "drop-index-not-concurrent", "DROP INDEX small_i", "DROP INDEX small_i, t_v" },
		{ "set-not-null", "ALTER TABLE small ALTER id SET NOT NULL", "ALTER TABLE t ALTER w SET NOT NULL" },
		{ "add-constraint-valid", "ALTER TABLE small ADD CHECK (id > 0)", "ALTER TABLE t ADD CHECK (id > 0)" },
		{ "add-fk-valid", "ALTER TABLE small ADD FOREIGN KEY (id) REFERENCES t",
		    "ALTER TABLE t ADD FOREIGN KEY (ref) REFERENCES small (id)" },
		{ "change-type", "ALTER TABLE small ALTER id TYPE int", "ALTER TABLE t ALTER id TYPE int" },
		{ "attach-unchecked",
		    "ALTER TABLE parted ATTACH PARTITION unchecked FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
		    "ALTER TABLE parted ATTACH PARTITION t FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')" },
		{ "limit-required, action: deny", "SELECT * FROM small", "SELECT * FROM small, t" },
		{ "rewrite-maintenance", "VACUUM FULL small", "VACUUM FULL" },
	};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		expect(header_15, sizes[i].rule, large, sizes[i].small, "warn");
		expect(header_15, sizes[i].rule, large, sizes[i].big, "deny");
		expect(header_15, sizes[i].rule, "", sizes[i].small, "deny");
		expect(NULL, sizes[i].rule, strcmp(sizes[i].rule, "attach-unchecked") == 0
			? ", action: deny, large_table: {rows: 100000}" : large, sizes[i].small, "deny");
	}
	(void)state;
}

static void
a_warning_because_of_the_size_says_so(void **state)
{
	struct verdict verdict;

	said_of(header_15, "index-not-concurrent", ", large_table: {rows: 100000}",
	    "CREATE INDEX ON small (id)", &verdict);

	assert_string_equal(verdict.detail,
	    "CREATE INDEX without CONCURRENTLY blocks every write to \"small\" until it finishes. It "
	    "takes a SHARE lock. About 12 rows are too few to refuse it (large_table: 100000).");
	assert_false(verdict.would_deny);
	assert_int_not_equal(verdict.catalogs_generation, 0);
	verdict_free(&verdict);
	(void)state;
}

static void
who_asks_nothing_of_a_catalog_depends_on_none(void **state)
{
	struct verdict verdict;

	said_of(header_15, "unsafe-ddl", ", large_table: {rows: 100000}", "SELECT 1 FROM t", &verdict);

	assert_int_equal(verdict.catalogs_generation, 0);
	verdict_free(&verdict);
	(void)state;
}

static void
rules_of_ones_own_have_large_tables_too(void **state)
{
	static const char policy[] = HEADER
	    "rules:\n"
	    "  - {id: no-scan, match: {class: MAINTENANCE}, action: deny, large_table: {rows: 1000}}\n";
	struct catalogs *catalogs = catalogs_of_all(made(header_15));
	struct policies *policies = load(policy);
	const struct subject subject = { "u", "r", "d", "", "", catalogs };
	const char *const texts[] = { "ANALYZE small", "ANALYZE t" };

	for (size_t i = 0; i < 2; i++) {
		struct sql_facts *facts = NULL;
		struct error err = { 0 };
		struct verdict verdict;
		int position = 0;

		sql_facts(texts[i], strlen(texts[i]), 65536, &facts, &err, &position);
		policies_judge(policies, &subject, texts[i], strlen(texts[i]), SQL_KNOWN, facts, NULL,
		    TEN_US, &verdict);
		assert_int_equal(verdict.action, i == 0 ? POLICY_WARN : POLICY_DENY);
		sql_facts_free(facts);
		verdict_free(&verdict);
	}
	policies_release(policies);
	catalogs_free(catalogs);
	(void)state;
}

static void
expect_hint(const char *header, const char *rule, const char *sql, const char *words)
{
	struct verdict verdict;

	said_of(header, rule, "", sql, &verdict);
	assert_non_null(verdict.hint);
	if (strstr(verdict.hint, words) == NULL)
		fail_msg("%s: %s: no \"%s\"", rule, verdict.hint, words);
	verdict_free(&verdict);
}

static void
hints_are_those_of_the_server_at_hand(void **state)
{
	expect_hint(header_15, "reindex-not-concurrent", "REINDEX TABLE t", "REINDEX TABLE CONCURRENTLY t");
	expect_hint(header_10, "reindex-not-concurrent", "REINDEX TABLE t", "PostgreSQL 10 has no REINDEX CONCURRENTLY");
	expect_hint(header_15, "detach-not-concurrent", "ALTER TABLE parted DETACH PARTITION part1",
	    "DETACH PARTITION part1 CONCURRENTLY");
	expect_hint(header_10, "detach-not-concurrent", "ALTER TABLE parted DETACH PARTITION part1",
	    "PostgreSQL 10 cannot do it online");
	expect_hint(header_15, "refresh-matview-blocking", "REFRESH MATERIALIZED VIEW view1",
	    "Run this instead: REFRESH MATERIALIZED VIEW CONCURRENTLY view1;");
	expect_hint(header_15, "refresh-matview-blocking", "REFRESH MATERIALIZED VIEW view3", "has no unique index");
	expect_hint(NULL, "refresh-matview-blocking", "REFRESH MATERIALIZED VIEW view3", "it needs a unique index");
	expect_hint(header_15, "set-not-null", "ALTER TABLE t ALTER w SET NOT NULL", "and is let through");
	expect_hint(NULL, "set-not-null", "ALTER TABLE t ALTER w SET NOT NULL", "its CHECK is not seen here");
	(void)state;
}

static void
an_old_server_has_fewer_ways(void **state)
{
	expect(header_10, "set-not-null", "", "ALTER TABLE t ALTER v SET NOT NULL", "deny");
	expect(header_10, "set-not-null", "", "ALTER TABLE t ALTER id SET NOT NULL", "allow");
	expect(header_10, "add-col-volatile-default", "", "ALTER TABLE t ADD z int DEFAULT 5", "deny");
	expect(header_15, "add-col-volatile-default", "", "ALTER TABLE t ADD z int DEFAULT 5", "allow");
	(void)state;
}

static void
what_was_changed_since_the_reading_is_not_trusted(void **state)
{
	static const char sql[] = "ALTER TABLE t ALTER w TYPE text";
	struct catalogs *catalogs = catalogs_new();
	struct policies *policies = load(HEADER "rules: [{use: change-type}]\n");
	const struct subject subject = { "u", "r", "d", "", "", catalogs };
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	struct verdict verdict;
	int position = 0;

	catalogs_enter(catalogs, "d");
	catalogs_put(catalogs, "d", made(header_15), 0);
	sql_facts(sql, strlen(sql), 65536, &facts, &err, &position);
	policies_judge(policies, &subject, sql, strlen(sql), SQL_KNOWN, facts, NULL, TEN_US, &verdict);
	assert_int_equal(verdict.action, POLICY_ALLOW);
	verdict_free(&verdict);
	catalogs_changed(catalogs, "d", "t");
	policies_judge(policies, &subject, sql, strlen(sql), SQL_KNOWN, facts, NULL, TEN_US, &verdict);
	assert_int_equal(verdict.action, POLICY_DENY);
	verdict_free(&verdict);
	sql_facts_free(facts);
	policies_release(policies);
	catalogs_free(catalogs);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relations_are_found_by_name_and_only_where_there_is_one),
		cmocka_unit_test(rows_are_summed_over_partitions_and_the_worst_counts),
		cmocka_unit_test(a_function_is_steady_when_all_of_its_name_are),
		cmocka_unit_test(what_is_no_line_of_a_catalog_is_refused),
		cmocka_unit_test(a_catalog_without_its_end_is_not_whole),
		cmocka_unit_test(a_catalog_has_no_more_memory_than_it_may),
		cmocka_unit_test(parents_in_a_circle_end),
		cmocka_unit_test(a_reading_replaces_the_one_before_and_only_news_changes_the_generation),
		cmocka_unit_test(a_change_is_known_from_the_next_reading_on),
		cmocka_unit_test(more_changes_than_have_room_make_all_stale),
		cmocka_unit_test(a_rule_that_knows_the_database_flags_one_and_not_its_near_twin),
		cmocka_unit_test(without_a_catalog_both_are_flagged),
		cmocka_unit_test(a_check_that_may_fit_makes_attaching_a_warning),
		cmocka_unit_test(a_foreign_key_that_an_index_covers_is_not_told),
		cmocka_unit_test(on_small_tables_a_deny_is_a_warning),
		cmocka_unit_test(a_warning_because_of_the_size_says_so),
		cmocka_unit_test(who_asks_nothing_of_a_catalog_depends_on_none),
		cmocka_unit_test(rules_of_ones_own_have_large_tables_too),
		cmocka_unit_test(hints_are_those_of_the_server_at_hand),
		cmocka_unit_test(an_old_server_has_fewer_ways),
		cmocka_unit_test(what_was_changed_since_the_reading_is_not_trusted),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

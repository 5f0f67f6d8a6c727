/* test_fold.c - behaviour of sql/fold: which conditions hold back no row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "sql/facts.h"

/* True for every row, or for every row where what is compared with itself is not NULL. */
static const char *const tautologies[] = {
	"true",
	"1=1",
	"'a'='a'",
	"id = id",
	"t.id = id",
	"not false",
	"not (1 = 2)",
	"1 = 1 and 2 > 1",
	"x = 5 or true",
	"x = 5 or 1 = 1",
	"1 + 1 = 2",
	"0.1+0.2=0.3",
	"7/2 = 3",
	"5 % 3 = 2",
	"-1 < 0",
	"'t'",
	"'t'::bool",
	"'1'::int = 1",
	"null is null",
	"id is null or id is not null",
	"not (id is null and id is not null)",
	"1 in (1, 2)",
	"3 not in (1,2)",
	"id in (id)",
	"1 between 0 and 2",
	"id between id and id",
	"2 not between 3 and 4",
	"name like '%'",
	"name ilike '%%'",
	"name ~ '.*'",
	"name ~ ''",
	"exists (select 1)",
	"exists (select 1 where true)",
	"exists (values (1))",
	"exists (select count(*) from u)",
	"(select true)",
	"case when true then true else false end",
	"case 1 when 1 then 't' end",
	"coalesce(null, true)",
	"coalesce(id = id, true)",
	"1 = any (array[1,2])",
	"1 <> all (array[3])",
	"id is not distinct from id",
	"id is distinct from null or id is null",
	"(id = id) is not false",
	"greatest(1,2) = 2",
	"nullif(1,2) = 1",
	"id + 1 = id + 1",
	"(1,2) = (1,2)",
	"id::text = id::text",
	"$1 = $1",
	"not id <> id",
	"true is true",
	"id >= id and id <= id",
	"1::text = '1'",
	"(2)::text::int = 2",
	"date '2026-01-01' = date '2026-01-01'",
	"'2026-01-02'::date > '2026-01-01'::date",
	"timestamp '2026-01-01' <= '2026-01-02'::timestamptz",
	"name similar to '%'",
	"name not similar to 'a' or name similar to '%%'",
	"name like '%' escape 'x'",
	"name ilike '%%' escape ''",
	"exists (select 1 limit 1)",
	"exists (select 1 offset 0)",
	"exists (values (1), (2) limit 1)",
	"exists (select * from (values (1)) v)",
	"exists (select x from (values (1)) v(x) limit 1)",
	"exists (select 1 from (select 2) v)",
	"not exists (select 1 from (values (1)) v where false)",
	"(select true limit 1)",
	"1 in (select 1)",
	"1 = any (select 1)",
	"1 <> all (select 2)",
	"1 <= some (select 1)",
	"id in (select id)",
	"1 = any (array[1, 2]::int[])",
	"1 = all (array[1, 1])",
	"1 <> any (array[1, 2])",
	"array[1] = array[1]",
	"'a' collate \"C\" = 'a'",
	/* rows */
	"(1, 1) = (1, 1)",
	"(1, 2) < (1, 3)",
	"(1, 2) <> (1, 3)",
	"(id, 2) > (id, 1)",
	"(1, 2) in ((3, 4), (1, 2))",
	"(1, 2) in (select 1, 2)",
	"(id, 1) in (values (id, 1))",
	"row(1, 2) is not null",
	"(1, 2) is distinct from (1, 3)",
	/* texts that are put together */
	"'a' || 'b' = 'ab'",
	"'a' || 1 = 'a1'",
	"name || '' = name",
	"name like '%' || '%'",
	"12::text = '12'",
	"(-5)::text = '-5'",
	"1.5::text = '1.5'",
	"true::text = 'true'",
	"'abc' like 'a%'",
	"'abc' like '_bc'",
	"'abc' ilike '%B%'",
	"'abc' not like 'b%'",
	/* arrays in quotes, and none of anything */
	"1 = any ('{1,2}')",
	"1 = any ('{1,2}'::int[])",
	"3 <> all ('{1, 2}')",
	"'b' = any ('{a,\"b\"}')",
	"id <> all ('{}')",
	"id <> all (array[]::int[])",
	"not (id = any ('{}'))",
	/* queries that have a row, whatever the data */
	"exists (select 1 union select 2)",
	"exists (select 1 from u union all select 1)",
	"exists (values (1) union values (2))",
	"exists (with x as (select 1) select * from x)",
	"exists (with x as (select id from u), y as (values (1)) select * from y)",
	"exists (select from (select 1) a, (values (1)) b)",
	"exists (select from (select 1) a cross join (select 2) b)",
	"exists (select from (select 1) a left join u on a = u)",
	"exists (select from (select 1) a join (select 2) b on true)",
	"exists (select 1 from generate_series(1, 3))",
	"exists (select 1 from unnest(array[1]))",
	"exists (select sum(id) + 1 from u)",
	"exists (select 1, count(*) from u where false)",
	"exists (select count(*) from u having true)",
	"exists (select 1 limit 2 - 1)",
	"exists (values (1), (2) limit '1')",
	"1 in (values (1), (2))",
	"1 = any (values (1))",
	"not (1 in (select 1 where false))",
	"1 <> all (select 1 where false)",
	"(values (true))",
	"(with x as (select 1) select true)",
	"(select true from (values (1)) v)",
	/* of itself and its opposite */
	"active or not active",
	"id = 1 or id <> 1",
	"id = 1 or not id = 1",
	"id > 1 or id <= 1",
	"not (id = 1 and id <> 1)",
	"(id = id) = true",
	"coalesce(id = id, false)",
	"case id when id then true else false end",
	"case when id = 1 then 1 else 1 end = 1",
	"nullif(id, id) is null",
	"id = id + 0",
	"id * 1 = id",
	"name collate \"C\" = name",
	/* all rows or none: nothing of a row is asked */
	"now() > '2000-01-01'",
	"current_date > '2000-01-01'",
	"current_user is not null",
	"length('a') = 1",
	"lower('A') = 'a'",
	"1 # 2 = 3",
	"1 << 1 = 2",
	"|/ 4 = 2",
	"x'1' = b'0001'",
	"interval '1 day' = interval '24 hours'",
	"array[1, 2] @> array[1]",
	"(array[1])[1] = 1",
	"greatest('a', 'b') = 'b'",
	"'abc' ~ 'b'",
	"'a' < 'B'",
	"'a'::char(2) = 'a'",
	"date '2026-1-1' = '2026-01-01'",
	"now() > '2000-01-01' and id = id",
};

/* They depend on the data, on a parameter or on a function; or no row passes. */
static const char *const conditions[] = {
	"id = 1",
	"active",
	"id = $1",
	"x or null",
	"1 = 2",
	"false",
	"null",
	"id <> id",
	"random() = random()",
	"name like 'a%'",
	"x = 5 and true",
	"exists (select 1 from u)",
	"exists (select 1 where false)",
	"exists (select 1 limit 0)",
	"case when x then true else false end",
	"coalesce(x, true)",
	"id is not null",
	"current of c",
	"lower(a) = lower(a)",
	"a = b",
	"u.id = t.id",
	"id in (1,2)",
	"1 in (2,3)",
	"id between 1 and 2",
	"(select x from u)",
	"id = any ($1)",
	"not active",
	"'f'",
	"1 - 1 = 1",
	"(id = id) is true",
	"(id = id) is unknown",
	"true and null",
	"id = id and null",
	"id = id and x = 5",
	"name !~~ '%'",
	"1::text = '2'",
	"12::text = '1'",
	"'2026-01-02'::date < '2026-01-01'::date",
	"at >= '2026-01-01'::date",
	"at::date = '2026-01-01'",
	"name similar to 'a%'",
	"name not similar to '%'",
	"name like '%' escape '%'",
	"name like '%a' escape 'a'",
	"name similar to '.*'",
	"name ~ similar_to_escape('.*')",
	"exists (select 1 limit 0)",
	"exists (select 1 offset 1)",
	"exists (values (1) limit 0)",
	"exists (select * from (values (1)) v where column1 = id)",
	"exists (select * from (values (1)) v, u)",
	"exists (select * from (select 1 from u) v)",
	"exists (select * from (select 1 where false) v)",
	"(select true limit 0)",
	"1 in (select 2)",
	"id in (select 1)",
	"id in (select id from u)",
	"1 <> all (select 1)",
	"1 = any (array[2, 3]::int[])",
	"1 = all (array[1, 2])",
	"1 <> any (array[1, 1])",
	"array[id] = array[1]",
	"'a' collate \"C\" = 'b'",
	"name >= ''",
	"name > ''",
	"name = ''",
	"name <= ''",
	"(id, 1) = (1, 1)",
	"(1, 2) = (2, 1)",
	"(1, 2) in ((2, 1))",
	"(1, 2) in (select 2, 1)",
	"(1, 2) > (1, 3)",
	"(1, id) is null",
	"'a' || 'b' = 'ba'",
	"name || 'a' = name",
	"'abc' like 'b%'",
	"'abc' like 'ab'",
	"'abc' like '____'",
	"1 = any ('{2,3}')",
	"id = any ('{1,2}')",
	"id <> all ('{1}')",
	"id = any ('{}')",
	"id = any ($1)",
	"exists (select 1 from u union select 1 where false)",
	"exists (select 1 intersect select id from u)",
	"exists (with x as (select id from u) select * from x)",
	"exists (with recursive x as (select id from u union all select id from x) select * from x)",
	"exists (select from (select 1) a, u)",
	"exists (select from (select 1) a join (select 2) b on id = 1)",
	"exists (select from (select 1) a join u using (id))",
	"exists (select 1 from generate_series(3, 1))",
	"exists (select 1 from generate_series(1, id))",
	"exists (select 1 limit 1 - 1)",
	"exists (select id from u group by id)",
	"exists (select count(*) from u having count(*) > 5)",
	"not exists (select count(*) + 1 from u where false)",
	"exists (select 1 from u.x)",
	"1 in (values (2), (3))",
	"id in (values (1))",
	"id in (select x from (values (1)) v (x))",
	"(select true where active)",
	"active or not other",
	"id = 1 or id <> 2",
	"id = 1 or id > 1",
	"id > 1 and id <= 1",
	"random() > 0.5 or random() <= 0.5",
	"(id = id) = false",
	"case id when 1 then true else false end",
	"id = id + 1",
	"f(1) = 1",
	"current_setting('a') = 'b'",
	"now() > at",
	"length(name) = 1",
	"current_user = 'admin' or owner = current_user",
	"now() > '2000-01-01' and id = 1",
	"1000000000000000000 = 1000000000000000001",
};

static enum sql_where
where_of(const char *condition)
{
	char *text = mem_printf("DELETE FROM t WHERE %s", condition);
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	enum sql_where where;
	int position;

	if (sql_facts(text, strlen(text), SQL_TEXT_MOST, &facts, &err, &position) !=
	    SQL_KNOWN)
		fail_msg("%s: %s", text, err.text);
	where = facts->statements[0].where;
	sql_facts_free(facts);
	mem_free(text);
	return where;
}

static void
expect_all(const char *const *texts, size_t count, enum sql_where where)
{
	size_t faults = 0;

	for (size_t i = 0; i < count; i++) {
		if (where_of(texts[i]) == where)
			continue;
		print_error("WHERE %s\n", texts[i]);
		faults++;
	}
	assert_int_equal(faults, 0);
}

static void
a_condition_that_is_always_true_is_a_tautology(void **state)
{
	expect_all(tautologies, sizeof(tautologies) / sizeof(tautologies[0]),
	    SQL_WHERE_TAUTOLOGY);
	(void)state;
}

static void
a_condition_that_may_hold_back_rows_is_present(void **state)
{
	expect_all(
	    conditions, sizeof(conditions) / sizeof(conditions[0]), SQL_WHERE_PRESENT);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_condition_that_is_always_true_is_a_tautology),
		cmocka_unit_test(a_condition_that_may_hold_back_rows_is_present),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

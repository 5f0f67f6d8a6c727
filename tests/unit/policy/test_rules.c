/*
 * test_rules.c - each built-in rule: what it flags, the near twin that it must not, and
 * that the safe way of its HINT can be parsed and is refused by no rule in its turn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/policy/policy_internal.h"
#include "base/mem.h"
#include "support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct who app = { .user = "u", .role = "r", .database = "d" };

struct pair {
	const char *rule;
	const char *flagged, *twin;
};

/* Rules that are asked of a file only, as `pgweirctl lint` reads it. */
static bool
is_of_files(const char *rule)
{
	static const char *const rules[] = { "lock-timeout-missing", "statement-timeout-missing",
		"transaction-open", "commit-in-script" };

	for (size_t i = 0; i < COUNT(rules); i++)
		if (strcmp(rule, rules[i]) == 0)
			return true;
	return false;
}

static const struct pair pairs[] = {
	{ "index-not-concurrent", "CREATE INDEX i ON t (a)", "CREATE INDEX CONCURRENTLY i ON t (a)" },
	{ "index-not-concurrent", "CREATE INDEX ON s.\"T\" (a)",
	    "CREATE TABLE s.\"T\" (a int); CREATE INDEX ON s.\"T\" (a)" },
	{ "index-not-concurrent", "CREATE TABLE s.t (a int); CREATE INDEX ON t (a)",
	    "BEGIN; CREATE TABLE t (a int); SAVEPOINT x; CREATE INDEX ON t (a)" },
	{ "index-not-concurrent", "CREATE TABLE IF NOT EXISTS t (a int); CREATE INDEX ON t (a)",
	    "CREATE TEMP TABLE t (a int); CREATE INDEX ON t (a)" },
	{ "index-not-concurrent", "BEGIN; CREATE TABLE t (a int); COMMIT; CREATE INDEX ON t (a)",
	    "CREATE INDEX ON pg_temp.t (a)" },
	{ "index-not-concurrent",
	    "CREATE TABLE t (a int); SET search_path = other; CREATE INDEX ON t (a)",
	    "CREATE TABLE s.t (a int); SET search_path = other; CREATE INDEX ON s.t (a)" },
	{ "index-not-concurrent",
	    "BEGIN; SAVEPOINT x; CREATE TABLE t (a int); ROLLBACK TO x; CREATE INDEX ON t (a)",
	    "BEGIN; CREATE TABLE t (a int); SAVEPOINT x; ROLLBACK TO x; CREATE INDEX ON t (a)" },
	{ "index-not-concurrent",
	    "CREATE TABLE t (a int); ALTER TABLE t RENAME TO u; CREATE INDEX ON t (a)",
	    "CREATE TABLE t (a int); ALTER TABLE t RENAME TO u; CREATE INDEX ON u (a)" },
	{ "index-not-concurrent", "CREATE TABLE t (a int); DO 'begin end'; CREATE INDEX ON t (a)",
	    "CREATE TABLE t AS SELECT 1 AS a; CREATE INDEX ON t (a)" },
	{ "drop-index-not-concurrent", "DROP INDEX i", "DROP INDEX CONCURRENTLY i" },
	{ "drop-index-not-concurrent", "DROP INDEX IF EXISTS a, b CASCADE", "DROP TABLE i" },
	{ "reindex-not-concurrent", "REINDEX TABLE t", "REINDEX TABLE CONCURRENTLY t" },
	{ "reindex-not-concurrent", "REINDEX (VERBOSE) INDEX i", "REINDEX (CONCURRENTLY) INDEX i" },
	{ "reindex-not-concurrent", "REINDEX (CONCURRENTLY off) INDEX i",
	    "REINDEX DATABASE CONCURRENTLY d" },
	{ "detach-not-concurrent", "ALTER TABLE p DETACH PARTITION s.c",
	    "ALTER TABLE p DETACH PARTITION s.c CONCURRENTLY" },
	{ "detach-not-concurrent", "ALTER TABLE p DETACH PARTITION c",
	    "ALTER TABLE p DETACH PARTITION c FINALIZE" },
	{ "attach-unchecked", "ALTER TABLE p ATTACH PARTITION c FOR VALUES FROM (1) TO (2)",
	    "CREATE TABLE c (LIKE p); ALTER TABLE p ATTACH PARTITION c DEFAULT" },
	{ "attach-unchecked", "ALTER TABLE p ATTACH PARTITION c DEFAULT", "ALTER INDEX p ATTACH PARTITION c" },
	{ "concurrently-in-txn", "BEGIN; CREATE INDEX CONCURRENTLY i ON t (a)",
	    "CREATE INDEX CONCURRENTLY i ON t (a)" },
	{ "concurrently-in-txn", "DROP INDEX CONCURRENTLY i; SELECT 1",
	    "BEGIN; DROP INDEX i" },
	{ "add-constraint-valid", "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)",
	    "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID" },
	{ "add-constraint-valid", "ALTER TABLE t ADD CHECK (a IN (1, 2)), ADD b int",
	    "ALTER TABLE t ADD b int" },
	{ "add-constraint-valid", "ALTER TABLE \"T\" ADD COLUMN n numeric(10, 2) DEFAULT 1 CHECK (n > 0)",
	    "CREATE TABLE t (n int CHECK (n > 0))" },
	{ "add-fk-valid",
	    "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.u (id) ON DELETE SET NULL",
	    "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u (id) NOT VALID" },
	{ "add-fk-valid", "ALTER TABLE t ADD FOREIGN KEY (a, \"B\") REFERENCES u",
	    "CREATE TABLE t (a int REFERENCES u)" },
	{ "add-fk-valid",
	    "ALTER TABLE t ADD COLUMN a double precision NULL REFERENCES u (id) ON DELETE NO ACTION "
	    "ON UPDATE CASCADE DEFERRABLE",
	    "CREATE TABLE t (a int); ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u" },
	{ "validate-same-txn", "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID, VALIDATE CONSTRAINT c",
	    "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID, VALIDATE CONSTRAINT d" },
	{ "validate-same-txn",
	    "BEGIN; ALTER TABLE s.t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c",
	    "BEGIN; ALTER TABLE s.t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE u.t VALIDATE CONSTRAINT c" },
	{ "validate-same-txn",
	    "BEGIN; ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE t VALIDATE "
	    "CONSTRAINT c",
	    "BEGIN; ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; COMMIT; ALTER TABLE t "
	    "VALIDATE CONSTRAINT c" },
	{ "add-unique-constraint", "ALTER TABLE t ADD CONSTRAINT k UNIQUE (a, \"B\")",
	    "ALTER TABLE t ADD CONSTRAINT k UNIQUE USING INDEX i" },
	{ "add-unique-constraint", "ALTER TABLE s.t ADD COLUMN a text UNIQUE",
	    "CREATE TABLE s.t (a text UNIQUE)" },
	{ "add-primary-key", "ALTER TABLE t ADD PRIMARY KEY (id)",
	    "ALTER TABLE t ADD CONSTRAINT k PRIMARY KEY USING INDEX i" },
	{ "add-primary-key", "ALTER TABLE t ADD COLUMN id uuid PRIMARY KEY",
	    "CREATE TABLE t (id uuid PRIMARY KEY)" },
	{ "add-exclusion", "ALTER TABLE t ADD EXCLUDE USING gist (r WITH &&)",
	    "CREATE TABLE t (r int4range, EXCLUDE USING gist (r WITH &&))" },
	{ "set-not-null", "ALTER TABLE s.t ALTER COLUMN \"C\" SET NOT NULL",
	    "ALTER TABLE t ALTER COLUMN c SET DEFAULT 1" },
	{ "add-required-column", "ALTER TABLE t ADD COLUMN c character varying(20) NOT NULL",
	    "ALTER TABLE t ADD COLUMN c text NOT NULL DEFAULT ''" },
	{ "add-required-column", "ALTER TABLE t ADD c int NOT NULL DEFAULT NULL",
	    "ALTER TABLE t ADD c int" },
	{ "add-col-volatile-default", "ALTER TABLE t ADD COLUMN c uuid DEFAULT gen_random_uuid()",
	    "ALTER TABLE t ADD COLUMN c timestamptz DEFAULT now()" },
	{ "add-col-volatile-default",
	    "ALTER TABLE t ADD c timestamptz DEFAULT (clock_timestamp() + '1 day'::interval) NOT NULL",
	    "ALTER TABLE t ADD c int DEFAULT 1 + 2" },
	{ "add-col-volatile-default", "ALTER TABLE t ADD c int DEFAULT my_function()",
	    "CREATE TABLE t (c int DEFAULT my_function())" },
	{ "add-generated-stored", "ALTER TABLE t ADD c int GENERATED ALWAYS AS (a * 2) STORED",
	    "CREATE TABLE t (a int, c int GENERATED ALWAYS AS (a * 2) STORED)" },
	{ "add-serial", "ALTER TABLE s.\"T\" ADD COLUMN id bigserial",
	    "CREATE TABLE t (id bigserial)" },
	{ "add-serial", "ALTER TABLE t ADD id int GENERATED BY DEFAULT AS IDENTITY",
	    "ALTER TABLE t ADD id int" },
	{ "change-type", "ALTER TABLE t ALTER COLUMN c TYPE bigint USING c::bigint",
	    "ALTER TYPE t ALTER ATTRIBUTE c TYPE bigint" },
	{ "change-type", "ALTER TABLE t ALTER c SET DATA TYPE varchar(10) COLLATE \"C\"",
	    "ALTER TABLE t ALTER c DROP DEFAULT" },
	{ "table-rewrite", "ALTER TABLE t SET TABLESPACE fast", "ALTER TABLE t SET (fillfactor = 70)" },
	{ "table-rewrite", "ALTER TABLE t SET UNLOGGED", "CREATE UNLOGGED TABLE t (a int)" },
	{ "table-rewrite", "ALTER TABLE t SET ACCESS METHOD heap", "ALTER TABLE t CLUSTER ON i" },
	{ "table-rewrite", "ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b",
	    "ALTER TABLE t RESET (fillfactor)" },
	{ "rewrite-maintenance", "VACUUM FULL t", "VACUUM t" },
	{ "rewrite-maintenance", "VACUUM (FULL, ANALYZE)", "VACUUM (FULL off) t" },
	{ "rewrite-maintenance", "CLUSTER t USING i", "ANALYZE t" },
	{ "refresh-matview-blocking", "REFRESH MATERIALIZED VIEW v",
	    "REFRESH MATERIALIZED VIEW CONCURRENTLY v" },
	{ "refresh-matview-blocking", "REFRESH MATERIALIZED VIEW s.v",
	    "EXPLAIN REFRESH MATERIALIZED VIEW v" },
	{ "domain-constraint", "CREATE DOMAIN d AS int CHECK (VALUE > 0)", "CREATE DOMAIN d AS int" },
	{ "domain-constraint", "ALTER DOMAIN d ADD CONSTRAINT c CHECK (VALUE > 0)",
	    "ALTER DOMAIN d DROP CONSTRAINT c" },
	{ "domain-constraint", "ALTER DOMAIN d SET NOT NULL", "ALTER DOMAIN d SET DEFAULT 1" },
	{ "lock-timeout-missing", "ALTER TABLE t ADD c int",
	    "SET lock_timeout = '1s'; ALTER TABLE t ADD c int" },
	{ "statement-timeout-missing", "ALTER TABLE t ADD c int",
	    "SET statement_timeout = '1s'; ALTER TABLE t ADD c int" },
	{ "lock-then-more", "BEGIN; ALTER TABLE t ADD c int; SELECT 1",
	    "BEGIN; ALTER TABLE t ADD c int; COMMIT; SELECT 1" },
	{ "lock-then-more", "ALTER TABLE t ADD c int; ALTER TABLE u ADD c int",
	    "CREATE TABLE t (a int); ALTER TABLE t ADD c int; INSERT INTO t VALUES (1, 2)" },
	{ "lock-then-more", "ALTER TABLE t ADD c int; ALTER TABLE t ADD d int",
	    "ALTER TABLE t ADD c int DEFAULT 1; ALTER TABLE t ALTER c DROP DEFAULT; INSERT INTO v (v) "
	    "VALUES (1)" },
	{ "mix-ddl-dml", "BEGIN; ALTER TABLE t ADD c int; UPDATE t SET c = 1 WHERE a = 2",
	    "BEGIN; ALTER TABLE t ADD c int; INSERT INTO versions (v) VALUES (1)" },
	{ "mix-ddl-dml", "BEGIN; DROP TABLE t; INSERT INTO u SELECT 1",
	    "BEGIN; UPDATE t SET c = 1 WHERE a = 2; ALTER TABLE t ADD d int" },
	{ "rename-column", "ALTER TABLE t RENAME COLUMN a TO b",
	    "ALTER TABLE t RENAME COLUMN a TO a_deleted" },
	{ "rename-column", "ALTER VIEW v RENAME a TO b", "ALTER TABLE t RENAME CONSTRAINT a TO b" },
	{ "rename-column", "ALTER TYPE t RENAME ATTRIBUTE a TO b CASCADE", "ALTER TYPE t RENAME TO u" },
	{ "rename-table", "ALTER TABLE s.t RENAME TO u", "ALTER TABLE t RENAME TO t_deleted" },
	{ "rename-table", "ALTER TABLE t SET SCHEMA s", "ALTER INDEX i RENAME TO j" },
	{ "rename-table", "ALTER MATERIALIZED VIEW t RENAME TO u", "ALTER TABLE t RENAME CONSTRAINT a TO b" },
	{ "rename-schema", "ALTER SCHEMA s RENAME TO t", "CREATE SCHEMA t" },
	{ "rename-enum-value", "ALTER TYPE e RENAME VALUE 'a' TO 'b'",
	    "ALTER TYPE e ADD VALUE 'b' AFTER 'a'" },
	{ "drop-table", "DROP TABLE t", "BEGIN; CREATE TABLE t (a int); DROP TABLE t" },
	{ "drop-table", "CREATE TEMP TABLE t (a int); DROP TABLE t", "DROP TABLE pg_temp.t" },
	{ "drop-table", "DROP FOREIGN TABLE t", "DROP VIEW t" },
	{ "drop-column", "ALTER TABLE t DROP COLUMN c", "ALTER TABLE t DROP CONSTRAINT c" },
	{ "drop-database", "DROP DATABASE d", "CREATE DATABASE d" },
	{ "drop-schema", "DROP SCHEMA s CASCADE", "CREATE SCHEMA s" },
	{ "truncate", "TRUNCATE t", "CREATE TABLE t (a int); TRUNCATE t" },
	{ "drop-owned", "DROP OWNED BY r", "DROP ROLE r" },
	{ "drop-owned", "REASSIGN OWNED BY r TO s", "ALTER TABLE t OWNER TO s" },
	{ "drop-not-null", "ALTER TABLE t ALTER c DROP NOT NULL", "ALTER TABLE t ALTER c DROP DEFAULT" },
	{ "drop-not-null", "ALTER DOMAIN d DROP NOT NULL", "ALTER DOMAIN d DROP DEFAULT" },
	{ "force-create", "DROP TABLE s.t; CREATE TABLE t (a int)", "DROP TABLE s.t; CREATE TABLE u.t (a int)" },
	{ "force-create", "DROP TABLE t; CREATE TABLE t (a int)", "DROP TABLE t; CREATE TABLE u (a int)" },
	{ "force-create", "DROP TABLE t; CREATE TABLE t (a int); DROP TABLE t; CREATE TABLE t (b int)",
	    "CREATE TABLE t (a int); DROP TABLE t; CREATE TABLE t (b int)" },
	{ "cascade", "DROP VIEW v CASCADE", "DROP VIEW v" },
	{ "cascade", "TRUNCATE t CASCADE", "TRUNCATE t" },
	{ "cascade", "ALTER TABLE t DROP COLUMN c CASCADE", "ALTER TABLE t DROP COLUMN c RESTRICT" },
	{ "on-delete-cascade", "CREATE TABLE t (a int REFERENCES u ON DELETE CASCADE)",
	    "CREATE TABLE t (a int REFERENCES u ON UPDATE CASCADE)" },
	{ "on-delete-cascade",
	    "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u ON DELETE CASCADE NOT VALID",
	    "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u NOT VALID" },
	{ "cascade", "ALTER TYPE s.c DROP ATTRIBUTE a CASCADE", "ALTER TYPE s.c DROP ATTRIBUTE a" },
	{ "drop-other", "DROP FUNCTION f(int)", "DROP TABLE t" },
	{ "drop-other", "DROP TRIGGER g ON t", "DROP INDEX CONCURRENTLY i" },
	{ "drop-other", "DROP SERVER s", "CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple)" },
	{ "drop-other", "DROP LANGUAGE l", "DROP TABLE t" },
	{ "drop-other", "DROP TEXT SEARCH CONFIGURATION c", "DROP TABLE t" },
	{ "drop-other", "DROP TEXT SEARCH DICTIONARY d", "DROP TABLE t" },
	{ "drop-other", "DROP USER MAPPING FOR u SERVER s", "DROP TABLE t" },
	{ "drop-other", "DROP SUBSCRIPTION s", "DROP TABLE t" },
	{ "drop-other", "DROP OPERATOR CLASS o USING btree", "DROP TABLE t" },
	{ "json-column", "CREATE TABLE t (a json)", "CREATE TABLE t (a jsonb)" },
	{ "json-column", "CREATE SCHEMA s CREATE TABLE t (a json)", "CREATE SCHEMA s CREATE TABLE t (a int)" },
	{ "prefer-text", "ALTER TABLE t ADD a varchar(20)", "ALTER TABLE t ADD a varchar" },
	{ "char-field", "CREATE TABLE t (a char(3))", "CREATE TABLE t (a varchar(3))" },
	{ "prefer-timestamptz", "CREATE TABLE t (a timestamp(3))",
	    "CREATE TABLE t (a timestamp with time zone)" },
	{ "prefer-bigint", "CREATE TABLE t (a int PRIMARY KEY)", "CREATE TABLE t (a bigint PRIMARY KEY, b int)" },
	{ "prefer-bigint", "CREATE TABLE t (PRIMARY KEY (b, a), a int, b bigint)",
	    "CREATE TABLE t (a int, b bigint, PRIMARY KEY (b), UNIQUE (a))" },
	{ "prefer-bigint", "CREATE TABLE t (a serial)", "CREATE TABLE t (a bigserial)" },
	{ "prefer-identity", "CREATE TABLE t (a bigserial)",
	    "CREATE TABLE t (a bigint GENERATED ALWAYS AS IDENTITY)" },
	{ "enum-type", "CREATE TYPE e AS ENUM ('a')", "CREATE TYPE e AS (a int)" },
	{ "enum-value-order", "ALTER TYPE e ADD VALUE 'b'", "ALTER TYPE e ADD VALUE 'b' BEFORE 'a'" },
	{ "robust-stmts", "CREATE TABLE t (a int)", "CREATE TABLE IF NOT EXISTS t (a int)" },
	{ "robust-stmts", "ALTER TABLE t DROP COLUMN a", "BEGIN; ALTER TABLE t DROP COLUMN a; COMMIT" },
	{ "robust-stmts", "ALTER TABLE t ADD a int", "ALTER TABLE t ADD COLUMN IF NOT EXISTS a int" },
	{ "robust-stmts", "CREATE UNLOGGED TABLE t (a int)", "CREATE TEMP TABLE t (a int)" },
	{ "multi-alter", "ALTER TABLE t ADD a int; ALTER TABLE t ADD b int",
	    "ALTER TABLE t ADD a int, ADD b int; ALTER TABLE u ADD b int" },
	{ "fk-without-index", "ALTER TABLE t ADD a int REFERENCES u",
	    "ALTER TABLE t ADD a int UNIQUE REFERENCES u" },
	{ "table-no-pk", "CREATE TABLE t (a int UNIQUE)", "CREATE TABLE t (a int, PRIMARY KEY (a))" },
	{ "table-no-pk", "CREATE UNLOGGED TABLE t (a int)", "CREATE TEMP TABLE t (a int)" },
	{ "table-no-pk", "CREATE TABLE t ()", "CREATE TABLE t PARTITION OF p DEFAULT" },
	{ "transaction-nesting", "BEGIN; BEGIN", "BEGIN; COMMIT; BEGIN" },
	{ "transaction-open", "BEGIN; SELECT 1", "BEGIN; SELECT 1; COMMIT" },
	{ "commit-in-script", "SELECT 1; COMMIT", "BEGIN; SELECT 1; COMMIT" },
	{ "schema-unqualified", "CREATE TABLE t (a int)", "CREATE TABLE s.t (a int)" },
	{ "identifier-too-long",
	    "SELECT a23456789012345678901234567890123456789012345678901234567890123456789",
	    "SELECT 'a23456789012345678901234567890123456789012345678901234567890123456789'" },
	{ "duplicate-assignment", "UPDATE t SET a = 1, b = 2, a = 3 WHERE c = 1",
	    "UPDATE t SET a[1] = 1, a[2] = 2 WHERE c = 1" },
	{ "duplicate-assignment", "INSERT INTO t (a, b, a) VALUES (1, 2, 3)",
	    "INSERT INTO t (a[1], a[2]) VALUES (1, 2)" },
	{ "where-required", "DELETE FROM t", "DELETE FROM t WHERE id = 1" },
	{ "lock-table", "LOCK TABLE t", "LOCK TABLE t IN ROW EXCLUSIVE MODE" },
	{ "lock-table", "LOCK t IN SHARE MODE", "CREATE TABLE t (a int); LOCK t IN SHARE MODE" },
	{ "limit-required", "SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 1 LIMIT 5" },
	{ "limit-required", "SELECT a FROM t LIMIT ALL", "SELECT count(*) FROM t" },
	{ "limit-required", "SELECT a FROM t LIMIT NULL::bigint", "SELECT a FROM t LIMIT '5'::bigint" },
	{ "limit-required", "SELECT a FROM t LIMIT NULLIF(1, 1)", "SELECT a FROM t LIMIT NULLIF(2, 1)" },
	{ "limit-required", "SELECT a FROM t LIMIT 1 + NULL", "SELECT a FROM t LIMIT 1 + 1" },
	{ "limit-required", "SELECT a FROM t LIMIT COALESCE(NULL, NULL::int)",
	    "SELECT a FROM t LIMIT COALESCE($1, 5)" },
	{ "limit-required", "SELECT a FROM t LIMIT (SELECT NULL::bigint)",
	    "SELECT a FROM t LIMIT (SELECT 5)" },
	{ "limit-required", "SELECT a FROM t LIMIT CASE WHEN 1 = 2 THEN 5 END",
	    "SELECT a FROM t LIMIT CASE WHEN 1 = 1 THEN 5 END" },
	{ "limit-required", "SELECT a FROM t FETCH FIRST (NULL) ROWS ONLY",
	    "SELECT a FROM t FETCH FIRST ($1) ROWS ONLY" },
	{ "select-where", "SELECT a FROM t LIMIT (1 + NULL)::bigint", "SELECT a FROM t LIMIT least(1, 2)" },
	{ "limit-required", "SELECT 1 FROM t UNION SELECT 2", "SELECT 1" },
	{ "limit-required", "COPY (SELECT a FROM t) TO STDOUT", "SELECT generate_series(1, 5)" },
	{ "limit-required", "COPY t (a) TO STDOUT", "COPY t FROM STDIN" },
	{ "select-star", "SELECT * FROM t", "SELECT count(*) FROM t" },
	{ "select-star", "SELECT (t).* FROM t", "SELECT (t).a FROM t" },
	{ "select-star", "SELECT t.* FROM t", "SELECT 1 FROM t WHERE EXISTS (SELECT * FROM u)" },
	{ "select-where", "SELECT a FROM t", "SELECT a FROM t WHERE b = 1" },
	{ "select-where", "COPY t TO STDOUT", "COPY (SELECT a FROM t WHERE b = 1) TO STDOUT" },
	{ "insert-columns", "INSERT INTO t VALUES (1)", "INSERT INTO t (a) VALUES (1)" },
	{ "insert-columns", "INSERT INTO t SELECT 1", "INSERT INTO t DEFAULT VALUES" },
	{ "leading-wildcard", "SELECT 1 FROM t WHERE a LIKE '%x'", "SELECT 1 FROM t WHERE a LIKE 'x%'" },
	{ "leading-wildcard", "SELECT 1 FROM t WHERE a ~~* '%x'", "SELECT 1 FROM t WHERE a ~ '%x'" },
	{ "leading-wildcard", "SELECT 1 FROM t WHERE a OPERATOR(pg_catalog.!~~) '_x'",
	    "SELECT 1 FROM t WHERE a LIKE '%'" },
	{ "leading-wildcard", "SELECT 1 FROM t WHERE a LIKE ANY (ARRAY['x%', '%y'])",
	    "SELECT 1 FROM t WHERE a LIKE ANY (ARRAY['x%', 'y%'])" },
	{ "function-on-column", "SELECT 1 FROM t WHERE lower(a) = 'x'",
	    "SELECT lower(a) FROM t WHERE a = lower('X')" },
	{ "function-on-column", "SELECT 1 FROM t WHERE date_trunc('day', a) = $1",
	    "SELECT 1 FROM t WHERE a = date_trunc('day', $1::date)" },
	{ "function-on-column", "SELECT 1 FROM t WHERE coalesce(a, 0) = 5",
	    "SELECT 1 FROM t WHERE a = coalesce($1, 0)" },
	{ "function-on-column", "SELECT 1 FROM t WHERE 'x' = lower(a)",
	    "SELECT 1 FROM t WHERE a = 'x' AND f(1)" },
	{ "function-on-column", "SELECT 1 FROM t WHERE lower(a) IN ('x', 'y')",
	    "SELECT 1 FROM t WHERE a IN ('x', lower('y'))" },
	{ "order-by-random", "SELECT a FROM t ORDER BY random() LIMIT 1",
	    "SELECT random() FROM t ORDER BY a" },
	{ "order-by-random", "SELECT a FROM t ORDER BY -random() * 2, b LIMIT 1",
	    "SELECT a FROM t WHERE b < random() ORDER BY a" },
	{ "order-by-random", "SELECT a FROM t ORDER BY gen_random_uuid()", "SELECT gen_random_uuid()" },
	{ "order-by-random", "SELECT a, random() FROM t ORDER BY 2", "SELECT a, random() FROM t ORDER BY 1" },
	{ "order-by-random", "SELECT a, random() * 2 AS r FROM t ORDER BY b, r",
	    "SELECT a, random() AS r FROM t ORDER BY t.r" },
	{ "copy-program", "COPY t TO PROGRAM 'cat'", "COPY t TO STDOUT" },
	{ "copy-file", "COPY t FROM '/etc/passwd'", "COPY t FROM STDIN" },
	{ "server-files", "SELECT pg_catalog.pg_read_file('a')", "SELECT 'pg_read_file'" },
	{ "server-files", "SELECT * FROM pg_ls_dir('/')", "SELECT pg_relation_filepath('t')" },
	{ "server-files", "CREATE TABLE t (a text DEFAULT pg_read_file('a'))", "SELECT 1" },
	{ "server-files", "SELECT get_raw_page('t', 0)", "SELECT pg_get_walfile('a')" },
	{ "server-files", "SELECT * FROM pg_get_wal_records_info('0/0', '0/1')", "SELECT pg_walfile_name('0/0')" },
	{ "server-admin", "CREATE TABLESPACE x OWNER y LOCATION '/x'", "CREATE TABLE t (location text)" },
	{ "server-admin", "SELECT binary_upgrade_set_next_pg_type_oid(1)", "SELECT pg_stat_get_activity(1)" },
	{ "server-admin", "SELECT pg_stat_statements_reset()", "SELECT * FROM pg_stat_statements" },
	{ "secrets", "SELECT * FROM pg_config", "SELECT * FROM app.pg_config" },
	{ "secrets", "SELECT pg_config()", "SELECT current_setting('a')" },
	{ "large-object-files", "SELECT lo_import('/etc/passwd')", "SELECT lo_create(0)" },
	{ "network", "SELECT * FROM dblink('a', 'b') AS t (a int)", "SELECT 1 AS dblink" },
	{ "network", "CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw", "CREATE SCHEMA s" },
	{ "network", "ALTER FOREIGN TABLE f OPTIONS (SET filename '/etc/passwd')",
	    "ALTER FOREIGN TABLE f ADD COLUMN a int" },
	{ "network", "ALTER FOREIGN TABLE f ALTER c OPTIONS (SET a 'b')", "ALTER FOREIGN TABLE f ALTER c SET DEFAULT 1" },
	{ "dynamic-sql", "DO 'begin end'", "SELECT 'do'" },
	{ "dynamic-sql", "SELECT query_to_xml('select 1', true, true, '')", "SELECT xmlelement(name a)" },
	{ "untrusted-code", "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x'",
	    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1'" },
	{ "untrusted-code", "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'select 1'",
	    "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog "
	    "AS 'select 1'" },
	{ "untrusted-code", "ALTER FUNCTION f() SECURITY DEFINER", "ALTER FUNCTION f() STABLE" },
	{ "untrusted-code", "LOAD 'x'", "SELECT 1" },
	{ "extension", "CREATE EXTENSION IF NOT EXISTS hstore", "CREATE SCHEMA hstore" },
	{ "server-admin", "SELECT pg_terminate_backend(1)", "SELECT pg_backend_pid()" },
	{ "server-admin", "ALTER SYSTEM SET work_mem = '1GB'", "SET work_mem = '1GB'" },
	{ "replication", "SELECT pg_create_logical_replication_slot('a', 'b')",
	    "SELECT * FROM pg_replication_slots" },
	{ "replication", "CREATE PUBLICATION p FOR ALL TABLES", "CREATE SCHEMA p" },
	{ "secrets", "SELECT * FROM pg_authid", "SELECT * FROM pg_roles" },
	{ "secrets", "SELECT rolpassword FROM pg_catalog.pg_authid", "SELECT * FROM app.pg_authid" },
	{ "secrets", "SELECT s FROM pg_subscription s", "SELECT count(*) FROM pg_subscription" },
	{ "secrets", "SELECT subconninfo FROM pg_subscription", "SELECT subname FROM pg_subscription" },
	{ "secrets", "COPY pg_shadow TO STDOUT", "COPY t TO STDOUT" },
	{ "stall", "SELECT pg_sleep(10)", "SELECT pg_advisory_xact_lock(1)" },
	{ "setting-persisted", "ALTER ROLE r SET work_mem = '1GB'", "SET LOCAL work_mem = '1GB'" },
	{ "setting-persisted", "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET work_mem = '1GB' AS "
			       "'select 1'",
	    "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = a AS 'select 1'" },
	{ "setting-persisted", "ALTER FUNCTION f() SET work_mem = '1GB'", "ALTER FUNCTION f() STABLE" },
	{ "setting-persisted", "ALTER DATABASE d SET work_mem = '1GB'", "ALTER DATABASE d RENAME TO e" },
	{ "setting-persisted", "ALTER SYSTEM SET work_mem = '1GB'", "SET work_mem = '1GB'" },
	{ "role-switch", "SET ROLE r", "SET \"work_mem\" = '1MB'" },
	{ "role-switch", "SET SESSION AUTHORIZATION r", "SET SESSION work_mem = '1MB'" },
	{ "role-switch", "SELECT set_config('ro' || 'le', 'r', false)",
	    "SELECT set_config('work_mem', '1MB', true)" },
	{ "role-switch", "SELECT set_config(name, 'r', false) FROM pg_settings WHERE name = 'role'",
	    "SELECT set_config(name, 'view', false) FROM pg_settings WHERE name = 'row_security'" },
	{ "role-switch", "SELECT set_config(name, 'r', false) FROM pg_settings WHERE name = 'a' OR true",
	    "SELECT set_config('row_security', 'off', false)" },
	{ "role-switch",
	    "SELECT (SELECT set_config(name, 'r', false) FROM x) FROM pg_settings WHERE name = 'a'",
	    "SET row_security = off" },
	{ "role-switch", "UPDATE pg_settings SET setting = 'r' WHERE name = 'role'", "RESET ALL" },
	{ "role-switch", "RESET ROLE", "DISCARD ALL" },
	{ "role-management", "GRANT SELECT ON t TO r", "SELECT 1" },
	{ "role-management", "CREATE SCHEMA s GRANT SELECT ON t TO bob", "CREATE SCHEMA s" },
	{ "role-management", "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO bob", "SELECT 2" },
	{ "role-management", "REASSIGN OWNED BY a TO b", "SELECT 3" },
	{ "role-management", "ALTER USER r PASSWORD 'x'", "SELECT 'alter user'" },
	{ "transaction-mode", "BEGIN READ WRITE", "BEGIN READ ONLY" },
	{ "transaction-mode", "SET transaction_read_only = off", "SET transaction_read_only = on" },
	{ "transaction-mode", "SELECT set_config('transaction_read_only', 'o' || 'ff', true)",
	    "SELECT set_config('transaction_read_only', 'on'::text, true)" },
	{ "encoding", "SET standard_conforming_strings = off", "SET standard_conforming_strings = on" },
	{ "encoding", "SET NAMES 'SJIS'", "SET NAMES 'utf-8'" },
	{ "encoding", "SELECT set_config('client_encoding', $1, false)", "RESET client_encoding" },
	{ "catalog-write", "DELETE FROM pg_class WHERE oid = 1", "SELECT * FROM pg_class" },
	{ "catalog-write", "UPDATE pg_catalog.pg_proc SET prosrc = 'x' WHERE true",
	    "UPDATE app.pg_proc SET prosrc = 'x' WHERE true" },
	{ "catalog-write", "ALTER TABLE pg_catalog.pg_class ADD c int", "VACUUM pg_class" },
};

static char *
judged_in(const struct policies *policies, const char *sql, bool file, char **hint)
{
	const struct subject subject = { "u", "r", "d", "", "", NULL };
	struct policy_transaction *transaction = policy_transaction_new();
	const struct policy_script script = { .transaction = transaction,
		.is_file = file,
		.is_last = file };
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	struct verdict verdict;
	int position = 0;
	char *text;
	enum sql_outcome how = sql_facts(sql, strlen(sql), SQL_TEXT_MOST, &facts, &err, &position);

	if (how != SQL_KNOWN)
		fail_msg("%s: %s", sql, err.text);
	policies_judge_in(policies, &subject, sql, strlen(sql), how, facts, &err, TEN_US,
	    file ? &script : NULL, &verdict);
	text = mem_printf("%s %s", verdict.action == POLICY_DENY ? "deny" : "allow",
	    verdict.rule != NULL ? verdict.rule : "-");
	if (hint != NULL)
		*hint = mem_strdup(verdict.hint);
	verdict_free(&verdict);
	sql_facts_free(facts);
	policy_transaction_free(transaction);
	return text;
}

static struct policies *
load_rule(const char *rule)
{
	char *text = mem_printf(HEADER "rules:\n  - {use: %s, action: deny}\n"
				       "  - {use: session-integrity, mode: off}\n", rule);
	struct policies *policies = load(text);

	mem_free(text);
	return policies;
}

static void
each_rule_flags_what_it_is_for_and_not_its_near_twin(void **state)
{
	for (size_t i = 0; i < COUNT(pairs); i++) {
		const struct pair *pair = &pairs[i];
		struct policies *policies = load_rule(pair->rule);
		char *wanted = mem_printf("deny %s", pair->rule);
		char *got = judged_in(policies, pair->flagged, is_of_files(pair->rule), NULL);
		char *twin = judged_in(policies, pair->twin, is_of_files(pair->rule), NULL);

		if (strcmp(got, wanted) != 0)
			fail_msg("%s: %s instead of %s", pair->flagged, got, wanted);
		if (strcmp(twin, wanted) == 0)
			fail_msg("%s: %s", pair->twin, twin);
		mem_free(got);
		mem_free(twin);
		mem_free(wanted);
		policies_release(policies);
	}
	(void)state;
}

static void
there_is_a_pair_for_every_rule(void **state)
{
	for (size_t i = 0; i < builtin_count(); i++) {
		bool found = strcmp(builtin_at(i)->id, "setting-not-allowed") == 0 || /* below */
		    strcmp(builtin_at(i)->id, "uncounted-write") == 0 ||
		    strcmp(builtin_at(i)->id, "function-call-message") == 0 || /* below */
		    builtin_at(i)->by_name || builtin_at(i)->given != GIVEN_NOTHING; /* test_given.c */

		for (size_t j = 0; j < COUNT(pairs); j++)
			found |= strcmp(pairs[j].rule, builtin_at(i)->id) == 0;
		if (!found)
			fail_msg("no pair for %s", builtin_at(i)->id);
	}
	(void)state;
}

/* The SQL of a hint: behind the first colon, up to the last semicolon. "" if there is none. */
static char *
sql_of(const char *hint)
{
	const char *start = strstr(hint, ": "), *end = strrchr(hint, ';');

	if (start == NULL || end == NULL || end < start)
		return mem_strdup("");
	return mem_strndup(start + 2, (size_t)(end - start) - 1);
}

static void
the_safe_way_of_every_hint_is_sql_that_no_rule_refuses(void **state)
{
	struct policies *all = load(HEADER "rules:\n  - {use: unsafe-ddl}\n  - {use: destructive-ddl}\n"
					   "  - {use: dml-safety}\n  - {use: hygiene}\n"
					   "  - {use: server-access}\n  - {use: session-integrity}\n");

	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct policies *policies = load_rule(pairs[i].rule);
		struct sql_facts *facts = NULL;
		struct error err = { 0 };
		char *hint, *sql;
		int position;

		mem_free(judged_in(policies, pairs[i].flagged, is_of_files(pairs[i].rule), &hint));
		assert_non_null(hint);
		sql = sql_of(hint);
		if (sql_facts(sql, strlen(sql), SQL_TEXT_MOST, &facts, &err, &position) != SQL_KNOWN)
			fail_msg("%s: %s: %s", pairs[i].rule, hint, err.text);
		for (size_t j = 0; j < facts->statement_count; j++) {
			const struct sql_statement *statement = &facts->statements[j];
			char *one = mem_strndup(sql + statement->location, (size_t)statement->length);
			char *got = judged_in(all, one, false, NULL);

			if (strncmp(got, "deny", 4) == 0)
				fail_msg("%s: %s: %s", pairs[i].rule, one, got);
			mem_free(one);
			mem_free(got);
		}
		sql_facts_free(facts);
		mem_free(sql);
		mem_free(hint);
		policies_release(policies);
	}
	policies_release(all);
	(void)state;
}

static void
hints_are_made_of_the_statements_own_words(void **state)
{
	static const struct {
		const char *rule, *sql, *hint;
	} cases[] = {
		{ "add-constraint-valid", "ALTER TABLE shop.items ADD CHECK (price > 0 AND price < 10)",
		    "ALTER TABLE shop.items ADD CONSTRAINT items_check CHECK (price > 0 AND price < 10) "
		    "NOT VALID; ALTER TABLE shop.items VALIDATE CONSTRAINT items_check;" },
		{ "add-fk-valid",
		    "ALTER TABLE items ADD COLUMN shop_id bigint DEFAULT 1 REFERENCES shops (id) ON DELETE "
		    "SET NULL",
		    "ALTER TABLE items ADD COLUMN shop_id bigint; ALTER TABLE items ADD CONSTRAINT "
		    "items_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES shops (id) ON DELETE SET NULL NOT "
		    "VALID; ALTER TABLE items VALIDATE CONSTRAINT items_shop_id_fkey;" },
		{ "add-unique-constraint", "ALTER TABLE items ADD CONSTRAINT one UNIQUE (code, \"Shop\")",
		    "CREATE UNIQUE INDEX CONCURRENTLY one ON items (code, \"Shop\"); ALTER TABLE items ADD "
		    "CONSTRAINT one UNIQUE USING INDEX one;" },
		{ "add-serial", "ALTER TABLE \"It's\" ADD id serial",
		    "ALTER TABLE \"It's\" ADD COLUMN id bigint; CREATE SEQUENCE \"It's_id_seq\" OWNED BY "
		    "\"It's\".id; ALTER TABLE \"It's\" ALTER COLUMN id SET DEFAULT "
		    "nextval('\"It''s_id_seq\"');" },
		{ "add-col-volatile-default",
		    "SELECT 1; ALTER TABLE items ADD at timestamp with time zone DEFAULT clock_timestamp() "
		    "NOT NULL, ADD b int",
		    "ALTER TABLE items ADD COLUMN at timestamp with time zone; ALTER TABLE items ALTER COLUMN "
		    "at SET DEFAULT clock_timestamp();" },
		{ "detach-not-concurrent", "ALTER TABLE a.p DETACH PARTITION a.c",
		    "ALTER TABLE a.p DETACH PARTITION a.c CONCURRENTLY;" },
		{ "set-not-null", "ALTER TABLE items ALTER price SET NOT NULL",
		    "ALTER TABLE items ADD CONSTRAINT items_price_not_null CHECK (price IS NOT NULL) NOT "
		    "VALID; ALTER TABLE items VALIDATE CONSTRAINT items_price_not_null;" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct policies *policies = load_rule(cases[i].rule);
		char *hint, *sql;

		mem_free(judged_in(policies, cases[i].sql, false, &hint));
		assert_non_null(hint);
		sql = sql_of(hint);
		assert_string_equal(sql, cases[i].hint);
		mem_free(sql);
		mem_free(hint);
		policies_release(policies);
	}
	(void)state;
}

static void
only_listed_settings_can_be_set_in_any_spelling(void **state)
{
	static const struct {
		const char *sql, *wanted;
	} cases[] = {
		{ "SET timezone = 'UTC'", "allow -" },
		{ "SET TIME ZONE 'UTC'", "allow -" },
		{ "SET app.tenant = '5'", "allow -" },
		{ "SELECT set_config('app.tenant', '5', true)", "allow -" },
		{ "BEGIN ISOLATION LEVEL SERIALIZABLE", "allow -" },
		{ "RESET ALL", "allow -" },
		{ "DISCARD ALL", "allow -" },
		{ "SHOW work_mem", "allow -" },
		{ "SET work_mem = '1GB'", "deny setting-not-allowed" },
		{ "SET \"WORK_MEM\" = '1GB'", "deny setting-not-allowed" },
		{ "SET LOCAL statement_timeout = 0", "deny setting-not-allowed" },
		{ "RESET statement_timeout", "deny setting-not-allowed" },
		{ "SELECT set_config('statement_timeout', '0', false)", "deny setting-not-allowed" },
		{ "SELECT set_config($1, '0', false)", "deny role-switch" },
		{ "UPDATE pg_settings SET setting = '0' WHERE name = 'statement_timeout'",
		    "deny role-switch" },
		{ "ALTER ROLE u SET statement_timeout = 0", "deny setting-not-allowed" },
		{ "WITH x AS (SELECT set_config('work_mem', '1GB', true)) SELECT * FROM x",
		    "deny setting-not-allowed" },
		{ "SELECT 1; SET work_mem = '1GB'", "deny setting-not-allowed" },
	};
	struct policies *policies =
	    load(HEADER "defaults: {client_settings: [TimeZone, application_name, \"app.*\"]}\n");

	for (size_t i = 0; i < COUNT(cases); i++)
		if (strcmp(outcome(policies, app, cases[i].sql), cases[i].wanted) != 0)
			fail_msg("%s: %s", cases[i].sql, outcome(policies, app, cases[i].sql));
	policies_release(policies);
	(void)state;
}

static void
session_integrity_is_in_force_unless_the_policy_speaks_of_it(void **state)
{
	struct policies *policies = load(HEADER);

	assert_string_equal(outcome(policies, app, "SET ROLE postgres"), "deny role-switch");
	assert_string_equal(outcome(policies, app, "GRANT a TO b"), "deny role-management");
	assert_string_equal(outcome(policies, app, "DELETE FROM pg_class WHERE oid = 1"),
	    "deny catalog-write");
	policies_release(policies);
	policies = load(HEADER "rules:\n  - {use: role-management, match: {not: {role: r}}}\n"
			       "  - {use: role-switch, mode: off}\n");
	assert_string_equal(outcome(policies, app, "SET ROLE postgres"), "allow -");
	assert_string_equal(outcome(policies, app, "GRANT a TO b"), "allow -");
	assert_string_equal(
	    outcome(policies, (struct who){ .role = "x" }, "GRANT a TO b"), "deny role-management");
	policies_release(policies);
	(void)state;
}

static void
a_function_call_message_is_refused_where_a_policy_applies_and_does_not_allow_it(void **state)
{
	static const struct {
		const char *policy;
		enum policy_action action;
		const char *rule;
	} cases[] = {
		{ "", POLICY_DENY, "function-call-message" },
		{ "applies_to: {users: [other]}\n", POLICY_ALLOW, NULL },
		{ "rules: [{use: function-call-message, mode: off}]\n", POLICY_ALLOW, NULL },
		{ "rules: [{use: session-integrity, mode: off}]\n", POLICY_ALLOW, NULL },
		{ "rules: [{use: function-call-message, match: {not: {role: r}}}]\n", POLICY_ALLOW, NULL },
		{ "rules: [{use: function-call-message, mode: off},\n"
		  "  {id: f, match: {class: FUNCTION}, action: deny}]\n", POLICY_DENY, "f" },
		{ "rules: [{use: function-call-message, mode: off}]\ndefaults: {action: deny}\n", POLICY_DENY,
		    "default-deny" },
		{ "rules: [{use: server-access}, {use: unsafe-ddl}, {use: destructive-ddl}, {use: dml-safety},\n"
		  "  {use: hygiene}, {use: function-call-message, mode: off}]\n", POLICY_ALLOW, NULL },
	};
	const struct subject subject = { "u", "r", "d", "", "", NULL };
	struct sql_facts *facts = sql_facts_of_call();

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *text = mem_printf(HEADER "%s", cases[i].policy);
		struct policies *policies = load(text);
		struct verdict verdict;

		policies_judge(policies, &subject, "", 0, SQL_KNOWN, facts, NULL, TEN_US, &verdict);
		if (verdict.action != cases[i].action)
			fail_msg("%s: %s", cases[i].policy, verdict.rule);
		if (cases[i].rule != NULL)
			assert_string_equal(verdict.rule, cases[i].rule);
		verdict_free(&verdict);
		policies_release(policies);
		mem_free(text);
	}
	sql_facts_free(facts);
	(void)state;
}

static void
rows_of_one_insert_are_counted(void **state)
{
	struct policies *policies = load_rule("insert-rows");
	struct buf sql = { 0 };
	char *text;

	buf_put_text(&sql, "INSERT INTO t (a) VALUES (1)");
	for (int i = 0; i < 999; i++)
		buf_put_text(&sql, ",(1)");
	buf_put_u8(&sql, '\0');
	assert_string_equal(outcome(policies, app, (const char *)buf_bytes(&sql)), "allow -");
	sql.end--;
	text = buf_steal_text(&sql);
	buf_printf(&sql, "%s,(1)", text);
	mem_free(text);
	text = buf_steal_text(&sql);
	assert_string_equal(outcome(policies, app, text), "deny insert-rows");
	mem_free(text);
	policies_release(policies);
	(void)state;
}

static void
what_a_session_did_before_counts(void **state)
{
	struct policies *policies = load_rule("index-not-concurrent");
	struct policy_transaction *transaction = policy_transaction_new();
	const struct policy_script script = { .transaction = transaction, .in_block = true };
	static const char *const before[] = { "BEGIN", "CREATE TABLE t (a int)", "SAVEPOINT s",
		"CREATE TABLE u (a int)", "ROLLBACK TO s" };
	static const struct {
		const char *sql;
		enum policy_action action;
	} cases[] = { { "CREATE INDEX ON t (a)", POLICY_ALLOW },
		{ "CREATE INDEX ON u (a)", POLICY_DENY } };
	const struct subject subject = { "u", "r", "d", "", "", NULL };
	struct sql_facts *facts;
	struct error err = { 0 };
	int position;

	for (size_t i = 0; i < COUNT(before); i++) {
		assert_int_equal(sql_facts(before[i], strlen(before[i]), 4096, &facts, &err, &position),
		    SQL_KNOWN);
		assert_true(policy_transaction_cares(&facts->statements[0]));
		policy_transaction_note(transaction, &facts->statements[0]);
		sql_facts_free(facts);
	}
	assert_true(policy_transaction_is_open(transaction));
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct verdict verdict;

		sql_facts(cases[i].sql, strlen(cases[i].sql), 4096, &facts, &err, &position);
		policies_judge_in(policies, &subject, cases[i].sql, strlen(cases[i].sql), SQL_KNOWN,
		    facts, &err, TEN_US, &script, &verdict);
		assert_int_equal(verdict.action, cases[i].action);
		verdict_free(&verdict);
		sql_facts_free(facts);
	}
	policy_transaction_end(transaction);
	assert_false(policy_transaction_is_open(transaction));
	policy_transaction_free(transaction);
	policies_release(policies);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_flags_what_it_is_for_and_not_its_near_twin),
		cmocka_unit_test(there_is_a_pair_for_every_rule),
		cmocka_unit_test(the_safe_way_of_every_hint_is_sql_that_no_rule_refuses),
		cmocka_unit_test(hints_are_made_of_the_statements_own_words),
		cmocka_unit_test(only_listed_settings_can_be_set_in_any_spelling),
		cmocka_unit_test(session_integrity_is_in_force_unless_the_policy_speaks_of_it),
		cmocka_unit_test(
		    a_function_call_message_is_refused_where_a_policy_applies_and_does_not_allow_it),
		cmocka_unit_test(rows_of_one_insert_are_counted),
		cmocka_unit_test(what_a_session_did_before_counts),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

/*
 * test_facts.c - behaviour of sql/facts: a text, and what it does in one line
 * (see describe.h). A row is added for each form that was once got wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "describe.h"

enum { THREADS = 4, ROUNDS = 50 };

struct expectation {
	const char *text, *facts;
};

static const struct expectation reading[] = {
	{ "SELECT 1", "SELECT READ" },
	{ "VALUES (1), (2)", "SELECT READ" },
	{ "TABLE orders", "SELECT READ r:orders" },
	{ "SELECT a.x, count(*) FROM public.orders o JOIN customers c USING (id) WHERE "
	    "o.id = $1",
	    "SELECT READ r:public.orders r:customers f:count" },
	{ "SELECT * FROM t FOR UPDATE OF t SKIP LOCKED", "SELECT READ,LOCK r:t" },
	{ "SELECT (SELECT max(id) FROM b) FROM a WHERE EXISTS (SELECT FROM c)",
	    "SELECT READ r:b r:a r:c f:max" },
	{ "SELECT 1 FROM a UNION (SELECT 2 FROM b INTERSECT SELECT 3 FROM c)",
	    "SELECT READ r:a r:b r:c" },
	{ "SELECT * FROM generate_series(1, 3), LATERAL f(1) AS g",
	    "SELECT READ f:generate_series f:f" },
	{ "SELECT * FROM t TABLESAMPLE system (10)", "SELECT READ r:t f:system" },
	{ "SELECT * FROM xmltable('/r' PASSING data() COLUMNS a int)",
	    "SELECT READ f:data" },
	{ "SELECT ('x'::text).pg_read_file", "SELECT READ f:pg_read_file" },
	{ "SELECT pg_catalog.PG_READ_FILE('a'), \"PG_Read_File\"('b')",
	    "SELECT READ f:pg_read_file f:PG_Read_File" },
	{ "SELECT 'pg_read_file(1)' -- pg_sleep(1)", "SELECT READ" },
	{ "SELECT * FROM \"Mixed\".\"Case\", U&\"d\\0061ta\"",
	    "SELECT READ r:Mixed.Case r:data" },
	{ "SELECT count(*) FILTER (WHERE f(x)) OVER (PARTITION BY g(y)) FROM t ORDER BY "
	    "h(z) LIMIT k(1)",
	    "SELECT READ r:t f:count f:f f:g f:h f:k" },
	{ "SELECT x.pg_read_file FROM unnest(ARRAY['a']) AS x",
	    "SELECT READ f:unnest f:pg_read_file" },
	{ "SELECT unnest.pg_read_file, o.id FROM unnest(ARRAY['a']), orders o",
	    "SELECT READ r:orders f:unnest f:pg_read_file" },
	{ "SELECT k.pg_advisory_lock FROM generate_series(1, 3) k",
	    "SELECT READ f:generate_series f:pg_advisory_lock leaves:advisory" },
	{ "SELECT (1).pg_advisory_lock", "SELECT READ f:pg_advisory_lock leaves:advisory" },
	{ "SELECT \"coalesce\".pg_read_file FROM coalesce('a'::text)",
	    "SELECT READ f:pg_read_file" },
	{ "SELECT g.* FROM t, generate_series(1, 3) g WHERE t.a = g",
	    "SELECT READ r:t f:generate_series" },
	{ "SHOW search_path", "SHOW READ" },
};

static const struct expectation writing[] = {
	{ "INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y') RETURNING id",
	    "INSERT WRITE w:t" },
	{ "INSERT INTO t DEFAULT VALUES", "INSERT WRITE w:t" },
	{ "INSERT INTO t SELECT * FROM u", "INSERT,SELECT READ,WRITE w:t r:u" },
	{ "INSERT INTO t VALUES ((SELECT max(id) FROM u))",
	    "INSERT,SELECT READ,WRITE w:t r:u f:max" },
	{ "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", "INSERT WRITE w:t" },
	{ "INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET a = excluded.a",
	    "INSERT,UPDATE WRITE w:t" },
	{ "INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1 RETURNING *",
	    "INSERT,UPDATE READ,WRITE rw:t" },
	{ "UPDATE t SET a = 1", "UPDATE WRITE w:t where:absent:t" },
	{ "UPDATE ONLY s.t AS x SET a = u.b FROM u WHERE x.id = u.id RETURNING *",
	    "UPDATE READ,WRITE rw:s.t r:u where:present:t" },
	{ "UPDATE t SET (a, b) = (SELECT 1, 2 FROM u) WHERE CURRENT OF c",
	    "UPDATE,SELECT READ,WRITE w:t r:u where:present:t" },
	{ "DELETE FROM t", "DELETE WRITE w:t where:absent:t" },
	{ "DELETE FROM t USING u WHERE t.id = u.id",
	    "DELETE WRITE w:t r:u where:present:t" },
	{ "DELETE FROM t WHERE true", "DELETE WRITE w:t where:tautology:t" },
	{ "MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED "
	    "THEN INSERT VALUES (1)",
	    "MERGE,DELETE,INSERT WRITE w:t r:u where:present:t" },
	{ "MERGE INTO t USING u ON true WHEN MATCHED AND 1 = 1 THEN UPDATE SET a = 1",
	    "MERGE,UPDATE WRITE w:t r:u where:tautology:t" },
	{ "MERGE INTO t USING u ON true WHEN MATCHED AND t.a > 1 THEN UPDATE SET a = 1",
	    "MERGE,UPDATE WRITE w:t r:u where:present:t" },
	{ "UPDATE pg_settings SET setting = 'x' WHERE name = 'y'",
	    "UPDATE WRITE w:pg_settings where:present:pg_settings leaves:setting guc:" },
};

/* As PostgreSQL stores a name: folded unless quoted or escaped, cut at 63 bytes between characters. */
static const struct expectation names[] = {
	{ "SELECT * FROM Orders, \"Orders\", U&\"\\004FRDERS\", \"ord\"\"ers\"",
	    "SELECT READ r:orders r:Orders r:ORDERS r:ord\"ers" },
	{ "SELECT PG_SLEEP(1), \"PG_SLEEP\"(1)", "SELECT READ f:pg_sleep f:PG_SLEEP" },
	{ "DROP TABLE a23456789012345678901234567890123456789012345678901234567890123456",
	    "DROP TABLE DDL d:a23456789012345678901234567890123456789012345678901234567890123 "
	    "drop:TABLE" },
	{ "DROP TABLE a2345678901234567890123456789012345678901234567890123456789012\xc3\xa9",
	    "DROP TABLE DDL d:a2345678901234567890123456789012345678901234567890123456789012 "
	    "drop:TABLE" },
	{ "DROP TABLE a234567890123456789012345678901234567890123456789012345678901\xc3\xa9",
	    "DROP TABLE DDL d:a234567890123456789012345678901234567890123456789012345678901\xc3\xa9 "
	    "drop:TABLE" },
};

static const struct expectation names_of_with[] = {
	{ "WITH d AS (DELETE FROM a RETURNING *) SELECT * FROM d",
	    "SELECT,DELETE READ,WRITE rw:a where:absent:a" },
	{ "WITH secret AS (SELECT * FROM secret) SELECT * FROM secret",
	    "SELECT READ r:secret" },
	{ "WITH x AS (SELECT 1), y AS (SELECT * FROM x) SELECT * FROM y", "SELECT READ" },
	{ "WITH x AS (SELECT * FROM y), y AS (SELECT 1) SELECT * FROM x",
	    "SELECT READ r:y" },
	{ "WITH RECURSIVE x AS (SELECT * FROM y), y AS (SELECT 1) SELECT * FROM x",
	    "SELECT READ" },
	{ "WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT * FROM r",
	    "SELECT READ" },
	{ "SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) AS s, x",
	    "SELECT READ r:x" },
	{ "WITH x AS (SELECT 1) INSERT INTO x SELECT * FROM x",
	    "INSERT,SELECT READ,WRITE w:x" },
	{ "WITH x AS (SELECT 1) SELECT * FROM public.x", "SELECT READ r:public.x" },
	{ "WITH u AS (UPDATE a SET b = 1 WHERE id = 1), d AS (DELETE FROM c) UPDATE e SET "
	    "f = 1 WHERE id = 2",
	    "UPDATE,DELETE WRITE w:e w:a w:c where:absent:c" },
	{ "WITH x AS (WITH y AS (SELECT 1) SELECT * FROM y) SELECT * FROM x, y",
	    "SELECT READ r:y" },
	{ "WITH x AS (SELECT 1) DELETE FROM t USING x WHERE t.id = (SELECT * FROM x)",
	    "DELETE,SELECT READ,WRITE w:t where:present:t" },
};

static const struct expectation explain[] = {
	{ "EXPLAIN UPDATE t SET a = 1", "EXPLAIN,UPDATE WRITE,EXPLAIN effects:EXPLAIN w:t" },
	{ "EXPLAIN ANALYZE UPDATE t SET a = 1",
	    "EXPLAIN,UPDATE WRITE,EXPLAIN w:t where:absent:t" },
	{ "EXPLAIN (ANALYZE, ANALYZE false) DELETE FROM t",
	    "EXPLAIN,DELETE WRITE,EXPLAIN effects:EXPLAIN w:t" },
	{ "EXPLAIN (ANALYZE off, ANALYZE) DELETE FROM t",
	    "EXPLAIN,DELETE WRITE,EXPLAIN w:t where:absent:t" },
	{ "EXPLAIN (ANALYZE 0) DELETE FROM t",
	    "EXPLAIN,DELETE WRITE,EXPLAIN effects:EXPLAIN w:t" },
	{ "EXPLAIN (ANALYZE 1) DELETE FROM t",
	    "EXPLAIN,DELETE WRITE,EXPLAIN w:t where:absent:t" },
	{ "EXPLAIN (VERBOSE, ANALYZE 'false') SELECT pg_advisory_lock(1)",
	    "EXPLAIN,SELECT READ,EXPLAIN effects:EXPLAIN f:pg_advisory_lock" },
	{ "EXPLAIN ANALYZE SELECT pg_advisory_lock(1)",
	    "EXPLAIN,SELECT READ,EXPLAIN f:pg_advisory_lock leaves:advisory" },
	{ "EXPLAIN ANALYZE EXECUTE p (1)", "EXPLAIN,EXECUTE PREPARE,EXPLAIN prepared:p" },
	{ "EXPLAIN CREATE TEMP TABLE x AS SELECT 1",
	    "EXPLAIN,CREATE TABLE AS,SELECT READ,DDL,EXPLAIN effects:EXPLAIN d:x" },
	{ "EXPLAIN (ANALYZE) CREATE TEMP TABLE x AS SELECT 1",
	    "EXPLAIN,CREATE TABLE AS,SELECT READ,DDL,EXPLAIN d:x leaves:temp" },
	{ "EXPLAIN ANALYZE DECLARE c CURSOR WITH HOLD FOR SELECT 1",
	    "EXPLAIN,DECLARE,SELECT READ,CURSOR,EXPLAIN leaves:hold" },
};

static const struct expectation making[] = {
	{ "CREATE TABLE s.t (id int PRIMARY KEY DEFAULT f(), u int REFERENCES s.u (id), "
	    "CHECK (g(id)), LIKE l) INHERITS (p)",
	    "CREATE TABLE DDL d:s.t r:s.u r:l d:p f:f f:g" },
	{ "CREATE TABLE part PARTITION OF whole FOR VALUES IN (1)",
	    "CREATE TABLE DDL d:part d:whole" },
	{ "CREATE TABLE t AS SELECT * FROM u", "CREATE TABLE AS,SELECT READ,DDL r:u d:t" },
	{ "CREATE TABLE t AS EXECUTE p",
	    "CREATE TABLE AS,EXECUTE DDL,PREPARE d:t prepared:p" },
	{ "SELECT * INTO t FROM u", "SELECT INTO,SELECT READ,DDL d:t r:u" },
	{ "CREATE MATERIALIZED VIEW m AS SELECT * FROM t",
	    "CREATE MATERIALIZED VIEW,SELECT READ,DDL r:t d:m" },
	{ "CREATE VIEW v AS SELECT pg_advisory_lock(1) FROM t",
	    "CREATE VIEW,SELECT READ,DDL d:v r:t f:pg_advisory_lock" },
	{ "CREATE FOREIGN TABLE t (a int) SERVER s",
	    "CREATE FOREIGN TABLE,CREATE TABLE DDL d:t" },
	{ "CREATE INDEX ON orders (customer_id)", "CREATE INDEX DDL d:orders index:?" },
	{ "CREATE UNIQUE INDEX IF NOT EXISTS i ON public.orders (lower(name)) WHERE f(a)",
	    "CREATE INDEX DDL d:public.orders f:lower f:f index:i" },
	{ "CREATE INDEX CONCURRENTLY i ON orders (a)",
	    "CREATE INDEX DDL d:orders index:i:concurrently" },
	{ "CREATE SCHEMA s CREATE TABLE t (a int) CREATE INDEX i ON t (a) CREATE VIEW v "
	    "AS SELECT * FROM u",
	    "CREATE SCHEMA,CREATE TABLE,CREATE INDEX,CREATE VIEW,SELECT READ,DDL d:t d:v "
	    "r:u" },
	{ "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'begin delete from t; end'",
	    "CREATE FUNCTION DDL" },
	{ "CREATE FUNCTION f() RETURNS int LANGUAGE SQL AS 'DELETE FROM t; SELECT "
	    "set_config(''a.b'', ''c'', false)'",
	    "CREATE FUNCTION,DELETE,SELECT READ,WRITE,DDL w:t f:set_config where:absent:t "
	    "guc:a.b" },
	{ "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT x.g FROM unnest($1) x; SELECT "
	  "t.a FROM t'",
	    "CREATE FUNCTION,SELECT READ,DDL r:t f:unnest f:g" },
	{ "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'BEGIN; SAVEPOINT a; ROLLBACK TO a; COMMIT'",
	    "CREATE FUNCTION,BEGIN,SAVEPOINT,ROLLBACK,COMMIT DDL,TXN" },
	{ "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DISCARD ALL; DISCARD PLANS'", "CREATE FUNCTION,DISCARD ALL,DISCARD PLANS DDL,SESSION" },
	{ "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'PREPARE a AS SELECT 1; EXECUTE a; "
	  "DEALLOCATE a'",
	    "CREATE FUNCTION,PREPARE,SELECT,EXECUTE,DEALLOCATE READ,DDL,PREPARE" },
	{ "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'LISTEN c; UNLISTEN *; NOTIFY c'", "CREATE FUNCTION,LISTEN,UNLISTEN,NOTIFY DDL,LISTEN" },
	{ "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DECLARE c CURSOR WITH HOLD FOR SELECT 1; "
	  "FETCH c; CLOSE c'",
	    "CREATE FUNCTION,DECLARE,SELECT,FETCH,CLOSE READ,DDL,CURSOR" },
	{ "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'nonsense'",
	    "!1 syntax error at or near \"nonsense\"" },
	{ "CREATE PROCEDURE f() BEGIN ATOMIC UPDATE t SET a = 1; SELECT g(); END",
	    "CREATE PROCEDURE,UPDATE,SELECT READ,WRITE,DDL w:t f:g where:absent:t" },
	{ "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = a RETURN g(1)",
	    "CREATE FUNCTION DDL f:g guc:search_path stored" },
	{ "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION s.f()",
	    "CREATE TRIGGER DDL d:t f:f" },
	{ "CREATE RULE r AS ON INSERT TO t DO ALSO DELETE FROM u",
	    "CREATE RULE,DELETE WRITE,DDL d:t w:u where:absent:u" },
	{ "CREATE POLICY p ON t USING (f(a) AND EXISTS (SELECT FROM u))",
	    "CREATE POLICY,SELECT READ,DDL d:t r:u f:f" },
	{ "CREATE SEQUENCE q OWNED BY t.a", "CREATE SEQUENCE DDL d:q" },
	{ "CREATE TYPE e AS ENUM ('a')", "CREATE TYPE DDL" },
	{ "CREATE TYPE c AS (a int)", "CREATE TYPE DDL d:c" },
	{ "CREATE AGGREGATE a (int) (sfunc = f, stype = int)", "CREATE AGGREGATE DDL f:f" },
	{ "CREATE DOMAIN d AS int CHECK (f(VALUE))", "CREATE DOMAIN DDL f:f" },
	{ "CREATE EXTENSION dblink", "CREATE EXTENSION DDL" },
	{ "CREATE DATABASE d", "CREATE DATABASE DDL" },
	{ "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()",
	    "CREATE EVENT TRIGGER DDL f:f" },
	{ "CREATE PUBLICATION p FOR TABLE t WHERE (a > 1)", "CREATE PUBLICATION DDL r:t" },
	{ "CREATE STATISTICS s ON a, b FROM t", "CREATE STATISTICS DDL d:t" },
};

/* Functions that are called by whoever uses what is defined here. */
static const struct expectation naming[] = {
	{ "CREATE AGGREGATE a (text, bool) (sfunc = set_config, stype = text, initcond = 'role')",
	    "CREATE AGGREGATE DDL f:set_config guc:" },
	{ "CREATE AGGREGATE a (text) (sfunc = textcat, stype = text, finalfunc = s.\"F\")",
	    "CREATE AGGREGATE DDL f:textcat f:F" },
	{ "CREATE AGGREGATE a (text) (sfunc = 'f', stype = text)", "CREATE AGGREGATE DDL f:f" },
	{ "CREATE OPERATOR ### (RIGHTARG = text, FUNCTION = pg_catalog.pg_read_file)",
	    "CREATE OPERATOR DDL f:pg_read_file" },
	{ "CREATE OPERATOR ### (RIGHTARG = text, PROCEDURE = f, RESTRICT = g, JOIN = h)",
	    "CREATE OPERATOR DDL f:f f:g f:h" },
	{ "ALTER OPERATOR + (int, int) SET (RESTRICT = f)", "ALTER OPERATOR DDL f:f" },
	{ "CREATE CAST (text AS x) WITH FUNCTION s.f(text)", "CREATE CAST DDL f:f" },
	{ "CREATE CONVERSION c FOR 'UTF8' TO 'LATIN1' FROM f", "CREATE CONVERSION DDL f:f" },
	{ "CREATE OPERATOR CLASS c FOR TYPE int USING btree AS FUNCTION 1 f(int, int)",
	    "CREATE OPERATOR CLASS DDL f:f" },
	{ "ALTER OPERATOR FAMILY c USING btree ADD FUNCTION 1 f(int, int)",
	    "ALTER OPERATOR FAMILY DDL f:f" },
	{ "CREATE TYPE r AS RANGE (subtype = float8, subtype_diff = f)", "CREATE TYPE DDL f:f" },
	{ "CREATE TYPE t (INPUT = f, OUTPUT = g)", "CREATE TYPE DDL f:f f:g" },
	{ "ALTER TYPE t SET (RECEIVE = f)", "ALTER TYPE DDL f:f" },
	{ "CREATE FOREIGN DATA WRAPPER w HANDLER f VALIDATOR g",
	    "CREATE FOREIGN DATA WRAPPER DDL f:f f:g" },
	{ "CREATE LANGUAGE l HANDLER f INLINE g VALIDATOR h", "CREATE LANGUAGE DDL f:f f:g f:h" },
	{ "CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION f(internal), TO SQL "
	  "WITH FUNCTION g(internal))",
	    "CREATE TRANSFORM DDL f:f f:g" },
	{ "CREATE ACCESS METHOD m TYPE INDEX HANDLER f", "CREATE ACCESS METHOD DDL f:f" },
	{ "CREATE TEXT SEARCH TEMPLATE t (INIT = f, LEXIZE = g)",
	    "CREATE TEXT SEARCH TEMPLATE DDL f:f f:g" },
	{ "EXPLAIN (ANALYZE true) SELECT 1", "EXPLAIN,SELECT READ,EXPLAIN" },
	{ "CREATE SEQUENCE q START 5", "CREATE SEQUENCE DDL d:q" },
	{ "VACUUM (ANALYZE true) t", "VACUUM MAINTENANCE r:t" },
	{ "DROP FUNCTION f(int)", "DROP FUNCTION DDL drop:FUNCTION" },
};

static const struct expectation changing[] = {
	{ "ALTER TABLE s.t ADD COLUMN b int REFERENCES u (id), DROP COLUMN c",
	    "ALTER TABLE DDL d:s.t r:u drop-column:c" },
	{ "ALTER TABLE t ATTACH PARTITION p FOR VALUES IN (1)", "ALTER TABLE DDL d:t d:p" },
	{ "ALTER INDEX i RENAME TO j", "ALTER INDEX DDL d:i" },
	{ "ALTER TABLE t RENAME COLUMN a TO b", "ALTER TABLE DDL d:t" },
	{ "ALTER TABLE t SET SCHEMA s", "ALTER TABLE DDL d:t" },
	{ "ALTER FUNCTION f() OWNER TO bob", "ALTER FUNCTION DDL" },
	{ "ALTER SEQUENCE q RESTART", "ALTER SEQUENCE DDL d:q" },
	{ "COMMENT ON TABLE s.t IS 'x'", "COMMENT DDL d:s.t" },
	{ "COMMENT ON COLUMN s.t.c IS 'x'", "COMMENT DDL d:s.t" },
	{ "COMMENT ON DATABASE d IS 'x'", "COMMENT DDL" },
	{ "TRUNCATE a, s.b CASCADE", "TRUNCATE WRITE,DDL w:a w:s.b" },
	{ "LOCK TABLE t IN SHARE MODE", "LOCK LOCK r:t" },
	{ "VACUUM FULL t", "VACUUM MAINTENANCE r:t" },
	{ "ANALYZE t (a)", "ANALYZE MAINTENANCE r:t" },
	{ "CLUSTER t USING i", "CLUSTER MAINTENANCE d:t" },
	{ "REINDEX (VERBOSE) TABLE t", "REINDEX MAINTENANCE d:t" },
	{ "REINDEX SCHEMA s", "REINDEX MAINTENANCE" },
	{ "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
	    "REFRESH MATERIALIZED VIEW WRITE,MAINTENANCE w:m" },
	{ "CHECKPOINT", "CHECKPOINT MAINTENANCE" },
	{ "ALTER SYSTEM SET work_mem = '1MB'", "ALTER SYSTEM DDL guc:work_mem stored" },
};

static const struct expectation dropping[] = {
	{ "DROP TABLE IF EXISTS a.b, c CASCADE",
	    "DROP TABLE DDL d:a.b d:c drop:TABLE:cascade" },
	{ "DROP INDEX i, s.j", "DROP INDEX DDL d:i d:s.j drop:INDEX" },
	{ "DROP INDEX CONCURRENTLY i", "DROP INDEX DDL d:i drop:INDEX:concurrently" },
	{ "DROP VIEW v", "DROP VIEW DDL d:v drop:VIEW" },
	{ "DROP MATERIALIZED VIEW m",
	    "DROP MATERIALIZED VIEW DDL d:m drop:MATERIALIZED VIEW" },
	{ "DROP SCHEMA s CASCADE", "DROP SCHEMA DDL drop:SCHEMA:cascade" },
	{ "DROP FUNCTION f(int)", "DROP FUNCTION DDL drop:FUNCTION" },
	{ "DROP TYPE s.t", "DROP TYPE DDL drop:TYPE" },
	{ "DROP TRIGGER x ON s.t", "DROP TRIGGER DDL d:s.t drop:TRIGGER" },
	{ "DROP POLICY p ON t", "DROP POLICY DDL d:t drop:POLICY" },
	{ "DROP DATABASE d", "DROP DATABASE DDL drop:DATABASE" },
	{ "DROP ROLE r", "DROP ROLE ROLE drop:ROLE" },
	{ "DROP OWNED BY r CASCADE", "DROP OWNED DDL,ROLE drop:OWNED:cascade" },
	{ "DROP SUBSCRIPTION s", "DROP SUBSCRIPTION DDL drop:SUBSCRIPTION" },
	{ "DROP TABLESPACE s", "DROP TABLESPACE DDL drop:TABLESPACE" },
	{ "DROP USER MAPPING FOR u SERVER s", "DROP USER MAPPING DDL drop:USER MAPPING" },
	{ "DROP EXTENSION e", "DROP EXTENSION DDL drop:EXTENSION" },
	{ "DROP CAST (int AS text)", "DROP CAST DDL drop:CAST" },
};

static const struct expectation roles[] = {
	{ "GRANT SELECT ON t TO bob", "GRANT ROLE d:t" },
	{ "REVOKE ALL ON ALL TABLES IN SCHEMA s FROM bob", "REVOKE ROLE" },
	{ "GRANT admin TO bob", "GRANT ROLE,GRANT ROLE" },
	{ "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO bob",
	    "ALTER DEFAULT PRIVILEGES,GRANT ROLE" },
	{ "CREATE ROLE bob PASSWORD 'secret'", "CREATE ROLE ROLE" },
	{ "ALTER ROLE bob SET work_mem = '1MB'", "ALTER ROLE ROLE guc:work_mem stored of:bob/*" },
	{ "ALTER DATABASE d SET default_transaction_read_only = off",
	    "ALTER DATABASE DDL guc:default_transaction_read_only stored read-write of:*/d" },
	{ "ALTER ROLE bob IN DATABASE d SET work_mem = '1MB'",
	    "ALTER ROLE ROLE guc:work_mem stored of:bob/d" },
	{ "ALTER ROLE ALL SET work_mem = '1MB'", "ALTER ROLE ROLE guc:work_mem stored of:*/*" },
	{ "ALTER ROLE CURRENT_USER SET work_mem = '1MB'", "ALTER ROLE ROLE guc:work_mem stored of:*/*" },
	{ "ALTER ROLE bob RESET ALL", "ALTER ROLE ROLE guc: stored of:bob/*" },
	{ "ALTER ROLE bob RENAME TO carol", "ALTER ROLE DDL,ROLE" },
	{ "REASSIGN OWNED BY a TO b", "REASSIGN OWNED ROLE" },
};

static const struct expectation transactions[] = {
	{ "BEGIN", "BEGIN TXN begin" },
	{ "START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE",
	    "START TRANSACTION TXN begin guc:transaction_isolation "
	    "guc:transaction_read_only read-write" },
	{ "BEGIN READ ONLY", "BEGIN TXN begin guc:transaction_read_only" },
	{ "END", "COMMIT TXN commit" },
	{ "COMMIT AND CHAIN", "COMMIT TXN commit chain" },
	{ "ABORT", "ROLLBACK TXN rollback" },
	{ "ROLLBACK AND CHAIN", "ROLLBACK TXN rollback chain" },
	{ "SAVEPOINT \"S p\"", "SAVEPOINT TXN savepoint:S p" },
	{ "RELEASE s", "RELEASE TXN release:s" },
	{ "ROLLBACK TO SAVEPOINT s", "ROLLBACK TXN rollback-to:s" },
	{ "PREPARE TRANSACTION 'x'", "PREPARE TRANSACTION TXN prepare-txn" },
	{ "COMMIT PREPARED 'x'", "COMMIT PREPARED TXN commit-prepared" },
	{ "ROLLBACK PREPARED 'x'", "ROLLBACK PREPARED TXN commit-prepared" },
	{ "SET CONSTRAINTS ALL DEFERRED", "SET CONSTRAINTS TXN" },
};

static const struct expectation settings[] = {
	{ "SET work_mem = '1MB'",
	    "SET SESSION set:work_mem{SET work_mem = '1MB'} guc:work_mem" },
	{ "SET SESSION \"TimeZone\" TO 'UTC'",
	    "SET SESSION set:timezone{SET SESSION \"TimeZone\" TO 'UTC'} guc:timezone" },
	{ "/* a */ SET TIME ZONE 'UTC' -- b",
	    "SET SESSION set:timezone{SET TIME ZONE 'UTC'} guc:timezone" },
	{ "SET TIME ZONE LOCAL", "SET SESSION reset:timezone guc:timezone" },
	{ "SET NAMES 'utf8'",
	    "SET SESSION set:client_encoding{SET NAMES 'utf8'} guc:client_encoding" },
	{ "SET LOCAL app.Name TO 'x'", "SET SESSION local-set:app.name guc:app.name" },
	{ "SET search_path = a, \"B b\"",
	    "SET SESSION set:search_path{SET search_path = a, \"B b\"} guc:search_path" },
	{ "SET search_path = pg_temp, public",
	    "SET SESSION leaves:temp set:search_path{SET search_path = pg_temp, public} "
	    "guc:search_path" },
	{ "SET x TO DEFAULT", "SET SESSION reset:x guc:x" },
	{ "SET x FROM CURRENT", "SET SESSION leaves:setting guc:x" },
	{ "RESET x", "RESET SESSION reset:x guc:x" },
	{ "RESET ALL", "RESET SESSION reset-all: guc:" },
	{ "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE, ISOLATION LEVEL "
	    "REPEATABLE READ, DEFERRABLE",
	    "SET SESSION set:default_transaction_read_only{SET "
	    "default_transaction_read_only TO off} set:default_transaction_isolation{SET "
	    "default_transaction_isolation TO 'repeatable read'} "
	    "set:default_transaction_deferrable{SET default_transaction_deferrable TO on} "
	    "guc:default_transaction_read_only guc:default_transaction_isolation "
	    "guc:default_transaction_deferrable read-write" },
	{ "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY",
	    "SET TXN local-set:transaction_isolation local-set:transaction_read_only "
	    "guc:transaction_isolation guc:transaction_read_only" },
	{ "SET TRANSACTION SNAPSHOT 'x'", "SET TXN" },
	{ "SET transaction_read_only = off",
	    "SET SESSION local-set:transaction_read_only guc:transaction_read_only "
	    "read-write" },
	{ "SET default_transaction_read_only TO 'Off'",
	    "SET SESSION set:default_transaction_read_only{SET "
	    "default_transaction_read_only TO 'Off'} guc:default_transaction_read_only "
	    "read-write" },
	{ "RESET transaction_read_only",
	    "RESET SESSION local-reset:transaction_read_only guc:transaction_read_only read-write" },
	{ "SET transaction_read_only TO DEFAULT",
	    "SET SESSION local-reset:transaction_read_only guc:transaction_read_only read-write" },
	{ "RESET default_transaction_read_only",
	    "RESET SESSION reset:default_transaction_read_only guc:default_transaction_read_only" },
	{ "SET standard_conforming_strings = off",
	    "SET SESSION set:standard_conforming_strings{SET standard_conforming_strings = off} "
	    "guc:standard_conforming_strings misread" },
	{ "SET LOCAL \"Standard_Conforming_Strings\" TO 'no'",
	    "SET SESSION local-set:standard_conforming_strings guc:standard_conforming_strings misread" },
	{ "SET LOCAL standard_conforming_strings TO on",
	    "SET SESSION local-set:standard_conforming_strings guc:standard_conforming_strings" },
	{ "RESET standard_conforming_strings",
	    "RESET SESSION reset:standard_conforming_strings guc:standard_conforming_strings" },
	{ "SET NAMES 'SJIS'",
	    "SET SESSION set:client_encoding{SET NAMES 'SJIS'} guc:client_encoding misread" },
	{ "SET NAMES", "SET SESSION reset:client_encoding guc:client_encoding" },
	{ "ALTER ROLE bob SET client_encoding = big5",
	    "ALTER ROLE ROLE guc:client_encoding stored misread of:bob/*" },
	{ "SET ROLE bob", "SET SESSION leaves:role guc:role" },
	{ "SET LOCAL ROLE bob", "SET SESSION leaves:role guc:role" },
	{ "RESET ROLE", "RESET SESSION leaves:role guc:role" },
	{ "SET SESSION AUTHORIZATION bob",
	    "SET SESSION leaves:role guc:session_authorization" },
	{ "RESET SESSION AUTHORIZATION",
	    "RESET SESSION leaves:role guc:session_authorization" },
	{ "SET \"Role\" = bob", "SET SESSION leaves:role guc:role" },
	{ "SET seed = 0.5", "SET SESSION leaves:seed guc:seed" },
	{ "DISCARD ALL", "DISCARD ALL SESSION reset-all: guc: discards-all deallocates" },
	{ "DISCARD PLANS", "DISCARD PLANS SESSION deallocates" },
	{ "DISCARD TEMP", "DISCARD TEMP SESSION" },
};

static const struct expectation set_config[] = {
	{ "SELECT set_config('work_mem', '1MB', false)",
	    "SELECT READ f:set_config set:work_mem{SET \"work_mem\" TO '1MB'} guc:work_mem" },
	{ "SELECT pg_catalog.set_config('search_path', '', false)",
	    "SELECT READ f:set_config set:search_path{SET \"search_path\" TO ''} "
	    "guc:search_path" },
	{ "SELECT set_config('search_path', 'A, \"B \"\"b\", c', false)",
	    "SELECT READ f:set_config set:search_path{SET \"search_path\" TO \"a\", \"B "
	    "\"\"b\", \"c\"} guc:search_path" },
	{ "SELECT set_config('search_path', 'a b', false)",
	    "SELECT READ f:set_config leaves:setting guc:search_path" },
	{ "SELECT set_config('a.b', 'it''s', false), 1, set_config('c.d', NULL, false)",
	    "SELECT READ f:set_config set:a.b{SET \"a.b\" TO 'it''s'} reset:c.d guc:a.b "
	    "guc:c.d" },
	{ "SELECT set_config('a\"b', 'x', false)",
	    "SELECT READ f:set_config set:a\"b{SET \"a\"\"b\" TO 'x'} guc:a\"b" },
	{ "SELECT set_config('a.b', 'x'::text, 'f')",
	    "SELECT READ f:set_config set:a.b{SET \"a.b\" TO 'x'} guc:a.b" },
	{ "SELECT set_config('a.b', 'x', true)",
	    "SELECT READ f:set_config local-set:a.b guc:a.b" },
	{ "SELECT set_config('a.b', 'x', $1)",
	    "SELECT READ f:set_config leaves:setting guc:a.b" },
	{ "SELECT set_config('a.b', $1, false)",
	    "SELECT READ f:set_config leaves:setting guc:a.b" },
	{ "SELECT set_config($1, 'x', false)",
	    "SELECT READ f:set_config leaves:setting guc:" },
	{ "SELECT set_config($1, 'x', true)", "SELECT READ f:set_config guc:" },
	{ "SELECT set_config('a.b', 'x', false) FROM t",
	    "SELECT READ r:t f:set_config leaves:setting guc:a.b" },
	{ "SELECT set_config('a.b', 'x', false) WHERE false",
	    "SELECT READ f:set_config leaves:setting guc:a.b" },
	{ "SELECT set_config('a.b', 'x', false) LIMIT 0",
	    "SELECT READ f:set_config leaves:setting guc:a.b" },
	{ "SELECT set_config('a.b', 'x', false), generate_series(1, 0)",
	    "SELECT READ f:set_config f:generate_series leaves:setting guc:a.b" },
	{ "SELECT set_config('a.b', 'x', false) UNION SELECT 'y'",
	    "SELECT READ f:set_config leaves:setting guc:a.b" },
	{ "SELECT lower(set_config('a.b', 'x', false))",
	    "SELECT READ f:lower f:set_config leaves:setting guc:a.b" },
	{ "SELECT set_config('role', 'bob', true)",
	    "SELECT READ f:set_config leaves:role guc:role" },
	{ "SELECT set_config('Session_Authorization', 'bob', false)",
	    "SELECT READ f:set_config leaves:role guc:session_authorization" },
	{ "SELECT set_config('search_path', 'pg_temp', false)",
	    "SELECT READ f:set_config leaves:temp set:search_path{SET \"search_path\" TO "
	    "\"pg_temp\"} guc:search_path" },
	{ "SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'a.b'",
	    "SELECT READ r:pg_settings f:set_config leaves:setting guc:a.b" },
	{ "SELECT 1 FROM (VALUES ('role')) v (name) JOIN t ON set_config(name, 'x', false) <> '' "
	  "WHERE name = 'a.b'",
	    "SELECT READ r:t f:set_config leaves:setting guc:" },
	{ "SELECT set_config('transaction_read_only', 'off', false)",
	    "SELECT READ f:set_config local-set:transaction_read_only "
	    "guc:transaction_read_only read-write" },
	{ "SELECT set_config('transaction_read_only', 'o' || 'ff', true)",
	    "SELECT READ f:set_config local-set:transaction_read_only "
	    "guc:transaction_read_only read-write" },
	{ "SELECT set_config('transaction_read_only', 'off'::text, true)",
	    "SELECT READ f:set_config local-set:transaction_read_only "
	    "guc:transaction_read_only read-write" },
	{ "SELECT set_config('transaction_read_only', 'on'::text, true)",
	    "SELECT READ f:set_config local-set:transaction_read_only guc:transaction_read_only" },
	{ "SELECT set_config('standard_conforming_strings', $1, true)",
	    "SELECT READ f:set_config local-set:standard_conforming_strings "
	    "guc:standard_conforming_strings misread" },
	{ "INSERT INTO t VALUES (set_config('a.b', 'x', false))",
	    "INSERT WRITE w:t f:set_config leaves:setting guc:a.b" },
};

static const struct expectation residue[] = {
	{ "CREATE TEMP TABLE x (a int)", "CREATE TABLE DDL d:x leaves:temp" },
	{ "CREATE TEMP TABLE x (a int) ON COMMIT DROP", "CREATE TABLE DDL d:x" },
	{ "CREATE TEMPORARY VIEW v AS SELECT 1",
	    "CREATE VIEW,SELECT READ,DDL d:v leaves:temp" },
	{ "CREATE TEMP SEQUENCE q", "CREATE SEQUENCE DDL d:q leaves:temp" },
	{ "CREATE TABLE pg_temp.x (a int)", "CREATE TABLE DDL d:pg_temp.x leaves:temp" },
	{ "CREATE TEMP TABLE x AS SELECT 1",
	    "CREATE TABLE AS,SELECT READ,DDL d:x leaves:temp" },
	{ "CREATE TEMP TABLE x ON COMMIT DROP AS SELECT 1",
	    "CREATE TABLE AS,SELECT READ,DDL d:x" },
	{ "SELECT 1 INTO TEMP x", "SELECT INTO,SELECT READ,DDL d:x leaves:temp" },
	{ "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE plpgsql AS 'x'",
	    "CREATE FUNCTION DDL leaves:temp" },
	{ "CREATE TYPE pg_temp.e AS ENUM ('a')", "CREATE TYPE DDL leaves:temp" },
	{ "CREATE TYPE pg_temp.c AS (a int)", "CREATE TYPE DDL d:pg_temp.c leaves:temp" },
	{ "SELECT pg_advisory_lock(1), pg_try_advisory_lock_shared(1, 2)",
	    "SELECT READ f:pg_advisory_lock f:pg_try_advisory_lock_shared leaves:advisory" },
	{ "SELECT pg_advisory_xact_lock(1)", "SELECT READ f:pg_advisory_xact_lock" },
	{ "SELECT * FROM t WHERE pg_try_advisory_lock(id)",
	    "SELECT READ r:t f:pg_try_advisory_lock leaves:advisory" },
	{ "SELECT setseed(0.5)", "SELECT READ f:setseed leaves:seed" },
	{ "SELECT dblink_connect('a', 'b')", "SELECT READ f:dblink_connect leaves:dblink" },
	{ "SELECT query_to_xml('x', true, true, '')",
	    "SELECT READ f:query_to_xml leaves:opaque" },
	{ "LISTEN C", "LISTEN LISTEN leaves:listen listens:c" },
	{ "LISTEN \"C d\"", "LISTEN LISTEN leaves:listen listens:C d" },
	{ "UNLISTEN c", "UNLISTEN LISTEN unlistens:c" },
	{ "UNLISTEN *", "UNLISTEN LISTEN unlistens:" },
	{ "NOTIFY c, 'x'", "NOTIFY LISTEN notifies" },
	{ "SELECT pg_catalog.pg_notify('c', 'x')", "SELECT READ f:pg_notify notifies" },
	{ "SELECT currval('s'), lastval()",
	    "SELECT READ f:currval f:lastval asks-sequence" },
	{ "CREATE TABLE t (a int DEFAULT currval('s'))",
	    "CREATE TABLE DDL d:t f:currval asks-sequence" },
	{ "SELECT pg_cancel_backend(1)", "SELECT READ f:pg_cancel_backend signals" },
	{ "select all \"pg_catalog\".PG_TERMINATE_BACKEND ((1)) as x",
	    "SELECT READ f:pg_terminate_backend signals" },
	{ "SELECT pg_cancel_backend(1) WHERE true", "SELECT READ f:pg_cancel_backend" },
	{ "SELECT pg_cancel_backend($1)", "SELECT READ f:pg_cancel_backend" },
	{ "SELECT pg_cancel_backend('1')", "SELECT READ f:pg_cancel_backend" },
	{ "SELECT pg_cancel_backend(1::int)", "SELECT READ f:pg_cancel_backend" },
	{ "SELECT pg_cancel_backend()", "SELECT READ f:pg_cancel_backend" },
	{ "SELECT pg_terminate_backend(1, 1)", "SELECT READ f:pg_terminate_backend" },
	{ "SELECT own.pg_cancel_backend(1)", "SELECT READ f:pg_cancel_backend" },
	{ "SELECT pg_reload_conf(1)", "SELECT READ f:pg_reload_conf" },
	{ "SELECT pg_backend_pid()", "SELECT READ f:pg_backend_pid asks-pid" },
	{ "(select ALL (\"pg_catalog\".PG_BACKEND_PID()) as \"my pid\")",
	    "SELECT READ f:pg_backend_pid asks-pid" },
	{ "SELECT U&\"pg\\005fbackend_pid\"()", "SELECT READ f:pg_backend_pid asks-pid" },
	{ "SELECT pg_backend_pid() WHERE true", "SELECT READ f:pg_backend_pid" },
	{ "SELECT pg_backend_pid(), 1", "SELECT READ f:pg_backend_pid" },
	{ "SELECT pg_backend_pid() + 0", "SELECT READ f:pg_backend_pid" },
	{ "SELECT pg_backend_pid()::text", "SELECT READ f:pg_backend_pid" },
	{ "SELECT pg_backend_pid(*)", "SELECT READ f:pg_backend_pid" },
	{ "SELECT pg_backend_pid(1)", "SELECT READ f:pg_backend_pid" },
	{ "SELECT pg_backend_pid() OVER ()", "SELECT READ f:pg_backend_pid" },
	{ "SELECT pg_backend_pid() FILTER (WHERE true)", "SELECT READ f:pg_backend_pid" },
	{ "SELECT DISTINCT pg_backend_pid()", "SELECT READ f:pg_backend_pid" },
	{ "SELECT pg_backend_pid() LIMIT 1", "SELECT READ f:pg_backend_pid" },
	{ "SELECT pg_backend_pid() ORDER BY 1", "SELECT READ f:pg_backend_pid" },
	{ "SELECT pg_backend_pid() FOR UPDATE", "SELECT READ,LOCK f:pg_backend_pid" },
	{ "SELECT pg_backend_pid() UNION SELECT 1", "SELECT READ f:pg_backend_pid" },
	{ "SELECT pg_backend_pid() INTO x", "SELECT INTO,SELECT READ,DDL d:x f:pg_backend_pid" },
	{ "SELECT own.pg_backend_pid()", "SELECT READ f:pg_backend_pid" },
	{ "SELECT a.pg_catalog.pg_backend_pid()", "SELECT READ f:pg_backend_pid" },
	{ "SELECT (SELECT pg_backend_pid())", "SELECT READ f:pg_backend_pid" },
	{ "SELECT * FROM pg_backend_pid()", "SELECT READ f:pg_backend_pid" },
	{ "VALUES (pg_backend_pid())", "SELECT READ f:pg_backend_pid" },
	{ "EXPLAIN SELECT pg_backend_pid()",
	    "EXPLAIN,SELECT READ,EXPLAIN effects:EXPLAIN f:pg_backend_pid" },
	{ "COPY (SELECT pg_backend_pid()) TO STDOUT", "COPY,SELECT READ,COPY_OUT f:pg_backend_pid" },
	{ "SELECT * FROM pg_listening_channels()",
	    "SELECT READ f:pg_listening_channels asks-channels" },
	{ "LOAD 'x'", "LOAD OTHER leaves:load" },
	{ "DO $$ begin end $$", "DO DO leaves:opaque" },
	{ "CALL s.p(1, f(2))", "CALL CALL f:p f:f leaves:opaque" },
	{ "PREPARE p (int) AS DELETE FROM t WHERE id = $1",
	    "PREPARE,DELETE WRITE,PREPARE w:t where:present:t leaves:prepare prepared:p" },
	{ "EXECUTE p (f(1))", "EXECUTE PREPARE f:f prepared:p" },
	{ "DEALLOCATE p", "DEALLOCATE PREPARE prepared:p deallocates" },
	{ "DEALLOCATE PREPARE ALL", "DEALLOCATE PREPARE prepared: deallocates" },
	{ "DECLARE c CURSOR FOR SELECT * FROM t", "DECLARE,SELECT READ,CURSOR r:t" },
	{ "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT * FROM t",
	    "DECLARE,SELECT READ,CURSOR r:t leaves:hold" },
	{ "FETCH 10 FROM c", "FETCH CURSOR" },
	{ "MOVE c", "MOVE CURSOR" },
	{ "CLOSE ALL", "CLOSE CURSOR" },
};

static const struct expectation copying[] = {
	{ "COPY t FROM STDIN", "COPY WRITE,COPY_IN w:t" },
	{ "COPY s.t (a) TO STDOUT WITH (FORMAT csv)", "COPY READ,COPY_OUT r:s.t" },
	{ "COPY (SELECT * FROM t) TO STDOUT", "COPY,SELECT READ,COPY_OUT r:t" },
	{ "COPY (DELETE FROM t RETURNING *) TO STDOUT",
	    "COPY,DELETE READ,WRITE,COPY_OUT rw:t where:absent:t" },
	{ "COPY t FROM '/tmp/x'", "COPY WRITE,COPY_IN,COPY_FILE w:t" },
	{ "COPY t TO PROGRAM 'cat > x'", "COPY READ,COPY_OUT,COPY_PROGRAM r:t" },
	{ "COPY t FROM STDIN WHERE f(a)", "COPY WRITE,COPY_IN w:t f:f" },
};

static const struct expectation several[] = {
	{ "BEGIN; SELECT 1; COMMIT", "BEGIN TXN begin ; SELECT READ ; COMMIT TXN commit" },
	{ "SELECT 1;; /* nothing */ ; UPDATE t SET a = 1;",
	    "SELECT READ ; UPDATE WRITE w:t where:absent:t" },
	{ ";", "" },
	{ "-- only a comment", "" },
	{ "CREATE RULE r AS ON DELETE TO t DO (DELETE FROM a; DELETE FROM b); SELECT 2",
	    "CREATE RULE,DELETE WRITE,DDL d:t w:a w:b where:absent:a ; SELECT READ" },
};

static void
expect_all(const struct expectation *rows, size_t count)
{
	size_t faults = 0;

	for (size_t i = 0; i < count; i++) {
		char *line = describe_text(rows[i].text);

		if (strcmp(line, rows[i].facts) != 0) {
			print_error("%s\n  expected: %s\n  found:    %s\n", rows[i].text,
			    rows[i].facts, line);
			faults++;
		}
		mem_free(line);
	}
	assert_int_equal(faults, 0);
}

static void
every_relation_and_function_of_a_query_is_found(void **state)
{
	expect_all(reading, sizeof(reading) / sizeof(reading[0]));
	(void)state;
}

static void
every_verb_that_writes_is_found_with_its_where(void **state)
{
	expect_all(writing, sizeof(writing) / sizeof(writing[0]));
	(void)state;
}

static void
names_are_those_that_postgresql_stores(void **state)
{
	expect_all(names, sizeof(names) / sizeof(names[0]));
	(void)state;
}

static void
a_name_of_with_hides_a_relation_only_where_it_is_known(void **state)
{
	expect_all(names_of_with, sizeof(names_of_with) / sizeof(names_of_with[0]));
	(void)state;
}

static void
explain_does_what_its_effective_analyze_says(void **state)
{
	expect_all(explain, sizeof(explain) / sizeof(explain[0]));
	(void)state;
}

static void
what_is_made_and_what_is_within_definitions_is_told(void **state)
{
	expect_all(making, sizeof(making) / sizeof(making[0]));
	(void)state;
}

static void
functions_that_a_definition_names_count_as_called(void **state)
{
	expect_all(naming, sizeof(naming) / sizeof(naming[0]));
	(void)state;
}

static void
what_is_changed_is_ddl_or_maintenance(void **state)
{
	expect_all(changing, sizeof(changing) / sizeof(changing[0]));
	(void)state;
}

static void
what_is_dropped_is_told_by_its_kind(void **state)
{
	expect_all(dropping, sizeof(dropping) / sizeof(dropping[0]));
	(void)state;
}

static void
grants_and_roles_are_of_class_role(void **state)
{
	expect_all(roles, sizeof(roles) / sizeof(roles[0]));
	(void)state;
}

static void
what_happens_to_the_transaction_is_told(void **state)
{
	expect_all(transactions, sizeof(transactions) / sizeof(transactions[0]));
	(void)state;
}

static void
every_spelling_of_set_is_one_fact(void **state)
{
	expect_all(settings, sizeof(settings) / sizeof(settings[0]));
	(void)state;
}

static void
set_config_is_replayed_only_where_it_surely_ran_once(void **state)
{
	expect_all(set_config, sizeof(set_config) / sizeof(set_config[0]));
	(void)state;
}

static void
what_outlives_its_transaction_is_told(void **state)
{
	expect_all(residue, sizeof(residue) / sizeof(residue[0]));
	(void)state;
}

static void
copy_is_told_by_direction_and_place(void **state)
{
	expect_all(copying, sizeof(copying) / sizeof(copying[0]));
	(void)state;
}

static void
each_statement_of_a_text_is_told_apart(void **state)
{
	expect_all(several, sizeof(several) / sizeof(several[0]));
	(void)state;
}

static struct sql_facts *
facts_of(const char *text)
{
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	int position;

	assert_int_equal(
	    sql_facts(text, strlen(text), SQL_TEXT_MOST, &facts, &err, &position), SQL_KNOWN);
	return facts;
}

static void
a_statement_has_its_own_bytes_without_comments_around_it(void **state)
{
	static const char text[] = "  /* a */ SELECT 1 -- b\n ;\n\tUPDATE t SET a = '\xc3\xa9;' /* c */";
	struct sql_facts *facts = facts_of(text);

	assert_int_equal(facts->statement_count, 2);
	assert_int_equal(facts->statements[0].location, 10);
	assert_int_equal(facts->statements[0].length, 8);
	assert_int_equal(facts->statements[1].length, 22);
	assert_memory_equal(text + facts->statements[1].location, "UPDATE t SET a = '\xc3\xa9;'", 22);
	assert_int_equal(facts->classes, SQL_READ | SQL_WRITE);
	sql_facts_free(facts);
	(void)state;
}

static void
texts_that_differ_only_in_values_have_one_fingerprint(void **state)
{
	struct sql_facts *one = facts_of("SELECT * FROM t WHERE id = 1");
	struct sql_facts *two = facts_of("select *\nfrom t where id = 27 -- x");
	struct sql_facts *other = facts_of("SELECT * FROM u WHERE id = 1");
	struct sql_facts *empty = facts_of(" ; ");

	assert_int_equal(strlen(one->fingerprint), 5 + 16);
	assert_memory_equal(one->fingerprint, "pg15:", 5);
	assert_string_equal(one->fingerprint, two->fingerprint);
	assert_string_not_equal(one->fingerprint, other->fingerprint);
	assert_string_equal(empty->fingerprint, "");
	assert_int_equal(empty->statement_count, 0);
	sql_facts_free(one);
	sql_facts_free(two);
	sql_facts_free(other);
	sql_facts_free(empty);
	(void)state;
}

static void
a_syntax_error_has_its_place_in_bytes(void **state)
{
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	int position = 0;
	static const char text[] = "SELECT '\xc3\xa9\xc3\xa9' FROM FROM";

	assert_int_equal(sql_facts(text, strlen(text), SQL_TEXT_MOST, &facts, &err, &position),
	    SQL_UNPARSEABLE);
	assert_int_equal(position, 20);
	assert_string_equal(err.text, "syntax error at or near \"FROM\"");
	assert_string_equal(err.sqlstate, "42601");
	(void)state;
}

static void
syntax_of_a_later_server_is_an_error_and_never_misread(void **state)
{
	static const char *const texts[] = { "SELECT 1_000", "SELECT 0x1F",
		"MERGE INTO t USING u ON true WHEN NOT MATCHED BY SOURCE THEN DELETE" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *line = describe_text(texts[i]);

		assert_int_equal(line[0], '!');
		mem_free(line);
	}
	(void)state;
}

static void
a_text_longer_than_the_cap_is_not_parsed(void **state)
{
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	int position = 0;

	assert_int_equal(
	    sql_facts("SELECT 12", 9, 8, &facts, &err, &position), SQL_OVERSIZE);
	assert_int_equal(err.code, ERROR_LIMIT);
	assert_int_equal(sql_facts("SELECT 1", 8, 8, &facts, &err, &position), SQL_KNOWN);
	sql_facts_free(facts);
	(void)state;
}

static void
bytes_behind_the_length_are_not_read(void **state)
{
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	int position = 0;
	char *exact = mem_copy("SELECT 1", 8);

	assert_int_equal(sql_facts(exact, 8, 100, &facts, &err, &position), SQL_KNOWN);
	sql_facts_free(facts);
	mem_free(exact);
	(void)state;
}

static void
classes_are_found_by_their_names(void **state)
{
	for (unsigned bit = 1; bit <= SQL_OTHER; bit <<= 1)
		assert_int_equal(sql_class_by_name(sql_class_name(bit)), bit);
	assert_int_equal(sql_class_by_name("NONE"), 0);
	assert_null(sql_class_name(3));
	(void)state;
}

/* --- long texts and threads -------------------------------------------------- */

static void *
on_thread(void *arg)
{
	return describe_text(arg);
}

/* As a thread of the daemon sees it: with the stack that it promises to have. */
static char *
describe_with_stack(char *text, size_t stack_bytes)
{
	pthread_attr_t attributes;
	pthread_t thread;
	void *line;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, stack_bytes);
	assert_int_equal(pthread_create(&thread, &attributes, on_thread, text), 0);
	pthread_join(thread, &line);
	pthread_attr_destroy(&attributes);
	return line;
}

static char *
repeated(const char *start, const char *unit, size_t bytes)
{
	struct buf text = { 0 };

	buf_put_text(&text, start);
	while (buf_length(&text) + strlen(unit) < bytes)
		buf_put_text(&text, unit);
	return buf_steal_text(&text);
}

static void
the_longest_and_deepest_texts_do_no_harm(void **state)
{
	static const char *const units[] = { "+1", "::int", "[1]", " IS TRUE", " UNION SELECT 1",
		" AND a", " OR NOT a", " COLLATE c", ",(1)", "||a", " JOIN t USING (a)", ";", "(" };
	size_t bytes = SQL_TEXT_MOST;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		char *text = repeated("SELECT b FROM t WHERE a ", units[i], bytes);
		char *line = describe_with_stack(text, sql_stack_size(bytes));

		assert_non_null(line);
		mem_free(line);
		mem_free(text);
	}
	(void)state;
}

static void
a_text_too_long_for_its_threads_stack_is_refused(void **state)
{
	char *text = repeated("SELECT 1", ",1", 60 * 1024);
	char *line = describe_with_stack(text, 512 * 1024);

	assert_non_null(strstr(line, "too long for the stack"));
	mem_free(line);
	mem_free(text);
	(void)state;
}

static void *
tell_all(void *arg)
{
	for (size_t round = 0; round < ROUNDS; round++) {
		expect_all(writing, sizeof(writing) / sizeof(writing[0]));
		expect_all(set_config, sizeof(set_config) / sizeof(set_config[0]));
	}
	return arg;
}

static void
several_threads_may_ask_at_once(void **state)
{
	pthread_t threads[THREADS];
	void *done;

	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, tell_all, threads), 0);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &done);
		assert_ptr_equal(done, threads);
	}
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_relation_and_function_of_a_query_is_found),
		cmocka_unit_test(every_verb_that_writes_is_found_with_its_where),
		cmocka_unit_test(names_are_those_that_postgresql_stores),
		cmocka_unit_test(a_name_of_with_hides_a_relation_only_where_it_is_known),
		cmocka_unit_test(explain_does_what_its_effective_analyze_says),
		cmocka_unit_test(what_is_made_and_what_is_within_definitions_is_told),
		cmocka_unit_test(functions_that_a_definition_names_count_as_called),
		cmocka_unit_test(what_is_changed_is_ddl_or_maintenance),
		cmocka_unit_test(what_is_dropped_is_told_by_its_kind),
		cmocka_unit_test(grants_and_roles_are_of_class_role),
		cmocka_unit_test(what_happens_to_the_transaction_is_told),
		cmocka_unit_test(every_spelling_of_set_is_one_fact),
		cmocka_unit_test(set_config_is_replayed_only_where_it_surely_ran_once),
		cmocka_unit_test(what_outlives_its_transaction_is_told),
		cmocka_unit_test(copy_is_told_by_direction_and_place),
		cmocka_unit_test(each_statement_of_a_text_is_told_apart),
		cmocka_unit_test(a_statement_has_its_own_bytes_without_comments_around_it),
		cmocka_unit_test(texts_that_differ_only_in_values_have_one_fingerprint),
		cmocka_unit_test(a_syntax_error_has_its_place_in_bytes),
		cmocka_unit_test(syntax_of_a_later_server_is_an_error_and_never_misread),
		cmocka_unit_test(a_text_longer_than_the_cap_is_not_parsed),
		cmocka_unit_test(bytes_behind_the_length_are_not_read),
		cmocka_unit_test(classes_are_found_by_their_names),
		cmocka_unit_test(the_longest_and_deepest_texts_do_no_harm),
		cmocka_unit_test(a_text_too_long_for_its_threads_stack_is_refused),
		cmocka_unit_test(several_threads_may_ask_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

-- Ways around a guard. Each is one line of SQL (or several, parted by semicolons, sent as one
-- message) that somebody who may not do it would try. tests/integration/test_policy_hostile.py
-- sends each through pgweir, as a simple query and as a Parse, and looks whether the effect came.
--
-- `=== name: what must not happen` begins a group; the policy and the probe of each are in the test.

=== delete: a row of guarded.things goes
DELETE FROM guarded.things WHERE (1, 1) = (1, 1)
DELETE FROM guarded.things WHERE (1, 2) < (1, 3)
DELETE FROM guarded.things WHERE (1, 2) IN (SELECT 1, 2)
DELETE FROM guarded.things WHERE 'a' || 'b' = 'ab'
DELETE FROM guarded.things WHERE 12::text = '12'
DELETE FROM guarded.things WHERE 'abc' LIKE 'a%'
DELETE FROM guarded.things WHERE 1 = ANY ('{1,2}')
DELETE FROM guarded.things WHERE id <> ALL ('{}')
DELETE FROM guarded.things WHERE NOT (id = ANY (ARRAY[]::int[]))
DELETE FROM guarded.things WHERE EXISTS (SELECT 1 UNION SELECT 2)
DELETE FROM guarded.things WHERE EXISTS (WITH x AS (SELECT 1) SELECT * FROM x)
WITH x AS (VALUES (1)) DELETE FROM guarded.things WHERE EXISTS (SELECT * FROM x)
DELETE FROM guarded.things WHERE EXISTS (SELECT FROM (SELECT 1) a CROSS JOIN (VALUES (1)) b)
DELETE FROM guarded.things WHERE EXISTS (SELECT 1 FROM generate_series(1, 3))
DELETE FROM guarded.things WHERE EXISTS (SELECT 1, count(*) FROM guarded.others WHERE false)
DELETE FROM guarded.things WHERE EXISTS (SELECT 1 LIMIT 2 - 1)
DELETE FROM guarded.things WHERE 1 IN (VALUES (1), (2))
DELETE FROM guarded.things WHERE (VALUES (true))
DELETE FROM guarded.things WHERE id = 1 OR id <> 1
DELETE FROM guarded.things WHERE id > 1 OR id <= 1
DELETE FROM guarded.things WHERE coalesce(id = id, false)
DELETE FROM guarded.things WHERE CASE id WHEN id THEN true ELSE false END
DELETE FROM guarded.things WHERE id + 0 = id
DELETE FROM guarded.things WHERE now() > '2000-01-01'
DELETE FROM guarded.things WHERE current_date > '2000-01-01'
DELETE FROM guarded.things WHERE length('a') = 1
DELETE FROM guarded.things WHERE |/ 4 = 2
DELETE FROM guarded.things WHERE 1 << 1 = 2
DELETE FROM guarded.things WHERE X'1' = B'0001'
DELETE FROM guarded.things WHERE interval '1 day' = interval '24 hours'
DELETE FROM guarded.things WHERE 'abc' ~ 'b'
MERGE INTO guarded.things t USING (VALUES (1)) o ON (1, 1) = (1, 1) WHEN MATCHED THEN DELETE
DELETE FROM guarded.things WHERE 1::text = '1'
DELETE FROM guarded.things WHERE '2026-01-02'::date > '2026-01-01'::date
DELETE FROM guarded.things WHERE id::text SIMILAR TO '%'
DELETE FROM guarded.things WHERE id::text LIKE '%' ESCAPE 'x'
DELETE FROM guarded.things WHERE EXISTS (SELECT 1 LIMIT 1)
DELETE FROM guarded.things WHERE EXISTS (SELECT * FROM (VALUES (1)) v)
DELETE FROM guarded.things WHERE 1 IN (SELECT 1)
DELETE FROM guarded.things WHERE id IN (SELECT id)
DELETE FROM guarded.things WHERE 1 = ANY (ARRAY[1, 2]::int[])
DELETE FROM guarded.things WHERE 1 <> ANY (ARRAY[1, 2])
DELETE FROM guarded.things WHERE ARRAY[1] = ARRAY[1]
DELETE FROM guarded.things WHERE 'a' COLLATE "C" = 'a'
DELETE FROM guarded.things
delete from guarded.things
DELETE /* WHERE id = 1 */ FROM guarded.things
DELETE FROM guarded.things -- WHERE id = 1
DELETE FROM ONLY guarded.things
DELETE FROM guarded.things *
DELETE FROM guarded . things
DELETE FROM "guarded"."things"
DELETE FROM U&"\0067uarded".U&"things"
DELETE FROM guarded.things AS t
DELETE FROM guarded.things t USING guarded.others o
DELETE FROM guarded.things RETURNING *
DELETE FROM guarded.things WHERE true
DELETE FROM guarded.things WHERE 1 = 1
DELETE FROM guarded.things WHERE '1' = '1'
DELETE FROM guarded.things WHERE NOT false
DELETE FROM guarded.things WHERE 1 < 2
DELETE FROM guarded.things WHERE 1 + 1 = 2
DELETE FROM guarded.things WHERE id = id
DELETE FROM guarded.things WHERE id IS NULL OR id IS NOT NULL
DELETE FROM guarded.things WHERE id = id OR false
DELETE FROM guarded.things WHERE NULL IS NULL
DELETE FROM guarded.things WHERE coalesce(NULL, true)
DELETE FROM guarded.things WHERE CASE WHEN true THEN true ELSE false END
DELETE FROM guarded.things WHERE 't'::boolean
DELETE FROM guarded.things WHERE CAST('yes' AS bool)
DELETE FROM guarded.things WHERE 1 IN (1, 2)
DELETE FROM guarded.things WHERE 1 BETWEEN 0 AND 2
DELETE FROM guarded.things WHERE name LIKE '%' OR name IS NULL
DELETE FROM guarded.things WHERE 'a' LIKE '%'
DELETE FROM guarded.things WHERE EXISTS (SELECT 1)
DELETE FROM guarded.things WHERE (true)
DELETE FROM guarded.things WHERE true AND true
DELETE FROM guarded.things WHERE true OR id = 5
DELETE FROM guarded.things WHERE 1 = 1 OR id = 5
DELETE FROM guarded.things WHERE NOT (1 = 2)
DELETE FROM guarded.things WHERE true IS TRUE
DELETE FROM guarded.things WHERE (1 = 1) IS NOT FALSE
WITH gone AS (DELETE FROM guarded.things RETURNING *) SELECT 1
WITH gone AS (DELETE FROM guarded.things RETURNING *) SELECT * FROM gone
WITH gone AS MATERIALIZED (DELETE FROM guarded.things RETURNING id) SELECT count(*) FROM gone
WITH a AS (SELECT 1), b AS (DELETE FROM guarded.things RETURNING 1) SELECT * FROM a
WITH gone AS (DELETE FROM guarded.things RETURNING id, name) INSERT INTO guarded.others SELECT * FROM gone
WITH RECURSIVE gone AS (DELETE FROM guarded.things RETURNING id) SELECT * FROM gone
EXPLAIN ANALYZE DELETE FROM guarded.things
EXPLAIN (ANALYZE) DELETE FROM guarded.things
EXPLAIN (ANALYZE true) DELETE FROM guarded.things
EXPLAIN (ANALYZE 1) DELETE FROM guarded.things
EXPLAIN (ANALYZE on, COSTS off) DELETE FROM guarded.things
EXPLAIN (ANALYZE false, ANALYZE) DELETE FROM guarded.things
EXPLAIN (VERBOSE, ANALYZE 'true') DELETE FROM guarded.things
EXPLAIN ANALYZE WITH gone AS (DELETE FROM guarded.things RETURNING *) SELECT 1
COPY (DELETE FROM guarded.things RETURNING *) TO STDOUT
COPY (WITH x AS (DELETE FROM guarded.things RETURNING *) SELECT * FROM x) TO STDOUT
PREPARE around AS DELETE FROM guarded.things; EXECUTE around
SELECT 1; DELETE FROM guarded.things
;;;DELETE FROM guarded.things;;;
SELECT 1 /* ; */; DELETE FROM guarded.things; SELECT ';'
BEGIN; DELETE FROM guarded.things; COMMIT
SELECT '--'; DELETE FROM guarded.things
SELECT '/*'; DELETE FROM guarded.things; SELECT '*/'
SELECT $$ $$; DELETE FROM guarded.things
SELECT $a$ ' $a$; DELETE FROM guarded.things
SELECT 'it''s'; DELETE FROM guarded.things --'
SELECT E'\''; DELETE FROM guarded.things --'
SELECT '\'; DELETE FROM guarded.things --'
SELECT "a""b" FROM (SELECT 1 AS "a""b") x; DELETE FROM guarded.things
/* /* nested */ */ DELETE FROM guarded.things
/* pgweir: allow */ DELETE FROM guarded.things
/*exception='OPS-1'*/ DELETE FROM guarded.things
MERGE INTO guarded.things t USING guarded.others o ON true WHEN MATCHED THEN DELETE
MERGE INTO guarded.things t USING (SELECT 1) o ON 1 = 1 WHEN MATCHED THEN DELETE
MERGE INTO guarded.things t USING (SELECT id FROM guarded.things) o ON true WHEN MATCHED AND true THEN DELETE
CREATE FUNCTION guarded.around() RETURNS void LANGUAGE sql AS 'DELETE FROM guarded.things'; SELECT guarded.around()
CREATE FUNCTION guarded.around2() RETURNS void BEGIN ATOMIC DELETE FROM guarded.things; END; SELECT guarded.around2()
CREATE PROCEDURE guarded.around3() LANGUAGE sql AS 'DELETE FROM guarded.things'; CALL guarded.around3()
CREATE RULE around AS ON INSERT TO guarded.others DO ALSO DELETE FROM guarded.things; INSERT INTO guarded.others VALUES (9, 'x')
DELETE FROM guarded.things WHERE ctid = ctid
DELETE FROM guarded.things WHERE things = things
DELETE FROM guarded.things t WHERE t IS NOT DISTINCT FROM t
DELETE FROM guarded.things WHERE current_date = current_date
DELETE FROM guarded.things WHERE U&'\0061' = 'a'
DELETE FROM guarded.things WHERE E'\x61' = 'a'
DELETE FROM guarded.things WHERE $$a$$ = 'a'
DELETE FROM guarded.things WHERE B'1' = B'1'
DELETE FROM guarded.things WHERE 1 OPERATOR(pg_catalog.=) 1
DELETE FROM guarded.things WHERE (id, 1) = (id, 1)
DELETE FROM guarded.things WHERE id BETWEEN SYMMETRIC id AND id
DELETE FROM guarded.things WHERE NOT NULL IS NOT NULL
DELETE FROM guarded.things WHERE bool 'on'
DELETE FROM guarded.things WHERE 1 NOTNULL
DELETE FROM guarded.things WHERE TRUE IS NOT UNKNOWN
DELETE FROM guarded.things WHERE 1 IS DISTINCT FROM 2
WITH t AS (UPDATE guarded.others SET name = name WHERE id = 1 RETURNING 1), d AS (DELETE FROM guarded.things) SELECT 1
CREATE VIEW guarded.dv AS SELECT * FROM guarded.things; DELETE FROM guarded.dv
SET search_path = guarded; DELETE FROM things
BEGIN; SET LOCAL search_path = guarded; DELETE FROM things; COMMIT
BEGIN; DECLARE c CURSOR FOR SELECT * FROM guarded.things; FETCH 1 FROM c; DELETE FROM guarded.things; COMMIT

=== update: a row of guarded.things gets another name
UPDATE guarded.things SET name = 'taken'
UPDATE ONLY guarded.things SET name = 'taken'
UPDATE guarded.things AS t SET name = 'taken'
UPDATE guarded.things SET (name) = ROW ('taken')
UPDATE guarded.things SET (name) = (SELECT 'taken')
UPDATE guarded.things SET name = 'taken' FROM guarded.others
UPDATE guarded.things SET name = 'taken' WHERE true
UPDATE guarded.things SET name = 'taken' WHERE id = id
UPDATE guarded.things SET name = 'taken' WHERE 2 > 1
UPDATE guarded.things SET name = 'taken' WHERE NOT NOT true
UPDATE guarded.things SET name = 'taken' WHERE id <> ALL ('{}')
SELECT set_config('search_path', 'guarded', false); UPDATE things SET name = 'taken'
UPDATE guarded.things SET name = 'taken' WHERE now() > '2000-01-01'
WITH x AS (UPDATE guarded.things SET name = 'taken' RETURNING 1) SELECT count(*) FROM x
MERGE INTO guarded.things t USING (SELECT 1) o ON true WHEN MATCHED THEN UPDATE SET name = 'taken'
EXPLAIN (ANALYZE, FORMAT json) UPDATE guarded.things SET name = 'taken'
PREPARE around AS UPDATE guarded.things SET name = $1; EXECUTE around('taken')
UPDATE guarded.things SET name = 'taken' WHERE id IN (SELECT id FROM guarded.things) OR true
UPDATE guarded.things SET (id, name) = (1, 'taken')
UPDATE guarded.things SET name = 'taken' WHERE 1 = ANY (ARRAY[1])
UPDATE guarded.things SET name = 'taken' WHERE NOT (1 = 2)
UPDATE guarded.things SET name = 'taken' WHERE 'a' = 'a' AND 2 > 1
UPDATE "guarded".things AS x SET name = 'taken' WHERE (x.id = x.id) IS NOT FALSE
UPDATE guarded.things SET name = 'taken' WHERE true IS TRUE
PREPARE u AS UPDATE guarded.things SET name = 'taken'; EXECUTE u
WITH a AS (WITH b AS (UPDATE guarded.things SET name = 'taken' RETURNING 1) SELECT * FROM b) SELECT * FROM a
BEGIN; UPDATE guarded.things SET name = 'taken' WHERE 0 <> 1; COMMIT
EXPLAIN ANALYZE UPDATE guarded.things SET name = 'taken'
EXPLAIN (ANALYZE false, ANALYZE) UPDATE guarded.things SET name = 'taken'
COPY (UPDATE guarded.things SET name = 'taken' RETURNING id) TO STDOUT

=== drop: guarded.things is gone, or has lost a column
DROP TABLE guarded.things
drop table guarded.things
DROP TABLE IF EXISTS guarded.things CASCADE
DROP TABLE guarded.others, guarded.things
DROP TABLE guarded."things"
DROP/**/TABLE/**/guarded.things
DROP TABLE guarded.things RESTRICT
SELECT 1; DROP TABLE guarded.things
DO $$ BEGIN EXECUTE 'DROP TABLE guarded.things'; END $$
DO LANGUAGE plpgsql 'BEGIN DROP TABLE guarded.things; END'
DROP SCHEMA guarded CASCADE
DROP OWNED BY app CASCADE
ALTER TABLE guarded.things DROP COLUMN name
ALTER TABLE guarded.things DROP name
ALTER TABLE IF EXISTS guarded.things DROP COLUMN IF EXISTS name CASCADE
ALTER TABLE guarded.things ADD COLUMN other int, DROP COLUMN name
TRUNCATE guarded.things
TRUNCATE TABLE ONLY guarded.things
TRUNCATE guarded.others, guarded.things
TRUNCATE guarded.things RESTART IDENTITY CASCADE
ALTER TABLE guarded.things RENAME TO elsewhere
ALTER TABLE guarded.things SET SCHEMA public
ALTER TABLE guarded.things RENAME COLUMN name TO title
BEGIN; CREATE TABLE IF NOT EXISTS guarded.things (id int); DROP TABLE guarded.things; COMMIT
CREATE TABLE public.things (id int); SET search_path = guarded; DROP TABLE things
CREATE TABLE guarded.mine (id int); ALTER TABLE guarded.mine RENAME TO ours; DROP TABLE guarded.things
BEGIN; CREATE TABLE guarded.mine (id int); SAVEPOINT s; ROLLBACK TO s; DROP TABLE guarded.things; COMMIT
CREATE FUNCTION guarded.dropper() RETURNS void LANGUAGE sql AS 'DROP TABLE guarded.things'; SELECT guarded.dropper()
DROP TABLE guarded.things; CREATE TABLE guarded.things (id int, name text)
DROP TABLE U&"guarded".U&"th\0069ngs"
SET search_path = guarded; TRUNCATE things
BEGIN; SET LOCAL search_path = guarded, public; ALTER TABLE things DROP COLUMN name; COMMIT
CREATE SCHEMA mine CREATE TABLE inside (a int); DROP TABLE guarded.things
PREPARE TRANSACTION 'x'; DROP TABLE guarded.things
ALTER TABLE guarded.things ALTER COLUMN id TYPE bigint, DROP COLUMN name
ALTER TABLE guarded.things RENAME name TO title
BEGIN; ALTER TABLE guarded.things DROP COLUMN name; COMMIT AND CHAIN; COMMIT
DROP SCHEMA IF EXISTS guarded, nowhere CASCADE
TRUNCATE TABLE guarded.things, guarded.others CONTINUE IDENTITY
CREATE TEMP TABLE things (id int); DROP TABLE guarded.things
BEGIN; CREATE TABLE guarded.mine (id int); DROP TABLE guarded.mine; DROP TABLE guarded.things; COMMIT

=== secret: the word "sesame" of guarded.secrets comes back
SELECT word FROM guarded.secrets
SELECT * FROM guarded.secrets
TABLE guarded.secrets
SELECT word FROM ONLY guarded.secrets
SELECT s FROM guarded.secrets s
SELECT s.* FROM guarded.secrets s
SELECT (s).word FROM guarded.secrets s
SELECT x FROM guarded.secrets AS s (i, x)
SELECT row_to_json(s) FROM guarded.secrets s
SELECT to_jsonb(secrets) FROM guarded.secrets
SELECT array_agg(word) FROM guarded.secrets
SELECT string_agg(s::text, ',') FROM guarded.secrets s
SELECT 1, (SELECT word FROM guarded.secrets LIMIT 1)
SELECT * FROM (SELECT word FROM guarded.secrets) x
SELECT * FROM guarded.others NATURAL JOIN guarded.secrets
SELECT o.*, s.* FROM guarded.others o, guarded.secrets s
SELECT * FROM guarded.others o, LATERAL (SELECT word FROM guarded.secrets) s
WITH x AS (SELECT word FROM guarded.secrets) SELECT * FROM x
WITH RECURSIVE x AS (SELECT word FROM guarded.secrets UNION SELECT word FROM x) SELECT * FROM x
WITH secrets AS (SELECT 1) SELECT * FROM guarded.secrets
SELECT 'a' UNION ALL SELECT word FROM guarded.secrets
SELECT 'a' EXCEPT SELECT 'b' UNION SELECT word FROM guarded.secrets
VALUES ((SELECT word FROM guarded.secrets LIMIT 1))
SELECT CASE WHEN true THEN (SELECT word FROM guarded.secrets LIMIT 1) END
SELECT coalesce(NULL, (SELECT word FROM guarded.secrets LIMIT 1))
SELECT ARRAY(SELECT word FROM guarded.secrets)
SELECT (SELECT word FROM guarded.secrets LIMIT 1) || ''
SELECT count(*) FROM guarded.others GROUP BY (SELECT word FROM guarded.secrets LIMIT 1)
SELECT name FROM guarded.others ORDER BY (SELECT word FROM guarded.secrets LIMIT 1)
COPY guarded.secrets TO STDOUT
COPY guarded.secrets (word) TO STDOUT
COPY (SELECT word FROM guarded.secrets) TO STDOUT
COPY (TABLE guarded.secrets) TO STDOUT
BEGIN; DECLARE c CURSOR FOR SELECT word FROM guarded.secrets; FETCH ALL FROM c; COMMIT
BEGIN; DECLARE c CURSOR WITH HOLD FOR TABLE guarded.secrets; COMMIT; FETCH ALL FROM c
PREPARE around AS SELECT word FROM guarded.secrets; EXECUTE around
SET search_path = guarded; SELECT word FROM secrets
SELECT set_config('search_path', 'guarded', false); SELECT word FROM secrets
SET SCHEMA 'guarded'; TABLE secrets
BEGIN; SET LOCAL search_path TO public, guarded; SELECT word FROM secrets; COMMIT
SET search_path = "$user", guarded; SELECT (SELECT word FROM secrets LIMIT 1)
BEGIN; SELECT set_config('search_path', 'guarded', true); COPY secrets TO STDOUT; COMMIT
CREATE FUNCTION guarded.pathed() RETURNS text LANGUAGE sql SET search_path = guarded AS 'SELECT word FROM secrets LIMIT 1'; SELECT guarded.pathed()
SET search_path = guarded; CREATE TEMP VIEW pathed AS SELECT word FROM secrets; TABLE pathed
CREATE TEMP VIEW around AS SELECT word FROM guarded.secrets; SELECT * FROM around
CREATE TEMP TABLE around AS SELECT word FROM guarded.secrets; SELECT * FROM around
SELECT word INTO TEMP around FROM guarded.secrets; SELECT * FROM around
CREATE TEMP TABLE around AS TABLE guarded.secrets; TABLE around
INSERT INTO guarded.others (id, name) SELECT 7, word FROM guarded.secrets RETURNING name
UPDATE guarded.others SET name = word FROM guarded.secrets WHERE others.id = 1 RETURNING name
UPDATE guarded.others SET name = (SELECT word FROM guarded.secrets LIMIT 1) WHERE id = 1 RETURNING name
DELETE FROM guarded.others USING guarded.secrets WHERE others.id = 1 RETURNING word
INSERT INTO guarded.others (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = (SELECT word FROM guarded.secrets LIMIT 1) RETURNING name
SELECT query_to_xml('select word from guarded.secrets', true, false, '')
SELECT table_to_xml('guarded.secrets', true, false, '')
SELECT schema_to_xml('guarded', true, false, '')
SELECT database_to_xml(true, false, '')
SELECT * FROM ts_stat('select to_tsvector(word) from guarded.secrets')
DO $$ DECLARE w text; BEGIN SELECT word INTO w FROM guarded.secrets; RAISE NOTICE '%', w; END $$
CREATE FUNCTION guarded.peek() RETURNS text LANGUAGE sql AS 'SELECT word FROM guarded.secrets'; SELECT guarded.peek()
CREATE FUNCTION guarded.peek2() RETURNS text RETURN (SELECT word FROM guarded.secrets); SELECT guarded.peek2()
SELECT 1 WHERE EXISTS (SELECT 1 FROM guarded.secrets WHERE word::int = 5)
SELECT most_common_vals FROM pg_stats WHERE tablename = 'secrets'
EXPLAIN (ANALYZE, VERBOSE) SELECT word FROM guarded.secrets WHERE word::int > 1
SELECT jsonb_agg(guarded.secrets.*) FROM guarded.secrets
SELECT json_build_object('w', word) FROM guarded.secrets
SELECT word FROM guarded.secrets FOR UPDATE
SELECT DISTINCT ON (id) word FROM guarded.secrets
SELECT first_value(word) OVER () FROM guarded.secrets
SELECT word FROM guarded.secrets TABLESAMPLE SYSTEM (100)
SELECT * FROM guarded.secrets s JOIN LATERAL (VALUES (s.word)) v (x) ON true
SELECT xmlforest(word) FROM guarded.secrets
SELECT format('%s', (SELECT word FROM guarded.secrets LIMIT 1))
SELECT regexp_replace(word, '^', '') FROM U&"\0067uarded".secrets
MERGE INTO guarded.others o USING guarded.secrets s ON o.id = s.id WHEN MATCHED THEN UPDATE SET name = word; SELECT name FROM guarded.others
INSERT INTO guarded.others SELECT 9, word FROM guarded.secrets LIMIT 1; TABLE guarded.others
CREATE MATERIALIZED VIEW guarded.around AS SELECT word FROM guarded.secrets; TABLE guarded.around
CREATE TABLE guarded.copy (LIKE guarded.others); INSERT INTO guarded.copy SELECT 1, word FROM guarded.secrets; TABLE guarded.copy
CREATE TABLE guarded.child () INHERITS (guarded.others); INSERT INTO guarded.child SELECT 5, word FROM guarded.secrets; SELECT name FROM guarded.others
CREATE RULE r AS ON SELECT TO guarded.others DO INSTEAD SELECT id, word AS name FROM guarded.secrets; TABLE guarded.others
SELECT query_to_xmlschema('select word as sesame from guarded.secrets', true, false, ''), query_to_xml('table guarded.secrets', true, false, '')
SELECT cursor_to_xml('c', 10, true, false, '') FROM guarded.secrets
SELECT lead(word) OVER w, word FROM guarded.secrets WINDOW w AS (ORDER BY id)
SELECT word FROM guarded.secrets FETCH FIRST ROW ONLY
SELECT word FROM (guarded.secrets CROSS JOIN guarded.others)
SELECT xmlagg(xmlelement(name w, word)) FROM guarded.secrets
SELECT GROUPING(word), word FROM guarded.secrets GROUP BY ROLLUP (word)
(SELECT word FROM guarded.secrets) INTERSECT (SELECT word FROM guarded.secrets)
SELECT ((SELECT s FROM guarded.secrets s LIMIT 1)).word
SELECT word::int FROM guarded.secrets
PREPARE p AS TABLE guarded.secrets; CREATE TEMP TABLE t AS EXECUTE p; TABLE t; DEALLOCATE p; DROP TABLE t
BEGIN; DECLARE c BINARY CURSOR WITH HOLD FOR TABLE guarded.secrets; COMMIT; FETCH ALL c
BEGIN; DECLARE c SCROLL CURSOR FOR TABLE guarded.secrets; MOVE 1 FROM c; FETCH NEXT FROM c; COMMIT
COPY (VALUES ((SELECT word FROM guarded.secrets LIMIT 1))) TO STDOUT
COPY (SELECT * FROM guarded.others NATURAL JOIN guarded.secrets) TO STDOUT (FORMAT csv, HEADER)
CREATE TABLE guarded.c2 (LIKE guarded.secrets INCLUDING ALL); INSERT INTO guarded.c2 TABLE guarded.secrets; TABLE guarded.c2
CREATE VIEW guarded.v AS TABLE guarded.secrets; SELECT word FROM guarded.v
CREATE RECURSIVE VIEW guarded.v (w) AS SELECT word FROM guarded.secrets; TABLE guarded.v
CREATE FUNCTION guarded.peek3() RETURNS SETOF guarded.secrets LANGUAGE sql AS 'TABLE guarded.secrets'; SELECT * FROM guarded.peek3()
CREATE PROCEDURE guarded.peek6(INOUT w text) LANGUAGE sql AS 'SELECT word FROM guarded.secrets LIMIT 1'; CALL guarded.peek6(NULL)
UPDATE guarded.secrets SET word = word RETURNING word
DELETE FROM guarded.secrets WHERE id = 1 RETURNING word
INSERT INTO guarded.secrets DEFAULT VALUES RETURNING (SELECT max(word) FROM guarded.secrets)
SELECT U&"w\006Frd" FROM guarded.U&"secr\0065ts"
SELECT word FROM ONLY (guarded.secrets)

=== role: the session acts as other, or a later one will
SET ROLE other
SET LOCAL ROLE other
SET SESSION ROLE other
SET role = other
SET role TO 'other'
SET "role" = 'other'
SET ROLE "other"
SET SESSION AUTHORIZATION other
SET LOCAL SESSION AUTHORIZATION other
SET session_authorization = 'other'
SET SESSION AUTHORIZATION 'other'
SELECT set_config('role', 'other', false)
SELECT set_config('ROLE', 'other', false)
SELECT pg_catalog.set_config('role', 'other', false)
SELECT set_config('ro' || 'le', 'other', false)
SELECT set_config(lower('ROLE'), 'other', false)
SELECT set_config(n, 'other', false) FROM (VALUES ('role')) v (n)
SELECT set_config(setting_name => 'role', new_value => 'other', is_local => false)
SELECT 1 FROM guarded.others WHERE set_config('role', 'other', false) = 'x'
SELECT * FROM set_config('role', 'other', false)
SELECT (SELECT set_config('session_authorization', 'other', false))
WITH x AS (SELECT set_config('role', 'other', false)) SELECT * FROM x
VALUES (set_config('role', 'other', false))
UPDATE pg_settings SET setting = 'other' WHERE name = 'role'
UPDATE pg_catalog.pg_settings SET setting = 'other' WHERE name = 'session_authorization'
ALTER ROLE app SET role = other
ALTER ROLE app IN DATABASE shop SET role = other
ALTER DATABASE shop SET role = other
ALTER USER app SUPERUSER
ALTER ROLE ALL SET role = other
CREATE FUNCTION guarded.up() RETURNS text LANGUAGE sql SET role = other AS 'SELECT current_user::text'; SELECT guarded.up()
DO $$ BEGIN PERFORM set_config('role', 'other', false); END $$
GRANT other TO app
CREATE ROLE around SUPERUSER LOGIN
BEGIN; SET LOCAL ROLE other; SELECT current_user; COMMIT
SELECT 1; SET ROLE other
RESET ROLE; SET ROLE other
SET SESSION SESSION AUTHORIZATION other
SET ROLE 'other'
BEGIN; SET ROLE other; COMMIT
PREPARE r AS SELECT set_config('role', 'other', false); EXECUTE r
SELECT CASE WHEN set_config('role', 'other', false) IS NULL THEN 1 END
SELECT count(*) FILTER (WHERE set_config('role', 'other', false) <> '') FROM guarded.others
SELECT 1 ORDER BY set_config('role', 'other', false)
SELECT 1 LIMIT length(set_config('role', 'other', false))
INSERT INTO guarded.others VALUES (8, set_config('role', 'other', false))
COPY (SELECT set_config('role', 'other', false)) TO STDOUT
EXPLAIN ANALYZE SELECT set_config('role', 'other', false)
CREATE TABLE guarded.t AS SELECT set_config('role', 'other', false)
SELECT set_config(convert_from('\x726f6c65', 'UTF8'), 'other', false)
SET U&"\0072ole" = 'other'
SET U&"rol!0065" UESCAPE '!' = 'other'
SELECT set_config(U&'r\006Fle', 'other', false)
SELECT set_config(E'r\x6fle', 'other', false)
SELECT set_config($$role$$, 'other', false)
SELECT set_config(CAST('role' AS text), 'other', false)
SELECT "set_config"('role', 'other', false)
SELECT * FROM ROWS FROM (set_config('role', 'other', false)) x
SELECT DISTINCT ON (set_config('role', 'other', false)) 1
SELECT 1 HAVING set_config('role', 'other', false) = 'other'
SELECT xmlelement(name a, set_config('role', 'other', false))
DELETE FROM guarded.others WHERE id = 1 RETURNING set_config('role', 'other', false)
INSERT INTO guarded.others VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = set_config('role', 'other', false)
MERGE INTO guarded.others o USING (SELECT set_config('role', 'other', false) AS n) s ON o.id = 1 WHEN MATCHED THEN UPDATE SET name = s.n
CREATE VIEW guarded.rv AS SELECT set_config('role', 'other', false); SELECT * FROM guarded.rv
CREATE TABLE guarded.rt (a text DEFAULT set_config('role', 'other', false)); INSERT INTO guarded.rt DEFAULT VALUES
CREATE TABLE guarded.rc (a int CHECK (set_config('role', 'other', false) <> '')); INSERT INTO guarded.rc VALUES (1)
CREATE DOMAIN guarded.rd AS int CHECK (set_config('role', 'other', false) <> ''); SELECT 1::guarded.rd
ALTER TABLE guarded.others ADD COLUMN z text DEFAULT set_config('role', 'other', false)
ALTER TABLE guarded.others ALTER name TYPE text USING set_config('role', 'other', false)
COPY guarded.others FROM STDIN WHERE set_config('role', 'other', false) <> ''
WITH u AS (UPDATE pg_settings SET setting = 'other' WHERE name = 'role' RETURNING 1) SELECT 1
ALTER ROLE CURRENT_USER SET role = other
ALTER SYSTEM SET role TO other
BEGIN; SAVEPOINT s; SET ROLE other; RELEASE s; COMMIT

=== server: a file of the server is read or written, a program runs, a backend is signalled
COPY guarded.others TO PROGRAM 'cat > /dev/null'
COPY guarded.others FROM PROGRAM 'echo 1'
COPY (SELECT 1) TO PROGRAM 'true'
COPY guarded.others TO '/tmp/pgweir-around'
COPY guarded.others FROM '/etc/hostname'
COPY (SELECT 1) TO '/tmp/pgweir-around'
SELECT pg_read_file('postgresql.conf')
SELECT pg_catalog.pg_read_file('PG_VERSION')
SELECT "pg_read_file"('PG_VERSION')
SELECT pg_read_binary_file('PG_VERSION')
SELECT * FROM pg_ls_dir('.')
SELECT * FROM pg_ls_logdir()
SELECT * FROM pg_ls_waldir()
SELECT (pg_stat_file('PG_VERSION')).size
SELECT count(*) FROM LATERAL pg_ls_tmpdir() x
SELECT lo_import('/etc/hostname')
SELECT lo_export(1, '/tmp/pgweir-around')
CREATE TABLE guarded.around (t text DEFAULT pg_read_file('PG_VERSION')); INSERT INTO guarded.around DEFAULT VALUES RETURNING t
CREATE INDEX ON guarded.others (pg_read_file(name))
SELECT 1 FROM guarded.others ORDER BY pg_read_file('PG_VERSION')
SELECT pg_terminate_backend(pg_backend_pid())
SELECT pg_cancel_backend(pid) FROM pg_stat_activity
SELECT pg_reload_conf()
SELECT pg_rotate_logfile()
SELECT pg_switch_wal()
SELECT pg_create_restore_point('x')
ALTER SYSTEM SET log_statement = 'none'
CHECKPOINT
CREATE EXTENSION dblink
CREATE EXTENSION IF NOT EXISTS file_fdw
LOAD 'auto_explain'
CREATE FUNCTION guarded.c() RETURNS int LANGUAGE c AS 'libc.so.6', 'getpid'
CREATE FUNCTION guarded.i(text) RETURNS text LANGUAGE internal AS 'pg_read_file'
CREATE SERVER around FOREIGN DATA WRAPPER postgres_fdw
CREATE PUBLICATION around FOR ALL TABLES
ALTER FOREIGN TABLE IF EXISTS guarded.around OPTIONS (SET filename '/etc/hostname')
SELECT pg_create_physical_replication_slot('around')
SELECT rolpassword FROM pg_authid
SELECT passwd FROM pg_shadow
SELECT * FROM pg_catalog.pg_authid
TABLE pg_authid
COPY pg_authid TO STDOUT
SELECT * FROM pg_hba_file_rules
SELECT pg_show_all_file_settings()
DELETE FROM pg_class WHERE relname = 'things'
UPDATE pg_catalog.pg_proc SET prosecdef = true WHERE proname = 'now'
INSERT INTO pg_db_role_setting VALUES (0, 10, '{role=postgres}')
SELECT pg_catalog.pg_read_binary_file('PG_VERSION', 0, 10, true)
SELECT * FROM ROWS FROM (pg_ls_logdir())
SELECT (pg_stat_file('PG_VERSION')).size
WITH x AS (COPY guarded.others TO PROGRAM 'true') SELECT 1
COPY (SELECT 1) TO PROGRAM 'true'
COPY guarded.others FROM '/etc/passwd'
ALTER SYSTEM RESET ALL
CREATE FUNCTION guarded.e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER around ON ddl_command_start EXECUTE FUNCTION guarded.e()
SELECT (VALUES ('PG_VERSION'::text)).pg_read_file
SELECT v.pg_read_file FROM unnest(ARRAY['PG_VERSION']) v
SELECT pg_read_file(filename => 'PG_VERSION')
SELECT U&"pg!005fread!005ffile" UESCAPE '!' ('PG_VERSION')
CREATE OPERATOR guarded.~~~~ (FUNCTION = pg_read_file, RIGHTARG = text)
CREATE CAST (text AS xml) WITH FUNCTION pg_read_file(text)
CREATE AGGREGATE guarded.rf(text) (SFUNC = textcat, STYPE = text, FINALFUNC = pg_read_file)
CREATE VIEW guarded.vv AS SELECT pg_read_file('PG_VERSION')
CREATE DOMAIN guarded.dom AS text DEFAULT pg_read_file('PG_VERSION')
CREATE POLICY p ON guarded.others USING (pg_read_file('PG_VERSION') <> '')
CREATE RULE r AS ON INSERT TO guarded.others DO ALSO SELECT pg_read_file('PG_VERSION')
PREPARE p AS SELECT pg_read_file('PG_VERSION')
EXPLAIN SELECT pg_read_file('PG_VERSION')
COPY (SELECT pg_read_file('PG_VERSION')) TO STDOUT
CREATE FUNCTION guarded.i3(text) RETURNS text AS 'pg_read_file' LANGUAGE 'internal'
CREATE FUNCTION guarded.i4(text) RETURNS text LANGUAGE "C" AS 'x'
CREATE LANGUAGE plpython3u
COPY BINARY guarded.others TO '/tmp/pgweir-around'
SELECT binary_upgrade_set_next_pg_type_oid(1)
SELECT pg_stop_making_pinned_objects()
SELECT * FROM pg_config
SELECT get_raw_page('pg_authid', 0)
SELECT * FROM pg_get_wal_records_info('0/0', '0/1')
SELECT pg_log_backend_memory_contexts(1)
SELECT pg_logical_emit_message(true, 'a', 'b')
SELECT pg_export_snapshot()

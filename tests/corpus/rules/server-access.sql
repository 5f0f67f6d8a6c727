-- The built-in rules of pack server-access. tests/integration/test_policy_rules.py explains the marks.

-- rule: copy-program
-- flagged
COPY orders TO PROGRAM 'cat > /dev/null'
-- twin
COPY orders TO STDOUT
-- advice: the client's own copy depends on the client

-- rule: copy-file
-- flagged
COPY orders (id, state) FROM '/dev/null'
-- twin
COPY (SELECT id, state FROM orders WHERE id < 5) TO STDOUT
-- advice: the client's own copy depends on the client

-- rule: server-files
-- flagged
SELECT pg_catalog.pg_read_file('PG_VERSION')
-- twin
SELECT pg_relation_filepath('orders')
-- advice: whoever may do it does it elsewhere

-- rule: large-object-files
-- flagged
SELECT lo_import('/dev/null')
-- twin
SELECT lo_create(0)
-- advice: how bytes are sent depends on the client

-- rule: network
-- flagged
CREATE FOREIGN DATA WRAPPER nowhere
-- twin
SELECT 'CREATE FOREIGN DATA WRAPPER nowhere'
-- advice: whoever may do it does it elsewhere

-- rule: dynamic-sql
-- flagged
DO $$ BEGIN DELETE FROM orders; END $$
-- twin
DELETE FROM orders WHERE id = 5
-- advice: the statements in the text are data here

-- rule: dynamic-sql
-- flagged
SELECT query_to_xml('SELECT * FROM orders', true, true, '')
-- twin
SELECT xmlelement(name orders, 'SELECT * FROM orders')
-- advice: the statements in the text are data here

-- rule: untrusted-code
-- flagged
CREATE FUNCTION up() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'
-- twin
CREATE FUNCTION up() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT 1'
-- advice: where the clause belongs depends on the definition

-- rule: untrusted-code
-- flagged
CREATE FUNCTION up() RETURNS int LANGUAGE c AS 'nothing', 'up'
-- twin
CREATE FUNCTION up() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'
-- advice: the function must be written anew

-- rule: extension
-- flagged
CREATE EXTENSION IF NOT EXISTS plpgsql
-- twin
SELECT extname FROM pg_extension WHERE extname = 'plpgsql'
-- advice: whoever may do it does it elsewhere

-- rule: server-admin
-- flagged
SELECT pg_reload_conf()
-- twin
SELECT pg_conf_load_time()
-- advice: whoever may do it does it elsewhere

-- rule: server-admin
-- flagged
CHECKPOINT
-- twin
SELECT 'CHECKPOINT'
-- advice: whoever may do it does it elsewhere

-- rule: replication
-- flagged
CREATE PUBLICATION everything FOR ALL TABLES
-- twin
SELECT pubname FROM pg_publication WHERE pubname = 'everything'
-- advice: whoever may do it does it elsewhere

-- rule: secrets
-- flagged
SELECT rolname, rolpassword FROM pg_authid WHERE rolname = 'md5_user'
-- twin
SELECT rolname FROM pg_roles WHERE rolname = 'md5_user'
-- advice: which view has what is looked for depends on that

-- rule: stall
-- flagged
SELECT pg_sleep(0)
-- twin
SELECT pg_advisory_xact_lock(5)
-- advice: to wait in the client is no statement

-- The built-in rules of pack destructive-ddl. tests/integration/test_policy_rules.py explains the marks.

-- rule: drop-table
-- flagged
DROP TABLE IF EXISTS orders, public.shops
-- twin
BEGIN; CREATE TABLE fresh (id bigint PRIMARY KEY); DROP TABLE fresh; COMMIT
-- holds
SELECT (SELECT count(*) FROM orders_deleted) = 20 AND (SELECT count(*) FROM shops_deleted) = 3

-- rule: drop-column
-- flagged
ALTER TABLE orders DROP COLUMN IF EXISTS "state"
-- twin
ALTER TABLE orders ALTER COLUMN state DROP DEFAULT
-- holds
SELECT count(*) = 20 FROM orders WHERE state_deleted = 'new'

-- rule: drop-database
-- flagged
DROP DATABASE IF EXISTS elsewhere
-- twin
COMMENT ON DATABASE rules IS 'DROP DATABASE elsewhere'
-- advice: to dump and to wait are no statements

-- rule: drop-schema
-- set-up
CREATE SCHEMA archive;
-- flagged
DROP SCHEMA archive
-- twin
CREATE SCHEMA IF NOT EXISTS archive
-- advice: what the schema holds is not in the text

-- rule: truncate
-- flagged
TRUNCATE TABLE ONLY orders RESTART IDENTITY
-- twin
BEGIN; CREATE TABLE fresh (id bigint PRIMARY KEY); TRUNCATE fresh; COMMIT
-- holds
SELECT count(*) = 0 FROM orders

-- rule: drop-owned
-- flagged
DROP OWNED BY app
-- twin
ALTER TABLE orders OWNER TO app
-- advice: what the role owns is not in the text

-- rule: drop-owned
-- flagged
REASSIGN OWNED BY app TO other
-- twin
SELECT 'REASSIGN OWNED BY app TO other'
-- advice: what the role owns is not in the text

-- rule: drop-not-null
-- flagged
ALTER TABLE orders ALTER COLUMN shop_id DROP NOT NULL
-- twin
ALTER TABLE orders ALTER COLUMN state DROP DEFAULT
-- advice: it is the readers that must change first

-- rule: force-create
-- set-up
CREATE TABLE fresh (id bigint PRIMARY KEY);
-- flagged
BEGIN; DROP TABLE fresh; CREATE TABLE fresh (id bigint PRIMARY KEY, a text); COMMIT
-- twin
BEGIN; CREATE TABLE newer (id bigint PRIMARY KEY); DROP TABLE newer; CREATE TABLE newer (id bigint PRIMARY KEY, a text); COMMIT
-- advice: what is to be altered is the difference to the table that is there

-- rule: cascade
-- set-up
CREATE VIEW low AS SELECT id FROM orders; CREATE VIEW high AS SELECT id FROM low;
-- flagged
DROP VIEW low CASCADE
-- twin
DROP VIEW high
-- advice: what depends on it is not in the text

-- rule: cascade
-- set-up
CREATE VIEW low AS SELECT state FROM orders;
-- flagged
ALTER TABLE orders DROP COLUMN state CASCADE
-- twin
ALTER TABLE shops ADD CONSTRAINT self FOREIGN KEY (id) REFERENCES shops (id) ON UPDATE CASCADE NOT VALID
-- advice: what depends on it is not in the text

-- rule: on-delete-cascade
-- flagged
CREATE TABLE lines (id bigint PRIMARY KEY, order_id bigint REFERENCES orders ON DELETE CASCADE)
-- twin
CREATE TABLE lines (id bigint PRIMARY KEY, order_id bigint REFERENCES orders ON UPDATE CASCADE)
-- advice: whether children are to be kept or deleted is for their owner to say

-- rule: drop-other
-- set-up
CREATE VIEW few AS SELECT id FROM orders LIMIT 5;
-- flagged
DROP VIEW few
-- twin
CREATE OR REPLACE VIEW few AS SELECT id FROM orders LIMIT 3
-- advice: what depends on it is not in the text

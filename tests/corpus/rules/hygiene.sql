-- The built-in rules of pack hygiene. tests/integration/test_policy_rules.py explains the marks.

-- rule: json-column
-- flagged
CREATE TABLE docs (id bigint PRIMARY KEY, body json)
-- twin
CREATE TABLE docs (id bigint PRIMARY KEY, body jsonb)
-- advice: one column of a definition

-- rule: prefer-text
-- flagged
ALTER TABLE orders ADD COLUMN note varchar(20)
-- twin
ALTER TABLE orders ADD COLUMN note text
-- advice: one column of a definition

-- rule: char-field
-- flagged
CREATE TABLE lands (id bigint PRIMARY KEY, code char(2))
-- twin
CREATE TABLE lands (id bigint PRIMARY KEY, code text)
-- advice: one column of a definition

-- rule: prefer-timestamptz
-- flagged
ALTER TABLE orders ADD COLUMN seen timestamp(3)
-- twin
ALTER TABLE orders ADD COLUMN seen timestamp(3) with time zone
-- advice: one column of a definition

-- rule: prefer-bigint
-- flagged
CREATE TABLE fresh (id integer PRIMARY KEY)
-- twin
CREATE TABLE fresh (id bigint PRIMARY KEY, count integer)
-- advice: one column of a definition

-- rule: prefer-identity
-- flagged
CREATE TABLE fresh (id bigserial PRIMARY KEY)
-- twin
CREATE TABLE fresh (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)
-- advice: one column of a definition

-- rule: enum-type
-- flagged
CREATE TYPE mood AS ENUM ('so-so', 'good')
-- twin
CREATE TYPE mood AS (name text, rank int)
-- advice: a table of the values is a design, with a name and a key of its own

-- rule: enum-value-order
-- set-up
CREATE TYPE mood AS ENUM ('so-so', 'good');
-- flagged
ALTER TYPE mood ADD VALUE 'fair'
-- twin
ALTER TYPE mood ADD VALUE 'fair' BEFORE 'good'
-- advice: the place of the value is for its author to say

-- rule: robust-stmts
-- flagged
CREATE INDEX CONCURRENTLY orders_state_idx ON orders (state)
-- twin
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_state_idx ON orders (state)
-- advice: it offers two ways

-- rule: multi-alter
-- flagged
BEGIN; ALTER TABLE orders ADD COLUMN a int DEFAULT 5; ALTER TABLE orders ALTER COLUMN a DROP DEFAULT; COMMIT
-- twin
BEGIN; ALTER TABLE orders ADD COLUMN a int, ADD COLUMN b int DEFAULT 5; COMMIT
-- advice: it speaks of several statements, and rewrites none

-- rule: fk-without-index
-- flagged
ALTER TABLE orders ADD CONSTRAINT orders_shop FOREIGN KEY (shop_id) REFERENCES shops (id) NOT VALID
-- twin
ALTER TABLE orders ADD CONSTRAINT total_positive CHECK (total >= 0) NOT VALID
-- advice: whether there is an index already is not in the text

-- rule: table-no-pk
-- flagged
CREATE TABLE fresh (id bigint UNIQUE)
-- twin
CREATE TABLE fresh (id bigint, PRIMARY KEY (id))
-- advice: which columns are the key is for the author to say

-- rule: transaction-nesting
-- flagged
BEGIN; BEGIN; SELECT 1; COMMIT
-- twin
BEGIN; SAVEPOINT inner_one; SELECT 1; COMMIT
-- advice: it is the script that must change

-- rule: transaction-open
-- file
-- flagged
BEGIN; SELECT 1;
-- twin
BEGIN; SELECT 1; COMMIT;
-- advice: it is the end of the script that is missing

-- rule: commit-in-script
-- file
-- flagged
SELECT 1; COMMIT;
-- twin
BEGIN; SELECT 1; COMMIT;
-- advice: it is the script that must change

-- rule: schema-unqualified
-- flagged
CREATE TABLE fresh (id bigint PRIMARY KEY)
-- twin
CREATE TABLE public.fresh (id bigint PRIMARY KEY)
-- advice: the schema is for the author to choose

-- rule: identifier-too-long
-- flagged
ALTER TABLE orders ADD COLUMN a23456789_123456789_123456789_123456789_123456789_123456789_1234 int
-- twin
ALTER TABLE orders ADD COLUMN a23456789_123456789_123456789_123456789_123456789_123456789_123 int
-- advice: a name is for the author to choose

-- rule: duplicate-assignment
-- fails: PostgreSQL refuses it too
-- flagged
UPDATE orders SET state = 'a', total = 1, state = 'b' WHERE id = 5
-- twin
UPDATE orders SET state = 'a', total = 1 WHERE id = 5
-- advice: which of both values is meant is not in the text

-- rule: naming
-- given: tables: "[a-z_]+", columns: "[a-z_]+", indexes: ".*_idx"
-- flagged
CREATE TABLE public."Fresh" (id bigint PRIMARY KEY)
-- twin
CREATE INDEX CONCURRENTLY orders_state_idx ON Orders (state)
-- advice: a name is for the author to choose

-- rule: required-columns
-- given: columns: {id: [bigint, uuid], made_at: timestamptz}
-- flagged
CREATE TABLE public.fresh (id bigint PRIMARY KEY, made_at timestamp)
-- twin
CREATE TABLE public.fresh (made_at timestamp with time zone, id bigserial PRIMARY KEY)
-- advice: where the column belongs is for the author to choose

-- rule: required-comment
-- flagged
CREATE TABLE public.fresh (id bigint PRIMARY KEY)
-- twin
CREATE TABLE public.fresh (id bigint PRIMARY KEY); COMMENT ON TABLE public.fresh IS 'what is fresh'
-- advice: what the table is for only its author knows

-- rule: type-list
-- given: forbidden: [money, xml]
-- flagged
CREATE TABLE public.fresh (id bigint PRIMARY KEY, price money)
-- twin
CREATE TABLE public.fresh (id bigint PRIMARY KEY, money numeric)
-- advice: which type fits is for the author to choose

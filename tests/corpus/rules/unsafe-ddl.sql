-- The built-in rules of pack unsafe-ddl, each with what it flags and what looks alike.
-- tests/integration/test_policy_rules.py runs them and explains the marks.

-- rule: index-not-concurrent
-- flagged
CREATE INDEX orders_shop_idx ON orders (shop_id)
-- twin
CREATE INDEX CONCURRENTLY orders_shop_idx ON orders (shop_id)
-- holds
SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_shop_idx'::regclass

-- rule: index-not-concurrent
-- set-up
CREATE SCHEMA odd; CREATE TABLE odd."Big Table" (id bigint, "The State" text);
-- flagged
create /* now */ unique index if not exists "Odd idx" on odd."Big Table" using btree (lower("The State") desc) where id > 5;
-- twin
BEGIN; CREATE TABLE fresh (id bigint PRIMARY KEY, a int); CREATE INDEX ON fresh (a); COMMIT
-- holds
SELECT indisunique AND indpred IS NOT NULL FROM pg_index WHERE indexrelid = 'odd."Odd idx"'::regclass

-- rule: drop-index-not-concurrent
-- set-up
CREATE INDEX gone ON orders (state);
-- flagged
DROP INDEX gone
-- twin
DROP INDEX CONCURRENTLY gone
-- holds
SELECT to_regclass('gone') IS NULL

-- rule: drop-index-not-concurrent
-- set-up
CREATE INDEX gone ON orders (state); CREATE INDEX "Also" ON orders (total);
-- flagged
DROP INDEX IF EXISTS gone, public."Also"
-- twin
BEGIN; CREATE TABLE fresh (id int PRIMARY KEY, a int); CREATE INDEX fresh_a ON fresh (a); DROP INDEX fresh_a; COMMIT
-- holds
SELECT to_regclass('gone') IS NULL AND to_regclass('"Also"') IS NULL

-- rule: reindex-not-concurrent
-- flagged
REINDEX TABLE orders
-- twin
REINDEX TABLE CONCURRENTLY orders

-- rule: reindex-not-concurrent
-- flagged
REINDEX (VERBOSE) INDEX public.orders_pkey
-- twin
REINDEX (CONCURRENTLY) INDEX orders_pkey

-- rule: detach-not-concurrent
-- set-up
CREATE TABLE log (at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE log_old PARTITION OF log FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
-- flagged
ALTER TABLE log DETACH PARTITION log_old
-- twin
ALTER TABLE log DETACH PARTITION log_old CONCURRENTLY
-- holds
SELECT NOT relispartition FROM pg_class WHERE oid = 'log_old'::regclass

-- rule: attach-unchecked
-- set-up
CREATE TABLE log (at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE log_old (at date NOT NULL);
-- flagged
ALTER TABLE log ATTACH PARTITION log_old FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')
-- twin
BEGIN; CREATE TABLE log_new (LIKE log); ALTER TABLE log ATTACH PARTITION log_new FOR VALUES FROM ('2021-01-01') TO ('2022-01-01'); COMMIT
-- advice: the bound says values, and not which columns they are of: that is known to the parent only

-- rule: concurrently-in-txn
-- flagged
BEGIN; CREATE INDEX CONCURRENTLY orders_state_idx ON orders (state); COMMIT
-- twin
CREATE INDEX CONCURRENTLY orders_state_idx ON orders (state)
-- holds
SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_state_idx'::regclass

-- rule: concurrently-in-txn
-- flagged
REINDEX TABLE CONCURRENTLY orders; SELECT 1
-- twin
REINDEX TABLE CONCURRENTLY orders;

-- rule: add-constraint-valid
-- flagged
ALTER TABLE orders ADD CONSTRAINT total_positive CHECK (total >= 0)
-- twin
ALTER TABLE orders ADD CONSTRAINT total_positive CHECK (total >= 0) NOT VALID
-- holds
SELECT convalidated FROM pg_constraint WHERE conname = 'total_positive'

-- rule: add-constraint-valid
-- flagged
ALTER TABLE ONLY public.orders ADD CHECK (state IN ('new', 'paid', 'it''s; gone'))
-- twin
CREATE TABLE fresh (id bigint PRIMARY KEY, state text CHECK (state IN ('new', 'paid')))
-- holds
SELECT bool_and(convalidated) FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype = 'c'

-- rule: add-constraint-valid
-- flagged
ALTER TABLE orders ADD COLUMN discount numeric(4, 2) DEFAULT 0 CHECK (discount BETWEEN 0 AND 50)
-- twin
ALTER TABLE orders ADD COLUMN discount numeric(4, 2) DEFAULT 0
-- holds
SELECT count(*) = 1 FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype = 'c' AND convalidated

-- rule: add-fk-valid
-- flagged
ALTER TABLE orders ADD CONSTRAINT orders_shop FOREIGN KEY (shop_id) REFERENCES shops (id) ON DELETE SET NULL
-- twin
ALTER TABLE orders ADD CONSTRAINT orders_shop FOREIGN KEY (shop_id) REFERENCES shops (id) ON DELETE SET NULL NOT VALID
-- holds
SELECT convalidated AND confdeltype = 'n' FROM pg_constraint WHERE conname = 'orders_shop'

-- rule: add-fk-valid
-- flagged
ALTER TABLE orders ADD COLUMN seller_id bigint REFERENCES shops (id) DEFERRABLE INITIALLY DEFERRED
-- twin
CREATE TABLE fresh (id bigint PRIMARY KEY, shop_id bigint REFERENCES shops (id))
-- holds
SELECT convalidated AND condeferred FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype = 'f'

-- rule: validate-same-txn
-- flagged
BEGIN; ALTER TABLE orders ADD CONSTRAINT c CHECK (total >= 0) NOT VALID; ALTER TABLE orders VALIDATE CONSTRAINT c; COMMIT
-- twin
BEGIN; ALTER TABLE orders ADD CONSTRAINT c CHECK (total >= 0) NOT VALID; COMMIT; ALTER TABLE orders VALIDATE CONSTRAINT c
-- meanwhile
BEGIN;
ALTER TABLE orders ADD CONSTRAINT c CHECK (total >= 0) NOT VALID;
-- holds
SELECT convalidated FROM pg_constraint WHERE conname = 'c'

-- rule: add-unique-constraint
-- flagged
ALTER TABLE orders ADD CONSTRAINT orders_number_key UNIQUE (number, shop_id)
-- set-up
CREATE UNIQUE INDEX there ON orders (number);
-- twin
ALTER TABLE orders ADD CONSTRAINT orders_number UNIQUE USING INDEX there
-- holds
SELECT contype = 'u' FROM pg_constraint WHERE conname = 'orders_number_key'

-- rule: add-unique-constraint
-- flagged
ALTER TABLE public.orders ADD COLUMN code uuid UNIQUE
-- twin
CREATE TABLE fresh (id bigint PRIMARY KEY, code uuid UNIQUE)
-- holds
SELECT count(*) = 1 FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype = 'u'

-- rule: add-primary-key
-- set-up
CREATE TABLE bare (id bigint NOT NULL, other bigint NOT NULL); CREATE UNIQUE INDEX there ON bare (other);
-- flagged
ALTER TABLE bare ADD PRIMARY KEY (id)
-- twin
ALTER TABLE bare ADD CONSTRAINT bare_pkey PRIMARY KEY USING INDEX there
-- holds
SELECT contype = 'p' FROM pg_constraint WHERE conrelid = 'bare'::regclass

-- rule: add-exclusion
-- set-up
CREATE TABLE stays (id bigint PRIMARY KEY, during tsrange);
-- flagged
ALTER TABLE stays ADD CONSTRAINT apart EXCLUDE USING gist (during WITH &&)
-- twin
CREATE TABLE rooms (id bigint PRIMARY KEY, during tsrange, EXCLUDE USING gist (during WITH &&))
-- advice: PostgreSQL has no way to build an exclusion constraint online

-- rule: set-not-null
-- flagged
ALTER TABLE orders ALTER COLUMN state SET NOT NULL
-- twin
ALTER TABLE orders ALTER COLUMN state SET DEFAULT 'new'
-- holds
SELECT convalidated FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype = 'c'

-- rule: add-required-column
-- set-up
TRUNCATE orders;
-- flagged
ALTER TABLE orders ADD COLUMN note character varying(20) NOT NULL
-- twin
ALTER TABLE orders ADD COLUMN note text NOT NULL DEFAULT ''
-- holds
SELECT convalidated FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype = 'c'

-- rule: add-col-volatile-default
-- flagged
ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid()
-- twin
ALTER TABLE orders ADD COLUMN seen timestamptz DEFAULT now()
-- holds
SELECT pg_get_expr(adbin, adrelid) = 'gen_random_uuid()' FROM pg_attrdef d JOIN pg_attribute a ON attrelid = adrelid AND attnum = adnum WHERE attname = 'token'

-- rule: add-generated-stored
-- flagged
ALTER TABLE orders ADD COLUMN gross numeric GENERATED ALWAYS AS (total * 1.2) STORED
-- twin
CREATE TABLE fresh (id bigint PRIMARY KEY, gross numeric GENERATED ALWAYS AS (id * 1.2) STORED)
-- holds
SELECT attgenerated = '' FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'gross'

-- rule: add-serial
-- flagged
ALTER TABLE orders ADD COLUMN line bigserial
-- twin
ALTER TABLE orders ADD COLUMN line bigint
-- holds
SELECT pg_get_serial_sequence('orders', 'line') IS NOT NULL

-- rule: add-serial
-- flagged
ALTER TABLE "public"."orders" ADD COLUMN "Line no" bigint GENERATED ALWAYS AS IDENTITY
-- twin
CREATE TABLE fresh (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)
-- holds
SELECT pg_get_serial_sequence('orders', 'Line no') IS NOT NULL

-- rule: change-type
-- flagged
ALTER TABLE orders ALTER COLUMN shop_id TYPE integer USING shop_id::integer
-- twin
ALTER TABLE orders ALTER COLUMN shop_id SET STATISTICS 500
-- holds
SELECT atttypid = 'integer'::regtype FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'shop_id_new'

-- rule: table-rewrite
-- flagged
ALTER TABLE orders SET UNLOGGED
-- twin
ALTER TABLE orders SET (fillfactor = 90)
-- advice: a copy into a new table is the work of a program, not a statement

-- rule: rewrite-maintenance
-- flagged
VACUUM FULL orders
-- twin
VACUUM orders

-- rule: rewrite-maintenance
-- flagged
CLUSTER orders USING orders_pkey
-- twin
ALTER TABLE orders CLUSTER ON orders_pkey

-- rule: refresh-matview-blocking
-- set-up
CREATE MATERIALIZED VIEW per_shop AS SELECT shop_id, count(*) FROM orders GROUP BY shop_id;
CREATE UNIQUE INDEX ON per_shop (shop_id);
-- flagged
REFRESH MATERIALIZED VIEW per_shop
-- twin
REFRESH MATERIALIZED VIEW CONCURRENTLY per_shop

-- rule: domain-constraint
-- set-up
CREATE DOMAIN amount AS numeric;
-- flagged
ALTER DOMAIN amount ADD CONSTRAINT not_negative CHECK (VALUE >= 0)
-- twin
CREATE DOMAIN share AS numeric
-- advice: which columns use the domain is not in the text

-- rule: domain-constraint
-- flagged
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%')
-- twin
CREATE DOMAIN email AS text DEFAULT ''
-- advice: which columns will use the domain is not in the text

-- rule: lock-timeout-missing
-- file
-- flagged
ALTER TABLE orders ADD COLUMN note text
-- twin
SET lock_timeout = '2s'; ALTER TABLE orders ADD COLUMN note text
-- holds
SELECT count(*) = 1 FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'note'

-- rule: statement-timeout-missing
-- file
-- flagged
ALTER TABLE orders ADD COLUMN note text
-- twin
SET statement_timeout = '2s'; ALTER TABLE orders ADD COLUMN note text
-- holds
SELECT count(*) = 1 FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'note'

-- rule: lock-then-more
-- flagged
BEGIN; ALTER TABLE orders ADD COLUMN note text; SELECT count(*) FROM shops; COMMIT
-- twin
BEGIN; ALTER TABLE orders ADD COLUMN note text; COMMIT; SELECT count(*) FROM shops

-- rule: mix-ddl-dml
-- flagged
BEGIN; ALTER TABLE orders ADD COLUMN note text; UPDATE orders SET state = 'old' WHERE id < 5; COMMIT
-- twin
BEGIN; UPDATE orders SET state = 'old' WHERE id < 5; ALTER TABLE orders ADD COLUMN note text; COMMIT
-- holds
SELECT count(*) = 4 FROM orders WHERE state = 'old'

-- rule: rename-column
-- flagged
ALTER TABLE orders RENAME COLUMN state TO status
-- twin
ALTER TABLE orders RENAME COLUMN state TO state_deleted
-- advice: the type of the new column is not in the text

-- rule: rename-table
-- flagged
ALTER TABLE public.orders RENAME TO purchases
-- twin
ALTER TABLE orders RENAME TO orders_deleted
-- holds
SELECT count(*) = 20 FROM purchases

-- rule: rename-table
-- set-up
CREATE SCHEMA archive;
-- flagged
ALTER TABLE orders SET SCHEMA archive
-- twin
ALTER INDEX orders_pkey RENAME TO orders_id_key
-- holds
SELECT count(*) = 20 FROM archive.orders

-- rule: rename-table
-- set-up
CREATE SCHEMA archive; CREATE TABLE archive."Old" (id bigint PRIMARY KEY);
-- flagged
ALTER TABLE archive."Old" RENAME TO "Older"
-- twin
ALTER TABLE archive."Old" RENAME COLUMN id TO id_deleted
-- holds
SELECT to_regclass('archive."Older"') IS NOT NULL

-- rule: rename-schema
-- set-up
CREATE SCHEMA archive;
-- flagged
ALTER SCHEMA archive RENAME TO attic
-- twin
CREATE SCHEMA attic
-- advice: what the schema holds is not in the text

-- rule: rename-enum-value
-- set-up
CREATE TYPE mood AS ENUM ('so-so', 'good');
-- flagged
ALTER TYPE mood RENAME VALUE 'so-so' TO 'it''s fair'
-- twin
ALTER TYPE mood ADD VALUE 'fair' AFTER 'so-so'
-- holds
SELECT array_agg(enumlabel::text ORDER BY enumsortorder) = ARRAY['so-so', 'it''s fair', 'good'] FROM pg_enum WHERE enumtypid = 'mood'::regtype

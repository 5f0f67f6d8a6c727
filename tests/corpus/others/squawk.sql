-- What Squawk's rules flag and let pass, in statements of our own, by Squawk's names (aliases of ours).
-- tests/others.py asks pgweir of each line under `use: NAME`.
--
--   flag    both flag it
--   pass    both let it pass
--   ours    we flag it, Squawk does not
--   theirs  Squawk flags it, we do not
--
-- Each ours and theirs is argued in docs/CONFORMANCE.md under the rule's name.

=== adding-field-with-default
flag    ALTER TABLE parcels ADD COLUMN token uuid DEFAULT gen_random_uuid();
flag    ALTER TABLE parcels ADD COLUMN weight float DEFAULT random();
flag    ALTER TABLE parcels ADD COLUMN code text DEFAULT next_code();
flag    ALTER TABLE parcels SET (fillfactor = 90), ADD COLUMN token uuid DEFAULT gen_random_uuid();
pass    ALTER TABLE parcels ADD COLUMN weight integer DEFAULT 10;
pass    ALTER TABLE parcels ADD COLUMN sent boolean DEFAULT false NOT NULL;
pass    ALTER TABLE parcels ADD COLUMN extra jsonb DEFAULT '{}'::jsonb;
pass    ALTER TABLE parcels ADD COLUMN at timestamptz DEFAULT now();
pass    ALTER TABLE parcels ADD COLUMN note text; ALTER TABLE parcels ALTER COLUMN note SET DEFAULT '';
theirs  ALTER TABLE parcels ADD COLUMN weight integer DEFAULT 2 + 2;
theirs  ALTER TABLE parcels ADD COLUMN at timestamptz DEFAULT date_trunc('day', now());

=== adding-field-generated-stored
flag    ALTER TABLE parcels ADD COLUMN volume numeric GENERATED ALWAYS AS (w * h * d) STORED;
pass    ALTER TABLE parcels ADD COLUMN volume numeric;
pass    CREATE TABLE boxes (w numeric, volume numeric GENERATED ALWAYS AS (w * 2) STORED);

=== adding-foreign-key-constraint
flag    ALTER TABLE parcels ADD CONSTRAINT parcels_route FOREIGN KEY (route_id) REFERENCES routes (id);
flag    ALTER TABLE parcels ADD FOREIGN KEY (route_id) REFERENCES routes;
flag    ALTER TABLE parcels ADD COLUMN route_id bigint REFERENCES routes (id);
flag    BEGIN; ALTER TABLE parcels ADD COLUMN route_id bigint CONSTRAINT fk REFERENCES routes (id); COMMIT;
pass    ALTER TABLE parcels ADD CONSTRAINT parcels_route FOREIGN KEY (route_id) REFERENCES routes (id) NOT VALID;
pass    ALTER TABLE parcels ADD CONSTRAINT parcels_route FOREIGN KEY (route_id) REFERENCES routes (id) NOT VALID; ALTER TABLE parcels VALIDATE CONSTRAINT parcels_route;
pass    CREATE TABLE parcels (id bigint PRIMARY KEY, route_id bigint REFERENCES routes (id));
pass    BEGIN; CREATE TABLE parcels (id bigint, route_id bigint); ALTER TABLE parcels ADD FOREIGN KEY (route_id) REFERENCES routes; COMMIT;

=== adding-not-nullable-field
ours    ALTER TABLE parcels ALTER COLUMN weight SET NOT NULL;
pass    ALTER TABLE parcels ADD COLUMN weight integer DEFAULT 10 NOT NULL; ALTER TABLE parcels ALTER COLUMN weight DROP DEFAULT;
pass    ALTER TABLE parcels ADD COLUMN weight integer NOT NULL;

=== adding-required-field
flag    ALTER TABLE parcels ADD COLUMN weight integer NOT NULL;
flag    ALTER TABLE parcels ADD COLUMN weight integer NOT NULL CHECK (weight > 0);
pass    ALTER TABLE parcels ADD COLUMN weight integer;
pass    ALTER TABLE parcels ADD COLUMN weight integer NOT NULL DEFAULT 1;
pass    ALTER TABLE parcels ADD COLUMN volume numeric NOT NULL GENERATED ALWAYS AS (w * h) STORED;
pass    ALTER TABLE parcels ALTER COLUMN weight SET NOT NULL;

=== adding-serial-primary-key-field
flag    ALTER TABLE parcels ADD COLUMN id serial PRIMARY KEY;
flag    ALTER TABLE parcels ADD PRIMARY KEY (id);
pass    ALTER TABLE parcels ADD CONSTRAINT parcels_pk PRIMARY KEY USING INDEX parcels_pk_idx;
pass    CREATE TABLE parcels (id bigserial PRIMARY KEY);

=== ban-alter-domain-with-add-constraint
flag    ALTER DOMAIN weight ADD CONSTRAINT positive CHECK (VALUE > 0);
flag    ALTER DOMAIN weight ADD CHECK (VALUE < 1000);
pass    ALTER DOMAIN weight SET DEFAULT 1;
pass    ALTER DOMAIN weight DROP CONSTRAINT positive;
ours    ALTER DOMAIN weight SET NOT NULL;

=== ban-create-domain-with-constraint
flag    CREATE DOMAIN weight AS numeric(8, 2) CHECK (VALUE > 0);
flag    CREATE DOMAIN weight AS numeric NOT NULL CHECK (VALUE > 0);
pass    CREATE DOMAIN label AS text;
pass    CREATE DOMAIN label AS character varying;

=== ban-char-field
flag    CREATE TABLE parcels (zone char(3));
flag    CREATE TABLE parcels (zone CHARACTER);
flag    CREATE TABLE parcels (zone bpchar);
flag    CREATE TABLE parcels (zones char(3)[]);
flag    ALTER TABLE parcels ADD COLUMN zone char;
flag    ALTER TABLE parcels ADD COLUMN zone character(10);
pass    CREATE TABLE parcels (zone varchar(3), note text);
pass    ALTER TABLE parcels ADD COLUMN zone text;

=== ban-concurrent-index-creation-in-transaction
flag    BEGIN; CREATE INDEX CONCURRENTLY parcels_zone ON parcels (zone); COMMIT;
flag    BEGIN; ALTER TABLE parcels ADD COLUMN zone text; CREATE INDEX CONCURRENTLY parcels_zone ON parcels (zone); COMMIT;
pass    CREATE INDEX CONCURRENTLY parcels_zone ON parcels (zone);
pass    BEGIN; SELECT 1; COMMIT; CREATE INDEX CONCURRENTLY parcels_zone ON parcels (zone);
pass    BEGIN; CREATE TABLE parcels (zone text); CREATE INDEX parcels_zone ON parcels (zone); COMMIT;
ours    BEGIN; DROP INDEX CONCURRENTLY parcels_zone; COMMIT;

=== ban-drop-column
flag    ALTER TABLE parcels DROP COLUMN zone;
flag    ALTER TABLE IF EXISTS parcels DROP COLUMN IF EXISTS zone, ADD COLUMN area text;
pass    ALTER TABLE parcels DROP CONSTRAINT zone;
pass    ALTER TABLE parcels ALTER COLUMN zone DROP DEFAULT;

=== ban-drop-database
flag    DROP DATABASE depot;
flag    DROP DATABASE IF EXISTS depot WITH (FORCE);
pass    SELECT 'DROP DATABASE depot';

=== ban-drop-not-null
flag    ALTER TABLE parcels ALTER COLUMN zone DROP NOT NULL;
pass    ALTER TABLE parcels ALTER COLUMN zone DROP DEFAULT;

=== ban-drop-table
flag    DROP TABLE parcels;
flag    DROP TABLE IF EXISTS parcels, routes CASCADE;
flag    BEGIN; DROP TABLE parcels; COMMIT;
pass    DROP VIEW parcels_today;
pass    ALTER TABLE parcels DROP CONSTRAINT zone;

=== ban-truncate-cascade
flag    TRUNCATE parcels CASCADE;
flag    TRUNCATE TABLE parcels, routes RESTART IDENTITY CASCADE;
pass    TRUNCATE parcels;
pass    TRUNCATE parcels RESTRICT;
ours    DROP VIEW parcels_today CASCADE;

=== ban-uncommitted-transaction
flag    BEGIN; ALTER TABLE parcels ADD COLUMN zone text;
flag    BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2;
pass    BEGIN; SELECT 1; COMMIT;
pass    BEGIN; SELECT 1; ROLLBACK;
pass    SELECT 1;

=== ban-duplicate-column-assignments
flag    UPDATE parcels SET zone = 'a', weight = 1, zone = 'b' WHERE id = 1;
pass    UPDATE parcels SET zone = 'a', weight = 1 WHERE id = 1;

=== changing-column-type
flag    ALTER TABLE parcels ALTER COLUMN id TYPE bigint;
flag    ALTER TABLE parcels ALTER COLUMN weight SET DATA TYPE integer USING weight::integer;
flag    ALTER TABLE parcels ALTER zone TYPE text, ALTER weight SET DEFAULT 0;
pass    ALTER TABLE parcels ALTER COLUMN weight SET DEFAULT 0;
pass    ALTER TABLE parcels ADD COLUMN id_new bigint;

=== constraint-missing-not-valid
flag    ALTER TABLE parcels ADD CONSTRAINT positive CHECK (weight > 0);
flag    BEGIN; ALTER TABLE parcels ADD CONSTRAINT positive CHECK (weight > 0) NOT VALID; ALTER TABLE parcels VALIDATE CONSTRAINT positive; COMMIT;
pass    ALTER TABLE parcels ADD CONSTRAINT positive CHECK (weight > 0) NOT VALID;
pass    ALTER TABLE parcels ADD CONSTRAINT positive CHECK (weight > 0) NOT VALID; ALTER TABLE parcels VALIDATE CONSTRAINT positive;
pass    BEGIN; CREATE TABLE parcels (weight int); ALTER TABLE parcels ADD CONSTRAINT positive CHECK (weight > 0); COMMIT;
pass    ALTER TABLE parcels ADD CONSTRAINT parcels_code UNIQUE USING INDEX parcels_code_idx;
theirs  ALTER TABLE parcels ADD CONSTRAINT parcels_route FOREIGN KEY (route_id) REFERENCES routes (id);

=== disallowed-unique-constraint
flag    ALTER TABLE parcels ADD CONSTRAINT parcels_code UNIQUE (code);
flag    ALTER TABLE parcels ADD COLUMN code text UNIQUE;
flag    ALTER TABLE parcels ADD COLUMN code text CONSTRAINT one_code UNIQUE;
pass    CREATE UNIQUE INDEX CONCURRENTLY parcels_code_idx ON parcels (code); ALTER TABLE parcels ADD CONSTRAINT parcels_code UNIQUE USING INDEX parcels_code_idx;
pass    ALTER TABLE parcels DROP CONSTRAINT parcels_pk, ADD CONSTRAINT parcels_pk PRIMARY KEY USING INDEX parcels_pk_idx;
pass    BEGIN; CREATE TABLE parcels (code text); ALTER TABLE parcels ADD CONSTRAINT parcels_code UNIQUE (code); COMMIT;
pass    CREATE TABLE parcels (code text UNIQUE);

=== identifier-too-long
flag    CREATE TABLE p23456789_123456789_123456789_123456789_123456789_123456789_1234 (id bigint);
pass    CREATE TABLE p23456789_123456789_123456789_123456789_123456789_123456789_123 (id bigint);

=== prefer-bigint-over-int
flag    CREATE TABLE parcels (id integer PRIMARY KEY);
flag    CREATE TABLE parcels (id serial);
flag    CREATE TABLE parcels (id int4 GENERATED ALWAYS AS IDENTITY);
pass    CREATE TABLE parcels (id bigint PRIMARY KEY);
pass    CREATE TABLE parcels (id bigserial PRIMARY KEY);
theirs  CREATE TABLE parcels (id bigint PRIMARY KEY, pieces integer);

=== prefer-bigint-over-smallint
flag    CREATE TABLE zones (id smallint PRIMARY KEY);
flag    CREATE TABLE zones (id smallserial);
pass    CREATE TABLE zones (id bigint PRIMARY KEY);
theirs  CREATE TABLE parcels (id bigint PRIMARY KEY, pieces smallint);

=== prefer-identity
flag    CREATE TABLE parcels (id serial PRIMARY KEY);
flag    CREATE TABLE parcels (id bigserial);
pass    CREATE TABLE parcels (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY);
pass    CREATE TABLE parcels (id bigint);

=== prefer-repack
flag    VACUUM FULL parcels;
flag    VACUUM (FULL, ANALYZE) parcels;
flag    CLUSTER parcels USING parcels_pk;
pass    VACUUM parcels;
pass    VACUUM (FULL false) parcels;
pass    VACUUM (ANALYZE) parcels;

=== prefer-robust-stmts
flag    SELECT 1; CREATE INDEX CONCURRENTLY parcels_zone ON parcels (zone);
flag    SELECT 1; CREATE TABLE parcels (id bigint);
flag    SELECT 1; DROP TABLE parcels;
flag    SELECT 1; DROP INDEX CONCURRENTLY parcels_zone;
flag    SELECT 1; DROP TYPE zone;
flag    SELECT 1; ALTER TABLE parcels ADD COLUMN zone text;
flag    SELECT 1; ALTER TABLE parcels DROP COLUMN zone;
flag    SELECT 1; ALTER TABLE parcels DROP CONSTRAINT zone;
pass    SELECT 1; CREATE INDEX CONCURRENTLY IF NOT EXISTS parcels_zone ON parcels (zone);
pass    SELECT 1; CREATE INDEX ON parcels (zone);
pass    SELECT 1; CREATE TABLE IF NOT EXISTS parcels (id bigint);
pass    SELECT 1; CREATE TEMP TABLE p (id bigint) ON COMMIT DROP;
theirs  SELECT 1; CREATE TEMP TABLE p (id bigint);
pass    SELECT 1; DROP TYPE IF EXISTS zone;
pass    SELECT 1; ALTER TABLE parcels ADD COLUMN IF NOT EXISTS zone text;
pass    SELECT 1; INSERT INTO zones (id) VALUES (1);
pass    BEGIN; DROP INDEX parcels_zone; DROP TABLE parcels; DROP TYPE zone; COMMIT;
pass    ALTER TABLE parcels DROP CONSTRAINT IF EXISTS fk; ALTER TABLE parcels ADD CONSTRAINT fk FOREIGN KEY (route_id) REFERENCES routes (id) NOT VALID;
theirs  SELECT 1; ALTER TABLE parcels ADD CONSTRAINT fk FOREIGN KEY (route_id) REFERENCES routes (id) NOT VALID;
theirs  SELECT 1; ALTER TABLE parcels ALTER COLUMN zone SET DEFAULT 'a';

=== prefer-text-field
flag    CREATE TABLE parcels (code varchar(20));
flag    ALTER TABLE parcels ADD COLUMN code character varying(20);
pass    CREATE TABLE parcels (code text, other varchar);

=== prefer-timestamp-tz
flag    CREATE TABLE parcels (at timestamp);
flag    ALTER TABLE parcels ADD COLUMN at timestamp(3) without time zone;
pass    CREATE TABLE parcels (at timestamptz, since timestamp with time zone, day date);

=== prefer-timestamptz
flag    CREATE TABLE parcels (at timestamp without time zone);
pass    ALTER TABLE parcels ADD COLUMN at timestamptz(3);

=== renaming-column
flag    ALTER TABLE parcels RENAME COLUMN zone TO area;
flag    ALTER TABLE parcels RENAME zone TO area;
pass    ALTER TABLE parcels RENAME CONSTRAINT zone TO area;
theirs  ALTER TABLE parcels RENAME COLUMN zone TO zone_deleted;

=== renaming-table
flag    ALTER TABLE parcels RENAME TO packages;
flag    ALTER TABLE IF EXISTS depot.parcels RENAME TO packages;
pass    ALTER INDEX parcels_pk RENAME TO packages_pk;
theirs  ALTER TABLE parcels RENAME TO parcels_deleted;
ours    ALTER TABLE parcels SET SCHEMA depot;

=== require-concurrent-index-creation
flag    CREATE INDEX parcels_zone ON parcels (zone);
flag    CREATE UNIQUE INDEX IF NOT EXISTS parcels_zone ON parcels (zone);
flag    BEGIN; CREATE TABLE zones (id bigint); CREATE INDEX parcels_zone ON parcels (zone); COMMIT;
pass    CREATE INDEX CONCURRENTLY parcels_zone ON parcels (zone);
pass    BEGIN; CREATE TABLE parcels (zone text); CREATE INDEX parcels_zone ON parcels (zone); COMMIT;

=== require-concurrent-index-deletion
flag    DROP INDEX parcels_zone;
flag    DROP INDEX IF EXISTS depot.parcels_zone;
pass    DROP INDEX CONCURRENTLY parcels_zone;
pass    DROP TABLE IF EXISTS parcels;

=== require-concurrent-partition-detach
flag    ALTER TABLE parcels DETACH PARTITION parcels_2020;
pass    ALTER TABLE parcels DETACH PARTITION parcels_2020 CONCURRENTLY;
pass    ALTER TABLE parcels DETACH PARTITION parcels_2020 FINALIZE;

=== require-concurrent-reindex
flag    REINDEX INDEX parcels_zone;
flag    REINDEX (VERBOSE) TABLE parcels;
pass    REINDEX INDEX CONCURRENTLY parcels_zone;
pass    REINDEX (CONCURRENTLY) TABLE parcels;

=== require-enum-value-ordering
flag    ALTER TYPE state ADD VALUE 'lost';
flag    ALTER TYPE state ADD VALUE IF NOT EXISTS 'lost';
pass    ALTER TYPE state ADD VALUE 'lost' BEFORE 'found';
pass    ALTER TYPE state ADD VALUE 'lost' AFTER 'sent';
pass    ALTER TYPE state RENAME VALUE 'lost' TO 'gone';

=== require-table-schema
flag    CREATE TABLE parcels (id bigint);
flag    CREATE TABLE parcels AS SELECT 1;
theirs  ALTER TABLE parcels ADD COLUMN zone text;
theirs  DROP TABLE parcels;
pass    CREATE TABLE depot.parcels (id bigint);
pass    CREATE TEMP TABLE parcels (id bigint);
pass    CREATE TEMP TABLE parcels AS SELECT 1;
pass    ALTER TABLE depot.parcels ADD COLUMN zone text;
pass    DROP TABLE depot.parcels;

=== require-lock-timeout
flag    ALTER TABLE parcels ADD COLUMN zone text;
flag    SET statement_timeout = '5s'; ALTER TABLE parcels ADD COLUMN zone text;
flag    DROP TABLE parcels;
pass    SET lock_timeout = '1s'; ALTER TABLE parcels ADD COLUMN zone text;
pass    SELECT * FROM parcels;
pass    INSERT INTO parcels (id) VALUES (1);
theirs  CREATE TABLE parcels (id bigint);
theirs  CREATE INDEX CONCURRENTLY parcels_zone ON parcels (zone);

=== require-statement-timeout
flag    ALTER TABLE parcels ADD COLUMN zone text;
flag    SET lock_timeout = '1s'; ALTER TABLE parcels ADD COLUMN zone text;
pass    SET statement_timeout = '5s'; ALTER TABLE parcels ADD COLUMN zone text;
pass    SELECT * FROM parcels;
theirs  CREATE TABLE parcels (id bigint);

=== require-timeout-settings
flag    ALTER TABLE parcels ADD COLUMN zone text;
flag    SET lock_timeout = '1s'; ALTER TABLE parcels ADD COLUMN zone text;
pass    SET lock_timeout = '1s'; SET statement_timeout = '5s'; ALTER TABLE parcels ADD COLUMN zone text;

=== transaction-nesting
flag    BEGIN; BEGIN; SELECT 1; COMMIT;
flag    BEGIN; SELECT 1; COMMIT; COMMIT;
flag    SELECT 1; ROLLBACK;
pass    BEGIN; SELECT 1; COMMIT;
pass    BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT;
pass    SELECT 1;

-- What strong_migrations' checks call dangerous and safe, as the SQL that Rails makes of it, by the aliases
-- that begin with sm:. The marks are those of squawk.sql.

=== sm:add_index
flag    CREATE INDEX "index_users_on_name" ON "users" ("name");
flag    CREATE UNIQUE INDEX "index_users_on_email" ON "users" ("email");
pass    CREATE INDEX CONCURRENTLY "index_users_on_name" ON "users" ("name");
pass    BEGIN; CREATE TABLE "users" ("id" bigserial primary key, "name" character varying); CREATE INDEX "index_users_on_name" ON "users" ("name"); COMMIT;

=== sm:remove_index
flag    DROP INDEX "index_users_on_name";
pass    DROP INDEX CONCURRENTLY "index_users_on_name";

=== sm:add_column_default
flag    ALTER TABLE "users" ADD "token" uuid DEFAULT gen_random_uuid();
pass    ALTER TABLE "users" ADD "nice" boolean DEFAULT TRUE;
pass    ALTER TABLE "users" ADD "nice" boolean; ALTER TABLE "users" ALTER COLUMN "nice" SET DEFAULT FALSE;
pass    ALTER TABLE "users" ADD "nice" timestamp DEFAULT now();

=== sm:add_column_json
flag    ALTER TABLE "users" ADD "properties" json;
pass    ALTER TABLE "users" ADD "properties" jsonb;

=== sm:add_column_generated_stored
flag    ALTER TABLE "users" ADD "nice" character varying GENERATED ALWAYS AS (lower(name)) STORED;
pass    ALTER TABLE "users" ADD "nice" character varying;

=== sm:add_column_auto_incrementing
flag    ALTER TABLE "users" ADD "number" bigserial;
flag    ALTER TABLE "users" ADD "number" serial;
pass    ALTER TABLE "users" ADD "number" bigint;

=== sm:add_check_constraint
flag    ALTER TABLE "users" ADD CONSTRAINT "age_check" CHECK (age > 0);
pass    ALTER TABLE "users" ADD CONSTRAINT "age_check" CHECK (age > 0) NOT VALID;
pass    ALTER TABLE "users" VALIDATE CONSTRAINT "age_check";

=== sm:add_foreign_key
flag    ALTER TABLE "users" ADD CONSTRAINT "fk_rails_1" FOREIGN KEY ("order_id") REFERENCES "orders" ("id");
pass    ALTER TABLE "users" ADD CONSTRAINT "fk_rails_1" FOREIGN KEY ("order_id") REFERENCES "orders" ("id") NOT VALID;
pass    ALTER TABLE "users" VALIDATE CONSTRAINT "fk_rails_1";

=== sm:add_reference
flag    ALTER TABLE "users" ADD "order_id" bigint, ADD CONSTRAINT "fk_rails_1" FOREIGN KEY ("order_id") REFERENCES "orders" ("id");
pass    ALTER TABLE "users" ADD "order_id" bigint;

=== sm:add_unique_constraint
flag    ALTER TABLE "users" ADD CONSTRAINT "uniq" UNIQUE ("name");
pass    ALTER TABLE "users" ADD CONSTRAINT "uniq" UNIQUE USING INDEX "index_users_on_name";

=== sm:add_exclusion_constraint
flag    ALTER TABLE "users" ADD CONSTRAINT "apart" EXCLUDE USING gist (credit_score WITH =);
pass    BEGIN; CREATE TABLE "users" ("id" bigint); ALTER TABLE "users" ADD CONSTRAINT "apart" EXCLUDE USING gist (id WITH =); COMMIT;

=== sm:change_column
flag    ALTER TABLE "users" ALTER COLUMN "properties" TYPE bigint;
pass    ALTER TABLE "users" ALTER COLUMN "properties" SET DEFAULT 5;
ours    ALTER TABLE "users" ALTER COLUMN "name" TYPE text;

=== sm:change_column_null
flag    ALTER TABLE "users" ALTER COLUMN "name" SET NOT NULL;
pass    ALTER TABLE "users" ALTER COLUMN "name" DROP NOT NULL;
ours    ALTER TABLE "users" ADD CONSTRAINT "name_null" CHECK (name IS NOT NULL) NOT VALID; ALTER TABLE "users" VALIDATE CONSTRAINT "name_null"; ALTER TABLE "users" ALTER COLUMN "name" SET NOT NULL;

=== sm:create_table
flag    BEGIN; DROP TABLE IF EXISTS "users" CASCADE; CREATE TABLE "users" ("id" bigserial primary key); COMMIT;
pass    CREATE TABLE "users" ("id" bigserial primary key);
theirs  DROP TABLE IF EXISTS "users" CASCADE; CREATE TABLE "users" ("id" bigserial primary key);

=== sm:remove_column
flag    ALTER TABLE "users" DROP COLUMN "name";
flag    ALTER TABLE "users" DROP COLUMN "created_at", DROP COLUMN "updated_at";
pass    ALTER TABLE "users" ADD "name" text;

=== sm:rename_column
flag    ALTER TABLE "users" RENAME COLUMN "properties" TO "bad_name";
pass    ALTER TABLE "users" ADD "better_name" text;

=== sm:rename_table
flag    ALTER TABLE "users" RENAME TO "bad_name";
pass    CREATE TABLE "better_name" ("id" bigserial primary key);

=== sm:rename_schema
flag    ALTER SCHEMA "public" RENAME TO "bad_name";
pass    CREATE SCHEMA "better_name";

SET lock_timeout = '1s';
SET statement_timeout = '10min';
ALTER TABLE app.events ALTER COLUMN id TYPE bigint;
ALTER TABLE app.events ADD COLUMN trace uuid DEFAULT gen_random_uuid();
ALTER TABLE app.events ADD COLUMN seen timestamp;
ALTER TABLE app.events ADD COLUMN payload json;
ALTER TYPE app.state ADD VALUE 'archived' AFTER 'done';
ALTER TABLE app.events RENAME COLUMN kind TO type;

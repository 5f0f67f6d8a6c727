BEGIN;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = '5s';
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS closed_at timestamptz;
UPDATE accounts SET closed_at = now() WHERE state = 'closed';

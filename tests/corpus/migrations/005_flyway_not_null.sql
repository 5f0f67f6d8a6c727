-- V5__require_email.sql
SET lock_timeout TO '2s';
SET statement_timeout TO '30s';
UPDATE customers SET email = 'unknown';
ALTER TABLE customers ALTER COLUMN email SET NOT NULL;
ALTER TABLE customers ADD CONSTRAINT customers_email_check CHECK (email LIKE '%@%');
ALTER TABLE customers ADD CONSTRAINT customers_email_key UNIQUE (email);

SET lock_timeout = '1s';
SET statement_timeout = '1min';
CREATE TABLE app.log_2026_12 (LIKE app.log INCLUDING ALL);
ALTER TABLE app.log ATTACH PARTITION app.log_2026_12 FOR VALUES FROM ('2026-12-01') TO ('2027-01-01');
ALTER TABLE app.log DETACH PARTITION app.log_2025_12;
DROP TABLE app.log_2025_12;

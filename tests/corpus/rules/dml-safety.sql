-- The built-in rules of pack dml-safety. tests/integration/test_policy_rules.py explains the marks.

-- rule: where-required
-- flagged
DELETE FROM orders
-- twin
DELETE FROM orders WHERE id = 5
-- advice: which rows are meant is not in the text

-- rule: where-required
-- flagged
WITH u AS (UPDATE orders SET state = 'x' WHERE id = id OR id IS NULL RETURNING id) SELECT count(*) FROM u
-- twin
WITH u AS (UPDATE orders SET state = 'x' WHERE id = shop_id OR id IS NULL RETURNING id) SELECT count(*) FROM u
-- advice: which rows are meant is not in the text

-- rule: lock-table
-- flagged
BEGIN; LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE; COMMIT
-- twin
BEGIN; LOCK TABLE orders IN ROW EXCLUSIVE MODE; COMMIT
-- meanwhile
BEGIN;

-- rule: limit-required
-- flagged
SELECT id, state FROM orders WHERE state IS NOT NULL
-- twin
SELECT id, state FROM orders WHERE state IS NOT NULL LIMIT 10

-- rule: limit-required
-- flagged
SELECT id, state FROM orders WHERE state IS NOT NULL LIMIT NULLIF(5, 5)
-- twin
SELECT id, state FROM orders WHERE state IS NOT NULL LIMIT NULLIF(5, 6)
-- advice: there is a LIMIT in its place already

-- rule: select-star
-- flagged
SELECT * FROM orders WHERE id = 5 LIMIT 1
-- twin
SELECT count(*) FROM orders WHERE EXISTS (SELECT * FROM shops WHERE shops.id = shop_id)
-- advice: the names of the columns are not in the text

-- rule: select-where
-- flagged
SELECT id FROM orders
-- twin
SELECT id FROM orders WHERE id = 5
-- advice: which rows are meant is not in the text

-- rule: insert-columns
-- flagged
INSERT INTO shops VALUES (7, 'seven')
-- twin
INSERT INTO shops (id, name) VALUES (7, 'seven')
-- advice: the names of the columns are not in the text

-- rule: insert-rows
-- flagged
INSERT INTO shops (id, name) VALUES {1001 rows}
-- twin
INSERT INTO shops (id, name) VALUES {1000 rows}

-- rule: leading-wildcard
-- flagged
SELECT id FROM orders WHERE state LIKE '%ew' LIMIT 5
-- twin
SELECT id FROM orders WHERE state LIKE 'ne%' LIMIT 5
-- advice: an index of pg_trgm needs an extension, and its worth is not in the text

-- rule: function-on-column
-- flagged
SELECT id FROM orders WHERE lower(state) = 'new' LIMIT 5
-- twin
SELECT lower(state) FROM orders WHERE state = lower('NEW') LIMIT 5
-- advice: whether an index on the expression is worth its upkeep is not in the text

-- rule: order-by-random
-- flagged
SELECT id FROM orders WHERE id > 1 ORDER BY random() LIMIT 3
-- twin
SELECT id, random() FROM orders WHERE id > 1 ORDER BY id LIMIT 3
-- advice: TABLESAMPLE picks otherwise, so it is for the author to choose

-- rule: uncounted-write
-- limits: {max_affected_rows: 5000}
-- flagged
WITH gone AS (DELETE FROM orders WHERE id > 1 RETURNING id) SELECT count(*) FROM gone
-- twin
DELETE FROM orders WHERE id = 1
-- advice: how the rows that are returned are used only the author knows

-- The built-in rules of pack session-integrity. tests/integration/test_policy_rules.py explains the marks.

-- rule: role-switch
-- flagged
SET ROLE app
-- twin
SET work_mem = '4MB'
-- advice: to connect is no statement

-- rule: role-switch
-- flagged
SELECT set_config('ro' || 'le', 'app', false)
-- twin
SELECT set_config('work_mem', '4MB', true)
-- advice: to connect is no statement

-- rule: setting-not-allowed
-- flagged
SET session_replication_role = replica
-- twin
SET LOCAL work_mem = '4MB'
-- advice: it is the policy that must change

-- rule: setting-persisted
-- flagged
ALTER ROLE app SET work_mem = '4MB'
-- twin
SET work_mem = '4MB'
-- advice: the value may be made of what is not in the text

-- rule: role-management
-- flagged
GRANT SELECT ON orders TO app
-- twin
SELECT has_table_privilege('app', 'orders', 'SELECT')
-- advice: whoever may do it does it elsewhere

-- rule: transaction-mode
-- flagged
BEGIN READ WRITE; COMMIT
-- twin
BEGIN READ ONLY; COMMIT

-- rule: encoding
-- flagged
SET standard_conforming_strings = off
-- twin
SHOW standard_conforming_strings
-- advice: the setting is left alone

-- rule: catalog-write
-- flagged
UPDATE pg_class SET relname = 'x' WHERE relname = 'orders'
-- twin
SELECT relname FROM pg_class WHERE relname = 'orders'
-- advice: which command is meant is not in the text

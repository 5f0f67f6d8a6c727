/*
 * queries.c - see queries.h. PostgreSQL makes the lines, one row each.
 *
 * Deparsing a constraint takes an ACCESS SHARE lock on its table for a moment, and so does
 * asking for a size: a table that somebody holds or wants an ACCESS EXCLUSIVE lock on is
 * told of by its name alone, which counts as large.
 */
#include "queries.h"

#include "base/mem.h"

/* What constraints are written with must not depend on settings of the role. */
char *
catalog_query_begin(int64_t timeout_ms)
{
	return mem_printf("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
			  "SET LOCAL statement_timeout = %lld; SET LOCAL lock_timeout = '2s'; "
			  "SET LOCAL search_path = pg_catalog; SET LOCAL DateStyle = 'ISO'; "
			  "SET LOCAL IntervalStyle = 'postgres'; "
			  "SET LOCAL quote_all_identifiers = off; "
			  "SET LOCAL standard_conforming_strings = on; SET LOCAL jit = off",
	    (long long)timeout_ms);
}

/*
 * How many rows: what ANALYZE found or the statistics count, whichever is more. Without
 * either there can be no more than a page holds of the smallest ones, 291.
 */
#define ROWS                                                                                \
	"CASE WHEN l.relation IS NOT NULL OR c.relkind NOT IN ('r', 'm') THEN -1 "          \
	"WHEN c.reltuples > 0 OR pg_stat_get_live_tuples(c.oid) > 0 "                       \
	"THEN GREATEST(c.reltuples, pg_stat_get_live_tuples(c.oid)) "                       \
	"ELSE pg_relation_size(c.oid) / current_setting('block_size')::int8 * 291 "         \
	"END::int8"

#define PARENT                                                                              \
	"(SELECT json_build_array(pn.nspname, p.relname) FROM pg_inherits AS i "            \
	"JOIN pg_class AS p ON p.oid = i.inhparent "                                        \
	"JOIN pg_namespace AS pn ON pn.oid = p.relnamespace "                               \
	"WHERE i.inhrelid = c.oid ORDER BY i.inhseqno LIMIT 1)"

/* Since 18 a column may be NOT NULL and not validated. */
#define COLUMNS                                                                             \
	"(SELECT json_agg(json_build_array(a.attname, "                                     \
	"CASE WHEN tn.nspname = 'pg_catalog' THEN t.typname::text "                         \
	"ELSE tn.nspname || '.' || t.typname END, a.atttypmod, "                            \
	"a.attnotnull AND NOT EXISTS (SELECT FROM pg_constraint AS nn "                     \
	"WHERE nn.conrelid = c.oid AND nn.contype = 'n' AND nn.conkey[1] = a.attnum "       \
	"AND NOT nn.convalidated), a.atthasdef, a.attcollation <> t.typcollation) "         \
	"ORDER BY a.attnum) FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid " \
	"JOIN pg_namespace AS tn ON tn.oid = t.typnamespace "                               \
	"WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)"

/* %s: how many columns of an index are its key. */
#define INDEXES                                                                             \
	"(SELECT json_agg(json_build_array(ic.relname, am.amname, x.indisunique, "          \
	"x.indisprimary, x.indisvalid, x.indpred IS NOT NULL, "                             \
	"(SELECT json_agg(COALESCE(ka.attname::text, '') ORDER BY k.place) "                \
	"FROM unnest(x.indkey) WITH ORDINALITY AS k(number, place) "                        \
	"LEFT JOIN pg_attribute AS ka ON ka.attrelid = x.indrelid "                         \
	"AND ka.attnum = k.number AND k.number <> 0 WHERE k.place <= x.%s), "               \
	"CASE WHEN x.indpred IS NOT NULL OR x.indexprs IS NOT NULL THEN "                   \
	"(SELECT json_agg(DISTINCT da.attname) FROM pg_depend AS d "                        \
	"JOIN pg_attribute AS da ON da.attrelid = d.refobjid AND da.attnum = d.refobjsubid " \
	"WHERE d.classid = 'pg_class'::regclass AND d.objid = x.indexrelid "                \
	"AND d.refclassid = 'pg_class'::regclass AND d.refobjid = x.indrelid "              \
	"AND d.refobjsubid > 0) END) ORDER BY x.indexrelid) "                               \
	"FROM pg_index AS x JOIN pg_class AS ic ON ic.oid = x.indexrelid "                  \
	"JOIN pg_am AS am ON am.oid = ic.relam WHERE x.indrelid = c.oid)"

#define CONSTRAINTS                                                                         \
	"(SELECT json_agg(json_build_array(k.conname, k.contype, k.convalidated, "          \
	"k.connoinherit, CASE WHEN k.contype = 'c' THEN pg_get_constraintdef(k.oid) "       \
	"ELSE '' END, (SELECT json_agg(ca.attname ORDER BY ca.attnum) "                     \
	"FROM pg_attribute AS ca WHERE ca.attrelid = c.oid AND ca.attnum = ANY (k.conkey))) " \
	"ORDER BY k.oid) FROM pg_constraint AS k "                                          \
	"WHERE k.conrelid = c.oid AND k.contype IN ('c', 'f', 'x'))"

char *
catalog_query_relations(int version)
{
	return mem_printf(
	    "SELECT json_build_object('relation', c.relname, 'schema', n.nspname, "
	    "'kind', c.relkind, 'rows', " ROWS ", 'populated', c.relispopulated, "
	    "'key', CASE WHEN c.relkind = 'p' AND l.relation IS NULL "
	    "THEN pg_get_partkeydef(c.oid) END, 'parent', " PARENT ", "
	    "'columns', CASE WHEN l.relation IS NULL THEN " COLUMNS " END, "
	    "'indexes', " INDEXES ", "
	    "'constraints', CASE WHEN l.relation IS NULL THEN " CONSTRAINTS " END) "
	    "FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
	    "LEFT JOIN (SELECT DISTINCT relation FROM pg_locks "
	    "WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock' AND database = "
	    "(SELECT oid FROM pg_database WHERE datname = current_database())) AS l "
	    "ON l.relation = c.oid WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') "
	    "AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY c.oid",
	    version >= 110000 ? "indnkeyatts" : "indnatts");
}

const char catalog_query_functions[] =
    "SELECT json_build_object('functions', n.nspname, "
    "'steady', json_agg(p.proname ORDER BY p.proname) FILTER (WHERE NOT p.volatile), "
    "'volatile', json_agg(p.proname ORDER BY p.proname) FILTER (WHERE p.volatile)) "
    "FROM (SELECT pronamespace, proname, bool_or(provolatile = 'v') AS volatile "
    "FROM pg_proc GROUP BY pronamespace, proname) AS p "
    "JOIN pg_namespace AS n ON n.oid = p.pronamespace "
    "WHERE n.nspname !~ '^pg_(toast|temp)' GROUP BY n.nspname ORDER BY n.nspname";

/* Used: by a column, another type, a function, in any way but its own constraints. */
const char catalog_query_domains[] =
    "SELECT json_build_object('domain', t.typname, 'schema', n.nspname, 'used', "
    "EXISTS (SELECT FROM pg_depend AS d WHERE d.refclassid = 'pg_type'::regclass "
    "AND d.refobjid IN (t.oid, t.typarray) AND d.classid <> 'pg_constraint'::regclass "
    "AND NOT (d.classid = 'pg_type'::regclass AND d.objid = t.typarray))) "
    "FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace "
    "WHERE t.typtype = 'd' AND n.nspname <> 'information_schema' ORDER BY t.oid";

/*
 * Schemas: who may look into them, and names in them that are no relation of the first question
 * but lead to something: PostgreSQL's own, and a sequence that stands where another schema has
 * a relation. With very many roles it is not asked who may.
 */
const char catalog_query_namespaces[] =
    "SELECT json_build_object('namespace', n.nspname, "
    "'all', has_schema_privilege('public', n.oid, 'USAGE'), "
    "'roles', CASE WHEN (SELECT count(*) FROM pg_roles WHERE rolcanlogin) * "
    "(SELECT count(*) FROM pg_namespace) <= 50000 THEN COALESCE("
    "(SELECT json_agg(r.rolname ORDER BY r.rolname) FROM pg_roles AS r WHERE r.rolcanlogin "
    "AND has_schema_privilege(r.oid, n.oid, 'USAGE')), '[]') END, "
    "'names', (SELECT json_agg(c.relname ORDER BY c.relname) FROM pg_class AS c "
    "WHERE c.relnamespace = n.oid AND CASE WHEN n.nspname ~ '^pg_' "
    "OR n.nspname = 'information_schema' THEN c.relkind IN ('r', 'v', 'p', 'm', 'f', 'S') "
    "ELSE c.relkind = 'S' AND EXISTS (SELECT FROM pg_class AS o WHERE o.relname = c.relname "
    "AND o.relkind IN ('r', 'p', 'v', 'm', 'f')) END)) "
    "FROM pg_namespace AS n WHERE n.nspname !~ '^pg_(toast|temp)' ORDER BY n.nspname";

/*
 * With which search_path sessions begin. What the server itself says shows only to a role for
 * which nothing else is stored, or where it is stored for the whole database.
 */
const char catalog_query_paths[] =
    "WITH stored AS (SELECT s.setrole, s.setdatabase, substr(c, 13) AS path "
    "FROM pg_db_role_setting AS s, unnest(s.setconfig) AS c WHERE c ~* '^search_path=' "
    "AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))) "
    "SELECT json_build_object('search_path', CASE WHEN NOT EXISTS (SELECT FROM stored "
    "WHERE setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))) THEN "
    "(SELECT reset_val FROM pg_settings WHERE name = 'search_path') END, "
    "'stored', (SELECT json_agg(json_build_array(r.rolname, s.setdatabase <> 0, s.path) "
    "ORDER BY r.rolname, s.setdatabase) FROM stored AS s "
    "LEFT JOIN pg_roles AS r ON r.oid = s.setrole WHERE s.setrole = 0 OR r.oid IS NOT NULL))";

/*
 * live_questions.c - what `pgweirctl check --live` asks a database: a row for each thing that
 * a mapped role should not have, why, and how it is taken away.
 */
#include "live.h"

/* An attribute of a role, and the word of ALTER ROLE that takes it away. */
#define ATTRIBUTE(column, what, word)                                                      \
	"SELECT rolname, '" what "', format('ALTER ROLE %I " word                          \
	"', rolname) FROM pg_catalog.pg_roles WHERE " column " AND rolname = ANY ($1) ORDER BY 1"

/* Memberships, of which a condition tells which. From 16 on a grant belongs to who made it. */
#define MEMBERSHIP(condition)                                                              \
	"SELECT m.rolname, format('is a member of %I', r.rolname), "                       \
	"format('REVOKE %I FROM %I', r.rolname, m.rolname) || CASE WHEN g.rolname IS NOT NULL AND " \
	"current_setting('server_version_num')::int >= 160000 THEN format(' GRANTED BY %I', g.rolname) " \
	"ELSE '' END "                                                                     \
	"FROM pg_catalog.pg_auth_members a JOIN pg_catalog.pg_roles m ON m.oid = a.member "\
	"JOIN pg_catalog.pg_roles r ON r.oid = a.roleid "                                  \
	"LEFT JOIN pg_catalog.pg_roles g ON g.oid = a.grantor "                            \
	"WHERE m.rolname = ANY ($1) AND " condition " ORDER BY 1, 2"

/* Who owns things from now on: the database's owner, or the first superuser if that is a mapped role. */
#define HEIR                                                                               \
	"(SELECT CASE WHEN o.rolname = ANY ($1) THEN (SELECT rolname FROM pg_catalog.pg_roles WHERE oid = 10) " \
	"ELSE o.rolname END FROM pg_catalog.pg_database d JOIN pg_catalog.pg_roles o ON o.oid = d.datdba " \
	"WHERE d.datname = current_database())"

#define OWNED_BY_ROLE "o.rolname = ANY ($1) AND o.rolname <> ALL ($2)"
#define OF_USERS "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"

/* A privilege of the list of an object, granted to a mapped role or to all. */
#define GRANTED                                                                            \
	"a.grantee <> x.owner AND (a.grantee = 0 OR r.rolname = ANY ($1) AND r.rolname <> ALL ($2))"
#define GRANTEE "CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END"
#define TO_WHOM "CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE r.rolname END"

const struct live_question live_questions[] = {
	{ "role-superuser", "No privilege, row policy or read-only mode of PostgreSQL holds a superuser.",
	    ATTRIBUTE("rolsuper", "is a superuser", "NOSUPERUSER"), 0 },
	{ "role-createrole", "Who makes and alters roles can make one that may more.",
	    ATTRIBUTE("rolcreaterole", "may make and alter roles", "NOCREATEROLE"), 0 },
	{ "role-createdb", "Its own database is one in which it owns everything, and no policy may name it.",
	    ATTRIBUTE("rolcreatedb", "may make databases", "NOCREATEDB"), 0 },
	{ "role-replication", "Replication hands on every change of every table, and a slot keeps WAL.",
	    ATTRIBUTE("rolreplication", "may replicate", "NOREPLICATION"), 0 },
	{ "role-bypassrls", "Row policies are not asked for it.",
	    ATTRIBUTE("rolbypassrls", "bypasses row policies", "NOBYPASSRLS"), 0 },
	{ "role-inherit", "Whatever is granted to it as a role is its own at once, without a SET ROLE that "
			  "could be refused.",
	    ATTRIBUTE("rolinherit", "inherits the privileges of its roles", "NOINHERIT"), 0 },
	{ "role-predefined", "PostgreSQL's own roles read and write files, run programs, signal backends or "
			     "read all data.",
	    MEMBERSHIP("r.rolname ~ '^pg_'"), 0 },
	{ "role-member", "It can act as that role, with its privileges, by SET ROLE or by a function.",
	    MEMBERSHIP("r.rolname !~ '^pg_'"), 0 },
	{ "role-setting", "What is stored with a role or database holds from the log-in on, and no policy is "
			  "asked of it.",
	    "SELECT CASE WHEN s.setrole = 0 THEN 'PUBLIC' ELSE r.rolname END, "
	    "format('has %s stored', c.name) || "
	    "CASE WHEN s.setdatabase = 0 THEN '' ELSE format(' in database %I', d.datname) END, "
	    "CASE WHEN s.setrole <> 0 THEN format('ALTER ROLE %I ', r.rolname) || "
	    "CASE WHEN s.setdatabase = 0 THEN '' ELSE format('IN DATABASE %I ', d.datname) END "
	    "WHEN s.setdatabase = 0 THEN 'ALTER ROLE ALL ' ELSE format('ALTER DATABASE %I ', d.datname) "
	    "END || format('RESET %I', c.name) "
	    "FROM pg_catalog.pg_db_role_setting s LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole "
	    "LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase, "
	    "LATERAL (SELECT split_part(unnest, '=', 1) AS name FROM unnest(s.setconfig)) c "
	    "WHERE (r.rolname = ANY ($1) OR s.setrole = 0) AND (s.setdatabase = 0 OR d.datname = "
	    "current_database()) AND c.name IN ('role', 'session_authorization', 'search_path', "
	    "'session_preload_libraries', 'local_preload_libraries', 'standard_conforming_strings', "
	    "'backslash_quote', 'client_encoding', 'row_security', 'lo_compat_privileges') ORDER BY 1, 2", 0 },
	{ "role-parameter", "It sets what is otherwise for superusers, loading of libraries among it.",
	    "SELECT " TO_WHOM ", format('may %s %s', lower(a.privilege_type), x.parname), "
	    "format('REVOKE %s ON PARAMETER %s FROM %s', a.privilege_type, x.parname, " GRANTEE ") "
	    "FROM (SELECT parname, paracl, 10::oid AS owner FROM pg_catalog.pg_parameter_acl) x, "
	    "LATERAL aclexplode(x.paracl) a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee "
	    "WHERE a.grantee <> x.owner AND (a.grantee = 0 OR r.rolname = ANY ($1)) ORDER BY 1, 2", 150000 },
	{ "role-function", "It reads or writes files of the server's machine by a function.",
	    "SELECT " TO_WHOM ", format('may call %s', x.oid::regprocedure), "
	    "format('REVOKE EXECUTE ON FUNCTION %s FROM %s', x.oid::regprocedure, " GRANTEE ") "
	    "FROM (SELECT oid, proacl, proowner AS owner FROM pg_catalog.pg_proc WHERE pronamespace = "
	    "'pg_catalog'::regnamespace AND proname IN ('pg_read_file', 'pg_read_binary_file', "
	    "'pg_stat_file', 'pg_ls_dir', 'lo_import', 'lo_export', "
	    "'pg_show_all_file_settings', 'pg_hba_file_rules')) x, "
	    "LATERAL aclexplode(coalesce(x.proacl, acldefault('f', x.owner))) a "
	    "LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee "
	    "WHERE a.grantee <> x.owner AND (a.grantee = 0 OR r.rolname = ANY ($1)) ORDER BY 1, 2", 0 },
	{ "owns-database", "An owner makes schemas in it, and gives away the right to.",
	    "SELECT o.rolname, format('owns database %I', d.datname), format('ALTER DATABASE %I OWNER TO %I', "
	    "d.datname, " HEIR ") FROM pg_catalog.pg_database d JOIN pg_catalog.pg_roles o ON o.oid = d.datdba "
	    "WHERE d.datname = current_database() AND " OWNED_BY_ROLE, 0 },
	{ "owns-schema", "An owner can drop it with all that is in it.",
	    "SELECT o.rolname, format('owns schema %I', n.nspname), format('ALTER SCHEMA %I OWNER TO %I', "
	    "n.nspname, " HEIR ") FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles o ON o.oid = n.nspowner "
	    "WHERE " OF_USERS " AND " OWNED_BY_ROLE " ORDER BY 1, 2", 0 },
	{ "owns-table", "An owner can alter and drop it, switch off its triggers and row policies, and grant it.",
	    "SELECT o.rolname, format('owns %s %s', lower(k.kind), c.oid::regclass), "
	    "format('ALTER %s %s OWNER TO %I', k.kind, c.oid::regclass, " HEIR ") "
	    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles o ON o.oid = c.relowner "
	    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
	    "JOIN (VALUES ('r', 'TABLE'), ('p', 'TABLE'), ('f', 'FOREIGN TABLE'), ('v', 'VIEW'), "
	    "('m', 'MATERIALIZED VIEW'), ('S', 'SEQUENCE')) k (letter, kind) ON k.letter = c.relkind::text "
	    "WHERE " OF_USERS " AND " OWNED_BY_ROLE " AND (c.relkind <> 'S' OR NOT EXISTS (SELECT 1 FROM "
	    "pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_catalog.pg_class'::regclass AND "
	    "d.deptype IN ('a', 'i'))) ORDER BY 1, 2", 0 },
	{ "owns-function", "An owner can write it anew, and whoever calls it runs that.",
	    "SELECT o.rolname, format('owns function %s', p.oid::regprocedure), "
	    "format('ALTER ROUTINE %s OWNER TO %I', p.oid::regprocedure, " HEIR ") "
	    "FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_roles o ON o.oid = p.proowner "
	    "JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace "
	    "WHERE " OF_USERS " AND " OWNED_BY_ROLE " ORDER BY 1, 2", 110000 },
	{ "create-in-schema", "What it makes there can stand in the way of a bare name that others use.",
	    "SELECT " TO_WHOM ", format('may create in schema %I', x.nspname), "
	    "format('REVOKE CREATE ON SCHEMA %I FROM %s', x.nspname, " GRANTEE ") "
	    "FROM (SELECT n.nspname, n.nspacl, n.nspowner AS owner FROM pg_catalog.pg_namespace n WHERE " OF_USERS ") x, "
	    "LATERAL aclexplode(coalesce(x.nspacl, acldefault('n', x.owner))) a "
	    "LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee "
	    "WHERE a.privilege_type = 'CREATE' AND " GRANTED " ORDER BY 1, 2", 0 },
	{ "create-in-database", "It makes schemas that it owns.",
	    "SELECT " TO_WHOM ", format('may create in database %I', x.datname), "
	    "format('REVOKE CREATE ON DATABASE %I FROM %s', x.datname, " GRANTEE ") "
	    "FROM (SELECT datname, datacl, datdba AS owner FROM pg_catalog.pg_database WHERE datname = "
	    "current_database()) x, LATERAL aclexplode(coalesce(x.datacl, acldefault('d', x.owner))) a "
	    "LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee "
	    "WHERE a.privilege_type = 'CREATE' AND " GRANTED " ORDER BY 1, 2", 0 },
};
const size_t live_question_count = sizeof(live_questions) / sizeof(live_questions[0]);

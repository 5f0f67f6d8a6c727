/*
 * rules_server.c - pack server-access: ways from SQL to the machine, to other machines
 * and to the server's own working. A new rule is a new row.
 *
 * Functions are told by the last part of their name, in whichever schema they are.
 * What a function written by a user does is not seen: hold that with GRANTs.
 */
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "policy_internal.h"

#define PACK "server-access"

/* Is any of the names called? A list ends with NULL; `*` stands for anything. */
static bool
calls(const struct asked *asked, const char *const *names)
{
	const struct sql_statement *statement = asked->statement;

	for (size_t i = 0; i < statement->function_count; i++)
		for (size_t j = 0; names[j] != NULL; j++)
			if (text_fits_glob(names[j], statement->functions[i]))
				return true;
	return false;
}

static bool
does(const struct asked *asked, const char *const *verbs)
{
	const char *const *done = asked->statement->verbs;

	for (size_t i = 0; done != NULL && done[i] != NULL; i++)
		for (size_t j = 0; verbs[j] != NULL; j++)
			if (strcmp(done[i], verbs[j]) == 0)
				return true;
	return false;
}

static bool
copies_program(const struct asked *asked, const struct sql_act *act)
{
	(void)act;
	return (asked->statement->classes & SQL_COPY_PROGRAM) != 0;
}

static bool
copies_file(const struct asked *asked, const struct sql_act *act)
{
	(void)act;
	return (asked->statement->classes & SQL_COPY_FILE) != 0;
}

static bool
touches_files(const struct asked *asked, const struct sql_act *act)
{
	static const char *const names[] = { "pg_read_file*", "pg_read_binary_file*",
		"pg_stat_file*", "pg_ls_*", "pg_file_*", "pg_logdir_ls", "pg_current_logfile",
		"pg_logfile_rotate", "pgstat*file*", "get_raw_page", "pg_get_wal_*", NULL };

	(void)act;
	return calls(asked, names);
}

static bool
moves_objects(const struct asked *asked, const struct sql_act *act)
{
	static const char *const names[] = { "lo_import", "lo_export", "be_lo_import",
		"be_lo_export", "be_lo_import_with_oid", NULL };

	(void)act;
	return calls(asked, names);
}

/* A foreign table with other options is one of another file, or at another server's. */
static bool
turns_foreign_table(const struct asked *asked)
{
	for (size_t i = 0; i < asked->statement->act_count; i++) {
		const struct sql_act *act = &asked->statement->acts[i];

		if (act->kind == SQL_ACT_ALTER && strcmp(act->type, "OPTIONS") == 0)
			return true;
	}
	return false;
}

static bool
reaches_out(const struct asked *asked, const struct sql_act *act)
{
	static const char *const names[] = { "dblink*", "postgres_fdw_*", "http", "http_*",
		"net_http*", NULL };
	static const char *const verbs[] = { "CREATE SERVER", "ALTER SERVER",
		"CREATE USER MAPPING", "ALTER USER MAPPING", "CREATE FOREIGN TABLE",
		"CREATE FOREIGN DATA WRAPPER", "ALTER FOREIGN DATA WRAPPER",
		"IMPORT FOREIGN SCHEMA", "CREATE SUBSCRIPTION", "ALTER SUBSCRIPTION", NULL };

	(void)act;
	return calls(asked, names) || does(asked, verbs) || turns_foreign_table(asked);
}

static bool
runs_text(const struct asked *asked, const struct sql_act *act)
{
	static const char *const names[] = { "query_to_xml*", "cursor_to_xml*", "table_to_xml*",
		"schema_to_xml*", "database_to_xml*", "dblink*", "ts_stat", "ts_rewrite",
		"connectby", "crosstab*", "xpath_table", "execute_query", NULL };

	(void)act;
	return (asked->statement->classes & SQL_DO) != 0 || calls(asked, names);
}

/* Languages that keep their functions inside the database. */
static bool
is_trusted(const char *language)
{
	static const char *const trusted[] = { "sql", "plpgsql", "plperl", "pltcl", "plv8",
		"pljs", "plprql" };

	for (size_t i = 0; i < ARRAY_LENGTH(trusted); i++)
		if (strcasecmp(language, trusted[i]) == 0)
			return true;
	return false;
}

static bool
is_untrusted_code(const struct asked *asked, const struct sql_act *act)
{
	static const char *const verbs[] = { "CREATE LANGUAGE", "LOAD", "CREATE EVENT TRIGGER",
		"ALTER EVENT TRIGGER", "CREATE TRANSFORM", "CREATE ACCESS METHOD", NULL };
	const struct sql_statement *statement = asked->statement;

	for (size_t i = 0; i < statement->act_count; i++) {
		const struct sql_act *made = &statement->acts[i];

		if (made->kind != SQL_ACT_FUNCTION)
			continue;
		if (made->type != NULL && !is_trusted(made->type))
			return true;
		if ((made->flags & SQL_ACT_DEFINER) != 0 && (made->flags & SQL_ACT_PATH_PINNED) == 0)
			return true;
	}
	(void)act;
	return does(asked, verbs);
}

/* Are all extensions that the statement makes or alters on the list of the rule? */
static bool
is_listed_extension(const struct asked *asked)
{
	const struct pattern_list *list = given_list(asked, GIVEN_ALLOWED);
	bool any = false;

	for (size_t i = 0; i < asked->statement->act_count; i++) {
		const struct sql_act *act = &asked->statement->acts[i];

		if (act->kind != SQL_ACT_EXTENSION)
			continue;
		if (list->count == 0 || (act->flags & SQL_ACT_CASCADE) != 0 ||
		    !match_names_fit(list, act->name))
			return false;
		any = true;
	}
	return any;
}

static bool
is_extension(const struct asked *asked, const struct sql_act *act)
{
	static const char *const verbs[] = { "CREATE EXTENSION", "ALTER EXTENSION", NULL };

	(void)act;
	return does(asked, verbs) && !is_listed_extension(asked);
}

static bool
administers(const struct asked *asked, const struct sql_act *act)
{
	static const char *const names[] = { "pg_terminate_backend", "pg_cancel_backend",
		"pg_reload_conf", "pg_rotate_logfile*", "pg_promote", "pg_switch_wal",
		"pg_switch_xlog", "pg_wal_replay_*", "pg_create_restore_point", "pg_backup_*",
		"pg_start_backup", "pg_stop_backup", "pg_log_backend_memory_contexts",
		"pg_stat_reset*", "pg_export_snapshot", "pg_import_system_collations",
		"pg_nextoid", "pg_prewarm", "autoprewarm*", "pg_truncate_visibility_map",
		"pg_surgery*", "heap_force_*", "binary_upgrade_*",
		"pg_stop_making_pinned_objects", "pg_stat_statements_reset",
		"pg_buffercache_evict*", NULL };
	static const char *const verbs[] = { "ALTER SYSTEM", "CHECKPOINT", "CREATE TABLESPACE",
		"ALTER TABLESPACE", "DROP TABLESPACE", "ALTER DATABASE", "CREATE DATABASE", NULL };

	(void)act;
	return calls(asked, names) || does(asked, verbs);
}

static bool
replicates(const struct asked *asked, const struct sql_act *act)
{
	static const char *const names[] = { "pg_create_*_slot", "pg_drop_replication_slot",
		"pg_copy_*_slot", "pg_replication_slot_advance", "pg_logical_*",
		"pg_replication_origin_*", "pg_sync_replication_slots", NULL };
	static const char *const verbs[] = { "CREATE PUBLICATION", "ALTER PUBLICATION",
		"DROP PUBLICATION", "CREATE SUBSCRIPTION", "ALTER SUBSCRIPTION",
		"DROP SUBSCRIPTION", NULL };

	(void)act;
	return (asked->statement->classes & SQL_REPLICATION) != 0 || calls(asked, names) ||
	    does(asked, verbs);
}

static bool
names_column(const struct sql_statement *statement, const char *name)
{
	for (size_t i = 0; i < statement->column_count; i++)
		if (strcmp(statement->columns[i], name) == 0)
			return true;
	return false;
}

static bool
reads_secrets(const struct asked *asked, const struct sql_act *act)
{
	static const char *const relations[] = { "pg_authid", "pg_shadow", "pg_user_mapping",
		"pg_user_mappings", "pg_largeobject", "pg_file_settings", "pg_hba_file_rules",
		"pg_ident_file_mappings", "pg_statistic", "pg_config" };
	static const char *const names[] = { "pg_hba_file_rules", "pg_show_all_file_settings",
		"pg_ident_file_mappings", "pg_config", "lo_get", "loread", "lo_open", NULL };
	const struct sql_statement *statement = asked->statement;

	(void)act;
	for (size_t i = 0; i < statement->relation_count; i++) {
		const struct sql_relation *relation = &statement->relations[i];

		if (relation->schema != NULL && strcmp(relation->schema, "pg_catalog") != 0)
			continue;
		for (size_t j = 0; j < ARRAY_LENGTH(relations); j++)
			if (strcmp(relation->name, relations[j]) == 0)
				return true;
		/* Whoever may read it at all may count subscriptions, as pg_dump does. */
		if (strcmp(relation->name, "pg_subscription") == 0 &&
		    (names_column(statement, "subconninfo") || names_column(statement, "*")))
			return true;
	}
	return calls(asked, names);
}

static bool
stalls(const struct asked *asked, const struct sql_act *act)
{
	static const char *const names[] = { "pg_sleep*", "pg_advisory_lock*",
		"pg_try_advisory_lock*", NULL };

	(void)act;
	return calls(asked, names);
}

#define ASK_ADMIN "Ask an administrator to do it, or for an exception."

const struct builtin rules_server_access[] = {
	{ .id = "copy-program", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .test = copies_program,
	    .why = "COPY … PROGRAM runs a command on the database server's machine.",
	    .safe = "Copy through the client: COPY … FROM STDIN or TO STDOUT, psql's \\copy." },
	{ .id = "copy-file", .pack = PACK, .action = POLICY_DENY, .needs = "", .test = copies_file,
	    .why = "COPY with a file reads or writes files of the database server's machine.",
	    .safe = "Copy through the client: COPY … FROM STDIN or TO STDOUT, psql's \\copy." },
	{ .id = "server-files", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .test = touches_files,
	    .why = "It calls a function that reads, lists or writes files of the server's machine.",
	    .safe = ASK_ADMIN },
	{ .id = "large-object-files", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .test = moves_objects,
	    .why = "lo_import and lo_export read and write files of the server's machine.",
	    .safe = "Send the bytes through the client, as bytea." },
	{ .id = "network", .pack = PACK, .action = POLICY_DENY, .needs = "", .test = reaches_out,
	    .why = "It makes the server connect to another one, with the server's own rights and "
		   "outside of this policy.",
	    .safe = ASK_ADMIN },
	{ .id = "dynamic-sql", .pack = PACK, .action = POLICY_DENY, .needs = "", .test = runs_text,
	    .why = "It runs code or a text of SQL that is data here, so it cannot be judged.",
	    .safe = "Send the statements themselves." },
	{ .id = "untrusted-code", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .test = is_untrusted_code,
	    .why = "It brings in code that runs with the server's rights, or with its owner's and "
		   "whatever search_path the caller has.",
	    .safe = "Write it in SQL or PL/pgSQL. A SECURITY DEFINER function must pin its path, with "
		    "SET search_path = pg_catalog, pg_temp." },
	{ .id = "extension", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .given = GIVEN_EXTENSIONS, .test = is_extension,
	    .why = "An extension brings in code and functions that no rule knows.", .safe = ASK_ADMIN },
	{ .id = "server-admin", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .test = administers,
	    .why = "It changes how the server works, for everybody.", .safe = ASK_ADMIN },
	{ .id = "replication", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .test = replicates,
	    .why = "Replication hands on every change; a slot that nobody reads fills the disk.",
	    .safe = ASK_ADMIN },
	{ .id = "secrets", .pack = PACK, .action = POLICY_DENY, .needs = "", .test = reads_secrets,
	    .why = "{the table} holds password hashes, credentials, sampled values or the server's "
		   "configuration.",
	    .safe = "Use the views that leave them out: pg_roles, pg_stats, pg_settings." },
	{ .id = "stall", .pack = PACK, .action = POLICY_WARN, .needs = "", .test = stalls,
	    .why = "It only waits, or takes a lock that stays until the session ends, and holds a server "
		   "connection meanwhile.",
	    .safe = "Wait in the client; use pg_advisory_xact_lock, which ends with the transaction." },
};
const size_t rules_server_access_count = ARRAY_LENGTH(rules_server_access);

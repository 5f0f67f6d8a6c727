/* inspect.c - see include/pool/inspect.h. Called by link.c, probe.c, pool.c and server_task.c. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "pool/inspect.h"
#include "pool_internal.h"
#include "wire/build.h"
#include "wire/read.h"

enum {
	COLUMNS = 3,
	MISSED_MOST = 1024, /* bytes of what is told of one server */
};

/* Made when a loan that was chosen ends. Owned by its server. */
struct inspection {
	char *fingerprint;
	struct buf missed; /* what nobody knew of, in words */
};

/*
 * Of settings names alone are compared: the server has the values in its own words, we in the
 * client's. One that is what RESET would make of it is no difference: a limit of the policies
 * sets lock_timeout back to what it was. What a setting of old servers is called now stands
 * behind it.
 */
static const char *const renamed[][2] = {
	{ "sort_mem", "work_mem" },
	{ "vacuum_mem", "maintenance_work_mem" },
	{ "force_parallel_mode", "debug_parallel_query" },
};

/* The names are folded by the server's rules for ASCII, whatever its database's locale is. */
static const char settings_question[] =
    "SELECT CASE source WHEN 'session' THEN 'setting' ELSE 'no setting' END::pg_catalog.text, "
    "name::pg_catalog.text, ''::pg_catalog.text FROM pg_catalog.pg_settings "
    "WHERE CASE WHEN pg_catalog.lower(name COLLATE pg_catalog.\"C\") = ANY (known) "
    "THEN source <> 'session' AND pg_catalog.strpos(name, '.') = 0 "
    "ELSE source = 'session' AND name !~ '^transaction_' AND setting IS DISTINCT FROM reset_val END ";

static const char residue_question[] =
    "UNION ALL SELECT 'temp', '', '' WHERE EXISTS (SELECT FROM pg_catalog.pg_depend "
    "WHERE refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass "
    "AND refobjid = pg_catalog.pg_my_temp_schema()) "
    "UNION ALL SELECT 'listen', c, '' FROM pg_catalog.pg_listening_channels() c "
    "UNION ALL SELECT 'lock', '', '' FROM pg_catalog.pg_locks "
    "WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid() "
    "UNION ALL SELECT 'cursor', name, '' FROM pg_catalog.pg_cursors WHERE is_holdable "
    "UNION ALL SELECT 'prepared', name, '' FROM pg_catalog.pg_prepared_statements "
    "WHERE name !~ '^pgweir_[0-9a-f]{32}$' "
    "UNION ALL SELECT 'slot', slot_name::pg_catalog.text, '' FROM pg_catalog.pg_replication_slots "
    "WHERE temporary AND active_pid = pg_catalog.pg_backend_pid() "
    "UNION ALL SELECT 'role', session_user::pg_catalog.text, '' FROM (SELECT ";

/*
 * One that a session of this role begins with (ALTER ROLE … SET role) was set by nobody. Of
 * several the one that PostgreSQL takes.
 */
static const char role_question[] =
    "::pg_catalog.name own) o WHERE (session_user <> own AND NOT EXISTS (SELECT FROM "
    "pg_catalog.pg_db_role_setting, pg_catalog.unnest(setconfig) s WHERE s ~ '^session_authorization=')) "
    "OR current_user <> coalesce((SELECT nullif(pg_catalog.substr(s, 6), 'none')::pg_catalog.name "
    "FROM pg_catalog.pg_db_role_setting, pg_catalog.unnest(setconfig) s WHERE s ~ '^role=' "
    "AND setrole IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = own)) "
    "AND setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())) "
    "ORDER BY setrole = 0, setdatabase = 0 LIMIT 1), session_user)";

void
inspect_put_residue(struct buf *out, const char *role)
{
	buf_put_text(out, residue_question);
	settings_put_literal(out, role, strlen(role));
	buf_put_text(out, role_question);
}

static void
put_known_name(struct buf *out, const char *name)
{
	settings_put_literal(out, name, strlen(name));
	buf_put_text(out, ", ");
	for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++)
		if (strcmp(name, renamed[i][0]) == 0)
			put_known_name(out, renamed[i][1]);
}

static void
put_known(struct buf *out, const struct settings *known)
{
	buf_put_text(out, "ARRAY[");
	for (size_t i = 0; i < settings_length(known); i++)
		put_known_name(out, settings_at(known, i)->name);
	buf_put_text(out, "'']::pg_catalog.text[]");
}

void
inspect_put_question(struct buf *out, const struct settings *known, const char *role)
{
	const char *at = strstr(settings_question, "(known)") + 1;

	buf_put(out, settings_question, (size_t)(at - settings_question));
	put_known(out, known);
	buf_put_text(out, at + strlen("known"));
	inspect_put_residue(out, role);
}

bool
inspect_is_due(struct pool *pool, int64_t sample)
{
	if (sample == 0 || pool->uninspected || pool->introduces)
		return false; /* what a connect_query leaves is not known */
	if (pool->inspect_in == 0 || pool->inspect_in > sample)
		pool->inspect_in = sample;
	return --pool->inspect_in == 0;
}

void
inspect_later(struct server *server, const char *fingerprint)
{
	inspection_free(server->inspection);
	server->inspection = mem_zalloc(1, sizeof(*server->inspection));
	server->inspection->fingerprint = mem_strdup(fingerprint);
}

void
inspection_free(struct inspection *inspection)
{
	if (inspection == NULL)
		return;
	mem_free(inspection->fingerprint);
	buf_free(&inspection->missed);
	mem_free(inspection);
}

static void
forget(struct server *server)
{
	inspection_free(server->inspection);
	server->inspection = NULL;
}

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text > 0x7e)
			return false;
	return true;
}

/*
 * Not one that is known to have something, and is not lent again or was not to be cleaned; nor
 * one that could read the role's name by another encoding, or wait for a safe snapshot.
 */
static bool
can_be(const struct server *server)
{
	return server->residue == 0 && !server->retired && !server->listens &&
	    server->replication == REPLICATION_NONE && is_ascii(server->pool->role) &&
	    settings_get(&server->settings, "default_transaction_deferrable") == NULL;
}

bool
inspect_is_wanted(struct server *server, bool resets)
{
	if (server->inspection != NULL && (resets || !can_be(server)))
		forget(server);
	return server->inspection != NULL;
}

void
inspect_begin(struct server *server)
{
	struct buf *out = stream_out(server->stream);
	size_t mark = build_begin(out, 'Q');

	inspect_put_question(out, &server->settings, server->pool->role);
	buf_put_u8(out, 0);
	build_end(out, mark);
}

static void
note_missed(struct inspection *inspection, const char *kind, const char *name)
{
	if (buf_length(&inspection->missed) + strlen(name) > MISSED_MOST)
		return;
	if (buf_length(&inspection->missed) > 0)
		buf_put_text(&inspection->missed, ", ");
	buf_put_text(&inspection->missed, kind);
	if (*name != '\0')
		buf_printf(&inspection->missed, " \"%s\"", name);
}

void
inspect_row(struct server *server, const uint8_t *body, size_t length)
{
	char *columns[COLUMNS];

	if (read_text_row(body, length, columns, COLUMNS) && server->inspection != NULL)
		note_missed(server->inspection, columns[0], columns[1]);
	for (size_t i = 0; i < COLUMNS; i++)
		mem_free(columns[i]);
}

/* The catalogs are not for this role, or are others: it will not be otherwise the next time. */
static bool
is_for_good(const char *sqlstate)
{
	return strncmp(sqlstate, "42", 2) == 0 || strncmp(sqlstate, "0A", 2) == 0;
}

void
inspect_failed(struct server *server, const char *sqlstate, const char *why)
{
	char label[SERVER_LABEL_SIZE];

	forget(server);
	if (!is_for_good(sqlstate))
		return; /* the client's statement_timeout, for one */
	server->pool->uninspected = true;
	server_label(server, label);
	log_warning("%s self-audit: what it has cannot be asked: %s; its pool is not audited", label,
	    why);
}

bool
inspect_end(struct server *server)
{
	struct inspection *inspection = server->inspection;
	char label[SERVER_LABEL_SIZE];
	bool good = inspection == NULL || buf_length(&inspection->missed) == 0;

	if (!good) {
		buf_put_u8(&inspection->missed, 0);
		server_label(server, label);
		log_warning("%s self-audit: nobody knew of what this server has: %s; last statement: %s",
		    label, (const char *)buf_bytes(&inspection->missed), inspection->fingerprint);
		server->pool->counters.audit_misses++;
	}
	forget(server);
	return good;
}

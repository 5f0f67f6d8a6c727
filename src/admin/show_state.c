/*
 * show_state.c - tables about the process itself: VERSION, CONFIG, STATE, HELP,
 * AUDIT, POLICIES; tables of what this version has none of; and the settings of a
 * PostgreSQL session that drivers ask for.
 */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "console_internal.h"
#include "errand.h"
#include "policy/catalogs.h"
#include "pool/pool.h"
#include "session/guardrails.h"
#include "show.h"

static const struct wire_column version_columns[] = { { "version", 't' } };
static const struct wire_column config_columns[] = { { "key", 't' }, { "value", 't' },
	{ "default", 't' }, { "changeable", 't' } };
static const struct wire_column state_columns[] = { { "key", 't' }, { "value", 't' } };
static const struct wire_column audit_columns[] = { { "file", 't' }, { "enabled", 'i' },
	{ "healthy", 'i' }, { "seq", 'q' }, { "lost", 'q' }, { "queued_bytes", 'q' },
	{ "last_sync", 't' }, { "failure", 't' }, { "plans_taken", 'q' }, { "plans_failed", 'q' },
	{ "plans_skipped", 'q' } };
static const struct wire_column policies_columns[] = { { "name", 't' }, { "file", 't' },
	{ "sha256", 't' }, { "loaded_at", 't' }, { "owner", 't' }, { "mode", 't' },
	{ "rules", 'i' } };
static const struct wire_column catalog_columns[] = { { "database", 't' },
	{ "relations", 'i' }, { "bytes", 'q' }, { "read_at", 't' }, { "stale", 'i' },
	{ "reads", 'q' }, { "failures", 'q' }, { "failure", 't' } };
static const struct wire_column guardrails_columns[] = { { "rule", 't' }, { "policy", 't' },
	{ "action", 't' }, { "mode", 't' }, { "decisions", 'q' }, { "last_at", 't' },
	{ "fingerprint", 't' }, { "until", 't' }, { "blocked_by", 't' }, { "ticket", 't' },
	{ "owner", 't' }, { "reason", 't' } };
static const struct wire_column dns_hosts_columns[] = { { "hostname", 't' },
	{ "ttl", 'q' }, { "addrs", 't' }, { "worker", 'i' } };
static const struct wire_column dns_zones_columns[] = { { "zonename", 't' },
	{ "serial", 'q' }, { "count", 'i' } };
static const struct wire_column peers_columns[] = { { "peer_id", 'i' }, { "host", 't' },
	{ "port", 'i' }, { "pool_size", 'i' } };
static const struct wire_column peer_pools_columns[] = { { "peer_id", 'i' },
	{ "host", 't' }, { "port", 'i' }, { "pool_size", 'i' },
	{ "cl_active_cancel_req", 'i' }, { "cl_waiting_cancel_req", 'i' },
	{ "sv_active_cancel", 'i' }, { "sv_login", 'i' } };

static void
fill_version(struct errand *errand, struct clients *home)
{
	row_begin(&errand->rows);
	row_text(
	    &errand->rows, "PgBouncer " CONSOLE_VERSION " (pgweir " PACKAGE_VERSION ")");
	row_end(&errand->rows);
	(void)home;
}

/* --- CONFIG ------------------------------------------------------------------- */

static void
put_setting(struct rows *rows, const char *key, const char *value, const char *fallback,
    bool changeable)
{
	row_begin(rows);
	row_text(rows, key);
	row_text(rows, value);
	row_text(rows, fallback != NULL ? fallback : "");
	row_text(rows, changeable ? "yes" : "no");
	row_end(rows);
}

/* How PgBouncer's unit comes from ours. */
enum unit { UNIT_COUNT, UNIT_SECONDS, UNIT_CAP };

/*
 * PgBouncer's names for what is also among our own, because exporters read them.
 * UNIT_CAP: 0 is no limit, and the effective one is limits.clients: dashboards divide
 * by it, and no pool needs more servers than there may be clients.
 */
static const struct alias {
	const char *key, *fallback;
	enum unit unit;
	size_t where; /* an int64_t in struct config */
} aliases[] = {
	{ "cancel_wait_timeout", "10", UNIT_SECONDS,
	    offsetof(struct config, timeouts_cancel_ms) },
	{ "client_idle_timeout", "0", UNIT_SECONDS,
	    offsetof(struct config, timeouts_client_idle_ms) },
	{ "client_login_timeout", "15", UNIT_SECONDS,
	    offsetof(struct config, timeouts_login_ms) },
	{ "default_pool_size", "20", UNIT_COUNT, offsetof(struct config, pool_size) },
	{ "idle_transaction_timeout", "0", UNIT_SECONDS,
	    offsetof(struct config, timeouts_idle_in_transaction_ms) },
	{ "max_client_conn", "10000", UNIT_COUNT,
	    offsetof(struct config, limits_clients) },
	{ "max_db_client_connections", "0", UNIT_CAP,
	    offsetof(struct config, limits_clients_per_database) },
	{ "max_db_connections", "0", UNIT_CAP,
	    offsetof(struct config, pool_max_per_database) },
	{ "max_prepared_statements", "200", UNIT_COUNT,
	    offsetof(struct config, protocol_max_prepared_statements) },
	{ "max_user_client_connections", "0", UNIT_CAP,
	    offsetof(struct config, limits_clients_per_user) },
	{ "max_user_connections", "0", UNIT_CAP,
	    offsetof(struct config, pool_max_per_user) },
	{ "min_pool_size", "0", UNIT_COUNT, offsetof(struct config, pool_min) },
	{ "query_timeout", "0", UNIT_SECONDS,
	    offsetof(struct config, timeouts_statement_ms) },
	{ "query_wait_timeout", "30", UNIT_SECONDS,
	    offsetof(struct config, pool_wait_timeout_ms) },
	{ "reserve_pool_size", "0", UNIT_COUNT, offsetof(struct config, pool_reserve) },
	{ "reserve_pool_timeout", "5", UNIT_SECONDS,
	    offsetof(struct config, pool_reserve_after_ms) },
	{ "server_check_delay", "30", UNIT_SECONDS,
	    offsetof(struct config, backend_check_after_ms) },
	{ "server_connect_timeout", "5", UNIT_SECONDS,
	    offsetof(struct config, backend_connect_timeout_ms) },
	{ "server_idle_timeout", "600", UNIT_SECONDS,
	    offsetof(struct config, backend_idle_timeout_ms) },
	{ "server_lifetime", "3600", UNIT_SECONDS,
	    offsetof(struct config, backend_max_age_ms) },
	{ "server_login_retry", "1", UNIT_SECONDS,
	    offsetof(struct config, backend_connect_retry_ms) },
	{ "transaction_timeout", "0", UNIT_SECONDS,
	    offsetof(struct config, timeouts_transaction_ms) },
};

/* Seconds with as many decimals as they need: half a second is not none. */
static char *
seconds_text(int64_t ms)
{
	return ms % 1000 == 0 ? mem_printf("%lld", (long long)(ms / 1000))
			      : mem_printf("%lld.%03lld", (long long)(ms / 1000),
				    (long long)(ms % 1000));
}

static void
put_alias(struct rows *rows, const struct config *config, const struct alias *alias)
{
	int64_t value;
	char *text;

	memcpy(&value, (const char *)config + alias->where, sizeof(value));
	if (alias->unit == UNIT_CAP && value == 0)
		value = config->limits_clients;
	text = alias->unit == UNIT_SECONDS ? seconds_text(value)
					   : mem_printf("%lld", (long long)value);
	put_setting(rows, alias->key, text, alias->fallback, true);
	mem_free(text);
}

static void
put_listen_addresses(struct rows *rows, const struct config *config)
{
	struct buf hosts = { 0 };
	const char *folder = "";
	char *text, *port;
	int first_port = config->listen_count > 0 ? config->listens[0].port : 0;

	for (size_t i = 0; i < config->listen_count; i++) {
		const struct listen_config *listen = &config->listens[i];

		if (listen->host == NULL)
			folder = listen->unix_dir;
		else
			buf_printf(&hosts, "%s%s", buf_length(&hosts) > 0 ? "," : "",
			    listen->host);
	}
	text = buf_steal_text(&hosts);
	port = mem_printf("%d", first_port);
	put_setting(rows, "listen_addr", text, "", false);
	put_setting(rows, "listen_port", port, "6432", false);
	put_setting(rows, "unix_socket_dir", folder, "", false);
	put_setting(rows, "pool_mode",
	    config_pool_mode_name((enum pool_mode)config->pool_mode), "transaction",
	    true);
	put_setting(rows, "conffile", config->path, "", false);
	mem_free(text);
	mem_free(port);
}

static void
fill_config(struct errand *errand, struct clients *home)
{
	const struct config *config = clients_config(home);
	struct rows *rows = &errand->rows;

	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		put_alias(rows, config, &aliases[i]);
	put_listen_addresses(rows, config);
	for (size_t i = 0; i < config_row_count(); i++) {
		struct config_row row;

		config_row(config, i, &row);
		put_setting(rows, row.key, row.value, row.fallback, row.changeable);
	}
}

/* --- STATE --------------------------------------------------------------------- */

static void
fill_state(struct errand *errand, struct clients *home)
{
	bool paused = pools_are_paused(clients_pools(home), NULL);
	bool suspended = clients_are_suspended(home);
	const struct {
		const char *name;
		bool is;
	} states[] = { { "active", !paused && !suspended }, { "paused", paused },
		{ "suspended", suspended } };

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		row_begin(&errand->rows);
		row_text(&errand->rows, states[i].name);
		row_text(&errand->rows, states[i].is ? "yes" : "no");
		row_end(&errand->rows);
	}
}

/* --- HELP ------------------------------------------------------------------------ */

static void
fill_help(struct errand *errand, struct clients *home)
{
	struct buf text = { 0 };
	char *detail;
	size_t count = 0;

	buf_put_text(&text, "\n\tSHOW ");
	for (size_t i = 0; table_at(i) != NULL; i++) {
		if (table_at(i)->hidden)
			continue;
		buf_printf(&text, "%s%s%s", count == 0 ? "" : "|",
		    count % 6 == 5 ? "\n\t     " : "", table_at(i)->name);
		count++;
	}
	buf_put_text(&text,
	    "\n\tSET key = value (of a client's session: accepted, without effect)"
	    "\n\tRELOAD"
	    "\n\tPAUSE [<db>]"
	    "\n\tRESUME [<db>]"
	    "\n\tSUSPEND"
	    "\n\tDISABLE <db>"
	    "\n\tENABLE <db>"
	    "\n\tRECONNECT [<db>]"
	    "\n\tWAIT_CLOSE [<db>]"
	    "\n\tKILL [<db>]"
	    "\n\tKILL_CLIENT <client_id>"
	    "\n\tKILL_QUERY <client_id>"
	    "\n\tBLOCK <fingerprint> [FOR <duration>]"
	    "\n\tUNBLOCK <fingerprint>"
	    "\n\tSHUTDOWN"
	    "\n\tSHUTDOWN WAIT_FOR_SERVERS|WAIT_FOR_CLIENTS");
	detail = buf_steal_text(&text);
	errand_notice(errand, "Console usage", detail);
	mem_free(detail);
	(void)home;
}

/* --- AUDIT, POLICIES ---------------------------------------------------------------- */

static void
fill_audit(struct errand *errand, struct clients *home)
{
	struct rows *rows = &errand->rows;
	struct audit_status status;

	audit_get_status(console_setup()->audit, &status);
	row_begin(rows);
	row_text(rows, clients_config(home)->audit_file);
	row_int(rows, status.enabled);
	row_int(rows, status.healthy);
	row_int(rows, (int64_t)status.seq);
	row_int(rows, (int64_t)status.lost);
	row_int(rows, (int64_t)status.queued);
	row_time(rows, status.last_sync_us);
	row_text(rows, status.failure);
	row_int(rows, (int64_t)status.plans_taken);
	row_int(rows, (int64_t)status.plans_failed);
	row_int(rows, (int64_t)status.plans_skipped);
	row_end(rows);
}

static void
fill_policies(struct errand *errand, struct clients *home)
{
	static const char *const modes[] = { [POLICY_MODE_OFF] = "off",
		[POLICY_MODE_WARN] = "warn",
		[POLICY_MODE_ENFORCE] = "enforce" };
	const struct policies *policies = clients_policies(home);
	struct rows *rows = &errand->rows;

	for (size_t i = 0; i < policies_count(policies); i++) {
		struct policy_info info;

		policies_info(policies, i, &info);
		row_begin(rows);
		row_text(rows, info.name);
		row_text(rows, info.file);
		row_text(rows, info.sha256);
		row_time(rows, policies_loaded_us(policies));
		row_text(rows, info.owner != NULL ? info.owner : "");
		row_text(rows, modes[info.mode]);
		row_int(rows, (int64_t)info.rule_count);
		row_end(rows);
	}
}

static void
fill_catalog(struct errand *errand, struct clients *home)
{
	struct catalogs_state *states = mem_zalloc(CATALOGS_MOST, sizeof(*states));
	size_t count = catalogs_states(clients_shared(home)->catalogs, states, CATALOGS_MOST);
	struct rows *rows = &errand->rows;

	for (size_t i = 0; i < count; i++) {
		row_begin(rows);
		row_text(rows, states[i].database);
		row_int(rows, (int64_t)states[i].relations);
		row_int(rows, (int64_t)states[i].bytes);
		row_time(rows, states[i].read_us);
		row_int(rows, states[i].changes != states[i].known_changes);
		row_int(rows, (int64_t)states[i].reads);
		row_int(rows, (int64_t)states[i].failures);
		row_text(rows, states[i].failure);
		row_end(rows);
	}
	mem_free(states);
}

/* Columns of GUARDRAILS that a decision has not. */
enum { GUARDRAILS_MORE = 6 };

/* How often which rule refused or warned; and what is blocked by fingerprint. */
static void
put_decision(void *arg, const struct guardrails_decision *decision)
{
	struct rows *rows = arg;

	row_begin(rows);
	row_text(rows, decision->rule);
	row_text(rows, decision->policy);
	row_text(rows, decision->action == POLICY_DENY ? "deny" : "warn");
	row_text(rows, decision->mode == POLICY_MODE_ENFORCE ? "enforce" : "warn");
	row_int(rows, (int64_t)decision->count);
	row_time(rows, decision->last_us);
	for (int column = 0; column < GUARDRAILS_MORE; column++)
		row_text(rows, NULL);
	row_end(rows);
}

static void
put_block(void *arg, const struct guardrails_block *block)
{
	struct rows *rows = arg;

	row_begin(rows);
	row_text(rows, guardrails_block_rule);
	row_text(rows, "");
	row_text(rows, "deny");
	row_text(rows, "enforce");
	row_int(rows, (int64_t)block->refused);
	row_time(rows, block->last_us);
	row_text(rows, block->fingerprint);
	row_time(rows, block->until_us);
	row_text(rows, block->by);
	row_text(rows, NULL);
	row_text(rows, NULL);
	row_text(rows, NULL);
	row_end(rows);
}

/* An exception with break_glass, while it is open. */
static void
put_break_glass(void *arg, const struct policy_break_glass *glass)
{
	struct rows *rows = arg;

	row_begin(rows);
	row_text(rows, glass->rule);
	row_text(rows, glass->policy);
	row_text(rows, "break_glass");
	row_text(rows, NULL);
	row_text(rows, NULL);
	row_text(rows, NULL);
	row_text(rows, NULL);
	row_time(rows, glass->expires_us);
	row_text(rows, NULL);
	row_text(rows, glass->ticket);
	row_text(rows, glass->owner);
	row_text(rows, glass->reason);
	row_end(rows);
}

static void
fill_guardrails(struct errand *errand, struct clients *home)
{
	uint64_t now_us = loop_wall_us(clients_loop(home));

	policies_each_break_glass(clients_policies(home), now_us, put_break_glass, &errand->rows);
	guardrails_each(clients_shared(home)->guardrails, now_us, put_decision, put_block,
	    &errand->rows);
}

/* --- what there is none of, and what would show secrets ------------------------------
 */

static void
fill_fds(struct errand *errand, struct clients *home)
{
	errand_fail(errand, "0A000",
	    "SHOW FDS is not supported: it would show the secrets of every session");
	(void)home;
}

/* --- settings of a session -------------------------------------------------------------
 */

static const char *const parameters[] = { "server_version", CONSOLE_VERSION "/pgweir",
	"server_encoding", "UTF8", "client_encoding", "UTF8", "DateStyle", "ISO, MDY",
	"TimeZone", "UTC", "IntervalStyle", "postgres", "standard_conforming_strings",
	"on", "integer_datetimes", "on", "is_superuser", "on", "in_hot_standby", "off",
	"default_transaction_read_only", "off", "application_name", "", NULL };

const char *const *
console_parameters(void)
{
	return parameters;
}

static const struct wire_column client_encoding_column[] = { { "client_encoding", 't' } };
static const struct wire_column datestyle_column[] = { { "DateStyle", 't' } };
static const struct wire_column timezone_column[] = { { "TimeZone", 't' } };
static const struct wire_column isolation_column[] = { { "default_transaction_isolation",
    't' } };
static const struct wire_column strings_column[] = { { "standard_conforming_strings",
    't' } };

/* One value, named as its column is. */
static void
fill_parameter(struct errand *errand, struct clients *home)
{
	const char *value = "read committed"; /* of the one that servers do not report */

	for (size_t i = 0; parameters[i] != NULL; i += 2)
		if (strcmp(parameters[i], errand->command.table->columns[0].name) == 0)
			value = parameters[i + 1];
	row_begin(&errand->rows);
	row_text(&errand->rows, value);
	row_end(&errand->rows);
	(void)home;
}

const struct table tables_of_state[] = {
	{ "HELP", NULL, 0, NULL, fill_help, ACCESS_VIEWER, false, false },
	{ "VERSION", COLUMNS(version_columns), NULL, fill_version, ACCESS_VIEWER, false,
	    false },
	{ "CONFIG", COLUMNS(config_columns), NULL, fill_config, ACCESS_VIEWER, false,
	    false },
	{ "STATE", COLUMNS(state_columns), NULL, fill_state, ACCESS_VIEWER, false,
	    false },
	{ "AUDIT", COLUMNS(audit_columns), NULL, fill_audit, ACCESS_AUDITOR, true,
	    false },
	{ "POLICIES", COLUMNS(policies_columns), NULL, fill_policies, ACCESS_AUDITOR,
	    false, false },
	{ "CATALOG", COLUMNS(catalog_columns), NULL, fill_catalog, ACCESS_AUDITOR, false, false },
	{ "GUARDRAILS", COLUMNS(guardrails_columns), NULL, fill_guardrails, ACCESS_AUDITOR,
	    false, false },
	{ "DNS_HOSTS", COLUMNS(dns_hosts_columns), visit_dns_hosts, NULL, ACCESS_VIEWER, false,
	    false },
	{ "DNS_ZONES", COLUMNS(dns_zones_columns), NULL, NULL, ACCESS_VIEWER, false,
	    false },
	{ "PEERS", COLUMNS(peers_columns), NULL, fill_peers, ACCESS_VIEWER, false, false },
	{ "PEER_POOLS", COLUMNS(peer_pools_columns), NULL, fill_peer_pools, ACCESS_VIEWER, false,
	    false },
	{ "FDS", NULL, 0, NULL, fill_fds, ACCESS_ADMIN, false, true },
	{ "client_encoding", COLUMNS(client_encoding_column), NULL, fill_parameter,
	    ACCESS_VIEWER, false, true },
	{ "datestyle", COLUMNS(datestyle_column), NULL, fill_parameter, ACCESS_VIEWER,
	    false, true },
	{ "timezone", COLUMNS(timezone_column), NULL, fill_parameter, ACCESS_VIEWER,
	    false, true },
	{ "default_transaction_isolation", COLUMNS(isolation_column), NULL,
	    fill_parameter, ACCESS_VIEWER, false, true },
	{ "standard_conforming_strings", COLUMNS(strings_column), NULL, fill_parameter,
	    ACCESS_VIEWER, false, true },
};
const size_t tables_of_state_count = sizeof(tables_of_state) / sizeof(tables_of_state[0]);

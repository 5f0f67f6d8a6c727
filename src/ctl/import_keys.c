/*
 * import_keys.c - every key that PgBouncer 1.25 documents, and what becomes of it. A test
 * (tests/ctl_import.py) holds these tables to a list of its keys.
 */
#include <string.h>

#include "import.h"

#define SECOND 1000
#define HOUR (3600 * (int64_t)SECOND)
#define DAY (24 * HOUR)
#define DROP(name, why) { .key = name, .note = why }
#define BY_THE_SYSTEM "the operating system's own settings are used (net.ipv4.tcp_* of sysctl)"
#define BY_ONE_LOG "there is one main log, in log.file; standard error goes to the journal or to syslog"
#define BY_RESOLVER "names are looked up by the system's resolver, again after backend.dns_ttl"
#define BY_ROLE "set it in PostgreSQL, by ALTER DATABASE or ALTER ROLE: what a client sets follows it by itself"
#define BY_SIBLINGS "siblings find one another in siblings.folder: nothing is said of them one by one"
#define FOR_ALL "there is one for all, not for each entry"

static const struct import_key main_keys[] = {
	/* Where and how it runs. */
	{ .key = "listen_addr", .special = import_listen_addr, .fallback = "" },
	{ .key = "listen_port", .special = import_listen_part },
	{ .key = "unix_socket_dir", .special = import_unix_dir, .fallback = "/tmp" },
	{ .key = "unix_socket_mode", .special = import_listen_part },
	DROP("unix_socket_group", "give the folder of the socket this group, or set the group of the unit"),
	DROP("user", "start with -u USER, or set User= in the unit"),
	DROP("pidfile", "pgweir writes none: the service manager knows the process"),
	DROP("listen_backlog", "pgweir asks for its own, as long as net.core.somaxconn allows"),
	DROP("so_reuseport", "one process uses all cores (workers); processes that share their addresses meet in siblings.folder"),
	DROP("conffile", "it is named on the command line: -c"),
	DROP("service_name", "it is of Windows"),
	DROP("job_name", "it is of Windows"),
	DROP("peer_id", "one process uses all cores, and a cancel finds its client; several processes meet in siblings.folder"),
	/* Pools and clients. */
	{ .key = "pool_mode", .setting = "pool.mode", .fallback = "session" },
	{ .key = "default_pool_size", .setting = "pool.size", .value = VALUE_COUNT, .least = 1, .most = 100000, .zero = "100000" },
	{ .key = "min_pool_size", .setting = "pool.min", .value = VALUE_COUNT, .most = 100000 },
	{ .key = "reserve_pool_size", .setting = "pool.reserve", .value = VALUE_COUNT, .most = 100000 },
	{ .key = "reserve_pool_timeout", .special = import_reserve_timeout, .setting = "pool.reserve_after",
	    .value = VALUE_SECONDS, .most = HOUR },
	{ .key = "max_client_conn", .setting = "limits.clients", .value = VALUE_COUNT, .fallback = "100", .least = 1, .most = 1000000 },
	{ .key = "max_db_connections", .setting = "pool.max_per_database", .value = VALUE_COUNT, .most = 100000 },
	{ .key = "max_db_client_connections", .setting = "limits.clients_per_database", .value = VALUE_COUNT, .most = 1000000 },
	{ .key = "max_user_connections", .setting = "pool.max_per_user", .value = VALUE_COUNT, .most = 100000,
	    .note = "it counts by the role in PostgreSQL" },
	{ .key = "max_user_client_connections", .setting = "limits.clients_per_user", .value = VALUE_COUNT, .most = 1000000 },
	{ .key = "max_prepared_statements", .special = import_prepared,
	    .setting = "protocol.max_prepared_statements", .value = VALUE_COUNT, .most = 100000 },
	DROP("server_round_robin", "not there: which idle connection is lent is not chosen"),
	DROP("track_extra_parameters", "not needed: every setting that a client makes follows it"),
	DROP("ignore_startup_parameters", "not needed: startup parameters are passed on to PostgreSQL"),
	DROP("disable_pqexec", "not there: write a policy for what clients may send"),
	DROP("application_name_add_host", "the access log has the client's address in every record"),
	DROP("autodb_idle_timeout", "there is no such timeout; server connections close after backend.idle_timeout"),
	/* Who may log in. */
	{ .key = "auth_type", .special = import_auth_type, .fallback = "md5" },
	{ .key = "auth_file", .setting = "auth.userlist" },
	{ .key = "auth_hba_file", .special = import_auth_hba },
	{ .key = "auth_ident_file", .setting = "auth.ident" },
	{ .key = "auth_user", .special = import_auth_user },
	{ .key = "auth_query", .special = import_auth_query, .setting = "auth.query" },
	{ .key = "auth_dbname", .special = import_auth_query, .setting = "auth.query_database" },
	DROP("auth_ldap_options", "there is no LDAP but by PAM: a module of PAM asks the directory"),
	DROP("scram_iterations", "pgweir makes no SCRAM secrets: PostgreSQL's scram_iterations counts"),
	{ .key = "admin_users", .setting = "console.admins", .value = VALUE_LIST, .fallback = "" },
	{ .key = "stats_users", .setting = "console.viewers", .value = VALUE_LIST },
	/* Timeouts. */
	{ .key = "server_lifetime", .special = import_lifetime, .setting = "backend.max_age", .value = VALUE_SECONDS, .most = 365 * DAY },
	{ .key = "server_idle_timeout", .setting = "backend.idle_timeout", .value = VALUE_SECONDS, .most = 365 * DAY },
	{ .key = "server_connect_timeout", .setting = "backend.connect_timeout", .value = VALUE_SECONDS, .fallback = "15",
	    .least = 100, .most = HOUR / 6, .zero = "10m" },
	{ .key = "server_login_retry", .setting = "backend.connect_retry", .value = VALUE_SECONDS, .fallback = "15",
	    .least = 10, .most = HOUR / 6 },
	{ .key = "client_login_timeout", .setting = "timeouts.login", .value = VALUE_SECONDS, .fallback = "60",
	    .least = 100, .most = HOUR, .zero = "1h" },
	{ .key = "client_idle_timeout", .setting = "timeouts.client_idle", .value = VALUE_SECONDS, .most = 365 * DAY,
	    .note = "it counts outside transactions only" },
	{ .key = "idle_transaction_timeout", .setting = "timeouts.idle_in_transaction", .value = VALUE_SECONDS, .most = 7 * DAY,
	    .note = "the transaction is rolled back and the client stays connected" },
	{ .key = "transaction_timeout", .setting = "timeouts.transaction", .value = VALUE_SECONDS, .most = 7 * DAY,
	    .note = "the transaction is rolled back and the client stays connected" },
	{ .key = "query_timeout", .setting = "timeouts.statement", .value = VALUE_SECONDS, .most = 7 * DAY,
	    .note = "the statement is cancelled (57014) and the connection stays usable" },
	{ .key = "query_wait_timeout", .setting = "pool.wait_timeout", .value = VALUE_SECONDS, .fallback = "120", .most = HOUR,
	    .note = "the client is refused with SQLSTATE 53300" },
	{ .key = "query_wait_notify", .setting = "pool.wait_notice", .value = VALUE_SECONDS, .most = HOUR },
	{ .key = "cancel_wait_timeout", .setting = "timeouts.cancel", .value = VALUE_SECONDS, .least = 100, .most = HOUR, .zero = "1h",
	    .note = "it is how long the cancelled statement may take to end, not the request" },
	{ .key = "suspend_timeout", .setting = "timeouts.suspend", .value = VALUE_SECONDS, .least = 100, .most = HOUR, .zero = "1h" },
	/* Server connections. */
	{ .key = "server_reset_query", .special = import_reset_query, .setting = "backend.reset" },
	{ .key = "server_reset_query_always", .special = import_reset_always, .setting = "backend.reset" },
	{ .key = "server_check_delay", .setting = "backend.check_after", .value = VALUE_SECONDS, .most = 365 * DAY },
	{ .key = "server_check_query", .special = import_check_query, .setting = "backend.check_query" },
	DROP("server_fast_close", "RECONNECT and a reload wait for clients in session mode: KILL ends them"),
	/* TLS. */
	{ .key = "client_tls_sslmode", .special = import_tls_mode, .setting = "tls.client.mode" },
	{ .key = "client_tls_key_file", .setting = "tls.client.key" },
	{ .key = "client_tls_cert_file", .setting = "tls.client.cert" },
	{ .key = "client_tls_ca_file", .setting = "tls.client.ca",
	    .note = "a certificate that a client shows must be good in every mode" },
	{ .key = "client_tls_protocols", .special = import_tls_protocols, .setting = "tls.client.min_version" },
	{ .key = "client_tls_ciphers", .special = import_tls_ciphers, .setting = "tls.client.ciphers" },
	{ .key = "client_tls13_ciphers", .setting = "tls.client.tls13_ciphers" },
	DROP("client_tls_ecdhcurve", "OpenSSL chooses the curve"),
	DROP("client_tls_dheparams", "OpenSSL chooses the parameters"),
	{ .key = "server_tls_sslmode", .special = import_tls_mode, .setting = "tls.server.mode", .fallback = "prefer" },
	{ .key = "server_tls_ca_file", .setting = "tls.server.ca" },
	{ .key = "server_tls_key_file", .setting = "tls.server.key" },
	{ .key = "server_tls_cert_file", .setting = "tls.server.cert" },
	{ .key = "server_tls_protocols", .special = import_tls_protocols, .setting = "tls.server.min_version" },
	{ .key = "server_tls_ciphers", .special = import_tls_ciphers, .setting = "tls.server.ciphers" },
	{ .key = "server_tls13_ciphers", .setting = "tls.server.tls13_ciphers" },
	/* Logs. */
	{ .key = "logfile", .setting = "log.file" },
	DROP("syslog", BY_ONE_LOG),
	DROP("syslog_ident", BY_ONE_LOG),
	DROP("syslog_facility", BY_ONE_LOG),
	{ .key = "log_connections", .special = import_log_connections, .setting = "log.connections" },
	{ .key = "log_disconnections", .special = import_log_connections, .setting = "log.connections" },
	DROP("log_pooler_errors", "not there: how much is logged says log.level"),
	{ .key = "log_stats", .setting = "log.stats", .value = VALUE_FLAG },
	DROP("stats_period", "averages are those of the last whole minute"),
	{ .key = "verbose", .special = import_verbose, .setting = "log.level" },
	/* Names, sockets and memory. */
	{ .key = "dns_max_ttl", .setting = "backend.dns_ttl", .value = VALUE_SECONDS, .least = SECOND, .most = HOUR },
	DROP("dns_nxdomain_ttl", BY_RESOLVER),
	DROP("dns_zone_check_period", BY_RESOLVER),
	DROP("resolv_conf", BY_RESOLVER),
	DROP("max_packet_size", "limits.message_size is the largest message, 1GiB unless it is set"),
	DROP("pkt_buf", "buffers grow and shrink with need"),
	DROP("sbuf_loopcnt", "each connection has its turn by itself"),
	DROP("tcp_defer_accept", BY_THE_SYSTEM),
	DROP("tcp_socket_buffer", BY_THE_SYSTEM),
	DROP("tcp_keepalive", "it is always on: see tcp.keepalive_idle"),
	{ .key = "tcp_keepcnt", .setting = "tcp.keepalive_count", .value = VALUE_COUNT, .most = 127 },
	{ .key = "tcp_keepidle", .setting = "tcp.keepalive_idle", .value = VALUE_SECONDS, .most = 9 * HOUR },
	{ .key = "tcp_keepintvl", .setting = "tcp.keepalive_interval", .value = VALUE_SECONDS, .most = 9 * HOUR },
	DROP("tcp_user_timeout", "there is one for each side: set backend.tcp_user_timeout and tcp.client_user_timeout"),
};

/* What may stand in a connection string of [databases]. */
static const struct import_key database_keys[] = {
	{ .key = "dbname", .setting = "dbname" },
	{ .key = "host", .setting = "host", .special = import_database_host },
	{ .key = "port", .setting = "port", .value = VALUE_COUNT, .least = 1, .most = 65535 },
	{ .key = "user", .special = import_database_user },
	{ .key = "password", .special = import_database_password },
	{ .key = "auth_user", .special = import_database_auth_user },
	DROP("auth_query", FOR_ALL ": auth.query"),
	{ .key = "auth_dbname", .setting = "auth_database" },
	{ .key = "pool_size", .setting = "pool_size", .value = VALUE_COUNT, .least = 1, .most = 100000, .zero = "100000" },
	{ .key = "min_pool_size", .setting = "min", .value = VALUE_COUNT, .most = 100000 },
	{ .key = "reserve_pool_size", .setting = "reserve", .value = VALUE_COUNT, .most = 100000 },
	{ .key = "reserve_pool", .setting = "reserve", .value = VALUE_COUNT, .most = 100000 },
	{ .key = "pool_mode", .setting = "pool_mode" },
	{ .key = "max_db_connections", .setting = "max_connections", .value = VALUE_COUNT, .most = 100000 },
	DROP("max_db_client_connections", FOR_ALL ": limits.clients_per_database"),
	DROP("server_lifetime", FOR_ALL ": backend.max_age"),
	{ .key = "load_balance_hosts", .setting = "load_balance_hosts" },
	{ .key = "connect_query", .setting = "connect_query" },
	DROP("client_encoding", BY_ROLE),
	DROP("datestyle", BY_ROLE),
	DROP("timezone", BY_ROLE),
	DROP("application_name", BY_ROLE),
};

static const struct import_key user_keys[] = {
	{ .key = "pool_mode", .setting = "pool_mode" },
	{ .key = "max_user_connections", .setting = "max_connections", .value = VALUE_COUNT, .most = 100000,
	    .note = "it counts by the role in PostgreSQL" },
	DROP("max_user_client_connections", FOR_ALL ": limits.clients_per_user"),
	DROP("pool_size", "set pool_size of the databases, or max_connections of the user"),
	DROP("reserve_pool_size", FOR_ALL ": pool.reserve"),
	DROP("query_timeout", "write a policy with a limit for this user"),
	DROP("idle_transaction_timeout", FOR_ALL ": timeouts.idle_in_transaction"),
	DROP("transaction_timeout", FOR_ALL ": timeouts.transaction"),
	DROP("client_idle_timeout", FOR_ALL ": timeouts.client_idle"),
};

static const struct import_key peer_keys[] = {
	DROP("host", BY_SIBLINGS),
	DROP("port", BY_SIBLINGS),
	DROP("pool_size", BY_SIBLINGS),
};

const struct import_key *
import_keys(enum ini_section section, size_t *count)
{
	static const struct {
		const struct import_key *rows;
		size_t count;
	} tables[] = {
		[INI_NONE] = { NULL, 0 },
		[INI_DATABASES] = { database_keys, sizeof(database_keys) / sizeof(database_keys[0]) },
		[INI_MAIN] = { main_keys, sizeof(main_keys) / sizeof(main_keys[0]) },
		[INI_USERS] = { user_keys, sizeof(user_keys) / sizeof(user_keys[0]) },
		[INI_PEERS] = { peer_keys, sizeof(peer_keys) / sizeof(peer_keys[0]) },
	};

	*count = tables[section].count;
	return tables[section].rows;
}

const struct import_key *
import_key_find(enum ini_section section, const char *key)
{
	size_t count;
	const struct import_key *rows = import_keys(section, &count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].key, key) == 0)
			return &rows[i];
	return NULL;
}

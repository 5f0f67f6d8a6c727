/*
 * settings.c - see settings.h. Rows of a section stand together, in the order
 * in which they are printed.
 */
#include <string.h>

#include "settings.h"

#define AT(member) offsetof(struct config, member)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const pool_modes[] = { "session", "transaction", "statement", NULL };
/* In the order of enum load_balance and enum session_attrs. */
static const char *const load_balances[] = { "round-robin", "disable", NULL };
static const char *const session_attrs[] = { "any", "primary", "standby", "read-write", "read-only",
	"prefer-standby", NULL };
static const char *const auth_methods[] = { "trust", "password", "md5", "scram-sha-256", "pam", NULL };
static const char *const event_loops[] = { "auto", "libevent", "io_uring", NULL };
static const char *const tls_modes[] = { "disable", "allow", "prefer", "require", "verify-ca",
	"verify-full", NULL };
static const char *const tls_versions[] = { "TLSv1.2", "TLSv1.3", NULL };
static const char *const resets[] = { "auto", "always", "never", "close", NULL };
static const char *const audit_whats[] = { "all", "write", "denied", "none", NULL };
static const char *const audit_texts[] = { "normalized", "raw", "none", "hmac", NULL };
static const char *const audit_syncs[] = { "none", "interval", "each", NULL };
static const char *const audit_failures[] = { "continue", "refuse", NULL };
static const char *const log_levels[] = { "error", "warning", "info", "debug", NULL };
/* Words of which this version knows one only: the configuration may name it. */
static const char *const only_jsonlog[] = { "jsonlog", NULL };

const struct setting settings[] = {
	{ .name = "instance",
	    .type = SETTING_TEXT,
	    .where = AT(instance),
	    .fallback = "pgweir",
	    .least = "1",
	    .most = "63",
	    .text = "The name of this process in the records of the access log. Give each "
		    "process that writes to the same store its own." },
	{ .name = "workers",
	    .type = SETTING_INT,
	    .where = AT(workers),
	    .fallback = "auto",
	    .least = "1",
	    .most = "128",
	    .word = "auto",
	    .text = "How many event loops run, one thread each. auto is one for each core." },
	{ .name = "event_loop",
	    .type = SETTING_ENUM,
	    .where = AT(event_loop),
	    .fallback = "auto",
	    .words = event_loops,
	    .text = "What the workers wait with. io_uring costs less and needs Linux 6.1, and "
		    "that nothing forbids it (containers often do). auto is io_uring where it "
		    "can be had, else libevent." },

	{ .name = "auth.method",
	    .type = SETTING_ENUM,
	    .where = AT(auth_method),
	    .fallback = "scram-sha-256",
	    .words = auth_methods,
	    .reloadable = true,
	    .text = "How clients prove who they are. trust asks for nothing, but the name must "
		    "be known. password sends the password in clear and md5 its weak hash: "
		    "prefer scram-sha-256. A user whose stored secret is SCRAM is asked for "
		    "SCRAM under md5 too. pam sends the password in clear and lets PAM say "
		    "whether it is right; whom PAM knows need not be listed." },
	{ .name = "auth.userlist",
	    .type = SETTING_PATH,
	    .where = AT(auth_userlist),
	    .fallback = "",
	    .reloadable = true,
	    .text = "A file of users and secrets in PgBouncer's format: \"name\" \"secret\", one "
		    "user a line. It is read beside the users of this file, which win. It is "
		    "refused when every user of the machine may read it. Empty is no such file." },
	{ .name = "auth.hba",
	    .type = SETTING_PATH,
	    .where = AT(auth_hba),
	    .fallback = "",
	    .reloadable = true,
	    .text = "A file in the format of PostgreSQL's pg_hba.conf: who may come from where, "
		    "to which database, and by which method. The first line that fits decides, and "
		    "auth.method is not asked. Who fits no line is refused. Empty is no such file." },
	{ .name = "auth.ident",
	    .type = SETTING_PATH,
	    .where = AT(auth_ident),
	    .fallback = "",
	    .reloadable = true,
	    .text = "A file in the format of PostgreSQL's pg_ident.conf: the maps that lines of "
		    "auth.hba name by map=, from names of this machine's users to users of a "
		    "database. Empty is no such file." },
	{ .name = "auth.query",
	    .type = SETTING_TEXT,
	    .where = AT(auth_query),
	    .fallback = "SELECT rolname, CASE WHEN rolvaliduntil < now() THEN NULL ELSE rolpassword "
			"END FROM pg_catalog.pg_authid WHERE rolname = $1 AND rolcanlogin",
	    .least = "1",
	    .most = "500",
	    .reloadable = true,
	    .text = "What a database is asked about a user whose secret is not listed here, if "
		    "auth.query_user is set. $1 is its name; the answer is one row of name and stored "
		    "password, or none. search_path is pg_catalog: name a function with its schema." },
	{ .name = "auth.query_user",
	    .type = SETTING_TEXT,
	    .where = AT(auth_query_user),
	    .fallback = "",
	    .most = "63",
	    .reloadable = true,
	    .text = "The role that asks auth.query; its password stands in roles. Empty: no "
		    "database is asked, and who is not listed cannot log in." },
	{ .name = "auth.query_database",
	    .type = SETTING_TEXT,
	    .where = AT(auth_query_database),
	    .fallback = "",
	    .most = "63",
	    .reloadable = true,
	    .text = "Of databases, the one that is asked about users. Empty: the one that the "
		    "client wants, if it has a name in databases." },
	{ .name = "auth.pam_service",
	    .type = SETTING_TEXT,
	    .where = AT(auth_pam_service),
	    .fallback = "pgweir",
	    .least = "1",
	    .most = "63",
	    .reloadable = true,
	    .text = "The file of /etc/pam.d that says how PAM checks a password, for "
		    "auth.method pam and for lines of auth.hba with pam and no pamservice=." },
	{ .name = "auth.pam_threads",
	    .type = SETTING_INT,
	    .where = AT(auth_pam_threads),
	    .fallback = "8",
	    .least = "1",
	    .most = "256",
	    .text = "How many log-ins PAM checks at a time, each on a thread of its own that is "
		    "started when it is needed. A module that hangs keeps one of them." },
	{ .name = "auth.pam_queue",
	    .type = SETTING_INT,
	    .where = AT(auth_pam_queue),
	    .fallback = "200",
	    .least = "1",
	    .most = "100000",
	    .reloadable = true,
	    .text = "How many log-ins may wait for one of these threads. More are refused with "
		    "SQLSTATE 53300. None waits longer than timeouts.login." },

	{ .name = "pool.mode",
	    .type = SETTING_ENUM,
	    .where = AT(pool_mode),
	    .fallback = "transaction",
	    .words = pool_modes,
	    .reloadable = true,
	    .text = "For how long a client keeps a server connection: until it disconnects "
		    "(session), until its transaction ends (transaction), or until its "
		    "statement ends (statement, in which transactions are refused)." },
	{ .name = "pool.size",
	    .type = SETTING_INT,
	    .where = AT(pool_size),
	    .fallback = "20",
	    .least = "1",
	    .most = "100000",
	    .reloadable = true,
	    .text = "How many server connections there may be for one database and role, in the "
		    "whole process." },
	{ .name = "pool.min",
	    .type = SETTING_INT,
	    .where = AT(pool_min),
	    .fallback = "0",
	    .least = "0",
	    .most = "100000",
	    .reloadable = true,
	    .text = "How many server connections are kept open for one database and role, once "
		    "it was used." },
	{ .name = "pool.reserve",
	    .type = SETTING_INT,
	    .where = AT(pool_reserve),
	    .fallback = "0",
	    .least = "0",
	    .most = "100000",
	    .reloadable = true,
	    .text = "How many server connections may be opened beyond pool.size when a client "
		    "has waited for pool.reserve_after." },
	{ .name = "pool.reserve_after",
	    .type = SETTING_DURATION,
	    .where = AT(pool_reserve_after_ms),
	    .fallback = "5s",
	    .least = "0",
	    .most = "1h",
	    .reloadable = true,
	    .text = "How long a client waits before the reserve is opened for it." },
	{ .name = "pool.max_per_database",
	    .type = SETTING_INT,
	    .where = AT(pool_max_per_database),
	    .fallback = "0",
	    .least = "0",
	    .most = "100000",
	    .reloadable = true,
	    .text = "How many server connections there may be to one database, whatever the "
		    "role. 0 is no limit." },
	{ .name = "pool.max_per_user",
	    .type = SETTING_INT,
	    .where = AT(pool_max_per_user),
	    .fallback = "0",
	    .least = "0",
	    .most = "100000",
	    .reloadable = true,
	    .text = "How many server connections one role may have, whatever the database. 0 is "
		    "no limit." },
	{ .name = "pool.wait_timeout",
	    .type = SETTING_DURATION,
	    .where = AT(pool_wait_timeout_ms),
	    .fallback = "30s",
	    .least = "0",
	    .most = "1h",
	    .reloadable = true,
	    .text = "How long a client may wait for a server connection before it is refused "
		    "with SQLSTATE 53300. 0 waits for ever. The limit of its own statement "
		    "(statement_timeout) counts from its joining the line, too; time in which "
		    "the pool is paused counts against neither." },
	{ .name = "pool.wait_notice",
	    .type = SETTING_DURATION,
	    .where = AT(pool_wait_notice_ms),
	    .fallback = "5s",
	    .least = "0",
	    .most = "1h",
	    .reloadable = true,
	    .text = "A client that has waited for a server connection for so long is told its place "
		    "in line and the reason by a NOTICE, and again each time that six times as long "
		    "has passed. 0 tells nobody." },

	{ .name = "limits.clients",
	    .type = SETTING_INT,
	    .where = AT(limits_clients),
	    .fallback = "10000",
	    .least = "1",
	    .most = "1000000",
	    .reloadable = true,
	    .text = "How many clients may be connected. The next one is refused with SQLSTATE "
		    "53300. The process needs as many file descriptors, and one more for each "
		    "server connection." },
	{ .name = "limits.clients_per_database",
	    .type = SETTING_INT,
	    .where = AT(limits_clients_per_database),
	    .fallback = "0",
	    .least = "0",
	    .most = "1000000",
	    .reloadable = true,
	    .text = "How many clients may be connected to one database. 0 is no limit." },
	{ .name = "limits.clients_per_user",
	    .type = SETTING_INT,
	    .where = AT(limits_clients_per_user),
	    .fallback = "0",
	    .least = "0",
	    .most = "1000000",
	    .reloadable = true,
	    .text = "How many clients may be logged in as one user. 0 is no limit." },
	{ .name = "limits.clients_per_address",
	    .type = SETTING_INT,
	    .where = AT(limits_clients_per_address),
	    .fallback = "0",
	    .least = "0",
	    .most = "1000000",
	    .reloadable = true,
	    .text = "How many clients may be connected from one address. Unix sockets do not "
		    "count. 0 is no limit." },
	{ .name = "limits.message_size",
	    .type = SETTING_SIZE,
	    .where = AT(limits_message_size),
	    .fallback = "1GiB",
	    .least = "8KiB",
	    .most = "1GiB",
	    .reloadable = true,
	    .text = "The largest message that a client may send. A longer one ends its "
		    "connection." },
	{ .name = "limits.unauthenticated_clients",
	    .type = SETTING_INT,
	    .where = AT(limits_unauthenticated_clients),
	    .fallback = "1000",
	    .least = "1",
	    .most = "1000000",
	    .reloadable = true,
	    .text = "How many clients may be connected that have not logged in yet. The next "
		    "one is refused at once, so that a flood of strangers leaves room for those "
		    "who are logged in." },

	{ .name = "timeouts.login",
	    .type = SETTING_DURATION,
	    .where = AT(timeouts_login_ms),
	    .fallback = "15s",
	    .least = "100ms",
	    .most = "1h",
	    .reloadable = true,
	    .text = "How long a client may take to log in before it is disconnected." },
	{ .name = "timeouts.statement",
	    .type = SETTING_DURATION,
	    .where = AT(timeouts_statement_ms),
	    .fallback = "0",
	    .least = "0",
	    .most = "7d",
	    .reloadable = true,
	    .text = "How long a statement may run before it is cancelled with SQLSTATE 57014. "
		    "A policy may say less. 0 is no limit." },
	{ .name = "timeouts.transaction",
	    .type = SETTING_DURATION,
	    .where = AT(timeouts_transaction_ms),
	    .fallback = "0",
	    .least = "0",
	    .most = "7d",
	    .reloadable = true,
	    .text = "How long a transaction may stay open before it is rolled back. 0 is no limit." },
	{ .name = "timeouts.idle_in_transaction",
	    .type = SETTING_DURATION,
	    .where = AT(timeouts_idle_in_transaction_ms),
	    .fallback = "0",
	    .least = "0",
	    .most = "7d",
	    .reloadable = true,
	    .text = "How long a client may leave a transaction open and say nothing before it "
		    "is rolled back; the client stays connected. 0 is no limit." },
	{ .name = "timeouts.client_idle",
	    .type = SETTING_DURATION,
	    .where = AT(timeouts_client_idle_ms),
	    .fallback = "0",
	    .least = "0",
	    .most = "365d",
	    .reloadable = true,
	    .text = "How long a client may say nothing outside a transaction before it is "
		    "disconnected. 0 is no limit." },
	{ .name = "timeouts.cancel",
	    .type = SETTING_DURATION,
	    .where = AT(timeouts_cancel_ms),
	    .fallback = "10s",
	    .least = "100ms",
	    .most = "1h",
	    .reloadable = true,
	    .text = "How long a cancelled statement may take to end before its server "
		    "connection is closed." },
	{ .name = "timeouts.shutdown",
	    .type = SETTING_DURATION,
	    .where = AT(timeouts_shutdown_ms),
	    .fallback = "60s",
	    .least = "0",
	    .most = "24h",
	    .reloadable = true,
	    .text = "How long the process waits for its clients after TERM before it "
		    "disconnects them." },
	{ .name = "timeouts.suspend",
	    .type = SETTING_DURATION,
	    .where = AT(timeouts_suspend_ms),
	    .fallback = "10s",
	    .least = "100ms",
	    .most = "1h",
	    .reloadable = true,
	    .text = "How long SUSPEND waits for peers to take what was sent to them before "
		    "it closes their connections." },

	{ .name = "backend.connect_timeout",
	    .type = SETTING_DURATION,
	    .where = AT(backend_connect_timeout_ms),
	    .fallback = "5s",
	    .least = "100ms",
	    .most = "10m",
	    .reloadable = true,
	    .text = "How long connecting and logging in to PostgreSQL may take." },
	{ .name = "backend.connect_retry",
	    .type = SETTING_DURATION,
	    .where = AT(backend_connect_retry_ms),
	    .fallback = "1s",
	    .least = "10ms",
	    .most = "10m",
	    .reloadable = true,
	    .text = "How long to wait before the next attempt after connecting to PostgreSQL "
		    "failed; twice as long after another failure, up to four times. While its host "
		    "says at once that PostgreSQL is not there, as in a restart, 600ms at most." },
	{ .name = "backend.max_age",
	    .type = SETTING_DURATION,
	    .where = AT(backend_max_age_ms),
	    .fallback = "1h",
	    .least = "0",
	    .most = "365d",
	    .reloadable = true,
	    .text = "How old a server connection may become before it is replaced, once nobody "
		    "uses it. 0 is no limit." },
	{ .name = "backend.idle_timeout",
	    .type = SETTING_DURATION,
	    .where = AT(backend_idle_timeout_ms),
	    .fallback = "10m",
	    .least = "0",
	    .most = "365d",
	    .reloadable = true,
	    .text = "How long a server connection above pool.min may be unused before it is "
		    "closed. 0 is no limit." },
	{ .name = "backend.check_after",
	    .type = SETTING_DURATION,
	    .where = AT(backend_check_after_ms),
	    .fallback = "30s",
	    .least = "0",
	    .most = "365d",
	    .reloadable = true,
	    .text = "A server connection that was unused for longer than this is asked whether "
		    "it still lives before a client gets it. 0 asks each time." },
	{ .name = "backend.check_query",
	    .type = SETTING_TEXT,
	    .where = AT(backend_check_query),
	    .fallback = "",
	    .most = "16384",
	    .reloadable = true,
	    .text = "What it is asked. If this fails the connection is closed. Nothing here asks "
		    "by a Sync, which costs PostgreSQL least." },
	{ .name = "backend.reset",
	    .type = SETTING_ENUM,
	    .where = AT(backend_reset),
	    .fallback = "auto",
	    .words = resets,
	    .reloadable = true,
	    .text = "When DISCARD ALL is sent before a server connection goes to another "
		    "client: after session mode and whenever something was left behind (auto), "
		    "after every use (always), or never, which lets what one client leaves "
		    "behind be seen by the next. close: no server connection is used twice, so "
		    "that not even a loaded library is left of whoever had it before." },

	{ .name = "backend.dns_ttl",
	    .type = SETTING_DURATION,
	    .where = AT(backend_dns_ttl_ms),
	    .fallback = "15s",
	    .least = "1s",
	    .most = "1h",
	    .reloadable = true,
	    .text = "How old the addresses of a host's name may become before it is looked up again. The "
		    "last good answer serves while that takes long or fails; connections to an address that "
		    "two answers did not have any more are replaced, one after the other, between their "
		    "loans." },
	{ .name = "backend.role_check",
	    .type = SETTING_DURATION,
	    .where = AT(backend_role_check_ms),
	    .fallback = "5s",
	    .least = "0",
	    .most = "1h",
	    .reloadable = true,
	    .text = "How often each host of a database that has several, and target_session_attrs, is "
		    "asked what it is, on a connection that is closed again. So a promotion is known "
		    "without a statement there, and two primaries are: then no server connection of the "
		    "database is lent until one of them is left. 0 asks never." },
	{ .name = "backend.tcp_user_timeout",
	    .type = SETTING_DURATION,
	    .where = AT(backend_tcp_user_timeout_ms),
	    .fallback = "0",
	    .least = "0",
	    .most = "1h",
	    .reloadable = true,
	    .text = "How long what was sent to PostgreSQL by TCP may wait for its machine to take it, "
		    "before the connection is given up (TCP_USER_TIMEOUT). A server that is alive and does "
		    "not read, as while a COPY waits for a lock, counts too. 0 leaves it to the system; it "
		    "is for connections that are opened from then on." },

	{ .name = "tcp.keepalive_idle",
	    .type = SETTING_DURATION,
	    .where = AT(tcp_keepalive_idle_ms),
	    .fallback = "15s",
	    .least = "0",
	    .most = "9h",
	    .text = "After how long without a byte the kernel asks whether a peer, client or server, is "
		    "still there. 0 leaves it to the system." },
	{ .name = "tcp.keepalive_interval",
	    .type = SETTING_DURATION,
	    .where = AT(tcp_keepalive_interval_ms),
	    .fallback = "5s",
	    .least = "0",
	    .most = "9h",
	    .text = "How long the kernel waits for the answer before it asks again. 0 leaves it to the "
		    "system." },
	{ .name = "tcp.keepalive_count",
	    .type = SETTING_INT,
	    .where = AT(tcp_keepalive_count),
	    .fallback = "3",
	    .least = "0",
	    .most = "127",
	    .text = "After how many questions without an answer a peer is taken for gone: its transaction "
		    "is rolled back, its server connection is free. 0 leaves it to the system." },
	{ .name = "tcp.client_user_timeout",
	    .type = SETTING_DURATION,
	    .where = AT(tcp_client_user_timeout_ms),
	    .fallback = "0",
	    .least = "0",
	    .most = "1h",
	    .text = "backend.tcp_user_timeout, towards clients. One that is alive and does not read for so "
		    "long is disconnected too. 0 leaves it to the system." },

	{ .name = "protocol.audit_sample",
	    .type = SETTING_INT,
	    .where = AT(protocol_audit_sample),
	    .fallback = "1000",
	    .least = "0",
	    .most = "1000000000",
	    .reloadable = true,
	    .text = "After one of so many loans that left nothing, as far as is known, the server is asked "
		    "what it has, before it is lent again. One that has more is closed, counted "
		    "(pgweir_audit_misses_total) and told of in the main log. 0 asks never." },
	{ .name = "protocol.max_prepared_statements",
	    .type = SETTING_INT,
	    .where = AT(protocol_max_prepared_statements),
	    .fallback = "200",
	    .least = "0",
	    .most = "100000",
	    .reloadable = true,
	    .text = "How many prepared statements are kept in one server connection in "
		    "transaction and statement mode; the one not used for longest makes room. With 0 "
		    "a statement with a name is refused there (0A000), or pins (protocol.strict: "
		    "false). In session mode they pass as they are, whatever is said here." },
	{ .name = "protocol.pin_budget",
	    .type = SETTING_PERCENT,
	    .where = AT(protocol_pin_budget),
	    .fallback = "100%",
	    .least = "0%",
	    .most = "100%",
	    .reloadable = true,
	    .text = "The share of a pool's size (pool.size) that pinned clients may keep for themselves, at "
		    "least one connection above 0%. A statement that would pin one more (a temporary table, a "
		    "session advisory lock, a cursor WITH HOLD, ...) is refused before it is sent (53400); what "
		    "a function or a DO turns out to have left pins all the same, and is counted. 100% is no "
		    "limit, with 0% such statements are always refused; pool_mode session is not concerned." },
	{ .name = "protocol.pin_notice",
	    .type = SETTING_BOOL,
	    .where = AT(protocol_pin_notice),
	    .fallback = "false",
	    .reloadable = true,
	    .text = "Tell a client by a NOTICE (01000), once a session for each reason, that it keeps its "
		    "server connection from now on, and what ends that. Without it clients see what they "
		    "would see from PostgreSQL, byte for byte." },
	{ .name = "protocol.pin_timeout",
	    .type = SETTING_DURATION,
	    .where = AT(protocol_pin_timeout_ms),
	    .fallback = "0",
	    .least = "0",
	    .most = "365d",
	    .reloadable = true,
	    .text = "How long a client that keeps its server connection outside transactions (a pin: SHOW "
		    "PINS) may say nothing before it is disconnected (57P01) and the server connection "
		    "cleaned for others. One that waits for notifications says nothing either. 0 is no "
		    "limit; pool_mode session is not concerned." },
	{ .name = "protocol.strict",
	    .type = SETTING_BOOL,
	    .where = AT(protocol_strict),
	    .fallback = "true",
	    .reloadable = true,
	    .text = "What the pool's mode cannot keep is refused (0A000), or ends the session (57P01, "
		    "notifications that may have been lost). false: the server connection is kept for "
		    "the session where that helps, and it is told by a WARNING (01000) where nothing "
		    "does: what currval(), lastval() or pg_listening_channels() say may not be its "
		    "own, notifications may have been lost. Transactions with pool_mode statement "
		    "are refused all the same." },

	{ .name = "tls.client.mode",
	    .type = SETTING_ENUM,
	    .where = AT(tls_client.mode),
	    .fallback = "disable",
	    .words = tls_modes,
	    .reloadable = true,
	    .text = "TLS between clients and pgweir. allow and prefer: a client may ask for it. "
		    "require: a client that does not is refused. verify-ca: it must show a "
		    "certificate that tls.client.ca signed. verify-full: whose common name is "
		    "the user's name, too. Clients on unix sockets are never asked for it. A "
		    "change is for new connections." },
	{ .name = "tls.client.cert",
	    .type = SETTING_PATH,
	    .where = AT(tls_client.cert),
	    .fallback = "",
	    .reloadable = true,
	    .text = "The certificate that pgweir shows to clients, and those between it and its "
		    "authority behind it, in PEM. It is read again by every reload, as are all "
		    "files of tls." },
	{ .name = "tls.client.key",
	    .type = SETTING_PATH,
	    .where = AT(tls_client.key),
	    .fallback = "",
	    .reloadable = true,
	    .text = "The certificate's private key, in PEM, without a passphrase. It must be "
		    "pgweir's own and nobody else's to read, or root's and at most a group's." },
	{ .name = "tls.client.ca",
	    .type = SETTING_PATH,
	    .where = AT(tls_client.ca),
	    .fallback = "",
	    .reloadable = true,
	    .text = "Authorities whose signature makes a client's certificate a good one, in PEM. "
		    "Where it is set clients are asked for a certificate: one that is shown must be "
		    "good in every mode, and the verify modes want one." },
	{ .name = "tls.client.min_version",
	    .type = SETTING_ENUM,
	    .where = AT(tls_client.min_version),
	    .fallback = "TLSv1.2",
	    .words = tls_versions,
	    .reloadable = true,
	    .text = "The oldest version that clients may speak." },
	{ .name = "tls.client.ciphers",
	    .type = SETTING_TEXT,
	    .where = AT(tls_client.ciphers),
	    .fallback = "",
	    .least = "0",
	    .most = "2000",
	    .reloadable = true,
	    .text = "Ciphers of TLS 1.2, as openssl-ciphers(1) writes them. Empty leaves them to "
		    "OpenSSL." },
	{ .name = "tls.client.tls13_ciphers",
	    .type = SETTING_TEXT,
	    .where = AT(tls_client.tls13_ciphers),
	    .fallback = "",
	    .least = "0",
	    .most = "2000",
	    .reloadable = true,
	    .text = "Ciphers of TLS 1.3, separated by colons, such as "
		    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256. Empty leaves them to "
		    "OpenSSL." },
	{ .name = "tls.server.mode",
	    .type = SETTING_ENUM,
	    .where = AT(tls_server.mode),
	    .fallback = "disable",
	    .words = tls_modes,
	    .reloadable = true,
	    .text = "TLS between pgweir and PostgreSQL. allow: only if a server refuses us "
		    "without. prefer: if the server speaks it. require: always. verify-ca: and the "
		    "server's certificate must be signed by tls.server.ca. verify-full: and be that "
		    "of the host in databases. Servers on unix sockets are never asked for it. "
		    "Connections that are open when this or a file of it changes are closed after "
		    "their transaction." },
	{ .name = "tls.server.ca",
	    .type = SETTING_PATH,
	    .where = AT(tls_server.ca),
	    .fallback = "",
	    .reloadable = true,
	    .text = "Authorities whose signature makes a server's certificate a good one, in PEM, "
		    "for verify-ca and verify-full." },
	{ .name = "tls.server.cert",
	    .type = SETTING_PATH,
	    .where = AT(tls_server.cert),
	    .fallback = "",
	    .reloadable = true,
	    .text = "The certificate that pgweir shows to servers that ask for one, in PEM." },
	{ .name = "tls.server.key",
	    .type = SETTING_PATH,
	    .where = AT(tls_server.key),
	    .fallback = "",
	    .reloadable = true,
	    .text = "Its private key, under the rules of tls.client.key." },
	{ .name = "tls.server.min_version",
	    .type = SETTING_ENUM,
	    .where = AT(tls_server.min_version),
	    .fallback = "TLSv1.2",
	    .words = tls_versions,
	    .reloadable = true,
	    .text = "The oldest version that servers may speak." },
	{ .name = "tls.server.ciphers",
	    .type = SETTING_TEXT,
	    .where = AT(tls_server.ciphers),
	    .fallback = "",
	    .least = "0",
	    .most = "2000",
	    .reloadable = true,
	    .text = "Ciphers of TLS 1.2, as for tls.client.ciphers." },
	{ .name = "tls.server.tls13_ciphers",
	    .type = SETTING_TEXT,
	    .where = AT(tls_server.tls13_ciphers),
	    .fallback = "",
	    .least = "0",
	    .most = "2000",
	    .reloadable = true,
	    .text = "Ciphers of TLS 1.3, as for tls.client.tls13_ciphers." },

	{ .name = "policies",
	    .type = SETTING_PATH,
	    .where = AT(policies),
	    .fallback = "",
	    .reloadable = true,
	    .text = "The policy files, such as policies.d/*.yaml. All of them are loaded, or "
		    "none. Empty is no policy." },
	{ .name = "policies_trust",
	    .type = SETTING_PATH,
	    .where = AT(policies_trust),
	    .fallback = "",
	    .reloadable = true,
	    .text = "An Ed25519 public key in PEM. Policy files load only with a signature of "
		    "its private half beside them, as pgweirctl sign makes it: FILE.sig. Empty asks "
		    "for none." },
	{ .name = "policies_watch",
	    .type = SETTING_BOOL,
	    .where = AT(policies_watch),
	    .fallback = "true",
	    .reloadable = true,
	    .text = "Load the policies again by itself half a second after something in their "
		    "folder has changed, and within seconds after a file behind a symbolic link "
		    "has. A fault in them leaves those in force that are." },

	{ .name = "catalog.user",
	    .type = SETTING_TEXT,
	    .where = AT(catalog_user),
	    .fallback = "",
	    .reloadable = true,
	    .text = "The PostgreSQL role that reads what is in each database (relations, their "
		    "sizes, columns, indexes and constraints), on a connection of its own, for the "
		    "rules that can be precise when they know. It needs no privilege but CONNECT; "
		    "its password is that of roles. Empty reads nothing: then every table counts "
		    "as large." },
	{ .name = "catalog.refresh",
	    .type = SETTING_DURATION,
	    .where = AT(catalog_refresh_ms),
	    .fallback = "1m",
	    .least = "1s",
	    .most = "24h",
	    .reloadable = true,
	    .text = "How often it is read again. After DDL, VACUUM or ANALYZE through pgweir it is "
		    "read at once." },
	{ .name = "catalog.timeout",
	    .type = SETTING_DURATION,
	    .where = AT(catalog_timeout_ms),
	    .fallback = "10s",
	    .least = "100ms",
	    .most = "10m",
	    .reloadable = true,
	    .text = "statement_timeout of each query that reads it." },
	{ .name = "catalog.size",
	    .type = SETTING_SIZE,
	    .where = AT(catalog_size),
	    .fallback = "64MiB",
	    .least = "1MiB",
	    .most = "4GiB",
	    .reloadable = true,
	    .text = "The memory that the catalog of one database may take. A larger one is not "
		    "kept." },
	{ .name = "catalog.databases",
	    .type = SETTING_INT,
	    .where = AT(catalog_databases),
	    .fallback = "16",
	    .least = "0",
	    .most = "1000",
	    .reloadable = true,
	    .text = "Of databases that only databases.* stands for, so many are read, while they "
		    "have clients. Those named in databases are read always." },

	{ .name = "audit.file",
	    .type = SETTING_PATH,
	    .where = AT(audit_file),
	    .fallback = "",
	    .reloadable = true,
	    .text = "The access log: one JSON object a line for each session and statement. "
		    "Empty is none." },
	{ .name = "audit.statements",
	    .type = SETTING_ENUM,
	    .where = AT(audit_statements),
	    .fallback = "all",
	    .words = audit_whats,
	    .reloadable = true,
	    .text = "Which statements are recorded, where no rule of a policy says otherwise: all, all but "
		    "reads and transaction control (write), those that were refused (denied), or none. "
		    "Sessions, policies, configuration and console commands always are." },
	{ .name = "audit.text",
	    .type = SETTING_ENUM,
	    .where = AT(audit_text),
	    .fallback = "normalized",
	    .words = audit_texts,
	    .reloadable = true,
	    .text = "How a statement's text is recorded: with its values replaced by $1, $2 "
		    "(normalized), as it was sent, values and all (raw), not (none), or as the "
		    "HMAC-SHA256 of what was sent, by which whoever has audit.text_key finds a text "
		    "that he knows (hmac)." },
	{ .name = "audit.text_key",
	    .type = SETTING_SECRET,
	    .where = AT(audit_text_key),
	    .fallback = "",
	    .most = "2047", /* SECRET_BYTES_MOST */
	    .reloadable = true,
	    .text = "The key of audit.text: hmac, such as ${file:text.key}." },
	{ .name = "audit.sync",
	    .type = SETTING_ENUM,
	    .where = AT(audit_sync),
	    .fallback = "interval",
	    .words = audit_syncs,
	    .reloadable = true,
	    .text = "When records are forced to the disk: every audit.sync_every (interval), when "
		    "the system sees fit (none), or before the statement is answered (each; many "
		    "answers share one wait for the disk)." },
	{ .name = "audit.sync_every",
	    .type = SETTING_DURATION,
	    .where = AT(audit_sync_every_ms),
	    .fallback = "1s",
	    .least = "10ms",
	    .most = "1h",
	    .reloadable = true,
	    .text = "How much time of records a power failure may cost." },
	{ .name = "audit.on_failure",
	    .type = SETTING_ENUM,
	    .where = AT(audit_on_failure),
	    .fallback = "continue",
	    .words = audit_failures,
	    .reloadable = true,
	    .text = "What happens while records cannot be written. continue lets statements "
		    "run, counts what is missing and records the gap later. refuse begins no "
		    "statement that audit.statements would record, and answers none before its "
		    "record is written: the client is told 58030 instead." },
	{ .name = "audit.rotate_size",
	    .type = SETTING_SIZE,
	    .where = AT(audit_rotate_size),
	    .fallback = "256MiB",
	    .least = "0",
	    .most = "1024GiB",
	    .reloadable = true,
	    .text = "The access log gets a name with its first seq, such as audit-1.jsonl, and a new "
		    "file is begun when it is this long. 0 is never." },
	{ .name = "audit.rotate_every",
	    .type = SETTING_DURATION,
	    .where = AT(audit_rotate_every_ms),
	    .fallback = "24h",
	    .least = "0",
	    .most = "366d",
	    .reloadable = true,
	    .text = "The same when its first record is this old. 0 is never." },
	{ .name = "audit.keep",
	    .type = SETTING_DURATION,
	    .where = AT(audit_keep_ms),
	    .fallback = "400d",
	    .least = "0",
	    .most = "36500d",
	    .reloadable = true,
	    .text = "Rotated files whose last record is older are deleted, which is recorded. 0 keeps "
		    "them for ever." },
	{ .name = "audit.compress",
	    .type = SETTING_BOOL,
	    .where = AT(audit_compress),
	    .fallback = "true",
	    .reloadable = true,
	    .text = "Whether rotated files are compressed by zstd; reports and verify read them as they are." },
	{ .name = "audit.group",
	    .type = SETTING_TEXT,
	    .where = AT(audit_group),
	    .fallback = "",
	    .reloadable = true,
	    .text = "The group that may read the files of the access log, whose mode is 0640. pgweir must "
		    "be a member of it. Empty is its own group." },
	{ .name = "audit.mac_key",
	    .type = SETTING_PATH,
	    .where = AT(audit_mac_key),
	    .fallback = "",
	    .text = "The file of the key that seals each record of the access log, made by "
		    "pgweirctl keygen; the auditors keep a copy of it off this machine. pgweir "
		    "replaces it after each checkpoint, so its folder must be writable. Empty: "
		    "records have no mac." },
	{ .name = "audit.sign_key",
	    .type = SETTING_PATH,
	    .where = AT(audit_sign_key),
	    .fallback = "",
	    .text = "The Ed25519 key in PEM that signs the checkpoints of the access log. Empty: "
		    "they are not signed." },

	{ .name = "slow_log.file",
	    .type = SETTING_PATH,
	    .where = AT(slow_log_file),
	    .fallback = "",
	    .reloadable = true,
	    .text = "The log of slow statements, in PostgreSQL's jsonlog format, which pgbadger "
		    "reads. Empty is none." },
	{ .name = "slow_log.threshold",
	    .type = SETTING_DURATION,
	    .where = AT(slow_log_threshold_ms),
	    .fallback = "200ms",
	    .least = "0",
	    .most = "24h",
	    .reloadable = true,
	    .text = "How long a statement must take to be logged there; a rule of a policy may say "
		    "otherwise. 0 logs every one." },
	{ .name = "slow_log.format",
	    .type = SETTING_ENUM,
	    .where = AT(slow_log_format),
	    .fallback = "jsonlog",
	    .words = only_jsonlog,
	    .reloadable = true,
	    .text = "The format of the slow log. There is one." },
	{ .name = "slow_log.plan",
	    .type = SETTING_BOOL,
	    .where = AT(slow_log_plan),
	    .fallback = "false",
	    .reloadable = true,
	    .text = "Put the plan into the line of a slow SELECT, INSERT, UPDATE, DELETE or MERGE: an idle "
		    "server of the same pool is asked by EXPLAIN for the generic plan of its text, never "
		    "by ANALYZE. Of each fingerprint one an hour; needs audit.text: normalized or raw." },
	{ .name = "slow_log.plans_per_hour",
	    .type = SETTING_INT,
	    .where = AT(slow_log_plans_per_hour),
	    .fallback = "12",
	    .least = "1",
	    .most = "3600",
	    .reloadable = true,
	    .text = "How many plans are taken in an hour at most, one at a time." },

	{ .name = "log.file",
	    .type = SETTING_PATH,
	    .where = AT(log_file),
	    .fallback = "stderr",
	    .least = "1",
	    .word = "stderr",
	    .reloadable = true,
	    .text = "The main log, in PgBouncer's format. stderr is standard error." },
	{ .name = "log.level",
	    .type = SETTING_ENUM,
	    .where = AT(log_level),
	    .fallback = "info",
	    .words = log_levels,
	    .reloadable = true,
	    .text = "How much is logged." },
	{ .name = "log.connections",
	    .type = SETTING_BOOL,
	    .where = AT(log_connections),
	    .fallback = "true",
	    .reloadable = true,
	    .text = "Log each log-in and each disconnection of a client." },
	{ .name = "log.stats",
	    .type = SETTING_BOOL,
	    .where = AT(log_stats),
	    .fallback = "true",
	    .reloadable = true,
	    .text = "Log each minute how much was done, in a line `stats:` as PgBouncer's log_stats." },

	{ .name = "console.admins",
	    .type = SETTING_LIST,
	    .where = AT(console_admins),
	    .fallback = "postgres",
	    .reloadable = true,
	    .text = "The users who may give every command of the admin console. They log in as "
		    "any user does, to the database pgweir or pgbouncer." },
	{ .name = "console.viewers",
	    .type = SETTING_LIST,
	    .where = AT(console_viewers),
	    .fallback = "",
	    .reloadable = true,
	    .text = "The users who may use SHOW in the admin console." },
	{ .name = "console.auditors",
	    .type = SETTING_LIST,
	    .where = AT(console_auditors),
	    .fallback = "",
	    .reloadable = true,
	    .text = "The users who may use SHOW in the admin console, also for what concerns "
		    "policies and the access log." },

	{ .name = "siblings.folder",
	    .type = SETTING_PATH,
	    .where = AT(siblings_folder),
	    .fallback = "",
	    .text = "The folder in which the processes of this machine meet that listen on the "
		    "same addresses, as in a rolling restart. It belongs to the user that pgweir "
		    "runs as, with mode 0700. Cancel requests find their process through it, and "
		    "the secret of cancel keys is in it (cancel_secret, made when it is not "
		    "there; with a second line, keys of both are good). Empty: an address that "
		    "another process listens on is refused." },
	{ .name = "http.listen",
	    .type = SETTING_TEXT,
	    .where = AT(http_listen),
	    .fallback = "",
	    .text = "Address and port, such as 127.0.0.1:9132, [::1]:9132 or *:9132, that answer "
		    "/metrics (for Prometheus), /healthz and /readyz. Empty is none. Any other "
		    "than a loopback address needs http.token." },
	{ .name = "http.token",
	    .type = SETTING_SECRET,
	    .where = AT(http_token),
	    .fallback = "",
	    .most = "2047", /* SECRET_BYTES_MOST */
	    .reloadable = true,
	    .text = "What a scraper sends as `Authorization: Bearer TOKEN`, best of 16 bytes or more. "
		    "/healthz and /readyz tell no more than good or bad without it. Empty asks for none." },
};
const size_t settings_count = COUNT(settings);

static const struct setting listen_fields[] = {
	{ .name = "host",
	    .type = SETTING_TEXT,
	    .where = offsetof(struct listen_config, host),
	    .least = "1",
	    .most = "255",
	    .text = "The address to listen on. \"*\" is every address of the machine." },
	{ .name = "unix_dir",
	    .type = SETTING_PATH,
	    .where = offsetof(struct listen_config, unix_dir),
	    .least = "1",
	    .most = "90", /* with /.s.PGSQL.65535 it must fit a socket's address */
	    .text = "Instead of host: the folder in which the unix socket is made." },
	{ .name = "port",
	    .type = SETTING_SMALL,
	    .where = offsetof(struct listen_config, port),
	    .fallback = "6432",
	    .least = "1",
	    .most = "65535",
	    .text = "The port, which a unix socket bears in its name." },
	{ .name = "mode",
	    .type = SETTING_MODE,
	    .where = offsetof(struct listen_config, mode),
	    .fallback = "0777",
	    .text = "The permissions of the unix socket." },
};

static const struct setting database_fields[] = {
	{ .name = "host",
	    .type = SETTING_LIST,
	    .where = offsetof(struct database_config, hosts),
	    .fallback = "/run/postgresql",
	    .least = "1",
	    .text = "The host name or address of PostgreSQL, or the folder of its unix socket. "
		    "Of a list load_balance_hosts and target_session_attrs say which is taken; one "
		    "that does not answer is left alone for a while, longer each time." },
	{ .name = "port",
	    .type = SETTING_SMALL,
	    .where = offsetof(struct database_config, port),
	    .fallback = "5432",
	    .least = "1",
	    .most = "65535",
	    .text = "The port of PostgreSQL." },
	{ .name = "load_balance_hosts",
	    .type = SETTING_ENUM,
	    .where = offsetof(struct database_config, load_balance),
	    .fallback = "round-robin",
	    .words = load_balances,
	    .text = "Which of several hosts a new server connection goes to: the next one each time "
		    "(round-robin), or the same one until it cannot be reached (disable). Addresses of a "
		    "name count as hosts." },
	{ .name = "target_session_attrs",
	    .type = SETTING_ENUM,
	    .where = offsetof(struct database_config, session_attrs),
	    .fallback = "any",
	    .words = session_attrs,
	    .text = "What a host must be for its server connections to be used, in libpq's words: any, a "
		    "primary, a standby, read-write (a primary on which default_transaction_read_only is "
		    "off), read-only (a standby, or that is on), or prefer-standby: a primary only where "
		    "there is no standby. When a host becomes another, its connections are replaced; while "
		    "there is none that fits, clients wait in line." },
	{ .name = "dbname",
	    .type = SETTING_TEXT,
	    .where = offsetof(struct database_config, dbname),
	    .least = "1",
	    .most = "63",
	    .text = "The name of the database in PostgreSQL, if it is not the name that clients "
		    "use." },
	{ .name = "connect_query",
	    .type = SETTING_TEXT,
	    .where = offsetof(struct database_config, connect_query),
	    .least = "1",
	    .most = "16384",
	    .text = "Statements to run on each new server connection before a client gets it. "
		    "If they fail, connecting has failed. What they SET is every client's; they "
		    "run again whenever DISCARD ALL has made a connection new." },
	{ .name = "auth_database",
	    .type = SETTING_TEXT,
	    .where = offsetof(struct database_config, auth_database),
	    .least = "1",
	    .most = "63",
	    .text = "auth.query_database for those who log in to this database." },
	{ .name = "pool_size",
	    .type = SETTING_SMALL,
	    .where = offsetof(struct database_config, pool_size),
	    .least = "1",
	    .most = "100000",
	    .inherits = "pool.size",
	    .text = "pool.size for this database." },
	{ .name = "min",
	    .type = SETTING_SMALL,
	    .where = offsetof(struct database_config, min),
	    .least = "0",
	    .most = "100000",
	    .inherits = "pool.min",
	    .text = "pool.min for this database." },
	{ .name = "reserve",
	    .type = SETTING_SMALL,
	    .where = offsetof(struct database_config, reserve),
	    .least = "0",
	    .most = "100000",
	    .inherits = "pool.reserve",
	    .text = "pool.reserve for this database." },
	{ .name = "pool_mode",
	    .type = SETTING_ENUM,
	    .where = offsetof(struct database_config, pool_mode),
	    .words = pool_modes,
	    .inherits = "pool.mode",
	    .text = "pool.mode for this database." },
	{ .name = "max_connections",
	    .type = SETTING_SMALL,
	    .where = offsetof(struct database_config, max_connections),
	    .least = "0",
	    .most = "100000",
	    .inherits = "pool.max_per_database",
	    .text = "pool.max_per_database for this database." },
};

static const struct setting user_fields[] = {
	{ .name = "password",
	    .type = SETTING_SECRET,
	    .where = offsetof(struct user_config, password),
	    .least = "1",
	    .most = "2047", /* SECRET_BYTES_MOST */
	    .text = "What the user proves to know: a password, or what PostgreSQL stores of it "
		    "in pg_authid (md5... or SCRAM-SHA-256$...). Without it the userlist is "
		    "asked." },
	{ .name = "role",
	    .type = SETTING_TEXT,
	    .where = offsetof(struct user_config, role),
	    .least = "1",
	    .most = "63",
	    .text = "The role as which the user reaches PostgreSQL, if it is not the role of "
		    "the same name." },
	{ .name = "pool_mode",
	    .type = SETTING_ENUM,
	    .where = offsetof(struct user_config, pool_mode),
	    .words = pool_modes,
	    .inherits = "pool.mode",
	    .text = "pool.mode for this user; it wins over the database's." },
	{ .name = "max_connections",
	    .type = SETTING_SMALL,
	    .where = offsetof(struct user_config, max_connections),
	    .least = "0",
	    .most = "100000",
	    .inherits = "pool.max_per_user",
	    .text = "pool.max_per_user for this user." },
};

static const struct setting role_fields[] = {
	{ .name = "password",
	    .type = SETTING_SECRET,
	    .where = offsetof(struct role_config, password),
	    .least = "1",
	    .most = "2047", /* SECRET_BYTES_MOST */
	    .text = "The password with which pgweir logs in to PostgreSQL as this role." },
};

const struct part parts[] = {
	{ .name = "listen",
	    .fields = listen_fields,
	    .field_count = COUNT(listen_fields),
	    .entry_size = sizeof(struct listen_config),
	    .array_where = AT(listens),
	    .count_where = AT(listen_count),
	    .name_where = NOWHERE,
	    .line_where = NOWHERE,
	    .text = "Where clients connect: a list of addresses and of folders for unix "
		    "sockets. Without it pgweir listens on 127.0.0.1, port 6432.",
	    .sample = "listen:\n"
		      "  - {host: 127.0.0.1, port: 6432}\n"
		      "#  - {unix_dir: /run/pgweir, port: 6432, mode: \"0770\"}\n" },
	{ .name = "databases",
	    .fields = database_fields,
	    .field_count = COUNT(database_fields),
	    .entry_size = sizeof(struct database_config),
	    .array_where = AT(databases),
	    .count_where = AT(database_count),
	    .name_where = offsetof(struct database_config, name),
	    .line_where = offsetof(struct database_config, line),
	    .reloadable = true,
	    .key_text = "The name that clients use. \"*\" stands for any other name, which is "
			"passed on as it is.",
	    .text = "The databases that clients may connect to, and where they are.",
	    .sample = "databases:\n"
		      "  \"*\": {host: /run/postgresql}\n"
		      "#  shop: {host: 127.0.0.1, port: 5432, dbname: shop, pool_size: 20}\n" },
	{ .name = "users",
	    .fields = user_fields,
	    .field_count = COUNT(user_fields),
	    .entry_size = sizeof(struct user_config),
	    .array_where = AT(users),
	    .count_where = AT(user_count),
	    .name_where = offsetof(struct user_config, name),
	    .line_where = offsetof(struct user_config, line),
	    .reloadable = true,
	    .key_text = "The name with which the client logs in.",
	    .text = "Who may log in, and as whom they reach PostgreSQL.",
	    .sample = "users:\n"
		      "#  orders-svc: {password: \"${file:/run/secrets/orders}\", role: app_rw}\n" },
	{ .name = "roles",
	    .fields = role_fields,
	    .field_count = COUNT(role_fields),
	    .entry_size = sizeof(struct role_config),
	    .array_where = AT(roles),
	    .count_where = AT(role_count),
	    .name_where = offsetof(struct role_config, name),
	    .line_where = offsetof(struct role_config, line),
	    .reloadable = true,
	    .key_text = "The name of the role in PostgreSQL.",
	    .text = "With what pgweir logs in to PostgreSQL. A role that is not named here uses "
		    "the secret of the user of the same name: the keys of the user's own SCRAM "
		    "log-in, or the stored password.",
	    .sample = "roles:\n"
		      "#  app_rw: {password: \"${env:APP_RW_PASSWORD}\"}\n" },
};
const size_t parts_count = COUNT(parts);

const char include_text[] =
    "Further files, such as conf.d/*.yaml (one pattern or a list), read in the order of their "
    "names and merged into this one. A setting may stand in one place only. An included file "
    "includes no others.";

/* What the contract promises and this version does not do yet. */
static const char *const unsupported[] = { "console.compat" };

const struct setting *
setting_find(const char *name)
{
	for (size_t i = 0; i < settings_count; i++)
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	return NULL;
}

const struct part *
part_find(const char *name)
{
	for (size_t i = 0; i < parts_count; i++)
		if (strcmp(parts[i].name, name) == 0)
			return &parts[i];
	return NULL;
}

bool
setting_is_unsupported(const char *name)
{
	for (size_t i = 0; i < COUNT(unsupported); i++)
		if (strcmp(unsupported[i], name) == 0)
			return true;
	return false;
}

bool
setting_is_group(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < settings_count; i++)
		if (strncmp(settings[i].name, name, length) == 0 &&
		    settings[i].name[length] == '.')
			return true;
	return false;
}

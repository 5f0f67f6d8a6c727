/*
 * config.h - one reading of pgweir.yaml, which never changes afterwards.
 *
 * A reload makes a new one; workers swap pointers by message. Shared by all
 * threads, counted. Durations are milliseconds, 0 is "no limit" where the
 * setting's text says so; sizes are bytes.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/problems.h"

enum pool_mode { POOL_MODE_SESSION, POOL_MODE_TRANSACTION, POOL_MODE_STATEMENT };
enum auth_method {
	AUTH_METHOD_TRUST,
	AUTH_METHOD_PASSWORD,
	AUTH_METHOD_MD5,
	AUTH_METHOD_SCRAM,
	AUTH_METHOD_PAM,
};
enum audit_statements { AUDIT_ALL, AUDIT_WRITE, AUDIT_DENIED, AUDIT_NONE };
enum audit_text { AUDIT_TEXT_NORMALIZED, AUDIT_TEXT_RAW, AUDIT_TEXT_NONE, AUDIT_TEXT_HMAC };
enum audit_sync { AUDIT_SYNC_NONE, AUDIT_SYNC_INTERVAL, AUDIT_SYNC_EACH };
enum audit_on_failure { AUDIT_CONTINUE, AUDIT_REFUSE };
enum backend_reset {
	BACKEND_RESET_AUTO,
	BACKEND_RESET_ALWAYS,
	BACKEND_RESET_NEVER,
	BACKEND_RESET_CLOSE,
};

/* Of tls.client.mode and tls.server.mode: the words of PostgreSQL and PgBouncer. */
enum tls_mode {
	TLS_MODE_DISABLE,
	TLS_MODE_ALLOW,
	TLS_MODE_PREFER,
	TLS_MODE_REQUIRE,
	TLS_MODE_VERIFY_CA,
	TLS_MODE_VERIFY_FULL,
};
enum tls_version { TLS_VERSION_1_2, TLS_VERSION_1_3 };

/* Of databases: which of several hosts a new connection goes to. */
enum load_balance { LOAD_BALANCE_ROUND_ROBIN, LOAD_BALANCE_DISABLE };
/* And what a host must be: the words of libpq. */
enum session_attrs {
	SESSION_ATTRS_ANY,
	SESSION_ATTRS_PRIMARY,
	SESSION_ATTRS_STANDBY,
	SESSION_ATTRS_READ_WRITE,
	SESSION_ATTRS_READ_ONLY,
	SESSION_ATTRS_PREFER_STANDBY,
	SESSION_ATTRS, /* so many */
};

enum event_loop { EVENT_LOOP_AUTO, EVENT_LOOP_LIBEVENT, EVENT_LOOP_IO_URING };

enum { CONFIG_INHERIT = -1 }; /* a database's or user's value that follows the global one */

/* Where to listen: TCP when host is set, else a socket in unix_dir. */
struct listen_config {
	char *host;	/* NULL for a unix socket */
	char *unix_dir; /* NULL for TCP */
	int port;
	int mode; /* of the unix socket's file */
};

struct database_config {
	char *name;   /* "*" stands for any other name */
	char **hosts; /* host names, addresses, or folders of unix sockets (leading '/') */
	size_t host_count;
	int port;
	int load_balance;  /* enum load_balance */
	int session_attrs; /* enum session_attrs */
	char *dbname; /* name on the server; NULL: the name that the client gave */
	char *connect_query; /* run on each new server connection; NULL: none */
	char *auth_database; /* where auth.query is asked; NULL: see auth.query_database */
	int pool_size, min, reserve; /* or CONFIG_INHERIT */
	int pool_mode;		     /* enum pool_mode or CONFIG_INHERIT */
	int max_connections;	     /* or CONFIG_INHERIT for pool.max_per_database */
	int line;		     /* in the file, for messages */
};

struct user_config {
	char *name;
	char *password; /* clear, "md5…" or "SCRAM-SHA-256$…"; NULL: see userlist */
	char *role;	/* PostgreSQL role; NULL: the same name */
	int pool_mode;	/* enum pool_mode or CONFIG_INHERIT */
	int max_connections; /* server connections, or CONFIG_INHERIT for pool.max_per_user */
	int line;
};

struct role_config {
	char *name;
	char *password; /* clear, or "SCRAM-SHA-256$…" keys cannot log in: clear or md5 */
	int line;
};

/* One side of TLS. Files and ciphers are "" for none. */
struct tls_config {
	int mode;	 /* enum tls_mode */
	int min_version; /* enum tls_version */
	char *cert, *key, *ca; /* files in PEM */
	char *ciphers, *tls13_ciphers;
};

/* Where a setting stands, for faults that show only after the files were read. */
struct config_place {
	const char *setting; /* "tls.client.key" */
	char *file;
	int line, col;
};

struct config {
	atomic_int references;
	struct config_place *places; /* of each setting that stands in a file */
	size_t place_count;
	char *path; /* of pgweir.yaml; other paths are relative to its folder, made absolute */
	struct listen_config *listens;
	size_t listen_count;
	struct database_config *databases;
	size_t database_count;
	struct user_config *users;
	size_t user_count;
	struct role_config *roles;
	size_t role_count;

	int64_t workers; /* 0 = auto */
	int event_loop;	 /* enum event_loop */

	int auth_method;     /* enum auth_method */
	char *auth_userlist; /* path or "" */
	char *auth_hba, *auth_ident; /* path or "" */
	char *auth_query, *auth_query_user, *auth_query_database; /* "" for none */
	char *auth_pam_service;
	int64_t auth_pam_threads, auth_pam_queue;

	int pool_mode; /* enum pool_mode */
	int64_t pool_size, pool_min, pool_reserve, pool_reserve_after_ms;
	int64_t pool_max_per_database, pool_max_per_user;
	int64_t pool_wait_timeout_ms, pool_wait_notice_ms;

	int64_t limits_clients, limits_clients_per_database, limits_clients_per_user,
	    limits_clients_per_address, limits_message_size, limits_unauthenticated_clients;

	int64_t timeouts_login_ms, timeouts_statement_ms, timeouts_transaction_ms,
	    timeouts_idle_in_transaction_ms, timeouts_client_idle_ms, timeouts_cancel_ms,
	    timeouts_shutdown_ms, timeouts_suspend_ms;

	int64_t backend_connect_timeout_ms, backend_connect_retry_ms, backend_max_age_ms,
	    backend_idle_timeout_ms, backend_check_after_ms;
	int64_t backend_dns_ttl_ms, backend_role_check_ms, backend_tcp_user_timeout_ms;
	int backend_reset; /* enum backend_reset */
	char *backend_check_query; /* "" for a Sync */

	int64_t tcp_keepalive_idle_ms, tcp_keepalive_interval_ms, tcp_keepalive_count,
	    tcp_client_user_timeout_ms;

	int64_t protocol_audit_sample;
	int64_t protocol_max_prepared_statements, protocol_pin_timeout_ms;
	int64_t protocol_pin_budget; /* percent of a pool's size */
	bool protocol_pin_notice;
	bool protocol_strict; /* what cannot be kept is refused; else: a pin, or a WARNING */

	struct tls_config tls_client, tls_server;

	char *policies; /* a glob, absolute; "" for none */
	char *policies_trust; /* "" for none */
	bool policies_watch;

	char *catalog_user; /* "" for none: catalogs are not read */
	int64_t catalog_refresh_ms, catalog_timeout_ms;
	int64_t catalog_size, catalog_databases;

	char *audit_file;     /* "" for none */
	int audit_statements; /* enum audit_statements */
	int audit_text;	      /* enum audit_text */
	int audit_sync;	      /* enum audit_sync */
	int64_t audit_sync_every_ms;
	int64_t audit_rotate_size, audit_rotate_every_ms, audit_keep_ms;
	bool audit_compress;
	char *audit_mac_key, *audit_sign_key; /* "" for none */
	char *audit_text_key; /* of audit.text: hmac; "" for none */
	char *audit_group;    /* of the files; "" for the process's own */
	int audit_on_failure; /* enum audit_on_failure */

	char *slow_log_file; /* "" for none */
	int64_t slow_log_threshold_ms;
	bool slow_log_plan;
	int64_t slow_log_plans_per_hour;
	int slow_log_format; /* 0, jsonlog: there is no other */

	char *log_file;
	int log_level; /* enum log_level */
	bool log_connections, log_stats;

	char **console_admins, **console_viewers, **console_auditors; /* NULL-terminated */

	char *siblings_folder; /* path or "" */
	char *http_listen; /* "address:port", "" for none */
	char *http_token;  /* NULL or "" for none */

	char *instance; /* this process's name in the records */
};

/*
 * Read and check a file. NULL when *problems has an error. The caller has one
 * reference.
 */
struct config *config_load(const char *path, struct problems *problems);
/* The same from a text; `path` names it and roots relative paths. */
struct config *config_parse(
    const char *path, const char *text, size_t length, struct problems *problems);
struct config *config_reference(struct config *config);
/* Give a reference back; the last one frees. */
void config_release(struct config *config);

/* The entry for a database name, else the one for "*", else NULL. */
const struct database_config *config_database(const struct config *config, const char *name);
/* The entry for a user, or NULL. */
const struct user_config *config_user(const struct config *config, const char *name);
const struct role_config *config_role(const struct config *config, const char *name);
/* Where a setting stands; NULL: nowhere, it is the default. */
const struct config_place *config_place(const struct config *config, const char *setting);
/* Can it be the name of a service of PAM: of a file, without the folder? */
bool config_is_pam_service(const char *name);
/* The mode that applies to this user on this database: user over database over global. */
enum pool_mode config_pool_mode(const struct config *config,
    const struct database_config *database, const struct user_config *user);
const char *config_pool_mode_name(enum pool_mode mode);
const char *config_load_balance_name(enum load_balance how);
const char *config_session_attrs_name(enum session_attrs attrs);

/* One row of SHOW CONFIG or -T: values as text, secrets as "***". */
struct config_row {
	const char *key;      /* "pool.size" */
	char value[512];
	const char *fallback; /* the default, as text */
	bool changeable;      /* by a reload */
};

/* How many scalar settings there are, and the i-th of them. */
size_t config_row_count(void);
void config_row(const struct config *config, size_t i, struct config_row *row);

/*
 * Append the names of what differs, "pool.size, users": all of it, or only what
 * a reload cannot change and so waits for a restart. Entries of databases, users
 * and roles count as one. False: nothing differs.
 */
bool config_differences(const struct config *old, const struct config *fresh,
    bool restart_only, struct buf *names);

/* The effective configuration as YAML, secrets masked: pgweir -T. */
void config_print(const struct config *config, struct buf *out);
/* etc/pgweir.yaml: every setting with its text and default, from the table. */
void config_print_sample(struct buf *out);
/* The man page pgweir.yaml(5) as mdoc/man source, from the table. */
void config_print_manual(struct buf *out);

#endif

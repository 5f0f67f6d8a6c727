/* import_special.c - the keys of PgBouncer that take more than a row of import_keys.c. */
#include <arpa/inet.h>
#include <string.h>

#include "import.h"
#include "base/mem.h"
#include "base/text.h"

enum { PORT_MOST = 65535 };

static void
changed(struct import *import, const struct ini_entry *entry, const char *key,
    const char *setting, const char *why)
{
	import_note(import, entry, key, FATE_CHANGED, setting, why);
}

static void
dropped(struct import *import, const struct ini_entry *entry, const char *key,
    const char *why)
{
	import_note(import, entry, key, FATE_DROPPED, NULL, why);
}

/* --- where it listens ------------------------------------------------------------ */

static int64_t
listen_port(const struct import *import)
{
	int64_t port;

	return text_to_int(import_said(import, "listen_port", "6432"), &port) &&
		       port > 0 && port <= PORT_MOST
		   ? port
		   : 6432;
}

static void
add_listen(struct import *import, const struct ini_entry *entry, const char *field,
    const char *where)
{
	const char *mode = import_said(import, "unix_socket_mode", "");

	import_set_field(import, "listen", where, field, json_string(where), entry);
	import_set_field(
	    import, "listen", where, "port", json_integer(listen_port(import)), entry);
	if (strcmp(field, "unix_dir") == 0 && mode[0] != '\0')
		import_set_field(
		    import, "listen", where, "mode", json_string(mode), entry);
}

static void
add_address(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *host)
{
	uint8_t address[16];

	if (strcmp(host, "*") == 0 || inet_pton(AF_INET, host, address) == 1 ||
	    inet_pton(AF_INET6, host, address) == 1) {
		add_listen(import, entry, "host", host);
		import_note(import, entry, key->key, FATE_MAPPED, "listen", NULL);
	} else if (strcmp(host, "localhost") == 0) {
		add_listen(import, entry, "host", "127.0.0.1");
		changed(import, entry, key->key, "listen",
		    "127.0.0.1, and not ::1 beside it");
	} else {
		dropped(import, entry, key->key,
		    "pgweir listens on addresses, not on names: write its address into "
		    "listen");
	}
}

void
import_listen_addr(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	json_t *hosts = import_list(value);
	json_t *host;
	size_t i;

	json_array_foreach(hosts, i, host)
	    add_address(import, key, entry, json_string_value(host));
	json_decref(hosts);
}

void
import_unix_dir(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	if (value[0] == '@') {
		dropped(import, entry, key->key,
		    "there are no abstract sockets: name a folder in listen");
		return;
	}
	if (value[0] == '\0') {
		import_note(
		    import, entry, key->key, FATE_MAPPED, "listen", "no unix socket");
		return;
	}
	add_listen(import, entry, "unix_dir", value);
	changed(import, entry, key->key, "listen",
	    "only where clients connect; a database without host gets it written out");
}

void
import_listen_part(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	int64_t port;

	if (strcmp(key->key, "listen_port") == 0 &&
	    (!text_to_int(value, &port) || port < 1 || port > PORT_MOST))
		import_fault(import, entry, key->key, "a port is from 1 to 65535");
	else
		import_note(import, entry, key->key, FATE_MAPPED, "listen", NULL);
}

/* --- who may log in ---------------------------------------------------------------- */

void
import_auth_type(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	static const struct {
		const char *type, *method; /* NULL: as it is by default */
		enum import_fate fate;
		const char *note;
	} types[] = {
		{ "md5", "md5", FATE_MAPPED, NULL },
		{ "scram-sha-256", "scram-sha-256", FATE_MAPPED, NULL },
		{ "plain", "password", FATE_MAPPED, NULL },
		{ "trust", "trust", FATE_MAPPED, NULL },
		{ "any", "trust", FATE_CHANGED,
		    "the user's name must be known, and counts" },
		{ "hba", NULL, FATE_MAPPED, "the lines of auth.hba decide" },
		{ "cert", NULL, FATE_CHANGED,
		    "write a file for auth.hba with the line: hostssl all all all cert" },
		{ "pam", "pam", FATE_CHANGED,
		    "servers are logged in to with what roles or the userlist say, not with "
		    "the password that PAM has checked" },
		{ "ldap", NULL, FATE_DROPPED,
		    "there is no LDAP but by PAM: take auth.method pam, with a module that asks "
		    "the directory" },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(types[i].type, value) != 0)
			continue;
		if (types[i].method != NULL)
			import_set(
			    import, "auth.method", json_string(types[i].method), entry);
		if (strcmp(value, "pam") == 0)
			import_set(import, "auth.pam_service", json_string("pgbouncer"), entry);
		import_note(import, entry, key->key, types[i].fate,
		    types[i].fate == FATE_DROPPED ? NULL
		    : types[i].method != NULL     ? "auth.method"
						  : "auth.hba",
		    types[i].note);
		return;
	}
	import_fault(import, entry, key->key,
	    "PgBouncer knows md5, scram-sha-256, plain, trust, any, hba, cert, pam and "
	    "ldap");
}

void
import_auth_hba(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	if (strcmp(import_said(import, "auth_type", "md5"), "hba") != 0) {
		dropped(import, entry, key->key,
		    "PgBouncer does not read it where auth_type is not hba");
		return;
	}
	import_set(import, "auth.hba", json_string(value), entry);
	changed(import, entry, key->key, "auth.hba",
	    "what pgweir does not know in it is a fault, not skipped: pgweir -t tells");
}

static void
set_query_user(struct import *import, const struct ini_entry *entry, const char *key,
    const char *user)
{
	import_set(import, "auth.query_user", json_string(user), entry);
	changed(import, entry, key, "auth.query_user",
	    "its password must stand in roles, or unhashed in the userlist");
}

void
import_auth_user(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	set_query_user(import, entry, key->key, value);
}

/* PgBouncer can have one for each database. The global one counts, else the first. */
void
import_database_auth_user(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	const struct import_item *item = import_item_find(import, "auth", "query_user");
	const char *one = import_said(
	    import, "auth_user", item != NULL ? json_string_value(item->value) : value);

	if (strcmp(one, value) != 0)
		dropped(import, entry, key->key, "there is one for all, auth.query_user");
	else
		set_query_user(import, entry, key->key, value);
}

void
import_auth_query(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	if (import_said(import, "auth_user", NULL) == NULL &&
	    import_item_find(import, "auth", "query_user") == NULL)
		dropped(import, entry, key->key, "nobody asks it without auth_user");
	else {
		import_set(import, key->setting, json_string(value), entry);
		if (strcmp(key->key, "auth_query") == 0)
			changed(import, entry, key->key, key->setting,
			    "search_path is pg_catalog: name a function with its schema");
		else
			import_note(
			    import, entry, key->key, FATE_MAPPED, key->setting, NULL);
	}
}

/* --- databases --------------------------------------------------------------------- */

/* What another pair of the same entry says, or NULL; the caller frees it. */
static char *
pair_of(const struct ini_entry *entry, const char *wanted)
{
	const char *at = entry->value, *why;
	char *name, *text, *found = NULL;

	while (ini_next_pair(&at, &name, &text, &why)) {
		if (strcmp(name, wanted) == 0) {
			mem_free(found);
			found = mem_strdup(text);
		}
		mem_free(name);
		mem_free_secret(text);
	}
	return found;
}

void
import_database_host(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	json_t *hosts = import_list(value);
	bool several = json_array_size(hosts) > 1;

	if (value[0] == '@')
		import_fault(import, entry, key->key,
		    "there are no abstract sockets: name a folder");
	else
		import_note(import, entry, key->key, FATE_MAPPED, "host", NULL);
	import_set_field(import, "databases", import->name, "host",
	    several ? json_incref(hosts) : json_string(value), entry);
	json_decref(hosts);
}

void
import_database_user(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	(void)value;
	changed(import, entry, key->key, "roles",
	    "pgweir maps users to roles, not databases: give each user of this database "
	    "this role in users");
}

/* The password is that of the user beside it. */
void
import_database_password(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	char *user = pair_of(entry, "user");

	if (user == NULL) {
		dropped(import, entry, key->key, "name the role that it is of, in roles");
	} else if (strncmp(value, "SCRAM-SHA-256$", 14) == 0 ||
		   strncmp(value, "${", 2) == 0) {
		dropped(import, entry, key->key,
		    "write the password itself into a file, and ${file:PATH} into roles");
	} else {
		import_set_field(
		    import, "roles", user, "password", json_string(value), entry);
		changed(import, entry, key->key, "roles",
		    "it is the role's in all databases; keep the file from others, or "
		    "write ${file:PATH}");
	}
	mem_free(user);
}

/* --- server connections ------------------------------------------------------------- */

/* 0 is one use there and no limit here. */
void
import_lifetime(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	if (strcmp(value, "0") != 0) {
		import_by_row(import, key, entry, value);
		return;
	}
	import_set(import, "backend.reset", json_string("close"), entry);
	import_note(import, entry, key->key, FATE_MAPPED, "backend.reset",
	    "close: no server connection is used twice");
}

void
import_prepared(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	if (strcmp(value, "0") != 0) {
		import_by_row(import, key, entry, value);
		return;
	}
	import_set(import, key->setting, json_integer(0), entry);
	changed(import, entry, key->key, key->setting,
	    "a statement with a name is refused in transaction mode (0A000), not passed "
	    "on");
}

/* 0 is no reserve there and a reserve at once here. */
void
import_reserve_timeout(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	if (strcmp(value, "0") != 0) {
		import_by_row(import, key, entry, value);
		return;
	}
	import_set(import, "pool.reserve", json_integer(0), entry);
	import_note(import, entry, key->key, FATE_MAPPED, "pool.reserve",
	    "0: there is no reserve");
}

static bool
closes(const struct import *import)
{
	return strcmp(import_said(import, "server_lifetime", ""), "0") == 0;
}

void
import_reset_query(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	if (value[0] == '\0' && !closes(import)) {
		if (!import_is_on(import, "server_reset_query_always"))
			import_set(import, key->setting, json_string("never"), entry);
		import_note(import, entry, key->key, FATE_MAPPED, key->setting, "never");
	} else {
		import_note(import, entry, key->key,
		    strcasecmp(value, "DISCARD ALL") == 0 ? FATE_MAPPED : FATE_CHANGED,
		    key->setting,
		    "DISCARD ALL after session mode, and whenever something was left "
		    "behind");
	}
}

void
import_reset_always(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	int flag = import_flag(value);

	if (flag < 0)
		import_fault(import, entry, key->key, "it is 0 or 1");
	else {
		if (flag == 1 && !closes(import))
			import_set(import, key->setting, json_string("always"), entry);
		import_note(import, entry, key->key, FATE_MAPPED, key->setting, NULL);
	}
}

void
import_check_query(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	if (value[0] == '\0') {
		import_set(import, "backend.check_after", json_string("365d"), entry);
		changed(import, entry, key->key, "backend.check_after",
		    "365d: a server connection is hardly ever asked");
	} else {
		import_set(import, key->setting, json_string(value), entry);
		import_note(import, entry, key->key, FATE_MAPPED, key->setting, NULL);
	}
}

/* --- TLS -----------------------------------------------------------------------------
 */

void
import_tls_mode(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	bool ours = strcmp(key->setting, "tls.client.mode") == 0 &&
		    strcmp(value, "verify-full") == 0;

	import_set(import, key->setting, json_string(ours ? "verify-ca" : value), entry);
	import_note(import, entry, key->key, ours ? FATE_CHANGED : FATE_MAPPED,
	    key->setting,
	    ours ? "verify-ca, as PgBouncer means it; verify-full here wants the user's "
		   "name in the certificate"
		 : NULL);
}

void
import_tls_protocols(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	bool newest = strcmp(value, "tlsv1.3") == 0;
	bool old = strcmp(value, "all") == 0 || strcmp(value, "legacy") == 0 ||
		   strstr(value, "tlsv1.0") != NULL || strstr(value, "tlsv1.1") != NULL;

	import_set(
	    import, key->setting, json_string(newest ? "TLSv1.3" : "TLSv1.2"), entry);
	import_note(import, entry, key->key, old ? FATE_CHANGED : FATE_MAPPED,
	    key->setting, old ? "nothing older than TLSv1.2 is spoken" : NULL);
}

void
import_tls_ciphers(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	static const char *const words[] = { "default", "secure", "compat", "legacy",
		"insecure", "all", "fast", "normal" };

	if (text_is_among(value, words, sizeof(words) / sizeof(words[0]))) {
		changed(import, entry, key->key, key->setting, "OpenSSL chooses");
		return;
	}
	import_set(import, key->setting, json_string(value), entry);
	import_note(import, entry, key->key, FATE_MAPPED, key->setting, NULL);
}

/* --- logs ----------------------------------------------------------------------------
 */

void
import_verbose(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	bool more = strcmp(value, "0") != 0;

	if (more)
		import_set(import, key->setting, json_string("debug"), entry);
	import_note(
	    import, entry, key->key, FATE_MAPPED, key->setting, more ? "debug" : NULL);
}

/* Two keys there, one here. */
void
import_log_connections(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	int in = import_flag(import_said(import, "log_connections", "1"));
	int out = import_flag(import_said(import, "log_disconnections", "1"));

	(void)value;
	if (in < 0 || out < 0) {
		import_fault(import, entry, key->key, "it is 0 or 1");
		return;
	}
	import_set(import, key->setting, json_boolean(in == 1 || out == 1), entry);
	import_note(import, entry, key->key, in == out ? FATE_MAPPED : FATE_CHANGED,
	    key->setting,
	    in == out ? NULL : "log-ins and disconnections are logged both, or none");
}

/*
 * checks.c - what no single setting can know: the checks between settings.
 * Called by config.c once all files were read.
 */
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/mem.h"
#include "base/text.h"
#include "reading.h"
#include "settings.h"

enum { HTTP_TOKEN_LEAST = 16 };

/* Where an entry stands; the file itself when it came from no file. */
static const struct yaml *
place_of(const struct reading *reading, const char *part, const char *name)
{
	char *full = mem_printf("%s.%s", part, name);
	const struct yaml *place = reading_place(reading, full);

	mem_free(full);
	return place;
}

/* The place of an entry's field, or of the entry when the field was left out. */
static const struct yaml *
place_of_field(
    const struct reading *reading, const char *part, const char *name, const char *field)
{
	const struct yaml *entry = place_of(reading, part, name);
	const struct yaml *value = yaml_get(entry, field);

	return value != NULL ? value : entry;
}

static void
check_listen(
    const struct reading *reading, const struct yaml *at, const struct listen_config *one)
{
	const struct yaml *mode = yaml_get(at, "mode");

	if (one->host != NULL && one->unix_dir != NULL)
		yaml_problem(reading->problems, at,
		    "listen: one entry has both host and unix_dir: make two entries of it");
	else if (at->kind == YAML_MAP && yaml_get(at, "host") == NULL &&
	    yaml_get(at, "unix_dir") == NULL)
		yaml_problem(reading->problems, at,
		    "listen: an entry needs a host or a unix_dir, such as {host: 127.0.0.1}");
	else if (one->host != NULL && mode != NULL)
		yaml_problem(
		    reading->problems, mode, "listen.mode: only a unix_dir has permissions");
}

static bool
same_place(const struct listen_config *a, const struct listen_config *b)
{
	const char *one = a->host != NULL ? a->host : a->unix_dir;
	const char *other = b->host != NULL ? b->host : b->unix_dir;

	return a->port == b->port && one != NULL && other != NULL && strcmp(one, other) == 0;
}

static void
check_listens(const struct reading *reading)
{
	const struct config *config = reading->config;
	const struct yaml *list = reading_place(reading, "listen");

	for (size_t i = 0; list != NULL && i < config->listen_count; i++) {
		check_listen(reading, list->items[i], &config->listens[i]);
		for (size_t j = 0; j < i; j++)
			if (same_place(&config->listens[i], &config->listens[j])) {
				yaml_problem(reading->problems, list->items[i],
				    "listen: the same address and port are already at line %d",
				    list->items[j]->line);
				break;
			}
	}
}

/* A folder of unix sockets must leave room for the socket's name in its address. */
static void
check_hosts(const struct reading *reading, const struct database_config *database)
{
	size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof("/.s.PGSQL.65535");

	for (size_t i = 0; i < database->host_count; i++)
		if (database->hosts[i][0] == '/' && strlen(database->hosts[i]) > most)
			yaml_problem(reading->problems,
			    place_of_field(reading, "databases", database->name, "host"),
			    "databases.%s.host: the folder of a unix socket may have %zu bytes",
			    database->name, most);
}

static void
check_database(const struct reading *reading, const struct database_config *database)
{
	const struct config *config = reading->config;
	int64_t size = database->pool_size != CONFIG_INHERIT ? database->pool_size
							     : config->pool_size;
	int64_t min = database->min != CONFIG_INHERIT ? database->min : config->pool_min;
	bool own = database->pool_size != CONFIG_INHERIT || database->min != CONFIG_INHERIT;

	if (strcmp(database->name, "pgweir") == 0 || strcmp(database->name, "pgbouncer") == 0)
		yaml_problem(reading->problems, place_of(reading, "databases", database->name),
		    "databases.%s: this name is the admin console's: choose another and give "
		    "PostgreSQL's with dbname",
		    database->name);
	if (own && min > size)
		yaml_problem(reading->problems,
		    place_of_field(reading, "databases", database->name,
			database->min != CONFIG_INHERIT ? "min" : "pool_size"),
		    "databases.%s: its min, %lld, is more than its pool_size, %lld",
		    database->name, (long long)min, (long long)size);
	check_hosts(reading, database);
}

static void
check_databases(const struct reading *reading)
{
	const struct config *config = reading->config;

	/* After another fault this would be noise: a key misspelt is a part missing. */
	if (config->database_count == 0 && reading->problems->errors == 0)
		problems_add(reading->problems, reading->file, 1, 1,
		    "there are no databases: write where PostgreSQL is, such as "
		    "databases: {\"*\": {host: 127.0.0.1, port: 5432}}");
	for (size_t i = 0; i < config->database_count; i++)
		check_database(reading, &config->databases[i]);
}

static void
check_roles(const struct reading *reading)
{
	const struct config *config = reading->config;

	for (size_t i = 0; i < config->role_count; i++) {
		const struct role_config *role = &config->roles[i];

		if (role->password != NULL && strncmp(role->password, "SCRAM-SHA-256$", 14) == 0)
			yaml_problem(reading->problems,
			    place_of_field(reading, "roles", role->name, "password"),
			    "roles.%s.password: nobody can log in with what PostgreSQL stores of "
			    "a SCRAM password: give the password itself",
			    role->name);
	}
}

static void
check_pool(const struct reading *reading)
{
	const struct config *config = reading->config;
	const struct yaml *min = reading_place(reading, "pool.min");

	if (min != NULL && config->pool_min > config->pool_size)
		yaml_problem(reading->problems, min,
		    "pool.min: %lld is more than pool.size, %lld", (long long)config->pool_min,
		    (long long)config->pool_size);
}

/* Two writers in one file would spoil it for both; a device such as /dev/null takes both. */
static bool
shared_file(const char *path, const char *other)
{
	return path[0] != '\0' && strncmp(path, "/dev/", 5) != 0 && strcmp(path, other) == 0;
}

static void
check_files(const struct reading *reading)
{
	const struct config *config = reading->config;
	const struct {
		const char *name, *path;
	} files[] = {
		{ "audit.file", config->audit_file },
		{ "slow_log.file", config->slow_log_file },
		{ "log.file", config->log_file },
	};

	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < i; j++)
			if (shared_file(files[i].path, files[j].path))
				yaml_problem(reading->problems,
				    reading_place(reading, files[i].name),
				    "%s: %s writes to this file too: name another", files[i].name,
				    files[j].name);
}

/* Does this password stand in a file that everybody may read? Then warn, once. */
static bool
warn_exposed(const struct reading *reading, const char *part, const char *name)
{
	const struct yaml *password = yaml_get(place_of(reading, part, name), "password");
	struct stat st;

	if (password == NULL || password->kind != YAML_SCALAR ||
	    strncmp(password->text, "${", 2) == 0 ||
	    stat(password->file, &st) != 0 || (st.st_mode & S_IROTH) == 0)
		return false;
	problems_warn(reading->problems, password->file, password->line, password->col,
	    "every user of this machine may read this password (the file's mode is %04o): "
	    "chmod o= the file, or write ${file:PATH} instead",
	    (unsigned)(st.st_mode & 07777));
	return true;
}

static void
check_exposure(const struct reading *reading)
{
	const struct config *config = reading->config;

	for (size_t i = 0; i < config->user_count; i++)
		if (warn_exposed(reading, "users", config->users[i].name))
			return;
	for (size_t i = 0; i < config->role_count; i++)
		if (warn_exposed(reading, "roles", config->roles[i].name))
			return;
}

/* Who reads the numbers from elsewhere must show that they may. */
static void
check_http(const struct reading *reading)
{
	const struct config *config = reading->config;
	const char *token = config->http_token != NULL ? config->http_token : "";
	const struct yaml *at = reading_place(reading, "http.token");
	char host[64];
	int port;

	if (at != NULL && token[0] != '\0' && strlen(token) < HTTP_TOKEN_LEAST)
		problems_warn(reading->problems, at->file, at->line, at->col,
		    "http.token: a token of %zu bytes is easily guessed: take %d at least",
		    strlen(token), HTTP_TOKEN_LEAST);
	if (config->http_listen == NULL || config->http_listen[0] == '\0')
		return;
	if (!text_to_host_port(config->http_listen, host, sizeof(host), &port))
		yaml_problem(reading->problems, reading_place(reading, "http.listen"),
		    "http.listen: \"%.100s\" is not an address and a port, such as 127.0.0.1:9132 or "
		    "[::1]:9132", config->http_listen);
	else if (token[0] == '\0' && strncmp(host, "127.", 4) != 0 && strcmp(host, "::1") != 0)
		yaml_problem(reading->problems, reading_place(reading, "http.listen"),
		    "http.listen: %s can be reached from elsewhere: set http.token, or listen on "
		    "127.0.0.1", config->http_listen);
}

static void
check_audit(const struct reading *reading)
{
	const struct config *config = reading->config;

	if (config->audit_text == AUDIT_TEXT_HMAC &&
	    (config->audit_text_key == NULL || config->audit_text_key[0] == '\0'))
		yaml_problem(reading->problems, reading_place(reading, "audit.text"),
		    "audit.text: hmac needs a key: set audit.text_key, such as ${file:text.key}");
	if (config->slow_log_plan && config->audit_text != AUDIT_TEXT_NORMALIZED &&
	    config->audit_text != AUDIT_TEXT_RAW)
		yaml_problem(reading->problems, reading_place(reading, "slow_log.plan"),
		    "slow_log.plan: a plan shows what audit.text hides: set that to normalized or raw, or "
		    "take plan out");
}

/* Where users are asked about must be a database that is here. */
static void
check_asked(const struct reading *reading, const struct yaml *at, const char *setting, const char *name)
{
	if (name != NULL && name[0] != '\0' && config_database(reading->config, name) == NULL)
		yaml_problem(reading->problems, at,
		    "%s: there is no database \"%s\" in databases: that is where users are asked about",
		    setting, name);
}

/*
 * Whom a client wants to be is asked before it has proved anything: then it does not choose
 * the database that is connected to.
 */
static void
check_any_database(const struct reading *reading, const struct database_config *any)
{
	if (any->auth_database == NULL && reading->config->auth_query_database[0] == '\0')
		yaml_problem(reading->problems, place_of(reading, "databases", "*"),
		    "databases.*: where are users asked about who want a database that has no name "
		    "here? Set auth.query_database, or auth_database in this entry");
}

static void
check_query(const struct reading *reading)
{
	const struct config *config = reading->config;
	const struct yaml *query = reading_place(reading, "auth.query");
	const struct yaml *where = reading_place(reading, "auth.query_database");
	bool own = strcmp(config->auth_query, setting_find("auth.query")->fallback) != 0;

	if (config->auth_query_user[0] == '\0' && (own || config->auth_query_database[0] != '\0'))
		yaml_problem(reading->problems, own ? query : where,
		    "auth.query: nobody asks it: set auth.query_user, and its password in roles");
	check_asked(reading, where, "auth.query_database", config->auth_query_database);
	for (size_t i = 0; i < config->database_count; i++) {
		const struct database_config *database = &config->databases[i];

		check_asked(reading,
		    place_of_field(reading, "databases", database->name, "auth_database"),
		    "auth_database", database->auth_database);
		if (config->auth_query_user[0] != '\0' && strcmp(database->name, "*") == 0)
			check_any_database(reading, database);
	}
}

static void
tls_problem(const struct reading *reading, const char *side, const char *setting, const char *why)
{
	char *name = mem_printf("tls.%s.%s", side, setting);

	yaml_problem(reading->problems, reading_place(reading, name), "%s: %s", name, why);
	mem_free(name);
}

/* What a mode needs; the files themselves are read later, by security_load(). */
static void
check_tls(const struct reading *reading, const char *side, const struct tls_config *tls,
    bool needs_cert)
{
	bool has_cert = tls->cert[0] != '\0', has_key = tls->key[0] != '\0';

	if (has_cert && !has_key)
		tls_problem(reading, side, "cert", "a certificate needs its key: set key beside it");
	else if (has_key && !has_cert)
		tls_problem(reading, side, "key", "a key needs its certificate: set cert beside it");
	else if (needs_cert && tls->mode != TLS_MODE_DISABLE && !has_cert)
		tls_problem(reading, side, "mode", "TLS needs a certificate: set cert and key beside it");
	if (tls->mode >= TLS_MODE_VERIFY_CA && tls->ca[0] == '\0')
		tls_problem(reading, side, "mode",
		    "certificates are verified against authorities: set ca beside it");
}

static void
check_pam(const struct reading *reading)
{
	if (!config_is_pam_service(reading->config->auth_pam_service))
		yaml_problem(reading->problems, reading_place(reading, "auth.pam_service"),
		    "auth.pam_service: the name of a file of /etc/pam.d, without a slash");
}

void
checks_run(const struct reading *reading)
{
	check_listens(reading);
	check_databases(reading);
	check_roles(reading);
	check_pool(reading);
	check_files(reading);
	check_exposure(reading);
	check_http(reading);
	check_query(reading);
	check_pam(reading);
	check_audit(reading);
	check_tls(reading, "client", &reading->config->tls_client, true);
	check_tls(reading, "server", &reading->config->tls_server, false);
}

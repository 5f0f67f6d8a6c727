/*
 * live.c - pgweirctl check --live: connects to the databases of a configuration and tells
 * where a mapped role has more than it should have. What is asked is in live_questions.c.
 */
#include <libpq-fe.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "live.h"

enum { TEXT_ARRAY = 1009, CONNECT_SECONDS = 10 };

/* Something that was found. Owned by the list it is in. */
struct finding {
	struct finding *next;
	const struct live_question *question;
	char *server, *database, *role, *what, *sql;
};

/* A whole run. On the stack of live_check(). */
struct live {
	const struct live_options *options;
	const struct config *config;
	const struct users *users;
	const char *user;
	struct buf roles, owners; /* as arrays of text: {"a","b"} */
	struct finding *first, **end;
	size_t count, asked, failed;
	struct buf failures; /* as members of a JSON array */
};

/* ---- whom it is about ---- */

static void
put_name(struct buf *out, const char *name)
{
	buf_put_text(out, buf_length(out) == 0 ? "{\"" : ",\"");
	for (; *name != '\0'; name++) {
		if (*name == '"' || *name == '\\')
			buf_put_u8(out, '\\');
		buf_put_u8(out, (uint8_t)*name);
	}
	buf_put_u8(out, '"');
}

static void
take_role(void *arg, const char *role)
{
	put_name(arg, role);
}

/* The array's end; an empty one has no beginning yet. */
static void
end_names(struct buf *names)
{
	buf_put_cstring(names, buf_length(names) == 0 ? "{}" : "}");
}

static void
collect_roles(struct live *live)
{
	const char **asked = live->options->roles, **owners = live->options->owners;

	for (size_t i = 0; asked[i] != NULL; i++)
		put_name(&live->roles, asked[i]);
	if (asked[0] == NULL) {
		users_each_role(live->users, take_role, &live->roles);
		for (size_t i = 0; i < live->config->role_count; i++)
			put_name(&live->roles, live->config->roles[i].name);
	}
	for (size_t i = 0; owners[i] != NULL; i++)
		put_name(&live->owners, owners[i]);
	end_names(&live->roles);
	end_names(&live->owners);
}

/* ---- asking ---- */

/* An object of an array, with its first member. */
static void
begin_object(struct buf *out, bool is_first, const char *key, const char *text)
{
	buf_printf(out, "%s{\"%s\":", is_first ? "" : ",", key);
	json_put_string(out, text, strlen(text));
}

/* One line that says why a database could not be asked. */
static void
fail(struct live *live, const char *database, const char *server, const char *why)
{
	char *line = mem_strndup(why, strcspn(why, "\n"));

	fprintf(stderr, "pgweirctl check: database \"%s\" at %s: %s\n", database, server,
	    *line != '\0' ? line : "it failed");
	begin_object(&live->failures, buf_length(&live->failures) == 0, "database", database);
	json_put_member(&live->failures, "server", server);
	json_put_member(&live->failures, "error", line);
	buf_put_u8(&live->failures, '}');
	live->failed++;
	mem_free(line);
}

/* Roles and what is stored with them are the same in every database of a server. */
static bool
is_told(const struct live *live, const char *server, const char *sql)
{
	for (const struct finding *old = live->first; old != NULL; old = old->next)
		if (strcmp(old->server, server) == 0 && strcmp(old->sql, sql) == 0)
			return true;
	return false;
}

static void
note(struct live *live, const struct live_question *question, const char *database,
    const char *server, const PGresult *answer, int row)
{
	const char *sql = PQgetvalue(answer, row, 2);
	struct finding *finding;

	if (is_told(live, server, sql))
		return;
	finding = mem_zalloc(1, sizeof(*finding));
	*finding = (struct finding){ .question = question,
		.server = mem_strdup(server),
		.database = mem_strdup(database),
		.role = mem_strdup(PQgetvalue(answer, row, 0)),
		.what = mem_strdup(PQgetvalue(answer, row, 1)),
		.sql = mem_strdup(sql) };
	*live->end = finding;
	live->end = &finding->next;
	live->count++;
}

static bool
ask(struct live *live, PGconn *server, const struct live_question *question,
    const char *database, const char *label)
{
	const Oid types[] = { TEXT_ARRAY, TEXT_ARRAY };
	const char *const values[] = { (const char *)buf_bytes(&live->roles),
		(const char *)buf_bytes(&live->owners) };
	PGresult *answer;
	bool good;

	if (PQserverVersion(server) < question->least_version)
		return true;
	answer = PQexecParams(server, question->sql, 2, types, values, NULL, NULL, 0);
	good = PQresultStatus(answer) == PGRES_TUPLES_OK;
	for (int row = 0; good && row < PQntuples(answer); row++)
		note(live, question, database, label, answer, row);
	if (!good)
		fail(live, database, label, PQerrorMessage(server));
	PQclear(answer);
	return good;
}

static bool
run(PGconn *server, const char *sql)
{
	PGresult *answer = PQexec(server, sql);
	bool good = PQresultStatus(answer) == PGRES_COMMAND_OK;

	PQclear(answer);
	return good;
}

static void
ask_all(struct live *live, PGconn *server, const char *database)
{
	char *label = mem_printf("%s:%s", PQhost(server), PQport(server));

	live->asked++;
	/* All names with their schema, nothing written, nobody waited for. */
	if (!run(server, "SET search_path = ''; SET default_transaction_read_only = on; "
			 "SET statement_timeout = '1min'; SET lock_timeout = '2s'"))
		fail(live, database, label, PQerrorMessage(server));
	else
		for (size_t i = 0; i < live_question_count; i++)
			if (!ask(live, server, &live_questions[i], database, label))
				break;
	mem_free(label);
}

/* Of several hosts, the first that answers, as libpq tries them. */
static char *
hosts_of(const struct database_config *database)
{
	struct buf out = { 0 };

	for (size_t i = 0; i < database->host_count; i++)
		buf_printf(&out, "%s%s", i > 0 ? "," : "", database->hosts[i]);
	return buf_steal_text(&out);
}

static void
ignore_notice(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

static void
check_database(struct live *live, const struct database_config *database, const char *name)
{
	const char *secret = users_role_secret(live->users, live->user);
	char *hosts = hosts_of(database), *port = mem_printf("%d", database->port);
	char *patience = mem_printf("%d", CONNECT_SECONDS);
	/* What is NULL is left to libpq: PGPASSWORD, ~/.pgpass, PGSSLMODE. */
	const char *const names[] = { "host", "port", "dbname", "user", "password",
		"connect_timeout", "client_encoding", "fallback_application_name", NULL };
	const char *const values[] = { hosts, port,
		database->dbname != NULL ? database->dbname : name, live->user,
		secret != NULL && secret_kind(secret) == SECRET_CLEAR ? secret : NULL, patience, "UTF8",
		"pgweirctl check", NULL };
	PGconn *server = PQconnectdbParams(names, values, 0);

	if (PQstatus(server) == CONNECTION_OK) {
		PQsetNoticeProcessor(server, ignore_notice, NULL);
		ask_all(live, server, name);
	} else
		fail(live, name, hosts, PQerrorMessage(server));
	PQfinish(server);
	mem_free(patience);
	mem_free(port);
	mem_free(hosts);
}

/* Those that are named, or all that the configuration names but "*". */
static bool
check_databases(struct live *live)
{
	const char **asked = live->options->databases;
	const struct config *config = live->config;

	for (size_t i = 0; asked[i] != NULL; i++) {
		const struct database_config *database = config_database(config, asked[i]);

		if (database == NULL)
			fail(live, asked[i], "no server", "the configuration has no such database");
		else
			check_database(live, database, asked[i]);
	}
	for (size_t i = 0; asked[0] == NULL && i < config->database_count; i++)
		if (strcmp(config->databases[i].name, "*") != 0)
			check_database(live, &config->databases[i], config->databases[i].name);
	return live->asked + live->failed > 0;
}

/* ---- telling ---- */

static void
print_text(const struct live *live)
{
	for (const struct finding *one = live->first; one != NULL; one = one->next)
		printf("%s at %s: role \"%s\" %s [%s]\n    %s\n    %s;\n", one->database, one->server,
		    one->role, one->what, one->question->id, one->question->why, one->sql);
	if (live->count == 0 && live->failed == 0)
		printf("the roles of %zu database%s have no more than they should\n", live->asked,
		    live->asked == 1 ? "" : "s");
}

static void
print_json(const struct live *live)
{
	struct buf out = { 0 };

	buf_put_text(&out, "{\"findings\":[");
	for (const struct finding *one = live->first; one != NULL; one = one->next) {
		begin_object(&out, one == live->first, "check", one->question->id);
		json_put_member(&out, "database", one->database);
		json_put_member(&out, "server", one->server);
		json_put_member(&out, "role", one->role);
		json_put_member(&out, "what", one->what);
		json_put_member(&out, "why", one->question->why);
		json_put_member(&out, "sql", one->sql);
		buf_put_u8(&out, '}');
	}
	buf_put_text(&out, "],\"failures\":[");
	buf_put(&out, buf_bytes(&live->failures), buf_length(&live->failures));
	buf_put_text(&out, "]}\n");
	fwrite(buf_bytes(&out), 1, buf_length(&out), stdout);
	buf_free(&out);
}

static void
free_findings(struct live *live)
{
	while (live->first != NULL) {
		struct finding *one = live->first;

		live->first = one->next;
		mem_free(one->server);
		mem_free(one->database);
		mem_free(one->role);
		mem_free(one->what);
		mem_free(one->sql);
		mem_free(one);
	}
	buf_free(&live->roles);
	buf_free(&live->owners);
	buf_free(&live->failures);
}

enum ctl_exit
live_check(const struct live_options *options, const struct config *config,
    const struct users *users)
{
	struct live live = { .options = options,
		.config = config,
		.users = users,
		.user = options->user != NULL ? options->user : config->catalog_user };
	bool good;

	if (*live.user == '\0') {
		fprintf(stderr, "pgweirctl check: give --user, or set catalog.user: as whom to ask the databases\n");
		return CTL_USAGE;
	}
	live.end = &live.first;
	collect_roles(&live);
	good = check_databases(&live) && live.failed == 0 && live.count == 0;
	if (live.asked + live.failed == 0)
		fprintf(stderr, "pgweirctl check: the configuration names no database but \"*\": give --database\n");
	else if (options->json)
		print_json(&live);
	else
		print_text(&live);
	free_findings(&live);
	return good ? CTL_GOOD : CTL_NO;
}

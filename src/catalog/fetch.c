/* fetch.c - see fetch.h. What is asked is in queries.c. */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "catalog/fetch.h"
#include "queries.h"

enum {
	GRACE_MS = 5000, /* beyond the server's own limit, for the way */
};

/* One reading. On the stack of catalog_fetch(). */
struct fetch {
	const struct catalog_source *source;
	PGconn *server;
	uint64_t until_us; /* what is under way must be over by then; 0: whenever */
	size_t lines;
	bool (*take)(void *arg, const char *line, size_t length, struct error *err);
	void *arg;
};

/* ---- waiting ---- */

static void
allow(struct fetch *fetch, int64_t ms)
{
	fetch->until_us = ms > 0 ? clock_monotonic_us() + (uint64_t)ms * 1000 : 0;
}

/* Milliseconds for poll(); 0 when the time is over. */
static int
left_ms(const struct fetch *fetch)
{
	uint64_t now_us = clock_monotonic_us();

	if (fetch->until_us == 0)
		return -1;
	if (now_us >= fetch->until_us)
		return 0;
	return (int)((fetch->until_us - now_us) / 1000 + 1);
}

/* Until the server's socket is ready, in the time that is left. */
static bool
wait_for(const struct fetch *fetch, short events, struct error *err)
{
	struct pollfd fds[2] = { { .fd = PQsocket(fetch->server), .events = events },
		{ .fd = fetch->source->stop_fd, .events = POLLIN } };
	int ready;

	if (fds[0].fd < 0)
		return error_set(err, ERROR_IO, "the connection is gone");
	do {
		ready = poll(fds, 2, left_ms(fetch));
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return error_set(err, ERROR_IO, "cannot wait for it: %s", strerror(errno));
	if (fds[1].revents != 0)
		return error_set(err, ERROR_IO, "told to stop");
	return ready > 0 || error_set(err, ERROR_IO, "no answer in time");
}

/* What PostgreSQL or libpq says, without its line feeds. */
static bool
failed(const struct fetch *fetch, struct error *err)
{
	const char *text = PQerrorMessage(fetch->server);
	size_t length = strcspn(text, "\n");

	return error_set(err, ERROR_IO, "%.*s", (int)length, length > 0 ? text : "it failed");
}

/* ---- connecting ---- */

static bool
connected(struct fetch *fetch, struct error *err)
{
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (status != PGRES_POLLING_OK) {
		if (status == PGRES_POLLING_FAILED)
			return failed(fetch, err);
		if (!wait_for(fetch, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, err))
			return false;
		status = PQconnectPoll(fetch->server);
	}
	return true;
}

static bool
begin_connecting(struct fetch *fetch, struct error *err)
{
	const struct catalog_source *source = fetch->source;
	const char *const names[] = { "dbname", "host", "port", "user", "password", "sslmode",
		"sslrootcert", "sslcert", "sslkey", "gssencmode", "client_encoding", "fallback_application_name", NULL };
	const char *const values[] = { source->dbname, source->host, source->port, source->user,
		source->password, source->sslmode, source->sslrootcert, source->sslcert,
		source->sslkey, "disable", "UTF8", "pgweir catalog", NULL };
	const char *const own_names[] = { "dbname", "client_encoding",
		"fallback_application_name", NULL };
	const char *const own_values[] = { source->conninfo, "UTF8", "pgweir catalog", NULL };

	fetch->server = source->conninfo != NULL
	    ? PQconnectStartParams(own_names, own_values, 1)
	    : PQconnectStartParams(names, values, 0);
	if (fetch->server == NULL)
		return error_set(err, ERROR_IO, "out of memory");
	return PQstatus(fetch->server) != CONNECTION_BAD || failed(fetch, err);
}

static void
ignore_notice(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

/* ---- asking ---- */

static bool
take_rows(struct fetch *fetch, const PGresult *answer, struct error *err)
{
	for (int row = 0; row < PQntuples(answer); row++) {
		fetch->lines++;
		if (!fetch->take(fetch->arg, PQgetvalue(answer, row, 0),
			(size_t)PQgetlength(answer, row, 0), err))
			return false;
	}
	return true;
}

/* The next answer of a query; *answer is NULL behind the last one. */
static bool
next_answer(struct fetch *fetch, PGresult **answer, struct error *err)
{
	*answer = NULL;
	while (PQisBusy(fetch->server)) {
		if (!wait_for(fetch, POLLIN, err))
			return false;
		if (!PQconsumeInput(fetch->server))
			return failed(fetch, err);
	}
	*answer = PQgetResult(fetch->server);
	return true;
}

/* Run statements; what rows they have go to the taker, one by one as they come. */
static bool
run(struct fetch *fetch, const char *sql, struct error *err)
{
	PGresult *answer;
	bool good = true;

	if (fetch->source->timeout_ms > 0)
		allow(fetch, fetch->source->timeout_ms + GRACE_MS);
	else
		allow(fetch, 0);
	if (!PQsendQuery(fetch->server, sql))
		return failed(fetch, err);
	PQsetSingleRowMode(fetch->server);
	while (good && next_answer(fetch, &answer, err) && answer != NULL) {
		ExecStatusType status = PQresultStatus(answer);

		if (status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK)
			good = take_rows(fetch, answer, err);
		else if (status != PGRES_COMMAND_OK)
			good = failed(fetch, err);
		PQclear(answer);
	}
	return good && err->code == ERROR_NONE;
}

static bool
put_header(struct fetch *fetch, struct error *err)
{
	struct buf line = { 0 };
	bool good;

	buf_put_text(&line, "{\"catalog\":\"pgweir/v1\"");
	json_put_member(&line, "database", PQdb(fetch->server));
	json_put_member_int(&line, "server_version", PQserverVersion(fetch->server));
	json_put_member_int(&line, "read_us", (int64_t)clock_wall_us());
	buf_put_u8(&line, '}');
	good = fetch->take(
	    fetch->arg, (const char *)buf_bytes(&line), buf_length(&line), err);
	buf_free(&line);
	return good;
}

static bool
put_end(struct fetch *fetch, struct error *err)
{
	char line[64];
	int length = snprintf(line, sizeof(line), "{\"end\":%zu}", fetch->lines);

	return fetch->take(fetch->arg, line, (size_t)length, err);
}

static bool
read_all(struct fetch *fetch, struct error *err)
{
	int version = PQserverVersion(fetch->server);
	char *begin = catalog_query_begin(fetch->source->timeout_ms);
	char *relations = catalog_query_relations(version);
	bool good = put_header(fetch, err) && run(fetch, begin, err) &&
	    run(fetch, relations, err) && run(fetch, catalog_query_functions, err) &&
	    run(fetch, catalog_query_domains, err) && run(fetch, catalog_query_namespaces, err) &&
	    run(fetch, catalog_query_paths, err) && run(fetch, "COMMIT", err) &&
	    put_end(fetch, err);

	mem_free(begin);
	mem_free(relations);
	return good;
}

bool
catalog_fetch(const struct catalog_source *source,
    bool (*take)(void *arg, const char *line, size_t length, struct error *err), void *arg,
    struct error *err)
{
	struct fetch fetch = { .source = source, .take = take, .arg = arg };
	bool good;

	err->code = ERROR_NONE;
	allow(&fetch, source->connect_timeout_ms);
	good = begin_connecting(&fetch, err) && connected(&fetch, err);
	if (good) {
		PQsetNoticeProcessor(fetch.server, ignore_notice, NULL);
		good = read_all(&fetch, err);
	}
	PQfinish(fetch.server);
	return good;
}

/*
 * libpq_pipeline.c - what an application does with libpq's pipeline mode.
 *
 * Run by tests/integration/test_clients.py; the PG* variables say where to
 * connect. Prints "all fine", or what went wrong and ends with status 1.
 */
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void __attribute__((noreturn, format(printf, 1, 2)))
fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* The next result, which must have this status; the caller clears it. */
static PGresult *
expect(PGconn *conn, ExecStatusType status, const char *what)
{
	PGresult *result = PQgetResult(conn);

	if (result == NULL)
		fail("%s: no result", what);
	if (PQresultStatus(result) != status)
		fail("%s: %s: %s", what, PQresStatus(PQresultStatus(result)), PQerrorMessage(conn));
	return result;
}

static void
expect_end(PGconn *conn, const char *what)
{
	if (PQgetResult(conn) != NULL)
		fail("%s: a result too many", what);
}

static void
expect_number(PGconn *conn, int number, const char *what)
{
	PGresult *result = expect(conn, PGRES_TUPLES_OK, what);

	if (atoi(PQgetvalue(result, 0, 0)) != number)
		fail("%s: %s instead of %d", what, PQgetvalue(result, 0, 0), number);
	PQclear(result);
	expect_end(conn, what);
}

static void
expect_sync(PGconn *conn, const char *what)
{
	PQclear(expect(conn, PGRES_PIPELINE_SYNC, what));
}

static void
send_number(PGconn *conn, int number)
{
	char text[16];
	const char *values[1] = { text };

	snprintf(text, sizeof text, "%d", number);
	if (!PQsendQueryParams(conn, "SELECT $1::int", 1, NULL, values, NULL, NULL, 0))
		fail("send: %s", PQerrorMessage(conn));
}

static void
many_queries_before_one_sync(PGconn *conn)
{
	for (int i = 0; i < 500; i++)
		send_number(conn, i);
	PQpipelineSync(conn);
	for (int i = 0; i < 500; i++)
		expect_number(conn, i, "many");
	expect_sync(conn, "many");
}

static void
each_query_has_its_own_sync(PGconn *conn)
{
	for (int i = 0; i < 200; i++) {
		send_number(conn, i);
		PQpipelineSync(conn);
	}
	for (int i = 0; i < 200; i++) {
		expect_number(conn, i, "own sync");
		expect_sync(conn, "own sync");
	}
}

static void
an_error_skips_to_the_sync_and_no_further(PGconn *conn)
{
	send_number(conn, 1);
	PQsendQueryParams(conn, "SELECT 1/0", 0, NULL, NULL, NULL, NULL, 0);
	send_number(conn, 2);
	PQpipelineSync(conn);
	send_number(conn, 3);
	PQpipelineSync(conn);

	expect_number(conn, 1, "before the error");
	PQclear(expect(conn, PGRES_FATAL_ERROR, "the error"));
	expect_end(conn, "the error");
	PQclear(expect(conn, PGRES_PIPELINE_ABORTED, "after the error"));
	expect_end(conn, "after the error");
	expect_sync(conn, "sync of the error");
	expect_number(conn, 3, "after the sync");
	expect_sync(conn, "last sync");
}

static void
a_statement_is_prepared_and_run_in_one_pipeline(PGconn *conn)
{
	const char *values[1] = { "21" };

	PQsendPrepare(conn, "doubled", "SELECT $1::int * 2", 1, NULL);
	PQsendQueryPrepared(conn, "doubled", 1, values, NULL, NULL, 0);
	PQpipelineSync(conn);
	PQclear(expect(conn, PGRES_COMMAND_OK, "prepare"));
	expect_end(conn, "prepare");
	expect_number(conn, 42, "doubled");
	expect_sync(conn, "prepare and run");

	for (int i = 0; i < 50; i++) {
		PQsendQueryPrepared(conn, "doubled", 1, values, NULL, NULL, 0);
		PQpipelineSync(conn);
	}
	for (int i = 0; i < 50; i++) {
		expect_number(conn, 42, "again");
		expect_sync(conn, "again");
	}
}

static void
a_flush_brings_the_answer_before_the_sync(PGconn *conn)
{
	send_number(conn, 7);
	PQsendFlushRequest(conn);
	PQflush(conn);
	expect_number(conn, 7, "flushed");
	PQpipelineSync(conn);
	expect_sync(conn, "sync after flush");
}

static void
a_transaction_spans_syncs(PGconn *conn)
{
	const char *statements[] = { "BEGIN", "CREATE TEMP TABLE piped (a int) ON COMMIT DROP",
		"INSERT INTO piped VALUES (1), (2)", "COMMIT" };

	for (size_t i = 0; i < 4; i++) {
		PQsendQueryParams(conn, statements[i], 0, NULL, NULL, NULL, NULL, 0);
		PQpipelineSync(conn);
	}
	for (size_t i = 0; i < 4; i++) {
		PQclear(expect(conn, PGRES_COMMAND_OK, statements[i]));
		expect_end(conn, statements[i]);
		expect_sync(conn, statements[i]);
	}
}

int
main(void)
{
	PGconn *conn = PQconnectdb("");

	if (PQstatus(conn) != CONNECTION_OK)
		fail("connect: %s", PQerrorMessage(conn));
	if (!PQenterPipelineMode(conn))
		fail("no pipeline mode: %s", PQerrorMessage(conn));
	many_queries_before_one_sync(conn);
	each_query_has_its_own_sync(conn);
	an_error_skips_to_the_sync_and_no_further(conn);
	a_statement_is_prepared_and_run_in_one_pipeline(conn);
	a_flush_brings_the_answer_before_the_sync(conn);
	a_transaction_spans_syncs(conn);
	if (!PQexitPipelineMode(conn))
		fail("cannot leave pipeline mode: %s", PQerrorMessage(conn));
	PQfinish(conn);
	puts("all fine");
	return 0;
}

/*
 * asks_pid.c - loaded before libpq into PostgreSQL's isolation tester: the backend pid of a
 * connection is what the server says it is. The tester asks the server by that pid who waits
 * for whom, and the one that a client of pgweir is given at log-in is pgweir's own, as is the
 * answer to that SELECT without a WHERE.
 */
#include <stdlib.h>
#include <libpq-fe.h>

int
PQbackendPID(const PGconn *connection)
{
	PGresult *result = PQexec((PGconn *)connection, "SELECT pg_catalog.pg_backend_pid() WHERE true");
	int pid = PQntuples(result) == 1 ? atoi(PQgetvalue(result, 0, 0)) : 0;

	PQclear(result);
	return pid;
}

/*
 * load_schema.c - the table of access records and the views that answer the report's
 * questions. See load.h. Plain SQL that Citus takes too: no trigger, no sequence, no
 * foreign key, the key holds the column to partition and the one to distribute by.
 */
#include <stdio.h>
#include <time.h>

#include "load.h"
#include "base/mem.h"

static const char table_sql[] =
    "CREATE TABLE IF NOT EXISTS access_log (\n"
    "  instance text NOT NULL, seq bigint NOT NULL, time timestamptz NOT NULL, event text NOT NULL,\n"
    "  session text, txn text, stmt bigint, sub bigint,\n"
    "  client_address text, client_port bigint, user_name text, db_role text, db_namespace text, application text,\n"
    "  operation text, collection text, summary text, query text, fingerprint text, classes text[],\n"
    "  relations jsonb, tags jsonb, trace_id text, status_code text, returned_rows bigint, rows_affected bigint,\n"
    "  bytes_in bigint, bytes_out bigint, duration_us bigint, queue_us bigint, server_pid bigint, pin text,\n"
    "  outcome text, decision text, mode text, policy text, rule text, exception text,\n"
    "  prev text NOT NULL, mac text, more jsonb,\n"
    "  PRIMARY KEY (instance, seq, time)\n"
    ") PARTITION BY RANGE (time);\n"
    "-- On Citus, before the first load: SELECT create_distributed_table('access_log', 'seq');\n";

/* A statement of which nobody knows yet how it ended is told again when it has. */
#define STATEMENTS "event IN ('statement', 'statement.denied') AND outcome IS DISTINCT FROM 'intent'"
#define DONE "event = 'statement' AND outcome IS DISTINCT FROM 'intent'"
#define DAY "(time AT TIME ZONE 'UTC')::date"
#define FAILED "count(*) FILTER (WHERE status_code <> '00000')"
#define FIGURES \
	"sum(duration_us) / 1e6 AS server_s, avg(duration_us) / 1e3 AS mean_ms, max(duration_us) / 1e3 AS most_ms,\n" \
	"  sum(coalesce(returned_rows, 0) + coalesce(rows_affected, 0)) AS rows, " FAILED " AS errors,\n" \
	"  count(*) FILTER (WHERE queue_us > 0) AS waited, sum(queue_us) / 1e6 AS wait_s\n"
#define SPAN "count(*) AS count, min(time) AS first, max(time) AS last\n"

/* Each begins with its name; all have the day (UTC), to choose and to add up by. */
static const struct {
	const char *name, *sql;
} views[] = {
	{ "service_cost", "SELECT " DAY " AS day, user_name, application, count(*) AS statements,\n  " FIGURES
	    "FROM access_log WHERE " DONE " GROUP BY 1, 2, 3" },
	{ "statements", "SELECT " DAY " AS day, fingerprint, min(coalesce(query, summary)) AS query, count(*) AS calls,\n  "
	    FIGURES "FROM access_log WHERE " DONE " GROUP BY 1, 2" },
	{ "load_by_hour", "SELECT " DAY " AS day, date_trunc('hour', time) AS hour, count(*) AS statements,\n"
	    "  sum(duration_us) / 3600e6 AS running, sum(queue_us) / 3600e6 AS waiting\n"
	    "FROM access_log WHERE " DONE " GROUP BY 1, 2" },
	{ "latency", "SELECT " DAY " AS day, user_name, application, count(*) AS statements,\n"
	    "  count(*) FILTER (WHERE duration_us + queue_us <= 10000) AS within_10ms,\n"
	    "  count(*) FILTER (WHERE duration_us + queue_us <= 100000) AS within_100ms,\n"
	    "  count(*) FILTER (WHERE duration_us + queue_us <= 200000) AS within_200ms,\n"
	    "  count(*) FILTER (WHERE duration_us + queue_us <= 1000000) AS within_1s\n"
	    "FROM access_log WHERE " DONE " GROUP BY 1, 2, 3" },
	{ "errors", "SELECT " DAY " AS day, status_code, user_name, " SPAN
	    "FROM access_log WHERE " STATEMENTS " AND status_code <> '00000' GROUP BY 1, 2, 3" },
	{ "touched", "SELECT day, db_namespace, relation->>'name' AS relation, relation->>'access' AS access, user_name,\n"
	    "  count(*) AS statements, min(time) AS first, max(time) AS last\n"
	    "FROM (SELECT " DAY " AS day, db_namespace, user_name, time, jsonb_array_elements(relations) AS relation\n"
	    "  FROM access_log WHERE " DONE ") AS one GROUP BY 1, 2, 3, 4, 5" },
	{ "denied", "SELECT " DAY " AS day, rule, policy, user_name, " SPAN
	    "FROM access_log WHERE event = 'statement.denied' GROUP BY 1, 2, 3, 4" },
	{ "privileged", "SELECT " DAY " AS day, user_name, operation, db_namespace, " SPAN
	    "FROM access_log WHERE " DONE
	    " AND classes && ARRAY['DDL', 'ROLE', 'COPY_FILE', 'COPY_PROGRAM', 'DO'] GROUP BY 1, 2, 3, 4" },
	{ "failed_logins", "SELECT " DAY " AS day, user_name, client_address, more->>'reason' AS reason, db_namespace, " SPAN
	    "FROM access_log WHERE event = 'session.fail' GROUP BY 1, 2, 3, 4, 5" },
	{ "exceptions_used", "SELECT " DAY " AS day, rule, more->>'ticket' AS ticket, more->>'owner' AS owner,\n"
	    "  more->>'expires' AS expires, " SPAN
	    "FROM access_log WHERE event = 'exception.used' GROUP BY 1, 2, 3, 4, 5" },
	{ "changes", "SELECT " DAY " AS day, event, user_name,\n"
	    "  coalesce(more->>'text', more->>'keys', more->>'file', more->>'error') AS detail, " SPAN
	    "FROM access_log WHERE event IN ('policy.load', 'policy.reject', 'config.change', 'console.command')\n"
	    "GROUP BY 1, 2, 3, 4" },
	{ "coverage", "SELECT " DAY " AS day, coalesce(mode, 'none') AS mode, count(*) AS statements\n"
	    "FROM access_log WHERE " STATEMENTS " GROUP BY 1, 2" },
	{ "events", "SELECT " DAY " AS day, event, " SPAN "FROM access_log GROUP BY 1, 2" },
	{ "chain", "SELECT instance, min(seq) AS first_seq, max(seq) AS last_seq, count(*) AS records,\n"
	    "  max(seq) - min(seq) + 1 - count(*) AS missing, min(time) AS first, max(time) AS last\n"
	    "FROM access_log GROUP BY 1" },
};

/* "a""b": as an identifier. */
static void
put_name(struct buf *out, const char *name)
{
	buf_put_u8(out, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"')
			buf_put_u8(out, '"');
		buf_put_u8(out, (uint8_t)*name);
	}
	buf_put_u8(out, '"');
}

char *
load_schema_sql(const char *schema)
{
	struct buf out = { 0 };

	buf_put_text(&out, "CREATE SCHEMA IF NOT EXISTS ");
	put_name(&out, schema);
	buf_put_text(&out, ";\nSET search_path TO ");
	put_name(&out, schema);
	buf_put_text(&out, ";\n");
	buf_put_text(&out, table_sql);
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		buf_printf(&out, "CREATE OR REPLACE VIEW %s AS\n%s;\n", views[i].name, views[i].sql);
	return buf_steal_text(&out);
}

char *
load_partition_sql(uint64_t time_us)
{
	enum { DAY_S = 86400 };
	time_t from = (time_t)(time_us / 1000000 / DAY_S * DAY_S), to = from + DAY_S;
	char name[16], first[16], next[16];
	struct tm tm;

	strftime(name, sizeof(name), "%Y%m%d", gmtime_r(&from, &tm));
	strftime(first, sizeof(first), "%Y-%m-%d", &tm);
	strftime(next, sizeof(next), "%Y-%m-%d", gmtime_r(&to, &tm));
	return mem_printf("CREATE TABLE IF NOT EXISTS access_log_%s PARTITION OF access_log "
			  "FOR VALUES FROM ('%s 00:00:00+00') TO ('%s 00:00:00+00')",
	    name, first, next);
}

/* load.c - pgweirctl load: records of the access log into a table of PostgreSQL. */
#include <inttypes.h>
#include <string.h>

#include "ctl.h"
#include "load.h"
#include "audit/verify.h"
#include "base/json.h"
#include "base/lines.h"
#include "base/mem.h"

enum { BATCH_RECORDS = 20000, BATCH_BYTES = 32 << 20, DAYS_MOST = 64, DAY_S = 86400 };

/* The command line; borrowed from argv. */
struct request {
	const char *target, *schema;
	bool sql_only, as_json, progress;
};

/* One run. On the stack of ctl_load(). */
struct loading {
	PGconn *to;
	struct load_rows rows;
	struct buf batch;
	uint64_t batch_records;
	uint64_t days[DAYS_MOST]; /* of the batch, in microseconds of their first record */
	size_t day_count;
	uint64_t loaded, there_already, bad_lines;
	char *first_bad; /* "file:line", or NULL */
	struct audit_checker *checker;
	struct audit_verified chain;
	struct progress progress;
};

/* ---- the database ---- */

/* Always false; what PostgreSQL says ends in a line feed. */
static bool
failed(struct loading *loading, const char *what)
{
	fprintf(stderr, "pgweirctl load: %s: %s", what, PQerrorMessage(loading->to));
	return false;
}

/* Run statements; *rows, if asked for, is how many the last one touched. */
static bool
run(struct loading *loading, const char *what, const char *sql, uint64_t *rows)
{
	PGresult *answer = PQexec(loading->to, sql);
	ExecStatusType status = PQresultStatus(answer);
	unsigned long long count = 0;

	if (rows != NULL && sscanf(status == PGRES_TUPLES_OK ? PQgetvalue(answer, 0, 0) :
								PQcmdTuples(answer), "%llu", &count) == 1)
		*rows = count;
	PQclear(answer);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || failed(loading, what);
}

static void
ignore_notice(void *arg, const char *text)
{
	(void)arg;
	(void)text; /* "relation already exists, skipping" */
}

static bool
connect_to(struct loading *loading, const char *target)
{
	const char *const names[] = { "dbname", "application_name", "client_encoding", NULL };
	const char *const values[] = { target, "pgweirctl load", "UTF8", NULL };

	loading->to = PQconnectdbParams(names, values, 1);
	if (PQstatus(loading->to) != CONNECTION_OK)
		return failed(loading, "cannot connect");
	PQsetNoticeProcessor(loading->to, ignore_notice, NULL);
	return true;
}

/* Two loads that begin at once would both find nothing there. */
static bool
prepare(struct loading *loading, const char *schema)
{
	char *sql = load_schema_sql(schema);
	bool good = run(loading, "cannot begin", "BEGIN; SELECT pg_advisory_xact_lock(7305810)", NULL) &&
	    run(loading, "cannot make the table and its views", sql, NULL) &&
	    run(loading, "cannot make the table and its views", "COMMIT", NULL) &&
	    run(loading, "cannot make a temporary table",
		"CREATE TEMPORARY TABLE pgweir_batch (LIKE access_log) ON COMMIT DELETE ROWS", NULL);

	mem_free(sql);
	return good;
}

static bool
copy_batch(struct loading *loading)
{
	static const char what[] = "cannot copy records";
	struct buf sql = { 0 };
	PGresult *answer;
	bool good;

	buf_put_text(&sql, "COPY pgweir_batch (");
	load_put_columns(&sql);
	buf_put_text(&sql, ") FROM STDIN");
	buf_put_u8(&sql, '\0');
	answer = PQexec(loading->to, (char *)buf_bytes(&sql));
	good = PQresultStatus(answer) == PGRES_COPY_IN;
	PQclear(answer);
	buf_free(&sql);
	if (!good ||
	    PQputCopyData(loading->to, (char *)buf_bytes(&loading->batch),
		(int)buf_length(&loading->batch)) != 1 ||
	    PQputCopyEnd(loading->to, NULL) != 1)
		return failed(loading, what);
	while ((answer = PQgetResult(loading->to)) != NULL) {
		good = good && PQresultStatus(answer) == PGRES_COMMAND_OK;
		PQclear(answer);
	}
	return good || failed(loading, what);
}

static bool
make_partitions(struct loading *loading)
{
	bool good = true;

	for (size_t i = 0; i < loading->day_count && good; i++) {
		char *sql = load_partition_sql(loading->days[i]);

		good = run(loading, "cannot make a partition", sql, NULL);
		mem_free(sql);
	}
	return good;
}

/* Of records that are there already, are they the same? */
static bool
compare_batch(struct loading *loading)
{
	uint64_t others = 0;

	if (!run(loading, "cannot compare with what is there",
		"SELECT count(*) FROM access_log AS a JOIN pgweir_batch AS b USING (instance, seq, time) "
		"WHERE (a.event, a.prev, a.mac) IS DISTINCT FROM (b.event, b.prev, b.mac)", &others))
		return false;
	if (others == 0)
		return true;
	fprintf(stderr, "pgweirctl load: %" PRIu64 " records of this instance and seq are in the table "
			"already, and say something else: is the name of the instance used twice, or was a "
			"log altered? Nothing of this part was loaded\n", others);
	return false;
}

static bool
insert_batch(struct loading *loading)
{
	uint64_t inserted = 0;

	if (!run(loading, "cannot insert records",
		"INSERT INTO access_log SELECT * FROM pgweir_batch ON CONFLICT DO NOTHING", &inserted))
		return false;
	if (inserted < loading->batch_records && !compare_batch(loading))
		return false;
	if (!run(loading, "cannot commit", "COMMIT", NULL))
		return false;
	loading->loaded += inserted;
	loading->there_already += loading->batch_records - inserted;
	return true;
}

/* All of a batch or nothing; what was committed before stays, and is skipped next time. */
static bool
send_batch(struct loading *loading)
{
	bool good = loading->batch_records == 0 ||
	    (run(loading, "cannot begin", "BEGIN; SELECT pg_advisory_xact_lock(7305810)", NULL) &&
		make_partitions(loading) && copy_batch(loading) && insert_batch(loading));

	buf_clear(&loading->batch);
	loading->batch_records = loading->day_count = 0;
	return good;
}

/* ---- the log ---- */

/* False: there is no room for another day. */
static bool
note_day(struct loading *loading, uint64_t time_us)
{
	uint64_t day = time_us / 1000000 / DAY_S;

	for (size_t i = loading->day_count; i > 0; i--)
		if (loading->days[i - 1] / 1000000 / DAY_S == day)
			return true;
	loading->days[loading->day_count++] = time_us;
	return loading->day_count < DAYS_MOST;
}

static void
note_bad(struct loading *loading, const char *path, uint64_t line)
{
	if (loading->bad_lines++ == 0)
		loading->first_bad = mem_printf("%s:%" PRIu64, path, line);
}

static bool
load_line(struct loading *loading, struct object *object, const struct lines *lines,
    const char *path)
{
	bool scanned = !lines->cut && object_scan(object, lines->line, lines->length);
	bool room = true;
	uint64_t time_us;

	audit_checker_line(loading->checker, lines, scanned ? object : NULL);
	if ((!scanned && (lines->cut || !object_read(object, lines->line, lines->length))) ||
	    !load_row(&loading->rows, object, &loading->batch, &time_us)) {
		note_bad(loading, path, lines->number);
		return true;
	}
	loading->batch_records++;
	room = note_day(loading, time_us);
	if (lines->number % AUDIT_PROGRESS_LINES == 0)
		progress_tell(&loading->progress, path, lines->offset);
	return (room && loading->batch_records < BATCH_RECORDS &&
		   buf_length(&loading->batch) < BATCH_BYTES) ||
	    send_batch(loading);
}

static bool
load_file(struct loading *loading, const char *path)
{
	struct object object = { 0 };
	struct lines lines;
	struct error err;
	bool good = true;

	if (!lines_open(&lines, path, &err)) {
		fprintf(stderr, "pgweirctl load: %s\n", err.text);
		return false;
	}
	audit_checker_file(loading->checker, path);
	while (good && lines_next(&lines, &err))
		good = load_line(loading, &object, &lines, path);
	if (good && err.code != ERROR_NONE) {
		fprintf(stderr, "pgweirctl load: %s: %s\n", path, err.text);
		good = false;
	}
	audit_checker_file_end(loading->checker);
	object_free(&object);
	lines_close(&lines);
	return good;
}

static bool
load_files(struct loading *loading, char *const *paths, size_t count)
{
	bool good = true;

	for (size_t i = 0; i < count && good; i++)
		good = load_file(loading, paths[i]);
	audit_checker_end(loading->checker);
	return good && send_batch(loading);
}

/* ---- what is told ---- */

static void
print_json(const struct loading *loading)
{
	const struct audit_verified *chain = &loading->chain;
	struct buf out = { 0 };

	buf_printf(&out, "{\"loaded\":%" PRIu64, loading->loaded);
	json_put_member_int(&out, "there_already", (int64_t)loading->there_already);
	json_put_member_int(&out, "bad_lines", (int64_t)loading->bad_lines);
	json_put_member(&out, "first_bad", loading->first_bad);
	buf_printf(&out, ",\"chain_whole\":%s", chain->good ? "true" : "false");
	if (!chain->good) {
		json_put_member(&out, "file", chain->file);
		json_put_member_int(&out, "line", (int64_t)chain->line);
		json_put_member(&out, "reason", chain->reason);
	}
	buf_put_text(&out, "}\n");
	fwrite(buf_bytes(&out), 1, buf_length(&out), stdout);
	buf_free(&out);
}

static void
print_text(const struct loading *loading)
{
	const struct audit_verified *chain = &loading->chain;

	printf("loaded: %" PRIu64 " records", loading->loaded);
	if (loading->there_already > 0)
		printf("; %" PRIu64 " were there already", loading->there_already);
	printf("\n");
	if (loading->bad_lines > 0)
		printf("lines that could not be read: %" PRIu64 ", the first %s\n",
		    loading->bad_lines, loading->first_bad);
	if (chain->good)
		printf("chain: whole, macs and signatures not checked (pgweirctl verify)\n");
	else
		printf("chain: BROKEN at %s:%" PRIu64 ": %s\n", chain->file, chain->line,
		    chain->reason);
}

/* ---- the command line ---- */

static bool
read_options(const struct ctl_command *command, int argc, char **argv, struct request *request,
    int *status)
{
	static const struct option names[] = { { "to", required_argument, NULL, 't' },
		{ "schema", required_argument, NULL, 's' }, { "sql", no_argument, NULL, 'q' },
		{ "format", required_argument, NULL, 'f' }, { "progress", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int letter;

	*status = CTL_USAGE;
	while ((letter = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		if (letter == 't')
			request->target = optarg;
		else if (letter == 's' && optarg[0] != '\0')
			request->schema = optarg;
		else if (letter == 'q')
			request->sql_only = true;
		else if (letter == 'p')
			request->progress = true;
		else if (letter == 'f' && (strcmp(optarg, "text") == 0 || strcmp(optarg, "json") == 0))
			request->as_json = optarg[0] == 'j';
		else {
			*status = letter == 'h' ? ctl_help(command) :
						  ctl_usage(command, "unknown option, or a bad value");
			return false;
		}
	}
	if (!request->sql_only && request->target == NULL)
		ctl_usage(command, "--to is missing: which database?");
	else if (!request->sql_only && optind == argc)
		ctl_usage(command, "which files?");
	else
		return true;
	return false;
}

static int
print_sql(const char *schema)
{
	char *sql = load_schema_sql(schema);

	fputs(sql, stdout);
	mem_free(sql);
	return CTL_GOOD;
}

static int
load(struct loading *loading, const struct request *request, char *const *paths, size_t count)
{
	bool good = connect_to(loading, request->target) && prepare(loading, request->schema) &&
	    load_files(loading, paths, count);

	progress_close(&loading->progress);
	if (!good && loading->loaded + loading->there_already > 0)
		fprintf(stderr, "pgweirctl load: %" PRIu64 " records were loaded before that; run it "
				"again to go on\n", loading->loaded);
	if (!good)
		return CTL_NO;
	if (request->as_json)
		print_json(loading);
	else
		print_text(loading);
	return loading->chain.good && loading->bad_lines == 0 ? CTL_GOOD : CTL_NO;
}

int
ctl_load(const struct ctl_command *command, int argc, char **argv)
{
	const struct audit_verify_options chain_alone = { 0 };
	struct request request = { .schema = "pgweir" };
	struct loading loading = { 0 };
	struct error err;
	int status;

	if (!read_options(command, argc, argv, &request, &status))
		return status;
	if (request.sql_only)
		return print_sql(request.schema);
	loading.checker = audit_checker_new(&chain_alone, &loading.chain, &err);
	progress_open(&loading.progress, request.progress);
	status = load(&loading, &request, argv + optind, (size_t)(argc - optind));
	PQfinish(loading.to);
	audit_checker_free(loading.checker);
	load_rows_free(&loading.rows);
	buf_free(&loading.batch);
	mem_free(loading.first_bad);
	return status;
}

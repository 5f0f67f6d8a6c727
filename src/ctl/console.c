/* console.c - pgweirctl console: the admin console where there is no psql. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "reach.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

/* The command line; texts are borrowed from argv. */
struct request {
	const char *target, *text;
	bool json;
};

/* ---- what it answers ---- */

/* Characters, not bytes; what is put into cells is safe for a terminal. */
static size_t
width_of(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((uint8_t)*text & 0xc0) != 0x80;
	return width;
}

/* The caller frees it. Row -1 is the head. */
static char *
cell(const PGresult *answer, int row, int column)
{
	struct buf text = { 0 };

	text_put_safe(&text,
	    row < 0 ? PQfname(answer, column) : PQgetvalue(answer, row, column), 0);
	return buf_steal_text(&text);
}

static size_t
column_width(const PGresult *answer, int column)
{
	size_t widest = 0;

	for (int row = -1; row < PQntuples(answer); row++) {
		char *text = cell(answer, row, column);
		size_t width = width_of(text);

		widest = width > widest ? width : widest;
		mem_free(text);
	}
	return widest;
}

static void
print_row(const PGresult *answer, int row, const size_t *widths)
{
	int columns = PQnfields(answer);

	for (int i = 0; i < columns; i++) {
		char *text = cell(answer, row, i);
		size_t blanks = i + 1 < columns ? widths[i] - width_of(text) + 2 : 0;

		printf("%s%*s", text, (int)blanks, "");
		mem_free(text);
	}
	printf("\n");
}

static void
print_table(const PGresult *answer)
{
	int columns = PQnfields(answer);
	size_t *widths = mem_zalloc((size_t)columns + 1, sizeof(widths[0]));

	for (int i = 0; i < columns; i++)
		widths[i] = column_width(answer, i);
	for (int row = -1; row < PQntuples(answer); row++)
		print_row(answer, row, widths);
	mem_free(widths);
}

/* Values as the console writes them; null where it says nothing. */
static void
print_json(const PGresult *answer)
{
	json_t *rows = json_array();
	char *text;

	for (int row = 0; row < PQntuples(answer); row++) {
		json_t *fields = json_object();

		for (int i = 0; i < PQnfields(answer); i++) {
			json_t *value = PQgetisnull(answer, row, i)
					    ? NULL
					    : json_string(PQgetvalue(answer, row, i));

			json_object_set_new(fields, PQfname(answer, i),
			    value != NULL ? value : json_null());
		}
		json_array_append_new(rows, fields);
	}
	text = json_dumps(rows, JSON_COMPACT);
	printf("%s\n", text != NULL ? text : "[]");
	free(text);
	json_decref(rows);
}

static bool
print_answer(const struct request *request, const PGresult *answer)
{
	switch (PQresultStatus(answer)) {
	case PGRES_TUPLES_OK:
		if (request->json)
			print_json(answer);
		else
			print_table(answer);
		return true;
	case PGRES_COMMAND_OK:
		if (!request->json)
			printf("%s\n", PQcmdStatus((PGresult *)answer));
		return true;
	case PGRES_EMPTY_QUERY:
		return true;
	default:
		fprintf(stderr, "pgweirctl console: %s", PQresultErrorMessage(answer));
		return false;
	}
}

/* ---- commands ---- */

/* A text may hold several commands, as in psql -c. */
static bool
give(PGconn *console, const struct request *request, const char *text)
{
	PGresult *answer;
	bool good = true;

	if (PQsendQuery(console, text) != 1) {
		fprintf(stderr, "pgweirctl console: %s", PQerrorMessage(console));
		return false;
	}
	while ((answer = PQgetResult(console)) != NULL) {
		good = print_answer(request, answer) && good;
		PQclear(answer);
	}
	fflush(stdout);
	return good;
}

static bool
is_end(const char *line)
{
	static const char *const words[] = { "\\q", "quit", "exit" };

	return text_is_among(line, words, sizeof(words) / sizeof(words[0]));
}

/* A person sees what failed and goes on; a script ends there. */
static int
read_commands(PGconn *console, const struct request *request)
{
	bool person = isatty(STDIN_FILENO) == 1, good = true;
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	for (;;) {
		if (person)
			fputs("pgweir=# ", stderr);
		length = getline(&line, &size, stdin);
		if (length < 0)
			break;
		while (length > 0 && strchr(" \t\r\n", line[length - 1]) != NULL)
			line[--length] = '\0';
		if (is_end(line))
			break;
		good = length == 0 || give(console, request, line);
		if (PQstatus(console) != CONNECTION_OK || (!good && !person))
			break;
	}
	free(line);
	return person ? (PQstatus(console) == CONNECTION_OK ? CTL_GOOD : CTL_NO)
		      : (good ? CTL_GOOD : CTL_NO);
}

static int
attend(PGconn *console, const struct request *request)
{
	if (PQstatus(console) != CONNECTION_OK) {
		fprintf(stderr, "pgweirctl console: %s", PQerrorMessage(console));
		return CTL_NO;
	}
	if (request->text == NULL)
		return read_commands(console, request);
	return give(console, request, request->text) ? CTL_GOOD : CTL_NO;
}

static int
start(const struct ctl_command *command, const struct request *request)
{
	char *failure = NULL;
	PGconn *console = reach_console(request->target, "pgweirctl console", &failure);
	int status;

	if (console == NULL) {
		status = ctl_usage(
		    command, "--to: %s", failure != NULL ? failure : "no memory");
		PQfreemem(failure);
		return status;
	}
	status = attend(console, request);
	PQfinish(console);
	return status;
}

int
ctl_console(const struct ctl_command *command, int argc, char **argv)
{
	static const struct option names[] = { { "to", required_argument, NULL, 't' },
		{ "format", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	struct request request = { 0 };
	const char *format = "text";
	int letter;

	while ((letter = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		if (letter == 'h')
			return ctl_help(command);
		if (letter == 't')
			request.target = optarg;
		else if (letter == 'f')
			format = optarg;
		else
			return ctl_usage(command, "unknown option");
	}
	if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
		return ctl_usage(command, "--format is text or json");
	if (argc - optind > 1)
		return ctl_usage(
		    command, "one command: quote it, and put several into it with ;");
	request.json = strcmp(format, "json") == 0;
	request.text = optind < argc ? argv[optind] : NULL;
	return start(command, &request);
}

/*
 * lint.c - pgweirctl lint: judges files of SQL before they are run. The engine is the
 * daemon's; a file is gone through statement by statement as psql would send it, with
 * what its transaction has done so far.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ctl.h"
#include "lint.h"
#include "policy/catalogs.h"
#include "sql/split.h"

enum { FILE_BYTES_MOST = 64 * 1024 * 1024 };

/* What is asked of migrations when no policy is given. */
static const char default_policy[] = "apiVersion: pgweir/v1\n"
				     "kind: GuardrailPolicy\n"
				     "metadata: {name: lint}\n"
				     "rules:\n"
				     "  - {use: unsafe-ddl}\n"
				     "  - {use: destructive-ddl}\n"
				     "  - {use: hygiene}\n"
				     "  - {use: session-integrity, mode: off}\n";

/* One run of the subcommand. On the stack of ctl_lint(). */
struct linting {
	struct policies *policies;
	struct subject subject;
	bool single_transaction;
	struct lint_items items;
	/* The file and statement at hand. */
	struct policy_comments *comments;
	const char *path, *text;
	size_t start;
	size_t counted; /* line and col are those of this place */
	int line, col;
};

/* Go on to a place of the file; places mostly come in order. */
static void
count_to(struct linting *lint, size_t place)
{
	if (place < lint->counted) {
		lint->counted = 0;
		lint->line = lint->col = 1;
	}
	for (; lint->counted < place; lint->counted++) {
		if (lint->text[lint->counted] == '\n') {
			lint->line++;
			lint->col = 1;
		} else {
			lint->col += ((unsigned char)lint->text[lint->counted] & 0xc0) != 0x80;
		}
	}
}

static void
add_item(struct linting *lint, size_t place, const struct policy_finding *finding)
{
	struct lint_items *items = &lint->items;

	count_to(lint, place);
	items->items = mem_resize(items->items, items->count + 1, sizeof(*items->items));
	items->items[items->count++] = (struct lint_item){ .file = mem_strdup(lint->path),
		.line = lint->line,
		.col = lint->col,
		.action = finding->mode == POLICY_MODE_WARN ? POLICY_WARN : finding->action,
		.rule = mem_strdup(finding->rule),
		.policy = mem_strdup(finding->policy),
		.detail = mem_strdup(finding->detail),
		.hint = mem_strdup(finding->hint) };
}

static void
on_finding(void *arg, const struct policy_finding *finding)
{
	struct linting *lint = arg;

	add_item(lint, lint->start + finding->offset, finding);
}

/* The parser's own words are the better detail. */
static void
on_unparsed(void *arg, const struct policy_finding *finding)
{
	struct linting *lint = arg;

	(void)finding;
	lint->items.items[lint->items.count - 1].action = finding->action;
}

static void
judge_unparsed(struct linting *lint, size_t length, enum sql_outcome outcome,
    const struct error *err, int position)
{
	struct policy_finding finding = { .action = POLICY_WARN,
		.rule = outcome == SQL_OVERSIZE ? "sql-oversize" : "sql-unparseable",
		.policy = "",
		.detail = (char *)err->text,
		.hint = "The grammar is that of PostgreSQL 15; commands of psql's are left out." };

	add_item(lint, lint->start + (position > 0 ? (size_t)position - 1 : 0), &finding);
	policies_find(lint->policies, &lint->subject, lint->text + lint->start, length, outcome,
	    NULL, clock_wall_us(), NULL, on_unparsed, lint);
}

static void
judge_statement(struct linting *lint, size_t length, struct policy_transaction *transaction,
    bool is_last)
{
	const char *text = lint->text + lint->start;
	const struct policy_script script = { .transaction = transaction,
		.comments = lint->comments,
		.in_block = lint->single_transaction,
		.is_file = true,
		.is_last = is_last };
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	int position = 0;
	enum sql_outcome outcome =
	    sql_facts(text, length, SQL_TEXT_MOST, &facts, &err, &position);

	lint->items.statements++;
	if (outcome != SQL_KNOWN) {
		judge_unparsed(lint, length, outcome, &err, position);
		return;
	}
	policies_find(lint->policies, &lint->subject, text, length, outcome, facts,
	    clock_wall_us(), &script, on_finding, lint);
	for (size_t i = 0; i < facts->statement_count; i++)
		policy_transaction_note(transaction, &facts->statements[i]);
	/* Outside of a transaction each statement is one, and done now. */
	if (!policy_transaction_is_open(transaction))
		policy_transaction_end(transaction);
	sql_facts_free(facts);
}

/* COMMENT ON comes behind what it is about, so all of them are read first. */
static void
read_comments(struct linting *lint, const char *text, size_t length)
{
	size_t at = 0, start, size;

	while (sql_next_statement(text, length, &at, &start, &size)) {
		struct sql_facts *facts = NULL;
		struct error err;
		int position;

		if (strncasecmp(text + start, "COMMENT", 7) != 0 ||
		    sql_facts(text + start, size, SQL_TEXT_MOST, &facts, &err, &position) != SQL_KNOWN)
			continue;
		for (size_t i = 0; i < facts->statement_count; i++)
			policy_comments_note(lint->comments, &facts->statements[i]);
		sql_facts_free(facts);
	}
}

static void
judge_file(struct linting *lint, const char *path, const char *text, size_t length)
{
	struct policy_transaction *transaction = policy_transaction_new();
	size_t at = 0, start, size, next_start, next_size;
	bool more = sql_next_statement(text, length, &at, &start, &size);

	lint->path = path;
	lint->text = text;
	lint->counted = 0;
	lint->line = lint->col = 1;
	lint->items.files++;
	lint->comments = policy_comments_new();
	read_comments(lint, text, length);
	if (lint->single_transaction)
		policy_transaction_open(transaction);
	while (more) {
		more = sql_next_statement(text, length, &at, &next_start, &next_size);
		lint->start = start;
		judge_statement(lint, size, transaction, !more && !lint->single_transaction);
		start = next_start;
		size = next_size;
	}
	policy_transaction_free(transaction);
	policy_comments_free(lint->comments);
}

/* The bytes of a file; false when it cannot be read, and said so. */
static bool
read_file(const char *path, struct buf *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;

	if (fd >= 0) {
		do {
			got = read(fd, buf_reserve(bytes, 64 * 1024), 64 * 1024);
			if (got > 0)
				buf_grown(bytes, (size_t)got);
		} while (got > 0 && buf_length(bytes) <= FILE_BYTES_MOST);
	}
	if (got < 0)
		fprintf(stderr, "pgweirctl lint: %s: %s\n", path, strerror(errno));
	else if (got > 0)
		fprintf(stderr, "pgweirctl lint: %s: longer than 64MiB\n", path);
	if (fd >= 0)
		close(fd);
	return got == 0;
}

static bool
lint_file(struct linting *lint, const char *path)
{
	struct buf bytes = { 0 };
	bool good = read_file(path, &bytes);

	if (good)
		judge_file(lint, path, buf_length(&bytes) > 0 ? (const char *)buf_bytes(&bytes) : "",
		    buf_length(&bytes));
	buf_free(&bytes);
	return good;
}

/* A file, or all *.sql of a folder in the order of their names. */
static bool
lint_path(struct linting *lint, const char *path)
{
	struct stat status;
	glob_t found = { 0 };
	char *pattern;
	bool good = true;

	if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
		return lint_file(lint, path);
	pattern = mem_printf("%s/*.sql", path);
	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			good = lint_file(lint, found.gl_pathv[i]) && good;
	globfree(&found);
	mem_free(pattern);
	return good;
}

static void
free_items(struct lint_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		mem_free(items->items[i].file);
		mem_free(items->items[i].rule);
		mem_free(items->items[i].policy);
		mem_free(items->items[i].detail);
		mem_free(items->items[i].hint);
	}
	mem_free(items->items);
}

static struct policies *
load_policies(const char *path)
{
	struct problems problems = { 0 };
	struct policies *policies;
	char *glob_pattern = path != NULL ? ctl_policy_glob(path) : NULL;

	policies = path != NULL ? policies_load(glob_pattern, &problems)
				: policies_from_text("(built in)", default_policy, &problems);
	if (path != NULL)
		ctl_print_problems(&problems);
	problems_free(&problems);
	mem_free(glob_pattern);
	return policies;
}

static int
lint_all(struct linting *lint, const struct lint_format *format, int count, char **paths)
{
	struct buf out = { 0 };
	bool good = true;

	for (int i = 0; i < count; i++)
		good = lint_path(lint, paths[i]) && good;
	format->put(&out, &lint->items);
	if (buf_length(&out) > 0)
		fwrite(buf_bytes(&out), 1, buf_length(&out), stdout);
	buf_free(&out);
	good = good && lint_count(&lint->items, POLICY_DENY) == 0;
	free_items(&lint->items);
	return good ? CTL_GOOD : CTL_NO;
}

int
ctl_lint(const struct ctl_command *command, int argc, char **argv)
{
	static const struct option names[] = { { "policy", required_argument, NULL, 'p' },
		{ "user", required_argument, NULL, 'u' }, { "role", required_argument, NULL, 'r' },
		{ "database", required_argument, NULL, 'd' },
		{ "catalog", required_argument, NULL, 'c' },
		{ "format", required_argument, NULL, 'f' },
		{ "single-transaction", no_argument, NULL, '1' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	struct linting lint = { .subject = { "", NULL, "", "", "", NULL } };
	const struct lint_format *format = lint_format_by_name("text");
	const char *policy = NULL, *catalog = NULL;
	int letter, status;

	while ((letter = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		switch (letter) {
		case 'p':
			policy = optarg;
			break;
		case 'u':
			lint.subject.user = optarg;
			break;
		case 'r':
			lint.subject.role = optarg;
			break;
		case 'd':
			lint.subject.database = optarg;
			break;
		case 'c':
			catalog = optarg;
			break;
		case '1':
			lint.single_transaction = true;
			break;
		case 'f':
			format = lint_format_by_name(optarg);
			if (format == NULL)
				return ctl_usage(
				    command, "--format is text, json, sarif or github, not %s", optarg);
			break;
		case 'h':
			return ctl_help(command);
		default:
			return ctl_usage(command, "unknown option");
		}
	}
	if (optind == argc)
		return ctl_usage(command, "give files or folders of SQL");
	if (lint.subject.role == NULL)
		lint.subject.role = lint.subject.user;
	if (!ctl_open_catalog(command, catalog, &lint.subject.catalogs))
		return CTL_CONFIG;
	lint.policies = load_policies(policy);
	status = lint.policies == NULL
	    ? CTL_CONFIG
	    : lint_all(&lint, format, argc - optind, argv + optind);
	policies_release(lint.policies);
	catalogs_free(lint.subject.catalogs);
	return status;
}

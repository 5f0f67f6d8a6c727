/*
 * replay.c - pgweirctl replay: what a candidate policy would have said of what the access
 * log tells.
 *
 * Texts are those of the log: literals are parameters there, unless audit.text was raw.
 */
#include <inttypes.h>
#include <string.h>
#include <uthash.h>

#include "ctl.h"
#include "base/json.h"
#include "base/lines.h"
#include "base/mem.h"
#include "base/object.h"
#include "policy/catalogs.h"
#include "policy/policy.h"
#include "report/report.h"
#include "report/texts.h"

enum { ROWS_MOST = 10000, EXAMPLE_MOST = 160 };

/* What becomes of a statement that was logged. */
enum change { CHANGE_DENIED, CHANGE_ALLOWED };
static const char *const change_names[] = { "newly denied", "no longer denied" };

/* Statements of one user that one rule changes. Owned by its replay. */
struct row {
	UT_hash_handle hh;
	char *key; /* change, user, role, rule: each with its NUL */
	enum change change;
	const char *user, *role, *rule; /* in the key */
	char *place;			/* file:line of the rule, or "" */
	char *example, *fingerprint;
	uint64_t count;
};

/* One run. On the stack of ctl_replay(). */
struct replay {
	struct policies *policies;
	struct catalogs *catalogs; /* or NULL */
	struct object object;
	struct texts texts;
	struct row *rows;
	uint64_t statements, unjudged, bad_lines, others;
	uint64_t changes[2];
};

static const char *
text_of(struct replay *replay, const char *key)
{
	uint32_t hint = 0;

	return object_text(object_find(&replay->object, key, &hint));
}

static struct row *
row_for(struct replay *replay, enum change change, const char *user, const char *role,
    const char *rule)
{
	struct buf key = { 0 };
	struct row *row;

	buf_put_u8(&key, (uint8_t)change);
	buf_put_cstring(&key, user);
	buf_put_cstring(&key, role);
	buf_put_cstring(&key, rule);
	HASH_FIND(hh, replay->rows, buf_bytes(&key), buf_length(&key), row);
	if (row == NULL && HASH_COUNT(replay->rows) < ROWS_MOST) {
		row = mem_zalloc(1, sizeof(*row));
		row->key = mem_copy(buf_bytes(&key), buf_length(&key));
		row->change = change;
		row->user = row->key + 1;
		row->role = row->user + strlen(row->user) + 1;
		row->rule = row->role + strlen(row->role) + 1;
		HASH_ADD_KEYPTR(hh, replay->rows, row->key, buf_length(&key), row);
	}
	buf_free(&key);
	return row;
}

/* At most so many bytes, whole characters, without line ends. */
static char *
example_of(const char *text)
{
	size_t length = strlen(text);
	char *example;

	if (length > EXAMPLE_MOST)
		for (length = EXAMPLE_MOST; ((unsigned char)text[length] & 0xc0) == 0x80; length--)
			continue;
	example = mem_strndup(text, length);
	for (char *at = example; *at != '\0'; at++)
		if ((unsigned char)*at < ' ')
			*at = ' ';
	return example;
}

static void
note(struct replay *replay, enum change change, const struct subject *subject, const char *rule,
    const struct verdict *verdict, const char *text, const char *fingerprint)
{
	struct row *row = row_for(replay, change, subject->user, subject->role, rule);

	replay->changes[change]++;
	if (row == NULL) {
		replay->others++;
		return;
	}
	if (row->count++ > 0)
		return;
	row->example = example_of(text);
	row->fingerprint = mem_strdup(fingerprint);
	row->place = change == CHANGE_DENIED && verdict->file != NULL
	    ? mem_printf("%s:%d", verdict->file, verdict->line)
	    : mem_strdup("");
}

/* PostgreSQL has refused it for want of a privilege: no policy could take anything from it. */
static bool
is_refused_by_server(struct replay *replay)
{
	return strcmp(text_of(replay, "db.response.status_code"), "42501") == 0;
}

/* A statement that was answered (`denied`: by a refusal) is judged again. */
static void
judge(struct replay *replay, bool denied)
{
	const struct subject subject = { .user = text_of(replay, "user.name"),
		.role = text_of(replay, "db.role"),
		.database = text_of(replay, "db.namespace"),
		.application = text_of(replay, "application"),
		.client = text_of(replay, "client.address"),
		.catalogs = replay->catalogs };
	const char *text = text_of(replay, "db.query.text"), *rule = text_of(replay, "rule");
	const char *fingerprint = text_of(replay, "query.fingerprint");
	const struct sql_facts *facts = *text != '\0' ? texts_facts(&replay->texts, text) : NULL;
	struct verdict verdict;
	uint64_t wall_us = 0;

	replay->statements++;
	if (facts == NULL || !report_time(text_of(replay, "time"), &wall_us)) {
		replay->unjudged++;
		return;
	}
	policies_judge(replay->policies, &subject, text, strlen(text), SQL_KNOWN, facts, NULL, wall_us,
	    &verdict);
	if (!denied && !is_refused_by_server(replay) && (verdict.action == POLICY_DENY || verdict.would_deny))
		note(replay, CHANGE_DENIED, &subject, verdict.rule != NULL ? verdict.rule : "?", &verdict,
		    text, fingerprint);
	else if (denied && verdict.action != POLICY_DENY && !verdict.would_deny)
		note(replay, CHANGE_ALLOWED, &subject, rule, &verdict, text, fingerprint);
	verdict_free(&verdict);
}

static void
take_line(struct replay *replay, const struct lines *lines)
{
	char *line = mem_strndup(lines->line, lines->length);
	const char *event;

	if (lines->cut || !object_read(&replay->object, line, lines->length)) {
		replay->bad_lines++;
	} else {
		event = text_of(replay, "event");
		/* What was intended has a second record, of how it went. */
		if (strcmp(event, "statement") == 0 && strcmp(text_of(replay, "outcome"), "intent") != 0)
			judge(replay, false);
		else if (strcmp(event, "statement.denied") == 0)
			judge(replay, true);
	}
	mem_free(line);
}

static bool
read_file(struct replay *replay, const char *path)
{
	struct lines lines = { 0 };
	struct error err = { 0 };

	if (lines_open(&lines, path, &err))
		while (lines_next(&lines, &err))
			take_line(replay, &lines);
	lines_close(&lines);
	if (err.code == ERROR_NONE)
		return true;
	fprintf(stderr, "pgweirctl replay: %s\n", err.text);
	return false;
}

/* ---- what came of it ---- */

/* What is denied newly first, then the most frequent. */
static int
compare(const struct row *a, const struct row *b)
{
	if (a->change != b->change)
		return (int)a->change - (int)b->change;
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return strcmp(a->rule, b->rule);
}

static void
print_text(const struct replay *replay)
{
	printf("%" PRIu64 " statements: %" PRIu64 " would newly be denied, %" PRIu64
	       " no longer; %" PRIu64 " could not be judged\n",
	    replay->statements, replay->changes[CHANGE_DENIED], replay->changes[CHANGE_ALLOWED],
	    replay->unjudged);
	for (const struct row *row = replay->rows; row != NULL; row = row->hh.next)
		printf("%10" PRIu64 "  %s  %s as %s  by \"%s\"%s%s%s\n            %s\n", row->count,
		    change_names[row->change], row->user, row->role, row->rule,
		    *row->place != '\0' ? " (" : "", row->place, *row->place != '\0' ? ")" : "",
		    row->example);
	if (replay->others > 0)
		printf("%10" PRIu64 "  more, of other users and rules\n", replay->others);
	if (replay->bad_lines > 0)
		printf("%10" PRIu64 "  lines are no records\n", replay->bad_lines);
}

static void
print_json(const struct replay *replay)
{
	struct buf out = { 0 };
	const char *comma = "";

	buf_printf(&out,
	    "{\"statements\":%" PRIu64 ",\"newly_denied\":%" PRIu64 ",\"no_longer_denied\":%" PRIu64
	    ",\"not_judged\":%" PRIu64 ",\"bad_lines\":%" PRIu64 ",\"others\":%" PRIu64 ",\"rows\":[",
	    replay->statements, replay->changes[CHANGE_DENIED], replay->changes[CHANGE_ALLOWED],
	    replay->unjudged, replay->bad_lines, replay->others);
	for (const struct row *row = replay->rows; row != NULL; row = row->hh.next) {
		buf_printf(&out, "%s{\"count\":%" PRIu64, comma, row->count);
		json_put_member(&out, "change", change_names[row->change]);
		json_put_member(&out, "user", row->user);
		json_put_member(&out, "role", row->role);
		json_put_member(&out, "rule", row->rule);
		json_put_member(&out, "place", row->place);
		json_put_member(&out, "fingerprint", row->fingerprint);
		json_put_member(&out, "example", row->example);
		buf_put_u8(&out, '}');
		comma = ",";
	}
	buf_put_text(&out, "]}\n");
	fwrite(buf_bytes(&out), 1, buf_length(&out), stdout);
	buf_free(&out);
}

static void
replay_free(struct replay *replay)
{
	struct row *row, *next;

	texts_forget(&replay->texts);
	HASH_ITER(hh, replay->rows, row, next) {
		HASH_DEL(replay->rows, row);
		mem_free(row->key);
		mem_free(row->place);
		mem_free(row->example);
		mem_free(row->fingerprint);
		mem_free(row);
	}
	object_free(&replay->object);
	policies_release(replay->policies);
}

static int
run(char *const *files, size_t count, const char *policy, struct catalogs *catalogs, bool as_json)
{
	char *glob = ctl_policy_glob(policy);
	struct problems problems = { 0 };
	struct replay replay = { .policies = policies_load(glob, &problems),
		.catalogs = catalogs };
	bool good = true;

	ctl_print_problems(&problems);
	problems_free(&problems);
	mem_free(glob);
	if (replay.policies == NULL)
		return CTL_CONFIG;
	for (size_t i = 0; i < count; i++)
		good = read_file(&replay, files[i]) && good;
	HASH_SORT(replay.rows, compare);
	if (as_json)
		print_json(&replay);
	else
		print_text(&replay);
	good = good && replay.changes[CHANGE_DENIED] == 0;
	replay_free(&replay);
	return good ? CTL_GOOD : CTL_NO;
}

int
ctl_replay(const struct ctl_command *command, int argc, char **argv)
{
	static const struct option names[] = { { "audit", required_argument, NULL, 'a' },
		{ "catalog", required_argument, NULL, 'c' }, { "policy", required_argument, NULL, 'p' }, { "format", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	const char *policy = NULL, *format = "text", *catalog = NULL;
	struct catalogs *catalogs = NULL;
	char **files = mem_zalloc((size_t)argc + 1, sizeof(*files));
	size_t count = 0;
	int letter, status;

	while ((letter = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		switch (letter) {
		case 'a':
			files[count++] = optarg;
			break;
		case 'p':
			policy = optarg;
			break;
		case 'c':
			catalog = optarg;
			break;
		case 'f':
			format = optarg;
			break;
		case 'h':
			mem_free(files);
			return ctl_help(command);
		default:
			mem_free(files);
			return ctl_usage(command, "unknown option");
		}
	}
	while (optind < argc)
		files[count++] = argv[optind++];
	if (policy == NULL || count == 0)
		status = ctl_usage(command, "give --audit FILE and --policy PATH");
	else if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
		status = ctl_usage(command, "--format is text or json");
	else if (!ctl_open_catalog(command, catalog, &catalogs))
		status = CTL_CONFIG;
	else
		status = run(files, count, policy, catalogs, strcmp(format, "json") == 0);
	catalogs_free(catalogs);
	mem_free(files);
	return status;
}

/*
 * selftest.c - the tests that a policy file carries. Each gives a statement and
 * who sends it, and says what must come of it; one that fails refuses the load.
 * A test asks its own file only, as if it were enforced, so that it holds in
 * every mode. What a test does not say of the subject is filled in so that the
 * file applies. Called by load.c.
 */
#include <string.h>

#include "base/mem.h"
#include "policy_internal.h"

/* Tests run on the loader's own stack: sql_stack_size() of this fits any thread's 8 MiB. */
enum { TEST_SQL_MOST = 16 * 1024 };

static const struct field test_fields[] = { { "as" }, { "sql" },
	{ "expect" }, { "rule" }, { "at" } };
static const struct field subject_fields[] = { { "user" }, { "role" },
	{ "database" }, { "application" }, { "client" } };
static const char *const expectations[] = { "allow", "warn", "deny" };

/* One test. `owned` is a name made up from a pattern, to be freed. */
struct selftest {
	const struct yaml *at;
	struct subject subject;
	char *owned[3];
	const char *sql, *rule;
	int expect;
	uint64_t wall_us;
};

/* A name that fits the first pattern of applies_to. */
static char *
made_up(const struct pattern_list *list)
{
	struct buf name = { 0 };

	if (list->count > 0)
		for (const char *at = list->items[0].text; *at != '\0'; at++)
			if (*at != '*')
				buf_put_u8(&name, (uint8_t)*at);
	return buf_steal_text(&name);
}

/* What the test says, or a name under which the file applies. */
static const char *
subject_text(struct reader *reader, const struct yaml *as, const char *key,
    const char *otherwise)
{
	const char *text = as != NULL && as->kind == YAML_MAP
	    ? field_text(reader, as, key, false)
	    : NULL;

	return text != NULL ? text : otherwise;
}

static void
read_subject(struct reader *reader, const struct policy *policy, struct selftest *test)
{
	const struct yaml *as = yaml_get(test->at, "as");
	struct subject *subject = &test->subject;

	if (as != NULL)
		fields_check(reader, as, "as", subject_fields, ARRAY_LENGTH(subject_fields));
	test->owned[0] = made_up(&policy->users);
	test->owned[1] = made_up(&policy->roles);
	test->owned[2] = made_up(&policy->databases);
	subject->user = subject_text(reader, as, "user", test->owned[0]);
	/* As without `users.x.role`: PostgreSQL's role is the user's name. */
	subject->role = subject_text(reader, as, "role",
	    policy->roles.count > 0 ? test->owned[1] : subject->user);
	subject->database = subject_text(reader, as, "database", test->owned[2]);
	subject->application = subject_text(reader, as, "application", "");
	subject->client = subject_text(reader, as, "client", "");
}

static void
read_test(struct reader *reader, const struct policy *policy, struct selftest *test)
{
	const char *at = field_text(reader, test->at, "at", false);

	fields_check(reader, test->at, "a test", test_fields, ARRAY_LENGTH(test_fields));
	test->sql = field_text(reader, test->at, "sql", true);
	test->rule = field_text(reader, test->at, "rule", false);
	test->expect = field_choice(reader, test->at, "expect", expectations,
	    ARRAY_LENGTH(expectations), -2);
	test->wall_us = reader->now_us;
	if (test->expect == -2)
		yaml_problem(reader->problems, test->at, "\"expect\" is missing");
	if (test->sql != NULL && strlen(test->sql) > TEST_SQL_MOST)
		yaml_problem(reader->problems, yaml_get(test->at, "sql"),
		    "the sql of a test can have %d bytes", TEST_SQL_MOST);
	if (at != NULL && !field_moment(at, &test->wall_us))
		yaml_problem(reader->problems, yaml_get(test->at, "at"),
		    "at: \"%s\" is not a moment: write it as 2027-01-31T00:00:00Z", at);
	read_subject(reader, policy, test);
}

/* What came of it, in words: `deny by rule "drop-table"`. */
static char *
outcome_text(const struct verdict *verdict)
{
	const char *action = verdict->action == POLICY_LOG
	    ? "allow (log)"
	    : rule_action_name(verdict->action);

	if (verdict->rule == NULL)
		return mem_strdup(action);
	if (verdict->detail == NULL)
		return mem_printf("%s by rule \"%s\"", action, verdict->rule);
	return mem_printf("%s by rule \"%s\" (%s)", action, verdict->rule, verdict->detail);
}

static bool
is_as_expected(const struct selftest *test, const struct verdict *verdict)
{
	static const enum policy_action wanted[] = { POLICY_ALLOW, POLICY_WARN, POLICY_DENY };
	enum policy_action action =
	    verdict->action == POLICY_LOG ? POLICY_ALLOW : verdict->action;

	if (action != wanted[test->expect])
		return false;
	return test->rule == NULL ||
	    (verdict->rule != NULL && strcmp(test->rule, verdict->rule) == 0);
}

static void
note_failure(
    struct reader *reader, const struct selftest *test, const struct verdict *verdict)
{
	char *came = outcome_text(verdict);

	if (test->rule != NULL)
		yaml_problem(reader->problems, test->at,
		    "test failed: expected %s by rule \"%s\", got %s: %s",
		    expectations[test->expect], test->rule, came, test->sql);
	else
		yaml_problem(reader->problems, test->at, "test failed: expected %s, got %s: %s",
		    expectations[test->expect], came, test->sql);
	mem_free(came);
}

static void
run_test(struct reader *reader, const struct policy *policy, const struct selftest *test)
{
	const struct judging judging = { .trial = true };
	struct question question = { .subject = &test->subject,
		.text = test->sql,
		.length = strlen(test->sql),
		.wall_us = test->wall_us };
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	struct verdict verdict;
	int position = 0;

	question.outcome = sql_facts(test->sql, question.length,
	    policy->oversize_above < TEST_SQL_MOST ? policy->oversize_above : TEST_SQL_MOST,
	    &facts, &err, &position);
	question.facts = question.outcome == SQL_KNOWN ? facts : NULL;
	question.err = &err;
	judge_text(&policy, 1, &question, &judging, &verdict);
	if (!is_as_expected(test, &verdict))
		note_failure(reader, test, &verdict);
	verdict_free(&verdict);
	if (question.facts != NULL)
		sql_facts_free(facts);
}

void
selftests_read(
    struct reader *reader, const struct yaml *node, const struct policy *policy, bool run)
{
	if (node->kind != YAML_LIST) {
		yaml_problem(reader->problems, node, "tests must be a list, not %s",
		    yaml_kind_name(node->kind));
		return;
	}
	for (size_t i = 0; i < node->count; i++) {
		struct selftest test = { .at = node->items[i] };
		size_t errors = reader->problems->errors;

		if (test.at->kind != YAML_MAP) {
			yaml_problem(reader->problems, test.at, "a test must be a map, not %s",
			    yaml_kind_name(test.at->kind));
			continue;
		}
		read_test(reader, policy, &test);
		if (run && reader->problems->errors == errors)
			run_test(reader, policy, &test);
		for (size_t j = 0; j < ARRAY_LENGTH(test.owned); j++)
			mem_free(test.owned[j]);
	}
}

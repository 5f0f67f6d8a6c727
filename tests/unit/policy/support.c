/* support.c - see support.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "support.h"

static char folder[] = "/tmp/pgweir-policy-XXXXXX";

int
enter_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

int
leave_folder(void **state)
{
	(void)state;
	unlink("p.yaml");
	unlink("q.yaml");
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

void
write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

struct policies *
load(const char *text)
{
	struct problems problems = { 0 };
	struct policies *policies;

	write_file("p.yaml", text);
	policies = policies_load("p.yaml", &problems);
	for (size_t i = 0; i < problems.count; i++) {
		char *line = problem_text(&problems.items[i]);

		if (!problems.items[i].warning)
			print_message("%s\n", line);
		mem_free(line);
	}
	problems_free(&problems);
	assert_non_null(policies);
	return policies;
}

char *
faults_of(const char *text)
{
	struct problems problems = { 0 };
	struct buf out = { 0 };
	struct policies *policies;

	write_file("p.yaml", text);
	policies = policies_load("p.yaml", &problems);
	for (size_t i = 0; i < problems.count; i++) {
		const struct problem *problem = &problems.items[i];

		assert_string_equal(problem->file, "p.yaml");
		buf_printf(&out, "%d:%d: %s%s\n", problem->line, problem->col,
		    problem->warning ? "warning: " : "", problem->text);
	}
	if (problems.errors > 0)
		assert_null(policies);
	else
		assert_non_null(policies);
	policies_release(policies);
	problems_free(&problems);
	return buf_steal_text(&out);
}

static const char *
or_empty(const char *text)
{
	return text != NULL ? text : "";
}

struct verdict
judge_at(
    const struct policies *policies, struct who who, const char *sql, uint64_t wall_us)
{
	struct subject subject = { .user = or_empty(who.user),
		.role = or_empty(who.role),
		.database = or_empty(who.database),
		.application = or_empty(who.application),
		.client = or_empty(who.client) };
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	struct verdict verdict;
	int position = 0;
	enum sql_outcome outcome = sql_facts(
	    sql, strlen(sql), policies_text_cap(policies), &facts, &err, &position);

	policies_judge(policies, &subject, sql, strlen(sql), outcome, facts, &err, wall_us,
	    &verdict);
	if (outcome == SQL_KNOWN)
		sql_facts_free(facts);
	return verdict;
}

struct verdict
judge(const struct policies *policies, struct who who, const char *sql)
{
	return judge_at(policies, who, sql, TEN_US);
}

const char *
outcome_at(
    const struct policies *policies, struct who who, const char *sql, uint64_t wall_us)
{
	static const char *const names[] = { "allow", "log", "warn", "deny" };
	static char text[200];
	struct verdict verdict = judge_at(policies, who, sql, wall_us);

	snprintf(text, sizeof(text), "%s %s", names[verdict.action],
	    verdict.rule != NULL ? verdict.rule : "-");
	verdict_free(&verdict);
	return text;
}

const char *
outcome(const struct policies *policies, struct who who, const char *sql)
{
	return outcome_at(policies, who, sql, TEN_US);
}

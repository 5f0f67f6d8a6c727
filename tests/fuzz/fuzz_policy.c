/*
 * fuzz_policy.c - policy files made of arbitrary bytes, and what is loaded of
 * them asked about a few statements. A file is loaded, or has a fault.
 */
#include <assert.h>
#include <string.h>

#include "../../src/policy/policy_internal.h"
#include "fuzz.h"

/* Facts by hand: the parser has a target of its own. */
static const char *const verbs[] = { "WITH", "DELETE", NULL };
static struct sql_relation relations[] = {
	{ .schema = NULL, .name = (char[]){ "t" }, .access = SQL_ACCESS_WRITE },
	{ .schema = (char[]){ "secret" }, .name = (char[]){ "keys" }, .access = SQL_ACCESS_READ },
};
static char *functions[] = { (char[]){ "now" } };
static struct sql_statement statement = { .length = 13,
	.classes = SQL_READ | SQL_WRITE,
	.effects = SQL_READ | SQL_WRITE,
	.verb = "DELETE",
	.verbs = verbs,
	.relations = relations,
	.relation_count = 2,
	.functions = functions,
	.function_count = 1,
	.where = SQL_WHERE_ABSENT,
	.where_relation = "t" };
static const struct sql_facts facts = { .statements = &statement,
	.statement_count = 1,
	.classes = SQL_READ | SQL_WRITE,
	.fingerprint = "pg15:a0ead580058af585" };

static void
ask(const struct policy *policy, enum sql_outcome outcome)
{
	const struct subject subject = { .user = "jane", .role = "a", .database = "shop",
		.application = "psql", .client = "10.0.0.1" };
	const struct error err = { .text = "syntax error" };
	struct question question = { .subject = &subject,
		.text = "DELETE FROM t",
		.length = 13,
		.outcome = outcome,
		.facts = outcome == SQL_KNOWN ? &facts : NULL,
		.err = &err,
		.wall_us = 1795600800000000ULL };
	struct verdict verdict;

	judge_text(&policy, 1, &question, NULL, &verdict);
	assert((verdict.message != NULL) == (verdict.action >= POLICY_WARN));
	assert(verdict.action < POLICY_LOG || verdict.rule != NULL);
	verdict_free(&verdict);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct problems problems = { 0 };
	struct policy *policy =
	    policy_read("fuzz.yaml", (const char *)bytes, length, &problems);

	assert((policy == NULL) == (problems.errors > 0));
	if (policy != NULL) {
		ask(policy, SQL_KNOWN);
		ask(policy, SQL_UNPARSEABLE);
		ask(policy, SQL_OVERSIZE);
	}
	policy_free(policy);
	problems_free(&problems);
	return 0;
}

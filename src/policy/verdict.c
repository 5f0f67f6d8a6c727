/*
 * verdict.c - the verdict in words: ERROR, DETAIL and HINT of the rule that won,
 * and where in the text. Called by judge.c at the end, once.
 */
#include <string.h>

#include "base/mem.h"
#include "policy_internal.h"

/* Where the statement begins, in characters from 1. */
static int
position_of(const struct question *question, const struct sql_statement *statement)
{
	const char *text = question->text;
	size_t start = statement->location > 0 ? (size_t)statement->location : 0;
	int characters = 1;

	for (size_t i = 0; i < start && i < question->length; i++)
		characters += ((unsigned char)text[i] & 0xc0) != 0x80;
	return characters;
}

static void
tell_gap(const struct run *run, const struct finding *finding, struct verdict *verdict)
{
	static const char *const access_names[] = { [SQL_ACCESS_READ] = "reading",
		[SQL_ACCESS_WRITE] = "writing", [SQL_ACCESS_DDL] = "changing or dropping" };
	struct buf detail = { 0 };
	struct gap gap;

	judge_find_gap(run, finding->policy, &gap);
	buf_printf(&detail, "Policy \"%s\" allows only what its rules name, and none allows ",
	    finding->policy->name);
	if (gap.relation == NULL) {
		buf_printf(&detail, "class %s.", sql_class_name(gap.class_bit));
	} else {
		buf_printf(&detail, "%s ", access_names[gap.access]);
		name_put_prose(&detail, gap.relation);
		buf_put_u8(&detail, '.');
	}
	verdict->detail = buf_steal_text(&detail);
	verdict->hint = mem_strdup(gap.relation != NULL && gap.relation->schema == NULL
	    ? "Write the table with its schema: a bare name is not known to be the allowed one."
	    : "Ask the owner of the policy for a rule that allows it.");
}

static void
tell_unparseable(
    const struct finding *finding, const struct question *question, struct verdict *verdict)
{
	const char *why = question->err != NULL && question->err->text[0] != '\0'
	    ? question->err->text
	    : "the parser cannot read it";

	verdict->detail = mem_printf("The statement cannot be analysed: %s.", why);
	verdict->hint = mem_printf(
	    "pgweir reads the grammar of PostgreSQL 15. Whether a text that it cannot read is "
	    "refused is decided by defaults.on_unparseable of policy \"%s\".",
	    finding->policy->name);
}

static void
tell_oversize(
    const struct finding *finding, const struct question *question, struct verdict *verdict)
{
	verdict->detail = mem_printf(
	    "The statement is %zu bytes long; policy \"%s\" analyses at most %zu.",
	    question->length, finding->policy->name, finding->policy->oversize_above);
	verdict->hint = mem_strdup("Send the values as parameters, or load them with COPY.");
}

static void
tell_builtin(const struct finding *finding, const struct asked *asked, struct verdict *verdict)
{
	const struct builtin *builtin = finding->rule->builtin;
	struct buf text = { 0 };

	if (verdict->detail == NULL) {
		told_why(builtin, asked, finding->act, &text);
		verdict->detail = buf_steal_text(&text);
	}
	if (finding->small_rows >= 0) {
		buf_printf(&text, "%s About %lld rows are too few to refuse it (large_table: %lld).",
		    verdict->detail, (long long)finding->small_rows,
		    (long long)finding->rule->large_rows);
		mem_free(verdict->detail);
		verdict->detail = buf_steal_text(&text);
	}
	if (verdict->hint == NULL) {
		told_safe(builtin, asked, finding->act, &text);
		verdict->hint = buf_steal_text(&text);
	}
}

static void
tell_words(struct run *run, const struct finding *finding)
{
	struct verdict *verdict = run->verdict;
	const struct rule *rule = finding->rule;

	memcpy(verdict->sqlstate,
	    rule->builtin != NULL && rule->builtin->sqlstate != NULL ? rule->builtin->sqlstate : "42501",
	    sizeof(verdict->sqlstate));
	verdict->message = finding->action == POLICY_DENY
	    ? mem_printf("blocked by pgweir rule \"%s\"", rule->id)
	    : mem_printf(verdict->would_deny && rule->action == POLICY_DENY
		      ? "pgweir rule \"%s\" would block this statement"
		      : "warning by pgweir rule \"%s\"", rule->id);
	verdict->detail = mem_strdup(rule->message);
	verdict->hint = mem_strdup(rule->hint);
	if (rule == &finding->policy->unparseable)
		tell_unparseable(finding, run->question, verdict);
	else if (rule == &finding->policy->oversize)
		tell_oversize(finding, run->question, verdict);
	else if (rule == &finding->policy->otherwise)
		tell_gap(run, finding, verdict);
	else if (rule->builtin != NULL)
		tell_builtin(finding, &run->asked, verdict);
}

static void
tell_place(struct run *run, const struct finding *finding)
{
	const struct sql_statement *statement = run->asked.statement;
	const struct sql_relation *object;

	if (statement == NULL)
		return;
	run->verdict->statement = finding->statement;
	run->verdict->position = position_of(run->question, statement);
	object = builtin_object(statement);
	if (object == NULL)
		return;
	run->verdict->schema = mem_strdup(object->schema);
	run->verdict->table = mem_strdup(object->name);
}

void
verdict_tell(struct run *run)
{
	const struct finding *finding = &run->best;
	struct verdict *verdict = run->verdict;
	const struct sql_facts *facts = run->question->facts;
	struct insert_facts insert = { 0 };

	if (finding->rule == NULL)
		return;
	verdict->action = finding->action;
	verdict->mode = finding->mode;
	verdict->rule = finding->rule->id;
	verdict->policy = finding->policy->ident;
	verdict->file = finding->policy->file;
	verdict->line = finding->rule->line;
	if (finding->action < POLICY_WARN)
		return;
	/* A text above the cap of this policy was judged as an INSERT, or not at all. */
	if (run->question->length > finding->policy->oversize_above || facts == NULL)
		facts = finding->policy->oversize_action == OVERSIZE_ALLOW_INSERT_ONLY &&
			oversize_read_insert(run->question, &insert)
		    ? &insert.facts
		    : NULL;
	run->asked.facts = facts;
	run->asked.policy = finding->policy;
	run->asked.rule = finding->rule;
	judge_set_statement(&run->asked, finding->statement);
	tell_words(run, finding);
	tell_place(run, finding);
	oversize_free_insert(&insert);
}

static char *
copy_of(const char *text)
{
	return text == NULL ? NULL : mem_strdup(text);
}

void
verdict_copy(struct verdict *copy, const struct verdict *of)
{
	*copy = *of;
	copy->message = copy_of(of->message);
	copy->detail = copy_of(of->detail);
	copy->hint = copy_of(of->hint);
	copy->schema = copy_of(of->schema);
	copy->table = copy_of(of->table);
	if (of->tried == NULL)
		return;
	copy->tried = mem_zalloc(1, sizeof(*copy->tried));
	*copy->tried = *of->tried;
}

bool
verdict_is_tightened(const struct verdict *verdict, const struct verdict *by, bool of_rules)
{
	struct policy_limits limits = verdict->limits, tried = { 0 };

	if (verdict->tried != NULL)
		tried = *verdict->tried;
	return limits_tighten(&limits, &by->limits, of_rules) ||
	    (by->tried != NULL && limits_tighten(&tried, by->tried, of_rules));
}

void
verdict_tighten(struct verdict *verdict, const struct verdict *by, bool of_rules)
{
	struct policy_limits tried = { 0 };

	limits_tighten(&verdict->limits, &by->limits, of_rules);
	verdict->limited |= limits_set(&verdict->limits);
	if (verdict->tried != NULL)
		tried = *verdict->tried;
	if (by->tried == NULL || !limits_tighten(&tried, by->tried, of_rules))
		return;
	if (verdict->tried == NULL)
		verdict->tried = mem_zalloc(1, sizeof(*verdict->tried));
	*verdict->tried = tried;
	verdict->limited |= POLICY_LIMITS_TRIED;
}

void
verdict_free(struct verdict *verdict)
{
	mem_free(verdict->message);
	mem_free(verdict->detail);
	mem_free(verdict->hint);
	mem_free(verdict->schema);
	mem_free(verdict->table);
	mem_free(verdict->tried);
	verdict->tried = NULL;
	verdict->message = verdict->detail = verdict->hint = NULL;
	verdict->schema = verdict->table = NULL;
}

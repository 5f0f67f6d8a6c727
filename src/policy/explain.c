/*
 * explain.c - the judgement in words, for `pgweirctl explain`: the verdict,
 * what the statement is known to do, every rule that matched, the limits.
 */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy_internal.h"

/* Every rule that matched, collected while judging. */
struct seen {
	struct buf text;
	bool any;
};

static void
note_rule(void *arg, const struct policy *policy, const struct rule *rule,
    enum policy_action action, size_t statement, const struct asked *asked, const struct sql_act *act, const struct exception *lifted)
{
	struct seen *seen = arg;

	(void)asked;
	(void)act;
	seen->any = true;
	buf_printf(&seen->text, "  statement %zu: %s by \"%s\" (%s:%d, policy %s, mode %s)\n",
	    statement + 1, rule_action_name(action), rule->id, policy->file, rule->line,
	    policy->name, rule_mode_name(rule->mode));
	if (lifted != NULL)
		buf_printf(&seen->text, "    lifted by the exception %s of %s (%s:%d)\n",
		    lifted->ticket, lifted->owner, policy->file, lifted->line);
	if (lifted != NULL && lifted->break_glass)
		buf_printf(&seen->text, "      break glass: %s; recorded in full, or refused\n",
		    lifted->reason);
}

static void
put_access(struct buf *out, const struct sql_relation *relation)
{
	static const struct {
		enum sql_access access;
		const char *name;
	} names[] = { { SQL_ACCESS_READ, "read" }, { SQL_ACCESS_WRITE, "write" },
		{ SQL_ACCESS_DDL, "ddl" } };
	const char *before = " ";

	name_put_relation(out, relation);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if ((relation->access & names[i].access) == 0)
			continue;
		buf_printf(out, "%s%s", before, names[i].name);
		before = "+";
	}
}

static void
put_statement(struct buf *out, const struct sql_statement *statement, size_t number)
{
	buf_printf(out, "statement %zu: %s; classes", number,
	    statement->verb != NULL ? statement->verb : "?");
	for (unsigned left = statement->classes; left != 0; left &= left - 1)
		buf_printf(out, " %s", sql_class_name(left & -left));
	for (size_t i = 0; i < statement->relation_count; i++) {
		buf_put_text(out, i == 0 ? "; relations " : ", ");
		put_access(out, &statement->relations[i]);
	}
	for (size_t i = 0; i < statement->function_count; i++)
		buf_printf(out, "%s%s", i == 0 ? "; functions " : ", ", statement->functions[i]);
	buf_put_u8(out, '\n');
}

static void
put_facts(struct buf *out, const struct question *question)
{
	if (question->facts == NULL) {
		buf_printf(out, "not analysed: %s\n",
		    question->outcome == SQL_OVERSIZE ? "too long" : question->err->text);
		return;
	}
	if (question->facts->fingerprint[0] != '\0')
		buf_printf(out, "fingerprint: %s\n", question->facts->fingerprint);
	for (size_t i = 0; i < question->facts->statement_count; i++)
		put_statement(out, &question->facts->statements[i], i + 1);
}

static void
put_verdict(struct buf *out, const struct verdict *verdict)
{
	buf_printf(out, "verdict: %s%s\n", rule_action_name(verdict->action),
	    verdict->would_deny ? " (would deny if it were enforced)" : "");
	if (verdict->rule != NULL)
		buf_printf(out, "rule: %s (%s:%d)\n", verdict->rule, verdict->file, verdict->line);
	buf_printf(out, "policy: %s\n",
	    verdict->policy != NULL ? verdict->policy : "none applies");
	if (verdict->break_glass && verdict->action != POLICY_DENY)
		buf_printf(out, "break glass: %s by the exception %s of %s\n",
		    verdict->exception_rule, verdict->exception, verdict->exception_owner);
	if (verdict->message != NULL)
		buf_printf(out, "message: %s\n", verdict->message);
	if (verdict->detail != NULL)
		buf_printf(out, "detail: %s\n", verdict->detail);
	if (verdict->hint != NULL)
		buf_printf(out, "hint: %s\n", verdict->hint);
}

static void
put_limits(struct buf *out, const struct policy_limits *limits, const char *what, bool all)
{
	buf_put_text(out, what);
	for (enum policy_limit_kind kind = 0; kind < POLICY_LIMIT_KINDS; kind++) {
		const struct policy_limit *limit = policy_limit_of(limits, kind);
		char value[TEXT_UNIT_SIZE];

		if (limit->value == 0) {
			if (all)
				buf_printf(out, "  %s: none\n", policy_limit_name(kind));
			continue;
		}
		policy_limit_text(kind, limit->value, value);
		if (limit->rule != NULL)
			buf_printf(out, "  %s: %s by rule \"%s\" (%s:%d)\n",
			    policy_limit_name(kind), value, limit->rule, limit->file, limit->line);
		else
			buf_printf(out, "  %s: %s by the defaults of policy %s (%s:%d)\n",
			    policy_limit_name(kind), value, limit->policy, limit->file, limit->line);
	}
}

enum policy_action
policies_explain(const struct policies *policies, const struct subject *subject,
    const char *text, uint64_t wall_us, struct buf *out)
{
	struct seen seen = { 0 };
	const struct judging judging = { .seen = note_rule, .arg = &seen };
	static const struct policy_path path = { .known = true };
	static const struct policy_script script = { .path = &path }; /* as a session begins */
	struct question question = { .subject = subject,
		.text = text,
		.length = strlen(text),
		.wall_us = wall_us,
		.script = &script };
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	struct verdict verdict;
	enum policy_action action;
	int position = 0;

	question.outcome = sql_facts(
	    text, question.length, policies_text_cap(policies), &facts, &err, &position);
	question.facts = question.outcome == SQL_KNOWN ? facts : NULL;
	question.err = &err;
	judge_text((const struct policy *const *)policies->items, policies->count, &question,
	    &judging, &verdict);
	action = verdict.action;
	put_verdict(out, &verdict);
	put_facts(out, &question);
	buf_put_text(out, seen.any ? "rules that matched:\n" : "rules that matched: none\n");
	buf_put(out, buf_length(&seen.text) > 0 ? buf_bytes(&seen.text) : (const uint8_t *)"",
	    buf_length(&seen.text));
	put_limits(out, &verdict.limits, "limits:\n", true);
	if (verdict.tried != NULL)
		put_limits(out, verdict.tried, "limits in mode warn:\n", false);
	logged_explain(out, &verdict.logged);
	buf_free(&seen.text);
	verdict_free(&verdict);
	if (question.facts != NULL)
		sql_facts_free(facts);
	return action;
}

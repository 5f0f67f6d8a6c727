/*
 * findings.c - every rule that flags something of a text, not only the one that decides.
 * For `pgweirctl lint`, which tells a reader all that there is to mend at once.
 */
#include "base/mem.h"
#include "policy_internal.h"

/* What note_finding() hands on to. */
struct listener {
	void (*found)(void *arg, const struct policy_finding *finding);
	void *arg;
};

static void
tell(const struct rule *rule, const struct asked *asked, const struct sql_act *act,
    struct policy_finding *finding)
{
	struct buf text = { 0 };

	finding->detail = finding->hint = NULL;
	if (rule->message != NULL)
		buf_put_text(&text, rule->message);
	else if (rule->builtin != NULL)
		told_why(rule->builtin, asked, act, &text);
	finding->detail = buf_steal_text(&text);
	if (rule->hint != NULL)
		buf_put_text(&text, rule->hint);
	else if (rule->builtin != NULL)
		told_safe(rule->builtin, asked, act, &text);
	finding->hint = buf_steal_text(&text);
}

static void
note_finding(void *arg, const struct policy *policy, const struct rule *rule,
    enum policy_action action, size_t statement, const struct asked *asked,
    const struct sql_act *act, const struct exception *lifted)
{
	struct listener *listener = arg;
	struct policy_finding finding = { .action = action,
		.mode = rule->mode,
		.rule = rule->id,
		.policy = policy->name,
		.file = policy->file,
		.line = rule->line };

	if (lifted != NULL || action < POLICY_WARN)
		return;
	if (asked->statement != NULL)
		finding.offset = (size_t)asked->statement->location;
	if (act != NULL && act->length > 0)
		finding.offset = (size_t)act->start;
	tell(rule, asked, act, &finding);
	listener->found(listener->arg, &finding);
	mem_free(finding.detail);
	mem_free(finding.hint);
	(void)statement;
}

void
policies_find(const struct policies *policies, const struct subject *subject, const char *text,
    size_t length, enum sql_outcome outcome, const struct sql_facts *facts, uint64_t wall_us,
    const struct policy_script *script,
    void (*found)(void *arg, const struct policy_finding *finding), void *arg)
{
	struct question question =
	    judge_question(subject, text, length, outcome, facts, NULL, wall_us, script);
	struct listener listener = { .found = found, .arg = arg };
	const struct judging judging = { .seen = note_finding, .arg = &listener };
	struct verdict verdict;

	judge_text((const struct policy *const *)policies->items, policies->count, &question,
	    &judging, &verdict);
	verdict_free(&verdict);
}

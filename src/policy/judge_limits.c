/*
 * judge_limits.c - which limits hold for a text: those of the rules that match it and of the
 * defaults, merged. Those in mode warn are merged by themselves, to be told of and no more.
 * Called by judge.c, and by the session layer for what concerns no single text.
 */
#include <string.h>

#include "base/mem.h"
#include "policy_internal.h"

/* Do the limits of this rule stop something, or are they only told of? */
static bool
is_of_mode(
    const struct run *run, const struct policy *policy, const struct rule *rule, bool tried)
{
	bool enforced = judge_is_enforced(run, policy) &&
	    judge_mode_of(run, rule) == POLICY_MODE_ENFORCE;

	return tried ? !enforced && judge_mode_of(run, rule) != POLICY_MODE_OFF : enforced;
}

static void
merge_limits(
    struct run *run, const struct policy *policy, bool tried, struct policy_limits *limits)
{
	size_t turns = judge_turns(&run->asked);

	for (size_t turn = 0; turn < turns; turn++) {
		struct limits_merge merge = { 0 };
		struct candidates candidates;
		const struct rule *rule;

		judge_set_statement(&run->asked, turn);
		candidates_begin(&candidates, policy, run->asked.subject);
		while ((rule = candidates_next(&candidates)) != NULL) {
			const struct exception *lifted;
			const struct sql_act *act;

			if (!rule->has_limits || !is_of_mode(run, policy, rule, tried) ||
			    !judge_rule_fits(rule, &run->asked, &act))
				continue;
			lifted = exception_for(policy, rule, &run->asked);
			if (lifted != NULL)
				judge_note_lifted(run, lifted);
			else
				limits_merge_rule(&merge, policy, rule);
		}
		/* The defaults are of the file's mode. */
		limits_merge_end(&merge, policy, tried != judge_is_enforced(run, policy), limits);
	}
}

void
limits_judge(struct run *run, const struct policy *policy)
{
	struct verdict *verdict = run->verdict;
	struct policy_limits tried = { 0 };

	if (judge_is_enforced(run, policy))
		merge_limits(run, policy, false, &verdict->limits);
	if (!policy->tries_limits)
		return;
	if (verdict->tried != NULL)
		tried = *verdict->tried;
	merge_limits(run, policy, true, &tried);
	if (limits_set(&tried) == 0)
		return;
	if (verdict->tried == NULL)
		verdict->tried = mem_alloc(sizeof(tried));
	*verdict->tried = tried;
}

/* Only for a statement that asks for it: it goes through all rules once more. */
bool
judge_counts_rows(const struct asked *asked)
{
	struct run run = *asked->run;
	struct policy_limits limits = { 0 };

	run.asked.counting = true;
	for (size_t i = 0; i < run.count; i++) {
		if (!judge_policy_is_on(&run, run.policies[i]) ||
		    !judge_is_enforced(&run, run.policies[i]))
			continue;
		run.asked.policy = run.policies[i];
		merge_limits(&run, run.policies[i], false, &limits);
	}
	return limits.max_affected_rows.value != 0;
}

static void
of_subject(const struct policies *policies, const struct subject *subject, uint64_t wall_us,
    bool tried, struct policy_limits *limits)
{
	static const struct question nothing;
	struct run run = { .question = &nothing,
		.asked = { .subject = subject, .text = "", .wall_us = wall_us } };
	struct verdict verdict = { 0 }; /* of which exceptions are noted */

	run.verdict = &verdict;
	*limits = (struct policy_limits){ 0 };
	for (size_t i = 0; i < policies->count; i++) {
		const struct policy *policy = policies->items[i];

		if (!judge_policy_is_on(&run, policy) ||
		    !(tried ? policy->tries_limits : judge_is_enforced(&run, policy)))
			continue;
		run.asked.policy = policy;
		merge_limits(&run, policy, tried, limits);
	}
}

void
policies_limits(const struct policies *policies, const struct subject *subject,
    uint64_t wall_us, struct policy_limits *limits)
{
	of_subject(policies, subject, wall_us, false, limits);
}

bool
policies_try_limits(const struct policies *policies)
{
	for (size_t i = 0; i < policies->count; i++)
		if (policies->items[i]->tries_limits)
			return true;
	return false;
}

void
policies_tried_limits(const struct policies *policies, const struct subject *subject,
    uint64_t wall_us, struct policy_limits *limits)
{
	of_subject(policies, subject, wall_us, true, limits);
}

/* The largest that rules for this subject may put in the place of the defaults; 0 is none. */
static int64_t
loosest_of(const struct policy *policy, const struct subject *subject)
{
	const struct limit_spec *own = &policy->limits.items[POLICY_STATEMENT_TIMEOUT];
	int64_t most = own->set ? own->value : 0;
	struct candidates candidates;
	const struct rule *rule;

	candidates_begin(&candidates, policy, subject);
	while (most > 0 && (rule = candidates_next(&candidates)) != NULL) {
		const struct limit_spec *spec = &rule->limits.items[POLICY_STATEMENT_TIMEOUT];

		if (rule->has_limits && rule->names_subject && spec->set &&
		    rule->mode == POLICY_MODE_ENFORCE && (spec->value == 0 || spec->value > most))
			most = spec->value;
	}
	return most;
}

int64_t
policies_loosest_statement_timeout(
    const struct policies *policies, const struct subject *subject)
{
	int64_t strictest = 0;

	for (size_t i = 0; i < policies->count; i++) {
		int64_t most;

		if (policies->items[i]->mode != POLICY_MODE_ENFORCE ||
		    !judge_policy_applies(policies->items[i], subject))
			continue;
		most = loosest_of(policies->items[i], subject);
		if (most > 0 && (strictest == 0 || most < strictest))
			strictest = most;
	}
	return strictest;
}

/*
 * judge.c - facts in, verdict out.
 *
 * Every policy that applies to the subject is asked; within it every rule, in
 * its order, for every statement. The strongest action wins (deny, warn, log,
 * allow), the first of its kind is reported. Nothing is allocated until a
 * refusal or a warning has to be told. Pure: the same question has the same
 * answer.
 */
#include <string.h>

#include "policy_internal.h"

bool
judge_policy_applies(const struct policy *policy, const struct subject *subject)
{
	return match_names_fit(&policy->databases, subject->database) &&
	    match_names_fit(&policy->users, subject->user) &&
	    match_names_fit(&policy->roles, subject->role);
}

static bool
is_trial(const struct run *run)
{
	return run->judging != NULL && run->judging->trial;
}

enum policy_mode
judge_mode_of(const struct run *run, const struct rule *rule)
{
	if (!is_trial(run))
		return rule->mode;
	return rule->mode_given && rule->mode == POLICY_MODE_OFF ? POLICY_MODE_OFF
								 : POLICY_MODE_ENFORCE;
}

bool
judge_policy_is_on(const struct run *run, const struct policy *policy)
{
	return (policy->mode != POLICY_MODE_OFF || is_trial(run)) &&
	    judge_policy_applies(policy, run->asked.subject);
}

bool
judge_is_enforced(const struct run *run, const struct policy *policy)
{
	return policy->mode == POLICY_MODE_ENFORCE || is_trial(run);
}

size_t
judge_turns(const struct asked *asked)
{
	if (asked->facts == NULL || asked->facts->statement_count == 0)
		return 1;
	return asked->facts->statement_count;
}

void
judge_set_statement(struct asked *asked, size_t i)
{
	bool known = asked->facts != NULL && i < asked->facts->statement_count;

	asked->statement = known ? &asked->facts->statements[i] : NULL;
}

/* Does the rule stand in the file, and not for what its defaults decide? */
static bool
is_listed(const struct policy *policy, const struct rule *rule)
{
	return rule >= policy->rules && rule < policy->rules + policy->rule_count;
}

bool
judge_rule_fits(const struct rule *rule, struct asked *asked, const struct sql_act **act)
{
	*act = NULL;
	asked->rule = rule;
	if (rule->builtin != NULL &&
	    (asked->statement == NULL || !builtin_flags(rule->builtin, asked, act)))
		return false;
	return match_fits(rule->match, asked);
}

/*
 * Is it to be reported rather than the best so far? The stronger one; of equal ones the
 * first in its file, whichever statement of the text it speaks of.
 */
static bool
comes_before(const struct run *run, const struct policy *policy, const struct rule *rule,
    enum policy_action action)
{
	const struct finding *best = &run->best;

	if (action != best->action)
		return action > best->action;
	return policy == best->policy && is_listed(policy, rule) && is_listed(policy, best->rule) &&
	    rule < best->rule;
}

/*
 * On small tables a deny is a warning: *rows is how many the flagged one has. Of several
 * acts one on a large table counts.
 */
static bool
is_small(const struct rule *rule, const struct asked *asked, const struct sql_act **act,
    int64_t *rows)
{
	const struct builtin *builtin = rule->builtin;

	if (rule->large_rows == 0 || asked->statement == NULL)
		return false;
	*rows = known_rows(asked, *act);
	if (*rows < 0 || *rows >= rule->large_rows)
		return false;
	return builtin == NULL || builtin->kinds == 0 ||
	    !builtin_flags_large(builtin, asked, rule->large_rows, act);
}

/* What the rule does about it, for what is known of the server. */
static enum policy_action
action_for(const struct rule *rule, const struct asked *asked, const struct sql_act **act,
    int64_t *rows)
{
	const struct builtin *builtin = rule->builtin;

	*rows = -1;
	if (rule->action != POLICY_DENY)
		return rule->action;
	if (builtin != NULL && builtin->unsure != NULL && !rule->action_given &&
	    builtin->unsure(asked, *act))
		return POLICY_WARN;
	if (is_small(rule, asked, act, rows))
		return POLICY_WARN;
	*rows = -1;
	return POLICY_DENY;
}

void
judge_note_lifted(struct run *run, const struct exception *lifted)
{
	struct verdict *verdict = run->verdict;

	if (verdict->break_glass && !lifted->break_glass)
		return;
	verdict->exception = lifted->ticket;
	verdict->exception_rule = lifted->rule;
	verdict->exception_owner = lifted->owner;
	verdict->exception_reason = lifted->reason;
	verdict->exception_expires_us = lifted->expires_us;
	verdict->break_glass = lifted->break_glass;
}

static bool
is_startup(const struct run *run)
{
	return run->question->script != NULL && run->question->script->is_startup;
}

/* Of a client's first packet are asked what holds sessions, and what cannot be read. */
static bool
is_for_startup(const struct policy *policy, const struct rule *rule)
{
	return rule == &policy->unparseable || rule == &policy->oversize ||
	    (rule->builtin != NULL && strcmp(rule->builtin->pack, "session-integrity") == 0);
}

/* The exception that lets it pass, or NULL. Nobody waits for a record of a log-in. */
static const struct exception *
lifted_by(struct run *run, const struct policy *policy, const struct rule *rule,
    enum policy_action action)
{
	const struct exception *lifted =
	    action == POLICY_ALLOW ? NULL : exception_for(policy, rule, &run->asked);

	return lifted != NULL && lifted->break_glass && is_startup(run) ? NULL : lifted;
}

/* A rule has spoken about the statement at hand. */
static void
consider(struct run *run, const struct policy *policy, const struct rule *rule,
    size_t statement, const struct sql_act *act)
{
	int64_t small_rows;
	enum policy_mode mode = judge_mode_of(run, rule);
	enum policy_action action = action_for(rule, &run->asked, &act, &small_rows);
	const struct exception *lifted = lifted_by(run, policy, rule, action);

	if (is_startup(run) && !is_for_startup(policy, rule))
		return;
	if (run->judging != NULL && run->judging->seen != NULL)
		run->judging->seen(run->judging->arg, policy, rule, action, statement, &run->asked,
		    act, lifted);
	if (lifted != NULL) {
		judge_note_lifted(run, lifted);
		return;
	}
	if (action == POLICY_DENY && mode == POLICY_MODE_WARN) {
		action = POLICY_WARN;
		run->verdict->would_deny = true;
	}
	if (run->best.rule != NULL && !comes_before(run, policy, rule, action))
		return;
	run->best = (struct finding){ .policy = policy,
		.rule = rule,
		.statement = statement,
		.act = act,
		.action = action,
		.mode = mode,
		.small_rows = small_rows };
}

/* What the transaction has done when the first statement of the text begins. */
static void
begin_transaction(const struct run *run, struct policy_transaction *transaction)
{
	const struct policy_script *script = run->question->script;

	if (script != NULL && script->transaction != NULL)
		*transaction = *script->transaction;
	else
		*transaction = (struct policy_transaction){ 0 };
	transaction->borrows = true;
}

static void
set_place(struct run *run, size_t turn, size_t turns,
    const struct policy_transaction *transaction)
{
	const struct policy_script *script = run->question->script;
	struct asked *asked = &run->asked;

	judge_set_statement(asked, turn);
	asked->transaction = transaction;
	asked->script = script != NULL && script->is_file;
	asked->comments = script != NULL ? script->comments : NULL;
	/* psql sends the statements of a file one by one; others make one transaction of a text. */
	asked->in_block = transaction != NULL &&
	    (transaction->open || (script != NULL && script->in_block) ||
		(!asked->script && turns > 1));
	asked->last = script != NULL && script->is_last && turn + 1 == turns;
}

/* Every rule about the statement at hand. */
static void
ask_about(struct run *run, const struct policy *policy, size_t turn)
{
	struct candidates candidates;
	const struct rule *rule;
	const struct sql_act *act;

	candidates_begin(&candidates, policy, run->asked.subject);
	while ((rule = candidates_next(&candidates)) != NULL)
		if (judge_mode_of(run, rule) != POLICY_MODE_OFF && judge_rule_fits(rule, &run->asked, &act))
			consider(run, policy, rule, turn, act);
}

/* Is it known in what the text stands? */
static bool
is_within(const struct policy_script *script)
{
	return script != NULL &&
	    (script->transaction != NULL || script->comments != NULL || script->in_block ||
		script->is_file || script->is_last || script->is_startup);
}

static void
ask_rules(struct run *run, const struct policy *policy)
{
	size_t turns = judge_turns(&run->asked);
	struct policy_transaction transaction;

	/* A statement alone, of which nothing else is known: nothing to keep. */
	if (turns == 1 && !is_within(run->question->script)) {
		set_place(run, 0, 1, NULL);
		ask_about(run, policy, 0);
		return;
	}
	begin_transaction(run, &transaction);
	for (size_t turn = 0; turn < turns; turn++) {
		set_place(run, turn, turns, &transaction);
		ask_about(run, policy, turn);
		if (run->asked.statement != NULL)
			policy_transaction_note(&transaction, run->asked.statement);
	}
	run->asked.transaction = NULL;
}

/* ---- defaults.action: deny ---- */

static bool
is_allow(const struct run *run, const struct rule *rule)
{
	return rule->action == POLICY_ALLOW && judge_mode_of(run, rule) != POLICY_MODE_OFF;
}

static bool
class_allowed(const struct run *run, const struct policy *policy, unsigned class_bit)
{
	struct candidates candidates;
	const struct rule *rule;

	candidates_begin(&candidates, policy, run->asked.subject);
	while ((rule = candidates_next(&candidates)) != NULL)
		if (is_allow(run, rule) && match_allows_class(rule->match, &run->asked, class_bit))
			return true;
	return false;
}

static bool
relation_allowed(const struct run *run, const struct policy *policy, size_t relation,
    enum sql_access access)
{
	struct candidates candidates;
	const struct rule *rule;

	candidates_begin(&candidates, policy, run->asked.subject);
	while ((rule = candidates_next(&candidates)) != NULL)
		if (is_allow(run, rule) &&
		    match_allows_relation(rule->match, &run->asked, relation, access))
			return true;
	return false;
}

/* The first class or relation of the statement that no rule allows. */
bool
judge_find_gap(const struct run *run, const struct policy *policy, struct gap *gap)
{
	static const enum sql_access accesses[] = { SQL_ACCESS_DDL, SQL_ACCESS_WRITE,
		SQL_ACCESS_READ };
	const struct sql_statement *statement = run->asked.statement;
	unsigned left = statement->classes != 0 ? statement->classes : SQL_OTHER;

	*gap = (struct gap){ 0 };
	for (; left != 0; left &= left - 1) {
		gap->class_bit = left & -left;
		if (!class_allowed(run, policy, gap->class_bit))
			return true;
	}
	gap->class_bit = 0;
	for (size_t i = 0; i < statement->relation_count; i++) {
		gap->relation = &statement->relations[i];
		for (size_t j = 0; j < ARRAY_LENGTH(accesses); j++) {
			gap->access = accesses[j];
			if ((gap->relation->access & accesses[j]) != 0 &&
			    !relation_allowed(run, policy, i, accesses[j]))
				return true;
		}
	}
	return false;
}

static void
ask_default(struct run *run, const struct policy *policy)
{
	struct gap gap;

	if (!policy->otherwise_denies || run->asked.facts == NULL)
		return;
	for (size_t i = 0; i < run->asked.facts->statement_count; i++) {
		judge_set_statement(&run->asked, i);
		if (judge_find_gap(run, policy, &gap))
			consider(run, policy, &policy->otherwise, i, NULL);
	}
}

/* ---- one policy ---- */

/* What a policy's defaults say of a text that was not parsed. */
static void
ask_unparsed(struct run *run, const struct policy *policy, bool oversize)
{
	if (oversize)
		consider(run, policy, &policy->oversize, 0, NULL);
	else if (run->question->outcome == SQL_UNPARSEABLE)
		consider(run, policy, &policy->unparseable, 0, NULL);
}

static void
ask_policy(struct run *run, const struct policy *policy)
{
	const struct question *question = run->question;
	bool oversize =
	    question->outcome == SQL_OVERSIZE || question->length > policy->oversize_above;
	struct insert_facts insert = { 0 };

	run->asked.policy = policy;
	run->asked.facts = oversize ? NULL : question->facts;
	if (oversize && policy->oversize_action == OVERSIZE_ALLOW_INSERT_ONLY &&
	    oversize_read_insert(question, &insert)) {
		run->asked.facts = &insert.facts;
		oversize = false;
	}
	judge_set_statement(&run->asked, 0);
	if (run->asked.facts == NULL)
		ask_unparsed(run, policy, oversize);
	ask_rules(run, policy);
	ask_default(run, policy);
	limits_judge(run, policy);
	if (policy->any_logged)
		logged_judge(run, policy);
	oversize_free_insert(&insert);
}

void
judge_text(const struct policy *const *policies, size_t count,
    const struct question *question, const struct judging *judging, struct verdict *verdict)
{
	struct run run = { .question = question,
		.judging = judging,
		.verdict = verdict,
		.policies = policies,
		.count = count,
		.asked = { .subject = question->subject,
		    .text = question->text,
		    .length = question->length,
		    .wall_us = question->wall_us },
		.known = { .catalogs = question->subject->catalogs,
		    .database = question->subject->database } };

	run.asked.run = &run;
	run.asked.known = &run.known;
	*verdict = (struct verdict){ .action = POLICY_ALLOW, .mode = POLICY_MODE_ENFORCE };
	for (size_t i = 0; i < count; i++) {
		const struct policy *policy = policies[i];

		if (!judge_policy_is_on(&run, policy))
			continue;
		if (verdict->policy == NULL) {
			verdict->policy = policy->ident;
			verdict->mode = policy->mode;
		}
		ask_policy(&run, policy);
	}
	verdict->limited = limits_set(&verdict->limits);
	if (verdict->tried != NULL)
		verdict->limited |= POLICY_LIMITS_TRIED;
	verdict_tell(&run);
	logged_end(verdict);
	if (run.known.asked)
		verdict->catalogs_generation = run.known.generation;
	verdict->path_asked = run.known.path_asked;
	known_release(&run.known);
}

struct question
judge_question(const struct subject *subject, const char *text, size_t length,
    enum sql_outcome outcome, const struct sql_facts *facts, const struct error *err,
    uint64_t wall_us, const struct policy_script *script)
{
	return (struct question){ .subject = subject,
		.text = text,
		.length = length,
		.outcome = outcome,
		.facts = outcome == SQL_KNOWN ? facts : NULL,
		.err = err,
		.wall_us = wall_us,
		.script = script };
}

void
policies_judge(const struct policies *policies, const struct subject *subject,
    const char *text, size_t length, enum sql_outcome outcome, const struct sql_facts *facts,
    const struct error *err, uint64_t wall_us, struct verdict *verdict)
{
	policies_judge_in(policies, subject, text, length, outcome, facts, err, wall_us, NULL,
	    verdict);
}

void
policies_judge_in(const struct policies *policies, const struct subject *subject,
    const char *text, size_t length, enum sql_outcome outcome, const struct sql_facts *facts,
    const struct error *err, uint64_t wall_us, const struct policy_script *script,
    struct verdict *verdict)
{
	struct question question =
	    judge_question(subject, text, length, outcome, facts, err, wall_us, script);

	judge_text((const struct policy *const *)policies->items, policies->count, &question,
	    NULL, verdict);
}

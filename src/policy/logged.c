/*
 * logged.c - what rules say of the logs: which statements the access log records, and
 * from when on one is slow. Called by rule.c and judge.c.
 *
 * More is recorded as soon as one thing in the statement fits the rule. Less only where an
 * allow would carry the whole of each statement: nothing rides along unseen.
 */
#include "policy_internal.h"

/* As in pgweir.yaml, by enum audit_statements. */
static const char *const statement_words[] = { "all", "write", "denied", "none" };
static const struct field audit_fields[] = { { "statements" } };
static const struct field slow_fields[] = { { "threshold" } };

enum { SLOW_MOST_MS = 24 * 3600 * 1000 };

/* ---- reading ---- */

static void
read_statements(struct reader *reader, const struct yaml *node, struct rule *rule)
{
	int chosen;

	if (!fields_check(reader, node, "audit", audit_fields, ARRAY_LENGTH(audit_fields)) ||
	    field_text(reader, node, "statements", true) == NULL)
		return;
	chosen = field_choice(reader, node, "statements", statement_words,
	    ARRAY_LENGTH(statement_words), -1);
	if (chosen < 0)
		return;
	if (chosen != AUDIT_ALL && rule->action != POLICY_ALLOW)
		yaml_problem(reader->problems, yaml_get(node, "statements"),
		    "rule \"%s\" records less than all: only a rule of action allow may; what is "
		    "denied, warned about or logged is recorded", rule->id);
	rule->logged.adds = true;
	rule->logged.at_least = (enum audit_statements)chosen;
}

static void
read_slow(struct reader *reader, const struct yaml *node, struct rule *rule)
{
	bool good = fields_check(reader, node, "slow_log", slow_fields, ARRAY_LENGTH(slow_fields));
	const char *text = good ? field_text(reader, node, "threshold", true) : NULL;

	if (text == NULL)
		return;
	if (!text_to_duration(text, &rule->logged.slow_ms) || rule->logged.slow_ms > SLOW_MOST_MS) {
		yaml_problem(reader->problems, yaml_get(node, "threshold"),
		    "threshold: \"%s\" is not a duration of 24h at most: write it as 50ms or 2s, or 0 "
		    "for every statement", text);
		return;
	}
	rule->logged.slow = true;
	/* Who names himself could make himself unseen. */
	rule->logged.slow_overrides =
	    rule->names_subject && (match_all_keys(rule->match) & MATCH_CLAIM_KEYS) == 0;
}

void
logged_read(struct reader *reader, const struct yaml *node, struct rule *rule)
{
	const struct yaml *audit = yaml_get(node, "audit"), *slow = yaml_get(node, "slow_log");

	if (audit != NULL)
		read_statements(reader, audit, rule);
	if (slow != NULL)
		read_slow(reader, slow, rule);
}

/* ---- judging ---- */

/* Would this allow by itself carry each class and each relation of the statement? */
static bool
carries(const struct rule *rule, const struct asked *asked)
{
	static const enum sql_access accesses[] = { SQL_ACCESS_READ, SQL_ACCESS_WRITE,
		SQL_ACCESS_DDL };
	const struct sql_statement *statement = asked->statement;
	unsigned left;

	if (statement == NULL || rule->builtin != NULL)
		return false;
	left = statement->classes != 0 ? statement->classes : SQL_OTHER;
	for (; left != 0; left &= left - 1)
		if (!match_allows_class(rule->match, asked, left & -left))
			return false;
	for (size_t i = 0; i < statement->relation_count; i++)
		for (size_t j = 0; j < ARRAY_LENGTH(accesses); j++)
			if ((statement->relations[i].access & accesses[j]) != 0 &&
			    !match_allows_relation(rule->match, asked, i, accesses[j]))
				return false;
	return true;
}

static void
add_statements(struct policy_logged *into, enum audit_statements more)
{
	if (!into->adds || more < into->at_least)
		into->at_least = more;
	into->adds = true;
}

/* The word that records more counts. */
static void
take_statements(struct policy_logged *into, enum audit_statements instead)
{
	if (!into->takes || instead < into->instead)
		into->instead = instead;
	into->takes = true;
}

static void
set_slow(struct policy_logged *into, int64_t slow_ms, bool overrides)
{
	if (!into->slow || slow_ms < into->slow_ms)
		into->slow_ms = slow_ms;
	into->slow = true;
	into->slow_overrides |= overrides;
}

/* What one rule that fits says of the statement at hand. A warning changes nothing but adds. */
static void
add_rule(const struct run *run, const struct policy *policy, const struct rule *rule,
    struct policy_logged *into)
{
	bool sure = judge_mode_of(run, rule) == POLICY_MODE_ENFORCE &&
	    exception_for(policy, rule, &run->asked) == NULL;

	if (rule->logged.adds)
		add_statements(into, rule->logged.at_least);
	if (rule->logged.adds && sure && rule->action == POLICY_ALLOW && carries(rule, &run->asked))
		take_statements(into, rule->logged.at_least);
	if (rule->logged.slow)
		set_slow(into, rule->logged.slow_ms, sure && rule->logged.slow_overrides);
}

static struct policy_logged
judge_statement(struct run *run, const struct policy *policy)
{
	struct policy_logged said = { 0 };
	struct candidates candidates;
	const struct rule *rule;
	const struct sql_act *act;

	candidates_begin(&candidates, policy, run->asked.subject);
	while ((rule = candidates_next(&candidates)) != NULL)
		if ((rule->logged.adds || rule->logged.slow) &&
		    judge_mode_of(run, rule) != POLICY_MODE_OFF &&
		    judge_rule_fits(rule, &run->asked, &act))
			add_rule(run, policy, rule, &said);
	return said;
}

void
logged_judge(struct run *run, const struct policy *policy)
{
	struct policy_logged *logged = &run->verdict->logged, whole = { 0 };
	size_t turns = judge_turns(&run->asked);
	bool takes = true, overrides = true; /* only where each statement of the text has it */

	for (size_t turn = 0; turn < turns; turn++) {
		struct policy_logged said;

		judge_set_statement(&run->asked, turn);
		said = judge_statement(run, policy);
		if (said.adds)
			add_statements(&whole, said.at_least);
		if (said.takes)
			take_statements(&whole, said.instead);
		if (said.slow)
			set_slow(&whole, said.slow_ms, false);
		takes = takes && said.takes;
		overrides = overrides && said.slow_overrides;
	}
	if (whole.adds)
		add_statements(logged, whole.at_least);
	if (takes)
		take_statements(logged, whole.instead);
	if (whole.slow)
		set_slow(logged, whole.slow_ms, overrides);
}

void
logged_end(struct verdict *verdict)
{
	if (verdict->action != POLICY_ALLOW || verdict->would_deny || verdict->exception != NULL)
		verdict->logged.takes = false;
}

/* ---- EXECUTE ---- */

bool
policy_logged_is_same(const struct policy_logged *a, const struct policy_logged *b)
{
	return a->adds == b->adds && a->takes == b->takes && a->slow == b->slow &&
	    (!a->adds || a->at_least == b->at_least) && (!a->takes || a->instead == b->instead) &&
	    (!a->slow || (a->slow_overrides == b->slow_overrides && a->slow_ms == b->slow_ms));
}

static bool
is_plain(const struct verdict *verdict)
{
	return verdict->action == POLICY_ALLOW && !verdict->would_deny && verdict->exception == NULL;
}

struct policy_logged
policy_logged_of_execute(
    const struct verdict *of_name, const struct verdict *own, bool only_executes)
{
	struct policy_logged joined = of_name->logged;
	const struct policy_logged *more = &own->logged;

	if (more->adds)
		add_statements(&joined, more->at_least);
	if (more->takes)
		take_statements(&joined, more->instead);
	joined.takes = of_name->logged.takes && is_plain(own) && (more->takes || only_executes);
	if (more->slow)
		set_slow(&joined, more->slow_ms, false);
	joined.slow_overrides = of_name->logged.slow_overrides &&
	    (more->slow ? more->slow_overrides : only_executes);
	return joined;
}

/* ---- for pgweirctl explain ---- */

void
logged_explain(struct buf *out, const struct policy_logged *logged)
{
	char threshold[TEXT_UNIT_SIZE];

	if (logged->takes)
		buf_printf(out, "access log: %s, in the place of audit.statements\n",
		    statement_words[logged->instead]);
	if (logged->adds && (!logged->takes || logged->at_least < logged->instead))
		buf_printf(out, "access log: at least %s, whatever audit.statements says\n",
		    statement_words[logged->at_least]);
	if (!logged->slow)
		return;
	text_from_duration(logged->slow_ms, threshold);
	buf_printf(out, "slow log: from %s on%s\n", threshold,
	    logged->slow_overrides ? ", in the place of slow_log.threshold"
				   : ", or from slow_log.threshold if that is less");
}

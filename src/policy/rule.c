/*
 * rule.c - the rules of a policy file: reading them, and finding those that can
 * never do anything. Called by load.c.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy_internal.h"

static const struct field own_fields[] = { { "id" }, { "match" },
	{ "action" }, { "mode" }, { "message" }, { "hint" },
	{ "limits" }, { "use" }, { "audit" },
	{ "slow_log" }, { "large_table" },
	/* For built-in rules that take them: see given.c. */
	{ "tables" }, { "columns" }, { "indexes" },
	{ "constraints" }, { "views" }, { "sequences" },
	{ "schemas" }, { "functions" }, { "allowed" },
	{ "forbidden" }, { "extensions" }, { "rows" } };
static const struct field large_fields[] = { { "rows" } };
/* Ids that stand for what `defaults` decides. */
static const char *const reserved_ids[] = { "sql-unparseable", "sql-oversize",
	"default-deny" };

const char *
rule_action_name(enum policy_action action)
{
	return rule_action_names[action];
}

const char *
rule_mode_name(enum policy_mode mode)
{
	return rule_mode_names[mode];
}

bool
rule_id_is_reserved(const char *id)
{
	for (size_t i = 0; i < ARRAY_LENGTH(reserved_ids); i++)
		if (strcmp(reserved_ids[i], id) == 0)
			return true;
	return false;
}

/* Letters, digits, dash, dot, underscore: it goes into messages, logs and metrics. */
static bool
check_id(struct reader *reader, const struct yaml *node, const char *id)
{
	const struct yaml *at = yaml_get(node, "id");
	size_t fine = strspn(
	    id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	if (id[fine] != '\0' || strlen(id) > 63)
		return yaml_problem(reader->problems, at,
		    "id \"%s\": use up to 63 letters, digits, dashes, dots and underscores", id);
	if (rule_id_is_reserved(id))
		return yaml_problem(reader->problems, at,
		    "id \"%s\" is taken: it names what defaults decide", id);
	return true;
}

/* What a client claims, and mere text, may refuse but never allow. */
static void
check_claims(struct reader *reader, const struct rule *rule)
{
	unsigned claims = match_all_keys(rule->match) & MATCH_CLAIM_KEYS;

	if (claims == 0)
		return;
	if (rule->action == POLICY_ALLOW)
		yaml_problem(reader->problems, rule->at,
		    "rule \"%s\" allows by application, regex or tag: what a client says of itself, and "
		    "text, can only make a verdict stricter", rule->id);
	else if (rule->has_limits)
		yaml_problem(reader->problems, rule->at,
		    "rule \"%s\" sets limits by application, regex or tag: a client could loosen its own "
		    "limits", rule->id);
}

static void
check_match(struct reader *reader, const struct rule *rule)
{
	const struct yaml *at = rule->at;
	char *why = rule->match != NULL ? match_contradiction(rule->match, &at) : NULL;

	if (why != NULL)
		yaml_problem(reader->problems, at, "rule \"%s\" can never fire: %s", rule->id, why);
	mem_free(why);
}

/* large_table: {rows: 100000} */
static void
read_large(struct reader *reader, const struct yaml *node, struct rule *rule)
{
	const struct yaml *large = yaml_get(node, "large_table");
	const struct yaml *use = yaml_get(node, "use");
	bool of_pack = use != NULL && builtin_pack(use->text) != NULL;
	bool minds = rule->builtin == NULL || builtin_minds_size(rule->builtin);
	const char *rows;

	if (large == NULL)
		return;
	fields_check(reader, large, "large_table", large_fields, ARRAY_LENGTH(large_fields));
	rows = large->kind == YAML_MAP ? field_text(reader, large, "rows", true) : NULL;
	if (rows == NULL)
		return;
	if (!text_to_int(rows, &rule->large_rows) || rule->large_rows < 1)
		yaml_problem(reader->problems, yaml_get(large, "rows"),
		    "large_table.rows is a whole number above 0, not \"%s\"", rows);
	if (minds && rule->action == POLICY_DENY)
		return;
	rule->large_rows = 0;
	if (!minds && !of_pack)
		yaml_problem(reader->problems, large,
		    "large_table does not go with rule \"%s\": what it flags is as bad on a small table",
		    rule->id);
	else if (minds && (!of_pack || rule->action_given))
		yaml_problem(reader->problems, large,
		    "large_table makes a deny of small tables a warning, and rule \"%s\" does not deny",
		    rule->id);
}

/* What `use` and own rules have alike. */
static void
read_common(struct reader *reader, const struct yaml *node, const struct policy *policy,
    struct rule *rule)
{
	const struct yaml *limits = yaml_get(node, "limits");
	const struct yaml *match = yaml_get(node, "match");
	int mode = field_choice(reader, node, "mode", rule_mode_names, ARRAY_LENGTH(rule_mode_names),
	    (int)policy->mode);
	unsigned subject = MATCH_BIT(MATCH_USER) | MATCH_BIT(MATCH_ROLE);

	rule->at = node;
	rule->line = node->line;
	rule->mode = mode < 0 ? policy->mode : (enum policy_mode)mode;
	rule->mode_given = yaml_get(node, "mode") != NULL;
	rule->message = field_text(reader, node, "message", false);
	rule->hint = field_text(reader, node, "hint", false);
	if (limits != NULL)
		rule->has_limits = limits_read(reader, limits, "limits", &rule->limits);
	if (match != NULL)
		rule->match = match_read(reader, match, "match");
	given_read(reader, node, rule);
	read_large(reader, node, rule);
	rule->names_subject = rule->match != NULL && (rule->match->keys & subject) != 0;
	logged_read(reader, node, rule);
}

static struct rule *
add_rule(struct policy *policy)
{
	policy->rules =
	    mem_resize(policy->rules, policy->rule_count + 1, sizeof(*policy->rules));
	policy->rules[policy->rule_count] = (struct rule){ 0 };
	return &policy->rules[policy->rule_count++];
}

static void
read_own(struct reader *reader, const struct yaml *node, struct policy *policy)
{
	const char *id = field_text(reader, node, "id", true);
	int action = field_choice(
	    reader, node, "action", rule_action_names, ARRAY_LENGTH(rule_action_names), -2);
	struct rule *rule = add_rule(policy);

	rule->id = id != NULL ? id : "?";
	if (id != NULL)
		check_id(reader, node, id);
	if (action == -2)
		yaml_problem(reader->problems, node,
		    "rule \"%s\" has no action: write deny, warn, log or allow", rule->id);
	if (yaml_get(node, "match") == NULL)
		yaml_problem(reader->problems, node,
		    "rule \"%s\" has no match: write {user: \"*\"} if every statement is meant",
		    rule->id);
	rule->action = action < 0 ? POLICY_DENY : (enum policy_action)action;
	read_common(reader, node, policy, rule);
	check_claims(reader, rule);
	check_match(reader, rule);
}

static bool
unknown_use(struct reader *reader, const struct yaml *at)
{
	const char *nearest;

	if (rule_id_is_reserved(at->text))
		return yaml_problem(reader->problems, at,
		    "\"%s\" is in force by itself: defaults decide what it does", at->text);
	if (builtin_is_elsewhere(at->text))
		return yaml_problem(reader->problems, at,
		    "\"%s\" is in force by itself wherever a policy is: take it out", at->text);
	nearest = builtin_nearest(at->text);
	if (nearest != NULL)
		return yaml_problem(reader->problems, at,
		    "unknown built-in rule or pack \"%s\" (did you mean \"%s\"?)", at->text,
		    nearest);
	return yaml_problem(
	    reader->problems, at, "unknown built-in rule or pack \"%s\"", at->text);
}

/* `use:` a rule, an alias or a pack: one rule for each that answers to the name. */
static void
read_use(struct reader *reader, const struct yaml *node, struct policy *policy)
{
	const struct yaml *use = yaml_get(node, "use");
	const char *name = field_text(reader, node, "use", true);
	int action = field_choice(
	    reader, node, "action", rule_action_names, ARRAY_LENGTH(rule_action_names), -2);
	struct problems told = { 0 };
	struct reader quiet = *reader;
	size_t builtins = builtin_count();
	bool found = false;

	quiet.problems = &told;
	if (yaml_get(node, "id") != NULL)
		yaml_problem(reader->problems, yaml_get(node, "id"),
		    "a rule has either use or id: a built-in rule keeps its own name");
	if (action == POLICY_ALLOW)
		yaml_problem(reader->problems, yaml_get(node, "action"),
		    "a built-in rule cannot allow: write mode: off to switch it off");
	if (name == NULL)
		return;
	for (size_t i = 0; i < builtins; i++) {
		const struct builtin *builtin = builtin_at(i);
		struct rule *rule;

		if (!builtin_answers_to(builtin, name))
			continue;
		rule = add_rule(policy);
		rule->id = builtin->id;
		rule->builtin = builtin;
		rule->action = action < 0 ? builtin->action : (enum policy_action)action;
		rule->action_given = action >= 0;
		/* Faults are the same for each rule of a pack: the first tells them. */
		read_common(found ? &quiet : reader, node, policy, rule);
		if (!found) {
			check_claims(reader, rule);
			check_match(reader, rule);
		}
		found = true;
	}
	problems_free(&told);
	if (!found)
		unknown_use(reader, use);
}

bool
rules_read(struct reader *reader, const struct yaml *node, struct policy *policy)
{
	if (node->kind != YAML_LIST)
		return yaml_problem(reader->problems, node, "rules must be a list, not %s",
		    yaml_kind_name(node->kind));
	for (size_t i = 0; i < node->count; i++) {
		const struct yaml *item = node->items[i];

		fields_check(reader, item, "a rule", own_fields, ARRAY_LENGTH(own_fields));
		if (item->kind != YAML_MAP)
			continue;
		if (yaml_get(item, "use") != NULL)
			read_use(reader, item, policy);
		else
			read_own(reader, item, policy);
	}
	return true;
}

/* Does the file speak of the rule, by any name? */
static bool
speaks_of(const struct policy *policy, const struct builtin *builtin)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].builtin == builtin)
			return true;
	return false;
}

void
rules_imply(struct policy *policy)
{
	for (size_t i = 0; i < builtin_count(); i++) {
		const struct builtin *builtin = builtin_at(i);
		struct rule *rule;

		if (!builtin->always || speaks_of(policy, builtin))
			continue;
		rule = add_rule(policy);
		*rule = (struct rule){ .id = builtin->id,
			.at = policy->tree,
			.line = policy->tree->line,
			.action = builtin->action,
			.mode = policy->mode,
			.builtin = builtin };
		policy->implied_count++;
	}
}

/* ---- rules that can never fire ---- */

/* Is the rule written by its own name, not as a part of its pack? */
static bool
is_named(const struct rule *rule)
{
	const struct yaml *use = yaml_get(rule->at, "use");

	return use == NULL || builtin_pack(use->text) == NULL;
}

/* The place of an earlier or later rule that replaces this one, or NULL. */
static const struct rule *
replaced_by(const struct policy *policy, const struct rule *rule)
{
	for (size_t i = 0; rule->builtin != NULL && i < policy->rule_count; i++) {
		const struct rule *other = &policy->rules[i];

		if (other->builtin == rule->builtin && other != rule && other->match == NULL &&
		    is_named(other))
			return other;
	}
	return NULL;
}

/* Literal names of a list that the policy's applies_to leaves out, all of them. */
static bool
is_outside(const struct pattern_list *applies, const struct rule *rule, enum match_key key)
{
	const struct pattern_list *asked = &rule->match->lists[key];

	if ((rule->match->keys & MATCH_BIT(key)) == 0 || applies->count == 0)
		return false;
	for (size_t i = 0; i < asked->count; i++)
		if (strchr(asked->items[i].text, '*') != NULL ||
		    match_names_fit(applies, asked->items[i].text))
			return false;
	return true;
}

static void
check_applies(struct reader *reader, const struct policy *policy, const struct rule *rule)
{
	const struct {
		const struct pattern_list *applies;
		enum match_key key;
		const char *name;
	} checks[] = { { &policy->databases, MATCH_DATABASE, "databases" },
		{ &policy->users, MATCH_USER, "users" }, { &policy->roles, MATCH_ROLE, "roles" } };

	for (size_t i = 0; rule->match != NULL && i < ARRAY_LENGTH(checks); i++)
		if (is_outside(checks[i].applies, rule, checks[i].key))
			yaml_problem(reader->problems, rule->match->lists[checks[i].key].items[0].at,
			    "rule \"%s\" can never fire: applies_to.%s leaves \"%s\" out", rule->id,
			    checks[i].name, rule->match->lists[checks[i].key].items[0].text);
}

static void
check_rule(struct reader *reader, const struct policy *policy, const struct rule *rule)
{
	const struct rule *other = replaced_by(policy, rule);

	check_applies(reader, policy, rule);
	if (policy->mode == POLICY_MODE_OFF && rule->mode_given && rule->mode != POLICY_MODE_OFF)
		yaml_problem(reader->problems, rule->at,
		    "rule \"%s\" can never fire: the mode of the file is off", rule->id);
	if (other == NULL || !is_named(rule))
		return;
	if (rule->match == NULL && rule > other)
		yaml_problem(reader->problems, rule->at,
		    "rule \"%s\" is used twice, first in line %d", rule->id, other->line);
	else if (rule->match != NULL && other->mode == POLICY_MODE_OFF)
		yaml_problem(reader->problems, rule->at,
		    "rule \"%s\" can never fire: line %d switches it off", rule->id, other->line);
}

/* A rule written by its own name replaces the one that its pack brought. */
static void
drop_replaced(struct policy *policy)
{
	size_t kept = 0;

	for (size_t i = 0; i < policy->rule_count; i++) {
		if (is_named(&policy->rules[i]) || replaced_by(policy, &policy->rules[i]) == NULL)
			continue;
		rule_free(&policy->rules[i]);
		policy->rules[i].id = NULL;
	}
	for (size_t i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].id != NULL)
			policy->rules[kept++] = policy->rules[i];
	policy->rule_count = kept;
}

/* By id; a built-in rule before others, then as in the file. */
static int
compare_ids(const void *a, const void *b)
{
	const struct rule *one = *(const struct rule *const *)a;
	const struct rule *other = *(const struct rule *const *)b;
	int order = strcmp(one->id, other->id);

	if (order == 0)
		order = (one->builtin == NULL) - (other->builtin == NULL);
	return order != 0 ? order : (one > other) - (one < other);
}

/* A rule of one's own needs an id that no other rule has. */
static void
check_ids(struct reader *reader, const struct policy *policy)
{
	const struct rule **sorted =
	    mem_resize(NULL, policy->rule_count + 1, sizeof(struct rule *));

	for (size_t i = 0; i < policy->rule_count; i++)
		sorted[i] = &policy->rules[i];
	qsort(sorted, policy->rule_count, sizeof(struct rule *), compare_ids);
	for (size_t i = 1, first = 0; i < policy->rule_count; i++) {
		if (strcmp(sorted[first]->id, sorted[i]->id) != 0)
			first = i;
		else if (sorted[i]->builtin == NULL)
			yaml_problem(reader->problems, sorted[i]->at,
			    "rule \"%s\" is already in line %d", sorted[i]->id, sorted[first]->line);
	}
	mem_free(sorted);
}

/* Are there limits that are told of only, because the file or their rule is in mode warn? */
static bool
tries_limits(const struct policy *policy)
{
	bool tries = false;

	for (enum policy_limit_kind kind = 0; kind < POLICY_LIMIT_KINDS; kind++)
		tries |= policy->mode == POLICY_MODE_WARN && policy->limits.items[kind].set;
	for (size_t i = 0; i < policy->rule_count; i++)
		tries |= policy->rules[i].has_limits &&
		    (policy->mode == POLICY_MODE_WARN || policy->rules[i].mode == POLICY_MODE_WARN);
	return tries;
}

void
rules_check(struct reader *reader, struct policy *policy)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		check_rule(reader, policy, &policy->rules[i]);
	check_ids(reader, policy);
	drop_replaced(policy);
	for (size_t i = 0; i < policy->rule_count; i++)
		policy->any_logged |= policy->rules[i].logged.adds || policy->rules[i].logged.slow;
	policy->tries_limits = tries_limits(policy);
}

void
rule_free(struct rule *rule)
{
	match_free(rule->match);
	rule->match = NULL;
	given_free(rule->given);
	rule->given = NULL;
}

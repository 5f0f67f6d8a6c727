/*
 * exception.c - exceptions of a policy file: each suspends one rule for what it
 * covers, until it expires. Read by load.c; judge.c asks exception_for().
 */
#include <string.h>

#include "base/mem.h"
#include "policy_internal.h"

#define EXCEPTION_ENDS_SOON_US (7ULL * 24 * 3600 * 1000000)
#define EXCEPTION_LONGEST_US (90ULL * 24 * 3600 * 1000000)
#define BREAK_GLASS_LONGEST_US (4ULL * 3600 * 1000000)

static const struct field exception_fields[] = { { "rule" }, { "match" },
	{ "ticket" }, { "owner" }, { "expires" },
	{ "break_glass" }, { "reason" } };
static const char *const yes_or_no[] = { "false", "true" };

static bool
has_rule(const struct policy *policy, const char *id)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (strcmp(policy->rules[i].id, id) == 0)
			return true;
	return strcmp(id, "sql-unparseable") == 0 || strcmp(id, "sql-oversize") == 0;
}

static void
check_exception_rule(struct reader *reader, const struct yaml *node,
    const struct policy *policy, const struct exception *exception)
{
	const struct yaml *at = yaml_get(node, "rule");
	const char *names[128];
	size_t count = 0;

	if (strchr(exception->rule, '*') != NULL || builtin_pack(exception->rule) != NULL) {
		yaml_problem(reader->problems, at,
		    "an exception lifts exactly one rule, not \"%s\"", exception->rule);
		return;
	}
	if (has_rule(policy, exception->rule))
		return;
	for (size_t i = 0; i < policy->rule_count && count < ARRAY_LENGTH(names); i++)
		names[count++] = policy->rules[i].id;
	field_unknown(reader, at, "rule of this file", exception->rule, names, count);
}

static void
check_exception_match(
    struct reader *reader, const struct yaml *node, const struct exception *exception)
{
	const struct yaml *at = yaml_get(node, "match");
	unsigned used = match_all_keys(exception->match);
	char *why = match_contradiction(exception->match, &at);

	if (why != NULL)
		yaml_problem(reader->problems, at, "the exception can never hold: %s", why);
	mem_free(why);
	if ((used & MATCH_CLAIM_KEYS) != 0)
		yaml_problem(reader->problems, at,
		    "an exception cannot ask for application, regex or tag: what a client says of "
		    "itself never lifts a rule");
	if (rule_id_is_reserved(exception->rule) && (used & MATCH_FACT_KEYS) != 0)
		yaml_problem(reader->problems, at,
		    "the exception can never hold: a text under \"%s\" was not analysed, so only "
		    "user, role, database, client and hours are known", exception->rule);
}

/* It has not ended: may it be open for so long? What ends soon is told, and what is open. */
static void
check_length(struct reader *reader, const struct yaml *at, const struct exception *exception,
    const char *text)
{
	uint64_t left_us = exception->expires_us - reader->now_us;

	if (exception->break_glass && left_us > BREAK_GLASS_LONGEST_US)
		yaml_problem(reader->problems, at,
		    "expires: \"%s\" is more than 4 hours ahead: break_glass is for no longer", text);
	else if (exception->break_glass)
		problems_warn(reader->problems, at->file, at->line, at->col,
		    "break glass: the exception to \"%s\" (%s) of %s is open until %s: %s",
		    exception->rule, exception->ticket, exception->owner, text, exception->reason);
	else if (left_us > EXCEPTION_LONGEST_US)
		yaml_problem(
		    reader->problems, at, "expires: \"%s\" is more than 90 days ahead", text);
	else if (left_us < EXCEPTION_ENDS_SOON_US)
		problems_warn(reader->problems, at->file, at->line, at->col,
		    "the exception to \"%s\" (%s) ends within 7 days, at %s", exception->rule,
		    exception->ticket, text);
}

static void
read_expiry(struct reader *reader, const struct yaml *node, struct policy *policy,
    struct exception *exception)
{
	const struct yaml *at = yaml_get(node, "expires");
	const char *text = field_text(reader, node, "expires", true);

	if (text == NULL)
		return;
	if (!field_moment(text, &exception->expires_us))
		yaml_problem(reader->problems, at,
		    "expires: \"%s\" is not a moment: write it as 2027-01-31T00:00:00Z", text);
	else if (exception->expires_us <= reader->now_us) {
		policy->expired_count++;
		problems_warn(reader->problems, at->file, at->line, at->col,
		    "the exception to \"%s\" (%s) has expired at %s and is void: take it out",
		    exception->rule, exception->ticket, text);
	} else {
		policy->breaks_glass |= exception->break_glass;
		check_length(reader, at, exception, text);
	}
}

static void
read_break_glass(struct reader *reader, const struct yaml *node, struct exception *exception)
{
	exception->break_glass = field_choice(reader, node, "break_glass", yes_or_no,
				     ARRAY_LENGTH(yes_or_no), false) == true;
	exception->reason = field_text(reader, node, "reason", exception->break_glass);
	if (exception->break_glass && exception->reason == NULL)
		exception->reason = "?";
}

static void
read_exception(struct reader *reader, const struct yaml *node, struct policy *policy)
{
	struct exception *exception;
	const struct yaml *match = yaml_get(node, "match");
	const char *rule = field_text(reader, node, "rule", true);
	const char *ticket = field_text(reader, node, "ticket", true);
	const char *owner = field_text(reader, node, "owner", true);

	policy->exceptions = mem_resize(
	    policy->exceptions, policy->exception_count + 1, sizeof(*policy->exceptions));
	exception = &policy->exceptions[policy->exception_count++];
	*exception = (struct exception){ .rule = rule != NULL ? rule : "?",
		.ticket = ticket != NULL ? ticket : "?",
		.owner = owner != NULL ? owner : "?",
		.line = node->line };
	if (rule != NULL)
		check_exception_rule(reader, node, policy, exception);
	if (match == NULL)
		yaml_problem(reader->problems, node, "\"match\" is missing");
	else
		exception->match = match_read(reader, match, "match");
	if (exception->match != NULL)
		check_exception_match(reader, node, exception);
	read_break_glass(reader, node, exception);
	read_expiry(reader, node, policy, exception);
}

bool
exceptions_read(struct reader *reader, const struct yaml *node, struct policy *policy)
{
	if (node->kind != YAML_LIST)
		return yaml_problem(reader->problems, node, "exceptions must be a list, not %s",
		    yaml_kind_name(node->kind));
	for (size_t i = 0; i < node->count; i++) {
		fields_check(reader, node->items[i], "an exception", exception_fields,
		    ARRAY_LENGTH(exception_fields));
		if (node->items[i]->kind == YAML_MAP)
			read_exception(reader, node->items[i], policy);
	}
	return true;
}

const struct exception *
exception_for(
    const struct policy *policy, const struct rule *rule, const struct asked *asked)
{
	for (size_t i = 0; i < policy->exception_count; i++) {
		const struct exception *exception = &policy->exceptions[i];

		if (strcmp(exception->rule, rule->id) == 0 &&
		    asked->wall_us < exception->expires_us &&
		    match_covers(exception->match, asked))
			return exception;
	}
	return NULL;
}

void
policies_each_break_glass(const struct policies *policies, uint64_t wall_us,
    void (*open)(void *arg, const struct policy_break_glass *glass), void *arg)
{
	for (size_t i = 0; i < policies->count; i++) {
		const struct policy *policy = policies->items[i];

		for (size_t j = 0; j < policy->exception_count; j++) {
			const struct exception *exception = &policy->exceptions[j];

			if (exception->break_glass && wall_us < exception->expires_us &&
			    policy->mode != POLICY_MODE_OFF)
				open(arg, &(struct policy_break_glass){ .policy = policy->ident,
					      .rule = exception->rule,
					      .ticket = exception->ticket,
					      .owner = exception->owner,
					      .reason = exception->reason,
					      .expires_us = exception->expires_us });
		}
	}
}

static void
count_open(void *arg, const struct policy_break_glass *glass)
{
	(void)glass;
	++*(size_t *)arg;
}

size_t
policies_break_glass_open(const struct policies *policies, uint64_t wall_us)
{
	size_t count = 0;

	policies_each_break_glass(policies, wall_us, count_open, &count);
	return count;
}

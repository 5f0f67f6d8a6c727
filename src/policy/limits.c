/*
 * limits.c - limits: read from rules and defaults, merged while judging.
 *
 * Within one policy all limits that apply merge to the strictest; a rule that
 * names a role or user takes the place of the defaults. Between policies the
 * strictest counts. Called by load.c, rule.c and judge.c.
 */
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy_internal.h"

static const struct limit_info {
	const char *name;
	size_t where; /* in struct policy_limits */
} limit_infos[LIMIT_KINDS] = {
	[LIMIT_STATEMENT_TIMEOUT] = { "statement_timeout",
	    offsetof(struct policy_limits, statement_timeout) },
	[LIMIT_TRANSACTION_TIMEOUT] = { "transaction_timeout",
	    offsetof(struct policy_limits, transaction_timeout) },
	[LIMIT_IDLE_IN_TRANSACTION_TIMEOUT] = { "idle_in_transaction_timeout",
	    offsetof(struct policy_limits, idle_in_transaction_timeout) },
};

enum { LIMIT_MOST_MS = 24 * 3600 * 1000 };

static const struct field limit_fields[] = { { "statement_timeout", false },
	{ "transaction_timeout", false }, { "idle_in_transaction_timeout", false },
	{ "lock_timeout", true }, { "message_timeout", true }, { "max_rows", true },
	{ "max_bytes", true }, { "max_affected_rows", true }, { "max_concurrency", true },
	{ "rate", true } };

const char *
limit_name(enum limit_kind kind)
{
	return limit_infos[kind].name;
}

struct policy_limit *
limit_of(struct policy_limits *limits, enum limit_kind kind)
{
	return (struct policy_limit *)((char *)limits + limit_infos[kind].where);
}

static bool
read_limit(struct reader *reader, const struct yaml *map, enum limit_kind kind,
    struct limit_spec *spec)
{
	const struct yaml *value = yaml_get(map, limit_name(kind));
	const char *text = field_text(reader, map, limit_name(kind), false);

	if (text == NULL)
		return value == NULL;
	spec->set = true;
	spec->line = value->line;
	if (!text_to_duration(text, &spec->value))
		return yaml_problem(reader->problems, value,
		    "%s: \"%s\" is not a duration: write it as 500ms, 5s, 2m or 1h, or 0 for none",
		    limit_name(kind), text);
	if (spec->value > LIMIT_MOST_MS)
		return yaml_problem(reader->problems, value, "%s: \"%s\" is more than 24h",
		    limit_name(kind), text);
	return true;
}

bool
limits_read(struct reader *reader, const struct yaml *node, const char *what,
    struct limits_spec *spec)
{
	bool good = fields_check(reader, node, what, limit_fields, ARRAY_LENGTH(limit_fields));

	if (node->kind != YAML_MAP)
		return false;
	if (node->count == 0)
		return yaml_problem(reader->problems, node, "%s is empty", what);
	for (enum limit_kind kind = 0; kind < LIMIT_KINDS; kind++)
		good = read_limit(reader, node, kind, &spec->items[kind]) && good;
	return good;
}

/* Is `a` stricter than `b`? 0 is no limit at all. */
static bool
is_stricter(int64_t a, int64_t b)
{
	return a != 0 && (b == 0 || a < b);
}

void
limits_merge_rule(
    struct limits_merge *merge, const struct policy *policy, const struct rule *rule)
{
	for (enum limit_kind kind = 0; kind < LIMIT_KINDS; kind++) {
		const struct limit_spec *spec = &rule->limits.items[kind];

		if (!spec->set)
			continue;
		merge->overrides[kind] |= rule->names_subject;
		if (merge->set[kind] && !is_stricter(spec->value, merge->items[kind].value))
			continue;
		merge->set[kind] = true;
		merge->items[kind] = (struct policy_limit){ .value = spec->value,
			.rule = rule->id,
			.policy = policy->name,
			.file = policy->file,
			.line = spec->line };
	}
}

void
limits_merge_end(const struct limits_merge *merge, const struct policy *policy,
    struct policy_limits *limits)
{
	for (enum limit_kind kind = 0; kind < LIMIT_KINDS; kind++) {
		const struct limit_spec *spec = &policy->limits.items[kind];
		struct policy_limit *kept = limit_of(limits, kind);

		if (merge->set[kind] && is_stricter(merge->items[kind].value, kept->value))
			*kept = merge->items[kind];
		if (spec->set && !merge->overrides[kind] && is_stricter(spec->value, kept->value))
			*kept = (struct policy_limit){ .value = spec->value,
				.policy = policy->name,
				.file = policy->file,
				.line = spec->line };
	}
}

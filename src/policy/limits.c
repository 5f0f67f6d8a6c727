/*
 * limits.c - limits: read from rules and defaults, merged while judging.
 *
 * Within one policy all limits that apply merge to the strictest; a rule that
 * names a role or user takes the place of the defaults. Between policies the
 * strictest counts. Called by load.c, rule.c and judge.c.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy_internal.h"

/* What a limit is counted in. */
enum unit { UNIT_DURATION, UNIT_COUNT, UNIT_SIZE, UNIT_RATE };

static const struct limit_info {
	const char *name;
	size_t where; /* in struct policy_limits */
	enum unit unit;
	int64_t most;
} limit_infos[POLICY_LIMIT_KINDS] = {
#define LIMIT(member, unit, most)                                                              \
	{                                                                                      \
		#member, offsetof(struct policy_limits, member), unit, most                    \
	}
	[POLICY_STATEMENT_TIMEOUT] = LIMIT(statement_timeout, UNIT_DURATION, 24 * 3600 * 1000),
	[POLICY_MESSAGE_TIMEOUT] = LIMIT(message_timeout, UNIT_DURATION, 24 * 3600 * 1000),
	[POLICY_TRANSACTION_TIMEOUT] =
	    LIMIT(transaction_timeout, UNIT_DURATION, 24 * 3600 * 1000),
	[POLICY_IDLE_IN_TRANSACTION_TIMEOUT] =
	    LIMIT(idle_in_transaction_timeout, UNIT_DURATION, 24 * 3600 * 1000),
	[POLICY_LOCK_TIMEOUT] = LIMIT(lock_timeout, UNIT_DURATION, 24 * 3600 * 1000),
	[POLICY_MAX_ROWS] = LIMIT(max_rows, UNIT_COUNT, INT64_C(1000000000000)),
	[POLICY_MAX_BYTES] = LIMIT(max_bytes, UNIT_SIZE, INT64_C(1) << 50),
	[POLICY_MAX_AFFECTED_ROWS] = LIMIT(max_affected_rows, UNIT_COUNT, INT64_C(1000000000000)),
	[POLICY_MAX_CONCURRENCY] = LIMIT(max_concurrency, UNIT_COUNT, 1000000),
	[POLICY_RATE] = LIMIT(rate, UNIT_RATE, INT64_C(1000000) * 3600),
#undef LIMIT
};

/* How a value of each unit is written, for who wrote something else. */
static const char *const unit_forms[] = {
	[UNIT_DURATION] = "a duration: write it as 500ms, 5s, 2m or 1h, or 0 for none",
	[UNIT_COUNT] = "a count: write a whole number, or 0 for none",
	[UNIT_SIZE] = "a size: write it as 500KiB or 64MiB, or 0 for none",
	[UNIT_RATE] = "a rate: write it as 500/s, 20/m or 5/h, or 0 for none",
};

/* What a rate is told by, the shortest first. */
static const struct rate_unit {
	const char *name;
	int64_t in_an_hour;
} rate_units[] = { { "/s", 3600 }, { "/m", 60 }, { "/h", 1 } };

const char *
policy_limit_name(enum policy_limit_kind kind)
{
	return limit_infos[kind].name;
}

const struct policy_limit *
policy_limit_of(const struct policy_limits *limits, enum policy_limit_kind kind)
{
	return (const struct policy_limit *)((const char *)limits + limit_infos[kind].where);
}

static struct policy_limit *
place_of(struct policy_limits *limits, enum policy_limit_kind kind)
{
	return (struct policy_limit *)((char *)limits + limit_infos[kind].where);
}

static void
text_from_rate(int64_t value, char out[TEXT_UNIT_SIZE])
{
	const struct rate_unit *unit = rate_units;

	while (value % unit->in_an_hour != 0)
		unit++;
	snprintf(out, TEXT_UNIT_SIZE, "%" PRId64 "%s", value / unit->in_an_hour, unit->name);
}

void
policy_limit_text(enum policy_limit_kind kind, int64_t value, char out[TEXT_UNIT_SIZE])
{
	switch (limit_infos[kind].unit) {
	case UNIT_DURATION:
		text_from_duration(value, out);
		break;
	case UNIT_COUNT:
		snprintf(out, TEXT_UNIT_SIZE, "%" PRId64, value);
		break;
	case UNIT_SIZE:
		text_from_size(value, out);
		break;
	case UNIT_RATE:
		text_from_rate(value, out);
		break;
	}
}

/* "500/s" to statements an hour; "0" is none. */
static bool
text_to_rate(const char *text, int64_t *value)
{
	size_t digits = strspn(text, "0123456789");
	char number[20];

	if (strcmp(text, "0") == 0) {
		*value = 0;
		return true;
	}
	if (digits == 0 || digits >= sizeof(number) - 4)
		return false;
	memcpy(number, text, digits);
	number[digits] = '\0';
	if (!text_to_int(number, value) || *value == 0)
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(rate_units); i++)
		if (strcmp(rate_units[i].name, text + digits) == 0)
			return !__builtin_mul_overflow(*value, rate_units[i].in_an_hour, value);
	return false;
}

static bool
text_to_limit(enum unit unit, const char *text, int64_t *value)
{
	switch (unit) {
	case UNIT_DURATION:
		return text_to_duration(text, value);
	case UNIT_COUNT:
		return text_to_int(text, value) && *value >= 0;
	case UNIT_SIZE:
		return text_to_size(text, value);
	case UNIT_RATE:
		return text_to_rate(text, value);
	}
	return false;
}

static bool
read_limit(struct reader *reader, const struct yaml *map, enum policy_limit_kind kind,
    struct limit_spec *spec)
{
	const struct limit_info *info = &limit_infos[kind];
	const struct yaml *value = yaml_get(map, info->name);
	const char *text = field_text(reader, map, info->name, false);
	char most[TEXT_UNIT_SIZE];

	if (text == NULL)
		return value == NULL;
	spec->set = true;
	spec->line = value->line;
	if (!text_to_limit(info->unit, text, &spec->value))
		return yaml_problem(reader->problems, value, "%s: \"%s\" is not %s", info->name,
		    text, unit_forms[info->unit]);
	if (spec->value <= info->most)
		return true;
	policy_limit_text(kind, info->most, most);
	return yaml_problem(
	    reader->problems, value, "%s: \"%s\" is more than %s", info->name, text, most);
}

bool
limits_read(struct reader *reader, const struct yaml *node, const char *what,
    struct limits_spec *spec)
{
	struct field fields[POLICY_LIMIT_KINDS];
	bool good;

	for (enum policy_limit_kind kind = 0; kind < POLICY_LIMIT_KINDS; kind++)
		fields[kind] = (struct field){ limit_infos[kind].name };
	good = fields_check(reader, node, what, fields, POLICY_LIMIT_KINDS);
	if (node->kind != YAML_MAP)
		return false;
	if (node->count == 0)
		return yaml_problem(reader->problems, node, "%s is empty", what);
	for (enum policy_limit_kind kind = 0; kind < POLICY_LIMIT_KINDS; kind++)
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
	for (enum policy_limit_kind kind = 0; kind < POLICY_LIMIT_KINDS; kind++) {
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
			.ident = policy->ident,
			.file = policy->file,
			.line = spec->line };
	}
}

void
limits_merge_end(const struct limits_merge *merge, const struct policy *policy,
    bool with_defaults, struct policy_limits *limits)
{
	for (enum policy_limit_kind kind = 0; kind < POLICY_LIMIT_KINDS; kind++) {
		const struct limit_spec *spec = &policy->limits.items[kind];
		struct policy_limit *kept = place_of(limits, kind);

		if (merge->set[kind] && is_stricter(merge->items[kind].value, kept->value))
			*kept = merge->items[kind];
		if (with_defaults && spec->set && !merge->overrides[kind] && is_stricter(spec->value, kept->value))
			*kept = (struct policy_limit){ .value = spec->value,
				.policy = policy->name,
				.ident = policy->ident,
			.file = policy->file,
				.line = spec->line };
	}
}

unsigned
limits_set(const struct policy_limits *limits)
{
	unsigned set = 0;

	for (enum policy_limit_kind kind = 0; kind < POLICY_LIMIT_KINDS; kind++)
		if (policy_limit_of(limits, kind)->value != 0)
			set |= POLICY_LIMIT_BIT(kind);
	return set;
}

bool
limits_tighten(struct policy_limits *limits, const struct policy_limits *by, bool of_rules)
{
	bool any = false;

	for (enum policy_limit_kind kind = 0; kind < POLICY_LIMIT_KINDS; kind++) {
		const struct policy_limit *limit = policy_limit_of(by, kind);
		struct policy_limit *kept = place_of(limits, kind);

		if ((of_rules && limit->rule == NULL) || !is_stricter(limit->value, kept->value))
			continue;
		*kept = *limit;
		any = true;
	}
	return any;
}

/* value.c - see value.h: truths, tests, casts and choices. Called by fold.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <pg_query/pg_query.pb-c.h>

#include "constant.h"
#include "value.h"

enum { STATES = 4, NUMBER_TEXT_MOST = 64, PAIRS_MOST = 64 };

struct value
value_data(struct tree_node node)
{
	return (struct value){ .kind = VALUE_DATA, .node = node };
}

struct value
value_truth(unsigned truth)
{
	return (struct value){ .kind = VALUE_TRUTH, .truth = truth };
}

struct value
value_of_number(long double number, bool is_integer)
{
	return (struct value){
		.kind = VALUE_NUMBER, .number = number, .is_integer = is_integer
	};
}

bool
value_read_number(struct slice text, struct value *value)
{
	char digits[NUMBER_TEXT_MOST];
	char *end;

	if (text.length == 0 || text.length >= sizeof(digits))
		return false;
	memcpy(digits, text.bytes, text.length);
	digits[text.length] = '\0';
	if (strspn(digits, " 0123456789+-.eE") != text.length)
		return false;
	*value = value_of_number(strtold(digits, &end), strpbrk(digits, ".eE") == NULL);
	return end != digits && *end == '\0';
}

struct value
value_of_constant(struct tree_node node)
{
	struct constant constant = constant_of(node);
	struct value value;

	switch (constant.kind) {
	case CONSTANT_NULL:
		return (struct value){ .kind = VALUE_NULL };
	case CONSTANT_BOOLEAN:
		return value_truth(constant.integer != 0 ? VALUE_TRUE : VALUE_FALSE);
	case CONSTANT_INTEGER:
		return value_of_number((long double)constant.integer, true);
	case CONSTANT_DECIMAL:
		return value_read_number(constant.text, &value) ? value
								: value_data(node);
	case CONSTANT_STRING:
		return (struct value){ .kind = VALUE_TEXT, .text = constant.text };
	default:
		return value_data(node);
	}
}

unsigned
value_truth_of(const struct value *value)
{
	bool is_true;

	if (value->kind == VALUE_TRUTH)
		return value->truth;
	if (value->kind == VALUE_NULL)
		return VALUE_UNKNOWN;
	if (value->kind == VALUE_TEXT && constant_text_to_bool(value->text, &is_true))
		return is_true ? VALUE_TRUE : VALUE_FALSE;
	return VALUE_ANY;
}

bool
value_is_tautology(const struct value *value)
{
	unsigned truth = value_truth_of(value);

	return (truth & VALUE_TRUE) != 0 && (truth & ~(VALUE_TRUE | VALUE_MISSING)) == 0;
}

static unsigned
and_states(unsigned a, unsigned b)
{
	if (a == VALUE_FALSE || b == VALUE_FALSE)
		return VALUE_FALSE;
	if (a == VALUE_UNKNOWN || b == VALUE_UNKNOWN)
		return VALUE_UNKNOWN;
	return a == VALUE_MISSING || b == VALUE_MISSING ? VALUE_MISSING : VALUE_TRUE;
}

static unsigned
or_states(unsigned a, unsigned b)
{
	if (a == VALUE_TRUE || b == VALUE_TRUE)
		return VALUE_TRUE;
	if (a == VALUE_MISSING || b == VALUE_MISSING)
		return VALUE_MISSING;
	return a == VALUE_FALSE && b == VALUE_FALSE ? VALUE_FALSE : VALUE_UNKNOWN;
}

/* All that may come of two sets. */
static unsigned
join(unsigned a, unsigned b, unsigned (*states)(unsigned, unsigned))
{
	unsigned sum = 0;

	for (unsigned i = 0; i < STATES; i++)
		for (unsigned j = 0; j < STATES; j++)
			if ((a >> i & 1) != 0 && (b >> j & 1) != 0)
				sum |= states(1u << i, 1u << j);
	return sum;
}

/* x IS NULL beside x IS NOT NULL. Looked for among few only: it takes every pair. */
static bool
has_opposites(const struct value *values, size_t count)
{
	if (count > PAIRS_MOST)
		count = PAIRS_MOST;
	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			if (values[i].null_test && values[j].null_test &&
			    values[i].wants_null != values[j].wants_null &&
			    tree_is_same(values[i].node, values[j].node))
				return true;
	return false;
}

struct value
value_and(const struct value *values, size_t count)
{
	unsigned sum = VALUE_TRUE;

	if (has_opposites(values, count))
		return value_truth(VALUE_FALSE);
	for (size_t i = 0; i < count; i++)
		sum = join(sum, value_truth_of(&values[i]), and_states);
	return value_truth(sum);
}

struct value
value_or(const struct value *values, size_t count)
{
	unsigned sum = VALUE_FALSE;

	if (has_opposites(values, count))
		return value_truth(VALUE_TRUE);
	for (size_t i = 0; i < count; i++)
		sum = join(sum, value_truth_of(&values[i]), or_states);
	return value_truth(sum);
}

struct value
value_not(const struct value *value)
{
	unsigned truth = value_truth_of(value);
	struct value result = value_truth(truth & ~(VALUE_TRUE | VALUE_FALSE));

	if ((truth & VALUE_TRUE) != 0)
		result.truth |= VALUE_FALSE;
	if ((truth & VALUE_FALSE) != 0)
		result.truth |= VALUE_TRUE;
	result.null_test = value->null_test;
	result.wants_null = !value->wants_null;
	result.node = value->node;
	return result;
}

static bool
may_be_null(const struct value *value)
{
	return value->kind == VALUE_DATA || value->kind == VALUE_NULL ||
	       (value->kind == VALUE_TRUTH &&
		   (value->truth & (VALUE_UNKNOWN | VALUE_MISSING)) != 0);
}

struct value
value_null_test(const struct value *value, bool wants_null)
{
	struct value result;

	if (value->kind == VALUE_NULL)
		return value_truth(wants_null ? VALUE_TRUE : VALUE_FALSE);
	if (!may_be_null(value))
		return value_truth(wants_null ? VALUE_FALSE : VALUE_TRUE);
	result = value_truth(VALUE_TRUE | VALUE_FALSE);
	result.null_test = value->kind == VALUE_DATA;
	result.wants_null = wants_null;
	result.node = value->node;
	return result;
}

struct value
value_test(const struct value *value, uint64_t test)
{
	enum { NULLS = VALUE_UNKNOWN | VALUE_MISSING };
	static const unsigned accepted[] = {
		[PG_QUERY__BOOL_TEST_TYPE__IS_TRUE] = VALUE_TRUE,
		[PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE] = VALUE_FALSE | NULLS,
		[PG_QUERY__BOOL_TEST_TYPE__IS_FALSE] = VALUE_FALSE,
		[PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE] = VALUE_TRUE | NULLS,
		[PG_QUERY__BOOL_TEST_TYPE__IS_UNKNOWN] = NULLS,
		[PG_QUERY__BOOL_TEST_TYPE__IS_NOT_UNKNOWN] = VALUE_TRUE | VALUE_FALSE,
	};
	unsigned truth = value_truth_of(value), wanted;
	unsigned result = 0;

	if (test >= sizeof(accepted) / sizeof(accepted[0]))
		return value_truth(VALUE_ANY);
	wanted = accepted[test];
	if ((truth & wanted) != 0)
		result |= VALUE_TRUE;
	if ((truth & ~wanted) != 0)
		result |= VALUE_FALSE;
	return value_truth(result);
}

static bool
is_one_of(struct slice type, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_is(type, names[i]))
			return true;
	return false;
}

static struct value
cast_to_number(const struct value *value, bool is_integer, struct tree_node node)
{
	struct value number = *value;

	if (value->kind == VALUE_TRUTH && value->truth == VALUE_TRUE)
		return value_of_number(1, true);
	if (value->kind == VALUE_TRUTH && value->truth == VALUE_FALSE)
		return value_of_number(0, true);
	if (value->kind == VALUE_TEXT && !value_read_number(value->text, &number))
		return value_data(node);
	if (number.kind != VALUE_NUMBER)
		return value_data(node);
	return value_of_number(
	    is_integer ? roundl(number.number) : number.number, is_integer);
}

/* "2026-11-23": days are in the order of their texts. */
static bool
is_day(struct slice text)
{
	static const char form[] = "dddd-dd-dd";

	if (text.length != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < text.length; i++)
		if (form[i] == 'd' ? text.bytes[i] < '0' || text.bytes[i] > '9' : text.bytes[i] != '-')
			return false;
	return true;
}

/* Small numbers as they are written: "7" of 7 is there for good. */
static struct value
as_text(const struct value *value, struct tree_node node)
{
	static const char digits[] = "0123456789";

	if (value->number < 0 || value->number > 9)
		return value_data(node);
	return (struct value){ .kind = VALUE_TEXT,
		.text = { (const uint8_t *)&digits[(int)value->number], 1 } };
}

struct value
value_cast(const struct value *value, struct slice type, struct tree_node node)
{
	static const char *const integers[] = { "int2", "int4", "int8" };
	static const char *const decimals[] = { "numeric", "float4", "float8" };
	static const char *const texts[] = { "text", "varchar", "bpchar", "name",
		"unknown" };
	static const char *const moments[] = { "date", "timestamp", "timestamptz" };
	bool is_true;

	if (value->kind == VALUE_NULL)
		return *value;
	if (value->kind == VALUE_TEXT && is_day(value->text) &&
	    is_one_of(type, moments, sizeof(moments) / sizeof(moments[0])))
		return *value;
	if (value->kind == VALUE_NUMBER && value->is_integer && slice_is(type, "text"))
		return as_text(value, node);
	if (slice_is(type, "bool")) {
		if (value->kind == VALUE_NUMBER)
			return value_truth(value->number != 0 ? VALUE_TRUE : VALUE_FALSE);
		if (value->kind == VALUE_TRUTH)
			return *value;
		if (value->kind == VALUE_TEXT &&
		    constant_text_to_bool(value->text, &is_true))
			return value_truth(is_true ? VALUE_TRUE : VALUE_FALSE);
	}
	if (is_one_of(type, integers, sizeof(integers) / sizeof(integers[0])))
		return cast_to_number(value, true, node);
	if (is_one_of(type, decimals, sizeof(decimals) / sizeof(decimals[0])))
		return cast_to_number(value, false, node);
	if (value->kind == VALUE_TEXT &&
	    is_one_of(type, texts, sizeof(texts) / sizeof(texts[0])))
		return *value;
	return value_data(node);
}

struct value
value_coalesce(const struct value *values, size_t count, struct tree_node node)
{
	struct value result = { .kind = VALUE_NULL };

	/* From the end: what may be NULL gives way to what follows it. */
	while (count-- > 0) {
		const struct value *value = &values[count];
		unsigned certain;

		if (value->kind == VALUE_NULL)
			continue;
		if (!may_be_null(value)) {
			result = *value;
			continue;
		}
		if (value->kind != VALUE_TRUTH) {
			result = value_data(node);
			continue;
		}
		certain = value->truth & (VALUE_TRUE | VALUE_FALSE);
		result = value_truth(certain | value_truth_of(&result));
	}
	return result;
}

bool
value_branch(
    struct value_branches *branches, const struct value *test, const struct value *result)
{
	unsigned taken = test == NULL ? VALUE_TRUE : value_truth_of(test);

	if ((taken & VALUE_TRUE) == 0)
		return false;
	branches->truth |= value_truth_of(result);
	branches->mixed =
	    branches->mixed || result->kind == VALUE_NUMBER || result->kind == VALUE_DATA;
	branches->last = *result;
	branches->count++;
	return taken == VALUE_TRUE;
}

struct value
value_of_branches(const struct value_branches *branches, struct tree_node node)
{
	if (branches->count == 1)
		return branches->last;
	return branches->mixed ? value_data(node) : value_truth(branches->truth);
}

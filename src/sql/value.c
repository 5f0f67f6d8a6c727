/* value.c - see value.h. Called by fold.c. */
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

static struct value
value_number(long double number, bool is_integer)
{
	return (struct value){ .kind = VALUE_NUMBER, .number = number, .is_integer = is_integer };
}

/* A number in quotes or a literal too long for 32 bits. */
static bool
read_number(struct slice text, struct value *value)
{
	char digits[NUMBER_TEXT_MOST];
	char *end;

	if (text.length == 0 || text.length >= sizeof(digits))
		return false;
	memcpy(digits, text.bytes, text.length);
	digits[text.length] = '\0';
	if (strspn(digits, " 0123456789+-.eE") != text.length)
		return false;
	*value = value_number(strtold(digits, &end), strpbrk(digits, ".eE") == NULL);
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
		return value_number((long double)constant.integer, true);
	case CONSTANT_DECIMAL:
		return read_number(constant.text, &value) ? value : value_data(node);
	case CONSTANT_STRING:
		return (struct value){ .kind = VALUE_TEXT, .text = constant.text };
	default:
		return value_data(node);
	}
}

/* What the value may be where a boolean is wanted. */
static unsigned
truth_of(const struct value *value)
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
	unsigned truth = truth_of(value);

	return (truth & VALUE_TRUE) != 0 && (truth & ~(VALUE_TRUE | VALUE_MISSING)) == 0;
}

/* --- AND, OR, NOT ------------------------------------------------------------ */

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
		sum = join(sum, truth_of(&values[i]), and_states);
	return value_truth(sum);
}

struct value
value_or(const struct value *values, size_t count)
{
	unsigned sum = VALUE_FALSE;

	if (has_opposites(values, count))
		return value_truth(VALUE_TRUE);
	for (size_t i = 0; i < count; i++)
		sum = join(sum, truth_of(&values[i]), or_states);
	return value_truth(sum);
}

struct value
value_not(const struct value *value)
{
	unsigned truth = truth_of(value);
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

/* --- comparisons ------------------------------------------------------------- */

/* Bits of what `a <=> b` may be for an operator to be true. */
enum { LESS = 1, EQUAL = 2, GREATER = 4 };

static unsigned
wanted_order(struct slice operator)
{
	static const struct {
		const char *name;
		unsigned order;
	} operators[] = {
		{ "=", EQUAL },		  { "<>", LESS | GREATER },  { "!=", LESS | GREATER },
		{ "<", LESS },		  { "<=", LESS | EQUAL },    { ">", GREATER },
		{ ">=", GREATER | EQUAL },
	};

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (slice_is(operator, operators[i].name))
			return operators[i].order;
	return 0;
}

static unsigned
order_numbers(long double a, long double b)
{
	/* 0.1 + 0.2 is 0.3 to PostgreSQL, which counts in decimals. */
	if (fabsl(a - b) <= 1e-15L * fmaxl(fabsl(a), fabsl(b)))
		return EQUAL;
	return a < b ? LESS : GREATER;
}

static unsigned
order_texts(struct slice a, struct slice b)
{
	size_t common = a.length < b.length ? a.length : b.length;
	int order = common > 0 ? memcmp(a.bytes, b.bytes, common) : 0;

	if (order == 0)
		order = (a.length > b.length) - (a.length < b.length);
	return order == 0 ? EQUAL : order < 0 ? LESS : GREATER;
}

/* The order of two constants, or 0. A literal in quotes takes the type of the other. */
static unsigned
order_of(const struct value *a, const struct value *b)
{
	struct value number;
	unsigned truth_a, truth_b;

	if (a->kind == VALUE_NUMBER && b->kind == VALUE_NUMBER)
		return order_numbers(a->number, b->number);
	if (a->kind == VALUE_TEXT && b->kind == VALUE_TEXT)
		return order_texts(a->text, b->text);
	if (a->kind == VALUE_NUMBER && b->kind == VALUE_TEXT)
		return read_number(b->text, &number) ? order_numbers(a->number, number.number) : 0;
	if (a->kind == VALUE_TEXT && b->kind == VALUE_NUMBER)
		return read_number(a->text, &number) ? order_numbers(number.number, b->number) : 0;
	if (a->kind != VALUE_TRUTH && b->kind != VALUE_TRUTH)
		return 0;
	truth_a = truth_of(a);
	truth_b = truth_of(b);
	if ((truth_a | truth_b) & ~(unsigned)(VALUE_TRUE | VALUE_FALSE) ||
	    (truth_a & (truth_a - 1)) != 0 || (truth_b & (truth_b - 1)) != 0)
		return 0;
	return truth_a == truth_b ? EQUAL : truth_a == VALUE_FALSE ? LESS : GREATER;
}

static bool
is_all_match(struct slice pattern, bool is_like)
{
	static const char *const expressions[] = { "", ".*", "^", "$", "^.*", ".*$", "^.*$" };

	if (is_like) {
		for (size_t i = 0; i < pattern.length; i++)
			if (pattern.bytes[i] != '%')
				return false;
		return pattern.length > 0;
	}
	for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++)
		if (slice_is(pattern, expressions[i]))
			return true;
	return false;
}

/* LIKE, ILIKE, ~, ~* and their opposites, by a pattern that every text fits. */
static unsigned
match(struct slice operator, const struct value *a, const struct value *b)
{
	bool negated = operator.length > 1 && operator.bytes[0] == '!';
	struct slice name = { operator.bytes + negated, operator.length - negated };
	bool is_like = slice_is(name, "~~") || slice_is(name, "~~*");
	bool is_expression = slice_is(name, "~") || slice_is(name, "~*");

	if ((!is_like && !is_expression) || b->kind != VALUE_TEXT ||
	    !is_all_match(b->text, is_like))
		return VALUE_ANY;
	return (negated ? VALUE_FALSE : VALUE_TRUE) | (a->kind == VALUE_DATA ? VALUE_MISSING : 0);
}

struct value
value_compare(struct slice operator, const struct value *a, const struct value *b)
{
	unsigned wanted = wanted_order(operator), order;

	if (a->kind == VALUE_NULL || b->kind == VALUE_NULL)
		return value_truth(VALUE_UNKNOWN);
	if (wanted == 0)
		return value_truth(match(operator, a, b));
	if (a->kind == VALUE_DATA && b->kind == VALUE_DATA && tree_is_same(a->node, b->node))
		return value_truth(
		    ((wanted & EQUAL) != 0 ? VALUE_TRUE : VALUE_FALSE) | VALUE_MISSING);
	order = order_of(a, b);
	if (order == 0)
		return value_truth(VALUE_ANY);
	return value_truth((order & wanted) != 0 ? VALUE_TRUE : VALUE_FALSE);
}

struct value
value_distinct(const struct value *a, const struct value *b)
{
	static const struct slice differs = { (const uint8_t *)"<>", 2 };
	struct value result;

	if (a->kind == VALUE_NULL || b->kind == VALUE_NULL) {
		result = value_null_test(a->kind == VALUE_NULL ? b : a, false);
		return result;
	}
	result = value_compare(differs, a, b);
	if (result.truth == (VALUE_FALSE | VALUE_MISSING)) /* with itself, also where NULL */
		return value_truth(VALUE_FALSE);
	return result.truth == VALUE_ANY ? value_truth(VALUE_TRUE | VALUE_FALSE) : result;
}

struct value
value_null_if(const struct value *a, const struct value *b, struct tree_node node)
{
	static const struct slice equal = { (const uint8_t *)"=", 1 };
	unsigned same = value_compare(equal, a, b).truth;

	if (same == VALUE_TRUE)
		return (struct value){ .kind = VALUE_NULL };
	return same == VALUE_FALSE ? *a : value_data(node);
}

/* --- arithmetic -------------------------------------------------------------- */

struct value
value_sign(struct slice operator, const struct value *value, struct tree_node node)
{
	if (value->kind == VALUE_NULL)
		return *value;
	if (value->kind != VALUE_NUMBER)
		return value_data(node);
	if (slice_is(operator, "-"))
		return value_number(-value->number, value->is_integer);
	return slice_is(operator, "+") ? *value : value_data(node);
}

static bool
calculate(char operator, long double a, long double b, bool is_integer, long double *result)
{
	switch (operator) {
	case '+':
		*result = a + b;
		return true;
	case '-':
		*result = a - b;
		return true;
	case '*':
		*result = a * b;
		return true;
	case '/':
		*result = b == 0 ? 0 : is_integer ? truncl(a / b) : a / b;
		return b != 0;
	case '%':
		*result = b == 0 ? 0 : fmodl(a, b);
		return b != 0;
	case '^':
		*result = powl(a, b);
		return isfinite(*result);
	default:
		return false;
	}
}

struct value
value_operate(struct slice operator, const struct value *a, const struct value *b,
    struct tree_node node)
{
	bool is_integer = a->is_integer && b->is_integer;
	struct value result;
	long double number;

	if (a->kind == VALUE_NUMBER && b->kind == VALUE_NUMBER && operator.length == 1 &&
	    calculate((char)operator.bytes[0], a->number, b->number, is_integer, &number))
		return value_number(number, is_integer && operator.bytes[0] != '^');
	result = value_compare(operator, a, b);
	/* What nothing is known of may still be the same as something else. */
	return result.truth == VALUE_ANY ? value_data(node) : result;
}

struct value
value_extreme(const struct value *values, size_t count, bool greatest, struct tree_node node)
{
	struct value best = { .kind = VALUE_NULL };

	for (size_t i = 0; i < count; i++) {
		if (values[i].kind == VALUE_NULL)
			continue;
		if (values[i].kind != VALUE_NUMBER)
			return value_data(node);
		if (best.kind == VALUE_NULL || (values[i].number > best.number) == greatest)
			best = values[i];
	}
	return best;
}

/* --- tests, casts, choices ----------------------------------------------------- */

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
	unsigned truth = truth_of(value), wanted;
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
		return value_number(1, true);
	if (value->kind == VALUE_TRUTH && value->truth == VALUE_FALSE)
		return value_number(0, true);
	if (value->kind == VALUE_TEXT && !read_number(value->text, &number))
		return value_data(node);
	if (number.kind != VALUE_NUMBER)
		return value_data(node);
	return value_number(is_integer ? roundl(number.number) : number.number, is_integer);
}

struct value
value_cast(const struct value *value, struct slice type, struct tree_node node)
{
	static const char *const integers[] = { "int2", "int4", "int8" };
	static const char *const decimals[] = { "numeric", "float4", "float8" };
	static const char *const texts[] = { "text", "varchar", "bpchar", "name", "unknown" };
	bool is_true;

	if (value->kind == VALUE_NULL)
		return *value;
	if (slice_is(type, "bool")) {
		if (value->kind == VALUE_NUMBER)
			return value_truth(value->number != 0 ? VALUE_TRUE : VALUE_FALSE);
		if (value->kind == VALUE_TRUTH)
			return *value;
		if (value->kind == VALUE_TEXT && constant_text_to_bool(value->text, &is_true))
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
		result = value_truth(certain | truth_of(&result));
	}
	return result;
}

bool
value_branch(struct value_branches *branches, const struct value *test,
    const struct value *result)
{
	unsigned taken = test == NULL ? VALUE_TRUE : truth_of(test);

	if ((taken & VALUE_TRUE) == 0)
		return false;
	branches->truth |= truth_of(result);
	branches->mixed = branches->mixed || result->kind == VALUE_NUMBER ||
			  result->kind == VALUE_DATA;
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

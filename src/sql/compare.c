/* compare.c - see value.h: comparisons and arithmetic. Called by fold.c. */
#include <math.h>
#include <string.h>

#include "value.h"

/* Bits of what `a <=> b` may be for an operator to be true. */
enum { LESS = 1, EQUAL = 2, GREATER = 4 };

static unsigned
wanted_order(struct slice op)
{
	static const struct {
		const char *name;
		unsigned order;
	} operators[] = {
		{ "=", EQUAL },
		{ "<>", LESS | GREATER },
		{ "!=", LESS | GREATER },
		{ "<", LESS },
		{ "<=", LESS | EQUAL },
		{ ">", GREATER },
		{ ">=", GREATER | EQUAL },
	};

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (slice_is(op, operators[i].name))
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
		return value_read_number(b->text, &number)
			   ? order_numbers(a->number, number.number)
			   : 0;
	if (a->kind == VALUE_TEXT && b->kind == VALUE_NUMBER)
		return value_read_number(a->text, &number)
			   ? order_numbers(number.number, b->number)
			   : 0;
	if (a->kind != VALUE_TRUTH && b->kind != VALUE_TRUTH)
		return 0;
	truth_a = value_truth_of(a);
	truth_b = value_truth_of(b);
	if ((truth_a | truth_b) & ~(unsigned)(VALUE_TRUE | VALUE_FALSE) ||
	    (truth_a & (truth_a - 1)) != 0 || (truth_b & (truth_b - 1)) != 0)
		return 0;
	return truth_a == truth_b ? EQUAL : truth_a == VALUE_FALSE ? LESS : GREATER;
}

static bool
is_all_match(struct slice pattern, bool is_like)
{
	static const char *const expressions[] = { "", ".*", "^", "$", "^.*", ".*$",
		"^.*$" };

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
match(struct slice op, const struct value *a, const struct value *b)
{
	bool negated = op.length > 1 && op.bytes[0] == '!';
	struct slice name = { op.bytes + negated, op.length - negated };
	bool is_like = slice_is(name, "~~") || slice_is(name, "~~*");
	bool is_expression = slice_is(name, "~") || slice_is(name, "~*");

	if ((!is_like && !is_expression) || b->kind != VALUE_TEXT ||
	    !is_all_match(b->text, is_like))
		return VALUE_ANY;
	return (negated ? VALUE_FALSE : VALUE_TRUE) |
	       (a->kind == VALUE_DATA ? VALUE_MISSING : 0);
}

struct value
value_compare(struct slice op, const struct value *a, const struct value *b)
{
	unsigned wanted = wanted_order(op), order;

	if (a->kind == VALUE_NULL || b->kind == VALUE_NULL)
		return value_truth(VALUE_UNKNOWN);
	if (wanted == 0)
		return value_truth(match(op, a, b));
	if (a->kind == VALUE_DATA && b->kind == VALUE_DATA &&
	    tree_is_same(a->node, b->node))
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
	struct value result;

	if (a->kind == VALUE_NULL || b->kind == VALUE_NULL) {
		result = value_null_test(a->kind == VALUE_NULL ? b : a, false);
		return result;
	}
	result = value_compare(slice_of("<>"), a, b);
	if (result.truth ==
	    (VALUE_FALSE | VALUE_MISSING)) /* with itself, also where NULL */
		return value_truth(VALUE_FALSE);
	return result.truth == VALUE_ANY ? value_truth(VALUE_TRUE | VALUE_FALSE) : result;
}

struct value
value_null_if(const struct value *a, const struct value *b, struct tree_node node)
{
	unsigned same = value_compare(slice_of("="), a, b).truth;

	if (same == VALUE_TRUE)
		return (struct value){ .kind = VALUE_NULL };
	return same == VALUE_FALSE ? *a : value_data(node);
}

/* --- arithmetic -------------------------------------------------------------- */

struct value
value_sign(struct slice op, const struct value *value, struct tree_node node)
{
	if (value->kind == VALUE_NULL)
		return *value;
	if (value->kind != VALUE_NUMBER)
		return value_data(node);
	if (slice_is(op, "-"))
		return value_of_number(-value->number, value->is_integer);
	return slice_is(op, "+") ? *value : value_data(node);
}

static bool
calculate(char op, long double a, long double b, bool is_integer, long double *result)
{
	switch (op) {
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
value_operate(
    struct slice op, const struct value *a, const struct value *b, struct tree_node node)
{
	bool is_integer = a->is_integer && b->is_integer;
	struct value result;
	long double number;

	if (a->kind == VALUE_NUMBER && b->kind == VALUE_NUMBER && op.length == 1 &&
	    calculate((char)op.bytes[0], a->number, b->number, is_integer, &number))
		return value_of_number(number, is_integer && op.bytes[0] != '^');
	result = value_compare(op, a, b);
	/* What nothing is known of may still be the same as something else. */
	return result.truth == VALUE_ANY ? value_data(node) : result;
}

struct value
value_extreme(
    const struct value *values, size_t count, bool greatest, struct tree_node node)
{
	struct value best = { .kind = VALUE_NULL };

	for (size_t i = 0; i < count; i++) {
		if (values[i].kind == VALUE_NULL)
			continue;
		if (values[i].kind != VALUE_NUMBER)
			return value_data(node);
		if (best.kind == VALUE_NULL ||
		    (values[i].number > best.number) == greatest)
			best = values[i];
	}
	return best;
}

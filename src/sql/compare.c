/* compare.c - see value.h: comparisons and arithmetic. Called by fold.c. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "value.h"

enum {
	ORDER_ANY = VALUE_LESS | VALUE_EQUAL | VALUE_GREATER,
	DIGITS_SURE = 18, /* decimals of so many digits differ as long doubles too */
};

static unsigned
wanted_order(struct slice op)
{
	static const struct {
		const char *name;
		unsigned order;
	} operators[] = {
		{ "=", VALUE_EQUAL },
		{ "<>", VALUE_LESS | VALUE_GREATER },
		{ "!=", VALUE_LESS | VALUE_GREATER },
		{ "<", VALUE_LESS },
		{ "<=", VALUE_LESS | VALUE_EQUAL },
		{ ">", VALUE_GREATER },
		{ ">=", VALUE_GREATER | VALUE_EQUAL },
	};

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (slice_is(op, operators[i].name))
			return operators[i].order;
	return 0;
}

/* Is the number just the one that was written? */
static bool
is_exact(const struct value *value)
{
	return value->is_integer ||
	       (value->text.length > 0 && value->text.length <= DIGITS_SURE);
}

static unsigned
order_numbers(const struct value *one, const struct value *other)
{
	long double a = one->number, b = other->number;
	bool exact = is_exact(one) && is_exact(other);

	/* 0.1 + 0.2 is 0.3 to PostgreSQL, which counts in decimals. */
	if (!exact && fabsl(a - b) <= 1e-15L * fmaxl(fabsl(a), fabsl(b)))
		return ORDER_ANY;
	return a == b ? VALUE_EQUAL : a < b ? VALUE_LESS : VALUE_GREATER;
}

static bool
is_plain(struct slice text)
{
	for (size_t i = 0; i < text.length; i++)
		if (!isascii(text.bytes[i]) || !isalnum(text.bytes[i]))
			return false;
	return true;
}

static int
order_in(struct slice a, struct slice b, bool any_case)
{
	size_t common = a.length < b.length ? a.length : b.length;
	int order = 0;

	for (size_t i = 0; order == 0 && i < common; i++)
		order = any_case ? tolower(a.bytes[i]) - tolower(b.bytes[i])
				 : a.bytes[i] - b.bytes[i];
	return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

/* Letters and digits are known to any collation, but upper case comes first in one only. */
static unsigned
order_texts(const struct value *one, const struct value *other)
{
	struct slice a = one->text, b = other->text;
	int order = order_in(a, b, false), folded = order_in(a, b, true);
	bool sure = (one->is_moment && other->is_moment) ||
	    (is_plain(a) && is_plain(b) && (order < 0) == (folded < 0));

	/* '2026-1-1' may be another text and the same day. */
	if (one->is_moment != other->is_moment)
		return ORDER_ANY;
	if (order == 0)
		return VALUE_EQUAL;
	if (!sure)
		return VALUE_LESS | VALUE_GREATER;
	return order < 0 ? VALUE_LESS : VALUE_GREATER;
}

/* What the order of two constants may be. A literal in quotes takes the type of the other. */
static unsigned
order_of(const struct value *a, const struct value *b)
{
	struct value number;

	if (a->kind == VALUE_NUMBER && b->kind == VALUE_NUMBER)
		return order_numbers(a, b);
	if (a->kind == VALUE_TEXT && b->kind == VALUE_TEXT)
		return order_texts(a, b);
	if (a->kind == VALUE_NUMBER && b->kind == VALUE_TEXT &&
	    value_read_number(b->text, &number)) {
		number.text = b->text;
		return order_numbers(a, &number);
	}
	if (a->kind == VALUE_TEXT && b->kind == VALUE_NUMBER &&
	    value_read_number(a->text, &number)) {
		number.text = a->text;
		return order_numbers(&number, b);
	}
	return ORDER_ANY;
}

/* A comparison that wants one of these orders where one of those comes. */
static unsigned
truth_of_order(unsigned wanted, unsigned may_be)
{
	if ((may_be & wanted) == 0)
		return VALUE_FALSE;
	return (may_be & ~wanted) == 0 ? VALUE_TRUE : VALUE_EITHER;
}

/* One truth of each side. */
static unsigned
compare_states(unsigned wanted, unsigned a, unsigned b)
{
	if ((a | b) & VALUE_UNKNOWN)
		return VALUE_UNKNOWN;
	if ((a | b) & VALUE_MISSING)
		return VALUE_MISSING;
	if ((a | b) & VALUE_EITHER)
		return (a & b) != 0 ? VALUE_EITHER : VALUE_TRUE | VALUE_FALSE;
	return truth_of_order(wanted, a == b ? VALUE_EQUAL :
		a == VALUE_FALSE ? VALUE_LESS : VALUE_GREATER);
}

static struct value
compare_truths(unsigned wanted, unsigned a, unsigned b)
{
	unsigned sum = 0;

	for (unsigned i = VALUE_TRUE; i <= VALUE_EITHER; i <<= 1)
		for (unsigned j = VALUE_TRUE; j <= VALUE_EITHER; j <<= 1)
			if ((a & i) != 0 && (b & j) != 0)
				sum |= compare_states(wanted, i, j);
	return value_truth(sum);
}

bool
value_fits_all(struct slice pattern, bool is_like)
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

/* LIKE, ILIKE, ~, ~* and their opposites; VALUE_ANY for any other operator. */
static unsigned
match(struct slice op, const struct value *a, const struct value *b)
{
	bool negated = op.length > 1 && op.bytes[0] == '!';
	struct slice name = { op.bytes + negated, op.length - negated };
	bool is_like = slice_is(name, "~~") || slice_is(name, "~~*");
	bool is_expression = slice_is(name, "~") || slice_is(name, "~*");
	struct value found = value_truth(VALUE_ANY);

	if (!is_like && !is_expression)
		return VALUE_ANY;
	if (b->kind == VALUE_TEXT && value_fits_all(b->text, is_like))
		found.truth = VALUE_TRUE | (a->kind == VALUE_DATA ? VALUE_MISSING : 0);
	else if (is_like && a->kind == VALUE_TEXT && b->kind == VALUE_TEXT)
		found.truth = value_like(a->text, b->text, slice_is(name, "~~*"));
	else if (value_is_fixed(a) && value_is_fixed(b))
		found.truth = VALUE_EITHER;
	return negated ? value_not(&found).truth : found.truth;
}

/* (a, b) < (c, d): from the end, for each is asked only where all before it are equal. */
static struct value
compare_rows(unsigned wanted, const struct value *a, const struct value *b)
{
	bool whole = wanted == VALUE_EQUAL || wanted == (VALUE_LESS | VALUE_GREATER);
	struct slice strict = slice_of((wanted & VALUE_LESS) != 0 ? "<" : ">");
	struct value rest = value_truth(
	    whole || (wanted & VALUE_EQUAL) != 0 ? VALUE_TRUE : VALUE_FALSE);

	if (a->item_count != b->item_count)
		return value_truth(VALUE_ANY);
	for (size_t i = a->item_count; i-- > 0;) {
		struct value pair[2] = {
			value_compare(slice_of("="), &a->items[i], &b->items[i]), rest
		};

		rest = value_and(pair, 2);
		if (whole)
			continue;
		pair[0] = rest;
		pair[1] = value_compare(strict, &a->items[i], &b->items[i]);
		rest = value_or(pair, 2);
	}
	return whole && (wanted & VALUE_EQUAL) == 0 ? value_not(&rest) : rest;
}

static bool
is_same(const struct value *a, const struct value *b)
{
	return a->kind == b->kind &&
	       (a->kind == VALUE_DATA || a->kind == VALUE_FIXED || a->kind == VALUE_ROW) &&
	       tree_is_same(a->node, b->node);
}

/* a < b says that a >= b does not hold, which somebody may ask as well. */
static struct value
claim_order(unsigned wanted, const struct value *a, const struct value *b)
{
	struct value result = value_truth(VALUE_ANY);

	if (a->node.type == 0 || b->node.type == 0)
		return result;
	result.claim = CLAIM_ORDER;
	result.holds = wanted;
	result.of = a->node;
	result.other = b->node;
	return result;
}

struct value
value_compare(struct slice op, const struct value *a, const struct value *b)
{
	unsigned wanted = wanted_order(op);

	if (a->kind == VALUE_NULL || b->kind == VALUE_NULL)
		return value_truth(VALUE_UNKNOWN);
	if (wanted == 0)
		return value_truth(match(op, a, b));
	if (is_same(a, b))
		return value_truth(
		    ((wanted & VALUE_EQUAL) != 0 ? VALUE_TRUE : VALUE_FALSE) | VALUE_MISSING);
	if (a->kind == VALUE_ROW && b->kind == VALUE_ROW)
		return compare_rows(wanted, a, b);
	if (a->kind == VALUE_TRUTH || b->kind == VALUE_TRUTH)
		return compare_truths(wanted, value_truth_of(a), value_truth_of(b));
	if (value_is_fixed(a) && value_is_fixed(b))
		return value_truth(truth_of_order(wanted, order_of(a, b)));
	return claim_order(wanted, a, b);
}

struct value
value_distinct(const struct value *a, const struct value *b)
{
	enum { NULLS = VALUE_UNKNOWN | VALUE_MISSING };
	unsigned truth;

	if (a->kind == VALUE_NULL || b->kind == VALUE_NULL)
		return value_null_test(a->kind == VALUE_NULL ? b : a, false);
	if (is_same(a, b)) /* also where it is NULL */
		return value_truth(VALUE_FALSE);
	truth = value_compare(slice_of("<>"), a, b).truth;
	if ((truth & NULLS) != 0)
		truth = (truth & ~(unsigned)NULLS) | VALUE_TRUE | VALUE_FALSE;
	return value_truth(truth);
}

struct value
value_null_if(const struct value *a, const struct value *b, struct tree_node node)
{
	unsigned same = value_compare(slice_of("="), a, b).truth;

	const struct value both[] = { *a, *b };

	if (same == VALUE_TRUE || same == (VALUE_TRUE | VALUE_MISSING))
		return (struct value){ .kind = VALUE_NULL };
	return same == VALUE_FALSE ? *a : value_opaque(node, both, 2);
}

/* --- arithmetic -------------------------------------------------------------- */

struct value
value_sign(struct slice op, const struct value *value, struct tree_node node)
{
	if (value->kind == VALUE_NULL)
		return *value;
	if (value->kind == VALUE_NUMBER && slice_is(op, "-"))
		return value_of_number(-value->number, value->is_integer);
	if (value->kind == VALUE_NUMBER && slice_is(op, "+"))
		return *value;
	return value_opaque(node, value, 1);
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

/* id + 0, id * 1: id itself. */
static bool
changes_nothing(struct slice op, const struct value *a, const struct value *b)
{
	if (a->kind != VALUE_DATA || b->kind != VALUE_NUMBER || !b->is_integer)
		return false;
	if (slice_is(op, "+") || slice_is(op, "-"))
		return b->number == 0;
	return (slice_is(op, "*") || slice_is(op, "/")) && b->number == 1;
}

/* 1 + NULL: all of PostgreSQL's own are strict. */
static bool
is_null_arithmetic(struct slice op, const struct value *a, const struct value *b)
{
	return (a->kind == VALUE_NULL || b->kind == VALUE_NULL) && op.length == 1 &&
	    memchr("+-*/%^", op.bytes[0], 6) != NULL;
}

struct value
value_operate(struct arena *arena, struct slice op, const struct value *a, const struct value *b,
    struct tree_node node)
{
	bool is_integer = a->is_integer && b->is_integer;
	const struct value both[] = { *a, *b };
	struct value result;
	long double number;

	if (a->kind == VALUE_NUMBER && b->kind == VALUE_NUMBER && op.length == 1 &&
	    calculate((char)op.bytes[0], a->number, b->number, is_integer, &number))
		return value_of_number(number, is_integer && op.bytes[0] != '^');
	if (is_null_arithmetic(op, a, b))
		return (struct value){ .kind = VALUE_NULL };
	if (slice_is(op, "||"))
		return value_concat(arena, a, b, node);
	if (changes_nothing(op, a, b))
		return *a;
	if (!slice_is(op, "-") && !slice_is(op, "/") && changes_nothing(op, b, a))
		return *b;
	result = value_compare(op, a, b);
	if (result.truth != VALUE_ANY)
		return result;
	/* What nothing is known of may still be the same as something else. */
	if (result.claim == CLAIM_NOTHING)
		return value_opaque(node, both, 2);
	result.kind = VALUE_DATA;
	result.node = node;
	return result;
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
			return value_opaque(node, values, count);
		if (best.kind == VALUE_NULL ||
		    (values[i].number > best.number) == greatest)
			best = values[i];
	}
	return best;
}

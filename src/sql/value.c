/* value.c - see value.h: truths, tests, casts and choices. Called by fold.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <pg_query/pg_query.pb-c.h>

#include "constant.h"
#include "value.h"

enum { STATES = 5, NUMBER_TEXT_MOST = 64, PAIRS_MOST = 64 };

struct value
value_data(struct tree_node node)
{
	return (struct value){ .kind = VALUE_DATA,
		.node = node,
		.claim = CLAIM_TRUE,
		.holds = CLAIM_YES,
		.of = node };
}

bool
value_is_fixed(const struct value *value)
{
	if (value->kind == VALUE_TRUTH)
		return (value->truth & (value->truth - 1)) == 0 && value->truth != VALUE_MISSING;
	return value->kind != VALUE_DATA && value->kind != VALUE_ROW;
}

struct value
value_opaque(struct tree_node node, const struct value *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!value_is_fixed(&values[i]))
			return value_data(node);
	return (struct value){ .kind = VALUE_FIXED, .node = node };
}

/* Rows within rows are taken as they stand, so that nothing here needs recursion. */
struct value
value_row(struct arena *arena, const struct value *values, size_t count, struct tree_node node)
{
	struct value *items = arena_zalloc(arena, count + 1, sizeof(*items));

	for (size_t i = 0; i < count; i++)
		items[i] = values[i].kind == VALUE_ROW ? value_data(values[i].node) : values[i];
	return (struct value){
		.kind = VALUE_ROW, .items = items, .item_count = count, .node = node
	};
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
		value = value_of_number((long double)constant.integer, true);
		break;
	case CONSTANT_DECIMAL:
		if (!value_read_number(constant.text, &value))
			return value_opaque(node, NULL, 0);
		value.text = constant.text;
		break;
	case CONSTANT_STRING:
		value = (struct value){ .kind = VALUE_TEXT, .text = constant.text };
		break;
	default:
		return value_opaque(node, NULL, 0);
	}
	value.node = node;
	return value;
}

unsigned
value_truth_of(const struct value *value)
{
	bool is_true;

	if (value->kind == VALUE_TRUTH)
		return value->truth;
	if (value->kind == VALUE_NULL)
		return VALUE_UNKNOWN;
	if (value->kind == VALUE_FIXED)
		return VALUE_EITHER;
	if (value->kind == VALUE_TEXT && constant_text_to_bool(value->text, &is_true))
		return is_true ? VALUE_TRUE : VALUE_FALSE;
	return VALUE_ANY;
}

/* now() > '2026-01-01' OR owner = 5 may well hold back rows: then it is true of some. */
bool
value_is_tautology(const struct value *value)
{
	unsigned truth = value_truth_of(value) & ~(unsigned)VALUE_MISSING;

	return truth == VALUE_TRUE || truth == VALUE_EITHER;
}

/* The first of the order that either is: what is less sure than all before it comes last. */
static unsigned
first_of(unsigned a, unsigned b, const unsigned *order)
{
	for (size_t i = 0; i < STATES; i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return VALUE_TRUE;
}

static unsigned
and_states(unsigned a, unsigned b)
{
	static const unsigned order[STATES] = { VALUE_FALSE, VALUE_UNKNOWN, VALUE_MISSING,
		VALUE_EITHER, VALUE_TRUE };

	return first_of(a, b, order);
}

static unsigned
or_states(unsigned a, unsigned b)
{
	static const unsigned order[STATES] = { VALUE_TRUE, VALUE_MISSING, VALUE_EITHER,
		VALUE_UNKNOWN, VALUE_FALSE };

	return first_of(a, b, order);
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

static unsigned
whole_of(enum value_claim claim)
{
	return claim == CLAIM_ORDER ? VALUE_LESS | VALUE_EQUAL | VALUE_GREATER
				    : CLAIM_YES | CLAIM_NO;
}

/* Do both claim something of the same? */
static bool
claim_of_one(const struct value *a, const struct value *b)
{
	return a->claim != CLAIM_NOTHING && a->claim == b->claim &&
	       tree_is_same(a->of, b->of) &&
	       (a->claim != CLAIM_ORDER || tree_is_same(a->other, b->other));
}

static bool
are_opposites(const struct value *a, const struct value *b, bool none)
{
	bool fits = none ? (a->holds & b->holds) == 0
			 : (a->holds | b->holds) == whole_of(a->claim);

	return fits && claim_of_one(a, b);
}

/*
 * x IS NULL beside x IS NOT NULL, a < b beside a >= b, x beside NOT x: together they are
 * all there is, or, with `none`, nothing. Looked for among few only: it takes every pair.
 */
static bool
has_opposites(const struct value *values, size_t count, bool none, enum value_claim *of)
{
	if (count > PAIRS_MOST)
		count = PAIRS_MOST;
	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			if (are_opposites(&values[i], &values[j], none)) {
				*of = values[i].claim;
				return true;
			}
	return false;
}

/* NULL is neither less nor greater, neither true nor false. */
static unsigned
missing_of(enum value_claim claim)
{
	return claim == CLAIM_NULL ? 0 : VALUE_MISSING;
}

struct value
value_and(const struct value *values, size_t count)
{
	unsigned sum = VALUE_TRUE;
	enum value_claim claim;

	if (has_opposites(values, count, true, &claim))
		return value_truth(VALUE_FALSE | missing_of(claim));
	for (size_t i = 0; i < count; i++)
		sum = join(sum, value_truth_of(&values[i]), and_states);
	return value_truth(sum);
}

struct value
value_or(const struct value *values, size_t count)
{
	unsigned sum = VALUE_FALSE;
	enum value_claim claim;

	if (has_opposites(values, count, false, &claim))
		return value_truth(VALUE_TRUE | missing_of(claim));
	for (size_t i = 0; i < count; i++)
		sum = join(sum, value_truth_of(&values[i]), or_states);
	return value_truth(sum);
}

struct value
value_not(const struct value *value)
{
	unsigned truth = value_truth_of(value);
	struct value result = value_truth(truth & ~(unsigned)(VALUE_TRUE | VALUE_FALSE));

	if ((truth & VALUE_TRUE) != 0)
		result.truth |= VALUE_FALSE;
	if ((truth & VALUE_FALSE) != 0)
		result.truth |= VALUE_TRUE;
	result.claim = value->claim;
	result.holds = whole_of(value->claim) & ~value->holds;
	result.of = value->of;
	result.other = value->other;
	return result;
}

static bool
may_be_null(const struct value *value)
{
	enum { MAYBE = VALUE_UNKNOWN | VALUE_MISSING | VALUE_EITHER };

	return value->kind == VALUE_DATA || value->kind == VALUE_FIXED ||
	       value->kind == VALUE_ROW || value->kind == VALUE_NULL ||
	       (value->kind == VALUE_TRUTH && (value->truth & MAYBE) != 0);
}

/* A row is NULL when all of it is, and not NULL when nothing of it is. */
static struct value
row_null_test(const struct value *row, bool wants_null)
{
	unsigned sum = VALUE_TRUE;

	for (size_t i = 0; i < row->item_count; i++)
		sum = join(sum, value_null_test(&row->items[i], wants_null).truth, and_states);
	return value_truth(sum);
}

struct value
value_null_test(const struct value *value, bool wants_null)
{
	struct value result;

	if (value->kind == VALUE_ROW)
		return row_null_test(value, wants_null);
	if (value->kind == VALUE_NULL)
		return value_truth(wants_null ? VALUE_TRUE : VALUE_FALSE);
	if (!may_be_null(value))
		return value_truth(wants_null ? VALUE_FALSE : VALUE_TRUE);
	if (value_is_fixed(value))
		return value_truth(VALUE_EITHER);
	result = value_truth(VALUE_TRUE | VALUE_FALSE);
	result.claim = value->kind == VALUE_DATA ? CLAIM_NULL : CLAIM_NOTHING;
	result.holds = wants_null ? CLAIM_YES : CLAIM_NO;
	result.of = value->node;
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
	if ((truth & ~(wanted | VALUE_EITHER)) != 0)
		result |= VALUE_FALSE;
	return value_truth(result | (truth & VALUE_EITHER));
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
		return value_opaque(node, value, 1);
	if (number.kind != VALUE_NUMBER)
		return value_opaque(node, value, 1);
	return value_of_number(
	    is_integer ? roundl(number.number) : number.number, is_integer || number.is_integer);
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

static struct value
cast_to_text(struct arena *arena, const struct value *value, struct tree_node node)
{
	struct value text = { .kind = VALUE_TEXT };

	return value_to_text(arena, value, &text.text) ? text : value_opaque(node, value, 1);
}

static struct value
cast_to_bool(const struct value *value, struct tree_node node)
{
	bool is_true;

	if (value->kind == VALUE_NUMBER)
		return value_truth(value->number != 0 ? VALUE_TRUE : VALUE_FALSE);
	if (value->kind == VALUE_TRUTH)
		return *value;
	if (value->kind == VALUE_TEXT && constant_text_to_bool(value->text, &is_true))
		return value_truth(is_true ? VALUE_TRUE : VALUE_FALSE);
	return value_opaque(node, value, 1);
}

struct value
value_cast(
    struct arena *arena, const struct value *value, struct slice type, struct tree_node node)
{
	enum { TYPE_NAMES = 1, TYPE_MODIFIERS = 5, TYPE_BOUNDS = 7 };
	static const char *const integers[] = { "int2", "int4", "int8" };
	static const char *const decimals[] = { "numeric", "float8" };
	static const char *const texts[] = { "text", "varchar", "unknown" };
	static const char *const moments[] = { "date", "timestamp", "timestamptz" };
	struct slice name = tree_name(type, TYPE_NAMES, NULL);
	struct value result = *value;

	if (value->kind == VALUE_NULL)
		return *value;
	/* What varchar(3), numeric(3,1), int[] make of it is not worked out here. */
	if (tree_has(type, TYPE_MODIFIERS) || tree_has(type, TYPE_BOUNDS))
		return value_opaque(node, value, 1);
	result.is_moment = true;
	if (value->kind == VALUE_TEXT && is_day(value->text) &&
	    is_one_of(name, moments, sizeof(moments) / sizeof(moments[0])))
		return result;
	if (slice_is(name, "bool"))
		return cast_to_bool(value, node);
	if (is_one_of(name, integers, sizeof(integers) / sizeof(integers[0])))
		return cast_to_number(value, true, node);
	if (is_one_of(name, decimals, sizeof(decimals) / sizeof(decimals[0])))
		return cast_to_number(value, false, node);
	if (is_one_of(name, texts, sizeof(texts) / sizeof(texts[0])))
		return cast_to_text(arena, value, node);
	return value_opaque(node, value, 1);
}

/* What is true where nothing is missing, and `rest` where something is. */
static unsigned
or_missing(unsigned rest)
{
	return (rest & VALUE_TRUE) | ((rest & ~(unsigned)VALUE_TRUE) != 0 ? VALUE_MISSING : 0);
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
			const struct value both[] = { *value, result };

			result = value_opaque(node, both, 2);
			continue;
		}
		certain = value->truth & (VALUE_TRUE | VALUE_FALSE | VALUE_EITHER);
		if ((value->truth & VALUE_UNKNOWN) != 0)
			certain |= value_truth_of(&result);
		if ((value->truth & VALUE_MISSING) != 0)
			certain |= or_missing(value_truth_of(&result));
		result = value_truth(certain);
	}
	return result;
}

bool
value_branch(
    struct value_branches *branches, const struct value *test, const struct value *result)
{
	enum { TAKEN = VALUE_TRUE | VALUE_EITHER };
	unsigned taken = test == NULL ? VALUE_TRUE : value_truth_of(test);
	unsigned truth = value_truth_of(result);

	if ((taken & TAKEN) == 0)
		return false;
	branches->differ = branches->differ || value_is_fixed(result) == false ||
	    (branches->count > 0 &&
		value_distinct(&branches->last, result).truth != VALUE_FALSE);
	branches->truth |= branches->missing ? or_missing(truth) : truth;
	branches->mixed = branches->mixed ||
	    (result->kind != VALUE_TRUTH && result->kind != VALUE_NULL &&
		result->kind != VALUE_TEXT);
	branches->last = *result;
	branches->count++;
	branches->missing = branches->missing ||
	    (taken & ~(unsigned)(VALUE_TRUE | VALUE_MISSING)) == 0;
	return taken == VALUE_TRUE;
}

struct value
value_of_branches(const struct value_branches *branches, struct tree_node node)
{
	if (branches->count == 1 || !branches->differ)
		return branches->last;
	return branches->mixed ? value_data(node) : value_truth(branches->truth);
}

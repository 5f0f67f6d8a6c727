/*
 * value.h - what is known of a part of a condition before any row is seen.
 *
 * A truth is a set of what the part may turn out to be, so that "id = id" (true,
 * or NULL where id is) differs from "x > 5" (anything).
 */
#ifndef SQL_VALUE_H
#define SQL_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "tree.h"

enum value_kind {
	VALUE_DATA, /* depends on the row: `node` says on what */
	VALUE_NULL,
	VALUE_TRUTH,
	VALUE_NUMBER,
	VALUE_TEXT, /* also any literal in quotes, whatever its type will be */
};

/* What a truth may be: a set of these. */
enum {
	VALUE_TRUE = 1,
	VALUE_FALSE = 2,
	VALUE_UNKNOWN = 4, /* NULL */
	VALUE_MISSING = 8, /* NULL because what is compared with itself is NULL */
	VALUE_ANY = VALUE_TRUE | VALUE_FALSE | VALUE_UNKNOWN,
};

struct value {
	enum value_kind kind;
	unsigned truth;     /* of VALUE_TRUTH */
	long double number; /* of VALUE_NUMBER */
	bool is_integer;
	struct slice text;     /* of VALUE_TEXT; borrowed */
	struct tree_node node; /* of VALUE_DATA, and of a null test: what is tested */
	bool null_test, wants_null;
};

/* What the branches of a CASE may give. */
struct value_branches {
	unsigned truth;
	size_t count;      /* branches that may be taken */
	bool mixed;        /* one of them is no truth */
	struct value last; /* the branch, when count is 1 */
};

struct value value_data(struct tree_node node);
struct value value_truth(unsigned truth);
struct value value_of_number(long double number, bool is_integer);
struct value value_of_constant(struct tree_node node);
/* A number in quotes or a literal too long for 32 bits. False: it is none. */
bool value_read_number(struct slice text, struct value *value);
/* What the value may be where a boolean is wanted. */
unsigned value_truth_of(const struct value *value);

struct value value_and(const struct value *values, size_t count);
struct value value_or(const struct value *values, size_t count);
struct value value_not(const struct value *value);
/* = <> < <= > >= LIKE and regular expressions; anything else may be anything. */
struct value value_compare(struct slice op, const struct value *a, const struct value *b);
/* The same and arithmetic; `node` is the whole, should nothing be known of it. */
struct value value_operate(
    struct slice op, const struct value *a, const struct value *b, struct tree_node node);
struct value value_sign(
    struct slice op, const struct value *value, struct tree_node node);
struct value value_distinct(const struct value *a, const struct value *b);
struct value value_null_if(
    const struct value *a, const struct value *b, struct tree_node node);
struct value value_null_test(const struct value *value, bool wants_null);
/* IS [NOT] TRUE | FALSE | UNKNOWN; `test` is PgQuery__BoolTestType. */
struct value value_test(const struct value *value, uint64_t test);
struct value value_cast(
    const struct value *value, struct slice type, struct tree_node node);
struct value value_coalesce(
    const struct value *values, size_t count, struct tree_node node);
struct value value_extreme(
    const struct value *values, size_t count, bool greatest, struct tree_node node);
/* A branch taken when `test` is true (NULL: always). True: no later one can be. */
bool value_branch(struct value_branches *branches, const struct value *test,
    const struct value *result);
struct value value_of_branches(
    const struct value_branches *branches, struct tree_node node);

/* True for every row, or for every row where what is compared with itself is not NULL. */
bool value_is_tautology(const struct value *value);

#endif

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

#include "base/arena.h"

#include "tree.h"

enum value_kind {
	VALUE_DATA, /* depends on the row: `node` says on what */
	VALUE_FIXED, /* the same for every row, though not known here */
	VALUE_ROW,   /* (a, b) */
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
	VALUE_MISSING = 8, /* not true because what is compared with itself is NULL */
	VALUE_EITHER = 16, /* all rows or none: nothing of a row is asked */
	VALUE_ANY = VALUE_TRUE | VALUE_FALSE | VALUE_UNKNOWN,
};

/* What a part says of another, so that it is known beside what says the opposite of it. */
enum value_claim {
	CLAIM_NOTHING,
	CLAIM_NULL,  /* `of` is NULL: CLAIM_YES; is not: CLAIM_NO */
	CLAIM_TRUE,  /* `of` is true or false itself */
	CLAIM_ORDER, /* how `of` stands to `other`: bits of enum value_order */
};
enum { CLAIM_YES = 1, CLAIM_NO = 2 };
/* Bits of what `a <=> b` may be for an operator to be true. */
enum value_order { VALUE_LESS = 1, VALUE_EQUAL = 2, VALUE_GREATER = 4 };

/* Copied freely: what it points to is the tree's or the arena's. */
struct value {
	enum value_kind kind;
	unsigned truth;     /* of VALUE_TRUTH */
	long double number; /* of VALUE_NUMBER */
	bool is_integer;
	bool is_moment;	   /* VALUE_TEXT: compared as a date or time */
	struct slice text; /* of VALUE_TEXT; of VALUE_NUMBER as it was written, or empty */
	const struct value *items; /* of VALUE_ROW: none of them is one itself */
	size_t item_count;
	struct tree_node node; /* where it stands; type 0: not known */
	enum value_claim claim;
	unsigned holds;		    /* what `claim` says … */
	struct tree_node of, other; /* … of what; CLAIM_ORDER: of both sides */
};

/* What the branches of a CASE may give. */
struct value_branches {
	unsigned truth;
	size_t count;      /* branches that may be taken */
	bool mixed;        /* one of them is no truth */
	bool differ;       /* they are not all the one known value `last` */
	bool missing;      /* the rest is for rows where what is compared with itself is NULL */
	struct value last; /* the branch, when all are the same */
};

/* Depends on the row; where a truth is wanted it claims to be true. */
struct value value_data(struct tree_node node);
/* Nothing is known of `node`, made of `values`: it is VALUE_FIXED if all of them are the same for each row. */
struct value value_opaque(
    struct tree_node node, const struct value *values, size_t count);
struct value value_truth(unsigned truth);
struct value value_of_number(long double number, bool is_integer);
struct value value_of_constant(struct tree_node node);
/* A number in quotes or a literal too long for 32 bits. False: it is none. */
bool value_read_number(struct slice text, struct value *value);
/* What the value may be where a boolean is wanted. */
unsigned value_truth_of(const struct value *value);

/* The same for every row? */
bool value_is_fixed(const struct value *value);
/* (a, b, …), copied into the arena. */
struct value value_row(struct arena *arena, const struct value *values, size_t count,
    struct tree_node node);

struct value value_and(const struct value *values, size_t count);
struct value value_or(const struct value *values, size_t count);
struct value value_not(const struct value *value);
/* = <> < <= > >= LIKE and regular expressions; anything else may be anything. */
struct value value_compare(struct slice op, const struct value *a, const struct value *b);
/* The same, arithmetic and ||; `node` is the whole, should nothing be known of it. */
struct value value_operate(struct arena *arena, struct slice op, const struct value *a,
    const struct value *b, struct tree_node node);
/* Would LIKE, or with `is_like` false ~, by this pattern fit every text? */
bool value_fits_all(struct slice pattern, bool is_like);
struct value value_sign(
    struct slice op, const struct value *value, struct tree_node node);
struct value value_distinct(const struct value *a, const struct value *b);
struct value value_null_if(
    const struct value *a, const struct value *b, struct tree_node node);
struct value value_null_test(const struct value *value, bool wants_null);
/* IS [NOT] TRUE | FALSE | UNKNOWN; `test` is PgQuery__BoolTestType. */
struct value value_test(const struct value *value, uint64_t test);
/* `type` is a TypeName. */
struct value value_cast(struct arena *arena, const struct value *value,
    struct slice type, struct tree_node node);
struct value value_coalesce(
    const struct value *values, size_t count, struct tree_node node);
struct value value_extreme(
    const struct value *values, size_t count, bool greatest, struct tree_node node);
/* A branch taken when `test` is true (NULL: always). True: no later one can be. */
bool value_branch(struct value_branches *branches, const struct value *test,
    const struct value *result);
struct value value_of_branches(
    const struct value_branches *branches, struct tree_node node);

/* literal.c: texts made of literals. */

/* As a cast to text writes it. False: that is not known here. */
bool value_to_text(struct arena *arena, const struct value *value, struct slice *text);
struct value value_concat(struct arena *arena, const struct value *a,
    const struct value *b, struct tree_node node);
/* Does the text fit the pattern of LIKE? VALUE_TRUE, VALUE_FALSE, or VALUE_EITHER. */
unsigned value_like(struct slice text, struct slice pattern, bool any_case);
/* The next element of an array in quotes, '{1,"a",NULL}', behind its first brace; false at the end. */
bool value_next_element(struct slice *rest, struct value *element);
/* Is it one that value_next_element() can read? Then `rest` begins with its first element. */
bool value_is_array(struct slice text, struct slice *rest);

/*
 * True for every row, or for every row where what is compared with itself is not NULL; or
 * for all or none, where nothing of a row is asked.
 */
bool value_is_tautology(const struct value *value);

#endif

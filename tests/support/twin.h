/*
 * twin.h - is the promise of sql/shape.h kept for this text? Used by
 * tests/unit/sql/test_shape_facts.c and tests/fuzz/fuzz_shape.c.
 */
#ifndef TESTS_SUPPORT_TWIN_H
#define TESTS_SUPPORT_TWIN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum twin_outcome {
	TWIN_NO_SHAPE,
	TWIN_SAME_TEXT, /* nothing was taken out */
	TWIN_NO_SQL,	/* neither can be parsed */
	TWIN_ALIKE,
	TWIN_DIFFERS,
};

/* The next of a row of numbers that only look random. */
uint64_t twin_random(uint64_t *seed);

/*
 * Put other literals where the text's shape has none, and compare the facts of
 * both texts; see also that they stand where they may. For TWIN_DIFFERS *why
 * names the fact, or is "place" or "shape", and *twin is the other text. The
 * caller frees it in any case.
 */
enum twin_outcome twin_compare(const char *text, size_t length, uint64_t *seed,
    struct buf *twin, const char **why);

#endif

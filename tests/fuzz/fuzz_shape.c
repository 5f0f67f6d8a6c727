/*
 * fuzz_shape.c - arbitrary bytes as a text of SQL. Where it has a shape, a text of
 * the same shape with other literals has the same facts, by PostgreSQL's parser.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../support/twin.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	uint64_t seed = length;
	struct buf twin = { 0 };
	const char *why = "";

	if (twin_compare((const char *)bytes, length, &seed, &twin, &why) == TWIN_DIFFERS) {
		fprintf(stderr, "%s differs: %.*s\nand: %.*s\n", why, (int)length,
		    (const char *)bytes, (int)buf_length(&twin), (const char *)buf_bytes(&twin));
		abort();
	}
	buf_free(&twin);
	return 0;
}

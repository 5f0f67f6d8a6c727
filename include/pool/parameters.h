/*
 * parameters.h - what a server reports of itself (ParameterStatus).
 */
#ifndef POOL_PARAMETERS_H
#define POOL_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>

enum { PARAMETERS_MOST = 64 }; /* a server that reports more is not believed */

struct parameter {
	char *name, *value;
};

/* Zeroed is empty. Owned by whoever holds it. */
struct parameters {
	struct parameter *items;
	size_t count;
};

/* Remember a value. False when it was so already, or there are too many. */
bool parameters_set(struct parameters *parameters, const char *name, const char *value);
/* NULL when the server never reported it. */
const char *parameters_get(const struct parameters *parameters, const char *name);
void parameters_copy(struct parameters *to, const struct parameters *from);
void parameters_free(struct parameters *parameters);

#endif

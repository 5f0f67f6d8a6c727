/* fold.c - see fold.h. */
#include <pg_query/pg_query.pb-c.h>

#include "constant.h"
#include "fold.h"

bool
fold_is_tautology(struct tree_node condition)
{
	struct constant constant = constant_of(condition);
	bool value = false;

	return constant_to_bool(&constant, &value) && value;
}

/* fold.h - is a condition true for every row, whatever the data? Is an expression NULL? */
#ifndef SQL_FOLD_H
#define SQL_FOLD_H

#include <stdbool.h>

#include "collect.h"
#include "tree.h"

/*
 * Constants are folded as PostgreSQL would. True also for what is true or NULL
 * depending on one column (id = id), and for what asks nothing of a row (now() > '2026-01-01'),
 * which all rows pass or none. What cannot be told is false. `ctes` are the names of WITH
 * that are known.
 */
bool fold_is_tautology(struct tree_node condition, const struct cte *ctes);
/* Is it NULL, however it is spelled? What cannot be told is not. */
bool fold_is_null(struct tree_node expression, const struct cte *ctes);

#endif

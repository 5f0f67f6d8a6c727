/* fold.h - is a condition true for every row, whatever the data? */
#ifndef SQL_FOLD_H
#define SQL_FOLD_H

#include <stdbool.h>

#include "tree.h"

/*
 * Constants are folded as PostgreSQL would. True also for what is true or NULL
 * depending on one column (id = id). What cannot be told is false.
 */
bool fold_is_tautology(struct tree_node condition);

#endif

/*
 * folder.h - a condition while it is worked out: see fold.c, which does expressions, and
 * fold_rows.c, which does queries within them.
 */
#ifndef SQL_FOLDER_H
#define SQL_FOLDER_H

#include "collect.h"
#include "value.h"

enum task_kind {
	TASK_VISIT,	/* look at an expression: leaves one value */
	TASK_ROWS,	/* look at a query or what stands in a FROM: leaves a truth, is there a row? */
	TASK_COMBINE,	/* put the last `count` values together to that of the node */
	TASK_ALL,	/* the AND of the last `count` values */
	TASK_ANY,	/* their OR */
	TASK_PERHAPS,	/* the AND, but where it is false nothing is known */
	TASK_LIMIT,	/* does a LIMIT of this value leave a row? */
	TASK_OFFSET,	/* does an OFFSET? */
	TASK_ROW,	/* one value, or several as a row */
};

struct task {
	enum task_kind kind;
	struct tree_node node;
	size_t count;
};

/* On the stack of fold_is_tautology(). */
struct folder {
	struct task *tasks; /* ours */
	size_t task_count, task_room;
	struct value *values; /* ours */
	size_t value_count, value_room;
	struct arena *arena;	/* ours: texts, rows, names of WITH */
	const struct cte *ctes; /* those known; inner ones are never taken off again */
	unsigned looked_up;	/* how many names of WITH were followed */
};

/* fold.c */
void folder_add(struct folder *folder, enum task_kind kind, struct tree_node node, size_t count);
/* The same with no node and no count; nothing where there is no node. */
void folder_visit(struct folder *folder, struct tree_node node);
/* Tasks from `first` on are done in the order in which they were added. */
void folder_turn(struct folder *folder, size_t first);
void folder_give(struct folder *folder, struct value value);

/* fold_rows.c */
void fold_visit_link(struct folder *folder, struct tree_node link);
struct value fold_combine_link(
    struct tree_node link, const struct value *values, size_t count);
void fold_visit_rows(struct folder *folder, struct tree_node node);
struct value fold_combine_rows(
    enum task_kind kind, const struct value *values, size_t count);

#endif

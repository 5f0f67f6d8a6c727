/*
 * walk.h - every node of a statement's tree, visited once.
 *
 * The rows in nodes.c say what is done at a node of each type; this is the
 * engine. It uses no recursion, because the tree of a short text can be
 * thousands of nodes deep.
 */
#ifndef SQL_WALK_H
#define SQL_WALK_H

#include "base/error.h"

#include "collect.h"
#include "tree.h"

enum { WALK_DEPTH = 16 * 1024, WALK_NODES = 1000 * 1000 };

enum node_kind {
	NODE_MISSING,  /* no row: the statement is not understood */
	NODE_INNER,    /* its fields are visited too */
	NODE_LEAF,     /* nothing within it matters, or its handler has seen to it */
	NODE_ANALYSED, /* appears only after PostgreSQL's analysis, never in a text's tree
			*/
};

/*
 * What is done at a node. The handler sees the node before its fields are
 * visited, and may change the context in which they are.
 */
struct node_row {
	enum node_kind kind;
	const char *verb; /* NULL: none, or the handler says */
	unsigned classes; /* of enum sql_class */
	uint64_t
	    targets; /* bit n: relations in field n are what the statement acts on … */
	unsigned access; /* … in this way; relations in other fields are read */
	bool defers;     /* a definition: what is in its other fields is done later */
	unsigned made;   /* field with the qualified name of what is created, 0 if none */
	void (*enter)(
	    struct collector *facts, struct slice body, struct context *context);
};

/* By the type of struct tree_node. */
extern const struct node_row node_rows[TREE_TYPE_COUNT];

/* Visit all of one statement. False: it has a node that is not understood, or too many.
 */
bool walk(struct collector *facts, struct tree_node statement, struct context context,
    struct error *err);

#endif

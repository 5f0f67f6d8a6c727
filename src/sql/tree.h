/*
 * tree.h - reading PostgreSQL's parse tree in the packed form (protobuf) in
 * which libpg_query hands it out.
 *
 * Nothing is unpacked: unpacking costs more than parsing, and recursion runs
 * out of stack on long chains. A message is a slice of bytes whose fields are
 * read one after the other.
 */
#ifndef SQL_TREE_H
#define SQL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the tree, borrowed from it. */
struct slice {
	const uint8_t *bytes;
	size_t length;
};

/* One field of a message. Exactly one of `value` and `body` counts. */
struct tree_field {
	unsigned number;
	bool has_body;  /* a string or a message */
	uint64_t value; /* numbers, booleans, enums */
	struct slice body;
};

/*
 * What a node is: the number it has in the oneof of pg_query's message Node,
 * PG_QUERY__NODE__NODE_… in pg_query.pb-c.h.
 */
struct tree_node {
	unsigned type; /* 0: there is none */
	struct slice body;
};

enum { TREE_TYPE_COUNT = 239 }; /* types are 1 … TREE_TYPE_COUNT - 1 */

/* How the body of a field is to be read. */
enum {
	TREE_FIELD_PLAIN = 0,
	TREE_FIELD_LOCATION = 253, /* a place in the text, not part of what is said */
	TREE_FIELD_STRANGE = 254,
	TREE_FIELD_NODE = 255,
};

/* The next field, taken off the front of *rest; false at the end or on broken bytes. */
bool tree_next(struct slice *rest, struct tree_field *field);
/* The node within the body of a message Node. */
struct tree_node tree_node(struct slice body);

/* A field of a message by its number; the first one if it is repeated. Absent is empty.
 */
struct slice tree_body(struct slice message, unsigned number);
uint64_t tree_value(struct slice message, unsigned number);
bool tree_has(struct slice message, unsigned number);
struct tree_node tree_child(struct slice message, unsigned number);
/* How often a repeated field occurs. */
size_t tree_count(struct slice message, unsigned number);
/* The next element of a repeated field of Nodes; `rest` begins as the whole message. */
bool tree_next_child(struct slice *rest, unsigned number, struct tree_node *node);

/* Do two nodes say the same, wherever they stand? Calls never do: they may be volatile.
 */
bool tree_is_same(struct tree_node a, struct tree_node b);
/* Is it an expression that has the same value for every row? */
bool tree_is_fixed(struct tree_node node);
/* Does it call a function, or a well-known aggregate of all rows, other than in a query within? */
bool tree_has_call(struct tree_node node);
bool tree_has_aggregate(struct tree_node node);
/* Is it a function that gives something else for each row, by its name; does it call one? */
bool tree_names_random(struct slice name);
bool tree_has_random(struct tree_node node);
/* The text of a node String; empty for any other. */
struct slice tree_string(struct tree_node node);
/* The last String of a repeated field, the name in a qualified one; *schema is the one
 * before it. */
struct slice tree_name(struct slice message, unsigned number, struct slice *schema);
/* The bytes of a string without its NUL; borrowed. */
struct slice slice_of(const char *text);
bool slice_is(struct slice slice, const char *text);
bool slices_are_equal(struct slice a, struct slice b);

/*
 * How to read the body of a field: the type of the message it holds, or
 * TREE_FIELD_PLAIN (no message), _LOCATION, _NODE (a Node), _STRANGE (a message
 * that is none of Node's).
 */
unsigned tree_field_type(unsigned type, unsigned number);
/* "SelectStmt", …; NULL when there is no such type. */
const char *tree_type_name(unsigned type);
/* Fill the tables behind the two above; called once by sql_facts(). */
void tree_init(void);

#endif

/* constant.h - a literal of the text, as the parser left it. */
#ifndef SQL_CONSTANT_H
#define SQL_CONSTANT_H

#include "tree.h"

enum constant_kind {
	CONSTANT_NONE, /* the node is no literal */
	CONSTANT_NULL,
	CONSTANT_BOOLEAN,
	CONSTANT_INTEGER,
	CONSTANT_DECIMAL, /* digits in `text`, also of an integer beyond 32 bits */
	CONSTANT_STRING,
	CONSTANT_BITS,
};

struct constant {
	enum constant_kind kind;
	int64_t integer;   /* also 0 and 1 of a boolean */
	struct slice text; /* borrowed from the tree */
};

struct constant constant_of(struct tree_node node);
/* As PostgreSQL reads a boolean: any prefix of true, false, yes, no; on, off; 1, 0. */
bool constant_text_to_bool(struct slice text, bool *value);
/* The same of any literal that can stand for a boolean. */
bool constant_to_bool(const struct constant *constant, bool *value);

#endif

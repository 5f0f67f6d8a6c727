/* constant.c - see constant.h. */
#include <string.h>
#include <strings.h>

#include <pg_query/pg_query.pb-c.h>

#include "constant.h"

/* Fields of A_Const; each but the last two holds a message whose first field is the
 * value. */
enum {
	CONST_INTEGER = 1,
	CONST_DECIMAL,
	CONST_BOOLEAN,
	CONST_STRING,
	CONST_BITS,
	CONST_NULL = 10
};

struct constant
constant_of(struct tree_node node)
{
	struct constant constant = { .kind = CONSTANT_NONE };
	struct tree_field field;

	if (node.type != PG_QUERY__NODE__NODE_A_CONST)
		return constant;
	while (tree_next(&node.body, &field)) {
		switch (field.number) {
		case CONST_INTEGER:
			constant.kind = CONSTANT_INTEGER;
			/* An int32, sign-extended on the wire. */
			constant.integer = (int64_t)tree_value(field.body, 1);
			return constant;
		case CONST_BOOLEAN:
			constant.kind = CONSTANT_BOOLEAN;
			constant.integer = tree_value(field.body, 1) != 0;
			return constant;
		case CONST_DECIMAL:
			constant.kind = CONSTANT_DECIMAL;
			constant.text = tree_body(field.body, 1);
			return constant;
		case CONST_STRING:
			constant.kind = CONSTANT_STRING;
			constant.text = tree_body(field.body, 1);
			return constant;
		case CONST_BITS:
			constant.kind = CONSTANT_BITS;
			return constant;
		case CONST_NULL:
			constant.kind = CONSTANT_NULL;
			return constant;
		default:
			break;
		}
	}
	return constant;
}

bool
constant_text_to_bool(struct slice text, bool *value)
{
	static const struct {
		const char *word;
		size_t least; /* of its bytes must be there */
		bool value;
	} words[] = {
		{ "true", 1, true },
		{ "false", 1, false },
		{ "yes", 1, true },
		{ "no", 1, false },
		{ "on", 2, true },
		{ "off", 2, false },
		{ "1", 1, true },
		{ "0", 1, false },
	};

	while (text.length > 0 && strchr(" \t\n\r\f\v", text.bytes[0]) != NULL) {
		text.bytes++;
		text.length--;
	}
	while (
	    text.length > 0 && strchr(" \t\n\r\f\v", text.bytes[text.length - 1]) != NULL)
		text.length--;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (text.length < words[i].least || text.length > strlen(words[i].word) ||
		    strncasecmp((const char *)text.bytes, words[i].word, text.length) !=
			0)
			continue;
		*value = words[i].value;
		return true;
	}
	return false;
}

bool
constant_to_bool(const struct constant *constant, bool *value)
{
	switch (constant->kind) {
	case CONSTANT_BOOLEAN:
	case CONSTANT_INTEGER:
		*value = constant->integer != 0;
		return true;
	case CONSTANT_STRING:
		return constant_text_to_bool(constant->text, value);
	default:
		return false;
	}
}

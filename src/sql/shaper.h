/*
 * shaper.h - which literals of a text can be taken out, told from its tokens in order.
 *
 * shape.c cuts the text into tokens and reports each here. A literal is taken
 * out when the tokens before it lead to SPOT_VALUE and the one behind it ends
 * the expression, so that it is a whole operand. Within parentheses not known
 * to hold conditions or a row ("opaque" ones) nothing is taken out, and nothing
 * is looked at.
 */
#ifndef SQL_SHAPER_H
#define SQL_SHAPER_H

#include "shape_words.h"

enum clause {
	CLAUSE_HEAD, /* behind the verb, before any other clause */
	CLAUSE_SET,
	CLAUSE_ROWS, /* VALUES of an INSERT */
	CLAUSE_WHERE,
	CLAUSE_OTHER,
};

/* What the tokens before make of the next one. */
enum spot {
	SPOT_NOTHING,
	SPOT_CONDITION,	    /* a condition begins: WHERE, AND, their parentheses */
	SPOT_COLUMN,	    /* it began with a column */
	SPOT_TARGET,	    /* a column to be assigned begins */
	SPOT_TARGET_COLUMN, /* … and was named */
	SPOT_ADDEND,	    /* a column on the right of an assignment */
	SPOT_ROW,	    /* a row of VALUES begins */
	SPOT_VALUE,	    /* a literal here may be taken out */
	SPOT_SIGNED_VALUE,  /* … a number, behind a minus */
};

/* What stands in a key for a literal: bytes that no text with a shape has. */
enum literal { LITERAL_INTEGER = 1, LITERAL_LONG, LITERAL_DECIMAL, LITERAL_STRING };

enum sign { SIGN_OTHER, SIGN_EQUALS, SIGN_COMPARES, SIGN_ADDS, SIGN_MINUS };

/* What the next token decides. */
enum pending {
	PENDING_NOTHING,
	PENDING_LITERAL, /* a whole operand, if the next token ends the expression */
	PENDING_GROUP,	 /* closed; had it been an operand, what it held would matter */
};

/* One call of sql_shape(); on its stack. */
struct shaper {
	const uint8_t *text; /* borrowed */
	size_t length, at;
	uint8_t *out;  /* in the key; has room for the whole text */
	size_t copied; /* the key has what stands before this */
	enum word verb;
	enum clause clause;
	enum spot spot;
	unsigned opaque; /* parentheses and brackets open of which we know nothing */
	unsigned group;	 /* parentheses open around conditions */
	bool in_row;	 /* of VALUES */
	bool between;	 /* the next AND belongs to BETWEEN */
	bool label;	 /* the next word is no keyword, as it is behind a dot or AS */
	enum pending pending;
	enum literal literal; /* the pending one … */
	size_t start, end;    /* … and where it stands */
};

/* A token was met. False: this text has no shape. */
bool shaper_word(struct shaper *shaper, enum word word);
/* It ends at `at`. */
bool shaper_literal(struct shaper *shaper, enum literal literal, size_t start);
bool shaper_sign(struct shaper *shaper, enum sign sign);
bool shaper_dot(struct shaper *shaper);
bool shaper_comma(struct shaper *shaper);
bool shaper_open(struct shaper *shaper, bool round);
bool shaper_close(struct shaper *shaper, bool round);
/* One that we know nothing of, but that it is a token. */
bool shaper_other(struct shaper *shaper);
bool shaper_end(struct shaper *shaper);

#endif

/*
 * lex.h - where the tokens of a text begin and end, as PostgreSQL's scanner
 * sees them, in one pass and without knowing the grammar.
 *
 * For what must be known before the parser may run (precheck), and for
 * rewriting a text without printing its tree again (normalize, hint, replay).
 */
#ifndef SQL_LEX_H
#define SQL_LEX_H

#include <stdbool.h>
#include <stddef.h>

enum lex_kind {
	LEX_END,
	LEX_WORD,          /* a keyword or a name without quotes */
	LEX_QUOTED_NAME,   /* "…" and U&"…" */
	LEX_STRING,        /* '…' with any prefix */
	LEX_DOLLAR_STRING, /* $tag$…$tag$ */
	LEX_NUMBER,
	LEX_PARAMETER,   /* $1 */
	LEX_OPERATOR,    /* a whole run of operator characters */
	LEX_PUNCTUATION, /* one byte: ( ) [ ] , ; . : or anything else */
	LEX_COMMENT,
};

struct lex_token {
	enum lex_kind kind;
	size_t start, end; /* bytes of the text */
	unsigned nesting;  /* of a block comment: 1 is not nested */
	bool unterminated; /* a quote or comment that the text does not close */
};

/* A place in a text, on the caller's stack. The text is borrowed. */
struct lexer {
	const char *text;
	size_t length, at;
};

/* The next token, comments included; LEX_END at the end, for ever. */
void lex_next(struct lexer *lexer, struct lex_token *token);
/* The next token that is not a comment. */
void lex_next_real(struct lexer *lexer, struct lex_token *token);
/* Is the token this keyword (lower case)? */
bool lex_is_word(const char *text, const struct lex_token *token, const char *word);
/* Is it one of these, which end with NULL? */
bool lex_is_one_of(const char *text, const struct lex_token *token, const char *const *words);
/* Is it this one byte of punctuation? */
bool lex_is_mark(const char *text, const struct lex_token *token, char mark);

#endif

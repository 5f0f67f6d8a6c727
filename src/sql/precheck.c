/* precheck.c - see precheck.h. */
#include <stdint.h>

#include "base/text.h"

#include "lex.h"
#include "precheck.h"

/* What one pass over the tokens counts; on the stack of precheck(). */
struct counts {
	unsigned tokens, statements, depth;
	bool in_statement; /* a token was seen since the last semicolon */
	uint16_t chain[PRECHECK_DEPTH + 1]; /* operators in a row, at each depth */
};

static bool
too_many(struct error *err, const char *what, int most)
{
	return error_set_state(err, ERROR_SYNTAX, "54001",
	    "statement too complex: more than %d %s", most, what);
}

static bool
count_mark(struct counts *counts, char mark, struct error *err)
{
	switch (mark) {
	case '(':
	case '[':
		if (counts->depth == PRECHECK_DEPTH)
			return too_many(err, "nested parentheses", PRECHECK_DEPTH);
		counts->chain[++counts->depth] = 0;
		return true;
	case ')':
	case ']':
		if (counts->depth > 0)
			counts->depth--;
		return true;
	case ';':
		counts->in_statement = false;
		/* fall through */
	case ',':
		counts->chain[counts->depth] = 0;
		return true;
	default:
		return true;
	}
}

/* a::b is a chain as a+b is; the colon comes as punctuation, twice. */
static bool
count_link(struct counts *counts, struct error *err)
{
	if (++counts->chain[counts->depth] > PRECHECK_CHAIN)
		return too_many(err, "operators in one expression", PRECHECK_CHAIN);
	return true;
}

static bool
count_word(struct counts *counts, const char *text, const struct lex_token *token,
    struct error *err)
{
	/* The grammar makes one flat list of the first, and a level of each of the
	 * others. */
	static const char *const flat[] = { "and", "or", NULL };
	static const char *const links[] = { "is", "isnull", "notnull", "collate", "at",
		NULL };

	if (lex_is_one_of(text, token, flat))
		counts->chain[counts->depth] = 0;
	return !lex_is_one_of(text, token, links) || count_link(counts, err);
}

static bool
count_token(struct counts *counts, const char *text, const struct lex_token *token,
    struct error *err)
{
	if (++counts->tokens > PRECHECK_TOKENS)
		return too_many(err, "words and signs", PRECHECK_TOKENS);
	if (!counts->in_statement && !lex_is_mark(text, token, ';')) {
		counts->in_statement = true;
		if (++counts->statements > PRECHECK_STATEMENTS)
			return too_many(
			    err, "statements in one message", PRECHECK_STATEMENTS);
	}
	switch (token->kind) {
	case LEX_OPERATOR:
		if (token->end - token->start > PRECHECK_OPERATOR_RUN)
			return too_many(
			    err, "operator signs in a row", PRECHECK_OPERATOR_RUN);
		return count_link(counts, err);
	case LEX_PUNCTUATION:
		if (text[token->start] == ':')
			return count_link(counts, err);
		return count_mark(counts, text[token->start], err);
	case LEX_WORD:
		return count_word(counts, text, token, err);
	default:
		return true;
	}
}

static bool
check_encoding(const char *text, size_t length, struct error *err)
{
	if (text_is_utf8(text, length))
		return true;
	return error_set_state(
	    err, ERROR_SYNTAX, "22021", "invalid byte sequence for encoding \"UTF8\"");
}

bool
precheck(const char *text, size_t length, struct error *err, int *position)
{
	struct lexer lexer = { .text = text, .length = length };
	struct lex_token token = { 0 };
	struct counts counts;

	*position = 0;
	if (!check_encoding(text, length, err))
		return false;
	counts.tokens = counts.statements = counts.depth = 0;
	counts.in_statement = false;
	counts.chain[0] = 0;
	for (lex_next(&lexer, &token); token.kind != LEX_END; lex_next(&lexer, &token)) {
		bool good;

		if (token.kind != LEX_COMMENT)
			good = count_token(&counts, text, &token, err);
		else
			good = token.nesting <= PRECHECK_COMMENT_NESTING ||
			       too_many(err, "nested comments", PRECHECK_COMMENT_NESTING);
		if (!good) {
			*position = (int)token.start + 1;
			return false;
		}
	}
	return true;
}

/* hint.c - see include/sql/hint.h. Called by the policy layer's built-in rules. */
#include "sql/hint.h"

#include "lex.h"

enum { PATTERN_WORDS = 4 };

/* The words that must come first; CONCURRENTLY belongs behind the last. NULL ends a row.
 */
static const char *const patterns[][PATTERN_WORDS] = {
	{ "create", "index" },
	{ "create", "unique", "index" },
	{ "drop", "index" },
	{ "reindex", "index" },
	{ "reindex", "table" },
	{ "reindex", "schema" },
	{ "reindex", "database" },
	{ "refresh", "materialized", "view" },
};

enum { PATTERN_COUNT = sizeof(patterns) / sizeof(patterns[0]) };

/* Skip the options of REINDEX (VERBOSE): a group in parentheses in front of the token. */
static void
skip_group(struct lexer *lexer, struct lex_token *token)
{
	while (token->kind != LEX_END && !lex_is_mark(lexer->text, token, ')'))
		lex_next_real(lexer, token);
	lex_next_real(lexer, token);
}

/* Behind the pattern's last word, or 0. */
static size_t
place(const char *const *pattern, struct lexer lexer)
{
	struct lex_token token;
	size_t at = 0;

	lex_next_real(&lexer, &token);
	for (size_t i = 0; i < PATTERN_WORDS && pattern[i] != NULL; i++) {
		if (i == 1 && lex_is_mark(lexer.text, &token, '('))
			skip_group(&lexer, &token);
		if (!lex_is_word(lexer.text, &token, pattern[i]))
			return 0;
		at = token.end;
		lex_next_real(&lexer, &token);
	}
	return lex_is_word(lexer.text, &token, "concurrently") ? 0 : at;
}

bool
sql_hint_concurrently(const char *text, size_t length,
    const struct sql_statement *statement, struct buf *out)
{
	size_t start = (size_t)statement->location;
	size_t end = start + (size_t)statement->length;
	struct lexer lexer = { .text = text, .length = end, .at = start };

	if (end > length)
		return false;
	for (size_t i = 0; i < PATTERN_COUNT; i++) {
		size_t at = place(patterns[i], lexer);

		if (at == 0)
			continue;
		buf_put(out, text + start, at - start);
		buf_put_text(out, " CONCURRENTLY");
		buf_put(out, text + at, end - at);
		return true;
	}
	return false;
}

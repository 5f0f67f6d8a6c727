/* hint.c - see include/sql/hint.h. Called by the policy layer's built-in rules. */
#include "sql/hint.h"

#include "lex.h"

enum { PATTERN_WORDS = 4, NAME_BYTES = 63 };

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

/* The bytes of a name, quoted ones without their quotes. */
static size_t
name_length(const char *text, const struct lex_token *token)
{
	size_t length = token->end - token->start;

	if (token->kind == LEX_WORD)
		return length;
	if (token->kind != LEX_QUOTED_NAME || length < 2)
		return 0;
	length -= text[token->start] == '"' ? 2 : 0;
	for (size_t i = token->start + 1; i + 2 < token->end; i++)
		length -= text[i] == '"' && text[i + 1] == '"' && i++ > 0;
	return length;
}

bool
sql_hint_long_name(const char *text, size_t length, const struct sql_statement *statement,
    struct buf *out)
{
	size_t end = (size_t)statement->location + (size_t)statement->length;
	struct lexer lexer = { .text = text,
		.length = end < length ? end : length,
		.at = (size_t)statement->location };
	struct lex_token token;

	for (lex_next_real(&lexer, &token); token.kind != LEX_END; lex_next_real(&lexer, &token)) {
		if (name_length(text, &token) <= NAME_BYTES)
			continue;
		if (out != NULL)
			buf_put(out, text + token.start, token.end - token.start);
		return true;
	}
	return false;
}

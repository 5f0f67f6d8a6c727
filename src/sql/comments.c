/* comments.c - see include/sql/comments.h. Called by the policy layer for tags. */
#include "sql/comments.h"

#include "lex.h"

bool
sql_next_comment(const char *text, size_t length, size_t *at, const char **comment,
    size_t *comment_length)
{
	struct lexer lexer = { .text = text, .length = length, .at = *at };
	struct lex_token token;

	for (lex_next(&lexer, &token); token.kind != LEX_END; lex_next(&lexer, &token)) {
		*at = token.end;
		if (token.kind != LEX_COMMENT || token.unterminated || text[token.start] != '/')
			continue;
		*comment = text + token.start + 2;
		*comment_length = token.end - token.start - 4;
		return true;
	}
	*at = length;
	return false;
}

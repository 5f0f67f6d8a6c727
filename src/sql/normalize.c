/* normalize.c - see normalize.h. Called by facts.c. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#include "lex.h"
#include "normalize.h"
#include "parse.h"

/* The text from `from` to the token, and the token as it may be shown. */
static void
put_token(struct buf *out, const char *text, size_t from, const struct lex_token *token,
    bool hide_numbers)
{
	bool hidden = token->kind == LEX_STRING || token->kind == LEX_DOLLAR_STRING ||
		      (token->kind == LEX_NUMBER && hide_numbers);

	buf_put(out, text + from, token->start - from);
	if (token->kind == LEX_COMMENT)
		buf_put_u8(out, ' '); /* it parted two words */
	else if (hidden)
		buf_put_text(out, "'***'");
	else
		buf_put(out, text + token->start, token->end - token->start);
}

static void
trim_blanks(struct buf *out)
{
	while (buf_length(out) > 0 && strchr(" \t\r\n\f", buf_bytes(out)[0]) != NULL)
		buf_consume(out, 1);
	while (
	    buf_length(out) > 0 && strchr(" \t\r\n\f", out->data[out->end - 1]) != NULL)
		out->end--;
}

char *
normalize_unparsed(struct arena *arena, const char *text, size_t length, bool hide_numbers)
{
	struct lexer lexer = { .text = text, .length = length };
	struct lex_token token;
	struct buf out = { 0 };
	size_t from = 0;
	char *normalized;

	do {
		lex_next(&lexer, &token);
		put_token(&out, lexer.text, from, &token, hide_numbers);
		from = token.end;
	} while (token.kind != LEX_END);
	trim_blanks(&out);
	normalized = arena_strndup(
	    arena, out.data != NULL ? buf_bytes(&out) : NULL, buf_length(&out));
	buf_free(&out);
	return normalized;
}

char *
normalize(struct arena *arena, const char *text, size_t length, bool hide_numbers)
{
	char *parsed = parse_normalize(text);
	char *normalized;

	/* Should the library fail, strings are hidden all the same. */
	normalized = parsed != NULL ? normalize_unparsed(arena, parsed, strlen(parsed), hide_numbers)
				    : normalize_unparsed(arena, text, length, hide_numbers);
	mem_free(parsed);
	return normalized;
}

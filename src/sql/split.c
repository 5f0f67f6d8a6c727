/* split.c - see include/sql/split.h. Called by pgweirctl lint. */
#include "sql/split.h"

#include <string.h>

#include "lex.h"

/* The end of the line that the place is in, behind its newline. */
static size_t
line_end(const char *text, size_t length, size_t at)
{
	const char *newline = at < length ? memchr(text + at, '\n', length - at) : NULL;

	return newline != NULL ? (size_t)(newline - text) + 1 : length;
}

/* The rows of a COPY end with a line of "\." alone. */
static size_t
skip_rows(const char *text, size_t length, size_t at)
{
	while (at < length) {
		size_t next = line_end(text, length, at);

		if (length - at >= 2 && text[at] == '\\' && text[at + 1] == '.')
			return next;
		at = next;
	}
	return length;
}

/* What is known of the statement that is being read. */
struct splitting {
	bool copies, from_stdin; /* COPY … FROM STDIN */
	bool from;		 /* the word before was FROM */
	bool begins;		 /* the word before was BEGIN */
	unsigned atomic;	 /* within BEGIN ATOMIC: blocks and CASEs that are open */
	unsigned depth;
};

static void
see_word(struct splitting *seen, const char *text, const struct lex_token *token, bool first)
{
	bool begins = lex_is_word(text, token, "begin");

	if (first)
		seen->copies = lex_is_word(text, token, "copy");
	if (seen->copies && seen->from && lex_is_word(text, token, "stdin"))
		seen->from_stdin = true;
	seen->from = lex_is_word(text, token, "from");
	if (seen->begins && lex_is_word(text, token, "atomic"))
		seen->atomic = 1;
	else if (seen->atomic > 0 && lex_is_word(text, token, "case"))
		seen->atomic++;
	else if (seen->atomic > 0 && lex_is_word(text, token, "end"))
		seen->atomic--;
	seen->begins = begins;
}

static void
see_mark(struct splitting *seen, const char *text, const struct lex_token *token)
{
	if (lex_is_mark(text, token, '('))
		seen->depth++;
	else if (lex_is_mark(text, token, ')') && seen->depth > 0)
		seen->depth--;
}

bool
sql_next_statement(
    const char *text, size_t length, size_t *at, size_t *start, size_t *statement_length)
{
	struct lexer lexer = { .text = text, .length = length, .at = *at };
	struct splitting seen = { 0 };
	struct lex_token token;
	size_t end = 0;
	bool found = false;

	for (lex_next_real(&lexer, &token); token.kind != LEX_END;
	     lex_next_real(&lexer, &token)) {
		bool ends = lex_is_mark(text, &token, ';') && seen.depth == 0 && seen.atomic == 0;

		if (!found && ends)
			continue;
		if (!found && text[token.start] == '\\') {
			lexer.at = line_end(text, length, token.start);
			continue;
		}
		if (ends)
			break;
		see_word(&seen, text, &token, !found);
		see_mark(&seen, text, &token);
		if (!found)
			*start = token.start;
		found = true;
		end = token.end;
	}
	*at = token.kind == LEX_END ? length : token.end;
	if (seen.from_stdin)
		*at = skip_rows(text, length, line_end(text, length, *at));
	*statement_length = found ? end - *start : 0;
	return found;
}

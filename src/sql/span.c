/* span.c - see span.h. Called by acts.c. */
#include "span.h"

#include "lex.h"

/* Words that end a type or a default: what may follow them in a column's definition. */
static const char *const column_words[] = { "constraint", "not", "null", "default", "check",
	"unique", "primary", "references", "generated", "collate", "deferrable", "initially",
	"using", "compression", "storage", "options" };

/* Reading on from a place of the statement. */
struct reading {
	struct lexer lexer;
	struct lex_token token;
	unsigned depth; /* of parentheses and brackets */
	size_t start, end;
};

static bool
begin(struct reading *reading, const struct collector *facts, uint64_t location)
{
	const struct sql_statement *statement = facts->statement;
	const char *text = (const char *)facts->text.bytes - statement->location;

	if (facts->in_body || location < (uint64_t)statement->location ||
	    location >= (uint64_t)statement->location + facts->text.length)
		return false;
	*reading = (struct reading){ .lexer = { .text = text,
					 .length = (size_t)statement->location +
					     facts->text.length,
					 .at = (size_t)location } };
	lex_next_real(&reading->lexer, &reading->token);
	reading->start = reading->end = reading->token.start;
	return reading->token.kind != LEX_END;
}

/* Take the token; false at the end of the list or statement that it stands in. */
static bool
take(struct reading *reading)
{
	const char *text = reading->lexer.text;
	const struct lex_token *token = &reading->token;

	if (token->kind == LEX_END || lex_is_mark(text, token, ';'))
		return false;
	if (reading->depth == 0 && (lex_is_mark(text, token, ',') ||
				       lex_is_mark(text, token, ')') ||
				       lex_is_mark(text, token, ']')))
		return false;
	if (lex_is_mark(text, token, '(') || lex_is_mark(text, token, '['))
		reading->depth++;
	if (lex_is_mark(text, token, ')') || lex_is_mark(text, token, ']'))
		reading->depth--;
	reading->end = token->end;
	lex_next_real(&reading->lexer, &reading->token);
	return true;
}

static struct slice
taken(const struct reading *reading)
{
	return (struct slice){ (const uint8_t *)reading->lexer.text + reading->start,
		reading->end - reading->start };
}

static bool
is_word(const struct reading *reading, const char *word)
{
	return lex_is_word(reading->lexer.text, &reading->token, word);
}

static bool
is_one_of(const struct reading *reading, const char *const *words, size_t count)
{
	for (size_t i = 0; reading->depth == 0 && i < count; i++)
		if (is_word(reading, words[i]))
			return true;
	return false;
}

struct slice
span_element(const struct collector *facts, uint64_t location)
{
	struct reading reading;

	if (!begin(&reading, facts, location))
		return (struct slice){ NULL, 0 };
	while (take(&reading))
		;
	return taken(&reading);
}

/* Up to the next word of a column's definition, the first token left out of account. */
static struct slice
until_column_word(struct reading *reading)
{
	bool more = take(reading);

	while (more && !is_one_of(reading, column_words,
			   sizeof(column_words) / sizeof(column_words[0])))
		more = take(reading);
	return taken(reading);
}

struct slice
span_type(const struct collector *facts, uint64_t location)
{
	struct reading reading;

	if (!begin(&reading, facts, location))
		return (struct slice){ NULL, 0 };
	return until_column_word(&reading);
}

struct slice
span_default(const struct collector *facts, uint64_t location)
{
	struct reading reading;

	if (!begin(&reading, facts, location))
		return (struct slice){ NULL, 0 };
	while (!is_word(&reading, "default"))
		if (!take(&reading))
			return (struct slice){ NULL, 0 };
	take(&reading);
	reading.start = reading.end = reading.token.start;
	return until_column_word(&reading);
}

struct slice
span_group(const struct collector *facts, uint64_t location)
{
	struct reading reading;

	if (!begin(&reading, facts, location))
		return (struct slice){ NULL, 0 };
	while (!lex_is_mark(reading.lexer.text, &reading.token, '('))
		if (!take(&reading))
			return (struct slice){ NULL, 0 };
	reading.start = reading.end = reading.token.start;
	do {
		if (!take(&reading))
			break;
	} while (reading.depth > 0);
	return taken(&reading);
}

static void
take_group(struct reading *reading)
{
	if (!lex_is_mark(reading->lexer.text, &reading->token, '('))
		return;
	do {
		if (!take(reading))
			return;
	} while (reading->depth > 0);
}

/* [NOT] DEFERRABLE, INITIALLY …. A NOT of something else is left where it is. */
static bool
take_deferral(struct reading *reading)
{
	struct reading ahead = *reading;

	if (is_word(&ahead, "not"))
		take(&ahead);
	if (is_word(&ahead, "initially"))
		take(&ahead);
	else if (!is_word(&ahead, "deferrable"))
		return false;
	take(&ahead);
	*reading = ahead;
	return true;
}

struct slice
span_reference(const struct collector *facts, uint64_t location)
{
	struct reading reading;

	if (!begin(&reading, facts, location))
		return (struct slice){ NULL, 0 };
	take(&reading);
	while (lex_is_mark(reading.lexer.text, &reading.token, '.')) {
		take(&reading);
		take(&reading);
	}
	take_group(&reading);
	while (is_word(&reading, "match") || is_word(&reading, "on")) {
		bool match = is_word(&reading, "match");
		bool more = take(&reading) && take(&reading);

		if (!more || match)
			continue;
		if (is_word(&reading, "set") || is_word(&reading, "no"))
			take(&reading);
		take(&reading);
		take_group(&reading);
	}
	while (take_deferral(&reading))
		;
	return taken(&reading);
}

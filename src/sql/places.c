/* places.c - see include/sql/places.h. Called by the session layer for texts that it edits. */
#include <string.h>
#include <strings.h>

#include "sql/places.h"

#include "lex.h"

static struct lexer
lexer_over(const char *text, struct sql_place place)
{
	return (struct lexer){ .text = text, .length = place.end, .at = place.start };
}

bool
sql_place_words(const char *text, struct sql_place within, struct sql_place *place)
{
	struct lexer lexer = lexer_over(text, within);
	struct lex_token token;
	bool found = false;

	for (lex_next_real(&lexer, &token); token.kind != LEX_END; lex_next_real(&lexer, &token)) {
		if (lex_is_mark(text, &token, ';'))
			continue;
		if (!found)
			place->start = token.start;
		place->end = token.end;
		found = true;
	}
	return found;
}

static bool
is_name(const struct lex_token *token)
{
	return token->kind == LEX_WORD || token->kind == LEX_QUOTED_NAME;
}

/* Words that cannot be a name without quotes, and may stand behind a relation called execute. */
static bool
is_reserved(const char *text, const struct lex_token *token)
{
	return lex_is_word(text, token, "as") || lex_is_word(text, token, "with") ||
	    lex_is_word(text, token, "using") || lex_is_word(text, token, "on");
}

/*
 * Is it the name behind EXECUTE? Only its arguments, WITH NO DATA and the end may follow. The
 * lexer is the caller's copy.
 */
static bool
is_executed_name(struct lexer lexer, const struct lex_token *token)
{
	struct lex_token next;

	if (!is_name(token) || is_reserved(lexer.text, token))
		return false;
	lex_next_real(&lexer, &next);
	return next.kind == LEX_END || lex_is_mark(lexer.text, &next, '(') ||
	    lex_is_mark(lexer.text, &next, ';') || lex_is_word(lexer.text, &next, "with");
}

bool
sql_place_prepared_name(const char *text, struct sql_place statement, struct sql_place *place)
{
	struct lexer lexer = lexer_over(text, statement);
	struct lex_token before, token;
	bool prepares;

	lex_next_real(&lexer, &before);
	prepares = lex_is_word(text, &before, "prepare");
	for (lex_next_real(&lexer, &token); token.kind != LEX_END; lex_next_real(&lexer, &token)) {
		if ((prepares && is_name(&token)) ||
		    (lex_is_word(text, &before, "execute") && is_executed_name(lexer, &token))) {
			*place = (struct sql_place){ token.start, token.end };
			return true;
		}
		if (prepares)
			return false;
		before = token;
	}
	return false;
}

/* Is it 'name', whatever its case? */
static bool
is_string(const char *text, const struct lex_token *token, const char *name)
{
	size_t length = strlen(name);

	return token->kind == LEX_STRING && token->end - token->start == length + 2 &&
	    strncasecmp(text + token->start + 1, name, length) == 0;
}

bool
sql_place_null_value(const char *text, struct sql_place statement, const char *setting,
    struct sql_place *place)
{
	struct lexer lexer = lexer_over(text, statement);
	struct lex_token token;
	unsigned step = 0; /* how much of set_config ( 'name' , NULL is there */

	for (lex_next_real(&lexer, &token); token.kind != LEX_END; lex_next_real(&lexer, &token)) {
		if (step == 4 && lex_is_word(text, &token, "null")) {
			*place = (struct sql_place){ token.start, token.end };
			return true;
		}
		if ((step == 1 && lex_is_mark(text, &token, '(')) ||
		    (step == 2 && is_string(text, &token, setting)) ||
		    (step == 3 && lex_is_mark(text, &token, ',')))
			step++;
		else
			step = lex_is_word(text, &token, "set_config");
	}
	return false;
}

/* Written with quotes or without; not with escapes. */
static bool
is_called(const char *text, const struct lex_token *token, const char *name)
{
	size_t length = strlen(name);

	if (token->kind == LEX_WORD)
		return lex_is_word(text, token, name);
	return token->kind == LEX_QUOTED_NAME && token->end - token->start == length + 2 &&
	    strncmp(text + token->start + 1, name, length) == 0;
}

/* What stands between the parentheses of a call: nothing, or one whole number. */
static bool
take_argument(const char *text, const struct lex_token *token, uint32_t *number)
{
	uint64_t value = 0;

	if (number == NULL || token->kind != LEX_NUMBER || token->end - token->start > 10)
		return false;
	for (size_t i = token->start; i < token->end; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = 10 * value + (unsigned)(text[i] - '0');
	}
	*number = (uint32_t)value;
	return value <= INT32_MAX;
}

/* `number` is NULL of a call without arguments. */
static bool
find_call(const char *text, struct sql_place statement, const char *function,
    struct sql_place *place, uint32_t *number)
{
	struct lexer lexer = lexer_over(text, statement);
	struct lex_token token;
	bool named = false, dotted = false, called = false, opened = false;
	size_t start = 0;

	for (lex_next_real(&lexer, &token); token.kind != LEX_END; lex_next_real(&lexer, &token)) {
		bool dot = lex_is_mark(text, &token, '.');

		if (dot && !named)
			return false; /* U&"…" UESCAPE '!'. */
		if (opened && number != NULL && take_argument(text, &token, number)) {
			number = NULL;
			continue;
		}
		if (opened && number == NULL && lex_is_mark(text, &token, ')')) {
			*place = (struct sql_place){ start, token.end };
			return true;
		}
		opened = called && lex_is_mark(text, &token, '(');
		called = is_called(text, &token, function);
		if (is_name(&token) && !dotted)
			start = token.start;
		named = is_name(&token);
		dotted = dot;
	}
	return false;
}

bool
sql_place_call(const char *text, struct sql_place statement, const char *function,
    struct sql_place *place)
{
	return find_call(text, statement, function, place, NULL);
}

bool
sql_place_call_of_number(const char *text, struct sql_place statement, const char *function,
    struct sql_place *place, uint32_t *number)
{
	return find_call(text, statement, function, place, number);
}

/* What may follow a relation that has no other name; none of these can be one without AS. */
static const char *const behind_relation[] = { "where", "group", "having", "window", "order",
	"limit", "offset", "fetch", "for", "union", "intersect", "except", "join", "inner", "left",
	"right", "full", "cross", "natural", "on", "using", "tablesample", NULL };

/* What stands before a token; `last` is nearest to it. */
struct before {
	struct lex_token last, second, third;
};

static void
shift(struct before *before, const struct lex_token *token)
{
	before->third = before->second;
	before->second = before->last;
	before->last = *token;
}

/* Is what ends here, by itself or behind pg_catalog and a dot, a relation that is read? */
static bool
is_read(const char *text, const struct before *before, struct sql_place *place)
{
	const struct lex_token *keyword = &before->last;

	if (lex_is_mark(text, &before->last, '.')) {
		if (!is_called(text, &before->second, "pg_catalog"))
			return false;
		place->start = before->second.start;
		keyword = &before->third;
	}
	return lex_is_word(text, keyword, "from") || lex_is_word(text, keyword, "join");
}

bool
sql_place_relation(const char *text, struct sql_place statement, const char *relation,
    struct sql_place *place, bool *aliased)
{
	struct lexer lexer = lexer_over(text, statement);
	struct before before = { 0 };
	struct lex_token token, next;
	bool found = false;

	for (lex_next_real(&lexer, &token); token.kind != LEX_END; token = next) {
		lex_next_real(&lexer, &next);
		if (is_called(text, &token, relation) && !lex_is_mark(text, &next, '.')) {
			*place = (struct sql_place){ token.start, token.end };
			if (found || !is_read(text, &before, place) || next.kind == LEX_OPERATOR)
				return false;
			found = true;
			*aliased = is_name(&next) && !lex_is_one_of(text, &next, behind_relation);
		}
		shift(&before, &token);
	}
	return found;
}

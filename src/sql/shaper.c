/* shaper.c - see shaper.h. */
#include <string.h>

#include "shaper.h"

static void
take_out(struct shaper *shaper)
{
	size_t length = shaper->start - shaper->copied;

	memcpy(shaper->out, shaper->text + shaper->copied, length);
	shaper->out += length;
	*shaper->out++ = (uint8_t)shaper->literal;
	shaper->copied = shaper->end;
}

/* A token outside opaque parentheses. Does it end an expression? */
static bool
settle(struct shaper *shaper, bool ends)
{
	enum pending pending = shaper->pending;

	shaper->pending = PENDING_NOTHING;
	shaper->label = false;
	if (pending == PENDING_LITERAL && ends)
		take_out(shaper);
	return pending != PENDING_GROUP || ends;
}

/* --- Words ---------------------------------------------------------------- */

static void
step_name(struct shaper *shaper)
{
	switch (shaper->spot) {
	case SPOT_CONDITION:
		shaper->spot = SPOT_COLUMN;
		break;
	case SPOT_TARGET:
		shaper->spot = SPOT_TARGET_COLUMN;
		break;
	case SPOT_VALUE:
		shaper->spot = shaper->clause == CLAUSE_SET ? SPOT_ADDEND : SPOT_NOTHING;
		break;
	default:
		shaper->spot = SPOT_NOTHING;
		break;
	}
}

static bool
step_clause(struct shaper *shaper, enum clause clause, enum spot spot)
{
	shaper->clause = clause;
	shaper->spot = spot;
	shaper->between = false;
	return shaper->group == 0;
}

static bool
step_and(struct shaper *shaper)
{
	if (shaper->clause == CLAUSE_WHERE && !shaper->between)
		shaper->spot = SPOT_CONDITION;
	shaper->between = false;
	return true;
}

/*
 * "a = 5 OR a <> 5" holds for every row and "a = 5 OR a <> 6" need not, so
 * under an OR the literals of a condition matter, unless nobody asks for it.
 */
static bool
step_or(struct shaper *shaper)
{
	if (shaper->clause == CLAUSE_WHERE)
		shaper->spot = SPOT_CONDITION;
	shaper->between = false;
	return shaper->verb == WORD_SELECT;
}

static bool
step_keyword(struct shaper *shaper, enum word word)
{
	enum clause clause = shaper->clause;

	shaper->spot = SPOT_NOTHING;
	switch (word) {
	case WORD_SET:
		return clause != CLAUSE_HEAD || shaper->verb != WORD_UPDATE ||
		       step_clause(shaper, CLAUSE_SET, SPOT_TARGET);
	case WORD_VALUES:
		return clause != CLAUSE_HEAD || shaper->verb != WORD_INSERT ||
		       step_clause(shaper, CLAUSE_ROWS, SPOT_ROW);
	case WORD_WHERE:
		return step_clause(shaper, CLAUSE_WHERE, SPOT_CONDITION);
	case WORD_LIMIT:
		return step_clause(shaper, CLAUSE_OTHER, SPOT_VALUE);
	case WORD_CLAUSE:
	case WORD_SELECT:
		return step_clause(shaper, CLAUSE_OTHER, SPOT_NOTHING);
	case WORD_AND:
		return step_and(shaper);
	case WORD_OR:
		return step_or(shaper);
	case WORD_BETWEEN:
		shaper->between = true;
		return true;
	case WORD_CASE: /* holds ANDs that are not ours */
		return clause != CLAUSE_WHERE;
	case WORD_AS:
		shaper->label = true;
		return true;
	default:
		return true;
	}
}

/* Can an expression stop before this word? */
static bool
word_ends(const struct shaper *shaper, enum word word)
{
	switch (word) {
	case WORD_AND:
	case WORD_OR:
		return shaper->clause == CLAUSE_WHERE;
	case WORD_WHERE:
	case WORD_LIMIT:
	case WORD_CLAUSE:
		return !shaper->in_row;
	default:
		return false;
	}
}

bool
shaper_word(struct shaper *shaper, enum word word)
{
	if (shaper->opaque > 0)
		return true;
	if (shaper->label) {
		shaper->label = false;
		return true;
	}
	if (!settle(shaper, word_ends(shaper, word)))
		return false;
	if (shaper->in_row) {
		shaper->spot = SPOT_NOTHING;
		return true;
	}
	if (shaper->clause == CLAUSE_ROWS)
		shaper->clause = CLAUSE_OTHER;
	if (word != WORD_NAME)
		return step_keyword(shaper, word);
	step_name(shaper);
	return true;
}

/* --- Everything else ------------------------------------------------------ */

bool
shaper_literal(struct shaper *shaper, enum literal literal, size_t start)
{
	enum spot spot = shaper->spot;

	if (!shaper_other(shaper))
		return false;
	if (spot != SPOT_VALUE && (spot != SPOT_SIGNED_VALUE || literal == LITERAL_STRING))
		return true;
	shaper->pending = PENDING_LITERAL;
	shaper->literal = literal;
	shaper->start = start;
	shaper->end = shaper->at;
	return true;
}

static enum spot
spot_behind(enum spot spot, enum sign sign)
{
	switch (sign) {
	case SIGN_EQUALS:
		return spot == SPOT_COLUMN || spot == SPOT_TARGET_COLUMN ? SPOT_VALUE : SPOT_NOTHING;
	case SIGN_COMPARES:
		return spot == SPOT_COLUMN ? SPOT_VALUE : SPOT_NOTHING;
	case SIGN_ADDS:
		return spot == SPOT_ADDEND ? SPOT_VALUE : SPOT_NOTHING;
	case SIGN_MINUS:
		if (spot == SPOT_VALUE)
			return SPOT_SIGNED_VALUE;
		return spot == SPOT_ADDEND ? SPOT_VALUE : SPOT_NOTHING;
	default:
		return SPOT_NOTHING;
	}
}

bool
shaper_sign(struct shaper *shaper, enum sign sign)
{
	enum spot spot = shaper->spot;

	if (!shaper_other(shaper))
		return false;
	shaper->spot = spot_behind(spot, sign);
	return true;
}

bool
shaper_dot(struct shaper *shaper)
{
	enum spot spot = shaper->spot;

	if (shaper->opaque > 0)
		return true;
	if (!shaper_other(shaper))
		return false;
	if (spot == SPOT_COLUMN || spot == SPOT_ADDEND)
		shaper->spot = spot;
	shaper->label = true;
	return true;
}

bool
shaper_comma(struct shaper *shaper)
{
	if (shaper->opaque > 0)
		return true;
	if (!settle(shaper, shaper->in_row || shaper->clause == CLAUSE_SET))
		return false;
	shaper->spot = SPOT_NOTHING;
	if (shaper->in_row)
		shaper->spot = SPOT_VALUE;
	else if (shaper->clause == CLAUSE_ROWS)
		shaper->spot = SPOT_ROW;
	else if (shaper->clause == CLAUSE_SET)
		shaper->spot = SPOT_TARGET;
	return shaper->group == 0;
}

bool
shaper_open(struct shaper *shaper, bool round)
{
	enum spot spot = shaper->spot;

	if (shaper->opaque > 0) {
		shaper->opaque++;
		return true;
	}
	if (!shaper_other(shaper))
		return false;
	if (round && spot == SPOT_ROW) {
		shaper->in_row = true;
		shaper->spot = SPOT_VALUE;
	} else if (round && spot == SPOT_CONDITION) {
		shaper->group++;
		shaper->spot = SPOT_CONDITION;
	} else {
		shaper->opaque = 1;
	}
	return true;
}

bool
shaper_close(struct shaper *shaper, bool round)
{
	if (shaper->opaque > 0) {
		shaper->opaque--;
		return true;
	}
	if (!round || !settle(shaper, true))
		return false;
	shaper->spot = SPOT_NOTHING;
	if (shaper->in_row) {
		shaper->in_row = false;
		return true;
	}
	if (shaper->group == 0)
		return false;
	shaper->group--;
	shaper->pending = PENDING_GROUP;
	return true;
}

bool
shaper_other(struct shaper *shaper)
{
	/* In opaque parentheses nothing is pending and the spot is SPOT_NOTHING. */
	shaper->spot = SPOT_NOTHING;
	return settle(shaper, false);
}

bool
shaper_end(struct shaper *shaper)
{
	return shaper->opaque == 0 && shaper->group == 0 && !shaper->in_row &&
	       settle(shaper, true);
}

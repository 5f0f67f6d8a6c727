/*
 * shape.c - see shape.h. One pass over the bytes, cut into tokens where
 * PostgreSQL's scanner cuts them; bytes that could make it cut elsewhere end the
 * attempt. What the tokens mean is shaper.c's business.
 */
#include <string.h>

#include "sql/shape.h"

#include "shaper.h"

/*
 * Relations and functions of PostgreSQL's own may mean more than they say:
 * an UPDATE of pg_settings is a SET.
 */
static bool
is_systems_own(const uint8_t *text, size_t length)
{
	return length > 3 && is_word(text, 3, "pg_");
}

/* How many bytes of a word stand at `at`. */
static size_t
word_length(const struct shaper *shaper, size_t at)
{
	size_t start = at;

	while (at < shaper->length && word_bytes[shaper->text[at]] != 0)
		at++;
	return at - start;
}

static bool
take_word(struct shaper *shaper)
{
	const uint8_t *word = shaper->text + shaper->at;
	size_t length = word_length(shaper, shaper->at);

	shaper->at += length;
	if (is_systems_own(word, length))
		return false;
	return shaper->opaque > 0 || shaper_word(shaper, find_word(word, length));
}

/* A quote right behind these makes of both one token of a kind that has no shape. */
static bool
quote_is_prefixed(const struct shaper *shaper)
{
	uint8_t before = shaper->text[shaper->at - 1];

	return word_bytes[before] != 0 || before == '&' || before == '\'' || before == '"';
}

/* Past the closing quote; a doubled one is content. False: there is none, or an odd byte. */
static bool
skip_quoted(struct shaper *shaper, uint8_t quote)
{
	const uint8_t *text = shaper->text;
	size_t at = shaper->at + 1;

	for (; at < shaper->length; at++) {
		if (text[at] == quote) {
			if (at + 1 < shaper->length && text[at + 1] == quote) {
				at++;
				continue;
			}
			shaper->at = at + 1;
			return true;
		}
		if (text[at] >= 0x7f || text[at] == '\\' ||
		    (text[at] < ' ' && byte_kinds[text[at]] != BYTE_SPACE))
			return false;
	}
	return false;
}

static bool
take_string(struct shaper *shaper)
{
	size_t start = shaper->at;

	if (quote_is_prefixed(shaper) || !skip_quoted(shaper, '\''))
		return false;
	return shaper_literal(shaper, LITERAL_STRING, start);
}

static bool
take_quoted_name(struct shaper *shaper)
{
	size_t start = shaper->at + 1;

	if (quote_is_prefixed(shaper) || !skip_quoted(shaper, '"') ||
	    is_systems_own(shaper->text + start, shaper->at - start))
		return false;
	return shaper_word(shaper, WORD_NAME);
}

static size_t
skip_digits(struct shaper *shaper)
{
	size_t start = shaper->at;

	while (shaper->at < shaper->length && byte_kinds[shaper->text[shaper->at]] == BYTE_DIGIT)
		shaper->at++;
	return shaper->at - start;
}

/* 1e5, 0x10, 1_000, 1.5.6: a number of another kind, or none. */
static bool
number_goes_on(const struct shaper *shaper)
{
	uint8_t next;

	if (shaper->at == shaper->length)
		return false;
	next = shaper->text[shaper->at];
	return word_bytes[next] != 0 || next == '.';
}

/* Integers that need more than 32 bits are another kind of constant in the tree. */
static enum literal
integer_kind(const uint8_t *digits, size_t count)
{
	static const char most[] = "2147483647";
	size_t most_length = sizeof(most) - 1;

	while (count > most_length && *digits == '0') {
		digits++;
		count--;
	}
	if (count < most_length)
		return LITERAL_INTEGER;
	if (count > most_length)
		return LITERAL_LONG;
	return memcmp(digits, most, most_length) <= 0 ? LITERAL_INTEGER : LITERAL_LONG;
}

static bool
take_number(struct shaper *shaper)
{
	size_t start = shaper->at;
	enum literal literal = integer_kind(shaper->text + start, skip_digits(shaper));

	if (shaper->at < shaper->length && shaper->text[shaper->at] == '.') {
		shaper->at++;
		if (skip_digits(shaper) == 0)
			return false;
		literal = LITERAL_DECIMAL;
	}
	return !number_goes_on(shaper) && shaper_literal(shaper, literal, start);
}

/* $1, but not $$ or $tag$. */
static bool
take_parameter(struct shaper *shaper)
{
	shaper->at++;
	return skip_digits(shaper) > 0 && !number_goes_on(shaper) && shaper_other(shaper);
}

static enum sign
find_sign(const uint8_t *run, size_t length)
{
	static const uint8_t signs[256] = {
		['='] = SIGN_EQUALS, ['<'] = SIGN_COMPARES, ['>'] = SIGN_COMPARES,
		['+'] = SIGN_ADDS, ['*'] = SIGN_ADDS, ['-'] = SIGN_MINUS,
	};

	if (length == 1)
		return signs[run[0]];
	if (length != 2)
		return SIGN_OTHER;
	if (run[1] == '=' && (run[0] == '<' || run[0] == '>' || run[0] == '!'))
		return SIGN_COMPARES;
	return run[0] == '<' && run[1] == '>' ? SIGN_COMPARES : SIGN_OTHER;
}

/* As in a=-5. The scanner too parts a last minus from these, though not from != */
static bool
minus_is_apart(const uint8_t *run, size_t length)
{
	return length > 1 && run[length - 1] == '-' && run[0] != '!' &&
	       find_sign(run, length - 1) != SIGN_OTHER;
}

/* In a run of operator bytes, -- and slash-star begin a comment wherever they stand. */
static bool
take_operator(struct shaper *shaper)
{
	const uint8_t *run = shaper->text + shaper->at;
	size_t most = shaper->length - shaper->at;
	size_t length = 1;

	for (; length < most && byte_kinds[run[length]] == BYTE_OPERATOR; length++)
		if ((run[length] == '-' && run[length - 1] == '-') ||
		    (run[length] == '*' && run[length - 1] == '/'))
			return false;
	shaper->at += length;
	if (!minus_is_apart(run, length))
		return shaper_sign(shaper, find_sign(run, length));
	return shaper_sign(shaper, find_sign(run, length - 1)) && shaper_sign(shaper, SIGN_MINUS);
}

/* Only the cast :: is known. */
static bool
take_colon(struct shaper *shaper)
{
	if (shaper->length - shaper->at < 2 || shaper->text[shaper->at + 1] != ':')
		return false;
	shaper->at += 2;
	return shaper_other(shaper);
}

/* .5 is a number. */
static bool
take_dot(struct shaper *shaper)
{
	shaper->at++;
	if (shaper->at < shaper->length && byte_kinds[shaper->text[shaper->at]] == BYTE_DIGIT)
		return false;
	return shaper_dot(shaper);
}

static bool
take_comma(struct shaper *shaper)
{
	shaper->at++;
	return shaper_comma(shaper);
}

static bool
take_open(struct shaper *shaper)
{
	return shaper_open(shaper, shaper->text[shaper->at++] == '(');
}

static bool
take_close(struct shaper *shaper)
{
	return shaper_close(shaper, shaper->text[shaper->at++] == ')');
}

static void
skip_space(struct shaper *shaper)
{
	while (shaper->at < shaper->length && byte_kinds[shaper->text[shaper->at]] == BYTE_SPACE)
		shaper->at++;
}

/* Only at the very end: several statements have several facts. */
static bool
take_semicolon(struct shaper *shaper)
{
	shaper->at++;
	skip_space(shaper);
	return shaper->at == shaper->length && shaper_end(shaper);
}

static bool
take_refused(struct shaper *shaper)
{
	(void)shaper;
	return false;
}

static bool (*const takers[])(struct shaper *) = {
	[BYTE_REFUSED] = take_refused,
	[BYTE_SPACE] = take_refused, /* skipped before */
	[BYTE_LETTER] = take_word,
	[BYTE_DIGIT] = take_number,
	[BYTE_DOLLAR] = take_parameter,
	[BYTE_QUOTE] = take_string,
	[BYTE_DOUBLE_QUOTE] = take_quoted_name,
	[BYTE_OPERATOR] = take_operator,
	[BYTE_COLON] = take_colon,
	[BYTE_DOT] = take_dot,
	[BYTE_COMMA] = take_comma,
	[BYTE_OPEN] = take_open,
	[BYTE_CLOSE] = take_close,
	[BYTE_SEMICOLON] = take_semicolon,
};

/* The first word says whether there is anything to be won. */
static bool
take_verb(struct shaper *shaper)
{
	size_t length;

	skip_space(shaper);
	length = word_length(shaper, shaper->at);
	shaper->verb = find_word(shaper->text + shaper->at, length);
	shaper->at += length;
	return shaper->verb >= WORD_SELECT && shaper->verb <= WORD_DELETE;
}

bool
sql_shape(const char *text, size_t length, struct buf *key)
{
	struct shaper shaper = { .text = (const uint8_t *)text, .length = length };
	uint8_t *start;

	buf_clear(key);
	if (length > SHAPE_TEXT_MOST)
		return false;
	start = shaper.out = buf_reserve(key, length);
	if (!take_verb(&shaper))
		return false;
	for (skip_space(&shaper); shaper.at < length; skip_space(&shaper))
		if (!takers[byte_kinds[shaper.text[shaper.at]]](&shaper))
			return false;
	if (!shaper_end(&shaper))
		return false;
	memcpy(shaper.out, text + shaper.copied, length - shaper.copied);
	shaper.out += length - shaper.copied;
	buf_grown(key, (size_t)(shaper.out - start));
	return true;
}

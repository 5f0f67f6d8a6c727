/*
 * lex.c - see lex.h. The rules are those of PostgreSQL 15's scan.l with
 * standard_conforming_strings on.
 */
#include <string.h>
#include <strings.h>

#include "lex.h"

enum byte_class { BYTE_OTHER, BYTE_SPACE, BYTE_NAME, BYTE_DIGIT, BYTE_OPERATOR };

/* Bytes above 0x7f are parts of names, as in scan.l. */
static enum byte_class
class_of(char c)
{
	unsigned char byte = (unsigned char)c;

	if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
	    byte >= 0x80)
		return BYTE_NAME;
	if (byte >= '0' && byte <= '9')
		return BYTE_DIGIT;
	switch (byte) {
	case ' ':
	case '\t':
	case '\n':
	case '\r':
	case '\f':
		return BYTE_SPACE;
	case '~':
	case '!':
	case '@':
	case '#':
	case '^':
	case '&':
	case '|':
	case '`':
	case '?':
	case '+':
	case '-':
	case '*':
	case '/':
	case '%':
	case '<':
	case '>':
	case '=':
		return BYTE_OPERATOR;
	default:
		return BYTE_OTHER;
	}
}

static char
peek(const struct lexer *lexer, size_t at)
{
	return at < lexer->length ? lexer->text[at] : '\0';
}

static bool
is_line_end(char c)
{
	return c == '\n' || c == '\r';
}

static bool
begins_comment(const struct lexer *lexer, size_t at)
{
	char first = peek(lexer, at), second = peek(lexer, at + 1);

	return (first == '-' && second == '-') || (first == '/' && second == '*');
}

static bool
is_name_byte(char c)
{
	enum byte_class class = class_of(c);

	return class == BYTE_NAME || class == BYTE_DIGIT;
}

/* Behind the end of the line that holds `at`. */
static size_t
skip_line(const struct lexer *lexer, size_t at)
{
	while (at < lexer->length && !is_line_end(lexer->text[at]))
		at++;
	return at;
}

static size_t
skip_block_comment(const struct lexer *lexer, size_t at, struct lex_token *token)
{
	unsigned depth = 1;

	token->nesting = 1;
	for (at += 2; at < lexer->length;) {
		if (lexer->text[at] == '*' && peek(lexer, at + 1) == '/') {
			at += 2;
			if (--depth == 0)
				return at;
		} else if (lexer->text[at] == '/' && peek(lexer, at + 1) == '*') {
			at += 2;
			if (++depth > token->nesting)
				token->nesting = depth;
		} else {
			at++;
		}
	}
	token->unterminated = true;
	return at;
}

/* Behind the closing quote; `at` is behind the opening one. */
static size_t
skip_quoted(const struct lexer *lexer, size_t at, char quote, bool escapes,
    struct lex_token *token)
{
	for (; at < lexer->length; at++) {
		if (escapes && lexer->text[at] == '\\') {
			at++;
			continue;
		}
		if (lexer->text[at] != quote)
			continue;
		if (peek(lexer, at + 1) != quote)
			return at + 1;
		at++;
	}
	token->unterminated = true;
	return lexer->length;
}

/*
 * Where a string goes on behind a line end ('a' <line end> 'b' is one string),
 * or 0. It matters for E'…', whose backslash escapes hold in all its parts.
 */
static size_t
continuation(const struct lexer *lexer, size_t at)
{
	bool line_ended = false;

	while (at < lexer->length) {
		char c = lexer->text[at];

		if (class_of(c) == BYTE_SPACE) {
			line_ended = line_ended || is_line_end(c);
			at++;
		} else if (c == '-' && peek(lexer, at + 1) == '-') {
			at = skip_line(lexer, at);
		} else {
			return line_ended && c == '\'' ? at : 0;
		}
	}
	return 0;
}

static size_t
skip_string(const struct lexer *lexer, size_t at, bool escapes, struct lex_token *token)
{
	token->kind = LEX_STRING;
	at = skip_quoted(lexer, at + 1, '\'', escapes, token);
	while (escapes && !token->unterminated) {
		size_t more = continuation(lexer, at);

		if (more == 0)
			break;
		at = skip_quoted(lexer, more + 1, '\'', escapes, token);
	}
	return at;
}

static size_t
skip_name(const struct lexer *lexer, size_t at)
{
	while (at < lexer->length &&
	       (is_name_byte(lexer->text[at]) || lexer->text[at] == '$'))
		at++;
	return at;
}

/* A name, or a string or quoted name with a prefix. */
static size_t
skip_word(const struct lexer *lexer, size_t at, struct lex_token *token)
{
	char first = (char)(lexer->text[at] | 0x20);
	char second = peek(lexer, at + 1);

	token->kind = LEX_WORD;
	if (second == '\'' && strchr("ebxn", first) != NULL)
		return skip_string(lexer, at + 1, first == 'e', token);
	if (first == 'u' && second == '&' && peek(lexer, at + 2) == '\'')
		return skip_string(lexer, at + 2, false, token);
	if (first == 'u' && second == '&' && peek(lexer, at + 2) == '"') {
		token->kind = LEX_QUOTED_NAME;
		return skip_quoted(lexer, at + 3, '"', false, token);
	}
	return skip_name(lexer, at);
}

static size_t
skip_digits(const struct lexer *lexer, size_t at)
{
	while (class_of(peek(lexer, at)) == BYTE_DIGIT)
		at++;
	return at;
}

static size_t
skip_number(const struct lexer *lexer, size_t at, struct lex_token *token)
{
	size_t exponent;

	token->kind = LEX_NUMBER;
	at = skip_digits(lexer, at);
	if (peek(lexer, at) == '.' && peek(lexer, at + 1) != '.')
		at = skip_digits(lexer, at + 1);
	if ((peek(lexer, at) | 0x20) != 'e')
		return at;
	exponent = at + 1;
	if (peek(lexer, exponent) == '+' || peek(lexer, exponent) == '-')
		exponent++;
	return class_of(peek(lexer, exponent)) == BYTE_DIGIT
		   ? skip_digits(lexer, exponent)
		   : at;
}

/* $1, $tag$…$tag$, or a dollar sign that means nothing. */
static size_t
skip_dollar(const struct lexer *lexer, size_t at, struct lex_token *token)
{
	size_t tag_end = at + 1, tag_length;
	const char *close;

	if (class_of(peek(lexer, at + 1)) == BYTE_DIGIT) {
		token->kind = LEX_PARAMETER;
		return skip_digits(lexer, at + 1);
	}
	while (is_name_byte(peek(lexer, tag_end)))
		tag_end++;
	token->kind = LEX_PUNCTUATION;
	if (peek(lexer, tag_end) != '$')
		return at + 1;
	token->kind = LEX_DOLLAR_STRING;
	tag_length = tag_end + 1 - at;
	close = memmem(lexer->text + tag_end + 1, lexer->length - tag_end - 1,
	    lexer->text + at, tag_length);
	if (close == NULL) {
		token->unterminated = true;
		return lexer->length;
	}
	return (size_t)(close - lexer->text) + tag_length;
}

/* PostgreSQL may cut the run into several operators; its bytes are the same. */
static size_t
skip_operator(const struct lexer *lexer, size_t at, struct lex_token *token)
{
	token->kind = LEX_OPERATOR;
	while (class_of(peek(lexer, at)) == BYTE_OPERATOR && !begins_comment(lexer, at))
		at++;
	return at;
}

static size_t
skip_token(const struct lexer *lexer, size_t at, struct lex_token *token)
{
	char c = lexer->text[at];

	if (begins_comment(lexer, at)) {
		token->kind = LEX_COMMENT;
		return c == '-' ? skip_line(lexer, at)
				: skip_block_comment(lexer, at, token);
	}
	switch (class_of(c)) {
	case BYTE_NAME:
		return skip_word(lexer, at, token);
	case BYTE_DIGIT:
		return skip_number(lexer, at, token);
	case BYTE_OPERATOR:
		return skip_operator(lexer, at, token);
	case BYTE_SPACE:
	case BYTE_OTHER:
		break;
	}
	if (c == '\'')
		return skip_string(lexer, at, false, token);
	if (c == '$')
		return skip_dollar(lexer, at, token);
	if (c == '.' && class_of(peek(lexer, at + 1)) == BYTE_DIGIT)
		return skip_number(lexer, at, token);
	if (c == '"') {
		token->kind = LEX_QUOTED_NAME;
		return skip_quoted(lexer, at + 1, '"', false, token);
	}
	token->kind = LEX_PUNCTUATION;
	return at + 1;
}

void
lex_next(struct lexer *lexer, struct lex_token *token)
{
	size_t at = lexer->at;

	while (at < lexer->length && class_of(lexer->text[at]) == BYTE_SPACE)
		at++;
	*token = (struct lex_token){ .kind = LEX_END, .start = at, .end = at };
	if (at < lexer->length)
		token->end = skip_token(lexer, at, token);
	if (token->end > lexer->length) /* a backslash was the last byte */
		token->end = lexer->length;
	lexer->at = token->end;
}

void
lex_next_real(struct lexer *lexer, struct lex_token *token)
{
	do {
		lex_next(lexer, token);
	} while (token->kind == LEX_COMMENT);
}

bool
lex_is_word(const char *text, const struct lex_token *token, const char *word)
{
	size_t length = strlen(word);

	return token->kind == LEX_WORD && token->end - token->start == length &&
	       strncasecmp(text + token->start, word, length) == 0;
}

bool
lex_is_one_of(const char *text, const struct lex_token *token, const char *const *words)
{
	for (; *words != NULL; words++)
		if (lex_is_word(text, token, *words))
			return true;
	return false;
}

bool
lex_is_mark(const char *text, const struct lex_token *token, char mark)
{
	return token->kind == LEX_PUNCTUATION && text[token->start] == mark;
}

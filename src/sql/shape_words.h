/* shape_words.h - the bytes and words of a text, as far as shapes tell them apart. */
#ifndef SQL_SHAPE_WORDS_H
#define SQL_SHAPE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum byte_kind {
	BYTE_REFUSED, /* also ? # ` which libpg_query's scanner takes for its own ends */
	BYTE_SPACE,
	BYTE_LETTER,
	BYTE_DIGIT,
	BYTE_DOLLAR,
	BYTE_QUOTE,
	BYTE_DOUBLE_QUOTE,
	BYTE_OPERATOR,
	BYTE_COLON,
	BYTE_DOT,
	BYTE_COMMA,
	BYTE_OPEN,
	BYTE_CLOSE,
	BYTE_SEMICOLON,
};

/* By the byte; enum byte_kind. */
extern const uint8_t byte_kinds[256];
/* What may continue a word, in lower case; 0 for bytes that end it. */
extern const uint8_t word_bytes[256];

enum word {
	WORD_NAME,     /* a column, a table, or a keyword that is nothing to us */
	WORD_CONSTANT, /* stands where a column could, and is none */
	WORD_SELECT,
	WORD_INSERT,
	WORD_UPDATE,
	WORD_DELETE,
	WORD_SET,
	WORD_VALUES,
	WORD_WHERE,
	WORD_AND,
	WORD_OR,
	WORD_BETWEEN,
	WORD_CASE,
	WORD_AS,
	WORD_LIMIT,  /* or OFFSET */
	WORD_CLAUSE, /* begins a clause in which nothing is taken out */
};

/* Are these bytes this word (in lower case and of the same length)? */
static inline bool
is_word(const uint8_t *text, size_t length, const char *word)
{
	size_t i = 0;

	while (i < length && word_bytes[text[i]] == (uint8_t)word[i])
		i++;
	return i == length;
}

enum word find_word(const uint8_t *text, size_t length);

#endif

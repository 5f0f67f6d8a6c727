/* shape_words.c - see shape_words.h. */
#include "shape_words.h"

/* clang-format off */
const uint8_t byte_kinds[256] = {
	[' '] = BYTE_SPACE, ['\t'] = BYTE_SPACE, ['\n'] = BYTE_SPACE, ['\r'] = BYTE_SPACE,
	['a' ... 'z'] = BYTE_LETTER, ['A' ... 'Z'] = BYTE_LETTER, ['_'] = BYTE_LETTER,
	['0' ... '9'] = BYTE_DIGIT, ['$'] = BYTE_DOLLAR,
	['\''] = BYTE_QUOTE, ['"'] = BYTE_DOUBLE_QUOTE,
	['='] = BYTE_OPERATOR, ['<'] = BYTE_OPERATOR, ['>'] = BYTE_OPERATOR,
	['+'] = BYTE_OPERATOR, ['-'] = BYTE_OPERATOR, ['*'] = BYTE_OPERATOR,
	['/'] = BYTE_OPERATOR, ['%'] = BYTE_OPERATOR, ['!'] = BYTE_OPERATOR,
	['@'] = BYTE_OPERATOR, ['^'] = BYTE_OPERATOR, ['&'] = BYTE_OPERATOR,
	['|'] = BYTE_OPERATOR, ['~'] = BYTE_OPERATOR,
	[':'] = BYTE_COLON, ['.'] = BYTE_DOT, [','] = BYTE_COMMA, [';'] = BYTE_SEMICOLON,
	['('] = BYTE_OPEN, ['['] = BYTE_OPEN, [')'] = BYTE_CLOSE, [']'] = BYTE_CLOSE,
};

const uint8_t word_bytes[256] = {
	['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f',
	['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l',
	['m'] = 'm', ['n'] = 'n', ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r',
	['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x',
	['y'] = 'y', ['z'] = 'z', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd',
	['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j',
	['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p',
	['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u', ['V'] = 'v',
	['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z', ['0'] = '0', ['1'] = '1',
	['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6', ['7'] = '7',
	['8'] = '8', ['9'] = '9', ['_'] = '_', ['$'] = '$',
};

/* clang-format on */

enum { KEYWORD_LONGEST = 17, KEYWORDS_MOST = 9 };

struct keyword {
	char name[KEYWORD_LONGEST + 1];
	uint8_t word; /* enum word; WORD_NAME ends a list */
};

/* By their length. */
static const struct keyword keywords[KEYWORD_LONGEST + 1][KEYWORDS_MOST] = {
	[2] = { { "or", WORD_OR }, { "as", WORD_AS }, { "on", WORD_CLAUSE },
	    { "do", WORD_CLAUSE } },
	[3] = { { "and", WORD_AND }, { "set", WORD_SET }, { "for", WORD_CLAUSE },
	    { "not", WORD_CONSTANT } },
	[4] = { { "from", WORD_CLAUSE }, { "case", WORD_CASE }, { "null", WORD_CONSTANT },
	    { "true", WORD_CONSTANT }, { "user", WORD_CONSTANT } },
	[5] = { { "where", WORD_WHERE }, { "limit", WORD_LIMIT }, { "order", WORD_CLAUSE },
	    { "group", WORD_CLAUSE }, { "false", WORD_CONSTANT }, { "union", WORD_CLAUSE },
	    { "fetch", WORD_CLAUSE } },
	[6] = { { "select", WORD_SELECT }, { "update", WORD_UPDATE }, { "insert", WORD_INSERT },
	    { "delete", WORD_DELETE }, { "values", WORD_VALUES }, { "offset", WORD_LIMIT },
	    { "having", WORD_CLAUSE }, { "except", WORD_CLAUSE } },
	[7] = { { "between", WORD_BETWEEN }, { "default", WORD_CONSTANT } },
	[9] = { { "returning", WORD_CLAUSE }, { "intersect", WORD_CLAUSE },
	    { "localtime", WORD_CONSTANT } },
	[11] = { { "system_user", WORD_CONSTANT } },
	[12] = { { "current_date", WORD_CONSTANT }, { "current_role", WORD_CONSTANT },
	    { "current_time", WORD_CONSTANT }, { "current_user", WORD_CONSTANT },
	    { "session_user", WORD_CONSTANT } },
	[14] = { { "current_schema", WORD_CONSTANT }, { "localtimestamp", WORD_CONSTANT } },
	[15] = { { "current_catalog", WORD_CONSTANT } },
	[17] = { { "current_timestamp", WORD_CONSTANT } },
};

enum word
find_word(const uint8_t *text, size_t length)
{
	const struct keyword *keyword;

	if (length > KEYWORD_LONGEST)
		return WORD_NAME;
	keyword = keywords[length];
	while (keyword->word != WORD_NAME && !is_word(text, length, keyword->name))
		keyword++;
	return keyword->word;
}


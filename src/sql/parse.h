/* parse.h - a text to PostgreSQL's parse tree, packed (see tree.h). */
#ifndef SQL_PARSE_H
#define SQL_PARSE_H

#include "base/error.h"

#include "tree.h"

enum { FINGERPRINT_SIZE = 24 };

/* A packed tree. Owned by the caller until parse_free(). */
struct parsed {
	void *memory; /* as libpg_query gave it */
	size_t length;
};

/*
 * The text must have passed precheck(). False: *err has the parser's words, and
 * *position the place in bytes from 1, or 0.
 */
bool parse(const char *text, struct parsed *parsed, struct error *err, int *position);
void parse_free(struct parsed *parsed);
/* "pg15:" and 16 hex digits; "" when there is none. */
void parse_fingerprint(const char *text, char fingerprint[FINGERPRINT_SIZE]);
/* The text with its literals as $n; the caller frees it with mem_free(). NULL: it failed.
 */
char *parse_normalize(const char *text);

#endif

/* comments.h - the comments of a text, which are claims of the client and no facts. */
#ifndef SQL_COMMENTS_H
#define SQL_COMMENTS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The next block comment at or behind *at, without its marks; *at goes behind it. False at
 * the end. Quoted text that looks like one is none.
 */
bool sql_next_comment(const char *text, size_t length, size_t *at, const char **comment,
    size_t *comment_length);

#endif

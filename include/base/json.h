/*
 * json.h - writing JSON (RFC 8259). Reading is jansson's.
 *
 * The writers append to a struct buf and never fail. They are on the path of
 * every audit record, so they are plain appends and no tree is built.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Append a quoted string. Control bytes, DEL, U+2028 and U+2029 are escaped as
 * \uXXXX; bytes that are not UTF-8 become U+FFFD.
 */
void json_put_string(struct buf *out, const char *text, size_t length);
/* Append `,"key":"text"`; nothing when text is NULL. The key must need no escape. */
void json_put_member(struct buf *out, const char *key, const char *text);
/* Append `,"key":number`. */
void json_put_member_int(struct buf *out, const char *key, int64_t value);

/*
 * How many bytes the character at `at`, which is not ASCII, has of the `left` that there
 * are; 0 if it is no UTF-8 (RFC 3629 section 4).
 */
size_t json_utf8_length(const uint8_t *at, size_t left);

#endif

/*
 * text.h - small things with strings: units, globs, the nearest word.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { TEXT_UNIT_SIZE = 32 };

/* "500ms" "5s" "2m" "1h" "400d" or "0" to milliseconds. False: not a duration. */
bool text_to_duration(const char *text, int64_t *ms);
/* "64KiB" "1GiB" "10MiB" or plain bytes. False: not a size. */
bool text_to_size(const char *text, int64_t *bytes);
/* A whole decimal number and nothing else. */
bool text_to_int(const char *text, int64_t *value);
/* The shortest exact spelling that text_to_duration() reads back. */
void text_from_duration(int64_t ms, char out[TEXT_UNIT_SIZE]);
void text_from_size(int64_t bytes, char out[TEXT_UNIT_SIZE]);
/* "127.0.0.1:9132", "[::1]:9132" or "*:9132" to its parts. False: not that, or too long. */
bool text_to_host_port(const char *text, char *host, size_t host_size, int *port);
/* What a hexadecimal digit stands for, or -1. */
int text_hex_value(char digit);
/* Does the whole of `text` fit the pattern, in which * stands for anything? */
bool text_fits_glob(const char *pattern, const char *text);
/* The candidate nearest to `word`, or NULL when none is near: for "did you mean". */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);
/* Append the text with control bytes and backslash as \xNN, cut at `most` bytes with "…". */
void text_put_escaped(struct buf *out, const char *text, size_t length, size_t most);
/*
 * Append a text fit for a terminal: nothing in it can move the cursor or turn the reading
 * around. Cut at `most` characters with "…"; 0: not.
 */
void text_put_safe(struct buf *out, const char *text, size_t most_characters);
/* Append base64 (RFC 4648 section 4, with padding). */
void text_put_base64(struct buf *out, const void *bytes, size_t length);
/* Decode base64 strictly. False: not base64. The bytes are appended to *out. */
bool text_get_base64(const char *text, size_t length, struct buf *out);
/* Is it one of the texts? */
bool text_is_among(const char *text, const char *const *texts, size_t count);
/* Are these bytes valid UTF-8 (RFC 3629), no NUL? */
bool text_is_utf8(const char *text, size_t length);

#endif

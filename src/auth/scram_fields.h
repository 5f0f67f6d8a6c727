/*
 * scram_fields.h - reading "a=value,b=value", the form of every SCRAM message.
 *
 * A cursor over bytes that a stranger sent. It remembers if it ran out or met
 * something else, so that a reader takes all fields in a row and asks once.
 */
#ifndef AUTH_SCRAM_FIELDS_H
#define AUTH_SCRAM_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "scram.h"

/* Bytes inside a message; borrowed from it. */
struct scram_span {
	const char *at;
	size_t length;
};

struct scram_fields {
	const char *at;	 /* the next field */
	const char *end; /* one past the message */
	bool bad;	 /* something asked for was not there */
};

/* A message to read; false, with *err set, if it is empty, above `most` bytes or has a NUL. */
bool scram_fields_open(struct scram_fields *fields, const uint8_t *message, size_t length,
    size_t most, struct error *err);
/* Take the next field, whose name must be `name`. */
struct scram_span scram_field(struct scram_fields *fields, char name);
/* Take the next field, whatever its name is; '\0' when there is none. */
char scram_any_field(struct scram_fields *fields, struct scram_span *value);
/* Was everything there, and nothing behind it? */
bool scram_fields_done(const struct scram_fields *fields);

/* Is it this text? Takes as long for any other of its length. */
bool scram_span_is(struct scram_span span, const char *text, size_t length);
/* Only what RFC 5802 allows in a nonce: printable ASCII but the comma; not empty. */
bool scram_span_is_nonce(struct scram_span span);
/* A decimal number of 1 to most. */
bool scram_span_number(struct scram_span span, uint32_t most, uint32_t *number);
/* base64 of one key; of a salt of 1 to SCRAM_SALT_MOST bytes. */
bool scram_span_key(struct scram_span span, uint8_t key[SCRAM_KEY_SIZE]);
bool scram_span_salt(struct scram_span span, uint8_t salt[SCRAM_SALT_MOST], size_t *length);

#endif

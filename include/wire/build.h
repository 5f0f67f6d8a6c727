/*
 * build.h - messages we write ourselves, appended to a struct buf.
 *
 * Formats: PostgreSQL documentation, "Message Formats".
 */
#ifndef WIRE_BUILD_H
#define WIRE_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* The fields of an ErrorResponse or NoticeResponse; NULL or 0 leaves one out. */
struct wire_error {
	const char *severity; /* "ERROR", "FATAL", "NOTICE", "WARNING" */
	const char *sqlstate;
	const char *message, *detail, *hint;
	int position; /* characters from 1 */
	const char *schema, *table, *constraint, *file, *routine;
	int line;
};

/* Begin a message; returns a mark for build_end(), which writes the length. */
size_t build_begin(struct buf *out, uint8_t type);
void build_end(struct buf *out, size_t mark);

/* From a server to a client. */
void build_error(struct buf *out, const struct wire_error *error);
void build_notice(struct buf *out, const struct wire_error *notice);
void build_authentication(struct buf *out, uint32_t code, const void *body, size_t length);
void build_parameter_status(struct buf *out, const char *name, const char *value);
void build_key_data(struct buf *out, uint32_t pid, const uint8_t *key, size_t key_length);
void build_ready(struct buf *out, char status);
void build_command_complete(struct buf *out, const char *tag);
void build_empty_query(struct buf *out);
/* NegotiateProtocolVersion: the minor of protocol 3 that is spoken, and the options we do not know. */
void build_negotiate(struct buf *out, uint32_t minor, const char *const *options, size_t count);

/* A column of a RowDescription: text format; the type's OID and size come from its letter. */
struct wire_column {
	const char *name;
	char type; /* 't' text, 'i' int4, 'q' int8, 'n' numeric */
};
void build_row_description(struct buf *out, const struct wire_column *columns, size_t count);
/* A DataRow of text values; a NULL pointer is SQL NULL. */
void build_data_row(struct buf *out, const char *const *values, size_t count);

/* From a client to a server. */
void build_startup(struct buf *out, const char *const *names_and_values, size_t pairs);
void build_ssl_request(struct buf *out);
void build_cancel_request(struct buf *out, uint32_t pid, const uint8_t *key, size_t key_length);
void build_query(struct buf *out, const char *text);
/* Parse without parameter types. */
void build_parse(struct buf *out, const char *name, const char *text);
/* Bind without parameters, to the unnamed portal. */
void build_bind(struct buf *out, const char *statement);
void build_bind_portal(struct buf *out, const char *portal, const char *statement);
/* Execute without a row limit. */
void build_execute(struct buf *out, const char *portal);
/* Close of a statement ('S') or portal ('P'). */
void build_close(struct buf *out, char kind, const char *name);
void build_sync(struct buf *out);
void build_flush(struct buf *out);
void build_terminate(struct buf *out);
void build_copy_fail(struct buf *out, const char *reason);
/* The header: `length` bytes of rows are to follow. */
void build_copy_data(struct buf *out, size_t length);
/* 'p' with a password or SASL body. */
void build_password(struct buf *out, const void *body, size_t length);

#endif

/*
 * prepared.h - a client's prepared statements, whatever server they are on.
 */
#ifndef SESSION_PREPARED_H
#define SESSION_PREPARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pool/statements.h"

struct judged;
struct rewrite;

/* A Parse message's contents. Counted; never changes. */
struct statement {
	unsigned references;
	struct statement_id id;
	char server_name[STATEMENT_NAME_SIZE]; /* under which servers have it */
	bool described;	       /* its client may have been told the shape of its rows */
	bool from_sql;	       /* made by PREPARE: the server has it under the client's name */
	struct judged *judged; /* referenced; of a PREPARE: that text */
	struct rewrite *rewrite; /* referenced: its text is another one than the client's; or NULL */
	uint8_t *body;	       /* of the Parse message, behind the name: text and types; or NULL */
	size_t body_length;
};

/* From a Parse body behind its name; referenced. One without a name has no id. */
struct statement *statement_new(
    struct judged *judged, const uint8_t *body, size_t length, bool named);
/* Made by a PREPARE in this text; referenced. */
struct statement *statement_from_sql(struct judged *judged);
struct statement *statement_reference(struct statement *statement);
void statement_release(struct statement *statement); /* NULL is fine */

/* Names to statements; a NULL table is empty. */
struct prepared;
/* The statement of this name, or NULL. */
struct statement *prepared_find(struct prepared *const *prepared, const char *name);
/* Add; the name must not be there. Takes a reference of its own. */
void prepared_add(struct prepared **prepared, const char *name, struct statement *statement);
void prepared_remove(struct prepared **prepared, const char *name);
void prepared_clear(struct prepared **prepared);
size_t prepared_count(struct prepared *const *prepared);

#endif

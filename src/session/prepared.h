/*
 * prepared.h - a client's prepared statements, whatever server they are on.
 */
#ifndef SESSION_PREPARED_H
#define SESSION_PREPARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pool/settings.h"
#include "pool/statements.h"

struct judged;
struct rewrite;

/* Under what a statement is parsed; borrowed. */
struct statement_under {
	const struct settings *settings; /* its client's */
	uint64_t own; /* not 0: they are not all that there is; the name is for this client alone */
};

/* A Parse message's contents. Counted; never changes. */
struct statement {
	unsigned references;
	struct statement_id id;
	char server_name[STATEMENT_NAME_SIZE]; /* under which servers have it */
	bool described;	       /* its client may have been told the shape of its rows */
	bool from_sql; /* made by PREPARE */
	bool stays;    /* on one server, under its client's own name: it has no server_name */
	struct settings parsed_under; /* ours; of one with a server_name */
	struct judged *judged; /* referenced; of a PREPARE: that text */
	size_t sub;	       /* which statement of that made it, or is it */
	struct rewrite *rewrite; /* referenced: its text is another one than the client's; or NULL */
	char *source;		 /* ours; of a PREPARE: the client's message with it, or NULL */
	uint8_t *body; /* of a Parse message, behind the name: text (a PREPARE, if from SQL) and types; or NULL */
	size_t body_length;
};

/* From a Parse body behind its name; referenced. Without `under` it has no name, and no id. */
struct statement *statement_new(struct judged *judged, const uint8_t *body, size_t length,
    const struct statement_under *under);
/* Made by this statement of the text, a PREPARE, in session mode; referenced. */
struct statement *statement_from_sql(struct judged *judged, size_t sub);
/*
 * Made by this statement of the text, a PREPARE that goes on like this behind the name; referenced. `nth`: so many
 * names stand before it in its text, in which equal ones may follow.
 */
struct statement *statement_of_prepare(struct judged *judged, size_t sub, const char *rest,
    size_t length, size_t nth, const struct statement_under *under);
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
/*
 * Append what pg_prepared_statements is to this client, as a query in parentheses: its names and
 * texts, and of those that the server at hand has the rest. False: they are too long.
 */
bool prepared_put_relation(struct prepared *const *prepared, struct buf *out);

#endif

/*
 * rewrite.h - a text that goes to the server otherwise than its client wrote it.
 *
 * RESET means what the client gave at log-in, of which the server knows nothing: it goes as
 * the SET that makes it so. PREPARE and EXECUTE go with the names that statements have on
 * servers, and DEALLOCATE as something that does nothing, for the server keeps what others may
 * want. SELECT pg_backend_pid() goes as a SELECT of the pid that the client was given at log-in,
 * and the same of pg_cancel_backend() of such a pid as a SELECT of true: signals.h. A SELECT from
 * pg_prepared_statements reads what the client prepared, by its own names.
 * The client is told the tags, names and places of its own text.
 */
#ifndef SESSION_REWRITE_H
#define SESSION_REWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "pool/settings.h"
#include "pool/statements.h"
#include "sql/facts.h"

struct judged;
struct prepared;
struct statement;

/* A piece of the client's text, and how long it is on the server. */
struct rewrite_edit {
	size_t at, old_length, new_length;
};

enum rewrite_change { REWRITE_USES, REWRITE_ADDS, REWRITE_TAKES, REWRITE_TAKES_ALL };

/* What a statement of the text does with a prepared one. */
struct rewrite_name {
	enum rewrite_change change;
	size_t sub;		     /* which statement of the text */
	char *name;		     /* ours */
	struct statement *statement; /* referenced; NULL for TAKES_ALL */
};

/* pg_cancel_backend() or pg_terminate_backend() of a pid that a client was given. */
struct backend_signal {
	uint64_t client; /* its id; 0: nobody's, or not to be touched */
	unsigned worker;
	uint32_t slot;
	bool ends;	/* the client, not only what it runs */
	bool forbidden; /* it is another role's */
};

/* Counted; never changes. Referenced by statements and by what is asked of a server. */
struct rewrite {
	unsigned references;
	char *original; /* ours; NUL-terminated */
	size_t original_length;
	char *text; /* ours; what goes to the server; NUL-terminated */
	size_t length;
	struct rewrite_edit *edits; /* in their order in the text */
	size_t edit_count;
	size_t behind_reset_all; /* statements of ours behind each RESET ALL */
	struct rewrite_name *names; /* in their order in the text */
	size_t name_count;
	struct backend_signal signal; /* to be sent when the server has answered */
	const char *taken; /* of `names`: a PREPARE of one that was there already; or NULL */
};

/* For whom a text is rewritten; borrowed. */
struct rewrite_for {
	const struct settings *defaults;
	const struct settings *settings; /* in force */
	struct prepared *const *prepared; /* its statements; NULL: names are left as they are */
	struct judged *judged;		  /* of the text; for what it prepares */
	uint64_t own; /* not 0: of names for this client alone, see prepared.h */
	uint32_t pid; /* that the client was given at log-in */
	struct backend_signal signal; /* what the text asks for, if it does */
	bool alone; /* several statements cannot stand in it: a Parse message */
};

/* Of facts: could any text that has them have to be rewritten? */
bool rewrite_may(const struct sql_facts *facts);
/* Does it ask for a signal to a backend, and for nothing else? */
bool rewrite_signals(const struct sql_facts *facts);
/* Does it read pg_prepared_statements, which is to show the client's own? */
bool rewrite_shows(const struct sql_facts *facts);
/* NULL: it goes as it is. Referenced. */
struct rewrite *rewrite_new(const struct rewrite_for *whose, const struct sql_facts *facts,
    const char *text, size_t length);
struct rewrite *rewrite_reference(struct rewrite *rewrite); /* NULL is fine */
void rewrite_release(struct rewrite *rewrite);		      /* NULL is fine */

/* Does it add a name, or take one away? */
bool rewrite_changes_names(const struct rewrite *rewrite);
/* The place in the client's text of one in the server's; characters from 1. */
int rewrite_position(const struct rewrite *rewrite, int position);
/* Append an ErrorResponse of this body with the names and places of the client's text. */
void rewrite_put_report(const struct rewrite *rewrite, struct buf *out, uint8_t type,
    const uint8_t *body, size_t length);
/* The EXECUTE in it of this statement, or NULL; of a rewrite, which may be NULL. */
const struct rewrite_name *rewrite_executed(
    const struct rewrite *rewrite, const struct statement_id *id);
/* The error that a statement made which it EXECUTEs, as that was prepared anew, likewise. */
void rewrite_put_prepare_error(const struct rewrite *rewrite,
    const struct rewrite_name *prepared, struct buf *out, const uint8_t *body, size_t length);
/* What the client is told for the tag of this statement, or NULL: that very tag. */
const char *rewrite_tag(const struct sql_statement *statement, const char *tag);
/* Is it RESET ALL? */
bool rewrite_resets_all(const struct sql_statement *statement);
/* RESET ALL by itself, as a message prepared it: does it have to be followed by our SETs? */
bool rewrite_is_reset_all(const struct sql_facts *facts);

#endif

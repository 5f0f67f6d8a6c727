/*
 * inspect.h - is a server really as it is taken for?
 *
 * One in protocol.audit_sample loans, when it left nothing as far as is known, is followed by a
 * question to the server itself, while nobody has it. One that has more, or less, is closed,
 * counted, and told of in the main log.
 */
#ifndef POOL_INSPECT_H
#define POOL_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "pool/settings.h"

struct inspection;
struct pool;
struct server;

/*
 * What a session of this role can have left beside settings, and PostgreSQL can tell: rows of
 * kind, name and value behind a UNION ALL; the last condition is of the role. No NUL.
 */
void inspect_put_residue(struct buf *out, const char *role);
/* The whole question: each row of its answer is something that nobody knew of. No NUL. */
void inspect_put_question(struct buf *out, const struct settings *known, const char *role);
/* A loan begins: is its server to be inspected behind it? One in `sample`; 0: none. */
bool inspect_is_due(struct pool *pool, int64_t sample);
/* It shall be when it is returned. `fingerprint` is of the last statement that ran on it. */
void inspect_later(struct server *server, const char *fingerprint);

/* The pool layer's. Is it to be, and can it be, unless it is reset? If not, that is forgotten. */
bool inspect_is_wanted(struct server *server, bool resets);
/* Ask; a row came; it cannot be asked; the answer is whole: true if it is as it was taken for. */
void inspect_begin(struct server *server);
void inspect_row(struct server *server, const uint8_t *body, size_t length);
void inspect_failed(struct server *server, const char *sqlstate, const char *why);
bool inspect_end(struct server *server);
void inspection_free(struct inspection *inspection); /* NULL is fine */

#endif

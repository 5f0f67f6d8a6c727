/*
 * suggest.h - from the access log, the least that what was observed needs: as a policy
 * (an allow-list), as GRANTs, or as it was seen, in JSON.
 *
 * Memory is bounded: so many different things are kept, and what is more is counted and
 * told, because a suggestion without it is not whole.
 */
#ifndef REPORT_SUGGEST_H
#define REPORT_SUGGEST_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

struct observed;

struct suggest_options {
	const char *database; /* this one only, as clients name it; NULL: all */
	const char *schema;   /* whose relations bare names are, for GRANTs; NULL: not known */
};

/* The options' texts are borrowed as long as it lives. */
struct observed *observed_new(const struct suggest_options *options);
void observed_free(struct observed *observed);
/* Read a file of the access log. On a stack of sql_stack_size(SQL_TEXT_MOST) bytes. */
bool observed_read(struct observed *observed, const char *path, struct error *err);

/* Append the suggestion, after all files were read. */
void suggest_policy(struct observed *observed, struct buf *out);
void suggest_grants(struct observed *observed, struct buf *out);
/* What was observed, and the suggestion as a text, in JSON. */
void suggest_json(struct observed *observed, void (*suggest)(struct observed *, struct buf *),
    struct buf *out);

#endif

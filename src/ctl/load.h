/*
 * load.h - records of the access log into PostgreSQL. load.c reads and sends, load_rows.c
 * makes rows of records, load_schema.c has the tables and views.
 */
#ifndef CTL_LOAD_H
#define CTL_LOAD_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/object.h"

enum { LOAD_KEYS_MOST = 48 };

/* What rows are made with; zeroed is new. */
struct load_rows {
	uint32_t hints[LOAD_KEYS_MOST];
	struct buf text; /* of a value that is made up; emptied by load_rows_free() */
};

/*
 * Append a record as a row of COPY's text format, and tell when it was; the line is
 * changed. False, and nothing appended, when it lacks what every record has.
 */
bool load_row(struct load_rows *rows, const struct object *record, struct buf *out,
    uint64_t *time_us);
void load_rows_free(struct load_rows *rows);
/* "instance, seq, …": the columns in the order of a row. */
void load_put_columns(struct buf *out);

/* What makes schema, table and views; a text of several statements. */
char *load_schema_sql(const char *schema);
/* What makes the partition of the day (UTC) that a moment is in, if it is not there. */
char *load_partition_sql(uint64_t time_us);

#endif

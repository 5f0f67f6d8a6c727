/*
 * report.h - what the access log and the slow log tell, as tables, in text, JSON or one page of HTML.
 *
 * Reads audit.jsonl and slow.json line by line in bounded memory: each table keeps
 * so many different keys, and counts the rest as "(others)". A line that cannot be
 * read is counted and named, and never ends the report.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/verify.h"
#include "base/buf.h"
#include "base/error.h"

struct report;

/* What each view answers: where does the time go; who touched what. */
enum report_view { REPORT_PERFORMANCE = 1 << 0, REPORT_ACCESS = 1 << 1 };
enum report_format { REPORT_TEXT, REPORT_JSON, REPORT_HTML };

struct report_options {
	uint64_t since_us, until_us; /* wall clock; 0: no bound. since <= time < until */
	size_t top;		     /* rows of a table */
	uint64_t objective_us;	     /* a statement should take no longer, its wait included */
	struct audit_verify_options verify; /* what the chain is held to */
};

struct report *report_new(const struct report_options *options);
void report_free(struct report *report);
/* Read a file of the access log or of the slow log. False when it cannot be opened or read. */
bool report_read_access(struct report *report, const char *path, struct error *err);
bool report_read_slow(struct report *report, const char *path, struct error *err);
/*
 * What is granted, as CSV: role, schema.relation, privilege. Before the access log is
 * read, for what was used is noted only then.
 */
bool report_read_grants(struct report *report, const char *path, struct error *err);
/* An access log of another time, to compare with; its period is not bounded. */
bool report_read_baseline(struct report *report, const char *path, struct error *err);
/* Append the report; `views` are bits of enum report_view. */
void report_print(
    struct report *report, unsigned views, enum report_format format, struct buf *out);

/*
 * A moment as people and the logs write it: "2026-11-22", "2026-11-22 09:37",
 * "2026-11-22T09:37:53.123456Z", "…+02:00" (UTC when no zone is said).
 */
bool report_time(const char *text, uint64_t *wall_us);

#endif

/*
 * verify.h - is the chain of an access log whole? For pgweirctl verify and the report.
 *
 * Checks that each line is one record, that seq counts up by one and that prev is
 * the hash of the line before. The only bytes that may be no record are a torn line
 * that the audit.gap after it tells.
 */
#ifndef AUDIT_VERIFY_H
#define AUDIT_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* What was found; file is borrowed from the paths. */
struct audit_verified {
	bool good;
	uint64_t records, torn_lines;
	uint64_t first_seq, last_seq;
	/* The first fault. */
	const char *file;
	uint64_t line, seq; /* seq 0: not known */
	char reason[200];
};

/*
 * Read files in the order given, as one chain. The first record may follow one that
 * is not here (an older file). False, with *err, when a file cannot be read.
 */
bool audit_verify(char *const *paths, size_t count, struct audit_verified *found,
    struct error *err);

#endif

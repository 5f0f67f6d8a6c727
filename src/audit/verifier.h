/*
 * verifier.h - the check of one record after the other, shared by audit_verify() and
 * by the start, which looks at the end of the file it is to go on with.
 */
#ifndef AUDIT_VERIFIER_H
#define AUDIT_VERIFIER_H

#include <jansson.h>

#include "audit/verify.h"
#include "audit_internal.h"
#include "keys.h"
#include "base/object.h"

/* A checkpoint as the main log told it. */
struct witnessed {
	uint64_t seq;
	char head[CHAIN_HASH_SIZE], sig[SIG_SIZE];
};

/* All of them, by seq. Emptied by witness_free(). */
struct witness {
	struct witnessed *items;
	size_t count;
};
bool witness_read(struct witness *witness, const char *path, struct error *err);
/* The one of this seq, or NULL. */
const struct witnessed *witness_find(const struct witness *witness, uint64_t seq);
void witness_free(struct witness *witness);

/* Where the check stands. Emptied by verifier_close(); the keys are the caller's. */
struct verifier {
	struct audit_verified *found;
	struct chain chain; /* `prev`: of the last record read */
	struct object object; /* the line, when the caller has not scanned it */
	const char *file;
	uint64_t line;
	/* A line that is no record and not told yet. */
	uint64_t torn_line; /* 0: none */
	const char *torn_file;
	char torn_hash[CHAIN_HASH_SIZE];
	unsigned since_torn; /* records */

	struct mac_key mac; /* of an epoch not after that of the next record; may be none */
	bool epoch_known;
	uint64_t epoch; /* of the next record */
	const struct mac_key *remembers; /* a record that must be as the key's file says; or NULL */

	const struct sign_key *keys; /* NULL: signatures are not looked at */
	size_t key_count;
	bool checkpoint_known;
	uint64_t checkpoint_seq; /* of the newest; 0: none since the first record */
	char checkpoint_sig[SIG_SIZE];
	const struct witness *witness;
};

void verifier_open(struct verifier *verifier, struct audit_verified *found);
void verifier_close(struct verifier *verifier);
/* One line; the byte behind it is its LF when it is whole. False: a fault, see *found. */
bool verifier_line(struct verifier *verifier, const char *line, size_t length, bool whole);
/* The same of a line that the caller has scanned; NULL when the scan did not take it. */
bool verifier_scanned(struct verifier *verifier, const struct object *object, const char *line,
    size_t length, bool whole);
/* Behind the last line: is something still to be told? */
bool verifier_end(struct verifier *verifier);
/* Note the first fault; always returns false. */
bool verifier_fault(struct verifier *verifier, uint64_t seq, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- checkpoint.c ---- */

/* The eight lines that a checkpoint's signature is over. */
struct checkpoint_note {
	const char *instance; /* as it stands in the record */
	size_t instance_length;
	uint64_t first_seq, last_seq, epoch;
	const char *time, *head, *prev_sig;
};
void checkpoint_put_note(struct buf *out, const struct checkpoint_note *note);
/* Check a record that is an audit.checkpoint, and note it as the newest one. */
bool checkpoint_check(struct verifier *verifier, const json_t *record, uint64_t seq,
    const char *line, size_t length);

#endif

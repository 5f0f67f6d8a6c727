/*
 * verify.h - is the chain of an access log whole? For pgweirctl verify and the report.
 *
 * Checks that each line is one record, that seq counts up by one, that prev is the
 * hash of the line before, that each checkpoint follows the one before it; with the
 * keys also the macs and the signatures. The only bytes that may be no record are a
 * torn line that the audit.gap after it tells. A rotated file that has a .sig beside
 * it is held to that too.
 */
#ifndef AUDIT_VERIFY_H
#define AUDIT_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/lines.h"
#include "base/object.h"

/* What is checked besides the chain. All borrowed; zeroed is the chain alone. */
struct audit_verify_options {
	char *const *public_keys; /* PEM files */
	size_t public_key_count;
	const char *mac_key;	/* the key's file, of the first epoch or a later one */
	const char *main_log;	/* its lines "audit checkpoint …" must all be in the log */
	/* Told now and then how many bytes of a file have been read; or NULL. */
	void (*progress)(void *arg, const char *path, uint64_t offset);
	void *progress_arg;
};

enum { AUDIT_PROGRESS_LINES = 8192 };

/* What was found; file is borrowed from the paths. */
struct audit_verified {
	bool good;
	uint64_t records, torn_lines;
	uint64_t first_seq, last_seq;
	uint64_t checkpoints, signatures;  /* of these: good ones */
	uint64_t after_checkpoint;	   /* records behind the last one */
	uint64_t macs, macs_skipped;	   /* checked; of epochs before the key's */
	uint64_t files_sealed;		   /* that fit their .sig */
	uint64_t witnessed;		   /* checkpoints that the main log tells too */
	bool begins_anew;		   /* the first record says chain_broken */
	/* The first fault. */
	const char *file;
	uint64_t line, seq; /* seq 0: not known */
	char reason[200];
};

/*
 * Read files in the order given, as one chain. The first record may follow one that
 * is not here (an older file). False, with *err, when a file or a key cannot be read.
 */
bool audit_verify(char *const *paths, size_t count, const struct audit_verify_options *options,
    struct audit_verified *found, struct error *err);

/*
 * The same check for whoever reads the lines anyway: a file, its lines as they come, its
 * end; after all files audit_checker_end(). *found is filled as it goes. NULL, with *err,
 * when a key cannot be read.
 */
struct audit_checker;
struct audit_checker *audit_checker_new(const struct audit_verify_options *options,
    struct audit_verified *found, struct error *err);
/* The path is borrowed until *found is read. */
void audit_checker_file(struct audit_checker *checker, const char *path);
/* `object` is the line's scan, NULL when object_scan() did not take it. False: found->good is. */
bool audit_checker_line(struct audit_checker *checker, const struct lines *lines,
    const struct object *object);
void audit_checker_file_end(struct audit_checker *checker);
void audit_checker_end(struct audit_checker *checker);
void audit_checker_free(struct audit_checker *checker);

/* New keys, for pgweirctl keygen; false when a file is there already. */
bool audit_make_mac_key(const char *path, struct error *err);
bool audit_make_sign_key(const char *path, const char *public_path, struct error *err);

#endif

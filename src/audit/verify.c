/* verify.c - see include/audit/verify.h: the files, one after the other. */
#include <inttypes.h>
#include <stdio.h>

#include "seal.h"
#include "verifier.h"
#include "base/lines.h"
#include "base/mem.h"

/* ---- one file ---- */

/* What is read of a file, to be held to its .sig. */
struct reading {
	struct seal seal;
	EVP_MD_CTX *context;
	uint64_t records_before;
};

static void
begin_reading(struct reading *reading, const struct verifier *verifier)
{
	*reading = (struct reading){ .context = EVP_MD_CTX_new(),
		.records_before = verifier->found->records };
	EVP_DigestInit_ex(reading->context, EVP_sha256(), NULL);
}

static void
note_line(struct reading *reading, const struct verifier *verifier, const struct lines *lines)
{
	EVP_DigestUpdate(reading->context, lines->line, lines->length + lines->whole);
	reading->seal.bytes += lines->length + lines->whole;
	if (reading->seal.first_seq == 0 && verifier->found->records > reading->records_before)
		reading->seal.first_seq = verifier->found->last_seq;
	reading->seal.last_seq = verifier->found->last_seq;
}

/* Does the file fit the .sig beside it, if there is one? */
static bool
check_seal(struct verifier *verifier, struct reading *reading)
{
	char reason[200];

	seal_digest(reading->context, reading->seal.sha256);
	switch (seal_check(&reading->seal, verifier->file, verifier->keys, verifier->key_count,
	    reason)) {
	case SEAL_NONE:
		return true;
	case SEAL_GOOD:
		verifier->found->files_sealed++;
		return true;
	case SEAL_BAD:
		break;
	}
	return verifier_fault(verifier, verifier->found->last_seq, "%s", reason);
}

static bool
check_lines(struct verifier *verifier, struct lines *lines, struct reading *reading,
    struct error *err)
{
	while (lines_next(lines, err)) {
		if (lines->cut) {
			verifier->line++;
			return verifier_fault(verifier, 0, "is longer than any record");
		}
		if (!verifier_line(verifier, lines->line, lines->length, lines->whole))
			return false;
		note_line(reading, verifier, lines);
	}
	return true;
}

static bool
check_file(struct verifier *verifier, const char *path, struct error *err)
{
	struct reading reading;
	struct lines lines;

	verifier->file = path;
	verifier->line = 0;
	if (!lines_open(&lines, path, err))
		return false;
	begin_reading(&reading, verifier);
	if (check_lines(verifier, &lines, &reading, err) && err->code == ERROR_NONE)
		check_seal(verifier, &reading);
	EVP_MD_CTX_free(reading.context);
	lines_close(&lines);
	if (err->code != ERROR_NONE) {
		struct error why = *err;

		return error_set(err, ERROR_IO, "%s: %s", path, why.text);
	}
	return true;
}

/* ---- all of them ---- */

/* The keys and the main log's word. On the stack of audit_verify(). */
struct aids {
	struct sign_key *keys;
	size_t key_count;
	struct mac_key mac;
	struct witness witness;
};

static bool
read_aids(struct aids *aids, const struct audit_verify_options *options, struct error *err)
{
	if (options->public_key_count > 0)
		aids->keys = mem_zalloc(options->public_key_count, sizeof(aids->keys[0]));
	for (; aids->key_count < options->public_key_count; aids->key_count++)
		if (!sign_key_read_public(&aids->keys[aids->key_count],
			options->public_keys[aids->key_count], err))
			return false;
	return (options->mac_key == NULL || mac_key_read(&aids->mac, options->mac_key, err)) &&
	    (options->main_log == NULL || witness_read(&aids->witness, options->main_log, err));
}

static void
free_aids(struct aids *aids)
{
	for (size_t i = 0; i < aids->key_count; i++)
		sign_key_close(&aids->keys[i]);
	mem_free(aids->keys);
	mac_key_close(&aids->mac);
	witness_free(&aids->witness);
}

static bool
check_all(struct verifier *verifier, char *const *paths, size_t count, struct error *err)
{
	for (size_t i = 0; i < count && verifier->found->good; i++)
		if (!check_file(verifier, paths[i], err))
			return false;
	if (verifier->found->good)
		verifier_end(verifier);
	return true;
}

bool
audit_verify(char *const *paths, size_t count, const struct audit_verify_options *options,
    struct audit_verified *found, struct error *err)
{
	struct aids aids = { 0 };
	struct verifier verifier;
	bool read;

	err->code = ERROR_NONE;
	verifier_open(&verifier, found);
	read = read_aids(&aids, options, err);
	if (read) {
		verifier.keys = aids.keys;
		verifier.key_count = aids.key_count;
		verifier.witness = options->main_log != NULL ? &aids.witness : NULL;
		if (options->mac_key != NULL)
			mac_key_copy(&verifier.mac, &aids.mac);
		read = check_all(&verifier, paths, count, err);
	}
	verifier_close(&verifier);
	free_aids(&aids);
	return read;
}

bool
audit_make_mac_key(const char *path, struct error *err)
{
	return mac_key_create(path, err);
}

bool
audit_make_sign_key(const char *path, const char *public_path, struct error *err)
{
	return sign_key_create(path, public_path, err);
}

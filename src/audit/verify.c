/* verify.c - see include/audit/verify.h: the files, one after the other, read here or by the report. */
#include <unistd.h>

#include "seal.h"
#include "verifier.h"
#include "base/mem.h"

/* The keys and the main log's word. */
struct aids {
	struct sign_key *keys;
	size_t key_count;
	struct mac_key mac;
	struct witness witness;
};

/* What is read of the file that is being checked, to be held to its .sig. */
struct reading {
	struct seal seal;
	EVP_MD_CTX *context; /* NULL: there is no .sig */
	uint64_t records_before;
};

/* Made by audit_checker_new(), freed by audit_checker_free(). */
struct audit_checker {
	struct aids aids;
	struct verifier verifier;
	struct reading reading;
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

struct audit_checker *
audit_checker_new(const struct audit_verify_options *options, struct audit_verified *found,
    struct error *err)
{
	struct audit_checker *checker = mem_zalloc(1, sizeof(*checker));
	struct verifier *verifier = &checker->verifier;

	verifier_open(verifier, found);
	if (!read_aids(&checker->aids, options, err)) {
		audit_checker_free(checker);
		return NULL;
	}
	verifier->keys = checker->aids.keys;
	verifier->key_count = checker->aids.key_count;
	verifier->witness = options->main_log != NULL ? &checker->aids.witness : NULL;
	if (options->mac_key != NULL)
		mac_key_copy(&verifier->mac, &checker->aids.mac);
	return checker;
}

void
audit_checker_free(struct audit_checker *checker)
{
	if (checker == NULL)
		return;
	EVP_MD_CTX_free(checker->reading.context);
	verifier_close(&checker->verifier);
	free_aids(&checker->aids);
	mem_free(checker);
}

/* ---- one file ---- */

/* All bytes are hashed once more for the .sig, so only where there is one. */
static bool
has_seal(const char *path)
{
	char *sig = seal_path(path);
	bool there = access(sig, F_OK) == 0;

	mem_free(sig);
	return there;
}

void
audit_checker_file(struct audit_checker *checker, const char *path)
{
	checker->verifier.file = path;
	checker->verifier.line = 0;
	checker->reading = (struct reading){ .records_before = checker->verifier.found->records };
	if (!has_seal(path))
		return;
	checker->reading.context = EVP_MD_CTX_new();
	EVP_DigestInit_ex(checker->reading.context, EVP_sha256(), NULL);
}

static void
note_line(struct reading *reading, const struct verifier *verifier, const struct lines *lines)
{
	if (reading->context == NULL)
		return;
	EVP_DigestUpdate(reading->context, lines->line, lines->length + lines->whole);
	reading->seal.bytes += lines->length + lines->whole;
	if (reading->seal.first_seq == 0 && verifier->found->records > reading->records_before)
		reading->seal.first_seq = verifier->found->last_seq;
	reading->seal.last_seq = verifier->found->last_seq;
}

bool
audit_checker_line(struct audit_checker *checker, const struct lines *lines,
    const struct object *object)
{
	struct verifier *verifier = &checker->verifier;

	if (!verifier->found->good)
		return false;
	if (lines->cut) {
		verifier->line++;
		return verifier_fault(verifier, 0, "is longer than any record");
	}
	if (!verifier_scanned(verifier, object, lines->line, lines->length, lines->whole))
		return false;
	note_line(&checker->reading, verifier, lines);
	return true;
}

/* Does the file fit the .sig beside it? */
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

void
audit_checker_file_end(struct audit_checker *checker)
{
	if (checker->verifier.found->good && checker->reading.context != NULL)
		check_seal(&checker->verifier, &checker->reading);
	EVP_MD_CTX_free(checker->reading.context);
	checker->reading.context = NULL;
}

void
audit_checker_end(struct audit_checker *checker)
{
	if (checker->verifier.found->good)
		verifier_end(&checker->verifier);
}

/* ---- all of them ---- */

static bool
check_file(struct audit_checker *checker, const char *path,
    const struct audit_verify_options *options, struct error *err)
{
	struct object *object = &checker->verifier.object;
	struct lines lines;

	if (!lines_open(&lines, path, err))
		return false;
	audit_checker_file(checker, path);
	while (lines_next(&lines, err)) {
		bool taken = !lines.cut && object_scan(object, lines.line, lines.length);

		if (!audit_checker_line(checker, &lines, taken ? object : NULL))
			break;
		if (options->progress != NULL && lines.number % AUDIT_PROGRESS_LINES == 0)
			options->progress(options->progress_arg, path, lines.offset);
	}
	if (err->code == ERROR_NONE)
		audit_checker_file_end(checker);
	lines_close(&lines);
	if (err->code != ERROR_NONE) {
		struct error why = *err;

		return error_set(err, ERROR_IO, "%s: %s", path, why.text);
	}
	return true;
}

bool
audit_verify(char *const *paths, size_t count, const struct audit_verify_options *options,
    struct audit_verified *found, struct error *err)
{
	struct audit_checker *checker;
	bool read = true;

	err->code = ERROR_NONE;
	checker = audit_checker_new(options, found, err);
	if (checker == NULL)
		return false;
	for (size_t i = 0; i < count && read && found->good; i++)
		read = check_file(checker, paths[i], options, err);
	if (read)
		audit_checker_end(checker);
	audit_checker_free(checker);
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

/* verify.c - see include/audit/verify.h. */
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#include "audit/verify.h"
#include "audit_internal.h"
#include "base/lines.h"

enum { TORN_TOLD_WITHIN = 2 }; /* records: audit.start, then the audit.gap */

/* Where the check stands. On the stack of audit_verify(). */
struct verifier {
	struct audit_verified *found;
	struct chain chain; /* of the last record read */
	const char *file;
	uint64_t line;
	/* A line that is no record and not told yet. */
	uint64_t torn_line; /* 0: none */
	const char *torn_file;
	char torn_hash[CHAIN_HASH_SIZE];
	unsigned since_torn; /* records */
};

static bool fault(struct verifier *verifier, uint64_t seq, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Note the first fault; always returns false. */
static bool
fault(struct verifier *verifier, uint64_t seq, const char *format, ...)
{
	struct audit_verified *found = verifier->found;
	va_list args;

	found->good = false;
	found->file = verifier->file;
	found->line = verifier->line;
	found->seq = seq;
	va_start(args, format);
	vsnprintf(found->reason, sizeof(found->reason), format, args);
	va_end(args);
	return false;
}

static bool
fault_torn(struct verifier *verifier)
{
	verifier->file = verifier->torn_file;
	verifier->line = verifier->torn_line;
	return fault(verifier, 0, "not a record, and no audit.gap tells of it");
}

/* Hash a line with its LF, which is one of the bytes that are there. */
static void
hash_line(struct verifier *verifier, const struct lines *lines, char hash[CHAIN_HASH_SIZE])
{
	chain_hash(&verifier->chain, lines->line, lines->length + lines->whole, hash);
}

static bool
read_torn(struct verifier *verifier, const struct lines *lines)
{
	if (!lines->whole)
		return fault(verifier, 0,
		    "does not end in a line feed: torn by a crash, or still being written");
	if (verifier->torn_line != 0)
		return fault_torn(verifier);
	verifier->torn_line = verifier->line;
	verifier->torn_file = verifier->file;
	verifier->since_torn = 0;
	hash_line(verifier, lines, verifier->torn_hash);
	return true;
}

/* A record came while a torn line waits to be told. */
static bool
look_for_gap(struct verifier *verifier, const json_t *record)
{
	const char *event = json_string_value(json_object_get(record, "event"));
	const char *hash = json_string_value(json_object_get(record, "torn_sha256"));

	if (event != NULL && hash != NULL && strcmp(event, "audit.gap") == 0 &&
	    strcmp(hash, verifier->torn_hash) == 0) {
		verifier->torn_line = 0;
		verifier->found->torn_lines++;
		return true;
	}
	return ++verifier->since_torn < TORN_TOLD_WITHIN || fault_torn(verifier);
}

/* Do the bytes end in these two members, in this order? */
static bool
ends_in(const struct lines *lines, const char *prev, const char *mac)
{
	char end[256];
	int length = snprintf(end, sizeof(end), ",\"prev\":\"%s\",\"mac\":\"%s\"}", prev, mac);

	return length < (int)sizeof(end) && lines->length > (size_t)length &&
	    memcmp(lines->line + lines->length - (size_t)length, end, (size_t)length) == 0;
}

static bool
check_record(struct verifier *verifier, const struct lines *lines, const json_t *record)
{
	struct audit_verified *found = verifier->found;
	json_int_t value = json_integer_value(json_object_get(record, "seq"));
	const char *prev = json_string_value(json_object_get(record, "prev"));
	const char *mac = json_string_value(json_object_get(record, "mac"));
	uint64_t seq = value > 0 ? (uint64_t)value : 0;

	if (!lines->whole)
		return fault(verifier, seq, "does not end in a line feed");
	if (seq == 0 || prev == NULL || mac == NULL || !ends_in(lines, prev, mac))
		return fault(verifier, seq, "has no seq, or does not end in prev and mac");
	if (found->records > 0 && seq != found->last_seq + 1)
		return fault(verifier, seq, "seq %" PRIu64 " is missing: %" PRIu64 " came after %"
		    PRIu64, found->last_seq + 1, seq, found->last_seq);
	if ((found->records > 0 || seq == 1) && strcmp(prev, verifier->chain.prev) != 0)
		return fault(verifier, seq, "prev does not fit: the record before was changed, "
					    "or this one");
	if (verifier->torn_line != 0 && !look_for_gap(verifier, record))
		return false;
	if (found->records++ == 0)
		found->first_seq = seq;
	found->last_seq = seq;
	hash_line(verifier, lines, verifier->chain.prev);
	return true;
}

static bool
check_line(struct verifier *verifier, const struct lines *lines)
{
	json_t *record = lines->cut ?
	    NULL : json_loadb(lines->line, lines->length, JSON_REJECT_DUPLICATES, NULL);
	bool good;

	verifier->line = lines->number;
	good = json_is_object(record) ? check_record(verifier, lines, record) :
					read_torn(verifier, lines);
	json_decref(record);
	/* The line before it that nothing told of is the first fault. */
	return good || (verifier->torn_line != 0 && fault_torn(verifier));
}

static bool
check_file(struct verifier *verifier, const char *path, struct error *err)
{
	struct lines lines;

	verifier->file = path;
	if (!lines_open(&lines, path, err))
		return false;
	while (lines_next(&lines, err))
		if (!check_line(verifier, &lines))
			break;
	lines_close(&lines);
	if (err->code != ERROR_NONE) {
		struct error why = *err;

		return error_set(err, ERROR_IO, "%s: %s", path, why.text);
	}
	return true;
}

bool
audit_verify(char *const *paths, size_t count, struct audit_verified *found, struct error *err)
{
	struct verifier verifier = { .found = found };
	bool read = true;

	*found = (struct audit_verified){ .good = true };
	err->code = ERROR_NONE;
	chain_open(&verifier.chain);
	for (size_t i = 0; i < count && read && found->good; i++)
		read = check_file(&verifier, paths[i], err);
	if (read && found->good && verifier.torn_line != 0)
		fault_torn(&verifier);
	chain_close(&verifier.chain);
	return read;
}

/* verifier.c - see verifier.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "verifier.h"
#include "base/mem.h"

enum {
	TORN_TOLD_WITHIN = 2, /* records: audit.start, then the audit.gap */
	EPOCHS_MOST = 50 * 1000 * 1000, /* a line that names a further one would cost hours */
};

void
verifier_open(struct verifier *verifier, struct audit_verified *found)
{
	*verifier = (struct verifier){ .found = found };
	*found = (struct audit_verified){ .good = true };
	chain_open(&verifier->chain);
}

void
verifier_close(struct verifier *verifier)
{
	chain_close(&verifier->chain);
	mac_key_close(&verifier->mac);
}

bool
verifier_fault(struct verifier *verifier, uint64_t seq, const char *format, ...)
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
	return verifier_fault(verifier, 0, "not a record, and no audit.gap tells of it");
}

static bool
read_torn(struct verifier *verifier, const char *line, size_t length, bool whole)
{
	if (!whole)
		return verifier_fault(verifier, 0,
		    "does not end in a line feed: torn by a crash, or still being written");
	if (verifier->torn_line != 0)
		return fault_torn(verifier);
	verifier->torn_line = verifier->line;
	verifier->torn_file = verifier->file;
	verifier->since_torn = 0;
	chain_hash(&verifier->chain, line, length + 1, verifier->torn_hash);
	return true;
}

/* A record came while a torn line waits to be told. */
static bool
look_for_gap(struct verifier *verifier, const json_t *record, const char *event)
{
	const char *hash = json_string_value(json_object_get(record, "torn_sha256"));

	if (hash != NULL && strcmp(event, "audit.gap") == 0 &&
	    strcmp(hash, verifier->torn_hash) == 0) {
		verifier->torn_line = 0;
		verifier->found->torn_lines++;
		return true;
	}
	return ++verifier->since_torn < TORN_TOLD_WITHIN || fault_torn(verifier);
}

/* Do the bytes end in these two members, in this order? Then *body is what comes before mac. */
static bool
ends_in(const char *line, size_t length, const char *prev, const char *mac, size_t *body)
{
	char end[256];
	int size = snprintf(end, sizeof(end), ",\"prev\":\"%s\",\"mac\":\"%s\"}", prev, mac);

	if (size >= (int)sizeof(end) || length <= (size_t)size ||
	    memcmp(line + length - (size_t)size, end, (size_t)size) != 0)
		return false;
	*body = length - strlen(mac) - strlen(",\"mac\":\"\"}");
	return true;
}

/* ---- macs ---- */

/* The record's epoch: what it says itself, else what follows from those before it. */
static bool
find_epoch(struct verifier *verifier, const json_t *record, bool names_it, uint64_t seq)
{
	const json_t *said = json_object_get(record, "epoch");
	json_int_t value = json_integer_value(said);

	if (!names_it || !json_is_integer(said) || value < 0)
		return true;
	if (verifier->epoch_known && (uint64_t)value < verifier->epoch)
		return verifier_fault(verifier, seq, "epoch %lld comes after epoch %" PRIu64
		    ": it never falls", (long long)value, verifier->epoch);
	verifier->epoch = (uint64_t)value;
	verifier->epoch_known = true;
	return true;
}

static bool
check_mac(struct verifier *verifier, uint64_t seq, const char *body, size_t length,
    const char *mac)
{
	char sum[CHAIN_HASH_SIZE];

	if (verifier->mac.path == NULL)
		return true;
	if (mac[0] == '\0')
		return verifier_fault(verifier, seq, "has no mac");
	if (!verifier->epoch_known || verifier->epoch < verifier->mac.epoch) {
		verifier->found->macs_skipped++;
		return true;
	}
	if (verifier->epoch - verifier->mac.epoch > EPOCHS_MOST)
		return verifier_fault(verifier, seq, "epoch %" PRIu64 " cannot be", verifier->epoch);
	while (verifier->mac.epoch < verifier->epoch)
		mac_key_ratchet(&verifier->mac);
	mac_key_sum(&verifier->mac, body, length, sum);
	if (strlen(mac) != strlen(sum) || CRYPTO_memcmp(sum, mac, strlen(sum)) != 0)
		return verifier_fault(verifier, seq, "mac does not fit under the key of epoch %" PRIu64,
		    verifier->epoch);
	verifier->found->macs++;
	return true;
}

/* ---- one record ---- */

/* audit.start tells of the newest checkpoint, which may be in a file that is not here. */
static void
take_start(struct verifier *verifier, const json_t *record)
{
	json_int_t seq = json_integer_value(json_object_get(record, "checkpoint_seq"));
	const char *sig = json_string_value(json_object_get(record, "checkpoint_sig"));

	if (verifier->checkpoint_known || sig == NULL || strlen(sig) >= SIG_SIZE || seq < 0)
		return;
	verifier->checkpoint_known = true;
	verifier->checkpoint_seq = (uint64_t)seq;
	memcpy(verifier->checkpoint_sig, sig, strlen(sig) + 1);
}

/* The first record of all has no checkpoint before it. */
static void
begin_log(struct verifier *verifier)
{
	verifier->checkpoint_known = true;
	verifier->checkpoint_seq = 0;
	memcpy(verifier->checkpoint_sig, "-", 2);
}

static bool
check_place(struct verifier *verifier, uint64_t seq, const char *prev)
{
	const struct audit_verified *found = verifier->found;

	if (found->records > 0 && seq != found->last_seq + 1)
		return verifier_fault(verifier, seq, "seq %" PRIu64 " is missing: %" PRIu64
		    " came after %" PRIu64, found->last_seq + 1, seq, found->last_seq);
	if ((found->records > 0 || seq == 1) && strcmp(prev, verifier->chain.prev) != 0)
		return verifier_fault(verifier, seq, "prev does not fit: the record before was changed, "
						     "or this one");
	return true;
}

/* Is it what the main log and the key's file remember of this seq? */
static bool
check_memory(struct verifier *verifier, uint64_t seq, bool is_checkpoint)
{
	const struct mac_key *key = verifier->remembers;

	if (key != NULL && key->seq == seq && strcmp(key->head, verifier->chain.prev) != 0)
		return verifier_fault(verifier, seq, "is not the record that %s remembers", key->path);
	if (!is_checkpoint && verifier->witness != NULL &&
	    witness_find(verifier->witness, seq) != NULL)
		return verifier_fault(verifier, seq, "the main log told a checkpoint here");
	return true;
}

static void
count_record(struct verifier *verifier, const json_t *record, uint64_t seq, bool is_checkpoint)
{
	struct audit_verified *found = verifier->found;
	const char *reason = json_string_value(json_object_get(record, "reason"));

	if (found->records++ == 0) {
		found->first_seq = seq;
		found->begins_anew = reason != NULL && strcmp(reason, "chain_broken") == 0;
	}
	found->last_seq = seq;
	found->after_checkpoint = is_checkpoint ? 0 : found->after_checkpoint + 1;
}

static bool
check_record(struct verifier *verifier, const char *line, size_t length, bool whole,
    const json_t *record)
{
	json_int_t value = json_integer_value(json_object_get(record, "seq"));
	const char *prev = json_string_value(json_object_get(record, "prev"));
	const char *mac = json_string_value(json_object_get(record, "mac"));
	const char *event = json_string_value(json_object_get(record, "event"));
	bool is_checkpoint = event != NULL && strcmp(event, "audit.checkpoint") == 0;
	bool is_start = event != NULL && strcmp(event, "audit.start") == 0;
	uint64_t seq = value > 0 ? (uint64_t)value : 0;
	size_t body;

	if (!whole)
		return verifier_fault(verifier, seq, "does not end in a line feed");
	if (seq == 0 || prev == NULL || mac == NULL || event == NULL ||
	    !ends_in(line, length, prev, mac, &body))
		return verifier_fault(verifier, seq, "has no seq, or does not end in prev and mac");
	if (!check_place(verifier, seq, prev))
		return false;
	if (seq == 1)
		begin_log(verifier);
	if (mac[0] != '\0' && !find_epoch(verifier, record, is_checkpoint || is_start, seq))
		return false;
	if (!check_mac(verifier, seq, line, body, mac))
		return false;
	if (is_start)
		take_start(verifier, record);
	if (is_checkpoint && !checkpoint_check(verifier, record, seq, line, length))
		return false;
	if (verifier->torn_line != 0 && !look_for_gap(verifier, record, event))
		return false;
	verifier->epoch += is_checkpoint;
	count_record(verifier, record, seq, is_checkpoint);
	chain_hash(&verifier->chain, line, length + 1, verifier->chain.prev);
	return check_memory(verifier, seq, is_checkpoint);
}

bool
verifier_line(struct verifier *verifier, const char *line, size_t length, bool whole)
{
	json_t *record = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	bool good;

	verifier->line++;
	good = json_is_object(record) ? check_record(verifier, line, length, whole, record) :
					read_torn(verifier, line, length, whole);
	json_decref(record);
	/* The line before it that nothing told of is the first fault. */
	return good || (verifier->torn_line != 0 && fault_torn(verifier));
}

/* The newest checkpoint that the main log told must not be behind the end. */
static bool
check_end(struct verifier *verifier)
{
	const struct audit_verified *found = verifier->found;
	const struct witness *witness = verifier->witness;

	if (witness == NULL || witness->count == 0 ||
	    witness->items[witness->count - 1].seq <= found->last_seq)
		return true;
	return verifier_fault(verifier, found->last_seq, "the log ends here, but the main log told a "
	    "checkpoint of seq %" PRIu64 ": the end was cut off",
	    witness->items[witness->count - 1].seq);
}

bool
verifier_end(struct verifier *verifier)
{
	if (verifier->torn_line != 0)
		return fault_torn(verifier);
	return check_end(verifier);
}

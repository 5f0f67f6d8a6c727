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
	object_free(&verifier->object);
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

/* What the check asks of every record. On the stack. */
struct place {
	uint64_t seq;
	const char *prev, *mac;
	bool is_checkpoint, is_start;
	size_t body;	      /* bytes of the line that the mac is over */
	const json_t *record; /* NULL: of an event that the check asks nothing more of */
};

static bool
check_events(struct verifier *verifier, const struct place *place, const char *line, size_t length)
{
	const char *event = json_string_value(json_object_get(place->record, "event"));

	if (place->is_start)
		take_start(verifier, place->record);
	if (place->is_checkpoint &&
	    !checkpoint_check(verifier, place->record, place->seq, line, length))
		return false;
	return verifier->torn_line == 0 || look_for_gap(verifier, place->record, event);
}

static bool
check_placed(struct verifier *verifier, const struct place *place, const char *line, size_t length)
{
	uint64_t seq = place->seq;

	if (!check_place(verifier, seq, place->prev))
		return false;
	if (seq == 1)
		begin_log(verifier);
	if (place->mac[0] != '\0' &&
	    !find_epoch(verifier, place->record, place->is_checkpoint || place->is_start, seq))
		return false;
	if (!check_mac(verifier, seq, line, place->body, place->mac))
		return false;
	if (place->record != NULL && !check_events(verifier, place, line, length))
		return false;
	verifier->epoch += place->is_checkpoint;
	count_record(verifier, place->record, seq, place->is_checkpoint);
	chain_hash(&verifier->chain, line, length + 1, verifier->chain.prev);
	return check_memory(verifier, seq, place->is_checkpoint);
}

static bool
check_record(struct verifier *verifier, const char *line, size_t length, bool whole,
    const json_t *record)
{
	json_int_t value = json_integer_value(json_object_get(record, "seq"));
	const char *event = json_string_value(json_object_get(record, "event"));
	struct place place = {
		.seq = value > 0 ? (uint64_t)value : 0,
		.prev = json_string_value(json_object_get(record, "prev")),
		.mac = json_string_value(json_object_get(record, "mac")),
		.is_checkpoint = event != NULL && strcmp(event, "audit.checkpoint") == 0,
		.is_start = event != NULL && strcmp(event, "audit.start") == 0,
		.record = record,
	};

	if (!whole)
		return verifier_fault(verifier, place.seq, "does not end in a line feed");
	if (place.seq == 0 || place.prev == NULL || place.mac == NULL || event == NULL ||
	    !ends_in(line, length, place.prev, place.mac, &place.body))
		return verifier_fault(verifier, place.seq,
		    "has no seq, or does not end in prev and mac");
	return check_placed(verifier, &place, line, length);
}

/* ---- records that need no tree ---- */

/* Copy a hash out of a member; false when it is none. */
static bool
copy_hash(const struct object_member *member, const char *key, char hash[CHAIN_HASH_SIZE])
{
	if (member->key_length != strlen(key) || memcmp(member->key, key, member->key_length) != 0 ||
	    member->kind != OBJECT_TEXT || member->escaped || member->value_length >= CHAIN_HASH_SIZE)
		return false;
	memcpy(hash, member->value, member->value_length);
	hash[member->value_length] = '\0';
	return true;
}

/*
 * Most records are of statements and sessions, and the check asks only for their place.
 * False: look at the tree. What is odd in any way is left to it, so that a fault is told alike.
 */
static bool
find_place(const struct verifier *verifier, const struct object *object, const char *line,
    struct place *place, char hashes[2][CHAIN_HASH_SIZE])
{
	static const char own[] = "audit.";
	uint32_t seq_at = 1, event_at = 3;
	const struct object_member *event, *mac;
	int64_t seq;

	if (verifier->torn_line != 0 || verifier->found->records == 0 || object->count < 4)
		return false;
	mac = &object->members[object->count - 1];
	event = object_find(object, "event", &event_at);
	seq = object_number(object_find(object, "seq", &seq_at));
	if (event == NULL || event->kind != OBJECT_TEXT || event->escaped || seq <= 0 ||
	    (event->value_length >= strlen(own) && memcmp(event->value, own, strlen(own)) == 0) ||
	    !copy_hash(mac - 1, "prev", hashes[0]) || !copy_hash(mac, "mac", hashes[1]))
		return false;
	*place = (struct place){ .seq = (uint64_t)seq, .prev = hashes[0], .mac = hashes[1],
		.body = (size_t)(mac->key - line) - strlen(",\"") };
	return true;
}

static bool
look_at_tree(struct verifier *verifier, const char *line, size_t length, bool whole)
{
	json_t *record = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	bool good = json_is_object(record) ?
	    check_record(verifier, line, length, whole, record) :
	    read_torn(verifier, line, length, whole);

	json_decref(record);
	return good;
}

bool
verifier_scanned(struct verifier *verifier, const struct object *object, const char *line,
    size_t length, bool whole)
{
	char hashes[2][CHAIN_HASH_SIZE];
	struct place place;
	bool good;

	verifier->line++;
	if (whole && object != NULL && find_place(verifier, object, line, &place, hashes))
		good = check_placed(verifier, &place, line, length);
	else
		good = look_at_tree(verifier, line, length, whole);
	/* The line before it that nothing told of is the first fault. */
	return good || (verifier->torn_line != 0 && fault_torn(verifier));
}

bool
verifier_line(struct verifier *verifier, const char *line, size_t length, bool whole)
{
	bool taken = object_scan(&verifier->object, line, length);

	return verifier_scanned(verifier, taken ? &verifier->object : NULL, line, length, whole);
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

/*
 * checkpoint.c - the note that a checkpoint's signature is over, and the check of a
 * checkpoint. Used by the writer, which makes them, and by the verifier.
 */
#include <inttypes.h>

#include "verifier.h"

void
checkpoint_put_note(struct buf *out, const struct checkpoint_note *note)
{
	buf_put_text(out, "pgweir-audit-checkpoint-v1\n");
	buf_put(out, note->instance, note->instance_length);
	buf_printf(out, "\n%" PRIu64 "\n%" PRIu64 "\n%" PRIu64 "\n%s\n%s\n%s\n", note->first_seq,
	    note->last_seq, note->epoch, note->time, note->head, note->prev_sig);
}

/*
 * The instance as it stands in the line: it comes before anything that a client
 * could have sent, so the first such key is the record's own.
 */
static bool
find_instance(const char *line, size_t length, struct checkpoint_note *note)
{
	static const char key[] = ",\"instance\":\"";
	const char *at = memmem(line, length, key, strlen(key)), *end;

	if (at == NULL)
		return false;
	at += strlen(key);
	for (end = at; end < line + length && *end != '"'; end++)
		if (*end == '\\')
			end++;
	if (end >= line + length)
		return false;
	note->instance = at;
	note->instance_length = (size_t)(end - at);
	return true;
}

static uint64_t
number(const json_t *record, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(record, key));

	return value > 0 ? (uint64_t)value : 0;
}

static const char *
text(const json_t *record, const char *key)
{
	const char *value = json_string_value(json_object_get(record, key));

	return value != NULL ? value : "";
}

static bool
check_signature(struct verifier *verifier, const json_t *record, uint64_t seq,
    const struct checkpoint_note *note)
{
	const char *sig = text(record, "sig"), *id = text(record, "key_id");
	struct buf bytes = { 0 };
	bool good = false;

	if (sig[0] == '\0')
		return verifier_fault(verifier, seq, "the checkpoint is not signed");
	checkpoint_put_note(&bytes, note);
	for (size_t i = 0; i < verifier->key_count && !good; i++)
		good = strcmp(verifier->keys[i].id, id) == 0 &&
		    sign_key_verify(&verifier->keys[i], &bytes, sig);
	buf_free(&bytes);
	if (!good)
		return verifier_fault(verifier, seq, "the checkpoint's signature is not good under "
		    "the public key (its key_id is %.16s)", id);
	verifier->found->signatures++;
	return true;
}

/* The main log's word for it, if there is one. */
static bool
check_witness(struct verifier *verifier, const json_t *record, uint64_t seq)
{
	const struct witnessed *told;

	if (verifier->witness == NULL)
		return true;
	told = witness_find(verifier->witness, seq);
	if (told == NULL)
		return true;
	if (strcmp(told->head, text(record, "head")) != 0 ||
	    strcmp(told->sig, text(record, "sig")) != 0)
		return verifier_fault(verifier, seq, "the main log told another checkpoint here");
	verifier->found->witnessed++;
	return true;
}

bool
checkpoint_check(struct verifier *verifier, const json_t *record, uint64_t seq, const char *line,
    size_t length)
{
	uint64_t before = verifier->checkpoint_seq > 0 ? verifier->checkpoint_seq : 1;
	const char *sig = text(record, "sig");
	struct checkpoint_note note = {
		.first_seq = number(record, "first_seq"),
		.last_seq = number(record, "last_seq"),
		.epoch = number(record, "epoch"),
		.time = text(record, "time"),
		.head = text(record, "head"),
		.prev_sig = text(record, "prev_sig"),
	};

	if (!find_instance(line, length, &note) || strlen(sig) >= SIG_SIZE)
		return verifier_fault(verifier, seq, "the checkpoint lacks its keys");
	if (note.last_seq != seq - 1 || strcmp(note.head, text(record, "prev")) != 0)
		return verifier_fault(verifier, seq, "last_seq or head of the checkpoint does not fit");
	if (verifier->checkpoint_known &&
	    (note.first_seq != before || strcmp(note.prev_sig, verifier->checkpoint_sig) != 0))
		return verifier_fault(verifier, seq,
		    "first_seq or prev_sig does not fit the checkpoint before, of seq %" PRIu64, before);
	if (verifier->keys != NULL && !check_signature(verifier, record, seq, &note))
		return false;
	if (!check_witness(verifier, record, seq))
		return false;
	verifier->checkpoint_known = true;
	verifier->checkpoint_seq = seq;
	memcpy(verifier->checkpoint_sig, sig, strlen(sig) + 1);
	verifier->found->checkpoints++;
	return true;
}

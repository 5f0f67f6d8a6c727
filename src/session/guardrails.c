/* guardrails.c - see guardrails.h. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <uthash.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "session/clients.h"
#include "session/guardrails.h"

const char guardrails_block_rule[] = "console-block";

enum { PREFIX = 5, DIGITS = 16 }; /* "pg15:" */

/* Owned by their guardrails. */
struct blocked {
	UT_hash_handle hh; /* by fingerprint */
	struct guardrails_block block;
};
struct counted {
	UT_hash_handle hh;
	char *key; /* ours: policy and rule, each with its NUL, action and mode */
	struct guardrails_decision decision;
};

/* Owned by the supervisor. */
struct guardrails {
	pthread_mutex_t lock;
	_Atomic unsigned block_count; /* so that nobody takes the lock while nothing is blocked */
	struct blocked *blocks;
	struct counted *decisions;
};

struct guardrails *
guardrails_new(void)
{
	struct guardrails *guardrails = mem_zalloc(1, sizeof(*guardrails));

	pthread_mutex_init(&guardrails->lock, NULL);
	return guardrails;
}

static void
drop(struct guardrails *guardrails, struct blocked *blocked)
{
	HASH_DEL(guardrails->blocks, blocked);
	mem_free(blocked);
	atomic_fetch_sub(&guardrails->block_count, 1);
}

void
guardrails_free(struct guardrails *guardrails)
{
	struct blocked *blocked, *next_blocked;
	struct counted *counted, *next_counted;

	HASH_ITER(hh, guardrails->blocks, blocked, next_blocked)
		drop(guardrails, blocked);
	HASH_ITER(hh, guardrails->decisions, counted, next_counted) {
		HASH_DEL(guardrails->decisions, counted);
		mem_free(counted->key);
		mem_free(counted);
	}
	pthread_mutex_destroy(&guardrails->lock);
	mem_free(guardrails);
}

bool
guardrails_is_fingerprint(const char *text)
{
	if (strncmp(text, "pg15:", PREFIX) != 0 || strlen(text) != PREFIX + DIGITS)
		return false;
	for (size_t i = PREFIX; i < PREFIX + DIGITS; i++)
		if (text_hex_value(text[i]) < 0)
			return false;
	return true;
}

/* The lock is held. What has ended is dropped on the way. */
static struct blocked *
find(struct guardrails *guardrails, const char *fingerprint, uint64_t now_us)
{
	struct blocked *blocked;

	HASH_FIND_STR(guardrails->blocks, fingerprint, blocked);
	if (blocked == NULL || blocked->block.until_us == 0 || blocked->block.until_us > now_us)
		return blocked;
	drop(guardrails, blocked);
	return NULL;
}

void
guardrails_block(struct guardrails *guardrails, const struct guardrails_block *block)
{
	struct blocked *blocked;

	pthread_mutex_lock(&guardrails->lock);
	blocked = find(guardrails, block->fingerprint, block->since_us);
	if (blocked == NULL) {
		blocked = mem_zalloc(1, sizeof(*blocked));
		blocked->block = *block;
		HASH_ADD_STR(guardrails->blocks, block.fingerprint, blocked);
		atomic_fetch_add(&guardrails->block_count, 1);
	} else {
		blocked->block.until_us = block->until_us;
		memcpy(blocked->block.by, block->by, sizeof(block->by));
	}
	pthread_mutex_unlock(&guardrails->lock);
}

bool
guardrails_unblock(struct guardrails *guardrails, const char *fingerprint, uint64_t now_us)
{
	struct blocked *blocked;

	pthread_mutex_lock(&guardrails->lock);
	blocked = find(guardrails, fingerprint, now_us);
	if (blocked != NULL)
		drop(guardrails, blocked);
	pthread_mutex_unlock(&guardrails->lock);
	return blocked != NULL;
}

bool
guardrails_find(struct guardrails *guardrails, const char *fingerprint, uint64_t now_us,
    struct guardrails_block *block)
{
	struct blocked *blocked;

	if (atomic_load(&guardrails->block_count) == 0)
		return false;
	pthread_mutex_lock(&guardrails->lock);
	blocked = find(guardrails, fingerprint, now_us);
	if (blocked != NULL)
		*block = blocked->block;
	pthread_mutex_unlock(&guardrails->lock);
	return blocked != NULL;
}

/* "name@sha256:…" without what differs after each change of the file. */
static size_t
name_length(const char *policy)
{
	const char *at = strstr(policy, "@sha256:");

	return at == NULL ? strlen(policy) : (size_t)(at - policy);
}

/* The lock is held. */
static struct counted *
counted_for(struct guardrails *guardrails, const struct verdict *verdict, enum policy_action action)
{
	const char *policy = verdict->policy != NULL ? verdict->policy : "";
	const char *rule = verdict->rule != NULL ? verdict->rule : "";
	size_t policy_length = name_length(policy);
	struct buf key = { 0 };
	struct counted *counted;

	buf_put(&key, policy, policy_length);
	buf_put_u8(&key, 0);
	buf_put_cstring(&key, rule);
	buf_put_u8(&key, (uint8_t)action);
	buf_put_u8(&key, (uint8_t)verdict->mode);
	HASH_FIND(hh, guardrails->decisions, buf_bytes(&key), buf_length(&key), counted);
	if (counted == NULL) {
		counted = mem_zalloc(1, sizeof(*counted));
		counted->key = mem_copy(buf_bytes(&key), buf_length(&key));
		counted->decision = (struct guardrails_decision){ .policy = counted->key,
			.rule = counted->key + policy_length + 1,
			.action = action,
			.mode = verdict->mode };
		HASH_ADD_KEYPTR(hh, guardrails->decisions, counted->key, buf_length(&key), counted);
	}
	buf_free(&key);
	return counted;
}

void
guardrails_note(struct guardrails *guardrails, const struct verdict *verdict,
    const char *fingerprint, uint64_t now_us)
{
	enum policy_action action =
	    verdict->action == POLICY_DENY ? POLICY_DENY : POLICY_WARN;
	struct counted *counted;
	struct blocked *blocked = NULL;

	pthread_mutex_lock(&guardrails->lock);
	if (verdict->rule == guardrails_block_rule)
		blocked = find(guardrails, fingerprint, now_us);
	if (blocked != NULL) {
		blocked->block.refused++;
		blocked->block.last_us = now_us;
	} else {
		counted = counted_for(guardrails, verdict, action);
		counted->decision.count++;
		counted->decision.last_us = now_us;
	}
	pthread_mutex_unlock(&guardrails->lock);
}

void
guardrails_each(struct guardrails *guardrails, uint64_t now_us,
    void (*decision)(void *arg, const struct guardrails_decision *decision),
    void (*block)(void *arg, const struct guardrails_block *block), void *arg)
{
	struct blocked *blocked, *next;
	struct counted *counted;

	pthread_mutex_lock(&guardrails->lock);
	HASH_ITER(hh, guardrails->blocks, blocked, next)
		if (find(guardrails, blocked->block.fingerprint, now_us) != NULL)
			block(arg, &blocked->block);
	for (counted = guardrails->decisions; counted != NULL; counted = counted->hh.next)
		decision(arg, &counted->decision);
	pthread_mutex_unlock(&guardrails->lock);
}

/*
 * guardrails.h - what the console knows of verdicts: statements that an administrator has
 * blocked by fingerprint, and how often which rule refused or warned.
 *
 * One of the process, under a mutex. Asked when a ruling is made and when a statement is
 * refused or warned about, never for one that is known and passes.
 */
#ifndef SESSION_GUARDRAILS_H
#define SESSION_GUARDRAILS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

struct guardrails;

/* The name of the rule that refuses what is blocked. */
extern const char guardrails_block_rule[];
enum { GUARDRAILS_NAME_SIZE = 64 };

/* A fingerprint, "pg15:" and 16 hexadecimal digits, is blocked; again: until another time. */
struct guardrails_block {
	char fingerprint[24];
	uint64_t until_us;	       /* wall clock; 0: until it is unblocked or pgweir ends */
	uint64_t since_us;
	char by[GUARDRAILS_NAME_SIZE]; /* who said so */
	uint64_t refused, last_us;     /* how often, and when last; 0 never */
};
bool guardrails_is_fingerprint(const char *text);
void guardrails_block(struct guardrails *guardrails, const struct guardrails_block *block);
/* False: it is not blocked. */
bool guardrails_unblock(struct guardrails *guardrails, const char *fingerprint, uint64_t now_us);
/* Is it blocked now? Then *block is a copy. */
bool guardrails_find(struct guardrails *guardrails, const char *fingerprint, uint64_t now_us,
    struct guardrails_block *block);

/* Decisions of one rule that were not to let pass quietly. */
struct guardrails_decision {
	const char *policy, *rule; /* "" for none */
	enum policy_action action; /* DENY or WARN */
	enum policy_mode mode;
	uint64_t count, last_us;
};
/* A statement was refused or warned about. */
void guardrails_note(struct guardrails *guardrails, const struct verdict *verdict,
    const char *fingerprint, uint64_t now_us);
/* Tell of all of them, under the lock: copy what is to be kept. */
void guardrails_each(struct guardrails *guardrails, uint64_t now_us,
    void (*decision)(void *arg, const struct guardrails_decision *decision),
    void (*block)(void *arg, const struct guardrails_block *block), void *arg);

#endif

/*
 * candidates.c - the rules of a policy that can match a subject at all.
 *
 * A rule that names users, roles or databases in full is found by that name, so that
 * judging does not walk over the rules of everybody else; the others are always asked.
 * Made once a load, by load.c; used by judge.c.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy_internal.h"

static const enum match_key keys[CANDIDATE_KEYS] = { MATCH_USER, MATCH_ROLE, MATCH_DATABASE };

static int
compare(const void *a, const void *b)
{
	const struct named_rule *one = a, *other = b;
	int order = (int)one->key - (int)other->key;

	if (order == 0)
		order = strcmp(one->name, other->name);
	return order != 0 ? order : (one->rule > other->rule) - (one->rule < other->rule);
}

/* Are all names of the key written in full? */
static bool
is_literal(const struct match *match, enum match_key key)
{
	if (match == NULL || (match->keys & MATCH_BIT(key)) == 0)
		return false;
	for (size_t i = 0; i < match->lists[key].count; i++)
		if (strchr(match->lists[key].items[i].text, '*') != NULL)
			return false;
	return true;
}

static void
add_named(struct policy *policy, unsigned key, size_t rule)
{
	const struct pattern_list *list = &policy->rules[rule].match->lists[keys[key]];
	size_t count = policy->named_count;

	policy->named = mem_resize(policy->named, count + list->count, sizeof(*policy->named));
	for (size_t i = 0; i < list->count; i++)
		policy->named[count + i] = (struct named_rule){
			.key = key, .name = list->items[i].text, .rule = rule
		};
	policy->named_count += list->count;
}

void
candidates_make(struct policy *policy)
{
	size_t kept = 0;

	policy->anyones = mem_resize(NULL, policy->rule_count + 1, sizeof(*policy->anyones));
	for (size_t i = 0; i < policy->rule_count; i++) {
		unsigned key = 0;

		while (key < CANDIDATE_KEYS && !is_literal(policy->rules[i].match, keys[key]))
			key++;
		if (key < CANDIDATE_KEYS)
			add_named(policy, key, i);
		else
			policy->anyones[policy->anyone_count++] = i;
	}
	if (policy->named_count == 0)
		return;
	qsort(policy->named, policy->named_count, sizeof(*policy->named), compare);
	for (size_t i = 0; i < policy->named_count; i++)
		if (i == 0 || compare(&policy->named[i - 1], &policy->named[i]) != 0)
			policy->named[kept++] = policy->named[i];
	policy->named_count = kept;
}

void
candidates_free(struct policy *policy)
{
	mem_free(policy->named);
	mem_free(policy->anyones);
}

/* The first of the policy's named rules that is not before the wanted one. */
static size_t
lower_bound(const struct policy *policy, const struct named_rule *wanted)
{
	size_t low = 0, high = policy->named_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&policy->named[middle], wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
candidates_begin(
    struct candidates *candidates, const struct policy *policy, const struct subject *subject)
{
	const char *const names[CANDIDATE_KEYS] = { subject->user, subject->role,
		subject->database };

	*candidates = (struct candidates){ .policy = policy };
	for (unsigned key = 0; key < CANDIDATE_KEYS; key++) {
		candidates->names[key] = names[key];
		candidates->at[key] = policy->named_count == 0
		    ? 0
		    : lower_bound(policy, &(struct named_rule){ .key = key, .name = names[key] });
	}
}

const struct rule *
candidates_next(struct candidates *candidates)
{
	const struct policy *policy = candidates->policy;

	if (candidates->anyone < policy->anyone_count)
		return &policy->rules[policy->anyones[candidates->anyone++]];
	for (unsigned key = 0; key < CANDIDATE_KEYS; key++) {
		const struct named_rule *named;

		if (candidates->at[key] == policy->named_count)
			continue; /* also when there are none at all, and no memory for them */
		named = &policy->named[candidates->at[key]];
		if (named->key != key || strcmp(named->name, candidates->names[key]) != 0)
			continue;
		candidates->at[key]++;
		return &policy->rules[named->rule];
	}
	return NULL;
}

/*
 * match.c - the conditions of a rule: keys together mean all, lists any.
 *
 * A statement has several classes, relations, functions. Each key looks at the
 * *elements* of the statement that it is about (its classes; the relations it
 * writes; for `user` the one user). A refusing rule fits when some element
 * does. What lifts a rule or carries a permission must hold for every element,
 * so that nothing rides along. `not` is asked of the same elements: "class DDL,
 * not on relation a" fits DDL on any relation but a, also beside DDL on a.
 */
#include <string.h>

#include "base/text.h"
#include "policy_internal.h"

bool
match_has_key(const struct match *match, enum match_key key)
{
	return match != NULL && (match->keys & MATCH_BIT(key)) != 0;
}

/* Does the element fit any pattern of the key? */
static bool
any_fits(const struct match *match, enum match_key key, const struct asked *asked,
    size_t element, bool sure)
{
	const struct pattern_list *list = &match->lists[key];
	bool fits = false;

	for (size_t i = 0; i < list->count && !fits; i++)
		fits = match_keys[key].fits(&list->items[i], asked, element, sure);
	return key == MATCH_OUTSIDE ? !fits : fits;
}

/* Is there an element that fits the key? */
static bool
some_fits(
    const struct match *match, enum match_key key, const struct asked *asked, bool sure)
{
	size_t count = match_keys[key].count(asked);

	for (size_t i = 0; i < count; i++)
		if (match_keys[key].there(asked, i) && any_fits(match, key, asked, i, sure))
			return true;
	return false;
}

/* Is there an element, and do all of them fit the key, for sure? */
static bool
all_fit(const struct match *match, enum match_key key, const struct asked *asked)
{
	size_t count = match_keys[key].count(asked);
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		if (!match_keys[key].there(asked, i))
			continue;
		if (!any_fits(match, key, asked, i, true))
			return false;
		found = true;
	}
	return found;
}

/* Is there an element that the match is about and its `not` leaves out? */
static bool
some_left(const struct match *match, enum match_key key, const struct asked *asked)
{
	size_t count = match_keys[key].count(asked);

	for (size_t i = 0; i < count; i++)
		if (match_keys[key].there(asked, i) &&
		    (!match_has_key(match, key) || any_fits(match, key, asked, i, false)) &&
		    !any_fits(match->not, key, asked, i, true))
			return true;
	return false;
}

bool
match_fits(const struct match *match, const struct asked *asked)
{
	if (match == NULL)
		return true;
	for (enum match_key key = 0; key < MATCH_KEYS; key++)
		if (match_has_key(match, key) && !some_fits(match, key, asked, false))
			return false;
	if (match->not == NULL)
		return true;
	for (enum match_key key = 0; key < MATCH_KEYS; key++)
		if (match_has_key(match->not, key) && some_left(match, key, asked))
			return true;
	return false;
}

/* Do all keys of a `not` find something? Then it takes back what its match gave. */
static bool
takes_back(const struct match *not, const struct asked *asked, unsigned except)
{
	for (enum match_key key = 0; key < MATCH_KEYS; key++)
		if (match_has_key(not, key) && (except & MATCH_BIT(key)) == 0 &&
		    !some_fits(not, key, asked, false))
			return false;
	return true;
}

bool
match_covers(const struct match *match, const struct asked *asked)
{
	if (match == NULL)
		return true;
	for (enum match_key key = 0; key < MATCH_KEYS; key++)
		if (match_has_key(match, key) && !all_fit(match, key, asked))
			return false;
	return match->not == NULL || !takes_back(match->not, asked, 0);
}

enum {
	RELATION_KEYS = MATCH_BIT(MATCH_READ) | MATCH_BIT(MATCH_WRITE) | MATCH_BIT(MATCH_DDL),
	CARRIED_KEYS = MATCH_BIT(MATCH_CLASS) | RELATION_KEYS, /* asked one by one */
};

/* Does an allow speak of this statement at all? */
static bool
allow_applies(const struct match *match, const struct asked *asked)
{
	for (enum match_key key = 0; key < MATCH_KEYS; key++)
		if ((match->keys & MATCH_BIT(key) & ~(unsigned)CARRIED_KEYS) != 0 &&
		    !all_fit(match, key, asked))
			return false;
	return match->not == NULL || (match->not->keys & CARRIED_KEYS) != 0 ||
	    !takes_back(match->not, asked, 0);
}

/* Does the allow's `not` take back this one class or relation? */
static bool
element_taken_back(const struct match *match, enum match_key key,
    const struct asked *asked, size_t element)
{
	return match_has_key(match->not, key) && takes_back(match->not, asked, MATCH_BIT(key)) &&
	    any_fits(match->not, key, asked, element, false);
}

bool
match_allows_class(
    const struct match *match, const struct asked *asked, unsigned class_bit)
{
	size_t element = (size_t)__builtin_ctz(class_bit);

	if (match == NULL)
		return true;
	return allow_applies(match, asked) &&
	    (!match_has_key(match, MATCH_CLASS) ||
		any_fits(match, MATCH_CLASS, asked, element, true)) &&
	    !element_taken_back(match, MATCH_CLASS, asked, element);
}

/* Does the allow carry a class that goes with this access? */
static bool
allows_access(
    const struct match *match, const struct asked *asked, enum sql_access access)
{
	unsigned wanted = access == SQL_ACCESS_READ ? SQL_READ
	    : access == SQL_ACCESS_WRITE	    ? SQL_WRITE
						    : SQL_DDL;
	unsigned left = asked->statement->classes & wanted;

	/* LOCK TABLE and the like touch a relation with a class of their own. */
	if (left == 0)
		left = asked->statement->classes;
	for (; left != 0; left &= left - 1)
		if (match_allows_class(match, asked, left & -left))
			return true;
	return false;
}

bool
match_allows_relation(const struct match *match, const struct asked *asked,
    size_t relation, enum sql_access access)
{
	enum match_key key = access == SQL_ACCESS_READ ? MATCH_READ
	    : access == SQL_ACCESS_WRITE	       ? MATCH_WRITE
						       : MATCH_DDL;

	if (match == NULL)
		return true;
	if ((match->keys & RELATION_KEYS) != 0 &&
	    (!match_has_key(match, key) || !any_fits(match, key, asked, relation, true)))
		return false;
	return !element_taken_back(match, key, asked, relation) &&
	    allows_access(match, asked, access);
}

bool
match_names_fit(const struct pattern_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (text_fits_glob(list->items[i].text, text))
			return true;
	return list->count == 0;
}

unsigned
match_all_keys(const struct match *match)
{
	if (match == NULL)
		return 0;
	return match->keys | (match->not != NULL ? match->not->keys : 0);
}

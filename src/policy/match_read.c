/*
 * match_read.c - reading the match of a rule, and finding those that can never
 * fit anything. Called by rule.c, exception.c and load.c.
 */
#include <string.h>

#include "base/mem.h"
#include "policy_internal.h"

static bool
add_pattern(struct reader *reader, const struct yaml *node, enum match_key key,
    struct pattern_list *list)
{
	struct error err = { 0 };
	struct pattern *pattern;

	if (node->kind != YAML_SCALAR)
		return yaml_problem(reader->problems, node, "%s: expected a value, not %s",
		    match_keys[key].name, yaml_kind_name(node->kind));
	if (node->text[0] == '\0')
		return yaml_problem(
		    reader->problems, node, "%s: an empty text never fits", match_keys[key].name);
	list->items = mem_resize(list->items, list->count + 1, sizeof(*list->items));
	pattern = &list->items[list->count++];
	*pattern = (struct pattern){ .at = node, .text = node->text };
	if (!match_keys[key].read(pattern, &err))
		return yaml_problem(reader->problems, node, "%s: %s", match_keys[key].name, err.text);
	return true;
}

/* "@pii": the patterns of that set, in place. */
static bool
add_set(struct reader *reader, const struct yaml *node, enum match_key key,
    struct pattern_list *list)
{
	const struct yaml *sets = reader->sets;
	const struct yaml *set =
	    sets != NULL && sets->kind == YAML_MAP ? yaml_get(sets, node->text + 1) : NULL;
	bool good = true;

	if (set == NULL) {
		const char *names[64];
		size_t count = 0;

		while (sets != NULL && sets->kind == YAML_MAP && count < sets->count &&
		    count < ARRAY_LENGTH(names)) {
			names[count] = sets->keys[count]->text;
			count++;
		}
		return field_unknown(reader, node, "set", node->text + 1, names, count);
	}
	if (set->kind != YAML_LIST)
		return false; /* noted where the sets are read */
	for (size_t i = 0; i < set->count; i++)
		good = add_pattern(reader, set->items[i], key, list) && good;
	return good;
}

static bool
add_item(struct reader *reader, const struct yaml *node, enum match_key key,
    struct pattern_list *list)
{
	if (node->kind == YAML_SCALAR && node->text[0] == '@')
		return add_set(reader, node, key, list);
	return add_pattern(reader, node, key, list);
}

bool
match_read_list(struct reader *reader, const struct yaml *node, enum match_key key,
    const char *what, struct pattern_list *list)
{
	bool good = true;

	if (node->kind == YAML_SCALAR)
		return add_item(reader, node, key, list);
	if (node->kind != YAML_LIST)
		return yaml_problem(reader->problems, node,
		    "%s in %s must be a value or a list, not %s", match_keys[key].name, what,
		    yaml_kind_name(node->kind));
	if (node->count == 0)
		return yaml_problem(reader->problems, node,
		    "%s in %s is an empty list: it would never fit", match_keys[key].name, what);
	for (size_t i = 0; i < node->count; i++)
		good = add_item(reader, node->items[i], key, list) && good;
	return good;
}

static const struct field match_fields[] = { { "user" }, { "role" },
	{ "database" }, { "application" }, { "client" },
	{ "within" }, { "outside" }, { "class" }, { "verb" },
	{ "relations" }, { "functions" }, { "where" },
	{ "fingerprint" }, { "regex" }, { "not" }, { "columns" },
	{ "limit" }, { "select_star" }, { "tag" } };
static const struct field relation_fields[] = { { "read" }, { "write" },
	{ "ddl" } };

/* The list of a key, wherever it stands, or NULL. */
static const struct yaml *
key_node(const struct yaml *node, enum match_key key)
{
	if (match_keys[key].under != NULL)
		node = yaml_get(node, match_keys[key].under);
	return node != NULL && node->kind == YAML_MAP ? yaml_get(node, match_keys[key].name) : NULL;
}

static bool
read_keys(struct reader *reader, const struct yaml *node, const char *what,
    const struct field *fields, size_t count, struct match *match)
{
	bool good = fields_check(reader, node, what, fields, count);
	const struct yaml *relations;

	if (node->kind != YAML_MAP)
		return false;
	if (node->count == 0)
		return yaml_problem(reader->problems, node,
		    "%s is empty: write {user: \"*\"} if every statement is meant", what);
	relations = yaml_get(node, "relations");
	if (relations != NULL &&
	    fields_check(reader, relations, "relations", relation_fields,
		ARRAY_LENGTH(relation_fields)) && relations->count == 0)
		good = yaml_problem(reader->problems, relations,
		    "relations in %s is empty: give read, write or ddl", what);
	for (enum match_key key = 0; key < MATCH_KEYS; key++) {
		const struct yaml *list = key_node(node, key);

		if (list == NULL)
			continue;
		match->keys |= MATCH_BIT(key);
		good = match_read_list(reader, list, key, what, &match->lists[key]) && good;
	}
	return good;
}

struct match *
match_read(struct reader *reader, const struct yaml *node, const char *what)
{
	struct match *match = mem_zalloc(1, sizeof(*match));
	size_t errors = reader->problems->errors;
	const struct yaml *not;

	read_keys(reader, node, what, match_fields, ARRAY_LENGTH(match_fields), match);
	not = node->kind == YAML_MAP ? yaml_get(node, "not") : NULL;
	if (not != NULL) {
		match->not = mem_zalloc(1, sizeof(*match->not));
		if (not->kind == YAML_MAP && yaml_get(not, "not") != NULL)
			yaml_problem(reader->problems, yaml_get(not, "not"),
			    "a not inside a not is not supported: turn the match round");
		else
			read_keys(reader, not, "not", match_fields, ARRAY_LENGTH(match_fields),
			    match->not);
		if ((match->not->keys & MATCH_CLAIM_KEYS) != 0)
			yaml_problem(reader->problems, not,
			    "not cannot ask for application, regex or tag: what a client says of itself "
			    "never lifts a rule");
	}
	if (reader->problems->errors == errors)
		return match;
	match_free(match);
	return NULL;
}

void
match_free(struct match *match)
{
	if (match == NULL)
		return;
	for (enum match_key key = 0; key < MATCH_KEYS; key++)
		pattern_list_free(&match->lists[key]);
	match_free(match->not); /* one level: see match_read() */
	mem_free(match);
}

/* ---- matches that can never fit ---- */

/* Is everything this pattern fits also left out by the list? Told only when it is plain. */
static bool
is_left_out(const struct pattern *pattern, const struct pattern_list *list)
{
	unsigned bits = pattern->bits;

	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i].text, pattern->text) == 0 ||
		    strcmp(list->items[i].text, "*") == 0)
			return true;
		bits &= ~list->items[i].bits;
	}
	return pattern->bits != 0 && bits == 0;
}

/* `not` asks for one key only, and takes all that the match has there. */
static bool
not_takes_all(const struct match *match, enum match_key key)
{
	const struct pattern_list *list = &match->lists[key];

	if (match->not == NULL || match->not->keys != MATCH_BIT(key) || !match_has_key(match, key) ||
	    key == MATCH_OUTSIDE)
		return false;
	for (size_t i = 0; i < list->count; i++)
		if (!is_left_out(&list->items[i], &match->not->lists[key]))
			return false;
	return true;
}

char *
match_contradiction(const struct match *match, const struct yaml **at)
{
	const struct pattern_list *within = &match->lists[MATCH_WITHIN];

	for (enum match_key key = 0; key < MATCH_KEYS; key++) {
		if (!not_takes_all(match, key))
			continue;
		*at = match->not->lists[key].items[0].at;
		return mem_printf(
		    "not leaves out every %s that the match asks for", match_keys[key].name);
	}
	if (!match_has_key(match, MATCH_WITHIN) || !match_has_key(match, MATCH_OUTSIDE))
		return NULL;
	for (size_t i = 0; i < within->count; i++)
		if (!is_left_out(&within->items[i], &match->lists[MATCH_OUTSIDE]))
			return NULL;
	*at = match->lists[MATCH_OUTSIDE].items[0].at;
	return mem_strdup("within and outside name the same hours");
}

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

#include "base/mem.h"
#include "base/text.h"
#include "policy_internal.h"

/* One key: how its patterns are read, which elements it is asked of. */
struct key_info {
	const char *name;
	const char *under; /* the map the key stands in, or NULL */
	bool (*read)(struct pattern *pattern, struct error *err);
	/* Elements are numbered from 0; some of them may not be there. */
	size_t (*count)(const struct asked *asked);
	bool (*there)(const struct asked *asked, size_t element);
	/* `sure`: unknown must not count as fitting. */
	bool (*fits)(const struct pattern *pattern, const struct asked *asked, size_t element,
	    bool sure);
};

static size_t
count_one(const struct asked *asked)
{
	(void)asked;
	return 1;
}

static bool
always_there(const struct asked *asked, size_t element)
{
	(void)asked;
	(void)element;
	return true;
}

static bool
fits_user(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return text_fits_glob(p->text, asked->subject->user);
}

static bool
fits_role(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return text_fits_glob(p->text, asked->subject->role);
}

static bool
fits_database(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return text_fits_glob(p->text, asked->subject->database);
}

static bool
fits_application(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return text_fits_glob(p->text, asked->subject->application);
}

static bool
fits_client(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return pattern_fits_network(p, asked->subject->client);
}

static bool
fits_within(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return window_holds(&p->window, asked->wall_us);
}

static size_t
count_fingerprint(const struct asked *asked)
{
	return asked->facts != NULL && asked->facts->fingerprint[0] != '\0';
}

static bool
fits_fingerprint(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return strcmp(p->text, asked->facts->fingerprint) == 0;
}

static bool
fits_regex(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return pattern_fits_regex(p, asked->text, asked->length);
}

static size_t
count_classes(const struct asked *asked)
{
	return asked->statement != NULL ? 32 : 0;
}

static bool
class_there(const struct asked *asked, size_t i)
{
	return (asked->statement->classes >> i & 1) != 0;
}

static bool
fits_class(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)asked;
	(void)sure;
	return (p->bits >> i & 1) != 0;
}

static size_t
count_verbs(const struct asked *asked)
{
	size_t count = 0;

	if (asked->statement != NULL && asked->statement->verbs != NULL)
		while (asked->statement->verbs[count] != NULL)
			count++;
	return count;
}

static bool
fits_verb(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)sure;
	return text_fits_glob(p->text, asked->statement->verbs[i]);
}

static size_t
count_relations(const struct asked *asked)
{
	return asked->statement != NULL ? asked->statement->relation_count : 0;
}

static bool
read_there(const struct asked *asked, size_t i)
{
	return (asked->statement->relations[i].access & SQL_ACCESS_READ) != 0;
}

static bool
write_there(const struct asked *asked, size_t i)
{
	return (asked->statement->relations[i].access & SQL_ACCESS_WRITE) != 0;
}

static bool
ddl_there(const struct asked *asked, size_t i)
{
	return (asked->statement->relations[i].access & SQL_ACCESS_DDL) != 0;
}

static bool
fits_relation(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	const struct sql_relation *relation = &asked->statement->relations[i];

	return pattern_fits_relation(p, relation->schema, relation->name, sure);
}

static size_t
count_functions(const struct asked *asked)
{
	return asked->statement != NULL ? asked->statement->function_count : 0;
}

/* Only the last part of a function's name is known. */
static bool
fits_function(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	return pattern_fits_relation(p, NULL, asked->statement->functions[i], sure);
}

/* A plain EXPLAIN of an UPDATE changes nothing, so its WHERE does not matter. */
static size_t
count_where(const struct asked *asked)
{
	return asked->statement != NULL && asked->statement->where != SQL_WHERE_NONE &&
	    (asked->statement->effects & SQL_WRITE) != 0;
}

static bool
fits_where(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return (p->bits >> asked->statement->where & 1) != 0;
}

static const struct key_info keys[MATCH_KEYS] = {
	[MATCH_USER] = { "user", NULL, pattern_read_glob, count_one, always_there, fits_user },
	[MATCH_ROLE] = { "role", NULL, pattern_read_glob, count_one, always_there, fits_role },
	[MATCH_DATABASE] = { "database", NULL, pattern_read_glob, count_one, always_there,
	    fits_database },
	[MATCH_APPLICATION] = { "application", NULL, pattern_read_glob, count_one, always_there,
	    fits_application },
	[MATCH_CLIENT] = { "client", NULL, pattern_read_network, count_one, always_there,
	    fits_client },
	[MATCH_WITHIN] = { "within", NULL, pattern_read_window, count_one, always_there,
	    fits_within },
	/* Outside all of its windows: see any_fits(). */
	[MATCH_OUTSIDE] = { "outside", NULL, pattern_read_window, count_one, always_there,
	    fits_within },
	[MATCH_FINGERPRINT] = { "fingerprint", NULL, pattern_read_fingerprint,
	    count_fingerprint, always_there, fits_fingerprint },
	[MATCH_REGEX] = { "regex", NULL, pattern_read_regex, count_one, always_there,
	    fits_regex },
	[MATCH_CLASS] = { "class", NULL, pattern_read_class, count_classes, class_there,
	    fits_class },
	[MATCH_VERB] = { "verb", NULL, pattern_read_verb, count_verbs, always_there,
	    fits_verb },
	[MATCH_READ] = { "read", "relations", pattern_read_relation, count_relations,
	    read_there, fits_relation },
	[MATCH_WRITE] = { "write", "relations", pattern_read_relation, count_relations,
	    write_there, fits_relation },
	[MATCH_DDL] = { "ddl", "relations", pattern_read_relation, count_relations, ddl_there,
	    fits_relation },
	[MATCH_FUNCTION] = { "functions", NULL, pattern_read_relation, count_functions,
	    always_there, fits_function },
	[MATCH_WHERE] = { "where", NULL, pattern_read_where, count_where, always_there,
	    fits_where },
};

/* ---- judging ---- */

static bool
has_key(const struct match *match, enum match_key key)
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
		fits = keys[key].fits(&list->items[i], asked, element, sure);
	return key == MATCH_OUTSIDE ? !fits : fits;
}

/* Is there an element that fits the key? */
static bool
some_fits(
    const struct match *match, enum match_key key, const struct asked *asked, bool sure)
{
	size_t count = keys[key].count(asked);

	for (size_t i = 0; i < count; i++)
		if (keys[key].there(asked, i) && any_fits(match, key, asked, i, sure))
			return true;
	return false;
}

/* Is there an element, and do all of them fit the key, for sure? */
static bool
all_fit(const struct match *match, enum match_key key, const struct asked *asked)
{
	size_t count = keys[key].count(asked);
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		if (!keys[key].there(asked, i))
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
	size_t count = keys[key].count(asked);

	for (size_t i = 0; i < count; i++)
		if (keys[key].there(asked, i) &&
		    (!has_key(match, key) || any_fits(match, key, asked, i, false)) &&
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
		if (has_key(match, key) && !some_fits(match, key, asked, false))
			return false;
	if (match->not == NULL)
		return true;
	for (enum match_key key = 0; key < MATCH_KEYS; key++)
		if (has_key(match->not, key) && some_left(match, key, asked))
			return true;
	return false;
}

/* Do all keys of a `not` find something? Then it takes back what its match gave. */
static bool
takes_back(const struct match *not, const struct asked *asked, unsigned except)
{
	for (enum match_key key = 0; key < MATCH_KEYS; key++)
		if (has_key(not, key) && (except & MATCH_BIT(key)) == 0 &&
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
		if (has_key(match, key) && !all_fit(match, key, asked))
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
	return has_key(match->not, key) && takes_back(match->not, asked, MATCH_BIT(key)) &&
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
	    (!has_key(match, MATCH_CLASS) ||
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
	    (!has_key(match, key) || !any_fits(match, key, asked, relation, true)))
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

/* ---- reading ---- */

static bool
add_pattern(struct reader *reader, const struct yaml *node, enum match_key key,
    struct pattern_list *list)
{
	struct error err = { 0 };
	struct pattern *pattern;

	if (node->kind != YAML_SCALAR)
		return yaml_problem(reader->problems, node, "%s: expected a value, not %s",
		    keys[key].name, yaml_kind_name(node->kind));
	if (node->text[0] == '\0')
		return yaml_problem(
		    reader->problems, node, "%s: an empty text never fits", keys[key].name);
	list->items = mem_resize(list->items, list->count + 1, sizeof(*list->items));
	pattern = &list->items[list->count++];
	*pattern = (struct pattern){ .at = node, .text = node->text };
	if (!keys[key].read(pattern, &err))
		return yaml_problem(reader->problems, node, "%s: %s", keys[key].name, err.text);
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
		    "%s in %s must be a value or a list, not %s", keys[key].name, what,
		    yaml_kind_name(node->kind));
	if (node->count == 0)
		return yaml_problem(reader->problems, node,
		    "%s in %s is an empty list: it would never fit", keys[key].name, what);
	for (size_t i = 0; i < node->count; i++)
		good = add_item(reader, node->items[i], key, list) && good;
	return good;
}

static const struct field match_fields[] = { { "user", false }, { "role", false },
	{ "database", false }, { "application", false }, { "client", false },
	{ "within", false }, { "outside", false }, { "class", false }, { "verb", false },
	{ "relations", false }, { "functions", false }, { "where", false },
	{ "fingerprint", false }, { "regex", false }, { "not", false }, { "columns", true },
	{ "limit", true }, { "select_star", true }, { "tag", true } };
static const struct field relation_fields[] = { { "read", false }, { "write", false },
	{ "ddl", false } };

/* The list of a key, wherever it stands, or NULL. */
static const struct yaml *
key_node(const struct yaml *node, enum match_key key)
{
	if (keys[key].under != NULL)
		node = yaml_get(node, keys[key].under);
	return node != NULL && node->kind == YAML_MAP ? yaml_get(node, keys[key].name) : NULL;
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
			    "not cannot ask for application or regex: what a client says of itself "
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

	if (match->not == NULL || match->not->keys != MATCH_BIT(key) || !has_key(match, key) ||
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
		    "not leaves out every %s that the match asks for", keys[key].name);
	}
	if (!has_key(match, MATCH_WITHIN) || !has_key(match, MATCH_OUTSIDE))
		return NULL;
	for (size_t i = 0; i < within->count; i++)
		if (!is_left_out(&within->items[i], &match->lists[MATCH_OUTSIDE]))
			return NULL;
	*at = match->lists[MATCH_OUTSIDE].items[0].at;
	return mem_strdup("within and outside name the same hours");
}

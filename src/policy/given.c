/*
 * given.c - what a rule of the file gives to the built-in rule that it uses: patterns of
 * names, lists of types, numbers. Called by rule.c; asked by rules_*.c.
 */
#include <string.h>

#include "base/mem.h"
#include "policy_internal.h"

static bool
read_name(struct pattern *pattern, const struct yaml *key, struct error *err)
{
	(void)key;
	return pattern_read_name(pattern, err);
}

static bool
read_type(struct pattern *pattern, const struct yaml *key, struct error *err)
{
	(void)key;
	pattern->name = mem_strdup(type_kept_name(pattern->text));
	if (strpbrk(pattern->text, "()[]") == NULL)
		return true;
	return error_set(err, ERROR_CONFIG,
	    "\"%s\": write the type without length and brackets", pattern->text);
}

/* One column of a map: its name is the key. */
static bool
read_column(struct pattern *pattern, const struct yaml *key, struct error *err)
{
	pattern->column = mem_strdup(key->text);
	return read_type(pattern, key, err);
}

static bool
read_glob(struct pattern *pattern, const struct yaml *key, struct error *err)
{
	(void)key;
	return pattern_read_glob(pattern, err);
}

/* A key that a rule may have for the sake of a built-in one. */
static const struct given_key {
	const char *name;
	enum given_kind kind;
	enum given_list list;
	enum yaml_kind form; /* YAML_LIST: a value will do */
	bool (*read)(struct pattern *pattern, const struct yaml *key, struct error *err);
} keys[] = {
	{ "tables", GIVEN_NAMES, GIVEN_TABLES, YAML_LIST, read_name },
	{ "columns", GIVEN_NAMES, GIVEN_COLUMNS, YAML_LIST, read_name },
	{ "indexes", GIVEN_NAMES, GIVEN_INDEXES, YAML_LIST, read_name },
	{ "constraints", GIVEN_NAMES, GIVEN_CONSTRAINTS, YAML_LIST, read_name },
	{ "views", GIVEN_NAMES, GIVEN_VIEWS, YAML_LIST, read_name },
	{ "sequences", GIVEN_NAMES, GIVEN_SEQUENCES, YAML_LIST, read_name },
	{ "schemas", GIVEN_NAMES, GIVEN_SCHEMAS, YAML_LIST, read_name },
	{ "functions", GIVEN_NAMES, GIVEN_FUNCTIONS, YAML_LIST, read_name },
	{ "columns", GIVEN_REQUIRED, GIVEN_COLUMNS, YAML_MAP, read_column },
	{ "allowed", GIVEN_TYPES, GIVEN_ALLOWED, YAML_LIST, read_type },
	{ "forbidden", GIVEN_TYPES, GIVEN_FORBIDDEN, YAML_LIST, read_type },
	{ "extensions", GIVEN_EXTENSIONS, GIVEN_ALLOWED, YAML_LIST, read_glob },
};
static const char rows_key[] = "rows";

/* What must be written for rules that are nothing without it. */
static const char *const needed[] = {
	[GIVEN_NAMES] = "give patterns for names, such as tables: \"[a-z][a-z0-9_]*\"",
	[GIVEN_REQUIRED] = "give the columns, such as columns: {id: bigint, created_at: timestamptz}",
	[GIVEN_TYPES] = "give allowed: or forbidden: with a list of types",
	[GIVEN_EXTENSIONS] = NULL,
	[GIVEN_ROWS] = NULL,
};

static bool
add_item(struct reader *reader, const struct given_key *key, const struct yaml *name,
    const struct yaml *node, struct pattern_list *list)
{
	struct error err = { 0 };
	struct pattern *pattern;

	if (node->kind != YAML_SCALAR || node->text[0] == '\0')
		return yaml_problem(reader->problems, node, "%s: expected a text, not %s", key->name,
		    node->kind == YAML_SCALAR ? "nothing" : yaml_kind_name(node->kind));
	list->items = mem_resize(list->items, list->count + 1, sizeof(*list->items));
	pattern = &list->items[list->count++];
	*pattern = (struct pattern){ .at = node, .text = node->text };
	if (!key->read(pattern, name, &err))
		return yaml_problem(reader->problems, node, "%s: %s", key->name, err.text);
	return true;
}

/* Every item; of a map each may be a list of its own. */
static void
read_items(struct reader *reader, const struct given_key *key, const struct yaml *name,
    const struct yaml *node, struct pattern_list *list)
{
	for (size_t i = 0; i < node->count; i++) {
		const struct yaml *item = node->items[i];

		name = node->kind == YAML_MAP ? node->keys[i] : name;
		if (item->kind != YAML_LIST || node->kind != YAML_MAP)
			add_item(reader, key, name, item, list);
		for (size_t j = 0; item->kind == YAML_LIST && node->kind == YAML_MAP &&
		     j < item->count; j++)
			add_item(reader, key, name, item->items[j], list);
	}
}

static bool
read_list(struct reader *reader, const struct given_key *key, const struct yaml *node,
    struct given *given)
{
	struct pattern_list *list = &given->lists[key->list];

	if (key->form == YAML_LIST && node->kind == YAML_SCALAR)
		return add_item(reader, key, node, node, list);
	if (node->kind != key->form)
		return yaml_problem(reader->problems, node, "%s must be %s, not %s", key->name,
		    key->form == YAML_MAP ? "a map of columns and their types"
					  : "a text or a list of texts",
		    yaml_kind_name(node->kind));
	read_items(reader, key, node, node, list);
	return node->count > 0 ||
	    yaml_problem(reader->problems, node, "%s is empty", key->name);
}

static void
read_rows(struct reader *reader, const struct yaml *node, struct given *given)
{
	if (node->kind != YAML_SCALAR || !text_to_int(node->text, &given->rows) ||
	    given->rows < 1)
		yaml_problem(reader->problems, node, "rows must be a whole number from 1 on");
}

/* The key stands with a rule that has no use for it. */
static void
refuse_key(struct reader *reader, const struct yaml *at, const struct rule *rule)
{
	struct buf names = { 0 };
	char *text;

	for (size_t i = 0; i < builtin_count(); i++) {
		const struct builtin *builtin = builtin_at(i);
		bool takes = strcmp(at->text, rows_key) == 0 && builtin->given == GIVEN_ROWS;

		for (size_t j = 0; j < ARRAY_LENGTH(keys); j++)
			takes |= strcmp(keys[j].name, at->text) == 0 && keys[j].kind == builtin->given;
		if (takes)
			buf_printf(&names, "%s%s", buf_length(&names) > 0 ? ", " : "", builtin->id);
	}
	text = buf_steal_text(&names);
	yaml_problem(reader->problems, at, "\"%s\" is nothing to rule \"%s\": only to %s by its own name",
	    at->text, rule->id, text);
	mem_free(text);
}

static const struct given_key *
find_key(enum given_kind kind, const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
		if (keys[i].kind == kind && strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

bool
given_is_key(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return true;
	return strcmp(name, rows_key) == 0;
}

void
given_read(struct reader *reader, const struct yaml *node, struct rule *rule)
{
	const struct yaml *use = yaml_get(node, "use");
	const struct builtin *builtin = rule->builtin;
	bool named = builtin != NULL && use->kind == YAML_SCALAR && builtin_pack(use->text) == NULL;
	enum given_kind kind = named ? builtin->given : GIVEN_NOTHING;
	struct given *given = mem_zalloc(1, sizeof(*given));
	bool any = false;

	for (size_t i = 0; i < node->count; i++) {
		const struct yaml *at = node->keys[i];
		const struct given_key *key = find_key(kind, at->text);

		if (!given_is_key(at->text))
			continue;
		any = true;
		if (key != NULL)
			read_list(reader, key, node->items[i], given);
		else if (kind == GIVEN_ROWS && strcmp(at->text, rows_key) == 0)
			read_rows(reader, node->items[i], given);
		else
			refuse_key(reader, at, rule);
	}
	if (!any && kind != GIVEN_NOTHING && needed[kind] != NULL)
		yaml_problem(reader->problems, node, "rule \"%s\" would flag nothing: %s", rule->id,
		    needed[kind]);
	if (any)
		rule->given = given;
	else
		mem_free(given);
}

void
given_free(struct given *given)
{
	for (size_t i = 0; given != NULL && i < GIVEN_LISTS; i++)
		pattern_list_free(&given->lists[i]);
	mem_free(given);
}

int64_t
given_rows(const struct asked *asked, int64_t otherwise)
{
	const struct given *given = asked->rule->given;

	return given != NULL ? given->rows : otherwise;
}

const struct pattern_list *
given_list(const struct asked *asked, enum given_list list)
{
	static const struct pattern_list nothing;
	const struct given *given = asked->rule->given;

	return given != NULL ? &given->lists[list] : &nothing;
}

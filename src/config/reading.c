/* reading.c - see reading.h. Called by config.c. */
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "base/text.h"
#include "reading.h"
#include "value.h"

enum { NAME_BYTES_MOST = 63 }; /* NAMEDATALEN - 1: PostgreSQL cuts longer names */

/* A key that was read. Owned by the reading. */
struct seen {
	char *name;
	const struct yaml *key, *value; /* borrowed from the tree */
	UT_hash_handle hh;
};

/* Words for "did you mean"; the texts are ours. */
struct words {
	char **items;
	size_t count;
};

void *
part_entry(const struct part *part, const struct config *config, size_t i)
{
	char *array;

	memcpy(&array, (const char *)config + part->array_where, sizeof(array));
	return array + i * part->entry_size;
}

size_t
part_count(const struct part *part, const struct config *config)
{
	size_t count;

	memcpy(&count, (const char *)config + part->count_where, sizeof(count));
	return count;
}

void *
part_add(const struct part *part, struct config *config)
{
	size_t count = part_count(part, config);
	char *array;

	memcpy(&array, (char *)config + part->array_where, sizeof(array));
	array = mem_resize(array, count + 1, part->entry_size);
	memset(array + count * part->entry_size, 0, part->entry_size);
	count++;
	memcpy((char *)config + part->array_where, &array, sizeof(array));
	memcpy((char *)config + part->count_where, &count, sizeof(count));
	return array + (count - 1) * part->entry_size;
}

const struct yaml *
reading_place(const struct reading *reading, const char *name)
{
	struct seen *seen;

	HASH_FIND_STR(reading->seen, name, seen);
	return seen != NULL ? seen->value : NULL;
}

/* False: another file has it already. */
static bool
see_once(struct reading *reading, const char *name, const struct yaml *key,
    const struct yaml *value)
{
	struct seen *seen;

	HASH_FIND_STR(reading->seen, name, seen);
	if (seen != NULL)
		return yaml_problem(reading->problems, key,
		    "%s is already set at %s:%d:%d: a setting may stand in one place only", name,
		    seen->key->file, seen->key->line, seen->key->col);
	seen = mem_zalloc(1, sizeof(*seen));
	seen->name = mem_strdup(name);
	seen->key = key;
	seen->value = value;
	HASH_ADD_KEYPTR(hh, reading->seen, seen->name, strlen(seen->name), seen);
	return true;
}

void
reading_begin(struct reading *reading)
{
	for (size_t i = 0; i < settings_count; i++)
		value_default(&settings[i], reading->config);
}

void
reading_end(struct reading *reading)
{
	struct seen *seen, *next;

	HASH_ITER(hh, reading->seen, seen, next) {
		HASH_DEL(reading->seen, seen);
		mem_free(seen->name);
		mem_free(seen);
	}
}

/* --- keys that nobody knows ------------------------------------------------ */

static void
words_add(struct words *words, const char *text, size_t length)
{
	for (size_t i = 0; i < words->count; i++)
		if (strlen(words->items[i]) == length &&
		    memcmp(words->items[i], text, length) == 0)
			return;
	words->items = mem_resize(words->items, words->count + 1, sizeof(*words->items));
	words->items[words->count++] = mem_strndup(text, length);
}

static void
words_free(struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		mem_free(words->items[i]);
	mem_free(words->items);
}

/* The keys that may stand in the map of this name ("" for the file itself). */
static void
words_of_map(struct words *words, const char *map)
{
	size_t skip = map[0] != '\0' ? strlen(map) + 1 : 0;

	for (size_t i = 0; i < settings_count; i++) {
		const char *name = settings[i].name;

		if (skip > 0 && (strncmp(name, map, skip - 1) != 0 || name[skip - 1] != '.'))
			continue;
		words_add(words, name + skip, strcspn(name + skip, "."));
	}
	if (skip > 0)
		return;
	for (size_t i = 0; i < parts_count; i++)
		words_add(words, parts[i].name, strlen(parts[i].name));
	words_add(words, "include", strlen("include"));
}

static void
refuse_key(const struct reading *reading, const struct yaml *key, struct words *words)
{
	const char *near =
	    text_nearest(key->text, (const char *const *)words->items, words->count);
	struct buf known = { 0 };
	char *list;

	if (near != NULL) {
		yaml_problem(reading->problems, key, "unknown key `%s` (did you mean `%s`?)",
		    key->text, near);
		return;
	}
	for (size_t i = 0; i < words->count; i++)
		buf_printf(&known, "%s%s", i > 0 ? ", " : "", words->items[i]);
	list = buf_steal_text(&known);
	yaml_problem(reading->problems, key, "unknown key `%s`: known here are %s", key->text, list);
	mem_free(list);
}

static void
refuse_setting(
    const struct reading *reading, const char *map, const char *name, const struct yaml *key)
{
	struct words words = { 0 };

	if (setting_is_unsupported(name)) {
		yaml_problem(
		    reading->problems, key, "`%s` is not supported by this version", name);
		return;
	}
	words_of_map(&words, map);
	refuse_key(reading, key, &words);
	words_free(&words);
}

/* pool.size is what messages say, and is written in two steps. */
static void
refuse_dotted(const struct reading *reading, const char *map, const struct yaml *key)
{
	const char *dot = strchr(key->text, '.');

	if (setting_find(key->text) != NULL)
		yaml_problem(reading->problems, key,
		    "unknown key `%s`: write it as nested maps, `%.*s: {%s: ...}`", key->text,
		    (int)(dot - key->text), key->text, dot + 1);
	else
		refuse_setting(reading, map, key->text, key);
}

/* --- structured parts ------------------------------------------------------ */

/* "users:" with nothing behind it is an empty map, or list. */
static bool
is_empty(const struct yaml *node)
{
	return node->kind == YAML_SCALAR && !node->quoted && node->text[0] == '\0';
}

static const struct setting *
field_find(const struct part *part, const char *name)
{
	for (size_t i = 0; i < part->field_count; i++)
		if (strcmp(part->fields[i].name, name) == 0)
			return &part->fields[i];
	return NULL;
}

static void
refuse_field(const struct reading *reading, const struct part *part, const struct yaml *key)
{
	struct words words = { 0 };

	for (size_t i = 0; i < part->field_count; i++)
		words_add(&words, part->fields[i].name, strlen(part->fields[i].name));
	refuse_key(reading, key, &words);
	words_free(&words);
}

/* One entry, whose name in messages is "databases.shop" or "listen". */
static void
read_entry(struct reading *reading, const struct part *part, const char *name, void *entry,
    const struct yaml *map)
{
	for (size_t i = 0; i < part->field_count; i++)
		value_default(&part->fields[i], entry);
	if (map->kind != YAML_MAP) {
		if (!is_empty(map))
			yaml_problem(reading->problems, map,
			    "%s: a map is wanted here, such as {%s: ...}, not %s", name,
			    part->fields[0].name, yaml_kind_name(map->kind));
		return;
	}
	for (size_t i = 0; i < map->count; i++) {
		const struct setting *field = field_find(part, map->keys[i]->text);
		char *full;

		if (field == NULL) {
			refuse_field(reading, part, map->keys[i]);
			continue;
		}
		full = mem_printf("%s.%s", name, field->name);
		value_read(
		    field, full, map->items[i], reading->folder, entry, reading->problems);
		mem_free(full);
	}
}

static void
read_list_part(struct reading *reading, const struct part *part, const struct yaml *key,
    const struct yaml *list)
{
	if (!see_once(reading, part->name, key, list))
		return;
	if (list->kind != YAML_LIST || list->count == 0) {
		yaml_problem(reading->problems, list,
		    "%s: a list is wanted here, such as [{%s: ...}], not %s", part->name,
		    part->fields[0].name,
		    list->kind == YAML_LIST ? "an empty one" : yaml_kind_name(list->kind));
		return;
	}
	for (size_t i = 0; i < list->count; i++)
		read_entry(reading, part, part->name, part_add(part, reading->config),
		    list->items[i]);
}

static bool
check_name(const struct reading *reading, const struct part *part, const struct yaml *key)
{
	if (key->text[0] == '\0')
		return yaml_problem(
		    reading->problems, key, "%s: a name must not be empty", part->name);
	if (strlen(key->text) > NAME_BYTES_MOST)
		return yaml_problem(reading->problems, key,
		    "%s: `%s` is longer than %d bytes, and PostgreSQL has no longer names",
		    part->name, key->text, NAME_BYTES_MOST);
	return true;
}

static void
read_named_entry(struct reading *reading, const struct part *part, const struct yaml *key,
    const struct yaml *value)
{
	char *full, *name;
	char *entry;

	if (!check_name(reading, part, key))
		return;
	full = mem_printf("%s.%s", part->name, key->text);
	if (see_once(reading, full, key, value)) {
		entry = part_add(part, reading->config);
		name = mem_strdup(key->text);
		memcpy(entry + part->name_where, &name, sizeof(name));
		memcpy(entry + part->line_where, &key->line, sizeof(key->line));
		read_entry(reading, part, full, entry, value);
	}
	mem_free(full);
}

static void
read_part(struct reading *reading, const struct part *part, const struct yaml *key,
    const struct yaml *value)
{
	if (part->name_where == NOWHERE) {
		read_list_part(reading, part, key, value);
		return;
	}
	if (is_empty(value))
		return;
	if (value->kind != YAML_MAP) {
		yaml_problem(reading->problems, value,
		    "%s: a map is wanted here, such as {NAME: {%s: ...}}, not %s", part->name,
		    part->fields[0].name, yaml_kind_name(value->kind));
		return;
	}
	for (size_t i = 0; i < value->count; i++)
		read_named_entry(reading, part, value->keys[i], value->items[i]);
}

/* --- settings -------------------------------------------------------------- */

static void
read_include(struct reading *reading, const struct yaml *key, const struct yaml *value)
{
	if (reading->included)
		yaml_problem(reading->problems, key,
		    "an included file includes no others: name them all in %s", reading->file);
	else
		reading->include = value;
}

static void read_map(struct reading *reading, const char *name, const struct yaml *map);

/* A key of the file itself, or of a group such as `pool`. */
static void
read_key(struct reading *reading, const char *map, const char *name, const struct yaml *key,
    const struct yaml *value)
{
	const struct setting *row = setting_find(name);
	const struct part *part = part_find(name);

	if (strchr(key->text, '.') != NULL)
		refuse_dotted(reading, map, key);
	else if (row != NULL && see_once(reading, name, key, value))
		value_read(row, name, value, reading->folder, reading->config, reading->problems);
	else if (part != NULL)
		read_part(reading, part, key, value);
	else if (strcmp(name, "include") == 0)
		read_include(reading, key, value);
	else if (row == NULL && setting_is_group(name))
		read_map(reading, name, value);
	else if (row == NULL)
		refuse_setting(reading, map, name, key);
}

/* Calls itself only for names that are groups in the table: two levels at most. */
static void
read_map(struct reading *reading, const char *name, const struct yaml *map)
{
	if (is_empty(map))
		return;
	if (map->kind != YAML_MAP) {
		yaml_problem(reading->problems, map, "%s%sa map is wanted here, not %s", name,
		    name[0] != '\0' ? ": " : "", yaml_kind_name(map->kind));
		return;
	}
	for (size_t i = 0; i < map->count; i++) {
		const char *key = map->keys[i]->text;
		char *full = name[0] != '\0' ? mem_printf("%s.%s", name, key) : mem_strdup(key);

		read_key(reading, name, full, map->keys[i], map->items[i]);
		mem_free(full);
	}
}

void
reading_tree(struct reading *reading, const struct yaml *root)
{
	read_map(reading, "", root);
}

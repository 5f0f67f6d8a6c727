/* import_items.c - what the import has found so far: settings, entries, notes and faults.
 */
#include <stdlib.h>
#include <string.h>

#include "import.h"
#include "base/mem.h"
#include "base/text.h"

enum { MS_DIGITS = 3 };

static const char *const fates[] = { "mapped", "changed meaning", "dropped" };

void
import_note(struct import *import, const struct ini_entry *entry, const char *key,
    enum import_fate fate, const char *setting, const char *why)
{
	struct buf *out = &import->notes;

	if (entry == NULL && why == NULL)
		why = "PgBouncer's default";
	buf_put_text(out, "# ");
	if (entry == NULL) {
		buf_put_text(out, "(not set): ");
	} else {
		text_put_escaped(out, entry->file, strlen(entry->file), SIZE_MAX);
		buf_printf(
		    out, ":%d: [%s] ", entry->line, ini_section_name(entry->section));
	}
	if (entry != NULL && entry->section != INI_MAIN) {
		text_put_escaped(out, entry->key, strlen(entry->key), SIZE_MAX);
		buf_put_text(out, " ");
	}
	text_put_escaped(out, key, strlen(key), SIZE_MAX);
	buf_printf(out, ": %s%s%s%s%s\n", fates[fate], setting != NULL ? ": " : "",
	    setting != NULL ? setting : "", why != NULL ? ": " : "",
	    why != NULL ? why : "");
}

void
import_fault(struct import *import, const struct ini_entry *entry, const char *key,
    const char *why)
{
	problems_add(import->problems, entry != NULL ? entry->file : import->ini.files[0],
	    entry != NULL ? entry->line : 0, entry != NULL, "%s: %s", key, why);
}

struct import_item *
import_item_find(const struct import *import, const char *group, const char *name)
{
	for (size_t i = 0; i < import->count; i++)
		if (strcmp(import->items[i].group, group) == 0 &&
		    strcmp(import->items[i].name, name) == 0)
			return &import->items[i];
	return NULL;
}

/* The item, made if it is not there. */
static struct import_item *
item_of(struct import *import, const char *group, const char *name,
    const struct ini_entry *from)
{
	struct import_item *item = import_item_find(import, group, name);

	if (item == NULL) {
		import->items = mem_resize(
		    import->items, import->count + 1, sizeof(import->items[0]));
		item = &import->items[import->count++];
		*item = (struct import_item){ .group = group, .name = mem_strdup(name) };
	}
	item->from = from;
	return item;
}

void
import_set_field(struct import *import, const char *group, const char *name,
    const char *field, json_t *value, const struct ini_entry *from)
{
	struct import_item *item = item_of(import, group, name, from);

	if (item->value == NULL)
		item->value = json_object();
	json_object_set_new(item->value, field, value);
}

void
import_set(struct import *import, const char *setting, json_t *value,
    const struct ini_entry *from)
{
	static const char *const heads[] = { "auth", "pool", "limits", "timeouts",
		"backend", "protocol", "log", "console" };
	struct import_item *item;

	if (strncmp(setting, "tls.client.", 11) == 0 ||
	    strncmp(setting, "tls.server.", 11) == 0) {
		import_set_field(import, "tls", setting[4] == 'c' ? "client" : "server",
		    setting + 11, value, from);
		return;
	}
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		size_t length = strlen(heads[i]);

		if (strncmp(setting, heads[i], length) != 0 || setting[length] != '.')
			continue;
		item = item_of(import, heads[i], setting + length + 1, from);
		json_decref(item->value);
		item->value = value;
		return;
	}
	abort(); /* a row of import_keys.c with a setting of no part */
}

json_t *
import_list(const char *text)
{
	json_t *list = json_array();

	while (*text != '\0') {
		size_t length;

		text += strspn(text, ", \t");
		length = strcspn(text, ",");
		while (
		    length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
			length--;
		if (length > 0)
			json_array_append_new(list, json_stringn(text, length));
		text += strcspn(text, ",");
	}
	return list;
}

int
import_flag(const char *text)
{
	static const char *const yes[] = { "1", "yes", "true", "on" }, *const no[] = {
		"0", "no", "false", "off"
	};

	for (size_t i = 0; i < 4; i++)
		if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0)
			return strcasecmp(text, yes[i]) == 0;
	return -1;
}

const char *
import_said(const struct import *import, const char *key, const char *fallback)
{
	const struct ini_entry *entry = ini_find(&import->ini, INI_MAIN, key);

	return entry != NULL ? entry->value : fallback;
}

bool
import_is_on(const struct import *import, const char *key)
{
	return import_flag(import_said(import, key, "0")) == 1;
}

/* "15" "0.5" in ms. False: neither, or beyond what can be counted. */
static bool
read_seconds(const char *text, int64_t *ms)
{
	size_t whole = strspn(text, "0123456789");
	int64_t part = 0, scale = 1000;

	if (whole == 0 || whole > 12)
		return false;
	*ms = strtoll(text, NULL, 10) * 1000;
	if (text[whole] == '\0')
		return true;
	text += whole + 1;
	if (text[-1] != '.' || text[strspn(text, "0123456789")] != '\0')
		return false;
	for (size_t i = 0; i < MS_DIGITS && text[i] != '\0'; i++) {
		scale /= 10;
		part += (text[i] - '0') * scale;
	}
	*ms += part;
	return true;
}

/* Into what the setting takes; false, and *why says so, where that is not what was said.
 */
static bool
fit(const struct import_key *key, int64_t *number, const char **why)
{
	int64_t zero;

	if (*number == 0 && key->zero != NULL) {
		*why = "0 means something else here: the most that the setting takes "
		       "stands for it";
		if (key->value == VALUE_SECONDS ? text_to_duration(key->zero, &zero)
						: text_to_int(key->zero, &zero))
			*number = zero;
		return false;
	}
	if (*number >= key->least && (key->most == 0 || *number <= key->most))
		return true;
	*why = *number < key->least ? "the least that the setting takes"
				    : "the most that the setting takes";
	*number = *number < key->least ? key->least : key->most;
	return false;
}

static json_t *
number_of(const struct import_key *key, int64_t number)
{
	char text[TEXT_UNIT_SIZE];

	if (key->value == VALUE_COUNT)
		return json_integer(number);
	text_from_duration(number, text);
	return json_string(text);
}

/* NULL: it is not what it should be, and *why says what that is. *fits: it is the same.
 */
static json_t *
convert(const struct import_key *key, const char *value, bool *fits, const char **why)
{
	int64_t number;

	*fits = true;
	switch (key->value) {
	case VALUE_TEXT:
		return json_string(value);
	case VALUE_LIST:
		return import_list(value);
	case VALUE_FLAG:
		*why = "it is 0 or 1";
		return import_flag(value) < 0 ? NULL
					      : json_boolean(import_flag(value) == 1);
	case VALUE_SECONDS:
	case VALUE_COUNT:
		*why = key->value == VALUE_COUNT ? "it is a whole number"
						 : "it is a number of seconds";
		if (key->value == VALUE_COUNT ? !text_to_int(value, &number) || number < 0
					      : !read_seconds(value, &number))
			return NULL;
		*fits = fit(key, &number, why);
		return number_of(key, number);
	}
	return NULL;
}

void
import_by_row(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value)
{
	static const char *const groups[] = {
		[INI_DATABASES] = "databases", [INI_USERS] = "users"
	};
	const char *why = NULL;
	bool fits;
	json_t *ours;

	if (key->setting == NULL || (key->value == VALUE_TEXT && value[0] == '\0')) {
		import_note(import, entry, key->key, FATE_DROPPED, NULL,
		    key->setting == NULL ? key->note : "it is empty");
		return;
	}
	ours = convert(key, value, &fits, &why);
	if (ours == NULL) {
		import_fault(import, entry, key->key, why);
		return;
	}
	if (entry != NULL && entry->section != INI_MAIN)
		import_set_field(import, groups[entry->section], import->name,
		    key->setting, ours, entry);
	else
		import_set(import, key->setting, ours, entry);
	if (fits)
		why = entry != NULL ? key->note : NULL;
	import_note(import, entry, key->key,
	    fits && (key->note == NULL || entry == NULL) ? FATE_MAPPED : FATE_CHANGED,
	    key->setting, why);
}

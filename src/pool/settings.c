/* settings.c - see settings.h. */
#include <ctype.h>
#include <stdatomic.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"
#include "pool/settings.h"

/* Summed over all settings, so that order does not matter. */
static uint64_t
hash_of(const char *name, const char *replay)
{
	return XXH3_64bits_withSeed(replay, strlen(replay), XXH3_64bits(name, strlen(name)));
}

/* Never changed while it is shared. */
struct setting_list {
	atomic_uint references;
	size_t count;
	struct setting items[];
};

size_t
settings_length(const struct settings *settings)
{
	return settings->list == NULL ? 0 : settings->list->count;
}

const struct setting *
settings_at(const struct settings *settings, size_t i)
{
	return &settings->list->items[i];
}

static struct setting *
find(const struct settings *settings, const char *name)
{
	for (size_t i = 0; i < settings_length(settings); i++)
		if (strcmp(settings->list->items[i].name, name) == 0)
			return &settings->list->items[i];
	return NULL;
}

static void
release(struct setting_list *list)
{
	if (list == NULL || atomic_fetch_sub(&list->references, 1) > 1)
		return;
	for (size_t i = 0; i < list->count; i++) {
		mem_free(list->items[i].name);
		mem_free(list->items[i].replay);
	}
	mem_free(list);
}

/* A list of our own, to be changed, with room for so many. */
static void
own(struct settings *settings, size_t room)
{
	struct setting_list *old = settings->list, *list;
	size_t size = sizeof(*list) + room * sizeof(list->items[0]);

	if (old != NULL && atomic_load(&old->references) == 1) {
		settings->list = mem_resize(old, size, 1);
		return;
	}
	list = mem_zalloc(1, size);
	atomic_init(&list->references, 1);
	for (; old != NULL && list->count < old->count; list->count++)
		list->items[list->count] = (struct setting){
			.name = mem_strdup(old->items[list->count].name),
			.replay = mem_strdup(old->items[list->count].replay),
		};
	release(old);
	settings->list = list;
}

void
settings_set(struct settings *settings, const char *name, const char *replay)
{
	struct setting fresh = { .name = mem_strdup(name), .replay = mem_strdup(replay) };
	size_t count = settings_length(settings);
	bool known = find(settings, name) != NULL;
	struct setting *setting;

	own(settings, known ? count : count + 1);
	setting = known ? find(settings, fresh.name) : &settings->list->items[count];
	if (known) {
		settings->hash -= hash_of(setting->name, setting->replay);
		mem_free(setting->name);
		mem_free(setting->replay);
	} else {
		settings->list->count++;
	}
	*setting = fresh;
	settings->hash += hash_of(fresh.name, fresh.replay);
}

void
settings_remove(struct settings *settings, const char *name)
{
	size_t count = settings_length(settings);
	struct setting *setting = find(settings, name);
	size_t at;

	if (setting == NULL)
		return;
	at = (size_t)(setting - settings->list->items);
	own(settings, count);
	setting = &settings->list->items[at];
	settings->hash -= hash_of(setting->name, setting->replay);
	mem_free(setting->name);
	mem_free(setting->replay);
	*setting = settings->list->items[--settings->list->count];
	if (settings->list->count == 0)
		settings_clear(settings);
}

const char *
settings_get(const struct settings *settings, const char *name)
{
	const struct setting *setting = find(settings, name);

	return setting == NULL ? NULL : setting->replay;
}

void
settings_clear(struct settings *settings)
{
	release(settings->list);
	*settings = (struct settings){ 0 };
}

void
settings_copy(struct settings *to, const struct settings *from)
{
	struct settings copy = *from;

	if (copy.list != NULL)
		atomic_fetch_add(&copy.list->references, 1);
	settings_clear(to);
	*to = copy;
}

bool
settings_are_equal(const struct settings *a, const struct settings *b)
{
	if (a->list == b->list)
		return true;
	if (a->hash != b->hash || settings_length(a) != settings_length(b))
		return false;
	for (size_t i = 0; i < settings_length(a); i++) {
		const char *other = settings_get(b, a->list->items[i].name);

		if (other == NULL || strcmp(other, a->list->items[i].replay) != 0)
			return false;
	}
	return true;
}

bool
settings_share(struct settings *settings, const struct settings *with)
{
	if (!settings_are_equal(settings, with))
		return false;
	settings_copy(settings, with);
	return true;
}

/* A setting's name with each part quoted: app.x becomes "app"."x". */
static void
put_name(struct buf *out, const char *name)
{
	buf_put_u8(out, '"');
	for (; *name != '\0'; name++)
		if (*name == '.')
			buf_put(out, "\".\"", 3);
		else if (*name == '"')
			buf_put(out, "\"\"", 2);
		else
			buf_put_u8(out, (uint8_t)*name);
	buf_put_u8(out, '"');
}

/* E'' so that a backslash means the same whatever standard_conforming_strings says. */
void
settings_put_literal(struct buf *out, const char *text, size_t length)
{
	buf_put_text(out, "E'");
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\'' || text[i] == '\\')
			buf_put_u8(out, (uint8_t)text[i]);
		buf_put_u8(out, (uint8_t)text[i]);
	}
	buf_put_u8(out, '\'');
}

/*
 * One name of a list, as SplitIdentifierString() reads it: quoted as it is, with ""
 * for a quote, else folded to lower case. Returns where the next one begins.
 */
static const char *
put_element(struct buf *out, const char *at)
{
	struct buf name = { 0 };
	bool quoted = *at == '"';

	if (quoted)
		at++;
	for (; *at != '\0'; at++) {
		if (quoted && *at == '"') {
			if (at[1] != '"')
				break;
			at++;
		} else if (!quoted && (*at == ',' || isspace((unsigned char)*at))) {
			break;
		}
		buf_put_u8(&name, (uint8_t)(quoted ? *at : tolower((unsigned char)*at)));
	}
	settings_put_literal(out, name.data == NULL ? "" : (const char *)buf_bytes(&name),
	    buf_length(&name));
	buf_free(&name);
	return at + strcspn(at, ",");
}

/* Settings whose value is a list of names: as one literal it would be one odd name. */
static bool
is_name_list(const char *name)
{
	return strcmp(name, "search_path") == 0 || strcmp(name, "temp_tablespaces") == 0;
}

static void
put_list(struct buf *out, const char *value)
{
	const char *at = value;

	for (;;) {
		while (isspace((unsigned char)*at))
			at++;
		at = put_element(out, at);
		if (*at == '\0')
			return;
		at++;
		buf_put_text(out, ", ");
	}
}

void
settings_put_set(struct buf *out, const char *name, const char *value)
{
	buf_put_text(out, "SET ");
	put_name(out, name);
	buf_put_text(out, " TO ");
	if (is_name_list(name))
		put_list(out, value);
	else
		settings_put_literal(out, value, strlen(value));
}

/* A DateStyle that says a half only stands upon the session's own, and not upon another's. */
static bool
is_to_go(const struct setting *had, const char *wanted)
{
	if (wanted == NULL)
		return true;
	return strcmp(had->name, "datestyle") == 0 && strchr(wanted, ',') == NULL &&
	    strcmp(had->replay, wanted) != 0;
}

void
settings_difference(const struct settings *have, const struct settings *want,
    void (*each)(const char *name, const char *statement, void *arg), void *arg)
{
	struct buf reset = { 0 };

	for (size_t i = 0; i < settings_length(have); i++) {
		const struct setting *setting = settings_at(have, i);

		if (!is_to_go(setting, settings_get(want, setting->name)))
			continue;
		buf_clear(&reset);
		buf_put_text(&reset, "RESET ");
		put_name(&reset, setting->name);
		buf_put_u8(&reset, 0);
		each(setting->name, (const char *)buf_bytes(&reset), arg);
	}
	for (size_t i = 0; i < settings_length(want); i++) {
		const struct setting *setting = settings_at(want, i);
		const char *now = settings_get(have, setting->name);

		if (now == NULL || strcmp(now, setting->replay) != 0)
			each(setting->name, setting->replay, arg);
	}
	buf_free(&reset);
}

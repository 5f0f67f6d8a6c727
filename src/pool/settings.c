/* settings.c - see settings.h. */
#include <ctype.h>
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

static struct setting *
find(const struct settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->count; i++)
		if (strcmp(settings->items[i].name, name) == 0)
			return &settings->items[i];
	return NULL;
}

void
settings_set(struct settings *settings, const char *name, const char *replay)
{
	struct setting *setting = find(settings, name);

	if (setting == NULL) {
		settings->items =
		    mem_resize(settings->items, settings->count + 1, sizeof(*setting));
		setting = &settings->items[settings->count++];
		setting->name = mem_strdup(name);
	} else {
		settings->hash -= hash_of(name, setting->replay);
		mem_free(setting->replay);
	}
	setting->replay = mem_strdup(replay);
	settings->hash += hash_of(name, replay);
}

void
settings_remove(struct settings *settings, const char *name)
{
	struct setting *setting = find(settings, name);

	if (setting == NULL)
		return;
	settings->hash -= hash_of(name, setting->replay);
	mem_free(setting->name);
	mem_free(setting->replay);
	*setting = settings->items[--settings->count];
	if (settings->count == 0) {
		mem_free(settings->items);
		settings->items = NULL;
	}
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
	for (size_t i = 0; i < settings->count; i++) {
		mem_free(settings->items[i].name);
		mem_free(settings->items[i].replay);
	}
	mem_free(settings->items);
	*settings = (struct settings){ 0 };
}

void
settings_copy(struct settings *to, const struct settings *from)
{
	settings_clear(to);
	for (size_t i = 0; i < from->count; i++)
		settings_set(to, from->items[i].name, from->items[i].replay);
}

bool
settings_are_equal(const struct settings *a, const struct settings *b)
{
	if (a->hash != b->hash || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const char *other = settings_get(b, a->items[i].name);

		if (other == NULL || strcmp(other, a->items[i].replay) != 0)
			return false;
	}
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

void
settings_difference(const struct settings *have, const struct settings *want,
    void (*each)(const char *statement, void *arg), void *arg)
{
	struct buf reset = { 0 };

	for (size_t i = 0; i < have->count; i++) {
		if (settings_get(want, have->items[i].name) != NULL)
			continue;
		buf_clear(&reset);
		buf_put_text(&reset, "RESET ");
		put_name(&reset, have->items[i].name);
		buf_put_u8(&reset, 0);
		each((const char *)buf_bytes(&reset), arg);
	}
	for (size_t i = 0; i < want->count; i++) {
		const char *now = settings_get(have, want->items[i].name);

		if (now == NULL || strcmp(now, want->items[i].replay) != 0)
			each(want->items[i].replay, arg);
	}
	buf_free(&reset);
}

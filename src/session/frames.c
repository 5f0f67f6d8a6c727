/* frames.c - see frames.h. */
#include <string.h>

#include "base/mem.h"
#include "frames.h"

enum change_kind {
	CHANGE_SET,
	CHANGE_RESET,
	CHANGE_RESET_ALL,
	CHANGE_DEFAULT,	 /* RESET, which gave the server the client's own default, … */
	CHANGE_DEFAULTS, /* … and RESET ALL */
	CHANGE_SAVEPOINT,
};

struct change {
	enum change_kind kind;
	char *name;   /* of the setting or savepoint; "" or NULL for RESET ALL */
	char *replay; /* of SET */
};

/* In the order in which they happened. Owned by the client. */
struct frames {
	struct change *items;
	size_t count;
};

static void
add(struct frames **frames, enum change_kind kind, const char *name, const char *replay)
{
	struct frames *list = *frames;

	if (list == NULL)
		list = *frames = mem_zalloc(1, sizeof(*list));
	list->items = mem_resize(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = (struct change){
		.kind = kind, .name = mem_strdup(name), .replay = mem_strdup(replay)
	};
}

/* Forget every change from the i-th on. */
static void
cut(struct frames *frames, size_t from)
{
	for (size_t i = from; i < frames->count; i++) {
		mem_free(frames->items[i].name);
		mem_free(frames->items[i].replay);
	}
	frames->count = from;
}

/* The youngest savepoint of this name; frames->count if there is none. */
static size_t
find_savepoint(const struct frames *frames, const char *name)
{
	for (size_t i = frames->count; i > 0; i--) {
		const struct change *change = &frames->items[i - 1];

		if (change->kind == CHANGE_SAVEPOINT && strcmp(change->name, name) == 0)
			return i - 1;
	}
	return frames->count;
}

/* RELEASE: the savepoint and those inside it are gone, their changes stay. */
static void
merge(struct frames *frames, size_t from)
{
	size_t kept = from;

	for (size_t i = from; i < frames->count; i++) {
		struct change *change = &frames->items[i];

		if (change->kind == CHANGE_SAVEPOINT)
			mem_free(change->name);
		else
			frames->items[kept++] = *change;
	}
	frames->count = kept;
}

static void
note_settings(struct frames **frames, const struct sql_statement *statement, bool edited)
{
	static const enum change_kind kinds[][2] = {
		[SQL_SETTING_SET] = { CHANGE_SET, CHANGE_SET },
		[SQL_SETTING_RESET] = { CHANGE_RESET, CHANGE_DEFAULT },
		[SQL_SETTING_RESET_ALL] = { CHANGE_RESET_ALL, CHANGE_DEFAULTS },
	};

	for (size_t i = 0; i < statement->setting_count; i++) {
		const struct sql_setting *setting = &statement->settings[i];

		if (setting->local || (setting->kind == SQL_SETTING_SET && setting->replay == NULL))
			continue;
		add(frames, kinds[setting->kind][edited], setting->name, setting->replay);
	}
}

void
frames_note(struct frames **frames, const struct sql_statement *statement, bool edited)
{
	size_t at;

	note_settings(frames, statement, edited);
	switch (statement->transaction) {
	case SQL_TXN_SAVEPOINT:
		add(frames, CHANGE_SAVEPOINT, statement->savepoint, NULL);
		break;
	case SQL_TXN_RELEASE:
	case SQL_TXN_ROLLBACK_TO:
		if (*frames == NULL || statement->savepoint == NULL)
			break;
		at = find_savepoint(*frames, statement->savepoint);
		if (at == (*frames)->count)
			break;
		if (statement->transaction == SQL_TXN_RELEASE)
			merge(*frames, at);
		else
			cut(*frames, at + 1); /* the savepoint itself stays */
		break;
	default:
		break;
	}
}

static void
put_default(struct settings *settings, const char *name, const char *replay)
{
	if (replay != NULL)
		settings_set(settings, name, replay);
	else
		settings_remove(settings, name);
}

static void
apply(const struct change *change, const struct settings *defaults, struct settings *client,
    struct settings *server)
{
	const char *before = change->name == NULL ? NULL : settings_get(defaults, change->name);

	switch (change->kind) {
	case CHANGE_SET:
		settings_set(client, change->name, change->replay);
		settings_set(server, change->name, change->replay);
		break;
	case CHANGE_RESET:
	case CHANGE_DEFAULT:
		put_default(client, change->name, before);
		put_default(server, change->name, change->kind == CHANGE_DEFAULT ? before : NULL);
		break;
	case CHANGE_RESET_ALL:
		settings_copy(client, defaults);
		settings_clear(server);
		break;
	case CHANGE_DEFAULTS:
		settings_copy(client, defaults);
		settings_copy(server, defaults);
		break;
	case CHANGE_SAVEPOINT:
		break;
	}
}

void
frames_commit(struct frames **frames, const struct settings *defaults, struct settings *client,
    struct settings *server)
{
	if (*frames == NULL)
		return;
	for (size_t i = 0; i < (*frames)->count; i++)
		apply(&(*frames)->items[i], defaults, client, server);
	frames_drop(frames);
}

void
frames_drop(struct frames **frames)
{
	if (*frames == NULL)
		return;
	cut(*frames, 0);
	mem_free((*frames)->items);
	mem_free(*frames);
	*frames = NULL;
}

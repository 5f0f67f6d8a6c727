/*
 * seen.c - the table of things seen: adding to it, and reading it in order. Used by all
 * that `pgweirctl suggest` is made of. See observed.h.
 */
#include <stdlib.h>
#include <string.h>

#include "observed.h"
#include "base/mem.h"

enum { SEEN_MOST = 200000, KEY_PART_MOST = 1024, EXAMPLE_MOST = 1024 };

/* The key of a thing, while it is looked for. On the stack. */
struct seen_key {
	size_t length;
	char bytes[SEEN_PARTS * KEY_PART_MOST + 1];
};

static void
put_part(struct seen_key *key, const char *part)
{
	size_t length = strnlen(part, KEY_PART_MOST - 1);

	memcpy(key->bytes + key->length, part, length);
	key->bytes[key->length + length] = '\0';
	key->length += length + 1;
}

static const char *
next_part(const char **at)
{
	const char *part = *at;

	*at += strlen(part) + 1;
	return part;
}

static struct seen *
seen_add(struct observed *observed, const struct seen_key *key, enum seen_kind kind)
{
	struct seen *seen = mem_zalloc(1, sizeof(*seen) + key->length);
	const char *at = seen->key;

	memcpy(seen->key, key->bytes, key->length);
	seen->length = key->length;
	seen->kind = kind;
	seen->user = next_part(&at);
	seen->role = next_part(&at);
	seen->database = next_part(&at);
	at++;
	seen->group = next_part(&at);
	seen->name = next_part(&at);
	seen->detail = next_part(&at);
	HASH_ADD_KEYPTR(hh, observed->table, seen->key, seen->length, seen);
	observed->count++;
	return seen;
}

struct seen *
seen_note(struct observed *observed, const struct sight *sight, enum seen_kind kind,
    const char *group, const char *name, const char *detail, unsigned bits)
{
	struct seen_key key;
	struct seen *seen;

	key.length = 0;
	put_part(&key, sight->user);
	put_part(&key, sight->role);
	put_part(&key, sight->database);
	key.bytes[key.length++] = (char)kind; /* behind whom it is about, for the order */
	put_part(&key, group);
	put_part(&key, name);
	put_part(&key, detail);
	HASH_FIND(hh, observed->table, key.bytes, key.length, seen);
	if (seen == NULL && observed->count >= SEEN_MOST) {
		observed->lost++;
		return NULL;
	}
	if (seen == NULL)
		seen = seen_add(observed, &key, kind);
	seen->count++;
	seen->bits |= bits;
	if (sight->time_us > seen->last_us)
		seen->last_us = sight->time_us;
	return seen;
}

void
seen_example(struct seen *seen, const char *text)
{
	if (seen != NULL && seen->example == NULL && text != NULL && strlen(text) <= EXAMPLE_MOST)
		seen->example = mem_strdup(text);
}

void
seen_unseen(struct observed *observed, const struct sight *sight, const char *what,
    const char *name, const char *text)
{
	seen_example(seen_note(observed, sight, SEEN_UNSEEN, what, name, "", 0), text);
}

static int
compare(const void *one, const void *other)
{
	const struct seen *a = *(struct seen *const *)one, *b = *(struct seen *const *)other;
	size_t least = a->length < b->length ? a->length : b->length;
	int order = memcmp(a->key, b->key, least);

	return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

void
seen_sort(struct observed *observed)
{
	size_t i = 0;

	observed->sorted = mem_resize(observed->sorted, observed->count + 1, sizeof(struct seen *));
	for (struct seen *seen = observed->table; seen != NULL; seen = seen->hh.next)
		observed->sorted[i++] = seen;
	if (i > 0)
		qsort(observed->sorted, i, sizeof(struct seen *), compare);
}

static bool
is_same_subject(const struct seen *a, const struct seen *b)
{
	return strcmp(a->user, b->user) == 0 && strcmp(a->role, b->role) == 0 &&
	    strcmp(a->database, b->database) == 0;
}

size_t
seen_subject(const struct observed *observed, size_t at, bool of_role, size_t *end)
{
	for (; at < observed->count; at = *end) {
		const struct seen *first = observed->sorted[at];

		for (*end = at + 1; *end < observed->count; (*end)++)
			if (!is_same_subject(first, observed->sorted[*end]))
				break;
		/* What a role needs stands under no user. */
		if ((first->user[0] == '\0') == of_role)
			return at;
	}
	*end = observed->count;
	return observed->count;
}

size_t
seen_next(const struct observed *observed, size_t at, size_t end, enum seen_kind kind,
    const char *group)
{
	for (; at < end; at++) {
		const struct seen *seen = observed->sorted[at];

		if (seen->kind == kind && (group == NULL || strcmp(seen->group, group) == 0))
			return at;
	}
	return end;
}

void
seen_put_identifier(struct buf *out, const char *name)
{
	buf_put_u8(out, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"')
			buf_put_u8(out, '"');
		buf_put_u8(out, (uint8_t)*name);
	}
	buf_put_u8(out, '"');
}

void
seen_forget(struct observed *observed)
{
	struct seen *seen, *next;

	HASH_ITER (hh, observed->table, seen, next) {
		HASH_DEL(observed->table, seen);
		mem_free(seen->example);
		mem_free(seen);
	}
	mem_free(observed->sorted);
}

/* tally.c - counts by key in bounded memory. Used by performance and access. */
#include <string.h>

#include "report_internal.h"
#include "base/mem.h"

enum { KEY_MOST = 4096 }; /* bytes; what is longer is cut, so a log cannot fill the memory */

static const char others[] = "(others)";

/* The parts one behind the other, each with its NUL. Returns the length. */
static size_t
join(const char *const *parts, size_t count, char key[KEY_MOST])
{
	size_t length = 0;

	for (size_t i = 0; i < count; i++) {
		size_t room = (KEY_MOST - length) / (count - i);
		size_t part = strnlen(parts[i], room - 1);

		memcpy(key + length, parts[i], part);
		key[length + part] = '\0';
		length += part + 1;
	}
	return length;
}

static struct tally_entry *
add_entry(struct tally *tally, const char *key, size_t length, size_t count)
{
	struct tally_entry *entry = mem_zalloc(1, sizeof(*entry) + length);
	const char *part = entry->key;

	memcpy(entry->key, key, length);
	entry->length = length;
	for (size_t i = 0; i < count; i++) {
		entry->parts[i] = part;
		part += strlen(part) + 1;
	}
	HASH_ADD_KEYPTR(hh, tally->entries, entry->key, entry->length, entry);
	return entry;
}

static struct tally_entry *
find_or_add(struct tally *tally, const char *const *parts, size_t count)
{
	const char *rest[TALLY_PARTS_MOST] = { others, "", "", "" };
	struct tally_entry *entry;
	char key[KEY_MOST];
	size_t length = join(parts, count, key);

	HASH_FIND(hh, tally->entries, key, length, entry);
	if (entry != NULL)
		return entry;
	if (HASH_COUNT(tally->entries) < tally->most)
		return add_entry(tally, key, length, count);
	length = join(rest, count, key);
	HASH_FIND(hh, tally->entries, key, length, entry);
	return entry != NULL ? entry : add_entry(tally, key, length, count);
}

struct tally_entry *
tally_find(const struct tally *tally, const char *const *parts, size_t count)
{
	struct tally_entry *entry;
	char key[KEY_MOST];
	size_t length = join(parts, count, key);

	HASH_FIND(hh, tally->entries, key, length, entry);
	return entry;
}

struct tally_entry *
tally_count(struct tally *tally, const char *const *parts, size_t count, uint64_t time_us)
{
	struct tally_entry *entry = find_or_add(tally, parts, count);

	if (entry->count == 0 || time_us < entry->first_us)
		entry->first_us = time_us;
	if (time_us > entry->last_us)
		entry->last_us = time_us;
	entry->count++;
	return entry;
}

void
tally_note(struct tally_entry *entry, const char *note)
{
	if (note[0] == '\0')
		return;
	mem_free(entry->note);
	entry->note = mem_strndup(note, strnlen(note, KEY_MOST));
}

void
tally_sort(struct tally *tally, int (*compare)(struct tally_entry *, struct tally_entry *))
{
	HASH_SORT(tally->entries, compare);
}

int
tally_by_count(struct tally_entry *one, struct tally_entry *other)
{
	return (one->count < other->count) - (one->count > other->count);
}

void
tally_free(struct tally *tally)
{
	struct tally_entry *entry, *next;

	HASH_ITER (hh, tally->entries, entry, next) {
		HASH_DEL(tally->entries, entry);
		mem_free(entry->note);
		mem_free(entry->more);
		mem_free(entry);
	}
}

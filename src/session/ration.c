/* ration.c - see ration.h. */
#include <string.h>

#include "base/mem.h"
#include "ration.h"

/* Owned by its list. */
struct cursor {
	SLIST_ENTRY(cursor) in_cursors;
	char *name;	       /* ours */
	bool holds;	       /* WITH HOLD: outlives its transaction */
	struct ration *ration; /* referenced */
};

struct ration *
ration_new(const struct policy_limits *limits)
{
	struct ration *ration = mem_zalloc(1, sizeof(*ration));

	ration->references = 1;
	ration->max_rows = limits->max_rows;
	ration->max_bytes = limits->max_bytes;
	return ration;
}

struct ration *
ration_reference(struct ration *ration)
{
	ration->references++;
	return ration;
}

void
ration_release(struct ration *ration)
{
	if (ration != NULL && --ration->references == 0)
		mem_free(ration);
}

static const struct policy_limit *
stricter(const struct policy_limit *a, const struct policy_limit *b)
{
	return a->value != 0 && (b->value == 0 || a->value < b->value) ? a : b;
}

const struct policy_limit *
ration_take(struct ration *ration, size_t bytes, const struct policy_limits *limits,
    enum policy_limit_kind *kind)
{
	const struct policy_limit *rows = stricter(&ration->max_rows, &limits->max_rows);
	const struct policy_limit *most_bytes = stricter(&ration->max_bytes, &limits->max_bytes);

	ration->rows++;
	ration->bytes += bytes;
	*kind = POLICY_MAX_ROWS;
	if (rows->value != 0 && ration->rows > (uint64_t)rows->value)
		return rows;
	*kind = POLICY_MAX_BYTES;
	if (most_bytes->value != 0 && ration->bytes > (uint64_t)most_bytes->value)
		return most_bytes;
	return NULL;
}

static struct cursor *
find(const struct cursors *cursors, const char *name)
{
	struct cursor *cursor;

	SLIST_FOREACH(cursor, cursors, in_cursors)
		if (strcmp(cursor->name, name) == 0)
			return cursor;
	return NULL;
}

struct ration *
cursors_find(const struct cursors *cursors, const char *name)
{
	struct cursor *cursor = find(cursors, name);

	return cursor == NULL ? NULL : cursor->ration;
}

void
cursors_declare(
    struct cursors *cursors, const char *name, bool holds, const struct policy_limits *limits)
{
	struct cursor *cursor = find(cursors, name);

	if (cursor == NULL) {
		cursor = mem_zalloc(1, sizeof(*cursor));
		cursor->name = mem_strdup(name);
		SLIST_INSERT_HEAD(cursors, cursor, in_cursors);
	}
	ration_release(cursor->ration);
	cursor->ration = ration_new(limits);
	cursor->holds = holds;
}

void
cursors_end(struct cursors *cursors, bool all)
{
	struct cursor *cursor = SLIST_FIRST(cursors);

	while (cursor != NULL) {
		struct cursor *next = SLIST_NEXT(cursor, in_cursors);

		if (all || !cursor->holds) {
			SLIST_REMOVE(cursors, cursor, cursor, in_cursors);
			ration_release(cursor->ration);
			mem_free(cursor->name);
			mem_free(cursor);
		}
		cursor = next;
	}
}

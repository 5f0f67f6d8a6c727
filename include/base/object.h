/*
 * object.h - the members of one JSON object on one line, found without building a tree.
 *
 * What pgweir writes has one form: no blanks, no escapes in keys, whole numbers.
 * object_scan() takes exactly that, many times as fast as a general reader, and says no
 * to all else; what it takes jansson takes too, with the same values. object_read() asks
 * jansson when the scan says no. Neither needs the line to end in NUL.
 */
#ifndef BASE_OBJECT_H
#define BASE_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum object_kind { OBJECT_TEXT, OBJECT_NUMBER, OBJECT_WORD, OBJECT_ARRAY, OBJECT_MAP };

/* Borrowed from the line, or from its object. Of a text, what is between the quotes. */
struct object_member {
	char *key, *value;
	uint32_t key_length, value_length;
	enum object_kind kind;
	bool escaped; /* a text that has escapes still */
};

/* Zeroed is empty; filled again and again; emptied by object_free(). */
struct object {
	struct object_member *members;
	size_t count, size;
	char *own; /* what jansson made of a line that is not in our form, or NULL */
};

/*
 * Is the line an object in our form, without duplicate keys? Nothing in it is changed,
 * before object_text() is called: then the line must be memory that may be written to.
 */
bool object_scan(struct object *object, const char *line, size_t length);
/* Is the line an object at all? Of duplicate keys the last one counts. */
bool object_read(struct object *object, const char *line, size_t length);
void object_free(struct object *object);

/* The member of this key, or NULL; *hint says where to look first, and learns. */
struct object_member *object_find(const struct object *object, const char *key, uint32_t *hint);
/*
 * A text with its NUL, unescaped in its place, which changes the line: ask once.
 * "" for NULL and for what is no text.
 */
const char *object_text(struct object_member *member);
/* A whole number, or 0. */
int64_t object_number(const struct object_member *member);

/* Walks over the items of an array or map; of nothing when it is neither, or NULL. */
struct object_cursor {
	char *at, *end;
	bool in_map;
};
struct object_cursor object_enter(const struct object_member *container);
/* The next item; its key is NULL in an array. */
bool object_next(struct object_cursor *cursor, struct object_member *item);

#endif

/* object.c - see object.h. Used by the check of the chain, the report and the load. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/object.h"
#include "base/text.h"

enum { LEVELS_MOST = 8, NESTED_KEYS_MOST = 64, DIGITS_MOST = 18 };

/* Where the reading stands. On the stack. */
struct scan {
	char *at, *end;
	bool trusted; /* jansson has written it: it need not be judged again */
};

/* The byte to come; NUL, which is in no good line, behind the end. */
static inline char
peek(const struct scan *scan)
{
	return scan->at < scan->end ? *scan->at : '\0';
}

static inline bool
take(struct scan *scan, char byte)
{
	if (peek(scan) != byte)
		return false;
	scan->at++;
	return true;
}

/* ---- texts ---- */

/* Is any of eight bytes a control, a quote, a backslash, or not ASCII? */
static inline bool
has_special(const char *at)
{
	const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
	uint64_t bytes, quotes, slashes;

	memcpy(&bytes, at, sizeof(bytes));
	quotes = bytes ^ (ones * '"');
	slashes = bytes ^ (ones * '\\');
	return ((bytes | (bytes - ones * 0x20) | ((quotes - ones) & ~quotes) |
		    ((slashes - ones) & ~slashes)) & tops) != 0;
}

static inline bool
is_special(char byte)
{
	return (unsigned char)byte < 0x20 || (unsigned char)byte >= 0x80 || byte == '"' || byte == '\\';
}

/* Stands at a backslash. Halves of pairs and \u0000 are left to jansson. */
static bool
skip_escape(struct scan *scan)
{
	unsigned code = 0;

	if (scan->end - scan->at < 2 || strchr("\"\\/bfnrtu", scan->at[1]) == NULL ||
	    scan->at[1] == '\0')
		return false;
	scan->at += 2;
	if (scan->at[-1] != 'u')
		return true;
	for (int i = 0; i < 4; i++, scan->at++) {
		int digit = text_hex_value(peek(scan));

		if (digit < 0)
			return false;
		code = code << 4 | (unsigned)digit;
	}
	return code != 0 && (code < 0xd800 || code > 0xdfff);
}

/* Stands at the opening quote; ends behind the closing one. */
static bool
scan_text(struct scan *scan, char **text, uint32_t *length, bool *escaped)
{
	char *at = scan->at + 1, *end = scan->end;

	if (peek(scan) != '"')
		return false;
	*text = at;
	*escaped = false;
	for (;;) {
		size_t character;

		while (end - at >= 8 && !has_special(at))
			at += 8;
		while (at < end && !is_special(*at))
			at++;
		if (at >= end)
			return false;
		if (*at == '"')
			break;
		scan->at = at;
		if (*at == '\\') {
			*escaped = true;
			if (!skip_escape(scan))
				return false;
			at = scan->at;
			continue;
		}
		character = json_utf8_length((const uint8_t *)at, (size_t)(end - at));
		if (character == 0)
			return false;
		at += character;
	}
	*length = (uint32_t)(at - *text);
	scan->at = at + 1;
	return true;
}

/* ---- other values ---- */

/* Digits of a whole number, so few that it cannot be too large. */
static bool
scan_number(struct scan *scan)
{
	char *begin;

	take(scan, '-');
	begin = scan->at;
	while (peek(scan) >= '0' && peek(scan) <= '9')
		scan->at++;
	if (peek(scan) == '.' || (peek(scan) | 0x20) == 'e')
		return false;
	return scan->at > begin && scan->at - begin <= DIGITS_MOST &&
	    (*begin != '0' || scan->at == begin + 1);
}

static bool
scan_word(struct scan *scan)
{
	static const char *const words[] = { "null", "true", "false" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i]);

		if ((size_t)(scan->end - scan->at) >= length &&
		    memcmp(scan->at, words[i], length) == 0) {
			scan->at += length;
			return true;
		}
	}
	return false;
}

static bool
same_key(const struct object_member *one, const char *key, uint32_t length)
{
	return one->key_length == length && memcmp(one->key, key, length) == 0;
}

/* Containers within a value, and the keys of those that are still open. */
struct nest {
	bool in_map[LEVELS_MOST];
	size_t first_key[LEVELS_MOST]; /* of the level, in keys */
	size_t depth, key_count;
	struct object_member keys[NESTED_KEYS_MOST];
};

static bool
open_level(struct scan *scan, struct nest *nest)
{
	if (nest->depth == LEVELS_MOST)
		return false;
	nest->in_map[nest->depth] = *scan->at++ == '{';
	nest->first_key[nest->depth++] = nest->key_count;
	return true;
}

/* A key of the innermost map, with its colon. */
static bool
scan_nested_key(struct scan *scan, struct nest *nest)
{
	struct object_member *key = &nest->keys[nest->key_count];
	bool escaped;

	if (nest->key_count == NESTED_KEYS_MOST ||
	    !scan_text(scan, &key->key, &key->key_length, &escaped) || escaped)
		return false;
	for (size_t i = nest->first_key[nest->depth - 1]; i < nest->key_count; i++)
		if (same_key(&nest->keys[i], key->key, key->key_length))
			return false;
	nest->key_count++;
	return take(scan, ':');
}

static bool
scan_scalar(struct scan *scan)
{
	char *text;
	uint32_t length;
	bool escaped;

	if (peek(scan) == '"')
		return scan_text(scan, &text, &length, &escaped);
	return scan_word(scan) || scan_number(scan);
}

/* Stands at '[' or '{'; ends behind what closes it. No recursion: a line may be hostile. */
static bool
scan_container(struct scan *scan)
{
	struct nest nest;
	bool fresh = true; /* nothing stands behind the innermost bracket yet */

	nest.depth = nest.key_count = 0;
	if (!open_level(scan, &nest))
		return false;
	while (nest.depth > 0) {
		bool in_map = nest.in_map[nest.depth - 1];

		if (take(scan, in_map ? '}' : ']')) {
			nest.key_count = nest.first_key[--nest.depth];
			fresh = false;
			continue;
		}
		if ((!fresh && !take(scan, ',')) || (in_map && !scan_nested_key(scan, &nest)))
			return false;
		fresh = peek(scan) == '{' || peek(scan) == '[';
		if (fresh ? !open_level(scan, &nest) : !scan_scalar(scan))
			return false;
	}
	return true;
}

/* The same of what is known to be good, however deep. */
static void
skip_container(struct scan *scan)
{
	size_t depth = 0;
	char *text;
	uint32_t length;
	bool escaped;

	do {
		switch (peek(scan)) {
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			depth--;
			break;
		case '"':
			if (!scan_text(scan, &text, &length, &escaped))
				return;
			continue;
		}
		scan->at++;
	} while (depth > 0 && scan->at < scan->end);
}

/* A number that jansson has written, such as 1.5e300. */
static void
skip_number(struct scan *scan)
{
	while (scan->at < scan->end && strchr("+-.0123456789eE", *scan->at) != NULL)
		scan->at++;
}

static bool
scan_value(struct scan *scan, struct object_member *member)
{
	char first = peek(scan);
	bool good = true;

	member->value = scan->at;
	member->escaped = false;
	if (first == '"') {
		member->kind = OBJECT_TEXT;
		return scan_text(scan, &member->value, &member->value_length, &member->escaped);
	}
	if (first == '{' || first == '[') {
		member->kind = first == '{' ? OBJECT_MAP : OBJECT_ARRAY;
		if (scan->trusted)
			skip_container(scan);
		else
			good = scan_container(scan);
	} else if (first == '-' || (first >= '0' && first <= '9')) {
		member->kind = OBJECT_NUMBER;
		if (scan->trusted)
			skip_number(scan);
		else
			good = scan_number(scan);
	} else {
		member->kind = OBJECT_WORD;
		good = scan_word(scan);
	}
	member->value_length = (uint32_t)(scan->at - member->value);
	return good;
}

/* ---- the object ---- */

static struct object_member *
add_member(struct object *object)
{
	if (object->count == object->size) {
		object->size = object->size > 0 ? object->size * 2 : 64;
		object->members =
		    mem_resize(object->members, object->size, sizeof(object->members[0]));
	}
	return &object->members[object->count++];
}

/* Keys that may be the same have the same bit of 256; most lines have no such two. */
static bool
is_duplicate(const struct object *object, const struct object_member *member, uint64_t seen[4])
{
	const char *key = member->key;
	uint32_t length = member->key_length;
	uint32_t sum = length > 0 ?
	    (uint32_t)(unsigned char)key[0] * 7 + (unsigned char)key[length - 1] * 31u +
		(unsigned char)key[length / 2] * 61u + length * 131u : 0;
	uint64_t bit = (uint64_t)1 << (sum & 63), *word = &seen[sum >> 6 & 3];

	if ((*word & bit) == 0) {
		*word |= bit;
		return false;
	}
	for (size_t i = 0; i + 1 < object->count; i++)
		if (same_key(&object->members[i], key, length))
			return true;
	return false;
}

static bool
scan_members(struct object *object, struct scan *scan)
{
	uint64_t seen[4] = { 0 };
	bool escaped;

	object->count = 0;
	if (!take(scan, '{'))
		return false;
	if (take(scan, '}'))
		return scan->at == scan->end;
	do {
		struct object_member *member = add_member(object);

		if (!scan_text(scan, &member->key, &member->key_length, &escaped) ||
		    !take(scan, ':'))
			return false;
		if (!scan->trusted && (escaped || is_duplicate(object, member, seen)))
			return false;
		if (!scan_value(scan, member))
			return false;
	} while (take(scan, ','));
	return take(scan, '}') && scan->at == scan->end;
}

bool
object_scan(struct object *object, const char *line, size_t length)
{
	struct scan scan = { (char *)line, (char *)line + length, false };

	return length <= UINT32_MAX && scan_members(object, &scan);
}

bool
object_read(struct object *object, const char *line, size_t length)
{
	struct scan scan = { .trusted = true };
	json_t *json;

	if (object_scan(object, line, length))
		return true;
	object->count = 0;
	json = json_loadb(line, length, 0, NULL);
	if (!json_is_object(json)) {
		json_decref(json);
		return false;
	}
	free(object->own);
	object->own = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (object->own == NULL)
		return false;
	scan.at = object->own;
	scan.end = object->own + strlen(object->own);
	return scan_members(object, &scan);
}

void
object_free(struct object *object)
{
	mem_free(object->members);
	free(object->own); /* jansson's */
	*object = (struct object){ 0 };
}

/* ---- members ---- */

struct object_member *
object_find(const struct object *object, const char *key, uint32_t *hint)
{
	uint32_t length = (uint32_t)strlen(key);

	/* Records of one kind differ in a member or two. */
	for (uint32_t i = *hint > 0 ? *hint - 1 : 0; i < *hint + 2 && i < object->count; i++)
		if (same_key(&object->members[i], key, length)) {
			*hint = i;
			return &object->members[i];
		}
	for (uint32_t i = 0; i < object->count; i++)
		if (same_key(&object->members[i], key, length)) {
			*hint = i;
			return &object->members[i];
		}
	return NULL;
}

/* A character of the basic plane as UTF-8: never longer than its escape. */
static char *
put_character(char *to, unsigned code)
{
	if (code < 0x80) {
		*to++ = (char)code;
		return to;
	}
	if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
	} else {
		*to++ = (char)(0xe0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (code & 0x3f));
	return to;
}

/* Stands behind the backslash; scan_text() has judged it. */
static const char *
unescape_one(const char *from, char **to)
{
	static const char letters[] = "bfnrt", controls[] = "\b\f\n\r\t";
	const char *letter = strchr(letters, *from);
	char digits[5] = "";

	if (*from == 'u') {
		memcpy(digits, from + 1, 4);
		*to = put_character(*to, (unsigned)strtoul(digits, NULL, 16));
		return from + 5;
	}
	*(*to)++ = letter != NULL ? controls[letter - letters] : *from;
	return from + 1;
}

static void
unescape(struct object_member *member)
{
	const char *from = member->value, *end = from + member->value_length;
	char *to = member->value;

	while (from < end) {
		if (*from == '\\')
			from = unescape_one(from + 1, &to);
		else
			*to++ = *from++;
	}
	member->value_length = (uint32_t)(to - member->value);
	member->escaped = false;
}

const char *
object_text(struct object_member *member)
{
	if (member == NULL || member->kind != OBJECT_TEXT)
		return "";
	if (member->escaped)
		unescape(member);
	member->value[member->value_length] = '\0'; /* where the quote was */
	return member->value;
}

int64_t
object_number(const struct object_member *member)
{
	bool negative;
	uint64_t value = 0;

	if (member == NULL || member->kind != OBJECT_NUMBER)
		return 0;
	negative = member->value[0] == '-';
	for (uint32_t i = negative; i < member->value_length; i++) {
		if (member->value[i] < '0' || member->value[i] > '9')
			return 0;
		value = value * 10 + (uint64_t)(member->value[i] - '0');
	}
	return negative ? (int64_t)(0 - value) : (int64_t)value;
}

struct object_cursor
object_enter(const struct object_member *container)
{
	if (container == NULL || (container->kind != OBJECT_ARRAY && container->kind != OBJECT_MAP))
		return (struct object_cursor){ 0 };
	return (struct object_cursor){ container->value + 1,
		container->value + container->value_length - 1, container->kind == OBJECT_MAP };
}

bool
object_next(struct object_cursor *cursor, struct object_member *item)
{
	struct scan scan = { cursor->at, cursor->end, true };
	bool escaped;

	*item = (struct object_member){ 0 };
	if (cursor->at == cursor->end)
		return false;
	take(&scan, ',');
	if (cursor->in_map && (!scan_text(&scan, &item->key, &item->key_length, &escaped) ||
				  !take(&scan, ':')))
		return false;
	if (!scan_value(&scan, item))
		return false;
	cursor->at = scan.at;
	return true;
}

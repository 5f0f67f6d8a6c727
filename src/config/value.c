/*
 * value.c - see value.h.
 *
 * Every type is a number with a spelling (durations, words, bools), a text or a
 * list of texts.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/secret.h"
#include "value.h"

enum {
	SHOWN_MOST = 60,	/* bytes of a wrong value that a message repeats */
	TEXT_BYTES_MOST = 4095, /* of a text without its own limit: PATH_MAX */
};

static bool
is_number(const struct setting *row)
{
	return row->type <= SETTING_ENUM;
}

/* The value in quotes for a message, cut and without control bytes. The caller frees it. */
static char *
shown(const char *text)
{
	struct buf out = { 0 };

	buf_put_u8(&out, '"');
	text_put_escaped(&out, text, strlen(text), SHOWN_MOST);
	buf_put_u8(&out, '"');
	return buf_steal_text(&out);
}

/* --- numbers and their spellings ----------------------------------------- */

static bool
to_duration(const struct setting *row, const char *text, int64_t *value)
{
	(void)row;
	return text_to_duration(text, value);
}

static bool
to_size(const struct setting *row, const char *text, int64_t *value)
{
	(void)row;
	return text_to_size(text, value);
}

static bool
to_int(const struct setting *row, const char *text, int64_t *value)
{
	(void)row;
	return text_to_int(text, value);
}

static bool
to_percent(const struct setting *row, const char *text, int64_t *value)
{
	size_t length = strlen(text);
	char number[8];

	(void)row;
	if (length < 2 || length > sizeof(number) || text[length - 1] != '%')
		return false;
	memcpy(number, text, length - 1);
	number[length - 1] = '\0';
	return text_to_int(number, value);
}

static bool
to_mode(const struct setting *row, const char *text, int64_t *value)
{
	size_t length = strlen(text);

	(void)row;
	if (length < 3 || length > 4 || strspn(text, "01234567") != length)
		return false;
	*value = strtol(text, NULL, 8);
	return *value <= 0777;
}

static bool
to_bool(const struct setting *row, const char *text, int64_t *value)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on" };

	(void)row;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(text, words[i]) == 0) {
			*value = i & 1;
			return true;
		}
	return false;
}

static bool
to_word(const struct setting *row, const char *text, int64_t *value)
{
	for (size_t i = 0; row->words[i] != NULL; i++)
		if (strcmp(text, row->words[i]) == 0) {
			*value = (int64_t)i;
			return true;
		}
	return false;
}

static void
from_duration(const struct setting *row, int64_t value, struct buf *out)
{
	char text[TEXT_UNIT_SIZE];

	(void)row;
	text_from_duration(value, text);
	buf_put_text(out, text);
}

static void
from_size(const struct setting *row, int64_t value, struct buf *out)
{
	char text[TEXT_UNIT_SIZE];

	(void)row;
	text_from_size(value, text);
	buf_put_text(out, text);
}

static void
from_int(const struct setting *row, int64_t value, struct buf *out)
{
	(void)row;
	buf_put_int(out, value);
}

static void
from_percent(const struct setting *row, int64_t value, struct buf *out)
{
	(void)row;
	buf_printf(out, "%" PRId64 "%%", value);
}

static void
from_mode(const struct setting *row, int64_t value, struct buf *out)
{
	(void)row;
	buf_printf(out, "%04o", (unsigned)value);
}

static void
from_bool(const struct setting *row, int64_t value, struct buf *out)
{
	(void)row;
	buf_put_text(out, value != 0 ? "true" : "false");
}

static void
from_word(const struct setting *row, int64_t value, struct buf *out)
{
	buf_put_text(out, row->words[value]);
}

/* How each type of number is spelt. */
static const struct spelling {
	bool (*to)(const struct setting *row, const char *text, int64_t *value);
	void (*from)(const struct setting *row, int64_t value, struct buf *out);
	const char *wanted;
	bool quotes; /* may stand in quotes */
} spellings[] = {
	[SETTING_DURATION] = { to_duration, from_duration,
	    "a duration: write a number and its unit, such as 500ms, 5s, 2m or 1h", true },
	[SETTING_SIZE] = { to_size, from_size, "a size: write it as 64KiB, 10MiB or 1GiB", true },
	[SETTING_INT] = { to_int, from_int, "a whole number", false },
	[SETTING_PERCENT] = { to_percent, from_percent, "a share, such as 50%", true },
	[SETTING_SMALL] = { to_int, from_int, "a whole number", false },
	[SETTING_MODE] = { to_mode, from_mode, "a file's permissions, such as \"0770\"", true },
	[SETTING_BOOL] = { to_bool, from_bool, "true or false", false },
	[SETTING_ENUM] = { to_word, from_word, NULL, true },
};

static void
store(const struct setting *row, void *base, int64_t value)
{
	char *at = (char *)base + row->where;

	if (row->type == SETTING_BOOL)
		*(bool *)at = value != 0;
	else if (row->type >= SETTING_SMALL)
		*(int *)at = (int)value;
	else
		*(int64_t *)at = value;
}

static int64_t
fetch(const struct setting *row, const void *base)
{
	const char *at = (const char *)base + row->where;

	if (row->type == SETTING_BOOL)
		return *(const bool *)at;
	if (row->type >= SETTING_SMALL)
		return *(const int *)at;
	return *(const int64_t *)at;
}

/* None of the words: say which there are, and which is near. */
static bool
refuse_word(const struct setting *row, const char *quoted, const char *text, struct error *err)
{
	struct buf words = { 0 };
	const char *near;
	char *list;
	size_t count = 0;

	for (; row->words[count] != NULL; count++)
		buf_printf(&words, "%s%s", count > 0 ? ", " : "", row->words[count]);
	list = buf_steal_text(&words);
	near = text_nearest(text, row->words, count);
	if (near != NULL)
		error_set(err, ERROR_CONFIG, "%s is none of %s (did you mean %s?)", quoted, list, near);
	else
		error_set(err, ERROR_CONFIG, "%s is none of %s", quoted, list);
	mem_free(list);
	return false;
}

static bool
check_range(const struct setting *row, const char *quoted, int64_t value, struct error *err)
{
	const struct spelling *spelling = &spellings[row->type];
	int64_t bound;

	if (row->least != NULL && spelling->to(row, row->least, &bound) && value < bound)
		return error_set(
		    err, ERROR_CONFIG, "%s is less than %s, the least allowed", quoted, row->least);
	if (row->most != NULL && spelling->to(row, row->most, &bound) && value > bound)
		return error_set(
		    err, ERROR_CONFIG, "%s is more than %s, the most allowed", quoted, row->most);
	return true;
}

static bool
parse_number(const struct setting *row, const char *text, void *base, struct error *err)
{
	const struct spelling *spelling = &spellings[row->type];
	char *quoted;
	int64_t value = 0;
	bool good;

	if (row->word != NULL && strcmp(text, row->word) == 0) {
		store(row, base, 0);
		return true;
	}
	quoted = shown(text);
	if (spelling->to(row, text, &value))
		good = check_range(row, quoted, value, err);
	else if (row->type == SETTING_ENUM)
		good = refuse_word(row, quoted, text, err);
	else
		good = error_set(err, ERROR_CONFIG, "%s is not %s%s%s", quoted, spelling->wanted,
		    row->word != NULL ? ", or " : "", row->word != NULL ? row->word : "");
	if (good)
		store(row, base, value);
	mem_free(quoted);
	return good;
}

/* --- texts ---------------------------------------------------------------- */

static bool
check_length(const struct setting *row, size_t length, struct error *err)
{
	size_t least = row->least != NULL ? strtoul(row->least, NULL, 10) : 0;
	size_t most = row->most != NULL ? strtoul(row->most, NULL, 10) : TEXT_BYTES_MOST;

	if (length < least)
		return error_set(err, ERROR_CONFIG, "it must not be empty");
	if (length > most)
		return error_set(
		    err, ERROR_CONFIG, "it has %zu bytes, and %zu are allowed", length, most);
	return true;
}

/* What no name, path or address has. */
static bool
check_characters(const char *text, struct error *err)
{
	for (const char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return error_set(err, ERROR_CONFIG, "it has a control character in it");
	if (strstr(text, "${") != NULL)
		return error_set(err, ERROR_CONFIG,
		    "${...} stands for a secret: only a password may be given so");
	return true;
}

static bool
parse_text(const struct setting *row, const char *text, const char *folder, void *base,
    struct error *err)
{
	char **at = (char **)((char *)base + row->where);
	char *fresh;

	if (row->type == SETTING_SECRET) {
		if (!secret_resolve(text, folder, &fresh, err))
			return false;
	} else {
		bool relative = row->type == SETTING_PATH && text[0] != '/' && text[0] != '\0' &&
		    (row->word == NULL || strcmp(text, row->word) != 0);

		if (!check_characters(text, err))
			return false;
		fresh = relative ? mem_printf("%s/%s", folder, text) : mem_strdup(text);
	}
	if (!check_length(row, strlen(fresh), err)) {
		mem_free_secret(fresh);
		return false;
	}
	value_free(row, base);
	*at = fresh;
	return true;
}

/* Is it what someone writes who means "nothing"? */
static bool
is_null(const struct yaml *node)
{
	return !node->quoted && (strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

/* --- lists ---------------------------------------------------------------- */

static void
free_list(char **list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
		mem_free(list[i]);
	mem_free(list);
}

/* One item of a list, or the one text that stands for a list of one. */
static bool
check_item(const struct yaml *item, const char *full, struct problems *problems)
{
	struct error err;

	if (item->kind != YAML_SCALAR)
		return yaml_problem(problems, item, "%s: a text is wanted here, not %s", full,
		    yaml_kind_name(item->kind));
	if (item->text[0] == '\0' || is_null(item))
		return yaml_problem(problems, item, "%s: it must not be empty", full);
	if (strlen(item->text) > 255)
		return yaml_problem(problems, item, "%s: it is longer than 255 bytes", full);
	if (!check_characters(item->text, &err))
		return yaml_problem(problems, item, "%s: %s", full, err.text);
	return true;
}

static bool
read_list(const struct setting *row, const char *full, const struct yaml *node, void *base,
    struct problems *problems)
{
	bool empty = node->kind == YAML_SCALAR && !node->quoted && node->text[0] == '\0';
	bool one = node->kind == YAML_SCALAR && !empty;
	size_t count = one ? 1 : empty ? 0 : node->count;
	char **list;

	if (node->kind == YAML_MAP)
		return yaml_problem(
		    problems, node, "%s: a list is wanted here, not a map", full);
	if (row->least != NULL && count == 0)
		return yaml_problem(problems, node, "%s: it must not be empty", full);
	list = mem_zalloc(count + 1, sizeof(*list));
	for (size_t i = 0; i < count; i++) {
		const struct yaml *item = one ? node : node->items[i];

		if (!check_item(item, full, problems)) {
			free_list(list);
			return false;
		}
		list[i] = mem_strdup(item->text);
	}
	value_free(row, base);
	*(char ***)((char *)base + row->where) = list;
	return true;
}

/* --- all types ------------------------------------------------------------ */

void
value_default(const struct setting *row, void *base)
{
	char **list;

	if (row->inherits != NULL) {
		store(row, base, CONFIG_INHERIT);
	} else if (row->fallback == NULL) {
		*(char **)((char *)base + row->where) = NULL;
	} else if (is_number(row)) {
		parse_number(row, row->fallback, base, NULL);
	} else if (row->type == SETTING_LIST) {
		list = mem_zalloc(2, sizeof(*list));
		if (row->fallback[0] != '\0')
			list[0] = mem_strdup(row->fallback);
		*(char ***)((char *)base + row->where) = list;
	} else {
		*(char **)((char *)base + row->where) = mem_strdup(row->fallback);
	}
}

bool
value_read(const struct setting *row, const char *full, const struct yaml *node,
    const char *folder, void *base, struct problems *problems)
{
	struct error err;
	bool good;

	if (row->type == SETTING_LIST)
		return read_list(row, full, node, base, problems);
	if (node->kind != YAML_SCALAR)
		return yaml_problem(problems, node, "%s: a single value is wanted here, not %s",
		    full, yaml_kind_name(node->kind));
	if (is_null(node) || (is_number(row) && node->text[0] == '\0'))
		return yaml_problem(
		    problems, node, "%s: it has no value: write one, or leave the key out", full);
	if (is_number(row) && node->quoted && !spellings[row->type].quotes)
		return yaml_problem(problems, node,
		    "%s: a text in quotes is not %s: leave the quotes out", full,
		    spellings[row->type].wanted);
	good = is_number(row) ? parse_number(row, node->text, base, &err)
			      : parse_text(row, node->text, folder, base, &err);
	if (!good)
		yaml_problem(problems, node, "%s: %s", full, err.text);
	return good;
}

bool
value_is_set(const struct setting *row, const void *base)
{
	if (row->inherits != NULL)
		return fetch(row, base) != CONFIG_INHERIT;
	if (is_number(row) || row->type == SETTING_LIST)
		return true;
	return *(char *const *)((const char *)base + row->where) != NULL;
}

static void
put_number(const struct setting *row, const void *base, struct buf *out)
{
	int64_t value = fetch(row, base);

	if (row->word != NULL && value == 0)
		buf_put_text(out, row->word);
	else
		spellings[row->type].from(row, value, out);
}

/* A secret shows as stars, unless there is none. */
static const char *
shown_text(const struct setting *row, const char *text)
{
	return row->type == SETTING_SECRET && text[0] != '\0' ? "***" : text;
}

void
value_put(const struct setting *row, const void *base, struct buf *out)
{
	const char *at = (const char *)base + row->where;

	if (!value_is_set(row, base))
		return;
	if (is_number(row)) {
		put_number(row, base, out);
	} else if (row->type == SETTING_LIST) {
		char *const *list = *(char *const *const *)at;

		for (size_t i = 0; list[i] != NULL; i++)
			buf_printf(out, "%s%s", i > 0 ? ", " : "", list[i]);
	} else {
		buf_put_text(out, shown_text(row, *(char *const *)at));
	}
}

/* Plain only what nobody could take for anything else. */
static bool
is_plain(const char *text)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_./-";
	static const char *const other[] = { "true", "false", "yes", "no", "on", "off", "null" };
	bool number = text[0] >= '0' && text[0] <= '9';

	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		if (strcasecmp(text, other[i]) == 0)
			return false;
	if (number && strchr(text, '.') == NULL)
		return false;
	return text[0] != '\0' && text[0] != '-' && strspn(text, safe) == strlen(text);
}

void
value_put_yaml_text(const char *text, struct buf *out)
{
	if (is_plain(text)) {
		buf_put_text(out, text);
		return;
	}
	buf_put_u8(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_put_u8(out, '\\');
		buf_put_u8(out, (uint8_t)*text);
	}
	buf_put_u8(out, '"');
}

void
value_put_yaml(const struct setting *row, const void *base, struct buf *out)
{
	const char *at = (const char *)base + row->where;

	if (row->type == SETTING_MODE) {
		buf_put_u8(out, '"');
		put_number(row, base, out);
		buf_put_u8(out, '"');
	} else if (is_number(row)) {
		put_number(row, base, out);
	} else if (row->type == SETTING_SECRET) {
		buf_printf(out, "\"%s\"", shown_text(row, *(char *const *)at));
	} else if (row->type == SETTING_LIST) {
		char *const *list = *(char *const *const *)at;

		buf_put_u8(out, '[');
		for (size_t i = 0; list[i] != NULL; i++) {
			buf_put_text(out, i > 0 ? ", " : "");
			value_put_yaml_text(list[i], out);
		}
		buf_put_u8(out, ']');
	} else {
		value_put_yaml_text(*(char *const *)at, out);
	}
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_list(char *const *a, char *const *b)
{
	while (*a != NULL && same_text(*a, *b)) {
		a++;
		b++;
	}
	return *a == NULL && *b == NULL;
}

bool
value_same(const struct setting *row, const void *a, const void *b)
{
	const char *at = (const char *)a + row->where;
	const char *other = (const char *)b + row->where;

	if (is_number(row))
		return fetch(row, a) == fetch(row, b);
	if (row->type == SETTING_LIST)
		return same_list(*(char *const *const *)at, *(char *const *const *)other);
	return same_text(*(char *const *)at, *(char *const *)other);
}

void
value_free(const struct setting *row, void *base)
{
	char *at = (char *)base + row->where;

	if (is_number(row))
		return;
	if (row->type == SETTING_LIST) {
		free_list(*(char ***)at);
		*(char ***)at = NULL;
		return;
	}
	if (row->type == SETTING_SECRET)
		mem_free_secret(*(char **)at);
	else
		mem_free(*(char **)at);
	*(char **)at = NULL;
}

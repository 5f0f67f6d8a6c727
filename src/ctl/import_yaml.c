/*
 * import_yaml.c - what is written: the settings in the order of etc/pgweir.yaml, then the
 * notes.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"
#include "base/mem.h"
#include "base/text.h"

/* The parts of pgweir.yaml. `listed`: its items have no names. */
static const struct group {
	const char *name;
	bool listed;
} groups[] = {
	{ "listen", true },
	{ "databases", false },
	{ "users", false },
	{ "roles", false },
	{ "auth", false },
	{ "pool", false },
	{ "limits", false },
	{ "timeouts", false },
	{ "backend", false },
	{ "protocol", false },
	{ "tls", false },
	{ "log", false },
	{ "console", false },
};

/* What is being written. On import_write()'s stack. */
struct writer {
	struct buf *out;
	int **sources;
	size_t *lines;
};

/* Words that YAML takes for the text that they are. */
static bool
is_plain(const char *text)
{
	static const char *const words[] = { "true", "false", "yes", "no", "on", "off",
		"null", "y", "n" };

	int64_t ms;

	/* "0" is a number, "5m" no more than a text. */
	if (!isalpha((unsigned char)text[0]) && text[0] != '/')
		return text[0] != '0' && text_to_duration(text, &ms);
	for (const char *at = text; *at != '\0'; at++)
		if (!isalnum((unsigned char)*at) && strchr("_-./", *at) == NULL)
			return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(text, words[i]) == 0)
			return false;
	return true;
}

static void
put_scalar(struct buf *out, const json_t *value)
{
	char *text;

	if (json_is_string(value) && is_plain(json_string_value(value))) {
		buf_put_text(out, json_string_value(value));
		return;
	}
	/* YAML reads JSON's numbers, words and quoted texts as they are. */
	text = json_dumps(value, JSON_ENCODE_ANY);
	buf_put_text(out, text != NULL ? text : "\"\"");
	free(text);
}

static void
put_name(struct buf *out, const char *name)
{
	json_t *text = json_string(name);

	put_scalar(out, text);
	json_decref(text);
}

static void
put_value(struct buf *out, const json_t *value)
{
	const json_t *one;
	size_t i;

	if (!json_is_array(value)) {
		put_scalar(out, value);
		return;
	}
	buf_put_text(out, "[");
	json_array_foreach(value, i, one)
	{
		buf_put_text(out, i > 0 ? ", " : "");
		put_scalar(out, one);
	}
	buf_put_text(out, "]");
}

static void
put_fields(struct buf *out, json_t *fields)
{
	const char *name, *between = "";
	json_t *value;

	buf_put_text(out, "{");
	json_object_foreach(fields, name, value)
	{
		buf_printf(out, "%s%s: ", between, name);
		put_value(out, value);
		between = ", ";
	}
	buf_put_text(out, "}");
}

static void
end_line(struct writer *writer, int source)
{
	buf_put_text(writer->out, "\n");
	*writer->sources = mem_resize(*writer->sources, *writer->lines + 1, sizeof(int));
	(*writer->sources)[(*writer->lines)++] = source;
}

static void
write_item(struct writer *writer, const struct group *group,
    const struct import_item *item, int source)
{
	buf_put_text(writer->out, group->listed ? "  - " : "  ");
	if (!group->listed) {
		put_name(writer->out, item->name);
		buf_put_text(writer->out, ": ");
	}
	if (json_is_object(item->value))
		put_fields(writer->out, item->value);
	else
		put_value(writer->out, item->value);
	end_line(writer, source);
}

static void
write_group(struct writer *writer, const struct import *import, const struct group *group)
{
	bool begun = false;

	for (size_t i = 0; i < import->count; i++) {
		if (strcmp(import->items[i].group, group->name) != 0)
			continue;
		if (!begun) {
			end_line(writer, -1);
			buf_printf(writer->out, "%s:", group->name);
			end_line(writer, -1);
		}
		begun = true;
		write_item(writer, group, &import->items[i], (int)i);
	}
}

void
import_write(
    const struct import *import, struct buf *out, int **sources, size_t *line_count)
{
	struct writer writer = { .out = out, .sources = sources, .lines = line_count };

	buf_put_text(out, "# pgweir.yaml, as pgweirctl import made it. What became of "
			  "each key stands at its end.");
	end_line(&writer, -1);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		write_group(&writer, import, &groups[i]);
	buf_put_text(out, "\n");
	buf_put(out, buf_bytes(&import->notes), buf_length(&import->notes));
}

/*
 * describe.c - the settings as the operator sees them: SHOW CONFIG, -T and
 * etc/pgweir.yaml, all from the table in settings.c.
 */
#include <string.h>

#include "base/mem.h"
#include "config/config.h"
#include "describe.h"
#include "reading.h"
#include "settings.h"
#include "value.h"

enum { LINE_MOST = 80 };

void
describe_facts(const struct setting *row, bool with_default, struct buf *out)
{
	bool number = row->type <= SETTING_SMALL;
	bool choice = row->words != NULL && row->words[1] != NULL;

	for (size_t i = 0; choice && row->words[i] != NULL; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : " One of ", row->words[i]);
	if (choice)
		buf_put_text(out, ".");
	if (number && row->least != NULL && row->most != NULL)
		buf_printf(out, " From %s to %s.", row->least, row->most);
	if (!with_default)
		return;
	if (row->inherits != NULL)
		buf_printf(out, " Default: %s.", row->inherits);
	else if (row->fallback != NULL)
		buf_printf(out, " Default: %s.", row->fallback[0] != '\0' ? row->fallback : "empty");
}

char *
describe_group(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL ? mem_strndup(name, (size_t)(dot - name)) : mem_strdup("");
}

/* --- SHOW CONFIG ----------------------------------------------------------- */

size_t
config_row_count(void)
{
	return settings_count;
}

void
config_row(const struct config *config, size_t i, struct config_row *row)
{
	struct buf value = { 0 };
	size_t length;

	value_put(&settings[i], config, &value);
	length = buf_length(&value);
	if (length >= sizeof(row->value))
		length = sizeof(row->value) - 1;
	row->key = settings[i].name;
	if (length > 0)
		memcpy(row->value, buf_bytes(&value), length);
	row->value[length] = '\0';
	row->fallback = settings[i].fallback;
	row->changeable = settings[i].reloadable;
	buf_free(&value);
}

/* --- groups of YAML -------------------------------------------------------- */

static void
put_indent(size_t depth, struct buf *out)
{
	buf_printf(out, "%*s", (int)(depth * 2), "");
}

/*
 * Open the groups that `name` is in and `before`, the setting printed last, was
 * not. Returns the depth at which the setting itself stands.
 */
static size_t
put_groups(const char *before, const char *name, struct buf *out)
{
	const char *begin = name;
	size_t depth = 0;

	for (const char *dot; (dot = strchr(begin, '.')) != NULL; begin = dot + 1, depth++) {
		if (strncmp(before, name, (size_t)(dot - name) + 1) == 0)
			continue;
		put_indent(depth, out);
		buf_put(out, begin, (size_t)(dot - begin));
		buf_put_text(out, ":\n");
	}
	return depth;
}

static const char *
last_word(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL ? dot + 1 : name;
}

static void
put_setting(
    const struct setting *row, size_t depth, const struct config *config, struct buf *out)
{
	put_indent(depth, out);
	buf_printf(out, "%s: ", last_word(row->name));
	value_put_yaml(row, config, out);
	buf_put_text(out, "\n");
}

/* --- pgweir -T -------------------------------------------------------------- */

/* {host: 127.0.0.1, port: 6432}, without what was left out. */
static void
put_entry(const struct part *part, const char *entry, struct buf *out)
{
	size_t count = 0;

	buf_put_text(out, "{");
	for (size_t i = 0; i < part->field_count; i++) {
		const struct setting *field = &part->fields[i];

		if (!value_is_set(field, entry) ||
		    (field->type == SETTING_MODE && ((const struct listen_config *)entry)->host))
			continue;
		buf_printf(out, "%s%s: ", count++ > 0 ? ", " : "", field->name);
		value_put_yaml(field, entry, out);
	}
	buf_put_text(out, "}\n");
}

static void
put_part(const struct part *part, const struct config *config, struct buf *out)
{
	size_t count = part_count(part, config);

	buf_printf(out, "%s:%s\n", part->name, count == 0 ? " {}" : "");
	for (size_t i = 0; i < count; i++) {
		const char *entry = part_entry(part, config, i);

		buf_put_text(out, "  ");
		if (part->name_where == NOWHERE) {
			buf_put_text(out, "- ");
		} else {
			value_put_yaml_text(*(char *const *)(entry + part->name_where), out);
			buf_put_text(out, ": ");
		}
		put_entry(part, entry, out);
	}
}

void
config_print(const struct config *config, struct buf *out)
{
	const char *before = "";

	for (size_t i = 0; i < parts_count; i++)
		put_part(&parts[i], config, out);
	for (size_t i = 0; i < settings_count; i++) {
		put_setting(&settings[i], put_groups(before, settings[i].name, out), config, out);
		before = settings[i].name;
	}
}

/* --- etc/pgweir.yaml --------------------------------------------------------- */

/* The text as lines of comment at this depth, broken between words. */
static void
put_comment(const char *text, size_t depth, const char *hang, struct buf *out)
{
	size_t used = LINE_MOST;
	bool first = true;

	while (*text != '\0') {
		size_t length = strcspn(text, " ");

		if (used + 1 + length > LINE_MOST) {
			buf_put_text(out, first ? "" : "\n");
			put_indent(depth, out);
			buf_put_text(out, "#");
			used = depth * 2 + 1;
			if (!first) {
				buf_put_text(out, hang);
				used += strlen(hang);
			}
			first = false;
		}
		buf_put_text(out, " ");
		buf_put(out, text, length);
		used += 1 + length;
		text += length;
		text += strspn(text, " ");
	}
	buf_put_text(out, "\n");
}

static void
put_field_comment(const struct setting *field, struct buf *out)
{
	struct buf text = { 0 };
	char *line;

	buf_printf(&text, "%s: %s", field->name, field->text);
	describe_facts(field, true, &text);
	line = buf_steal_text(&text);
	put_comment(line, 0, "   ", out);
	mem_free(line);
}

static void
put_part_sample(const struct part *part, struct buf *out)
{
	buf_put_text(out, "\n");
	put_comment(part->text, 0, "", out);
	if (part->key_text != NULL) {
		char *line = mem_printf("NAME: %s", part->key_text);

		put_comment(line, 0, "   ", out);
		mem_free(line);
	}
	for (size_t i = 0; i < part->field_count; i++)
		put_field_comment(&part->fields[i], out);
	if (!part->reloadable)
		put_comment("A change needs a restart.", 0, "", out);
	buf_put_text(out, part->sample);
}

static void
put_setting_comment(const struct setting *row, size_t depth, struct buf *out)
{
	struct buf text = { 0 };
	char *line;

	buf_put_text(&text, row->text);
	describe_facts(row, false, &text);
	if (!row->reloadable)
		buf_put_text(&text, " A change needs a restart.");
	line = buf_steal_text(&text);
	put_comment(line, depth, "", out);
	mem_free(line);
}

void
config_print_sample(struct buf *out)
{
	struct config defaults = { 0 };
	const char *before = "";

	buf_put_text(out,
	    "# pgweir.yaml - every setting of pgweir, with its default. See pgweir.yaml(5).\n"
	    "#\n"
	    "# Check a change with `pgweir -t`, then reload with HUP or RELOAD.\n"
	    "# A password may be ${file:PATH}, ${env:NAME} or ${cred:NAME}.\n\n");
	put_comment(include_text, 0, "", out);
	buf_put_text(out, "#include: conf.d/*.yaml\n");
	for (size_t i = 0; i < parts_count; i++)
		put_part_sample(&parts[i], out);
	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *row = &settings[i];
		size_t depth;

		value_default(row, &defaults);
		if (strncmp(before, row->name, strcspn(row->name, ".")) != 0 ||
		    strchr(row->name, '.') == NULL)
			buf_put_text(out, "\n");
		depth = put_groups(before, row->name, out);
		put_setting_comment(row, depth, out);
		put_setting(row, depth, &defaults, out);
		value_free(row, &defaults);
		before = row->name;
	}
}

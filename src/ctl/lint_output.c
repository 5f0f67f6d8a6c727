/* lint_output.c - findings as text, JSON, SARIF 2.1.0 and GitHub's annotations. */
#include <string.h>

#include "base/json.h"
#include "config.h"
#include "lint.h"

size_t
lint_count(const struct lint_items *items, enum policy_action action)
{
	size_t count = 0;

	for (size_t i = 0; i < items->count; i++)
		count += items->items[i].action == action;
	return count;
}

static const char *
action_name(const struct lint_item *item)
{
	return item->action == POLICY_DENY ? "deny" : "warn";
}

/* As a compiler's. */
static void
put_text(struct buf *out, const struct lint_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		const struct lint_item *item = &items->items[i];

		buf_printf(out, "%s:%d:%d: %s[%s]: %s\n", item->file, item->line, item->col,
		    action_name(item), item->rule, item->detail);
		if (item->hint[0] != '\0')
			buf_printf(out, "    %s\n", item->hint);
	}
	buf_printf(out, "%zu files, %zu statements: %zu denied, %zu warned\n", items->files,
	    items->statements, lint_count(items, POLICY_DENY), lint_count(items, POLICY_WARN));
}

static void
put_json(struct buf *out, const struct lint_items *items)
{
	buf_put_u8(out, '[');
	for (size_t i = 0; i < items->count; i++) {
		const struct lint_item *item = &items->items[i];

		buf_put_text(out, i == 0 ? "\n{\"file\":" : ",\n{\"file\":");
		json_put_string(out, item->file, strlen(item->file));
		json_put_member_int(out, "line", item->line);
		json_put_member_int(out, "column", item->col);
		json_put_member(out, "action", action_name(item));
		json_put_member(out, "rule", item->rule);
		json_put_member(out, "policy", item->policy);
		json_put_member(out, "detail", item->detail);
		json_put_member(out, "hint", item->hint);
		buf_put_u8(out, '}');
	}
	buf_put_text(out, "\n]\n");
}

/* Is it the first item of its rule? */
static bool
is_first(const struct lint_items *items, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(items->items[i].rule, items->items[at].rule) == 0)
			return false;
	return true;
}

static void
put_sarif_rules(struct buf *out, const struct lint_items *items)
{
	const char *before = "";

	for (size_t i = 0; i < items->count; i++) {
		if (!is_first(items, i))
			continue;
		buf_printf(out, "%s\n{\"id\":", before);
		json_put_string(out, items->items[i].rule, strlen(items->items[i].rule));
		buf_put_u8(out, '}');
		before = ",";
	}
}

/*
 * A path as a reference of RFC 3986: a colon in its first part would read as a scheme. What a
 * path may hold and JSON may not, such as a Latin-1 letter, is then written in ASCII too.
 */
static void
put_uri(struct buf *out, const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";

	buf_put_text(out, path[0] == '/' ? "\"file://" : "\"");
	for (const char *at = path; *at != '\0'; at++) {
		if (strchr(plain, *at) != NULL)
			buf_put_u8(out, (uint8_t)*at);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)*at);
	}
	buf_put_u8(out, '"');
}

static void
put_sarif_result(struct buf *out, const struct lint_item *item)
{
	struct buf message = { 0 };

	buf_printf(&message, "%s%s%s", item->detail, item->hint[0] != '\0' ? "\n" : "", item->hint);
	buf_put_text(out, "{\"ruleId\":");
	json_put_string(out, item->rule, strlen(item->rule));
	json_put_member(out, "level", item->action == POLICY_DENY ? "error" : "warning");
	buf_put_text(out, ",\"message\":{\"text\":");
	json_put_string(out, (const char *)buf_bytes(&message), buf_length(&message));
	buf_put_text(out, "},\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":");
	put_uri(out, item->file);
	buf_printf(out, "},\"region\":{\"startLine\":%d,\"startColumn\":%d}}}]}", item->line,
	    item->col);
	buf_free(&message);
}

static void
put_sarif(struct buf *out, const struct lint_items *items)
{
	buf_put_text(out,
	    "{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\","
	    "\"runs\":[{\"tool\":{\"driver\":{\"name\":\"pgweirctl\",\"version\":\"" PACKAGE_VERSION
	    "\",\"rules\":[");
	put_sarif_rules(out, items);
	buf_put_text(out, "]}},\"columnKind\":\"unicodeCodePoints\",\"results\":[");
	for (size_t i = 0; i < items->count; i++) {
		buf_put_text(out, i == 0 ? "\n" : ",\n");
		put_sarif_result(out, &items->items[i]);
	}
	buf_put_text(out, "\n]}]}\n");
}

/* A workflow command ends with its line, and its properties with a comma. */
static void
put_escaped(struct buf *out, const char *text, bool property)
{
	for (const char *at = text; *at != '\0'; at++) {
		if (*at == '%' || *at == '\r' || *at == '\n' ||
		    (property && (*at == ',' || *at == ':')))
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)*at);
		else
			buf_put_u8(out, (uint8_t)*at);
	}
}

static void
put_github(struct buf *out, const struct lint_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		const struct lint_item *item = &items->items[i];

		buf_printf(out, "::%s file=", item->action == POLICY_DENY ? "error" : "warning");
		put_escaped(out, item->file, true);
		buf_printf(out, ",line=%d,col=%d,title=", item->line, item->col);
		put_escaped(out, item->rule, true);
		buf_put_text(out, "::");
		put_escaped(out, item->detail, false);
		if (item->hint[0] != '\0') {
			buf_put_text(out, "%0A");
			put_escaped(out, item->hint, false);
		}
		buf_put_u8(out, '\n');
	}
}

const struct lint_format *
lint_format_by_name(const char *name)
{
	static const struct lint_format formats[] = { { "text", put_text }, { "json", put_json },
		{ "sarif", put_sarif }, { "github", put_github } };

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	return NULL;
}

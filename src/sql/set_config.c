/*
 * set_config.c - facts of set_config(name, value, is_local): where it surely runs
 * once with constants it is told as the SET that does the same.
 */
#include <string.h>

#include <pg_query/pg_query.pb-c.h>

#include "base/buf.h"

#include "constant.h"
#include "handlers.h"
#include "settings.h"

enum { CALL_ARGS = 2, CAST_ARG = 1, CAST_TYPE = 2, SET_CONFIG_ARGS = 3 };

void
setting_put_quoted(struct buf *out, struct slice text, char quote)
{
	buf_put_u8(out, (uint8_t)quote);
	for (size_t i = 0; i < text.length; i++) {
		if (text.bytes[i] == (uint8_t)quote)
			buf_put_u8(out, (uint8_t)quote);
		buf_put_u8(out, text.bytes[i]);
	}
	buf_put_u8(out, (uint8_t)quote);
}

static bool
is_blank(uint8_t byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static void
skip_blanks(struct slice *rest)
{
	while (rest->length > 0 && is_blank(rest->bytes[0])) {
		rest->bytes++;
		rest->length--;
	}
}

/* One name off the front of a list, as SplitIdentifierString() reads it. */
static bool
take_name(struct slice *rest, struct buf *name)
{
	bool quoted = rest->length > 0 && rest->bytes[0] == '"';
	size_t at = quoted;

	buf_clear(name);
	for (; at < rest->length; at++) {
		uint8_t byte = rest->bytes[at];

		if (quoted && byte == '"' && at + 1 < rest->length &&
		    rest->bytes[at + 1] == '"')
			at++;
		else if (quoted ? byte == '"' : (byte == ',' || is_blank(byte)))
			break;
		if (!quoted && byte >= 'A' && byte <= 'Z')
			byte |= 0x20;
		buf_put_u8(name, byte);
	}
	if (quoted && at == rest->length)
		return false;
	at += quoted;
	rest->bytes += at;
	rest->length -= at;
	return buf_length(name) > 0;
}

/* The value of a list setting as SET wants it: each name apart. */
static bool
put_names(struct buf *out, struct slice value)
{
	struct buf name = { 0 };
	bool good = true;

	skip_blanks(&value);
	if (value.length == 0) {
		buf_put_text(out, "''");
		return true;
	}
	for (;;) {
		good = take_name(&value, &name);
		if (!good)
			break;
		setting_put_quoted(
		    out, (struct slice){ buf_bytes(&name), buf_length(&name) }, '"');
		skip_blanks(&value);
		if (value.length == 0)
			break;
		good = value.bytes[0] == ',';
		if (!good)
			break;
		buf_put_text(out, ", ");
		value.bytes++;
		value.length--;
		skip_blanks(&value);
	}
	buf_free(&name);
	return good;
}

/* SET "name" TO 'value'; NULL when that would not be the same. */
static char *
replay_of(struct collector *facts, const char *name, struct slice value)
{
	struct buf text = { 0 };
	char *replay = NULL;
	bool good = true;

	buf_put_text(&text, "SET ");
	setting_put_quoted(&text, slice_of(name), '"');
	buf_put_text(&text, " TO ");
	if (setting_special(name)->is_list)
		good = put_names(&text, value);
	else
		setting_put_quoted(&text, value, '\'');
	if (good)
		replay = arena_strndup(facts->arena, buf_bytes(&text), buf_length(&text));
	buf_free(&text);
	return replay;
}

/* An argument, of 'x'::text what is cast. */
static struct tree_node
uncast(struct tree_node node)
{
	struct slice type;

	if (node.type != PG_QUERY__NODE__NODE_TYPE_CAST)
		return node;
	type = tree_name(tree_body(node.body, CAST_TYPE), 1, NULL);
	if (!slice_is(type, "text") && !slice_is(type, "bool"))
		return node;
	return tree_child(node.body, CAST_ARG);
}

static struct constant
argument(struct tree_node node)
{
	return constant_of(uncast(node));
}

/* What a call that is done once, with constants, does: the same as SET or RESET. */
static bool
set_config_once(struct collector *facts, const char *name, const struct constant *value)
{
	struct sql_setting setting = { .name = (char *)name,
		.local = setting_special(name)->local };

	if (value->kind == CONSTANT_NULL) {
		setting.kind = SQL_SETTING_RESET;
	} else if (value->kind == CONSTANT_STRING) {
		setting.kind = SQL_SETTING_SET;
		setting.replay =
		    setting.local ? NULL : replay_of(facts, name, value->text);
		if (!setting.local && setting.replay == NULL)
			return false;
	} else {
		return false;
	}
	collect_setting(facts, setting);
	return true;
}

/* The column `name`, of which the WHERE says what it is. */
static bool
is_column_name(struct tree_node node)
{
	return node.type == PG_QUERY__NODE__NODE_COLUMN_REF && tree_count(node.body, 1) == 1 &&
	       slice_is(tree_name(node.body, 1, NULL), "name");
}

void
handle_set_config(struct collector *facts, struct slice body, struct context *context)
{
	struct tree_node args[SET_CONFIG_ARGS] = { { 0 } };
	struct constant name, value, local;
	bool is_local = false;
	const char *folded;
	unsigned residue;

	for (size_t i = 0; i < SET_CONFIG_ARGS; i++)
		if (!tree_next_child(&body, CALL_ARGS, &args[i]))
			break;
	name = argument(args[0]);
	if (context->name_is.length > 0 && is_column_name(args[0]))
		name = (struct constant){ .kind = CONSTANT_STRING, .text = context->name_is };
	value = argument(args[1]);
	local = argument(args[2]);
	if (!constant_to_bool(&local, &is_local))
		is_local = false;
	folded = setting_note(
	    facts, name.kind == CONSTANT_STRING ? name.text : slice_of(""), uncast(args[1]));
	residue = setting_special(folded)->residue;
	if (residue == 0 && !is_local)
		residue = SQL_RESIDUE_SETTING;
	if (strcmp(folded, "search_path") == 0 && !is_local &&
	    (value.kind != CONSTANT_STRING || setting_names_temp_schema(value.text)))
		collect_residue(facts, context, SQL_RESIDUE_TEMP);
	if (residue == SQL_RESIDUE_SETTING && context->once && folded[0] != '\0' &&
	    local.kind != CONSTANT_NONE && set_config_once(facts, folded, &value))
		return;
	if (is_local && residue == 0 && folded[0] != '\0' && context->once)
		collect_setting(facts,
		    (struct sql_setting){
			.name = (char *)folded, .kind = SQL_SETTING_SET, .local = true });
	collect_residue(facts, context, residue);
}

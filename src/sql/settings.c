/* settings.c - facts of SET, RESET, set_config() and the modes of a transaction. */
#include <string.h>

#include <pg_query/pg_query.pb-c.h>

#include "base/buf.h"

#include "constant.h"
#include "handlers.h"

enum { SET_KIND = 1, SET_NAME = 2, SET_ARGS = 3, SET_LOCAL = 4 };
enum { DEF_NAME = 2, DEF_ARG = 3 };
enum { CALL_ARGS = 2 };
enum { CAST_ARG = 1, CAST_TYPE = 2 };
enum { SET_CONFIG_ARGS = 3 };

/* Settings that are not like others. */
struct special_setting {
	const char *name;
	unsigned residue; /* instead of being replayed */
	bool local;	  /* ends with the transaction however it was set */
	bool is_list;	  /* of quoted names: a string of several is not one of them */
	bool read_only;	  /* off is READ WRITE */
};

static const struct special_setting special_settings[] = {
	{ .name = "role", .residue = SQL_RESIDUE_ROLE },
	{ .name = "session_authorization", .residue = SQL_RESIDUE_ROLE },
	{ .name = "seed", .residue = SQL_RESIDUE_SEED },
	{ .name = "transaction_isolation", .local = true },
	{ .name = "transaction_read_only", .local = true, .read_only = true },
	{ .name = "transaction_deferrable", .local = true },
	{ .name = "default_transaction_read_only", .read_only = true },
	{ .name = "search_path", .is_list = true },
	{ .name = "temp_tablespaces", .is_list = true },
	{ .name = "local_preload_libraries", .is_list = true },
	{ .name = "session_preload_libraries", .is_list = true },
};

static const struct slice no_name = { (const uint8_t *)"", 0 };
static const struct special_setting ordinary_setting = { .name = "" };

static const struct special_setting *
special(const char *name)
{
	for (size_t i = 0; i < sizeof(special_settings) / sizeof(special_settings[0]); i++)
		if (strcmp(special_settings[i].name, name) == 0)
			return &special_settings[i];
	return &ordinary_setting;
}

static bool
is_off(struct tree_node value)
{
	struct constant constant = constant_of(value);
	bool on = true;

	return constant_to_bool(&constant, &on) && !on;
}

/* Note the name and what any spelling of the setting means. Returns the folded name. */
static char *
note_setting(struct collector *facts, struct slice name, struct tree_node value)
{
	char *folded = collect_setting_name(facts, name);

	if (special(folded)->read_only && is_off(value))
		facts->statement->read_write = true;
	return folded;
}

/* Tables are made in pg_temp where search_path begins with it; any mention counts. */
static bool
mentions_temp_schema(struct slice value)
{
	return value.length > 0 && memmem(value.bytes, value.length, "pg_temp", 7) != NULL;
}

/* --- SET and RESET ------------------------------------------------------- */

static char *
statement_text(struct collector *facts)
{
	return arena_strndup(facts->arena, facts->text.bytes, facts->text.length);
}

static void
set_value(struct collector *facts, struct slice body, const char *name, struct context *context)
{
	const struct special_setting *how = special(name);
	struct sql_setting setting = { .name = (char *)name, .kind = SQL_SETTING_SET };
	struct tree_node arg;

	if (how->residue != 0) {
		collect_residue(facts, context, how->residue);
		return;
	}
	setting.local = how->local || tree_value(body, SET_LOCAL) != 0;
	if (!setting.local)
		setting.replay = statement_text(facts);
	collect_setting(facts, setting);
	if (strcmp(name, "search_path") != 0)
		return;
	while (tree_next_child(&body, SET_ARGS, &arg)) {
		struct constant value = constant_of(arg);

		if (value.kind == CONSTANT_STRING &&
		    mentions_temp_schema(value.text))
			collect_residue(facts, context, SQL_RESIDUE_TEMP);
	}
}

static void
reset(struct collector *facts, struct slice body, const char *name, struct context *context)
{
	const struct special_setting *how = special(name);

	if (how->residue != 0) {
		collect_residue(facts, context, how->residue);
		return;
	}
	collect_setting(facts, (struct sql_setting){
		.name = (char *)name,
		.kind = SQL_SETTING_RESET,
		.local = how->local || tree_value(body, SET_LOCAL) != 0,
	});
}

/* One mode of a transaction, "transaction_read_only" for example, as a default of the session. */
static void
set_default_mode(struct collector *facts, struct slice mode, struct tree_node value)
{
	struct constant constant = constant_of(value);
	struct buf text = { 0 };
	char *name;

	buf_put_text(&text, "default_");
	buf_put(&text, mode.bytes, mode.length);
	name = note_setting(facts, (struct slice){ buf_bytes(&text), buf_length(&text) }, value);
	buf_clear(&text);
	buf_printf(&text, "SET %s TO ", name);
	if (constant.kind == CONSTANT_STRING)
		buf_printf(&text, "'%.*s'", (int)constant.text.length,
		    (const char *)constant.text.bytes);
	else
		buf_put_text(&text, constant.integer != 0 ? "on" : "off");
	collect_setting(facts, (struct sql_setting){
		.name = name,
		.kind = SQL_SETTING_SET,
		.replay = arena_strndup(facts->arena, buf_bytes(&text), buf_length(&text)),
	});
	buf_free(&text);
}

static void
set_mode(struct collector *facts, struct slice mode, struct tree_node value)
{
	collect_setting(facts, (struct sql_setting){
		.name = note_setting(facts, mode, value),
		.kind = SQL_SETTING_SET,
		.local = true,
	});
}

/* SET TRANSACTION and SET SESSION CHARACTERISTICS AS TRANSACTION. */
static void
set_modes(struct collector *facts, struct slice body, struct slice what)
{
	bool session = slice_is(what, "SESSION CHARACTERISTICS");
	struct tree_node mode;

	while (tree_next_child(&body, SET_ARGS, &mode)) {
		struct slice name = tree_body(mode.body, DEF_NAME);
		struct tree_node value = tree_child(mode.body, DEF_ARG);

		if (mode.type != PG_QUERY__NODE__NODE_DEF_ELEM)
			continue; /* the name of a snapshot */
		if (session)
			set_default_mode(facts, name, value);
		else
			set_mode(facts, name, value);
	}
}

void
settings_of_transaction(struct collector *facts, struct slice body, unsigned field)
{
	struct tree_node mode;

	while (tree_next_child(&body, field, &mode))
		if (mode.type == PG_QUERY__NODE__NODE_DEF_ELEM)
			note_setting(facts, tree_body(mode.body, DEF_NAME),
			    tree_child(mode.body, DEF_ARG));
}

/* SET within ALTER ROLE, ALTER DATABASE, ALTER SYSTEM, CREATE FUNCTION: for others, later. */
static void
store(struct collector *facts, struct slice body, uint64_t kind)
{
	facts->statement->setting_stored = true;
	if (kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI)
		settings_of_transaction(facts, body, SET_ARGS);
	else
		note_setting(facts, tree_body(body, SET_NAME), tree_child(body, SET_ARGS));
}

void
handle_variable_set(struct collector *facts, struct slice body, struct context *context)
{
	uint64_t kind = tree_value(body, SET_KIND);
	struct slice name = tree_body(body, SET_NAME);
	bool transaction;

	if (!context->top) {
		store(facts, body, kind);
		return;
	}
	transaction = kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI &&
		      !slice_is(name, "SESSION CHARACTERISTICS");
	collect_classes(facts, context, transaction ? SQL_TXN : SQL_SESSION);
	switch (kind) {
	case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE:
		collect_verb(facts, "SET");
		set_value(facts, body, note_setting(facts, name, tree_child(body, SET_ARGS)),
		    context);
		break;
	case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI:
		collect_verb(facts, "SET");
		set_modes(facts, body, name);
		break;
	case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_DEFAULT:
		collect_verb(facts, "SET");
		reset(facts, body, note_setting(facts, name, (struct tree_node){ 0 }), context);
		break;
	case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET:
		collect_verb(facts, "RESET");
		reset(facts, body, note_setting(facts, name, (struct tree_node){ 0 }), context);
		break;
	case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL:
		collect_verb(facts, "RESET");
		collect_setting(facts, (struct sql_setting){
			.name = collect_setting_name(facts, no_name),
			.kind = SQL_SETTING_RESET_ALL,
		});
		break;
	default: /* SET … FROM CURRENT: a value that the text does not show */
		collect_verb(facts, "SET");
		note_setting(facts, name, (struct tree_node){ 0 });
		collect_residue(facts, context, SQL_RESIDUE_SETTING);
	}
}

void
handle_discard(struct collector *facts, struct slice body, struct context *context)
{
	static const char *const verbs[] = {
		[PG_QUERY__DISCARD_MODE__DISCARD_ALL] = "DISCARD ALL",
		[PG_QUERY__DISCARD_MODE__DISCARD_PLANS] = "DISCARD PLANS",
		[PG_QUERY__DISCARD_MODE__DISCARD_SEQUENCES] = "DISCARD SEQUENCES",
		[PG_QUERY__DISCARD_MODE__DISCARD_TEMP] = "DISCARD TEMP",
	};
	uint64_t target = tree_value(body, 1);
	bool all = target == PG_QUERY__DISCARD_MODE__DISCARD_ALL;

	if (target > 0 && target < sizeof(verbs) / sizeof(verbs[0]))
		collect_verb(facts, verbs[target]);
	facts->statement->deallocates = all || target == PG_QUERY__DISCARD_MODE__DISCARD_PLANS;
	facts->statement->discards_all = all;
	if (all)
		collect_setting(facts, (struct sql_setting){
			.name = collect_setting_name(facts, no_name),
			.kind = SQL_SETTING_RESET_ALL,
		});
	(void)context;
}

/* --- set_config(name, value, is_local) ------------------------------------ */

static void
put_quoted(struct buf *out, struct slice text, char quote)
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

		if (quoted && byte == '"' && at + 1 < rest->length && rest->bytes[at + 1] == '"')
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
		put_quoted(out, (struct slice){ buf_bytes(&name), buf_length(&name) }, '"');
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
	put_quoted(&text, (struct slice){ (const uint8_t *)name, strlen(name) }, '"');
	buf_put_text(&text, " TO ");
	if (special(name)->is_list)
		good = put_names(&text, value);
	else
		put_quoted(&text, value, '\'');
	if (good)
		replay = arena_strndup(facts->arena, buf_bytes(&text), buf_length(&text));
	buf_free(&text);
	return replay;
}

/* An argument, also 'x'::text. */
static struct constant
argument(struct tree_node node)
{
	struct slice type;

	if (node.type != PG_QUERY__NODE__NODE_TYPE_CAST)
		return constant_of(node);
	type = tree_name(tree_body(node.body, CAST_TYPE), 1, NULL);
	if (!slice_is(type, "text") && !slice_is(type, "bool"))
		return (struct constant){ .kind = CONSTANT_NONE };
	return constant_of(tree_child(node.body, CAST_ARG));
}

/* What a call that is done once, with constants, does: the same as SET or RESET. */
static bool
set_config_once(struct collector *facts, const char *name, const struct constant *value)
{
	struct sql_setting setting = { .name = (char *)name, .local = special(name)->local };

	if (value->kind == CONSTANT_NULL) {
		setting.kind = SQL_SETTING_RESET;
	} else if (value->kind == CONSTANT_STRING) {
		setting.kind = SQL_SETTING_SET;
		setting.replay = setting.local ? NULL : replay_of(facts, name, value->text);
		if (!setting.local && setting.replay == NULL)
			return false;
	} else {
		return false;
	}
	collect_setting(facts, setting);
	return true;
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
	value = argument(args[1]);
	local = argument(args[2]);
	if (!constant_to_bool(&local, &is_local))
		is_local = false;
	folded = note_setting(facts, name.kind == CONSTANT_STRING ? name.text : no_name, args[1]);
	residue = special(folded)->residue;
	if (residue == 0 && !is_local)
		residue = SQL_RESIDUE_SETTING;
	if (strcmp(folded, "search_path") == 0 && !is_local &&
	    (value.kind != CONSTANT_STRING || mentions_temp_schema(value.text)))
		collect_residue(facts, context, SQL_RESIDUE_TEMP);
	if (residue == SQL_RESIDUE_SETTING && context->once && folded[0] != '\0' &&
	    local.kind != CONSTANT_NONE && set_config_once(facts, folded, &value))
		return;
	if (is_local && residue == 0 && folded[0] != '\0' && context->once)
		collect_setting(facts, (struct sql_setting){
			.name = (char *)folded, .kind = SQL_SETTING_SET, .local = true });
	collect_residue(facts, context, residue);
}

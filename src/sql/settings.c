/* settings.c - facts of SET, RESET, DISCARD and the modes of a transaction. */
#include <ctype.h>
#include <string.h>

#include <pg_query/pg_query.pb-c.h>

#include "base/buf.h"

#include "constant.h"
#include "handlers.h"
#include "settings.h"

enum { STORED_ROLE = 1, STORED_IN = 2, STORED_DATABASE = 1, ROLE_NAME = 2 };
enum { SET_KIND = 1, SET_NAME = 2, SET_ARGS = 3, SET_LOCAL = 4 };
enum { DEF_NAME = 2, DEF_ARG = 3 };

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

static const struct special_setting ordinary_setting = { .name = "" };

const struct special_setting *
setting_special(const char *name)
{
	for (size_t i = 0; i < sizeof(special_settings) / sizeof(special_settings[0]);
	     i++)
		if (strcmp(special_settings[i].name, name) == 0)
			return &special_settings[i];
	return &ordinary_setting;
}

/* Could the value be off? One that the text does not show could. */
static bool
may_be_off(struct tree_node value)
{
	struct constant constant = constant_of(value);
	bool on = false;

	if (value.type == 0 || constant.kind == CONSTANT_NULL)
		return false;
	return !constant_to_bool(&constant, &on) || !on;
}

/*
 * RESET and DEFAULT of the running transaction's mode make it READ WRITE, whatever the
 * session's default is.
 */
static bool
may_loosen(const char *name, struct tree_node value)
{
	struct constant constant = constant_of(value);

	if (!setting_special(name)->read_only)
		return false;
	if (value.type == 0 || constant.kind == CONSTANT_NULL)
		return setting_special(name)->local;
	return may_be_off(value);
}

/* PostgreSQL looks at letters and digits only (encnames.c). */
static bool
is_utf8(struct slice encoding)
{
	static const char *const names[] = { "utf8", "unicode", "sqlascii" };
	char plain[16];
	size_t length = 0;

	for (size_t i = 0; i < encoding.length; i++) {
		if (!isalnum(encoding.bytes[i]))
			continue;
		if (length == sizeof(plain) - 1)
			return false;
		plain[length++] = (char)tolower(encoding.bytes[i]);
	}
	plain[length] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(plain, names[i]) == 0)
			return true;
	return false;
}

/* The session's defaults are those that the parser assumes, so RESET does no harm. */
static bool
may_misread(const char *name, struct tree_node value)
{
	struct constant constant = constant_of(value);

	if (strcmp(name, "standard_conforming_strings") == 0)
		return may_be_off(value);
	if (strcmp(name, "client_encoding") != 0 || value.type == 0 ||
	    constant.kind == CONSTANT_NULL)
		return false;
	return constant.kind != CONSTANT_STRING || !is_utf8(constant.text);
}

char *
setting_note(struct collector *facts, struct slice name, struct tree_node value)
{
	char *folded = collect_setting_name(facts, name);

	if (may_loosen(folded, value))
		facts->statement->read_write = true;
	if (may_misread(folded, value))
		facts->statement->misread = true;
	return folded;
}

bool
setting_names_temp_schema(struct slice value)
{
	return value.length > 0 &&
	       memmem(value.bytes, value.length, "pg_temp", 7) != NULL;
}

static char *
statement_text(struct collector *facts)
{
	return arena_strndup(facts->arena, facts->text.bytes, facts->text.length);
}

/* Names one by one to one list. NULL when a value is none that the text shows. */
static char *
path_of(struct collector *facts, struct slice body)
{
	struct buf list = { 0 };
	struct tree_node arg;
	char *path = NULL;
	bool good = true;

	while (good && tree_next_child(&body, SET_ARGS, &arg)) {
		struct constant value = constant_of(arg);

		good = value.kind == CONSTANT_STRING;
		if (buf_length(&list) > 0)
			buf_put_text(&list, ", ");
		if (good)
			setting_put_quoted(&list, value.text, '"');
	}
	if (good && buf_length(&list) > 0)
		path = arena_strndup(facts->arena, buf_bytes(&list), buf_length(&list));
	buf_free(&list);
	return path;
}

static void
set_value(
    struct collector *facts, struct slice body, const char *name, struct context *context)
{
	const struct special_setting *how = setting_special(name);
	struct sql_setting setting = { .name = (char *)name, .kind = SQL_SETTING_SET };
	struct tree_node arg;

	if (how->residue != 0) {
		collect_residue(facts, context, how->residue);
		return;
	}
	setting.local = how->local || tree_value(body, SET_LOCAL) != 0;
	if (!setting.local)
		setting.replay = statement_text(facts);
	if (strcmp(name, "search_path") == 0)
		setting.path = path_of(facts, body);
	collect_setting(facts, setting);
	if (strcmp(name, "search_path") != 0)
		return;
	while (tree_next_child(&body, SET_ARGS, &arg)) {
		struct constant value = constant_of(arg);

		if (value.kind == CONSTANT_STRING &&
		    setting_names_temp_schema(value.text))
			collect_residue(facts, context, SQL_RESIDUE_TEMP);
	}
}

static void
reset(
    struct collector *facts, struct slice body, const char *name, struct context *context)
{
	const struct special_setting *how = setting_special(name);

	if (how->residue != 0) {
		collect_residue(facts, context, how->residue);
		return;
	}
	collect_setting(
	    facts, (struct sql_setting){
		       .name = (char *)name,
		       .kind = SQL_SETTING_RESET,
		       .local = how->local || tree_value(body, SET_LOCAL) != 0,
		   });
}

/* One mode of a transaction, "transaction_read_only" for example, as a default of the
 * session. */
static void
set_default_mode(struct collector *facts, struct slice mode, struct tree_node value)
{
	struct constant constant = constant_of(value);
	struct buf text = { 0 };
	char *name;

	buf_put_text(&text, "default_");
	buf_put(&text, mode.bytes, mode.length);
	name = setting_note(
	    facts, (struct slice){ buf_bytes(&text), buf_length(&text) }, value);
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
				   .replay = arena_strndup(
				       facts->arena, buf_bytes(&text), buf_length(&text)),
			       });
	buf_free(&text);
}

static void
set_mode(struct collector *facts, struct slice mode, struct tree_node value)
{
	collect_setting(facts, (struct sql_setting){
				   .name = setting_note(facts, mode, value),
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
			setting_note(facts, tree_body(mode.body, DEF_NAME),
			    tree_child(mode.body, DEF_ARG));
}

/* SET within ALTER ROLE, ALTER DATABASE, ALTER SYSTEM, CREATE FUNCTION: for others,
 * later. */
static void
store(struct collector *facts, struct slice body, uint64_t kind)
{
	facts->statement->setting_stored = true;
	if (kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI)
		settings_of_transaction(facts, body, SET_ARGS);
	else
		setting_note(
		    facts, tree_body(body, SET_NAME), tree_child(body, SET_ARGS));
}

static char *
name_or_all(struct arena *arena, struct slice name)
{
	return name.length == 0 ? NULL : arena_strndup(arena, name.bytes, name.length);
}

/* CURRENT_USER and the like name nobody in the tree: every role. */
struct sql_stored *
settings_stored(struct arena *arena, struct tree_node statement)
{
	bool of_role = statement.type == PG_QUERY__NODE__NODE_ALTER_ROLE_SET_STMT;
	struct sql_stored *stored;

	if (!of_role && statement.type != PG_QUERY__NODE__NODE_ALTER_DATABASE_SET_STMT)
		return NULL;
	stored = arena_zalloc(arena, 1, sizeof(*stored));
	if (of_role)
		stored->role = name_or_all(arena,
		    tree_body(tree_body(statement.body, STORED_ROLE), ROLE_NAME));
	stored->database =
	    name_or_all(arena, tree_body(statement.body, of_role ? STORED_IN : STORED_DATABASE));
	return stored;
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
		set_value(facts, body,
		    setting_note(facts, name, tree_child(body, SET_ARGS)), context);
		break;
	case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI:
		collect_verb(facts, "SET");
		set_modes(facts, body, name);
		break;
	case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_DEFAULT:
		collect_verb(facts, "SET");
		reset(facts, body, setting_note(facts, name, (struct tree_node){ 0 }),
		    context);
		break;
	case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET:
		collect_verb(facts, "RESET");
		reset(facts, body, setting_note(facts, name, (struct tree_node){ 0 }),
		    context);
		break;
	case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL:
		collect_verb(facts, "RESET");
		collect_setting(
		    facts, (struct sql_setting){
			       .name = collect_setting_name(facts, slice_of("")),
			       .kind = SQL_SETTING_RESET_ALL,
			   });
		break;
	default: /* SET … FROM CURRENT: a value that the text does not show */
		collect_verb(facts, "SET");
		setting_note(facts, name, (struct tree_node){ 0 });
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
	if (context->deferred)
		return;
	facts->statement->deallocates =
	    all || target == PG_QUERY__DISCARD_MODE__DISCARD_PLANS;
	facts->statement->discards_all = all;
	if (all)
		collect_setting(
		    facts, (struct sql_setting){
			       .name = collect_setting_name(facts, slice_of("")),
			       .kind = SQL_SETTING_RESET_ALL,
			   });
}

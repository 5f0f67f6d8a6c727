/*
 * told.c - DETAIL and HINT of a built-in rule, written for the statement at hand.
 *
 * The rows of rules_*.c say {table} where a name of the statement belongs; the
 * words are in the table below. What follows the first ": " of a HINT is SQL
 * that can be run as it stands, each statement with its semicolon.
 */
#include <string.h>

#include "base/mem.h"
#include "policy_internal.h"
#include "sql/hint.h"

const struct sql_relation *
told_target(const struct sql_statement *statement, enum sql_access access)
{
	for (size_t i = 0; i < statement->relation_count; i++)
		if ((statement->relations[i].access & access) != 0)
			return &statement->relations[i];
	return NULL;
}

void
told_object(struct buf *out, const struct sql_statement *statement, enum sql_access access,
    const char *otherwise)
{
	const struct sql_relation *target = told_target(statement, access);
	size_t more = 0;

	if (target == NULL) {
		buf_put_text(out, otherwise);
		return;
	}
	name_put_prose(out, target);
	for (size_t i = 0; i < statement->relation_count; i++)
		more += (statement->relations[i].access & access) != 0;
	if (more > 1)
		buf_printf(out, " and %zu more", more - 1);
}

static void
put_relation(struct buf *out, const char *schema, const char *name, bool prose)
{
	const struct sql_relation relation = { .schema = (char *)schema, .name = (char *)name };

	if (name == NULL)
		buf_put_text(out, prose ? "the object" : "…");
	else if (prose)
		name_put_prose(out, &relation);
	else
		name_put_relation(out, &relation);
}

static void
put_table(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	put_relation(out, act->schema, act->table, false);
	(void)asked;
}

/* The relation in a sentence; that of the statement if the act has none. */
static void
put_the_table(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	const struct sql_relation *object =
	    asked->statement != NULL ? builtin_object(asked->statement) : NULL;

	if (act->table == NULL && object != NULL)
		name_put_prose(out, object);
	else
		put_relation(out, act->schema, act->table, true);
}

static void
put_name(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	if (act->name != NULL)
		name_put(out, act->name);
	else
		buf_put_text(out, "…");
	(void)asked;
}

static void
put_the_name(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	buf_printf(out, "\"%s\"", act->name != NULL ? act->name : "?");
	(void)asked;
}

static void
put_new_name(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	name_put_with_suffix(out, act->name != NULL ? act->name : "column", "_new");
	(void)asked;
}

static void
put_words(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	buf_put_text(out, act->type != NULL ? act->type : "");
	(void)asked;
}

static void
put_written(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	buf_put_text(out, act->type_text != NULL ? act->type_text : "…");
	(void)asked;
}

static void
put_other(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	put_relation(out, act->other_schema, act->other, false);
	(void)asked;
}

static void
put_the_other(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	put_relation(out, act->other_schema, act->other, true);
	(void)asked;
}

static void
put_sql(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	buf_put_text(out, act->sql != NULL ? act->sql : "(…)");
	(void)asked;
}

static void
put_value(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	buf_put_text(out, act->value != NULL ? act->value : "…");
	(void)asked;
}

/* The name that PostgreSQL would give the constraint, or one like it. */
static void
put_constraint(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	static const struct {
		unsigned flag;
		const char *suffix;
	} suffixes[] = { { SQL_ACT_FOREIGN, "_fkey" }, { SQL_ACT_PRIMARY, "_pkey" },
		{ SQL_ACT_UNIQUE, "_key" }, { SQL_ACT_CHECK, "_check" } };
	bool of_table = act->kind == SQL_ACT_ADD_CONSTRAINT;
	const char *suffix = "_not_null";
	char *name;

	if (of_table && act->name != NULL) {
		name_put(out, act->name);
		return;
	}
	for (size_t i = ARRAY_LENGTH(suffixes); i > 0; i--)
		if ((act->flags & suffixes[i - 1].flag) != 0)
			suffix = suffixes[i - 1].suffix;
	name = of_table ? mem_strdup(act->table)
			: mem_printf("%s_%s", act->table, act->name != NULL ? act->name : "new");
	name_put_with_suffix(out, name != NULL ? name : "new", suffix);
	mem_free(name);
	(void)asked;
}

static void
put_element(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	if (act->length > 0 && (size_t)act->start + (size_t)act->length <= asked->length)
		buf_put(out, asked->text + act->start, (size_t)act->length);
	else
		buf_put_text(out, "…");
}

/* The constraint, with a name even if the client gave none. */
static void
put_named(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	if (act->name == NULL) {
		buf_put_text(out, "CONSTRAINT ");
		put_constraint(asked, act, out);
		buf_put_u8(out, ' ');
	}
	put_element(asked, act, out);
}

static void
put_statement(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	const struct sql_statement *statement = asked->statement;

	buf_put(out, asked->text + statement->location, (size_t)statement->length);
	(void)act;
}

static void
put_concurrently(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	if (!sql_hint_concurrently(asked->text, asked->length, asked->statement, out))
		put_statement(asked, act, out);
}

/* A sequence of the column's, and its name in a string. */
static void
put_sequence(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	char *name = mem_printf("%s_%s", act->table, act->name != NULL ? act->name : "id");

	if (act->schema != NULL) {
		name_put(out, act->schema);
		buf_put_u8(out, '.');
	}
	name_put_with_suffix(out, name, "_seq");
	mem_free(name);
	(void)asked;
}

static void
put_string(struct buf *out, const char *text, size_t length)
{
	buf_put_u8(out, '\'');
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\'')
			buf_put_u8(out, '\'');
		buf_put_u8(out, (uint8_t)text[i]);
	}
	buf_put_u8(out, '\'');
}

static void
put_sequence_text(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	struct buf name = { 0 };

	put_sequence(asked, act, &name);
	put_string(out, (const char *)buf_bytes(&name), buf_length(&name));
	buf_free(&name);
}

static void
put_name_text(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	put_string(out, act->name != NULL ? act->name : "", act->name != NULL ? strlen(act->name) : 0);
	(void)asked;
}

static void
put_other_text(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	put_string(
	    out, act->other != NULL ? act->other : "", act->other != NULL ? strlen(act->other) : 0);
	(void)asked;
}

/* What can stand in braces. */
static const struct {
	const char *name;
	void (*put)(const struct asked *asked, const struct sql_act *act, struct buf *out);
} words[] = {
	{ "table", put_table }, { "the table", put_the_table }, { "name", put_name },
	{ "the name", put_the_name }, { "new name", put_new_name }, { "words", put_words },
	{ "type", put_written }, { "other", put_other }, { "the other", put_the_other },
	{ "sql", put_sql }, { "default", put_value }, { "constraint", put_constraint },
	{ "named", put_named }, { "statement", put_statement },
	{ "concurrently", put_concurrently }, { "sequence", put_sequence },
	{ "sequence text", put_sequence_text }, { "name text", put_name_text },
	{ "other text", put_other_text },
};

/* Up to the closing brace; returns what is behind it. */
static const char *
put_word(const char *at, const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	const char *end = strchr(at, '}');

	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		if (strlen(words[i].name) == (size_t)(end - at) &&
		    strncmp(words[i].name, at, (size_t)(end - at)) == 0)
			words[i].put(asked, act, out);
	return end + 1;
}

static void
put_template(const char *template, const struct asked *asked, const struct sql_act *act,
    struct buf *out)
{
	for (const char *at = template; *at != '\0';) {
		if (*at == '{')
			at = put_word(at + 1, asked, act, out);
		else
			buf_put_u8(out, (uint8_t)*at++);
	}
}

void
told_why(const struct builtin *builtin, const struct asked *asked, const struct sql_act *act,
    struct buf *out)
{
	if (builtin->put_why != NULL)
		builtin->put_why(asked, act, out);
	else
		put_template(builtin->why, asked, act, out);
}

void
told_safe(const struct builtin *builtin, const struct asked *asked, const struct sql_act *act,
    struct buf *out)
{
	if (builtin->put_safe != NULL)
		builtin->put_safe(asked, act, out);
	else
		put_template(builtin->safe, asked, act, out);
}

/*
 * builtin.c - the built-in rules as a whole: finding them by name, and asking one
 * of them. The rules themselves are rows in rules_*.c, one file a pack; the judge
 * asks builtin_flags() for each statement.
 */
#include <string.h>

#include "base/text.h"
#include "policy_internal.h"

/* In the order in which denies are reported. */
static const struct builtin_pack packs[] = {
	{ "unsafe-ddl", rules_unsafe_ddl, &rules_unsafe_ddl_count },
	{ "destructive-ddl", rules_destructive_ddl, &rules_destructive_ddl_count },
	{ "dml-safety", rules_dml_safety, &rules_dml_safety_count },
	{ "hygiene", rules_hygiene, &rules_hygiene_count },
	{ "hygiene", rules_house, &rules_house_count },
	{ "server-access", rules_server_access, &rules_server_access_count },
	{ "session-integrity", rules_session_integrity, &rules_session_integrity_count },
};

/* Names of session-integrity for what defaults or the session layer decide. */
static const char *const elsewhere[] = { "sql-unparseable", "sql-oversize", "default-deny",
	"prepared-unknown", "startup-option" };

size_t
builtin_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(packs); i++)
		count += *packs[i].count;
	return count;
}

const struct builtin *
builtin_at(size_t i)
{
	size_t pack = 0;

	while (i >= *packs[pack].count)
		i -= *packs[pack++].count;
	return &packs[pack].rows[i];
}

/* Is the relation of the act new, so that the rule does not mind? */
static bool
is_exempt(
    const struct builtin *builtin, const struct asked *asked, const struct sql_act *act)
{
	if (strchr(builtin->needs, 'X') == NULL || act->table == NULL)
		return false;
	return transaction_is_new(asked->transaction, act->schema, act->table,
	    strcmp(builtin->pack, "destructive-ddl") == 0);
}

static bool
flags_act(
    const struct builtin *builtin, const struct asked *asked, const struct sql_act *act)
{
	return (builtin->kinds >> act->kind & 1) != 0 &&
	    (act->flags & builtin->with) == builtin->with &&
	    (act->flags & builtin->without) == 0 &&
	    (builtin->test == NULL || builtin->test(asked, act)) &&
	    !is_exempt(builtin, asked, act);
}

bool
builtin_flags(const struct builtin *builtin, const struct asked *asked,
    const struct sql_act **act)
{
	static const struct sql_act no_act;
	const struct sql_statement *statement = asked->statement;

	*act = &no_act;
	if (builtin->kinds == 0)
		return builtin->test(asked, &no_act);
	for (size_t i = 0; i < statement->act_count; i++) {
		*act = &statement->acts[i];
		if (flags_act(builtin, asked, *act))
			return true;
	}
	return false;
}

bool
builtin_flags_large(const struct builtin *builtin, const struct asked *asked,
    int64_t large_rows, const struct sql_act **act)
{
	const struct sql_statement *statement = asked->statement;

	for (size_t i = 0; i < statement->act_count; i++) {
		const struct sql_act *each = &statement->acts[i];
		int64_t rows;

		if (!flags_act(builtin, asked, each))
			continue;
		rows = known_rows(asked, each);
		if (rows < 0 || rows >= large_rows) {
			*act = each;
			return true;
		}
	}
	return false;
}

bool
builtin_minds_size(const struct builtin *builtin)
{
	return strchr(builtin->needs, 'Z') != NULL;
}

bool
builtin_is_elsewhere(const char *name)
{
	return text_is_among(name, elsewhere, ARRAY_LENGTH(elsewhere));
}

/* Is the name one of the words? */
static bool
has_word(const char *words, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = words; at != NULL; at = strchr(at, ' ')) {
		at += *at == ' ';
		if (strncmp(at, name, length) == 0 && (at[length] == ' ' || at[length] == '\0'))
			return true;
	}
	return false;
}

bool
builtin_answers_to(const struct builtin *builtin, const char *name)
{
	return strcmp(builtin->id, name) == 0 ||
	    (strcmp(builtin->pack, name) == 0 && !builtin->by_name) ||
	    has_word(builtin->aliases, name);
}

const struct builtin_pack *
builtin_pack(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(packs); i++)
		if (strcmp(packs[i].name, name) == 0)
			return &packs[i];
	return NULL;
}

const char *
builtin_nearest(const char *name)
{
	const char *names[128];
	size_t count = 0, rules = builtin_count();

	for (size_t i = 0; i < ARRAY_LENGTH(packs); i++)
		names[count++] = packs[i].name;
	for (size_t i = 0; i < rules && count < ARRAY_LENGTH(names); i++)
		names[count++] = builtin_at(i)->id;
	return text_nearest(name, names, count);
}

const struct sql_relation *
builtin_object(const struct sql_statement *statement)
{
	const struct sql_relation *object = told_target(statement, SQL_ACCESS_DDL);

	if (object != NULL)
		return object;
	for (size_t i = 0; i < statement->relation_count; i++)
		if ((statement->relations[i].access & SQL_ACCESS_WRITE) != 0 &&
		    statement->where_relation != NULL &&
		    strcmp(statement->relations[i].name, statement->where_relation) == 0)
			return &statement->relations[i];
	object = told_target(statement, SQL_ACCESS_WRITE);
	return object != NULL ? object : told_target(statement, SQL_ACCESS_READ);
}

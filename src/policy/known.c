/*
 * known.c - what the rules want to know of the database at hand: how large, what is in
 * it already. Where nothing is known, or what is known may be out of date, it says so,
 * and the rule says what it says without a catalog.
 */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy_internal.h"

void
known_release(struct known *known)
{
	catalog_release(known->catalog);
	known->catalog = NULL;
	mem_free(known->schemas);
	known->schemas = NULL;
	known->path_of = NULL;
}

const struct catalog *
known_catalog(const struct asked *asked)
{
	struct known *known = asked->known;

	if (known == NULL || known->catalogs == NULL)
		return NULL;
	if (!known->asked) {
		known->asked = true;
		known->generation = catalogs_generation(known->catalogs);
		known->catalog = catalogs_find(known->catalogs, known->database);
	}
	return known->catalog;
}

int
known_version(const struct asked *asked)
{
	const struct catalog *catalog = known_catalog(asked);

	return catalog != NULL ? catalog_server_version(catalog) : 0;
}

/* Has the open transaction changed it, or something that had or has its name? */
static bool
is_changed_here(const struct asked *asked, const char *schema, const char *name)
{
	static const enum noted_kind kinds[] = { NOTED_CREATED, NOTED_DROPPED, NOTED_ALTERED,
		NOTED_NOT_VALID };

	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
		if (transaction_find(asked->transaction, kinds[i], schema, name) != NULL)
			return true;
	return false;
}

const struct catalog_relation *
known_relation(const struct asked *asked, const char *schema, const char *name)
{
	const struct catalog *catalog = known_catalog(asked);
	enum catalog_found found;

	if (catalog == NULL || name == NULL || is_changed_here(asked, schema, name) ||
	    catalogs_is_stale(asked->known->catalogs, asked->known->database, name))
		return NULL;
	return catalog_relation(catalog, schema, name, &found);
}

/* Of a relation, or of the table that an index of that name has. */
static int64_t
rows_of(const struct catalog *catalog, const char *schema, const char *name)
{
	const struct catalog_index *index;
	const struct catalog_relation *table;
	int64_t rows = catalog_rows(catalog, schema, name);

	if (rows >= 0)
		return rows;
	table = catalog_index_table(catalog, schema, name, &index);
	return table != NULL ? table->rows : -1;
}

/* The largest relation of the statement; those that it makes are not there yet. */
static int64_t
rows_of_all(const struct catalog *catalog, const struct sql_statement *statement)
{
	int64_t most = -1;

	for (size_t i = 0; i < statement->relation_count; i++) {
		const struct sql_relation *relation = &statement->relations[i];
		int64_t rows = rows_of(catalog, relation->schema, relation->name);

		if (rows < 0)
			return -1;
		if (rows > most)
			most = rows;
	}
	return most;
}

int64_t
known_rows(const struct asked *asked, const struct sql_act *act)
{
	const struct catalog *catalog = known_catalog(asked);

	if (catalog == NULL)
		return -1;
	if (act == NULL || act->table == NULL)
		return act == NULL || act->kind == SQL_ACT_NONE
		    ? rows_of_all(catalog, asked->statement)
		    : -1;
	/* What is read by ATTACH PARTITION is the partition. */
	if (act->kind == SQL_ACT_ALTER && act->other != NULL &&
	    strcmp(act->type, "ATTACH PARTITION") == 0)
		return rows_of(catalog, act->other_schema, act->other);
	return rows_of(catalog, act->schema, act->table);
}

/* ---- CHECK constraints ---- */

/* The parts of a CHECK that all must hold, one by one. */
struct conjuncts {
	const char *at, *end;
};

/* Behind what begins at `at`: a string, a name in quotes or one byte. */
static const char *
skip_one(const char *at, const char *end)
{
	char quote = *at++;

	if (quote != '\'' && quote != '"')
		return at;
	while (at < end && *at != quote)
		at++;
	return at < end ? at + 1 : end; /* a doubled quote begins another one */
}

/* The parenthesis that closes the one at `at`; `end` if there is none. */
static const char *
closing(const char *at, const char *end)
{
	int depth = 0;

	while (at < end) {
		if (*at == '(')
			depth++;
		else if (*at == ')' && --depth == 0)
			return at;
		at = skip_one(at, end);
	}
	return end;
}

/* Take off a pair of parentheses around all of it. */
static void
open_up(const char **at, const char **end)
{
	while (*at < *end && **at == '(' && closing(*at, *end) == *end - 1) {
		++*at;
		--*end;
	}
}

/* `sql` as pg_get_constraintdef() writes it. False when it does not look like that. */
static bool
conjuncts_begin(struct conjuncts *conjuncts, const char *sql)
{
	const char *end = sql + strlen(sql);

	if (strncmp(sql, "CHECK (", 7) != 0)
		return false;
	end = closing(sql + 6, end);
	if (*end != ')')
		return false;
	conjuncts->at = sql + 7;
	conjuncts->end = end;
	open_up(&conjuncts->at, &conjuncts->end);
	return true;
}

static bool
conjunct_next(struct conjuncts *conjuncts, const char **start, size_t *length)
{
	const char *at = conjuncts->at, *end = conjuncts->end, *stop;

	if (at >= end)
		return false;
	for (stop = at; stop < end;) {
		if (end - stop > 5 && strncmp(stop, " AND ", 5) == 0)
			break;
		stop = *stop == '(' ? closing(stop, end) : stop;
		stop = stop < end ? skip_one(stop, end) : end;
	}
	conjuncts->at = stop < end ? stop + 5 : end;
	open_up(&at, &stop);
	*start = at;
	*length = (size_t)(stop - at);
	return true;
}

/* How long the column's name is at the front of a text, quoted or not; 0 if it is not there. */
static size_t
name_length(const char *text, size_t length, const char *column)
{
	size_t size = strlen(column);

	if (length >= size && strncmp(text, column, size) == 0)
		return size;
	if (length >= size + 2 && text[0] == '"' && strncmp(text + 1, column, size) == 0 &&
	    text[size + 1] == '"')
		return size + 2;
	return 0;
}

static bool
says_not_null(const char *text, size_t length, const char *column)
{
	static const char words[] = " IS NOT NULL";
	size_t name = name_length(text, length, column);

	return name > 0 && length - name == sizeof(words) - 1 &&
	    strncmp(text + name, words, sizeof(words) - 1) == 0;
}

/* Does a validated CHECK of the relation have a part that says it? */
static bool
is_checked(const struct catalog_relation *relation,
    bool (*says)(const char *text, size_t length, const void *arg), const void *arg)
{
	for (size_t i = 0; i < relation->constraint_count; i++) {
		const struct catalog_constraint *constraint = &relation->constraints[i];
		struct conjuncts conjuncts;
		const char *text;
		size_t length;

		if (constraint->kind != 'c' || !constraint->validated || constraint->no_inherit ||
		    !conjuncts_begin(&conjuncts, constraint->sql))
			continue;
		while (conjunct_next(&conjuncts, &text, &length))
			if (says(text, length, arg))
				return true;
	}
	return false;
}

static bool
says_column_not_null(const char *text, size_t length, const void *arg)
{
	return says_not_null(text, length, arg);
}

bool
known_not_null(const struct asked *asked, const struct catalog_relation *relation,
    const char *column)
{
	const struct catalog_column *known = catalog_column(relation, column);

	if (known == NULL)
		return false;
	/* Before 12 PostgreSQL does not look at constraints. */
	return known->not_null ||
	    (known_version(asked) >= 120000 && is_checked(relation, says_column_not_null, column));
}

/* ---- partitions ---- */

/* "k >= '2026-01-01'::date" */
struct comparison {
	const char *column, *operator, *bound;
};

/* Is the literal, as PostgreSQL writes it, the bound, as the client wrote it? */
static bool
is_bound(const char *text, size_t length, const char *bound)
{
	static const char midnight[] = " 00:00:00'::timestamp without time zone";
	size_t size = strlen(bound);

	if (length == size && strncmp(text, bound, size) == 0)
		return strspn(bound, "0123456789.") == size;
	if (length < size + 4 || text[0] != '\'' || strncmp(text + 1, bound, size) != 0 ||
	    strchr(bound, '\'') != NULL)
		return false;
	text += size + 1;
	length -= size + 1;
	return strncmp(text, "'::", 3) == 0 ||
	    (length == sizeof(midnight) - 1 && strncmp(text, midnight, length) == 0);
}

static bool
says_comparison(const char *text, size_t length, const void *arg)
{
	const struct comparison *wanted = arg;
	size_t name = name_length(text, length, wanted->column);
	size_t size = strlen(wanted->operator);

	return name > 0 && length > name + size &&
	    strncmp(text + name, wanted->operator, size) == 0 &&
	    is_bound(text + name + size, length - name - size, wanted->bound);
}

/* The only column of a partition key: "RANGE (day)". False when it is not as simple. */
static bool
key_column(const struct catalog_relation *parent, int64_t strategy, const char **column)
{
	const char *words = strategy == 'r' ? "RANGE (" : "LIST (";

	if (parent->key == NULL || strncmp(parent->key, words, strlen(words)) != 0)
		return false;
	for (size_t i = 0; i < parent->column_count; i++) {
		const char *at = parent->key + strlen(words);
		size_t length = name_length(at, strlen(at), parent->columns[i].name);

		*column = parent->columns[i].name;
		if (length > 0 && strcmp(at + length, ")") == 0)
			return true;
	}
	return false;
}

static bool
checks_bound(const struct catalog_relation *child, const struct sql_act *act, const char *column)
{
	struct comparison wanted = { .column = column };

	if (act->number == 'l') {
		wanted.operator = " = ";
		wanted.bound = act->key_count == 1 ? act->keys[0] : NULL;
		return wanted.bound != NULL && is_checked(child, says_comparison, &wanted);
	}
	if (act->key_count != 2)
		return false;
	wanted.operator = " >= ";
	wanted.bound = act->keys[0];
	if (!is_checked(child, says_comparison, &wanted))
		return false;
	wanted.operator = " < ";
	wanted.bound = act->keys[1];
	return is_checked(child, says_comparison, &wanted);
}

/* Does any validated CHECK look at the column? */
static bool
has_check_on(const struct catalog_relation *relation, const char *column)
{
	for (size_t i = 0; i < relation->constraint_count; i++) {
		const struct catalog_constraint *constraint = &relation->constraints[i];

		for (size_t j = 0; j < constraint->column_count; j++)
			if (constraint->kind == 'c' && constraint->validated &&
			    strcmp(constraint->columns[j], column) == 0)
				return true;
	}
	return false;
}

enum known_check
known_attach_check(const struct asked *asked, const struct sql_act *act)
{
	const struct catalog_relation *child =
	    known_relation(asked, act->other_schema, act->other);
	const struct catalog_relation *parent = known_relation(asked, act->schema, act->table);
	const char *column;

	if (child == NULL || parent == NULL || act->number == 0 ||
	    !key_column(parent, act->number, &column))
		return KNOWN_CHECK_UNSURE;
	if (known_not_null(asked, child, column) && checks_bound(child, act, column))
		return KNOWN_CHECK_THERE;
	return has_check_on(child, column) ? KNOWN_CHECK_UNSURE : KNOWN_CHECK_MISSING;
}

/* ---- indexes ---- */

static bool
begins_with(const struct catalog_index *index, const char *const *columns, size_t count)
{
	if (index->column_count < count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!text_is_among(index->columns[i], columns, count))
			return false;
	return true;
}

bool
known_index(
    const struct catalog_relation *relation, const char *const *columns, size_t count)
{
	for (size_t i = 0; i < relation->index_count; i++) {
		const struct catalog_index *index = &relation->indexes[i];

		if (index->valid && !index->partial && begins_with(index, columns, count))
			return true;
	}
	return false;
}

bool
known_unique(const struct catalog_relation *relation)
{
	for (size_t i = 0; i < relation->index_count; i++) {
		const struct catalog_index *index = &relation->indexes[i];

		/* One with expressions or a condition looks at columns beyond its key. */
		if (index->valid && index->unique && index->use_count == 0)
			return true;
	}
	return false;
}

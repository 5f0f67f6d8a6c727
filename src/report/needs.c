/*
 * needs.c - which privileges of PostgreSQL a statement needs, as far as its text tells.
 * Called by observed.c for each statement that was run. What a GRANT cannot give, or what
 * the text does not show, is noted instead.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "observed.h"
#include "base/mem.h"

/* What a statement of a verb needs of the relations that it writes. */
static const struct need_row {
	const char *verb, *privilege;
	bool reads; /* its own WHERE, or a value that is taken from the row, needs SELECT too */
} rows[] = {
	{ "INSERT", "INSERT", false },
	{ "COPY", "INSERT", false },
	{ "UPDATE", "UPDATE", true },
	{ "DELETE", "DELETE", true },
	{ "TRUNCATE", "TRUNCATE", false },
};

/* Whose relation is made, the role owns afterwards. */
static const char *const makers[] = { "CREATE TABLE", "CREATE TABLE AS", "CREATE VIEW",
	"CREATE MATERIALIZED VIEW", "CREATE SEQUENCE", "SELECT INTO" };

/* One statement. On the stack of needs_note(). */
struct asking {
	struct observed *observed;
	const struct sight *sight;
	const struct sql_statement *statement;
	const char *text;
	const char *relation; /* the one at hand, in SQL */
	bool columns;	      /* those that are named are all of this one */
	bool blind;	      /* nothing is known of columns */
};

static bool
has_verb(const struct sql_statement *statement, const char *verb)
{
	for (size_t i = 0; statement->verbs != NULL && statement->verbs[i] != NULL; i++)
		if (strcmp(statement->verbs[i], verb) == 0)
			return true;
	return false;
}

static bool
is_word_byte(char byte)
{
	return isalnum((unsigned char)byte) || byte == '_' || byte == '"' || byte == '$';
}

/* The word anywhere: what it means there is not asked, so a yes may be too much. */
static bool
has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = text; (at = strcasestr(at, word)) != NULL; at++)
		if ((at == text || !is_word_byte(at[-1])) && !is_word_byte(at[length]))
			return true;
	return false;
}

/*
 * Are the columns that are named surely those of the one relation, and not of an alias?
 * With AS, or a second SELECT, some may be names that the statement itself has made.
 */
static bool
has_sure_columns(const char *text, const struct sql_statement *statement)
{
	const char *select = strcasestr(text, "select");

	if (statement->relation_count != 1 || statement->column_count == 0 || has_word(text, "as") ||
	    has_word(text, "with") || (select != NULL && has_word(select + 1, "select")))
		return false;
	for (size_t i = 0; i < statement->column_count; i++)
		if (strcmp(statement->columns[i], "*") == 0)
			return false;
	return true;
}

static void
need_columns(const struct asking *asking, const char *privilege)
{
	const struct sql_statement *statement = asking->statement;

	seen_note(asking->observed, asking->sight, SEEN_NEED, asking->relation, privilege, "", 0);
	for (size_t i = 0; i < statement->column_count; i++)
		seen_note(asking->observed, asking->sight, SEEN_NEED_COLUMN, asking->relation,
		    privilege, statement->columns[i], 0);
}

static void
need(const struct asking *asking, const char *privilege, bool by_column)
{
	bool none = !asking->blind && asking->statement->column_count == 0 &&
	    asking->statement->relation_count == 1;

	if (by_column && asking->columns)
		need_columns(asking, privilege);
	else
		seen_note(asking->observed, asking->sight, SEEN_NEED, asking->relation, privilege, "",
		    by_column && none ? NEED_SOME : NEED_WHOLE);
}

static void
need_for_reading(const struct asking *asking)
{
	bool locks = (asking->statement->classes & SQL_LOCK) != 0;

	/* LOCK TABLE needs UPDATE of all of it, SELECT … FOR UPDATE of a column. */
	if (locks)
		need(asking, "UPDATE", !has_verb(asking->statement, "LOCK"));
	if (!has_verb(asking->statement, "LOCK"))
		need(asking, "SELECT", true);
}

static void
need_for_writing(const struct asking *asking)
{
	const struct sql_statement *statement = asking->statement;
	bool reads = has_word(asking->text, "returning") || has_word(asking->text, "conflict") ||
	    has_verb(statement, "MERGE");

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		bool by_column = rows[i].privilege[0] == 'I' || rows[i].privilege[0] == 'U';

		if (!has_verb(statement, rows[i].verb))
			continue;
		need(asking, rows[i].privilege, by_column);
		reads |= rows[i].reads && statement->column_count > 0;
	}
	if (reads)
		need(asking, "SELECT", true);
}

static bool
makes_relation(const struct sql_statement *statement)
{
	for (size_t i = 0; i < ARRAY_LENGTH(makers); i++)
		if (has_verb(statement, makers[i]))
			return true;
	return false;
}

/* What is made in a schema needs CREATE there; a temporary one nothing that is not everybody's. */
static void
need_for_ddl(const struct asking *asking, const char *schema)
{
	const struct sql_statement *statement = asking->statement;
	bool temporary = (statement->residue & SQL_RESIDUE_TEMP) != 0;

	if (!makes_relation(statement)) {
		seen_unseen(asking->observed, asking->sight,
		    "needs to own the relation, which no GRANT gives", asking->relation,
		    statement->verb);
		return;
	}
	seen_note(asking->observed, asking->sight, SEEN_OWN, "", asking->relation, "", 0);
	if (temporary)
		return;
	if (schema != NULL)
		seen_note(asking->observed, asking->sight, SEEN_SCHEMA, "CREATE", schema, "", 0);
	else
		seen_unseen(asking->observed, asking->sight,
		    "needs CREATE on a schema that the text does not name", asking->relation,
		    statement->verb);
}

/* The server's own catalogs are everybody's to read, and what is temporary its maker's. */
static bool
is_catalog(const struct sql_relation *relation)
{
	if (relation->schema == NULL)
		return strncmp(relation->name, "pg_", 3) == 0;
	return strcmp(relation->schema, "pg_catalog") == 0 || strcmp(relation->schema, "pg_temp") == 0 ||
	    strcmp(relation->schema, "information_schema") == 0;
}

static void
need_relation(struct asking *asking, const struct sql_relation *relation)
{
	const char *known =
	    relation->schema != NULL ? relation->schema : asking->observed->options.schema;
	struct buf name = { 0 }, schema = { 0 };

	if (is_catalog(relation))
		return;
	if (known != NULL) {
		seen_put_identifier(&schema, known);
		buf_put(&name, buf_bytes(&schema), buf_length(&schema));
		buf_put_u8(&name, '.');
	}
	seen_put_identifier(&name, relation->name);
	buf_put_u8(&name, '\0');
	buf_put_u8(&schema, '\0');
	asking->relation = (char *)buf_bytes(&name);
	if (known != NULL)
		seen_note(asking->observed, asking->sight, SEEN_SCHEMA, "USAGE",
		    (char *)buf_bytes(&schema), "", 0);
	else
		seen_unseen(asking->observed, asking->sight, "which schema a bare name is of",
		    relation->name, NULL);
	if ((relation->access & SQL_ACCESS_READ) != 0)
		need_for_reading(asking);
	if ((relation->access & SQL_ACCESS_WRITE) != 0)
		need_for_writing(asking);
	if ((relation->access & SQL_ACCESS_DDL) != 0)
		need_for_ddl(asking, known != NULL ? (char *)buf_bytes(&schema) : NULL);
	buf_free(&name);
	buf_free(&schema);
}

/* What no text and no GRANT tells, by class. */
static void
note_beyond(const struct asking *asking)
{
	static const struct {
		unsigned class_bit;
		const char *what;
	} beyond[] = {
		{ SQL_MAINTENANCE, "needs to own the relation, which no GRANT gives" },
		{ SQL_ROLE, "changes roles and privileges: nothing is suggested for it" },
		{ SQL_COPY_FILE | SQL_COPY_PROGRAM,
		    "reaches into the server's machine: nothing is suggested for it" },
		{ SQL_DO, "runs code that is not looked into" },
		{ SQL_CALL, "runs code that is not looked into" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(beyond); i++)
		if ((asking->statement->classes & beyond[i].class_bit) != 0)
			seen_unseen(asking->observed, asking->sight, beyond[i].what,
			    asking->statement->verb, NULL);
}

void
needs_note(struct observed *observed, const struct sight *sight, const char *text,
    const struct sql_statement *statement)
{
	struct asking asking = { .observed = observed,
		.sight = sight,
		.statement = statement,
		.text = text,
		.columns = has_sure_columns(text, statement) };

	seen_note(observed, sight, SEEN_SUBJECT, "", "", "", 0);
	note_beyond(&asking);
	for (size_t i = 0; i < statement->function_count; i++)
		seen_note(observed, sight, SEEN_FUNCTION, "", statement->functions[i], "", 0);
	if ((statement->classes & SQL_MAINTENANCE) != 0)
		return;
	for (size_t i = 0; i < statement->relation_count; i++)
		need_relation(&asking, &statement->relations[i]);
}

void
needs_note_record(struct observed *observed, const struct sight *sight,
    const struct record *record, const struct sql_relation *relation)
{
	const char *verbs[] = { record->verb, NULL };
	const struct sql_statement statement = { .verb = record->verb, .verbs = verbs };
	struct asking asking = { .observed = observed,
		.sight = sight,
		.statement = &statement,
		.text = "",
		.blind = true };

	seen_note(observed, sight, SEEN_SUBJECT, "", "", "", 0);
	/* Nothing tells whether it looks at what it changes. */
	if ((relation->access & SQL_ACCESS_WRITE) != 0)
		asking.text = "returning";
	need_relation(&asking, relation);
}

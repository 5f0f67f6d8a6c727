/*
 * match_keys.c - the table of what a rule can ask for: one row a key, with how its
 * patterns are read and which elements of a statement they are held against.
 * A new key is a new row. Used by match.c and match_read.c.
 */
#include <string.h>

#include "base/text.h"
#include "policy_internal.h"

static size_t
count_one(const struct asked *asked)
{
	(void)asked;
	return 1;
}

static bool
always_there(const struct asked *asked, size_t element)
{
	(void)asked;
	(void)element;
	return true;
}

static bool
fits_user(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return text_fits_glob(p->text, asked->subject->user);
}

static bool
fits_role(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return text_fits_glob(p->text, asked->subject->role);
}

static bool
fits_database(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return text_fits_glob(p->text, asked->subject->database);
}

static bool
fits_application(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return text_fits_glob(p->text, asked->subject->application);
}

static bool
fits_client(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return pattern_fits_network(p, asked->subject->client);
}

static bool
fits_within(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return window_holds(&p->window, asked->wall_us);
}

static size_t
count_fingerprint(const struct asked *asked)
{
	return asked->facts != NULL && asked->facts->fingerprint[0] != '\0';
}

static bool
fits_fingerprint(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return strcmp(p->text, asked->facts->fingerprint) == 0;
}

static bool
fits_regex(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return pattern_fits_regex(p, asked->text, asked->length);
}

static size_t
count_classes(const struct asked *asked)
{
	return asked->statement != NULL ? 32 : 0;
}

static bool
class_there(const struct asked *asked, size_t i)
{
	return (asked->statement->classes >> i & 1) != 0;
}

static bool
fits_class(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)asked;
	(void)sure;
	return (p->bits >> i & 1) != 0;
}

static size_t
count_verbs(const struct asked *asked)
{
	size_t count = 0;

	if (asked->statement != NULL && asked->statement->verbs != NULL)
		while (asked->statement->verbs[count] != NULL)
			count++;
	return count;
}

static bool
fits_verb(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)sure;
	return text_fits_glob(p->text, asked->statement->verbs[i]);
}

static size_t
count_relations(const struct asked *asked)
{
	return asked->statement != NULL ? asked->statement->relation_count : 0;
}

static bool
read_there(const struct asked *asked, size_t i)
{
	return (asked->statement->relations[i].access & SQL_ACCESS_READ) != 0;
}

static bool
write_there(const struct asked *asked, size_t i)
{
	return (asked->statement->relations[i].access & SQL_ACCESS_WRITE) != 0;
}

static bool
ddl_there(const struct asked *asked, size_t i)
{
	return (asked->statement->relations[i].access & SQL_ACCESS_DDL) != 0;
}

/* For sure, a bare name is what the session's search_path leads to. */
static bool
fits_name(const struct pattern *p, const struct asked *asked,
    const struct sql_relation *relation, bool sure)
{
	const char *schema = relation->schema;

	if (sure && schema == NULL && p->schema != NULL && text_fits_glob(p->name, relation->name))
		schema = path_leads_to(asked, relation->name);
	return pattern_fits_relation(p, schema, relation->name, sure);
}

static bool
fits_relation(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	return fits_name(p, asked, &asked->statement->relations[i], sure);
}

static size_t
count_functions(const struct asked *asked)
{
	return asked->statement != NULL ? asked->statement->function_count : 0;
}

/* Only the last part of a function's name is known. */
static bool
fits_function(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	return pattern_fits_relation(p, NULL, asked->statement->functions[i], sure);
}

/* A plain EXPLAIN of an UPDATE changes nothing, so its WHERE does not matter. */
static size_t
count_where(const struct asked *asked)
{
	return asked->statement != NULL && asked->statement->where != SQL_WHERE_NONE &&
	    (asked->statement->effects & SQL_WRITE) != 0;
}

static bool
fits_where(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return (p->bits >> asked->statement->where & 1) != 0;
}

static size_t
count_columns(const struct asked *asked)
{
	return asked->statement != NULL ? asked->statement->column_count : 0;
}

/* Of which relation a column is, the text does not tell: any of the statement's may be. */
static bool
is_of_relation(const struct pattern *p, const struct asked *asked, bool sure)
{
	const struct sql_statement *statement = asked->statement;

	if (p->name == NULL)
		return true;
	if (sure && statement->relation_count != 1)
		return false;
	for (size_t i = 0; i < statement->relation_count; i++)
		if (fits_name(p, asked, &statement->relations[i], sure))
			return true;
	return false;
}

/* "*" is every column, so it may be the one that is meant. */
static bool
fits_column(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	const char *column = asked->statement->columns[i];
	bool all = strcmp(column, "*") == 0;

	return (all && !sure ? true : text_fits_glob(p->column, column)) &&
	    is_of_relation(p, asked, sure);
}

static size_t
count_reads(const struct asked *asked)
{
	return asked->statement != NULL && asked->statement->reads_tables;
}

static bool
fits_limit(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)p;
	(void)i;
	(void)sure;
	return asked->statement->reads_unlimited;
}

static size_t
count_statement(const struct asked *asked)
{
	return asked->statement != NULL;
}

static bool
fits_star(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return asked->statement->selects_star == (p->bits != 0);
}

static bool
fits_tag(const struct pattern *p, const struct asked *asked, size_t i, bool sure)
{
	(void)i;
	(void)sure;
	return pattern_fits_tag(p, asked->text, asked->length);
}

const struct match_key_info match_keys[MATCH_KEYS] = {
	[MATCH_USER] = { "user", NULL, pattern_read_glob, count_one, always_there, fits_user },
	[MATCH_ROLE] = { "role", NULL, pattern_read_glob, count_one, always_there, fits_role },
	[MATCH_DATABASE] = { "database", NULL, pattern_read_glob, count_one, always_there,
	    fits_database },
	[MATCH_APPLICATION] = { "application", NULL, pattern_read_glob, count_one, always_there,
	    fits_application },
	[MATCH_CLIENT] = { "client", NULL, pattern_read_network, count_one, always_there,
	    fits_client },
	[MATCH_WITHIN] = { "within", NULL, pattern_read_window, count_one, always_there,
	    fits_within },
	/* Outside all of its windows: see any_fits(). */
	[MATCH_OUTSIDE] = { "outside", NULL, pattern_read_window, count_one, always_there,
	    fits_within },
	[MATCH_FINGERPRINT] = { "fingerprint", NULL, pattern_read_fingerprint,
	    count_fingerprint, always_there, fits_fingerprint },
	[MATCH_REGEX] = { "regex", NULL, pattern_read_regex, count_one, always_there,
	    fits_regex },
	[MATCH_CLASS] = { "class", NULL, pattern_read_class, count_classes, class_there,
	    fits_class },
	[MATCH_VERB] = { "verb", NULL, pattern_read_verb, count_verbs, always_there,
	    fits_verb },
	[MATCH_READ] = { "read", "relations", pattern_read_relation, count_relations,
	    read_there, fits_relation },
	[MATCH_WRITE] = { "write", "relations", pattern_read_relation, count_relations,
	    write_there, fits_relation },
	[MATCH_DDL] = { "ddl", "relations", pattern_read_relation, count_relations, ddl_there,
	    fits_relation },
	[MATCH_FUNCTION] = { "functions", NULL, pattern_read_relation, count_functions,
	    always_there, fits_function },
	[MATCH_WHERE] = { "where", NULL, pattern_read_where, count_where, always_there,
	    fits_where },
	[MATCH_COLUMN] = { "columns", NULL, pattern_read_column, count_columns, always_there,
	    fits_column },
	[MATCH_LIMIT] = { "limit", NULL, pattern_read_limit, count_reads, always_there,
	    fits_limit },
	[MATCH_SELECT_STAR] = { "select_star", NULL, pattern_read_flag, count_statement,
	    always_there, fits_star },
	[MATCH_TAG] = { "tag", NULL, pattern_read_tag, count_one, always_there, fits_tag },
};

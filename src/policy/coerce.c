/*
 * coerce.c - does a change of a column's type write rows or indexes anew, or read them
 * all? PostgreSQL spares it where both types are stored alike and no value need be
 * looked at: then nothing but the definition changes.
 *
 * Only what is surely free counts: the type, its modifiers, and everything that PostgreSQL
 * would build or check again because of the column.
 */
#include <string.h>

#include "base/text.h"
#include "policy_internal.h"

/* The column as it is, and the type that it is to have. */
struct change {
	const struct catalog_column *column;
	const struct sql_act *act;
};

/* ---- modifiers, as PostgreSQL keeps them ---- */

enum { LENGTH_HEADER = 4 }; /* of varchar(n), numeric(p, s) */

static bool
has_modifiers(const struct change *change)
{
	return change->act->modifier_count > 0;
}

/* varchar(n): any length, or one that is not shorter. */
static bool
length_grows(const struct change *change)
{
	return !has_modifiers(change) ||
	    (change->column->typmod >= LENGTH_HEADER &&
		change->act->modifiers[0] >= change->column->typmod - LENGTH_HEADER);
}

/* varbit(n) keeps its length as it is. */
static bool
bits_grow(const struct change *change)
{
	return !has_modifiers(change) ||
	    (change->column->typmod >= 0 && change->act->modifiers[0] >= change->column->typmod);
}

/* numeric(p, s): any, or more digits with as many behind the point. */
static bool
precision_grows(const struct change *change)
{
	const struct sql_act *act = change->act;
	int32_t old = change->column->typmod - LENGTH_HEADER;

	if (!has_modifiers(change))
		return true;
	return old >= 0 && act->modifiers[0] >= (old >> 16) &&
	    (act->modifier_count == 2 ? act->modifiers[1] : 0) == (old & 0x7ff);
}

/* timestamp(p): six digits are all there are. */
static bool
fraction_grows(const struct change *change)
{
	return !has_modifiers(change) || change->act->modifiers[0] >= 6 ||
	    (change->column->typmod >= 0 && change->act->modifiers[0] >= change->column->typmod);
}

static bool
is_bare(const struct change *change)
{
	return !has_modifiers(change);
}

/* Types without modifiers, and those whose modifiers were none and are none. */
static bool
stays(const struct change *change)
{
	return !has_modifiers(change) && change->column->typmod < 0;
}

static bool
length_stays(const struct change *change)
{
	int32_t length = has_modifiers(change) ? change->act->modifiers[0] : 1;

	return change->column->typmod == length + LENGTH_HEADER;
}

/* What is free, from type to type. `same` stands for itself to itself. */
static const struct coercion {
	const char *from, *to;
	bool (*fits)(const struct change *change);
} coercions[] = {
	{ "varchar", "varchar", length_grows },
	{ "varchar", "text", is_bare },
	{ "text", "varchar", is_bare },
	{ "bpchar", "bpchar", length_stays },
	{ "numeric", "numeric", precision_grows },
	{ "timestamp", "timestamp", fraction_grows },
	{ "timestamptz", "timestamptz", fraction_grows },
	{ "time", "time", fraction_grows },
	{ "timetz", "timetz", fraction_grows },
	{ "varbit", "varbit", bits_grow },
	{ "cidr", "inet", is_bare },
};

static bool
is_alike(const struct change *change)
{
	const char *from = change->column->type, *to = change->act->sql;

	for (size_t i = 0; i < ARRAY_LENGTH(coercions); i++)
		if (strcmp(coercions[i].from, from) == 0 && strcmp(coercions[i].to, to) == 0)
			return coercions[i].fits(change);
	return strcmp(from, to) == 0 && strcmp(from, "interval") != 0 &&
	    strcmp(from, "bit") != 0 && stays(change);
}

/* ---- what hangs on the column ---- */

/* A partial index, or one with expressions, is built anew when it looks at the column. */
static bool
rebuilds_index(const struct catalog_relation *relation, const char *column)
{
	for (size_t i = 0; i < relation->index_count; i++)
		if (text_is_among(column, relation->indexes[i].uses, relation->indexes[i].use_count))
			return true;
	return false;
}

/* A CHECK on the column is checked again, against every row, if it was valid before. */
static bool
checks_again(const struct catalog_relation *relation, const char *column)
{
	for (size_t i = 0; i < relation->constraint_count; i++) {
		const struct catalog_constraint *constraint = &relation->constraints[i];

		if ((constraint->kind == 'x' || (constraint->kind == 'c' && constraint->validated)) &&
		    text_is_among(column, constraint->columns, constraint->column_count))
			return true;
	}
	return false;
}

bool
coerce_is_free(const struct asked *asked, const struct sql_act *act)
{
	const unsigned odd = SQL_ACT_USING | SQL_ACT_COLLATE | SQL_ACT_ODD_TYPE;
	const struct catalog_relation *relation;
	struct change change = { .act = act };

	if ((act->flags & odd) != 0 || act->sql == NULL || act->name == NULL)
		return false;
	relation = known_relation(asked, act->schema, act->table);
	/* Partitions and children may have indexes and constraints of their own. */
	if (relation == NULL || relation->kind != 'r' || relation->has_children)
		return false;
	change.column = catalog_column(relation, act->name);
	return change.column != NULL && !change.column->collated && is_alike(&change) &&
	    !rebuilds_index(relation, act->name) && !checks_again(relation, act->name);
}

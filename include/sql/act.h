/*
 * act.h - what a statement does to single objects, for the built-in rules.
 *
 * Classes and relations tell what a statement may touch; acts tell how: the
 * column it adds and with what default, the constraint and whether it is
 * checked at once, the lock it asks for. All texts are in the facts' memory.
 */
#ifndef SQL_ACT_H
#define SQL_ACT_H

#include <stddef.h>
#include <stdint.h>

enum sql_act_kind {
	SQL_ACT_NONE,
	SQL_ACT_CREATE_TABLE, /* also … AS, SELECT INTO */
	SQL_ACT_CREATE_INDEX,
	SQL_ACT_CREATE,	    /* of another kind: `type` is the noun */
	SQL_ACT_DROP,	    /* one for each object; `type` is the noun */
	SQL_ACT_NEW_COLUMN, /* in CREATE TABLE */
	SQL_ACT_ADD_COLUMN,
	SQL_ACT_NEW_CONSTRAINT, /* in CREATE TABLE */
	SQL_ACT_ADD_CONSTRAINT,
	SQL_ACT_ALTER,	    /* another command of ALTER TABLE; `type` names it */
	SQL_ACT_RENAME,	    /* `type` is the noun of what is renamed to `other` */
	SQL_ACT_SET_SCHEMA, /* to `other` */
	SQL_ACT_REINDEX,
	SQL_ACT_CLUSTER,
	SQL_ACT_VACUUM_FULL,
	SQL_ACT_REFRESH,
	SQL_ACT_LOCK, /* `number` is PostgreSQL's lock mode, 8 is ACCESS EXCLUSIVE */
	SQL_ACT_ENUM_TYPE,
	SQL_ACT_ENUM_VALUE,
	SQL_ACT_DOMAIN_CONSTRAINT,
	SQL_ACT_FUNCTION, /* made or altered; `type` is the language */
	SQL_ACT_INSERT,	  /* `number` is how many rows VALUES has */
	SQL_ACT_ASSIGN_TWICE,
	SQL_ACT_LIKE_WILDCARD, /* LIKE '%…' on the column `name` */
	SQL_ACT_FUNCTION_ON_COLUMN, /* WHERE f(c) = …: `name` is the column, `other` f */
	SQL_ACT_ORDER_BY_RANDOM,
	SQL_ACT_CONSTRAINT_NAME, /* of a column's constraint */
	SQL_ACT_EXTENSION, /* made or altered; CASCADE: with others that it needs */
	SQL_ACT_COMMENT, /* on a relation; `type` is its noun. GUARDED: it is taken away */
};

/* What is special about an act. */
enum sql_act_flag {
	SQL_ACT_CONCURRENTLY = 1 << 0,
	SQL_ACT_UNIQUE = 1 << 1,
	SQL_ACT_GUARDED = 1 << 2, /* IF EXISTS, IF NOT EXISTS, OR REPLACE */
	SQL_ACT_CASCADE = 1 << 3,
	SQL_ACT_TEMPORARY = 1 << 4,
	SQL_ACT_PRIMARY = 1 << 5,
	SQL_ACT_CHECK = 1 << 6,
	SQL_ACT_FOREIGN = 1 << 7,
	SQL_ACT_EXCLUSION = 1 << 8,
	SQL_ACT_NOT_VALID = 1 << 9,
	SQL_ACT_USING_INDEX = 1 << 10,
	SQL_ACT_DELETE_CASCADE = 1 << 11, /* ON DELETE CASCADE */
	SQL_ACT_NOT_NULL = 1 << 12,
	SQL_ACT_DEFAULT = 1 << 13,  /* other than NULL */
	SQL_ACT_VOLATILE = 1 << 14, /* the default calls what is not known to be steady */
	SQL_ACT_STORED = 1 << 15,   /* GENERATED … STORED */
	SQL_ACT_IDENTITY = 1 << 16,
	SQL_ACT_SERIAL = 1 << 17,
	SQL_ACT_LENGTH = 1 << 18, /* the type has a length */
	SQL_ACT_AS_QUERY = 1 << 19,
	SQL_ACT_PARTITION = 1 << 20, /* is a partition or a child */
	SQL_ACT_DEFINER = 1 << 21,   /* SECURITY DEFINER */
	SQL_ACT_PATH_PINNED = 1 << 22, /* SET search_path */
	SQL_ACT_PLACED = 1 << 23,      /* BEFORE, AFTER */
	SQL_ACT_COLUMNS = 1 << 24,     /* columns are listed */
	SQL_ACT_BODY = 1 << 25,	       /* within a body: done later, by others */
	SQL_ACT_LIKE = 1 << 26,	       /* CREATE TABLE … (LIKE …) */
	SQL_ACT_USING = 1 << 27,       /* ALTER COLUMN … TYPE … USING */
	SQL_ACT_COLLATE = 1 << 28,     /* … COLLATE */
	SQL_ACT_ODD_TYPE = 1 << 29,    /* an array, or a type with a schema or odd modifiers */
};

struct sql_act {
	enum sql_act_kind kind;
	unsigned flags;
	const char *schema, *table; /* the relation at hand; NULL when there is none */
	const char *name;  /* of the column, constraint, index, object; NULL without one */
	const char *type;  /* of a column its last name, "int4"; of a command its words */
	const char *type_text; /* the type as it is written */
	const char *other_schema, *other; /* the new name, the other table */
	const char *sql;   /* what the statement says in parentheses, or behind REFERENCES */
	const char *value; /* the default, as it is written */
	/*
	 * The columns of a key; of ATTACH PARTITION the bounds, lower ones first, when all are
	 * literals. `key_count` is 0 when they are not known.
	 */
	const char *const *keys;
	size_t key_count;
	int32_t modifiers[2]; /* of a new type: numeric(12, 2), varchar(40) */
	unsigned modifier_count;
	int64_t number; /* of ATTACH PARTITION: 'r' of a range, 'l' of a list, else 0 */
	int start, length; /* the element of the text that does it; length 0: not known */
};

#endif

/*
 * collect.h - the facts of one statement while they are being gathered.
 *
 * Used by the handlers of walk.c: each finds something in the tree and says so
 * here. What is found twice is kept once.
 */
#ifndef SQL_COLLECT_H
#define SQL_COLLECT_H

#include "base/arena.h"
#include "sql/facts.h"

#include "tree.h"

enum { COLLECT_BUCKETS = 64 };

/* Finds an element of an array by its hash: chains of indexes, 0 ends one. */
struct collect_index {
	uint32_t heads[COLLECT_BUCKETS]; /* index + 1 */
	uint32_t *next;
};

/* Names in the order in which they came, each once. */
struct collect_names {
	char **names;
	size_t count;
	struct collect_index index;
};

/* SQL within the statement that is a string to the parser: the body of a function. */
struct collect_body {
	struct collect_body *next;
	char *text; /* in the arena */
	size_t length;
};

/* `qualifier.name`, which is a call of `name` where the qualifier is a function in FROM. */
struct qualified {
	struct qualified *next;
	struct slice qualifier, name; /* in the parsed tree: good until the walk ends */
	bool named_only, deferred;
};

/* Zeroed but for the first three it is ready; everything it points to is in the arena. */
struct collector {
	struct arena *arena; /* borrowed */
	struct sql_statement
	    *statement;    /* borrowed; filled as we go, whole after collect_end() */
	struct slice text; /* borrowed; of the statement alone */
	const char **verbs;
	size_t verb_count;
	struct collect_names functions, setting_names, columns;
	struct collect_names rows; /* relations and aliases: as a column, all columns */
	struct collect_names function_rows; /* functions in FROM, by alias or name */
	struct qualified *qualified;	    /* columns, until the walk ends */
	struct collect_index relations;
	struct collect_body *bodies; /* still to be walked */
	bool in_body;		     /* places are those of a body, not of the text */
};

/* The relation that a part of the tree makes or alters. In the collector's arena. */
struct target {
	struct slice schema, name;
	bool creating;
	uint64_t command;     /* of ALTER TABLE */
	bool guarded;	      /* the command says IF [NOT] EXISTS */
	struct slice subject; /* the column or constraint that the command names */
	size_t column;	      /* within a column: its act's index + 1 */
	size_t table;	      /* CREATE TABLE: its act's index + 1 */
	bool in_default;
};

/* What holds of all that is found in one part of the tree. */
struct context {
	const struct cte *ctes; /* names that hide relations here; innermost first */
	unsigned access;        /* enum sql_access of a relation that is named here */
	bool top;               /* the statement itself, not a part of it */
	bool named_only;        /* within a plain EXPLAIN: planned, not done */
	bool deferred;          /* within a definition: done later, by others */
	bool once;              /* evaluated exactly once, whatever the data */
	bool dropped_at_commit; /* ON COMMIT DROP */
	bool outermost;		/* the query whose rows the client gets */
	bool exists;		/* the query of an EXISTS: its columns do not matter */
	bool unread;		/* a target of such a query */
	bool filters;		/* within a WHERE */
	bool sorts;		/* within an ORDER BY */
	bool explains;		/* within an EXPLAIN */
	bool into_told;		/* the table that INTO makes has its act already */
	struct slice name_is; /* what WHERE says the column `name` is: see set_config.c */
	const struct target *target; /* or NULL */
};

/* A name of WITH, and those it adds to. In the arena of whoever made it. */
struct cte {
	const struct cte *outer;
	struct slice name;
	struct tree_node query; /* what it stands for */
};

void collect_classes(
    struct collector *facts, const struct context *context, unsigned classes);
/* `verb` lives as long as the program, or in the arena. */
void collect_verb(struct collector *facts, const char *verb);
/* The verb "first second". */
void collect_verb_of(struct collector *facts, const char *first, const char *second);
void collect_relation(
    struct collector *facts, struct slice schema, struct slice name, unsigned access);
void collect_function(struct collector *facts, struct slice name);
/* Nothing is left behind by what is only planned or only defined. */
void collect_residue(
    struct collector *facts, const struct context *context, unsigned residue);
/* SQL that the statement stores, to be walked after it. */
void collect_body(struct collector *facts, struct slice text);
/* A setting named in any way; the name is folded here. Returns the folded name. */
char *collect_setting_name(struct collector *facts, struct slice name);
void collect_setting(struct collector *facts, struct sql_setting setting);
/* The worst counts. */
void collect_where(struct collector *facts, const struct context *context,
    enum sql_where where, struct slice relation);
/* A column that is named; "*" is all. */
void collect_column(struct collector *facts, struct slice name);
/* Was the name in the set already? It is now. */
bool collect_seen(struct collector *facts, struct collect_names *set, struct slice name);
/* Is the name in the set? */
bool collect_has(const struct collect_names *set, struct slice name);
/* A name that stands for whole rows. */
void collect_row_name(struct collector *facts, struct slice name);
/*
 * A new act, good until the next one is made; its relation is the one at hand. What is only
 * planned is no act: then it is one that nobody sees.
 */
struct sql_act *collect_act(
    struct collector *facts, const struct context *context, enum sql_act_kind kind);
/* A copy in the arena; NULL for an empty slice. */
char *collect_text(struct collector *facts, struct slice text);
/* Put the lists into the statement. */
void collect_end(struct collector *facts);

#endif

/* ddl.c - facts of what makes, changes, grants and drops objects. */
#include <string.h>
#include <strings.h>

#include <pg_query/pg_query.pb-c.h>

#include "handlers.h"

/* Field numbers of pg_query.proto. */
enum { CREATE_ON_COMMIT = 9 };
enum { CTAS_OBJECT = 3 };
enum { INDEX_NAME = 1, INDEX_CONCURRENT = 22 };
enum { FUNCTION_IS_PROCEDURE = 1, FUNCTION_OPTIONS = 6, DEF_NAME = 2, DEF_ARG = 3 };
enum { DEFINE_OBJECT = 1 };
enum { TRIGGER_FUNCTION = 5, EVENT_TRIGGER_FUNCTION = 4 };
enum { COMMAND_TYPE = 1, COMMAND_NAME = 2 };
enum { ALTER_TABLE_OBJECT = 3, ALTER_OBJECT = 1, RENAME_OBJECT = 1, RENAME_PARENT = 2 };
enum { COMMENT_OBJECT = 1, COMMENT_NODE = 2, COMMENT_TEXT = 3 };
enum { GRANT_IS_GRANT = 1, GRANT_ROLE_IS_GRANT = 3 };
enum { DROP_OBJECTS = 1, DROP_OBJECT = 2, DROP_BEHAVIOR = 3, DROP_CONCURRENT = 5 };
enum { DROP_OWNED_BEHAVIOR = 2, DROP_SUBSCRIPTION_BEHAVIOR = 3 };
enum { VACUUM_IS_VACUUM = 3 };

/* How the name of a dropped or commented object leads to a relation. */
enum names_relation { NO_RELATION, IS_RELATION, LAST_IS_PART };

/* By PgQuery__ObjectType. */
static const struct {
	const char *noun; /* as in the command tag */
	enum names_relation relation;
} objects[] = {
	[PG_QUERY__OBJECT_TYPE__OBJECT_ACCESS_METHOD] = { "ACCESS METHOD", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_AGGREGATE] = { "AGGREGATE", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_AMOP] = { "OPERATOR FAMILY", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_AMPROC] = { "OPERATOR FAMILY", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_ATTRIBUTE] = { "TYPE", LAST_IS_PART },
	[PG_QUERY__OBJECT_TYPE__OBJECT_CAST] = { "CAST", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN] = { "TABLE", LAST_IS_PART },
	[PG_QUERY__OBJECT_TYPE__OBJECT_COLLATION] = { "COLLATION", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_CONVERSION] = { "CONVERSION", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_DATABASE] = { "DATABASE", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_DEFAULT] = { "TABLE", LAST_IS_PART },
	[PG_QUERY__OBJECT_TYPE__OBJECT_DEFACL] = { "DEFAULT PRIVILEGES", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN] = { "DOMAIN", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_DOMCONSTRAINT] = { "DOMAIN", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_EVENT_TRIGGER] = { "EVENT TRIGGER", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_EXTENSION] = { "EXTENSION", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_FDW] = { "FOREIGN DATA WRAPPER", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_FOREIGN_SERVER] = { "SERVER", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_FOREIGN_TABLE] = { "FOREIGN TABLE", IS_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_FUNCTION] = { "FUNCTION", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_INDEX] = { "INDEX", IS_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_LANGUAGE] = { "LANGUAGE", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_LARGEOBJECT] = { "LARGE OBJECT", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW] = { "MATERIALIZED VIEW", IS_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_OPCLASS] = { "OPERATOR CLASS", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_OPERATOR] = { "OPERATOR", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_OPFAMILY] = { "OPERATOR FAMILY", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_PARAMETER_ACL] = { "PARAMETER", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_POLICY] = { "POLICY", LAST_IS_PART },
	[PG_QUERY__OBJECT_TYPE__OBJECT_PROCEDURE] = { "PROCEDURE", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_PUBLICATION] = { "PUBLICATION", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_PUBLICATION_NAMESPACE] = { "PUBLICATION",
	    NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_PUBLICATION_REL] = { "PUBLICATION", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_ROLE] = { "ROLE", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_ROUTINE] = { "ROUTINE", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_RULE] = { "RULE", LAST_IS_PART },
	[PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA] = { "SCHEMA", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE] = { "SEQUENCE", IS_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_SUBSCRIPTION] = { "SUBSCRIPTION", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_STATISTIC_EXT] = { "STATISTICS", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT] = { "TABLE", LAST_IS_PART },
	[PG_QUERY__OBJECT_TYPE__OBJECT_TABLE] = { "TABLE", IS_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_TABLESPACE] = { "TABLESPACE", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_TRANSFORM] = { "TRANSFORM", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_TRIGGER] = { "TRIGGER", LAST_IS_PART },
	[PG_QUERY__OBJECT_TYPE__OBJECT_TSCONFIGURATION] = { "TEXT SEARCH CONFIGURATION",
	    NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_TSDICTIONARY] = { "TEXT SEARCH DICTIONARY",
	    NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_TSPARSER] = { "TEXT SEARCH PARSER", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_TSTEMPLATE] = { "TEXT SEARCH TEMPLATE",
	    NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_TYPE] = { "TYPE", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_USER_MAPPING] = { "USER MAPPING", NO_RELATION },
	[PG_QUERY__OBJECT_TYPE__OBJECT_VIEW] = { "VIEW", IS_RELATION },
};

enum { OBJECT_COUNT = sizeof(objects) / sizeof(objects[0]) };

static const char *
noun_of(uint64_t object)
{
	return object < OBJECT_COUNT && objects[object].noun != NULL
		   ? objects[object].noun
		   : "OBJECT";
}

/* --- making ---------------------------------------------------------------- */

void
handle_made(struct collector *facts, const struct context *context, struct slice body,
    unsigned field)
{
	struct slice schema;

	tree_name(body, field, &schema);
	if (schema.length >= 7 && memcmp(schema.bytes, "pg_temp", 7) == 0)
		collect_residue(facts, context, SQL_RESIDUE_TEMP);
}

void
handle_create_table(struct collector *facts, struct slice body, struct context *context)
{
	context->dropped_at_commit = tree_value(body, CREATE_ON_COMMIT) ==
				     PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_DROP;
	act_create_table(facts, body, context);
}

void
handle_create_view(struct collector *facts, struct slice body, struct context *context)
{
	act_create(facts, context, "VIEW", tree_body(body, 1), tree_value(body, 4) != 0);
}

void
handle_create_sequence(
    struct collector *facts, struct slice body, struct context *context)
{
	act_create(facts, context, "SEQUENCE", tree_body(body, 1), tree_value(body, 5) != 0);
}

void
handle_truncate(struct collector *facts, struct slice body, struct context *context)
{
	act_truncate(facts, body, context);
}

void
handle_create_table_as(
    struct collector *facts, struct slice body, struct context *context)
{
	bool view =
	    tree_value(body, CTAS_OBJECT) == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW;

	collect_verb(facts, view ? "CREATE MATERIALIZED VIEW" : "CREATE TABLE AS");
	if (view)
		act_create(facts, context, "MATERIALIZED VIEW",
		    tree_body(tree_body(body, 2), 1), tree_value(body, 5) != 0);
	else
		act_create_as(facts, tree_body(body, 2), context);
	context->into_told = true;
}

void
handle_create_index(struct collector *facts, struct slice body, struct context *context)
{
	struct sql_statement *statement = facts->statement;

	/* Within CREATE SCHEMA the table is as new as the index. */
	if (!context->top && !context->deferred)
		return;
	act_create_index(facts, body, context);
	statement->index_created = true;
	statement->index_concurrently = tree_value(body, INDEX_CONCURRENT) != 0;
	statement->index_name = collect_text(facts, tree_body(body, INDEX_NAME));
}

/* A body of LANGUAGE sql is SQL to be judged; one of another language says nothing. */
static void
collect_sql_body(struct collector *facts, struct slice body)
{
	struct slice language = { NULL, 0 }, text = { NULL, 0 };
	struct tree_node option;

	while (tree_next_child(&body, FUNCTION_OPTIONS, &option)) {
		struct slice name = tree_body(option.body, DEF_NAME);
		struct tree_node arg = tree_child(option.body, DEF_ARG);

		if (slice_is(name, "language"))
			language = tree_string(arg);
		else if (slice_is(name, "as"))
			text = tree_string(tree_child(arg.body, 1));
	}
	if (language.length == 3 &&
	    strncasecmp((const char *)language.bytes, "sql", 3) == 0 && text.length > 0)
		collect_body(facts, text);
}

void
handle_create_function(
    struct collector *facts, struct slice body, struct context *context)
{
	bool procedure = tree_value(body, FUNCTION_IS_PROCEDURE) != 0;

	collect_verb(facts, procedure ? "CREATE PROCEDURE" : "CREATE FUNCTION");
	collect_sql_body(facts, body);
	act_function(facts, body, 3, FUNCTION_OPTIONS, context);
}

void
handle_define(struct collector *facts, struct slice body, struct context *context)
{
	collect_verb_of(facts, "CREATE", noun_of(tree_value(body, DEFINE_OBJECT)));
	(void)context;
}

void
handle_trigger(struct collector *facts, struct slice body, struct context *context)
{
	collect_function(facts, tree_name(body, TRIGGER_FUNCTION, NULL));
	(void)context;
}

void
handle_event_trigger(struct collector *facts, struct slice body, struct context *context)
{
	collect_function(facts, tree_name(body, EVENT_TRIGGER_FUNCTION, NULL));
	(void)context;
}

/* --- changing -------------------------------------------------------------- */

void
handle_alter_table(struct collector *facts, struct slice body, struct context *context)
{
	uint64_t object = tree_value(body, ALTER_TABLE_OBJECT);

	collect_verb_of(facts, "ALTER", noun_of(object));
	if (object != PG_QUERY__OBJECT_TYPE__OBJECT_TYPE)
		context->target = act_target(facts, tree_body(body, 1), false);
}

/* One of the commands of ALTER TABLE; ALTER TYPE … DROP ATTRIBUTE is told the same way. */
void
handle_alter_command(struct collector *facts, struct slice body, struct context *context)
{
	if (tree_value(body, COMMAND_TYPE) == PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn &&
	    facts->statement->column_dropped == NULL)
		facts->statement->column_dropped =
		    collect_text(facts, tree_body(body, COMMAND_NAME));
	act_alter_command(facts, body, context);
}

/* ALTER … OWNER TO, SET SCHEMA, DEPENDS ON: the kind of object is their first field. */
void
handle_alter_object(struct collector *facts, struct slice body, struct context *context)
{
	collect_verb_of(facts, "ALTER", noun_of(tree_value(body, ALTER_OBJECT)));
	(void)context;
}

void
handle_alter_schema(struct collector *facts, struct slice body, struct context *context)
{
	const char *noun = noun_of(tree_value(body, ALTER_OBJECT));

	collect_verb_of(facts, "ALTER", noun);
	act_set_schema(facts, context, noun, body);
}

/* The relation in a list of names: all of it, or all but the last part. */
static void
collect_named_relation(
    struct collector *facts, struct tree_node list, enum names_relation how)
{
	struct slice parts[3] = { { NULL, 0 } }; /* the last three */
	struct tree_node part;

	if (how == NO_RELATION || list.type != PG_QUERY__NODE__NODE_LIST)
		return;
	while (tree_next_child(&list.body, 1, &part)) {
		parts[0] = parts[1];
		parts[1] = parts[2];
		parts[2] = tree_string(part);
	}
	if (how == IS_RELATION)
		collect_relation(facts, parts[1], parts[2], SQL_ACCESS_DDL);
	else
		collect_relation(facts, parts[0], parts[1], SQL_ACCESS_DDL);
}

static enum names_relation
relation_of(uint64_t object)
{
	return object < OBJECT_COUNT ? objects[object].relation : NO_RELATION;
}

void
handle_rename(struct collector *facts, struct slice body, struct context *context)
{
	uint64_t object = tree_value(body, RENAME_OBJECT);

	act_rename(facts, context,
	    object == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN	? "COLUMN"
	    : object == PG_QUERY__OBJECT_TYPE__OBJECT_ATTRIBUTE ? "ATTRIBUTE"
								: noun_of(object),
	    tree_body(body, 3), tree_body(body, 5), tree_body(body, 6));
	/* Of a column: the kind of relation that holds it. */
	if (object == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN ||
	    object == PG_QUERY__OBJECT_TYPE__OBJECT_ATTRIBUTE)
		object = tree_value(body, RENAME_PARENT);
	if (object == PG_QUERY__OBJECT_TYPE__OBJECT_ROLE)
		collect_classes(facts, context, SQL_ROLE);
	collect_verb_of(facts, "ALTER", noun_of(object));
}

void
handle_comment(struct collector *facts, struct slice body, struct context *context)
{
	struct tree_node list = tree_child(body, COMMENT_NODE);
	uint64_t object = tree_value(body, COMMENT_OBJECT);

	collect_named_relation(facts, list, relation_of(object));
	if (relation_of(object) == IS_RELATION)
		act_comment(facts, context, noun_of(object), list, tree_has(body, COMMENT_TEXT));
}

void
handle_label(struct collector *facts, struct slice body, struct context *context)
{
	collect_named_relation(facts, tree_child(body, COMMENT_NODE),
	    relation_of(tree_value(body, COMMENT_OBJECT)));
	(void)context;
}

void
handle_grant(struct collector *facts, struct slice body, struct context *context)
{
	collect_verb(facts, tree_value(body, GRANT_IS_GRANT) != 0 ? "GRANT" : "REVOKE");
	(void)context;
}

void
handle_grant_role(struct collector *facts, struct slice body, struct context *context)
{
	bool grants = tree_value(body, GRANT_ROLE_IS_GRANT) != 0;

	collect_verb(facts, grants ? "GRANT ROLE" : "REVOKE ROLE");
	collect_verb(facts, grants ? "GRANT" : "REVOKE");
	(void)context;
}

/* --- dropping -------------------------------------------------------------- */

static void
dropped(struct collector *facts, const char *kind, uint64_t behavior)
{
	facts->statement->drop_kind = kind;
	facts->statement->drop_cascade =
	    behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
}

/* One of the objects: its name, or the last two parts of it. */
static void
drop_one(struct collector *facts, const struct context *context, uint64_t object,
    struct tree_node name, unsigned flags)
{
	struct slice schema = { NULL, 0 }, last = tree_string(name);

	if (name.type == PG_QUERY__NODE__NODE_LIST)
		last = tree_name(name.body, 1, &schema);
	else if (name.type == PG_QUERY__NODE__NODE_OBJECT_WITH_ARGS ||
		 name.type == PG_QUERY__NODE__NODE_TYPE_NAME)
		last = tree_name(name.body, 1, &schema);
	act_drop(facts, context, noun_of(object), schema, last, flags);
}

void
handle_drop(struct collector *facts, struct slice body, struct context *context)
{
	uint64_t object = tree_value(body, DROP_OBJECT);
	unsigned flags = (tree_value(body, 4) != 0 ? SQL_ACT_GUARDED : 0) |
			 (tree_value(body, DROP_CONCURRENT) != 0 ? SQL_ACT_CONCURRENTLY : 0);
	struct tree_node name;

	if (tree_value(body, DROP_BEHAVIOR) == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE)
		flags |= SQL_ACT_CASCADE;
	dropped(facts, noun_of(object), tree_value(body, DROP_BEHAVIOR));
	facts->statement->drop_concurrently = tree_value(body, DROP_CONCURRENT) != 0;
	collect_verb_of(facts, "DROP", noun_of(object));
	while (tree_next_child(&body, DROP_OBJECTS, &name)) {
		collect_named_relation(facts, name, relation_of(object));
		drop_one(facts, context, object, name, flags);
	}
}

void
handle_drop_database(struct collector *facts, struct slice body, struct context *context)
{
	dropped(facts, "DATABASE", 0);
	act_drop(facts, context, "DATABASE", (struct slice){ NULL, 0 }, tree_body(body, 1),
	    tree_value(body, 2) != 0 ? SQL_ACT_GUARDED : 0);
}

void
handle_drop_role(struct collector *facts, struct slice body, struct context *context)
{
	dropped(facts, "ROLE", 0);
	(void)body;
	(void)context;
}

void
handle_drop_tablespace(
    struct collector *facts, struct slice body, struct context *context)
{
	dropped(facts, "TABLESPACE", 0);
	(void)body;
	(void)context;
}

void
handle_drop_owned(struct collector *facts, struct slice body, struct context *context)
{
	dropped(facts, "OWNED", tree_value(body, DROP_OWNED_BEHAVIOR));
	(void)context;
}

void
handle_drop_subscription(
    struct collector *facts, struct slice body, struct context *context)
{
	uint64_t behavior = tree_value(body, DROP_SUBSCRIPTION_BEHAVIOR);

	dropped(facts, "SUBSCRIPTION", behavior);
	act_drop(facts, context, "SUBSCRIPTION", (struct slice){ NULL, 0 }, tree_body(body, 1),
	    behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE ? SQL_ACT_CASCADE : 0);
}

void
handle_drop_mapping(struct collector *facts, struct slice body, struct context *context)
{
	dropped(facts, "USER MAPPING", 0);
	act_drop(facts, context, "USER MAPPING", (struct slice){ NULL, 0 }, tree_body(body, 2),
	    tree_value(body, 3) != 0 ? SQL_ACT_GUARDED : 0);
}

/* --- maintenance ----------------------------------------------------------- */

void
handle_vacuum(struct collector *facts, struct slice body, struct context *context)
{
	collect_verb(
	    facts, tree_value(body, VACUUM_IS_VACUUM) != 0 ? "VACUUM" : "ANALYZE");
	act_vacuum(facts, body, context);
}

/*
 * handlers.h - what is learnt at each type of node; the rows are in nodes.c.
 *
 * A handler gets the node's bytes and the context it stands in, notes facts,
 * and may change the context for what is within the node.
 */
#ifndef SQL_HANDLERS_H
#define SQL_HANDLERS_H

#include "collect.h"
#include "tree.h"

/* query.c: reading and writing rows. */
void handle_select(struct collector *facts, struct slice body, struct context *context);
void handle_insert(struct collector *facts, struct slice body, struct context *context);
void handle_update(struct collector *facts, struct slice body, struct context *context);
void handle_delete(struct collector *facts, struct slice body, struct context *context);
void handle_merge(struct collector *facts, struct slice body, struct context *context);
void handle_merge_when(
    struct collector *facts, struct slice body, struct context *context);
void handle_on_conflict(
    struct collector *facts, struct slice body, struct context *context);
void handle_with(struct collector *facts, struct slice body, struct context *context);
void handle_into(struct collector *facts, struct slice body, struct context *context);
void handle_range_var(
    struct collector *facts, struct slice body, struct context *context);
void handle_table_sample(
    struct collector *facts, struct slice body, struct context *context);
/* The names known behind the CTE `node`. */
const struct cte *handle_cte_seen(
    struct collector *facts, const struct cte *known, struct tree_node node);

/* functions.c: calls, and what known functions leave behind. */
void handle_call(struct collector *facts, struct slice body, struct context *context);
void handle_indirection(
    struct collector *facts, struct slice body, struct context *context);
void handle_range_function(
    struct collector *facts, struct slice body, struct context *context);
/* What columns of functions in FROM call. Done as a walk ends. */
void functions_of_rows(struct collector *facts);
/*
 * Is the statement SELECT and a call of this function of PostgreSQL's without arguments, with an
 * alias at most?
 */
bool function_is_all_of(struct tree_node statement, const char *function);
/* The same of a call with a whole number as its only argument. */
bool function_of_number_is_all_of(struct tree_node statement, const char *function);

/* named_functions.c: functions that a definition names. */
void handle_option(struct collector *facts, struct slice body, struct context *context);
void handle_create_cast(
    struct collector *facts, struct slice body, struct context *context);
void handle_create_transform(
    struct collector *facts, struct slice body, struct context *context);
void handle_class_item(struct collector *facts, struct slice body, struct context *context);
void handle_create_conversion(
    struct collector *facts, struct slice body, struct context *context);
void handle_create_method(
    struct collector *facts, struct slice body, struct context *context);
void handle_create_language(
    struct collector *facts, struct slice body, struct context *context);

/* settings.c: SET, RESET, set_config(), transaction modes. */
/* Whose later sessions this stores settings for; NULL: it is no such statement. */
struct sql_stored *settings_stored(struct arena *arena, struct tree_node statement);
void handle_variable_set(
    struct collector *facts, struct slice body, struct context *context);
void handle_set_config(
    struct collector *facts, struct slice body, struct context *context);
/* The DefElems in a field that are transaction modes of BEGIN. */
void settings_of_transaction(struct collector *facts, struct slice body, unsigned field);
void handle_discard(struct collector *facts, struct slice body, struct context *context);

/* session.c: transactions, prepared statements, cursors, COPY, DO. */
void handle_transaction(
    struct collector *facts, struct slice body, struct context *context);
void handle_prepare(struct collector *facts, struct slice body, struct context *context);
void handle_execute(struct collector *facts, struct slice body, struct context *context);
void handle_deallocate(
    struct collector *facts, struct slice body, struct context *context);
void handle_declare(struct collector *facts, struct slice body, struct context *context);
void handle_fetch(struct collector *facts, struct slice body, struct context *context);
void handle_explain(struct collector *facts, struct slice body, struct context *context);
void handle_copy(struct collector *facts, struct slice body, struct context *context);
void handle_listen(struct collector *facts, struct slice body, struct context *context);
void handle_unlisten(struct collector *facts, struct slice body, struct context *context);
void handle_notify(struct collector *facts, struct slice body, struct context *context);
void handle_load(struct collector *facts, struct slice body, struct context *context);
void handle_opaque(struct collector *facts, struct slice body, struct context *context);

/* ddl.c: making, changing and dropping objects. */
void handle_alter_schema(
    struct collector *facts, struct slice body, struct context *context);
void handle_truncate(
    struct collector *facts, struct slice body, struct context *context);
void handle_create_view(
    struct collector *facts, struct slice body, struct context *context);
void handle_create_sequence(
    struct collector *facts, struct slice body, struct context *context);
void handle_made(struct collector *facts, const struct context *context,
    struct slice body, unsigned field);
void handle_create_table(
    struct collector *facts, struct slice body, struct context *context);
void handle_create_table_as(
    struct collector *facts, struct slice body, struct context *context);
void handle_create_index(
    struct collector *facts, struct slice body, struct context *context);
void handle_create_function(
    struct collector *facts, struct slice body, struct context *context);
void handle_define(struct collector *facts, struct slice body, struct context *context);
void handle_trigger(struct collector *facts, struct slice body, struct context *context);
void handle_event_trigger(
    struct collector *facts, struct slice body, struct context *context);
void handle_alter_table(
    struct collector *facts, struct slice body, struct context *context);
void handle_alter_command(
    struct collector *facts, struct slice body, struct context *context);
void handle_alter_object(
    struct collector *facts, struct slice body, struct context *context);
void handle_rename(struct collector *facts, struct slice body, struct context *context);
void handle_comment(struct collector *facts, struct slice body, struct context *context);
void handle_label(struct collector *facts, struct slice body, struct context *context);
void handle_create_schema(
    struct collector *facts, struct slice body, struct context *context);
void handle_grant(struct collector *facts, struct slice body, struct context *context);
void handle_grant_role(
    struct collector *facts, struct slice body, struct context *context);
void handle_drop(struct collector *facts, struct slice body, struct context *context);
void handle_drop_database(
    struct collector *facts, struct slice body, struct context *context);
void handle_drop_role(
    struct collector *facts, struct slice body, struct context *context);
void handle_drop_tablespace(
    struct collector *facts, struct slice body, struct context *context);
void handle_drop_owned(
    struct collector *facts, struct slice body, struct context *context);
void handle_drop_subscription(
    struct collector *facts, struct slice body, struct context *context);
void handle_drop_mapping(
    struct collector *facts, struct slice body, struct context *context);
void handle_vacuum(struct collector *facts, struct slice body, struct context *context);

/* reads.c: columns, rows, what no index serves. */
void handle_alias(
    struct collector *facts, struct slice body, struct context *context);
void handle_sub_link(
    struct collector *facts, struct slice body, struct context *context);
void handle_join(
    struct collector *facts, struct slice body, struct context *context);
void handle_expression(
    struct collector *facts, struct slice body, struct context *context);
void handle_column_ref(
    struct collector *facts, struct slice body, struct context *context);
void handle_sort(
    struct collector *facts, struct slice body, struct context *context);
void reads_select(struct collector *facts, struct slice body, struct context *context);
void reads_insert(
    struct collector *facts, struct slice body, const struct context *context);
/* The assignments in a field: their columns, and one that is assigned twice. */
void reads_assignments(struct collector *facts, struct slice body, unsigned field,
    const struct context *context);
/* A write that is not the statement itself. */
void reads_uncounted(struct collector *facts, const struct context *context);
void reads_copied(struct collector *facts, const struct context *context);
/* A function is called: by random() nothing can be sorted but all rows. */
/* Random targets that an ORDER BY names or counts to. */
void reads_sorted(struct collector *facts, struct slice select, const struct context *context);
void reads_called(struct collector *facts, struct slice name, const struct context *context);

/* acts.c, act_objects.c: what is done to single objects. */
void handle_column(
    struct collector *facts, struct slice body, struct context *context);
void handle_constraint(
    struct collector *facts, struct slice body, struct context *context);
void handle_reindex(
    struct collector *facts, struct slice body, struct context *context);
void handle_cluster(
    struct collector *facts, struct slice body, struct context *context);
void handle_refresh(
    struct collector *facts, struct slice body, struct context *context);
void handle_lock(
    struct collector *facts, struct slice body, struct context *context);
void handle_create_enum(
    struct collector *facts, struct slice body, struct context *context);
void handle_alter_enum(
    struct collector *facts, struct slice body, struct context *context);
void handle_create_domain(
    struct collector *facts, struct slice body, struct context *context);
void handle_alter_domain(
    struct collector *facts, struct slice body, struct context *context);
void handle_alter_function(
    struct collector *facts, struct slice body, struct context *context);
void handle_extension(struct collector *facts, struct slice body, struct context *context);
void handle_create_extension(
    struct collector *facts, struct slice body, struct context *context);
void handle_move_all(
    struct collector *facts, struct slice body, struct context *context);
/* The relation of an act, from its RangeVar; what kind of constraint a Constraint is. */
void act_name_relation(
    struct collector *facts, struct sql_act *act, struct slice range);
unsigned act_constraint_flags(struct slice body);
void act_create_table(
    struct collector *facts, struct slice body, struct context *context);
void act_create_as(struct collector *facts, struct slice into, struct context *context);
/* An object of another kind is made, under the name of a RangeVar. */
void act_create(struct collector *facts, struct context *context, const char *noun,
    struct slice range, bool guarded);
void act_create_index(
    struct collector *facts, struct slice body, struct context *context);
void act_drop(struct collector *facts, const struct context *context, const char *noun,
    struct slice schema, struct slice name, unsigned flags);
void act_truncate(struct collector *facts, struct slice body, struct context *context);
void act_vacuum(struct collector *facts, struct slice body, struct context *context);
void act_alter_command(
    struct collector *facts, struct slice body, struct context *context);
/* act_partition.c: what ATTACH and DETACH PARTITION speak of. */
void act_partition(struct collector *facts, struct sql_act *act, struct slice command);
void act_rename(struct collector *facts, struct context *context, const char *noun,
    struct slice range, struct slice from, struct slice to);
void act_set_schema(struct collector *facts, struct context *context, const char *noun,
    struct slice body);
/* The relation that what is within makes or alters. */
const struct target *act_target(
    struct collector *facts, struct slice range, bool creating);
/* CREATE FUNCTION: fields of its name and options. */
void act_function(struct collector *facts, struct slice body, unsigned name,
    unsigned options, struct context *context);
/* COMMENT ON a relation, named by a list; `given`: there is a text. */
void act_comment(struct collector *facts, struct context *context, const char *noun,
    struct tree_node list, bool given);
/* A function is called: is it in a default? */
void act_called(
    struct collector *facts, struct slice name, const struct context *context);

#endif

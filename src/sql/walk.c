/* walk.c - see walk.h. Called by facts.c for each statement. */
#include <pg_query/pg_query.pb-c.h>

#include "base/mem.h"

#include "handlers.h"
#include "walk.h"

enum { FRAMES_AT_FIRST = 64 };

/* A node whose fields are being visited. */
struct frame {
	unsigned type;
	struct slice rest; /* fields still to come */
	struct context context;
	const struct cte *outer; /* names of WITH known outside of this node */
};

/* On the stack of walk(). The frames are ours; `first` saves an allocation. */
struct walker {
	struct collector *facts; /* borrowed */
	struct error *err;
	struct frame *frames;
	size_t depth, room;
	unsigned nodes;
	struct frame first[FRAMES_AT_FIRST];
};

static bool
push(struct walker *walker, struct tree_node node, const struct context *context,
    const struct cte *outer)
{
	if (walker->depth == WALK_DEPTH)
		return error_set_state(walker->err, ERROR_SYNTAX, "54001",
		    "statement too complex: more than %d levels", WALK_DEPTH);
	if (walker->depth == walker->room) {
		struct frame *old =
		    walker->frames == walker->first ? NULL : walker->frames;

		walker->frames = mem_resize(old, 2 * walker->room, sizeof(struct frame));
		if (old == NULL)
			for (size_t i = 0; i < walker->room; i++)
				walker->frames[i] = walker->first[i];
		walker->room *= 2;
	}
	walker->frames[walker->depth++] = (struct frame){
		.type = node.type, .rest = node.body, .context = *context, .outer = outer
	};
	return true;
}

static bool
enter(struct walker *walker, struct tree_node node, struct context context)
{
	const struct node_row *row =
	    node.type < TREE_TYPE_COUNT ? &node_rows[node.type] : NULL;
	const struct cte *outer = context.ctes;

	if (row == NULL || row->kind == NODE_MISSING || row->kind == NODE_ANALYSED)
		return error_set_state(walker->err, ERROR_SYNTAX, "0A000",
		    "statement not understood: no rule for the parser's node type %u "
		    "(%s)",
		    node.type, row == NULL ? "unknown" : tree_type_name(node.type));
	if (++walker->nodes > WALK_NODES)
		return error_set_state(walker->err, ERROR_SYNTAX, "54001",
		    "statement too complex: more than %d nodes", WALK_NODES);
	if (row->verb != NULL)
		collect_verb(walker->facts, row->verb);
	if (row->classes != 0)
		collect_classes(walker->facts, &context, row->classes);
	if (row->made != 0)
		handle_made(walker->facts, &context, node.body, row->made);
	if (row->enter != NULL)
		row->enter(walker->facts, node.body, &context);
	if (row->kind == NODE_LEAF)
		return true;
	return push(walker, node, &context, outer);
}

static bool
is_where(unsigned type, unsigned number)
{
	return (type == PG_QUERY__NODE__NODE_SELECT_STMT && number == 5) ||
	       ((type == PG_QUERY__NODE__NODE_UPDATE_STMT ||
		    type == PG_QUERY__NODE__NODE_DELETE_STMT) &&
		   number == 3);
}

/* In what way the node in field `number` of this frame is seen. */
static struct context
context_within(struct frame *frame, unsigned number, struct tree_node node)
{
	const struct node_row *row = &node_rows[frame->type];
	bool is_target = (row->targets >> number & 1) != 0;
	struct context context = frame->context;

	context.top = false;
	context.outermost = frame->context.outermost &&
			    (frame->type == PG_QUERY__NODE__NODE_EXPLAIN_STMT ||
				frame->type == PG_QUERY__NODE__NODE_PREPARE_STMT ||
				frame->type == PG_QUERY__NODE__NODE_COPY_STMT);
	context.exists = frame->type == PG_QUERY__NODE__NODE_SUB_LINK &&
			 frame->context.exists;
	context.unread = (frame->type == PG_QUERY__NODE__NODE_SELECT_STMT && number == 3 &&
			     frame->context.exists) ||
			 (frame->type == PG_QUERY__NODE__NODE_RES_TARGET &&
			     frame->context.unread);
	context.once =
	    frame->context.once && (frame->type == PG_QUERY__NODE__NODE_SELECT_STMT ||
				       frame->type == PG_QUERY__NODE__NODE_RES_TARGET);
	context.access = is_target ? row->access : SQL_ACCESS_READ;
	context.deferred = frame->context.deferred || (row->defers && !is_target);
	context.filters = frame->context.filters || is_where(frame->type, number);
	if (node.type == PG_QUERY__NODE__NODE_WITH_CLAUSE)
		context.ctes = frame->outer;
	return context;
}

static bool
visit(struct walker *walker, const struct tree_field *field, unsigned type)
{
	struct frame *frame = &walker->frames[walker->depth - 1];
	struct tree_node node = type == TREE_FIELD_NODE
				    ? tree_node(field->body)
				    : (struct tree_node){ type, field->body };
	struct context context;

	if (node.type == 0) /* a hole in a list */
		return true;
	context = context_within(frame, field->number, node);
	/* A name of a plain WITH is known to those that follow it, and not to itself. */
	if (frame->type == PG_QUERY__NODE__NODE_WITH_CLAUSE)
		frame->context.ctes =
		    handle_cte_seen(walker->facts, frame->context.ctes, node);
	return enter(walker, node, context);
}

static bool
walk_frames(struct walker *walker)
{
	while (walker->depth > 0) {
		struct frame *frame = &walker->frames[walker->depth - 1];
		struct tree_field field;
		unsigned type;

		if (!tree_next(&frame->rest, &field)) {
			walker->depth--;
			continue;
		}
		if (!field.has_body)
			continue;
		type = tree_field_type(frame->type, field.number);
		if (type == TREE_FIELD_PLAIN)
			continue;
		if (!visit(walker, &field, type))
			return false;
	}
	return true;
}

bool
walk(struct collector *facts, struct tree_node statement, struct context context,
    struct error *err)
{
	struct walker walker;
	bool good;

	walker.facts = facts;
	walker.err = err;
	walker.frames = walker.first;
	walker.depth = 0;
	walker.room = FRAMES_AT_FIRST;
	walker.nodes = 0;
	good = enter(&walker, statement, context) && walk_frames(&walker);
	functions_of_rows(facts);
	if (walker.frames != walker.first)
		mem_free(walker.frames);
	return good;
}

/* collect.c - see collect.h. */
#include <string.h>

#include <xxhash.h>

#include "base/buf.h"

#include "collect.h"

enum { FIRST_ROOM = 4 };

/* The array, with room for one more element behind `count`. Doubles when full. */
static void *
with_room(struct arena *arena, void *items, size_t count, size_t size)
{
	void *larger;

	if (count != 0 && (count < FIRST_ROOM || (count & (count - 1)) != 0))
		return items;
	larger = arena_zalloc(arena, count == 0 ? FIRST_ROOM : 2 * count, size);
	if (count > 0)
		memcpy(larger, items, count * size);
	return larger;
}

static unsigned
bucket_of(struct slice name)
{
	return (unsigned)(XXH3_64bits(name.bytes, name.length) % COLLECT_BUCKETS);
}

/* Element number `at` is new and goes first in its bucket. */
static void
index_add(struct arena *arena, struct collect_index *index, unsigned bucket, size_t at)
{
	index->next = with_room(arena, index->next, at, sizeof(*index->next));
	index->next[at] = index->heads[bucket];
	index->heads[bucket] = (uint32_t)at + 1;
}

static bool
text_is(const char *text, struct slice slice)
{
	if (text == NULL)
		return slice.length == 0;
	return slice_is(slice, text);
}

char *
collect_text(struct collector *facts, struct slice text)
{
	return text.length == 0 ? NULL
				: arena_strndup(facts->arena, text.bytes, text.length);
}

void
collect_classes(struct collector *facts, const struct context *context, unsigned classes)
{
	facts->statement->classes |= classes;
	if (!context->named_only)
		facts->statement->effects |= classes;
}

void
collect_verb(struct collector *facts, const char *verb)
{
	for (size_t i = 0; i < facts->verb_count; i++)
		if (strcmp(facts->verbs[i], verb) == 0)
			return;
	facts->verbs =
	    with_room(facts->arena, facts->verbs, facts->verb_count, sizeof(char *));
	facts->verbs[facts->verb_count++] = verb;
}

void
collect_verb_of(struct collector *facts, const char *first, const char *second)
{
	size_t head = strlen(first), tail = strlen(second);
	char *verb = arena_zalloc(facts->arena, head + tail + 2, 1);

	memcpy(verb, first, head);
	verb[head] = ' ';
	memcpy(verb + head + 1, second, tail);
	collect_verb(facts, verb);
}

void
collect_relation(
    struct collector *facts, struct slice schema, struct slice name, unsigned access)
{
	struct sql_statement *statement = facts->statement;
	unsigned bucket = bucket_of(name);

	if (name.length == 0)
		return;
	for (uint32_t at = facts->relations.heads[bucket]; at != 0;
	     at = facts->relations.next[at - 1]) {
		struct sql_relation *known = &statement->relations[at - 1];

		if (text_is(known->name, name) && text_is(known->schema, schema)) {
			known->access |= access;
			return;
		}
	}
	statement->relations = with_room(facts->arena, statement->relations,
	    statement->relation_count, sizeof(*statement->relations));
	statement->relations[statement->relation_count] = (struct sql_relation){
		.schema = collect_text(facts, schema),
		.name = collect_text(facts, name),
		.access = access,
	};
	index_add(facts->arena, &facts->relations, bucket, statement->relation_count++);
}

/* The one copy of a name. */
static char *
add_name(struct collector *facts, struct collect_names *set, struct slice name)
{
	unsigned bucket = bucket_of(name);

	for (uint32_t at = set->index.heads[bucket]; at != 0;
	     at = set->index.next[at - 1])
		if (text_is(set->names[at - 1], name))
			return set->names[at - 1];
	set->names = with_room(facts->arena, set->names, set->count, sizeof(char *));
	set->names[set->count] = arena_strndup(facts->arena, name.bytes, name.length);
	index_add(facts->arena, &set->index, bucket, set->count);
	return set->names[set->count++];
}

void
collect_function(struct collector *facts, struct slice name)
{
	if (name.length > 0)
		add_name(facts, &facts->functions, name);
}

void
collect_column(struct collector *facts, struct slice name)
{
	if (name.length > 0)
		add_name(facts, &facts->columns, name);
}

bool
collect_seen(struct collector *facts, struct collect_names *set, struct slice name)
{
	size_t before = set->count;

	add_name(facts, set, name);
	return set->count == before;
}

bool
collect_has(const struct collect_names *set, struct slice name)
{
	for (uint32_t at = set->index.heads[bucket_of(name)]; at != 0;
	     at = set->index.next[at - 1])
		if (text_is(set->names[at - 1], name))
			return true;
	return false;
}

void
collect_row_name(struct collector *facts, struct slice name)
{
	if (name.length > 0)
		add_name(facts, &facts->rows, name);
}

struct sql_act *
collect_act(
    struct collector *facts, const struct context *context, enum sql_act_kind kind)
{
	struct sql_statement *statement = facts->statement;
	struct sql_act *act;

	if (context->named_only) {
		act = arena_zalloc(facts->arena, 1, sizeof(*act));
	} else {
		statement->acts = with_room(
		    facts->arena, statement->acts, statement->act_count, sizeof(*act));
		act = &statement->acts[statement->act_count++];
	}
	*act = (struct sql_act){ .kind = kind };
	if (context->target != NULL) {
		act->schema = collect_text(facts, context->target->schema);
		act->table = collect_text(facts, context->target->name);
	}
	if (context->deferred)
		act->flags |= SQL_ACT_BODY;
	return act;
}

void
collect_residue(struct collector *facts, const struct context *context, unsigned residue)
{
	if (!context->named_only && !context->deferred)
		facts->statement->residue |= residue;
}

void
collect_body(struct collector *facts, struct slice text)
{
	struct collect_body *body = arena_zalloc(facts->arena, 1, sizeof(*body));

	*body = (struct collect_body){ .next = facts->bodies, .length = text.length };
	body->text = arena_strndup(facts->arena, text.bytes, text.length);
	facts->bodies = body;
}

char *
collect_setting_name(struct collector *facts, struct slice name)
{
	/* Settings are compared without regard to case, also when quoted. */
	char *folded = arena_strndup(facts->arena, name.bytes, name.length);

	for (char *c = folded; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 0x20);
	return add_name(facts, &facts->setting_names,
	    (struct slice){ (const uint8_t *)folded, name.length });
}

void
collect_setting(struct collector *facts, struct sql_setting setting)
{
	struct sql_statement *statement = facts->statement;

	statement->settings = with_room(facts->arena, statement->settings,
	    statement->setting_count, sizeof(*statement->settings));
	statement->settings[statement->setting_count++] = setting;
}

void
collect_where(struct collector *facts, const struct context *context,
    enum sql_where where, struct slice relation)
{
	struct sql_statement *statement = facts->statement;

	if (context->named_only || where <= statement->where)
		return;
	statement->where = where;
	statement->where_relation = collect_text(facts, relation);
}

/* `SELECT c FROM customers c` is all of its columns. */
static void
add_whole_rows(struct collector *facts)
{
	for (size_t i = 0; i < facts->columns.count; i++)
		if (collect_has(&facts->rows, slice_of(facts->columns.names[i]))) {
			collect_column(facts, slice_of("*"));
			return;
		}
}

void
collect_end(struct collector *facts)
{
	struct sql_statement *statement = facts->statement;

	facts->verbs =
	    with_room(facts->arena, facts->verbs, facts->verb_count, sizeof(char *));
	facts->verbs[facts->verb_count] = NULL;
	statement->verbs = facts->verbs;
	statement->verb = facts->verb_count > 0 ? facts->verbs[0] : "OTHER";
	statement->functions = facts->functions.names;
	statement->function_count = facts->functions.count;
	add_whole_rows(facts);
	statement->columns = facts->columns.names;
	statement->column_count = facts->columns.count;
	statement->setting_names = facts->setting_names.names;
	statement->setting_name_count = facts->setting_names.count;
}

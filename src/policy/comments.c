/*
 * comments.c - the tables that a file of SQL gives a comment, gathered before its
 * statements are judged: COMMENT ON stands behind what it is about. See
 * include/policy/transaction.h; asked by rules_house.c.
 */
#include <string.h>

#include "base/mem.h"
#include "policy_internal.h"

struct commented {
	char *schema, *name;
};

struct policy_comments {
	struct commented *items;
	size_t count;
};

struct policy_comments *
policy_comments_new(void)
{
	return mem_zalloc(1, sizeof(struct policy_comments));
}

void
policy_comments_free(struct policy_comments *comments)
{
	for (size_t i = 0; comments != NULL && i < comments->count; i++) {
		mem_free(comments->items[i].schema);
		mem_free(comments->items[i].name);
	}
	if (comments != NULL)
		mem_free(comments->items);
	mem_free(comments);
}

void
policy_comments_note(struct policy_comments *comments, const struct sql_statement *statement)
{
	for (size_t i = 0; i < statement->act_count; i++) {
		const struct sql_act *act = &statement->acts[i];

		if (act->kind != SQL_ACT_COMMENT || (act->flags & SQL_ACT_GUARDED) != 0)
			continue;
		comments->items =
		    mem_resize(comments->items, comments->count + 1, sizeof(*comments->items));
		comments->items[comments->count++] = (struct commented){
			.schema = mem_strdup(act->schema), .name = mem_strdup(act->table)
		};
	}
}

bool
policy_comments_have(
    const struct policy_comments *comments, const char *schema, const char *name)
{
	for (size_t i = 0; comments != NULL && i < comments->count; i++) {
		const struct commented *item = &comments->items[i];

		if (strcmp(item->name, name) == 0 &&
		    (item->schema == NULL || schema == NULL || strcmp(item->schema, schema) == 0))
			return true;
	}
	return false;
}

/* places.c - see places.h. */
#include <ctype.h>
#include <string.h>

#include <jansson.h>
#include <pg_query.h>

#include "places.h"

enum { PLACES_MOST = 4096, STRING_MARK = 4 };

/* Where literals may be left out of a text; on the stack of places_are_plain(). */
struct places {
	size_t count;
	json_int_t locations[PLACES_MOST];
};

static void
allow(struct places *places, const json_t *node)
{
	const json_t *literal = json_object_get(node, "A_Const");

	if (literal == NULL || places->count == PLACES_MOST)
		return;
	places->locations[places->count++] =
	    json_integer_value(json_object_get(literal, "location"));
}

/* The body of an operator's node if it is one of these, else NULL. */
static const json_t *
operator_of(const json_t *node, const char *const *names)
{
	const json_t *body = json_object_get(node, "A_Expr");
	const char *kind = json_string_value(json_object_get(body, "kind"));
	const json_t *name = json_array_get(json_object_get(body, "name"), 0);
	const char *sign = json_string_value(
	    json_object_get(json_object_get(name, "String"), "sval"));

	if (kind == NULL || sign == NULL || strcmp(kind, "AEXPR_OP") != 0)
		return NULL;
	for (; *names != NULL; names++)
		if (strcmp(sign, *names) == 0)
			return body;
	return NULL;
}

static void
allow_in_condition(struct places *places, const json_t *node, bool under_or)
{
	static const char *const comparisons[] = { "=", "<", ">", "<=", ">=", "<>", NULL };
	const json_t *both = json_object_get(node, "BoolExpr");
	const char *kind = json_string_value(json_object_get(both, "boolop"));
	const json_t *comparison = operator_of(node, comparisons);
	size_t i;
	json_t *part;

	if (kind != NULL &&
	    (strcmp(kind, "AND_EXPR") == 0 || (under_or && strcmp(kind, "OR_EXPR") == 0)))
		json_array_foreach(json_object_get(both, "args"), i, part)
			allow_in_condition(places, part, under_or);
	if (json_object_get(json_object_get(comparison, "lexpr"), "ColumnRef") != NULL)
		allow(places, json_object_get(comparison, "rexpr"));
}

static void
allow_in_sum(struct places *places, const json_t *node)
{
	static const char *const signs[] = { "+", "-", "*", NULL };
	const json_t *sum = operator_of(node, signs);

	allow(places, node);
	if (sum != NULL) {
		allow_in_sum(places, json_object_get(sum, "lexpr"));
		allow_in_sum(places, json_object_get(sum, "rexpr"));
	}
}

static void
allow_in_rows(struct places *places, const json_t *rows)
{
	size_t i, n;
	json_t *row, *element;

	json_array_foreach(rows, i, row)
		json_array_foreach(json_object_get(json_object_get(row, "List"), "items"), n, element)
			allow(places, element);
}

static void
allow_in_select(struct places *places, const json_t *select, bool under_or)
{
	if (select == NULL)
		return;
	allow_in_condition(places, json_object_get(select, "whereClause"), under_or);
	allow(places, json_object_get(select, "limitCount"));
	allow(places, json_object_get(select, "limitOffset"));
	allow_in_select(places, json_object_get(select, "larg"), under_or);
	allow_in_select(places, json_object_get(select, "rarg"), under_or);
}

static void
allow_in_insert(struct places *places, const json_t *insert)
{
	const json_t *select =
	    json_object_get(json_object_get(insert, "selectStmt"), "SelectStmt");
	const json_t *conflict = json_object_get(insert, "onConflictClause");

	allow_in_rows(places, json_object_get(select, "valuesLists"));
	allow_in_select(places, select, false);
	allow_in_condition(places, json_object_get(conflict, "whereClause"), false);
	allow_in_condition(places,
	    json_object_get(json_object_get(conflict, "infer"), "whereClause"), false);
}

static void
allow_in_update(struct places *places, const json_t *update)
{
	size_t i;
	json_t *target;

	allow_in_condition(places, json_object_get(update, "whereClause"), false);
	json_array_foreach(json_object_get(update, "targetList"), i, target)
		allow_in_sum(places, json_object_get(json_object_get(target, "ResTarget"), "val"));
}

static void
allow_in_statement(struct places *places, const json_t *tree)
{
	const json_t *raw = json_array_get(json_object_get(tree, "stmts"), 0);
	const json_t *statement = json_object_get(raw, "stmt");

	allow_in_select(places, json_object_get(statement, "SelectStmt"), true);
	allow_in_insert(places, json_object_get(statement, "InsertStmt"));
	allow_in_update(places, json_object_get(statement, "UpdateStmt"));
	allow_in_condition(places,
	    json_object_get(json_object_get(statement, "DeleteStmt"), "whereClause"), false);
}

static bool
is_allowed(const struct places *places, json_int_t location)
{
	for (size_t i = 0; i < places->count; i++)
		if (places->locations[i] == location)
			return true;
	return false;
}

/* A negative number is one constant, which begins at its minus. */
static size_t
minus_before(const char *text, size_t at)
{
	size_t before = at;

	while (before > 0 && isspace((unsigned char)text[before - 1]))
		before--;
	return before > 0 && text[before - 1] == '-' ? before - 1 : at;
}

static size_t
skip_literal(const char *text, size_t at, uint8_t mark)
{
	if (mark != STRING_MARK)
		return at + strspn(text + at, "0123456789.");
	do
		at += 1 + strcspn(text + at + 1, "'") + 1;
	while (text[at] == '\'');
	return at;
}

static bool
all_are_allowed(const struct places *places, const char *text, const struct buf *key)
{
	size_t at = 0;

	for (size_t i = 0; i < buf_length(key); i++) {
		uint8_t mark = buf_bytes(key)[i];

		if (mark > STRING_MARK) {
			at++;
			continue;
		}
		if (!is_allowed(places, (json_int_t)at) &&
		    !is_allowed(places, (json_int_t)minus_before(text, at)))
			return false;
		at = skip_literal(text, at, mark);
	}
	return at == strlen(text);
}

bool
places_are_plain(const char *text, const struct buf *key)
{
	PgQueryParseResult parsed = pg_query_parse(text);
	json_t *tree = parsed.parse_tree != NULL ? json_loads(parsed.parse_tree, 0, NULL) : NULL;
	struct places places = { 0 };
	bool plain = true;

	if (tree != NULL) { /* else it is deeper than jansson reads */
		allow_in_statement(&places, tree);
		plain = all_are_allowed(&places, text, key);
	}
	json_decref(tree);
	pg_query_free_parse_result(parsed);
	return plain;
}

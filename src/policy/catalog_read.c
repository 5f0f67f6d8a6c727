/*
 * catalog_read.c - a catalog from its lines of JSON. They come from PostgreSQL or from a
 * file that somebody made: nothing in them is taken for granted.
 */
#include <jansson.h>
#include <string.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/lines.h"
#include "base/mem.h"
#include "catalog_internal.h"

enum {
	FIRST_BYTES = 16 * 1024,
	DUMP_BYTES_MOST = 1 << 30, /* of a file that `pgweirctl lint` is given */
	PARENTS_MOST = 64,	   /* levels of partitions of partitions */
};

/* Owned by whoever reads. */
struct catalog_builder {
	struct catalog *catalog;
	size_t most_bytes;
	size_t lines; /* behind the header */
	size_t room;  /* of catalog->relations, on the heap until the end */
	bool begun, ended;
	XXH3_state_t *digest;
};

struct catalog_builder *
catalog_builder_new(size_t most_bytes)
{
	struct catalog_builder *builder = mem_zalloc(1, sizeof(*builder));

	builder->catalog = mem_zalloc(1, sizeof(*builder->catalog));
	builder->catalog->references = 1;
	builder->catalog->arena = arena_new(FIRST_BYTES);
	builder->most_bytes = most_bytes;
	builder->digest = XXH3_createState();
	XXH3_64bits_reset(builder->digest);
	return builder;
}

/* The list of relations serves while they are read, and for the sums. */
static void
forget_list(struct catalog *catalog)
{
	mem_free(catalog->relations);
	catalog->relations = NULL;
}

void
catalog_builder_free(struct catalog_builder *builder)
{
	if (builder == NULL)
		return;
	if (builder->catalog != NULL)
		forget_list(builder->catalog);
	catalog_release(builder->catalog);
	XXH3_freeState(builder->digest);
	mem_free(builder);
}

/* ---- values ---- */

/* A copy; NULL when there is none. */
static const char *
text_of(struct catalog *catalog, const json_t *value)
{
	if (!json_is_string(value))
		return NULL;
	return arena_strndup(
	    catalog->arena, json_string_value(value), json_string_length(value));
}

static const char *
member(struct catalog *catalog, const json_t *line, const char *key)
{
	return text_of(catalog, json_object_get(line, key));
}

/* The first letter, or '\0'. */
static char
letter_of(const json_t *value)
{
	return json_is_string(value) ? json_string_value(value)[0] : '\0';
}

static bool
is_name(const json_t *value)
{
	return json_is_string(value) && json_string_length(value) > 0 &&
	    json_string_length(value) < sizeof(((struct named_key *)0)->name);
}

/* ---- names ---- */

/* Of what is there twice the first stays. */
static struct named *
add_named(struct catalog *catalog, enum named_kind kind, const char *schema, const char *name)
{
	struct named *first = catalog_named(catalog, kind, name);
	struct named *named = arena_zalloc(catalog->arena, 1, sizeof(*named));
	size_t length = strlen(name);

	named->schema = schema;
	named->key.kind = (char)kind;
	memcpy(named->key.name, name, length);
	if (first == NULL) {
		HASH_ADD_KEYPTR(
		    hh, catalog->named, &named->key, NAMED_KEY_LENGTH(length), named);
	} else {
		named->next = first->next;
		first->next = named;
	}
	return named;
}

/* ---- relations ---- */

static bool
bad(struct error *err, const char *what)
{
	return error_set(err, ERROR_CONFIG, "not a line of a catalog: %s", what);
}

static bool
read_columns(struct catalog *catalog, const json_t *list, struct catalog_relation *relation,
    struct error *err)
{
	size_t count = json_array_size(list);
	struct catalog_column *columns = arena_zalloc(catalog->arena, count, sizeof(*columns));

	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(list, i);

		if (!is_name(json_array_get(item, 0)) || !json_is_string(json_array_get(item, 1)) ||
		    !json_is_integer(json_array_get(item, 2)))
			return bad(err, "a column");
		columns[i] = (struct catalog_column){
			.name = text_of(catalog, json_array_get(item, 0)),
			.type = text_of(catalog, json_array_get(item, 1)),
			.typmod = (int32_t)json_integer_value(json_array_get(item, 2)),
			.not_null = json_is_true(json_array_get(item, 3)),
			.has_default = json_is_true(json_array_get(item, 4)),
			.collated = json_is_true(json_array_get(item, 5)) };
	}
	relation->columns = columns;
	relation->column_count = count;
	return true;
}

static bool
read_names(struct catalog *catalog, const json_t *list, const char ***names, size_t *count,
    struct error *err)
{
	*count = json_array_size(list);
	*names = arena_zalloc(catalog->arena, *count, sizeof(**names));
	for (size_t i = 0; i < *count; i++) {
		(*names)[i] = text_of(catalog, json_array_get(list, i));
		if ((*names)[i] == NULL)
			return bad(err, "the name of a column");
	}
	return true;
}

static bool
read_indexes(struct catalog *catalog, const json_t *list, struct catalog_relation *relation,
    struct error *err)
{
	size_t count = json_array_size(list);
	struct catalog_index *indexes = arena_zalloc(catalog->arena, count, sizeof(*indexes));

	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(list, i);
		struct named *named;

		if (!is_name(json_array_get(item, 0)) || !json_is_string(json_array_get(item, 1)))
			return bad(err, "an index");
		indexes[i] = (struct catalog_index){
			.name = text_of(catalog, json_array_get(item, 0)),
			.method = text_of(catalog, json_array_get(item, 1)),
			.unique = json_is_true(json_array_get(item, 2)),
			.primary = json_is_true(json_array_get(item, 3)),
			.valid = json_is_true(json_array_get(item, 4)),
			.partial = json_is_true(json_array_get(item, 5)) };
		if (!read_names(catalog, json_array_get(item, 6), &indexes[i].columns,
			&indexes[i].column_count, err) ||
		    !read_names(catalog, json_array_get(item, 7), &indexes[i].uses,
			&indexes[i].use_count, err))
			return false;
		named = add_named(catalog, NAMED_INDEX, relation->schema, indexes[i].name);
		named->relation = relation;
		named->index = &indexes[i];
	}
	relation->indexes = indexes;
	relation->index_count = count;
	return true;
}

static bool
read_constraints(struct catalog *catalog, const json_t *list,
    struct catalog_relation *relation, struct error *err)
{
	size_t count = json_array_size(list);
	struct catalog_constraint *constraints =
	    arena_zalloc(catalog->arena, count, sizeof(*constraints));

	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(list, i);

		if (!is_name(json_array_get(item, 0)) || !json_is_string(json_array_get(item, 4)))
			return bad(err, "a constraint");
		constraints[i] = (struct catalog_constraint){
			.name = text_of(catalog, json_array_get(item, 0)),
			.kind = letter_of(json_array_get(item, 1)),
			.validated = json_is_true(json_array_get(item, 2)),
			.no_inherit = json_is_true(json_array_get(item, 3)),
			.sql = text_of(catalog, json_array_get(item, 4)) };
		if (!read_names(catalog, json_array_get(item, 5), &constraints[i].columns,
			&constraints[i].column_count, err))
			return false;
	}
	relation->constraints = constraints;
	relation->constraint_count = count;
	return true;
}

static void
keep_relation(struct catalog_builder *builder, struct catalog_relation *relation)
{
	struct catalog *catalog = builder->catalog;

	if (catalog->relation_count == builder->room) {
		builder->room = builder->room * 2 + 64;
		catalog->relations =
		    mem_resize(catalog->relations, builder->room, sizeof(*catalog->relations));
	}
	catalog->relations[catalog->relation_count++] = relation;
	add_named(catalog, NAMED_RELATION, relation->schema, relation->name)->relation = relation;
}

static bool
read_relation(struct catalog_builder *builder, const json_t *line, struct error *err)
{
	struct catalog *catalog = builder->catalog;
	struct catalog_relation *relation = arena_zalloc(catalog->arena, 1, sizeof(*relation));
	const json_t *parent = json_object_get(line, "parent");
	const json_t *rows = json_object_get(line, "rows");

	if (!is_name(json_object_get(line, "relation")) ||
	    !is_name(json_object_get(line, "schema")))
		return bad(err, "a relation without a name");
	*relation = (struct catalog_relation){ .schema = member(catalog, line, "schema"),
		.name = member(catalog, line, "relation"),
		.kind = letter_of(json_object_get(line, "kind")),
		.rows = json_is_number(rows) && json_number_value(rows) >= 0 &&
			json_number_value(rows) < 1e18
		    ? (int64_t)json_number_value(rows)
		    : -1,
		.populated = json_is_true(json_object_get(line, "populated")),
		.key = member(catalog, line, "key"),
		.parent_schema = text_of(catalog, json_array_get(parent, 0)),
		.parent = text_of(catalog, json_array_get(parent, 1)) };
	if (relation->parent_schema == NULL || relation->parent == NULL)
		relation->parent_schema = relation->parent = NULL;
	if (!read_columns(catalog, json_object_get(line, "columns"), relation, err) ||
	    !read_indexes(catalog, json_object_get(line, "indexes"), relation, err) ||
	    !read_constraints(catalog, json_object_get(line, "constraints"), relation, err))
		return false;
	keep_relation(builder, relation);
	return true;
}

/* ---- other lines ---- */

static bool
read_domain(struct catalog_builder *builder, const json_t *line, struct error *err)
{
	struct catalog *catalog = builder->catalog;

	if (!is_name(json_object_get(line, "domain")) || !is_name(json_object_get(line, "schema")))
		return bad(err, "a domain without a name");
	add_named(catalog, NAMED_DOMAIN, member(catalog, line, "schema"),
	    member(catalog, line, "domain"))
	    ->flag = !json_is_false(json_object_get(line, "used"));
	return true;
}

/* {"functions":"public","steady":["f"],"volatile":["g"]} */
static bool
read_functions(struct catalog_builder *builder, const json_t *line, struct error *err)
{
	static const char *const keys[] = { "volatile", "steady" };
	struct catalog *catalog = builder->catalog;
	const char *schema = member(catalog, line, "functions");

	for (size_t i = 0; i < 2; i++) {
		const json_t *list = json_object_get(line, keys[i]);

		for (size_t j = 0; j < json_array_size(list); j++) {
			if (!is_name(json_array_get(list, j)))
				return bad(err, "the name of a function");
			add_named(catalog, NAMED_FUNCTION, schema,
			    text_of(catalog, json_array_get(list, j)))
			    ->flag = i == 1;
		}
	}
	return schema != NULL || bad(err, "functions without a schema");
}

/* {"namespace":"app","all":false,"roles":["app_rw"],"names":["orders_seq"]}; no list: not known. */
static bool
read_namespace(struct catalog_builder *builder, const json_t *line, struct error *err)
{
	struct catalog *catalog = builder->catalog;
	struct catalog_users *users = arena_zalloc(catalog->arena, 1, sizeof(*users));
	const json_t *roles = json_object_get(line, "roles");
	const json_t *names = json_object_get(line, "names");
	const char *schema = member(catalog, line, "namespace");

	if (!is_name(json_object_get(line, "namespace")))
		return bad(err, "a schema without a name");
	users->everybody = json_is_true(json_object_get(line, "all"));
	users->known = json_is_array(roles);
	if (!read_names(catalog, roles, &users->roles, &users->role_count, err))
		return false;
	for (size_t i = 0; i < json_array_size(names); i++) {
		if (!is_name(json_array_get(names, i)))
			return bad(err, "a name in a schema");
		add_named(catalog, NAMED_OTHER, schema, text_of(catalog, json_array_get(names, i)));
	}
	add_named(catalog, NAMED_SCHEMA, schema, schema)->users = users;
	return true;
}

/* {"search_path":"$user","stored":[["app",true,"app"],[null,true,"shop"]]} */
static bool
read_paths(struct catalog_builder *builder, const json_t *line, struct error *err)
{
	struct catalog *catalog = builder->catalog;
	const json_t *list = json_object_get(line, "stored");
	size_t count = json_array_size(list);

	catalog->search_path = member(catalog, line, "search_path");
	catalog->paths = arena_zalloc(catalog->arena, count, sizeof(*catalog->paths));
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(list, i);

		if (!json_is_string(json_array_get(item, 2)))
			return bad(err, "a stored search_path");
		catalog->paths[i] = (struct stored_path){
			.role = text_of(catalog, json_array_get(item, 0)),
			.here = json_is_true(json_array_get(item, 1)),
			.path = text_of(catalog, json_array_get(item, 2)) };
	}
	catalog->path_count = count;
	catalog->has_paths = true;
	return true;
}

static bool
read_header(struct catalog_builder *builder, const json_t *line, struct error *err)
{
	const json_t *form = json_object_get(line, "catalog");
	const json_t *at = json_object_get(line, "read_us");

	if (builder->begun || !json_is_string(form) ||
	    strcmp(json_string_value(form), "pgweir/v1") != 0)
		return bad(err, "the header of another form");
	builder->begun = true;
	builder->catalog->version =
	    (int)json_integer_value(json_object_get(line, "server_version"));
	builder->catalog->read_us =
	    json_integer_value(at) > 0 ? (uint64_t)json_integer_value(at) : clock_wall_us();
	return true;
}

static bool
read_end(struct catalog_builder *builder, const json_t *line, struct error *err)
{
	if (json_integer_value(json_object_get(line, "end")) != (json_int_t)builder->lines)
		return error_set(err, ERROR_CONFIG,
		    "the catalog is not whole: it has %zu lines, and its end says %lld",
		    builder->lines, (long long)json_integer_value(json_object_get(line, "end")));
	builder->ended = true;
	return true;
}

/* What a line is, told by a member that only it has. */
static const struct line_kind {
	const char *key;
	bool (*read)(struct catalog_builder *builder, const json_t *line, struct error *err);
	bool counts;
} line_kinds[] = {
	{ "relation", read_relation, true },
	{ "functions", read_functions, true },
	{ "domain", read_domain, true },
	{ "namespace", read_namespace, true },
	{ "search_path", read_paths, true },
	{ "catalog", read_header, false },
	{ "end", read_end, false },
};

static bool
read_object(struct catalog_builder *builder, const char *text, size_t length,
    const json_t *line, struct error *err)
{
	for (size_t i = 0; i < sizeof(line_kinds) / sizeof(line_kinds[0]); i++) {
		const struct line_kind *kind = &line_kinds[i];

		if (json_object_get(line, kind->key) == NULL)
			continue;
		if (builder->ended || (!builder->begun && kind->read != read_header))
			return bad(err, "it stands before the header or behind the end");
		if (kind->counts) {
			builder->lines++;
			XXH3_64bits_update(builder->digest, text, length);
		}
		return kind->read(builder, line, err);
	}
	return bad(err, "what it is about is not known");
}

bool
catalog_builder_line(
    struct catalog_builder *builder, const char *line, size_t length, struct error *err)
{
	json_error_t why;
	json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &why);
	bool good;

	if (object == NULL)
		return bad(err, why.text);
	good = read_object(builder, line, length, object, err);
	json_decref(object);
	if (good && catalog_bytes(builder->catalog) > builder->most_bytes)
		return error_set(err, ERROR_LIMIT,
		    "the catalog needs more than %zu bytes (catalog.size)", builder->most_bytes);
	return good;
}

/* ---- the end ---- */

/* The rows of a relation are also those of all above it. */
static void
add_to_parents(const struct catalog *catalog, const struct catalog_relation *relation, int64_t rows)
{
	for (int level = 0; relation->parent != NULL && level < PARENTS_MOST; level++) {
		const struct named *named = catalog_named(catalog, NAMED_RELATION, relation->parent);
		struct catalog_relation *parent = NULL;

		for (; named != NULL && parent == NULL; named = named->next)
			if (strcmp(named->schema, relation->parent_schema) == 0)
				parent = named->relation;
		if (parent == NULL || parent == relation)
			return;
		parent->has_children = true;
		if (rows < 0 || parent->rows < 0 ||
		    __builtin_add_overflow(parent->rows, rows, &parent->rows))
			parent->rows = -1;
		relation = parent;
	}
}

static void
sum_up(struct catalog *catalog)
{
	size_t count = catalog->relation_count;
	int64_t *own = mem_zalloc(count + 1, sizeof(*own));

	/* A partitioned table has no rows of its own. */
	for (size_t i = 0; i < count; i++) {
		if (catalog->relations[i]->kind == 'p')
			catalog->relations[i]->rows = 0;
		own[i] = catalog->relations[i]->rows;
	}
	for (size_t i = 0; i < count; i++)
		add_to_parents(catalog, catalog->relations[i], own[i]);
	mem_free(own);
}

struct catalog *
catalog_builder_end(struct catalog_builder *builder, struct error *err)
{
	struct catalog *catalog = NULL;

	if (builder->ended) {
		catalog = builder->catalog;
		builder->catalog = NULL;
		catalog->digest = XXH3_64bits_digest(builder->digest);
		sum_up(catalog);
		forget_list(catalog);
	} else {
		error_set(err, ERROR_CONFIG, "the catalog is not whole: its last line is missing");
	}
	catalog_builder_free(builder);
	return catalog;
}

struct catalog *
catalog_load(const char *path, struct error *err)
{
	struct catalog_builder *builder = catalog_builder_new(DUMP_BYTES_MOST);
	struct error why = { 0 };
	struct lines lines;
	bool good = true;

	if (!lines_open(&lines, path, err)) {
		catalog_builder_free(builder);
		return NULL;
	}
	while (good && lines_next(&lines, &why))
		good = !lines.cut
		    ? catalog_builder_line(builder, lines.line, lines.length, &why)
		    : error_set(&why, ERROR_LIMIT, "the line is too long");
	if (why.code != ERROR_NONE)
		error_set(err, ERROR_CONFIG, "%s:%llu: %s", path,
		    (unsigned long long)lines.number, why.text);
	lines_close(&lines);
	if (why.code != ERROR_NONE) {
		catalog_builder_free(builder);
		return NULL;
	}
	if (!builder->ended) {
		catalog_builder_free(builder);
		error_set(err, ERROR_CONFIG, "%s: the last line is missing: it is not whole", path);
		return NULL;
	}
	return catalog_builder_end(builder, err);
}

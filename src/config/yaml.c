/*
 * yaml.c - see yaml.h.
 *
 * libyaml's events are turned into nodes with a stack of open lists and maps;
 * nothing recurses, so no input can exhaust ours. What YAML offers beyond
 * lists, maps and text (aliases, tags, several documents) is refused: aliases
 * can blow up, tags and merged maps hide what a reader believes to see.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <yaml.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/yaml.h"

enum {
	YAML_DEEPEST = 32,
	YAML_BYTES_MOST = 16 << 20,
	YAML_NODES_MOST = 1000000, /* about 100 MB of tree */
};

/*
 * A node as it is allocated. All nodes of a tree hang on one chain that begins
 * with the root, so that freeing needs no walk of the tree.
 */
struct node {
	struct yaml yaml; /* first: yaml_tree_free() is given a pointer to it */
	struct node *next;
};

/* A list or map whose end has not come yet. */
struct open_node {
	struct yaml *yaml;
	struct yaml *key; /* in a map: the key that waits for its value, or NULL */
};

/* One reading. Lives on the stack of yaml_parse(). */
struct reader {
	yaml_parser_t parser;
	struct problems *problems;
	char *file;		   /* ours until the root takes it over */
	const char *text;	   /* borrowed */
	struct node *first, *last; /* the chain; first is the root */
	size_t node_count;
	struct open_node open[YAML_DEEPEST];
	size_t depth;
	bool done; /* end of the text, or a fault after which nothing can be read */
};

const char *
yaml_kind_name(enum yaml_kind kind)
{
	static const char *const names[] = { "a value", "a list", "a map" };

	return names[kind];
}

bool
yaml_problem(struct problems *problems, const struct yaml *at, const char *format, ...)
{
	struct buf text = { 0 };
	char *copy;
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	copy = buf_steal_text(&text);
	problems_add(problems, at->file, at->line, at->col, "%s", copy);
	mem_free(copy);
	return false;
}

const struct yaml *
yaml_get(const struct yaml *map, const char *key)
{
	if (map == NULL || map->kind != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->keys[i]->text, key) == 0)
			return map->items[i];
	return NULL;
}

static void
free_chain(struct node *first)
{
	while (first != NULL) {
		struct node *next = first->next;

		mem_free_secret(first->yaml.text); /* it may be a password */
		mem_free(first->yaml.keys);
		mem_free(first->yaml.items);
		mem_free(first);
		first = next;
	}
}

void
yaml_tree_free(struct yaml *root)
{
	char *file;

	if (root == NULL)
		return;
	file = (char *)root->file; /* the root owns what the others borrow */
	free_chain((struct node *)root);
	mem_free(file);
}

static bool
problem_at(struct reader *reader, const yaml_mark_t *mark, const char *text)
{
	return problems_add(reader->problems, reader->file, (int)mark->line + 1,
	    (int)mark->column + 1, "%s", text);
}

static struct yaml *
node_new(struct reader *reader, enum yaml_kind kind, const yaml_mark_t *mark)
{
	struct node *node = mem_zalloc(1, sizeof(*node));

	node->yaml.kind = kind;
	node->yaml.file = reader->file;
	node->yaml.line = (int)mark->line + 1;
	node->yaml.col = (int)mark->column + 1;
	if (reader->last != NULL)
		reader->last->next = node;
	else
		reader->first = node;
	reader->last = node;
	if (++reader->node_count > YAML_NODES_MOST) {
		yaml_problem(reader->problems, &node->yaml,
		    "more than %d values in one file: split it", YAML_NODES_MOST);
		reader->done = true;
	}
	return &node->yaml;
}

/* Room for one more: the arrays grow whenever the count is a power of two. */
static struct yaml **
array_grow(struct yaml **array, size_t count)
{
	if ((count & (count - 1)) != 0)
		return array;
	return mem_resize(array, count == 0 ? 1 : count * 2, sizeof(struct yaml *));
}

static void
map_add(struct yaml *map, struct yaml *key, struct yaml *value)
{
	map->keys = array_grow(map->keys, map->count);
	map->items = array_grow(map->items, map->count);
	map->keys[map->count] = key;
	map->items[map->count++] = value;
}

static void
list_add(struct yaml *list, struct yaml *value)
{
	list->items = array_grow(list->items, list->count);
	list->items[list->count++] = value;
}

/* Keys are names, and are repeated in messages: they must not forge a line there. */
static void
refuse_control_bytes(struct reader *reader, const struct yaml *key)
{
	for (const char *at = key->text; *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f) {
			yaml_problem(reader->problems, key, "a key has a control character in it");
			return;
		}
}

/* Put a new node where it belongs: into the innermost open list or map. */
static void
attach(struct reader *reader, struct yaml *node)
{
	struct open_node *open;

	if (reader->depth == 0)
		return; /* the root itself */
	open = &reader->open[reader->depth - 1];
	if (open->yaml->kind == YAML_LIST) {
		list_add(open->yaml, node);
	} else if (open->key != NULL) {
		map_add(open->yaml, open->key, node);
		open->key = NULL;
	} else {
		if (node->kind == YAML_SCALAR) {
			refuse_control_bytes(reader, node);
		} else {
			yaml_problem(reader->problems, node, "a key must be a word, not %s",
			    yaml_kind_name(node->kind));
			node->text = mem_strdup("");
		}
		open->key = node;
	}
}

static void
refuse_anchor_and_tag(struct reader *reader, const yaml_mark_t *mark,
    const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor != NULL)
		problem_at(reader, mark, "anchors (&name) are not allowed: write the value out");
	if (tag != NULL)
		problem_at(reader, mark, "tags (!name) are not allowed: leave the tag out");
}

static void
on_scalar(struct reader *reader, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	struct yaml *node = node_new(reader, YAML_SCALAR, &event->start_mark);

	refuse_anchor_and_tag(reader, &event->start_mark, event->data.scalar.anchor,
	    event->data.scalar.tag);
	if (memchr(text, '\0', length) != NULL)
		yaml_problem(reader->problems, node, "a NUL byte is not allowed in a text");
	node->text = mem_strndup(text, strnlen(text, length));
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	attach(reader, node);
}

static void
on_open(struct reader *reader, enum yaml_kind kind, const yaml_event_t *event,
    const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct yaml *node = node_new(reader, kind, &event->start_mark);

	refuse_anchor_and_tag(reader, &event->start_mark, anchor, tag);
	attach(reader, node);
	if (reader->depth == YAML_DEEPEST) {
		yaml_problem(reader->problems, node,
		    "nested deeper than %d levels: no setting needs that", YAML_DEEPEST);
		reader->done = true;
		return;
	}
	reader->open[reader->depth++] = (struct open_node){ .yaml = node };
}

static int
compare_keys(const void *a, const void *b)
{
	const struct yaml *left = *(struct yaml *const *)a;
	const struct yaml *right = *(struct yaml *const *)b;
	int order = strcmp(left->text, right->text);

	if (order == 0)
		order = (left->line > right->line) - (left->line < right->line);
	if (order == 0)
		order = (left->col > right->col) - (left->col < right->col);
	return order;
}

/* Sorted copies bring equal keys together, so a map of any size is cheap. */
static void
refuse_duplicates(struct reader *reader, const struct yaml *map)
{
	struct yaml **sorted;

	if (map->count < 2)
		return;
	sorted = mem_copy(map->keys, map->count * sizeof(*sorted));
	qsort(sorted, map->count, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < map->count; i++) {
		const struct yaml *key = sorted[i], *before = sorted[i - 1];

		if (key->kind == YAML_SCALAR && before->kind == YAML_SCALAR &&
		    strcmp(key->text, before->text) == 0)
			yaml_problem(reader->problems, key,
			    "duplicate key `%s`: it is here twice, first at line %d", key->text,
			    before->line);
	}
	mem_free(sorted);
}

static void
on_close(struct reader *reader)
{
	const struct yaml *node = reader->open[--reader->depth].yaml;

	if (node->kind == YAML_MAP)
		refuse_duplicates(reader, node);
}

static void
on_alias(struct reader *reader, const yaml_event_t *event)
{
	struct yaml *node = node_new(reader, YAML_SCALAR, &event->start_mark);

	yaml_problem(reader->problems, node,
	    "aliases (*name) are not allowed: write the value out, or quote it: \"*%s\"",
	    (const char *)event->data.alias.anchor);
	node->text = mem_strdup("");
	attach(reader, node);
}

static void
on_document(struct reader *reader, const yaml_event_t *event)
{
	if (reader->first == NULL)
		return;
	problem_at(reader, &event->start_mark,
	    "a second document (---) is not allowed: use one file for each");
	reader->done = true;
}

static void
on_event(struct reader *reader, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		on_scalar(reader, event);
		break;
	case YAML_SEQUENCE_START_EVENT:
		on_open(reader, YAML_LIST, event, event->data.sequence_start.anchor,
		    event->data.sequence_start.tag);
		break;
	case YAML_MAPPING_START_EVENT:
		on_open(reader, YAML_MAP, event, event->data.mapping_start.anchor,
		    event->data.mapping_start.tag);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		on_close(reader);
		break;
	case YAML_ALIAS_EVENT:
		on_alias(reader, event);
		break;
	case YAML_DOCUMENT_START_EVENT:
		on_document(reader, event);
		break;
	case YAML_STREAM_END_EVENT:
		reader->done = true;
		break;
	default:
		break;
	}
}

/* libyaml tells only the byte where the encoding broke: find its line and column. */
static void
mark_of_byte(const char *text, size_t offset, yaml_mark_t *mark)
{
	*mark = (yaml_mark_t){ 0 };
	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			mark->line++;
			mark->column = 0;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			mark->column++;
		}
	}
}

/* What usually is behind a word of libyaml's. */
static const struct hint {
	const char *problem, *help;
} hints[] = {
	{ "found character that cannot start any token",
	    ": indent with spaces, not tabs, and quote a text that begins with @, ` or %" },
	{ "did not find expected ',' or '}'", ": a text with { } [ ] or , in it needs quotes" },
	{ "did not find expected ',' or ']'", ": a text with { } [ ] or , in it needs quotes" },
	{ "mapping values are not allowed in this context",
	    ": a text with \": \" in it needs quotes, or the line is indented too far" },
};

static const char *
help_for(const char *problem)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (strcmp(hints[i].problem, problem) == 0)
			return hints[i].help;
	return "";
}

/* The parser gave up: say what it says, and what it was reading. */
static void
on_syntax_error(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	yaml_mark_t mark = parser->problem_mark;
	const char *what = parser->problem != NULL ? parser->problem : "not YAML";
	const char *help = help_for(what);
	char *text;

	if (parser->error == YAML_READER_ERROR)
		mark_of_byte(reader->text, parser->problem_offset, &mark);
	if (parser->context != NULL)
		text = mem_printf("%s%s (%s that began at line %d)", what, help, parser->context,
		    (int)parser->context_mark.line + 1);
	else
		text = mem_printf("%s%s", what, help);
	problem_at(reader, &mark, text);
	mem_free(text);
	reader->done = true;
}

static void
read_events(struct reader *reader)
{
	while (!reader->done) {
		yaml_event_t event;

		if (!yaml_parser_parse(&reader->parser, &event)) {
			on_syntax_error(reader);
			return;
		}
		on_event(reader, &event);
		yaml_event_delete(&event);
	}
}

struct yaml *
yaml_parse(const char *name, const char *text, size_t length, struct problems *problems)
{
	struct reader reader = { .problems = problems, .text = text };
	size_t errors_before = problems->errors;

	if (length > YAML_BYTES_MOST) {
		problems_add(problems, name, 0, 0, "larger than %d MiB: it is no configuration",
		    YAML_BYTES_MOST >> 20);
		return NULL;
	}
	reader.file = mem_strdup(name);
	if (!yaml_parser_initialize(&reader.parser))
		abort(); /* out of memory, as mem_alloc() would */
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
	read_events(&reader);
	yaml_parser_delete(&reader.parser);
	if (problems->errors > errors_before) {
		free_chain(reader.first);
		mem_free(reader.file);
		return NULL;
	}
	/* Nothing but comments: a map without keys, so that readers need no other case. */
	if (reader.first == NULL)
		return node_new(&reader, YAML_MAP, &(yaml_mark_t){ 0 });
	return &reader.first->yaml;
}

/* All of a file, up to one byte more than is allowed. */
static bool
read_file(const char *path, struct buf *bytes, struct problems *problems)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;

	if (fd < 0)
		return problems_add(
		    problems, path, 0, 0, "cannot open it: %s", strerror(errno));
	do {
		got = read(fd, buf_reserve(bytes, 65536), 65536);
		if (got > 0)
			buf_grown(bytes, (size_t)got);
	} while ((got > 0 && buf_length(bytes) <= YAML_BYTES_MOST) ||
		 (got < 0 && errno == EINTR));
	if (got < 0)
		problems_add(problems, path, 0, 0, "cannot read it: %s", strerror(errno));
	close(fd);
	return got >= 0;
}

struct yaml *
yaml_load(const char *path, struct problems *problems)
{
	struct buf bytes = { 0 };
	struct yaml *root = NULL;

	if (read_file(path, &bytes, problems))
		root = yaml_parse(path, (char *)buf_bytes(&bytes), buf_length(&bytes), problems);
	if (bytes.data != NULL)
		explicit_bzero(bytes.data, bytes.size); /* it may hold passwords */
	buf_free(&bytes);
	return root;
}

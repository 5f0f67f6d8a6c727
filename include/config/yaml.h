/*
 * yaml.h - a YAML file as a tree in which every node knows its place.
 *
 * libyaml does the reading. Refused with file:line:col: aliases, anchors, tags,
 * more than one document, duplicate keys, nesting deeper than 32, files over
 * 16 MiB. Both pgweir.yaml and policy files are read through this.
 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/problems.h"

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

/*
 * One node. Owned by its tree (yaml_tree_free() on the root). A scalar has `text`
 * (never NULL); a list has `items`; a map has `keys` (scalars) beside `items`.
 */
struct yaml {
	enum yaml_kind kind;
	const char *file; /* borrowed from the root */
	int line, col;	  /* from 1 */
	char *text;
	bool quoted; /* a scalar written in quotes: never a number, a bool or null */
	struct yaml **keys;
	struct yaml **items;
	size_t count;
};

/* Read a file. NULL, with every fault in *problems, when it cannot be read. */
struct yaml *yaml_load(const char *path, struct problems *problems);
/* Read a text; `name` stands for the file in messages. */
struct yaml *yaml_parse(
    const char *name, const char *text, size_t length, struct problems *problems);
/* Free a whole tree. (Plain yaml_free is a symbol of libyaml itself.) */
void yaml_tree_free(struct yaml *root);

/* The value of a map's key, or NULL. */
const struct yaml *yaml_get(const struct yaml *map, const char *key);
/* A problem at this node's place; always returns false. */
bool yaml_problem(struct problems *problems, const struct yaml *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "a map", "a list", "a value": for messages. */
const char *yaml_kind_name(enum yaml_kind kind);

#endif

/*
 * reading.h - from YAML trees to a struct config.
 *
 * Several files may be read into one configuration; a key may stand in one of
 * them only.
 */
#ifndef CONFIG_READING_H
#define CONFIG_READING_H

#include "base/problems.h"
#include "config/config.h"
#include "config/yaml.h"
#include "settings.h"

struct seen;

/* One load. On the stack of config_read(); emptied by reading_end(). */
struct reading {
	struct config *config;	   /* borrowed: what is filled */
	struct problems *problems; /* borrowed */
	const char *folder;	   /* borrowed: relative paths begin here */
	const char *file;	   /* borrowed: the main file, as messages name it */
	const struct yaml *include; /* the value of the main file's `include`, or NULL */
	bool included;		    /* the tree being read is an included one */
	struct seen *seen;	    /* ours: each key that was read, with its place */
};

/* Put every default in place. */
void reading_begin(struct reading *reading);
/* Read one tree, which must live until reading_end(). */
void reading_tree(struct reading *reading, const struct yaml *root);
/* The value that was read for "pool.min" or "databases.shop", or NULL. */
const struct yaml *reading_place(const struct reading *reading, const char *name);
void reading_end(struct reading *reading);

/* The cross checks, when all files were read: checks.c. */
void checks_run(const struct reading *reading);

/* The part's array in the configuration, and how many entries it has. */
void *part_entry(const struct part *part, const struct config *config, size_t i);
size_t part_count(const struct part *part, const struct config *config);
/* A zeroed entry at the end of the part's array. */
void *part_add(const struct part *part, struct config *config);

#endif

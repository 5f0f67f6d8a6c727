/*
 * ini.h - PgBouncer's configuration as it stands in its files: sections of keys and values,
 * in their order. What they mean is import.c's business.
 */
#ifndef CTL_INI_H
#define CTL_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/problems.h"

enum ini_section { INI_NONE, INI_DATABASES, INI_MAIN, INI_USERS, INI_PEERS };

/* One `key = value`. Owned by its struct ini; `file` is borrowed from there. */
struct ini_entry {
	enum ini_section section;
	const char *file;
	int line;
	char *key, *value;
};

/* Zeroed is empty; emptied by ini_free(). */
struct ini {
	struct ini_entry *entries;
	size_t count;
	char **files; /* the names of all that were read */
	size_t file_count;
};

/* Read a file and those it includes. False when *problems has a new error. */
bool ini_read(struct ini *ini, const char *path, struct problems *problems);
/* The entry that counts, which is the last one, or NULL. */
const struct ini_entry *ini_find(const struct ini *ini, enum ini_section section, const char *key);
/* "databases" */
const char *ini_section_name(enum ini_section section);
void ini_free(struct ini *ini);

/*
 * The next key=value of a connection string; a value may stand in '' in which '' is one.
 * True: *key and *value are the caller's. False: the end, or *why says what is wrong.
 */
bool ini_next_pair(const char **at, char **key, char **value, const char **why);

#endif

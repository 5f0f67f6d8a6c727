/*
 * auth_lines.h - the lines of pg_hba.conf and pg_ident.conf, cut into fields.
 *
 * As PostgreSQL cuts them: fields stand apart by blanks, a field is a list with commas,
 * quotes take a word's meaning away ("" inside is a quote), # begins a comment, a backslash at
 * the end joins two lines, and @file stands for the words of another file. Stricter where
 * PostgreSQL guesses: a quote that is not closed and a comma behind a blank are faults.
 */
#ifndef AUTH_AUTH_LINES_H
#define AUTH_AUTH_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/problems.h"

/* A word of a list. Lives in the arena, as all here. */
struct auth_word {
	char *text;
	bool quoted; /* then `all` is a name */
	int col;
};

struct auth_field {
	struct auth_word *words; /* one at least */
	size_t count, room;
	int col;
};

struct auth_line {
	const char *file;
	int line;
	struct auth_field *fields; /* one at least */
	size_t count, room;
};

/*
 * Call `on_line` for each good line that is not empty. `setting` names the file in messages.
 * False when *problems has a new error.
 */
bool auth_lines_read(const char *path, const char *setting, struct arena *arena,
    void (*on_line)(void *arg, const struct auth_line *line), void *arg,
    struct problems *problems);

#endif

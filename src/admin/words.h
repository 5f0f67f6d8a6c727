/*
 * words.h - the words of a console command.
 *
 * A word is a run of letters, digits and signs, or "quoted" or 'quoted' text, in
 * which a doubled quote stands for one. The signs = and , are words of their own; a
 * semicolon ends a command. Comments are skipped, because drivers add them.
 */
#ifndef ADMIN_WORDS_H
#define ADMIN_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { WORDS_MOST = 16 };

/* Owned by whoever holds it; zeroed is empty. */
struct words {
	char *items[WORDS_MOST];
	size_t count;
};

/*
 * Read the words of one command from *at on, and move *at behind its semicolon or
 * to the end of the text. False: *err says why; *words is empty then.
 */
bool words_read(const char **at, struct words *words, struct error *err);
void words_free(struct words *words);
/* The i-th word, "" when there are not so many. */
const char *words_at(const struct words *words, size_t i);
/* Is the i-th word this one, in any case? */
bool words_is(const struct words *words, size_t i, const char *word);
/* Is there anything but blanks, comments and semicolons from here on? */
bool words_are_left(const char *at);

#endif

/*
 * problems.h - every fault of a file, not only the first.
 *
 * Printed as a compiler prints them: `file:line:col: error: text`.
 */
#ifndef BASE_PROBLEMS_H
#define BASE_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>

/* line and col count from 1; 0 means that the fault has no place. */
struct problem {
	char *file;
	int line, col;
	bool warning;
	char *text;
};

/* Zeroed is empty. Owned by the caller, emptied by problems_free(). */
struct problems {
	struct problem *items;
	size_t count;
	size_t errors; /* of which not warnings */
};

/* Note an error; always returns false. */
bool problems_add(struct problems *problems, const char *file, int line, int col,
    const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Note a warning. */
void problems_warn(struct problems *problems, const char *file, int line, int col,
    const char *format, ...) __attribute__((format(printf, 5, 6)));
/* One problem as text, without line end: the caller frees it with mem_free(). */
char *problem_text(const struct problem *problem);
void problems_free(struct problems *problems);

#endif

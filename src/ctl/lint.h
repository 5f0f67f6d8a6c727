/* lint.h - what lint.c finds and lint_output.c prints. */
#ifndef CTL_LINT_H
#define CTL_LINT_H

#include <stddef.h>

#include "base/buf.h"
#include "policy/policy.h"

/* One place that a rule flags. Its strings are its own. */
struct lint_item {
	char *file;
	int line, col;
	enum policy_action action; /* WARN or DENY */
	char *rule, *policy;
	char *detail, *hint;
};

struct lint_items {
	struct lint_item *items;
	size_t count;
	size_t files, statements; /* looked at */
};

/* One way to print them all. */
struct lint_format {
	const char *name;
	void (*put)(struct buf *out, const struct lint_items *items);
};

/* By name; NULL if there is none. */
const struct lint_format *lint_format_by_name(const char *name);
size_t lint_count(const struct lint_items *items, enum policy_action action);

#endif

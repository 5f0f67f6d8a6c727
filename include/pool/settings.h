/*
 * settings.h - run-time settings of a session, as statements that make them so.
 *
 * A client's settings are what it asked for; a server's are what was last put on
 * it. When they differ, the difference is replayed before the client's next message.
 */
#ifndef POOL_SETTINGS_H
#define POOL_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct setting {
	char *name;   /* folded to lower case */
	char *replay; /* the statement that sets it */
};
struct setting_list;

/*
 * Zeroed is empty. Owned by the client or server that holds it. A copy shares its list until one
 * of the two changes, also across threads.
 */
struct settings {
	struct setting_list *list; /* counted; NULL when there is none */
	uint64_t hash;		   /* equal sets have equal hashes, whatever their order */
};

size_t settings_length(const struct settings *settings);
/* Valid until they change. */
const struct setting *settings_at(const struct settings *settings, size_t i);

void settings_set(struct settings *settings, const char *name, const char *replay);
void settings_remove(struct settings *settings, const char *name);
/* The statement for a name, or NULL. */
const char *settings_get(const struct settings *settings, const char *name);
void settings_clear(struct settings *settings);
/* Make *to equal to *from. */
void settings_copy(struct settings *to, const struct settings *from);
bool settings_are_equal(const struct settings *a, const struct settings *b);
/* If both are equal, they need one list only from now on; true if so. */
bool settings_share(struct settings *settings, const struct settings *with);
/*
 * Call `each` with every statement that turns `have` into `want`: RESET for
 * what is not wanted, then the SETs.
 */
void settings_difference(const struct settings *have, const struct settings *want,
    void (*each)(const char *name, const char *statement, void *arg), void *arg);
/* The text as a constant of SQL. */
void settings_put_literal(struct buf *out, const char *text, size_t length);
/* "SET "name" TO 'value'", quoted part by part. Appended without NUL. */
void settings_put_set(struct buf *out, const char *name, const char *value);

#endif

/*
 * cursor.h - prepared commands and the results that are fetched from them: the
 * extended protocol's side of the console.
 */
#ifndef ADMIN_CURSOR_H
#define ADMIN_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "command.h"
#include "rows.h"

enum { DRAFTS_MOST = 100 }; /* prepared commands, and portals, of one console */

/* A command under a name; "" is the unnamed one. Owned by its console. */
struct draft {
	LIST_ENTRY(draft) in_list;
	char *name;
	struct command command;
};
LIST_HEAD(draft_list, draft);

/* A bound command and, once it was run, its rows. Owned by its console, until Sync. */
struct cursor {
	LIST_ENTRY(cursor) in_list;
	char *name;
	struct command command;
	uint16_t *formats; /* of each column: 0 text, 1 binary */
	bool ran;
	struct rows rows;
	size_t sent;    /* bytes of them */
	uint32_t limit; /* of the Execute under way; 0 is none */
};
LIST_HEAD(cursor_list, cursor);

struct draft *draft_find(const struct draft_list *list, const char *name);
/* Takes the command; NULL when there are too many. An unnamed one takes the other's
 * place. */
struct draft *draft_put(
    struct draft_list *list, const char *name, struct command *command);
void draft_drop(struct draft_list *list, const char *name);
void draft_drop_all(struct draft_list *list);

struct cursor *cursor_find(const struct cursor_list *list, const char *name);
/* `formats`: as many as the command has columns; taken. NULL when there are too many. */
struct cursor *cursor_put(struct cursor_list *list, const char *name,
    const struct command *command, uint16_t *formats);
void cursor_drop(struct cursor_list *list, const char *name);
void cursor_drop_all(struct cursor_list *list);

/* RowDescription, or NoData. `formats` NULL is text. */
void cursor_describe(
    struct buf *out, const struct command *command, const uint16_t *formats);
/* Rows up to the portal's limit, then PortalSuspended or CommandComplete. */
void cursor_send(struct cursor *cursor, struct buf *out);

#endif

/* settings.h - what SET and set_config() have in common. */
#ifndef SQL_SETTINGS_H
#define SQL_SETTINGS_H

#include "collect.h"
#include "tree.h"

/* Settings that are not like others. */
struct special_setting {
	const char *name;
	unsigned residue; /* instead of being replayed */
	bool local;       /* ends with the transaction however it was set */
	bool is_list;     /* of quoted names: a string of several is not one of them */
	bool read_only;   /* off is READ WRITE */
};

/* Never NULL: most settings are ordinary. The name is folded. */
const struct special_setting *setting_special(const char *name);
/*
 * Note the name of a setting and what any spelling of its value means. Returns
 * the folded name, which lives in the arena.
 */
char *setting_note(struct collector *facts, struct slice name, struct tree_node value);
/* The text within quotes, each of its own doubled. */
void setting_put_quoted(struct buf *out, struct slice text, char quote);
/* Tables are made in pg_temp where search_path begins with it; any mention counts. */
bool setting_names_temp_schema(struct slice search_path);

#endif

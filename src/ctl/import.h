/*
 * import.h - how PgBouncer's configuration becomes pgweir's: import.c goes through the keys,
 * import_items.c keeps what comes of them, import_keys.c tells what each becomes, import_special.c does what takes more than a row,
 * import_yaml.c is what is written.
 */
#ifndef CTL_IMPORT_H
#define CTL_IMPORT_H

#include <jansson.h>
#include <stdint.h>

#include "ini.h"
#include "base/buf.h"

enum import_fate { FATE_MAPPED, FATE_CHANGED, FATE_DROPPED };

/* How a value of PgBouncer's is written in ours. */
enum import_value {
	VALUE_TEXT,
	VALUE_COUNT,
	VALUE_SECONDS, /* becomes a duration */
	VALUE_FLAG,
	VALUE_LIST, /* separated by commas */
};

struct import;
struct import_key;

/* Does what a row cannot say; `value` is the entry's, or one of its pairs. */
typedef void import_special(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value);

/* One key that PgBouncer documents. */
struct import_key {
	const char *key;
	const char *setting;	 /* what it becomes: "pool.size", or the field of an entry; NULL: nothing */
	enum import_value value;
	const char *fallback;	 /* what PgBouncer does unasked, where pgweir does something else */
	int64_t least, most;	 /* what the setting takes, in ms where it is a duration; 0: no check */
	const char *zero;	 /* what stands for 0, where 0 means something else there */
	const char *note;	 /* of one that is not just mapped: what is different, or why it is dropped */
	import_special *special; /* instead of all this */
};

/* One entry of what is written: `name` of a group such as databases, or a setting. */
struct import_item {
	const char *group; /* static: "pool" */
	char *name;
	json_t *value;	   /* an object for an entry with fields */
	const struct ini_entry *from; /* borrowed; NULL for a default of PgBouncer's */
};

/* All that is known while it goes. Owned by ctl_import(). */
struct import {
	struct ini ini;
	struct problems *problems;
	struct import_item *items;
	size_t count;
	struct buf notes; /* a comment for each key */
	const char *name; /* of the entry of databases or users whose pairs are gone through */
};

/* The row of a key, or NULL. */
const struct import_key *import_key_find(enum ini_section section, const char *key);
/* The rows of a section. */
const struct import_key *import_keys(enum ini_section section, size_t *count);

/* Tell what became of a key. `entry` is NULL for what was not said. */
void import_note(struct import *import, const struct ini_entry *entry, const char *key,
    enum import_fate fate, const char *setting, const char *why);
/* A fault of the file. */
void import_fault(struct import *import, const struct ini_entry *entry, const char *key, const char *why);
/* Write it by its row. */
void import_by_row(struct import *import, const struct import_key *key,
    const struct ini_entry *entry, const char *value);

/* Set `setting`, such as "pool.size" or "tls.client.mode"; the value is taken over. */
void import_set(struct import *import, const char *setting, json_t *value, const struct ini_entry *from);
/* Set a field of an entry, such as databases, shop, port; the value is taken over. */
void import_set_field(struct import *import, const char *group, const char *name,
    const char *field, json_t *value, const struct ini_entry *from);
/* An item, or NULL. */
struct import_item *import_item_find(const struct import *import, const char *group, const char *name);
/* A list separated by commas. */
json_t *import_list(const char *text);
/* What PgBouncer takes for yes and no; -1: neither. */
int import_flag(const char *text);
/* Is it set to other than no? */
bool import_is_on(const struct import *import, const char *key);
/* What a key of [pgbouncer] says, or `fallback`. */
const char *import_said(const struct import *import, const char *key, const char *fallback);

/* The whole file. `sources` (the caller's) has the item of each line, or -1. */
void import_write(const struct import *import, struct buf *out, int **sources, size_t *line_count);

import_special import_auth_type, import_auth_user, import_auth_query, import_listen_addr,
    import_listen_part, import_auth_hba, import_tls_protocols, import_tls_ciphers, import_tls_mode, import_verbose, import_log_connections,
    import_reset_query, import_reset_always, import_check_query, import_lifetime, import_prepared,
    import_unix_dir, import_reserve_timeout, import_database_user, import_database_password, import_database_host,
    import_database_auth_user;

#endif

/*
 * settings.h - the table of everything that pgweir.yaml may say.
 *
 * A row yields the parser and its checks, SHOW CONFIG, -T, etc/pgweir.yaml and
 * pgweir.yaml(5). A new setting is a member of struct config and one row here.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

enum setting_type {
	SETTING_DURATION, /* int64_t, milliseconds */
	SETTING_SIZE,	  /* int64_t, bytes */
	SETTING_INT,	  /* int64_t */
	SETTING_PERCENT,  /* int64_t: "50%" is 50 */
	SETTING_SMALL,	  /* int: the same, where the struct has an int */
	SETTING_MODE,	  /* int: the permissions of a file, octal */
	SETTING_BOOL,	  /* bool */
	SETTING_ENUM,	  /* int: the index in `words` */
	SETTING_TEXT,	  /* char * */
	SETTING_PATH,	  /* char *, made absolute */
	SETTING_LIST,	  /* char **, NULL-terminated; one text stands for a list of one */
	SETTING_SECRET,	  /* char *, never shown; may be ${file:PATH} and its like */
};

/* One row. Constant; lives in settings.c. */
struct setting {
	const char *name; /* "pool.size"; of a part's field only "port" */
	enum setting_type type;
	size_t where;		  /* offset in struct config, or in the part's entry */
	const char *fallback;	  /* as it would be written; NULL: nothing, a NULL pointer */
	const char *least, *most; /* as they would be written; of a text: its length */
	const char *const *words; /* SETTING_ENUM: in the enum's order, NULL at the end */
	const char *word;	  /* a number's word for 0; a path's word that is no path */
	const char *inherits;	  /* absent is CONFIG_INHERIT: this setting is followed */
	bool reloadable;
	const char *text; /* for the operator, in whole sentences */
};

/* Where a part has no such member. */
#define NOWHERE ((size_t)-1)

/*
 * A structured part: a list of entries (listen), or a map of named entries
 * (databases). Its array in struct config is (pointer, count).
 */
struct part {
	const char *name;
	const struct setting *fields;
	size_t field_count;
	size_t entry_size;
	size_t array_where, count_where; /* in struct config */
	size_t name_where, line_where;	 /* in an entry; NOWHERE: a list of unnamed entries */
	bool reloadable;
	const char *text;
	const char *key_text; /* what the names of the entries are */
	const char *sample;   /* lines of YAML for etc/pgweir.yaml */
};

extern const struct setting settings[];
extern const size_t settings_count;
extern const struct part parts[];
extern const size_t parts_count;
/* `include` is no setting, it names further files; this is its text. */
extern const char include_text[];

const struct setting *setting_find(const char *name);
const struct part *part_find(const char *name);
/* Is it a name of which later versions will know, such as auth.hba? */
bool setting_is_unsupported(const char *name);
/* Does some setting's name begin with this name and a dot? */
bool setting_is_group(const char *name);

#endif

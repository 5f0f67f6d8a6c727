/*
 * value.h - one setting's value: read from YAML, written as text, compared,
 * freed. `base` is the struct config, or the part's entry, that the row's
 * offset counts from.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/problems.h"
#include "config/yaml.h"
#include "settings.h"

/* Put the row's default in place; nothing was there before. */
void value_default(const struct setting *row, void *base);
/*
 * Read a node. `full` names the setting in messages; relative paths begin at
 * `folder`. False: a problem was added, and the old value stands.
 */
bool value_read(const struct setting *row, const char *full, const struct yaml *node,
    const char *folder, void *base, struct problems *problems);
/* False: an entry's field that was left out (inherited, or a NULL pointer). */
bool value_is_set(const struct setting *row, const void *base);
/* As SHOW CONFIG has it; secrets as ***. */
void value_put(const struct setting *row, const void *base, struct buf *out);
/* As YAML; secrets as "***". */
void value_put_yaml(const struct setting *row, const void *base, struct buf *out);
/* A text as YAML, in quotes where it needs them. */
void value_put_yaml_text(const char *text, struct buf *out);
bool value_same(const struct setting *row, const void *a, const void *b);
void value_free(const struct setting *row, void *base);

#endif

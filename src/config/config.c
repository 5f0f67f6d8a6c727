/*
 * config.c - see config.h. The life of a configuration: its files are read
 * through reading.c, it is checked by checks.c, looked up, compared and freed.
 */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/config.h"
#include "config/yaml.h"
#include "reading.h"
#include "settings.h"
#include "value.h"

enum { PAM_SERVICE_MOST = 63 };

/* The trees of one load; they live until all messages are written. */
struct trees {
	struct yaml **items;
	size_t count;
};

/* --- the files ------------------------------------------------------------- */

static char *
absolute(const char *path)
{
	char folder[PATH_MAX];

	if (path[0] == '/' || getcwd(folder, sizeof(folder)) == NULL)
		return mem_strdup(path);
	return mem_printf("%s/%s", strcmp(folder, "/") == 0 ? "" : folder, path);
}

static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return mem_strdup(".");
	return mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static int
compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
include_file(struct reading *reading, struct trees *trees, const char *path)
{
	struct yaml *root = yaml_load(path, reading->problems);

	if (root == NULL)
		return;
	trees->items = mem_resize(trees->items, trees->count + 1, sizeof(*trees->items));
	trees->items[trees->count++] = root;
	reading_tree(reading, root);
}

/* Files that one pattern names. None is fine for a pattern, but not for a plain name. */
static void
include_pattern(struct reading *reading, struct trees *trees, const struct yaml *pattern)
{
	const char *text = pattern->text;
	glob_t found = { 0 };
	char *path;

	if (pattern->kind != YAML_SCALAR || text[0] == '\0') {
		yaml_problem(reading->problems, pattern,
		    "include: a file or a pattern is wanted here, such as conf.d/*.yaml");
		return;
	}
	path = text[0] == '/' ? mem_strdup(text) : mem_printf("%s/%s", reading->folder, text);
	if (glob(path, GLOB_NOSORT, NULL, &found) == 0) {
		/* By bytes, not by the locale's idea of order, so that it is the same everywhere. */
		qsort(found.gl_pathv, found.gl_pathc, sizeof(char *), compare_text);
		for (size_t i = 0; i < found.gl_pathc; i++)
			include_file(reading, trees, found.gl_pathv[i]);
	} else if (strpbrk(text, "*?[") == NULL) {
		yaml_problem(reading->problems, pattern, "include: cannot open %s: %s", path,
		    strerror(errno));
	}
	globfree(&found);
	mem_free(path);
}

static void
include_all(struct reading *reading, struct trees *trees)
{
	const struct yaml *include = reading->include;

	reading->included = true;
	if (include == NULL)
		return;
	if (include->kind != YAML_LIST)
		include_pattern(reading, trees, include);
	for (size_t i = 0; include->kind == YAML_LIST && i < include->count; i++)
		include_pattern(reading, trees, include->items[i]);
}

/* --- from files to a configuration ----------------------------------------- */

static int
compare_databases(const void *a, const void *b)
{
	const struct database_config *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static int
compare_users(const void *a, const void *b)
{
	const struct user_config *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static int
compare_roles(const void *a, const void *b)
{
	const struct role_config *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static void
listen_by_default(struct config *config)
{
	const struct part *part = part_find("listen");
	struct listen_config *one = part_add(part, config);

	for (size_t i = 0; i < part->field_count; i++)
		value_default(&part->fields[i], one);
	one->host = mem_strdup("127.0.0.1");
}

/* What the rows cannot hold: derived counts, the default listener, the order for look-ups. */
static void
complete(struct reading *reading)
{
	struct config *config = reading->config;

	if (reading_place(reading, "listen") == NULL)
		listen_by_default(config);
	for (size_t i = 0; i < config->database_count; i++) {
		struct database_config *database = &config->databases[i];

		while (database->hosts[database->host_count] != NULL)
			database->host_count++;
	}
	if (config->database_count > 0)
		qsort(config->databases, config->database_count, sizeof(*config->databases),
		    compare_databases);
	if (config->user_count > 0)
		qsort(config->users, config->user_count, sizeof(*config->users), compare_users);
	if (config->role_count > 0)
		qsort(config->roles, config->role_count, sizeof(*config->roles), compare_roles);
}

/* Where each setting stands, for those who find faults later. */
static void
note_places(const struct reading *reading)
{
	struct config *config = reading->config;

	config->places = mem_zalloc(settings_count, sizeof(*config->places));
	for (size_t i = 0; i < settings_count; i++) {
		const struct yaml *at = reading_place(reading, settings[i].name);

		if (at == NULL)
			continue;
		config->places[config->place_count++] = (struct config_place){
			.setting = settings[i].name,
			.file = mem_strdup(at->file),
			.line = at->line,
			.col = at->col,
		};
	}
}

/* The main file's tree, which is taken over, and the files it includes. */
static struct config *
config_read(const char *path, struct yaml *root, struct problems *problems)
{
	struct config *config = mem_zalloc(1, sizeof(*config));
	struct trees trees = { 0 };
	struct reading reading = { .config = config, .problems = problems, .file = path };
	size_t errors_before = problems->errors;
	char *folder;

	atomic_init(&config->references, 1);
	config->path = absolute(path);
	folder = folder_of(config->path);
	reading.folder = folder;
	reading_begin(&reading);
	reading_tree(&reading, root);
	include_all(&reading, &trees);
	complete(&reading);
	checks_run(&reading);
	note_places(&reading);
	reading_end(&reading);
	for (size_t i = 0; i < trees.count; i++)
		yaml_tree_free(trees.items[i]);
	mem_free(trees.items);
	yaml_tree_free(root);
	mem_free(folder);
	if (problems->errors > errors_before) {
		config_release(config);
		return NULL;
	}
	return config;
}

struct config *
config_load(const char *path, struct problems *problems)
{
	struct yaml *root = yaml_load(path, problems);

	return root != NULL ? config_read(path, root, problems) : NULL;
}

struct config *
config_parse(const char *path, const char *text, size_t length, struct problems *problems)
{
	struct yaml *root = yaml_parse(path, text, length, problems);

	return root != NULL ? config_read(path, root, problems) : NULL;
}

/* --- life ------------------------------------------------------------------ */

struct config *
config_reference(struct config *config)
{
	atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
	return config;
}

static void
free_part(struct config *config, const struct part *part)
{
	for (size_t i = 0; i < part_count(part, config); i++) {
		char *entry = part_entry(part, config, i);

		for (size_t j = 0; j < part->field_count; j++)
			value_free(&part->fields[j], entry);
		if (part->name_where != NOWHERE)
			mem_free(*(char **)(entry + part->name_where));
	}
	if (part_count(part, config) > 0)
		mem_free(part_entry(part, config, 0));
}

void
config_release(struct config *config)
{
	if (config == NULL ||
	    atomic_fetch_sub_explicit(&config->references, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < parts_count; i++)
		free_part(config, &parts[i]);
	for (size_t i = 0; i < settings_count; i++)
		value_free(&settings[i], config);
	for (size_t i = 0; i < config->place_count; i++)
		mem_free(config->places[i].file);
	mem_free(config->places);
	mem_free(config->path);
	mem_free(config);
}

/* --- look-ups -------------------------------------------------------------- */

const struct config_place *
config_place(const struct config *config, const char *setting)
{
	for (size_t i = 0; i < config->place_count; i++)
		if (strcmp(config->places[i].setting, setting) == 0)
			return &config->places[i];
	return NULL;
}

static const struct database_config *
database_named(const struct config *config, const char *name)
{
	struct database_config key = { .name = (char *)name };

	if (config->database_count == 0)
		return NULL;
	return bsearch(&key, config->databases, config->database_count,
	    sizeof(*config->databases), compare_databases);
}

const struct database_config *
config_database(const struct config *config, const char *name)
{
	const struct database_config *database = database_named(config, name);

	return database != NULL ? database : database_named(config, "*");
}

const struct user_config *
config_user(const struct config *config, const char *name)
{
	struct user_config key = { .name = (char *)name };

	if (config->user_count == 0)
		return NULL;
	return bsearch(
	    &key, config->users, config->user_count, sizeof(*config->users), compare_users);
}

const struct role_config *
config_role(const struct config *config, const char *name)
{
	struct role_config key = { .name = (char *)name };

	if (config->role_count == 0)
		return NULL;
	return bsearch(
	    &key, config->roles, config->role_count, sizeof(*config->roles), compare_roles);
}

bool
config_is_pam_service(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > PAM_SERVICE_MOST || name[0] == '.')
		return false;
	for (const char *at = name; *at != '\0'; at++)
		if (*at == '/' || *at < '!' || *at > '~')
			return false;
	return true;
}

enum pool_mode
config_pool_mode(const struct config *config, const struct database_config *database,
    const struct user_config *user)
{
	if (user != NULL && user->pool_mode != CONFIG_INHERIT)
		return (enum pool_mode)user->pool_mode;
	if (database != NULL && database->pool_mode != CONFIG_INHERIT)
		return (enum pool_mode)database->pool_mode;
	return (enum pool_mode)config->pool_mode;
}

const char *
config_pool_mode_name(enum pool_mode mode)
{
	return setting_find("pool.mode")->words[mode];
}

/* The word of a field of databases. */
static const char *
database_word(const char *field, int which)
{
	const struct part *part = part_find("databases");
	size_t i = 0;

	while (strcmp(part->fields[i].name, field) != 0)
		i++;
	return part->fields[i].words[which];
}

const char *
config_load_balance_name(enum load_balance how)
{
	return database_word("load_balance_hosts", (int)how);
}

const char *
config_session_attrs_name(enum session_attrs attrs)
{
	return database_word("target_session_attrs", (int)attrs);
}

/* --- what a reload changes ------------------------------------------------- */

static bool
part_same(const struct part *part, const struct config *old, const struct config *fresh)
{
	if (part_count(part, old) != part_count(part, fresh))
		return false;
	for (size_t i = 0; i < part_count(part, old); i++) {
		const char *a = part_entry(part, old, i), *b = part_entry(part, fresh, i);

		if (part->name_where != NOWHERE &&
		    strcmp(*(char *const *)(a + part->name_where),
			*(char *const *)(b + part->name_where)) != 0)
			return false;
		for (size_t j = 0; j < part->field_count; j++)
			if (!value_same(&part->fields[j], a, b))
				return false;
	}
	return true;
}

bool
config_differences(const struct config *old, const struct config *fresh, bool restart_only,
    struct buf *names)
{
	size_t count = 0;

	for (size_t i = 0; i < parts_count; i++)
		if (!(restart_only && parts[i].reloadable) && !part_same(&parts[i], old, fresh))
			buf_printf(names, "%s%s", count++ > 0 ? ", " : "", parts[i].name);
	for (size_t i = 0; i < settings_count; i++)
		if (!(restart_only && settings[i].reloadable) &&
		    !value_same(&settings[i], old, fresh))
			buf_printf(names, "%s%s", count++ > 0 ? ", " : "", settings[i].name);
	return count > 0;
}

/*
 * import.c - pgweirctl import: a pgweir.yaml that does what a pgbouncer.ini did.
 *
 * The result is loaded once before it is written, so that no fault of the file is first
 * found by pgweir -t, in a file that nobody wrote.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ctl.h"
#include "import.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/config.h"

/* A key that PgBouncer does not have stops nothing: it may be of a newer one. */
static void
tell_unknown(struct import *import, const struct ini_entry *entry, const char *key)
{
	size_t count;
	const struct import_key *rows = import_keys(entry->section, &count);
	const char **names = mem_zalloc(count, sizeof(names[0]));
	const char *nearest;

	for (size_t i = 0; i < count; i++)
		names[i] = rows[i].key;
	nearest = text_nearest(key, names, count);
	problems_warn(import->problems, entry->file, entry->line, 1,
	    "%.100s: PgBouncer 1.25 has no such key%s%s%s", key,
	    nearest != NULL ? " (did you mean " : "", nearest != NULL ? nearest : "",
	    nearest != NULL ? "?)" : "");
	import_note(
	    import, entry, key, FATE_DROPPED, NULL, "PgBouncer 1.25 has no such key");
	mem_free(names);
}

static void
take_value(struct import *import, const struct ini_entry *entry, const char *key,
    const char *value)
{
	const struct import_key *row = import_key_find(entry->section, key);

	if (row == NULL)
		tell_unknown(import, entry, key);
	else if (row->special != NULL)
		row->special(import, row, entry, value);
	else
		import_by_row(import, row, entry, value);
}

/* An entry of databases, users or peers: its pairs. */
static void
take_pairs(struct import *import, const struct ini_entry *entry)
{
	const char *at = entry->value, *why;
	char *key, *value;

	import->name = entry->key;
	while (ini_next_pair(&at, &key, &value, &why)) {
		take_value(import, entry, key, value);
		mem_free(key);
		mem_free_secret(value);
	}
	if (why != NULL)
		import_fault(import, entry, entry->key, why);
}

/* A database without host is on PgBouncer's own folder of sockets. */
static void
take_database(struct import *import, const struct ini_entry *entry)
{
	const char *folder = import_said(import, "unix_socket_dir", "/tmp");

	import_set_field(import, "databases", entry->key, "host",
	    json_string(folder[0] == '/' ? folder : "/run/postgresql"), entry);
	take_pairs(import, entry);
}

/* The last of the same name counts. */
static void
take_section(struct import *import, enum ini_section section)
{
	for (size_t i = 0; i < import->ini.count; i++) {
		const struct ini_entry *entry = &import->ini.entries[i];

		if (entry->section != section)
			continue;
		if (ini_find(&import->ini, section, entry->key) != entry)
			import_note(import, entry, section == INI_MAIN ? entry->key : "",
			    FATE_DROPPED, NULL,
			    "it stands further down again, and that counts");
		else if (section == INI_MAIN)
			take_value(import, entry, entry->key, entry->value);
		else if (section == INI_DATABASES)
			take_database(import, entry);
		else
			take_pairs(import, entry);
	}
}

/* What PgBouncer does unasked and pgweir does not. */
static void
take_defaults(struct import *import)
{
	size_t count;
	const struct import_key *rows = import_keys(INI_MAIN, &count);

	for (size_t i = 0; i < count; i++) {
		if (rows[i].fallback == NULL ||
		    ini_find(&import->ini, INI_MAIN, rows[i].key) != NULL)
			continue;
		if (rows[i].special != NULL)
			rows[i].special(import, &rows[i], NULL, rows[i].fallback);
		else
			import_by_row(import, &rows[i], NULL, rows[i].fallback);
	}
}

/* PgBouncer keeps no more than the pool takes, whatever the least is: a fault for pgweir. */
static void
cap_least(json_t *fields, const char *least, const json_t *size)
{
	const json_t *said = json_object_get(fields, least);

	if (said != NULL && size != NULL &&
	    json_integer_value(said) > json_integer_value(size))
		json_object_set_new(
		    fields, least, json_integer(json_integer_value(size)));
}

static void
cap_all(struct import *import)
{
	struct import_item *size = import_item_find(import, "pool", "size");
	struct import_item *min = import_item_find(import, "pool", "min");
	json_t *twenty = json_integer(20);
	const json_t *all = size != NULL ? size->value : twenty;

	if (min != NULL && json_integer_value(min->value) > json_integer_value(all))
		json_integer_set(min->value, json_integer_value(all));
	for (size_t i = 0; i < import->count; i++) {
		json_t *fields = import->items[i].value, *own;

		if (strcmp(import->items[i].group, "databases") != 0)
			continue;
		own = json_object_get(fields, "pool_size");
		if (own != NULL && json_object_get(fields, "min") == NULL && min != NULL)
			json_object_set(fields, "min", min->value);
		cap_least(fields, "min", own != NULL ? own : all);
	}
	json_decref(twenty);
}

/*
 * Whom a client wants to be is asked of a database that it has not chosen: where "*"
 * takes any, one must be named. PgBouncer asks the one that the client wants.
 */
static void
name_asked(struct import *import)
{
	const struct import_item *any = import_item_find(import, "databases", "*");
	const char *name = NULL;
	json_t *copy;

	if (any == NULL || import_item_find(import, "auth", "query_user") == NULL ||
	    import_item_find(import, "auth", "query_database") != NULL ||
	    json_object_get(any->value, "auth_database") != NULL)
		return;
	for (size_t i = 0; i < import->count && name == NULL; i++)
		if (strcmp(import->items[i].group, "databases") == 0 &&
		    &import->items[i] != any)
			name = import->items[i].name;
	if (name == NULL) {
		name = "postgres";
		copy = json_deep_copy(any->value);
		import_set_field(
		    import, "databases", name, "dbname", json_string(name), any->from);
		json_object_update_missing(
		    import_item_find(import, "databases", name)->value, copy);
		json_decref(copy);
	}
	import_set(import, "auth.query_database", json_string(name), NULL);
	import_note(import, NULL, "auth_dbname", FATE_CHANGED, "auth.query_database",
	    "who wants a database of the entry * is asked about there, not in any "
	    "database it names");
}

/* Where in the files is what pgweir does not take? */
static const struct ini_entry *
place_of(const struct import *import, const struct problem *problem, const int *sources,
    size_t lines)
{
	size_t count, line = (size_t)problem->line;
	const struct import_key *rows = import_keys(INI_MAIN, &count);

	for (size_t i = 0; i < count; i++) {
		const struct ini_entry *entry =
		    ini_find(&import->ini, INI_MAIN, rows[i].key);
		size_t length = rows[i].setting != NULL ? strlen(rows[i].setting) : 0;

		if (entry != NULL && length > 0 &&
		    strncmp(problem->text, rows[i].setting, length) == 0 &&
		    problem->text[length] == ':')
			return entry;
	}
	return problem->line > 0 && line <= lines && sources[line - 1] >= 0
		   ? import->items[sources[line - 1]].from
		   : NULL;
}

/* As pgweir would load it. Warnings are about the file, which there is none of yet. */
static void
try_out(struct import *import, const struct buf *yaml, const int *sources, size_t lines)
{
	struct problems found = { 0 };
	int fd = memfd_create("pgweir.yaml", MFD_CLOEXEC);
	char *path = mem_printf("/proc/self/fd/%d", fd);
	struct config *config = NULL;

	if (fd < 0 ||
	    write(fd, buf_bytes(yaml), buf_length(yaml)) != (ssize_t)buf_length(yaml))
		problems_add(import->problems, path, 0, 0, "cannot be written");
	else
		config = config_load(path, &found);
	for (size_t i = 0; i < found.count; i++) {
		const struct ini_entry *entry =
		    place_of(import, &found.items[i], sources, lines);

		if (!found.items[i].warning)
			problems_add(import->problems,
			    entry != NULL ? entry->file : import->ini.files[0],
			    entry != NULL ? entry->line : 0, entry != NULL,
			    "pgweir does not take this: %s", found.items[i].text);
	}
	if (config != NULL)
		config_release(config);
	problems_free(&found);
	mem_free(path);
	if (fd >= 0)
		close(fd);
}

static void
convert_all(struct import *import, struct buf *out)
{
	int *sources = NULL;
	size_t lines = 0;

	take_section(import, INI_DATABASES);
	take_section(import, INI_MAIN);
	take_section(import, INI_USERS);
	take_section(import, INI_PEERS);
	take_defaults(import);
	cap_all(import);
	name_asked(import);
	if (import_item_find(import, "console", "admins") == NULL)
		import_set(import, "console.admins", json_array(), NULL);
	if (import->problems->errors == 0) {
		import_write(import, out, &sources, &lines);
		try_out(import, out, sources, lines);
	}
	mem_free(sources);
}

static void
import_free(struct import *import)
{
	for (size_t i = 0; i < import->count; i++) {
		mem_free(import->items[i].name);
		json_decref(import->items[i].value);
	}
	mem_free(import->items);
	buf_free(&import->notes);
	ini_free(&import->ini);
}

static int
import_file(const char *path)
{
	struct problems problems = { 0 };
	struct import import = { .problems = &problems };
	struct buf out = { 0 };
	int status;

	if (ini_read(&import.ini, path, &problems))
		convert_all(&import, &out);
	ctl_print_problems(&problems);
	status = problems.errors == 0 ? CTL_GOOD : CTL_CONFIG;
	if (status == CTL_GOOD)
		fwrite(buf_bytes(&out), 1, buf_length(&out), stdout);
	buf_free(&out);
	import_free(&import);
	problems_free(&problems);
	return status;
}

int
ctl_import(const struct ctl_command *command, int argc, char **argv)
{
	static const struct option names[] = { { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	int letter = getopt_long(argc, argv, "h", names, NULL);

	if (letter == 'h')
		return ctl_help(command);
	if (letter != -1)
		return ctl_usage(command, "unknown option");
	if (argc - optind != 1)
		return ctl_usage(command, "which pgbouncer.ini?");
	return import_file(argv[optind]);
}

/* ident.c - see ident.h. Read by users.c, asked when a log-in by peer or certificate ends. */
#include <string.h>

#include "auth/ident.h"
#include "auth_lines.h"
#include "base/mem.h"
#include "name_regex.h"

/* A line. Its texts lie in the arena. */
struct ident {
	struct ident *next;
	const char *map, *system, *user;
	struct name_regex *system_regex; /* ours; NULL: `system` is a name */
	struct name_regex *user_regex;	 /* ours; NULL: `user` is a name, or everybody */
	bool everybody;
};

struct idents {
	struct arena *arena;
	struct ident *first, **last;
	bool unread; /* it may have any map */
};

/* Where lines go while a file is read. */
struct loading {
	struct idents *idents;
	struct problems *problems;
};

static bool
fault(struct loading *loading, const struct auth_line *line, int col, const char *text)
{
	return problems_add(loading->problems, line->file, line->line, col, "%s", text);
}

static bool
is_well_formed(struct loading *loading, const struct auth_line *line)
{
	static const char form[] =
	    "a line is MAP SYSTEM-NAME DATABASE-NAME, such as: staff  alice  alice_rw";

	if (line->count != 3)
		return fault(loading, line,
		    line->count > 3 ? line->fields[3].col : line->fields[line->count - 1].col, form);
	for (size_t i = 0; i < line->count; i++)
		if (line->fields[i].count != 1)
			return fault(loading, line, line->fields[i].col,
			    "one name is wanted here, not a list: write a line for each");
	return true;
}

static bool
compile(struct loading *loading, const struct auth_line *line, const struct auth_word *word,
    struct name_regex **regex)
{
	struct error err;

	if (word->text[0] != '/')
		return true;
	*regex = name_regex_new(word->text + 1, &err);
	return *regex != NULL || fault(loading, line, word->col, err.text);
}

/* What the database name may be, beside a name. */
static bool
read_user(struct loading *loading, const struct auth_line *line, struct ident *ident)
{
	const struct auth_word *word = &line->fields[2].words[0];

	if (!word->quoted && word->text[0] == '+')
		return fault(loading, line, word->col,
		    "pgweir does not know who is a member of a role: name the users");
	ident->everybody = !word->quoted && strcmp(word->text, "all") == 0;
	if (!compile(loading, line, word, &ident->user_regex))
		return false;
	if (ident->user_regex != NULL || strstr(ident->user, "\\1") == NULL ||
	    (ident->system_regex != NULL && name_regex_captures(ident->system_regex) > 0))
		return true;
	return fault(loading, line, word->col,
	    "\\1 stands for parentheses of a regular expression, and the system name has none");
}

static void
on_line(void *arg, const struct auth_line *line)
{
	struct loading *loading = arg;
	struct idents *idents = loading->idents;
	struct ident *ident;

	if (!is_well_formed(loading, line))
		return;
	ident = arena_zalloc(idents->arena, 1, sizeof(*ident));
	ident->map = line->fields[0].words[0].text;
	ident->system = line->fields[1].words[0].text;
	ident->user = line->fields[2].words[0].text;
	*idents->last = ident;
	idents->last = &ident->next;
	if (compile(loading, line, &line->fields[1].words[0], &ident->system_regex))
		read_user(loading, line, ident);
}

struct idents *
idents_load(const char *path, struct problems *problems)
{
	struct idents *idents = mem_zalloc(1, sizeof(*idents));
	struct loading loading = { idents, problems };

	idents->arena = arena_new(1024);
	idents->last = &idents->first;
	if (auth_lines_read(path, "auth.ident", idents->arena, on_line, &loading, problems))
		return idents;
	idents_free(idents);
	return NULL;
}

struct idents *
idents_unread(void)
{
	struct idents *idents = mem_zalloc(1, sizeof(*idents));

	idents->unread = true;
	return idents;
}

void
idents_free(struct idents *idents)
{
	if (idents == NULL)
		return;
	for (struct ident *ident = idents->first; ident != NULL; ident = ident->next) {
		name_regex_free(ident->system_regex);
		name_regex_free(ident->user_regex);
	}
	arena_free(idents->arena);
	mem_free(idents);
}

bool
idents_have(const struct idents *idents, const char *map)
{
	for (const struct ident *ident = idents->first; ident != NULL; ident = ident->next)
		if (strcmp(ident->map, map) == 0)
			return true;
	return idents->unread;
}

/* An expression with \1 in the other name: what it makes must be that user. */
static bool
fits_made(const struct ident *ident, const char *system, const char *user)
{
	char *made = name_regex_replace(ident->system_regex, system, ident->user);
	bool fits = made != NULL && strcmp(made, user) == 0;

	mem_free(made);
	return fits;
}

static bool
fits(const struct ident *ident, const char *system, const char *user)
{
	bool known = ident->system_regex != NULL ? name_regex_fits(ident->system_regex, system, NULL)
						 : strcmp(ident->system, system) == 0;

	if (!known || ident->everybody)
		return known;
	if (ident->user_regex != NULL)
		return name_regex_fits(ident->user_regex, user, NULL);
	if (ident->system_regex != NULL)
		return fits_made(ident, system, user);
	return strcmp(ident->user, user) == 0;
}

bool
idents_permit(const struct idents *idents, const char *map, const char *system, const char *user)
{
	for (const struct ident *ident = idents->first; ident != NULL; ident = ident->next)
		if (strcmp(ident->map, map) == 0 && fits(ident, system, user))
			return true;
	return false;
}

/*
 * hba.c - see hba.h: what a line says, and which one fits. Read by users.c, asked by
 * session/admit.c for each client.
 */
#include <string.h>

#include "auth/hba.h"
#include "base/mem.h"
#include "hba_line.h"

struct hba {
	struct arena *arena;
	struct hba_line *first, **last;
};

/* Where lines go while a file is read. */
struct loading {
	struct hba *hba;
	const struct idents *idents;
	struct problems *problems;
};

static void
on_line(void *arg, const struct auth_line *line)
{
	struct loading *loading = arg;
	struct hba *hba = loading->hba;
	struct hba_line *one = arena_zalloc(hba->arena, 1, sizeof(*one));

	/* A line with a fault is kept until all is freed: it may own an expression. */
	*hba->last = one;
	hba->last = &one->next;
	hba_line_read(one, line, hba->arena, loading->idents, loading->problems);
}

struct hba *
hba_load(const char *path, const struct idents *idents, struct problems *problems)
{
	struct hba *hba = mem_zalloc(1, sizeof(*hba));
	struct loading loading = { hba, idents, problems };

	hba->arena = arena_new(1024);
	hba->last = &hba->first;
	if (auth_lines_read(path, "auth.hba", hba->arena, on_line, &loading, problems)) {
		if (hba->first == NULL)
			problems_warn(problems, path, 0, 0,
			    "nobody can log in: auth.hba names this file, and it has no line");
		return hba;
	}
	hba_free(hba);
	return NULL;
}

void
hba_free(struct hba *hba)
{
	if (hba == NULL)
		return;
	for (struct hba_line *line = hba->first; line != NULL; line = line->next) {
		hba_names_close(&line->databases);
		hba_names_close(&line->users);
	}
	arena_free(hba->arena);
	mem_free(hba);
}

/* ---- which line fits ---- */

static bool
fits_way(const struct hba_line *line, const struct hba_client *client)
{
	if (line->local || client->local)
		return line->local && client->local;
	return line->encryption == HBA_EITHER ||
	    (line->encryption == HBA_ENCRYPTED) == client->encrypted;
}

static bool
is_ipv4(const uint8_t address[16])
{
	static const uint8_t before[12] = { [10] = 0xff, [11] = 0xff };

	for (size_t i = 0; i < sizeof(before); i++)
		if (address[i] != before[i])
			return false;
	return true;
}

static bool
fits_address(const struct hba_line *line, const struct hba_client *client)
{
	if (line->local || line->any_address)
		return true;
	if (line->ipv4 != is_ipv4(client->address))
		return false;
	for (size_t i = 0; i < sizeof(line->mask); i++)
		if (((line->address[i] ^ client->address[i]) & line->mask[i]) != 0)
			return false;
	return true;
}

/* The least of several is what holds of all of them, the greatest what holds of any. */
enum fit { FIT_NO, FIT_UNDECIDED, FIT_YES };

static enum fit
fit_if(bool yes)
{
	return yes ? FIT_YES : FIT_NO;
}

static enum fit
fit_regex(const struct name_regex *regex, const char *text)
{
	bool undecided = false;

	if (name_regex_fits(regex, text, &undecided))
		return FIT_YES;
	return undecided ? FIT_UNDECIDED : FIT_NO;
}

static enum fit
fit_name(const struct hba_name *name, const struct hba_client *client, const char *text)
{
	switch (name->kind) {
	case HBA_NAME:
		return fit_if(strcmp(name->text, text) == 0);
	case HBA_ALL:
		return FIT_YES;
	case HBA_SAMEUSER:
		return fit_if(strcmp(client->user, client->database) == 0);
	case HBA_REPLICATION:
		return FIT_NO;
	case HBA_REGEX:
		return fit_regex(name->regex, text);
	}
	return FIT_NO;
}

/* Physical replication is let in by its word only: `all` does not mean it. */
static enum fit
fit_database(const struct hba_line *line, const struct hba_client *client)
{
	enum fit best = FIT_NO;

	for (size_t i = 0; i < line->databases.count && best < FIT_YES; i++) {
		const struct hba_name *name = &line->databases.items[i];
		enum fit fit = client->replication ? fit_if(name->kind == HBA_REPLICATION)
						   : fit_name(name, client, client->database);

		best = fit > best ? fit : best;
	}
	return best;
}

static enum fit
fit_user(const struct hba_line *line, const struct hba_client *client)
{
	enum fit best = FIT_NO;

	for (size_t i = 0; i < line->users.count && best < FIT_YES; i++) {
		enum fit fit = fit_name(&line->users.items[i], client, client->user);

		best = fit > best ? fit : best;
	}
	return best;
}

static enum fit
fit_line(const struct hba_line *line, const struct hba_client *client)
{
	enum fit database, user;

	if (!fits_way(line, client) || !fits_address(line, client))
		return FIT_NO;
	database = fit_database(line, client);
	user = database == FIT_NO ? FIT_NO : fit_user(line, client);
	return user < database ? user : database;
}

bool
hba_find(const struct hba *hba, const struct hba_client *client, struct hba_verdict *verdict)
{
	for (const struct hba_line *line = hba->first; line != NULL; line = line->next) {
		enum fit fit = fit_line(line, client);

		if (fit == FIT_NO)
			continue;
		*verdict = line->verdict;
		if (fit == FIT_UNDECIDED)
			verdict->act = HBA_UNDECIDED;
		return true;
	}
	return false;
}

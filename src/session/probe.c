/* probe.c - see probe.h. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "learned.h"
#include "listens.h"
#include "path.h"
#include "pin.h"
#include "pool/inspect.h"
#include "prepared.h"
#include "probe.h"
#include "sequences.h"
#include "session_internal.h"
#include "wire/read.h"

enum {
	NAMES_MOST = 4096, /* bytes of function names that are asked about at once */
	COLUMNS = 3,
};

/*
 * Made when a loan is found to need it. Owned by its link.
 */
struct probe {
	struct buf names;      /* functions to be asked about, each with its NUL */
	struct buf settings;   /* those with a dot to be asked about, likewise */
	struct judged *judged; /* referenced: the text that gave the reason first; or NULL */
	bool unknown;	       /* code ran of which nothing can be known */
	bool asked_again;      /* the question failed once */
	bool broken;	       /* an answer that was not understood */
	unsigned residue;      /* found */
	struct settings found; /* set in the server's session, without those with a dot */
	struct settings custom; /* those with a dot that the functions name */
};

static struct probe *
probe_of(struct link *link, struct judged *judged)
{
	struct probe *probe = link->probe;

	if (probe == NULL)
		probe = link->probe = mem_zalloc(1, sizeof(*link->probe));
	if (probe->judged == NULL && judged != NULL)
		probe->judged = judged_reference(judged);
	return probe;
}

void
probe_free(struct probe *probe)
{
	if (probe == NULL)
		return;
	buf_free(&probe->names);
	buf_free(&probe->settings);
	judged_release(probe->judged);
	settings_clear(&probe->found);
	settings_clear(&probe->custom);
	mem_free(probe);
}

static bool
has_name(const struct buf *names, const char *name)
{
	const char *at = (const char *)buf_bytes(names);
	const char *end = at + buf_length(names);

	for (; at < end; at += strlen(at) + 1)
		if (strcmp(at, name) == 0)
			return true;
	return false;
}

static void
add_name(struct buf *names, const char *name)
{
	if (buf_length(names) + strlen(name) < NAMES_MOST &&
	    (buf_length(names) == 0 || !has_name(names, name)))
		buf_put_cstring(names, name);
}

static void
add_names(struct probe *probe, struct learned *learned, const struct sql_statement *statement)
{
	for (size_t i = 0; i < statement->function_count; i++) {
		const char *name = statement->functions[i];

		if (!learned_is_harmless(learned, name))
			add_name(&probe->names, name);
	}
}

/* Is there anybody to keep what the server is found to have? */
static bool
is_asked(const struct link *link)
{
	return link->client != NULL && link->client->pool_mode != POOL_MODE_SESSION;
}

/* A CALL of one procedure is as a function: it may be known. */
static bool
is_plain_call(const struct sql_statement *statement)
{
	return (statement->classes & SQL_CALL) && statement->function_count == 1;
}

void
probe_note(struct link *link, struct judged *judged, const struct sql_statement *statement)
{
	bool opaque = (statement->residue & SQL_RESIDUE_OPAQUE) != 0 && !is_plain_call(statement);
	struct client *client = link->client;

	if (client != NULL && !opaque &&
	    learned_trusts(client->learned, judged, loop_now_us(clients_loop(link->clients))))
		return;
	/* A server that will not be asked is reset. */
	link->server->residue |= SQL_RESIDUE_OPAQUE;
	if (!is_asked(link))
		return;
	add_names(probe_of(link, judged), client->learned, statement);
	if (opaque)
		probe_note_unknown(link, judged);
}

void
probe_note_unknown(struct link *link, struct judged *judged)
{
	link->server->residue |= SQL_RESIDUE_OPAQUE;
	if (!is_asked(link))
		return;
	probe_of(link, judged)->unknown = true;
	/* Settings with a dot have no list: only who knows their name can ask for them. */
	if (judged == NULL || strcasestr(judged->text, "set") != NULL)
		link->unseen = true;
}

void
probe_note_settings(
    struct link *link, struct judged *judged, const struct sql_statement *statement)
{
	struct probe *probe;

	if (!is_asked(link))
		return;
	probe = probe_of(link, judged);
	for (size_t i = 0; i < statement->setting_name_count; i++) {
		const char *name = statement->setting_names[i];

		if (*name == '\0')
			link->unseen = true;
		else if (strchr(name, '.') != NULL)
			add_name(&probe->settings, name);
	}
}

void
probe_want(struct link *link, struct judged *judged)
{
	if (is_asked(link))
		probe_of(link, judged);
}

/* What the server's session has set; inspect_put_residue() is the rest of the question. */
static const char question[] =
    "SELECT 'setting'::pg_catalog.text, name::pg_catalog.text, setting::pg_catalog.text "
    "FROM pg_catalog.pg_settings WHERE source = 'session' AND name !~ '^transaction_' ";

/*
 * Of the functions: are they PostgreSQL's own, and if not, do they set something with a dot in
 * its name; what is that now; or is its name not in their text? May one leave something that it
 * left out when it was called otherwise: by its words, or because nobody can read it (a body that
 * was parsed when it was made, another language)?
 */
static const char functions_question[] =
    "UNION ALL SELECT CASE WHEN pg_catalog.bool_and(provolatile <> 'v') THEN 'reads' ELSE 'builtin' END, "
    "proname::pg_catalog.text, '' FROM pg_catalog.pg_proc WHERE proname = ANY (names) GROUP BY proname "
    "HAVING pg_catalog.bool_and(pronamespace = 'pg_catalog'::pg_catalog.regnamespace) "
    "UNION ALL SELECT 'unseen', proname::pg_catalog.text, '' FROM pg_catalog.pg_proc "
    "WHERE proname = ANY (names) AND pronamespace <> 'pg_catalog'::pg_catalog.regnamespace "
    "AND prosrc ~* E'set_config\\\\s*\\\\(\\\\s*[^\\\\s'']|\\\\mset\\\\s+(session\\\\s+)?[\"a-z_0-9]+\\\\.[\"a-z_0-9.]+\\\\s*(=|to\\\\M)' "
    "UNION ALL SELECT 'custom', pg_catalog.lower(m[1]), "
    "coalesce(pg_catalog.current_setting(m[1], true), '') FROM pg_catalog.pg_proc, "
    "pg_catalog.regexp_matches(prosrc, "
    "E'set_config\\\\s*\\\\(\\\\s*''([a-z_0-9]+\\\\.[a-z_0-9.]+)''', 'gi') m "
    "WHERE proname = ANY (names) AND pronamespace <> 'pg_catalog'::pg_catalog.regnamespace "
    "UNION ALL SELECT 'wary', proname::pg_catalog.text, '' FROM pg_catalog.pg_proc "
    "WHERE proname = ANY (names) AND pronamespace <> 'pg_catalog'::pg_catalog.regnamespace "
    "AND (prosrc = '' OR prosrc ~* E'set_config|pg_temp|advisory_lock|\\\\m(execute|listen|temp|temporary)\\\\M"
    "|(^|;|''|\\\\$|\\\\*/|--[^\\\\n]*\\\\n|\\\\m(begin|then|else|loop)\\\\M)\\\\s*set\\\\M' "
    "OR prolang NOT IN (SELECT oid FROM pg_catalog.pg_language "
    "WHERE lanname IN ('internal', 'c', 'sql', 'plpgsql')))";

/* Code may have put a text of its own under a name that other clients use. */
#define HAS_NAMES_OF_OURS \
	" UNION ALL SELECT 'ours', '', '' WHERE EXISTS (SELECT FROM pg_catalog.pg_prepared_statements " \
	"WHERE from_sql AND name ~ '^pgweir_[0-9a-f]{32}$')"

static const char ours_question[] = HAS_NAMES_OF_OURS;
static const char ours_by_functions_question[] = HAS_NAMES_OF_OURS
    " AND EXISTS (SELECT FROM pg_catalog.pg_proc WHERE proname = ANY (names) AND prolang NOT IN (12, 13) "
    "AND pronamespace <> 'pg_catalog'::pg_catalog.regnamespace)";

/* Settings with a dot. */
static const char settings_question[] =
    " UNION ALL SELECT 'custom', n::pg_catalog.text, "
    "coalesce(pg_catalog.current_setting(n::pg_catalog.text, true), '') FROM pg_catalog.unnest(";

static void
put_names(struct buf *out, const struct buf *names)
{
	const char *at = (const char *)buf_bytes(names);
	const char *end = at + buf_length(names);

	buf_put_text(out, "ARRAY[");
	for (; at < end; at += strlen(at) + 1) {
		if (at != (const char *)buf_bytes(names))
			buf_put_text(out, ", ");
		settings_put_literal(out, at, strlen(at));
	}
	buf_put_text(out, "]::pg_catalog.name[]");
}

/* A question in which the functions are called (names). */
static void
put_with_names(struct buf *out, const char *at, const struct buf *names)
{
	const char *next;

	buf_put_u8(out, ' ');
	for (; (next = strstr(at, "(names)")) != NULL; at = next + strlen("(names)")) {
		buf_put(out, at, (size_t)(next - at) + 1);
		put_names(out, names);
		buf_put_u8(out, ')');
	}
	buf_put_text(out, at);
}

static void
put_question(struct buf *out, const char *role, const struct probe *probe)
{
	const struct buf *names = &probe->names;

	buf_put_text(out, question);
	inspect_put_residue(out, role);
	if (buf_length(&probe->settings) > 0) {
		buf_put_text(out, settings_question);
		put_names(out, &probe->settings);
		buf_put_text(out, ") n");
	}
	if (probe->unknown)
		buf_put_text(out, ours_question);
	if (buf_length(names) == 0)
		return;
	put_with_names(out, functions_question, names);
	put_with_names(out, ours_by_functions_question, names);
}

bool
probe_begin(struct link *link)
{
	struct buf *out = stream_out(link->server->stream);
	size_t mark;

	if (link->probe == NULL || link->client == NULL || link->server->retired)
		return false;
	link->asking = true;
	link->asked_us = loop_now_us(clients_loop(link->clients));
	mark = build_begin(out, 'Q');
	put_question(out, link->server->pool->role, link->probe);
	buf_put_u8(out, 0);
	build_end(out, mark);
	link_expect(link, REQUEST_QUERY, ANSWER_SWALLOW);
	link->server->batch++;
	/* A Query destroys the server's unnamed statement; the client's is kept. */
	statement_release(link->unnamed);
	link->unnamed = NULL;
	stream_flush(link->server->stream);
	return true;
}

static void
note_setting(struct settings *settings, const char *name, const char *value)
{
	struct buf replay = { 0 };
	char *folded = mem_strdup(name);

	for (char *at = folded; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	settings_put_set(&replay, folded, value);
	buf_put_u8(&replay, 0);
	settings_set(settings, folded, (const char *)buf_bytes(&replay));
	buf_free(&replay);
	mem_free(folded);
}

static const struct found_row {
	const char *kind;
	unsigned residue;
} found_rows[] = {
	{ "temp", SQL_RESIDUE_TEMP },
	{ "listen", SQL_RESIDUE_LISTEN },
	{ "lock", SQL_RESIDUE_ADVISORY },
	{ "cursor", SQL_RESIDUE_HOLD },
	{ "prepared", SQL_RESIDUE_PREPARE },
	{ "slot", SQL_RESIDUE_LOAD }, /* as what LOAD leaves, it goes with the connection only */
	{ "role", SQL_RESIDUE_ROLE },
};

static void
take_row(struct link *link, const char *kind, const char *name, const char *value)
{
	struct probe *probe = link->probe;

	if (strcmp(kind, "listen") == 0 && link->client != NULL && listens_has(link->client, name)) {
		link->server->listens = true; /* the hub does too: it goes with the loan */
		return;
	}
	for (size_t i = 0; i < sizeof(found_rows) / sizeof(found_rows[0]); i++)
		if (strcmp(kind, found_rows[i].kind) == 0)
			probe->residue |= found_rows[i].residue;
	if (strcmp(kind, "setting") == 0)
		note_setting(&probe->found, name, value);
	else if (strcmp(kind, "custom") == 0)
		note_setting(&probe->custom, name, value);
	else if (strcmp(kind, "ours") == 0)
		link->renames = true;
	else if (strcmp(kind, "unseen") == 0)
		link->unseen = true;
	else if (link->client != NULL && strcmp(kind, "wary") == 0)
		learned_wary(link->client->learned, name);
	else if (link->client != NULL && (strcmp(kind, "builtin") == 0 || strcmp(kind, "reads") == 0))
		learned_builtin(link->client->learned, name, *kind == 'r');
}

void
probe_row(struct link *link, const uint8_t *body, size_t length)
{
	char *columns[COLUMNS];

	if (read_text_row(body, length, columns, COLUMNS))
		take_row(link, columns[0], columns[1], columns[2]);
	else
		link->probe->broken = true;
	for (size_t i = 0; i < COLUMNS; i++)
		mem_free(columns[i]);
}

/* A setting is the server's default again: for the client, what it logged in with. */
static void
unset(struct client *client, struct settings *server, const char *name)
{
	const char *before = settings_get(&client->defaults, name);
	char *kept = mem_strdup(name); /* it may be the server's own */

	settings_remove(server, kept);
	if (before != NULL)
		settings_set(&client->settings, kept, before);
	else
		settings_remove(&client->settings, kept);
	mem_free(kept);
}

/* The constant that a statement sets its setting to, when that is all there is behind the name. */
static const char *
constant_of(const char *replay, size_t *length)
{
	const char *at = strstr(replay, " TO ");
	const char *end = replay + strlen(replay);

	if (at == NULL)
		return NULL;
	at += strlen(" TO ");
	at += *at == 'E' && at[1] == '\'';
	if (*at == '\'' && end[-1] == '\'' && end - at >= 2) {
		at++;
		end--;
	}
	*length = (size_t)(end - at);
	return at;
}

/*
 * In other words the same: the client's are kept, so that servers with equal settings are
 * known to have them.
 */
static bool
says_the_same(const char *one, const char *other)
{
	size_t length = 0, other_length = 0;
	const char *constant = constant_of(one, &length);
	const char *other_constant = constant_of(other, &other_length);

	return constant != NULL && other_constant != NULL && length == other_length &&
	    memcmp(constant, other_constant, length) == 0 &&
	    memchr(constant, '\\', length) == NULL; /* it depends on the kind of string */
}

static bool
set_if_new(struct client *client, struct settings *server, const struct setting *setting)
{
	const char *now = settings_get(server, setting->name);

	if (now != NULL && says_the_same(now, setting->replay))
		return false;
	settings_set(server, setting->name, setting->replay);
	settings_set(&client->settings, setting->name, setting->replay);
	return true;
}

/* Make the model say what the server says; true if it did not. */
static bool
adopt_settings(struct link *link)
{
	struct settings *server = &link->server->settings;
	const struct probe *probe = link->probe;
	bool changed = false;

	for (size_t i = settings_length(server); i > 0; i--) {
		const char *name = settings_at(server, i - 1)->name;

		if (strchr(name, '.') != NULL || settings_get(&probe->found, name) != NULL)
			continue;
		unset(link->client, server, name);
		changed = true;
	}
	for (size_t i = 0; i < settings_length(&probe->found); i++)
		changed |= set_if_new(link->client, server, settings_at(&probe->found, i));
	for (size_t i = 0; i < settings_length(&probe->custom); i++) {
		const struct setting *setting = settings_at(&probe->custom, i);
		bool empty = strcmp(setting->replay + strlen(setting->replay) - 3, "E''") == 0;

		if (!empty || settings_get(server, setting->name) != NULL)
			changed |= set_if_new(link->client, server, setting);
	}
	return changed;
}

/* What is now known of the functions that were called. */
static void
learn(struct link *link, bool clean)
{
	struct learned *learned = link->client->learned;
	const struct buf *names = &link->probe->names;
	const char *at = (const char *)buf_bytes(names);
	const char *end = at + buf_length(names);

	for (; buf_length(names) > 0 && at < end; at += strlen(at) + 1) {
		if (clean)
			learned_clean(learned, at);
		else if (!learned_is_harmless(learned, at))
			learned_unclean(learned, at);
	}
}

/* Is all that was called, and was not known then, PostgreSQL's own? */
static bool
knows_all(struct link *link)
{
	const struct probe *probe = link->probe;
	const char *at = (const char *)buf_bytes(&probe->names);
	const char *end = at + buf_length(&probe->names);

	if (probe->unknown || buf_length(&probe->names) > NAMES_MOST / 2)
		return false; /* there may have been more */
	for (; buf_length(&probe->names) > 0 && at < end; at += strlen(at) + 1)
		if (!learned_is_builtin(link->client->learned, at))
			return false;
	return true;
}

/* A late cancel of the client's may have hit the question: it is asked a second time. */
static bool
ask_again(struct link *link, bool failed)
{
	struct probe *probe = link->probe;

	if (!failed || probe->asked_again)
		return false;
	settings_clear(&probe->found);
	settings_clear(&probe->custom);
	probe->residue = 0;
	probe->asked_again = true;
	link->asking = false;
	return true;
}

void
probe_end(struct link *link, bool failed)
{
	struct probe *probe = link->probe;
	bool changed;

	if (ask_again(link, failed))
		return;
	/* What it was about nobody will ask now, whatever later answers say of the server. */
	link->unseen |= failed || probe->broken;
	if (!failed && !probe->broken) {
		changed = adopt_settings(link);
		learn(link, !changed && probe->residue == 0 && !link->unseen);
		if (knows_all(link))
			sequences_clear_calls(link);
		pin_settle(link, probe->residue, link->unseen, probe->judged);
	}
	probe_free(probe);
	link->probe = NULL;
	link->asking = false;
	path_settle(link);
}

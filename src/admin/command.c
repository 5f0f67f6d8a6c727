/* command.c - see command.h. */
#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "command.h"
#include "session/guardrails.h"
#include "show.h"

static bool no_argument(
    struct command *command, const struct words *words, struct error *err);
static bool any_database(
    struct command *command, const struct words *words, struct error *err);
static bool one_database(
    struct command *command, const struct words *words, struct error *err);
static bool one_client(
    struct command *command, const struct words *words, struct error *err);
static bool one_table(
    struct command *command, const struct words *words, struct error *err);
static bool one_setting(
    struct command *command, const struct words *words, struct error *err);
static bool one_fingerprint(
    struct command *command, const struct words *words, struct error *err);
static bool shutdown_kind(
    struct command *command, const struct words *words, struct error *err);

static const struct verb_row {
	const char *name;
	bool (*read)(
	    struct command *command, const struct words *words, struct error *err);
	enum access needs;
	bool changes;
} verbs[VERB_COUNT] = {
	[VERB_NONE] = { "", no_argument, ACCESS_VIEWER, false },
	[VERB_SHOW] = { "SHOW", one_table, ACCESS_VIEWER,
	    false }, /* and what its table needs */
	[VERB_SET] = { "SET", one_setting, ACCESS_VIEWER, false },
	[VERB_RELOAD] = { "RELOAD", no_argument, ACCESS_ADMIN, true },
	[VERB_PAUSE] = { "PAUSE", any_database, ACCESS_ADMIN, true },
	[VERB_RESUME] = { "RESUME", any_database, ACCESS_ADMIN, true },
	[VERB_DISABLE] = { "DISABLE", one_database, ACCESS_ADMIN, true },
	[VERB_ENABLE] = { "ENABLE", one_database, ACCESS_ADMIN, true },
	[VERB_RECONNECT] = { "RECONNECT", any_database, ACCESS_ADMIN, true },
	[VERB_KILL] = { "KILL", any_database, ACCESS_ADMIN, true },
	[VERB_KILL_CLIENT] = { "KILL_CLIENT", one_client, ACCESS_ADMIN, true },
	[VERB_KILL_QUERY] = { "KILL_QUERY", one_client, ACCESS_ADMIN, true },
	[VERB_BLOCK] = { "BLOCK", one_fingerprint, ACCESS_ADMIN, true },
	[VERB_UNBLOCK] = { "UNBLOCK", one_fingerprint, ACCESS_ADMIN, true },
	[VERB_WAIT_CLOSE] = { "WAIT_CLOSE", any_database, ACCESS_ADMIN, false },
	[VERB_SHUTDOWN] = { "SHUTDOWN", shutdown_kind, ACCESS_ADMIN, true },
	[VERB_SUSPEND] = { "SUSPEND", no_argument, ACCESS_ADMIN, true },
	[VERB_ACCEPT_BREAK] = { "SET", one_setting, ACCESS_ADMIN, true }, /* found by SET above */
};

/* Settings of a PostgreSQL session that drivers set before their first statement. */
static const char *const client_settings[] = { "application_name", "bytea_output",
	"client_encoding", "client_min_messages", "datestyle",
	"default_transaction_isolation", "extra_float_digits",
	"idle_in_transaction_session_timeout", "intervalstyle", "lock_timeout",
	"search_path", "standard_conforming_strings", "statement_timeout", "timezone" };

enum { CLIENT_SETTINGS = sizeof(client_settings) / sizeof(client_settings[0]) };

static bool
syntax_error(struct error *err, const struct command *command, const char *wants)
{
	return error_set_state(
	    err, ERROR_SYNTAX, "42601", "%s %s", verbs[command->verb].name, wants);
}

static bool
no_argument(struct command *command, const struct words *words, struct error *err)
{
	return words->count <= 1 || syntax_error(err, command, "takes no argument");
}

static bool
any_database(struct command *command, const struct words *words, struct error *err)
{
	if (words->count > 2)
		return syntax_error(err, command,
		    "takes the name of one database, or none for all; quote a name with "
		    "blanks");
	if (words->count == 2)
		command->database = mem_strdup(words->items[1]);
	return true;
}

static bool
one_database(struct command *command, const struct words *words, struct error *err)
{
	if (words->count != 2)
		return syntax_error(err, command, "takes the name of one database");
	return any_database(command, words, err);
}

static bool
one_client(struct command *command, const struct words *words, struct error *err)
{
	int64_t id = 0;

	if (words->count != 2 || !text_to_int(words->items[1], &id) || id <= 0)
		return syntax_error(err, command,
		    "takes the id of one client, a number: see SHOW CLIENTS");
	command->client = (uint64_t)id;
	return true;
}

/* BLOCK pg15:… [FOR 30m], UNBLOCK pg15:… */
static bool
one_fingerprint(struct command *command, const struct words *words, struct error *err)
{
	bool has_end = command->verb == VERB_BLOCK && words->count == 4;

	if (words->count < 2 || (words->count > 2 && !has_end) ||
	    !guardrails_is_fingerprint(words_at(words, 1)))
		return syntax_error(err, command,
		    command->verb == VERB_BLOCK
			? "takes a fingerprint such as pg15:a0ead580058af585, and FOR and a duration "
			  "if it is to end by itself"
			: "takes a fingerprint such as pg15:a0ead580058af585: see SHOW GUARDRAILS");
	for (size_t i = 0; words_at(words, 1)[i] != '\0'; i++)
		command->fingerprint[i] = (char)tolower((unsigned char)words_at(words, 1)[i]);
	if (!has_end)
		return true;
	if (!words_is(words, 2, "FOR") || !text_to_duration(words_at(words, 3), &command->for_ms) ||
	    command->for_ms <= 0)
		return syntax_error(err, command, "takes FOR and a duration: 30m, 2h");
	return true;
}

static bool
one_table(struct command *command, const struct words *words, struct error *err)
{
	const char *name = words_at(words, 1), *near;

	if (words->count < 2)
		return syntax_error(err, command, "takes what to show: see SHOW HELP");
	if (words->count == 3 && words_is(words, 1, "TIME") && words_is(words, 2, "ZONE"))
		name = "timezone";
	else if (words->count > 2)
		return syntax_error(err, command, "takes one word: see SHOW HELP");
	command->table = table_find(name);
	if (command->table != NULL)
		return true;
	near = table_nearest(name);
	return error_set_state(err, ERROR_SYNTAX, "42601",
	    "there is no SHOW \"%.60s\"%s%s%s: SHOW HELP lists what there is", name,
	    near == NULL ? "" : " (did you mean SHOW ", near == NULL ? "" : near,
	    near == NULL ? "" : "?)");
}

static bool
one_setting(struct command *command, const struct words *words, struct error *err)
{
	size_t name =
	    words_is(words, 1, "SESSION") || words_is(words, 1, "LOCAL") ? 2 : 1;
	bool zone = words_is(words, name, "TIME") && words_is(words, name + 1, "ZONE");
	size_t sign = zone ? name + 2 : name + 1;

	if (!zone && !words_is(words, sign, "=") && !words_is(words, sign, "TO"))
		return syntax_error(err, command, "takes a name, = and a value");
	if (words_is(words, name, "audit_accept_break") && words_is(words, sign + 1, "1")) {
		command->verb = VERB_ACCEPT_BREAK;
		return true;
	}
	for (size_t i = 0; i < CLIENT_SETTINGS && !zone; i++)
		zone = words_is(words, name, client_settings[i]);
	return zone || error_set_state(err, ERROR_SYNTAX, "42704",
			   "\"%.60s\" cannot be set at the console: change pgweir.yaml, "
			   "then say RELOAD",
			   words_at(words, name));
}

static bool
shutdown_kind(struct command *command, const struct words *words, struct error *err)
{
	if (words->count == 1)
		command->shutdown = SHUTDOWN_NOW;
	else if (words->count == 2 && words_is(words, 1, "WAIT_FOR_CLIENTS"))
		command->shutdown = SHUTDOWN_WAIT_FOR_CLIENTS;
	else if (words->count == 2 && words_is(words, 1, "WAIT_FOR_SERVERS"))
		command->shutdown = SHUTDOWN_WAIT_FOR_SERVERS;
	else
		return syntax_error(
		    err, command, "takes WAIT_FOR_CLIENTS, WAIT_FOR_SERVERS or nothing");
	return true;
}

/* Statements of SQL that people and drivers try here. */
static const char *
why_not_sql(const char *word)
{
	static const char *const transactions[] = { "BEGIN", "START", "COMMIT",
		"ROLLBACK" };
	static const char *const statements[] = { "SELECT", "INSERT", "UPDATE", "DELETE",
		"WITH" };

	for (size_t i = 0; i < sizeof(transactions) / sizeof(transactions[0]); i++)
		if (strcasecmp(word, transactions[i]) == 0)
			return "the console has no transactions, set autocommit";
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		if (strcasecmp(word, statements[i]) == 0)
			return "this is pgweir's console, not PostgreSQL";
	return NULL;
}

static bool
unknown_verb(const char *word, struct error *err)
{
	const char *names[VERB_COUNT], *near, *why = why_not_sql(word);
	char *upper = mem_strdup(word);

	for (char *at = upper; *at != '\0'; at++)
		*at = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
	for (size_t i = 0; i < VERB_COUNT; i++)
		names[i] = verbs[i].name;
	near = why == NULL && strlen(word) < 40
		   ? text_nearest(upper, names + 1, VERB_COUNT - 1)
		   : NULL;
	error_set_state(err, ERROR_SYNTAX, "42601",
	    "invalid command \"%.60s\"%s%s%s: SHOW HELP lists what there is", word,
	    why != NULL || near != NULL ? ", " : "", near != NULL ? "did you mean " : "",
	    why != NULL    ? why
	    : near != NULL ? near
			   : "");
	mem_free(upper);
	return false;
}

/* The words again, with one blank between: a client's text without its line breaks. */
static char *
spelled(const struct words *words)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < words->count; i++) {
		if (i > 0)
			buf_put_u8(&text, ' ');
		buf_put_text(&text, words->items[i]);
	}
	return buf_steal_text(&text);
}

static bool
read_words(struct command *command, const struct words *words, struct error *err)
{
	size_t verb = VERB_NONE;

	while (words->count > 0 && ++verb < VERB_COUNT &&
	       !words_is(words, 0, verbs[verb].name))
		continue;
	if (verb == VERB_COUNT)
		return unknown_verb(words->items[0], err);
	command->verb = (enum verb)verb;
	return verbs[verb].read(command, words, err);
}

bool
command_read(const char **at, struct command *command, struct error *err)
{
	struct words words;
	bool good;

	*command = (struct command){ 0 };
	if (!words_read(at, &words, err))
		return false;
	good = read_words(command, &words, err);
	if (good)
		command->text = spelled(&words);
	else
		command_free(command);
	words_free(&words);
	return good;
}

void
command_free(struct command *command)
{
	mem_free(command->database);
	mem_free(command->text);
	*command = (struct command){ 0 };
}

void
command_copy(struct command *to, const struct command *from)
{
	*to = *from;
	to->database = mem_strdup(from->database);
	to->text = mem_strdup(from->text);
}

const char *
command_tag(const struct command *command)
{
	return verbs[command->verb].name;
}

enum access
command_needs(const struct command *command)
{
	return command->table != NULL ? command->table->needs
				      : verbs[command->verb].needs;
}

bool
command_is_recorded(const struct command *command)
{
	return verbs[command->verb].changes ||
	       (command->table != NULL && command->table->recorded);
}

static bool
is_among(char *const *names, const char *name)
{
	for (; names != NULL && *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

enum access
access_of(const struct config *config, const char *user)
{
	if (is_among(config->console_admins, user))
		return ACCESS_ADMIN;
	if (is_among(config->console_auditors, user))
		return ACCESS_AUDITOR;
	return is_among(config->console_viewers, user) ? ACCESS_VIEWER : ACCESS_NONE;
}

bool
access_allows(enum access has, enum access needs)
{
	return has != ACCESS_NONE && has <= needs;
}

const char *
access_name(enum access needs)
{
	static const char *const names[] = {
		[ACCESS_ADMIN] = "console.admins",
		[ACCESS_AUDITOR] = "console.admins and console.auditors",
		[ACCESS_VIEWER] = "console.admins, console.auditors and console.viewers",
		[ACCESS_NONE] = "no list",
	};

	return names[needs];
}

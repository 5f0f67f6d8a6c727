/* replication.c - see replication.h. */
#include <string.h>
#include <strings.h>

#include "normalize.h"
#include "sql/replication.h"

enum { FIRST_BYTES = 1024 };

/*
 * Their case matters to PostgreSQL, which takes `show` for SQL. It would do so with the
 * others too, and then find no statement in them.
 */
static const struct command {
	const char *word;
	bool in_any_case;
} commands[] = { { "ALTER_REPLICATION_SLOT", true }, { "BASE_BACKUP", true },
	{ "CREATE_REPLICATION_SLOT", true }, { "DROP_REPLICATION_SLOT", true },
	{ "IDENTIFY_SYSTEM", true }, { "READ_REPLICATION_SLOT", true }, { "SHOW", false },
	{ "START_REPLICATION", true }, { "TIMELINE_HISTORY", true }, { "UPLOAD_MANIFEST", true } };

/* How long is the word that begins here, as the scanner cuts it? */
static size_t
word_length(const char *text)
{
	size_t length = 0;

	for (;; length++) {
		unsigned char byte = (unsigned char)text[length];

		if (!((byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte >= 0x80 ||
			byte == '_' || (length > 0 && ((byte >= '0' && byte <= '9') || byte == '$'))))
			return length;
	}
}

const char *
sql_replication_command(const char *text)
{
	const char *at = text + strspn(text, " \t\n\r\f\v");
	size_t length = word_length(at);

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *command = &commands[i];

		if (strlen(command->word) == length &&
		    (command->in_any_case ? strncasecmp : strncmp)(command->word, at, length) == 0)
			return command->word;
	}
	return NULL;
}

struct sql_facts *
sql_facts_of_replication(const char *verb, const char *text, size_t length)
{
	struct arena *arena = arena_new(FIRST_BYTES + 2 * length);
	struct sql_facts *facts = arena_zalloc(arena, 1, sizeof(*facts));
	struct sql_statement *command = arena_zalloc(arena, 1, sizeof(*command));
	const char **verbs = arena_zalloc(arena, 2, sizeof(*verbs));

	verbs[0] = verb;
	*command = (struct sql_statement){ .length = (int)length,
		.classes = SQL_REPLICATION,
		.effects = SQL_REPLICATION,
		.verb = verb,
		.verbs = verbs };
	*facts = (struct sql_facts){ .statements = command,
		.statement_count = 1,
		.classes = SQL_REPLICATION,
		.normalized = normalize_unparsed(arena, text, length, false),
		.memory = arena };
	return facts;
}

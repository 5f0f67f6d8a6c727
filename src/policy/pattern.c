/*
 * pattern.c - one pattern of a match: read at load, asked by match.c.
 *
 * Names are compared as PostgreSQL stores them, after its own folding: a
 * pattern is never folded. `*` stands for anything.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <pcre2.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy_internal.h"

enum {
	NAME_BYTES_MOST = 63,	/* PostgreSQL cuts names there */
	REGEX_STEPS_MOST = 200000, /* a few milliseconds */
	REGEX_HEAP_KIB_MOST = 1024,
	FINGERPRINT_DIGITS = 16,
};

bool
pattern_read_glob(struct pattern *pattern, struct error *err)
{
	(void)pattern;
	(void)err;
	return true; /* any text is a glob */
}

/* One part of a dotted name, quotes taken off; NULL when the quotes are wrong. */
static char *
take_part(const char **text)
{
	struct buf part = { 0 };
	const char *at = *text;
	bool quoted = *at == '"';

	for (at += quoted; *at != '\0' && (quoted || *at != '.'); at++) {
		if (quoted && *at == '"' && *++at != '"')
			break;
		if (!quoted && (*at == '"' || isspace((unsigned char)*at)))
			break;
		buf_put_u8(&part, (uint8_t)*at);
	}
	if (quoted && (at[-1] != '"' || at - *text < 2))
		at = "?"; /* never closed */
	if (*at != '\0' && *at != '.') {
		buf_free(&part);
		return NULL;
	}
	*text = at;
	return buf_steal_text(&part);
}

static bool
check_name(const char *whole, const char *name, struct error *err)
{
	if (name[0] == '\0')
		return error_set(err, ERROR_CONFIG, "\"%s\" has an empty name part", whole);
	if (strchr(name, '*') == NULL && strlen(name) > NAME_BYTES_MOST)
		return error_set(err, ERROR_CONFIG,
		    "\"%s\" can never fit: PostgreSQL cuts names at %d bytes", whole,
		    NAME_BYTES_MOST);
	return true;
}

bool
pattern_read_relation(struct pattern *pattern, struct error *err)
{
	const char *text = pattern->text;

	pattern->name = take_part(&text);
	if (pattern->name != NULL && *text == '.') {
		text++;
		pattern->schema = pattern->name;
		pattern->name = take_part(&text);
	}
	if (pattern->name == NULL || *text != '\0')
		return error_set(err, ERROR_CONFIG,
		    "\"%s\" is not a name: write name, schema.name or \"quoted\".\"name\"",
		    pattern->text);
	if (pattern->schema != NULL && !check_name(pattern->text, pattern->schema, err))
		return false;
	if (pattern->schema != NULL && strcmp(pattern->schema, "*") == 0) {
		mem_free(pattern->schema);
		pattern->schema = NULL;
	}
	return check_name(pattern->text, pattern->name, err);
}

/* column, table.column, schema.table.column; a table of any schema is "*.table". */
bool
pattern_read_column(struct pattern *pattern, struct error *err)
{
	const char *text = pattern->text;
	char *parts[3] = { NULL };
	size_t count = 0;

	do
		parts[count] = take_part(&text);
	while (parts[count++] != NULL && count < 3 && *text == '.' && *text++ != '\0');
	pattern->column = parts[count - 1];
	pattern->name = count > 1 ? parts[count - 2] : NULL;
	pattern->schema = count > 2 ? parts[0] : NULL;
	if (pattern->column == NULL || *text != '\0')
		return error_set(err, ERROR_CONFIG,
		    "\"%s\" is no column: write column, table.column or schema.table.column",
		    pattern->text);
	for (size_t i = 0; i < count; i++)
		if (!check_name(pattern->text, parts[i], err))
			return false;
	return true;
}

bool
pattern_read_limit(struct pattern *pattern, struct error *err)
{
	if (strcmp(pattern->text, "absent") == 0)
		return true;
	return error_set(err, ERROR_CONFIG, "\"%s\" is not absent, the only thing to ask for",
	    pattern->text);
}

bool
pattern_read_flag(struct pattern *pattern, struct error *err)
{
	pattern->bits = strcmp(pattern->text, "true") == 0;
	if (pattern->bits != 0 || strcmp(pattern->text, "false") == 0)
		return true;
	return error_set(err, ERROR_CONFIG, "\"%s\" is not true or false", pattern->text);
}

/* An address as 16 bytes; *family tells what it was. */
static bool
read_address(const char *text, uint8_t address[16], int *family)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	*family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	if (*family == AF_INET6)
		return inet_pton(AF_INET6, text, address) == 1;
	memcpy(address, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, address + sizeof(mapped)) == 1;
}

/* Are all bits after the first `bits` zero? */
static bool
tail_is_zero(const uint8_t address[16], unsigned bits)
{
	for (unsigned bit = bits; bit < 128; bit++)
		if ((address[bit / 8] >> (7 - bit % 8) & 1) != 0)
			return false;
	return true;
}

bool
pattern_read_network(struct pattern *pattern, struct error *err)
{
	struct network *network = &pattern->network;
	const char *slash = strchr(pattern->text, '/');
	char *address;
	int64_t bits = -1;
	int family;
	bool good;

	if (strcmp(pattern->text, "local") == 0) {
		network->local = true;
		return true;
	}
	address = mem_strndup(pattern->text,
	    slash != NULL ? (size_t)(slash - pattern->text) : strlen(pattern->text));
	good = read_address(address, network->address, &family);
	mem_free(address);
	if (!good || (slash != NULL && !text_to_int(slash + 1, &bits)) ||
	    (slash != NULL && (bits < 0 || bits > (family == AF_INET ? 32 : 128))))
		return error_set(err, ERROR_CONFIG,
		    "\"%s\" is not an address range: write 10.0.0.0/8, ::1, or local for unix "
		    "sockets", pattern->text);
	network->bits = slash == NULL ? 128 : (unsigned)bits + (family == AF_INET ? 96 : 0);
	if (!tail_is_zero(network->address, network->bits))
		return error_set(err, ERROR_CONFIG,
		    "\"%s\" has bits set behind its length", pattern->text);
	return true;
}

bool
pattern_fits_network(const struct pattern *pattern, const char *client)
{
	const struct network *network = &pattern->network;
	uint8_t address[16];
	int family;
	bool known = read_address(client, address, &family);

	if (network->local)
		return !known && client[0] != '\0';
	if (!known || memcmp(address, network->address, network->bits / 8) != 0)
		return false;
	if (network->bits % 8 == 0)
		return true;
	return ((address[network->bits / 8] ^ network->address[network->bits / 8]) >>
		   (8 - network->bits % 8)) == 0;
}

bool
pattern_read_window(struct pattern *pattern, struct error *err)
{
	return window_read(pattern->text, &pattern->window, err);
}

/* A name out of a list, or an error with the nearest of them. */
static bool
unknown_word(struct error *err, const char *kind, const char *word,
    const char *const *names, size_t count)
{
	const char *nearest = text_nearest(word, names, count);

	if (nearest != NULL)
		return error_set(err, ERROR_CONFIG, "unknown %s \"%s\" (did you mean \"%s\"?)",
		    kind, word, nearest);
	return error_set(err, ERROR_CONFIG, "unknown %s \"%s\"", kind, word);
}

bool
pattern_read_class(struct pattern *pattern, struct error *err)
{
	const char *names[32];
	size_t count = 0;

	pattern->bits = sql_class_by_name(pattern->text);
	if (pattern->bits != 0)
		return true;
	for (unsigned bit = SQL_READ; bit <= SQL_OTHER; bit <<= 1)
		names[count++] = sql_class_name(bit);
	return unknown_word(err, "class", pattern->text, names, count);
}

/* The first words of PostgreSQL's command tags, and the commands of replication. */
static const char *const verbs[] = { "ALTER", "ANALYZE", "BEGIN", "CALL", "CHECKPOINT",
	"CLOSE", "CLUSTER", "COMMENT", "COMMIT", "COPY", "CREATE", "DEALLOCATE", "DECLARE",
	"DELETE", "DISCARD", "DO", "DROP", "EXECUTE", "EXPLAIN", "FETCH", "GRANT", "IMPORT",
	"INSERT", "LISTEN", "LOAD", "LOCK", "MERGE", "MOVE", "NOTIFY", "PREPARE", "REASSIGN",
	"REFRESH", "REINDEX", "RELEASE", "RESET", "REVOKE", "ROLLBACK", "SAVEPOINT", "SECURITY",
	"SELECT", "SET", "SHOW", "START", "TRUNCATE", "UNLISTEN", "UPDATE", "VACUUM",
	"ALTER_REPLICATION_SLOT", "BASE_BACKUP", "CREATE_REPLICATION_SLOT",
	"DROP_REPLICATION_SLOT", "IDENTIFY_SYSTEM", "READ_REPLICATION_SLOT", "REPLICATION",
	"START_REPLICATION", "TIMELINE_HISTORY", "UPLOAD_MANIFEST" };

bool
pattern_read_verb(struct pattern *pattern, struct error *err)
{
	size_t length = strcspn(pattern->text, " ");
	char *word = mem_strndup(pattern->text, length);
	bool known = strchr(word, '*') != NULL;

	for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++)
		known = known || strcmp(word, verbs[i]) == 0;
	if (!known)
		unknown_word(err, "verb", word, verbs, ARRAY_LENGTH(verbs));
	mem_free(word);
	return known;
}

bool
pattern_read_where(struct pattern *pattern, struct error *err)
{
	static const char *const names[] = { "present", "tautology", "absent" };
	static const enum sql_where wheres[] = { SQL_WHERE_PRESENT, SQL_WHERE_TAUTOLOGY,
		SQL_WHERE_ABSENT };

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if (strcmp(pattern->text, names[i]) == 0) {
			pattern->bits = 1u << wheres[i];
			return true;
		}
	}
	return unknown_word(err, "where", pattern->text, names, ARRAY_LENGTH(names));
}

bool
pattern_read_fingerprint(struct pattern *pattern, struct error *err)
{
	static const char grammar[] = "pg15:";
	size_t length = strlen(grammar);

	if (strncmp(pattern->text, grammar, length) != 0 ||
	    strspn(pattern->text + length, "0123456789abcdef") != FINGERPRINT_DIGITS ||
	    strlen(pattern->text) != length + FINGERPRINT_DIGITS)
		return error_set(err, ERROR_CONFIG,
		    "\"%s\" is not a fingerprint of this grammar: it reads \"%s\" and %d hex digits",
		    pattern->text, grammar, FINGERPRINT_DIGITS);
	return true;
}

static bool
compile(struct pattern *pattern, uint32_t options, struct error *err)
{
	PCRE2_UCHAR message[160];
	PCRE2_SIZE offset = 0;
	int number = 0;

	pattern->regex = pcre2_compile((PCRE2_SPTR)pattern->text, strlen(pattern->text),
	    PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | options, &number, &offset, NULL);
	if (pattern->regex != NULL)
		return true;
	pcre2_get_error_message(number, message, sizeof(message));
	return error_set(err, ERROR_CONFIG, "bad regex \"%s\": %s at character %zu",
	    pattern->text, (const char *)message, (size_t)offset + 1);
}

bool
pattern_read_regex(struct pattern *pattern, struct error *err)
{
	return compile(pattern, 0, err);
}

bool
pattern_read_name(struct pattern *pattern, struct error *err)
{
	return compile(pattern, PCRE2_ANCHORED | PCRE2_ENDANCHORED, err);
}

/* What PCRE2 says of it; less than 0 is no match, or no answer within the limits. */
static int
run_regex(const struct pattern *pattern, const char *text, size_t length)
{
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	int found = PCRE2_ERROR_NOMEMORY;

	if (context != NULL && data != NULL) {
		pcre2_set_match_limit(context, REGEX_STEPS_MOST);
		pcre2_set_heap_limit(context, REGEX_HEAP_KIB_MOST);
		found = pcre2_match(
		    pattern->regex, (PCRE2_SPTR)text, length, 0, 0, data, context);
	}
	pcre2_match_data_free(data);
	pcre2_match_context_free(context);
	return found;
}

bool
pattern_fits_regex(const struct pattern *pattern, const char *text, size_t length)
{
	return run_regex(pattern, text, length) != PCRE2_ERROR_NOMATCH;
}

bool
pattern_fits_name(const struct pattern *pattern, const char *name)
{
	return run_regex(pattern, name, strlen(name)) >= 0;
}

bool
pattern_fits_relation(
    const struct pattern *pattern, const char *schema, const char *name, bool sure)
{
	if (!text_fits_glob(pattern->name, name))
		return false;
	if (pattern->schema == NULL)
		return true;
	return schema != NULL ? text_fits_glob(pattern->schema, schema) : !sure;
}

void
pattern_list_free(struct pattern_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		mem_free(list->items[i].schema);
		mem_free(list->items[i].name);
		mem_free(list->items[i].column);
		window_close(&list->items[i].window);
		pcre2_code_free(list->items[i].regex);
	}
	mem_free(list->items);
	*list = (struct pattern_list){ 0 };
}

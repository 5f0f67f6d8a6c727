/* startup.c - see startup.h. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/frame.h"
#include "wire/read.h"
#include "wire/startup.h"

/* Request codes in place of a version (src/include/libpq/pqcomm.h). */
enum {
	CODE_CANCEL = 80877102,
	CODE_SSL = 80877103,
	CODE_GSSENC = 80877104,
};

enum {
	KEY_AT = 12,	/* in a CancelRequest */
	NAME_MOST = 63, /* bytes of a name in PostgreSQL: NAMEDATALEN - 1 */
	CHARACTER_MOST = 4,
};

enum startup_status
startup_length(const uint8_t *data, size_t length, size_t *packet)
{
	uint32_t announced;

	if (length < 4)
		return STARTUP_SHORT;
	announced = frame_u32(data);
	if (announced < 8 || announced > STARTUP_MOST)
		return STARTUP_BAD;
	*packet = announced;
	return STARTUP_GOOD;
}

static bool
add_parameter(struct startup *startup, char *name, const char *value, struct error *err)
{
	size_t count = startup->parameter_count;

	if (count == STARTUP_PARAMETERS_MOST) {
		mem_free(name);
		return error_set_state(err, ERROR_PROTOCOL, "08P01",
		    "more than %d startup parameters", STARTUP_PARAMETERS_MOST);
	}
	startup->parameters =
	    mem_resize(startup->parameters, count + 1, sizeof(*startup->parameters));
	startup->parameters[count].name = name;
	startup->parameters[count].value = mem_strdup(value);
	startup->parameter_count++;
	return true;
}

/*
 * "name=value" of a -c or -- switch; dashes in the name stand for underscores
 * (ParseLongOption() in PostgreSQL's guc.c).
 */
static bool
add_assignment(struct startup *startup, const char *text, struct error *err)
{
	const char *equals = strchr(text, '=');
	char *name;

	if (equals == NULL || equals == text)
		return error_set_state(err, ERROR_PROTOCOL, "42601",
		    "startup options: \"%.60s\" is not of the form name=value", text);
	name = mem_strndup(text, (size_t)(equals - text));
	for (char *at = name; *at != '\0'; at++)
		if (*at == '-')
			*at = '_';
	return add_parameter(startup, name, equals + 1, err);
}

/*
 * The next word of `options`, as pg_split_opts() cuts it: white space separates,
 * a backslash takes the next character as it is. False at the end.
 */
static bool
next_word(const char **at, struct buf *word)
{
	buf_clear(word);
	while (isspace((unsigned char)**at))
		++*at;
	if (**at == '\0')
		return false;
	for (; **at != '\0' && !isspace((unsigned char)**at); ++*at) {
		if (**at == '\\' && *++*at == '\0')
			break;
		buf_put_u8(word, (uint8_t)**at);
	}
	buf_put_u8(word, 0);
	return true;
}

static bool
parse_options(struct startup *startup, const char *options, struct error *err)
{
	struct buf word = { 0 };
	bool good = true;

	while (good && next_word(&options, &word)) {
		const char *text = (const char *)buf_bytes(&word);

		if (strcmp(text, "-c") == 0 || strcmp(text, "--") == 0)
			good = next_word(&options, &word)
			    ? add_assignment(startup, (const char *)buf_bytes(&word), err)
			    : error_set_state(err, ERROR_PROTOCOL, "42601",
				  "startup options: -c needs name=value behind it");
		else if (strncmp(text, "-c", 2) == 0 || strncmp(text, "--", 2) == 0)
			good = add_assignment(startup, text + 2, err);
		else
			good = error_set_state(err, ERROR_PROTOCOL, "42601",
			    "startup options: \"%.60s\" is not supported, only -c name=value and "
			    "--name=value are",
			    text);
	}
	buf_free(&word);
	return good;
}

/* As PostgreSQL takes a boolean (parse_bool() in its bool.c): a word's beginning will do. */
static bool
take_replication(struct startup *startup, const char *value, struct error *err)
{
	static const struct {
		const char *word;
		size_t least;
		enum replication is;
	} words[] = { { "true", 1, REPLICATION_PHYSICAL }, { "yes", 1, REPLICATION_PHYSICAL },
		{ "on", 2, REPLICATION_PHYSICAL }, { "1", 1, REPLICATION_PHYSICAL },
		{ "false", 1, REPLICATION_NONE }, { "no", 1, REPLICATION_NONE },
		{ "off", 2, REPLICATION_NONE }, { "0", 1, REPLICATION_NONE } };
	size_t length = strlen(value);

	if (strcmp(value, "database") == 0) {
		startup->replication = REPLICATION_LOGICAL;
		return true;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (length >= words[i].least && strncasecmp(value, words[i].word, length) == 0) {
			startup->replication = words[i].is;
			return true;
		}
	return error_set_state(err, ERROR_PROTOCOL, "22023",
	    "invalid value for parameter \"replication\": \"%.60s\"", value);
}

static void
replace(char **text, const char *value)
{
	mem_free(*text);
	*text = mem_strdup(value);
}

static bool
take_pair(struct startup *startup, const char *name, const char *value, char **options,
    struct error *err)
{
	if (strcmp(name, "user") == 0) {
		replace(&startup->user, value);
	} else if (strcmp(name, "database") == 0) {
		replace(&startup->database, value);
	} else if (strcmp(name, "options") == 0) {
		replace(options, value);
	} else if (strcmp(name, "replication") == 0) {
		return take_replication(startup, value, err);
	} else if (strncmp(name, "_pq_.", 5) == 0) {
		startup->unknown_options = mem_resize(
		    startup->unknown_options, startup->unknown_count + 1, sizeof(char *));
		startup->unknown_options[startup->unknown_count++] = mem_strdup(name);
	} else {
		return add_parameter(startup, mem_strdup(name), value, err);
	}
	return true;
}

/* Put the settings of `options` in front: those given by name win over them. */
static bool
prepend_options(struct startup *startup, const char *options, struct error *err)
{
	struct startup first = { 0 };
	bool good = parse_options(&first, options, err);

	for (size_t i = 0; good && i < startup->parameter_count; i++) {
		struct startup_parameter *parameter = &startup->parameters[i];

		good = add_parameter(&first, mem_strdup(parameter->name), parameter->value, err);
	}
	for (size_t i = 0; i < startup->parameter_count; i++) {
		mem_free(startup->parameters[i].name);
		mem_free(startup->parameters[i].value);
	}
	mem_free(startup->parameters);
	startup->parameters = first.parameters;
	startup->parameter_count = first.parameter_count;
	return good;
}

/* What PostgreSQL would look up: a longer name without its end, cut where a character begins. */
static void
cut_name(char *name)
{
	size_t at = NAME_MOST;

	if (strlen(name) <= NAME_MOST)
		return;
	while (at > NAME_MOST - CHARACTER_MOST && ((uint8_t)name[at] & 0xc0) == 0x80)
		at--;
	name[at] = '\0';
}

static bool
parse_login(struct reader *reader, struct startup *startup, struct error *err)
{
	char *options = NULL;
	const char *name;
	bool good = true;

	/* The empty name is the terminator; a packet that was cut ends in one too. */
	while (good && *(name = read_cstring(reader)) != '\0')
		good = take_pair(startup, name, read_cstring(reader), &options, err);
	if (good && !reader_done(reader))
		good = error_set_state(err, ERROR_PROTOCOL, "08P01",
		    "invalid startup packet layout: expected terminator as last byte");
	if (good && (startup->user == NULL || *startup->user == '\0'))
		good = error_set_state(err, ERROR_PROTOCOL, "28000",
		    "no PostgreSQL user name specified in startup packet");
	if (good && options != NULL)
		good = prepend_options(startup, options, err);
	if (good && (startup->database == NULL || *startup->database == '\0'))
		replace(&startup->database, startup->user);
	if (good) {
		cut_name(startup->user);
		cut_name(startup->database);
	}
	mem_free(options);
	return good;
}

/* Behind length, code and pid nothing but the key. */
static bool
take_key(struct startup *startup, const uint8_t *packet, size_t length)
{
	if (length != KEY_AT + 4 && length != KEY_AT + STARTUP_KEY_MOST)
		return false;
	startup->key_length = length - KEY_AT;
	memcpy(startup->key, packet + KEY_AT, startup->key_length);
	return true;
}

bool
startup_parse(const uint8_t *packet, size_t length, struct startup *startup, struct error *err)
{
	struct reader reader = reader_over(packet, length);
	uint32_t code;
	bool good;

	*startup = (struct startup){ 0 };
	read_u32(&reader);
	code = read_u32(&reader);
	switch (code) {
	case CODE_SSL:
	case CODE_GSSENC:
		startup->kind = code == CODE_SSL ? STARTUP_SSL : STARTUP_GSSENC;
		return reader_done(&reader) ||
		    error_set_state(err, ERROR_PROTOCOL, "08P01", "overlong encryption request");
	case CODE_CANCEL:
		startup->kind = STARTUP_CANCEL;
		startup->pid = read_u32(&reader);
		return take_key(startup, packet, length) ||
		    error_set_state(err, ERROR_PROTOCOL, "08P01", "cancel key of a wrong length");
	}
	if (code >> 16 != 3)
		return error_set_state(err, ERROR_PROTOCOL, "0A000",
		    "unsupported frontend protocol %u.%u: server supports 3.0", code >> 16,
		    code & 0xffff);
	startup->kind = STARTUP_LOGIN;
	startup->minor = code & 0xffff;
	good = parse_login(&reader, startup, err);
	if (!good)
		startup_free(startup);
	return good;
}

void
startup_free(struct startup *startup)
{
	mem_free(startup->user);
	mem_free(startup->database);
	for (size_t i = 0; i < startup->parameter_count; i++) {
		mem_free(startup->parameters[i].name);
		mem_free(startup->parameters[i].value);
	}
	for (size_t i = 0; i < startup->unknown_count; i++)
		mem_free(startup->unknown_options[i]);
	mem_free(startup->parameters);
	mem_free(startup->unknown_options);
	*startup = (struct startup){ 0 };
}

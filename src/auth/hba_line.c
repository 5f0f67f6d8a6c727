/*
 * hba_line.c - a line of pg_hba.conf: TYPE DATABASE USER [ADDRESS [MASK]] METHOD [NAME=VALUE …].
 * Called by hba.c. What stands in the tables is what there is.
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/text.h"
#include "hba_line.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One line on its way; `next` is the field to read next. */
struct hba_reading {
	struct hba_line *one;
	const struct auth_line *line;
	struct arena *arena;
	const struct idents *idents;
	struct problems *problems;
	size_t next;
};

static const struct type {
	const char *word;
	bool local;
	enum hba_encryption encryption;
} types[] = {
	{ "local", true, HBA_EITHER },
	{ "host", false, HBA_EITHER },
	{ "hostssl", false, HBA_ENCRYPTED },
	{ "hostnossl", false, HBA_PLAIN },
	{ "hostnogssenc", false, HBA_EITHER }, /* nothing here is encrypted by GSSAPI */
};

static const struct method {
	const char *word;
	enum hba_act act;
	enum auth_method method;
	enum { ANYWHERE, LOCAL_ONLY, ENCRYPTED_ONLY } where;
} methods[] = {
	{ "trust", HBA_ASK, AUTH_METHOD_TRUST, ANYWHERE },
	{ "reject", HBA_REJECT, AUTH_METHOD_TRUST, ANYWHERE },
	{ "password", HBA_ASK, AUTH_METHOD_PASSWORD, ANYWHERE },
	{ "md5", HBA_ASK, AUTH_METHOD_MD5, ANYWHERE },
	{ "scram-sha-256", HBA_ASK, AUTH_METHOD_SCRAM, ANYWHERE },
	{ "peer", HBA_PEER, AUTH_METHOD_TRUST, LOCAL_ONLY },
	{ "ident", HBA_PEER, AUTH_METHOD_TRUST, LOCAL_ONLY },
	{ "cert", HBA_CERT, AUTH_METHOD_TRUST, ENCRYPTED_ONLY },
	{ "pam", HBA_ASK, AUTH_METHOD_PAM, ANYWHERE },
};

/* PostgreSQL's words that mean what pgweir cannot do. */
static const struct refusal {
	const char *word, *why;
} refusals[] = {
	{ "hostgssenc", "pgweir does not speak GSSAPI: such a line would never fit" },
	{ "include", "include is not supported: put the lines here, or write @FILE for a list of names" },
	{ "include_if_exists", "include_if_exists is not supported: put the lines here" },
	{ "include_dir", "include_dir is not supported: put the lines here" },
	{ "samehost", "samehost is not supported: write the addresses" },
	{ "samenet", "samenet is not supported: write the addresses" },
	{ "samerole", "samerole is not supported: pgweir does not know who is a member of a role" },
	{ "samegroup", "samegroup is not supported: pgweir does not know who is a member of a role" },
	{ "gss", "gss is not supported: pgweir does not speak GSSAPI" },
	{ "sspi", "sspi is not supported" },
	{ "ldap", "ldap is not supported: write pam, and let a module of PAM ask the directory" },
	{ "radius", "radius is not supported" },
	{ "bsd", "bsd is not supported" },
	{ "oauth", "oauth is not supported" },
};

static bool
fault(const struct hba_reading *reading, int col, const char *text)
{
	return problems_add(
	    reading->problems, reading->line->file, reading->line->line, col, "%s", text);
}

/* A word that PostgreSQL knows and pgweir does not do; else a word that nobody knows. */
static bool
refuse(const struct hba_reading *reading, const struct auth_word *word, const char *kind,
    const char *const *known, size_t count)
{
	const char *nearest =
	    strlen(word->text) < 64 ? text_nearest(word->text, known, count) : NULL;

	for (size_t i = 0; i < COUNT(refusals); i++)
		if (strcmp(word->text, refusals[i].word) == 0)
			return fault(reading, word->col, refusals[i].why);
	if (nearest != NULL)
		return problems_add(reading->problems, reading->line->file, reading->line->line,
		    word->col, "unknown %s \"%.100s\" (did you mean \"%s\"?)", kind, word->text,
		    nearest);
	return problems_add(reading->problems, reading->line->file, reading->line->line,
	    word->col, "unknown %s \"%.100s\"", kind, word->text);
}

/* The next field, which must be one word; NULL and a fault if it is not there. */
static const struct auth_word *
take_word(struct hba_reading *reading, const char *what)
{
	const struct auth_line *line = reading->line;
	const struct auth_field *field;

	if (reading->next == line->count) {
		problems_add(reading->problems, line->file, line->line,
		    line->fields[line->count - 1].col, "the line ends where %s should follow", what);
		return NULL;
	}
	field = &line->fields[reading->next++];
	if (field->count == 1)
		return &field->words[0];
	problems_add(reading->problems, line->file, line->line, field->col,
	    "%s is one word, not a list", what);
	return NULL;
}

static bool
read_type(struct hba_reading *reading)
{
	const struct auth_word *word = take_word(reading, "the type");
	const char *known[COUNT(types)];

	if (word == NULL)
		return false;
	for (size_t i = 0; i < COUNT(types); i++) {
		known[i] = types[i].word;
		if (strcmp(word->text, types[i].word) != 0)
			continue;
		reading->one->local = types[i].local;
		reading->one->encryption = types[i].encryption;
		return true;
	}
	return refuse(reading, word, "type of connection", known, COUNT(types));
}

/* ---- names ---- */

static enum hba_name_kind
kind_of(const struct auth_word *word, bool databases)
{
	if (word->text[0] == '/')
		return HBA_REGEX;
	if (word->quoted)
		return HBA_NAME;
	if (strcmp(word->text, "all") == 0)
		return HBA_ALL;
	if (databases && strcmp(word->text, "sameuser") == 0)
		return HBA_SAMEUSER;
	return databases && strcmp(word->text, "replication") == 0 ? HBA_REPLICATION : HBA_NAME;
}

static bool
read_name(struct hba_reading *reading, const struct auth_word *word, bool databases,
    struct hba_name *name)
{
	struct error err;

	if (!word->quoted && databases && strncmp(word->text, "same", 4) == 0 &&
	    (strcmp(word->text + 4, "role") == 0 || strcmp(word->text + 4, "group") == 0))
		return refuse(reading, word, "name", NULL, 0);
	if (!word->quoted && !databases && word->text[0] == '+')
		return fault(reading, word->col,
		    "pgweir does not know who is a member of a role: name the users");
	name->kind = kind_of(word, databases);
	name->text = word->text;
	if (name->kind != HBA_REGEX)
		return true;
	name->regex = name_regex_new(word->text + 1, &err);
	return name->regex != NULL || fault(reading, word->col, err.text);
}

static bool
read_names(struct hba_reading *reading, bool databases, struct hba_names *names)
{
	const struct auth_line *line = reading->line;
	const char *what = databases ? "databases" : "users";
	const struct auth_field *field;
	bool good = true;

	if (reading->next == line->count)
		return problems_add(reading->problems, line->file, line->line,
		    line->fields[line->count - 1].col, "the line ends where the %s should follow",
		    what);
	field = &line->fields[reading->next++];
	names->items = arena_zalloc(reading->arena, field->count, sizeof(*names->items));
	names->count = field->count;
	for (size_t i = 0; i < field->count; i++)
		good = read_name(reading, &field->words[i], databases, &names->items[i]) && good;
	return good;
}

void
hba_names_close(struct hba_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		name_regex_free(names->items[i].regex);
}

/* ---- addresses ---- */

/* An address as 16 bytes, IPv4 as ::ffff:a.b.c.d. */
static bool
read_ip(const char *text, uint8_t address[16], bool *ipv4)
{
	static const uint8_t before[12] = { [10] = 0xff, [11] = 0xff };

	*ipv4 = strchr(text, ':') == NULL;
	if (!*ipv4)
		return inet_pton(AF_INET6, text, address) == 1;
	memcpy(address, before, sizeof(before));
	return inet_pton(AF_INET, text, address + sizeof(before)) == 1;
}

static void
make_mask(uint8_t mask[16], unsigned bits)
{
	memset(mask, 0, 16);
	for (unsigned bit = 0; bit < bits; bit++)
		mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

/* "10.0.0.0/8" is whole; behind a bare address its mask is the next field. */
static bool
read_mask(struct hba_reading *reading, const struct auth_word *word, const char *bits)
{
	struct hba_line *one = reading->one;
	int64_t count;
	bool ipv4;

	if (bits != NULL) {
		if (!text_to_int(bits, &count) || count < 0 || count > (one->ipv4 ? 32 : 128))
			return fault(reading, word->col,
			    "the number of bits behind the slash is 0 to 32, or to 128 for IPv6");
		make_mask(one->mask, (unsigned)count + (one->ipv4 ? 96 : 0));
		return true;
	}
	word = take_word(reading, "a mask");
	if (word == NULL)
		return false;
	if (!read_ip(word->text, one->mask, &ipv4) || ipv4 != one->ipv4)
		return fault(reading, word->col,
		    "a mask such as 255.255.255.0 must follow, or write the address as 10.0.0.0/8");
	if (ipv4)
		memset(one->mask, 0xff, 12);
	return true;
}

static bool
read_address(struct hba_reading *reading)
{
	struct hba_line *one = reading->one;
	const struct auth_word *word = take_word(reading, "an address");
	const char *slash;
	char *address;
	bool good;

	if (word == NULL)
		return false;
	if (!word->quoted && strcmp(word->text, "all") == 0)
		return one->any_address = true;
	if (strcmp(word->text, "samehost") == 0 || strcmp(word->text, "samenet") == 0)
		return refuse(reading, word, "address", NULL, 0);
	slash = strchr(word->text, '/');
	address = slash == NULL ? mem_strdup(word->text)
				: mem_strndup(word->text, (size_t)(slash - word->text));
	good = read_ip(address, one->address, &one->ipv4);
	mem_free(address);
	if (!good)
		return problems_add(reading->problems, reading->line->file, reading->line->line,
		    word->col,
		    "\"%.100s\" is not an address: write 10.0.0.0/8, ::1/128 or all; names are not looked up",
		    word->text);
	return read_mask(reading, word, slash != NULL ? slash + 1 : NULL);
}

/* ---- methods ---- */

/* May the method stand in a line of this type? */
static bool
check_where(const struct hba_reading *reading, const struct auth_word *word,
    const struct method *method)
{
	if (method->where == LOCAL_ONLY && !reading->one->local)
		return problems_add(reading->problems, reading->line->file, reading->line->line,
		    word->col, "%s works on unix sockets only: put it in a line of type local",
		    word->text);
	if (method->where == ENCRYPTED_ONLY && reading->one->encryption != HBA_ENCRYPTED)
		return fault(reading, word->col,
		    "certificates are shown in TLS only: put cert in a line of type hostssl");
	return true;
}

static bool
read_method(struct hba_reading *reading)
{
	const struct auth_word *word = take_word(reading, "a method");
	const char *known[COUNT(methods)];

	if (word == NULL)
		return false;
	for (size_t i = 0; i < COUNT(methods); i++) {
		known[i] = methods[i].word;
		if (strcmp(word->text, methods[i].word) != 0)
			continue;
		reading->one->verdict.act = methods[i].act;
		reading->one->verdict.method = methods[i].method;
		return check_where(reading, word, &methods[i]);
	}
	return refuse(reading, word, "method", known, COUNT(methods));
}

static bool
read_map(struct hba_reading *reading, const struct auth_word *word, const char *map)
{
	if (reading->one->verdict.act != HBA_PEER && reading->one->verdict.act != HBA_CERT)
		return fault(reading, word->col, "map is an option of peer, ident and cert only");
	if (reading->idents == NULL || !idents_have(reading->idents, map))
		return problems_add(reading->problems, reading->line->file, reading->line->line,
		    word->col, "there is no map \"%.100s\": %s", map,
		    reading->idents == NULL ? "set auth.ident to the file that has it"
					    : "no line of the file of auth.ident begins with it");
	reading->one->verdict.map = map;
	return true;
}

static bool
check_pam(const struct hba_reading *reading, const struct auth_word *word)
{
	return reading->one->verdict.method == AUTH_METHOD_PAM ||
	    fault(reading, word->col, "pamservice and pam_use_hostname are options of pam only");
}

static bool
read_service(struct hba_reading *reading, const struct auth_word *word, const char *service)
{
	if (!check_pam(reading, word))
		return false;
	if (!config_is_pam_service(service))
		return fault(reading, word->col, "pamservice is the name of a file of /etc/pam.d, "
		    "of at most 63 characters and without a slash");
	reading->one->verdict.pam_service = service;
	return true;
}

static bool
read_by_name(struct hba_reading *reading, const struct auth_word *word, const char *value)
{
	if (!check_pam(reading, word))
		return false;
	if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
		return fault(reading, word->col, "pam_use_hostname is 0 or 1");
	reading->one->verdict.pam_by_name = value[0] == '1';
	return true;
}

static const struct option {
	const char *name; /* with what stands before its value */
	bool (*read)(struct hba_reading *reading, const struct auth_word *word, const char *value);
} options[] = {
	{ "map=", read_map },
	{ "pamservice=", read_service },
	{ "pam_use_hostname=", read_by_name },
};

static bool
read_option(struct hba_reading *reading, const struct auth_word *word)
{
	for (size_t i = 0; i < COUNT(options); i++) {
		size_t length = strlen(options[i].name);

		if (strncmp(word->text, options[i].name, length) == 0)
			return options[i].read(reading, word, word->text + length);
	}
	if (strchr(word->text, '=') == NULL)
		return fault(reading, word->col, "an option is NAME=VALUE, such as map=staff");
	return problems_add(reading->problems, reading->line->file, reading->line->line, word->col,
	    "the option \"%.100s\" is not supported: pgweir knows map, pamservice and "
	    "pam_use_hostname", word->text);
}

static bool
read_options(struct hba_reading *reading)
{
	bool good = true;

	while (reading->next < reading->line->count) {
		const struct auth_word *word = take_word(reading, "an option");

		if (word == NULL)
			return false;
		good = read_option(reading, word) && good;
	}
	return good;
}

bool
hba_line_read(struct hba_line *one, const struct auth_line *line, struct arena *arena,
    const struct idents *idents, struct problems *problems)
{
	struct hba_reading reading = { .one = one, .line = line, .arena = arena,
		.idents = idents, .problems = problems };

	one->verdict.file = line->file;
	one->verdict.line = line->line;
	return read_type(&reading) && read_names(&reading, true, &one->databases) &&
	    read_names(&reading, false, &one->users) && (one->local || read_address(&reading)) &&
	    read_method(&reading) && read_options(&reading);
}

/*
 * redact.c - what of a statement's text may stand in the logs: literals as $n,
 * no comments, no bodies of functions, no secrets. Rendered once for each text,
 * then used by every record of it.
 */
#include <ctype.h>
#include <stdio.h>

#include "audit_internal.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

enum {
	TEXT_MOST = 256 << 10, /* a longer text is told by its length and hash */
	SUMMARY_MOST = 255,    /* as OpenTelemetry recommends */
};

/* ---- a text without its comments and bodies ---- */

/* Where the scan of redact_text() stands. */
struct scan {
	const char *text;
	size_t length, at;
	struct buf *out;
};

static bool
is_name_byte(char byte)
{
	return isalnum((unsigned char)byte) || byte == '_' || byte == '$' || (byte & 0x80);
}

static bool
looking_at(const struct scan *scan, const char *word)
{
	size_t length = strlen(word);

	return scan->length - scan->at >= length &&
	    memcmp(scan->text + scan->at, word, length) == 0;
}

static void
copy_to(struct scan *scan, size_t end)
{
	buf_put(scan->out, scan->text + scan->at, end - scan->at);
	scan->at = end;
}

/* A comment becomes a blank; block comments nest. */
static void
skip_comment(struct scan *scan)
{
	int depth = 0;

	if (scan->text[scan->at] == '-') {
		while (scan->at < scan->length && scan->text[scan->at] != '\n')
			scan->at++;
		return;
	}
	do {
		if (looking_at(scan, "/*")) {
			depth++;
			scan->at += 2;
		} else if (looking_at(scan, "*/")) {
			depth--;
			scan->at += 2;
		} else {
			scan->at++;
		}
	} while (depth > 0 && scan->at < scan->length);
	buf_put_u8(scan->out, ' ');
}

/* One past the closing quote; a doubled quote does not close, nor one behind a backslash. */
static size_t
quote_end(const struct scan *scan, char quote, bool backslashes)
{
	size_t at = scan->at + 1;

	for (; at < scan->length; at++) {
		if (backslashes && scan->text[at] == '\\')
			at++;
		else if (scan->text[at] == quote && at + 1 < scan->length &&
		    scan->text[at + 1] == quote)
			at++;
		else if (scan->text[at] == quote)
			return at + 1;
	}
	return scan->length;
}

/* Length of the opening $tag$ at the scan's place, or 0. */
static size_t
dollar_tag(const struct scan *scan)
{
	size_t at = scan->at + 1;

	if (scan->at > 0 && is_name_byte(scan->text[scan->at - 1]))
		return 0;
	if (at < scan->length && isdigit((unsigned char)scan->text[at]))
		return 0;
	while (at < scan->length && scan->text[at] != '$' && is_name_byte(scan->text[at]))
		at++;
	return at < scan->length && scan->text[at] == '$' ? at + 1 - scan->at : 0;
}

static void
put_dollar_quoted(struct scan *scan, size_t tag, enum redact_bodies bodies)
{
	const char *body = scan->text + scan->at + tag;
	const char *close = memmem(body, scan->length - scan->at - tag, scan->text + scan->at, tag);
	size_t length = close != NULL ? (size_t)(close - body) : scan->length - scan->at - tag;
	size_t end = close != NULL ? scan->at + 2 * tag + length : scan->length;
	char hash[CHAIN_HASH_SIZE];
	struct chain chain;

	if (bodies == REDACT_KEEP_BODIES) {
		copy_to(scan, end);
		return;
	}
	chain_open(&chain);
	chain_hash(&chain, body, length, hash);
	chain_close(&chain);
	buf_printf(scan->out, "'[%zu bytes, SHA-256 %s]'", length, hash);
	scan->at = end;
}

static void
put_quoted(struct scan *scan)
{
	char quote = scan->text[scan->at];
	bool escapes = quote == '\'' && scan->at > 0 && tolower((unsigned char)scan->text[scan->at - 1]) == 'e' &&
	    (scan->at == 1 || !is_name_byte(scan->text[scan->at - 2]));

	copy_to(scan, quote_end(scan, quote, escapes));
}

void
redact_text(const char *text, size_t length, enum redact_bodies bodies, struct buf *out,
    struct buf *cuts)
{
	struct scan scan = { text, length, 0, out };
	int depth = 0;

	while (scan.at < length) {
		char byte = text[scan.at];
		size_t tag = byte == '$' ? dollar_tag(&scan) : 0;

		if (looking_at(&scan, "--") || looking_at(&scan, "/*")) {
			skip_comment(&scan);
		} else if (byte == '\'' || byte == '"') {
			put_quoted(&scan);
		} else if (tag > 0) {
			put_dollar_quoted(&scan, tag, bodies);
		} else {
			uint32_t here = (uint32_t)buf_length(out);

			depth += (byte == '(') - (byte == ')');
			if (byte == ';' && depth == 0)
				buf_put(cuts, &here, sizeof(here));
			copy_to(&scan, scan.at + 1);
		}
	}
}

/* ---- which texts hold secrets by their kind ---- */

static bool
fits_any(const char *word, const char *const *patterns)
{
	for (; *patterns != NULL; patterns++)
		if (text_fits_glob(*patterns, word))
			return true;
	return false;
}

static bool
statement_is_secret(const struct sql_statement *statement)
{
	static const char *const verbs[] = { "*SUBSCRIPTION*", "*SERVER*", "*USER*", "*ROLE*",
		"*FOREIGN*", NULL };
	static const char *const functions[] = { "dblink*", "pgp_sym_*", "crypt", "encrypt*",
		"decrypt*", "hmac", NULL };

	if ((statement->classes & (SQL_ROLE | SQL_COPY_PROGRAM)) != 0 ||
	    (statement->verb != NULL && fits_any(statement->verb, verbs)))
		return true;
	for (size_t i = 0; i < statement->function_count; i++)
		if (fits_any(statement->functions[i], functions))
			return true;
	return false;
}

bool
redact_raw_is_safe(const char *text, size_t length, const struct sql_facts *facts)
{
	if (facts == NULL) {
		/* Not understood: any mention of a password is one too many. */
		for (size_t i = 0; i + 8 <= length; i++)
			if (strncasecmp(text + i, "password", 8) == 0)
				return false;
		return true;
	}
	for (size_t i = 0; i < facts->statement_count; i++)
		if (statement_is_secret(&facts->statements[i]))
			return false;
	return true;
}

/* ---- the members of a statement ---- */

static void
put_relation_name(struct buf *out, const struct sql_relation *relation)
{
	if (relation->schema != NULL) {
		buf_put_text(out, relation->schema);
		buf_put_u8(out, '.');
	}
	buf_put_text(out, relation->name);
}

/* Append a member whose value is being made in *value; empties it. */
static void
put_made(struct buf *out, const char *key, struct buf *value, struct span *where)
{
	const char *bytes = buf_length(value) > 0 ? (const char *)buf_bytes(value) : "";

	record_put_text(out, key, bytes, buf_length(value), where);
	buf_clear(value);
}

/* How much of the summary's bytes may stay without cutting a character. */
static size_t
summary_length(const struct buf *summary)
{
	size_t length = buf_length(summary);

	if (length <= SUMMARY_MOST)
		return length;
	length = SUMMARY_MOST;
	while (length > 0 && (buf_bytes(summary)[length] & 0xc0) == 0x80)
		length--;
	return length;
}

static void
put_summary(struct buf *out, const struct sql_statement *statement, struct span *shown)
{
	struct buf value = { 0 };

	if (statement->relation_count == 1) {
		put_relation_name(&value, &statement->relations[0]);
		put_made(out, "db.collection.name", &value, NULL);
	}
	buf_put_text(&value, statement->verb != NULL ? statement->verb : "");
	for (size_t i = 0; i < statement->relation_count && buf_length(&value) < SUMMARY_MOST; i++) {
		buf_put_u8(&value, ' ');
		put_relation_name(&value, &statement->relations[i]);
	}
	record_put_text(out, "db.query.summary", (char *)buf_bytes(&value), summary_length(&value),
	    shown);
	buf_free(&value);
}

static void
put_classes(struct buf *out, unsigned classes)
{
	const char *comma = "";

	put_literal(out, ",\"query.class\":[");
	for (unsigned bit = 1; bit != 0 && bit <= classes; bit <<= 1) {
		if ((classes & bit) == 0)
			continue;
		buf_printf(out, "%s\"%s\"", comma, sql_class_name(bit));
		comma = ",";
	}
	buf_put_u8(out, ']');
}

static void
put_access(struct buf *out, const struct sql_relation *relation, const char *access,
    const char **comma)
{
	struct buf name = { 0 };

	put_relation_name(&name, relation);
	buf_put_text(out, *comma);
	put_literal(out, "{\"name\":");
	json_put_string(out, (char *)buf_bytes(&name), buf_length(&name));
	buf_printf(out, ",\"access\":\"%s\"}", access);
	buf_free(&name);
	*comma = ",";
}

static void
put_relations(struct buf *out, const struct sql_statement *statement)
{
	const char *comma = "";

	put_literal(out, ",\"relations\":[");
	for (size_t i = 0; i < statement->relation_count; i++) {
		const struct sql_relation *relation = &statement->relations[i];

		if ((relation->access & SQL_ACCESS_READ) != 0)
			put_access(out, relation, "read", &comma);
		if ((relation->access & SQL_ACCESS_WRITE) != 0)
			put_access(out, relation, "write", &comma);
		if ((relation->access & SQL_ACCESS_DDL) != 0)
			put_access(out, relation, "ddl", &comma);
	}
	buf_put_u8(out, ']');
}

/* ---- the parts of a text ---- */

/* What may be shown of a text, cut into its statements where that is certain. */
struct shown {
	bool whole;	/* length and hash only, when false */
	struct buf text;
	struct buf cuts; /* offsets of semicolons */
	size_t statements;
	char hash[CHAIN_HASH_SIZE];
	size_t length;
};

static void
choose_shown(struct shown *shown, const struct config *config, const char *text, size_t length,
    const struct sql_facts *facts)
{
	bool raw = config->audit_text == AUDIT_TEXT_RAW && redact_raw_is_safe(text, length, facts);
	const char *source = raw ? text : facts != NULL ? facts->normalized : NULL;
	size_t source_length = raw ? length : source != NULL ? strlen(source) : 0;
	struct chain chain;

	shown->length = length;
	shown->statements = facts != NULL ? facts->statement_count : 1;
	shown->whole = source != NULL && source_length <= TEXT_MOST;
	if (shown->whole) {
		redact_text(source, source_length, raw ? REDACT_KEEP_BODIES : REDACT_HIDE_BODIES,
		    &shown->text, &shown->cuts);
		return;
	}
	chain_open(&chain);
	chain_hash(&chain, text, length, shown->hash);
	chain_close(&chain);
}

static bool
is_blank(const uint8_t *text, size_t from, size_t to)
{
	while (from < to && isspace(text[from]))
		from++;
	return from == to;
}

/*
 * The i-th statement of the text; all of it when the semicolons are not as many
 * as the statements (a rule's or a function's body may hold some).
 */
static void
find_statement(const struct shown *shown, size_t i, size_t *from, size_t *to)
{
	const uint8_t *text = buf_bytes(&shown->text);
	size_t cuts = buf_length(&shown->cuts) / sizeof(uint32_t);
	size_t begin = 0, found = 0;

	*from = 0;
	*to = buf_length(&shown->text);
	for (size_t k = 0; k <= cuts; k++) {
		uint32_t cut = (uint32_t)buf_length(&shown->text);

		if (k < cuts)
			memcpy(&cut, buf_bytes(&shown->cuts) + k * sizeof(cut), sizeof(cut));
		if (!is_blank(text, begin, cut) && found++ == i) {
			*from = begin;
			*to = cut;
		}
		begin = (size_t)cut + 1;
	}
	if (found != shown->statements) {
		*from = 0;
		*to = buf_length(&shown->text);
	}
}

static void
put_text(struct buf *out, const struct shown *shown, size_t i, struct span *where)
{
	const char *text = (const char *)buf_bytes(&shown->text);
	size_t from, to;

	if (!shown->whole) {
		json_put_member_int(out, "db.query.text.length", (int64_t)shown->length);
		json_put_member(out, "db.query.text.sha256", shown->hash);
		return;
	}
	if (buf_length(&shown->text) == 0)
		return;
	find_statement(shown, i, &from, &to);
	while (from < to && isspace((unsigned char)text[from]))
		from++;
	while (to > from && isspace((unsigned char)text[to - 1]))
		to--;
	record_put_text(out, "db.query.text", text + from, to - from, where);
}

static void
put_part(struct buf *out, struct text_part *part, const struct config *config,
    const struct shown *shown, const struct sql_facts *facts, size_t i)
{
	const struct sql_statement *statement =
	    facts != NULL && i < facts->statement_count ? &facts->statements[i] : NULL;

	part->members.at = (uint32_t)buf_length(out);
	if (statement != NULL) {
		json_put_member(out, "db.operation.name", statement->verb);
		put_summary(out, statement, &part->shown);
	}
	if (config->audit_text != AUDIT_TEXT_NONE)
		put_text(out, shown, i, &part->shown);
	if (facts != NULL && facts->fingerprint[0] != '\0')
		json_put_member(out, "query.fingerprint", facts->fingerprint);
	if (statement != NULL) {
		put_classes(out, statement->classes);
		put_relations(out, statement);
	}
	part->members.length = (uint32_t)(buf_length(out) - part->members.at);
}

struct audit_text_parts *
audit_text_parts_new(const struct config *config, const char *text, size_t length,
    const struct sql_facts *facts)
{
	size_t count = facts != NULL && facts->statement_count > 0 ? facts->statement_count : 1;
	struct audit_text_parts *parts =
	    mem_zalloc(1, sizeof(*parts) + count * sizeof(parts->parts[0]));
	struct buf out = { 0 };
	struct shown shown = { 0 };

	parts->count = count;
	choose_shown(&shown, config, text, length, facts);
	for (size_t i = 0; i < count; i++)
		put_part(&out, &parts->parts[i], config, &shown, facts, i);
	parts->bytes = buf_length(&out) > 0 ? mem_copy(buf_bytes(&out), buf_length(&out)) : NULL;
	buf_free(&out);
	buf_free(&shown.text);
	buf_free(&shown.cuts);
	return parts;
}

void
audit_text_parts_free(struct audit_text_parts *parts)
{
	if (parts == NULL)
		return;
	mem_free(parts->bytes);
	mem_free(parts);
}

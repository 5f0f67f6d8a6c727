/*
 * parts.c - what of a text goes into its records: verb, relations, classes, the
 * text as far as it may be shown. Rendered once for each text, then used by every
 * record of it.
 */
#include <ctype.h>
#include <openssl/hmac.h>

#include "audit_internal.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

enum {
	SHOWN_MOST = 400, /* characters of a text outside the logs */
	TEXT_MOST = 256 << 10, /* a longer text is told by its length and hash */
	SUMMARY_MOST = 255,    /* as OpenTelemetry recommends */
};

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

/* What may be shown of a text, cut into its statements where that is certain. */
struct shown {
	enum audit_text how; /* audit.text, or raw in its place */
	bool whole;	/* length and hash only, when false */
	struct buf text;
	struct buf cuts; /* of text, by redact_text() */
	size_t statements;
	char hash[CHAIN_HASH_SIZE]; /* or, of audit.text: hmac, the mac */
	size_t length;
};

/* base64(HMAC-SHA256(text)): the same text has the same one, and only the key's owner can make it. */
static void
make_mac(struct shown *shown, const char *key, const char *text, size_t length)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned mac_length = 0;
	struct buf out = { 0 };

	if (HMAC(EVP_sha256(), key, (int)strlen(key), (const uint8_t *)text, length, mac,
		&mac_length) == NULL)
		log_fatal("OpenSSL gives no HMAC");
	text_put_base64(&out, mac, mac_length);
	memcpy(shown->hash, buf_bytes(&out), buf_length(&out));
	shown->hash[buf_length(&out)] = '\0';
	buf_free(&out);
}

static void
choose_shown(struct shown *shown, const struct config *config, const char *text, size_t length,
    const struct sql_facts *facts)
{
	bool raw = shown->how == AUDIT_TEXT_RAW && redact_raw_is_safe(text, length, facts);
	const char *source = raw ? text : facts != NULL ? facts->normalized : NULL;
	size_t source_length = raw ? length : source != NULL ? strlen(source) : 0;
	struct chain chain;

	shown->length = length;
	shown->statements = facts != NULL ? facts->statement_count : 1;
	shown->whole = source != NULL && source_length <= TEXT_MOST;
	if (shown->how == AUDIT_TEXT_HMAC) {
		make_mac(shown, config->audit_text_key, text, length);
		return;
	}
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
put_part(struct buf *out, struct text_part *part, const struct shown *shown, const struct buf *tags, const struct sql_facts *facts, size_t i)
{
	const struct sql_statement *statement =
	    facts != NULL && i < facts->statement_count ? &facts->statements[i] : NULL;

	part->members.at = (uint32_t)buf_length(out);
	if (statement != NULL) {
		json_put_member(out, "db.operation.name", statement->verb);
		put_summary(out, statement, &part->shown);
	}
	if (shown->how == AUDIT_TEXT_HMAC)
		json_put_member(out, "db.query.text.hmac", shown->hash);
	else if (shown->how != AUDIT_TEXT_NONE)
		put_text(out, shown, i, &part->shown);
	if (facts != NULL && facts->fingerprint[0] != '\0')
		json_put_member(out, "query.fingerprint", facts->fingerprint);
	if (statement != NULL) {
		put_classes(out, statement->classes);
		put_relations(out, statement);
	}
	if (buf_length(tags) > 0)
		buf_put(out, buf_bytes(tags), buf_length(tags));
	part->members.length = (uint32_t)(buf_length(out) - part->members.at);
}

char *
audit_text_shown(const struct config *config, const struct sql_facts *facts)
{
	bool hidden = config->audit_text == AUDIT_TEXT_NONE || config->audit_text == AUDIT_TEXT_HMAC;
	struct buf text = { 0 }, cuts = { 0 }, out = { 0 };

	if (hidden || facts->normalized == NULL)
		return mem_strdup(facts->statement_count > 0 ? facts->statements[0].verb : "");
	redact_text(facts->normalized, strlen(facts->normalized), REDACT_HIDE_BODIES, &text, &cuts);
	buf_put_u8(&text, '\0');
	text_put_safe(&out, (char *)buf_bytes(&text), SHOWN_MOST);
	buf_free(&text);
	buf_free(&cuts);
	return buf_steal_text(&out);
}

static struct audit_text_parts *
make_parts(const struct config *config, enum audit_text how, const char *text, size_t length,
    const struct sql_facts *facts)
{
	size_t count = facts != NULL && facts->statement_count > 0 ? facts->statement_count : 1;
	size_t head = sizeof(struct audit_text_parts) + count * sizeof(struct text_part);
	struct audit_text_parts *parts = mem_zalloc(1, head), *whole;
	struct buf out = { 0 };
	struct shown shown = { .how = how };
	struct buf tags = { 0 };

	parts->count = count;
	choose_shown(&shown, config, text, length, facts);
	tags_render(&tags, text, length);
	for (size_t i = 0; i < count; i++)
		put_part(&out, &parts->parts[i], &shown, &tags, facts, i);
	whole = mem_alloc(head + buf_length(&out));
	memcpy(whole, parts, head);
	whole->bytes = (char *)whole + head;
	if (buf_length(&out) > 0)
		memcpy((char *)whole + head, buf_bytes(&out), buf_length(&out));
	mem_free(parts);
	buf_free(&out);
	buf_free(&shown.text);
	buf_free(&shown.cuts);
	buf_free(&tags);
	return whole;
}

struct audit_text_parts *
audit_text_parts_new(const struct config *config, const char *text, size_t length,
    const struct sql_facts *facts)
{
	return make_parts(config, config->audit_text, text, length, facts);
}

struct audit_text_parts *
audit_text_parts_raw(const struct config *config, const char *text, size_t length,
    const struct sql_facts *facts)
{
	return make_parts(config, AUDIT_TEXT_RAW, text, length, facts);
}

void
audit_text_parts_free(struct audit_lane *lane, struct audit_text_parts *parts)
{
	lane_retire(lane, parts);
}

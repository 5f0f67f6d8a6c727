/* prepared.c - see prepared.h. */
#include <string.h>
#include <uthash.h>

#include "auth/digest.h"
#include "base/mem.h"
#include "gate.h"
#include "prepared.h"
#include "readings.h"
#include "rewrite.h"

/* What is longer is not put into a text. */
enum { RELATION_MOST = 1024 * 1024 };

struct prepared {
	UT_hash_handle hh;
	struct statement *statement; /* referenced */
	char name[];
};

/*
 * The name that all clients share on a server for whom these words, which end by themselves, are
 * read alike.
 */
static void
give_name(struct statement *statement, const void *words, size_t length,
    const struct statement_under *under)
{
	uint8_t digest[DIGEST_SIZE];
	struct buf all = { 0 };

	if (readings_digest(under->settings, digest))
		buf_put(&all, digest, sizeof(digest));
	if (under->own != 0)
		buf_put(&all, &under->own, sizeof(under->own));
	if (buf_length(&all) == 0) {
		digest_sha256(words, length, digest);
	} else {
		buf_put(&all, words, length);
		digest_sha256(buf_bytes(&all), buf_length(&all), digest);
	}
	buf_free(&all);
	settings_copy(&statement->parsed_under, under->settings);
	memcpy(&statement->id, digest, sizeof(statement->id));
	statement_name(&statement->id, statement->server_name);
}

struct statement *
statement_new(struct judged *judged, const uint8_t *body, size_t length,
    const struct statement_under *under)
{
	struct statement *statement = mem_zalloc(1, sizeof(*statement));

	*statement = (struct statement){ .references = 1,
		.judged = judged_reference(judged),
		.body = mem_copy(body, length),
		.body_length = length };
	if (under != NULL)
		give_name(statement, body, length, under);
	return statement;
}

struct statement *
statement_from_sql(struct judged *judged, size_t sub)
{
	struct statement *statement = mem_zalloc(1, sizeof(*statement));

	*statement = (struct statement){
		.references = 1, .from_sql = true, .stays = true, .sub = sub, .judged = judged_reference(judged)
	};
	return statement;
}

struct statement *
statement_of_prepare(struct judged *judged, size_t sub, const char *rest, size_t length,
    size_t nth, const struct statement_under *under)
{
	struct statement *statement = statement_from_sql(judged, sub);
	struct buf text = { 0 };

	statement->stays = false;
	buf_printf(&text, "PREPARE %zu ", nth);
	buf_put(&text, rest, length);
	give_name(statement, buf_bytes(&text), buf_length(&text), under);
	buf_clear(&text);
	buf_printf(&text, "PREPARE %s", statement->server_name);
	buf_put(&text, rest, length);
	buf_put_u8(&text, 0);
	buf_put_u16(&text, 0); /* parameter types */
	statement->body = mem_copy(buf_bytes(&text), buf_length(&text));
	statement->body_length = buf_length(&text);
	buf_free(&text);
	return statement;
}

struct statement *
statement_reference(struct statement *statement)
{
	statement->references++;
	return statement;
}

void
statement_release(struct statement *statement)
{
	if (statement == NULL || --statement->references > 0)
		return;
	settings_clear(&statement->parsed_under);
	judged_release(statement->judged);
	rewrite_release(statement->rewrite);
	mem_free(statement->source);
	mem_free(statement->body);
	mem_free(statement);
}

static struct prepared *
find(struct prepared *const *prepared, const char *name)
{
	struct prepared *entry;

	HASH_FIND_STR(*prepared, name, entry);
	return entry;
}

struct statement *
prepared_find(struct prepared *const *prepared, const char *name)
{
	struct prepared *entry = find(prepared, name);

	return entry == NULL ? NULL : entry->statement;
}

void
prepared_add(struct prepared **prepared, const char *name, struct statement *statement)
{
	size_t size = strlen(name) + 1;
	struct prepared *entry = mem_zalloc(1, sizeof(*entry) + size);

	memcpy(entry->name, name, size);
	entry->statement = statement_reference(statement);
	HASH_ADD_STR(*prepared, name, entry);
}

static void
drop(struct prepared **prepared, struct prepared *entry)
{
	HASH_DEL(*prepared, entry);
	statement_release(entry->statement);
	mem_free(entry);
}

void
prepared_remove(struct prepared **prepared, const char *name)
{
	struct prepared *entry = find(prepared, name);

	if (entry != NULL)
		drop(prepared, entry);
}

void
prepared_clear(struct prepared **prepared)
{
	while (*prepared != NULL)
		drop(prepared, *prepared);
}

size_t
prepared_count(struct prepared *const *prepared)
{
	return HASH_COUNT(*prepared);
}

/* As the client sent it; of a PREPARE that stays on its server NULL: that one has it. */
static const char *
source_of(const struct statement *statement)
{
	if (statement->from_sql)
		return statement->source;
	return statement->rewrite != NULL ? statement->rewrite->original : (const char *)statement->body;
}

static void
put_literal(struct buf *out, const char *text)
{
	if (text == NULL)
		buf_put_text(out, "NULL");
	else
		settings_put_literal(out, text, strlen(text));
}

/* One whose text is another each time is never looked for on the server: it may be this very one. */
static void
put_row(struct buf *out, const struct prepared *entry)
{
	const struct statement *statement = entry->statement;
	const char *on_server = statement->stays ? entry->name : statement->server_name;

	buf_put_u8(out, '(');
	put_literal(out, entry->name);
	buf_put_text(out, ", ");
	put_literal(out, source_of(statement));
	buf_put_text(out, ", ");
	put_literal(out, statement->rewrite == NULL ? on_server : NULL);
	buf_put_text(out, statement->from_sql ? ", true)" : ", false)");
}

bool
prepared_put_relation(struct prepared *const *prepared, struct buf *out)
{
	size_t began = buf_length(out);
	const char *before = "";

	if (*prepared == NULL) {
		buf_put_text(out, "(SELECT * FROM pg_catalog.pg_prepared_statements WHERE false)");
		return true;
	}
	buf_put_text(out,
	    "(SELECT (pg_catalog.jsonb_populate_record(p, pg_catalog.jsonb_build_object('name', "
	    "m.name, 'statement', coalesce(m.source, p.statement), 'from_sql', m.from_sql))).* "
	    "FROM (VALUES ");
	for (const struct prepared *entry = *prepared; entry != NULL; entry = entry->hh.next) {
		buf_put_text(out, before);
		put_row(out, entry);
		before = ", ";
		if (buf_length(out) - began > RELATION_MOST)
			return false;
	}
	buf_put_text(out,
	    ") AS m (name, source, on_server, from_sql) LEFT JOIN pg_catalog.pg_prepared_statements p "
	    "ON p.name OPERATOR(pg_catalog.=) m.on_server)");
	return true;
}

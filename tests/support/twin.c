/* twin.c - see twin.h. */
#include <string.h>

#include "base/mem.h"
#include "sql/facts.h"
#include "sql/shape.h"
#include "places.h"
#include "twin.h"

enum { LITERALS = 14 };

/* By the byte that stands for the kind in a key. Values that mean something somewhere. */
static const char *const literals[][LITERALS] = {
	[1] = { "0", "1", "5", "6", "7", "36", "00", "007", "999999999", "2147483647",
	    "00000000001", "2147483646", "255", "10" },
	[2] = { "2147483648", "9999999999", "1700000000000", "9223372036854775807",
	    "9223372036854775808", "00002147483648", "340282366920938463463374607431768211456",
	    "10000000000", "3000000000", "4294967296", "99999999999", "2147483649", "12345678901",
	    "5000000000" },
	[3] = { "0.0", "0.5", "1.0", "1.5", "3.14159", "00.10", "5.0", "6.0", "99999999999.5",
	    "0.000000000000000000000000000001", "2147483648.0", "10.10", "1.000", "7.25" },
	[4] = { "''", "'x'", "'5'", "''''", "'it''s'", "'1 = 1'", "' OR true --'", "'/*'", "';'",
	    "'$1'", "'$$'", "'%'", "'true'", "'\n\"E('" },
};

uint64_t
twin_random(uint64_t *seed)
{
	uint64_t mixed = *seed += 0x9e3779b97f4a7c15;

	mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
	mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
	return mixed ^ (mixed >> 31);
}

static void
write_twin(const struct buf *key, uint64_t *seed, struct buf *twin)
{
	buf_clear(twin);
	for (size_t i = 0; i < buf_length(key); i++) {
		uint8_t byte = buf_bytes(key)[i];

		if (byte < sizeof(literals) / sizeof(literals[0]))
			buf_put_text(twin, literals[byte][twin_random(seed) % LITERALS]);
		else
			buf_put_u8(twin, byte);
	}
}

/* --- Facts ---------------------------------------------------------------- */

static bool
same_text(const char *one, const char *other)
{
	if (one == NULL || other == NULL)
		return one == other;
	return strcmp(one, other) == 0;
}

static bool
same_names(char **ones, size_t count, char **others, size_t other_count)
{
	bool same = count == other_count;

	for (size_t i = 0; same && i < count; i++)
		same = same_text(ones[i], others[i]);
	return same;
}

static bool
same_verbs(const char *const *ones, const char *const *others)
{
	while (*ones != NULL && *others != NULL && strcmp(*ones, *others) == 0) {
		ones++;
		others++;
	}
	return *ones == NULL && *others == NULL;
}

static bool
same_relations(const struct sql_statement *one, const struct sql_statement *other)
{
	bool same = one->relation_count == other->relation_count;

	for (size_t i = 0; same && i < one->relation_count; i++) {
		const struct sql_relation *a = &one->relations[i], *b = &other->relations[i];

		same = same_text(a->schema, b->schema) && same_text(a->name, b->name) &&
		       a->access == b->access;
	}
	return same;
}

static bool
same_settings(const struct sql_statement *one, const struct sql_statement *other)
{
	bool same = one->setting_count == other->setting_count;

	for (size_t i = 0; same && i < one->setting_count; i++) {
		const struct sql_setting *a = &one->settings[i], *b = &other->settings[i];

		same = same_text(a->name, b->name) && a->kind == b->kind && a->local == b->local &&
		       same_text(a->replay, b->replay);
	}
	return same && one->setting_stored == other->setting_stored &&
	       one->read_write == other->read_write &&
	       same_names(one->setting_names, one->setting_name_count, other->setting_names,
		   other->setting_name_count);
}

static bool
same_transaction(const struct sql_statement *one, const struct sql_statement *other)
{
	return one->transaction == other->transaction && one->chain == other->chain &&
	       same_text(one->savepoint, other->savepoint);
}

static bool
same_prepared(const struct sql_statement *one, const struct sql_statement *other)
{
	return same_text(one->prepared_name, other->prepared_name) &&
	       one->discards_all == other->discards_all && one->deallocates == other->deallocates &&
	       one->declares == other->declares && same_text(one->cursor, other->cursor);
}

static bool
same_definitions(const struct sql_statement *one, const struct sql_statement *other)
{
	return one->index_created == other->index_created &&
	       one->index_concurrently == other->index_concurrently &&
	       same_text(one->index_name, other->index_name) &&
	       same_text(one->drop_kind, other->drop_kind) &&
	       same_text(one->column_dropped, other->column_dropped) &&
	       one->drop_cascade == other->drop_cascade &&
	       one->drop_concurrently == other->drop_concurrently;
}

static bool
same_act(const struct sql_act *one, const struct sql_act *other)
{
	return one->kind == other->kind && one->flags == other->flags &&
	       one->number == other->number && same_text(one->schema, other->schema) &&
	       same_text(one->table, other->table) && same_text(one->name, other->name) &&
	       same_text(one->type, other->type) &&
	       same_text(one->type_text, other->type_text) &&
	       same_text(one->other_schema, other->other_schema) &&
	       same_text(one->other, other->other) && same_text(one->sql, other->sql) &&
	       same_text(one->value, other->value);
}

static bool
same_acts(const struct sql_statement *one, const struct sql_statement *other)
{
	bool same = one->act_count == other->act_count;

	for (size_t i = 0; same && i < one->act_count; i++)
		same = same_act(&one->acts[i], &other->acts[i]);
	return same;
}

static bool
same_reads(const struct sql_statement *one, const struct sql_statement *other)
{
	return one->reads_tables == other->reads_tables &&
	       one->reads_unlimited == other->reads_unlimited &&
	       one->reads_all == other->reads_all && one->selects_star == other->selects_star &&
	       one->writes_uncounted == other->writes_uncounted;
}

/* Every field but locations and lengths. NULL when all are the same. */
static const char *
differing_fact(const struct sql_statement *one, const struct sql_statement *other)
{
	if (one->classes != other->classes || one->effects != other->effects)
		return "classes";
	if (!same_text(one->verb, other->verb) || !same_verbs(one->verbs, other->verbs))
		return "verbs";
	if (!same_relations(one, other))
		return "relations";
	if (!same_names(one->functions, one->function_count, other->functions,
		other->function_count))
		return "functions";
	if (!same_names(one->columns, one->column_count, other->columns, other->column_count))
		return "columns";
	if (!same_acts(one, other))
		return "acts";
	if (!same_reads(one, other))
		return "reads";
	if (one->where != other->where || !same_text(one->where_relation, other->where_relation))
		return "where";
	if (!same_transaction(one, other))
		return "transaction";
	if (one->residue != other->residue)
		return "residue";
	if (!same_settings(one, other))
		return "settings";
	if (!same_prepared(one, other))
		return "prepared";
	return same_definitions(one, other) ? NULL : "index or drop";
}

static const char *
differing_facts(const struct sql_facts *one, const struct sql_facts *other)
{
	const char *why = NULL;

	if (one->statement_count != other->statement_count)
		return "statement_count";
	for (size_t i = 0; why == NULL && i < one->statement_count; i++)
		why = differing_fact(&one->statements[i], &other->statements[i]);
	if (why != NULL)
		return why;
	if (one->classes != other->classes)
		return "classes of all";
	if (strcmp(one->fingerprint, other->fingerprint) != 0)
		return "fingerprint";
	return strcmp(one->normalized, other->normalized) == 0 ? NULL : "normalized";
}

static enum twin_outcome
compare_facts(const char *text, size_t length, const struct buf *twin, const char **why)
{
	struct sql_facts *one = NULL, *other = NULL;
	struct error err;
	int position;
	enum sql_outcome outcome = sql_facts(text, length, SQL_TEXT_MOST, &one, &err, &position);
	enum sql_outcome twin_outcome = sql_facts((const char *)buf_bytes(twin), buf_length(twin),
	    SQL_TEXT_MOST, &other, &err, &position);

	*why = outcome == twin_outcome ? NULL : "outcome";
	if (outcome == SQL_KNOWN && twin_outcome == SQL_KNOWN)
		*why = differing_facts(one, other);
	if (outcome == SQL_KNOWN)
		sql_facts_free(one);
	if (twin_outcome == SQL_KNOWN)
		sql_facts_free(other);
	if (*why != NULL)
		return TWIN_DIFFERS;
	return outcome == SQL_KNOWN ? TWIN_ALIKE : TWIN_NO_SQL;
}

static bool
same_bytes(const struct buf *one, const void *bytes, size_t length)
{
	return buf_length(one) == length && memcmp(buf_bytes(one), bytes, length) == 0;
}

static bool
stands_plainly(const char *text, size_t length, const struct buf *key)
{
	char *terminated = mem_strndup(text, length);
	bool plain = places_are_plain(terminated, key);

	mem_free(terminated);
	return plain;
}

static enum twin_outcome
compare(const char *text, size_t length, const struct buf *key, const struct buf *twin,
    const char **why)
{
	struct buf twin_key = { 0 };
	bool same_shape;
	enum twin_outcome outcome;

	if (same_bytes(key, text, length))
		return TWIN_SAME_TEXT;
	if (buf_length(twin) > SHAPE_TEXT_MOST)
		return TWIN_NO_SHAPE;
	same_shape = sql_shape((const char *)buf_bytes(twin), buf_length(twin), &twin_key) &&
		     same_bytes(&twin_key, buf_bytes(key), buf_length(key));
	buf_free(&twin_key);
	if (!same_shape) {
		*why = "shape";
		return TWIN_DIFFERS;
	}
	outcome = compare_facts(text, length, twin, why);
	if (outcome == TWIN_ALIKE && !stands_plainly(text, length, key)) {
		*why = "place";
		return TWIN_DIFFERS;
	}
	return outcome;
}

enum twin_outcome
twin_compare(const char *text, size_t length, uint64_t *seed, struct buf *twin, const char **why)
{
	struct buf key = { 0 };
	enum twin_outcome outcome = TWIN_NO_SHAPE;

	if (sql_shape(text, length, &key)) {
		write_twin(&key, seed, twin);
		outcome = compare(text, length, &key, twin, why);
	}
	buf_free(&key);
	return outcome;
}

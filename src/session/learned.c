/* learned.c - see learned.h. */
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "gate.h"
#include "learned.h"

enum {
	CLEAN_ENOUGH = 3,      /* loans without residue, after which a function is trusted */
	FUNCTIONS_MOST = 4096, /* then all is forgotten: names may be made up */
	KEPT_US = 300 * 1000 * 1000,
};

struct function {
	UT_hash_handle hh;
	char *name;
	int clean; /* loans without residue */
	bool builtin, reads;
	bool wary; /* of its text: what it leaves may depend on how it is called */
};

/* Owned by its table. */
struct learned {
	UT_hash_handle hh;
	char *database;
	struct function *functions;
	uint64_t generation; /* changes when something is forgotten */
	uint64_t since_us;
};

struct learned_table {
	struct learned *databases;
};

struct learned_table *
learned_table_new(void)
{
	return mem_zalloc(1, sizeof(struct learned_table));
}

void
learned_forget(struct learned *learned)
{
	struct function *function, *next;

	HASH_ITER(hh, learned->functions, function, next) {
		HASH_DEL(learned->functions, function);
		mem_free(function->name);
		mem_free(function);
	}
	learned->generation++;
}

void
learned_table_free(struct learned_table *table)
{
	struct learned *learned, *next;

	HASH_ITER(hh, table->databases, learned, next) {
		learned_forget(learned);
		HASH_DEL(table->databases, learned);
		mem_free(learned->database);
		mem_free(learned);
	}
	mem_free(table);
}

struct learned *
learned_of(struct learned_table *table, const char *database)
{
	struct learned *learned;

	HASH_FIND_STR(table->databases, database, learned);
	if (learned != NULL)
		return learned;
	learned = mem_zalloc(1, sizeof(*learned));
	learned->database = mem_strdup(database);
	learned->generation = 1;
	HASH_ADD_KEYPTR(
	    hh, table->databases, learned->database, strlen(learned->database), learned);
	return learned;
}

static struct function *
find(struct learned *learned, const char *name)
{
	struct function *function;

	HASH_FIND_STR(learned->functions, name, function);
	return function;
}

static struct function *
find_or_add(struct learned *learned, const char *name)
{
	struct function *function = find(learned, name);

	if (function != NULL)
		return function;
	if (HASH_COUNT(learned->functions) == FUNCTIONS_MOST)
		learned_forget(learned);
	function = mem_zalloc(1, sizeof(*function));
	function->name = mem_strdup(name);
	HASH_ADD_KEYPTR(hh, learned->functions, function->name, strlen(function->name), function);
	return function;
}

bool
learned_is_harmless(struct learned *learned, const char *name)
{
	const struct function *function = find(learned, name);

	return function != NULL && (function->builtin || function->clean >= CLEAN_ENOUGH);
}

bool
learned_is_builtin(struct learned *learned, const char *name)
{
	const struct function *function = find(learned, name);

	return function != NULL && function->builtin;
}

static bool
all_harmless(struct learned *learned, const struct sql_statement *statement)
{
	for (size_t i = 0; i < statement->function_count; i++)
		if (!learned_is_harmless(learned, statement->functions[i]))
			return false;
	return true;
}

bool
learned_trusts(struct learned *learned, struct judged *judged, uint64_t now_us)
{
	const struct sql_facts *facts = judged->facts;

	if (now_us - learned->since_us >= KEPT_US) {
		learned_forget(learned);
		learned->since_us = now_us;
	}
	if (judged->trusted_by == learned && judged->trusted_generation == learned->generation)
		return true;
	for (size_t i = 0; i < facts->statement_count; i++)
		if (!all_harmless(learned, &facts->statements[i]))
			return false;
	judged->trusted_by = learned;
	judged->trusted_generation = learned->generation;
	return true;
}

bool
learned_only_reads(struct learned *learned, const struct sql_statement *statement)
{
	for (size_t i = 0; i < statement->function_count; i++) {
		const struct function *function = find(learned, statement->functions[i]);

		if (function == NULL || !function->builtin || !function->reads)
			return false;
	}
	return true;
}

void
learned_builtin(struct learned *learned, const char *name, bool reads)
{
	struct function *function = find_or_add(learned, name);

	function->builtin = true;
	function->reads = reads;
}

void
learned_clean(struct learned *learned, const char *name)
{
	struct function *function = find_or_add(learned, name);

	if (function->clean < CLEAN_ENOUGH && !function->wary)
		function->clean++;
}

void
learned_unclean(struct learned *learned, const char *name)
{
	struct function *function = find_or_add(learned, name);

	if (function->clean >= CLEAN_ENOUGH)
		learned->generation++; /* texts that call it were trusted */
	function->clean = 0;
	function->builtin = false;
}

void
learned_wary(struct learned *learned, const char *name)
{
	learned_unclean(learned, name);
	find_or_add(learned, name)->wary = true;
}

/*
 * fuzz_facts.c - arbitrary bytes as SQL. What is refused has a reason; of what is
 * known every statement lies within the text and has a verb.
 */
#include <assert.h>

#include "fuzz.h"
#include "sql/facts.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	int position = 0;

	if (sql_facts((const char *)bytes, length, SQL_TEXT_MOST, &facts, &err,
		&position) != SQL_KNOWN) {
		assert(err.text[0] != '\0' && position >= 0 &&
		       (size_t)position <= length + 1);
		return 0;
	}
	for (size_t i = 0; i < facts->statement_count; i++) {
		const struct sql_statement *statement = &facts->statements[i];

		assert(statement->verb != NULL && statement->verbs[0] != NULL);
		assert((size_t)statement->location + (size_t)statement->length <= length);
	}
	sql_facts_free(facts);
	return 0;
}

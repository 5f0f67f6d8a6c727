/* texts.c - see texts.h. */
#include <string.h>

#include "report_internal.h"
#include "base/mem.h"
#include "report/texts.h"

enum { TEXTS_MOST = 4096 };

/* Owned by its texts. */
struct known_text {
	UT_hash_handle hh;
	char *text;
	struct sql_facts *facts; /* NULL: not parsed */
};

void
texts_forget(struct texts *texts)
{
	struct known_text *known, *next;

	HASH_ITER (hh, texts->known, known, next) {
		HASH_DEL(texts->known, known);
		if (known->facts != NULL)
			sql_facts_free(known->facts);
		mem_free(known->text);
		mem_free(known);
	}
}

const struct sql_facts *
texts_facts(struct texts *texts, const char *text)
{
	struct known_text *known;
	struct error err;
	int position;

	HASH_FIND_STR(texts->known, text, known);
	if (known != NULL)
		return known->facts;
	if (HASH_COUNT(texts->known) >= TEXTS_MOST)
		texts_forget(texts);
	known = mem_zalloc(1, sizeof(*known));
	known->text = mem_strdup(text);
	if (sql_facts(text, strlen(text), SQL_TEXT_MOST, &known->facts, &err, &position) != SQL_KNOWN)
		known->facts = NULL;
	HASH_ADD_KEYPTR(hh, texts->known, known->text, strlen(known->text), known);
	return known->facts;
}

/*
 * fuzz_catalog.c - arbitrary bytes as the text form of a catalog, as lint reads a dump and
 * the reader's thread the lines of a server. What is taken stays within its memory, and
 * answers whatever is asked of it.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "policy/catalog.h"

enum { MOST_BYTES = 1 << 16 };

/* Line after line, up to the first that is refused. */
static struct catalog *
read_all(const char *text, size_t length)
{
	struct catalog_builder *builder = catalog_builder_new(MOST_BYTES);
	struct error err = { 0 };

	while (length > 0) {
		const char *end = memchr(text, '\n', length);
		size_t line = end != NULL ? (size_t)(end - text) : length;

		if (!catalog_builder_line(builder, text, line, &err)) {
			assert(err.text[0] != '\0');
			catalog_builder_free(builder);
			return NULL;
		}
		line += end != NULL;
		text += line;
		length -= line;
	}
	return catalog_builder_end(builder, &err);
}

static void
ask(const struct catalog *catalog)
{
	static const char *const names[] = { "t", "parted", "part", "v", "d", "t_pkey", "now", "" };
	const struct catalog_index *index;
	enum catalog_found found;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct catalog_relation *relation =
		    catalog_relation(catalog, NULL, names[i], &found);

		if (relation != NULL)
			catalog_column(relation, "id");
		catalog_rows(catalog, "public", names[i]);
		catalog_rows(catalog, NULL, names[i]);
		catalog_index_table(catalog, NULL, names[i], &index);
		catalog_is_steady(catalog, names[i]);
		catalog_domain_is_unused(catalog, "public", names[i]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct catalog *one = read_all((const char *)bytes, length);
	struct catalog *again = read_all((const char *)bytes, length);

	assert((one == NULL) == (again == NULL));
	if (one != NULL) {
		assert(catalog_is_same(one, again));
		assert(catalog_bytes(one) <= MOST_BYTES);
		ask(one);
	}
	catalog_release(one);
	catalog_release(again);
	return 0;
}

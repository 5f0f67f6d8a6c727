/* show.c - see show.h. Finding tables. */
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "show.h"

enum { TABLES_MOST = 64, NAME_MOST = 40 };

const struct table *
table_at(size_t i)
{
	if (i < tables_of_state_count)
		return &tables_of_state[i];
	i -= tables_of_state_count;
	if (i < tables_of_pools_count)
		return &tables_of_pools[i];
	i -= tables_of_pools_count;
	if (i < tables_of_peers_count)
		return &tables_of_peers[i];
	i -= tables_of_peers_count;
	return i < tables_of_queries_count ? &tables_of_queries[i] : NULL;
}

const struct table *
table_find(const char *name)
{
	for (size_t i = 0; table_at(i) != NULL; i++)
		if (strcasecmp(table_at(i)->name, name) == 0)
			return table_at(i);
	return NULL;
}

const char *
table_nearest(const char *name)
{
	const char *names[TABLES_MOST];
	char upper[NAME_MOST];
	size_t count = 0, length = strlen(name);

	if (length >= sizeof(upper))
		return NULL;
	for (size_t i = 0; i <= length; i++)
		upper[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 'a' + 'A'
								   : name[i]);
	for (size_t i = 0; count < TABLES_MOST && table_at(i) != NULL; i++)
		if (!table_at(i)->hidden)
			names[count++] = table_at(i)->name;
	return text_nearest(upper, names, count);
}

size_t
table_column_count(const struct table *table)
{
	return table == NULL ? 0 : table->column_count;
}

/* show_siblings.c - other processes on the same addresses: PEERS, PEER_POOLS, as PgBouncer has them. */
#include "errand.h"
#include "session/siblings.h"
#include "show.h"

static void
put_peer(void *arg, const struct sibling *sibling)
{
	struct rows *rows = arg;

	row_begin(rows);
	row_int(rows, sibling->number);
	row_text(rows, sibling->folder);
	row_int(rows, 0); /* a letterbox has no port, and a pool of connections is not needed */
	row_int(rows, 0);
	row_end(rows);
}

static void
put_peer_pool(void *arg, const struct sibling *sibling)
{
	struct rows *rows = arg;

	row_begin(rows);
	row_int(rows, sibling->number);
	row_text(rows, sibling->folder);
	row_int(rows, 0);
	row_int(rows, 0);
	row_int(rows, sibling->asked);
	row_int(rows, 0);
	row_int(rows, sibling->asked);
	row_int(rows, 0);
	row_end(rows);
}

void
fill_peers(struct errand *errand, struct clients *home)
{
	if (clients_shared(home)->siblings != NULL)
		siblings_each(clients_shared(home)->siblings, put_peer, &errand->rows);
}

void
fill_peer_pools(struct errand *errand, struct clients *home)
{
	if (clients_shared(home)->siblings != NULL)
		siblings_each(clients_shared(home)->siblings, put_peer_pool, &errand->rows);
}

static void
count_peer(void *arg, const struct sibling *sibling)
{
	(void)sibling;
	++*(int64_t *)arg;
}

int64_t
count_peers(struct clients *home)
{
	struct siblings *siblings = clients_shared(home)->siblings;
	int64_t count = 0;

	if (siblings != NULL)
		siblings_each(siblings, count_peer, &count);
	return count;
}

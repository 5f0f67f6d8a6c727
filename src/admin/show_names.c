/* show_names.c - names of hosts that workers have looked up: DNS_HOSTS, as PgBouncer has it. */
#include "base/buf.h"
#include "errand.h"
#include "pool/pool.h"
#include "show.h"

/* The rows of one worker. */
struct names_visit {
	struct rows *rows;
	unsigned worker;
};

/* "10.0.0.7:5432,10.0.0.8:5432" */
static void
put_known_addresses(struct rows *rows, const struct pool_name *name)
{
	char text[ADDRESS_TEXT_SIZE];
	struct buf list = { 0 };

	for (size_t i = 0; i < name->count; i++) {
		address_text(&name->addresses[i], text);
		buf_printf(&list, "%s%s:%d", i == 0 ? "" : ",", text,
		    address_port(&name->addresses[i]));
	}
	buf_put_u8(&list, 0);
	row_text(rows, (const char *)buf_bytes(&list));
	buf_free(&list);
}

static void
put_name(const struct pool_name *name, void *arg)
{
	const struct names_visit *visit = arg;

	row_begin(visit->rows);
	row_text(visit->rows, name->host);
	row_int(visit->rows, name->ttl_ms / 1000);
	put_known_addresses(visit->rows, name);
	row_int(visit->rows, visit->worker);
	row_end(visit->rows);
}

void
visit_dns_hosts(struct errand *errand, struct clients *clients)
{
	struct names_visit visit = { &errand->rows, clients_worker(clients) };

	pools_each_name(clients_pools(clients), put_name, &visit);
}

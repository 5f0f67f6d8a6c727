/*
 * role.c - is a server what its database wants: a primary, a standby, one that takes writes?
 *
 * PostgreSQL 14 and later report it at log-in and whenever it changes; others are asked once,
 * behind the log-in. A server whose client was told 25006 (read_only_sql_transaction) is asked
 * as well, before it goes to the next one.
 */
#include <string.h>
#include <xxhash.h>

#include "hosts.h"
#include "pool_internal.h"
#include "wire/build.h"
#include "wire/read.h"

/*
 * Not what this session has set, but what it began with; nothing here depends on search_path.
 */
static const char role_query[] =
    "SELECT pg_catalog.pg_is_in_recovery(), (SELECT reset_val FROM pg_catalog.pg_settings "
    "WHERE name OPERATOR(pg_catalog.=) 'default_transaction_read_only')";

/* Of a scout also which PostgreSQL it is: two addresses can lead to one. */
static const char scout_query[] =
    "SELECT pg_catalog.pg_is_in_recovery(), (SELECT reset_val FROM pg_catalog.pg_settings "
    "WHERE name OPERATOR(pg_catalog.=) 'default_transaction_read_only'), pg_catalog.to_char("
    "pg_catalog.timezone('UTC', pg_catalog.pg_postmaster_start_time()), 'YYYYMMDDHH24MISSUS')";

/* By enum session_attrs: what does not fit. */
static const struct wants {
	bool no_primary, no_standby, no_writes, only_writes;
} all_wants[SESSION_ATTRS] = {
	[SESSION_ATTRS_PRIMARY] = { .no_standby = true },
	[SESSION_ATTRS_STANDBY] = { .no_primary = true },
	[SESSION_ATTRS_READ_WRITE] = { .no_standby = true, .only_writes = true },
	[SESSION_ATTRS_READ_ONLY] = { .no_writes = true },
};

static enum session_attrs
wanted_of(const struct pool *pool)
{
	const struct database_config *database =
	    config_database(pools_config(pool->pools), pool->database);

	return database != NULL ? (enum session_attrs)database->session_attrs : SESSION_ATTRS_ANY;
}

static int64_t
retry_ms_of(const struct pool *pool)
{
	return pools_config(pool->pools)->backend_connect_retry_ms;
}

/* What it reported in its log-in. */
static void
read_reports(struct server *server)
{
	const char *standby = parameters_get(&server->parameters, "in_hot_standby");
	const char *read_only =
	    parameters_get(&server->parameters, "default_transaction_read_only");

	if (standby == NULL || read_only == NULL)
		return;
	server->role = strcmp(standby, "on") == 0 ? HOST_ROLE_STANDBY : HOST_ROLE_PRIMARY;
	server->reads_only = strcmp(read_only, "on") == 0;
}

/* NULL: it fits. */
static const char *
why_unfit(const struct server *server, enum session_attrs wanted)
{
	const struct wants *wants = &all_wants[wanted];
	bool standby = server->role == HOST_ROLE_STANDBY;

	if (server->role == HOST_ROLE_UNKNOWN)
		return NULL;
	if (standby && wants->no_standby)
		return "it is a standby";
	if (!standby && wants->no_primary)
		return "it is a primary";
	if (server->reads_only && wants->only_writes)
		return "default_transaction_read_only is on";
	if (!standby && !server->reads_only && wants->no_writes)
		return "it takes writes";
	return NULL;
}

/* A primary, where standbys are preferred: is there a host that may be one? */
static bool
may_do_better(const struct server *server, enum session_attrs wanted)
{
	return wanted == SESSION_ATTRS_PREFER_STANDBY && server->role == HOST_ROLE_PRIMARY &&
	    host_has_other(server->pool, &server->address, 0);
}

enum role_verdict
role_judge(struct server *server, const char **why)
{
	struct hosts *hosts = pools_hosts(server->pool->pools);
	enum session_attrs wanted = wanted_of(server->pool);

	if (server->scouts) {
		*why = "it was asked what it is";
		if (!server->role_asked)
			return ROLE_TO_BE_ASKED;
		if (server->role != HOST_ROLE_UNKNOWN)
			hosts_asked(hosts, &server->address, (enum host_role)server->role,
			    server->born, loop_now_us(server->loop));
		return ROLE_UNFIT;
	}
	if (server->role == HOST_ROLE_UNKNOWN)
		read_reports(server);
	if (server->role == HOST_ROLE_UNKNOWN && wanted != SESSION_ATTRS_ANY &&
	    server->replication != REPLICATION_PHYSICAL && !server->role_asked)
		return ROLE_TO_BE_ASKED;
	if (server->role != HOST_ROLE_UNKNOWN)
		hosts_note_role(hosts, &server->address, (enum host_role)server->role);
	*why = why_unfit(server, wanted);
	if (*why == NULL && may_do_better(server, wanted))
		*why = "it is a primary, and another host may be a standby";
	if (*why == NULL) {
		hosts_fit(hosts, &server->address, wanted);
		host_tell(server, "taken",
		    server->role == HOST_ROLE_STANDBY	? "it is a standby"
			: server->role == HOST_ROLE_PRIMARY ? "it is a primary"
							    : "it answers");
		return ROLE_FITS;
	}
	hosts_unfit(hosts, &server->address, wanted, loop_now_us(server->loop),
	    retry_ms_of(server->pool));
	host_tell(server, "skipped", *why);
	return ROLE_UNFIT;
}

void
role_ask(struct server *server)
{
	server->role_asked = true;
	server->role = HOST_ROLE_UNKNOWN;
	build_query(stream_out(server->stream), server->scouts ? scout_query : role_query);
}

static void
take_birth(struct server *server, struct reader *reader)
{
	uint32_t bytes = read_u32(reader);
	const uint8_t *birth = read_bytes(reader, bytes);

	server->born = reader_ok(reader) ? XXH3_64bits(birth, bytes) : 0;
}

bool
role_take_row(struct server *server, const uint8_t *body, size_t length)
{
	struct reader reader = reader_over(body, length);
	const uint8_t *standby, *read_only;
	uint32_t standby_bytes, read_only_bytes;

	if (!server->role_asked || read_u16(&reader) != (server->scouts ? 3 : 2))
		return false;
	standby_bytes = read_u32(&reader);
	standby = read_bytes(&reader, standby_bytes);
	read_only_bytes = read_u32(&reader);
	read_only = read_bytes(&reader, read_only_bytes);
	if (server->scouts)
		take_birth(server, &reader);
	if (!reader_done(&reader) || standby_bytes != 1)
		return false;
	server->role = standby[0] == 't' ? HOST_ROLE_STANDBY : HOST_ROLE_PRIMARY;
	server->reads_only = read_only_bytes == 2 && memcmp(read_only, "on", 2) == 0;
	return true;
}

void
role_reported(struct server *server, const char *value)
{
	hosts_note_role(pools_hosts(server->pool->pools), &server->address,
	    strcmp(value, "on") == 0 ? HOST_ROLE_STANDBY : HOST_ROLE_PRIMARY);
}

void
server_doubt_role(struct server *server)
{
	enum session_attrs wanted = wanted_of(server->pool);

	if (wanted == SESSION_ATTRS_PRIMARY || wanted == SESSION_ATTRS_READ_WRITE)
		server->role_doubted = true;
}

/* It has logged in before its host became what it is now. */
static void
retire(struct server *server, const char *why)
{
	server->retired = true;
	if (server->beside && server->state == SERVER_ACTIVE)
		server->user->lost(server, why);
	if (server->beside || server->state == SERVER_IDLE)
		server_close(server, why);
}

static void
look_again(struct pool *pool, enum session_attrs wanted)
{
	struct server *server = TAILQ_FIRST(&pool->servers), *next;

	for (; server != NULL; server = next) {
		enum host_role role = hosts_role(pools_hosts(pool->pools), &server->address);
		const char *why;

		next = TAILQ_NEXT(server, in_pool);
		if (server->state <= SERVER_LOGIN || role == HOST_ROLE_UNKNOWN)
			continue;
		server->role = (uint8_t)role;
		why = why_unfit(server, wanted);
		if (why == NULL)
			continue;
		host_tell(server, "left", why);
		retire(server, why);
	}
}

void
role_changed(struct pool *pool)
{
	enum session_attrs wanted = wanted_of(pool);

	if (wanted != SESSION_ATTRS_ANY)
		look_again(pool, wanted);
}

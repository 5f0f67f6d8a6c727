/* sockets.c - see sockets.h. */
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/keepalive.h"
#include "session/clients.h"
#include "sockets.h"

static struct listen_address
address_of(const struct config *config, const struct listen_config *entry)
{
	return (struct listen_address){ .host = entry->host,
		.unix_dir = entry->unix_dir,
		.port = entry->port,
		.mode = entry->mode,
		.shared = config->siblings_folder[0] != '\0' };
}

/* Who is accepted by them inherits it. */
static void
keep_alive(const struct config *config, const int *fds, unsigned count)
{
	const struct keepalive keepalive = { .idle_ms = config->tcp_keepalive_idle_ms,
		.interval_ms = config->tcp_keepalive_interval_ms,
		.count = (int)config->tcp_keepalive_count,
		.user_timeout_ms = config->tcp_client_user_timeout_ms };

	for (unsigned i = 0; i < count; i++)
		keepalive_set(fds[i], &keepalive);
}

/* Bind every address, once a worker. */
static bool
bind_all(struct sockets *sockets, const struct config *config, unsigned workers, struct error *err)
{
	int copies[CLIENTS_WORKERS_MOST];

	for (size_t i = 0; i < config->listen_count; i++) {
		const struct listen_config *entry = &config->listens[i];
		struct listen_address address = address_of(config, entry);

		if (!listener_bind(&address, copies, (int)workers, err))
			return false;
		if (entry->host != NULL)
			keep_alive(config, copies, workers);
		for (unsigned w = 0; w < workers; w++)
			sockets->fds[w * config->listen_count + i] = copies[w];
		if (entry->host != NULL) {
			log_info("listening on %s:%d", entry->host, entry->port);
			continue;
		}
		sockets->files[i] = listener_file_of(&address);
		log_info("listening on unix:%s/.s.PGSQL.%d", entry->unix_dir, entry->port);
	}
	return true;
}

static bool
bind_http(const struct config *config, int *fd, struct error *err)
{
	char host[64];
	struct listen_address address = { .host = host };

	*fd = -1;
	if (!text_to_host_port(config->http_listen, host, sizeof(host), &address.port))
		return true;
	if (!listener_bind(&address, fd, 1, err))
		return false;
	log_info("listening for HTTP on %s", config->http_listen);
	return true;
}

bool
sockets_bind(
    struct sockets *sockets, const struct config *config, unsigned workers, struct error *err)
{
	*sockets = (struct sockets){
		.fds = mem_zalloc(workers * config->listen_count, sizeof(*sockets->fds)),
		.files = mem_zalloc(config->listen_count, sizeof(*sockets->files)),
		.http_fd = -1 };
	return bind_all(sockets, config, workers, err) &&
	    bind_http(config, &sockets->http_fd, err);
}

void
sockets_unlink(const struct sockets *sockets, const struct config *config)
{
	for (size_t i = 0; i < config->listen_count; i++) {
		struct listen_address address = address_of(config, &config->listens[i]);

		if (address.host == NULL)
			listener_unlink(&address, &sockets->files[i]);
	}
}

void
sockets_free(struct sockets *sockets)
{
	mem_free(sockets->fds);
	mem_free(sockets->files);
}

/* security.c - see security.h. */
#include <stdatomic.h>

#include "base/mem.h"
#include "pool/security.h"

static enum tls_verify
verify_clients(const struct tls_config *tls)
{
	if (tls->mode >= TLS_MODE_VERIFY_CA)
		return TLS_VERIFY_CA;
	return tls->ca[0] != '\0' ? TLS_VERIFY_IF_GIVEN : TLS_VERIFY_NONE;
}

static enum tls_verify
verify_servers(const struct tls_config *tls)
{
	if (tls->mode == TLS_MODE_VERIFY_FULL)
		return TLS_VERIFY_HOST;
	return tls->mode == TLS_MODE_VERIFY_CA ? TLS_VERIFY_CA : TLS_VERIFY_NONE;
}

/* A fault in what a setting of this side names, told where the setting stands. */
static void
add_problem(const struct config *config, const char *side, const char *option,
    const struct error *err, struct problems *problems)
{
	char *setting = mem_printf("tls.%s.%s", side, option);
	const struct config_place *place = config_place(config, setting);

	if (place != NULL)
		problems_add(problems, place->file, place->line, place->col, "%s: %s", setting,
		    err->text);
	else
		problems_add(problems, config->path, 0, 0, "%s: %s", setting, err->text);
	mem_free(setting);
}

/* False: there was a fault. *context stays NULL when this side is disabled. */
static bool
load_side(const struct config *config, bool accepts, struct tls_context **context,
    struct problems *problems)
{
	const struct tls_config *tls = accepts ? &config->tls_client : &config->tls_server;
	struct error err = { 0 };
	const char *at_fault;

	if (tls->mode == TLS_MODE_DISABLE)
		return true;
	*context = tls_context_new(
	    &(struct tls_options){ .accepts = accepts,
		.verify = accepts ? verify_clients(tls) : verify_servers(tls),
		.cert = tls->cert,
		.key = tls->key,
		.ca = tls->ca,
		.only_1_3 = tls->min_version == TLS_VERSION_1_3,
		.ciphers = tls->ciphers,
		.tls13_ciphers = tls->tls13_ciphers },
	    &at_fault, &err);
	if (*context == NULL)
		add_problem(config, accepts ? "client" : "server", at_fault, &err, problems);
	return *context != NULL;
}

struct security *
security_load(const struct config *config, struct problems *problems)
{
	struct security *security = mem_zalloc(1, sizeof(*security));
	bool good;

	security->references = 1;
	security->client_mode = (enum tls_mode)config->tls_client.mode;
	security->server_mode = (enum tls_mode)config->tls_server.mode;
	good = load_side(config, true, &security->client, problems);
	good &= load_side(config, false, &security->server, problems);
	if (good)
		return security;
	security_release(security);
	return NULL;
}

struct security *
security_reference(struct security *security)
{
	if (security != NULL)
		atomic_fetch_add(&security->references, 1);
	return security;
}

void
security_release(struct security *security)
{
	if (security == NULL || atomic_fetch_sub(&security->references, 1) > 1)
		return;
	tls_context_release(security->client);
	tls_context_release(security->server);
	mem_free(security);
}

bool
security_servers_are_equal(const struct security *a, const struct security *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a->server_mode == b->server_mode && tls_contexts_are_equal(a->server, b->server);
}

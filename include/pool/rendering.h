/*
 * rendering.h - settings in the words of the server.
 *
 * Of some settings a server reports what they are (ParameterStatus). That is the truth: the
 * client's own words may say a half of it only (SET DateStyle TO ymd), or the same otherwise
 * than another client's (utc, UTC).
 */
#ifndef POOL_RENDERING_H
#define POOL_RENDERING_H

#include "pool/parameters.h"
#include "pool/settings.h"

/* A server that has these settings reports this: they say it in its words from now on. */
void rendering_take(struct settings *settings, const struct parameters *reported);
/*
 * The same of a client and its server, outside a transaction: only where both say the same
 * now, for the server may not have yet what the client wants.
 */
void rendering_take_both(
    struct settings *client, struct settings *server, const struct parameters *reported);

#endif

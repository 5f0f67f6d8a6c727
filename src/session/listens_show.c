/*
 * listens_show.c - pg_listening_channels(): what it tells is what the server listens to.
 *
 * So the client's channels are put on the server that it is lent, in front of the text that
 * asks, as its settings are (restore.c). Within a transaction it is too late for that: those
 * of a client with few channels begin with them.
 */
#include "base/mem.h"
#include "inbound.h"
#include "listens.h"

enum { FEW_CHANNELS = 16 };

static bool
asks(const struct judged *judged)
{
	for (size_t i = 0; judged->facts != NULL && i < judged->facts->statement_count; i++)
		if (judged->facts->statements[i].asks_channels)
			return true;
	return false;
}

void
listens_look(struct client *client, const struct judged *judged)
{
	struct listens *listens = client->listens;

	listens->shows = listens->active > 0 &&
	    (asks(judged) || (listens->active <= FEW_CHANNELS && judged_begins(judged)));
}

bool
listens_want_shown(const struct link *link)
{
	const struct listens *listens = link->client->listens;

	return listens != NULL && listens->shows && !link->shown;
}

static const struct wire_error partly = { .severity = "WARNING",
	.sqlstate = "01000",
	.message = "pg_listening_channels() does not tell all channels in this transaction",
	.detail = "The session listens to more than 16 channels, and shares its server connection.",
	.hint = "Ask outside of a transaction." };

bool
listens_can_show(struct client *client, struct judged *judged, uint8_t type)
{
	static const struct wire_error late = { .severity = "ERROR",
		.sqlstate = "0A000",
		.message = "pg_listening_channels() cannot be asked in this transaction",
		.detail = "The session listens to more than 16 channels, and shares its server "
			  "connection.",
		.hint = "Ask outside of a transaction, or connect to a database whose pool_mode "
			"is session." };

	if (client->listens == NULL || client->listens->active == 0 || client->link == NULL ||
	    client->link->shown || !asks(judged))
		return true;
	if (!clients_config(client->clients)->protocol_strict) {
		if (type != 'P') /* once: what is parsed is bound, too */
			permit_with_warning(client, &partly);
		return true;
	}
	record_answered(client, judged, late.sqlstate);
	refuse_with(client, type, &late);
	return false;
}

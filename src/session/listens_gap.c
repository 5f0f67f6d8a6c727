/*
 * listens_gap.c - notifications that may be lost, and how a client hears of it.
 *
 * With protocol.strict as a lost connection would tell it: its session ends. Else by a WARNING,
 * which does not come before its channels are listened to again: a client that reads anew, once
 * it was told, has missed nothing.
 */
#include "audience.h"
#include "base/mem.h"
#include "inbound.h"
#include "listens.h"

enum { NAMED_MOST = 100 }; /* channels that one WARNING names */

void
listens_note_gap(struct listens *listens, const char *why)
{
	if (listens->gap == NULL)
		listens->gap = mem_strdup(why);
	items_drop(listens);
}

void
listens_forget_gap(struct listens *listens)
{
	mem_free(listens->gap);
	listens->gap = NULL;
	listens->deaf = listens->forsaken = false;
}

/* Connect, LISTEN, and read again. */
static void
end(struct client *client)
{
	char *why = mem_printf("terminating connection because notifications may have been lost: %s",
	    client->listens->gap);

	client_end(client, "57P01", why);
	mem_free(why);
}

static void
put_channels(struct buf *out, const struct listens *listens)
{
	struct member *member, *next;
	size_t named = 0;

	HASH_ITER(hh, listens->members, member, next) {
		if (!member->active || named == NAMED_MOST)
			continue;
		buf_printf(out, "%s\"%s\"", named == 0 ? "" : ", ", member->channel->name);
		named++;
	}
	if (listens->active > named)
		buf_printf(out, " and %zu more", listens->active - named);
}

static void
warn(struct client *client)
{
	struct listens *listens = client->listens;
	char *message = mem_printf("notifications may have been lost: %s", listens->gap);
	struct buf detail = { 0 };

	buf_put_text(&detail, "Channels: ");
	put_channels(&detail, listens);
	buf_put_text(&detail, ".");
	buf_put_u8(&detail, 0);
	build_notice(client_out(client),
	    &(struct wire_error){ .severity = "WARNING",
		.sqlstate = "01000",
		.message = message,
		.detail = (const char *)buf_bytes(&detail),
		.hint = "The session listens to them on. Read again what they tell of." });
	buf_free(&detail);
	mem_free(message);
}

bool
listens_tell_gap(struct client *client)
{
	struct listens *listens = client->listens;

	if (clients_config(client->clients)->protocol_strict || listens->forsaken) {
		end(client);
		return false;
	}
	/* Who does not read has it told once, and not for each that is lost. */
	if (listens->deaf || hold_pending(client) > SLOW_PEER_BYTES)
		return true;
	warn(client);
	listens_forget_gap(listens);
	client_flush(client);
	return true;
}

static bool
has_confirmed(const struct listens *listens)
{
	struct member *member, *next;

	HASH_ITER(hh, listens->members, member, next)
		if (member->confirmed)
			return true;
	return false;
}

/* Does it concern this one? */
static bool
take(struct listens *listens, const struct hub_event *event, const char *why)
{
	if (event->kind == HUB_LOST && !has_confirmed(listens))
		return false;
	if (event->kind != HUB_LOST && !listens->deaf)
		return false;
	if (event->kind == HUB_LOST)
		listens_note_gap(listens, why);
	listens->deaf = event->kind == HUB_LOST;
	listens->forsaken = event->kind == HUB_FORSAKEN;
	return true;
}

void
listens_on_gap(const struct hub_event *event)
{
	struct clients *clients = event->audience->clients;
	struct listens *listens = TAILQ_FIRST(clients_listens(clients)), *next;
	char *why = mem_printf("the listening connection was lost: %s", event->payload);

	for (; listens != NULL; listens = next) {
		next = TAILQ_NEXT(listens, in_worker);
		if (listens->audience == event->audience && take(listens, event, why))
			listens_pump(listens->client);
	}
	mem_free(why);
}

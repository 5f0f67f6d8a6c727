/* hub_request.c - what a worker asks a hub, and the hub's answer: see hub.h. */
#include "base/mem.h"
#include "hub.h"
#include "session/clients.h"

struct hub_request *
hub_request_new(struct clients *from, enum hub_wish wish, const char *database,
    struct audience *audience)
{
	struct hub_request *request = mem_zalloc(1, sizeof(*request));

	request->from = from;
	request->wish = wish;
	request->audience = audience;
	request->database = mem_strdup(database);
	return request;
}

void
hub_request_add(struct hub_request *request, const char *channel)
{
	request->channels = mem_resize(
	    request->channels, request->count + 1, sizeof(*request->channels));
	request->channels[request->count++] = mem_strdup(channel);
}

void
hub_request_free(struct hub_request *request)
{
	for (size_t i = 0; i < request->count; i++)
		mem_free(request->channels[i]);
	mem_free(request->channels);
	mem_free(request->database);
	mem_free(request->role);
	mem_free_secret(request->secret);
	mem_free(request);
}

static void
on_answered(struct message *message, void *receiver)
{
	struct hub_request *request = (struct hub_request *)message; /* its first member */

	request->answered(receiver, request);
}

void
hub_answer(struct hub_request *request, const struct error *err)
{
	request->failed = err != NULL;
	if (err != NULL)
		request->err = *err;
	request->message.deliver = on_answered;
	mailbox_post(clients_mailbox(request->from), &request->message);
}

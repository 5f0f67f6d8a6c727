/* signals.c - see signals.h. Called by rewritten.c, simple.c, extended.c and answer.c. */
#include <string.h>

#include "auth/cancel_key.h"
#include "gate.h"
#include "roster.h"
#include "session_internal.h"
#include "signals.h"
#include "sql/places.h"

void
signals_may_reach(struct client *client)
{
	roster_enter(clients_roster(client->clients), client->slot, client->id,
	    &client->identity->subject);
}

/* As PostgreSQL tells of the role that is in force now. */
static bool
is_superuser(const struct client *client)
{
	const char *value = client->link == NULL
	    ? NULL
	    : parameters_get(&client->link->server->parameters, "is_superuser");

	return value != NULL && strcmp(value, "on") == 0;
}

/* The pid that stands in the text, and what is to be done. */
static bool
read_signal(const char *text, uint32_t *pid, bool *ends)
{
	struct sql_place whole = { 0, strlen(text) }, place;

	*ends = sql_place_call_of_number(text, whole, "pg_terminate_backend", &place, pid);
	return *ends || sql_place_call_of_number(text, whole, "pg_cancel_backend", &place, pid);
}

struct backend_signal
signals_look(const struct client *asker, const char *text)
{
	struct clients_shared *shared = clients_shared(asker->clients);
	struct backend_signal signal = { 0 };
	struct cancel_target target;
	enum roster_answer answer;
	uint64_t client = 0;
	uint32_t pid;

	if (!read_signal(text, &pid, &signal.ends) || !cancel_pid_read(pid, &target) ||
	    target.process != shared->process || target.worker >= shared->workers)
		return signal;
	answer = roster_find(clients_roster(shared->of_worker[target.worker]), target.slot,
	    &asker->identity->subject, is_superuser(asker), &client);
	signal.worker = target.worker;
	signal.slot = target.slot;
	signal.forbidden = answer == ROSTER_STRANGER;
	signal.client = answer == ROSTER_FOUND ? client : 0;
	return signal;
}

bool
signals_permit(struct client *asker, struct judged *judged, const struct rewrite *rewrite,
    uint8_t type)
{
	static const struct wire_error no_cancel = { .severity = "ERROR",
		.sqlstate = "42501",
		.message = "permission denied to cancel query",
		.detail = "The pid is that of a client of pgweir with another role.",
		.hint = "Do it as that role, as a superuser, or by KILL_QUERY at pgweir's console." };
	static const struct wire_error no_end = { .severity = "ERROR",
		.sqlstate = "42501",
		.message = "permission denied to terminate process",
		.detail = "The pid is that of a client of pgweir with another role.",
		.hint = "Do it as that role, as a superuser, or by KILL_CLIENT at pgweir's console." };

	if (rewrite == NULL || !rewrite->signal.forbidden)
		return true;
	record_answered(asker, judged, "42501");
	refuse_with(asker, type, rewrite->signal.ends ? &no_end : &no_cancel);
	return false;
}

void
signals_send(struct link *link, const struct backend_signal *signal)
{
	const struct roster_wish wish = {
		.slot = signal->slot, .client = signal->client, .ends = signal->ends };
	struct clients *clients;

	if (signal->client == 0)
		return;
	clients = clients_shared(link->clients)->of_worker[signal->worker];
	if (roster_wish(clients_roster(clients), &wish))
		mailbox_post(clients_mailbox(clients), clients_signalled(clients));
}

void
signals_take(struct message *message, void *receiver)
{
	struct clients *clients = receiver;
	struct roster *roster = clients_roster(clients);
	struct roster_wish wish;

	(void)message;
	roster_told(roster);
	while (roster_take(roster, &wish)) {
		struct client *client = clients_of_slot(clients, wish.slot);

		if (client == NULL || client->id != wish.client)
			continue; /* it has gone meanwhile */
		if (wish.ends)
			client_end(client, "57P01",
			    "terminating connection due to administrator command");
		else
			cancel_client(client, "client", NULL, NULL);
	}
}

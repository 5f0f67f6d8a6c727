/*
 * admit.c - by which method a client must prove who it is.
 *
 * The lines of auth.hba say it for each client, or auth.method for all; whose secret is not
 * listed is asked about by lookup.c, and PAM by proof.c. Called by client_login.c behind the startup packet; what a
 * client is told is PostgreSQL's words, and why goes to the log.
 */
#include <string.h>

#include "base/mem.h"
#include "net/peer.h"
#include "net/tls.h"
#include "session_internal.h"

/* Where it comes from, as lines of auth.hba see it. */
static void
put_address(struct hba_client *asker, const struct packed_address *peer)
{
	static const uint8_t before[12] = { [10] = 0xff, [11] = 0xff };

	asker->local = peer->family != AF_INET && peer->family != AF_INET6;
	if (peer->family == AF_INET6) {
		memcpy(asker->address, peer->ip, sizeof(asker->address));
	} else if (peer->family == AF_INET) {
		memcpy(asker->address, before, sizeof(before));
		memcpy(asker->address + sizeof(before), peer->ip, 4);
	}
}

/* No line lets it in, or one keeps it out: PostgreSQL's words for either. */
static void
refuse_by_hba(struct client *client, const char *words, const char *why)
{
	struct address peer = client_address(client);
	char address[ADDRESS_TEXT_SIZE] = "[local]";
	char *message;

	if (!address_is_unix(&peer))
		address_text(&peer, address);
	message = mem_printf("%s host \"%s\", user \"%s\", database \"%s\", %s", words, address,
	    client_user(client), client->database,
	    stream_is_encrypted(client->stream) ? "SSL encryption" : "no encryption");
	login_reject(client, "28000", message, why);
	mem_free(message);
}

static void
reject_by_line(struct client *client, const struct hba_verdict *verdict)
{
	char *why = mem_printf(verdict->act == HBA_UNDECIDED
		? "refused at line %d of %s: its expression found no answer within its bounds"
		: "rejected by line %d of %s",
	    verdict->line, verdict->file);

	refuse_by_hba(client, "pg_hba.conf rejects connection for", why);
	mem_free(why);
}

/* The name that it proved is not one that may be this user. */
static void
refuse_name(struct client *client, const char *named_by, const char *why)
{
	char *message = mem_printf(
	    "%s authentication failed for user \"%s\"", named_by, client_user(client));

	login_reject(client, "28000", message, why);
	mem_free(message);
}

/* Who it is must be known, whatever it is asked for; then it proves that it is. */
static void
prove(struct client *client, struct admission admission)
{
	const struct users *users = clients_users(client->clients);
	const char *user = client_user(client);
	const char *secret = users_secret(users, user);
	bool known = users_known(users, user) || lookup_found(client->lookup);

	if (secret == NULL)
		secret = lookup_secret(client->lookup);
	if (!known && admission.named_by != NULL)
		refuse_name(client, admission.named_by, "no such user");
	else if (!known && admission.method == AUTH_METHOD_TRUST)
		login_wrong_password(client, "no such user");
	else
		login_prove(client, admission.method, secret);
}

/* Whose secret is listed is never asked about. */
static void
admit(struct client *client, struct admission admission)
{
	const struct users *users = clients_users(client->clients);
	const char *user = client_user(client);
	bool enough = users_known(users, user) &&
	    (admission.method == AUTH_METHOD_TRUST || users_secret(users, user) != NULL);

	if (enough || !lookup_begin(client, admission))
		prove(client, admission);
}

void
admit_go_on(struct client *client)
{
	prove(client, lookup_admission(client->lookup));
}

/* The name it has proved must be the user it wants to be, or one that the map lets be it. */
static void
take_name(struct client *client, const struct hba_verdict *verdict, const char *named_by,
    const char *name)
{
	const char *user = client_user(client);
	char *why;

	if (users_may_be(clients_users(client->clients), verdict->map, name, user)) {
		admit(client, (struct admission){ AUTH_METHOD_TRUST, named_by });
		return;
	}
	why = mem_printf("line %d of %s: \"%s\" may not be \"%s\"", verdict->line,
	    verdict->file, name, user);
	refuse_name(client, named_by, why);
	mem_free(why);
}

static void
ask_peer(struct client *client, const struct hba_verdict *verdict)
{
	char name[PEER_NAME_SIZE];
	struct error err;

	if (peer_user_name(stream_fd(client->stream), name, &err))
		take_name(client, verdict, "Peer", name);
	else
		refuse_name(client, "Peer", err.text);
}

static void
ask_certificate(struct client *client, const struct hba_verdict *verdict)
{
	const struct tls_peer *tls = stream_tls_peer(client->stream);

	if (tls != NULL && tls->common_name != NULL)
		take_name(client, verdict, "certificate", tls->common_name);
	else
		refuse_name(client, "certificate", "it has shown no certificate with a common name");
}

/* By a conversation; PAM need not be told by us whom it knows. */
static void
ask(struct client *client, const struct hba_verdict *verdict)
{
	const char *service = verdict->pam_service;

	if (verdict->method != AUTH_METHOD_PAM) {
		admit(client, (struct admission){ .method = verdict->method });
		return;
	}
	if (service == NULL)
		service = clients_config(client->clients)->auth_pam_service;
	proof_begin(client, service, verdict->pam_by_name);
	login_prove(client, AUTH_METHOD_PAM, NULL);
}

void
admit_client(struct client *client)
{
	const struct hba *hba = users_hba(clients_users(client->clients));
	int method = clients_config(client->clients)->auth_method;
	struct hba_client asker = { .database = client->database,
		.user = client_user(client),
		.encrypted = stream_is_encrypted(client->stream),
		.replication = client->replication == REPLICATION_PHYSICAL };
	struct hba_verdict verdict = { .act = HBA_ASK, .method = (enum auth_method)method };

	put_address(&asker, &client->peer);
	if (hba != NULL && !hba_find(hba, &asker, &verdict)) {
		refuse_by_hba(client, "no pg_hba.conf entry for", "no line of auth.hba fits");
		return;
	}
	switch (verdict.act) {
	case HBA_ASK:
		ask(client, &verdict);
		return;
	case HBA_PEER:
		ask_peer(client, &verdict);
		return;
	case HBA_CERT:
		ask_certificate(client, &verdict);
		return;
	case HBA_REJECT:
	case HBA_UNDECIDED:
		reject_by_line(client, &verdict);
		return;
	}
}

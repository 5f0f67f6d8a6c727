/*
 * proof.c - see proof.h. Begun by admit.c for clients of auth.method pam and of lines of
 * auth.hba with pam.
 *
 * The client hears of a no what it hears of any wrong password; the log has PAM's reason.
 */
#include "auth/pam.h"
#include "base/log.h"
#include "base/mem.h"
#include "proof.h"
#include "session_internal.h"

enum { DELAY_MOST_US = 10 * 1000 * 1000 };

/* Owned by its client; by nobody once that has gone while the answer is in the mailbox. */
struct proof {
	struct message message; /* first member: that it is answered */
	TAILQ_ENTRY(proof) in_proofs;
	struct pam_question question;
	struct clients *clients; /* borrowed */
	struct client *client;	 /* borrowed; NULL: it has gone */
	char *service;
	bool by_name;
	enum {
		PROOF_UNASKED,
		PROOF_ASKED,
		PROOF_REFUSED, /* to be told at until_us */
	} state;
	uint64_t until_us;
};

static void
proof_free(struct proof *proof)
{
	TAILQ_REMOVE(clients_proofs(proof->clients), proof, in_proofs);
	mem_free(proof->service);
	mem_free(proof);
}

void
proof_begin(struct client *client, const char *service, bool by_name)
{
	struct proof *proof = mem_zalloc(1, sizeof(*proof));

	proof->clients = client->clients;
	proof->client = client;
	proof->service = mem_strdup(service);
	proof->by_name = by_name;
	client->proof = proof;
	TAILQ_INSERT_TAIL(clients_proofs(client->clients), proof, in_proofs);
}

static void
refuse(struct proof *proof)
{
	char *why = mem_printf("password authentication failed for user \"%s\": %s",
	    client_user(proof->client), proof->question.answer.why);

	login_wrong_password(proof->client, why);
	mem_free(why);
}

/* Those who give wrong passwords wait as long as PAM's modules want, and keep no thread for it. */
static void
take_no(struct proof *proof)
{
	uint64_t delay_us = proof->question.answer.delay_us;

	if (delay_us > DELAY_MOST_US)
		delay_us = DELAY_MOST_US;
	proof->state = PROOF_REFUSED;
	proof->until_us = loop_now_us(clients_loop(proof->clients)) + delay_us;
	if (delay_us == 0)
		refuse(proof);
}

static void
take_answer(struct proof *proof)
{
	struct client *client = proof->client;
	const struct pam_answer *answer = &proof->question.answer;
	char label[CLIENT_LABEL_SIZE];

	if (answer->said[0] != '\0') {
		client_label(client, label);
		log_info("%s PAM service \"%s\" says: %s", label, proof->service, answer->said);
	}
	if (!answer->yes) {
		take_no(proof);
		return;
	}
	proof->state = PROOF_UNASKED;
	proof_drop(client);
	login_proved(client);
	client_resume(client);
}

static void
on_answer(struct message *message, void *receiver)
{
	struct proof *proof = (struct proof *)message; /* its first member */

	(void)receiver;
	if (proof->client != NULL)
		take_answer(proof);
	else
		proof_free(proof);
}

/* On a thread of PAM's. */
static void
on_answered(struct pam_question *question)
{
	struct proof *proof =
	    (struct proof *)((char *)question - offsetof(struct proof, question));

	mailbox_post(clients_mailbox(proof->clients), &proof->message);
}

static void
refuse_full(struct client *client)
{
	login_reject(client, "53300",
	    "too many log-ins wait for PAM (auth.pam_queue): try again later",
	    "too many log-ins wait for PAM (auth.pam_queue)");
}

void
proof_ask(struct client *client, const char *password)
{
	struct proof *proof = client->proof;
	struct address peer = client_address(client);
	char address[ADDRESS_TEXT_SIZE];
	struct pam_asked asked = { .service = proof->service,
		.user = client_user(client),
		.password = password,
		.by_name = proof->by_name };
	size_t most = (size_t)clients_config(client->clients)->auth_pam_queue;
	uint64_t since_us = client->since_us;

	if (!address_is_unix(&peer)) {
		address_text(&peer, address);
		asked.address = address;
	}
	proof->message.deliver = on_answer;
	proof->question.answered = on_answered;
	client_enter(client, CLIENT_PROVING);
	client->since_us = since_us; /* timeouts.login goes on from when the password was asked for */
	proof->state = PROOF_ASKED;
	if (pam_ask(clients_shared(client->clients)->pam, &asked, most, &proof->question))
		return;
	proof->state = PROOF_UNASKED;
	refuse_full(client);
}

void
proof_is_late(struct client *client)
{
	if (client->proof->state == PROOF_REFUSED)
		refuse(client->proof);
	else
		login_reject(client, "57014", "canceling authentication due to timeout",
		    "PAM did not answer within timeouts.login");
}

void
proof_drop(struct client *client)
{
	struct proof *proof = client->proof;

	if (proof == NULL)
		return;
	client->proof = NULL;
	proof->client = NULL;
	if (proof->state == PROOF_ASKED &&
	    !pam_withdraw(clients_shared(proof->clients)->pam, &proof->question))
		return; /* on_answer() will free it */
	proof_free(proof);
}

void
proofs_tick(struct proof_list *proofs, uint64_t now_us)
{
	struct proof *proof = TAILQ_FIRST(proofs);

	while (proof != NULL) {
		struct proof *next = TAILQ_NEXT(proof, in_proofs);

		if (proof->state == PROOF_REFUSED && now_us >= proof->until_us)
			refuse(proof);
		proof = next;
	}
}

void
proofs_free(struct proof_list *proofs)
{
	while (!TAILQ_EMPTY(proofs)) {
		struct proof *proof = TAILQ_FIRST(proofs);

		if (proof->state == PROOF_ASKED)
			pam_withdraw(clients_shared(proof->clients)->pam, &proof->question);
		proof_free(proof);
	}
}

/*
 * proof.h - asking PAM whether a client's password is right.
 *
 * A thread of auth/pam.c waits for PAM; its answer comes by mailbox. The loop goes on, and the
 * client may go, or its time for the log-in may end, while a module still hangs.
 */
#ifndef SESSION_PROOF_H
#define SESSION_PROOF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct client;
struct proof;
TAILQ_HEAD(proof_list, proof);

/* The client will be asked for a password, about which this service is to be asked. */
void proof_begin(struct client *client, const char *service, bool by_name);
/* This is what it says. The client goes on, or is refused, when PAM has answered. */
void proof_ask(struct client *client, const char *password);
/* timeouts.login has passed: the client is refused, with or without PAM's answer. */
void proof_is_late(struct client *client);
/* The client has logged in, or is closed: its proof, if it has one, is no more. */
void proof_drop(struct client *client);
/* Look at the clock: a module may want a client to wait for its no. */
void proofs_tick(struct proof_list *proofs, uint64_t now_us);
/* The worker ends. */
void proofs_free(struct proof_list *proofs);

#endif

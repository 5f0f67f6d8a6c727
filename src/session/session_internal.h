/* session_internal.h - what the files of session share and nobody else sees. */
#ifndef SESSION_INTERNAL_H
#define SESSION_INTERNAL_H

#include "gate.h"
#include "hold.h"
#include "link.h"
#include "lookup.h"
#include "proof.h"
#include "session/client.h"
#include "wire/build.h"
#include "wire/report.h"

enum {
	SLOW_PEER_BYTES = 128 * 1024, /* unsent bytes at which the other side is no longer read */
	WAITING_INPUT_MOST = 64 * 1024, /* unhandled bytes at which a client is no longer read */
};

TAILQ_HEAD(link_list, link);
TAILQ_HEAD(client_list, client);
LIST_HEAD(asked_list, asked); /* CancelRequests under way */

/* clients.c */
struct gate *clients_gate(const struct clients *clients);
struct learned_table *clients_learned(const struct clients *clients);
struct link_list *clients_links(struct clients *clients);
struct hold_list *clients_holds(struct clients *clients);
/* A zeroed link, and back: a loan is too short for malloc(3). */
struct link *clients_take_link(struct clients *clients);
void clients_give_link(struct clients *clients, struct link *link);
/* What cancel_request.c has under way, and the epoch of the next client. */
struct asked_list *clients_asked(struct clients *clients);
uint32_t clients_next_epoch(struct clients *clients);
/* Whose the slots are, for all workers, and the message that tells of wishes there: signals.c. */
struct roster *clients_roster(const struct clients *clients);
struct message *clients_signalled(struct clients *clients);
/* How its clients end with the process. */
struct leaving *clients_leaving(struct clients *clients);
/* What lookup.c has under way. */
struct lookup_list *clients_lookups(struct clients *clients);
/* What proof.c has under way. */
struct proof_list *clients_proofs(struct clients *clients);
/* What plan.c has under way, or NULL. */
struct plan *clients_plan(const struct clients *clients);
void clients_set_plan(struct clients *clients, struct plan *plan);
uint32_t clients_take_slot(struct clients *clients, struct client *client);
struct client *clients_of_slot(const struct clients *clients, uint32_t slot);
void clients_add(struct clients *clients, struct client *client);
void clients_remove(struct clients *clients, struct client *client);
/* Clients with a deadline of their state. */
struct client_list *clients_timed(struct clients *clients);
/* Clients with equal settings keep them once. */
void clients_share_settings(struct clients *clients, struct client *client);
/* What a server reports to a client with these settings, from an earlier login. */
const struct parameters *clients_welcome(
    struct clients *clients, const struct pool *pool, uint64_t settings_hash);
void clients_set_welcome(struct clients *clients, const struct pool *pool,
    uint64_t settings_hash, const struct parameters *parameters);

/* client.c */
/* End it with this error, as client_end() does. */
void client_end_with(struct client *client, const struct wire_error *error);
struct client *client_new(struct clients *clients, int fd, const struct address *peer);
void client_enter(struct client *client, enum client_state state);
/* Go on with what is in client->in, if its state allows. */
void client_resume(struct client *client);
/* An ErrorResponse of severity ERROR into the client's output. */
void client_error(struct client *client, const struct wire_error *error);
void client_flush(struct client *client);
/* It took everything: its server may be read again. */
void client_drained(struct client *client);
/* One that is not read because its server is slow: did it close meanwhile? */
void client_look_for_end(struct client *client);

/* client.c: its stream speaks TLS from here on; `first` are bytes of that, `direct` as in tls.h. */
void client_encrypt(struct client *client, struct tls_context *context, const uint8_t *first,
    size_t length, bool direct);

/* client_tls.c: it asks for encryption, with a packet of `length` bytes that came. Bytes used. */
size_t client_tls_asked(
    struct client *client, enum startup_kind kind, size_t packet, size_t length);
/* It begins with TLS without asking; the bytes are taken then. */
bool client_tls_begins(struct client *client, const uint8_t *bytes, size_t length);
/* NULL, or why its connection does not do for tls.client.mode; *err is what it hears. */
const char *client_tls_fault(const struct client *client, struct error *err);

/* client_login.c */
size_t login_consume(struct client *client, const uint8_t *bytes, size_t length);
/* A server was lent for the greeting, or there will be none. */
void login_granted(struct client *client, struct server *server);
void login_refused(struct client *client, const struct error *err);
/* It may not come in: tell the log and the access log. */
void login_failed(struct client *client, const char *sqlstate, const char *why);
/* The client's startup settings are on the server: tell it what that reports. */
void login_greet(struct client *client, const struct parameters *parameters);

/*
 * startup_settings.c: may the client ask for the settings of its first packet? False: it was
 * told that it may not, and is ended.
 */
bool startup_settings_permit(struct client *client);
/*
 * What the policies say of a setting that no statement of the client's sets, by the statement
 * that would.
 */
void startup_settings_judge(const struct client *client, const char *name, const char *value,
    struct verdict *verdict);
void startup_settings_judge_set(
    const struct client *client, const char *text, size_t length, struct verdict *verdict);
/* They become settings of its session. */
bool startup_settings_take(struct client *client, struct error *err);
/* The session begins: NOTICEs of rules that warn about them, and its record. */
void startup_settings_welcome(struct client *client, struct buf *out);

/* It may not come in: say so to it, in the log and in the access log. */
void login_reject(
    struct client *client, const char *sqlstate, const char *message, const char *why);
/* What is told to whoever is not known, or gave a wrong password. */
void login_wrong_password(struct client *client, const char *why);
/*
 * It must prove by this method that it knows the secret (NULL: there is none, and it will
 * fail): begin to ask; trust asks for nothing.
 */
void login_prove(struct client *client, enum auth_method method, const char *secret);

/* It has proved who it is. */
void login_proved(struct client *client);

/* admit.c: a client has said who it wants to be; it is refused, or must prove it. */
void admit_client(struct client *client);
/* What was asked about its user is answered. */
void admit_go_on(struct client *client);

/* inbound.c: handle as many messages as can be; returns the bytes used up. */
size_t inbound_consume(struct client *client, const uint8_t *bytes, size_t length);

/* borrow.c */
/* Has it a server that is ready? Otherwise it begins to wait; false. */
bool borrow_server(struct client *client);
/*
 * The client's settings go there in front of its message, which is to follow at once; `judged`
 * is its text, or NULL. False: more of its batch has to come before.
 */
bool borrow_bring_in_step(struct client *client, const struct judged *judged);
/* Both. */
static inline bool
borrow_in_step(struct client *client, const struct judged *judged)
{
	return borrow_server(client) && borrow_bring_in_step(client, judged);
}
void borrow_granted(struct waiter *waiter, struct server *server);
void borrow_refused(struct waiter *waiter, const struct error *err);
/* The message that waits is answered with an error instead of being sent. */
void borrow_give_up(struct client *client, const struct wire_error *error);

/* refuse.c */
/* What a verdict tells the client; its strings stay the verdict's. */
struct wire_error refuse_error(const struct verdict *verdict, const char *severity);
/* An ErrorResponse made from a verdict. */
void refuse_build(struct buf *out, const struct verdict *verdict);
/* An Execute that is sure to fail, whatever portals the client has. */
void refuse_put_failing(struct buf *out);
/*
 * Answer a message of this type with this ErrorResponse instead of sending it on. In a
 * transaction the server's is made to fail too.
 */
void refuse_message(struct client *client, uint8_t type, const struct buf *error);
void refuse_with(struct client *client, uint8_t type, const struct wire_error *error);
/* An error of the extended protocol that PostgreSQL would have given; recorded with a text. */
void refuse_state(struct client *client, const struct judged *judged, const char *sqlstate,
    const char *message);

/* aborted.c: a transaction whose server was lost, until the client ends it. */
bool aborted_query(struct client *client, const struct judged *judged);
bool aborted_is(const struct client *client);
/* A limit ended it: the client's next statement is told so, if it is not `told` yet. */
void aborted_by_limit(struct client *client, bool told, char *detail);
/* P, B, D, E of the extended protocol; true when it was answered. */
bool aborted_message(struct client *client, uint8_t type, struct judged *judged);

/* record.c: the audit log's view. */
void record_statement(struct link *link, const struct request *request, size_t sub,
    const char *sqlstate, int64_t returned, int64_t affected, enum audit_outcome outcome);
/* pgweir itself answered it, and not because of a policy. */
void record_answered(struct client *client, const struct judged *judged, const char *sqlstate);
/* The same because of a limit; `judged` is NULL when no text is known. */
void record_limited(struct client *client, const struct judged *judged,
    const struct ruling *ruling, const char *sqlstate);
/* It is about to be sent: what its forwarding must wait for, 0 for nothing. */
uint64_t record_intent(struct client *client, struct judged *judged, struct ruling *ruling);
/* `judged` is NULL for a FunctionCall: it has no text. */
void record_refused(struct client *client, struct judged *judged, struct ruling *ruling);

/* suspend.c: its first packet has come; is it to be heard now? */
void suspend_newcomer(struct client *client);

/* cancel_request.c */
/* The pid that this client is told, and that names it. */
uint32_t client_pid(const struct client *client);
/* BackendKeyData: its pid and a key of its own. */
void cancel_key_give(struct client *client, struct buf *out);
/* A CancelRequest came: find whom it is for; `client` (its connection) is closed when done. */
void cancel_request(struct client *client, const struct startup *startup);
/* Those that came in on a worker that has ended, wherever they are now. */
void cancel_requests_free(struct asked_list *list);
/* Stop what this client is doing, as if it had asked. `done` may be NULL. */
void cancel_client(struct client *client, const char *origin, void (*done)(void *arg), void *arg);

/* second_line.c */
/* The limits of a client that has logged in become settings of its session. */
void second_line_put(struct client *client);
/* Other policies are in force. */
void second_line_change(
    struct client *client, const struct policies *before, const struct policies *after);

/* trial.c: limits in mode warn */
/*
 * A statement was answered: tell the client of those that it is above. Their verdict for its
 * record, to be freed with audit_verdict_free(); NULL: there is none.
 */
struct audit_verdict *trial_tell(
    struct link *link, const struct request *request, const struct audit_statement *statement);
/* Its transaction began so long ago, or is idle: remember what is to be told of it. */
void trial_tick(struct link *link, uint64_t began_us, bool is_open, uint64_t now_us);

/* reported.c */
/* Other policies are in force: a client is ended whose session has what they refuse. */
void reported_review(struct client *client);

/* waiting.c: a client that is GREETING or WAITING; counts those that were told their place. */
void waiting_check(struct client *client, uint64_t now_us, unsigned *told);
/* For so long of its time in line its pool was paused. */
uint64_t waiting_excused_us(const struct client *client);
/* It waits no more. */
void waiting_end(struct client *client);

/* limits.c */
void limits_tick(struct clients *clients);
/* The limit of the statement that waits, the client's own statement_timeout included. */
struct policy_limit limits_of_waiting(const struct client *client, const struct ruling *ruling);
/* "limit max_rows 50000 of rule "x" in policy "y""; free with mem_free(). */
char *limits_detail(enum policy_limit_kind kind, const struct policy_limit *limit);
/* The error of a limit, with its rule, file and line; the strings stay their owners'. */
struct wire_error limits_error(const struct policy_limit *limit, const char *sqlstate,
    const char *message, const char *detail, const char *hint);
/* The limit for which what runs is stopped; these policies (or NULL) have its words. */
void limits_note(struct link *link, enum policy_limit_kind kind,
    const struct policy_limit *limit, struct policies *of);
/* Cancel what the server runs, for that limit. The client's next message waits for its end. */
void limits_cancel(struct link *link, uint64_t now_us);
/*
 * Was it a cancel of ours that ended the request at the head? One that comes late can hit what
 * the client had sent behind what it was for.
 */
static inline bool
limits_have_hit(const struct link *link, const struct request *head,
    const struct wire_report *report)
{
	return (link->stopped || head->batch <= link->stray_batch) &&
	    strcmp(report->sqlstate, "57014") == 0;
}
/* So it was: PostgreSQL's words, and which limit and rule. */
void limits_tell(struct link *link);
/* It is above what it may return or change. */
void limits_tell_exceeded(
    struct link *link, enum policy_limit_kind kind, const struct policy_limit *limit);
/* The server ended it by the lock_timeout that we set. */
void limits_tell_lock_timeout(struct link *link, const struct wire_report *report,
    const struct policy_limit *limit);

#endif

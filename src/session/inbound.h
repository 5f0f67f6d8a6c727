/*
 * inbound.h - what the handlers of a client's messages share.
 */
#ifndef SESSION_INBOUND_H
#define SESSION_INBOUND_H

#include "session_internal.h"

struct rewrite;
struct statement;

/* What a handler says of its message. */
enum step {
	STEP_DONE,  /* dealt with */
	STEP_LATER, /* keep it: it will be asked again */
	STEP_GONE,  /* the client is closing */
};

/* A message, of whose body `here` bytes have come; `length` is the body's whole length. */
struct inbound {
	uint8_t type;
	const uint8_t *body;
	size_t here, length;
};

/* inbound.c: end the client, whose message breaks the protocol. */
enum step inbound_malformed(struct client *client, uint8_t type);

/* simple.c, prepare.c, extended.c: the handlers. */
enum step on_query(struct client *client, const struct inbound *message);
enum step on_function_call(struct client *client, const struct inbound *message);
enum step on_parse(struct client *client, const struct inbound *message);
enum step on_bind(struct client *client, const struct inbound *message);
enum step on_describe(struct client *client, const struct inbound *message);
enum step on_execute(struct client *client, const struct inbound *message);
enum step on_close(struct client *client, const struct inbound *message);

/* outgoing.c; the client has a server. */
static inline struct buf *
outgoing_buf(struct client *client)
{
	return stream_out(client->link->server->stream);
}
/* Send the message on as it is. */
void outgoing_pass(struct client *client, const struct inbound *message);
/*
 * Of a COPY. What is here of a message goes as a message, for the server may fail the COPY before
 * the rest has come, and what is ours must not land between. Rows end anywhere (PostgreSQL
 * documentation, "COPY Operations").
 */
void outgoing_pass_rows(struct client *client, const struct inbound *message);
/* One of the extended protocol: the server is not done before its Sync. */
void outgoing_pass_extended(struct client *client, const struct inbound *message);
/* Let nothing of it through: the part that is here, nor what is still to come. */
void outgoing_drop(struct client *client, const struct inbound *message);
/* What the server will answer to what was just sent. */
struct request *outgoing_expect(
    struct client *client, enum request_kind kind, enum request_answer answer);
/* It runs this text; `judged` and `ruling` may be NULL, references are taken. */
void outgoing_expect_statement(struct request *request, struct client *client,
    struct judged *judged, struct ruling *ruling, size_t bytes);
/* The client hears this from us when its turn has come. */
struct request *outgoing_expect_reply(
    struct client *client, enum request_kind kind, const struct buf *reply);

/* permit.c */
/* The facts of this text, referenced; NULL: with a parser thread, ask again. */
struct judged *permit_judge(struct client *client, const char *text, size_t length);
/* Once for each text: was it not analysed? */
void permit_count(struct client *client, const struct judged *judged);
/* The ruling for this client, referenced. */
struct ruling *permit_rule(struct client *client, struct judged *judged);
/* Keep what was found out while the message waits for a server; references are given. */
enum step permit_later(struct client *client, struct judged *judged, struct ruling *ruling);
/* Answer with the policy's refusal, and record it. */
void permit_refuse(
    struct client *client, uint8_t type, struct judged *judged, struct ruling *ruling);
/* Record and count the refusal; whoever calls tells it. */
void permit_note_refusal(struct client *client, struct judged *judged, struct ruling *ruling);
/* A rule that warns: its notice, in its turn. */
void permit_warn(struct client *client, const struct verdict *verdict);
/* This comes ahead of the answer to what it sends. */
void permit_with_warning(struct client *client, const struct wire_error *warning);
/* False: the client was told what its pool mode cannot do. */
bool permit_in_pool_mode(struct client *client, struct judged *judged, uint8_t type);
/* False: it would pin its client beyond protocol.pin_budget, and the client was told. */
bool permit_pin(struct client *client, struct judged *judged, uint8_t type);
/* False: it uses a name of ours, and the client was told that there is no such statement. */
bool permit_names(struct client *client, struct judged *judged, uint8_t type);

/* names.c */
/* Do statements have other names on servers than their clients give them? */
static inline bool
names_are_renamed(const struct client *client)
{
	return client->pool_mode != POOL_MODE_SESSION;
}
/* Has this one another name on the server? */
bool names_is_renamed(const struct client *client, const struct statement *statement);
/* The client's statement of this name, or NULL; "" is the unnamed one. */
struct statement *names_find(const struct client *client, const char *name);
/* Does it hang on the answer to an earlier batch what this name means? Then ask again. */
bool names_is_unsettled(struct client *client, const char *name);
/* Are statements of SQL's PREPARE renamed too, and not left to one server? */
bool names_are_kept(const struct client *client);
/* The renamed statement that a text DEALLOCATEs, or NULL. */
const char *names_deallocated(const struct client *client, const struct judged *judged);
/* Does the text use a name that hangs on an answer? Then ask again; NULL is fine. */
bool names_await(struct client *client, const struct judged *judged);
/*
 * May a transaction block have failed in an earlier batch that is not answered yet? What we
 * answer in the server's place hangs on that: ask again.
 */
bool names_await_failure(struct client *client);
/* False: it PREPAREs a name that is taken, or one too many, and the client was told. */
bool names_permit(struct client *client, struct judged *judged, const struct rewrite *rewrite,
    uint8_t type);
/* A text is sent that changes names. */
void names_change(struct client *client, const struct rewrite *rewrite);
/* The statement is gone, unless the request turns out to be skipped; or at once. */
void names_take_away(struct client *client, struct request *request, const char *name);
void names_forget(struct client *client, const char *name);
/* A DEALLOCATE of a renamed statement, answered by us: the server's stays. */
void names_deallocate(struct client *client, struct request *request, const char *name,
    struct judged *judged, struct ruling *ruling, size_t bytes);
/* A PREPARE is sent: what it makes may be bound by its name. */
void names_note_prepare(struct client *client, struct request *request, struct judged *judged);

/* rewritten.c */
/*
 * What goes to the server in this text's stead, referenced; NULL: the text itself. `alone`: of
 * a Parse message, which can have one statement only.
 */
struct rewrite *rewritten_text(
    const struct client *client, struct judged *judged, const char *text, bool alone);
/* As statement_new(), with what goes to the server for its text. */
struct statement *rewritten_statement(const struct client *client, struct judged *judged,
    const uint8_t *body, size_t length, bool named);
/* The client's statement of this name, which is to be used: what it has to be now. Borrowed. */
struct statement *rewritten_now(
    struct client *client, const char *name, struct statement *statement);

/* place.c */
/* Does a Query EXECUTE statements of which an answer decides whether the server has them? */
bool place_awaits(struct client *client, const struct judged *judged);
/* False: they can be prepared neither before the Query nor in it, and the client was told. */
bool place_permit(struct client *client, struct judged *judged);
/* Those that the server has not got go in front of the Query, in the same write. */
void place_ahead(struct client *client, const struct judged *judged);
/* In the middle of a batch: those that a text uses; those it makes must not be there. */
void place_used(struct client *client, const struct rewrite *rewrite);
void place_made(struct client *client, const struct rewrite *rewrite);
/* Behind a RESET ALL: what the client gave at log-in. */
void place_defaults(struct client *client);
/* Write a Parse for a statement under a name. */
void place_under(struct client *client, const char *name, const struct statement *statement);
/* Does the server have it, as far as this batch can rely on? */
bool place_has(struct link *link, const struct statement *statement);
/* Send its Parse, under the name that all clients share. */
struct request *place_parse(
    struct client *client, const struct statement *statement, enum request_answer answer);
/* Make it the server's unnamed statement; `judged` and `ruling` may be NULL. */
struct request *place_unnamed(struct client *client, struct statement *statement,
    enum request_answer answer, struct judged *judged, struct ruling *ruling);
/* Make sure that the server has it; its name there. */
const char *place_statement(struct client *client, struct statement *statement, bool unnamed);

#endif

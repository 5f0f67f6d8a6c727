/*
 * requests.h - what a server still owes, and to whom.
 *
 * Every byte from a server belongs to exactly one request of one client, or to
 * pgweir. The queue holds what was sent, in order; each message from the server is
 * matched against its head. What does not fit is a violation: the server is discarded.
 */
#ifndef SESSION_REQUESTS_H
#define SESSION_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pool/statements.h"

struct judged;
struct quota_hold;
struct request_limits;
struct rewrite;
struct ruling;
struct statement;

enum request_kind {
	REQUEST_QUERY,
	REQUEST_PARSE,
	REQUEST_BIND,
	REQUEST_DESCRIBE_STATEMENT,
	REQUEST_DESCRIBE_PORTAL,
	REQUEST_EXECUTE,
	REQUEST_CLOSE,
	REQUEST_FUNCTION,
	REQUEST_SYNC,
	REQUEST_NOTICE,	  /* ours, for the client; made up */
	REQUEST_COPY_END, /* CopyDone or CopyFail: brings no answer of its own */
};

/* Who hears the answer. */
enum request_answer {
	ANSWER_FORWARD, /* the client */
	ANSWER_SWALLOW, /* nobody: the request is ours */
	ANSWER_MADE_UP, /* the client, from us; the server was never asked */
	ANSWER_REFUSE,	/* the server will fail it; the client hears `reply` in its place */
};

struct request {
	uint8_t kind, answer;
	char made_up; /* the type of a made-up answer without a body: '1' or '3' */
	bool has_id;  /* `id` is of a Parse or Close under a name of ours */
	bool adds;    /* `statement` is there from now on; else: no more */
	uint8_t copies_in; /* COPYs that may still begin in it: copy_in.h */
	bool changes_unnamed; /* `unnamed` is what it was before */
	bool ahead : 1;       /* ours: in front of a client's message, see ahead.h */
	bool restores : 1;    /* ours: puts the client's settings on the server, see restore.c */
	bool settles : 1;     /* the last of those */
	bool edited : 1;      /* its RESETs give the server what the client's defaults are */
	bool names_later : 1; /* what its text does with names is noted as it is answered */
	bool replicates : 1;  /* a command of the replication protocol, and no SQL */

	struct statement_id id;
	/* The client's statement that it added (a Parse) or took away (a Close): requests_name(). */
	char *name;		     /* ours; NULL for every other request */
	struct statement *statement; /* referenced; also what a Bind or Describe is of */
	struct statement *unnamed;   /* referenced; NULL: there was none */
	struct judged *judged; /* referenced; of Query, Execute and Parse */
	struct ruling *ruling; /* referenced */
	struct rewrite *rewrite; /* referenced; NULL: the text goes as it is */
	struct request_limits *limits; /* ours; NULL without: guard.h */
	uint64_t stmt;	       /* number of the message */
	uint64_t batch;	       /* of its server, in which it was sent */
	uint64_t sent_us, queue_us, bytes_in;
	uint8_t *reply; /* ours; NULL without one */
	size_t reply_length;
};

/* A ring that grows. Zeroed is empty. */
struct requests {
	struct request *items;
	size_t first, count, size; /* size is a power of two */
	size_t named;		   /* requests that change names */
	struct quota_hold *holds;  /* ours: places in quotas, each for some of the requests */
};

/* Append; the returned request is zeroed but for kind and answer. */
struct request *requests_add(
    struct requests *requests, enum request_kind kind, enum request_answer answer);
/* The i-th from the head; NULL beyond the end. */
struct request *requests_at(const struct requests *requests, size_t i);
static inline struct request *
requests_head(const struct requests *requests)
{
	return requests_at(requests, 0);
}
/* Does it run something that has a record? */
static inline bool
request_is_statement(const struct request *request)
{
	return (request->kind == REQUEST_QUERY || request->kind == REQUEST_EXECUTE ||
		   request->kind == REQUEST_FUNCTION) &&
	    !request->restores && !request->ahead;
}
/* It adds this statement of the client, or takes it away; a reference is taken. */
void requests_name(struct requests *requests, struct request *request, const char *name,
    struct statement *statement, bool adds);
/* Its text has several statements that do something with names of the server's. */
void requests_name_later(struct requests *requests, struct request *request);
/* It is rewritten like this; a reference is taken. */
void requests_rewrite(
    struct requests *requests, struct request *request, struct rewrite *rewrite);
/* Is there one of another batch with this name, of which nobody knows yet how it ends? */
bool requests_await_name(const struct requests *requests, const char *name, uint64_t batch);
/* Is there one behind the head that did something with this name when it was sent? */
bool requests_name_behind(const struct requests *requests, const char *name);
/* Drop the head; what it refers to is released. */
void requests_pop(struct requests *requests);
/* Remove the i-th (only for one that brings no answer by now). */
void requests_remove(struct requests *requests, size_t i);
/* Drop all, keep the memory. */
void requests_clear(struct requests *requests);
void requests_free(struct requests *requests);

/* What a message from the server means for the head of the queue. */
enum request_match {
	MATCH_VIOLATION, /* it does not belong here */
	MATCH_PART,	 /* of the head's answer; more follows */
	MATCH_LAST,	 /* ends the head's answer */
};
/* Pure: asks the table only. 'E' and the messages that may come at any time are not asked here. */
enum request_match request_match(const struct request *head, uint8_t type);

#endif

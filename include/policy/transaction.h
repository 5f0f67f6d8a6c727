/*
 * transaction.h - what an open transaction has done so far, as far as rules ask.
 *
 * A relation that was made in the same transaction is new: nobody waits for its
 * locks. So whoever judges statement by statement keeps one of these for each
 * transaction in which there was any DDL, and gives it to policies_judge_in().
 * Bounded: what does not fit is forgotten, which can make a verdict stricter only.
 */
#ifndef POLICY_TRANSACTION_H
#define POLICY_TRANSACTION_H

#include <stdbool.h>

#include "sql/facts.h"

struct policy_transaction;

/* An empty one, outside of a transaction; free with policy_transaction_free(). */
struct policy_transaction *policy_transaction_new(void);
void policy_transaction_free(struct policy_transaction *transaction); /* NULL is fine */
/* Is there anything in the statement that would have to be noted? */
bool policy_transaction_cares(const struct sql_statement *statement);
/* The statement is done, or will be before the next one is. Names are copied. */
void policy_transaction_note(
    struct policy_transaction *transaction, const struct sql_statement *statement);
/* The names of the relations that were noted, each as often as there was reason to. */
void policy_transaction_relations(const struct policy_transaction *transaction,
    void (*tell)(void *arg, const char *name), void *arg);
/* Was there no more room for some? */
bool policy_transaction_is_full(const struct policy_transaction *transaction);
/* It is over: by COMMIT, by ROLLBACK, or because the server says so. */
void policy_transaction_end(struct policy_transaction *transaction);
/* Is a BEGIN without its COMMIT among what was noted? */
bool policy_transaction_is_open(const struct policy_transaction *transaction);
/* The transaction is open, whatever was noted. */
void policy_transaction_open(struct policy_transaction *transaction);

/* The tables that a whole file gives a comment, wherever in it; see comments.c. */
struct policy_comments;

struct policy_comments *policy_comments_new(void);
void policy_comments_free(struct policy_comments *comments); /* NULL is fine */
void policy_comments_note(
    struct policy_comments *comments, const struct sql_statement *statement);
/* A bare name is that of any schema. NULL has none. */
bool policy_comments_have(
    const struct policy_comments *comments, const char *schema, const char *name);

#endif

/*
 * link.h - a client and the server it was lent, coupled.
 *
 * The client's messages go to the server through inbound.c, the server's come
 * back through relay.c. When the client dies, the link stays behind without it until
 * the server is clean, and then gives it back.
 */
#ifndef SESSION_LINK_H
#define SESSION_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uthash.h>

#include "policy/policy.h"
#include "pool/server.h"
#include "requests.h"

struct client;
struct clients;
struct guard;
struct judged;
struct ration;
struct sql_statement;
struct statement;
struct wire_report;

/* The client's settings on the server. */
enum link_restore {
	RESTORE_NONE,	  /* nothing to do */
	RESTORE_DUE,	  /* to be put there with the client's next message */
	RESTORE_AHEAD,	  /* sent in front of that, and not confirmed yet */
	RESTORE_SENT,	  /* being put there by themselves, at log-in */
	RESTORE_ANSWERED, /* just now */
	RESTORE_LACKING,  /* there, but for what that message sets or resets itself */
};

/* Has the server answered anything in this loan? */
enum link_hearing {
	LINK_KEEPING, /* no, and all that the client sent is kept: see repeat.c */
	LINK_SILENT,  /* no */
	LINK_HEARING, /* these are the first bytes, and all that the client sent is kept */
	LINK_HEARD,
};

/* What a portal runs, until the transaction ends. */
struct portal {
	UT_hash_handle hh;     /* by name; not of the unnamed one */
	char *name;	       /* ours; NULL for the unnamed one */
	struct statement *statement; /* referenced; NULL when not known */
	struct judged *judged; /* referenced; NULL when not known */
	struct ruling *ruling; /* referenced */
	struct ration *ration; /* referenced: rows it has given; NULL without such a limit */
	uint64_t batch;	       /* in which it was bound */
	bool spent;	       /* the rest of its rows was read to know how many there are: guard.c */
};

/*
 * Created when a server is lent, by link_open(). Owned by the client while it
 * has one, else by itself. Ends in link_release() or with its server.
 */
struct link {
	TAILQ_ENTRY(link) in_links; /* of the worker: limits are looked after */
	struct clients *clients;    /* borrowed */
	struct client *client;	    /* borrowed; NULL: gone, the server is being cleaned */
	struct server *server;	    /* lent */
	struct requests requests;
	struct buf in;		   /* a message from the server that has not wholly come */
	const uint8_t *run;	   /* inside relay_data(): what goes on and is not sent yet */
	size_t run_length;
	bool run_partial;	   /* it begins inside a message */
	size_t passing;		   /* bytes of one that goes on as it comes */
	bool passing_forward;	   /* to the client, or to nobody */
	bool told;		   /* the client, something of an answer in this loan, … */
	unsigned made_up;	   /* … but for so many answers of ours to its first messages */
	bool failed;		   /* an error since the last ReadyForQuery */
	bool unsynced;		   /* extended messages sent, their Sync not yet answered */
	bool copy_in;		   /* the server reads CopyData */
	bool may_copy;		   /* something was sent by which it may: copy_in.h */
	uint8_t breaker;	   /* the message by which the client broke into that; else 0 */
	char copying;		   /* a walsender sends a copy: 'W' both ways, 'H' a backup; else 0 */
	bool unsettled;		   /* the client's next message waits for an answer */
	bool discarding;	   /* a DISCARD ALL is under way: what is prepared is not known */
	size_t ahead;		   /* so many requests in front of a message are unanswered: ahead.h, … */
	bool ahead_failed;	   /* … or one of them failed, and its ReadyForQuery is awaited … */
	uint64_t ahead_batch;	   /* … of this batch */
	enum link_restore restore;
	uint64_t restore_batch;	   /* while AHEAD or LACKING: to which they belong */
	struct settings restoring; /* what the server has when they are confirmed */
	size_t restored;	   /* so many statements of that were */
	bool asking;		   /* the probe is under way: the client waits, … */
	uint64_t asked_us;	   /* … since then */
	uint64_t begun_batch; /* the last one in which a transaction block may have begun */
	bool misreads;	 /* a text was sent that may change what texts are parsed by, and could be undone */
	bool set;	 /* settings were kept in this loan: what its server reports is still to be taken */
	bool inspected;	 /* its server is asked behind it whether it has what nobody knows of, … */
	struct judged *ran; /* … and so this is kept: the text that ran last; referenced, or NULL */
	uint8_t sequences; /* bits of sequences.h: what was done in this loan */
	bool renames;	 /* its server may have other statements than are known: closed behind the loan */
	bool unseen;		   /* something was set that the server cannot be asked about */
	bool pin_counted, pin_over; /* in the pool's budget of pins, and beyond it */
	struct judged *pinned_by;  /* referenced: the text that pinned its client; or NULL */
	uint64_t pinned_us;	   /* since when */
	struct buf *notices;	   /* ours: of reasons that the client was not told yet; or NULL */
	unsigned pins_due;	   /* and those reasons, as enum sql_residue */
	struct probe *probe;	   /* ours; NULL: there is nothing to ask the server */
	enum link_hearing hearing;
	unsigned writes;	   /* while KEEPING: how often something was sent, … */
	size_t sent_bytes;	   /* … how much, … */
	struct buf kept;	   /* … and the client's bytes that asked for it */
	struct buf farewell;	   /* what came of a server that says it goes, while KEEPING */
	bool paused_for_client;	   /* its client is slow to read */
	bool fatal;		   /* the server said FATAL: it will close */
	bool begun;		   /* of a client that listens: see listens_begin() */
	bool shown;		   /* the client's channels were put on the server */
	bool notified;		   /* its transaction did NOTIFY, … */
	uint64_t fencing;	   /* … and its server stays until the hub has heard; 0: not so */
	struct statement *unnamed; /* referenced: what the server's unnamed statement is */
	uint64_t unnamed_batch;	   /* in which the client's was last changed */
	struct portal unnamed_portal;
	bool portal_lost;	   /* that one: a Query took its place, or an error its life */
	struct portal *portals;	   /* those with a name */
	uint64_t began_us;	   /* of the loan */
	uint64_t excused_us;	   /* of the time in line before it: the pool was paused */
	uint64_t request_us;	   /* when the oldest unanswered message was sent */
	uint64_t transaction_us;   /* when the open transaction began; 0: none */
	uint64_t head_us;	   /* when the server began with the head of the queue */
	uint64_t idle_us;	   /* since when nothing is asked in a transaction; 0: not so */
	uint64_t deadline_us;	   /* of the cleaning when the client is gone */
	uint64_t rows, bytes_out;  /* of the statement at the head */
	size_t sub;		   /* which statement of the Query at the head */
	size_t ours_due;	   /* statements of ours behind it, still to be answered */
	bool stopped;		   /* a cancel was sent for `limit` */
	bool canceling;		   /* and is under way: the client's next message waits */
	enum policy_limit_kind limit;
	uint64_t limit_us;	   /* when a cancel was last sent for it */
	uint64_t stopped_us;	   /* and when the first one was */
	uint64_t canceling_us;	   /* since when one is under way */
	struct policy_limit limit_rule; /* its value and where it came from … */
	struct policies *limit_policies; /* … and whose words these are; referenced, or NULL */
	uint64_t stray_batch;	   /* up to this a cancel that came late may hit what was sent; 0: none */
	struct guard *guard;	   /* ours; NULL before the first statement under its limits */
	uint64_t executed_batch;   /* in which an Execute was last sent */
	char last_state[6];	   /* of the last error from the server */
	char *last_message;	   /* ours; of a FATAL or a failed restore */
	unsigned overdue;	   /* limits of its transaction in mode warn that it is above: trial.c */
	bool path_doubted; /* something was sent that may lead bare names elsewhere: path.h, … */
	bool path_lost;	   /* … and nobody will ask the server where to */
	const char *broken_rule;   /* the rule for which we discard the server; or NULL */
};

/* Of a server that is lent to a client; NULL when it is lent to nobody, or to plan.c. */
struct link *link_of(const struct server *server);
/* Couple; the client is RESTORING or ACTIVE afterwards. */
void link_open(struct client *client, struct server *server);
/* Something is sent to the server: what it will answer. */
struct request *link_expect(
    struct link *link, enum request_kind kind, enum request_answer answer);
/*
 * With this request the client's unnamed statement becomes this one (a reference is taken),
 * or none; should it be skipped, it is what it was.
 */
void link_change_unnamed(
    struct link *link, struct request *request, struct statement *statement);
/* Its server is the client's, whose notifications are told with the client's pid. */
void link_note_owner(struct link *link);
/* Give the server back if nothing holds it; true if so (the link is gone). */
bool link_release(struct link *link);
/* Free the link alone; whoever calls sees to the server. */
void link_free(struct link *link);
/* Free it and close its server. */
void link_discard(struct link *link, const char *why);
/*
 * The client sends nothing more: see to it that what the server has comes to an end. True
 * while an answer is awaited.
 */
bool link_finish(struct link *link);
/* The client is gone: clean the server and give it back. */
void link_abandon(struct link *link);
/* The server broke the protocol: discard it; the client is told. */
void link_violated(struct link *link, const char *what);
/* restore.c: must what was refused before be answered first? */
bool restore_awaits(struct link *link);
/*
 * restore.c: has the server the settings of the client? If not, they are put in front of what
 * is sent next, which is to follow at once. What that message (`judged`; NULL: it has no text)
 * sets or resets itself is left out where it could not be put there; false: more of its batch
 * has to come before that is told.
 */
bool restore_in_step(struct client *client, const struct judged *judged);
/* restore.c: put `restoring` there by itself; the client is RESTORING. */
void restore_apart(struct link *link);
/* restore.c: that was answered. */
void restore_answered(struct link *link);
/* restore.c: a statement of what went ahead of the client's message was confirmed. */
void restore_advanced(struct link *link, const struct request *request);
/* restore.c: one was refused: tell the client; and then: they are not there. */
void restore_tell(struct link *link, const struct wire_report *report);
void restore_failed(struct link *link);
/* Must the client's next message wait: might it be skipped, or run under other settings? */
static inline bool
link_awaits_ahead(const struct link *link)
{
	if ((link->ahead > 0 || link->ahead_failed) && link->server->batch != link->ahead_batch)
		return true;
	return link->restore == RESTORE_LACKING && link->server->batch != link->restore_batch &&
	    link->requests.count > 0;
}
/* A ReadyForQuery came on a link without a client. */
void link_clean_on(struct link *link);
/* Remember what a portal runs; references are taken. */
void link_set_portal(
    struct link *link, const char *name, struct statement *statement, struct ruling *ruling);
/* NULL: no such portal is known. The unnamed one always is, if only as empty. */
struct portal *link_portal(struct link *link, const char *name);
/* A transaction ended with this batch, and with it the portals bound until then. */
void link_forget_portals(struct link *link, uint64_t batch);

/* relay.c: bytes from the server. */
void relay_data(struct server *server, const uint8_t *bytes, size_t length);
/* relay.c: the same without what follows from it; false: the link is no more. */
bool relay_take(struct link *link, const uint8_t *bytes, size_t length);
/* relay.c: the client's output, behind all that the server said so far. */
struct buf *relay_emit(struct link *link);
/* relay.c: tell the client made-up answers whose turn it is. */
void relay_settle(struct link *link);
/* What becomes of a message from the server. */
enum fate { FATE_FORWARD, FATE_SWALLOW, FATE_GONE }; /* GONE: the link is no more */
/* answer.c: this message came, whole if it is one that is looked into. */
enum fate answer_take(struct link *link, uint8_t type, const uint8_t *body, size_t length);
/* reported.c: the server reports a parameter. */
enum fate reported_take(struct link *link, const uint8_t *body, size_t length);
/* residue.c: a statement was answered; `tag` is NULL when it was not by CommandComplete. */
void residue_of(struct link *link, const struct request *head,
    const struct sql_statement *statement, const char *tag);
/* residue.c: a Parse or Close of a statement that is there under its client's own name was. */
void residue_of_name(struct link *link, const struct request *head);
/* residue.c: a text of which nothing is known was answered. */
void residue_of_unknown(struct link *link, struct judged *judged);
/* residue.c: a statement failed; some of what it left is there all the same. */
void residue_of_failed(struct link *link, const struct request *head);
/* skipped.c: take back what was expected of a request that failed; of the first so many. */
void skipped_undo(struct link *link, struct request *request);
void skipped_undo_all(struct link *link, size_t count);
/* repeat.c: these bytes of the client were handled; what they gave is still to be flushed. */
void repeat_keep(struct link *link, const uint8_t *bytes, size_t length);
/*
 * repeat.c: the first bytes of the loan came. False: they end with the words of a server that
 * goes, and are held until it is known what follows.
 */
bool repeat_hear(struct link *link, const uint8_t *bytes, size_t length);
/* repeat.c: what was held is the client's. False: the link is no more. */
bool repeat_tell(struct link *link);
/*
 * repeat.c: the client's first message failed because its statement gives other rows now than
 * when it was prepared. True: nothing was done and nothing told, the client's input is what it
 * was, and the statement will be prepared anew.
 */
bool repeat_stale(struct link *link, const struct wire_report *report);
/* repeat.c: the server is gone; true: what was asked of it is the client's input again. */
bool repeat_begin(struct link *link, const char *why);
/* lost.c: the server is gone in the middle of a loan. */
void link_lost(struct server *server, const char *why);
/* Is this among what was sent and not answered? A COMMIT: nobody knows. */
bool link_has_unanswered(const struct link *link, enum sql_transaction verb);

#endif

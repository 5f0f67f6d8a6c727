/*
 * hold.h - what a client may not hear before its record is kept.
 *
 * With audit.on_failure: refuse or audit.sync: each, and whatever they say where an exception
 * with break_glass let it pass, an answer waits for the record of its statement: from the moment when it is recorded, all that the client would be sent is held
 * here. When the record is kept it goes out; when that fails the client hears 58030 in its place.
 */
#ifndef SESSION_HOLD_H
#define SESSION_HOLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "net/stream.h"
#include "session/client.h"

struct link;
struct judged;
struct ruling;

/* Owned by its client; there is one only while something waits. */
struct hold {
	TAILQ_ENTRY(hold) in_holds; /* of the worker */
	struct client *client;	    /* borrowed */
	uint64_t position;	    /* of the newest record that is waited for */
	bool needed; /* one of them is of what break_glass let pass */
	bool failed; /* what is held is not to be sent: an error, when ReadyForQuery comes */
	struct buf out; /* whole messages, the last of them perhaps in part */
};
TAILQ_HEAD(hold_list, hold);

/* Where the client's answers are built. */
static inline struct buf *
client_out(struct client *client)
{
	return client->hold == NULL ? stream_out(client->stream) : &client->hold->out;
}
/* Send what was built, and these bytes; or hold them. */
static inline void
client_send(struct client *client, const void *bytes, size_t length)
{
	if (client->hold == NULL)
		stream_send(client->stream, bytes, length);
	else
		buf_put(&client->hold->out, bytes, length);
}
/* Bytes that wait for the client to read, or for a record. */
size_t hold_pending(const struct client *client);

/*
 * A statement was recorded (`needed`: by a break_glass): hold its answer, whose first byte is the next that is built. With a
 * link, also what the server said before it and is not sent yet, if that begins with a message.
 */
void hold_answer(struct client *client, struct link *link, uint64_t position, bool needed);
/* Look what has become of it; the client may be closing afterwards. */
void hold_check(struct client *client);
/* The client goes: what is held is not for it. */
void hold_drop(struct client *client);
/* Everything that is held: at each tick, and when the writer says that something was kept. */
void hold_check_all(struct clients *clients);

/*
 * May the client's message of this type run this text (NULL: not known)? False: the client was
 * told that its record cannot be kept.
 */
bool hold_permits(struct client *client, uint8_t type, const struct judged *judged,
    const struct ruling *ruling);
/*
 * Has what needs a record before it is sent got one? False: not yet, ask again when
 * client_resume() is called.
 */
bool hold_intends(struct client *client, struct judged *judged, struct ruling *ruling);

#endif

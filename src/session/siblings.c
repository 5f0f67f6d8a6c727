/*
 * siblings.c - see siblings.h.
 *
 * Two letters: a CancelRequest with the number of who sends it, and the answer to it once
 * it is done, so that the client which asked is let go no sooner than by PostgreSQL. A
 * request that came by letter is never sent on, so none can run in a circle.
 */
#include <stdatomic.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "cancel_errand.h"
#include "net/letterbox.h"
#include "sibling_folder.h"
#include "session/siblings.h"

/* The fields of a letter; numbers in this machine's own order. */
enum letter_kind { LETTER_CANCEL = 1, LETTER_DONE = 2 };
enum { LETTER_VERSION = 1, PENDING_MOST = 1024 };

struct letter {
	uint8_t version, kind;
	uint8_t from;	    /* number of who sends it */
	uint8_t found;	    /* of LETTER_DONE */
	uint32_t pid;	    /* of LETTER_CANCEL, like the next two */
	uint32_t key_length;
	uint8_t key[CANCEL_KEY_LONG];
	uint32_t unused;
	uint64_t id; /* of the request, chosen by who asks */
};

/* A CancelRequest of ours that a sibling has not answered. */
struct pending {
	LIST_ENTRY(pending) in_list;
	struct cancel_errand *errand; /* borrowed: it is to be sent home */
	uint64_t id, until_us;
	unsigned to;
};

/* A sibling's CancelRequest under way here. */
struct guest {
	struct cancel_errand errand; /* first member */
	LIST_ENTRY(guest) in_list;
	uint64_t id;
	unsigned from;
};

/* Owned by daemon; on its main thread, but for what is atomic or never changes. */
struct siblings {
	char *folder;
	unsigned number;
	int lock, fd; /* fd: of the letterbox, until it is opened */
	struct cancel_secret *secret;
	struct clients_shared *shared;
	struct loop *loop;
	struct mailbox *mailbox;
	struct letterbox *letterbox;
	LIST_HEAD(, pending) pending;
	LIST_HEAD(, guest) guests;
	unsigned pending_count;
	uint64_t next_id;
	_Atomic unsigned asked[CANCEL_PROCESSES];
};

struct siblings *
siblings_open(const char *folder, struct cancel_secret *secret, struct error *err)
{
	struct siblings *siblings;
	char path[SIBLING_PATH_SIZE];
	unsigned number;
	int lock, fd = -1;

	if (!sibling_folder_check(folder, err))
		return NULL;
	number = sibling_folder_claim(folder, &lock, err);
	if (number == 0)
		return NULL;
	if (!sibling_folder_letterbox(folder, number, path))
		error_set(err, ERROR_IO, "siblings.folder %s: the path is too long", folder);
	else if (sibling_folder_secret(folder, secret, err))
		fd = letterbox_bind(path, err);
	if (fd < 0) {
		close(lock);
		return NULL;
	}
	siblings = mem_zalloc(1, sizeof(*siblings));
	siblings->folder = mem_strdup(folder);
	siblings->number = number;
	siblings->lock = lock;
	siblings->fd = fd;
	siblings->secret = secret;
	return siblings;
}

unsigned
siblings_number(const struct siblings *siblings)
{
	return siblings->number;
}

bool
siblings_reload(struct siblings *siblings, struct error *err)
{
	return siblings == NULL ||
	    sibling_folder_secret(siblings->folder, siblings->secret, err);
}

static bool
send_letter(struct siblings *siblings, unsigned to, const struct letter *letter)
{
	char path[SIBLING_PATH_SIZE];

	return sibling_folder_letterbox(siblings->folder, to, path) &&
	    letterbox_send(siblings->letterbox, path, (const uint8_t *)letter, sizeof(*letter));
}

/* --- requests of ours -------------------------------------------------------------- */

static void
settle(struct siblings *siblings, struct pending *pending, bool found)
{
	cancel_errand_return(pending->errand, found);
	atomic_fetch_sub(&siblings->asked[pending->to], 1);
	siblings->pending_count--;
	LIST_REMOVE(pending, in_list);
	mem_free(pending);
}

static void
wait_for_answer(struct siblings *siblings, struct cancel_errand *errand, uint64_t id)
{
	struct pending *pending = mem_zalloc(1, sizeof(*pending));

	*pending = (struct pending){ .errand = errand,
		.id = id,
		.to = errand->target.process,
		.until_us = loop_now_us(siblings->loop) + (uint64_t)errand->patience_ms * 1000 };
	LIST_INSERT_HEAD(&siblings->pending, pending, in_list);
	siblings->pending_count++;
	atomic_fetch_add(&siblings->asked[pending->to], 1);
}

/* On the siblings' thread. Who is gone has no clients, so the key is nobody's. */
static void
on_errand(struct message *message, void *receiver)
{
	struct siblings *siblings = receiver;
	struct cancel_errand *errand = (struct cancel_errand *)message;
	struct letter letter = { .version = LETTER_VERSION,
		.kind = LETTER_CANCEL,
		.from = (uint8_t)siblings->number,
		.pid = errand->pid,
		.key_length = (uint32_t)errand->key_length,
		.id = ++siblings->next_id };

	memcpy(letter.key, errand->key, errand->key_length);
	if (siblings->pending_count < PENDING_MOST &&
	    send_letter(siblings, errand->target.process, &letter))
		wait_for_answer(siblings, errand, letter.id);
	else
		cancel_errand_return(errand, false);
}

void
siblings_forward(struct siblings *siblings, struct cancel_errand *errand)
{
	errand->message.deliver = on_errand;
	mailbox_post(siblings->mailbox, &errand->message);
}

/* A sibling that does not answer in time: whether the key was good is not known. */
static void
on_tick(void *arg)
{
	struct siblings *siblings = arg;
	uint64_t now_us = loop_now_us(siblings->loop);
	struct pending *pending, *next;

	for (pending = LIST_FIRST(&siblings->pending); pending != NULL; pending = next) {
		next = LIST_NEXT(pending, in_list);
		if (now_us >= pending->until_us)
			settle(siblings, pending, true);
	}
}

static void
take_answer(struct siblings *siblings, const struct letter *letter)
{
	struct pending *pending;

	LIST_FOREACH(pending, &siblings->pending, in_list)
		if (pending->id == letter->id && pending->to == letter->from) {
			settle(siblings, pending, letter->found != 0);
			return;
		}
}

/* --- requests of siblings ----------------------------------------------------------- */

static void
answer(struct siblings *siblings, unsigned to, uint64_t id, bool found)
{
	const struct letter letter = { .version = LETTER_VERSION,
		.kind = LETTER_DONE,
		.from = (uint8_t)siblings->number,
		.found = found,
		.id = id };

	send_letter(siblings, to, &letter); /* if it is gone nobody waits */
}

static void
on_guest_back(struct message *message, void *receiver)
{
	struct guest *guest = (struct guest *)message; /* its first member's first */

	answer(receiver, guest->from, guest->id, guest->errand.found);
	LIST_REMOVE(guest, in_list);
	mem_free(guest);
}

static void
take_request(struct siblings *siblings, const struct letter *letter)
{
	struct cancel_target target;
	struct guest *guest;

	if (letter->key_length > CANCEL_KEY_LONG ||
	    !cancel_key_read(
		siblings->secret, letter->pid, letter->key, letter->key_length, &target) ||
	    target.process != siblings->number) {
		answer(siblings, letter->from, letter->id, false);
		return;
	}
	guest = mem_zalloc(1, sizeof(*guest));
	*guest = (struct guest){ .errand = { .home = siblings->mailbox,
				     .returned = on_guest_back,
				     .target = target,
				     .pid = letter->pid,
				     .key_length = letter->key_length },
		.id = letter->id,
		.from = letter->from };
	memcpy(guest->errand.key, letter->key, letter->key_length);
	LIST_INSERT_HEAD(&siblings->guests, guest, in_list);
	cancel_errand_send(siblings->shared, &guest->errand);
}

static void
on_letter(const uint8_t *bytes, size_t length, void *arg)
{
	struct siblings *siblings = arg;
	struct letter letter;

	if (length != sizeof(letter) || bytes[0] != LETTER_VERSION)
		return; /* of another version of pgweir: its request is closed after a time */
	memcpy(&letter, bytes, sizeof(letter));
	if (letter.from == 0 || letter.from >= CANCEL_PROCESSES)
		return;
	if (letter.kind == LETTER_CANCEL)
		take_request(siblings, &letter);
	else if (letter.kind == LETTER_DONE)
		take_answer(siblings, &letter);
}

/* --- life ------------------------------------------------------------------------------ */

void
siblings_start(struct siblings *siblings, struct loop *loop, struct clients_shared *shared)
{
	siblings->loop = loop;
	siblings->shared = shared;
	siblings->mailbox = mailbox_new(loop, siblings);
	siblings->letterbox = letterbox_new(loop, siblings->fd, on_letter, siblings);
	siblings->fd = -1;
	loop_add_tick(loop, on_tick, siblings);
	log_info("one of the siblings that meet in %s, number %u", siblings->folder,
	    siblings->number);
}

void
siblings_free(struct siblings *siblings)
{
	char path[SIBLING_PATH_SIZE];

	if (siblings == NULL)
		return;
	if (sibling_folder_letterbox(siblings->folder, siblings->number, path))
		unlink(path); /* while the number is ours */
	if (siblings->letterbox != NULL)
		letterbox_free(siblings->letterbox);
	if (siblings->fd >= 0)
		close(siblings->fd);
	if (siblings->mailbox != NULL)
		mailbox_free(siblings->mailbox);
	while (!LIST_EMPTY(&siblings->pending)) {
		struct pending *pending = LIST_FIRST(&siblings->pending);

		LIST_REMOVE(pending, in_list);
		mem_free(pending);
	}
	while (!LIST_EMPTY(&siblings->guests)) {
		struct guest *guest = LIST_FIRST(&siblings->guests);

		LIST_REMOVE(guest, in_list);
		mem_free(guest);
	}
	close(siblings->lock);
	mem_free(siblings->folder);
	mem_free(siblings);
}

void
siblings_each(struct siblings *siblings,
    void (*each)(void *arg, const struct sibling *sibling), void *arg)
{
	char path[SIBLING_PATH_SIZE];

	for (unsigned number = 1; number < CANCEL_PROCESSES; number++) {
		const struct sibling sibling = { .number = number,
			.folder = siblings->folder,
			.asked = atomic_load(&siblings->asked[number]) };

		if (number != siblings->number &&
		    sibling_folder_letterbox(siblings->folder, number, path) &&
		    letterbox_is_open(path))
			each(arg, &sibling);
	}
}

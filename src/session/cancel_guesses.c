/* cancel_guesses.c - see cancel_guesses.h. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "base/log.h"
#include "base/mem.h"
#include "cancel_guesses.h"

/* Owned by its table; forgotten once its time is over. */
struct guesser {
	UT_hash_handle hh;
	char name[GUESSER_SIZE];
	uint64_t since_us; /* of its first wrong key */
	unsigned wrong;
};

struct guesses {
	pthread_mutex_t mutex;
	struct guesser *guessers;
};

struct guesses *
guesses_new(void)
{
	struct guesses *guesses = mem_zalloc(1, sizeof(*guesses));

	pthread_mutex_init(&guesses->mutex, NULL);
	return guesses;
}

static void
forget(struct guesses *guesses, struct guesser *guesser)
{
	HASH_DEL(guesses->guessers, guesser);
	mem_free(guesser);
}

static bool
is_over(const struct guesser *guesser, uint64_t now_us)
{
	return now_us >= guesser->since_us + (uint64_t)GUESSES_WITHIN_S * 1000000;
}

/* Those whose time is over; and if that makes no room, all. */
static void
make_room(struct guesses *guesses, uint64_t now_us)
{
	struct guesser *guesser, *next;

	HASH_ITER(hh, guesses->guessers, guesser, next)
		if (is_over(guesser, now_us))
			forget(guesses, guesser);
	if (HASH_COUNT(guesses->guessers) < GUESSERS_MOST)
		return;
	HASH_ITER(hh, guesses->guessers, guesser, next)
		forget(guesses, guesser);
}

void
guesses_free(struct guesses *guesses)
{
	struct guesser *guesser, *next;

	HASH_ITER(hh, guesses->guessers, guesser, next)
		forget(guesses, guesser);
	pthread_mutex_destroy(&guesses->mutex);
	mem_free(guesses);
}

/* NULL: nothing is held against it. */
static struct guesser *
find(struct guesses *guesses, const char *name, uint64_t now_us)
{
	struct guesser *guesser;

	HASH_FIND_STR(guesses->guessers, name, guesser);
	if (guesser == NULL || !is_over(guesser, now_us))
		return guesser;
	forget(guesses, guesser);
	return NULL;
}

bool
guesses_permit(struct guesses *guesses, const char *name, uint64_t now_us)
{
	struct guesser *guesser;
	bool permitted;

	pthread_mutex_lock(&guesses->mutex);
	guesser = find(guesses, name, now_us);
	permitted = guesser == NULL || guesser->wrong < GUESSES_MOST;
	pthread_mutex_unlock(&guesses->mutex);
	return permitted;
}

void
guesses_note(struct guesses *guesses, const char *name, uint64_t now_us)
{
	struct guesser *guesser;
	bool told;

	pthread_mutex_lock(&guesses->mutex);
	guesser = find(guesses, name, now_us);
	if (guesser == NULL) {
		if (HASH_COUNT(guesses->guessers) >= GUESSERS_MOST)
			make_room(guesses, now_us);
		guesser = mem_zalloc(1, sizeof(*guesser));
		snprintf(guesser->name, sizeof(guesser->name), "%s", name);
		guesser->since_us = now_us;
		HASH_ADD_STR(guesses->guessers, name, guesser);
	}
	told = ++guesser->wrong == GUESSES_MOST;
	pthread_mutex_unlock(&guesses->mutex);
	if (told)
		log_warning("cancel requests from %s are not looked at for %d s: %d had a key "
			    "that is nobody's", name, GUESSES_WITHIN_S, GUESSES_MOST);
}

/* test_mailbox.c - behaviour of net/mailbox; also run under ThreadSanitizer. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "net/mailbox.h"
#include "turns.h"

enum { SENDERS = 8, LETTERS = 2000 };

/* One message and what a race would spoil. */
struct letter {
	struct message message; /* first */
	int sender, number;
};

/* Belongs to the loop's thread. */
struct reader {
	struct loop *loop;
	struct mailbox *mailbox;
	int expected[SENDERS]; /* the next number of each */
	int wrong, left;
};

static void
read_letter(struct message *message, void *receiver)
{
	struct letter *letter = (struct letter *)message;
	struct reader *reader = receiver;

	reader->wrong += letter->number != reader->expected[letter->sender]++;
	mem_free(letter);
	if (--reader->left == 0)
		loop_stop(reader->loop);
}

static void
post_letter(struct mailbox *mailbox, int sender, int number)
{
	struct letter *letter = mem_zalloc(1, sizeof(*letter));

	*letter = (struct letter){
		.message.deliver = read_letter, .sender = sender, .number = number
	};
	mailbox_post(mailbox, &letter->message);
}

static void
reader_open(struct reader *reader, int letters)
{
	*reader = (struct reader){ .loop = loop_of_this_run(), .left = letters };
	reader->mailbox = mailbox_new(reader->loop, reader);
}

static void
reader_close(struct reader *reader)
{
	mailbox_free(reader->mailbox);
	loop_free(reader->loop);
}

struct sender {
	pthread_t thread;
	struct mailbox *mailbox;
	int number;
};

static void *
send_all(void *arg)
{
	const struct sender *sender = arg;

	for (int i = 0; i < LETTERS; i++)
		post_letter(sender->mailbox, sender->number, i);
	return NULL;
}

static void
each_senders_messages_arrive_once_and_in_order(void **state)
{
	struct sender senders[SENDERS];
	struct reader reader;

	reader_open(&reader, SENDERS * LETTERS);
	for (int i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){ .mailbox = reader.mailbox, .number = i };
		assert_int_equal(
		    pthread_create(&senders[i].thread, NULL, send_all, &senders[i]), 0);
	}
	loop_run(reader.loop);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(senders[i].thread, NULL);

	assert_int_equal(reader.left, 0);
	assert_int_equal(reader.wrong, 0);
	reader_close(&reader);
	(void)state;
}

static void
what_was_posted_before_the_loop_ran_is_delivered(void **state)
{
	struct reader reader;

	reader_open(&reader, 3);
	for (int i = 0; i < 3; i++)
		post_letter(reader.mailbox, 0, i);
	loop_run(reader.loop);
	assert_int_equal(reader.expected[0], 3);
	assert_int_equal(reader.wrong, 0);
	reader_close(&reader);
	(void)state;
}

/* A message that is posted again by whoever receives it, so often. */
struct echo {
	struct message message; /* first */
	struct mailbox *mailbox;
	int left;
};

static void
post_again(struct message *message, void *receiver)
{
	struct echo *echo = (struct echo *)message;

	if (--echo->left > 0)
		mailbox_post(echo->mailbox, message);
	else
		loop_stop(receiver);
}

static void
a_message_may_be_posted_again_while_it_is_delivered(void **state)
{
	struct loop *loop = loop_of_this_run();
	struct echo echo = { .message.deliver = post_again,
		.mailbox = mailbox_new(loop, loop),
		.left = 1000 };

	mailbox_post(echo.mailbox, &echo.message);
	loop_run(loop);
	assert_int_equal(echo.left, 0);
	mailbox_free(echo.mailbox);
	loop_free(loop);
	(void)state;
}

/* Two loops on two threads, one message to and fro. */
struct player {
	pthread_t thread;
	struct loop *loop;
	struct mailbox *mailbox;
	struct player *other;
};

struct ball {
	struct message message; /* first */
	int left;
};

static void
play(struct message *message, void *receiver)
{
	struct ball *ball = (struct ball *)message;
	struct player *player = receiver;

	/* The last two shots end one game each. */
	if (ball->left <= 1)
		loop_stop(player->loop);
	if (ball->left-- > 0)
		mailbox_post(player->other->mailbox, message);
}

static void *
run_player(void *arg)
{
	loop_run(((struct player *)arg)->loop);
	return NULL;
}

static void
whoever_posts_gives_away_and_the_receiver_may_write(void **state)
{
	struct player players[2];
	struct ball ball = { .message.deliver = play, .left = 2000 };

	for (int i = 0; i < 2; i++) {
		players[i] = (struct player){ .loop = loop_of_this_run(), .other = &players[1 - i] };
		players[i].mailbox = mailbox_new(players[i].loop, &players[i]);
	}
	mailbox_post(players[0].mailbox, &ball.message);
	assert_int_equal(pthread_create(&players[1].thread, NULL, run_player, &players[1]), 0);
	loop_run(players[0].loop);
	pthread_join(players[1].thread, NULL);

	assert_int_equal(ball.left, -1);
	for (int i = 0; i < 2; i++) {
		mailbox_free(players[i].mailbox);
		loop_free(players[i].loop);
	}
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_senders_messages_arrive_once_and_in_order),
		cmocka_unit_test(what_was_posted_before_the_loop_ran_is_delivered),
		cmocka_unit_test(a_message_may_be_posted_again_while_it_is_delivered),
		cmocka_unit_test(whoever_posts_gives_away_and_the_receiver_may_write),
	};

	give_up_when_it_hangs();
	return RUN_ON_BOTH(tests);
}

/*
 * test_pam.c - behaviour of auth/pam and auth/pam_talk. The libpam that they talk to is the one
 * below: it does what a test wants, and what is linked first wins.
 */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <security/pam_appl.h>

#include "auth/pam.h"

enum { STYLES_MOST = 40 };

/* What the modules do; written by tests while nothing is asked. */
static struct {
	int start, authenticate, account;
	int styles[STYLES_MOST]; /* of what they ask, in one message */
	int style_count;
	const char *text;
	unsigned delay_us;
	bool waits; /* at the gate, in pam_authenticate() */
} plan;

/* What they saw; not of those that wait, of which there are several at a time. */
static struct {
	char service[64], user[64], host[64], password[600];
	int conversation; /* how it went */
	int end;	  /* the code that pam_end() was told */
} seen;
static atomic_int starts, ends;
static sem_t inside; /* posted by whoever is at the gate */
static sem_t gate;

struct pam_handle {
	const struct pam_conv *conv;
	void (*delay)(int code, unsigned delay_us, void *arg);
};

int
pam_start(const char *service, const char *user, const struct pam_conv *conv, pam_handle_t **pam)
{
	atomic_fetch_add(&starts, 1);
	*pam = NULL;
	if (plan.start != PAM_SUCCESS)
		return plan.start;
	*pam = calloc(1, sizeof(**pam));
	(*pam)->conv = conv;
	if (!plan.waits) {
		snprintf(seen.service, sizeof(seen.service), "%s", service);
		snprintf(seen.user, sizeof(seen.user), "%s", user);
	}
	return PAM_SUCCESS;
}

int
pam_end(pam_handle_t *pam, int code)
{
	if (!plan.waits)
		seen.end = code;
	free(pam);
	atomic_fetch_add(&ends, 1);
	return PAM_SUCCESS;
}

int
pam_set_item(pam_handle_t *pam, int which, const void *item)
{
	if (which == PAM_RHOST && !plan.waits)
		snprintf(seen.host, sizeof(seen.host), "%s", (const char *)item);
	else if (which == PAM_FAIL_DELAY)
		memcpy(&pam->delay, &item, sizeof(item));
	return PAM_SUCCESS;
}

static int
converse(const pam_handle_t *pam)
{
	struct pam_message messages[STYLES_MOST];
	const struct pam_message *list[STYLES_MOST];
	struct pam_response *responses = NULL;
	int code;

	for (int i = 0; i < plan.style_count; i++) {
		messages[i] = (struct pam_message){ plan.styles[i], plan.text };
		list[i] = &messages[i];
	}
	code = pam->conv->conv(plan.style_count, list, &responses, pam->conv->appdata_ptr);
	for (int i = 0; responses != NULL && i < plan.style_count; i++) {
		if (responses[i].resp != NULL)
			snprintf(seen.password, sizeof(seen.password), "%s", responses[i].resp);
		free(responses[i].resp);
	}
	free(responses);
	return code;
}

int
pam_authenticate(pam_handle_t *pam, int flags)
{
	int code = plan.authenticate;

	assert_int_equal(flags, PAM_DISALLOW_NULL_AUTHTOK);
	if (plan.waits) {
		sem_post(&inside);
		sem_wait(&gate);
		return code;
	}
	seen.conversation = converse(pam);
	if (pam->delay != NULL)
		pam->delay(code, plan.delay_us, pam->conv->appdata_ptr);
	return seen.conversation != PAM_SUCCESS ? seen.conversation : code;
}

int
pam_acct_mgmt(pam_handle_t *pam, int flags)
{
	(void)pam;
	(void)flags;
	return plan.account;
}

const char *
pam_strerror(pam_handle_t *pam, int code)
{
	(void)pam;
	return code == PAM_ABORT ? NULL : "the reason";
}

/* ---- what tests do with it ---- */

struct asker {
	struct pam_question question; /* first member */
	sem_t told;
	atomic_int times;
};

static void
on_answered(struct pam_question *question)
{
	struct asker *asker = (struct asker *)question;

	atomic_fetch_add(&asker->times, 1);
	sem_post(&asker->told);
}

static const struct pam_asked pencil = { .service = "pgweir", .user = "alice", .password = "pencil",
	.address = "192.0.2.7" };

static void
prepare(struct asker *asker)
{
	memset(asker, 0, sizeof(*asker));
	sem_init(&asker->told, 0, 0);
	asker->question.answered = on_answered;
}

static bool
ask(struct pam_threads *threads, struct asker *asker, size_t most)
{
	prepare(asker);
	return pam_ask(threads, &pencil, most, &asker->question);
}

/* Ask, and wait for the answer. */
static struct pam_answer
answer_of(const struct pam_asked *asked)
{
	struct pam_threads *threads = pam_threads_new(1);
	struct asker asker;

	prepare(&asker);
	assert_true(pam_ask(threads, asked, 1, &asker.question));
	sem_wait(&asker.told);
	assert_false(pam_withdraw(threads, &asker.question));
	assert_true(pam_threads_free(threads));
	assert_int_equal(asker.times, 1);
	return asker.question.answer;
}

static void
plan_styles(int count, const int *styles)
{
	plan.style_count = count;
	for (int i = 0; i < count; i++)
		plan.styles[i] = styles[i];
}

static int
set_up(void **state)
{
	static const int prompt = PAM_PROMPT_ECHO_OFF;

	memset(&plan, 0, sizeof(plan));
	memset(&seen, 0, sizeof(seen));
	plan.text = "Password: ";
	plan_styles(1, &prompt);
	atomic_store(&starts, 0);
	atomic_store(&ends, 0);
	sem_init(&inside, 0, 0);
	sem_init(&gate, 0, 0);
	(void)state;
	return 0;
}

static void
pam_hears_service_user_password_and_address_and_its_yes_is_one(void **state)
{
	struct pam_answer answer = answer_of(&pencil);

	assert_true(answer.yes);
	assert_string_equal(answer.said, "");
	assert_string_equal(seen.service, "pgweir");
	assert_string_equal(seen.user, "alice");
	assert_string_equal(seen.password, "pencil");
	assert_string_equal(seen.host, "192.0.2.7");
	assert_int_equal(seen.end, PAM_SUCCESS);
	assert_int_equal(ends, 1);
	(void)state;
}

static void
a_client_of_this_machine_has_no_address(void **state)
{
	struct pam_asked asked = pencil;

	asked.address = NULL;
	assert_true(answer_of(&asked).yes);
	assert_string_equal(seen.host, "");
	(void)state;
}

static void
whatever_step_fails_it_is_a_no_that_says_which(void **state)
{
	static const struct {
		int start, authenticate, account, ends;
		const char *why;
	} cases[] = {
		{ PAM_SYSTEM_ERR, 0, 0, 0, "PAM service \"pgweir\": pam_start: the reason" },
		{ PAM_ABORT, 0, 0, 0, "PAM service \"pgweir\": pam_start: unknown error" },
		{ 0, PAM_AUTH_ERR, 0, 1, "PAM service \"pgweir\": pam_authenticate: the reason" },
		{ 0, PAM_USER_UNKNOWN, 0, 1, "PAM service \"pgweir\": pam_authenticate: the reason" },
		{ 0, 0, PAM_ACCT_EXPIRED, 1, "PAM service \"pgweir\": pam_acct_mgmt: the reason" },
		{ 0, 0, PAM_NEW_AUTHTOK_REQD, 1, "PAM service \"pgweir\": pam_acct_mgmt: the reason" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pam_answer answer;

		plan.start = cases[i].start;
		plan.authenticate = cases[i].authenticate;
		plan.account = cases[i].account;
		atomic_store(&ends, 0);
		answer = answer_of(&pencil);
		assert_false(answer.yes);
		assert_string_equal(answer.why, cases[i].why);
		assert_int_equal(ends, cases[i].ends);
	}
	(void)state;
}

static void
each_hidden_prompt_is_answered_and_what_modules_say_is_kept(void **state)
{
	static const int styles[] = { PAM_TEXT_INFO, PAM_PROMPT_ECHO_OFF, PAM_ERROR_MSG,
		PAM_PROMPT_ECHO_OFF };
	struct pam_answer answer;

	plan_styles(4, styles);
	plan.text = "words";
	answer = answer_of(&pencil);
	assert_true(answer.yes);
	assert_string_equal(answer.said, "words; words");
	assert_string_equal(seen.password, "pencil");
	(void)state;
}

static void
a_prompt_that_shows_what_is_typed_is_not_answered(void **state)
{
	static const int styles[] = { PAM_PROMPT_ECHO_OFF, PAM_PROMPT_ECHO_ON };

	plan_styles(2, styles);
	assert_false(answer_of(&pencil).yes);
	assert_int_equal(seen.conversation, PAM_CONV_ERR);
	assert_string_equal(seen.password, "");
	(void)state;
}

static void
a_conversation_of_no_messages_or_too_many_is_refused(void **state)
{
	static const int counts[] = { 0, PAM_MAX_NUM_MSG + 1 };

	for (size_t i = 0; i < 2; i++) {
		for (int j = 0; j < counts[i]; j++)
			plan.styles[j] = PAM_PROMPT_ECHO_OFF;
		plan.style_count = counts[i];
		assert_false(answer_of(&pencil).yes);
		assert_int_equal(seen.conversation, PAM_CONV_ERR);
	}
	(void)state;
}

static void
long_words_of_modules_are_cut(void **state)
{
	static char words[5000];
	int styles[PAM_MAX_NUM_MSG];
	struct pam_answer answer;

	memset(words, 'w', sizeof(words) - 1);
	plan.text = words;
	for (int i = 0; i < PAM_MAX_NUM_MSG; i++)
		styles[i] = PAM_TEXT_INFO;
	plan_styles(PAM_MAX_NUM_MSG, styles);
	answer = answer_of(&pencil);
	assert_true(answer.yes);
	assert_int_equal(strlen(answer.said), sizeof(answer.said) - 1);
	(void)state;
}

static void
a_delay_is_told_for_a_no_and_nobody_sleeps(void **state)
{
	plan.delay_us = 3600u * 1000 * 1000;
	assert_int_equal(answer_of(&pencil).delay_us, 0);
	plan.authenticate = PAM_AUTH_ERR;
	assert_int_equal(answer_of(&pencil).delay_us, plan.delay_us);
	(void)state;
}

static void
as_many_are_asked_at_a_time_as_there_may_be_threads(void **state)
{
	struct pam_threads *threads = pam_threads_new(3);
	struct asker askers[5];

	plan.waits = true;
	for (size_t i = 0; i < 5; i++)
		assert_true(ask(threads, &askers[i], 5));
	for (size_t i = 0; i < 3; i++)
		sem_wait(&inside);
	assert_int_equal(starts, 3);
	for (size_t i = 0; i < 5; i++)
		sem_post(&gate);
	for (size_t i = 0; i < 5; i++)
		sem_wait(&askers[i].told);
	assert_true(pam_threads_free(threads));
	assert_int_equal(starts, 5);
	(void)state;
}

static void
a_line_that_is_full_takes_no_more(void **state)
{
	struct pam_threads *threads = pam_threads_new(1);
	struct asker asked, waiting, refused;

	plan.waits = true;
	assert_true(ask(threads, &asked, 1));
	sem_wait(&inside);
	assert_true(ask(threads, &waiting, 1));
	assert_false(ask(threads, &refused, 1));
	assert_false(pam_withdraw(threads, &refused.question));
	sem_post(&gate);
	sem_post(&gate);
	sem_wait(&waiting.told);
	assert_true(pam_threads_free(threads));
	assert_int_equal(asked.times + waiting.times, 2);
	assert_int_equal(refused.times, 0);
	(void)state;
}

static void
who_is_withdrawn_from_the_line_is_never_asked_about(void **state)
{
	struct pam_threads *threads = pam_threads_new(1);
	struct asker asked, waiting, next;

	plan.waits = true;
	assert_true(ask(threads, &asked, 1));
	sem_wait(&inside);
	assert_true(ask(threads, &waiting, 1));
	assert_true(pam_withdraw(threads, &waiting.question));
	assert_true(ask(threads, &next, 1)); /* its place is free */
	sem_post(&gate);
	sem_post(&gate);
	sem_wait(&next.told);
	assert_true(pam_threads_free(threads));
	assert_int_equal(starts, 2);
	assert_int_equal(waiting.times, 0);
	(void)state;
}

static void
an_answer_that_nobody_waits_for_is_thrown_away(void **state)
{
	struct pam_threads *threads = pam_threads_new(1);
	struct asker *gone = calloc(1, sizeof(*gone)), next;

	plan.waits = true;
	assert_true(ask(threads, gone, 1));
	sem_wait(&inside);
	assert_true(pam_withdraw(threads, &gone->question));
	assert_false(pam_withdraw(threads, &gone->question));
	free(gone); /* at once: nobody may look at it any more */
	assert_true(ask(threads, &next, 1));
	sem_post(&gate);
	sem_post(&gate);
	sem_wait(&next.told);
	assert_true(next.question.answer.yes);
	assert_true(pam_threads_free(threads));
	(void)state;
}

static void
a_thread_that_hangs_does_not_hold_up_the_end(void **state)
{
	struct pam_threads *threads = pam_threads_new(4);
	struct asker asked;

	plan.waits = true;
	assert_true(ask(threads, &asked, 1));
	sem_wait(&inside);
	assert_true(pam_withdraw(threads, &asked.question));
	assert_false(pam_threads_free(threads));
	assert_false(ask(threads, &asked, 1));
	sem_post(&gate); /* a process would have ended; here nothing may be left behind */
	while (!pam_threads_free(threads))
		continue;
	assert_int_equal(ends, 1);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(pam_hears_service_user_password_and_address_and_its_yes_is_one, set_up),
		cmocka_unit_test_setup(a_client_of_this_machine_has_no_address, set_up),
		cmocka_unit_test_setup(whatever_step_fails_it_is_a_no_that_says_which, set_up),
		cmocka_unit_test_setup(each_hidden_prompt_is_answered_and_what_modules_say_is_kept, set_up),
		cmocka_unit_test_setup(a_prompt_that_shows_what_is_typed_is_not_answered, set_up),
		cmocka_unit_test_setup(a_conversation_of_no_messages_or_too_many_is_refused, set_up),
		cmocka_unit_test_setup(long_words_of_modules_are_cut, set_up),
		cmocka_unit_test_setup(a_delay_is_told_for_a_no_and_nobody_sleeps, set_up),
		cmocka_unit_test_setup(as_many_are_asked_at_a_time_as_there_may_be_threads, set_up),
		cmocka_unit_test_setup(a_line_that_is_full_takes_no_more, set_up),
		cmocka_unit_test_setup(who_is_withdrawn_from_the_line_is_never_asked_about, set_up),
		cmocka_unit_test_setup(an_answer_that_nobody_waits_for_is_thrown_away, set_up),
		cmocka_unit_test_setup(a_thread_that_hangs_does_not_hold_up_the_end, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

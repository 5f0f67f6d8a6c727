/* errand.c - see errand.h. */
#include <stdarg.h>
#include <stdio.h>

#include "action.h"
#include "base/mem.h"
#include "errand.h"
#include "session/client.h"
#include "show.h"
#include "wire/build.h"

/* Errands that go round again at the worker's next tick. Touched by its thread only. */
static struct resting {
	struct loop *loop; /* borrowed: that whose tick wakes them; NULL: none yet */
	TAILQ_HEAD(, errand) errands;
} resting[CLIENTS_WORKERS_MOST];

static struct audit_who *
who_of(const struct client *client)
{
	struct address peer = client_address(client);
	char address[ADDRESS_TEXT_SIZE] = "[local]";

	if (!address_is_unix(&peer))
		address_text(&peer, address);
	return audit_who_new(&(struct audit_who_fields){ .session = client->session_id,
	    .client_address = address,
	    .client_port = address_port(&peer),
	    .user = client_user(client),
	    .role = client_role(client),
	    .database = client->database,
	    .application = client_application(client) });
}

struct errand *
errand_new(struct client *client, const struct command *command)
{
	struct errand *errand = mem_zalloc(1, sizeof(*errand));

	errand->shared = clients_shared(client->clients);
	errand->home = clients_worker(client->clients);
	errand->client = client->id;
	errand->began_us = loop_now_us(clients_loop(client->clients));
	client_label(client, errand->asker);
	errand->who = who_of(client);
	errand->rows.columns = table_column_count(command->table);
	command_copy(&errand->command, command);
	return errand;
}

void
errand_free(struct errand *errand)
{
	command_free(&errand->command);
	audit_who_free(NULL, errand->who);
	tally_free(&errand->tally);
	rows_free(&errand->rows);
	buf_free(&errand->notices);
	buf_free(&errand->holding);
	mem_free(errand);
}

void
errand_fail(struct errand *errand, const char *sqlstate, const char *format, ...)
{
	char text[sizeof(errand->err.text)];
	va_list args;

	if (errand->failed)
		return;
	errand->failed = true;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	error_set_state(&errand->err, ERROR_CONFIG, sqlstate, "%s", text);
}

void
errand_notice(struct errand *errand, const char *message, const char *detail)
{
	build_notice(&errand->notices, &(struct wire_error){ .severity = "NOTICE",
					   .sqlstate = "00000",
					   .message = message,
					   .detail = detail });
}

/* When everything is being closed there is nobody left to answer, and soon no mailbox. */
static bool
is_the_end(struct errand *errand, const struct clients *clients)
{
	if (clients_draining(clients) != CLIENTS_END)
		return false;
	errand_free(errand);
	return true;
}

static void
wake_resting(void *arg)
{
	struct resting *here = arg;
	struct errand *errand;
	TAILQ_HEAD(, errand) woken;

	TAILQ_INIT(&woken);
	TAILQ_CONCAT(&woken, &here->errands, in_resting);
	while ((errand = TAILQ_FIRST(&woken)) != NULL) {
		TAILQ_REMOVE(&woken, errand, in_resting);
		errand_send(errand);
	}
}

static void
rest(struct errand *errand, struct clients *clients)
{
	struct resting *here = &resting[clients_worker(clients)];

	if (here->loop != clients_loop(clients)) {
		TAILQ_INIT(&here->errands);
		here->loop = clients_loop(clients);
		loop_add_tick(here->loop, wake_resting, here);
	}
	TAILQ_INSERT_TAIL(&here->errands, errand, in_resting);
}

void
errand_finish(struct errand *errand, struct clients *home)
{
	const struct table *table = errand->command.table;

	tally_sort(&errand->tally);
	if (table == NULL)
		action_finish(errand, home);
	else if (table->fill != NULL)
		table->fill(errand, home);
}

static void
on_home(struct message *message, void *receiver)
{
	struct errand *errand = (struct errand *)message; /* its first member */
	struct clients *clients = receiver;

	if (is_the_end(errand, clients))
		return;
	/* Who waits for the end of a pause may have left; the pause stays. */
	if (errand->unfinished && !errand->failed &&
	    client_find(clients, errand->client) != NULL) {
		action_unfinished(errand, clients);
		errand->round++;
		rest(errand, clients);
		return;
	}
	errand_finish(errand, clients);
	console_take(errand, clients);
}

static void on_visit(struct message *message, void *receiver);

static void
post(struct errand *errand, unsigned worker,
    void (*deliver)(struct message *message, void *receiver))
{
	errand->message.deliver = deliver;
	mailbox_post(
	    clients_mailbox(errand->shared->of_worker[worker]), &errand->message);
}

static void
go_on(struct errand *errand)
{
	if (errand->at < errand->shared->workers)
		post(errand, errand->at, on_visit);
	else
		post(errand, errand->home, on_home);
}

static void
on_visit(struct message *message, void *receiver)
{
	struct errand *errand = (struct errand *)message; /* its first member */
	struct clients *clients = receiver;

	if (is_the_end(errand, clients))
		return;
	if (errand->command.table != NULL)
		errand->command.table->visit(errand, clients);
	else
		action_visit(errand, clients);
	errand->at++;
	go_on(errand);
}

void
errand_send(struct errand *errand)
{
	errand->at = 0;
	errand->unfinished = false;
	go_on(errand);
}

void
errand_send_home(struct errand *errand)
{
	post(errand, errand->home, on_home);
}

/* outgoing.c - messages on their way to the server, and what it must answer to them. */
#include "base/mem.h"
#include "copy_in.h"
#include "inbound.h"
#include "path.h"

void
outgoing_pass(struct client *client, const struct inbound *message)
{
	struct buf *out = outgoing_buf(client);

	buf_put_u8(out, message->type);
	buf_put_u32(out, (uint32_t)(message->length + 4));
	buf_put(out, message->body, message->here);
	client->passing = message->length - message->here;
	client->passing_on = true;
	client->passing_rows = false;
}

void
outgoing_pass_rows(struct client *client, const struct inbound *message)
{
	if (message->here == message->length || client->replication != REPLICATION_NONE) {
		outgoing_pass(client, message);
		return;
	}
	if (message->here > 0) {
		build_copy_data(outgoing_buf(client), message->here);
		buf_put(outgoing_buf(client), message->body, message->here);
	}
	client->passing = message->length - message->here;
	client->passing_on = true;
	client->passing_rows = true;
}

void
outgoing_pass_extended(struct client *client, const struct inbound *message)
{
	outgoing_pass(client, message);
	client->link->unsynced = true;
}

void
outgoing_drop(struct client *client, const struct inbound *message)
{
	client->passing = message->length - message->here;
	client->passing_on = false;
}

struct request *
outgoing_expect(struct client *client, enum request_kind kind, enum request_answer answer)
{
	struct request *request = link_expect(client->link, kind, answer);

	request->stmt = client->stmt;
	return request;
}

void
outgoing_expect_statement(struct request *request, struct client *client, struct judged *judged,
    struct ruling *ruling, size_t bytes)
{
	request->judged = judged == NULL ? NULL : judged_reference(judged);
	request->ruling = ruling == NULL ? NULL : ruling_reference(ruling);
	request->bytes_in = bytes;
	request->sent_us = loop_now_us(clients_loop(client->clients));
	request->queue_us = client->queue_us;
	client->queue_us = 0;
	client->statements++;
	copy_in_expect(client->link, request, judged);
	if (judged != NULL && judged->discards)
		client->link->discarding = true;
	if (judged != NULL && judged->begins)
		client->link->begun_batch = request->batch;
	if (judged != NULL && judged->misreads)
		client->link->misreads = true;
	path_sent(client, judged);
	if (judged != NULL && (judged->residue & SQL_RESIDUE_PREPARE) && !names_are_kept(client))
		names_note_prepare(client, request, judged);
}

struct request *
outgoing_expect_reply(struct client *client, enum request_kind kind, const struct buf *reply)
{
	struct request *request = outgoing_expect(client, kind, ANSWER_MADE_UP);

	request->reply = mem_copy(buf_bytes(reply), buf_length(reply));
	request->reply_length = buf_length(reply);
	return request;
}

/*
 * fuzz_requests.c - requests and answers in arbitrary order, against a plain array
 * that does the same.
 *
 * Input: pairs of bytes. 0-9: a request of that kind goes out; 10: the one at the
 * place that the second byte names is removed; 11: all are dropped; any other: the
 * server sends the second byte as a message's type.
 */
#include <assert.h>
#include <string.h>

#include "../../src/session/requests.h"
#include "base/mem.h"
#include "fuzz.h"

enum { MOST = 4096, REMOVE = REQUEST_COPY_END + 1, DROP_ALL };

/* What the queue should hold: numbers and kinds, oldest first. */
struct model {
	uint64_t numbers[MOST];
	uint8_t kinds[MOST];
	size_t count;
};

static void
model_remove(struct model *model, size_t i)
{
	model->count--;
	memmove(model->numbers + i, model->numbers + i + 1,
	    (model->count - i) * sizeof(model->numbers[0]));
	memmove(model->kinds + i, model->kinds + i + 1, model->count - i);
}

static void
add(struct requests *requests, struct model *model, uint8_t kind, uint64_t number)
{
	struct request *request;

	if (model->count == MOST)
		return;
	request = requests_add(requests, kind, ANSWER_FORWARD);
	assert(request->name == NULL && request->reply == NULL && request->stmt == 0);
	request->stmt = number;
	if (number % 3 == 0)
		request->name = mem_strdup("name");
	if (number % 5 == 0)
		request->reply = mem_copy("reply", 5);
	model->numbers[model->count] = number;
	model->kinds[model->count++] = kind;
}

/* A message from the server; what does not fit discards the server, and the queue with it. */
static void
answer(struct requests *requests, struct model *model, uint8_t type)
{
	switch (request_match(requests_head(requests), type)) {
	case MATCH_PART:
		assert(type != 'Z' && type != '1' && type != '2' && type != '3');
		break;
	case MATCH_LAST:
		assert(model->count > 0);
		requests_pop(requests);
		model_remove(model, 0);
		break;
	case MATCH_VIOLATION:
		requests_clear(requests);
		model->count = 0;
		break;
	}
}

static void
step(struct requests *requests, struct model *model, uint8_t what, uint8_t which, uint64_t number)
{
	if (what < REMOVE) {
		add(requests, model, what, number);
	} else if (what == REMOVE && model->count > 0) {
		requests_remove(requests, which % model->count);
		model_remove(model, which % model->count);
	} else if (what == DROP_ALL) {
		requests_clear(requests);
		model->count = 0;
	} else if (what > DROP_ALL) {
		answer(requests, model, which);
	}
}

static void
check_ends(const struct requests *requests, const struct model *model)
{
	const struct request *head = requests_head(requests);

	assert(requests->count == model->count);
	assert((requests->size & (requests->size - 1)) == 0 && requests->count <= requests->size);
	assert(requests_at(requests, model->count) == NULL);
	assert((head == NULL) == (model->count == 0));
	assert(head == NULL || head->stmt == model->numbers[0]);
}

static void
check_all(const struct requests *requests, const struct model *model)
{
	for (size_t i = 0; i < model->count; i++) {
		assert(requests_at(requests, i)->stmt == model->numbers[i]);
		assert(requests_at(requests, i)->kind == model->kinds[i]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct requests requests = { 0 };
	struct model model;

	model.count = 0;
	for (size_t i = 0; i + 1 < length; i += 2) {
		step(&requests, &model, bytes[i], bytes[i + 1], i + 1);
		check_ends(&requests, &model);
		if (i % 128 == 0)
			check_all(&requests, &model);
	}
	check_all(&requests, &model);
	requests_free(&requests);
	assert(requests.items == NULL);
	return 0;
}

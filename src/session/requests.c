/* requests.c - see requests.h. */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "gate.h"
#include "guard.h"
#include "prepared.h"
#include "requests.h"
#include "rewrite.h"

enum { REQUESTS_LEAST = 16 };

#define KIND(kind) (1u << (kind))

/*
 * Which answers belong to which requests, and which of them end one (PostgreSQL
 * documentation, "Message Flow"). A Query ends with ReadyForQuery only.
 */
static const struct answer_row {
	uint16_t part, last; /* bits of KIND() */
} answers[256] = {
	['1'] = { 0, KIND(REQUEST_PARSE) },
	['2'] = { 0, KIND(REQUEST_BIND) },
	['3'] = { 0, KIND(REQUEST_CLOSE) },
	['C'] = { KIND(REQUEST_QUERY), KIND(REQUEST_EXECUTE) },
	['I'] = { KIND(REQUEST_QUERY), KIND(REQUEST_EXECUTE) },
	['s'] = { 0, KIND(REQUEST_EXECUTE) },
	['D'] = { KIND(REQUEST_QUERY) | KIND(REQUEST_EXECUTE), 0 },
	['T'] = { KIND(REQUEST_QUERY),
	    KIND(REQUEST_DESCRIBE_PORTAL) | KIND(REQUEST_DESCRIBE_STATEMENT) },
	['n'] = { 0, KIND(REQUEST_DESCRIBE_PORTAL) | KIND(REQUEST_DESCRIBE_STATEMENT) },
	['t'] = { KIND(REQUEST_DESCRIBE_STATEMENT), 0 },
	['G'] = { KIND(REQUEST_QUERY) | KIND(REQUEST_EXECUTE), 0 },
	['H'] = { KIND(REQUEST_QUERY) | KIND(REQUEST_EXECUTE), 0 },
	['d'] = { KIND(REQUEST_QUERY) | KIND(REQUEST_EXECUTE), 0 },
	['c'] = { KIND(REQUEST_QUERY) | KIND(REQUEST_EXECUTE), 0 },
	['V'] = { KIND(REQUEST_FUNCTION), 0 },
	['W'] = { KIND(REQUEST_QUERY), 0 }, /* of a walsender: answer.c looks at that */
	['Z'] = { 0, KIND(REQUEST_QUERY) | KIND(REQUEST_FUNCTION) | KIND(REQUEST_SYNC) },
};

enum request_match
request_match(const struct request *head, uint8_t type)
{
	const struct answer_row *row = &answers[type];

	if (head == NULL)
		return MATCH_VIOLATION;
	if (row->last & KIND(head->kind))
		return MATCH_LAST;
	return row->part & KIND(head->kind) ? MATCH_PART : MATCH_VIOLATION;
}

static size_t
place(const struct requests *requests, size_t i)
{
	return (requests->first + i) & (requests->size - 1);
}

static void
grow(struct requests *requests)
{
	size_t size = requests->size == 0 ? REQUESTS_LEAST : 2 * requests->size;
	struct request *items = mem_zalloc(size, sizeof(*items));

	for (size_t i = 0; i < requests->count; i++)
		items[i] = requests->items[place(requests, i)];
	mem_free(requests->items);
	requests->items = items;
	requests->first = 0;
	requests->size = size;
}

struct request *
requests_add(struct requests *requests, enum request_kind kind, enum request_answer answer)
{
	struct request *request;

	if (requests->count == requests->size)
		grow(requests);
	request = &requests->items[place(requests, requests->count++)];
	*request = (struct request){ .kind = kind, .answer = answer };
	return request;
}

struct request *
requests_at(const struct requests *requests, size_t i)
{
	return i < requests->count ? &requests->items[place(requests, i)] : NULL;
}

void
requests_name(struct requests *requests, struct request *request, const char *name,
    struct statement *statement, bool adds)
{
	request->name = mem_strdup(name);
	request->adds = adds;
	request->statement = statement_reference(statement);
	requests->named++;
}

/* Does it run a text that adds names or takes them away? */
static bool
changes_names(const struct request *request)
{
	return (request->kind == REQUEST_QUERY || request->kind == REQUEST_EXECUTE) &&
	    rewrite_changes_names(request->rewrite);
}

/* How often it counts in `named`. */
static size_t
naming(const struct request *request)
{
	return (size_t)(request->name != NULL) + request->names_later + changes_names(request);
}

void
requests_name_later(struct requests *requests, struct request *request)
{
	request->names_later = true;
	requests->named++;
}

void
requests_rewrite(struct requests *requests, struct request *request, struct rewrite *rewrite)
{
	request->rewrite = rewrite_reference(rewrite);
	requests->named += changes_names(request);
}

static bool
has_name(const struct request *request, const char *name)
{
	if (request->names_later || (request->name != NULL && strcmp(request->name, name) == 0))
		return true;
	for (size_t i = 0; changes_names(request) && i < request->rewrite->name_count; i++)
		if (strcmp(request->rewrite->names[i].name, name) == 0)
			return true;
	return false;
}

bool
requests_await_name(const struct requests *requests, const char *name, uint64_t batch)
{
	for (size_t i = 0, left = requests->named; left > 0 && i < requests->count; i++) {
		const struct request *request = requests_at(requests, i);

		if (naming(request) == 0)
			continue;
		if (request->batch != batch && has_name(request, name))
			return true;
		left -= naming(request);
	}
	return false;
}

bool
requests_name_behind(const struct requests *requests, const char *name)
{
	size_t left = requests->named - naming(requests_head(requests));

	for (size_t i = 1; left > 0 && i < requests->count; i++) {
		const struct request *request = requests_at(requests, i);

		if (naming(request) > 0 && has_name(request, name))
			return true;
		left -= naming(request);
	}
	return false;
}

static void
release(struct requests *requests, struct request *request)
{
	requests->named -= naming(request);
	mem_free(request->name);
	statement_release(request->statement);
	statement_release(request->unnamed);
	mem_free(request->reply);
	judged_release(request->judged);
	ruling_release(request->ruling);
	rewrite_release(request->rewrite);
	if (request->limits != NULL)
		guard_release(requests, request->limits);
}

void
requests_pop(struct requests *requests)
{
	assert(requests->count > 0);
	release(requests, &requests->items[requests->first]);
	requests->first = place(requests, 1);
	requests->count--;
}

void
requests_remove(struct requests *requests, size_t i)
{
	release(requests, requests_at(requests, i));
	for (; i + 1 < requests->count; i++)
		*requests_at(requests, i) = *requests_at(requests, i + 1);
	requests->count--;
}

void
requests_clear(struct requests *requests)
{
	while (requests->count > 0)
		requests_pop(requests);
}

void
requests_free(struct requests *requests)
{
	requests_clear(requests);
	mem_free(requests->items);
	*requests = (struct requests){ 0 };
}

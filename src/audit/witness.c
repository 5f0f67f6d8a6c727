/*
 * witness.c - the checkpoints that the main log told: "… audit checkpoint seq=… head=…
 * sig=…". A copy of them off the host shows a log whose end was cut off. Used by verify.
 */
#include <stdio.h>
#include <stdlib.h>

#include "verifier.h"
#include "base/lines.h"
#include "base/mem.h"

static int
by_seq(const void *one, const void *other)
{
	uint64_t a = ((const struct witnessed *)one)->seq, b = ((const struct witnessed *)other)->seq;

	return (a > b) - (a < b);
}

static void
add_line(struct witness *witness, const char *line, size_t length)
{
	static const char mark[] = "audit checkpoint seq=";
	const char *at = memmem(line, length, mark, strlen(mark));
	struct witnessed item = { 0 };
	unsigned long long seq;
	char *text;

	if (at == NULL)
		return;
	text = mem_strndup(at, (size_t)(line + length - at));
	if (sscanf(text, "audit checkpoint seq=%llu head=%44s sig=%88s", &seq, item.head,
		item.sig) >= 2) {
		item.seq = seq;
		if (witness->count % 256 == 0)
			witness->items = mem_resize(witness->items, witness->count + 256,
			    sizeof(witness->items[0]));
		witness->items[witness->count++] = item;
	}
	mem_free(text);
}

bool
witness_read(struct witness *witness, const char *path, struct error *err)
{
	struct lines lines;

	err->code = ERROR_NONE;
	if (!lines_open(&lines, path, err))
		return false;
	while (lines_next(&lines, err))
		add_line(witness, lines.line, lines.length);
	lines_close(&lines);
	if (witness->count > 0)
		qsort(witness->items, witness->count, sizeof(witness->items[0]), by_seq);
	return err->code == ERROR_NONE;
}

const struct witnessed *
witness_find(const struct witness *witness, uint64_t seq)
{
	struct witnessed wanted = { .seq = seq };

	if (witness->count == 0)
		return NULL;
	return bsearch(&wanted, witness->items, witness->count, sizeof(wanted), by_seq);
}

void
witness_free(struct witness *witness)
{
	mem_free(witness->items);
	*witness = (struct witness){ 0 };
}

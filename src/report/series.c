/*
 * series.c - an amount over time in a few slots: as the time grows, slots become twice
 * as wide and two become one. Used by load and performance.
 */
#include <string.h>

#include "report_internal.h"

/* Slots of twice the width. */
static void
widen(struct series *series)
{
	uint64_t slots[SERIES_SLOTS] = { 0 };
	uint64_t base = series->base / 2;

	for (size_t i = 0; i < SERIES_SLOTS; i++)
		slots[(series->base + i) / 2 - base] += series->slots[i];
	memcpy(series->slots, slots, sizeof(slots));
	series->top /= 2;
	series->base = base;
	series->shift++;
}

/* Make room for a slot before the first one. */
static void
move_up(struct series *series, uint64_t by)
{
	memmove(series->slots + by, series->slots, (SERIES_SLOTS - by) * sizeof(series->slots[0]));
	memset(series->slots, 0, by * sizeof(series->slots[0]));
	series->base -= by;
}

void
series_add(struct series *series, uint64_t time_us, uint64_t amount)
{
	uint64_t second = time_us / 1000000;
	uint64_t at = second >> series->shift;

	if (!series->used) {
		series->used = true;
		series->base = series->top = at;
	}
	while ((at > series->base && at - series->base >= SERIES_SLOTS) ||
	    (at < series->base && series->top - at >= SERIES_SLOTS)) {
		widen(series);
		at = second >> series->shift;
	}
	if (at < series->base)
		move_up(series, series->base - at);
	if (at > series->top)
		series->top = at;
	series->slots[at - series->base] += amount;
}

void
series_spread(struct series *series, uint64_t from_us, uint64_t to_us)
{
	while (from_us < to_us) {
		uint64_t width_us = (uint64_t)1000000 << series->shift;
		uint64_t end_us = (from_us / width_us + 1) * width_us;
		uint64_t until_us = end_us < to_us ? end_us : to_us;

		/* What is far longer than all that was seen yet is not cut into seconds. */
		if (to_us - from_us > SERIES_SLOTS * width_us) {
			series_add(series, from_us, 0);
			series_add(series, to_us - 1, 0);
			continue;
		}
		series_add(series, from_us, until_us - from_us);
		from_us = until_us;
	}
}

void
series_cover(struct series_shape *shape, const struct series *series)
{
	uint64_t base = series->base, top = series->top;

	if (!series->used)
		return;
	if (!shape->used) {
		*shape = (struct series_shape){ true, series->shift, base, top };
		return;
	}
	while (shape->shift < series->shift) {
		shape->base /= 2;
		shape->top /= 2;
		shape->shift++;
	}
	base >>= shape->shift - series->shift;
	top >>= shape->shift - series->shift;
	if (base < shape->base)
		shape->base = base;
	if (top > shape->top)
		shape->top = top;
	while (shape->top - shape->base >= SERIES_SLOTS) {
		shape->base /= 2;
		shape->top /= 2;
		shape->shift++;
	}
}

size_t
series_fit(const struct series *series, const struct series_shape *shape,
    uint64_t slots[SERIES_SLOTS])
{
	memset(slots, 0, SERIES_SLOTS * sizeof(slots[0]));
	if (!shape->used)
		return 0;
	for (size_t i = 0; series->used && i <= series->top - series->base; i++) {
		uint64_t at = (series->base + i) >> (shape->shift - series->shift);

		if (at >= shape->base && at <= shape->top)
			slots[at - shape->base] += series->slots[i];
	}
	return (size_t)(shape->top - shape->base) + 1;
}

uint64_t
series_slot_us(const struct series_shape *shape, size_t slot)
{
	return ((shape->base + slot) << shape->shift) * 1000000;
}

uint64_t
series_width_us(const struct series_shape *shape)
{
	return (uint64_t)1000000 << shape->shift;
}

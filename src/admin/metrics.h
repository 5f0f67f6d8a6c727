/* metrics.h - what is counted, in Prometheus' text format (version 0.0.4). */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/audit.h"
#include "base/buf.h"
#include "policy/catalogs.h"
#include "tally.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* What is told beside the tally. */
struct metrics_facts {
	struct audit_status audit;
	unsigned workers;
	uint64_t started_us; /* wall clock */
	uint64_t policies, policies_loaded_us, break_glass_open;
	bool reloaded;	      /* the last reload went well, or none was tried */
	const struct catalogs_state *catalogs; /* borrowed */
	size_t catalog_count;
	uint64_t reloaded_us; /* when a configuration was last taken over */
};

void metrics_render(struct buf *out, const struct metrics_facts *facts, const struct tally *tally);

#endif

/*
 * monitor.h - /metrics, /healthz and /readyz over HTTP, for Prometheus and probes.
 *
 * Lives on the supervisor's loop. A question goes round the workers by message, each adds
 * its own numbers, and the answer is made where it began: no worker renders anything.
 */
#ifndef ADMIN_MONITOR_H
#define ADMIN_MONITOR_H

#include <stdbool.h>

#include "audit/audit.h"
#include "config/config.h"
#include "net/mailbox.h"
#include "net/resolve.h"
#include "policy/policy.h"
#include "session/clients.h"

struct monitor;

/* All borrowed; they outlive the monitor. */
struct monitor_setup {
	struct loop *loop;
	struct mailbox *mailbox;	/* of that loop */
	struct clients_shared *shared;
	struct audit *audit;
	struct resolver *resolver;
	int fd;				/* listens (listener_bind()); given away */
};

struct monitor *monitor_new(const struct monitor_setup *setup);
/* When the loop runs no more, and after the workers have ended. */
void monitor_free(struct monitor *monitor);
/* What is in force from now on; borrowed until the next call. NULL is no monitor. */
void monitor_configure(struct monitor *monitor, const struct config *config,
    const struct policies *policies);
/* A reload was tried. */
void monitor_reloaded(struct monitor *monitor, bool good);
/* Not ready any more, and never again. */
void monitor_drain(struct monitor *monitor);
/* The workers end: ask them nothing more. */
void monitor_close(struct monitor *monitor);

#endif

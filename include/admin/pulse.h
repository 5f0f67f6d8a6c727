/*
 * pulse.h - the line `stats:` of the main log, each minute, in PgBouncer's words.
 *
 * Lives on the supervisor's loop; a tally goes round the workers by message.
 */
#ifndef ADMIN_PULSE_H
#define ADMIN_PULSE_H

#include <stdint.h>

#include "net/mailbox.h"
#include "session/clients.h"

struct pulse;

/* Both borrowed; they outlive the pulse. */
struct pulse *pulse_new(struct clients_shared *shared, struct mailbox *home);
/* When the workers have ended. */
void pulse_free(struct pulse *pulse);
/* Call it several times a second, while the workers run. */
void pulse_tick(struct pulse *pulse, uint64_t now_us);

#endif

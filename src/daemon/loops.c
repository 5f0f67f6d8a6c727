/* loops.c - see loops.h. */
#include "base/log.h"
#include "loops.h"

void
loops_free(struct loop **loops, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		loop_free(loops[i]);
}

static bool
make_rings(struct loop **loops, unsigned count, struct error *err)
{
	for (unsigned i = 0; i < count; i++) {
		loops[i] = loop_new_ring(err);
		if (loops[i] != NULL)
			continue;
		loops_free(loops, i);
		return false;
	}
	return true;
}

bool
loops_make(const struct config *config, struct loop **loops, unsigned count, struct error *err)
{
	struct error why = { 0 };

	if (config->event_loop != EVENT_LOOP_LIBEVENT) {
		if (make_rings(loops, count, &why)) {
			log_info("the workers wait with io_uring");
			return true;
		}
		if (config->event_loop == EVENT_LOOP_IO_URING)
			return error_set(err, ERROR_IO,
			    "event_loop: %s; set event_loop: auto, or allow io_uring "
			    "(sysctl kernel.io_uring_disabled, the container's seccomp profile)",
			    why.text);
		log_info("%s: the workers wait with libevent", why.text);
	}
	for (unsigned i = 0; i < count; i++)
		loops[i] = loop_new();
	return true;
}

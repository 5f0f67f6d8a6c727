/* random.c - see random.h. */
#include <errno.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/random.h"

void
random_fill(void *bytes, size_t length)
{
	uint8_t *at = bytes;

	while (length > 0) {
		ssize_t got = getrandom(at, length, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			log_fatal("the kernel gives no random bytes (getrandom)");
		at += got;
		length -= (size_t)got;
	}
}

uint64_t
random_u64(void)
{
	uint64_t value;

	random_fill(&value, sizeof(value));
	return value;
}

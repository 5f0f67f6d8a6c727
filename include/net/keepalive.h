/*
 * keepalive.h - how soon the kernel takes a TCP peer that has fallen silent for gone.
 */
#ifndef NET_KEEPALIVE_H
#define NET_KEEPALIVE_H

#include <stdint.h>

/* 0 leaves what the system has. The kernel counts idle and interval in seconds: they are rounded up. */
struct keepalive {
	int64_t idle_ms;	 /* until a silent peer is asked for the first time */
	int64_t interval_ms;	 /* between two questions */
	int count;		 /* that many without an answer are the end */
	int64_t user_timeout_ms; /* what was sent may wait that long for the peer to take it */
};

/* For a TCP socket; sockets that are accepted by one that listens inherit it. */
void keepalive_set(int fd, const struct keepalive *keepalive);

#endif

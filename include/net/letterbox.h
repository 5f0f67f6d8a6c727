/*
 * letterbox.h - small letters between processes of one user on one machine: a unix datagram
 * socket in a folder that nobody else may enter.
 *
 * A letter arrives whole or not at all, and sending one never waits.
 */
#ifndef NET_LETTERBOX_H
#define NET_LETTERBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "net/loop.h"

struct letterbox;

enum { LETTER_MOST = 256 };

/* A letter of this user's, or root's, came; others are thrown away. */
typedef void letterbox_callback(const uint8_t *letter, size_t length, void *arg);

/* Bind a letterbox at this path, in the place of a dead one, read and written by its owner. -1: *err. */
int letterbox_bind(const char *path, struct error *err);
/* Take in letters on this loop; owns the descriptor. */
struct letterbox *letterbox_new(
    struct loop *loop, int fd, letterbox_callback *callback, void *arg);
void letterbox_free(struct letterbox *letterbox);
/* False: nobody takes letters in there, or too many wait. */
bool letterbox_send(
    const struct letterbox *letterbox, const char *path, const uint8_t *letter, size_t length);
/* Does anybody take letters in at this path? */
bool letterbox_is_open(const char *path);

#endif

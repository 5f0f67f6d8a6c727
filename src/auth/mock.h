/*
 * mock.h - secrets made up for users that do not exist.
 *
 * A conversation with an unknown user must look like one with a wrong password.
 * So it runs with a made-up secret, which is the same for a name as long as the
 * process lives and has the shape (kind, iterations, length of salt) of a stored
 * one: see auth_mock_resemble() in auth/conversation.h.
 */
#ifndef AUTH_MOCK_H
#define AUTH_MOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

/* A secret fit for the method, for mem_free_secret() to free; "" if OpenSSL failed. */
char *mock_secret(enum auth_method method, const char *user);
/* A salt for a name, of at most 32 bytes: also what a known user's clear password gets. */
bool mock_salt(const char *user, uint8_t *salt, size_t length);

#endif

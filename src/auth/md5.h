/*
 * md5.h - PostgreSQL's md5 log-in: "md5" and the hex digits of MD5(password user),
 * and over the wire those of MD5(those digits, salt).
 */
#ifndef AUTH_MD5_H
#define AUTH_MD5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MD5_TEXT_SIZE = 36, /* "md5", 32 digits, NUL */
	MD5_SALT_SIZE = 4,
};

/* What is stored of a password. False: this OpenSSL has no MD5 (FIPS). */
bool md5_secret(const char *password, const char *user, char secret[MD5_TEXT_SIZE]);
/* What goes over the wire for a stored secret and the salt of the day. */
bool md5_answer(const char secret[MD5_TEXT_SIZE], const uint8_t salt[MD5_SALT_SIZE],
    char answer[MD5_TEXT_SIZE]);
/* "md5" and 16 bytes as lower-case digits. */
void md5_put_hex(const uint8_t digest[16], char text[MD5_TEXT_SIZE]);

#endif

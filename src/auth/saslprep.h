/* saslprep.h - one spelling for each password (RFC 4013), as PostgreSQL takes it. */
#ifndef AUTH_SASLPREP_H
#define AUTH_SASLPREP_H

/*
 * The password as SCRAM hashes it. What SASLprep refuses (not UTF-8, prohibited
 * or unassigned characters) is taken as it is, byte for byte: PostgreSQL does
 * so, because it cannot know the encoding that a client typed it in. The caller
 * frees it with mem_free_secret().
 */
char *saslprep(const char *password);

#endif

/*
 * hba.h - who may come from where, and how it proves who it is: PostgreSQL's pg_hba.conf.
 *
 * The first line that fits decides. What pgweir cannot do (addresses by name, members of a
 * role, methods it does not speak) is refused when the file is read, never skipped.
 */
#ifndef AUTH_HBA_H
#define AUTH_HBA_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/ident.h"
#include "base/problems.h"
#include "config/config.h"

/* One reading of a file: never changes; owned by struct users. */
struct hba;

/* What its line says to do with a client. */
enum hba_act {
	HBA_ASK,    /* a conversation by `method`; trust asks for nothing */
	HBA_PEER,   /* the name of its user on this machine decides */
	HBA_CERT,   /* the common name of its verified certificate decides */
	HBA_REJECT,
	HBA_UNDECIDED, /* it may be meant or not: an expression found no answer. To be refused */
};

struct hba_verdict {
	enum hba_act act;
	enum auth_method method; /* of HBA_ASK */
	const char *map;	 /* of HBA_PEER and HBA_CERT: a map of auth.ident; NULL: names must be equal */
	const char *pam_service; /* of HBA_ASK by pam; NULL: auth.pam_service */
	bool pam_by_name;	 /* PAM hears the name of its address */
	const char *file;	 /* for the log */
	int line;
};

/* A client as it comes. All borrowed for the call. */
struct hba_client {
	const char *database, *user;
	bool local;		/* on a unix socket */
	bool encrypted;		/* by TLS, as it really is */
	bool replication;	/* physical: it names no database */
	uint8_t address[16];	/* unless local; IPv4 as ::ffff:a.b.c.d */
};

/* Read a file; `idents` (may be NULL) has the maps that it may name. NULL: see *problems. */
struct hba *hba_load(const char *path, const struct idents *idents, struct problems *problems);
void hba_free(struct hba *hba);
/* The first line that fits, or may. False: none does. What *verdict points at lives as long as hba. */
bool hba_find(const struct hba *hba, const struct hba_client *client, struct hba_verdict *verdict);

#endif

/* hba_line.h - one line of pg_hba.conf, read. For hba.c, which asks, and hba_line.c, which reads. */
#ifndef AUTH_HBA_LINE_H
#define AUTH_HBA_LINE_H

#include "auth/hba.h"
#include "auth_lines.h"
#include "name_regex.h"

/* What a word of a list of databases or users stands for. */
enum hba_name_kind {
	HBA_NAME,
	HBA_ALL,
	HBA_SAMEUSER,	 /* of databases: the one named as the user */
	HBA_REPLICATION, /* of databases: physical replication */
	HBA_REGEX,
};

struct hba_name {
	enum hba_name_kind kind;
	const char *text;
	struct name_regex *regex; /* ours, if HBA_REGEX */
};

struct hba_names {
	struct hba_name *items;
	size_t count;
};

enum hba_encryption { HBA_EITHER, HBA_ENCRYPTED, HBA_PLAIN };

/* Lives in its file's arena, but for what `names` own. */
struct hba_line {
	struct hba_line *next;
	bool local;
	enum hba_encryption encryption;
	struct hba_names databases, users;
	bool any_address, ipv4;
	uint8_t address[16], mask[16]; /* IPv4 as ::ffff:a.b.c.d */
	struct hba_verdict verdict;
};

/* Fill *one from the fields of a line. False: *problems says what is wrong with it. */
bool hba_line_read(struct hba_line *one, const struct auth_line *line, struct arena *arena,
    const struct idents *idents, struct problems *problems);
void hba_names_close(struct hba_names *names);

#endif

/*
 * facts.h - what a text of SQL does, told from PostgreSQL's own parse tree.
 *
 * Pure: a text goes in, facts come out, nothing else is read. Facts never
 * change once made; they are shared by the verdict cache and by the session.
 */
#ifndef SQL_FACTS_H
#define SQL_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sql/act.h"

/* A statement has every class that any of its parts has. */
enum sql_class {
	SQL_READ = 1 << 0,
	SQL_WRITE = 1 << 1,
	SQL_DDL = 1 << 2,
	SQL_ROLE = 1 << 3,
	SQL_TXN = 1 << 4,
	SQL_SESSION = 1 << 5,
	SQL_FUNCTION = 1 << 6,
	SQL_DO = 1 << 7,
	SQL_CALL = 1 << 8,
	SQL_COPY_IN = 1 << 9,
	SQL_COPY_OUT = 1 << 10,
	SQL_COPY_FILE = 1 << 11,
	SQL_COPY_PROGRAM = 1 << 12,
	SQL_MAINTENANCE = 1 << 13,
	SQL_LOCK = 1 << 14,
	SQL_LISTEN = 1 << 15,
	SQL_CURSOR = 1 << 16,
	SQL_PREPARE = 1 << 17,
	SQL_EXPLAIN = 1 << 18,
	SQL_REPLICATION = 1 << 19,
	SQL_OTHER = 1 << 20,
};

enum sql_access { SQL_ACCESS_READ = 1, SQL_ACCESS_WRITE = 2, SQL_ACCESS_DDL = 4 };

/* What a WHERE clause of an UPDATE or DELETE holds back. The worst of all parts counts. */
enum sql_where { SQL_WHERE_NONE, SQL_WHERE_PRESENT, SQL_WHERE_TAUTOLOGY, SQL_WHERE_ABSENT };

/* What the statement does to the transaction. */
enum sql_transaction {
	SQL_TXN_NOTHING,
	SQL_TXN_BEGIN,
	SQL_TXN_COMMIT,	  /* also END */
	SQL_TXN_ROLLBACK, /* also ABORT */
	SQL_TXN_SAVEPOINT,
	SQL_TXN_RELEASE,
	SQL_TXN_ROLLBACK_TO,
	SQL_TXN_PREPARE,	   /* PREPARE TRANSACTION */
	SQL_TXN_COMMIT_PREPARED,   /* also ROLLBACK PREPARED */
};

/*
 * What the statement leaves behind in its server connection when its
 * transaction is over, so that the connection cannot serve another client as it is.
 */
enum sql_residue {
	SQL_RESIDUE_TEMP = 1 << 0,	/* temporary table, view, sequence, function */
	SQL_RESIDUE_LISTEN = 1 << 1,
	SQL_RESIDUE_ADVISORY = 1 << 2,	/* session-level advisory lock */
	SQL_RESIDUE_HOLD = 1 << 3,	/* cursor WITH HOLD */
	SQL_RESIDUE_PREPARE = 1 << 4,	/* SQL PREPARE */
	SQL_RESIDUE_LOAD = 1 << 5,
	SQL_RESIDUE_SEED = 1 << 6,	/* setseed(), SET seed */
	SQL_RESIDUE_SETTING = 1 << 7,	/* a setting changed in a way we cannot follow */
	SQL_RESIDUE_OPAQUE = 1 << 8,	/* DO, CALL: anything may be left */
	SQL_RESIDUE_ROLE = 1 << 9,	/* SET ROLE, SET SESSION AUTHORIZATION */
	SQL_RESIDUE_DBLINK = 1 << 10,	/* dblink_connect */
};

/* Whose later sessions a statement stores settings for; NULL is every role, or database. */
struct sql_stored {
	char *role, *database;
};

/* What happens to a setting. */
enum sql_setting_kind {
	SQL_SETTING_SET,       /* SET name TO …; set_config() with constants at top level */
	SQL_SETTING_RESET,     /* RESET name, SET name TO DEFAULT */
	SQL_SETTING_RESET_ALL, /* name is "" */
};

struct sql_setting {
	char *name; /* as PostgreSQL folds it, e.g. "search_path", "TimeZone" as "timezone" */
	enum sql_setting_kind kind;
	bool local;	/* SET LOCAL, SET TRANSACTION: ends with the transaction */
	char *replay; /* for SET that is not local: a statement that does the same, else NULL */
	char *path;   /* for the statement SET search_path: its names, as set_config() takes them; else NULL */
};

struct sql_relation {
	char *schema; /* NULL when bare */
	char *name;
	unsigned access; /* bits of enum sql_access */
};

/* Facts of one statement of a text. */
struct sql_statement {
	int location, length; /* bytes of the text, without the semicolon */
	unsigned classes;
	unsigned effects; /* classes without those that a plain EXPLAIN only names */
	const char *verb; /* "SELECT", "CREATE INDEX", …: the first words of the command tag */
	const char *const *verbs; /* every verb of every part, NULL-terminated */
	struct sql_relation *relations;
	size_t relation_count;
	char **functions; /* last name part of every function called */
	size_t function_count;
	/*
	 * Columns that are named anywhere, whichever relation they are of; "*" when all of
	 * a relation's are meant, in any spelling.
	 */
	char **columns;
	size_t column_count;
	struct sql_act *acts;
	size_t act_count;
	bool reads_tables;    /* the rows that the client gets come from relations … */
	bool reads_unlimited; /* … and have no LIMIT */
	bool reads_all;	      /* … nor a WHERE */
	/*
	 * Where in the text the LIMIT of those rows stands; 0 without one, -1 where it is no
	 * literal and no parameter.
	 */
	int limit_location;
	bool selects_star;    /* SELECT *, other than in EXISTS */
	bool writes_uncounted; /* a write whose rows the command tag does not tell */
	enum sql_where where;
	const char *where_relation; /* the UPDATE's or DELETE's relation; NULL without one */
	enum sql_transaction transaction;
	bool chain;	    /* COMMIT or ROLLBACK AND CHAIN */
	char *savepoint;    /* its name, or NULL */
	unsigned residue;
	struct sql_setting *settings;
	size_t setting_count;
	/*
	 * Every setting that any part changes or stores, in any spelling (SET,
	 * set_config() wherever it is called, ALTER ROLE … SET, CREATE FUNCTION …
	 * SET, BEGIN READ WRITE, …); "" where the name is not a constant or all are
	 * meant. For lists of what may be set.
	 */
	char **setting_names;
	size_t setting_name_count;
	bool setting_stored; /* on a role, a database, a function or the system */
	struct sql_stored *stored; /* ALTER ROLE or DATABASE … SET or RESET; else NULL */
	bool read_write;     /* asks for READ WRITE, in any spelling */
	bool misread;	     /* makes the server read texts otherwise than the parser does */
	char *prepared_name; /* of PREPARE, EXECUTE, DEALLOCATE; "" for ALL; or NULL */
	bool by_message;     /* no SQL: a FunctionCall message */
	bool discards_all;   /* DISCARD ALL */
	bool deallocates;    /* DEALLOCATE, DISCARD PLANS */
	char *cursor;	     /* of DECLARE and FETCH; or NULL */
	bool declares;	     /* it is DECLARE */
	char *listened;	     /* channel of LISTEN; or NULL */
	char *unlistened;    /* of UNLISTEN; "" for all; or NULL */
	bool notifies;	     /* NOTIFY, pg_notify() */
	bool asks_channels;  /* calls pg_listening_channels() */
	bool asks_sequence;  /* calls currval() or lastval() */
	bool advances_sequence; /* calls nextval() or setval() */
	bool asks_pid; /* it is SELECT pg_backend_pid(), maybe with an alias, and no more */
	bool signals;  /* the same with pg_cancel_backend() or pg_terminate_backend() of a number */

	/* CREATE INDEX and DROP …, for the built-in rules. */
	bool index_created, index_concurrently;
	char *index_name;      /* NULL when PostgreSQL chooses */
	const char *drop_kind; /* "TABLE", "INDEX", …; NULL when nothing is dropped */
	bool drop_cascade, drop_concurrently;
	char *column_dropped; /* ALTER TABLE … DROP COLUMN: the first one's name, else NULL */
	/* Relations (relations[].name) the statement drops or indexes carry SQL_ACCESS_DDL. */
};

/* Facts of a whole text. Owned by the caller of sql_facts(). */
struct sql_facts {
	struct sql_statement *statements;
	size_t statement_count; /* 0: empty query */
	unsigned classes;	/* of all statements */
	char fingerprint[24];	/* "pg15:" and 16 hex digits; "" without one */
	char *normalized;	/* literals as $n, secrets hidden; of the whole text */
	void *memory;		/* what sql_facts_free() frees */
};

/* How a text fared. */
enum sql_outcome {
	SQL_KNOWN,	/* *facts is set */
	SQL_UNPARSEABLE, /* err says what and where; err_position in bytes from 1, or 0 */
	SQL_OVERSIZE,	/* longer than the cap */
};

/* Texts longer than this are never given to the parser. */
enum { SQL_TEXT_MOST = 256 * 1024 };
/* Stack a thread needs to parse a text of `cap` bytes: see docs/ARCHITECTURE.md. */
static inline size_t
sql_stack_size(size_t cap)
{
	return 256 * cap + (1 << 20);
}

/*
 * Parse and tell. `cap` is the policy's on_oversize.above, at most SQL_TEXT_MOST.
 * Call only on a thread whose stack has sql_stack_size(cap) bytes.
 */
enum sql_outcome sql_facts(const char *text, size_t length, size_t cap,
    struct sql_facts **facts, struct error *err, int *err_position);
/* Those of a FunctionCall message, which names its function by number only. */
struct sql_facts *sql_facts_of_call(void);
void sql_facts_free(struct sql_facts *facts);

/* "READ", … of one class bit; and the other way round, 0 if there is none. */
const char *sql_class_name(unsigned class_bit);
unsigned sql_class_by_name(const char *name);

#endif

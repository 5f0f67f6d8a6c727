/*
 * main.c - pgweirctl, the operator's and auditor's tool: a table of subcommands.
 *
 * The work is done on a thread with a large stack, since some of it parses SQL.
 */
#include <pthread.h>
#include <string.h>

#include "config.h"
#include "ctl.h"
#include "base/mem.h"
#include "base/text.h"
#include "sql/facts.h"

static const struct ctl_command commands[] = {
	{ "catalog", "write down what a database has in it",
	    "--dsn CONNINFO\n"
	    "Write relations, their sizes, columns, indexes and constraints to standard output,\n"
	    "a line of JSON each: lint, explain and replay take it with --catalog, to judge as\n"
	    "pgweir does where it knows the server.\n"
	    "\n"
	    "      --dsn CONNINFO  database to read, as psql takes it: \"host=… dbname=…\" or a URI\n"
	    "  -h, --help          print this and exit\n"
	    "\n"
	    "Exit status: 0 good, 1 it could not be read, 2 usage.\n",
	    ctl_catalog },
	{ "check", "check the configuration, users, policies and their tests",
	    "[OPTION]... [FILE]\n"
	    "Check a configuration as pgweir -t does: the file, the userlist, every policy\n"
	    "and its tests. Every fault is printed as file:line:col: error: text.\n"
	    "\n"
	    "  FILE              configuration (default " PGWEIR_SYSCONFDIR "/pgweir.yaml)\n"
	    "      --live        then ask its databases if the roles that users are mapped to\n"
	    "                    have no more than they should; tell what is wrong, why, and\n"
	    "                    the SQL that mends it. Nothing is changed\n"
	    "      --user U      ask as this role (default: catalog.user)\n"
	    "      --database D  only this one, as the client names it; may be repeated\n"
	    "      --role R      only about this role; may be repeated\n"
	    "      --owner R     this role is meant to own and make objects; may be repeated\n"
	    "      --format F    text or json, of what --live finds\n"
	    "  -h, --help        print this and exit\n"
	    "\n"
	    "Exit status: 0 good, 1 an exception of a policy has expired, or --live found\n"
	    "something or could not ask, 2 usage, 78 bad configuration or policy.\n",
	    ctl_check },
	{ "explain", "tell what the policies say of a statement",
	    "[OPTION]... 'SQL'\n"
	    "Tell the verdict, each rule that matched with file and line, and the limits.\n"
	    "\n"
	    "      --user U       who logged in\n"
	    "      --role R       PostgreSQL role (default: the user's, else the same name)\n"
	    "      --database D   database, as the client names it\n"
	    "      --app A        application_name\n"
	    "      --client IP    address of the client\n"
	    "      --at TIME      as if it were then: 2026-11-22T09:37Z (default: now)\n"
	    "      --policy PATH  policies: a folder, a file or a glob\n"
	    "      --catalog FILE what pgweirctl catalog wrote of the database\n"
	    "  -c, --config FILE  policies and users of this configuration\n"
	    "                     (default " PGWEIR_SYSCONFDIR "/pgweir.yaml, if it is there)\n"
	    "  -h, --help         print this and exit\n"
	    "\n"
	    "Exit status: 0 not denied, 1 denied, 2 usage, 78 bad configuration or policy.\n",
	    ctl_explain },
	{ "lint", "judge files of SQL before they are run",
	    "[OPTION]... PATH...\n"
	    "Judge every statement of migration files, each file as it would be run by psql. A\n"
	    "folder stands for all *.sql files in it. Every rule that warns or denies is told,\n"
	    "with the safe way.\n"
	    "\n"
	    "      --policy PATH         policies: a folder, a file or a glob (default: the packs\n"
	    "                            unsafe-ddl, destructive-ddl and hygiene)\n"
	    "      --user U              as if this user ran them\n"
	    "      --role R              with this PostgreSQL role (default: the user's name)\n"
	    "      --database D          in this database\n"
	    "      --catalog FILE        what pgweirctl catalog wrote of the database (default: every\n"
	    "                            table counts as large)\n"
	    "      --single-transaction  each file is run in one transaction\n"
	    "      --format FORMAT       text (default), json, sarif or github\n"
	    "  -h, --help                print this and exit\n"
	    "\n"
	    "Exit status: 0 nothing is denied, 1 something is, or a file cannot be read, 2 usage,\n"
	    "78 bad policy.\n",
	    ctl_lint },
	{ "test", "run the inline tests of the policies",
	    "[-c FILE | PATH]\n"
	    "Load policies and run the tests in them.\n"
	    "\n"
	    "  PATH               a folder, a file or a glob\n"
	    "  -c, --config FILE  the policies of this configuration\n"
	    "                     (default " PGWEIR_SYSCONFDIR "/pgweir.yaml)\n"
	    "  -h, --help         print this and exit\n"
	    "\n"
	    "Exit status: 0 all passed, 1 an exception has expired, 2 usage, 78 a test failed or a\n"
	    "policy is bad.\n",
	    ctl_test },
	{ "replay", "judge the access log again under another policy",
	    "--audit FILE... --policy PATH [OPTION]...\n"
	    "Judge every statement of the access log under candidate policies, and tell what would\n"
	    "newly be denied, and what no longer, by user and rule, with counts and an example.\n"
	    "Rules in mode warn count as if they were enforced.\n"
	    "\n"
	    "      --audit FILE...  access log; several in any order\n"
	    "      --policy PATH    policies: a folder, a file or a glob\n"
	    "      --catalog FILE   what pgweirctl catalog wrote of the database\n"
	    "      --format FORMAT  text (default) or json\n"
	    "  -h, --help           print this and exit\n"
	    "\n"
	    "Exit status: 0 nothing would newly be denied, 1 something would, or a file cannot be\n"
	    "read, 2 usage, 78 bad policy.\n",
	    ctl_replay },
	{ "suggest", "make the least policy, or the GRANTs, from the access log",
	    "--audit FILE... [OPTION]...\n"
	    "Write what the statements of the access log need and no more, to standard output:\n"
	    "an allow-list in mode warn, or GRANTs for psql. What could not be told from the log\n"
	    "stands in it as comments.\n"
	    "\n"
	    "      --audit FILE...  access log; several in any order\n"
	    "      --as KIND        policy (default) or grants\n"
	    "      --database D     what was done in this database only\n"
	    "      --schema NAME    for grants: where relations are that are named without schema\n"
	    "      --format FORMAT  text (default), or json: all that was observed, with counts\n"
	    "  -h, --help           print this and exit\n"
	    "\n"
	    "Exit status: 0 good, 1 a file cannot be read, 2 usage.\n",
	    ctl_suggest },
	{ "report", "tell from the logs where the time goes and who touched what",
	    "--audit FILE... [OPTION]...\n"
	    "Report from the access log, and the slow log if given.\n"
	    "\n"
	    "      --audit FILE...   access log; several in the order they were written\n"
	    "      --slow FILE...    slow log\n"
	    "      --baseline FILE... access log of another time: what got slower since\n"
	    "      --objective TIME  how long a statement should take at most (default 200ms)\n"
	    "      --grants FILE     what is granted, as CSV: which of it was not used\n"
	    "      --public-key FILE, --mac-key FILE  check the chain with them, as verify does\n"
	    "      --view VIEW       performance or access (default: both)\n"
	    "      --since TIME      not before: 2026-11-22, 2026-11-22T09:37Z, or 2h for two\n"
	    "                        hours ago\n"
	    "      --until TIME      before\n"
	    "      --top N           rows of each table (default 20)\n"
	    "      --format FORMAT   text (default), json, or html: one page with charts\n"
	    "      --progress        tell how far it is, also where standard error is no terminal\n"
	    "  -h, --help            print this and exit\n"
	    "\n"
	    "Exit status: 0 good, 1 a file cannot be read, 2 usage.\n",
	    ctl_report },
	{ "verify", "check the chain of the access log",
	    "FILE... [OPTION]...\n"
	    "Check that each line is a record, that seq counts up by one and that prev is the\n"
	    "hash of the line before, through all files in the order given; with the keys\n"
	    "also macs and signatures. The first bad or missing record is named.\n"
	    "\n"
	    "      --public-key FILE  Ed25519 key in PEM: checkpoints must be signed by it\n"
	    "                         (may be given several times)\n"
	    "      --mac-key FILE     the auditors' copy of audit.mac_key: macs must fit\n"
	    "      --main-log FILE    checkpoints that pgweir's log tells must be there, so that\n"
	    "                         an end cut off shows\n"
	    "      --format FORMAT    text (default) or json\n"
	    "      --progress         tell how far it is, also where standard error is no terminal\n"
	    "  -h, --help             print this and exit\n"
	    "\n"
	    "Exit status: 0 whole, 1 broken or not readable, 2 usage.\n",
	    ctl_verify },
	{ "top", "watch what pgweir does right now",
	    "[OPTION]... [CONSOLE]\n"
	    "Show databases, pools, clients or statements with their rates, and again every two seconds,\n"
	    "asked of the console. Keys: d p c s choose the view, < > the column that it is sorted\n"
	    "by, r turns the order around, q quits.\n"
	    "\n"
	    "      --once           print once and end, with the rates of a second\n"
	    "      --json           the same as JSON\n"
	    "      --view VIEW      databases, pools, clients or statements; may be given several times\n"
	    "                       (default: databases and pools)\n"
	    "      --sort COLUMN    the column to sort by\n"
	    "      --reverse        the other way round\n"
	    "      --limit N        rows of each view, with --once (default: all)\n"
	    "      --interval TIME  between two looks (default 2s, with --once 1s)\n"
	    "  -h, --help           print this and exit\n"
	    "  CONSOLE              where it is, as libpq reads it, such as\n"
	    "                       postgres://postgres@127.0.0.1:6432/pgweir; what it does not\n"
	    "                       say is as PGHOST, PGUSER and their like say, port 6432,\n"
	    "                       database pgweir\n"
	    "\n"
	    "Exit status: 0 good, 1 the console cannot be reached, 2 usage.\n",
	    ctl_top },
	{ "load", "put the access log into a table of PostgreSQL",
	    "--to TARGET FILE... [OPTION]...\n"
	    "Put access records into the table access_log, partitioned by day, and make the views\n"
	    "that answer the report's questions in SQL. What is there already is left alone, so\n"
	    "the same files may be loaded again. The chain is checked on the way.\n"
	    "\n"
	    "      --to TARGET      the database, as libpq reads it: postgres://user@host/db\n"
	    "      --schema NAME    where table and views are (default pgweir)\n"
	    "      --sql            only print what makes table and views\n"
	    "      --format FORMAT  text (default) or json\n"
	    "      --progress       tell how far it is, also where standard error is no terminal\n"
	    "  -h, --help           print this and exit\n"
	    "\n"
	    "Exit status: 0 good, 1 something could not be read or loaded, or the chain is broken,\n"
	    "2 usage.\n",
	    ctl_load },
	{ "sign", "sign policy files",
	    "--key FILE POLICY...\n"
	    "Write a detached Ed25519 signature of each file beside it, as POLICY.sig, for\n"
	    "policies_trust.\n"
	    "\n"
	    "  -k, --key FILE  private key in PEM, as pgweirctl keygen --sign-key makes it\n"
	    "  -h, --help      print this and exit\n"
	    "\n"
	    "Exit status: 0 all are signed, 1 a file cannot be read or written, 2 usage.\n",
	    ctl_sign },
	{ "keygen", "make the keys of the access log, or a pair to sign policies with",
	    "[OPTION]...\n"
	    "Make new keys. Files that are there already are left alone.\n"
	    "\n"
	    "      --mac-key FILE     for audit.mac_key; copy it off the machine before it is used\n"
	    "      --sign-key FILE    for audit.sign_key, Ed25519\n"
	    "      --public-key FILE  its public half (default: the name of --sign-key with .pub)\n"
	    "  -h, --help             print this and exit\n"
	    "\n"
	    "Exit status: 0 good, 1 a file cannot be written, 2 usage.\n",
	    ctl_keygen },
	{ "import", "make a pgweir.yaml of a pgbouncer.ini",
	    "FILE\n"
	    "Write the pgweir.yaml that does what this configuration of PgBouncer did to standard\n"
	    "output, with PgBouncer's defaults where pgweir has others. A comment at its end tells\n"
	    "of each key whether it is mapped, has changed its meaning, or is dropped, and why.\n"
	    "\n"
	    "  FILE        pgbouncer.ini; files that it includes are read, too\n"
	    "  -h, --help  print this and exit\n"
	    "\n"
	    "Exit status: 0 good, 2 usage, 78 it cannot be read, or pgweir cannot take it.\n",
	    ctl_import },
	{ "console", "give commands to the admin console",
	    "[--to CONSOLE] [OPTION]... ['COMMAND']\n"
	    "Give a command to the console and print what it answers: 'SHOW POOLS', 'RELOAD'.\n"
	    "Without one each line of standard input is a command; \\q ends it, and so does the\n"
	    "first that fails where standard input is no terminal.\n"
	    "\n"
	    "      --to CONSOLE     where it is, as libpq reads it; see pgweirctl top\n"
	    "      --format FORMAT  text (default) or json: rows as a list of objects\n"
	    "  -h, --help           print this and exit\n"
	    "\n"
	    "Exit status: 0 good, 1 it cannot be reached or refused a command, 2 usage.\n",
	    ctl_console },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

/* What the thread is to do, and how it went. */
struct job {
	const struct ctl_command *command;
	int argc;
	char **argv;
	int status;
};

static int
print_help(FILE *out, int status)
{
	fprintf(out, "Usage: pgweirctl COMMAND [ARGUMENT]...\n"
		     "The operator's and auditor's tool of pgweir.\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\n'pgweirctl COMMAND --help' tells more. See pgweirctl(1).\n");
	return status;
}

static const struct ctl_command *
find_command(const char *name)
{
	const char *names[COMMANDS];
	const char *nearest;

	for (size_t i = 0; i < COMMANDS; i++) {
		names[i] = commands[i].name;
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	nearest = text_nearest(name, names, COMMANDS);
	fprintf(stderr, "pgweirctl: no command '%s'", name);
	if (nearest != NULL)
		fprintf(stderr, " (did you mean '%s'?)", nearest);
	fprintf(stderr, "\nTry 'pgweirctl --help'.\n");
	return NULL;
}

static void *
run_job(void *arg)
{
	struct job *job = arg;

	job->status = job->command->run(job->command, job->argc, job->argv);
	return NULL;
}

/* On a thread, for only a thread's stack can be given its size with certainty. */
static int
run_command(const struct ctl_command *command, int argc, char **argv)
{
	struct job job = { .command = command, .argc = argc, .argv = argv };
	char *name = mem_printf("pgweirctl %s", command->name);
	pthread_attr_t attributes;
	pthread_t thread;
	int failure;

	argv[0] = name; /* getopt's messages begin with it */
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, sql_stack_size(SQL_TEXT_MOST));
	failure = pthread_create(&thread, &attributes, run_job, &job);
	pthread_attr_destroy(&attributes);
	if (failure != 0) {
		fprintf(stderr, "pgweirctl: cannot start a thread: %s\n", strerror(failure));
		job.status = CTL_NO;
	} else {
		pthread_join(thread, NULL);
	}
	mem_free(name);
	return job.status;
}

int
main(int argc, char **argv)
{
	const struct ctl_command *command;
	int status;

	if (argc < 2)
		return print_help(stderr, CTL_USAGE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return print_help(stdout, CTL_GOOD);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("pgweirctl %s\n", PACKAGE_VERSION);
		return CTL_GOOD;
	}
	command = find_command(argv[1]);
	if (command == NULL)
		return CTL_USAGE;
	status = run_command(command, argc - 1, argv + 1);
	/* A report cut short by a full disk must not look like a good one. */
	if (fflush(stdout) != 0 && status == CTL_GOOD) {
		perror("pgweirctl: cannot write");
		return CTL_NO;
	}
	return status;
}

/* test_hba.c - behaviour of auth/hba, auth/ident and the lines that both read. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "auth/hba.h"
#include "base/buf.h"
#include "base/mem.h"

/* A folder with the files of a test in it. */
struct fixture {
	char folder[32];
	struct problems problems;
	struct idents *idents;
	struct hba *hba;
};

static char *
path_of(const struct fixture *fixture, const char *name)
{
	return mem_printf("%s/%s", fixture->folder, name);
}

static void
write_bytes(const struct fixture *fixture, const char *name, const void *bytes, size_t length)
{
	char *path = path_of(fixture, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	fclose(file);
	mem_free(path);
}

static void
write_file(const struct fixture *fixture, const char *name, const char *text)
{
	write_bytes(fixture, name, text, strlen(text));
}

static int
set_up(void **state)
{
	struct fixture *fixture = mem_zalloc(1, sizeof(*fixture));

	strcpy(fixture->folder, "/tmp/pgweir-hba-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	*state = fixture;
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const names[] = { "hba", "ident", "names", "more" };
	struct fixture *fixture = *state;

	hba_free(fixture->hba);
	idents_free(fixture->idents);
	problems_free(&fixture->problems);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = path_of(fixture, names[i]);

		unlink(path);
		mem_free(path);
	}
	rmdir(fixture->folder);
	mem_free(fixture);
	return 0;
}

static void
load_ident(struct fixture *fixture, const char *text)
{
	char *path = path_of(fixture, "ident");

	write_file(fixture, "ident", text);
	fixture->idents = idents_load(path, &fixture->problems);
	mem_free(path);
}

static void
load(struct fixture *fixture, const char *text)
{
	char *path = path_of(fixture, "hba");

	write_file(fixture, "hba", text);
	hba_free(fixture->hba);
	fixture->hba = hba_load(path, fixture->idents, &fixture->problems);
	mem_free(path);
}

/* Of a client from an address (NULL: a unix socket), the line that fits; 0: none. */
static int
line_for(const struct fixture *fixture, const char *address, const char *database, const char *user)
{
	struct hba_client client = {
		.database = database, .user = user, .local = address == NULL
	};
	struct hba_verdict verdict;

	assert_non_null(fixture->hba);
	if (address != NULL && strchr(address, ':') != NULL)
		assert_int_equal(inet_pton(AF_INET6, address, client.address), 1);
	else if (address != NULL) {
		client.address[10] = client.address[11] = 0xff;
		assert_int_equal(inet_pton(AF_INET, address, client.address + 12), 1);
	}
	return hba_find(fixture->hba, &client, &verdict) ? verdict.line : 0;
}

/* Loading it fails with these faults, a line each, the folder left out. */
static void
expect_faults(struct fixture *fixture, const char *text, const char *expected)
{
	struct buf faults = { 0 };
	char *told;

	load(fixture, text);
	assert_null(fixture->hba);
	for (size_t i = 0; i < fixture->problems.count; i++) {
		const struct problem *one = &fixture->problems.items[i];

		buf_printf(&faults, "%d:%d: %s\n", one->line, one->col, one->text);
	}
	told = buf_steal_text(&faults);
	assert_string_equal(told, expected);
	mem_free(told);
	problems_free(&fixture->problems);
	fixture->problems = (struct problems){ 0 };
}

static void
the_first_line_that_fits_decides(void **state)
{
	struct fixture *fixture = *state;

	load(fixture, "# who may come\n"
		      "local all all trust\n"
		      "host shop app 10.0.0.0/8 scram-sha-256\n"
		      "host all all 10.1.0.0 255.255.0.0 reject\n"
		      "host all all 0.0.0.0/0 md5\n");
	assert_int_equal(line_for(fixture, NULL, "x", "y"), 2);
	assert_int_equal(line_for(fixture, "10.1.2.3", "shop", "app"), 3);
	assert_int_equal(line_for(fixture, "10.1.2.3", "shop", "other"), 4);
	assert_int_equal(line_for(fixture, "10.2.2.3", "shop", "other"), 5);
	assert_int_equal(line_for(fixture, "::1", "shop", "app"), 0);
}

static void
a_line_says_act_and_method(void **state)
{
	struct fixture *fixture = *state;
	struct hba_client client = { .database = "d", .user = "u", .local = true };
	struct hba_verdict verdict;
	static const struct {
		const char *line;
		enum hba_act act;
		enum auth_method method;
	} cases[] = {
		{ "local all all trust\n", HBA_ASK, AUTH_METHOD_TRUST },
		{ "local all all password\n", HBA_ASK, AUTH_METHOD_PASSWORD },
		{ "local all all md5\n", HBA_ASK, AUTH_METHOD_MD5 },
		{ "local all all scram-sha-256\n", HBA_ASK, AUTH_METHOD_SCRAM },
		{ "local all all reject\n", HBA_REJECT, AUTH_METHOD_TRUST },
		{ "local all all peer\n", HBA_PEER, AUTH_METHOD_TRUST },
		{ "local all all ident\n", HBA_PEER, AUTH_METHOD_TRUST },
		{ "local all all pam\n", HBA_ASK, AUTH_METHOD_PAM },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		load(fixture, cases[i].line);
		assert_true(hba_find(fixture->hba, &client, &verdict));
		assert_int_equal(verdict.act, cases[i].act);
		assert_int_equal(verdict.method, cases[i].method);
		assert_null(verdict.map);
	}
}

static void
a_line_with_pam_names_its_service_and_what_pam_hears(void **state)
{
	struct fixture *fixture = *state;
	struct hba_client client = { .database = "d", .user = "u", .local = true };
	struct hba_verdict verdict;

	load(fixture, "local all all pam\n");
	assert_true(hba_find(fixture->hba, &client, &verdict));
	assert_null(verdict.pam_service);
	assert_false(verdict.pam_by_name);
	load(fixture, "local all all pam pamservice=staff pam_use_hostname=1\n");
	assert_true(hba_find(fixture->hba, &client, &verdict));
	assert_string_equal(verdict.pam_service, "staff");
	assert_true(verdict.pam_by_name);
}

static void
encryption_is_what_it_really_is(void **state)
{
	struct fixture *fixture = *state;
	struct hba_client client = { .database = "d", .user = "u" };
	struct hba_verdict verdict;

	load(fixture, "hostssl all all all scram-sha-256\nhostnossl all all all reject\n");
	assert_true(hba_find(fixture->hba, &client, &verdict));
	assert_int_equal(verdict.line, 2);
	client.encrypted = true;
	assert_true(hba_find(fixture->hba, &client, &verdict));
	assert_int_equal(verdict.line, 1);
	client.local = true;
	assert_false(hba_find(fixture->hba, &client, &verdict));
}

static void
lists_hold_names_quoted_or_not(void **state)
{
	struct fixture *fixture = *state;

	load(fixture, "local shop,crm, \"all\" app,\"Odd Name\",\"say \"\"hi\"\"\" trust\n"
		      "local sameuser all md5\n");
	assert_int_equal(line_for(fixture, NULL, "shop", "app"), 1);
	assert_int_equal(line_for(fixture, NULL, "crm", "Odd Name"), 1);
	assert_int_equal(line_for(fixture, NULL, "all", "say \"hi\""), 1);
	assert_int_equal(line_for(fixture, NULL, "other", "app"), 0);
	assert_int_equal(line_for(fixture, NULL, "Shop", "app"), 0);
	assert_int_equal(line_for(fixture, NULL, "joe", "joe"), 2);
}

static void
names_by_expression_fit_anywhere_in_them(void **state)
{
	struct fixture *fixture = *state;

	load(fixture, "local /^shop_[0-9]+$ \"/^(a|b),x$\" trust\n");
	assert_int_equal(line_for(fixture, NULL, "shop_12", "a,x"), 1);
	assert_int_equal(line_for(fixture, NULL, "shop_", "a,x"), 0);
	assert_int_equal(line_for(fixture, NULL, "shop_12", "a"), 0);
	assert_int_equal(line_for(fixture, NULL, "shop_12\xff", "a,x"), 0);
	assert_int_equal(line_for(fixture, NULL, "shop_12\n", "a,x"), 0); /* `$` is the very end */
}

static void
an_expression_without_an_answer_refuses_and_no_later_line_is_asked(void **state)
{
	struct fixture *fixture = *state;
	char name[64];
	struct hba_client client = { .database = "shop", .user = name, .local = true };
	struct hba_verdict verdict;

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	name[sizeof(name) - 2] = '!';
	load(fixture, "local all /^(a+)+$ reject\nlocal all all trust\n");
	assert_true(hba_find(fixture->hba, &client, &verdict));
	assert_int_equal(verdict.act, HBA_UNDECIDED);
	assert_int_equal(verdict.line, 1);

	/* The line cannot be meant, or it is meant by another of its names. */
	load(fixture, "local crm /^(a+)+$ reject\nlocal all /^(a+)+$,all trust\n");
	assert_true(hba_find(fixture->hba, &client, &verdict));
	assert_int_equal(verdict.act, HBA_ASK);
	assert_int_equal(verdict.line, 2);
}

static void
replication_is_let_in_by_its_word_alone(void **state)
{
	struct fixture *fixture = *state;
	struct hba_client client = {
		.database = "", .user = "u", .local = true, .replication = true
	};
	struct hba_verdict verdict;

	load(fixture, "local all all trust\nlocal \"replication\" all trust\n");
	assert_false(hba_find(fixture->hba, &client, &verdict));
	load(fixture, "local all all trust\nlocal replication u trust\n");
	assert_true(hba_find(fixture->hba, &client, &verdict));
	assert_int_equal(verdict.line, 2);
	assert_int_equal(line_for(fixture, NULL, "replication", "u"), 1);
}

static void
addresses_are_of_their_kind(void **state)
{
	struct fixture *fixture = *state;

	load(fixture, "host a all ::/0 trust\n"
		      "host b all fe80:: ffff:ffff:: trust\n"
		      "host c all 192.168.7.9/24 trust\n"
		      "host d all 0.0.0.0 0.0.0.0 trust\n"
		      "host e all all trust\n");
	assert_int_equal(line_for(fixture, "127.0.0.1", "a", "u"), 0);
	assert_int_equal(line_for(fixture, "2001:db8::7", "a", "u"), 1);
	assert_int_equal(line_for(fixture, "fe80::1", "b", "u"), 2);
	assert_int_equal(line_for(fixture, "fe81::1", "b", "u"), 0);
	assert_int_equal(line_for(fixture, "192.168.7.200", "c", "u"), 3);
	assert_int_equal(line_for(fixture, "192.168.8.200", "c", "u"), 0);
	assert_int_equal(line_for(fixture, "::ffff:9.9.9.9", "d", "u"), 4);
	assert_int_equal(line_for(fixture, "::1", "d", "u"), 0);
	assert_int_equal(line_for(fixture, "::1", "e", "u"), 5);
	assert_int_equal(line_for(fixture, "1.2.3.4", "e", "u"), 5);
}

static void
a_named_file_holds_names_and_names_files(void **state)
{
	struct fixture *fixture = *state;

	write_file(fixture, "names", "# the team\nann, bob\n  carl \"all\" @more\n");
	write_file(fixture, "more", "dora\n");
	load(fixture, "local shop,crm ann,@names trust\nlocal @more @more md5\n");
	assert_int_equal(line_for(fixture, NULL, "crm", "bob"), 1);
	assert_int_equal(line_for(fixture, NULL, "shop", "dora"), 1);
	assert_int_equal(line_for(fixture, NULL, "shop", "all"), 1);
	assert_int_equal(line_for(fixture, NULL, "shop", "eve"), 0);
	assert_int_equal(line_for(fixture, NULL, "dora", "dora"), 2);
}

static void
files_that_cannot_be_read_are_faults_where_they_are_named(void **state)
{
	struct fixture *fixture = *state;

	write_file(fixture, "names", "ann @names\n");
	load(fixture, "local all x,@names trust\nlocal all @nowhere trust\nlocal all @ trust\n");
	assert_null(fixture->hba);
	assert_int_equal(fixture->problems.errors, 2);
	assert_non_null(strstr(fixture->problems.items[0].text, "does one name itself?"));
	assert_int_equal(fixture->problems.items[1].line, 2);
	assert_int_equal(fixture->problems.items[1].col, 11);
	assert_non_null(strstr(fixture->problems.items[1].text, "No such file"));
}

static void
an_empty_named_file_makes_no_line_for_everybody(void **state)
{
	struct fixture *fixture = *state;

	write_file(fixture, "names", "# nobody yet\n");
	expect_faults(fixture, "local all @names trust\n",
	    "1:11: auth.hba: the file that is named here has no word in it\n");
}

static void
a_backslash_joins_lines(void **state)
{
	struct fixture *fixture = *state;

	load(fixture, "local shop, \\\n crm \\\n app trust\nlocal all all md5\n");
	assert_int_equal(line_for(fixture, NULL, "crm", "app"), 1);
	assert_int_equal(line_for(fixture, NULL, "x", "app"), 4);
}

static void
lines_of_windows_and_a_last_line_without_end_are_read(void **state)
{
	struct fixture *fixture = *state;

	load(fixture, "local shop app trust\r\n\r\nlocal crm app trust# here");
	assert_int_equal(line_for(fixture, NULL, "shop", "app"), 1);
	assert_int_equal(line_for(fixture, NULL, "crm", "app"), 3);
}

static void
every_fault_is_told_with_its_place(void **state)
{
	struct fixture *fixture = *state;

	expect_faults(fixture,
	    "locl all all trust\n"
	    "local all\n"
	    "local all all\n"
	    "local all all scram-sha256\n"
	    "host all all 10.0.0.0/33 trust\n"
	    "host all all 10.0.0.0 trust\n"
	    "host all all db.example.com trust\n"
	    "host all all 1.2.3.4/8 peer\n"
	    "local all all \"trust\n"
	    "local all ,app trust\n"
	    "local all app, \n"
	    "local all all trust,md5\n",
	    "1:1: unknown type of connection \"locl\" (did you mean \"local\"?)\n"
	    "2:7: the line ends where the users should follow\n"
	    "3:11: the line ends where a method should follow\n"
	    "4:15: unknown method \"scram-sha256\" (did you mean \"scram-sha-256\"?)\n"
	    "5:14: the number of bits behind the slash is 0 to 32, or to 128 for IPv6\n"
	    "6:23: a mask such as 255.255.255.0 must follow, or write the address as 10.0.0.0/8\n"
	    "7:14: \"db.example.com\" is not an address: write 10.0.0.0/8, ::1/128 or all; names are not looked up\n"
	    "8:24: peer works on unix sockets only: put it in a line of type local\n"
	    "9:21: the quote is not closed on this line\n"
	    "10:11: a comma stands behind a word without a blank: a,b or a, b\n"
	    "11:16: a word must follow the comma\n"
	    "12:15: a method is one word, not a list\n");
}

static void
what_pgweir_cannot_do_is_refused_by_name(void **state)
{
	struct fixture *fixture = *state;

	expect_faults(fixture,
	    "hostgssenc all all all trust\n"
	    "include other.conf\n"
	    "host all all samenet trust\n"
	    "local samerole all trust\n"
	    "local all +staff trust\n"
	    "local all all ldap ldapserver=x\n"
	    "local all all radius\n"
	    "host all all all cert\n"
	    "local all all trust map=x\n"
	    "local all all peer clientcert=verify-full\n"
	    "local all all peer map=x\n"
	    "local /( all trust\n",
	    "1:1: pgweir does not speak GSSAPI: such a line would never fit\n"
	    "2:1: include is not supported: put the lines here, or write @FILE for a list of names\n"
	    "3:14: samenet is not supported: write the addresses\n"
	    "4:7: samerole is not supported: pgweir does not know who is a member of a role\n"
	    "5:11: pgweir does not know who is a member of a role: name the users\n"
	    "6:15: ldap is not supported: write pam, and let a module of PAM ask the directory\n"
	    "7:15: radius is not supported\n"
	    "8:18: certificates are shown in TLS only: put cert in a line of type hostssl\n"
	    "9:21: map is an option of peer, ident and cert only\n"
	    "10:20: the option \"clientcert=verify-full\" is not supported: pgweir knows map, pamservice "
	    "and pam_use_hostname\n"
	    "11:20: there is no map \"x\": set auth.ident to the file that has it\n"
	    "12:7: bad regular expression \"(\": missing closing parenthesis at character 2\n");
}

static void
options_of_pam_that_mean_nothing_are_faults(void **state)
{
	static const char name[] = "pamservice is the name of a file of /etc/pam.d, "
				   "of at most 63 characters and without a slash\n";
	struct fixture *fixture = *state;
	char faults[1000];

	snprintf(faults, sizeof(faults),
	    "1:19: pamservice and pam_use_hostname are options of pam only\n"
	    "2:24: pamservice and pam_use_hostname are options of pam only\n"
	    "3:19: %s4:19: %s5:19: %s6:19: %s7:19: pam_use_hostname is 0 or 1\n"
	    "8:19: map is an option of peer, ident and cert only\n",
	    name, name, name, name);
	expect_faults(fixture,
	    "local all all md5 pamservice=x\n"
	    "local all all password pam_use_hostname=1\n"
	    "local all all pam pamservice=\n"
	    "local all all pam pamservice=../shadow\n"
	    "local all all pam pamservice=.hidden\n"
	    "local all all pam "
	    "pamservice=abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcd\n"
	    "local all all pam pam_use_hostname=yes\n"
	    "local all all pam map=x\n",
	    faults);
}

static void
words_that_are_too_long_or_hold_nul_are_refused(void **state)
{
	struct fixture *fixture = *state;
	char text[4000];
	char *path = path_of(fixture, "hba");

	snprintf(text, sizeof(text), "local all %01100d trust\n%02000d\n", 1, 2);
	expect_faults(fixture, text, "1:1034: this word is longer than 1023 bytes\n"
				     "2:1024: this word is longer than 1023 bytes\n");
	write_bytes(fixture, "hba", "local all a\0b trust\n", 20);
	assert_null(hba_load(path, NULL, &fixture->problems));
	assert_string_equal(
	    fixture->problems.items[0].text, "a NUL byte is not allowed here");
	mem_free(path);
}

static void
a_file_that_is_not_there_is_a_fault(void **state)
{
	struct fixture *fixture = *state;

	assert_null(hba_load("/nowhere/pg_hba.conf", NULL, &fixture->problems));
	assert_null(hba_load(fixture->folder, NULL, &fixture->problems));
	assert_null(idents_load("/nowhere/pg_ident.conf", &fixture->problems));
	assert_int_equal(fixture->problems.errors, 3);
	assert_non_null(strstr(fixture->problems.items[1].text, "not a regular file"));
}

static void
an_empty_file_lets_nobody_in_and_says_so(void **state)
{
	struct fixture *fixture = *state;

	load(fixture, "# nothing\n");
	assert_int_equal(line_for(fixture, NULL, "a", "b"), 0);
	assert_int_equal(fixture->problems.count, 1);
	assert_true(fixture->problems.items[0].warning);
}

static void
a_map_permits_what_its_lines_say(void **state)
{
	struct fixture *fixture = *state;

	load_ident(fixture, "staff alice alice_rw\n"
			    "staff alice reader\n"
			    "staff /^(.*)@corp$ \\1\n"
			    "staff /^svc- svc\n"
			    "roots root all\n"
			    "roots \"odd one\" /^x\n"
			    "quoted q \"all\"\n");
	assert_non_null(fixture->idents);
	assert_true(idents_permit(fixture->idents, "staff", "alice", "alice_rw"));
	assert_true(idents_permit(fixture->idents, "staff", "alice", "reader"));
	assert_false(idents_permit(fixture->idents, "staff", "alice", "alice"));
	assert_true(idents_permit(fixture->idents, "staff", "bob@corp", "bob"));
	assert_false(idents_permit(fixture->idents, "staff", "bob@corp", "rob"));
	assert_false(idents_permit(fixture->idents, "staff", "bob@corpx", "bob"));
	assert_true(idents_permit(fixture->idents, "staff", "svc-7", "svc"));
	assert_true(idents_permit(fixture->idents, "roots", "root", "anybody"));
	assert_true(idents_permit(fixture->idents, "roots", "odd one", "xavier"));
	assert_false(idents_permit(fixture->idents, "roots", "odd one", "root"));
	assert_false(idents_permit(fixture->idents, "quoted", "q", "anybody"));
	assert_true(idents_permit(fixture->idents, "quoted", "q", "all"));
	assert_false(idents_permit(fixture->idents, "nomap", "root", "root"));
}

static void
a_line_names_a_map_that_is_there(void **state)
{
	struct fixture *fixture = *state;
	struct hba_client client = { .database = "d", .user = "u", .local = true };
	struct hba_verdict verdict;

	load_ident(fixture, "staff alice alice_rw\n");
	load(fixture, "local all all peer map=staff\n");
	assert_true(hba_find(fixture->hba, &client, &verdict));
	assert_string_equal(verdict.map, "staff");
	expect_faults(fixture, "local all all peer map=stuff\n",
	    "1:20: there is no map \"stuff\": no line of the file of auth.ident begins with it\n");
}

static void
faults_of_maps_are_told_with_their_place(void **state)
{
	struct fixture *fixture = *state;
	static const char *const expected[] = {
		"a line is MAP SYSTEM-NAME DATABASE-NAME, such as: staff  alice  alice_rw",
		"a line is MAP SYSTEM-NAME DATABASE-NAME, such as: staff  alice  alice_rw",
		"one name is wanted here, not a list: write a line for each",
		"bad regular expression \"(\": missing closing parenthesis at character 2",
		"\\1 stands for parentheses of a regular expression, and the system name has none",
		"pgweir does not know who is a member of a role: name the users",
	};

	load_ident(fixture, "staff alice\nstaff a b c\nstaff a,b c\nstaff /( c\nstaff /^a \\1\nstaff a +b\n");
	assert_null(fixture->idents);
	assert_int_equal(fixture->problems.errors, 6);
	for (int i = 0; i < 6; i++) {
		assert_string_equal(fixture->problems.items[i].text, expected[i]);
		assert_int_equal(fixture->problems.items[i].line, i + 1);
	}
}

static void
an_expression_that_never_ends_is_no(void **state)
{
	struct fixture *fixture = *state;
	char name[64];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	load_ident(fixture, "m /^(a+)+$ x\n");
	assert_true(idents_permit(fixture->idents, "m", "aaa", "x"));
	name[sizeof(name) - 2] = '!';
	assert_false(idents_permit(fixture->idents, "m", name, "x"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_line_that_fits_decides),
		TEST(a_line_says_act_and_method),
		TEST(a_line_with_pam_names_its_service_and_what_pam_hears),
		TEST(options_of_pam_that_mean_nothing_are_faults),
		TEST(encryption_is_what_it_really_is),
		TEST(lists_hold_names_quoted_or_not),
		TEST(names_by_expression_fit_anywhere_in_them),
		TEST(replication_is_let_in_by_its_word_alone),
		TEST(addresses_are_of_their_kind),
		TEST(a_named_file_holds_names_and_names_files),
		TEST(files_that_cannot_be_read_are_faults_where_they_are_named),
		TEST(an_empty_named_file_makes_no_line_for_everybody),
		TEST(a_backslash_joins_lines),
		TEST(lines_of_windows_and_a_last_line_without_end_are_read),
		TEST(every_fault_is_told_with_its_place),
		TEST(what_pgweir_cannot_do_is_refused_by_name),
		TEST(words_that_are_too_long_or_hold_nul_are_refused),
		TEST(a_file_that_is_not_there_is_a_fault),
		TEST(an_empty_file_lets_nobody_in_and_says_so),
		TEST(a_map_permits_what_its_lines_say),
		TEST(a_line_names_a_map_that_is_there),
		TEST(faults_of_maps_are_told_with_their_place),
		TEST(an_expression_that_never_ends_is_no),
		TEST(an_expression_without_an_answer_refuses_and_no_later_line_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

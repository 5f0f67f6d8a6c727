# What an application does with Perl's DBI and DBD::Pg: server-side prepares, transactions, COPY.
use strict;
use warnings;
use DBI;

my $db = DBI->connect("dbi:Pg:", "", "", { RaiseError => 1, PrintError => 0, AutoCommit => 1 });
my ($sum) = $db->selectrow_array("SELECT ?::int + ?::int", undef, 1, 2);
die "sum" unless $sum == 3;
$db->do("CREATE TABLE dbi (a int, b text)");
my $insert = $db->prepare("INSERT INTO dbi VALUES (?, ?)");
$insert->execute($_, "text $_") for 1 .. 50;
$db->begin_work;
$insert->execute(51, "gone");
$db->rollback;
my $count = $db->prepare("SELECT count(*) FROM dbi WHERE a > ?");
for my $least (0, 10, 20) {
	$count->execute($least);
	die "count" unless ($count->fetchrow_array)[0] == 50 - $least;
}
$db->do("COPY dbi FROM STDIN");
$db->pg_putcopydata("$_\tcopied\n") for 1 .. 10;
$db->pg_putcopyend;
die "copy" unless $db->selectrow_array("SELECT count(*) FROM dbi") == 60;
eval { $db->do("SELECT 1/0") };
die "state" unless $db->state eq "22012";
$db->do("DROP TABLE dbi");
undef $insert;
undef $count;
$db->disconnect;
print "all fine\n";

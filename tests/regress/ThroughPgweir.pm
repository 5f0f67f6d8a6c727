# ThroughPgweir.pm - loaded into PostgreSQL's TAP tests (perl -MThroughPgweir): once a test's server
# has started, a pgweir is put in front of it and the test reaches it there. Used by tap.py,
# whose environment names the program, the mode of the pool, a free port and a folder.
package ThroughPgweir;

use strict;
use warnings;
use POSIX ();
use PostgreSQL::Test::Cluster;

my $pid;
my $start = \&PostgreSQL::Test::Cluster::start;

# As few settings as do: everyone by trust, every database, where the server is.
sub configuration
{
	my ($host, $from, $to) = @_;
	return <<"EOF";
listen: [{unix_dir: "$host", port: $to}]
databases: {"*": {host: "$host", port: $from}}
users: {postgres: {}}
auth: {method: trust}
pool: {mode: $ENV{PGWEIR_POOL_MODE}, size: 20, wait_timeout: 60s}
log: {file: "$ENV{PGWEIR_FOLDER}/pgweir.log"}
audit: {file: "$ENV{PGWEIR_FOLDER}/audit.jsonl"}
slow_log: {file: ""}
EOF
}

sub launch
{
	my ($config) = @_;
	$pid = fork() // die "cannot fork: $!";
	return if $pid;
	open STDIN, '<', '/dev/null';
	open STDOUT, '>>', "$ENV{PGWEIR_FOLDER}/pgweir.out";
	open STDERR, '>&', \*STDOUT;
	exec $ENV{PGWEIR}, '-c', $config or POSIX::_exit(127);
}

no warnings 'redefine';
*PostgreSQL::Test::Cluster::start = sub {
	my ($node, @rest) = @_;
	my $result = $start->($node, @rest);
	my $port = $ENV{PGWEIR_PORT};
	return $result if $pid;

	open my $file, '>', "$ENV{PGWEIR_FOLDER}/pgweir.yaml" or die $!;
	print $file configuration($node->host, $node->port, $port);
	close $file;
	chmod 0600, "$ENV{PGWEIR_FOLDER}/pgweir.yaml";
	launch("$ENV{PGWEIR_FOLDER}/pgweir.yaml");
	$node->{_port} = $port;
	$node->poll_query_until('postgres', 'SELECT 1', '1') or die 'pgweir does not answer';
	return $result;
};

END
{
	# The tests' own END block stops the server; the exit status is theirs.
	my $status = $?;
	if ($pid)
	{
		kill 'TERM', $pid;
		kill 'TERM', $pid;
		waitpid $pid, 0;
	}
	$? = $status;
}

1;

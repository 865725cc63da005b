#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# A server that does what a line of its client says, so that a test can ask for what it must not do.
use strict;
use warnings;
use IO::Socket::INET;
use POSIX ();

sub start {    # returns when the program has been executed
	my ($out, @command) = @_;
	pipe(my $gone, my $end) or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open(STDOUT, '>&', $out) or die "dup: $!";
		exec {$command[0]} @command or syswrite $end, "$!";
		POSIX::_exit(1);
	}
	close $end;
	my $why = <$gone>;
	return ($pid, $why);
}

my %does = (
	ping => sub { 'pong' },
	open => sub { open(my $f, '<', $_[1]) ? 'opened' : "not opened: $!" },
	log => sub {
		open(my $f, '>>&=', 3) or return "no descriptor: $!";
		syswrite($f, "line\n") ? 'logged' : "not logged: $!";
	},
	help => sub {
		open(my $f, '-|', '/payload/several/helper.sh') or return "not executed: $!";
		my $text = join ' ', map { chomp; $_ } <$f>;
		close $f;
		"$text $?";
	},
	# The program writes to the client's socket itself.
	give => sub {
		my ($pid, $why) = start($_[0], '/usr/bin/cat', '/srv/several/public');
		waitpid $pid, 0;
		$why ? "not executed: $why" : "given $?";
	},
	kill => sub {
		pipe(my $from, my $into) or return "pipe: $!";
		my ($pid, $why) = start($into, '/usr/bin/tail', '-f', '/srv/several/public');
		return "not executed: $why" if $why;
		close $into;
		<$from>;    # it has begun
		kill('TERM', $pid) or do { my $error = "$!"; kill 'KILL', $pid; return "not killed: $error" };
		waitpid $pid, 0;
		"killed $?";
	},
);

my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 7070, Listen => 8, ReuseAddr => 1)
	or die "listen: $!";
$SIG{TERM} = sub { exit 0 };
while (1) {
	my $client = $server->accept or next;
	$client->autoflush(1);
	while (my $line = <$client>) {
		my ($word, @rest) = split ' ', $line;
		my $do = $does{$word // ''} // sub { 'what?' };
		print $client $do->($client, @rest), "\n";
	}
}

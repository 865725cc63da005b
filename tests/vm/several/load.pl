#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Asks the server for all that it does. An argument says what must come of opening the key, which only the entrypoint does.
use strict;
use warnings;
use IO::Socket::INET;

my @asked = (
	['ping', 'pong'],
	['open /srv/several/public', 'opened'],
	['log', 'logged'],
	['help', 'for all helped 0'],
	['give', 'for all', 'given 0'],
	['kill', 'killed 15'],
);
push @asked, ['open /srv/several/key', $ARGV[0]] if @ARGV;
alarm 60;
my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => 7070) or die "connect: $!\n";
$server->autoflush(1);
for (@asked) {
	my ($line, @answers) = @$_;
	print $server "$line\n";
	for my $expected (@answers) {
		my $answer = <$server> // '(nothing)';
		chomp $answer;
		die "$line: $answer\n" if $answer ne $expected;
	}
}

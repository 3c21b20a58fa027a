#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The application of the FastCGI scenarios on FCGI.pm; started as a CGI program it answers once. The last part of
# PATH_INFO says what to do.
use strict;
use warnings;
use FCGI;

my %doing = (
  environment => sub { text(), print "PID=$$\n", map { "$_=$ENV{$_}\n" } sort keys %ENV },
  echo => sub {  # takes all before it answers: fcgiwrap reads no output before the input has been taken
    my ($body, $bytes) = ('');
    $body .= $bytes while read(STDIN, $bytes, 65536);
    print "Content-Type: application/octet-stream\r\nContent-Length: ", length $body, "\r\n\r\n", $body;
  },
  big => sub {
    text();
    for (my $left = $ENV{QUERY_STRING}; $left > 0; $left -= 65536) { print 'x' x ($left < 65536 ? $left : 65536) or last }
  },
  status => sub { print "Status: 418 Short and stout\r\nContent-Type: text/plain\r\n\r\ntea\n" },
  redirect => sub { print "Location: http://elsewhere.example/$ENV{QUERY_STRING}\r\n\r\n" },
  local => sub { print "Location: /page.html\r\n\r\n" },
  errors => sub { print STDERR "complaint of $ENV{QUERY_STRING}\n"; text(); print "complained\n" },
  slow => sub { select undef, undef, undef, $ENV{QUERY_STRING} / 1000; text(); print "$$\n" },
);

sub text { print "Content-Type: text/plain\r\n\r\n" }

my $request = FCGI::Request();
while ($request->Accept() >= 0) {
  my ($what) = ($ENV{PATH_INFO} // '') =~ m{([^/]*)$};
  ($doing{$what} // sub { text(); print "hello\n" })->();
}

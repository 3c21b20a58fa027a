#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The application of the FastCGI scenarios on FCGI::Async: many requests at a time in one process, over one connection.
# The last part of PATH_INFO says what to do.
use strict;
use warnings;
use FCGI::Async;
use IO::Socket::UNIX;
use IO::Async::Loop;
use IO::Async::Timer::Countdown;

my $loop = IO::Async::Loop->new;

sub answer {
  my ($request, $head, $body) = @_;
  $request->print_stdout("$head\r\n\r\n$body");
  $request->finish(0);
}

sub big {
  my ($request, $left) = @_;
  $request->print_stdout("Content-Type: text/plain\r\n\r\n");
  $request->stream_stdout_then_finish(sub {
    return undef if $left <= 0;
    my $piece = $left < 65536 ? $left : 65536;
    $left -= $piece;
    return 'x' x $piece;
  }, 0);
}

sub echo {
  my ($request) = @_;
  my $body = '';
  while (defined(my $line = $request->read_stdin_line)) { $body .= $line }
  answer($request, "Content-Type: application/octet-stream\r\nContent-Length: " . length $body, $body);
}

sub later {
  my ($request, $milliseconds) = @_;
  my $timer = IO::Async::Timer::Countdown->new(delay => $milliseconds / 1000, remove_on_expire => 1,
    on_expire => sub { answer($request, 'Content-Type: text/plain', "$$\n") });
  $loop->add($timer->start);
}

my $fcgi = FCGI::Async->new(
  loop => $loop,
  handle => \*STDIN,
  on_request => sub {
    my (undef, $request) = @_;
    $request->set_encoding(undef);  # bytes are bytes
    my $text = 'Content-Type: text/plain';
    my $query = $request->param('QUERY_STRING');
    my ($what) = ($request->param('PATH_INFO') // '') =~ m{([^/]*)$};
    return big($request, $query) if $what eq 'big';
    return echo($request) if $what eq 'echo';
    return later($request, $query) if $what eq 'slow';
    return answer($request, 'Location: /page.html', '') if $what eq 'local';
    return answer($request, "Location: http://elsewhere.example/$query", '') if $what eq 'redirect';
    return answer($request, "Status: 418 Short and stout\r\n$text", "tea\n") if $what eq 'status';
    $request->print_stderr("complaint of $query\n") if $what eq 'errors';
    return answer($request, $text, "complained\n") if $what eq 'errors';
    return answer($request, $text, "hello\n") if $what ne 'environment';
    my %of = %{$request->params};
    answer($request, $text, join '', "PID=$$\n", map { "$_=$of{$_}\n" } sort keys %of);
  },
);
$loop->run;

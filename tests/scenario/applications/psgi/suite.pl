# SPDX-License-Identifier: Apache-2.0
# Plack's suite of tests over HTTP against a server that serves suite.psgi: suite.pl PORT [NUMBER OF A TEST].
use strict;
use warnings;

use LWP::UserAgent;
use Plack::Test::Suite;
use Test::More;

my ($port, $only) = @ARGV;
my $agent = LWP::UserAgent->new(no_proxy => ['127.0.0.1'], timeout => 20);

for my $i (0 .. $#Plack::Test::Suite::TEST) {
    next if defined $only && $only != $i;
    my ($name, $client) = @{ $Plack::Test::Suite::TEST[$i] };
    subtest "$i $name" => sub {
        $client->(sub {
            my ($request) = @_;
            $request->uri->port($port);
            $request->header('X-Plack-Test' => $i);
            return $agent->simple_request($request);
        });
    };
}
done_testing;

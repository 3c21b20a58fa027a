# SPDX-License-Identifier: Apache-2.0
# The smallest PSGI application that looks at its request: what is measured is the server.
use strict;
use warnings;

sub {
    my ($env) = @_;
    my $body = "hello $env->{QUERY_STRING}\n";
    return [200, ['Content-Type' => 'text/plain', 'Content-Length' => length $body], [$body]];
};

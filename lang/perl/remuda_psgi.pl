#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# remuda_psgi.pl [--entry-point FILE]: serves a PSGI application (PSGI 1.1). How it runs follows from how it is started: a
# template (REMUDA_TEMPLATE), an instance that gets requests over FastCGI (descriptor 0 is a listening socket), or a CGI
# program with one request. The working directory is the application's root; without --entry-point, app.psgi there.
use strict;
use warnings;

BEGIN {
    my ($here) = __FILE__ =~ m{^(.*)/[^/]*\z}s;
    unshift @INC, $here;
    require Remuda::Native;
    require Remuda::PSGI;
    shift @INC;
}

exit Remuda::PSGI::main(@ARGV);

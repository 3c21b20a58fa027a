#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# A CGI program with the module that nearly all of them use.
use strict;
use warnings;
use CGI;

my $query = CGI->new;
print $query->header('text/plain'), 'hello ', scalar($query->param('n') // ''), "\n";

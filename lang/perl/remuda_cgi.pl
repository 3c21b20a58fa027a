#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The template of a CGI program in Perl: perl [SWITCHES] remuda_cgi.pl SCRIPT. The interpreter is executed once more,
# with the same switches and the script as its main program, held by Remuda::Script. In a BEGIN block, before what
# switches such as -n make of a main program.
BEGIN {
    my ($here) = __FILE__ =~ m{^(.*)/[^/]*\z}s;
    do "$here/Remuda/Native.pm" or die $@ || "remuda: $here/Remuda/Native.pm: $!\n";

    open my $own, '<', '/proc/self/cmdline' or die "remuda: /proc/self/cmdline: $!\n";
    my $line = do { local $/; <$own> };
    my @words = split /\0/, $line, -1;
    pop @words;
    my ($perl, @switches) = splice @words, 0, @words - @ARGV - 1;
    Remuda::execute($^X, $perl, "-I$here", '-MRemuda::Script', @switches, @ARGV);
    die "remuda: $^X: $!\n";
}

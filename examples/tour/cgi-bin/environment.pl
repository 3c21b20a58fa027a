#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The CGI environment as a page, in Perl.
use strict;
use warnings;

sub escaped { my ($text) = @_; $text =~ s/&/&amp;/g; $text =~ s/</&lt;/g; $text =~ s/>/&gt;/g; return $text }

print "Content-Type: text/html; charset=utf-8\n\n";
print qq(<!doctype html><html lang="en"><meta charset="utf-8"><title>The CGI environment, in Perl</title>\n);
print qq(<link rel="stylesheet" href="/tour.css"><main><h2>The CGI environment, in Perl</h2><table>\n);
print "<tr><td><code>", escaped($_), "</code><td>", escaped($ENV{$_}), "\n" for sort keys %ENV;
print qq(</table><p>Process $$. <a href="/">Back to the tour</a></p></main></html>\n);

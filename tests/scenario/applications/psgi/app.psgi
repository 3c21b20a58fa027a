# SPDX-License-Identifier: Apache-2.0
# What PSGI lets an application do, by path.
use strict;
use warnings;

my $template = $$;
my @forked;
our @after_fork;
push @Remuda::PSGI::after_fork, sub { push @forked, $$ };

my %pages = (
    '/environment' => sub {
        my ($env) = @_;
        my @lines = map { my $v = $env->{$_}; $_ . '=' . (ref $v ? ref $v : $v) . "\n" } sort keys %$env;
        return [200, ['Content-Type', 'text/plain'], \@lines];
    },
    '/process' => sub { [200, ['Content-Type', 'text/plain'], ["$$ $template @forked " . rand]] },
    '/dies' => sub { die "the reason\n" },
    '/wide' => sub { [200, ['Content-Type', 'text/plain'], ["\x{263a}"]] },
    '/line-end' => sub { [200, ['Content-Type', 'text/plain', 'X', "a\r\nSet-Cookie: b"], ['x']] },
    '/nothing' => sub { undef },
    '/never' => sub { sub { } },
    '/twice' => sub { sub { my $r = shift; $r->([200, ['Content-Type', 'text/plain'], ['one']]); $r->([200, [], ['two']]) } },
    '/delayed' => sub { sub { $_[0]->([201, ['Content-Type', 'text/plain'], ['later']]) } },
    '/stream' => sub {
        sub {
            my $writer = $_[0]->([200, ['Content-Type', 'text/plain']]);
            $writer->write("part $_\n") for 1 .. 3;
            $writer->close;
        };
    },
    '/half' => sub {
        sub { my $w = $_[0]->([200, ['Content-Type', 'text/plain']]); $w->write('half'); die "in the middle\n" };
    },
    '/without-close' => sub { sub { my $w = $_[0]->([200, ['Content-Type', 'text/plain']]); $w->write('half') } },
    '/file' => sub { open my $f, '<:raw', '/bin/sh' or die; [200, ['Content-Type', 'application/octet-stream'], $f] },
    '/object' => sub { [200, ['Content-Type', 'text/plain'], Lines->new(1 .. 3)] },
    '/object-dies' => sub { [200, ['Content-Type', 'text/plain', 'Content-Length', 100], Lines->new(1, 'die')] },
    '/closed' => sub { [200, ['Content-Type', 'text/plain'], ["$Lines::closed"]] },
    '/empty' => sub { [204, [], []] },
    '/not-modified' => sub { [304, ['ETag', '"x"'], []] },
    '/cookies' => sub { [200, ['Content-Type', 'text/plain', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'], ['x']] },
    '/body' => sub {
        my ($env) = @_;
        my ($input, $sum, $size) = ($env->{'psgi.input'}, 0, 0);
        while ($input->read(my $bytes, 10000)) { $size += length $bytes; $sum = ($sum + unpack '%32C*', $bytes) % 65536 }
        my $again = 'no';
        if ($env->{'psgix.input.buffered'}) { $input->seek(0, 0); $input->read(my $bytes, 3); $again = $bytes }
        return [200, ['Content-Type', 'text/plain'], ["$size $sum $again"]];
    },
    '/lines' => sub {
        my ($env) = @_;
        my @lines;
        while (defined(my $line = $env->{'psgi.input'}->getline)) { push @lines, length $line }
        return [200, ['Content-Type', 'text/plain'], ["@lines"]];
    },
    '/log' => sub { $_[0]{'psgi.errors'}->print("for the log\n"); [200, ['Content-Type', 'text/plain'], ['x']] },
    '/cleanup' => sub {
        my ($env) = @_;
        push @{ $env->{'psgix.cleanup.handlers'} }, sub { $Lines::closed += 100 };
        return [200, ['Content-Type', 'text/plain'], ['x']];
    },
    '/harakiri' => sub { $_[0]{'psgix.harakiri.commit'} = 1; [200, ['Content-Type', 'text/plain'], ["$$"]] },
    '/endless' => sub {
        sub { my $w = $_[0]->([200, ['Content-Type', 'text/plain']]); $w->write('x' x 65536) for 1 .. 100_000; $w->close };
    },
);

package Lines {
    our $closed = 0;
    sub new { my ($class, @lines) = @_; return bless [@lines], $class }
    sub getline { my ($self) = @_; my $line = shift @$self; die "at a line\n" if ($line // '') eq 'die'; return defined $line ? "$line\n" : undef }
    sub close { $closed++ }
}

sub {
    my ($env) = @_;
    my $page = $pages{ $env->{PATH_INFO} } or return [404, ['Content-Type', 'text/plain'], ['no such page']];
    return $page->($env);
};

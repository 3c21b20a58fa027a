# SPDX-License-Identifier: Apache-2.0
# psgi.input. A small body is a handle over a string, which may be read again (psgix.input.buffered); a greater one is
# read as it comes, and lines of it are kept together here. It is over when the request is.
package Remuda::PSGI::Input;
use strict;
use warnings;

use constant { BUFFERED => 65536, BLOCK => 65536 };

sub open {
    my ($request, $length) = @_;
    my $size = $length || 0;
    my $body = '';
    if ($size <= BUFFERED && whole($request, $size, $body)) {
        CORE::open my $handle, '<:raw', \$body or die "psgi.input: $!";
        return ($handle, 1);
    }
    return (bless({ request => $request, held => $body, at => 0 }, __PACKAGE__), '');
}

# False: the client left before it had sent all, which whoever reads is told.
sub whole {
    my ($request, $size) = @_;
    while (length $_[2] < $size) {
        Remuda::App::read($request, $_[2], $size - length $_[2], length $_[2]) or return '';
    }
    return 1;
}

sub more {
    my ($self, $size) = @_;
    $self->{request} or return;
    my $got = Remuda::App::read($self->{request}, $self->{held}, $size, length $self->{held});
    die "the client has gone\n" if !defined $got;
    return $got;
}

sub read {
    my ($self, undef, $size, $offset) = @_;
    $self->more($size < BLOCK ? BLOCK : $size) if $self->{held} eq '' && $size > 0;
    my $bytes = substr $self->{held}, 0, $size, '';
    $self->{at} += length $bytes;
    $_[1] = '' if !defined $_[1];
    $offset ||= 0;
    $offset += length $_[1] if $offset < 0;
    $_[1] .= "\0" x ($offset - length $_[1]) if $offset > length $_[1];
    substr($_[1], $offset) = $bytes;
    return length $bytes;
}
*sysread = \&read;

sub getline {
    my ($self) = @_;
    my $end = -1;
    if (defined $/ && !ref $/) {
        while (($end = index $self->{held}, $/) < 0) { $self->more(BLOCK) or last }
    }
    else {
        my $wanted = ref $/ ? ${$/} : undef;
        while (!defined $wanted || length $self->{held} < $wanted) { $self->more(BLOCK) or last }
        $end = $wanted - 1 if defined $wanted && $wanted <= length $self->{held};
    }
    my $size = $end < 0 ? length $self->{held} : $end + (defined $/ && !ref $/ ? length $/ : 1);
    return if $size == 0;
    $self->{at} += $size;
    return substr $self->{held}, 0, $size, '';
}

sub getlines {
    my ($self) = @_;
    my @lines;
    while (defined(my $line = $self->getline)) { push @lines, $line }
    return @lines;
}

sub eof { my ($self) = @_; return $self->{held} eq '' && !$self->more(BLOCK) }
sub tell { return $_[0]{at} }
sub seek { return '' }
sub binmode { return 1 }
sub opened { return 1 }
sub fileno { return }
sub close { return 1 }
sub over { my ($self) = @_; @$self{qw(request held)} = (0, '') }

1;

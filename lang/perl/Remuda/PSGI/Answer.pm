# SPDX-License-Identifier: Apache-2.0
# What an application answers: an array, or a function that is given one later (psgi.streaming). Written in CGI's form.
#
#     take() ── array ──> head, body ──> finish()
#        └─── code ──> respond([status, headers]) ──> writer: write ... close ──> finish()
#
# An application that dies before the head: status 500, the reason in the log, and on the page where REMUDA_DEV is set.
# After the head: the answer is broken off, so that nobody takes the half of it for the whole.
package Remuda::PSGI::Answer;
use strict;
use warnings;

use Scalar::Util ();

use constant BLOCK => 65536;

sub new {
    my ($class, $request, $environment) = @_;
    my $is_head = ($environment->{REQUEST_METHOD} || '') eq 'HEAD';
    return bless { request => $request, is_head => $is_head, state => 'none', whole => 0 }, $class;
}

sub take {
    my ($self, $answer) = @_;
    return $self->array($answer) if ref $answer eq 'ARRAY';
    ref $answer eq 'CODE' or die 'the application returns neither an array nor code: ' . (defined $answer ? $answer : 'undef') . "\n";
    $answer->(sub { $self->respond(@_) });
    die "the application did not answer\n" if $self->{state} eq 'none';
    die "the application did not close its writer\n" if $self->{state} eq 'writing';
}

sub respond {
    my ($self, $answer) = @_;
    die "the application answers twice\n" if $self->{state} ne 'none';
    ref $answer eq 'ARRAY' or die "the answer is no array\n";
    return $self->array($answer) if @$answer > 2;
    $self->head(@$answer);
    $self->{state} = 'writing';
    return bless [$self], 'Remuda::PSGI::Writer';
}

sub array {
    my ($self, $answer) = @_;
    my ($status, $headers, $body) = @$answer;
    if (ref $body eq 'ARRAY') {
        my $bytes = join '', map { defined $_ ? $_ : '' } @$body;
        utf8::downgrade($bytes, 1) or die "a wide character in the body\n";
        $self->head($status, $headers, length $bytes);
        $self->write($bytes);
    }
    else {
        $self->head($status, $headers);
        $self->send_handle($body);
    }
    @$self{qw(state whole)} = ('done', 1);
}

# The length is added where it is known and allowed.
sub head {
    my ($self, $status, $headers, $length) = @_;
    $status =~ /\A[1-9][0-9][0-9]\z/ or die "no status: $status\n";
    my $text = "Status: $status\r\n";
    for (my $i = 0; $i < @$headers; $i += 2) {
        my ($name, $value) = @$headers[$i, $i + 1];
        $value = '' if !defined $value;
        $name =~ /\A[!#\$%&'*+.^_`|~0-9A-Za-z-]+\z/ && lc $name ne 'status' or die "no name of a header: $name\n";
        $value =~ /[\r\n\0]/ and die "a line end in the header $name\n";
        $text .= "$name: $value\r\n";
        undef $length if defined $length && lc $name eq 'content-length';
    }
    $self->{has_no_body} = $self->{is_head} || $status < 200 || $status == 204 || $status == 304;
    $text .= "Content-Length: $length\r\n" if defined $length && $status >= 200 && $status != 204 && $status != 304;
    utf8::downgrade($text, 1) or die "a wide character in a header\n";
    $self->{state} = 'head';
    Remuda::App::write($self->{request}, "$text\r\n") or $self->gone;
}

sub gone {
    my ($self) = @_;
    $self->{gone} = 1;
    die "the client has gone\n";
}

sub write {
    my ($self, $bytes) = @_;
    return if $self->{has_no_body} || !defined $bytes;
    Remuda::App::write($self->{request}, $bytes) or $self->gone;
}

# Files in blocks, anything else by its getline. It is closed, whatever happens.
sub send_handle {
    my ($self, $body) = @_;
    my $is_file = Scalar::Util::reftype($body) && Scalar::Util::reftype($body) eq 'GLOB' && defined fileno $body && fileno $body >= 0;
    my $done = eval {
        if (!$self->{has_no_body}) {
            local $/ = \(+BLOCK);
            if ($is_file && !tied *$body) {
                my $block;
                while (my $got = read $body, $block, BLOCK) { $self->write($block) }
            }
            else {
                while (defined(my $part = $body->getline)) { $self->write($part) }
            }
        }
        1;
    };
    my $error = $@;
    eval { $body->close; 1 } or $error ||= $@;
    die $error if !$done;
}

sub fail {
    my ($self, $error) = @_;
    return if $self->{gone};
    my $text = eval { "$error" };
    $text = 'it died of something that has no text' if !defined $text || $text eq '';
    utf8::encode($text) if !utf8::downgrade($text, 1);
    Remuda::App::log($self->{request}, $text =~ /\n\z/ ? $text : "$text\n");
    if ($self->{state} eq 'none') {
        my $page = $ENV{REMUDA_DEV} ? $text : "The application failed.\n";
        eval {
            $self->head(500, ['Content-Type' => 'text/plain; charset=utf-8'], length $page);
            $self->write($page);
            $self->{whole} = 1;
        };
    }
}

sub finish {
    my ($self) = @_;
    my $request = $self->{request};
    @$self{qw(request state)} = (0, 'done');
    Remuda::App::finish($request, $self->{whole});
}

package Remuda::PSGI::Writer;

sub write {
    my ($self, $bytes) = @_;
    my $answer = $self->[0];
    die "the writer is closed\n" if $answer->{state} ne 'writing';
    utf8::downgrade($bytes, 1) or die "a wide character in the body\n" if defined $bytes;
    $answer->write($bytes);
    Remuda::App::flush($answer->{request}) or $answer->gone;
    return;
}

sub close {
    my ($self) = @_;
    @{ $self->[0] }{qw(state whole)} = ('done', 1);
    return;
}

1;

# SPDX-License-Identifier: Apache-2.0
# Loads a PSGI application and serves it: see remuda_psgi.pl. One request at a time; concurrency is processes.
#
# What is loaded before the first fork is shared by all of them. Code that a fork is to run before its first request
# (a connection of its own to a database, say) is added by the application:
#
#     push @Remuda::PSGI::after_fork, sub { ... };
package Remuda::PSGI;
use strict;
use warnings;

use Cwd ();
use IO::Handle ();
use Remuda::PSGI::Answer;
use Remuda::PSGI::Input;

our @after_fork;

sub main {
    my @arguments = @_;
    my $file = 'app.psgi';
    if (@arguments) {
        @arguments == 2 && $arguments[0] eq '--entry-point' or die "remuda_psgi.pl [--entry-point FILE]\n";
        $file = $arguments[1];
    }
    $ENV{PLACK_ENV} ||= $ENV{REMUDA_DEV} ? 'development' : 'deployment';
    my $is_template = exists $ENV{REMUDA_TEMPLATE} && Remuda::Template::open();
    delete $ENV{REMUDA_TEMPLATE};
    Remuda::Template::step("compile $file");
    my $application = load($file);
    become_fork() if $is_template;
    return serve($application);
}

# In a package of its own, as plackup does, with the file's name as the program's.
sub load {
    my ($file) = @_;
    my $path = Cwd::abs_path($file);
    defined $path && -e $path or die "there is no $file in " . Cwd::getcwd() . "\n";
    unshift @INC, grep { -d } Cwd::getcwd() . '/lib';
    local @ARGV;
    local $0 = $path;
    my $application = do {
        package Remuda::PSGI::Sandbox;
        do $path;
    };
    die $@ if $@;
    if (!defined $application) {
        die "$file: $!\n" if $! && !-r $path;
        die "$file does not return an application\n";
    }
    $application = $application->to_app if Scalar::Util::blessed($application) && $application->can('to_app');
    ref $application && (Scalar::Util::reftype($application) eq 'CODE' || overload::Method($application, '&{}'))
        or die "$file returns no code reference, so it is no PSGI application\n";
    Remuda::Template::watch($path);
    return $application;
}

# The template stays in here; forks return.
sub become_fork {
    Remuda::Template::watch($_) for grep { defined && !ref && m{^/} } values %INC;
    Remuda::Template::serve();
    $_->() for @after_fork;
}

# The same in each environment. Neither the template nor a fork of it changes it.
my %constant = (
    'psgi.version'      => [1, 1],
    'psgi.multithread'  => '',
    'psgi.multiprocess' => 1,
    'psgi.nonblocking'  => '',
    'psgi.streaming'    => 1,
    'psgix.harakiri'    => 1,
    'psgix.cleanup'     => 1,
);

sub serve {
    my ($application) = @_;
    my $once = Remuda::App::open();
    while (1) {
        my %environment = %constant;
        my $request = Remuda::App::accept(\%environment) or last;
        $environment{'psgi.run_once'} = $once;
        answer($application, $request, \%environment);
    }
    return Remuda::App::close();
}

sub complete {
    my ($request, $environment) = @_;
    my $https = $environment->{HTTPS};
    $environment->{'psgi.url_scheme'} = $https && lc $https ne 'off' ? 'https' : 'http';
    $environment->{'psgi.errors'} = bless [$request], 'Remuda::PSGI::Errors';
    $environment->{'psgix.cleanup.handlers'} = [];
    @$environment{qw(psgi.input psgix.input.buffered)} = Remuda::PSGI::Input::open($request, $environment->{CONTENT_LENGTH});
    $environment->{PATH_INFO} = '' if !defined $environment->{PATH_INFO};
    if (!defined $environment->{SCRIPT_NAME} || $environment->{SCRIPT_NAME} eq '/') {
        $environment->{SCRIPT_NAME} = '';
    }
}

sub answer {
    my ($application, $request, $environment) = @_;
    complete($request, $environment);
    my $input = $environment->{'psgi.input'};
    my $errors = $environment->{'psgi.errors'};
    my $answer = Remuda::PSGI::Answer->new($request, $environment);
    my $done = eval { $answer->take($application->($environment)); 1 };
    $answer->fail($@) if !$done;
    $answer->finish;
    $input->over if ref $input eq 'Remuda::PSGI::Input';
    clean_up($environment, $errors);
    $errors->over;
    Remuda::App::stop() if $environment->{'psgix.harakiri.commit'};
}

# After the client has its answer. What these die of goes to the log of the instance.
sub clean_up {
    my ($environment, $errors) = @_;
    for my $handler (@{ $environment->{'psgix.cleanup.handlers'} || [] }) {
        $errors->over;
        eval { $handler->($environment); 1 } or warn $@;
    }
}

# psgi.errors: the log, by the request's id; when that is over, that of the instance.
package Remuda::PSGI::Errors;

sub print {
    my $self = shift;
    my $text = join defined $, ? $, : '', @_;
    utf8::encode($text) if utf8::is_utf8($text) && !utf8::downgrade($text, 1);
    return $self->[0] ? Remuda::App::log($self->[0], $text) : print STDERR $text;
}
sub printf { my ($self, $format, @values) = @_; return $self->print(sprintf $format, @values) }
sub say { my $self = shift; return $self->print(@_, "\n") }
sub flush { return $_[0][0] ? Remuda::App::flush($_[0][0]) : 1 }
sub autoflush { return 1 }
sub opened { return 1 }
sub close { return 1 }
sub fileno { return fileno STDERR }
sub over { $_[0][0] = 0 }

1;

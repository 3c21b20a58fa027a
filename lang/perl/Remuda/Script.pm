# SPDX-License-Identifier: Apache-2.0
# Holds a CGI program between its compiling and its first statement: `perl -I LOADERS/perl -MRemuda::Script SCRIPT`.
# Perl itself compiles it, as its main program; INIT blocks run when that is done, this one first, and each fork goes on
# from there. Nothing is told apart by the program but what docs/templates.md says that forks have in common.
package Remuda::Script;

my ($here, $script, %before, %set, @deleted);
BEGIN {
    ($here) = __FILE__ =~ m{^(.*)/Remuda/Script\.pm\z}s;
    @INC = grep { $_ ne $here && index($_, "$here/") != 0 } @INC;
    $script = $0;
}

sub directory { readlink '/proc/self/cwd' }

# Those that come with Perl or a package of the system change with an upgrade, all others as often as the program.
sub watch {
    my ($path) = @_;
    $path =~ m{^/usr/(?:share|lib)/} ? Remuda::Template::watch($path) : Remuda::Template::watch_closely($path);
}

# What compiling did to the environment is done to that of each fork.
sub compare_environment {
    my $deleted = Remuda::Script::deleted();
    return 'it replaces its environment while it is compiled'
        if grep { !exists $ENV{$_} && !$deleted->{$_} } keys %before;
    @deleted = grep { !exists $ENV{$_} } keys %$deleted;
    for (keys %ENV) {
        $set{$_} = $ENV{$_} if !exists $before{$_} || $before{$_} ne $ENV{$_};
    }
    '';
}

sub hold {
    my $why = Remuda::Script::faults() || compare_environment();
    if ($why ne '') {
        Remuda::Template::unfit($why);
        Remuda::Template::end();
    }
    Remuda::Template::watch_closely($_) for $script, $^X;
    watch($_) for grep { defined && !ref } values %INC;
    Remuda::Template::serve();
    delete @ENV{@deleted} if @deleted;
    @ENV{keys %set} = values %set if %set;
    Remuda::Script::after();
}

my $held;
BEGIN {
    delete @INC{'Remuda/Script.pm', 'Remuda/Native.pm'};
    if (exists $ENV{REMUDA_TEMPLATE}) {
        do "$here/Remuda/Native.pm" or die $@ || "remuda: $here/Remuda/Native.pm: $!\n";
        delete $INC{"$here/Remuda/Native.pm"};
        if (Remuda::Template::open()) {
            $held = 1;
            delete $ENV{REMUDA_TEMPLATE};
            %before = %ENV;
            Remuda::Template::step("compile $script");
            Remuda::Script::begin(directory());
        }
    }
}
INIT { hold() if $held }

1;

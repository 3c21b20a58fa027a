# SPDX-License-Identifier: Apache-2.0
"""CGI programs in Perl, executed and forked from a template: the same bytes, the same log, the same end."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import PROGRAM
from template_driver import Ended, Result, Template, executed, reset_signals, settle

LOADER = Path(PROGRAM).parent / "lib/remuda/perl/remuda_cgi.pl"
PERL = "/usr/bin/perl"
REQUEST = {"REQUEST_METHOD": "POST", "QUERY_STRING": "a=1;b=%20x", "CONTENT_LENGTH": "4", "PATH": "/usr/bin:/bin",
           "CONTENT_TYPE": "text/plain", "SCRIPT_NAME": "/x.pl", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
           "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "localhost", "EMPTY": ""}  # fmt: skip
LOADING = {"PATH": "/usr/bin:/bin"}
pytestmark = pytest.mark.skipif(not LOADER.exists(), reason="the extension for Perl is not built")


@pytest.fixture(scope="module", autouse=True)
def signals():
    reset_signals()


def write(folder: Path, text: str, name: str = "script.pl") -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    settle()
    return path


def switches(path: Path) -> list[str]:
    return path.read_text().split("\n", 1)[0].split()[1:]


def template(path: Path, *arguments: str, **environment: str) -> Template:
    return Template([PERL, *switches(path), str(LOADER), str(path), *arguments], LOADING | environment, str(path.parent))


@contextmanager
def ready(*arguments, **environment: str) -> Iterator[Template]:
    with template(*arguments, **environment) as loading:
        yield loading.wait_ready()


def by_exec(path: Path, body: bytes = b"body", request: dict[str, str] | None = None, *arguments: str) -> Result:
    return executed([str(path), *arguments], request or REQUEST, body, str(path.parent))


def lines(text: bytes) -> list[bytes]:
    """Without the time of day and addresses."""
    return re.sub(rb"\d\d:\d\d:\d\d|0x[0-9a-f]{6,}", b"-", text).splitlines()


def same(path: Path, body: bytes = b"body", *arguments: str) -> Result:
    wanted = by_exec(path, body, None, *arguments)
    with ready(path, *arguments) as forked:
        for _ in range(2):
            found = forked.run(REQUEST, body, str(path.parent))
            assert (lines(found.out), lines(found.err)) == (lines(wanted.out), lines(wanted.err))
            assert found.status == wanted.status
    return wanted


BODIES = {
    "environment": 'print map { "$_=$ENV{$_}\\n" } sort keys %ENV; system("env | sort"); print exists $ENV{REMUDA_TEMPLATE} ? 1 : 0;',
    "environment written": '$ENV{NEW} = "n"; delete $ENV{EMPTY}; local $ENV{QUERY_STRING} = "l"; $| = 1; system("env | sort");',
    "names": 'print join "|", $0, __FILE__, __LINE__, "@ARGV", $^X, $^W, ${^TAINT}, defined caller, $^S, scalar(@INC), "@INC";',
    "modules": 'print join "\\n", map { "$_ $INC{$_}" } sort keys %INC;',
    "input": "print while <STDIN>; print tell(STDIN), eof(STDIN);",
    "sysread": "sysread STDIN, my $x, 2; print $x; sysread STDIN, $x, 9; print $x;",
    "die": 'print "before"; die "oh";',
    "die with a line": 'print "before"; die "oh\\n";',
    "die of an object": 'die { code => 3 };',
    "die in eval": 'eval { die "in" }; print $@; print $^S; eval { print $^S };',
    "errno as the status": '$! = 5; die "x";',
    "warn": 'warn "w"; warn "with a line\\n"; my %h = (1); print undef . "x";',
    "exit": 'print "x"; exit 7;',
    "END": 'END { print "end $?"; $? = 9 } print "main\\n"; exit 3;',
    "BEGIN and INIT": 'BEGIN { our $x = "b" } INIT { print "init\\n" } CHECK { our $y = "c" } UNITCHECK { our $z = "u" } print our $x, our $y, our $z;',
    "DATA": "print tell(DATA) > 0 ? 'at' : 'no'; print while <DATA>;\n__DATA__\none\ntwo\n",
    "END of text": "my @all = <DATA>; print scalar @all; seek DATA, 0, 0; print scalar <DATA>;\n__END__\n" + "line\n" * 5000,
    "signals": '$SIG{TERM} = sub { print "term"; exit 4 }; kill TERM => $$; print "never";',
    "killed": "kill KILL => $$;",
    "a child": 'my $pid = fork; if (!$pid) { print "child\\n"; exit 2 } waitpid $pid, 0; print $? >> 8;',
    "backticks": 'print `echo out; echo err >&2; exit 3`; print $? >> 8;',
    "buffers": '$| = 1; print "one\\n"; print STDERR "two\\n"; print "three";',
    "layers": 'binmode STDOUT, ":utf8"; print chr 0x263a; print STDERR join ",", PerlIO::get_layers(STDIN);',
    "descriptors": 'opendir my $d, "/proc/self/fd"; print join " ", grep { $_ <= 2 } sort grep /\\d/, readdir $d; print fileno $d;',
    "time": "print time - $^T <= 1 ? 'now' : 'then'; print -M $0 < 1 ? 1 : 0;",
    "local": 'local $/; local $, = "-"; local $\\ = "!"; print "a", <STDIN>;',
    "a sub and a package": 'package Other; sub f { return (caller(0))[3] . __PACKAGE__ } print f(); package main; print Other->can("f") ? 1 : 0;',
    "sort and hash": 'my %h = map { $_ => 1 } 1 .. 9; print sort keys %h;',
    "CGI": 'use CGI; my $q = CGI->new; print $q->header("text/plain"), $q->param("a") // "", $q->request_method, "|", $q->param("POSTDATA");',
    "CGI::Carp": 'use CGI::Carp qw(fatalsToBrowser); die "seen";',
    "POSIX": 'use POSIX qw(strftime); print strftime("%Y", gmtime 0), POSIX::getpgrp() == $$;',
    "required later": 'require Text::Wrap; print Text::Wrap::wrap("", "", "x");',
    "FindBin": 'use FindBin; print $FindBin::Bin, $FindBin::Script; use Cwd; print getcwd;',
    "eval of text": 'print eval "1 +"; print $@; print eval "__FILE__ . __LINE__";',
    "format": 'our $v = "f"; format STDOUT =\n@<<<\n$v\n.\nwrite;',
    "warned while compiled": 'use warnings; my $x; my $x; print "after"; BEGIN { warn "at compile time\\n" }',
    "printed while compiled": 'BEGIN { print "early\\n" } print "late";',
    "a handler set while compiled": 'BEGIN { $SIG{ALRM} = sub { print "tick" }; $SIG{HUP} = "IGNORE" } kill ALRM => $$; kill HUP => $$; print "on";',
    "a file opened while compiled": 'my $f; BEGIN { open $f, "<", $0; read $f, my $x, 2 } print tell $f; print scalar <$f>;',
    "threads of text": 'use strict; use warnings; our @a = (1) x 3; print "@a[0..1]";',
    "strict vars": 'no strict; $undeclared = 3; print $undeclared, defined $main::{undeclared};',
    "UNIVERSAL and AUTOLOAD": 'sub AUTOLOAD { our $AUTOLOAD; print $AUTOLOAD } hello(1);',
    "DESTROY": 'package D; sub DESTROY { print "gone ${^GLOBAL_PHASE}" } package main; our $d = bless {}, "D"; my $e = bless [], "D"; print "x";',
    "a destructor behind an AUTOLOAD": 'package D; sub AUTOLOAD { print our $AUTOLOAD } package main; our $d = bless [], "D"; print "x";',
    "a destructor of a parent": 'package P; sub DESTROY { print "parent" } package D; our @ISA = "P"; package main; our @d = map { bless [], "D" } 1 .. 3;',
    "a destructor and exit": 'package D; sub DESTROY { print STDERR "gone"; $? = 5 } package main; our $d = bless [], "D"; exit 1;',
    "a tie": 'package T; sub TIESCALAR { bless [] } sub DESTROY { print "untied" } package main; tie our $t, "T"; print "x";',
    "a process at the end of a handle": 'our $h; open $h, "|cat; sleep 0.1; echo done" or die; print $h "to cat\n"; print "x";',
    "a file at the end": 'my $n = "/tmp/remuda-perl-$$"; our $f; open $f, ">", $n; print $f "text"; our $g; open $g, "<", $n; unlink $n; print -s $f ? 1 : 0;',
    "no room": 'our $f; open $f, ">", "/dev/full"; print $f "text"; use IO::Handle; print "x";',
    "output to nowhere": 'close STDOUT; open STDOUT, ">", "/dev/full"; print "x" x 10;',
    "a layer that encodes": 'binmode STDOUT, ":encoding(iso-2022-jp)"; print chr 0x3042;',
    "phase": "print ${^GLOBAL_PHASE};",
    "source with a tail": "print 1; exit 0;\n=pod\n\ntext\n\n=cut\n",
    "unicode source": 'use utf8; use open qw(:std :utf8); print "\\x{e9}é";',
    "environment set while compiled": 'BEGIN { $ENV{PATH} = "/bin"; $ENV{MINE} = "m"; delete @ENV{qw(HTTP_HOST NOT_THERE)} } $| = 1; print "$ENV{MINE}$ENV{PATH}"; system "/usr/bin/env | /usr/bin/sort";',
    "a local variable while compiled": 'BEGIN { local $ENV{PATH} = "/x"; local $ENV{NEW} = 1; } print $ENV{PATH}, exists $ENV{NEW} ? 1 : 0;',
    "umask and priority": 'printf "%o %d", umask, getpriority 0, 0; print getppid > 1;',
    "exec": '$| = 1; exec "/bin/echo", "replaced", "$ENV{QUERY_STRING}";',
    "return from do": 'my $r = do { 3 }; print $r; print "x" x 100_000;',
}  # fmt: skip
HEADS = {"plain": "#!/usr/bin/perl\n", "strict -w": "#!/usr/bin/perl -w\n", "-T": "#!/usr/bin/perl -T\n"}
WITHOUT_TAINT = {"environment", "environment written", "backticks", "exec"}  # these die under -T, as they should


@pytest.mark.parametrize("name", BODIES)
def test_not_told_from_exec(tmp_path, name):
    same(write(tmp_path, HEADS["plain"] + BODIES[name]))


@pytest.mark.parametrize("head", ["strict -w", "-T"])
@pytest.mark.parametrize("name", BODIES)
def test_with_switches(tmp_path, name, head):
    result = same(write(tmp_path, HEADS[head] + BODIES[name]))
    if head == "-T" and name in WITHOUT_TAINT:
        assert b"Insecure" in result.err


def test_arguments_and_switches_after_the_name(tmp_path):
    same(write(tmp_path, "#!/usr/bin/perl -s\nour $flag; print $flag, \"@ARGV\";"), b"", "-flag=3", "a b", "--", "")


def test_a_loop_around_the_text(tmp_path):
    same(write(tmp_path, "#!/usr/bin/perl -n\nprint uc;"), b"one\ntwo\n")


def test_random_numbers_differ(tmp_path):
    path = write(tmp_path, "#!/usr/bin/perl\nuse List::Util; print rand, ' ', $$;")
    with ready(path) as forked:
        found = {forked.run(REQUEST).out for _ in range(5)}
    assert len(found) == 5


FAULTS = {
    "asks for $ENV{REQUEST_METHOD}": 'my $m; BEGIN { $m = $ENV{REQUEST_METHOD} } print $m;',
    "asks for $ENV{HTTP_HOST}": 'use constant HOST => $ENV{"HTTP_HOST"}; print HOST;',
    "line 3": '\nBEGIN { our $x = exists $ENV{QUERY_STRING} } print our $x;',
    "asks for the time": "use constant NOW => time; print NOW > 0;",
    "random": "BEGIN { our $r = rand } print 1;",
    "reads its input": "BEGIN { our $l = <STDIN> } print our $l;",
    "writes output": "BEGIN { $| = 1; print 'early' } print 'late';",
    "writes output ": "BEGIN { syswrite STDOUT, 'early' } print 'late';",
    "directory": "BEGIN { chdir '/' } use Cwd; print getcwd;",
    "replaces its environment": "BEGIN { %ENV = (A => 1) } print sort keys %ENV;",
    "alarm": "BEGIN { alarm 100 } print alarm 0;",
    "does not compile: syntax error": "print 1 +;",
    "does not compile: Can't locate No/Such.pm": "use No::Such; print 1;",
    "ends while": "BEGIN { exit 3 } print 1;",
}


@pytest.mark.parametrize("why", FAULTS)
def test_unfit(tmp_path, why):
    with template(write(tmp_path, HEADS["plain"] + FAULTS[why])) as loading:
        found = loading.why_unfit()
    wanted = why.strip()
    assert wanted.replace("$ENV{", "$ENV").replace("}", "") in found.replace("{", "").replace("}", "")


def test_a_variable_that_no_request_decides_may_be_asked_for(tmp_path):
    same(write(tmp_path, 'use constant P => $ENV{PATH}; print P, $ENV{REQUEST_METHOD};'.join(["#!/usr/bin/perl\n", ""])))


def test_a_changed_script_and_a_changed_module_are_refused(tmp_path):
    module = write(tmp_path, "package Mine; sub word { 'one' } 1;", "Mine.pm")
    path = write(tmp_path, f"#!/usr/bin/perl\nuse lib '{tmp_path}'; use Mine; print Mine::word();")
    with ready(path) as forked:
        assert forked.run(REQUEST).out == b"one"
        module.write_text("package Mine; sub word { 'two' } 1;")
        with pytest.raises(Ended, match="Mine.pm"):
            forked.run(REQUEST)
    settle()
    with ready(path) as forked:
        assert forked.run(REQUEST).out == b"two"
        path.write_text("#!/usr/bin/perl\nprint 3;")
        with pytest.raises(Ended, match="script.pl"):
            forked.run(REQUEST)


def test_a_thousand_forks_leave_nothing_behind(tmp_path):
    path = write(tmp_path, "#!/usr/bin/perl\nprint <DATA>, $ENV{N};\n__DATA__\nd")
    with ready(path) as forked:
        descriptors = None
        for number in range(1000):
            assert forked.run({"N": str(number)}).out == f"d{number}".encode()
            descriptors = descriptors or os.listdir(f"/proc/{forked.process.pid}/fd")
        assert os.listdir(f"/proc/{forked.process.pid}/fd") == descriptors


GITWEB = Path("/usr/share/gitweb/gitweb.cgi")
PAGES = ["", "a=summary;p=it.git", "a=tree;p=it.git", "a=commit;p=it.git", "a=blob;p=it.git;f=file", "a=log;p=it.git",
         "a=rss;p=it.git", "a=none;p=it.git", "a=summary;p=missing.git", "a=snapshot;p=it.git"]  # fmt: skip


@pytest.mark.skipif(not GITWEB.exists(), reason="gitweb is not installed")
def test_gitweb(tmp_path):
    repository = tmp_path / "projects/it.git"
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "init", "-q", str(repository)], check=True)
    (repository / "file").write_text("content\n" * 100)
    subprocess.run([*git, "-C", str(repository), "add", "file"], check=True)
    subprocess.run([*git, "-C", str(repository), "commit", "-q", "-m", "first"], check=True)
    configuration = write(tmp_path, f"our $projectroot = '{tmp_path}/projects'; our @git_base_url_list = (); 1;\n", "gitweb.conf")
    common = {"GITWEB_CONFIG": str(configuration), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    command = Template([PERL, str(LOADER), str(GITWEB)], common, str(GITWEB.parent))
    with command as loading:
        loading.wait_ready()
        for page in PAGES:
            request = REQUEST | common | {"QUERY_STRING": page, "REQUEST_METHOD": "GET", "CONTENT_LENGTH": ""}
            wanted = executed([str(GITWEB)], request, b"", str(GITWEB.parent))
            found = loading.run(request, b"", str(GITWEB.parent))
            assert found.out.splitlines() == wanted.out.splitlines(), page
            assert (lines(found.err), found.status) == (lines(wanted.err), wanted.status), page

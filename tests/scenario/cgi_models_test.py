# SPDX-License-Identifier: Apache-2.0
"""The same CGI programs under exec and under fork: what a client sees is the same, byte for byte.

One server runs both applications over one directory; the host says which. A program's first request under fork is
executed and its template loaded meanwhile, so everything is asked until the template serves.
"""

import difflib
import os
import re
import subprocess

import pytest

import control
from harness import needs
from processes import eventually
from wire import request

CONFIGURATION = """
    [[route]]
    host = "exec.test"
    path = "/cgi-bin/"
    app = "executed"
    [[route]]
    host = "fork.test"
    path = "/cgi-bin/"
    app = "forked"
    [app.executed]
    root = "cgi-bin"
    environment = { CONFIGURED = "yes", LANG = "C.UTF-8" }
    [app.forked]
    model = "fork"
    root = "cgi-bin"
    environment = { CONFIGURED = "yes", LANG = "C.UTF-8" }
"""

SHELL = r"""#!/bin/sh
printf 'Content-Type: text/plain\n\n'
env | sort
echo "arguments: $# $*"
echo "name: $0"
pwd
umask
ls -l /proc/self/fd | wc -l
grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status
cat
"""

PERL = r"""#!/usr/bin/perl -w
use strict;
use POSIX qw(getpgrp);
print "Content-Type: text/plain\n\n";
print "$_=$ENV{$_}\n" for sort keys %ENV;
print "name $0, arguments @ARGV, warnings $^W\n";
print "group ", (getpgrp() == $$ ? "own" : "other"), "\n";
local $/; my $body = <STDIN>; print "body ", length($body // ''), "\n$body\n";
print "data: ", scalar(<DATA>);
warn "said to standard error";
END { print "the end\n" }
__DATA__
of the program
"""

PYTHON = r"""#!/usr/bin/python3
import json, os, sys
import html.parser
if __name__ == "__main__":
    print("Content-Type: text/plain\n")
    for name in sorted(os.environ):
        print(name, os.environ[name])
    print(sys.argv, sys.path[0], __file__, __name__, os.getcwd(), os.getpgrp() == os.getpid())
    print(sys.stdin.encoding, sys.stdout.encoding, sys.stdout.line_buffering, sys.flags)
    body = sys.stdin.buffer.read()
    print(len(body), body)
    print("to standard error", file=sys.stderr)
    sys.exit(0)
"""

RAISES = r"""#!/usr/bin/python3
print("Content-Type: text/plain\n")
print("before")
raise ValueError("on purpose")
"""

EXITS = """#!/usr/bin/python3
import sys
sys.exit(3)
"""

DIES = """#!/usr/bin/perl
die "on purpose";
"""

KILLED = """#!/bin/sh
printf 'Content-Type: text/plain\\nContent-Length: 100\\n\\nhalf'
kill -9 $$
"""

LARGE = """#!/usr/bin/perl
print "Content-Type: application/octet-stream\\n\\n";
print "0123456789abcdef" x 65536 for 1 .. 8;
"""

STATUS = """#!/bin/sh
printf 'Status: 418 A Teapot\\nX-Field: one\\nX-Field: two\\nContent-Type: text/plain\\n\\nshort and stout'
"""

OWN_HEAD = r"""#!/bin/sh
printf 'HTTP/1.1 203 By Myself\r\nContent-Type: text/plain\r\nX-Field: own\r\nConnection: close\r\n\r\n'
echo "$0 $REQUEST_METHOD $QUERY_STRING"
"""

COMPILED = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
extern char **environ;
static int before_main = 0;
__attribute__((constructor)) static void prepare(void) { before_main = 41; }
static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
int main(int count, char **arguments) {
  size_t number = 0;
  while (environ[number] != NULL) ++number;
  qsort(environ, number, sizeof *environ, compare);
  printf("Content-Type: text/plain\n\n%d %s %d\n", count, arguments[0], before_main + 1);
  for (char **each = environ; *each != NULL; ++each) puts(*each);
  int c;
  while ((c = getchar()) != EOF) putchar(c);
  printf("group %d\n", getpgrp() == getpid());
  return 0;
}
"""

PROGRAMS = {"shell": SHELL, "perl": PERL, "python": PYTHON, "raises": RAISES, "exits": EXITS, "dies": DIES,
            "killed": KILLED, "large": LARGE, "status": STATUS, "nph-own": OWN_HEAD}


@pytest.fixture(scope="module")
def server(shared):
    for name, text in PROGRAMS.items():
        shared.place.script(name, text)
    source = shared.place.file("compiled.c", COMPILED)
    target = shared.place.directory("cgi-bin") / "compiled"
    subprocess.run(["clang-19", "-O1", str(source), "-o", str(target)], check=True)
    shared.place.file("cgi-bin/static.c", COMPILED)
    subprocess.run(["clang-19", "-O1", "-static", str(source), "-o", str(target.with_name("static"))], check=True)
    return shared(CONFIGURATION)


def ask(server, model, path, method="GET", body=b"", *lines):
    """The answer without what differs from one request to the next."""
    server.count()
    with server.connect() as connection:
        connection.send(request(method, path, *lines, body=body or None, host=f"{model}.test"))
        answer = connection.read_answer(method)
    varying = ("Date", "Content-Length", "Transfer-Encoding")  # the last two go by when the program's end was seen
    fields = [(name, value) for name, value in answer.fields if name not in varying]
    body = answer.body.replace(b"exec.test", b"HOST").replace(b"fork.test", b"HOST")
    body = re.sub(rb"REMOTE_PORT[ =]\d+|Request [0-9a-f]{16}|UNIQUE_ID[ =]\S+", b"", body)
    return answer.status, fields, body


def compare(forked, executed):
    lines = [[*map(repr, [answer[0], *answer[1], *answer[2].splitlines()])] for answer in (forked, executed)]
    difference = [line[:200] for line in difflib.unified_diff(*lines, "fork", "exec", lineterm="", n=0)]
    assert not difference, "\n".join(difference[:20])
    assert forked == executed


def settled(server, name):
    """A template of the program serves, or it has been said why there is none."""
    def known():
        of = [each for each in control.app(server, "forked")["templates"] if each["program"].endswith("/" + name)]
        return of if of and of[0]["state"] != "loading" else None

    ask(server, "fork", f"/cgi-bin/{name}")
    return eventually(f"a template of {name}", known)[0]


REQUESTS = [("GET", "?a=b&c=%20d", b""), ("GET", "/extra/path?isindex+words", b""), ("POST", "", b"x" * 1000),
            ("POST", "/more", b"y" * 300_000), ("HEAD", "", b"")]


@needs("/usr/bin/perl", "/usr/bin/python3")
@pytest.mark.parametrize("name", [*PROGRAMS, "compiled", "static"])
def test_answers_are_the_same(server, name):
    template = settled(server, name)
    for method, rest, body in REQUESTS:
        lines = ["Cookie: a=b", "X-Own: field"]
        executed = ask(server, "exec", f"/cgi-bin/{name}{rest}", method, body, *lines)
        for _ in range(2):
            compare(ask(server, "fork", f"/cgi-bin/{name}{rest}", method, body, *lines), executed)
    if name == "static":
        assert template["state"] == "failed" and "static" in template["lines"][0], template
    else:
        assert template["state"] == "ready", template


def test_a_changed_program_is_seen_at_the_next_request(server):
    for name, interpreter, say in (("turn.sh", "/bin/sh", "printf 'Content-Type: text/plain\\n\\n{}'"),
                                   ("turn.pl", "/usr/bin/perl", 'print "Content-Type: text/plain\\n\\n{}";'),
                                   ("turn.py", "/usr/bin/python3", "print('Content-Type: text/plain\\n\\n{}')")):
        for turn in range(6):
            server.place.script(name, f"#!{interpreter}\n{say.format(f'turn {turn}')}\n")
            status, _, body = ask(server, "fork", f"/cgi-bin/{name}")
            assert status == 200 and body.strip() == b"turn %d" % turn, (name, body)
            if turn % 2:
                settled(server, name)


def test_what_cannot_be_forked_is_executed_and_said_once(server):
    server.place.script("threads.py", "#!/usr/bin/python3\nimport threading\n"
                                      "print('Content-Type: text/plain\\n\\nfine')\n")
    for _ in range(5):
        assert ask(server, "fork", "/cgi-bin/static")[0] == 200
        assert ask(server, "fork", "/cgi-bin/threads.py")[2].strip() == b"fine"
    eventually("it is said", lambda: "static: runs under exec" in server.errors())
    assert server.errors().count("/static: runs under exec") == 1


def test_descriptors_and_limits_are_those_of_exec(server):
    server.place.script("held.pl", "#!/usr/bin/perl\nprint \"Content-Type: text/plain\\n\\n\";\n"
                                   "opendir(my $all, '/proc/self/fd'); my @found = grep { /\\d/ && $_ < 20 } readdir $all;\n"
                                   "print scalar(@found), \"\\n\";\n"
                                   "open(my $limits, '<', '/proc/self/limits'); print <$limits>;\n")
    settled(server, "held.pl")
    compare(ask(server, "fork", "/cgi-bin/held.pl"), ask(server, "exec", "/cgi-bin/held.pl"))


def test_restart_renews_all_templates(server):
    for name in ("shell", "perl"):
        settled(server, name)
    before = {each["program"]: each["pid"] for each in control.app(server, "forked")["templates"] if each["pid"]}
    ended = control.command(server, "restart", "forked")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    after = {each["program"]: each["pid"] for each in control.app(server, "forked")["templates"] if each["pid"]}
    assert after.keys() == before.keys() and not set(after.values()) & set(before.values())


def test_templates_are_bounded(start, place):
    for number in range(5):
        place.script(f"p{number}", f"printf 'Content-Type: text/plain\\n\\n{number}'")
    server = start('    [[route]]\n    path = "/cgi-bin/"\n    app = "few"\n    [app.few]\n    model = "fork"\n'
                   '    root = "cgi-bin"\n    template.most = 2\n')
    for _ in range(3):
        for number in range(5):
            assert server.get(f"/cgi-bin/p{number}").text == str(number)
    eventually("at most two", lambda: len([each for each in control.app(server, "few")["templates"]
                                           if each["state"] == "ready"]) <= 2)
    assert os.path.exists(f"/proc/{server.spawner()}")

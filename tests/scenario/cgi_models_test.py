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

PHP_SEEN = r"""#!/usr/bin/php-cgi
<?php
ini_set('serialize_precision', '-1');
header('Content-Type: text/plain');
header('X-Several: one');
header('X-Several: two', false);
setcookie('c', 'v');
$environment = getenv();
foreach (['REQUEST_TIME', 'REQUEST_TIME_FLOAT', 'REMOTE_PORT', 'UNIQUE_ID'] as $name) unset($_SERVER[$name], $environment[$name]);
ksort($_SERVER);
ksort($environment);
foreach ($_FILES as &$file) { $file['content'] = md5_file($file['tmp_name']); unset($file['tmp_name']); }
var_dump($_SERVER, $environment, $_GET, $_POST, $_COOKIE, $_FILES, strlen(file_get_contents('php://input')));
var_dump($GLOBALS['argv'] ?? null, php_sapi_name(), PHP_BINARY, getcwd(), __FILE__, get_included_files(), headers_list());
var_dump(ini_get('memory_limit'), ini_get('display_errors'), get_loaded_extensions(), error_get_last(), posix_getpgrp() == getmypid());
var_dump(preg_grep('/socket|anon_inode|memfd/', array_map('readlink', glob('/proc/self/fd/*'))));
echo umask(), implode(preg_grep('/^Sig(Blk|Ign|Cgt)/', file('/proc/self/status')));
echo file_get_contents('/proc/self/cmdline');
fprintf(fopen('php://stderr', 'w'), "to standard error\n");
"""

PHP_PROGRAMS = {
    "php-seen": PHP_SEEN,
    "php-flags": "#!/usr/bin/php-cgi -d memory_limit=77M\n<?php echo ini_get('memory_limit'), 'plain';",
    "php-env": "#!/usr/bin/env php-cgi\n<?php echo __FILE__, php_sapi_name();",
    "php-cli": "#!/usr/bin/php\n<?php echo \"Content-Type: text/plain\\n\\n\"; var_dump($argv, PHP_SAPI, stream_get_contents(STDIN));"
               " fwrite(STDERR, 'error'); exit(4);",
    "php-status": "#!/usr/bin/php-cgi\n<?php http_response_code(418); header('X-Powered-By: tea'); echo 'short';",
    "php-line": "#!/usr/bin/php-cgi\n<?php header('HTTP/1.1 404 Gone Away'); echo 'no';",
    "php-location": "#!/usr/bin/php-cgi\n<?php header('Location: http://elsewhere.test/');",
    "php-late": "#!/usr/bin/php-cgi\n<?php ini_set('display_errors', '1'); echo str_repeat('x', 9000); flush(); header('X-Late: 1'); echo 'on';",
    "php-fatal": "#!/usr/bin/php-cgi\n<?php echo 'before'; no_such_function();",
    "php-syntax": "#!/usr/bin/php-cgi\n<?php echo 'before' 'after';",
    "php-throws": "#!/usr/bin/php-cgi\n<?php ini_set('display_errors', '1'); throw new LogicException('on purpose');",
    "php-exit": "#!/usr/bin/php-cgi\n<?php register_shutdown_function(fn() => print('the end')); echo 'before'; exit(3);",
    "php-plain": "#!/usr/bin/php-cgi\nno code at all\n",
    "php-nothing": "#!/usr/bin/php-cgi\n<?php\n",
    "php-large": "#!/usr/bin/php-cgi\n<?php for ($i = 0; $i < 8; $i++) echo str_repeat('0123456789abcdef', 65536);",
    "php-session": "#!/usr/bin/php-cgi\n<?php session_save_path(sys_get_temp_dir()); session_id('remuda'); session_start();"
                   " $_SESSION['a'] = 1; session_write_close(); session_start(); var_dump($_SESSION); session_destroy();",
    "php-memory": "#!/usr/bin/php-cgi -d memory_limit=4M\n<?php ini_set('display_errors', '1'); $all = str_repeat('x', 10000000);",
    "nph-php": "#!/usr/bin/php\n<?php echo \"HTTP/1.1 203 By Myself\\r\\nContent-Type: text/plain\\r\\n\\r\\n\", PHP_SAPI;",
}

PROGRAMS = {"shell": SHELL, "perl": PERL, "python": PYTHON, "raises": RAISES, "exits": EXITS, "dies": DIES,
            "killed": KILLED, "large": LARGE, "status": STATUS, "nph-own": OWN_HEAD}


@pytest.fixture(scope="module")
def server(shared):
    for name, text in (PROGRAMS | PHP_PROGRAMS).items():
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
    # What frames the answer goes by when the program's end was seen, and whether the whole body had been then.
    varying = ("Date", "Content-Length", "Transfer-Encoding", "Connection")
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


def compare_models(server, name, method, rest, body, *lines):
    executed = ask(server, "exec", f"/cgi-bin/{name}{rest}", method, body, *lines)
    for _ in range(2):
        compare(ask(server, "fork", f"/cgi-bin/{name}{rest}", method, body, *lines), executed)


@needs("/usr/bin/perl", "/usr/bin/python3")
@pytest.mark.parametrize("name", [*PROGRAMS, "compiled", "static"])
def test_answers_are_the_same(server, name):
    template = settled(server, name)
    for method, rest, body in REQUESTS:
        compare_models(server, name, method, rest, body, "Cookie: a=b", "X-Own: field")
    if name == "static":
        assert template["state"] == "failed" and "static" in template["lines"][0], template
    else:
        assert template["state"] == "ready", template


FORM = b"a=1&b[k]=2"
UPLOAD = (b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\nContent-Type: text/plain\r\n\r\n' + b"z" * 300_000 +
          b'\r\n--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n')


@needs("/usr/bin/php-cgi", "/usr/bin/php")
@pytest.mark.parametrize("name", PHP_PROGRAMS)
def test_answers_of_php_are_the_same(server, name):
    assert settled(server, name)["state"] == "ready"
    for method, rest, body in REQUESTS:
        compare_models(server, name, method, rest, body, "Cookie: a=b", "Content-Type: text/plain")
    compare_models(server, name, "POST", "?q", FORM, "Content-Type: application/x-www-form-urlencoded")
    compare_models(server, name, "POST", "", UPLOAD, "Content-Type: multipart/form-data; boundary=x")


@needs("/usr/bin/php-cgi", "/usr/bin/php")
def test_php_ends_as_it_does_elsewhere(server):
    for name, status in (("php-exit", 3), ("php-cli", 4), ("php-fatal", 255)):
        settled(server, name)
        for model, app in (("exec", "executed"), ("fork", "forked")):
            ask(server, model, f"/cgi-bin/{name}")
            server.wait_for_error(f"app {app}: exited with status {status}\n.*/{name}")


@needs("/usr/bin/php-cgi")
def test_what_php_compiles_is_shared_and_looked_at_again(server):
    """Also where a file is another one because a link has moved, and in the second in which it was made."""
    for turn in range(4):
        server.place.file(f"turns/{turn}/part.inc", f"<?php return 'turn {turn}';")
    server.place.script("including", "#!/usr/bin/php-cgi\n<?php echo require 'turn/part.inc', '; ', require 'own.inc', '; ',"
                                     " opcache_get_status()['opcache_statistics']['hits'] > 3 ? 'shared' : 'alone';")
    link = server.place / "cgi-bin/turn"
    own = server.place.file("cgi-bin/own.inc", "")
    for turn in range(4):
        link.unlink(missing_ok=True)
        link.symlink_to(server.place / f"turns/{turn}")
        settled(server, "including")
        for part in range(3):
            own.write_text(f"<?php return '{turn} {part}';")
            answer = ask(server, "fork", "/cgi-bin/including")[2]
            assert answer == b"turn %d; %d %d; alone" % (turn, turn, part), answer
    os.utime(own, (1, 1))
    os.utime(server.place / "turns/3/part.inc", (1, 1))
    assert [ask(server, "fork", "/cgi-bin/including")[2][-6:] for _ in range(5)][-1] == b"shared"


@needs("/usr/bin/php-cgi")
def test_what_php_says_while_it_starts_is_said_in_each_answer(server):
    for name, count, state in (("few", 1, "ready"), ("many", 20, "failed")):
        missing = "".join(f"extension = no_such_extension_{number}\n" for number in range(count))
        server.place.file(f"cgi-bin/{name}/php.ini", f"{missing}display_startup_errors = 1\n")
        server.place.script(f"{name}/speaks", "#!/usr/bin/php-cgi\n<?php echo 'on';")
        template = settled(server, f"{name}/speaks")
        assert template["state"] == state, template
        compare_models(server, f"{name}/speaks", "GET", "", b"")
    assert b"Unable to load" in ask(server, "fork", "/cgi-bin/few/speaks")[2]
    server.wait_for_error("runs under exec.*it writes output while it starts")


@needs("/usr/bin/php-cgi")
def test_changed_settings_of_php_are_seen(server):
    settings = server.place.file("cgi-bin/settings/php.ini", "memory_limit = 33M\n")
    server.place.script("settings/limit", "#!/usr/bin/php-cgi\n<?php echo ini_get('memory_limit');")
    settled(server, "settings/limit")
    assert ask(server, "fork", "/cgi-bin/settings/limit")[2] == b"33M"
    settings.write_text("memory_limit = 44M\n")
    eventually("they are read again", lambda: ask(server, "fork", "/cgi-bin/settings/limit")[2] == b"44M")


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

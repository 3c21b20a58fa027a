# SPDX-License-Identifier: Apache-2.0
"""What a process of an application is held to, and that it is held: limits, niceness, umask, rights.

Each program here goes as far as it can; the kernel stops it, the client gets an answer, and the server serves on.
"""

import os
import pwd
import re

import pytest

import harness
from applications import USER, compiled, owner_lines
from harness import needs, needs_root, run
from processes import descendants_of, name_of

SITE = """
    {server}
    [[route]]
    path = "/cgi-bin/"
    app = "programs"
    [[route]]
    files = "site"
    [app.programs]
    root = "cgi-bin"
    time_limit = "60s"
    {options}
"""

EVERYTHING = """
    umask = "027"
    nice = 3
    no_new_privileges = true
    [app.{name}.process_limits]
    open_files = 99
    processes = 500
    address_space = "4GiB"
    file_size = "3MiB"
    cpu_time = "77s"
    core_dumps = false
"""

LIMITS = {
    "Max open files": "99",
    "Max processes": "500",
    "Max address space": str(4 << 30),
    "Max file size": str(3 << 20),
    "Max cpu time": "77",
    "Max core file size": "0",
}

FORKS = """#!/usr/bin/python3
import os, signal, time
made = []
try:
    while len(made) < 500:
        pid = os.fork()
        if pid == 0:
            time.sleep(60)
            os._exit(0)
        made.append(pid)
    why = "nothing stopped it"
except OSError as error:
    why = error.strerror
for pid in made:
    os.kill(pid, signal.SIGKILL)
print(f"Content-Type: text/plain\\n\\n{len(made)} {why}", end="")
"""

EATS = """#!/usr/bin/python3
held = []
try:
    while len(held) < 4000:
        held.append(bytearray(1 << 20))
    why = "nothing stopped it"
except MemoryError:
    why = "no memory"
count = len(held)
held.clear()
print(f"Content-Type: text/plain\\n\\n{count} {why}", end="")
"""


def started(start, place, options: str) -> harness.Server:
    place.file("site/index.html", "home")
    return start(SITE.format(server=owner_lines('[server]\n    user = "{0}"'), options=options))


def check_held(limits: str, status: str, niceness: int):
    """`limits` and `status` are /proc/PID/limits and /proc/PID/status."""
    for name, most in LIMITS.items():
        assert re.search(rf"^{name} +{most} +{most} ", limits, re.MULTILINE), (name, limits)
    assert re.search(r"^Umask:\s+0027$", status, re.MULTILINE), status
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE), status
    assert niceness == min(os.getpriority(os.PRIO_PROCESS, 0) + 3, 19)


def test_a_program_of_each_request_is_held(start, place):
    place.script("show", "printf 'Content-Type: text/plain\\n\\n'; nice; cat /proc/self/limits /proc/self/status")
    server = started(start, place, EVERYTHING.format(name="programs"))
    answer = server.get("/cgi-bin/show")
    assert answer.status == 200
    check_held(answer.text, answer.text, int(answer.text.splitlines()[0]))


@needs("/usr/include/fcgiapp.h")
def test_an_instance_of_a_pool_is_held(start, place):
    compiled(place, "application")
    server = start(f"""
        {owner_lines('[server]' + chr(10) + '        user = "{0}"')}
        [[route]]
        app = "herd"
        [app.herd]
        type = "fastcgi"
        program = "application"
        instances.min = 1
        """ + EVERYTHING.format(name="herd"))
    assert server.get("/").status == 200
    pid = next(pid for pid in descendants_of(server.pid) if name_of(pid) == "application")
    limits, status = (open(f"/proc/{pid}/{name}", encoding="utf-8").read() for name in ("limits", "status"))
    check_held(limits, status, os.getpriority(os.PRIO_PROCESS, pid))


def test_without_limits_a_program_has_those_of_the_server(start, place):
    place.script("show", "printf 'Content-Type: text/plain\\n\\n'; umask; nice; ulimit -Sn; ulimit -v; ulimit -f; ulimit -t")
    server = started(start, place, "")
    said = server.get("/cgi-bin/show").text.split()
    own = run_shell("nice; ulimit -v; ulimit -f; ulimit -t")
    assert said == ["0022", own[0], "1024", *own[1:]]


def run_shell(words: str) -> list[str]:
    return os.popen(words).read().split()


@needs_root
def test_forks_without_end(start, place):
    place.file("cgi-bin/forks", FORKS, 0o755)
    user = pwd.getpwnam("games").pw_name  # a user that has no other process
    server = started(start, place, f'user = "{user}"\n    process_limits.processes = 20')
    for _ in range(3):
        number, _, why = server.get("/cgi-bin/forks").text.partition(" ")
        assert 5 < int(number) < 20 and why == "Resource temporarily unavailable"
        assert server.get("/").text == "home"


@pytest.mark.skipif(harness.SANITIZED, reason="the server's own limits are those of a sanitizer")
def test_fills_memory(start, place):
    place.file("cgi-bin/eats", EATS, 0o755)
    server = started(start, place, 'process_limits.address_space = "256MiB"')
    number, _, why = server.get("/cgi-bin/eats").text.partition(" ")
    assert 50 < int(number) < 256 and why == "no memory"
    assert server.get("/").text == "home"


def test_computes_without_end(start, place):
    place.script("spins", "while :; do :; done")
    server = started(start, place, 'process_limits.cpu_time = "1s"')
    answer = server.get("/cgi-bin/spins")
    assert answer.status == 502
    server.wait_for_error(r"SIGKILL|signal 9|killed")
    assert server.get("/").text == "home"


def test_writes_without_end(start, place):
    work = place.directory("work", 0o777)
    place.script("writes", f"exec head -c 10000000 /dev/zero > {work}/large")
    server = started(start, place, 'process_limits.file_size = "64KiB"')
    assert server.get("/cgi-bin/writes").status == 502
    server.wait_for_error(r"SIGXFSZ|signal 25|File size")
    assert (work / "large").stat().st_size == 64 << 10
    assert server.get("/").text == "home"


def test_files_get_the_rights_of_umask(start, place):
    work = place.directory("work", 0o777)
    place.script("makes", f"touch {work}/made; printf 'Content-Type: text/plain\\n\\nmade'")
    server = started(start, place, 'umask = "077"')
    assert server.get("/cgi-bin/makes").text == "made"
    assert (work / "made").stat().st_mode & 0o777 == 0o600


@needs_root
def test_set_user_id_programs_gain_nothing(start, place):
    place.file("su-id", open("/usr/bin/id", "rb").read()).chmod(0o4755)
    place.script("who", f"printf 'Content-Type: text/plain\\n\\n'; exec {place.path}/su-id -u")
    server = started(start, place, "no_new_privileges = true")
    assert server.get("/cgi-bin/who").text.strip() == str(pwd.getpwnam(USER).pw_uid)
    free = started(start, place, "")
    assert free.get("/cgi-bin/who").text.strip() == "0", "without it the same program does"


@needs_root
def test_a_user_with_too_many_processes_is_named(start, place):
    place.script("hello", "printf 'Content-Type: text/plain\\n\\nhello'")
    server = started(start, place, "process_limits.processes = 1")  # the worker alone has more
    assert server.get("/cgi-bin/hello").status == 503  # it may have fewer in a moment
    server.wait_for_error(r"process_limits\.processes")


def test_what_cannot_be_set_is_refused_at_the_check(place):
    place.directory("cgi-bin")
    place.file("remuda.toml", '[[route]]\napp = "programs"\n[app.programs]\nroot = "cgi-bin"\n'
                              'process_limits.open_files = 900000000\n')
    user = USER if harness.IS_ROOT else None
    ended = run("check", "-c", str(place / "remuda.toml"), user=user)
    assert ended.returncode != 0
    assert "app.programs.process_limits.open_files: is above" in ended.stdout + ended.stderr

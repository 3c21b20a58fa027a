# SPDX-License-Identifier: Apache-2.0
"""remuda advise: real applications under each model, the figures that come of it, and what must be gone afterwards."""

import json
import os
import re
import signal
import subprocess

import pytest

import harness
from applications import USER
from harness import SLOWNESS, needs_root
from loaded import needs_loader
from processes import children_of, eventually, title_of

pytestmark = needs_loader("python/remuda_cgi.py", "python3")

CONFIGURATION = """
    [server]
    pid_file = "pid"
    run_directory = "run"
    {server}
    [[route]]
    path = "/cgi-bin/"
    app = "tools"
    [[route]]
    path = "/shop/"
    app = "shop"
    [[route]]
    path = "/broken/"
    app = "broken"
    [[route]]
    files = "site"
    [app.tools]
    root = "cgi-bin"
    [app.shop]
    type = "wsgi"
    root = "shop"
    instances = {{ max = 2 }}
    [app.broken]
    type = "wsgi"
    root = "broken"
"""

LISTENER = """
    [[listener]]
    address = "127.0.0.1:{}"
"""

HELLO = """#!/usr/bin/python3
import html, json, urllib.parse
print("Content-Type: text/plain\\n")
print("hello")
"""

BURNS = """#!/usr/bin/python3
import time
while time.process_time() < 0.03:
    pass
print("Content-Type: text/plain\\n")
print("burnt")
"""

SHOP = """
import json
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"welcome"]
"""

COUNTS = """
seen = 0
def application(environ, start_response):
    global seen
    seen += 1
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(seen).encode()]
"""

BROKEN = """
import nonesuch
application = nonesuch.application
"""


@pytest.fixture
def site(place):
    """advise(words) in a place with applications; whatever it leaves in its TMPDIR is seen."""
    place.directory("tmp", 0o1777)
    place.directory("run")
    place.file("site/index.html", "home")
    place.script("hello.py", HELLO)
    place.script("burns.py", BURNS)
    place.file("shop/app.py", SHOP)
    place.file("broken/wsgi.py", BROKEN)
    configure(place)
    return place


def configure(place, server: str = "", port: int = 80):
    """A configuration whose port is never used."""
    place.file("remuda.toml", CONFIGURATION.format(server=server) + LISTENER.format(port))


def surroundings(place) -> dict:
    return {"PATH": os.environ["PATH"], "TMPDIR": str(place / "tmp")}


def advise(place, *words: str, user: str | None = None, cwd=None) -> subprocess.CompletedProcess:
    source = [] if cwd else ["-c", str(place / "remuda.toml")]
    before = set(children_of(os.getpid()))
    ended = harness.run("advise", *words, *source, within=120 * SLOWNESS, user=user, env=surroundings(place), cwd=cwd)
    assert os.listdir(place / "tmp") == []
    assert [title_of(pid) for pid in set(children_of(os.getpid())) - before] == []
    return ended


def figures(place, *words: str, **options) -> tuple[dict, dict[str, dict]]:
    """The report, and what was measured of each model."""
    ended = advise(place, *words, "--json", **options)
    assert ended.returncode == 0, ended
    report = json.loads(ended.stdout)
    return report, {each["model"]: each for each in report["models"]}


# --- what it measures ---------------------------------------------------------------------------------------------------


def test_a_cgi_script(site):
    """exec and fork; fork wins, and the table says so for a person."""
    ended = advise(site, "/cgi-bin/hello.py", "--requests", "60")
    assert ended.returncode == 0, ended
    assert re.search(r"(?m)^MODEL +ANSWERS +STARTS +FIRST", ended.stdout)
    assert re.search(r"(?m)^exec +60 +\d+ ", ended.stdout) and re.search(r"(?m)^fork +60 +\d+ ", ended.stdout)
    assert re.search(r"fork answers [\d.]+ x as many requests a second as exec", ended.stdout)
    line = (site / "remuda.toml").read_text().splitlines().index("    [app.tools]") + 1
    assert ended.stdout.splitlines()[-1] == f'model = "fork"  # in [app.tools], {site / "remuda.toml"}:{line}'
    assert "it really runs" in ended.stderr
    assert not (site / "pid").exists()


def test_a_wsgi_application_by_its_name(site):
    """Three models; every request is counted, and each was answered by who should."""
    report, models = figures(site, "shop", "--requests", "40", "--concurrency", "3")
    assert report["url"] == "http://127.0.0.1/shop/" and report["at_once"] == 3 and report["advice"] == "pool"
    assert list(models) == ["exec", "fork", "pool"]
    for each in models.values():
        assert each["works"] and each["answered"] == 40 and each["failed"] == 0 and each["statuses"] == {"200": 40}
        assert each["content"] == {"size": len("welcome"), "constant": True}
        assert 0 < each["p50_us"] <= each["p99_us"] and each["first_us"] > 0 and each["rate"] > 0
        assert 0 < each["each_bytes"] <= each["pss_bytes"]["at_peak"]
    assert models["exec"]["starts"] == models["exec"]["requests"] == models["fork"]["starts"]
    assert 1 <= models["pool"]["starts"] <= 2
    assert models["exec"]["pss_bytes"]["at_rest"] == 0 < models["fork"]["pss_bytes"]["at_rest"]
    assert models["pool"]["cpu_us"]["application"] < models["exec"]["cpu_us"]["application"]


def test_processor_time_adds_up(site):
    """A program that computes for 30 ms of its own time is said to take that, and what its start takes."""
    _, models = figures(site, "/cgi-bin/burns.py", "--requests", "25")
    for name, each in models.items():
        assert 29_000 < each["cpu_us"]["application"] < 60_000 * SLOWNESS, name
        assert each["cpu_us"]["server"] < 10_000 * SLOWNESS, name
    assert models["fork"]["cpu_us"]["application"] < models["exec"]["cpu_us"]["application"]


def test_answers_that_tell_of_earlier_requests(site):
    """What a process that answers many requests keeps is seen in its answers."""
    site.file("shop/app.py", COUNTS)
    report, models = figures(site, "/shop/", "--requests", "30")
    assert models["exec"]["content"]["constant"] and not models["pool"]["content"]["constant"]
    assert any("what another left behind" in sentence for sentence in report["evidence"])


def test_a_program_that_cannot_be_forked(site):
    """fork, which then runs it by exec, is not advised, and why is said."""
    source = site.file("static.c", '#include <stdio.h>\nint main() { puts("Content-Type: text/plain\\n\\nhi"); }\n')
    subprocess.run(["clang-19", "-static", str(source), "-o", str(site / "cgi-bin/static")], check=True)
    report, _ = figures(site, "/cgi-bin/static", "--requests", "60")
    assert any("is not linked dynamically" in sentence for sentence in report["evidence"])


def test_the_page(site):
    """One file that needs no other, with the table, the plots and the line."""
    ended = advise(site, "shop", "--requests", "20", "--html", str(site / "advice.html"))
    assert ended.returncode == 0, ended
    page = (site / "advice.html").read_text()
    assert page.startswith("<!doctype html>") and page.count("<svg") == 4 and page.count("<figure") == 3
    assert "model = &quot;pool&quot;" in page and "<code>GET http://127.0.0.1/shop/</code>" in page
    assert not re.search(r"src=|href=|url\(|<script|@import|nan|inf\b", page)


def test_a_directory_without_a_file(site):
    ended = advise(site, "/", "--requests", "20", cwd=site / "shop")
    assert ended.returncode == 0, ended
    assert "--print-config writes" in ended.stdout.splitlines()[-1]


def test_beside_a_server_that_runs(site, start):
    """The same configuration serves meanwhile, and is not touched."""
    server = start(CONFIGURATION.format(server=""))
    worker, pid = server.worker(), (site / "pid").read_text()
    assert server.get("/shop/").status == 200
    ended = harness.run("advise", "shop", "--requests", "20", "-c", str(server.file), within=60 * SLOWNESS,
                        env=surroundings(site))
    assert ended.returncode == 0, ended
    assert server.get("/shop/").status == 200
    assert server.worker() == worker and (site / "pid").read_text() == pid


@pytest.mark.parametrize("folder", ["long" * 25, "nowhere"])
def test_a_temporary_directory_that_does_not_do(site, folder):
    """One that is not there, or too long for the names of sockets: /tmp it is."""
    site.directory("long" * 25)
    ended = harness.run("advise", "shop", "--requests", "5", "-c", str(site / "remuda.toml"), within=60 * SLOWNESS,
                        env={**surroundings(site), "TMPDIR": str(site / folder)})
    assert ended.returncode == 0, ended
    assert os.listdir(site / ("long" * 25)) == []


def test_a_page_that_cannot_be_written(site):
    """Said before anything is measured."""
    ended = advise(site, "shop", "--html", str(site / "nowhere/page.html"))
    assert ended.returncode == 1 and "cannot write" in ended.stderr and "it really runs" not in ended.stderr


# --- who runs it --------------------------------------------------------------------------------------------------------


@needs_root
def test_root_with_a_user(site):
    """Applications run as the user that the configuration says."""
    configure(site, f'user = "{USER}"')
    site.script("who.py", HELLO.replace('"hello"', "__import__('os').getuid()"))
    report, models = figures(site, "/cgi-bin/who.py", "--requests", "20")
    assert report["advice"] == "fork"
    assert all(each["failed"] == 0 and each["content"]["size"] == len("33\n") for each in models.values())
    assert all(each["pss_bytes"]["at_peak"] > 0 for each in models.values())


@needs_root
def test_an_ordinary_user(site):
    """Without root's rights; the port of the configuration, which that user may not have, is not needed."""
    report, models = figures(site, "shop", "--requests", "20", user="nobody")
    assert report["advice"] == "pool" and models["pool"]["pss_bytes"]["at_rest"] > 0


# --- what fails ---------------------------------------------------------------------------------------------------------


def test_a_broken_application(site):
    """It says why, once, and that is no success."""
    ended = advise(site, "broken", "--requests", "20")
    assert ended.returncode == 1, ended
    assert "No module named 'nonesuch'" in ended.stdout
    for model in ("exec", "fork", "pool"):
        assert re.search(rf"(?m)^{model}: 50\d ", ended.stdout), ended.stdout
    assert ended.stderr.rstrip().endswith("application broken answers under no model")


@pytest.mark.parametrize("words, why", [
    (["shpo"], 'there is no application shpo; did you mean "shop"?'),
    (["/index.html"], "no application answers /index.html: files of"),
    (["shop", "--path", "/elsewhere"], "/elsewhere does not lead to application shop by GET"),
    (["nonsense:"], "there is no application nonsense:"),
])  # fmt: skip
def test_what_cannot_be_asked(site, words, why):
    ended = advise(site, *words)
    assert ended.returncode == 1 and ended.stdout == "" and why in ended.stderr, ended


def test_a_script_that_is_not_there(site):
    ended = advise(site, "tools", "--path", "/cgi-bin/none", "--requests", "10")
    assert ended.returncode == 1 and "404 Not Found: there is no such program" in ended.stdout, ended


def test_a_wrong_command_line(site):
    for words in (["advise"], ["advise", "shop", "--requests", "0"], ["advise", "shop", "--concurrency", "many"]):
        assert harness.run(*words).returncode == 2, words


# --- when it is interrupted ---------------------------------------------------------------------------------------------


def under_way(site) -> subprocess.Popen:
    """A run in the middle of its requests."""
    process = subprocess.Popen([harness.PROGRAM, "advise", "/cgi-bin/hello.py", "--requests", "100000", "-c",
                                str(site / "remuda.toml")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env=surroundings(site), start_new_session=True)
    harness.Server.own_helpers.add(process.pid)
    eventually("its server serves", lambda: list((site / "tmp").glob("*/exec/error.log")), 20 * SLOWNESS)
    eventually("programs run", lambda: any("hello.py" in title_of(pid) for pid in descendants(process.pid)), 20 * SLOWNESS)
    return process


def descendants(pid: int) -> list[int]:
    found = children_of(pid)
    return found + [each for child in found for each in descendants(child)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(site, number):
    """Ctrl-C: soon over, and neither a process nor a directory is left."""
    process = under_way(site)
    below = descendants(process.pid)
    os.killpg(process.pid, number)
    out, _ = process.communicate(timeout=30 * SLOWNESS)
    assert process.returncode == 128 + number and out == ""
    assert os.listdir(site / "tmp") == []
    eventually("nobody is left", lambda: not any(title_of(pid) for pid in below))


def test_killed(site):
    """Whatever becomes of it, its servers end by themselves."""
    process = under_way(site)
    below = descendants(process.pid)
    process.kill()
    process.communicate()
    eventually("nobody is left", lambda: not any(title_of(pid) for pid in below), 20 * SLOWNESS)
    for pid in below:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass

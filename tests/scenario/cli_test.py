# SPDX-License-Identifier: Apache-2.0
"""The command line, as a person meets it: help, check, explain, config, version, and a directory without a file."""

import json
import re
import subprocess

import pytest

import harness
from harness import PROGRAM, run
from processes import eventually

COMMANDS = ["serve", "check", "explain", "advise", "status", "top", "restart", "kill", "peer", "config", "version"]

GOOD = """
[[listener]]
address = "127.0.0.1:8123"
[limits]
body = "10MiB"
[[route]]
host = "docs.test"
path = "/docs/"
files = "site"
[[route]]
path = "/git/"
app = "git"
[[route]]
path = "/"
method = ["GET"]
redirect = "https://elsewhere.test/"
[app.git]
type = "cgi"
model = "exec"
program = "/bin/true"
time_limit = "7s"
"""

BAD = """[server]
grase = "5s"
[workers]
threads = -1
[timeouts]
head = "5 parsecs"
[[route]]
path = "/a/"
files = "nowhere"
[[route]]
path = "/b/"
app = "missing"
redirect = "/c"
[app.warm]
type = "cgi"
model = "pool"
root = "site"
"""


def say(*arguments: str, **options) -> str:
    ended = run(*arguments, **options)
    assert ended.returncode == 0, ended
    return ended.stdout


@pytest.fixture
def good(place):
    place.directory("site")
    return place.file("remuda.toml", GOOD)


def test_help_wants_to_be_read(program):
    """Every command is named, lines fit a terminal, and there is an example."""
    whole = say("--help")
    for command in COMMANDS:
        assert re.search(rf"(?m)^\s+{command}\b", whole), command
        text = say(command, "--help")
        assert all(len(line) <= 100 for line in text.splitlines()), text
    assert "xample" in whole
    for option in ("--listen", "--processes", "--threads", "--connections", "--start", "--dev", "--inetd", "-c"):
        assert option in say("serve", "--help"), option


def test_version(program):
    assert re.match(r"(?i)remuda \d+\.\d+", say("version"))
    assert say("--version").split("\n")[0].split()[1] == say("version").split()[1]


def test_nothing_said_is_answered_with_help(program):
    ended = run()
    assert ended.returncode != 0 and "serve" in ended.stderr + ended.stdout


@pytest.mark.parametrize(("words", "meant"), [(["serv"], "serve"), (["serve", "--thread", "2"], "--threads"),
                                              (["chekc"], "check"), (["config", "reverence"], "reference")])
def test_did_you_mean(program, words, meant):
    ended = run(*words)
    assert ended.returncode == 2 and meant in ended.stderr and len(ended.stderr.splitlines()) == 1


def test_check_says_all_mistakes_at_once(place, program):
    """file:line:column: what; hint."""
    place.directory("site")
    file = place.file("remuda.toml", BAD)
    ended = run("check", "-c", str(file))
    assert ended.returncode == 1
    said = ended.stderr + ended.stdout
    found = {int(line): text for line, text in re.findall(rf"(?m)^{re.escape(str(file))}:(\d+):\d+: (.*)$", said)}
    assert {2, 4, 6, 9}.issubset(found), said
    assert "grace" in found[2], "no did-you-mean"
    assert "nowhere" in found[9]
    assert any("more than one action" in text for text in found.values())
    assert any("pool" in text and "nearest" in text for text in found.values()), "the reason and the nearest model that works"
    assert all(";" in text for number, text in found.items() if number in (2, 4, 6)), "no hint"


def test_check_of_a_broken_file(place, program):
    file = place.file("remuda.toml", "[server\n")
    ended = run("check", "-c", str(file))
    assert ended.returncode == 1 and re.search(rf"{re.escape(str(file))}:1:\d+:", ended.stderr + ended.stdout)


def test_check_of_a_good_file(good):
    assert "good" in say("check", "-c", str(good))


def test_explain_names_the_winner(good):
    """Every rule tried, the winner with file:line, the application, its user and limits."""
    text = say("explain", "http://any.test/git/x.git/info/refs?service=a", "-c", str(good))
    assert re.search(rf"(?m)^-> .*{re.escape(good.name)}:10", text), text
    for word in ("another", "/bin/true", "/x.git/info/refs", "7s", "10MiB", "exec"):
        assert word in text, word
    text = say("explain", "http://docs.test/docs/a%20b", "-c", str(good))
    assert str(good.parent / "site/a b") in text


def test_explain_says_what_nobody_answers(good):
    assert "405" in say("explain", "/other", "-X", "POST", "-c", str(good))
    assert "elsewhere.test" in say("explain", "/other", "-c", str(good))
    assert run("explain", "nonsense", "-c", str(good)).returncode == 1


def test_explain_agrees_with_the_server(start, place):
    """What it says is what happens."""
    place.file("site/a.txt", "a")
    server = start("""
        [[route]]
        path = "/a*.txt"
        files = "site"
        [[route]]
        path = "=/exact"
        respond = 410
        [[route]]
        method = ["POST"]
        respond = 204
    """)
    for method, target, status, word in [("GET", "/a.txt", 200, "files"), ("GET", "/exact", 410, "410"),
                                         ("POST", "/x", 204, "204"), ("GET", "/x", 405, "405")]:
        answer = server.ask(harness.wire.request(method, target))
        assert answer.status == status, (target, answer)
        assert word in say("explain", target, "-X", method, "-c", str(server.file))


def test_config_reference(program):
    """Every option with type, unit, default and range; the schema is one."""
    text = say("config", "reference")
    for name in ("first_byte", "fields_count", "time_limit", "spool_above", "precompressed", "processes", "backlog"):
        assert name in text, name
    schema = json.loads(say("config", "reference", "--json"))
    assert schema["type"] == "object" and "limits" in schema["properties"]
    assert schema["properties"]["limits"]["properties"]["fields_count"]["default"] == 100


def test_config_show(good):
    """Effective values, and where each was said."""
    text = say("config", "show", "-c", str(good))
    assert re.search(r"body = .*10MiB.*remuda\.toml:5", text), text
    assert re.search(r"(?m)^head = .*default", text), text
    assert "command line" in say("config", "show", "-c", str(good), "--set", "timeouts.head=3s")


def test_unknown_set(good):
    ended = run("config", "show", "-c", str(good), "--set", "timeouts.haed=3s")
    assert ended.returncode == 1 and "timeouts.head" in ended.stderr


def test_serve_a_directory_without_a_file(start, place):
    """remuda serve DIR: its files, its cgi-bin as CGI, and the terminal says so."""
    place.file("public/index.html", "home")
    place.file("public/notes.txt", "notes")
    place.file("public/cgi-bin/hello", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello'\n", 0o755)
    port = harness.free_port()
    server = start(port=port, arguments=["serve", str(place / "public"), "--listen", f"127.0.0.1:{port}"])
    server.counting = False
    assert server.get("/").text == "home" and server.get("/cgi-bin/hello").text == "hello"
    assert server.get("/notes.txt").text == "notes"
    said = server.errors()
    for words in (f"http://127.0.0.1:{port}", str(place / "public"), "cgi-bin", "event"):
        assert words in said, f"{words} is not in what it says:\n{said}"
    eventually("the access log is on the terminal", lambda: '"GET /notes.txt HTTP/1.1" 200' in server.errors())


def test_serve_this_directory(start, place):
    """Without anything: the current directory; --processes and --threads are the three numbers."""
    place.file("file.txt", "here")
    port = harness.free_port()
    server = start(port=port, arguments=["serve", "--listen", f"127.0.0.1:{port}", "--processes", "2", "--threads", "1"])
    server.counting = False
    assert server.get("/file.txt").text == "here"
    assert len(server.processes("worker")) == 2


def test_wrong_value_on_the_command_line(place):
    for words in (["--threads", "many"], ["--listen", "nowhere"], ["--processes", "0"], ["--start", "never"]):
        ended = run("serve", str(place.path), *words)
        assert ended.returncode in (1, 2) and len(ended.stderr.splitlines()) <= 2, ended
        assert words[0] in ended.stderr or "command line" in ended.stderr


def test_output_that_nobody_reads(program):
    """`remuda config reference | head -1` does not complain."""
    with subprocess.Popen([PROGRAM, "config", "reference"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as ended:
        ended.stdout.readline()
        ended.stdout.close()
        said = ended.stderr.read()
        assert ended.wait(10) in (0, -13, 141) and said == b""

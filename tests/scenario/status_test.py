# SPDX-License-Identifier: Apache-2.0
"""status, top, restart, kill: what a server says of itself, and what it can be told, by somebody at a terminal.

Client, access log and status must count alike; most real outages hide in the difference.
"""

import fcntl
import http.client
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import termios
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

import control
from applications import USER, compiled, owner_lines
from harness import IS_ROOT, PROGRAM, SLOWNESS, needs, needs_root, run
from load import Load
from processes import eventually, is_alive
from wire import request

pytestmark = needs("/usr/include/fcgiapp.h")

CONFIGURATION = """
    [server]
    run_directory = "run"
    {server}
    [workers]
    processes = {processes}
    threads = 2
    [[route]]
    path = "/app/"
    app = "herd"
    [[route]]
    path = "/cgi-bin/"
    app = "programs"
    [[route]]
    files = "site"
    [app.herd]
    type = "fastcgi"
    program = "work/faulty"
    directory = "work"
    instances = {{ min = 2, max = 2 }}
    [app.programs]
    root = "cgi-bin"
"""

NO_SERVER = 3


class ToSocket(http.client.HTTPConnection):
    """HTTP over a worker's status socket."""

    def __init__(self, path: Path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


@pytest.fixture
def herd(start, place):
    """herd(processes) starts a server with a pool, CGI programs and files."""
    work = place.directory("work")
    place.directory("run")
    compiled(place, "faulty", output="work/faulty")
    if IS_ROOT:
        shutil.chown(work, USER)
    place.file("site/index.html", "home")
    place.script("slow", "printf 'Content-Type: text/plain\\r\\n\\r\\n'\nsleep 2\necho done")

    def begin(processes: int = 1, server: str = ""):
        server += owner_lines('\nuser = "{0}"')
        return start(CONFIGURATION.format(server=server, processes=processes))

    return begin


def ready(server, count: int = 2) -> dict[int, dict]:
    return eventually(f"{count} instances are ready", lambda: found if len(
        found := control.instances(server, "herd", "ready")) == count else None, every=0.05)


def in_background(server, target: str) -> tuple[threading.Thread, list]:
    """A request whose answer, or why there is none, comes into the list."""
    answers = []

    def ask():
        try:
            answers.append(server.ask(request("GET", target), timeout=60))
        except (OSError, AssertionError) as error:
            answers.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread, answers


def live(server, name: str = "herd", count: int = 1) -> list[dict]:
    """The requests of an application, when there are so many that somebody works on."""
    return eventually(f"{count} requests are worked on", lambda: found if len(found := [
        each for each in control.app(server, name)["live"] if each["phase"] in ("app", "reply")]) == count else None,
        every=0.02)


def say(server, *words: str) -> str:
    ended = control.command(server, *words)
    assert ended.returncode == 0, ended
    return ended.stdout


def sockets(server) -> list[Path]:
    return sorted((server.place / "run").glob("*/status.*.sock"))


# --- what it says -------------------------------------------------------------------------------------------------------


def test_client_log_and_status_count_alike(herd):
    """Every request is counted once, by every one of three who count, over two workers with two loops each."""
    server = herd(processes=2)
    with Load(server, ["/", "/app/", "/missing", "/app/", "/cgi-bin/none"], threads=4, every=0.002) as load:
        time.sleep(1.5)
    assert load.outcome.lost == []
    by_client = Counter(f"{status // 100}xx" for status in load.outcome.statuses.elements())
    in_log = Counter(f"{line['status'] // 100}xx" for line in server.wait_for_access())
    said = control.status(server)
    by_status = {name: count for name, count in said["total"]["requests"].items() if count and name != "total"}
    assert by_client == in_log == Counter(by_status)
    assert said["total"]["requests"]["total"] == server.sent == sum(
        worker["requests"]["total"] for worker in said["workers"])
    herd_app = next(app for app in said["apps"] if app["name"] == "herd")
    to_app = sum(line["target"] == "/app/" for line in server.access())
    assert herd_app["requests"] == to_app == sum(each["requests"] for each in herd_app["instances"])
    metrics = say(server, "status", "--metrics")
    assert f'\nremuda_requests_total{{class="2xx"}} {by_client["2xx"]}\n' in metrics
    assert f'\nremuda_app_requests_total{{app="herd"}} {to_app}\n' in metrics


def test_instances_are_measured(herd):
    """Another user's memory and time, by the kernel's word."""
    server = herd()
    ready(server)
    server.get("/app/")

    def measured():
        found = control.instances(server, "herd", "ready")
        return found if all(each["pss_bytes"] > 0 for each in found.values()) else None

    for pid, each in eventually("the instances are measured", measured, 15 * SLOWNESS, every=0.2).items():
        assert each["rss_bytes"] >= each["pss_bytes"] >= each["uss_bytes"] > 0
        rss = int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) * 1024
        assert each["rss_bytes"] == pytest.approx(rss, rel=0.2)
        assert 0 < each["age_ms"] < 60_000 and each["generation"] == 1


def test_current_requests_are_named(herd):
    """What an instance does now, for how long, under the number that the logs have; and what a CGI program does."""
    server = herd()
    ready(server)
    slow, answers = in_background(server, "/app/slow?1500")
    program, others = in_background(server, "/cgi-bin/slow")
    each, = live(server)
    assert (each["method"], each["target"], each["phase"]) == ("GET", "/app/slow?1500", "app")
    busy = control.instances(server, "herd")[each["by"]]
    assert busy["busy"] == 1 and busy["endpoint"] == each["endpoint"]
    text = say(server, "status", "herd")
    assert re.search(rf"{each['by']} +ready .* 1/1 .* GET /app/slow\?1500 \(app, \d+m?s\)", text), text
    assert each["request"] in text
    assert live(server, "programs")[0]["target"] == "/cgi-bin/slow"
    slow.join(10)
    program.join(10)
    assert answers[0].status == others[0].status == 200
    assert any(line["id"] == each["request"] for line in server.wait_for_access() if "slow" in line["target"])


def test_status_is_for_people(herd):
    """Lines that can be read, no trouble where there is none, and the hint for a name that is not there."""
    server = herd()
    ready(server)
    text = say(server, "status")
    assert text.startswith("remuda ") and f"supervisor {server.pid}" in text and f"worker {server.worker()}" in text
    assert re.search(r"(?m)^herd  fastcgi, pool: 2 instances \(2 ready\), 0 busy$", text)
    assert re.search(r"(?m)^programs  cgi, exec: 0 requests now$", text)
    assert "trouble" not in text
    wrong = control.command(server, "status", "heard")
    assert wrong.returncode == 1 and "there are: herd, programs" in wrong.stderr
    assert "size" in say(server, "explain", "app", "herd")


def test_trouble_is_shown_with_its_journey(herd, place):
    server = herd()
    ready(server)
    place.file("work/broken")
    for pid in ready(server):
        os.kill(pid, signal.SIGKILL)
    eventually("it is the trouble of a start", lambda: "exited with" in control.app(server, "herd")["trouble"], every=0.1)
    text = say(server, "status")
    assert re.search(r"(?m)^  trouble: .*exited with status", text), text
    assert re.search(r"(?m)^ +program .*faulty$", text), text
    (place / "work/broken").unlink()
    eventually("it heals", lambda: control.app(server, "herd")["trouble"] == "", 30 * SLOWNESS, every=0.1)


# --- what it can be told --------------------------------------------------------------------------------------------------


def test_kill_ends_one_request(herd):
    """Its client gets 503 at once, the other request in flight its answer; a process that goes on with it is replaced."""
    server = herd()
    ready(server)
    first, one = in_background(server, "/app/slow?20000")
    second, other = in_background(server, "/app/slow?1500")
    doomed = next(each for each in live(server, count=2) if "20000" in each["target"])
    began = time.monotonic()
    assert say(server, "kill", "herd", "--request", doomed["request"]) == f"request {doomed['request']} of herd ends\n"
    first.join(10 * SLOWNESS)
    assert time.monotonic() - began < 5 * SLOWNESS
    second.join(10 * SLOWNESS)
    assert (one[0].status, other[0].status) == (503, 200)
    eventually("the process is free of it", lambda: control.app(server, "herd")["live"] == [], 15 * SLOWNESS, every=0.1)
    ready(server)
    again = control.command(server, "kill", "herd", "--request", doomed["request"])
    assert again.returncode == 1 and f"herd has no request {doomed['request']}" in again.stderr


def test_kill_ends_one_instance(herd):
    """It is replaced; in whichever of two workers it is."""
    server = herd(processes=2)
    for pid in ready(server):
        assert say(server, "kill", "herd", "--instance", str(pid)) == f"instance {pid} of herd ends\n"
        eventually("it has ended", lambda: not is_alive(pid))
        assert pid not in ready(server)
    unknown = control.command(server, "kill", "herd", "--instance", "1")
    assert unknown.returncode == 1 and "herd has no instance 1" in unknown.stderr
    assert control.command(server, "kill", "programs", "--instance", "1").returncode == 1
    assert is_alive(1)


def test_restart_says_how_it_went(herd, place):
    """0 and other processes when it went well; 1, the reason and the same processes when it did not."""
    server = herd(processes=2)
    before = ready(server)
    with Load(server, "/app/", threads=3, every=0.01) as load:
        text = say(server, "restart", "herd")
        after = ready(server)
        place.file("work/broken")
        failed = control.command(server, "restart", "herd")
        (place / "work/broken").unlink()
        time.sleep(0.2)
    assert load.outcome.lost == [] and set(load.outcome.statuses) == {200}
    assert "worker 1 of 2" in text and text.endswith("herd: restarted, 1 replaced\n")
    assert not set(before) & set(after)
    assert failed.returncode == 1 and "exited with status" in failed.stdout, failed
    assert "remuda restart: herd was not restarted" in failed.stderr
    assert set(after) == set(ready(server))
    assert control.command(server, "restart", "programs").returncode in (0, 1)
    assert control.command(server, "peer", "herd", "add", "127.0.0.1:9").returncode == 1


# --- who may ask ----------------------------------------------------------------------------------------------------------


def test_socket_is_for_its_owner(herd):
    server = herd()
    ready(server)
    path, = sockets(server)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0


@needs_root
def test_another_user_is_told_so(herd):
    server = herd()
    ready(server)
    refused = run("status", "-c", str(server.file), user="nobody")
    assert refused.returncode == NO_SERVER and refused.stderr.startswith("remuda status: "), refused
    assert run("status", "--socket", str(sockets(server)[0]), user="nobody").returncode == NO_SERVER


def test_requests_of_browsers_are_refused(herd):
    """A page cannot reach a Unix socket; should something forward it, the Origin field gives it away."""
    server = herd()
    before = ready(server)
    connection = ToSocket(sockets(server)[0])
    for method, target in (("GET", "/status"), ("POST", "/apps/herd/restart")):
        connection.request(method, target, headers={"Origin": "http://example.org"})
        answer = connection.getresponse()
        assert answer.status == 403 and "Origin" in json.loads(answer.read())["error"]
    connection.request("GET", "/apps/herd/restart")
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Allow")) == (405, "POST")
    answer.read()
    connection.close()
    assert set(before) == set(ready(server))


# --- when it is needed most -------------------------------------------------------------------------------------------------


def test_it_answers_while_the_server_stops(herd):
    """Until the last request has ended one can see which it is."""
    server = herd()
    ready(server)
    slow, answers = in_background(server, "/app/slow?2500")
    live(server)
    server.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert "GET /app/slow" in say(server, "status")
    slow.join(10 * SLOWNESS)
    assert answers[0].status == 200
    server.wait()
    gone = control.command(server, "status")
    assert gone.returncode == NO_SERVER and "no server runs with" in gone.stderr
    assert not sockets(server)


def test_it_answers_when_all_places_are_taken(herd, start, place):
    """The status socket is not part of the connections' limit, nor of the access log."""
    server = herd(server="")
    held = [server.connect() for _ in range(50)]
    for connection in held:
        connection.send(request("GET", "/"))
        server.count()
        assert connection.read_answer().status == 200
    for _ in range(5):
        assert control.status(server)["total"]["connections"] == 50
    for connection in held:
        connection.close()
    eventually("the connections have gone", lambda: control.status(server)["total"]["connections"] == 0, every=0.05)


def test_it_survives_a_worker(herd):
    """kill -9 of the worker: the next one answers on the same socket, with the same instances."""
    server = herd()
    before = ready(server)
    worker = server.worker()
    os.kill(worker, signal.SIGKILL)
    eventually("another worker answers",
               lambda: control.status(server)["workers"][0]["pid"] != worker, 10 * SLOWNESS, every=0.05)
    assert set(ready(server)) == set(before)


def test_a_configuration_that_is_wrong_now(start, place):
    """Somebody edits the file at night: the server that runs is found all the same."""
    place.file("site/index.html", "home")
    runtime = place.directory("runtime", 0o700)
    words = {**os.environ, "XDG_RUNTIME_DIR": str(runtime)}
    server = start("[[route]]\nfiles = \"site\"", environment=words)
    good = run("status", "-c", str(server.file), env=words)
    assert good.returncode == 0, good
    server.file.write_text("[server\n")
    wrong = run("status", "-c", str(server.file), env=words)
    assert wrong.returncode == 0 and wrong.stdout.startswith("remuda "), wrong


# --- top ------------------------------------------------------------------------------------------------------------------


class Screen:
    """`remuda top` at a terminal of its own."""

    def __init__(self, server):
        self.ours, self.its = pty.openpty()
        fcntl.ioctl(self.its, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 100, 0, 0))
        self.before = termios.tcgetattr(self.its)
        self.text = b""
        self.process = subprocess.Popen(
            [PROGRAM, "top", "-c", str(server.file)], stdin=self.its, stdout=self.its, stderr=self.its,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def read(self) -> str:
        while select.select([self.ours], [], [], 0.05)[0]:
            self.text += os.read(self.ours, 65536)
        return self.text.decode()

    def end(self) -> int:
        status = self.process.wait(10)
        assert self.read().endswith("\x1b[?7h\x1b[?25h\x1b[?1049l"), self.text[-100:]
        assert termios.tcgetattr(self.its) == self.before
        os.close(self.ours)
        os.close(self.its)
        return status


@pytest.mark.parametrize("ending", ["q", "\x03", signal.SIGTERM, signal.SIGHUP])
def test_top_leaves_the_terminal_as_it_was(herd, ending):
    server = herd()
    pid = next(iter(ready(server)))
    screen = Screen(server)
    eventually("the instances are shown", lambda: re.search(rf"{pid}  herd +ready", screen.read()), 10 * SLOWNESS)
    if isinstance(ending, str):
        os.write(screen.ours, ending.encode())
    else:
        screen.process.send_signal(ending)
    assert screen.end() == 0


def test_top_shows_who_is_busy(herd):
    """Rates over a second, the busiest first; and once, without a terminal."""
    server = herd()
    ready(server)
    with Load(server, "/app/", threads=2, every=0.01):
        text = say(server, "top")
    rate = float(re.search(r"(\d+(?:\.\d)?) requests/s", text)[1])
    assert rate > 20
    rows = re.findall(r"(?m)^ *\d+  herd +ready +([\d.]+)%", text)
    assert len(rows) == 2 and float(rows[0]) >= float(rows[1])


def test_top_waits_for_a_server_that_is_gone(herd):
    server = herd()
    ready(server)
    screen = Screen(server)
    eventually("it shows the server", lambda: "APP" in screen.read(), 10 * SLOWNESS)
    server.stop()
    eventually("it says that the server is gone", lambda: "no server runs with" in screen.read(), 10 * SLOWNESS)
    os.write(screen.ours, b"q")
    assert screen.end() == 0

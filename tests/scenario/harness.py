# SPDX-License-Identifier: Apache-2.0
"""A server under test: its configuration, its processes, its logs, and what must hold when it has ended.

    server = start('''
        [[route]]
        path = "/"
        files = "site"
    ''')
    assert server.get("/").status == 200

The configuration is completed by a listener on a free port and by logs in the test's own directory. Every request
sent through a Server is counted, and when the test ends the server is stopped by SIGTERM and these must hold: exit
status 0, no process left behind, no sanitizer report, as many lines in the access log as requests were counted, no
Unix socket left, no file left in its spool directory.
"""

import atexit
import functools
import json
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

import wire
from processes import children_of, descendants_of, end, eventually, is_alive, name_of, stat_of, title_of

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("REMUDA") or str(REPOSITORY / "build/release/remuda")
SANITIZED = any(word in PROGRAM for word in ("asan", "tsan"))
SLOWNESS = 5.0 if SANITIZED else 1.0  # times and rates that are asserted are multiplied by it
IS_ROOT = os.geteuid() == 0
# The usual site: files, and programs below /cgi-bin/.
FILES_AND_PROGRAMS = """
    [[route]]
    path = "/cgi-bin/"
    app = "programs"
    [[route]]
    files = "site"
    [app.programs]
    root = "cgi-bin"
"""
# Of applications of type cgi that say none: what they answer is the same in both, which the modules that say so
# (BOTH_MODELS) are asked for, and all of them with REMUDA_CGI_MODEL=fork.
cgi_model = usual_cgi_model = os.environ.get("REMUDA_CGI_MODEL") or "exec"
PORTS = range(10300, 32000)  # below the ephemeral ports, so that no outgoing connection takes one meanwhile


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nobody listens on now."""
    while True:
        port = random.choice(PORTS)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((address, port))
                return port
            except OSError:
                continue


def in_model(configuration: str, model: str) -> str:
    """Applications of type cgi that do not say their model have this one."""
    if model == "exec":
        return configuration
    tables = re.split(r"(?m)^(?=\[)", configuration)
    other = re.compile(r'(?m)^(model|type *= *"(?!cgi"))')
    return "".join(re.sub(r"^(\[app\.[^.\]]+\])\n", rf'\1\nmodel = "{model}"\n', table)
                   if not other.search(table) else table for table in tables)


def is_listening(port: int) -> bool:
    """Whether somebody listens, without connecting."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            parts = line.split()
            if parts[3] == "0A" and int(parts[1].rsplit(":", 1)[1], 16) == port:
                return True
    return False


def is_listening_at(path: str) -> bool:
    """The same for a unix socket, whose file is there before somebody listens; "@name" is an abstract one."""
    accepts_connections = 0x10000  # __SO_ACCEPTCON of linux/net.h
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        parts = line.split(maxsplit=7)
        if len(parts) == 8 and parts[7] == path and int(parts[3], 16) & accepts_connections:
            return True
    return False


class Place:
    """A directory of the test's own that every user can enter."""

    def __init__(self):
        self.path = Path(tempfile.mkdtemp(prefix="remuda-"))
        self.path.chmod(0o755)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def directory(self, name: str, mode: int = 0o755) -> Path:
        made = self.path / name
        made.mkdir(parents=True, exist_ok=True)
        made.chmod(mode)
        return made

    def file(self, name: str, content: bytes | str = b"", mode: int = 0o644) -> Path:
        made = self.path / name
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_bytes(content.encode() if isinstance(content, str) else content)
        made.chmod(mode)
        return made

    def script(self, name: str, text: str) -> Path:
        """A program below cgi-bin/. Text without an interpreter line is for /bin/sh."""
        if not text.startswith("#!"):
            text = "#!/bin/sh\n" + text
        return self.file(f"cgi-bin/{name}", text, 0o755)

    def give_to(self, user: str):
        """Everything belongs to that user (root only)."""
        entry = pwd.getpwnam(user)
        for root, _, files in os.walk(self.path):
            for name in [".", *files]:
                os.chown(os.path.join(root, name), entry.pw_uid, entry.pw_gid, follow_symlinks=False)

    def remove(self):
        for root, names, _ in os.walk(self.path):
            for name in names:
                path = os.path.join(root, name)
                if not os.path.islink(path):
                    os.chmod(path, 0o755)
        shutil.rmtree(self.path, ignore_errors=True)


class Server:
    """One running `remuda serve`."""

    counter = 0

    def __init__(self, place: Place, configuration: str = "", *, arguments: list[str] | None = None,
                 listener: str | None = None, environment: dict[str, str] | None = None, user: str | None = None,
                 program: list[str] | None = None, access: str | None = None, wait: bool = True,
                 pass_fds: tuple[int, ...] = (), port: int | None = None):
        Server.counter += 1
        self.place = place
        self.name = f"server{Server.counter}"
        self.port = port or free_port()
        self.unix_path = listener[5:] if listener and listener.startswith("unix:") else None
        self.address = self.unix_path or ("127.0.0.1", self.port)
        self.access_path = place / f"{self.name}.access.log"
        self.output_path = place / f"{self.name}.output"
        self.sent = 0
        self.unlogged = 0  # requests that may be missing in the access log, because a worker was killed
        self.counting = True
        self.expect_status: int | None = 0
        self.finished = False
        self.lock = threading.Lock()
        self.older_children = set(children_of(os.getpid()))
        self.file = place / f"{self.name}.toml"
        text = self.complete(configuration, listener, access)
        self.file.write_text(text)
        self.file.chmod(0o644)
        self.counting = "access_format" in text and access is None
        self.process = self.launch(arguments, environment, user, program, pass_fds)
        self.stopped_at = None
        if wait:
            self.wait_until_ready()

    def complete(self, configuration: str, listener: str | None, access: str | None) -> str:
        lines = [re.sub(r"^ {4,12}", "", line) for line in configuration.strip("\n").splitlines()]
        parts = []
        if "[[listener]]" not in configuration and listener != "":
            parts.append(f'[[listener]]\naddress = "{listener or f"127.0.0.1:{self.port}"}"\n')
        if "[log]" not in configuration:
            parts.append(f'[log]\naccess = "{access or self.access_path}"\naccess_format = "json"\nerror = "stderr"\n')
        return "\n".join(parts) + "\n" + in_model("\n".join(lines), cgi_model) + "\n"

    def launch(self, arguments, environment, user, program, pass_fds) -> subprocess.Popen:
        program = program or [program_for_everybody()]
        words = [*program, "serve", "-c", str(self.file)] if arguments is None else [*program, *arguments]
        self.output = open(self.output_path, "ab")
        surroundings = {**os.environ, **(environment or {})}
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
                                env=surroundings, user=user, group=pwd.getpwnam(user).pw_gid if user else None,
                                extra_groups=[] if user else None, cwd=self.place.path, pass_fds=pass_fds,
                                start_new_session=True)

    # --- its life ---------------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_until_ready(self, within: float = 15.0):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with status {self.process.returncode}:\n{self.errors()}")
            if self.unix_path:
                return is_listening_at(self.unix_path)
            return is_listening(self.port)

        eventually("the server listens", ready, within)

    def send_signal(self, number: int):
        os.kill(self.pid, number)

    def processes(self, role: str) -> list[int]:
        """The living processes of that role: "worker" or "spawner"."""
        return [pid for pid in descendants_of(self.pid) if is_alive(pid) and name_of(pid) == f"remuda:{role}"]

    def worker(self) -> int:
        return eventually("there is a worker", lambda: self.processes("worker"))[0]

    def spawner(self) -> int:
        return eventually("there is a spawner", lambda: self.processes("spawner"))[0]

    def wait(self, within: float = 20.0) -> int:
        """Waits for the end of the server; its exit status."""
        return self.process.wait(within)

    def stop(self, number: int = signal.SIGTERM, within: float = 20.0) -> int:
        if self.process.poll() is None:
            self.send_signal(number)
        return self.wait(within)

    def left_behind(self) -> list[int]:
        """Processes that came into being below this server and were left to us, zombies included."""
        others = {other.pid for other in Server.living if other is not self}
        left = []
        for pid in children_of(os.getpid()):
            if pid in self.older_children or pid in others or pid == self.pid or pid in Server.own_helpers:
                continue
            left.append(pid)
        return left

    def finish(self):
        """Stops the server and says whatever is not as it must be."""
        if self.finished:
            return
        self.finished = True
        try:
            self.check_end()
        finally:
            if self.process.poll() is None:
                for pid in [*descendants_of(self.pid), self.pid]:
                    end(pid)
                self.process.wait(10)
            self.output.close()
            Server.living.discard(self)

    def check_end(self):
        try:
            status = self.stop(within=20 * SLOWNESS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not stop at SIGTERM; it said:\n{self.errors()[-4000:]}") from None
        faults = []
        if self.expect_status is not None and status != self.expect_status:
            faults.append(f"exit status {status}, not {self.expect_status}")
        faults += self.check_orphans()
        if self.unix_path and not self.unix_path.startswith("@") and os.path.exists(self.unix_path):
            faults.append(f"the socket {self.unix_path} is still there")
        said = self.errors()
        if "Sanitizer" in said or "runtime error:" in said or "CHECK" in said:
            faults.append("a report in the error log")
        if self.counting and self.access_path.exists():
            lines = len(self.access())
            if not self.sent - self.unlogged <= lines <= self.sent:
                faults.append(f"{lines} lines in the access log for {self.sent} requests")
        assert not faults, f"{'; '.join(faults)}\nThe server said:\n{said[-6000:]}"

    def check_orphans(self) -> list[str]:
        deadline = time.monotonic() + 2
        while (left := self.left_behind()) and time.monotonic() < deadline:
            for pid in left:  # a zombie that was inherited is nobody's fault once it can be reaped
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass
            time.sleep(0.01)
        faults = [f"left behind: {pid} {title_of(pid) or stat_of(pid)}" for pid in left]
        for pid in left:
            end(pid)
        return faults

    # --- its logs ---------------------------------------------------------------------------------------------------

    def errors(self) -> str:
        """The error log, which is also what came on standard output and error."""
        return self.output_path.read_text(errors="replace")

    def wait_for_error(self, pattern: str, within: float = 5.0) -> re.Match:
        return eventually(f"/{pattern}/ in the error log", lambda: re.search(pattern, self.errors()), within)

    def access(self) -> list[dict]:
        """The lines of the access log, by time; each must be one JSON object. Loops write theirs in pieces."""
        if not self.access_path.exists():
            return []
        whole = self.access_path.read_text()
        lines = whole[:whole.rfind("\n") + 1].splitlines()
        return sorted((json.loads(line) for line in lines), key=lambda line: line["time"])

    def wait_for_access(self, count: int | None = None, within: float = 5.0) -> list[dict]:
        """The access log when it has as many lines as requests were sent."""
        count = self.sent if count is None else count
        return eventually(f"{count} lines in the access log",
                          lambda: lines if len(lines := self.access()) >= count else None, within)

    def last_access(self, target: str | None = None) -> dict:
        """The line of the last request, for this target if given: requests that two loops answered within one millisecond
        stand in any order."""
        return [line for line in self.wait_for_access() if target in (None, line.get("target"))][-1]

    # --- asking it --------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self, requests: int = 1):
        """Requests that were sent by other means."""
        with self.lock:
            self.sent += requests

    def connect(self, **options) -> wire.Connection:
        return wire.Connection(self.address, **options)

    def ask(self, data: bytes, **options) -> wire.Answer:
        """One request on a connection of its own."""
        with self.connect(**options) as connection:
            self.count()
            return connection.ask(data)

    def get(self, target: str, *lines: str, **options) -> wire.Answer:
        return self.ask(wire.request("GET", target, *lines, **options))

    def head(self, target: str, *lines: str) -> wire.Answer:
        return self.ask(wire.request("HEAD", target, *lines))

    def post(self, target: str, body: bytes, *lines: str) -> wire.Answer:
        return self.ask(wire.request("POST", target, *lines, body=body))

    living: set["Server"] = set()
    own_helpers: set[int] = set()  # processes that the tests started themselves


def needs(*programs: str):
    """Marks a test that is skipped when one of the programs is not installed."""
    missing = [name for name in programs if not (shutil.which(name) or os.path.exists(name))]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


needs_root = pytest.mark.skipif(not IS_ROOT, reason="needs root")


def loaders() -> Path:
    """What the program finds beside it: what runs inside applications' processes."""
    return Path(PROGRAM).resolve().parent / "lib/remuda"


@functools.cache
def program_for_everybody() -> str:
    """The program with its loaders, or a copy: the checkout may stand in a home that others cannot enter."""
    if all(folder.stat().st_mode & 0o001 for folder in Path(PROGRAM).resolve().parents):
        return PROGRAM
    directory = tempfile.mkdtemp(prefix="remuda-program-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.chmod(directory, 0o755)
    shutil.copy(PROGRAM, directory)
    if loaders().exists():
        shutil.copytree(loaders(), os.path.join(directory, "lib/remuda"))
    return os.path.join(directory, os.path.basename(PROGRAM))


def run(*arguments: str, within: float = 20.0, user: str | None = None, **options) -> subprocess.CompletedProcess:
    """Runs the program to its end: remuda check, remuda explain, ..."""
    program = program_for_everybody() if user else PROGRAM
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=within,
                          stdin=subprocess.DEVNULL, user=user, **options)

# SPDX-License-Identifier: Apache-2.0
"""A server under measurement: started on a port of its own, awaited, accounted, ended by its process ids."""

import ctypes
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from measure import machine, processes

READY_SECONDS = 15
STOP_SECONDS = 10
IDLE_SECONDS = 5
LOOK_SECONDS = 0.1
IDLE_SHARE = 0.02  # of a core
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def on_core(core: int) -> Callable[[], None]:
    """For preexec_fn: pins the child to one core and has the kernel end it when this program dies."""

    def prepare() -> None:
        os.sched_setaffinity(0, {core})
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    return prepare


class Server:
    """One or more programs that together answer on 127.0.0.1:port. A context manager: entered, it is ready.

    A program is (arguments, what shows that it is ready): a port, the path of a Unix socket, or None. Programs start in
    order, each when the one before is ready, and end in reverse.
    """

    def __init__(self, name: str, port: int, folder: Path, programs: list[tuple[list[str], int | Path | None]]):
        self.name = name
        self.port = port
        self._log = folder / f"{name.replace(' ', '-')}.log"
        self._programs = programs
        self._running: list[subprocess.Popen] = []

    def __enter__(self) -> "Server":
        if answers(self.port):
            raise machine.CannotMeasure(f"port {self.port}, which {self.name} needs, is in use by another program")
        try:
            for arguments, sign in self._programs:
                self._start(arguments, sign)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def process_ids(self) -> list[int]:
        """The roots of the server's process trees."""
        return [process.pid for process in self._running]

    def processor_time(self) -> int:
        """Nanoseconds of processor time of all its processes so far."""
        return processes.processor_time(self.process_ids())

    def wait_until_idle(self) -> None:
        """Until it works no more on what clients have left: programs of CGI go on for some hundred milliseconds."""
        deadline = time.monotonic() + IDLE_SECONDS
        before = self.processor_time()
        while time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
            now = self.processor_time()
            if abs(now - before) < IDLE_SHARE * LOOK_SECONDS * 1e9:
                return
            before = now

    def memory(self) -> int:
        """Bytes (PSS) of all its processes."""
        return processes.memory(self.process_ids())

    def log_tail(self, lines: int = 12) -> str:
        """The last lines that the server wrote to its standard output and error."""
        return "\n".join(self.log().splitlines()[-lines:])

    def log(self) -> str:
        """All that the server wrote to its standard output and error."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def stop(self) -> None:
        """Ends what was started: SIGTERM, and SIGKILL to whatever of the tree is left after that."""
        handles = _handles(processes.tree(self.process_ids()))
        while self._running:
            process = self._running.pop()
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for handle in handles:
            _wait_or_kill(handle)

    def _start(self, arguments: list[str], sign: int | Path | None) -> None:
        with open(self._log, "ab") as log:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=on_core(machine.SERVER_CORE),
                start_new_session=True,  # Apache's prefork ends its whole process group
            )
        self._running.append(process)
        deadline = time.monotonic() + READY_SECONDS
        while sign is not None and not answers(sign):
            if process.poll() is not None:
                raise machine.CannotMeasure(f"{self.name} ended with status {process.returncode}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise machine.CannotMeasure(f"{self.name} is not ready after {READY_SECONDS} s:\n{self.log_tail()}")
            time.sleep(0.02)


def answers(where: int | Path) -> bool:
    """True when something accepts connections on a port of 127.0.0.1 or on a Unix socket."""
    family, address = (socket.AF_UNIX, str(where)) if isinstance(where, Path) else (socket.AF_INET, ("127.0.0.1", where))
    with socket.socket(family) as probe:
        return probe.connect_ex(address) == 0


def _handles(process_ids: set[int]) -> list[int]:
    """A descriptor for each process: unlike its number it never comes to mean another process."""
    handles = []
    for pid in process_ids:
        try:
            handles.append(os.pidfd_open(pid))
        except ProcessLookupError:
            pass
    return handles


def _wait_or_kill(handle: int) -> None:
    """Gives a descendant that may have outlived its parent a second, then kills it; closes the handle."""
    ended = select.poll()
    ended.register(handle, select.POLLIN)
    if not ended.poll(1000):
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    os.close(handle)

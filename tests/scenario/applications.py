# SPDX-License-Identifier: Apache-2.0
"""Applications of the FastCGI scenarios: compiled, and where others run them, started on sockets of the test's own."""

import atexit
import functools
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import harness
from processes import descendants_of, end, eventually, title_of

SOURCES = Path(__file__).parent / "applications"
PHP_FPM = "php-fpm8.2"
USER = "www-data"  # as whom Remuda and the applications run when root tests

FPM = """
[global]
error_log = {place}/fpm.log
daemonize = no
[www]
listen = {socket}
listen.mode = 0666
pm = static
pm.max_children = 3
clear_env = no
php_admin_value[upload_max_filesize] = 64M
php_admin_value[post_max_size] = 64M
"""


def compiled(place, name: str, *libraries: str, output: str = "") -> Path:
    """A C program of applications/, compiled with libfcgi."""
    target = place / (output or name)
    subprocess.run(["clang-19", "-O1", str(SOURCES / f"{name}.c"), "-o", str(target), *(libraries or ["-lfcgi"])], check=True)
    return target


def compiled_with_library(place, name: str) -> Path:
    """A C program of applications/, compiled with the sources of remuda_app.h: whatever is built, these are tested."""
    return place.file(name, library_program(name).read_bytes(), 0o755)


@functools.cache
def library_program(name: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="remuda-program-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    library = harness.REPOSITORY / "lang/applib"
    sources = [path for path in library.glob("*.cc") if not path.stem.endswith(("_test", "_fuzz"))]
    options = ["-O1", f"-I{harness.REPOSITORY / 'include'}", f"-I{library}", '-DREMUDA_VERSION="0"']
    part = folder / f"{name}.o"
    subprocess.run(["clang-19", *options, "-c", str(SOURCES / f"{name}.c"), "-o", str(part)], check=True)
    subprocess.run(["clang++-19", "-std=c++23", "-fno-exceptions", "-fno-rtti", "-pthread", *options, *map(str, sources),
                    str(part), "-o", str(folder / name)], check=True)
    return folder / name


def copied(place, name: str, to: str, mode: int = 0o755) -> Path:
    """A script of applications/, where every user can reach it."""
    return place.file(to, (SOURCES / name).read_bytes(), mode)


def owner_lines(words: str) -> str:
    """Words with the user in them, for root only."""
    return words.format(USER) if harness.IS_ROOT else ""


class Others:
    """Processes that are not Remuda's: started by the test, ended with it. A context manager."""

    def __init__(self, place):
        self.place = place
        self.running: dict[str, subprocess.Popen] = {}

    def __enter__(self) -> "Others":
        return self

    def __exit__(self, *_):
        for name in list(self.running):
            self.stop(name)

    def start(self, name: str, words: list[str], ready: str, environment: dict | None = None,
              user: str | None = USER):
        """Starts a program; `ready` is the path or HOST:PORT at which it then accepts."""
        with open(self.place / f"{name}.said", "ab") as said:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=self.place.path,
                                       env={**os.environ, **(environment or {})}, start_new_session=True,
                                       user=user if harness.IS_ROOT else None)
        self.running[name] = process
        harness.Server.own_helpers.add(process.pid)
        eventually(f"{name} is ready", lambda: accepts(ready), 15 * harness.SLOWNESS)

    def stop(self, name: str, number: int | None = None):
        """Ends a program and all that it started."""
        process = self.running.pop(name)
        below = descendants_of(process.pid)
        process.send_signal(number) if number else process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            end(process.pid)
        for pid in below:
            end(pid)

    def sockets(self) -> Path:
        """A directory in which the applications' user may make sockets."""
        folder = self.place.directory("sockets")
        if harness.IS_ROOT:
            shutil.chown(folder, USER)
        return folder

    # --- programs of Debian -------------------------------------------------------------------------------------------

    def php_fpm(self, name: str, address: str):
        """php-fpm with three processes at a path or at HOST:PORT."""
        path = self.place.file(f"{name}.conf", FPM.format(place=self.sockets(), socket=address))
        program = shutil.which(PHP_FPM) or f"/usr/sbin/{PHP_FPM}"
        self.start(name, [program, "-F", "-y", str(path)], address)

    def spawn_fcgi(self, name: str, address: str, program: Path, processes: int = 2):
        """spawn-fcgi as its manual shows it: so many processes on one socket. It leaves; they stay, as our children."""
        host, _, port = address.rpartition(":")
        where = ["-s", address, "-M", "666"] if address.startswith("/") else ["-a", host, "-p", port]
        together = copied(self.place, "together.py", "together.py")
        self.start(name, ["/usr/bin/python3", str(together), "spawn-fcgi", *where,
                          "-F", str(processes), "--", str(program)], address)
        starter = self.running[name].pid
        eventually("all of them run", lambda: processes <= sum(
            title_of(pid).startswith(str(program)) for pid in descendants_of(starter)))

    def fcgiwrap(self, name: str, path: str, processes: int = 2):
        program = shutil.which("fcgiwrap") or "/usr/sbin/fcgiwrap"
        self.start(name, [program, "-f", "-c", str(processes), "-s", f"unix:{path}"], path)
        os.chmod(path, 0o666)

    def scgi(self, name: str, path: str):
        self.start(name, ["/usr/bin/python3", str(copied(self.place, "scgi.py", "scgi.py")), path], path)


def accepts(where: str) -> bool:
    """Somebody does, at a path or at HOST:PORT."""
    if where.startswith("/"):
        with socket.socket(socket.AF_UNIX) as probe:
            return os.path.exists(where) and probe.connect_ex(where) == 0
    host, _, port = where.rpartition(":")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        return probe.connect_ex((host, int(port))) == 0

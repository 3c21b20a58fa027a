# SPDX-License-Identifier: Apache-2.0
"""The examples of remuda_app.h as programs under test, started as FastCGI servers start them."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

import harness
from processes import eventually

EXAMPLES = harness.REPOSITORY / "examples" / "applib"
SANITIZERS = {"asan": ["-fsanitize=address,undefined"], "tsan": ["-fsanitize=thread"]}
PROGRAMS = Path(__file__).parent / "programs"
LIBRARY = os.environ.get("REMUDA_APPLIB") or str(Path(harness.PROGRAM).parent / "lang" / "applib" / "libremuda_app.a")


@pytest.fixture(scope="session")
def examples(tmp_path_factory):
    """The folder of the compiled examples, which every user can enter."""
    if not os.access(LIBRARY, os.R_OK):
        pytest.exit(f"there is no library {LIBRARY}; build remuda_app_static, or name another in REMUDA_APPLIB", 2)
    made = harness.Place()
    sanitizers = next((flag for word, flag in SANITIZERS.items() if word in LIBRARY), [])
    flags = ["-O1", "-g", f"-I{harness.REPOSITORY / 'include'}", *sanitizers]
    for source in [*EXAMPLES.glob("*.c"), *EXAMPLES.glob("*.cc"), *PROGRAMS.glob("*.c")]:
        thing = made / f"{source.stem}.o"
        compiler = ["clang-19"] if source.suffix == ".c" else ["clang++-19", "-std=c++20"]
        # A sanitized library wants the C++ side of its run time.
        linker = "clang++-19" if source.suffix == ".cc" or sanitizers else "clang-19"
        subprocess.run([*compiler, *flags, "-c", source, "-o", thing], check=True)
        subprocess.run([linker, *flags, thing, LIBRARY, "-lpthread", "-o", made / source.stem], check=True)
    yield made.path
    made.remove()


class Application:
    """A program with a listening Unix socket as its descriptor 0."""

    def __init__(self, program: Path, path: Path, environment: dict | None = None):
        self.path = path
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            os.chmod(path, 0o777)
            listener.listen(512)
            self.errors = open(f"{path}.errors", "w+")
            self.process = subprocess.Popen([program], stdin=listener, stderr=self.errors,
                                            env={**os.environ, **(environment or {})})
        self.pid = self.process.pid

    def memory(self) -> int:
        """The most bytes that were ever resident."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024


    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, within: float = 20.0) -> int:
        return self.process.wait(within)

    def finish(self):
        if self.process.poll() is None:
            self.terminate()
            try:
                assert self.wait() == 0, self.said()
            finally:
                self.process.kill()
        assert "Sanitizer" not in self.said(), self.said()

    def said(self) -> str:
        return Path(self.errors.name).read_text(errors="replace")


@pytest.fixture
def application(examples, place):
    """application(name, ...) starts an example; all are ended gracefully, and judged, when the test ends."""
    started = []

    def begin(name: str, **options) -> Application:
        made = Application(examples / name, place / f"app{len(started)}.sock", **options)
        started.append(made)
        eventually("the program waits", lambda: made.process.poll() is None)
        return made

    yield begin
    for one in started:
        one.finish()

# SPDX-License-Identifier: Apache-2.0
"""What the servers serve: a temporary folder with files and CGI programs, removed at the end."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from measure import machine

BENCH = Path(__file__).resolve().parents[1]
CONDITION = re.compile(r"(?:\s*@(ROOT|KEPT)@)?(.*)")  # of one line of a configuration
KIBIBYTE = 1024
MEBIBYTE = 1024 * 1024


class Documents:
    """The folder of one run. A context manager: entered, www/ and the compiled programs are there."""

    def __enter__(self) -> "Documents":
        self.folder = Path(tempfile.mkdtemp(prefix="remuda-bench-"))
        self.folder.chmod(0o755)  # servers give up root and must still read it
        try:
            self._fill()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    def __exit__(self, *_) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def www(self) -> Path:
        """The document root: /1k.html, /1m.bin, /cgi-bin/hello, /cgi-bin/slow."""
        return self.folder / "www"

    def _fill(self) -> None:
        (self.www / "cgi-bin").mkdir(parents=True)
        (self.www / "1k.html").write_bytes(b"x" * KIBIBYTE)
        (self.www / "1m.bin").write_bytes(os.urandom(MEBIBYTE))
        self.compile("hello_cgi", self.www / "cgi-bin" / "hello")
        self.compile("slow_cgi", self.www / "cgi-bin" / "slow")
        self.compile("epoll_limit", self.folder / "epoll_limit")
        self.compile("trickle", self.folder / "trickle")

    def compile(self, source: str, target: Path, *options: str) -> Path:
        """A C program of programs/, compiled; the options go behind it."""
        path = BENCH / "programs" / f"{source}.c"
        subprocess.run([machine.program("clang-19"), "-O2", path, "-o", target, *options], check=True)
        return target

    def configuration(self, template: str, port: int, only: tuple[str, ...] = (), **values: str) -> Path:
        """Fills in a configuration of peers/: @TMP@, @PORT@, @DESCRIPTORS@ and the values by their names. Lines that begin
        with @ROOT@ stay only for root, those that begin with another word between two @ only if it is among `only`."""
        kept = {*only, "ROOT"} if machine.is_root() else {*only}
        text = (BENCH / "peers" / template).read_text(encoding="utf-8")
        conditions = [CONDITION.fullmatch(line).groups() for line in text.splitlines()]
        filled = "".join(line + "\n" for word, line in conditions if word is None or word in kept)
        values |= {"TMP": str(self.folder), "PORT": str(port), "DESCRIPTORS": str(machine.raise_descriptor_limit())}
        for key, value in values.items():
            filled = filled.replace(f"@{key}@", value)
        target = self.folder / f"{port}-{template}"
        target.write_text(filled, encoding="utf-8")
        return target

# SPDX-License-Identifier: Apache-2.0
"""What the servers serve: a temporary folder with files and CGI programs, removed at the end."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from measure import machine

BENCH = Path(__file__).resolve().parents[1]
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
        self._compile("hello_cgi", self.www / "cgi-bin" / "hello")
        self._compile("slow_cgi", self.www / "cgi-bin" / "slow")
        self._compile("epoll_limit", self.folder / "epoll_limit")
        self._compile("trickle", self.folder / "trickle")

    def _compile(self, source: str, target: Path) -> None:
        subprocess.run([machine.program("clang-19"), "-O2", BENCH / "programs" / f"{source}.c", "-o", target], check=True)

    def configuration(self, template: str, port: int) -> Path:
        """Fills in a configuration of peers/: @TMP@, @PORT@, @DESCRIPTORS@; lines that begin with @ROOT@ stay only for root."""
        text = (BENCH / "peers" / template).read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if machine.is_root() or not line.startswith("@ROOT@")]
        values = {
            "@ROOT@": "",
            "@TMP@": str(self.folder),
            "@PORT@": str(port),
            "@DESCRIPTORS@": str(machine.raise_descriptor_limit()),
        }
        filled = "\n".join(lines) + "\n"
        for key, value in values.items():
            filled = filled.replace(key, value)
        target = self.folder / template
        target.write_text(filled, encoding="utf-8")
        return target

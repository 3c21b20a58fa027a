# SPDX-License-Identifier: Apache-2.0
"""A MariaDB of the test's own: data, socket and process, no port, gone when the test ends."""

import os
import pwd
import shutil
import subprocess

import harness
from processes import eventually

USER = "mysql"  # whom it runs as when root tests: it refuses to be root


class MariaDb:
    """A server with one empty database that whoever reaches the socket may use. A context manager: entered, it answers."""

    def __init__(self, place, database: str):
        self.folder = place.directory("mariadb", 0o755)
        self.database = database
        self.socket = self.folder / "sock"
        self.user = USER if harness.IS_ROOT else None

    def __enter__(self) -> "MariaDb":
        if self.user:
            entry = pwd.getpwnam(self.user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        environment = {**os.environ, "TMPDIR": str(self.folder)}  # one that starts empties it of others' tables
        subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={self.folder / 'data'}", "--skip-test-db",
                        "--auth-root-authentication-method=normal", "--skip-log-bin"], check=True, user=self.user,
                       capture_output=True, timeout=60 * harness.SLOWNESS, cwd=self.folder, env=environment)
        server = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
        with open(self.folder.parent / "mariadb.log", "wb") as log:
            self.process = subprocess.Popen(
                [server, "--no-defaults", f"--datadir={self.folder / 'data'}", f"--socket={self.socket}",
                 f"--pid-file={self.folder / 'pid'}", "--skip-networking", "--innodb-flush-log-at-trx-commit=0",
                 "--innodb-buffer-pool-size=64M", "--skip-log-bin"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=self.user, cwd=self.folder, env=environment)
        harness.Server.own_helpers.add(self.process.pid)
        try:
            eventually("MariaDB answers", lambda: self.ask(f"CREATE DATABASE IF NOT EXISTS {self.database}"), 30, every=0.1)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ask(self, statement: str) -> bool:
        """Runs a statement; whether it could be run."""
        words = ["mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root", "-e", statement]
        return subprocess.run(words, capture_output=True, timeout=20, check=False).returncode == 0

    def value(self, query: str) -> str:
        words = ["mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root", "-N", "-B", self.database, "-e", query]
        return subprocess.run(words, capture_output=True, text=True, timeout=20, check=True).stdout.strip()

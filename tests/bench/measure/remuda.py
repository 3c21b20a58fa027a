# SPDX-License-Identifier: Apache-2.0
"""Remuda under measurement: a generated configuration, and the models of concurrency it can run in."""

import getpass
from dataclasses import dataclass
from pathlib import Path

from measure import machine
from measure.documents import Documents
from measure.server import Server

REPOSITORY = Path(__file__).resolve().parents[3]
DEFAULT_PROGRAM = REPOSITORY / "build" / "release" / "remuda"
USER = "www-data"  # whom Remuda becomes when it is started as root
PORT = 8071
FIRST_MODEL_PORT = 8072

# Long timeouts: held and slow connections are what is measured, not when they are given up.
CONFIGURATION = """\
{server}
[workers]
processes = {processes}
threads = {threads}
connections = {connections}
start = "{start}"

{listener}
[timeouts]
first_byte = "600s"
head = "600s"
idle = "600s"

[log]
access = "off"
error = "{errors}"
level = "warning"

[app.programs]
type = "cgi"
model = "exec"
root = "www/cgi-bin"

[[route]]
path = "/cgi-bin/"
app = "programs"

[[route]]
path = "/"
files = "www"
"""


@dataclass(frozen=True)
class Model:
    """A row of the table of concurrency models: three numbers, and who starts the processes."""

    name: str
    processes: int
    threads: int
    connections: int
    start: str = "ahead"
    inetd: bool = False

    @property
    def places(self) -> int:
        """How many connections are served at once; the rest wait in the listening socket's queue."""
        return self.processes * self.threads * self.connections


SINGLE = Model("remuda", processes=1, threads=1, connections=20000)


def write_configuration(documents: Documents, model: Model, port: int) -> Path:
    """A configuration file in the folder of the documents; relative paths in it start there."""
    path = documents.folder / f"remuda-{port}.toml"
    owner = listener = ""
    errors = "stderr"
    if model.inetd:  # inetd chooses the user, holds the socket, and makes the connection standard error
        errors = str(documents.folder / "remuda-inetd.log")
        Path(errors).touch()
        Path(errors).chmod(0o666)
    else:
        listener = f'[[listener]]\naddress = "127.0.0.1:{port}"\n'
        if machine.is_root():
            owner = f'[server]\nuser = "{USER}"\ngroup = "{USER}"\n'
    path.write_text(
        CONFIGURATION.format(
            server=owner,
            listener=listener,
            errors=errors,
            processes=model.processes,
            threads=model.threads,
            connections=model.connections,
            start=model.start,
        ),
        encoding="utf-8",
    )
    return path


def remuda(documents: Documents, program: Path, model: Model = SINGLE, port: int = PORT) -> Server:
    """Remuda as a server; under inetd it is inetd that listens and starts it for each connection."""
    if not program.is_file():
        raise machine.CannotMeasure(f"{program} is not built: `./dev build release` builds it")
    command = [str(program), "serve", "-c", str(write_configuration(documents, model, port))]
    if model.inetd:
        command = _inetd_command(documents, command, port)
    return Server(model.name, port, documents.folder, [(command, port)])


def _inetd_command(documents: Documents, command: list[str], port: int) -> list[str]:
    """openbsd-inetd in the foreground, without its limit of 256 starts a minute."""
    user = USER if machine.is_root() else getpass.getuser()
    words = [f"127.0.0.1:{port}", "stream", "tcp", "nowait.1000000000", user, command[0], *command, "--inetd"]
    path = documents.folder / f"inetd-{port}.conf"
    path.write_text("\t".join(words) + "\n", encoding="utf-8")
    return [machine.program("inetd"), "-i", "-q", "4096", "-R", "1000000000", str(path)]

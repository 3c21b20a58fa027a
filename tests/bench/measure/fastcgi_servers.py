# SPDX-License-Identifier: Apache-2.0
"""Servers before FastCGI applications: Remuda, which starts four processes itself, and peers before four others.

The processes belong to the server under measurement, so that its processor time includes theirs. Every server has a
port and processes of its own.
"""

import itertools
from collections.abc import Callable
from pathlib import Path

from measure import machine, remuda
from measure.documents import BENCH, Documents
from measure.machine import program
from measure.server import Server

PROCESSES = 4
MULTIPLEXED = 256  # requests at once in one process that can
FIRST_PORT = 8100
PHP_CGI, PHP_FPM = "/usr/bin/php-cgi", "php-fpm8.2"
_ports = itertools.count(FIRST_PORT)

Applications = Callable[[Documents, Path], tuple[list[str], Path]]  # a command, and the socket that shows that it is ready


def libfcgi_hello(documents: Documents) -> Path:
    """The C program that answers by libfcgi, one request at a time."""
    target = documents.folder / "hello_fcgi"
    return target if target.exists() else documents.compile("hello_fcgi", target, "-lfcgi")


def remuda_app_hello(documents: Documents) -> Path:
    """The same by remuda_app.h, many requests at a time."""
    target = documents.folder / "hello_remuda_app"
    if target.exists():
        return target
    library = _built_library()
    return documents.compile("hello_remuda_app", target, f"-I{remuda.REPOSITORY / 'include'}", str(library), "-lpthread")


def _built_library() -> Path:
    found = sorted((remuda.REPOSITORY / "build" / "release").glob("**/libremuda_app.a"))
    if not found:
        raise machine.CannotMeasure("libremuda_app.a is not built: `./dev build release` builds it")
    return found[0]


def php_script(documents: Documents) -> None:
    """hello.php in the document root."""
    (documents.www / "hello.php").write_bytes((BENCH / "programs" / "hello.php").read_bytes())


# --- the applications of the peers -----------------------------------------------------------------------------------


def prefork(documents: Documents, socket: Path) -> tuple[list[str], Path]:
    """Four of the libfcgi program on one socket."""
    starter = BENCH / "programs" / "prefork.py"
    return ["/usr/bin/python3", str(starter), str(socket), str(PROCESSES), str(libfcgi_hello(documents))], socket


def php_fpm(documents: Documents, socket: Path) -> tuple[list[str], Path]:
    php_script(documents)
    path = documents.configuration("fastcgi-php-fpm.conf", next(_ports), SOCKET=str(socket))
    as_root = ["-R"] if machine.is_root() else []
    return [program(PHP_FPM), "-F", "-y", str(path), *as_root], socket


# --- the peers -------------------------------------------------------------------------------------------------------


def _behind(name: str, front: Callable[[Path], list[str]], port: int, applications: Applications,
            documents: Documents) -> Server:  # fmt: skip
    socket = documents.folder / f"application-{port}.sock"
    return Server(name, port, documents.folder, [applications(documents, socket), (front(socket), port)])


def nginx(documents: Documents, applications: Applications, *, name: str = "nginx", kept: bool) -> Server:
    """nginx; `kept` is the keep-alive towards the application that its manual recommends."""
    port, only = next(_ports), ("KEPT",) if kept else ()

    def front(socket: Path) -> list[str]:
        return [program("nginx"), "-c", str(documents.configuration("fastcgi-nginx.conf", port, only, SOCKET=str(socket)))]

    return _behind(name, front, port, applications, documents)


def lighttpd(documents: Documents, applications: Applications) -> Server:
    port = next(_ports)

    def front(socket: Path) -> list[str]:
        return [program("lighttpd"), "-D", "-f", str(documents.configuration("fastcgi-lighttpd.conf", port, SOCKET=str(socket)))]

    return _behind("lighttpd", front, port, applications, documents)


def h2o(documents: Documents, applications: Applications) -> Server:
    port = next(_ports)

    def front(socket: Path) -> list[str]:
        return [program("h2o"), "-m", "worker", "-c", str(documents.configuration("fastcgi-h2o.conf", port, SOCKET=str(socket)))]

    return _behind("h2o", front, port, applications, documents)


# --- Remuda ----------------------------------------------------------------------------------------------------------


def pool(documents: Documents, executable: Path, application: Path, *, name: str, options: str = "",
         concurrency: int = 0, route: str = "/hello") -> Server:  # fmt: skip
    """Remuda with a pool of the application; the processes are there before the first request."""
    if not executable.is_file():
        raise machine.CannotMeasure(f"{executable} is not built: `./dev build release` builds it")
    port = next(_ports)
    instances = f"instances = {{ min = {PROCESSES}, max = {PROCESSES}, concurrency = {concurrency} }}"
    owner = f'[server]\nuser = "{remuda.USER}"\ngroup = "{remuda.USER}"' if machine.is_root() else ""
    path = documents.configuration("fastcgi-remuda.toml", port, PROGRAM=str(application), OWNER=owner, ROUTE=route,
                                   OPTIONS=f"{instances}\n{options}")  # fmt: skip
    return Server(name, port, documents.folder, [([str(executable), "serve", "-c", str(path)], port)])


def php_pool(documents: Documents, executable: Path, name: str) -> Server:
    php_script(documents)
    options = f'root = "{documents.www}"\nscripts = [".php"]\nenvironment = {{ PHP_FCGI_MAX_REQUESTS = "0" }}'
    return pool(documents, executable, Path(PHP_CGI), name=name, options=options, route="/")

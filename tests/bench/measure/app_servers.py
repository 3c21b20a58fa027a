# SPDX-License-Identifier: Apache-2.0
"""Servers of applications in languages: Remuda, which forks them from templates, and what people use without it.

Four processes each, on the one core of the servers; every server has a port of its own.
"""

import itertools
import shutil
from pathlib import Path

from measure import machine, remuda
from measure.documents import BENCH, Documents
from measure.machine import program
from measure.server import Server

PROCESSES = 4
FIRST_PORT = 8200
SCRIPTS = {"hello.py": "hello_cgi.py", "hello.pl": "hello_cgi.pl"}
_ports = itertools.count(FIRST_PORT)


def wsgi_application(documents: Documents) -> Path:
    """A directory with wsgi.py."""
    return _copied(documents, "wsgi", {"wsgi.py": "hello_wsgi.py"})


def psgi_application(documents: Documents) -> Path:
    """A directory with app.psgi."""
    return _copied(documents, "psgi", {"app.psgi": "hello.psgi"})


def rack_application(documents: Documents) -> Path:
    """A directory with config.ru."""
    return _copied(documents, "rack", {"config.ru": "hello.ru"})


def php_scripts(documents: Documents) -> Path:
    return _copied(documents, "php", {"hello.php": "hello.php"})


def django_site(documents: Documents) -> Path:
    target = documents.folder / "django"
    if not target.exists():
        shutil.copytree(BENCH / "programs" / "django", target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def cgi_programs(documents: Documents) -> Path:
    """/cgi-bin/hello, which is there already, and the same in Python and Perl."""
    folder = _copied(documents, "www/cgi-bin", SCRIPTS)
    for name in SCRIPTS:
        (folder / name).chmod(0o755)
    return folder


def _copied(documents: Documents, name: str, files: dict[str, str]) -> Path:
    folder = documents.folder / name
    folder.mkdir(exist_ok=True)
    for target, source in files.items():
        shutil.copyfile(BENCH / "programs" / source, folder / target)
    return folder


# --- Remuda ----------------------------------------------------------------------------------------------------------


def _remuda(name: str, documents: Documents, executable: Path, **values: str) -> Server:
    if not executable.is_file():
        raise machine.CannotMeasure(f"{executable} is not built: `./dev build release` builds it")
    port = next(_ports)
    owner = f'[server]\nuser = "{remuda.USER}"\ngroup = "{remuda.USER}"' if machine.is_root() else ""
    values = {"LEVEL": "warning", "ROUTE": "/", "OPTIONS": "", "OWNER": owner} | values
    path = documents.configuration("apps-remuda.toml", port, **values)
    return Server(name, port, documents.folder, [([str(executable), "serve", "-c", str(path)], port)])


def pool(documents: Documents, executable: Path, kind: str, root: Path, *, name: str = "remuda", processes: int = PROCESSES,
         options: str = "", level: str = "warning") -> Server:  # fmt: skip
    instances = f"instances = {{ min = {processes}, max = {processes} }}\n{options}"
    return _remuda(name, documents, executable, TYPE=kind, MODEL="pool", ROOT=str(root), OPTIONS=instances, LEVEL=level)


def cgi(documents: Documents, executable: Path, model: str) -> Server:
    root = str(cgi_programs(documents))
    return _remuda(f"remuda, {model}", documents, executable, TYPE="cgi", MODEL=model, ROOT=root, ROUTE="/cgi-bin/")


# --- peers -----------------------------------------------------------------------------------------------------------


def nginx_with_uwsgi(documents: Documents) -> Server:
    port = next(_ports)
    socket = documents.folder / f"uwsgi-{port}.sock"
    application = [program("uwsgi"), "--die-on-term", "--plugin", "python3", "--socket", str(socket), "--chmod-socket=666",
                   "--wsgi-file", str(wsgi_application(documents) / "wsgi.py"), "--master", "--processes", str(PROCESSES),
                   "--disable-logging", "--listen", "1024"]  # fmt: skip
    front = [program("nginx"), "-c", str(documents.configuration("apps-nginx-uwsgi.conf", port, SOCKET=str(socket)))]
    return Server("nginx-uwsgi", port, documents.folder, [(application, socket), (front, port)])


def apache(documents: Documents) -> Server:
    """The event MPM: mod_wsgi in its processes, and mod_cgid."""
    port = next(_ports)
    wsgi_application(documents)
    cgi_programs(documents)
    path = documents.configuration("apps-apache.conf", port, USER=remuda.USER)
    return Server("apache", port, documents.folder, [([program("apache2"), "-D", "FOREGROUND", "-f", str(path)], port)])


def apache_prefork(documents: Documents) -> Server:
    """The prefork MPM with mod_php, which needs it."""
    port = next(_ports)
    php_scripts(documents)
    path = documents.configuration("apps-apache-prefork.conf", port, USER=remuda.USER)
    command = [program("apache2"), "-D", "FOREGROUND", "-f", str(path)]
    return Server("apache-prefork", port, documents.folder, [(command, port)])


def gunicorn(documents: Documents) -> Server:
    port = next(_ports)
    command = [program("gunicorn"), "--chdir", str(wsgi_application(documents)), "-w", str(PROCESSES), "-b", f"127.0.0.1:{port}",
               "--keep-alive", "600", "wsgi:application"]  # fmt: skip
    return Server("gunicorn", port, documents.folder, [(command, port)])


def unicorn(documents: Documents) -> Server:
    """Without a front end, as it should not be used: it keeps no connection open."""
    port = next(_ports)
    settings = documents.folder / "unicorn.rb"
    settings.write_text(f"worker_processes {PROCESSES}\npreload_app true\n", encoding="utf-8")
    command = [program("unicorn"), "-l", f"127.0.0.1:{port}", "-E", "none", "-c", str(settings),
               str(rack_application(documents) / "config.ru")]  # fmt: skip
    return Server("unicorn", port, documents.folder, [(command, port)])


def puma(documents: Documents) -> Server:
    port = next(_ports)
    command = [program("puma"), "-b", f"tcp://127.0.0.1:{port}", "-w", str(PROCESSES), "-t", "1:1", "-e", "production",
               str(rack_application(documents) / "config.ru")]  # fmt: skip
    return Server("puma", port, documents.folder, [(command, port)])


def starman(documents: Documents) -> Server:
    port = next(_ports)
    command = [program("starman"), "--listen", f"127.0.0.1:{port}", "--workers", str(PROCESSES), "--max-requests", "100000000",
               "--env", "deployment", str(psgi_application(documents) / "app.psgi")]  # fmt: skip
    return Server("starman", port, documents.folder, [(command, port)])

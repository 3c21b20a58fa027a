# SPDX-License-Identifier: Apache-2.0
"""How the server starts, and how it does not: every reason not to is one clear line, within a second.

The last row of the fault table: port in use, permission missing, bad user, missing directory; `remuda check` finds
what is a matter of configuration first.
"""

import os
import resource
import signal
import socket
import subprocess
import time

import pytest

import harness
from harness import IS_ROOT, SLOWNESS, needs, needs_root, run
from processes import cpu_seconds, eventually, open_descriptors
from wire import request


def refused(arguments: list[str], user: str | None = None) -> subprocess.CompletedProcess:
    """Runs `remuda serve ...`, which must not start."""
    started = time.monotonic()
    ended = run("serve", *arguments, user=user, **({"extra_groups": []} if user else {}))
    assert ended.returncode not in (0, -6, -11), ended
    assert time.monotonic() - started < 1 * SLOWNESS
    said = [line for line in ended.stderr.splitlines() if "warning" not in line]
    assert 1 <= len(said) <= 3, ended.stderr
    return ended


def test_port_in_use(place):
    place.file("site/index.html", "home")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        assert address in refused([str(place / "site"), "--listen", address]).stderr


def test_missing_root(place):
    file = place.file("remuda.toml", '[[route]]\nfiles = "nowhere"\n')
    assert f"{file}:2:" in refused(["-c", str(file)]).stderr
    checked = run("check", "-c", str(file))
    assert checked.returncode != 0 and "nowhere" in checked.stderr + checked.stdout
    assert "nowhere" in refused([str(place / "nowhere")]).stderr


def test_missing_configuration(place):
    assert "none.toml" in refused(["-c", str(place / "none.toml")]).stderr


@needs_root
def test_bad_user(place):
    file = place.file("remuda.toml", f'[server]\nuser = "nobody-here"\n[[route]]\nfiles = "{place.path}"\n')
    assert f"{file}:2:" in refused(["-c", str(file)]).stderr
    assert "nobody-here" in run("check", "-c", str(file)).stderr


@needs_root
def test_root_directory_without_permission(place):
    """The worker's user cannot read what it is to serve: said before anything is served."""
    place.directory("closed", 0o700)
    file = place.file("remuda.toml", '[server]\nuser = "www-data"\n[[route]]\nfiles = "closed"\n')
    assert "closed" in refused(["-c", str(file)]).stderr


@needs_root
def test_without_root_what_needs_it_is_refused(place):
    file = place.file("remuda.toml", f'[server]\nuser = "www-data"\n[[route]]\nfiles = "{place.path}"\n')
    assert "root" in refused(["-c", str(file)], user="nobody").stderr


@needs_root
def test_port_without_permission(place):
    if int(open("/proc/sys/net/ipv4/ip_unprivileged_port_start").read()) <= 81:
        pytest.skip("ports below 1024 are free for all here")
    said = refused([str(place.path), "--listen", "127.0.0.1:81"], user="nobody").stderr
    assert "127.0.0.1:81" in said and "permi" in said.lower()


def test_log_that_cannot_be_opened(place):
    file = place.file("remuda.toml", f'[log]\naccess = "{place.path}"\n[[route]]\nfiles = "{place.path}"\n')
    assert str(place.path) in refused(["-c", str(file)]).stderr
    assert str(place.path) in run("check", "-c", str(file)).stderr


def test_socket_path_of_a_dead_server_is_taken_over(start, place):
    """A socket file that nobody listens on is no obstacle; one that somebody listens on is."""
    place.file("site/index.html", "home")
    path = place / "listen.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = start('[[route]]\nfiles = "site"', listener=f"unix:{path}", wait=False)
    eventually("it answers", lambda: can_connect(path))
    assert server.get("/").text == "home"
    assert str(path) in refused([str(place / "site"), "--listen", f"unix:{path}"]).stderr
    assert server.get("/").text == "home"


def can_connect(path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
            return True
        except OSError:
            return False


def test_port_is_bound_again_at_once(start, place):
    """No waiting for connections in TIME_WAIT."""
    place.file("site/index.html", "home")
    first = start('[[route]]\nfiles = "site"')
    assert first.get("/", "Connection: close").status == 200
    assert first.stop() == 0
    second = start('[[route]]\nfiles = "site"', port=first.port)
    assert second.get("/").status == 200


def status_of(pid: int) -> dict[str, str]:
    text = open(f"/proc/{pid}/status").read()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


@needs_root
def test_root_drops_its_rights(start, place):
    """Root lives only in the supervisor and the spawner."""
    place.file("site/index.html", "home")
    place.script("who", r"printf 'Content-Type: text/plain\n\n'; id -un; id -Gn; grep NoNewPrivs /proc/self/status")
    server = start("""
        [server]
        user = "www-data"
        [[route]]
        path = "/cgi-bin/"
        app = "programs"
        [[route]]
        files = "site"
        [app.programs]
        root = "cgi-bin"
    """)
    worker = server.worker()
    fields = eventually("it has become www-data", lambda: now if (now := status_of(worker))["Uid"].startswith("33") else None)
    assert fields["Uid"].split() == ["33"] * 4 and fields["Gid"].split() == ["33"] * 4
    assert int(fields["CapEff"], 16) == 0 and int(fields["CapPrm"], 16) == 0
    assert fields["Groups"].split() in ([], ["33"])
    assert server.get("/cgi-bin/who").text.split()[:2] == ["www-data", "www-data"]


@needs_root
def test_application_with_a_user_of_its_own(start, place):
    place.script("who", r"printf 'Content-Type: text/plain\n\n'; id -un")
    server = start("""
        [server]
        user = "www-data"
        [[route]]
        app = "programs"
        [app.programs]
        root = "cgi-bin"
        user = "nobody"
    """)
    assert server.get("/who").text == "nobody\n"


@needs_root
def test_everything_works_without_root(start, place):
    place.file("site/index.html", "home")
    place.script("who", r"printf 'Content-Type: text/plain\n\n'; id -un")
    place.give_to("nobody")
    server = start("""
        [[route]]
        path = "/cgi-bin/"
        app = "programs"
        [[route]]
        files = "site"
        [app.programs]
        root = "cgi-bin"
    """, user="nobody", program=[harness.program_for_everybody()])
    assert server.get("/").text == "home"
    assert server.get("/cgi-bin/who").text == "nobody\n"


@needs("systemd-socket-activate")
def test_systemd_socket_activation(start, place):
    """The first connection starts the server, on the socket that systemd has bound."""
    place.file("site/index.html", "home")
    port = harness.free_port()
    server = start('[[route]]\nfiles = "site"', port=port, listener="",
                   program=["systemd-socket-activate", f"--listen=127.0.0.1:{port}", "-E", "PATH", harness.PROGRAM])
    assert server.get("/").text == "home"
    assert server.get("/").text == "home"


def test_ready_and_stopping_are_told(start, place):
    """sd_notify: READY=1 when connections are accepted, STOPPING=1 at the end."""
    place.file("site/index.html", "home")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(place / "notify"))
        notify.settimeout(10)
        server = start('[[route]]\nfiles = "site"', environment={"NOTIFY_SOCKET": str(place / "notify")}, wait=False)
        heard = notify.recv(4096).decode()
        while "READY=1" not in heard:
            heard += "\n" + notify.recv(4096).decode()
        assert server.get("/").text == "home"
        server.send_signal(signal.SIGTERM)
        while "STOPPING=1" not in heard:
            heard += "\n" + notify.recv(4096).decode()


@pytest.mark.skipif(harness.SANITIZED, reason="the sanitizers themselves need descriptors")
def test_descriptors_run_out(start, place):
    """No spin at 100 % CPU, those who are served go on, and it recovers by itself."""
    place.file("site/index.html", "home")
    server = start('[workers]\nthreads = 1\n[timeouts]\nfirst_byte = "60s"\n[[route]]\nfiles = "site"')
    worker = server.worker()
    with server.connect() as served:
        server.count()
        assert served.ask(request("GET", "/")).status == 200
        limit = open_descriptors(worker) + 10
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (limit, limit))
        crowd = [server.connect() for _ in range(30)]
        before = cpu_seconds(worker)
        for _ in range(60):  # never idle for long: idle connections give way to who waits
            server.count()
            assert served.ask(request("GET", "/")).status == 200
            time.sleep(0.02)
        assert cpu_seconds(worker) - before < 0.4 * SLOWNESS, "it spins"
        server.wait_for_error(r"(?i)open files")
        for connection in crowd:
            connection.close()
    assert server.get("/").text == "home"
    assert server.errors().lower().count("open files;") < 5


def test_pid_file(start, place):
    place.file("site/index.html", "home")
    server = start('[server]\npid_file = "remuda.pid"\n[[route]]\nfiles = "site"')
    assert int((place / "remuda.pid").read_text()) == server.pid
    assert server.stop() == 0
    assert not (place / "remuda.pid").exists()


def test_no_descriptor_of_the_starter_is_inherited(start, place):
    """Neither by workers nor by programs."""
    place.script("descriptors", r"printf 'Content-Type: text/plain\n\n'; ls -l /proc/self/fd")
    secret = os.open(place.file("secret"), os.O_RDONLY)
    os.set_inheritable(secret, True)
    server = start('[[route]]\napp = "programs"\n[app.programs]\nroot = "cgi-bin"', pass_fds=(secret,))
    os.close(secret)
    assert "secret" not in server.get("/descriptors").text
    for pid in [*server.processes("worker"), *server.processes("spawner")]:
        assert not [link for link in links_of(pid) if "secret" in link]


def links_of(pid: int) -> list[str]:
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
        except OSError:
            continue
    return found


def test_ipv6(start, place):
    place.file("site/index.html", "home")
    try:
        port = harness.free_port("::1")
    except OSError:
        pytest.skip("no IPv6 here")
    server = start('[[route]]\nfiles = "site"', listener=f"[::1]:{port}", port=port)
    server.address = ("::1", port)
    assert server.get("/", host=f"[::1]:{port}").text == "home"


@pytest.mark.skipif(IS_ROOT and not os.path.exists("/dev/shm"), reason="no /dev/shm")
def test_no_file_is_left(start, place):
    """Spool files and sockets are gone when the server is."""
    before = set(os.listdir("/dev/shm"))
    place.script("echo", r"printf 'Content-Type: text/plain\n\n'; exec cat")
    server = start('[[route]]\napp = "programs"\n[app.programs]\nroot = "cgi-bin"\nspool_above = "1KiB"')
    body = b"x" * 100_000
    answer = server.ask(request("POST", "/echo", "Transfer-Encoding: chunked") + b"186a0\r\n" + body + b"\r\n0\r\n\r\n")
    assert answer.body == body
    assert server.stop() == 0
    assert set(os.listdir("/dev/shm")) <= before

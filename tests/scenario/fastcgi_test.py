# SPDX-License-Identifier: Apache-2.0
"""Applications kept alive, with the real packages: what each of them must do behind Remuda, all of them alike.

php-fpm at a Unix socket and at a TCP port, php-cgi in the pool, programs on libfcgi in the pool and under spawn-fcgi,
fcgiwrap, Perl's FCGI.pm and the multiplexing FCGI::Async in the pool, and SCGI. Every application has the same few
abilities (applications/), so that every test is one for all.
"""

import hashlib
import os
import re
import signal
import threading

import pytest

import harness
from applications import Others, compiled, copied, owner_lines
from harness import IS_ROOT, needs
from processes import eventually, is_alive
from wire import chunked, request

MEBIBYTE = 1 << 20
BASES = {  # under what path each answers
    "fpm": "/fpm/application.php",
    "fpm-tcp": "/fpm-tcp/application.php",
    "php-pool": "/php-pool/application.php",
    "c-pool": "/c-pool",
    "spawn-fcgi": "/spawn-fcgi",
    "fcgiwrap": "/fcgiwrap/application.cgi",
    "perl-pool": "/perl-pool",
    "multiplexed": "/multiplexed",
    "scgi": "/scgi",
}
POOLS = ["php-pool", "c-pool", "perl-pool", "multiplexed"]
PHP = ["fpm", "fpm-tcp", "php-pool"]
EVERY = pytest.mark.parametrize("name", BASES)

pytestmark = needs("php-cgi", "/usr/sbin/php-fpm8.2", "spawn-fcgi", "fcgiwrap", "/usr/share/perl5/FCGI/Async.pm",
                   "/usr/include/fcgiapp.h")

CONFIGURATION = """
    {owner}
    {routes}
    [[route]]
    path = "/"
    files = "site"
    {remotes}
    [app.php-pool]
    type = "fastcgi"
    program = "/usr/bin/php-cgi"
    arguments = ["-d", "upload_max_filesize=64M", "-dpost_max_size=64M"]
    root = "scripts"
    scripts = [".php"]
    instances = {{ min = 1, max = 3 }}
    [app.c-pool]
    type = "fastcgi"
    program = "application"
    instances = {{ min = 1, max = 3 }}
    [app.perl-pool]
    type = "fastcgi"
    program = "application.pl"
    instances = {{ max = 3 }}
    [app.multiplexed]
    type = "fastcgi"
    program = "multiplexed.pl"
    instances = {{ max = 1, concurrency = 100 }}
    [app.scgi]
    type = "scgi"
    model = "remote"
    peers = ["unix:{sockets}/scgi"]
"""


def remote(name: str, peer: str, scripts: str = "") -> str:
    root = f'root = "scripts"\nscripts = ["{scripts}"]' if scripts else ""
    return f'\n[app.{name}]\ntype = "fastcgi"\nmodel = "remote"\npeers = ["{peer}"]\n{root}\n'


@pytest.fixture(scope="module")
def others(shared):
    with Others(shared.place) as running:
        yield running


@pytest.fixture(scope="module")
def server(shared, others):
    """All of them behind one server."""
    place, sockets = shared.place, others.sockets()
    program = compiled(place, "application")
    copied(place, "application.php", "scripts/application.php")
    copied(place, "application.pl", "scripts/application.cgi")
    copied(place, "application.pl", "application.pl")
    copied(place, "multiplexed.pl", "multiplexed.pl")
    place.file("site/page.html", "a page\n")
    port = harness.free_port()
    others.php_fpm("fpm", f"{sockets}/fpm")
    others.php_fpm("fpm-tcp", f"127.0.0.1:{port}")
    others.spawn_fcgi("spawn-fcgi", f"{sockets}/spawned", program)
    others.fcgiwrap("fcgiwrap", f"{sockets}/wrap")
    others.scgi("scgi", f"{sockets}/scgi")
    remotes = [remote("fpm", f"unix:{sockets}/fpm", ".php"), remote("fpm-tcp", f"127.0.0.1:{port}", ".php"),
               remote("spawn-fcgi", f"unix:{sockets}/spawned"), remote("fcgiwrap", f"unix:{sockets}/wrap", ".cgi")]
    routes = [f'[[route]]\npath = "/{name}/"\napp = "{name}"\n' for name in BASES]
    text = CONFIGURATION.format(owner=owner_lines('[server]\nuser = "{0}"'), routes="\n".join(routes), remotes="".join(remotes),
                                sockets=sockets)
    return shared(text)


def environment_of(server, target: str, *lines: str) -> dict[str, str]:
    answer = server.get(target, *lines)
    assert answer.status == 200, (answer, server.errors()[-3000:])
    return dict(line.split("=", 1) for line in answer.text.splitlines() if "=" in line)


# --- for every one of them --------------------------------------------------------------------------------------------


@EVERY
def test_variables(server, name):
    """RFC 3875 section 4.1, as over CGI."""
    found = environment_of(server, f"{BASES[name]}/a%20b/environment?x=1&y=%20", "X-Some: thing", "Proxy: evil")
    expected = {"REQUEST_METHOD": "GET", "QUERY_STRING": "x=1&y=%20", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "test",
                "REMOTE_ADDR": "127.0.0.1", "GATEWAY_INTERFACE": "CGI/1.1", "HTTP_X_SOME": "thing",
                "SERVER_PORT": str(server.port), "PATH_INFO": "/a b/environment"}
    assert {key: found.get(key) for key in expected} == expected
    script = BASES[name]
    assert found["SCRIPT_NAME"] == script, found
    assert found["REQUEST_URI"] == f"{BASES[name]}/a%20b/environment?x=1&y=%20"
    assert "HTTP_PROXY" not in found
    if "." in script:
        assert found["SCRIPT_FILENAME"] == str(server.place / "scripts" / os.path.basename(script))


@EVERY
@pytest.mark.parametrize("size", [0, 1, 65535, 3 * MEBIBYTE])
def test_body_comes_back(server, name, size):
    """Lengths at the edges of records, and above what is kept in memory."""
    body = os.urandom(size)
    answer = server.post(f"{BASES[name]}/echo", body)
    assert answer.status == 200 and hashlib.md5(answer.body).digest() == hashlib.md5(body).digest()


@EVERY
def test_chunked_body(server, name):
    """The application is told its exact length, which nobody knew before the end."""
    body = os.urandom(200_000)
    data = request("POST", f"{BASES[name]}/echo", "Transfer-Encoding: chunked")
    answer = server.ask(data + chunked(body[:10], body[10:70_000], body[70_000:]))
    assert answer.status == 200 and answer.body == body


@EVERY
def test_large_answer(server, name):
    answer = server.get(f"{BASES[name]}/big?{20 * MEBIBYTE}")
    assert answer.status == 200 and len(answer.body) == 20 * MEBIBYTE and set(answer.body) == {ord("x")}


@EVERY
def test_head(server, name):
    with server.connect() as connection:
        server.count(2)
        answer = connection.ask(request("HEAD", f"{BASES[name]}/big?100000"))
        assert answer.status == 200 and answer["Content-Type"].startswith("text/plain")
        assert connection.ask(request("GET", f"{BASES[name]}/")).text == "hello\n"


@EVERY
def test_status_and_redirects(server, name):
    tea = server.get(f"{BASES[name]}/status")
    assert (tea.status, tea.text) == (418, "tea\n")
    away = server.get(f"{BASES[name]}/redirect?there")
    assert (away.status, away["Location"]) == (302, "http://elsewhere.example/there")
    page = server.get(f"{BASES[name]}/local")
    if name in PHP:  # PHP says 302 itself whenever there is a Location
        assert page.status in (200, 302)
    else:
        assert (page.status, page.text) == (200, "a page\n")


@pytest.mark.parametrize("name", [name for name in BASES if name != "scgi"])
def test_standard_error_is_in_the_log(server, name):
    """Under the request's id, and with the application's name; SCGI has no such stream."""
    target = f"{BASES[name]}/errors?{name}-{os.getpid()}"
    assert server.get(target).text == "complained\n"
    identity = server.last_access(target)["id"].lstrip("0")
    line = server.wait_for_error(rf"[^\n]*complaint of {name}-{os.getpid()}")[0]
    assert identity in line and name in line.replace("complaint of " + name, ""), line


@EVERY
def test_answers_are_not_confused(server, name):
    """Forty at once with bodies of their own, on connections that are used again."""
    wrong = []

    def talk(number: int):
        with server.connect() as connection:
            for turn in range(5):
                body = f"{number} {turn} ".encode() * (1 + 977 * turn)
                answer = connection.ask(request("POST", f"{BASES[name]}/echo", body=body))
                if answer.status != 200 or answer.body != body:
                    wrong.append((number, turn, answer.status, answer.body[:100]))

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(8)]
    server.count(8 * 5)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong, (wrong[:3], server.errors()[-3000:])


@EVERY
def test_client_that_left_does_not_hurt_the_next(server, name):
    """In the middle of an answer; what is left of it never reaches anybody else."""
    for _ in range(3):
        with server.connect() as connection:
            server.count()
            connection.send(request("GET", f"{BASES[name]}/big?{200 * MEBIBYTE}"))
            assert connection.read_head().status == 200, server.errors()[-3000:]
            connection.read_exactly(100_000)
    for _ in range(4):
        assert server.get(f"{BASES[name]}/").text == "hello\n"


@pytest.mark.parametrize("program", ["application", "application.pl"])
def test_the_only_process_serves_on_after_a_client_that_left(start, place, program):
    """It may come to read of the abort only where it expects the next request, and libfcgi closes the connection then:
    a POST, which nobody may send twice, would be lost."""
    if program == "application":
        compiled(place, program)
    else:
        copied(place, program, program)
    server = start(f"""
        {owner_lines('[server]' + chr(10) + '        user = "{0}"')}
        [[route]]
        app = "only"
        [app.only]
        type = "fastcgi"
        program = "{program}"
        instances = {{ min = 1, max = 1 }}
        """)
    for number in range(20):
        with server.connect() as connection:
            server.count()
            connection.send(request("GET", f"/big?{20 * MEBIBYTE}"))
            assert connection.read_head().status == 200
        body = b"%d" % number
        answer = server.post("/echo", body)
        assert (answer.status, answer.body) == (200, body), server.errors()[-2000:]


@EVERY
def test_client_that_left_while_it_was_computed(server, name):
    with server.connect() as connection:
        server.count()
        connection.send(request("GET", f"{BASES[name]}/slow?400"))
        assert connection.is_quiet(0.1)
    for _ in range(4):
        assert server.get(f"{BASES[name]}/").text == "hello\n"


# --- what only some have ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PHP)
def test_upload(server, name):
    content = os.urandom(5 * MEBIBYTE)
    form = (b'--edge\r\nContent-Disposition: form-data; name="words"\r\n\r\nof a form\r\n'
            b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a file.bin"\r\n'
            b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n--edge--\r\n")
    answer = server.post(f"{BASES[name]}/upload", form, "Content-Type: multipart/form-data; boundary=edge")
    assert answer.text == f"a file.bin {len(content)} {hashlib.md5(content).hexdigest()} of a form\n"


@pytest.mark.parametrize("name", PHP)
def test_sources_are_never_sent(server, name):
    """Whatever is done to the name (SPEC: nginx CVE-2013-4547, cgi.fix_pathinfo, PHP CVE-2019-11043)."""
    folder = BASES[name].rsplit("/", 1)[0]
    server.place.file("scripts/picture.jpg", "<?php echo 'ran';")
    for target in ("/application.php.", "/application.php%20", "/application.php%00.jpg", "/application.PHP", "/application%2ephp/x",
                   "/picture.jpg", "/picture.jpg/x.php", "/picture.jpg%20/x.php", "/application.php/%0a%0d.php", "//application.php"):
        answer = server.get(folder + target)
        assert b"<?php" not in answer.body and b"ran" not in answer.body, (target, answer)
        assert answer.status < 500, (target, answer)


@pytest.mark.parametrize("name", POOLS)
def test_the_same_process_serves_one_after_another(server, name):
    pids = [environment_of(server, f"{BASES[name]}/environment")["PID"] for _ in range(10)]
    assert len(set(pids)) <= 2, pids  # each of the event loops prefers the one that it has a connection to
    pid = pids[-1]
    with open(f"/proc/{pid}/environ", "rb") as given:
        assert b"FCGI_WEB_SERVER_ADDRS=127.0.0.1" in given.read().split(b"\0")


@pytest.mark.parametrize("name", ["c-pool", "perl-pool", "php-pool"])
def test_as_many_processes_as_needed(server, name):
    """Three requests at once in three processes, which have time to start, a fourth waits for one of them."""
    found = ask_together(server, [f"{BASES[name]}/slow?1500"] * 4)
    assert [answer.status for answer in found] == [200] * 4
    assert len({answer.text for answer in found}) == 3


def test_many_at_once_in_one_process(server):
    """FCGI::Async takes fifty at a time; one after another they would take fifteen seconds."""
    found = ask_together(server, ["/multiplexed/slow?300"] * 50, within=5 * harness.SLOWNESS)
    assert [answer.status for answer in found] == [200] * 50
    assert len({answer.text for answer in found}) == 1


def ask_together(server, targets: list[str], within: float = 30.0) -> list:
    answers: list = [None] * len(targets)

    def ask(index: int):
        answers[index] = server.get(targets[index])

    threads = [threading.Thread(target=lambda i=i: ask(i), daemon=True) for i in range(len(targets))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(within)
    assert None not in answers, f"{answers.count(None)} of {len(targets)} have no answer"
    return answers


@pytest.mark.parametrize("name", ["fpm", "fpm-tcp"])
def test_connections_that_are_kept_do_not_starve(server, name):
    """Twenty clients that keep their connections, on three processes of php-fpm: everybody gets an answer."""
    def talk():
        with server.connect(timeout=10 * harness.SLOWNESS) as connection:
            for _ in range(10):
                assert connection.ask(request("GET", f"{BASES[name]}/")).text == "hello\n"
            done.append(1)

    done: list[int] = []
    threads = [threading.Thread(target=talk, daemon=True) for _ in range(20)]
    server.count(200)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20 * harness.SLOWNESS)
    assert len(done) == 20


def test_a_farm_that_was_restarted(server, others):
    """Connections that were kept are dead; nobody notices."""
    assert server.get(f"{BASES['spawn-fcgi']}/").status == 200
    path = f"{others.sockets()}/spawned"
    others.stop("spawn-fcgi", signal.SIGTERM)
    os.unlink(path)
    assert server.get(f"{BASES['spawn-fcgi']}/").status in (502, 503)
    others.spawn_fcgi("spawn-fcgi", path, server.place / "application")
    eventually("it answers again", lambda: server.get(f"{BASES['spawn-fcgi']}/").status == 200, 10)
    others.stop("fpm")
    others.php_fpm("fpm", f"{others.sockets()}/fpm")
    answer = server.post(f"{BASES['fpm']}/echo", b"not idempotent")
    assert (answer.status, answer.body) == (200, b"not idempotent")


# --- nobody is left ---------------------------------------------------------------------------------------------------


def test_instances_end_with_the_server(start, place):
    compiled(place, "application")
    server = start("""
        [[route]]
        app = "kept"
        [app.kept]
        type = "fastcgi"
        program = "application"
        instances = { min = 3 }
    """)
    pids = [int(answer.text) for answer in ask_together(server, ["/slow?300"] * 3)]
    assert len(set(pids)) == 3
    server.stop()
    assert not [pid for pid in pids if is_alive(pid)]
    left = [path for path in place.path.rglob("*") if path.is_socket()]
    assert not left, left


@pytest.mark.skipif(not IS_ROOT, reason="needs root: other users")
def test_instances_run_as_their_user(start, place):
    compiled(place, "application")
    server = start("""
        [server]
        user = "www-data"
        [[route]]
        app = "kept"
        [app.kept]
        type = "fastcgi"
        program = "application"
        user = "nobody"
        group = "nogroup"
    """)
    pid = int(environment_of(server, "/environment")["PID"])
    status = open(f"/proc/{pid}/status").read()
    assert re.search(r"(?m)^Uid:\s+65534\s+65534", status), status

# SPDX-License-Identifier: Apache-2.0
"""WSGI applications under each model: what PEP 3333 asks of a server; Django and Flask as Debian packages them."""

import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest
import wire
from harness import SLOWNESS
from loaded import MODELS, is_cut, needs_loader, text, variables
from processes import eventually

SOURCES = Path(__file__).parent / "applications/python"
pytestmark = needs_loader("python/_remuda.abi3.so", "python3-dev")
FORM = "Content-Type: application/x-www-form-urlencoded"


def serve(start, place, model: str, entry: str = "app.py", folder: str = "", more: str = "", routes: str = "", **options):
    root = f"application{folder}"
    if not (place / root).exists():
        shutil.copytree(SOURCES / folder if folder else SOURCES, place / root,
                        ignore=None if folder else lambda at, names: [name for name in names if name in ("shop", "polls")])  # fmt: skip
    if "instances" not in more and model == "pool":
        more += "\ninstances = { min = 1, max = 1 }"
    entry_line = f'entry_point = "{entry}"' if entry else ""
    return start(f"""
        [app.site]
        type = "wsgi"
        model = "{model}"
        root = "{root}"
        {entry_line}
        {more}
        {routes}
        [[route]]
        path = "/"
        app = "site"
    """, **options)


@pytest.fixture(scope="module", params=MODELS)
def site(shared, request):
    return serve(shared, shared.place, request.param)


def test_the_environment(site):
    found = variables(site, "/environment?a=%20b&c", "X-Some-Thing: 1", "Cookie: k=v")
    wanted = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/environment", "QUERY_STRING": "a=%20b&c",
              "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_X_SOME_THING": "1", "HTTP_COOKIE": "k=v", "wsgi.version": "(1, 0)",
              "wsgi.url_scheme": "'http'", "wsgi.multithread": "False", "wsgi.multiprocess": "True"}  # fmt: skip
    assert wanted.items() <= found.items()
    assert {"SERVER_NAME", "SERVER_PORT", "wsgi.input", "wsgi.errors", "wsgi.file_wrapper"} <= found.keys()
    assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "REMUDA_TEMPLATE"} & found.keys()
    assert text(site.get("/types")) == "(True, [])"


def test_values_do_not_stay(site):
    """What is kept of one request for the next is kept right."""
    for value in ("a", "b", "a", "", "a" * 300, "b" * 300, "a"):
        assert variables(site, f"/environment?{value}", f"X-Value: {value}")["HTTP_X_VALUE"] == value
    for number in range(300):
        assert variables(site, "/environment", f"X-Name-{number}: {number}")[f"HTTP_X_NAME_{number}"] == str(number)
        if number > 20 and site.model == "exec":
            break


@pytest.fixture(autouse=True)
def model_of(request):
    if "site" in request.fixturenames:
        request.getfixturevalue("site").model = request.node.callspec.params["site"]


@pytest.mark.parametrize("path, status, body", [
    ("/written", 201, b"one two three"), ("/replaced", 503, b"sorry"), ("/late-start", 202, b"late"),
    ("/closing", 200, b"ab"), ("/closing-fails", 200, b"a"), ("/empty", 204, b""), ("/not-modified", 304, b""),
    ("/no-blocks", 200, b""), ("/long", 200, b"exac"), ("/file-like", 200, b"from memory" * 1000),
    ("/file-iterated", 200, b"abc" * 10), ("/no-cookie", 200, b"x"), ("/no-such-page", 404, b"no such page"),
])  # fmt: skip
def test_answers(site, path, status, body):
    answer = site.get(path)
    assert (answer.status, answer.body) == (status, body)
    assert "x-first" not in answer


def test_lengths(site):
    assert site.get("/process")["content-length"] == str(len(site.get("/process").body))
    assert site.get("/file")["content-length"] == str(Path("/usr/bin/python3").stat().st_size - 10)
    head = site.head("/process")
    assert head.status == 200 and head.body == b""
    assert site.head("/slowly").body == b"" and site.head("/file").body == b""


def test_a_file_is_sent_from_where_it_stands(site):
    assert site.get("/file").body == Path("/usr/bin/python3").read_bytes()[10:]


def test_several_headers_of_one_name(site):
    assert site.get("/cookies").all("set-cookie") == ["a=1", "b=2"]


def test_blocks_leave_when_they_are_made(site):
    with site.connect() as connection:
        site.count()
        connection.send(wire.request("GET", "/slowly"))
        began = time.monotonic()
        answer = connection.read_answer()
        moments = [float(line) for line in answer.body.split()]
    assert moments[2] - moments[0] >= 0.2 and time.monotonic() - began < 5 * SLOWNESS


@pytest.mark.parametrize("path", ["/fails-first", "/fails-deep", "/twice", "/text", "/number", "/none", "/silent", "/exits",
                                  *(f"/bad/{what}" for what in ("list", "line", "name", "hop", "value", "status", "number",
                                                                "pair", "length", "unicode", "status-line", "cgi"))])  # fmt: skip
def test_a_failure_before_the_answer_is_a_page_and_a_line_of_the_log(site, path):
    answer = site.get(path)
    assert answer.status == 500 and b"reason" not in answer.body and "set-cookie" not in answer
    site.wait_for_error("the reason|Error:|SystemExit")


@pytest.mark.parametrize("path", ["/fails-midway", "/too-late", "/short"])
def test_a_failure_within_the_answer_is_never_taken_for_its_end(site, path):
    assert is_cut(site, path)


@pytest.mark.parametrize("size", [0, 1, 3, 65536, 65537, 3_000_000])
def test_bodies(site, size):
    body = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
    assert text(site.post("/body", body)) == f"{size} {sum(body) % 65536}"
    assert site.post("/echo", body).body == body


def test_pieces_and_lines_of_a_body(site):
    assert text(site.post("/pieces", b"abcdef\n0123456789\nx\ny")) == "[3, 0, 4, 4, 2, 5, 2, 1, b'abc', b'', b'', []]"
    long = [b"x" * size + b"\n" for size in (0, 10, 70000, 200000, 5)] + [b"tail"]
    assert text(site.post("/lines", b"".join(long))) == repr([len(line) for line in long])


def test_errors_and_prints_go_to_the_log(site):
    site.get("/log")
    site.wait_for_error("for the log")
    site.wait_for_error("lines")
    site.wait_for_error("printed")


def test_each_fork_is_its_own(start, place):
    server = serve(start, place, "fork")
    found = [text(server.get("/process")).split() for _ in range(4)]
    assert len({pid for pid, *_ in found}) == 4 and len({chance for *_, chance in found}) == 4
    assert all(pid != template for pid, _, template, _ in found)


def test_instances_are_forks(start, place):
    server = serve(start, place, "pool", more="instances = { min = 2, max = 2 }")
    found = [text(server.get("/process")).split() for _ in range(10)]
    assert all(pid != template for pid, _, template, _ in found) and len({template for _, _, template, _ in found}) == 1


def test_close_is_always_called(start, place):
    server = serve(start, place, "pool")
    for path in ("/closing", "/closing-fails"):
        server.get(path)
    server.head("/closing")
    assert text(server.get("/closed")) == "3"
    for number, path in enumerate(("/endless", "/endless-write"), 4):
        with server.connect() as connection:
            server.count()
            connection.send(wire.request("GET", path))
            connection.read_exactly(100_000)
        eventually("it is closed", lambda: text(server.get("/closed")) == str(number), 5 * SLOWNESS)
    assert "the client has gone" not in server.errors()


def test_what_is_kept_of_a_request(start, place):
    server = serve(start, place, "pool")
    assert text(server.get("/keeps")) == "kept"
    server.wait_for_error("kept: refused refused refused")


def test_threads(start, place):
    server = serve(start, place, "pool", more="threads = 4")
    assert variables(server, "/environment")["wsgi.multithread"] == "True"
    began = time.monotonic()
    with ThreadPoolExecutor(4) as clients:
        names = {text(answer) for answer in clients.map(lambda _: server.get("/wait"), range(4))}
    assert len(names) == 4 and time.monotonic() - began < 0.9 * SLOWNESS


@pytest.mark.parametrize("model", MODELS)
def test_the_page_shows_what_failed_while_developing(start, place, model):
    server = serve(start, place, model, more="[server]\ndev = true\n[app.other]\ntype = \"cgi\"\nroot = \"application\"")
    answer = server.get("/fails-deep")
    assert answer.status == 500 and b"the reason &lt;deep&gt;" in answer.body and b"in deeper" in answer.body


def test_below_a_path(start, place):
    server = serve(start, place, "pool", routes='[[route]]\npath = "/below/it/"\napp = "site"')
    found = variables(server, "/environment")
    assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == ("", "/environment")
    assert server.get("/below/it/environment").status in (200, 404)


@pytest.mark.parametrize("model", MODELS)
def test_wsgiref_validate(start, place, model):
    server = serve(start, place, model, "checked:application")
    for _ in range(2):
        assert text(server.get("/a/b?c=d")) == "written and given 0"
        assert text(server.get("/")) == "written and given 0"
        body = b"one\ntwo\n" * 100
        assert text(server.post("/", body, "Content-Type: text/plain")) == f"written and given {len(body)}"
        assert server.head("/").status == 200
    assert "AssertionError" not in server.errors() and "Warning" not in server.errors()


def test_a_changed_application_is_loaded(start, place):
    server = serve(start, place, "fork", "checked:application")
    server.get("/")
    (place / "application/checked.py").write_text("def application(environ, start):\n    start('200 OK', [])\n    return [b'new']\n")
    eventually("the new one serves", lambda: server.get("/").body == b"new", 5 * SLOWNESS)


@pytest.mark.parametrize("model", ["pool", "fork"])
def test_changes_that_follow_at_once(start, place, model):
    """Of the same size, in the same second."""
    place.directory("application")
    for letter in "abcdef":
        place.file("application/app.py", f"import helper\ndef application(environ, start):\n    start('200 OK', [])\n    return [b'{letter}', helper.name]\n")
        place.file("application/helper.py", f"name = b'{letter}'\n")
        if letter == "a":
            server = serve(start, place, model)
        eventually(f"{letter} serves", lambda: server.get("/").body == letter.encode() * 2, 10 * SLOWNESS)


def test_threads_of_the_application_are_named(start, place):
    place.directory("application")
    place.file("application/app.py", "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), name='ticker', daemon=True).start()\n"
                                     "def application(environ, start):\n    start('200 OK', [])\n    return [b'x']\n")  # fmt: skip
    server = serve(start, place, "fork")
    assert server.get("/").status in (500, 502, 503)
    server.wait_for_error("threads run.*ticker")


@pytest.mark.parametrize("model", ["pool", "fork"])
def test_a_deployment_by_its_link(start, place, model):
    for name in ("one", "two"):
        place.directory(name)
        place.file(f"{name}/app.py", "import helper\ndef application(environ, start):\n    start('200 OK', [])\n    return [helper.name]\n")
        place.file(f"{name}/helper.py", f"name = b'{name}'\n")
    (place / "application").symlink_to("one")
    server = serve(start, place, model)
    assert server.get("/").body == b"one"
    (place / "next").symlink_to("two")
    (place / "next").rename(place / "application")
    eventually("the new one serves", lambda: server.get("/").body == b"two", 5 * SLOWNESS)


@pytest.mark.parametrize("model", MODELS)
def test_a_virtual_environment(start, place, model):
    folder = place.directory("application")
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    packages = next((folder / ".venv/lib").glob("python3*/site-packages"))
    (packages / "installed.py").write_text("name = b'installed'\n")
    place.file("application/app.py", "import installed, sys\ndef app(environ, start):\n    start('200 OK', [])\n"
                                     "    return [installed.name, b' ', sys.prefix.encode()]\n")  # fmt: skip
    server = serve(start, place, model, "")
    assert server.get("/").body == f"installed {folder}/.venv".encode()


# --- Flask


@pytest.mark.parametrize("model", MODELS)
def test_flask(start, place, model):
    server = serve(start, place, model, "", "shop")
    assert "<h1>Shop</h1><p>nobody</p>" in text(server.get("/"))
    answer = server.post("/login", b"name=Ada%20L", FORM)
    assert answer.status == 302 and answer["location"] == "/"
    cookie = answer["set-cookie"].split(";")[0]
    assert "<p>Ada L</p>" in text(server.get("/", f"Cookie: {cookie}"))
    body, kind = multipart("file", "a.bin", bytes(range(256)) * 1000)
    assert '"size":256000' in text(server.post("/upload", body, kind)).replace(" ", "")
    assert text(server.post("/json", b'{"a": [1]}', "Content-Type: application/json")).replace(" ", "") == '{"got":{"a":[1]}}\n'
    assert text(server.get("/stream")) == "0 /stream\n1 /stream\n2 /stream\n"
    assert server.get("/download").body == (SOURCES / "shop/app.py").read_bytes()
    assert server.get("/missing").status == 404
    assert server.get("/fails").status == 500
    server.wait_for_error("the reason")


def multipart(field: str, name: str, data: bytes) -> tuple[bytes, str]:
    head = f'--boundary\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
    return head.encode() + data + b"\r\n--boundary--\r\n", "Content-Type: multipart/form-data; boundary=boundary"


# --- Django


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with its database and an administrator."""
    folder = tmp_path_factory.mktemp("django") / "polls"
    shutil.copytree(SOURCES / "polls", folder)

    def manage(*arguments, **environment):
        subprocess.run(["/usr/bin/python3", "manage.py", *arguments], cwd=folder, check=True, capture_output=True, env=environment)

    manage("makemigrations", "polls")
    manage("migrate")
    manage("collectstatic", "--noinput")
    manage("createsuperuser", "--noinput", DJANGO_SUPERUSER_USERNAME="ada", DJANGO_SUPERUSER_PASSWORD="secret-42",
           DJANGO_SUPERUSER_EMAIL="ada@example.org")  # fmt: skip
    return folder


class Browser:
    """Keeps cookies and sends forms with their token."""

    def __init__(self, server):
        self.server, self.cookies = server, {}

    def keep(self, answer):
        for line in answer.all("set-cookie"):
            name, value = line.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return answer

    def lines(self):
        return ["Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items())] if self.cookies else []

    def get(self, path):
        return self.keep(self.server.get(path, *self.lines()))

    def submit(self, path, **fields):
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text(self.get(path)))[1]
        body = urlencode({"csrfmiddlewaretoken": token, **fields}).encode()
        return self.keep(self.server.post(path, body, FORM, *self.lines()))


@pytest.mark.parametrize("model", MODELS)
def test_django(start, place, project, model):
    shutil.copytree(project, place / "applicationpolls")
    server = serve(start, place, model, "", "polls", routes='[[route]]\npath = "/static/"\nfiles = "applicationpolls/static"')
    browser = Browser(server)
    assert text(browser.get("/")) == "questions:"
    assert browser.get("/admin/").status == 302
    assert browser.submit("/admin/login/?next=/admin/", username="ada", password="wrong").status == 200
    answer = browser.submit("/admin/login/?next=/admin/", username="ada", password="secret-42")
    assert answer.status == 302 and answer["location"] == "/admin/"
    page = text(browser.get("/admin/"))
    assert "Site administration" in page
    answer = browser.submit("/admin/polls/question/add/", text="What is new?", _save="Save")
    assert answer.status == 302
    assert browser.submit("/add/", text="And old?").status == 302
    assert text(browser.get("/")) == "questions:\nWhat is new?\nAnd old?"
    assert server.post("/add/", b"text=x", FORM).status == 403
    style = re.search(r'href="(/static/admin/css/base.css)"', page)[1]
    assert "text/css" in server.get(style)["content-type"]
    body, kind = multipart("file", "a.bin", bytes(range(256)) * 20_000)
    assert '"size": 5120000' in text(server.post("/upload/", body, kind))
    assert text(server.get("/stream/")) == "".join(f"{number}\n" for number in range(1000))
    assert server.get("/no-such/").status == 404
    assert server.get("/fails/").status == 500
    server.wait_for_error("the reason in a view")

# SPDX-License-Identifier: Apache-2.0
"""PHP as its own type: what scripts see, forms and files, sessions, a front controller, what they share, how they fail."""

import glob
import json

import pytest

from applications import owner_lines
from harness import needs
from load import Load
from loaded import MODELS, needs_loader
from processes import eventually

pytestmark = needs_loader("php/remuda-php", "php-dev, libphp-embed")

SITE = """
    {owner}
    [[route]]
    path = "/"
    files = "site"
    app = "php"
    [app.php]
    type = "php"
    model = "{model}"
    root = "site"
    {lines}
"""

SEEN = """<?php
header('Content-Type: application/json');
header('X-Several: 1');
header('X-Several: 2', false);
echo json_encode(['server' => $_SERVER, 'get' => $_GET, 'post' => $_POST, 'cookie' => $_COOKIE,
                  'files' => array_map(fn($file) => [$file['name'], $file['size'], md5_file($file['tmp_name'])], $_FILES),
                  'raw' => strlen(file_get_contents('php://input')), 'sapi' => php_sapi_name(), 'headers' => getallheaders(),
                  'directory' => getcwd()]);
"""

SCRIPTS = {
    "seen.php": SEEN,
    "index.php": "<?php echo 'front ', $_SERVER['REQUEST_URI'];",
    "status.php": "<?php header('HTTP/1.1 418 Short and stout'); echo 'tea';",
    "redirect.php": "<?php header('Location: /elsewhere');",
    "fatal.php": "<?php no_such_function();",
    "log.php": "<?php error_log('said to the log'); echo 'ok';",
    "session.php": "<?php session_save_path(__DIR__ . '/../sessions'); session_start(); echo $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;",
    "later.php": "<?php echo 'sent'; fastcgi_finish_request(); usleep(500000); require 'late.inc';",
    "late.inc": "<?php $name = __DIR__ . '/../sessions/late'; file_put_contents(\"$name.new\", json_encode([$_SERVER['REQUEST_URI'], "
                "$_SERVER['REQUEST_METHOD'], $_GET['a'], $_SERVER['HTTP_COOKIE']])); rename(\"$name.new\", $name);",
    "stream.php": "<?php foreach ([1, 2, 3] as $i) { echo \"part $i\\n\"; flush(); usleep(50000); }",
    "random.php": "<?php echo mt_rand(), ' ', rand(), ' ', bin2hex(random_bytes(8)), ' ', lcg_value(), ' ', uniqid();",
    "cached.php": "<?php echo json_encode([getmypid(), opcache_get_status(false)['opcache_statistics']['hits']]);",
    "exit.php": "<?php echo 'before'; exit(3);",
    "include.php": "<?php require 'part.inc';",
    "part.inc": "<?php echo __DIR__ === getcwd() ? 'beside' : getcwd();",
    "leaves.php": "<?php chdir('/'); echo getcwd();",
    "below/where.php": "<?php register_shutdown_function(fn() => print(' ' . getcwd())); echo getcwd();",
    "auth.php": "<?php echo $_SERVER['PHP_AUTH_USER'] ?? 'nobody', ' ', $_SERVER['PHP_AUTH_PW'] ?? '';",
    "deaf.php": "<?php echo function_exists('pcntl_signal') && pcntl_signal(SIGTERM, SIG_IGN) ? 'deaf' : 'cannot';",
    "ignored.php": "<?php preg_match('/^SigIgn:\\s*(\\w+)/m', file_get_contents('/proc/self/status'), $all); echo $all[1];",
    "page.html": "a file",
}


@pytest.fixture
def serve(start, place):
    for name, text in SCRIPTS.items():
        place.file(f"site/{name}", text)
    place.directory("sessions", 0o1777)

    def begin(model: str, lines: str = ""):
        return start(SITE.format(owner=owner_lines('[server]\n    user = "{0}"'), model=model, lines=lines))

    return begin


@pytest.mark.parametrize("model", MODELS)
def test_scripts_see_what_they_see_elsewhere(serve, place, model):
    server = serve(model)
    answer = server.get("/seen.php/more/path?a=1&b[]=2", "Cookie: c=3", "X-Own: own")
    seen = json.loads(answer.text)
    expected = {
        "SCRIPT_NAME": "/seen.php", "PATH_INFO": "/more/path", "PHP_SELF": "/seen.php/more/path", "QUERY_STRING": "a=1&b[]=2",
        "REQUEST_URI": "/seen.php/more/path?a=1&b[]=2", "SCRIPT_FILENAME": str(place / "site/seen.php"),
        "DOCUMENT_ROOT": str(place / "site"), "REQUEST_METHOD": "GET", "HTTP_X_OWN": "own", "GATEWAY_INTERFACE": "CGI/1.1",
    }
    assert {name: seen["server"].get(name) for name in expected} == expected
    assert seen["get"] == {"a": "1", "b": ["2"]} and seen["cookie"] == {"c": "3"} and seen["sapi"] == "fpm-fcgi"
    assert seen["headers"]["X-Own"] == "own" and seen["directory"] == str(place / "site")
    assert isinstance(seen["server"]["REQUEST_TIME"], int)
    assert answer.all("X-Several") == ["1", "2"]


@pytest.mark.parametrize("model", MODELS)
def test_forms_and_files(serve, model):
    server = serve(model)
    form = server.post("/seen.php", b"x=1&y[k]=2", "Content-Type: application/x-www-form-urlencoded")
    assert json.loads(form.text)["post"] == {"x": "1", "y": {"k": "2"}}
    body = (b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n\r\n' + b"z" * 300_000 + b"\r\n--x--\r\n")
    upload = json.loads(server.post("/seen.php", body, "Content-Type: multipart/form-data; boundary=x").text)
    assert upload["files"]["f"][:2] == ["a.bin", 300_000]
    assert json.loads(server.post("/seen.php", b"{}" * 50_000, "Content-Type: application/json").text)["raw"] == 100_000


@pytest.mark.parametrize("model", MODELS)
def test_answers_of_every_kind(serve, model):
    server = serve(model)
    answer = server.get("/status.php")
    assert (answer.status, answer.text) == (418, "tea")
    answer = server.get("/redirect.php")
    assert (answer.status, answer["Location"]) == (302, "/elsewhere")
    assert server.get("/page.html").text == "a file"
    assert server.get("/stream.php").text == "part 1\npart 2\npart 3\n"
    assert server.get("/exit.php").text == "before"
    assert server.get("/include.php").text == "beside"
    assert server.head("/seen.php").text == ""
    assert server.get("/missing.php").status == 404
    assert server.get("/part.inc").status in (200, 404)
    assert server.get("/").text == "front /"
    assert server.get("/log.php").text == "ok"
    server.wait_for_error("said to the log")
    assert server.get("/fatal.php").status == 500
    server.wait_for_error(r"no_such_function\(\)")


@pytest.mark.parametrize("model", MODELS)
def test_sessions(serve, model):
    server = serve(model)
    answer = server.get("/session.php")
    cookie = answer["Set-Cookie"].split(";")[0]
    assert answer.text == "1"
    assert [server.get("/session.php", f"Cookie: {cookie}").text for _ in range(3)] == ["2", "3", "4"]


def test_front_controller(serve):
    server = serve("pool", 'fallback = "/index.php"')
    assert server.get("/a/page?x=1").text == "front /a/page?x=1"
    assert server.get("/page.html").text == "a file"


def test_credentials(serve):
    server = serve("pool", "pass_authorization = true")
    assert server.get("/auth.php", "Authorization: Basic YWRhOnNlY3JldA==").text == "ada secret"
    assert server.get("/auth.php").text == "nobody "


def test_the_answer_leaves_before_the_script_ends(serve, place):
    server = serve("pool")
    late = place / "sessions/late"
    assert server.get("/later.php?a=b", "Cookie: c=d").text == "sent"
    assert not late.exists()
    for _ in range(20):
        assert server.get("/seen.php?" + "x" * 200).status == 200
    eventually("the script goes on", late.exists)
    assert json.loads(late.read_text()) == ["/later.php?a=b", "GET", "b", "c=d"]


@pytest.mark.parametrize("model", ["fork", "pool"])
def test_forks_are_not_alike(serve, model):
    server = serve(model, "instances = { min = 3, max = 3 }" if model == "pool" else "")
    for part in zip(*(server.get("/random.php").text.split() for _ in range(9))):
        assert len(set(part)) == 9, part


@pytest.mark.skipif(not glob.glob("/usr/lib/php/*/opcache.so"), reason="opcache is not installed")
def test_compiled_scripts_are_shared(serve, place):
    """What one instance has compiled, others find: the memory is the template's."""
    server = serve("pool", 'arguments = ["-d", "opcache.file_update_protection=0"]\n    instances = { min = 2, max = 2 }')
    hits = {}

    def both():
        with Load(server, "/cached.php", threads=3, every=0.001):
            pass
        for _ in range(4):
            pid, count = json.loads(server.get("/cached.php").text)
            hits[pid] = count
        return max(hits.values()) > 10

    eventually("scripts come from the cache", both, within=20)


def test_each_script_begins_in_its_own_directory(serve, place):
    server = serve("pool", "instances = { max = 1 }")
    below = f"{place / 'site/below'} {place / 'site/below'}"
    assert [server.get(path).text for path in ("/include.php", "/below/where.php", "/include.php", "/leaves.php", "/below/where.php",
            "/below/where.php", "/leaves.php", "/include.php")] == ["beside", below, "beside", "/", below, below, "/", "beside"]


def test_a_signal_that_one_script_ignores_is_heard_by_the_next(serve):
    """The instance would not end when it is told to."""
    server = serve("pool", "instances = { max = 1 }")
    first = server.get("/ignored.php").text
    if server.get("/deaf.php").text == "cannot":
        pytest.skip("this PHP has no pcntl_signal")
    assert server.get("/ignored.php").text == first


def test_ini_settings(serve, place):
    place.file("site/ini.php", "<?php echo ini_get('memory_limit'), ' ', ini_get('short_open_tag');")
    assert serve("pool", 'arguments = ["-d", "memory_limit=77M", "-d", "short_open_tag"]').get("/ini.php").text == "77M 1"


INI = "<?php ini_set('memory_limit', '99M'); echo json_encode(array_map('ini_get', $_GET['of'])), ' ', $_FILES['f']['error'] ?? '-';"
ASK = "of[]=memory_limit&of[]=upload_max_filesize&of[]=auto_prepend_file&of[]=session.name"


@pytest.mark.parametrize("model", MODELS)
def test_settings_of_directories(serve, place, model):
    """Those of the document root, then those below; what is php.ini's alone is not taken from there."""
    place.file("site/.user.ini", "upload_max_filesize = 1K\nsession.name = outer\nallow_url_fopen = 0\n")
    place.file("site/admin/.user.ini", "session.name = inner\n")
    for folder in ("", "admin/", "admin/deep/", "other/"):
        place.file(f"site/{folder}ini.php", INI)
    server = serve(model)
    for folder, name in (("", "outer"), ("admin/", "inner"), ("admin/deep/", "inner"), ("other/", "outer")):
        answer = json.loads(server.get(f"/{folder}ini.php?{ASK}&of[]=allow_url_fopen").text.split(" ")[0])
        assert answer == ["99M", "1K", "", name, "1"]
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n' + b"z" * 5000 + b"\r\n--x--\r\n"
    assert server.post(f"/ini.php?{ASK}", body, "Content-Type: multipart/form-data; boundary=x").text.endswith(" 1")
    assert server.get("/.user.ini").status == 404


def test_settings_of_directories_are_looked_at_again(serve, place):
    """After the time that user_ini.cache_ttl says; each process looks for itself."""
    place.file("site/ini.php", INI)
    settings = place.file("site/.user.ini", "upload_max_filesize = 1M\n")
    server = serve("pool", 'arguments = ["-d", "user_ini.cache_ttl=2"]\n    instances = { max = 1 }')

    def size():
        return json.loads(server.get(f"/ini.php?{ASK}").text.split(" ")[0])[1]

    assert size() == "1M"
    settings.write_text("upload_max_filesize = 3M\n")
    assert size() == "1M"
    eventually("it is looked at again", lambda: size() == "3M")
    settings.unlink()
    eventually("it is gone", lambda: size() == "2M")


@pytest.mark.parametrize("model", MODELS)
def test_settings_that_scripts_cannot_change(serve, place, model):
    place.file("site/ini.php", INI)
    place.file("site/.user.ini", "upload_max_filesize = 1M\nsession.name = own\n")
    server = serve(model, 'ini = { memory_limit = "77M", upload_max_filesize = "5M", error_reporting = "E_ALL & ~E_NOTICE",'
                          ' no_such_setting = "1" }')
    assert json.loads(server.get(f"/ini.php?{ASK}&of[]=error_reporting").text.split(" ")[0]) == ["77M", "5M", "", "own", "32759"]
    server.wait_for_error("PHP has no setting no_such_setting")


@pytest.mark.parametrize("model", ["exec", "pool"])
@needs("/usr/bin/php-cgi")
def test_an_ordinary_php_cgi(serve, model):
    server = serve(model, 'program = "/usr/bin/php-cgi"')
    seen = json.loads(server.get("/seen.php/more?a=1").text)
    assert seen["sapi"] == "cgi-fcgi" and seen["server"]["PATH_INFO"] == "/more" and seen["get"] == {"a": "1"}
    assert server.get("/page.html").text == "a file"
    assert server.get("/fatal.php").status == 500


def test_a_hundred_requests_of_everything(serve):
    """Nothing of one request is there in the next."""
    server = serve("pool", "instances = { min = 2, max = 2 }")
    with Load(server, "/seen.php?x=1", threads=4, every=0.002) as load:
        for _ in range(50):
            assert server.get("/fatal.php").status == 500
            assert json.loads(server.get("/seen.php").text)["get"] == []
    assert load.outcome.statuses.keys() == {200} and load.outcome.lost == []

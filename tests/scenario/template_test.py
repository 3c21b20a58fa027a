# SPDX-License-Identifier: Apache-2.0
"""Templates: what is forked from them, what happens when they die, hang, fail to load, or when files change.

The applications are of type wsgi, because their loader can do everything that a template can; what Python itself does
is python_test.py's.
"""

import os
import re
import signal
import threading
import time

import pytest

import control
from harness import SLOWNESS, run
from load import Load
from processes import descendants_of, eventually, is_alive, title_of

APP = """
import os, sys, time
{before}
SAID = {said!r}
def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/sleep/"):
        time.sleep(float(path[7:]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("%s %d %d %s" % (SAID, os.getpid(), os.getppid(), path)).encode()]
{after}
"""

SITE = """
    [server]
    dev = true
    [[route]]
    path = "/"
    app = "site"
    [app.site]
    type = "wsgi"
    model = "{model}"
    root = "site"
    environment = {{ PYTHONDONTWRITEBYTECODE = "1" }}  # Python looks no closer at the age of a file than a second
    {more}
"""


def write(place, said="first", before="", after=""):
    return place.file("site/app.py", APP.format(said=said, before=before, after=after))


def site(start, place, model="fork", more="", **application):
    write(place, **application)
    return start(SITE.format(model=model, more=more))


def answer(server, path="/"):
    """What the application says: the word in its source, its process, that one's parent."""
    got = server.get(path)
    assert got.status == 200, got.text
    said, pid, parent, _ = got.text.split()
    return said, int(pid), int(parent)


def templates(server, *states):
    return [each for each in control.app(server, "site")["templates"] if not states or each["state"] in states]


def template(server):
    """The process that serves as one now."""
    return eventually("a template is ready", lambda: templates(server, "ready"))[0]["pid"]


def generation(server):
    return max((each["generation"] for each in templates(server, "ready")), default=0)


def wait_for_generation(server, least, within=10):
    eventually(f"generation {least} serves", lambda: generation(server) >= least, within)


@pytest.mark.parametrize("model", ["fork", "pool"])
def test_processes_are_forks_of_the_template(start, place, model):
    server = site(start, place, model)
    said, pid, parent = answer(server)
    assert said == "first" and parent == template(server)
    assert pid not in (parent, server.spawner())
    shown = control.app(server, "site")
    assert shown["model"] == model and shown["type"] == "wsgi"
    assert any("import" in line for line in shown["templates"][0]["lines"])
    assert control.command(server, "explain", "app", "site").stdout.count("template") >= 2


def test_paths_are_the_applications_own(start, place):
    """Nothing is looked up among files: SCRIPT_NAME is the route, PATH_INFO the rest, decoded."""
    place.file("site/app.py", '''
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [repr([environ["SCRIPT_NAME"], environ["PATH_INFO"], environ["QUERY_STRING"]]).encode()]
''')
    server = start('    [[route]]\n    path = "/shop/"\n    app = "site"\n' + SITE.format(model="pool", more=""))
    assert server.get("/app.py/x%20y?a=b").text == "['', '/app.py/x y', 'a=b']"
    assert server.get("/shop/app.py").text == "['/shop', '/app.py', '']"
    assert server.get("/shop").text == "['/shop', '', '']"
    assert server.get("/").text == "['', '/', '']"


# --- what does not load -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("model", ["fork", "pool"])
def test_what_throws_is_shown_and_tried_again(start, place, model):
    server = site(start, place, model, "health.back_off_most = \"100ms\"\n    health.back_off = \"100ms\""
                  if model == "pool" else "", before="raise RuntimeError('no database')")
    page = server.get("/")
    assert page.status in (500, 503)
    assert "no database" in page.text, page.text
    server.wait_for_error("did not load")
    assert [each["state"] for each in templates(server)] == ["failed"]
    write(place)
    eventually("it serves when the file is good", lambda: server.get("/").status == 200, 40)
    assert [each["state"] for each in templates(server)] == ["ready"]


@pytest.mark.parametrize("model", ["fork", "pool"])
def test_what_hangs_is_ended(start, place, model):
    server = site(start, place, model, 'template.start_timeout = "700ms"', before="time.sleep(3600)")
    began = time.monotonic()
    page = server.get("/")
    assert page.status in (500, 503) and time.monotonic() - began < 5 * SLOWNESS
    server.wait_for_error("did not load")
    assert "import" in page.text, "the step in which it hangs is named"
    eventually("the process has gone", lambda: not [
        pid for pid in descendants_of(server.pid) if "remuda_wsgi" in title_of(pid)])


def test_threads_are_named(start, place):
    server = site(start, place, before="import threading\nthreading.Thread(target=time.sleep, args=(3600,), "
                                       "name='poller', daemon=True).start()")
    page = server.get("/")
    assert page.status in (500, 503) and "poller" in page.text, page.text


@pytest.mark.parametrize("model", ["fork", "pool"])
def test_a_process_started_while_loading_is_warned_of_and_ends_with_the_template(start, place, model):
    server = site(start, place, model, before="import subprocess\nsubprocess.Popen(['sleep', '3600'])")
    assert answer(server)[0] == "first"
    server.wait_for_error("app site: template: .*(process|child)")


def test_what_is_printed_while_loading_is_logged(start, place):
    server = site(start, place, before="print('on standard output')\nsys.stderr.write('on standard error\\n')")
    assert answer(server)[0] == "first"
    server.wait_for_error("app site: template: on standard output")
    server.wait_for_error("app site: template: on standard error")


# --- deaths -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("model", ["fork", "pool"])
def test_a_killed_template_is_loaded_again(start, place, model):
    server = site(start, place, model)
    answer(server)
    first = template(server)
    os.kill(first, signal.SIGKILL)
    eventually("it has gone", lambda: not is_alive(first))
    if model == "pool":
        (pid,) = control.instances(server, "site")
        assert answer(server)[1] == pid, "its instances live on"
        os.kill(pid, signal.SIGKILL)
        eventually("it is known", lambda: pid not in control.instances(server, "site", "ready"))
    assert answer(server)[2] == template(server) != first


def test_a_template_dies_under_load(start, place):
    """A request whose process was not yet there is forked from the next one; nobody notices."""
    server = site(start, place)
    answer(server)
    with Load(server, ["/"], threads=4) as load:
        for _ in range(3):
            time.sleep(1.5)
            os.kill(template(server), signal.SIGKILL)
        time.sleep(0.5)
    assert load.outcome.lost == [] and load.outcome.statuses.keys() == {200}, load.outcome.statuses


@pytest.mark.parametrize("model", ["fork", "pool"])
def test_the_spawner_dies_under_load(start, place, model):
    server = site(start, place, model)
    answer(server)
    with Load(server, ["/"], threads=4) as load:
        for _ in range(3):
            time.sleep(0.4)
            os.kill(server.spawner(), signal.SIGKILL)
        time.sleep(0.4)
    assert load.outcome.lost == []
    failed = sum(count for status, count in load.outcome.statuses.items() if status != 200)
    assert failed <= 12, load.outcome.statuses  # what it was forking, three times
    assert answer(server)[0] == "first"


@pytest.mark.parametrize("model", ["fork", "pool"])
def test_the_worker_dies_under_load(start, place, model):
    server = site(start, place, model)
    answer(server)
    before = template(server)
    with Load(server, ["/"], threads=4) as load:
        time.sleep(0.4)
        os.kill(server.worker(), signal.SIGKILL)
        time.sleep(0.8)
    server.unlogged = server.sent
    assert load.outcome.statuses[200] > 50
    assert template(server) == before, "it belongs to the spawner"
    assert answer(server)[0] == "first"


# --- changes ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("model", ["fork", "pool"])
def test_a_changed_file_is_a_new_generation(start, place, model):
    server = site(start, place, model)
    old = answer(server)
    old_template = template(server)
    in_flight = []
    slow = threading.Thread(target=lambda: in_flight.append(answer(server, "/sleep/1.5")))
    slow.start()
    time.sleep(0.3)
    write(place, "second")
    wait_for_generation(server, 2)
    eventually("the new one answers", lambda: answer(server)[0] == "second")
    slow.join(10)
    assert in_flight[0][0] == "first", "what was in flight is finished by the old"
    eventually("the old template has gone", lambda: not is_alive(old_template))
    eventually("the old process has gone", lambda: not is_alive(old[1]))
    server.wait_for_error(r"generation 2 is loading: changed: .*app\.py")


@pytest.mark.parametrize("model", ["fork", "pool"])
def test_no_request_fails_while_generations_change(start, place, model):
    server = site(start, place, model)
    answer(server)
    with Load(server, ["/"], threads=4) as load:
        for turn in range(2, 6):
            write(place, f"turn{turn}")
            eventually("the new one answers", lambda: answer(server)[0] == f"turn{turn}")
    assert load.outcome.lost == [] and load.outcome.statuses.keys() == {200}, load.outcome.statuses


@pytest.mark.parametrize("model", ["fork", "pool"])
def test_a_broken_change_leaves_the_old(start, place, model):
    server = site(start, place, model)
    answer(server)
    before = template(server)
    write(place, "second", after="def broken(")
    eventually("the failure is told", lambda: templates(server, "failed"))
    assert answer(server)[0] == "first" and template(server) == before
    text = control.command(server, "status", "site").stdout
    assert re.search(r"template generation \d+: failed", text) and "SyntaxError" in text, text
    write(place, "third")
    eventually("a good change is loaded", lambda: answer(server)[0] == "third")
    assert not templates(server, "failed")


def test_manual_waits_for_the_order(start, place):
    server = site(start, place, "pool", 'template.reload = "manual"')
    answer(server)
    write(place, "second")
    time.sleep(0.7)
    assert answer(server)[0] == "first" and generation(server) == 1
    ended = control.command(server, "restart", "site")
    assert ended.returncode == 0 and "1 replaced" in ended.stdout, ended.stdout
    assert answer(server)[0] == "second"


# --- by order -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("model", ["fork", "pool"])
def test_restart(start, place, model):
    server = site(start, place, model)
    first = answer(server)
    ended = control.command(server, "restart", "site")
    assert ended.returncode == 0, ended.stderr
    assert generation(server) == 2
    assert answer(server)[2] == template(server) != first[2]


@pytest.mark.parametrize("model", ["fork", "pool"])
def test_a_restart_that_does_not_load_changes_nothing(start, place, model):
    server = site(start, place, model, 'template.reload = "manual"')
    first = answer(server)
    write(place, before="import nothing_of_that_name")
    ended = control.command(server, "restart", "site")
    assert ended.returncode == 1
    assert "nothing_of_that_name" in ended.stdout and "serves on" in ended.stdout, ended.stdout
    assert answer(server)[2] == first[2]


def test_a_restart_of_several_workers_loads_once(start, place):
    write(place)
    server = start("    [workers]\n    processes = 3\n" + SITE.format(model="pool", more="instances = { min = 3, max = 3 }"))
    eventually("all instances are there", lambda: len(control.instances(server, "site", "ready")) == 3)
    before = set(control.instances(server, "site", "ready"))
    ended = control.command(server, "restart", "site")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert generation(server) == 2
    after = eventually("the new are there", lambda: now if len(now := control.instances(server, "site", "ready")) == 3
                       else None)
    assert not before & set(after)
    assert len(re.findall(r"generation 2 \(pid \d+\) ready", server.errors())) == 1, "one of the workers says it"


def test_a_restart_before_the_first_request(start, place):
    server = site(start, place)
    ended = control.command(server, "restart", "site")
    assert ended.returncode == 0, ended.stderr
    assert answer(server)[0] == "first"


# --- what is left -------------------------------------------------------------------------------------------------------

def open_descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_nothing_is_left_of_ten_thousand_requests(start, place):
    server = site(start, place, more="queue = 1000")
    for _ in range(20):
        answer(server)

    def counted():
        pids = [server.worker(), server.spawner(), template(server)]
        return len(descendants_of(server.pid)), [open_descriptors(pid) for pid in pids]

    before = counted()
    with Load(server, ["/"], threads=8) as load:
        eventually("ten thousand are answered", lambda: load.outcome.statuses.total() >= 10_000, 300, every=0.1)
    assert load.outcome.lost == [] and load.outcome.statuses.keys() == {200}, load.outcome.statuses
    eventually("processes and descriptors are as before", lambda: counted()[0] <= before[0] and all(
        now <= was + 2 for now, was in zip(counted()[1], before[1])), 15)


def test_an_idle_template_ends_and_comes_back(start, place):
    server = site(start, place, more='template.idle_timeout = "300ms"')
    answer(server)
    first = template(server)
    eventually("it has ended", lambda: not is_alive(first))
    assert templates(server) == []
    assert answer(server)[0] == "first"


def test_a_directory_is_recognised(place, program):
    write(place)
    printed = run("serve", str(place / "site"), "--print-config")
    assert printed.returncode == 0 and "is a WSGI application (app.py)" in printed.stdout, printed.stderr
    assert 'type = "wsgi"' in printed.stdout
    file = place.file("printed.toml", printed.stdout)
    checked = run("check", "-c", str(file))
    assert checked.returncode == 0, checked.stderr
    place.directory("plain")
    assert "wsgi" not in run("serve", str(place / "plain"), "--print-config").stdout


def test_a_pool_without_template(start, place):
    server = site(start, place, "pool", "template.enabled = false")
    assert answer(server)[2] == server.spawner()
    assert templates(server) == []

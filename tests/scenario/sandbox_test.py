# SPDX-License-Identifier: Apache-2.0
"""Applications kept apart: each tries to get out, as a program for each request, as a fork of a template, in a pool.

What "default" denies holds for whoever starts the server. "strict" needs root, who gives each application a user.
"""

import errno
import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import pytest

import harness
from applications import USER
from harness import needs, run
from loaded import needs_loader
from processes import descendants_of, eventually, is_alive

SOURCES = Path(__file__).parent / "applications/sandbox"
OWN, OTHER = "games", "news"  # users that have no process
EVERYBODYS = "nobody"  # who starts a server without root's rights
CALLS_DENIED = ["mount", "umount", "chroot", "pivot_root", "open_tree", "fsopen", "setns", "unshare_user", "unshare_mount",
                "clone_user", "ptrace", "process_vm_readv", "keyctl", "add_key", "bpf", "perf_event_open", "userfaultfd",
                "kexec_load", "init_module", "reboot", "settimeofday", "syslog", "personality", "mknod", "mknod_high_half",
                "paste", "socket:2:3:1", "socket:10:3:58", "socket:2:10:768"]  # fmt: skip
ABSENT = ["clone3", "io_uring", "x32_mount"]
FAMILIES_DENIED = ["socket:17:3:0", "socket:17:2:0", "socket:40:1:0", "socket:38:5:0", "socket:16:3:9"]
SOCKETS = ["socket:1:1:0", "socket:2:1:0", "socket:10:2:0", "socket:16:3:0"]

HEAD = f"""
    [server]
    user = "{USER}"
    [[route]]
    path = "/other/"
    app = "other"
    [app.other]
    root = "other"
    user = "{OTHER}"
"""
ROUTE = """
    [[route]]
    path = "/{name}/"
    app = "{name}"
    [app.{name}]
    {kind}
    {lines}
"""
KINDS = {
    "exec": 'type = "cgi"\n    root = "shop"',
    "fork": 'type = "cgi"\n    model = "fork"\n    root = "shop"',
    "pool": 'type = "wsgi"\n    root = "shop"\n    entry_point = "app.py"\n    instances = { min = 1, max = 1 }',
}
STRICT = f'user = "{OWN}"\n    sandbox = "strict"\n    writable = ["shop/uploads"]'


def may_make_namespaces() -> bool:
    attempt = ["unshare", "--mount", "--propagation", "unchanged", "--ipc", "--net", "true"]  # in a chroot, too
    return subprocess.run(attempt, capture_output=True, check=False).returncode == 0


needs_rights = pytest.mark.skipif(not harness.IS_ROOT or not may_make_namespaces(), reason="needs root with CAP_SYS_ADMIN")


def fill(place):
    """An application of this test's user, another one with a secret, and what only the server should read."""
    shutil.copytree(SOURCES, place / "shop", dirs_exist_ok=True)
    (place / "shop/attempts.cgi").chmod(0o755)
    place.directory("shop/uploads", 0o777)
    place.directory("outside", 0o777)
    place.file("other/hello", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello'; cat secret", 0o755)
    place.file("other/secret", "the other's")


def serve(start, place, *applications: str, head: str = HEAD, **options) -> harness.Server:
    fill(place)
    return start(head + "".join(applications), **options)


def application(kind: str, lines: str, name: str = "") -> str:
    return ROUTE.format(name=name or kind, kind=KINDS[kind], lines=lines)


def attempts(server, name: str, *words: str) -> dict[str, str]:
    path = f"/{name}/" if name.startswith("pool") else f"/{name}/attempts.cgi"
    answer = server.get(path + "?" + "&".join(quote(word) for word in words))
    assert answer.status == 200, answer.text
    return dict(zip(words, json.loads(answer.text), strict=True))


def attempted_here(place, word: str) -> str:
    """Without a server."""
    program = [place / "shop/attempts.cgi"]
    said = subprocess.run(program, env={"QUERY_STRING": quote(word)}, capture_output=True, text=True, check=True, timeout=20).stdout
    return json.loads(said.splitlines()[-1])[0]


def loaders_below(folder: str) -> str:
    """What is shown of it is on the way to the server's loaders."""
    loaders = harness.loaders()
    return loaders.relative_to(folder).parts[0] if loaders.is_relative_to(folder) else ""


def all_are(found: dict[str, str], wanted: str):
    assert {word: said for word, said in found.items() if said != wanted} == {}


def check_denied(server, name: str):
    all_are(attempts(server, name, *CALLS_DENIED), "EPERM")
    all_are(attempts(server, name, *ABSENT), "ENOSYS")
    all_are(attempts(server, name, *FAMILIES_DENIED), "EAFNOSUPPORT")
    all_are(attempts(server, name, *SOCKETS), "yes")


@pytest.fixture(params=KINDS)
def kind(request):
    if request.param != "exec" and not (harness.loaders() / "python/_remuda.abi3.so").exists():
        pytest.skip("built without python/_remuda.abi3.so (package python3-dev)")
    return request.param


# --- default ----------------------------------------------------------------------------------------------------------


@needs_rights
def test_default_denies_root_what_no_web_application_needs(start, place, kind):
    server = serve(start, place, application(kind, 'sandbox = "default"'), head="")
    check_denied(server, kind)
    assert attempts(server, kind, f"write:{place.path}/outside/file") == {f"write:{place.path}/outside/file": "yes"}


@needs_rights
def test_without_it_nothing_is_denied_but_by_the_machine(start, place):
    """Which is nearly nothing: user namespaces in a chroot. So it was the sandbox that denied the rest."""
    server = serve(start, place, application("exec", ""), head="")
    refused = []
    for word in CALLS_DENIED + FAMILIES_DENIED:  # each in a process of its own, because some change it
        refused += [word for said in attempts(server, "exec", word).values() if said == "EPERM"]
        Path("/tmp/device").unlink(missing_ok=True)
    assert [word for word in refused if attempted_here(place, word) != "EPERM"] == []
    assert set(refused) <= {"unshare_user", "clone_user"}


@needs_rights
def test_default_leaves_set_user_id_programs_as_they_are(start, place):
    place.file("su-id", Path("/usr/bin/id").read_bytes()).chmod(0o4755)
    server = serve(start, place, application("exec", 'sandbox = "default"'),
                   application("exec", 'sandbox = "default"\n    no_new_privileges = true', "held"))
    assert attempts(server, "exec", f"run:{place.path}/su-id") == {f"run:{place.path}/su-id": "0"}
    assert attempts(server, "held", f"run:{place.path}/su-id") == {f"run:{place.path}/su-id": str(pwd.getpwnam(USER).pw_uid)}
    check_denied(server, "held")


def test_default_without_roots_rights(start, place, kind):
    fill(place)
    run_directory = place.directory("run")
    if harness.IS_ROOT:
        place.give_to(EVERYBODYS)
    server = start(f'[server]\n    run_directory = "{run_directory}"' + application(kind, 'sandbox = "default"'),
                   user=EVERYBODYS if harness.IS_ROOT else None)
    check_denied(server, kind)


# --- strict -----------------------------------------------------------------------------------------------------------


@needs_rights
def test_strict_denies_the_same(start, place, kind):
    check_denied(serve(start, place, application(kind, STRICT)), kind)


@needs_rights
def test_strict_shows_only_what_is_its_own(start, place, kind):
    server = serve(start, place, application(kind, STRICT))
    own, host = f"read:{place.path}/shop/app.py", Path(f"/tmp/remuda-hosts-{os.getpid()}")
    host.write_text("the host's", encoding="utf-8")
    (place / "other/secret").chmod(0o666)
    try:
        found = attempts(server, kind, f"read:{place.path}/other/secret", f"read:{server.file}", f"list:{place.path}/other",
                         f"read:{host}", "list:/root", "list:/home", f"list:{place.path}", own, "list:/dev")
    finally:
        host.unlink()
    assert found.pop(own).startswith("# SPDX")
    assert set(found.pop("list:/dev").split(",")) <= {
        "null", "zero", "full", "random", "urandom", "tty", "fd", "stdin", "stdout", "stderr", "shm"}
    assert found == {f"read:{place.path}/other/secret": "ENOENT", f"read:{server.file}": "ENOENT", f"list:{place.path}/other": "ENOENT",
                     f"read:{host}": "ENOENT", "list:/root": loaders_below("/root"), "list:/home": loaders_below("/home"),
                     f"list:{place.path}": "shop"}
    assert server.get("/other/hello").text == "hellothe other's", "nothing changes for others"


@needs_rights
def test_strict_hides_what_is_not_in_tmp(start, program, kind):
    """Where the server's files lie beside each other, under no directory that is covered anyway."""
    place = harness.Place()
    place.path = place.path.rename(Path("/var/lib") / place.path.name)
    try:
        fill(place)
        place.file("other/public/file", "for all")
        server = start(HEAD + application(kind, STRICT + '\n    readable = ["other/public"]'),
                       place=place)
        assert attempts(server, kind, f"read:{place.path}/other/public/file") == {f"read:{place.path}/other/public/file": "for all"}
        found = attempts(server, kind, f"read:{place.path}/other/secret", f"read:{server.file}", f"list:{place.path}/other",
                         f"write:{place.path}/outside/file", f"write:{place.path}/shop/uploads/file", f"read:{place.path}/shop/../other/secret")
        assert found == {f"read:{place.path}/other/secret": "ENOENT", f"read:{server.file}": "EACCES", f"list:{place.path}/other": "public",
                         f"write:{place.path}/outside/file": "EROFS", f"write:{place.path}/shop/uploads/file": "yes",
                         f"read:{place.path}/shop/../other/secret": "ENOENT"}
        assert server.get("/other/hello").text == "hellothe other's"
        server.finish()
    finally:
        place.remove()


@needs_rights
def test_strict_writes_only_where_it_may(start, place, kind):
    server = serve(start, place, application(kind, STRICT))
    name = f"remuda-{os.getpid()}-{kind}"
    inside = ["write:uploads/file"] if kind == "pool" else [f"write:{place.path}/shop/uploads/file"]
    private = [f"write:{directory}/{name}" for directory in ("/tmp", "/var/tmp", "/dev/shm")]
    all_are(attempts(server, kind, *inside, *private), "yes")
    all_are(attempts(server, kind, f"write:{place.path}/shop/file", "write:/etc/file", "write:/var/lib/file", "write:/usr/file",
                     "write:/file", "write:/dev/file"), "EROFS")  # fmt: skip
    assert (place / "shop/uploads/file").read_text(encoding="utf-8") == "written"
    all_are(attempts(server, kind, *[word.replace("write", "read") for word in private]), "written")  # the next request's, too
    assert not any(Path(word.removeprefix("write:")).exists() for word in private)


@needs_rights
def test_two_applications_have_two_tmps(start, place):
    server = serve(start, place, application("exec", STRICT), application("exec", STRICT.replace(OWN, "uucp"), "second"))
    assert attempts(server, "exec", "write:/tmp/file")["write:/tmp/file"] == "yes"
    assert attempts(server, "second", "read:/tmp/file")["read:/tmp/file"] == "ENOENT"


@needs_rights
def test_strict_reaches_no_process(start, place, kind):
    server = serve(start, place, application(kind, STRICT))
    pids = [server.pid, server.worker(), server.spawner(), 1]
    all_are(attempts(server, kind, *[f"signal:{pid}" for pid in pids]), "EPERM")
    seen = attempts(server, kind, "processes")["processes"]
    assert not set(seen.split(",")) & {str(pid) for pid in pids}


@needs_rights
@pytest.mark.parametrize("network, outside, itself", [("off", "ENETUNREACH", "ENETUNREACH"), ("loopback", "ECONNREFUSED", "yes"),
                                                      ("on", "yes", "yes")])
def test_the_network(start, place, kind, network, outside, itself):
    lines = STRICT if network == "off" else STRICT + f'\n    network = "{network}"'
    server = serve(start, place, application(kind, lines))
    word = f"connect:127.0.0.1:{server.port}"
    assert attempts(server, kind, word, "talk_to_itself") == {word: outside, "talk_to_itself": itself}
    if network == "on":
        server.counting = False  # its connection without a request


@needs_rights
def test_no_network_without_a_sandbox(start, place):
    server = serve(start, place, application("exec", 'network = "off"'))
    assert attempts(server, "exec", "talk_to_itself", "write:/tmp/remuda-host")["talk_to_itself"] == "ENETUNREACH"
    Path("/tmp/remuda-host").unlink()


@needs_rights
def test_set_user_id_programs_gain_nothing(start, place):
    place.file("shop/su-id", Path("/usr/bin/id").read_bytes()).chmod(0o4755)
    server = serve(start, place, application("exec", STRICT))
    (place / "shop/su-id").chmod(0o4755)
    assert attempts(server, "exec", f"run:{place.path}/shop/su-id") == {f"run:{place.path}/shop/su-id": str(pwd.getpwnam(OWN).pw_uid)}


@needs_rights
@pytest.mark.skipif(not (harness.loaders() / "libremuda_preload.so").exists(), reason="the preload library is not built")
@pytest.mark.parametrize("model", ["exec", "fork"])
def test_a_compiled_program(start, place, model):
    server = serve(start, place, application(model, STRICT))
    subprocess.run(["clang-19", "-O1", str(SOURCES / "attempts.c"), "-o", str(place / "shop/attempts")], check=True)
    for _ in range(3):  # the first is executed, others may be forked
        lines = dict(line.split() for line in server.get(f"/{model}/attempts{place.path}/other/secret").text.splitlines())
        assert {name: errno.errorcode[int(number)] for name, number in lines.items()} == {
            "read": "ENOENT", "write": "EROFS", "unshare": "EPERM", "raw": "EPERM", "mount32": "EPERM"}
        time.sleep(0.2)


@needs_rights
def test_forks_without_end_are_bounded(start, place):
    place.file("shop/forks", FORKS, 0o755)
    server = serve(start, place, application("exec", STRICT))
    number, _, why = server.get("/exec/forks").text.partition(" ")
    assert 400 < int(number) < 512 and why == "EAGAIN"
    assert server.get("/other/hello").status == 200


@needs_rights
@pytest.mark.skipif(harness.SANITIZED, reason="the server's own limits are those of a sanitizer")
def test_memory_without_end_is_bounded(start, place):
    place.file("shop/eats", "#!/usr/bin/python3\nheld = []\nwhile True:\n    held.append(bytearray(1 << 20))\n", 0o755)
    server = serve(start, place, application("exec", STRICT + '\n    process_limits.address_space = "256MiB"'))
    assert server.get("/exec/eats").status == 500
    server.wait_for_error("MemoryError")
    assert server.get("/other/hello").status == 200


@needs_rights
def test_its_tmp_is_bounded(start, place):
    place.file("shop/fills", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; dd if=/dev/zero of=/tmp/file bs=1M count=20 2>&1; wc -c < /tmp/file", 0o755)
    server = serve(start, place, application("exec", STRICT + '\n    private_tmp = "4MiB"'))
    text = server.get("/exec/fills").text
    assert "No space left" in text and text.split()[-1] == str(4 << 20)
    assert server.get("/other/hello").status == 200


@needs_rights
def test_readable_is_shown(start, place):
    place.file("outside/file", "seen")
    server = serve(start, place, application("exec", STRICT + '\n    readable = ["outside"]'))
    words = [f"read:{place.path}/outside/file", f"write:{place.path}/outside/file"]
    assert list(attempts(server, "exec", *words).values()) == ["seen", "EROFS"]


@needs_rights
def test_a_deployment_behind_a_link(start, place):
    """The newer release is seen where the link of the older one was."""
    fill(place)
    for release in ("one", "two"):
        shutil.copytree(place / "shop", place / "releases" / release)
        place.file(f"releases/{release}/name", release)
    (place / "releases/current").symlink_to("one")
    server = start(HEAD + ROUTE.format(
        name="exec", kind=KINDS["exec"].replace('"shop"', '"releases/current"'), lines=f'user = "{OWN}"\n    sandbox = "strict"'))
    word = f"read:{place.path}/releases/current/name"
    assert attempts(server, "exec", word)[word] == "one"
    (place / "releases/new").symlink_to("two")
    (place / "releases/new").rename(place / "releases/current")
    assert attempts(server, "exec", word)[word] == "two"


@needs_rights
def test_a_killed_spawner_builds_it_again(start, place, kind):
    server = serve(start, place, application(kind, STRICT))
    before = server.spawner()
    check_denied(server, kind)
    os.kill(before, signal.SIGKILL)
    eventually("there is another spawner", lambda: before not in (now := server.processes("spawner")) and now)
    words = ["write:/etc/file", f"read:{place.path}/other/secret", "write:/tmp/file"]
    assert list(attempts(server, kind, *words).values()) == ["EROFS", "ENOENT", "yes"]


@needs_rights
def test_nothing_leaks(start, place):
    """Neither mounts nor descriptors nor processes: the spawner stays in the namespaces of the machine."""
    mounts, space = Path("/proc/self/mounts").read_text(encoding="utf-8"), os.readlink("/proc/self/ns/mnt")
    server = serve(start, place, application("exec", STRICT))
    spawner = server.spawner()
    attempts(server, "exec", "read:/etc/hostname")
    count = len(os.listdir(f"/proc/{spawner}/fd"))
    for _ in range(50):
        attempts(server, "exec", "read:/etc/hostname")
    eventually("its descriptors are as many", lambda: len(os.listdir(f"/proc/{spawner}/fd")) <= count)
    assert os.readlink(f"/proc/{spawner}/ns/mnt") == space
    below = descendants_of(server.pid)
    server.finish()
    assert not [pid for pid in below if is_alive(pid)]
    assert Path("/proc/self/mounts").read_text(encoding="utf-8") == mounts


@needs_rights
def test_what_cannot_be_shown_fails_the_start(start, place):
    """A directory that has gone since the check: the request fails, and the log says what could not be done."""
    server = serve(start, place, application("exec", STRICT))
    shutil.rmtree(place / "shop/uploads")
    assert server.get("/exec/attempts.cgi?mount").status in (500, 502, 503)
    server.wait_for_error(r"keep .*/shop/uploads in its view")


# --- languages --------------------------------------------------------------------------------------------------------

HELLO = {
    "php": ("index.php", "<?php echo 'hello ', function_exists('opcache_get_status') ? 'o' : '';", "php/remuda-php"),
    "rack": ("config.ru", 'run lambda { |env| [200, { "content-type" => "text/plain" }, ["hello "]] }', "ruby/remuda_native.so"),
    "psgi": ("app.psgi", 'sub { [200, ["Content-Type" => "text/plain"], ["hello "]] };', "perl/remuda_psgi.pl"),
    "wsgi": ("app.py", "def application(environ, start):\n    start('200 OK', [('Content-Type', 'text/plain')])\n    return [b'hello ']\n",
             "python/_remuda.abi3.so"),
}  # fmt: skip


@needs_rights
@pytest.mark.parametrize("sandbox", ["default", "strict"])
@pytest.mark.parametrize("model", ["exec", "fork", "pool"])
@pytest.mark.parametrize("language", HELLO)
def test_each_language_runs(start, place, language, model, sandbox):
    name, text, loader = HELLO[language]
    if not (harness.loaders() / loader).exists():
        pytest.skip(f"built without {loader}")
    place.file(f"site/{name}", text)
    files = 'files = "site"' if language == "php" else ""
    server = start(f"""
        [server]
        user = "{USER}"
        [[route]]
        path = "/"
        app = "site"
        {files}
        [app.site]
        type = "{language}"
        model = "{model}"
        root = "site"
        user = "{OWN}"
        sandbox = "{sandbox}"
    """)
    for _ in range(3):
        assert server.get("/").text.startswith("hello")


@needs_rights
@needs_loader("node/remuda_http.cjs", "nodejs")
@needs("/usr/bin/node")
def test_node_without_a_network(start, place):
    place.file("shop/server.js", "require('http').createServer((_, answer) => answer.end('hello')).listen(3000)")
    server = start(f"""
        [server]
        user = "{USER}"
        [[route]]
        app = "node"
        [app.node]
        type = "http"
        program = "shop/server.js"
        user = "{OWN}"
        sandbox = "strict"
    """)
    assert server.get("/").text == "hello"


# --- what is passed on ------------------------------------------------------------------------------------------------


def test_variables_of_the_server_are_passed_by_name(start, place):
    server = serve(start, place, application("exec", 'pass_environment = ["LANG", "APP_*"]\n    environment = { APP_B = "said" }'),
                   head="", environment={"LANG": "C", "APP_A": "1", "APP_B": "2", "SECRET": "3"})
    words = [f"variable:{name}" for name in ("LANG", "APP_A", "APP_B", "SECRET")]
    assert list(attempts(server, "exec", *words).values()) == ["C", "1", "said", "none"]


# --- the check --------------------------------------------------------------------------------------------------------


def mistakes(place, lines: str, head: str = "", user: str | None = None) -> str:
    fill(place)
    text = head + application("exec", lines)
    place.file("remuda.toml", "\n".join(line.strip() for line in text.splitlines()))
    ended = run("check", "-c", str(place / "remuda.toml"), user=user)
    assert ended.returncode != 0, ended.stdout
    return ended.stdout + ended.stderr


@needs_rights
def test_strict_asks_for_a_user_of_its_own(place):
    head = f'[server]\nuser = "{USER}"\n'
    assert "needs a user of the application's own; user = " in mistakes(place, 'sandbox = "strict"', head)
    assert "the workers have this one too" in mistakes(place, f'sandbox = "strict"\nuser = "{USER}"', head)
    assert "cannot hold root" in mistakes(place, 'sandbox = "strict"\nuser = "root"', head)


@needs_rights
def test_what_is_to_be_written_to_must_be_there(place):
    said = mistakes(place, STRICT.replace("shop/uploads", "nowhere"), f'[server]\nuser = "{USER}"\n')
    assert "app.exec.writable: the directory" in said and "does not exist" in said


def test_without_root_strict_is_refused(place):
    user = EVERYBODYS if harness.IS_ROOT else None
    assert "can be had only where the server is started as root" in mistakes(place, 'sandbox = "strict"', user=user)
    assert "only a server that is started as root can take the network away" in mistakes(place, 'network = "off"', user=user)


def has_controllers() -> bool:
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2"):
            own = Path("/proc/self/cgroup").read_text(encoding="utf-8").split("0::")[1].splitlines()[0]
            words = Path(before.split()[4] + own, "cgroup.controllers").read_text(encoding="utf-8").split()
            return {"memory", "pids", "cpu"} <= set(words)
    return False


@pytest.mark.skipif(has_controllers(), reason="this machine's cgroup of version 2 has the controllers")
def test_a_cgroup_that_cannot_be_had_is_refused(place):
    said = mistakes(place, 'cgroup = { memory = "64MiB", processes = 20, cpu = 50 }')
    for option in ("memory", "processes", "cpu"):
        assert f"app.exec.cgroup.{option}: " in said
    assert 'has no controller "memory"' in said or "no cgroup hierarchy of version 2" in said


@needs_rights
@pytest.mark.skipif(not has_controllers(), reason="no controller memory, pids and cpu in this machine's cgroup of version 2")
def test_a_cgroup_bounds_all_processes_together(start, place):
    place.file("shop/forks", FORKS, 0o755)
    server = serve(start, place, application("exec", 'cgroup = { memory = "64MiB", processes = 20, cpu = 50 }'))
    number, _, why = server.get("/exec/forks").text.partition(" ")
    assert 10 < int(number) < 20 and why == "EAGAIN"
    assert server.get("/other/hello").status == 200


FORKS = """#!/usr/bin/python3
import errno, os, signal, time
made = []
try:
    while len(made) < 2000:
        pid = os.fork()
        if pid == 0:
            signal.pause()
            os._exit(0)
        made.append(pid)
    why = "nothing stopped it"
except OSError as error:
    why = errno.errorcode[error.errno]
for pid in made:
    os.kill(pid, signal.SIGKILL)
print(f"Content-Type: text/plain\\n\\n{len(made)} {why}", end="")
"""

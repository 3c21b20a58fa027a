# SPDX-License-Identifier: Apache-2.0
"""libremuda_preload.so: compiled programs and shell scripts, executed and forked from a template, are not told apart."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import PROGRAM
from template_driver import Ended, Template, executed, reset_signals, settle

PRELOAD = Path(PROGRAM).parent / "lib/remuda/libremuda_preload.so"
SOURCES = Path(__file__).parent / "applications/preload"
REQUEST = {"REQUEST_METHOD": "GET", "QUERY_STRING": "a=1&b=%20", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "EMPTY": ""}
pytestmark = pytest.mark.skipif(not PRELOAD.exists(), reason="the preload library is not built")


@pytest.fixture(scope="module", autouse=True)
def signals():
    reset_signals()


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("preload")

    def compile(name: str, *options: str) -> str:
        target = folder / (name + "".join(options).replace("/", "_"))
        if not target.exists():
            subprocess.run(["clang-19", "-O1", "-D_GNU_SOURCE", str(SOURCES / f"{name}.c"), "-o", str(target), *options], check=True)
            settle()
        return str(target)

    return compile


def template(command: list[str], directory: str = "/", **environment: str) -> Template:
    environment = {"PATH": "/usr/bin:/bin", "LD_PRELOAD": str(PRELOAD)} | environment
    return Template(command, environment, directory)


@contextmanager
def ready(*arguments, **environment: str) -> Iterator[Template]:
    with template(*arguments, **environment) as loading:
        yield loading.wait_ready()


def script(folder: Path, text: str, name: str = "script") -> str:
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    settle()
    return str(path)


def same(command: list[str], body: bytes = b"", request: dict[str, str] | None = None, directory: str = "/tmp") -> None:
    """Executed once, forked twice: the same in everything."""
    wanted = executed(command, request or REQUEST, body, directory)
    with ready(command) as forked:
        for _ in range(2):
            found = forked.run(request or REQUEST, body, directory)
            assert found.out.splitlines() == wanted.out.splitlines()
            assert found == wanted


PROCESS = [
    ["state"],
    ["state", "-O2", "-Wl,-z,now"],
    ["state", "-no-pie"],
]


@pytest.mark.parametrize("build", PROCESS, ids=" ".join)
def test_a_program_finds_what_exec_gives_it(compiled, build):
    program = compiled(*build)
    wanted = executed([program, "an argument"], REQUEST, b"body", "/tmp")
    assert b"QUERY_STRING=a=1&b=%20" in wanted.out and b"LD_" not in wanted.out and b"REMUDA" not in wanted.out
    same([program, "an argument"], b"body")


@pytest.mark.parametrize("how", ["return", "exit", "_exit", "abort", "kill", "buffered", "stderr", "atexit", "segv"])
def test_each_way_to_end(compiled, how):
    same([compiled("ends"), how])


SCRIPTS = {
    "sh": "#!/bin/sh\necho \"$QUERY_STRING\" $# \"$0\"; env | sort; pwd; cat; echo no >&2; exit 3\n",
    "bash": "#!/bin/bash\necho \"${BASH_VERSION}\" \"$0\" \"$-\" \"$PPID\" | sed 's/ [0-9]*$//'; declare -x; read -r x; echo \"$x\"; exit 4\n",
    "bash -eu": "#!/bin/bash -eu\necho $- $QUERY_STRING; false; echo never\n",
    "sh, killed": "#!/bin/sh\necho first; kill -TERM $$; echo never\n",
    "sh, a trap": "#!/bin/sh\ntrap 'echo bye' EXIT; trap 'echo term' TERM; kill -TERM $$; umask; ulimit -n\n",
    "sh, pipes": "#!/bin/sh\nseq 5 | while read -r n; do echo \"$n\"; done & wait; cat <<EOF\n$(echo here) $?\nEOF\n",
    "awk": "#!/usr/bin/awk -f\nBEGIN { print ENVIRON[\"QUERY_STRING\"]; while ((getline line) > 0) print line; exit 5 }\n",
    "env": "#!/usr/bin/env bash\necho \"$0 $BASH $QUERY_STRING\"; env | sort\n",
    "sed": "#!/bin/sed -f\ns/o/0/g\n",
    "not found": "#!/bin/sh\nno_such_program_here\n",
    "syntax": "#!/bin/sh\necho before\nif then\n",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts(tmp_path, name):
    same([script(tmp_path, SCRIPTS[name])], b"one two\nthree\n")


def test_the_environment_while_it_loads_does_not_stay(tmp_path):
    path = script(tmp_path, "#!/bin/sh\nenv | sort\n")
    with ready([path], ONLY_LOADING="1") as forked:
        out = forked.run({"A": "1"}).out
        assert out == executed([path], {"A": "1"}).out
        assert b"ONLY_LOADING" not in out and b"LD_PRELOAD" not in out


def test_another_library_that_is_preloaded_stays(tmp_path):
    path = script(tmp_path, "#!/bin/sh\necho \"$LD_PRELOAD\"\n")
    with ready([path], LD_PRELOAD=f"{PRELOAD}:libm.so.6") as forked:
        assert forked.run({"LD_PRELOAD": "libm.so.6"}).out == b"libm.so.6\n"


def test_without_a_channel_it_does_nothing(tmp_path):
    path = script(tmp_path, "#!/bin/sh\necho \"$A\"; exit 3\n")
    result = executed([path], {"A": "1", "LD_PRELOAD": str(PRELOAD)})
    assert (result.out, result.err, result.status) == (b"1\n", b"", 3 << 8)


def test_a_script_that_has_changed_is_refused(tmp_path):
    path = script(tmp_path, "#!/bin/sh\necho one\n")
    with ready([path]) as forked:
        assert forked.run(REQUEST).out == b"one\n"
        script(tmp_path, "#!/bin/bash\necho two\n")
        with pytest.raises(Ended, match="refused"):
            forked.run(REQUEST)


def test_a_script_behind_env_that_has_changed_is_refused(tmp_path):
    path = script(tmp_path, "#!/usr/bin/env sh\necho one\n")
    with ready([path]) as forked:
        assert forked.run(REQUEST).out == b"one\n"
        script(tmp_path, "#!/usr/bin/env sh\necho two\n")
        with pytest.raises(Ended, match="refused"):
            forked.run(REQUEST)


def test_a_program_that_has_changed_is_refused(compiled, tmp_path):
    path = Path(shutil.copy2(compiled("ends"), tmp_path / "program"))
    settle()
    with ready([str(path), "exit"]) as forked:
        forked.run(REQUEST)
        os.rename(shutil.copy2("/bin/true", tmp_path / "new"), path)
        with pytest.raises(Ended, match="refused"):
            forked.run(REQUEST)


def test_a_program_with_threads_is_unfit(compiled):
    with template([compiled("threads", "-lpthread")]) as forked:
        assert "thread" in forked.why_unfit()


def test_a_program_with_an_entry_of_its_own_is_unfit(compiled):
    with template([compiled("entry", "-nostartfiles")]) as forked:
        assert "__libc_start_main" in forked.why_unfit()


def test_forks_side_by_side(tmp_path):
    path = script(tmp_path, "#!/bin/sh\nread -r line; echo \"$line $N\"\n")
    with ready([path]) as forked:
        pids = set()
        for number in range(200):
            assert forked.run({"N": str(number)}, b"line\n").out == f"line {number}\n".encode()
            pids.add(forked.pid)
        assert len(pids) == 200
        assert len(os.listdir(f"/proc/{forked.process.pid}/fd")) < 12

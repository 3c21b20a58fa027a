# SPDX-License-Identifier: Apache-2.0
"""remuda_cgi.py: a Python program that is executed, and one that is forked from its template, are not told apart."""

import os
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from harness import PROGRAM
from template_driver import CHANGED, ENDED, Ended, Result, Template, executed, reset_signals, settle

LOADER = Path(PROGRAM).parent / "lib/remuda/python/remuda_cgi.py"
PYTHON = "/usr/bin/python3"
REQUEST = {"REQUEST_METHOD": "GET", "QUERY_STRING": "a=1&b=%20", "PATH": "/usr/bin:/bin", "HTTP_X": "\udcff", "EMPTY": ""}
pytestmark = pytest.mark.skipif(not LOADER.exists(), reason="the loaders of Python are not built")


@pytest.fixture(scope="module", autouse=True)
def signals():
    reset_signals()


def written(folder: Path, text: str, name: str = "script.py") -> str:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    settle()
    return str(path)


def template(script: str, *flags: str, **environment: str) -> Template:
    return Template([PYTHON, *flags, str(LOADER), script], {"PATH": "/usr/bin:/bin"} | environment)


def normal(result: Result) -> Result:
    """Without the addresses of objects and the time of day."""
    return Result(*(re.sub(rb"0x[0-9a-f]+|\d\d:\d\d:\d\d", b"~", text) for text in (result.out, result.err)), result.status)


def same(script: str, *flags: str, body: bytes = b"", request: dict[str, str] | None = None, directory: str = "/tmp",
         **environment: str) -> Template:
    """Executed once, forked twice: the same output, errors and status. The template, for what it said."""
    request = {**REQUEST, **environment} if request is None else request
    wanted = normal(executed([PYTHON, *flags, script], request, body, directory))
    with template(script, *flags, **environment) as loaded:
        loaded.wait_ready()
        for _ in range(2):
            assert normal(loaded.run(request, body, directory)) == wanted
        assert loaded.said() == ""
    return loaded


SCRIPTS = {
    "print": "print('Content-Type: text/plain\\n\\nhello')",
    "nothing": "",
    "names": "print(sorted(globals()), __name__, __file__, __doc__, __spec__, __package__, __annotations__)",
    "document": '"""The script\'s."""\nprint(__doc__)',
    "loader": "print(type(__loader__), __loader__.name, __loader__.path)",
    "arguments": "import sys\nprint(sys.argv, sys.orig_argv, sys.path, sys.flags, sys.executable)",
    "environment": "import os\nprint(sorted(os.environ.items()), sorted(os.environb.items()), os.getcwd())",
    "environment_set": "import os\nos.environ['A'] = 'b'\nos.putenv('C', 'd')\nos.system('echo $A $C $EMPTY $QUERY_STRING')",
    "body": "import sys\nprint(sys.stdin.read())",
    "body_bytes": "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())",
    "body_line": "import sys\nfor line in sys.stdin: print(repr(line))",
    "body_input": "print(input(), input())",
    "streams": "import sys\nfor s in (sys.stdin, sys.stdout, sys.stderr):\n"
               "  print(s, s.line_buffering, s.write_through, s.errors, s.newlines, s.seekable(), s.buffer.raw.name,"
               " s.isatty(), s.fileno(), s.mode, s.buffer.raw, s.buffer, file=sys.stderr)",
    "streams_are_theirs": "import sys\nprint(sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__)",
    "errors": "import sys\nprint('a')\nprint('b', file=sys.stderr)\nsys.stdout.flush()\nprint('c')\nsys.stderr.write('d')",
    "exit": "import sys\nprint('a')\nsys.exit(3)",
    "exit_text": "import sys\nsys.exit('text')",
    "exit_none": "raise SystemExit",
    "exit_big": "raise SystemExit(1 << 40)",
    "exit_negative": "raise SystemExit(-1)",
    "exit_object": "raise SystemExit(['a', 1])",
    "os_exit": "import os\nprint('lost')\nos._exit(7)",
    "killed": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "aborted": "import os\nos.abort()",
    "exception": "def one():\n    two()\ndef two():\n    1 / 0\none()",
    "exception_chain": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('x') from e",
    "exception_context": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    [][1]",
    "exception_group": "raise ExceptionGroup('many', [ValueError(1), TypeError(2)])",
    "exception_note": "e = ValueError('a')\ne.add_note('a note')\nraise e",
    "exception_hook": "import sys\nsys.excepthook = lambda *a: print('hook', a[0], a[2].tb_lineno)\n1 / 0",
    "exception_import": "import nothing_like_this",
    "exception_syntax_inside": "exec('1 +')",
    "exception_hook_fails": "import sys\nprint('a')\nsys.excepthook = lambda *a: [][1]\n1 / 0",
    "exception_hook_exits": "import sys\nprint('a')\nsys.excepthook = lambda *a: sys.exit(5)\n1 / 0",
    "exception_information": "import sys\nsys.excepthook = lambda *a: print(sys.exc_info(), sys.last_type)\n1 / 0",
    "interrupt": "raise KeyboardInterrupt",
    "interrupt_after_output": "print('a')\nraise KeyboardInterrupt",
    "recursion": "def f(): f()\nf()",
    "recursion_depth": "n = 0\ndef f():\n    global n\n    n += 1\n    f()\ntry:\n    f()\nexcept RecursionError:\n    print(n)",
    "at_exit": "import atexit\natexit.register(print, 'bye')\natexit.register(lambda: 1 / 0)\nprint('a')",
    "finaliser": "class A:\n    def __del__(self): print('del', self.n)\na = A(); a.n = 1\nb = A(); b.n = 2; b.me = b",
    "finaliser_function": "class A:\n    def __del__(self): print('del')\na = A()\ndef f(): return a",
    "generator": "def g():\n    try:\n        yield 1\n    finally:\n        print('closed')\nx = g()\nnext(x)",
    "file_left_open": "import sys\nf = open('/tmp/remuda-left-open', 'w')\nf.write('x' * 100)\n"
                      "import atexit, os\natexit.register(lambda: None)",
    "thread": "import threading, time\ndef f():\n    time.sleep(0.05); print('thread')\nthreading.Thread(target=f).start()\nprint('main')",
    "thread_daemon": "import threading, time\nthreading.Thread(target=time.sleep, args=(30,), daemon=True).start()\nprint('main')",
    "subprocess": "import subprocess, sys\nsys.stdout.flush()\nprint(subprocess.run(['echo', 'hi'], stdout=subprocess.PIPE).stdout)",
    "fork": "import os, sys\nsys.stdout.flush()\npid = os.fork()\nif pid == 0:\n    print('child'); sys.exit(4)\nprint(os.waitpid(pid, 0)[1])",
    "exec": "import os\nos.execv('/bin/echo', ['echo', 'hello'])",
    "group": "import os\nprint(os.getpgrp() == os.getpid(), os.getsid(0) == os.getpid())",
    "descriptors": "import os\nprint(sorted(os.listdir('/proc/self/fd')))",
    "signals": "import signal\nprint([signal.getsignal(n) for n in sorted(signal.valid_signals())], signal.pthread_sigmask(0, []))",
    "limits": "import resource\nprint([resource.getrlimit(n) for n in range(10)])",
    "closed_output": "import sys\nsys.stdout.close()",
    "closed_descriptor": "import os\nprint('a')\nos.close(1)",
    "warning": "import warnings\nwarnings.warn('careful')\nwarnings.warn('old', DeprecationWarning)",
    "warning_old_module": "import cgi, cgitb\nprint(cgi.FieldStorage().getvalue('a'))",
    "warning_old_module_quiet": "import warnings\nwarnings.filterwarnings('ignore')\nimport cgi\nprint(cgi.escape if hasattr(cgi, 'escape') else 1)",
    "warning_escape": "print('\\d')",
    "traceback_page": "import cgitb\ncgitb.enable(display=1, format='text')\nprint('a')\nint('b')",
    "form": "import cgi\nf = cgi.FieldStorage()\nprint({k: f.getvalue(k) for k in sorted(f)})",
    "unicode": "print('äöü €')",
    "latin1": "# -*- coding: latin-1 -*-\nprint(len('\xe4'))",
    "encoding": "import sys, locale\nprint(sys.getdefaultencoding(), sys.getfilesystemencoding(), locale.getpreferredencoding())",
    "future": "from __future__ import annotations\ndef f(x: undefined): pass\nprint(f.__annotations__)",
    "assert": "assert False, 'no'",
    "main_module": "import __main__, sys\nprint(__main__.__dict__ is globals(), sys.modules['__main__'] is __main__)",
    "pickle": "import pickle\nclass A: pass\nprint(pickle.dumps(A()))",
    "random": "import random, os\nrandom.seed(1)\nprint(random.random())",
    "locale": "import locale\nprint(locale.setlocale(locale.LC_ALL))",
    "guarded_import": "try:\n    import json\nexcept ImportError:\n    json = None\ntry:\n    import no_such\nexcept ImportError as e:\n    print(e)\nprint(json.dumps(1))",
    "logging": "import logging\nlogging.warning('to the log')\nlogging.getLogger('x').error('e')",
    "large": "print('x' * 3_000_000)",
    "sleep": "import time\ntime.sleep(0.01)\nprint('a', flush=True)",
    "dataclass": "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int = 1\nprint(A())",
    "inspect": "import inspect\ndef f():\n    return 1\nprint(inspect.getsource(f))",
    "umask": "import os\nprint(os.umask(0))",
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts(name, tmp_path):
    if "ExceptionGroup" in SCRIPTS[name] and sys.version_info < (3, 11):
        pytest.skip("newer Python")
    text = SCRIPTS[name]
    script = tmp_path / "script.py"
    script.write_bytes(text.encode("latin-1" if "latin-1" in text else "utf-8"))
    settle()
    same(str(script), body=b"first line\nsecond \xc3\xa4\n")


@pytest.mark.parametrize("flag", ["-u", "-O", "-OO", "-B", "-E", "-s", "-I", "-Wdefault", "-Werror", "-bb", "-Xutf8"])
def test_flags(flag, tmp_path):
    text = ("import sys, os\nprint(sys.flags, sys.stdout.write_through, sys.stdout.buffer, __debug__, __doc__, sys.path, sys.orig_argv)\n"
            "sys.stdout.write('1'); sys.stderr.write('2'); sys.stdout.write('3')\nassert 1\n")
    same(written(tmp_path, text), flag)


@pytest.mark.parametrize("environment", [{"PYTHONUNBUFFERED": "1"}, {"PYTHONIOENCODING": "latin-1:replace"}, {"LC_ALL": "C.UTF-8"},
                                         {"PYTHONPATH": "/tmp"}, {"PYTHONDONTWRITEBYTECODE": "1"}, {"LANG": "C"}])  # fmt: skip
def test_environment_of_the_interpreter(environment, tmp_path):
    text = "import sys\nprint('ä€', sys.stdout.encoding, sys.stdout.errors, sys.path, sys.flags)\nprint('\\udcff')"
    same(written(tmp_path, text), **environment)


def test_requests_that_differ(tmp_path):
    """What a fork finds in its environment does not come from the one before."""
    script = written(tmp_path, SCRIPTS["environment"] + "\nos.environ['OWN'] = '1'\nos.system('env | sort')")
    first = {"REQUEST_METHOD": "GET", "QUERY_STRING": "a", "PATH": "/usr/bin:/bin", "LC_CTYPE": "C.UTF-8", "HTTP_A": "1"}
    others = [first | {"QUERY_STRING": "b", "HTTP_A": ""}, {name: value for name, value in first.items() if name != "HTTP_A"},
              first | {"HTTP_B": "2"}, dict(reversed(first.items())), first | {"LC_CTYPE": "C.utf8"}, {"PATH": "/usr/bin:/bin"}, first]
    with template(script) as loaded:
        loaded.wait_ready()
        for request in [first, *others]:
            assert loaded.run(request, b"", "/tmp") == executed([PYTHON, script], request, b"", "/tmp")


def test_code_lies_in_huge_pages(tmp_path):
    probe = "import mmap\nm = mmap.mmap(-1, 4 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\nm.write(b'x' * (4 << 20))\n"
    if subprocess.run([PYTHON, "-c", probe + "m.madvise(25)"], stderr=subprocess.DEVNULL, check=False).returncode:
        pytest.skip("the kernel gives no huge pages")
    script = written(tmp_path, "print([line for line in open('/proc/self/smaps') if line.startswith('AnonHuge')])")

    def huge(**environment: str) -> bool:
        with template(script, **environment) as loaded:
            loaded.wait_ready()
            return any(int(size) for size in re.findall(rb"AnonHugePages: +(\d+)", loaded.run(REQUEST, b"", "/tmp").out))

    assert huge() and not huge(REMUDA_HUGE_PAGES="no")


def test_bodies(tmp_path):
    script = written(tmp_path, "import sys\nprint(repr(sys.stdin.read(5)), sys.stdin.buffer.read(3), len(sys.stdin.read()))")
    for body in (b"", b"x", b"0123456789" * 6000, b"\xff\xfe" * 20):
        same(script, body=body)


def test_a_directory_of_its_own(tmp_path):
    (tmp_path / "here").mkdir()
    script = written(tmp_path, "import os\nprint(os.getcwd(), __file__)\nopen('made', 'w').write('x')")
    same(script, directory=str(tmp_path / "here"))
    assert (tmp_path / "here/made").exists()


def test_files_are_written_though_nobody_closes_them(tmp_path):
    script = written(tmp_path, f"f = open('{tmp_path}/left', 'w')\nf.write('all of it')\ndef g(): return f\n")
    with template(script) as loaded:
        loaded.wait_ready().run(REQUEST)
        assert (tmp_path / "left").read_text() == "all of it"


@pytest.mark.parametrize("text", ["print('x' * 10)", "print('x' * 300_000)", "import sys\nprint('x', flush=True)\nprint('y', file=sys.stderr)"])
def test_nobody_reads_the_output(text, tmp_path):
    script = written(tmp_path, text)

    def end(begin) -> tuple[bytes, int]:
        reading, writing = os.pipe()
        os.close(reading)
        with tempfile.TemporaryFile() as errors, open(os.devnull, "rb") as nothing:
            status = begin([nothing.fileno(), writing, errors.fileno()])
            os.close(writing)
            return os.pread(errors.fileno(), 100_000, 0), status

    def execute(three):
        process = subprocess.Popen([PYTHON, script], env=REQUEST, stdin=three[0], stdout=three[1], stderr=three[2])
        return os.waitpid(process.pid, 0)[1]

    with template(script) as loaded:
        loaded.wait_ready()

        def fork(three):
            loaded.ask(REQUEST, three)
            return struct.unpack_from("=ii", loaded.hear_until(ENDED).fields)[1]

        assert end(fork) == end(execute)


# --- modules beside the script


def with_module(folder: Path, module: str, script: str = "import helper\nprint(helper.value)") -> str:
    written(folder, module, "helper.py")
    return written(folder, script)


def test_modules_beside_it_are_loaded_once(tmp_path):
    script = with_module(tmp_path, "value = 5\nclass A: pass")
    loaded = same(script)
    assert loaded.warnings() == []


@pytest.mark.parametrize("module, why", [
    ("print('loud')\nvalue = 1", "writes something"),
    ("import sys\nsys.stderr.write('loud')\nvalue = 1", "writes something"),
    ("import os\nvalue = os.environ.get('QUERY_STRING')", "reads QUERY_STRING"),
    ("import os\nvalue = os.getenv('HTTP_HOST')", "reads HTTP_HOST"),
    ("import os\nvalue = len(dict(os.environ))", "reads the whole environment"),
    ("import sys\nvalue = sys.stdin.readline()", "reads standard input"),
    ("import os\nvalue = os.read(0, 3)", "reads standard input"),
    ("import os\nos.chdir('/usr')\nvalue = os.getcwd()", "changes the directory"),
    ("import os\nos.environ['A'] = 'b'\nvalue = os.environ['A']", "sets the environment"),
    ("import subprocess\nvalue = subprocess.check_output(['echo', 'x'])", "starts a process"),
    ("import os\nif os.fork() == 0: os._exit(0)\nos.wait()\nvalue = 1", "forks"),
    ("import threading, time\nthreading.Thread(target=time.sleep, args=(0.05,)).start()\nvalue = 1", "starts threads"),
    ("import os\nvalue = os.getpid() > 0\npid = os.getpid()", "is not the same twice"),
    ("import time\nbegan = time.time()\nvalue = 2", "is not the same twice"),
    ("value = 1\nraise ValueError('broken')", "fails: ValueError: broken"),
    ("value = 1\nopen('/tmp/remuda-helper-made', 'w').close()", "writes /tmp/remuda-helper-made"),
])  # fmt: skip
def test_modules_that_do_something_are_left_to_each_fork(module, why, tmp_path):
    loaded = same(with_module(tmp_path, module), body=b"first\nsecond\n")
    assert loaded.warnings() == [f"each process imports helper itself: it {why}"]


def test_an_import_that_ends_the_process(tmp_path):
    script = with_module(tmp_path, "import os\nos._exit(3)")
    with template(script) as loaded:
        assert loaded.why_unfit() == "an import ends the process"


def test_paths_that_the_script_sets(tmp_path):
    written(tmp_path, "value = 'lib'", "lib/helper.py")
    text = "import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))\nimport helper\nprint(helper.value, sys.path)"
    loaded = same(written(tmp_path, text))
    assert loaded.warnings() == []


def test_paths_that_only_running_tells(tmp_path):
    written(tmp_path, "value = 'lib'", "lib/helper.py")
    text = f"import sys\nfolder = '{tmp_path}/lib'\nsys.path.insert(0, folder)\nimport json\nimport helper\nprint(helper.value)"
    loaded = same(written(tmp_path, text))
    assert len(loaded.warnings()) == 1


@pytest.mark.parametrize("name", ["ast", "random", "warnings", "marshal_", "json", "atexit_"])
def test_modules_that_are_called_as_those_of_the_library(name, tmp_path):
    written(tmp_path, "value = 'mine'", f"{name}.py")
    same(written(tmp_path, f"import {name}\nprint({name}.value, {name}.__file__)"))


def test_packages(tmp_path):
    written(tmp_path, "", "package/__init__.py")
    written(tmp_path, "value = 1", "package/inner.py")
    same(written(tmp_path, "from package import inner\nimport package.inner as other\nprint(inner.value, other is inner)"))


def test_an_old_module_that_another_uses_is_one(tmp_path):
    written(tmp_path, "import cgi\nStorage = cgi.FieldStorage", "helper.py")
    same(written(tmp_path, "import cgi\nimport helper\nprint(helper.Storage is cgi.FieldStorage)"))
    same(written(tmp_path, "import helper\nimport cgi\nprint(helper.Storage is cgi.FieldStorage)"))


def test_through_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    written(tmp_path, "value = 'beside the real one'", "real/helper.py")
    written(tmp_path, "import helper, sys\nprint(helper.value, __file__, sys.argv)", "real/script.py")
    os.symlink("real/script.py", tmp_path / "link.py")
    settle()
    same(str(tmp_path / "link.py"))


# --- what cannot be a template, and what changes


@pytest.mark.parametrize("text, why", [("print(", "SyntaxError"), ("a = '\0'", "null bytes"), ("\tx\n  y", "Indentation")])
def test_scripts_that_do_not_compile_are_executed(text, why, tmp_path):
    with template(written(tmp_path, text)) as loaded:
        assert why in loaded.why_unfit()


def test_a_script_that_has_changed(tmp_path):
    script = written(tmp_path, "print(1)")
    with template(script) as loaded:
        loaded.wait_ready()
        assert loaded.run(REQUEST).out == b"1\n"
        written(tmp_path, "print(2)")
        with pytest.raises(Ended, match="refused: Stale"):
            loaded.run(REQUEST)


def test_a_module_that_has_changed(tmp_path):
    script = with_module(tmp_path, "value = 1")
    with template(script) as loaded:
        loaded.wait_ready()
        written(tmp_path, "value = 2", "helper.py")
        assert loaded.hear_until(CHANGED).text() == str(tmp_path / "helper.py")


def test_no_template(tmp_path):
    script = written(tmp_path, "import sys\nprint(sys.argv, sys.orig_argv, sys.flags.optimize)")
    assert executed([PYTHON, "-O", str(LOADER), script], REQUEST) == executed([PYTHON, "-O", script], REQUEST)

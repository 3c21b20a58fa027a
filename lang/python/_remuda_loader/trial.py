# SPDX-License-Identifier: Apache-2.0
"""A trial of a script's imports, in processes that end afterwards: which modules may be loaded once for all.

One that writes, reads standard input, looks at the variables of a request, changes the directory or the
environment, opens connections or starts threads or processes while it is imported is imported by each fork
itself. So is one that is not the same twice: it keeps the time, a random number, its process. The standard
library is trusted, but for what it says: a module that warns that it is old says so to each fork.
"""
import os
import sys

from . import watching
from .processes import in_a_process
from .steps import name_of, run

REQUEST = {"AUTH_TYPE", "CONTENT_LENGTH", "CONTENT_TYPE", "DOCUMENT_ROOT", "HTTPS", "PATH_INFO", "PATH_TRANSLATED",
           "QUERY_STRING", "REMOTE_ADDR", "REMOTE_HOST", "REMOTE_IDENT", "REMOTE_PORT", "REMOTE_USER",
           "REQUEST_METHOD", "REQUEST_SCHEME", "REQUEST_URI", "SCRIPT_FILENAME", "SCRIPT_NAME", "SERVER_ADDR",
           "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "UNIQUE_ID"}
DEEDS = {"os.chdir": "changes the directory", "os.fchdir": "changes the directory", "os.fork": "forks",
         "os.forkpty": "forks", "os.posix_spawn": "starts a process", "os.system": "starts a process",
         "subprocess.Popen": "starts a process", "os.exec": "executes a program", "os.putenv": "sets the environment",
         "os.unsetenv": "changes the environment", "socket.connect": "opens a connection",
         "socket.bind": "opens a socket", "sqlite3.connect": "opens a database", "signal.pthread_kill": "sends signals",
         "os.kill": "sends signals", "os.remove": "removes files", "os.rename": "renames files",
         "os.mkdir": "makes directories", "tempfile.mkstemp": "makes files", "tempfile.mkdtemp": "makes directories"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watcher:
    """Of what an import does, from when it is installed until the process ends."""

    def __init__(self):
        self.deed = None
        self.files = [os.memfd_create(name) for name in ("input", "output", "errors")]
        os.write(self.files[0], b"a=1&b=2\n" * 512)
        os.lseek(self.files[0], 0, os.SEEK_SET)
        for number, file in enumerate(self.files):
            os.dup2(file, number)
        sys.dont_write_bytecode = True  # which would look like a deed of the module
        os.environ.__class__ = self.watched_environment()
        sys.addaudithook(self.hear)

    def note(self, deed):
        if self.deed is None and not self.is_standard_caller():
            self.deed = deed

    def is_standard_caller(self):
        """Whether a module of the standard library does it while it is imported itself, whoever asked for that."""
        frame = sys._getframe(2)
        while frame.f_code.co_filename == __file__:  # the watching itself
            frame = frame.f_back
        while frame is not None:
            code = frame.f_code
            if code.co_filename.startswith(watching.OWN):
                return True
            if watching.is_standard(code.co_filename) and code.co_name == "<module>":
                return True
            if not watching.is_standard(code.co_filename) and not code.co_filename.startswith("<frozen"):
                return False
            frame = frame.f_back
        return True

    def watched_environment(watcher):
        class Environment(type(os.environ)):
            def __getitem__(self, name):
                if name in REQUEST or (isinstance(name, str) and name.startswith("HTTP_")):
                    watcher.note("reads " + name)
                return super().__getitem__(name)

            def __iter__(self):
                watcher.note("reads the whole environment")
                return super().__iter__()
        return Environment

    def hear(self, event, arguments):
        if event in DEEDS:
            self.note(DEEDS[event])
        elif event == "open" and len(arguments) > 2 and isinstance(arguments[2], int) and arguments[2] & WRITING:
            if ".pyc" not in str(arguments[0]):
                self.note("writes " + str(arguments[0]))

    def spoke(self):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        size = sum(os.fstat(file).st_size for file in self.files[1:])
        for file in self.files[1:]:
            os.ftruncate(file, 0)
            os.lseek(file, 0, os.SEEK_SET)
        return size > 0

    def look(self):
        """What the last import has done, or None."""
        deed, self.deed = self.deed, None
        if os.lseek(self.files[0], 0, os.SEEK_CUR) != 0:
            os.lseek(self.files[0], 0, os.SEEK_SET)
            deed = deed or "reads standard input"
        if len(os.listdir("/proc/self/task")) > 1:
            deed = deed or "starts threads"
        return deed


def fingerprint(module):
    """Of what a module has computed: text and numbers, not code."""
    parts = []
    for name, value in list(vars(module).items()):
        if name.startswith("__") or callable(value) or isinstance(value, type(sys)):
            continue
        try:
            text = repr(value)
        except Exception:
            continue
        if " at 0x" not in text and len(text) < 100_000:
            parts.append((name, text))
    return hash(tuple(parts))


def uses(module, speakers):
    return any(getattr(value, "__module__", None) in speakers or getattr(value, "__name__", None) in speakers
               for value in list(vars(module).values()))


def attempt(steps, path):
    """In the process of the trial: imports one step after the other. What was found:

    refused    number of a step: why        standard   modules of the standard library that were imported
    prints     module: what it computed     speakers   those of them that say something
    loaded_by  module: number of its step
    """
    found = {"refused": {}, "speakers": [], "standard": [], "prints": {}, "loaded_by": {}}
    watcher = Watcher()
    for number, step in enumerate(steps):
        before = set(sys.modules)
        why = None
        try:
            run(step, path)
        except BaseException as error:
            why = "fails: %s: %s" % (type(error).__name__, error)
        why = watcher.look() or why
        look_at(number, step, why, watcher.spoke(), [name for name in list(sys.modules) if name not in before], found)
    for name in found["prints"]:
        if uses(sys.modules[name], found["speakers"]):
            found["refused"].setdefault(found["loaded_by"][name], "uses " + ", ".join(found["speakers"]))
    return found


def look_at(number, step, why, spoke, new, found):
    own = [name for name in new if not is_standard_module(name)]
    module = name_of(step)
    if spoke and not own and is_standard_module(module):
        found["speakers"].append(module)
    elif spoke:
        why = why or "writes something"
    if why:
        found["refused"][number] = why
    for name in new:
        found["loaded_by"][name] = number
        if name in own:
            found["prints"][name] = fingerprint(sys.modules[name])
        elif name not in found["speakers"]:
            found["standard"].append(name)


def is_standard_module(name):
    path = getattr(sys.modules.get(name), "__file__", None)
    if path is None:
        return name in sys.builtin_module_names or name.partition(".")[0] in getattr(sys, "stdlib_module_names", ())
    return watching.is_standard(os.path.realpath(path))


def trial(steps, path):
    """The findings of two trials, put together. None: an import has ended the process."""
    one = in_a_process(attempt, steps, path)
    two = one and in_a_process(attempt, steps, path)
    if not two:
        return None
    for name, value in one["prints"].items():
        if two["prints"].get(name) != value:
            one["refused"].setdefault(one["loaded_by"][name], "is not the same twice")
    for number, why in two["refused"].items():
        one["refused"].setdefault(number, why)
    return one

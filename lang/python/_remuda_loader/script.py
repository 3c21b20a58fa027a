# SPDX-License-Identifier: Apache-2.0
"""A script that was compiled before is run as the interpreter runs its main program: as module __main__, and with
the end that an interpreter comes to. Only what nobody can see of that end is left out: taking modules apart that
all forks share. As little as possible is touched in a fork: each page costs it a copy."""
import atexit
import gc
import io
import os
import sys

import _frozen_importlib_external as machinery


def make_main(path):
    """The module as the interpreter makes it, in sys.modules; its names."""
    module = type(sys)("__main__")
    sys.modules["__main__"] = module
    names = module.__dict__
    names.pop("__loader__"), names.pop("__spec__")
    names["__loader__"] = machinery.SourceFileLoader("__main__", path)
    names["__spec__"] = None
    names["__annotations__"] = {}
    names["__builtins__"] = sys.modules["builtins"]
    names["__file__"] = path
    names["__cached__"] = None
    return names


def without_loader(trace, code):
    """The part of a traceback that begins in the script."""
    while trace is not None and trace.tb_frame.f_code is not code:
        trace = trace.tb_next
    return trace


def status_of_exit(error):
    """What SystemExit means for the process."""
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(1 << 63) <= code < 1 << 63 else 0xFF
    stream = sys.stderr
    if stream is not None:
        stream.write(str(code))
        stream.write("\n")
    return 1


def show(error, code):
    """The traceback, as it is shown for an exception that nobody took."""
    kind = type(error)
    trace = without_loader(error.__traceback__, code)
    error.__traceback__ = trace
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    sys.excepthook(kind, error, trace)


def interrupted(error, code):
    import signal
    show(error, code)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)
    return 130


def run(code, names):
    """The status of the process."""
    try:
        exec(code, names)
    except SystemExit as error:
        return status_of_exit(error)
    except KeyboardInterrupt as error:
        return interrupted(error, code)
    except BaseException as error:
        show(error, code)
        return 1
    return 0


def flush_streams():
    """Whether all has left. What has not is told as an interpreter tells it at its end."""
    good = True
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            try:
                stream.flush()
            except Exception as error:
                good = False
                if stream is sys.stdout:
                    sys.stderr.write("Exception ignored in: %r\n%s: %s\n" % (stream, type(error).__name__, error))
    return good


def flush_files(new):
    """What the script has written to files that it has not closed: Python does that when it takes them apart."""
    standard = {id(one) for text in (sys.__stdin__, sys.__stdout__, sys.__stderr__) if text is not None
                for one in (text, text.buffer, getattr(text.buffer, "raw", None))}
    for kind in (io.TextIOWrapper, (io.BufferedWriter, io.BufferedRandom)):
        for file in new:
            if isinstance(file, kind) and id(file) not in standard:
                try:
                    file.flush()
                except (OSError, ValueError):
                    pass


def end(status, known):
    """Ends the process. `known`: how many modules all forks share, __main__ among them."""
    threading = sys.modules.get("threading")
    if threading is not None:
        threading._shutdown()
    atexit._run_exitfuncs()
    good = flush_streams()
    if status or len(sys.modules) > known:
        for name in ("last_type", "last_value", "last_traceback", "last_exc"):
            sys.__dict__.pop(name, None)
    for _ in range(len(sys.modules) - known + 1):  # they stand behind those that all forks share
        sys.modules.popitem()
    new = gc.get_objects()
    if new:
        flush_files(new)
        del new
        gc.collect(2 if gc.get_objects(2) else 1)
        flush_files(gc.get_objects())
    good = good and flush_streams()
    os._exit(status if good else 120)

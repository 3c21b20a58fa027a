# SPDX-License-Identifier: Apache-2.0
"""A template in Python (docs/templates.md): all is loaded, then nothing is done but forking.

become_process() returns in the fork, as a process that was just started; the template itself ends in it.
What an application has to do in each fork it says with os.register_at_fork(), as for any fork.
"""
import gc
import os
import sys

import _remuda


class Nothing:
    """Of a process that is no template: what is said goes nowhere."""

    def step(self, what):
        pass

    warn = watch = watch_closely = unfit = step


def refuse_threads(template):
    threading = sys.modules.get("threading")
    running = [] if threading is None else threading.enumerate()
    others = [thread.name for thread in running if thread is not threading.main_thread()]
    if others:
        template.unfit("threads run, which no fork would have: " + ", ".join(others))
        leave(1)


def become_process(template):
    refuse_threads(template)
    for stream in (sys.stdout, sys.stderr):
        flush(stream)
    gc.collect()
    gc.freeze()  # the collector of a fork leaves alone what it shares with the others
    try:
        template.ready()
    except OSError:
        leave(1)
    if not template.serve():
        leave(0)
    renew_environment()


former = []  # what is not used any more and is not taken apart: that would touch all of it


def renew_environment():
    """os.environ, and so os.environb, are what the process's environment is now."""
    now = _remuda.environment()
    known = getattr(os.environ, "_data", None)
    if isinstance(known, dict):  # the variables themselves are there already
        former.append(known)
        os.environ._data = os.environb._data = now
        # What Python sets at its start, in a locale that knows no UTF-8.
        if b"LC_CTYPE" in known and b"LC_CTYPE" not in now:
            os.environb[b"LC_CTYPE"] = known[b"LC_CTYPE"]
    else:
        os.environ.clear()
        os.environb.update(now)


def flush(stream):
    try:
        stream.flush()
    except (AttributeError, OSError, ValueError):
        pass


def leave(status):
    """Ends the process without taking Python apart, which is dear and does nothing that the kernel does not."""
    os._exit(status)

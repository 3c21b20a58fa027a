# SPDX-License-Identifier: Apache-2.0
"""A template in Python (docs/templates.md): all is loaded, then nothing is done but forking.

become_process() returns in the fork, as a process that was just started; the template itself ends in it.
What an application has to do in each fork it says with os.register_at_fork(), as for any fork.
"""
import gc
import os
import sys
import threading

import _remuda


class Nothing:
    """Of a process that is no template: what is said goes nowhere."""

    def step(self, what):
        pass

    warn = watch = watch_closely = unfit = step


def refuse_threads(template):
    others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if others:
        template.unfit("threads run, which no fork would have: " + ", ".join(others))
        leave(1)


def become_process(template):
    refuse_threads(template)
    gc.collect()
    gc.freeze()  # the collector of a fork leaves alone what it shares with the others
    for stream in (sys.stdout, sys.stderr):
        flush(stream)
    try:
        template.ready()
    except OSError as error:
        leave(1)
    while template.wait():
        try:
            pid = os.fork()
        except OSError as error:
            template.parent(-1, error.errno)
            continue
        if pid == 0:
            break
        template.parent(pid)
    else:
        leave(0)
    try:
        template.child()
    except OSError:
        leave(1)
    renew_environment()


def renew_environment():
    """os.environ, and so os.environb, are what the process's environment is now."""
    now = _remuda.environment()
    known = getattr(os.environ, "_data", None)
    if isinstance(known, dict):  # the variables themselves are there already
        known.clear()
        known.update(now)
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

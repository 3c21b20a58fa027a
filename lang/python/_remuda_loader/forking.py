# SPDX-License-Identifier: Apache-2.0
"""A template in Python (docs/templates.md): all is loaded, then nothing is done but forking.

become_process() returns in the fork, as a process that was just started; the template itself ends in it.
What an application has to do in each fork it says with os.register_at_fork(), as for any fork.
"""
import gc
import os
import sys


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


def make_ready(template):
    """The last that is said before the first fork."""
    refuse_threads(template)
    for stream in (sys.stdout, sys.stderr):
        flush(stream)
    gc.collect()
    gc.freeze()  # the collector of a fork leaves alone what it shares with the others
    try:
        template.ready()
    except OSError:
        leave(1)


def become_process(template):
    make_ready(template)
    if not template.serve():
        leave(0)


def flush(stream):
    try:
        stream.flush()
    except (AttributeError, OSError, ValueError):
        pass


def leave(status):
    """Ends the process without taking Python apart, which is dear and does nothing that the kernel does not."""
    os._exit(status)

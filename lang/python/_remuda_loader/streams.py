# SPDX-License-Identifier: Apache-2.0
"""sys.stdin, sys.stdout and sys.stderr as a new interpreter would make them for what descriptors 0, 1 and 2 are.

The objects stay the same, since modules may hold on to them: they are initialised again. The template does that
for what descriptors are mostly, so that a fork finds them ready: no input, and pipes for the output.
"""
import os
import sys

DEFAULT_SIZE = 8192


def renew(text, name, mode, descriptor):
    buffer = text.buffer
    raw = getattr(buffer, "raw", buffer)  # under -u there is nothing between
    settings = {"encoding": text.encoding, "errors": text.errors, "newline": "\n", "write_through": text.write_through}
    new = type(raw)(descriptor, mode + "b", closefd=False)  # the old one would believe that it can seek, or not
    new.name = name
    if buffer is raw:
        buffer = raw = new
    else:
        raw = new
        size = raw._blksize
        buffer.__init__(raw, size if size > 1 else DEFAULT_SIZE)
    text.__init__(buffer, line_buffering=descriptor == 2 or raw.isatty(), **settings)
    text.mode = mode


STREAMS = ((sys.__stdin__, "<stdin>", "r"), (sys.__stdout__, "<stdout>", "w"), (sys.__stderr__, "<stderr>", "w"))


def renew_all(different):
    """In a fork whose descriptors are others; a byte for each that is."""
    for descriptor, (text, name, mode) in enumerate(STREAMS):
        if text is not None and different >> 8 * descriptor & 0xFF:
            renew(text, name, mode, descriptor)


def prepare():
    """In the template, whose own descriptors stay what they are."""
    reading, writing = os.pipe()
    own = os.dup(1), os.dup(2)
    os.dup2(writing, 1)
    os.dup2(writing, 2)
    renew_all(-1)
    for descriptor, one in enumerate(own, 1):
        os.dup2(one, descriptor)
    for one in (reading, writing, *own):
        os.close(one)

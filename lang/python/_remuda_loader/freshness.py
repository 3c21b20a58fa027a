# SPDX-License-Identifier: Apache-2.0
"""Python takes compiled code for right when its source has the size and the second of modification that it was
compiled from. A template loads again at once when a file is written: it may see a file twice in a second. While it
loads, what was written just now is compiled from its source, and not kept."""
import time

import _frozen_importlib_external as machinery

SETTLED = 2.0  # seconds after which no other state of a file can have the same second
usual = machinery.SourceFileLoader.path_stats


def path_stats(self, path):
    found = usual(self, path)
    if time.time() - found["mtime"] < SETTLED:
        raise OSError("too young for compiled code")
    return found


def begin():
    machinery.SourceFileLoader.path_stats = path_stats


def end():
    machinery.SourceFileLoader.path_stats = usual
